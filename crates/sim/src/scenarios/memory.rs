//! Shared memory that is short.
//!
//! Owns: stories of objects that are written, moved to disk and read. Does not own: refs (`refs`).

use super::{Story, call, large, script, submit};
use crate::faults::{Fault, Trouble};
use crate::script::{Op, Submit};

#[test]
fn objects_that_do_not_fit_go_to_disk_and_come_back() {
    let root = (0..8).map(|slot| Op::Put(slot, large(40_000))).chain((0..8).map(Op::Get)).collect();

    Story { arena_bytes: 192 << 10, ..Story::of(vec![script(root, vec![])]) }.holds();
}

#[test]
fn a_full_disk_fails_only_the_one_who_needed_it() {
    let root = (0..8).map(|slot| Op::Put(slot, large(40_000))).chain((0..8).map(Op::Get)).collect();
    let fault = Fault { at_step: 20, kind: Trouble::DiskFull(2) };
    let story = Story::of(vec![script(root, vec![])]);

    Story { arena_bytes: 192 << 10, faults: vec![fault], ..story }.holds();
}

#[test]
fn a_range_that_an_interrupted_task_no_longer_wants_is_free_again() {
    let writes = script(vec![Op::Work(900)], vec![large(40_000), large(40_000)]);
    let limited = Submit { timeout_us: Some(1_000), ..call(0, 1, vec![]) };
    let root = vec![submit(limited), Op::Get(0), Op::Get(1)];

    Story { calm: false, ..Story::of(vec![script(root, vec![]), writes]) }.holds();
}
