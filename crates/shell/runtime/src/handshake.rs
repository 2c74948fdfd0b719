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
use smallvec::SmallVec;
use types::WorkerId;
use wire::preamble::{PREAMBLE_BYTES, Preamble};

/// The length of a number that is used once.
pub(crate) const NONCE_BYTES: usize = 32;

const ID_BYTES: usize = 8;
const PROOF_BYTES: usize = 32;
const HALF_BYTES: usize = NONCE_BYTES + ID_BYTES;
const OFFER_BYTES: usize = HALF_BYTES + PROOF_BYTES;
/// The most bytes that a side waits for at once.
pub(crate) const SAYING_BYTES_MAX: usize = OFFER_BYTES;

const ACCEPTOR: &[u8] = b"aktis handshake 1: acceptor";
const INITIATOR: &[u8] = b"aktis handshake 1: initiator";

/// Why a conversation does not begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the peer does not know the token of the cluster")]
pub(crate) struct WrongToken;

/// A few bytes to be sent.
pub(crate) type Words = SmallVec<[u8; OFFER_BYTES]>;

/// One side of a handshake.
#[derive(Debug)]
pub(crate) struct Handshake {
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
    /// Nothing: both sides have proved themselves.
    Done,
}

impl Handshake {
    /// Begins as the side that connects: answers what to send first.
    pub(crate) fn initiate(
        token: &[u8],
        preamble: Preamble,
        own_id: Option<WorkerId>,
        nonce: [u8; NONCE_BYTES],
    ) -> (Self, Words) {
        let begun = Self { stage: Stage::Offer, ..Self::accept(token, preamble, own_id, nonce) };
        let mut opening = Words::from_slice(&begun.preamble);
        opening.extend_from_slice(&begun.ours);
        (begun, opening)
    }

    /// Begins as the side that was connected to, after `preamble` was read.
    #[expect(clippy::expect_used, reason = "HMAC takes a key of any length")]
    pub(crate) fn accept(
        token: &[u8],
        preamble: Preamble,
        own_id: Option<WorkerId>,
        nonce: [u8; NONCE_BYTES],
    ) -> Self {
        let key = Hmac::new_from_slice(token).expect("a key of any length will do");
        let mut ours = [0; HALF_BYTES];
        ours[..NONCE_BYTES].copy_from_slice(&nonce);
        let id = own_id.map_or(0, WorkerId::to_u64);
        ours[NONCE_BYTES..].copy_from_slice(&id.to_le_bytes());
        let (preamble, theirs) = (preamble.to_bytes(), [0; HALF_BYTES]);
        Self { key, preamble, ours, theirs, stage: Stage::Half }
    }

    /// How many bytes the other side says next; 0 once both sides have proved themselves. Read no more: what follows
    /// belongs to the conversation.
    pub(crate) const fn wanted(&self) -> usize {
        match self.stage {
            Stage::Offer => OFFER_BYTES,
            Stage::Half => HALF_BYTES,
            Stage::Proof => PROOF_BYTES,
            Stage::Done => 0,
        }
    }

    /// Takes the bytes that were wanted: answers what to say, if anything.
    ///
    /// # Errors
    /// If they do not prove what they should: close the socket without an answer.
    ///
    /// # Panics
    /// If it is handed another number of bytes than [`Self::wanted`] says.
    pub(crate) fn on_bytes(&mut self, bytes: &[u8]) -> Result<Words, WrongToken> {
        assert_eq!(bytes.len(), self.wanted(), "a handshake takes exactly the bytes it wants");
        let mut words = Words::new();
        match self.stage {
            Stage::Offer => {
                self.theirs.copy_from_slice(&bytes[..HALF_BYTES]);
                let heard = self.transcript(ACCEPTOR, &self.ours, &self.theirs);
                verify(heard, &bytes[HALF_BYTES..])?;
                let proof = self.transcript(INITIATOR, &self.ours, &self.theirs);
                words.extend_from_slice(&proof.finalize().into_bytes());
                self.stage = Stage::Done;
            }
            Stage::Half => {
                self.theirs.copy_from_slice(bytes);
                let proof = self.transcript(ACCEPTOR, &self.theirs, &self.ours);
                words.extend_from_slice(&self.ours);
                words.extend_from_slice(&proof.finalize().into_bytes());
                self.stage = Stage::Proof;
            }
            Stage::Proof => {
                verify(self.transcript(INITIATOR, &self.theirs, &self.ours), bytes)?;
                self.stage = Stage::Done;
            }
            Stage::Done => {}
        }
        Ok(words)
    }

    /// Who the other side says it is, which the token vouches for in the end; `None` has no id (yet).
    pub(crate) fn peer(&self) -> Option<WorkerId> {
        let [.., a, b, c, d, e, f, g, h] = self.theirs;
        let number = u64::from_le_bytes([a, b, c, d, e, f, g, h]);
        (number != 0).then(|| WorkerId::from_u64(number))
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
}

/// Compares in a time that does not depend on where the difference is.
fn verify(expected: Hmac<Sha256>, proof: &[u8]) -> Result<(), WrongToken> {
    expected.verify_slice(proof).map_err(|_unequal| WrongToken)
}

#[cfg(test)]
mod tests;
