//! Which jobs run, and which ran.
//!
//! Owns: the numbers of jobs and their drivers. Does not own: what ends with a job (`roles::head`).

use std::collections::BTreeMap;

use types::{JobId, JobInfo, Memory, WorkerId};

/// The jobs of the cluster.
#[derive(Debug)]
pub struct Jobs {
    last: u32,
    running: BTreeMap<JobId, JobInfo>,
    ended: Memory<JobId, JobInfo>,
}

impl Jobs {
    /// No jobs, and a memory for `ended_max` that will have ended.
    #[must_use]
    pub fn new(ended_max: usize) -> Self {
        Self { last: 0, running: BTreeMap::new(), ended: Memory::new(ended_max) }
    }

    /// The number of a driver's job: of the one that it has already, or the next.
    #[must_use]
    pub fn number(&self, driver: WorkerId) -> JobId {
        self.driven_by(driver).unwrap_or(JobId(self.last + 1))
    }

    /// A job of this number begins, or goes on.
    pub fn start(&mut self, job: JobInfo) {
        self.last = self.last.max(job.job.0);
        self.running.entry(job.job).or_insert(job);
    }

    /// A process is gone: the job that ends with it, if it was a driver.
    #[must_use]
    pub fn on_worker_gone(&mut self, worker: WorkerId) -> Option<JobId> {
        let id = self.driven_by(worker)?;
        let job = self.running.remove(&id)?;
        self.ended.remember(id, JobInfo { running: false, ..job });
        Some(id)
    }

    /// Whether the job's driver is there.
    #[must_use]
    pub fn is_running(&self, job: JobId) -> bool {
        self.running.contains_key(&job)
    }

    /// The driver of a job that runs.
    #[must_use]
    pub fn driver(&self, job: JobId) -> Option<WorkerId> {
        self.running.get(&job).map(|job| job.driver)
    }

    /// Whether the job ended, and this was its driver.
    #[must_use]
    pub fn ended_with(&self, job: JobId, driver: WorkerId) -> bool {
        self.ended.get(job).is_some_and(|job| job.driver == driver)
    }

    /// Each job that runs or is remembered.
    #[must_use]
    pub fn infos(&self) -> Vec<JobInfo> {
        let ended = self.ended.iter().map(|(_, job)| job);
        ended.chain(self.running.values()).cloned().collect()
    }

    /// Panics unless every rule that this machine alone can see holds.
    pub fn check(&self) {
        for (id, job) in &self.running {
            assert_eq!(self.driven_by(job.driver), Some(*id), "CTL-8: a driver has two jobs");
        }
    }

    fn driven_by(&self, driver: WorkerId) -> Option<JobId> {
        self.running.iter().find(|(_, job)| job.driver == driver).map(|(id, _)| *id)
    }
}
