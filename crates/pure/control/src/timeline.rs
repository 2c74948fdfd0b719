//! Remembers what ran where and when.
//!
//! Owns: the last report of each process, and the latest spans of processes that are gone. Does not own: who asks for
//! them, or whose report is awaited (`surveys`).

use std::collections::{BTreeMap, VecDeque};

use types::limits::{SPANS_MAX, SURVEY_ROWS_MAX};
use types::{JobId, Span, WorkerId};

/// The spans of all jobs, as far as they were reported.
#[derive(Debug, Default)]
pub(crate) struct Timeline {
    reported: BTreeMap<WorkerId, Vec<Span>>,
    ended: VecDeque<Span>,
}

impl Timeline {
    /// A process reported.
    pub(crate) fn on_spans(&mut self, worker: WorkerId, spans: Vec<Span>) {
        self.reported.insert(worker, spans);
    }

    /// A process is gone.
    pub(crate) fn on_worker_gone(&mut self, worker: WorkerId) {
        self.ended.extend(self.reported.remove(&worker).unwrap_or_default());
        let surplus = self.ended.len().saturating_sub(SPANS_MAX);
        self.ended.drain(..surplus);
    }

    /// A job ended: nobody can ask for its spans any more.
    pub(crate) fn on_job_ended(&mut self, job: JobId) {
        self.ended.retain(|span| span.job != job);
    }

    /// What ran for a job, or for all, in the order in which it began; the latest, if it is too much for one answer.
    #[must_use]
    pub(crate) fn spans(&self, job: Option<JobId>) -> Vec<Span> {
        let all = self.ended.iter().chain(self.reported.values().flatten());
        let mut spans: Vec<Span> =
            all.filter(|span| job.is_none_or(|job| span.job == job)).cloned().collect();
        spans.sort_by_key(|span| (span.began, span.worker));
        let surplus = spans.len().saturating_sub(SURVEY_ROWS_MAX);
        spans.drain(..surplus);
        spans
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use types::NodeId;

    use super::*;

    const JOB: JobId = JobId(1);
    const ANNE: WorkerId = WorkerId { node: NodeId(1), number: 1 };
    const BERT: WorkerId = WorkerId { node: NodeId(1), number: 2 };

    #[test]
    fn the_last_report_of_each_process_counts_also_when_it_is_gone() {
        let mut timeline = Timeline::default();
        timeline.on_spans(BERT, vec![span(BERT, 1)]);
        timeline.on_spans(ANNE, vec![span(ANNE, 7)]);

        timeline.on_spans(ANNE, vec![span(ANNE, 0)]);
        timeline.on_worker_gone(BERT);

        assert_eq!(timeline.spans(Some(JOB)), [span(ANNE, 0), span(BERT, 1)]);
        assert_eq!(timeline.spans(None), timeline.spans(Some(JOB)));
        assert_eq!(timeline.spans(Some(JobId(2))), []);
    }

    #[test]
    fn of_processes_that_are_gone_the_latest_spans_are_kept() {
        let mut timeline = Timeline::default();
        for process in 1..=2 {
            let worker = WorkerId { node: NodeId(2), number: process };
            timeline.on_spans(worker, (0..SPANS_MAX as u64).map(|at| span(worker, at)).collect());
            timeline.on_worker_gone(worker);
        }

        let spans = timeline.spans(Some(JOB));

        assert_eq!(spans.len(), SPANS_MAX);
        assert!(spans.iter().all(|span| span.worker.number == 2));
    }

    #[test]
    fn no_more_is_told_than_fits_into_an_answer() {
        let mut timeline = Timeline::default();
        for process in 1..=6 {
            let worker = WorkerId { node: NodeId(2), number: process };
            let second = u64::from(process);
            timeline.on_spans(worker, vec![span(worker, second); SPANS_MAX]);
        }

        let spans = timeline.spans(None);

        assert_eq!(spans.len(), SURVEY_ROWS_MAX);
        assert_eq!(spans[0].worker.number, 2, "the latest are told");
    }

    fn span(worker: WorkerId, second: u64) -> Span {
        let began = Duration::from_secs(second);
        let ran = Duration::from_millis(3);
        let name = "f".to_owned();
        Span { job: JOB, name, worker, pid: 9, began, ran, failed: false, called: None }
    }
}
