//! Decides where the bytes of objects are on one node.
//!
//! Owns: which range of the arena is whose, who reads it, and what is on disk. Does not own: the memory (`shm`), the
//! files (`runtime`), or who may still need an object (`ownership`).
//!
//! In reading order: an `Arena` hands out ranges, `Spilling` says what may leave, and the [`Index`] knows every
//! object. The rules that they keep are in `docs/machines/objects.md`.

mod arena;
mod index;
mod spilling;
#[cfg(test)]
mod tests;

pub use index::{DiskJob, Index, Order};
