//! What others say: sockets to messages, by whichever thread waits.
//!
//! Owns: the poller and what was received in part. Whoever holds the lock on it reads for all. Does not own: what
//! follows from a message (`shared`), or what is said (`links`).

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::time::Duration;

use types::{Map, Timestamp, WorkerId};
use wire::{FromNode, FromPeer, ToWorker};

use super::background::Alarm;
use super::links::NODE;
use crate::clock;
use crate::conn::{Inbox, Received};
use crate::meeting::{Meeting, Progress};
use crate::poll::{Interest, Poller, Ready};

/// The number under which the alarm is polled.
const ALARM: u64 = u64::MAX;
/// That of the event loop which the engine serves.
const LOOP: u64 = u64::MAX - 1;
/// How often handshakes are looked at that may take too long.
const MEETING_LOOK: Duration = Duration::from_millis(500);

/// Reads all sockets of the process.
pub(super) struct Reader {
    poller: Poller,
    alarm: Alarm,
    sources: Map<u64, Source>,
    served_loop: Option<Arc<OwnedFd>>,
    ready: Vec<Ready>,
    heard: Vec<Heard>,
    /// The meetings that are under way, for their deadlines.
    meetings: usize,
}

#[expect(clippy::large_enum_variant, reason = "handshakes are short and few")]
enum Source {
    Talk { stream: Arc<UnixStream>, inbox: Inbox, peer: Option<WorkerId> },
    Meeting(Option<Meeting>),
}

/// What the reader is to do before it polls.
#[expect(clippy::large_enum_variant, reason = "requests are rare and moved once")]
pub(super) enum Request {
    /// Read this connection.
    Read { link: u64, peer: Option<WorkerId>, stream: Arc<UnixStream>, inbox: Inbox },
    /// Carry on this handshake.
    Meet { link: u64, meeting: Meeting },
    /// Tell when this connection can be written to.
    TellWritable(u64),
    /// Read it no more.
    Forget(u64),
    /// Tell once when something is ready for this event loop.
    AttendLoop(Arc<OwnedFd>),
}

/// What was heard.
pub(super) enum Heard {
    /// The node or the head spoke.
    Node(ToWorker),
    /// A peer spoke.
    Peer(WorkerId, FromPeer),
    /// Somebody wants to speak with this process.
    Visitor(UnixStream),
    /// A handshake succeeded.
    Met { link: u64, peer: Option<WorkerId>, stream: UnixStream, inbox: Inbox },
    /// Something is ready for the event loop that the engine serves.
    Loop,
    /// A socket takes bytes again.
    Writable(u64),
    /// A connection ended or could not be made.
    Lost { link: u64, why: String },
}

impl Reader {
    pub(super) fn new(alarm: Alarm) -> io::Result<Self> {
        let poller = Poller::new()?;
        poller.add(&alarm, ALARM, Interest::Read)?;
        let (sources, ready, heard) = (Map::default(), Vec::new(), Vec::new());
        let served_loop = None;
        Ok(Self { poller, alarm, sources, served_loop, ready, heard, meetings: 0 })
    }

    /// Does what was asked of the reader.
    pub(super) fn obey(&mut self, requests: impl IntoIterator<Item = Request>) {
        for request in requests {
            if let Err((link, error)) = self.obey_one(request) {
                self.heard.push(Heard::Lost { link, why: error.to_string() });
            }
        }
    }

    /// Waits until something can be read or `limit` is over; reads it. Whether anything was heard.
    pub(super) fn poll(&mut self, limit: Option<Duration>) -> io::Result<bool> {
        let limit = match limit {
            _ if !self.heard.is_empty() => Some(Duration::ZERO),
            _ if self.meetings == 0 => limit,
            limit => Some(limit.map_or(MEETING_LOOK, |limit| limit.min(MEETING_LOOK))),
        };
        self.ready.clear();
        self.poller.wait(limit, &mut self.ready)?;
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
                self.on_writable(ready.token);
            }
            if ready.readable
                && let Err(why) = self.on_readable(ready.token)
            {
                self.heard.push(Heard::Lost { link: ready.token, why });
            }
        }
        if self.meetings > 0 {
            self.drop_late_meetings(clock::now());
        }
        Ok(!self.heard.is_empty())
    }

    /// What was heard and not yet taken, in order.
    pub(super) fn take_heard(&mut self) -> std::vec::Drain<'_, Heard> {
        self.heard.drain(..)
    }

    fn obey_one(&mut self, request: Request) -> Result<(), (u64, io::Error)> {
        match request {
            Request::Read { link, peer, stream, inbox } => {
                let known = self.sources.contains_key(&link);
                let added =
                    if known { Ok(()) } else { self.poller.add(&stream, link, Interest::Read) };
                self.sources.insert(link, Source::Talk { stream, inbox, peer });
                added.map_err(|error| (link, error))?;
                // Words that came with the end of the handshake are no reason to be woken.
                self.take_frames(link).map_err(|why| (link, io::Error::other(why)))
            }
            Request::Meet { link, meeting } => {
                self.poller.add(&meeting, link, Interest::Read).map_err(|error| (link, error))?;
                self.sources.insert(link, Source::Meeting(Some(meeting)));
                self.meetings += 1;
                Ok(())
            }
            Request::TellWritable(link) => self.set_interest(link, Interest::ReadWrite),
            Request::Forget(link) => self.forget(link),
            Request::AttendLoop(descriptor) => {
                self.attend_loop(descriptor).map_err(|error| (LOOP, error))
            }
        }
    }

    fn attend_loop(&mut self, descriptor: Arc<OwnedFd>) -> io::Result<()> {
        match &self.served_loop {
            Some(known) if Arc::ptr_eq(known, &descriptor) => {
                self.poller.change(known, LOOP, Interest::ReadOnce)
            }
            known => {
                if let Some(known) = known {
                    self.poller.remove(known)?;
                }
                self.poller.add(&descriptor, LOOP, Interest::ReadOnce)?;
                self.served_loop = Some(descriptor);
                Ok(())
            }
        }
    }

    fn set_interest(&self, link: u64, interest: Interest) -> Result<(), (u64, io::Error)> {
        let Some(Source::Talk { stream, .. }) = self.sources.get(&link) else {
            return Ok(());
        };
        self.poller.change(stream, link, interest).map_err(|error| (link, error))
    }

    fn forget(&mut self, link: u64) -> Result<(), (u64, io::Error)> {
        match self.sources.remove(&link) {
            Some(Source::Talk { stream, .. }) => {
                self.poller.remove(&stream).map_err(|error| (link, error))
            }
            Some(Source::Meeting(meeting)) => {
                self.meetings -= 1;
                let removed = meeting.map_or(Ok(()), |meeting| self.poller.remove(&meeting));
                removed.map_err(|error| (link, error))
            }
            None => Ok(()),
        }
    }

    fn on_writable(&mut self, link: u64) {
        if let Some(Source::Talk { .. }) = self.sources.get(&link) {
            match self.set_interest(link, Interest::Read) {
                Ok(()) => self.heard.push(Heard::Writable(link)),
                Err((link, error)) => self.heard.push(Heard::Lost { link, why: error.to_string() }),
            }
        }
    }

    fn on_readable(&mut self, link: u64) -> Result<(), String> {
        match self.sources.get_mut(&link) {
            None => Ok(()),
            Some(Source::Meeting(meeting)) => match meeting.take() {
                Some(meeting) => self.proceed(link, meeting),
                None => Ok(()),
            },
            Some(Source::Talk { stream, inbox, .. }) => {
                let received = inbox.receive(stream.as_fd()).map_err(|error| error.to_string())?;
                if received == Received::Some {
                    return self.take_frames(link);
                }
                if received == Received::Closed {
                    return Err("it closed the connection".to_owned());
                }
                Ok(())
            }
        }
    }

    fn take_frames(&mut self, link: u64) -> Result<(), String> {
        let Some(Source::Talk { inbox, peer, .. }) = self.sources.get_mut(&link) else {
            return Ok(());
        };
        while let Some(frame) = inbox.next_frame().map_err(|error| error.to_string())? {
            let heard = match *peer {
                Some(peer) => {
                    Heard::Peer(peer, wire::decode(frame).map_err(|error| error.to_string())?)
                }
                None => match wire::decode(frame).map_err(|error| error.to_string())? {
                    ToWorker::Node(FromNode::Visitor) => {
                        let visitor =
                            inbox.next_descriptor().ok_or("a visitor came without a socket")?;
                        Heard::Visitor(UnixStream::from(visitor))
                    }
                    message @ (ToWorker::Peer(_) | ToWorker::Node(_) | ToWorker::Head(_)) => {
                        Heard::Node(message)
                    }
                },
            };
            self.heard.push(heard);
        }
        Ok(())
    }

    fn proceed(&mut self, link: u64, meeting: Meeting) -> Result<(), String> {
        match meeting.proceed().map_err(|error| error.to_string())? {
            Progress::Waiting(meeting) => {
                self.sources.insert(link, Source::Meeting(Some(meeting)));
            }
            Progress::Met { conn, peer } => {
                let (stream, inbox, _) = conn.into_parts();
                self.poller.remove(&stream).map_err(|error| error.to_string())?;
                self.sources.remove(&link);
                self.meetings -= 1;
                self.heard.push(Heard::Met { link, peer, stream, inbox });
            }
        }
        Ok(())
    }

    fn drop_late_meetings(&mut self, now: Timestamp) {
        let late = |source: &Source| match source {
            Source::Meeting(meeting) => {
                meeting.as_ref().is_some_and(|meeting| meeting.deadline() <= now)
            }
            Source::Talk { .. } => false,
        };
        let all = self.sources.iter().filter(|(_, source)| late(source));
        let mut links: Vec<u64> = all.map(|(link, _)| *link).collect();
        links.sort_unstable();
        for link in links {
            let why = "the handshake took too long".to_owned();
            self.heard.push(Heard::Lost { link, why });
        }
    }
}

/// The node's connection, to be read from now on.
pub(super) fn read_node(stream: Arc<UnixStream>, inbox: Inbox) -> Request {
    Request::Read { link: NODE, peer: None, stream, inbox }
}
