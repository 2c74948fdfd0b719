//! The protocol changes only with its version: the bytes of one example of every message are written down.
//!
//! Owns: the comparison with `golden/bytes.txt`. After a change of messages, raise `version::VERSION` and run
//! `cargo test -p wire --test golden -- --ignored` to write the file again; the difference is for reviewers.

#[path = "golden/examples.rs"]
mod examples;
#[path = "golden/families.rs"]
mod families;

use std::collections::BTreeMap;
use std::path::Path;

use wire::version::VERSION;

use families::with_family;

const GOLDEN: &str = include_str!("golden/bytes.txt");

#[test]
fn the_bytes_of_every_message_are_those_of_this_version() {
    let written = written();

    for (golden, now) in GOLDEN.lines().zip(written.lines()) {
        assert_eq!(
            golden, now,
            "a message changed: raise the version, write golden/bytes.txt again"
        );
    }
    assert_eq!(GOLDEN, written, "messages came or went: raise the version, write the file again");
}

#[test]
fn every_variant_has_one_example_in_its_place() {
    let mut counts: BTreeMap<&str, u8> = BTreeMap::new();
    for example in examples::all() {
        let count = counts.entry(example.family).or_default();
        assert_eq!(example.bytes[0], *count, "{} {}", example.family, example.variant);
        *count += 1;
    }

    for (family, count) in counts {
        let beyond = with_family(family, &[count]);
        let error = beyond.expect_err("a byte alone is no variant with content");
        assert!(error.contains("SerdeDeCustom"), "{family} has a variant {count} and no example");
    }
}

#[test]
fn every_message_comes_back_as_it_was_sent_and_never_from_a_part_of_it() {
    for example in examples::all() {
        let name = (example.family, example.variant);
        assert_eq!(with_family(name.0, &example.bytes).as_ref(), Ok(&example.bytes), "{name:?}");
        for len in 0..example.bytes.len() {
            let part = with_family(name.0, &example.bytes[..len]);
            assert!(part.is_err(), "{name:?} from {len} bytes");
        }
    }
}

#[test]
#[ignore = "writes golden/bytes.txt"]
fn write_the_golden_bytes() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/bytes.txt");

    std::fs::write(path, written()).unwrap();
}

fn written() -> String {
    let lines = examples::all().into_iter().map(|example| {
        let hex: Vec<String> = example.bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        format!("{} {} {}\n", example.family, example.variant, hex.concat())
    });
    format!("version {VERSION}\n{}", lines.collect::<String>())
}
