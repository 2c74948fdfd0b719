//! The life of actors, as nodes and watchers hear of it.

use types::{Dependency, LabelRule, Stored};

use super::*;

#[test]
fn an_actor_is_answered_placed_made_and_published_to_its_creator() {
    let mut head = TestHead::with_cpus(4);
    let spec = actor(1);
    let handle = spec.handle.clone();

    let made = Answer::Actor { actor: spec.id, handle, found: false };
    assert_eq!(head.create(&spec), [answered(DRIVER, 5, made)]);
    assert_eq!(head.says(DRIVER, ready(spec.id)), [Effect::ToNode(NODE, start(&spec, 0))]);
    assert_eq!(head.reports(NodeReport::ActorPlaced(spec.id, PROCESS)), []);
    assert_eq!(
        head.says(PROCESS, ToHead::ActorMade(spec.id)),
        [Effect::ToNode(NODE, HeadToNode::ActorMade(spec.id)), changed(DRIVER, spec.id, lives(0))]
    );
}

#[test]
fn who_watches_hears_the_state_at_once_and_each_change() {
    let mut head = TestHead::with_cpus(4);
    let making = head.making(&actor(1), PROCESS);
    let watch = ToHead::WatchActor(making);

    assert_eq!(
        head.says(OTHER_PROCESS, watch),
        [changed(OTHER_PROCESS, making, ActorState::Pending)]
    );
    assert_eq!(
        head.says(PROCESS, ToHead::ActorMade(making)),
        [
            Effect::ToNode(NODE, HeadToNode::ActorMade(making)),
            changed(DRIVER, making, lives(0)),
            changed(OTHER_PROCESS, making, lives(0)),
        ]
    );
}

#[test]
fn an_actor_nobody_knows_is_dead() {
    let mut head = TestHead::with_cpus(4);
    let unknown = actor(1).id;

    let effects = head.says(DRIVER, ToHead::WatchActor(unknown));

    assert_eq!(effects, [dead(DRIVER, unknown, ActorEnd::Unknown)]);
}

#[test]
fn a_name_is_taken_found_and_free_again_after_death() {
    let mut head = TestHead::with_cpus(4);
    let first = ActorSpec { name: Some(named("n")), ..actor(1) };
    let second = ActorSpec { name: Some(named("n")), ..actor(2) };
    head.alive(&first, PROCESS);
    let found = Answer::Actor { actor: first.id, handle: first.handle.clone(), found: true };

    let never_made = || dead(DRIVER, second.id, ActorEnd::Unknown);
    let taken = answered(DRIVER, 5, Answer::NameTaken(named("n")));
    assert_eq!(head.create(&second), [taken, never_made()]);
    let effects = head.says(DRIVER, create(&second, true));
    assert_eq!(effects, [answered(DRIVER, 5, found.clone()), never_made()]);
    assert_eq!(head.asks(Question::ActorNamed(named("n"))), found);
    assert_eq!(head.asks(Question::ActorNames(None)), Answer::ActorNames(vec![named("n")]));

    head.says(DRIVER, ToHead::KillActor { actor: first.id, for_good: true });
    assert_eq!(head.asks(Question::ActorNamed(named("n"))), Answer::Nothing);
    let made = Answer::Actor { actor: second.id, handle: second.handle.clone(), found: false };
    assert_eq!(head.create(&second), [answered(DRIVER, 5, made)]);
    assert_eq!(
        head.asks(Question::ActorNames(Some("elsewhere".to_owned()))),
        Answer::ActorNames(vec![])
    );
}

#[test]
fn a_process_that_ends_costs_a_restart_and_the_arguments_are_sent_again() {
    let mut head = TestHead::with_cpus(4);
    let spec = ActorSpec { restarts_max: Some(1), ..actor(1) };
    let object = spec.id.handle();
    let stored = Stored::inline(Payload::from(&b"x"[..]));
    let dependencies = vec![Dependency { object, stored }];
    head.create(&spec);
    head.says(DRIVER, ToHead::ActorReady { actor: spec.id, dependencies: dependencies.clone() });
    head.reports(NodeReport::ActorPlaced(spec.id, PROCESS));
    head.says(PROCESS, ToHead::ActorMade(spec.id));

    let restarting = ActorState::Restarting(death(PROCESS).to_string());
    let again =
        HeadToNode::StartActor { spec: Box::new(spec.clone()), dependencies, incarnation: 1 };
    assert_eq!(
        head.reports(NodeReport::ActorEnded(spec.id, death(PROCESS))),
        [changed(DRIVER, spec.id, restarting), Effect::ToNode(NODE, again)]
    );
    head.reports(NodeReport::ActorPlaced(spec.id, OTHER_PROCESS));
    assert_eq!(
        head.says(OTHER_PROCESS, ToHead::ActorMade(spec.id))[1],
        changed(DRIVER, spec.id, ActorState::Alive { worker: OTHER_PROCESS, incarnation: 1 })
    );
    assert_eq!(
        head.reports(NodeReport::ActorEnded(spec.id, death(OTHER_PROCESS))),
        [dead(DRIVER, spec.id, ActorEnd::Process(death(OTHER_PROCESS)))]
    );
}

#[test]
fn a_constructor_that_raises_is_the_end_whatever_restarts_are_left() {
    let mut head = TestHead::with_cpus(4);
    let making = head.making(&ActorSpec { restarts_max: None, ..actor(1) }, PROCESS);
    let (error, text) = (Payload::from(&b"error"[..]), "no".to_owned());
    let raised = Failure::Raised { error: error.clone(), text: text.clone() };

    let effects = head.says(PROCESS, ToHead::ActorNotMade(making, Arc::new(raised)));

    let reason = ActorEnd::Constructor { error, text };
    assert_eq!(effects, [end(making, &reason), dead(DRIVER, making, reason)]);
    assert_eq!(head.reports(NodeReport::ActorEnded(making, death(PROCESS))), []);
}

#[test]
fn only_the_actor_s_own_process_speaks_for_it() {
    let mut head = TestHead::with_cpus(4);
    let making = head.making(&actor(1), PROCESS);

    assert_eq!(head.says(OTHER_PROCESS, ToHead::ActorMade(making)), []);
    let failure = Arc::new(Failure::ObjectFreed(making.handle()));
    assert_eq!(head.says(OTHER_PROCESS, ToHead::ActorNotMade(making, failure)), []);
    assert_eq!(head.says(OTHER_PROCESS, ToHead::ActorLeaves(making)), []);
    assert_eq!(
        head.reports(NodeReport::ActorEnded(making, death(PROCESS))),
        [dead(DRIVER, making, ActorEnd::Process(death(PROCESS)))]
    );
}

#[test]
fn an_argument_that_failed_and_a_node_that_cannot_place_it_end_an_actor() {
    let mut head = TestHead::with_cpus(4);
    let (pending, placing) = (actor(1), head.placing(&actor(2)));
    head.create(&pending);
    let failure = Failure::EnvironmentFailed("no such package".to_owned());
    let reason = ActorEnd::NotMade(Box::new(failure.clone()));

    assert_eq!(
        head.says(DRIVER, ToHead::ActorHopeless(pending.id, Arc::new(failure.clone()))),
        [dead(DRIVER, pending.id, reason.clone())]
    );
    assert_eq!(
        head.reports(NodeReport::ActorNotPlaced(placing, Arc::new(failure))),
        [end(placing, &reason), dead(DRIVER, placing, reason)]
    );
    assert_eq!(head.says(DRIVER, ready(pending.id)), []);
}

#[test]
fn kill_for_good_ends_an_actor_at_once_wherever_it_is() {
    let mut head = TestHead::with_cpus(4);
    let spec = ActorSpec { restarts_max: None, ..actor(1) };
    let kill = |actor| ToHead::KillActor { actor, for_good: true };
    head.create(&spec);
    let placing = head.placing(&ActorSpec { restarts_max: None, ..actor(2) });
    let alive = head.alive(&ActorSpec { restarts_max: None, ..actor(3) }, PROCESS);

    assert_eq!(head.says(DRIVER, kill(spec.id)), [dead(DRIVER, spec.id, ActorEnd::Killed)]);
    for actor in [placing, alive] {
        assert_eq!(
            head.says(DRIVER, kill(actor)),
            [end(actor, &ActorEnd::Killed), dead(DRIVER, actor, ActorEnd::Killed)]
        );
    }
    assert_eq!(head.reports(NodeReport::ActorPlaced(placing, OTHER_PROCESS)), []);
    assert_eq!(head.reports(NodeReport::ActorEnded(placing, death(OTHER_PROCESS))), []);
    assert_eq!(head.reports(NodeReport::ActorEnded(alive, death(PROCESS))), []);
    assert_eq!(head.says(DRIVER, kill(alive)), []);
}

#[test]
fn kill_that_is_not_for_good_costs_a_restart_and_without_one_is_for_good() {
    let mut head = TestHead::with_cpus(4);
    let spec = ActorSpec { restarts_max: Some(1), ..actor(1) };
    let kill = || ToHead::KillActor { actor: spec.id, for_good: false };
    head.placing(&spec);
    assert_eq!(head.says(DRIVER, kill()), []);
    head.reports(NodeReport::ActorPlaced(spec.id, PROCESS));

    assert_eq!(head.says(DRIVER, kill()), [end(spec.id, &ActorEnd::Killed)]);
    let restarting = ActorState::Restarting(death(PROCESS).to_string());
    assert_eq!(
        head.reports(NodeReport::ActorEnded(spec.id, death(PROCESS))),
        [changed(DRIVER, spec.id, restarting), Effect::ToNode(NODE, start(&spec, 1))]
    );
    assert_eq!(
        head.says(DRIVER, kill()),
        [end(spec.id, &ActorEnd::Killed), dead(DRIVER, spec.id, ActorEnd::Killed)]
    );
}

#[test]
fn an_actor_that_leaves_or_lost_its_last_handle_dies_when_its_process_ends() {
    let mut head = TestHead::with_cpus(4);
    let spec = |count| ActorSpec { restarts_max: None, name: Some(named("n")), ..actor(count) };
    let first = head.alive(&spec(1), PROCESS);
    assert_eq!(head.says(PROCESS, ToHead::ActorLeaves(first)), []);
    let second = head.alive(&spec(2), OTHER_PROCESS);

    let retire = Effect::ToWorker(OTHER_PROCESS, FromHead::Retire);
    assert_eq!(head.says(DRIVER, ToHead::ActorUnreachable(second)), [retire]);
    assert_eq!(head.says(DRIVER, ToHead::ActorUnreachable(second)), []);
    assert_eq!(head.asks(Question::ActorNamed(named("n"))), Answer::Nothing);
    assert_eq!(
        head.reports(NodeReport::ActorEnded(first, death(PROCESS))),
        [dead(DRIVER, first, ActorEnd::Exited)]
    );
    assert_eq!(
        head.reports(NodeReport::ActorEnded(second, death(OTHER_PROCESS))),
        [dead(DRIVER, second, ActorEnd::Unreachable)]
    );
}

#[test]
fn an_actor_that_is_unreachable_before_it_has_a_process_is_cancelled() {
    let mut head = TestHead::with_cpus(4);
    let (pending, placing) = (actor(1), head.placing(&actor(2)));
    head.create(&pending);

    assert_eq!(
        head.says(DRIVER, ToHead::ActorUnreachable(pending.id)),
        [dead(DRIVER, pending.id, ActorEnd::Unreachable)]
    );
    assert_eq!(
        head.says(DRIVER, ToHead::ActorUnreachable(placing)),
        [end(placing, &ActorEnd::Unreachable), dead(DRIVER, placing, ActorEnd::Unreachable)]
    );
}

#[test]
fn the_creator_s_end_is_the_end_of_its_actors_unless_they_are_detached() {
    let mut head = TestHead::with_cpus(4);
    let creator = OTHER_PROCESS;
    let bound = head.alive(&ActorSpec { creator, ..actor(1) }, worker(5));
    let detached = head.alive(&ActorSpec { creator, detached: true, ..actor(2) }, worker(6));
    for actor in [bound, detached] {
        head.says(DRIVER, ToHead::WatchActor(actor));
    }

    let effects = head.gone(creator);

    let reason = ActorEnd::CreatorEnded(creator);
    assert_eq!(effects, [end(bound, &reason), dead(DRIVER, bound, reason)]);
    assert_eq!(head.says(DRIVER, ToHead::ActorUnreachable(detached)), []);
}

#[test]
fn an_actor_waits_for_a_node_and_goes_to_the_first_that_joins() {
    let mut head = TestHead::empty();
    head.says(DRIVER, start_job());
    let spec = actor(1);
    head.create(&spec);

    assert_eq!(head.says(DRIVER, ready(spec.id)), []);
    assert_eq!(head.join(NODE, cpus(1)), [Effect::ToNode(NODE, start(&spec, 0))]);
}

#[test]
fn an_actor_no_node_can_ever_hold_is_dead_for_that_reason() {
    let mut head = TestHead::with_cpus(4);
    let spec = ActorSpec { placement: cpus(5), ..actor(1) };
    head.create(&spec);

    let effects = head.says(DRIVER, ready(spec.id));

    let text = "no node can ever have {CPU: 5} free: node 1 has {CPU: 4}".to_owned();
    let reason = ActorEnd::NotMade(Box::new(Failure::Unschedulable(text)));
    assert_eq!(effects, [dead(DRIVER, spec.id, reason)]);
}

#[test]
fn strategies_choose_the_node() {
    let rule = |value: &str, negated| {
        let values = Some(vec![value.to_owned()]);
        LabelRule { label: "zone".to_owned(), values, negated }
    };
    let there = |soft| Strategy::Node { node: OTHER_NODE, soft };
    let gone = |soft| Strategy::Node { node: NodeId(7), soft };
    for (strategy, expected) in [
        (Strategy::Pack, Some(NODE)),
        (there(false), Some(OTHER_NODE)),
        (gone(true), Some(NODE)),
        (gone(false), None),
        (Strategy::Labels(vec![rule("zone-2", false)], vec![]), Some(OTHER_NODE)),
        (Strategy::Labels(vec![], vec![rule("zone-1", true)]), Some(OTHER_NODE)),
        (Strategy::Labels(vec![rule("zone-9", false)], vec![]), None),
    ] {
        let mut head = TestHead::with_cpus(4);
        head.join(OTHER_NODE, cpus(4));
        let spec = by_strategy(actor(1), strategy.clone());
        head.create(&spec);

        let effects = head.says(DRIVER, ready(spec.id));

        match (expected, &effects[..]) {
            (Some(node), [effect]) => assert_eq!(effect, &Effect::ToNode(node, start(&spec, 0))),
            (None, [Effect::ToWorker(DRIVER, FromHead::ActorChanged { state, .. })]) => {
                assert!(matches!(state, ActorState::Dead(_)));
            }
            (_, other) => panic!("{strategy:?} led to {other:?}"),
        }
    }
}

#[test]
fn a_spread_goes_round_the_nodes_and_a_pack_leaves_a_full_one() {
    let mut head = TestHead::with_cpus(4);
    head.join(OTHER_NODE, cpus(4));
    let mut node_of = |spec: &ActorSpec| {
        head.create(spec);
        let effects = head.says(DRIVER, ready(spec.id));
        let [Effect::ToNode(node, _)] = effects[..] else { panic!("{effects:?}") };
        node
    };

    let spread = [1, 2, 3].map(|count| node_of(&by_strategy(actor(count), Strategy::Spread)));

    assert_eq!(spread, [NODE, OTHER_NODE, NODE]);
    head.reports(NodeReport::Free(Resources::default()));
    head.create(&actor(4));
    assert_eq!(
        head.says(DRIVER, ready(actor(4).id)),
        [Effect::ToNode(OTHER_NODE, start(&actor(4), 0))]
    );
}

#[test]
fn a_lost_node_costs_its_actors_a_restart_but_not_those_on_their_way() {
    let mut head = TestHead::with_cpus(4);
    let on_other = |spec| by_strategy(spec, Strategy::Node { node: OTHER_NODE, soft: true });
    head.join(OTHER_NODE, cpus(4));
    let process = WorkerId { node: OTHER_NODE, number: 1 };
    let mortal = head.alive(&on_other(actor(1)), process);
    let placing = on_other(actor(2));
    head.placing(&placing);

    let effects = head.step(Event::NodeLost(OTHER_NODE));

    let mut lost = Death { exit: Exit::Unknown, pid: 0, ..death(process) };
    lost.reason = "the connection to its node 2 is lost".to_owned();
    assert_eq!(
        effects,
        [dead(DRIVER, mortal, ActorEnd::Process(lost)), Effect::ToNode(NODE, start(&placing, 0)),]
    );
    assert_eq!(head.step(Event::NodeLost(OTHER_NODE)), []);
}

fn lives(incarnation: u32) -> ActorState {
    ActorState::Alive { worker: PROCESS, incarnation }
}
