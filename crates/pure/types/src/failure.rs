//! Why a task, an actor or an object failed, as data that travels.
//!
//! Owns: the kinds of failure and their sentences. Does not own: exceptions (`aktis.exceptions`).

use std::cell::Cell;
use std::fmt;
use std::time::Duration;

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize};

use crate::ids::{ActorId, GroupId, ObjectId, TaskId, WorkerId};
use crate::limits::BRIEF_BYTES_MAX;
use crate::payload::Payload;

/// How a process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum Exit {
    /// It exited with this code.
    #[error("exited with code {0}")]
    Code(i32),
    /// This signal ended it.
    #[error("was ended by {}", signal_name(*.0))]
    Signal(i32),
    /// Its parent went first, so nobody was told.
    #[error("ended; its exit status is not known")]
    Unknown,
}

/// The end of a worker process, as exactly as it is known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Death {
    /// The worker.
    pub worker: WorkerId,
    /// Its process; 0 if that is not known.
    pub pid: u32,
    /// How it ended.
    pub exit: Exit,
    /// Why, where aktis ended it itself; "" if it did not.
    pub reason: String,
    /// The most memory it held, in bytes; 0 if that is not known.
    pub peak_memory_bytes: u64,
    /// The last lines it wrote.
    pub last_lines: Vec<String>,
}

/// Why there is no value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum Failure {
    /// The user's code raised.
    #[error("{text}")]
    Raised {
        /// The exception, pickled.
        error: Payload,
        /// Its traceback, for people.
        text: String,
    },
    /// Somebody cancelled the task.
    #[error("{0} was cancelled")]
    Cancelled(TaskId),
    /// An attempt ran longer than the task's `timeout_s`.
    #[error("{name}() ran longer than its timeout_s of {} s [{task}]", limit.as_secs_f64())]
    TimedOut {
        /// The task.
        task: TaskId,
        /// What people call it.
        name: String,
        /// How long an attempt may run.
        limit: Duration,
    },
    /// The worker ended while the task ran, and no attempt is left.
    #[error("the worker ended while it ran {task}: {death}")]
    WorkerCrashed {
        /// What people call the task.
        task: String,
        /// How the worker ended.
        death: Death,
    },
    /// The actor ended for good.
    #[error("{0} ended: {1}")]
    ActorDied(ActorId, ActorEnd),
    /// The actor is being restarted; the call may or may not have run.
    #[error("{0} is not reachable now ({1}); the call may or may not have run")]
    ActorUnavailable(ActorId, String),
    /// The owner of the object ended, and its objects with it.
    #[error(
        "{0} is gone because its owner, {1}, ended; only a task that its owner still knows can be run again"
    )]
    OwnerDied(ObjectId, WorkerId),
    /// No copy is left.
    #[error("{0} is lost: {1}")]
    ObjectLost(ObjectId, String),
    /// Somebody freed it by name.
    #[error("{0} was freed by name")]
    ObjectFreed(ObjectId),
    /// The node daemon of this machine ended.
    #[error("the node daemon of this machine ended: {0}")]
    LocalNodeDied(String),
    /// Shared memory is full and nothing can be moved out of it.
    #[error("the object store is full: {0}")]
    StoreFull(String),
    /// The disk is full.
    #[error("the disk is full: {0}")]
    OutOfDisk(String),
    /// No node can ever run the task or actor.
    #[error("{0}")]
    Unschedulable(String),
    /// The placement group was removed.
    #[error("{0} was removed")]
    GroupRemoved(GroupId),
    /// The runtime environment could not be made.
    #[error("the runtime environment could not be made: {0}")]
    EnvironmentFailed(String),
    /// A repeated stream yielded another number of items than before.
    #[error(
        "{0} was run again and yielded another number of items; a repeated generator must yield the same"
    )]
    StreamChanged(TaskId),
    /// Waits that keep each other from ending: who waits, and for what.
    #[error(
        "this wait would never end: {}. An actor that waits keeps the thread that its next call needs; give it more \
         of them (max_concurrency, a concurrency group), make the method async and await the ref, or return the ref \
         instead of waiting for it inside the method",
        told(.0)
    )]
    Deadlock(Vec<(String, String)>),
}

/// Why an actor ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum ActorEnd {
    /// Its process ended.
    #[error("its {0}")]
    Process(Death),
    /// Its constructor raised.
    #[error("its constructor raised:\n{text}")]
    Constructor {
        /// The exception, pickled.
        error: Payload,
        /// Its traceback, for people.
        text: String,
    },
    /// It could not be made, for this reason: see [`Self::not_made`].
    #[error("it could not be made: {0}")]
    NotMade(#[serde(deserialize_with = "innermost")] Box<Failure>),
    /// `kill` was called.
    #[error("it was ended by kill()")]
    Killed,
    /// It left by itself.
    #[error("it ended itself, by exit_actor() or sys.exit()")]
    Exited,
    /// Its last handle went.
    #[error("its last handle went")]
    Unreachable,
    /// Its creator ended.
    #[error("its owner, {0}, which made it, ended; make it detached to outlive it")]
    CreatorEnded(WorkerId),
    /// There is no actor of this id in the cluster.
    #[error("the cluster knows no such actor; it may be of an earlier session")]
    Unknown,
}

impl Failure {
    /// What is told of it where many stand: the end of its text, and neither pickles nor lines of output.
    #[must_use]
    pub fn brief(&self) -> Self {
        let mut brief = self.clone();
        if let Self::Raised { error, text }
        | Self::ActorDied(_, ActorEnd::Constructor { error, text }) = &mut brief
        {
            *error = Payload::EMPTY;
            let surplus = text.len().saturating_sub(BRIEF_BYTES_MAX);
            text.drain(..text.ceil_char_boundary(surplus));
        }
        if let Self::WorkerCrashed { death, .. } | Self::ActorDied(_, ActorEnd::Process(death)) =
            &mut brief
        {
            death.last_lines.clear();
        }
        brief
    }
}

impl ActorEnd {
    /// The end of an actor that could not be made because of `failure`. Where that is the failure to make another actor,
    /// what kept the other from being made is told: chains of actors have one cause, and failures do not nest.
    #[must_use]
    pub fn not_made(failure: Failure) -> Self {
        if let Failure::ActorDied(_, end @ Self::NotMade(_)) = failure {
            return end;
        }
        Self::NotMade(Box::new(failure))
    }
}

thread_local! {
    /// Whether what is read now is inside a failure already.
    static INSIDE: Cell<bool> = const { Cell::new(false) };
}

/// Reads a failure inside a failure, which holds no third: bytes made up by somebody cannot use up the stack.
fn innermost<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Box<Failure>, D::Error> {
    if INSIDE.replace(true) {
        return Err(D::Error::custom("a failure is nested too deep"));
    }
    let failure = Box::deserialize(deserializer);
    INSIDE.set(false);
    failure
}

impl fmt::Display for Death {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.pid {
            0 => write!(f, "{} {}", self.worker, self.exit)?,
            pid => write!(f, "process {pid} of {} {}", self.worker, self.exit)?,
        }
        if !self.reason.is_empty() {
            write!(f, ": {}", self.reason)?;
        }
        if self.peak_memory_bytes > 0 {
            write!(f, "; its peak memory was {} MB", self.peak_memory_bytes / 1_000_000)?;
        }
        if !self.last_lines.is_empty() {
            write!(f, "; its last lines were:\n  {}", self.last_lines.join("\n  "))?;
        }
        Ok(())
    }
}

fn told(waits: &[(String, String)]) -> String {
    let waits = waits.iter().map(|(who, what)| format!("{who}() waits for {what}()"));
    waits.collect::<Vec<_>>().join(", and ")
}

fn signal_name(signal: i32) -> String {
    let name = match signal {
        1 => "SIGHUP",
        2 => "SIGINT",
        4 => "SIGILL",
        6 => "SIGABRT",
        7 => "SIGBUS",
        8 => "SIGFPE",
        9 => "SIGKILL",
        11 => "SIGSEGV",
        15 => "SIGTERM",
        _ => return format!("signal {signal}"),
    };
    format!("{name} (signal {signal})")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::JobId;

    #[test]
    fn a_failure_in_brief_is_the_end_of_its_text_and_has_no_pickle_and_no_lines() {
        let text = format!("{}ä{}", "x".repeat(9), "y".repeat(BRIEF_BYTES_MAX - 1));
        let raised = Failure::Raised { error: Payload::from(&b"pickle"[..]), text };
        let worker = WorkerId::from_u64(1);
        let death = |last_lines| Death {
            worker,
            pid: 7,
            exit: Exit::Signal(9),
            reason: String::new(),
            peak_memory_bytes: 0,
            last_lines,
        };
        let crashed = |lines| Failure::WorkerCrashed { task: "f".to_owned(), death: death(lines) };

        let end = "y".repeat(BRIEF_BYTES_MAX - 1);
        assert_eq!(raised.brief(), Failure::Raised { error: Payload::EMPTY, text: end });
        assert_eq!(crashed(vec!["line".to_owned()]).brief(), crashed(vec![]));
    }

    #[test]
    fn a_chain_of_actors_that_cannot_be_made_has_one_cause() {
        let actor = |count| ActorId::new(WorkerId::from_u64(1), count, JobId(1));
        let cause = Failure::Unschedulable("no node is so large".to_owned());

        let first = ActorEnd::not_made(cause.clone());
        let second = ActorEnd::not_made(Failure::ActorDied(actor(1), first.clone()));

        assert_eq!((&first, &second), (&second, &ActorEnd::NotMade(Box::new(cause))));
    }
}
