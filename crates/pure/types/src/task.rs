//! What to call, with which arguments, needing what.
//!
//! Owns: the description of tasks. Does not own: their progress (`ownership::tasks`).
//!
//! A million tasks of one function differ in little, so what they share is one [`Template`], made once for each
//! function and set of options, and a [`TaskSpec`] is small.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::ids::{FunctionId, GroupId, NodeId, TaskId, TemplateId};
use crate::object::Ref;
use crate::payload::Payload;
use crate::resources::Resources;

/// What all calls of one function with the same options have in common.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Template {
    /// Counted by the process that made it.
    pub id: TemplateId,
    /// The pickled function, or the class of an actor.
    pub function: FunctionId,
    /// What people see.
    pub name: String,
    /// What is called.
    pub callee: Callee,
    /// Tasks of one shape share leases.
    pub shape: Arc<Shape>,
    /// What comes back.
    pub returns: Returns,
    /// How often to try again.
    pub retries: Retries,
    /// How long one attempt may run.
    pub timeout: Option<Duration>,
    /// After so many calls of the function its worker ends; 0 is never.
    pub calls_max: u32,
    /// How many items of a stream may wait for their consumer.
    pub look_ahead: Option<u32>,
}

/// What is called.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Callee {
    /// A function.
    Function,
    /// The constructor of an actor.
    Constructor,
    /// A method of an actor.
    Method {
        /// Its name in the class.
        name: String,
        /// The concurrency group it runs in; "" is the default group.
        group: String,
        /// Calls of one caller start in the order in which they were made.
        ordered: bool,
    },
}

/// What a task needs of a worker.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Shape {
    /// Amounts held while it runs.
    pub resources: Resources,
    /// The runtime environment as canonical JSON; "" is none.
    pub environment: String,
    /// Where it may run.
    pub strategy: Strategy,
}

/// Where a task or an actor may run.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Strategy {
    /// Packed until half full, then spread.
    #[default]
    Pack,
    /// Round all nodes.
    Spread,
    /// In a bundle of a placement group.
    Group {
        /// The group.
        group: GroupId,
        /// The bundle; `None` is any.
        bundle: Option<u32>,
    },
    /// On one node.
    Node {
        /// The node.
        node: NodeId,
        /// Elsewhere, if it is gone.
        soft: bool,
    },
    /// On a node whose labels satisfy all of the first list, and if possible all of the second.
    Labels(Vec<LabelRule>, Vec<LabelRule>),
}

/// A condition on one label of a node.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct LabelRule {
    /// The label.
    pub label: String,
    /// Its value is one of these; with `None` it need only be there.
    pub values: Option<Vec<String>>,
    /// The condition must not hold, rather than hold.
    pub negated: bool,
}

impl LabelRule {
    /// Whether a node satisfies it whose label has this value.
    #[must_use]
    pub fn holds(&self, value: Option<&String>) -> bool {
        let allowed = |value| self.values.as_ref().is_none_or(|values| values.contains(value));
        value.is_some_and(allowed) != self.negated
    }
}

impl fmt::Display for LabelRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let not = if self.negated { "not " } else { "" };
        match &self.values {
            None => write!(f, "{:?} must {not}be there", self.label),
            Some(values) => write!(f, "{:?} must {not}be one of {values:?}", self.label),
        }
    }
}

/// How many objects a task makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Returns {
    /// This many.
    Count(u32),
    /// As many as it yields, each as soon as it is yielded, and one more for the whole.
    Stream,
    /// One, which names as many others as it yielded.
    Dynamic,
}

/// How often and after what to try again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Retries {
    /// How many attempts may follow the first; `None` is without end.
    pub max: Option<u32>,
    /// Which of the user's exceptions count.
    pub exceptions: Retry,
}

/// Which of the user's exceptions lead to another attempt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Retry {
    /// None: only lost workers do.
    Never,
    /// All.
    Always,
    /// Instances of these classes, pickled.
    Listed(Payload),
}

/// One task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskSpec {
    /// Its name; the objects it makes are named after it.
    pub id: TaskId,
    /// What it has in common with others.
    pub template: Arc<Template>,
    /// Positional and keyword arguments, encoded; refs stand as positions in `dependencies`.
    pub arguments: Payload,
    /// Refs that are arguments themselves: the task waits for them and sees their values.
    pub dependencies: Box<[Ref]>,
    /// Refs inside arguments: the task sees them as refs.
    pub nested: Box<[Ref]>,
    /// The task that submitted it.
    pub parent: TaskId,
}
