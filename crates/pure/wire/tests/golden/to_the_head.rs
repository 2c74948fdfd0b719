//! Examples of what the head receives, and of its answers.
//!
//! Owns: one of each variant. Does not own: what they are made of (`nouns`).

use std::sync::Arc;

use types::{ActorInfo, ActorState, GroupInfo, GroupState, JobId, JobInfo, Key, Subject, Surveyed};
use wire::{Answer, Question, ToHead};

use super::nouns::{
    account, actor, actor_name, actor_spec, bytes, death, dependency, failure, function, group,
    group_spec, node_info, process, shape, span, worker,
};

pub(super) fn to_head() -> Vec<ToHead> {
    vec![
        ToHead::StartJob {
            pid: 44,
            namespace: "space".to_owned(),
            entrypoint: "main.py".to_owned(),
        },
        ToHead::PutFunction { job: JobId(5), function: function(), pickle: bytes(b"pickle") },
        ToHead::CreateActor { request: 300, spec: Box::new(actor_spec()), get_if_exists: true },
        ToHead::ActorReady { actor: actor(), dependencies: vec![dependency()] },
        ToHead::ActorHopeless(actor(), failure()),
        ToHead::ActorMade(actor()),
        ToHead::ActorNotMade(actor(), failure()),
        ToHead::ActorLeaves(actor()),
        ToHead::WatchActor(actor()),
        ToHead::KillActor { actor: actor(), for_good: true },
        ToHead::ActorUnreachable(actor()),
        ToHead::CreateGroup(Box::new(group_spec())),
        ToHead::RemoveGroup(group()),
        ToHead::WatchGroup(group()),
        ToHead::Ask { request: 300, question: Question::Nodes },
        ToHead::Account(9, Box::new(account())),
    ]
}

pub(super) fn questions() -> Vec<Question> {
    let (namespace, name) = ("space".to_owned(), "group".to_owned());
    vec![
        Question::Function(JobId(5), function()),
        Question::Nodes,
        Question::ActorNamed(actor_name()),
        Question::ActorNames(Some("space".to_owned())),
        Question::Actors,
        Question::Groups,
        Question::GroupNamed { namespace, name },
        Question::Survey(Subject::Processes),
        Question::Jobs,
        Question::Get(key()),
        Question::Put { key: key(), value: bytes(b"value"), overwrite: true },
        Question::Delete { key: key(), prefix: true },
        Question::Keys(key()),
    ]
}

pub(super) fn answers() -> Vec<Answer> {
    vec![
        Answer::Nothing,
        Answer::Bytes(bytes(b"value")),
        Answer::Count(300),
        Answer::Keys(vec![b"one".to_vec(), b"two".to_vec()]),
        Answer::Nodes(vec![node_info()]),
        Answer::Actor { actor: actor(), handle: bytes(b"handle"), found: true },
        Answer::NameTaken(actor_name()),
        Answer::ActorNames(vec![actor_name()]),
        Answer::Actors(vec![ActorInfo {
            actor: actor(),
            class: "Counter".to_owned(),
            name: Some(actor_name()),
            state: ActorState::Pending,
            restarts: 2,
            shape: Arc::new(shape()),
            detached: true,
        }]),
        Answer::Groups(vec![GroupInfo { spec: group_spec(), state: GroupState::Pending }]),
        Answer::Jobs(vec![JobInfo {
            job: JobId(5),
            driver: worker(1),
            pid: 44,
            namespace: "space".to_owned(),
            entrypoint: "main.py".to_owned(),
            running: true,
        }]),
        Answer::Survey(Surveyed {
            processes: vec![process()],
            gone: vec![death()],
            accounts: vec![(worker(3), Box::new(account()))],
            spans: vec![span()],
        }),
        Answer::Failed(failure()),
    ]
}

pub(super) fn key() -> Key {
    Key { namespace: "space".to_owned(), name: b"key".to_vec() }
}
