//! Bundles are prepared, used and given back, and the head that was refused hears when to try again.

use std::sync::Arc;
use std::time::Duration;

use types::{Exit, Failure, GroupId, LeaseId, Resources, Shape, Strategy};
use wire::to_node::NodeReport;
use wire::to_worker::FromNode;
use wire::{HeadToNode, ToNode};

use super::Effect;
use super::made_up::{JOB, TestNode, cpus, tell, units, worker};

#[test]
fn a_demand_in_a_group_waits_for_its_commit_and_is_refused_when_the_group_is_removed() {
    let mut node = TestNode::with_cpus(2);
    let group = GroupId::new(node.driver, 1, JOB);
    let strategy = Strategy::Group { group, bundle: None };
    let shape = Arc::new(Shape { resources: cpus(1.0), strategy, ..Shape::default() });
    let want =
        |count, granted| ToNode::Want { shape: 7, spec: Some(Arc::clone(&shape)), count, granted };
    assert_eq!(node.say(node.driver, want(2, 0)), []);
    let bundles = vec![(0, cpus(1.0))];
    let prepared = Effect::ToHead(NodeReport::BundlesPrepared(group, true));

    assert_eq!(node.head(HeadToNode::PrepareBundles { group, bundles }), [prepared]);
    let granted = node.head(HeadToNode::CommitBundles(group));
    assert!(
        matches!(&granted[..], [Effect::ToWorker(_, FromNode::Leased { shape: 7, .. })]),
        "{granted:?}"
    );
    let removed = node.head(HeadToNode::ReturnBundles(group));

    let failure = Arc::new(Failure::GroupRemoved(group));
    let refused = tell(node.driver, FromNode::Refused { shape: 7, failure: Arc::clone(&failure) });
    assert_eq!(removed, [refused, Effect::Kill(worker(3))]);
    assert_eq!(node.free(), 1.0);
    node.end(worker(3), Exit::Signal(9));
    assert_eq!(node.free(), 2.0);
    let refused = tell(node.driver, FromNode::Refused { shape: 7, failure });
    assert_eq!(node.say(node.driver, want(1, 2)), [refused]);
}

#[test]
fn bundles_that_do_not_fit_are_not_prepared_and_the_head_hears_at_once_when_more_is_free() {
    let mut node = TestNode::with_cpus(2);
    let group = GroupId::new(node.driver, 1, JOB);
    node.want(node.driver, 1.0, 1);
    node.wait(Duration::from_millis(20));

    let bundles = vec![(0, cpus(2.0))];
    let refused = Effect::ToHead(NodeReport::BundlesPrepared(group, false));
    assert_eq!(node.head(HeadToNode::PrepareBundles { group, bundles }), [refused]);

    let free = Effect::ToHead(NodeReport::Free(cpus(2.0)));
    assert_eq!(node.say(node.driver, ToNode::Release(LeaseId(1))), [free]);
}

#[test]
fn a_head_that_was_refused_for_a_change_it_had_not_heard_of_hears_of_that_and_of_its_end() {
    let mut node = TestNode::with_cpus(2);
    let group = GroupId::new(node.driver, 1, JOB);
    node.want(node.driver, 1.0, 1);

    // The lease is not told yet, so the head believes that two are free, as they will be again.
    let bundles = vec![(0, cpus(2.0))];
    let refused = Effect::ToHead(NodeReport::BundlesPrepared(group, false));
    let free = |count| Effect::ToHead(NodeReport::Free(cpus(count)));
    assert_eq!(node.head(HeadToNode::PrepareBundles { group, bundles }), [refused, free(1.0)]);

    node.say(node.driver, ToNode::Release(LeaseId(1)));
    assert_eq!(node.wait(Duration::from_millis(20)), [free(2.0)]);
}

#[test]
fn a_head_that_was_refused_hears_when_what_is_free_lies_on_other_devices() {
    let amounts = |cpus, gpus| -> Resources {
        [("CPU", units(cpus)), ("GPU", units(gpus))].into_iter().collect()
    };
    let mut node = TestNode::bare_of(amounts(1.0, 2.0), 1, |_| {});
    node.driver = node.another_driver();
    node.arrive(2);
    let want = |shape, cpus, count, granted| {
        let spec = Shape { resources: amounts(cpus, 0.5), ..Shape::default() };
        ToNode::Want { shape, spec: Some(Arc::new(spec)), count, granted }
    };
    node.say(node.driver, want(1, 0.0, 1, 0));
    node.say(node.driver, want(2, 1.0, 1, 0));
    node.say(node.driver, want(3, 0.0, 1, 0));
    node.arrive(3);
    node.arrive(4);
    node.say(node.driver, ToNode::Release(LeaseId(1)));
    node.say(node.driver, want(2, 1.0, 1, 1));
    node.wait(Duration::from_millis(20));
    let group = GroupId::new(node.driver, 1, JOB);
    let prepare = || HeadToNode::PrepareBundles { group, bundles: vec![(0, amounts(0.0, 1.0))] };
    let prepared = |ok| Effect::ToHead(NodeReport::BundlesPrepared(group, ok));
    assert_eq!(node.head(prepare()), [prepared(false)]);

    let effects = node.say(node.driver, ToNode::Release(LeaseId(2)));

    let free = Effect::ToHead(NodeReport::Free(amounts(0.0, 1.0)));
    assert!(effects.contains(&free), "{effects:?}");
    assert_eq!(node.head(prepare()), [prepared(true)]);
}
