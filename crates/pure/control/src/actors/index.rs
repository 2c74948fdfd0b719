//! Ways to find living actors other than by their ids.
//!
//! Owns: actors by name, by creator and by the group in which they want a node. Does not own: the actors.

use std::collections::{BTreeMap, BTreeSet};

use types::{ActorId, ActorName, ActorSpec, GroupId, Strategy, WorkerId};

/// The living actors, by what is asked for.
#[derive(Debug, Default)]
pub(super) struct Index {
    names: BTreeMap<ActorName, ActorId>,
    /// Without the detached ones.
    creators: BTreeMap<WorkerId, BTreeSet<ActorId>>,
    homeless: BTreeMap<Option<GroupId>, BTreeSet<ActorId>>,
}

impl Index {
    /// A new actor, whose name is free.
    pub(super) fn add(&mut self, spec: &ActorSpec) {
        if let Some(name) = &spec.name {
            let other = self.names.insert(name.clone(), spec.id);
            assert_eq!(other, None, "CTL-1: {} has the name of another", spec.id);
        }
        if !spec.detached {
            self.creators.entry(spec.creator).or_default().insert(spec.id);
        }
    }

    /// An actor is dead.
    pub(super) fn remove(&mut self, spec: &ActorSpec) {
        self.unname(spec);
        self.has_node(spec);
        if let Some(made) = self.creators.get_mut(&spec.creator) {
            made.remove(&spec.id);
            if made.is_empty() {
                self.creators.remove(&spec.creator);
            }
        }
    }

    /// An actor's name is free for others.
    pub(super) fn unname(&mut self, spec: &ActorSpec) {
        if let Some(name) = &spec.name
            && self.names.get(name) == Some(&spec.id)
        {
            self.names.remove(name);
        }
    }

    /// An actor wants a node.
    pub(super) fn wants_node(&mut self, spec: &ActorSpec) {
        self.homeless.entry(group_of(spec)).or_default().insert(spec.id);
    }

    /// An actor wants no node, or no longer.
    pub(super) fn has_node(&mut self, spec: &ActorSpec) {
        let group = group_of(spec);
        if let Some(homeless) = self.homeless.get_mut(&group) {
            homeless.remove(&spec.id);
            if homeless.is_empty() {
                self.homeless.remove(&group);
            }
        }
    }

    pub(super) fn wanting_node(&self, group: Option<GroupId>) -> Vec<ActorId> {
        self.homeless.get(&group).into_iter().flatten().copied().collect()
    }

    pub(super) fn made_by(&self, creator: WorkerId) -> Vec<ActorId> {
        self.creators.get(&creator).into_iter().flatten().copied().collect()
    }

    pub(super) fn creators(&self) -> impl Iterator<Item = WorkerId> {
        self.creators.keys().copied()
    }

    pub(super) fn named(&self, name: &ActorName) -> Option<ActorId> {
        self.names.get(name).copied()
    }

    pub(super) fn names(&self, namespace: Option<&str>) -> Vec<ActorName> {
        let wanted = |name: &&ActorName| namespace.is_none_or(|wanted| name.namespace == wanted);
        self.names.keys().filter(wanted).cloned().collect()
    }

    /// Panics if a set is kept that is empty: sets grow without end otherwise.
    pub(super) fn check(&self) {
        let empty = self.creators.values().chain(self.homeless.values()).any(BTreeSet::is_empty);
        assert!(!empty, "CTL-1: the index of actors keeps what is gone");
    }
}

fn group_of(spec: &ActorSpec) -> Option<GroupId> {
    match &spec.template.shape.strategy {
        Strategy::Group { group, .. } => Some(*group),
        Strategy::Pack | Strategy::Spread | Strategy::Node { .. } | Strategy::Labels(..) => None,
    }
}
