//! Demands that hold their resources and wait for a process that starts.
//!
//! Owns: which of them is next for a process. Does not own: the processes (`pool`).

use std::sync::Arc;

use types::{JobId, Shape};

use crate::demand::Claimant;
use crate::ledger::Holding;
use crate::pool::Bond;
use crate::queue::Waiting;

/// A demand with its resources.
#[derive(Debug)]
pub struct Promise {
    /// Whose it is.
    pub claimant: Claimant,
    /// What it holds.
    pub holding: Holding,
    /// What it is for.
    pub shape: Arc<Shape>,
    /// For which job.
    pub job: JobId,
    /// What it binds its process to; none for an actor, which takes a fresh one only.
    bond: Option<Bond>,
}

/// All promises, first come first served. Behind each a process starts, so they are few.
#[derive(Debug, Default)]
pub struct Promises(Vec<Promise>);

impl Promises {
    /// Adds a promise.
    pub fn add(&mut self, waiting: &Waiting, holding: Holding, bond: Option<Bond>) {
        let Waiting { claimant, job, .. } = *waiting;
        let shape = Arc::clone(&waiting.shape);
        self.0.push(Promise { claimant, holding, shape, job, bond });
    }

    /// The promise that a process of `environment` keeps: one that binds it to the same, or if it is fresh, the oldest.
    pub fn take(&mut self, environment: &str, bond: Option<&Bond>) -> Option<Promise> {
        let at = self.0.iter().position(|promise| {
            promise.shape.environment == environment
                && (bond.is_none() || promise.bond.as_ref() == bond)
        });
        at.map(|at| self.0.remove(at))
    }

    /// Takes back the newest promise to a claimant.
    pub fn withdraw(&mut self, claimant: Claimant) -> Option<Promise> {
        let at = self.0.iter().rposition(|promise| promise.claimant == claimant);
        at.map(|at| self.0.remove(at))
    }

    /// Who waits longest for a process of `environment`.
    #[must_use]
    pub fn oldest(&self, environment: &str) -> Option<Claimant> {
        let mut waiting = self.iter().filter(|promise| promise.shape.environment == environment);
        waiting.next().map(|promise| promise.claimant)
    }

    /// How many wait for a process of `environment`.
    #[must_use]
    pub fn count(&self, environment: &str) -> usize {
        self.iter().filter(|promise| promise.shape.environment == environment).count()
    }

    /// How many were made to a claimant.
    #[must_use]
    pub fn to(&self, claimant: Claimant) -> u32 {
        let own = self.iter().filter(|promise| promise.claimant == claimant);
        u32::try_from(own.count()).unwrap_or(u32::MAX)
    }

    /// How many actors wait for a process.
    #[must_use]
    pub fn actors(&self) -> usize {
        self.iter().filter(|promise| promise.bond.is_none()).count()
    }

    /// All promises.
    pub fn iter(&self) -> impl Iterator<Item = &Promise> {
        self.0.iter()
    }
}
