//! The thread that looks after the process while no user thread does: sends what lies, releases what went, keeps
//! deadlines, and reads the sockets if nobody waits.
//!
//! Owns: when it sleeps and what wakes it. Does not own: what it does when awake (`shared`).
//!
//! While there is activity it naps, a millisecond at a time, and costs a user thread nothing to ignore. After a quiet
//! while it sleeps for good: in the poller if nobody else reads, else parked. Who leaves work behind stirs it.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread::{self, Thread};
use std::time::Duration;

use types::Timestamp;

use super::shared::Shared;
use super::{EngineError, signals};
use crate::{clock, sys};

/// How long it naps while there is activity.
const NAP: Duration = Duration::from_millis(1);
/// How long after the last activity it sleeps for good.
const QUIET: Duration = Duration::from_millis(20);

/// It looks again within a nap.
const NAPPING: u8 = 0;
/// It sleeps until it is unparked.
const PARKED: u8 = 1;
/// It sleeps in the poller.
const POLLING: u8 = 2;

/// Wakes the background thread, and whoever sleeps in the poller. Clones are the same.
#[derive(Clone)]
pub(super) struct Alarm(Arc<AlarmState>);

struct AlarmState {
    descriptor: File,
    background: AtomicU8,
    /// Somebody sleeps in the poller.
    polled: AtomicBool,
    thread: OnceLock<Thread>,
}

/// What the background thread finds when it looks.
pub(super) struct Outlook {
    /// Counts all events so far.
    pub(super) steps: u64,
    /// When something becomes due.
    pub(super) deadline: Option<Timestamp>,
    /// Something lies that it is to send or release.
    pub(super) unfinished: bool,
    /// Somebody who does not read the sockets is to be told of what comes.
    pub(super) stands_in: bool,
    /// The process left the cluster.
    pub(super) closed: bool,
}

impl Alarm {
    pub(super) fn new() -> io::Result<Self> {
        let descriptor = sys::eventfd()?;
        let (background, polled) = (AtomicU8::new(NAPPING), AtomicBool::new(false));
        Ok(Self(Arc::new(AlarmState { descriptor, background, polled, thread: OnceLock::new() })))
    }

    /// Has the background thread look within a nap.
    pub(super) fn stir(&self) {
        let state = &self.0.background;
        match state.load(Ordering::SeqCst) {
            PARKED => {
                if self.begin_nap(PARKED)
                    && let Some(thread) = self.0.thread.get()
                {
                    thread.unpark();
                }
            }
            POLLING if self.begin_nap(POLLING) => self.ring(),
            _ => {}
        }
    }

    /// Has the background thread read the sockets from now on, if it does not.
    pub(super) fn stand_in(&self) {
        if self.0.background.load(Ordering::SeqCst) != POLLING {
            self.begin_nap(PARKED);
            if let Some(thread) = self.0.thread.get() {
                thread.unpark();
            }
        }
    }

    /// Whether the background thread looks within a nap anyway.
    pub(super) fn is_napping(&self) -> bool {
        self.0.background.load(Ordering::SeqCst) == NAPPING
    }

    /// Wakes whoever sleeps in the poller.
    pub(super) fn kick_poller(&self) {
        if self.0.polled.swap(false, Ordering::SeqCst) {
            self.ring();
        }
    }

    /// Notes whether somebody sleeps in the poller.
    pub(super) fn set_polled(&self, polled: bool) {
        self.0.polled.store(polled, Ordering::SeqCst);
    }

    /// The poller saw it.
    pub(super) fn silence(&self) {
        // Without a count there is nothing to silence.
        drop((&self.0.descriptor).read(&mut [0; 8]));
    }

    fn begin_nap(&self, from: u8) -> bool {
        let state = &self.0.background;
        state.compare_exchange(from, NAPPING, Ordering::SeqCst, Ordering::SeqCst).is_ok()
    }

    fn fall_asleep(&self, state: u8) {
        self.0.background.store(state, Ordering::SeqCst);
    }

    fn ring(&self) {
        // A counter that is full is readable already.
        drop((&self.0.descriptor).write(&1_u64.to_ne_bytes()));
    }
}

impl AsFd for Alarm {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.descriptor.as_fd()
    }
}

/// Starts the thread. It ends when the process leaves the cluster.
pub(super) fn start(shared: Arc<Shared>) -> io::Result<()> {
    let alarm = shared.alarm.clone();
    let body = move || {
        signals::block_in_this_thread();
        let last = OnPanic(&shared);
        run(&shared);
        drop(last);
    };
    let thread = thread::Builder::new().name("aktis".to_owned()).spawn(body)?;
    // It looked at most once without being known, and naps.
    alarm.0.thread.get_or_init(|| thread.thread().clone());
    Ok(())
}

/// A process whose background thread failed would hang: its calls are to fail instead.
struct OnPanic<'a>(&'a Shared);

impl Drop for OnPanic<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.lock().end(EngineError::Closed);
        }
    }
}

fn run(shared: &Shared) {
    let mut steps = 0;
    let mut active = clock::now();
    loop {
        let outlook = shared.tend();
        if outlook.closed {
            return;
        }
        let now = clock::now();
        if outlook.steps != steps {
            steps = outlook.steps;
            active = now;
        }
        let quiet = now.since(active) >= QUIET && !outlook.unfinished;
        if shared.somebody_waits() {
            rest(shared, quiet, steps, outlook.deadline);
        } else if quiet || outlook.stands_in {
            poll_asleep(shared, quiet, steps, until(now, outlook.deadline));
        } else {
            shared.read_in_background(Some(Duration::ZERO));
            thread::park_timeout(NAP);
        }
    }
}

/// Sleeps while user threads read.
fn rest(shared: &Shared, quiet: bool, steps: u64, deadline: Option<Timestamp>) {
    if !quiet {
        thread::park_timeout(NAP);
        return;
    }
    shared.alarm.fall_asleep(PARKED);
    if !shared.was_left_alone(steps) {
        thread::park_timeout(NAP);
    } else if shared.somebody_waits() {
        match until(clock::now(), deadline) {
            Some(limit) => thread::park_timeout(limit),
            None => thread::park(),
        }
    }
    shared.alarm.fall_asleep(NAPPING);
}

/// Sleeps in the poller and reads what comes.
fn poll_asleep(shared: &Shared, quiet: bool, steps: u64, due: Option<Duration>) {
    if !quiet {
        shared.read_in_background(Some(due.map_or(NAP, |due| due.min(NAP))));
        return;
    }
    shared.alarm.fall_asleep(POLLING);
    let limit = if shared.was_left_alone(steps) { due } else { Some(Duration::ZERO) };
    shared.read_in_background(limit);
    shared.alarm.fall_asleep(NAPPING);
}

fn until(now: Timestamp, deadline: Option<Timestamp>) -> Option<Duration> {
    deadline.map(|deadline| deadline.since(now))
}
