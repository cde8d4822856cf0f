//! AI21's models.

use crate::catalogue::row::Status::{self, Active, Deprecated, Retired};
use crate::catalogue::row::{Defaults, ModelRow, NONE, Section};
use crate::types::Tier::{self, Advanced, Balanced, Fast, Premium};

use super::{PLAIN, TOOLS};

const fn row(id: &'static str, status: Status, tier: Tier) -> ModelRow {
    ModelRow::new("ai21", id, status, tier)
}

pub(super) static SECTION: Section = Section {
    provider: "ai21",
    defaults: Defaults {
        default: "jamba-mini",
        fast: "jamba-mini",
        balanced: "jamba-mini",
        advanced: "jamba-large",
        premium: "jamba-large",
    },
    rows: ROWS,
};

#[rustfmt::skip]
static ROWS: &[ModelRow] = &[
    row("jamba-1.5-large", Deprecated, Balanced).context(256_000).output(4096).abilities(TOOLS)
        .usd("2", "8", NONE, NONE).as_of("2026-08-21").successor("jamba-large"),
    row("jamba-1.5-mini", Deprecated, Fast).context(256_000).output(4096).abilities(TOOLS)
        .usd("0.2", "0.4", NONE, NONE).as_of("2026-08-21").successor("jamba-mini"),
    row("jamba-instruct", Retired, Fast).context(70_000).output(4096).usd("0.5", "0.7", NONE, NONE)
        .released("2024-05-02").successor("jamba-mini"),
    row("jamba-large", Active, Premium).aliases(&["jamba-large-1.7", "jamba-large-1.7-2025-07"])
        .context(256_000).output(4096).abilities(PLAIN).usd("2", "8", NONE, NONE).as_of("2026-08-21")
        .released("2025-07-03"),
    row("jamba-large-1.6", Deprecated, Advanced).context(256_000).output(4096).abilities(TOOLS)
        .usd("2", "8", NONE, NONE).as_of("2026-07-24").successor("jamba-large"),
    row("jamba-mini", Active, Balanced).aliases(&["jamba-mini-2", "jamba-mini-2-2026-01", "jamba-mini-1.7"])
        .context(256_000).output(4096).abilities(PLAIN).usd("0.2", "0.4", NONE, NONE).as_of("2026-08-21")
        .released("2026-01-01"),
    row("jamba-mini-1.6", Deprecated, Fast).context(256_000).output(4096).abilities(TOOLS)
        .usd("0.2", "0.4", NONE, NONE).as_of("2026-07-24").successor("jamba-mini"),
];
