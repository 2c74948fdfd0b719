//! An owner asks for workers, gets them, and gives them back.
//!
//! Owns: what follows from a demand and from free resources. Does not own: which demand is next
//! (`scheduler::Queue`), or actors (`acting`).

use std::sync::Arc;

use scheduler::explain::why_it_waits;
use scheduler::{
    Asked, Claimant, EnvironmentId, Holding, Ledger, Pot, Promise, Supply, Waiting, Work,
    holds_back_until,
};
use types::{Failure, JobId, LeaseId, Resources, Shape, Timestamp, WorkerId};
use wire::to_worker::FromNode;

use super::acting::Actor;
use super::process::Kind;
use super::{Effect, Effects, Node};

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
        now: Timestamp,
        (owner, number): (WorkerId, u32),
        spec: Option<Arc<Shape>>,
        (count, granted): (u32, u64),
        effects: &mut Effects,
    ) {
        let job = self.job_of(owner).unwrap_or(NO_JOB);
        let claimant = Claimant::Lease { owner, shape: number };
        match self.queue.want(now, claimant, (spec, job), count, granted) {
            Asked::UnknownShape => {
                let sentence = format!("{owner} asked for leases of a shape it never described");
                let failure = Arc::new(Failure::Unschedulable(sentence));
                let refused = FromNode::Refused { shape: number, failure };
                effects.push(Effect::ToWorker(owner, refused));
            }
            Asked::Surplus(surplus) => {
                for _ in 0..surplus {
                    self.withdraw_promise(now, claimant);
                }
            }
            Asked::Waits => self.admit(now, claimant, effects),
        }
    }

    /// Lets a demand wait, unless it would do so for ever.
    pub(super) fn admit(&mut self, now: Timestamp, claimant: Claimant, effects: &mut Effects) {
        let Some(shape) = self.queue.shape_of(claimant) else {
            return;
        };
        let pot = Pot::of(&shape.strategy);
        if self.queue.waiting(claimant) == 0 {
            // It may have been the one that lacked a process.
            self.touched.extend(self.capped.take(&pot));
            return;
        }
        let possible = self
            .site
            .admits(&shape.strategy)
            .and_then(|()| self.ledger.could_ever(&shape.strategy, &shape.resources));
        match possible {
            Ok(()) => {
                self.touched.insert(pot);
            }
            Err(refusal) => self.refuse(now, claimant, refusal.into_failure(), effects),
        }
    }

    /// Tells a claimant that its demand will not be met.
    pub(super) fn refuse(
        &mut self,
        now: Timestamp,
        claimant: Claimant,
        failure: Failure,
        effects: &mut Effects,
    ) {
        while self.withdraw_promise(now, claimant) {}
        self.queue.on_refused(now, claimant);
        let failure = Arc::new(failure);
        match claimant {
            Claimant::Lease { owner, shape } => {
                let refused = FromNode::Refused { shape, failure };
                effects.push(Effect::ToWorker(owner, refused));
            }
            Claimant::Actor(actor) => self.actor_refused(actor, failure, effects),
        }
    }

    pub(super) fn release(
        &mut self,
        now: Timestamp,
        from: WorkerId,
        id: LeaseId,
        effects: &mut Effects,
    ) {
        if self.leases.get(id).is_some_and(|lease| lease.owner == from) {
            let worker = self.end_lease(id);
            match worker.filter(|worker| !self.is_ending(*worker)) {
                Some(worker) => self.worker_ready(now, worker, effects),
                None => worker.into_iter().for_each(|worker| self.pool.on_ending(worker)),
            }
        }
    }

    /// Ends a lease, whose worker has no work then.
    pub(super) fn end_lease(&mut self, id: LeaseId) -> Option<WorkerId> {
        let lease = self.leases.end(id)?;
        self.forget_blocked(lease.worker);
        self.give_back(lease.holding);
        Some(lease.worker)
    }

    pub(super) fn give_back(&mut self, holding: Holding) {
        // A removed group gives its last bundle back to the node.
        self.touched.insert(holding.pot());
        self.touched.insert(Pot::Node);
        self.ledger.give_back(holding);
    }

    /// The worker waits: others may have its CPUs.
    pub(super) fn blocked(&mut self, worker: WorkerId) {
        let Some(work) = self.pool.work(worker) else {
            return;
        };
        if !matches!(work, Work::Leased(_) | Work::Actor(_)) || !self.pool.set_blocked(worker, true)
        {
            return;
        }
        if let Work::Leased(lease) = work {
            self.leases.set_blocked(lease, true);
        }
        self.change_holding(work, |ledger, holding| {
            ledger.lend(holding);
        });
    }

    /// The worker goes on, and has its CPUs again.
    pub(super) fn unblocked(&mut self, worker: WorkerId) {
        let Some(work) = self.pool.work(worker) else {
            return;
        };
        if !self.forget_blocked(worker) {
            return;
        }
        if let Work::Leased(lease) = work {
            self.leases.set_blocked(lease, false);
        }
        self.change_holding(work, |ledger, holding| ledger.end_lending(holding));
    }

    fn change_holding(&mut self, work: Work, change: impl FnOnce(&mut Ledger, &mut Holding)) {
        let holding = match work {
            Work::Leased(lease) => self.leases.holding(lease),
            Work::Actor(actor) => self.actors.get_mut(&actor).and_then(Actor::holding_mut),
            Work::Starting | Work::Idle(_) | Work::Asked | Work::Ending => None,
        };
        if let Some(holding) = holding {
            self.touched.insert(holding.pot());
            change(&mut self.ledger, holding);
        }
    }

    /// Serves all whom what changed allows to serve.
    pub(super) fn serve_waiting(&mut self, now: Timestamp, effects: &mut Effects) {
        while let Some(pot) = self.touched.pop_first() {
            self.serve_pot(now, pot, effects);
        }
        self.tell_capped(effects);
    }

    /// Why each demand waits that does, in words.
    #[must_use]
    pub fn explain(&self) -> Vec<String> {
        let waiting = self.queue.pots().flat_map(|pot| self.queue.waiting_in(pot));
        let shapes = waiting.filter_map(|claimant| self.queue.shape_of(claimant));
        shapes.map(|shape| self.explain_one(&shape)).collect()
    }

    fn explain_one(&self, shape: &Shape) -> String {
        let free = self.ledger.free_for(&shape.strategy);
        let capped = self.capped.contains(&Pot::of(&shape.strategy));
        why_it_waits(&shape.resources, &free, self.ledger.total(), capped)
    }

    /// The job that a process works for.
    pub(super) fn job_of(&self, worker: WorkerId) -> Option<JobId> {
        match self.processes.get(&worker)?.kind {
            Kind::Worker => self.pool.job_of(worker),
            Kind::Driver { job, .. } => job,
        }
    }

    /// Gives a process its work.
    pub(super) fn employ(
        &mut self,
        worker: WorkerId,
        (claimant, shape, job): (Claimant, &Arc<Shape>, JobId),
        holding: Holding,
        effects: &mut Effects,
    ) {
        match claimant {
            Claimant::Lease { owner, shape: number } => {
                let assignment = holding.assignment().clone();
                let lease = self.leases.grant((owner, number), Arc::clone(shape), worker, holding);
                self.pool.assign(worker, job, Work::Leased(lease));
                let leased = FromNode::Leased { shape: number, lease, worker, assignment };
                effects.push(Effect::ToWorker(owner, leased));
            }
            Claimant::Actor(actor) => {
                self.pool.assign(worker, job, Work::Actor(actor));
                self.place_actor(actor, worker, holding, effects);
            }
        }
    }

    /// Takes back the newest promise to a claimant. False if there is none.
    pub(super) fn withdraw_promise(&mut self, now: Timestamp, claimant: Claimant) -> bool {
        let Some(shape) = self.queue.shape_of(claimant) else {
            return false;
        };
        let Some(job) = self.queue.job_of(claimant) else {
            return false;
        };
        let environment = self.pool.environment(&shape.environment);
        let line = line_of(environment, claimant, job);
        let Some(promise) = self.promises.withdraw(line, claimant) else {
            return false;
        };
        let Promise { holding, .. } = promise;
        self.give_back(holding);
        self.queue.on_withdrawn(now, claimant);
        true
    }

    fn serve_pot(&mut self, now: Timestamp, pot: Pot, effects: &mut Effects) {
        self.capped.remove(&pot);
        let mut after = None;
        let mut held_back: Vec<Arc<Shape>> = Vec::new();
        while let Some(waiting) = self.queue.next(pot, after) {
            after = Some(waiting.turn);
            if held_back.iter().any(|shape| share(&shape.resources, &waiting.shape.resources)) {
                continue;
            }
            match self.serve(now, &waiting, effects) {
                Attempt::Served => {}
                Attempt::NoRoom => {
                    self.reclaim(pot, &waiting, &waiting.shape.resources, effects);
                    let holds_back = self.holds_back(now, &waiting);
                    held_back.extend(holds_back.then_some(waiting.shape));
                }
                Attempt::NoProcess => {
                    self.capped.insert(pot);
                    self.reclaim(pot, &waiting, &Resources::default(), effects);
                }
            }
        }
    }

    fn serve(&mut self, now: Timestamp, waiting: &Waiting, effects: &mut Effects) -> Attempt {
        let Waiting { claimant, shape, job, .. } = waiting;
        let lasting = matches!(claimant, Claimant::Actor(_));
        let Some(holding) = self.ledger.take(&shape.strategy, &shape.resources, lasting) else {
            return Attempt::NoRoom;
        };
        let environment = self.pool.environment(&shape.environment);
        match self.supply(environment, *claimant, *job) {
            Supply::Ready(worker) => {
                self.queue.on_granted(now, *claimant);
                self.employ(worker, (*claimant, shape, *job), holding, effects);
                return Attempt::Served;
            }
            Supply::Starting => {}
            Supply::Startable => {
                self.pool.assert_startable(self.promises.actors() + usize::from(lasting));
                self.fork(environment, effects);
            }
            Supply::Capped(spare) => {
                self.ledger.give_back(holding);
                if let Some(worker) = spare {
                    self.spare(worker, effects);
                }
                return Attempt::NoProcess;
            }
        }
        self.promises.add(line_of(environment, *claimant, *job), waiting, holding);
        self.queue.on_promised(now, *claimant);
        Attempt::Served
    }

    fn supply(&self, environment: EnvironmentId, claimant: Claimant, job: JobId) -> Supply {
        let promised = self.promises.count(environment);
        match claimant {
            Claimant::Actor(_) => self.pool.supply_fresh(environment, promised),
            Claimant::Lease { .. } => {
                self.pool.supply(environment, job, promised, self.promises.actors())
            }
        }
    }

    /// Asks those who have more than the one who waits to give back what would help.
    fn reclaim(&mut self, pot: Pot, waiting: &Waiting, amounts: &Resources, effects: &mut Effects) {
        let asked = self.leases.reclaim(pot, waiting.claimant, waiting.count, amounts);
        effects.extend(
            asked
                .into_iter()
                .map(|(owner, lease)| Effect::ToWorker(owner, FromNode::Reclaim(lease))),
        );
    }

    /// Whether a demand that does not fit shall have what the next ones could take.
    fn holds_back(&mut self, now: Timestamp, waiting: &Waiting) -> bool {
        let Some(until) = holds_back_until(waiting.since, now) else {
            return false;
        };
        if !self.ledger.will_fit(&waiting.shape.strategy, &waiting.shape.resources) {
            return false;
        }
        let earlier = self.held_back_until.filter(|earlier| *earlier < until);
        self.held_back_until = earlier.or(Some(until));
        true
    }

    fn tell_capped(&mut self, effects: &mut Effects) {
        let capped = !self.capped.is_empty();
        if capped && self.told_capped.len() < self.pool.blocked().len() {
            let untold = self.pool.blocked().filter(|worker| !self.told_capped.contains(worker));
            for worker in untold.collect::<Vec<_>>() {
                self.told_capped.insert(worker);
                effects.push(Effect::ToWorker(worker, FromNode::Capped(true)));
            }
        }
        while !capped && let Some(worker) = self.told_capped.pop_first() {
            effects.push(Effect::ToWorker(worker, FromNode::Capped(false)));
        }
    }

    /// False if the worker was not blocked.
    pub(super) fn forget_blocked(&mut self, worker: WorkerId) -> bool {
        self.told_capped.remove(&worker);
        self.pool.set_blocked(worker, false)
    }
}

/// The line of promises in which a claimant waits: actors take fresh processes only, whatever the job.
fn line_of(
    environment: EnvironmentId,
    claimant: Claimant,
    job: JobId,
) -> (EnvironmentId, Option<JobId>) {
    (environment, matches!(claimant, Claimant::Lease { .. }).then_some(job))
}

/// Whether two demands need some resource both.
fn share(one: &Resources, other: &Resources) -> bool {
    one.iter().any(|(name, _)| other.iter().any(|(other, _)| other == name))
}
