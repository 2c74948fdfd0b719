//! What happened, for people: kept only when somebody is going to read it.
//!
//! Owns: the lines. Does not own: when a run is repeated to get them (`lib`).

use std::collections::BTreeSet;
use std::fmt::Display;

use types::Timestamp;

/// The lines of a run.
#[derive(Debug, Default)]
pub(crate) struct Story {
    lines: Option<Vec<String>>,
}

impl Story {
    /// A story that is written down if `kept`.
    pub(crate) fn new(kept: bool) -> Self {
        Self { lines: kept.then(Vec::new) }
    }

    pub(crate) fn tell<D: Display>(
        &mut self,
        now: Timestamp,
        who: impl Display,
        what: impl FnOnce() -> D,
    ) {
        if let Some(lines) = &mut self.lines {
            let us = now.0 / 1000;
            lines.push(format!("{us:>9} us  {who}  {}", what()));
        }
    }

    pub(crate) const fn is_kept(&self) -> bool {
        self.lines.is_some()
    }

    pub(crate) fn into_lines(self) -> Vec<String> {
        self.lines.unwrap_or_default()
    }
}

/// The last `count` lines that touch an id that `failure` names; the last of all if it names none, or there are few.
pub(crate) fn about(failure: &str, lines: &[String], count: usize) -> Vec<String> {
    if lines.len() <= count {
        return lines.to_vec();
    }
    let ids = ids_in(failure);
    let touches = |line: &&String| ids.iter().any(|id| line.contains(id.as_str()));
    let mut told: Vec<String> = lines.iter().rev().filter(touches).take(count).cloned().collect();
    if told.is_empty() {
        told = lines.iter().rev().take(count).cloned().collect();
    }
    told.reverse();
    told
}

/// Tasks and actors are named by long hexadecimal numbers; an object begins with its task's.
fn ids_in(text: &str) -> BTreeSet<String> {
    let words = text.split(|letter: char| !letter.is_ascii_hexdigit());
    let ids =
        words.filter(|word| word.len() >= 32).map(|word| word[..word.len().min(48)].to_owned());
    ids.collect()
}
