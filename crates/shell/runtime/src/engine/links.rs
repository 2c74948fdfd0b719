//! What is to be said to whom: one outbox for each connection.
//!
//! Owns: when an outbox is written. Does not own: what is received (`reading`).
//!
//! After a step an outbox is written at once if that was not done within `OUTBOX_DELAY`, or if it is full; the rest
//! waits until a thread begins to wait or the background thread comes by.

use std::io;
use std::net::Shutdown;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use types::limits::{OUTBOX_BYTES, OUTBOX_DELAY};
use types::{Map, Timestamp, WorkerId};
use wire::{FromPeer, ToDaemon};

use crate::conn::{Flushed, Outbox};
use crate::meeting::Meeting;
use crate::poll::{Interest, Poller};

/// The number of the connection to the node daemon.
pub(super) const NODE: u64 = 0;

/// All connections of the process, as they are written to.
pub(super) struct Links {
    links: Map<u64, Link>,
    /// The connection on which each peer is spoken to; it may speak on another.
    spoken: Map<WorkerId, u64>,
    next: u64,
    /// Connections with something to say.
    waiting: Vec<u64>,
    /// Handshakes that the reader carries on; what is said meanwhile waits.
    pub(super) meetings: Meetings,
    /// In which the reader sleeps.
    pub(super) poller: Arc<Poller>,
}

/// Handshakes under way, by connection.
pub(super) type Meetings = Arc<Mutex<Map<u64, Meeting>>>;

struct Link {
    /// `None` until both sides have proved themselves.
    stream: Option<Arc<UnixStream>>,
    peer: Option<WorkerId>,
    outbox: Outbox,
    written: Timestamp,
    state: Writing,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Writing {
    /// Nothing is to be said.
    Idle,
    /// It is in the list of those with something to say.
    Waiting,
    /// The socket is full: the reader tells when it is not.
    Blocked,
}

impl Links {
    pub(super) fn new(node: Arc<UnixStream>, poller: Arc<Poller>, now: Timestamp) -> Self {
        let mut links = Map::default();
        links.insert(NODE, Link::new(Some(node), None, now));
        let (spoken, waiting, meetings) = (Map::default(), Vec::new(), Meetings::default());
        Self { links, spoken, next: NODE + 1, waiting, meetings, poller }
    }

    pub(super) fn say_to_node(&mut self, message: &ToDaemon) {
        if let Some(frames) = self.frames_to(NODE) {
            wire::encode(message, frames);
        }
    }

    /// Says something to a peer that is connected, or being connected to.
    pub(super) fn say_to_peer(&mut self, peer: WorkerId, message: &FromPeer) {
        let number = self.spoken.get(&peer).copied();
        if let Some(frames) = number.and_then(|number| self.frames_to(number)) {
            wire::encode(message, frames);
        }
    }

    pub(super) fn knows(&self, peer: WorkerId) -> bool {
        self.spoken.contains_key(&peer)
    }

    fn frames_to(&mut self, number: u64) -> Option<&mut Vec<u8>> {
        let link = self.links.get_mut(&number)?;
        link.note_waiting(number, &mut self.waiting);
        Some(link.outbox.frames())
    }

    /// A connection that is being made; with `peer`, it will be spoken on.
    pub(super) fn begin(&mut self, peer: Option<WorkerId>, now: Timestamp) -> u64 {
        let number = self.next;
        self.next += 1;
        self.links.insert(number, Link::new(None, peer, now));
        if let Some(peer) = peer {
            self.spoken.insert(peer, number);
        }
        number
    }

    /// Has the reader carry on the handshake of a connection that is being made.
    pub(super) fn meet(&self, number: u64, meeting: Meeting) -> io::Result<()> {
        // The reader may hear of it at once, and looks for it under the lock.
        let mut meetings = self.meetings.lock().unwrap_or_else(PoisonError::into_inner);
        self.poller.add(&meeting, number, Interest::Read)?;
        meetings.insert(number, meeting);
        Ok(())
    }

    /// Whether a handshake is under way.
    pub(super) fn are_meeting(&self) -> bool {
        !self.meetings.lock().unwrap_or_else(PoisonError::into_inner).is_empty()
    }

    /// Both sides proved themselves: what was said meanwhile may go. One that is over by now is closed.
    pub(super) fn connected(&mut self, number: u64, peer: WorkerId, stream: Arc<UnixStream>) {
        let Some(link) = self.links.get_mut(&number) else {
            drop(stream.shutdown(Shutdown::Both));
            return;
        };
        link.stream = Some(stream);
        link.peer = Some(peer);
        if !link.outbox.is_empty() {
            link.note_waiting(number, &mut self.waiting);
        }
        self.spoken.entry(peer).or_insert(number);
    }

    /// The socket of a connection takes bytes again.
    pub(super) fn writable(&mut self, number: u64) {
        if let Some(link) = self.links.get_mut(&number) {
            link.state = Writing::Idle;
            link.note_waiting(number, &mut self.waiting);
        }
    }

    /// Whether something waits to be written.
    pub(super) fn are_waiting(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// Writes what is due, or everything. Answers the connections that broke, and why.
    pub(super) fn flush(&mut self, now: Timestamp, everything: bool) -> Vec<(u64, String)> {
        let mut broken = Vec::new();
        let mut waiting = std::mem::take(&mut self.waiting);
        waiting.retain(|&number| {
            let Some(link) = self.links.get_mut(&number) else {
                return false;
            };
            if !everything && !link.is_due(now) {
                return true;
            }
            if let Err(error) = link.write(number, now, &self.poller) {
                broken.push((number, error.to_string()));
            }
            false
        });
        self.waiting = waiting;
        broken
    }

    /// Writes what could not be written, since the process ends: waits until it is read, at each for no longer than this.
    pub(super) fn write_patiently(&mut self, patience: Duration) {
        let unsaid = self.links.values_mut().filter(|link| !link.outbox.is_empty());
        // Who broke, or takes longer, hears no more.
        unsaid.for_each(|link| drop(link.write_patiently(patience)));
    }

    /// Ends all connections. Those that broke before are ended already.
    pub(super) fn close(&self) {
        self.links.values().for_each(Link::close);
    }

    /// Ends a connection that broke, and every other one to the same peer. Answers the peer if it had been one, or
    /// if it was to be one.
    pub(super) fn end(&mut self, number: u64) -> Option<WorkerId> {
        let gone = self.links.remove(&number)?;
        gone.close();
        let peer = gone.peer?;
        let others = self.links.extract_if(|_, link| link.peer == Some(peer));
        others.for_each(|(_, other)| other.close());
        self.spoken.remove(&peer);
        Some(peer)
    }
}

impl Link {
    fn new(stream: Option<Arc<UnixStream>>, peer: Option<WorkerId>, now: Timestamp) -> Self {
        // A first message goes at once.
        let written = Timestamp(now.0.saturating_sub(OUTBOX_DELAY.as_nanos() as u64));
        Self { stream, peer, outbox: Outbox::default(), written, state: Writing::Idle }
    }

    fn note_waiting(&mut self, number: u64, waiting: &mut Vec<u64>) {
        if self.state == Writing::Idle && self.stream.is_some() {
            self.state = Writing::Waiting;
            waiting.push(number);
        }
    }

    fn is_due(&self, now: Timestamp) -> bool {
        self.outbox.len() >= OUTBOX_BYTES || now.since(self.written) >= OUTBOX_DELAY
    }

    fn write(&mut self, number: u64, now: Timestamp, poller: &Poller) -> io::Result<()> {
        self.state = Writing::Idle;
        let Some(stream) = &self.stream else {
            return Ok(());
        };
        self.written = now;
        if self.outbox.flush(stream.as_fd())? == Flushed::Blocked {
            poller.change(stream, number, Interest::ReadWrite)?;
            self.state = Writing::Blocked;
        }
        Ok(())
    }

    /// Has the reader see its end and forget it. One that broke before is ended already.
    fn close(&self) {
        self.stream.iter().for_each(|stream| drop(stream.shutdown(Shutdown::Both)));
    }

    fn write_patiently(&mut self, patience: Duration) -> io::Result<()> {
        if let Some(stream) = &self.stream {
            stream.set_write_timeout(Some(patience))?;
            stream.set_nonblocking(false)?;
            self.outbox.flush(stream.as_fd())?;
        }
        Ok(())
    }
}
