//! The worker processes of the node: asked for, running, ended, and what they write.
//!
//! Owns: their process ids and output pipes, and the fork server. Does not own: their connections (`daemon::peers`), or
//! which are wanted (`roles::node`).

use std::collections::VecDeque;
use std::io::{self, PipeReader, Read};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;

use roles::node::Event;
use types::limits::READ_BYTES;
use types::{Exit, Map, Timestamp, WorkerId};

use super::watch::{FORK_SERVER, Watch};
use crate::children::{self, Reaped};
use crate::output::Lines;
use crate::poll::Interest;
use crate::process::{ForkServer, Heard, Report, Request};
use crate::sys;

/// All worker processes.
#[derive(Debug)]
pub(super) struct Workers {
    server: ForkServer,
    server_watched: bool,
    server_blocked: bool,
    processes: Map<WorkerId, Process>,
    by_pid: Map<u32, WorkerId>,
    pipes: Map<u64, Pipe>,
    /// Pipes that hold a line without an end, in the order of its time limit.
    partial: VecDeque<(Timestamp, u64)>,
    scratch: Vec<u8>,
}

/// One worker process.
#[derive(Debug)]
pub(super) struct Process {
    pid: Option<u32>,
    /// It is to be ended as soon as its process is known.
    doomed: bool,
    pipes: [u64; 2],
}

#[derive(Debug)]
struct Pipe {
    reader: PipeReader,
    worker: WorkerId,
    error: bool,
    lines: Lines,
}

/// What a fork was asked with: the daemon's end of the control connection.
pub(super) struct Asked {
    pub(super) control: UnixStream,
    pub(super) request: Request,
}

impl Workers {
    pub(super) fn new(server: ForkServer, watch: &Watch) -> io::Result<Self> {
        let mut workers = Self {
            server,
            server_watched: false,
            server_blocked: false,
            processes: Map::default(),
            by_pid: Map::default(),
            pipes: Map::default(),
            partial: VecDeque::new(),
            scratch: vec![0; READ_BYTES],
        };
        workers.watch_server(watch)?;
        Ok(workers)
    }

    fn watch_server(&mut self, watch: &Watch) -> io::Result<()> {
        if let Some(socket) = self.server.socket() {
            watch.poller.add(&socket, FORK_SERVER, Interest::Read)?;
            self.server_watched = true;
        }
        Ok(())
    }

    /// Makes the control connection and output pipes of a new process.
    pub(super) fn prepare(
        &mut self,
        watch: &mut Watch,
        worker: WorkerId,
        environment: String,
    ) -> io::Result<Asked> {
        let (control, control_theirs) = UnixStream::pair()?;
        let (output, output_theirs) = io::pipe()?;
        let (error, error_theirs) = io::pipe()?;
        let pipes = [
            self.add_pipe(watch, worker, output, false)?,
            self.add_pipe(watch, worker, error, true)?,
        ];
        self.processes.insert(worker, Process { pid: None, doomed: false, pipes });
        let descriptors: [OwnedFd; 3] =
            [control_theirs.into(), output_theirs.into(), error_theirs.into()];
        Ok(Asked { control, request: Request { worker, environment, descriptors } })
    }

    fn add_pipe(
        &mut self,
        watch: &mut Watch,
        worker: WorkerId,
        reader: PipeReader,
        error: bool,
    ) -> io::Result<u64> {
        sys::set_nonblocking(reader.as_fd())?;
        let token = watch.add(&reader)?;
        self.pipes.insert(token, Pipe { reader, worker, error, lines: Lines::default() });
        Ok(token)
    }

    /// Asks the fork server for a prepared process.
    pub(super) fn ask(&mut self, watch: &Watch, request: Request) -> io::Result<Option<Report>> {
        let report = self.server.submit(request);
        self.adjust_interest(watch)?;
        Ok(report)
    }

    /// The fork server takes requests again.
    pub(super) fn flush_server(&mut self, watch: &Watch) -> io::Result<Option<Report>> {
        let report = self.server.flush();
        self.adjust_interest(watch)?;
        Ok(report)
    }

    fn adjust_interest(&mut self, watch: &Watch) -> io::Result<()> {
        let blocked = self.server.is_blocked();
        if self.server_watched
            && blocked != self.server_blocked
            && let Some(socket) = self.server.socket()
        {
            let interest = if blocked { Interest::ReadWrite } else { Interest::Read };
            watch.poller.change(&socket, FORK_SERVER, interest)?;
            self.server_blocked = blocked;
        }
        Ok(())
    }

    /// The fork server's next report. One that hung up says nothing more and is watched no longer: what is left to be
    /// known comes with the signal that it ended.
    pub(super) fn next_report(&mut self, watch: &Watch) -> io::Result<Option<Report>> {
        match self.server.receive()? {
            Heard::Report(report) => Ok(Some(report)),
            Heard::Nothing => Ok(None),
            Heard::End => {
                if let (true, Some(socket)) = (self.server_watched, self.server.socket()) {
                    watch.poller.remove(&socket)?;
                    self.server_watched = false;
                }
                Ok(None)
            }
        }
    }

    /// The process of a worker is known. Answers the event, the first time.
    pub(super) fn on_forked(&mut self, worker: WorkerId, pid: u32) -> io::Result<Option<Event>> {
        let Some(process) = self.processes.get_mut(&worker) else {
            return Ok(None);
        };
        if process.pid.is_some() {
            return Ok(None);
        }
        process.pid = Some(pid);
        self.by_pid.insert(pid, worker);
        if process.doomed {
            children::kill_group(pid)?;
        }
        Ok(Some(Event::Forked { worker, pid }))
    }

    /// A process could not be started: forgets it.
    pub(super) fn on_fork_failed(&mut self, worker: WorkerId, reason: String) -> Event {
        self.forget(worker);
        Event::ForkFailed { worker, reason }
    }

    fn forget(&mut self, worker: WorkerId) {
        let Some(process) = self.processes.remove(&worker) else {
            return;
        };
        if let Some(pid) = process.pid {
            self.by_pid.remove(&pid);
        }
        for token in process.pipes {
            self.pipes.remove(&token);
        }
    }

    /// Ends a process at once; false if it is none of the node's.
    pub(super) fn kill(&mut self, worker: WorkerId) -> io::Result<bool> {
        let Some(process) = self.processes.get_mut(&worker) else {
            return Ok(false);
        };
        process.doomed = true;
        process.pid.map_or(Ok(()), children::kill_group)?;
        Ok(true)
    }

    /// Whose process it is.
    pub(super) fn worker_of(&self, pid: u32) -> Option<WorkerId> {
        self.by_pid.get(&pid).copied()
    }

    /// The process of a worker ended: appends what it still wrote, then its end.
    pub(super) fn on_ended(&mut self, worker: WorkerId, reaped: Reaped, events: &mut Vec<Event>) {
        let tokens = self.processes.get(&worker).map(|process| process.pipes);
        for token in tokens.into_iter().flatten() {
            while self.read_pipe(token, Timestamp::ZERO, events) == More::Perhaps {}
            if let Some(mut pipe) = self.pipes.remove(&token) {
                let mut lines = Vec::new();
                pipe.lines.finish(&mut lines);
                wrote(&pipe, lines, events);
            }
        }
        self.forget(worker);
        let Reaped { exit, peak_memory_bytes, .. } = reaped;
        events.push(Event::ProcessEnded { worker, exit, peak_memory_bytes });
    }

    /// Whether this process is the fork server.
    pub(super) fn is_server(&self, pid: u32) -> bool {
        self.server.pid() == Some(pid)
    }

    /// The fork server was reaped: starts another. Answers the processes to be asked for again, and those whose end it
    /// took along.
    pub(super) fn on_server_end(&mut self, watch: &Watch, now: Timestamp) -> io::Result<Orphans> {
        let bereaved = self.server.on_end(now)?;
        self.server_blocked = false;
        self.server_watched = false;
        self.watch_server(watch)?;
        let is_unknown = |worker: &WorkerId| {
            self.processes.get(worker).is_some_and(|process| process.pid.is_none())
        };
        let unanswered = bereaved.unanswered.into_iter();
        let again: Vec<_> = unanswered.filter(|(worker, _)| is_unknown(worker)).collect();
        for (worker, _) in &again {
            self.forget(*worker);
        }
        let mut lost: Vec<_> = self.by_pid.iter().map(|(pid, worker)| (*worker, *pid)).collect();
        lost.retain(|(_, pid)| !children::is_child(*pid));
        lost.sort_unstable();
        let ended = |(_, pid)| Reaped { pid, exit: Exit::Unknown, peak_memory_bytes: 0 };
        Ok(Orphans { again, lost: lost.into_iter().map(ended).collect() })
    }

    /// Whether the number is that of a pipe.
    pub(super) fn has_pipe(&self, token: u64) -> bool {
        self.pipes.contains_key(&token)
    }

    /// A pipe can be read: appends the lines that came.
    pub(super) fn on_readable(&mut self, token: u64, now: Timestamp, events: &mut Vec<Event>) {
        if self.read_pipe(token, now, events) == More::Never
            && let Some(mut pipe) = self.pipes.remove(&token)
        {
            let mut lines = Vec::new();
            pipe.lines.finish(&mut lines);
            wrote(&pipe, lines, events);
        }
    }

    fn read_pipe(&mut self, token: u64, now: Timestamp, events: &mut Vec<Event>) -> More {
        let Some(pipe) = self.pipes.get_mut(&token) else {
            return More::Never;
        };
        let len = match pipe.reader.read(&mut self.scratch) {
            Ok(0) => return More::Never,
            Ok(len) => len,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return More::Perhaps,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return More::Later,
            Err(_) => return More::Never,
        };
        let had_deadline = pipe.lines.deadline().is_some();
        let mut lines = Vec::new();
        pipe.lines.on_bytes(now, &self.scratch[..len], &mut lines);
        if let (false, Some(deadline)) = (had_deadline, pipe.lines.deadline()) {
            self.partial.push_back((deadline, token));
        }
        wrote(pipe, lines, events);
        More::Perhaps
    }

    /// When the next line without an end is due.
    pub(super) fn deadline(&self) -> Option<Timestamp> {
        self.partial.front().map(|(deadline, _)| *deadline)
    }

    /// Appends the lines without an end that are due.
    pub(super) fn on_time(&mut self, now: Timestamp, events: &mut Vec<Event>) {
        while self.partial.front().is_some_and(|(deadline, _)| *deadline <= now) {
            let Some((_, token)) = self.partial.pop_front() else {
                return;
            };
            let Some(pipe) = self.pipes.get_mut(&token) else {
                continue;
            };
            let mut lines = Vec::new();
            pipe.lines.on_time(now, &mut lines);
            if let Some(later) = pipe.lines.deadline() {
                self.partial.push_back((later, token));
            }
            wrote(pipe, lines, events);
        }
    }

    /// Ends the fork server and all processes at once.
    pub(super) fn kill_all(&self) {
        let server = self.server.pid().into_iter();
        let mut pids: Vec<u32> = server.chain(self.by_pid.keys().copied()).collect();
        pids.sort_unstable();
        for pid in pids {
            // One that cannot be ended hears that the daemon is gone.
            drop(children::kill_group(pid));
        }
    }
}

/// What a fork server that ended leaves to be done.
#[derive(Debug)]
pub(super) struct Orphans {
    /// To be forked again.
    pub(super) again: Vec<(WorkerId, String)>,
    /// Ended, nobody knows how.
    pub(super) lost: Vec<Reaped>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum More {
    Perhaps,
    Later,
    Never,
}

fn wrote(pipe: &Pipe, lines: Vec<String>, events: &mut Vec<Event>) {
    if !lines.is_empty() {
        events.push(Event::Wrote { worker: pipe.worker, error: pipe.error, lines });
    }
}
