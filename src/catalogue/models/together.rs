//! Together's models.
//!
//! Rows without a price are models that are served, but whose price no source tells.

use crate::catalogue::row::Ability::{JsonSchema, Streaming};
use crate::catalogue::row::Status::{self, Active, Deprecated};
use crate::catalogue::row::{Defaults, ModelRow, NONE, Section};
use crate::types::Tier::{self, Advanced, Balanced, Fast, Premium};

use super::{FULL, SEES_THINKS, THINKS, TOOLS, TOOLS_THINKS};

const fn row(id: &'static str, status: Status, tier: Tier) -> ModelRow {
    ModelRow::new("together", id, status, tier)
}

pub(super) static SECTION: Section = Section {
    provider: "together",
    defaults: Defaults {
        default: "openai/gpt-oss-120b",
        fast: "openai/gpt-oss-20b",
        balanced: "openai/gpt-oss-120b",
        advanced: "zai-org/GLM-5.2",
        premium: "moonshotai/Kimi-K2.6",
    },
    rows: ROWS,
};

#[rustfmt::skip]
static ROWS: &[ModelRow] = &[
    row("MiniMaxAI/MiniMax-M2.7", Active, Balanced).context(202_752).output(131_072).abilities(THINKS)
        .usd("0.3", "1.2", "0.06", NONE).as_of("2026-08-21").released("2026-03-18").same("minimax-m2.7"),
    row("Qwen/Qwen3-Coder-Next-FP8", Active, Balanced).context(262_144).output(262_144).abilities(TOOLS)
        .usd("0.5", "1.2", NONE, NONE).as_of("2026-07-01").released("2026-02-03"),
    row("Qwen/Qwen3.5-397B-A17B", Active, Advanced).context(262_144).output(130_000).abilities(SEES_THINKS)
        .usd("0.6", "3.6", NONE, NONE).as_of("2026-07-24").released("2026-02-16"),
    row("Qwen/Qwen3.6-Plus", Active, Balanced).context(1_000_000).output(500_000).abilities(TOOLS_THINKS)
        .usd("0.5", "3", NONE, NONE).as_of("2026-08-21").released("2026-04-30"),
    row("Qwen/Qwen3.7-Max", Active, Advanced).context(1_000_000).output(500_000).abilities(TOOLS)
        .usd("1.25", "3.75", NONE, NONE).as_of("2026-08-21").released("2026-05-21").same("qwen3.7-max"),
    row("deepseek-ai/DeepSeek-R1", Deprecated, Balanced).context(163_839).output(163_839).abilities(TOOLS_THINKS)
        .usd("3", "7", NONE, NONE).as_of("2026-08-21").released("2025-01-20").successor("deepseek-ai/DeepSeek-V4-Pro"),
    row("deepseek-ai/DeepSeek-V3", Deprecated, Balanced).context(131_072).output(131_072).abilities(TOOLS)
        .usd("1.25", "1.25", NONE, NONE).as_of("2026-08-21")
        .released("2024-12-26").successor("deepseek-ai/DeepSeek-V4-Pro").same("deepseek-v3"),
    row("deepseek-ai/DeepSeek-V4-Pro", Active, Advanced).context(512_000).output(384_000).abilities(THINKS)
        .usd("1.74", "3.48", "0.2", NONE).as_of("2026-07-01").released("2026-04-24").same("deepseek-v4-pro-0424"),
    row("deepseek-ai/DeepSeek-V4-Pro-0813", Active, Premium).abilities(TOOLS_THINKS)
        .as_of("2026-10-06").same("deepseek-v4-pro-0813"),
    row("deepseek-ai/DeepSeek-V4.1-Flash", Active, Balanced).abilities(TOOLS_THINKS)
        .as_of("2026-10-06").same("deepseek-v4.1-flash"),
    row("google/gemma-3n-E4B-it", Active, Fast).context(32_768).output(32_768).abilities(&[Streaming, JsonSchema])
        .usd("0.06", "0.12", NONE, NONE).as_of("2026-07-01").released("2025-05-20"),
    row("google/gemma-4-31B-it", Active, Balanced).context(262_144).output(131_072).abilities(FULL)
        .usd("0.39", "0.97", NONE, NONE).as_of("2026-07-01").released("2026-04-07").same("gemma-4-31b"),
    row("meta-llama/Llama-3.2-3B-Instruct-Turbo", Deprecated, Fast).context(131_072).abilities(TOOLS)
        .usd("0.06", "0.06", NONE, NONE).as_of("2026-08-21")
        .released("2024-09-25").successor("openai/gpt-oss-20b").same("llama-3.2-3b"),
    row("meta-llama/Llama-3.3-70B-Instruct-Turbo", Active, Balanced).context(131_072).output(131_072).abilities(TOOLS)
        .usd("0.88", "0.88", NONE, NONE).as_of("2026-08-21").released("2024-12-06").same("llama-3.3-70b"),
    row("meta-llama/Meta-Llama-3-8B-Instruct-Lite", Active, Fast).context(8192).output(8192)
        .usd("0.14", "0.14", NONE, NONE).as_of("2026-07-01").released("2024-04-18"),
    row("moonshotai/Kimi-K2.5", Deprecated, Advanced).context(262_144).output(262_144).abilities(SEES_THINKS)
        .usd("0.5", "2.8", NONE, NONE).as_of("2026-08-21").released("2026-01-27").successor("moonshotai/Kimi-K2.6"),
    row("moonshotai/Kimi-K2.6", Active, Premium).context(262_144).output(131_000).abilities(FULL)
        .usd("1.2", "4.5", "0.2", NONE).as_of("2026-08-21").released("2026-04-21").same("kimi-k2.6"),
    row("moonshotai/Kimi-K2.7-Code", Active, Advanced).context(262_144).output(131_072).abilities(THINKS)
        .usd("0.95", "4", "0.19", NONE).as_of("2026-07-01").released("2026-06-14").same("kimi-k2.7-code"),
    row("moonshotai/Kimi-K3", Active, Premium).abilities(TOOLS_THINKS).as_of("2026-10-06")
        .same("kimi-k3"),
    row("nvidia/nemotron-3-ultra-550b-a55b", Active, Advanced).context(512_300).output(512_300).abilities(THINKS)
        .usd("0.6", "3.6", "0.2", NONE).as_of("2026-07-01").released("2026-06-04").same("nemotron-3-ultra-550b"),
    row("openai/gpt-oss-120b", Active, Balanced).context(131_072).output(131_072).abilities(THINKS)
        .usd("0.15", "0.6", NONE, NONE).as_of("2026-08-21").released("2025-08-05").same("gpt-oss-120b"),
    row("openai/gpt-oss-20b", Active, Fast).context(131_072).output(131_072).abilities(THINKS)
        .usd("0.05", "0.2", NONE, NONE).as_of("2026-08-21").released("2025-08-05").same("gpt-oss-20b"),
    row("zai-org/GLM-5.1", Active, Advanced).context(202_752).output(131_072).abilities(THINKS)
        .usd("1.4", "4.4", NONE, NONE).as_of("2026-07-01").released("2026-04-07"),
    row("zai-org/GLM-5.2", Active, Advanced).context(262_144).output(164_000).abilities(THINKS)
        .usd("1.4", "4.4", "0.26", NONE).as_of("2026-08-21").released("2026-06-16").same("glm-5.2"),
    row("zai-org/GLM-5.3", Active, Advanced).abilities(TOOLS_THINKS).as_of("2026-10-06"),
];
