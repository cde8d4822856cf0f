//! Ollama's models.
//!
//! Local models cost nothing. The window is the model's own: a server's `num_ctx` is usually far smaller.

use crate::catalogue::row::Ability::{JsonSchema, Reasoning, Streaming, Vision};
use crate::catalogue::row::Status::{self, Active};
use crate::catalogue::row::{Defaults, ModelRow, Section};
use crate::types::Tier::{self, Advanced, Balanced, Fast, Premium};

use super::{FULL, PLAIN, SEES, THINKS};

const fn row(id: &'static str, status: Status, tier: Tier) -> ModelRow {
    ModelRow::new("ollama", id, status, tier)
}

pub(super) static SECTION: Section = Section {
    provider: "ollama",
    defaults: Defaults {
        default: "llama3.2:3b",
        fast: "llama3.2:3b",
        balanced: "qwen3:8b",
        advanced: "gpt-oss:20b",
        premium: "gpt-oss:120b",
    },
    rows: ROWS,
};

#[rustfmt::skip]
static ROWS: &[ModelRow] = &[
    row("codellama:7b", Active, Fast).aliases(&["codellama"]).context(16_384).abilities(&[Streaming, JsonSchema])
        .usd("0", "0", "0", "0").released("2023-08-24"),
    row("deepseek-r1:8b", Active, Fast).aliases(&["deepseek-r1"])
        .context(131_072).abilities(&[Streaming, JsonSchema, Reasoning]).usd("0", "0", "0", "0").released("2025-05-28"),
    row("gemma3:12b", Active, Fast).context(131_072).abilities(&[Streaming, Vision, JsonSchema])
        .usd("0", "0", "0", "0").released("2025-03-12"),
    row("gemma3:27b", Active, Balanced).context(131_072).abilities(&[Streaming, Vision, JsonSchema])
        .usd("0", "0", "0", "0").released("2025-03-12"),
    row("gemma3:4b", Active, Fast).aliases(&["gemma3"]).context(131_072).abilities(&[Streaming, Vision, JsonSchema])
        .usd("0", "0", "0", "0").released("2025-03-12"),
    row("gemma4:31b", Active, Balanced).context(262_144).abilities(FULL).usd("0", "0", "0", "0")
        .released("2026-04-02"),
    row("gpt-oss:120b", Active, Premium).context(131_072).abilities(THINKS).usd("0", "0", "0", "0")
        .released("2025-08-05").same("gpt-oss-120b"),
    row("gpt-oss:20b", Active, Advanced).aliases(&["gpt-oss"]).context(131_072).abilities(THINKS)
        .usd("0", "0", "0", "0").released("2025-08-05").same("gpt-oss-20b"),
    row("llama3.1:8b", Active, Fast).aliases(&["llama3.1", "llama-3.1-8b"]).context(131_072).abilities(PLAIN)
        .usd("0", "0", "0", "0").released("2024-07-23"),
    row("llama3.2:1b", Active, Fast).aliases(&["llama-3.2-1b"]).context(131_072).abilities(PLAIN)
        .usd("0", "0", "0", "0").released("2024-09-25"),
    row("llama3.2:3b", Active, Fast).aliases(&["llama3.2", "llama-3.2-3b"]).context(131_072).abilities(PLAIN)
        .usd("0", "0", "0", "0").released("2024-09-25"),
    row("llama3.3:70b", Active, Balanced).aliases(&["llama3.3", "llama-3.3-70b"]).context(131_072).abilities(PLAIN)
        .usd("0", "0", "0", "0").released("2024-12-06"),
    row("ministral-3:8b", Active, Fast).context(262_144).abilities(SEES).usd("0", "0", "0", "0")
        .released("2025-12-02"),
    row("mistral-nemo:12b", Active, Fast).aliases(&["mistral-nemo"]).context(131_072).abilities(PLAIN)
        .usd("0", "0", "0", "0").released("2024-07-18"),
    row("mistral:7b", Active, Fast).aliases(&["mistral"]).context(32_768).abilities(PLAIN)
        .usd("0", "0", "0", "0").released("2023-09-27"),
    row("phi4:14b", Active, Fast).aliases(&["phi4"]).context(16_384).abilities(&[Streaming, JsonSchema])
        .usd("0", "0", "0", "0").released("2024-12-12"),
    row("qwen2.5-coder:7b", Active, Fast).aliases(&["qwen2.5-coder"]).context(32_768).abilities(PLAIN)
        .usd("0", "0", "0", "0").released("2024-11-12"),
    row("qwen3:32b", Active, Balanced).context(40_960).abilities(THINKS).usd("0", "0", "0", "0")
        .released("2025-04-28"),
    row("qwen3:4b", Active, Fast).context(40_960).abilities(THINKS).usd("0", "0", "0", "0")
        .released("2025-04-28"),
    row("qwen3:8b", Active, Balanced).aliases(&["qwen3"]).context(40_960).abilities(THINKS)
        .usd("0", "0", "0", "0").released("2025-04-28"),
];
