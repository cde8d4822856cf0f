//! Facts hidden in a generated document of two million tokens, at every tenth of its length, among facts that look alike:
//! how many of them are inside what `llmr ask -f` sends, asked one at a time and several together.
//!
//! ```sh
//! cargo run --release --example needles -- [TOKENS] [READ_TOKENS]
//! ```
//!
//! READ_TOKENS is what one call reads: 24,000, which fits a window of 32,000 together with question and answer. Ends with 1 if
//! fewer than 95 % of the single and 90 % of the joint questions are answered in full by `retrieve`, or if any fact is in no
//! part of `map-reduce`.

mod document;

use std::error::Error;
use std::io::Write;
use std::process::ExitCode;

use llmr::engine::long;

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
    let budget = numbers.next().transpose()?.unwrap_or(24_000);
    let document = Document::new(usize::try_from(tokens)?);
    let texts = [long::Document { name: "needles.txt", text: &document.text }];
    let holds = |facts: &[document::Fact]| {
        let question = facts.iter().map(|fact| fact.question.as_str()).collect::<Vec<_>>().join(" ");
        let sent = long::passages_for(&texts, &question, budget).map(|part| part.text).unwrap_or_default();
        facts.iter().all(|fact| sent.contains(&fact.sentence))
    };
    let single = share(document.facts.iter().map(|fact| holds(std::slice::from_ref(fact))));
    let together = share(document.facts.windows(TOGETHER).map(holds));
    let parts = long::whole(&texts, budget);
    let everywhere =
        share(document.facts.iter().map(|fact| parts.iter().any(|part| part.text.contains(&fact.sentence))));
    writeln!(
        std::io::stdout(),
        "{tokens} tokens, {budget} a call: retrieve {single:.3} single, {together:.3} {TOGETHER} together; \
         map-reduce {everywhere:.3} in {} parts",
        parts.len()
    )?;
    Ok(single >= 0.95 && together >= 0.9 && everywhere >= 1.0)
}

fn share(held: impl Iterator<Item = bool>) -> f64 {
    let (mut all, mut good) = (0.0, 0.0);
    held.for_each(|held| {
        all += 1.0;
        good += f64::from(u8::from(held));
    });
    good / f64::max(all, 1.0)
}
