//! Which objects went lately, and why: for readers who come too late.
//!
//! Owns: a bounded memory of them. Does not own: the objects that are there (`index`).

use types::{Failure, Memory, ObjectId, WorkerId};

/// So many are remembered; the oldest is forgotten first.
const GONE_MAX: usize = 16_384;

/// Objects that went lately.
#[derive(Debug)]
pub(crate) struct Gone(Memory<ObjectId, Cause>);

impl Default for Gone {
    fn default() -> Self {
        Self(Memory::new(GONE_MAX))
    }
}

/// Why an object went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cause {
    /// Its owner said so.
    Freed,
    /// Its owner ended.
    OwnerEnded(WorkerId),
    /// Its writer ended before it was complete.
    WriterEnded(WorkerId),
}

impl Gone {
    /// The object went for this reason, as it is told to readers.
    pub(crate) fn remember(&mut self, object: ObjectId, cause: Cause) -> Failure {
        self.0.remember(object, cause);
        cause.told_of(object)
    }

    /// The object is made again.
    pub(crate) fn forget(&mut self, object: ObjectId) {
        self.0.forget(object);
    }

    /// Why the object is not there, if it went lately.
    pub(crate) fn why(&self, object: ObjectId) -> Option<Failure> {
        self.0.get(object).map(|cause| cause.told_of(object))
    }
}

impl Cause {
    fn told_of(self, object: ObjectId) -> Failure {
        match self {
            Self::Freed => Failure::ObjectFreed(object),
            Self::OwnerEnded(owner) => Failure::OwnerDied(object, owner),
            Self::WriterEnded(writer) => {
                let why = format!("{writer}, which wrote it, ended before it was complete");
                Failure::ObjectLost(object, why)
            }
        }
    }
}
