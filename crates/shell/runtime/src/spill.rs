//! Who writes objects to disk and reads them back, seen from the daemon's loop.
//!
//! Owns: the two pipes to and from that thread. Does not own: the files and the thread (`aktis.cluster.spill`), or which
//! objects are written, and when (`objects::Spilling`).
//!
//! ```text
//! job       object (28) | kind (8) | offset in the arena (8) | size (8)
//! outcome   object (28) | why it failed (the rest; nothing if it did not)
//! ```

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};

use roles::node::{DiskJob, Event};
use types::ObjectId;

use crate::sys;

const SPILL: u64 = 1;
const RESTORE: u64 = 2;
const DELETE: u64 = 3;

/// The longest outcome: so much a pipe takes at once.
const OUTCOME_BYTES_MAX: usize = 4096;

/// The pipes, neither of which blocks. The thread ends when they are dropped.
#[derive(Debug)]
pub(crate) struct Spiller {
    /// Takes a job whole or not at all, as the system promises of short messages.
    pub(crate) jobs: File,
    /// Keeps outcomes apart.
    pub(crate) outcomes: File,
}

impl Spiller {
    /// Hands over a job; answers what became of it at once if it cannot be taken.
    pub(crate) fn submit(&mut self, job: DiskJob) -> Option<Event> {
        let (object, numbers) = match job {
            DiskJob::Spill(object, offset, size) => (object, [SPILL, offset, size]),
            DiskJob::Restore(object, offset, size) => (object, [RESTORE, offset, size]),
            DiskJob::Delete(object) => (object, [DELETE, 0, 0]),
        };
        let numbers = numbers.map(u64::to_ne_bytes);
        let told = [&object.to_bytes(), numbers.as_flattened()].concat();
        let error = self.jobs.write_all(&told).err()?;
        // A file that stays goes with the session's directory.
        let is_awaited = !matches!(job, DiskJob::Delete(_));
        let why = format!("too much waits for the disk: {error}");
        is_awaited.then_some(Event::DiskDone(object, Err(why)))
    }

    /// The next thing that was done, if there is one.
    ///
    /// # Errors
    /// If the thread ended, which it has no reason to.
    pub(crate) fn next_outcome(&mut self) -> io::Result<Option<Event>> {
        let mut outcome = [0; OUTCOME_BYTES_MAX];
        let Some(len) = sys::attempt(|| self.outcomes.read(&mut outcome))? else {
            return Ok(None);
        };
        let ended = || io::Error::other("the thread that spills ended");
        let (object, why) = outcome[..len].split_first_chunk().ok_or_else(ended)?;
        let why = String::from_utf8_lossy(why).into_owned();
        let result = if why.is_empty() { Ok(()) } else { Err(why) };
        Ok(Some(Event::DiskDone(ObjectId::from_bytes(*object), result)))
    }
}

impl AsFd for Spiller {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.outcomes.as_fd()
    }
}

#[cfg(test)]
mod tests;
