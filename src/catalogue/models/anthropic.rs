//! Anthropic's models.
//!
//! A cache write is the 5-minute one. From Opus 4.7 on a model thinks adaptively and refuses both a thinking
//! budget in tokens and a temperature; 4.6 still takes the budget.

use crate::catalogue::row::Status::{self, Active, Retired};
use crate::catalogue::row::{Defaults, ModelRow, NONE, Section, above, rates};
use crate::types::Tier::{self, Advanced, Balanced, Fast, Premium};

use super::{FULL, SEES_THINKS, SEES_TOOLS};

const fn row(id: &'static str, status: Status, tier: Tier) -> ModelRow {
    ModelRow::new("anthropic", id, status, tier)
}

pub(super) static SECTION: Section = Section {
    provider: "anthropic",
    defaults: Defaults {
        default: "claude-sonnet-5-5",
        fast: "claude-haiku-5-5",
        balanced: "claude-haiku-5-5",
        advanced: "claude-sonnet-5-5",
        premium: "claude-opus-5-5",
    },
    rows: ROWS,
};

#[rustfmt::skip]
static ROWS: &[ModelRow] = &[
    row("claude-2.0", Retired, Balanced).context(100_000).output(4096).usd("8", "24", NONE, NONE)
        .released("2023-07-11").retired("2025-07-21").successor("claude-sonnet-5-5"),
    row("claude-2.1", Retired, Balanced).aliases(&["claude-2"]).context(200_000).output(4096)
        .usd("8", "24", NONE, NONE).as_of("2026-08-21")
        .released("2023-11-21").retired("2025-07-21").successor("claude-sonnet-5-5"),
    row("claude-3-5-haiku-20241022", Retired, Fast).aliases(&["claude-3-5-haiku", "claude-3-5-haiku-latest"])
        .context(200_000).output(8192).abilities(SEES_TOOLS).usd("0.8", "4", "0.08", "1").as_of("2026-08-21")
        .released("2024-10-22").retired("2026-02-19").successor("claude-haiku-5-5"),
    row("claude-3-5-sonnet-20241022", Retired, Balanced)
        .aliases(&["claude-3-5-sonnet", "claude-3-5-sonnet-latest", "claude-3-5-sonnet-20240620"]).context(200_000)
        .output(8192).abilities(SEES_TOOLS).usd("3", "15", "0.3", "3.75").as_of("2026-08-21")
        .released("2024-10-22").retired("2025-10-28").successor("claude-sonnet-5-5"),
    row("claude-3-7-sonnet-20250219", Retired, Advanced).aliases(&["claude-3-7-sonnet-latest", "claude-3-7-sonnet"])
        .context(200_000).output(64_000).abilities(SEES_THINKS).usd("3", "15", "0.3", "3.75").as_of("2026-08-21")
        .released("2025-02-19").retired("2026-02-19").successor("claude-sonnet-5-5"),
    row("claude-3-haiku-20240307", Retired, Fast).aliases(&["claude-3-haiku"])
        .context(200_000).output(4096).abilities(SEES_TOOLS).usd("0.25", "1.25", "0.03", "0.3").as_of("2026-08-21")
        .released("2024-03-13").successor("claude-haiku-5-5"),
    row("claude-3-opus-20240229", Retired, Balanced).aliases(&["claude-3-opus", "claude-3-opus-latest"])
        .context(200_000).output(4096).abilities(SEES_TOOLS).usd("15", "75", "1.5", "18.75").as_of("2026-08-21")
        .released("2024-02-29").retired("2026-01-05").successor("claude-opus-5-5"),
    row("claude-3-sonnet-20240229", Retired, Balanced).aliases(&["claude-3-sonnet"])
        .context(200_000).output(4096).abilities(SEES_TOOLS).usd("3", "15", "0.3", "3.75").as_of("2026-08-21")
        .released("2024-03-04").retired("2025-07-21").successor("claude-sonnet-5-5"),
    row("claude-fable-5", Active, Premium)
        .context(1_000_000).output(128_000).abilities(FULL).no_temperature().adaptive()
        .usd("10", "50", "1", "12.5").as_of("2026-08-21").released("2026-06-09").successor("claude-fable-5-1"),
    row("claude-fable-5-1", Active, Premium)
        .context(1_000_000).output(128_000).abilities(FULL).no_temperature().adaptive()
        .usd("10", "50", "0.25", "12.5").as_of("2026-10-27")
        .released("2026-09-01").not_before("2027-09-01").same("claude-fable-5-1"),
    row("claude-haiku-4-5", Active, Fast).aliases(&["claude-haiku-4-5-20251001"])
        .context(200_000).output(64_000).abilities(FULL).usd("1", "5", "0.1", "1.25").as_of("2026-08-21")
        .released("2025-10-15").not_before("2026-10-15").successor("claude-haiku-5-5").same("claude-haiku-4-5"),
    row("claude-haiku-5-5", Active, Balanced).aliases(&["claude-haiku"])
        .context(1_000_000).output(128_000).abilities(FULL).no_temperature().adaptive()
        .usd("0.1", "0.5", "0.01", "0.125").steps(&[above(100_000, rates("0.5", "2.5", "0.05", "0.625"))])
        .as_of("2026-10-27").released("2026-10-07").not_before("2027-10-07").same("claude-haiku-5-5"),
    row("claude-instant-1.2", Retired, Fast).aliases(&["claude-instant", "claude-instant-1"])
        .context(100_000).output(4096).usd("1.63", "5.51", NONE, NONE).as_of("2026-08-21")
        .released("2023-08-09").retired("2024-11-06").successor("claude-haiku-5-5"),
    row("claude-opus-4-0", Retired, Premium).aliases(&["claude-opus-4", "claude-opus-4-20250514"])
        .context(200_000).output(32_000).abilities(SEES_THINKS).usd("15", "75", "1.5", "18.75").as_of("2026-08-21")
        .released("2025-05-22").retired("2026-06-15").successor("claude-opus-5-5"),
    row("claude-opus-4-1", Retired, Premium).aliases(&["claude-opus-4-1-20250805"])
        .context(200_000).output(32_000).abilities(FULL).usd("15", "75", "1.5", "18.75").as_of("2026-08-21")
        .released("2025-08-05").retired("2026-08-05").successor("claude-opus-5-5"),
    row("claude-opus-4-5", Active, Premium).aliases(&["claude-opus-4-5-20251101"])
        .context(200_000).output(64_000).abilities(FULL).usd("5", "25", "0.5", "6.25").as_of("2026-08-21")
        .released("2025-11-24").successor("claude-opus-5-5"),
    row("claude-opus-4-6", Active, Premium).context(1_000_000).output(128_000).abilities(FULL)
        .usd("5", "25", "0.5", "6.25").as_of("2026-08-21").released("2026-02-05").successor("claude-opus-5-5"),
    row("claude-opus-4-7", Active, Premium)
        .context(1_000_000).output(128_000).abilities(FULL).no_temperature().adaptive()
        .usd("5", "25", "0.5", "6.25").as_of("2026-08-21").released("2026-04-16").successor("claude-opus-5-5"),
    row("claude-opus-4-8", Active, Premium)
        .context(1_000_000).output(128_000).abilities(FULL).no_temperature().adaptive()
        .usd("5", "25", "0.5", "6.25").as_of("2026-08-21")
        .released("2026-05-28").successor("claude-opus-5-5").same("claude-opus-4-8"),
    row("claude-opus-5", Active, Premium)
        .context(1_000_000).output(128_000).abilities(FULL).no_temperature().adaptive()
        .usd("5", "25", "0.5", "6.25").as_of("2026-08-21")
        .released("2026-07-24").not_before("2027-07-24").successor("claude-opus-5-5"),
    row("claude-opus-5-5", Active, Premium).aliases(&["claude-opus"])
        .context(1_000_000).output(128_000).abilities(FULL).no_temperature().adaptive()
        .usd("4", "20", "0.2", "5").as_of("2026-10-27")
        .released("2026-09-22").not_before("2027-09-22").same("claude-opus-5-5"),
    row("claude-sonnet-4-0", Retired, Advanced).aliases(&["claude-sonnet-4", "claude-sonnet-4-20250514"])
        .context(200_000).output(64_000).abilities(SEES_THINKS).usd("3", "15", "0.3", "3.75").as_of("2026-08-21")
        .released("2025-05-22").retired("2026-06-15").successor("claude-sonnet-5-5"),
    row("claude-sonnet-4-5", Active, Advanced).aliases(&["claude-sonnet-4-5-20250929"])
        .context(200_000).output(64_000).abilities(FULL)
        .usd("3", "15", "0.3", "3.75").steps(&[above(200_000, rates("6", "22.5", "0.6", "7.5"))]).as_of("2026-08-21")
        .released("2025-09-29").successor("claude-sonnet-5-5"),
    row("claude-sonnet-4-6", Active, Advanced).context(1_000_000).output(64_000).abilities(FULL)
        .usd("3", "15", "0.3", "3.75").as_of("2026-08-21")
        .released("2026-02-17").successor("claude-sonnet-5-5").same("claude-sonnet-4-6"),
    row("claude-sonnet-5", Active, Advanced)
        .context(1_000_000).output(128_000).abilities(FULL).no_temperature().adaptive()
        .usd("2", "10", "0.2", "2.5").as_of("2026-08-21")
        .released("2026-06-30").successor("claude-sonnet-5-5").same("claude-sonnet-5"),
    row("claude-sonnet-5-5", Active, Advanced).aliases(&["claude-sonnet"])
        .context(1_000_000).output(128_000).abilities(FULL).no_temperature().adaptive()
        .usd("2", "10", "0.1", "2.5").as_of("2026-10-27")
        .released("2026-09-28").not_before("2027-09-28").same("claude-sonnet-5-5"),
];
