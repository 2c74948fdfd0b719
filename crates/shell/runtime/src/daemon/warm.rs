//! Makes memory of the arena ready before it is needed, on a thread that runs when nothing else wants to.
//!
//! Owns: how far the arena was touched. Does not own: which part of it is used (`roles::node`).
//!
//! The first write to a page costs twenty times the later ones. Nothing is touched before something large was put, so
//! that a cluster that stores nothing takes no memory.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::{self, Thread};

use shm::Segment;
use types::limits::TOUCH_AHEAD_BYTES;

use crate::{signals, sys};

/// How much is touched in one call: little enough to end soon after the daemon does.
const STEP_BYTES: u64 = 4 << 20;
/// What is put must be this large before anything is touched.
const LARGE_BYTES: u64 = 1 << 20;

/// A goal that is none: the thread ends.
const ENDED: u64 = u64::MAX;

/// The thread and how far it shall go. Dropping it ends the thread.
#[derive(Debug)]
pub(super) struct Warmer {
    goal: Arc<AtomicU64>,
    thread: Thread,
    used: u64,
    largest: u64,
    ahead: u64,
    arena_bytes: u64,
}

impl Warmer {
    /// Starts the thread.
    pub(super) fn start(arena: Arc<Segment>) -> io::Result<Self> {
        let arena_bytes = arena.len();
        let goal = Arc::new(AtomicU64::new(0));
        let theirs = Arc::clone(&goal);
        let thread = thread::Builder::new()
            .name("aktis-warm".to_owned())
            .stack_size(128 << 10)
            .spawn(move || work(&arena, &theirs))?;
        let (thread, ahead) = (thread.thread().clone(), TOUCH_AHEAD_BYTES.min(arena_bytes / 4));
        Ok(Self { goal, thread, used: 0, largest: 0, ahead, arena_bytes })
    }

    /// A process asks for a range of this size.
    pub(super) fn on_create(&mut self, size: u64) {
        self.largest = self.largest.max(size);
    }

    /// A process was given a range that begins here. Its end is not known, but no further than the largest asked for.
    pub(super) fn on_created(&mut self, offset: u64) {
        let used = offset.saturating_add(self.largest);
        if self.largest < LARGE_BYTES || used <= self.used {
            return;
        }
        self.used = used;
        let goal = used.saturating_add(self.ahead).min(self.arena_bytes);
        self.goal.store(goal, Ordering::Relaxed);
        self.thread.unpark();
    }
}

impl Drop for Warmer {
    fn drop(&mut self) {
        self.goal.store(ENDED, Ordering::Relaxed);
        self.thread.unpark();
    }
}

fn work(arena: &Segment, goal: &AtomicU64) {
    signals::block_in_this_thread();
    if sys::run_when_idle().is_err() {
        // Touching memory at full priority would slow down those it is meant to help.
        return;
    }
    let mut touched = 0;
    loop {
        match goal.load(Ordering::Relaxed) {
            ENDED => return,
            goal if goal <= touched => thread::park(),
            goal => {
                let step = STEP_BYTES.min(goal - touched);
                if arena.touch(touched, step).is_err() {
                    // No memory is left: who writes there is told so at its own call.
                    return;
                }
                touched += step;
            }
        }
    }
}

#[cfg(test)]
mod tests;
