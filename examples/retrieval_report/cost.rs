//! What one question costs on generated text of many sizes: time, and the most memory the process has held so far.

use std::error::Error;
use std::io::Write;
use std::time::Instant;

use llmr::engine::retrieval::{self, Index};

use crate::english;

const SIZES: [usize; 5] = [100_000, 500_000, 1_000_000, 2_000_000, 5_000_000];

const QUESTION: &str = "How many crates of copper wire were sent from the northern harbour to the depot in spring?";

/// A line for each size; the sizes grow, so that the peak is the size's own.
pub fn print(out: &mut dyn Write) -> Result<(), Box<dyn Error>> {
    for tokens in SIZES {
        let text = english::text(tokens);
        let start = Instant::now();
        let picked = retrieval::pick(&text, QUESTION, 4_000);
        let once = start.elapsed();
        let peak = peak_kb();
        let start = Instant::now();
        let index = Index::new(&text);
        let indexed = start.elapsed();
        let start = Instant::now();
        let again = index.pick(QUESTION, 4_000);
        writeln!(
            out,
            "{tokens:9} tokens {:8} kB: one question {once:.2?}, peak {peak} kB; index {indexed:.2?}, then a question {:.2?}, peak {} kB, same {}",
            text.len() / 1_000,
            start.elapsed(),
            peak_kb(),
            picked == again
        )?;
    }
    Ok(())
}

/// The most memory the process has held, on Linux; else 0.
fn peak_kb() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.split_whitespace().next()).and_then(|kb| kb.parse().ok()).unwrap_or_default()
}
