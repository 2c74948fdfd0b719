//! Which threads wait for what.
//!
//! Owns: one entry for each waiting thread, and what wakes it. Does not own: how a thread waits (`waiting`).

use std::cell::RefCell;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, Thread};

use smallvec::SmallVec;
use types::{Map, ObjectId, TaskId};

use super::background::Alarm;
use super::handles::Handle;
use super::pins::{Data, Pinned};
use super::signals;

/// What a thread waits for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Topic {
    /// Objects; those counted in its entry.
    Objects {
        /// Their contents, rather than that they exist.
        load: bool,
        /// It may be handed a task to run meanwhile.
        helps: bool,
    },
    /// A task of this group.
    Tasks(String),
    /// The answer to this request.
    Answer(u64),
    /// The next item of the stream that this task yields.
    Stream(TaskId),
    /// That a consumer took items of the stream that this task yields.
    Consumed(TaskId),
    /// Something came that is watched for threads.
    Completions,
    /// Anything that concerns the event loop which the engine serves.
    Loop,
    /// Objects as counted in its entry, or the next item of one of these streams.
    Any(Box<[TaskId]>),
    /// Lines of output.
    Lines,
    /// A range for this object.
    Allocation(ObjectId),
}

/// A thread that waits, as others wake it.
pub(super) struct Sleeper {
    thread: Thread,
    woken: AtomicBool,
    main: bool,
    /// It sleeps in the poller rather than parked.
    polls: AtomicBool,
}

/// The entries.
#[derive(Default)]
pub(super) struct Waits {
    entries: Vec<Entry>,
    /// Waits for objects that another wait had claimed first.
    contended: Map<ObjectId, SmallVec<[u64; 2]>>,
}

struct Entry {
    wait: u64,
    topic: Topic,
    sleeper: Arc<Sleeper>,
    /// How many objects must still come.
    missing: usize,
    /// So many of them may stay away.
    spare: usize,
    /// Mapped contents that came, kept until the thread has taken them.
    kept: Vec<Arc<Pinned>>,
}

impl Topic {
    /// Whether who waits for this also reads the sockets. Those who wait all the time, and print or pass on what came,
    /// must not stand in the way of a thread that waits for its own.
    pub(super) const fn reads(&self) -> bool {
        !matches!(self, Self::Lines | Self::Completions)
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

    /// Whether it is the thread that the process began with.
    pub(super) const fn is_main(&self) -> bool {
        self.main
    }

    pub(super) fn set_polls(&self, polls: bool) {
        self.polls.store(polls, Ordering::SeqCst);
    }
}

impl Waits {
    pub(super) fn begin(&mut self, wait: u64, topic: Topic) {
        let (sleeper, kept) = (Sleeper::current(), Vec::new());
        self.entries.push(Entry { wait, topic, sleeper, missing: 0, spare: 0, kept });
    }

    /// Ends a wait; whether it was one that reads. What it kept goes only now, when its reader has found it.
    pub(super) fn end(&mut self, wait: u64) -> bool {
        let found = self.entries.iter().position(|entry| entry.wait == wait);
        found.is_some_and(|index| self.entries.swap_remove(index).topic.reads())
    }

    /// Whether who waits there also reads the sockets.
    pub(super) fn reads(&self, wait: u64) -> bool {
        let found = self.entries.iter().find(|entry| entry.wait == wait);
        found.is_some_and(|entry| entry.topic.reads())
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
            let mut others = self.contended.remove(&handle.object()).unwrap_or_default();
            others.retain(|other| self.find(*other).is_some());
            let known = others.contains(&wait);
            if !known {
                others.push(wait);
            }
            self.contended.insert(handle.object(), others);
            if known {
                return;
            }
        }
        if let Some(entry) = self.find(wait) {
            entry.missing += 1;
        }
    }

    /// Keeps a mapped content until `wait` ends.
    pub(super) fn keep(&mut self, wait: u64, data: &Data) {
        if let (Data::Mapped(pinned), Some(entry)) = (data, self.find(wait)) {
            entry.kept.push(Arc::clone(pinned));
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

    /// An object came. Pushes those to be woken.
    pub(super) fn object_came(
        &mut self,
        handle: &Handle,
        data: Option<&Data>,
        wakes: &mut Vec<Arc<Sleeper>>,
    ) {
        let claimed = handle.awaited_by();
        if claimed != 0 && self.tell(claimed, data, wakes) {
            handle.set_awaited_by(0);
        }
        if !self.contended.is_empty()
            && let Some(mut others) = self.contended.remove(&handle.object())
        {
            others.retain(|wait| !self.tell(*wait, data, wakes));
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
    pub(super) fn wake_all(&self, topic: &Topic, wakes: &mut Vec<Arc<Sleeper>>) {
        let waiting = self.entries.iter().filter(|entry| entry.topic == *topic);
        wakes.extend(waiting.map(|entry| Arc::clone(&entry.sleeper)));
    }

    /// Those look again that wait for the next item of the stream that `task` yields.
    pub(super) fn stream_moved(&self, task: TaskId, wakes: &mut Vec<Arc<Sleeper>>) {
        let awaits = |topic: &Topic| {
            matches!(topic, Topic::Stream(awaited) if *awaited == task)
                || matches!(topic, Topic::Any(awaited) if awaited.contains(&task))
        };
        let waiting = self.entries.iter().filter(|entry| awaits(&entry.topic));
        wakes.extend(waiting.map(|entry| Arc::clone(&entry.sleeper)));
    }

    /// One of those that wait for a task of `group` looks again.
    pub(super) fn wake_for_task(&self, group: &str, wakes: &mut Vec<Arc<Sleeper>>) {
        let waiting = |entry: &&Entry| {
            let takes = matches!(&entry.topic, Topic::Loop)
                || matches!(&entry.topic, Topic::Tasks(wanted) if wanted == group);
            takes && !entry.sleeper.is_woken()
        };
        if let Some(entry) = self.entries.iter().find(waiting) {
            entry.sleeper.woken.store(true, Ordering::SeqCst);
            wakes.push(Arc::clone(&entry.sleeper));
        }
    }

    /// One of those that may help looks again; false if there is none.
    pub(super) fn wake_helper(&self, wakes: &mut Vec<Arc<Sleeper>>) -> bool {
        let helper = |entry: &&Entry| matches!(entry.topic, Topic::Objects { helps: true, .. });
        let found = self.entries.iter().find(helper);
        wakes.extend(found.map(|entry| Arc::clone(&entry.sleeper)));
        found.is_some()
    }

    /// Everybody looks again.
    pub(super) fn wake_everybody(&self, wakes: &mut Vec<Arc<Sleeper>>) {
        wakes.extend(self.entries.iter().map(|entry| Arc::clone(&entry.sleeper)));
    }

    /// Tells a wait of an object; whether it needs no more of it.
    fn tell(&mut self, wait: u64, data: Option<&Data>, wakes: &mut Vec<Arc<Sleeper>>) -> bool {
        let Some(entry) = self.find(wait) else {
            return true;
        };
        if data.is_none() && matches!(entry.topic, Topic::Objects { load: true, .. }) {
            return false;
        }
        if let Some(Data::Mapped(pinned)) = data {
            entry.kept.push(Arc::clone(pinned));
        }
        entry.missing = entry.missing.saturating_sub(1);
        // A failure may be all that its caller wants to know.
        if entry.missing <= entry.spare || matches!(data, Some(Data::Failed(_))) {
            wakes.push(Arc::clone(&entry.sleeper));
        }
        true
    }

    fn find(&mut self, wait: u64) -> Option<&mut Entry> {
        self.entries.iter_mut().find(|entry| entry.wait == wait)
    }
}
