//! The head, event by event: one sentence, one event, all that follows.

mod actors;
mod groups;
mod jobs;
mod queries;

use std::collections::BTreeMap;
use std::sync::Arc;

use types::failure::ActorEnd;
use types::{
    ActorId, ActorName, ActorSpec, ActorState, Amount, Callee, Concurrency, Death, Exit, Failure,
    FunctionId, GroupId, GroupSpec, GroupState, GroupStrategy, JobId, LabelRule, NodeId, NodeInfo,
    Payload, Resources, Retries, Retry, Returns, Settings, Shape, Strategy, Template, TemplateId,
    Timestamp, WorkerId,
};
use wire::to_node::NodeReport;
use wire::{Answer, FromHead, HeadToNode, Question, ToHead};

use super::{Effect, Event, Head};
use crate::Role;

const NODE: NodeId = NodeId(1);
const OTHER_NODE: NodeId = NodeId(2);
const DRIVER: WorkerId = worker(1);
const OTHER_DRIVER: WorkerId = worker(2);
const PROCESS: WorkerId = worker(3);
const OTHER_PROCESS: WorkerId = worker(4);
const JOB: JobId = JobId(1);

/// A head whose rules are checked after every event.
struct TestHead(Head);

impl TestHead {
    /// One node with so many CPUs, and a driver whose job is `JOB`.
    fn with_cpus(count: u64) -> Self {
        let mut head = Self::empty();
        head.join(NODE, cpus(count));
        head.says(DRIVER, start_job());
        head
    }

    fn empty() -> Self {
        Self(Head::new(&Settings::default()))
    }

    fn step(&mut self, event: Event) -> Vec<Effect> {
        let mut effects = Vec::new();
        self.0.step(Timestamp::ZERO, event, &mut effects);
        self.0.check();
        effects
    }

    fn says(&mut self, worker: WorkerId, message: ToHead) -> Vec<Effect> {
        self.step(Event::Worker(worker, message))
    }

    fn reports(&mut self, report: NodeReport) -> Vec<Effect> {
        self.step(Event::Node(NODE, report))
    }

    fn join(&mut self, node: NodeId, resources: Resources) -> Vec<Effect> {
        self.step(Event::Node(node, NodeReport::Joined(node_info(node, resources))))
    }

    fn asks(&mut self, question: Question) -> Answer {
        let effects = self.says(DRIVER, ToHead::Ask { request: 9, question });
        let [Effect::ToWorker(DRIVER, FromHead::Answered { request: 9, answer })] = &effects[..]
        else {
            panic!("one answer, not {effects:?}");
        };
        answer.clone()
    }

    /// What the head believes free on all nodes.
    fn free(&mut self) -> Resources {
        let Answer::Nodes(nodes) = self.asks(Question::Nodes) else {
            panic!("nodes are asked for")
        };
        let mut free = Resources::default();
        nodes.iter().for_each(|node| free.add(&node.free));
        free
    }

    fn gone(&mut self, worker: WorkerId) -> Vec<Effect> {
        self.reports(NodeReport::WorkerGone(death(worker)))
    }

    fn create(&mut self, spec: &ActorSpec) -> Vec<Effect> {
        self.says(spec.creator, create(spec, false))
    }

    /// An actor that was sent to a node.
    fn placing(&mut self, spec: &ActorSpec) -> ActorId {
        self.create(spec);
        self.says(spec.creator, ready(spec.id));
        spec.id
    }

    /// An actor whose constructor runs in this process.
    fn making(&mut self, spec: &ActorSpec, process: WorkerId) -> ActorId {
        let actor = self.placing(spec);
        self.step(Event::Node(process.node, NodeReport::ActorPlaced(actor, process)));
        actor
    }

    /// An actor that lives in this process.
    fn alive(&mut self, spec: &ActorSpec, process: WorkerId) -> ActorId {
        let actor = self.making(spec, process);
        self.says(process, ToHead::ActorMade(actor));
        actor
    }

    /// A group whose bundles are reserved.
    fn created(&mut self, spec: &GroupSpec) -> GroupId {
        self.says(spec.creator, ToHead::CreateGroup(Box::new(spec.clone())));
        self.reports(NodeReport::BundlesPrepared(spec.id, true));
        spec.id
    }
}

const fn worker(number: u32) -> WorkerId {
    WorkerId { node: NODE, number }
}

fn cpus(count: u64) -> Resources {
    [("CPU", Amount::whole(count))].into_iter().collect()
}

fn node_info(node: NodeId, resources: Resources) -> NodeInfo {
    let labels = BTreeMap::from([("zone".to_owned(), format!("zone-{}", node.0))]);
    let facts = BTreeMap::from([("host".to_owned(), format!("host-{}", node.0))]);
    NodeInfo { node, alive: true, free: resources.clone(), resources, labels, facts }
}

fn start_job() -> ToHead {
    let (namespace, entrypoint) = ("space".to_owned(), "main.py".to_owned());
    ToHead::StartJob { pid: 10, namespace, entrypoint }
}

/// The `count`-th actor of the driver.
fn actor(count: u32) -> ActorSpec {
    let template = Template {
        id: TemplateId(1),
        function: FunctionId::from_bytes([1; 16]),
        name: "Counter".to_owned(),
        callee: Callee::Constructor,
        shape: Arc::new(Shape::default()),
        returns: Returns::Count(1),
        retries: Retries { max: Some(0), exceptions: Retry::Never },
        timeout: None,
        calls_max: 0,
        look_ahead: None,
    };
    ActorSpec {
        id: ActorId::new(DRIVER, count, JOB),
        creator: DRIVER,
        template: Arc::new(template),
        placement: cpus(1),
        arguments: Payload::EMPTY,
        dependencies: Box::default(),
        nested: Box::default(),
        name: None,
        detached: false,
        restarts_max: Some(0),
        concurrency: Concurrency {
            asynchronous: false,
            calls_max: 1,
            groups: vec![],
            ordered: true,
        },
        handle: Payload::from(&b"handle"[..]),
    }
}

fn by_strategy(mut spec: ActorSpec, strategy: Strategy) -> ActorSpec {
    let template = Arc::make_mut(&mut spec.template);
    Arc::make_mut(&mut template.shape).strategy = strategy;
    spec
}

fn named(name: &str) -> ActorName {
    ActorName { namespace: "space".to_owned(), name: name.to_owned() }
}

fn create(spec: &ActorSpec, get_if_exists: bool) -> ToHead {
    ToHead::CreateActor { request: 5, spec: Box::new(spec.clone()), get_if_exists }
}

fn ready(actor: ActorId) -> ToHead {
    ToHead::ActorReady { actor, dependencies: vec![] }
}

/// The `count`-th group of the driver, with bundles of so many CPUs.
fn group<const N: usize>(count: u32, strategy: GroupStrategy, bundles: [u64; N]) -> GroupSpec {
    GroupSpec {
        id: GroupId::new(DRIVER, count, JOB),
        creator: DRIVER,
        name: String::new(),
        namespace: "space".to_owned(),
        bundles: bundles.into_iter().map(cpus).collect(),
        selectors: vec![],
        strategy,
        detached: false,
    }
}

fn death(worker: WorkerId) -> Death {
    Death {
        worker,
        pid: 77,
        exit: Exit::Signal(9),
        reason: String::new(),
        peak_memory_bytes: 0,
        last_lines: vec![],
    }
}

fn answered(worker: WorkerId, request: u64, answer: Answer) -> Effect {
    Effect::ToWorker(worker, FromHead::Answered { request, answer })
}

fn start(spec: &ActorSpec, incarnation: u32) -> HeadToNode {
    HeadToNode::StartActor { spec: Box::new(spec.clone()), dependencies: vec![], incarnation }
}

fn end(actor: ActorId, end: &ActorEnd) -> Effect {
    Effect::ToNode(NODE, HeadToNode::EndActor { actor, reason: end.to_string() })
}

fn changed(watcher: WorkerId, actor: ActorId, state: ActorState) -> Effect {
    Effect::ToWorker(watcher, FromHead::ActorChanged { actor, state })
}

fn dead(watcher: WorkerId, actor: ActorId, end: ActorEnd) -> Effect {
    let failure = Failure::ActorDied(actor, end);
    changed(watcher, actor, ActorState::Dead(Arc::new(failure)))
}

fn prepare<const N: usize>(node: NodeId, group: GroupId, bundles: [(u32, u64); N]) -> Effect {
    let bundles = bundles.into_iter().map(|(index, count)| (index, cpus(count))).collect();
    Effect::ToNode(node, HeadToNode::PrepareBundles { group, bundles })
}

fn commit(node: NodeId, group: GroupId) -> Effect {
    Effect::ToNode(node, HeadToNode::CommitBundles(group))
}

fn give_back(node: NodeId, group: GroupId) -> Effect {
    Effect::ToNode(node, HeadToNode::ReturnBundles(group))
}

fn group_is(watcher: WorkerId, group: GroupId, state: GroupState) -> Effect {
    Effect::ToWorker(watcher, FromHead::GroupChanged { group, state })
}

fn removed(watcher: WorkerId, group: GroupId) -> Effect {
    group_is(watcher, group, GroupState::Removed(Arc::new(Failure::GroupRemoved(group))))
}
