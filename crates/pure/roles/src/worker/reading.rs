//! Content that is wanted here: asked of owners, pinned in the arena, unpinned again.
//!
//! Owns: which objects of the arena this process has pinned, for how many readers.
//! Does not own: where they lie (`objects`), or when a reader goes (`runtime`).

use std::sync::Arc;

use ownership::Readiness;
use types::{Failure, Map, ObjectId, Ref, TaskId, Value};
use wire::{FromPeer, ToNode};

use super::{Content, Effect, Worker};

/// The pins of this process, one for each object, however many readers.
#[derive(Debug, Default)]
pub(super) struct Pins {
    pins: Map<ObjectId, Pin>,
}

#[derive(Debug)]
enum Pin {
    /// Asked for; so many tasks that will run here wait for it, and threads if `load`.
    Asked {
        load: bool,
        tasks: Vec<TaskId>,
    },
    Held {
        offset: u64,
        size: u64,
        readers: u32,
    },
}

impl Worker {
    /// Somebody in this process waits for an object.
    pub(super) fn want(&mut self, wanted: Ref, load: bool) {
        let object = wanted.object;
        if !self.refs.is_known(object) && self.values.get(object).is_none() {
            let why = "no ref to it is held".to_owned();
            self.effects.push(Effect::Loaded(
                object,
                Content::Failed(Arc::new(Failure::ObjectLost(object, why))),
            ));
            return;
        }
        match self.values.await_by(object, |awaiters| awaiters.load |= load) {
            Readiness::Here(stored) => match &stored.value {
                Value::Inline(payload) => {
                    self.effects.push(Effect::Loaded(object, Content::Inline(payload.clone())))
                }
                Value::Failed(failure) => {
                    self.effects.push(Effect::Loaded(object, Content::Failed(Arc::clone(failure))))
                }
                Value::Shared { .. } if load => self.load(object),
                Value::Shared { .. } => self.effects.push(Effect::Available(object)),
            },
            Readiness::Awaited { first } => {
                if let Some(owner) = self.refs.lender(object).filter(|_| first) {
                    self.effects.push(Effect::ToPeer(owner, FromPeer::Fetch(vec![object])));
                }
            }
        }
    }

    /// A thread of this process will read a large object.
    pub(super) fn load(&mut self, object: ObjectId) {
        match self.pins.pins.get_mut(&object) {
            Some(Pin::Held { offset, size, readers }) => {
                *readers += 1;
                self.effects
                    .push(Effect::Loaded(object, Content::Mapped { offset: *offset, size: *size }));
            }
            Some(Pin::Asked { load, .. }) => *load = true,
            None => {
                self.pins.pins.insert(object, Pin::Asked { load: true, tasks: Vec::new() });
                self.effects.push(Effect::ToNode(ToNode::Pin(vec![object])));
            }
        }
    }

    /// A task that came here reads a large object: whether it lies ready.
    pub(super) fn pin_for(&mut self, object: ObjectId, task: TaskId) -> bool {
        match self.pins.pins.get_mut(&object) {
            Some(Pin::Held { readers, .. }) => {
                *readers += 1;
                true
            }
            Some(Pin::Asked { tasks, .. }) => {
                tasks.push(task);
                false
            }
            None => {
                self.pins.pins.insert(object, Pin::Asked { load: false, tasks: vec![task] });
                self.effects.push(Effect::ToNode(ToNode::Pin(vec![object])));
                false
            }
        }
    }

    /// Where a pinned object lies.
    pub(super) fn range_of(&self, object: ObjectId) -> Option<(u64, u64)> {
        match self.pins.pins.get(&object)? {
            Pin::Held { offset, size, .. } => Some((*offset, *size)),
            Pin::Asked { .. } => None,
        }
    }

    /// The node pinned an object.
    pub(super) fn pinned(&mut self, object: ObjectId, offset: u64, size: u64) {
        let Some(Pin::Asked { load, tasks }) = self.pins.pins.remove(&object) else {
            return;
        };
        let readers = u32::from(load) + tasks.len() as u32;
        if readers == 0 {
            self.effects.push(Effect::ToNode(ToNode::Unpin(vec![object])));
            return;
        }
        self.pins.pins.insert(object, Pin::Held { offset, size, readers });
        if load {
            self.effects.push(Effect::Loaded(object, Content::Mapped { offset, size }));
        }
        for task in tasks {
            self.dependency_pinned(task);
        }
    }

    /// The node cannot give an object.
    pub(super) fn pin_failed(&mut self, object: ObjectId, failure: Arc<Failure>) {
        let Some(Pin::Asked { load, tasks }) = self.pins.pins.remove(&object) else {
            return;
        };
        if load {
            self.effects.push(Effect::Loaded(object, Content::Failed(Arc::clone(&failure))));
        }
        for task in tasks {
            self.dependency_failed(task, &failure);
        }
    }

    /// A task that came here and will not run reads a large object no more, if it was to yet.
    pub(super) fn unread_by_task(&mut self, object: ObjectId, task: TaskId) {
        match self.pins.pins.get_mut(&object) {
            Some(Pin::Asked { tasks, .. }) => {
                let position = tasks.iter().position(|other| *other == task);
                if let Some(position) = position {
                    tasks.swap_remove(position);
                }
            }
            Some(Pin::Held { .. }) => self.unread(object),
            None => {}
        }
    }

    /// One reader less.
    pub(super) fn unread(&mut self, object: ObjectId) {
        let Some(Pin::Held { readers, .. }) = self.pins.pins.get_mut(&object) else {
            return;
        };
        *readers = readers.checked_sub(1).expect("OWN-11: a reader goes once");
        if *readers == 0 {
            self.pins.pins.remove(&object);
            self.effects.push(Effect::ToNode(ToNode::Unpin(vec![object])));
        }
    }
}
