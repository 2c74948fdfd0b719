//! The one lock of the engine, and what happens under it.
//!
//! Owns: the role and everything that its effects touch. Does not own: how effects are performed (`perform`), or how a
//! thread waits (`waiting`).

use std::collections::VecDeque;
use std::ops::{Deref, DerefMut};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use roles::worker::{Effect, Event, Interrupt};
use roles::{Role, Worker};
use types::{ActorId, Failure, JobId, Map, ObjectId, Payload, Set, TaskId, Timestamp};
use wire::Answer;

use super::background::{Alarm, Outlook};
use super::completions::{Bell, Completions};
use super::handles::Interned;
use super::lines::Lines;
use super::links::Links;
use super::looping::ServedLoop;
use super::notice::Notices;
use super::pins::Arena;
use super::reading::Reader;
use super::running::{Queues, Running};
use super::spans::Spans;
use super::waits::{Sleeper, Waits};
use super::{EngineError, Identity, Outcomes, fork, signals};
use crate::clock;

/// How long the last words of a process may take.
const LAST_WORDS: Duration = Duration::from_millis(100);

/// What all threads of the process share.
pub(super) struct Shared {
    pub(super) identity: Identity,
    pub(super) notices: Arc<Notices>,
    pub(super) alarm: Alarm,
    /// Whoever holds it reads for all.
    pub(super) reader: Mutex<Reader>,
    /// How many threads wait.
    pub(super) waiting: AtomicUsize,
    /// Something is to be done by the reader before it polls.
    pub(super) requested: AtomicBool,
    /// Counts all events.
    pub(super) steps: AtomicU64,
    pub(super) numbers: AtomicU64,
    core: Mutex<Core>,
    process: fork::Process,
    tasks: AtomicU64,
}

/// What the lock guards.
pub(super) struct Core {
    pub(super) role: Worker,
    pub(super) identity: Identity,
    pub(super) token: Payload,
    pub(super) now: Timestamp,
    pub(super) events: VecDeque<Event>,
    pub(super) effects: Vec<Effect>,
    pub(super) links: Links,
    pub(super) handles: Interned,
    pub(super) notices: Arc<Notices>,
    pub(super) arena: Arena,
    pub(super) waits: Waits,
    pub(super) wakes: Vec<Arc<Sleeper>>,
    pub(super) queues: Queues,
    pub(super) helps: VecDeque<Box<Running>>,
    pub(super) answers: Map<u64, Answer>,
    pub(super) unwanted_answers: Set<u64>,
    pub(super) allocations: Map<ObjectId, Allocation>,
    pub(super) consumed: Map<TaskId, u32>,
    pub(super) completions: Completions,
    pub(super) lines: Lines,
    pub(super) spans: Spans,
    pub(super) interrupts: Vec<(TaskId, Interrupt)>,
    pub(super) interrupts_bell: Option<Bell>,
    pub(super) signals_main: bool,
    /// The event loop that the engine serves.
    pub(super) served_loop: ServedLoop,
    /// Somebody listens to bells: the background thread reads when nobody else does.
    pub(super) has_bells: bool,
    pub(super) ended: Option<EngineError>,
    /// Counts all events.
    pub(super) steps: u64,
}

/// A range that was asked for.
pub(super) enum Allocation {
    /// It will come, after so many replies to those who asked before and want it no more.
    Asked { earlier: u32 },
    /// It came, or did not.
    Came(Result<u64, Arc<Failure>>),
    /// So many replies will come, and nobody wants them any more.
    Unwanted { replies: u32 },
}

/// The lock, held. When it goes, what is due is sent and who is to be woken is woken.
pub(super) struct Locked<'a> {
    shared: &'a Shared,
    core: Option<MutexGuard<'a, Core>>,
}

impl Shared {
    pub(super) fn new(core: Core, alarm: Alarm, reader: Reader) -> Self {
        Self {
            identity: core.identity.clone(),
            notices: Arc::clone(&core.notices),
            alarm,
            reader: Mutex::new(reader),
            waiting: AtomicUsize::new(0),
            requested: AtomicBool::new(true),
            steps: AtomicU64::new(0),
            numbers: AtomicU64::new(1),
            core: Mutex::new(core),
            process: fork::Process::current(),
            tasks: AtomicU64::new(1),
        }
    }

    pub(super) fn new_task(&self, job: JobId) -> TaskId {
        TaskId::new(self.identity.worker, self.tasks.fetch_add(1, Ordering::Relaxed), job)
    }

    pub(super) fn new_call(&self, actor: ActorId) -> TaskId {
        TaskId::call(actor, self.identity.worker, self.tasks.fetch_add(1, Ordering::Relaxed))
    }

    pub(super) fn new_number(&self) -> u64 {
        self.numbers.fetch_add(1, Ordering::Relaxed)
    }

    /// The lock, in a process that may use it.
    pub(super) fn enter(&self) -> Outcomes<Locked<'_>> {
        if self.process.is_forked() {
            return Err(EngineError::Forked);
        }
        let mut locked = self.lock();
        if let Some(ended) = &locked.ended {
            return Err(ended.clone());
        }
        if self.notices.are_many() {
            locked.take_notices();
        }
        Ok(locked)
    }

    /// The lock, whatever became of the process.
    pub(super) fn lock(&self) -> Locked<'_> {
        let mut core = self.core.lock().unwrap_or_else(PoisonError::into_inner);
        core.now = clock::now();
        Locked { shared: self, core: Some(core) }
    }

    /// Hands the role one event.
    pub(super) fn step(&self, event: Event) -> Outcomes<()> {
        self.enter()?.step(event);
        Ok(())
    }

    pub(super) fn flush(&self) -> Outcomes<()> {
        self.enter()?.flush(true);
        Ok(())
    }

    /// What the background thread does each time it wakes.
    pub(super) fn tend(&self) -> Outlook {
        let mut locked = self.lock();
        let closed = locked.ended.is_some();
        if !closed {
            if self.notices.are_some() {
                locked.take_notices();
            }
            locked.on_time();
            locked.flush(false);
        }
        Outlook {
            steps: self.steps.load(Ordering::Relaxed),
            deadline: locked.role.next_deadline(),
            unfinished: locked.links.are_waiting(),
            stands_in: locked.has_bells || locked.completions.are_awaited(),
            closed,
        }
    }

    /// Whether nothing happened and nothing was left behind since the background thread looked.
    pub(super) fn was_left_alone(&self, steps: u64) -> bool {
        self.steps.load(Ordering::SeqCst) == steps
            && !self.notices.are_some()
            && !self.requested.load(Ordering::SeqCst)
    }

    pub(super) fn somebody_waits(&self) -> bool {
        self.waiting.load(Ordering::SeqCst) > 0
    }

    /// Leaves the cluster.
    pub(super) fn close(&self) {
        if self.process.is_forked() {
            return;
        }
        let mut locked = self.lock();
        if locked.ended.is_none() {
            locked.take_notices();
            locked.last_words();
            locked.end(EngineError::Closed);
            locked.links.close();
        }
        drop(locked);
        self.alarm.stir();
        self.alarm.kick_poller();
    }
}

impl Core {
    /// Hands the role one event, performs what follows, and so on until nothing is left.
    pub(super) fn step(&mut self, event: Event) {
        self.events.push_back(event);
        while let Some(event) = self.events.pop_front() {
            self.steps += 1;
            let mut effects = std::mem::take(&mut self.effects);
            self.role.step(self.now, event, &mut effects);
            for effect in effects.drain(..) {
                self.perform(effect);
            }
            self.effects = effects;
        }
    }

    /// Does what has become due.
    pub(super) fn on_time(&mut self) {
        if self.role.next_deadline().is_none_or(|deadline| deadline > self.now) {
            return;
        }
        let mut effects = std::mem::take(&mut self.effects);
        self.role.on_time(self.now, &mut effects);
        for effect in effects.drain(..) {
            self.perform(effect);
        }
        self.effects = effects;
        self.run_events();
    }

    /// Takes what user threads left behind.
    pub(super) fn take_notices(&mut self) {
        let lists = self.notices.take();
        for object in lists.unread {
            self.reader_went(object);
        }
        for object in &lists.released {
            self.handles.forget(*object);
            self.waits.forget(*object);
        }
        if !lists.released.is_empty() {
            self.step(Event::Release(lists.released));
        }
    }

    /// Writes what is due, or everything.
    pub(super) fn flush(&mut self, everything: bool) {
        while self.links.are_waiting() {
            let broken = self.links.flush(self.now, everything);
            if broken.is_empty() {
                return;
            }
            for broken in broken {
                self.link_lost(broken.link, &broken.why);
            }
        }
    }

    /// Sends everything, as far as that is possible in a short time.
    pub(super) fn last_words(&mut self) {
        let deadline = clock::now() + LAST_WORDS;
        self.flush(true);
        while self.links.are_blocked() && clock::now() < deadline {
            std::thread::sleep(Duration::from_millis(1));
            self.links.unblock();
            self.flush(true);
        }
    }

    /// Every later call fails with `why`, and every waiting one.
    pub(super) fn end(&mut self, why: EngineError) {
        if self.ended.is_none() {
            self.ended = Some(why);
            self.waits.wake_everybody(&mut self.wakes);
        }
    }

    /// A worker does not outlive its node; a driver is told.
    pub(super) fn node_lost(&mut self, why: &str) {
        if self.ended.is_some() {
            return;
        }
        if !self.identity.driver {
            signals::exit_at_once(1);
        }
        self.step(Event::NodeLost(why.to_owned()));
        self.end(EngineError::NodeDied(why.to_owned()));
    }

    pub(super) fn run_events(&mut self) {
        if let Some(event) = self.events.pop_front() {
            self.step(event);
        }
    }
}

impl Deref for Locked<'_> {
    type Target = Core;

    fn deref(&self) -> &Core {
        self.core.as_ref().unwrap_or_else(|| unreachable!("the lock is held until this goes"))
    }
}

impl DerefMut for Locked<'_> {
    fn deref_mut(&mut self) -> &mut Core {
        self.core.as_mut().unwrap_or_else(|| unreachable!("the lock is held until this goes"))
    }
}

impl Drop for Locked<'_> {
    fn drop(&mut self) {
        let Some(mut core) = self.core.take() else {
            return;
        };
        core.flush(false);
        self.shared.steps.store(core.steps, Ordering::SeqCst);
        let wakes = std::mem::take(&mut core.wakes);
        let requested = !core.links.requests.is_empty();
        if requested {
            self.shared.requested.store(true, Ordering::SeqCst);
        }
        let alarm = &self.shared.alarm;
        let stirs = !alarm.is_napping()
            && (core.links.are_waiting() || core.role.next_deadline().is_some());
        drop(core);
        if stirs {
            alarm.stir();
        }
        if requested {
            alarm.kick_poller();
        }
        for sleeper in wakes {
            sleeper.wake(alarm);
        }
    }
}
