//! Contents and streams that somebody watches without waiting: futures and event loops.
//!
//! Owns: what is watched and what came, and the descriptors by which event loops hear of it. Does not own: the loops.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::{AsRawFd, RawFd};

use roles::worker::{Event, Next};
use smallvec::SmallVec;
use types::{Map, ObjectId, TaskId};

use super::guarded::{Core, Locked};
use super::handles::Handle;
use super::pins::Data;
use super::waits::Topic;
use super::{Engine, Outcomes, Patience};
use crate::sys;

/// Who takes completions. Each loop that the engine does not serve has one of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Channel(u64);

/// So many channels are always there.
const LASTING: u64 = 2;

/// Something that can be watched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Watched {
    /// The content of this object.
    Object(ObjectId),
    /// The next item of the stream that this task yields, or its end.
    Stream(TaskId),
}

/// Something that was watched and came.
#[derive(Debug, Clone)]
pub struct Completion {
    /// What was watched.
    pub watched: Watched,
    /// The handle that was watched, and the content of its object; none for a stream.
    pub arrival: Option<(Handle, Data)>,
}

/// What is watched and what came.
#[derive(Default)]
pub(super) struct Completions {
    /// By whom, and for objects the handle that was watched.
    watched: Map<Watched, (Channels, Option<Handle>)>,
    came: Map<Channel, Vec<Completion>>,
    /// Of channels that were opened.
    bells: Map<Channel, Bell>,
}

type Channels = SmallVec<[Channel; 1]>;

/// A descriptor that becomes readable once, however often it is rung, until it is reset.
#[derive(Debug)]
pub(super) struct Bell {
    descriptor: File,
    rung: bool,
}

impl Channel {
    /// That of threads which wait for completions.
    pub const THREADS: Self = Self(0);
    /// That of the loop which the engine serves.
    pub const SERVED_LOOP: Self = Self(1);
}

impl Engine {
    /// Asks for the content of `handle` without waiting: its completion is told once, to `channel`.
    pub fn watch(&self, handle: &Handle, channel: Channel) -> Outcomes<()> {
        let mut locked = self.enter()?;
        let watched = Watched::Object(handle.object());
        locked.completions.watch(watched, Some(handle), channel);
        if let Some(data) = handle.data() {
            locked.watched_came(watched, Some(&data));
        } else if handle.ask(true) {
            locked.step(Event::Want { refs: vec![handle.reference()], load: true });
        }
        self.have_read_for(locked, channel);
        Ok(())
    }

    /// Tells `channel` once when the next item of the stream that `task` yields is there, or its end.
    pub fn watch_stream(&self, task: TaskId, channel: Channel) -> Outcomes<()> {
        let mut locked = self.enter()?;
        let watched = Watched::Stream(task);
        locked.completions.watch(watched, None, channel);
        if locked.role.stream_next(task) != Next::NotYet {
            locked.watched_came(watched, None);
        }
        self.have_read_for(locked, channel);
        Ok(())
    }

    /// What came for threads: waits until there is some. Empty at the deadline.
    pub fn next_completions(&self, patience: Patience<'_>) -> Outcomes<Vec<Completion>> {
        let came = self.await_topic(Topic::Completions, patience, &mut |core| {
            Some(core.completions.take(Channel::THREADS)).filter(|came| !came.is_empty())
        })?;
        Ok(came.unwrap_or_default())
    }

    /// What came for a channel, without waiting.
    pub fn completions(&self, channel: Channel) -> Outcomes<Vec<Completion>> {
        Ok(self.enter()?.completions.take(channel))
    }

    /// A channel for an event loop, and a descriptor that is readable while something came for it; read it (8 bytes)
    /// before [`Self::completions`].
    pub fn open_channel(&self) -> Outcomes<(Channel, RawFd)> {
        let bell = Bell::new()?;
        let (channel, descriptor) = (Channel(LASTING + self.new_number()), bell.descriptor());
        self.enter()?.completions.bells.insert(channel, bell);
        Ok((channel, descriptor))
    }

    /// Ends a channel and its descriptor.
    pub fn close_channel(&self, channel: Channel) {
        if let Ok(mut locked) = self.enter() {
            locked.completions.close(channel);
        }
    }

    /// Somebody is to read what `channel` watches: the loop that is served does so itself, and who waits does so.
    fn have_read_for(&self, locked: Locked<'_>, channel: Channel) {
        let needed = locked.completions.need_a_reader();
        drop(locked);
        if needed && channel != Channel::SERVED_LOOP && !self.somebody_waits() {
            self.alarm.stand_in();
        }
    }
}

impl Core {
    /// Tells of something that came, if it is watched.
    pub(super) fn watched_came(&mut self, watched: Watched, data: Option<&Data>) {
        let Some((channels, handle)) = self.completions.watched.remove(&watched) else {
            return;
        };
        for channel in channels {
            let arrival = handle.clone().zip(data.cloned());
            self.completions.push(channel, Completion { watched, arrival });
        }
        self.waits.wake_those(|topic| matches!(topic, Topic::Completions | Topic::Loop));
    }
}

impl Completions {
    /// Has `channel` told of what is watched; `handle` is that of an object.
    fn watch(&mut self, watched: Watched, handle: Option<&Handle>, channel: Channel) {
        let make = || (Channels::new(), handle.cloned());
        let (channels, _) = self.watched.entry(watched).or_insert_with(make);
        if !channels.contains(&channel) {
            channels.push(channel);
        }
    }

    /// Whether somebody is to be told of what comes who does not read the sockets.
    pub(super) fn need_a_reader(&self) -> bool {
        !self.watched.is_empty() || !self.bells.is_empty()
    }

    fn push(&mut self, channel: Channel, completion: Completion) {
        self.came.entry(channel).or_default().push(completion);
        if let Some(bell) = self.bells.get_mut(&channel) {
            bell.ring();
        }
    }

    /// Nothing more will come: those who listen are to ask, and hear so.
    pub(super) fn ring_all(&mut self) {
        self.bells.values_mut().for_each(Bell::ring);
    }

    pub(super) fn take(&mut self, channel: Channel) -> Vec<Completion> {
        if let Some(bell) = self.bells.get_mut(&channel) {
            bell.reset();
        }
        self.came.remove(&channel).unwrap_or_default()
    }

    /// Nobody takes from this channel any more.
    fn close(&mut self, channel: Channel) {
        self.bells.remove(&channel);
        self.came.remove(&channel);
        self.watched.retain(|_, (channels, _)| {
            channels.retain(|other| *other != channel);
            !channels.is_empty()
        });
    }
}

impl Bell {
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self { descriptor: sys::event_counter()?, rung: false })
    }

    /// The descriptor, owned by the engine.
    pub(super) fn descriptor(&self) -> RawFd {
        self.descriptor.as_raw_fd()
    }

    pub(super) fn ring(&mut self) {
        // A counter that is full is readable already.
        self.rung = self.rung || self.descriptor.write_all(&1_u64.to_ne_bytes()).is_ok();
    }

    /// What was rung for is taken: ring again for what comes.
    pub(super) const fn reset(&mut self) {
        self.rung = false;
    }
}
