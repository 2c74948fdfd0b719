//! Maps and unmaps one segment, and writes to it.
//!
//! Owns: the descriptor, the mapping, and the cheapest way to each part of it. Does not own: what lies in it (`buffer`).
#![expect(unsafe_code, reason = "maps memory")]

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::FileExt;
use std::ptr::{self, NonNull};
use std::slice;
use std::sync::atomic::{AtomicU8, Ordering};
use std::thread;

use rustix::fs::{SealFlags, fcntl_get_seals};
use rustix::io::Errno;
use rustix::mm::{Advice, MapFlags, ProtFlags, madvise, mmap, munmap};
use types::limits::ARENA_GRAIN_BYTES;

use crate::copying::{STREAMED_BYTES_MIN, copy, stream};

/// How finely a process remembers what it has written.
const CHUNK_BYTES: u64 = 1 << 20;
/// So many chunks are copied to on two threads, which copy 23 GB/s where one copies 19, on two cores; fewer are copied
/// sooner than a thread is started. More than two add nothing there, and others may copy at the same time.
const CHUNKS_SHARED_MIN: usize = 32;

/// This process has not written to the chunk. It does so by a system call: a new page is then filled without being
/// made zero first, 1.8 times as fast as through the mapping.
const UNTOUCHED: u8 = 0;
/// It has written to it by a system call: the pages are there, but not in the mapping.
const FILLED: u8 = 1;
/// The pages are in the mapping: a copy makes no fault.
const MAPPED: u8 = 2;

/// Memory that several processes map.
#[derive(Debug)]
pub struct Segment {
    file: File,
    start: NonNull<u8>,
    len: usize,
    /// How far this process has come with each chunk. Pages stay.
    chunks: Box<[AtomicU8]>,
}

/// A part of what is written, in one chunk.
struct Piece<'a> {
    chunk: u64,
    offset: u64,
    bytes: &'a [u8],
}

// SAFETY: the mapping belongs to the process, not to a thread; access to its ranges is what the crate's page says.
unsafe impl Send for Segment {}
// SAFETY: likewise.
unsafe impl Sync for Segment {}

impl Segment {
    /// Maps a segment that another process created.
    ///
    /// # Errors
    /// If it is shorter than `len`, might become so, or cannot be mapped.
    pub fn map(descriptor: OwnedFd, len: u64) -> io::Result<Self> {
        let seals = fcntl_get_seals(&descriptor).unwrap_or(SealFlags::empty());
        let file = File::from(descriptor);
        if !seals.contains(SealFlags::SHRINK) || file.metadata()?.len() < len {
            let told = format!("no sealed segment of {len} bytes came with the descriptor");
            return Err(io::Error::new(io::ErrorKind::InvalidData, told));
        }
        let len = usize::try_from(len).map_err(io::Error::other)?;
        let access = ProtFlags::READ | ProtFlags::WRITE;
        let flags = MapFlags::SHARED | MapFlags::NORESERVE;
        // SAFETY: a new mapping at an address that the kernel chooses touches no memory in use.
        let start = unsafe { mmap(ptr::null_mut(), len, access, flags, &file, 0) }?;
        let start = NonNull::new(start.cast()).ok_or_else(|| io::Error::other("mapped at zero"))?;
        let chunks = (0..len.div_ceil(CHUNK_BYTES as usize)).map(|_| AtomicU8::new(UNTOUCHED));
        Ok(Self { file, start, len, chunks: chunks.collect() })
    }

    /// How many bytes it has.
    #[must_use]
    pub const fn len(&self) -> u64 {
        self.len as u64
    }

    /// Whether it has none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Copies `bytes` to `offset`, on two threads if that is worth it. The range must be the caller's alone.
    ///
    /// # Errors
    /// If there is no memory left for them.
    pub(crate) fn write(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let copy = if bytes.len() >= STREAMED_BYTES_MIN { stream } else { copy };
        let is_untouched = |piece: &Piece<'_>| {
            self.chunks[piece.chunk as usize].load(Ordering::Relaxed) == UNTOUCHED
        };
        let (untouched, touched): (Vec<_>, Vec<_>) = pieces(offset, bytes).partition(is_untouched);
        self.store_all(&touched, copy)?;
        // The kernel lets one thread at a time write to a file by system calls.
        self.fill(&untouched)
    }

    fn store_all(&self, pieces: &[Piece<'_>], copy: fn(&mut [u8], &[u8])) -> io::Result<()> {
        if pieces.len() < CHUNKS_SHARED_MIN {
            return self.store(pieces, copy);
        }
        let (mine, theirs) = pieces.split_at(pieces.len() / 2);
        thread::scope(|scope| {
            let other = scope.spawn(|| self.store(theirs, copy));
            let done = self.store(mine, copy);
            done.and(other.join().unwrap_or_else(|_| Err(io::Error::other("a thread ended"))))
        })
    }

    fn store(&self, pieces: &[Piece<'_>], copy: fn(&mut [u8], &[u8])) -> io::Result<()> {
        for piece in pieces {
            let chunk = &self.chunks[piece.chunk as usize];
            if chunk.load(Ordering::Relaxed) == FILLED {
                let begin = piece.chunk * CHUNK_BYTES;
                self.touch(begin, CHUNK_BYTES.min(self.len() - begin))?;
                chunk.store(MAPPED, Ordering::Relaxed);
            }
            let start = self.range(piece.offset, piece.bytes.len() as u64);
            // SAFETY: the range is inside the mapping, and the caller's alone.
            let target = unsafe { slice::from_raw_parts_mut(start.as_ptr(), piece.bytes.len()) };
            copy(target, piece.bytes);
        }
        Ok(())
    }

    fn fill(&self, pieces: &[Piece<'_>]) -> io::Result<()> {
        for piece in pieces {
            self.file.write_all_at(piece.bytes, piece.offset)?;
            self.chunks[piece.chunk as usize].store(FILLED, Ordering::Relaxed);
        }
        Ok(())
    }

    /// Makes the pages of a range ready to be written without a fault. What lies in them does not change.
    ///
    /// # Errors
    /// If there is no memory left for them.
    ///
    /// # Panics
    /// If the range is not inside the segment.
    pub fn touch(&self, offset: u64, len: u64) -> io::Result<()> {
        let first = offset - offset % ARENA_GRAIN_BYTES;
        let start = self.range(first, len + (offset - first));
        let len = (len + (offset - first)) as usize;
        // SAFETY: the range is mapped, as `range` saw to; the advice changes none of its bytes.
        match unsafe { madvise(start.as_ptr().cast(), len, Advice::LinuxPopulateWrite) } {
            // Kernels before 5.14 do not know the advice.
            Err(Errno::INVAL) => touch_by_hand(start, len),
            done => done?,
        }
        Ok(())
    }

    /// Where a range begins.
    ///
    /// # Panics
    /// If the range is not inside the segment.
    pub(crate) fn range(&self, offset: u64, len: u64) -> NonNull<u8> {
        let end = offset.checked_add(len);
        assert!(
            end.is_some_and(|end| end <= self.len()),
            "{len} bytes at {offset} are not inside the segment of {} bytes",
            self.len
        );
        // SAFETY: the offset was just seen to be inside the mapping.
        unsafe { self.start.add(offset as usize) }
    }
}

fn pieces(offset: u64, bytes: &[u8]) -> impl Iterator<Item = Piece<'_>> {
    let head = (CHUNK_BYTES - offset % CHUNK_BYTES).min(bytes.len() as u64) as usize;
    let (first, rest) = bytes.split_at(head);
    let mut offset = offset;
    [first].into_iter().chain(rest.chunks(CHUNK_BYTES as usize)).map(move |bytes| {
        let piece = Piece { chunk: offset / CHUNK_BYTES, offset, bytes };
        offset += bytes.len() as u64;
        piece
    })
}

fn touch_by_hand(start: NonNull<u8>, len: usize) {
    for at in (0..len).step_by(ARENA_GRAIN_BYTES as usize) {
        // SAFETY: the byte is mapped; an atomic access of one byte may happen beside any other.
        let byte = unsafe { AtomicU8::from_ptr(start.add(at).as_ptr()) };
        byte.fetch_or(0, Ordering::Relaxed);
    }
}

impl AsFd for Segment {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}

impl Drop for Segment {
    fn drop(&mut self) {
        // SAFETY: every range keeps its segment, so that nobody uses the mapping any more.
        let result = unsafe { munmap(self.start.as_ptr().cast(), self.len) };
        assert_eq!(result, Ok(()), "a mapping that was made can be unmapped");
    }
}

#[cfg(test)]
pub(crate) mod tests;
