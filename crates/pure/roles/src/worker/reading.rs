//! Content that is wanted here: asked of owners, pinned in the arena, unpinned again.
//!
//! Owns: which objects of the arena this process has pinned, for how many readers.
//! Does not own: where they lie (`objects`), or when a reader goes (`runtime`).

use std::sync::Arc;

use types::{Failure, ObjectId, Ref, TaskId, Value};
use wire::ToNode;

use super::{Content, Effect, Worker};

/// A pin of this process, one for each object, however many readers.
#[derive(Debug)]
pub(super) enum Pin {
    /// Asked for; so many tasks that will run here wait for it, and threads if `load`.
    Asked { load: bool, tasks: Vec<TaskId> },
    /// Held for so many readers.
    Held { offset: u64, size: u64, readers: u32 },
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
                if let Some(content) = self.pin(object, None) {
                    self.loaded(object, content);
                }
            }
        }
    }

    /// One reader more, a task or else a thread: what it reads if that lies ready. If not, it is told later.
    pub(super) fn pin(&mut self, object: ObjectId, task: Option<TaskId>) -> Option<Content> {
        let pin = self.pins.entry(object).or_insert_with(|| {
            self.effects.push(Effect::ToNode(ToNode::Pin(object)));
            Pin::Asked { load: false, tasks: Vec::new() }
        });
        match (pin, task) {
            (Pin::Held { offset, size, readers }, _) => {
                *readers += 1;
                return Some(Content::Mapped { offset: *offset, size: *size });
            }
            (Pin::Asked { tasks, .. }, Some(task)) => tasks.push(task),
            (Pin::Asked { load, .. }, None) => *load = true,
        }
        None
    }

    /// What is read of a pinned object.
    pub(super) fn mapped(&self, object: ObjectId) -> Option<Content> {
        match self.pins.get(&object)? {
            Pin::Held { offset, size, .. } => {
                Some(Content::Mapped { offset: *offset, size: *size })
            }
            Pin::Asked { .. } => None,
        }
    }

    /// The node pinned an object, or cannot give it.
    pub(super) fn pinned(&mut self, object: ObjectId, range: Result<(u64, u64), Arc<Failure>>) {
        let Some(Pin::Asked { load, tasks }) = self.pins.remove(&object) else {
            return;
        };
        match range {
            Ok(_) if !load && tasks.is_empty() => {
                self.effects.push(Effect::ToNode(ToNode::Unpin(object)));
            }
            Ok((offset, size)) => {
                let readers = u32::from(load) + tasks.len() as u32;
                self.pins.insert(object, Pin::Held { offset, size, readers });
                if load {
                    self.loaded(object, Content::Mapped { offset, size });
                }
                tasks.into_iter().for_each(|task| self.dependency_pinned(task));
            }
            Err(failure) => {
                if load {
                    self.loaded(object, Content::Failed(Arc::clone(&failure)));
                }
                tasks.into_iter().for_each(|task| self.dependency_failed(task, &failure));
            }
        }
    }

    /// A task that came here and will not run reads a large object no more, if it was to yet.
    pub(super) fn unread_by_task(&mut self, object: ObjectId, task: TaskId) {
        match self.pins.get_mut(&object) {
            Some(Pin::Asked { tasks, .. }) => {
                if let Some(at) = tasks.iter().position(|other| *other == task) {
                    tasks.swap_remove(at);
                }
            }
            Some(Pin::Held { .. }) => self.unread(object),
            None => {}
        }
    }

    /// One reader less.
    pub(super) fn unread(&mut self, object: ObjectId) {
        let Some(Pin::Held { readers, .. }) = self.pins.get_mut(&object) else {
            return;
        };
        *readers = readers.checked_sub(1).expect("OWN-11: a reader goes once");
        if *readers == 0 {
            self.pins.remove(&object);
            self.effects.push(Effect::ToNode(ToNode::Unpin(object)));
        }
    }

    fn loaded(&mut self, object: ObjectId, content: Content) {
        self.effects.push(Effect::Loaded(object, content));
    }
}
