//! The rules of `docs/machines/objects.md`, as far as one node can see them.
//!
//! Owns: the check. Does not own: what is checked (`index`).

use std::collections::BTreeMap;

use types::ObjectId;

use super::{Entry, Index, Place};
use crate::arena::Arena;

impl Index {
    /// Panics unless every rule in `docs/machines/objects.md` holds.
    pub fn check(&self) {
        self.arena.check();
        let mut ranges: Vec<(u64, u64)> =
            self.writes.values().map(|write| (write.offset, write.size)).collect();
        let mut pins: BTreeMap<ObjectId, u32> = BTreeMap::new();
        for ((_, object), count) in &self.pins {
            *pins.entry(*object).or_default() += count;
        }
        let mut spillable = 0;
        let mut objects: Vec<_> = self.objects.iter().collect();
        objects.sort_unstable_by_key(|(object, _)| **object);
        for (object, entry) in objects {
            ranges.extend(self.check_entry(*object, entry, pins.remove(object).unwrap_or(0)));
            spillable += usize::from(matches!(entry.place, Place::Spillable(..)));
        }
        assert!(pins.is_empty(), "OBJ-4: pins of objects that are gone: {pins:?}");
        assert_eq!(self.spilling.iter().count(), spillable, "OBJ-6: who may leave is known once");
        ranges.sort_unstable();
        let apart =
            ranges.windows(2).all(|pair| pair[0].0 + Arena::rounded(pair[0].1) <= pair[1].0);
        let used: u64 = ranges.iter().map(|(_, size)| Arena::rounded(*size)).sum();
        assert!(apart && used == self.arena.used(), "OBJ-1: no two objects share a range");
    }

    fn check_entry(&self, object: ObjectId, entry: &Entry, pins: u32) -> Option<(u64, u64)> {
        assert_eq!(entry.pins, pins, "OBJ-4: pins of {object}");
        assert!(
            entry.pins == 0 || entry.place.readable().is_some(),
            "OBJ-3: {object} is read and not in memory"
        );
        let idle = matches!(entry.place, Place::Memory(_) | Place::Disk | Place::Spillable(..));
        assert!(
            !(entry.let_go.is_some() && idle && pins == 0),
            "OBJ-5: {object} is kept though nobody needs it"
        );
        assert_eq!(
            matches!(entry.place, Place::Spillable(..)),
            entry.pins == 0
                && entry.let_go.is_none()
                && entry.place.readable().is_some()
                && !matches!(entry.place, Place::Spilling(_)),
            "OBJ-6: {object} may leave exactly if nobody reads it"
        );
        match entry.place {
            Place::Restoring(offset) => Some((offset, entry.size)),
            Place::Memory(_) | Place::Spillable(..) | Place::Spilling(_) | Place::Disk => {
                entry.place.readable().map(|offset| (offset, entry.size))
            }
        }
    }
}
