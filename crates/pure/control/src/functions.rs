//! The pickled functions and classes of each job, and who waits for one.
//!
//! Owns: the bytes by job and name, and the questions that wait. Does not own: when a job's functions may go
//! (`roles::head`).

use std::collections::BTreeMap;

use types::{FunctionId, JobId, Payload, WorkerId};

/// The functions of all jobs.
#[derive(Debug, Default)]
pub struct Functions {
    jobs: BTreeMap<JobId, BTreeMap<FunctionId, Entry>>,
}

/// A question: who asks, and how it numbered it.
pub type Asker = (WorkerId, u64);

/// What is known of a function.
#[derive(Debug)]
enum Entry {
    Awaited(Vec<Asker>),
    There(Payload),
}

impl Functions {
    /// A function is there: who waited for it.
    #[must_use]
    pub fn put(&mut self, job: JobId, function: FunctionId, pickle: Payload) -> Vec<Asker> {
        let functions = self.jobs.entry(job).or_default();
        match functions.insert(function, Entry::There(pickle)) {
            Some(Entry::Awaited(askers)) => askers,
            Some(Entry::There(_)) | None => Vec::new(),
        }
    }

    /// Somebody asks for a function: its pickle; `None` is not yet, and the question waits.
    #[must_use]
    pub fn ask(&mut self, job: JobId, function: FunctionId, asker: Asker) -> Option<Payload> {
        let functions = self.jobs.entry(job).or_default();
        match functions.entry(function).or_insert_with(|| Entry::Awaited(Vec::new())) {
            Entry::There(pickle) => Some(pickle.clone()),
            Entry::Awaited(askers) => {
                askers.push(asker);
                None
            }
        }
    }

    /// Forgets the functions of a job: who still waited for one.
    #[must_use]
    pub fn clear(&mut self, job: JobId) -> Vec<Asker> {
        let entries = self.jobs.remove(&job).unwrap_or_default().into_values();
        let awaited = entries.filter_map(|entry| match entry {
            Entry::Awaited(askers) => Some(askers),
            Entry::There(_) => None,
        });
        awaited.flatten().collect()
    }

    /// A process is gone and waits for nothing any more.
    pub fn on_worker_gone(&mut self, worker: WorkerId) {
        for functions in self.jobs.values_mut() {
            functions.retain(|_, entry| match entry {
                Entry::There(_) => true,
                Entry::Awaited(askers) => {
                    askers.retain(|(asker, _)| *asker != worker);
                    !askers.is_empty()
                }
            });
        }
    }

    /// The jobs that functions are known or awaited of.
    pub fn jobs(&self) -> impl Iterator<Item = JobId> {
        self.jobs.keys().copied()
    }

    /// Panics unless every rule that this machine alone can see holds.
    pub fn check(&self) {
        for (job, functions) in &self.jobs {
            for (function, entry) in functions {
                let idle = matches!(entry, Entry::Awaited(askers) if askers.is_empty());
                assert!(!idle, "CTL-9: {function} of {job} is awaited by nobody and not there");
            }
        }
    }
}
