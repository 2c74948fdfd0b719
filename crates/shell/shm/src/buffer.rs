//! Ranges of a segment: a draft while it is written, a buffer once it is sealed.
//!
//! Owns: access to the bytes. Does not own: the protocol that makes it exclusive or shared (the crate's page).
#![expect(unsafe_code, reason = "lends out mapped memory as slices")]

use std::fmt;
use std::io;
use std::ops::Deref;
use std::ptr::NonNull;
use std::slice;
use std::sync::Arc;

use crate::segment::Segment;

/// A sealed range, readable as long as it is held.
#[derive(Clone)]
pub struct Buffer {
    range: Range,
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
    /// The sealed range of `len` bytes at `offset`.
    ///
    /// # Panics
    /// If the range is not inside the segment.
    #[must_use]
    pub fn new(segment: Arc<Segment>, offset: u64, len: u64) -> Self {
        Self { range: Range::new(segment, offset, len) }
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
mod tests;
