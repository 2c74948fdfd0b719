//! The work that one leased worker has, and how much more it takes.
//!
//! Owns: what was sent to the worker and what that is estimated to take. Does not own: the queues it comes from
//! (`dispatch`).

use std::collections::VecDeque;
use std::time::Duration;

use types::limits::{BURST, BURST_TASKS_MAX};
use types::{Assignment, Death, FunctionId, Map, TaskId, Timestamp, WorkerId};

#[derive(Debug, Clone, Copy)]
pub(super) struct Queued {
    pub(super) task: TaskId,
    pub(super) function: FunctionId,
    pub(super) alone: bool,
}

#[derive(Debug)]
pub(super) struct Lease {
    pub(super) line: u32,
    pub(super) worker: WorkerId,
    pub(super) assignment: Assignment,
    pub(super) load: VecDeque<(Queued, Duration)>,
    /// The sum of the estimates in `load`.
    pub(super) work: Duration,
    pub(super) idle_since: Timestamp,
    /// Somebody else waits for it: it gets no more work.
    pub(super) reclaimed: bool,
    /// Its worker gave work back, or was asked to: it gets none until it has ended something, and is given back if it
    /// has none left.
    pub(super) stuck: bool,
    /// How its worker ended, as the node says. It may still be heard.
    pub(super) death: Option<Death>,
    /// The connection to its worker is lost.
    pub(super) unheard: bool,
}

impl Lease {
    /// A lease just granted: nothing is sent yet.
    pub(super) fn new(now: Timestamp, line: u32, worker: WorkerId, assignment: Assignment) -> Self {
        Self {
            line,
            worker,
            assignment,
            load: VecDeque::new(),
            work: Duration::ZERO,
            idle_since: now,
            reclaimed: false,
            stuck: false,
            death: None,
            unheard: false,
        }
    }

    pub(super) fn takes_work(&self) -> bool {
        let alone = self.load.front().is_some_and(|(queued, _)| queued.alone);
        !self.reclaimed
            && !self.stuck
            && !alone
            && self.work < BURST
            && self.load.len() < BURST_TASKS_MAX
    }

    pub(super) fn is_idle(&self) -> bool {
        self.load.is_empty() && !self.reclaimed
    }

    /// The work behind the task that runs.
    pub(super) fn waiting_work(&self) -> Duration {
        self.work - self.load.front().map_or(Duration::ZERO, |(_, estimate)| *estimate)
    }

    pub(super) fn fill(
        &mut self,
        queue: &mut VecDeque<Queued>,
        durations: &Map<FunctionId, Duration>,
        share: usize,
        is_wanted: impl Fn(TaskId) -> bool,
    ) -> Vec<TaskId> {
        let mut tasks = Vec::new();
        while let Some(next) = queue.front().copied() {
            if !is_wanted(next.task) {
                queue.pop_front();
                continue;
            }
            let estimate = durations.get(&next.function).copied().unwrap_or(BURST);
            let estimate = estimate.max(Duration::from_micros(1));
            let joins = !next.alone && tasks.len() < share && self.work + estimate <= BURST;
            if !(self.load.is_empty() || joins && self.takes_work()) {
                break;
            }
            queue.pop_front();
            self.load.push_back((next, estimate));
            self.work += estimate;
            tasks.push(next.task);
        }
        tasks
    }
}
