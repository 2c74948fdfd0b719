//! A node to try things on, and what its events and effects are made of.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use types::{
    ActorId, ActorSpec, Amount, Assignment, Callee, Concurrency, Death, Exit, FunctionId, JobId,
    LeaseId, NodeId, Payload, Resources, Retries, Retry, Returns, Settings, Shape, Template,
    TemplateId, Timestamp, WorkerId,
};
use wire::to_node::{NodeReport, Peer};
use wire::to_worker::FromNode;
use wire::{HeadToNode, ToNode};

use crate::Role;
use crate::node::{Effect, Event, Node, NodeConfig};

pub(super) const JOB: JobId = JobId(1);

/// A node with one driver and an idle worker per CPU; checks itself after every step.
pub(super) struct TestNode {
    pub(super) node: Node,
    now: Timestamp,
    pub(super) driver: WorkerId,
    drivers: u32,
}

impl TestNode {
    pub(super) fn bare(cpus_count: u32) -> Self {
        Self::bare_with(cpus_count, |_| {})
    }

    pub(super) fn bare_with(cpus_count: u32, change: impl FnOnce(&mut Settings)) -> Self {
        Self::bare_of(cpus(f64::from(cpus_count)), cpus_count, change)
    }

    pub(super) fn bare_of(
        resources: Resources,
        cpus: u32,
        change: impl FnOnce(&mut Settings),
    ) -> Self {
        let mut settings = Settings::default();
        change(&mut settings);
        let node = Node::new(NodeConfig {
            node: NodeId(1),
            resources,
            labels: BTreeMap::new(),
            facts: BTreeMap::new(),
            cpus,
            arena_bytes: 1 << 20,
            settings,
        });
        Self { node, now: Timestamp::ZERO, driver: worker(1), drivers: 0 }
    }

    pub(super) fn with_cpus(cpus_count: u32) -> Self {
        Self::with_settings(cpus_count, |_| {})
    }

    pub(super) fn with_settings(cpus_count: u32, change: impl FnOnce(&mut Settings)) -> Self {
        let mut node = Self::bare_with(cpus_count, change);
        node.driver = node.another_driver();
        for number in 2..2 + cpus_count {
            node.arrive(number);
        }
        node
    }

    pub(super) fn another_driver(&mut self) -> WorkerId {
        self.drivers += 1;
        let effects = self.step(Event::Arrived { connection: 0, peer: driver_peer(false) });
        let welcome = effects.iter().find_map(|effect| {
            if let Effect::Welcome { worker, .. } = effect { Some(*worker) } else { None }
        });
        let driver = welcome.expect("a driver is welcome");
        self.step(Event::JobStarted(driver, JobId(self.drivers)));
        driver
    }

    pub(super) fn step(&mut self, event: Event) -> Vec<Effect> {
        let mut effects = Vec::new();
        self.node.step(self.now, event, &mut effects);
        self.node.check();
        effects
    }

    pub(super) fn wait(&mut self, span: Duration) -> Vec<Effect> {
        let mut effects = Vec::new();
        self.now = self.now + span;
        self.node.on_time(self.now, &mut effects);
        self.node.check();
        effects.retain(|effect| {
            span < Duration::from_secs(1) || !matches!(effect, Effect::ToHead(NodeReport::Free(_)))
        });
        effects
    }

    pub(super) fn say(&mut self, from: WorkerId, message: ToNode) -> Vec<Effect> {
        self.step(Event::Message(from, message))
    }

    pub(super) fn head(&mut self, message: HeadToNode) -> Vec<Effect> {
        self.step(Event::Head(message))
    }

    pub(super) fn arrive(&mut self, number: u32) -> Vec<Effect> {
        let peer = Peer::Worker { worker: worker(number), pid: 1000 + number };
        self.step(Event::Arrived { connection: u64::from(number), peer })
    }

    pub(super) fn end(&mut self, worker: WorkerId, exit: Exit) -> Vec<Effect> {
        self.step(Event::HungUp(worker));
        self.step(Event::ProcessEnded { worker, exit, peak_memory_bytes: 0 })
    }

    pub(super) fn want(&mut self, owner: WorkerId, amount: f64, count: u32) -> Vec<Effect> {
        self.want_more(owner, amount, count, 0)
    }

    pub(super) fn want_more(
        &mut self,
        owner: WorkerId,
        amount: f64,
        count: u32,
        granted: u64,
    ) -> Vec<Effect> {
        let shape = (amount * 100.0) as u32;
        let spec = Some(Arc::new(Shape { resources: cpus(amount), ..Shape::default() }));
        self.say(owner, ToNode::Want { shape, spec, count, granted })
    }

    pub(super) fn start(&mut self, actor: ActorId, change: impl FnOnce(&mut ActorSpec)) {
        let mut spec = actor_spec(actor, 1.0, 1.0);
        change(&mut spec);
        self.head(start(&spec));
    }

    pub(super) fn leased(&self, lease: u64, number: u32, amount: f64) -> Effect {
        leased(self.driver, lease, number, amount)
    }

    pub(super) fn worker_of(&mut self, actor: ActorId) -> Option<WorkerId> {
        self.node.pool.placed(actor).map(|(worker, _)| worker)
    }

    pub(super) fn free(&self) -> f64 {
        self.node.ledger.free().get("CPU").units() as f64 / 10_000.0
    }
}

pub(super) fn worker(number: u32) -> WorkerId {
    WorkerId { node: NodeId(1), number }
}

pub(super) fn driver_peer(owns_cluster: bool) -> Peer {
    Peer::Driver { pid: 99, owns_cluster }
}

pub(super) fn cpus(amount: f64) -> Resources {
    [("CPU", units(amount))].into_iter().collect()
}

pub(super) fn units(amount: f64) -> Amount {
    Amount::from_units((amount * 10_000.0) as u64)
}

pub(super) fn fork(number: u32) -> Effect {
    Effect::Fork { worker: worker(number), environment: String::new() }
}

pub(super) fn welcome(number: u32) -> Effect {
    Effect::Welcome { connection: u64::from(number), worker: worker(number) }
}

pub(super) fn tell(to: WorkerId, message: FromNode) -> Effect {
    Effect::ToWorker(to, message)
}

pub(super) fn leased(owner: WorkerId, lease: u64, number: u32, amount: f64) -> Effect {
    let assignment = Assignment { resources: cpus(amount), ..Assignment::default() };
    let (shape, lease, worker) = ((amount * 100.0) as u32, LeaseId(lease), worker(number));
    tell(owner, FromNode::Leased { shape, lease, worker, assignment })
}

pub(super) fn death(worker: WorkerId, exit: Exit, reason: &str) -> Death {
    let pid = if exit == Exit::Unknown { 99 } else { 1000 + worker.number };
    let reason = reason.to_owned();
    Death { worker, pid, exit, reason, peak_memory_bytes: 0, last_lines: vec![] }
}

pub(super) fn actor(count: u32) -> ActorId {
    ActorId::new(worker(1), count, JOB)
}

pub(super) fn start(spec: &ActorSpec) -> HeadToNode {
    HeadToNode::StartActor { spec: Box::new(spec.clone()), dependencies: vec![], incarnation: 0 }
}

pub(super) fn actor_spec(id: ActorId, placement: f64, lasting: f64) -> ActorSpec {
    let template = Template {
        id: TemplateId(1),
        function: FunctionId::from_bytes([0; 16]),
        name: "Counter".to_owned(),
        callee: Callee::Constructor,
        shape: Arc::new(Shape { resources: cpus(lasting), ..Shape::default() }),
        returns: Returns::Count(1),
        retries: Retries { max: Some(0), exceptions: Retry::Never },
        timeout: None,
        calls_max: 0,
        look_ahead: None,
    };
    ActorSpec {
        id,
        creator: worker(1),
        template: Arc::new(template),
        placement: cpus(placement),
        arguments: Payload::from(&b""[..]),
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
        handle: Payload::from(&b""[..]),
    }
}
