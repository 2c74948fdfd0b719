//! The first bytes of a conversation: what is spoken, and with whom.
//!
//! Owns: their layout. Does not own: the proofs that follow (`runtime::handshake`).
//!
//! Of fixed size, so that nothing is parsed or allocated for a stranger.

use types::WorkerId;

use crate::version::VERSION;

/// The length of a preamble.
pub const PREAMBLE_BYTES: usize = 16;

const MAGIC: [u8; 6] = *b"aktis\0";

/// What the side that connects asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Preamble {
    /// Which process of the node it wants; `None` is the node daemon itself.
    pub target: Option<WorkerId>,
}

/// Why a preamble is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PreambleError {
    /// The peer does not speak this protocol.
    #[error("the peer does not speak the protocol of aktis")]
    Foreign,
    /// The peer speaks another version of it.
    #[error(
        "the peer speaks version {theirs} of the protocol and this process version {ours}; use one version of aktis"
    )]
    WrongVersion {
        /// The version of this process.
        ours: u16,
        /// The version of the peer.
        theirs: u16,
    },
}

impl Preamble {
    /// Writes it out.
    #[must_use]
    pub fn to_bytes(self) -> [u8; PREAMBLE_BYTES] {
        let mut bytes = [0; PREAMBLE_BYTES];
        bytes[..6].copy_from_slice(&MAGIC);
        bytes[6..8].copy_from_slice(&VERSION.to_le_bytes());
        let target = self.target.map_or(0, WorkerId::to_u64);
        bytes[8..].copy_from_slice(&target.to_le_bytes());
        bytes
    }

    /// Reads what [`Self::to_bytes`] wrote.
    ///
    /// # Errors
    /// If it is not one, or one of another version.
    pub fn from_bytes(bytes: [u8; PREAMBLE_BYTES]) -> Result<Self, PreambleError> {
        let [magic @ .., v, w, _, _, _, _, _, _, _, _] = bytes;
        if magic != MAGIC {
            return Err(PreambleError::Foreign);
        }
        let theirs = u16::from_le_bytes([v, w]);
        if theirs != VERSION {
            return Err(PreambleError::WrongVersion { ours: VERSION, theirs });
        }
        let [_, _, _, _, _, _, _, _, target @ ..] = bytes;
        let target = u64::from_le_bytes(target);
        Ok(Self { target: (target != 0).then(|| WorkerId::from_u64(target)) })
    }
}

#[cfg(test)]
mod tests {
    use types::NodeId;

    use super::*;

    #[test]
    fn a_preamble_comes_back_as_it_was_sent() {
        for target in [None, Some(WorkerId { node: NodeId(1), number: 7 })] {
            let preamble = Preamble { target };
            assert_eq!(Preamble::from_bytes(preamble.to_bytes()), Ok(preamble));
        }
    }

    #[test]
    fn a_stranger_and_another_version_are_told_apart() {
        let mut bytes = Preamble { target: None }.to_bytes();
        bytes[6] = bytes[6].wrapping_add(1);

        assert!(matches!(Preamble::from_bytes(bytes), Err(PreambleError::WrongVersion { .. })));
        assert_eq!(Preamble::from_bytes([b'G'; PREAMBLE_BYTES]), Err(PreambleError::Foreign));
    }
}
