//! Examples of the choices inside messages.
//!
//! Owns: one of each variant. Does not own: what they are made of (`nouns`).

use std::time::Duration;

use types::failure::ActorEnd;
use types::{
    ActorState, Callee, Failure, GroupState, GroupStrategy, JobId, NodeId, Stage, Strategy,
    Subject, Value, Whereabouts,
};

use super::nouns::{actor, bytes, death, failure, group, label_rule, object, task, worker};

pub(super) fn actor_states() -> Vec<ActorState> {
    vec![
        ActorState::Pending,
        ActorState::Alive { worker: worker(3), incarnation: 2 },
        ActorState::Restarting("because".to_owned()),
        ActorState::Dead(failure()),
    ]
}

pub(super) fn group_states() -> Vec<GroupState> {
    vec![
        GroupState::Pending,
        GroupState::Created(vec![NodeId(1), NodeId(2)]),
        GroupState::Removed(failure()),
    ]
}

pub(super) fn values() -> Vec<Value> {
    vec![
        Value::Inline(bytes(b"value")),
        Value::Shared { node: NodeId(1), size: 300 },
        Value::Failed(failure()),
    ]
}

pub(super) fn strategies() -> Vec<Strategy> {
    vec![
        Strategy::Pack,
        Strategy::Spread,
        Strategy::Group { group: group(), bundle: Some(1) },
        Strategy::Node { node: NodeId(2), soft: true },
        Strategy::Labels(
            vec![label_rule(Some(vec!["a".to_owned()]), false)],
            vec![label_rule(None, true)],
        ),
    ]
}

pub(super) fn callees() -> Vec<Callee> {
    vec![
        Callee::Function,
        Callee::Constructor,
        Callee::Method { name: "add".to_owned(), group: "fast".to_owned(), ordered: true },
    ]
}

pub(super) fn group_strategies() -> Vec<GroupStrategy> {
    vec![
        GroupStrategy::Pack,
        GroupStrategy::Spread,
        GroupStrategy::StrictPack,
        GroupStrategy::StrictSpread,
    ]
}

pub(super) fn failures() -> Vec<Failure> {
    let why = || "because".to_owned();
    vec![
        Failure::Raised { error: bytes(b"error"), text: why() },
        Failure::Cancelled(task()),
        Failure::TimedOut {
            task: task(),
            name: "task".to_owned(),
            limit: Duration::from_millis(1500),
        },
        Failure::WorkerCrashed { task: "f".to_owned(), death: death() },
        Failure::ActorDied(actor(), ActorEnd::Killed),
        Failure::ActorUnavailable(actor(), why()),
        Failure::OwnerDied(object(1), worker(1)),
        Failure::ObjectLost(object(1), why()),
        Failure::ObjectFreed(object(1)),
        Failure::LocalNodeDied(why()),
        Failure::StoreFull(why()),
        Failure::OutOfDisk(why()),
        Failure::Unschedulable(why()),
        Failure::GroupRemoved(group()),
        Failure::EnvironmentFailed(why()),
        Failure::StreamChanged(task()),
        Failure::Deadlock(vec![("one".to_owned(), "other".to_owned())]),
    ]
}

pub(super) fn actor_ends() -> Vec<ActorEnd> {
    vec![
        ActorEnd::Process(death()),
        ActorEnd::Constructor { error: bytes(b"error"), text: "because".to_owned() },
        ActorEnd::NotMade(Box::new(Failure::Cancelled(task()))),
        ActorEnd::Killed,
        ActorEnd::Exited,
        ActorEnd::Unreachable,
        ActorEnd::CreatorEnded(worker(1)),
        ActorEnd::Unknown,
    ]
}

pub(super) fn subjects() -> Vec<Subject> {
    vec![Subject::Processes, Subject::Spans(JobId(5)), Subject::Tasks, Subject::Objects]
}

pub(super) fn stages() -> Vec<Stage> {
    vec![
        Stage::Waiting,
        Stage::Ready,
        Stage::Sent,
        Stage::Arrived(300),
        Stage::Running { began: Duration::from_secs(1), waits: true },
        Stage::Failed(failure()),
    ]
}

pub(super) fn places() -> Vec<Whereabouts> {
    let shared = Whereabouts::Shared { node: NodeId(1), size: 300 };
    vec![Whereabouts::Unknown, Whereabouts::Here(300), shared, Whereabouts::Failed]
}
