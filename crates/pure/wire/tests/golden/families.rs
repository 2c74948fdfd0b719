//! Decodes bytes as a message of a family of examples.
//!
//! Owns: which type a family's name stands for. Does not own: the examples (`examples`).

use serde::Serialize;
use serde::de::DeserializeOwned;
use types::failure::ActorEnd;
use types::{
    Callee, Exit, Failure, GroupStrategy, Retry, Returns, Stage, Strategy, Subject, Value,
    Whereabouts,
};
use wire::to_node::{NodeReport, ToDaemon};
use wire::to_worker::{ActorState, GroupState, Outcome};
use wire::{
    Answer, FromHead, FromNode, FromPeer, HeadToNode, Peer, Question, ToHead, ToNode, ToWorker,
    decode, encode,
};

/// Decodes as a message of this family: its bytes written again, or the error.
pub(crate) fn with_family(family: &str, bytes: &[u8]) -> Result<Vec<u8>, String> {
    match family {
        "ToWorker" => again::<ToWorker>(bytes),
        "FromPeer" => again::<FromPeer>(bytes),
        "FromNode" => again::<FromNode>(bytes),
        "FromHead" => again::<FromHead>(bytes),
        "ToDaemon" => again::<ToDaemon>(bytes),
        "ToNode" => again::<ToNode>(bytes),
        "HeadToNode" => again::<HeadToNode>(bytes),
        "Peer" => again::<Peer>(bytes),
        "NodeReport" => again::<NodeReport>(bytes),
        "ToHead" => again::<ToHead>(bytes),
        "Question" => again::<Question>(bytes),
        "Answer" => again::<Answer>(bytes),
        "Outcome" => again::<Outcome>(bytes),
        "ActorState" => again::<ActorState>(bytes),
        "GroupState" => again::<GroupState>(bytes),
        "Value" => again::<Value>(bytes),
        "Strategy" => again::<Strategy>(bytes),
        "Callee" => again::<Callee>(bytes),
        "Returns" => again::<Returns>(bytes),
        "Retry" => again::<Retry>(bytes),
        "GroupStrategy" => again::<GroupStrategy>(bytes),
        "Subject" => again::<Subject>(bytes),
        "Stage" => again::<Stage>(bytes),
        "Whereabouts" => again::<Whereabouts>(bytes),
        "Failure" => again::<Failure>(bytes),
        "ActorEnd" => again::<ActorEnd>(bytes),
        "Exit" => again::<Exit>(bytes),
        other => panic!("{other} has no type here"),
    }
}

fn again<M: DeserializeOwned + Serialize>(bytes: &[u8]) -> Result<Vec<u8>, String> {
    let message: M = decode(bytes).map_err(|error| format!("{error:?}"))?;
    let mut frame = Vec::new();
    encode(&message, &mut frame);
    Ok(frame.split_off(wire::frame::HEADER_BYTES))
}
