//! Workers and drivers, one event at a time: what goes in and all that comes out.
//!
//! Owns: the builder `TestWorker`. Does not own: what whole clusters do (`sim`).

mod accounts;
mod asking;
mod calling;
mod executing;
mod leaving;
mod owning;
mod probing;
mod streaming;
mod submitting;

use std::sync::Arc;
use std::time::Duration;

use types::{
    ActorId, ActorSpec, ActorState, Assignment, Callee, Concurrency, Death, Exit, Failure,
    FunctionId, JobId, LeaseId, NodeId, ObjectId, Payload, Ref, Resources, Retries, Retry, Returns,
    Settings, Shape, Stored, TaskId, TaskSpec, Template, TemplateId, Timestamp, Value, WorkerId,
};
use wire::to_worker::{CancelReach, Dependency, Outcome, TaskMessage};
use wire::{FromHead, FromNode, FromPeer, ToNode};

use super::{Content, Effect, Event, Interrupt, Source, Worker};
use crate::Role;

struct TestWorker {
    role: Worker,
    me: WorkerId,
    now: Timestamp,
}

impl TestWorker {
    fn new(number: u32) -> Self {
        let me = worker(number);
        Self { role: Worker::new(me, &Settings::default()), me, now: Timestamp::ZERO }
    }

    fn step(&mut self, event: Event) -> Vec<Effect> {
        let mut effects = Vec::new();
        self.role.step(self.now, event, &mut effects);
        self.role.check();
        effects
    }

    fn on_time(&mut self, now: Timestamp) -> Vec<Effect> {
        self.now = now;
        let mut effects = Vec::new();
        self.role.on_time(now, &mut effects);
        self.role.check();
        effects
    }

    fn task(&self, count: u64) -> TaskSpec {
        self.task_with(count, |_| ())
    }

    fn task_with(&self, count: u64, change: impl FnOnce(&mut Template)) -> TaskSpec {
        let mut template = Template {
            id: TemplateId(1),
            function: FunctionId::from_bytes([1; 16]),
            name: "f".to_owned(),
            callee: Callee::Function,
            shape: Arc::new(Shape::default()),
            returns: Returns::Count(1),
            retries: Retries { max: Some(3), exceptions: Retry::Never },
            timeout: None,
            calls_max: 0,
            look_ahead: None,
        };
        change(&mut template);
        TaskSpec {
            id: TaskId::new(self.me, count, JobId(1)),
            template: Arc::new(template),
            arguments: Payload::EMPTY,
            dependencies: Box::default(),
            nested: Box::default(),
            parent: TaskId::driver(JobId(1)),
        }
    }

    /// A task of this process that `worker(2)` runs on lease 1.
    fn sent(&mut self, count: u64) -> TaskId {
        let task = self.task(count);
        self.step(Event::Submit(task.clone()));
        self.step(leased(2));
        task.id
    }

    /// Tasks of `worker(1)` come here.
    fn receive(&mut self, specs: &[&TaskSpec]) -> Vec<Effect> {
        let templates = specs.iter().map(|spec| Arc::clone(&spec.template)).collect();
        self.step(Event::Peer(worker(1), FromPeer::Templates(templates)));
        self.step(Event::Peer(worker(1), tasks(specs, 0)))
    }

    fn object_of(&self, number: u32) -> ObjectId {
        ObjectId { task: TaskId::new(worker(number), 99, JobId(1)), index: 0 }
    }
}

fn executor_with_two_tasks() -> (TestWorker, TaskId, TaskId) {
    let mut executor = TestWorker::new(2);
    let (first, second) = (executor.task(1), executor.task(2));
    let effects = executor.receive(&[&first, &second]);
    let [Effect::Run(execution)] = &effects[..] else { panic!("{effects:?}") };
    assert_eq!(execution.task, first.id);
    (executor, first.id, second.id)
}

fn worker(number: u32) -> WorkerId {
    WorkerId { node: NodeId(1), number }
}

fn inline(bytes: &[u8]) -> Stored {
    Stored::inline(Payload::from(bytes))
}

fn want(count: u32, granted: u64) -> Effect {
    Effect::ToNode(ToNode::Want {
        shape: 0,
        spec: Some(Arc::new(Shape::default())),
        count,
        granted,
    })
}

fn want_again(count: u32, granted: u64) -> Effect {
    Effect::ToNode(ToNode::Want { shape: 0, spec: None, count, granted })
}

/// An actor whose constructor is called with a ref inside its arguments.
fn actor_with(id: ActorId, argument: Ref) -> ActorSpec {
    ActorSpec {
        id,
        creator: id.creator(),
        template: TestWorker::new(1).task(1).template,
        placement: Resources::default(),
        arguments: Payload::EMPTY,
        dependencies: Box::default(),
        nested: Box::new([argument]),
        name: None,
        detached: false,
        restarts_max: Some(0),
        concurrency: Concurrency {
            asynchronous: false,
            calls_max: 1,
            groups: Vec::new(),
            ordered: true,
        },
        handle: Payload::EMPTY,
    }
}

fn lease_ended() -> Event {
    Event::Node(FromNode::LeaseEnded { lease: LeaseId(1), death: death(2) })
}

fn leased(number: u32) -> Event {
    let lease = LeaseId(u64::from(number) - 1);
    Event::Node(FromNode::Leased {
        shape: 0,
        lease,
        worker: worker(number),
        assignment: Assignment::default(),
    })
}

fn message(spec: &TaskSpec, attempt: u32) -> TaskMessage {
    TaskMessage {
        id: spec.id,
        attempt,
        template: spec.template.id,
        arguments: spec.arguments.clone(),
        dependencies: Vec::new(),
    }
}

fn reach(force: bool) -> CancelReach {
    CancelReach { force, recursive: false }
}

fn tasks(specs: &[&TaskSpec], attempt: u32) -> FromPeer {
    tasks_on(1, specs, attempt)
}

fn tasks_on(lease: u64, specs: &[&TaskSpec], attempt: u32) -> FromPeer {
    let tasks = specs.iter().map(|spec| message(spec, attempt)).collect();
    FromPeer::Tasks { lease: Some((LeaseId(lease), Assignment::default())), tasks }
}

fn handed_back(lease: u64, task: TaskId) -> Effect {
    let message = FromPeer::HandedBack { lease: LeaseId(lease), tasks: vec![task] };
    Effect::ToPeer(worker(1), message)
}

fn done(task: TaskId, outcome: Outcome) -> FromPeer {
    FromPeer::Done { task, outcome, ran: Duration::from_micros(20) }
}

fn finished(task: TaskId, stored: Stored) -> Event {
    Event::Finished {
        task,
        outcome: Outcome::Returned(vec![stored]),
        ran: Duration::from_micros(20),
    }
}

fn borrow(object: ObjectId, confirm: bool) -> FromPeer {
    FromPeer::Borrow { object, confirm }
}

fn death(number: u32) -> Death {
    Death {
        worker: worker(number),
        pid: 7,
        exit: Exit::Signal(9),
        reason: String::new(),
        peak_memory_bytes: 0,
        last_lines: Vec::new(),
    }
}
