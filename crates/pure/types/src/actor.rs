//! How to make an actor, and how often to make it again.
//!
//! Owns: the description of actors, and what their callers see of their life. Does not own: that life (`control::actors`).

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::failure::Failure;
use crate::ids::{ActorId, WorkerId};
use crate::object::Ref;
use crate::payload::Payload;
use crate::resources::Resources;
use crate::task::Template;

/// A name that is unique in its namespace.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ActorName {
    /// The namespace.
    pub namespace: String,
    /// The name.
    pub name: String,
}

/// How many calls run at once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Concurrency {
    /// Whether methods run on an event loop.
    pub asynchronous: bool,
    /// The limit of the default group.
    pub calls_max: u32,
    /// Limits of further groups, by name.
    pub groups: Vec<(String, u32)>,
    /// Calls of one caller start in the order in which they were made.
    pub ordered: bool,
}

/// One actor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActorSpec {
    /// Its name in the engine.
    pub id: ActorId,
    /// The process that made it, whose end is its end unless it is detached.
    pub creator: WorkerId,
    /// The constructor; its shape is what the actor holds while it lives.
    pub template: Arc<Template>,
    /// What must be free to place it; at least what it holds.
    pub placement: Resources,
    /// The constructor's arguments, as in a task.
    pub arguments: Payload,
    /// Refs that are arguments themselves.
    pub dependencies: Box<[Ref]>,
    /// Refs inside arguments.
    pub nested: Box<[Ref]>,
    /// Its name for people, if it has one.
    pub name: Option<ActorName>,
    /// It outlives its creator and its handles.
    pub detached: bool,
    /// How often it is made again after its process ended unasked; `None` is without end.
    pub restarts_max: Option<u32>,
    /// How many calls run at once.
    pub concurrency: Concurrency,
    /// What a handle made by name needs to know, pickled.
    pub handle: Payload,
}

/// The state of an actor, as its callers see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum ActorState {
    /// Not yet placed or not yet made.
    Pending,
    /// It takes calls.
    Alive {
        /// Its process.
        worker: WorkerId,
        /// Counted from 0 at each restart.
        incarnation: u32,
    },
    /// It is being made again; why its last incarnation ended.
    Restarting(String),
    /// It takes no calls any more.
    Dead(Arc<Failure>),
}
