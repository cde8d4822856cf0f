//! What is read, and what is asked of it.

#[path = "../../../examples/retrieval_report/english.rs"]
mod english;

/// Tokens of a chunk, where a tool wants chunks.
pub const CHUNK: u64 = 200;
/// Tokens that are picked.
pub const BUDGET: u64 = 4_000;

/// Only its place is a word that nothing else has.
pub const FACT: &str = "On day nine 7001 crates of copper wire went from the Marrow depot to the northern harbour.";
pub const QUESTION: &str =
    "How many crates of copper wire were sent from the Marrow depot to the northern harbour in spring?";

/// Generated English of so many tokens, with the fact in its middle.
pub fn with_fact(tokens: usize) -> String {
    let text = english::text(tokens);
    let middle = text[text.len() / 2..].find("\n\n").map_or(text.len(), |at| text.len() / 2 + at);
    let (before, behind) = text.split_at(middle);
    format!("{before}\n\n{FACT}{behind}")
}
