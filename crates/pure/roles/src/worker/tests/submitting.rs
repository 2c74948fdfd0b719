//! A task's way out, one event at a time.

use super::*;

#[test]
fn a_first_task_asks_for_a_worker_and_goes_to_it_with_its_template() {
    let mut driver = TestWorker::new(1);
    let task = driver.task(1);

    assert_eq!(driver.step(Event::Submit(task.clone())), [want(1, 0)]);
    assert_eq!(
        driver.step(leased(2)),
        [
            Effect::ToPeer(worker(2), FromPeer::Templates(vec![Arc::clone(&task.template)])),
            Effect::ToPeer(worker(2), tasks(&[&task], 0)),
        ],
    );
}

#[test]
fn a_lost_worker_costs_the_first_task_an_attempt_and_the_others_nothing() {
    let mut driver = TestWorker::new(1);
    let first = driver.sent(1);
    driver.step(Event::Peer(worker(2), done(first, Outcome::Returned(vec![inline(b"x")]))));
    let (second, third) = (driver.task(2), driver.task(3));
    driver.step(Event::Submit(second.clone()));
    driver.step(Event::Submit(third.clone()));

    assert_eq!(driver.step(lease_ended()), []);
    assert_eq!(driver.step(Event::PeerLost(worker(2))), [want_again(1, 1)]);
    let sent = driver.step(leased(3));

    let [_, Effect::ToPeer(_, FromPeer::Tasks { tasks, .. })] = &sent[..] else {
        panic!("{sent:?}")
    };
    let attempts: Vec<_> = tasks.iter().map(|task| (task.id, task.attempt)).collect();
    assert_eq!(attempts, [(second.id, 1), (third.id, 0)]);
}

#[test]
fn a_task_without_attempts_left_fails_with_the_cause_of_its_workers_end() {
    let mut driver = TestWorker::new(1);
    let task = driver.task_with(1, |template| template.retries.max = Some(0));
    driver.step(Event::Submit(task.clone()));
    driver.step(leased(2));

    assert_eq!(driver.step(Event::PeerLost(worker(2))), []);

    let named = task.template.name.clone();
    let failure = Arc::new(Failure::WorkerCrashed { task: named, death: death(2) });
    let lost = Effect::Loaded(task.id.output(1), Content::Failed(failure));
    let freed = Effect::ToNode(ToNode::Free(vec![task.id.output(1)]));
    assert_eq!(driver.step(lease_ended()), [lost, freed]);
}

#[test]
fn what_a_worker_said_last_counts_though_the_node_told_of_its_end_before() {
    let mut driver = TestWorker::new(1);
    let task = driver.sent(1);
    driver.step(lease_ended());

    let returned = done(task, Outcome::Returned(vec![inline(b"x")]));
    let content = Content::Inline(Payload::from(&b"x"[..]));
    assert_eq!(
        driver.step(Event::Peer(worker(2), returned))[0],
        Effect::Loaded(task.output(1), content)
    );
    assert_eq!(driver.step(Event::PeerLost(worker(2))), []);
    assert_eq!(driver.role.unfinished(), 0);
}

#[test]
fn a_task_waits_for_its_argument_and_carries_its_value() {
    let mut driver = TestWorker::new(1);
    let first = driver.sent(1);
    let mut second = driver.task(2);
    second.dependencies = Box::new([Ref { object: first.output(1), owner: worker(1) }]);
    assert_eq!(driver.step(Event::Submit(second.clone())), []);

    let effects =
        driver.step(Event::Peer(worker(2), done(first, Outcome::Returned(vec![inline(b"x")]))));

    let mut message = message(&second, 0);
    message.dependencies = vec![Dependency { object: first.output(1), stored: inline(b"x") }];
    let content = Content::Inline(Payload::from(&b"x"[..]));
    let lease = Some((LeaseId(1), Assignment::default()));
    let tasks = FromPeer::Tasks { lease, tasks: vec![message] };
    assert_eq!(effects[0], Effect::Loaded(first.output(1), content));
    assert!(effects.contains(&Effect::ToPeer(worker(2), tasks)), "{effects:?}");
}

#[test]
fn a_failed_argument_fails_the_task_with_the_same_cause() {
    let mut driver = TestWorker::new(1);
    let first = driver.sent(1);
    let mut second = driver.task(2);
    second.dependencies = Box::new([Ref { object: first.output(1), owner: worker(1) }]);
    driver.step(Event::Submit(second.clone()));
    let failure = Arc::new(Failure::Cancelled(first));

    let failed = Outcome::Failed { failure: Arc::clone(&failure), retriable: false };
    let effects = driver.step(Event::Peer(worker(2), done(first, failed)));

    let lost = |task: TaskId| Effect::Loaded(task.output(1), Content::Failed(Arc::clone(&failure)));
    let freed = Effect::ToNode(ToNode::Free(vec![first.output(1)]));
    assert_eq!(effects, [lost(first), lost(second.id), freed]);
}
