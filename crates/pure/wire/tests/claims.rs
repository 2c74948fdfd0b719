//! A length that a frame merely claims sets no memory aside.
//!
//! One test, alone in its process: it measures the process.

#[path = "golden/examples.rs"]
mod examples;
#[path = "golden/families.rs"]
mod families;

use families::with_family;

/// More than the decoder may set aside for one message, whatever lengths it claims.
const CLAIMED_BYTES_MAX: u64 = 16 << 20;
/// A varint of 2^40: more than a machine has, were it believed.
const CLAIM: [u8; 6] = [0x80, 0x80, 0x80, 0x80, 0x80, 0x20];

#[test]
fn a_claimed_length_sets_no_memory_aside() {
    let examples = examples::all();
    let before = peak_memory_bytes();

    for examples::Example { family, variant, bytes } in examples {
        let claimed = |place: usize| [&bytes[..place], &CLAIM, &bytes[place..]].concat();
        let refused = |place: &usize| with_family(family, &claimed(*place)).is_err();
        let refused = (0..bytes.len()).filter(refused).count();
        assert!(refused > 0, "{family} {variant} is believed whatever it claims");
    }

    let grown = peak_memory_bytes() - before;
    assert!(grown < CLAIMED_BYTES_MAX, "decoding set {grown} bytes aside");
}

/// The most address space that this process ever had: set aside counts, touched or not.
fn peak_memory_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux tells");
    let line = status.lines().find_map(|line| line.strip_prefix("VmPeak:"));
    let kilobytes = line.and_then(|line| line.trim().strip_suffix(" kB"));
    kilobytes.and_then(|number| number.parse::<u64>().ok()).expect("a number of kB") << 10
}
