//! What the store decided is told and done.
//!
//! Owns: who is told what the index decides. Does not own: the decisions (`objects::Index`).

use objects::Order;
use types::{ObjectId, WorkerId};
use wire::to_worker::FromNode;

use super::{Effect, Node};

impl Node {
    pub(super) fn create(
        &mut self,
        writer: WorkerId,
        object: ObjectId,
        owner: WorkerId,
        size: u64,
    ) {
        self.objects.create(writer, object, owner, size);
        if owner.node == self.node && !self.processes.contains_key(&owner) {
            // It ended before.
            self.objects.on_process_ended(owner);
        }
    }

    /// Tells and lets do what follows for objects from all that happened.
    pub(super) fn pass_orders_on(&mut self) {
        self.effects.extend(self.objects.take_orders(self.now).map(|order| match order {
            Order::Created(writer, object, offset) => {
                Effect::ToWorker(writer, FromNode::Created(object, offset))
            }
            Order::Pinned(reader, object, range) => {
                Effect::ToWorker(reader, FromNode::Pinned(object, range))
            }
            Order::Disk(job) => Effect::Disk(job),
        }));
    }
}
