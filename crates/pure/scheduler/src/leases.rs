//! Which worker is lent to whom, and who shall give back when somebody else waits.
//!
//! Owns: the leases. Does not own: when one is granted (`queue`), or what it holds (`ledger`).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use types::{LeaseId, Resources, Shape, WorkerId};

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
    shape: Arc<Shape>,
    /// Its owner was asked to give it back.
    reclaimed: bool,
    /// Its task waits, so that giving it back would free no CPU.
    pub waits: bool,
}

/// All leases of the node.
#[derive(Debug, Default)]
pub struct Leases {
    leases: BTreeMap<LeaseId, Lease>,
    /// The leases of each owner and shape that do not wait.
    running: BTreeMap<Pot, BTreeMap<Claimant, Running>>,
    granted: u64,
}

/// The leases of one owner and shape that do not wait.
#[derive(Debug)]
struct Running {
    shape: Arc<Shape>,
    kept: BTreeSet<LeaseId>,
    reclaimed: u32,
}

impl Lease {
    const fn claimant(&self) -> Claimant {
        Claimant::Lease { owner: self.owner, shape: self.number }
    }
}

impl Leases {
    /// Lends `worker` to an owner for one of its shapes.
    pub fn grant(
        &mut self,
        (owner, number): (WorkerId, u32),
        shape: Arc<Shape>,
        worker: WorkerId,
        holding: Holding,
    ) -> LeaseId {
        self.granted += 1;
        let id = LeaseId(self.granted);
        let lease = Lease { owner, number, worker, holding, shape, reclaimed: false, waits: false };
        self.enlist(id, &lease);
        self.leases.insert(id, lease);
        id
    }

    /// The lease with this id.
    #[must_use]
    pub fn get(&self, id: LeaseId) -> Option<&Lease> {
        self.leases.get(&id)
    }

    /// What a lease holds.
    pub fn holding(&mut self, id: LeaseId) -> Option<&mut Holding> {
        self.leases.get_mut(&id).map(|lease| &mut lease.holding)
    }

    /// Ends a lease.
    pub fn end(&mut self, id: LeaseId) -> Option<Lease> {
        let lease = self.leases.remove(&id)?;
        self.strike(id, &lease);
        Some(lease)
    }

    /// The task on a lease began or ended to wait.
    pub fn set_waiting(&mut self, id: LeaseId, waits: bool) {
        let Some(mut lease) = self.leases.remove(&id) else {
            return;
        };
        self.strike(id, &lease);
        lease.waits = waits;
        self.enlist(id, &lease);
        self.leases.insert(id, lease);
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
        let Some(running) = self.running.get_mut(&pot) else {
            return Vec::new();
        };
        let under_way: u32 = running.values().map(|running| running.reclaimed).sum();
        let mut has = under_way + running.get(&claimant).map_or(0, Running::count);
        let mut missing = count.saturating_sub(under_way);
        let mut asked = Vec::new();
        while missing > 0 {
            let others = running.iter_mut().filter(|(other, running)| {
                **other != claimant && running.count() > has && running.helps(amounts)
            });
            let richest = others.max_by_key(|(_, running)| running.count());
            let Some((Claimant::Lease { owner, .. }, richest)) = richest else {
                break;
            };
            let Some(id) = richest.kept.pop_first() else {
                break;
            };
            richest.reclaimed += 1;
            asked.push((*owner, id));
            has += 1;
            missing -= 1;
        }
        for (_, id) in &asked {
            if let Some(lease) = self.leases.get_mut(id) {
                lease.reclaimed = true;
            }
        }
        asked
    }

    /// Ids and leases, by id.
    pub fn iter(&self) -> impl Iterator<Item = (LeaseId, &Lease)> {
        self.leases.iter().map(|(id, lease)| (*id, lease))
    }

    /// Panics unless the lists by owner say what the leases say.
    pub fn check(&self) {
        let mut listed = 0;
        for running in self.running.values().flat_map(BTreeMap::values) {
            listed += running.kept.len() + running.reclaimed as usize;
            let kept = running.kept.iter().map(|id| self.leases.get(id));
            assert!(
                kept.flatten().all(|lease| !lease.waits && !lease.reclaimed),
                "SCH-5: who is listed as running neither waits nor was asked to give back"
            );
        }
        let running = self.leases.values().filter(|lease| !lease.waits).count();
        assert_eq!(listed, running, "SCH-5: every running lease is listed once");
    }

    fn enlist(&mut self, id: LeaseId, lease: &Lease) {
        if lease.waits {
            return;
        }
        let pot = self.running.entry(lease.holding.pot()).or_default();
        let running = pot.entry(lease.claimant()).or_insert_with(|| Running {
            shape: Arc::clone(&lease.shape),
            kept: BTreeSet::new(),
            reclaimed: 0,
        });
        if lease.reclaimed {
            running.reclaimed += 1;
        } else {
            running.kept.insert(id);
        }
    }

    fn strike(&mut self, id: LeaseId, lease: &Lease) {
        let pot = lease.holding.pot();
        let Some(all) = self.running.get_mut(&pot) else {
            return;
        };
        let Some(running) = all.get_mut(&lease.claimant()) else {
            return;
        };
        if !lease.waits && !running.kept.remove(&id) {
            running.reclaimed -= 1;
        }
        if running.kept.is_empty() && running.reclaimed == 0 {
            all.remove(&lease.claimant());
        }
        if all.is_empty() {
            self.running.remove(&pot);
        }
    }
}

impl Running {
    /// How many there will be when those asked for are back.
    fn count(&self) -> u32 {
        u32::try_from(self.kept.len()).unwrap_or(u32::MAX)
    }

    /// Whether one of them holds something of `amounts`.
    fn helps(&self, amounts: &Resources) -> bool {
        amounts.is_empty()
            || self.shape.resources.iter().any(|(name, _)| amounts.iter().any(|(n, _)| n == name))
    }
}
