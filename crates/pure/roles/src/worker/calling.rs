//! An actor's making and a call's way out, in order.
//!
//! Owns: what follows when an actor is made, changes or ends. Does not own: the order of calls (`ownership::calls`).

use std::sync::Arc;

use ownership::Reach;
use types::{ActorEnd, ActorId, ActorSpec, Failure, Payload, Ref, Stored, TaskId};
use wire::to_worker::ActorState;
use wire::{Answer, FromPeer, ToHead};

use super::submitting::{failed_dependency, with_values};
use super::{Effect, Worker};

/// An actor that is not made yet: what its constructor needs.
#[derive(Debug)]
pub(super) struct Constructing {
    request: u64,
    /// The arguments that are refs, and the refs inside the others.
    dependencies: Box<[Ref]>,
    nested: Box<[Ref]>,
    /// How many of the first have no value yet.
    missing: u32,
}

impl Worker {
    /// The user makes an actor. The refs in its arguments live as long as its handle, for it may be made again.
    pub(super) fn create_actor(&mut self, request: u64, spec: Box<ActorSpec>, get_if_exists: bool) {
        let actor = spec.id;
        let (dependencies, nested) = (spec.dependencies.clone(), spec.nested.clone());
        let contains: Box<[Ref]> = dependencies.iter().chain(&nested).copied().collect();
        // The constructor reads them even if the handle goes before.
        contains.iter().for_each(|argument| self.use_ref(*argument, None));
        self.refs.own(actor.handle(), 1);
        let stored = Stored { contains, ..Stored::inline(Payload::EMPTY) };
        self.keep(actor.handle(), stored, None);
        self.calls.watch(actor);
        self.effects.push(Effect::ToHead(ToHead::CreateActor { request, spec, get_if_exists }));
        // One more than are missing, so that it is ready no sooner than it is known.
        let missing = self.await_dependencies(TaskId::creation(actor), &dependencies) + 1;
        let constructing = Constructing { request, dependencies, nested, missing };
        self.constructing.insert(actor, constructing);
        self.constructor_argument_came(actor);
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
        if let Some(Constructing { dependencies, nested, .. }) = self.constructing.remove(&actor) {
            let arguments = dependencies.iter().chain(&nested);
            arguments.for_each(|argument| self.drop_use(argument.object));
        }
    }

    /// A value that a constructor waited for is here: with the last one the head may have it run.
    pub(super) fn constructor_argument_came(&mut self, actor: ActorId) {
        let Some(constructing) = self.constructing.get_mut(&actor) else {
            return;
        };
        constructing.missing -= 1;
        if constructing.missing > 0 {
            return;
        }
        let dependencies = &constructing.dependencies;
        let ready = match failed_dependency(&self.values, dependencies) {
            Some(failure) => ToHead::ActorHopeless(actor, failure),
            None => {
                let dependencies = with_values(&self.values, dependencies);
                ToHead::ActorReady { actor, dependencies }
            }
        };
        self.effects.push(Effect::ToHead(ready));
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
            self.fail_calls(actor, failure);
        } else if let Some((worker, tasks)) =
            self.calls.take_sendable(actor, |task| self.tasks.is_ready(task))
        {
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
                self.call_again(actor, unanswered, "it was made again");
                self.send_calls(actor);
            }
            ActorState::Restarting { incarnation: _, reason } => {
                let unanswered = self.calls.on_change(actor, Reach::NotYet);
                self.call_again(actor, unanswered, &reason);
            }
            ActorState::Dead(failure) => {
                self.constructor_ended_there(actor);
                self.fail_calls(actor, failure);
            }
        }
    }

    /// The actor is dead, and with it all calls to it.
    fn fail_calls(&mut self, actor: ActorId, failure: Arc<Failure>) {
        for task in self.calls.on_change(actor, Reach::Dead(Arc::clone(&failure))) {
            self.fail(task, &failure);
        }
    }

    /// Calls whose answers will not come: made again as far as their attempts allow.
    fn call_again(&mut self, actor: ActorId, mut unanswered: Vec<TaskId>, why: &str) {
        let failure = Arc::new(Failure::ActorUnavailable(actor, why.to_owned()));
        unanswered.retain(|task| match self.tasks.failed(*task, &failure) {
            None => true,
            Some(failure) => {
                self.fail(*task, &failure);
                false
            }
        });
        self.calls.again(actor, &unanswered);
    }
}
