//! The node, one event at a time: what happened, and everything that follows.

mod acting;
mod bundling;
mod chaos;
mod leasing;
mod made_up;
mod reaping;
mod surveys;

use std::collections::BTreeMap;
use std::time::Duration;

use types::{LeaseId, NodeId, NodeInfo, ObjectId, TaskId, Timestamp};
use wire::ToNode;
use wire::to_node::NodeReport;
use wire::to_worker::{FromNode, OutputLines};

use super::{Effect, Event};
use crate::Role;
use made_up::{JOB, TestNode, cpus, driver_peer, fork, tell, worker};

#[test]
fn the_first_thing_a_node_does_is_to_join_and_for_the_first_driver_it_starts_a_worker_per_cpu() {
    let mut node = TestNode::bare(2);
    assert_eq!(node.node.next_deadline(), Some(Timestamp::ZERO));

    let effects = node.step(Event::Arrived { connection: 7, peer: driver_peer(false) });

    let joined = NodeInfo {
        node: NodeId(1),
        alive: true,
        resources: cpus(2.0),
        free: cpus(2.0),
        labels: BTreeMap::new(),
        facts: BTreeMap::new(),
    };
    let driver = worker(1);
    assert_eq!(
        effects,
        [
            Effect::ToHead(NodeReport::Joined(joined)),
            Effect::Welcome { connection: 7, worker: driver },
            fork(2),
            fork(3)
        ]
    );
}

#[test]
fn idle_workers_beyond_the_cpus_are_asked_to_leave_and_may_stay() {
    let mut node = TestNode::with_cpus(1);
    node.want(node.driver, 0.0, 2);
    node.arrive(3);
    for lease in [1, 2] {
        node.say(node.driver, ToNode::Release(LeaseId(lease)));
    }

    let spared = tell(worker(2), FromNode::Spare);
    assert_eq!(node.wait(Duration::from_secs(1)), [spared]);
    assert_eq!(node.say(worker(2), ToNode::Staying), []);
    assert_eq!(node.wait(Duration::from_secs(1)), [], "nothing changed");
    node.say(worker(2), ToNode::Unneeded);
    assert_eq!(node.wait(Duration::from_secs(1)), [tell(worker(3), FromNode::Spare)]);
    assert_eq!(node.say(worker(3), ToNode::Staying), []);

    assert_eq!(node.want_more(node.driver, 0.0, 1, 2), [node.leased(3, 3, 0.0)]);
}

#[test]
fn lines_reach_the_driver_of_the_job_together_and_under_the_name_of_what_wrote_them() {
    let mut node = TestNode::with_cpus(1);
    node.want(node.driver, 1.0, 1);
    node.say(worker(2), ToNode::Named("train".to_owned()));
    let wrote =
        |line: &str| Event::Wrote { worker: worker(2), error: false, lines: vec![line.to_owned()] };

    assert_eq!(node.step(wrote("one")), []);
    assert_eq!(node.step(wrote("two")), []);

    let lines = vec!["one".to_owned(), "two".to_owned()];
    let told =
        OutputLines { worker: worker(2), pid: 1002, name: "train".to_owned(), error: false, lines };
    assert!(
        node.wait(Duration::from_millis(20))
            .contains(&tell(node.driver, FromNode::Lines(vec![told])))
    );
}

#[test]
fn a_driver_that_asks_for_lines_hears_what_was_written_and_then_that_this_was_all() {
    let mut node = TestNode::with_cpus(1);
    node.want(node.driver, 1.0, 1);
    let (pid, name, lines) = (1002, String::new(), vec!["last".to_owned()]);
    node.step(Event::Wrote { worker: worker(2), error: false, lines: lines.clone() });

    let told = node.say(node.driver, ToNode::AskLines(7));

    let lines = OutputLines { worker: worker(2), pid, name, error: false, lines };
    let all = tell(node.driver, FromNode::LinesTold(7));
    assert_eq!(told, [tell(node.driver, FromNode::Lines(vec![lines])), all]);
}

#[test]
fn an_object_is_made_sealed_read_and_freed() {
    let mut node = TestNode::with_cpus(1);
    let (driver, reader) = (node.driver, worker(2));
    let object: ObjectId = TaskId::new(driver, 1, JOB).output(0);

    let created = node.say(driver, ToNode::Create { object, owner: driver, size: 100 });
    node.say(driver, ToNode::Seal(object));
    let pinned = node.say(reader, ToNode::Pin(object));
    node.say(driver, ToNode::Free(vec![object]));
    let used = node.node.objects.used();
    node.say(reader, ToNode::Unpin(object));

    assert_eq!(created, [tell(driver, FromNode::Created(object, Ok(0)))]);
    assert_eq!(pinned, [tell(reader, FromNode::Pinned(object, Ok((0, 100))))]);
    assert_eq!((used, node.node.objects.used()), (4096, 0));
}
