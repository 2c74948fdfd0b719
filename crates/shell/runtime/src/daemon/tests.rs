//! Tests of the daemon's connections and processes, with real sockets, pipes and children.

use std::collections::VecDeque;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::sync::Arc;

use roles::node::Event;
use rustix::fs::{MemfdFlags, SealFlags, fcntl_add_seals, memfd_create};
use shm::Segment;
use types::{Exit, Payload, Settings, Timestamp, WorkerId};
use wire::{FromNode, Peer, ToDaemon, ToNode, ToWorker};

use super::HEAD_NODE;
use super::Input;
use super::peers::Peers;
use super::watch::Watch;
use super::workers::Workers;
use crate::children::Ended;
use crate::conn::{Conn, Received};
use crate::meeting::{Meeting, Progress};
use crate::poll::Ready;
use types::limits::{HANDSHAKE_PATIENCE, HANDSHAKES_MAX, LINE_PATIENCE};

const NOW: Timestamp = Timestamp::ZERO;
const TOKEN: &[u8] = b"token";

struct World {
    watch: Watch,
    peers: Peers,
    arena: Arc<Segment>,
}

fn worker(number: u32) -> WorkerId {
    WorkerId { node: HEAD_NODE, number }
}

impl World {
    fn new() -> Self {
        let peers = Peers::new(Payload::from(TOKEN));
        let arena = Arc::new(arena(4096));
        Self { watch: Watch::new().unwrap(), peers, arena }
    }

    /// A process that connects and asks for `target`; the answer is its meeting and the daemon's number for it.
    fn knock(&mut self, token: &[u8], target: Option<WorkerId>) -> (Meeting, u64) {
        let (ours, theirs) = UnixStream::pair().unwrap();
        ours.set_nonblocking(true).unwrap();
        self.peers.add_stranger(&mut self.watch, ours, NOW).unwrap();
        let meeting = Meeting::initiate(theirs, token, target, Some(worker(8)), NOW).unwrap();
        (meeting, self.ready().token)
    }

    fn ready(&self) -> Ready {
        let mut ready = Vec::new();
        self.watch.poller.wait(None, &mut ready).unwrap();
        ready.pop().unwrap()
    }

    fn receive(&mut self, link: u64) -> Received {
        self.peers.receive(&self.watch, link, NOW)
    }

    fn welcome(&mut self, link: u64, worker: WorkerId) {
        let words = FromNode::Welcome {
            worker,
            session: "session".to_owned(),
            arena_bytes: 4096,
            settings: Settings::default(),
            token: Payload::from(TOKEN),
            socket: "socket".to_owned(),
        };
        let arena = std::os::fd::AsFd::as_fd(&*self.arena).try_clone_to_owned().unwrap();
        self.peers.welcome(link, worker, arena, words);
        assert!(self.peers.flush(&self.watch).is_empty());
    }

    /// A worker that was forked, said hello and was welcomed: its end of the connection.
    fn worker(&mut self, worker: WorkerId) -> Conn {
        let (ours, theirs) = UnixStream::pair().unwrap();
        self.peers.add_forked(&mut self.watch, ours, worker).unwrap();
        let link = self.peers.link_of(worker).unwrap();
        let mut conn = Conn::new(theirs).unwrap();
        say(&mut conn, ToNode::Hello(Peer::Worker { worker, pid: 7 }));
        assert_eq!(self.receive(link), Received::Some);
        let said = self.peers.next_said(link).unwrap();
        let Some(Input::Node(Event::Arrived { connection, peer })) = said else {
            panic!("{said:?}")
        };
        assert_eq!((connection, peer), (link, Peer::Worker { worker, pid: 7 }));
        self.welcome(link, worker);
        assert!(matches!(hear(&mut conn), ToWorker::Node(FromNode::Welcome { .. })));
        let arena = conn.inbox.next_descriptor().unwrap();
        Segment::map(arena, 4096).unwrap();
        conn
    }
}

fn say(conn: &mut Conn, message: ToNode) {
    wire::encode(&ToDaemon::Node(message), conn.outbox.frames());
    conn.flush().unwrap();
}

fn hear(conn: &mut Conn) -> ToWorker {
    while conn.receive().unwrap() == Received::Some {}
    wire::decode(conn.inbox.next_frame().unwrap().unwrap()).unwrap()
}

#[test]
fn a_driver_that_proves_itself_says_hello_and_is_welcomed_with_the_arena() {
    let mut world = World::new();
    let (meeting, link) = world.knock(TOKEN, None);
    assert_eq!(world.receive(link), Received::Nothing);
    let Ok(Progress::Met { conn: mut driver, peer: None }) = meeting.proceed() else {
        panic!("refused")
    };
    say(&mut driver, ToNode::Hello(Peer::Driver { pid: 5, owns_cluster: true }));

    assert_eq!(world.receive(link), Received::Some);
    assert_eq!(world.receive(link), Received::Some);
    let said = world.peers.next_said(link).unwrap();
    let Some(Input::Node(Event::Arrived { connection, peer })) = said else { panic!("{said:?}") };
    assert_eq!((connection, peer), (link, Peer::Driver { pid: 5, owns_cluster: true }));
    world.welcome(link, worker(1));
    say(&mut driver, ToNode::Staying);
    assert_eq!(world.receive(link), Received::Some);

    assert!(matches!(hear(&mut driver), ToWorker::Node(FromNode::Welcome { .. })));
    assert!(driver.inbox.next_descriptor().is_some());
    let said = world.peers.next_said(link).unwrap();
    let Some(Input::Node(Event::Message(from, message))) = said else { panic!("{said:?}") };
    assert_eq!((from, message), (worker(1), ToNode::Staying));
    assert_eq!(world.peers.remove(link), Some(worker(1)));
}

#[test]
fn a_stranger_without_the_token_gets_no_further_than_the_proof() {
    let mut world = World::new();
    let (meeting, link) = world.knock(b"guess", None);

    assert_eq!(world.receive(link), Received::Nothing);

    assert!(meeting.proceed().is_err());
    assert_eq!(world.receive(link), Received::Closed);
    assert!(!world.peers.has(link));
}

#[test]
fn who_speaks_before_saying_who_it_is_is_not_listened_to() {
    let mut world = World::new();
    let (ours, theirs) = UnixStream::pair().unwrap();
    world.peers.add_forked(&mut world.watch, ours, worker(1)).unwrap();
    let link = world.peers.link_of(worker(1)).unwrap();
    let mut conn = Conn::new(theirs).unwrap();

    say(&mut conn, ToNode::Hello(Peer::Worker { worker: worker(2), pid: 7 }));
    assert_eq!(world.receive(link), Received::Some);

    assert!(world.peers.next_said(link).is_err());
    assert_eq!(world.peers.remove(link), None);
    assert_eq!(world.peers.link_of(worker(1)), None);
}

#[test]
fn a_peer_meets_the_process_that_it_dialled() {
    let mut world = World::new();
    let mut target = world.worker(worker(1));
    let (caller, link) = world.knock(TOKEN, Some(worker(1)));

    assert_eq!(world.receive(link), Received::Closed);
    assert!(world.peers.flush(&world.watch).is_empty());
    assert_eq!(hear(&mut target), ToWorker::Node(FromNode::Visitor));
    let socket = UnixStream::from(target.inbox.next_descriptor().unwrap());
    let called = Meeting::accept(socket, TOKEN, Some(worker(1)), NOW).unwrap();
    let Ok(Progress::Waiting(called)) = called.proceed() else { panic!("met too soon") };

    let Ok(Progress::Met { peer, .. }) = caller.proceed() else { panic!("refused") };
    assert_eq!(peer, Some(worker(1)));
    let Ok(Progress::Met { peer, .. }) = called.proceed() else { panic!("refused") };
    assert_eq!(peer, Some(worker(8)));
}

#[test]
fn who_dials_a_process_that_is_not_there_is_hung_up_on() {
    let mut world = World::new();
    let (caller, link) = world.knock(TOKEN, Some(worker(9)));

    assert_eq!(world.receive(link), Received::Closed);

    assert!(caller.proceed().is_err());
    assert!(!world.peers.has(link));
}

#[test]
fn strangers_are_limited_in_number_and_time() {
    let mut world = World::new();
    let mut silent = Vec::new();
    for _ in 0..HANDSHAKES_MAX {
        assert!(!world.peers.is_crowded());
        let (ours, theirs) = UnixStream::pair().unwrap();
        world.peers.add_stranger(&mut world.watch, ours, NOW).unwrap();
        silent.push(theirs);
    }
    assert!(world.peers.is_crowded());
    assert_eq!(world.peers.deadline(), Some(NOW + HANDSHAKE_PATIENCE));

    world.peers.on_time(NOW + HANDSHAKE_PATIENCE);

    assert!(!world.peers.is_crowded());
    assert_eq!(world.peers.deadline(), None);
    assert_eq!(silent[0].read(&mut [0]).unwrap(), 0);
}

#[test]
fn what_a_process_wrote_is_told_before_its_end() {
    let mut watch = Watch::new().unwrap();
    let mut workers = Workers::new();
    let (output, mut output_theirs) = std::io::pipe().unwrap();
    let (error, mut error_theirs) = std::io::pipe().unwrap();
    workers.add(&mut watch, worker(1), 4_000_000, [output.into(), error.into()]).unwrap();
    output_theirs.write_all(b"one\ntwo").unwrap();
    error_theirs.write_all(b"three\n").unwrap();

    let mut inputs = VecDeque::new();
    let ended = Ended { pid: 4_000_000, exit: Exit::Code(3), peak_memory_bytes: 1 };
    workers.on_ended(worker(1), ended, &mut inputs);

    let told: Vec<_> = inputs.iter().map(shown).collect();
    assert_eq!(told, ["out one", "out two", "err three", "exited with code 3"]);
    assert_eq!(workers.worker_of(4_000_000), None);
}

#[test]
fn a_line_without_an_end_is_shown_after_a_while() {
    let mut watch = Watch::new().unwrap();
    let mut workers = Workers::new();
    let (output, mut output_theirs) = std::io::pipe().unwrap();
    let (error, _error_theirs) = std::io::pipe().unwrap();
    workers.add(&mut watch, worker(1), 4_000_000, [output.into(), error.into()]).unwrap();
    let mut ready = Vec::new();
    let mut inputs = VecDeque::new();

    for (written, now) in [("10%", NOW), ("\r20%", NOW + LINE_PATIENCE / 2)] {
        output_theirs.write_all(written.as_bytes()).unwrap();
        watch.poller.wait(None, &mut ready).unwrap();
        workers.on_readable(ready[0].token, now, &mut inputs);
    }
    assert_eq!((inputs.len(), workers.deadline()), (0, Some(NOW + LINE_PATIENCE)));
    workers.on_time(NOW + LINE_PATIENCE, &mut inputs);

    assert_eq!(inputs.iter().map(shown).collect::<Vec<_>>(), ["out 10%\r20%"]);
    assert_eq!(workers.deadline(), None);
}

fn shown(input: &Input) -> String {
    let Input::Node(event) = input else { panic!("{input:?}") };
    if let Event::Wrote { error, lines, .. } = event {
        return format!("{} {}", if *error { "err" } else { "out" }, lines.join(","));
    }
    let Event::ProcessEnded { exit, .. } = event else { panic!("{event:?}") };
    exit.to_string()
}

/// An arena of zeros.
pub(super) fn arena(len: u64) -> Segment {
    let file = std::fs::File::from(memfd_create(c"aktis", MemfdFlags::ALLOW_SEALING).unwrap());
    file.set_len(len).unwrap();
    fcntl_add_seals(&file, SealFlags::SHRINK).unwrap();
    Segment::map(file.into(), len).unwrap()
}
