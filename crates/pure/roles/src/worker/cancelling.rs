//! Tasks that somebody no longer wants, and those that ran too long.
//!
//! Owns: whom a cancellation reaches. Does not own: how a thread is interrupted (`runtime`, `_kernel/execute.py`).

use std::sync::Arc;

use ownership::Progress;
use types::{Failure, ObjectId, Ref, TaskId};
use wire::FromPeer;
use wire::to_worker::Outcome;

use super::{Effect, Interrupt, Worker};

/// How far a cancellation goes.
#[derive(Debug, Clone, Copy)]
pub(super) struct CancelReach {
    /// It may end the process that runs the task.
    pub(super) force: bool,
    /// It takes along what the task submitted.
    pub(super) recursive: bool,
}

impl Worker {
    /// The user cancels the task that makes an object.
    pub(super) fn cancel_ref(&mut self, target: Ref, reach: CancelReach) {
        let (object, CancelReach { force, recursive }) = (target.object, reach);
        self.say(target.owner, FromPeer::CancelObject { object, force, recursive });
    }

    /// Cancels the task that makes an object of this process; a finished one stays as it is.
    pub(super) fn cancel(&mut self, object: ObjectId, reach: CancelReach) {
        let task = object.task;
        let Some(submitted) = self.tasks.get(task) else {
            return;
        };
        let sent = submitted.progress == Progress::Sent;
        self.tasks.cancel(task);
        match self.executor_of(task).filter(|_| sent) {
            Some(worker) => {
                let CancelReach { force, recursive } = reach;
                self.say(worker, FromPeer::Cancel { task, force, recursive });
            }
            None => self.fail(task, &Arc::new(Failure::Cancelled(task))),
        }
    }

    /// The owner of a task that came here cancels it.
    pub(super) fn cancel_came(&mut self, task: TaskId, reach: CancelReach) {
        if reach.recursive {
            for child in self.tasks.children(task) {
                let force = reach.force && child.actor().is_none();
                self.cancel(child.output(1), CancelReach { force, recursive: true });
            }
        }
        if let Some(waiting) = self.inbox.take_waiting(task) {
            self.unread_dependencies(&waiting);
            self.reply(waiting.execution.owner, task, cancelled(task), std::time::Duration::ZERO);
            self.begin();
        } else if self.inbox.owner_of(task).is_some() {
            if reach.force {
                self.end_by_force(task, cancelled(task), "a task was cancelled with force");
            } else {
                self.inbox.interrupted(task, Interrupt::Cancelled, self.now);
                self.effects.push(Effect::Interrupt(task, Interrupt::Cancelled));
            }
        }
    }
}

fn cancelled(task: TaskId) -> Outcome {
    Outcome::Failed { failure: Arc::new(Failure::Cancelled(task)), retriable: false, yielded: 0 }
}
