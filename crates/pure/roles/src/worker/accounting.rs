//! What this process tells of itself when somebody asks, for people.
//!
//! Owns: how its tasks and objects are described, and which attempts failed lately. Does not own: what ran here (the
//! shell), or what follows from an end (`submitting`).

use std::collections::VecDeque;
use std::sync::Arc;

use ownership::{Progress, Submitted};
use types::limits::{ACCOUNT_ROWS_MAX, FAILURES_MAX};
use types::{
    Account, Called, Failure, ObjectId, ObjectInfo, Set, Stage, Subject, TaskInfo, TaskSpec, Value,
    Whereabouts, WorkerId,
};

use super::{Effect, Worker};

/// The unfinished task that makes an object, the process that has that task, and where the object lies.
pub type ObjectFacts = (Option<TaskInfo>, Option<WorkerId>, Whereabouts);

/// The latest attempts at tasks of this process that failed.
#[derive(Debug, Default)]
pub(super) struct Failures(VecDeque<TaskInfo>);

impl Failures {
    /// An attempt failed.
    pub(super) fn note(&mut self, spec: &TaskSpec, attempt: u32, failure: &Failure) {
        if self.0.len() == FAILURES_MAX {
            self.0.pop_front();
        }
        self.0.push_back(owned(spec, attempt, Stage::Failed(Arc::new(failure.brief()))));
    }
}

impl Worker {
    /// What is known here of an object.
    #[must_use]
    pub fn object_facts(&self, object: ObjectId) -> ObjectFacts {
        let maker = self.tasks.get(object.task).map(described);
        (maker, self.executor_of(object.task), self.place(object))
    }

    /// Somebody asks all processes.
    pub(super) fn survey(&mut self, survey: u64, subject: Subject) {
        let mut account = Box::new(Account::default());
        match subject {
            Subject::Tasks => {
                let failed = self.failures.0.iter().cloned();
                account.tasks =
                    self.inbox.tasks(&self.pins).chain(failed).chain(self.tasks_owned()).collect();
            }
            Subject::Objects => {
                account.tasks = self.tasks_owned().collect();
                account.objects = self.objects_here();
            }
            Subject::Spans(_) | Subject::Processes => {}
        }
        account.leave_out(ACCOUNT_ROWS_MAX);
        self.effects.push(Effect::Account(survey, subject, account));
    }

    fn tasks_owned(&self) -> impl Iterator<Item = TaskInfo> {
        let submitted = self.tasks.all().into_iter().filter_map(|task| self.tasks.get(task));
        submitted.map(described)
    }

    fn objects_here(&self) -> Vec<ObjectInfo> {
        let tasks = self.tasks.all();
        let unfinished = tasks.iter().filter_map(|task| self.tasks.get(*task));
        let arguments = unfinished
            .flat_map(|submitted| submitted.spec.dependencies.iter().chain(&submitted.spec.nested));
        let needed: Set<ObjectId> = arguments.map(|argument| argument.object).collect();
        let info = |(object, owner): (ObjectId, Option<WorkerId>)| ObjectInfo {
            object,
            owner: owner.unwrap_or(self.me),
            place: self.place(object),
            mapped: self.pins.get(&object).is_some_and(|pin| pin.content().is_some()),
            needed: needed.contains(&object),
        };
        self.refs.all().into_iter().map(info).collect()
    }

    fn place(&self, object: ObjectId) -> Whereabouts {
        match self.values.get(object).map(|stored| &stored.value) {
            None => Whereabouts::Unknown,
            Some(Value::Inline(payload)) => Whereabouts::Here(payload.len() as u64),
            Some(Value::Shared { node, size }) => Whereabouts::Shared { node: *node, size: *size },
            Some(Value::Failed(_)) => Whereabouts::Failed,
        }
    }
}

fn described(submitted: &Submitted) -> TaskInfo {
    let stage = match submitted.progress {
        Progress::Waiting(_) => Stage::Waiting,
        Progress::Ready => Stage::Ready,
        Progress::Sent => Stage::Sent,
    };
    owned(&submitted.spec, submitted.attempt, stage)
}

fn owned(spec: &TaskSpec, attempt: u32, stage: Stage) -> TaskInfo {
    let called = Called::new(spec.id, attempt, Some(spec.parent), &spec.template);
    TaskInfo { name: spec.template.name.clone(), called, stage }
}
