//! The connections of the daemon: strangers until they proved themselves, then drivers and workers.
//!
//! Owns: who is at which connection, and what is to be sent. Does not own: what is said (`daemon`), or the processes
//! behind the connections (`daemon::workers`).

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;

use roles::{head, node};
use types::limits::{HANDSHAKE_PATIENCE, HANDSHAKES_MAX};
use types::{Map, Payload, Timestamp, WorkerId};
use wire::preamble::{PREAMBLE_BYTES, Preamble};
use wire::{FromNode, ToDaemon, ToNode, ToWorker};

use super::Input;
use super::watch::Watch;
use crate::conn::{Conn, Flushed, Received};
use crate::meeting::{self, Meeting, Progress};
use crate::poll::Interest;

/// All connections.
#[derive(Debug)]
pub(super) struct Peers {
    token: Payload,
    /// Who has yet to prove itself, until when: in the order in which they came, which is that of the time limits.
    strangers: BTreeMap<u64, (Timestamp, Stranger)>,
    /// Who belongs to the cluster.
    talks: Map<u64, Talk>,
    by_worker: Map<WorkerId, u64>,
    /// Connections with something to send since the last flush.
    unsent: BTreeSet<u64>,
}

#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "strangers are few and soon gone")]
enum Stranger {
    /// It has to say whom it wants.
    Greeting { stream: UnixStream, heard: [u8; PREAMBLE_BYTES], heard_len: usize },
    /// It wants the daemon and has to prove itself.
    Meeting(Meeting),
}

#[derive(Debug)]
struct Talk {
    conn: Conn,
    /// Which process it is, once that is known: of a forked one, from the beginning.
    who: Option<WorkerId>,
    stage: Stage,
    /// Waits until the socket takes more.
    blocked: bool,
}

/// How far the acquaintance goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// It has not said hello.
    Silent,
    /// It said hello and has not been welcomed.
    Arriving,
    /// It was welcomed.
    Known,
}

impl Talk {
    const fn new(conn: Conn, who: Option<WorkerId>) -> Self {
        Self { conn, who, stage: Stage::Silent, blocked: false }
    }
}

impl Peers {
    pub(super) fn new(token: Payload) -> Self {
        let (strangers, unsent) = (BTreeMap::new(), BTreeSet::new());
        Self { token, strangers, talks: Map::default(), by_worker: Map::default(), unsent }
    }

    /// Whether no further stranger is let in for now.
    pub(super) fn is_crowded(&self) -> bool {
        self.strangers.len() >= HANDSHAKES_MAX
    }

    /// Whether the number is that of a connection.
    pub(super) fn has(&self, link: u64) -> bool {
        self.talks.contains_key(&link) || self.strangers.contains_key(&link)
    }

    /// Somebody connected to the node's socket.
    pub(super) fn add_stranger(
        &mut self,
        watch: &mut Watch,
        stream: UnixStream,
        now: Timestamp,
    ) -> io::Result<()> {
        let link = watch.add(&stream)?;
        let greeting = Stranger::Greeting { stream, heard: [0; PREAMBLE_BYTES], heard_len: 0 };
        self.strangers.insert(link, (now + HANDSHAKE_PATIENCE, greeting));
        Ok(())
    }

    /// A worker process was asked for that inherits the other end of `stream`.
    pub(super) fn add_forked(
        &mut self,
        watch: &mut Watch,
        stream: UnixStream,
        worker: WorkerId,
    ) -> io::Result<()> {
        let conn = Conn::new(stream)?;
        let link = watch.add(&conn)?;
        self.talks.insert(link, Talk::new(conn, Some(worker)));
        self.by_worker.insert(worker, link);
        Ok(())
    }

    /// The connection can be read. One that is closed was over at the end of what it said: take that, then
    /// [`Self::remove`] it.
    pub(super) fn receive(&mut self, watch: &Watch, link: u64, now: Timestamp) -> Received {
        if let Some(talk) = self.talks.get_mut(&link) {
            // What broke is over, whatever broke it: the process behind it tells by its end.
            return talk.conn.receive().unwrap_or(Received::Closed);
        }
        let stranger = self.strangers.remove(&link);
        let heard = stranger.and_then(|(limit, who)| self.hear(watch, link, (limit, who), now));
        heard.unwrap_or(Received::Closed)
    }

    /// Goes on with a stranger as far as it goes; `None` drops it, or handed it over.
    fn hear(
        &mut self,
        watch: &Watch,
        link: u64,
        (limit, stranger): (Timestamp, Stranger),
        now: Timestamp,
    ) -> Option<Received> {
        let meeting = match stranger {
            Stranger::Meeting(meeting) => meeting,
            Stranger::Greeting { stream, mut heard, mut heard_len } => {
                // Not a byte more is read: what follows may be for another process.
                if !meeting::fill(&stream, &mut heard, &mut heard_len).ok()? {
                    let greeting = Stranger::Greeting { stream, heard, heard_len };
                    self.strangers.insert(link, (limit, greeting));
                    return Some(Received::Nothing);
                }
                if let Some(target) = Preamble::from_bytes(heard).ok()?.target {
                    watch.poller.remove(&stream).ok()?;
                    self.hand_over(target, stream.into());
                    return None;
                }
                Meeting::accept(stream, &self.token, None, now).ok()?
            }
        };
        match meeting.proceed().ok()? {
            Progress::Waiting(meeting) => {
                self.strangers.insert(link, (limit, Stranger::Meeting(meeting)));
                Some(Received::Nothing)
            }
            Progress::Met { conn, .. } => {
                self.talks.insert(link, Talk::new(conn, None));
                Some(Received::Some)
            }
        }
    }

    /// Passes a peer's socket on to the process that it wants. Without that process it is closed.
    fn hand_over(&mut self, target: WorkerId, socket: OwnedFd) {
        let Some(&link) = self.by_worker.get(&target) else {
            return;
        };
        self.send(link, Some(socket), &ToWorker::Node(FromNode::Visitor));
    }

    /// What happens by the next thing that was said at a connection, if there is one.
    ///
    /// # Errors
    /// If what was said makes no sense: remove the connection.
    pub(super) fn next_said(&mut self, link: u64) -> io::Result<Option<Input>> {
        let Some(talk) = self.talks.get_mut(&link) else {
            return Ok(None);
        };
        let Some(frame) = talk.conn.inbox.next_frame().map_err(io::Error::other)? else {
            return Ok(None);
        };
        let input = match (talk.stage, talk.who, wire::decode(frame).map_err(io::Error::other)?) {
            (Stage::Known, Some(worker), ToDaemon::Node(message)) => {
                Input::Node(node::Event::Message(worker, message))
            }
            (Stage::Known, Some(worker), ToDaemon::Head(message)) => {
                Input::Head(head::Event::Worker(worker, message))
            }
            (Stage::Silent, expected, ToDaemon::Node(ToNode::Hello(peer)))
                if expected == peer.worker() =>
            {
                talk.stage = Stage::Arriving;
                Input::Node(node::Event::Arrived { connection: link, peer })
            }
            (Stage::Silent | Stage::Arriving | Stage::Known, ..) => {
                let told = "a process said something before it said who it is";
                return Err(io::Error::other(told));
            }
        };
        Ok(Some(input))
    }

    /// The process at a connection is this one: sends its welcome, with the arena's descriptor.
    pub(super) fn welcome(&mut self, link: u64, worker: WorkerId, arena: OwnedFd, words: FromNode) {
        if let Some(talk) = self.talks.get_mut(&link) {
            (talk.who, talk.stage) = (Some(worker), Stage::Known);
            self.by_worker.insert(worker, link);
            self.send(link, Some(arena), &ToWorker::Node(words));
        }
    }

    /// Says something to a process. One that is gone hears nothing.
    pub(super) fn say(&mut self, worker: WorkerId, message: &ToWorker) {
        if let Some(&link) = self.by_worker.get(&worker) {
            self.send(link, None, message);
        }
    }

    /// The connection of a process.
    pub(super) fn link_of(&self, worker: WorkerId) -> Option<u64> {
        self.by_worker.get(&worker).copied()
    }

    fn send(&mut self, link: u64, descriptor: Option<OwnedFd>, message: &ToWorker) {
        let Some(talk) = self.talks.get_mut(&link) else {
            return;
        };
        let outbox = &mut talk.conn.outbox;
        self.unsent.insert(link);
        descriptor.into_iter().for_each(|descriptor| outbox.attach(descriptor));
        wire::encode(message, outbox.frames());
    }

    /// Sends what was said since the last time; answers the connections that are over.
    pub(super) fn flush(&mut self, watch: &Watch) -> Vec<u64> {
        let unsent = std::mem::take(&mut self.unsent);
        unsent.into_iter().filter(|link| !self.flush_one(watch, *link)).collect()
    }

    /// Sends what a connection takes; false if the connection is over.
    pub(super) fn flush_one(&mut self, watch: &Watch, link: u64) -> bool {
        let Some(talk) = self.talks.get_mut(&link) else {
            return true;
        };
        let Ok(flushed) = talk.conn.flush() else {
            return false;
        };
        let blocked = flushed == Flushed::Blocked;
        if blocked == talk.blocked {
            return true;
        }
        talk.blocked = blocked;
        let interest = if blocked { Interest::ReadWrite } else { Interest::Read };
        watch.poller.change(&talk.conn, link, interest).is_ok()
    }

    /// Closes a connection; answers whose it was, if its process was welcomed.
    pub(super) fn remove(&mut self, link: u64) -> Option<WorkerId> {
        self.strangers.remove(&link);
        let talk = self.talks.remove(&link)?;
        let worker = talk.who?;
        self.by_worker.remove(&worker);
        (talk.stage == Stage::Known).then_some(worker)
    }

    /// When the next stranger's time is up.
    pub(super) fn deadline(&self) -> Option<Timestamp> {
        self.strangers.first_key_value().map(|(_, (limit, _))| *limit)
    }

    /// Hangs up on strangers that took too long.
    pub(super) fn on_time(&mut self, now: Timestamp) {
        while self.deadline().is_some_and(|limit| limit <= now) {
            self.strangers.pop_first();
        }
    }
}
