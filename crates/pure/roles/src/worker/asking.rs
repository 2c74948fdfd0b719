//! Placement groups that something here waits for.
//!
//! Owns: the objects that hold a value once their group is reserved. Does not own: groups (`control::groups`).

use std::sync::Arc;

use types::{GroupId, Map, ObjectId, Payload, Stored};
use wire::ToHead;
use wire::to_worker::GroupState;

use super::{Effect, Worker};

/// What waits for each group.
pub(super) type Groups = Map<GroupId, Vec<(ObjectId, Payload)>>;

impl Worker {
    /// An object of this process holds `value` once the group is reserved: the head is asked whether it is.
    pub(super) fn await_group(&mut self, group: GroupId, object: ObjectId, value: Payload) {
        self.refs.own(object, 1);
        let waiting = self.groups.entry(group).or_insert_with(|| {
            self.effects.push(Effect::ToHead(ToHead::WatchGroup(group)));
            Vec::new()
        });
        waiting.push((object, value));
    }

    /// The head says what became of a group.
    pub(super) fn group_changed(&mut self, group: GroupId, state: &GroupState) {
        let failure = match state {
            GroupState::Pending => return,
            GroupState::Created(_) => None,
            GroupState::Removed(failure) => Some(failure),
        };
        for (object, value) in self.groups.remove(&group).into_iter().flatten() {
            let failed = failure.map(|failure| Stored::failed(Arc::clone(failure)));
            self.keep(object, failed.unwrap_or_else(|| Stored::inline(value)), None);
        }
    }
}
