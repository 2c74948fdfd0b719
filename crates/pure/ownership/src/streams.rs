//! Objects that running tasks yield one by one, as their owner sees them.
//!
//! Owns: how many items have arrived, were taken, and will come.
//! Does not own: the items' values (`values`), or when a generator pauses (`roles::worker::executing`).

use types::{Map, ObjectId, TaskId};

/// The streams of one owner.
#[derive(Debug, Default)]
pub struct Streams {
    streams: Map<TaskId, Stream>,
}

/// What a consumer finds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// The next item is there.
    Item(ObjectId),
    /// It may still come.
    NotYet,
    /// There is none.
    End,
}

#[derive(Debug, Default)]
struct Stream {
    arrived: u32,
    taken: u32,
    total: Option<u32>,
    abandoned: bool,
}

/// The object that holds item `index`, counted from 0, of what `task` yields.
#[must_use]
pub fn item(task: TaskId, index: u32) -> ObjectId {
    task.output(index + 2)
}

impl Streams {
    /// A task that yields was submitted.
    pub fn open(&mut self, task: TaskId) {
        self.streams.insert(task, Stream::default());
    }

    /// An item arrived: whether it is new and wanted. A repeated attempt sends again what is here.
    pub fn arrived(&mut self, task: TaskId, index: u32) -> bool {
        let Some(stream) = self.streams.get_mut(&task) else {
            return false;
        };
        if index != stream.arrived || stream.total.is_some() {
            return false;
        }
        stream.arrived += 1;
        !stream.abandoned
    }

    /// The task ended after so many items.
    pub fn ended(&mut self, task: TaskId, total: u32) {
        let Some(stream) = self.streams.get_mut(&task) else {
            return;
        };
        stream.total = Some(total.max(stream.arrived));
        if stream.abandoned {
            self.streams.remove(&task);
        }
    }

    /// How many items have arrived.
    #[must_use]
    pub fn arrived_count(&self, task: TaskId) -> u32 {
        self.streams.get(&task).map_or(0, |stream| stream.arrived)
    }

    /// How many items need not wait for their consumer any more: all, if it takes no more.
    #[must_use]
    pub fn consumed(&self, task: TaskId) -> u32 {
        match self.streams.get(&task) {
            Some(stream) if !stream.abandoned => stream.taken,
            Some(_) | None => u32::MAX,
        }
    }

    /// What the consumer finds next.
    #[must_use]
    pub fn next(&self, task: TaskId) -> Next {
        let Some(stream) = self.streams.get(&task) else {
            return Next::End;
        };
        if stream.taken < stream.arrived {
            Next::Item(item(task, stream.taken))
        } else if stream.total.is_some() {
            Next::End
        } else {
            Next::NotYet
        }
    }

    /// The consumer took the next item: how many it has taken.
    pub fn took(&mut self, task: TaskId) -> u32 {
        let stream = self.streams.get_mut(&task).filter(|stream| stream.taken < stream.arrived);
        let stream = stream.expect("OWN-7: only what has arrived is taken");
        stream.taken += 1;
        stream.taken
    }

    /// The consumer takes no more: the items that nobody will take.
    pub fn abandon(&mut self, task: TaskId) -> Vec<ObjectId> {
        let Some(stream) = self.streams.get_mut(&task) else {
            return Vec::new();
        };
        let left = (stream.taken..stream.arrived).map(|index| item(task, index)).collect();
        stream.taken = stream.arrived;
        stream.abandoned = true;
        if stream.total.is_some() {
            self.streams.remove(&task);
        }
        left
    }
}

#[cfg(test)]
mod tests {
    use types::{JobId, NodeId, WorkerId};

    use super::*;

    const TASK: fn() -> TaskId =
        || TaskId::new(WorkerId { node: NodeId(1), number: 1 }, 1, JobId(1));

    #[test]
    fn items_are_taken_in_order_and_a_repeated_attempt_adds_only_what_is_new() {
        let (mut streams, task) = (Streams::default(), TASK());
        streams.open(task);

        assert!(streams.arrived(task, 0));
        assert_eq!(streams.next(task), Next::Item(item(task, 0)));
        assert_eq!(streams.took(task), 1);
        assert!(!streams.arrived(task, 0));
        assert_eq!(streams.next(task), Next::NotYet);
        streams.ended(task, 1);
        assert_eq!(streams.next(task), Next::End);
    }

    #[test]
    fn what_nobody_will_take_is_named_when_the_consumer_leaves() {
        let (mut streams, task) = (Streams::default(), TASK());
        streams.open(task);
        assert!(streams.arrived(task, 0) && streams.arrived(task, 1));
        streams.took(task);

        assert_eq!(streams.abandon(task), [item(task, 1)]);
        assert!(!streams.arrived(task, 2));
    }
}
