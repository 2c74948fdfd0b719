//! Connections between processes: in order in each direction, late by a seeded delay, lost with a process.
//!
//! Owns: when what is said arrives, and what never does. Does not own: what is said.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use types::{Rng, Timestamp, WorkerId};

/// One end of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum End {
    Daemon,
    Process(WorkerId),
}

/// All connections.
#[derive(Debug)]
pub(crate) struct Network {
    rng: Rng,
    lanes: BTreeMap<(End, End), Lane>,
    links: BTreeSet<(End, End)>,
    /// How much later than others everything from a process arrives.
    slow: BTreeMap<End, u64>,
    dead: BTreeSet<WorkerId>,
    /// Losses that are on their way: to whom, of whom.
    losing: BTreeSet<(WorkerId, WorkerId)>,
}

#[derive(Debug)]
struct Lane {
    last: Timestamp,
    factor: u64,
    /// Of what a dead process said, nothing after this arrives.
    cut: Option<Timestamp>,
}

impl Network {
    pub(crate) fn new(rng: Rng) -> Self {
        let (lanes, links, slow) = (BTreeMap::new(), BTreeSet::new(), BTreeMap::new());
        Self { rng, lanes, links, slow, dead: BTreeSet::new(), losing: BTreeSet::new() }
    }

    /// When something said now arrives: after all that was said before in the same direction.
    pub(crate) fn arrival(&mut self, now: Timestamp, from: End, to: End) -> Timestamp {
        let setup = !self.links.contains(&pair(from, to)) && from != to;
        if setup {
            self.links.insert(pair(from, to));
        }
        let slow = self.slow.get(&from).max(self.slow.get(&to)).copied().unwrap_or(1);
        let rng = &mut self.rng;
        let lane = self.lanes.entry((from, to)).or_insert_with(|| {
            let factor = if rng.chance(1, 6) { 1 + rng.below(200) } else { 1 };
            Lane { last: Timestamp::ZERO, factor, cut: None }
        });
        let base = match rng.below(20) {
            0 => 200 + rng.below(3000),
            1..=4 => 20 + rng.below(200),
            _ => 1 + rng.below(20),
        };
        let setup_us = if setup { 20 + rng.below(200) } else { 0 };
        let delay = Duration::from_micros((base * lane.factor).min(20_000) * slow + setup_us);
        lane.last = (now + delay).max(lane.last + Duration::from_nanos(1));
        lane.last
    }

    pub(crate) fn slow_down(&mut self, process: WorkerId, factor: u64) {
        self.slow.insert(End::Process(process), factor);
    }

    /// Whether something said by `from` at `said` arrives, though `from` may be dead.
    pub(crate) fn is_whole(&self, said: Timestamp, from: End, to: End) -> bool {
        let cut = self.lanes.get(&(from, to)).and_then(|lane| lane.cut);
        cut.is_none_or(|cut| said <= cut)
    }

    /// A process ended: who is connected to it sees that at these times. Unless it ended by itself, what it said last
    /// may never arrive.
    pub(crate) fn on_end(
        &mut self,
        now: Timestamp,
        ended: WorkerId,
        clean: bool,
    ) -> Vec<(End, Timestamp)> {
        self.dead.insert(ended);
        let me = End::Process(ended);
        let connected = self.links.iter().filter(|(one, other)| *one == me || *other == me);
        let peers: Vec<End> =
            connected.map(|(one, other)| if *one == me { *other } else { *one }).collect();
        let mut losses = Vec::new();
        for peer in peers {
            let at = self.arrival(now, me, peer);
            if !clean {
                self.cut(now, me, peer);
            }
            if let End::Process(peer) = peer {
                self.losing.insert((peer, ended));
            }
            losses.push((peer, at));
        }
        losses
    }

    /// What `me` said to `peer` just before it ended may be lost.
    fn cut(&mut self, now: Timestamp, me: End, peer: End) {
        let lost = Duration::from_micros(self.rng.below(60) * self.rng.below(2));
        let cut = Timestamp(now.0.saturating_sub(lost.as_nanos() as u64));
        if let Some(lane) = self.lanes.get_mut(&(me, peer)) {
            lane.cut = Some(cut);
        }
    }

    /// A process speaks to a dead one: when it sees that, unless it is about to see it anyway.
    pub(crate) fn on_said_to_dead(
        &mut self,
        now: Timestamp,
        from: WorkerId,
        dead: WorkerId,
    ) -> Option<Timestamp> {
        let news = self.dead.contains(&dead) && self.losing.insert((from, dead));
        news.then(|| now + Duration::from_micros(1 + self.rng.below(500)))
    }

    /// A process saw that another is gone.
    pub(crate) fn on_lost(&mut self, process: WorkerId, gone: WorkerId) {
        self.losing.remove(&(process, gone));
        self.links.remove(&pair(End::Process(process), End::Process(gone)));
    }
}

fn pair(one: End, other: End) -> (End, End) {
    (one.min(other), one.max(other))
}
