//! Which ranges of a fixed space are free: offsets only, no memory.
//!
//! Owns: the ranges. Does not own: what is in them (`index`).
//!
//! Memory that was used before is faster than memory that never was, so a range comes from what was freed as long as
//! something there is large enough: the smallest such hole, of equal ones the one freed last. Only then does it
//! come from the space that was never touched.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use types::limits::ARENA_GRAIN_BYTES;

/// The free ranges of a space.
#[derive(Debug)]
pub(crate) struct Arena {
    capacity: u64,
    /// Where the space begins that was never handed out.
    frontier: u64,
    /// Freed ranges by offset; no two touch.
    holes: BTreeMap<u64, Hole>,
    /// The same by size, of equal ones the one freed last first.
    by_size: BTreeSet<(u64, Reverse<u64>, u64)>,
    used: u64,
    /// Counts what was freed.
    freed: u64,
}

#[derive(Debug, Clone, Copy)]
struct Hole {
    size: u64,
    freed: u64,
}

impl Arena {
    /// A space of `capacity` bytes, all of it free and never touched.
    pub(crate) const fn new(capacity: u64) -> Self {
        Self {
            capacity: capacity - capacity % ARENA_GRAIN_BYTES,
            frontier: 0,
            holes: BTreeMap::new(),
            by_size: BTreeSet::new(),
            used: 0,
            freed: 0,
        }
    }

    /// How many bytes there are in all.
    pub(crate) const fn capacity(&self) -> u64 {
        self.capacity
    }

    /// How many bytes are handed out.
    pub(crate) const fn used(&self) -> u64 {
        self.used
    }

    /// Where the space begins that was never handed out.
    pub(crate) const fn frontier(&self) -> u64 {
        self.frontier
    }

    /// How many bytes a range for `size` bytes takes.
    pub(crate) fn rounded(size: u64) -> u64 {
        size.max(1).checked_next_multiple_of(ARENA_GRAIN_BYTES).unwrap_or(u64::MAX)
    }

    /// A range for `size` bytes, if one is free: where it begins.
    pub(crate) fn take(&mut self, size: u64) -> Option<u64> {
        let size = Self::rounded(size);
        let offset = self.take_hole(size).or_else(|| self.take_untouched(size))?;
        self.used += size;
        Some(offset)
    }

    /// Gives back the range for `size` bytes at `offset`.
    pub(crate) fn give_back(&mut self, offset: u64, size: u64) {
        let mut size = Self::rounded(size);
        let mut offset = offset;
        assert!(offset + size <= self.frontier, "OBJ-1: only what was handed out comes back");
        self.used -= size;
        if let Some((before, hole)) = self.holes.range(..offset).next_back().map(copied) {
            assert!(before + hole.size <= offset, "OBJ-1: a range comes back once");
            if before + hole.size == offset {
                self.remove(before, hole);
                offset = before;
                size += hole.size;
            }
        }
        if let Some((after, hole)) = self.holes.range(offset..).next().map(copied) {
            assert!(offset + size <= after, "OBJ-1: a range comes back once");
            if offset + size == after {
                self.remove(after, hole);
                size += hole.size;
            }
        }
        self.freed += 1;
        self.insert(offset, Hole { size, freed: self.freed });
    }

    /// Panics unless the holes are apart and, with what is handed out, are all that was ever touched.
    pub(crate) fn check(&self) {
        let mut end = None;
        let mut free = 0;
        for (offset, hole) in &self.holes {
            assert!(end.is_none_or(|end| end < *offset), "OBJ-2: no two holes touch");
            assert!(
                self.by_size.contains(&(hole.size, Reverse(hole.freed), *offset)),
                "OBJ-2: a hole is found by its size"
            );
            end = Some(offset + hole.size);
            free += hole.size;
        }
        assert_eq!(self.by_size.len(), self.holes.len(), "OBJ-2: a hole is found once");
        assert_eq!(self.used + free, self.frontier, "OBJ-2: what was touched is used or free");
        assert!(self.frontier <= self.capacity, "OBJ-1: no range lies outside");
    }

    fn take_hole(&mut self, size: u64) -> Option<u64> {
        let (_, _, offset) = *self.by_size.range((size, Reverse(u64::MAX), 0)..).next()?;
        let hole = *self.holes.get(&offset)?;
        self.remove(offset, hole);
        if hole.size > size {
            self.insert(offset + size, Hole { size: hole.size - size, freed: hole.freed });
        }
        Some(offset)
    }

    /// Takes what was never touched, with the hole before it.
    fn take_untouched(&mut self, size: u64) -> Option<u64> {
        let last = self.holes.last_key_value().map(copied);
        let last = last.filter(|(offset, hole)| offset + hole.size == self.frontier);
        let start = last.map_or(self.frontier, |(offset, _)| offset);
        if self.capacity - start < size {
            return None;
        }
        if let Some((offset, hole)) = last {
            self.remove(offset, hole);
        }
        self.frontier = start + size;
        Some(start)
    }

    fn insert(&mut self, offset: u64, hole: Hole) {
        self.holes.insert(offset, hole);
        self.by_size.insert((hole.size, Reverse(hole.freed), offset));
    }

    fn remove(&mut self, offset: u64, hole: Hole) {
        self.holes.remove(&offset);
        self.by_size.remove(&(hole.size, Reverse(hole.freed), offset));
    }
}

const fn copied((offset, hole): (&u64, &Hole)) -> (u64, Hole) {
    (*offset, *hole)
}
