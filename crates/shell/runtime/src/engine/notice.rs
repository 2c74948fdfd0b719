//! What user threads leave behind without taking the engine's lock: handles that went, and readers that went.
//!
//! Owns: the two lists until somebody takes them. Does not own: what follows (`guarded`).
//!
//! A drop may happen anywhere, with any lock held, even in a forked child: it must neither wait nor fail.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use types::ObjectId;

use super::background::Alarm;
use super::fork;

/// So many releases are worth a step of their own; fewer wait for the next nap of the background thread.
const WORTH_A_STEP: usize = 64;

/// The lists.
pub(super) struct Notices {
    lists: Mutex<Lists>,
    count: AtomicUsize,
    /// The process left the cluster: what is left behind concerns nobody.
    over: AtomicBool,
    alarm: Arc<Alarm>,
    forks: u64,
}

/// What was left behind.
#[derive(Default)]
pub(super) struct Lists {
    /// Objects whose last handle went.
    pub(super) released: Vec<ObjectId>,
    /// Mapped objects of which a reader went, one entry for each.
    pub(super) unread: Vec<ObjectId>,
}

impl Notices {
    pub(super) fn new(alarm: Arc<Alarm>) -> Self {
        let (count, over) = (AtomicUsize::new(0), AtomicBool::new(false));
        Self { lists: Mutex::default(), count, over, alarm, forks: fork::count() }
    }

    pub(super) fn released(&self, object: ObjectId) {
        self.note(|lists| lists.released.push(object));
    }

    pub(super) fn unread(&self, object: ObjectId) {
        self.note(|lists| lists.unread.push(object));
    }

    /// Whether so much was left that it should be taken now.
    pub(super) fn are_many(&self) -> bool {
        self.count.load(Ordering::Relaxed) >= WORTH_A_STEP
    }

    /// Whether anything was left.
    pub(super) fn are_some(&self) -> bool {
        self.count.load(Ordering::Relaxed) > 0
    }

    pub(super) fn take(&self) -> Lists {
        let mut lists = self.lists();
        self.count.store(0, Ordering::Relaxed);
        std::mem::take(&mut *lists)
    }

    /// The process leaves the cluster.
    pub(super) fn end(&self) {
        self.over.store(true, Ordering::Relaxed);
    }

    /// Whether the process left the cluster.
    pub(super) fn are_over(&self) -> bool {
        self.over.load(Ordering::Relaxed)
    }

    /// Whether this is a child by `fork` of the process that they belong to.
    pub(super) fn are_of_parent(&self) -> bool {
        fork::count() != self.forks
    }

    fn note(&self, add: impl FnOnce(&mut Lists)) {
        // In a forked child another thread may have held the lock for ever.
        if self.are_of_parent() {
            return;
        }
        let mut lists = self.lists();
        add(&mut lists);
        let first = self.count.fetch_add(1, Ordering::Relaxed) == 0;
        drop(lists);
        if first {
            self.alarm.stir();
        }
    }

    fn lists(&self) -> MutexGuard<'_, Lists> {
        self.lists.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
