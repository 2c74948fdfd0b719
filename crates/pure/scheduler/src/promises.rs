//! Demands that hold their resources and wait for a process that starts.
//!
//! Owns: which of them is next for a process. Does not own: the processes (`pool`).

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use types::{JobId, Shape};

use crate::demand::Claimant;
use crate::ledger::Holding;
use crate::pool::EnvironmentId;
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
    sequence: u64,
}

/// All promises.
#[derive(Debug, Default)]
pub struct Promises {
    /// Leases by job, first come first served; actors, which take fresh processes only, under no job.
    lines: BTreeMap<(EnvironmentId, Option<JobId>), VecDeque<Promise>>,
    sequence: u64,
}

impl Promises {
    /// Adds a promise, for a process of `environment` and, unless the process must be fresh, of `job`.
    pub fn add(
        &mut self,
        line: (EnvironmentId, Option<JobId>),
        waiting: &Waiting,
        holding: Holding,
    ) {
        self.sequence += 1;
        let Waiting { claimant, job, .. } = *waiting;
        let shape = Arc::clone(&waiting.shape);
        let promise = Promise { claimant, holding, shape, job, sequence: self.sequence };
        self.lines.entry(line).or_default().push_back(promise);
    }

    /// The promise that a process of `environment` keeps: of its job, or if it is fresh, the oldest.
    pub fn take(&mut self, environment: EnvironmentId, job: Option<JobId>) -> Option<Promise> {
        let line = match job {
            Some(job) => (environment, Some(job)),
            None => self.oldest_line(environment)?,
        };
        let promises = self.lines.get_mut(&line)?;
        let promise = promises.pop_front();
        if promises.is_empty() {
            self.lines.remove(&line);
        }
        promise
    }

    /// Takes back the newest promise to a claimant in its line.
    pub fn withdraw(
        &mut self,
        line: (EnvironmentId, Option<JobId>),
        claimant: Claimant,
    ) -> Option<Promise> {
        let promises = self.lines.get_mut(&line)?;
        let at = promises.iter().rposition(|promise| promise.claimant == claimant)?;
        let promise = promises.remove(at);
        if promises.is_empty() {
            self.lines.remove(&line);
        }
        promise
    }

    /// Who waits longest for a process of `environment`.
    #[must_use]
    pub fn oldest(&self, environment: EnvironmentId) -> Option<Claimant> {
        let line = self.oldest_line(environment)?;
        self.lines.get(&line)?.front().map(|promise| promise.claimant)
    }

    /// Whether anything is promised to a claimant.
    #[must_use]
    pub fn has(&self, claimant: Claimant) -> bool {
        self.iter().any(|promise| promise.claimant == claimant)
    }

    /// How many wait for a process of `environment`.
    #[must_use]
    pub fn count(&self, environment: EnvironmentId) -> usize {
        self.lines_of(environment).map(|(_, line)| line.len()).sum()
    }

    /// How many actors wait for a process.
    #[must_use]
    pub fn actors(&self) -> usize {
        let fresh = self.lines.iter().filter(|((_, job), _)| job.is_none());
        fresh.map(|(_, line)| line.len()).sum()
    }

    /// All promises.
    pub fn iter(&self) -> impl Iterator<Item = &Promise> {
        self.lines.values().flatten()
    }

    fn oldest_line(&self, environment: EnvironmentId) -> Option<(EnvironmentId, Option<JobId>)> {
        let first = self.lines_of(environment).filter_map(|(line, promises)| {
            promises.front().map(|promise| (promise.sequence, *line))
        });
        first.min().map(|(_, line)| line)
    }

    fn lines_of(
        &self,
        environment: EnvironmentId,
    ) -> impl Iterator<Item = (&(EnvironmentId, Option<JobId>), &VecDeque<Promise>)> {
        self.lines.range((environment, None)..=(environment, Some(JobId(u32::MAX))))
    }
}
