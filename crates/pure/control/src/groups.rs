//! The life of each placement group: all bundles are reserved, or none.
//!
//! Owns: states, the order of those that wait, names, watchers. Does not own: what is free (`nodes`), which
//! arrangements there are (`packing`), or what runs in a bundle (`scheduler`).

mod group;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use types::{
    ActorId, Failure, GroupId, GroupSpec, GroupState, Memory, NodeId, Resources, WorkerId,
};

use crate::nodes::{Home, Nodes};
use crate::topics::Topics;
use group::{Group, Stage};

/// The placement groups of the cluster.
#[derive(Debug)]
pub struct Groups {
    present: BTreeMap<GroupId, Group>,
    removed: Memory<GroupId, (Box<GroupSpec>, Arc<Failure>)>,
    /// How many were made.
    made: u64,
    topics: Topics<GroupId>,
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

/// What a group leaves behind.
#[derive(Debug, PartialEq, Eq)]
pub struct Removal {
    /// Who is to be told.
    pub watchers: BTreeSet<WorkerId>,
    /// What they are to be told.
    pub failure: Arc<Failure>,
}

impl Groups {
    /// No groups, and a memory for `removed_max` that will be removed.
    #[must_use]
    pub fn new(removed_max: usize) -> Self {
        Self {
            present: BTreeMap::new(),
            removed: Memory::new(removed_max),
            made: 0,
            topics: Topics::default(),
        }
    }

    /// A new group, watched by its creator, that waits behind all others. False if it is there already.
    /// Unless it is detached it ends with its `keeper`.
    ///
    /// # Errors
    /// If another group has its name; it is then remembered as removed.
    pub fn create(&mut self, spec: Box<GroupSpec>, keeper: Keeper) -> Result<bool, Arc<Failure>> {
        let id = spec.id;
        if self.present.contains_key(&id) || self.removed.get(id).is_some() {
            return Ok(false);
        }
        if let Some(other) = self.named(&spec.namespace, &spec.name) {
            let text = format!("the name {:?} is taken by {}", spec.name, other.id);
            let failure = Arc::new(Failure::Unschedulable(text));
            self.removed.remember(id, (spec, Arc::clone(&failure)));
            return Err(failure);
        }
        self.topics.watch(id, spec.creator);
        self.made += 1;
        self.present.insert(id, Group::new(spec, keeper, self.made));
        Ok(true)
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
        let Some(group) = self.present.get_mut(&id) else {
            return Attempt::Waits;
        };
        if !group.waits() {
            return Attempt::Waits;
        }
        let planned = match group.plan(nodes) {
            Ok(planned) => planned,
            Err(answer) => return answer,
        };
        let mut asked: BTreeMap<NodeId, Vec<(u32, Resources)>> = BTreeMap::new();
        for (bundle, node) in &planned {
            let amounts = &group.spec.bundles[*bundle as usize];
            nodes.reserve(*node, amounts);
            asked.entry(*node).or_default().push((*bundle, amounts.clone()));
        }
        let unanswered = asked.keys().copied().collect();
        group.stage = Stage::Preparing { planned, unanswered, refused: false };
        Attempt::Prepare(asked.into_iter().collect())
    }

    /// A node prepared its bundles, or refused.
    pub fn on_prepared(
        &mut self,
        id: GroupId,
        node: NodeId,
        ok: bool,
        nodes: &mut Nodes,
    ) -> Prepared {
        let Some(group) = self.present.get_mut(&id) else {
            return Prepared::Unsettled;
        };
        let Stage::Preparing { planned, unanswered, refused } = &mut group.stage else {
            return Prepared::Unsettled;
        };
        if !unanswered.remove(&node) {
            return Prepared::Unsettled;
        }
        if !ok {
            *refused = true;
            for (bundle, _) in planned.extract_if(.., |(_, other)| *other == node) {
                nodes.release(node, &group.spec.bundles[bundle as usize]);
            }
            nodes.on_refused(node, id);
        }
        if unanswered.is_empty() { self.settle(id, nodes) } else { Prepared::Unsettled }
    }

    /// A node is gone: the groups that lost bundles, and what that means for those that were being reserved.
    #[must_use]
    pub fn on_node_lost(&mut self, node: NodeId, nodes: &mut Nodes) -> Vec<(GroupId, Prepared)> {
        let on_it =
            self.present.iter().filter(|(_, group)| group.nodes().any(|other| other == node));
        let on_it: Vec<GroupId> = on_it.map(|(id, _)| *id).collect();
        let lose = |id| (id, self.lose_node(id, node, nodes));
        on_it.into_iter().map(lose).collect()
    }

    /// Takes a group away, for this reason.
    #[must_use]
    pub fn remove(&mut self, id: GroupId, failure: Failure, nodes: &mut Nodes) -> Option<Removal> {
        let group = self.present.remove(&id)?;
        for (bundle, node) in group.reservations() {
            nodes.release(node, &group.spec.bundles[bundle as usize]);
        }
        let failure = Arc::new(failure);
        self.removed.remember(id, (group.spec, Arc::clone(&failure)));
        Some(Removal { watchers: self.topics.close(id), failure })
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
        if self.present.contains_key(&id) {
            self.topics.watch(id, worker);
        }
    }

    /// Who hears of each change.
    pub fn watchers(&self, id: GroupId) -> impl Iterator<Item = WorkerId> {
        self.topics.watchers(id)
    }

    /// A process is gone and hears of nothing.
    pub fn on_worker_gone(&mut self, worker: WorkerId) {
        self.topics.on_worker_gone(worker);
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
    pub fn named(&self, namespace: &str, name: &str) -> Option<&GroupSpec> {
        let mut specs = self.present.values().map(|group| &*group.spec);
        specs.find(|spec| !name.is_empty() && spec.name == name && spec.namespace == namespace)
    }

    /// Each group that is there or remembered.
    pub fn describe(&self) -> impl Iterator<Item = (&GroupSpec, GroupState)> {
        let removed = self.removed.iter();
        let removed =
            removed.map(|(_, (spec, failure))| (&**spec, GroupState::Removed(Arc::clone(failure))));
        removed.chain(self.present.values().map(|group| (&*group.spec, group.state())))
    }

    /// All processes that this machine names.
    pub fn workers(&self) -> impl Iterator<Item = WorkerId> {
        let keepers = self.keepers().filter_map(|(_, keeper)| match keeper {
            Keeper::Process(worker) => Some(worker),
            Keeper::Actor(_) => None,
        });
        self.topics.iter().map(|(_, worker)| worker).chain(keepers)
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
        for (id, _) in self.topics.iter() {
            assert!(self.present.contains_key(&id), "CTL-4: {id} is watched and removed");
        }
    }

    /// Every node asked has answered or is gone.
    fn settle(&mut self, id: GroupId, nodes: &mut Nodes) -> Prepared {
        let Some(group) = self.present.get_mut(&id) else {
            return Prepared::Unsettled;
        };
        let stage = std::mem::replace(&mut group.stage, Stage::Created);
        let Stage::Preparing { planned, refused, .. } = stage else {
            return Prepared::Unsettled;
        };
        let keep = !refused || group.created_before;
        let mut returned = BTreeSet::new();
        for (bundle, node) in planned {
            if keep {
                group.held[bundle as usize] = Some(node);
            } else {
                returned.insert(node);
                nodes.release(node, &group.spec.bundles[bundle as usize]);
            }
        }
        if group.is_whole() {
            group.created_before = true;
            return Prepared::Created(group.nodes().collect());
        }
        group.stage = Stage::Waiting;
        Prepared::Waits(returned)
    }

    fn lose_node(&mut self, id: GroupId, node: NodeId, nodes: &mut Nodes) -> Prepared {
        let Some(group) = self.present.get_mut(&id) else {
            return Prepared::Unsettled;
        };
        for held in group.held.iter_mut().filter(|held| **held == Some(node)) {
            *held = None;
        }
        match &mut group.stage {
            Stage::Waiting => Prepared::Unsettled,
            Stage::Created => {
                group.stage = Stage::Waiting;
                Prepared::Waits(BTreeSet::new())
            }
            Stage::Preparing { unanswered, refused, planned } => {
                unanswered.remove(&node);
                let asked = planned.len();
                planned.retain(|(_, other)| *other != node);
                *refused |= planned.len() < asked;
                if unanswered.is_empty() { self.settle(id, nodes) } else { Prepared::Unsettled }
            }
        }
    }
}

/// Whether two groups fit or fail to fit alike.
fn are_alike(one: &GroupSpec, other: &GroupSpec) -> bool {
    one.strategy == other.strategy
        && one.bundles == other.bundles
        && one.selectors == other.selectors
}
