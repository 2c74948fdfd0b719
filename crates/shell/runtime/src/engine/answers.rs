//! What calls are told and what they answer.
//!
//! Owns: the types. Does not own: the calls (`engine`).

use std::path::PathBuf;
use std::sync::Arc;

use serde::Serialize;
use types::{ObjectId, Settings, TaskId, Timestamp, WorkerId};

/// Who this process is.
#[derive(Debug, Clone, Serialize)]
pub struct Identity {
    /// Its name in the cluster.
    pub worker: WorkerId,
    /// The name of the session.
    pub session: String,
    /// Where its node listens.
    pub socket: PathBuf,
    /// What is set for the cluster.
    pub settings: Settings,
    /// Whether it is a driver.
    pub driver: bool,
}

/// Why a call could not be done at all.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EngineError {
    /// This process is a child by `fork` of the one that connected.
    #[error(
        "this process was forked from one that uses aktis; connect anew in the child, or start it by another way than fork"
    )]
    Forked,
    /// The node daemon is gone.
    #[error("the node daemon of this machine ended: {0}")]
    NodeDied(String),
    /// The connection was closed by this process.
    #[error("this process has left the cluster")]
    Closed,
    /// It could not be made.
    #[error("cannot connect to the node daemon: {0}")]
    NotConnected(String),
    /// `interrupted` said so.
    #[error("interrupted")]
    Interrupted,
    /// The deadline passed.
    #[error("the time allowed for it passed")]
    TimedOut,
    /// The same ref stands twice where each must be another.
    #[error("{0} stands twice in the list")]
    Repeated(ObjectId),
    /// An object cannot be written or read, or will never come, for this reason.
    #[error("{0}")]
    Failed(Arc<types::Failure>),
}

/// The answer of one call of this module.
pub type Outcomes<T> = Result<T, EngineError>;

/// Says whether a waiting call is to end. Called without locks, after every signal and now and then.
pub type Interrupted<'a> = &'a mut dyn FnMut() -> bool;

/// How long a call waits.
pub struct Patience<'a> {
    /// Until then.
    pub deadline: Option<Timestamp>,
    /// On whose behalf.
    pub caller: Caller,
    /// Or until this says so.
    pub interrupted: Interrupted<'a>,
}

/// On whose behalf a thread waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Caller {
    /// A thread of the user's own: waits and no more.
    Thread,
    /// A thread that runs this call of an actor, which keeps its CPUs.
    Call(TaskId),
    /// A thread that runs this task: its CPUs are lent to others while it waits for their work.
    Task(TaskId),
}
