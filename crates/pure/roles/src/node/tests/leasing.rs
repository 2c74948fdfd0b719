//! Demands wait, are met and shrink; leases are lent, lent again and given back.

use std::sync::Arc;
use std::time::Duration;

use types::{Assignment, Failure, LeaseId, Resources, Shape};
use wire::ToNode;
use wire::to_node::NodeReport;
use wire::to_worker::FromNode;

use super::made_up::{JOB, TestNode, driver_peer, fork, leased, tell, welcome, worker};
use super::{Effect, Event};

#[test]
fn a_demand_is_met_with_idle_workers_and_what_is_free_is_told_a_little_later() {
    let mut node = TestNode::with_cpus(2);

    let effects = node.want(node.driver, 1.0, 3);

    assert_eq!(effects, [node.leased(1, 3, 1.0), node.leased(2, 2, 1.0)]);
    let free = Effect::ToHead(NodeReport::Free(Resources::default()));
    assert_eq!(node.wait(Duration::from_millis(20)), [free]);
    assert_eq!(node.node.explain(), ["the demand {CPU: 1} waits: {} of {CPU: 2} is free"]);
}

#[test]
fn a_lease_that_is_given_back_goes_to_the_next_who_waits() {
    let mut node = TestNode::with_cpus(1);
    let other = node.another_driver();
    node.want(node.driver, 1.0, 1);
    let lease = LeaseId(1);

    assert_eq!(node.want(other, 1.0, 1), [tell(node.driver, FromNode::Reclaim(lease))]);
    let effects = node.say(node.driver, ToNode::Release(lease));

    // The worker stays with the job it worked for: the other job gets a fresh one.
    assert_eq!(effects, [fork(4)]);
    assert_eq!(node.arrive(4), [welcome(4), leased(other, 2, 4, 1.0)]);
}

#[test]
fn a_demand_for_more_than_there_is_is_refused_with_demand_and_capacity() {
    let mut node = TestNode::with_cpus(2);

    let effects = node.want(node.driver, 3.0, 1);

    let why = "the demand {CPU: 3} can never be met: the node has {CPU: 2} in all; there is too little CPU";
    let failure = Arc::new(Failure::Unschedulable(why.to_owned()));
    assert_eq!(effects, [tell(node.driver, FromNode::Refused { shape: 300, failure })]);
}

#[test]
fn a_blocked_worker_lends_its_cpu_so_that_its_own_task_can_run() {
    let mut node = TestNode::with_cpus(1);
    node.want(node.driver, 1.0, 1);
    let parent = worker(2);
    let reclaim = tell(node.driver, FromNode::Reclaim(LeaseId(1)));
    assert_eq!(node.want(parent, 1.0, 1), [reclaim]);

    assert_eq!(node.say(parent, ToNode::Blocked(LeaseId(1))), [fork(3)]);
    assert_eq!(node.arrive(3), [welcome(3), leased(parent, 2, 3, 1.0)]);
    assert_eq!(node.say(parent, ToNode::Unblocked(LeaseId(1))), []);
    assert_eq!(node.say(parent, ToNode::Release(LeaseId(2))), []);

    assert_eq!(node.free(), 0.0, "the parent runs again");
}

#[test]
fn at_the_cap_a_worker_whose_task_waits_is_lent_again_even_to_itself() {
    let mut node = TestNode::with_settings(1, |settings| settings.workers_max = 1);
    node.want(node.driver, 1.0, 1);
    let parent = worker(2);
    node.want(parent, 1.0, 1);

    let lent = node.say(parent, ToNode::Blocked(LeaseId(1)));
    assert_eq!(lent, [leased(parent, 2, 2, 1.0)]);
    assert_eq!(node.want(parent, 1.0, 2), [], "it does not wait on its second lease");
    let lent = node.say(parent, ToNode::Blocked(LeaseId(2)));
    assert_eq!(lent, [leased(parent, 3, 2, 1.0)]);

    node.say(parent, ToNode::Release(LeaseId(3)));
    node.say(parent, ToNode::Unblocked(LeaseId(2)));
    node.say(parent, ToNode::Release(LeaseId(2)));
    node.say(parent, ToNode::Unblocked(LeaseId(1)));
    assert_eq!(node.free(), 0.0, "the first task has its CPU again");
}

#[test]
fn at_the_cap_a_job_without_a_process_does_not_hold_back_one_whose_task_waits() {
    let mut node = TestNode::with_settings(2, |settings| settings.workers_max = 2);
    let other = node.another_driver();
    node.want(node.driver, 1.0, 2);
    let parent = worker(3);
    node.want(other, 1.0, 1);
    node.want(parent, 1.0, 1);

    let lent = node.say(parent, ToNode::Blocked(LeaseId(1)));

    assert!(lent.contains(&leased(parent, 3, 3, 1.0)), "{lent:?}");
}

#[test]
fn at_the_cap_an_environment_that_no_worker_has_gets_one_when_all_wait_and_it_is_lent_again() {
    let mut node = TestNode::with_settings(1, |settings| settings.workers_max = 1);
    let environment = r#"{"env_vars":{"A":"1"}}"#.to_owned();
    let of_environment = Shape { environment: environment.clone(), ..Shape::default() };
    let spec = Some(Arc::new(of_environment));
    let want = ToNode::Want { shape: 0, spec, count: 1, granted: 0 };
    node.want(node.driver, 1.0, 1);
    let (parent, child) = (worker(2), worker(3));
    node.say(parent, want.clone());

    let forked = node.say(parent, ToNode::Blocked(LeaseId(1)));

    assert_eq!(forked, [Effect::Fork { worker: child, environment }]);
    assert_eq!(node.arrive(3), [welcome(3), leased(parent, 2, 3, 0.0)]);
    node.say(child, want);
    let lent = node.say(child, ToNode::Blocked(LeaseId(2)));
    assert_eq!(lent, [leased(child, 3, 3, 0.0)]);
}

#[test]
fn at_the_cap_a_job_that_has_no_worker_gets_one_when_the_tasks_of_all_others_wait() {
    let mut node = TestNode::with_settings(1, |settings| settings.workers_max = 1);
    let other = node.another_driver();
    node.want(node.driver, 1.0, 1);
    node.want(other, 1.0, 1);

    assert_eq!(node.say(worker(2), ToNode::Blocked(LeaseId(1))), [fork(4)]);
    assert_eq!(node.arrive(4), [welcome(4), leased(other, 2, 4, 1.0)]);
}

#[test]
fn a_worker_that_is_free_serves_who_waits_for_one_that_starts() {
    let mut node = TestNode::with_cpus(2);
    let environment = r#"{"env_vars":{"A":"1"}}"#.to_owned();
    let spec = Arc::new(Shape { environment, ..Shape::default() });
    let want = |shape| ToNode::Want { shape, spec: Some(Arc::clone(&spec)), count: 1, granted: 0 };
    node.say(node.driver, want(0));
    node.arrive(4);
    node.say(node.driver, want(1));

    let effects = node.say(node.driver, ToNode::Release(LeaseId(1)));

    let (lease, worker, assignment) = (LeaseId(2), worker(4), Assignment::default());
    let leased = FromNode::Leased { shape: 1, lease, worker, assignment };
    assert_eq!(effects, [tell(node.driver, leased)]);
    assert_eq!(node.arrive(5), [welcome(5)]);
}

#[test]
fn a_demand_that_shrinks_gives_up_what_was_promised() {
    let mut node = TestNode::bare(2);
    node.step(Event::Arrived { connection: 1, peer: driver_peer(false) });
    node.driver = worker(1);
    node.step(Event::JobStarted(node.driver, JOB));
    assert_eq!(node.want(node.driver, 1.0, 2), []);
    assert_eq!(node.free(), 0.0);

    node.say(node.driver, ToNode::Want { shape: 100, spec: None, count: 1, granted: 0 });

    assert_eq!(node.free(), 1.0);
    assert_eq!(node.arrive(2), [welcome(2), node.leased(1, 2, 1.0)]);
    assert_eq!(node.arrive(3), [welcome(3)]);
}
