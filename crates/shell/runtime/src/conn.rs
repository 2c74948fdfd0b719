//! One conversation over a stream socket: bytes in, frames out, and the other way round.
//!
//! Owns: what was received and not yet taken ([`Inbox`]), what was said and not yet sent ([`Outbox`]), and descriptors
//! that travel along. Does not own: who may talk (`handshake`), when to read or write (`poll` and its users), or what is
//! said (`wire`).
//!
//! The two halves know no socket: each call is handed one, so that one thread may read while another writes.

use std::collections::VecDeque;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;

use types::limits::{BUFFER_KEPT_BYTES, OUTBOX_BYTES_MAX, READ_BYTES};
use wire::{FrameError, Frames};

use crate::sys;

/// What one attempt to read came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Received {
    /// There may be new frames, and more to read.
    Some,
    /// There is nothing to read now.
    Nothing,
    /// The peer said its last.
    Closed,
}

/// What one attempt to write came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Flushed {
    /// Nothing is left.
    All,
    /// The socket takes no more now: go on when it is writable.
    Blocked,
}

/// What was received and not yet taken.
#[derive(Debug, Default)]
pub(crate) struct Inbox {
    frames: Frames,
    descriptors: VecDeque<OwnedFd>,
}

impl Inbox {
    /// Reads once, at least 64 KiB if there is so much.
    ///
    /// # Errors
    /// If the stream broke. A peer that vanished is [`Received::Closed`].
    pub(crate) fn receive(&mut self, socket: BorrowedFd<'_>) -> io::Result<Received> {
        let room = self.frames.room(READ_BYTES);
        if room.is_empty() && room.capacity() > BUFFER_KEPT_BYTES {
            room.shrink_to(READ_BYTES);
        }
        let read = sys::attempt(|| sys::receive(socket, room, &mut self.descriptors))?;
        Ok(match read {
            None => Received::Nothing,
            Some(0) => Received::Closed,
            Some(_) => Received::Some,
        })
    }

    /// The next whole frame, if there is one.
    ///
    /// # Errors
    /// If the stream announces a frame beyond the limit.
    pub(crate) fn next_frame(&mut self) -> Result<Option<&[u8]>, FrameError> {
        self.frames.next_frame()
    }

    /// The next descriptor: each message that brings one takes one, in their order.
    pub(crate) fn next_descriptor(&mut self) -> Option<OwnedFd> {
        self.descriptors.pop_front()
    }
}

/// What was said and not yet sent.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    bytes: Vec<u8>,
    sent: usize,
    /// Each descriptor with the place in `bytes` where the frame begins that it goes with.
    descriptors: VecDeque<(usize, OwnedFd)>,
}

impl Outbox {
    /// Where `wire::encode` appends frames.
    pub(crate) const fn frames(&mut self) -> &mut Vec<u8> {
        &mut self.bytes
    }

    /// Lets `descriptor` go with the next frame that is appended.
    pub(crate) fn attach(&mut self, descriptor: OwnedFd) {
        self.descriptors.push_back((self.bytes.len(), descriptor));
    }

    /// How many bytes wait.
    pub(crate) const fn len(&self) -> usize {
        self.bytes.len() - self.sent
    }

    /// Whether nothing waits.
    pub(crate) const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Writes as much as the socket takes: one call, if it takes all.
    ///
    /// # Errors
    /// If the peer is gone, or has not read for so long that the outbox is full.
    pub(crate) fn flush(&mut self, socket: BorrowedFd<'_>) -> io::Result<Flushed> {
        while !self.is_empty() {
            match self.write_once(socket) {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return self.keep_rest(),
                Err(error) => return Err(error),
            }
        }
        self.bytes.clear();
        self.sent = 0;
        if self.bytes.capacity() > BUFFER_KEPT_BYTES {
            self.bytes.shrink_to(BUFFER_KEPT_BYTES);
        }
        Ok(Flushed::All)
    }

    /// Writes up to the next frame that a descriptor goes with, or that frame and its descriptor.
    fn write_once(&mut self, socket: BorrowedFd<'_>) -> io::Result<()> {
        let places = &self.descriptors;
        let due = places.front().is_some_and(|(place, _)| *place == self.sent);
        let end = places.get(usize::from(due)).map_or(self.bytes.len(), |(place, _)| *place);
        let part = &self.bytes[self.sent..end];
        let descriptor = places.front().filter(|_| due).map(|(_, descriptor)| descriptor.as_fd());
        self.sent += sys::send(socket, part, descriptor.as_slice())?;
        if due {
            self.descriptors.pop_front();
        }
        Ok(())
    }

    fn keep_rest(&mut self) -> io::Result<Flushed> {
        if self.len() > OUTBOX_BYTES_MAX {
            let told = format!("the peer left {} bytes unread", self.len());
            return Err(io::Error::new(io::ErrorKind::TimedOut, told));
        }
        // Moving the rest costs no more than sending it did, if at least half was sent.
        if self.sent > self.bytes.len() / 2 {
            self.bytes.drain(..self.sent);
            for (place, _) in &mut self.descriptors {
                *place -= self.sent;
            }
            self.sent = 0;
        }
        Ok(Flushed::Blocked)
    }
}

/// A socket with both halves, for who reads and writes in one thread.
#[derive(Debug)]
pub(crate) struct Conn {
    stream: UnixStream,
    /// What was received.
    pub(crate) inbox: Inbox,
    /// What is to be sent.
    pub(crate) outbox: Outbox,
}

impl Conn {
    /// The conversation over `stream`, which no longer blocks.
    ///
    /// # Errors
    /// If the kernel refuses, which it has no reason to.
    pub(crate) fn new(stream: UnixStream) -> io::Result<Self> {
        stream.set_nonblocking(true)?;
        Ok(Self { stream, inbox: Inbox::default(), outbox: Outbox::default() })
    }

    /// Reads once.
    ///
    /// # Errors
    /// As [`Inbox::receive`].
    pub(crate) fn receive(&mut self) -> io::Result<Received> {
        self.inbox.receive(self.stream.as_fd())
    }

    /// Writes as much as the socket takes.
    ///
    /// # Errors
    /// As [`Outbox::flush`].
    pub(crate) fn flush(&mut self) -> io::Result<Flushed> {
        self.outbox.flush(self.stream.as_fd())
    }

    /// The socket and both halves, for who uses them from several threads.
    pub(crate) fn into_parts(self) -> (UnixStream, Inbox, Outbox) {
        (self.stream, self.inbox, self.outbox)
    }
}

impl AsFd for Conn {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.stream.as_fd()
    }
}

#[cfg(test)]
mod tests;
