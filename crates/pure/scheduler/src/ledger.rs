//! What the node has, what of it is reserved for placement groups, and who holds what.
//!
//! Owns: every amount on the node. Does not own: who comes first (`queue`), or in which process (`pool`).

mod bundles;

use std::collections::BTreeMap;

use types::{Amount, Assignment, Failure, GroupId, Memory, Resources, Strategy};

use crate::capacity::{CPU, Capacity};
use crate::explain;
use bundles::{Bundle, Group, Phase};

/// So many removed groups are remembered, for those who still ask for them.
const REMOVED_GROUPS_MAX: usize = 65_536;

/// The stock that a demand is served from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Pot {
    /// What is not reserved.
    Node,
    /// The bundles of a group.
    Group(GroupId),
}

impl Pot {
    /// The stock that `strategy` names.
    #[must_use]
    pub const fn of(strategy: &Strategy) -> Self {
        match strategy {
            Strategy::Group { group, .. } => Self::Group(*group),
            Strategy::Pack | Strategy::Spread | Strategy::Node { .. } | Strategy::Labels(..) => {
                Self::Node
            }
        }
    }
}

/// Where held amounts were taken from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// From what is not reserved.
    Node,
    /// From this bundle.
    Bundle(GroupId, u32),
}

/// Amounts that somebody holds. Only [`Ledger::give_back`] ends it.
#[derive(Debug)]
#[must_use]
pub struct Holding {
    place: Place,
    assignment: Assignment,
    /// Its CPUs are lent to others while the holder waits.
    lent: bool,
    lasting: bool,
}

impl Holding {
    /// The amounts and devices.
    #[must_use]
    pub const fn assignment(&self) -> &Assignment {
        &self.assignment
    }

    /// It without the CPUs that are not in `kept`.
    #[must_use]
    pub fn part(&self, kept: &Resources) -> Assignment {
        let mut part = self.assignment.clone();
        part.resources.set(CPU, self.cpus().min(kept.get(CPU)));
        part
    }

    /// The stock they came from.
    #[must_use]
    pub const fn pot(&self) -> Pot {
        match self.place {
            Place::Node => Pot::Node,
            Place::Bundle(group, _) => Pot::Group(group),
        }
    }

    fn cpus(&self) -> Amount {
        self.assignment.resources.get(CPU)
    }

    /// Whether its CPUs are lent to others.
    #[must_use]
    pub const fn is_lent(&self) -> bool {
        self.lent
    }

    /// What really is with the holder.
    fn kept(&self) -> Resources {
        let mut kept = self.assignment.resources.clone();
        if self.lent {
            kept.set(CPU, Amount::ZERO);
        }
        kept
    }
}

/// All amounts on the node.
#[derive(Debug)]
pub struct Ledger {
    node: Capacity,
    groups: BTreeMap<GroupId, Group>,
    removed: Memory<GroupId, ()>,
}

impl Ledger {
    /// A node with `total`, all of it free.
    #[must_use]
    pub fn new(total: Resources) -> Self {
        Self {
            node: Capacity::of_node(total),
            groups: BTreeMap::new(),
            removed: Memory::new(REMOVED_GROUPS_MAX),
        }
    }

    /// What the node has.
    #[must_use]
    pub const fn total(&self) -> &Resources {
        self.node.total()
    }

    /// What is held or reserved.
    #[must_use]
    pub const fn held(&self) -> &Resources {
        self.node.held()
    }

    /// What is neither.
    #[must_use]
    pub fn free(&self) -> Resources {
        self.node.free()
    }

    /// How often something came back to what is not reserved.
    #[must_use]
    pub const fn returns(&self) -> u64 {
        self.node.returns()
    }

    /// Whether `amounts` can be had some day; a group that is not there yet may still come.
    ///
    /// # Errors
    /// Why it cannot.
    pub fn could_ever(&self, strategy: &Strategy, amounts: &Resources) -> Result<(), Failure> {
        if let Strategy::Group { group, bundle } = strategy {
            if self.removed.get(*group).is_some() {
                return Err(Failure::GroupRemoved(*group));
            }
            let Some(Group { bundles, .. }) = self.groups.get(group) else {
                return Ok(());
            };
            if let Some(index) = bundle.filter(|index| !bundles.contains_key(index)) {
                return Err(explain::no_such_bundle(*group, index, bundles.len()));
            }
        }
        if self.stocks(strategy).any(|stock| stock.could_ever_fit(amounts)) {
            return Ok(());
        }
        Err(explain::too_large(strategy, amounts, self.stocks(strategy).map(Capacity::total)))
    }

    /// Whether `amounts` will be free once all work at hand is done.
    #[must_use]
    pub fn will_fit(&self, strategy: &Strategy, amounts: &Resources) -> bool {
        self.stocks(strategy).any(|stock| stock.will_fit(amounts))
    }

    /// What is free where `strategy` points; for any bundle of a group, what is free in all of them.
    #[must_use]
    pub fn free_for(&self, strategy: &Strategy) -> Resources {
        let mut free = Resources::default();
        self.stocks(strategy).for_each(|stock| free.add(&stock.free()));
        free
    }

    /// Takes `amounts` where `strategy` points, if they are free. A lasting holder keeps them when its work is done.
    pub fn take(
        &mut self,
        strategy: &Strategy,
        amounts: &Resources,
        lasting: bool,
    ) -> Option<Holding> {
        let (place, assignment) = match strategy {
            Strategy::Group { group, bundle } => {
                let reserved = self.groups.get_mut(group)?;
                let (index, assignment) = reserved.take(*bundle, amounts, lasting)?;
                (Place::Bundle(*group, index), assignment)
            }
            Strategy::Pack | Strategy::Spread | Strategy::Node { .. } | Strategy::Labels(..) => {
                (Place::Node, self.node.take(amounts, lasting)?)
            }
        };
        Some(Holding { place, assignment, lent: false, lasting })
    }

    /// Ends a holding.
    pub fn give_back(&mut self, mut holding: Holding) {
        self.end_lending(&mut holding);
        self.capacity(holding.place).give_back(&holding.assignment, holding.lasting);
        let Place::Bundle(group, index) = holding.place else {
            return;
        };
        let reserved = self.groups.get_mut(&group);
        let reserved = reserved.expect("SCH-7: a bundle stays as long as it has holders");
        if reserved.on_holder_left(index) {
            self.free_bundle(group, index);
        }
    }

    /// The holder waits: others may have its CPUs.
    pub fn lend(&mut self, holding: &mut Holding) {
        if !std::mem::replace(&mut holding.lent, true) {
            self.capacity(holding.place).lend(holding.cpus());
        }
    }

    /// The holder goes on and has its CPUs again, even if others have them too.
    pub fn end_lending(&mut self, holding: &mut Holding) {
        if std::mem::replace(&mut holding.lent, false) {
            self.capacity(holding.place).end_lending(holding.cpus());
        }
    }

    /// Gives back the CPUs that are not in `kept`.
    pub fn shrink(&mut self, holding: &mut Holding, kept: &Resources) {
        let part = holding.part(kept);
        let mut surplus = std::mem::replace(&mut holding.assignment, part).resources;
        surplus.subtract(&holding.assignment.resources);
        let surplus = Assignment { resources: surplus, ..Assignment::default() };
        self.capacity(holding.place).give_back(&surplus, holding.lasting);
    }

    /// Reserves all of `bundles` for a group, or none.
    pub fn prepare(&mut self, group: GroupId, bundles: &[(u32, Resources)]) -> bool {
        if let Some(reserved) = self.groups.get(&group) {
            return !matches!(reserved.phase, Phase::Returning);
        }
        let mut reserved = BTreeMap::new();
        for (index, amounts) in bundles {
            let Some(assignment) = self.node.take(amounts, true) else {
                break;
            };
            reserved.insert(*index, Bundle::new(assignment));
        }
        if reserved.len() < bundles.len() {
            let taken = reserved.values();
            taken.for_each(|bundle| self.node.give_back(&bundle.reserved, true));
            return false;
        }
        self.removed.forget(group);
        self.groups.insert(group, Group { phase: Phase::Prepared, bundles: reserved });
        true
    }

    /// The bundles of a group may be used. False if they are not reserved.
    pub fn commit(&mut self, group: GroupId) -> bool {
        let Some(reserved) = self.groups.get_mut(&group) else {
            return false;
        };
        let prepared = matches!(reserved.phase, Phase::Prepared);
        if prepared {
            reserved.phase = Phase::Committed;
        }
        prepared
    }

    /// Ends a group: its bundles are free as soon as nobody holds any of them. True if somebody still does.
    pub fn return_bundles(&mut self, group: GroupId) -> bool {
        self.removed.remember(group, ());
        let Some(reserved) = self.groups.get_mut(&group) else {
            return false;
        };
        reserved.phase = Phase::Returning;
        let bundles = reserved.bundles.iter();
        let unused: Vec<u32> =
            bundles.filter(|(_, bundle)| bundle.holders == 0).map(|(index, _)| *index).collect();
        for index in unused {
            self.free_bundle(group, index);
        }
        self.groups.get(&group).is_some_and(|reserved| !reserved.bundles.is_empty())
    }

    /// Panics unless `holdings`, which are all there are, and what is free are all there is.
    pub fn check<'a>(&self, holdings: impl Iterator<Item = &'a Holding>) {
        let mut held: BTreeMap<Place, (Resources, u32)> = BTreeMap::new();
        for holding in holdings {
            let (amounts, count) = held.entry(holding.place).or_default();
            amounts.add(&holding.kept());
            *count += 1;
        }
        let (mut of_node, _) = held.remove(&Place::Node).unwrap_or_default();
        for (group, reserved) in &self.groups {
            for (index, bundle) in &reserved.bundles {
                of_node.add(&bundle.reserved.resources);
                let (amounts, count) =
                    held.remove(&Place::Bundle(*group, *index)).unwrap_or_default();
                bundle.inside.check(&amounts);
                assert_eq!(
                    bundle.holders, count,
                    "SCH-7: bundle {index} of {group} knows its holders"
                );
            }
        }
        assert!(held.is_empty(), "SCH-7: {:?} hold bundles that are gone", held.keys());
        self.node.check(&of_node);
    }

    /// The stocks where `strategy` points: the node, or a group's bundles that are there.
    fn stocks(&self, strategy: &Strategy) -> impl Iterator<Item = &Capacity> {
        let (node, group, bundle) = match strategy {
            Strategy::Group { group, bundle } => (None, self.groups.get(group), *bundle),
            Strategy::Pack | Strategy::Spread | Strategy::Node { .. } | Strategy::Labels(..) => {
                (Some(&self.node), None, None)
            }
        };
        let bundles = group.into_iter().flat_map(move |group| group.bundles_for(bundle));
        node.into_iter().chain(bundles.map(|bundle| &bundle.inside))
    }

    fn capacity(&mut self, place: Place) -> &mut Capacity {
        match place {
            Place::Node => &mut self.node,
            Place::Bundle(group, index) => {
                let reserved = self.groups.get_mut(&group);
                let bundle = reserved.and_then(|group| group.bundles.get_mut(&index));
                &mut bundle.expect("SCH-7: a bundle stays as long as it has holders").inside
            }
        }
    }

    fn free_bundle(&mut self, group: GroupId, index: u32) {
        let Some(reserved) = self.groups.get_mut(&group) else {
            return;
        };
        if let Some(bundle) = reserved.bundles.remove(&index) {
            self.node.give_back(&bundle.reserved, true);
        }
        if reserved.bundles.is_empty() {
            self.groups.remove(&group);
        }
    }
}
