//! Handles to objects: one shared state for each object of the process, readable without a lock.
//!
//! Owns: what a handle knows, and that the last one to go is told. Does not own: reference counts (`ownership`), or
//! who waits (`waiting`).

use std::fmt;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};

use types::{Failure, Map, ObjectId, Payload, Ref};

use super::notice::Notices;
use super::pins::{Data, Pinned};
use super::{EngineError, Outcomes};

/// Nothing is known yet.
const PENDING: u8 = 0;
/// The object exists.
const AVAILABLE: u8 = 1;

/// How much of an object this process asked the role for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub(super) enum Asked {
    /// Nothing.
    Nothing = 0,
    /// To be told when it exists.
    Available = 1,
    /// Its content.
    Content = 2,
}

/// A handle to an object. Clones are cheap; when the last one of the process goes, the object is released.
#[derive(Clone)]
pub struct Handle(Arc<HandleState>);

struct HandleState {
    reference: Ref,
    notices: Arc<Notices>,
    stage: AtomicU8,
    asked: AtomicU8,
    /// The last `wait` that saw the handle: twice by one means that it stands in the list twice.
    seen_by: AtomicU64,
    /// The wait that is told when the object comes; further ones stand in a list of their own.
    awaited_by: AtomicU64,
    /// A content that stays as long as the handle.
    fixed: OnceLock<Fixed>,
    /// A content in shared memory, as long as somebody reads it.
    mapped: Mutex<Weak<Pinned>>,
    /// The refs inside the content, in its order, from when they were first taken out of it. The object keeps them
    /// alive as it is.
    contained: OnceLock<Box<[Handle]>>,
}

enum Fixed {
    Bytes(Payload),
    Failed(Arc<Failure>),
}

/// All handles of the process, by object.
#[derive(Default)]
pub(super) struct Interned {
    states: Map<ObjectId, Weak<HandleState>>,
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

    /// Whether the object is known to exist (or to have failed).
    #[must_use]
    pub fn is_available(&self) -> bool {
        self.0.stage.load(Ordering::Acquire) >= AVAILABLE
    }

    /// The content, if it is here.
    #[must_use]
    pub fn data(&self) -> Option<Data> {
        match self.0.fixed.get() {
            Some(Fixed::Bytes(bytes)) => Some(Data::Bytes(bytes.clone())),
            Some(Fixed::Failed(failure)) => Some(Data::Failed(Arc::clone(failure))),
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
        self.0.stage.fetch_max(AVAILABLE, Ordering::Release);
    }

    pub(super) fn set_data(&self, data: Data) {
        match data {
            // A second content of an object, after it was made again, is the same one.
            Data::Bytes(bytes) => drop(self.0.fixed.set(Fixed::Bytes(bytes))),
            Data::Failed(failure) => drop(self.0.fixed.set(Fixed::Failed(failure))),
            Data::Mapped(pinned) => *self.mapped() = Arc::downgrade(&pinned),
        }
        self.set_available();
    }

    /// Notes that the role is asked for `asked`; false if it was before. Under the engine's lock.
    pub(super) fn ask(&self, asked: Asked) -> bool {
        self.0.asked.fetch_max(asked as u8, Ordering::Relaxed) < asked as u8
    }

    /// The content left: the next reader asks for it anew.
    pub(super) fn forget_content(&self) {
        self.0.asked.fetch_min(Asked::Available as u8, Ordering::Relaxed);
    }

    /// Notes that `wait` sees the handle; false if it did before.
    pub(super) fn see(&self, wait: u64) -> bool {
        let new = self.0.seen_by.load(Ordering::Relaxed) != wait;
        self.0.seen_by.store(wait, Ordering::Relaxed);
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
    /// The handle to an object, if the process has one.
    pub(super) fn find(&self, object: ObjectId) -> Option<Handle> {
        self.states.get(&object).and_then(Weak::upgrade).map(Handle)
    }

    /// A handle, and whether it is the first one: then the role is to be told.
    pub(super) fn intern(&mut self, reference: Ref, notices: &Arc<Notices>) -> (Handle, bool) {
        if let Some(handle) = self.find(reference.object) {
            return (handle, false);
        }
        let handle = Handle(Arc::new(HandleState {
            reference,
            notices: Arc::clone(notices),
            stage: AtomicU8::new(PENDING),
            asked: AtomicU8::new(Asked::Nothing as u8),
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
