//! Tasks that somebody no longer wants, and those that ran too long.
//!
//! Owns: whom a cancellation reaches. Does not own: how a thread is interrupted (`runtime`, `_kernel/execute.py`).

use std::sync::Arc;

use ownership::Progress;
use types::{Failure, TaskId};
use wire::FromPeer;
use wire::to_worker::{CancelReach, Outcome};

use super::{Interrupt, Worker};

impl Worker {
    /// Cancels a task of this process; a finished one stays as it is.
    pub(super) fn cancel(&mut self, task: TaskId, reach: CancelReach) {
        let Some(submitted) = self.tasks.get(task) else {
            return;
        };
        let sent = submitted.progress == Progress::Sent;
        self.tasks.cancel(task);
        match self.executor_of(task).filter(|_| sent) {
            Some(worker) => self.say(worker, FromPeer::Cancel { task, reach }),
            None => self.fail(task, &Arc::new(Failure::Cancelled(task))),
        }
    }

    /// The owner of a task that came here cancels it.
    pub(super) fn cancel_came(&mut self, task: TaskId, reach: CancelReach) {
        if reach.recursive {
            for child in self.tasks.children(task) {
                let force = reach.force && child.actor().is_none();
                self.cancel(child, CancelReach { force, recursive: true });
            }
        }
        if let Some(waiting) = self.take_back(1, |other| other.execution.task == task).pop() {
            self.refuse(&waiting, cancelled(task));
            self.begin();
        } else if self.inbox.owner_of(task).is_some() {
            if reach.force {
                self.end_by_force(task, cancelled(task), "a task was cancelled with force");
            } else {
                self.interrupt(task, Interrupt::Cancelled);
            }
        }
    }
}

fn cancelled(task: TaskId) -> Outcome {
    Outcome::Failed { failure: Arc::new(Failure::Cancelled(task)), retriable: false }
}
