//! Cohere's models.

use crate::catalogue::row::Ability::{JsonSchema, Streaming, Vision};
use crate::catalogue::row::Status::{self, Active, Deprecated};
use crate::catalogue::row::{Defaults, ModelRow, NONE, Section};
use crate::types::Tier::{self, Advanced, Balanced, Fast, Premium};

use super::{FULL, PLAIN, THINKS, TOOLS};

const fn row(id: &'static str, status: Status, tier: Tier) -> ModelRow {
    ModelRow::new("cohere", id, status, tier)
}

pub(super) static SECTION: Section = Section {
    provider: "cohere",
    defaults: Defaults {
        default: "command-a-03-2025",
        fast: "command-r7b-12-2024",
        balanced: "command-r-08-2024",
        advanced: "command-a-03-2025",
        premium: "command-a-plus-05-2026",
    },
    rows: ROWS,
};

#[rustfmt::skip]
static ROWS: &[ModelRow] = &[
    row("command", Deprecated, Fast).context(4096).output(4096)
        .usd("1", "2", NONE, NONE).as_of("2026-08-21").successor("command-a-03-2025"),
    row("command-a-03-2025", Active, Advanced).aliases(&["command-a"]).context(256_000).output(8000).abilities(PLAIN)
        .usd("2.5", "10", NONE, NONE).as_of("2026-08-21").released("2025-03-13").same("command-a-03-2025"),
    row("command-a-plus-05-2026", Active, Premium).aliases(&["command-a-plus"])
        .context(128_000).output(64_000).abilities(FULL).usd("2.5", "10", NONE, NONE).as_of("2026-07-01")
        .released("2026-05-20"),
    row("command-a-reasoning-08-2025", Active, Advanced).context(256_000).output(32_000).abilities(THINKS)
        .usd("2.5", "10", NONE, NONE).as_of("2026-07-01").released("2025-08-21"),
    row("command-a-translate-08-2025", Active, Advanced).context(8000).output(8000).abilities(TOOLS)
        .usd("2.5", "10", NONE, NONE).as_of("2026-07-01").released("2025-08-28"),
    row("command-a-vision-07-2025", Active, Advanced)
        .context(128_000).output(8000).abilities(&[Streaming, Vision, JsonSchema])
        .usd("2.5", "10", NONE, NONE).as_of("2026-07-01").released("2025-07-31"),
    row("command-light", Deprecated, Fast).context(4096).output(4096)
        .usd("0.3", "0.6", NONE, NONE).as_of("2026-08-21").successor("command-r7b-12-2024"),
    row("command-r-03-2024", Deprecated, Balanced).aliases(&["command-r"])
        .context(128_000).output(4096).abilities(TOOLS).usd("0.15", "0.6", NONE, NONE).as_of("2026-08-21")
        .released("2024-03-11").successor("command-r-08-2024"),
    row("command-r-08-2024", Active, Balanced).context(128_000).output(4000).abilities(PLAIN)
        .usd("0.15", "0.6", NONE, NONE).as_of("2026-07-24").released("2024-08-30"),
    row("command-r-plus-04-2024", Deprecated, Balanced).aliases(&["command-r-plus"])
        .context(128_000).output(4096).abilities(TOOLS).usd("2.5", "10", NONE, NONE).as_of("2026-08-21")
        .released("2024-04-04").successor("command-r-plus-08-2024"),
    row("command-r-plus-08-2024", Active, Balanced).context(128_000).output(4000).abilities(PLAIN)
        .usd("2.5", "10", NONE, NONE).as_of("2026-07-24").released("2024-08-30"),
    row("command-r7b-12-2024", Active, Fast).aliases(&["command-r7b"]).context(128_000).output(4000).abilities(PLAIN)
        .usd("0.0375", "0.15", NONE, NONE).as_of("2026-08-21").released("2024-12-02"),
    row("north-mini-code-1-0", Active, Fast).context(256_000).output(64_000).abilities(THINKS)
        .usd("0", "0", NONE, NONE).as_of("2026-07-01").released("2026-06-09"),
];
