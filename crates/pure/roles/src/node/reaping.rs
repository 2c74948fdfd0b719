//! What a dead process leaves behind, and who is told of its end.
//!
//! Owns: the end of processes, in one order: what it wrote, its work, what it owned, everybody who may know it.
//! Does not own: what others make of that (`worker`, `head`).

use std::time::Duration;

use scheduler::{Lease, Placed, Promise, Work};
use types::{Death, Exit, Failure, JobId, Timestamp, WorkerId};
use wire::to_node::NodeReport;
use wire::to_worker::FromNode;

use super::process::{Kind, Link, Process};
use super::{Effect, Node};

/// A process that hung up may take so long to end; its exit says more than a kill would.
const SILENT_LIFE: Duration = Duration::from_secs(1);
/// After so many processes in a row that did not start, it is no accident.
const FAILED_STARTS_MAX: u32 = 3;

impl Node {
    pub(super) fn hung_up(&mut self, id: WorkerId) {
        let Some(process) = self.processes.get_mut(&id) else {
            return;
        };
        process.link = Link::Down;
        if let Kind::Driver { owns_cluster: true, .. } = process.kind {
            self.effects.push(Effect::Stop);
        }
        self.pool.on_ending(id);
        for claimant in self.queue.of_owner(id) {
            while self.withdraw_promise(claimant) {}
            self.queue.forget(claimant);
        }
        self.bury_if_over(id);
    }

    pub(super) fn process_ended(&mut self, id: WorkerId, (exit, peak_memory_bytes): (Exit, u64)) {
        let Some(process) = self.processes.get_mut(&id) else {
            return;
        };
        process.exit = Some((exit, peak_memory_bytes));
        self.bury_if_over(id);
        self.pool.on_ending(id);
    }

    pub(super) fn fork_failed(&mut self, id: WorkerId, reason: &str) {
        self.processes.remove(&id);
        if let Some((Work::Starting(promise), environment)) = self.pool.on_gone(id) {
            self.start_failed(promise, &environment, reason);
        }
    }

    /// Ends those that hung up and did not end, and no longer waits for those that ended and did not hang up: a
    /// child of theirs may hold the connection open.
    pub(super) fn end_silent(&mut self) {
        while self.next_silent_end().is_some_and(|end| end <= self.now)
            && let Some((_, id)) = self.silent.pop_first()
        {
            match self.processes.get(&id).is_some_and(|process| process.exit.is_some()) {
                true => self.hung_up(id),
                false => self.kill(id, "it hung up and did not end"),
            }
        }
    }

    pub(super) fn next_silent_end(&self) -> Option<Timestamp> {
        self.silent.first().map(|(since, _)| *since + SILENT_LIFE)
    }

    /// Ends the processes of a job, but for actors that outlive it.
    pub(super) fn end_job(&mut self, job: JobId) {
        let reason = format!("{job} ended");
        for actor in self.unplaced_of(job) {
            self.end_actor(actor, &reason);
        }
        for worker in self.pool.of_job(job) {
            let work = self.pool.work(worker);
            if !matches!(work, Some(Work::Actor(placed)) if placed.detached) {
                self.kill(worker, &reason);
            }
        }
    }

    /// Nothing more will be heard of a process: ends what depended on it.
    fn bury_if_over(&mut self, id: WorkerId) {
        if !self.processes.get(&id).is_some_and(Process::is_over) {
            self.silent.insert((self.now, id));
            return;
        }
        self.forget_lines_for(id);
        self.tell_lines();
        let Some(process) = self.processes.remove(&id) else {
            return;
        };
        self.silent.retain(|(_, silent)| *silent != id);
        let death = process.into_death(id);
        self.end_work(&death);
        self.end_owned(id);
        self.tell_everybody(death);
    }

    /// Ends the work of a dead process and tells those it was for.
    fn end_work(&mut self, death: &Death) {
        let id = death.worker;
        match self.pool.on_gone(id) {
            Some((Work::Leased(leases), _)) => {
                for (lease, Lease { owner, holding, .. }) in leases {
                    self.give_back(holding);
                    let ended = FromNode::LeaseEnded { lease, death: death.clone() };
                    self.effects.push(Effect::ToWorker(owner, ended));
                }
            }
            Some((Work::Actor(Placed { actor, holding, .. }), _)) => {
                self.give_back(holding);
                self.effects.push(Effect::ToHead(NodeReport::ActorEnded(actor, death.clone())));
            }
            Some((Work::Starting(promise), environment)) => {
                self.start_failed(promise, &environment, &death.to_string());
            }
            Some((Work::Idle(_) | Work::Asked | Work::Ending, _)) | None => {}
        }
    }

    /// Ends what worked for a dead process, and what it owned.
    fn end_owned(&mut self, owner: WorkerId) {
        let leases = self.pool.leases().filter(|(_, _, lease)| lease.owner == owner);
        let leases: Vec<_> = leases.map(|(lease, worker, _)| (lease, worker)).collect();
        for (lease, worker) in leases {
            self.kill(worker, &format!("the owner of its task, {owner}, ended"));
            self.end_lease(lease);
        }
        self.objects.on_process_ended(owner);
    }

    fn tell_everybody(&mut self, death: Death) {
        for (id, process) in &self.processes {
            if process.link == Link::Up {
                self.effects.push(Effect::ToWorker(*id, FromNode::PeerEnded(death.clone())));
            }
        }
        self.effects.push(Effect::ToHead(NodeReport::WorkerGone(death)));
    }

    /// A process did not start: who has a promise of it waits for another, or if that is of no use is refused.
    fn start_failed(&mut self, promise: Option<Promise>, environment: &str, reason: &str) {
        self.failed_starts += 1;
        let Some(Promise { claimant, holding, .. }) = promise else {
            return;
        };
        self.queue.withdraw(self.now, claimant);
        self.give_back(holding);
        if !environment.is_empty() {
            self.refuse(claimant, Failure::EnvironmentFailed(reason.to_owned()));
        } else if self.failed_starts >= FAILED_STARTS_MAX {
            let sentence = format!("no worker process could be started: {reason}");
            self.refuse(claimant, Failure::Unschedulable(sentence));
        }
    }
}
