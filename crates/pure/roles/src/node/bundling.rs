//! Bundles of placement groups are reserved, used and given back.
//!
//! Owns: what follows from that on this node. Does not own: which node reserves which bundle (`control::groups`).

use scheduler::Pot;
use types::{Failure, GroupId, Resources};
use wire::to_node::NodeReport;

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
        for claimant in self.queue.wanting_in(Pot::Group(group)) {
            self.admit(claimant);
        }
    }

    pub(super) fn return_bundles(&mut self, group: GroupId) {
        let pot = Pot::Group(group);
        self.ledger.return_bundles(group);
        self.changed = true;
        for claimant in self.queue.wanting_in(pot) {
            self.refuse(claimant, Failure::GroupRemoved(group));
        }
        for worker in self.pool.holders(pot) {
            self.kill(worker, &format!("{group} was removed"));
        }
    }
}
