//! Shared memory: one segment that every process of a machine maps, lent out in ranges.
//!
//! Owns: the mapping, and readable and writable ranges of it. Does not own: which range is whose (`objects::Arena`), or
//! when a range is sealed (`objects::Index`).
//!
//! # What is promised to safe code, and why it holds
//!
//! - **A range is inside the mapping as long as it is held.** It is compared with the length of the segment when it is
//!   made, it keeps the segment mapped, and the segment is sealed against shrinking, so that no process can make a read
//!   fault with SIGBUS by cutting the file.
//! - **A [`Buffer`] does not change while it is held.** The node lends each range to one writer, tells readers of it only
//!   after that writer sealed it, and lends it again only after the last reader, as each tells it, let go.
//!   Every process that maps the segment was given it by the node after it proved that it belongs to the cluster; all run
//!   this code, as one user, who could as well write into their private memory.
//! - **A [`Draft`] is the only way to its range while it is held**, for the same reason.
//!
//! # Where the memory comes from
//!
//! A segment is a `memfd`: it has no name, goes with its last process, and is not part of a mounted file system, so that
//! the size of `/dev/shm` (64 MB in many containers) does not limit it. Its pages count towards the memory limit of the
//! control group that touches them first. Where that limit is reached, touching fails with an error in
//! [`Segment::touch`], whereas a bare write would end the process with SIGBUS.

mod segment;
mod copying;
mod buffer;

pub use buffer::{Buffer, Draft};
pub use segment::Segment;
