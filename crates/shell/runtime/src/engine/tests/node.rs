//! A made-up node and head: welcomes processes, lends the one worker to whoever asks, gives ranges of one arena.

use std::io::Read;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use rustix::fs::{MemfdFlags, SealFlags, fcntl_add_seals, memfd_create};
use shm::Segment;
use types::{Assignment, JobId, LeaseId, Map, NodeId, ObjectId, Payload, Settings, WorkerId};
use wire::preamble::{PREAMBLE_BYTES, Preamble};
use wire::{FromHead, FromNode, ToDaemon, ToHead, ToNode, ToWorker};

use crate::conn::{Conn, Received};
use crate::engine::{DriverOptions, Engine};
use crate::listen::Listener;
use crate::meeting::{Meeting, Progress};
use crate::{clock, entropy};

const TOKEN: &[u8] = b"token";
const ARENA_BYTES: u64 = 16 << 20;
const DRIVER: WorkerId = WorkerId { node: NodeId(1), number: 1 };
const WORKER: WorkerId = WorkerId { node: NodeId(1), number: 2 };

/// What the node was told.
#[derive(Debug, Default)]
pub(super) struct Seen {
    pub(super) unpinned: Vec<ObjectId>,
    pub(super) freed: Vec<ObjectId>,
}

/// The node, in a thread of its own.
pub(super) struct FakeNode {
    directory: PathBuf,
    controls: Arc<Mutex<Vec<UnixStream>>>,
    seen: Arc<Mutex<Seen>>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

struct Daemon {
    listener: Listener,
    socket: PathBuf,
    arena: Segment,
    conns: Map<WorkerId, Conn>,
    ranges: Map<ObjectId, (u64, u64)>,
    end: u64,
    leased: bool,
    seen: Arc<Mutex<Seen>>,
}

impl FakeNode {
    /// A node with one driver that has joined it.
    pub(super) fn start() -> (Self, Arc<Engine>, JobId) {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let unique = u64::from_le_bytes(entropy::unguessable().unwrap());
        let name = format!("aktis-engine-{}-{unique:x}", COUNT.fetch_add(1, Ordering::Relaxed));
        let directory = std::env::temp_dir().join(name);
        std::fs::create_dir(&directory).unwrap();
        let socket = directory.join("node");
        let listener = UnixListener::bind(&socket).unwrap();
        listener.set_nonblocking(true).unwrap();
        let (controls, seen, stop) =
            (Arc::default(), Arc::default(), Arc::new(AtomicBool::new(false)));
        let mut daemon = Daemon {
            listener: Listener(listener),
            socket: socket.clone(),
            arena: arena(ARENA_BYTES),
            conns: Map::default(),
            ranges: Map::default(),
            end: 0,
            leased: false,
            seen: Arc::clone(&seen),
        };
        let (given, stopped) = (Arc::clone(&controls), Arc::clone(&stop));
        let thread = thread::spawn(move || {
            while !stopped.load(Ordering::Relaxed) {
                daemon.turn(&given);
            }
        });
        let node = Self { directory, controls, seen, stop, thread: Some(thread) };
        let options = DriverOptions {
            socket,
            token: TOKEN.to_vec(),
            namespace: "test".to_owned(),
            entrypoint: "test".to_owned(),
            owns_cluster: true,
        };
        let (driver, job) = Engine::connect_driver(options, &mut || false).unwrap();
        (node, driver, job)
    }

    /// The one worker of the node.
    pub(super) fn add_worker(&self) -> Arc<Engine> {
        let (ours, theirs) = UnixStream::pair().unwrap();
        self.controls.lock().unwrap().push(ours);
        let control = OwnedFd::from(theirs);
        Engine::start_worker(control, WORKER).unwrap()
    }

    /// Waits until what the node was told is as wanted.
    pub(super) fn wait_for(&self, wanted: impl Fn(&Seen) -> bool) {
        let patience = clock::now() + Duration::from_secs(20);
        while !wanted(&self.seen.lock().unwrap()) {
            assert!(clock::now() < patience, "{:?}", self.seen.lock().unwrap());
            thread::yield_now();
        }
    }
}

impl Drop for FakeNode {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap();
        }
        std::fs::remove_dir_all(&self.directory).unwrap();
    }
}

impl Daemon {
    fn turn(&mut self, controls: &Mutex<Vec<UnixStream>>) {
        for control in controls.lock().unwrap().drain(..) {
            self.conns.insert(WORKER, Conn::new(control).unwrap());
        }
        if let Some(stream) = self.listener.accept().unwrap() {
            self.admit(stream);
        }
        for worker in [DRIVER, WORKER] {
            let Some(conn) = self.conns.get_mut(&worker) else {
                continue;
            };
            if conn.receive().unwrap() == Received::Closed {
                self.conns.remove(&worker);
                continue;
            }
            let mut messages = Vec::new();
            while let Some(frame) = conn.inbox.next_frame().unwrap() {
                messages.push(wire::decode(frame).unwrap());
            }
            messages.into_iter().for_each(|message| self.hear(worker, message));
        }
        // A process that left is seen by the next turn.
        self.conns.values_mut().for_each(|conn| drop(conn.flush()));
        thread::park_timeout(Duration::from_micros(100));
    }

    fn admit(&mut self, mut stream: UnixStream) {
        stream.set_nonblocking(false).unwrap();
        let mut preamble = [0; PREAMBLE_BYTES];
        stream.read_exact(&mut preamble).unwrap();
        if let Some(target) = Preamble::from_bytes(preamble).unwrap().target {
            let conn = self.conns.get_mut(&target).unwrap();
            conn.outbox.attach(OwnedFd::from(stream));
            wire::encode(&ToWorker::Node(FromNode::Visitor), conn.outbox.frames());
            return;
        }
        let mut meeting = Meeting::accept(stream, TOKEN, None, clock::now()).unwrap();
        loop {
            match meeting.proceed().unwrap() {
                Progress::Waiting(waiting) => meeting = waiting,
                Progress::Met { conn, .. } => {
                    self.conns.insert(DRIVER, conn);
                    return;
                }
            }
        }
    }

    fn hear(&mut self, from: WorkerId, message: ToDaemon) {
        let answer = match message {
            ToDaemon::Node(ToNode::Hello(_)) => {
                let arena = self.arena.as_fd().try_clone_to_owned().unwrap();
                self.conns.get_mut(&from).unwrap().outbox.attach(arena);
                FromNode::Welcome {
                    worker: from,
                    session: "test".to_owned(),
                    arena_bytes: ARENA_BYTES,
                    settings: Settings::default(),
                    token: Payload::from(TOKEN),
                    socket: self.socket.display().to_string(),
                }
            }
            ToDaemon::Node(ToNode::Want { shape, count, .. }) if count > 0 && !self.leased => {
                if !self.conns.contains_key(&WORKER) {
                    return;
                }
                self.leased = true;
                let (lease, assignment) = (LeaseId(1), Assignment::default());
                FromNode::Leased { shape, lease, worker: WORKER, assignment }
            }
            ToDaemon::Node(ToNode::Release(_)) => {
                self.leased = false;
                return;
            }
            ToDaemon::Node(ToNode::Create { object, size, .. }) => {
                let offset = self.end;
                self.end += size.next_multiple_of(4096);
                self.ranges.insert(object, (offset, size));
                FromNode::Created(object, Ok(offset))
            }
            ToDaemon::Node(ToNode::Pin(object)) => {
                FromNode::Pinned(object, Ok(self.ranges[&object]))
            }
            ToDaemon::Node(ToNode::Unpin(object)) => {
                self.seen.lock().unwrap().unpinned.push(object);
                return;
            }
            ToDaemon::Node(ToNode::Free(objects)) => {
                self.seen.lock().unwrap().freed.extend(objects);
                return;
            }
            ToDaemon::Head(ToHead::StartJob { .. }) => {
                self.say(from, &ToWorker::Head(FromHead::JobStarted(JobId(1))));
                return;
            }
            ToDaemon::Node(_) | ToDaemon::Head(_) => return,
        };
        self.say(from, &ToWorker::Node(answer));
    }

    fn say(&mut self, to: WorkerId, message: &ToWorker) {
        wire::encode(message, self.conns.get_mut(&to).unwrap().outbox.frames());
    }
}

/// An arena of zeros.
fn arena(len: u64) -> Segment {
    let file = std::fs::File::from(memfd_create(c"aktis", MemfdFlags::ALLOW_SEALING).unwrap());
    file.set_len(len).unwrap();
    fcntl_add_seals(&file, SealFlags::SHRINK).unwrap();
    Segment::map(file.into(), len).unwrap()
}
