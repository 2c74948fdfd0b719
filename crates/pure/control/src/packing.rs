//! Finds nodes for the bundles of a placement group.
//!
//! Owns: which arrangements a strategy allows, and which of them is preferred. Does not own: what is free
//! (`nodes`), or what becomes of an arrangement (`groups`).
//!
//! Laying bundles on nodes is bin packing. The search goes from the largest bundle to the smallest, takes the
//! preferred node for each, and goes back where that leads nowhere. The first way down is what a greedy rule would
//! find; the way back makes "nowhere" a fact, as long as the search stays within its limit.

use std::cmp::Reverse;

use types::limits::PLACEMENT_STEPS_MAX;
use types::{Amount, GroupStrategy, NodeId, Resources};

/// Where bundles can lie.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub enum Arrangement {
    /// Each on this node, in their order.
    Found(Vec<NodeId>),
    /// No arrangement exists.
    Nowhere,
    /// None was found within the limit of the search.
    Unknown,
}

/// What is to be laid on a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted<'a> {
    /// What it takes there.
    pub amounts: &'a Resources,
    /// The nodes it may lie on, unless it may lie on any.
    pub nodes: Option<Vec<NodeId>>,
}

/// Lays `bundles` on `rooms`, where earlier bundles of the group lie on the nodes `held`.
pub fn arrange(
    strategy: GroupStrategy,
    bundles: &[Wanted<'_>],
    rooms: Vec<(NodeId, &Resources)>,
    held: &[NodeId],
) -> Arrangement {
    let rooms = rooms.into_iter().map(|(node, free)| {
        let used = held.iter().filter(|other| **other == node).count();
        Room { node, free: free.clone(), used }
    });
    let mut search = Search { strategy, bundles, rooms: rooms.collect(), begun: !held.is_empty() };
    // What a soft strategy would like best is what its strict sister demands.
    let strict = match strategy {
        GroupStrategy::Pack => GroupStrategy::StrictPack,
        GroupStrategy::Spread => GroupStrategy::StrictSpread,
        GroupStrategy::StrictPack | GroupStrategy::StrictSpread => return search.run(),
    };
    search.strategy = strict;
    let best = search.run();
    if matches!(best, Arrangement::Found(_)) {
        return best;
    }
    search.strategy = strategy;
    search.run()
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
    fn run(&mut self) -> Arrangement {
        let mut order: Vec<usize> = (0..self.bundles.len()).collect();
        order.sort_by_key(|bundle| Reverse(size(self.bundles[*bundle].amounts)));
        let mut choices: Vec<Choice> = Vec::with_capacity(order.len());
        // The way straight down and back up is always within the limit.
        let mut steps = PLACEMENT_STEPS_MAX.max(2 * order.len());
        while let Some(bundle) = order.get(choices.len()) {
            let alike = self.alike(&order[choices.len()..]);
            let others = self.candidates(*bundle, alike, self.begun || !choices.is_empty());
            choices.push(Choice { bundle: *bundle, room: None, others });
            steps -= self.go_on(&mut choices);
            if choices.is_empty() {
                return Arrangement::Nowhere;
            }
            if steps <= order.len() {
                return self.give_up(choices);
            }
        }
        self.found(&choices)
    }

    /// How many bundles at the beginning of `rest` have the same content.
    fn alike(&self, rest: &[usize]) -> usize {
        let same = |bundle: &&usize| self.bundles[**bundle] == self.bundles[rest[0]];
        rest.iter().take_while(same).count()
    }

    /// Moves the last choice on, and back up where nothing is left: how many steps that took.
    fn go_on(&mut self, choices: &mut Vec<Choice>) -> usize {
        let mut steps = 1;
        while choices.last_mut().is_some_and(|choice| !self.advance(choice)) {
            choices.pop();
            steps += 1;
        }
        steps
    }

    fn give_up(&mut self, choices: Vec<Choice>) -> Arrangement {
        for mut choice in choices {
            choice.others.clear();
            self.advance(&mut choice);
        }
        Arrangement::Unknown
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

    /// The rooms that may take a bundle, the best last; `alike` bundles of its content are to be laid.
    fn candidates(&self, bundle: usize, alike: usize, begun: bool) -> Vec<usize> {
        let Wanted { amounts, nodes } = &self.bundles[bundle];
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
        if self.strategy == GroupStrategy::StrictSpread && candidates.len() < alike {
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

    fn found(&self, choices: &[Choice]) -> Arrangement {
        let mut nodes = vec![None; self.bundles.len()];
        for choice in choices {
            nodes[choice.bundle] = choice.room.map(|room| self.rooms[room].node);
        }
        nodes.into_iter().collect::<Option<_>>().map_or(Arrangement::Unknown, Arrangement::Found)
    }
}

fn size(bundle: &Resources) -> Amount {
    bundle.iter().fold(Amount::ZERO, |sum, (_, amount)| sum.plus(amount))
}
