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

use std::collections::VecDeque;
use std::fs::{self, File};
use std::io::{self, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use roles::node::NodeConfig;
use roles::{Head, Node, Role, head, node};
use serde::Deserialize;
use shm::Segment;
use types::{NodeId, Payload, Resources, Settings, Timestamp};
use wire::ToDaemon;

use crate::children;
use crate::clock;
use crate::listen::Listener;
use crate::poll::{Interest, Ready};
use crate::process::{ForkServer, Report};
use crate::spill::Spiller;
use crate::sys;
use peers::{Peers, Said, State};
use warm::Warmer;
use watch::Watch;
use workers::Workers;

/// The node that a head plays the role of itself.
pub const HEAD_NODE: NodeId = NodeId(1);

/// How long nobody is let in after the system had no descriptor left for one more.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// The role of a node, as the daemon drives it.
type NodeRole = Box<dyn Role<Event = node::Event, Effect = node::Effect>>;
/// The role of the head, as the daemon drives it.
type HeadRole = Box<dyn Role<Event = head::Event, Effect = head::Effect>>;

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
    pub labels: Vec<(String, String)>,
    /// Its address, host name and the like, for people.
    pub facts: Vec<(String, String)>,
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
    /// Gets one byte when the daemon is ready.
    #[serde(skip)]
    pub ready: Option<OwnedFd>,
}

/// Why a daemon does not begin, or does not go on.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The Unix socket cannot be made.
    #[error("the node cannot listen at {path}: {source}")]
    Socket {
        /// Its path.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The arena cannot be made.
    #[error(
        "the object store of {bytes} bytes cannot be made: {source}; try a smaller object_store_memory"
    )]
    Arena {
        /// Its size.
        bytes: u64,
        /// Why.
        source: io::Error,
    },
    /// The fork server cannot be started.
    #[error("the fork server `{command}` cannot be started: {source}")]
    ForkServer {
        /// Its program and arguments.
        command: String,
        /// Why.
        source: io::Error,
    },
    /// The system refused what it has no reason to refuse.
    #[error("the node cannot go on: {0}")]
    System(#[from] io::Error),
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
    node: NodeRole,
    head: HeadRole,
    /// What happened and was not yet handed to its role.
    inputs: VecDeque<Input>,
    watch: Watch,
    signals: OwnedFd,
    listener: Listener,
    /// Nobody is let in until this moment, or until strangers leave.
    closed_until: Option<Timestamp>,
    peers: Peers,
    workers: Workers,
    arena: Arc<Segment>,
    warmer: Warmer,
    spiller: Spiller,
    /// Why the daemon ends, once it does.
    stopping: Option<String>,
}

/// Runs a daemon that plays node and head until it is told to stop; then nothing of it is left.
///
/// # Errors
/// If it cannot begin, or the system refuses what it needs to go on. Nothing is left of it then, either.
pub fn run_daemon(config: DaemonConfig) -> Result<(), StartError> {
    let head = Head::new(&config.settings);
    let node = Node::new(NodeConfig {
        node: HEAD_NODE,
        resources: config.resources.clone(),
        labels: config.labels.clone(),
        facts: config.facts.clone(),
        cpus: config.cpus,
        arena_bytes: config.arena_bytes,
        settings: config.settings.clone(),
    });
    run_roles(config, Box::new(node), Box::new(head))
}

fn run_roles(mut config: DaemonConfig, node: NodeRole, head: HeadRole) -> Result<(), StartError> {
    let ready = config.ready.take();
    let directories = [config.directory.clone(), config.spill_directory.clone()];
    let outcome = Daemon::begin(config, node, head).and_then(|mut daemon| {
        let outcome = daemon.announce(ready).and_then(|()| daemon.run());
        let ended = daemon.end();
        Ok(outcome.and(ended)?)
    });
    // Socket, logs and spilled objects go with the session, however it ended.
    directories.iter().fold(outcome, |outcome, directory| match fs::remove_dir_all(directory) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => outcome.and(Err(error.into())),
        Ok(()) | Err(_) => outcome,
    })
}

impl Daemon {
    fn begin(config: DaemonConfig, node: NodeRole, head: HeadRole) -> Result<Self, StartError> {
        let signals = sys::signals_as_descriptor(&[libc::SIGCHLD, libc::SIGTERM, libc::SIGINT])?;
        children::adopt_orphans()?;
        let command = config.fork_server.join(" ");
        let server = ForkServer::start(config.fork_server, clock::now())
            .map_err(|source| StartError::ForkServer { command, source })?;
        let listener = Listener::bind(&config.socket)
            .map_err(|source| StartError::Socket { path: config.socket.clone(), source })?;
        let bytes = config.arena_bytes;
        let arena = Segment::create(bytes).map_err(|source| StartError::Arena { bytes, source })?;
        let arena = Arc::new(arena);
        let watch = Watch::new()?;
        let spiller = Spiller::start(config.spill_directory, Arc::clone(&arena))?;
        watch.poller.add(&listener, watch::LISTENER, Interest::Read)?;
        watch.poller.add(&signals, watch::SIGNALS, Interest::Read)?;
        watch.poller.add(&spiller, watch::SPILLER, Interest::Read)?;
        let token = Payload::from(config.token);
        Ok(Self {
            session: config.session,
            socket: config.socket.to_string_lossy().into_owned(),
            peers: Peers::new(token.clone()),
            token,
            settings: config.settings,
            node,
            head,
            inputs: VecDeque::new(),
            workers: Workers::new(server, &watch)?,
            watch,
            signals,
            listener,
            closed_until: None,
            warmer: Warmer::start(Arc::clone(&arena))?,
            arena,
            spiller,
            stopping: None,
        })
    }

    /// What the roles do at their start, then one byte for whoever waits.
    fn announce(&mut self, ready: Option<OwnedFd>) -> io::Result<()> {
        self.on_time(clock::now())?;
        ready.map_or(Ok(()), |ready| File::from(ready).write_all(&[1]))
    }

    fn run(&mut self) -> io::Result<()> {
        let mut ready = Vec::new();
        while self.stopping.is_none() {
            let limit = self.deadline().map(|deadline| deadline.since(clock::now()));
            self.watch.poller.wait(limit, &mut ready)?;
            for event in ready.drain(..) {
                self.on_ready(event)?;
            }
            self.on_time(clock::now())?;
            self.flush()?;
            if cfg!(debug_assertions) {
                self.node.check();
                self.head.check();
            }
        }
        Ok(())
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
            watch::LISTENER => self.let_in(now),
            watch::SIGNALS => self.on_signals(),
            watch::SPILLER => self.on_spilled(),
            watch::FORK_SERVER => self.on_fork_server(ready),
            token if self.peers.has(token) => self.on_peer(token, ready, now),
            token if self.workers.has_pipe(token) => {
                let mut events = Vec::new();
                self.workers.on_readable(token, now, &mut events);
                self.take_node_events(events)
            }
            // It was closed by an event of the same round.
            _ => Ok(()),
        }
    }

    fn take_node_events(&mut self, events: Vec<node::Event>) -> io::Result<()> {
        self.inputs.extend(events.into_iter().map(Input::Node));
        self.settle()
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
        let mut state = State::Open;
        if ready.writable {
            state = self.peers.flush_one(&self.watch, link);
        }
        if ready.readable && state != State::Over {
            state = self.peers.receive(&self.watch, link, now);
            self.hear(link)?;
        }
        if state == State::Over { self.hang_up(link) } else { Ok(()) }
    }

    /// Hands all that was said at a connection to the roles. Who talks nonsense is hung up on.
    fn hear(&mut self, link: u64) -> io::Result<()> {
        loop {
            match self.peers.next_said(link) {
                Ok(Some(said)) => self.on_said(link, said)?,
                Ok(None) => return Ok(()),
                Err(_) => return self.hang_up(link),
            }
        }
    }

    fn on_said(&mut self, connection: u64, said: Said) -> io::Result<()> {
        let input = match said {
            Said::Hello(peer) => {
                if let wire::Peer::Worker { worker, pid } = peer {
                    self.on_forked(worker, pid)?;
                }
                Input::Node(node::Event::Arrived { connection, peer })
            }
            Said::Message(worker, ToDaemon::Node(message)) => {
                if let wire::ToNode::Create { size, .. } = message {
                    self.warmer.on_create(size);
                }
                Input::Node(node::Event::Message(worker, message))
            }
            Said::Message(worker, ToDaemon::Head(message)) => {
                Input::Head(head::Event::Worker(worker, message))
            }
        };
        self.inputs.push_back(input);
        self.settle()
    }

    fn hang_up(&mut self, link: u64) -> io::Result<()> {
        match self.peers.remove(link) {
            Some(worker) => self.take_node_events(vec![node::Event::HungUp(worker)]),
            None => Ok(()),
        }
    }

    fn on_forked(&mut self, worker: types::WorkerId, pid: u32) -> io::Result<()> {
        let event = self.workers.on_forked(worker, pid)?;
        self.take_node_events(event.into_iter().collect())
    }

    fn on_fork_server(&mut self, ready: Ready) -> io::Result<()> {
        if ready.writable
            && let Some(report) = self.workers.flush_server(&self.watch)?
        {
            self.on_report(report)?;
        }
        while let Some(report) = self.workers.next_report(&self.watch)? {
            self.on_report(report)?;
        }
        Ok(())
    }

    fn on_report(&mut self, report: Report) -> io::Result<()> {
        match report {
            Report::Forked { worker, pid } => self.on_forked(worker, pid),
            Report::Failed { worker, reason } => self.on_fork_failed(worker, reason),
            Report::Ended(reaped) => self.on_ended(reaped),
        }
    }

    fn on_fork_failed(&mut self, worker: types::WorkerId, reason: String) -> io::Result<()> {
        if let Some(link) = self.peers.link_of(worker) {
            self.hang_up(link)?;
        }
        let event = self.workers.on_fork_failed(worker, reason);
        self.take_node_events(vec![event])
    }

    fn on_spilled(&mut self) -> io::Result<()> {
        let done = self.spiller.outcomes()?;
        self.take_node_events(done)
    }

    /// Does what has become due.
    fn on_time(&mut self, now: Timestamp) -> io::Result<()> {
        self.peers.on_time(now);
        let closed = self.closed_until.is_some_and(|until| until <= now);
        if closed && !self.peers.is_crowded() {
            self.closed_until = None;
            self.watch.poller.add(&self.listener, watch::LISTENER, Interest::Read)?;
        } else if closed {
            self.closed_until = Some(now + ACCEPT_PAUSE);
        }
        let mut events = Vec::new();
        self.workers.on_time(now, &mut events);
        self.take_node_events(events)?;
        self.roles_on_time(now)
    }

    /// Sends what was said in this round.
    fn flush(&mut self) -> io::Result<()> {
        loop {
            let over = self.peers.flush(&self.watch);
            if over.is_empty() {
                return Ok(());
            }
            for link in over {
                self.hang_up(link)?;
            }
        }
    }
}
