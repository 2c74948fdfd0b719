//! Ids of nodes and processes as Python sees them.
//!
//! Owns: their layout, `fingerprint of the session (20) | zero (4 or 0) | number (4 or 8)`. Does not own: the numbers
//! (`types::ids`), or the ids of what programs make, which the engine lays out itself.

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use runtime::engine::Identity;
use types::{NodeId, WorkerId};

/// How many bytes the ids have.
const LEN: usize = 28;
/// A number that no node has: what ids of another session stand for.
const ELSEWHERE: NodeId = NodeId(u32::MAX);

/// What ids of one session have in common.
pub(crate) struct Scope {
    fingerprint: [u8; Identity::FINGERPRINT_LEN],
}

impl Scope {
    pub(crate) fn of(identity: &Identity) -> Self {
        Self { fingerprint: identity.fingerprint() }
    }

    /// The id of a node.
    pub(crate) fn node(&self, node: NodeId) -> [u8; LEN] {
        self.ending_in(&node.0.to_be_bytes())
    }

    /// The id of a process.
    pub(crate) fn worker(&self, worker: WorkerId) -> [u8; LEN] {
        self.ending_in(&worker.to_u64().to_be_bytes())
    }

    /// The node of an id in hexadecimal.
    pub(crate) fn parse_node(&self, text: &str) -> PyResult<NodeId> {
        let wrong = || PyValueError::new_err(format!("{text:?} is not the id of a node"));
        if text.len() != 2 * LEN {
            return Err(wrong());
        }
        let mut bytes = [0; LEN];
        for (index, byte) in bytes.iter_mut().enumerate() {
            let digits = text.get(2 * index..2 * index + 2).ok_or_else(wrong)?;
            *byte = u8::from_str_radix(digits, 16).map_err(|_digit| wrong())?;
        }
        let [.., a, b, c, d] = bytes;
        let node = NodeId(u32::from_be_bytes([a, b, c, d]));
        Ok(if self.node(node) == bytes { node } else { ELSEWHERE })
    }

    fn ending_in(&self, number: &[u8]) -> [u8; LEN] {
        let mut bytes = [0; LEN];
        bytes[..Identity::FINGERPRINT_LEN].copy_from_slice(&self.fingerprint);
        bytes[LEN - number.len()..].copy_from_slice(number);
        bytes
    }
}
