//! Tasks that came to run here, until a thread takes them.
//!
//! Owns: one queue for each concurrency group. Does not own: which tasks come (`roles::Worker`), or how they are run.

use std::collections::VecDeque;
use std::io;
use std::ops::Deref;

use roles::worker::Execution;
use types::{Callee, Map};

use super::completions::Bell;
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
    named: Map<String, Queue>,
}

#[derive(Default)]
struct Queue {
    tasks: VecDeque<Box<Running>>,
    bell: Option<Bell>,
}

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
        let queue = self.queue(running.group());
        queue.tasks.push_back(running);
        if let Some(bell) = &mut queue.bell {
            bell.ring();
        }
    }

    pub(super) fn pop(&mut self, group: &str) -> Option<Box<Running>> {
        self.queue(group).tasks.pop_front()
    }

    /// At most `max` tasks. The bell rings anew for those that are left.
    #[expect(clippy::vec_box, reason = "a task goes from thread to thread without being copied")]
    pub(super) fn take(&mut self, group: &str, max: usize) -> Vec<Box<Running>> {
        let queue = self.queue(group);
        let count = queue.tasks.len().min(max);
        let taken = queue.tasks.drain(..count).collect();
        if let Some(bell) = &mut queue.bell {
            bell.reset();
            if !queue.tasks.is_empty() {
                bell.ring();
            }
        }
        taken
    }

    /// All tasks of all groups, for somebody who listens to no bell.
    #[expect(clippy::vec_box, reason = "a task goes from thread to thread without being copied")]
    pub(super) fn take_all(&mut self) -> Vec<Box<Running>> {
        let mut all: Vec<Box<Running>> = self.default.tasks.drain(..).collect();
        for queue in self.named.values_mut() {
            all.extend(queue.tasks.drain(..));
        }
        all
    }

    /// The bell of a group, which rings when tasks come.
    pub(super) fn bell(&mut self, group: &str) -> io::Result<&Bell> {
        let queue = self.queue(group);
        let bell = match queue.bell.take() {
            Some(bell) => bell,
            None => Bell::new()?,
        };
        let bell = queue.bell.insert(bell);
        if !queue.tasks.is_empty() {
            bell.ring();
        }
        Ok(bell)
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
