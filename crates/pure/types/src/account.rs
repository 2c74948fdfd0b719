//! What the processes of a cluster tell of themselves when somebody asks, for people.
//!
//! Owns: the description of processes, tasks and objects as they are at the moment. Does not own: what is over
//! (`span`), or who asks whom (`control::surveys`).

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::failure::{Death, Failure};
use crate::ids::{JobId, NodeId, ObjectId, WorkerId};
use crate::span::{Called, Span};

/// What is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Subject {
    /// Which processes there are; only nodes are asked.
    Processes,
    /// What ran lately for a job.
    Spans(JobId),
    /// What ran lately, and the tasks that are not over or failed.
    Tasks,
    /// The objects to which refs are held, and the tasks that make and need them.
    Objects,
}

/// A process of a node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProcessInfo {
    /// The process.
    pub worker: WorkerId,
    /// As the system numbers it.
    pub pid: u32,
    /// Whether a user started it.
    pub driver: bool,
    /// Whether it is asked too: one that is not connected, or works for no job, knows nothing.
    pub asked: bool,
    /// The job it works for.
    pub job: Option<JobId>,
    /// Its runtime environment as canonical JSON; "" is none.
    pub environment: String,
}

/// What one process knows.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// When its clock began, since the Unix epoch.
    pub clock_began: Duration,
    /// What ran here lately.
    pub spans: Vec<Span>,
    /// Tasks that it owns or that came here.
    pub tasks: Vec<TaskInfo>,
    /// Objects to which it holds refs.
    pub objects: Vec<ObjectInfo>,
    /// How many tasks and objects are left out, because there were too many.
    pub left_out: u64,
}

impl Account {
    /// Leaves out what is more than `max` tasks, and as many objects.
    pub fn leave_out(&mut self, max: usize) {
        let (tasks, objects) = (self.tasks.len(), self.objects.len());
        self.left_out += (tasks.saturating_sub(max) + objects.saturating_sub(max)) as u64;
        self.tasks.truncate(max);
        self.objects.truncate(max);
    }
}

/// A task as one process sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskInfo {
    /// Its name.
    pub name: String,
    /// Which attempt of which call it is.
    pub called: Called,
    /// How far it is.
    pub stage: Stage,
}

/// How far a task is, as its owner or the process that it came to sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Stage {
    /// To its owner: arguments have no value yet.
    Waiting,
    /// To its owner: it may be sent, and there is no worker or actor to send it to.
    Ready,
    /// To its owner: it was sent.
    Sent,
    /// It came here and has not begun; so many large arguments cannot be read yet.
    Arrived(u32),
    /// It runs here.
    Running {
        /// Since when, by the clock of this process.
        began: Duration,
        /// Whether it waits for others.
        waits: bool,
    },
    /// To its owner: this attempt failed.
    Failed(Arc<Failure>),
}

/// An object as one process sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObjectInfo {
    /// The object.
    pub object: ObjectId,
    /// Its owner.
    pub owner: WorkerId,
    /// What is known of its value.
    pub place: Whereabouts,
    /// Whether something here reads it in shared memory.
    pub mapped: bool,
    /// Whether an unfinished task of this process needs it.
    pub needed: bool,
}

/// Where a value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Whereabouts {
    /// Not known here.
    Unknown,
    /// In the memory of the process, with so many bytes.
    Here(u64),
    /// In the shared memory of a node.
    Shared {
        /// The node that made the first copy.
        node: NodeId,
        /// Its length in bytes.
        size: u64,
    },
    /// There is none, for it failed.
    Failed,
}

/// What was heard in answer to a question to all processes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Surveyed {
    /// The processes that are there.
    pub processes: Vec<ProcessInfo>,
    /// The latest of those that are gone.
    pub gone: Vec<Death>,
    /// What each of those told that were asked, but for its spans.
    pub accounts: Vec<(WorkerId, Box<Account>)>,
    /// What ran, also in processes that are gone, in the order in which it began.
    pub spans: Vec<Span>,
}
