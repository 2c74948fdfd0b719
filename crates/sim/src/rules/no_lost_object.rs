//! An object that somebody can reach is there.
//!
//! Owns: SIM-1. Does not own: objects that end with a process that was ended.

use types::Failure;

use super::{Causes, Rule, breach};

/// The rule.
pub(crate) const RULE: Rule = Rule {
    id: "SIM-1",
    sentence: "No object is lost to who holds a ref to it, unless a process was ended by a fault.",
};

pub(super) fn check(causes: &Causes, failure: &Failure) {
    let lost = matches!(failure, Failure::ObjectLost(..) | Failure::ObjectFreed(_));
    if lost && !causes.harm && !causes.force {
        breach(&RULE, failure);
    }
}
