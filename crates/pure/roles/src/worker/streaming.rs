//! Objects that a running task yields one by one, on their way in.
//!
//! Owns: what an arriving or taken item leads to. Does not own: the counts (`ownership::streams`).

use ownership::Next;
use ownership::streams::item;
use types::{ObjectId, Stored, TaskId, WorkerId};
use wire::{FromPeer, ToNode};

use super::{Effect, Worker};

impl Worker {
    /// What the consumer of a stream finds next.
    #[must_use]
    pub fn stream_next(&self, task: TaskId) -> Next {
        self.streams.next(task)
    }

    /// A task yielded an item.
    pub(super) fn item_came(&mut self, from: WorkerId, task: TaskId, index: u32, stored: Stored) {
        self.await_settlement(task, from, &stored);
        // Who runs the task anew does not know what was taken of an earlier attempt, or that nobody takes any more.
        let consumed = self.streams.consumed(task);
        if index < consumed {
            self.tell_consumed(task, consumed);
        }
        let object = item(task, index);
        if self.streams.arrived(task, index) {
            self.refs.own(object, 1);
            self.keep(object, stored, Some((task, from)));
            self.effects.push(Effect::StreamMoved(task));
        } else if !self.refs.is_known(object) {
            self.keep(object, stored, None);
        }
    }

    /// The consumer took an item: its handle now uses what the stream used.
    pub(super) fn took(&mut self, task: TaskId) {
        let count = self.streams.took(task);
        self.tell_consumed(task, count);
    }

    /// The consumer takes no more.
    pub(super) fn abandoned(&mut self, task: TaskId) {
        for object in self.streams.abandon(task) {
            self.drop_use(object);
        }
        self.tell_consumed(task, u32::MAX);
    }

    /// A stream's task ended after so many items, and perhaps with a failure, which is one more.
    ///
    /// An attempt that was cut off may have sealed items that never came.
    pub(super) fn end_stream(&mut self, task: TaskId, count: u32, failed: Option<Stored>) {
        let next: ObjectId = item(task, count);
        self.effects.push(Effect::ToNode(ToNode::FreeFrom(next)));
        let total = count + u32::from(failed.is_some());
        if let Some(failed) = failed
            && self.streams.arrived(task, count)
        {
            self.refs.own(next, 1);
            self.keep(next, failed, None);
        }
        self.streams.ended(task, total);
        self.effects.push(Effect::StreamMoved(task));
    }

    fn tell_consumed(&mut self, task: TaskId, count: u32) {
        let Some(submitted) = self.tasks.get(task) else {
            return;
        };
        if submitted.spec.template.look_ahead.is_none() {
            return;
        }
        if let Some(worker) = self.executor_of(task) {
            self.say(worker, FromPeer::Consumed { task, count });
        }
    }
}
