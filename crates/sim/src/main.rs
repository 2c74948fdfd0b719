//! `sim --seed N` runs one seed and tells its story if it fails; `sim --seeds N [--from M]` runs many.
//!
//! Owns: the command line. Does not own: runs (`sim`).

use std::io::{self, Write};
use std::process::ExitCode;

use sim::{Flaw, explain, remembered, run};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let Some(seeds) = seeds_of(&arguments) else {
        drop(writeln!(io::stderr(), "say --seed N, or --seeds N [--from M]"));
        return ExitCode::from(2);
    };
    // What a run asserts is its verdict, not news for the terminal.
    std::panic::set_hook(Box::new(|_| ()));
    match run_all(&seeds, &mut io::stdout()) {
        Ok(0) => ExitCode::SUCCESS,
        Ok(_) | Err(_) => ExitCode::FAILURE,
    }
}

/// The seeds to run: one, or those that once failed and as many others as are wanted.
fn seeds_of(arguments: &[String]) -> Option<Vec<u64>> {
    let number = |name: &str| {
        let position = arguments.iter().position(|argument| argument == name)?;
        arguments.get(position + 1)?.parse().ok()
    };
    match (number("--seed"), number("--seeds")) {
        (Some(seed), None) => Some(vec![seed]),
        (None, Some(count)) => {
            let from = number("--from").unwrap_or(1);
            Some(remembered().into_iter().chain(from..from + count).collect())
        }
        (None, None) | (Some(_), Some(_)) => None,
    }
}

fn run_all(seeds: &[u64], output: &mut impl Write) -> io::Result<u64> {
    /// So many failures are told in full.
    const TOLD_MAX: u64 = 3;
    let mut failed = 0;
    for seed in seeds.iter().copied() {
        let Err(why) = run(seed, Flaw::None) else { continue };
        failed += 1;
        let first: String = why.chars().take(300).collect();
        writeln!(output, "seed {seed}: {first}\n  again: make sim SEED={seed}")?;
        if failed <= TOLD_MAX
            && let Some(failure) = explain(seed)
        {
            let (smallest, story) = (failure.smallest, failure.story.join("\n"));
            writeln!(
                output,
                "\nThe smallest run that fails likewise: {}\n{smallest}\n\n{story}\n",
                failure.why
            )?;
        }
    }
    writeln!(output, "{} passed, {failed} failed", seeds.len() as u64 - failed)?;
    Ok(failed)
}
