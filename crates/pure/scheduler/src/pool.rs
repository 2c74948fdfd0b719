//! Worker processes: which of them start, are idle, work, or shall end.
//!
//! Owns: what each process is for, and how many there may be. Does not own: what their work holds (`leases`).
//!
//! A process that worked for a job stays with it, because it holds the job's modules. One that worked for nobody is
//! fresh and serves whoever comes first.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use types::{ActorId, JobId, Map, Timestamp, WorkerId};

/// A runtime environment, as the pool numbers it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct EnvironmentId(u32);

/// Idle processes of one environment and one job, or of none yet.
type List = (EnvironmentId, Option<JobId>);

/// What a process does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Work {
    /// It has not reported yet.
    Starting,
    /// Nothing; the number says since when, among others.
    Idle(u64),
    /// Nothing, and it was asked whether it can be spared.
    Asked,
    /// Tasks of so many leases; of so many of them one runs and waits. There is a second one only if all wait.
    Leased {
        /// How many.
        leases: u32,
        /// Of these, how many wait.
        waiting: u32,
    },
    /// An actor.
    Actor(ActorId),
    /// It ends.
    Ending,
}

/// Where a process for some work comes from.
#[derive(Debug, PartialEq, Eq)]
#[must_use]
pub enum Supply {
    /// This one is idle.
    Ready(WorkerId),
    /// One that starts already has no work yet.
    Starting,
    /// One more may be started.
    Startable,
    /// There are as many as there may be; this idle one is of no use for the work and could go.
    Capped(Option<WorkerId>),
}

/// All worker processes of the node.
#[derive(Debug)]
pub struct Pool {
    /// So many are started before anybody asks.
    ahead: usize,
    warm: usize,
    cap: usize,
    idle_life: Duration,
    workers: BTreeMap<WorkerId, Worker>,
    environments: Environments,
    idle: BTreeMap<List, BTreeSet<(u64, WorkerId)>>,
    /// All idle ones but those kept, the longest idle first.
    oldest: BTreeMap<u64, (WorkerId, Timestamp)>,
    starting: BTreeMap<EnvironmentId, usize>,
    /// Processes that count towards the cap: all but those of actors and those that must be kept.
    counted: usize,
    /// Processes that end, or were asked to, and are not kept by others.
    going: usize,
    sequence: u64,
    /// Processes all of whose tasks wait, those with the fewest first.
    waiting: BTreeSet<(u32, WorkerId)>,
}

#[derive(Debug)]
struct Worker {
    environment: EnvironmentId,
    job: Option<JobId>,
    work: Work,
    /// It was to go and others need what it has.
    kept: bool,
}

impl Worker {
    const fn counts(&self) -> bool {
        let kept = self.kept && matches!(self.work, Work::Idle(_) | Work::Asked | Work::Ending);
        !kept && !matches!(self.work, Work::Actor(_))
    }

    /// How many leases it has, and on how many the task waits.
    const fn leases(&self) -> (u32, u32) {
        match self.work {
            Work::Leased { leases, waiting } => (leases, waiting),
            Work::Starting | Work::Idle(_) | Work::Asked | Work::Actor(_) | Work::Ending => (0, 0),
        }
    }

    /// How many leases it has, if the tasks of all wait.
    const fn all_wait(&self) -> Option<u32> {
        match self.leases() {
            (leases, waiting) if leases > 0 && leases == waiting => Some(leases),
            (_, _) => None,
        }
    }

    const fn take_up(&mut self, job: JobId, work: Work) {
        self.job = Some(job);
        self.work = work;
        self.kept = false;
    }

    const fn goes(&self) -> bool {
        matches!(self.work, Work::Asked) || (matches!(self.work, Work::Ending) && !self.kept)
    }
}

impl Pool {
    /// No processes; `ahead` of them are started before anybody asks, `warm` stay when idle, the others for
    /// `idle_life`, and for leases there are never more than `cap`.
    #[must_use]
    pub fn new(ahead: usize, warm: usize, cap: usize, idle_life: Duration) -> Self {
        Self {
            ahead,
            warm,
            cap,
            idle_life,
            workers: BTreeMap::new(),
            environments: Environments::default(),
            idle: BTreeMap::new(),
            oldest: BTreeMap::new(),
            starting: BTreeMap::new(),
            counted: 0,
            going: 0,
            sequence: 0,
            waiting: BTreeSet::new(),
        }
    }

    /// The number of an environment.
    pub fn environment(&mut self, description: &str) -> EnvironmentId {
        self.environments.id(description)
    }

    /// The environment of a process.
    #[must_use]
    pub fn environment_of(&self, worker: WorkerId) -> Option<EnvironmentId> {
        self.workers.get(&worker).map(|worker| worker.environment)
    }

    /// The environment with this number, as canonical JSON.
    #[must_use]
    pub fn description(&self, environment: EnvironmentId) -> &str {
        &self.environments.descriptions[environment.0 as usize]
    }

    /// What a process does.
    #[must_use]
    pub fn work(&self, worker: WorkerId) -> Option<Work> {
        self.workers.get(&worker).map(|worker| worker.work)
    }

    /// The job a process works for.
    #[must_use]
    pub fn job_of(&self, worker: WorkerId) -> Option<JobId> {
        self.workers.get(&worker)?.job
    }

    /// The processes that belong to a job.
    #[must_use]
    pub fn of_job(&self, job: JobId) -> Vec<WorkerId> {
        let all = self.workers.iter().filter(|(_, worker)| worker.job == Some(job));
        all.map(|(id, _)| *id).collect()
    }

    /// How many processes to start ahead of demand.
    #[must_use]
    pub fn missing_ahead(&self) -> usize {
        self.ahead.min(self.cap).saturating_sub(self.counted)
    }

    /// How many processes of an environment start.
    #[must_use]
    pub fn starting(&self, environment: EnvironmentId) -> usize {
        self.starting.get(&environment).copied().unwrap_or(0)
    }

    /// Where a process for a lease of `job` would come from, if `promised` wait for one of its environment, and
    /// `actors` of all that wait are actors.
    pub fn supply(
        &self,
        environment: EnvironmentId,
        job: JobId,
        promised: usize,
        actors: usize,
    ) -> Supply {
        if let Some(worker) = self.newest(environment, Some(job)) {
            return Supply::Ready(worker);
        }
        let supply = self.supply_fresh(environment, promised);
        if supply != Supply::Startable || self.counted.saturating_sub(actors) < self.cap {
            return supply;
        }
        let oldest = self.oldest.first_key_value().filter(|_| self.going == 0);
        Supply::Capped(oldest.map(|(_, (worker, _))| *worker))
    }

    /// Where a fresh process, as an actor needs it, would come from. Processes of actors are not limited.
    pub fn supply_fresh(&self, environment: EnvironmentId, promised: usize) -> Supply {
        if let Some(worker) = self.newest(environment, None) {
            return Supply::Ready(worker);
        }
        if self.starting(environment) > promised {
            return Supply::Starting;
        }
        Supply::Startable
    }

    /// A process is being started.
    pub fn on_forked(&mut self, worker: WorkerId, environment: EnvironmentId) {
        *self.starting.entry(environment).or_default() += 1;
        self.counted += 1;
        let started = Worker { environment, job: None, work: Work::Starting, kept: false };
        self.workers.insert(worker, started);
    }

    /// Panics unless one more process may be started, if it and so many others are for `actors`.
    pub fn assert_startable(&self, actors: usize) {
        assert!(
            actors > 0 || self.counted < self.cap,
            "SCH-6: no process is started for a lease beyond {}",
            self.cap
        );
    }

    /// A process has nothing to do: it started, its lease ended, or it cannot be spared.
    pub fn on_idle(&mut self, now: Timestamp, id: WorkerId) {
        self.sequence += 1;
        let sequence = self.sequence;
        let Some(worker) = self.change(id, |worker| {
            worker.kept |= worker.work == Work::Asked;
            worker.work = Work::Idle(sequence);
        }) else {
            return;
        };
        let (list, kept) = ((worker.environment, worker.job), worker.kept);
        self.idle.entry(list).or_default().insert((sequence, id));
        if !kept {
            self.oldest.insert(sequence, (id, now));
        }
    }

    /// An actor is to live in a process.
    pub fn on_actor(&mut self, id: WorkerId, job: JobId, actor: ActorId) {
        self.change(id, |worker| worker.take_up(job, Work::Actor(actor)));
    }

    /// A process is lent, perhaps once more.
    pub fn on_leased(&mut self, id: WorkerId, job: JobId) {
        self.change(id, |worker| {
            let (leases, waiting) = worker.leases();
            worker.take_up(job, Work::Leased { leases: leases + 1, waiting });
        });
    }

    /// A lease of a process ended, whose task `waited`: whether it was the last.
    pub fn on_released(&mut self, id: WorkerId, waited: bool) -> bool {
        let released = self.change(id, |worker| {
            if let Work::Leased { leases, waiting } = &mut worker.work {
                *leases -= 1;
                *waiting -= u32::from(waited);
            }
        });
        released.is_some_and(|worker| worker.leases().0 == 0)
    }

    /// The task on a lease of a process began or ended to wait.
    pub fn on_waiting(&mut self, id: WorkerId, waits: bool) {
        self.change(id, |worker| {
            if let Work::Leased { waiting, .. } = &mut worker.work {
                *waiting = *waiting + u32::from(waits) - u32::from(!waits);
            }
        });
    }

    /// An idle process is asked whether it can be spared.
    pub fn ask(&mut self, id: WorkerId) {
        self.change(id, |worker| worker.work = Work::Asked);
    }

    /// An idle process that was kept is needed no longer.
    pub fn on_unneeded(&mut self, now: Timestamp, id: WorkerId) {
        let kept = self.workers.get(&id).filter(|worker| worker.kept);
        if let Some(Work::Idle(_)) = kept.map(|worker| worker.work) {
            self.change(id, |worker| worker.kept = false);
            self.on_idle(now, id);
        }
    }

    /// A process that gets nothing to do any more stays as long as others need what it has.
    pub fn keep(&mut self, id: WorkerId) {
        self.change(id, |worker| worker.kept = true);
    }

    /// A process ends, and gets nothing to do any more. Unless it is kept, it counts until it is gone.
    pub fn on_ending(&mut self, id: WorkerId) {
        self.change(id, |worker| worker.work = Work::Ending);
    }

    /// A process is gone.
    pub fn on_gone(&mut self, id: WorkerId) {
        self.on_ending(id);
        if let Some(worker) = self.workers.remove(&id) {
            self.counted -= usize::from(worker.counts());
            self.going -= usize::from(worker.goes());
        }
    }

    /// The processes of an environment and a job all of whose tasks wait, those with the fewest first.
    pub fn waiting(
        &self,
        environment: EnvironmentId,
        job: JobId,
    ) -> impl Iterator<Item = WorkerId> {
        let serves = move |id: &WorkerId| {
            let worker = self.workers.get(id);
            worker.is_some_and(|it| (it.environment, it.job) == (environment, Some(job)))
        };
        self.waiting.iter().map(|(_, id)| *id).filter(serves)
    }

    /// The longest idle process beyond those kept warm, if it is idle for long enough.
    #[must_use]
    pub fn expired(&self, now: Timestamp) -> Option<WorkerId> {
        let (worker, since) = self.surplus()?;
        (now.since(since) >= self.idle_life).then_some(worker)
    }

    /// When [`Self::expired`] will name the next.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Timestamp> {
        self.surplus().map(|(_, since)| since + self.idle_life)
    }

    /// Panics unless all lists say what the processes say; `promised` says how many wait in an environment.
    pub fn check(&self, promised: impl Fn(EnvironmentId) -> usize) {
        let counted = self.workers.values().filter(|worker| worker.counts()).count();
        assert_eq!(counted, self.counted, "SCH-6: processes that count towards the cap");
        let mut idle = 0;
        for (list, workers) in &self.idle {
            idle += workers.len();
            for (sequence, id) in workers {
                let worker = &self.workers[id];
                assert!(
                    worker.work == Work::Idle(*sequence)
                        && (worker.environment, worker.job) == *list
                        && self.oldest.contains_key(sequence) != worker.kept,
                    "SCH-8: {id} is listed as what it is"
                );
            }
        }
        let is_idle = |worker: &&Worker| matches!(worker.work, Work::Idle(_));
        let really = self.workers.values().filter(is_idle);
        let kept = really.clone().filter(|worker| worker.kept).count();
        assert_eq!(
            (idle, idle),
            (really.count(), self.oldest.len() + kept),
            "SCH-8: all idle processes are listed"
        );
        for number in 0..self.environments.descriptions.len() {
            let environment = EnvironmentId(u32::try_from(number).unwrap_or(u32::MAX));
            let starting = self.starting(environment);
            let really = self.workers.values().filter(|worker| {
                worker.work == Work::Starting && worker.environment == environment
            });
            assert_eq!(starting, really.count(), "SCH-8: all starting processes are counted");
            assert!(
                promised(environment) <= starting,
                "SCH-4: behind every promise a process starts"
            );
        }
    }

    fn newest(&self, environment: EnvironmentId, job: Option<JobId>) -> Option<WorkerId> {
        let list = self.idle.get(&(environment, job))?;
        list.last().map(|(_, worker)| *worker)
    }

    fn surplus(&self) -> Option<(WorkerId, Timestamp)> {
        let beyond = self.oldest.len() > self.warm;
        self.oldest.first_key_value().filter(|_| beyond).map(|(_, oldest)| *oldest)
    }

    /// Takes a process off its lists, changes it, and counts it again.
    fn change(&mut self, id: WorkerId, change: impl FnOnce(&mut Worker)) -> Option<&Worker> {
        let worker = self.workers.get_mut(&id)?;
        match worker.work {
            Work::Idle(sequence) => {
                self.oldest.remove(&sequence);
                let list = self.idle.entry((worker.environment, worker.job)).or_default();
                list.remove(&(sequence, id));
            }
            Work::Starting => {
                if let Some(count) = self.starting.get_mut(&worker.environment) {
                    *count -= 1;
                }
            }
            Work::Asked | Work::Leased { .. } | Work::Actor(_) | Work::Ending => {}
        }
        if let Some(leases) = worker.all_wait() {
            self.waiting.remove(&(leases, id));
        }
        let (counted, going) = (worker.counts(), worker.goes());
        change(worker);
        if let Some(leases) = worker.all_wait() {
            self.waiting.insert((leases, id));
        }
        self.counted = self.counted + usize::from(worker.counts()) - usize::from(counted);
        self.going = self.going + usize::from(worker.goes()) - usize::from(going);
        Some(worker)
    }
}

/// Descriptions of runtime environments, numbered.
#[derive(Debug, Default)]
struct Environments {
    ids: Map<String, EnvironmentId>,
    descriptions: Vec<String>,
}

impl Environments {
    fn id(&mut self, description: &str) -> EnvironmentId {
        if let Some(id) = self.ids.get(description) {
            return *id;
        }
        let id = EnvironmentId(u32::try_from(self.descriptions.len()).unwrap_or(u32::MAX));
        self.descriptions.push(description.to_owned());
        self.ids.insert(description.to_owned(), id);
        id
    }
}
