//! The right to use a worker, and who shall give it back when somebody else waits.
//!
//! Owns: what a lease is. Does not own: when one is granted (`queue`), of which worker it is (`pool`), or what it
//! holds (`ledger`).

use std::collections::{BTreeMap, VecDeque};

use types::{Amount, LeaseId, Resources, WorkerId};

use crate::demand::Claimant;
use crate::ledger::{Holding, Pot};

/// The right of an owner to use a worker.
#[derive(Debug)]
pub struct Lease {
    /// Who may use it.
    pub owner: WorkerId,
    /// For which of the owner's shapes.
    pub number: u32,
    /// What it holds. Its CPUs are lent as long as its task waits.
    pub holding: Holding,
    /// Its owner was asked to give it back.
    reclaimed: bool,
}

impl Lease {
    /// A lease for one of the owner's shapes.
    #[must_use]
    pub const fn new(owner: WorkerId, number: u32, holding: Holding) -> Self {
        Self { owner, number, holding, reclaimed: false }
    }

    const fn claimant(&self) -> Claimant {
        Claimant::Lease { owner: self.owner, shape: self.number }
    }

    /// Whether it holds something of `amounts`.
    fn helps(&self, amounts: &Resources) -> bool {
        let held = &self.holding.assignment().resources;
        amounts.is_empty() || held.iter().any(|(name, _)| amounts.get(name) > Amount::ZERO)
    }
}

/// Those of `leases` that must be given back so that `claimant`, who wants `count` more with `amounts`, has its share.
///
/// Nobody is asked who would have less than the claimant then, and no more is asked for than is wanted. A lease whose
/// task waits would free no CPU.
pub(crate) fn reclaim<'a>(
    leases: impl Iterator<Item = (&'a LeaseId, &'a mut Lease)>,
    pot: Pot,
    claimant: Claimant,
    count: u32,
    amounts: &Resources,
) -> Vec<(WorkerId, LeaseId)> {
    let mut under_way = 0;
    let mut kept: BTreeMap<Claimant, VecDeque<(LeaseId, &mut Lease)>> = BTreeMap::new();
    for (id, lease) in leases {
        if lease.holding.is_lent() || lease.holding.pot() != pot {
            continue;
        } else if lease.reclaimed {
            under_way += 1;
        } else if lease.claimant() == claimant || lease.helps(amounts) {
            kept.entry(lease.claimant()).or_default().push_back((*id, lease));
        }
    }
    let mut has = under_way + kept.remove(&claimant).unwrap_or_default().len();
    let mut missing = (count as usize).saturating_sub(under_way);
    let mut asked = Vec::new();
    while missing > 0
        && let Some(richest) = kept.values_mut().max_by_key(|leases| leases.len())
        && richest.len() > has
        && let Some((id, lease)) = richest.pop_front()
    {
        lease.reclaimed = true;
        asked.push((lease.owner, id));
        has += 1;
        missing -= 1;
    }
    asked
}
