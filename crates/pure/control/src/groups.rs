//! The life of each placement group: all bundles are reserved, or none.
//!
//! Owns: states, the order of those that wait, names, watchers. Does not own: what is free (`nodes`), which
//! arrangements there are (`packing`), or what runs in a bundle (`scheduler`).

mod group;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use types::{
    ActorId, Failure, GroupId, GroupInfo, GroupSpec, GroupState, Memory, NodeId, Resources,
    WorkerId,
};

use crate::nodes::{Home, Nodes};
use group::{Group, Stage};

/// The placement groups of the cluster.
#[derive(Debug)]
pub struct Groups {
    present: BTreeMap<GroupId, Group>,
    removed: Memory<GroupId, (Box<GroupSpec>, Arc<Failure>)>,
    /// How many were made.
    made: u64,
}

/// Whose end is the end of a group that is not detached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Keeper {
    /// That of this process.
    Process(WorkerId),
    /// The death of this actor; that of one of its processes is not.
    Actor(ActorId),
}

/// What came of an attempt to reserve a group.
#[derive(Debug, PartialEq, Eq)]
#[must_use]
pub enum Attempt {
    /// These nodes are to be asked to prepare these bundles.
    Prepare(Vec<(NodeId, Vec<(u32, Resources)>)>),
    /// There is no room now.
    Waits,
    /// There never is, for this reason: the group is to be removed.
    Never(Failure),
}

/// What a node's answer means for a group.
#[derive(Debug, PartialEq, Eq)]
#[must_use]
pub enum Prepared {
    /// Nothing yet.
    Unsettled,
    /// It is created; these nodes are to be told to commit.
    Created(BTreeSet<NodeId>),
    /// It waits again; these nodes are to give back what they prepared.
    Waits(BTreeSet<NodeId>),
}

impl Groups {
    /// No groups, and a memory for `removed_max` that will be removed.
    #[must_use]
    pub fn new(removed_max: usize) -> Self {
        Self { present: BTreeMap::new(), removed: Memory::new(removed_max), made: 0 }
    }

    /// A new group, watched by its creator, that waits behind all others. Unless it is detached it ends with its
    /// `keeper`. False if it is there already, or if another has its name: then it is remembered as removed.
    pub fn create(&mut self, spec: Box<GroupSpec>, keeper: Keeper) -> bool {
        let id = spec.id;
        if self.present.contains_key(&id) || self.removed.get(id).is_some() {
            return false;
        }
        if let Some(other) = self.named(&spec.namespace, &spec.name) {
            let text = format!("the name {:?} is taken by {}", spec.name, other.spec.id);
            self.removed.remember(id, (spec, Arc::new(Failure::Unschedulable(text))));
            return false;
        }
        self.made += 1;
        self.present.insert(id, Group::new(spec, keeper, self.made));
        true
    }

    /// Of those that wait and fit or fail to fit alike, the first each; the one that waits longest before the others.
    #[must_use]
    pub fn waiting(&self) -> Vec<GroupId> {
        let mut waiting: Vec<&Group> = self.present.values().filter(|it| it.waits()).collect();
        waiting.sort_unstable_by_key(|group| group.place);
        let mut firsts: Vec<&GroupSpec> = Vec::new();
        for group in waiting {
            if !firsts.iter().any(|first| are_alike(first, &group.spec)) {
                firsts.push(&group.spec);
            }
        }
        firsts.into_iter().map(|spec| spec.id).collect()
    }

    /// The group that waits first of those like `id`.
    #[must_use]
    pub fn first_like(&self, id: GroupId) -> Option<GroupId> {
        let group = self.present.get(&id).map(|group| &group.spec);
        let spec = group.or_else(|| self.removed.get(id).map(|(spec, _)| spec))?;
        let waiting = self.present.values().filter(|it| it.waits() && are_alike(&it.spec, spec));
        waiting.min_by_key(|group| group.place).map(|group| group.spec.id)
    }

    /// Tries to reserve the missing bundles of a group that waits.
    pub fn attempt(&mut self, id: GroupId, nodes: &mut Nodes) -> Attempt {
        self.present.get_mut(&id).map_or(Attempt::Waits, |group| group.attempt(nodes))
    }

    /// A node prepared its bundles, or refused.
    pub fn on_prepared(
        &mut self,
        id: GroupId,
        node: NodeId,
        ok: bool,
        nodes: &mut Nodes,
    ) -> Prepared {
        let group = self.present.get_mut(&id);
        group.map_or(Prepared::Unsettled, |group| group.on_prepared(node, ok, nodes))
    }

    /// A node is gone: the groups that lost bundles, and what that means for those that were being reserved.
    #[must_use]
    pub fn on_node_lost(&mut self, node: NodeId, nodes: &mut Nodes) -> Vec<(GroupId, Prepared)> {
        let on_it =
            self.present.iter_mut().filter(|(_, group)| group.nodes().any(|other| other == node));
        on_it.map(|(id, group)| (*id, group.lose_node(node, nodes))).collect()
    }

    /// Takes a group away, for this reason: who is to be told.
    #[must_use]
    pub fn remove(
        &mut self,
        id: GroupId,
        failure: Failure,
        nodes: &mut Nodes,
    ) -> Option<BTreeSet<WorkerId>> {
        let group = self.present.remove(&id)?;
        for (bundle, node) in group.reservations() {
            nodes.release(node, &group.spec.bundles[bundle as usize]);
        }
        self.removed.remember(id, (group.spec, Arc::new(failure)));
        Some(group.watchers)
    }

    /// Where something of these `needs` may run in a group: in one bundle of it, or in any.
    pub fn home(&self, id: GroupId, bundle: Option<u32>, needs: &Resources) -> Home {
        let Some(group) = self.present.get(&id) else {
            let removed = self.removed.get(id).map(|(_, failure)| Failure::clone(failure));
            return Home::Never(removed.unwrap_or(Failure::GroupRemoved(id)));
        };
        group.home(bundle, needs)
    }

    /// From now on `worker` hears of each change, unless the group is removed.
    pub fn watch(&mut self, id: GroupId, worker: WorkerId) {
        if let Some(group) = self.present.get_mut(&id) {
            group.watchers.insert(worker);
        }
    }

    /// Who hears of each change.
    #[must_use]
    pub fn watchers(&self, id: GroupId) -> BTreeSet<WorkerId> {
        self.present.get(&id).map(|group| group.watchers.clone()).unwrap_or_default()
    }

    /// A process is gone and hears of nothing: the groups that end with it.
    #[must_use]
    pub fn on_worker_gone(&mut self, worker: WorkerId) -> Vec<GroupId> {
        for group in self.present.values_mut() {
            group.watchers.remove(&worker);
        }
        self.kept_by(Keeper::Process(worker))
    }

    /// The groups that end with this keeper.
    #[must_use]
    pub fn kept_by(&self, keeper: Keeper) -> Vec<GroupId> {
        self.keepers().filter(|(_, other)| *other == keeper).map(|(id, _)| id).collect()
    }

    /// The state of a group.
    #[must_use]
    pub fn state(&self, id: GroupId) -> GroupState {
        match (self.present.get(&id), self.removed.get(id)) {
            (Some(group), _) => group.state(),
            (None, Some((_, failure))) => GroupState::Removed(Arc::clone(failure)),
            (None, None) => GroupState::Removed(Arc::new(Failure::GroupRemoved(id))),
        }
    }

    /// The group of this name.
    #[must_use]
    pub fn named(&self, namespace: &str, name: &str) -> Option<GroupInfo> {
        let mut groups = self.present.values();
        let named = |spec: &GroupSpec| spec.name == name && spec.namespace == namespace;
        groups.find(|group| !name.is_empty() && named(&group.spec)).map(Group::info)
    }

    /// Each group that is there or remembered.
    #[must_use]
    pub fn infos(&self) -> Vec<GroupInfo> {
        let removed = self.removed.iter().map(|(_, (spec, failure))| GroupInfo {
            spec: GroupSpec::clone(spec),
            state: GroupState::Removed(Arc::clone(failure)),
        });
        removed.chain(self.present.values().map(Group::info)).collect()
    }

    /// With whom each group ends that is not detached.
    pub fn keepers(&self) -> impl Iterator<Item = (GroupId, Keeper)> {
        let kept = self.present.iter().filter(|(_, group)| !group.spec.detached);
        kept.map(|(id, group)| (*id, group.keeper))
    }

    /// What all groups hold and plan on a node.
    #[must_use]
    pub fn reserved(&self, node: NodeId) -> Resources {
        let mut sum = Resources::default();
        for group in self.present.values() {
            for (bundle, _) in group.reservations().filter(|(_, other)| *other == node) {
                sum.add(&group.spec.bundles[bundle as usize]);
            }
        }
        sum
    }

    /// Panics unless every rule that this machine alone can see holds.
    pub fn check(&self) {
        for (id, group) in &self.present {
            let missing = group.held.iter().filter(|held| held.is_none()).count();
            match group.stage {
                Stage::Created => assert_eq!(missing, 0, "CTL-6: {id} is created in part"),
                Stage::Waiting | Stage::Preparing { .. } if !group.created_before => {
                    assert_eq!(missing, group.held.len(), "CTL-6: {id} waits and holds bundles");
                }
                Stage::Waiting | Stage::Preparing { .. } => {}
            }
            let strategy = group.spec.strategy;
            assert!(group.lies_well(), "CTL-7: the bundles of {id} do not lie as {strategy} wants");
        }
    }
}

/// Whether two groups fit or fail to fit alike.
fn are_alike(one: &GroupSpec, other: &GroupSpec) -> bool {
    one.strategy == other.strategy
        && one.bundles == other.bundles
        && one.selectors == other.selectors
}
