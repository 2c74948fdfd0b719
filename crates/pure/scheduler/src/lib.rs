//! Decides who runs where on one node, and when.
//!
//! Owns: what the node has and lends, who waits for it, and which process serves whom. Does not own: what leads to
//! what (`roles::node`), or the choice of a node (`control`).
//!
//! In reading order: a [`Ledger`] lends [`Holding`]s out of [`Capacity`]; a [`Queue`] orders the [`Demand`]s that
//! wait for one; the processes of the [`Pool`] have what they need for their [`Work`]. The rules that all of them keep
//! are in `docs/machines/scheduler.md`.

pub mod capacity;
pub mod demand;
mod explain;
pub mod fairness;
pub mod leases;
pub mod ledger;
pub mod pool;
pub mod queue;
pub mod site;
pub mod work;
#[cfg(test)]
mod tests;

pub use capacity::{CPU, Capacity, DEVICE_RESOURCES};
pub use demand::{Claimant, Demand};
pub use leases::Lease;
pub use ledger::{Holding, Ledger, Place, Pot};
pub use pool::{Pool, Supply};
pub use queue::{Queue, Waiting, holds_back_until};
pub use site::Site;
pub use work::{Bond, Placed, Promise, Work};
