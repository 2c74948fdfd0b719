//! Any stream of bytes is cut into frames, and any frame is a message or an error.

#![no_main]

use libfuzzer_sys::fuzz_target;
use wire::preamble::{PREAMBLE_BYTES, Preamble};
use wire::to_node::ToDaemon;
use wire::{Frames, HeadToNode, ToHead, ToNode, ToWorker, decode, encode};

fuzz_target!(|bytes: &[u8]| {
    if let Some(preamble) = bytes.first_chunk::<PREAMBLE_BYTES>() {
        if let Ok(understood) = Preamble::from_bytes(*preamble) {
            assert_eq!(understood.to_bytes(), *preamble);
        }
    }
    let mut frames = Frames::default();
    frames.room(bytes.len()).extend_from_slice(bytes);
    while let Ok(Some(frame)) = frames.next_frame() {
        comes_back::<ToWorker>(frame);
        comes_back::<ToDaemon>(frame);
        comes_back::<ToNode>(frame);
        comes_back::<HeadToNode>(frame);
        comes_back::<ToHead>(frame);
    }
});

/// What was understood is understood the same when it is written out again.
fn comes_back<M>(frame: &[u8])
where
    M: serde::Serialize + serde::de::DeserializeOwned + PartialEq + std::fmt::Debug,
{
    let Ok(message) = decode::<M>(frame) else {
        return;
    };
    let mut again = Vec::new();
    encode(&message, &mut again);
    assert_eq!(
        decode::<M>(&again[wire::frame::HEADER_BYTES..]).as_ref(),
        Ok(&message)
    );
}
