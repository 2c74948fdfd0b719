//! Which objects went lately, and why: for readers who come too late.
//!
//! Owns: a bounded memory of them. Does not own: the objects that are there (`index`).

use std::collections::VecDeque;

use types::{Failure, Map, ObjectId, WorkerId};

/// So many are remembered; the oldest is forgotten first.
const GONE_MAX: usize = 16_384;

/// Objects that went lately.
#[derive(Debug, Default)]
pub struct Gone {
    objects: Map<ObjectId, Cause>,
    order: VecDeque<ObjectId>,
}

/// Why an object went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// Its owner said so.
    Freed,
    /// Its owner ended.
    OwnerEnded(WorkerId),
    /// Its writer ended before it was complete.
    WriterEnded(WorkerId),
}

impl Gone {
    /// The object went for this reason.
    pub fn remember(&mut self, object: ObjectId, cause: Cause) {
        if self.objects.insert(object, cause).is_some() {
            return;
        }
        self.order.push_back(object);
        if self.order.len() > GONE_MAX
            && let Some(oldest) = self.order.pop_front()
        {
            self.objects.remove(&oldest);
        }
    }

    /// The object is made again.
    pub fn forget(&mut self, object: ObjectId) {
        if self.objects.remove(&object).is_some() {
            self.order.retain(|other| *other != object);
        }
    }

    /// Why the object is not there, if it went lately.
    #[must_use]
    pub fn why(&self, object: ObjectId) -> Option<Failure> {
        Some(match self.objects.get(&object)? {
            Cause::Freed => Failure::ObjectFreed(object),
            Cause::OwnerEnded(owner) => Failure::OwnerDied(object, *owner),
            Cause::WriterEnded(writer) => {
                let why = format!("{writer}, which wrote it, ended before it was complete");
                Failure::ObjectLost(object, why)
            }
        })
    }
}
