//! A bounded soak: thousands of requests from many real `llmr` processes at once, against providers on loopback that
//! fail by lot, under a budget that is nearly used up; and then the books of both sides are compared.
//!
//! ```sh
//! cargo build --release
//! cargo run --release --example soak                  # 20,000 requests from 16 processes: some minutes
//! cargo run --release --example soak -- --requests 2000 --processes 8 --seed 7
//! cargo run --release --example soak -- --budget 0.5  # one limit for all of it, crossed on the way
//! ```
//!
//! Ends with 0 when everything held, with 1 and a line for each thing that did not.

mod program;
mod run;

use std::error::Error;
use std::io::{IsTerminal, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use run::Options;

/// So much of what did not hold is printed.
const TOLD: usize = 20;

const USAGE: &str = "usage: soak [--requests N] [--processes P] [--seed S] [--budget USD]
  --requests N   so many requests (20000)
  --processes P  from so many processes at a time (16)
  --seed S       what faults and jobs are drawn by (1)
  --budget USD   one limit for the whole run; without it the limit is raised ten times and crossed ten times
";

fn main() -> ExitCode {
    let out = &mut std::io::stdout();
    match soak(out) {
        Ok(broken) if broken.is_empty() => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(error) => {
            _ = writeln!(std::io::stderr(), "soak: {error}");
            ExitCode::from(2)
        }
    }
}

/// Runs it; what did not hold.
fn soak(out: &mut dyn Write) -> Result<Vec<String>, Box<dyn Error>> {
    let options = options(std::env::args().skip(1))?;
    let progress = std::io::stderr().is_terminal();
    let broken = run::run(&options, out, progress)?;
    match broken.is_empty() {
        true => writeln!(out, "everything held")?,
        false => broken.iter().take(TOLD).try_for_each(|what| writeln!(out, "BROKEN: {what}"))?,
    }
    if broken.len() > TOLD {
        writeln!(out, "BROKEN: and {} more", broken.len() - TOLD)?;
    }
    Ok(broken)
}

fn options(mut words: impl Iterator<Item = String>) -> Result<Options, Box<dyn Error>> {
    let mut options = Options { requests: 20_000, processes: 16, seed: 1, budget: None, program: PathBuf::new() };
    while let Some(word) = words.next() {
        let mut value = || words.next().ok_or_else(|| format!("{word} needs a value\n{USAGE}"));
        match word.as_str() {
            "--requests" => options.requests = value()?.parse()?,
            "--processes" => options.processes = value()?.parse()?,
            "--seed" => options.seed = value()?.parse()?,
            "--budget" => options.budget = Some(value()?.parse()?),
            _ => return Err(USAGE.into()),
        }
    }
    if options.requests < 100 || options.processes == 0 {
        return Err("at least 100 requests and one process are needed".into());
    }
    options.program = program::built()?;
    Ok(options)
}
