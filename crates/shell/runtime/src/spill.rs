//! Writes objects to disk and reads them back, on a thread of its own, straight from and to the arena.
//!
//! Owns: the files of spilled objects. Does not own: which objects, or when (`objects::Spilling`).

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread::{self, JoinHandle};

use roles::node::{DiskJob, Event};
use shm::{Buffer, Draft, Segment};
use types::ObjectId;
use types::limits::SPILLS_MAX;

use crate::{signals, sys};

/// The thread and what it was given to do.
#[derive(Debug)]
pub(crate) struct Spiller {
    /// What goes in and what comes out, until the end.
    working: Option<(SyncSender<DiskJob>, Receiver<Event>, JoinHandle<()>)>,
    /// Can be read once something was done.
    bell: Arc<File>,
}

impl Spiller {
    /// Starts the thread. Files lie in `directory`, which is made when it is first needed.
    ///
    /// # Errors
    /// If the system has no thread or descriptor left.
    pub(crate) fn start(directory: PathBuf, arena: Arc<Segment>) -> io::Result<Self> {
        let (sender, jobs) = sync_channel(SPILLS_MAX);
        let (results, done) = sync_channel(SPILLS_MAX);
        let bell = Arc::new(sys::event_counter()?);
        let files = Files { directory, arena };
        let theirs = Arc::clone(&bell);
        let thread = thread::Builder::new()
            .name("aktis-spill".to_owned())
            .stack_size(256 << 10)
            .spawn(move || work(&files, &jobs, &results, &theirs))?;
        Ok(Self { working: Some((sender, done, thread)), bell })
    }

    /// Hands over a job; answers what became of it at once if it cannot be taken.
    pub(crate) fn submit(&self, job: DiskJob) -> Option<Event> {
        let why = match self.working.as_ref()?.0.try_send(job) {
            Ok(()) => return None,
            Err(TrySendError::Full(_)) => format!("{SPILLS_MAX} objects wait for the disk"),
            Err(TrySendError::Disconnected(_)) => "the thread that spills ended".to_owned(),
        };
        match job {
            DiskJob::Spill(object, ..) | DiskJob::Restore(object, ..) => {
                Some(Event::DiskDone(object, Err(why)))
            }
            DiskJob::Delete(_) => None,
        }
    }

    /// What was done since the last call.
    ///
    /// # Errors
    /// If the bell is broken, which it has no reason to be.
    pub(crate) fn outcomes(&self) -> io::Result<Vec<Event>> {
        sys::attempt(|| (&*self.bell).read(&mut [0; 8]))?;
        Ok(self.working.iter().flat_map(|(_, done, _)| done.try_iter()).collect())
    }
}

impl AsFd for Spiller {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.bell.as_fd()
    }
}

impl Drop for Spiller {
    fn drop(&mut self) {
        if let Some((jobs, done, thread)) = self.working.take() {
            drop((jobs, done));
            // A panic in it was printed where it happened; what it left undone ends with the daemon.
            drop(thread.join());
        }
    }
}

struct Files {
    directory: PathBuf,
    arena: Arc<Segment>,
}

fn work(files: &Files, jobs: &Receiver<DiskJob>, results: &SyncSender<Event>, mut bell: &File) {
    signals::block_in_this_thread();
    for job in jobs {
        let (object, result) = match job {
            DiskJob::Spill(object, offset, size) => (object, files.spill(object, offset, size)),
            DiskJob::Restore(object, offset, size) => (object, files.restore(object, offset, size)),
            DiskJob::Delete(object) => {
                // What cannot be removed now goes with the session's directory.
                drop(fs::remove_file(files.path(object)));
                continue;
            }
        };
        let told = results.send(Event::DiskDone(object, result)).is_ok();
        if !told || bell.write_all(&1_u64.to_ne_bytes()).is_err() {
            return;
        }
    }
}

impl Files {
    fn path(&self, object: ObjectId) -> PathBuf {
        self.directory.join(object.to_string().replace(' ', "-"))
    }

    fn spill(&self, object: ObjectId, offset: u64, size: u64) -> Result<(), String> {
        let path = self.path(object);
        let bytes = Buffer::new(Arc::clone(&self.arena), offset, size);
        write(&path, &bytes).map_err(|error| {
            // Half a file takes space that is short already; the error told is the one that matters.
            drop(fs::remove_file(&path));
            explain(&self.directory, &error)
        })
    }

    fn restore(&self, object: ObjectId, offset: u64, size: u64) -> Result<(), String> {
        let path = self.path(object);
        self.arena
            .touch(offset, size)
            .and_then(|()| {
                let mut draft = Draft::new(Arc::clone(&self.arena), offset, size);
                File::open(&path)?.read_exact_at(&mut draft, 0)
            })
            .map_err(|error| format!("cannot read {}: {error}", path.display()))
    }
}

fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    if let Some(directory) = path.parent() {
        fs::create_dir_all(directory)?;
    }
    File::create(path)?.write_all_at(bytes, 0)
}

/// The reason a node tells: it begins with "disk full" if that is what it is.
fn explain(directory: &Path, error: &io::Error) -> String {
    let shown = directory.display();
    let full = matches!(
        error.kind(),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge
    );
    let what = if full { "disk full while spilling" } else { "cannot spill" };
    format!("{what} to {shown}: {error}")
}

#[cfg(test)]
mod tests;
