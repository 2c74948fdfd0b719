//! What user threads leave behind without taking the engine's lock: handles that went, and readers that went.
//!
//! Owns: the two lists until somebody takes them. Does not own: what follows (`shared`).
//!
//! A drop may happen anywhere, with any lock held, even in a forked child: it must neither wait nor fail.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use types::ObjectId;

use super::background::Alarm;
use super::fork;

/// So many releases are worth a step of their own; fewer wait for the next nap of the background thread.
const WORTH_A_STEP: usize = 64;

/// The lists.
pub(super) struct Notices {
    lists: Mutex<Lists>,
    count: AtomicUsize,
    alarm: Alarm,
    process: fork::Process,
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
    pub(super) fn new(alarm: Alarm) -> Self {
        Self {
            lists: Mutex::default(),
            count: AtomicUsize::new(0),
            alarm,
            process: fork::Process::current(),
        }
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

    fn note(&self, add: impl FnOnce(&mut Lists)) {
        // In a forked child another thread may have held the lock for ever.
        if self.process.is_forked() {
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
