//! Calls of one caller begin in the order in which they were made.
//!
//! Owns: SIM-4. Does not own: actors that were made without that promise.

use std::collections::BTreeMap;

use roles::worker::Execution;
use types::{Callee, TaskId, TaskSpec, WorkerId};

use super::{Rule, breach};

/// The rule.
pub(crate) const RULE: Rule = Rule {
    id: "SIM-4",
    sentence: "In one life of an actor, ordered calls of one caller begin in the order in which they were made.",
};

/// Calls by the order in which they were made.
#[derive(Debug, Default)]
pub(super) struct Order {
    made: BTreeMap<TaskId, u64>,
    /// The last call that began, by the actor's process and the caller.
    last: BTreeMap<(WorkerId, WorkerId), u64>,
}

impl Order {
    pub(super) fn on_submit(&mut self, _caller: WorkerId, spec: &TaskSpec) {
        if matches!(spec.template.callee, Callee::Method { ordered: true, .. }) {
            self.made.insert(spec.id, self.made.len() as u64 + 1);
        }
    }

    pub(super) fn on_begin(&mut self, worker: WorkerId, execution: &Execution) {
        let Some(made) = self.made.get(&execution.task).copied() else { return };
        let before = self.last.insert((worker, execution.owner), made);
        if before.is_some_and(|before| before >= made) {
            breach(&RULE, format!("{} begins after a later call in {worker}", execution.task));
        }
    }
}
