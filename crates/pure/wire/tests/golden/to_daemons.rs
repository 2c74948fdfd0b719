//! Examples of what node daemons receive.
//!
//! Owns: one of each variant. Does not own: what they are made of (`nouns`).

use std::sync::Arc;

use types::{JobId, LeaseId, Subject};
use wire::to_node::{NodeReport, ToDaemon};
use wire::{HeadToNode, Peer, ToHead, ToNode};

use super::nouns::{
    actor, actor_spec, death, dependency, failure, group, node_info, object, process, resources,
    shape, worker,
};

pub(super) fn to_daemon() -> Vec<ToDaemon> {
    vec![ToDaemon::Node(ToNode::Staying), ToDaemon::Head(ToHead::WatchActor(actor()))]
}

pub(super) fn to_node() -> Vec<ToNode> {
    let objects = || vec![object(1), object(2)];
    vec![
        ToNode::Hello(Peer::Worker { worker: worker(3), pid: 44 }),
        ToNode::Want { shape: 2, spec: Some(Arc::new(shape())), count: 8, granted: 300 },
        ToNode::Release(LeaseId(7)),
        ToNode::Blocked(LeaseId(7)),
        ToNode::Unblocked(LeaseId(7)),
        ToNode::Leaving { reason: "because".to_owned() },
        ToNode::Staying,
        ToNode::Unneeded,
        ToNode::Named("f".to_owned()),
        ToNode::AskLines(9),
        ToNode::Create { object: object(1), owner: worker(1), size: 300 },
        ToNode::Seal(object(1)),
        ToNode::Discard(object(1)),
        ToNode::Pin(object(1)),
        ToNode::Unpin(object(1)),
        ToNode::Free(objects()),
        ToNode::FreeFrom(object(1)),
    ]
}

pub(super) fn head_to_node() -> Vec<HeadToNode> {
    vec![
        HeadToNode::StartActor {
            spec: Box::new(actor_spec()),
            dependencies: vec![dependency()],
            incarnation: 2,
        },
        HeadToNode::EndActor { actor: actor(), reason: "because".to_owned() },
        HeadToNode::ActorMade(actor()),
        HeadToNode::PrepareBundles { group: group(), bundles: vec![(1, resources())] },
        HeadToNode::CommitBundles(group()),
        HeadToNode::ReturnBundles(group()),
        HeadToNode::Survey(9, Subject::Tasks),
        HeadToNode::EndJob(JobId(5)),
    ]
}

pub(super) fn peers() -> Vec<Peer> {
    vec![Peer::Worker { worker: worker(3), pid: 44 }, Peer::Driver { pid: 44, owns_cluster: true }]
}

pub(super) fn node_reports() -> Vec<NodeReport> {
    vec![
        NodeReport::Joined(node_info()),
        NodeReport::Free(resources()),
        NodeReport::ActorPlaced(actor(), worker(3)),
        NodeReport::ActorNotPlaced(actor(), failure()),
        NodeReport::ActorEnded(actor(), death()),
        NodeReport::BundlesPrepared(group(), true),
        NodeReport::Processes(9, vec![process()]),
        NodeReport::WorkerGone(death()),
    ]
}
