//! Who is told of which change.
//!
//! Owns: the processes that watch each thing. Does not own: what there is to tell (`actors`, `groups`).

use std::collections::BTreeSet;

use types::{NodeId, WorkerId};

/// The watchers of each thing of one kind.
#[derive(Debug)]
pub struct Topics<K>(BTreeSet<(K, WorkerId)>);

impl<K: Ord + Copy> Topics<K> {
    /// From now on `worker` watches `key`.
    pub fn watch(&mut self, key: K, worker: WorkerId) {
        self.0.insert((key, worker));
    }

    /// Who watches `key`, by their ids.
    pub fn watchers(&self, key: K) -> impl Iterator<Item = WorkerId> {
        let first = WorkerId { node: NodeId(0), number: 0 };
        let of_key = self.0.range((key, first)..).take_while(move |(other, _)| *other == key);
        of_key.map(|(_, worker)| *worker)
    }

    /// Nothing further will be told of `key`: who watched it.
    pub fn close(&mut self, key: K) -> BTreeSet<WorkerId> {
        let watchers: BTreeSet<WorkerId> = self.watchers(key).collect();
        for worker in &watchers {
            self.0.remove(&(key, *worker));
        }
        watchers
    }

    /// A process is gone and watches nothing any more.
    pub fn on_worker_gone(&mut self, worker: WorkerId) {
        self.0.retain(|(_, watcher)| *watcher != worker);
    }

    /// What is watched, and by whom.
    pub fn iter(&self) -> impl Iterator<Item = (K, WorkerId)> {
        self.0.iter().copied()
    }
}

impl<K> Default for Topics<K> {
    fn default() -> Self {
        Self(BTreeSet::new())
    }
}
