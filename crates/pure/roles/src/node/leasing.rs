//! An owner asks for workers, gets them, and gives them back.
//!
//! Owns: what follows from a demand and from free resources. Does not own: which demand is next
//! (`scheduler::Queue`), or actors (`acting`).

use std::sync::Arc;

use scheduler::{Bond, Claimant, Holding, Lease, Pot, Promise, Supply, Waiting, holds_back_until};
use types::{Failure, JobId, LeaseId, Resources, Shape, WorkerId};
use wire::to_node::NodeReport;
use wire::to_worker::FromNode;

use super::process::{Kind, Process};
use super::{Effect, Node};

/// Stands for the job of a driver that asks before the head has named it; jobs are counted from 1.
const NO_JOB: JobId = JobId(0);

/// What became of an attempt to serve a demand.
enum Attempt {
    Served,
    /// Its resources are not free.
    NoRoom,
    /// There are as many processes as there may be.
    NoProcess,
}

impl Node {
    pub(super) fn want(
        &mut self,
        (owner, number): (WorkerId, u32),
        spec: Option<Arc<Shape>>,
        said: (u32, u64),
    ) {
        let job = self.job_of(owner).unwrap_or(NO_JOB);
        let claimant = Claimant::Lease { owner, shape: number };
        if !self.queue.want(self.now, claimant, (spec, job), said) {
            let sentence = format!("{owner} asked for leases of a shape it never described");
            self.refuse(claimant, Failure::Unschedulable(sentence));
        }
        while self.queue.has_surplus(claimant) {
            self.withdraw_promise(claimant);
        }
        self.admit(claimant);
    }

    /// Lets a demand wait, unless it would do so for ever.
    pub(super) fn admit(&mut self, claimant: Claimant) {
        let Some(demand) = self.queue.demand(claimant) else {
            return;
        };
        self.changed = true;
        let Shape { strategy, resources, .. } = &*demand.shape;
        let possible = self.site.admits(strategy);
        let possible = possible.and_then(|()| self.ledger.could_ever(strategy, resources));
        if let Err(failure) = possible
            && self.queue.waits(claimant)
        {
            self.refuse(claimant, failure);
        }
    }

    /// Tells a claimant that its demand will not be met.
    pub(super) fn refuse(&mut self, claimant: Claimant, failure: Failure) {
        while self.withdraw_promise(claimant) {}
        self.queue.refuse(self.now, claimant);
        let failure = Arc::new(failure);
        match claimant {
            Claimant::Lease { owner, shape } => {
                let refused = FromNode::Refused { shape, failure };
                self.effects.push(Effect::ToWorker(owner, refused));
            }
            Claimant::Actor(actor) => {
                self.unplaced.remove(&actor);
                self.effects.push(Effect::ToHead(NodeReport::ActorNotPlaced(actor, failure)));
            }
        }
    }

    pub(super) fn release(&mut self, from: WorkerId, id: LeaseId) {
        if self.pool.leases().any(|(lease, _, of)| lease == id && of.owner == from) {
            self.end_lease(id);
        }
    }

    pub(super) fn end_lease(&mut self, id: LeaseId) {
        if let Some(lease) = self.pool.end_lease(self.now, id) {
            self.give_back(lease.holding);
        }
    }

    pub(super) fn give_back(&mut self, holding: Holding) {
        self.changed = true;
        self.ledger.give_back(holding);
    }

    /// The task on a lease waits, so that others may have its CPUs, or goes on and has them again.
    pub(super) fn set_waiting(&mut self, worker: WorkerId, id: LeaseId, waits: bool) {
        let Some(lease) = self.pool.lease_mut(worker, id) else {
            return;
        };
        self.changed = true;
        if waits {
            self.ledger.lend(&mut lease.holding);
        } else {
            self.ledger.end_lending(&mut lease.holding);
        }
    }

    /// Why each demand waits that does, in words.
    #[must_use]
    pub fn explain(&self) -> Vec<String> {
        let shapes = self.queue.waiting().map(|demand| &demand.shape);
        shapes.map(|shape| self.ledger.explain(&shape.strategy, &shape.resources)).collect()
    }

    /// The job that a process works for.
    pub(super) fn job_of(&self, worker: WorkerId) -> Option<JobId> {
        match self.processes.get(&worker)?.kind {
            Kind::Worker => self.pool.job_of(worker),
            Kind::Driver { job, .. } => job,
        }
    }

    /// The driver of a job.
    pub(super) fn driver_of(&self, job: JobId) -> Option<WorkerId> {
        let is_driver = |process: &Process| matches!(process.kind, Kind::Driver { job: own, .. } if own == Some(job));
        self.processes.iter().find(|(_, process)| is_driver(process)).map(|(id, _)| *id)
    }

    /// A process keeps a promise.
    pub(super) fn keep(&mut self, worker: WorkerId, promise: Promise) {
        self.queue.keep(self.now, promise.claimant);
        self.employ(worker, promise);
    }

    /// Gives a process its work.
    fn employ(&mut self, worker: WorkerId, promise: Promise) {
        let Promise { claimant, job, holding } = promise;
        match claimant {
            Claimant::Lease { owner, shape: number } => {
                let assignment = holding.assignment().clone();
                let (bond, lease) = (Bond::new(job, &holding), Lease::new(owner, number, holding));
                let lease = self.pool.lend(worker, bond, lease);
                let leased = FromNode::Leased { shape: number, lease, worker, assignment };
                self.effects.push(Effect::ToWorker(owner, leased));
            }
            Claimant::Actor(actor) => self.place_actor(actor, worker, holding),
        }
    }

    /// Takes back the newest promise to a claimant. False if there is none.
    pub(super) fn withdraw_promise(&mut self, claimant: Claimant) -> bool {
        let Some(promise) = self.pool.withdraw(claimant) else {
            return false;
        };
        self.queue.withdraw(self.now, claimant);
        self.give_back(promise.holding);
        true
    }

    /// Serves those who wait in turn, if anything changed. If one does not fit, none of its shape does; if one lacks no
    /// more than a process, none of its shape and job has one, and those of another job may.
    pub(super) fn serve_waiting(&mut self) {
        if !(self.pool.take_changed() | std::mem::take(&mut self.changed)) {
            return;
        }
        while let Some((worker, promise)) = self.pool.keep_early() {
            self.keep(worker, promise);
        }
        let mut after = None;
        let mut failed: Vec<(Arc<Shape>, Option<JobId>)> = Vec::new();
        let mut held_back: Vec<Arc<Shape>> = Vec::new();
        while let Some(waiting) = self.queue.next(after, |shape, job| {
            let fails = |(other, only): &(Arc<Shape>, Option<JobId>)| {
                only.is_none_or(|only| only == job) && **other == *shape
            };
            !failed.iter().any(fails) && !held_back.iter().any(|other| share(other, shape))
        }) {
            after = Some(waiting.turn);
            match self.serve(&waiting) {
                Attempt::Served => {}
                Attempt::NoRoom => {
                    self.reclaim(&waiting, &waiting.shape.resources);
                    let holds_back = self.holds_back(&waiting);
                    held_back.extend(holds_back.then(|| Arc::clone(&waiting.shape)));
                    failed.push((waiting.shape, None));
                }
                Attempt::NoProcess => {
                    self.reclaim(&waiting, &Resources::default());
                    failed.push((waiting.shape, Some(waiting.job)));
                }
            }
        }
    }

    fn serve(&mut self, waiting: &Waiting) -> Attempt {
        let Waiting { claimant, shape, job, .. } = waiting;
        let is_actor = matches!(claimant, Claimant::Actor(_));
        let Some(holding) = self.ledger.take(&shape.strategy, &shape.resources, is_actor) else {
            return Attempt::NoRoom;
        };
        let promise = Promise { claimant: *claimant, job: *job, holding };
        let bond = promise.bond();
        let starting = match self.pool.supply(&shape.environment, bond.as_ref()) {
            Supply::Ready(worker) => {
                self.queue.grant(self.now, *claimant);
                self.employ(worker, promise);
                return Attempt::Served;
            }
            Supply::Starting(worker) => worker,
            Supply::Startable => {
                if let Some(bond) = &bond {
                    self.pool.assert_startable(&shape.environment, bond);
                }
                self.fork(&shape.environment)
            }
            Supply::Capped(spare) => {
                self.ledger.give_back(promise.holding);
                spare.into_iter().for_each(|spare| self.spare(spare));
                return Attempt::NoProcess;
            }
        };
        self.queue.promise(self.now, *claimant);
        self.pool.promise(starting, promise);
        Attempt::Served
    }

    /// Asks those who have more than the one who waits to give back what would help.
    fn reclaim(&mut self, waiting: &Waiting, amounts: &Resources) {
        let pot = Pot::of(&waiting.shape.strategy);
        let asked = self.pool.reclaim(pot, waiting.claimant, waiting.count, amounts);
        let tell = |(owner, lease)| Effect::ToWorker(owner, FromNode::Reclaim(lease));
        self.effects.extend(asked.into_iter().map(tell));
    }

    /// Whether a demand that does not fit shall have what the next ones could take.
    fn holds_back(&mut self, waiting: &Waiting) -> bool {
        let Some(until) = holds_back_until(waiting.since, self.now) else {
            return false;
        };
        if !self.ledger.will_fit(&waiting.shape.strategy, &waiting.shape.resources) {
            return false;
        }
        let earlier = self.held_back_until.filter(|earlier| *earlier < until);
        self.held_back_until = earlier.or(Some(until));
        true
    }
}

/// Whether two demands need some resource both, from the same stock.
fn share(one: &Shape, other: &Shape) -> bool {
    let mut names = one.resources.iter().map(|(name, _)| name);
    Pot::of(&one.strategy) == Pot::of(&other.strategy)
        && names.any(|name| other.resources.iter().any(|(other, _)| other == name))
}
