//! The only call to the system for chance.
//!
//! Owns: seeds and nonces. Does not own: the generator that a seed begins (`types::Rng`).

use std::io;

/// Bytes that nobody can guess.
///
/// # Errors
/// If the system has none.
pub(crate) fn unguessable<const LEN: usize>() -> io::Result<[u8; LEN]> {
    let mut bytes = [0; LEN];
    getrandom::fill(&mut bytes).map_err(io::Error::other)?;
    Ok(bytes)
}
