//! One example of every variant of every message.
//!
//! Owns: which families there are, and how examples are written out. Does not own: what the examples hold (`to_workers`,
//! `to_daemons`, `to_the_head`, `choices`), small values that differ from each other, so that a swap of fields shows.

mod choices;
mod nouns;
mod to_daemons;
mod to_the_head;
mod to_workers;

use std::fmt::Debug;

use serde::Serialize;
use types::{Exit, Retry, Returns};
use wire::encode;

use choices::{
    actor_ends, actor_states, callees, failures, group_states, group_strategies, places, stages,
    strategies, subjects, values,
};
use nouns::bytes;
use to_daemons::{head_to_node, node_reports, peers, to_daemon, to_node};
use to_the_head::{answers, questions, to_head};
use to_workers::{from_head, from_node, from_peer, outcomes, to_worker};

/// An example written out: its family, its variant as `Debug` names it, its bytes without the frame's header.
pub(crate) struct Example {
    pub(crate) family: &'static str,
    pub(crate) variant: String,
    pub(crate) bytes: Vec<u8>,
}

/// All examples, each family in the order of its variants.
pub(crate) fn all() -> Vec<Example> {
    let families = [
        family("ToWorker", to_worker()),
        family("FromPeer", from_peer()),
        family("FromNode", from_node()),
        family("FromHead", from_head()),
        family("ToDaemon", to_daemon()),
        family("ToNode", to_node()),
        family("HeadToNode", head_to_node()),
        family("Peer", peers()),
        family("NodeReport", node_reports()),
        family("ToHead", to_head()),
        family("Question", questions()),
        family("Answer", answers()),
        family("Outcome", outcomes()),
        family("ActorState", actor_states()),
        family("GroupState", group_states()),
        family("Value", values()),
        family("Strategy", strategies()),
        family("Callee", callees()),
        family("Returns", vec![Returns::Count(2), Returns::Stream, Returns::Dynamic]),
        family("Retry", vec![Retry::Never, Retry::Always, Retry::Listed(bytes(b"classes"))]),
        family("GroupStrategy", group_strategies()),
        family("Subject", subjects()),
        family("Stage", stages()),
        family("Whereabouts", places()),
        family("Failure", failures()),
        family("ActorEnd", actor_ends()),
        family("Exit", vec![Exit::Code(3), Exit::Signal(9), Exit::Unknown]),
    ];
    families.into_iter().flatten().collect()
}

fn family<M: Serialize + Debug>(family: &'static str, messages: Vec<M>) -> Vec<Example> {
    let example = |message: M| {
        let mut frame = Vec::new();
        encode(&message, &mut frame);
        let debug = format!("{message:?}");
        let end = debug.find(|c: char| !c.is_alphanumeric()).unwrap_or(debug.len());
        let bytes = frame.split_off(wire::frame::HEADER_BYTES);
        Example { family, variant: debug[..end].to_owned(), bytes }
    };
    messages.into_iter().map(example).collect()
}
