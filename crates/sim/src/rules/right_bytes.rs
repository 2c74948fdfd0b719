//! What is read is what was written.
//!
//! Owns: SIM-7. Does not own: which range is whose (`memory`).

use super::Rule;

/// The rule.
pub(crate) const RULE: Rule = Rule {
    id: "SIM-7",
    sentence: "As long as an object is read, its bytes are those that were written for it.",
};
