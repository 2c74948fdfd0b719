//! Why a demand waits, or can never be met, in words.
//!
//! Owns: the sentences. Does not own: the decision (`ledger`, `site`).

use types::{Amount, Failure, GroupId, LabelRule, NodeId, Resources, Strategy};

/// No stock that a strategy names can ever hold a demand.
pub(crate) fn too_large<'a>(
    strategy: &Strategy,
    demand: &Resources,
    stocks: impl Iterator<Item = &'a Resources>,
) -> Failure {
    let stocks: Vec<&Resources> = stocks.collect();
    let has = match strategy {
        Strategy::Group { group, bundle: None } => format!("the bundles of {group} are {stocks:?}"),
        Strategy::Group { group, bundle: Some(index) } => {
            format!("bundle {index} of {group} holds {}", stocks[0])
        }
        Strategy::Pack | Strategy::Spread | Strategy::Node { .. } | Strategy::Labels(..) => {
            format!("the node has {} in all", stocks[0])
        }
    };
    let too_little =
        |(name, amount): &(&str, Amount)| stocks.iter().all(|stock| stock.get(name) < *amount);
    let missing: Vec<&str> = demand.iter().filter(too_little).map(|(name, _)| name).collect();
    let why = match missing[..] {
        [] => "more than one device must be whole devices, less must fit on one".to_owned(),
        _ => format!("there is too little {}", missing.join(", ")),
    };
    Failure::Unschedulable(format!("the demand {demand} can never be met: {has}; {why}"))
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

/// Why a demand waits that could be met, and whose amounts are free if it `fits`.
pub(crate) fn why_it_waits(
    demand: &Resources,
    fits: bool,
    free: &Resources,
    total: &Resources,
) -> String {
    let lacks = if fits { " for a worker process, or behind an older one" } else { "" };
    format!("the demand {demand} waits{lacks}: {free} of {total} is free")
}
