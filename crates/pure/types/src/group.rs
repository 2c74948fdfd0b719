//! Bundles of resources reserved together.
//!
//! Owns: the description of placement groups, and what people see of their life.
//! Does not own: that life (`control::groups`).

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::failure::Failure;
use crate::ids::{GroupId, NodeId, WorkerId};
use crate::resources::Resources;
use crate::task::LabelRule;

/// How the bundles of a group lie on nodes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum GroupStrategy {
    /// On as few nodes as possible.
    Pack,
    /// On as many nodes as possible.
    Spread,
    /// On one node.
    StrictPack,
    /// Each on a node of its own.
    StrictSpread,
}

impl fmt::Display for GroupStrategy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Pack => "PACK",
            Self::Spread => "SPREAD",
            Self::StrictPack => "STRICT_PACK",
            Self::StrictSpread => "STRICT_SPREAD",
        })
    }
}

/// One placement group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupSpec {
    /// Its name in the engine.
    pub id: GroupId,
    /// The process that made it.
    pub creator: WorkerId,
    /// Its name for people; "" is none.
    pub name: String,
    /// The namespace of the name.
    pub namespace: String,
    /// What each bundle holds.
    pub bundles: Vec<Resources>,
    /// What the labels of each bundle's node must be; a bundle that has no list here goes to any node.
    pub selectors: Vec<Vec<LabelRule>>,
    /// How they lie.
    pub strategy: GroupStrategy,
    /// It outlives its job.
    pub detached: bool,
}

impl GroupSpec {
    /// What the labels of a bundle's node must be.
    #[must_use]
    pub fn selector(&self, bundle: usize) -> &[LabelRule] {
        self.selectors.get(bundle).map_or(&[], Vec::as_slice)
    }
}

/// The state of a placement group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum GroupState {
    /// Not all bundles are reserved.
    Pending,
    /// All are, on these nodes.
    Created(Vec<NodeId>),
    /// It was removed, or can never be created.
    Removed(Arc<Failure>),
}
