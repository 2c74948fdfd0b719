//! What came to this process to be run: by concurrency group, waiting or running.
//!
//! Owns: queues, limits, and what runs since when.
//! Does not own: what arrivals and ends lead to (`executing`, `blocking`).

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use types::limits::{INTERRUPT_GRACE, STUCK_BEHIND};
use types::{
    ActorId, Assignment, Called, Callee, FunctionId, LeaseId, Map, ObjectId, Ref, Stage, TaskId,
    TaskInfo, Template, Timestamp, WorkerId,
};
use wire::to_worker::Dependency;

use super::reading::Pins;
use super::{Execution, Interrupt};

/// What a worker does for others.
#[derive(Debug)]
pub(super) struct Inbox {
    groups: BTreeMap<String, Group>,
    running: BTreeMap<TaskId, Running>,
    pub(super) actor: Option<Hosted>,
    calls_made: Map<FunctionId, u32>,
    pub(super) leaving: Option<Leaving>,
}

/// That this process is to end.
#[derive(Debug, Clone, Copy)]
pub(super) struct Leaving {
    /// Why.
    pub(super) reason: &'static str,
    /// It does not end as long as others need what it owns.
    pub(super) stays_for_others: bool,
}

/// Tasks that share a limit.
#[derive(Debug)]
struct Group {
    limit: u32,
    /// Those that run and do not wait: what resumed meanwhile may exceed the limit.
    busy: u32,
    waiting: VecDeque<Incoming>,
}

/// A task that has not begun.
#[derive(Debug)]
pub(super) struct Incoming {
    /// The lease it came on; calls and constructors come on none.
    pub(super) lease: Option<LeaseId>,
    /// Its arguments that are refs.
    pub(super) dependencies: Vec<Dependency>,
    /// It without those.
    pub(super) execution: Box<Execution>,
}

/// A task that has begun.
#[derive(Debug)]
pub(super) struct Running {
    pub(super) owner: WorkerId,
    pub(super) attempt: u32,
    pub(super) lease: Option<LeaseId>,
    pub(super) template: Arc<Template>,
    /// How many threads wait on its behalf.
    pub(super) waits: u32,
    /// A wait that lasts.
    pub(super) stuck: Option<Stuck>,
    pub(super) began: Timestamp,
    pub(super) interrupted: Option<(Interrupt, Timestamp)>,
}

/// What time does to a running task.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Due {
    /// What waits behind it goes back.
    HandBack,
    /// Its time is over.
    Interrupt,
    /// It ignored the end of its time.
    Force,
}

/// A wait of a running task that lasts: its number, and what is missing.
#[derive(Debug)]
pub(super) struct Stuck {
    pub(super) wait: u64,
    pub(super) refs: Vec<Ref>,
}

/// The actor that lives in this process.
#[derive(Debug)]
pub(super) struct Hosted {
    pub(super) actor: ActorId,
    /// What it holds.
    pub(super) assignment: Assignment,
    /// Its last handle went.
    pub(super) retiring: bool,
    /// Calls of one caller start in the order in which they were made.
    pub(super) ordered: bool,
}

impl Default for Inbox {
    fn default() -> Self {
        let only = Group { limit: 1, busy: 0, waiting: VecDeque::new() };
        Self {
            groups: BTreeMap::from([(String::new(), only)]),
            running: BTreeMap::new(),
            actor: None,
            calls_made: Map::default(),
            leaving: None,
        }
    }
}

impl Inbox {
    /// An actor with these limits by group will live here.
    pub(super) fn host(&mut self, hosted: Hosted, limits: impl Iterator<Item = (String, u32)>) {
        self.actor = Some(hosted);
        for (name, limit) in limits {
            self.groups.insert(name, Group { limit, busy: 0, waiting: VecDeque::new() });
        }
    }

    /// A task waits to begin.
    pub(super) fn push(&mut self, incoming: Incoming) {
        let group = self.group(&Arc::clone(&incoming.execution.template));
        group.waiting.push_back(incoming);
    }

    /// The next task that may begin, which then counts as busy.
    pub(super) fn next(&mut self, pins: &Pins) -> Option<Incoming> {
        if self.is_closed() {
            return None;
        }
        let ordered = self.actor.as_ref().is_none_or(|hosted| hosted.ordered);
        self.groups.values_mut().find_map(|group| group.next(ordered, pins))
    }

    /// A task begins.
    pub(super) fn begin(&mut self, execution: &Execution, lease: Option<LeaseId>, now: Timestamp) {
        let running = Running {
            owner: execution.owner,
            attempt: execution.attempt,
            lease,
            template: Arc::clone(&execution.template),
            waits: 0,
            stuck: None,
            began: now,
            interrupted: None,
        };
        self.running.insert(execution.task, running);
    }

    /// The user's code of a task ended.
    pub(super) fn end(&mut self, task: TaskId) -> Option<Running> {
        let running = self.running.remove(&task)?;
        self.group(&running.template).busy -= 1;
        Some(running)
    }

    /// One more call was made: whether it is the last of its function here.
    pub(super) fn made_last_call(&mut self, template: &Template) -> bool {
        if template.calls_max == 0 {
            return false;
        }
        let made = self.calls_made.entry(template.function).or_insert(0);
        *made += 1;
        *made >= template.calls_max
    }

    /// What the actor here holds.
    pub(super) fn assignment(&self) -> Assignment {
        self.actor.as_ref().map(|hosted| hosted.assignment.clone()).unwrap_or_default()
    }

    /// A thread waits on behalf of a task of a lease: that lease, unless another one does so already.
    pub(super) fn wait(&mut self, task: TaskId) -> Option<LeaseId> {
        let running = self.running.get_mut(&task)?;
        let lease = running.lease?;
        running.waits += 1;
        if running.waits > 1 {
            return None;
        }
        self.default_group().busy -= 1;
        Some(lease)
    }

    /// It goes on: the lease, if no other one waits.
    pub(super) fn go_on(&mut self, task: TaskId) -> Option<LeaseId> {
        let running = self.running.get_mut(&task)?;
        running.stuck = None;
        let lease = running.lease?;
        running.waits =
            running.waits.checked_sub(1).expect("OWN-14: a thread waits before it goes on");
        if running.waits > 0 {
            return None;
        }
        self.default_group().busy += 1;
        Some(lease)
    }

    /// Whether tasks of a lease may come: not while one of it waits.
    pub(super) fn takes(&self, lease: LeaseId) -> bool {
        let waits = |running: &Running| running.waits > 0 && running.lease == Some(lease);
        !self.is_closed() && !self.running.values().any(waits)
    }

    /// Whether nothing begins any more. Whoever waits may wait for what would begin.
    fn is_closed(&self) -> bool {
        self.leaving.is_some() && self.running.values().all(|running| running.waits == 0)
    }

    /// A task that runs.
    pub(super) fn running(&mut self, task: TaskId) -> Option<&mut Running> {
        self.running.get_mut(&task)
    }

    /// The task is over, though it has not ended.
    pub(super) fn forget(&mut self, task: TaskId) -> Option<Running> {
        self.running.remove(&task)
    }

    /// Who awaits a task that runs here.
    pub(super) fn owner_of(&self, task: TaskId) -> Option<WorkerId> {
        self.running.get(&task).map(|running| running.owner)
    }

    /// A call that cannot begin before one of those ends that run, since they have all threads of its group.
    pub(super) fn behind(&self, task: TaskId, pins: &Pins) -> Option<(&Incoming, Vec<TaskId>)> {
        let (name, group, incoming) = self.groups.iter().find_map(|(name, group)| {
            let found = group.waiting.iter().find(|incoming| incoming.execution.task == task)?;
            Some((name, group, found))
        })?;
        let full = group.busy >= group.limit && incoming.missing(pins) == 0;
        let holds = |running: &Running| self.name_of_group(&running.template) == name;
        (full && self.actor.is_some() && self.leaving.is_none())
            .then(|| (incoming, self.running_that(holds)))
    }

    /// Takes at most `count` tasks that have not begun and that `gives` lets go, from the end, in order.
    pub(super) fn take_back(
        &mut self,
        count: usize,
        gives: impl Fn(&Incoming) -> bool,
    ) -> Vec<Incoming> {
        let mut taken = Vec::new();
        for group in self.groups.values_mut() {
            let given: Vec<usize> = (0..group.waiting.len())
                .rev()
                .filter(|at| gives(&group.waiting[*at]))
                .take(count - taken.len())
                .collect();
            taken.extend(given.into_iter().filter_map(|at| group.waiting.remove(at)));
        }
        taken.reverse();
        taken
    }

    /// Those tasks that run and that `concern` somebody.
    pub(super) fn running_that(&self, concern: impl Fn(&Running) -> bool) -> Vec<TaskId> {
        let concerning = self.running.iter().filter(|(_, running)| concern(running));
        concerning.map(|(task, _)| *task).collect()
    }

    /// What runs and what waits, for people.
    pub(super) fn tasks(&self, pins: &Pins) -> impl Iterator<Item = TaskInfo> {
        let running = self.running.iter().map(|(task, running)| {
            let Running { attempt, template, began, waits, .. } = running;
            let stage = Stage::Running { began: began.since(Timestamp::ZERO), waits: *waits > 0 };
            let called = Called::new(*task, *attempt, None, template);
            TaskInfo { name: template.name.clone(), called, stage }
        });
        let waiting = self.groups.values().flat_map(|group| &group.waiting).map(|incoming| {
            let Execution { task, attempt, template, .. } = &*incoming.execution;
            let stage = Stage::Arrived(incoming.missing(pins));
            let called = Called::new(*task, *attempt, None, template);
            TaskInfo { name: template.name.clone(), called, stage }
        });
        running.chain(waiting)
    }

    /// The actor that a task makes here.
    pub(super) fn constructor_of(&self, task: TaskId) -> Option<ActorId> {
        self.actor
            .as_ref()
            .map(|hosted| hosted.actor)
            .filter(|actor| TaskId::creation(*actor) == task)
    }

    /// Whether nothing runs.
    pub(super) fn runs_nothing(&self) -> bool {
        self.running.is_empty()
    }

    /// Whether nothing waits either.
    pub(super) fn is_idle(&self) -> bool {
        self.running.is_empty() && self.groups.values().all(|group| group.waiting.is_empty())
    }

    /// Whether tasks of a lease wait behind one that runs.
    fn tasks_wait(&self) -> bool {
        self.actor.is_none() && self.groups.values().any(|group| !group.waiting.is_empty())
    }

    /// When something is due.
    pub(super) fn next_deadline(&self) -> Option<Timestamp> {
        let behind = self.tasks_wait();
        self.running.values().filter_map(|running| Some(running.next_due(behind)?.0)).min()
    }

    /// What is due now, and to which tasks.
    pub(super) fn due(&self, now: Timestamp) -> Vec<(TaskId, Due)> {
        let behind = self.tasks_wait();
        let next = |(task, running): (&TaskId, &Running)| {
            let (at, due) = running.next_due(behind)?;
            (at <= now).then_some((*task, due))
        };
        self.running.iter().filter_map(next).collect()
    }

    fn group(&mut self, template: &Template) -> &mut Group {
        let name = self.name_of_group(template);
        self.groups.get_mut(name).expect("OWN-13: there is a default group")
    }

    fn name_of_group<'a>(&self, template: &'a Template) -> &'a str {
        match &template.callee {
            Callee::Method { group, .. } if self.groups.contains_key(group) => group,
            Callee::Method { .. } | Callee::Function | Callee::Constructor => "",
        }
    }

    fn default_group(&mut self) -> &mut Group {
        self.groups.get_mut("").expect("OWN-13: there is a default group")
    }

    /// Panics unless the limits hold.
    pub(super) fn check(&self) {
        for (name, group) in &self.groups {
            assert!(
                group.busy <= group.limit || self.actor.is_none(),
                "OWN-13: no more calls run in group {name:?} than its limit"
            );
        }
    }
}

impl Group {
    fn next(&mut self, ordered: bool, pins: &Pins) -> Option<Incoming> {
        if self.busy >= self.limit {
            return None;
        }
        let candidates = if ordered { 1 } else { self.waiting.len() };
        let mut candidates = self.waiting.iter().take(candidates);
        let position = candidates.position(|incoming| incoming.missing(pins) == 0)?;
        let incoming = self.waiting.remove(position)?;
        self.busy += 1;
        Some(incoming)
    }
}

impl Incoming {
    /// Its large arguments.
    pub(super) fn large(&self) -> impl Iterator<Item = ObjectId> {
        let large = self.dependencies.iter().filter(|argument| argument.stored.value.is_shared());
        large.map(|argument| argument.object)
    }

    /// How many of them cannot be read yet.
    fn missing(&self, pins: &Pins) -> u32 {
        let ready = |object| pins.get(&object).is_some_and(|pin| pin.content().is_some());
        self.large().filter(|object| !ready(*object)).count() as u32
    }
}

impl Running {
    fn next_due(&self, behind: bool) -> Option<(Timestamp, Due)> {
        let stuck = behind && self.waits == 0;
        let stuck = stuck.then(|| (self.began + STUCK_BEHIND, Due::HandBack));
        let timeout = match (self.interrupted, self.template.timeout) {
            (Some((Interrupt::TimedOut, at)), _) => Some((at + INTERRUPT_GRACE, Due::Force)),
            (Some((Interrupt::Cancelled, _)), _) | (None, None) => None,
            (None, Some(timeout)) => Some((self.began + timeout, Due::Interrupt)),
        };
        [stuck, timeout].into_iter().flatten().min()
    }
}
