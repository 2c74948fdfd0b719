//! Leased workers that are gone.
//!
//! Owns: when an owner may believe that it has heard all of a worker. Does not own: what tasks are tried again
//! (`ownership::tasks`).
//!
//! The node says that a worker ended, and over another connection the worker said what it had done. Only when that
//! connection is lost too has everything been heard.

use std::sync::Arc;

use types::{Death, Exit, Failure, LeaseId, Set, WorkerId};

use super::Worker;

/// Ends that are known by half.
#[derive(Debug, Default)]
pub(super) struct LeaseEnds {
    /// The node told them; the worker may still be heard.
    told: Vec<(LeaseId, Death)>,
    /// The connection is lost; the node has not told why.
    unheard: Set<WorkerId>,
}

impl Worker {
    /// The node says that the worker of a lease is gone.
    pub(super) fn lease_ended(&mut self, lease: LeaseId, death: Death) {
        let all_heard = self.ends.unheard.contains(&death.worker);
        if self.dispatch.close(lease) && !all_heard {
            self.ends.told.push((lease, death));
        } else {
            self.end_lease(lease, death);
        }
    }

    /// The connection to a peer is lost: nothing more will be heard of it.
    pub(super) fn last_words_heard(&mut self, peer: WorkerId) {
        let told: Vec<_> =
            self.ends.told.extract_if(.., |(_, death)| death.worker == peer).collect();
        for (lease, death) in told {
            self.end_lease(lease, death);
        }
        if self.dispatch.has_leased(peer) {
            self.ends.unheard.insert(peer);
        }
    }

    /// What the worker may have begun is tried again or fails, the rest goes elsewhere.
    fn end_lease(&mut self, lease: LeaseId, death: Death) {
        let Some((line, tasks)) = self.dispatch.end(lease) else {
            return;
        };
        if !self.dispatch.has_leased(death.worker) {
            self.ends.unheard.remove(&death.worker);
        }
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
