//! One example of every variant of every message.
//!
//! Owns: what the examples hold; small values that differ from each other, so that a swap of fields shows.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use types::failure::ActorEnd;
use types::{
    Account, ActorId, ActorName, ActorSpec, Amount, Assignment, Called, Callee, Concurrency, Death,
    DeviceShare, Exit, Failure, Finding, FunctionId, GroupId, GroupSpec, GroupStrategy, JobId,
    LabelRule, LeaseId, NodeId, ObjectId, ObjectInfo, Payload, Place, Probe, ProcessInfo, Ref,
    Resources, Retries, Retry, Returns, Settings, Shape, Stage, Stored, Strategy, Subject, TaskId,
    TaskInfo, Template, TemplateId, Value, Whereabouts, WorkerId,
};
use wire::to_head::{ActorInfo, GroupInfo, JobInfo, Key, NodeInfo, Span, Surveyed};
use wire::to_node::{NodeReport, ToDaemon};
use wire::to_worker::{
    ActorState, CancelReach, Dependency, GroupState, Outcome, OutputLines, TaskMessage,
};
use wire::{
    Answer, FromHead, FromNode, FromPeer, HeadToNode, Peer, Question, ToHead, ToNode, ToWorker,
    encode,
};

/// An example written out: its family, its variant as `Debug` names it, its bytes without the frame's header.
pub(crate) struct Example {
    pub(crate) family: &'static str,
    pub(crate) variant: String,
    pub(crate) bytes: Vec<u8>,
}

/// All examples, each family in the order of its variants.
pub(crate) fn all() -> Vec<Example> {
    let families = [
        family("ToWorker", to_worker()),
        family("FromPeer", from_peer()),
        family("FromNode", from_node()),
        family("FromHead", from_head()),
        family("ToDaemon", to_daemon()),
        family("ToNode", to_node()),
        family("HeadToNode", head_to_node()),
        family("Peer", peers()),
        family("NodeReport", node_reports()),
        family("ToHead", to_head()),
        family("Question", questions()),
        family("Answer", answers()),
        family("Outcome", outcomes()),
        family("ActorState", actor_states()),
        family("GroupState", group_states()),
        family("Value", values()),
        family("Strategy", strategies()),
        family("Callee", callees()),
        family("Returns", vec![Returns::Count(2), Returns::Stream, Returns::Dynamic]),
        family("Retry", vec![Retry::Never, Retry::Always, Retry::Listed(bytes(b"classes"))]),
        family("GroupStrategy", group_strategies()),
        family("Subject", subjects()),
        family("Stage", stages()),
        family("Whereabouts", places()),
        family("Failure", failures()),
        family("ActorEnd", actor_ends()),
        family("Exit", vec![Exit::Code(3), Exit::Signal(9), Exit::Unknown]),
    ];
    families.into_iter().flatten().collect()
}

fn family<M: Serialize + Debug>(family: &'static str, messages: Vec<M>) -> Vec<Example> {
    let example = |message: M| {
        let mut frame = Vec::new();
        encode(&message, &mut frame);
        let debug = format!("{message:?}");
        let end = debug.find(|c: char| !c.is_alphanumeric()).unwrap_or(debug.len());
        let bytes = frame.split_off(wire::frame::HEADER_BYTES);
        Example { family, variant: debug[..end].to_owned(), bytes }
    };
    messages.into_iter().map(example).collect()
}

fn to_worker() -> Vec<ToWorker> {
    vec![
        ToWorker::Peer(FromPeer::Recall { lease: LeaseId(7), count: 3 }),
        ToWorker::Node(FromNode::Spare),
        ToWorker::Head(FromHead::Retire),
    ]
}

fn from_peer() -> Vec<FromPeer> {
    vec![
        FromPeer::Templates(vec![template()]),
        FromPeer::Tasks { lease: Some((LeaseId(7), assignment())), tasks: vec![task_message()] },
        FromPeer::Recall { lease: LeaseId(7), count: 3 },
        FromPeer::Cancel { task: task(), reach: CancelReach { force: true, recursive: false } },
        FromPeer::CancelObject {
            object: object(1),
            reach: CancelReach { force: false, recursive: true },
        },
        FromPeer::Consumed { task: task(), count: 5 },
        FromPeer::Done {
            task: task(),
            outcome: Outcome::Streamed(4),
            ran: Duration::from_micros(1500),
        },
        FromPeer::HandedBack { lease: LeaseId(7), tasks: vec![task()] },
        FromPeer::Item { task: task(), index: 6, item: stored() },
        FromPeer::Borrow { object: object(1), confirm: true },
        FromPeer::Borrowed(object(1)),
        FromPeer::Return(object(1)),
        FromPeer::Settled(task()),
        FromPeer::Fetch(object(1)),
        FromPeer::Fetched { object: object(1), stored: stored() },
        FromPeer::Probe(Box::new(probe())),
    ]
}

fn from_node() -> Vec<FromNode> {
    vec![
        FromNode::Welcome {
            worker: worker(1),
            session: "session".to_owned(),
            arena_bytes: 1 << 30,
            settings: Settings::default(),
            token: bytes(b"token"),
            socket: "/run/socket".to_owned(),
        },
        FromNode::Visitor,
        FromNode::Leased {
            shape: 2,
            lease: LeaseId(7),
            worker: worker(3),
            assignment: assignment(),
        },
        FromNode::Refused { shape: 2, failure: failure() },
        FromNode::Reclaim(LeaseId(7)),
        FromNode::LeaseEnded { lease: LeaseId(7), death: death() },
        FromNode::Start {
            spec: Box::new(actor_spec()),
            dependencies: vec![dependency()],
            incarnation: 2,
            assignment: assignment(),
        },
        FromNode::Created(object(1), Ok(4096)),
        FromNode::Pinned(object(1), Err(failure())),
        FromNode::PeerEnded(death()),
        FromNode::Lines(vec![OutputLines {
            worker: worker(3),
            pid: 44,
            name: "f".to_owned(),
            error: true,
            lines: vec!["one".to_owned(), "two".to_owned()],
        }]),
        FromNode::LinesTold(9),
        FromNode::Spare,
        FromNode::Survey(9, Subject::Spans(JobId(5))),
        FromNode::Exit { reason: "because".to_owned() },
    ]
}

fn from_head() -> Vec<FromHead> {
    vec![
        FromHead::JobStarted(JobId(5)),
        FromHead::ActorChanged { actor: actor(), state: ActorState::Pending },
        FromHead::GroupChanged { group: group(), state: GroupState::Pending },
        FromHead::Retire,
        FromHead::Answered { request: 300, answer: Answer::Nothing },
    ]
}

fn to_daemon() -> Vec<ToDaemon> {
    vec![ToDaemon::Node(ToNode::Staying), ToDaemon::Head(ToHead::WatchActor(actor()))]
}

fn to_node() -> Vec<ToNode> {
    let objects = || vec![object(1), object(2)];
    vec![
        ToNode::Hello(Peer::Worker { worker: worker(3), pid: 44 }),
        ToNode::Want { shape: 2, spec: Some(Arc::new(shape())), count: 8, granted: 300 },
        ToNode::Release(LeaseId(7)),
        ToNode::Blocked(LeaseId(7)),
        ToNode::Unblocked(LeaseId(7)),
        ToNode::Leaving { reason: "because".to_owned() },
        ToNode::Staying,
        ToNode::Unneeded,
        ToNode::Named("f".to_owned()),
        ToNode::AskLines(9),
        ToNode::Create { object: object(1), owner: worker(1), size: 300 },
        ToNode::Seal(object(1)),
        ToNode::Discard(object(1)),
        ToNode::Pin(object(1)),
        ToNode::Unpin(object(1)),
        ToNode::Free(objects()),
        ToNode::FreeFrom(object(1)),
    ]
}

fn head_to_node() -> Vec<HeadToNode> {
    vec![
        HeadToNode::StartActor {
            spec: Box::new(actor_spec()),
            dependencies: vec![dependency()],
            incarnation: 2,
        },
        HeadToNode::EndActor { actor: actor(), reason: "because".to_owned() },
        HeadToNode::ActorMade(actor()),
        HeadToNode::PrepareBundles { group: group(), bundles: vec![(1, resources())] },
        HeadToNode::CommitBundles(group()),
        HeadToNode::ReturnBundles(group()),
        HeadToNode::Survey(9, Subject::Tasks),
        HeadToNode::EndJob(JobId(5)),
        HeadToNode::Stop,
    ]
}

fn peers() -> Vec<Peer> {
    vec![Peer::Worker { worker: worker(3), pid: 44 }, Peer::Driver { pid: 44, owns_cluster: true }]
}

fn node_reports() -> Vec<NodeReport> {
    let pair = || vec![("key".to_owned(), "value".to_owned())];
    vec![
        NodeReport::Joined { resources: resources(), labels: pair(), facts: pair() },
        NodeReport::Free(resources()),
        NodeReport::ActorPlaced(actor(), worker(3)),
        NodeReport::ActorNotPlaced(actor(), failure()),
        NodeReport::ActorEnded(actor(), death()),
        NodeReport::BundlesPrepared(group(), true),
        NodeReport::Processes(9, vec![process()]),
        NodeReport::WorkerGone(death()),
    ]
}

fn to_head() -> Vec<ToHead> {
    vec![
        ToHead::StartJob {
            pid: 44,
            namespace: "space".to_owned(),
            entrypoint: "main.py".to_owned(),
        },
        ToHead::PutFunction { job: JobId(5), function: function(), pickle: bytes(b"pickle") },
        ToHead::CreateActor { request: 300, spec: Box::new(actor_spec()), get_if_exists: true },
        ToHead::ActorReady { actor: actor(), dependencies: vec![dependency()] },
        ToHead::ActorHopeless(actor(), failure()),
        ToHead::ActorMade(actor()),
        ToHead::ActorNotMade(actor(), failure()),
        ToHead::ActorLeaves(actor()),
        ToHead::WatchActor(actor()),
        ToHead::KillActor { actor: actor(), for_good: true },
        ToHead::ActorUnreachable(actor()),
        ToHead::CreateGroup(Box::new(group_spec())),
        ToHead::RemoveGroup(group()),
        ToHead::WatchGroup(group()),
        ToHead::Ask { request: 300, question: Question::Nodes },
        ToHead::Account(9, Box::new(account())),
        ToHead::Node(NodeReport::Free(resources())),
    ]
}

fn questions() -> Vec<Question> {
    let (namespace, name) = ("space".to_owned(), "group".to_owned());
    vec![
        Question::Function(JobId(5), function()),
        Question::Nodes,
        Question::TotalResources,
        Question::FreeResources,
        Question::ActorNamed(actor_name()),
        Question::ActorNames(Some("space".to_owned())),
        Question::Actors,
        Question::Groups,
        Question::GroupNamed { namespace, name },
        Question::Survey(Subject::Processes),
        Question::Jobs,
        Question::Get(key()),
        Question::Put { key: key(), value: bytes(b"value"), overwrite: true },
        Question::Delete { key: key(), prefix: true },
        Question::Keys(key()),
    ]
}

fn answers() -> Vec<Answer> {
    vec![
        Answer::Nothing,
        Answer::Bytes(bytes(b"value")),
        Answer::Count(300),
        Answer::Keys(vec![b"one".to_vec(), b"two".to_vec()]),
        Answer::Resources(resources()),
        Answer::Nodes(vec![NodeInfo {
            node: NodeId(1),
            alive: true,
            resources: resources(),
            labels: BTreeMap::from([("label".to_owned(), "value".to_owned())]),
            facts: BTreeMap::from([("fact".to_owned(), "value".to_owned())]),
        }]),
        Answer::Actor { actor: actor(), handle: bytes(b"handle"), found: true },
        Answer::NameTaken(actor_name()),
        Answer::ActorNames(vec![actor_name()]),
        Answer::Actors(vec![ActorInfo {
            actor: actor(),
            class: "Counter".to_owned(),
            name: Some(actor_name()),
            state: ActorState::Pending,
            restarts: 2,
            shape: Arc::new(shape()),
            detached: true,
        }]),
        Answer::Groups(vec![GroupInfo { spec: group_spec(), state: GroupState::Pending }]),
        Answer::Jobs(vec![JobInfo {
            job: JobId(5),
            driver: worker(1),
            pid: 44,
            namespace: "space".to_owned(),
            entrypoint: "main.py".to_owned(),
            running: true,
        }]),
        Answer::Survey(Surveyed {
            processes: vec![process()],
            gone: vec![death()],
            accounts: vec![(worker(3), Box::new(account()))],
            spans: vec![span()],
        }),
        Answer::Failed(failure()),
    ]
}

fn outcomes() -> Vec<Outcome> {
    vec![
        Outcome::Returned(vec![stored()]),
        Outcome::Streamed(4),
        Outcome::Failed { failure: failure(), retriable: true },
    ]
}

fn actor_states() -> Vec<ActorState> {
    vec![
        ActorState::Pending,
        ActorState::Alive { worker: worker(3), incarnation: 2 },
        ActorState::Restarting { incarnation: 2, reason: "because".to_owned() },
        ActorState::Dead(failure()),
    ]
}

fn group_states() -> Vec<GroupState> {
    vec![
        GroupState::Pending,
        GroupState::Created(vec![NodeId(1), NodeId(2)]),
        GroupState::Removed(failure()),
    ]
}

fn values() -> Vec<Value> {
    vec![
        Value::Inline(bytes(b"value")),
        Value::Shared { node: NodeId(1), size: 300 },
        Value::Failed(failure()),
    ]
}

fn label_rule(values: Option<Vec<String>>, negated: bool) -> LabelRule {
    LabelRule { label: "zone".to_owned(), values, negated }
}

fn strategies() -> Vec<Strategy> {
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

fn callees() -> Vec<Callee> {
    vec![
        Callee::Function,
        Callee::Constructor,
        Callee::Method { name: "add".to_owned(), group: "fast".to_owned(), ordered: true },
    ]
}

fn group_strategies() -> Vec<GroupStrategy> {
    vec![
        GroupStrategy::Pack,
        GroupStrategy::Spread,
        GroupStrategy::StrictPack,
        GroupStrategy::StrictSpread,
    ]
}

fn failures() -> Vec<Failure> {
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

fn actor_ends() -> Vec<ActorEnd> {
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

const fn worker(number: u32) -> WorkerId {
    WorkerId { node: NodeId(1), number }
}

fn actor() -> ActorId {
    ActorId::new(worker(1), 2, JobId(5))
}

fn group() -> GroupId {
    GroupId::new(worker(1), 3, JobId(5))
}

fn task() -> TaskId {
    TaskId::new(worker(1), 4, JobId(5))
}

fn object(index: u32) -> ObjectId {
    task().output(index)
}

fn probe() -> Probe {
    let (at_owner, at_executor) = (Place::Object(reference()), Place::Task(task(), worker(3)));
    let name = "method".to_owned();
    let finding = Finding { name, wait: Some(6), needs: vec![at_executor], any: true };
    Probe { found: vec![(at_owner, finding)], left: vec![at_executor], again: false }
}

fn reference() -> Ref {
    Ref { object: object(1), owner: worker(1) }
}

const fn function() -> FunctionId {
    FunctionId::from_bytes([9; 16])
}

fn bytes(source: &[u8]) -> Payload {
    Payload::from(source)
}

fn stored() -> Stored {
    Stored { value: Value::Inline(bytes(b"value")), contains: Box::new([reference()]) }
}

fn dependency() -> Dependency {
    Dependency { object: object(1), stored: stored() }
}

fn failure() -> Arc<Failure> {
    Arc::new(Failure::ObjectFreed(object(1)))
}

fn resources() -> Resources {
    [("CPU", Amount::whole(2)), ("GPU", Amount::from_f64(0.5))].into_iter().collect()
}

fn assignment() -> Assignment {
    let share = DeviceShare { index: 1, amount: Amount::from_f64(0.5) };
    let devices = BTreeMap::from([("GPU".to_owned(), vec![share])]);
    Assignment { resources: resources(), devices }
}

fn shape() -> Shape {
    Shape { resources: resources(), environment: "{}".to_owned(), strategy: Strategy::Spread }
}

fn template() -> Arc<Template> {
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

fn task_message() -> TaskMessage {
    TaskMessage {
        id: task(),
        attempt: 1,
        template: TemplateId(8),
        arguments: bytes(b"arguments"),
        dependencies: vec![dependency()],
    }
}

fn actor_spec() -> ActorSpec {
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

fn actor_name() -> ActorName {
    ActorName { namespace: "space".to_owned(), name: "name".to_owned() }
}

fn group_spec() -> GroupSpec {
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

fn death() -> Death {
    Death {
        worker: worker(3),
        pid: 44,
        exit: Exit::Signal(9),
        reason: "because".to_owned(),
        peak_memory_bytes: 300,
        last_lines: vec!["last".to_owned()],
    }
}

fn key() -> Key {
    Key { namespace: "space".to_owned(), name: b"key".to_vec() }
}

fn span() -> Span {
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

fn subjects() -> Vec<Subject> {
    vec![Subject::Processes, Subject::Spans(JobId(5)), Subject::Tasks, Subject::Objects]
}

fn stages() -> Vec<Stage> {
    vec![
        Stage::Waiting,
        Stage::Ready,
        Stage::Sent,
        Stage::Arrived(300),
        Stage::Running { began: Duration::from_secs(1), waits: true },
        Stage::Failed(failure()),
    ]
}

fn places() -> Vec<Whereabouts> {
    let shared = Whereabouts::Shared { node: NodeId(1), size: 300 };
    vec![Whereabouts::Unknown, Whereabouts::Here(300), shared, Whereabouts::Failed]
}

fn called() -> Called {
    Called {
        task: task(),
        attempt: 2,
        parent: Some(task()),
        callee: Callee::Constructor,
        shape: Arc::new(shape()),
    }
}

fn process() -> ProcessInfo {
    ProcessInfo {
        worker: worker(3),
        pid: 44,
        driver: false,
        asked: true,
        job: Some(JobId(5)),
        environment: "{}".to_owned(),
    }
}

fn account() -> Account {
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
