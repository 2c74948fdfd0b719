//! A task's way in: fetch arguments, run, hand over the result.
//!
//! Owns: what follows when a task comes, begins and ends. Does not own: the queues (`inbox`), user code
//! (`_kernel/execute.py`), or the lease it runs on (`scheduler::leases`).

use std::sync::Arc;
use std::time::Duration;

use types::{
    ActorSpec, Assignment, Callee, Concurrency, Death, Exit, Failure, LeaseId, Ref, Stored, TaskId,
    Value, WorkerId,
};
use wire::to_worker::{Dependency, Outcome, TaskMessage};
use wire::{FromPeer, ToHead, ToNode};

use super::inbox::{Hosted, Incoming, Leaving, Running};
use super::reading::Pin;
use super::{Content, Effect, Execution, Interrupt, Worker};

/// Why an actor ends that nobody ended.
const BY_ITSELF: &str = "it left by itself";
/// Why a worker with `max_calls` ends.
const LAST_CALL: &str = "it made as many calls as max_calls allows";

impl Worker {
    /// An owner sent tasks on its lease, or a caller calls to the actor here.
    pub(super) fn tasks_came(
        &mut self,
        owner: WorkerId,
        lease: Option<(LeaseId, Assignment)>,
        tasks: Vec<TaskMessage>,
    ) {
        let (lease, assignment) = match lease {
            Some((lease, _)) if !self.inbox.takes(lease) => {
                let tasks = tasks.into_iter().map(|task| task.id).collect();
                self.say(owner, FromPeer::HandedBack { lease, tasks });
                return;
            }
            Some((lease, assignment)) => (Some(lease), assignment),
            None => (None, self.inbox.assignment()),
        };
        for message in tasks {
            let execution = Execution {
                task: message.id,
                attempt: message.attempt,
                template: self.templates.told_by(owner, message.template),
                arguments: message.arguments,
                dependencies: Vec::new(),
                assignment: assignment.clone(),
                owner,
                actor: None,
            };
            self.receive(lease, message.dependencies, execution);
        }
        self.begin();
    }

    /// The node asks for an actor to be made here.
    pub(super) fn start_actor(
        &mut self,
        spec: Box<ActorSpec>,
        dependencies: Vec<Dependency>,
        incarnation: u32,
        assignment: Assignment,
    ) {
        let Concurrency { ordered, calls_max, groups, asynchronous: _ } = spec.concurrency.clone();
        let (actor, held) = (spec.id, assignment.clone());
        let hosted = Hosted { actor, assignment: held, retiring: false, ordered };
        self.inbox.host(hosted, groups.into_iter().chain([(String::new(), calls_max)]));
        let execution = Execution {
            task: TaskId::creation(spec.id),
            attempt: incarnation,
            template: Arc::clone(&spec.template),
            arguments: spec.arguments.clone(),
            dependencies: Vec::new(),
            assignment,
            owner: spec.creator,
            actor: Some(spec),
        };
        self.receive(None, dependencies, execution);
        self.begin();
    }

    /// The user's code ended.
    pub(super) fn finished(&mut self, task: TaskId, outcome: Outcome, ran: Duration) {
        while self.inbox.running(task).is_some_and(|running| running.waits > 0) {
            self.unblocked(task);
        }
        let Some(running) = self.inbox.end(task) else {
            return;
        };
        let outcome = match (outcome, running.interrupted) {
            (Outcome::Failed { .. }, Some((why, _))) => {
                let failure = Arc::new(why.failure(task, &running.template));
                Outcome::Failed { failure, retriable: why == Interrupt::TimedOut }
            }
            (outcome, _) => outcome,
        };
        if let Outcome::Returned(values) = &outcome {
            values.iter().for_each(|stored| self.hand_over(running.owner, task, &stored.contains));
        }
        self.reply(running.owner, task, outcome, ran);
        if self.inbox.made_last_call(&running.template) {
            self.leave_after(LAST_CALL, true);
        }
        self.begin();
    }

    /// A running generator yielded.
    pub(super) fn yielded(&mut self, task: TaskId, index: u32, item: Stored) {
        let Some(owner) = self.inbox.owner_of(task) else {
            return;
        };
        self.hand_over(owner, task, &item.contains);
        self.say(owner, FromPeer::Item { task, index, item });
    }

    /// A peer is gone: what it sent is not begun, and what runs for it is interrupted.
    pub(super) fn owner_of_tasks_lost(&mut self, owner: WorkerId) {
        // Constructors belong to the head.
        self.take_back(usize::MAX, |incoming| {
            incoming.execution.owner == owner && incoming.execution.actor.is_none()
        });
        let theirs = |running: &Running| {
            running.owner == owner && running.template.callee != Callee::Constructor
        };
        for task in self.inbox.running_that(theirs) {
            self.interrupt(task, Interrupt::Cancelled);
        }
        self.postponed
            .retain(|(peer, task), _| *peer != owner || self.inbox.constructor_of(*task).is_some());
    }

    /// The actor's last handle went.
    pub(super) fn retire(&mut self) {
        if let Some(hosted) = &mut self.inbox.actor {
            hosted.retiring = true;
        }
    }

    /// The actor leaves by itself, after the calls that run.
    pub(super) fn leave(&mut self) {
        if let Some(hosted) = &self.inbox.actor {
            self.effects.push(Effect::ToHead(ToHead::ActorLeaves(hosted.actor)));
        }
        self.leave_after(BY_ITSELF, false);
    }

    /// The node has one idle worker too many: this one ends, unless others need what it owns.
    pub(super) fn spared(&mut self) {
        if self.inbox.is_idle() && self.is_unneeded() {
            self.leave_after("it was idle", false);
        } else {
            self.stays = true;
            self.effects.push(Effect::ToNode(ToNode::Staying));
        }
    }

    /// Ends this process for the sake of one task, whose owner hears of it first.
    pub(super) fn end_by_force(&mut self, task: TaskId, outcome: Outcome, reason: &'static str) {
        self.hand_back(usize::MAX, None);
        // What this process borrowed ends with it.
        let postponed = std::mem::take(&mut self.postponed);
        self.effects.extend(postponed.into_values().filter_map(|postponed| postponed.word));
        if let Some(running) = self.inbox.forget(task) {
            self.reply(running.owner, task, outcome, self.now.since(running.began));
        }
        self.end_others(reason);
        self.leave_after(reason, false);
    }

    /// What runs beside a task for whose sake this process ends.
    fn end_others(&mut self, reason: &str) {
        let me = self.me;
        for task in self.inbox.running_that(|_| true) {
            let Some(running) = self.inbox.forget(task) else { continue };
            if running.lease.is_none() || running.owner == me {
                continue;
            }
            let death = Death {
                worker: me,
                pid: 0,
                exit: Exit::Code(0),
                reason: reason.to_owned(),
                peak_memory_bytes: 0,
                last_lines: Vec::new(),
            };
            let named = running.template.name.clone();
            let failure = Arc::new(Failure::WorkerCrashed { task: named, death });
            let outcome = Outcome::Failed { failure, retriable: true };
            self.reply(running.owner, task, outcome, self.now.since(running.began));
        }
    }

    /// Says how a task ended, to its owner.
    pub(super) fn reply(&mut self, owner: WorkerId, task: TaskId, outcome: Outcome, ran: Duration) {
        let word = match (self.inbox.constructor_of(task), outcome) {
            (None, outcome) if owner == self.me => {
                return self.task_done(owner, task, outcome, ran);
            }
            (None, outcome) => Effect::ToPeer(owner, FromPeer::Done { task, outcome, ran }),
            (Some(actor), Outcome::Failed { failure, .. }) => {
                self.leave_after(BY_ITSELF, false);
                Effect::ToHead(ToHead::ActorNotMade(actor, failure))
            }
            (Some(actor), Outcome::Returned(_) | Outcome::Streamed(_)) => {
                Effect::ToHead(ToHead::ActorMade(actor))
            }
        };
        self.say_once_confirmed(owner, task, word);
    }

    /// A task that had not begun here ends so.
    pub(super) fn refuse(&mut self, incoming: &Incoming, outcome: Outcome) {
        let Execution { owner, task, .. } = *incoming.execution;
        self.reply(owner, task, outcome, Duration::ZERO);
    }

    /// Takes tasks that have not begun, as [`super::inbox::Inbox::take_back`] does: they read their large arguments no more.
    pub(super) fn take_back(
        &mut self,
        count: usize,
        gives: impl Fn(&Incoming) -> bool,
    ) -> Vec<Incoming> {
        let taken = self.inbox.take_back(count, gives);
        for object in taken.iter().flat_map(Incoming::large) {
            self.unread(object);
        }
        taken
    }

    /// The node daemon is gone: nothing can go on.
    pub(super) fn node_lost(&mut self, reason: &str) {
        let failure = Arc::new(Failure::LocalNodeDied(reason.to_owned()));
        for task in self.tasks.all() {
            self.fail(task, &failure);
        }
    }

    /// Queues a task and pins its large arguments.
    fn receive(
        &mut self,
        lease: Option<LeaseId>,
        dependencies: Vec<Dependency>,
        execution: Execution,
    ) {
        let incoming = Incoming { lease, dependencies, execution: Box::new(execution) };
        for object in incoming.large() {
            self.pin(object, false);
        }
        self.inbox.push(incoming);
    }

    /// Begins what may begin.
    pub(super) fn begin(&mut self) {
        while let Some(next) = self.inbox.next(&self.pins) {
            let Incoming { lease, dependencies, mut execution } = next;
            let content = |dependency: Dependency| match dependency.stored.value {
                Value::Inline(payload) => (dependency.object, Content::Inline(payload)),
                Value::Failed(failure) => (dependency.object, Content::Failed(failure)),
                Value::Shared { .. } => {
                    let mapped = self.pins.get(&dependency.object).and_then(Pin::content);
                    let mapped = mapped.expect("OWN-16: a task begins with its arguments pinned");
                    (dependency.object, mapped)
                }
            };
            execution.dependencies = dependencies.into_iter().map(content).collect();
            self.inbox.begin(&execution, lease, self.now);
            self.effects.push(Effect::Run(execution));
        }
    }

    /// Refs inside a result are kept here until the receiver has registered them.
    fn hand_over(&mut self, receiver: WorkerId, task: TaskId, contained: &[Ref]) {
        for reference in contained {
            if receiver != self.me && self.refs.hold_known(reference.object) {
                self.handed_over.entry((receiver, task)).or_default().push(reference.object);
            }
        }
    }

    /// This process begins nothing more and ends after what runs, or as soon as others do not need it either.
    fn leave_after(&mut self, reason: &'static str, stays_for_others: bool) {
        let leaving = Leaving { reason, stays_for_others };
        if self.inbox.leaving.replace(leaving).is_none() {
            // To the node the work that came since then meant that this process no longer merely stays.
            self.stays = false;
            self.effects.push(Effect::ToNode(ToNode::Leaving { reason: reason.to_owned() }));
        }
    }

    /// What every event ends with: a process that is to end does so when it may, and one that only stays for others
    /// says so, and when nobody needs it any more.
    pub(super) fn end_if_due(&mut self) {
        let retiring = self.inbox.actor.as_ref().is_some_and(|hosted| hosted.retiring);
        if !retiring && !self.stays && self.inbox.leaving.is_none()
            || self.postponed.values().any(|postponed| postponed.word.is_some())
        {
            return;
        }
        if retiring && self.inbox.is_idle() {
            self.leave_after("its last handle went", false);
        }
        match self.inbox.leaving {
            Some(Leaving { reason, stays_for_others }) if self.inbox.runs_nothing() => {
                self.hand_back(usize::MAX, None);
                if !stays_for_others || self.is_unneeded() {
                    self.give_back_leases(Duration::ZERO);
                    self.effects.push(Effect::Exit(reason.to_owned()));
                } else if !std::mem::replace(&mut self.stays, true) {
                    self.effects.push(Effect::ToNode(ToNode::Staying));
                }
            }
            None if self.inbox.is_idle() && self.is_unneeded() => {
                self.stays = false;
                self.effects.push(Effect::ToNode(ToNode::Unneeded));
            }
            Some(_) | None => {}
        }
    }

    /// Whether this process owns nothing, borrows nothing and awaits nothing.
    fn is_unneeded(&self) -> bool {
        self.tasks.is_empty() && self.refs.is_empty() && self.postponed.is_empty()
    }
}
