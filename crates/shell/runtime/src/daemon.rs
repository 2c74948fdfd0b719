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
use std::fmt::Display;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use roles::node::NodeConfig;
use roles::{Head, Node, Role, head, node};
use serde::Deserialize;
use shm::Segment;
use types::{NodeId, Payload, Resources, Settings, Timestamp, WorkerId};
use wire::{Peer, ToNode};

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
    /// The session's directory, private to the user; removed at the end.
    pub directory: PathBuf,
    /// Where the Unix socket is made.
    pub socket: PathBuf,
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
    /// Where spilled objects lie.
    pub spill_directory: PathBuf,
    /// The program of the fork server and its arguments.
    pub fork_server: Vec<String>,
    /// What is set for the cluster.
    pub settings: Settings,
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
    signals: File,
    listener: Listener,
    /// Nobody is let in until this moment; then it is tried again.
    closed_until: Option<Timestamp>,
    peers: Peers,
    fork_server: ForkServer,
    workers: Workers,
    arena: Arc<Segment>,
    warmer: Warmer,
    spiller: Spiller,
    /// Why the daemon ends, once it does.
    stopping: Option<String>,
}

/// Runs a daemon that plays node and head until it is told to stop; then nothing of it is left. `ready` gets one byte
/// when it takes connections; from `signals`, which does not block, come the numbers of signals that it is sent.
///
/// # Errors
/// If it cannot begin, or the system refuses what it needs to go on. Nothing is left of it then, either.
pub fn run_daemon(config: DaemonConfig, ready: File, signals: File) -> io::Result<()> {
    let directories = [config.directory.clone(), config.spill_directory.clone()];
    let outcome = Daemon::begin(config, signals).and_then(|mut daemon| {
        let outcome = daemon.run(ready).map_err(told("the node cannot go on"));
        outcome.and(daemon.end())
    });
    // Socket, logs and spilled objects go with the session, however it ended.
    directories.iter().fold(outcome, |outcome, directory| match fs::remove_dir_all(directory) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => outcome.and(Err(error)),
        Ok(()) | Err(_) => outcome,
    })
}

/// Says of an error what went wrong with it.
fn told(what: impl Display) -> impl FnOnce(io::Error) -> io::Error {
    move |error| io::Error::new(error.kind(), format!("{what}: {error}"))
}

impl Daemon {
    fn begin(config: DaemonConfig, signals: File) -> io::Result<Self> {
        children::adopt_orphans()?;
        let command =
            format!("the fork server `{}` cannot be started", config.fork_server.join(" "));
        let fork_server =
            ForkServer::start(config.fork_server, clock::now()).map_err(told(command))?;
        let listening = format!("the node cannot listen at {}", config.socket.display());
        let listener = Listener::bind(&config.socket).map_err(told(listening))?;
        let arena = Segment::create(config.arena_bytes).map_err(told(format!(
            "the object store of {} bytes cannot be made; try a smaller object_store_memory",
            config.arena_bytes
        )))?;
        let arena = Arc::new(arena);
        let watch = Watch::new()?;
        let spiller = Spiller::start(config.spill_directory, Arc::clone(&arena))?;
        watch.poller.add(&listener, watch::LISTENER, Interest::Read)?;
        watch.poller.add(&signals, watch::SIGNALS, Interest::Read)?;
        watch.poller.add(&spiller, watch::SPILLER, Interest::Read)?;
        let token = Payload::from(config.token);
        let daemon = Self {
            session: config.session,
            socket: config.socket.to_string_lossy().into_owned(),
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
            signals,
            listener,
            closed_until: None,
            warmer: Warmer::start(Arc::clone(&arena))?,
            arena,
            spiller,
            stopping: None,
        };
        daemon.watch_fork_server()?;
        Ok(daemon)
    }

    /// Writes one byte for whoever waits once the roles did what they do at their start; then hears of all that happens.
    fn run(&mut self, starter: File) -> io::Result<()> {
        let (mut ready, mut starter) = (Vec::new(), Some(starter));
        loop {
            self.on_time(clock::now())?;
            self.flush()?;
            if cfg!(debug_assertions) {
                self.node.check();
                self.head.check();
            }
            if let Some(mut starter) = starter.take() {
                starter.write_all(&[1])?;
            }
            if self.stopping.is_some() {
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
            watch::SIGNALS => self.on_signals()?,
            watch::SPILLER => {
                let done = self.spiller.outcomes()?;
                self.happened(done);
            }
            watch::FORK_SERVER => self.on_fork_server()?,
            token if self.peers.has(token) => self.on_peer(token, ready, now)?,
            // Of a pipe; or it was closed by an event of the same round.
            token => {
                // Before it writes a process says on whose behalf.
                self.workers.writer_of(token).map_or(Ok(()), |worker| self.hear_out(worker))?;
                let mut events = Vec::new();
                self.workers.on_readable(token, now, &mut events);
                self.happened(events);
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
            match input {
                Input::Node(node::Event::Arrived {
                    peer: Peer::Worker { worker, pid }, ..
                }) => {
                    self.on_forked(worker, pid)?;
                }
                Input::Node(node::Event::Message(_, ToNode::Create { size, .. })) => {
                    self.warmer.on_create(size);
                }
                // Only a driver has lines to ask for, so that this goes no deeper.
                Input::Node(node::Event::Message(from, ToNode::AskLines(_)))
                    if !self.workers.has(from) =>
                {
                    self.catch_up()?;
                }
                Input::Node(_) | Input::Head(_) => {}
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
            let mut events = Vec::new();
            self.workers.read_out(worker, &mut events);
            self.happened(events);
        }
        self.settle()
    }

    fn hang_up(&mut self, link: u64) {
        let known = self.peers.remove(link);
        self.happened(known.map(node::Event::HungUp));
    }

    fn on_forked(&mut self, worker: WorkerId, pid: u32) -> io::Result<()> {
        let event = self.workers.on_forked(worker, pid)?;
        self.happened(event);
        Ok(())
    }

    /// A process could not be started: nothing is left of it.
    fn on_fork_failed(&mut self, worker: WorkerId, reason: String) {
        if let Some(link) = self.peers.link_of(worker) {
            self.hang_up(link);
        }
        self.workers.forget(worker);
        self.happened([node::Event::ForkFailed { worker, reason }]);
    }

    /// Does what has become due.
    fn on_time(&mut self, now: Timestamp) -> io::Result<()> {
        self.peers.on_time(now);
        if self.closed_until.is_some_and(|until| until <= now) {
            self.closed_until = None;
            self.watch.poller.add(&self.listener, watch::LISTENER, Interest::Read)?;
        }
        let mut events = Vec::new();
        self.workers.on_time(now, &mut events);
        self.happened(events);
        self.settle()?;
        self.roles_on_time(now)
    }

    /// Sends what was said in this round.
    fn flush(&mut self) -> io::Result<()> {
        loop {
            let over = self.peers.flush(&self.watch);
            if over.is_empty() {
                return Ok(());
            }
            over.into_iter().for_each(|link| self.hang_up(link));
            self.settle()?;
        }
    }
}
