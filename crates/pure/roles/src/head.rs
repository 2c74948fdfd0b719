//! The head: what the cluster knows about itself, and who is told.
//!
//! Owns: which machine hears of which event, and in which order the effects follow. Does not own: any decision
//! (`control`). `docs/machines/control.md` has the states and the rules.
//!
//! - `membership`: nodes, drivers and other processes come and go, and what ends with them
//! - `placement`: actors and groups find their nodes
//! - `queries`: answers to those who only ask

pub mod events;
mod membership;
mod placement;
mod queries;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use control::{Actors, Functions, Groups, Jobs, Keeper, Nodes, Surveys, Table};
use types::limits::TABLE_BYTES_MAX;
use types::{JobInfo, NodeId, Settings, Timestamp, WorkerId};
use wire::ToHead;
use wire::to_node::NodeReport;

use crate::Role;
pub use events::{Effect, Event};

/// The whole logic of the head.
#[derive(Debug)]
pub struct Head {
    /// What this step wants done.
    effects: Vec<Effect>,
    /// Those that spoke and are there, as far as their nodes have said.
    processes: BTreeSet<WorkerId>,
    nodes: Nodes,
    jobs: Jobs,
    actors: Actors,
    groups: Groups,
    functions: Functions,
    table: Table,
    surveys: Surveys,
}

impl Head {
    /// The head of a cluster that has no node yet.
    #[must_use]
    pub fn new(settings: &Settings) -> Self {
        let gone_max = usize::try_from(settings.gone_remembered_max).unwrap_or(usize::MAX);
        Self {
            effects: Vec::new(),
            processes: BTreeSet::new(),
            nodes: Nodes::new(gone_max),
            jobs: Jobs::new(gone_max),
            actors: Actors::new(gone_max),
            groups: Groups::new(gone_max),
            functions: Functions::default(),
            table: Table::new(TABLE_BYTES_MAX),
            surveys: Surveys::new(gone_max),
        }
    }

    fn heard(&mut self, from: WorkerId, message: ToHead) {
        self.processes.insert(from);
        match message {
            ToHead::StartJob { pid, namespace, entrypoint } => {
                let (job, driver, running) = (self.jobs.number(from), from, true);
                self.start_job(JobInfo { job, driver, pid, namespace, entrypoint, running });
            }
            ToHead::PutFunction { job, function, pickle } => {
                self.put_function(job, function, pickle);
            }
            ToHead::CreateActor { request, spec, get_if_exists } => {
                self.create_actor((from, request), spec, get_if_exists);
            }
            ToHead::ActorReady { actor, dependencies } => {
                let fate = self.actors.on_ready(actor, dependencies);
                self.meet(actor, fate);
            }
            ToHead::ActorHopeless(actor, failure) => self.actor_hopeless(actor, failure),
            ToHead::ActorMade(actor) => self.actor_made(actor, from),
            ToHead::ActorNotMade(actor, failure) => {
                self.actor_not_made(actor, from, failure);
            }
            ToHead::ActorLeaves(actor) => self.actors.on_leaves(actor, from),
            ToHead::WatchActor(actor) => self.watch_actor(actor, from),
            ToHead::KillActor { actor, for_good } => {
                let fate = self.actors.kill(actor, for_good);
                self.meet(actor, fate);
            }
            ToHead::ActorUnreachable(actor) => {
                let fate = self.actors.on_unreachable(actor);
                self.meet(actor, fate);
            }
            ToHead::CreateGroup(spec) => self.create_group(spec),
            ToHead::RemoveGroup(group) => self.remove_group(group),
            ToHead::WatchGroup(group) => self.watch_group(group, from),
            ToHead::Ask { request, question } => self.answer((from, request), question),
            ToHead::Account(survey, account) => self.surveys.on_account(survey, from, account),
        }
    }

    fn reported(&mut self, node: NodeId, report: NodeReport) {
        match report {
            NodeReport::Joined(info) => self.node_joined(info),
            NodeReport::Free(free) => {
                if self.nodes.on_free(node, &free) {
                    self.try_waiting_groups();
                }
            }
            NodeReport::ActorPlaced(actor, worker) => self.actors.on_placed(actor, node, worker),
            NodeReport::ActorNotPlaced(actor, failure) => {
                self.actor_not_placed(actor, node, failure);
            }
            NodeReport::ActorEnded(actor, death) => self.actor_ended(actor, node, death),
            NodeReport::BundlesPrepared(group, ok) => {
                self.bundles_prepared(group, node, ok);
            }
            NodeReport::Processes(survey, processes) => {
                self.surveys.on_processes(survey, node, processes);
            }
            NodeReport::WorkerGone(death) => {
                let worker = death.worker;
                self.surveys.on_death(death);
                self.worker_gone(worker);
            }
        }
    }
}

impl Role for Head {
    type Event = Event;
    type Effect = Effect;

    fn step(&mut self, _now: Timestamp, event: Event, effects: &mut Vec<Effect>) {
        match event {
            Event::Worker(from, message) => self.heard(from, message),
            Event::Node(node, report) => self.reported(node, report),
            Event::NodeLost(node) => self.node_lost(node),
        }
        self.answer_surveys();
        effects.append(&mut self.effects);
    }

    fn next_deadline(&self) -> Option<Timestamp> {
        None
    }

    fn on_time(&mut self, _now: Timestamp, _effects: &mut Vec<Effect>) {}

    fn check(&self) {
        self.nodes.check();
        self.jobs.check();
        self.actors.check();
        self.groups.check();
        self.functions.check();
        self.table.check();
        for (actor, node) in self.actors.nodes() {
            assert!(self.nodes.contains(node), "CTL-2: {actor} is on {node}, which is not there");
        }
        for node in self.nodes.iter() {
            let (held, reserved) = (self.groups.reserved(node), self.nodes.reserved(node));
            assert_eq!(Some(&held), reserved, "CTL-5: the reservations of {node} are wrong");
        }
        for (actor, creator) in self.actors.bound_to_creators() {
            let outlived = self.jobs.ended_with(actor.job(), creator);
            assert!(!outlived, "CTL-10: {actor} outlives its creator, {creator}");
        }
        for (group, keeper) in self.groups.keepers() {
            let outlived = match keeper {
                Keeper::Process(worker) => self.jobs.ended_with(group.job(), worker),
                Keeper::Actor(actor) => self.actors.spec(actor).is_none(),
            };
            assert!(!outlived, "CTL-10: {group} outlives its keeper, {keeper:?}");
        }
    }
}
