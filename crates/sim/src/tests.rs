//! The simulator itself: it repeats itself, finds planted bugs, and its rules are written down.

use super::*;

#[test]
fn one_seed_run_twice_is_the_same_run() {
    for seed in 1..6 {
        let (one, two) = (story(seed), story(seed));

        assert!(one.0.len() > 50, "seed {seed} did next to nothing");
        assert_eq!(one, two);
    }
}
