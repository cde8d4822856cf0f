//! Groq's models.

use crate::catalogue::row::Status::{self, Active, Deprecated, Preview, Retired};
use crate::catalogue::row::{Defaults, ModelRow, NONE, Section};
use crate::types::Tier::{self, Advanced, Balanced, Fast, Premium};

use super::{PLAIN, SEES, SEES_THINKS, THINKS, TOOLS, TOOLS_THINKS};

const fn row(id: &'static str, status: Status, tier: Tier) -> ModelRow {
    ModelRow::new("groq", id, status, tier)
}

pub(super) static SECTION: Section = Section {
    provider: "groq",
    defaults: Defaults {
        default: "openai/gpt-oss-120b",
        fast: "openai/gpt-oss-20b",
        balanced: "openai/gpt-oss-120b",
        advanced: "openai/gpt-oss-120b",
        premium: "openai/gpt-oss-120b",
    },
    rows: ROWS,
};

#[rustfmt::skip]
static ROWS: &[ModelRow] = &[
    row("gemma2-9b-it", Retired, Fast).context(8192).output(8192).abilities(TOOLS)
        .usd("0.2", "0.2", NONE, NONE).as_of("2026-08-21").successor("openai/gpt-oss-20b"),
    row("llama-3.1-8b-instant", Retired, Fast).context(131_072).output(131_072).abilities(TOOLS)
        .usd("0.05", "0.08", NONE, NONE).as_of("2026-08-21")
        .released("2024-07-23").retired("2026-08-16").successor("openai/gpt-oss-20b").same("llama-3.1-8b"),
    row("llama-3.2-3b-preview", Retired, Fast).context(8192).output(8192).abilities(TOOLS)
        .usd("0.06", "0.06", NONE, NONE).as_of("2026-08-21")
        .released("2024-09-25").successor("openai/gpt-oss-20b").same("llama-3.2-3b"),
    row("llama-3.3-70b-versatile", Retired, Balanced).context(131_072).output(32_768).abilities(TOOLS)
        .usd("0.59", "0.79", NONE, NONE).as_of("2026-08-21")
        .released("2024-12-06").retired("2026-08-16").successor("openai/gpt-oss-120b").same("llama-3.3-70b"),
    row("meta-llama/llama-4-maverick-17b-128e-instruct", Retired, Balanced)
        .context(131_072).output(8192).abilities(SEES).usd("0.2", "0.6", NONE, NONE).as_of("2026-08-21")
        .released("2025-04-05").successor("openai/gpt-oss-120b"),
    row("meta-llama/llama-4-scout-17b-16e-instruct", Deprecated, Balanced)
        .context(131_072).output(8192).abilities(SEES).usd("0.11", "0.34", NONE, NONE).as_of("2026-08-21")
        .released("2025-04-05").successor("openai/gpt-oss-120b"),
    row("mixtral-8x7b-32768", Retired, Fast).context(32_768).output(32_768).abilities(TOOLS)
        .usd("0.24", "0.24", NONE, NONE).as_of("2026-08-21").successor("openai/gpt-oss-20b"),
    row("moonshotai/kimi-k2-instruct-0905", Retired, Advanced).context(262_144).output(16_384).abilities(PLAIN)
        .usd("1", "3", "0.5", NONE).as_of("2026-08-21").released("2025-09-05").successor("openai/gpt-oss-120b"),
    row("openai/gpt-oss-120b", Active, Premium).context(131_072).output(65_536).abilities(THINKS)
        .usd("0.15", "0.6", "0.075", NONE).as_of("2026-08-21").released("2025-08-05").same("gpt-oss-120b"),
    row("openai/gpt-oss-20b", Active, Fast).context(131_072).output(65_536).abilities(THINKS)
        .usd("0.075", "0.3", "0.0375", NONE).as_of("2026-08-21").released("2025-08-05").same("gpt-oss-20b"),
    row("openai/gpt-oss-safeguard-20b", Preview, Fast).context(131_072).output(65_536).abilities(THINKS)
        .usd("0.075", "0.3", "0.0375", NONE).as_of("2026-08-21").released("2025-10-29"),
    row("qwen/qwen3-32b", Preview, Balanced).context(131_072).output(40_960).abilities(TOOLS_THINKS)
        .usd("0.29", "0.59", NONE, NONE).as_of("2026-08-21").released("2025-06-11"),
    row("qwen/qwen3.8-27b", Preview, Balanced).context(131_042).output(16_384).abilities(SEES_THINKS)
        .usd("0.8", "4", "0.4", NONE).as_of("2026-10-06"),
];
