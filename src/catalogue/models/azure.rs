//! Azure's models.
//!
//! An id here is the model behind a deployment, priced as a global deployment; regional ones cost about 10 % more.
//! What OpenAI has retired is only deprecated here: no source tells Azure's dates.

use crate::catalogue::row::Status::{self, Active, Deprecated, Retired};
use crate::catalogue::row::{Defaults, ModelRow, NONE, Section, above, rates};
use crate::types::Tier::{self, Advanced, Balanced, Fast, Premium};

use super::{FULL, SEES, SEES_THINKS, SEES_TOOLS, THINKS, TOOLS};

const fn row(id: &'static str, status: Status, tier: Tier) -> ModelRow {
    ModelRow::new("azure", id, status, tier)
}

pub(super) static SECTION: Section = Section {
    provider: "azure",
    defaults: Defaults {
        default: "gpt-6.1-sol",
        fast: "gpt-6-luna",
        balanced: "gpt-6-luna",
        advanced: "gpt-6.1-sol",
        premium: "gpt-6-astra",
    },
    rows: ROWS,
};

#[rustfmt::skip]
static ROWS: &[ModelRow] = &[
    row("gpt-35-turbo", Retired, Fast).aliases(&["gpt-3.5-turbo", "gpt-35-turbo-0125"])
        .context(16_385).output(4096).abilities(TOOLS).usd("0.5", "1.5", NONE, NONE).as_of("2026-07-24")
        .successor("gpt-5.6-terra").same("gpt-3.5-turbo"),
    row("gpt-4", Deprecated, Balanced).context(8192).output(8192).abilities(TOOLS)
        .usd("30", "60", NONE, NONE).as_of("2026-08-21").released("2023-03-14").successor("gpt-5.6-sol").same("gpt-4"),
    row("gpt-4-turbo", Deprecated, Balanced).context(128_000).output(4096).abilities(SEES_TOOLS)
        .usd("10", "30", NONE, NONE).as_of("2026-08-21")
        .released("2023-11-06").successor("gpt-5.6-sol").same("gpt-4-turbo"),
    row("gpt-4.1", Deprecated, Balanced).context(1_047_576).output(32_768).abilities(SEES)
        .usd("2", "8", "0.5", NONE).as_of("2026-08-21").released("2025-04-14").successor("gpt-6-luna").same("gpt-4.1"),
    row("gpt-4.1-mini", Deprecated, Balanced).context(1_047_576).output(32_768).abilities(SEES)
        .usd("0.4", "1.6", "0.1", NONE).as_of("2026-08-21")
        .released("2025-04-14").successor("gpt-6-luna").same("gpt-4.1-mini"),
    row("gpt-4.1-nano", Deprecated, Fast).context(1_047_576).output(32_768).abilities(SEES)
        .usd("0.1", "0.4", "0.025", NONE).as_of("2026-08-21")
        .released("2025-04-14").successor("gpt-6-luna").same("gpt-4.1-nano"),
    row("gpt-4o", Deprecated, Balanced).context(128_000).output(16_384).abilities(SEES)
        .usd("2.5", "10", "1.25", NONE).as_of("2026-08-21")
        .released("2024-05-13").successor("gpt-6-luna").same("gpt-4o"),
    row("gpt-4o-mini", Deprecated, Fast).context(128_000).output(16_384).abilities(SEES)
        .usd("0.15", "0.6", "0.075", NONE).as_of("2026-08-21")
        .released("2024-07-18").successor("gpt-6-luna").same("gpt-4o-mini"),
    row("gpt-5", Active, Advanced).context(400_000).output(128_000).abilities(SEES_THINKS).no_temperature()
        .usd("1.25", "10", "0.125", NONE).as_of("2026-08-21").released("2025-08-07").same("gpt-5"),
    row("gpt-5-mini", Active, Balanced).context(400_000).output(128_000).abilities(SEES_THINKS).no_temperature()
        .usd("0.25", "2", "0.025", NONE).as_of("2026-08-21").released("2025-08-07").same("gpt-5-mini"),
    row("gpt-5-nano", Active, Fast).context(400_000).output(128_000).abilities(SEES_THINKS).no_temperature()
        .usd("0.05", "0.4", "0.005", NONE).as_of("2026-08-21").released("2025-08-07").same("gpt-5-nano"),
    row("gpt-5-pro", Active, Advanced).context(400_000).output(272_000).abilities(FULL).no_temperature()
        .usd("15", "120", NONE, NONE).as_of("2026-08-21").released("2025-10-06").same("gpt-5-pro"),
    row("gpt-5.1", Active, Advanced).context(400_000).output(128_000).abilities(FULL).no_temperature()
        .usd("1.25", "10", "0.125", NONE).as_of("2026-08-21").released("2025-11-14").same("gpt-5.1"),
    row("gpt-5.2", Active, Advanced).context(400_000).output(128_000).abilities(FULL).no_temperature()
        .usd("1.75", "14", "0.175", NONE).as_of("2026-08-21").released("2025-12-11").same("gpt-5.2"),
    row("gpt-5.3-codex", Active, Advanced).context(400_000).output(128_000).abilities(FULL).no_temperature()
        .usd("1.75", "14", "0.175", NONE).as_of("2026-08-21").released("2026-02-24").same("gpt-5.3-codex"),
    row("gpt-5.4", Active, Advanced).context(1_050_000).output(128_000).abilities(FULL).no_temperature()
        .usd("2.5", "15", "0.25", NONE).steps(&[above(272_000, rates("5", "22.5", "0.5", NONE))]).as_of("2026-08-21")
        .released("2026-03-05").same("gpt-5.4"),
    row("gpt-5.4-mini", Active, Balanced).context(400_000).output(128_000).abilities(FULL).no_temperature()
        .usd("0.75", "4.5", "0.075", NONE).as_of("2026-08-21").released("2026-03-17").same("gpt-5.4-mini"),
    row("gpt-5.4-nano", Active, Fast).context(400_000).output(128_000).abilities(FULL).no_temperature()
        .usd("0.2", "1.25", "0.02", NONE).as_of("2026-08-21").released("2026-03-17").same("gpt-5.4-nano"),
    row("gpt-5.4-pro", Active, Premium).context(1_050_000).output(128_000).abilities(SEES_THINKS).no_temperature()
        .usd("30", "180", NONE, NONE).steps(&[above(272_000, rates("60", "270", NONE, NONE))]).as_of("2026-08-21")
        .released("2026-03-05").same("gpt-5.4-pro"),
    row("gpt-5.5", Active, Advanced).context(1_050_000).output(128_000).abilities(FULL).no_temperature()
        .usd("5", "30", "0.5", NONE).steps(&[above(272_000, rates("10", "45", "1", NONE))]).as_of("2026-08-21")
        .released("2026-04-24").same("gpt-5.5"),
    row("gpt-5.6-luna", Active, Fast).context(1_050_000).output(128_000).abilities(FULL).no_temperature()
        .usd("0.2", "1.2", "0.02", "0.25").steps(&[above(272_000, rates("0.4", "1.8", "0.04", "0.5"))])
        .as_of("2026-10-01").same("gpt-5.6-luna"),
    row("gpt-5.6-sol", Active, Advanced).context(1_050_000).output(128_000).abilities(FULL).no_temperature()
        .usd("4", "20", "0.4", "5").steps(&[above(272_000, rates("8", "30", "0.8", "10"))]).as_of("2026-10-01")
        .same("gpt-5.6-sol"),
    row("gpt-5.6-terra", Active, Balanced).context(1_050_000).output(128_000).abilities(FULL).no_temperature()
        .usd("2", "12", "0.2", "2.5").steps(&[above(272_000, rates("4", "18", "0.4", "5"))]).as_of("2026-10-01")
        .same("gpt-5.6-terra"),
    row("gpt-6-astra", Active, Premium).context(1_050_000).output(128_000).abilities(FULL).no_temperature()
        .usd("10", "50", "1", "12.5").steps(&[above(272_000, rates("20", "75", "2", "25"))]).as_of("2026-10-01")
        .same("gpt-6-astra"),
    row("gpt-6-luna", Active, Balanced).context(1_050_000).output(128_000).abilities(FULL).no_temperature()
        .usd("0.1", "0.5", "0.01", "0.125").steps(&[above(272_000, rates("0.2", "0.75", "0.02", "0.25"))])
        .as_of("2026-10-01").same("gpt-6-luna"),
    row("gpt-6-sol", Active, Advanced).context(1_050_000).output(128_000).abilities(FULL).no_temperature()
        .usd("2", "10", "0.2", "2.5").steps(&[above(272_000, rates("4", "15", "0.4", "5"))]).as_of("2026-10-01")
        .same("gpt-6-sol"),
    row("gpt-6.1-sol", Active, Advanced).context(1_050_000).output(128_000).abilities(FULL).no_temperature()
        .usd("2", "10", "0.1", "2.5").steps(&[above(272_000, rates("4", "15", "0.2", "5"))]).as_of("2026-10-01")
        .same("gpt-6.1-sol"),
    row("o1", Deprecated, Balanced).context(200_000).output(100_000).abilities(SEES_THINKS).no_temperature()
        .usd("15", "60", "7.5", NONE).as_of("2026-08-21").released("2024-12-05").successor("gpt-5.6-sol").same("o1"),
    row("o3", Active, Advanced).context(200_000).output(100_000).abilities(FULL).no_temperature()
        .usd("2", "8", "0.5", NONE).as_of("2026-08-21").released("2025-04-16").same("o3"),
    row("o3-mini", Deprecated, Balanced).context(200_000).output(100_000).abilities(THINKS).no_temperature()
        .usd("1.1", "4.4", "0.55", NONE).as_of("2026-08-21")
        .released("2024-12-20").successor("gpt-5.6-sol").same("o3-mini"),
    row("o4-mini", Deprecated, Balanced).context(200_000).output(100_000).abilities(FULL).no_temperature()
        .usd("1.1", "4.4", "0.275", NONE).as_of("2026-08-21")
        .released("2025-04-16").successor("gpt-5.6-terra").same("o4-mini"),
];
