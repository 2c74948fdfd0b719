//! Maps and sets with a fixed hasher: the same run twice is the same run.
//!
//! Owns: which hasher. Does not own: an order; code whose effects depend on order sorts or uses a `BTreeMap`.

use std::hash::BuildHasherDefault;

use rustc_hash::FxHasher;

/// A hash map with a fixed hasher. Its keys are made by aktis itself, never by strangers.
#[expect(clippy::disallowed_types, reason = "this is the replacement that the ban names")]
pub type Map<K, V> = std::collections::HashMap<K, V, BuildHasherDefault<FxHasher>>;

/// A hash set with a fixed hasher.
#[expect(clippy::disallowed_types, reason = "this is the replacement that the ban names")]
pub type Set<K> = std::collections::HashSet<K, BuildHasherDefault<FxHasher>>;
