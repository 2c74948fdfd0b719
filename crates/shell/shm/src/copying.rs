//! Copies large values past the caches.
//!
//! Owns: how bytes are stored. Does not own: where they go (`buffer`).
//!
//! A plain copy of more than the caches hold reads every line of its target before it overwrites it. Stores that do
//! not go through the caches spare that: 12 to 14 GB/s instead of 7 to 8 from 16 MiB on, on a machine with 32 MiB of
//! last-level cache (`put_80mb` is the row that shows it).
#![cfg_attr(target_arch = "x86_64", expect(unsafe_code, reason = "stores past the caches"))]

/// Smaller values may still be in a cache when they are read.
pub(crate) const STREAMED_BYTES_MIN: usize = 8 << 20;

/// Copies `bytes` over `target`, which has as many.
pub(crate) fn copy(target: &mut [u8], bytes: &[u8]) {
    target.copy_from_slice(bytes);
}

/// The same past the caches, where that is possible.
#[cfg(not(target_arch = "x86_64"))]
pub(crate) use copy as stream;

/// The same past the caches.
#[cfg(target_arch = "x86_64")]
pub(crate) fn stream(target: &mut [u8], bytes: &[u8]) {
    use std::arch::x86_64::{__m128i, _mm_loadu_si128, _mm_sfence, _mm_stream_si128};

    assert_eq!(target.len(), bytes.len(), "a copy is as long as its source");
    // SAFETY: 16 bytes of any value are a vector.
    let (head, lines, tail) = unsafe { target.align_to_mut::<[__m128i; 4]>() };
    let (first, rest) = bytes.split_at(head.len());
    let (middle, last) = rest.split_at(size_of_val(lines));
    head.copy_from_slice(first);
    for (line, bytes) in lines.iter_mut().zip(middle.chunks_exact(size_of::<[__m128i; 4]>())) {
        let source: *const __m128i = bytes.as_ptr().cast();
        for (at, place) in line.iter_mut().enumerate() {
            // SAFETY: the source has the four vectors of a line, at any alignment; the place is an aligned one.
            unsafe { _mm_stream_si128(place, _mm_loadu_si128(source.add(at))) };
        }
    }
    tail.copy_from_slice(last);
    // SAFETY: takes nothing; makes the stores visible before whatever tells others of them.
    unsafe { _mm_sfence() };
}

#[cfg(test)]
mod tests;
