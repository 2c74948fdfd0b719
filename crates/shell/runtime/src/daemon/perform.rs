//! Hands events to the roles and performs what they want done, in order.
//!
//! Owns: one match for each role. Does not own: what the effects are done with (`peers`, `workers`, `spill`).

use std::io;
use std::os::fd::AsFd;

use roles::{Role, head, node};
use types::{Timestamp, WorkerId};
use wire::{FromNode, ToWorker};

use super::{Daemon, HEAD_NODE, Input, clock};
use crate::process::Report;

impl Daemon {
    /// Hands over all that happened, each with all its effects before the next.
    pub(super) fn settle(&mut self) -> io::Result<()> {
        while let Some(input) = self.inputs.pop_front() {
            match input {
                Input::Node(event) => {
                    let mut effects = Vec::new();
                    self.node.step(clock::now(), event, &mut effects);
                    effects.into_iter().try_for_each(|effect| self.perform_node(effect))?;
                }
                Input::Head(event) => {
                    let mut effects = Vec::new();
                    self.head.step(clock::now(), event, &mut effects);
                    effects.into_iter().for_each(|effect| self.perform_head(effect));
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
            effects.into_iter().try_for_each(|effect| self.perform_node(effect))?;
        }
        if is_due(self.head.next_deadline()) {
            let mut effects = Vec::new();
            self.head.on_time(now, &mut effects);
            effects.into_iter().for_each(|effect| self.perform_head(effect));
        }
        self.settle()
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
            node::Effect::Fork { worker, environment, .. } => self.fork(worker, environment),
            node::Effect::Kill(worker) => self.kill(worker)?,
            node::Effect::Disk(job) => {
                let refused = self.spiller.submit(job);
                self.happened(refused);
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
    pub(super) fn fork(&mut self, worker: WorkerId, environment: String) {
        let prepared = self.workers.prepare(&mut self.watch, worker, environment);
        let prepared = prepared.and_then(|(control, request)| {
            self.peers.add_forked(&mut self.watch, control, worker)?;
            Ok(request)
        });
        match prepared {
            Ok(request) => {
                if let Some(Report::Failed { worker, reason }) = self.fork_server.submit(request) {
                    self.on_fork_failed(worker, reason);
                }
            }
            Err(error) => {
                let reason = format!("no sockets and pipes for a worker process: {error}");
                self.on_fork_failed(worker, reason);
            }
        }
    }

    /// Ends a process of the node; a driver, which is none, is hung up on.
    fn kill(&mut self, worker: WorkerId) -> io::Result<()> {
        if !self.workers.kill(worker)?
            && let Some(link) = self.peers.link_of(worker)
        {
            self.hang_up(link);
        }
        Ok(())
    }
}
