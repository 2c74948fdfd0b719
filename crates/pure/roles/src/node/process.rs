//! One process of the node, as far as the system sees it.
//!
//! Owns: its connection, its output and its end. Does not own: what it works on (`scheduler::Pool`).

use std::collections::VecDeque;

use types::limits::LAST_LINES_MAX;
use types::{Death, Exit, JobId, WorkerId};

/// One process.
#[derive(Debug)]
pub(super) struct Process {
    pub(super) pid: u32,
    pub(super) kind: Kind,
    pub(super) link: Link,
    /// What it calls itself.
    pub(super) name: String,
    /// Why it ends, if somebody said so.
    reason: String,
    last_lines: VecDeque<String>,
    /// How it ended, and the most memory it held, in bytes.
    pub(super) exit: Option<(Exit, u64)>,
}

/// What it is.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// The node started it.
    Worker,
    /// A user did.
    Driver { owns_cluster: bool, job: Option<JobId> },
}

/// Its connection to the node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Link {
    /// Not there yet.
    Awaited,
    /// There.
    Up,
    /// Gone.
    Down,
}

impl Process {
    pub(super) const fn new(pid: u32, kind: Kind, link: Link) -> Self {
        Self {
            pid,
            kind,
            link,
            name: String::new(),
            reason: String::new(),
            last_lines: VecDeque::new(),
            exit: None,
        }
    }

    /// Whether nothing more will be heard of it.
    pub(super) fn is_over(&self) -> bool {
        match self.kind {
            Kind::Worker => self.exit.is_some() && self.link != Link::Up,
            Kind::Driver { .. } => self.link != Link::Up,
        }
    }

    /// It is to end. What ends it first is the reason.
    pub(super) fn ends_because(&mut self, reason: &str) {
        if self.reason.is_empty() {
            reason.clone_into(&mut self.reason);
        }
    }

    /// Keeps the last of `lines`.
    pub(super) fn on_lines(&mut self, lines: &[String]) {
        let skipped = lines.len().saturating_sub(LAST_LINES_MAX);
        self.last_lines.extend(lines[skipped..].iter().cloned());
        let surplus = self.last_lines.len().saturating_sub(LAST_LINES_MAX);
        self.last_lines.drain(..surplus);
    }

    /// Its end, for those who knew it.
    pub(super) fn into_death(self, worker: WorkerId) -> Death {
        let (exit, peak_memory_bytes) = self.exit.unwrap_or((Exit::Unknown, 0));
        Death {
            worker,
            pid: self.pid,
            exit,
            reason: self.reason,
            peak_memory_bytes,
            last_lines: self.last_lines.into(),
        }
    }
}
