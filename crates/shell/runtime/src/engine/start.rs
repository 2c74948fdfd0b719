//! How a process joins: it says who it is, is welcomed, and a driver begins its job.
//!
//! Owns: the first messages. Does not own: the proofs before them (`meeting`), or what follows (`shared`).

use std::collections::VecDeque;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use roles::Worker;
use roles::worker::Event;
use shm::Segment;
use types::limits::HANDSHAKE_PATIENCE;
use types::{JobId, Map, Payload, Set, WorkerId};
use wire::{FromNode, Peer, ToDaemon, ToHead, ToNode, ToWorker};

use super::background::{self, Alarm};
use super::completions::Completions;
use super::handles::Interned;
use super::lines::Lines;
use super::links::Links;
use super::looping::ServedLoop;
use super::notice::Notices;
use super::perform::JOB_REQUEST;
use super::pins::Arena;
use super::reading::{Reader, Request, read_node};
use super::running::Queues;
use super::shared::{Core, Shared};
use super::spans::Spans;
use super::waits::{Topic, Waits};
use super::{Engine, EngineError, Identity, Interrupted, Outcomes};
use crate::clock;
use crate::conn::{Conn, Inbox, Received};
use crate::meeting::{Meeting, Progress};
use crate::poll::{Interest, Poller};

/// How often a process that joins asks whether it was interrupted.
const TICK: Duration = Duration::from_millis(50);

/// How a driver joins.
#[derive(Debug, Clone)]
pub struct DriverOptions {
    /// Where the node listens.
    pub socket: PathBuf,
    /// What every process of the cluster knows and no other.
    pub token: Vec<u8>,
    /// The namespace in which its actors are named.
    pub namespace: String,
    /// What was run, for people.
    pub entrypoint: String,
    /// The cluster lives as long as this driver.
    pub owns_cluster: bool,
}

/// How a worker joins.
#[derive(Debug)]
pub struct WorkerOptions {
    /// Its connection to the node, with which it was forked.
    pub control: OwnedFd,
    /// As the node numbered it.
    pub worker: WorkerId,
}

/// What the node welcomes a process with.
struct Welcome {
    identity: Identity,
    token: Payload,
    segment: Segment,
}

/// Joins as a driver.
pub(super) fn driver(
    options: DriverOptions,
    interrupted: Interrupted<'_>,
) -> Outcomes<(Engine, JobId)> {
    let conn = meet(&options, interrupted)?;
    let peer = Peer::Driver { pid: std::process::id(), owns_cluster: options.owns_cluster };
    let engine = join(conn, peer, interrupted)?;
    let DriverOptions { namespace, entrypoint, .. } = options;
    let job = ToHead::StartJob { pid: std::process::id(), namespace, entrypoint };
    engine.shared.step(Event::Tell(job))?;
    let mut check = |core: &mut Core| core.role.job();
    let topic = Topic::Answer(JOB_REQUEST);
    let job = engine.shared.await_topic(topic, None, interrupted, &mut check)?;
    Ok((engine, job.ok_or(EngineError::TimedOut)?))
}

/// Joins as a worker.
pub(super) fn worker(options: WorkerOptions) -> Outcomes<Engine> {
    let conn = Conn::new(UnixStream::from(options.control)).map_err(not_connected)?;
    let peer = Peer::Worker { worker: options.worker, pid: std::process::id() };
    join(conn, peer, &mut || false)
}

/// The connection to the node, after both sides proved themselves.
fn meet(options: &DriverOptions, interrupted: Interrupted<'_>) -> Outcomes<Conn> {
    let now = clock::now();
    let mut meeting =
        Meeting::dial(&options.socket, &options.token, None, None, now).map_err(not_connected)?;
    let mut poller = Poller::new().map_err(not_connected)?;
    poller.add(&meeting, 0, Interest::Read).map_err(not_connected)?;
    loop {
        match meeting.proceed() {
            Ok(Progress::Met { conn, .. }) => return Ok(conn),
            Ok(Progress::Waiting(waiting)) => meeting = waiting,
            Err(error) => return Err(EngineError::NotConnected(error.to_string())),
        }
        if clock::now() >= meeting.deadline() {
            return Err(EngineError::NotConnected("it does not answer".to_owned()));
        }
        rest(&mut poller, interrupted)?;
    }
}

/// Says who this process is, awaits the welcome, and starts the engine.
fn join(mut conn: Conn, peer: Peer, interrupted: Interrupted<'_>) -> Outcomes<Engine> {
    let driver = matches!(peer, Peer::Driver { .. });
    wire::encode(&ToDaemon::Node(ToNode::Hello(peer)), conn.outbox.frames());
    conn.flush().map_err(not_connected)?;
    let welcome = await_welcome(&mut conn, driver, interrupted)?;
    let (stream, inbox, _) = conn.into_parts();
    start(welcome, Arc::new(stream), inbox).map_err(not_connected)
}

fn await_welcome(conn: &mut Conn, driver: bool, interrupted: Interrupted<'_>) -> Outcomes<Welcome> {
    let mut poller = Poller::new().map_err(not_connected)?;
    poller.add(conn, 0, Interest::Read).map_err(not_connected)?;
    let patience = clock::now() + HANDSHAKE_PATIENCE;
    loop {
        let received = conn.receive().map_err(not_connected)?;
        let frame = conn.inbox.next_frame().map_err(not_connected)?;
        let message = frame.map(wire::decode::<ToWorker>).transpose().map_err(not_connected)?;
        match message {
            Some(ToWorker::Node(welcome)) => {
                return read_welcome(welcome, conn.inbox.next_descriptor(), driver);
            }
            Some(ToWorker::Peer(_) | ToWorker::Head(_)) => {
                return Err(EngineError::NotConnected(
                    "it does not begin with a welcome".to_owned(),
                ));
            }
            None if received == Received::Closed => {
                return Err(EngineError::NotConnected("it hung up".to_owned()));
            }
            None if clock::now() >= patience => {
                return Err(EngineError::NotConnected("it does not answer".to_owned()));
            }
            None => rest(&mut poller, interrupted)?,
        }
    }
}

fn read_welcome(message: FromNode, arena: Option<OwnedFd>, driver: bool) -> Outcomes<Welcome> {
    let (FromNode::Welcome { worker, session, arena_bytes, settings, token, socket }, Some(arena)) =
        (message, arena)
    else {
        return Err(EngineError::NotConnected("it does not begin with a welcome".to_owned()));
    };
    let segment = Segment::map(arena, arena_bytes).map_err(not_connected)?;
    let socket = PathBuf::from(socket);
    Ok(Welcome { identity: Identity { worker, session, socket, settings, driver }, token, segment })
}

/// The engine of a process that was welcomed.
fn start(welcome: Welcome, node: Arc<UnixStream>, inbox: Inbox) -> io::Result<Engine> {
    let alarm = Alarm::new()?;
    let notices = Arc::new(Notices::new(alarm.clone()));
    let reader = Reader::new(alarm.clone())?;
    let core = core(welcome, read_node(Arc::clone(&node), inbox), node, notices);
    let shared = Arc::new(Shared::new(core, alarm, reader));
    background::start(Arc::clone(&shared))?;
    Ok(Engine { shared })
}

fn core(welcome: Welcome, read: Request, node: Arc<UnixStream>, notices: Arc<Notices>) -> Core {
    let Welcome { identity, token, segment } = welcome;
    let now = clock::now();
    let mut links = Links::new(node, now);
    links.requests.push(read);
    Core {
        role: Worker::new(identity.worker, &identity.settings),
        identity,
        token,
        now,
        events: VecDeque::new(),
        effects: Vec::new(),
        links,
        handles: Interned::default(),
        arena: Arena::new(Arc::new(segment), Arc::clone(&notices)),
        notices,
        waits: Waits::default(),
        wakes: Vec::new(),
        queues: Queues::default(),
        helps: VecDeque::new(),
        answers: Map::default(),
        unwanted_answers: Set::default(),
        allocations: Map::default(),
        consumed: Map::default(),
        completions: Completions::default(),
        lines: Lines::default(),
        spans: Spans::default(),
        interrupts: Vec::new(),
        interrupts_bell: None,
        signals_main: false,
        served_loop: ServedLoop::default(),
        has_bells: false,
        ended: None,
        steps: 0,
    }
}

fn rest(poller: &mut Poller, interrupted: Interrupted<'_>) -> Outcomes<()> {
    poller.wait(Some(TICK), &mut Vec::new()).map_err(not_connected)?;
    if interrupted() { Err(EngineError::Interrupted) } else { Ok(()) }
}

fn not_connected(error: impl std::fmt::Display) -> EngineError {
    EngineError::NotConnected(error.to_string())
}
