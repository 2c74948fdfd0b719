//! A task's way out: wait for arguments, get a lease, send, hear back.
//!
//! Owns: what follows from each of these. Does not own: queues and leases (`ownership::dispatch`), attempts
//! (`ownership::tasks`), the order of calls (`ownership::calls`).

use std::sync::Arc;
use std::time::Duration;

use ownership::{Progress, Submitted, Values};
use types::{
    Assignment, Callee, Failure, LeaseId, ObjectId, Ref, Returns, Stored, TaskId, TaskSpec, Value,
    WorkerId,
};
use wire::to_worker::{Dependency, Outcome, TaskMessage};
use wire::{FromPeer, ToHead, ToNode};

use super::{Effect, Worker};

impl Worker {
    /// The user submits a task or a call.
    pub(super) fn submit(&mut self, mut spec: TaskSpec) {
        let task = spec.id;
        for object in outputs(&spec) {
            self.refs.own(object, 1);
        }
        if spec.template.returns == Returns::Stream {
            self.streams.open(task);
        }
        self.hold_actor(&mut spec);
        if let Callee::Method { ordered, .. } = spec.template.callee {
            let actor = task.actor().expect("OWN-12: a method is called on an actor");
            self.watch_actor(actor);
            self.calls.call(actor, task, ordered);
        }
        self.enter(spec);
    }

    /// A task of this process waits for its arguments from now on.
    pub(super) fn enter(&mut self, spec: TaskSpec) {
        let (task, mut missing) = (spec.id, 0);
        for reference in spec.dependencies.iter().chain(&spec.nested) {
            self.use_ref(*reference, None);
        }
        for dependency in &spec.dependencies {
            let here = self.await_value(dependency.object, |awaiters| awaiters.tasks.push(task));
            missing += u32::from(here.is_none());
        }
        self.tasks.submit(spec, missing);
        if missing == 0 {
            self.ready(task);
        }
    }

    /// All arguments of a task have values: it fails with the first that failed, or goes out.
    pub(super) fn ready(&mut self, task: TaskId) {
        let Some(Submitted { spec, .. }) = self.tasks.get(task) else {
            return;
        };
        let template = Arc::clone(&spec.template);
        if let Some(failure) = failed_dependency(&self.values, &spec.dependencies) {
            if let (Callee::Constructor, Some(actor)) = (&template.callee, task.actor()) {
                let hopeless = ToHead::ActorHopeless(actor, Arc::clone(&failure));
                self.effects.push(Effect::ToHead(hopeless));
            }
            self.fail(task, &failure);
            return;
        }
        match (&template.callee, task.actor()) {
            (Callee::Constructor, Some(actor)) => {
                let dependencies = with_values(&self.values, &spec.dependencies);
                self.effects.push(Effect::ToHead(ToHead::ActorReady { actor, dependencies }));
                self.tasks.sent(task);
            }
            (_, Some(actor)) => self.send_calls(actor),
            (_, None) => {
                let line = self.dispatch.line(&template.shape);
                let alone = template.retries.max == Some(0);
                self.dispatch.enqueue(line, task, template.function, alone);
                self.pump(line);
            }
        }
    }

    /// Sends what can be sent of one shape, and tells the node how many more workers would help.
    pub(super) fn pump(&mut self, line: u32) {
        loop {
            let ready = |task| self.tasks.is_ready(task);
            let Some(burst) = self.dispatch.next_burst(line, ready) else {
                break;
            };
            let messages = self.messages(burst.worker, &burst.tasks);
            let lease = Some((burst.lease, burst.assignment));
            self.say(burst.worker, FromPeer::Tasks { lease, tasks: messages });
        }
        if let Some(demand) = self.dispatch.demand(line) {
            let ownership::Demand { spec, count, granted } = demand;
            self.effects.push(Effect::ToNode(ToNode::Want { shape: line, spec, count, granted }));
        }
        if let Some((worker, lease, count)) = self.dispatch.recall(line) {
            self.say(worker, FromPeer::Recall { lease, count });
        }
    }

    /// Tasks as messages to `worker`, after the templates it has not been told.
    pub(super) fn messages(&mut self, worker: WorkerId, tasks: &[TaskId]) -> Vec<TaskMessage> {
        let mut messages = Vec::with_capacity(tasks.len());
        let (mut news, mut told) = (Vec::new(), None);
        for task in tasks {
            let Some(Submitted { spec, attempt, .. }) = self.tasks.sent(*task) else {
                continue;
            };
            messages.push(TaskMessage {
                id: spec.id,
                attempt: *attempt,
                template: spec.template.id,
                arguments: spec.arguments.clone(),
                dependencies: with_values(&self.values, &spec.dependencies),
            });
            if told.replace(spec.template.id) != Some(spec.template.id) {
                self.templates.tell(worker, &spec.template, &mut news);
            }
        }
        if !news.is_empty() {
            self.say(worker, FromPeer::Templates(news));
        }
        messages
    }

    /// A worker was granted.
    pub(super) fn leased(
        &mut self,
        line: u32,
        lease: LeaseId,
        worker: WorkerId,
        assignment: Assignment,
    ) {
        self.dispatch.granted(self.now, line, lease, worker, assignment);
        self.pump(line);
    }

    /// No worker can ever run tasks of a shape.
    pub(super) fn refused(&mut self, line: u32, failure: &Arc<Failure>) {
        for task in self.dispatch.refused(line) {
            self.fail(task, failure);
        }
    }

    /// Gives back leases that are not needed, or have no work for so long.
    pub(super) fn give_back_leases(&mut self, linger: Duration) {
        for lease in self.dispatch.give_back(self.now, linger) {
            self.effects.push(Effect::ToNode(ToNode::Release(lease)));
        }
    }

    /// A worker gave tasks back that it had not begun.
    pub(super) fn tasks_came_back(&mut self, lease: LeaseId, tasks: &[TaskId]) {
        let Some(line) = self.dispatch.came_back(lease, tasks) else {
            return;
        };
        for task in tasks {
            self.task_came_back(*task);
        }
        self.give_back_leases(self.linger);
        self.pump(line);
    }

    /// A task had not begun where it was sent to: whether it is to be sent again.
    pub(super) fn task_came_back(&mut self, task: TaskId) -> bool {
        if self.tasks.get(task).is_some_and(|submitted| submitted.cancelled) {
            self.fail(task, &Arc::new(Failure::Cancelled(task)));
        }
        self.tasks.came_back(task)
    }

    /// A worker or actor ended a task.
    pub(super) fn task_done(
        &mut self,
        from: WorkerId,
        task: TaskId,
        outcome: Outcome,
        ran: Duration,
    ) {
        let line = self.dispatch.done(self.now, from, task, ran);
        if let Some(actor) = task.actor() {
            self.calls.end(actor, task);
        }
        match outcome {
            Outcome::Returned(values) => self.returned(from, task, values),
            Outcome::Streamed(total) => self.streamed(from, task, total),
            Outcome::Failed { failure, retriable } => {
                self.settle(from, task);
                if retriable {
                    self.attempt_failed(task, &failure);
                } else {
                    self.fail(task, &failure);
                }
            }
        }
        if let Some(line) = line {
            self.give_back_leases(self.linger);
            self.pump(line);
        }
    }

    /// An attempt failed in a way that another one may mend.
    pub(super) fn attempt_failed(&mut self, task: TaskId, failure: &Arc<Failure>) {
        if self.may_try_again(task, failure) {
            self.again(task);
        }
    }

    /// Whether another attempt follows one that failed so. If not, the task fails.
    pub(super) fn may_try_again(&mut self, task: TaskId, failure: &Arc<Failure>) -> bool {
        if let Some(failure) = self.tasks.failed(task, failure) {
            self.fail(task, &failure);
            return false;
        }
        if let Some(Submitted { spec, attempt, .. }) = self.tasks.get(task) {
            self.failures.note(spec, attempt - 1, failure);
        }
        true
    }

    /// The task ends here: all it would have made fails likewise.
    pub(super) fn fail(&mut self, task: TaskId, failure: &Arc<Failure>) {
        let Some(submitted) = self.tasks.end(task) else {
            return;
        };
        self.failures.note(&submitted.spec, submitted.attempt, failure);
        let failed = Stored::failed(Arc::clone(failure));
        // A large value may be written although the task as a whole failed.
        let may_be_written = submitted.attempt > 0 || submitted.progress == Progress::Sent;
        if submitted.spec.template.returns == Returns::Stream {
            self.end_stream(task, self.streams.arrived_count(task), Some(failed.clone()));
        }
        for object in outputs(&submitted.spec) {
            self.keep(object, failed.clone(), None);
            self.freed.extend(may_be_written.then_some(object));
        }
        self.unpin(&submitted.spec);
        // Calls that waited behind it may go out.
        if let Some(actor) = task.actor() {
            self.calls.end(actor, task);
            self.send_calls(actor);
        }
    }

    /// The refs inside these values are to be registered before `executor` may let go of them.
    pub(super) fn await_settlement(&mut self, task: TaskId, executor: WorkerId, stored: &Stored) {
        if executor != self.me && !stored.contains.is_empty() {
            self.postponed.entry((executor, task)).or_default();
        }
    }

    /// The process that a task was sent to.
    pub(super) fn executor_of(&self, task: TaskId) -> Option<WorkerId> {
        match task.actor() {
            Some(actor) => match self.calls.reach(actor)? {
                ownership::Reach::Alive { worker, .. } => Some(*worker),
                ownership::Reach::NotYet | ownership::Reach::Dead(_) => None,
            },
            None => self.dispatch.worker_of(task),
        }
    }

    /// Puts a task that is to run again on its way.
    pub(super) fn again(&mut self, task: TaskId) {
        let Some(submitted) = self.tasks.get(task) else {
            return;
        };
        match (&submitted.spec.template.callee, task.actor()) {
            (Callee::Method { .. }, Some(actor)) => {
                self.calls.again(actor, &[task]);
                self.send_calls(actor);
            }
            (_, _) => self.ready(task),
        }
    }

    fn returned(&mut self, from: WorkerId, task: TaskId, values: Vec<Stored>) {
        for stored in &values {
            self.await_settlement(task, from, stored);
        }
        let submitted = self.tasks.end(task);
        for (position, stored) in values.into_iter().enumerate() {
            self.keep(task.output(position as u32 + 1), stored, Some((task, from)));
        }
        self.settle(from, task);
        if let Some(submitted) = submitted {
            self.unpin(&submitted.spec);
        }
    }

    fn streamed(&mut self, from: WorkerId, task: TaskId, total: u32) {
        if self.streams.arrived_count(task) > total {
            self.settle(from, task);
            self.fail(task, &Arc::new(Failure::StreamChanged(task)));
            return;
        }
        self.end_stream(task, total, None);
        self.returned(from, task, vec![Stored::inline(types::Payload::from(&[0_u8][..]))]);
    }

    /// A task needs its arguments no longer.
    pub(super) fn unpin(&mut self, spec: &TaskSpec) {
        for reference in spec.dependencies.iter().chain(&spec.nested) {
            self.drop_use(reference.object);
        }
    }

    /// A call keeps the actor alive, if this process keeps it alive at all.
    fn hold_actor(&self, spec: &mut TaskSpec) {
        let Some(actor) = spec.id.actor() else { return };
        if self.refs.is_known(actor.handle()) {
            let handle = Ref { object: actor.handle(), owner: actor.creator() };
            spec.nested = spec.nested.iter().copied().chain([handle]).collect();
        }
    }
}

/// These objects with their values, which are here.
fn with_values(values: &Values, dependencies: &[Ref]) -> Vec<Dependency> {
    let dependency = |reference: &Ref| {
        let stored = values.get(reference.object)?.clone();
        Some(Dependency { object: reference.object, stored })
    };
    dependencies.iter().filter_map(dependency).collect()
}

/// The failure of the first of these values that failed.
fn failed_dependency(values: &Values, dependencies: &[Ref]) -> Option<Arc<Failure>> {
    dependencies.iter().find_map(|dependency| match &values.get(dependency.object)?.value {
        Value::Failed(failure) => Some(Arc::clone(failure)),
        Value::Inline(_) | Value::Shared { .. } => None,
    })
}

/// The objects that exist as soon as the task is submitted.
fn outputs(spec: &TaskSpec) -> impl Iterator<Item = ObjectId> + use<> {
    let count = match spec.template.returns {
        Returns::Count(count) => count,
        Returns::Stream | Returns::Dynamic => 1,
    };
    let task = spec.id;
    (1..=count).map(move |index| task.output(index))
}
