//! The bundles of placement groups: reserved, in use, on their way back, and gone.
//!
//! Owns: what one group has on this node. Does not own: where that was taken from (`ledger`).

use std::collections::BTreeMap;

use types::{Assignment, Resources};

use crate::capacity::Capacity;

/// The bundles of one group on this node.
#[derive(Debug)]
pub(super) struct Group {
    pub(super) phase: Phase,
    pub(super) bundles: BTreeMap<u32, Bundle>,
}

#[derive(Debug)]
pub(super) enum Phase {
    /// Reserved; the other nodes of the group may still refuse.
    Prepared,
    /// In use.
    Committed,
    /// Given back as soon as its holders are gone.
    Returning,
}

impl Group {
    pub(super) fn bundles_for(&self, bundle: Option<u32>) -> impl Iterator<Item = &Bundle> {
        let range = bundle.map_or(0..=u32::MAX, |index| index..=index);
        self.bundles.range(range).map(|(_, bundle)| bundle)
    }

    pub(super) fn take(
        &mut self,
        bundle: Option<u32>,
        amounts: &Resources,
        lasting: bool,
    ) -> Option<(u32, Assignment)> {
        if !matches!(self.phase, Phase::Committed) {
            return None;
        }
        let range = bundle.map_or(0..=u32::MAX, |index| index..=index);
        self.bundles.range_mut(range).find_map(|(index, bundle)| {
            let assignment = bundle.inside.take(amounts, lasting)?;
            bundle.holders += 1;
            Some((*index, assignment))
        })
    }

    /// Whether the bundle shall go now.
    pub(super) fn on_holder_left(&mut self, index: u32) -> bool {
        let bundle = self.bundles.get_mut(&index);
        let bundle = bundle.expect("SCH-7: a bundle stays as long as it has holders");
        bundle.holders -= 1;
        bundle.holders == 0 && matches!(self.phase, Phase::Returning)
    }
}

#[derive(Debug)]
pub(super) struct Bundle {
    pub(super) reserved: Assignment,
    pub(super) inside: Capacity,
    pub(super) holders: u32,
}

impl Bundle {
    pub(super) fn new(reserved: Assignment) -> Self {
        Self { inside: Capacity::of_assignment(&reserved), reserved, holders: 0 }
    }
}
