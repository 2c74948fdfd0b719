//! Placement groups that wait, first come first served among those alike.
//!
//! Owns: the queue of each kind. Does not own: when one is tried (`roles::head`).

use std::collections::BTreeMap;

use types::{GroupId, GroupSpec, GroupStrategy, LabelRule, Resources};

/// What groups have in common that fit or fail to fit alike.
pub(super) type Kind = (GroupStrategy, Vec<Resources>, Vec<Vec<LabelRule>>);

/// The queues of all kinds.
#[derive(Debug, Default)]
pub(super) struct Queues {
    kinds: BTreeMap<Kind, BTreeMap<u64, GroupId>>,
    next: u64,
    len: usize,
}

impl Queues {
    /// A place behind all others.
    pub(super) const fn next_place(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    /// Puts a group at its place in the queue of its kind.
    pub(super) fn insert(&mut self, kind: Kind, place: u64, id: GroupId) {
        if self.kinds.entry(kind).or_default().insert(place, id).is_none() {
            self.len += 1;
        }
    }

    /// Takes the group at this place out.
    pub(super) fn remove(&mut self, kind: &Kind, place: u64) {
        let Some(queue) = self.kinds.get_mut(kind) else {
            return;
        };
        if queue.remove(&place).is_some() {
            self.len -= 1;
        }
        if queue.is_empty() {
            self.kinds.remove(kind);
        }
    }

    /// The group at this place.
    pub(super) fn get(&self, kind: &Kind, place: u64) -> Option<GroupId> {
        self.kinds.get(kind)?.get(&place).copied()
    }

    /// The first of a kind.
    pub(super) fn first(&self, kind: &Kind) -> Option<GroupId> {
        self.kinds.get(kind)?.values().next().copied()
    }

    /// The first of each kind, the one that waits longest before the others.
    pub(super) fn first_of_each(&self) -> Vec<GroupId> {
        let firsts = self.kinds.values().filter_map(|queue| queue.first_key_value());
        let mut firsts: Vec<(u64, GroupId)> = firsts.map(|(place, id)| (*place, *id)).collect();
        firsts.sort_unstable();
        firsts.into_iter().map(|(_, id)| id).collect()
    }

    /// How many groups wait.
    pub(super) const fn len(&self) -> usize {
        self.len
    }
}

/// The kind of a group.
pub(super) fn kind_of(spec: &GroupSpec) -> Kind {
    (spec.strategy, spec.bundles.clone(), spec.selectors.clone())
}
