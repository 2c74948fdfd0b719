//! Handles to objects: one shared state for each object of the process, readable without a lock.
//!
//! Owns: what a handle knows, and that the last one to go is told. Does not own: reference counts (`ownership`), or
//! who waits (`waiting`).

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};

use types::{Map, ObjectId, Ref};

use super::notice::Notices;
use super::pins::{Data, Pinned};
use super::{EngineError, Outcomes};

/// A handle to an object. Clones are cheap; when the last one of the process goes, the object is released.
#[derive(Clone)]
pub struct Handle(Arc<HandleState>);

struct HandleState {
    reference: Ref,
    notices: Arc<Notices>,
    /// Whether the object is known to exist.
    available: AtomicBool,
    /// What the role was asked for: nothing, to be told when the object exists (1), or its content (2).
    asked: AtomicU8,
    /// The last look through a list that saw the handle: twice by one means that it stands there twice.
    seen_by: AtomicU64,
    /// The wait that is told when the object comes; further ones stand in a list of their own.
    awaited_by: AtomicU64,
    /// A content that stays as long as the handle.
    fixed: OnceLock<Data>,
    /// A content in shared memory, as long as somebody reads it.
    mapped: Mutex<Weak<Pinned>>,
    /// The refs inside the content, in its order, from when they were first taken out of it. The object keeps them
    /// alive as it is.
    contained: OnceLock<Box<[Handle]>>,
}

/// All handles of the process, by object.
pub(super) struct Interned {
    states: Map<ObjectId, Weak<HandleState>>,
    pub(super) notices: Arc<Notices>,
}

/// One look through many handles.
#[derive(Debug)]
pub struct Survey {
    number: u64,
    count: usize,
    position: u32,
    ready: Vec<u32>,
}

impl Survey {
    pub(super) fn new(number: u64, count: usize) -> Self {
        Self { number, count, position: 0, ready: Vec::new() }
    }

    /// Looks at the next handle.
    ///
    /// # Errors
    /// If it was seen before.
    pub fn see(&mut self, handle: &Handle) -> Outcomes<()> {
        if !handle.see(self.number) {
            return Err(EngineError::Repeated(handle.object()));
        }
        if self.ready.len() < self.count && handle.is_available() {
            self.ready.push(self.position);
        }
        self.position += 1;
        Ok(())
    }

    /// The positions of the first that are ready, if there are enough.
    #[must_use]
    pub fn enough(self) -> Option<Vec<u32>> {
        (self.ready.len() >= self.count).then_some(self.ready)
    }
}

impl Handle {
    /// The ref.
    #[must_use]
    pub fn reference(&self) -> Ref {
        self.0.reference
    }

    /// The object.
    #[must_use]
    pub fn object(&self) -> ObjectId {
        self.0.reference.object
    }

    /// Whether the process left the cluster that the object was of.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.0.notices.are_over()
    }

    /// Whether the object is known to exist (or to have failed).
    #[must_use]
    pub fn is_available(&self) -> bool {
        self.0.available.load(Ordering::Acquire)
    }

    /// The content, if it is here.
    #[must_use]
    pub fn data(&self) -> Option<Data> {
        match self.0.fixed.get() {
            Some(data) => Some(data.clone()),
            None if self.is_available() => self.mapped().upgrade().map(Data::Mapped),
            None => None,
        }
    }

    /// The handles to the refs inside the content, in its order, if they were taken out of it before.
    #[must_use]
    pub fn contained(&self) -> Option<&[Self]> {
        self.0.contained.get().map(|handles| &**handles)
    }

    /// Remembers the handles to the refs inside the content.
    pub fn remember_contained(&self, handles: Vec<Self>) {
        // Two threads that read at once find the same refs.
        self.0.contained.get_or_init(|| handles.into());
    }

    /// Whether [`Self::data`] would answer.
    pub(super) fn is_loaded(&self) -> bool {
        self.0.fixed.get().is_some() || (self.is_available() && self.mapped().strong_count() > 0)
    }

    pub(super) fn set_available(&self) {
        self.0.available.store(true, Ordering::Release);
    }

    pub(super) fn set_data(&self, data: Data) {
        match data {
            Data::Mapped(pinned) => *self.mapped() = Arc::downgrade(&pinned),
            // A second content of an object, after it was made again, is the same one.
            Data::Bytes(_) | Data::Failed(_) => drop(self.0.fixed.set(data)),
        }
        self.set_available();
    }

    /// Notes that the role is asked for the object, or to `load` its content; false if it was before. Under the
    /// engine's lock.
    pub(super) fn ask(&self, load: bool) -> bool {
        let asked = 1 + u8::from(load);
        self.0.asked.fetch_max(asked, Ordering::Relaxed) < asked
    }

    /// The content left: the next reader asks for it anew.
    pub(super) fn forget_content(&self) {
        self.0.asked.fetch_min(1, Ordering::Relaxed);
    }

    /// Notes that `look` sees the handle; false if it did before.
    pub(super) fn see(&self, look: u64) -> bool {
        let new = self.0.seen_by.load(Ordering::Relaxed) != look;
        self.0.seen_by.store(look, Ordering::Relaxed);
        new
    }

    /// The wait that is told when the object comes; 0 is none.
    pub(super) fn awaited_by(&self) -> u64 {
        self.0.awaited_by.load(Ordering::Relaxed)
    }

    /// Under the engine's lock.
    pub(super) fn set_awaited_by(&self, wait: u64) {
        self.0.awaited_by.store(wait, Ordering::Relaxed);
    }

    fn mapped(&self) -> std::sync::MutexGuard<'_, Weak<Pinned>> {
        self.0.mapped.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "handle to {}", self.object())
    }
}

impl Drop for HandleState {
    fn drop(&mut self) {
        self.notices.released(self.reference.object);
    }
}

impl Interned {
    pub(super) fn new(notices: Arc<Notices>) -> Self {
        Self { states: Map::default(), notices }
    }

    /// The handle to an object, if the process has one.
    pub(super) fn find(&self, object: ObjectId) -> Option<Handle> {
        self.states.get(&object).and_then(Weak::upgrade).map(Handle)
    }

    /// A handle, and whether it is the first one: then the role is to be told.
    pub(super) fn intern(&mut self, reference: Ref) -> (Handle, bool) {
        if let Some(handle) = self.find(reference.object) {
            return (handle, false);
        }
        let handle = Handle(Arc::new(HandleState {
            reference,
            notices: Arc::clone(&self.notices),
            available: AtomicBool::new(false),
            asked: AtomicU8::new(0),
            seen_by: AtomicU64::new(0),
            awaited_by: AtomicU64::new(0),
            fixed: OnceLock::new(),
            mapped: Mutex::new(Weak::new()),
            contained: OnceLock::new(),
        }));
        self.states.insert(reference.object, Arc::downgrade(&handle.0));
        (handle, true)
    }

    /// Forgets an object whose last handle went, unless there is a new one.
    pub(super) fn forget(&mut self, object: ObjectId) {
        if self.states.get(&object).is_some_and(|state| state.strong_count() == 0) {
            self.states.remove(&object);
        }
    }
}
