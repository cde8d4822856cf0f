//! Facts hidden in a generated document of two million tokens, at every tenth of its length, among facts that look alike:
//! how many of them are inside what is picked, asked one at a time and several together.
//!
//! ```sh
//! cargo run --release --example needles -- [TOKENS] [BUDGET]
//! ```
//!
//! Ends with 1 if fewer than 95 % of the single and 90 % of the joint questions are answered in full.

mod document;

use std::error::Error;
use std::io::Write;
use std::process::ExitCode;

use llmr::engine::retrieval::Index;

use document::Document;

/// So many facts are asked for together.
const TOGETHER: usize = 4;

fn main() -> ExitCode {
    match needles() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            _ = writeln!(std::io::stderr(), "needles: {error}");
            ExitCode::from(2)
        }
    }
}

fn needles() -> Result<bool, Box<dyn Error>> {
    let mut numbers = std::env::args().skip(1).map(|word| word.parse::<u64>());
    let tokens = numbers.next().transpose()?.unwrap_or(2_000_000);
    let budget = numbers.next().transpose()?.unwrap_or(32_000);
    let document = Document::new(usize::try_from(tokens)?);
    let index = Index::new(&document.text);
    let holds = |facts: &[document::Fact]| {
        let question = facts.iter().map(|fact| fact.question.as_str()).collect::<Vec<_>>().join(" ");
        let picked = index.pick(&question, budget);
        facts.iter().all(|fact| picked.spans.iter().any(|span| document.text[span.clone()].contains(&fact.sentence)))
    };
    let single = share(document.facts.iter().map(|fact| holds(std::slice::from_ref(fact))));
    let together = share(document.facts.windows(TOGETHER).map(holds));
    writeln!(
        std::io::stdout(),
        "{tokens} tokens, budget {budget}: single {single:.3}, {TOGETHER} together {together:.3}"
    )?;
    Ok(single >= 0.95 && together >= 0.9)
}

fn share(held: impl Iterator<Item = bool>) -> f64 {
    let (mut all, mut good) = (0.0, 0.0);
    held.for_each(|held| {
        all += 1.0;
        good += f64::from(u8::from(held));
    });
    good / f64::max(all, 1.0)
}
