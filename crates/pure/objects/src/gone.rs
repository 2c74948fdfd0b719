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
    /// With the owner whose end was theirs, if it was.
    objects: Map<ObjectId, Option<WorkerId>>,
    order: VecDeque<ObjectId>,
}

impl Gone {
    /// The object went because its owner said so, or because its owner ended.
    pub fn remember(&mut self, object: ObjectId, ended: Option<WorkerId>) {
        if self.objects.insert(object, ended).is_some() {
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
            None => Failure::ObjectFreed(object),
            Some(owner) => Failure::OwnerDied(object, *owner),
        })
    }
}
