//! Which worker is lent to whom, and who shall give back when somebody else waits.
//!
//! Owns: the leases. Does not own: when one is granted (`queue`), or what it holds (`ledger`).

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
    /// The worker.
    pub worker: WorkerId,
    /// What it holds.
    pub holding: Holding,
    /// Its owner was asked to give it back.
    reclaimed: bool,
    /// Its task waits, so that giving it back would free no CPU.
    pub waits: bool,
}

/// All leases of the node.
#[derive(Debug, Default)]
pub struct Leases {
    leases: BTreeMap<LeaseId, Lease>,
    granted: u64,
}

impl Lease {
    const fn claimant(&self) -> Claimant {
        Claimant::Lease { owner: self.owner, shape: self.number }
    }

    /// Whether it holds something of `amounts`.
    fn helps(&self, amounts: &Resources) -> bool {
        let held = &self.holding.assignment().resources;
        amounts.is_empty() || held.iter().any(|(name, _)| amounts.get(name) > Amount::ZERO)
    }
}

impl Leases {
    /// Lends `worker` to an owner for one of its shapes.
    pub fn grant(
        &mut self,
        (owner, number): (WorkerId, u32),
        worker: WorkerId,
        holding: Holding,
    ) -> LeaseId {
        self.granted += 1;
        let id = LeaseId(self.granted);
        let lease = Lease { owner, number, worker, holding, reclaimed: false, waits: false };
        self.leases.insert(id, lease);
        id
    }

    /// The lease with this id.
    #[must_use]
    pub fn get(&self, id: LeaseId) -> Option<&Lease> {
        self.leases.get(&id)
    }

    /// The lease with this id, to change what it holds.
    pub fn get_mut(&mut self, id: LeaseId) -> Option<&mut Lease> {
        self.leases.get_mut(&id)
    }

    /// Ends a lease.
    pub fn end(&mut self, id: LeaseId) -> Option<Lease> {
        self.leases.remove(&id)
    }

    /// The leases that a process owns.
    #[must_use]
    pub fn of_owner(&self, owner: WorkerId) -> Vec<LeaseId> {
        let all = self.leases.iter().filter(|(_, lease)| lease.owner == owner);
        all.map(|(id, _)| *id).collect()
    }

    /// The leases of a worker, with their owners.
    #[must_use]
    pub fn of_worker(&self, worker: WorkerId) -> Vec<(LeaseId, WorkerId)> {
        let all = self.leases.iter().filter(|(_, lease)| lease.worker == worker);
        all.map(|(id, lease)| (*id, lease.owner)).collect()
    }

    /// The leases that must be given back so that `claimant`, who wants `count` more with `amounts`, has its share.
    ///
    /// Nobody is asked who would have less than the claimant then, and no more is asked for than is wanted.
    pub fn reclaim(
        &mut self,
        pot: Pot,
        claimant: Claimant,
        count: u32,
        amounts: &Resources,
    ) -> Vec<(WorkerId, LeaseId)> {
        let mut under_way = 0;
        let mut kept: BTreeMap<Claimant, VecDeque<LeaseId>> = BTreeMap::new();
        for (id, lease) in &self.leases {
            if lease.waits || lease.holding.pot() != pot {
                continue;
            } else if lease.reclaimed {
                under_way += 1;
            } else if lease.claimant() == claimant || lease.helps(amounts) {
                kept.entry(lease.claimant()).or_default().push_back(*id);
            }
        }
        let mut has = under_way + kept.remove(&claimant).unwrap_or_default().len();
        let mut missing = (count as usize).saturating_sub(under_way);
        let mut asked = Vec::new();
        while missing > 0
            && let Some(richest) = kept.values_mut().max_by_key(|leases| leases.len())
            && richest.len() > has
            && let Some(id) = richest.pop_front()
            && let Some(lease) = self.leases.get_mut(&id)
        {
            lease.reclaimed = true;
            asked.push((lease.owner, id));
            has += 1;
            missing -= 1;
        }
        asked
    }

    /// Ids and leases, by id.
    pub fn iter(&self) -> impl Iterator<Item = (LeaseId, &Lease)> {
        self.leases.iter().map(|(id, lease)| (*id, lease))
    }
}
