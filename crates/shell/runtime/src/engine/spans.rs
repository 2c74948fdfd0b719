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
    spans: VecDeque<Kept>,
}

struct Kept {
    job: JobId,
    name: Name,
    began: Timestamp,
    ran: Duration,
    failed: bool,
}

enum Name {
    Task(Arc<Template>),
    Own(String),
}

impl Spans {
    pub(super) fn task_ended(
        &mut self,
        job: JobId,
        template: &Arc<Template>,
        now: Timestamp,
        ran: Duration,
        failed: bool,
    ) {
        let began = Timestamp(now.0.saturating_sub(ran.as_nanos() as u64));
        self.push(Kept { job, name: Name::Task(Arc::clone(template)), began, ran, failed });
    }

    pub(super) fn own(
        &mut self,
        job: JobId,
        name: String,
        began: Timestamp,
        ran: Duration,
        failed: bool,
    ) {
        self.push(Kept { job, name: Name::Own(name), began, ran, failed });
    }

    /// All of them as they are told, oldest first.
    pub(super) fn told(&self, worker: WorkerId) -> Vec<Span> {
        let origin = origin_since_epoch();
        let pid = std::process::id();
        let told = |kept: &Kept| Span {
            job: kept.job,
            name: match &kept.name {
                Name::Task(template) => template.name.clone(),
                Name::Own(name) => name.clone(),
            },
            worker,
            pid,
            began: origin + kept.began.since(Timestamp::ZERO),
            ran: kept.ran,
            failed: kept.failed,
        };
        self.spans.iter().map(told).collect()
    }

    fn push(&mut self, kept: Kept) {
        if self.spans.len() == SPANS_MAX {
            self.spans.pop_front();
        }
        self.spans.push_back(kept);
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
