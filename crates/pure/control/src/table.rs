//! Bytes by namespace and name.
//!
//! Owns: the values, and the limit on the bytes of all. Does not own: what they mean.

use std::collections::BTreeMap;

use types::{Failure, Key, Payload};

/// The key-value table.
#[derive(Debug)]
pub struct Table {
    values: BTreeMap<Key, Payload>,
    bytes: usize,
    bytes_max: usize,
}

impl Table {
    /// An empty table that holds at most `bytes_max` bytes of names and values.
    #[must_use]
    pub const fn new(bytes_max: usize) -> Self {
        Self { values: BTreeMap::new(), bytes: 0, bytes_max }
    }

    /// The value of a key.
    #[must_use]
    pub fn get(&self, key: &Key) -> Option<&Payload> {
        self.values.get(key)
    }

    /// Sets the value of a key, unless there is one and it may not be overwritten: whether the key is new.
    ///
    /// # Errors
    /// If the table would hold too much; nothing changed.
    pub fn put(&mut self, key: Key, value: Payload, overwrite: bool) -> Result<bool, Failure> {
        let old = self.get(&key).map(|value| bytes_of(&key, value));
        if old.is_some() && !overwrite {
            return Ok(false);
        }
        let bytes = self.bytes - old.unwrap_or(0) + bytes_of(&key, &value);
        if bytes > self.bytes_max {
            let text = format!("the key-value table holds at most {} bytes", self.bytes_max);
            return Err(Failure::StoreFull(text));
        }
        self.bytes = bytes;
        self.values.insert(key, value);
        Ok(old.is_none())
    }

    /// Removes a key, or all keys that begin with it: how many.
    pub fn delete(&mut self, key: Key, prefix: bool) -> u64 {
        let keys = if prefix { self.keys(&key).cloned().collect() } else { vec![key] };
        let mut removed = 0;
        for key in keys {
            if let Some(value) = self.values.remove(&key) {
                self.bytes -= bytes_of(&key, &value);
                removed += 1;
            }
        }
        removed
    }

    /// The keys that begin so, in order.
    pub fn keys(&self, prefix: &Key) -> impl Iterator<Item = &Key> {
        self.values.range(prefix..).map(|(key, _)| key).take_while(|key| key.begins_with(prefix))
    }

    /// Panics unless every rule that this machine alone can see holds.
    pub fn check(&self) {
        let bytes: usize = self.values.iter().map(|(key, value)| bytes_of(key, value)).sum();
        assert_eq!(self.bytes, bytes, "CTL-11: the table's bytes are counted wrongly");
        assert!(bytes <= self.bytes_max, "CTL-11: the table holds {bytes} bytes");
    }
}

fn bytes_of(key: &Key, value: &Payload) -> usize {
    key.name.len() + value.len()
}
