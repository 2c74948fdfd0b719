//! The bytes of the made-up arena and disk.
//!
//! Owns: what was written where, last. Does not own: who may write where (`objects`), which is what it finds out.

use std::collections::BTreeMap;

use types::{ObjectId, Payload};

use crate::rules::{breach, right_bytes};

/// Shared memory and disk.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    ranges: BTreeMap<u64, Range>,
    disk: BTreeMap<ObjectId, Payload>,
}

#[derive(Debug)]
struct Range {
    size: u64,
    object: ObjectId,
    content: Payload,
}

impl Memory {
    /// Something is written: whatever was there is no more.
    pub(crate) fn write(&mut self, object: ObjectId, offset: u64, size: u64, content: Payload) {
        let before = self.ranges.range(..offset + size).rev();
        let over = before.take_while(|(start, range)| *start + range.size > offset);
        let over: Vec<u64> = over.map(|(start, _)| *start).collect();
        for start in over {
            self.ranges.remove(&start);
        }
        self.ranges.insert(offset, Range { size, object, content });
    }

    /// The content of an object that its reader believes to lie there.
    pub(crate) fn read(&self, object: ObjectId, offset: u64) -> &Payload {
        match self.ranges.get(&offset) {
            Some(range) if range.object == object => &range.content,
            other => {
                let found = other.map(|range| range.object);
                breach(&right_bytes::RULE, format!("{object} is read where {found:?} was written"))
            }
        }
    }

    pub(crate) fn spill(&mut self, object: ObjectId, offset: u64) {
        let content = self.read(object, offset).clone();
        self.disk.insert(object, content);
    }

    pub(crate) fn restore(&mut self, object: ObjectId, offset: u64, size: u64) {
        let Some(content) = self.disk.get(&object).cloned() else {
            breach(&right_bytes::RULE, format!("{object} is restored and not on disk"))
        };
        self.write(object, offset, size, content);
    }

    pub(crate) fn delete(&mut self, object: ObjectId) {
        self.disk.remove(&object);
    }

    /// What is on disk.
    pub(crate) fn on_disk(&self) -> impl Iterator<Item = ObjectId> {
        self.disk.keys().copied()
    }
}
