//! Demands that wait: first come first served, in turns between jobs and between the owners of a job.
//!
//! Owns: the order. Does not own: what is free (`ledger`).
//!
//! Demands of one shape stand in one line, because if the first does not fit, none does. So a look at what could be
//! served costs as much as there are shapes, not as there are demands. Each grant takes one turn; who wants more
//! goes to the end of the line.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;
use std::time::Duration;

use types::{ActorId, JobId, Map, Shape, Timestamp, WorkerId};

use crate::demand::{Claimant, Demand};
use crate::fairness::Fairness;
use crate::ledger::Pot;

/// From this age on, a demand that does not fit holds back others that need the same.
const PATIENCE: Duration = Duration::from_millis(200);

/// A place in the queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Turn {
    number: u64,
    sequence: u64,
}

/// What an owner's demand came to.
#[derive(Debug, PartialEq, Eq)]
#[must_use]
pub enum Asked {
    /// It never said what the shape is.
    UnknownShape,
    /// It waits.
    Waits,
    /// It wants so many fewer than were promised.
    Surplus(u32),
}

/// The first demand of a line.
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
    /// Who waits for each shape, in order.
    lines: Map<Arc<Shape>, BTreeMap<Turn, Claimant>>,
    /// The first of each line, in order.
    heads: BTreeMap<Pot, BTreeMap<Turn, Claimant>>,
    fairness: Fairness,
    sequence: u64,
}

impl Queue {
    /// An owner says how many leases of a shape it could use, having seen `seen` answers.
    pub fn want(
        &mut self,
        now: Timestamp,
        claimant: Claimant,
        (spec, job): (Option<Arc<Shape>>, JobId),
        count: u32,
        seen: u64,
    ) -> Asked {
        if let Some(shape) = spec {
            self.demands.entry(claimant).or_insert_with(|| Demand::new(shape, job, now));
        }
        let Some(demand) = self.demands.get_mut(&claimant) else {
            return Asked::UnknownShape;
        };
        demand.job = if demand.turn.is_none() { job } else { demand.job };
        demand.say(count, seen);
        let surplus = demand.promised.saturating_sub(demand.wanted);
        self.settle(now, claimant);
        if surplus > 0 { Asked::Surplus(surplus) } else { Asked::Waits }
    }

    /// An actor wants a process.
    pub fn want_actor(&mut self, now: Timestamp, actor: ActorId, shape: Arc<Shape>, job: JobId) {
        let claimant = Claimant::Actor(actor);
        let demand = self.demands.entry(claimant).or_insert_with(|| Demand::new(shape, job, now));
        demand.wanted = 1;
        self.settle(now, claimant);
    }

    /// The first line of `pot` whose turn is after `after`.
    #[must_use]
    pub fn next(&self, pot: Pot, after: Option<Turn>) -> Option<Waiting> {
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        let (turn, claimant) = self.heads.get(&pot)?.range((from, Bound::Unbounded)).next()?;
        self.at(*turn, *claimant)
    }

    /// Those who stand behind the first of a line: who lacks no more than a process of its job need not wait for it.
    #[must_use]
    pub fn behind(&self, first: &Waiting) -> Vec<Waiting> {
        let line = self.lines.get(&first.shape).into_iter().flatten();
        line.filter_map(|(turn, claimant)| self.at(*turn, *claimant))
            .filter(|waiting| waiting.turn > first.turn)
            .collect()
    }

    fn at(&self, turn: Turn, claimant: Claimant) -> Option<Waiting> {
        let demand = self.demands.get(&claimant)?;
        Some(Waiting {
            turn,
            claimant,
            shape: Arc::clone(&demand.shape),
            job: demand.job,
            since: demand.since,
            count: demand.waiting(),
        })
    }

    /// The demand took its turn: it has what it needs but a process.
    pub fn on_promised(&mut self, now: Timestamp, claimant: Claimant) {
        self.take_turn(claimant);
        self.change(now, claimant, |demand| demand.promised += 1);
    }

    /// The demand took its turn and was met at once.
    pub fn on_granted(&mut self, now: Timestamp, claimant: Claimant) {
        self.take_turn(claimant);
        self.change(now, claimant, |demand| {
            demand.wanted = demand.wanted.saturating_sub(1);
            demand.answered += 1;
        });
    }

    /// A promise was kept.
    pub fn on_kept(&mut self, now: Timestamp, claimant: Claimant) {
        self.change(now, claimant, |demand| {
            demand.promised = demand.promised.saturating_sub(1);
            demand.wanted = demand.wanted.saturating_sub(1);
            demand.answered += 1;
        });
    }

    /// A promise was taken back: if the demand still wants it, it waits again.
    pub fn on_withdrawn(&mut self, now: Timestamp, claimant: Claimant) {
        self.change(now, claimant, |demand| demand.promised = demand.promised.saturating_sub(1));
    }

    /// The demand will not be met; its promises must be withdrawn before.
    pub fn on_refused(&mut self, now: Timestamp, claimant: Claimant) {
        self.change(now, claimant, |demand| {
            demand.wanted = 0;
            demand.answered += 1;
        });
    }

    /// The demand is withdrawn.
    pub fn forget(&mut self, claimant: Claimant) {
        self.unqueue(claimant);
        self.demands.remove(&claimant);
    }

    /// All demands of a process that ended.
    #[must_use]
    pub fn of_owner(&self, owner: WorkerId) -> Vec<Claimant> {
        let first = Claimant::Lease { owner, shape: 0 };
        let last = Claimant::Lease { owner, shape: u32::MAX };
        self.demands.range(first..=last).map(|(claimant, _)| *claimant).collect()
    }

    /// All demands that wait in `pot`, in order.
    #[must_use]
    pub fn waiting_in(&self, pot: Pot) -> Vec<Claimant> {
        let Some(heads) = self.heads.get(&pot) else {
            return Vec::new();
        };
        let mut waiting: Vec<(Turn, Claimant)> = Vec::new();
        for claimant in heads.values() {
            let line = self.demands.get(claimant).and_then(|demand| self.lines.get(&demand.shape));
            waiting.extend(line.into_iter().flatten().map(|(turn, claimant)| (*turn, *claimant)));
        }
        waiting.sort_unstable();
        waiting.into_iter().map(|(_, claimant)| claimant).collect()
    }

    /// The pots in which somebody waits.
    pub fn pots(&self) -> impl Iterator<Item = Pot> {
        self.heads.keys().copied()
    }

    /// What a claimant asked for.
    #[must_use]
    pub fn demand(&self, claimant: Claimant) -> Option<&Demand> {
        self.demands.get(&claimant)
    }

    /// Panics unless exactly those wait that lack something; `promised` says how many promises a claimant has.
    pub fn check(&self, promised: impl Fn(Claimant) -> u32) {
        let mut waiting = 0;
        for (claimant, demand) in &self.demands {
            assert_eq!(
                demand.turn.is_some(),
                demand.waiting() > 0,
                "SCH-3: {claimant:?} waits exactly as long as it lacks something"
            );
            assert_eq!(demand.promised, promised(*claimant), "SCH-4: promises to {claimant:?}");
            waiting += usize::from(demand.turn.is_some());
            let line = demand.turn.map(|turn| self.lines[&demand.shape].get(&turn));
            assert!(
                line.is_none_or(|found| found == Some(claimant)),
                "SCH-3: {claimant:?} stands in the line of its shape"
            );
        }
        let heads: usize = self.heads.values().map(BTreeMap::len).sum();
        let in_lines: usize = {
            let mut lengths: Vec<usize> = self.lines.values().map(BTreeMap::len).collect();
            lengths.sort_unstable();
            lengths.iter().sum()
        };
        assert_eq!((heads, in_lines), (self.lines.len(), waiting), "SCH-3: nobody stands twice");
    }

    /// Changes a demand; an actor's ends with the one process it wants.
    fn change(&mut self, now: Timestamp, claimant: Claimant, change: impl FnOnce(&mut Demand)) {
        let Some(demand) = self.demands.get_mut(&claimant) else {
            return;
        };
        change(demand);
        if demand.wanted == 0 && matches!(claimant, Claimant::Actor(_)) {
            self.forget(claimant);
        } else {
            self.settle(now, claimant);
        }
    }

    fn take_turn(&mut self, claimant: Claimant) {
        let Some(demand) = self.demands.get(&claimant) else {
            return;
        };
        if let Some(turn) = demand.turn {
            self.fairness.take(demand.job, turn.number);
            self.leave_line(claimant, turn);
        }
    }

    /// Makes the demand wait exactly if it lacks something.
    fn settle(&mut self, now: Timestamp, claimant: Claimant) {
        let Some(demand) = self.demands.get_mut(&claimant) else {
            return;
        };
        match (demand.waiting() > 0, demand.turn) {
            (true, None) => {
                self.sequence += 1;
                let number = self.fairness.enter(demand.job);
                let turn = Turn { number, sequence: self.sequence };
                demand.turn = Some(turn);
                demand.since = now;
                let line = self.lines.entry(Arc::clone(&demand.shape)).or_default();
                let first = line.first_key_value().map(|(turn, _)| *turn);
                line.insert(turn, claimant);
                if first.is_none_or(|first| turn < first) {
                    let heads = self.heads.entry(Pot::of(&demand.shape.strategy)).or_default();
                    first.map(|first| heads.remove(&first));
                    heads.insert(turn, claimant);
                }
            }
            (false, Some(_)) => self.unqueue(claimant),
            (true, Some(_)) | (false, None) => {}
        }
    }

    fn unqueue(&mut self, claimant: Claimant) {
        let Some(demand) = self.demands.get(&claimant) else {
            return;
        };
        if let Some(turn) = demand.turn {
            self.fairness.leave(demand.job);
            self.leave_line(claimant, turn);
        }
    }

    fn leave_line(&mut self, claimant: Claimant, turn: Turn) {
        let Some(demand) = self.demands.get_mut(&claimant) else {
            return;
        };
        demand.turn = None;
        let pot = Pot::of(&demand.shape.strategy);
        let Some(line) = self.lines.get_mut(&demand.shape) else {
            return;
        };
        line.remove(&turn);
        let next = line.first_key_value().map(|(turn, claimant)| (*turn, *claimant));
        if next.is_none() {
            self.lines.remove(&demand.shape);
        }
        let Some(heads) = self.heads.get_mut(&pot) else {
            return;
        };
        if heads.remove(&turn).is_some()
            && let Some((turn, claimant)) = next
        {
            heads.insert(turn, claimant);
        }
        if heads.is_empty() {
            self.heads.remove(&pot);
        }
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
