//! The thread that looks after the process while no user thread does: sends what lies, releases what went, keeps
//! deadlines, and reads the sockets if nobody waits.
//!
//! Owns: when it sleeps and what wakes it. Does not own: what it does when awake (`waiting`, `guarded`).
//!
//! While there is activity it naps, a millisecond at a time, and costs a user thread nothing to ignore. After a quiet
//! while it sleeps for good: in the poller if nobody else reads, else parked. Who leaves work behind stirs it.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::Duration;

use roles::Role;
use types::Timestamp;

use super::waits::Sleeper;
use super::{Engine, EngineError};
use crate::{clock, signals, sys};

/// How long it naps while there is activity.
const NAP: Duration = Duration::from_millis(1);
/// How long after the last activity it sleeps for good.
const QUIET: Duration = Duration::from_millis(20);

/// Wakes the background thread, and whoever sleeps in the poller.
pub(super) struct Alarm {
    descriptor: File,
    /// Somebody sleeps in the poller.
    pub(super) polled: AtomicBool,
    /// The background thread sleeps for good, rather than for a nap.
    asleep: AtomicBool,
    /// The background thread, from when it began.
    background: OnceLock<Arc<Sleeper>>,
}

/// What the background thread finds when it looks.
struct Outlook {
    /// Counts all events so far.
    steps: u64,
    /// When something becomes due.
    deadline: Option<Timestamp>,
    /// Something lies that it is to send or release.
    unfinished: bool,
    /// Somebody who does not read the sockets is to be told of what comes.
    stands_in: bool,
}

impl Alarm {
    pub(super) fn new() -> io::Result<Self> {
        let descriptor = sys::event_counter()?;
        let (polled, asleep) = (AtomicBool::new(false), AtomicBool::new(false));
        Ok(Self { descriptor, polled, asleep, background: OnceLock::new() })
    }

    /// Has the background thread look within a nap.
    pub(super) fn stir(&self) {
        if !self.is_napping() && self.asleep.swap(false, Ordering::SeqCst) {
            self.wake_background();
        }
    }

    /// Has the background thread read the sockets from now on, if it does not.
    pub(super) fn stand_in(&self) {
        if self.background.get().is_some_and(|thread| !thread.polls.load(Ordering::SeqCst)) {
            self.asleep.store(false, Ordering::SeqCst);
            self.wake_background();
        }
    }

    /// Whether the background thread looks within a nap anyway.
    pub(super) fn is_napping(&self) -> bool {
        !self.asleep.load(Ordering::SeqCst)
    }

    /// Wakes whoever sleeps in the poller.
    pub(super) fn kick_poller(&self) {
        if self.polled.swap(false, Ordering::SeqCst) {
            // A counter that is full is readable already.
            drop((&self.descriptor).write(&1_u64.to_ne_bytes()));
        }
    }

    /// The poller saw it.
    pub(super) fn silence(&self) {
        // Without a count there is nothing to silence.
        drop((&self.descriptor).read(&mut [0; 8]));
    }

    fn wake_background(&self) {
        if let Some(thread) = self.background.get() {
            thread.wake(self);
        }
    }
}

impl AsFd for Alarm {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.descriptor.as_fd()
    }
}

impl Engine {
    /// What the background thread does each time it wakes; nothing once the process left the cluster.
    fn tend(&self) -> Option<Outlook> {
        let mut locked = self.lock();
        if locked.ended.is_some() {
            return None;
        }
        if self.notices.are_some() {
            locked.take_notices();
        }
        locked.on_time();
        locked.flush(false);
        Some(Outlook {
            steps: self.steps.load(Ordering::Relaxed),
            deadline: locked.role.next_deadline(),
            unfinished: locked.links.are_waiting(),
            stands_in: locked.completions.need_a_reader(),
        })
    }

    /// Whether nothing happened and nothing was left behind since the background thread looked.
    fn was_left_alone(&self, steps: u64) -> bool {
        self.steps.load(Ordering::SeqCst) == steps && !self.notices.are_some()
    }
}

/// Starts the thread. It ends when the process leaves the cluster.
pub(super) fn start(engine: Arc<Engine>) -> io::Result<()> {
    let body = move || {
        signals::block_in_this_thread();
        // A process whose background thread failed would hang: its calls are to fail instead.
        if catch_unwind(AssertUnwindSafe(|| run(&engine))).is_err() {
            engine.lock().end(EngineError::Closed);
        }
    };
    thread::Builder::new().name("aktis".to_owned()).spawn(body).map(drop)
}

fn run(engine: &Engine) {
    let sleeper = engine.alarm.background.get_or_init(Sleeper::current);
    let (mut steps, mut active) = (0, clock::now());
    while let Some(outlook) = engine.tend() {
        let now = clock::now();
        if outlook.steps != steps {
            (steps, active) = (outlook.steps, now);
        }
        let quiet = now.since(active) >= QUIET && !outlook.unfinished;
        let parks = engine.somebody_waits();
        engine.alarm.asleep.store(quiet, Ordering::SeqCst);
        let due = outlook.deadline.map(|deadline| deadline.since(now));
        let limit = match quiet && engine.was_left_alone(steps) {
            true => due,
            false => Some(due.map_or(NAP, |due| due.min(NAP))),
        };
        if parks {
            // Unless those who read have just gone.
            if engine.somebody_waits() {
                thread::park_timeout(limit.unwrap_or(Duration::MAX));
            }
        } else if quiet || outlook.stands_in {
            engine.read_in_background(limit);
        } else {
            engine.read_in_background(Some(Duration::ZERO));
            thread::park_timeout(NAP);
        }
        engine.alarm.asleep.store(false, Ordering::SeqCst);
        sleeper.take_woken();
    }
}
