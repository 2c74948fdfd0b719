//! The one table of core settings: name, default, sentence. Python hands over those that are set, by name.
//!
//! Owns: what can be set. Does not own: where it is read from (`aktis.settings`).

use serde::{Deserialize, Serialize};

macro_rules! settings {
    ($($(#[doc = $doc:literal])+ $name:ident: $default:expr;)+) => {
        /// What can be set for a cluster. Every process of the cluster sees the same.
        #[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(default, deny_unknown_fields)]
        pub struct Settings {
            $($(#[doc = $doc])+ pub $name: u64,)+
        }

        impl Default for Settings {
            fn default() -> Self {
                Self { $($name: $default,)+ }
            }
        }
    };
}

settings! {
    /// The largest value, in bytes, that travels inside messages.
    inline_bytes_max: crate::limits::INLINE_BYTES_MAX as u64;
    /// How long an owner keeps an idle lease, in milliseconds.
    lease_linger_ms: crate::limits::LEASE_LINGER.as_millis() as u64;
    /// The most worker processes of a node; 0 derives it from the number of CPUs.
    workers_max: 0;
    /// How long an idle worker beyond the number of CPUs lives, in milliseconds.
    idle_worker_life_ms: crate::limits::IDLE_WORKER_LIFE.as_millis() as u64;
    /// The share of the object store, in percent, above which objects are spilled.
    spill_at_percent: crate::limits::SPILL_AT_PERCENT;
    /// How long, in microseconds, a waiting thread polls before it sleeps where that proved faster. It must be longer than
    /// a round trip in which the other side was asleep, or nobody who tries it ever sees that it helps.
    poll_us: 100;
    /// How many actors, groups, jobs and nodes that are gone the head remembers, of each.
    gone_remembered_max: crate::limits::GONE_REMEMBERED_MAX as u64;
}
