//! Waits for many descriptors at once: which one can go on, by a number its owner chose.
//!
//! Owns: the epoll instance. Does not own: the descriptors; who closes one removes it first.

use std::fmt;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::time::Duration;

use crate::sys;

/// How many events one wait takes; the rest come with the next, which does not sleep.
const EVENTS_PER_WAIT: usize = 128;

/// What somebody waits for at a descriptor; its end is always reported.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Interest {
    /// Its end only.
    End,
    /// That it can be read.
    Read,
    /// That it can be read, told once until this is asked again.
    ReadOnce,
    /// That it can be read or written.
    ReadWrite,
}

/// A descriptor that can go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ready {
    /// Its number.
    pub token: u64,
    /// There is something to read, or its end was reached.
    pub readable: bool,
    /// It takes bytes again.
    pub writable: bool,
}

/// An epoll instance; level-triggered.
pub struct Poller {
    epoll: OwnedFd,
    events: Box<[libc::epoll_event; EVENTS_PER_WAIT]>,
}

impl fmt::Debug for Poller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Poller").field("epoll", &self.epoll).finish_non_exhaustive()
    }
}

impl Interest {
    const fn bits(self) -> u32 {
        (match self {
            Self::End => 0,
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
    pub fn new() -> io::Result<Self> {
        let nothing = libc::epoll_event { events: 0, u64: 0 };
        Ok(Self { epoll: sys::epoll_create()?, events: Box::new([nothing; EVENTS_PER_WAIT]) })
    }

    /// Begins to watch `watched` under the number `token`.
    ///
    /// # Errors
    /// If it is watched already or cannot be.
    pub fn add(&self, watched: &impl AsFd, token: u64, interest: Interest) -> io::Result<()> {
        self.control(libc::EPOLL_CTL_ADD, watched, interest.bits(), token)
    }

    /// Changes what is waited for at `watched`.
    ///
    /// # Errors
    /// If it is not watched.
    pub fn change(&self, watched: &impl AsFd, token: u64, interest: Interest) -> io::Result<()> {
        self.control(libc::EPOLL_CTL_MOD, watched, interest.bits(), token)
    }

    /// Watches `watched` no longer.
    ///
    /// # Errors
    /// If it is not watched.
    pub fn remove(&self, watched: &impl AsFd) -> io::Result<()> {
        self.control(libc::EPOLL_CTL_DEL, watched, 0, 0)
    }

    /// Waits until something can go on or `limit` is over, and appends to `ready` what can.
    ///
    /// # Errors
    /// If the kernel refuses, which it has no reason to.
    pub fn wait(&mut self, limit: Option<Duration>, ready: &mut Vec<Ready>) -> io::Result<()> {
        const READABLE: u32 =
            (libc::EPOLLIN | libc::EPOLLRDHUP | libc::EPOLLHUP | libc::EPOLLERR) as u32;
        const WRITABLE: u32 = (libc::EPOLLOUT | libc::EPOLLHUP | libc::EPOLLERR) as u32;
        let count = sys::epoll_wait(self.epoll.as_fd(), &mut self.events[..], limit)?;
        ready.extend(self.events[..count].iter().map(|event| {
            let bits = event.events;
            Ready {
                token: event.u64,
                readable: bits & READABLE != 0,
                writable: bits & WRITABLE != 0,
            }
        }));
        Ok(())
    }

    fn control(
        &self,
        operation: i32,
        watched: &impl AsFd,
        bits: u32,
        token: u64,
    ) -> io::Result<()> {
        sys::epoll_control(self.epoll.as_fd(), operation, watched.as_fd(), bits, token)
    }
}

impl AsFd for Poller {
    fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> {
        self.epoll.as_fd()
    }
}
