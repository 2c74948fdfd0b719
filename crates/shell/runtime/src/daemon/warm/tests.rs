//! A test of the warmer, by the memory that a real arena takes.

use std::fs::File;
use std::os::fd::AsFd;
use std::os::unix::fs::MetadataExt;

use super::*;
use crate::daemon::tests::arena;

#[test]
fn memory_is_touched_ahead_of_what_is_used_once_something_large_was_put() {
    let arena = Arc::new(arena(64 << 20));
    let file = File::from(arena.as_fd().try_clone_to_owned().unwrap());
    let touched = || file.metadata().unwrap().blocks() * 512;
    let mut warmer = Warmer::start(arena).unwrap();

    warmer.on_create(1000);
    warmer.on_created(0);
    assert_eq!(warmer.used, 0);
    warmer.on_create(LARGE_BYTES);
    warmer.on_created(0);

    while touched() < (16 << 20) + LARGE_BYTES {
        thread::yield_now();
    }
    assert!(touched() < 32 << 20);
}
