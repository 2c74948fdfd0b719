//! Waits for many descriptors at once: which one can go on, by a number its owner chose.
//!
//! Owns: the epoll instance. Does not own: the descriptors; who closes one removes it first.
#![expect(unsafe_code, reason = "the standard library has no door to epoll")]

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::ptr;
use std::time::Duration;

use crate::sys;

/// How many events one wait takes; the rest come with the next, which does not sleep.
const EVENTS_PER_WAIT: usize = 64;

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
    const fn bits(self) -> u32 {
        (match self {
            Self::Read => libc::EPOLLIN | libc::EPOLLRDHUP,
            Self::ReadOnce => libc::EPOLLIN | libc::EPOLLONESHOT,
            Self::ReadWrite => libc::EPOLLIN | libc::EPOLLRDHUP | libc::EPOLLOUT,
        }) as u32
    }
}

impl Poller {
    /// One that watches nothing.
    ///
    /// # Errors
    /// If the system has no descriptor left.
    pub(crate) fn new() -> io::Result<Self> {
        // SAFETY: no memory is handed over.
        Ok(Self(sys::owned(unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) })?))
    }

    /// Begins to watch `watched` under the number `token`.
    ///
    /// # Errors
    /// If it is watched already or cannot be.
    pub(crate) fn add(&self, watched: &impl AsFd, token: u64, what: Interest) -> io::Result<()> {
        self.control(libc::EPOLL_CTL_ADD, watched, what.bits(), token)
    }

    /// Changes what is waited for at `watched`.
    ///
    /// # Errors
    /// If it is not watched.
    pub(crate) fn change(&self, watched: &impl AsFd, token: u64, what: Interest) -> io::Result<()> {
        self.control(libc::EPOLL_CTL_MOD, watched, what.bits(), token)
    }

    /// Watches `watched` no longer.
    ///
    /// # Errors
    /// If it is not watched.
    pub(crate) fn remove(&self, watched: &impl AsFd) -> io::Result<()> {
        self.control(libc::EPOLL_CTL_DEL, watched, 0, 0)
    }

    fn control(&self, how: i32, watched: &impl AsFd, events: u32, token: u64) -> io::Result<()> {
        let mut event = libc::epoll_event { events, u64: token };
        let (epoll, watched) = (self.0.as_raw_fd(), watched.as_fd().as_raw_fd());
        // SAFETY: `event` lives through the call, and the kernel copies it.
        sys::checked(unsafe { libc::epoll_ctl(epoll, how, watched, &raw mut event) }).map(drop)
    }

    /// Waits until something can go on or `limit` is over, and appends to `ready` what can. `None` waits without a limit;
    /// an interrupted wait is one that saw nothing.
    ///
    /// # Errors
    /// If the kernel refuses, which it has no reason to.
    pub(crate) fn wait(&self, limit: Option<Duration>, ready: &mut Vec<Ready>) -> io::Result<()> {
        const READABLE: u32 =
            (libc::EPOLLIN | libc::EPOLLRDHUP | libc::EPOLLHUP | libc::EPOLLERR) as u32;
        const WRITABLE: u32 = (libc::EPOLLOUT | libc::EPOLLHUP | libc::EPOLLERR) as u32;
        let span = limit.map(|span| libc::timespec {
            tv_sec: libc::time_t::try_from(span.as_secs()).unwrap_or(libc::time_t::MAX),
            tv_nsec: libc::c_long::from(span.subsec_nanos()),
        });
        let span = span.as_ref().map_or(ptr::null(), ptr::from_ref);
        let mut events = [libc::epoll_event { events: 0, u64: 0 }; EVENTS_PER_WAIT];
        let (epoll, room) = (self.0.as_raw_fd(), EVENTS_PER_WAIT as i32);
        // SAFETY: `events` has so much room; `span` is null or points to a value that lives here.
        let result =
            unsafe { libc::epoll_pwait2(epoll, events.as_mut_ptr(), room, span, ptr::null()) };
        let count = match sys::checked(result) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => 0,
            other => other? as usize,
        };
        ready.extend(events[..count].iter().map(|event| {
            let bits = event.events;
            Ready {
                token: event.u64,
                readable: bits & READABLE != 0,
                writable: bits & WRITABLE != 0,
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
