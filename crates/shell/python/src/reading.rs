//! The memory of Python objects as bytes.
//!
//! Owns: that one view. Does not own: when it is taken (`values`).
#![expect(unsafe_code, reason = "the buffer protocol hands out raw memory")]

use std::slice;

use pyo3::buffer::PyUntypedBuffer;

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
