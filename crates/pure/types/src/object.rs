//! What an object is to those who pass it around.
//!
//! Owns: the forms of a value. Does not own: its bytes in shared memory (`objects`), or its refs (`ownership`).

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::failure::Failure;
use crate::ids::{NodeId, ObjectId, WorkerId};
use crate::payload::Payload;

/// A name for an object that says whom to ask about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Ref {
    /// The object.
    pub object: ObjectId,
    /// The process that owns it.
    pub owner: WorkerId,
}

/// What became of an object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Value {
    /// A small one, serialized.
    Inline(Payload),
    /// A large one, in the shared memory of a node.
    Shared {
        /// The node that made the first copy.
        node: NodeId,
        /// Its length in bytes.
        size: u64,
    },
    /// There is none, for this reason.
    Failed(Arc<Failure>),
}

/// A value and the refs inside it, which live at least as long.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stored {
    /// The value.
    pub value: Value,
    /// The refs that its bytes hold.
    pub contains: Box<[Ref]>,
}

/// The value of an argument that is a ref.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dependency {
    /// The object.
    pub object: ObjectId,
    /// Its value and the refs inside it.
    pub stored: Stored,
}

impl Value {
    /// Whether it is a large one.
    #[must_use]
    pub const fn is_shared(&self) -> bool {
        matches!(self, Self::Shared { .. })
    }
}

impl Stored {
    /// A failure, which holds no refs.
    #[must_use]
    pub fn failed(failure: impl Into<Arc<Failure>>) -> Self {
        Self { value: Value::Failed(failure.into()), contains: Box::default() }
    }

    /// A small value without refs.
    #[must_use]
    pub fn inline(payload: Payload) -> Self {
        Self { value: Value::Inline(payload), contains: Box::default() }
    }
}
