//! The names of values in the key-value table.
//!
//! Owns: their form. Does not own: the values (`control::table`).

use serde::{Deserialize, Serialize};

/// A key of the key-value table.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Key {
    /// Its namespace.
    pub namespace: String,
    /// Its name there.
    pub name: Vec<u8>,
}

impl Key {
    /// Whether it is in the namespace of `prefix`, and its name begins with that.
    #[must_use]
    pub fn begins_with(&self, prefix: &Self) -> bool {
        self.namespace == prefix.namespace && self.name.starts_with(&prefix.name)
    }
}
