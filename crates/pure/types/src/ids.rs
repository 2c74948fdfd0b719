//! Names of jobs, nodes, workers, tasks, actors, objects, groups and leases.
//!
//! Owns: their layout and printed form. Does not own: who counts them up (`roles`).
//!
//! A task id says who made it: `count (8) | worker (8) | actor count (4) | job (4)`. An actor id is the last
//! sixteen bytes of its creation task's id, and an object id is a task id with the index of the return behind it.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The actor count of a task that belongs to no actor.
const NO_ACTOR: u32 = u32::MAX;

/// People who debug see what all people see.
macro_rules! debug_is_display {
    ($($name:ident),+) => {
        $(impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                std::fmt::Display::fmt(self, f)
            }
        })+
    };
}
pub(crate) use debug_is_display;

debug_is_display!(JobId, NodeId, LeaseId, TemplateId, WorkerId);
debug_is_display!(FunctionId, ActorId, TaskId, GroupId, ObjectId);

macro_rules! number_id {
    ($(#[$doc:meta])* $name:ident($number:ty), $word:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        pub struct $name(pub $number);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!($word, " {}"), self.0)
            }
        }
    };
}

macro_rules! bytes_id {
    ($(#[$doc:meta])* $name:ident[$len:literal], $word:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        pub struct $name([u8; $len]);

        impl $name {
            /// How many bytes the id has.
            pub const LEN: usize = $len;

            /// The id with these bytes, as [`Self::bytes`] gave them.
            #[must_use]
            pub const fn from_bytes(bytes: [u8; $len]) -> Self {
                Self(bytes)
            }

            /// The bytes of the id.
            #[must_use]
            pub const fn bytes(&self) -> &[u8; $len] {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!($word, " "))?;
                self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
        }
    };
}

number_id!(
    /// One driver's work, counted from 1 by the head.
    JobId(u32), "job"
);
number_id!(
    /// One node, counted from 1 by the head.
    NodeId(u32), "node"
);
number_id!(
    /// The right to use a worker, counted by the node that granted it.
    LeaseId(u64), "lease"
);
number_id!(
    /// A template, counted by the process that made it.
    TemplateId(u64), "template"
);
bytes_id!(
    /// A pickled function or class: the first bytes of the hash of its pickle.
    FunctionId[16], "function"
);
bytes_id!(
    /// An actor: `creator (8) | count (4) | job (4)`.
    ActorId[16], "actor"
);
bytes_id!(
    /// One attempt-independent call of a remote function or method.
    TaskId[24], "task"
);
bytes_id!(
    /// A placement group: `creator (8) | count (4) | zero (2) | job (4)`.
    GroupId[18], "placement group"
);

/// A process that runs user code: a worker or a driver.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct WorkerId {
    /// The node whose process it is.
    pub node: NodeId,
    /// Counted from 1 by that node.
    pub number: u32,
}

/// One object: the task that makes it and which of its returns it is.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ObjectId {
    /// The task that makes the object; for `put`, an id of its own.
    pub task: TaskId,
    /// 0 for `put`, from 1 for returns.
    pub index: u32,
}

impl WorkerId {
    /// The id as one number, for layouts of fixed size.
    #[must_use]
    pub const fn to_u64(self) -> u64 {
        ((self.node.0 as u64) << 32) | self.number as u64
    }

    /// The id that [`Self::to_u64`] gave.
    #[must_use]
    pub const fn from_u64(number: u64) -> Self {
        Self { node: NodeId((number >> 32) as u32), number: number as u32 }
    }
}

impl fmt::Display for WorkerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "worker {}.{}", self.node.0, self.number)
    }
}

impl ActorId {
    /// The `count`-th actor that `creator` made for `job`.
    #[must_use]
    pub fn new(creator: WorkerId, count: u32, job: JobId) -> Self {
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&creator.to_u64().to_be_bytes());
        bytes[8..12].copy_from_slice(&count.to_be_bytes());
        bytes[12..].copy_from_slice(&job.0.to_le_bytes());
        Self(bytes)
    }

    /// The job whose driver, directly or not, made the actor.
    #[must_use]
    pub const fn job(&self) -> JobId {
        let [.., a, b, c, d] = self.0;
        JobId(u32::from_le_bytes([a, b, c, d]))
    }

    /// The process that made the actor.
    #[must_use]
    pub const fn creator(&self) -> WorkerId {
        let [creator @ .., _, _, _, _, _, _, _, _] = self.0;
        WorkerId::from_u64(u64::from_be_bytes(creator))
    }

    /// The object that stands for the actor's life: who holds a handle holds a ref to it.
    #[must_use]
    pub fn handle(&self) -> ObjectId {
        ObjectId { task: TaskId::creation(*self), index: 1 }
    }
}

impl TaskId {
    /// The `count`-th task that `worker` submitted for `job`.
    #[must_use]
    pub fn new(worker: WorkerId, count: u64, job: JobId) -> Self {
        Self::layout(count, ActorId::new(worker, NO_ACTOR, job))
    }

    /// The task that makes `actor`.
    #[must_use]
    pub fn creation(actor: ActorId) -> Self {
        Self::layout(0, actor)
    }

    /// A call on `actor`, the `count`-th task that `caller` submitted.
    #[must_use]
    pub fn call(actor: ActorId, caller: WorkerId, count: u64) -> Self {
        // Odd, so that callers map to distinct numbers whose high bits differ; counts move the low bits.
        const SPREAD: u64 = 0x9e37_79b9_7f4a_7c15;
        let unique = caller.to_u64().wrapping_mul(SPREAD) ^ count;
        Self::layout(unique.max(1), actor)
    }

    /// What a driver does outside any task.
    #[must_use]
    pub fn driver(job: JobId) -> Self {
        let mut bytes = [0xff; 24];
        bytes[20..].copy_from_slice(&job.0.to_le_bytes());
        Self(bytes)
    }

    fn layout(count: u64, rest: ActorId) -> Self {
        let mut bytes = [0; 24];
        bytes[..8].copy_from_slice(&count.to_be_bytes());
        bytes[8..].copy_from_slice(&rest.0);
        Self(bytes)
    }

    /// The job that the task belongs to.
    #[must_use]
    pub const fn job(&self) -> JobId {
        self.rest().job()
    }

    /// The actor that runs the task, if one does.
    #[must_use]
    pub fn actor(&self) -> Option<ActorId> {
        let actor = self.rest();
        (actor.0[8..12] != NO_ACTOR.to_be_bytes()).then_some(actor)
    }

    /// All but the count.
    const fn rest(&self) -> ActorId {
        let [_, _, _, _, _, _, _, _, rest @ ..] = self.0;
        ActorId(rest)
    }

    /// The object that holds the return with this index, counted from 1.
    #[must_use]
    pub const fn output(self, index: u32) -> ObjectId {
        ObjectId { task: self, index }
    }
}

impl ObjectId {
    /// How many bytes the id has when written out.
    pub const LEN: usize = TaskId::LEN + 4;

    /// The id written out.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; Self::LEN] {
        let mut bytes = [0; Self::LEN];
        bytes[..TaskId::LEN].copy_from_slice(&self.task.0);
        bytes[TaskId::LEN..].copy_from_slice(&self.index.to_le_bytes());
        bytes
    }

    /// The id that [`Self::to_bytes`] wrote.
    #[must_use]
    pub fn from_bytes(bytes: [u8; Self::LEN]) -> Self {
        let [task @ .., a, b, c, d] = bytes;
        Self { task: TaskId(task), index: u32::from_le_bytes([a, b, c, d]) }
    }
}

impl fmt::Display for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("object ")?;
        self.to_bytes().iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl GroupId {
    /// The `count`-th placement group that `creator` made for `job`.
    #[must_use]
    pub fn new(creator: WorkerId, count: u32, job: JobId) -> Self {
        let mut bytes = [0; 18];
        bytes[..8].copy_from_slice(&creator.to_u64().to_be_bytes());
        bytes[8..12].copy_from_slice(&count.to_be_bytes());
        bytes[14..].copy_from_slice(&job.0.to_le_bytes());
        Self(bytes)
    }

    /// The job whose driver, directly or not, made the group.
    #[must_use]
    pub fn job(&self) -> JobId {
        let [.., a, b, c, d] = self.0;
        JobId(u32::from_le_bytes([a, b, c, d]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WORKER: WorkerId = WorkerId { node: NodeId(3), number: 9 };

    #[test]
    fn a_task_of_no_actor_knows_its_job_and_has_no_actor() {
        let task = TaskId::new(WORKER, 5, JobId(2));

        assert_eq!((task.job(), task.actor()), (JobId(2), None));
    }

    #[test]
    fn a_call_and_the_creation_name_their_actor() {
        let actor = ActorId::new(WORKER, 1, JobId(2));

        assert_eq!(TaskId::creation(actor).actor(), Some(actor));
        assert_eq!(TaskId::call(actor, WORKER, 7).actor(), Some(actor));
        assert_ne!(TaskId::call(actor, WORKER, 7), TaskId::creation(actor));
        assert_eq!(actor.job(), JobId(2));
    }

    #[test]
    fn an_object_id_survives_being_written_out() {
        let object = TaskId::new(WORKER, 5, JobId(2)).output(3);

        assert_eq!(ObjectId::from_bytes(object.to_bytes()), object);
    }
}
