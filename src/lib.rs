//! llmr: a command-line LLM router.

pub mod engine;
pub mod error;
pub mod providers;
pub mod types;
