//! Everything comes to an end.
//!
//! Owns: SIM-6. Does not own: the reason with which it ends (`stated_reason`).

use super::Rule;

/// The rule.
pub(crate) const RULE: Rule = Rule {
    id: "SIM-6",
    sentence: "After the last fault every program ends, and then nothing more happens by itself.",
};
