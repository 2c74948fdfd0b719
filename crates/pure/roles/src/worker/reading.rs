//! Content that is wanted here: asked of owners, pinned in the arena, unpinned again.
//!
//! Owns: which objects of the arena this process has pinned, for how many readers.
//! Does not own: where they lie (`objects`), or when a reader goes (`runtime`).

use std::sync::Arc;

use types::{Failure, Map, ObjectId, Ref, Value};
use wire::ToNode;
use wire::to_worker::Outcome;

use super::inbox::Incoming;
use super::{Content, Effect, Worker};

/// What this process has pinned or wants to.
pub(super) type Pins = Map<ObjectId, Pin>;

/// A pin of this process, one for each object, however many readers.
#[derive(Debug, Default)]
pub(super) struct Pin {
    /// Where the object lies and its size, once the node has said so.
    range: Option<(u64, u64)>,
    /// How many tasks and threads read it, or will.
    readers: u32,
    /// Threads wait for it, which are told together: they are one reader.
    load: bool,
}

impl Pin {
    /// What is read of the object, if it lies ready.
    pub(super) fn content(&self) -> Option<Content> {
        self.range.map(|(offset, size)| Content::Mapped { offset, size })
    }
}

impl Worker {
    /// Somebody in this process waits for an object.
    pub(super) fn want(&mut self, wanted: Ref, load: bool) {
        let object = wanted.object;
        if !self.refs.is_known(object) && self.values.get(object).is_none() {
            let failure = Failure::ObjectLost(object, "no ref to it is held".to_owned());
            self.loaded(object, Content::Failed(Arc::new(failure)));
            return;
        }
        if let Some(stored) = self.await_value(object, |awaiters| awaiters.load |= load) {
            self.announce(object, stored.value, load);
        }
    }

    /// Threads that wait hear of a value: of its content if they are to `load` it.
    pub(super) fn announce(&mut self, object: ObjectId, value: Value, load: bool) {
        match value {
            Value::Inline(payload) => self.loaded(object, Content::Inline(payload)),
            Value::Failed(failure) => self.loaded(object, Content::Failed(failure)),
            Value::Shared { .. } if !load => self.effects.push(Effect::Available(object)),
            Value::Shared { .. } => {
                if let Some(content) = self.pin(object, true) {
                    self.loaded(object, content);
                }
            }
        }
    }

    /// One reader more, a thread or else a task: what it reads if that lies ready. If not, threads are told later.
    pub(super) fn pin(&mut self, object: ObjectId, thread: bool) -> Option<Content> {
        let pin = self.pins.entry(object).or_insert_with(|| {
            self.effects.push(Effect::ToNode(ToNode::Pin(object)));
            Pin::default()
        });
        pin.readers += u32::from(!(thread && pin.load));
        pin.load |= thread && pin.range.is_none();
        pin.content()
    }

    /// The node pinned an object, or cannot give it: tasks that were to read it do not run then.
    pub(super) fn pinned(&mut self, object: ObjectId, range: Result<(u64, u64), Arc<Failure>>) {
        let Some(pin) = self.pins.get_mut(&object) else {
            return;
        };
        let load = std::mem::take(&mut pin.load);
        match range {
            Ok((offset, size)) => {
                pin.range = Some((offset, size));
                if load {
                    self.loaded(object, Content::Mapped { offset, size });
                }
                self.unpin_unread(object);
            }
            Err(failure) => {
                self.pins.remove(&object);
                if load {
                    self.loaded(object, Content::Failed(Arc::clone(&failure)));
                }
                let reads = |incoming: &Incoming| incoming.large().any(|other| other == object);
                for incoming in self.take_back(usize::MAX, reads) {
                    let failure = Arc::clone(&failure);
                    self.refuse(&incoming, Outcome::Failed { failure, retriable: false });
                }
            }
        }
        self.begin();
    }

    /// One reader less.
    pub(super) fn unread(&mut self, object: ObjectId) {
        if let Some(pin) = self.pins.get_mut(&object) {
            pin.readers = pin.readers.checked_sub(1).expect("OWN-11: a reader goes once");
            self.unpin_unread(object);
        }
    }

    fn unpin_unread(&mut self, object: ObjectId) {
        if let Some(Pin { range: Some(_), readers: 0, .. }) = self.pins.get(&object) {
            self.pins.remove(&object);
            self.effects.push(Effect::ToNode(ToNode::Unpin(object)));
        }
    }

    fn loaded(&mut self, object: ObjectId, content: Content) {
        self.effects.push(Effect::Loaded(object, content));
    }
}
