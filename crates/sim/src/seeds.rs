//! Seeds that once broke a rule.
//!
//! Owns: how `seeds.txt` is read. Does not own: what they found, which its lines say.

/// The seeds, in the order of the file.
#[must_use]
pub fn remembered() -> Vec<u64> {
    let lines = include_str!("../seeds.txt").lines().filter(|line| !line.starts_with('#'));
    lines.filter_map(|line| line.split_whitespace().next()?.parse().ok()).collect()
}
