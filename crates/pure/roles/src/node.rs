//! The node daemon: what it has, who works on it, and where the bytes of objects are.
//!
//! Owns: the processes of one machine, their leases and its shared memory. Does not own: what a task is
//! (`worker`), or what the cluster knows (`head`).

pub mod events;

mod acting;
mod arriving;
mod bundling;
mod leasing;
mod process;
mod reaping;
mod storing;
mod surveying;
mod telling;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use objects::Index;
use scheduler::{CPU, Ledger, Pool, Queue, Site};
use types::limits::{WORKERS_MIN_CAP, WORKERS_PER_CPU_MAX};
use types::{ActorId, Amount, NodeId, NodeInfo, Resources, Settings, Timestamp, WorkerId};
use wire::to_node::NodeReport;
use wire::{HeadToNode, ToNode};

use crate::Role;
use acting::Unplaced;
pub use events::{Effect, Event};
pub use objects::DiskJob;
use process::Process;
use telling::Reports;

/// What a node is made from.
#[derive(Debug, Clone)]
pub struct NodeConfig {
    /// Its id.
    pub node: NodeId,
    /// What it offers.
    pub resources: Resources,
    /// What it is like, for strategies.
    pub labels: BTreeMap<String, String>,
    /// Its address, host name and the like, for people.
    pub facts: BTreeMap<String, String>,
    /// How many CPUs the machine really has.
    pub cpus: u32,
    /// The size of its shared memory.
    pub arena_bytes: u64,
    /// What is set for the cluster.
    pub settings: Settings,
}

/// The whole logic of a node daemon.
#[derive(Debug)]
pub struct Node {
    node: NodeId,
    now: Timestamp,
    /// What is wanted done since the last step.
    effects: Vec<Effect>,
    site: Site,
    ledger: Ledger,
    queue: Queue,
    pool: Pool,
    objects: Index,
    processes: BTreeMap<WorkerId, Process>,
    unplaced: BTreeMap<ActorId, Unplaced>,
    reports: Reports,
    /// Something did, so that demands may be met.
    changed: bool,
    /// When a demand ceases to hold back others.
    held_back_until: Option<Timestamp>,
    /// Processes of which only one of connection and process is gone, and since when.
    silent: BTreeSet<(Timestamp, WorkerId)>,
    /// How often in a row a process could not be started.
    failed_starts: u32,
    numbered: u32,
}

impl Node {
    /// A node without processes.
    #[must_use]
    pub fn new(config: NodeConfig) -> Self {
        let NodeConfig { node, resources, labels, facts, cpus, arena_bytes, settings } = config;
        let offered = resources.get(CPU).units().div_ceil(Amount::ONE.units());
        let offered = u32::try_from(offered).unwrap_or(u32::MAX);
        let cap = match u32::try_from(settings.workers_max).unwrap_or(u32::MAX) {
            0 => WORKERS_MIN_CAP.max(WORKERS_PER_CPU_MAX.saturating_mul(offered.max(cpus))),
            workers_max => workers_max,
        };
        let idle_life = Duration::from_millis(settings.idle_worker_life_ms);
        let pool = Pool::new(offered.min(cpus) as usize, offered as usize, cap as usize, idle_life);
        let joined = NodeInfo {
            node,
            alive: true,
            resources: resources.clone(),
            free: resources.clone(),
            labels: labels.clone(),
            facts,
        };
        Self {
            node,
            now: Timestamp::ZERO,
            effects: vec![Effect::ToHead(NodeReport::Joined(joined))],
            site: Site::new(node, labels),
            reports: Reports::default(),
            ledger: Ledger::new(resources),
            queue: Queue::default(),
            pool,
            objects: Index::new(arena_bytes, settings.spill_at_percent),
            processes: BTreeMap::new(),
            unplaced: BTreeMap::new(),
            changed: false,
            held_back_until: None,
            silent: BTreeSet::new(),
            failed_starts: 0,
            numbered: 0,
        }
    }

    /// Where the part of the arena begins that was never handed out.
    #[must_use]
    pub const fn frontier(&self) -> u64 {
        self.objects.frontier()
    }

    fn on_message(&mut self, from: WorkerId, message: ToNode) {
        match message {
            ToNode::Want { shape, spec, count, granted } => {
                self.want((from, shape), spec, (count, granted));
            }
            ToNode::Release(lease) => self.release(from, lease),
            ToNode::Blocked(lease) => self.set_waiting(from, lease, true),
            ToNode::Unblocked(lease) => self.set_waiting(from, lease, false),
            ToNode::Leaving { reason } => self.leaving(from, &reason),
            ToNode::Staying => self.pool.keep(self.now, from),
            ToNode::Unneeded => self.pool.on_unneeded(self.now, from),
            ToNode::Named(name) => self.named(from, name),
            ToNode::AskLines(request) => self.asked_for_lines(from, request),
            ToNode::Create { object, owner, size } => {
                self.create(from, object, owner, size);
            }
            ToNode::Seal(object) => self.objects.seal(from, object),
            ToNode::Discard(object) => self.objects.discard(from, object),
            ToNode::Pin(object) => self.objects.pin(from, object),
            ToNode::Unpin(object) => self.objects.unpin(from, object),
            ToNode::Free(all) => all.into_iter().for_each(|object| self.objects.free(object)),
            ToNode::FreeFrom(item) => self.objects.free_from(from, item),
            // A process says hello once, before it has an id.
            ToNode::Hello(_) => {}
        }
    }

    fn on_head(&mut self, message: HeadToNode) {
        match message {
            HeadToNode::StartActor { spec, dependencies, incarnation } => {
                self.start_actor(spec, dependencies, incarnation);
            }
            HeadToNode::EndActor { actor, reason } => self.end_actor(actor, &reason),
            HeadToNode::ActorMade(actor) => self.actor_made(actor),
            HeadToNode::PrepareBundles { group, bundles } => {
                self.prepare_bundles(group, &bundles);
            }
            HeadToNode::CommitBundles(group) => self.commit_bundles(group),
            HeadToNode::ReturnBundles(group) => self.return_bundles(group),
            HeadToNode::Survey(survey, subject) => self.survey(survey, subject),
            HeadToNode::EndJob(job) => self.end_job(job),
        }
    }

    /// What every event ends with: who can be served is, and what is due is told.
    fn conclude(&mut self) {
        self.pass_orders_on();
        self.serve_waiting();
        self.report();
    }
}

impl Role for Node {
    type Event = Event;
    type Effect = Effect;

    fn step(&mut self, now: Timestamp, event: Event, effects: &mut Vec<Effect>) {
        self.now = now;
        match event {
            Event::Arrived { connection, peer } => self.arrived(connection, peer),
            Event::Message(from, message) => self.on_message(from, message),
            Event::HungUp(process) => self.hung_up(process),
            Event::Head(message) => self.on_head(message),
            Event::JobStarted(driver, job) => self.job_started(driver, job),
            Event::Forked { worker, pid } => self.forked(worker, pid),
            Event::ForkFailed { worker, reason } => self.fork_failed(worker, &reason),
            Event::ProcessEnded { worker, exit, peak_memory_bytes } => {
                self.process_ended(worker, (exit, peak_memory_bytes));
            }
            Event::Wrote { worker, error, lines } => {
                self.wrote(worker, error, lines);
            }
            Event::DiskDone(object, result) => self.objects.on_disk_done(self.now, object, result),
        }
        self.conclude();
        effects.append(&mut self.effects);
    }

    fn next_deadline(&self) -> Option<Timestamp> {
        let joins = (!self.effects.is_empty()).then_some(Timestamp::ZERO);
        let deadlines = [
            joins,
            self.reports.due,
            self.pool.surplus().map(|(_, due)| due),
            self.objects.next_deadline(),
            self.held_back_until,
            self.next_silent_end(),
        ];
        deadlines.into_iter().flatten().min()
    }

    fn on_time(&mut self, now: Timestamp, effects: &mut Vec<Effect>) {
        self.now = now;
        self.spare_idle();
        self.end_silent();
        if self.held_back_until.is_some_and(|until| self.now >= until) {
            self.held_back_until = None;
            self.changed = true;
        }
        self.conclude();
        effects.append(&mut self.effects);
    }

    fn check(&self) {
        self.ledger.check(self.pool.holdings());
        self.queue.check(self.pool.promised());
        self.objects.check();
    }
}
