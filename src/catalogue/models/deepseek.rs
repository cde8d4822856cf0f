//! DeepSeek's models.
//!
//! `deepseek-flash` is V4.1 Flash and `deepseek-v4-pro` the snapshot of 2026-08-13, whatever they were called before.

use crate::catalogue::row::Ability::{JsonObject, Reasoning, Streaming, Tools, Vision};
use crate::catalogue::row::Status::{self, Active, Retired};
use crate::catalogue::row::{Defaults, ModelRow, NONE, Section, rates};
use crate::types::Tier::{self, Balanced, Fast, Premium};

const fn row(id: &'static str, status: Status, tier: Tier) -> ModelRow {
    ModelRow::new("deepseek", id, status, tier)
}

/// 01:00 to 04:00 and 06:00 to 10:00 UTC, Monday to Friday. Chinese public holidays are off-peak in truth;
/// here they count as peak, so that an estimate is never too low.
const PEAK: &[(u16, u16)] = &[(60, 240), (360, 600)];

pub(super) static SECTION: Section = Section {
    provider: "deepseek",
    defaults: Defaults {
        default: "deepseek-flash",
        fast: "deepseek-flash",
        balanced: "deepseek-flash",
        advanced: "deepseek-v4-pro",
        premium: "deepseek-v4-pro",
    },
    rows: ROWS,
};

#[rustfmt::skip]
static ROWS: &[ModelRow] = &[
    row("deepseek-chat", Retired, Fast).aliases(&["deepseek-v3"])
        .context(1_000_000).output(384_000).abilities(&[Streaming, Tools, JsonObject])
        .usd("0.14", "0.28", "0.0028", NONE).as_of("2026-08-21")
        .released("2024-05-06").retired("2026-07-24").successor("deepseek-flash"),
    row("deepseek-coder", Retired, Fast).context(128_000).output(4096)
        .usd("0.14", "0.28", NONE, NONE).as_of("2026-07-24").released("2024-06-17").successor("deepseek-flash"),
    row("deepseek-flash", Active, Balanced)
        .aliases(&["deepseek-v4-flash", "deepseek-v4-flash-vision-exp", "deepseek-v4.1-flash"]).context(1_000_000)
        .output(384_000).abilities(&[Streaming, Vision, Tools, JsonObject, Reasoning])
        .usd("0.15", "0.6", "0.003", NONE).peak(PEAK, rates("0.3", "1.2", "0.006", NONE)).as_of("2026-11-15")
        .released("2026-09-10").same("deepseek-v4.1-flash"),
    row("deepseek-reasoner", Retired, Balanced).aliases(&["deepseek-r1"])
        .context(1_000_000).output(384_000).abilities(&[Streaming, Tools, JsonObject, Reasoning])
        .usd("0.14", "0.28", "0.0028", NONE).as_of("2026-08-21")
        .released("2025-01-20").retired("2026-07-24").successor("deepseek-flash"),
    row("deepseek-v4-pro", Active, Premium).aliases(&["deepseek-v4-pro-0813"])
        .context(1_000_000).output(384_000).abilities(&[Streaming, Tools, JsonObject, Reasoning])
        .usd("0.66", "1.98", "0.022", NONE).peak(PEAK, rates("1.32", "3.96", "0.044", NONE)).as_of("2026-11-15")
        .released("2026-04-24").same("deepseek-v4-pro-0813"),
];
