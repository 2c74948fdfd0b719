//! Every message a node daemon receives.
//!
//! Owns: their content. Does not own: what follows from them (`roles::node`).

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use types::{
    ActorId, ActorSpec, Failure, GroupId, LeaseId, NodeInfo, ObjectId, ProcessInfo, Resources,
    Shape, Subject, WorkerId,
};

use crate::to_head::ToHead;
use crate::to_worker::Dependency;

/// A message to a daemon, by the role it is for: a process speaks to both over one connection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum ToDaemon {
    /// For the node.
    Node(ToNode),
    /// For the head.
    Head(ToHead),
}

/// What a process tells the node daemon of its machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum ToNode {
    /// The first message of a process: who it is.
    Hello(Peer),
    /// An owner asks for workers.
    Want {
        /// The shape, as the owner numbers it.
        shape: u32,
        /// What it is; sent with the first demand of the shape.
        spec: Option<Arc<Shape>>,
        /// How many further leases it could use now.
        count: u32,
        /// How many leases of the shape it had been granted or refused when it said so.
        granted: u64,
    },
    /// An owner gives a worker back.
    Release(LeaseId),
    /// The task that runs on this lease waits: its CPUs may be lent to others.
    Blocked(LeaseId),
    /// It goes on.
    Unblocked(LeaseId),
    /// A worker ends by itself.
    Leaving {
        /// Why, for people.
        reason: String,
    },
    /// A worker that is to end stays as long as others need what it owns: the answer to `FromNode::Spare`, and what
    /// follows `Leaving` of a worker that gets no more work.
    Staying,
    /// A worker that stayed is needed no longer: it may be asked again.
    Unneeded,
    /// What the worker calls itself from now on in the driver's terminal.
    Named(String),
    /// A driver is to be told now what workers of its job wrote: under this number it hears that it was.
    AskLines(u64),
    /// A range for an object of this size.
    Create {
        /// The object.
        object: ObjectId,
        /// Whose end is its end.
        owner: WorkerId,
        /// Its length in bytes.
        size: u64,
    },
    /// The object is written.
    Seal(ObjectId),
    /// The object will not be written by this process: its range is free.
    Discard(ObjectId),
    /// A process wants to read the object.
    Pin(ObjectId),
    /// A process reads the object no longer.
    Unpin(ObjectId),
    /// The owner says that nobody can reach these.
    Free(Vec<ObjectId>),
    /// The owner of a stream says that nobody takes this item or later ones, if there are any.
    FreeFrom(ObjectId),
}

/// What the head tells a node daemon.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum HeadToNode {
    /// Make this actor.
    StartActor {
        /// The actor.
        spec: Box<ActorSpec>,
        /// Values of constructor arguments that are refs.
        dependencies: Vec<Dependency>,
        /// Counted from 0 at each restart.
        incarnation: u32,
    },
    /// End the process of this actor.
    EndActor {
        /// The actor.
        actor: ActorId,
        /// Why, for people.
        reason: String,
    },
    /// The constructor returned; hold only what the actor needs while it lives.
    ActorMade(ActorId),
    /// Reserve these bundles, all or none.
    PrepareBundles {
        /// Their group.
        group: GroupId,
        /// Index and content of each.
        bundles: Vec<(u32, Resources)>,
    },
    /// The reserved bundles may be used.
    CommitBundles(GroupId),
    /// Give back what the group holds and end what runs in it.
    ReturnBundles(GroupId),
    /// Say which processes there are, and have them say what they know of this.
    Survey(u64, Subject),
    /// End the processes of this job.
    EndJob(types::JobId),
}

/// Who speaks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Peer {
    /// A process that the node started.
    Worker {
        /// As the node numbered it.
        worker: WorkerId,
        /// Its process.
        pid: u32,
    },
    /// A user's program.
    Driver {
        /// Its process.
        pid: u32,
        /// The cluster lives as long as this driver.
        owns_cluster: bool,
    },
}

impl Peer {
    /// Which worker it is, of those that have an id before they speak.
    #[must_use]
    pub const fn worker(&self) -> Option<WorkerId> {
        match self {
            Self::Worker { worker, .. } => Some(*worker),
            Self::Driver { .. } => None,
        }
    }
}

/// What a node daemon says to the head.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum NodeReport {
    /// A node is there.
    Joined(NodeInfo),
    /// What is free changed.
    Free(Resources),
    /// The process of an actor was given to it.
    ActorPlaced(ActorId, WorkerId),
    /// An actor could not be placed.
    ActorNotPlaced(ActorId, Arc<Failure>),
    /// The process of an actor ended.
    ActorEnded(ActorId, types::Death),
    /// Bundles were reserved, or were not.
    BundlesPrepared(GroupId, bool),
    /// The processes that are there, for the survey of this number; those that say so have been asked.
    Processes(u64, Vec<ProcessInfo>),
    /// A process ended or hung up.
    WorkerGone(types::Death),
}
