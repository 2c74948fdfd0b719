//! What others say: sockets to messages, by whichever thread waits.
//!
//! Owns: the poller and what was received in part. Whoever holds the lock on it reads for all. Does not own: what
//! follows from a message (`perform`), or what is said (`links`).

use std::io;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::sync::{Arc, MutexGuard, PoisonError};
use std::time::Duration;

use roles::worker::Event;
use types::{Map, Timestamp, WorkerId};
use wire::{FromNode, ToWorker};

use super::background::Alarm;
use super::links::{Links, Meetings, NODE};
use crate::clock;
use crate::conn::{Inbox, Received};
use crate::meeting::{Meeting, Progress};
use crate::poll::{Interest, Poller, Ready};

/// The number under which the alarm is polled.
const ALARM: u64 = u64::MAX;
/// That of the event loop which the engine serves.
pub(super) const LOOP: u64 = u64::MAX - 1;
/// How often handshakes are looked at that may take too long.
const MEETING_LOOK: Duration = Duration::from_millis(500);

/// Reads all sockets of the process.
pub(super) struct Reader {
    poller: Arc<Poller>,
    alarm: Arc<Alarm>,
    talks: Map<u64, Talk>,
    meetings: Meetings,
    ready: Vec<Ready>,
    heard: Vec<Heard>,
}

struct Talk {
    stream: Arc<UnixStream>,
    inbox: Inbox,
    /// None for the node.
    peer: Option<WorkerId>,
}

/// What was heard.
pub(super) enum Heard {
    /// The node, the head or a peer spoke.
    Said(Event),
    /// Somebody wants to speak with this process.
    Visitor(UnixStream),
    /// A handshake succeeded.
    Met { link: u64, peer: WorkerId, stream: Arc<UnixStream> },
    /// Something is ready for the event loop that the engine serves.
    Loop,
    /// A socket takes bytes again.
    Writable(u64),
    /// A connection ended or could not be made.
    Lost { link: u64, why: String },
}

impl Reader {
    /// Reads what the node says, and what came of it with its welcome.
    pub(super) fn new(
        links: &Links,
        alarm: Arc<Alarm>,
        stream: Arc<UnixStream>,
        inbox: Inbox,
    ) -> io::Result<Self> {
        let (poller, meetings) = (Arc::clone(&links.poller), Arc::clone(&links.meetings));
        poller.add(&*alarm, ALARM, Interest::Read)?;
        poller.add(&stream, NODE, Interest::Read)?;
        let mut talks = Map::default();
        talks.insert(NODE, Talk { stream, inbox, peer: None });
        let (ready, heard) = (Vec::new(), Vec::new());
        let mut reader = Self { poller, alarm, talks, meetings, ready, heard };
        reader.take_frames(NODE)?;
        Ok(reader)
    }

    /// Waits until something can be read or `limit` is over; reads it. Whether anything was heard.
    pub(super) fn poll(&mut self, limit: Option<Duration>) -> bool {
        let meets = !self.meetings().is_empty();
        let limit = match limit {
            _ if !self.heard.is_empty() => Some(Duration::ZERO),
            limit if meets => Some(limit.map_or(MEETING_LOOK, |limit| limit.min(MEETING_LOOK))),
            limit => limit,
        };
        self.ready.clear();
        let done = self.poller.wait(limit, &mut self.ready);
        self.note_loss(NODE, done);
        for index in 0..self.ready.len() {
            let ready = self.ready[index];
            if ready.token == ALARM {
                self.alarm.silence();
                continue;
            }
            if ready.token == LOOP {
                self.heard.push(Heard::Loop);
                continue;
            }
            if ready.writable {
                let done = self.on_writable(ready.token);
                self.note_loss(ready.token, done);
            }
            if ready.readable {
                let done = self.on_readable(ready.token);
                self.note_loss(ready.token, done);
            }
        }
        if meets {
            self.drop_late_meetings(clock::now());
        }
        !self.heard.is_empty()
    }

    /// What was heard and not yet taken, in order.
    pub(super) fn take_heard(&mut self) -> std::vec::Drain<'_, Heard> {
        self.heard.drain(..)
    }

    fn note_loss(&mut self, link: u64, done: io::Result<()>) {
        let Err(error) = done else { return };
        if let Some(talk) = self.talks.remove(&link) {
            // It is closed only when those who write to it have let go of it, too.
            drop(self.poller.remove(&talk.stream));
        }
        self.meetings().remove(&link);
        self.heard.push(Heard::Lost { link, why: error.to_string() });
    }

    fn on_writable(&mut self, link: u64) -> io::Result<()> {
        let talk = self.talks.get(&link);
        talk.map_or(Ok(()), |talk| self.poller.change(&talk.stream, link, Interest::Read))?;
        self.heard.push(Heard::Writable(link));
        Ok(())
    }

    fn on_readable(&mut self, link: u64) -> io::Result<()> {
        let Some(talk) = self.talks.get_mut(&link) else {
            return self.proceed(link);
        };
        match talk.inbox.receive(talk.stream.as_fd())? {
            Received::Some => self.take_frames(link),
            Received::Nothing => Ok(()),
            Received::Closed => Err(io::Error::other("it closed the connection")),
        }
    }

    fn take_frames(&mut self, link: u64) -> io::Result<()> {
        let Some(Talk { inbox, peer, .. }) = self.talks.get_mut(&link) else {
            return Ok(());
        };
        while let Some(frame) = inbox.next_frame().map_err(io::Error::other)? {
            let heard = match *peer {
                Some(peer) => {
                    let message = wire::decode(frame).map_err(io::Error::other)?;
                    Heard::Said(Event::Peer(peer, message))
                }
                None => match wire::decode(frame).map_err(io::Error::other)? {
                    ToWorker::Node(FromNode::Visitor) => {
                        let visitor = inbox
                            .next_descriptor()
                            .ok_or_else(|| io::Error::other("a visitor came without a socket"))?;
                        Heard::Visitor(UnixStream::from(visitor))
                    }
                    ToWorker::Node(message) => Heard::Said(Event::Node(message)),
                    ToWorker::Head(message) => Heard::Said(Event::Head(message)),
                    ToWorker::Peer(_) => {
                        return Err(io::Error::other("it spoke as if it were a worker"));
                    }
                },
            };
            self.heard.push(heard);
        }
        Ok(())
    }

    fn proceed(&mut self, link: u64) -> io::Result<()> {
        let meeting = self.meetings().remove(&link);
        let Some(meeting) = meeting else {
            return Ok(());
        };
        match meeting.proceed().map_err(io::Error::other)? {
            Progress::Waiting(meeting) => {
                self.meetings().insert(link, meeting);
                Ok(())
            }
            Progress::Met { peer: None, .. } => Err(io::Error::other("it has no name")),
            Progress::Met { conn, peer: Some(peer) } => {
                let (stream, inbox, _) = conn.into_parts();
                let stream = Arc::new(stream);
                self.heard.push(Heard::Met { link, peer, stream: Arc::clone(&stream) });
                self.talks.insert(link, Talk { stream, inbox, peer: Some(peer) });
                // Words that came with the end of the handshake are no reason to be woken.
                self.take_frames(link)
            }
        }
    }

    fn drop_late_meetings(&mut self, now: Timestamp) {
        let mut meetings = self.meetings.lock().unwrap_or_else(PoisonError::into_inner);
        let late = meetings.extract_if(|_link, meeting| meeting.deadline() <= now);
        let why = "the handshake took too long";
        self.heard.extend(late.map(|(link, _)| Heard::Lost { link, why: why.to_owned() }));
    }

    fn meetings(&self) -> MutexGuard<'_, Map<u64, Meeting>> {
        self.meetings.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
