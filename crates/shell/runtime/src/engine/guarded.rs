//! What the one lock of the engine guards, and what happens under it.
//!
//! Owns: the role and everything that its effects touch. Does not own: how effects are performed (`perform`), or how a
//! thread waits (`waiting`).

use std::collections::{BTreeMap, VecDeque};
use std::ops::{Deref, DerefMut};
use std::sync::atomic::Ordering;
use std::sync::{Arc, MutexGuard, PoisonError};
use std::time::Duration;

use roles::worker::{Effect, Event};
use roles::{Role, Worker};
use shm::Segment;
use types::{Map, ObjectId, Payload, TaskId, Timestamp};
use wire::Answer;

use super::completions::Completions;
use super::handles::Interned;
use super::lines::Lines;
use super::links::Links;
use super::looping::ServedLoop;
use super::notice::Notices;
use super::ranges::Allocation;
use super::running::Running;
use super::spans::Spans;
use super::waits::Waits;
use super::{Engine, EngineError, Identity, Outcomes};
use crate::{clock, signals};

/// How long the last words of a process may take: who does not read them for so long is stuck.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// What the lock guards.
pub(super) struct Core {
    pub(super) role: Worker,
    pub(super) identity: Arc<Identity>,
    pub(super) token: Payload,
    pub(super) now: Timestamp,
    pub(super) events: VecDeque<Event>,
    pub(super) effects: Vec<Effect>,
    pub(super) links: Links,
    pub(super) handles: Interned,
    pub(super) arena: Arc<Segment>,
    pub(super) waits: Waits,
    /// Tasks that no thread has taken, by concurrency group; "" is that of functions, and of methods that name none.
    pub(super) queues: BTreeMap<String, VecDeque<Box<Running>>>,
    /// Answers that somebody expects, once they came.
    pub(super) answers: Map<u64, Option<Answer>>,
    pub(super) allocations: Map<ObjectId, Allocation>,
    pub(super) consumed: Map<TaskId, u32>,
    pub(super) completions: Completions,
    pub(super) lines: Lines,
    pub(super) spans: Spans,
    /// Running tasks that are to end, until somebody takes them who can end them.
    pub(super) interrupted: Vec<TaskId>,
    /// The event loop that the engine serves.
    pub(super) served_loop: ServedLoop,
    pub(super) ended: Option<EngineError>,
    /// Counts all events.
    pub(super) steps: u64,
}

/// The lock, held. When it goes, what is due is sent and who is to be woken is woken.
pub(super) struct Locked<'a> {
    engine: &'a Engine,
    core: Option<MutexGuard<'a, Core>>,
}

impl Core {
    /// What a process begins with that the node welcomed.
    pub(super) fn new(
        identity: Arc<Identity>,
        token: Payload,
        arena: Segment,
        links: Links,
        notices: Arc<Notices>,
    ) -> Self {
        Self {
            role: Worker::new(identity.worker, &identity.settings),
            identity,
            token,
            now: clock::now(),
            events: VecDeque::new(),
            effects: Vec::new(),
            links,
            handles: Interned::new(notices),
            arena: Arc::new(arena),
            waits: Waits::default(),
            queues: BTreeMap::new(),
            answers: Map::default(),
            allocations: Map::default(),
            consumed: Map::default(),
            completions: Completions::default(),
            lines: Lines::default(),
            spans: Spans::new(),
            interrupted: Vec::new(),
            served_loop: ServedLoop::default(),
            ended: None,
            steps: 0,
        }
    }

    /// Hands the role one event, performs what follows, and so on until nothing is left.
    pub(super) fn step(&mut self, event: Event) {
        self.events.push_back(event);
        self.run_events();
    }

    /// Does what has become due.
    pub(super) fn on_time(&mut self) {
        if self.role.next_deadline().is_none_or(|deadline| deadline > self.now) {
            return;
        }
        self.perform_all(|role, now, effects| role.on_time(now, effects));
        self.run_events();
    }

    /// Takes what user threads left behind.
    pub(super) fn take_notices(&mut self) {
        let lists = self.handles.notices.take();
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
            for (link, why) in broken {
                self.link_lost(link, &why);
            }
        }
    }

    /// Sends everything, as far as others read it.
    pub(super) fn last_words(&mut self) {
        self.flush(true);
        self.links.write_patiently(LAST_WORDS);
    }

    /// Every later call fails with `why`, and every waiting one.
    pub(super) fn end(&mut self, why: EngineError) {
        if self.ended.is_none() {
            self.ended = Some(why);
            self.waits.wake_those(|_topic| true);
            self.completions.ring_all();
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

    fn run_events(&mut self) {
        while let Some(event) = self.events.pop_front() {
            self.steps += 1;
            self.perform_all(|role, now, effects| role.step(now, event, effects));
        }
    }

    fn perform_all(&mut self, turn: impl FnOnce(&mut Worker, Timestamp, &mut Vec<Effect>)) {
        let mut effects = std::mem::take(&mut self.effects);
        turn(&mut self.role, self.now, &mut effects);
        for effect in effects.drain(..) {
            self.perform(effect);
        }
        self.effects = effects;
    }
}

impl Engine {
    /// The lock, in a process that may use it.
    pub(super) fn enter(&self) -> Outcomes<Locked<'_>> {
        if self.notices.are_of_parent() {
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
        Locked { engine: self, core: Some(core) }
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
        self.engine.steps.store(core.steps, Ordering::SeqCst);
        let wakes = core.waits.take_wakes();
        let alarm = &self.engine.alarm;
        let stirs = !alarm.is_napping()
            && (core.links.are_waiting()
                || core.links.are_meeting()
                || core.role.next_deadline().is_some());
        drop(core);
        if stirs {
            alarm.stir();
        }
        for sleeper in wakes {
            sleeper.wake(alarm);
        }
    }
}
