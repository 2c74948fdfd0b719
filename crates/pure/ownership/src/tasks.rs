//! Submitted tasks: waiting for arguments, queued, sent, or on their way to an actor; retry or give up.
//!
//! Owns: the progress of each task and how many attempts are left.
//! Does not own: which worker gets it (`dispatch`), the order of calls (`calls`), its results (`values`).

use std::sync::Arc;

use types::{Failure, Map, TaskId, TaskSpec};

/// The unfinished tasks of one owner.
#[derive(Debug, Default)]
pub struct Tasks {
    submitted: Map<TaskId, Box<Submitted>>,
}

/// One unfinished task.
#[derive(Debug)]
pub struct Submitted {
    /// The task.
    pub spec: TaskSpec,
    /// How far it is.
    pub progress: Progress,
    /// Which attempt this is, from 0.
    pub attempt: u32,
    /// Somebody cancelled it: it is not tried again.
    pub cancelled: bool,
}

/// How far a task is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// So many arguments have no value yet.
    Waiting(u32),
    /// It may be sent.
    Ready,
    /// It was sent to a worker or actor.
    Sent,
}

impl Tasks {
    /// A new task, so many of whose arguments have no value yet.
    pub fn submit(&mut self, spec: TaskSpec, missing: u32) {
        let progress = if missing == 0 { Progress::Ready } else { Progress::Waiting(missing) };
        let id = spec.id;
        let submitted = Submitted { spec, progress, attempt: 0, cancelled: false };
        let before = self.submitted.insert(id, Box::new(submitted));
        assert!(before.is_none(), "OWN-6: {id} is submitted once");
    }

    /// The task, unless it ended.
    #[must_use]
    pub fn get(&self, task: TaskId) -> Option<&Submitted> {
        self.submitted.get(&task).map(|submitted| &**submitted)
    }

    /// An argument has its value: whether it was the last.
    pub fn argument_arrived(&mut self, task: TaskId) -> bool {
        match self.submitted.get_mut(&task).map(|submitted| &mut submitted.progress) {
            Some(progress @ Progress::Waiting(1)) => {
                *progress = Progress::Ready;
                true
            }
            Some(Progress::Waiting(missing)) => {
                *missing -= 1;
                false
            }
            Some(Progress::Ready | Progress::Sent) | None => false,
        }
    }

    /// The task goes out.
    pub fn sent(&mut self, task: TaskId) -> Option<&Submitted> {
        let submitted = self.submitted.get_mut(&task)?;
        submitted.progress = Progress::Sent;
        Some(submitted)
    }

    /// The task came back unbegun; false if it is not to be sent again.
    pub fn came_back(&mut self, task: TaskId) -> bool {
        match self.submitted.get_mut(&task) {
            Some(submitted) if submitted.progress == Progress::Sent => {
                submitted.progress = Progress::Ready;
                true
            }
            Some(_) | None => false,
        }
    }

    /// An attempt failed in a way that another one may mend: what the task fails with, unless another one follows.
    #[must_use]
    pub fn failed(&mut self, task: TaskId, failure: &Arc<Failure>) -> Option<Arc<Failure>> {
        let Some(submitted) = self.submitted.get_mut(&task) else {
            return Some(Arc::clone(failure));
        };
        if submitted.cancelled {
            return Some(Arc::new(Failure::Cancelled(task)));
        }
        if submitted.spec.template.retries.max.is_some_and(|max| submitted.attempt >= max) {
            return Some(Arc::clone(failure));
        }
        submitted.attempt += 1;
        submitted.progress = Progress::Ready;
        None
    }

    /// No attempt follows any more, whatever happens.
    pub fn cancel(&mut self, task: TaskId) {
        if let Some(submitted) = self.submitted.get_mut(&task) {
            submitted.cancelled = true;
        }
    }

    /// Whether the task may be sent.
    #[must_use]
    pub fn is_ready(&self, task: TaskId) -> bool {
        self.submitted.get(&task).is_some_and(|submitted| submitted.progress == Progress::Ready)
    }

    /// The task ended.
    pub fn end(&mut self, task: TaskId) -> Option<Box<Submitted>> {
        self.submitted.remove(&task)
    }

    /// The unfinished tasks that `parent` submitted.
    #[must_use]
    pub fn children(&self, parent: TaskId) -> Vec<TaskId> {
        let mut children: Vec<_> = self
            .submitted
            .values()
            .filter(|task| task.spec.parent == parent)
            .map(|task| task.spec.id)
            .collect();
        children.sort_unstable();
        children
    }

    /// All unfinished tasks.
    #[must_use]
    pub fn all(&self) -> Vec<TaskId> {
        let mut tasks: Vec<_> = self.submitted.keys().copied().collect();
        tasks.sort_unstable();
        tasks
    }

    /// How many tasks are unfinished.
    #[must_use]
    pub fn len(&self) -> usize {
        self.submitted.len()
    }

    /// Whether none is.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.submitted.is_empty()
    }
}
