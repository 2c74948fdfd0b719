//! The one table of core settings: name, sentence, default. Python hands over those that are set, by name.
//!
//! Owns: what can be set. Does not own: where it is read from (`aktis.settings`).

use serde::{Deserialize, Serialize};

use crate::limits;

/// What can be set for a cluster. Every process of the cluster sees the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// The largest value, in bytes, that travels inside messages.
    pub inline_bytes_max: u64,
    /// How long an owner keeps an idle lease, in milliseconds.
    pub lease_linger_ms: u64,
    /// The most worker processes of a node; 0 derives it from the number of CPUs.
    pub workers_max: u64,
    /// How long an idle worker beyond the number of CPUs lives, in milliseconds.
    pub idle_worker_life_ms: u64,
    /// The share of the object store, in percent, above which objects are spilled.
    pub spill_at_percent: u64,
    /// How long, in microseconds, a waiting thread polls before it sleeps where that proved faster. It must be longer than
    /// a round trip in which the other side was asleep, or nobody who tries it ever sees that it helps.
    pub poll_us: u64,
    /// How many actors, groups, jobs and nodes that are gone the head remembers, of each.
    pub gone_remembered_max: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            inline_bytes_max: limits::INLINE_BYTES_MAX as u64,
            lease_linger_ms: limits::LEASE_LINGER.as_millis() as u64,
            workers_max: 0,
            idle_worker_life_ms: limits::IDLE_WORKER_LIFE.as_millis() as u64,
            spill_at_percent: limits::SPILL_AT_PERCENT,
            poll_us: 100,
            gone_remembered_max: limits::GONE_REMEMBERED_MAX as u64,
        }
    }
}
