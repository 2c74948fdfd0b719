//! The simulator itself: it repeats itself, finds planted bugs, and its rules are written down.
//!
//! Owns: trust in the simulator. Does not own: stories of the roles (`scenarios`).

use super::*;
use crate::rules::RULES;

#[test]
fn one_seed_run_twice_is_the_same_run() {
    for seed in 1..20 {
        let (one, two) = (story(seed), story(seed));

        assert!(one.0.len() > 20, "seed {seed} did next to nothing");
        assert_eq!(one, two);
    }
}

#[test]
fn the_first_seeds_and_those_that_once_failed_break_no_rule() {
    for seed in remembered().into_iter().chain(1..=60) {
        assert_eq!(run(seed, Flaw::None).err(), None, "seed {seed}");
    }
}

#[test]
fn every_planted_flaw_is_found_within_a_hundred_seeds() {
    for flaw in [Flaw::LosesReturns, Flaw::LosesEnds, Flaw::ForgetsBorrowers, Flaw::RepliesEarly] {
        let found = (1..=100).find(|seed| run(*seed, flaw).is_err());

        assert!(found.is_some(), "{flaw:?} was not found");
    }
}

#[test]
fn a_failing_run_shrinks_to_one_that_fails_in_the_same_way() {
    let (run, why) = (1..=100)
        .find_map(|seed| {
            let run = Run::new(seed);
            let why = attempt(&mut World::new(&run, Flaw::LosesEnds, false)).err()?;
            Some((run, why))
        })
        .expect("the flaw is found");

    let smallest = shrink::smallest(run.clone(), &why, Flaw::LosesEnds);

    let size = |run: &Run| run.program.scripts.iter().map(|script| script.ops.len()).sum::<usize>();
    assert!(size(&smallest) < size(&run), "nothing was left out");
    let again = attempt(&mut World::new(&smallest, Flaw::LosesEnds, false)).expect_err("it fails");
    assert_eq!(shrink::kind_of(&again), shrink::kind_of(&why));
}

#[test]
fn the_page_states_every_rule_as_the_code_does() {
    let page = include_str!("../../../docs/simulation.md");

    for rule in RULES {
        let line = format!("- {}: {}", rule.id, rule.sentence);
        assert!(page.contains(&line), "docs/simulation.md lacks: {line}");
    }
    assert_eq!(page.matches("- SIM-").count(), RULES.len(), "the page states rules that are gone");
}
