//! The daemon of a node: plays the roles Node and Head in one loop, and performs what they want done.
//!
//! Owns: the loop, its start and its end. Does not own: any decision (`roles`), connections (`daemon::peers`), processes
//! (`daemon::workers`), or how each effect is done (`daemon::perform`).
//!
//! The loop waits for the next descriptor or deadline, hands each event to its role, performs all effects of it before
//! the next, and sends what was said to each peer once per round.

mod ending;
mod peers;
mod perform;
mod warm;
mod watch;
mod workers;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, VecDeque};
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::Duration;

use roles::node::NodeConfig;
use roles::{Head, Node, Role, head, node};
use serde::Deserialize;
use shm::Segment;
use types::{NodeId, Payload, Resources, Settings, Timestamp, WorkerId};
use wire::ToNode;

use crate::children;
use crate::clock;
use crate::conn::Received;
use crate::listen::Listener;
use crate::poll::{Interest, Ready};
use crate::process::ForkServer;
use crate::spill::Spiller;
use peers::Peers;
use warm::Warmer;
use watch::Watch;
use workers::Workers;

/// The node that a head plays the role of itself.
pub const HEAD_NODE: NodeId = NodeId(1);

/// How long nobody is let in after the system had no descriptor left for one more.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// What a daemon must know to begin.
#[derive(Debug, Deserialize)]
pub struct DaemonConfig {
    /// The name of the session.
    pub session: String,
    /// Where its Unix socket is.
    pub socket: String,
    /// What every process of the cluster knows and no other.
    pub token: Vec<u8>,
    /// What the node offers.
    pub resources: Resources,
    /// What it is like, for strategies.
    pub labels: BTreeMap<String, String>,
    /// Its address, host name and the like, for people.
    pub facts: BTreeMap<String, String>,
    /// How many CPUs the machine really has.
    pub cpus: u32,
    /// The size of the arena.
    pub arena_bytes: u64,
    /// What is set for the cluster.
    pub settings: Settings,
}

/// What it is handed over; none of it blocks.
#[derive(Debug)]
pub struct Descriptors {
    /// Gets one byte once it has begun.
    pub ready: OwnedFd,
    /// Asks for processes, and hears of their beginning and end and of signals.
    pub processes: OwnedFd,
    /// The socket that it listens at.
    pub listener: OwnedFd,
    /// The memory of all objects.
    pub arena: OwnedFd,
    /// Takes what is to be written to disk and read back.
    pub jobs: OwnedFd,
    /// What became of it comes from here.
    pub outcomes: OwnedFd,
}

/// Something that happened, by the role it is for.
#[derive(Debug)]
enum Input {
    Node(node::Event),
    Head(head::Event),
}

/// Everything the loop holds.
struct Daemon {
    session: String,
    socket: String,
    token: Payload,
    settings: Settings,
    node: Node,
    head: Head,
    /// What happened and was not yet handed to its role.
    inputs: VecDeque<Input>,
    watch: Watch,
    listener: Listener,
    /// Nobody is let in until this moment; then it is tried again.
    closed_until: Option<Timestamp>,
    peers: Peers,
    fork_server: ForkServer,
    workers: Workers,
    arena: Arc<Segment>,
    warmer: Warmer,
    spiller: Spiller,
    /// It was told to end.
    stopping: bool,
}

/// Runs a daemon that plays node and head until it is told to stop. Its processes are ended then, and who called takes
/// leave of them.
///
/// # Errors
/// If it cannot begin, or the system refuses what it needs to go on. Its processes end then, too.
pub fn run_daemon(config: DaemonConfig, descriptors: Descriptors) -> io::Result<()> {
    let mut daemon = Daemon::begin(config, descriptors)?;
    let outcome = daemon.run();
    daemon.end();
    outcome
}

impl Daemon {
    fn begin(config: DaemonConfig, descriptors: Descriptors) -> io::Result<Self> {
        children::adopt_orphans()?;
        let arena = Arc::new(Segment::map(descriptors.arena, config.arena_bytes)?);
        let listener = Listener(descriptors.listener.into());
        let (jobs, outcomes) = (descriptors.jobs.into(), descriptors.outcomes.into());
        let spiller = Spiller { jobs, outcomes };
        let fork_server = ForkServer::new(descriptors.processes);
        let watch = Watch::new()?;
        watch.poller.add(&listener, watch::LISTENER, Interest::Read)?;
        watch.poller.add(&fork_server, watch::PROCESSES, Interest::Read)?;
        watch.poller.add(&spiller, watch::SPILLER, Interest::Read)?;
        let token = Payload::from(config.token);
        let daemon = Self {
            session: config.session,
            socket: config.socket,
            peers: Peers::new(token.clone()),
            token,
            head: Head::new(&config.settings),
            settings: config.settings.clone(),
            node: Node::new(NodeConfig {
                node: HEAD_NODE,
                resources: config.resources,
                labels: config.labels,
                facts: config.facts,
                cpus: config.cpus,
                arena_bytes: config.arena_bytes,
                settings: config.settings,
            }),
            inputs: VecDeque::new(),
            fork_server,
            workers: Workers::new(),
            watch,
            listener,
            closed_until: None,
            warmer: Warmer::start(Arc::clone(&arena))?,
            arena,
            spiller,
            stopping: false,
        };
        File::from(descriptors.ready).write_all(&[1])?;
        Ok(daemon)
    }

    /// Hears of all that happens, after the roles did what they do at their start.
    fn run(&mut self) -> io::Result<()> {
        let mut ready = Vec::new();
        loop {
            self.on_time(clock::now())?;
            self.flush()?;
            self.warmer.on_used(self.node.frontier());
            if cfg!(debug_assertions) {
                self.node.check();
                self.head.check();
            }
            if self.stopping {
                return Ok(());
            }
            let limit = self.deadline().map(|deadline| deadline.since(clock::now()));
            self.watch.poller.wait(limit, &mut ready)?;
            for event in ready.drain(..) {
                self.on_ready(event)?;
            }
        }
    }

    fn deadline(&self) -> Option<Timestamp> {
        let all = [
            self.node.next_deadline(),
            self.head.next_deadline(),
            self.peers.deadline(),
            self.workers.deadline(),
            self.closed_until,
        ];
        all.into_iter().flatten().min()
    }

    fn on_ready(&mut self, ready: Ready) -> io::Result<()> {
        let now = clock::now();
        match ready.token {
            watch::LISTENER => self.let_in(now)?,
            watch::SPILLER => {
                while let Some(done) = self.spiller.next_outcome()? {
                    self.happened([done]);
                }
            }
            watch::PROCESSES => self.on_processes()?,
            token if self.peers.has(token) => self.on_peer(token, ready, now)?,
            // Of a pipe; or it was closed by an event of the same round.
            token => {
                // Before it writes a process says on whose behalf.
                self.workers.writer_of(token).map_or(Ok(()), |worker| self.hear_out(worker))?;
                self.workers.on_readable(token, now, &mut self.inputs);
            }
        }
        self.settle()
    }

    /// Keeps what happened to the node until it is settled.
    fn happened(&mut self, events: impl IntoIterator<Item = node::Event>) {
        self.inputs.extend(events.into_iter().map(Input::Node));
    }

    /// Accepts who knocks, unless too many are at the door or no descriptor is left.
    fn let_in(&mut self, now: Timestamp) -> io::Result<()> {
        while !self.peers.is_crowded() {
            match self.listener.accept() {
                Ok(Some(stream)) => self.peers.add_stranger(&mut self.watch, stream, now)?,
                Ok(None) => return Ok(()),
                Err(_) => break,
            }
        }
        self.closed_until = Some(now + ACCEPT_PAUSE);
        self.watch.poller.remove(&self.listener)
    }

    fn on_peer(&mut self, link: u64, ready: Ready, now: Timestamp) -> io::Result<()> {
        let mut over = ready.writable && !self.peers.flush_one(&self.watch, link);
        if ready.readable && !over {
            over = self.peers.receive(&self.watch, link, now) == Received::Closed;
            self.hear(link)?;
        }
        if over {
            self.hang_up(link);
        }
        Ok(())
    }

    /// Hands all that was said at a connection to the roles. Who talks nonsense is hung up on.
    fn hear(&mut self, link: u64) -> io::Result<()> {
        loop {
            let input = match self.peers.next_said(link) {
                Ok(Some(input)) => input,
                Ok(None) => return Ok(()),
                Err(_) => {
                    self.hang_up(link);
                    return Ok(());
                }
            };
            // Only a driver has lines to ask for, so that this goes no deeper.
            if let Input::Node(node::Event::Message(from, ToNode::AskLines(_))) = input
                && !self.workers.has(from)
            {
                self.catch_up()?;
            }
            self.inputs.push_back(input);
            // What is said next may depend on what follows from this.
            self.settle()?;
        }
    }

    /// Takes all that a process said until now.
    fn hear_out(&mut self, worker: WorkerId) -> io::Result<()> {
        let Some(link) = self.peers.link_of(worker) else {
            return Ok(());
        };
        while self.peers.receive(&self.watch, link, clock::now()) == Received::Some {
            self.hear(link)?;
        }
        self.hear(link)
    }

    /// Takes all that workers said and wrote until now.
    fn catch_up(&mut self) -> io::Result<()> {
        for worker in self.workers.all() {
            self.hear_out(worker)?;
            self.workers.read_out(worker, &mut self.inputs);
        }
        self.settle()
    }

    fn hang_up(&mut self, link: u64) {
        let known = self.peers.remove(link);
        self.happened(known.map(node::Event::HungUp));
    }

    /// Does what has become due.
    fn on_time(&mut self, now: Timestamp) -> io::Result<()> {
        self.peers.on_time(now);
        if self.closed_until.is_some_and(|until| until <= now) {
            self.closed_until = None;
            self.watch.poller.add(&self.listener, watch::LISTENER, Interest::Read)?;
        }
        self.workers.on_time(now, &mut self.inputs);
        self.settle()?;
        self.roles_on_time(now)
    }

    /// Sends what was said in this round.
    fn flush(&mut self) -> io::Result<()> {
        loop {
            let over = self.peers.flush(&self.watch);
            let refused = self.fork_server.flush();
            if over.is_empty() && refused.is_empty() {
                return Ok(());
            }
            over.into_iter().for_each(|link| self.hang_up(link));
            let failed = |(worker, reason)| node::Event::ForkFailed { worker, reason };
            self.happened(refused.into_iter().map(failed));
            self.settle()?;
        }
    }
}
