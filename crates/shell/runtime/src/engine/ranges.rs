//! Ranges of shared memory for objects that are to be written.
//!
//! Owns: which ranges were asked for, who still wants them, and that they are written and sealed. Does not own: which
//! range is whose (`objects::Arena`), or how bytes get there (`shm`).

use std::sync::Arc;

use roles::worker::Event;
use shm::Draft;
use types::{Failure, ObjectId, Value, WorkerId};
use wire::ToNode;

use super::encoding::Encoded;
use super::guarded::Core;
use super::waits::Topic;
use super::{Engine, EngineError, Outcomes, Patience};

/// A range that was asked for. An object that is made anew after an interrupted call is asked for again.
#[derive(Default)]
pub(super) struct Allocation {
    /// So many replies will come, of which only the last counts: the node takes back what it gave to those before.
    replies: u32,
    /// Whether anybody wants it still.
    wanted: bool,
    /// It came, or did not.
    came: Option<Result<u64, Arc<Failure>>>,
}

impl Engine {
    /// Writes `value` into shared memory, as that of `object`. Waits while there is no room.
    ///
    /// # Errors
    /// `Failed` if the store and the disk are full, or the system has no memory; `Interrupted`.
    pub fn store(
        &self,
        object: ObjectId,
        owner: WorkerId,
        value: Encoded<'_>,
        patience: Patience<'_>,
    ) -> Outcomes<Value> {
        let size = value.size() as u64;
        let offset = self.allocate(object, owner, size, patience)?;
        let mut draft = Draft::new(Arc::clone(&self.lock().arena), offset, size);
        let mut done = Ok(());
        value.write_parts(|place, part| {
            if done.is_ok() {
                done = draft.write(place, part);
            }
        });
        if let Err(error) = done {
            self.step(Event::TellNode(ToNode::Discard(object)))?;
            let text = format!("the system has no memory for {size} bytes: {error}");
            return Err(EngineError::Failed(Arc::new(Failure::StoreFull(text))));
        }
        self.step(Event::TellNode(ToNode::Seal(object)))?;
        Ok(Value::Shared { node: self.identity.worker.node, size })
    }

    /// Where the range of an object begins.
    fn allocate(
        &self,
        object: ObjectId,
        owner: WorkerId,
        size: u64,
        patience: Patience<'_>,
    ) -> Outcomes<u64> {
        let mut locked = self.enter()?;
        // What went makes room.
        locked.take_notices();
        let allocation = locked.allocations.entry(object).or_default();
        allocation.replies += 1;
        allocation.wanted = true;
        locked.step(Event::TellNode(ToNode::Create { object, owner, size }));
        drop(locked);
        let topic = Topic::Allocation(object);
        match self.await_topic(topic, patience, &mut |core| core.take_range(object)) {
            Ok(came) => came.ok_or(EngineError::TimedOut)?.map_err(EngineError::Failed),
            Err(error) => {
                self.lock().give_up_range(object);
                Err(error)
            }
        }
    }
}

impl Core {
    /// The node replied.
    pub(super) fn range_came(&mut self, object: ObjectId, range: Result<u64, Arc<Failure>>) {
        let allocation = self.allocations.entry(object).or_default();
        allocation.replies = allocation.replies.saturating_sub(1);
        if allocation.replies > 0 {
            return;
        }
        if !allocation.wanted || range.is_err() {
            // A range that was asked for earlier may be there even if there is none for the last who asked.
            self.events.push_back(Event::TellNode(ToNode::Discard(object)));
        }
        if allocation.wanted {
            allocation.came = Some(range);
            self.waits.wake(&Topic::Allocation(object));
        } else {
            self.allocations.remove(&object);
        }
    }

    fn take_range(&mut self, object: ObjectId) -> Option<Result<u64, Arc<Failure>>> {
        let came = self.allocations.get_mut(&object)?.came.take()?;
        self.allocations.remove(&object);
        Some(came)
    }

    fn give_up_range(&mut self, object: ObjectId) {
        if let Some(Ok(_)) = self.take_range(object) {
            self.step(Event::TellNode(ToNode::Discard(object)));
        } else if let Some(allocation) = self.allocations.get_mut(&object) {
            allocation.wanted = false;
        }
    }
}
