//! Frames to messages and back.
//!
//! Owns: the encoding (postcard). Does not own: which messages there are (`to_worker`, `to_node`, `to_head`).

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::frame::HEADER_BYTES;

/// Why a frame is not a message.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a frame holds no message: {0}")]
pub struct DecodeError(postcard::Error);

/// Appends `message` to `outbox` as one frame.
///
/// # Panics
/// If the message cannot be written: every message is of types that can.
pub fn encode<M: Serialize>(message: &M, outbox: &mut Vec<u8>) {
    let start = outbox.len();
    outbox.extend_from_slice(&[0; HEADER_BYTES]);
    *outbox = postcard::to_extend(message, std::mem::take(outbox))
        .expect("every message is made of types that can be written");
    let len = (outbox.len() - start - HEADER_BYTES) as u32;
    outbox[start..start + HEADER_BYTES].copy_from_slice(&len.to_le_bytes());
}

/// The message in `frame`.
///
/// # Errors
/// If there is none, or bytes are left over.
pub fn decode<M: DeserializeOwned>(frame: &[u8]) -> Result<M, DecodeError> {
    match postcard::take_from_bytes(frame) {
        Ok((message, [])) => Ok(message),
        Ok(_) => Err(DecodeError(postcard::Error::DeserializeBadEncoding)),
        Err(error) => Err(DecodeError(error)),
    }
}
