//! A handshake over a socket that does not block: read what is wanted, say what follows, within a time limit.
//!
//! Owns: the socket until both sides have proved themselves. Does not own: the proofs (`handshake`), or the conversation
//! that follows (`conn`).

use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;

use types::limits::HANDSHAKE_PATIENCE;
use types::{Timestamp, WorkerId};
use wire::preamble::Preamble;

use crate::conn::Conn;
use crate::entropy;
use crate::handshake::{Handshake, HandshakeError, SAYING_BYTES_MAX, Step};

/// What a meeting came to so far.
#[derive(Debug)]
pub enum Progress {
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

/// Why a meeting failed.
#[derive(Debug, thiserror::Error)]
pub enum MeetingError {
    /// The other side could not prove itself.
    #[error(transparent)]
    Refused(#[from] HandshakeError),
    /// The other side hung up, or the socket broke.
    #[error("the peer broke off the handshake: {0}")]
    Broken(#[from] io::Error),
}

/// A handshake that is not finished. Its socket does not block.
#[derive(Debug)]
pub struct Meeting {
    stream: UnixStream,
    handshake: Handshake,
    heard: [u8; SAYING_BYTES_MAX],
    heard_len: usize,
    deadline: Timestamp,
}

impl Meeting {
    /// Begins as the side that connected: says the preamble and the first words.
    ///
    /// # Errors
    /// If the peer is gone.
    pub fn initiate(
        stream: UnixStream,
        token: &[u8],
        target: Option<WorkerId>,
        own_id: Option<WorkerId>,
        now: Timestamp,
    ) -> io::Result<Self> {
        let nonce = entropy::unguessable()?;
        let (handshake, opening) = Handshake::initiate(token, Preamble { target }, own_id, nonce);
        let meeting = Self::begin(stream, handshake, now)?;
        say(&meeting.stream, &opening)?;
        Ok(meeting)
    }

    /// Begins as the side that was connected to. The preamble, read before, asked for `own_id`; `None` is the daemon.
    ///
    /// # Errors
    /// If the system has no chance left, or the socket is none.
    pub fn accept(
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
    #[must_use]
    pub const fn deadline(&self) -> Timestamp {
        self.deadline
    }

    /// Reads and says what can be read and said now.
    ///
    /// # Errors
    /// If the other side cannot prove itself or is gone: the socket is closed.
    pub fn proceed(mut self) -> Result<Progress, MeetingError> {
        loop {
            let wanted = self.handshake.wanted();
            match self.stream.read(&mut self.heard[self.heard_len..wanted]) {
                Ok(0) => return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into()),
                Ok(len) => self.heard_len += len,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    return Ok(Progress::Waiting(self));
                }
                Err(error) => return Err(error.into()),
            }
            if self.heard_len < wanted {
                continue;
            }
            self.heard_len = 0;
            match self.handshake.on_bytes(&self.heard[..wanted])? {
                Step::Say(words) => say(&self.stream, words.as_bytes())?,
                Step::Done { words, peer } => {
                    say(&self.stream, words.as_bytes())?;
                    return Ok(Progress::Met { conn: Conn::new(self.stream)?, peer });
                }
            }
        }
    }
}

/// Writes a few bytes. A fresh socket has room for them; one that has not is in the hands of somebody hostile.
fn say(mut stream: &UnixStream, bytes: &[u8]) -> io::Result<()> {
    stream.write_all(bytes)
}

impl AsFd for Meeting {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.stream.as_fd()
    }
}
