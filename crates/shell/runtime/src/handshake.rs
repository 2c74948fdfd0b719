//! Two sides prove to each other that they know the cluster's token, and learn who the other is.
//!
//! Owns: the proofs and their order. Does not own: the preamble before them (`wire::preamble`), the socket and the time
//! limit (`meeting`).
//!
//! ```text
//!  initiator                                                             acceptor
//!     preamble, nonce, id                                        ---->
//!                                                                <----   nonce, id, proof "acceptor"
//!     proof "initiator"                                          ---->
//! ```
//!
//! A proof is HMAC-SHA256 under the token over a label of its role and everything said before, so that it can neither be
//! repeated later nor sent back to who made it. All states have a fixed size: nothing is allocated for a stranger.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use types::WorkerId;
use wire::preamble::{PREAMBLE_BYTES, Preamble};

/// The length of a number that is used once.
pub const NONCE_BYTES: usize = 32;

const ID_BYTES: usize = 8;
const PROOF_BYTES: usize = 32;
const HALF_BYTES: usize = NONCE_BYTES + ID_BYTES;
const OFFER_BYTES: usize = HALF_BYTES + PROOF_BYTES;
/// The most bytes that a side waits for at once.
pub const SAYING_BYTES_MAX: usize = OFFER_BYTES;
/// What an initiator sends first.
pub const OPENING_BYTES: usize = PREAMBLE_BYTES + HALF_BYTES;

const ACCEPTOR: &[u8] = b"aktis handshake 1: acceptor";
const INITIATOR: &[u8] = b"aktis handshake 1: initiator";

/// Why a conversation does not begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HandshakeError {
    /// The proof is wrong.
    #[error("the peer does not know the token of the cluster")]
    WrongToken,
}

/// What follows from the bytes that were wanted.
#[derive(Debug, PartialEq, Eq)]
#[must_use]
pub enum Step {
    /// Send this and read on.
    Say(Words),
    /// Send this, if anything; the conversation may begin.
    Done {
        /// What is left to be said.
        words: Words,
        /// Who the other side says it is, which the token vouches for; `None` has no id (yet).
        peer: Option<WorkerId>,
    },
}

/// A few bytes to be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Words {
    bytes: [u8; OFFER_BYTES],
    len: usize,
}

/// One side of a handshake.
#[derive(Debug)]
pub struct Handshake {
    key: Hmac<Sha256>,
    preamble: [u8; PREAMBLE_BYTES],
    ours: [u8; HALF_BYTES],
    theirs: [u8; HALF_BYTES],
    stage: Stage,
}

/// What is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// By the initiator: the acceptor's half and proof.
    Offer,
    /// By the acceptor: the initiator's half.
    Half,
    /// By the acceptor: the initiator's proof.
    Proof,
}

impl Words {
    const NONE: Self = Self { bytes: [0; OFFER_BYTES], len: 0 };

    fn of(parts: &[&[u8]]) -> Self {
        let mut words = Self::NONE;
        for part in parts {
            words.bytes[words.len..words.len + part.len()].copy_from_slice(part);
            words.len += part.len();
        }
        words
    }

    /// The bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.len]
    }
}

impl Handshake {
    /// Begins as the side that connects: answers what to send first.
    #[must_use]
    pub fn initiate(
        token: &[u8],
        preamble: Preamble,
        own_id: Option<WorkerId>,
        nonce: [u8; NONCE_BYTES],
    ) -> (Self, [u8; OPENING_BYTES]) {
        let begun = Self::begin(token, preamble, own_id, nonce, Stage::Offer);
        let mut opening = [0; OPENING_BYTES];
        opening[..PREAMBLE_BYTES].copy_from_slice(&begun.preamble);
        opening[PREAMBLE_BYTES..].copy_from_slice(&begun.ours);
        (begun, opening)
    }

    /// Begins as the side that was connected to, after `preamble` was read.
    #[must_use]
    pub fn accept(
        token: &[u8],
        preamble: Preamble,
        own_id: Option<WorkerId>,
        nonce: [u8; NONCE_BYTES],
    ) -> Self {
        Self::begin(token, preamble, own_id, nonce, Stage::Half)
    }

    #[expect(clippy::expect_used, reason = "HMAC takes a key of any length")]
    fn begin(
        token: &[u8],
        preamble: Preamble,
        own_id: Option<WorkerId>,
        nonce: [u8; NONCE_BYTES],
        stage: Stage,
    ) -> Self {
        let key = Hmac::new_from_slice(token).expect("a key of any length will do");
        let mut ours = [0; HALF_BYTES];
        ours[..NONCE_BYTES].copy_from_slice(&nonce);
        let id = own_id.map_or(0, WorkerId::to_u64);
        ours[NONCE_BYTES..].copy_from_slice(&id.to_le_bytes());
        Self { key, preamble: preamble.to_bytes(), ours, theirs: [0; HALF_BYTES], stage }
    }

    /// How many bytes the other side says next. Read no more: what follows belongs to the conversation.
    #[must_use]
    pub const fn wanted(&self) -> usize {
        match self.stage {
            Stage::Offer => OFFER_BYTES,
            Stage::Half => HALF_BYTES,
            Stage::Proof => PROOF_BYTES,
        }
    }

    /// Takes the bytes that were wanted.
    ///
    /// # Errors
    /// If they do not prove what they should: close the socket without an answer.
    ///
    /// # Panics
    /// If it is handed another number of bytes than [`Self::wanted`] says.
    pub fn on_bytes(&mut self, bytes: &[u8]) -> Result<Step, HandshakeError> {
        assert_eq!(bytes.len(), self.wanted(), "a handshake takes exactly the bytes it wants");
        match self.stage {
            Stage::Offer => {
                self.theirs.copy_from_slice(&bytes[..HALF_BYTES]);
                let heard = self.transcript(ACCEPTOR, &self.ours, &self.theirs);
                verify(heard, &bytes[HALF_BYTES..])?;
                let proof = self.transcript(INITIATOR, &self.ours, &self.theirs);
                let words = Words::of(&[&proof.finalize().into_bytes()]);
                Ok(Step::Done { words, peer: self.peer() })
            }
            Stage::Half => {
                self.theirs.copy_from_slice(bytes);
                self.stage = Stage::Proof;
                let proof = self.transcript(ACCEPTOR, &self.theirs, &self.ours);
                Ok(Step::Say(Words::of(&[&self.ours, &proof.finalize().into_bytes()])))
            }
            Stage::Proof => {
                verify(self.transcript(INITIATOR, &self.theirs, &self.ours), bytes)?;
                Ok(Step::Done { words: Words::NONE, peer: self.peer() })
            }
        }
    }

    fn transcript(
        &self,
        label: &[u8],
        initiator: &[u8; HALF_BYTES],
        acceptor: &[u8; HALF_BYTES],
    ) -> Hmac<Sha256> {
        let parts: [&[u8]; 4] = [label, &self.preamble, initiator, acceptor];
        parts.iter().fold(self.key.clone(), |proof, part| proof.chain_update(part))
    }

    fn peer(&self) -> Option<WorkerId> {
        let [.., a, b, c, d, e, f, g, h] = self.theirs;
        let number = u64::from_le_bytes([a, b, c, d, e, f, g, h]);
        (number != 0).then(|| WorkerId::from_u64(number))
    }
}

/// Compares in a time that does not depend on where the difference is.
fn verify(expected: Hmac<Sha256>, proof: &[u8]) -> Result<(), HandshakeError> {
    expected.verify_slice(proof).map_err(|_unequal| HandshakeError::WrongToken)
}

#[cfg(test)]
mod tests;
