//! One example of every thing that messages are made of.
//!
//! Owns: their values. Does not own: choices of which there are several examples (`choices`).

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use types::{
    Account, ActorId, ActorName, ActorSpec, Amount, Assignment, Called, Callee, Concurrency, Death,
    Dependency, DeviceShare, Exit, Failure, Finding, FunctionId, GroupId, GroupSpec, GroupStrategy,
    JobId, LabelRule, NodeId, NodeInfo, ObjectId, ObjectInfo, Payload, Place, Probe, ProcessInfo,
    Ref, Resources, Retries, Retry, Returns, Shape, Span, Stage, Stored, Strategy, TaskId,
    TaskInfo, Template, TemplateId, Value, Whereabouts, WorkerId,
};

pub(super) fn label_rule(values: Option<Vec<String>>, negated: bool) -> LabelRule {
    LabelRule { label: "zone".to_owned(), values, negated }
}

pub(super) const fn worker(number: u32) -> WorkerId {
    WorkerId { node: NodeId(1), number }
}

pub(super) fn actor() -> ActorId {
    ActorId::new(worker(1), 2, JobId(5))
}

pub(super) fn group() -> GroupId {
    GroupId::new(worker(1), 3, JobId(5))
}

pub(super) fn task() -> TaskId {
    TaskId::new(worker(1), 4, JobId(5))
}

pub(super) fn object(index: u32) -> ObjectId {
    task().output(index)
}

pub(super) fn probe() -> Probe {
    let (at_owner, at_executor) = (Place::Object(reference()), Place::Task(task(), worker(3)));
    let name = "method".to_owned();
    let finding = Finding { name, wait: Some(6), needs: vec![at_executor], any: true };
    Probe { found: vec![(at_owner, finding)], left: vec![at_executor], again: false }
}

pub(super) fn reference() -> Ref {
    Ref { object: object(1), owner: worker(1) }
}

pub(super) const fn function() -> FunctionId {
    FunctionId::from_bytes([9; 16])
}

pub(super) fn bytes(source: &[u8]) -> Payload {
    Payload::from(source)
}

pub(super) fn stored() -> Stored {
    Stored { value: Value::Inline(bytes(b"value")), contains: Box::new([reference()]) }
}

pub(super) fn dependency() -> Dependency {
    Dependency { object: object(1), stored: stored() }
}

pub(super) fn failure() -> Arc<Failure> {
    Arc::new(Failure::ObjectFreed(object(1)))
}

pub(super) fn resources() -> Resources {
    [("CPU", Amount::whole(2)), ("GPU", Amount::from_units(5_000))].into_iter().collect()
}

pub(super) fn assignment() -> Assignment {
    let share = DeviceShare { index: 1, amount: Amount::from_units(5_000) };
    let devices = BTreeMap::from([("GPU".to_owned(), vec![share])]);
    Assignment { resources: resources(), devices }
}

pub(super) fn shape() -> Shape {
    Shape { resources: resources(), environment: "{}".to_owned(), strategy: Strategy::Spread }
}

pub(super) fn template() -> Arc<Template> {
    Arc::new(Template {
        id: TemplateId(8),
        function: function(),
        name: "f".to_owned(),
        callee: Callee::Function,
        shape: Arc::new(shape()),
        returns: Returns::Count(1),
        retries: Retries { max: Some(3), exceptions: Retry::Never },
        timeout: Some(Duration::from_millis(1500)),
        calls_max: 10,
        look_ahead: Some(2),
    })
}

pub(super) fn actor_spec() -> ActorSpec {
    ActorSpec {
        id: actor(),
        creator: worker(1),
        template: template(),
        placement: resources(),
        arguments: bytes(b"arguments"),
        dependencies: Box::new([reference()]),
        nested: Box::new([reference()]),
        name: Some(actor_name()),
        detached: true,
        restarts_max: Some(4),
        concurrency: Concurrency {
            asynchronous: true,
            calls_max: 1000,
            groups: vec![("fast".to_owned(), 2)],
            ordered: false,
        },
        handle: bytes(b"handle"),
    }
}

pub(super) fn actor_name() -> ActorName {
    ActorName { namespace: "space".to_owned(), name: "name".to_owned() }
}

pub(super) fn group_spec() -> GroupSpec {
    GroupSpec {
        id: group(),
        creator: worker(1),
        name: "group".to_owned(),
        namespace: "space".to_owned(),
        bundles: vec![resources()],
        selectors: vec![vec![label_rule(None, true)]],
        strategy: GroupStrategy::StrictSpread,
        detached: true,
    }
}

pub(super) fn death() -> Death {
    Death {
        worker: worker(3),
        pid: 44,
        exit: Exit::Signal(9),
        reason: "because".to_owned(),
        peak_memory_bytes: 300,
        last_lines: vec!["last".to_owned()],
    }
}

pub(super) fn span() -> Span {
    Span {
        job: JobId(5),
        name: "f".to_owned(),
        worker: worker(3),
        pid: 44,
        began: Duration::from_secs(1000),
        ran: Duration::from_micros(1500),
        failed: true,
        called: Some(called()),
    }
}

pub(super) fn called() -> Called {
    Called {
        task: task(),
        attempt: 2,
        parent: Some(task()),
        callee: Callee::Constructor,
        shape: Arc::new(shape()),
    }
}

pub(super) fn process() -> ProcessInfo {
    ProcessInfo {
        worker: worker(3),
        pid: 44,
        driver: false,
        asked: true,
        job: Some(JobId(5)),
        environment: "{}".to_owned(),
    }
}

pub(super) fn account() -> Account {
    Account {
        clock_began: Duration::from_secs(1000),
        spans: vec![span()],
        tasks: vec![TaskInfo { name: "f".to_owned(), called: called(), stage: Stage::Ready }],
        objects: vec![ObjectInfo {
            object: object(1),
            owner: worker(1),
            place: Whereabouts::Unknown,
            mapped: true,
            needed: true,
        }],
        left_out: 300,
    }
}

pub(super) fn node_info() -> NodeInfo {
    NodeInfo {
        node: NodeId(1),
        alive: true,
        resources: resources(),
        free: Resources::default(),
        labels: BTreeMap::from([("label".to_owned(), "value".to_owned())]),
        facts: BTreeMap::from([("fact".to_owned(), "value".to_owned())]),
    }
}
