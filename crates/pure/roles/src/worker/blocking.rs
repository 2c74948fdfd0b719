//! A worker that waits, is stuck or out of time: gives work back, helps itself, or ends.
//!
//! Owns: who gets back what has not begun, and what a blocked process runs itself.
//! Does not own: the queues (`inbox`), or how a thread is interrupted (`runtime`).

use std::sync::Arc;

use ownership::Progress;
use types::limits::INTERRUPT_GRACE;
use types::{Callee, Failure, Strategy, TaskId, Value, WorkerId};
use wire::to_worker::{Dependency, Outcome};
use wire::{FromPeer, ToNode};

use super::inbox::Incoming;
use super::{Effect, Effects, Interrupt, Worker};

impl Worker {
    /// A thread that runs a task begins to wait: its CPUs are lent, and what has not begun goes back.
    pub(super) fn blocked(&mut self, effects: &mut Effects) {
        self.inbox.blocked_threads += 1;
        if self.inbox.blocked_threads == 1 {
            effects.push(Effect::ToNode(ToNode::Blocked));
            if self.inbox.actor.is_none() {
                self.hand_back(usize::MAX, None, effects);
            }
        }
        self.help(effects);
    }

    /// It goes on.
    pub(super) fn unblocked(&mut self, effects: &mut Effects) {
        let threads = &mut self.inbox.blocked_threads;
        *threads = threads.checked_sub(1).expect("OWN-14: a thread waits before it goes on");
        if *threads == 0 {
            self.inbox.capped = false;
            effects.push(Effect::ToNode(ToNode::Unblocked));
        }
    }

    /// The node may, or may not, start further processes for what a blocked worker waits for.
    pub(super) fn capped(&mut self, capped: bool, effects: &mut Effects) {
        self.inbox.capped = capped && self.inbox.blocked_threads > 0;
        self.help(effects);
    }

    /// An owner wants tasks back for an idle worker.
    pub(super) fn recalled(&mut self, owner: WorkerId, count: u32, effects: &mut Effects) {
        self.hand_back(count as usize, Some(owner), effects);
    }

    /// What has become due: tasks that ran too long, and those stuck behind a long one.
    pub(super) fn executing_on_time(&mut self, effects: &mut Effects) {
        for task in self.inbox.due(self.now) {
            self.task_on_time(task, effects);
        }
    }

    /// A blocked process that may have no helpers runs a task of its own queue itself.
    pub(super) fn help(&mut self, effects: &mut Effects) {
        if !self.inbox.capped || self.inbox.blocked_threads == 0 {
            return;
        }
        let held = &self.inbox.assignment.resources;
        let tasks = &self.tasks;
        let taken = self.dispatch.take(
            |shape| held.fits(&shape.resources) && shape.strategy == Strategy::Pack,
            |task| tasks.get(task).is_some_and(|submitted| submitted.progress == Progress::Ready),
        );
        let Some(task) = taken else { return };
        let Some(submitted) = self.tasks.sent(task) else {
            return;
        };
        let (template, arguments) =
            (Arc::clone(&submitted.spec.template), submitted.spec.arguments.clone());
        let attempt = submitted.attempt;
        let references = submitted.spec.dependencies.clone();
        let dependencies = references.iter().filter_map(|reference| {
            let stored = self.values.get(reference.object)?.clone();
            Some(Dependency { object: reference.object, stored })
        });
        let incoming = Incoming {
            owner: self.me,
            task,
            attempt,
            template,
            arguments,
            dependencies: dependencies.collect(),
            missing: 0,
            helps: true,
        };
        self.inbox.capped = false;
        let unpinned = incoming.dependencies.iter().any(|dependency| {
            matches!(dependency.stored.value, Value::Shared { .. })
                && self.range_of(dependency.object).is_none()
        });
        if unpinned {
            self.receive(incoming, effects);
            return;
        }
        for dependency in &incoming.dependencies {
            if matches!(dependency.stored.value, Value::Shared { .. }) {
                let lies_ready = self.pin_for(dependency.object, task, effects);
                assert!(lies_ready, "OWN-16: a task begins with its arguments pinned");
            }
        }
        self.run_on_waiting_thread(incoming, effects);
    }

    /// Runs a task of this process's own queue on a thread that waits.
    pub(super) fn run_on_waiting_thread(&mut self, incoming: Incoming, effects: &mut Effects) {
        let execution = self.run(incoming, false);
        effects.push(Effect::Help(Box::new(execution)));
    }

    /// Hands tasks that have not begun back to their owners, from the end of the queue.
    pub(super) fn hand_back(
        &mut self,
        count: usize,
        only: Option<WorkerId>,
        effects: &mut Effects,
    ) {
        let back = self.inbox.take_back(count, |incoming| {
            let is_lent = matches!(incoming.template.callee, Callee::Function) && !incoming.helps;
            is_lent && only.is_none_or(|owner| owner == incoming.owner)
        });
        if let Some(owner) = only.filter(|_| back.is_empty()) {
            effects.push(Effect::ToPeer(owner, FromPeer::HandedBack(Vec::new())));
        }
        for group in back.chunk_by(|one, other| one.owner == other.owner) {
            let tasks = group.iter().map(|incoming| incoming.task).collect();
            effects.push(Effect::ToPeer(group[0].owner, FromPeer::HandedBack(tasks)));
        }
        for incoming in &back {
            self.unread_dependencies(incoming, effects);
        }
    }

    fn task_on_time(&mut self, task: TaskId, effects: &mut Effects) {
        let now = self.now;
        if self.inbox.tasks_wait() {
            self.hand_back(usize::MAX, None, effects);
        }
        let Some(running) = self.inbox.running(task) else {
            return;
        };
        let Some(timeout) = running.template.timeout else {
            return;
        };
        let (began, interrupted) = (running.began, running.interrupted);
        match interrupted {
            None if now >= began + timeout => {
                self.inbox.interrupted(task, Interrupt::TimedOut, now);
                effects.push(Effect::Interrupt(task, Interrupt::TimedOut));
            }
            Some((Interrupt::TimedOut, at)) if now >= at + INTERRUPT_GRACE => {
                let failure = Arc::new(Failure::TimedOut(task, timeout));
                let outcome = Outcome::Failed { failure, retriable: true, yielded: 0 };
                self.end_by_force(task, outcome, "a task ignored the end of its time", effects);
            }
            Some(_) | None => {}
        }
    }
}
