//! Which objects went lately, and why: for readers who come too late.
//!
//! Owns: a bounded memory of them. Does not own: the objects that are there (`index`).

use std::collections::VecDeque;

use types::{Failure, Map, ObjectId, WorkerId};

/// So many are remembered; the oldest is forgotten first.
const GONE_MAX: usize = 16_384;

/// Objects that went lately.
#[derive(Debug, Default)]
pub(crate) struct Gone {
    objects: Map<ObjectId, Cause>,
    order: VecDeque<ObjectId>,
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
        if self.objects.insert(object, cause).is_none() {
            self.order.push_back(object);
        }
        if self.order.len() > GONE_MAX
            && let Some(oldest) = self.order.pop_front()
        {
            self.objects.remove(&oldest);
        }
        cause.told_of(object)
    }

    /// The object is made again.
    pub(crate) fn forget(&mut self, object: ObjectId) {
        if self.objects.remove(&object).is_some() {
            self.order.retain(|other| *other != object);
        }
    }

    /// Why the object is not there, if it went lately.
    pub(crate) fn why(&self, object: ObjectId) -> Option<Failure> {
        self.objects.get(&object).map(|cause| cause.told_of(object))
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
