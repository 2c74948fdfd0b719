//! What is over and remembered for a while.
//!
//! Owns: the latest of what was, up to a limit. Does not own: what is told of it.

use std::collections::VecDeque;
use std::hash::Hash;

use crate::collections::Map;

/// The latest of what is over, by its id; the oldest is forgotten first.
#[derive(Debug)]
pub struct Memory<K, V> {
    kept: Map<K, V>,
    order: VecDeque<K>,
    max: usize,
}

impl<K: Hash + Eq + Copy, V> Memory<K, V> {
    /// Nothing, and room for `max`.
    #[must_use]
    pub fn new(max: usize) -> Self {
        Self { kept: Map::default(), order: VecDeque::new(), max }
    }

    /// Remembers one more, or something else of one that is remembered.
    pub fn remember(&mut self, key: K, value: V) {
        if self.kept.insert(key, value).is_none() {
            self.order.push_back(key);
        }
        if self.order.len() > self.max
            && let Some(oldest) = self.order.pop_front()
        {
            self.kept.remove(&oldest);
        }
    }

    /// It is not over any more.
    pub fn forget(&mut self, key: K) {
        if self.kept.remove(&key).is_some() {
            self.order.retain(|other| *other != key);
        }
    }

    /// What is remembered of it.
    #[must_use]
    pub fn get(&self, key: K) -> Option<&V> {
        self.kept.get(&key)
    }

    /// All that is remembered, the oldest first.
    pub fn iter(&self) -> impl Iterator<Item = (K, &V)> {
        self.order.iter().filter_map(|key| Some((*key, self.kept.get(key)?)))
    }
}
