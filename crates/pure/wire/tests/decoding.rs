//! Bytes from outside are messages or errors, and never the end of who reads them.

#[path = "golden/examples.rs"]
mod examples;
#[path = "golden/families.rs"]
mod families;

use proptest::prelude::*;
use types::limits::FRAME_BYTES_MAX;
use types::{ActorEnd, ActorId, Failure, JobId, WorkerId};
use wire::frame::HEADER_BYTES;
use wire::preamble::{PREAMBLE_BYTES, Preamble};
use wire::to_node::ToDaemon;
use wire::{FrameError, Frames, HeadToNode, ToHead, ToNode, ToWorker, decode, encode};

proptest! {
    #[test]
    fn any_bytes_are_a_message_or_an_error(bytes in prop::collection::vec(any::<u8>(), 0..512)) {
        decode_as_each(&bytes);
    }

    #[test]
    fn a_message_with_changed_bytes_is_a_message_or_an_error(
        choice in any::<prop::sample::Index>(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let examples = examples::all();
        let example = choice.get(&examples);
        let mut bytes = example.bytes.clone();
        for (place, byte) in changes {
            let place = place.index(bytes.len());
            bytes[place] = byte;
        }
        if let Ok(again) = families::with_family(example.family, &bytes) {
            let twice = families::with_family(example.family, &again);
            prop_assert_eq!(twice, Ok(again), "{} {}", example.family, example.variant);
        }
    }

    #[test]
    fn any_stream_is_cut_into_frames_or_refused(
        parts in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..64), 0..16),
    ) {
        let mut frames = Frames::default();
        let mut received = 0;
        let mut taken = 0;
        'stream: for part in &parts {
            frames.room(part.len()).extend_from_slice(part);
            received += part.len();
            loop {
                match frames.next_frame() {
                    Ok(Some(frame)) => taken += frame.len() + HEADER_BYTES,
                    Ok(None) => break,
                    Err(FrameError::TooLong(len)) => {
                        prop_assert!(len > FRAME_BYTES_MAX);
                        break 'stream;
                    }
                }
            }
            prop_assert!(taken <= received);
        }
    }

    #[test]
    fn any_preamble_is_understood_or_refused(bytes in any::<[u8; PREAMBLE_BYTES]>()) {
        if let Ok(preamble) = Preamble::from_bytes(bytes) {
            prop_assert_eq!(preamble.to_bytes(), bytes);
        }
    }
}

#[test]
fn failures_nested_without_end_are_refused_before_the_stack_ends() {
    let actor = ActorId::new(WorkerId::from_u64(1), 1, JobId(1));
    let nest = |failure| Failure::ActorDied(actor, ActorEnd::NotMade(Box::new(failure)));
    let innermost = Failure::LocalNodeDied(String::new());
    let (flat, nested) = (body_of(&innermost), body_of(&nest(innermost.clone())));
    let layer = &nested[..nested.len() - flat.len()];

    assert_eq!(decode(&nested), Ok(nest(innermost.clone())));
    let crafted = [layer.repeat(1 << 20), flat].concat();
    assert!(decode::<Failure>(&crafted).is_err());

    assert_eq!(decode(&nested), Ok(nest(innermost)), "and the next message is read as ever");
}

fn body_of(failure: &Failure) -> Vec<u8> {
    let mut frame = Vec::new();
    encode(failure, &mut frame);
    frame.split_off(HEADER_BYTES)
}

fn decode_as_each(bytes: &[u8]) {
    let outcomes = [
        decode::<ToWorker>(bytes).is_ok(),
        decode::<ToDaemon>(bytes).is_ok(),
        decode::<ToNode>(bytes).is_ok(),
        decode::<HeadToNode>(bytes).is_ok(),
        decode::<ToHead>(bytes).is_ok(),
    ];
    assert!(!bytes.is_empty() || outcomes == [false; 5], "nothing is no message");
}
