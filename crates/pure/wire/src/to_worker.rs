//! Every message a worker or driver receives.
//!
//! Owns: their content. Does not own: what follows from them (`roles::worker`).

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use types::{
    ActorId, ActorSpec, Assignment, Death, Failure, GroupId, JobId, LeaseId, ObjectId, Payload,
    Probe, Settings, Stored, Subject, TaskId, Template, TemplateId, WorkerId,
};

use crate::to_head::Answer;

pub use types::{ActorState, Dependency, GroupState};

/// A message to a worker, by who says it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum ToWorker {
    /// From another worker.
    Peer(FromPeer),
    /// From the node daemon of its machine.
    Node(FromNode),
    /// From the head.
    Head(FromHead),
}

/// What workers say to each other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum FromPeer {
    /// Owner to executor: templates that later messages name.
    Templates(Vec<Arc<Template>>),
    /// Owner to executor: run these, in order.
    Tasks {
        /// The lease they run on, and what it holds; calls on an actor run on none.
        lease: Option<(LeaseId, Assignment)>,
        /// The tasks or calls.
        tasks: Vec<TaskMessage>,
    },
    /// Owner to executor: give back as many tasks as have not begun.
    Recall {
        /// The lease they were sent on.
        lease: LeaseId,
        /// At most this many, from the end of the queue.
        count: u32,
    },
    /// Owner to executor: end this task.
    Cancel {
        /// The task.
        task: TaskId,
        /// How far that goes.
        reach: CancelReach,
    },
    /// To the owner of an object: cancel the task that makes it.
    CancelObject {
        /// The object.
        object: ObjectId,
        /// How far that goes.
        reach: CancelReach,
    },
    /// Owner to executor: the consumer of a stream has taken so many items.
    Consumed {
        /// The task that yields.
        task: TaskId,
        /// How many in all.
        count: u32,
    },
    /// Executor to owner: a task ended.
    Done {
        /// The task.
        task: TaskId,
        /// How it ended.
        outcome: Outcome,
        /// How long it ran.
        ran: Duration,
    },
    /// Executor to owner: these tasks have not begun and will not here.
    HandedBack {
        /// The lease they were sent on.
        lease: LeaseId,
        /// The tasks.
        tasks: Vec<TaskId>,
    },
    /// Executor to owner: a task yielded an item.
    Item {
        /// The task.
        task: TaskId,
        /// Counted from 0.
        index: u32,
        /// The item.
        item: Stored,
    },
    /// To an owner: this process now holds refs to an object.
    Borrow {
        /// The object.
        object: ObjectId,
        /// Whether to answer with `Borrowed`.
        confirm: bool,
    },
    /// From an owner: it knows of the borrow.
    Borrowed(ObjectId),
    /// To an owner: this process holds no refs to the object any more.
    Return(ObjectId),
    /// Owner of a result to its executor: refs inside the results of the task are registered.
    Settled(TaskId),
    /// To an owner: tell me the value once there is one.
    Fetch(ObjectId),
    /// From an owner: the value of an object.
    Fetched {
        /// The object.
        object: ObjectId,
        /// Its value.
        stored: Stored,
    },
    /// To whoever knows about the place where it has to look next.
    Probe(Box<Probe>),
}

/// One task on its way to a worker.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskMessage {
    /// The task.
    pub id: TaskId,
    /// Which attempt this is, from 0.
    pub attempt: u32,
    /// What it has in common with others; sent before.
    pub template: TemplateId,
    /// Its arguments, encoded.
    pub arguments: Payload,
    /// The values of arguments that are refs, by position.
    pub dependencies: Vec<Dependency>,
}

/// How far a cancellation goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct CancelReach {
    /// It may end the process that runs the task.
    pub force: bool,
    /// It takes along what the task submitted.
    pub recursive: bool,
}

/// How a task ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Outcome {
    /// With these values, one for each return.
    Returned(Vec<Stored>),
    /// It yielded so many items, all sent before.
    Streamed(u32),
    /// With a failure.
    Failed {
        /// Why.
        failure: Arc<Failure>,
        /// Whether its retry options ask for another attempt.
        retriable: bool,
    },
}

/// What a node daemon says to its workers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum FromNode {
    /// The first message of a conversation.
    Welcome {
        /// The process that reads this.
        worker: WorkerId,
        /// The name of the session.
        session: String,
        /// The size of the arena, whose descriptor comes along.
        arena_bytes: u64,
        /// What is set for the cluster.
        settings: Settings,
        /// What every process of the cluster knows and no other: peers prove it to each other.
        token: Payload,
        /// The path of the node's Unix socket, through which peers are dialled.
        socket: String,
    },
    /// A peer dialled this process: its socket comes along, read as far as the preamble's end.
    Visitor,
    /// To an owner: a worker for tasks of this shape.
    Leased {
        /// The shape, as its `Want` numbered it.
        shape: u32,
        /// The lease.
        lease: LeaseId,
        /// The worker.
        worker: WorkerId,
        /// What the lease holds.
        assignment: Assignment,
    },
    /// To an owner: no worker can ever run tasks of this shape.
    Refused {
        /// The shape.
        shape: u32,
        /// Why.
        failure: Arc<Failure>,
    },
    /// To an owner: somebody else waits; give the lease back after what it holds.
    Reclaim(LeaseId),
    /// To an owner: the worker of the lease is gone.
    LeaseEnded {
        /// The lease.
        lease: LeaseId,
        /// How it ended.
        death: Death,
    },
    /// To a worker: make this actor.
    Start {
        /// The actor.
        spec: Box<ActorSpec>,
        /// Values of constructor arguments that are refs.
        dependencies: Vec<Dependency>,
        /// Counted from 0 at each restart.
        incarnation: u32,
        /// What it holds.
        assignment: Assignment,
    },
    /// The range for an object that is to be written: where it begins in the arena, or why there is none.
    Created(ObjectId, Result<u64, Arc<Failure>>),
    /// Where a sealed object begins in the arena, and its length in bytes: it stays there until `Unpin`. Or why it cannot
    /// be had.
    Pinned(ObjectId, Result<(u64, u64), Arc<Failure>>),
    /// A process that this one spoke to ended.
    PeerEnded(Death),
    /// Lines that workers of this driver's job wrote.
    Lines(Vec<OutputLines>),
    /// All that they wrote before this was asked for was told.
    LinesTold(u64),
    /// To an idle worker: it is one too many. It answers with `ToNode::Leaving` and ends; or with `ToNode::Staying`,
    /// if others need objects that it owns.
    Spare,
    /// Say what you know of this, with `ToHead::Account` and this number.
    Survey(u64, Subject),
}

/// What one worker wrote, line by line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutputLines {
    /// The worker.
    pub worker: WorkerId,
    /// Its process.
    pub pid: u32,
    /// What it calls itself: its task's or its actor's name.
    pub name: String,
    /// Whether it wrote to standard error.
    pub error: bool,
    /// The lines, without their ends.
    pub lines: Vec<String>,
}

/// What the head says to workers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum FromHead {
    /// To a driver: its job has begun.
    JobStarted(JobId),
    /// What became of an actor that this process watches.
    ActorChanged {
        /// The actor.
        actor: ActorId,
        /// Its state.
        state: ActorState,
    },
    /// What became of a placement group that this process watches.
    GroupChanged {
        /// The group.
        group: GroupId,
        /// Its state.
        state: GroupState,
    },
    /// To an actor: its last handle went; end after the calls at hand.
    Retire,
    /// The answer to a question.
    Answered {
        /// Which question, as the asker numbered it.
        request: u64,
        /// The answer.
        answer: Answer,
    },
}
