//! Who asks for workers, of which shape, and how many.
//!
//! Owns: the count of one demand. Does not own: its place among others (`queue`).

use std::sync::Arc;

use types::{ActorId, JobId, Shape, Timestamp, WorkerId};

use crate::queue::Turn;

/// Who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Claimant {
    /// An owner, for leases of a shape that it numbered so.
    Lease {
        /// The owner.
        owner: WorkerId,
        /// The number.
        shape: u32,
    },
    /// An actor, for its process.
    Actor(ActorId),
}

/// Requests of one claimant, counted.
#[derive(Debug)]
pub struct Demand {
    /// What is to run on each.
    pub shape: Arc<Shape>,
    /// For which job.
    pub job: JobId,
    /// How many more it could use.
    pub(crate) wanted: u32,
    /// For how many of them processes start that are promised to it.
    pub(crate) promised: u32,
    /// How many it was granted or refused in all.
    pub(crate) answered: u64,
    /// Its place in the queue, if it waits there.
    pub(crate) turn: Option<Turn>,
    pub(crate) since: Timestamp,
}

impl Demand {
    pub(crate) const fn new(shape: Arc<Shape>, job: JobId, now: Timestamp) -> Self {
        Self { shape, job, wanted: 0, promised: 0, answered: 0, turn: None, since: now }
    }

    /// It was answered, for so many.
    pub(crate) const fn answer(&mut self, count: u32) {
        self.wanted = self.wanted.saturating_sub(count);
        self.answered += 1;
    }

    /// How many it could use for which nothing is held yet.
    pub(crate) const fn lacking(&self) -> u32 {
        self.wanted.saturating_sub(self.promised)
    }
}
