//! Everything the daemon waits for, by number.
//!
//! Owns: the numbers; none is used twice. Does not own: what is watched.

use std::io;
use std::os::fd::AsFd;

use crate::poll::{Interest, Poller};

/// The node's Unix socket.
pub(super) const LISTENER: u64 = 0;
/// The thread that spills has done something.
pub(super) const SPILLER: u64 = 1;
/// A process began or ended, or a signal came.
pub(super) const PROCESSES: u64 = 2;
/// The first number of a connection or pipe.
const FIRST: u64 = 16;

/// A poller that numbers what it watches.
#[derive(Debug)]
pub(super) struct Watch {
    pub(super) poller: Poller,
    next: u64,
}

impl Watch {
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self { poller: Poller::new()?, next: FIRST })
    }

    /// Begins to watch for input, under a new number.
    pub(super) fn add(&mut self, watched: &impl AsFd) -> io::Result<u64> {
        let token = self.next;
        self.poller.add(watched, token, Interest::Read)?;
        self.next += 1;
        Ok(token)
    }
}
