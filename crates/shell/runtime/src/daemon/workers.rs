//! The worker processes of the node: running, ended, and what they write.
//!
//! Owns: their process ids and output pipes. Does not own: their connections (`daemon::peers`), the fork server
//! (`process`), or which are wanted (`roles::node`).

use std::collections::{BTreeMap, VecDeque};
use std::io::{self, PipeReader, Read};
use std::os::fd::OwnedFd;

use roles::node::Event;
use rustix::io::ioctl_fionbio;
use types::limits::{LINE_PATIENCE, READ_BYTES};
use types::{Exit, Map, Timestamp, WorkerId};

use super::Input;
use super::watch::Watch;
use crate::children::{self, Ended};
use crate::conn::Received;
use crate::output::Lines;
use crate::sys;

/// All worker processes.
#[derive(Debug)]
pub(super) struct Workers {
    processes: BTreeMap<WorkerId, Process>,
    pipes: Map<u64, Pipe>,
    /// Pipes that hold a line without an end, and when that is shown as it is.
    partial: BTreeMap<u64, Timestamp>,
    scratch: Vec<u8>,
}

/// One worker process.
#[derive(Debug)]
pub(super) struct Process {
    pid: u32,
    pipes: [u64; 2],
}

#[derive(Debug)]
struct Pipe {
    reader: PipeReader,
    worker: WorkerId,
    error: bool,
    lines: Lines,
}

impl Workers {
    pub(super) fn new() -> Self {
        Self {
            processes: BTreeMap::new(),
            pipes: Map::default(),
            partial: BTreeMap::new(),
            scratch: vec![0; READ_BYTES],
        }
    }

    /// A process was started, whose output comes from these pipes.
    pub(super) fn add(
        &mut self,
        watch: &mut Watch,
        worker: WorkerId,
        pid: u32,
        [output, error]: [OwnedFd; 2],
    ) -> io::Result<()> {
        let pipes = [
            self.add_pipe(watch, worker, output.into(), false)?,
            self.add_pipe(watch, worker, error.into(), true)?,
        ];
        self.processes.insert(worker, Process { pid, pipes });
        Ok(())
    }

    fn add_pipe(
        &mut self,
        watch: &mut Watch,
        worker: WorkerId,
        reader: PipeReader,
        error: bool,
    ) -> io::Result<u64> {
        ioctl_fionbio(&reader, true)?;
        let token = watch.add(&reader)?;
        self.pipes.insert(token, Pipe { reader, worker, error, lines: Lines::default() });
        Ok(token)
    }

    /// Forgets a process, whatever became of it.
    pub(super) fn forget(&mut self, worker: WorkerId) {
        let Some(process) = self.processes.remove(&worker) else {
            return;
        };
        for token in process.pipes {
            self.pipes.remove(&token);
        }
    }

    /// Ends a process at once; false if it is none of the node's.
    pub(super) fn kill(&self, worker: WorkerId) -> io::Result<bool> {
        let pid = self.processes.get(&worker).map(|process| process.pid);
        pid.map_or(Ok(()), children::kill_group)?;
        Ok(pid.is_some())
    }

    /// All of them.
    pub(super) fn all(&self) -> Vec<WorkerId> {
        self.processes.keys().copied().collect()
    }

    /// Whether it is one of the node's processes.
    pub(super) fn has(&self, worker: WorkerId) -> bool {
        self.processes.contains_key(&worker)
    }

    /// Whose process it is.
    pub(super) fn worker_of(&self, pid: u32) -> Option<WorkerId> {
        let found = self.processes.iter().find(|(_, process)| process.pid == pid);
        found.map(|(worker, _)| *worker)
    }

    /// The process of a worker ended: appends what it still wrote, then its end.
    pub(super) fn on_ended(
        &mut self,
        worker: WorkerId,
        ended: Ended,
        inputs: &mut VecDeque<Input>,
    ) {
        self.read_out(worker, inputs);
        self.forget(worker);
        let Ended { exit, peak_memory_bytes, .. } = ended;
        inputs.push_back(Input::Node(Event::ProcessEnded { worker, exit, peak_memory_bytes }));
    }

    /// The processes that the end of the fork server took along, nobody knows how.
    pub(super) fn lost(&self) -> Vec<Ended> {
        let ended = |pid| Ended { pid, exit: Exit::Unknown, peak_memory_bytes: 0 };
        self.pids().filter(|pid| !children::is_child(*pid)).map(ended).collect()
    }

    fn pids(&self) -> impl Iterator<Item = u32> {
        self.processes.values().map(|process| process.pid)
    }

    /// Whose pipe it is.
    pub(super) fn writer_of(&self, token: u64) -> Option<WorkerId> {
        self.pipes.get(&token).map(|pipe| pipe.worker)
    }

    /// A pipe can be read: appends the lines that came. One that is closed has none.
    pub(super) fn on_readable(&mut self, token: u64, now: Timestamp, inputs: &mut VecDeque<Input>) {
        if self.read_pipe(token, now, inputs) == Received::Closed {
            self.finish_line(token, inputs);
            self.pipes.remove(&token);
        }
    }

    /// Appends all that a process wrote until now, the last line as far as it goes.
    pub(super) fn read_out(&mut self, worker: WorkerId, inputs: &mut VecDeque<Input>) {
        let tokens = self.processes.get(&worker).map(|process| process.pipes);
        for token in tokens.into_iter().flatten() {
            while self.read_pipe(token, Timestamp::ZERO, inputs) == Received::Some {}
            self.finish_line(token, inputs);
        }
    }

    fn read_pipe(&mut self, token: u64, now: Timestamp, inputs: &mut VecDeque<Input>) -> Received {
        let Some(pipe) = self.pipes.get_mut(&token) else {
            return Received::Closed;
        };
        let len = match sys::attempt(|| pipe.reader.read(&mut self.scratch)) {
            Ok(Some(0)) | Err(_) => return Received::Closed,
            Ok(None) => return Received::Nothing,
            Ok(Some(len)) => len,
        };
        let lines = pipe.lines.on_bytes(&self.scratch[..len]);
        if pipe.lines.is_partial() {
            self.partial.entry(token).or_insert(now + LINE_PATIENCE);
        } else {
            self.partial.remove(&token);
        }
        wrote(pipe, lines, inputs);
        Received::Some
    }

    /// Appends the line without an end of a pipe, if it holds one.
    fn finish_line(&mut self, token: u64, inputs: &mut VecDeque<Input>) {
        self.partial.remove(&token);
        if let Some(pipe) = self.pipes.get_mut(&token) {
            let rest = pipe.lines.finish();
            wrote(pipe, rest, inputs);
        }
    }

    /// When the next line without an end is due.
    pub(super) fn deadline(&self) -> Option<Timestamp> {
        self.partial.values().min().copied()
    }

    /// Appends the lines without an end that are due.
    pub(super) fn on_time(&mut self, now: Timestamp, inputs: &mut VecDeque<Input>) {
        let due = self.partial.extract_if(.., |_token, deadline| *deadline <= now);
        let due: Vec<u64> = due.map(|(token, _deadline)| token).collect();
        due.into_iter().for_each(|token| self.finish_line(token, inputs));
    }

    /// Ends all processes at once.
    pub(super) fn kill_all(&self) {
        for pid in self.pids() {
            // One that cannot be ended hears that the daemon is gone.
            drop(children::kill_group(pid));
        }
    }
}

fn wrote(pipe: &Pipe, lines: impl IntoIterator<Item = String>, inputs: &mut VecDeque<Input>) {
    let lines: Vec<String> = lines.into_iter().collect();
    if !lines.is_empty() {
        let event = Event::Wrote { worker: pipe.worker, error: pipe.error, lines };
        inputs.push_back(Input::Node(event));
    }
}
