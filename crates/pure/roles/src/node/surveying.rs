//! Answers to those who ask all processes of the cluster.
//!
//! Owns: what a node says of its processes. Does not own: who waits for that (`control::surveys`), or what the
//! processes say of themselves (`worker::accounting`).

use types::{ProcessInfo, Subject, WorkerId};
use wire::to_node::NodeReport;
use wire::to_worker::FromNode;

use super::process::{Kind, Link, Process};
use super::{Effect, Node};

impl Node {
    /// The head hears which processes there are before it can hear from them.
    pub(super) fn survey(&mut self, survey: u64, subject: Subject) {
        let all = self.processes.iter().map(|(id, process)| self.process_info(*id, process));
        let processes: Vec<ProcessInfo> = match subject {
            Subject::Spans(job) => all.filter(|process| process.job == Some(job)).collect(),
            Subject::Processes | Subject::Tasks | Subject::Objects => all.collect(),
        };
        let asked = processes.iter().filter(|process| process.asked);
        let asked: Vec<WorkerId> = asked.map(|process| process.worker).collect();
        self.effects.push(Effect::ToHead(NodeReport::Processes(survey, processes)));
        if subject != Subject::Processes {
            let ask = |id| Effect::ToWorker(id, FromNode::Survey(survey, subject));
            self.effects.extend(asked.into_iter().map(ask));
        }
    }

    fn process_info(&self, worker: WorkerId, process: &Process) -> ProcessInfo {
        let environment = self.pool.environment_of(worker).unwrap_or_default().to_owned();
        let job = self.job_of(worker);
        ProcessInfo {
            worker,
            pid: process.pid,
            driver: process.kind != Kind::Worker,
            asked: process.link == Link::Up && job.is_some(),
            job,
            environment,
        }
    }
}
