//! The smallest run that still fails in the same way.
//!
//! Owns: what is left out, one after the other. Does not own: whether it fails (`lib`).

use crate::attempt;
use crate::outside::Flaw;
use crate::workload::Run;
use crate::world::World;

/// So many runs are tried at most.
const TRIALS_MAX: usize = 600;

/// Leaves out faults and operations as long as the same thing breaks.
pub(crate) fn smallest(run: Run, why: &str, flaw: Flaw) -> Run {
    let mut search = Search { run, kind: kind_of(why), flaw, trials: 0 };
    let mut last = usize::MAX;
    while search.size() < last && search.trials < TRIALS_MAX {
        last = search.size();
        search.leave_out_faults();
        search.leave_out_operations();
    }
    search.run
}

struct Search {
    run: Run,
    kind: String,
    flaw: Flaw,
    trials: usize,
}

impl Search {
    fn size(&self) -> usize {
        let operations: usize =
            self.run.program.scripts.iter().map(|script| script.ops.len()).sum();
        operations + self.run.faults.len()
    }

    fn leave_out_faults(&mut self) {
        for position in (0..self.run.faults.len()).rev() {
            let mut smaller = self.run.clone();
            smaller.faults.remove(position);
            self.keep_if_it_fails(smaller);
        }
    }

    fn leave_out_operations(&mut self) {
        for script in 0..self.run.program.scripts.len() {
            let mut count = self.run.program.scripts[script].ops.len();
            while count > 0 {
                self.leave_out_runs(script, count);
                count /= 2;
            }
        }
    }

    fn leave_out_runs(&mut self, script: usize, count: usize) {
        let mut end = self.run.program.scripts[script].ops.len();
        while end > 0 {
            let begin = end.saturating_sub(count);
            let mut smaller = self.run.clone();
            smaller.program.scripts[script].ops.drain(begin..end);
            self.keep_if_it_fails(smaller);
            end = begin;
        }
    }

    fn keep_if_it_fails(&mut self, smaller: Run) {
        if self.trials >= TRIALS_MAX {
            return;
        }
        self.trials += 1;
        let verdict = attempt(&mut World::new(&smaller, self.flaw, false));
        if verdict.is_err_and(|why| kind_of(&why) == self.kind) {
            self.run = smaller;
        }
    }
}

/// A run in words.
pub(crate) fn describe(run: &Run) -> String {
    let Run { program, faults, cpus, arena_bytes, settings, .. } = run;
    let mut lines = vec![format!("{cpus} CPUs, arena of {arena_bytes} bytes, {settings:?}")];
    lines.extend(faults.iter().map(|fault| format!("{fault:?}")));
    for (number, script) in program.scripts.iter().enumerate() {
        let root = program.roots.contains(&number);
        if root || !script.ops.is_empty() {
            let kind = if root { "root" } else { "script" };
            lines.push(format!("{kind} {number}: {:?} returns {:?}", script.ops, script.results));
        }
    }
    lines.join("\n")
}

/// What broke, without the ids involved.
pub(crate) fn kind_of(why: &str) -> String {
    let words = why
        .split(' ')
        .filter(|word| !word.chars().any(|letter| letter.is_ascii_digit() && word.len() > 6));
    words.take(12).collect::<Vec<_>>().join(" ")
}
