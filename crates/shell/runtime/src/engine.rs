//! The process side of drivers and workers: what the Python binding calls.
//!
//! Owns: the engine, its one lock, and the small calls. Does not own: any decision (`roles::Worker`), the calls that
//! wait (each in the file of what it waits for), Python objects (`python`), or how a connection begins (`handshake`,
//! `dial`).
//!
//! One lock guards the role and everything its effects touch (`guarded`). A call takes the lock, hands the role one
//! event, performs all effects, and lets go; nothing waits under the lock. A thread that must wait reads the sockets
//! itself if nobody else does (`waiting`); a background thread stands in when nobody waits (`background`).

mod answers;
mod background;
mod completions;
mod encoding;
mod fork;
mod guarded;
mod handles;
mod lines;
mod links;
mod looping;
mod notice;
mod objects;
mod perform;
mod pins;
mod ranges;
mod reading;
mod running;
mod serving;
mod spans;
mod start;
mod waiting;
mod waits;

#[cfg(test)]
mod tests;

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use roles::worker::Event;
use types::{ActorId, JobId, TaskId};

use self::background::Alarm;
use self::guarded::Core;
use self::notice::Notices;
use self::reading::Reader;

pub use self::answers::{Caller, EngineError, Identity, Interrupted, Outcomes, Patience};
pub use self::completions::{Channel, Completion};
pub use self::encoding::{
    Argument, ArgumentWriter, Arguments, Buffers, Encoded, MalformedValue, View, read_arguments,
    read_value,
};
pub use self::handles::{Handle, Survey};
pub use self::looping::News;
pub use self::pins::{Data, Pinned};
pub use self::running::Running;
pub use self::start::DriverOptions;

/// A process of the cluster that runs user code.
pub struct Engine {
    identity: Arc<Identity>,
    core: Mutex<Core>,
    notices: Arc<Notices>,
    alarm: Arc<Alarm>,
    /// Whoever holds it reads for all.
    reader: Mutex<Reader>,
    /// How many threads wait.
    waiting: AtomicUsize,
    /// Counts all events.
    steps: AtomicU64,
    numbers: AtomicU64,
    tasks: AtomicU64,
}

impl Engine {
    /// Who this process is.
    #[must_use]
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// A name for a task or `put` of `job` that nothing else has.
    #[must_use]
    pub fn new_task(&self, job: JobId) -> TaskId {
        TaskId::new(self.identity.worker, self.tasks.fetch_add(1, Ordering::Relaxed), job)
    }

    /// A name for a call on `actor`.
    #[must_use]
    pub fn new_call(&self, actor: ActorId) -> TaskId {
        TaskId::call(actor, self.identity.worker, self.tasks.fetch_add(1, Ordering::Relaxed))
    }

    /// A number for a template, an actor or a group: each of this process gets another.
    #[must_use]
    pub fn new_number(&self) -> u64 {
        self.numbers.fetch_add(1, Ordering::Relaxed)
    }

    /// Hands the role one event: whatever the user does that has no answer.
    pub fn step(&self, event: Event) -> Outcomes<()> {
        self.enter()?.step(event);
        Ok(())
    }

    /// Sends all that is written.
    pub fn flush(&self) -> Outcomes<()> {
        self.enter()?.flush(true);
        Ok(())
    }

    /// Leaves: everything that is written is sent, the connections close, later calls fail with `Closed`.
    pub fn close(&self) {
        if self.notices.are_of_parent() {
            return;
        }
        let mut locked = self.lock();
        if locked.ended.is_none() {
            locked.take_notices();
            locked.last_words();
            locked.end(EngineError::Closed);
            locked.links.close();
            self.notices.end();
        }
        drop(locked);
        self.alarm.stir();
        self.alarm.kick_poller();
    }

    fn somebody_waits(&self) -> bool {
        self.waiting.load(Ordering::SeqCst) > 0
    }
}
