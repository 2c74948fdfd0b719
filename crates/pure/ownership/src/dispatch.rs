//! Which of the queued tasks go to which leased worker now, and how many more workers would help.
//!
//! Owns: queues by shape, leases held, how long functions take.
//! Does not own: the work of one lease (`lease`), what the tasks are (`tasks`), or who grants leases (`scheduler`).
//!
//! A lease gets as many tasks as make about [`BURST`] of work by the durations seen so far: one for long or unknown
//! functions, hundreds for tiny ones. A task that must not run twice goes alone, so that a worker's end never leaves
//! in doubt whether it began.

mod lease;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use types::limits::{BURST, BURST_TASKS_MAX, LEASES_WANTED_MAX};
use types::{Assignment, Death, FunctionId, LeaseId, Map, Shape, TaskId, Timestamp, WorkerId};

use self::lease::{Lease, Queued};

/// A queue is worth taking back from a busy lease when an idle one could start this much earlier.
const RECALL_WORTH: Duration = Duration::from_micros(500);

/// The queues and leases of one owner.
#[derive(Debug, Default)]
pub struct Dispatch {
    lines: Vec<Line>,
    index: Map<Arc<Shape>, u32>,
    leases: BTreeMap<LeaseId, Lease>,
    durations: Map<FunctionId, Duration>,
}

/// Tasks that go to one worker together.
#[derive(Debug, PartialEq, Eq)]
pub struct Burst {
    /// The lease they run on.
    pub lease: LeaseId,
    /// Its worker.
    pub worker: WorkerId,
    /// What the lease holds.
    pub assignment: Assignment,
    /// The tasks, in order.
    pub tasks: Vec<TaskId>,
}

/// What the node should know of an owner's wish for workers.
#[derive(Debug, PartialEq, Eq)]
pub struct Demand {
    /// What the shape is, with its first demand.
    pub spec: Option<Arc<Shape>>,
    /// How many further leases could be used now.
    pub count: u32,
    /// How many grants and refusals had arrived.
    pub granted: u64,
}

#[derive(Debug, Default)]
struct Line {
    /// The shape, as long as the node does not know it.
    untold: Option<Arc<Shape>>,
    queue: VecDeque<Queued>,
    demanded: u32,
    granted: u64,
}

impl Dispatch {
    /// The number of a shape in this process.
    pub fn line(&mut self, shape: &Arc<Shape>) -> u32 {
        if let Some(line) = self.index.get(shape) {
            return *line;
        }
        let line = self.lines.len() as u32;
        self.index.insert(Arc::clone(shape), line);
        self.lines.push(Line { untold: Some(Arc::clone(shape)), ..Line::default() });
        line
    }

    /// A task waits for a worker; `alone` if it must not run twice.
    pub fn enqueue(&mut self, line: u32, task: TaskId, function: FunctionId, alone: bool) {
        self.lines[line as usize].queue.push_back(Queued { task, function, alone });
    }

    /// Tasks of one lease came back unbegun: they are next.
    pub fn came_back(&mut self, lease: LeaseId, tasks: &[TaskId]) -> Option<u32> {
        let lease = self.leases.get_mut(&lease)?;
        lease.stuck = true;
        let (back, kept): (VecDeque<_>, VecDeque<_>) = std::mem::take(&mut lease.load)
            .into_iter()
            .partition(|(queued, _)| tasks.contains(&queued.task));
        lease.load = kept;
        lease.work = lease.load.iter().map(|(_, estimate)| *estimate).sum();
        let queue = &mut self.lines[lease.line as usize].queue;
        back.into_iter().rev().for_each(|(queued, _)| queue.push_front(queued));
        Some(lease.line)
    }

    /// The next burst of a shape, without tasks that ended meanwhile.
    pub fn next_burst(&mut self, line: u32, is_wanted: impl Fn(TaskId) -> bool) -> Option<Burst> {
        let queue = &mut self.lines[line as usize].queue;
        while queue.front().is_some_and(|queued| !is_wanted(queued.task)) {
            queue.pop_front();
        }
        if queue.is_empty() {
            return None;
        }
        let open = |(_, lease): &(_, &mut Lease)| lease.line == line && lease.takes_work();
        let open: Vec<(&LeaseId, &mut Lease)> = self.leases.iter_mut().filter(open).collect();
        let share = queue.len().div_ceil(open.len().max(1)).min(BURST_TASKS_MAX);
        let (id, lease) = open.into_iter().min_by_key(|(_, lease)| lease.work)?;
        let tasks = lease.fill(queue, &self.durations, share, is_wanted);
        (!tasks.is_empty()).then(|| Burst {
            lease: *id,
            worker: lease.worker,
            assignment: lease.assignment.clone(),
            tasks,
        })
    }

    /// What to tell the node about a shape, if that changed enough to be worth a message.
    pub fn demand(&mut self, line: u32) -> Option<Demand> {
        let count = self.wanted(line);
        let line = &mut self.lines[line as usize];
        let news = if count == 0 {
            line.demanded > 0
        } else {
            line.demanded == 0 || count >= 2 * line.demanded
        };
        news.then(|| {
            line.demanded = count;
            Demand { spec: line.untold.take(), count, granted: line.granted }
        })
    }

    /// A lease was granted.
    pub fn granted(
        &mut self,
        now: Timestamp,
        line: u32,
        lease: LeaseId,
        worker: WorkerId,
        assignment: Assignment,
    ) {
        let queue_line = &mut self.lines[line as usize];
        queue_line.granted += 1;
        queue_line.demanded = queue_line.demanded.saturating_sub(1);
        let held = Lease::new(now, line, worker, assignment);
        self.leases.insert(lease, held);
    }

    /// No worker can ever run tasks of the shape: its queue.
    pub fn refused(&mut self, line: u32) -> Vec<TaskId> {
        let line = &mut self.lines[line as usize];
        line.granted += 1;
        line.demanded = 0;
        line.queue.drain(..).map(|queued| queued.task).collect()
    }

    /// A task that ran on `worker` ended after `ran`: the line that may go on.
    pub fn done(
        &mut self,
        now: Timestamp,
        worker: WorkerId,
        task: TaskId,
        ran: Duration,
    ) -> Option<u32> {
        let mut theirs = self.leases.values_mut().filter(|lease| lease.worker == worker);
        let (lease, position) = theirs.find_map(|lease| {
            let position = lease.load.iter().position(|(queued, _)| queued.task == task)?;
            Some((lease, position))
        })?;
        let (queued, estimate) = lease.load.remove(position)?;
        lease.work -= estimate;
        lease.stuck = false;
        if lease.load.is_empty() {
            lease.idle_since = now;
        }
        let seen = self.durations.entry(queued.function).or_insert(ran);
        *seen = (*seen * 3 + ran) / 4;
        Some(lease.line)
    }

    /// Somebody else waits for a lease.
    pub fn reclaim(&mut self, lease: LeaseId) {
        if let Some(lease) = self.leases.get_mut(&lease) {
            lease.reclaimed = true;
        }
    }

    /// The worker with the most work that could begin elsewhere, and how many tasks to ask back.
    pub fn recall(&mut self, line: u32) -> Option<(WorkerId, LeaseId, u32)> {
        let idle = |lease: &Lease| lease.line == line && lease.is_idle();
        if !self.lines[line as usize].queue.is_empty() || !self.leases.values().any(idle) {
            return None;
        }
        let theirs = self.leases.iter_mut().filter(|(_, lease)| lease.line == line);
        let (id, lease) = theirs.max_by_key(|(_, lease)| lease.waiting_work())?;
        if lease.stuck || lease.waiting_work() < RECALL_WORTH {
            return None;
        }
        lease.stuck = true;
        Some((lease.worker, *id, (lease.load.len() / 2) as u32))
    }

    /// Leases to give back: idle for `linger`, or idle while somebody else waits or their worker does other work.
    pub fn give_back(&mut self, now: Timestamp, linger: Duration) -> Vec<LeaseId> {
        let due = self.leases.extract_if(.., |_, lease| {
            let lingers = now.since(lease.idle_since) < linger;
            lease.load.is_empty() && (lease.reclaimed || lease.stuck || !lingers)
        });
        due.map(|(id, _)| id).collect()
    }

    /// When [`Self::give_back`] has something to do at the latest.
    #[must_use]
    pub fn next_deadline(&self, linger: Duration) -> Option<Timestamp> {
        self.leases
            .values()
            .filter(|lease| lease.load.is_empty())
            .map(|lease| lease.idle_since + linger)
            .min()
    }

    /// The node says that the worker of a lease is gone: it gets no more work. How it ended, if all it said was heard.
    pub fn on_death(&mut self, lease: LeaseId, death: Death) -> Option<Death> {
        let lease = self.leases.get_mut(&lease)?;
        lease.reclaimed = true;
        lease.death = Some(death);
        lease.death.take_if(|_| lease.unheard || lease.load.is_empty())
    }

    /// Nothing more will be heard of a worker: its leases of which the node said how they ended.
    pub fn on_silence(&mut self, worker: WorkerId) -> Vec<(LeaseId, Death)> {
        let theirs = self.leases.iter_mut().filter(|(_, lease)| lease.worker == worker);
        let ended = theirs.filter_map(|(id, lease)| {
            lease.unheard = true;
            Some((*id, lease.death.take()?))
        });
        ended.collect()
    }

    /// A lease ended: its line and what was sent to its worker, in order.
    pub fn end(&mut self, lease: LeaseId) -> Option<(u32, Vec<TaskId>)> {
        let held = self.leases.remove(&lease)?;
        Some((held.line, held.load.into_iter().map(|(queued, _)| queued.task).collect()))
    }

    /// The worker that a task was sent to.
    #[must_use]
    pub fn worker_of(&self, task: TaskId) -> Option<WorkerId> {
        let holds = |lease: &&Lease| lease.load.iter().any(|(queued, _)| queued.task == task);
        self.leases.values().find(holds).map(|lease| lease.worker)
    }

    /// How many leases are held.
    #[must_use]
    pub fn leases_held(&self) -> usize {
        self.leases.len()
    }

    fn wanted(&self, line: u32) -> u32 {
        let line = &self.lines[line as usize];
        let Some(first) = line.queue.front() else {
            return 0;
        };
        let queued = line.queue.len() as u64;
        let useful = match self.durations.get(&first.function) {
            Some(each) => (each.as_nanos() as u64)
                .saturating_mul(queued)
                .div_ceil(BURST.as_nanos() as u64)
                .clamp(1, queued),
            None => queued,
        };
        useful.min(u64::from(LEASES_WANTED_MAX)) as u32
    }
}

#[cfg(test)]
mod tests {
    use types::{JobId, NodeId};

    use super::*;

    const FUNCTION: FunctionId = FunctionId::from_bytes([1; 16]);

    fn worker(number: u32) -> WorkerId {
        WorkerId { node: NodeId(1), number }
    }

    fn task(count: u64) -> TaskId {
        TaskId::new(worker(1), count, JobId(1))
    }

    fn with_tasks(count: u64, alone: bool) -> (Dispatch, u32) {
        let mut dispatch = Dispatch::default();
        let line = dispatch.line(&Arc::default());
        for number in 0..count {
            dispatch.enqueue(line, task(number), FUNCTION, alone);
        }
        (dispatch, line)
    }

    fn grant(dispatch: &mut Dispatch, line: u32, number: u32) {
        dispatch.granted(
            Timestamp::ZERO,
            line,
            LeaseId(u64::from(number)),
            worker(number),
            Assignment::default(),
        );
    }

    #[test]
    fn an_unknown_function_goes_one_by_one_and_a_tiny_one_in_bursts() {
        let (mut dispatch, line) = with_tasks(100, false);
        grant(&mut dispatch, line, 2);

        assert_eq!(dispatch.next_burst(line, |_| true).unwrap().tasks, [task(0)]);
        assert_eq!(dispatch.next_burst(line, |_| true), None);
        dispatch.done(Timestamp::ZERO, worker(2), task(0), Duration::from_micros(20));

        assert_eq!(dispatch.next_burst(line, |_| true).unwrap().tasks.len(), 99);
    }

    #[test]
    fn a_task_that_must_not_run_twice_goes_alone_however_tiny() {
        let (mut dispatch, line) = with_tasks(3, true);
        grant(&mut dispatch, line, 2);

        dispatch.next_burst(line, |_| true);
        dispatch.done(Timestamp::ZERO, worker(2), task(0), Duration::from_micros(20));

        assert_eq!(dispatch.next_burst(line, |_| true).unwrap().tasks, [task(1)]);
        assert_eq!(dispatch.next_burst(line, |_| true), None);
    }

    #[test]
    fn two_leases_share_a_short_queue() {
        let (mut dispatch, line) = with_tasks(1, false);
        grant(&mut dispatch, line, 2);
        dispatch.next_burst(line, |_| true);
        dispatch.done(Timestamp::ZERO, worker(2), task(0), Duration::from_micros(20));
        grant(&mut dispatch, line, 3);
        for number in 1..11 {
            dispatch.enqueue(line, task(number), FUNCTION, false);
        }

        let first = dispatch.next_burst(line, |_| true).unwrap();
        let second = dispatch.next_burst(line, |_| true).unwrap();

        assert_eq!((first.tasks.len(), second.tasks.len()), (5, 3));
        assert_ne!(first.worker, second.worker);
    }

    #[test]
    fn demand_is_told_when_it_doubles_and_when_it_ends() {
        let (mut dispatch, line) = with_tasks(1, false);

        assert!(matches!(
            dispatch.demand(line),
            Some(Demand { spec: Some(_), count: 1, granted: 0 })
        ));
        assert_eq!(dispatch.demand(line), None);
        dispatch.enqueue(line, task(1), FUNCTION, false);
        assert_eq!(dispatch.demand(line), Some(Demand { spec: None, count: 2, granted: 0 }));
        grant(&mut dispatch, line, 2);
        dispatch.next_burst(line, |_| true);
        dispatch.done(Timestamp::ZERO, worker(2), task(0), Duration::from_micros(20));
        dispatch.next_burst(line, |_| true);

        assert_eq!(dispatch.demand(line), Some(Demand { spec: None, count: 0, granted: 1 }));
    }

    #[test]
    fn an_idle_lease_is_given_back_after_its_linger_or_at_once_when_reclaimed() {
        let (mut dispatch, line) = with_tasks(0, false);
        grant(&mut dispatch, line, 2);
        grant(&mut dispatch, line, 3);
        dispatch.reclaim(LeaseId(3));
        let linger = Duration::from_millis(50);

        assert_eq!(dispatch.give_back(Timestamp::ZERO, linger), [LeaseId(3)]);
        assert_eq!(dispatch.next_deadline(linger), Some(Timestamp::ZERO + linger));
        assert_eq!(dispatch.give_back(Timestamp::ZERO + linger, linger), [LeaseId(2)]);
    }

    #[test]
    fn what_came_back_is_next_and_its_worker_gets_nothing_until_it_ended_something() {
        let (mut dispatch, line) = with_tasks(1, false);
        grant(&mut dispatch, line, 2);
        dispatch.next_burst(line, |_| true);
        dispatch.done(Timestamp::ZERO, worker(2), task(0), Duration::from_micros(20));
        dispatch.enqueue(line, task(1), FUNCTION, false);
        dispatch.enqueue(line, task(2), FUNCTION, false);
        dispatch.next_burst(line, |_| true);

        assert_eq!(dispatch.came_back(LeaseId(2), &[task(2)]), Some(line));
        assert_eq!(dispatch.next_burst(line, |_| true), None);
        dispatch.done(Timestamp::ZERO, worker(2), task(1), Duration::from_micros(20));
        assert_eq!(dispatch.next_burst(line, |_| true).unwrap().tasks, [task(2)]);
    }
}
