//! When a worker ends by itself.

use super::*;

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
fn a_worker_that_was_not_spared_says_that_it_stays_again_after_its_last_call() {
    let mut executor = TestWorker::new(2);
    executor.step(Event::Put(executor.object_of(2), inline(b"y")));
    executor.step(Event::Node(FromNode::Spare));
    let task = executor.task_with(1, |template| template.calls_max = 1);
    executor.receive(&[&task]);

    let effects = executor.step(finished(task.id, inline(b"x")));

    assert_eq!(effects.last(), Some(&Effect::ToNode(ToNode::Staying)), "{effects:?}");
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
fn a_worker_that_stays_for_others_ends_all_the_same_when_it_is_forced_to() {
    let (mut executor, first, _) = executor_with_two_tasks();
    let last = executor.task_with(3, |template| template.calls_max = 1);
    executor.step(Event::Put(executor.object_of(2), inline(b"y")));
    executor.step(Event::Blocked(first));
    executor.step(Event::Peer(worker(1), FromPeer::Templates(vec![Arc::clone(&last.template)])));
    executor.step(Event::Peer(worker(1), tasks_on(2, &[&last], 0)));
    executor.step(finished(last.id, inline(b"x")));

    let cancel = FromPeer::Cancel { task: first, reach: reach(true) };
    let effects = executor.step(Event::Peer(worker(1), cancel));

    assert!(matches!(effects.last(), Some(Effect::Exit(_))), "{effects:?}");
}
