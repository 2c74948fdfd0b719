//! Results are those of the same program on one thread.
//!
//! Owns: SIM-8. Does not own: that model (`reference`).

use super::{Causes, Rule, breach};
use crate::reference::Expected;

/// The rule.
pub(crate) const RULE: Rule = Rule {
    id: "SIM-8",
    sentence: "A result that no failure went into is that of the same program on one thread.",
};

pub(super) fn check(expected: &Expected, place: (u64, usize), number: u64, tainted: bool) {
    // What follows from looking up an actor by its name depends on when, so the model does not do it.
    let expected = expected.get(&place).copied().unwrap_or(number);
    if !tainted && expected != number {
        let (path, index) = place;
        breach(&RULE, format!("result {index} of the call at path {path} is {number} instead"));
    }
}

pub(super) fn check_untouched(causes: &Causes, driver: usize, tainted: bool) {
    let troubled =
        causes.harm || causes.circular || causes.tight || causes.disk_full || causes.actor_trouble;
    if tainted && causes.calm && !troubled {
        breach(&RULE, format!("the program of driver {driver} met a failure though none was made"));
    }
}
