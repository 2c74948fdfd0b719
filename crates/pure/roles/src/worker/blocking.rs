//! A worker that waits, is stuck or out of time: gives work back, takes other work, or ends.
//!
//! Owns: who gets back what has not begun. Does not own: the queues (`inbox`), or how a thread is interrupted
//! (`runtime`).

use std::sync::Arc;

use types::{LeaseId, TaskId};
use wire::to_worker::Outcome;
use wire::{FromPeer, ToNode};

use super::inbox::Due;
use super::{Effect, Interrupt, Worker};

impl Worker {
    /// The thread that runs a task begins to wait: its CPUs are lent, and what has not begun on its lease goes back.
    ///
    /// At the cap of processes the node lends this one again meanwhile. That task gets a thread of its own: run on
    /// the one that waits, it could wait for the very task below it.
    pub(super) fn blocked(&mut self, task: TaskId) {
        if let Some(lease) = self.inbox.wait(task) {
            self.effects.push(Effect::ToNode(ToNode::Blocked(lease)));
            self.hand_back(usize::MAX, Some(lease));
            self.begin();
        }
    }

    /// It goes on.
    pub(super) fn unblocked(&mut self, task: TaskId) {
        if let Some(lease) = self.inbox.go_on(task) {
            self.effects.push(Effect::ToNode(ToNode::Unblocked(lease)));
        }
    }

    /// What has become due: tasks that ran too long, and those stuck behind a long one.
    pub(super) fn executing_on_time(&mut self) {
        for (task, due) in self.inbox.due(self.now) {
            match due {
                Due::HandBack => self.hand_back(usize::MAX, None),
                Due::Interrupt => self.interrupt(task, Interrupt::TimedOut),
                Due::Force => self.end_overdue(task),
            }
        }
    }

    /// Hands tasks that have not begun back to their owners, from the end of the queue: those of one lease, or all.
    pub(super) fn hand_back(&mut self, count: usize, only: Option<LeaseId>) {
        let back = self.take_back(count, |incoming| {
            incoming.lease.is_some_and(|lease| only.is_none_or(|only| only == lease))
        });
        for group in back.chunk_by(|one, other| one.lease == other.lease) {
            if let Some(lease) = group[0].lease {
                let tasks = group.iter().map(|incoming| incoming.execution.task).collect();
                self.say(group[0].execution.owner, FromPeer::HandedBack { lease, tasks });
            }
        }
    }

    /// A running task is to end.
    pub(super) fn interrupt(&mut self, task: TaskId, why: Interrupt) {
        if let Some(running) = self.inbox.running(task) {
            running.interrupted.get_or_insert((why, self.now));
        }
        self.effects.push(Effect::Interrupt(task, why));
    }

    fn end_overdue(&mut self, task: TaskId) {
        if let Some(running) = self.inbox.running(task) {
            let failure = Arc::new(Interrupt::TimedOut.failure(task, &running.template));
            let outcome = Outcome::Failed { failure, retriable: true };
            self.end_by_force(task, outcome, "a task ignored the end of its time");
        }
    }
}
