//! What nobody can reach is gone.
//!
//! Owns: SIM-2. Does not own: resources (`resources_conserved`).

use super::Rule;

/// The rule.
pub(crate) const RULE: Rule = Rule {
    id: "SIM-2",
    sentence: "When all programs dropped their refs, no process knows an object or a task, and memory and disk are empty.",
};
