//! Every message the head receives.
//!
//! Owns: their content. Does not own: what follows from them (`roles::head`).

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use types::{
    Account, ActorId, ActorInfo, ActorName, ActorSpec, Dependency, Failure, FunctionId, GroupId,
    GroupInfo, GroupSpec, JobId, JobInfo, Key, NodeInfo, Payload, Subject, Surveyed,
};

/// A message to the head.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum ToHead {
    /// A driver begins a job.
    StartJob {
        /// Its process.
        pid: u32,
        /// The namespace in which its actors are named.
        namespace: String,
        /// What was run, for people.
        entrypoint: String,
    },
    /// A function or class that tasks of the job call.
    PutFunction {
        /// The job.
        job: JobId,
        /// The function.
        function: FunctionId,
        /// Its pickle.
        pickle: Payload,
    },
    /// Make an actor. The answer is `Answer::Actor` or `Answer::NameTaken`.
    CreateActor {
        /// The question's number.
        request: u64,
        /// The actor.
        spec: Box<ActorSpec>,
        /// Whether an actor of the name, if there is one, will do.
        get_if_exists: bool,
    },
    /// The constructor's arguments are there: the actor may be placed.
    ActorReady {
        /// The actor.
        actor: ActorId,
        /// Values of constructor arguments that are refs.
        dependencies: Vec<Dependency>,
    },
    /// A constructor argument failed: the actor never lives.
    ActorHopeless(ActorId, Arc<Failure>),
    /// From the actor's process: its constructor returned.
    ActorMade(ActorId),
    /// From the actor's process: its constructor raised.
    ActorNotMade(ActorId, Arc<Failure>),
    /// From the actor's process: it leaves by itself.
    ActorLeaves(ActorId),
    /// Tell me what becomes of this actor.
    WatchActor(ActorId),
    /// End an actor.
    KillActor {
        /// The actor.
        actor: ActorId,
        /// Whether it stays dead.
        for_good: bool,
    },
    /// From the creator of an actor: no handle is left.
    ActorUnreachable(ActorId),
    /// Reserve a placement group.
    CreateGroup(Box<GroupSpec>),
    /// Give a placement group back.
    RemoveGroup(GroupId),
    /// Tell me what becomes of this group.
    WatchGroup(GroupId),
    /// A question.
    Ask {
        /// As the asker numbers it.
        request: u64,
        /// What is asked.
        question: Question,
    },
    /// What this process knows, for the survey of this number.
    Account(u64, Box<Account>),
}

/// What can be asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Question {
    /// The pickle of a function, waiting for it if its owner has not sent it yet.
    Function(JobId, FunctionId),
    /// All nodes.
    Nodes,
    /// The actor of this name.
    ActorNamed(ActorName),
    /// The names of actors; of one namespace, or of all.
    ActorNames(Option<String>),
    /// All actors.
    Actors,
    /// All placement groups.
    Groups,
    /// The placement group of this name.
    GroupNamed {
        /// Its namespace.
        namespace: String,
        /// Its name.
        name: String,
    },
    /// What all processes know of this.
    Survey(Subject),
    /// All jobs.
    Jobs,
    /// The value of a key.
    Get(Key),
    /// Sets a key; unless it is there, if it may not be overwritten.
    Put {
        /// The key.
        key: Key,
        /// Its value.
        value: Payload,
        /// Whether a value that is there gives way.
        overwrite: bool,
    },
    /// Removes a key, or all keys that begin with it.
    Delete {
        /// The key.
        key: Key,
        /// Whether it is a prefix.
        prefix: bool,
    },
    /// All keys that begin so.
    Keys(Key),
}

/// What is answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Answer {
    /// There is none.
    Nothing,
    /// Bytes.
    Bytes(Payload),
    /// How many.
    Count(u64),
    /// Several byte strings.
    Keys(Vec<Vec<u8>>),
    /// Nodes.
    Nodes(Vec<NodeInfo>),
    /// An actor was made, or the one of its name was found: its handle and whether it was found.
    Actor {
        /// The actor.
        actor: ActorId,
        /// What a handle needs to know, pickled.
        handle: Payload,
        /// It was there before.
        found: bool,
    },
    /// Another actor has the name.
    NameTaken(ActorName),
    /// Names of actors.
    ActorNames(Vec<ActorName>),
    /// Actors.
    Actors(Vec<ActorInfo>),
    /// Placement groups.
    Groups(Vec<GroupInfo>),
    /// Jobs.
    Jobs(Vec<JobInfo>),
    /// What all processes told.
    Survey(Surveyed),
    /// The question cannot be answered, for this reason.
    Failed(Arc<Failure>),
}
