//! Contents of objects as user code reads and writes them.
//!
//! Owns: that the end of each reader is told. Does not own: which range of the arena is whose (`objects::Arena`).

use std::fmt;
use std::io;
use std::ops::Deref;
use std::sync::Arc;

use roles::worker::Content;
use shm::{Buffer, Draft, Segment};
use types::{Failure, ObjectId, Payload};

use super::notice::Notices;

/// The content of an object.
#[derive(Debug, Clone)]
pub enum Data {
    /// Serialized bytes.
    Bytes(Payload),
    /// Serialized bytes in shared memory.
    Mapped(Arc<Pinned>),
    /// There is none.
    Failed(Arc<Failure>),
}

/// A mapped object that stays where it is while this lives.
pub struct Pinned {
    object: ObjectId,
    buffer: Buffer,
    notices: Arc<Notices>,
}

/// A range of the arena that one thread writes: fill it, then hand it back to the engine.
#[derive(Debug)]
pub struct WritableRange {
    object: ObjectId,
    draft: Draft,
}

/// The arena, as what is read and written of it is made.
pub(super) struct Arena {
    segment: Arc<Segment>,
    notices: Arc<Notices>,
}

impl Pinned {
    /// The object.
    #[must_use]
    pub const fn object(&self) -> ObjectId {
        self.object
    }
}

impl Deref for Pinned {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.buffer
    }
}

impl fmt::Debug for Pinned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} in shared memory, {} bytes", self.object, self.buffer.len())
    }
}

impl Drop for Pinned {
    fn drop(&mut self) {
        self.notices.unread(self.object);
    }
}

impl WritableRange {
    /// The object.
    #[must_use]
    pub const fn object(&self) -> ObjectId {
        self.object
    }

    /// How many bytes it has.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.draft.len() as u64
    }

    /// Copies `bytes` to `place`, counted from the beginning of the object: as `Layout::write_parts` hands them out.
    pub(super) fn write(&mut self, place: usize, bytes: &[u8]) -> io::Result<()> {
        self.draft.write(place, bytes)
    }
}

impl Arena {
    pub(super) const fn new(segment: Arc<Segment>, notices: Arc<Notices>) -> Self {
        Self { segment, notices }
    }

    /// The content as it is read. A mapped one is followed by one notice when its reader goes.
    pub(super) fn data(&self, object: ObjectId, content: Content) -> Data {
        match content {
            Content::Inline(bytes) => Data::Bytes(bytes),
            Content::Failed(failure) => Data::Failed(failure),
            Content::Mapped { offset, size } => {
                let buffer = Buffer::new(Arc::clone(&self.segment), offset, size, None);
                Data::Mapped(Arc::new(Pinned {
                    object,
                    buffer,
                    notices: Arc::clone(&self.notices),
                }))
            }
        }
    }

    /// The range for an object that is to be written.
    pub(super) fn writable(&self, object: ObjectId, offset: u64, size: u64) -> WritableRange {
        WritableRange { object, draft: Draft::new(Arc::clone(&self.segment), offset, size) }
    }
}
