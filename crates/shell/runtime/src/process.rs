//! How worker processes begin and end, seen from the daemon: asks for them and hears of their ends.
//!
//! Owns: the socket to the fork server, and what it was asked and has not answered. Does not own: the workers
//! (`daemon::workers`), the fork server and what a worker does first (`aktis.cluster.fork_server`), or its life and the
//! daemon's own children and signals, of which a supervisor tells over the same socket (`aktis.cluster.supervisor`).
//!
//! Messages are datagrams of little-endian numbers, so that neither side needs a parser:
//!
//! ```text
//! request   worker (8) | environment (the rest)
//! reply     kind (8) | worker or 0 (8) | process (8) | wait status (8) | peak memory in bytes (8)
//!           | reason (the rest); with the control socket, standard output and standard error of a process that was started
//! ```

use std::collections::VecDeque;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use types::limits::FORK_MESSAGE_BYTES_MAX;
use types::{Exit, WorkerId};

use crate::children;
use crate::sys;

const REPLY_NUMBERS: usize = 5;
const FORKED: u64 = 1;
const FAILED: u64 = 2;
const ENDED: u64 = 3;
const RESTARTED: u64 = 4;
const TOLD_TO_STOP: u64 = 5;

/// What the fork server and the supervisor say.
#[derive(Debug)]
pub(crate) enum Report {
    /// A worker process was started.
    Forked {
        /// The worker.
        worker: WorkerId,
        /// Its process.
        pid: u32,
        /// The node's ends of its control socket, standard output and standard error.
        descriptors: [OwnedFd; 3],
    },
    /// A worker process could not be started.
    Failed {
        /// The worker.
        worker: WorkerId,
        /// Why.
        reason: String,
    },
    /// A process ended.
    Ended(children::Ended),
    /// The fork server ended, and its children are the daemon's; another one answers what it had not answered.
    Restarted,
    /// The daemon was sent a signal by which processes are told to stop.
    ToldToStop,
}

/// The fork server of a node.
#[derive(Debug)]
pub(crate) struct ForkServer {
    socket: OwnedFd,
    /// What was not answered, in the order in which it is.
    requests: VecDeque<Request>,
    /// So many of them were sent.
    sent: usize,
}

/// A worker process that is wanted.
#[derive(Debug)]
struct Request {
    worker: WorkerId,
    /// Its runtime environment as canonical JSON; "" is none.
    environment: String,
    is_doomed: bool,
}

impl ForkServer {
    /// The one at the other end of `socket`, which does not block.
    pub(crate) const fn new(socket: OwnedFd) -> Self {
        Self { socket, requests: VecDeque::new(), sent: 0 }
    }

    /// Wants a worker process, which the next [`Self::flush`] asks for.
    pub(crate) fn want(&mut self, worker: WorkerId, environment: String) {
        self.requests.push_back(Request { worker, environment, is_doomed: false });
    }

    /// Has a process that is wanted ended as soon as it is known; false if it is none.
    pub(crate) fn doom(&mut self, worker: WorkerId) -> bool {
        let wanted = self.requests.iter_mut().find(|request| request.worker == worker);
        wanted.map(|request| request.is_doomed = true).is_some()
    }

    /// Asks for what is wanted, as far as the socket has room: it finds more once something was answered. Answers the
    /// workers that cannot even be asked for, and why.
    pub(crate) fn flush(&mut self) -> Vec<(WorkerId, String)> {
        let mut refused = Vec::new();
        while let Some(request) = self.requests.get(self.sent) {
            match self.ask(request) {
                Ok(true) => self.sent += 1,
                Ok(false) => break,
                Err(reason) => {
                    refused.push((request.worker, reason));
                    self.requests.remove(self.sent);
                }
            }
        }
        refused
    }

    /// Sends a request; false if it has to wait for room.
    fn ask(&self, request: &Request) -> Result<bool, String> {
        if request.environment.len() > FORK_MESSAGE_BYTES_MAX {
            return Err(format!(
                "its runtime environment is longer than {FORK_MESSAGE_BYTES_MAX} bytes"
            ));
        }
        let worker = request.worker.to_u64().to_le_bytes();
        let message = [&worker[..], request.environment.as_bytes()].concat();
        match sys::attempt(|| sys::send(self.socket.as_fd(), &message, &[])) {
            Ok(sent) => Ok(sent.is_some()),
            Err(error) => Err(format!("the fork server cannot be asked: {error}")),
        }
    }

    /// The next report, if there is one.
    ///
    /// # Errors
    /// If something is said that no fork server says.
    pub(crate) fn receive(&mut self) -> io::Result<Option<Report>> {
        let mut message = Vec::with_capacity(FORK_MESSAGE_BYTES_MAX);
        let mut descriptors = Vec::new();
        let socket = self.socket.as_fd();
        match sys::attempt(|| sys::receive(socket, &mut message, &mut descriptors)) {
            Ok(None) => return Ok(None),
            // Descriptors that this process has no room for are missing.
            Err(error) if error.kind() == io::ErrorKind::InvalidData => {}
            received => drop(received?),
        }
        let report = parse(&message, descriptors).ok_or(io::ErrorKind::InvalidData)?;
        if let Report::Forked { worker, .. } | Report::Failed { worker, .. } = report {
            // A fork server that ended while it answered leaves the request to the next one. Of two processes the second,
            // whose ends nobody keeps, ends by itself.
            let Some(answered) = self.requests.pop_front_if(|first| first.worker == worker) else {
                return self.receive();
            };
            self.sent -= 1;
            if let (Report::Forked { pid, .. }, true) = (&report, answered.is_doomed) {
                children::kill_group(*pid)?;
            }
        }
        Ok(Some(report))
    }
}

impl AsFd for ForkServer {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

fn parse(message: &[u8], descriptors: Vec<OwnedFd>) -> Option<Report> {
    let (numbers, reason) = message.split_at_checked(REPLY_NUMBERS * 8)?;
    let (numbers, _) = numbers.as_chunks::<8>();
    let numbers: &[_; REPLY_NUMBERS] = numbers.try_into().ok()?;
    let [kind, worker, pid, status, peak_memory_bytes] = numbers.map(u64::from_le_bytes);
    let worker = WorkerId::from_u64(worker);
    let pid = u32::try_from(pid).ok()?;
    Some(match (kind, descriptors.try_into()) {
        (FORKED, Ok(descriptors)) => Report::Forked { worker, pid, descriptors },
        (FORKED, Err(_)) => {
            let reason = "the node has no descriptors left for it".to_owned();
            Report::Failed { worker, reason }
        }
        (FAILED, _) => {
            Report::Failed { worker, reason: String::from_utf8_lossy(reason).into_owned() }
        }
        (ENDED, _) => {
            let exit = i32::try_from(status).map_or(Exit::Unknown, children::exit_of);
            Report::Ended(children::Ended { pid, exit, peak_memory_bytes })
        }
        (RESTARTED, _) => Report::Restarted,
        (TOLD_TO_STOP, _) => Report::ToldToStop,
        _ => return None,
    })
}

#[cfg(test)]
mod tests;
