//! Whose turn it is among jobs that want the same.
//!
//! Owns: the clock of turns (start-time fair queueing, Goyal, Vin and Cheng 1996). Does not own: who waits (`queue`).

use std::collections::BTreeMap;

use types::JobId;

/// Numbers turns so that each waiting job gets as many as any other, however many it asks for.
#[derive(Debug, Default)]
pub struct Fairness {
    /// The number of the turn that was taken last.
    now: u64,
    jobs: BTreeMap<JobId, Share>,
}

#[derive(Debug, Default)]
struct Share {
    /// The number after the job's last turn.
    next: u64,
    waiting: u32,
}

impl Fairness {
    /// The number of the next turn of `job`.
    pub fn enter(&mut self, job: JobId) -> u64 {
        let share = self.jobs.entry(job).or_default();
        let number = share.next.max(self.now);
        share.next = number + 1;
        share.waiting += 1;
        number
    }

    /// A turn of `job` was given up.
    pub fn leave(&mut self, job: JobId) {
        if let Some(share) = self.jobs.get_mut(&job) {
            share.waiting -= 1;
            // A job that waits for nothing starts afresh: neither credit nor debt is kept.
            if share.waiting == 0 {
                self.jobs.remove(&job);
            }
        }
    }

    /// A turn of `job`, with this number, was taken.
    pub fn take(&mut self, job: JobId, number: u64) {
        self.now = self.now.max(number);
        if let Some(share) = self.jobs.get_mut(&job) {
            share.waiting -= 1;
            if share.waiting == 0 && share.next <= self.now {
                self.jobs.remove(&job);
            }
        }
    }
}
