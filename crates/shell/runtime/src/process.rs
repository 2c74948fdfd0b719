//! The fork server, seen from the daemon: asks it for worker processes and hears of their ends.
//!
//! Owns: its process, its socket, and what it was asked and has not answered. Does not own: the workers
//! (`daemon::workers`), or what a worker does first (`aktis.cluster.fork_server`).
//!
//! Messages are datagrams of little-endian numbers, so that neither side needs a parser:
//!
//! ```text
//! request   worker (8) | environment (the rest)
//! reply     kind (8) | worker or 0 (8) | process (8) | wait status (8) | peak memory in bytes (8) | reason (the rest);
//!           with the control socket, standard output and standard error of a worker process that was started
//! ```

use std::collections::VecDeque;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::process::Command;

use types::limits::{FORK_MESSAGE_BYTES_MAX, FORK_SERVER_STARTS_MAX, FORK_SERVER_YOUTH};
use types::{Exit, Timestamp, WorkerId};

use crate::children;
use crate::sys;

const REPLY_NUMBERS: usize = 5;
const FORKED: u64 = 1;
const FAILED: u64 = 2;
const ENDED: u64 = 3;

/// What the fork server says.
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
    /// A worker process ended.
    Ended(children::Reaped),
}

/// The fork server of a node.
#[derive(Debug)]
pub(crate) struct ForkServer {
    argv: Vec<String>,
    running: Option<Running>,
    /// How many died young, one after the other.
    young_deaths: u32,
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

#[derive(Debug)]
struct Running {
    pid: u32,
    /// Until it hangs up.
    socket: Option<OwnedFd>,
    started_at: Timestamp,
}

impl ForkServer {
    /// Starts `argv`, a program and its arguments, with the socket as its standard input.
    ///
    /// # Errors
    /// If the program cannot be started.
    pub(crate) fn start(argv: Vec<String>, now: Timestamp) -> io::Result<Self> {
        let running = Some(Running::start(&argv, now)?);
        Ok(Self { argv, running, young_deaths: 0, requests: VecDeque::new(), sent: 0 })
    }

    /// Its process, if it runs.
    pub(crate) fn pid(&self) -> Option<u32> {
        self.running.as_ref().map(|running| running.pid)
    }

    /// Its socket, if it can be asked; another one after each start.
    pub(crate) fn socket(&self) -> Option<BorrowedFd<'_>> {
        self.running.as_ref()?.socket.as_ref().map(AsFd::as_fd)
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

    /// Sends a request; false if it has to wait for room, or for the next fork server.
    fn ask(&self, request: &Request) -> Result<bool, String> {
        if self.running.is_none() {
            return Err("the fork server ends as soon as it is started; see its log".to_owned());
        }
        if request.environment.len() > FORK_MESSAGE_BYTES_MAX {
            return Err(format!(
                "its runtime environment is longer than {FORK_MESSAGE_BYTES_MAX} bytes"
            ));
        }
        let Some(socket) = self.socket() else {
            return Ok(false);
        };
        let worker = request.worker.to_u64().to_le_bytes();
        let message = [&worker[..], request.environment.as_bytes()].concat();
        match sys::send(socket, &message, &[]) {
            Ok(_) => Ok(true),
            Err(error) if is_passing(&error) => Ok(false),
            Err(error) => Err(format!("the fork server cannot be asked: {error}")),
        }
    }

    /// The next report, if there is one. One that hung up says nothing more: what is left to be known comes with
    /// [`Self::on_end`].
    ///
    /// # Errors
    /// If the fork server says what no fork server says.
    pub(crate) fn receive(&mut self) -> io::Result<Option<Report>> {
        let Some(socket) = self.socket() else {
            return Ok(None);
        };
        let mut message = Vec::with_capacity(FORK_MESSAGE_BYTES_MAX);
        let mut descriptors = Vec::new();
        match sys::attempt(|| sys::receive(socket, &mut message, &mut descriptors)) {
            Ok(None) => return Ok(None),
            Ok(Some(0)) => {
                self.running.iter_mut().for_each(|running| running.socket = None);
                return Ok(None);
            }
            // Descriptors that this process has no room for are missing.
            Err(error) if error.kind() == io::ErrorKind::InvalidData => {}
            received => drop(received?),
        }
        let report = parse(&message, descriptors).ok_or(io::ErrorKind::InvalidData)?;
        if let Report::Forked { .. } | Report::Failed { .. } = report {
            self.sent = self.sent.saturating_sub(1);
            let answered = self.requests.pop_front();
            if let (Report::Forked { pid, .. }, Some(Request { is_doomed: true, .. })) =
                (&report, answered)
            {
                children::kill_group(*pid)?;
            }
        }
        Ok(Some(report))
    }

    /// Its process was reaped: starts another one, unless too many died young, which is asked anew for what was not
    /// answered. A worker whose answer was lost ends by itself: so were the node's ends of what it talks and writes to.
    ///
    /// # Errors
    /// If the program cannot be started any more.
    pub(crate) fn on_end(&mut self, now: Timestamp) -> io::Result<()> {
        if let Some(dead) = self.running.take() {
            let young = now.since(dead.started_at) < FORK_SERVER_YOUTH;
            self.young_deaths = if young { self.young_deaths + 1 } else { 0 };
        }
        self.sent = 0;
        if self.young_deaths < FORK_SERVER_STARTS_MAX {
            self.running = Some(Running::start(&self.argv, now)?);
        }
        Ok(())
    }
}

impl Running {
    fn start(argv: &[String], now: Timestamp) -> io::Result<Self> {
        let Some((program, arguments)) = argv.split_first() else {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "no program is named"));
        };
        let (socket, theirs) = sys::message_pair()?;
        let pid = Command::new(program).args(arguments).stdin(theirs).spawn()?.id();
        Ok(Self { pid, socket: Some(socket), started_at: now })
    }
}

/// Whether the socket is merely full, or its other end just went, which is told otherwise.
fn is_passing(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::WouldBlock | io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset
    )
}

fn parse(message: &[u8], descriptors: Vec<OwnedFd>) -> Option<Report> {
    let (numbers, reason) = message.split_at_checked(REPLY_NUMBERS * 8)?;
    let (numbers, _) = numbers.as_chunks::<8>();
    let numbers: &[_; REPLY_NUMBERS] = numbers.try_into().ok()?;
    let [kind, worker, pid, status, peak_memory_bytes] = numbers.map(u64::from_le_bytes);
    let worker = WorkerId::from_u64(worker);
    let pid = u32::try_from(pid).ok()?;
    match (kind, descriptors.try_into()) {
        (FORKED, Ok(descriptors)) => Some(Report::Forked { worker, pid, descriptors }),
        (FORKED, Err(_)) => {
            let reason = "the node has no descriptors left for it".to_owned();
            Some(Report::Failed { worker, reason })
        }
        (FAILED, _) => {
            let reason = String::from_utf8_lossy(reason).into_owned();
            Some(Report::Failed { worker, reason })
        }
        (ENDED, _) => {
            let exit = i32::try_from(status).map_or(Exit::Unknown, children::exit_of);
            Some(Report::Ended(children::Reaped { pid, exit, peak_memory_bytes }))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests;
