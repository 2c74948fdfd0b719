//! The only call of `Instant::now`.
//!
//! Owns: the origin of the process's timestamps. Does not own: their arithmetic (`types::time`).

use std::sync::OnceLock;
use std::time::Instant;

use types::Timestamp;

/// Now, on a clock that begins at the first call and never goes backwards.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "this is the clock that the ban names")]
pub fn now() -> Timestamp {
    static ORIGIN: OnceLock<Instant> = OnceLock::new();
    let span = ORIGIN.get_or_init(Instant::now).elapsed();
    Timestamp::ZERO + span
}
