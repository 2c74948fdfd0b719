//! Who is told of which change.
//!
//! Owns: the processes that watch each thing. Does not own: what there is to tell (`actors`, `groups`).

use std::collections::{BTreeMap, BTreeSet};

use types::WorkerId;

/// The watchers of each thing of one kind.
#[derive(Debug)]
pub struct Topics<K> {
    watchers: BTreeMap<K, BTreeSet<WorkerId>>,
    watching: BTreeMap<WorkerId, BTreeSet<K>>,
}

impl<K: Ord + Copy> Topics<K> {
    /// Nobody watches anything.
    #[must_use]
    pub const fn new() -> Self {
        Self { watchers: BTreeMap::new(), watching: BTreeMap::new() }
    }

    /// From now on `worker` watches `key`.
    pub fn watch(&mut self, key: K, worker: WorkerId) {
        self.watchers.entry(key).or_default().insert(worker);
        self.watching.entry(worker).or_default().insert(key);
    }

    /// Who watches `key`, by their ids.
    pub fn watchers(&self, key: K) -> impl Iterator<Item = WorkerId> {
        self.watchers.get(&key).into_iter().flatten().copied()
    }

    /// Nothing further will be told of `key`: who watched it.
    pub fn close(&mut self, key: K) -> BTreeSet<WorkerId> {
        let watchers = self.watchers.remove(&key).unwrap_or_default();
        for worker in &watchers {
            remove(&mut self.watching, *worker, &key);
        }
        watchers
    }

    /// A process is gone and watches nothing any more.
    pub fn on_worker_gone(&mut self, worker: WorkerId) {
        for key in self.watching.remove(&worker).unwrap_or_default() {
            remove(&mut self.watchers, key, &worker);
        }
    }

    /// What is watched.
    pub fn keys(&self) -> impl Iterator<Item = K> {
        self.watchers.keys().copied()
    }

    /// All processes that watch something.
    pub fn workers(&self) -> impl Iterator<Item = WorkerId> {
        self.watching.keys().copied()
    }
}

impl<K: Ord + Copy> Default for Topics<K> {
    fn default() -> Self {
        Self::new()
    }
}

fn remove<A: Ord, B: Ord>(sets: &mut BTreeMap<A, BTreeSet<B>>, key: A, member: &B) {
    if let Some(set) = sets.get_mut(&key) {
        set.remove(member);
        if set.is_empty() {
            sets.remove(&key);
        }
    }
}

#[cfg(test)]
mod tests {
    use types::NodeId;

    use super::*;

    const ANNE: WorkerId = WorkerId { node: NodeId(1), number: 1 };
    const BERT: WorkerId = WorkerId { node: NodeId(1), number: 2 };

    #[test]
    fn a_process_that_is_gone_and_a_thing_that_is_closed_leave_nothing_behind() {
        let mut topics = Topics::new();
        topics.watch('a', ANNE);
        topics.watch('a', BERT);
        topics.watch('b', BERT);

        topics.on_worker_gone(ANNE);
        assert_eq!(topics.watchers('a').collect::<Vec<_>>(), [BERT]);
        assert_eq!(topics.close('a'), BTreeSet::from([BERT]));
        assert_eq!(topics.close('b'), BTreeSet::from([BERT]));

        assert_eq!((topics.keys().count(), topics.workers().count()), (0, 0));
    }
}
