//! Google (the Gemini API)'s models.
//!
//! The Flash models from 3.6 on are sold at half price until the end of 2026. Gemma is free here.

use crate::catalogue::row::Status::{self, Active, Deprecated, Preview, Retired};
use crate::catalogue::row::{Defaults, ModelRow, NONE, Section, above, rates, since};
use crate::types::Tier::{self, Advanced, Balanced, Fast, Premium};

use super::{FULL, SEES, TOOLS};

const fn row(id: &'static str, status: Status, tier: Tier) -> ModelRow {
    ModelRow::new("gemini", id, status, tier)
}

pub(super) static SECTION: Section = Section {
    provider: "gemini",
    defaults: Defaults {
        default: "gemini-3.8-flash",
        fast: "gemini-3.1-flash-lite",
        balanced: "gemini-3.5-flash-lite",
        advanced: "gemini-3.8-flash",
        premium: "gemini-3.1-pro-preview",
    },
    rows: ROWS,
};

#[rustfmt::skip]
static ROWS: &[ModelRow] = &[
    row("gemini-1.0-pro", Retired, Fast).aliases(&["gemini-pro"]).context(32_768).output(8192).abilities(TOOLS)
        .usd("0.5", "1.5", NONE, NONE).released("2023-12-13").successor("gemini-3.8-flash"),
    row("gemini-1.5-flash", Retired, Fast).aliases(&["gemini-1.5-flash-002", "gemini-1.5-flash-latest"])
        .context(1_048_576).output(8192).abilities(SEES)
        .usd("0.075", "0.3", "0.01875", NONE).steps(&[above(128_000, rates("0.15", "0.6", "0.0375", NONE))])
        .as_of("2026-08-21").released("2024-05-14").retired("2025-09-29").successor("gemini-3.5-flash-lite"),
    row("gemini-1.5-flash-8b", Retired, Fast).context(1_048_576).output(8192).abilities(SEES)
        .usd("0.0375", "0.15", "0.01", NONE).steps(&[above(128_000, rates("0.075", "0.3", "0.02", NONE))])
        .as_of("2026-08-21").released("2024-10-03").retired("2025-09-29").successor("gemini-2.5-flash-lite"),
    row("gemini-1.5-pro", Retired, Balanced).aliases(&["gemini-1.5-pro-002", "gemini-1.5-pro-latest"])
        .context(2_097_152).output(8192).abilities(SEES)
        .usd("1.25", "5", "0.3125", NONE).steps(&[above(128_000, rates("2.5", "10", "0.625", NONE))])
        .as_of("2026-08-21").released("2024-05-14").retired("2025-09-29").successor("gemini-3.1-pro-preview"),
    row("gemini-2.0-flash", Retired, Balanced).aliases(&["gemini-2.0-flash-001"])
        .context(1_048_576).output(8192).abilities(SEES).usd("0.1", "0.4", "0.025", NONE).as_of("2026-08-21")
        .released("2025-02-05").retired("2026-06-01").successor("gemini-3.5-flash-lite"),
    row("gemini-2.0-flash-lite", Retired, Fast).aliases(&["gemini-2.0-flash-lite-001"])
        .context(1_048_576).output(8192).abilities(SEES).usd("0.075", "0.3", NONE, NONE).as_of("2026-08-21")
        .released("2025-02-25").retired("2026-06-01").successor("gemini-3.1-flash-lite"),
    row("gemini-2.5-flash", Deprecated, Balanced).context(1_048_576).output(65_536).abilities(FULL)
        .usd("0.3", "2.5", "0.03", NONE).as_of("2026-10-07")
        .released("2025-06-17").retired("2026-12-01").successor("gemini-3.5-flash-lite"),
    row("gemini-2.5-flash-lite", Active, Fast).context(1_048_576).output(65_536).abilities(FULL)
        .usd("0.1", "0.4", "0.01", NONE).as_of("2026-08-21").released("2025-07-22").same("gemini-2.5-flash-lite"),
    row("gemini-2.5-pro", Deprecated, Advanced).context(1_048_576).output(65_536).abilities(FULL)
        .usd("1.25", "10", "0.125", NONE).steps(&[above(200_000, rates("2.5", "15", "0.25", NONE))])
        .as_of("2026-10-07").released("2025-06-17").retired("2026-12-01").successor("gemini-3.8-flash"),
    row("gemini-3-flash-preview", Preview, Advanced).context(1_048_576).output(65_536).abilities(FULL)
        .usd("0.5", "3", "0.05", NONE).as_of("2026-08-21").released("2025-12-17"),
    row("gemini-3-pro-preview", Retired, Premium).context(1_048_576).output(65_536).abilities(FULL)
        .usd("2", "12", "0.2", NONE).steps(&[above(200_000, rates("4", "18", "0.4", NONE))]).as_of("2026-08-21")
        .released("2025-11-18").retired("2026-03-09").successor("gemini-3.1-pro-preview"),
    row("gemini-3.1-flash-lite", Active, Fast).context(1_048_576).output(65_536).abilities(FULL)
        .usd("0.25", "1.5", "0.025", NONE).as_of("2026-08-21")
        .released("2026-05-07").retired("2027-05-07").successor("gemini-3.5-flash-lite").same("gemini-3.1-flash-lite"),
    row("gemini-3.1-flash-lite-preview", Retired, Fast).context(1_048_576).output(65_536).abilities(FULL)
        .usd("0.25", "1.5", "0.025", NONE).as_of("2026-08-21")
        .released("2026-03-03").retired("2026-05-25").successor("gemini-3.1-flash-lite"),
    row("gemini-3.1-pro-preview", Preview, Premium).context(1_048_576).output(65_536).abilities(FULL)
        .usd("2", "12", "0.2", NONE).steps(&[above(200_000, rates("4", "18", "0.4", NONE))]).as_of("2026-10-07")
        .released("2026-02-19").same("gemini-3.1-pro-preview"),
    row("gemini-3.5-flash", Active, Advanced).context(1_048_576).output(65_536).abilities(FULL)
        .usd("1.5", "9", "0.15", NONE).as_of("2026-10-07").released("2026-05-19").same("gemini-3.5-flash"),
    row("gemini-3.5-flash-lite", Active, Balanced).context(1_048_576).output(65_536).abilities(FULL)
        .usd("0.3", "2.5", "0.03", NONE).as_of("2026-10-07").released("2026-07-21").same("gemini-3.5-flash-lite"),
    row("gemini-3.6-flash", Active, Advanced).context(1_048_576).output(65_536).abilities(FULL)
        .usd("0.75", "3.75", "0.075", NONE).changes(&[since("2027-01-01", rates("1.5", "7.5", "0.15", NONE))])
        .as_of("2026-08-21").released("2026-07-21"),
    row("gemini-3.7-flash", Active, Advanced).context(1_048_576).output(65_536).abilities(FULL)
        .usd("0.75", "3.75", "0.075", NONE).changes(&[since("2027-01-01", rates("1.5", "7.5", "0.15", NONE))])
        .as_of("2026-08-21").released("2026-08-13"),
    row("gemini-3.8-flash", Active, Advanced).context(1_048_576).output(65_536).abilities(FULL)
        .usd("0.75", "3.75", "0.075", NONE).changes(&[since("2027-01-01", rates("1.5", "7.5", "0.15", NONE))])
        .as_of("2026-10-07").released("2026-09-02").same("gemini-3.8-flash"),
    row("gemma-4-26b-a4b-it", Active, Fast).context(262_144).output(32_768).abilities(FULL)
        .usd("0", "0", NONE, NONE).released("2026-04-02").same("gemma-4-26b-a4b"),
    row("gemma-4-31b-it", Active, Balanced).context(262_144).output(32_768).abilities(FULL)
        .usd("0", "0", NONE, NONE).released("2026-04-02").same("gemma-4-31b"),
];
