//! What ran lately in this process, for the timeline.
//!
//! Owns: the newest `SPANS_MAX` spans. Does not own: how they are drawn.

use std::collections::VecDeque;
use std::process;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use types::limits::SPANS_MAX;
use types::{Called, JobId, Span, Timestamp};

use super::guarded::Core;
use crate::clock;

/// The spans, oldest first.
pub(super) struct Spans {
    pub(super) newest: VecDeque<Span>,
    /// When the clock of this process began, since the Unix epoch.
    pub(super) origin: Duration,
    pid: u32,
}

impl Spans {
    #[expect(
        clippy::disallowed_methods,
        reason = "spans of several machines meet in one picture, on the clock of the wall"
    )]
    pub(super) fn new() -> Self {
        let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let origin = wall.saturating_sub(clock::now().since(Timestamp::ZERO));
        Self { newest: VecDeque::new(), origin, pid: process::id() }
    }
}

impl Core {
    /// Keeps what ran for `job`, as of `ran` ago until now.
    pub(super) fn keep_span(
        &mut self,
        job: JobId,
        (name, called): (String, Option<Called>),
        ran: Duration,
        failed: bool,
    ) {
        let (worker, pid) = (self.identity.worker, self.spans.pid);
        let ended = self.spans.origin + self.now.since(Timestamp::ZERO);
        let began = ended.saturating_sub(ran);
        if self.spans.newest.len() == SPANS_MAX {
            self.spans.newest.pop_front();
        }
        self.spans.newest.push_back(Span { job, name, worker, pid, began, ran, failed, called });
    }
}
