//! Tests of drafts and buffers, over two mappings of one segment.

use std::os::fd::AsFd;

use super::*;
use crate::segment::tests::created;

#[test]
fn what_one_mapping_wrote_another_reads() {
    let ours = Arc::new(created(1 << 20));
    let descriptor = ours.as_fd().try_clone_to_owned().unwrap();
    let theirs = Arc::new(Segment::map(descriptor, 1 << 20).unwrap());

    Draft::new(ours, 4096, 5).write(0, b"bytes").unwrap();

    assert_eq!(&*Buffer::new(Arc::clone(&theirs), 4096, 5), b"bytes");
    assert_eq!(&*Buffer::new(theirs, 4095, 1), [0]);
}

#[test]
fn what_is_written_is_there_however_often_its_chunks_were_written_before() {
    let ours = Arc::new(created(40 << 20));
    let descriptor = ours.as_fd().try_clone_to_owned().unwrap();
    let theirs = Arc::new(Segment::map(descriptor, 40 << 20).unwrap());
    let bytes: Vec<u8> = (0..(33 << 20) + 7_u32).map(|at| (at % 251) as u8).collect();
    for shift in [3, 64, 0, 1_048_575] {
        let mut draft = Draft::new(Arc::clone(&ours), 4096, 38 << 20);

        draft.write(shift, &bytes).unwrap();
        draft.write(shift, b"ab").unwrap();

        let seen = Buffer::new(Arc::clone(&theirs), 4096 + shift as u64, bytes.len() as u64);
        assert!(seen[..2] == *b"ab" && seen[2..] == bytes[2..], "shifted by {shift}");
    }
}

#[test]
#[should_panic(expected = "is not inside")]
fn a_write_beyond_the_end_of_a_range_is_a_mistake() {
    let segment = Arc::new(created(8192));

    drop(Draft::new(segment, 0, 4096).write(4090, &[0; 7]));
}
