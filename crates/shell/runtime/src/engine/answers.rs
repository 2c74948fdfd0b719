//! What calls are told and what they answer.
//!
//! Owns: the types. Does not own: the calls (`engine`).

use std::path::PathBuf;
use std::sync::Arc;

use sha2::{Digest, Sha256};
use types::{ObjectId, Settings, WorkerId};

use super::handles::Handle;
use super::pins::Data;
use super::running::Running;

/// Who this process is.
#[derive(Debug, Clone)]
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

impl Identity {
    /// How many bytes the fingerprint has.
    pub const FINGERPRINT_LEN: usize = 20;

    /// Bytes that processes of this session have in common and no other session has.
    #[must_use]
    pub fn fingerprint(&self) -> [u8; Self::FINGERPRINT_LEN] {
        let mut bytes = [0; Self::FINGERPRINT_LEN];
        bytes.copy_from_slice(&Sha256::digest(&self.session)[..Self::FINGERPRINT_LEN]);
        bytes
    }
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
    /// The object cannot be written.
    #[error("{0}")]
    NotAllocated(Arc<types::Failure>),
}

/// The answer of one call of this module.
pub type Outcomes<T> = Result<T, EngineError>;

/// Says whether a waiting call is to end. Called without locks.
pub type Interrupted<'a> = &'a mut dyn FnMut() -> bool;

/// On whose behalf a thread waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Caller {
    /// The user's own thread, or one of an actor that keeps its CPUs: waits and no more.
    Thread,
    /// A thread that runs a task: its CPUs are lent to others while it waits, and it may be asked to help.
    Task,
}

/// How `get` ended.
#[derive(Debug)]
pub enum Got {
    /// All contents, in the order of the handles.
    Ready(Vec<Data>),
    /// The deadline passed.
    TimedOut,
    /// Run this and finish it, then call `get` again.
    Help(Box<Running>),
}

/// How `wait` ended.
#[derive(Debug)]
pub enum Waited {
    /// Positions of handles whose objects exist, ascending: at most as many as were asked for, fewer at the deadline.
    Ready(Vec<u32>),
    /// Run this and finish it, then call `wait` again.
    Help(Box<Running>),
}

/// What a stream has at an index.
#[derive(Debug)]
pub enum Item {
    /// The item.
    Next(Handle),
    /// There are no more. The ref of the whole says whether the task failed.
    End,
    /// Not known before the deadline.
    TimedOut,
}
