//! What is over and remembered for a while.
//!
//! Owns: the latest of what was, up to a limit. Does not own: what is told of it (`actors`, `groups`).

use std::collections::{BTreeMap, VecDeque};

/// The latest of what is over, by its id; the oldest is forgotten first.
#[derive(Debug)]
pub struct Memory<K, V> {
    kept: BTreeMap<K, V>,
    order: VecDeque<K>,
    max: usize,
}

impl<K: Ord + Copy, V> Memory<K, V> {
    /// Nothing, and room for `max`.
    #[must_use]
    pub const fn new(max: usize) -> Self {
        Self { kept: BTreeMap::new(), order: VecDeque::new(), max }
    }

    /// Remembers one more.
    pub fn remember(&mut self, key: K, value: V) {
        self.kept.insert(key, value);
        self.order.push_back(key);
        if self.order.len() > self.max
            && let Some(forgotten) = self.order.pop_front()
        {
            self.kept.remove(&forgotten);
        }
    }

    /// What is remembered under this id.
    #[must_use]
    pub fn get(&self, key: K) -> Option<&V> {
        self.kept.get(&key)
    }

    /// All that is remembered, by ids.
    pub fn iter(&self) -> impl Iterator<Item = (K, &V)> {
        self.kept.iter().map(|(key, value)| (*key, value))
    }
}
