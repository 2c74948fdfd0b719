//! What ran where and when, for people.
//!
//! Owns: the description of one run. Does not own: their collection (`control::timeline`).

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::ids::{JobId, TaskId, WorkerId};
use crate::task::{Callee, Shape, Template};

/// One thing that ran.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Span {
    /// The job it ran for.
    pub job: JobId,
    /// Its name.
    pub name: String,
    /// Where it ran.
    pub worker: WorkerId,
    /// The process it ran in.
    pub pid: u32,
    /// When it began, since the Unix epoch.
    pub began: Duration,
    /// How long it ran.
    pub ran: Duration,
    /// Whether it failed.
    pub failed: bool,
    /// What was called, unless the span is of the user's own.
    pub called: Option<Called>,
}

/// One attempt at a task.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Called {
    /// The task.
    pub task: TaskId,
    /// Which attempt this is, from 0.
    pub attempt: u32,
    /// The task that submitted it; its owner knows it.
    pub parent: Option<TaskId>,
    /// What is called.
    pub callee: Callee,
    /// What it needs of a worker.
    pub shape: Arc<Shape>,
}

impl Called {
    /// An attempt at a task of this template.
    #[must_use]
    pub fn new(task: TaskId, attempt: u32, parent: Option<TaskId>, template: &Template) -> Self {
        let (callee, shape) = (template.callee.clone(), Arc::clone(&template.shape));
        Self { task, attempt, parent, callee, shape }
    }
}
