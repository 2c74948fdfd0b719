//! The arena against a model that looks at every page, and the index one event at a time.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use types::limits::ARENA_GRAIN_BYTES as GRAIN;
use types::{Failure, JobId, NodeId, ObjectId, Rng, TaskId, Timestamp, WorkerId};

use crate::arena::Arena;
use crate::{DiskJob, Index, Order};

const PAGES: u64 = 64;

#[test]
fn the_arena_hands_out_a_range_exactly_when_the_model_has_one_and_prefers_warm_space() {
    for seed in 0..40 {
        let mut rng = Rng::new(seed);
        let mut arena = Arena::new(PAGES * GRAIN);
        let mut model = Model::default();
        let mut held: Vec<(u64, u64)> = Vec::new();

        for _ in 0..400 {
            if rng.chance(3, 5) || held.is_empty() {
                let pages = 1 + rng.below(12);
                let warm = model.has_room(pages, model.touched);
                let room = model.has_room(pages, PAGES);
                let taken = arena.take(pages * GRAIN - rng.below(GRAIN));
                assert_eq!(taken.is_some(), room, "seed {seed}");
                let first = taken.map(|offset| offset / GRAIN);
                let cold = first.is_some_and(|first| first + pages > model.touched);
                assert!(!(warm && cold), "seed {seed}: cold too early");
                first.into_iter().for_each(|first| model.take(first, pages));
                held.extend(first.map(|first| (first, pages)));
            } else {
                let at = rng.below(held.len() as u64) as usize;
                let (first, pages) = held.swap_remove(at);
                arena.give_back(first * GRAIN, pages * GRAIN);
                model.give_back(first, pages);
            }
            arena.check();
            let used: u64 = held.iter().map(|(_, pages)| pages).sum();
            assert_eq!(arena.used(), used * GRAIN);
        }
    }
}

#[test]
fn of_holes_of_one_size_the_one_freed_last_is_used_first() {
    let mut arena = Arena::new(PAGES * GRAIN);
    let ranges: Vec<u64> = (0..6).map(|_| arena.take(GRAIN).unwrap()).collect();

    for index in [0, 4, 2] {
        arena.give_back(ranges[index], GRAIN);
    }

    let reused: Vec<_> = (0..3).map(|_| arena.take(GRAIN).unwrap()).collect();
    assert_eq!(reused, [ranges[2], ranges[4], ranges[0]]);
}

#[test]
fn a_reader_who_comes_before_the_object_is_served_when_it_is_sealed() {
    let mut store = TestStore::with_pages(8);

    assert_eq!(store.pin(READER, object(1)), []);
    assert_eq!(store.create(object(1), 2), [Order::Created(WRITER, object(1), Ok(0))]);
    assert_eq!(store.seal(object(1)), [Order::Pinned(READER, object(1), Ok((0, 2 * GRAIN)))]);
}

#[test]
fn a_create_that_does_not_fit_waits_and_is_served_before_a_later_one_that_would_fit() {
    let mut store = TestStore::with_pages(8);
    store.made(object(1), 7);
    store.pin(READER, object(1));

    assert_eq!(store.create(object(2), 4), []);
    assert_eq!(store.create(object(3), 1), []);
    assert_eq!(store.free(object(1)), []);

    let served = store.unpin(READER, object(1));
    let places = [
        Order::Created(WRITER, object(2), Ok(0)),
        Order::Created(WRITER, object(3), Ok(4 * GRAIN)),
    ];
    assert_eq!(served, places);
}

#[test]
fn the_longest_unused_object_leaves_for_a_create_and_comes_back_for_a_reader() {
    let mut store = TestStore::with_pages(8);
    store.made(object(1), 4);
    store.made(object(2), 2);

    assert_eq!(store.create(object(3), 4), [Order::Disk(DiskJob::Spill(object(1), 0, 4 * GRAIN))]);
    let created = Order::Created(WRITER, object(3), Ok(0));
    assert_eq!(store.disk_done(object(1), Ok(())), [created]);
    store.seal(object(3));

    let leaves = Order::Disk(DiskJob::Spill(object(2), 4 * GRAIN, 2 * GRAIN));
    assert!(store.pin(READER, object(1)).contains(&leaves));
    let back = Order::Disk(DiskJob::Restore(object(1), 4 * GRAIN, 4 * GRAIN));
    assert_eq!(store.disk_done(object(2), Ok(())), [back]);
    let read = Order::Pinned(READER, object(1), Ok((4 * GRAIN, 4 * GRAIN)));
    assert_eq!(store.disk_done(object(1), Ok(())), [Order::Disk(DiskJob::Delete(object(1))), read]);
}

#[test]
fn an_object_that_is_read_while_it_leaves_stays() {
    let mut store = TestStore::with_pages(8);
    store.made(object(1), 6);
    store.create(object(2), 4);

    assert_eq!(
        store.pin(READER, object(1)),
        [Order::Pinned(READER, object(1), Ok((0, 6 * GRAIN)))]
    );
    assert_eq!(store.disk_done(object(1), Ok(())), [Order::Disk(DiskJob::Delete(object(1)))]);
}

#[test]
fn a_full_disk_fails_the_create_that_needed_it_and_no_other() {
    let mut store = TestStore::with_pages(8);
    store.made(object(1), 6);
    store.create(object(2), 4);
    store.create(object(3), 2);

    let orders = store.disk_done(object(1), Err("no space left on device".to_owned()));

    let [Order::Created(WRITER, failed, Err(why)), Order::Created(WRITER, other, Ok(_))] =
        &orders[..]
    else {
        panic!("{orders:?}")
    };
    assert_eq!((*failed, *other), (object(2), object(3)));
    assert_eq!(**why, Failure::OutOfDisk("no space left on device".to_owned()));
}

#[test]
fn a_create_fails_at_once_if_it_is_larger_than_the_arena_and_after_a_while_if_nothing_can_leave() {
    let mut store = TestStore::with_pages(8);
    let orders = store.create(object(1), 9);
    assert!(matches!(&orders[..], [Order::Created(.., Err(_))]), "{orders:?}");
    store.made(object(2), 8);
    store.pin(READER, object(2));

    assert_eq!(store.create(object(3), 1), []);
    let deadline = store.index.next_deadline().expect("somebody waits");
    let orders: Vec<Order> = store.index.take_orders(deadline).collect();

    let [Order::Created(WRITER, _, Err(why))] = &orders[..] else { panic!("{orders:?}") };
    assert!(matches!(**why, Failure::StoreFull(_)), "{why}");
    assert_eq!(store.index.next_deadline(), None);
}

#[test]
fn the_copy_that_was_sealed_first_stays_when_a_second_attempt_writes_it_again() {
    let mut store = TestStore::with_pages(8);
    store.made(object(1), 2);
    store.pin(READER, object(1));

    assert_eq!(store.create(object(1), 3), [Order::Created(WRITER, object(1), Ok(2 * GRAIN))]);
    assert_eq!(store.seal(object(1)), []);

    assert_eq!(store.index.used(), 2 * GRAIN);
}

#[test]
fn a_writer_that_ends_before_its_object_is_complete_fails_readers_unless_another_writes_it() {
    let mut store = TestStore::with_pages(4);
    store.create(object(1), 1);
    assert_eq!(store.pin(READER, object(1)), []);

    let failure = Failure::ObjectLost(
        object(1),
        format!("{WRITER}, which wrote it, ended before it was complete"),
    );
    let failed = Order::Pinned(READER, object(1), Err(Arc::new(failure)));
    assert!(store.end(WRITER).contains(&failed));
    assert_eq!(store.pin(READER, object(1)), [failed]);
}

#[test]
fn a_range_that_is_discarded_is_free() {
    let mut store = TestStore::with_pages(1);
    store.create(object(1), 1);
    store.step(|index, _| index.discard(WRITER, object(1)));

    assert_eq!(store.create(object(2), 1), [Order::Created(WRITER, object(2), Ok(0))]);
}

#[test]
fn an_object_freed_before_it_is_sealed_is_gone_when_it_is() {
    let mut store = TestStore::with_pages(8);
    store.create(object(1), 2);

    store.free(object(1));
    assert_eq!(store.seal(object(1)), []);

    assert_eq!(store.index.used(), 0);
    let late = store.pin(READER, object(1));
    assert!(matches!(&late[..], [Order::Pinned(READER, _, Err(_))]), "{late:?}");
}

#[test]
fn items_that_nobody_takes_go_with_all_behind_them_and_only_those_of_their_owner() {
    let item = |index| ObjectId { index, ..object(1) };
    let mut store = TestStore::with_pages(8);
    for index in 1..=4 {
        store.create(item(index), 1);
        store.seal(item(index));
    }

    store.step(|index, _| index.free_from(READER, item(1)));
    store.step(|index, _| index.free_from(OWNER, item(3)));

    let pinned = store.pin(READER, item(2));
    assert!(matches!(&pinned[..], [Order::Pinned(READER, _, Ok(_))]), "{pinned:?}");
    let gone = store.pin(READER, item(4));
    assert!(matches!(&gone[..], [Order::Pinned(READER, _, Err(_))]), "{gone:?}");
    assert_eq!(store.index.used(), 2 * GRAIN);
}

#[test]
fn the_end_of_a_process_ends_its_reads_its_writes_and_its_objects() {
    let mut store = TestStore::with_pages(8);
    store.made(object(1), 2);
    store.pin(READER, object(1));
    store.create(object(2), 3);

    assert_eq!(store.end(WRITER), []);
    assert_eq!(store.index.used(), 2 * GRAIN, "the sealed object is OWNER's and stays");
    let ended = store.end(OWNER);
    assert_eq!(ended, []);
    assert_eq!(store.index.used(), 2 * GRAIN, "somebody still reads it");
    store.end(READER);

    assert_eq!(store.index.used(), 0);
    let late = store.pin(WRITER, object(1));
    let [Order::Pinned(WRITER, _, Err(why))] = &late[..] else { panic!("{late:?}") };
    assert_eq!(**why, Failure::OwnerDied(object(1), OWNER));
}

#[test]
fn whatever_happens_in_whatever_order_the_rules_hold_and_nothing_is_left_behind() {
    for seed in 0..60 {
        let mut rng = Rng::new(seed);
        let mut store = TestStore::with_pages(16);
        let mut io: Vec<Order> = Vec::new();

        for _ in 0..300 {
            let id = object(rng.below(12));
            let orders = match rng.below(9) {
                0 | 1 => store.create(id, 1 + rng.below(6)),
                2 | 3 => store.seal(id),
                4 => store.pin(READER, id),
                5 => store.unpin(READER, id),
                6 => store.free(id),
                7 if rng.chance(1, 10) => store.end([READER, WRITER, OWNER][rng.below(3) as usize]),
                _ => store.finish(&mut io, &mut rng),
            };
            io.extend(orders);
        }
        for process in [READER, WRITER, OWNER] {
            io.extend(store.end(process));
        }
        while !io.is_empty() {
            let orders = store.finish(&mut io, &mut rng);
            io.extend(orders);
        }

        assert_eq!(store.index.used(), 0, "seed {seed}");
    }
}

const READER: WorkerId = WorkerId { node: NodeId(1), number: 1 };
const WRITER: WorkerId = WorkerId { node: NodeId(1), number: 2 };
const OWNER: WorkerId = WorkerId { node: NodeId(1), number: 3 };

fn object(count: u64) -> ObjectId {
    TaskId::new(OWNER, count, JobId(1)).output(0)
}

/// An index that checks itself after each event, and whose clock moves by a microsecond with each.
struct TestStore {
    index: Index,
    now: Timestamp,
}

impl TestStore {
    fn with_pages(pages: u64) -> Self {
        Self { index: Index::new(pages * GRAIN, 100), now: Timestamp::ZERO }
    }

    fn step(&mut self, event: impl FnOnce(&mut Index, Timestamp)) -> Vec<Order> {
        self.now = self.now + Duration::from_micros(1);
        event(&mut self.index, self.now);
        let orders = self.index.take_orders(self.now).collect();
        self.index.check();
        orders
    }

    fn made(&mut self, object: ObjectId, pages: u64) {
        self.create(object, pages);
        self.seal(object);
    }

    fn create(&mut self, object: ObjectId, pages: u64) -> Vec<Order> {
        self.step(|index, _| index.create(WRITER, object, OWNER, pages * GRAIN))
    }

    fn seal(&mut self, object: ObjectId) -> Vec<Order> {
        self.step(|index, _| index.seal(WRITER, object))
    }

    fn pin(&mut self, process: WorkerId, object: ObjectId) -> Vec<Order> {
        self.step(|index, _| index.pin(process, object))
    }

    fn unpin(&mut self, process: WorkerId, object: ObjectId) -> Vec<Order> {
        self.step(|index, _| index.unpin(process, object))
    }

    fn free(&mut self, object: ObjectId) -> Vec<Order> {
        self.step(|index, _| index.free(object))
    }

    fn end(&mut self, process: WorkerId) -> Vec<Order> {
        self.step(|index, _| index.on_process_ended(process))
    }

    fn disk_done(&mut self, object: ObjectId, result: Result<(), String>) -> Vec<Order> {
        self.step(|index, now| index.on_disk_done(now, object, result))
    }

    /// Ends one piece of work of the disk, if there is one.
    fn finish(&mut self, io: &mut Vec<Order>, rng: &mut Rng) -> Vec<Order> {
        let is_work = |job: &DiskJob| !matches!(job, DiskJob::Delete(_));
        io.retain(|order| matches!(order, Order::Disk(job) if is_work(job)));
        if io.is_empty() {
            return Vec::new();
        }
        match io.swap_remove(rng.below(io.len() as u64) as usize) {
            Order::Disk(DiskJob::Spill(object, ..)) if rng.chance(1, 5) => {
                self.disk_done(object, Err("the disk is full".to_owned()))
            }
            Order::Disk(DiskJob::Spill(object, ..) | DiskJob::Restore(object, ..)) => {
                self.disk_done(object, Ok(()))
            }
            Order::Created(..) | Order::Pinned(..) | Order::Disk(DiskJob::Delete(_)) => {
                unreachable!("no work of a disk")
            }
        }
    }
}

/// Pages, one by one.
#[derive(Default)]
struct Model {
    taken: BTreeMap<u64, ()>,
    touched: u64,
}

impl Model {
    fn has_room(&self, pages: u64, end: u64) -> bool {
        let mut run = 0;
        (0..end).any(|page| {
            run = if self.taken.contains_key(&page) { 0 } else { run + 1 };
            run >= pages
        })
    }

    fn take(&mut self, first: u64, pages: u64) {
        for page in first..first + pages {
            assert!(self.taken.insert(page, ()).is_none(), "page {page} is handed out twice");
        }
        self.touched = self.touched.max(first + pages);
    }

    fn give_back(&mut self, first: u64, pages: u64) {
        (first..first + pages).for_each(|page| {
            self.taken.remove(&page);
        });
    }
}
