//! The parts of the scheduler, one by one.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use types::{
    ActorId, Amount, DeviceShare, Failure, GroupId, JobId, LabelRule, LeaseId, NodeId, Resources,
    Shape, Strategy, Timestamp, WorkerId,
};

use crate::{
    Bond, Claimant, Holding, Leases, Ledger, Pool, Pot, Promises, Queue, Site, Supply,
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

    assert!(take(&mut ledger, &amounts("CPU", 1.0)).is_none(), "the debt is settled first");
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
    assert!(ledger.commit(group(2)));
    let held = ledger.take(&within(2, None), &amounts("CPU", 2.0), false).unwrap();
    assert!(ledger.return_bundles(group(2)));

    assert_eq!(ledger.free().get("CPU"), Amount::whole(2), "the used bundle stays");
    ledger.give_back(held);
    assert_eq!(ledger.free().get("CPU"), Amount::whole(4));
    let refused = ledger.could_ever(&within(2, None), &amounts("CPU", 1.0));
    assert_eq!(refused, Err(Failure::GroupRemoved(group(2))));
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
    queue.check();

    let mut served = Vec::new();
    for _ in 0..4 {
        let next = queue.next(Pot::Node, None, |_, _| true).unwrap();
        queue.grant(Timestamp::ZERO, next.claimant);
        queue.check();
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
    let mut leases = Leases::default();
    let ids: Vec<LeaseId> = (1..=4)
        .map(|number| {
            let holding = take(&mut ledger, &amounts("CPU", 1.0)).unwrap();
            leases.grant((worker(1), 0), worker(10 + number), holding)
        })
        .collect();
    leases.get_mut(ids[0]).unwrap().waits = true;

    let asked = leases.reclaim(Pot::Node, lease_of(2), 8, &amounts("CPU", 1.0));
    let again = leases.reclaim(Pot::Node, lease_of(2), 8, &amounts("CPU", 1.0));

    // Three to none, then two to one; with one to two it is enough. The one that waits would free nothing.
    assert_eq!(asked, [(worker(1), ids[1]), (worker(1), ids[2])]);
    assert_eq!(again, []);
    for id in ids {
        ledger.give_back(leases.end(id).unwrap().holding);
    }
}

#[test]
fn a_worker_stays_with_its_job_and_an_actor_takes_a_fresh_one_only() {
    let mut pool = Pool::new(2, 2, 2, Duration::from_secs(1));
    pool.on_forked(worker(1), String::new());
    assert_eq!(supply(&pool, 1), Supply::Starting);
    pool.on_idle(Timestamp::ZERO, worker(1));
    assert_eq!(supply(&pool, 1), Supply::Ready(worker(1)));

    pool.on_leased(worker(1), bond(1));
    assert!(pool.on_released(worker(1), false));
    pool.on_idle(Timestamp::ZERO, worker(1));

    assert_eq!(supply(&pool, 1), Supply::Ready(worker(1)));
    assert_eq!(pool.supply("", None, &Promises::default()), Supply::Startable);
    run(&mut pool, 2, 1);
    assert_eq!(supply(&pool, 2), Supply::Capped(Some(worker(1))));
    pool.ask(worker(1));
    assert_eq!(supply(&pool, 2), Supply::Capped(None), "one is on its way out");
    assert!(pool.keep(worker(1)));
    pool.on_idle(Timestamp::ZERO, worker(1));
    assert_eq!(supply(&pool, 2), Supply::Startable, "who must stay does not count");
}

#[test]
fn at_the_cap_a_worker_is_lent_again_and_one_beyond_starts_only_if_all_wait_and_none_is_alike() {
    let mut pool = Pool::new(0, 2, 2, Duration::from_secs(1));
    let lacking = |pool: &Pool| {
        pool.assert_startable("", &bond(2), &Promises::default());
        supply(pool, 2)
    };
    run(&mut pool, 1, 1);
    run(&mut pool, 2, 1);
    assert_eq!([supply(&pool, 1), supply(&pool, 2)], [Supply::Capped(None), Supply::Capped(None)]);

    pool.on_waiting(worker(2), true);
    let lent = Supply::Ready(worker(2));
    assert_eq!([supply(&pool, 1), supply(&pool, 2)], [lent, Supply::Capped(None)]);
    pool.on_waiting(worker(1), true);
    assert_eq!(lacking(&pool), Supply::Startable);

    run(&mut pool, 3, 2);
    assert_eq!(supply(&pool, 2), Supply::Capped(None), "it runs");
    pool.on_waiting(worker(3), true);
    assert_eq!(supply(&pool, 2), Supply::Ready(worker(3)), "however deep");
    pool.on_ending(worker(3));
    assert_eq!(lacking(&pool), Supply::Startable, "who ends is not lent");
}

#[test]
fn a_worker_is_lent_again_for_no_other_devices_than_it_has() {
    let mut ledger = Ledger::new(amounts("GPU", 2.0));
    let halves: Vec<Holding> =
        (0..3).map(|_| take(&mut ledger, &amounts("GPU", 0.5)).unwrap()).collect();
    let [first, second, third] = [0, 1, 2].map(|at| Bond::new(JobId(1), &halves[at]));
    let mut pool = Pool::new(0, 1, 1, Duration::from_secs(1));
    pool.on_forked(worker(1), String::new());
    pool.on_leased(worker(1), first);
    pool.on_waiting(worker(1), true);
    let supply = |bond| pool.supply("", Some(bond), &Promises::default());

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
        pool.on_idle(Timestamp(u64::from(number)), worker(number));
    }

    assert_eq!(pool.surplus(), Some((worker(1), Timestamp(1) + life)));
    pool.ask(worker(1));
    assert_eq!(pool.surplus(), None);
}

#[test]
fn a_worker_keeps_the_oldest_promise_that_it_may() {
    let mut ledger = Ledger::new(amounts("CPU", 4.0));
    let mut queue = Queue::default();
    let actor = Claimant::Actor(ActorId::new(worker(1), 1, JobId(1)));
    queue.want(Timestamp::ZERO, actor, (Some(shape(1.0)), JobId(1)), (1, 0));
    let mut promise = |queue: &mut Queue, bond| {
        let waiting = queue.next(Pot::Node, None, |_, _| true).unwrap();
        let holding = take(&mut ledger, &waiting.shape.resources).unwrap();
        queue.promise(Timestamp::ZERO, &waiting, holding, bond);
        queue.check();
    };
    promise(&mut queue, None);
    want(&mut queue, 2, JobId(1), 1);
    promise(&mut queue, Some(bond(1)));
    let mut keep = |bond: Option<&Bond>| {
        let promise = queue.keep(Timestamp::ZERO, "", bond);
        queue.check();
        promise.map(|promise| promise.claimant)
    };

    assert_eq!(keep(Some(&bond(2))), None, "of another job");
    assert_eq!(keep(Some(&bond(1))), Some(lease_of(2)));
    assert_eq!(keep(None), Some(actor));
    assert_eq!(keep(None), None);
}

/// How many the first who waits could use.
fn lacking(queue: &Queue) -> u32 {
    queue.next(Pot::Node, None, |_, _| true).unwrap().count
}

/// Where a process for a job that holds no devices would come from.
fn supply(pool: &Pool, job: u32) -> Supply {
    pool.supply("", Some(&bond(job)), &Promises::default())
}

/// A process runs a task of a job.
fn run(pool: &mut Pool, number: u32, job: u32) {
    pool.on_forked(worker(number), String::new());
    pool.on_leased(worker(number), bond(job));
}

fn bond(job: u32) -> Bond {
    let holding = take(&mut Ledger::new(amounts("CPU", 1.0)), &amounts("CPU", 1.0)).unwrap();
    Bond::new(JobId(job), &holding)
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
