//! Processes end or never start, and what depended on them ends with them.

use std::sync::Arc;
use std::time::Duration;

use types::{Death, Exit, Failure, LeaseId, Shape, TaskId};
use wire::to_node::NodeReport;
use wire::to_worker::{FromNode, OutputLines};
use wire::{HeadToNode, ToNode};

use super::made_up::{JOB, TestNode, actor, cpus, death, driver_peer, fork, tell, worker};
use super::{Effect, Event};

#[test]
fn the_end_of_a_worker_ends_all_its_leases() {
    let mut node = TestNode::with_settings(1, |settings| settings.workers_max = 1);
    node.want(node.driver, 1.0, 1);
    let parent = worker(2);
    node.want(node.driver, 1.0, 2);
    node.say(parent, ToNode::Blocked(LeaseId(1)));

    node.step(Event::HungUp(parent));
    let effects = node.end(parent, Exit::Signal(9));

    let ended = |lease| {
        let death = death(parent, Exit::Signal(9), "");
        tell(node.driver, FromNode::LeaseEnded { lease: LeaseId(lease), death })
    };
    assert!(effects.contains(&ended(1)) && effects.contains(&ended(2)), "{effects:?}");
}

#[test]
fn a_dead_worker_ends_its_lease_and_everybody_hears_how_it_died() {
    let mut node = TestNode::with_cpus(1);
    let other = node.another_driver();
    node.want(node.driver, 1.0, 1);
    let lines = vec!["Segmentation fault".to_owned()];
    node.step(Event::Wrote { worker: worker(2), error: true, lines: lines.clone() });

    assert_eq!(node.step(Event::HungUp(worker(2))), []);
    let exit = Exit::Signal(11);
    let effects =
        node.step(Event::ProcessEnded { worker: worker(2), exit, peak_memory_bytes: 5_000_000 });

    let output = OutputLines {
        worker: worker(2),
        pid: 1002,
        name: String::new(),
        error: true,
        lines: lines.clone(),
    };
    let death = Death {
        worker: worker(2),
        pid: 1002,
        exit,
        reason: String::new(),
        peak_memory_bytes: 5_000_000,
        last_lines: lines,
    };
    assert_eq!(
        effects,
        [
            tell(node.driver, FromNode::Lines(vec![output])),
            tell(node.driver, FromNode::LeaseEnded { lease: LeaseId(1), death: death.clone() }),
            tell(node.driver, FromNode::PeerEnded(death.clone())),
            tell(other, FromNode::PeerEnded(death.clone())),
            Effect::ToHead(NodeReport::WorkerGone(death)),
        ]
    );
    assert_eq!(node.free(), 1.0);
}

#[test]
fn a_worker_that_leaves_gets_nothing_more_to_do_and_its_lease_ends_with_its_reason() {
    let mut node = TestNode::with_cpus(1);
    node.want(node.driver, 1.0, 1);
    let reason = "it ran 5 calls, as max_calls asks".to_owned();
    node.say(worker(2), ToNode::Leaving { reason: reason.clone() });

    let effects = node.end(worker(2), Exit::Code(0));

    let death = death(worker(2), Exit::Code(0), &reason);
    let ended = FromNode::LeaseEnded { lease: LeaseId(1), death };
    assert!(effects.contains(&tell(node.driver, ended)), "{effects:?}");
}

#[test]
fn a_process_that_hangs_up_and_does_not_end_is_ended() {
    let mut node = TestNode::with_cpus(1);
    node.step(Event::HungUp(worker(2)));

    assert_eq!(node.wait(Duration::from_millis(999)), []);
    assert_eq!(node.wait(Duration::from_millis(1)), [Effect::Kill(worker(2))]);
}

#[test]
fn an_owner_that_ends_takes_its_leases_its_demands_and_its_objects_with_it() {
    let mut node = TestNode::with_cpus(1);
    node.want(node.driver, 1.0, 2);
    let object = TaskId::new(node.driver, 1, JOB).output(1);
    let owner = node.driver;
    node.say(worker(2), ToNode::Create { object, owner, size: 10 });
    node.say(worker(2), ToNode::Seal(object));

    let effects = node.step(Event::HungUp(node.driver));

    let gone = death(owner, Exit::Unknown, "");
    assert_eq!(
        effects,
        [
            Effect::Kill(worker(2)),
            tell(worker(2), FromNode::PeerEnded(gone.clone())),
            Effect::ToHead(NodeReport::WorkerGone(gone)),
        ]
    );
    assert_eq!((node.free(), node.node.objects.used()), (1.0, 0));
    let failed = node.say(worker(2), ToNode::Create { object, owner, size: 10 });
    let failure = Arc::new(Failure::OwnerDied(object, owner));
    assert_eq!(failed, [tell(worker(2), FromNode::Created(object, Err(failure)))]);
}

#[test]
fn the_cluster_stops_when_the_driver_that_owns_it_hangs_up() {
    let mut node = TestNode::bare(1);
    node.step(Event::Arrived { connection: 1, peer: driver_peer(true) });

    let effects = node.step(Event::HungUp(worker(1)));

    assert_eq!(effects[0], Effect::Stop);
}

#[test]
fn the_end_of_a_job_ends_its_processes_but_not_its_detached_actors() {
    let mut node = TestNode::with_cpus(3);
    node.want(node.driver, 1.0, 1);
    node.start(actor(1), |spec| spec.detached = true);
    node.start(actor(2), |_| {});
    assert_eq!(node.worker_of(actor(1)), Some(worker(3)));

    let effects = node.head(HeadToNode::EndJob(JOB));

    assert_eq!(effects, [Effect::Kill(worker(2)), Effect::Kill(worker(4))]);
}

#[test]
fn an_environment_that_cannot_be_made_fails_those_who_wait_for_it_and_nobody_else() {
    let mut node = TestNode::with_cpus(1);
    let environment = r#"{"pip":["nonsense"]}"#.to_owned();
    let shape = Arc::new(Shape {
        resources: cpus(1.0),
        environment: environment.clone(),
        ..Shape::default()
    });
    let want = ToNode::Want { shape: 7, spec: Some(shape), count: 1, granted: 0 };

    let forked = node.say(node.driver, want);
    assert_eq!(forked, [Effect::Fork { worker: worker(3), environment }]);
    let reason = "pip exited with 1".to_owned();
    let effects = node.step(Event::ForkFailed { worker: worker(3), reason: reason.clone() });

    let failure = Arc::new(Failure::EnvironmentFailed(reason));
    assert_eq!(effects, [tell(node.driver, FromNode::Refused { shape: 7, failure })]);
    assert_eq!(node.free(), 1.0);
}

#[test]
fn a_worker_that_does_not_start_is_replaced_twice_and_then_its_demand_is_refused() {
    let mut node = TestNode::bare(1);
    node.step(Event::Arrived { connection: 1, peer: driver_peer(false) });
    node.driver = worker(1);
    node.want(node.driver, 1.0, 1);
    let failed =
        |number| Event::ForkFailed { worker: worker(number), reason: "no memory".to_owned() };

    assert_eq!(node.step(failed(2)), [fork(3)]);
    assert_eq!(node.step(failed(3)), [fork(4)]);
    let effects = node.step(failed(4));

    assert!(matches!(&effects[..], [Effect::ToWorker(_, FromNode::Refused { .. })]), "{effects:?}");
}
