//! Refs that come, go and travel, one event at a time.

use super::*;

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
fn a_reply_waits_for_the_owner_though_the_borrow_is_returned_before_it_is_confirmed() {
    let mut executor = TestWorker::new(2);
    let task = executor.task(1);
    executor.receive(&[&task]);
    let theirs = Ref { object: executor.object_of(3), owner: worker(3) };
    executor.step(Event::Hold(theirs, Source::Task(task.id)));
    assert_eq!(executor.step(finished(task.id, inline(b"x"))), []);

    let returned = Effect::ToPeer(worker(3), FromPeer::Return(theirs.object));
    assert_eq!(executor.step(Event::Release(vec![theirs.object])), [returned]);
    let effects = executor.step(Event::Peer(worker(3), FromPeer::Borrowed(theirs.object)));

    assert!(matches!(&effects[..], [Effect::ToPeer(_, FromPeer::Done { .. })]), "{effects:?}");
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

#[test]
fn a_late_confirmation_of_a_ref_of_an_earlier_attempt_does_not_settle_the_next() {
    let mut driver = TestWorker::new(1);
    let spec = driver.task_with(1, |template| template.returns = Returns::Stream);
    let task = spec.id;
    let theirs = |index| ObjectId { index, ..TestWorker::new(1).object_of(4) };
    let item = |index| {
        let contains = Box::new([Ref { object: theirs(index), owner: worker(4) }]);
        FromPeer::Item { task, index, item: Stored { contains, ..inline(b"x") } }
    };
    driver.step(Event::Submit(spec));
    driver.step(leased(2));
    driver.step(Event::Peer(worker(2), item(0)));
    driver.step(lease_ended());
    driver.step(Event::PeerLost(worker(2)));
    driver.step(leased(3));
    driver.step(Event::Peer(worker(3), item(1)));
    driver.step(Event::Peer(worker(4), FromPeer::Borrowed(theirs(0))));

    let settled = Effect::ToPeer(worker(3), FromPeer::Settled(task));
    let ended = driver.step(Event::Peer(worker(3), done(task, Outcome::Streamed(2))));
    assert!(!ended.contains(&settled), "{ended:?}");
    let confirmed = Event::Peer(worker(4), FromPeer::Borrowed(theirs(1)));
    assert_eq!(driver.step(confirmed), [settled]);
}
