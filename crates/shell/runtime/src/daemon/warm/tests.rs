//! A test of the warmer, by the memory that a real arena takes.

use std::fs::File;
use std::os::fd::AsFd;
use std::os::unix::fs::MetadataExt;

use super::*;
use crate::daemon::tests::arena;

#[test]
fn as_much_memory_is_touched_ahead_as_was_used_before() {
    let arena = Arc::new(arena(64 << 20));
    let file = File::from(arena.as_fd().try_clone_to_owned().unwrap());
    let touched = || file.metadata().unwrap().blocks() * 512;
    let warmer = Warmer::start(arena).unwrap();

    warmer.on_used(0);
    assert_eq!(touched(), 0);
    warmer.on_used(6 << 20);

    while touched() < 12 << 20 {
        thread::yield_now();
    }
    warmer.on_used(40 << 20);
    while touched() < 56 << 20 {
        thread::yield_now();
    }
    assert!(touched() < 60 << 20);
}
