//! llmr: a command-line LLM router.

pub mod catalogue;
pub mod cli;
pub mod config;
pub mod engine;
pub mod error;
pub mod host;
pub mod input;
pub mod output;
pub mod providers;
pub mod sandbox;
pub mod store;
pub mod transport;
pub mod types;
