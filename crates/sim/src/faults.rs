//! What goes wrong in a run, and when.
//!
//! Owns: the kinds of faults and how many a run has. Does not own: what follows from them (`world`).

use types::Rng;

/// One fault.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Fault {
    /// After so many steps.
    pub(crate) at_step: u64,
    pub(crate) kind: Trouble,
}

/// What goes wrong.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Trouble {
    /// One of the workers is killed; the number picks it among those that live.
    KillWorker(u64),
    KillDriver(u64),
    /// All that a worker says and hears is late.
    SlowWorker(u64, u64),
    /// So many objects cannot be written to disk.
    DiskFull(u32),
    FailingForks(u32),
    LateForks(u32),
}

/// The faults of a run.
pub(crate) fn plan(rng: &mut Rng) -> Vec<Fault> {
    if rng.chance(2, 5) {
        return Vec::new();
    }
    let steps = [200, 1000, 4000][rng.below(3) as usize];
    let count = 1 + rng.below(4);
    let mut faults: Vec<Fault> =
        (0..count).map(|_| Fault { at_step: rng.below(steps), kind: one(rng) }).collect();
    faults.sort_by_key(|fault| fault.at_step);
    faults
}

fn one(rng: &mut Rng) -> Trouble {
    match rng.below(12) {
        0..=5 => Trouble::KillWorker(rng.next_u64()),
        6 => Trouble::KillDriver(rng.next_u64()),
        7..=8 => Trouble::SlowWorker(rng.next_u64(), 5 + rng.below(100)),
        9 => Trouble::DiskFull(1 + rng.below(4) as u32),
        10 => Trouble::FailingForks(1 + rng.below(4) as u32),
        _ => Trouble::LateForks(1 + rng.below(4) as u32),
    }
}
