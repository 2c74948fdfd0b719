//! Hands events to the roles and performs what they want done, in order.
//!
//! Owns: one match for each role. Does not own: what the effects are done with (`peers`, `workers`, `spill`).

use std::io;
use std::os::fd::AsFd;

use roles::{Head, Node, Role, head, node};
use types::{Timestamp, WorkerId};
use wire::{FromNode, ToWorker};

use super::{Daemon, HEAD_NODE, Input, clock};

impl Daemon {
    /// Hands over all that happened, each with all its effects before the next.
    pub(super) fn settle(&mut self) -> io::Result<()> {
        while let Some(input) = self.inputs.pop_front() {
            let now = clock::now();
            match input {
                Input::Node(event) => self.have_node(|node, all| node.step(now, event, all))?,
                Input::Head(event) => self.have_head(|head, all| head.step(now, event, all)),
            }
        }
        Ok(())
    }

    /// Lets each role do what has become due.
    pub(super) fn roles_on_time(&mut self, now: Timestamp) -> io::Result<()> {
        let is_due = |deadline: Option<Timestamp>| deadline.is_some_and(|deadline| deadline <= now);
        if is_due(self.node.next_deadline()) {
            self.have_node(|node, all| node.on_time(now, all))?;
        }
        if is_due(self.head.next_deadline()) {
            self.have_head(|head, all| head.on_time(now, all));
        }
        self.settle()
    }

    fn have_node(&mut self, act: impl FnOnce(&mut Node, &mut Vec<node::Effect>)) -> io::Result<()> {
        let mut effects = Vec::new();
        act(&mut self.node, &mut effects);
        effects.into_iter().try_for_each(|effect| self.perform_node(effect))
    }

    fn have_head(&mut self, act: impl FnOnce(&mut Head, &mut Vec<head::Effect>)) {
        let mut effects = Vec::new();
        act(&mut self.head, &mut effects);
        effects.into_iter().for_each(|effect| self.perform_head(effect));
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
                self.peers.say(worker, &ToWorker::Node(message));
            }
            node::Effect::ToHead(report) => {
                self.inputs.push_back(Input::Head(head::Event::Node(HEAD_NODE, report)));
            }
            node::Effect::Fork { worker, environment } => {
                self.fork_server.want(worker, environment)
            }
            node::Effect::Kill(worker) => self.kill(worker)?,
            node::Effect::Disk(job) => {
                let refused = self.spiller.submit(job);
                self.happened(refused);
            }
            node::Effect::Stop => self.stopping = true,
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

    /// Ends a process of the node; a driver, which is none, is hung up on.
    fn kill(&mut self, worker: WorkerId) -> io::Result<()> {
        if !self.workers.kill(worker)?
            && !self.fork_server.doom(worker)
            && let Some(link) = self.peers.link_of(worker)
        {
            self.hang_up(link);
        }
        Ok(())
    }
}
