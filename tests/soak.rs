//! A tiny run of `examples/soak`: the same code, so that the example cannot rot.
#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test")]

#[path = "../examples/soak/run/mod.rs"]
mod run;

use std::path::PathBuf;

/// What jobs and faults are drawn by: any number does.
const SEED: u64 = 20;

#[test]
fn a_short_soak_finds_every_book_even() {
    let program = PathBuf::from(env!("CARGO_BIN_EXE_llmr"));
    let options = run::Options { requests: 120, processes: 4, seed: SEED, budget: None, program };
    let mut said = Vec::new();
    let broken = run::run(&options, &mut said, false).unwrap();
    let said = String::from_utf8_lossy(&said);
    assert!(
        broken.is_empty(),
        "seed {SEED}:\n{said}\n{}\nrepeat it: cargo run --example soak -- --requests 120 --processes 4 --seed {SEED}",
        broken.join("\n")
    );
    let told = said.lines().find(|line| line.starts_with("usage told")).unwrap_or_default();
    let rows: u64 = told.split_whitespace().nth(2).and_then(|word| word.parse().ok()).unwrap();
    assert!(rows >= 60, "hardly anything was asked:\n{said}");
}
