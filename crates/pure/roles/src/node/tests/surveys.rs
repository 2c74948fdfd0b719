//! What a node says when all processes of the cluster are asked.

use types::{LeaseId, ProcessInfo, Subject};
use wire::to_node::NodeReport;
use wire::to_worker::FromNode;
use wire::{HeadToNode, ToNode};

use super::Effect;
use super::made_up::{JOB, TestNode, tell, worker};

#[test]
fn the_head_hears_which_processes_there_are_before_those_that_work_are_asked() {
    let mut node = TestNode::with_cpus(1);
    node.want(node.driver, 0.0, 2);

    let effects = node.head(HeadToNode::Survey(9, Subject::Tasks));

    let starting = ProcessInfo { pid: 0, asked: false, job: None, ..process(3, 3) };
    let driver = ProcessInfo { driver: true, ..process(1, 99) };
    let processes = vec![driver, process(2, 1002), starting];
    let ask = |number| tell(worker(number), FromNode::Survey(9, Subject::Tasks));
    assert_eq!(effects, [report(processes), ask(1), ask(2)]);
}

#[test]
fn for_what_ran_in_a_job_only_its_processes_are_asked_and_for_processes_none() {
    let mut node = TestNode::with_cpus(2);
    node.want(node.driver, 1.0, 1);
    node.say(node.driver, ToNode::Release(LeaseId(1)));

    let effects = node.head(HeadToNode::Survey(9, Subject::Spans(JOB)));
    let all = node.head(HeadToNode::Survey(9, Subject::Processes));

    let driver = ProcessInfo { driver: true, ..process(1, 99) };
    let ask = |number| tell(worker(number), FromNode::Survey(9, Subject::Spans(JOB)));
    let processes = vec![driver.clone(), process(3, 1003)];
    assert_eq!(effects, [report(processes), ask(1), ask(3)]);
    let idle = ProcessInfo { job: None, asked: false, ..process(2, 1002) };
    assert_eq!(all, [report(vec![driver, idle, process(3, 1003)])]);
}

fn report(processes: Vec<ProcessInfo>) -> Effect {
    Effect::ToHead(NodeReport::Processes(9, processes))
}

fn process(number: u32, pid: u32) -> ProcessInfo {
    ProcessInfo {
        worker: worker(number),
        pid,
        driver: false,
        asked: true,
        job: Some(JOB),
        environment: String::new(),
    }
}
