//! How a process joins: it says who it is, is welcomed, and a driver begins its job.
//!
//! Owns: the first messages. Does not own: the proofs before them (`meeting`), or what follows (`guarded`).

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, AtomicUsize};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use roles::worker::Event;
use serde::Deserialize;
use shm::Segment;
use types::limits::HANDSHAKE_PATIENCE;
use types::{JobId, WorkerId};
use wire::{FromNode, Peer, ToDaemon, ToHead, ToNode, ToWorker};

use super::background::{self, Alarm};
use super::guarded::Core;
use super::links::Links;
use super::notice::Notices;
use super::perform::JOB_REQUEST;
use super::reading::Reader;
use super::waits::Topic;
use super::{Caller, Engine, EngineError, Identity, Interrupted, Outcomes, Patience};
use crate::clock;
use crate::conn::{Conn, Received};
use crate::meeting::{Meeting, Progress};
use crate::poll::{Interest, Poller};

/// How often a process that joins asks whether it was interrupted.
const TICK: Duration = Duration::from_millis(50);

/// How a driver joins.
#[derive(Debug, Clone, Deserialize)]
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

impl Engine {
    /// Connects a driver to its node and starts its job.
    ///
    /// # Errors
    /// If the node cannot be reached or refuses, or `interrupted` says so.
    pub fn connect_driver(
        options: DriverOptions,
        interrupted: Interrupted<'_>,
    ) -> Outcomes<(Arc<Self>, JobId)> {
        let conn = meet(&options, interrupted)?;
        let pid = std::process::id();
        let DriverOptions { namespace, entrypoint, owns_cluster, .. } = options;
        let engine = join(conn, Peer::Driver { pid, owns_cluster }, interrupted)?;
        engine.step(Event::Tell(ToHead::StartJob { pid, namespace, entrypoint }))?;
        let patience = Patience { deadline: None, caller: Caller::Thread, interrupted };
        let topic = Topic::Answer(JOB_REQUEST);
        let job = engine.await_topic(topic, patience, &mut |core| core.role.job())?;
        Ok((engine, job.ok_or(EngineError::TimedOut)?))
    }

    /// Takes up the work of a worker process over the connection to the node that it was forked with.
    ///
    /// # Errors
    /// If the node does not welcome it.
    pub fn start_worker(control: OwnedFd, worker: WorkerId) -> Outcomes<Arc<Self>> {
        let conn = Conn::new(UnixStream::from(control))?;
        let peer = Peer::Worker { worker, pid: std::process::id() };
        join(conn, peer, &mut || false)
    }
}

/// The connection to the node, after both sides proved themselves.
fn meet(options: &DriverOptions, interrupted: Interrupted<'_>) -> Outcomes<Conn> {
    let meeting = Meeting::dial(&options.socket, &options.token, None, None, clock::now())?;
    let poller = poller_of(&meeting)?;
    let mut under_way = Some(meeting);
    try_until(poller, interrupted, || {
        let Some(meeting) = under_way.take() else { return Ok(None) };
        match meeting.proceed().map_err(io::Error::other)? {
            Progress::Met { conn, .. } => return Ok(Some(conn)),
            Progress::Waiting(meeting) => under_way = Some(meeting),
        }
        Ok(None)
    })
}

/// Says who this process is, awaits the welcome, and starts the engine.
fn join(mut conn: Conn, peer: Peer, interrupted: Interrupted<'_>) -> Outcomes<Arc<Engine>> {
    let driver = matches!(peer, Peer::Driver { .. });
    wire::encode(&ToDaemon::Node(ToNode::Hello(peer)), conn.outbox.frames());
    conn.flush()?;
    let welcome = try_until(poller_of(&conn)?, interrupted, || {
        let received = conn.receive()?;
        let frame = conn.inbox.next_frame().map_err(io::Error::other)?;
        match frame.map(wire::decode).transpose().map_err(io::Error::other)? {
            None if received == Received::Closed => Err(not_connected("it hung up")),
            welcome => Ok(welcome),
        }
    })?;
    let arena = conn.inbox.next_descriptor();
    start(conn, welcome, arena, driver)
}

/// Tries again whenever there is something to read, until something comes of it.
fn try_until<T>(
    poller: Poller,
    interrupted: Interrupted<'_>,
    mut attempt: impl FnMut() -> Outcomes<Option<T>>,
) -> Outcomes<T> {
    let patience = clock::now() + HANDSHAKE_PATIENCE;
    loop {
        if let Some(came) = attempt()? {
            return Ok(came);
        }
        if clock::now() >= patience {
            return Err(not_connected("it does not answer"));
        }
        poller.wait(Some(TICK), &mut Vec::new())?;
        if interrupted() {
            return Err(EngineError::Interrupted);
        }
    }
}

/// The engine of a process that was welcomed.
fn start(
    conn: Conn,
    welcome: ToWorker,
    arena: Option<OwnedFd>,
    driver: bool,
) -> Outcomes<Arc<Engine>> {
    let (
        ToWorker::Node(FromNode::Welcome { worker, session, arena_bytes, settings, token, socket }),
        Some(arena),
    ) = (welcome, arena)
    else {
        return Err(not_connected("it does not begin with a welcome"));
    };
    let segment = Segment::map(arena, arena_bytes)?;
    let socket = PathBuf::from(socket);
    let identity = Arc::new(Identity { worker, session, socket, settings, driver });
    let (stream, inbox, _) = conn.into_parts();
    let node = Arc::new(stream);
    let alarm = Arc::new(Alarm::new()?);
    let poller = Arc::new(Poller::new()?);
    let links = Links::new(Arc::clone(&node), poller, clock::now());
    let reader = Reader::new(&links, Arc::clone(&alarm), node, inbox)?;
    let notices = Arc::new(Notices::new(Arc::clone(&alarm)));
    let core = Core::new(Arc::clone(&identity), token, segment, links, Arc::clone(&notices));
    let engine = Arc::new(Engine {
        identity,
        core: Mutex::new(core),
        notices,
        alarm,
        reader: Mutex::new(reader),
        waiting: AtomicUsize::new(0),
        steps: AtomicU64::new(0),
        numbers: AtomicU64::new(1),
        tasks: AtomicU64::new(1),
    });
    background::start(Arc::clone(&engine))?;
    Ok(engine)
}

fn poller_of(socket: &impl AsFd) -> Outcomes<Poller> {
    let poller = Poller::new()?;
    poller.add(socket, 0, Interest::Read)?;
    Ok(poller)
}

impl From<io::Error> for EngineError {
    fn from(error: io::Error) -> Self {
        Self::NotConnected(error.to_string())
    }
}

fn not_connected(why: &str) -> EngineError {
    EngineError::NotConnected(why.to_owned())
}
