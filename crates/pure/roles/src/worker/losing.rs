//! Leased workers that are gone.
//!
//! Owns: what becomes of their tasks. Does not own: what tasks are tried again (`ownership::tasks`).
//!
//! The node says that a worker ended, and over another connection the worker said what it had done. Only when that
//! connection is lost too has everything been heard.

use std::sync::Arc;

use types::{Death, Exit, Failure, LeaseId, WorkerId};

use super::Worker;

impl Worker {
    /// The node says that the worker of a lease is gone.
    pub(super) fn lease_ended(&mut self, lease: LeaseId, death: Death) {
        if let Some(death) = self.dispatch.on_death(lease, death) {
            self.end_lease(lease, death);
        }
    }

    /// The connection to a peer is lost: nothing more will be heard of it.
    pub(super) fn last_words_heard(&mut self, peer: WorkerId) {
        for (lease, death) in self.dispatch.on_silence(peer) {
            self.end_lease(lease, death);
        }
    }

    /// What the worker may have begun is tried again or fails, the rest goes elsewhere.
    fn end_lease(&mut self, lease: LeaseId, death: Death) {
        let Some((line, tasks)) = self.dispatch.end(lease) else {
            return;
        };
        let left_by_itself = death.exit == Exit::Code(0) && !death.reason.is_empty();
        let mut begun = (!left_by_itself).then_some(death);
        for task in tasks {
            if let Some(death) = begun.take() {
                let named = self.tasks.get(task).map(|submitted| &submitted.spec.template.name);
                let named = named.cloned().unwrap_or_default();
                let failure = Arc::new(Failure::WorkerCrashed { task: named, death });
                self.attempt_failed(task, &failure);
            } else if self.task_came_back(task) {
                self.again(task);
            }
        }
        self.pump(line);
    }
}
