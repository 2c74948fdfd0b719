//! Memory lent through the buffer protocol without a copy: parts of contents to Python, and of Python's objects here.
//!
//! Owns: how long the memory of contents stays. Does not own: where it lies (`runtime`), or when views of Python's
//! objects are taken (`values`).
#![expect(unsafe_code, reason = "the buffer protocol is a table of C pointers")]

use std::ffi::{c_int, c_void};
use std::ops::Range;
use std::slice;
use std::sync::Arc;

use pyo3::buffer::PyUntypedBuffer;
use pyo3::exceptions::PyBufferError;
use pyo3::ffi;
use pyo3::prelude::*;
use runtime::engine::Pinned;
use types::Payload;

/// Memory that stays where it is, unchanged, while this lives.
#[derive(Debug, Clone)]
pub(crate) enum Memory {
    /// Of this process.
    Own(Payload),
    /// Shared with other processes.
    Shared(Arc<Pinned>),
}

/// A read-only part of a content. The object stays pinned as long as anybody looks at it.
#[pyclass(frozen, module = "aktis._core")]
pub(crate) struct Buffer {
    memory: Memory,
    range: Range<usize>,
}

impl Memory {
    pub(crate) fn bytes(&self) -> &[u8] {
        match self {
            Self::Own(payload) => payload,
            Self::Shared(pinned) => pinned,
        }
    }
}

impl Buffer {
    pub(crate) const fn new(memory: Memory, range: Range<usize>) -> Self {
        Self { memory, range }
    }

    fn bytes(&self) -> &[u8] {
        &self.memory.bytes()[self.range.clone()]
    }
}

#[pymethods]
impl Buffer {
    fn __len__(&self) -> usize {
        self.range.len()
    }

    unsafe fn __getbuffer__(
        slf: Bound<'_, Self>,
        view: *mut ffi::Py_buffer,
        flags: c_int,
    ) -> PyResult<()> {
        let bytes = slf.get().bytes();
        let (start, len) =
            (bytes.as_ptr().cast::<c_void>().cast_mut(), bytes.len() as ffi::Py_ssize_t);
        // SAFETY: `view` comes from the interpreter. The view holds a reference to `slf`, which is frozen and keeps
        // the memory; the memory never changes and is declared read-only.
        let filled = unsafe { ffi::PyBuffer_FillInfo(view, slf.as_ptr(), start, len, 1, flags) };
        if filled == 0 {
            return Ok(());
        }
        let why = "the content of an object is read-only";
        Err(PyErr::take(slf.py()).unwrap_or_else(|| PyBufferError::new_err(why)))
    }
}

/// The bytes of a contiguous buffer, in the order of its memory.
///
/// As with every reader of Python buffers, what another thread writes meanwhile may be seen in part.
pub(crate) fn bytes_of(view: &PyUntypedBuffer) -> &[u8] {
    if view.len_bytes() == 0 {
        return &[];
    }
    // SAFETY: the exporter keeps these bytes where they are while the view lives; callers checked that they are
    // contiguous. A value that changes while it is stored is the user's own race; no reference or length lies in it.
    unsafe { slice::from_raw_parts(view.buf_ptr().cast::<u8>(), view.len_bytes()) }
}
