//! Workers and drivers, one event at a time: what goes in and all that comes out.
//!
//! Owns: the builder `TestWorker`. Does not own: what whole clusters do (`sim`).

mod accounts;
mod probing;

use std::sync::Arc;
use std::time::Duration;

use types::{
    ActorId, ActorSpec, ActorState, Assignment, Callee, Concurrency, Death, Exit, Failure,
    FunctionId, JobId, LeaseId, NodeId, ObjectId, Payload, Ref, Resources, Retries, Retry, Returns,
    Settings, Shape, Stored, TaskId, TaskSpec, Template, TemplateId, Timestamp, Value, WorkerId,
};
use wire::to_worker::{CancelReach, Dependency, Outcome, TaskMessage};
use wire::{FromHead, FromNode, FromPeer, ToNode};

use super::{Content, Effect, Event, Interrupt, Source, Worker};
use crate::Role;

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
fn a_result_is_read_and_dies_with_its_handle() {
    let mut driver = TestWorker::new(1);
    let task = driver.sent(1);

    assert_eq!(
        driver.step(Event::Peer(worker(2), done(task, Outcome::Returned(vec![inline(b"x")])))),
        [Effect::Loaded(task.output(1), Content::Inline(Payload::from(&b"x"[..])))],
    );
    assert_eq!(driver.step(Event::Release(vec![task.output(1)])), []);
    assert_eq!(driver.role.objects_known(), 0);
}

#[test]
fn a_large_result_is_pinned_when_wanted_and_freed_when_nobody_can_reach_it() {
    let mut driver = TestWorker::new(1);
    let task = driver.sent(1);
    let object = task.output(1);
    let shared =
        Stored { value: Value::Shared { node: NodeId(1), size: 9 }, contains: Box::default() };

    let returned = Event::Peer(worker(2), done(task, Outcome::Returned(vec![shared])));
    assert_eq!(driver.step(returned), [Effect::Available(object)]);
    let wanted = Event::Want { refs: vec![Ref { object, owner: worker(1) }], load: true };
    assert_eq!(driver.step(wanted), [Effect::ToNode(ToNode::Pin(object))]);
    let pinned = Event::Node(FromNode::Pinned(object, Ok((64, 9))));
    assert_eq!(
        driver.step(pinned),
        [Effect::Loaded(object, Content::Mapped { offset: 64, size: 9 })]
    );
    assert_eq!(
        driver.step(Event::Release(vec![object])),
        [Effect::ToNode(ToNode::Free(vec![object]))]
    );
    assert_eq!(driver.step(Event::Unread(object)), [Effect::ToNode(ToNode::Unpin(object))]);
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
fn a_reply_waits_no_longer_when_the_borrow_is_returned_before_it_is_confirmed() {
    let mut executor = TestWorker::new(2);
    let task = executor.task(1);
    executor.receive(&[&task]);
    let theirs = Ref { object: executor.object_of(3), owner: worker(3) };
    executor.step(Event::Hold(theirs, Source::Task(task.id)));
    assert_eq!(executor.step(finished(task.id, inline(b"x"))), []);

    let effects = executor.step(Event::Release(vec![theirs.object]));

    let returned = Effect::ToPeer(worker(3), FromPeer::Return(theirs.object));
    assert_eq!(effects[0], returned);
    assert!(matches!(&effects[1..], [Effect::ToPeer(_, FromPeer::Done { .. })]), "{effects:?}");
}

#[test]
fn a_worker_that_made_its_last_call_stays_until_nobody_needs_what_it_owns() {
    let mut executor = TestWorker::new(2);
    let task = executor.task_with(1, |template| template.calls_max = 1);
    executor.receive(&[&task]);
    let inner = executor.object_of(2);
    executor.step(Event::Put(inner, inline(b"y")));

    let effects = executor.step(finished(task.id, inline(b"x")));
    let [Effect::ToPeer(_, FromPeer::Done { .. }), Effect::ToNode(ToNode::Leaving { .. }), stays] =
        &effects[..]
    else {
        panic!("{effects:?}")
    };
    assert_eq!(stays, &Effect::ToNode(ToNode::Staying));

    let effects = executor.step(Event::Release(vec![inner]));
    assert!(matches!(&effects[..], [Effect::Exit(_)]), "{effects:?}");
}

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
fn a_constructor_can_read_its_arguments_though_its_handle_is_gone() {
    let mut creator = TestWorker::new(1);
    let (argument, actor) = (creator.object_of(1), ActorId::new(worker(1), 1, JobId(1)));
    creator.step(Event::Put(argument, inline(b"x")));
    let spec = actor_with(actor, Ref { object: argument, owner: worker(1) });
    creator.step(Event::CreateActor { request: 1, spec: Box::new(spec), get_if_exists: false });

    creator.step(Event::Release(vec![argument, actor.handle()]));
    assert_eq!(creator.role.objects_known(), 1);
    let state = ActorState::Alive { worker: worker(2), incarnation: 0 };
    creator.step(Event::Head(FromHead::ActorChanged { actor, state }));

    assert_eq!(creator.role.objects_known(), 0);
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
fn a_call_that_fails_before_it_goes_out_holds_back_none_behind_it() {
    let mut caller = TestWorker::new(1);
    let actor = ActorId::new(worker(3), 1, JobId(1));
    let state = ActorState::Alive { worker: worker(2), incarnation: 0 };
    let argument = caller.task(1);
    caller.step(Event::Submit(argument.clone()));
    let call = |count, dependencies| TaskSpec {
        id: TaskId::call(actor, worker(1), count),
        dependencies,
        ..TestWorker::new(1).task_with(1, |template| {
            let (name, group) = ("f".to_owned(), String::new());
            template.callee = Callee::Method { name, group, ordered: true };
        })
    };
    let awaited = Ref { object: argument.id.output(1), owner: worker(1) };
    caller.step(Event::Submit(call(2, Box::new([awaited]))));
    caller.step(Event::Submit(call(3, Box::default())));
    caller.step(Event::Head(FromHead::ActorChanged { actor, state }));

    let cancel = Event::Cancel { target: awaited, reach: reach(false) };
    let effects = caller.step(cancel);

    let sent = effects.iter().find_map(|effect| {
        let Effect::ToPeer(to, FromPeer::Tasks { lease: None, tasks: calls }) = effect else {
            return None;
        };
        Some((*to, calls[0].id))
    });
    assert_eq!(sent, Some((worker(2), TaskId::call(actor, worker(1), 3))), "{effects:?}");
}

#[test]
fn a_repeated_stream_does_not_wait_for_what_its_consumer_took_before() {
    let mut driver = TestWorker::new(1);
    let task = driver.task_with(1, |template| {
        template.returns = Returns::Stream;
        template.look_ahead = Some(1);
    });
    driver.step(Event::Submit(task.clone()));
    driver.step(leased(2));
    let item = FromPeer::Item { task: task.id, index: 0, item: inline(b"x") };
    driver.step(Event::Peer(worker(2), item.clone()));
    driver.step(Event::Took(task.id));
    driver.step(lease_ended());
    driver.step(Event::PeerLost(worker(2)));
    driver.step(leased(3));

    let consumed = FromPeer::Consumed { task: task.id, count: 1 };
    assert_eq!(driver.step(Event::Peer(worker(3), item)), [Effect::ToPeer(worker(3), consumed)]);
}

#[test]
fn items_that_a_lost_worker_sealed_and_never_sent_are_freed_when_their_stream_ends() {
    for retries in [0, 1] {
        let mut driver = TestWorker::new(1);
        let spec = driver.task_with(1, |template| {
            template.returns = Returns::Stream;
            template.retries.max = Some(retries);
        });
        let (task, item) = (spec.id, inline(b"x"));
        driver.step(Event::Submit(spec));
        driver.step(leased(2));
        driver.step(Event::Peer(worker(2), FromPeer::Item { task, index: 0, item }));
        driver.step(Event::Abandoned(task));
        driver.step(lease_ended());
        let mut effects = driver.step(Event::PeerLost(worker(2)));
        let free = Effect::ToNode(ToNode::FreeFrom(ownership::streams::item(task, 1)));
        if retries > 0 {
            assert!(!effects.contains(&free), "another attempt sends them again");
            driver.step(leased(3));
            let ended = done(task, Outcome::Streamed(1));
            effects = driver.step(Event::Peer(worker(3), ended));
        }
        assert!(effects.contains(&free), "{effects:?}");
    }
}

#[test]
fn a_worker_that_was_not_spared_says_once_when_nobody_needs_it_any_more() {
    let mut idle = TestWorker::new(2);
    let inner = idle.object_of(2);
    idle.step(Event::Put(inner, inline(b"y")));

    let staying = Effect::ToNode(ToNode::Staying);
    assert_eq!(idle.step(Event::Node(FromNode::Spare)), [staying]);
    let unneeded = Effect::ToNode(ToNode::Unneeded);
    assert_eq!(idle.step(Event::Release(vec![inner])), [unneeded]);
    let effects = idle.step(Event::Node(FromNode::Spare));
    assert!(matches!(&effects[..], [Effect::ToNode(ToNode::Leaving { .. }), Effect::Exit(_)]));
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
fn what_runs_beside_a_task_that_is_ended_by_force_costs_an_attempt() {
    let (mut executor, first, _) = executor_with_two_tasks();
    let other = executor.task(3);
    executor.step(Event::Blocked(first));
    executor.step(Event::Peer(worker(1), tasks_on(2, &[&other], 0)));

    let cancel = FromPeer::Cancel { task: first, reach: reach(true) };
    let effects = executor.step(Event::Peer(worker(1), cancel));

    let ended = effects.iter().filter_map(|effect| {
        let Effect::ToPeer(_, FromPeer::Done { task, outcome, .. }) = effect else { return None };
        Some((*task, matches!(outcome, Outcome::Failed { retriable: true, .. })))
    });
    let outcomes: Vec<_> = ended.collect();
    assert_eq!(outcomes, [(first, false), (other.id, true)]);
    assert!(matches!(effects.last(), Some(Effect::Exit(_))), "{effects:?}");
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

#[test]
fn a_reply_waits_until_a_third_process_knows_of_the_borrow() {
    let mut executor = TestWorker::new(2);
    let task = executor.task(1);
    executor.receive(&[&task]);
    let theirs = Ref { object: executor.object_of(3), owner: worker(3) };

    let held = executor.step(Event::Hold(theirs, Source::Task(task.id)));
    assert_eq!(held, [Effect::ToPeer(worker(3), borrow(theirs.object, true))]);
    assert_eq!(executor.step(finished(task.id, inline(b"x"))), []);
    let effects = executor.step(Event::Peer(worker(3), FromPeer::Borrowed(theirs.object)));

    assert!(matches!(&effects[..], [Effect::ToPeer(_, FromPeer::Done { .. })]), "{effects:?}");
}

#[test]
fn a_ref_inside_a_result_is_kept_by_its_executor_until_it_is_settled() {
    let mut executor = TestWorker::new(2);
    let task = executor.task(1);
    executor.receive(&[&task]);
    let inner = executor.object_of(2);
    executor.step(Event::Put(inner, inline(b"y")));
    let result =
        Stored { contains: Box::new([Ref { object: inner, owner: worker(2) }]), ..inline(b"x") };

    executor.step(finished(task.id, result));
    executor.step(Event::Release(vec![inner]));
    assert_eq!(executor.role.objects_known(), 1);
    executor.step(Event::Peer(worker(1), borrow(inner, false)));
    executor.step(Event::Peer(worker(1), FromPeer::Settled(task.id)));
    assert_eq!(executor.role.objects_known(), 1);
    executor.step(Event::Peer(worker(1), FromPeer::Return(inner)));

    assert_eq!(executor.role.objects_known(), 0);
}

#[test]
fn a_ref_inside_a_result_goes_with_a_receiver_that_ended() {
    let mut executor = TestWorker::new(2);
    let task = executor.task(1);
    executor.receive(&[&task]);
    let inner = executor.object_of(2);
    executor.step(Event::Put(inner, inline(b"y")));
    let contains = Box::new([Ref { object: inner, owner: worker(2) }]);
    executor.step(finished(task.id, Stored { contains, ..inline(b"x") }));
    executor.step(Event::Release(vec![inner]));

    executor.step(Event::PeerLost(worker(1)));

    assert!(executor.role.is_at_rest());
}

#[test]
fn an_owners_end_fails_what_was_borrowed_from_it() {
    let mut borrower = TestWorker::new(1);
    let theirs = Ref { object: borrower.object_of(3), owner: worker(3) };
    borrower.step(Event::Hold(theirs, Source::Outside));

    let failure = Arc::new(Failure::OwnerDied(theirs.object, worker(3)));
    let lost = Effect::Loaded(theirs.object, Content::Failed(failure));
    assert_eq!(borrower.step(Event::PeerLost(worker(3))), [lost]);
}

struct TestWorker {
    role: Worker,
    me: WorkerId,
    now: Timestamp,
}

impl TestWorker {
    fn new(number: u32) -> Self {
        let me = worker(number);
        Self { role: Worker::new(me, &Settings::default()), me, now: Timestamp::ZERO }
    }

    fn step(&mut self, event: Event) -> Vec<Effect> {
        let mut effects = Vec::new();
        self.role.step(self.now, event, &mut effects);
        self.role.check();
        effects
    }

    fn on_time(&mut self, now: Timestamp) -> Vec<Effect> {
        self.now = now;
        let mut effects = Vec::new();
        self.role.on_time(now, &mut effects);
        self.role.check();
        effects
    }

    fn task(&self, count: u64) -> TaskSpec {
        self.task_with(count, |_| ())
    }

    fn task_with(&self, count: u64, change: impl FnOnce(&mut Template)) -> TaskSpec {
        let mut template = Template {
            id: TemplateId(1),
            function: FunctionId::from_bytes([1; 16]),
            name: "f".to_owned(),
            callee: Callee::Function,
            shape: Arc::new(Shape::default()),
            returns: Returns::Count(1),
            retries: Retries { max: Some(3), exceptions: Retry::Never },
            timeout: None,
            calls_max: 0,
            look_ahead: None,
        };
        change(&mut template);
        TaskSpec {
            id: TaskId::new(self.me, count, JobId(1)),
            template: Arc::new(template),
            arguments: Payload::EMPTY,
            dependencies: Box::default(),
            nested: Box::default(),
            parent: TaskId::driver(JobId(1)),
        }
    }

    /// A task of this process that `worker(2)` runs on lease 1.
    fn sent(&mut self, count: u64) -> TaskId {
        let task = self.task(count);
        self.step(Event::Submit(task.clone()));
        self.step(leased(2));
        task.id
    }

    /// Tasks of `worker(1)` come here.
    fn receive(&mut self, specs: &[&TaskSpec]) -> Vec<Effect> {
        let templates = specs.iter().map(|spec| Arc::clone(&spec.template)).collect();
        self.step(Event::Peer(worker(1), FromPeer::Templates(templates)));
        self.step(Event::Peer(worker(1), tasks(specs, 0)))
    }

    fn object_of(&self, number: u32) -> ObjectId {
        ObjectId { task: TaskId::new(worker(number), 99, JobId(1)), index: 0 }
    }
}

fn executor_with_two_tasks() -> (TestWorker, TaskId, TaskId) {
    let mut executor = TestWorker::new(2);
    let (first, second) = (executor.task(1), executor.task(2));
    let effects = executor.receive(&[&first, &second]);
    let [Effect::Run(execution)] = &effects[..] else { panic!("{effects:?}") };
    assert_eq!(execution.task, first.id);
    (executor, first.id, second.id)
}

fn worker(number: u32) -> WorkerId {
    WorkerId { node: NodeId(1), number }
}

fn inline(bytes: &[u8]) -> Stored {
    Stored::inline(Payload::from(bytes))
}

fn want(count: u32, granted: u64) -> Effect {
    Effect::ToNode(ToNode::Want {
        shape: 0,
        spec: Some(Arc::new(Shape::default())),
        count,
        granted,
    })
}

fn want_again(count: u32, granted: u64) -> Effect {
    Effect::ToNode(ToNode::Want { shape: 0, spec: None, count, granted })
}

/// An actor whose constructor is called with a ref inside its arguments.
fn actor_with(id: ActorId, argument: Ref) -> ActorSpec {
    ActorSpec {
        id,
        creator: id.creator(),
        template: TestWorker::new(1).task(1).template,
        placement: Resources::default(),
        arguments: Payload::EMPTY,
        dependencies: Box::default(),
        nested: Box::new([argument]),
        name: None,
        detached: false,
        restarts_max: Some(0),
        concurrency: Concurrency {
            asynchronous: false,
            calls_max: 1,
            groups: Vec::new(),
            ordered: true,
        },
        handle: Payload::EMPTY,
    }
}

fn lease_ended() -> Event {
    Event::Node(FromNode::LeaseEnded { lease: LeaseId(1), death: death(2) })
}

fn leased(number: u32) -> Event {
    let lease = LeaseId(u64::from(number) - 1);
    Event::Node(FromNode::Leased {
        shape: 0,
        lease,
        worker: worker(number),
        assignment: Assignment::default(),
    })
}

fn message(spec: &TaskSpec, attempt: u32) -> TaskMessage {
    TaskMessage {
        id: spec.id,
        attempt,
        template: spec.template.id,
        arguments: spec.arguments.clone(),
        dependencies: Vec::new(),
    }
}

fn reach(force: bool) -> CancelReach {
    CancelReach { force, recursive: false }
}

fn tasks(specs: &[&TaskSpec], attempt: u32) -> FromPeer {
    tasks_on(1, specs, attempt)
}

fn tasks_on(lease: u64, specs: &[&TaskSpec], attempt: u32) -> FromPeer {
    let tasks = specs.iter().map(|spec| message(spec, attempt)).collect();
    FromPeer::Tasks { lease: Some((LeaseId(lease), Assignment::default())), tasks }
}

fn handed_back(lease: u64, task: TaskId) -> Effect {
    let message = FromPeer::HandedBack { lease: LeaseId(lease), tasks: vec![task] };
    Effect::ToPeer(worker(1), message)
}

fn done(task: TaskId, outcome: Outcome) -> FromPeer {
    FromPeer::Done { task, outcome, ran: Duration::from_micros(20) }
}

fn finished(task: TaskId, stored: Stored) -> Event {
    Event::Finished {
        task,
        outcome: Outcome::Returned(vec![stored]),
        ran: Duration::from_micros(20),
    }
}

fn borrow(object: ObjectId, confirm: bool) -> FromPeer {
    FromPeer::Borrow { object, confirm }
}

fn death(number: u32) -> Death {
    Death {
        worker: worker(number),
        pid: 7,
        exit: Exit::Signal(9),
        reason: String::new(),
        peak_memory_bytes: 0,
        last_lines: Vec::new(),
    }
}
