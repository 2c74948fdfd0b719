//! What the head and the drivers are told without asking: what is free, and what workers wrote.
//!
//! Owns: when it is told, so that many small changes become one message. Does not own: what changed.

use std::collections::BTreeMap;
use std::time::Duration;

use types::{Resources, Timestamp, WorkerId};
use wire::to_node::NodeReport;
use wire::to_worker::{FromNode, OutputLines};

use super::{Effect, Node};

/// What changed is told at the latest after this long.
const DELAY: Duration = Duration::from_millis(20);
/// So many lines are told at once, however young.
const LINES_MAX: usize = 1000;

/// What is yet to be told.
#[derive(Debug, Default)]
pub(super) struct Reports {
    /// What is held as far as the head knows.
    held: Resources,
    /// How often something had come back when the head was refused bundles: it tries again after the next time.
    refused_at: Option<u64>,
    /// Lines for each driver.
    lines: BTreeMap<WorkerId, Vec<OutputLines>>,
    line_count: usize,
    pub(super) due: Option<Timestamp>,
}

impl Reports {
    fn by(&mut self, due: Timestamp) {
        self.due = Some(self.due.map_or(due, |earlier| earlier.min(due)));
    }
}

impl Node {
    /// The head was refused bundles: it hears of the next change at once.
    pub(super) const fn head_waits(&mut self) {
        self.reports.refused_at = Some(self.ledger.returns());
    }

    /// Tells what is due. What is free is told at once if the head waits for it.
    pub(super) fn report(&mut self) {
        if self.is_free_news() {
            let waits = self.reports.refused_at.is_some();
            self.reports.by(if waits { self.now } else { self.now + DELAY });
        }
        if self.reports.due.is_some_and(|due| self.now >= due) {
            self.reports.due = None;
            self.tell_lines();
            self.tell_free();
        }
    }

    /// Keeps what a worker wrote for the driver of its job.
    pub(super) fn wrote(&mut self, worker: WorkerId, error: bool, lines: Vec<String>) {
        let driver = self.job_of(worker).and_then(|job| self.driver_of(job));
        let Some(process) = self.processes.get_mut(&worker) else {
            return;
        };
        process.on_lines(&lines);
        let Some(driver) = driver else { return };
        let reports = &mut self.reports;
        reports.line_count += lines.len();
        let told = reports.lines.entry(driver).or_default();
        match told.last_mut() {
            Some(last)
                if last.worker == worker && last.error == error && last.name == process.name =>
            {
                last.lines.extend(lines);
            }
            Some(_) | None => {
                let (pid, name) = (process.pid, process.name.clone());
                told.push(OutputLines { worker, pid, name, error, lines });
            }
        }
        let is_much = reports.line_count >= LINES_MAX;
        reports.by(if is_much { self.now } else { self.now + DELAY });
    }

    pub(super) fn tell_lines(&mut self) {
        self.reports.line_count = 0;
        while let Some((driver, lines)) = self.reports.lines.pop_first() {
            self.effects.push(Effect::ToWorker(driver, FromNode::Lines(lines)));
        }
    }

    /// Tells what was read by now; a shell reads before it hands such a question over.
    pub(super) fn asked_for_lines(&mut self, driver: WorkerId, request: u64) {
        self.tell_lines();
        self.effects.push(Effect::ToWorker(driver, FromNode::LinesTold(request)));
    }

    /// Nothing is told to a driver that is gone.
    pub(super) fn forget_lines_for(&mut self, driver: WorkerId) {
        self.reports.lines.remove(&driver);
    }

    fn tell_free(&mut self) {
        if self.is_free_news() {
            self.ledger.held().clone_into(&mut self.reports.held);
            self.reports.refused_at = None;
            self.effects.push(Effect::ToHead(NodeReport::Free(self.ledger.free())));
        }
    }

    /// Whether what is free is not what the head knows, or for one that waits may lie on other devices.
    fn is_free_news(&self) -> bool {
        let moved = self.reports.refused_at.is_some_and(|returns| returns != self.ledger.returns());
        moved || *self.ledger.held() != self.reports.held
    }
}
