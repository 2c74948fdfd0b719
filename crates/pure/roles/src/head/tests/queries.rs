//! Questions and their answers.

use std::time::Duration;

use types::{Account, ActorInfo, GroupInfo, JobInfo, Key, ProcessInfo, Span, Subject, Surveyed};

use super::*;

#[test]
fn nodes_and_resources_are_told_those_that_are_gone_too() {
    let mut head = TestHead::with_cpus(4);
    head.join(OTHER_NODE, cpus(2));
    head.reports(NodeReport::Free(cpus(3)));
    assert_eq!(head.free(), cpus(5));
    head.step(Event::NodeLost(OTHER_NODE));

    let gone = NodeInfo { alive: false, ..node_info(OTHER_NODE, Resources::default()) };
    let there = NodeInfo { free: cpus(3), ..node_info(NODE, cpus(4)) };
    assert_eq!(head.asks(Question::Nodes), Answer::Nodes(vec![gone, there]));
}

#[test]
fn a_node_cannot_report_more_free_than_it_has() {
    let mut head = TestHead::with_cpus(4);
    let mut free = cpus(9);
    free.set("GPU", Amount::ONE);

    head.reports(NodeReport::Free(free));

    assert_eq!(head.free(), cpus(4));
}

#[test]
fn actors_groups_and_jobs_are_listed_with_their_states() {
    let mut head = TestHead::with_cpus(4);
    let (killed, pending) = (actor(1), ActorSpec { name: Some(named("n")), ..actor(2) });
    head.create(&killed);
    head.create(&pending);
    head.says(DRIVER, ToHead::KillActor { actor: killed.id, for_good: true });
    let spec = group(1, GroupStrategy::Pack, [1]);
    head.created(&spec);

    let class = "Counter".to_owned();
    let died = Failure::ActorDied(killed.id, ActorEnd::Killed);
    let dead = ActorInfo {
        actor: killed.id,
        class: class.clone(),
        name: None,
        state: ActorState::Dead(Arc::new(died)),
        restarts: 0,
        shape: Arc::default(),
        detached: false,
    };
    let state = ActorState::Pending;
    let lives = ActorInfo { actor: pending.id, class, name: pending.name, state, ..dead.clone() };
    assert_eq!(head.asks(Question::Actors), Answer::Actors(vec![dead, lives]));
    let state = GroupState::Created(vec![NODE]);
    assert_eq!(head.asks(Question::Groups), Answer::Groups(vec![GroupInfo { spec, state }]));
    let job = JobInfo {
        job: JOB,
        driver: DRIVER,
        pid: 10,
        namespace: "space".to_owned(),
        entrypoint: "main.py".to_owned(),
        running: true,
    };
    assert_eq!(head.asks(Question::Jobs), Answer::Jobs(vec![job.clone()]));
    head.gone(DRIVER);
    let ended = JobInfo { running: false, ..job };
    assert_eq!(head.asks(Question::Jobs), Answer::Jobs(vec![ended]));
}

#[test]
fn keys_are_put_read_listed_and_deleted() {
    let mut head = TestHead::with_cpus(4);
    let key = |name: &str| Key { namespace: "n".to_owned(), name: name.as_bytes().to_vec() };
    let value = Payload::from(&b"value"[..]);
    let put = |overwrite| Question::Put { key: key("ab"), value: value.clone(), overwrite };

    assert_eq!(head.asks(put(false)), Answer::Count(1));
    assert_eq!(head.asks(put(false)), Answer::Count(0));
    assert_eq!(head.asks(put(true)), Answer::Count(0));
    assert_eq!(head.asks(Question::Get(key("ab"))), Answer::Bytes(value.clone()));
    assert_eq!(head.asks(Question::Get(key("a"))), Answer::Nothing);
    assert_eq!(head.asks(Question::Keys(key("a"))), Answer::Keys(vec![b"ab".to_vec()]));
    assert_eq!(head.asks(Question::Delete { key: key("a"), prefix: true }), Answer::Count(1));
}

#[test]
fn a_question_to_all_goes_by_way_of_the_nodes_and_waits_for_every_process_or_its_end() {
    let mut head = TestHead::with_cpus(4);
    head.join(OTHER_NODE, cpus(2));

    let question = Question::Survey(Subject::Spans(JOB));
    let ask = |node| Effect::ToNode(node, HeadToNode::Survey(1, Subject::Spans(JOB)));
    let asked = head.says(DRIVER, ToHead::Ask { request: 2, question });
    assert_eq!(asked, [ask(NODE), ask(OTHER_NODE)]);
    let processes: Vec<_> = [DRIVER, PROCESS, OTHER_PROCESS].map(process).into();
    assert_eq!(head.reports(NodeReport::Processes(1, processes.clone())), []);
    assert_eq!(head.says(DRIVER, account(&[])), []);
    assert_eq!(head.says(OTHER_PROCESS, account(&[span(OTHER_PROCESS, 1)])), []);
    head.step(Event::NodeLost(OTHER_NODE));

    let told = Answer::Survey(Surveyed {
        processes,
        gone: vec![],
        accounts: vec![(DRIVER, Box::default()), (OTHER_PROCESS, Box::default())],
        spans: vec![span(OTHER_PROCESS, 1)],
    });
    assert_eq!(head.gone(PROCESS), [answered(DRIVER, 2, told)]);
}

#[test]
fn what_ran_in_a_process_that_is_gone_and_how_it_ended_can_still_be_asked() {
    let mut head = TestHead::with_cpus(4);
    head.says(PROCESS, account(&[span(PROCESS, 1)]));
    head.gone(PROCESS);

    let nobody = |survey, subject| {
        let question = Question::Survey(subject);
        (ToHead::Ask { request: 9, question }, NodeReport::Processes(survey, vec![]))
    };
    let (asked, none) = nobody(1, Subject::Tasks);
    head.says(DRIVER, asked);
    let spans = vec![span(PROCESS, 1)];
    let told = Surveyed { spans, ..surveyed() };
    assert_eq!(head.reports(none), [answered(DRIVER, 9, Answer::Survey(told))]);
    let (asked, none) = nobody(2, Subject::Processes);
    head.says(DRIVER, asked);
    let told = Surveyed { gone: vec![death(PROCESS)], ..surveyed() };
    assert_eq!(head.reports(none), [answered(DRIVER, 9, Answer::Survey(told))]);
}

fn surveyed() -> Surveyed {
    Surveyed { processes: vec![], gone: vec![], accounts: vec![], spans: vec![] }
}

fn process(worker: WorkerId) -> ProcessInfo {
    let environment = String::new();
    ProcessInfo { worker, pid: 5, driver: false, asked: true, job: Some(JOB), environment }
}

fn account(spans: &[Span]) -> ToHead {
    ToHead::Account(1, Box::new(Account { spans: spans.to_vec(), ..Account::default() }))
}

fn span(worker: WorkerId, second: u64) -> Span {
    Span {
        job: JOB,
        name: "f".to_owned(),
        worker,
        pid: 5,
        began: Duration::from_secs(second),
        ran: Duration::from_millis(1),
        failed: false,
        called: None,
    }
}
