//! The pickled functions and classes of each job, and who waits for one.
//!
//! Owns: the bytes by job and name, and the questions that wait. Does not own: when a job's functions may go
//! (`roles::head`).

use std::collections::{BTreeMap, BTreeSet};

use types::{FunctionId, JobId, Payload, WorkerId};

/// The functions of all jobs.
#[derive(Debug, Default)]
pub struct Functions {
    there: BTreeMap<(JobId, FunctionId), Payload>,
    awaited: BTreeSet<(JobId, FunctionId, Asker)>,
}

/// A question: who asks, and how it numbered it.
pub type Asker = (WorkerId, u64);

impl Functions {
    /// A function is there: who waited for it.
    #[must_use]
    pub fn put(&mut self, job: JobId, function: FunctionId, pickle: Payload) -> Vec<Asker> {
        self.there.insert((job, function), pickle);
        self.take_askers(|awaited| awaited == (job, function))
    }

    /// Somebody asks for a function: its pickle; `None` is not yet, and the question waits.
    #[must_use]
    pub fn ask(&mut self, job: JobId, function: FunctionId, asker: Asker) -> Option<Payload> {
        let pickle = self.there.get(&(job, function)).cloned();
        if pickle.is_none() {
            self.awaited.insert((job, function, asker));
        }
        pickle
    }

    /// Forgets the functions of a job: who still waited for one.
    #[must_use]
    pub fn clear(&mut self, job: JobId) -> Vec<Asker> {
        self.there.retain(|(other, _), _| *other != job);
        self.take_askers(|(other, _)| other == job)
    }

    /// A process is gone and waits for nothing any more.
    pub fn on_worker_gone(&mut self, worker: WorkerId) {
        self.awaited.retain(|(_, _, asker)| asker.0 != worker);
    }

    /// Panics unless every rule that this machine alone can see holds.
    pub fn check(&self) {
        for (job, function, (asker, _)) in &self.awaited {
            let there = self.there.contains_key(&(*job, *function));
            assert!(!there, "CTL-9: {asker} waits for {function} of {job}, which is there");
        }
    }

    fn take_askers(&mut self, of: impl Fn((JobId, FunctionId)) -> bool) -> Vec<Asker> {
        let taken = self.awaited.extract_if(.., |(job, function, _)| of((*job, *function)));
        taken.map(|(_, _, asker)| asker).collect()
    }
}
