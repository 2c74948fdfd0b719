//! Contents and streams that somebody watches without waiting: futures and event loops.
//!
//! Owns: what is watched and what came, and the descriptors by which event loops hear of it. Does not own: the loops.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::{AsRawFd, RawFd};

use smallvec::SmallVec;
use types::{Map, ObjectId, TaskId};

use super::handles::Handle;
use super::pins::Data;
use crate::sys;

/// Who takes completions. Each loop that the engine does not serve has one of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Channel(u64);

/// Something that was watched and came.
#[derive(Debug, Clone)]
pub enum Completion {
    /// The content of an object.
    Object {
        /// The handle that was watched.
        handle: Handle,
        /// The content.
        data: Data,
    },
    /// The next item of the stream that this task yields, or its end.
    Stream(TaskId),
}

/// What is watched and what came.
pub(super) struct Completions {
    objects: Map<ObjectId, (Handle, Channels)>,
    streams: Map<TaskId, Channels>,
    takers: Map<Channel, Taker>,
    next: u64,
}

type Channels = SmallVec<[Channel; 1]>;

#[derive(Default)]
struct Taker {
    came: Vec<Completion>,
    bell: Option<Bell>,
}

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

impl Default for Completions {
    fn default() -> Self {
        let lasting = [Channel::THREADS, Channel::SERVED_LOOP];
        let takers = lasting.into_iter().map(|channel| (channel, Taker::default())).collect();
        let next = lasting.len() as u64;
        Self { objects: Map::default(), streams: Map::default(), takers, next }
    }
}

impl Completions {
    pub(super) fn watch(&mut self, handle: &Handle, channel: Channel) {
        let entry = self.objects.entry(handle.object());
        note(&mut entry.or_insert_with(|| (handle.clone(), Channels::new())).1, channel);
    }

    pub(super) fn watch_stream(&mut self, task: TaskId, channel: Channel) {
        note(self.streams.entry(task).or_default(), channel);
    }

    /// Whether anything is watched.
    pub(super) fn are_awaited(&self) -> bool {
        !self.objects.is_empty() || !self.streams.is_empty()
    }

    /// A content came; whether it was watched.
    pub(super) fn came(&mut self, object: ObjectId, data: &Data) -> bool {
        if self.objects.is_empty() {
            return false;
        }
        let Some((handle, channels)) = self.objects.remove(&object) else {
            return false;
        };
        for channel in channels {
            let (handle, data) = (handle.clone(), data.clone());
            self.push(channel, Completion::Object { handle, data });
        }
        true
    }

    /// A stream moved; whether it was watched.
    pub(super) fn stream_moved(&mut self, task: TaskId) -> bool {
        if self.streams.is_empty() {
            return false;
        }
        let Some(channels) = self.streams.remove(&task) else {
            return false;
        };
        for channel in channels {
            self.push(channel, Completion::Stream(task));
        }
        true
    }

    /// What came for a channel that was closed goes nowhere.
    pub(super) fn push(&mut self, channel: Channel, completion: Completion) {
        if let Some(taker) = self.takers.get_mut(&channel) {
            taker.came.push(completion);
            if let Some(bell) = &mut taker.bell {
                bell.ring();
            }
        }
    }

    pub(super) fn take(&mut self, channel: Channel) -> Vec<Completion> {
        let Some(taker) = self.takers.get_mut(&channel) else {
            return Vec::new();
        };
        if let Some(bell) = &mut taker.bell {
            bell.reset();
        }
        std::mem::take(&mut taker.came)
    }

    /// A channel with a bell that rings when something came.
    pub(super) fn open(&mut self) -> io::Result<(Channel, RawFd)> {
        let bell = Bell::new()?;
        let (channel, descriptor) = (Channel(self.next), bell.descriptor());
        self.next += 1;
        self.takers.insert(channel, Taker { came: Vec::new(), bell: Some(bell) });
        Ok((channel, descriptor))
    }

    /// Nobody takes from this channel any more. What it watches is forgotten when it comes.
    pub(super) fn close(&mut self, channel: Channel) {
        self.takers.remove(&channel);
    }
}

fn note(channels: &mut Channels, channel: Channel) {
    if !channels.contains(&channel) {
        channels.push(channel);
    }
}

impl Bell {
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self { descriptor: sys::eventfd()?, rung: false })
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
