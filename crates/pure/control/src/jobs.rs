//! Which jobs run, and which processes are known to work for them.
//!
//! Owns: the numbers of jobs, their drivers and processes. Does not own: what ends with a job (`roles::head`).

use std::collections::{BTreeMap, BTreeSet};

use types::{JobId, Memory, NodeId, WorkerId};

/// The jobs of the cluster.
#[derive(Debug)]
pub struct Jobs {
    last: u32,
    running: BTreeMap<JobId, Job>,
    drivers: BTreeMap<WorkerId, JobId>,
    ended: Memory<JobId, Job>,
    processes: BTreeSet<(JobId, WorkerId)>,
}

/// What is known of a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    /// Its driver.
    pub driver: WorkerId,
    /// Its driver's process.
    pub pid: u32,
    /// The namespace of its actors.
    pub namespace: String,
    /// What was run.
    pub entrypoint: String,
}

impl Jobs {
    /// No jobs, and a memory for `ended_max` that will have ended.
    #[must_use]
    pub fn new(ended_max: usize) -> Self {
        Self {
            last: 0,
            running: BTreeMap::new(),
            drivers: BTreeMap::new(),
            ended: Memory::new(ended_max),
            processes: BTreeSet::new(),
        }
    }

    /// The job of a driver begins; one that it has already goes on.
    pub fn start(&mut self, job: Job) -> JobId {
        if let Some(running) = self.drivers.get(&job.driver) {
            return *running;
        }
        self.last += 1;
        let id = JobId(self.last);
        self.drivers.insert(job.driver, id);
        self.running.insert(id, job);
        id
    }

    /// A process works for a job, if the job runs.
    pub fn saw(&mut self, job: JobId, worker: WorkerId) {
        if self.is_running(job) {
            self.processes.insert((job, worker));
        }
    }

    /// A process is gone: the job that ends with it, if it was a driver.
    #[must_use]
    pub fn on_worker_gone(&mut self, worker: WorkerId) -> Option<JobId> {
        for job in self.running.keys() {
            self.processes.remove(&(*job, worker));
        }
        let id = self.drivers.remove(&worker)?;
        let job = self.running.remove(&id)?;
        self.processes.retain(|(other, _)| *other != id);
        self.ended.remember(id, job);
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
        self.running.get(&job).map(|running| running.driver)
    }

    /// Whether the process is the driver of a job that ended.
    #[must_use]
    pub fn is_ended_driver(&self, worker: WorkerId) -> bool {
        self.ended.iter().any(|(_, job)| job.driver == worker)
    }

    /// The processes known for a job: its driver, and who was seen to work for it.
    #[must_use]
    pub fn processes(&self, job: JobId) -> BTreeSet<WorkerId> {
        let first = WorkerId { node: NodeId(0), number: 0 };
        let seen = self.processes.range((job, first)..).take_while(|(other, _)| *other == job);
        let driver = self.running.get(&job).map(|running| running.driver);
        seen.map(|(_, worker)| *worker).chain(driver).collect()
    }

    /// All processes known for running jobs.
    pub fn workers(&self) -> impl Iterator<Item = WorkerId> {
        let seen = self.processes.iter().map(|(_, worker)| *worker);
        seen.chain(self.drivers.keys().copied())
    }

    /// Each job that runs or is remembered, and whether it runs.
    pub fn describe(&self) -> impl Iterator<Item = (JobId, &Job, bool)> {
        let ended = self.ended.iter().map(|(id, job)| (id, job, false));
        ended.chain(self.running.iter().map(|(id, job)| (*id, job, true)))
    }

    /// Panics unless every rule that this machine alone can see holds.
    pub fn check(&self) {
        assert_eq!(self.running.len(), self.drivers.len(), "CTL-8: a driver too many or too few");
        for (driver, job) in &self.drivers {
            let running = self.running.get(job).map(|running| running.driver);
            assert_eq!(running, Some(*driver), "CTL-8: {job} is not of {driver}");
        }
    }
}
