//! Contents and streams that somebody watches without waiting: futures and event loops.
//!
//! Owns: what is watched and what came, and the descriptors by which others hear of it. Does not own: those others.

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
use super::{Engine, Outcomes};
use crate::sys;

/// Who takes completions. Each loop that the engine does not serve has one of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Channel(u64);

/// Something that can be watched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Watched {
    /// The content of this object.
    Object(ObjectId),
    /// The next item of the stream that this task yields, or its end.
    Stream(TaskId),
}

/// Something that was watched and came.
#[derive(Debug, Clone)]
pub struct Completion {
    /// The number of the watch, which its channel chose.
    pub watch: u64,
    /// The handle that was watched, and the content of its object; none for a stream.
    pub arrival: Option<(Handle, Data)>,
}

/// What is watched and what came.
#[derive(Default)]
pub(super) struct Completions {
    /// By whom, and for objects the handle that was watched.
    watched: Map<Watched, (Watches, Option<Handle>)>,
    came: Map<Channel, Vec<Completion>>,
    /// Of channels that were opened.
    bells: Map<Channel, Bell>,
}

type Watches = SmallVec<[(Channel, u64); 1]>;

/// A descriptor that becomes readable once, however often it is rung, until it is reset.
#[derive(Debug)]
struct Bell {
    descriptor: File,
    rung: bool,
    eager: bool,
}

impl Channel {
    /// That of the loop which the engine serves. Others are numbered from 1.
    pub const SERVED_LOOP: Self = Self(0);
}

impl Engine {
    /// Asks for the content of `handle` without waiting: `channel` is told once, by the number of this watch.
    pub fn watch(&self, handle: &Handle, channel: Channel, watch: u64) -> Outcomes<()> {
        let mut locked = self.enter()?;
        let watched = Watched::Object(handle.object());
        locked.completions.watch(watched, Some(handle), (channel, watch));
        if let Some(data) = handle.data() {
            locked.watched_came(watched, Some(&data));
        } else if handle.ask(true) {
            locked.step(Event::Want { refs: vec![handle.reference()], load: true });
        }
        self.have_read_for(locked, channel);
        Ok(())
    }

    /// Tells `channel` once when the next item of the stream that `task` yields is there, or its end.
    pub fn watch_stream(&self, task: TaskId, channel: Channel, watch: u64) -> Outcomes<()> {
        let mut locked = self.enter()?;
        let watched = Watched::Stream(task);
        locked.completions.watch(watched, None, (channel, watch));
        if locked.role.stream_next(task) != Next::NotYet {
            locked.watched_came(watched, None);
        }
        self.have_read_for(locked, channel);
        Ok(())
    }

    /// What came for a channel, without waiting.
    pub fn completions(&self, channel: Channel) -> Outcomes<Vec<Completion>> {
        Ok(self.enter()?.completions.take(channel))
    }

    /// A channel for an event loop or a thread, and a descriptor that is readable while something came for it; read it (8 bytes)
    /// before [`Self::completions`]. With `eager`, the sockets are read for it even while it watches nothing: it will soon.
    pub fn open_channel(&self, eager: bool) -> Outcomes<(Channel, RawFd)> {
        let bell = Bell::new(eager)?;
        let (channel, descriptor) = (Channel(self.new_number()), bell.descriptor.as_raw_fd());
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
        let Some((watches, handle)) = self.completions.watched.remove(&watched) else {
            return;
        };
        for (channel, watch) in watches {
            let arrival = handle.clone().zip(data.cloned());
            self.completions.push(channel, Completion { watch, arrival });
        }
        self.waits.wake(&Topic::Loop);
    }
}

impl Completions {
    /// Has a channel told of what is watched; `handle` is that of an object.
    fn watch(&mut self, watched: Watched, handle: Option<&Handle>, by: (Channel, u64)) {
        let make = || (Watches::new(), handle.cloned());
        self.watched.entry(watched).or_insert_with(make).0.push(by);
    }

    /// Whether somebody is to be told of what comes who does not read the sockets.
    pub(super) fn need_a_reader(&self) -> bool {
        !self.watched.is_empty() || self.bells.values().any(|bell| bell.eager)
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
            bell.rung = false;
        }
        self.came.remove(&channel).unwrap_or_default()
    }

    /// Nobody takes from this channel any more.
    fn close(&mut self, channel: Channel) {
        self.bells.remove(&channel);
        self.came.remove(&channel);
        self.watched.retain(|_, (watches, _)| {
            watches.retain(|(by, _)| *by != channel);
            !watches.is_empty()
        });
    }
}

impl Bell {
    fn new(eager: bool) -> io::Result<Self> {
        Ok(Self { descriptor: sys::event_counter()?, rung: false, eager })
    }

    fn ring(&mut self) {
        // A counter that is full is readable already.
        self.rung = self.rung || self.descriptor.write_all(&1_u64.to_ne_bytes()).is_ok();
    }
}
