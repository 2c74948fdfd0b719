//! What to write to disk when memory is short.
//!
//! Owns: which objects may leave, in which order, and how many leave at once. Does not own: their state (`index`).

use std::collections::BTreeMap;
use std::time::Duration;

use types::{ObjectId, Timestamp};

/// So many objects are written at once: enough to keep a disk busy.
const SPILLS_MAX: usize = 4;
/// After a failure the disk is left alone for so long, unless somebody waits for memory.
const PAUSE: Duration = Duration::from_secs(1);

/// The objects that may leave, the longest unused first.
#[derive(Debug)]
pub(crate) struct Spilling {
    candidates: BTreeMap<u64, ObjectId>,
    sequence: u64,
    /// How many bytes may be used before objects leave.
    threshold: u64,
    under_way: usize,
    under_way_bytes: u64,
    /// The disk did not take an object: until then none leaves for whom nobody waits.
    paused_until: Timestamp,
}

impl Spilling {
    /// Objects leave when more than `threshold` bytes are used.
    pub(crate) const fn new(threshold: u64) -> Self {
        Self {
            candidates: BTreeMap::new(),
            sequence: 0,
            threshold,
            under_way: 0,
            under_way_bytes: 0,
            paused_until: Timestamp::ZERO,
        }
    }

    /// The object may leave from now on. The number withdraws it.
    pub(crate) fn allow(&mut self, object: ObjectId) -> u64 {
        self.sequence += 1;
        self.candidates.insert(self.sequence, object);
        self.sequence
    }

    /// The object that [`Self::allow`] gave this number may not leave.
    pub(crate) fn forbid(&mut self, number: u64) {
        self.candidates.remove(&number);
    }

    /// The next object to write, with `used` bytes in use, and somebody waiting for `awaited` of them.
    pub(crate) fn next(&mut self, now: Timestamp, used: u64, awaited: u64) -> Option<ObjectId> {
        let staying = used.saturating_sub(self.under_way_bytes);
        let short = if awaited > 0 {
            self.under_way_bytes < awaited
        } else {
            staying > self.threshold && now >= self.paused_until
        };
        if !short || self.under_way >= SPILLS_MAX {
            return None;
        }
        self.candidates.pop_first().map(|(_, object)| object)
    }

    /// Whether anything leaves or may leave.
    pub(crate) fn may_help(&self) -> bool {
        self.under_way > 0 || !self.candidates.is_empty()
    }

    /// An object of `size` bytes is being written.
    pub(crate) const fn on_begun(&mut self, size: u64) {
        self.under_way += 1;
        self.under_way_bytes += size;
    }

    /// An object of `size` bytes was written, or could not be.
    pub(crate) const fn on_ended(&mut self, size: u64) {
        self.under_way -= 1;
        self.under_way_bytes -= size;
    }

    /// The disk did not take an object.
    pub(crate) fn on_failed(&mut self, now: Timestamp) {
        self.paused_until = now + PAUSE;
    }

    /// The objects that may leave, by number.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (u64, ObjectId)> {
        self.candidates.iter().map(|(number, object)| (*number, *object))
    }
}
