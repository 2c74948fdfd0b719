//! A task's way in, one event at a time.

use super::*;

#[test]
fn what_an_owner_said_last_can_be_run_though_the_node_told_of_its_end_before() {
    let mut executor = TestWorker::new(2);
    let task = executor.task(1);
    let templates = FromPeer::Templates(vec![Arc::clone(&task.template)]);
    executor.step(Event::Peer(worker(1), templates));
    executor.step(Event::Node(FromNode::PeerEnded(death(1))));

    let message = tasks(&[&task], 0);
    let effects = executor.step(Event::Peer(worker(1), message));
    assert!(matches!(&effects[..], [Effect::Run(_)]), "{effects:?}");
    assert_eq!(
        executor.step(Event::PeerLost(worker(1))),
        [Effect::Interrupt(task.id, Interrupt::Cancelled)]
    );
}

#[test]
fn an_argument_that_is_pinned_after_its_task_was_cancelled_is_unpinned() {
    let mut executor = TestWorker::new(2);
    let (task, argument) = (executor.task(1), executor.object_of(1));
    let templates = FromPeer::Templates(vec![Arc::clone(&task.template)]);
    executor.step(Event::Peer(worker(1), templates));
    let shared = Value::Shared { node: NodeId(1), size: 9 };
    let stored = Stored { value: shared, contains: Box::default() };
    let mut message = message(&task, 0);
    message.dependencies = vec![Dependency { object: argument, stored }];
    let lease = Some((LeaseId(1), Assignment::default()));
    let tasks = FromPeer::Tasks { lease, tasks: vec![message] };
    assert_eq!(
        executor.step(Event::Peer(worker(1), tasks)),
        [Effect::ToNode(ToNode::Pin(argument))]
    );
    let cancel = FromPeer::Cancel { task: task.id, reach: reach(false) };
    executor.step(Event::Peer(worker(1), cancel));

    let pinned = FromNode::Pinned(argument, Ok((64, 9)));

    assert_eq!(executor.step(Event::Node(pinned)), [Effect::ToNode(ToNode::Unpin(argument))]);
}

#[test]
fn an_executor_runs_tasks_one_by_one_and_replies() {
    let (mut executor, first, second) = executor_with_two_tasks();

    let effects = executor.step(finished(first, inline(b"x")));

    let (outcome, ran) = (Outcome::Returned(vec![inline(b"x")]), Duration::from_micros(20));
    let replied = FromPeer::Done { task: first, outcome, ran };
    assert_eq!(effects[0], Effect::ToPeer(worker(1), replied));
    let Effect::Run(execution) = &effects[1] else { panic!("{effects:?}") };
    assert_eq!((execution.task, effects.len()), (second, 2));
}

#[test]
fn a_blocked_executor_lends_its_cpus_and_hands_back_what_has_not_begun() {
    let (mut executor, first, second) = executor_with_two_tasks();

    assert_eq!(
        executor.step(Event::Blocked(first)),
        [Effect::ToNode(ToNode::Blocked(LeaseId(1))), handed_back(1, second)],
    );
    assert_eq!(
        executor.step(Event::Unblocked(first)),
        [Effect::ToNode(ToNode::Unblocked(LeaseId(1)))]
    );
}

#[test]
fn a_blocked_executor_runs_what_comes_on_another_lease_and_sends_back_what_comes_on_its_own() {
    let (mut executor, first, _) = executor_with_two_tasks();
    let (third, fourth) = (executor.task(3), executor.task(4));
    executor.step(Event::Blocked(first));

    let own = executor.step(Event::Peer(worker(1), tasks(&[&fourth], 0)));
    let other = executor.step(Event::Peer(worker(1), tasks_on(2, &[&third, &fourth], 0)));

    assert_eq!(own, [handed_back(1, fourth.id)]);
    assert!(matches!(&other[..], [Effect::Run(run)] if run.task == third.id), "{other:?}");
    executor.step(Event::Unblocked(first));
    let deadline = executor.role.next_deadline().expect("a task waits");
    assert_eq!(executor.on_time(deadline), [handed_back(2, fourth.id)]);
}

#[test]
fn a_worker_that_made_its_last_call_runs_what_comes_while_another_task_waits() {
    let mut executor = TestWorker::new(2);
    let last = executor.task_with(2, |template| template.calls_max = 1);
    let (first, third) = (executor.task(1), executor.task(3));
    executor.receive(&[&first]);
    executor.step(Event::Blocked(first.id));
    executor.step(Event::Peer(worker(1), FromPeer::Templates(vec![Arc::clone(&last.template)])));
    executor.step(Event::Peer(worker(1), tasks_on(2, &[&last], 0)));
    executor.step(finished(last.id, inline(b"x")));

    let effects = executor.step(Event::Peer(worker(1), tasks_on(3, &[&third], 0)));

    assert!(matches!(&effects[..], [Effect::Run(_)]), "{effects:?}");
}

#[test]
fn a_worker_that_is_leased_to_itself_runs_its_own_task() {
    let (mut executor, first, _) = executor_with_two_tasks();
    let child = executor.task(3);
    executor.step(Event::Submit(child.clone()));
    executor.step(Event::Blocked(first));

    let (lease, assignment) = (LeaseId(2), Assignment::default());
    let leased = FromNode::Leased { shape: 0, lease, worker: worker(2), assignment };
    let effects = executor.step(Event::Node(leased));

    assert!(matches!(&effects[..], [Effect::Run(run)] if run.task == child.id), "{effects:?}");
    let content = Content::Inline(Payload::from(&b"x"[..]));
    assert_eq!(
        executor.step(finished(child.id, inline(b"x"))),
        [Effect::Loaded(child.id.output(1), content)]
    );
}

#[test]
fn what_waits_behind_a_long_task_goes_back() {
    let (mut executor, _, second) = executor_with_two_tasks();
    let deadline = executor.role.next_deadline().expect("a task waits");

    assert_eq!(executor.on_time(deadline), [handed_back(1, second)]);
    assert_eq!(executor.role.next_deadline(), None);
}

#[test]
fn a_task_beyond_its_time_is_interrupted_and_fails_as_timed_out() {
    let mut executor = TestWorker::new(2);
    let limit = Duration::from_millis(1);
    let task = executor.task_with(1, |template| template.timeout = Some(limit));
    executor.receive(&[&task]);

    let interrupted = executor.on_time(executor.role.next_deadline().expect("it has a limit"));
    assert_eq!(interrupted, [Effect::Interrupt(task.id, Interrupt::TimedOut)]);
    let raised = Failure::Raised { error: Payload::EMPTY, text: String::new() };
    let outcome = Outcome::Failed { failure: Arc::new(raised), retriable: false };
    let effects = executor.step(Event::Finished { task: task.id, outcome, ran: limit });

    let name = "f".to_owned();
    let failure = Arc::new(Failure::TimedOut { task: task.id, name, limit });
    let timed_out = Outcome::Failed { failure, retriable: true };
    let done = FromPeer::Done { task: task.id, outcome: timed_out, ran: limit };
    assert_eq!(effects, [Effect::ToPeer(worker(1), done)]);
}
