//! Finds nodes for the bundles of a placement group.
//!
//! Owns: which arrangements a strategy allows, and which of them is preferred. Does not own: what is free
//! (`nodes`), or what becomes of an arrangement (`groups`).
//!
//! Laying bundles on nodes is bin packing. The search goes from the largest bundle to the smallest, takes the
//! preferred node for each, and goes back where that leads nowhere. The first way down is what a greedy rule would
//! find; the way back finds an arrangement if there is one, as long as the search stays within its limit.

use std::cmp::Reverse;

use types::limits::PLACEMENT_STEPS_MAX;
use types::{Amount, GroupStrategy, NodeId, Resources};

/// What is to be laid on a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted<'a> {
    /// What it takes there.
    pub amounts: &'a Resources,
    /// The nodes it may lie on, unless it may lie on any.
    pub nodes: Option<Vec<NodeId>>,
}

/// Lays `bundles` on `rooms`, where earlier bundles of the group lie on the nodes `held`: a node for each, in their
/// order, unless no arrangement exists or none was found within the limit of the search.
#[must_use]
pub fn arrange(
    strategy: GroupStrategy,
    bundles: &[Wanted<'_>],
    rooms: &[(NodeId, &Resources)],
    held: &[NodeId],
) -> Option<Vec<NodeId>> {
    let arranged = |strategy| {
        let rooms = rooms.iter().map(|(node, free)| Room {
            node: *node,
            free: Resources::clone(free),
            used: held.iter().filter(|other| *other == node).count(),
        });
        Search { strategy, bundles, rooms: rooms.collect(), begun: !held.is_empty() }.run()
    };
    // What a soft strategy would like best is what its strict sister demands.
    let strict = match strategy {
        GroupStrategy::Pack => Some(GroupStrategy::StrictPack),
        GroupStrategy::Spread => Some(GroupStrategy::StrictSpread),
        GroupStrategy::StrictPack | GroupStrategy::StrictSpread => None,
    };
    strict.and_then(arranged).or_else(|| arranged(strategy))
}

struct Search<'a> {
    strategy: GroupStrategy,
    bundles: &'a [Wanted<'a>],
    rooms: Vec<Room>,
    /// Some bundles of the group lie somewhere already.
    begun: bool,
}

struct Room {
    node: NodeId,
    free: Resources,
    /// How many bundles of the group lie here.
    used: usize,
}

/// The choice for one bundle: where it lies, and where else it could, the best last.
struct Choice {
    bundle: usize,
    room: Option<usize>,
    others: Vec<usize>,
}

impl Search<'_> {
    fn run(mut self) -> Option<Vec<NodeId>> {
        let mut order: Vec<usize> = (0..self.bundles.len()).collect();
        order.sort_by_key(|bundle| Reverse(size(self.bundles[*bundle].amounts)));
        let mut choices: Vec<Choice> = Vec::with_capacity(order.len());
        // The way straight down is always within the limit.
        let mut steps = PLACEMENT_STEPS_MAX.max(order.len());
        while let Some(bundle) = order.get(choices.len()) {
            let others = self.candidates(&order[choices.len()..], !choices.is_empty());
            choices.push(Choice { bundle: *bundle, room: None, others });
            while !self.advance(choices.last_mut()?) {
                choices.pop();
                steps = steps.checked_sub(1)?;
            }
            steps = steps.checked_sub(1)?;
        }
        self.found(&choices)
    }

    /// How many bundles at the beginning of `rest` have the same content.
    fn alike(&self, rest: &[usize]) -> usize {
        let same = |bundle: &&usize| self.bundles[**bundle] == self.bundles[rest[0]];
        rest.iter().take_while(same).count()
    }

    /// Moves a bundle to its next candidate; false if there is none.
    fn advance(&mut self, choice: &mut Choice) -> bool {
        let bundle = self.bundles[choice.bundle].amounts;
        if let Some(room) = choice.room.take() {
            self.rooms[room].free.add(bundle);
            self.rooms[room].used -= 1;
        }
        let Some(next) = choice.others.pop() else {
            return false;
        };
        self.rooms[next].free.subtract(bundle);
        self.rooms[next].used += 1;
        choice.room = Some(next);
        true
    }

    /// The rooms that may take the first of the bundles that are left, the best last.
    fn candidates(&self, rest: &[usize], laid_some: bool) -> Vec<usize> {
        let Wanted { amounts, nodes } = &self.bundles[rest[0]];
        let begun = self.begun || laid_some;
        let fits = |room: &Room| {
            nodes.as_ref().is_none_or(|nodes| nodes.contains(&room.node)) && room.free.fits(amounts)
        };
        let allowed = |room: &Room| match self.strategy {
            GroupStrategy::Pack | GroupStrategy::Spread => true,
            GroupStrategy::StrictPack => !begun || room.used > 0,
            GroupStrategy::StrictSpread => room.used == 0,
        };
        let rooms = self.rooms.iter().enumerate();
        let able = rooms.filter(|(_, room)| allowed(room) && fits(room));
        let mut candidates: Vec<usize> = able.map(|(index, _)| index).collect();
        if self.strategy == GroupStrategy::StrictSpread && candidates.len() < self.alike(rest) {
            return Vec::new();
        }
        match self.strategy {
            GroupStrategy::Pack | GroupStrategy::StrictPack => {
                candidates.sort_by_key(|index| (self.rooms[*index].used, Reverse(*index)));
            }
            GroupStrategy::Spread | GroupStrategy::StrictSpread => {
                candidates.sort_by_key(|index| Reverse((self.rooms[*index].used, *index)));
            }
        }
        candidates
    }

    fn found(&self, choices: &[Choice]) -> Option<Vec<NodeId>> {
        let mut nodes = vec![None; self.bundles.len()];
        for choice in choices {
            nodes[choice.bundle] = choice.room.map(|room| self.rooms[room].node);
        }
        nodes.into_iter().collect()
    }
}

fn size(bundle: &Resources) -> Amount {
    bundle.iter().fold(Amount::ZERO, |sum, (_, amount)| sum.plus(amount))
}
