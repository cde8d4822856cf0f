//! Cerebras's models.

use crate::catalogue::row::Status::{self, Active, Preview, Retired};
use crate::catalogue::row::{Defaults, ModelRow, NONE, Section};
use crate::types::Tier::{self, Advanced, Balanced, Fast, Premium};

use super::{FULL, THINKS, TOOLS};

const fn row(id: &'static str, status: Status, tier: Tier) -> ModelRow {
    ModelRow::new("cerebras", id, status, tier)
}

pub(super) static SECTION: Section = Section {
    provider: "cerebras",
    defaults: Defaults {
        default: "gpt-oss-120b",
        fast: "gpt-oss-120b",
        balanced: "gpt-oss-120b",
        advanced: "gpt-oss-120b",
        premium: "gpt-oss-120b",
    },
    rows: ROWS,
};

#[rustfmt::skip]
static ROWS: &[ModelRow] = &[
    row("gemma-4-31b", Active, Balanced).context(131_072).abilities(FULL)
        .usd("0.99", "1.49", NONE, NONE).as_of("2026-08-21").released("2026-04-02").same("gemma-4-31b"),
    row("gpt-oss-120b", Active, Premium).context(131_072).output(40_960).abilities(THINKS)
        .usd("0.35", "0.75", NONE, NONE).as_of("2026-08-21").released("2025-08-05").same("gpt-oss-120b"),
    row("llama-3.3-70b", Retired, Balanced).context(128_000).output(128_000).abilities(TOOLS)
        .usd("0.85", "1.2", NONE, NONE).as_of("2026-08-21").successor("gpt-oss-120b").same("llama-3.3-70b"),
    row("llama3.1-8b", Retired, Fast).context(32_768).abilities(TOOLS)
        .usd("0.1", "0.1", NONE, NONE).as_of("2026-08-21").successor("gpt-oss-120b").same("llama-3.1-8b"),
    row("zai-glm-4.7", Preview, Advanced).context(131_072).output(40_960).abilities(THINKS)
        .usd("2.25", "2.75", NONE, NONE).as_of("2026-08-21").released("2026-01-07"),
];
