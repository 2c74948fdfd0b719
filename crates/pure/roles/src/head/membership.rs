//! Nodes, drivers and other processes come and go, and what ends with them.
//!
//! Owns: the order of what follows. Does not own: how an actor or group ends (`placement`).

use std::sync::Arc;

use types::failure::ActorEnd;
use types::{Failure, FunctionId, JobId, JobInfo, NodeId, NodeInfo, Payload, WorkerId};
use wire::{Answer, FromHead, HeadToNode};

use super::{Effect, Head};

impl Head {
    pub(super) fn start_job(&mut self, info: JobInfo) {
        let (job, driver) = (info.job, info.driver);
        self.jobs.start(info);
        // The node hears first, so that it knows the job when the driver asks for workers.
        self.effects.push(Effect::JobStarted(driver, job));
        self.effects.push(Effect::ToWorker(driver, FromHead::JobStarted(job)));
    }

    pub(super) fn node_joined(&mut self, info: NodeInfo) {
        if self.nodes.contains(info.node) {
            return;
        }
        self.nodes.on_joined(info);
        self.try_waiting_groups();
        self.place_wanting(None);
    }

    pub(super) fn node_lost(&mut self, node: NodeId) {
        if !self.nodes.on_lost(node) {
            return;
        }
        self.surveys.on_node_lost(node);
        self.groups_lost_node(node);
        let fates = self.actors.on_node_lost(node);
        let there = self.processes.iter().filter(|process| process.node == node);
        for process in there.copied().collect::<Vec<_>>() {
            self.worker_gone(process);
        }
        for (actor, fate) in fates {
            self.meet(actor, fate);
        }
        self.try_waiting_groups();
    }

    pub(super) fn worker_gone(&mut self, worker: WorkerId) {
        self.processes.remove(&worker);
        self.functions.on_worker_gone(worker);
        self.surveys.on_worker_gone(worker);
        let job = self.jobs.on_worker_gone(worker);
        // Forgotten as a watcher before anything is published.
        let groups = self.groups.on_worker_gone(worker);
        for (actor, creator) in self.actors.on_worker_gone(worker, job) {
            self.bury(actor, ActorEnd::CreatorEnded(creator));
        }
        for group in groups {
            self.remove_group(group);
        }
        if let Some(job) = job {
            self.clear_functions_unless_live(job);
            self.surveys.on_job_ended(job);
            let end_job = |node| Effect::ToNode(node, HeadToNode::EndJob(job));
            self.effects.extend(self.nodes.iter().map(end_job));
        }
    }

    pub(super) fn put_function(&mut self, job: JobId, function: FunctionId, pickle: Payload) {
        if !self.is_live(job) {
            return;
        }
        for (asker, request) in self.functions.put(job, function, pickle.clone()) {
            self.reply((asker, request), Answer::Bytes(pickle.clone()));
        }
    }

    /// Whether the job runs, or an actor of it outlived its driver.
    pub(super) fn is_live(&self, job: JobId) -> bool {
        self.jobs.is_running(job) || self.actors.any_of(job)
    }

    /// Forgets a job's functions once nobody can need them.
    pub(super) fn clear_functions_unless_live(&mut self, job: JobId) {
        if self.is_live(job) {
            return;
        }
        for asker in self.functions.clear(job) {
            self.reply(asker, job_has_ended(job));
        }
    }
}

/// What is answered to who asks for a function of a job that is over.
pub(super) fn job_has_ended(job: JobId) -> Answer {
    let text = format!("{job} has ended, and its functions with it");
    Answer::Failed(Arc::new(Failure::Unschedulable(text)))
}
