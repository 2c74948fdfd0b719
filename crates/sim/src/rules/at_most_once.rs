//! An attempt begins once.
//!
//! Owns: SIM-5. Does not own: how many attempts there may be, which the owner counts.

use std::collections::BTreeSet;

use roles::worker::Execution;
use types::TaskId;

use super::{Rule, breach};

/// The rule.
pub(crate) const RULE: Rule = Rule {
    id: "SIM-5",
    sentence: "An attempt at a task begins at most once, so that a task without retries runs at most once.",
};

/// Which attempts began.
#[derive(Debug, Default)]
pub(super) struct Begun(BTreeSet<(TaskId, u32)>);

impl Begun {
    pub(super) fn on_begin(&mut self, execution: &Execution) {
        let (task, attempt) = (execution.task, execution.attempt);
        if !self.0.insert((task, attempt)) {
            breach(&RULE, format!("attempt {attempt} at {task} begins a second time"));
        }
    }
}
