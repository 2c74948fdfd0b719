//! Worker processes: which of them start, are idle, work, or shall end.
//!
//! Owns: what each process is for, and how many there may be. Does not own: what their work holds (`leases`).
//!
//! There are some tens of them, so each question is answered by a look at all.

use std::collections::BTreeMap;
use std::time::Duration;

use types::{ActorId, DeviceShare, JobId, Timestamp, WorkerId};

use crate::ledger::Holding;
use crate::promises::Promises;

/// What a process is bound to once it has worked, beside its environment: it holds the modules of a job, and libraries
/// in it have opened devices. Before, it is fresh and serves whoever comes first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bond {
    job: JobId,
    devices: Vec<(String, u32)>,
}

/// What a process does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Work {
    /// It has not reported yet.
    Starting,
    /// Nothing, since then.
    Idle(Timestamp),
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
    /// This one is idle, or may be lent once more.
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
    changed: bool,
}

#[derive(Debug)]
struct Worker {
    environment: String,
    bond: Option<Bond>,
    work: Work,
    /// It gets nothing more to do.
    ends: bool,
    /// It was to go and others need what it has.
    kept: bool,
}

impl Bond {
    /// What work for a job with these amounts binds a process to.
    #[must_use]
    pub fn new(job: JobId, holding: &Holding) -> Self {
        let of_kind = |(name, shares): (&String, &Vec<DeviceShare>)| {
            shares.iter().map(|share| (name.clone(), share.index)).collect::<Vec<_>>()
        };
        Self { job, devices: holding.assignment().devices.iter().flat_map(of_kind).collect() }
    }
}

impl Worker {
    /// Whether it counts towards the cap: those of actors and those that must be kept do not.
    const fn counts(&self) -> bool {
        let kept = self.kept && matches!(self.work, Work::Idle(_) | Work::Asked | Work::Ending);
        !kept && !matches!(self.work, Work::Actor(_))
    }

    /// How many leases it has, and on how many the task waits.
    const fn leases(&self) -> (u32, u32) {
        if let Work::Leased { leases, waiting } = self.work { (leases, waiting) } else { (0, 0) }
    }

    /// Whether it has leases and the tasks of all wait.
    const fn all_wait(&self) -> bool {
        matches!(self.leases(), (leases, waiting) if leases > 0 && leases == waiting)
    }

    /// Since when it is idle, if it is.
    const fn idle(&self) -> Option<Timestamp> {
        if let Work::Idle(since) = self.work { Some(since) } else { None }
    }

    /// Whether it will make room for others.
    const fn goes(&self) -> bool {
        matches!(self.work, Work::Asked) || (matches!(self.work, Work::Ending) && !self.kept)
    }

    fn is_bound_to(&self, environment: &str, bond: Option<&Bond>) -> bool {
        self.environment == environment && self.bond.as_ref() == bond
    }

    fn take_up(&mut self, bond: Bond, work: Work) {
        assert!(
            self.bond.as_ref().is_none_or(|own| *own == bond),
            "SCH-8: a process bound to {:?} works for {bond:?}",
            self.bond
        );
        self.bond = Some(bond);
        self.work = work;
        self.kept = false;
    }
}

impl Pool {
    /// No processes; `ahead` of them are started before anybody asks, `warm` stay when idle, the others for
    /// `idle_life`, and for leases no more than `cap` start as long as one of their tasks runs.
    #[must_use]
    pub const fn new(ahead: usize, warm: usize, cap: usize, idle_life: Duration) -> Self {
        Self { ahead, warm, cap, idle_life, workers: BTreeMap::new(), changed: false }
    }

    /// The environment of a process, as canonical JSON.
    #[must_use]
    pub fn environment_of(&self, worker: WorkerId) -> Option<&str> {
        self.workers.get(&worker).map(|worker| worker.environment.as_str())
    }

    /// What a process does.
    #[must_use]
    pub fn work(&self, worker: WorkerId) -> Option<Work> {
        self.workers.get(&worker).map(|worker| worker.work)
    }

    /// What a process is bound to, unless it is fresh.
    #[must_use]
    pub fn bond_of(&self, worker: WorkerId) -> Option<&Bond> {
        self.workers.get(&worker)?.bond.as_ref()
    }

    /// The job a process works for.
    #[must_use]
    pub fn job_of(&self, worker: WorkerId) -> Option<JobId> {
        self.bond_of(worker).map(|bond| bond.job)
    }

    /// The processes that belong to a job.
    #[must_use]
    pub fn of_job(&self, job: JobId) -> Vec<WorkerId> {
        self.workers.keys().copied().filter(|id| self.job_of(*id) == Some(job)).collect()
    }

    /// How many processes to start ahead of demand.
    #[must_use]
    pub fn missing_ahead(&self) -> usize {
        self.ahead.min(self.cap).saturating_sub(self.counted().count())
    }

    /// How many processes of an environment start.
    fn starting(&self, environment: &str) -> usize {
        let starts = |it: &&Worker| it.work == Work::Starting && it.environment == environment;
        self.workers.values().filter(starts).count()
    }

    /// Where a process for a lease that binds it so would come from; without a bond, one for an actor, which is fresh
    /// and not limited. Of those that start, some are promised.
    pub fn supply(&self, environment: &str, bond: Option<&Bond>, promises: &Promises) -> Supply {
        let fresh = || self.newest(environment, None);
        if let Some(worker) = bond.and_then(|_| self.newest(environment, bond)).or_else(fresh) {
            return Supply::Ready(worker);
        }
        if self.starting(environment) > promises.count(environment) {
            return Supply::Starting;
        }
        let Some(bond) = bond else {
            return Supply::Startable;
        };
        if !self.is_capped(promises) {
            return Supply::Startable;
        }
        if let Some((worker, _)) = self.longest_idle()
            && !self.workers.values().any(Worker::goes)
        {
            return Supply::Capped(Some(worker));
        }
        // Whose tasks all wait runs one more meanwhile: it may be what they wait for.
        match self.lent_again(environment, bond) {
            Some(worker) => Supply::Ready(worker),
            None if self.all_wait(promises) => Supply::Startable,
            None => Supply::Capped(None),
        }
    }

    /// Panics unless one more process may be started for a lease that binds it so.
    pub fn assert_startable(&self, environment: &str, bond: &Bond, promises: &Promises) {
        assert!(
            !self.is_capped(promises)
                || self.all_wait(promises) && self.lent_again(environment, bond).is_none(),
            "SCH-6: no process is started for {bond:?} beyond {} as long as another can run it",
            self.cap
        );
    }

    /// A process is being started.
    pub fn on_forked(&mut self, worker: WorkerId, environment: String) {
        let (bond, work) = (None, Work::Starting);
        let started = Worker { environment, bond, work, ends: false, kept: false };
        self.workers.insert(worker, started);
        self.changed = true;
    }

    /// A process has nothing to do: it started, its lease ended, or it cannot be spared.
    pub fn on_idle(&mut self, now: Timestamp, id: WorkerId) {
        self.change(id, |worker| worker.work = Work::Idle(now));
    }

    /// An actor is to live in a process.
    pub fn on_actor(&mut self, id: WorkerId, bond: Bond, actor: ActorId) {
        self.change(id, |worker| worker.take_up(bond, Work::Actor(actor)));
    }

    /// A process is lent, perhaps once more.
    pub fn on_leased(&mut self, id: WorkerId, bond: Bond) {
        self.change(id, |worker| {
            let (leases, waiting) = worker.leases();
            worker.take_up(bond, Work::Leased { leases: leases + 1, waiting });
        });
    }

    /// A lease of a process ended, whose task `waited`: whether the process has nothing to do then.
    pub fn on_released(&mut self, id: WorkerId, waited: bool) -> bool {
        let is_free = self.change(id, |worker| {
            let (leases, waiting) = worker.leases();
            let (leases, waiting) = (leases - 1, waiting - u32::from(waited));
            let ended = leases == 0 && worker.ends;
            worker.work = if ended { Work::Ending } else { Work::Leased { leases, waiting } };
            leases == 0 && !ended
        });
        is_free == Some(true)
    }

    /// The task on a lease of a process began or ended to wait.
    pub fn on_waiting(&mut self, id: WorkerId, waits: bool) {
        self.change(id, |worker| {
            let (leases, waiting) = worker.leases();
            let waiting = if waits { waiting + 1 } else { waiting - 1 };
            worker.work = Work::Leased { leases, waiting };
        });
    }

    /// An idle process is asked whether it can be spared.
    pub fn ask(&mut self, id: WorkerId) {
        self.change(id, |worker| worker.work = Work::Asked);
    }

    /// A process that was to go stays as long as others need what it has: whether it may work meanwhile.
    pub fn keep(&mut self, id: WorkerId) -> bool {
        let asked = self.change(id, |worker| {
            let asked = worker.work == Work::Asked;
            worker.kept |= asked || worker.ends;
            asked
        });
        asked == Some(true)
    }

    /// An idle process that was kept is needed no longer.
    pub fn on_unneeded(&mut self, now: Timestamp, id: WorkerId) {
        self.change(id, |worker| {
            if worker.kept && worker.idle().is_some() {
                worker.kept = false;
                worker.work = Work::Idle(now);
            }
        });
    }

    /// A process gets nothing more to do, and ends. Unless it is kept, it counts until it is gone.
    pub fn on_ending(&mut self, id: WorkerId) {
        self.change(id, |worker| {
            worker.ends = true;
            if !matches!(worker.work, Work::Leased { .. } | Work::Actor(_)) {
                worker.work = Work::Ending;
            }
        });
    }

    /// A process is gone: what it did, and its environment.
    pub fn on_gone(&mut self, id: WorkerId) -> Option<(Work, String)> {
        self.changed = true;
        self.workers.remove(&id).map(|gone| (gone.work, gone.environment))
    }

    /// Whether anything changed since the last look.
    pub const fn take_changed(&mut self) -> bool {
        std::mem::replace(&mut self.changed, false)
    }

    /// The longest idle process beyond those kept warm, and when it may go.
    #[must_use]
    pub fn surplus(&self) -> Option<(WorkerId, Timestamp)> {
        let longest = self.longest_idle().filter(|_| self.idle().count() > self.warm);
        longest.map(|(worker, since)| (worker, since + self.idle_life))
    }

    /// Whether fewer processes of an environment start than are promised.
    #[must_use]
    pub fn falls_short(&self, environment: &str, promises: &Promises) -> bool {
        self.starting(environment) < promises.count(environment)
    }

    /// An environment of which fewer start than are promised.
    #[must_use]
    pub fn unkept<'a>(&self, promises: &'a Promises) -> Option<&'a str> {
        let mut promised = promises.iter().map(|promise| promise.shape.environment.as_str());
        promised.find(|environment| self.falls_short(environment, promises))
    }

    /// Panics unless enough processes start for what is promised.
    pub fn check(&self, promises: &Promises) {
        assert_eq!(self.unkept(promises), None, "SCH-4: behind every promise a process starts");
    }

    fn change<T>(&mut self, id: WorkerId, change: impl FnOnce(&mut Worker) -> T) -> Option<T> {
        self.changed = true;
        self.workers.get_mut(&id).map(change)
    }

    /// Processes that count towards the cap.
    fn counted(&self) -> impl Iterator<Item = &Worker> {
        self.workers.values().filter(|worker| worker.counts())
    }

    /// Whether as many count as may, beside those that start for actors.
    fn is_capped(&self, promises: &Promises) -> bool {
        self.counted().count() >= self.cap + promises.actors()
    }

    /// Whether the tasks of all that count wait, beside those that start for actors.
    fn all_wait(&self, promises: &Promises) -> bool {
        self.counted().filter(|worker| !worker.all_wait()).count() == promises.actors()
    }

    /// An alike process whose tasks all wait: the one with the fewest.
    fn lent_again(&self, environment: &str, bond: &Bond) -> Option<WorkerId> {
        let alike = self.workers.iter().filter(|(_, worker)| {
            worker.all_wait() && !worker.ends && worker.is_bound_to(environment, Some(bond))
        });
        alike.min_by_key(|(_, worker)| worker.leases()).map(|(id, _)| *id)
    }

    fn newest(&self, environment: &str, bond: Option<&Bond>) -> Option<WorkerId> {
        let idle = self.workers.iter().filter(|(_, it)| it.is_bound_to(environment, bond));
        let since = idle.filter_map(|(id, worker)| Some((worker.idle()?, *id)));
        since.max().map(|(_, id)| id)
    }

    fn idle(&self) -> impl Iterator<Item = (WorkerId, Timestamp)> {
        let idle = self.workers.iter().filter(|(_, worker)| !worker.kept);
        idle.filter_map(|(id, worker)| Some((*id, worker.idle()?)))
    }

    fn longest_idle(&self) -> Option<(WorkerId, Timestamp)> {
        self.idle().min_by_key(|(_, since)| *since)
    }
}
