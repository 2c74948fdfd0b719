//! Bundles of placement groups are reserved, used and given back.
//!
//! Owns: what follows from that on this node. Does not own: which node reserves which bundle (`control::groups`).

use std::collections::BTreeSet;

use scheduler::Pot;
use types::{Failure, GroupId, Resources, WorkerId};
use wire::to_node::NodeReport;

use super::acting::Actor;
use super::{Effect, Node};

impl Node {
    pub(super) fn prepare_bundles(&mut self, group: GroupId, bundles: &[(u32, Resources)]) {
        let prepared = self.ledger.prepare(group, bundles);
        self.effects.push(Effect::ToHead(NodeReport::BundlesPrepared(group, prepared)));
        if !prepared {
            self.head_waits();
        }
    }

    pub(super) fn commit_bundles(&mut self, group: GroupId) {
        self.ledger.commit(group);
        for claimant in self.queue.waiting_in(Pot::Group(group)) {
            self.admit(claimant);
        }
    }

    pub(super) fn return_bundles(&mut self, group: GroupId) {
        let pot = Pot::Group(group);
        self.ledger.return_bundles(group);
        self.touched.insert(Pot::Node);
        for claimant in self.queue.waiting_in(pot) {
            self.refuse(claimant, Failure::GroupRemoved(group));
        }
        let promised = self.queue.promises().iter().filter(|promise| promise.holding.pot() == pot);
        for claimant in promised.map(|promise| promise.claimant).collect::<BTreeSet<_>>() {
            self.refuse(claimant, Failure::GroupRemoved(group));
        }
        for worker in self.workers_in(pot) {
            self.kill(worker, &format!("{group} was removed"));
        }
    }

    fn workers_in(&self, pot: Pot) -> Vec<WorkerId> {
        let leases = self.leases.iter().filter(|(_, lease)| lease.holding.pot() == pot);
        let of_leases = leases.map(|(_, lease)| lease.worker);
        let actors = self
            .actors
            .values()
            .filter(|actor| actor.holding().is_some_and(|holding| holding.pot() == pot));
        of_leases.chain(actors.filter_map(Actor::worker)).collect()
    }
}
