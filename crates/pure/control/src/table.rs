//! Bytes by namespace and name.
//!
//! Owns: the values, and the limit on the bytes of all. Does not own: what they mean.

use std::collections::BTreeMap;
use std::ops::Bound;

use types::{Failure, Payload};

/// The key-value table.
#[derive(Debug)]
pub struct Table {
    namespaces: BTreeMap<String, BTreeMap<Vec<u8>, Payload>>,
    bytes: usize,
    bytes_max: usize,
}

impl Table {
    /// An empty table that holds at most `bytes_max` bytes of names and values.
    #[must_use]
    pub const fn new(bytes_max: usize) -> Self {
        Self { namespaces: BTreeMap::new(), bytes: 0, bytes_max }
    }

    /// The value of a key.
    #[must_use]
    pub fn get(&self, namespace: &str, name: &[u8]) -> Option<&Payload> {
        self.namespaces.get(namespace)?.get(name)
    }

    /// Sets the value of a key, unless there is one and it may not be overwritten: whether the key is new.
    ///
    /// # Errors
    /// If the table would hold too much; nothing changed.
    pub fn put(
        &mut self,
        namespace: &str,
        name: Vec<u8>,
        value: Payload,
        overwrite: bool,
    ) -> Result<bool, Failure> {
        let old = self.get(namespace, &name).map(|value| name.len() + value.len());
        if old.is_some() && !overwrite {
            return Ok(false);
        }
        let bytes = self.bytes - old.unwrap_or(0) + name.len() + value.len();
        if bytes > self.bytes_max {
            let text = format!("the key-value table holds at most {} bytes", self.bytes_max);
            return Err(Failure::StoreFull(text));
        }
        self.bytes = bytes;
        self.namespaces.entry(namespace.to_owned()).or_default().insert(name, value);
        Ok(old.is_none())
    }

    /// Removes a key, or all keys that begin with it: how many.
    pub fn delete(&mut self, namespace: &str, name: &[u8], prefix: bool) -> u64 {
        let names = if prefix { self.names(namespace, name) } else { vec![name.to_vec()] };
        let Some(keys) = self.namespaces.get_mut(namespace) else {
            return 0;
        };
        let mut removed = 0;
        for name in names {
            if let Some(value) = keys.remove(&name) {
                self.bytes -= name.len() + value.len();
                removed += 1;
            }
        }
        if keys.is_empty() {
            self.namespaces.remove(namespace);
        }
        removed
    }

    /// The names of a namespace that begin so, in order.
    #[must_use]
    pub fn names(&self, namespace: &str, prefix: &[u8]) -> Vec<Vec<u8>> {
        let Some(keys) = self.namespaces.get(namespace) else {
            return Vec::new();
        };
        let from = (Bound::Included(prefix), Bound::Unbounded);
        let begun = keys.range::<[u8], _>(from).take_while(|(name, _)| name.starts_with(prefix));
        begun.map(|(name, _)| name.clone()).collect()
    }

    /// Panics unless every rule that this machine alone can see holds.
    pub fn check(&self) {
        let entries = self.namespaces.values().flatten();
        let bytes: usize = entries.map(|(name, value)| name.len() + value.len()).sum();
        assert_eq!(self.bytes, bytes, "CTL-11: the table's bytes are counted wrongly");
        assert!(bytes <= self.bytes_max, "CTL-11: the table holds {bytes} bytes");
    }
}
