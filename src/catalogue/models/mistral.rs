//! Mistral's models.
//!
//! `mistral-large-4` is sold at half of its list price (1.36 and 4.18), nobody says until when.
//! Medium before 3.5 was the smaller sister of Large, and is balanced.

use crate::catalogue::row::Status::{self, Active, Deprecated, Preview, Retired};
use crate::catalogue::row::{Defaults, ModelRow, NONE, Section};
use crate::types::Tier::{self, Advanced, Balanced, Fast, Premium};

use super::{FULL, PLAIN, SEES, THINKS, TOOLS};

const fn row(id: &'static str, status: Status, tier: Tier) -> ModelRow {
    ModelRow::new("mistral", id, status, tier)
}

pub(super) static SECTION: Section = Section {
    provider: "mistral",
    defaults: Defaults {
        default: "mistral-large-2512",
        fast: "ministral-8b-2512",
        balanced: "mistral-small-2603",
        advanced: "mistral-large-2512",
        premium: "mistral-medium-3-5",
    },
    rows: ROWS,
};

#[rustfmt::skip]
static ROWS: &[ModelRow] = &[
    row("codestral-2508", Active, Balanced).aliases(&["codestral-latest"]).context(256_000).abilities(PLAIN)
        .usd("0.3", "0.9", "0.03", NONE).as_of("2026-08-21").released("2025-07-30"),
    row("devstral-2512", Deprecated, Balanced).aliases(&["devstral-latest", "devstral-medium-latest"])
        .context(262_144).output(262_144).abilities(TOOLS).usd("0.4", "2", "0.04", NONE).as_of("2026-08-21")
        .released("2025-12-09").successor("mistral-medium-3-5"),
    row("magistral-medium-latest", Active, Advanced).aliases(&["magistral-medium-2509"])
        .context(128_000).output(16_384).abilities(THINKS).usd("2", "5", NONE, NONE).as_of("2026-08-21")
        .released("2025-09-18").successor("mistral-medium-3-5"),
    row("magistral-small-latest", Active, Balanced).aliases(&["magistral-small-2509", "magistral-small"])
        .context(128_000).abilities(THINKS).usd("0.5", "1.5", NONE, NONE).as_of("2026-08-21")
        .released("2025-09-18").successor("mistral-small-2603"),
    row("ministral-14b-2512", Active, Fast).aliases(&["ministral-14b-latest", "ministral-3-14b-2512"])
        .context(262_144).output(262_144).abilities(SEES).usd("0.2", "0.2", "0.02", NONE).as_of("2026-08-21")
        .released("2025-12-02"),
    row("ministral-3b-2512", Active, Fast).aliases(&["ministral-3b-latest", "ministral-3-3b-2512"])
        .context(131_072).output(131_072).abilities(SEES).usd("0.1", "0.1", "0.01", NONE).as_of("2026-08-21")
        .released("2025-12-02"),
    row("ministral-8b-2512", Active, Fast).aliases(&["ministral-8b-latest", "ministral-3-8b-2512"])
        .context(262_144).output(262_144).abilities(SEES).usd("0.15", "0.15", NONE, NONE).as_of("2026-08-21")
        .released("2025-12-02"),
    row("mistral-large-2411", Retired, Balanced).context(131_072).output(16_384).abilities(PLAIN)
        .usd("2", "6", NONE, NONE).as_of("2026-07-24")
        .released("2024-11-18").retired("2026-05-31").successor("mistral-large-2512"),
    row("mistral-large-2512", Active, Advanced).aliases(&["mistral-large-latest", "mistral-large-3"])
        .context(262_144).output(262_144).abilities(SEES).usd("0.5", "1.5", "0.05", NONE).as_of("2026-08-21")
        .released("2025-12-02").same("mistral-large-2512"),
    row("mistral-large-4", Preview, Advanced).aliases(&["mistral-large-4-0"]).context(1_048_576).abilities(FULL)
        .usd("0.68", "2.09", "0.07", NONE).as_of("2026-10-06").released("2026-10-01").same("mistral-large-4"),
    row("mistral-medium-2312", Retired, Balanced).context(32_000).output(8191)
        .usd("2.7", "8.1", NONE, NONE).as_of("2026-07-24")
        .released("2023-12-11").retired("2025-06-16").successor("mistral-medium-3-5"),
    row("mistral-medium-2505", Deprecated, Balanced).context(131_072).output(131_072).abilities(SEES)
        .usd("0.4", "2", NONE, NONE).as_of("2026-08-21").released("2025-05-07").successor("mistral-medium-3-5"),
    row("mistral-medium-2508", Deprecated, Balanced).context(262_144).output(262_144).abilities(SEES)
        .usd("0.4", "2", NONE, NONE).as_of("2026-08-21").released("2025-08-12").successor("mistral-medium-3-5"),
    row("mistral-medium-3-5", Active, Premium)
        .aliases(&["mistral-medium-latest", "mistral-medium-2604", "mistral-medium-3.5", "mistral-medium"])
        .context(262_144).output(262_144).abilities(FULL).usd("1.5", "7.5", NONE, NONE).as_of("2026-07-24")
        .released("2026-04-28").same("mistral-medium-3-5"),
    row("mistral-small-2506", Active, Balanced).context(131_072).output(16_384).abilities(SEES)
        .usd("0.1", "0.3", NONE, NONE).as_of("2026-08-21").released("2025-06-20").successor("mistral-small-2603"),
    row("mistral-small-2603", Active, Balanced).aliases(&["mistral-small-latest", "mistral-small-4"])
        .context(256_000).output(256_000).abilities(FULL).usd("0.15", "0.6", "0.015", NONE).as_of("2026-08-21")
        .released("2026-03-16"),
    row("open-mistral-7b", Retired, Fast).context(32_000).output(8191)
        .usd("0.25", "0.25", NONE, NONE).as_of("2026-08-21").released("2023-09-27").successor("ministral-8b-2512"),
    row("open-mistral-nemo", Deprecated, Fast).aliases(&["mistral-nemo", "open-mistral-nemo-2407"])
        .context(128_000).output(128_000).abilities(PLAIN).usd("0.15", "0.15", NONE, NONE).as_of("2026-08-21")
        .released("2024-07-18").successor("ministral-8b-2512").same("mistral-nemo"),
    row("open-mixtral-8x22b", Retired, Balanced).context(64_000).output(64_000).abilities(PLAIN)
        .usd("2", "6", NONE, NONE).as_of("2026-08-21").released("2024-04-17").successor("mistral-small-2603"),
    row("open-mixtral-8x7b", Retired, Fast).context(32_000).output(32_000)
        .usd("0.7", "0.7", NONE, NONE).as_of("2026-08-21").released("2023-12-11").successor("mistral-small-2603"),
    row("pixtral-large-2411", Deprecated, Balanced).aliases(&["pixtral-large-latest"])
        .context(128_000).output(128_000).abilities(SEES).usd("2", "6", NONE, NONE).as_of("2026-08-21")
        .released("2024-11-18").successor("mistral-large-2512"),
];
