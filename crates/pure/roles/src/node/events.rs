//! What can happen to a node daemon, and what it wants done.
//!
//! Owns: the two lists. Does not own: what leads from one to the other (`node`), or how it is done (`runtime`).

use objects::DiskJob;
use types::{Exit, JobId, ObjectId, WorkerId};
use wire::to_node::{NodeReport, Peer};
use wire::to_worker::FromNode;
use wire::{HeadToNode, ToNode};

/// What can happen to a node.
#[derive(Debug, PartialEq)]
pub enum Event {
    /// A process proved that it belongs to the cluster and said who it is.
    Arrived {
        /// The connection, as the shell numbers it.
        connection: u64,
        /// Who it is.
        peer: Peer,
    },
    /// A process of this node said something.
    Message(WorkerId, ToNode),
    /// The connection to a process of this node is gone.
    HungUp(WorkerId),
    /// The head said something.
    Head(HeadToNode),
    /// The head knows the job of a driver.
    JobStarted(WorkerId, JobId),
    /// A worker process was started.
    Forked {
        /// The worker.
        worker: WorkerId,
        /// Its process.
        pid: u32,
    },
    /// A worker process could not be started.
    ForkFailed {
        /// The worker.
        worker: WorkerId,
        /// Why.
        reason: String,
    },
    /// A worker process ended.
    ProcessEnded {
        /// The worker.
        worker: WorkerId,
        /// How.
        exit: Exit,
        /// The most memory it held, in bytes; 0 if that is not known.
        peak_memory_bytes: u64,
    },
    /// A worker wrote lines.
    Wrote {
        /// The worker.
        worker: WorkerId,
        /// Whether to standard error.
        error: bool,
        /// The lines, without their ends.
        lines: Vec<String>,
    },
    /// An object was written to disk or read back, as it was wanted, or could not be.
    DiskDone(ObjectId, Result<(), String>),
}

/// What a node wants done.
#[derive(Debug, PartialEq)]
pub enum Effect {
    /// The process behind a connection is this one; tell it so, with the arena's descriptor.
    Welcome {
        /// The connection.
        connection: u64,
        /// The process.
        worker: WorkerId,
    },
    /// Say this to a process of this node.
    ToWorker(WorkerId, FromNode),
    /// Say this to the head.
    ToHead(NodeReport),
    /// Start a worker process.
    Fork {
        /// What it is called.
        worker: WorkerId,
        /// Its runtime environment as canonical JSON; "" is none.
        environment: String,
    },
    /// End a process at once.
    Kill(WorkerId),
    /// Do this with the file of an object. What came of it is an event, except of a deletion.
    Disk(DiskJob),
    /// The cluster ends: end all processes, then this one.
    Stop,
}
