//! Tests of copies, at every alignment.

use super::stream;

#[test]
fn a_copy_is_whole_at_every_alignment() {
    let bytes: Vec<u8> = (0..10_000).map(|at| (at % 251) as u8).collect();
    for (shift, cut) in [(0, 0), (1, 0), (0, 1), (7, 9), (16, 3), (63, 64)] {
        let mut target = vec![255; bytes.len() + 64];
        let len = bytes.len() - cut;

        stream(&mut target[shift..shift + len], &bytes[cut..]);

        assert!(target[..shift].iter().all(|byte| *byte == 255), "nothing before it");
        assert!(target[shift..shift + len] == bytes[cut..], "shift {shift}, cut {cut}");
        assert!(target[shift + len..].iter().all(|byte| *byte == 255), "nothing after it");
    }
}
