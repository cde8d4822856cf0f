//! The `llmr` binary.
fn main() {}
