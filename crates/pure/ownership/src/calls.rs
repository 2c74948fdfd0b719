//! The order of calls to actors, across their restarts, as one caller sees it.
//!
//! Owns: for each actor, whether it can be reached, which calls wait and which were sent.
//! Does not own: what the calls are (`tasks`), or the actors' lives (`control::actors`).

use std::collections::VecDeque;
use std::sync::Arc;

use types::{ActorId, Failure, Map, TaskId, WorkerId};

/// The calls of one caller.
#[derive(Debug, Default)]
pub struct Calls {
    lines: Map<ActorId, Line>,
}

/// Whether an actor can be called.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Reach {
    /// Not now: it is not made yet, or is being made again.
    #[default]
    NotYet,
    /// It takes calls.
    Alive {
        /// Its process.
        worker: WorkerId,
        /// Counted from 0 at each restart.
        incarnation: u32,
    },
    /// Never again.
    Dead(Arc<Failure>),
}

#[derive(Debug, Default)]
struct Line {
    reach: Reach,
    /// Calls do not overtake each other.
    ordered: bool,
    waiting: VecDeque<TaskId>,
    sent: Map<TaskId, u64>,
    sent_count: u64,
}

impl Calls {
    /// Whether the actor is known here.
    #[must_use]
    pub fn is_known(&self, actor: ActorId) -> bool {
        self.lines.contains_key(&actor)
    }

    /// From now on the actor is known, though not yet reached.
    pub fn watch(&mut self, actor: ActorId) {
        self.lines.entry(actor).or_default();
    }

    /// Whether the actor can be called.
    #[must_use]
    pub fn reach(&self, actor: ActorId) -> Option<&Reach> {
        self.lines.get(&actor).map(|line| &line.reach)
    }

    /// A call was made, whose arguments may not be ready; `ordered` is the same for all calls of an actor.
    pub fn call(&mut self, actor: ActorId, task: TaskId, ordered: bool) {
        let line = self.lines.entry(actor).or_default();
        line.ordered = ordered;
        line.waiting.push_back(task);
    }

    /// The calls that may go out now, in order, and where to; only those whose arguments have values are `ready`.
    pub fn take_sendable(
        &mut self,
        actor: ActorId,
        ready: impl Fn(TaskId) -> bool,
    ) -> Option<(WorkerId, Vec<TaskId>)> {
        let line = self.lines.get_mut(&actor)?;
        let Reach::Alive { worker, .. } = line.reach else {
            return None;
        };
        let tasks: Vec<TaskId> = if line.ordered {
            let count = line.waiting.iter().take_while(|task| ready(**task)).count();
            line.waiting.drain(..count).collect()
        } else {
            let waiting = std::mem::take(&mut line.waiting).into_iter();
            let (tasks, kept) = waiting.partition(|task| ready(*task));
            line.waiting = kept;
            Vec::from(tasks)
        };
        for task in &tasks {
            line.sent.insert(*task, line.sent_count);
            line.sent_count += 1;
        }
        (!tasks.is_empty()).then_some((worker, tasks))
    }

    /// A call ended, or will not be made.
    pub fn end(&mut self, actor: ActorId, task: TaskId) {
        if let Some(line) = self.lines.get_mut(&actor)
            && line.sent.remove(&task).is_none()
        {
            line.waiting.retain(|waiting| *waiting != task);
        }
    }

    /// The actor can be reached otherwise than before: the calls whose answers will not come, in order.
    pub fn on_change(&mut self, actor: ActorId, reach: Reach) -> Vec<TaskId> {
        let line = self.lines.entry(actor).or_default();
        let same = matches!((&line.reach, &reach), (Reach::Alive { incarnation: old, .. }, Reach::Alive { incarnation: new, .. }) if old == new);
        line.reach = reach;
        if same {
            return Vec::new();
        }
        let mut unanswered: Vec<_> = line.sent.drain().collect();
        unanswered.sort_unstable_by_key(|(_, order)| *order);
        let mut tasks: Vec<_> = unanswered.into_iter().map(|(task, _)| task).collect();
        if matches!(line.reach, Reach::Dead(_)) {
            tasks.extend(line.waiting.drain(..));
        }
        tasks
    }

    /// Calls that are made again, in order, before all others.
    pub fn again(&mut self, actor: ActorId, tasks: &[TaskId]) {
        let line = self.lines.entry(actor).or_default();
        for task in tasks.iter().rev() {
            line.waiting.push_front(*task);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::ops::Range;

    use types::{JobId, NodeId};

    use super::*;

    const WORKER: WorkerId = WorkerId { node: NodeId(1), number: 2 };

    fn alive(incarnation: u32) -> Reach {
        Reach::Alive { worker: WORKER, incarnation }
    }

    fn actor() -> ActorId {
        ActorId::new(WORKER, 1, JobId(1))
    }

    fn call(count: u64) -> TaskId {
        TaskId::call(actor(), WORKER, count)
    }

    #[test]
    fn an_ordered_call_that_waits_for_arguments_holds_back_those_behind_it() {
        let mut calls = with_calls(1..4, true);

        assert_eq!(sendable(&mut calls, |task| task != call(2)), Some((WORKER, vec![call(1)])));
        assert_eq!(sendable(&mut calls, |task| task != call(2)), None);
        assert_eq!(sendable(&mut calls, |_| true), Some((WORKER, vec![call(2), call(3)])));
    }

    #[test]
    fn an_unordered_call_that_waits_holds_back_nothing() {
        let mut calls = with_calls(1..3, false);

        assert_eq!(sendable(&mut calls, |task| task != call(1)), Some((WORKER, vec![call(2)])));
    }

    #[test]
    fn calls_without_an_answer_come_back_in_order_and_go_first_after_a_restart() {
        let mut calls = with_calls(1..4, true);
        sendable(&mut calls, |_| true);
        calls.end(actor(), call(1));
        calls.call(actor(), call(4), true);

        let unanswered = calls.on_change(actor(), Reach::NotYet);
        assert_eq!(unanswered, [call(2), call(3)]);
        calls.again(actor(), &unanswered);
        assert!(calls.on_change(actor(), alive(1)).is_empty());

        let all = Some((WORKER, vec![call(2), call(3), call(4)]));
        assert_eq!(sendable(&mut calls, |_| true), all);
    }

    fn with_calls(counts: Range<u64>, ordered: bool) -> Calls {
        let mut calls = Calls::default();
        calls.on_change(actor(), alive(0));
        counts.for_each(|count| calls.call(actor(), call(count), ordered));
        calls
    }

    fn sendable(
        calls: &mut Calls,
        ready: impl Fn(TaskId) -> bool,
    ) -> Option<(WorkerId, Vec<TaskId>)> {
        calls.take_sendable(actor(), ready)
    }
}
