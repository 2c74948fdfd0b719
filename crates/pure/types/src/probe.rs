//! A walk from a wait that lasts to all that it depends on.
//!
//! Owns: what a probe carries. Does not own: what follows from it (`ownership::deadlock`), or where it goes
//! (`roles::worker::probing`).

use serde::{Deserialize, Serialize};

use crate::ids::{TaskId, WorkerId};
use crate::object::Ref;

/// What was found so far, and where to look next.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Probe {
    /// What was found, in the order in which it was: first the task whose wait lasts.
    pub found: Vec<(Place, Finding)>,
    /// Where to look, the last one first.
    pub left: Vec<Place>,
    /// It goes round a second time: what is `found` must be found again.
    pub again: bool,
}

/// Something that a wait may depend on, and the process that knows about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Place {
    /// An object, known to its owner.
    Object(Ref),
    /// A task, known to its executor.
    Task(TaskId, WorkerId),
}

/// What a process knows of a place; by default nothing that keeps it from going on.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// What people call the task there, or the one that makes the object.
    pub name: String,
    /// The wait of a task that waits, as its process numbers it.
    pub wait: Option<u64>,
    /// What must go on before this can. Nothing, if it may by itself.
    pub needs: Vec<Place>,
    /// One of them is enough, rather than all.
    pub any: bool,
}

impl Place {
    /// The process that knows about it.
    #[must_use]
    pub const fn process(self) -> WorkerId {
        match self {
            Self::Object(reference) => reference.owner,
            Self::Task(_, executor) => executor,
        }
    }
}
