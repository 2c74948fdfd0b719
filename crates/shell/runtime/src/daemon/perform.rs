//! Hands events to the roles and performs what they want done, in order.
//!
//! Owns: one match for each role. Does not own: what the effects are done with (`peers`, `workers`, `spill`).

use std::io;

use roles::{head, node};
use types::{Timestamp, WorkerId};
use wire::{FromNode, ToWorker};

use super::{AsFd, Daemon, HEAD_NODE, Input, clock};

impl Daemon {
    /// Hands over all that happened, each with all its effects before the next.
    pub(super) fn settle(&mut self) -> io::Result<()> {
        while let Some(input) = self.inputs.pop_front() {
            match input {
                Input::Node(event) => {
                    let mut effects = Vec::new();
                    self.node.step(clock::now(), event, &mut effects);
                    self.perform_all(effects, Vec::new())?;
                }
                Input::Head(event) => {
                    let mut effects = Vec::new();
                    self.head.step(clock::now(), event, &mut effects);
                    self.perform_all(Vec::new(), effects)?;
                }
            }
        }
        Ok(())
    }

    /// Lets each role do what has become due.
    pub(super) fn roles_on_time(&mut self, now: Timestamp) -> io::Result<()> {
        let is_due = |deadline: Option<Timestamp>| deadline.is_some_and(|deadline| deadline <= now);
        if is_due(self.node.next_deadline()) {
            let mut effects = Vec::new();
            self.node.on_time(now, &mut effects);
            self.perform_all(effects, Vec::new())?;
        }
        if is_due(self.head.next_deadline()) {
            let mut effects = Vec::new();
            self.head.on_time(now, &mut effects);
            self.perform_all(Vec::new(), effects)?;
        }
        self.settle()
    }

    fn perform_all(&mut self, node: Vec<node::Effect>, head: Vec<head::Effect>) -> io::Result<()> {
        for effect in node {
            self.perform_node(effect)?;
        }
        for effect in head {
            self.perform_head(effect);
        }
        Ok(())
    }

    fn perform_head(&mut self, effect: head::Effect) {
        match effect {
            head::Effect::ToWorker(worker, message) => {
                self.peers.say(worker, &ToWorker::Head(message));
            }
            head::Effect::ToNode(_, message) => {
                self.inputs.push_back(Input::Node(node::Event::Head(message)));
            }
            head::Effect::JobStarted(worker, job) => {
                self.inputs.push_back(Input::Node(node::Event::JobStarted(worker, job)));
            }
        }
    }

    fn perform_node(&mut self, effect: node::Effect) -> io::Result<()> {
        match effect {
            node::Effect::Welcome { connection, worker } => self.welcome(connection, worker)?,
            node::Effect::ToWorker(worker, message) => {
                if let FromNode::Created { offset, .. } = message {
                    self.warmer.on_created(offset);
                }
                self.peers.say(worker, &ToWorker::Node(message));
            }
            node::Effect::ToHead(report) => {
                self.inputs.push_back(Input::Head(head::Event::Node(HEAD_NODE, report)));
            }
            node::Effect::Fork { worker, environment, .. } => self.fork(worker, environment)?,
            node::Effect::Kill(worker) => self.kill(worker)?,
            node::Effect::Disk(job) => {
                self.inputs.extend(self.spiller.submit(job).map(Input::Node));
            }
            node::Effect::Stop(reason) => self.stopping = Some(reason),
        }
        Ok(())
    }

    fn welcome(&mut self, connection: u64, worker: WorkerId) -> io::Result<()> {
        let words = FromNode::Welcome {
            worker,
            session: self.session.clone(),
            arena_bytes: self.arena.len(),
            settings: self.settings.clone(),
            token: self.token.clone(),
            socket: self.socket.clone(),
        };
        let arena = self.arena.as_fd().try_clone_to_owned()?;
        self.peers.welcome(connection, worker, arena, words);
        Ok(())
    }

    /// Starts a worker process. Where descriptors are short, that worker alone fails.
    pub(super) fn fork(&mut self, worker: WorkerId, environment: String) -> io::Result<()> {
        let asked = self.workers.prepare(&mut self.watch, worker, environment).and_then(|asked| {
            self.peers.add_forked(&mut self.watch, asked.control, worker)?;
            Ok(asked.request)
        });
        let report = match asked {
            Ok(request) => self.workers.ask(&self.watch, request)?,
            Err(error) => {
                let reason = format!("no sockets and pipes for a worker process: {error}");
                self.inputs.push_back(Input::Node(self.workers.on_fork_failed(worker, reason)));
                None
            }
        };
        if let Some(crate::process::Report::Failed { worker, reason }) = report {
            if let Some(link) = self.peers.link_of(worker) {
                self.peers.remove(link);
            }
            self.inputs.push_back(Input::Node(self.workers.on_fork_failed(worker, reason)));
        }
        Ok(())
    }

    /// Ends a process of the node; a driver, which is none, is hung up on.
    fn kill(&mut self, worker: WorkerId) -> io::Result<()> {
        if self.workers.kill(worker)? {
            return Ok(());
        }
        let driver = self.peers.link_of(worker).and_then(|link| self.peers.remove(link));
        self.inputs.extend(driver.map(|driver| Input::Node(node::Event::HungUp(driver))));
        Ok(())
    }
}
