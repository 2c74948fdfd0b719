//! The connections of the daemon: strangers until they proved themselves, then drivers and workers.
//!
//! Owns: who is at which connection, and what is to be sent. Does not own: what is said (`daemon`), or the processes
//! behind the connections (`daemon::workers`).

use std::collections::VecDeque;
use std::io::{self, Read};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;

use types::limits::{HANDSHAKE_PATIENCE, HANDSHAKES_MAX};
use types::{Map, Payload, Timestamp, WorkerId};
use wire::preamble::{PREAMBLE_BYTES, Preamble};
use wire::{FromNode, Peer, ToDaemon, ToNode, ToWorker};

use super::watch::Watch;
use crate::conn::{Conn, Flushed, Received};
use crate::meeting::{Meeting, Progress};
use crate::poll::Interest;

/// All connections.
#[derive(Debug)]
pub(super) struct Peers {
    token: Payload,
    links: Map<u64, Link>,
    by_worker: Map<WorkerId, u64>,
    /// Who has yet to prove itself, in the order of the time limits.
    strangers: VecDeque<(Timestamp, u64)>,
    strangers_len: usize,
    /// Connections with something to send since the last flush.
    unsent: Vec<u64>,
}

/// One connection.
#[derive(Debug)]
enum Link {
    /// It has to say whom it wants.
    Greeting(Greeting),
    /// It wants the daemon and has to prove itself.
    Meeting(Meeting),
    /// It belongs to the cluster.
    Talking(Talk),
}

#[derive(Debug)]
struct Greeting {
    stream: UnixStream,
    heard: [u8; PREAMBLE_BYTES],
    heard_len: usize,
}

#[derive(Debug)]
struct Talk {
    conn: Conn,
    who: Who,
    /// Waits until the socket takes more.
    blocked: bool,
    /// Is in `unsent`.
    listed: bool,
}

/// Who is at the other end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Who {
    /// A driver that has not said hello.
    Driver,
    /// This worker process, which has not said hello.
    Forked(WorkerId),
    /// A process that said hello and has not been welcomed; a forked one is known.
    Arriving(Option<WorkerId>),
    /// A process that was welcomed.
    Known(WorkerId),
}

/// What somebody said.
#[derive(Debug)]
pub(super) enum Said {
    /// Who it is.
    Hello(Peer),
    /// Something to a role.
    Message(WorkerId, ToDaemon),
}

/// Whether a connection goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub(super) enum State {
    /// It does, and there may be more to read.
    More,
    /// It does.
    Open,
    /// It does not: take what was said before, then [`Peers::remove`] it.
    Over,
}

impl Peers {
    pub(super) fn new(token: Payload) -> Self {
        Self {
            token,
            links: Map::default(),
            by_worker: Map::default(),
            strangers: VecDeque::new(),
            strangers_len: 0,
            unsent: Vec::new(),
        }
    }

    /// Whether no further stranger is let in for now.
    pub(super) const fn is_crowded(&self) -> bool {
        self.strangers_len >= HANDSHAKES_MAX
    }

    /// Whether the number is that of a connection.
    pub(super) fn has(&self, link: u64) -> bool {
        self.links.contains_key(&link)
    }

    /// Somebody connected to the node's socket.
    pub(super) fn add_stranger(
        &mut self,
        watch: &mut Watch,
        stream: UnixStream,
        now: Timestamp,
    ) -> io::Result<()> {
        let link = watch.add(&stream)?;
        let heard = [0; PREAMBLE_BYTES];
        self.links.insert(link, Link::Greeting(Greeting { stream, heard, heard_len: 0 }));
        self.strangers.push_back((now + HANDSHAKE_PATIENCE, link));
        self.strangers_len += 1;
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
        let who = Who::Forked(worker);
        let talk = Talk { conn, who, blocked: false, listed: false };
        self.links.insert(link, Link::Talking(talk));
        self.by_worker.insert(worker, link);
        Ok(())
    }

    /// The connection can be read.
    pub(super) fn receive(&mut self, watch: &Watch, link: u64, now: Timestamp) -> State {
        if let Some(Link::Talking(talk)) = self.links.get_mut(&link) {
            return match talk.conn.receive() {
                Ok(Received::Some) => State::More,
                Ok(Received::Nothing) => State::Open,
                // What broke is over, whatever broke it: the process behind it tells by its end.
                Ok(Received::Closed) | Err(_) => State::Over,
            };
        }
        let Some(stranger) = self.links.remove(&link) else {
            return State::Over;
        };
        match self.hear_stranger(watch, link, stranger, now) {
            Some(Link::Talking(talk)) => {
                self.strangers_len -= 1;
                self.links.insert(link, Link::Talking(talk));
                State::More
            }
            Some(unfinished) => {
                self.links.insert(link, unfinished);
                State::Open
            }
            None => {
                self.strangers_len -= 1;
                State::Over
            }
        }
    }

    /// Goes on with a stranger as far as it goes; `None` drops it, or handed it over.
    fn hear_stranger(
        &mut self,
        watch: &Watch,
        link: u64,
        stranger: Link,
        now: Timestamp,
    ) -> Option<Link> {
        let meeting = match stranger {
            Link::Greeting(greeting) => {
                let (stream, preamble) = match greeting.proceed()? {
                    Greeted::Unfinished(greeting) => return Some(Link::Greeting(greeting)),
                    Greeted::Asked(stream, preamble) => (stream, preamble),
                };
                match preamble.target {
                    None => Meeting::accept(stream, &self.token, None, now).ok()?,
                    Some(target) => {
                        watch.poller.remove(&stream).ok()?;
                        self.hand_over(target, stream.into());
                        return None;
                    }
                }
            }
            Link::Meeting(meeting) => meeting,
            Link::Talking(talk) => return Some(Link::Talking(talk)),
        };
        match meeting.proceed().ok()? {
            Progress::Waiting(meeting) => Some(Link::Meeting(meeting)),
            Progress::Met { conn, .. } => {
                debug_assert!(self.strangers.iter().any(|(_, stranger)| *stranger == link));
                Some(Link::Talking(Talk { conn, who: Who::Driver, blocked: false, listed: false }))
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

    /// The next thing that was said at a connection, if there is one.
    ///
    /// # Errors
    /// If what was said makes no sense: remove the connection.
    pub(super) fn next_said(&mut self, link: u64) -> io::Result<Option<Said>> {
        let Some(Link::Talking(talk)) = self.links.get_mut(&link) else {
            return Ok(None);
        };
        let Some(frame) = talk.conn.inbox.next_frame().map_err(io::Error::other)? else {
            return Ok(None);
        };
        let message = wire::decode(frame).map_err(io::Error::other)?;
        match (talk.who, message) {
            (Who::Driver, ToDaemon::Node(ToNode::Hello(peer @ Peer::Driver { .. }))) => {
                talk.who = Who::Arriving(None);
                Ok(Some(Said::Hello(peer)))
            }
            (
                Who::Forked(expected),
                ToDaemon::Node(ToNode::Hello(Peer::Worker { worker, pid })),
            ) if expected == worker => {
                talk.who = Who::Arriving(Some(worker));
                Ok(Some(Said::Hello(Peer::Worker { worker, pid })))
            }
            (Who::Known(worker), message) => Ok(Some(Said::Message(worker, message))),
            (Who::Driver | Who::Forked(_) | Who::Arriving(_), _) => {
                Err(io::Error::other("a process said something before it said who it is"))
            }
        }
    }

    /// The process at a connection is this one: sends its welcome, with the arena's descriptor.
    pub(super) fn welcome(&mut self, link: u64, worker: WorkerId, arena: OwnedFd, words: FromNode) {
        let Some(Link::Talking(talk)) = self.links.get_mut(&link) else {
            return;
        };
        talk.who = Who::Known(worker);
        self.by_worker.insert(worker, link);
        self.send(link, Some(arena), &ToWorker::Node(words));
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
        let Some(Link::Talking(talk)) = self.links.get_mut(&link) else {
            return;
        };
        if let Some(descriptor) = descriptor {
            talk.conn.outbox.attach(descriptor);
        }
        wire::encode(message, talk.conn.outbox.frames());
        if !talk.listed {
            talk.listed = true;
            self.unsent.push(link);
        }
    }

    /// Sends what was said since the last time; answers the connections that are over.
    pub(super) fn flush(&mut self, watch: &Watch) -> Vec<u64> {
        let mut over = Vec::new();
        for link in std::mem::take(&mut self.unsent) {
            if self.flush_one(watch, link) == State::Over {
                over.push(link);
            }
        }
        over
    }

    /// Sends what a connection takes.
    pub(super) fn flush_one(&mut self, watch: &Watch, link: u64) -> State {
        let Some(Link::Talking(talk)) = self.links.get_mut(&link) else {
            return State::Open;
        };
        talk.listed = false;
        let Ok(flushed) = talk.conn.flush() else {
            return State::Over;
        };
        let blocked = flushed == Flushed::Blocked;
        if blocked != talk.blocked {
            talk.blocked = blocked;
            let interest = if blocked { Interest::ReadWrite } else { Interest::Read };
            if watch.poller.change(&talk.conn, link, interest).is_err() {
                return State::Over;
            }
        }
        State::Open
    }

    /// Closes a connection; answers whose it was, if its process was welcomed.
    pub(super) fn remove(&mut self, link: u64) -> Option<WorkerId> {
        match self.links.remove(&link)? {
            Link::Talking(Talk { who: Who::Known(worker), .. }) => {
                self.by_worker.remove(&worker);
                Some(worker)
            }
            Link::Talking(Talk {
                who: Who::Forked(worker) | Who::Arriving(Some(worker)), ..
            }) => {
                self.by_worker.remove(&worker);
                None
            }
            Link::Talking(_) => None,
            Link::Greeting(_) | Link::Meeting(_) => {
                self.strangers_len -= 1;
                None
            }
        }
    }

    /// When the next stranger loses patience with the daemon's.
    pub(super) fn deadline(&self) -> Option<Timestamp> {
        self.strangers.front().map(|(deadline, _)| *deadline)
    }

    /// Hangs up on strangers that took too long.
    pub(super) fn on_time(&mut self, now: Timestamp) {
        while self.strangers.front().is_some_and(|(deadline, _)| *deadline <= now) {
            let Some((_, link)) = self.strangers.pop_front() else {
                return;
            };
            if matches!(self.links.get(&link), Some(Link::Greeting(_) | Link::Meeting(_))) {
                self.links.remove(&link);
                self.strangers_len -= 1;
            }
        }
    }
}

enum Greeted {
    Unfinished(Greeting),
    Asked(UnixStream, Preamble),
}

impl Greeting {
    /// Reads the preamble and not a byte more: what follows may be for another process. `None` is a stranger's end.
    fn proceed(mut self) -> Option<Greeted> {
        while self.heard_len < PREAMBLE_BYTES {
            match self.stream.read(&mut self.heard[self.heard_len..]) {
                Ok(0) => return None,
                Ok(len) => self.heard_len += len,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    return Some(Greeted::Unfinished(self));
                }
                Err(_) => return None,
            }
        }
        let preamble = Preamble::from_bytes(self.heard).ok()?;
        Some(Greeted::Asked(self.stream, preamble))
    }
}
