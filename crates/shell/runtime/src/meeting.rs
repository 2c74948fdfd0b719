//! A handshake over a socket that does not block: read what is wanted, say what follows, within a time limit.
//!
//! Owns: the socket until both sides have proved themselves. Does not own: the proofs (`handshake`), or the conversation
//! that follows (`conn`).

use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::path::Path;

use types::limits::HANDSHAKE_PATIENCE;
use types::{Timestamp, WorkerId};
use wire::preamble::Preamble;

use crate::conn::Conn;
use crate::entropy;
use crate::handshake::{Handshake, SAYING_BYTES_MAX};
use crate::listen::connect;
use crate::sys;

/// What a meeting came to so far.
#[derive(Debug)]
pub(crate) enum Progress {
    /// Go on when the socket can be read.
    Waiting(Meeting),
    /// Both sides proved themselves.
    Met {
        /// The conversation.
        conn: Conn,
        /// Who the other side is; `None` has no id (yet).
        peer: Option<WorkerId>,
    },
}

/// A handshake that is not finished. Its socket does not block.
#[derive(Debug)]
pub(crate) struct Meeting {
    stream: UnixStream,
    handshake: Handshake,
    heard: [u8; SAYING_BYTES_MAX],
    heard_len: usize,
    deadline: Timestamp,
}

impl Meeting {
    /// Connects to `target`, or to the daemon itself, through the node's `socket`, and begins the handshake as `own_id`.
    ///
    /// # Errors
    /// If nobody listens at `socket`.
    pub(crate) fn dial(
        socket: &Path,
        token: &[u8],
        target: Option<WorkerId>,
        own_id: Option<WorkerId>,
        now: Timestamp,
    ) -> io::Result<Self> {
        Self::initiate(connect(socket)?, token, target, own_id, now)
    }

    /// Begins as the side that connected: says the preamble and the first words.
    ///
    /// # Errors
    /// If the peer is gone.
    pub(crate) fn initiate(
        stream: UnixStream,
        token: &[u8],
        target: Option<WorkerId>,
        own_id: Option<WorkerId>,
        now: Timestamp,
    ) -> io::Result<Self> {
        let nonce = entropy::unguessable()?;
        let (handshake, opening) = Handshake::initiate(token, Preamble { target }, own_id, nonce);
        let mut meeting = Self::begin(stream, handshake, now)?;
        meeting.stream.write_all(&opening)?;
        Ok(meeting)
    }

    /// Begins as the side that was connected to. The preamble, read before, asked for `own_id`; `None` is the daemon.
    ///
    /// # Errors
    /// If the system has no chance left, or the socket is none.
    pub(crate) fn accept(
        stream: UnixStream,
        token: &[u8],
        own_id: Option<WorkerId>,
        now: Timestamp,
    ) -> io::Result<Self> {
        let nonce = entropy::unguessable()?;
        let handshake = Handshake::accept(token, Preamble { target: own_id }, own_id, nonce);
        Self::begin(stream, handshake, now)
    }

    fn begin(stream: UnixStream, handshake: Handshake, now: Timestamp) -> io::Result<Self> {
        stream.set_nonblocking(true)?;
        let deadline = now + HANDSHAKE_PATIENCE;
        Ok(Self { stream, handshake, heard: [0; SAYING_BYTES_MAX], heard_len: 0, deadline })
    }

    /// When to drop it, if it is still not finished.
    pub(crate) const fn deadline(&self) -> Timestamp {
        self.deadline
    }

    /// Reads and says what can be read and said now.
    ///
    /// # Errors
    /// If the other side cannot prove itself or is gone: the socket is closed.
    pub(crate) fn proceed(mut self) -> io::Result<Progress> {
        loop {
            let wanted = self.handshake.wanted();
            if wanted == 0 {
                let peer = self.handshake.peer();
                return Ok(Progress::Met { conn: Conn::new(self.stream)?, peer });
            }
            if !fill(&self.stream, &mut self.heard[..wanted], &mut self.heard_len)? {
                return Ok(Progress::Waiting(self));
            }
            self.heard_len = 0;
            let words = self.handshake.on_bytes(&self.heard[..wanted]).map_err(io::Error::other)?;
            // A fresh socket has room for a few bytes; one that has not is in the hands of somebody hostile.
            self.stream.write_all(&words)?;
        }
    }
}

/// Reads into `buffer`, of which `len` bytes were filled before, and not a byte more; false if the rest is not there yet.
///
/// # Errors
/// If the other side hung up, or the socket broke.
pub(crate) fn fill(
    mut stream: &UnixStream,
    buffer: &mut [u8],
    len: &mut usize,
) -> io::Result<bool> {
    while *len < buffer.len() {
        match sys::attempt(|| stream.read(&mut buffer[*len..]))? {
            None => return Ok(false),
            Some(0) => return Err(io::Error::other("the peer broke off the handshake")),
            Some(read) => *len += read,
        }
    }
    Ok(true)
}

impl AsFd for Meeting {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.stream.as_fd()
    }
}
