//! Demands that wait: first come first served, in turns between jobs and between the owners of a job.
//!
//! Owns: the order, and how much is promised. Does not own: what is free (`ledger`), or by which process a promise will
//! be kept (`pool`).
//!
//! Each grant takes one turn; who wants more goes to the end.

use std::collections::BTreeMap;
use std::ops::Bound::{Excluded, Unbounded};
use std::sync::Arc;
use std::time::Duration;

use types::{JobId, Shape, Timestamp, WorkerId};

use crate::demand::{Claimant, Demand};
use crate::fairness::Fairness;
use crate::ledger::Pot;

/// From this age on, a demand that does not fit holds back others that need the same.
const PATIENCE: Duration = Duration::from_millis(200);

/// A place among those who wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Turn {
    number: u64,
    sequence: u64,
}

/// A demand whose turn it is.
#[derive(Debug)]
pub struct Waiting {
    /// Its turn.
    pub turn: Turn,
    /// Who it is.
    pub claimant: Claimant,
    /// What it wants.
    pub shape: Arc<Shape>,
    /// For which job.
    pub job: JobId,
    /// Since when.
    pub since: Timestamp,
    /// How many.
    pub count: u32,
}

/// All demands, waiting or not.
#[derive(Debug, Default)]
pub struct Queue {
    demands: BTreeMap<Claimant, Demand>,
    /// Who waits, in order.
    turns: BTreeMap<Turn, Claimant>,
    fairness: Fairness,
    sequence: u64,
}

impl Queue {
    /// A claimant says how many it could use of a shape, having seen `seen` answers. False if it never said what the
    /// shape is.
    pub fn want(
        &mut self,
        now: Timestamp,
        claimant: Claimant,
        (spec, job): (Option<Arc<Shape>>, JobId),
        (count, seen): (u32, u64),
    ) -> bool {
        if let Some(shape) = spec {
            self.demands.entry(claimant).or_insert_with(|| Demand::new(shape, job, now));
        }
        self.change(now, claimant, |demand| {
            demand.job = if demand.turn.is_none() { job } else { demand.job };
            // Answers under way count as met.
            let under_way = u32::try_from(demand.answered.saturating_sub(seen)).unwrap_or(u32::MAX);
            demand.wanted = count.saturating_sub(under_way);
        });
        self.demands.contains_key(&claimant)
    }

    /// The first who waits after `after` with a shape and a job that `may` be served.
    #[must_use]
    pub fn next(
        &self,
        after: Option<Turn>,
        may: impl Fn(&Shape, JobId) -> bool,
    ) -> Option<Waiting> {
        let later = self.turns.range((after.map_or(Unbounded, Excluded), Unbounded));
        let mut demands = later
            .filter_map(|(turn, claimant)| Some((*turn, *claimant, self.demands.get(claimant)?)));
        let (turn, claimant, demand) =
            demands.find(|(_, _, demand)| may(&demand.shape, demand.job))?;
        Some(Waiting {
            turn,
            claimant,
            shape: Arc::clone(&demand.shape),
            job: demand.job,
            since: demand.since,
            count: demand.lacking(),
        })
    }

    /// The demand took its turn and was met.
    pub fn grant(&mut self, now: Timestamp, claimant: Claimant) {
        self.take_turn(claimant);
        self.change(now, claimant, |demand| demand.answer(1));
    }

    /// The demand took its turn and has what it needs, but for a process that starts.
    pub fn promise(&mut self, now: Timestamp, claimant: Claimant) {
        self.take_turn(claimant);
        self.change(now, claimant, |demand| demand.promised += 1);
    }

    /// A promise to a claimant is kept.
    pub fn keep(&mut self, now: Timestamp, claimant: Claimant) {
        self.change(now, claimant, |demand| {
            demand.promised -= 1;
            demand.answer(1);
        });
    }

    /// A promise to a claimant is taken back: if the demand still wants it, it waits again.
    pub fn withdraw(&mut self, now: Timestamp, claimant: Claimant) {
        self.change(now, claimant, |demand| demand.promised -= 1);
    }

    /// The demand will not be met; its promises must be withdrawn before.
    pub fn refuse(&mut self, now: Timestamp, claimant: Claimant) {
        self.change(now, claimant, |demand| demand.answer(u32::MAX));
    }

    /// The demand is withdrawn.
    pub fn forget(&mut self, claimant: Claimant) {
        self.give_up_turn(claimant);
        self.demands.remove(&claimant);
    }

    /// All demands of a process that ended.
    #[must_use]
    pub fn of_owner(&self, owner: WorkerId) -> Vec<Claimant> {
        let first = Claimant::Lease { owner, shape: 0 };
        let last = Claimant::Lease { owner, shape: u32::MAX };
        self.demands.range(first..=last).map(|(claimant, _)| *claimant).collect()
    }

    /// All who want something of `pot`, be it promised or not.
    #[must_use]
    pub fn wanting_in(&self, pot: Pot) -> Vec<Claimant> {
        let wants = |demand: &Demand| demand.wanted > 0 && Pot::of(&demand.shape.strategy) == pot;
        self.demands.iter().filter(|(_, it)| wants(it)).map(|(claimant, _)| *claimant).collect()
    }

    /// The demands that wait, in order.
    pub fn waiting(&self) -> impl Iterator<Item = &Demand> {
        self.turns.values().filter_map(|claimant| self.demands.get(claimant))
    }

    /// What a claimant asked for.
    #[must_use]
    pub fn demand(&self, claimant: Claimant) -> Option<&Demand> {
        self.demands.get(&claimant)
    }

    /// Whether a claimant waits.
    #[must_use]
    pub fn waits(&self, claimant: Claimant) -> bool {
        self.demand(claimant).is_some_and(|demand| demand.turn.is_some())
    }

    /// Whether more is promised to a claimant than it could use.
    #[must_use]
    pub fn has_surplus(&self, claimant: Claimant) -> bool {
        self.demand(claimant).is_some_and(|demand| demand.promised > demand.wanted)
    }

    /// Panics unless exactly those wait that lack something, and `promised` are those who have promises, for each one.
    pub fn check(&self, promised: impl Iterator<Item = Claimant>) {
        let mut promises: BTreeMap<Claimant, u32> = BTreeMap::new();
        promised.for_each(|claimant| *promises.entry(claimant).or_default() += 1);
        let mut waiting = 0;
        for (claimant, demand) in &self.demands {
            let starting = promises.remove(claimant).unwrap_or(0);
            assert_eq!(demand.promised, starting, "SCH-4: behind every promise a process starts");
            let found = demand.turn.map(|turn| self.turns.get(&turn));
            let expected = (demand.lacking() > 0).then_some(Some(claimant));
            assert_eq!(found, expected, "SCH-3: who waits exactly as long as it lacks something");
            waiting += usize::from(found.is_some());
        }
        assert_eq!(self.turns.len(), waiting, "SCH-3: nobody stands twice");
        assert!(promises.is_empty(), "SCH-4: {promises:?} are made to nobody");
    }

    /// Changes a demand, and makes it wait exactly if it lacks something; an actor's ends with the one process it wants.
    fn change(&mut self, now: Timestamp, claimant: Claimant, change: impl FnOnce(&mut Demand)) {
        let Some(demand) = self.demands.get_mut(&claimant) else {
            return;
        };
        change(demand);
        if demand.wanted == 0 && matches!(claimant, Claimant::Actor(_)) {
            self.forget(claimant);
        } else if demand.lacking() == 0 {
            self.give_up_turn(claimant);
        } else if demand.turn.is_none() {
            self.sequence += 1;
            let turn = Turn { number: self.fairness.enter(demand.job), sequence: self.sequence };
            demand.turn = Some(turn);
            demand.since = now;
            self.turns.insert(turn, claimant);
        }
    }

    fn take_turn(&mut self, claimant: Claimant) {
        if let Some((job, turn)) = self.leave(claimant) {
            self.fairness.take(job, turn.number);
        }
    }

    fn give_up_turn(&mut self, claimant: Claimant) {
        if let Some((job, _)) = self.leave(claimant) {
            self.fairness.leave(job);
        }
    }

    fn leave(&mut self, claimant: Claimant) -> Option<(JobId, Turn)> {
        let demand = self.demands.get_mut(&claimant)?;
        let turn = demand.turn.take()?;
        self.turns.remove(&turn);
        Some((demand.job, turn))
    }
}

/// Until when a demand that waits since `since` and does not fit holds others back; `None` if it does not now.
///
/// It does so in spans that double, with spans between them in which the others go on: a demand for much is met in
/// the end, however long the others run, and two demands that hold what the other needs do not stop each other.
#[must_use]
pub fn holds_back_until(since: Timestamp, now: Timestamp) -> Option<Timestamp> {
    let age = now.since(since).as_nanos() / PATIENCE.as_nanos();
    let span = age.checked_ilog2()?;
    let until = PATIENCE.saturating_mul(1 << (span + 1).min(31));
    span.is_multiple_of(2).then(|| since + until)
}
