//! Examples of what workers and drivers receive.
//!
//! Owns: one of each variant. Does not own: what they are made of (`nouns`).

use std::time::Duration;

use types::{ActorState, GroupState, JobId, LeaseId, Settings, Subject, TemplateId};
use wire::to_worker::{CancelReach, Outcome, OutputLines, TaskMessage};
use wire::{Answer, FromHead, FromNode, FromPeer, ToWorker};

use super::nouns::{
    actor, actor_spec, assignment, bytes, death, dependency, failure, group, object, probe, stored,
    task, template, worker,
};

pub(super) fn to_worker() -> Vec<ToWorker> {
    vec![
        ToWorker::Peer(FromPeer::Recall { lease: LeaseId(7), count: 3 }),
        ToWorker::Node(FromNode::Spare),
        ToWorker::Head(FromHead::Retire),
    ]
}

pub(super) fn from_peer() -> Vec<FromPeer> {
    vec![
        FromPeer::Templates(vec![template()]),
        FromPeer::Tasks { lease: Some((LeaseId(7), assignment())), tasks: vec![task_message()] },
        FromPeer::Recall { lease: LeaseId(7), count: 3 },
        FromPeer::Cancel { task: task(), reach: CancelReach { force: true, recursive: false } },
        FromPeer::CancelObject {
            object: object(1),
            reach: CancelReach { force: false, recursive: true },
        },
        FromPeer::Consumed { task: task(), count: 5 },
        FromPeer::Done {
            task: task(),
            outcome: Outcome::Streamed(4),
            ran: Duration::from_micros(1500),
        },
        FromPeer::HandedBack { lease: LeaseId(7), tasks: vec![task()] },
        FromPeer::Item { task: task(), index: 6, item: stored() },
        FromPeer::Borrow { object: object(1), confirm: true },
        FromPeer::Borrowed(object(1)),
        FromPeer::Return(object(1)),
        FromPeer::Settled(task()),
        FromPeer::Fetch(object(1)),
        FromPeer::Fetched { object: object(1), stored: stored() },
        FromPeer::Probe(Box::new(probe())),
    ]
}

pub(super) fn from_node() -> Vec<FromNode> {
    vec![
        FromNode::Welcome {
            worker: worker(1),
            session: "session".to_owned(),
            arena_bytes: 1 << 30,
            settings: Settings::default(),
            token: bytes(b"token"),
            socket: "/run/socket".to_owned(),
        },
        FromNode::Visitor,
        FromNode::Leased {
            shape: 2,
            lease: LeaseId(7),
            worker: worker(3),
            assignment: assignment(),
        },
        FromNode::Refused { shape: 2, failure: failure() },
        FromNode::Reclaim(LeaseId(7)),
        FromNode::LeaseEnded { lease: LeaseId(7), death: death() },
        FromNode::Start {
            spec: Box::new(actor_spec()),
            dependencies: vec![dependency()],
            incarnation: 2,
            assignment: assignment(),
        },
        FromNode::Created(object(1), Ok(4096)),
        FromNode::Pinned(object(1), Err(failure())),
        FromNode::PeerEnded(death()),
        FromNode::Lines(vec![OutputLines {
            worker: worker(3),
            pid: 44,
            name: "f".to_owned(),
            error: true,
            lines: vec!["one".to_owned(), "two".to_owned()],
        }]),
        FromNode::LinesTold(9),
        FromNode::Spare,
        FromNode::Survey(9, Subject::Spans(JobId(5))),
    ]
}

pub(super) fn from_head() -> Vec<FromHead> {
    vec![
        FromHead::JobStarted(JobId(5)),
        FromHead::ActorChanged { actor: actor(), state: ActorState::Pending },
        FromHead::GroupChanged { group: group(), state: GroupState::Pending },
        FromHead::Retire,
        FromHead::Answered { request: 300, answer: Answer::Nothing },
    ]
}

pub(super) fn outcomes() -> Vec<Outcome> {
    vec![
        Outcome::Returned(vec![stored()]),
        Outcome::Streamed(4),
        Outcome::Failed { failure: failure(), retriable: true },
    ]
}

pub(super) fn task_message() -> TaskMessage {
    TaskMessage {
        id: task(),
        attempt: 1,
        template: TemplateId(8),
        arguments: bytes(b"arguments"),
        dependencies: vec![dependency()],
    }
}
