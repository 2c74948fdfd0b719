//! Worker processes: which of them start, are idle, work, or shall end.
//!
//! Owns: what each process does and holds, and how many there may be. Does not own: the amounts (`ledger`), or who
//! comes first (`queue`).
//!
//! There are some tens of them, so each question is answered by a look at all.

use std::collections::BTreeMap;
use std::time::Duration;

use types::{ActorId, JobId, LeaseId, Resources, Timestamp, WorkerId};

use crate::demand::Claimant;
use crate::leases::{self, Lease};
use crate::ledger::{Holding, Pot};
use crate::work::{Bond, Placed, Promise, Work};

/// Where a process for some work comes from.
#[derive(Debug, PartialEq, Eq)]
#[must_use]
pub enum Supply {
    /// This one is idle, or may be lent once more.
    Ready(WorkerId),
    /// This one starts already, and is promised to nobody.
    Starting(WorkerId),
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
    /// How many leases were granted.
    granted: u64,
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

impl Worker {
    /// Whether it counts towards the cap: those of actors and those that must be kept do not.
    fn counts(&self) -> bool {
        match &self.work {
            Work::Starting(Some(promise)) => !matches!(promise.claimant, Claimant::Actor(_)),
            Work::Starting(None) | Work::Leased(_) => true,
            Work::Idle(_) | Work::Asked | Work::Ending => !self.kept,
            Work::Actor(_) => false,
        }
    }

    /// How many leases it has if the tasks of all wait.
    fn waiting(&self) -> Option<usize> {
        let Work::Leased(leases) = &self.work else { return None };
        leases.values().all(|lease| lease.holding.is_lent()).then_some(leases.len())
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

    /// Whether it can keep the promise of one that starts.
    fn serves_for(&self, starting: &Self) -> bool {
        let Work::Starting(Some(promise)) = &starting.work else { return false };
        self.environment == starting.environment
            && (self.bond.is_none() || self.bond == promise.bond())
    }

    /// It has nothing to do any more.
    fn rest(&mut self, now: Timestamp) {
        self.work = if self.ends { Work::Ending } else { Work::Idle(now) };
    }

    fn bind(&mut self, bond: Bond) {
        assert!(
            self.bond.as_ref().is_none_or(|own| *own == bond),
            "SCH-8: a process bound to {:?} works for {bond:?}",
            self.bond
        );
        self.bond = Some(bond);
        self.kept = false;
    }
}

impl Pool {
    /// No processes; `ahead` of them are started before anybody asks, `warm` stay when idle, the others for
    /// `idle_life`, and for leases no more than `cap` start as long as one of their tasks runs.
    #[must_use]
    pub const fn new(ahead: usize, warm: usize, cap: usize, idle_life: Duration) -> Self {
        Self { ahead, warm, cap, idle_life, workers: BTreeMap::new(), granted: 0, changed: false }
    }

    /// The environment of a process, as canonical JSON.
    #[must_use]
    pub fn environment_of(&self, worker: WorkerId) -> Option<&str> {
        self.workers.get(&worker).map(|worker| worker.environment.as_str())
    }

    /// What a process does.
    #[must_use]
    pub fn work(&self, worker: WorkerId) -> Option<&Work> {
        self.workers.get(&worker).map(|worker| &worker.work)
    }

    /// The job a process works for.
    #[must_use]
    pub fn job_of(&self, worker: WorkerId) -> Option<JobId> {
        self.workers.get(&worker)?.bond.as_ref().map(|bond| bond.job)
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

    /// Where a process for a lease that binds it so would come from; without a bond, one for an actor, which is fresh
    /// and not limited.
    pub fn supply(&self, environment: &str, bond: Option<&Bond>) -> Supply {
        let fresh = || self.newest(environment, None);
        if let Some(worker) = bond.and_then(|_| self.newest(environment, bond)).or_else(fresh) {
            return Supply::Ready(worker);
        }
        let is_free = |worker: &Worker| {
            matches!(worker.work, Work::Starting(None)) && worker.environment == environment
        };
        if let Some((id, _)) = self.workers.iter().find(|(_, worker)| is_free(worker)) {
            return Supply::Starting(*id);
        }
        let Some(bond) = bond else {
            return Supply::Startable;
        };
        if !self.is_capped() {
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
            None if self.all_wait() => Supply::Startable,
            None => Supply::Capped(None),
        }
    }

    /// Panics unless one more process may be started for a lease that binds it so.
    pub fn assert_startable(&self, environment: &str, bond: &Bond) {
        assert!(
            !self.is_capped() || self.all_wait() && self.lent_again(environment, bond).is_none(),
            "SCH-6: no process is started for {bond:?} beyond {} as long as another can run it",
            self.cap
        );
    }

    /// A process is being started.
    pub fn on_forked(&mut self, worker: WorkerId, environment: String) {
        let (bond, work) = (None, Work::Starting(None));
        let started = Worker { environment, bond, work, ends: false, kept: false };
        self.workers.insert(worker, started);
        self.changed = true;
    }

    /// A process that starts, and is promised to nobody, is promised.
    pub fn promise(&mut self, id: WorkerId, promise: Promise) {
        self.change(id, |worker| worker.work = Work::Starting(Some(promise)));
    }

    /// A process that was to start did: it is idle, unless it was promised.
    pub fn on_started(&mut self, now: Timestamp, id: WorkerId) -> Option<Promise> {
        let work = self.change(id, |it| std::mem::replace(&mut it.work, Work::Idle(now)))?;
        if let Work::Starting(promise) = work { promise } else { None }
    }

    /// The first promise that an idle process can keep before the one that starts for it, and which that is.
    pub fn keep_early(&mut self) -> Option<(WorkerId, Promise)> {
        let mut idle = self.workers.iter().filter(|(_, worker)| worker.idle().is_some());
        let (idle, starting) = idle.find_map(|(id, worker)| {
            let starting = self.workers.iter().find(|(_, other)| worker.serves_for(other))?;
            Some((*id, *starting.0))
        })?;
        let Work::Starting(promise) = &mut self.workers.get_mut(&starting)?.work else {
            return None;
        };
        Some((idle, promise.take()?))
    }

    /// Takes back the newest promise to a claimant.
    pub fn withdraw(&mut self, claimant: Claimant) -> Option<Promise> {
        self.changed = true;
        self.workers.values_mut().rev().find_map(|worker| {
            let Work::Starting(promise) = &mut worker.work else { return None };
            promise.take_if(|promise| promise.claimant == claimant)
        })
    }

    /// A process is lent, perhaps once more.
    pub fn lend(&mut self, id: WorkerId, bond: Bond, lease: Lease) -> LeaseId {
        self.granted += 1;
        let number = LeaseId(self.granted);
        self.change(id, |worker| {
            worker.bind(bond);
            let all_wait = worker.waiting().is_some();
            if let Work::Leased(leases) = &mut worker.work {
                assert!(
                    all_wait,
                    "SCH-9: {id} is lent again only if the tasks of all its leases wait"
                );
                leases.insert(number, lease);
            } else {
                worker.work = Work::Leased(BTreeMap::from([(number, lease)]));
            }
        });
        number
    }

    /// A lease ends. A process that has no other is idle, unless it shall end.
    pub fn end_lease(&mut self, now: Timestamp, id: LeaseId) -> Option<Lease> {
        self.changed = true;
        self.workers.values_mut().find_map(|worker| {
            let Work::Leased(leases) = &mut worker.work else { return None };
            let lease = leases.remove(&id)?;
            if leases.is_empty() {
                worker.rest(now);
            }
            Some(lease)
        })
    }

    /// A lease of a process, whose task begins or ends to wait.
    pub fn lease_mut(&mut self, id: WorkerId, lease: LeaseId) -> Option<&mut Lease> {
        self.changed = true;
        let Work::Leased(leases) = &mut self.workers.get_mut(&id)?.work else { return None };
        leases.get_mut(&lease)
    }

    /// All leases, with their workers.
    pub fn leases(&self) -> impl Iterator<Item = (LeaseId, WorkerId, &Lease)> {
        self.workers.iter().flat_map(|(id, worker)| {
            let leases = if let Work::Leased(leases) = &worker.work { Some(leases) } else { None };
            leases.into_iter().flatten().map(|(lease, of)| (*lease, *id, of))
        })
    }

    /// The leases that must be given back, with their owners, so that `claimant`, who wants `count` more with `amounts`,
    /// has its share.
    pub fn reclaim(
        &mut self,
        pot: Pot,
        claimant: Claimant,
        count: u32,
        amounts: &Resources,
    ) -> Vec<(WorkerId, LeaseId)> {
        let leases = self.workers.values_mut().filter_map(|worker| {
            if let Work::Leased(leases) = &mut worker.work { Some(leases) } else { None }
        });
        leases::reclaim(leases.flatten(), pot, claimant, count, amounts)
    }

    /// An actor is to live in a process.
    pub fn place(&mut self, id: WorkerId, bond: Bond, placed: Placed) {
        self.change(id, |worker| {
            worker.bind(bond);
            worker.work = Work::Actor(placed);
        });
    }

    /// An actor that is placed, and its process.
    pub fn placed(&mut self, actor: ActorId) -> Option<(WorkerId, &mut Placed)> {
        self.workers.iter_mut().find_map(|(id, worker)| {
            let Work::Actor(placed) = &mut worker.work else { return None };
            (placed.actor == actor).then_some((*id, placed))
        })
    }

    /// All that is held for what processes do.
    pub fn holdings(&self) -> impl Iterator<Item = &Holding> {
        self.workers.values().flat_map(|worker| worker.work.holdings())
    }

    /// To whom processes that start are promised, once for each.
    pub fn promised(&self) -> impl Iterator<Item = Claimant> {
        self.workers.values().filter_map(|worker| {
            if let Work::Starting(Some(it)) = &worker.work { Some(it.claimant) } else { None }
        })
    }

    /// The processes that hold something of `pot`.
    #[must_use]
    pub fn holders(&self, pot: Pot) -> Vec<WorkerId> {
        let holds = |worker: &Worker| worker.work.holdings().iter().any(|it| it.pot() == pot);
        self.workers.iter().filter(|(_, worker)| holds(worker)).map(|(id, _)| *id).collect()
    }

    /// An idle process is asked whether it can be spared.
    pub fn ask(&mut self, id: WorkerId) {
        self.change(id, |worker| worker.work = Work::Asked);
    }

    /// A process that was to go stays as long as others need what it has. If it was asked, it may work meanwhile.
    pub fn keep(&mut self, now: Timestamp, id: WorkerId) {
        self.change(id, |worker| {
            let asked = matches!(worker.work, Work::Asked);
            worker.kept |= asked || worker.ends;
            if asked {
                worker.work = Work::Idle(now);
            }
        });
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
            if matches!(worker.work, Work::Idle(_) | Work::Asked) {
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

    fn change<T>(&mut self, id: WorkerId, change: impl FnOnce(&mut Worker) -> T) -> Option<T> {
        self.changed = true;
        self.workers.get_mut(&id).map(change)
    }

    /// Processes that count towards the cap.
    fn counted(&self) -> impl Iterator<Item = &Worker> {
        self.workers.values().filter(|worker| worker.counts())
    }

    fn is_capped(&self) -> bool {
        self.counted().count() >= self.cap
    }

    /// Whether the tasks of all that count wait.
    fn all_wait(&self) -> bool {
        self.counted().all(|worker| worker.waiting().is_some())
    }

    /// An alike process whose tasks all wait: the one with the fewest.
    fn lent_again(&self, environment: &str, bond: &Bond) -> Option<WorkerId> {
        let alike = self
            .workers
            .iter()
            .filter(|(_, worker)| !worker.ends && worker.is_bound_to(environment, Some(bond)));
        let lent = alike.filter_map(|(id, worker)| Some((worker.waiting()?, *id)));
        lent.min().map(|(_, id)| id)
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
