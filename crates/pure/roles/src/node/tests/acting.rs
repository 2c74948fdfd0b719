//! Actors are placed, made and ended.

use types::{Assignment, Exit, LeaseId};
use wire::to_node::NodeReport;
use wire::to_worker::FromNode;
use wire::{HeadToNode, ToNode};

use super::Effect;
use super::made_up::{TestNode, actor, actor_spec, death, fork, start, tell, worker};

#[test]
fn an_actor_is_placed_holds_what_its_placement_needs_and_once_made_only_what_it_needs() {
    let mut node = TestNode::with_cpus(1);
    let spec = actor_spec(actor(1), 1.0, 0.0);

    let effects = node.head(start(&spec));

    let (spec, assignment) = (Box::new(spec), Assignment::default());
    let started = FromNode::Start { spec, dependencies: vec![], incarnation: 0, assignment };
    let placed = Effect::ToHead(NodeReport::ActorPlaced(actor(1), worker(2)));
    assert_eq!(effects, [tell(worker(2), started), placed]);
    assert_eq!(node.free(), 0.0);
    node.head(HeadToNode::ActorMade(actor(1)));
    assert_eq!(node.free(), 1.0);
}

#[test]
fn an_actor_that_is_ended_tells_the_head_why_it_died() {
    let mut node = TestNode::with_cpus(1);
    node.start(actor(1), |_| {});
    let reason = "kill() was called".to_owned();

    let killed = node.head(HeadToNode::EndActor { actor: actor(1), reason: reason.clone() });
    let effects = node.end(worker(2), Exit::Signal(9));

    assert_eq!(killed, [Effect::Kill(worker(2))]);
    let death = death(worker(2), Exit::Signal(9), &reason);
    assert_eq!(effects[0], Effect::ToHead(NodeReport::ActorEnded(actor(1), death)));
    assert_eq!(node.free(), 1.0);
}

#[test]
fn an_actor_that_no_node_can_hold_is_not_placed_and_one_that_waits_can_be_ended() {
    let mut node = TestNode::with_cpus(1);
    let effects = node.head(start(&actor_spec(actor(1), 2.0, 2.0)));
    let [Effect::ToHead(NodeReport::ActorNotPlaced(refused, _))] = &effects[..] else {
        panic!("{effects:?}")
    };
    assert_eq!(*refused, actor(1));
    node.want(node.driver, 1.0, 1);

    assert_eq!(
        node.head(start(&actor_spec(actor(2), 1.0, 1.0))),
        [tell(node.driver, FromNode::Reclaim(LeaseId(1)))]
    );
    assert_eq!(node.head(HeadToNode::EndActor { actor: actor(2), reason: String::new() }), []);

    assert_eq!(node.say(node.driver, ToNode::Release(LeaseId(1))), []);
}

#[test]
fn actors_have_processes_beyond_the_cap() {
    let mut node = TestNode::with_settings(1, |settings| settings.workers_max = 1);
    node.want(node.driver, 1.0, 1);

    let effects = node.head(start(&actor_spec(actor(1), 0.0, 0.0)));

    assert_eq!(effects, [fork(3)]);
    node.arrive(3);
    assert_eq!(node.worker_of(actor(1)), Some(worker(3)));
}
