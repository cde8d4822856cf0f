//! Perplexity's models.
//!
//! A request costs a fee that depends on how much is searched: low and high search context, in USD per 1,000 requests.
//! Deep Research bills 5 USD per 1,000 searches and 2 USD per million citation tokens, which no request can bound.

use crate::catalogue::row::Ability::{JsonSchema, Reasoning, Streaming, Vision, WebSearch};
use crate::catalogue::row::Status::{self, Active, Retired};
use crate::catalogue::row::{Defaults, ModelRow, NONE, Section};
use crate::types::Tier::{self, Advanced, Balanced, Fast, Premium};

const fn row(id: &'static str, status: Status, tier: Tier) -> ModelRow {
    ModelRow::new("perplexity", id, status, tier)
}

pub(super) static SECTION: Section = Section {
    provider: "perplexity",
    defaults: Defaults {
        default: "sonar",
        fast: "sonar",
        balanced: "sonar",
        advanced: "sonar-pro",
        premium: "sonar-reasoning-pro",
    },
    rows: ROWS,
};

#[rustfmt::skip]
static ROWS: &[ModelRow] = &[
    row("llama-3.1-sonar-large-128k-online", Retired, Balanced).context(127_072).abilities(&[Streaming, WebSearch])
        .usd("1", "1", NONE, NONE).as_of("2026-08-21").successor("sonar-pro"),
    row("llama-3.1-sonar-small-128k-online", Retired, Fast).context(127_072).abilities(&[Streaming, WebSearch])
        .usd("0.2", "0.2", NONE, NONE).as_of("2026-08-21").successor("sonar"),
    row("r1-1776", Retired, Balanced).context(128_000).abilities(&[Streaming, Reasoning])
        .usd("2", "8", NONE, NONE).as_of("2026-08-21").released("2025-02-18").successor("sonar-reasoning-pro"),
    row("sonar", Active, Balanced).context(128_000).output(4096).abilities(&[Streaming, Vision, JsonSchema, WebSearch])
        .usd("1", "1", NONE, NONE).fee_per_1k("5", "12").as_of("2026-08-21").released("2025-01-21").same("sonar"),
    row("sonar-deep-research", Active, Premium)
        .context(128_000).output(32_768).abilities(&[Streaming, Reasoning, WebSearch])
        .usd("2", "8", NONE, NONE).reasoning_usd("3").unbounded().as_of("2026-08-21").released("2025-02-14"),
    row("sonar-pro", Active, Advanced)
        .context(200_000).output(8192).abilities(&[Streaming, Vision, JsonSchema, WebSearch])
        .usd("3", "15", NONE, NONE).fee_per_1k("6", "14").as_of("2026-08-21").released("2025-01-21"),
    row("sonar-reasoning", Retired, Balanced)
        .context(128_000).output(4096).abilities(&[Streaming, Reasoning, WebSearch])
        .usd("1", "5", NONE, NONE).as_of("2026-08-21").released("2025-01-29").successor("sonar-reasoning-pro"),
    row("sonar-reasoning-pro", Active, Premium)
        .context(128_000).output(4096).abilities(&[Streaming, Vision, JsonSchema, Reasoning, WebSearch])
        .usd("2", "8", NONE, NONE).fee_per_1k("6", "14").as_of("2026-08-21").released("2025-02-19"),
];
