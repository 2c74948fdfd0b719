//! Contents of objects as user code reads them.
//!
//! Owns: that the end of each reader is told. Does not own: how they are written (`ranges`).

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use roles::worker::Content;
use shm::Buffer;
use types::{Failure, ObjectId, Payload};

use super::guarded::Core;
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

impl Core {
    /// The content as it is read. A mapped one is followed by one notice when its reader goes.
    pub(super) fn data(&self, object: ObjectId, content: Content) -> Data {
        match content {
            Content::Inline(bytes) => Data::Bytes(bytes),
            Content::Failed(failure) => Data::Failed(failure),
            Content::Mapped { offset, size } => {
                let buffer = Buffer::new(Arc::clone(&self.arena), offset, size);
                let notices = Arc::clone(&self.handles.notices);
                Data::Mapped(Arc::new(Pinned { object, buffer, notices }))
            }
        }
    }
}
