//! Waits for many descriptors at once: which one can go on, by a number its owner chose.
//!
//! Owns: the epoll instance. Does not own: the descriptors; who closes one removes it first.

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::Duration;

use rustix::event::Timespec;
use rustix::event::epoll::{self, CreateFlags, Event, EventData, EventFlags};
use rustix::io::Errno;

/// How many events one wait takes; the rest come with the next, which does not sleep.
const EVENTS_PER_WAIT: usize = 128;

/// What somebody waits for at a descriptor; its end is always reported.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Interest {
    /// That it can be read.
    Read,
    /// That it can be read, told once until this is asked again.
    ReadOnce,
    /// That it can be read or written.
    ReadWrite,
}

/// A descriptor that can go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ready {
    /// Its number.
    pub(crate) token: u64,
    /// There is something to read, or its end was reached.
    pub(crate) readable: bool,
    /// It takes bytes again.
    pub(crate) writable: bool,
}

/// An epoll instance; level-triggered. While one thread waits, others may change what is watched.
#[derive(Debug)]
pub(crate) struct Poller(OwnedFd);

impl Interest {
    const fn flags(self) -> EventFlags {
        match self {
            Self::Read => EventFlags::IN.union(EventFlags::RDHUP),
            Self::ReadOnce => EventFlags::IN.union(EventFlags::ONESHOT),
            Self::ReadWrite => Self::Read.flags().union(EventFlags::OUT),
        }
    }
}

impl Poller {
    /// One that watches nothing.
    ///
    /// # Errors
    /// If the system has no descriptor left.
    pub(crate) fn new() -> io::Result<Self> {
        Ok(Self(epoll::create(CreateFlags::CLOEXEC)?))
    }

    /// Begins to watch `watched` under the number `token`.
    ///
    /// # Errors
    /// If it is watched already or cannot be.
    pub(crate) fn add(&self, watched: &impl AsFd, token: u64, what: Interest) -> io::Result<()> {
        Ok(epoll::add(&self.0, watched, EventData::new_u64(token), what.flags())?)
    }

    /// Changes what is waited for at `watched`.
    ///
    /// # Errors
    /// If it is not watched.
    pub(crate) fn change(&self, watched: &impl AsFd, token: u64, what: Interest) -> io::Result<()> {
        Ok(epoll::modify(&self.0, watched, EventData::new_u64(token), what.flags())?)
    }

    /// Watches `watched` no longer.
    ///
    /// # Errors
    /// If it is not watched.
    pub(crate) fn remove(&self, watched: &impl AsFd) -> io::Result<()> {
        Ok(epoll::delete(&self.0, watched)?)
    }

    /// Waits until something can go on or `limit` is over, and appends to `ready` what can. `None` waits without a limit;
    /// an interrupted wait is one that saw nothing.
    ///
    /// # Errors
    /// If the kernel refuses, which it has no reason to.
    pub(crate) fn wait(&self, limit: Option<Duration>, ready: &mut Vec<Ready>) -> io::Result<()> {
        const ENDED: EventFlags = EventFlags::HUP.union(EventFlags::ERR);
        const READABLE: EventFlags = ENDED.union(Interest::Read.flags());
        const WRITABLE: EventFlags = ENDED.union(EventFlags::OUT);
        let limit = limit.map(Timespec::try_from).transpose().map_err(io::Error::other)?;
        let mut room = [MaybeUninit::<Event>::uninit(); EVENTS_PER_WAIT];
        let seen = match epoll::wait(&self.0, &mut room, limit.as_ref()) {
            Err(Errno::INTR) => return Ok(()),
            other => other?.0,
        };
        ready.extend(seen.iter().map(|event| {
            let flags = event.flags;
            Ready {
                token: event.data.u64(),
                readable: flags.intersects(READABLE),
                writable: flags.intersects(WRITABLE),
            }
        }));
        Ok(())
    }
}

impl AsFd for Poller {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}
