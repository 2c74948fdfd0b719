//! An actor's making and a call's way out, in order.
//!
//! Owns: what follows when an actor is made, changes or ends. Does not own: the order of calls (`ownership::calls`).

use std::sync::Arc;

use ownership::Reach;
use types::{ActorEnd, ActorId, ActorSpec, Failure, Payload, Stored, TaskId, TaskSpec};
use wire::to_worker::ActorState;
use wire::{FromPeer, ToHead};

use super::{Effect, Worker};

impl Worker {
    /// The user makes an actor. The refs in its arguments live as long as its handle, for it may be made again.
    ///
    /// To make it is a task like others, for which the head finds a worker.
    pub(super) fn create_actor(&mut self, request: u64, spec: Box<ActorSpec>, get_if_exists: bool) {
        let (actor, id) = (spec.id, TaskId::creation(spec.id));
        let making = TaskSpec {
            id,
            template: Arc::clone(&spec.template),
            arguments: Payload::EMPTY,
            dependencies: spec.dependencies.clone(),
            nested: spec.nested.clone(),
            parent: id,
        };
        self.refs.own(actor.handle(), 1);
        let contains = making.dependencies.iter().chain(&making.nested).copied().collect();
        let stored = Stored { contains, ..Stored::inline(Payload::EMPTY) };
        self.keep(actor.handle(), stored, None);
        self.calls.watch(actor);
        self.effects.push(Effect::ToHead(ToHead::CreateActor { request, spec, get_if_exists }));
        self.enter(making);
    }

    /// The constructor read its arguments, or never will.
    fn creation_ended(&mut self, actor: ActorId) {
        if let Some(submitted) = self.tasks.end(TaskId::creation(actor)) {
            self.unpin(&submitted.spec);
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
            self.fail_calls(actor, failure);
        } else if let Some((worker, tasks)) =
            self.calls.take_sendable(actor, |task| self.tasks.is_ready(task))
        {
            let tasks = self.messages(worker, &tasks);
            let calls = FromPeer::Tasks { lease: None, tasks };
            self.effects.push(Effect::ToPeer(worker, calls));
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
                self.creation_ended(actor);
                let unanswered = self.calls.on_change(actor, Reach::Alive { worker, incarnation });
                self.call_again(actor, unanswered, "it was made again");
                self.send_calls(actor);
            }
            ActorState::Restarting(reason) => {
                let unanswered = self.calls.on_change(actor, Reach::NotYet);
                self.call_again(actor, unanswered, &reason);
            }
            ActorState::Dead(failure) => {
                self.creation_ended(actor);
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
        unanswered.retain(|task| self.may_try_again(*task, &failure));
        self.calls.again(actor, &unanswered);
    }
}
