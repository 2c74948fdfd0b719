//! What was taken is given back.
//!
//! Owns: SIM-3. Does not own: what is held meanwhile, which the node asserts.

use types::Resources;

use super::{Rule, breach};

/// The rule.
pub(crate) const RULE: Rule =
    Rule { id: "SIM-3", sentence: "When nothing runs, every resource of the node is free." };

pub(crate) fn check(free: &Resources, total: &Resources) {
    if free != total {
        breach(&RULE, format!("{free} of {total} is free"));
    }
}
