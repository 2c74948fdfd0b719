//! Makes memory of the arena ready before it is needed, on a thread that runs when nothing else wants to.
//!
//! Owns: how far the arena was touched. Does not own: which part of it is used (`roles::node`).
//!
//! The first write to a page costs twenty times the later ones. No more is touched ahead than was used before, so that a
//! cluster that stores nothing takes no memory.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::{self, Thread};

use shm::Segment;
use types::limits::TOUCH_AHEAD_BYTES;

use crate::{signals, sys};

/// How much is touched in one call: little enough to end soon after the daemon does.
const STEP_BYTES: u64 = 4 << 20;

/// A goal that is none: the thread ends.
const ENDED: u64 = u64::MAX;

/// The thread and how far it shall go. Dropping it ends the thread.
#[derive(Debug)]
pub(super) struct Warmer {
    goal: Arc<AtomicU64>,
    thread: Thread,
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
        Ok(Self { goal, thread: thread.thread().clone(), arena_bytes })
    }

    /// So much of the arena was used until now: as much again is made ready, within limits.
    pub(super) fn on_used(&self, used: u64) {
        let ahead = used.min(TOUCH_AHEAD_BYTES).min(self.arena_bytes / 4);
        let goal = (used + ahead).min(self.arena_bytes);
        if self.goal.swap(goal, Ordering::Relaxed) != goal {
            self.thread.unpark();
        }
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
