//! A task's way in: fetch arguments, run, hand over the result.
//!
//! Owns: what follows when a task comes, begins and ends. Does not own: the queues (`inbox`), user code
//! (`_kernel/execute.py`), or the lease it runs on (`scheduler::leases`).

use std::sync::Arc;
use std::time::Duration;

use types::{
    ActorId, ActorSpec, Assignment, Callee, Concurrency, Death, Exit, Failure, LeaseId, Ref,
    Stored, TaskId, Value, WorkerId,
};
use wire::to_worker::{Dependency, Outcome, TaskMessage};
use wire::{FromPeer, ToHead, ToNode};

use super::inbox::{Hosted, Incoming, Running};
use super::{Content, Effect, Execution, Interrupt, Worker};

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
            None => (None, self.inbox.assignment.clone()),
        };
        for message in tasks {
            let Some(template) = self.templates.told_by(owner, message.template) else {
                unreachable!("OWN-15: a template is told before its tasks")
            };
            let execution = Execution {
                task: message.id,
                attempt: message.attempt,
                template,
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
        let hosted = Hosted { actor: spec.id, made: false, retiring: false, ordered };
        self.inbox.host(hosted, groups.into_iter().chain([(String::new(), calls_max)]));
        self.inbox.assignment = assignment.clone();
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

    /// A large argument of a task here can be read.
    pub(super) fn dependency_pinned(&mut self, task: TaskId) {
        let Some(incoming) = self.inbox.waiting(task) else {
            return;
        };
        incoming.missing -= 1;
        self.begin();
    }

    /// A large argument of a task here cannot be had: the task does not run.
    pub(super) fn dependency_failed(&mut self, task: TaskId, failure: &Arc<Failure>) {
        let Some(incoming) = self.inbox.take_waiting(task) else {
            return;
        };
        self.unread_dependencies(&incoming);
        let outcome = Outcome::Failed { failure: Arc::clone(failure), retriable: false };
        self.reply(incoming.execution.owner, task, outcome, Duration::ZERO);
        self.begin();
    }

    /// The user's code ended.
    pub(super) fn finished(&mut self, task: TaskId, outcome: Outcome, ran: Duration) {
        let Some(running) = self.inbox.running(task).filter(|running| running.ended.is_none())
        else {
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
            let contained: Vec<Ref> =
                values.iter().flat_map(|stored| &stored.contains).copied().collect();
            self.hand_over(task, &contained);
        }
        while self.inbox.running(task).is_some_and(|running| running.waits > 0) {
            self.unblocked(task);
        }
        self.inbox.end(task, outcome, ran);
        self.reply_if_open(task);
        self.begin();
        self.leave_if_done();
    }

    /// A running generator yielded.
    pub(super) fn yielded(&mut self, task: TaskId, index: u32, item: Stored) {
        let Some(owner) = self.inbox.owner_of(task) else {
            return;
        };
        self.hand_over(task, &item.contains);
        self.say(owner, FromPeer::Item { task, index, item });
    }

    /// A peer is gone: what it sent is not begun, and what runs for it is interrupted.
    pub(super) fn owner_of_tasks_lost(&mut self, owner: WorkerId) {
        let lost = self.inbox.take_back(usize::MAX, |incoming| {
            incoming.execution.owner == owner
                && !matches!(incoming.execution.template.callee, Callee::Constructor)
        });
        for incoming in &lost {
            self.unread_dependencies(incoming);
        }
        // Constructors belong to the head.
        let theirs = |running: &Running| {
            running.owner == owner && !matches!(running.template.callee, Callee::Constructor)
        };
        for task in self.inbox.running_that(theirs) {
            self.interrupt(task, Interrupt::Cancelled);
        }
        self.settlements.retain(|_, settlement| settlement.executor != owner);
    }

    /// The actor's last handle went.
    pub(super) fn retire(&mut self) {
        if let Some(hosted) = &mut self.inbox.actor {
            hosted.retiring = true;
        }
        self.leave_if_done();
    }

    /// The actor leaves by itself, after the calls that run.
    pub(super) fn leave(&mut self) {
        if let Some(hosted) = &self.inbox.actor {
            self.effects.push(Effect::ToHead(ToHead::ActorLeaves(hosted.actor)));
        }
        self.inbox.leaving = true;
        self.leave_if_done();
    }

    /// The node has one idle worker too many: this one ends, unless others need what it owns.
    pub(super) fn spared(&mut self) {
        if self.inbox.is_idle() && self.is_unneeded() {
            self.exit("it was idle");
        } else {
            self.stays = true;
            self.effects.push(Effect::ToNode(ToNode::Staying));
        }
    }

    /// Ends this process for the sake of one task, whose owner hears of it first.
    pub(super) fn end_by_force(&mut self, task: TaskId, outcome: Outcome, reason: &str) {
        self.hand_back(usize::MAX, None);
        if let Some(running) = self.inbox.forget(task) {
            self.reply(running.owner, task, outcome, self.now.since(running.began));
        }
        self.end_others(reason);
        self.exit(reason);
    }

    /// What runs beside a task for whose sake this process ends.
    fn end_others(&mut self, reason: &str) {
        let me = self.me;
        for task in self.inbox.running_that(|other| other.lease.is_some() && other.owner != me) {
            let Some(running) = self.inbox.forget(task) else { continue };
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
        if let Some(actor) = self.inbox.constructor_of(task) {
            self.constructor_ended(actor, outcome);
            return;
        }
        self.say(owner, FromPeer::Done { task, outcome, ran });
    }

    /// A borrow that a reply waited for is confirmed.
    pub(super) fn reply_gate_opened(&mut self, task: TaskId) {
        if let Some(running) = self.inbox.running(task) {
            running.gates -= 1;
        }
        self.reply_if_open(task);
        self.leave_if_done();
    }

    /// A task that will not run here reads its large arguments no more.
    pub(super) fn unread_dependencies(&mut self, incoming: &Incoming) {
        for dependency in &incoming.dependencies {
            if matches!(dependency.stored.value, Value::Shared { .. }) {
                self.unread_by_task(dependency.object, incoming.execution.task);
            }
        }
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
        let mut missing = 0;
        for dependency in &dependencies {
            if matches!(dependency.stored.value, Value::Shared { .. }) {
                let ready = self.pin(dependency.object, Some(execution.task)).is_some();
                missing += u32::from(!ready);
            }
        }
        let execution = Box::new(execution);
        self.inbox.push(Incoming { lease, dependencies, missing, execution });
    }

    /// Begins what may begin.
    pub(super) fn begin(&mut self) {
        while let Some(Incoming { lease, dependencies, mut execution, .. }) = self.inbox.next() {
            let content = |dependency: Dependency| match dependency.stored.value {
                Value::Inline(payload) => (dependency.object, Content::Inline(payload)),
                Value::Failed(failure) => (dependency.object, Content::Failed(failure)),
                Value::Shared { .. } => {
                    let mapped = self.mapped(dependency.object);
                    let mapped = mapped.expect("OWN-16: a task begins with its arguments pinned");
                    (dependency.object, mapped)
                }
            };
            execution.dependencies = dependencies.into_iter().map(content).collect();
            self.inbox.begin(&execution, lease, self.now);
            self.effects.push(Effect::Run(execution));
        }
    }

    fn reply_if_open(&mut self, task: TaskId) {
        let open = self
            .inbox
            .running(task)
            .is_some_and(|running| running.gates == 0 && running.ended.is_some());
        if !open {
            return;
        }
        let Some(Running { owner, ended: Some((outcome, ran)), .. }) = self.inbox.forget(task)
        else {
            return;
        };
        self.reply(owner, task, outcome, ran);
    }

    /// Refs inside a result are kept here until the receiver has registered them.
    fn hand_over(&mut self, task: TaskId, contained: &[Ref]) {
        let Some(receiver) = self.inbox.owner_of(task).filter(|owner| *owner != self.me) else {
            return;
        };
        for reference in contained {
            if !self.refs.is_known(reference.object) {
                continue;
            }
            let held = self.refs.hold(*reference, self.me);
            assert_eq!(
                held,
                ownership::Held::Known,
                "OWN-17: a result holds refs that are held here"
            );
            let (_, objects) =
                self.handed_over.entry(task).or_insert_with(|| (receiver, Vec::new()));
            objects.push(reference.object);
        }
    }

    fn constructor_ended(&mut self, actor: ActorId, outcome: Outcome) {
        match outcome {
            Outcome::Failed { failure, .. } => {
                self.effects.push(Effect::ToHead(ToHead::ActorNotMade(actor, failure)));
                self.inbox.leaving = true;
            }
            Outcome::Returned(_) | Outcome::Streamed(_) => {
                if let Some(hosted) = &mut self.inbox.actor {
                    hosted.made = true;
                }
                self.effects.push(Effect::ToHead(ToHead::ActorMade(actor)));
            }
        }
    }

    fn leave_if_done(&mut self) {
        let retired =
            self.inbox.actor.as_ref().is_some_and(|hosted| hosted.retiring && hosted.made);
        if retired && self.inbox.is_idle() {
            self.exit("its last handle went");
        } else if self.inbox.leaving && self.inbox.runs_nothing() {
            self.hand_back(usize::MAX, None);
            if self.inbox.actor.is_some() {
                self.exit("it left by itself");
            } else {
                self.leave_when_unneeded();
            }
        }
    }

    /// A worker that made its last call gets no more work, and stays as long as others need what it owns.
    fn leave_when_unneeded(&mut self) {
        if !self.announced {
            self.announced = true;
            let reason = LAST_CALL.to_owned();
            self.effects.push(Effect::ToNode(ToNode::Leaving { reason }));
            if !self.is_unneeded() {
                self.effects.push(Effect::ToNode(ToNode::Staying));
            }
        }
    }

    /// What every event ends with: a worker that only stayed for others ends, or says so, when nobody needs it any more.
    pub(super) fn end_if_unneeded(&mut self) {
        if !(self.announced || self.stays) || !self.inbox.is_idle() || !self.is_unneeded() {
            return;
        }
        if std::mem::take(&mut self.stays) {
            self.effects.push(Effect::ToNode(ToNode::Unneeded));
        }
        if std::mem::take(&mut self.announced) {
            self.give_back_leases(Duration::ZERO);
            self.effects.push(Effect::Exit(LAST_CALL.to_owned()));
        }
    }

    /// Whether this process owns nothing, borrows nothing and awaits nothing.
    fn is_unneeded(&self) -> bool {
        self.tasks.is_empty() && self.refs.is_empty() && self.handed_over.is_empty()
    }

    fn exit(&mut self, reason: &str) {
        self.inbox.leaving = true;
        self.give_back_leases(Duration::ZERO);
        self.effects.push(Effect::ToNode(ToNode::Leaving { reason: reason.to_owned() }));
        self.effects.push(Effect::Exit(reason.to_owned()));
    }
}
