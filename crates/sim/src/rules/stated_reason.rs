//! Nothing fails without a reason that was in the run.
//!
//! Owns: SIM-9. Does not own: lost objects (`no_lost_object`).

use types::{ActorEnd, Failure};

use super::{Causes, Rule, breach};

/// The rule.
pub(crate) const RULE: Rule =
    Rule { id: "SIM-9", sentence: "A failure names a cause that was in the run." };

pub(super) fn check(causes: &Causes, failure: &Failure, quiet: bool) {
    let violent = causes.harm || !causes.calm;
    let has_cause = match failure {
        Failure::Raised { error, .. } => !error.is_empty() || violent,
        Failure::Cancelled(_) => causes.cancels || causes.harm,
        Failure::OwnerDied(_, owner) => violent || causes.retired.contains(owner),
        Failure::ActorDied(_, ActorEnd::Unreachable) => quiet || violent,
        Failure::ActorDied(_, ActorEnd::NotMade(failure)) => return check(causes, failure, quiet),
        Failure::TimedOut { .. }
        | Failure::WorkerCrashed { .. }
        | Failure::ActorDied(..)
        | Failure::ActorUnavailable(..)
        | Failure::GroupRemoved(_) => violent,
        Failure::ObjectLost(..) => causes.harm || causes.force,
        Failure::Deadlock(_) => causes.circular,
        Failure::StoreFull(_) => causes.tight,
        Failure::OutOfDisk(_) => causes.disk_full,
        Failure::Unschedulable(_) | Failure::EnvironmentFailed(_) => causes.harm,
        Failure::ObjectFreed(_) | Failure::LocalNodeDied(_) | Failure::StreamChanged(_) => false,
    };
    if !has_cause {
        breach(&RULE, failure);
    }
}
