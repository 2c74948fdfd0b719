//! The parts of the scheduler, one by one.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use types::{
    Amount, DeviceShare, Failure, GroupId, JobId, LabelRule, LeaseId, NodeId, Resources, Shape,
    Strategy, Timestamp, WorkerId,
};

use crate::{
    Bond, Claimant, Holding, Lease, Ledger, Pool, Pot, Promise, Queue, Site, Supply,
    holds_back_until,
};

#[test]
fn a_small_share_goes_to_the_fullest_device_that_has_room_and_a_whole_device_is_whole() {
    let mut ledger = Ledger::new(amounts("GPU", 2.0));
    let gpu = |share| amounts("GPU", share);

    let first = take(&mut ledger, &gpu(0.3)).unwrap();
    let second = take(&mut ledger, &gpu(0.5)).unwrap();
    let whole = take(&mut ledger, &gpu(1.0)).unwrap();

    assert_eq!(devices(&first), [(0, 0.3)]);
    assert_eq!(devices(&second), [(0, 0.5)]);
    assert_eq!(devices(&whole), [(1, 1.0)]);
    assert!(take(&mut ledger, &gpu(0.3)).is_none());
    ledger.check([&first, &second, &whole].into_iter());
    [first, second, whole].into_iter().for_each(|holding| ledger.give_back(holding));
    ledger.check(std::iter::empty());
}

#[test]
fn two_halves_on_two_devices_are_not_one_device() {
    let mut ledger = Ledger::new(amounts("GPU", 2.0));
    let held: Vec<Holding> =
        (0..2).map(|_| take(&mut ledger, &amounts("GPU", 0.6)).unwrap()).collect();

    assert!(take(&mut ledger, &amounts("GPU", 0.8)).is_none());
    assert!(ledger.could_ever(&Strategy::Pack, &amounts("GPU", 0.8)).is_ok());
    ledger.check(held.iter());
}

#[test]
fn what_can_never_be_met_is_refused_with_demand_and_capacity() {
    let ledger =
        Ledger::new([("CPU", Amount::whole(2)), ("GPU", Amount::whole(2))].into_iter().collect());
    let sentence = |demand: &Resources| match ledger.could_ever(&Strategy::Pack, demand) {
        Err(Failure::Unschedulable(sentence)) => sentence,
        other => panic!("{other:?}"),
    };

    assert_eq!(
        sentence(&amounts("CPU", 8.0)),
        "the demand {CPU: 8} can never be met: the node has {CPU: 2, GPU: 2} in all; there is too little CPU"
    );
    assert!(sentence(&amounts("spaceship", 1.0)).ends_with("there is too little spaceship"));
    assert!(sentence(&amounts("GPU", 1.5)).ends_with("less must fit on one"));
}

#[test]
fn a_waiting_holder_lends_its_cpus_and_takes_them_again_even_if_they_are_gone() {
    let mut ledger = Ledger::new(amounts("CPU", 1.0));
    let mut parent = take(&mut ledger, &amounts("CPU", 1.0)).unwrap();

    ledger.lend(&mut parent);
    let child = take(&mut ledger, &amounts("CPU", 1.0)).unwrap();
    ledger.end_lending(&mut parent);
    ledger.check([&parent, &child].into_iter());
    ledger.give_back(child);

    assert!(take(&mut ledger, &amounts("CPU", 1.0)).is_none(), "it is still lent twice");
    ledger.give_back(parent);
    assert_eq!(ledger.free().get("CPU"), Amount::ONE);
}

#[test]
fn bundles_are_reserved_all_or_none_and_come_back_when_their_last_holder_went() {
    let mut ledger = Ledger::new(amounts("CPU", 4.0));
    let bundles = [(0, amounts("CPU", 1.0)), (1, amounts("CPU", 2.0))];

    assert!(!ledger.prepare(group(1), &[(0, amounts("CPU", 3.0)), (1, amounts("CPU", 2.0))]));
    assert_eq!(ledger.free().get("CPU"), Amount::whole(4));
    assert!(ledger.prepare(group(2), &bundles));
    assert!(ledger.take(&within(2, None), &amounts("CPU", 2.0), false).is_none(), "not committed");
    ledger.commit(group(2));
    let held = ledger.take(&within(2, None), &amounts("CPU", 2.0), false).unwrap();
    ledger.return_bundles(group(2));

    assert_eq!(ledger.free().get("CPU"), Amount::whole(2), "the used bundle stays");
    ledger.give_back(held);
    assert_eq!(ledger.free().get("CPU"), Amount::whole(4));
    let refused = ledger.could_ever(&within(2, None), &amounts("CPU", 1.0));
    assert_eq!(refused, Err(Failure::GroupRemoved(group(2))));
}

#[test]
fn a_group_that_lost_bundles_elsewhere_gets_them_where_it_has_others() {
    let mut ledger = Ledger::new(amounts("CPU", 4.0));
    ledger.prepare(group(1), &[(0, amounts("CPU", 1.0))]);
    ledger.commit(group(1));

    assert!(ledger.prepare(group(1), &[(1, amounts("CPU", 2.0))]));
    ledger.commit(group(1));

    assert_eq!(ledger.free().get("CPU"), Amount::ONE);
    assert!(ledger.take(&within(1, Some(1)), &amounts("CPU", 2.0), false).is_some());
}

#[test]
fn an_actor_gives_back_the_cpu_that_only_its_placement_needed() {
    let mut ledger =
        Ledger::new([("CPU", Amount::ONE), ("GPU", Amount::whole(2))].into_iter().collect());
    let placement = [("CPU", Amount::ONE), ("GPU", Amount::ONE)].into_iter().collect();
    let mut holding = take(&mut ledger, &placement).unwrap();

    ledger.shrink(&mut holding, &amounts("GPU", 1.0));

    ledger.check([&holding].into_iter());
    assert_eq!(devices(&holding), [(0, 1.0)]);
    assert_eq!(ledger.free().get("CPU"), Amount::ONE);
}

#[test]
fn labels_and_nodes_are_checked_before_resources() {
    let site = Site::new(NodeId(1), BTreeMap::from([("zone".to_owned(), "a".to_owned())]));
    let rule = |values: &[&str], negated| {
        let values = values.iter().map(|value| (*value).to_owned()).collect();
        let rule = LabelRule { label: "zone".to_owned(), values: Some(values), negated };
        Strategy::Labels(vec![rule], Vec::new())
    };

    assert!(site.admits(&rule(&["a", "b"], false)).is_ok());
    assert!(site.admits(&rule(&["b"], true)).is_ok());
    assert!(site.admits(&rule(&["b"], false)).is_err());
    assert!(site.admits(&Strategy::Node { node: NodeId(2), soft: true }).is_ok());
    assert!(site.admits(&Strategy::Node { node: NodeId(2), soft: false }).is_err());
}

#[test]
fn a_job_with_one_demand_is_served_second_however_many_demands_another_has() {
    let mut queue = Queue::default();
    for owner in 1..=50 {
        want(&mut queue, owner, JobId(1), 2);
    }
    want(&mut queue, 99, JobId(2), 2);
    check(&queue);

    let mut served = Vec::new();
    for _ in 0..4 {
        let next = queue.next(None, |_, _| true).unwrap();
        queue.grant(Timestamp::ZERO, next.claimant);
        check(&queue);
        served.push(next.job);
    }

    assert_eq!(served, [JobId(1), JobId(2), JobId(1), JobId(2)]);
}

#[test]
fn answers_under_way_count_as_met() {
    let mut queue = Queue::default();
    want(&mut queue, 1, JobId(1), 2);
    queue.grant(Timestamp::ZERO, lease_of(1));

    // It had not heard of the grant when it said that it wants two.
    let spec = (None, JobId(1));
    assert!(queue.want(Timestamp::ZERO, lease_of(1), spec, (2, 0)));
    assert_eq!(lacking(&queue), 1);
    assert!(queue.want(Timestamp::ZERO, lease_of(1), (None, JobId(1)), (2, 1)));
    assert_eq!(lacking(&queue), 2);
    assert!(
        !queue.want(Timestamp::ZERO, lease_of(2), (None, JobId(1)), (1, 0)),
        "it never said what it is"
    );
}

#[test]
fn a_demand_holds_others_back_in_spans_that_double() {
    let at = |millis| Timestamp::ZERO + Duration::from_millis(millis);
    let held = |age| holds_back_until(Timestamp::ZERO, at(age));

    assert_eq!([held(0), held(199)], [None, None]);
    assert_eq!([held(200), held(399)], [Some(at(400)), Some(at(400))]);
    assert_eq!([held(400), held(799)], [None, None]);
    assert_eq!([held(800), held(1599)], [Some(at(1600)), Some(at(1600))]);
}

#[test]
fn who_waits_takes_from_who_has_most_as_long_as_that_one_has_more() {
    let mut ledger = Ledger::new(amounts("CPU", 4.0));
    let mut pool = Pool::new(0, 4, 4, Duration::from_secs(1));
    let ids: Vec<LeaseId> = (1..=4)
        .map(|number| {
            let holding = take(&mut ledger, &amounts("CPU", 1.0)).unwrap();
            pool.on_forked(worker(number), String::new());
            pool.lend(worker(number), bond(1), Lease::new(worker(9), 0, holding))
        })
        .collect();
    ledger.lend(&mut pool.lease_mut(worker(1), ids[0]).unwrap().holding);

    let asked = pool.reclaim(Pot::Node, lease_of(2), 8, &amounts("CPU", 1.0));
    let again = pool.reclaim(Pot::Node, lease_of(2), 8, &amounts("CPU", 1.0));

    // Three to none, then two to one; with one to two it is enough. The one that waits would free nothing.
    assert_eq!(asked, [(worker(9), ids[1]), (worker(9), ids[2])]);
    assert_eq!(again, []);
    for id in ids {
        ledger.give_back(pool.end_lease(Timestamp::ZERO, id).unwrap().holding);
    }
}

#[test]
fn a_worker_stays_with_its_job_and_an_actor_takes_a_fresh_one_only() {
    let mut pool = Pool::new(2, 2, 2, Duration::from_secs(1));
    pool.on_forked(worker(1), String::new());
    assert_eq!(supply(&pool, 1), Supply::Starting(worker(1)));
    assert!(pool.on_started(Timestamp::ZERO, worker(1)).is_none());
    assert_eq!(supply(&pool, 1), Supply::Ready(worker(1)));

    let lease = lend(&mut pool, 1, 1);
    assert!(pool.end_lease(Timestamp::ZERO, lease).is_some());

    assert_eq!(supply(&pool, 1), Supply::Ready(worker(1)));
    assert_eq!(pool.supply("", None), Supply::Startable);
    run(&mut pool, 2, 1);
    assert_eq!(supply(&pool, 2), Supply::Capped(Some(worker(1))));
    pool.ask(worker(1));
    assert_eq!(supply(&pool, 2), Supply::Capped(None), "one is on its way out");
    pool.keep(Timestamp::ZERO, worker(1));
    assert_eq!(supply(&pool, 2), Supply::Startable, "who must stay does not count");
}

#[test]
fn at_the_cap_a_worker_is_lent_again_and_one_beyond_starts_only_if_all_wait_and_none_is_alike() {
    let mut pool = Pool::new(0, 2, 2, Duration::from_secs(1));
    let lacking = |pool: &Pool| {
        pool.assert_startable("", &bond(2));
        supply(pool, 2)
    };
    let first = run(&mut pool, 1, 1);
    let second = run(&mut pool, 2, 1);
    assert_eq!([supply(&pool, 1), supply(&pool, 2)], [Supply::Capped(None), Supply::Capped(None)]);

    block(&mut pool, 2, second);
    let lent = Supply::Ready(worker(2));
    assert_eq!([supply(&pool, 1), supply(&pool, 2)], [lent, Supply::Capped(None)]);
    block(&mut pool, 1, first);
    assert_eq!(lacking(&pool), Supply::Startable);

    let third = run(&mut pool, 3, 2);
    assert_eq!(supply(&pool, 2), Supply::Capped(None), "it runs");
    block(&mut pool, 3, third);
    assert_eq!(supply(&pool, 2), Supply::Ready(worker(3)), "however deep");
    pool.on_ending(worker(3));
    assert_eq!(lacking(&pool), Supply::Startable, "who ends is not lent");
}

#[test]
fn a_worker_is_lent_again_for_no_other_devices_than_it_has() {
    let mut ledger = Ledger::new(amounts("GPU", 2.0));
    let mut half = || take(&mut ledger, &amounts("GPU", 0.5)).unwrap();
    let (first, second, third) = (half(), half(), half());
    let [second, third] = [second, third].map(|holding| Bond::new(JobId(1), &holding));
    let mut pool = Pool::new(0, 1, 1, Duration::from_secs(1));
    pool.on_forked(worker(1), String::new());
    let lease = pool.lend(worker(1), Bond::new(JobId(1), &first), Lease::new(worker(9), 0, first));
    block(&mut pool, 1, lease);
    let supply = |bond| pool.supply("", Some(bond));

    assert_eq!(supply(&second), Supply::Ready(worker(1)), "two halves of one device");
    assert_eq!(supply(&third), Supply::Startable);
    assert_eq!(supply(&bond(1)), Supply::Startable);
}

#[test]
fn idle_workers_beyond_those_kept_warm_expire_longest_idle_first() {
    let life = Duration::from_secs(1);
    let mut pool = Pool::new(0, 1, 9, life);
    for number in 1..=2 {
        pool.on_forked(worker(number), String::new());
        assert!(pool.on_started(Timestamp(u64::from(number)), worker(number)).is_none());
    }

    assert_eq!(pool.surplus(), Some((worker(1), Timestamp(1) + life)));
    pool.ask(worker(1));
    assert_eq!(pool.surplus(), None);
}

#[test]
fn a_process_that_starts_is_promised_to_one_demand_which_waits_again_if_the_promise_is_withdrawn() {
    let mut queue = Queue::default();
    let mut pool = Pool::new(0, 2, 2, Duration::from_secs(1));
    want(&mut queue, 2, JobId(1), 1);
    pool.on_forked(worker(1), String::new());
    let mut ledger = Ledger::new(amounts("CPU", 1.0));
    let holding = take(&mut ledger, &amounts("CPU", 1.0)).unwrap();

    queue.promise(Timestamp::ZERO, lease_of(2));
    pool.promise(worker(1), Promise { claimant: lease_of(2), job: JobId(1), holding });
    queue.check(pool.promised());
    assert_eq!((queue.waits(lease_of(2)), supply(&pool, 1)), (false, Supply::Startable));

    let withdrawn = pool.withdraw(lease_of(2)).map(|promise| promise.claimant);
    queue.withdraw(Timestamp::ZERO, lease_of(2));
    assert_eq!(withdrawn, Some(lease_of(2)));
    check(&queue);
    assert_eq!((queue.waits(lease_of(2)), supply(&pool, 1)), (true, Supply::Starting(worker(1))));
}

fn check(queue: &Queue) {
    queue.check(std::iter::empty());
}

/// How many the first who waits could use.
fn lacking(queue: &Queue) -> u32 {
    queue.next(None, |_, _| true).unwrap().count
}

/// Where a process for a job that holds no devices would come from.
fn supply(pool: &Pool, job: u32) -> Supply {
    pool.supply("", Some(&bond(job)))
}

/// A process runs a task of a job.
fn run(pool: &mut Pool, number: u32, job: u32) -> LeaseId {
    pool.on_forked(worker(number), String::new());
    lend(pool, number, job)
}

fn lend(pool: &mut Pool, number: u32, job: u32) -> LeaseId {
    pool.lend(worker(number), bond(job), Lease::new(worker(9), 0, one_cpu()))
}

/// The task on a lease of a process waits.
fn block(pool: &mut Pool, number: u32, lease: LeaseId) {
    let mut ledger = Ledger::new(amounts("CPU", 1.0));
    let lease = pool.lease_mut(worker(number), lease).unwrap();
    let _held = take(&mut ledger, &lease.holding.assignment().resources);
    ledger.lend(&mut lease.holding);
}

fn bond(job: u32) -> Bond {
    Bond::new(JobId(job), &one_cpu())
}

fn one_cpu() -> Holding {
    take(&mut Ledger::new(amounts("CPU", 1.0)), &amounts("CPU", 1.0)).unwrap()
}

fn worker(number: u32) -> WorkerId {
    WorkerId { node: NodeId(1), number }
}

fn lease_of(owner: u32) -> Claimant {
    Claimant::Lease { owner: worker(owner), shape: 0 }
}

fn group(count: u32) -> GroupId {
    GroupId::new(worker(1), count, JobId(1))
}

fn within(count: u32, bundle: Option<u32>) -> Strategy {
    Strategy::Group { group: group(count), bundle }
}

fn amounts(name: &str, amount: f64) -> Resources {
    [(name, Amount::from_units((amount * 10_000.0) as u64))].into_iter().collect()
}

fn shape(cpus: f64) -> Arc<Shape> {
    Arc::new(Shape { resources: amounts("CPU", cpus), ..Shape::default() })
}

fn take(ledger: &mut Ledger, amounts: &Resources) -> Option<Holding> {
    ledger.take(&Strategy::Pack, amounts, false)
}

fn devices(holding: &Holding) -> Vec<(u32, f64)> {
    let shares = holding.assignment().devices.values().flatten();
    shares.map(|DeviceShare { index, amount }| (*index, amount.units() as f64 / 10_000.0)).collect()
}

fn want(queue: &mut Queue, owner: u32, job: JobId, count: u32) {
    assert!(queue.want(Timestamp::ZERO, lease_of(owner), (Some(shape(1.0)), job), (count, 0)));
}
