//! An attempt begins once.
//!
//! Owns: SIM-5. Does not own: how many attempts there may be, which the owner counts.

use std::collections::BTreeSet;

use roles::worker::Execution;
use types::TaskId;

use super::{Causes, Rule, breach};

/// The rule.
pub(crate) const RULE: Rule = Rule {
    id: "SIM-5",
    sentence: "A task without retries begins at most once, and unless a process was ended by a fault so does every attempt.",
};

/// Which attempts began.
#[derive(Debug, Default)]
pub(super) struct Begun(BTreeSet<(TaskId, u32)>);

impl Begun {
    pub(super) fn on_begin(&mut self, causes: &Causes, execution: &Execution) {
        let (task, attempt) = (execution.task, execution.attempt);
        let again = !self.0.insert((task, attempt));
        // What a killed process said last may be lost, and with it that a task had begun.
        let may_be_unknown =
            (causes.harm || causes.force) && execution.template.retries.max != Some(0);
        if again && !may_be_unknown {
            breach(&RULE, format!("attempt {attempt} at {task} begins a second time"));
        }
    }
}
