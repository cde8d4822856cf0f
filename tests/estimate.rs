//! Measures the token estimate against the real o200k tokenizer, over texts of several kinds.
//!
//! `cargo test --test estimate -- --nocapture` prints the table that `engine::estimate` quotes.

#![allow(clippy::expect_used, clippy::panic, clippy::print_stdout, reason = "a test")]

use std::fs;
use std::path::Path;

use llmr::engine::estimate::{tokens, upper_bound_tokens};

/// A text and how far, in percent, the estimate may be off (below, above).
const TEXTS: [(&str, f64, f64); 10] = [
    ("english", -5.0, 5.0),
    ("german", -5.0, 5.0),
    ("french", -5.0, 10.0),
    ("russian", -5.0, 15.0),
    ("chinese", -5.0, 10.0),
    ("japanese", -10.0, 5.0),
    ("korean", -10.0, 5.0),
    ("code_rust", -5.0, 12.0),
    ("code_python", -5.0, 12.0),
    ("json", -10.0, 5.0),
];

fn text(name: &str) -> String {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/fixtures/texts/{name}.txt"));
    fs::read_to_string(&file).unwrap_or_else(|e| panic!("{}: {e}", file.display()))
}

fn reference(text: &str) -> u64 {
    tiktoken::get_encoding("o200k_base").expect("the vocabulary is built in").count(text) as u64
}

#[test]
fn the_estimate_is_near_the_real_count() {
    println!("{:12} {:>6} {:>6} {:>8} {:>7}", "text", "bytes", "o200k", "estimate", "error");
    let mut off = Vec::new();
    for (name, low, high) in TEXTS {
        let text = text(name);
        let (real, estimate) = (reference(&text), tokens(&text));
        let error = (estimate as f64 / real as f64 - 1.0) * 100.0;
        println!("{name:12} {:>6} {real:>6} {estimate:>8} {error:>+6.1}%", text.len());
        if !(low..=high).contains(&error) {
            off.push(format!("{name}: {error:+.1} %, allowed {low} to {high}"));
        }
    }
    assert!(off.is_empty(), "{}", off.join("; "));
}

#[test]
fn no_text_has_more_tokens_than_the_upper_bound() {
    let odd = ["🧵👩‍🚀".repeat(50), "\u{fffd}\u{0}\u{1}".repeat(99), "ﷺ".repeat(200), "zq!X".repeat(200)];
    for text in TEXTS.iter().map(|(name, _, _)| text(name)).chain(odd) {
        let bytes = text.len() as u64;
        assert!(reference(&text) <= bytes);
        assert!(upper_bound_tokens(bytes, 1) > reference(&text));
    }
}
