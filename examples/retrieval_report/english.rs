//! Generated English of any length, always the same.

use std::fmt::Write as _;

const WORDS: &str = "the of and to in a depot harbour crate copper wire was sent by ship northern spring letter keeper \
    each month river bridge count winter road town market price grain cloth ledger clerk wrote that there were more";

/// Four bytes a token: sentences of drawn words and numbers, in paragraphs.
pub fn text(tokens: usize) -> String {
    let words: Vec<&str> = WORDS.split_whitespace().collect();
    let mut state = 1u64;
    let mut draw = |most: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % most
    };
    let mut text = String::with_capacity(tokens * 4 + 200);
    while text.len() < tokens * 4 {
        text.push_str("On day");
        for _ in 0..8 + draw(15) {
            // Mostly known words, and some that occur seldom, as in a real text.
            _ = match draw(4) {
                0 => write!(text, " w{}", draw(60_000)),
                _ => write!(text, " {}", words[draw(words.len())]),
            };
        }
        text.push_str(if draw(6) == 0 { ".\n\n" } else { ". " });
    }
    text
}
