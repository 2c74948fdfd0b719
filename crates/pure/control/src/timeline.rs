//! Gathers what ran where and when.
//!
//! Owns: the last report of each process, the latest spans of processes that are gone, and the questions that wait
//! for reports. Does not own: which processes work for a job (`jobs`).

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use types::limits::SPANS_MAX;
use types::{JobId, Span, WorkerId};

use crate::functions::Asker;

/// The spans of all jobs, as far as they were reported.
#[derive(Debug, Default)]
pub struct Timeline {
    reported: BTreeMap<WorkerId, Vec<Span>>,
    ended: VecDeque<Span>,
    gatherings: Vec<Gathering>,
}

/// A question that waits for reports.
#[derive(Debug)]
struct Gathering {
    asker: Asker,
    job: JobId,
    missing: BTreeSet<WorkerId>,
}

/// A question that need not wait any longer: who asked, and what ran, in the order in which it began.
pub type Gathered = (Asker, Vec<Span>);

impl Timeline {
    /// Somebody asks for what ran for a job, which these processes are now asked to report.
    #[must_use]
    pub fn ask(&mut self, asker: Asker, job: JobId, missing: BTreeSet<WorkerId>) -> Vec<Gathered> {
        self.gatherings.push(Gathering { asker, job, missing });
        self.finished()
    }

    /// A process reported: the questions that need not wait any longer.
    #[must_use]
    pub fn on_spans(&mut self, worker: WorkerId, spans: Vec<Span>) -> Vec<Gathered> {
        self.reported.insert(worker, spans);
        self.no_longer_missing(worker)
    }

    /// A process is gone: the questions that need not wait any longer.
    #[must_use]
    pub fn on_worker_gone(&mut self, worker: WorkerId) -> Vec<Gathered> {
        self.ended.extend(self.reported.remove(&worker).unwrap_or_default());
        let surplus = self.ended.len().saturating_sub(SPANS_MAX);
        self.ended.drain(..surplus);
        self.gatherings.retain(|gathering| gathering.asker.0 != worker);
        self.no_longer_missing(worker)
    }

    /// A job ended: nobody can ask for its spans any more.
    pub fn on_job_ended(&mut self, job: JobId) {
        self.ended.retain(|span| span.job != job);
    }

    /// The processes that reported and are there.
    pub fn workers(&self) -> impl Iterator<Item = WorkerId> {
        self.reported.keys().copied()
    }

    fn no_longer_missing(&mut self, worker: WorkerId) -> Vec<Gathered> {
        for gathering in &mut self.gatherings {
            gathering.missing.remove(&worker);
        }
        self.finished()
    }

    fn finished(&mut self) -> Vec<Gathered> {
        let done = self.gatherings.extract_if(.., |gathering| gathering.missing.is_empty());
        let done: Vec<Gathering> = done.collect();
        done.into_iter().map(|gathering| (gathering.asker, self.spans(gathering.job))).collect()
    }

    fn spans(&self, job: JobId) -> Vec<Span> {
        let all = self.ended.iter().chain(self.reported.values().flatten());
        let mut spans: Vec<Span> = all.filter(|span| span.job == job).cloned().collect();
        spans.sort_by_key(|span| (span.began, span.worker));
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
    fn a_question_waits_for_all_who_are_there_and_counts_who_is_gone() {
        let mut timeline = Timeline::default();
        assert_eq!(timeline.on_spans(BERT, vec![span(BERT, 1)]), []);

        assert_eq!(timeline.ask((ANNE, 7), JOB, BTreeSet::from([ANNE, BERT])), []);
        assert_eq!(timeline.on_spans(ANNE, vec![span(ANNE, 0)]), []);
        let gathered = timeline.on_worker_gone(BERT);

        let spans = vec![span(ANNE, 0), span(BERT, 1)];
        assert_eq!(gathered, [((ANNE, 7), spans)]);
    }

    #[test]
    fn a_question_nobody_can_answer_is_answered_at_once_and_other_jobs_are_left_out() {
        let mut timeline = Timeline::default();
        assert_eq!(timeline.on_spans(BERT, vec![span(BERT, 1)]), []);

        let gathered = timeline.ask((ANNE, 7), JobId(2), BTreeSet::new());

        assert_eq!(gathered, [((ANNE, 7), vec![])]);
    }

    #[test]
    fn of_processes_that_are_gone_the_latest_spans_are_kept() {
        let mut timeline = Timeline::default();
        for process in 1..=2 {
            let worker = WorkerId { node: NodeId(2), number: process };
            let spans = (0..SPANS_MAX as u64).map(|second| span(worker, second)).collect();
            assert_eq!(timeline.on_spans(worker, spans), []);
            assert_eq!(timeline.on_worker_gone(worker), []);
        }

        let gathered = timeline.ask((ANNE, 7), JOB, BTreeSet::new());

        assert_eq!(gathered[0].1.len(), SPANS_MAX);
        assert!(gathered[0].1.iter().all(|span| span.worker.number == 2));
    }

    fn span(worker: WorkerId, second: u64) -> Span {
        let began = Duration::from_secs(second);
        let ran = Duration::from_millis(3);
        Span { job: JOB, name: "f".to_owned(), worker, pid: 9, began, ran, failed: false }
    }
}
