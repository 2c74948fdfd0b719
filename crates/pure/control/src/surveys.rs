//! Questions that every process answers for itself.
//!
//! Owns: who is still to be heard, what was heard, and which processes are gone. Does not own: who is asked in which
//! message (`roles::head`), or how long it is remembered what ran (`timeline`).
//!
//! A node first says which processes it has, and so names those that are to be heard; until then it stands for them.

use std::collections::{BTreeMap, BTreeSet};

use types::limits::SURVEY_ROWS_MAX;
use types::{Account, Death, JobId, Memory, NodeId, ProcessInfo, Subject, Surveyed, WorkerId};

use crate::functions::Asker;
use crate::timeline::Timeline;

/// The questions that wait, by number, and what is over.
#[derive(Debug)]
pub struct Surveys {
    last: u64,
    open: BTreeMap<u64, Survey>,
    gone: Memory<WorkerId, Death>,
    timeline: Timeline,
}

/// One question.
#[derive(Debug)]
struct Survey {
    asker: Asker,
    subject: Subject,
    told: Surveyed,
    /// The nodes that have not named their processes.
    nodes: BTreeSet<NodeId>,
    /// The processes that have not told what they know.
    missing: BTreeSet<WorkerId>,
    /// How many tasks and objects the answer can still hold, of each.
    room: usize,
}

impl Surveys {
    /// No questions, and a memory for `gone_max` processes that will be gone.
    #[must_use]
    pub fn new(gone_max: usize) -> Self {
        Self {
            last: 0,
            open: BTreeMap::new(),
            gone: Memory::new(gone_max),
            timeline: Timeline::default(),
        }
    }

    /// Somebody asks all processes of these nodes: the number under which they answer.
    pub fn ask(
        &mut self,
        asker: Asker,
        subject: Subject,
        nodes: impl Iterator<Item = NodeId>,
    ) -> u64 {
        let survey = Survey {
            asker,
            subject,
            told: Surveyed::default(),
            nodes: nodes.collect(),
            missing: BTreeSet::new(),
            room: SURVEY_ROWS_MAX,
        };
        self.last += 1;
        self.open.insert(self.last, survey);
        self.last
    }

    /// A node named its processes.
    pub fn on_processes(&mut self, survey: u64, node: NodeId, processes: Vec<ProcessInfo>) {
        let Some(survey) = self.open.get_mut(&survey) else {
            return;
        };
        if !survey.nodes.remove(&node) {
            return;
        }
        if survey.subject != Subject::Processes {
            let asked = processes.iter().filter(|process| process.asked);
            survey.missing.extend(asked.map(|process| process.worker));
        }
        survey.told.processes.extend(processes);
    }

    /// A process told what it knows, and with that what ran there.
    pub fn on_account(&mut self, survey: u64, worker: WorkerId, mut account: Box<Account>) {
        let spans = std::mem::take(&mut account.spans);
        if !spans.is_empty() {
            self.timeline.on_spans(worker, spans);
        }
        if let Some(survey) = self.open.get_mut(&survey)
            && survey.missing.remove(&worker)
        {
            account.leave_out(survey.room);
            survey.room -= account.tasks.len().max(account.objects.len());
            survey.told.accounts.push((worker, account));
        }
    }

    /// A process ended: it is not waited for, and its own questions are forgotten.
    pub fn on_worker_gone(&mut self, worker: WorkerId) {
        self.timeline.on_worker_gone(worker);
        self.open.retain(|_, survey| survey.asker.0 != worker);
        for survey in self.open.values_mut() {
            survey.missing.remove(&worker);
        }
    }

    /// How a process ended, for those who ask. Its last lines are not kept.
    pub fn on_death(&mut self, death: Death) {
        self.gone.remember(death.worker, Death { last_lines: Vec::new(), ..death });
    }

    /// A job ended: nobody asks for its spans any more.
    pub fn on_job_ended(&mut self, job: JobId) {
        self.timeline.on_job_ended(job);
    }

    /// A node is gone, and its processes with it.
    pub fn on_node_lost(&mut self, node: NodeId) {
        for survey in self.open.values_mut() {
            survey.nodes.remove(&node);
            survey.missing.retain(|worker| worker.node != node);
        }
    }

    /// The questions that need not wait any longer, and what is answered.
    #[must_use]
    pub fn take_finished(&mut self) -> Vec<(Asker, Surveyed)> {
        let finished = self.open.extract_if(.., |_, survey| survey.is_finished());
        let answered = |(_, Survey { asker, subject, mut told, .. })| {
            match subject {
                Subject::Spans(job) => told.spans = self.timeline.spans(Some(job)),
                Subject::Tasks => told.spans = self.timeline.spans(None),
                Subject::Processes => {
                    told.gone = self.gone.iter().map(|(_, death)| death.clone()).collect();
                }
                Subject::Objects => {}
            }
            (asker, told)
        };
        finished.map(answered).collect()
    }
}

impl Survey {
    fn is_finished(&self) -> bool {
        self.nodes.is_empty() && self.missing.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use types::{Exit, JobId, ObjectInfo, TaskId, Whereabouts};

    use super::*;

    const NODE: NodeId = NodeId(1);
    const OTHER_NODE: NodeId = NodeId(2);
    const ANNE: WorkerId = WorkerId { node: NODE, number: 1 };
    const BERT: WorkerId = WorkerId { node: NODE, number: 2 };
    const CARL: WorkerId = WorkerId { node: NODE, number: 3 };

    #[test]
    fn a_question_waits_for_every_node_and_every_process_that_it_asks() {
        let mut surveys = Surveys::new(10);
        let number = surveys.ask((ANNE, 7), Subject::Tasks, [NODE, OTHER_NODE].into_iter());

        surveys.on_account(number, ANNE, account(1));
        surveys.on_processes(number, NODE, vec![process(ANNE), process(BERT), starting(CARL)]);
        surveys.on_processes(number, OTHER_NODE, vec![]);
        surveys.on_account(number, BERT, account(2));
        surveys.on_account(number, BERT, account(3));
        assert!(surveys.take_finished().is_empty(), "who was not yet asked has not answered");
        surveys.on_account(number, ANNE, account(4));

        let [(_, told)] = &surveys.take_finished()[..] else { panic!("one is answered") };
        assert_eq!(told.processes, [process(ANNE), process(BERT), starting(CARL)]);
        assert_eq!(told.accounts, [(BERT, account(2)), (ANNE, account(4))]);
    }

    #[test]
    fn who_is_gone_is_not_waited_for_and_asks_no_more() {
        let mut surveys = Surveys::new(10);
        let first = surveys.ask((ANNE, 1), Subject::Tasks, [NODE].into_iter());
        surveys.on_processes(first, NODE, vec![process(BERT)]);
        surveys.ask((BERT, 2), Subject::Objects, [NODE].into_iter());
        surveys.ask((ANNE, 3), Subject::Processes, [OTHER_NODE].into_iter());

        surveys.on_worker_gone(BERT);
        surveys.on_node_lost(OTHER_NODE);

        let askers: Vec<_> = surveys.take_finished().iter().map(|(asker, _)| *asker).collect();
        assert_eq!(askers, [(ANNE, 1), (ANNE, 3)]);
        assert!(surveys.open.is_empty());
    }

    #[test]
    fn nobody_but_nodes_is_asked_for_processes_and_their_ends_are_remembered_up_to_a_limit() {
        let mut surveys = Surveys::new(1);
        let number = surveys.ask((ANNE, 1), Subject::Processes, [NODE].into_iter());
        surveys.on_processes(number, NODE, vec![process(ANNE)]);

        surveys.on_death(death(BERT, vec!["a line".to_owned()]));
        surveys.on_death(death(CARL, vec![]));

        let [(_, told)] = &surveys.take_finished()[..] else { panic!("one is answered") };
        assert_eq!(told.gone, [death(CARL, vec![])]);
    }

    #[test]
    fn what_does_not_fit_into_the_answer_is_left_out_and_counted() {
        let mut surveys = Surveys::new(1);
        let number = surveys.ask((ANNE, 1), Subject::Objects, [NODE].into_iter());
        surveys.on_processes(number, NODE, vec![process(ANNE), process(BERT)]);
        let object = ObjectInfo {
            object: TaskId::new(ANNE, 1, JobId(1)).output(0),
            owner: ANNE,
            place: Whereabouts::Unknown,
            mapped: false,
            needed: false,
        };
        let full = Account { objects: vec![object; SURVEY_ROWS_MAX - 1], ..Account::default() };

        surveys.on_account(number, ANNE, Box::new(full.clone()));
        surveys.on_account(number, BERT, Box::new(full));

        let [(_, told)] = &surveys.take_finished()[..] else { panic!("one is answered") };
        let told = told.accounts.iter().map(|(_, one)| (one.objects.len(), one.left_out));
        let left_out = SURVEY_ROWS_MAX as u64 - 2;
        assert_eq!(told.collect::<Vec<_>>(), [(SURVEY_ROWS_MAX - 1, 0), (1, left_out)]);
    }

    fn process(worker: WorkerId) -> ProcessInfo {
        ProcessInfo {
            worker,
            pid: worker.number,
            driver: false,
            asked: true,
            job: Some(JobId(1)),
            environment: String::new(),
        }
    }

    fn starting(worker: WorkerId) -> ProcessInfo {
        ProcessInfo { asked: false, ..process(worker) }
    }

    fn account(left_out: u64) -> Box<Account> {
        Box::new(Account { left_out, ..Account::default() })
    }

    fn death(worker: WorkerId, last_lines: Vec<String>) -> Death {
        Death {
            worker,
            pid: 7,
            exit: Exit::Signal(9),
            reason: String::new(),
            peak_memory_bytes: 0,
            last_lines,
        }
    }
}
