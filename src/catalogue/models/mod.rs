//! The tables: one file for each provider, one row for each of its chat models, sorted by id.
//!
//! They are kept by hand. A row says what differs from [`ModelRow`]'s empty one: a word that is left
//! out means unknown, or that it does not apply. Prices are list prices of the standard service in USD
//! per million tokens, in the order input, output, cache read, cache write; `NONE` is a price that the
//! vendor does not list, never 0. Who changes a price changes `as_of` with it.
//!
//! # Tier
//!
//! What a model is good for, as far as its place among the models of today tells:
//!
//! 1. A model that its provider's `defaults` name has the highest tier it is named for there.
//! 2. The same model at another provider has the tier of the maker's own row, if there is one.
//! 3. An earlier member of a line (Luna, Sonnet, Flash, …) has the lowest tier that the line's member
//!    of today is named for: GPT-5.6 Luna is fast though GPT-6 Luna is balanced.
//! 4. Else its place in its maker's line decides: the smallest (nano, or up to about 14 billion
//!    parameters at work) is fast, a small one (mini, or up to about 120 billion) balanced, the main one
//!    advanced, one above it (pro, Opus) premium.
//! 5. Nothing stands above the successor its vendor names, and what came out before 2025 is at most
//!    balanced: a model of then does not do the hard work of today.
//!
//! # The same model
//!
//! `same` names the underlying model, equal at every provider that serves these very weights: failover
//! of a pinned model relies on it, so it is a decision made row by row and never drawn from a name.
//! Hosts that serve at 8 bits count as the same, and so do free offers. Ollama's 4-bit builds do not
//! (GPT-OSS does: its makers published it at 4 bits), nor do snapshots of different dates.

use super::row::Ability::{self, JsonSchema, Reasoning, Streaming, Tools, Vision};
#[cfg(doc)]
use super::row::ModelRow;
use super::row::Section;

mod ai21;
mod anthropic;
mod azure;
mod cerebras;
mod cohere;
mod deepseek;
mod fireworks;
mod gemini;
mod groq;
mod mistral;
mod ollama;
mod openai;
mod openrouter;
mod perplexity;
mod together;
mod xai;

/// Every provider with models, sorted by name.
pub(super) static SECTIONS: [&Section; 16] = [
    &ai21::SECTION,
    &anthropic::SECTION,
    &azure::SECTION,
    &cerebras::SECTION,
    &cohere::SECTION,
    &deepseek::SECTION,
    &fireworks::SECTION,
    &gemini::SECTION,
    &groq::SECTION,
    &mistral::SECTION,
    &ollama::SECTION,
    &openai::SECTION,
    &openrouter::SECTION,
    &perplexity::SECTION,
    &together::SECTION,
    &xai::SECTION,
];

// The sets of abilities that many rows share. All of them stream.

/// Everything but searching.
const FULL: &[Ability] = &[Streaming, Vision, Tools, JsonSchema, Reasoning];
const SEES: &[Ability] = &[Streaming, Vision, Tools, JsonSchema];
const THINKS: &[Ability] = &[Streaming, Tools, JsonSchema, Reasoning];
const PLAIN: &[Ability] = &[Streaming, Tools, JsonSchema];
/// Those that know no schema.
const SEES_THINKS: &[Ability] = &[Streaming, Vision, Tools, Reasoning];
const TOOLS_THINKS: &[Ability] = &[Streaming, Tools, Reasoning];
const SEES_TOOLS: &[Ability] = &[Streaming, Vision, Tools];
const TOOLS: &[Ability] = &[Streaming, Tools];
