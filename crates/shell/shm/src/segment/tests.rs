//! Tests of one segment, mapped once or twice.

use rustix::fs::{MemfdFlags, fcntl_add_seals, memfd_create};

use super::*;

#[test]
fn a_segment_cannot_be_cut_under_its_readers() {
    let segment = created(1 << 20);
    let file = File::from(segment.as_fd().try_clone_to_owned().unwrap());

    assert_eq!(file.set_len(4096).unwrap_err().kind(), io::ErrorKind::PermissionDenied);
    assert_eq!(file.set_len(2 << 20).unwrap_err().kind(), io::ErrorKind::PermissionDenied);
}

#[test]
fn a_descriptor_that_holds_less_than_promised_is_refused() {
    let segment = created(4096);
    let descriptor = segment.as_fd().try_clone_to_owned().unwrap();

    assert!(Segment::map(descriptor, 8192).is_err());
    let (reader, _writer) = io::pipe().unwrap();
    assert!(Segment::map(reader.into(), 1).is_err());
}

#[test]
fn touching_takes_memory_for_the_range_only_and_changes_nothing() {
    let segment = created(64 << 20);
    let file = File::from(segment.as_fd().try_clone_to_owned().unwrap());
    let blocks = || std::os::unix::fs::MetadataExt::blocks(&file.metadata().unwrap()) * 512;
    assert_eq!(blocks(), 0);

    segment.touch(5000, 1 << 20).unwrap();
    let touched = blocks();
    touch_by_hand(segment.range(0, 1 << 20), 1 << 20);

    assert!((1 << 20..4 << 20).contains(&touched), "{touched} bytes");
    assert!(blocks() <= touched + 8192);
}

#[test]
#[should_panic(expected = "not inside the segment")]
fn a_range_beyond_the_end_is_a_mistake() {
    let segment = created(4096);

    segment.range(1, 4096);
}

/// A segment of zeros.
pub(crate) fn created(len: u64) -> Segment {
    let file = File::from(memfd_create(c"aktis", MemfdFlags::ALLOW_SEALING).unwrap());
    file.set_len(len).unwrap();
    fcntl_add_seals(&file, SealFlags::SHRINK | SealFlags::GROW | SealFlags::SEAL).unwrap();
    Segment::map(file.into(), len).unwrap()
}
