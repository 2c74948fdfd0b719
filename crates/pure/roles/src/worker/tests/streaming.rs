//! Items of streams, on their way in.

use super::*;

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
