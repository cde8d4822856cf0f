//! Facts hidden in a generated document of two million tokens, at every tenth of its length, among facts that look alike:
//! how many of them are inside what `llmr ask -f` sends, asked one at a time and several together.
//!
//! ```sh
//! cargo run --release --example needles -- [TOKENS] [READ_TOKENS]
//! cargo build --release && cargo run --release --example needles -- --ways [TOKENS] [READ_TOKENS]
//! ```
//!
//! READ_TOKENS is what one call reads: 24,000, which fits a window of 32,000 together with question and answer. Ends with 1 if
//! fewer than 95 % of the single and 90 % of the joint questions are answered in full by `retrieve`, or if any fact is in no
//! part of `map-reduce`. With `--ways` the document is read in each of the three ways by `llmr ask -f` itself (see `ways`):
//! what that took, beside its plan; ends with 1 if an answer lacks a fact.

mod document;
#[path = "../soak/program.rs"]
mod program;
mod ways;

use std::error::Error;
use std::io::Write;
use std::process::ExitCode;

use llmr::engine::long;

use document::Document;

/// So many facts are asked for together.
const TOGETHER: usize = 4;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let done = match words.split_first() {
        Some((first, rest)) if first == "--ways" => {
            numbers(rest).and_then(|(tokens, size)| ways::compare(tokens, size))
        }
        _ => numbers(&words).and_then(|(tokens, size)| needles(tokens, size)),
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            _ = writeln!(std::io::stderr(), "needles: {error}");
            ExitCode::from(2)
        }
    }
}

/// Tokens of the document, and of what one call reads.
fn numbers(words: &[String]) -> Result<(u64, u64), Box<dyn Error>> {
    let number = |at: usize, usual: u64| words.get(at).map_or(Ok(usual), |word| word.parse());
    Ok((number(0, 2_000_000)?, number(1, 24_000)?))
}

fn needles(tokens: u64, budget: u64) -> Result<bool, Box<dyn Error>> {
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
