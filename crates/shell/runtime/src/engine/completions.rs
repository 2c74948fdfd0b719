//! Contents that somebody watches without a thread: futures and event loops.
//!
//! Owns: what is watched and what came, and the descriptors by which event loops hear of it. Does not own: the loops.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::{AsRawFd, RawFd};

use types::{Map, ObjectId};

use super::handles::Handle;
use super::pins::Data;
use crate::sys;

/// A watched object and its content.
#[derive(Debug, Clone)]
pub struct Completion {
    /// The handle that was watched.
    pub handle: Handle,
    /// The content.
    pub data: Data,
}

/// What is watched and what came.
#[derive(Default)]
pub(super) struct Completions {
    watched: Map<ObjectId, Handle>,
    came: Vec<Completion>,
    bell: Option<Bell>,
}

/// A descriptor that becomes readable once, however often it is rung, until it is reset.
#[derive(Debug)]
pub(super) struct Bell {
    descriptor: File,
    rung: bool,
}

impl Completions {
    pub(super) fn watch(&mut self, handle: &Handle) {
        self.watched.insert(handle.object(), handle.clone());
    }

    /// Whether anything is watched.
    pub(super) fn are_awaited(&self) -> bool {
        !self.watched.is_empty()
    }

    /// A content came; whether it was watched.
    pub(super) fn came(&mut self, object: ObjectId, data: &Data) -> bool {
        if self.watched.is_empty() {
            return false;
        }
        let Some(handle) = self.watched.remove(&object) else {
            return false;
        };
        self.push(Completion { handle, data: data.clone() });
        true
    }

    pub(super) fn push(&mut self, completion: Completion) {
        self.came.push(completion);
        if let Some(bell) = &mut self.bell {
            bell.ring();
        }
    }

    pub(super) fn take(&mut self) -> Vec<Completion> {
        if let Some(bell) = &mut self.bell {
            bell.reset();
        }
        std::mem::take(&mut self.came)
    }

    pub(super) fn bell(&mut self) -> io::Result<&Bell> {
        let bell = match self.bell.take() {
            Some(bell) => bell,
            None => Bell::new()?,
        };
        let bell = self.bell.insert(bell);
        if !self.came.is_empty() {
            bell.ring();
        }
        Ok(bell)
    }
}

impl Bell {
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self { descriptor: File::from(sys::eventfd()?), rung: false })
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
