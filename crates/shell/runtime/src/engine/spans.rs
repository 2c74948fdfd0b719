//! What ran lately in this process, for the timeline.
//!
//! Owns: the newest `SPANS_MAX` spans. Does not own: how they are drawn.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use types::limits::SPANS_MAX;
use types::{JobId, Span, Template, Timestamp, WorkerId};

use crate::clock;

/// The spans.
#[derive(Default)]
pub(super) struct Spans {
    spans: VecDeque<Ran>,
}

/// Something that ran, by the clock of this process.
pub(super) struct Ran {
    pub(super) job: JobId,
    pub(super) name: Name,
    pub(super) ended: Timestamp,
    pub(super) ran: Duration,
    pub(super) failed: bool,
}

/// What people call it.
pub(super) enum Name {
    /// The name of a task.
    Task(Arc<Template>),
    /// One that the user gave.
    Own(String),
}

impl Spans {
    pub(super) fn push(&mut self, span: Ran) {
        if self.spans.len() == SPANS_MAX {
            self.spans.pop_front();
        }
        self.spans.push_back(span);
    }

    /// All of them as they are told, oldest first.
    pub(super) fn told(&self, worker: WorkerId) -> Vec<Span> {
        let origin = origin_since_epoch();
        let pid = std::process::id();
        let told = |kept: &Ran| Span {
            job: kept.job,
            name: match &kept.name {
                Name::Task(template) => template.name.clone(),
                Name::Own(name) => name.clone(),
            },
            worker,
            pid,
            began: (origin + kept.ended.since(Timestamp::ZERO)).saturating_sub(kept.ran),
            ran: kept.ran,
            failed: kept.failed,
        };
        self.spans.iter().map(told).collect()
    }
}

/// When the clock of this process began.
#[expect(
    clippy::disallowed_methods,
    reason = "spans of several machines meet in one picture, on the clock of the wall"
)]
fn origin_since_epoch() -> Duration {
    let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    wall.saturating_sub(clock::now().since(Timestamp::ZERO))
}
