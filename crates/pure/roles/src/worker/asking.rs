//! Placement groups that something here waits for.
//!
//! Owns: the objects that hold a value once their group is reserved. Does not own: groups (`control::groups`).

use std::sync::Arc;

use types::{GroupId, Map, ObjectId, Payload, Set, Stored};
use wire::ToHead;
use wire::to_worker::GroupState;

use super::{Effect, Worker};

/// What waits for each group of which the head will tell, and the groups that are there.
#[derive(Debug, Default)]
pub(super) struct Groups {
    waiting: Map<GroupId, Vec<(ObjectId, Payload)>>,
    created: Set<GroupId>,
}

impl Worker {
    /// Says something to the head. Who makes a group is told what becomes of it.
    pub(super) fn tell(&mut self, message: ToHead) {
        if let ToHead::CreateGroup(spec) = &message {
            self.groups.waiting.insert(spec.id, Vec::new());
        }
        self.effects.push(Effect::ToHead(message));
    }

    /// An object of this process holds `value` once the group is reserved.
    pub(super) fn await_group(&mut self, group: GroupId, object: ObjectId, value: Payload) {
        self.refs.own(object, 1);
        if self.groups.created.contains(&group) {
            self.keep(object, Stored::inline(value), None);
            return;
        }
        let waiting = self.groups.waiting.entry(group).or_insert_with(|| {
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
        for (object, value) in self.groups.waiting.remove(&group).into_iter().flatten() {
            let failed = failure.map(|failure| Stored::failed(Arc::clone(failure)));
            self.keep(object, failed.unwrap_or_else(|| Stored::inline(value)), None);
        }
        if failure.is_some() {
            self.groups.created.remove(&group);
        } else {
            self.groups.created.insert(group);
        }
    }
}
