//! What the cluster knows of nodes, jobs, actors and groups, for people.
//!
//! Owns: the description of what is there and of what is gone. Does not own: who remembers it (`control`), or what processes
//! tell of themselves (`account`).

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::actor::{ActorName, ActorState};
use crate::group::{GroupSpec, GroupState};
use crate::ids::{ActorId, JobId, NodeId, WorkerId};
use crate::resources::Resources;
use crate::task::Shape;

/// What is known of a node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeInfo {
    /// The node.
    pub node: NodeId,
    /// Whether it is there.
    pub alive: bool,
    /// What it has; one that is gone has nothing.
    pub resources: Resources,
    /// What is believed to be free of it.
    pub free: Resources,
    /// What it is like, for label rules.
    pub labels: BTreeMap<String, String>,
    /// Its address, host name and the like.
    pub facts: BTreeMap<String, String>,
}

/// What is known of an actor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActorInfo {
    /// The actor.
    pub actor: ActorId,
    /// Its class.
    pub class: String,
    /// Its name for people.
    pub name: Option<ActorName>,
    /// Its state.
    pub state: ActorState,
    /// How often it was made again.
    pub restarts: u32,
    /// What it holds, or held while it lived.
    pub shape: Arc<Shape>,
    /// Whether it outlives its creator.
    pub detached: bool,
}

/// What is known of a placement group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupInfo {
    /// What was asked for.
    pub spec: GroupSpec,
    /// Its state.
    pub state: GroupState,
}

/// What is known of a job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobInfo {
    /// The job.
    pub job: JobId,
    /// Its driver.
    pub driver: WorkerId,
    /// Its driver's process.
    pub pid: u32,
    /// The namespace of its actors.
    pub namespace: String,
    /// What was run.
    pub entrypoint: String,
    /// Whether it runs.
    pub running: bool,
}
