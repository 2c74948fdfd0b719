//! One placement group: which of its bundles are reserved where.
//!
//! Owns: its state, and the plan for its missing bundles. Does not own: its turn among others (`groups`).

use std::collections::{BTreeMap, BTreeSet};

use types::{
    Failure, GroupInfo, GroupSpec, GroupState, GroupStrategy, NodeId, Resources, WorkerId,
};

use super::{Attempt, Keeper, Prepared};
use crate::nodes::{Home, Nodes};
use crate::packing::{Wanted, arrange};

#[derive(Debug)]
pub(super) struct Group {
    pub(super) spec: Box<GroupSpec>,
    /// With whom it ends, unless it is detached.
    pub(super) keeper: Keeper,
    /// Who hears of each change.
    pub(super) watchers: BTreeSet<WorkerId>,
    /// How many were made before it: first come, first served among those alike.
    pub(super) place: u64,
    /// The node on which each bundle is reserved.
    pub(super) held: Vec<Option<NodeId>>,
    pub(super) stage: Stage,
    /// What was reserved once stays so while the rest is reserved again.
    pub(super) created_before: bool,
}

#[derive(Debug)]
pub(super) enum Stage {
    /// It wants room for bundles.
    Waiting,
    /// Nodes were asked to prepare these bundles.
    Preparing {
        planned: Vec<(u32, NodeId)>,
        unanswered: BTreeSet<NodeId>,
        /// A node refused its part, or is gone with it.
        refused: bool,
    },
    /// Every bundle is reserved.
    Created,
}

impl Group {
    pub(super) fn new(spec: Box<GroupSpec>, keeper: Keeper, place: u64) -> Self {
        Self {
            keeper,
            watchers: BTreeSet::from([spec.creator]),
            place,
            held: vec![None; spec.bundles.len()],
            stage: Stage::Waiting,
            created_before: false,
            spec,
        }
    }

    pub(super) const fn waits(&self) -> bool {
        matches!(self.stage, Stage::Waiting)
    }

    /// Reserves the missing bundles, if it waits and there is room.
    pub(super) fn attempt(&mut self, nodes: &mut Nodes) -> Attempt {
        if !self.waits() {
            return Attempt::Waits;
        }
        let Some(planned) = self.plan(nodes) else {
            let never = |text| Attempt::Never(Failure::Unschedulable(text));
            return self.obstacle(nodes).map_or(Attempt::Waits, never);
        };
        let mut asked: BTreeMap<NodeId, Vec<(u32, Resources)>> = BTreeMap::new();
        for (bundle, node) in &planned {
            let amounts = &self.spec.bundles[*bundle as usize];
            nodes.reserve(*node, amounts);
            asked.entry(*node).or_default().push((*bundle, amounts.clone()));
        }
        let unanswered = asked.keys().copied().collect();
        self.stage = Stage::Preparing { planned, unanswered, refused: false };
        Attempt::Prepare(asked.into_iter().collect())
    }

    /// A node that was asked prepared its bundles, or refused.
    pub(super) fn on_prepared(&mut self, node: NodeId, ok: bool, nodes: &mut Nodes) -> Prepared {
        let Stage::Preparing { planned, unanswered, refused } = &mut self.stage else {
            return Prepared::Unsettled;
        };
        if !unanswered.remove(&node) {
            return Prepared::Unsettled;
        }
        if !ok {
            *refused = true;
            for (bundle, _) in planned.extract_if(.., |(_, other)| *other == node) {
                nodes.release(node, &self.spec.bundles[bundle as usize]);
            }
            nodes.on_refused(node, self.spec.id);
        }
        self.settle(nodes)
    }

    /// A node is gone, with what it held of the group.
    pub(super) fn lose_node(&mut self, node: NodeId, nodes: &mut Nodes) -> Prepared {
        for held in self.held.iter_mut().filter(|held| **held == Some(node)) {
            *held = None;
        }
        match &mut self.stage {
            Stage::Waiting => Prepared::Unsettled,
            Stage::Created => {
                self.stage = Stage::Waiting;
                Prepared::Waits(BTreeSet::new())
            }
            Stage::Preparing { unanswered, refused, planned } => {
                unanswered.remove(&node);
                let asked = planned.len();
                planned.retain(|(_, other)| *other != node);
                *refused |= planned.len() < asked;
                self.settle(nodes)
            }
        }
    }

    /// Goes on once every node asked has answered or is gone.
    fn settle(&mut self, nodes: &mut Nodes) -> Prepared {
        let Stage::Preparing { planned, unanswered, refused } = &mut self.stage else {
            return Prepared::Unsettled;
        };
        if !unanswered.is_empty() {
            return Prepared::Unsettled;
        }
        let keep = !*refused || self.created_before;
        let mut returned = BTreeSet::new();
        for (bundle, node) in std::mem::take(planned) {
            if keep {
                self.held[bundle as usize] = Some(node);
            } else {
                returned.insert(node);
                nodes.release(node, &self.spec.bundles[bundle as usize]);
            }
        }
        if self.held.iter().all(Option::is_some) {
            self.stage = Stage::Created;
            self.created_before = true;
            return Prepared::Created(self.nodes().collect());
        }
        self.stage = Stage::Waiting;
        Prepared::Waits(returned)
    }

    /// A node for each missing bundle, if there is room.
    fn plan(&self, nodes: &Nodes) -> Option<Vec<(u32, NodeId)>> {
        let held: Vec<NodeId> = self.held.iter().flatten().copied().collect();
        let missing: Vec<usize> =
            (0..self.held.len()).filter(|index| self.held[*index].is_none()).collect();
        let bundles: Vec<Wanted<'_>> =
            missing.iter().map(|index| self.wanted(*index, nodes)).collect();
        let rooms: Vec<_> = nodes.rooms(self.spec.id).collect();
        let found = arrange(self.spec.strategy, &bundles, &rooms, &held)?;
        let indexes = missing.into_iter().map(|index| index as u32);
        (!found.is_empty()).then(|| indexes.zip(found).collect())
    }

    fn wanted(&self, bundle: usize, nodes: &Nodes) -> Wanted<'_> {
        let rules = self.spec.selector(bundle);
        let nodes = (!rules.is_empty()).then(|| nodes.satisfying(rules).collect());
        Wanted { amounts: &self.spec.bundles[bundle], nodes }
    }

    /// Why it can never be created, if that is so; more nodes may join, but hardly larger ones.
    fn obstacle(&self, nodes: &Nodes) -> Option<String> {
        let GroupSpec { id, strategy, bundles, .. } = &*self.spec;
        if bundles.is_empty() {
            return Some(format!("{id} has no bundles"));
        }
        if self.created_before || nodes.is_empty() {
            return None;
        }
        let (part, demand) = if *strategy == GroupStrategy::StrictPack {
            let mut sum = Resources::default();
            bundles.iter().for_each(|bundle| sum.add(bundle));
            ("all bundles", (!nodes.may_hold(&sum)).then_some(sum)?)
        } else {
            ("a bundle", bundles.iter().find(|bundle| !nodes.may_hold(bundle))?.clone())
        };
        let rooms = nodes.listed();
        Some(format!("no node can ever hold {part} of {id} by {strategy}, {demand}: {rooms}"))
    }

    /// Where something of these `needs` may run: in one bundle, or in any.
    pub(super) fn home(&self, bundle: Option<u32>, needs: &Resources) -> Home {
        let wanted = |index: &usize| bundle.is_none_or(|bundle| *index == bundle as usize);
        let able = |index: &usize| self.spec.bundles[*index].fits(needs);
        let mut able = (0..self.held.len()).filter(wanted).filter(able).peekable();
        if able.peek().is_none() {
            return Home::Never(Failure::Unschedulable(self.unfit(bundle, needs)));
        }
        match self.stage {
            Stage::Created => able.find_map(|index| self.held[index]).map_or(Home::Wait, Home::On),
            Stage::Waiting | Stage::Preparing { .. } => Home::Wait,
        }
    }

    fn unfit(&self, bundle: Option<u32>, needs: &Resources) -> String {
        let (id, len) = (self.spec.id, self.held.len());
        match bundle {
            None => format!("no bundle of {id} can ever hold {needs}"),
            Some(index) if index as usize >= len => {
                format!("{id} has {len} bundles, and no bundle {index}")
            }
            Some(index) => format!("bundle {index} of {id} can never hold {needs}"),
        }
    }

    /// Whether its bundles lie as its strategy demands.
    pub(super) fn lies_well(&self) -> bool {
        let nodes: BTreeSet<NodeId> = self.nodes().collect();
        match self.spec.strategy {
            GroupStrategy::Pack | GroupStrategy::Spread => true,
            GroupStrategy::StrictPack => nodes.len() <= 1,
            GroupStrategy::StrictSpread => nodes.len() == self.nodes().count(),
        }
    }

    /// Each bundle that is reserved or planned, and where.
    pub(super) fn reservations(&self) -> impl Iterator<Item = (u32, NodeId)> {
        let planned: &[(u32, NodeId)] = match &self.stage {
            Stage::Preparing { planned, .. } => planned,
            Stage::Waiting | Stage::Created => &[],
        };
        let held = self.held.iter().enumerate();
        let held = held.filter_map(|(index, node)| node.map(|node| (index as u32, node)));
        held.chain(planned.iter().copied())
    }

    pub(super) fn nodes(&self) -> impl Iterator<Item = NodeId> {
        self.reservations().map(|(_, node)| node)
    }

    pub(super) fn state(&self) -> GroupState {
        match &self.stage {
            Stage::Waiting | Stage::Preparing { .. } => GroupState::Pending,
            Stage::Created => GroupState::Created(self.held.iter().flatten().copied().collect()),
        }
    }
    pub(super) fn info(&self) -> GroupInfo {
        GroupInfo { spec: GroupSpec::clone(&self.spec), state: self.state() }
    }
}
