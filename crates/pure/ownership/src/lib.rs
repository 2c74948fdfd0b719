//! Who may still need what, and what becomes of the tasks that make it.
//!
//! Owns: refs and their counts, values known here, submitted tasks, the leases they run on, calls on actors, streams.
//! Does not own: where bytes lie (`objects`), who gets which worker (`scheduler`).
//!
//! Each module is one machine; none knows another. `roles::worker` joins them. The rules `OWN-1 …` are listed in
//! `docs/machines/ownership.md`.

pub mod refs;
pub mod values;
pub mod tasks;
pub mod dispatch;
pub mod calls;
pub mod streams;
pub mod deadlock;

pub use calls::{Calls, Reach};
pub use dispatch::{Burst, Demand, Dispatch};
pub use refs::{Fate, Held, Refs};
pub use streams::{Next, Streams};
pub use tasks::{Progress, Submitted, Tasks};
pub use values::{Awaiters, Values};
