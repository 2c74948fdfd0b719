//! Tasks that came to run here, until a thread takes them.
//!
//! Owns: one queue for each concurrency group. Does not own: which tasks come (`roles::Worker`), or how they are run.

use std::collections::{BTreeMap, VecDeque};
use std::ops::Deref;

use roles::worker::Execution;
use types::Callee;

use super::pins::Data;

/// A task as a thread runs it.
#[derive(Debug)]
pub struct Running {
    execution: Box<Execution>,
    dependencies: Vec<Data>,
}

/// The queues.
#[derive(Default)]
pub(super) struct Queues {
    /// The group of functions, and of methods that name none.
    default: Queue,
    named: BTreeMap<String, Queue>,
}

type Queue = VecDeque<Box<Running>>;

impl Running {
    pub(super) const fn new(execution: Box<Execution>, dependencies: Vec<Data>) -> Self {
        Self { execution, dependencies }
    }

    /// The contents of arguments that are refs, by position.
    #[must_use]
    pub fn dependencies(&self) -> &[Data] {
        &self.dependencies
    }

    /// The concurrency group it runs in.
    #[must_use]
    pub fn group(&self) -> &str {
        match &self.template.callee {
            Callee::Method { group, .. } => group,
            Callee::Function | Callee::Constructor => "",
        }
    }
}

impl Deref for Running {
    type Target = Execution;

    fn deref(&self) -> &Execution {
        &self.execution
    }
}

impl Queues {
    pub(super) fn push(&mut self, running: Box<Running>) {
        self.queue(running.group()).push_back(running);
    }

    pub(super) fn pop(&mut self, group: &str) -> Option<Box<Running>> {
        self.queue(group).pop_front()
    }

    /// All tasks of all groups.
    #[expect(clippy::vec_box, reason = "a task goes from thread to thread without being copied")]
    pub(super) fn take_all(&mut self) -> Vec<Box<Running>> {
        let mut all: Vec<Box<Running>> = self.default.drain(..).collect();
        // Nothing is promised of the order between groups.
        all.extend(self.named.values_mut().flat_map(|queue| queue.drain(..)));
        all
    }

    fn queue(&mut self, group: &str) -> &mut Queue {
        if group.is_empty() {
            return &mut self.default;
        }
        if !self.named.contains_key(group) {
            self.named.insert(group.to_owned(), Queue::default());
        }
        self.named.get_mut(group).unwrap_or(&mut self.default)
    }
}
