//! What the node has, what of it is reserved for placement groups, and who holds what.
//!
//! Owns: every amount on the node. Does not own: who comes first (`queue`), or in which process (`pool`).

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use types::{Amount, Assignment, Failure, GroupId, Memory, Resources, Strategy};

use crate::capacity::{CPU, Capacity};
use crate::explain;

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
        if let Strategy::Group { group, .. } = strategy { Self::Group(*group) } else { Self::Node }
    }
}

/// Where held amounts were taken from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// From what is not reserved.
    Node,
    /// From this bundle.
    Bundle((GroupId, u32)),
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
            Place::Bundle((group, _)) => Pot::Group(group),
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
    bundles: BTreeMap<(GroupId, u32), Bundle>,
    removed: Memory<GroupId, ()>,
}

/// What is reserved for one bundle of a placement group.
#[derive(Debug)]
struct Bundle {
    reserved: Assignment,
    inside: Capacity,
    holders: u32,
    /// It may be used. Before, other nodes may still refuse the group; afterwards, it is freed when its holders are gone.
    committed: bool,
}

impl Ledger {
    /// A node with `total`, all of it free.
    #[must_use]
    pub fn new(total: Resources) -> Self {
        Self {
            node: Capacity::of_node(total),
            bundles: BTreeMap::new(),
            removed: Memory::new(REMOVED_GROUPS_MAX),
        }
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
            let count = self.bundles.range(bundles_of(*group)).count();
            if count == 0 {
                return Ok(());
            }
            if let Some(index) =
                bundle.filter(|index| !self.bundles.contains_key(&(*group, *index)))
            {
                return Err(explain::no_such_bundle(*group, index, count));
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

    /// Why a demand waits that could be met, in words.
    #[must_use]
    pub fn explain(&self, strategy: &Strategy, amounts: &Resources) -> String {
        let fits = self.stocks(strategy).any(|stock| stock.fits(amounts));
        explain::why_it_waits(amounts, fits, &self.node.free(), self.node.total())
    }

    /// Takes `amounts` where `strategy` points, if they are free. A lasting holder keeps them when its work is done.
    pub fn take(
        &mut self,
        strategy: &Strategy,
        amounts: &Resources,
        lasting: bool,
    ) -> Option<Holding> {
        let (place, assignment) = match bundles_named(strategy) {
            Some(named) => self.bundles.range_mut(named).find_map(|(key, bundle)| {
                let assignment = bundle.take(amounts, lasting)?;
                Some((Place::Bundle(*key), assignment))
            })?,
            None => (Place::Node, self.node.take(amounts, lasting)?),
        };
        Some(Holding { place, assignment, lent: false, lasting })
    }

    /// Ends a holding.
    pub fn give_back(&mut self, mut holding: Holding) {
        self.end_lending(&mut holding);
        self.capacity(holding.place).give_back(&holding.assignment, holding.lasting);
        if let Place::Bundle(key) = holding.place {
            self.bundle(key).holders -= 1;
            self.free_unused(key..=key);
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

    /// Reserves all of `bundles` for a group, or none; none as long as some that it had are not free.
    pub fn prepare(&mut self, group: GroupId, bundles: &[(u32, Resources)]) -> bool {
        if self.bundles.range(bundles_of(group)).any(|(_, bundle)| !bundle.committed) {
            return false;
        }
        let prepared = bundles.iter().all(|(index, amounts)| {
            let reserved = self.node.take(amounts, true).map(Bundle::new);
            reserved.map(|bundle| self.bundles.insert((group, *index), bundle)).is_some()
        });
        if prepared {
            self.removed.forget(group);
        } else {
            self.free_unused(bundles_of(group));
        }
        prepared
    }

    /// The bundles of a group may be used.
    pub fn commit(&mut self, group: GroupId) {
        let bundles = self.bundles.range_mut(bundles_of(group));
        bundles.for_each(|(_, bundle)| bundle.committed = true);
    }

    /// Ends a group: each of its bundles is free as soon as nobody holds a part of it.
    pub fn return_bundles(&mut self, group: GroupId) {
        self.removed.remember(group, ());
        let bundles = self.bundles.range_mut(bundles_of(group));
        bundles.for_each(|(_, bundle)| bundle.committed = false);
        self.free_unused(bundles_of(group));
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
        for (key, bundle) in &self.bundles {
            of_node.add(&bundle.reserved.resources);
            let (amounts, count) = held.remove(&Place::Bundle(*key)).unwrap_or_default();
            bundle.inside.check(&amounts);
            assert_eq!(bundle.holders, count, "SCH-7: bundle {key:?} knows its holders");
        }
        assert!(held.is_empty(), "SCH-7: {:?} hold bundles that are gone", held.keys());
        self.node.check(&of_node);
    }

    /// The stocks where `strategy` points: the node, or a group's bundles that are there.
    fn stocks(&self, strategy: &Strategy) -> impl Iterator<Item = &Capacity> {
        let named = bundles_named(strategy);
        let node = named.is_none().then_some(&self.node);
        let bundles = named.into_iter().flat_map(|named| self.bundles.range(named));
        node.into_iter().chain(bundles.map(|(_, bundle)| &bundle.inside))
    }

    fn capacity(&mut self, place: Place) -> &mut Capacity {
        match place {
            Place::Node => &mut self.node,
            Place::Bundle(key) => &mut self.bundle(key).inside,
        }
    }

    fn bundle(&mut self, key: (GroupId, u32)) -> &mut Bundle {
        self.bundles.get_mut(&key).expect("SCH-7: a bundle stays as long as it has holders")
    }

    /// Frees those of these bundles that may not be used and have no holders.
    fn free_unused(&mut self, bundles: RangeInclusive<(GroupId, u32)>) {
        let is_unused = |_: &_, bundle: &mut Bundle| !bundle.committed && bundle.holders == 0;
        for (_, bundle) in self.bundles.extract_if(bundles, is_unused) {
            self.node.give_back(&bundle.reserved, true);
        }
    }
}

impl Bundle {
    fn new(reserved: Assignment) -> Self {
        let inside = Capacity::of_assignment(&reserved);
        Self { reserved, inside, holders: 0, committed: false }
    }

    fn take(&mut self, amounts: &Resources, lasting: bool) -> Option<Assignment> {
        let taken = if self.committed { self.inside.take(amounts, lasting) } else { None };
        self.holders += u32::from(taken.is_some());
        taken
    }
}

/// The keys of all bundles of a group.
const fn bundles_of(group: GroupId) -> RangeInclusive<(GroupId, u32)> {
    (group, 0)..=(group, u32::MAX)
}

/// The keys of the bundles that a strategy names, unless it names none.
fn bundles_named(strategy: &Strategy) -> Option<RangeInclusive<(GroupId, u32)>> {
    match strategy {
        Strategy::Group { group, bundle: None } => Some(bundles_of(*group)),
        Strategy::Group { group, bundle: Some(index) } => Some((*group, *index)..=(*group, *index)),
        Strategy::Pack | Strategy::Spread | Strategy::Node { .. } | Strategy::Labels(..) => None,
    }
}
