//! The roles of aktis in a made-up world: a driver or two, a node, a head and workers, from a seed.
//!
//! Owns: one run from its seed to its verdict. Does not own: any behaviour of the roles, which are the real ones.
//!
//! A failure says which rule broke, in words, and tells the last steps that touched the ids it names.
//! `make sim SEED=17` repeats it, step by step the same. `docs/simulation.md` lists the rules.

mod content;
mod daemon;
mod faults;
mod fiber;
mod handles;
mod making;
mod memory;
mod network;
mod outside;
mod placing;
mod process;
mod reference;
pub mod rules;
#[cfg(test)]
mod scenarios;
mod script;
mod seeds;
mod shrink;
mod story;
#[cfg(test)]
mod tests;
mod workload;
mod world;

use std::panic::{AssertUnwindSafe, catch_unwind};

pub use outside::Flaw;
pub use seeds::remembered;
use workload::Run;
use world::World;

/// How many steps of a story are told.
const TOLD: usize = 120;

/// A run that broke a rule.
#[derive(Debug)]
pub struct Failed {
    /// Its seed.
    pub seed: u64,
    /// Which rule, and how.
    pub why: String,
    /// The smallest run found that breaks it likewise.
    pub smallest: String,
    /// The last steps of that run that touched the ids involved, or all of them if they are few.
    pub story: Vec<String>,
}

/// Runs a seed to its end: how many steps it took, or what broke, in short.
///
/// # Errors
/// If a rule does not hold.
pub fn run(seed: u64, flaw: Flaw) -> Result<u64, String> {
    let mut world = World::new(&Run::new(seed), flaw, false);
    attempt(&mut world)
}

/// Everything that happened in a run, line by line, and its verdict.
pub fn story(seed: u64) -> (Vec<String>, Result<u64, String>) {
    let mut world = World::new(&Run::new(seed), Flaw::None, true);
    let verdict = attempt(&mut world);
    (world.take_story(), verdict)
}

/// The smallest form of a run that fails, and its story.
#[must_use]
pub fn explain(seed: u64) -> Option<Failed> {
    let run = Run::new(seed);
    let why = attempt(&mut World::new(&run, Flaw::None, false)).err()?;
    let smallest = shrink::smallest(run, &why, Flaw::None);
    let mut world = World::new(&smallest, Flaw::None, true);
    let why = attempt(&mut world).err().unwrap_or(why);
    let story = story::about(&why, &world.take_story(), TOLD);
    Some(Failed { seed, why, smallest: shrink::describe(&smallest), story })
}

/// Runs a world; what its roles and rules assert becomes the answer.
fn attempt(world: &mut World) -> Result<u64, String> {
    let ended = catch_unwind(AssertUnwindSafe(|| world.run()));
    ended.map(|()| world.steps).map_err(|panic| match panic.downcast::<String>() {
        Ok(text) => *text,
        Err(other) => other
            .downcast::<&str>()
            .map_or_else(|_| "a panic".to_owned(), |text| (*text).to_owned()),
    })
}
