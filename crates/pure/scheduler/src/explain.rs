//! Why a demand waits, or can never be met, in words.
//!
//! Owns: the sentences. Does not own: the decision (`ledger`, `site`).

use types::{Failure, GroupId, LabelRule, NodeId, Resources};

pub(crate) fn larger_than_node(demand: &Resources, total: &Resources) -> Failure {
    impossible(demand, &format!("the node has {total} in all"), total)
}

pub(crate) fn larger_than_bundle(
    group: GroupId,
    index: u32,
    demand: &Resources,
    bundle: &Resources,
) -> Failure {
    impossible(demand, &format!("bundle {index} of {group} holds {bundle}"), bundle)
}

pub(crate) fn larger_than_bundles(
    group: GroupId,
    demand: &Resources,
    bundles: Vec<Resources>,
) -> Failure {
    let mut largest = Resources::default();
    for (name, amount) in bundles.iter().flat_map(Resources::iter) {
        largest.set(name, largest.get(name).max(amount));
    }
    impossible(demand, &format!("the bundles of {group} are {bundles:?}"), &largest)
}

pub(crate) fn no_such_bundle(group: GroupId, index: u32, count: usize) -> Failure {
    Failure::Unschedulable(format!(
        "there is no bundle {index} of {group}: it has {count}, counted from 0"
    ))
}

pub(crate) fn other_node(wanted: NodeId, here: NodeId) -> Failure {
    Failure::Unschedulable(format!(
        "the work may run on {wanted} only, and that is not part of the cluster; {here} is"
    ))
}

pub(crate) fn label(node: NodeId, rule: &LabelRule, value: Option<&str>) -> Failure {
    let is = value.map_or_else(|| "is not there".to_owned(), |value| format!("is {value:?}"));
    Failure::Unschedulable(format!(
        "no node satisfies the label selector: {rule}, and on {node} it {is}"
    ))
}

fn impossible(demand: &Resources, capacity: &str, largest: &Resources) -> Failure {
    let mut sentence = format!("the demand {demand} can never be met: {capacity}");
    let missing: Vec<&str> = demand
        .iter()
        .filter(|(name, amount)| largest.get(name) < *amount)
        .map(|(name, _)| name)
        .collect();
    if missing.is_empty() {
        sentence += "; more than one device must be whole devices, less must fit on one";
    } else {
        sentence += &format!("; there is too little {}", missing.join(", "));
    }
    Failure::Unschedulable(sentence)
}

/// Why a demand waits that could be met.
#[must_use]
pub fn why_it_waits(demand: &Resources, free: &Resources, total: &Resources, cap: bool) -> String {
    if cap && free.fits(demand) {
        return format!(
            "the demand {demand} waits for a worker process: the node has as many as it may"
        );
    }
    format!("the demand {demand} waits: {free} of {total} is free")
}
