//! Bundles on nodes.

use std::slice;

use proptest::prelude::*;
use types::limits::PLACEMENT_STEPS_MAX;
use types::{Amount, GroupStrategy, NodeId, Resources};

use crate::packing::{Wanted, arrange};

const STRATEGIES: [GroupStrategy; 4] = [
    GroupStrategy::Pack,
    GroupStrategy::Spread,
    GroupStrategy::StrictPack,
    GroupStrategy::StrictSpread,
];

proptest! {
    #[test]
    fn what_is_found_is_allowed_and_nothing_is_found_only_where_no_way_is_allowed(
        rooms in prop::collection::vec((0..6u64, 0..3u64), 1..4),
        bundles in prop::collection::vec((0..4u64, 0..2u64), 1..5),
    ) {
        let rooms: Vec<Resources> = rooms.into_iter().map(resources).collect();
        let bundles: Vec<Resources> = bundles.into_iter().map(resources).collect();
        for strategy in STRATEGIES {
            match arrange_on(strategy, &bundles, &rooms) {
                Some(nodes) => {
                    prop_assert!(is_allowed(strategy, &bundles, &rooms, &nodes));
                    if let Some(strict) = strict_sister(strategy) {
                        prop_assert!(
                            is_allowed(strict, &bundles, &rooms, &nodes)
                                || !ways(bundles.len(), rooms.len())
                                    .any(|way| is_allowed(strict, &bundles, &rooms, &way))
                        );
                    }
                }
                None => prop_assert!(
                    !ways(bundles.len(), rooms.len())
                        .any(|way| is_allowed(strategy, &bundles, &rooms, &way))
                ),
            }
        }
    }
}

#[test]
fn what_lies_already_counts_for_the_strategy() {
    let rooms = [resources((4, 0)), resources((4, 0))];
    let bundle = resources((1, 0));
    let bundle = anywhere(&bundle);
    for (strategy, expected) in STRATEGIES.into_iter().zip([2, 1, 2, 1].map(NodeId)) {
        let rooms = numbered(&rooms);
        let found = arrange(strategy, slice::from_ref(&bundle), &rooms, &[NodeId(2)]);
        assert_eq!(found, Some(vec![expected]), "{strategy}");
    }
}

#[test]
fn a_bundle_lies_on_one_of_its_nodes_or_nowhere() {
    let rooms = [resources((4, 0)), resources((4, 0))];
    let (small, large) = (resources((1, 0)), resources((2, 0)));
    let only = |amounts, node| Wanted { amounts, nodes: Some(vec![NodeId(node)]) };
    let bundles = [only(&small, 2), only(&large, 1)];

    let found = arrange(GroupStrategy::Pack, &bundles, &numbered(&rooms), &[]);
    assert_eq!(found, Some(vec![NodeId(2), NodeId(1)]));
    let found = arrange(GroupStrategy::StrictPack, &bundles, &numbered(&rooms), &[]);
    assert_eq!(found, None);
}

#[test]
fn a_search_beyond_its_limit_gives_up_and_a_long_way_straight_down_is_within_it() {
    let rooms: Vec<Resources> = (0..30).map(|_| resources((10, 0))).collect();
    let bundles: Vec<Resources> = (0..60).map(|index| resources((6, index))).collect();
    assert_eq!(arrange_on(GroupStrategy::Pack, &bundles, &rooms), None);
    let bundles: Vec<Resources> = (0..31).map(|_| resources((6, 0))).collect();
    assert_eq!(arrange_on(GroupStrategy::Pack, &bundles, &rooms), None);

    let bundles: Vec<Resources> = (0..PLACEMENT_STEPS_MAX + 1).map(|_| resources((1, 0))).collect();
    let room = resources((bundles.len() as u64, 0));
    let found = arrange_on(GroupStrategy::Pack, &bundles, slice::from_ref(&room));
    assert_eq!(found, Some(vec![NodeId(1); bundles.len()]));
}

fn arrange_on(
    strategy: GroupStrategy,
    bundles: &[Resources],
    rooms: &[Resources],
) -> Option<Vec<NodeId>> {
    let bundles: Vec<Wanted<'_>> = bundles.iter().map(anywhere).collect();
    arrange(strategy, &bundles, &numbered(rooms), &[])
}

fn anywhere(amounts: &Resources) -> Wanted<'_> {
    Wanted { amounts, nodes: None }
}

fn numbered(rooms: &[Resources]) -> Vec<(NodeId, &Resources)> {
    (1..).map(NodeId).zip(rooms).collect()
}

fn resources((cpus, gpus): (u64, u64)) -> Resources {
    [("CPU", Amount::whole(cpus)), ("GPU", Amount::whole(gpus))].into_iter().collect()
}

const fn strict_sister(strategy: GroupStrategy) -> Option<GroupStrategy> {
    match strategy {
        GroupStrategy::Pack => Some(GroupStrategy::StrictPack),
        GroupStrategy::Spread => Some(GroupStrategy::StrictSpread),
        GroupStrategy::StrictPack | GroupStrategy::StrictSpread => None,
    }
}

/// Every way to give each of so many bundles one of so many nodes.
fn ways(bundles: usize, nodes: usize) -> impl Iterator<Item = Vec<NodeId>> {
    (0..nodes.pow(bundles as u32)).map(move |number| {
        let digit = |place: usize| number / nodes.pow(place as u32) % nodes + 1;
        (0..bundles).map(|place| NodeId(digit(place) as u32)).collect()
    })
}

fn is_allowed(
    strategy: GroupStrategy,
    bundles: &[Resources],
    rooms: &[Resources],
    nodes: &[NodeId],
) -> bool {
    let mut sums = vec![Resources::default(); rooms.len()];
    let mut counts = vec![0; rooms.len()];
    for (bundle, node) in bundles.iter().zip(nodes) {
        sums[node.0 as usize - 1].add(bundle);
        counts[node.0 as usize - 1] += 1;
    }
    let used = counts.iter().filter(|count| **count > 0).count();
    let lies_well = match strategy {
        GroupStrategy::Pack | GroupStrategy::Spread => true,
        GroupStrategy::StrictPack => used == 1,
        GroupStrategy::StrictSpread => used == bundles.len(),
    };
    lies_well && rooms.iter().zip(&sums).all(|(room, sum)| room.fits(sum))
}
