//! The daemon of the made-up machine: its two roles, forks, and what its disk does.
//!
//! Owns: the match for what node and head want done. Does not own: processes once they began (`world`).

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use roles::node::{DiskJob, NodeConfig};
use roles::{Head, Node, Role, head, node};
use types::{NodeId, ObjectId, Resources, Settings, Timestamp, WorkerId};
use wire::to_node::{NodeReport, Peer};
use wire::{FromNode, ToDaemon, ToNode, ToWorker};

use crate::network::End;
use crate::outside::{Happening, Outside};
use crate::rules::{breach, no_leak};

/// The only node.
pub(crate) const NODE: NodeId = NodeId(1);

/// The daemon.
#[derive(Debug)]
pub(crate) struct Daemon {
    node: Node,
    head: Head,
    inputs: VecDeque<Input>,
    settings: Settings,
    arena_bytes: u64,
    total: Resources,
    /// What is free, as the head was told last.
    free: Resources,
    due: Option<Timestamp>,
    /// Processes that were asked for and have not begun, and whether they are to end at once.
    unborn: BTreeMap<WorkerId, bool>,
    pids: u32,
    connections: u64,
    pub(crate) troubles: Troubles,
    /// Memory is expected to be empty: nothing may be moved out of it.
    pub(crate) probing: bool,
}

/// What goes wrong next.
#[derive(Debug, Default)]
pub(crate) struct Troubles {
    pub(crate) failing_forks: u32,
    pub(crate) late_forks: u32,
    pub(crate) failing_spills: u32,
}

#[derive(Debug)]
enum Input {
    Node(node::Event),
    Head(head::Event),
}

impl Daemon {
    pub(crate) fn new(resources: Resources, arena_bytes: u64, settings: &Settings) -> Self {
        let cpus = u32::try_from(resources.get("CPU").units() / 10_000).unwrap_or(1);
        let config = NodeConfig {
            node: NODE,
            resources: resources.clone(),
            labels: BTreeMap::new(),
            facts: BTreeMap::new(),
            cpus,
            arena_bytes,
            settings: settings.clone(),
        };
        Self {
            node: Node::new(config),
            head: Head::new(settings),
            inputs: VecDeque::new(),
            settings: settings.clone(),
            arena_bytes,
            total: resources.clone(),
            free: resources,
            due: None,
            unborn: BTreeMap::new(),
            pids: 100,
            connections: 1000,
            troubles: Troubles::default(),
            probing: false,
        }
    }

    /// What is free, and what there is.
    pub(crate) const fn resources(&self) -> (&Resources, &Resources) {
        (&self.free, &self.total)
    }

    pub(crate) const fn settings(&self) -> &Settings {
        &self.settings
    }

    pub(crate) const fn arena_bytes(&self) -> u64 {
        self.arena_bytes
    }

    /// Why demands wait, in words.
    pub(crate) fn explain(&self) -> String {
        self.node.explain().join("; ")
    }

    /// A process says something.
    pub(crate) fn hear(&mut self, out: &mut Outside, from: WorkerId, message: ToDaemon) {
        match message {
            ToDaemon::Node(ToNode::Hello(peer)) => {
                self.connections += 1;
                self.arrive(out, self.connections, peer);
            }
            ToDaemon::Node(message) => self.happen(out, node::Event::Message(from, message)),
            ToDaemon::Head(message) => {
                self.inputs.push_back(Input::Head(head::Event::Worker(from, message)));
                self.settle(out);
            }
        }
    }

    pub(crate) fn arrive(&mut self, out: &mut Outside, connection: u64, peer: Peer) {
        self.happen(out, node::Event::Arrived { connection, peer });
    }

    /// Something happened that the node is to know.
    pub(crate) fn happen(&mut self, out: &mut Outside, event: node::Event) {
        self.inputs.push_back(Input::Node(event));
        self.settle(out);
    }

    /// A forked process begins: false if it is to end at once.
    pub(crate) fn born(&mut self, worker: WorkerId) -> bool {
        self.unborn.remove(&worker).is_some_and(|doomed| !doomed)
    }

    pub(crate) fn on_spilled(&mut self, out: &mut Outside, object: ObjectId, offset: u64) {
        let fails = self.troubles.failing_spills > 0;
        let result = if fails {
            self.troubles.failing_spills -= 1;
            out.observed.causes.disk_full = true;
            Err("no space is left on the device".to_owned())
        } else {
            out.memory.spill(object, offset);
            Ok(())
        };
        self.happen(out, node::Event::DiskDone(object, result));
    }

    pub(crate) fn on_restored(
        &mut self,
        out: &mut Outside,
        object: ObjectId,
        offset: u64,
        size: u64,
    ) {
        out.memory.restore(object, offset, size);
        self.happen(out, node::Event::DiskDone(object, Ok(())));
    }

    pub(crate) fn on_time(&mut self, out: &mut Outside) {
        self.due = None;
        if self.node.next_deadline().is_some_and(|deadline| deadline <= out.now) {
            let mut effects = Vec::new();
            self.node.on_time(out.now, &mut effects);
            self.node.check();
            out.story.tell(out.now, "node", || format!("on time -> {effects:?}"));
            effects.into_iter().for_each(|effect| self.perform_node(out, effect));
        }
        if self.head.next_deadline().is_some_and(|deadline| deadline <= out.now) {
            let mut effects = Vec::new();
            self.head.on_time(out.now, &mut effects);
            self.head.check();
            out.story.tell(out.now, "head", || format!("on time -> {effects:?}"));
            effects.into_iter().for_each(|effect| self.perform_head(out, effect));
        }
        self.settle(out);
    }

    fn settle(&mut self, out: &mut Outside) {
        while let Some(input) = self.inputs.pop_front() {
            let told = out.story.is_kept().then(|| format!("{input:?}"));
            match input {
                Input::Node(event) => {
                    let mut effects = Vec::new();
                    self.node.step(out.now, event, &mut effects);
                    self.node.check();
                    tell(out, told, &effects);
                    effects.into_iter().for_each(|effect| self.perform_node(out, effect));
                }
                Input::Head(event) => {
                    let mut effects = Vec::new();
                    self.head.step(out.now, event, &mut effects);
                    self.head.check();
                    tell(out, told, &effects);
                    effects.into_iter().for_each(|effect| self.perform_head(out, effect));
                }
            }
        }
        let deadlines = [self.node.next_deadline(), self.head.next_deadline()];
        let Some(deadline) = deadlines.into_iter().flatten().min() else { return };
        if self.due.is_none_or(|due| deadline < due) {
            self.due = Some(deadline.max(out.now));
            out.at(deadline, Happening::Due(None));
        }
    }

    fn perform_head(&mut self, out: &mut Outside, effect: head::Effect) {
        match effect {
            head::Effect::ToWorker(worker, message) => {
                out.say(End::Daemon, worker, ToWorker::Head(message));
            }
            head::Effect::ToNode(_, message) => {
                self.inputs.push_back(Input::Node(node::Event::Head(message)));
            }
            head::Effect::JobStarted(driver, job) => {
                self.inputs.push_back(Input::Node(node::Event::JobStarted(driver, job)));
            }
        }
    }

    fn perform_node(&mut self, out: &mut Outside, effect: node::Effect) {
        match effect {
            node::Effect::Welcome { connection, worker } => self.welcome(out, connection, worker),
            node::Effect::ToWorker(worker, message) => {
                out.say(End::Daemon, worker, ToWorker::Node(message));
            }
            node::Effect::ToHead(report) => {
                if let NodeReport::Free(free) = &report {
                    self.free = free.clone();
                }
                self.inputs.push_back(Input::Head(head::Event::Node(NODE, report)));
            }
            node::Effect::Fork { worker, .. } => self.fork(out, worker),
            node::Effect::Kill(worker) => {
                if let Some(doomed) = self.unborn.get_mut(&worker) {
                    *doomed = true;
                }
                out.within(100, Happening::Killed(worker));
            }
            node::Effect::Disk(DiskJob::Spill(object, offset, _)) => {
                if self.probing {
                    breach(&no_leak::RULE, format!("{object} is still in memory"));
                }
                out.within(5000, Happening::Spilled(object, offset));
            }
            node::Effect::Disk(DiskJob::Restore(object, offset, size)) => {
                out.within(5000, Happening::Restored(object, offset, size));
            }
            node::Effect::Disk(DiskJob::Delete(object)) => out.memory.delete(object),
            node::Effect::Stop => unreachable!("no driver here owns the cluster"),
        }
    }

    fn welcome(&self, out: &mut Outside, connection: u64, worker: WorkerId) {
        if let Some(driver) = driver_of(connection) {
            out.within(100, Happening::Welcomed { worker, driver });
            return;
        }
        let words = FromNode::Welcome {
            worker,
            session: String::new(),
            arena_bytes: self.arena_bytes,
            settings: self.settings.clone(),
            token: types::Payload::EMPTY,
            socket: String::new(),
        };
        out.say(End::Daemon, worker, ToWorker::Node(words));
    }

    fn fork(&mut self, out: &mut Outside, worker: WorkerId) {
        self.pids += 1;
        let pid = self.pids;
        if self.troubles.failing_forks > 0 {
            self.troubles.failing_forks -= 1;
            out.observed.causes.harm = true;
            out.within(2000, Happening::ForkFailed(worker));
            return;
        }
        let mut delay = Duration::from_micros(1000 + out.rng.below(3000));
        if self.troubles.late_forks > 0 {
            self.troubles.late_forks -= 1;
            delay += Duration::from_millis(300);
        }
        self.unborn.insert(worker, false);
        let forked = out.now + delay;
        out.at(forked, Happening::Born { worker, pid });
        let told = Duration::from_micros(out.rng.below(1000));
        out.at(forked + told, Happening::Forked { worker, pid });
    }
}

/// The connection over which a driver says hello.
pub(crate) const fn connection_of(driver: usize) -> u64 {
    driver as u64
}

fn driver_of(connection: u64) -> Option<usize> {
    (connection < 1000).then_some(connection as usize)
}

fn tell<E: std::fmt::Debug>(out: &mut Outside, told: Option<String>, effects: &[E]) {
    if let Some(told) = told {
        out.story.tell(out.now, "daemon", || format!("{told} -> {effects:?}"));
    }
}
