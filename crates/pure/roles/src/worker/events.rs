//! What can happen to a worker or driver, and what it wants done.
//!
//! Owns: the two lists. Does not own: what leads from one to the other (`worker`), or how it is done (`runtime`).

use std::sync::Arc;
use std::time::Duration;

use types::{
    Account, ActorId, ActorSpec, Assignment, Failure, GroupId, ObjectId, Payload, Ref, Stored,
    Subject, TaskId, TaskSpec, Template, WorkerId,
};
use wire::to_worker::{CancelReach, Outcome, OutputLines};
use wire::{Answer, FromHead, FromNode, FromPeer, ToHead, ToNode};

/// What can happen to a worker.
#[derive(Debug)]
pub enum Event {
    /// The user submits a task or calls a method of an actor. A handle to each of its returns is made.
    Submit(TaskSpec),
    /// The user makes an actor.
    CreateActor {
        /// The question's number.
        request: u64,
        /// The actor.
        spec: Box<ActorSpec>,
        /// Whether an actor of the name, if there is one, will do.
        get_if_exists: bool,
    },
    /// The user stored a value. A handle to it is made.
    Put(ObjectId, Stored),
    /// A handle to a ref was made.
    Hold(Ref, Source),
    /// Handles to these went.
    Release(Vec<ObjectId>),
    /// The last reader of a mapped object in this process went.
    Unread(ObjectId),
    /// Somebody waits for these.
    Want {
        /// The refs.
        refs: Vec<Ref>,
        /// Whether their content is wanted here, or only to know that it is somewhere.
        load: bool,
    },
    /// The thread that runs this task begins to wait.
    Blocked(TaskId),
    /// The thread that runs this task has waited for long, for all of these and without a deadline. Told again now and
    /// then as long as it lasts.
    Stuck {
        /// The task.
        task: TaskId,
        /// The wait, as the process numbers it.
        wait: u64,
        /// What is missing, or some of it.
        refs: Vec<Ref>,
    },
    /// It goes on.
    Unblocked(TaskId),
    /// The user's code ended.
    Finished {
        /// The task.
        task: TaskId,
        /// How.
        outcome: Outcome,
        /// How long it ran.
        ran: Duration,
    },
    /// A running generator yielded.
    Yielded {
        /// The task.
        task: TaskId,
        /// Counted from 0.
        index: u32,
        /// The item.
        item: Stored,
    },
    /// The consumer of the stream that this task yields took its next item, of which a handle is made.
    Took(TaskId),
    /// The consumer of a stream will take no more.
    Abandoned(TaskId),
    /// The user cancels the task that makes an object.
    Cancel {
        /// The ref.
        target: Ref,
        /// How far that goes.
        reach: CancelReach,
    },
    /// The user ends an actor.
    KillActor {
        /// The actor.
        actor: ActorId,
        /// Whether it stays dead.
        for_good: bool,
    },
    /// An object is to hold `value` once the group is there.
    AwaitGroup {
        /// The group.
        group: GroupId,
        /// The object, of which a handle is made.
        object: ObjectId,
        /// What it holds then.
        value: Payload,
    },
    /// To be said to the head as it is.
    Tell(ToHead),
    /// To be said to the node daemon as it is.
    TellNode(ToNode),
    /// The actor in this process leaves by itself, after what it is doing.
    Leave,
    /// A peer said something.
    Peer(WorkerId, FromPeer),
    /// The connection to a peer is gone, or could not be made.
    PeerLost(WorkerId),
    /// The node daemon said something.
    Node(FromNode),
    /// The head said something.
    Head(FromHead),
    /// The connection to the node daemon is gone.
    NodeLost(String),
}

/// Where a ref came from: what must stay until its owner knows of the new holder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// From inside this object's value.
    Value(ObjectId),
    /// From inside the arguments of this task, which runs here.
    Task(TaskId),
    /// From outside: pickled by the user, or made from an id.
    Outside,
}

/// What a worker wants done.
#[derive(Debug, PartialEq)]
pub enum Effect {
    /// Say this to the node daemon.
    ToNode(ToNode),
    /// Say this to the head.
    ToHead(ToHead),
    /// Say this to a peer; connect to it if there is no connection.
    ToPeer(WorkerId, FromPeer),
    /// The object exists, here or elsewhere: whoever waits for just that goes on.
    Available(ObjectId),
    /// The object can be read: whoever waits for it goes on.
    Loaded(ObjectId, Content),
    /// The range of an object that is to be written, or why there is none.
    Allocated(ObjectId, Result<u64, Arc<Failure>>),
    /// Run this, on a thread that has nothing to do: where those that run tasks all wait, on a further one.
    Run(Box<Execution>),
    /// End a wait that was told to be stuck, with this failure.
    Break(u64, Arc<Failure>),
    /// Interrupt a running task.
    Interrupt(TaskId, Interrupt),
    /// The consumer may have taken more items: a generator that waits looks again.
    Consumed(TaskId, u32),
    /// A stream has a next item, or its end: its consumer looks again.
    StreamMoved(TaskId),
    /// The answer to a question.
    Answered(u64, Answer),
    /// Tell the head this, for the survey of this number, with what the shell knows of its subject.
    Account(u64, Subject, Box<Account>),
    /// Lines of output for the driver's terminal.
    Lines(Vec<OutputLines>),
    /// End this process, after all was sent.
    Exit(String),
}

/// The content of an object as this process reads it.
#[derive(Debug, Clone, PartialEq)]
pub enum Content {
    /// Serialized bytes.
    Inline(Payload),
    /// A range of the arena, to be followed by one `Unread` when nobody reads it any more.
    Mapped {
        /// Where it begins.
        offset: u64,
        /// Its length in bytes.
        size: u64,
    },
    /// There is none.
    Failed(Arc<Failure>),
}

/// A task as its worker runs it.
#[derive(Debug, PartialEq)]
pub struct Execution {
    /// The task.
    pub task: TaskId,
    /// Which attempt this is, from 0: for a constructor, how often its actor was made before.
    pub attempt: u32,
    /// What it has in common with others.
    pub template: Arc<Template>,
    /// Its arguments, encoded.
    pub arguments: Payload,
    /// What stands for arguments that are refs, with the object it is read from.
    pub dependencies: Vec<(ObjectId, Content)>,
    /// What its lease holds.
    pub assignment: Assignment,
    /// Who awaits its result.
    pub owner: WorkerId,
    /// The constructor's task makes this actor.
    pub actor: Option<Box<ActorSpec>>,
}

/// Why a running task is interrupted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Interrupt {
    /// Somebody cancelled it.
    Cancelled,
    /// It ran longer than its limit.
    TimedOut,
}

impl Interrupt {
    /// What becomes of a task that ended because of it.
    pub(super) fn failure(self, task: TaskId, template: &Template) -> Failure {
        match self {
            Self::Cancelled => Failure::Cancelled(task),
            Self::TimedOut => {
                let (name, limit) = (template.name.clone(), template.timeout.unwrap_or_default());
                Failure::TimedOut { task, name, limit }
            }
        }
    }
}
