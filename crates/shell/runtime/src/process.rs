//! The fork server, seen from the daemon: asks it for worker processes and hears of their ends.
//!
//! Owns: its process, its socket, and what it was asked and has not answered. Does not own: the workers
//! (`daemon::workers`), or what a worker does first (`aktis.cluster.fork_server`).
//!
//! Messages are datagrams of little-endian numbers, so that neither side needs a parser:
//!
//! ```text
//! request   worker (8) | environment (the rest), with the control socket, standard output and standard error
//! reply     kind (8) | worker or 0 (8) | process (8) | wait status (8) | peak memory in bytes (8) | reason (the rest)
//! ```

use std::collections::VecDeque;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::process::Command;

use types::limits::{FORK_MESSAGE_BYTES_MAX, FORK_SERVER_STARTS_MAX, FORK_SERVER_YOUTH};
use types::{Exit, Map, Timestamp, WorkerId};

use crate::children;
use crate::sys;

const REPLY_NUMBERS: usize = 5;
const FORKED: u64 = 1;
const FAILED: u64 = 2;
const ENDED: u64 = 3;

/// A worker process that is wanted.
#[derive(Debug)]
pub(crate) struct Request {
    /// What it is called.
    pub(crate) worker: WorkerId,
    /// Its runtime environment as canonical JSON; "" is none.
    pub(crate) environment: String,
    /// Its control socket, standard output and standard error.
    pub(crate) descriptors: [OwnedFd; 3],
}

/// What the fork server says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Report {
    /// A worker process was started.
    Forked {
        /// The worker.
        worker: WorkerId,
        /// Its process.
        pid: u32,
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
    /// Requests that its socket had no room for yet.
    unsent: VecDeque<Request>,
    unanswered: Map<WorkerId, Request>,
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
        let (unsent, unanswered) = (VecDeque::new(), Map::default());
        Ok(Self { argv, running, young_deaths: 0, unsent, unanswered })
    }

    /// Its process, if it runs.
    pub(crate) fn pid(&self) -> Option<u32> {
        self.running.as_ref().map(|running| running.pid)
    }

    /// Its socket, if it can be asked; another one after each start.
    pub(crate) fn socket(&self) -> Option<BorrowedFd<'_>> {
        self.running.as_ref()?.socket.as_ref().map(AsFd::as_fd)
    }

    /// Asks for a worker process. The answer is a report, now if it cannot even be asked for.
    #[must_use]
    pub(crate) fn submit(&mut self, request: Request) -> Option<Report> {
        let reason = if self.running.is_none() {
            "the fork server ends as soon as it is started; see its log".to_owned()
        } else if request.environment.len() > FORK_MESSAGE_BYTES_MAX {
            format!("its runtime environment is longer than {FORK_MESSAGE_BYTES_MAX} bytes")
        } else {
            self.unsent.push_back(request);
            return self.flush();
        };
        Some(Report::Failed { worker: request.worker, reason })
    }

    /// Sends what its socket has room for; answers the failure of a request that cannot be sent.
    fn flush(&mut self) -> Option<Report> {
        while let Some(request) = self.unsent.pop_front() {
            let Some(socket) = self.socket() else {
                self.unsent.push_front(request);
                return None;
            };
            let worker = request.worker.to_u64().to_le_bytes();
            let message = [&worker[..], request.environment.as_bytes()].concat();
            let descriptors = request.descriptors.each_ref().map(AsFd::as_fd);
            match sys::send(socket, &message, &descriptors) {
                Ok(_) => {
                    self.unanswered.insert(request.worker, request);
                }
                Err(error) if is_passing(&error) => {
                    self.unsent.push_front(request);
                    return None;
                }
                Err(error) => {
                    let reason = format!("the fork server cannot be asked: {error}");
                    return Some(Report::Failed { worker: request.worker, reason });
                }
            }
        }
        None
    }

    /// The next report, if there is one. One that hung up says nothing more: what is left to be known comes with
    /// [`Self::on_end`].
    ///
    /// # Errors
    /// If the fork server says what no fork server says.
    pub(crate) fn receive(&mut self) -> io::Result<Option<Report>> {
        // What had no room finds it once something was answered.
        if let Some(failed) = self.flush() {
            return Ok(Some(failed));
        }
        let Some(socket) = self.socket() else {
            return Ok(None);
        };
        let mut message = Vec::with_capacity(FORK_MESSAGE_BYTES_MAX);
        match sys::attempt(|| sys::receive(socket, &mut message, &mut Vec::new()))? {
            None => return Ok(None),
            Some(0) => {
                self.running.iter_mut().for_each(|running| running.socket = None);
                return Ok(None);
            }
            Some(_) => {}
        }
        let report = parse(&message).ok_or(io::ErrorKind::InvalidData)?;
        if let Report::Forked { worker, .. } | Report::Failed { worker, .. } = &report {
            self.unanswered.remove(worker);
        }
        Ok(Some(report))
    }

    /// Its process was reaped: starts another one, unless too many died young. Answers the workers with their environments
    /// whose fork may or may not have happened: to be asked for again, with new descriptors.
    ///
    /// # Errors
    /// If the program cannot be started any more.
    pub(crate) fn on_end(&mut self, now: Timestamp) -> io::Result<Vec<(WorkerId, String)>> {
        if let Some(dead) = self.running.take() {
            let young = now.since(dead.started_at) < FORK_SERVER_YOUTH;
            self.young_deaths = if young { self.young_deaths + 1 } else { 0 };
        }
        let unanswered = std::mem::take(&mut self.unanswered).into_values();
        let requests = self.unsent.drain(..).chain(unanswered);
        let unanswered = requests.map(|request| (request.worker, request.environment)).collect();
        if self.young_deaths < FORK_SERVER_STARTS_MAX {
            self.running = Some(Running::start(&self.argv, now)?);
        }
        Ok(unanswered)
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

/// Whether the socket is merely full or empty, or its other end just went, which is told otherwise.
fn is_passing(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::WouldBlock | io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset
    )
}

fn parse(message: &[u8]) -> Option<Report> {
    let (numbers, reason) = message.split_at_checked(REPLY_NUMBERS * 8)?;
    let (numbers, _) = numbers.as_chunks::<8>();
    let numbers: &[_; REPLY_NUMBERS] = numbers.try_into().ok()?;
    let [kind, worker, pid, status, peak_memory_bytes] = numbers.map(u64::from_le_bytes);
    let worker = WorkerId::from_u64(worker);
    let pid = u32::try_from(pid).ok()?;
    match kind {
        FORKED => Some(Report::Forked { worker, pid }),
        FAILED => {
            let reason = String::from_utf8_lossy(reason).into_owned();
            Some(Report::Failed { worker, reason })
        }
        ENDED => {
            let exit = i32::try_from(status).map_or(Exit::Unknown, children::exit_of);
            Some(Report::Ended(children::Reaped { pid, exit, peak_memory_bytes }))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests;
