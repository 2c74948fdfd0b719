//! Handles to objects and readers of their contents in one process, as the shell of a worker keeps them.
//!
//! Owns: that the role hears of first and last handles and of last readers only. Does not own: who holds them (`fiber`).

use std::collections::BTreeMap;
use std::sync::Arc;

use types::{Failure, ObjectId, Payload, Ref};

use crate::content::Content;
use crate::memory::Memory;

/// The handles of one process.
#[derive(Debug, Default)]
pub(crate) struct Handles {
    handles: BTreeMap<ObjectId, Handle>,
    mappings: BTreeMap<u64, Mapping>,
    numbered: u64,
}

#[derive(Debug)]
struct Handle {
    reference: Ref,
    holders: u32,
    available: bool,
    asked: Asked,
    data: Option<Data>,
}

/// How much of an object the role was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Asked {
    Nothing,
    Available,
    Content,
}

/// A content.
#[derive(Debug, Clone)]
pub(crate) enum Data {
    Bytes(Payload),
    Failed(Arc<Failure>),
    /// In shared memory, under this number.
    Mapped(u64),
}

#[derive(Debug)]
struct Mapping {
    object: ObjectId,
    offset: u64,
    readers: u32,
}

impl Handles {
    /// One handle more: whether it is the first to its object.
    pub(crate) fn hold(&mut self, reference: Ref) -> bool {
        let handle = self.handles.entry(reference.object).or_insert(Handle {
            reference,
            holders: 0,
            available: false,
            asked: Asked::Nothing,
            data: None,
        });
        handle.holders += 1;
        handle.holders == 1
    }

    /// One handle less: whether it was the last to its object.
    pub(crate) fn drop(&mut self, object: ObjectId) -> bool {
        let Some(handle) = self.handles.get_mut(&object) else { return false };
        handle.holders -= 1;
        let last = handle.holders == 0;
        if last {
            self.handles.remove(&object);
        }
        last
    }

    pub(crate) fn is_available(&self, object: ObjectId) -> bool {
        self.handles.get(&object).is_none_or(|handle| handle.available)
    }

    /// The ref of an object to which there is a handle.
    pub(crate) fn reference(&self, object: ObjectId) -> Option<Ref> {
        Some(self.handles.get(&object)?.reference)
    }

    /// The content, if it is here.
    pub(crate) fn data(&self, object: ObjectId) -> Option<Data> {
        self.handles.get(&object)?.data.clone()
    }

    /// Notes that the role is asked for an object: what to ask for, unless it was before.
    pub(crate) fn ask(&mut self, object: ObjectId, asked: Asked) -> Option<Ref> {
        let handle = self.handles.get_mut(&object)?;
        let news = handle.asked < asked;
        handle.asked = handle.asked.max(asked);
        news.then_some(handle.reference)
    }

    pub(crate) fn set_available(&mut self, object: ObjectId) {
        if let Some(handle) = self.handles.get_mut(&object) {
            handle.available = true;
        }
    }

    pub(crate) fn set_data(&mut self, object: ObjectId, data: Data) {
        if let Some(handle) = self.handles.get_mut(&object) {
            handle.available = true;
            handle.data = Some(data);
        }
    }

    /// The last reader of a mapped content went: a new one asks anew.
    pub(crate) fn forget_content(&mut self, object: ObjectId) {
        if let Some(handle) = self.handles.get_mut(&object)
            && handle.data.is_none()
        {
            handle.asked = handle.asked.min(Asked::Available);
        }
    }

    /// A range can be read, by one reader so far.
    pub(crate) fn map(&mut self, object: ObjectId, offset: u64) -> u64 {
        self.numbered += 1;
        self.mappings.insert(self.numbered, Mapping { object, offset, readers: 1 });
        self.numbered
    }

    pub(crate) fn read(&mut self, mapping: u64) {
        if let Some(mapping) = self.mappings.get_mut(&mapping) {
            mapping.readers += 1;
        }
    }

    /// One reader less, who found the bytes as they were: the object, if it was the last.
    pub(crate) fn unread(&mut self, mapping: u64, memory: &Memory) -> Option<ObjectId> {
        let Mapping { object, offset, readers } = self.mappings.get_mut(&mapping)?;
        let (object, offset) = (*object, *offset);
        memory.read(object, offset);
        *readers -= 1;
        if *readers > 0 {
            return None;
        }
        self.mappings.remove(&mapping);
        if let Some(handle) = self.handles.get_mut(&object)
            && matches!(handle.data, Some(Data::Mapped(mapped)) if mapped == mapping)
        {
            handle.data = None;
        }
        Some(object)
    }

    /// What a content says.
    pub(crate) fn content(&self, data: &Data, memory: &Memory) -> Result<Content, Arc<Failure>> {
        match data {
            Data::Bytes(bytes) => Ok(Content::decode(bytes)),
            Data::Failed(failure) => Err(Arc::clone(failure)),
            Data::Mapped(mapping) => {
                let mapping =
                    self.mappings.get(mapping).expect("a mapping lives as long as a reader");
                Ok(Content::decode(memory.read(mapping.object, mapping.offset)))
            }
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.handles.is_empty() && self.mappings.is_empty()
    }
}
