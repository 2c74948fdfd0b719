//! Tests of lines, from bytes cut anywhere.

use super::*;

fn all(parts: &[&[u8]]) -> (Lines, Vec<String>) {
    let (mut lines, mut seen) = (Lines::default(), Vec::new());
    for part in parts {
        seen.extend(lines.on_bytes(part));
    }
    (lines, seen)
}

#[test]
fn lines_come_out_whole_wherever_the_bytes_are_cut() {
    let written = "one\n\nthr\u{e9}\u{e9}\n".as_bytes();

    for cut in 0..=written.len() {
        let (lines, seen) = all(&[&written[..cut], &written[cut..]]);
        assert_eq!(seen, ["one", "", "thr\u{e9}\u{e9}"]);
        assert!(!lines.is_partial());
    }
}

#[test]
fn a_line_without_an_end_is_shown_when_that_is_wanted() {
    let (mut lines, seen) = all(&[b"\r 10%|#   |"]);
    assert!(seen.is_empty() && lines.is_partial());

    assert_eq!(lines.finish().as_deref(), Some("\r 10%|#   |"));
    assert!(!lines.is_partial());
}

#[test]
fn an_endless_line_is_cut_between_characters() {
    let written = format!("x{}", "\u{e9}".repeat(LINE_BYTES_MAX));
    let (mut lines, mut seen) = all(&[written.as_bytes()]);
    seen.extend(lines.finish());

    assert!(seen.len() > 1);
    assert!(seen.iter().all(|line| line.len() <= LINE_BYTES_MAX));
    assert_eq!(seen.concat(), written);
}

#[test]
fn bytes_that_are_no_text_are_shown_as_such() {
    let (_, seen) = all(&[b"\xff\xfe\n"]);

    assert_eq!(seen, ["\u{fffd}\u{fffd}"]);
}
