//! Placement groups that something here waits for.

use types::{GroupId, GroupSpec, GroupState, GroupStrategy};
use wire::ToHead;

use super::*;

#[test]
fn who_makes_a_group_hears_of_it_without_asking_and_knows_it_from_then_on() {
    let mut maker = TestWorker::new(1);
    let group = group();
    let made = ToHead::CreateGroup(Box::new(spec(group)));
    maker.step(Event::Tell(made));

    assert_eq!(maker.step(awaits(1, group)), []);
    assert_eq!(maker.step(told(group, GroupState::Created(Vec::new()))), [loaded(1)]);
    assert_eq!(maker.step(awaits(2, group)), [loaded(2)]);
}

#[test]
fn who_did_not_make_a_group_asks_once_and_again_after_it_was_removed() {
    let mut other = TestWorker::new(2);
    let group = group();
    let asked = Effect::ToHead(ToHead::WatchGroup(group));
    let removed = Arc::new(Failure::GroupRemoved(group));

    assert_eq!(other.step(awaits(1, group)), std::slice::from_ref(&asked));
    assert_eq!(other.step(awaits(2, group)), []);
    other.step(told(group, GroupState::Created(Vec::new())));
    let failed = other.step(told(group, GroupState::Removed(removed)));

    assert_eq!(failed, [], "what it awaited is there");
    assert_eq!(other.step(awaits(3, group)), [asked]);
}

fn group() -> GroupId {
    GroupId::new(worker(1), 1, JobId(1))
}

fn spec(id: GroupId) -> GroupSpec {
    GroupSpec {
        id,
        creator: worker(1),
        name: String::new(),
        namespace: String::new(),
        bundles: Vec::new(),
        selectors: Vec::new(),
        strategy: GroupStrategy::Pack,
        detached: false,
    }
}

fn object(count: u64) -> ObjectId {
    ObjectId { task: TaskId::new(worker(1), count, JobId(1)), index: 0 }
}

fn awaits(count: u64, group: GroupId) -> Event {
    Event::AwaitGroup { group, object: object(count), value: Payload::from(&b"v"[..]) }
}

fn told(group: GroupId, state: GroupState) -> Event {
    Event::Head(FromHead::GroupChanged { group, state })
}

fn loaded(count: u64) -> Effect {
    Effect::Loaded(object(count), Content::Inline(Payload::from(&b"v"[..])))
}
