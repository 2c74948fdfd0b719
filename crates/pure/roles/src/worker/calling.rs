//! An actor's making and a call's way out, in order.
//!
//! Owns: what follows when an actor is made, changes or ends. Does not own: the order of calls (`ownership::calls`).

use std::sync::Arc;

use ownership::Reach;
use types::{ActorEnd, ActorId, ActorSpec, Callee, Failure, Payload, Ref, Stored, TaskId, Value};
use wire::to_worker::{ActorState, Dependency};
use wire::{Answer, FromPeer, ToHead};

use super::{Effect, Worker};

/// An actor whose constructor waits for arguments.
#[derive(Debug)]
pub(super) struct Creation {
    actor: ActorId,
    dependencies: Box<[Ref]>,
    missing: u32,
}

/// An actor that is not made yet: what its constructor needs.
#[derive(Debug)]
pub(super) struct Constructing {
    request: u64,
    arguments: Box<[Ref]>,
}

impl Worker {
    /// The user makes an actor. The refs in its arguments live as long as its handle, for it may be made again.
    pub(super) fn create_actor(&mut self, request: u64, spec: Box<ActorSpec>, get_if_exists: bool) {
        let (actor, task) = (spec.id, TaskId::creation(spec.id));
        let dependencies = spec.dependencies.clone();
        let arguments: Box<[Ref]> = dependencies.iter().chain(&spec.nested).copied().collect();
        // The constructor reads them even if the handle goes before.
        arguments.iter().for_each(|argument| self.use_ref(*argument, None));
        self.constructing.insert(actor, Constructing { request, arguments: arguments.clone() });
        self.refs.own(actor.handle(), 1);
        self.keep(
            actor.handle(),
            Stored { value: Value::Inline(Payload::EMPTY), contains: arguments },
            None,
        );
        self.calls.watch(actor);
        self.effects.push(Effect::ToHead(ToHead::CreateActor { request, spec, get_if_exists }));
        let missing = self.await_dependencies(task, &dependencies);
        self.creations.insert(task, Creation { actor, dependencies, missing });
        if missing == 0 {
            self.creation_ready(task);
        }
    }

    /// The head answered a wish for an actor: if it is another one, this one is never made.
    pub(super) fn creation_answered(&mut self, request: u64, answer: &Answer) {
        let asked =
            self.constructing.iter().find(|(_, constructing)| constructing.request == request);
        let Some(actor) = asked.map(|(actor, _)| *actor) else { return };
        if !matches!(answer, Answer::Actor { found: false, .. }) {
            self.constructor_ended_there(actor);
        }
    }

    /// The constructor read its arguments, or never will.
    fn constructor_ended_there(&mut self, actor: ActorId) {
        if let Some(Constructing { arguments, .. }) = self.constructing.remove(&actor) {
            arguments.iter().for_each(|argument| self.drop_use(argument.object));
        }
    }

    /// A value that a constructor waited for is here.
    pub(super) fn creation_argument_came(&mut self, task: TaskId) {
        let Some(creation) = self.creations.get_mut(&task) else {
            return;
        };
        creation.missing -= 1;
        if creation.missing == 0 {
            self.creation_ready(task);
        }
    }

    /// This process hears what becomes of an actor from now on.
    pub(super) fn watch_actor(&mut self, actor: ActorId) {
        if !self.calls.is_known(actor) {
            self.calls.watch(actor);
            self.effects.push(Effect::ToHead(ToHead::WatchActor(actor)));
        }
    }

    /// Sends the calls that may go out now; to a dead actor none can.
    pub(super) fn send_calls(&mut self, actor: ActorId) {
        if let Some(Reach::Dead(failure)) = self.calls.reach(actor) {
            let failure = Arc::clone(failure);
            for task in self.calls.on_change(actor, Reach::Dead(Arc::clone(&failure))) {
                self.fail(task, &failure);
            }
            return;
        }
        if let Some((worker, tasks)) = self.calls.take_sendable(actor) {
            let messages = self.messages(worker, &tasks);
            self.effects.push(Effect::ToPeer(worker, FromPeer::Calls(messages)));
        }
    }

    /// The user ends an actor: for good, it is dead to this process at once, whatever is on its way.
    pub(super) fn kill_actor(&mut self, actor: ActorId, for_good: bool) {
        self.effects.push(Effect::ToHead(ToHead::KillActor { actor, for_good }));
        if for_good && self.calls.is_known(actor) {
            let failure = Arc::new(Failure::ActorDied(actor, ActorEnd::Killed));
            self.actor_changed(actor, ActorState::Dead(failure));
        }
    }

    /// The head says what became of an actor.
    pub(super) fn actor_changed(&mut self, actor: ActorId, state: ActorState) {
        match state {
            ActorState::Pending => {}
            ActorState::Alive { worker, incarnation } => {
                self.constructor_ended_there(actor);
                let unanswered = self.calls.on_change(actor, Reach::Alive { worker, incarnation });
                self.call_again(actor, &unanswered, "it was made again");
                self.send_calls(actor);
            }
            ActorState::Restarting { incarnation: _, reason } => {
                let unanswered = self.calls.on_change(actor, Reach::NotYet);
                self.call_again(actor, &unanswered, &reason);
            }
            ActorState::Dead(failure) => {
                self.constructor_ended_there(actor);
                for task in self.calls.on_change(actor, Reach::Dead(Arc::clone(&failure))) {
                    self.fail(task, &failure);
                }
            }
        }
    }

    /// How many calls of this process to an actor have no answer.
    #[must_use]
    pub fn pending_calls(&self, actor: ActorId) -> usize {
        self.calls.pending(actor)
    }

    /// Calls whose answers will not come: made again as far as their attempts allow.
    fn call_again(&mut self, actor: ActorId, unanswered: &[TaskId], why: &str) {
        let mut again = Vec::new();
        let mut ordered = true;
        for task in unanswered {
            match self.tasks.failed(*task) {
                ownership::Attempt::Again => {
                    let callee = self
                        .tasks
                        .get(*task)
                        .map(|submitted| submitted.spec.template.callee.clone());
                    ordered = matches!(callee, Some(Callee::Method { ordered: true, .. }));
                    again.push(*task);
                }
                ownership::Attempt::NoMore if self.tasks.is_cancelled(*task) => {
                    self.fail(*task, &Arc::new(Failure::Cancelled(*task)));
                }
                ownership::Attempt::NoMore => {
                    let failure = Failure::ActorUnavailable(actor, why.to_owned());
                    self.fail(*task, &Arc::new(failure));
                }
            }
        }
        self.calls.again(actor, &again, ordered);
    }

    fn creation_ready(&mut self, task: TaskId) {
        let Some(Creation { actor, dependencies, .. }) = self.creations.remove(&task) else {
            return;
        };
        if let Some(failure) = self.failed_dependency(&dependencies) {
            self.effects.push(Effect::ToHead(ToHead::ActorHopeless(actor, failure)));
            return;
        }
        let dependencies = dependencies.iter().filter_map(|reference| {
            let stored = self.values.get(reference.object)?.clone();
            Some(Dependency { object: reference.object, stored })
        });
        self.effects.push(Effect::ToHead(ToHead::ActorReady {
            actor,
            dependencies: dependencies.collect(),
        }));
    }
}
