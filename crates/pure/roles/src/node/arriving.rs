//! Processes are started, arrive, and go when they are not needed.
//!
//! Owns: the way from a fork to an idle process, and from there to the door. Does not own: what work they get
//! (`leasing`, `acting`), or what their end leaves behind (`reaping`).

use types::{JobId, WorkerId};
use wire::Peer;
use wire::to_worker::FromNode;

use super::process::{Kind, Link, Process};
use super::{Effect, Node};

impl Node {
    pub(super) fn arrived(&mut self, connection: u64, peer: Peer) {
        match peer {
            Peer::Worker { worker, pid } => {
                let process = self.processes.get_mut(&worker);
                let Some(process) = process.filter(|it| it.link == Link::Awaited) else {
                    return;
                };
                process.pid = pid;
                process.link = Link::Up;
                self.effects.push(Effect::Welcome { connection, worker });
                self.failed_starts = 0;
                if let Some(promise) = self.pool.on_started(self.now, worker) {
                    self.keep(worker, promise);
                }
            }
            Peer::Driver { pid, owns_cluster } => {
                let driver = self.number();
                let kind = Kind::Driver { owns_cluster, job: None };
                self.processes.insert(driver, Process::new(pid, kind, Link::Up));
                self.effects.push(Effect::Welcome { connection, worker: driver });
                self.start_ahead();
            }
        }
    }

    pub(super) fn forked(&mut self, worker: WorkerId, pid: u32) {
        if let Some(process) = self.processes.get_mut(&worker) {
            process.pid = pid;
        }
    }

    pub(super) fn job_started(&mut self, driver: WorkerId, started: JobId) {
        let process = self.processes.get_mut(&driver);
        if let Some(Process { kind: Kind::Driver { job, .. }, .. }) = process {
            *job = Some(started);
        }
    }

    pub(super) fn named(&mut self, worker: WorkerId, name: String) {
        if let Some(process) = self.processes.get_mut(&worker) {
            process.name = name;
        }
    }

    /// The worker will end by itself, and gets nothing more to do.
    pub(super) fn leaving(&mut self, worker: WorkerId, reason: &str) {
        if let Some(process) = self.processes.get_mut(&worker) {
            process.ends_because(if reason.is_empty() { "it left" } else { reason });
            self.pool.on_ending(worker);
        }
    }

    /// Asks those who are idle for too long whether they can go.
    pub(super) fn spare_idle(&mut self) {
        while let Some((worker, due)) = self.pool.surplus()
            && due <= self.now
        {
            self.spare(worker);
        }
    }

    pub(super) fn spare(&mut self, worker: WorkerId) {
        self.pool.ask(worker);
        self.effects.push(Effect::ToWorker(worker, FromNode::Spare));
    }

    /// Starts one process.
    pub(super) fn fork(&mut self, environment: &str) -> WorkerId {
        let worker = self.number();
        self.pool.on_forked(worker, environment.to_owned());
        self.processes.insert(worker, Process::new(0, Kind::Worker, Link::Awaited));
        let environment = environment.to_owned();
        self.effects.push(Effect::Fork { worker, environment });
        worker
    }

    /// Ends a process at once.
    pub(super) fn kill(&mut self, worker: WorkerId, reason: &str) {
        let Some(process) = self.processes.get_mut(&worker) else {
            return;
        };
        if process.exit.is_some() {
            return;
        }
        process.ends_because(reason);
        self.effects.push(Effect::Kill(worker));
        self.pool.on_ending(worker);
    }

    fn start_ahead(&mut self) {
        for _ in 0..self.pool.missing_ahead() {
            self.fork("");
        }
    }

    fn number(&mut self) -> WorkerId {
        self.numbered += 1;
        WorkerId { node: self.node, number: self.numbered }
    }
}
