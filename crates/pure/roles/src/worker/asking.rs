//! Placement groups that something here waits for.
//!
//! Owns: the objects that hold a value once their group is reserved. Does not own: groups (`control::groups`).

use std::sync::Arc;

use types::{Failure, GroupId, GroupSpec, Map, ObjectId, Payload, Stored, Value};
use wire::ToHead;
use wire::to_worker::GroupState;

use super::{Effect, Worker};

/// What waits for each group, and the groups whose state is known.
#[derive(Debug, Default)]
pub(super) struct Groups {
    waiting: Map<GroupId, Vec<(ObjectId, Payload)>>,
    settled: Map<GroupId, Option<Arc<Failure>>>,
}

impl Worker {
    /// The user reserves a group; its maker is told what becomes of it.
    pub(super) fn create_group(&mut self, spec: Box<GroupSpec>) {
        self.groups.waiting.insert(spec.id, Vec::new());
        self.effects.push(Effect::ToHead(ToHead::CreateGroup(spec)));
    }

    /// An object of this process holds `value` once the group is reserved.
    pub(super) fn await_group(&mut self, group: GroupId, object: ObjectId, value: Payload) {
        self.refs.own(object, 1);
        if let Some(settled) = self.groups.settled.get(&group) {
            let stored = group_value(settled.as_ref(), value);
            self.keep(object, stored, None);
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
        let settled = match state {
            GroupState::Pending => return,
            GroupState::Created(_) => None,
            GroupState::Removed(failure) => Some(Arc::clone(failure)),
        };
        for (object, value) in self.groups.waiting.remove(&group).into_iter().flatten() {
            let stored = group_value(settled.as_ref(), value);
            self.keep(object, stored, None);
        }
        if settled.is_some() {
            self.groups.settled.remove(&group);
        } else {
            self.groups.settled.insert(group, settled);
        }
    }
}

fn group_value(failure: Option<&Arc<Failure>>, value: Payload) -> Stored {
    match failure {
        None => Stored::inline(value),
        Some(failure) => {
            Stored { value: Value::Failed(Arc::clone(failure)), contains: Box::default() }
        }
    }
}
