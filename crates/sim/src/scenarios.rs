//! Stories written by hand, each told many times with other delays: what once went wrong, at its smallest.
//!
//! Owns: how a story is told. Does not own: rules (`rules`).

mod circles;
mod ends;
mod lending;
mod memory;
mod refs;

use types::Settings;

use crate::attempt;
use crate::faults::Fault;
use crate::outside::Flaw;
use crate::script::{Made, Op, Program, Script, Slot, Submit};
use crate::workload::Run;
use crate::world::World;

/// How often a story is told.
const TOLD: u64 = 60;

/// A story: its first script is the program of its only driver.
#[derive(Debug)]
struct Story {
    scripts: Vec<Script>,
    faults: Vec<Fault>,
    arena_bytes: u64,
    calm: bool,
    circular: bool,
    cpus: u64,
    settings: Settings,
}

impl Story {
    fn of(scripts: Vec<Script>) -> Self {
        let settings = Settings { lease_linger_ms: 1, workers_max: 16, ..Settings::default() };
        let (faults, arena_bytes) = (Vec::new(), 64 << 20);
        Self { scripts, faults, arena_bytes, calm: true, circular: false, cpus: 3, settings }
    }

    /// Tells the story with many seeds.
    ///
    /// # Panics
    /// If a rule breaks.
    fn holds(self) {
        for seed in 1..=TOLD {
            let program = Program {
                scripts: self.scripts.clone(),
                roots: vec![0],
                calm: self.calm,
                circular: self.circular,
            };
            let run = Run {
                seed,
                program,
                faults: self.faults.clone(),
                cpus: self.cpus,
                arena_bytes: self.arena_bytes,
                settings: self.settings.clone(),
            };
            let verdict = attempt(&mut World::new(&run, Flaw::None, false));
            assert!(verdict.is_ok(), "with seed {seed}: {verdict:?}");
        }
    }
}

fn script(ops: Vec<Op>, results: Vec<Made>) -> Script {
    Script { ops, results, ..Script::default() }
}

/// A call of a script whose first return is in this slot.
fn call(slot: Slot, script: usize, dependencies: Vec<Slot>) -> Submit {
    Submit {
        slot,
        template: slot,
        script,
        dependencies,
        cpu: 10_000,
        retries: 3,
        ..Submit::default()
    }
}

fn submit(submit: Submit) -> Op {
    Op::Submit(Box::new(submit))
}

fn holding(slot: Slot) -> Made {
    Made { size: 0, contains: vec![slot] }
}

fn large(size: u64) -> Made {
    Made { size, contains: Vec::new() }
}
