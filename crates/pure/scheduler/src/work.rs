//! What a worker process does, and what that binds it to.
//!
//! Owns: the kinds of work, each with what it holds. Does not own: which process does which (`pool`).

use std::collections::BTreeMap;

use types::{ActorId, DeviceShare, JobId, LeaseId, Resources, Timestamp};

use crate::demand::Claimant;
use crate::leases::Lease;
use crate::ledger::Holding;

/// What a process does, with all that it holds.
#[derive(Debug)]
pub enum Work {
    /// It has not reported yet, and somebody may have a promise of it.
    Starting(Option<Promise>),
    /// Nothing, since then.
    Idle(Timestamp),
    /// Nothing, and it was asked whether it can be spared.
    Asked,
    /// Tasks of these leases. There is a second one only if the tasks of all others wait.
    Leased(BTreeMap<LeaseId, Lease>),
    /// An actor.
    Actor(Placed),
    /// It ends.
    Ending,
}

/// A demand that holds its resources and waits for the process that starts for it.
#[derive(Debug)]
pub struct Promise {
    /// Whose it is.
    pub claimant: Claimant,
    /// For which job.
    pub job: JobId,
    /// What it holds.
    pub holding: Holding,
}

/// An actor in its process.
#[derive(Debug)]
pub struct Placed {
    /// The actor.
    pub actor: ActorId,
    /// What it holds.
    pub holding: Holding,
    /// What of that it needs while it lives.
    pub lasting: Resources,
    /// It outlives its job.
    pub detached: bool,
}

/// What a process is bound to once it has worked, beside its environment: it holds the modules of a job, and libraries
/// in it have opened devices. Before, it is fresh and serves whoever comes first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bond {
    pub(crate) job: JobId,
    devices: Vec<(String, u32)>,
}

impl Work {
    /// All that is held for it.
    pub(crate) fn holdings(&self) -> Vec<&Holding> {
        match self {
            Self::Starting(promise) => promise.iter().map(|promise| &promise.holding).collect(),
            Self::Leased(leases) => leases.values().map(|lease| &lease.holding).collect(),
            Self::Actor(placed) => vec![&placed.holding],
            Self::Idle(_) | Self::Asked | Self::Ending => Vec::new(),
        }
    }
}

impl Promise {
    /// What it binds its process to; nothing yet for an actor, which takes a fresh one only.
    #[must_use]
    pub fn bond(&self) -> Option<Bond> {
        match self.claimant {
            Claimant::Lease { .. } => Some(Bond::new(self.job, &self.holding)),
            Claimant::Actor(_) => None,
        }
    }
}

impl Bond {
    /// What work for a job with these amounts binds a process to.
    #[must_use]
    pub fn new(job: JobId, holding: &Holding) -> Self {
        let of_kind = |(name, shares): (&String, &Vec<DeviceShare>)| {
            shares.iter().map(|share| (name.clone(), share.index)).collect::<Vec<_>>()
        };
        Self { job, devices: holding.assignment().devices.iter().flat_map(of_kind).collect() }
    }
}
