//! xAI's models.
//!
//! From Grok 4.20 on everything costs twice as much above 200,000 prompt tokens.

use crate::catalogue::row::Ability::{JsonSchema, Reasoning, Streaming, Vision};
use crate::catalogue::row::Status::{self, Active, Retired};
use crate::catalogue::row::{Defaults, ModelRow, NONE, Section, above, rates};
use crate::types::Tier::{self, Advanced, Balanced, Fast, Premium};

use super::{FULL, PLAIN, SEES, SEES_TOOLS, THINKS, TOOLS, TOOLS_THINKS};

const fn row(id: &'static str, status: Status, tier: Tier) -> ModelRow {
    ModelRow::new("xai", id, status, tier)
}

pub(super) static SECTION: Section = Section {
    provider: "xai",
    defaults: Defaults {
        default: "grok-4.3",
        fast: "grok-4.20-0309-non-reasoning",
        balanced: "grok-4.3",
        advanced: "grok-4.7",
        premium: "grok-4.7",
    },
    rows: ROWS,
};

#[rustfmt::skip]
static ROWS: &[ModelRow] = &[
    row("grok-2-1212", Retired, Balanced).aliases(&["grok-2", "grok-2-latest"])
        .context(131_072).output(131_072).abilities(TOOLS).usd("2", "10", NONE, NONE).as_of("2026-08-21")
        .released("2024-12-12").successor("grok-4.3"),
    row("grok-2-vision-1212", Retired, Balanced).aliases(&["grok-2-vision"])
        .context(32_768).output(32_768).abilities(SEES_TOOLS).usd("2", "10", NONE, NONE).as_of("2026-08-21")
        .released("2024-12-12").retired("2026-02-28").successor("grok-4.3"),
    row("grok-3", Retired, Balanced).aliases(&["grok-3-latest", "grok-3-beta"])
        .context(131_072).output(131_072).abilities(PLAIN).usd("3", "15", "0.75", NONE).as_of("2026-08-21")
        .released("2025-02-17").retired("2026-05-15").successor("grok-4.3"),
    row("grok-3-mini", Retired, Fast).aliases(&["grok-3-mini-latest", "grok-3-mini-beta"])
        .context(131_072).output(131_072).abilities(THINKS).usd("0.3", "0.5", "0.075", NONE).as_of("2026-08-21")
        .released("2025-02-17").retired("2026-02-28").successor("grok-4.3"),
    row("grok-4-0709", Retired, Balanced).aliases(&["grok-4", "grok-4-latest"]).context(256_000).abilities(FULL)
        .usd("3", "15", "0.75", NONE).steps(&[above(128_000, rates("6", "30", "1.5", NONE))]).as_of("2026-08-21")
        .released("2025-07-09").retired("2026-05-15").successor("grok-4.3"),
    row("grok-4-1-fast-non-reasoning", Retired, Fast).context(2_000_000).output(30_000).abilities(SEES)
        .usd("0.2", "0.5", "0.05", NONE).steps(&[above(128_000, rates("0.4", "1", "0.1", NONE))]).as_of("2026-08-21")
        .released("2025-11-19").retired("2026-05-15").successor("grok-4.20-0309-non-reasoning"),
    row("grok-4-1-fast-reasoning", Retired, Fast).aliases(&["grok-4-1-fast"])
        .context(2_000_000).output(30_000).abilities(FULL)
        .usd("0.2", "0.5", "0.05", NONE).steps(&[above(128_000, rates("0.4", "1", "0.1", NONE))]).as_of("2026-08-21")
        .released("2025-11-19").retired("2026-05-15").successor("grok-4.3"),
    row("grok-4-fast-non-reasoning", Retired, Fast).context(2_000_000).output(30_000).abilities(SEES)
        .usd("0.2", "0.5", "0.05", NONE).steps(&[above(128_000, rates("0.4", "1", "0.1", NONE))]).as_of("2026-08-21")
        .released("2025-09-19").retired("2026-05-15").successor("grok-4.20-0309-non-reasoning"),
    row("grok-4-fast-reasoning", Retired, Fast).aliases(&["grok-4-fast"])
        .context(2_000_000).output(30_000).abilities(FULL)
        .usd("0.2", "0.5", "0.05", NONE).steps(&[above(128_000, rates("0.4", "1", "0.1", NONE))]).as_of("2026-08-21")
        .released("2025-09-19").retired("2026-05-15").successor("grok-4.3"),
    row("grok-4.20-0309-non-reasoning", Active, Fast).aliases(&["grok-4.20-non-reasoning"])
        .context(1_000_000).output(30_000).abilities(SEES)
        .usd("1.25", "2.5", "0.2", NONE).steps(&[above(200_000, rates("2.5", "5", "0.4", NONE))]).as_of("2026-08-21")
        .released("2026-03-09"),
    row("grok-4.20-0309-reasoning", Active, Balanced).aliases(&["grok-4.20-reasoning", "grok-4.20"])
        .context(1_000_000).output(30_000).abilities(FULL)
        .usd("1.25", "2.5", "0.2", NONE).steps(&[above(200_000, rates("2.5", "5", "0.4", NONE))]).as_of("2026-08-21")
        .released("2026-03-09"),
    row("grok-4.20-multi-agent-0309", Active, Advanced).aliases(&["grok-4.20-multi-agent"])
        .context(1_000_000).output(30_000).abilities(&[Streaming, Vision, JsonSchema, Reasoning])
        .usd("1.25", "2.5", "0.2", NONE).steps(&[above(200_000, rates("2.5", "5", "0.4", NONE))]).as_of("2026-08-05")
        .released("2026-03-09"),
    row("grok-4.3", Active, Balanced).aliases(&["grok-4.3-latest"]).context(1_000_000).output(30_000).abilities(FULL)
        .usd("1.25", "2.5", "0.2", NONE).steps(&[above(200_000, rates("2.5", "5", "0.4", NONE))]).as_of("2026-08-21")
        .released("2026-04-17").same("grok-4.3"),
    row("grok-4.5", Active, Advanced).aliases(&["grok-4.5-latest"]).context(500_000).output(500_000).abilities(FULL)
        .usd("2", "6", "0.5", NONE).steps(&[above(200_000, rates("4", "12", "1", NONE))]).as_of("2026-08-21")
        .released("2026-07-08").successor("grok-4.7"),
    row("grok-4.6", Active, Advanced).context(500_000).abilities(FULL)
        .usd("2", "6", "0.5", NONE).steps(&[above(200_000, rates("4", "12", "1", NONE))]).as_of("2026-08-21")
        .released("2026-08-07").successor("grok-4.7"),
    row("grok-4.7", Active, Premium).aliases(&["grok"]).context(500_000).output(500_000).abilities(FULL)
        .usd("2", "6", "0.5", NONE).steps(&[above(200_000, rates("4", "12", "1", NONE))]).as_of("2026-10-06")
        .released("2026-09-21").same("grok-4.7"),
    row("grok-beta", Retired, Balanced).context(131_072).output(131_072).abilities(TOOLS)
        .usd("5", "15", NONE, NONE).as_of("2026-08-21").released("2024-11-04").successor("grok-4.3"),
    row("grok-build-0.1", Active, Balanced).context(256_000).output(256_000).abilities(FULL)
        .usd("1", "2", "0.2", NONE).steps(&[above(200_000, rates("2", "4", "0.4", NONE))]).as_of("2026-08-21")
        .released("2026-04-16"),
    row("grok-code-fast-1", Retired, Fast).context(256_000).abilities(TOOLS_THINKS)
        .usd("0.2", "1.5", "0.02", NONE).as_of("2026-08-21")
        .released("2025-08-28").retired("2026-05-15").successor("grok-4.3"),
    row("grok-vision-beta", Retired, Balanced).context(8192).output(8192).abilities(SEES_TOOLS)
        .usd("5", "15", NONE, NONE).as_of("2026-08-21").released("2024-11-18").successor("grok-4.3"),
];
