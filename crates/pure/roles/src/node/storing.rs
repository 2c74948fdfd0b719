//! Objects are made, sealed, read, spilled and freed.
//!
//! Owns: who is told what the index decides. Does not own: the decisions (`objects::Index`).

use std::sync::Arc;

use objects::Order;
use types::{Failure, ObjectId, Timestamp, WorkerId};
use wire::to_worker::FromNode;

use super::{Effect, Effects, Node};

impl Node {
    pub(super) fn create(
        &mut self,
        now: Timestamp,
        (writer, object): (WorkerId, ObjectId),
        owner: WorkerId,
        size: u64,
        effects: &mut Effects,
    ) {
        if owner.node == self.node && !self.processes.contains_key(&owner) {
            let failure = Arc::new(Failure::OwnerDied(object, owner));
            effects.push(Effect::ToWorker(writer, FromNode::CreateFailed { object, failure }));
            return;
        }
        self.objects.create(now, (writer, object), owner, size, &mut self.orders);
        self.pass_orders_on(effects);
    }

    pub(super) fn seal(
        &mut self,
        now: Timestamp,
        writer: WorkerId,
        object: ObjectId,
        effects: &mut Effects,
    ) {
        self.objects.seal(now, writer, object, &mut self.orders);
        self.pass_orders_on(effects);
    }

    pub(super) fn discard(
        &mut self,
        now: Timestamp,
        writer: WorkerId,
        object: ObjectId,
        effects: &mut Effects,
    ) {
        self.objects.discard(now, writer, object, &mut self.orders);
        self.pass_orders_on(effects);
    }

    pub(super) fn pin(
        &mut self,
        now: Timestamp,
        reader: WorkerId,
        objects: &[ObjectId],
        effects: &mut Effects,
    ) {
        for object in objects {
            self.objects.pin(now, reader, *object, &mut self.orders);
        }
        self.pass_orders_on(effects);
    }

    pub(super) fn unpin(
        &mut self,
        now: Timestamp,
        reader: WorkerId,
        objects: &[ObjectId],
        effects: &mut Effects,
    ) {
        for object in objects {
            self.objects.unpin(now, reader, *object, &mut self.orders);
        }
        self.pass_orders_on(effects);
    }

    pub(super) fn free(&mut self, now: Timestamp, objects: &[ObjectId], effects: &mut Effects) {
        for object in objects {
            self.objects.free(now, *object, &mut self.orders);
        }
        self.pass_orders_on(effects);
    }

    pub(super) fn spilled(
        &mut self,
        now: Timestamp,
        object: ObjectId,
        result: Result<(), String>,
        effects: &mut Effects,
    ) {
        self.objects.on_spilled(now, object, result, &mut self.orders);
        self.pass_orders_on(effects);
    }

    pub(super) fn restored(
        &mut self,
        now: Timestamp,
        object: ObjectId,
        result: Result<(), String>,
        effects: &mut Effects,
    ) {
        self.objects.on_restored(now, object, result, &mut self.orders);
        self.pass_orders_on(effects);
    }

    /// What a process that ended owned, read and wrote is let go.
    pub(super) fn forget_objects_of(
        &mut self,
        now: Timestamp,
        process: WorkerId,
        effects: &mut Effects,
    ) {
        self.objects.on_process_ended(now, process, &mut self.orders);
        self.pass_orders_on(effects);
    }

    /// Ends waits for memory that have become pointless.
    pub(super) fn move_stuck(&mut self, now: Timestamp, effects: &mut Effects) {
        self.objects.on_time(now, &mut self.orders);
        self.pass_orders_on(effects);
    }

    fn pass_orders_on(&mut self, effects: &mut Effects) {
        effects.extend(self.orders.drain(..).map(effect_of));
    }
}

fn effect_of(order: Order) -> Effect {
    match order {
        Order::Created(writer, object, offset) => {
            Effect::ToWorker(writer, FromNode::Created { object, offset })
        }
        Order::CreateFailed(writer, object, failure) => {
            Effect::ToWorker(writer, FromNode::CreateFailed { object, failure })
        }
        Order::Pinned(reader, object, offset, size) => {
            Effect::ToWorker(reader, FromNode::Pinned { object, offset, size })
        }
        Order::PinFailed(reader, object, failure) => {
            Effect::ToWorker(reader, FromNode::PinFailed { object, failure })
        }
        Order::Spill(object, offset, size) => Effect::Spill { object, offset, size },
        Order::Restore(object, offset, size) => Effect::Restore { object, offset, size },
        Order::DeleteSpilled(object) => Effect::DeleteSpilled(object),
    }
}
