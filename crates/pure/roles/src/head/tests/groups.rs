//! The life of placement groups, as nodes and watchers hear of it.

use super::*;

const PACK: GroupStrategy = GroupStrategy::Pack;

#[test]
fn a_group_is_prepared_committed_and_published_to_its_creator() {
    let mut head = TestHead::with_cpus(4);
    let spec = group(1, PACK, [1, 2]);

    assert_eq!(head.says(DRIVER, make(&spec)), [prepare(NODE, spec.id, [(0, 1), (1, 2)])]);
    assert_eq!(
        head.reports(NodeReport::BundlesPrepared(spec.id, true)),
        [commit(NODE, spec.id), group_is(DRIVER, spec.id, GroupState::Created(vec![NODE, NODE]))]
    );
    assert_eq!(head.free(), cpus(1));
}

#[test]
fn a_group_that_is_removed_gives_its_bundles_back_whatever_its_state() {
    let mut head = TestHead::with_cpus(4);
    let created = head.created(&group(1, PACK, [1]));
    let preparing = group(2, PACK, [1]);
    head.says(DRIVER, make(&preparing));

    for id in [created, preparing.id] {
        assert_eq!(
            head.says(DRIVER, ToHead::RemoveGroup(id)),
            [give_back(NODE, id), removed(DRIVER, id)]
        );
        assert_eq!(head.says(DRIVER, ToHead::RemoveGroup(id)), []);
    }
    assert_eq!(head.reports(NodeReport::BundlesPrepared(preparing.id, true)), []);
    assert_eq!(head.free(), cpus(4));
}

#[test]
fn a_group_waits_for_room_and_is_tried_when_some_is_given_back() {
    let mut head = TestHead::with_cpus(4);
    let first = head.created(&group(1, PACK, [3]));
    let second = group(2, PACK, [3]);
    assert_eq!(head.says(DRIVER, make(&second)), []);

    assert_eq!(
        head.says(DRIVER, ToHead::RemoveGroup(first)),
        [give_back(NODE, first), removed(DRIVER, first), prepare(NODE, second.id, [(0, 3)])]
    );
}

#[test]
fn groups_alike_are_served_in_order_and_others_do_not_wait_for_them() {
    let mut head = TestHead::with_cpus(4);
    head.reports(NodeReport::Free(cpus(1)));
    let large = [group(1, PACK, [2]), group(2, PACK, [2])];
    for spec in &large {
        assert_eq!(head.says(DRIVER, make(spec)), []);
    }
    let small = group(3, PACK, [1]);
    assert_eq!(head.says(DRIVER, make(&small)), [prepare(NODE, small.id, [(0, 1)])]);

    assert_eq!(head.reports(NodeReport::Free(cpus(2))), [prepare(NODE, large[0].id, [(0, 2)])]);
    assert_eq!(head.reports(NodeReport::Free(cpus(0))), []);
    assert_eq!(head.reports(NodeReport::Free(cpus(3))), [prepare(NODE, large[1].id, [(0, 2)])]);
}

#[test]
fn a_node_that_refuses_is_believed_and_its_next_report_counts_as_room() {
    let mut head = TestHead::with_cpus(4);
    let spec = group(1, PACK, [3]);
    head.says(DRIVER, make(&spec));

    assert_eq!(head.reports(NodeReport::BundlesPrepared(spec.id, false)), []);
    assert_eq!(
        head.says(DRIVER, ToHead::WatchGroup(spec.id)),
        [group_is(DRIVER, spec.id, GroupState::Pending)]
    );
    assert_eq!(head.reports(NodeReport::Free(cpus(4))), [prepare(NODE, spec.id, [(0, 3)])]);
}

#[test]
fn one_node_s_refusal_gives_back_what_the_others_prepared() {
    let mut head = TestHead::with_cpus(2);
    head.join(NodeId(2), cpus(2));
    let spec = group(1, GroupStrategy::StrictSpread, [1, 1]);

    assert_eq!(
        head.says(DRIVER, make(&spec)),
        [prepare(NODE, spec.id, [(0, 1)]), prepare(NodeId(2), spec.id, [(1, 1)])]
    );
    assert_eq!(head.reports(NodeReport::BundlesPrepared(spec.id, true)), []);
    let refused = Event::Node(NodeId(2), NodeReport::BundlesPrepared(spec.id, false));
    assert_eq!(head.step(refused), [give_back(NODE, spec.id)]);
    assert_eq!(head.free(), cpus(4));
}

#[test]
fn a_group_that_one_node_refused_is_tried_again_when_the_last_node_answered() {
    let mut head = TestHead::with_cpus(2);
    head.join(OTHER_NODE, cpus(2));
    let spec = group(1, GroupStrategy::StrictSpread, [2, 2]);
    head.says(DRIVER, make(&spec));

    // The node that refuses has room before the other one has answered.
    assert_eq!(head.reports(NodeReport::BundlesPrepared(spec.id, false)), []);
    assert_eq!(head.reports(NodeReport::Free(cpus(2))), []);
    let prepared = Event::Node(OTHER_NODE, NodeReport::BundlesPrepared(spec.id, true));
    assert_eq!(
        head.step(prepared),
        [
            give_back(OTHER_NODE, spec.id),
            prepare(NODE, spec.id, [(0, 2)]),
            prepare(OTHER_NODE, spec.id, [(1, 2)]),
        ]
    );
}

#[test]
fn a_refused_group_goes_to_other_nodes_and_not_again_to_one_that_reported_nothing_since() {
    let mut head = TestHead::with_cpus(2);
    head.join(OTHER_NODE, cpus(2));
    let spec = group(1, PACK, [2]);
    assert_eq!(head.says(DRIVER, make(&spec)), [prepare(NODE, spec.id, [(0, 2)])]);

    let refused = NodeReport::BundlesPrepared(spec.id, false);
    assert_eq!(head.reports(refused.clone()), [prepare(OTHER_NODE, spec.id, [(0, 2)])]);
    assert_eq!(head.step(Event::Node(OTHER_NODE, refused)), []);
    assert_eq!(head.reports(NodeReport::Free(cpus(2))), [prepare(NODE, spec.id, [(0, 2)])]);
}

#[test]
fn what_one_refused_group_gives_back_is_room_for_another_at_once() {
    let mut head = TestHead::with_cpus(2);
    head.join(OTHER_NODE, cpus(2));
    let large = group(1, GroupStrategy::StrictSpread, [2, 2]);
    head.says(DRIVER, make(&large));
    let small = group(2, PACK, [1]);
    assert_eq!(head.says(DRIVER, make(&small)), []);

    head.reports(NodeReport::BundlesPrepared(large.id, true));
    let refused = Event::Node(OTHER_NODE, NodeReport::BundlesPrepared(large.id, false));
    assert_eq!(head.step(refused), [give_back(NODE, large.id), prepare(NODE, small.id, [(0, 1)])]);
}

#[test]
fn a_group_of_a_detached_actor_outlives_its_process_but_not_the_actor() {
    let mut head = TestHead::with_cpus(4);
    let name = Some(named("stays"));
    let detached = ActorSpec { detached: true, restarts_max: Some(1), name, ..actor(1) };
    let id = head.alive(&detached, PROCESS);
    let kept = head.created(&GroupSpec { creator: PROCESS, ..group(1, PACK, [1]) });

    let back = |effects: &[Effect]| effects.contains(&give_back(NODE, kept));
    assert!(!back(&head.gone(DRIVER)));
    assert!(!back(&head.reports(NodeReport::ActorEnded(id, death(PROCESS)))));
    assert!(!back(&head.gone(PROCESS)));
    head.reports(NodeReport::ActorPlaced(id, OTHER_PROCESS));
    assert!(back(&head.reports(NodeReport::ActorEnded(id, death(OTHER_PROCESS)))));
}

#[test]
fn a_group_with_a_part_that_no_node_can_ever_hold_is_removed_with_the_reason() {
    let mut head = TestHead::with_cpus(4);
    for (count, strategy, bundles, text) in [
        (1, PACK, [5, 1], "no node can ever hold a bundle of"),
        (2, GroupStrategy::StrictPack, [3, 2], "by STRICT_PACK, {CPU: 5}: node 1 has {CPU: 4}"),
    ] {
        let spec = group(count, strategy, bundles);

        let effects = head.says(DRIVER, make(&spec));

        let [told, Effect::ToWorker(DRIVER, FromHead::GroupChanged { state, .. })] = &effects[..]
        else {
            panic!("{effects:?}");
        };
        assert_eq!(told, &give_back(NODE, spec.id));
        let GroupState::Removed(failure) = state else { panic!("{state:?}") };
        assert!(matches!(**failure, Failure::Unschedulable(_)));
        assert!(failure.to_string().contains(text), "{failure}");
    }
}

#[test]
fn a_group_that_needs_more_nodes_than_there_are_waits_for_them() {
    let mut head = TestHead::with_cpus(4);
    let apart = group(1, GroupStrategy::StrictSpread, [1, 1]);
    let large = group(2, PACK, [3, 3]);
    assert_eq!(head.says(DRIVER, make(&apart)), []);
    assert_eq!(head.says(DRIVER, make(&large)), []);

    let effects = head.join(NodeId(2), cpus(4));

    assert_eq!(
        effects,
        [
            prepare(NODE, apart.id, [(0, 1)]),
            prepare(NodeId(2), apart.id, [(1, 1)]),
            prepare(NODE, large.id, [(0, 3)]),
            prepare(NodeId(2), large.id, [(1, 3)]),
        ]
    );
}

#[test]
fn a_bundle_waits_for_a_node_whose_labels_it_selects() {
    let mut head = TestHead::with_cpus(4);
    let values = Some(vec!["zone-2".to_owned()]);
    let rule = LabelRule { label: "zone".to_owned(), values, negated: false };
    let spec = GroupSpec { selectors: vec![vec![], vec![rule]], ..group(1, PACK, [1, 1]) };
    assert_eq!(head.says(DRIVER, make(&spec)), []);

    let effects = head.join(NodeId(2), cpus(1));

    assert_eq!(effects, [prepare(NODE, spec.id, [(0, 1)]), prepare(NodeId(2), spec.id, [(1, 1)])]);
}

#[test]
fn a_group_ends_with_its_job_or_with_the_detached_actor_that_made_it() {
    let mut head = TestHead::with_cpus(4);
    head.alive(&actor(1), PROCESS);
    let detached = ActorSpec { detached: true, name: Some(named("stays")), ..actor(2) };
    head.alive(&detached, OTHER_PROCESS);
    let of_actor = head.created(&GroupSpec { creator: PROCESS, ..group(1, PACK, [1]) });
    let of_detached = head.created(&GroupSpec { creator: OTHER_PROCESS, ..group(2, PACK, [1]) });

    let back = |effects: &[Effect], id| effects.contains(&give_back(NODE, id));
    assert!(!back(&head.gone(PROCESS), of_actor));
    let effects = head.gone(DRIVER);
    assert_eq!((back(&effects, of_actor), back(&effects, of_detached)), (true, false));
    let ended = NodeReport::ActorEnded(detached.id, death(OTHER_PROCESS));
    assert!(back(&head.reports(ended), of_detached));
}

#[test]
fn a_group_without_bundles_is_removed_with_the_reason() {
    let mut head = TestHead::with_cpus(4);
    let spec = group(1, PACK, []);

    let effects = head.says(DRIVER, make(&spec));

    let failure = Failure::Unschedulable(format!("{} has no bundles", spec.id));
    let state = GroupState::Removed(Arc::new(failure));
    assert_eq!(effects, [give_back(NODE, spec.id), group_is(DRIVER, spec.id, state)]);
}

#[test]
fn before_any_node_is_there_a_group_waits() {
    let mut head = TestHead::empty();
    head.says(DRIVER, start_job());
    let spec = group(1, PACK, [1]);

    assert_eq!(head.says(DRIVER, make(&spec)), []);
    assert_eq!(head.join(NODE, cpus(1)), [prepare(NODE, spec.id, [(0, 1)])]);
}

#[test]
fn a_lost_node_s_bundles_are_placed_again_and_the_others_stay() {
    let mut head = TestHead::with_cpus(2);
    head.join(NodeId(2), cpus(2));
    let spec = group(1, GroupStrategy::Spread, [1, 1]);
    head.created(&spec);
    head.step(Event::Node(NodeId(2), NodeReport::BundlesPrepared(spec.id, true)));

    assert_eq!(
        head.step(Event::NodeLost(NodeId(2))),
        [group_is(DRIVER, spec.id, GroupState::Pending), prepare(NODE, spec.id, [(1, 1)])]
    );
    assert_eq!(
        head.reports(NodeReport::BundlesPrepared(spec.id, true)),
        [commit(NODE, spec.id), group_is(DRIVER, spec.id, GroupState::Created(vec![NODE, NODE]))]
    );
}

#[test]
fn who_watches_a_group_nobody_knows_hears_that_it_is_removed() {
    let mut head = TestHead::with_cpus(4);
    let unknown = group(1, PACK, [1]).id;

    assert_eq!(head.says(DRIVER, ToHead::WatchGroup(unknown)), [removed(DRIVER, unknown)]);
}

#[test]
fn a_group_s_name_is_found_and_given_to_one_only() {
    let mut head = TestHead::with_cpus(4);
    let first = GroupSpec { name: "g".to_owned(), ..group(1, PACK, [1]) };
    let second = GroupSpec { name: "g".to_owned(), ..group(2, PACK, [1]) };
    let ask = || Question::GroupNamed { namespace: "space".to_owned(), name: "g".to_owned() };
    head.created(&first);

    let failure = Failure::Unschedulable(format!("the name \"g\" is taken by {}", first.id));
    let state = GroupState::Removed(Arc::new(failure));
    assert_eq!(head.says(DRIVER, make(&second)), [group_is(DRIVER, second.id, state)]);
    let Answer::Groups(found) = head.asks(ask()) else { panic!("a group has the name") };
    assert_eq!(found[0].spec, first);
    head.says(DRIVER, ToHead::RemoveGroup(first.id));
    assert_eq!(head.asks(ask()), Answer::Nothing);
}

#[test]
fn an_actor_waits_for_its_group_and_goes_where_its_bundle_lies() {
    let mut head = TestHead::with_cpus(2);
    head.join(NodeId(2), cpus(2));
    let spec = group(1, GroupStrategy::StrictSpread, [1, 1]);
    let inside = in_group(&actor(1), spec.id, Some(1));
    head.says(DRIVER, make(&spec));
    head.create(&inside);
    assert_eq!(head.says(DRIVER, ready(inside.id)), []);
    head.reports(NodeReport::BundlesPrepared(spec.id, true));

    let prepared = Event::Node(NodeId(2), NodeReport::BundlesPrepared(spec.id, true));
    assert_eq!(
        head.step(prepared),
        [
            commit(NODE, spec.id),
            commit(NodeId(2), spec.id),
            group_is(DRIVER, spec.id, GroupState::Created(vec![NODE, NodeId(2)])),
            Effect::ToNode(NodeId(2), start(&inside, 0)),
        ]
    );
}

#[test]
fn an_actor_that_waits_for_a_group_dies_when_the_group_is_removed() {
    let mut head = TestHead::with_cpus(2);
    let spec = group(1, PACK, [1]);
    let inside = in_group(&actor(1), spec.id, None);
    head.says(DRIVER, make(&spec));
    head.create(&inside);
    head.says(DRIVER, ready(inside.id));

    let reason = ActorEnd::NotMade(Box::new(Failure::GroupRemoved(spec.id)));
    assert_eq!(
        head.says(DRIVER, ToHead::RemoveGroup(spec.id)),
        [
            give_back(NODE, spec.id),
            removed(DRIVER, spec.id),
            dead(DRIVER, inside.id, reason.clone()),
        ]
    );
    let late = in_group(&actor(2), spec.id, None);
    head.create(&late);
    assert_eq!(head.says(DRIVER, ready(late.id)), [dead(DRIVER, late.id, reason)]);
}

#[test]
fn an_actor_no_bundle_can_hold_is_dead_for_that_reason() {
    let mut head = TestHead::with_cpus(4);
    let id = head.created(&group(1, PACK, [1]));
    for (count, bundle, needs, text) in [
        (1, None, 2, format!("no bundle of {id} can ever hold {{CPU: 2}}")),
        (2, Some(0), 2, format!("bundle 0 of {id} can never hold {{CPU: 2}}")),
        (3, Some(1), 1, format!("{id} has 1 bundles, and no bundle 1")),
    ] {
        let inside = ActorSpec { placement: cpus(needs), ..in_group(&actor(count), id, bundle) };
        head.create(&inside);

        let reason = ActorEnd::NotMade(Box::new(Failure::Unschedulable(text)));
        let effects = head.says(DRIVER, ready(inside.id));
        assert_eq!(effects, [dead(DRIVER, inside.id, reason)]);
    }
}

fn make(spec: &GroupSpec) -> ToHead {
    ToHead::CreateGroup(Box::new(spec.clone()))
}

fn in_group(spec: &ActorSpec, group: GroupId, bundle: Option<u32>) -> ActorSpec {
    by_strategy(spec.clone(), Strategy::Group { group, bundle })
}
