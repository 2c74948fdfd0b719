//! The protocol version, and what a difference means: the two sides do not talk.
//!
//! Owns: the number. Does not own: the golden bytes that change with it (`tests/golden.rs`).

/// Changes with every change of any message.
pub const VERSION: u16 = 7;
