//! What must be true of a whole run, one rule in a file.
//!
//! Owns: the list, and what the rules remember of a run. Does not own: the rules of single roles, which assert
//! themselves. `docs/simulation.md` states the same rules.

pub(crate) mod actor_order;
pub(crate) mod at_most_once;
pub(crate) mod everything_ends;
pub(crate) mod no_leak;
pub(crate) mod no_lost_object;
pub(crate) mod resources_conserved;
pub(crate) mod right_bytes;
pub(crate) mod right_result;
pub(crate) mod stated_reason;

use std::collections::BTreeSet;
use std::fmt::Display;

use roles::worker::Execution;
use types::{ActorEnd, Failure, TaskSpec, WorkerId};

use crate::reference::Expected;

/// A rule of correctness that only the whole world can see.
#[derive(Debug)]
pub struct Rule {
    /// Its id.
    pub id: &'static str,
    /// What it says.
    pub sentence: &'static str,
}

/// All rules.
pub const RULES: [&Rule; 9] = [
    &no_lost_object::RULE,
    &no_leak::RULE,
    &resources_conserved::RULE,
    &actor_order::RULE,
    &at_most_once::RULE,
    &everything_ends::RULE,
    &right_bytes::RULE,
    &right_result::RULE,
    &stated_reason::RULE,
];

/// A rule does not hold: the run ends here.
pub(crate) fn breach(rule: &Rule, what: impl Display) -> ! {
    panic!("{}: {} But {what}", rule.id, rule.sentence)
}

/// What happened in a run, as far as failures follow from it.
#[derive(Debug, Default)]
pub(crate) struct Causes {
    /// Nothing in the program cancels, kills, times out or leaves.
    pub(crate) calm: bool,
    /// Actors may wait for each other.
    pub(crate) circular: bool,
    /// The arena is small.
    pub(crate) tight: bool,
    /// Processes were killed, or did not start.
    pub(crate) harm: bool,
    /// The disk was full.
    pub(crate) disk_full: bool,
    /// An argument of an actor's constructor failed, or an actor that retired took along what others held.
    pub(crate) actor_trouble: bool,
    /// Actors whose last handle went, by their processes.
    pub(crate) retired: BTreeSet<WorkerId>,
    /// Tasks were cancelled.
    pub(crate) cancels: bool,
    /// Processes were ended for the sake of a task.
    pub(crate) force: bool,
}

/// What the rules remember.
#[derive(Debug)]
pub(crate) struct Observed {
    pub(crate) causes: Causes,
    pub(crate) roots_ended: usize,
    expected: Expected,
    begun: at_most_once::Begun,
    order: actor_order::Order,
}

impl Observed {
    pub(crate) fn new(causes: Causes, expected: Expected) -> Self {
        let (begun, order) = (at_most_once::Begun::default(), actor_order::Order::default());
        Self { causes, roots_ended: 0, expected, begun, order }
    }

    pub(crate) fn on_submit(&mut self, caller: WorkerId, spec: &TaskSpec) {
        self.order.on_submit(caller, spec);
    }

    pub(crate) fn on_begin(&mut self, worker: WorkerId, execution: &Execution) {
        self.begun.on_begin(&self.causes, execution);
        self.order.on_begin(worker, execution);
    }

    pub(crate) fn on_retired(&mut self, actor: WorkerId) {
        self.causes.retired.insert(actor);
    }

    pub(crate) fn on_force(&mut self) {
        self.causes.force = true;
    }

    pub(crate) fn on_cancel(&mut self, force: bool) {
        self.causes.cancels = true;
        self.causes.force |= force;
    }

    pub(crate) fn on_failure(&mut self, failure: &Failure, quiet: bool) {
        let retired = &self.causes.retired;
        self.causes.actor_trouble |= matches!(failure, Failure::ActorDied(_, ActorEnd::NotMade(_)))
            || matches!(failure, Failure::OwnerDied(_, owner) if retired.contains(owner));
        no_lost_object::check(&self.causes, failure);
        stated_reason::check(&self.causes, failure, quiet);
    }

    pub(crate) fn on_result(&self, path: u64, index: usize, number: u64, tainted: bool) {
        right_result::check(&self.expected, (path, index), number, tainted);
    }

    pub(crate) fn on_root_ended(&mut self, driver: usize, path: u64, number: u64, tainted: bool) {
        self.roots_ended += 1;
        right_result::check(&self.expected, (path, 0), number, tainted);
        right_result::check_untouched(&self.causes, driver, tainted);
    }
}
