//! Ranges of a segment: a draft while it is written, a buffer once it is sealed.
//!
//! Owns: access to the bytes. Does not own: the protocol that makes it exclusive or shared (the crate's page).
#![expect(unsafe_code, reason = "lends out mapped memory as slices")]

use std::any::Any;
use std::fmt;
use std::io;
use std::ops::{Deref, DerefMut};
use std::ptr::NonNull;
use std::slice;
use std::sync::Arc;

use crate::segment::Segment;

/// Something that is dropped when the last reader of a range lets go: it tells the node.
pub type Guard = Arc<dyn Any + Send + Sync>;

/// A sealed range, readable as long as it is held.
#[derive(Clone)]
pub struct Buffer {
    range: Range,
    _guard: Option<Guard>,
}

/// A range that its only writer fills.
pub struct Draft {
    range: Range,
}

#[derive(Clone)]
struct Range {
    start: NonNull<u8>,
    offset: u64,
    len: usize,
    segment: Arc<Segment>,
}

// SAFETY: the mapping belongs to the process, not to a thread, and `segment` keeps it.
unsafe impl Send for Range {}
// SAFETY: shared access only reads.
unsafe impl Sync for Range {}

impl Range {
    fn new(segment: Arc<Segment>, offset: u64, len: u64) -> Self {
        let start = segment.range(offset, len);
        Self { start, offset, len: len as usize, segment }
    }

    fn as_slice(&self) -> &[u8] {
        // SAFETY: the range is inside the mapping, which `segment` keeps; nobody writes to it, as the crate's page says.
        unsafe { slice::from_raw_parts(self.start.as_ptr(), self.len) }
    }
}

impl Buffer {
    /// The sealed range of `len` bytes at `offset`, for as long as `guard` is kept by this buffer and its clones.
    ///
    /// # Panics
    /// If the range is not inside the segment.
    #[must_use]
    pub fn new(segment: Arc<Segment>, offset: u64, len: u64, guard: Option<Guard>) -> Self {
        Self { range: Range::new(segment, offset, len), _guard: guard }
    }
}

impl Draft {
    /// The range of `len` bytes at `offset`, which the node lent to this process to write.
    ///
    /// # Panics
    /// If the range is not inside the segment.
    #[must_use]
    pub fn new(segment: Arc<Segment>, offset: u64, len: u64) -> Self {
        Self { range: Range::new(segment, offset, len) }
    }

    /// Copies `bytes` to `place`, counted from its beginning.
    ///
    /// # Errors
    /// If there is no memory left for them, where a bare write would end the process.
    ///
    /// # Panics
    /// If they do not fit.
    pub fn write(&mut self, place: usize, bytes: &[u8]) -> io::Result<()> {
        let range = place..place + bytes.len();
        assert!(range.end <= self.range.len, "{range:?} is not inside {self:?}");
        self.range.segment.write(self.range.offset + place as u64, bytes)
    }
}

impl Deref for Buffer {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.range.as_slice()
    }
}

impl Deref for Draft {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.range.as_slice()
    }
}

impl DerefMut for Draft {
    fn deref_mut(&mut self) -> &mut [u8] {
        // SAFETY: the range is inside the mapping, which `segment` keeps; this draft is the only way to it.
        unsafe { slice::from_raw_parts_mut(self.range.start.as_ptr(), self.range.len) }
    }
}

impl fmt::Debug for Buffer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Buffer({} bytes)", self.range.len)
    }
}

impl fmt::Debug for Draft {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Draft({} bytes)", self.range.len)
    }
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsFd;

    use super::*;

    #[test]
    fn what_one_mapping_wrote_another_reads() {
        let ours = Arc::new(Segment::create(1 << 20).unwrap());
        let descriptor = ours.as_fd().try_clone_to_owned().unwrap();
        let theirs = Arc::new(Segment::map(descriptor, 1 << 20).unwrap());

        Draft::new(ours, 4096, 5).copy_from_slice(b"bytes");

        assert_eq!(&*Buffer::new(Arc::clone(&theirs), 4096, 5, None), b"bytes");
        assert_eq!(&*Buffer::new(theirs, 4095, 1, None), [0]);
    }

    #[test]
    fn what_is_written_is_there_however_often_its_chunks_were_written_before() {
        let ours = Arc::new(Segment::create(40 << 20).unwrap());
        let descriptor = ours.as_fd().try_clone_to_owned().unwrap();
        let theirs = Arc::new(Segment::map(descriptor, 40 << 20).unwrap());
        let bytes: Vec<u8> = (0..(33 << 20) + 7_u32).map(|at| (at % 251) as u8).collect();
        for shift in [3, 64, 0, 1_048_575] {
            let mut draft = Draft::new(Arc::clone(&ours), 4096, 38 << 20);

            draft.write(shift, &bytes).unwrap();
            draft.write(shift, b"ab").unwrap();

            let seen =
                Buffer::new(Arc::clone(&theirs), 4096 + shift as u64, bytes.len() as u64, None);
            assert!(seen[..2] == *b"ab" && seen[2..] == bytes[2..], "shifted by {shift}");
        }
    }

    #[test]
    #[should_panic(expected = "is not inside")]
    fn a_write_beyond_the_end_of_a_range_is_a_mistake() {
        let segment = Arc::new(Segment::create(8192).unwrap());

        drop(Draft::new(segment, 0, 4096).write(4090, &[0; 7]));
    }

    #[test]
    fn a_guard_is_let_go_with_the_last_clone() {
        let segment = Arc::new(Segment::create(4096).unwrap());
        let guard: Guard = Arc::new(());
        let watched = Arc::downgrade(&guard);
        let buffer = Buffer::new(segment, 0, 4096, Some(guard));
        let clone = buffer.clone();

        drop(buffer);
        assert!(watched.upgrade().is_some());
        drop(clone);

        assert!(watched.upgrade().is_none());
    }
}
