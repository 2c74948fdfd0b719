//! Which threads wait for what.
//!
//! Owns: one entry for each waiting thread, and what wakes it. Does not own: how a thread waits (`waiting`).

use std::cell::RefCell;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, Thread};

use smallvec::SmallVec;
use types::limits::PROBED_REFS_MAX;
use types::{Failure, Map, ObjectId, Ref, TaskId, WorkerId};

use super::background::Alarm;
use super::handles::Handle;
use super::pins::{Data, Pinned};
use crate::signals;

/// What a thread waits for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Topic {
    /// Objects; those counted in its entry.
    Objects {
        /// Their contents, rather than that they exist.
        load: bool,
    },
    /// A task of this group.
    Tasks(String),
    /// A task to be run while those of the other threads wait.
    Aside,
    /// The answer to this request.
    Answer(u64),
    /// The next item of the stream that this task yields.
    Stream(TaskId),
    /// That a consumer took items of the stream that this task yields.
    Consumed(TaskId),
    /// Anything that concerns the event loop which the engine serves.
    Loop,
    /// Objects as counted in its entry, or the next item of one of these streams.
    Any(Vec<TaskId>),
    /// Lines of output.
    Lines,
    /// A range for this object.
    Allocation(ObjectId),
}

/// A thread that waits, as others wake it.
pub(super) struct Sleeper {
    thread: Thread,
    woken: AtomicBool,
    /// Whether it is the thread that the process began with.
    pub(super) main: bool,
    /// It sleeps in the poller rather than parked.
    pub(super) polls: AtomicBool,
}

/// The entries.
#[derive(Default)]
pub(super) struct Waits {
    entries: Vec<Entry>,
    /// Waits for objects that another wait had claimed first.
    contended: Map<ObjectId, SmallVec<[u64; 2]>>,
    /// Who is to be woken once the lock is free.
    wakes: Vec<Arc<Sleeper>>,
}

/// A wait.
pub(super) struct Entry {
    wait: u64,
    pub(super) topic: Topic,
    sleeper: Arc<Sleeper>,
    /// How many objects must still come.
    missing: usize,
    /// So many of them may stay away.
    spare: usize,
    /// The task whose CPUs are lent meanwhile.
    pub(super) lends: Option<TaskId>,
    /// The task of which the role knows that this wait lasts.
    pub(super) stuck: Option<TaskId>,
    /// Why it ends without what it waits for.
    broken: Option<Arc<Failure>>,
    /// Mapped contents that came, kept until the thread has taken them.
    kept: Vec<Arc<Pinned>>,
}

impl Topic {
    /// Whether who waits for this also reads the sockets. Those who wait all the time, and print or run what came, must
    /// not stand in the way of a thread that waits for its own.
    pub(super) const fn reads(&self) -> bool {
        !matches!(self, Self::Lines | Self::Aside)
    }

    /// Whether it is the work of others: a task that waits for it lends them its CPUs.
    pub(super) const fn is_work(&self) -> bool {
        matches!(self, Self::Objects { .. } | Self::Stream(_) | Self::Any(_) | Self::Consumed(_))
    }

    /// Whether who waits for this takes tasks of `group`.
    pub(super) fn takes(&self, group: &str) -> bool {
        *self == Self::Loop || matches!(self, Self::Tasks(wanted) if wanted == group)
    }

    /// Whether who waits for this looks for the next item of the stream that `task` yields.
    pub(super) fn follows(&self, task: TaskId) -> bool {
        matches!(self, Self::Stream(awaited) if *awaited == task)
            || matches!(self, Self::Any(awaited) if awaited.contains(&task))
    }
}

impl Sleeper {
    /// The one of this thread.
    pub(super) fn current() -> Arc<Self> {
        thread_local! {
            static CURRENT: RefCell<Option<Arc<Sleeper>>> = const { RefCell::new(None) };
        }
        let make = || {
            let (woken, polls) = (AtomicBool::new(false), AtomicBool::new(false));
            let main = signals::is_main_thread();
            Arc::new(Self { thread: thread::current(), woken, main, polls })
        };
        // A thread that is ending has lost its own: it gets one for this wait.
        let kept =
            CURRENT.try_with(|current| Arc::clone(current.borrow_mut().get_or_insert_with(make)));
        kept.unwrap_or_else(|_ending| make())
    }

    pub(super) fn wake(&self, alarm: &Alarm) {
        self.woken.store(true, Ordering::SeqCst);
        if self.polls.load(Ordering::SeqCst) {
            alarm.kick_poller();
        } else {
            self.thread.unpark();
        }
    }

    /// Has it try to read the sockets, now that nobody else does.
    pub(super) fn nudge(&self) {
        self.thread.unpark();
    }

    /// Whether it was woken since this was last asked.
    pub(super) fn take_woken(&self) -> bool {
        self.woken.load(Ordering::Relaxed) && self.woken.swap(false, Ordering::SeqCst)
    }

    pub(super) fn is_woken(&self) -> bool {
        self.woken.load(Ordering::SeqCst)
    }
}

impl Waits {
    pub(super) fn begin(&mut self, wait: u64, topic: Topic) {
        let (sleeper, kept) = (Sleeper::current(), Vec::new());
        let (missing, spare) = (0, 0);
        let (lends, stuck, broken) = (None, None, None);
        let entry = Entry { wait, topic, sleeper, missing, spare, lends, stuck, broken, kept };
        self.entries.push(entry);
    }

    /// Ends a wait. What it kept goes only now, when its reader has found it.
    pub(super) fn end(&mut self, wait: u64) -> Option<Entry> {
        let found = self.entries.iter().position(|entry| entry.wait == wait);
        found.map(|index| self.entries.swap_remove(index))
    }

    /// Whether who waits there also reads the sockets.
    pub(super) fn reads(&mut self, wait: u64) -> bool {
        self.find(wait).is_some_and(|entry| entry.topic.reads())
    }

    /// Notes that the thread of `task` waits there; whether it lends its CPUs.
    pub(super) fn lend(&mut self, wait: u64, task: TaskId) -> bool {
        self.find(wait).is_some_and(|entry| {
            entry.lends = entry.topic.is_work().then_some(task);
            entry.lends.is_some()
        })
    }

    /// What is missing before a wait of `task` can end, if all of that must come; of many some.
    pub(super) fn stick(
        &mut self,
        wait: u64,
        task: TaskId,
        (me, handles): (WorkerId, &[&Handle]),
    ) -> Option<Vec<Ref>> {
        let entry = self.find(wait).filter(|entry| entry.spare == 0)?;
        let refs = if matches!(entry.topic, Topic::Objects { .. }) {
            let missing = handles.iter().filter(|handle| !handle.is_available());
            missing.map(|handle| handle.reference()).take(PROBED_REFS_MAX).collect()
        } else if let Topic::Stream(yields) = entry.topic {
            // Its next item does not come before the task that yields goes on.
            vec![Ref { object: yields.output(1), owner: me }]
        } else {
            return None;
        };
        entry.stuck = Some(task);
        Some(refs)
    }

    /// Ends a wait whose objects will not come.
    pub(super) fn break_off(&mut self, wait: u64, failure: Arc<Failure>) {
        // By field, since the list of those to be woken is needed, too.
        if let Some(entry) = self.entries.iter_mut().find(|entry| entry.wait == wait) {
            entry.broken = Some(failure);
            self.wakes.push(Arc::clone(&entry.sleeper));
        }
    }

    /// Why a wait ends without what it waits for, if it does.
    pub(super) fn broken(&mut self, wait: u64) -> Option<Arc<Failure>> {
        self.find(wait)?.broken.take()
    }

    /// Whether a task waits and lends its CPUs.
    pub(super) fn are_lent(&self) -> bool {
        self.entries.iter().any(|entry| entry.lends.is_some())
    }

    /// Somebody who waits, to take over the reading; not the thread of `except`.
    pub(super) fn heir(&self, except: u64) -> Option<Arc<Sleeper>> {
        let other = self.entries.iter().find(|entry| entry.wait != except && entry.topic.reads());
        other.map(|entry| Arc::clone(&entry.sleeper))
    }

    /// Lets `wait` be told when the object of `handle` comes. A second time is none.
    pub(super) fn await_object(&mut self, wait: u64, handle: &Handle) {
        let claimed = handle.awaited_by();
        if claimed == wait {
            return;
        }
        if claimed == 0 || self.find(claimed).is_none() {
            handle.set_awaited_by(wait);
        } else {
            let others = self.contended.entry(handle.object()).or_default();
            others.retain(|other| self.entries.iter().any(|entry| entry.wait == *other));
            if others.contains(&wait) {
                return;
            }
            others.push(wait);
        }
        if let Some(entry) = self.find(wait) {
            entry.missing += 1;
        }
    }

    /// Keeps a mapped content until `wait` ends.
    pub(super) fn keep(&mut self, wait: u64, data: Option<Data>) {
        if let Some(Data::Mapped(pinned)) = data
            && let Some(entry) = self.find(wait)
        {
            entry.kept.push(pinned);
        }
    }

    /// So many of the objects that `wait` awaits are enough.
    pub(super) fn need(&mut self, wait: u64, count: usize) {
        if let Some(entry) = self.find(wait) {
            entry.spare = entry.missing.saturating_sub(count);
        }
    }

    /// Whether enough of the objects that `wait` awaits came.
    pub(super) fn has_enough(&mut self, wait: u64) -> bool {
        self.find(wait).is_none_or(|entry| entry.missing <= entry.spare)
    }

    /// An object came.
    pub(super) fn object_came(&mut self, handle: &Handle, data: Option<&Data>) {
        let claimed = handle.awaited_by();
        if claimed != 0 && self.tell(claimed, data) {
            handle.set_awaited_by(0);
        }
        if !self.contended.is_empty()
            && let Some(mut others) = self.contended.remove(&handle.object())
        {
            others.retain(|wait| !self.tell(*wait, data));
            if !others.is_empty() {
                self.contended.insert(handle.object(), others);
            }
        }
    }

    /// Whether somebody awaits the object of `handle`.
    pub(super) fn is_awaited(&mut self, handle: &Handle) -> bool {
        let claimed = handle.awaited_by();
        (claimed != 0 && self.find(claimed).is_some())
            || self.contended.contains_key(&handle.object())
    }

    /// The last handle to an object went.
    pub(super) fn forget(&mut self, object: ObjectId) {
        if !self.contended.is_empty() {
            self.contended.remove(&object);
        }
    }

    /// All that wait for `topic` look again.
    pub(super) fn wake(&mut self, topic: &Topic) {
        self.wake_those(|awaited| awaited == topic);
    }

    /// Those look again that wait for what `concerns` them.
    pub(super) fn wake_those(&mut self, concerns: impl Fn(&Topic) -> bool) {
        let waiting = self.entries.iter().filter(|entry| concerns(&entry.topic));
        self.wakes.extend(waiting.map(|entry| Arc::clone(&entry.sleeper)));
    }

    /// One of those looks again that wait for what `concerns` them; false if none sleeps.
    pub(super) fn wake_one(&mut self, concerns: impl Fn(&Topic) -> bool) -> bool {
        let sleeps = |entry: &&Entry| concerns(&entry.topic) && !entry.sleeper.is_woken();
        let Some(entry) = self.entries.iter().find(sleeps) else {
            return false;
        };
        entry.sleeper.woken.store(true, Ordering::SeqCst);
        self.wakes.push(Arc::clone(&entry.sleeper));
        true
    }

    /// Those to be woken, who are not woken again.
    pub(super) fn take_wakes(&mut self) -> Vec<Arc<Sleeper>> {
        std::mem::take(&mut self.wakes)
    }

    /// Tells a wait of an object; whether it needs no more of it.
    fn tell(&mut self, wait: u64, data: Option<&Data>) -> bool {
        // By field, since the list of those to be woken is needed, too.
        let Some(entry) = self.entries.iter_mut().find(|entry| entry.wait == wait) else {
            return true;
        };
        if data.is_none() && matches!(entry.topic, Topic::Objects { load: true }) {
            return false;
        }
        if let Some(Data::Mapped(pinned)) = data {
            entry.kept.push(Arc::clone(pinned));
        }
        entry.missing = entry.missing.saturating_sub(1);
        if matches!((data, &entry.topic), (Some(Data::Failed(_)), Topic::Objects { load: true })) {
            // Who wants all the contents wants no other any more.
            entry.spare = entry.missing;
        }
        if entry.missing <= entry.spare {
            self.wakes.push(Arc::clone(&entry.sleeper));
        }
        true
    }

    fn find(&mut self, wait: u64) -> Option<&mut Entry> {
        self.entries.iter_mut().find(|entry| entry.wait == wait)
    }
}
