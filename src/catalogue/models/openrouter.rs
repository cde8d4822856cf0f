//! OpenRouter's models.
//!
//! For open models the price is that of the cheapest host and moves from week to week; for the others it is the maker's
//! list price. A row without a date copies the maker's row. What a request cost is told in its answer.

use crate::catalogue::row::Ability::{JsonSchema, Reasoning, Streaming, Vision};
use crate::catalogue::row::Status::{self, Active, Preview, Retired};
use crate::catalogue::row::{Defaults, ModelRow, NONE, Section, above, rates, since};
use crate::types::Tier::{self, Advanced, Balanced, Fast, Premium};

use super::{FULL, PLAIN, SEES, THINKS, TOOLS_THINKS};

const fn row(id: &'static str, status: Status, tier: Tier) -> ModelRow {
    ModelRow::new("openrouter", id, status, tier)
}

pub(super) static SECTION: Section = Section {
    provider: "openrouter",
    defaults: Defaults {
        default: "google/gemini-3.8-flash",
        fast: "openai/gpt-6-luna",
        balanced: "deepseek/deepseek-v4.1-flash",
        advanced: "anthropic/claude-sonnet-5.5",
        premium: "anthropic/claude-opus-5.5",
    },
    rows: ROWS,
};

#[rustfmt::skip]
static ROWS: &[ModelRow] = &[
    row("anthropic/claude-fable-5.1", Active, Premium).context(1_000_000).output(128_000).abilities(FULL)
        .usd("10", "50", "0.25", "12.5").released("2026-09-01").same("claude-fable-5-1"),
    row("anthropic/claude-haiku-4.5", Active, Fast).context(200_000).output(64_000).abilities(FULL)
        .usd("1", "5", "0.1", "1.25").as_of("2026-08-21").released("2025-10-15").same("claude-haiku-4-5"),
    row("anthropic/claude-haiku-5.5", Active, Balanced).context(1_000_000).output(128_000).abilities(FULL)
        .usd("0.1", "0.5", "0.01", "0.125").steps(&[above(100_000, rates("0.5", "2.5", "0.05", "0.625"))])
        .released("2026-10-07").same("claude-haiku-5-5"),
    row("anthropic/claude-opus-4.8", Active, Premium).context(1_000_000).output(128_000).abilities(FULL)
        .usd("5", "25", "0.5", "6.25").as_of("2026-08-21").released("2026-05-27").same("claude-opus-4-8"),
    row("anthropic/claude-opus-5.5", Active, Premium).context(1_000_000).output(128_000).abilities(FULL)
        .usd("4", "20", "0.2", "5").released("2026-09-22").same("claude-opus-5-5"),
    row("anthropic/claude-sonnet-4.6", Active, Advanced).context(1_000_000).output(128_000).abilities(FULL)
        .usd("3", "15", "0.3", "3.75").as_of("2026-08-21").released("2026-02-17").same("claude-sonnet-4-6"),
    row("anthropic/claude-sonnet-5", Active, Advanced).context(1_000_000).output(128_000).abilities(FULL)
        .usd("2", "10", "0.2", "2.5").as_of("2026-08-21").released("2026-06-30").same("claude-sonnet-5"),
    row("anthropic/claude-sonnet-5.5", Active, Advanced).context(1_000_000).output(128_000).abilities(FULL)
        .usd("2", "10", "0.1", "2.5").released("2026-09-28").same("claude-sonnet-5-5"),
    row("cohere/command-a", Active, Advanced).context(256_000).output(8192).abilities(&[Streaming, JsonSchema])
        .usd("2.5", "10", NONE, NONE).as_of("2026-08-21").released("2025-03-13").same("command-a-03-2025"),
    row("deepseek/deepseek-chat", Active, Balanced).context(163_840).output(16_000).abilities(PLAIN)
        .usd("0.2574", "1.0287", NONE, NONE).as_of("2026-08-21").released("2024-12-26").same("deepseek-v3"),
    row("deepseek/deepseek-r1-0528", Active, Balanced).context(163_840).output(32_768).abilities(THINKS)
        .usd("0.5", "2.15", "0.35", NONE).as_of("2026-08-21").released("2025-05-28"),
    row("deepseek/deepseek-r1-0528:free", Retired, Balanced).context(163_840).abilities(&[Streaming, Reasoning])
        .usd("0", "0", NONE, NONE).as_of("2026-08-21").released("2025-05-28").successor("deepseek/deepseek-r1-0528"),
    row("deepseek/deepseek-v3.2", Active, Balanced).context(163_840).output(65_536).abilities(THINKS)
        .usd("0.269", "0.4", "0.1345", NONE).as_of("2026-08-21").released("2025-12-01"),
    row("deepseek/deepseek-v4-pro", Active, Premium).context(1_048_576).output(384_000).abilities(THINKS)
        .usd("0.66", "1.98", "0.022", NONE).as_of("2026-08-21").released("2026-04-24").same("deepseek-v4-pro-0813"),
    row("deepseek/deepseek-v4.1-flash", Active, Balanced).context(1_048_576).output(384_000).abilities(FULL)
        .usd("0.15", "0.6", NONE, NONE).as_of("2026-11-06").released("2026-09-10").same("deepseek-v4.1-flash"),
    row("google/gemini-2.5-flash-lite", Active, Fast).context(1_048_576).output(65_535).abilities(FULL)
        .usd("0.1", "0.4", "0.01", NONE).as_of("2026-08-21").released("2025-07-22").same("gemini-2.5-flash-lite"),
    row("google/gemini-3.1-flash-lite", Active, Fast).context(1_048_576).output(65_536).abilities(FULL)
        .usd("0.25", "1.5", "0.025", NONE).as_of("2026-08-21").released("2026-05-07").same("gemini-3.1-flash-lite"),
    row("google/gemini-3.1-pro-preview", Active, Premium).context(1_048_576).output(65_536).abilities(FULL)
        .usd("2", "12", "0.2", NONE).as_of("2026-08-21").released("2026-02-19").same("gemini-3.1-pro-preview"),
    row("google/gemini-3.5-flash", Active, Advanced).context(1_048_576).output(65_536).abilities(FULL)
        .usd("1.5", "9", "0.15", NONE).as_of("2026-08-21").released("2026-05-19").same("gemini-3.5-flash"),
    row("google/gemini-3.5-flash-lite", Active, Balanced).context(1_048_576).output(65_536).abilities(FULL)
        .usd("0.3", "2.5", "0.03", NONE).as_of("2026-08-21").released("2026-07-21").same("gemini-3.5-flash-lite"),
    row("google/gemini-3.8-flash", Active, Advanced).context(1_048_576).output(65_536).abilities(FULL)
        .usd("0.75", "3.75", "0.075", NONE).changes(&[since("2027-01-01", rates("1.5", "7.5", "0.15", NONE))])
        .released("2026-09-02").same("gemini-3.8-flash"),
    row("google/gemma-4-26b-a4b-it:free", Active, Fast).context(262_144).output(32_768).abilities(FULL)
        .usd("0", "0", NONE, NONE).as_of("2026-08-21").released("2026-04-03").same("gemma-4-26b-a4b"),
    row("google/gemma-4-31b-it", Active, Balanced).context(262_144).output(262_144).abilities(FULL)
        .usd("0.1", "0.34", "0.1", NONE).as_of("2026-08-21").released("2026-04-02").same("gemma-4-31b"),
    row("meta-llama/llama-3.2-3b-instruct", Active, Fast)
        .context(131_072).output(131_072).abilities(&[Streaming, JsonSchema])
        .usd("0.05", "0.33", NONE, NONE).as_of("2026-08-21").released("2024-09-25").same("llama-3.2-3b"),
    row("meta-llama/llama-3.3-70b-instruct", Active, Balanced).context(131_072).output(128_000).abilities(PLAIN)
        .usd("0.13", "0.4", NONE, NONE).as_of("2026-08-21").released("2024-12-06").same("llama-3.3-70b"),
    row("minimax/minimax-m3", Active, Balanced).context(1_048_576).output(512_000).abilities(FULL)
        .usd("0.3", "1.2", "0.06", NONE).as_of("2026-08-21").released("2026-05-31").same("minimax-m3"),
    row("mistralai/mistral-large-2512", Active, Advanced).context(262_144).abilities(SEES)
        .usd("0.5", "1.5", "0.05", NONE).as_of("2026-08-21").released("2025-12-01").same("mistral-large-2512"),
    row("mistralai/mistral-large-4-0", Preview, Advanced).context(1_048_576).abilities(FULL)
        .usd("0.7", "2.1", NONE, NONE).as_of("2026-10-01").same("mistral-large-4"),
    row("mistralai/mistral-medium-3-5", Active, Premium).context(262_144).abilities(FULL)
        .usd("1.5", "7.5", NONE, NONE).as_of("2026-08-21").released("2026-04-30").same("mistral-medium-3-5"),
    row("mistralai/mistral-nemo", Active, Fast).context(131_072).output(16_384).abilities(PLAIN)
        .usd("0.019", "0.03", NONE, NONE).as_of("2026-08-21").released("2024-07-19").same("mistral-nemo"),
    row("moonshotai/kimi-k2.7-code", Active, Advanced).context(262_144).output(262_144).abilities(FULL)
        .usd("0.73", "3.5", "0.15", NONE).as_of("2026-08-01").released("2026-06-12").same("kimi-k2.7-code"),
    row("moonshotai/kimi-k3", Active, Premium).context(1_048_576).abilities(FULL)
        .usd("3", "15", "0.3", NONE).as_of("2026-08-21").released("2026-07-16").same("kimi-k3"),
    row("nvidia/nemotron-3-super-120b-a12b:free", Active, Balanced).context(262_144).output(262_144).abilities(THINKS)
        .usd("0", "0", NONE, NONE).as_of("2026-08-21").released("2026-03-11"),
    row("nvidia/nemotron-3-ultra-550b-a55b:free", Active, Advanced)
        .context(1_000_000).output(65_536).abilities(TOOLS_THINKS).usd("0", "0", NONE, NONE).as_of("2026-08-21")
        .released("2026-06-04").same("nemotron-3-ultra-550b"),
    row("openai/gpt-4o", Active, Balanced).context(128_000).output(16_384).abilities(SEES)
        .usd("2.5", "10", "1.25", NONE).as_of("2026-08-21").released("2024-05-13").same("gpt-4o"),
    row("openai/gpt-4o-mini", Active, Fast).context(128_000).output(16_384).abilities(SEES)
        .usd("0.15", "0.6", "0.075", NONE).as_of("2026-08-21").released("2024-07-18").same("gpt-4o-mini"),
    row("openai/gpt-5.4-mini", Active, Balanced).context(400_000).output(128_000).abilities(FULL)
        .usd("0.75", "4.5", "0.075", NONE).as_of("2026-08-21").released("2026-03-17").same("gpt-5.4-mini"),
    row("openai/gpt-5.6-luna", Active, Fast).context(1_050_000).output(128_000).abilities(FULL)
        .usd("0.2", "1.2", "0.02", "0.25").as_of("2026-08-21").released("2026-07-09").same("gpt-5.6-luna"),
    row("openai/gpt-5.6-sol", Active, Advanced).context(1_050_000).output(128_000).abilities(FULL)
        .usd("4", "20", "0.4", "5").released("2026-07-09").same("gpt-5.6-sol"),
    row("openai/gpt-6-astra", Active, Premium).context(1_050_000).output(128_000).abilities(FULL)
        .usd("10", "50", "1", "12.5").steps(&[above(272_000, rates("20", "75", "2", "25"))])
        .released("2026-09-04").same("gpt-6-astra"),
    row("openai/gpt-6-luna", Active, Fast).context(1_050_000).output(128_000).abilities(FULL)
        .usd("0.1", "0.5", "0.01", "0.125").steps(&[above(272_000, rates("0.2", "0.75", "0.02", "0.25"))])
        .released("2026-09-22").same("gpt-6-luna"),
    row("openai/gpt-6.1-sol", Active, Advanced).context(1_050_000).output(128_000).abilities(FULL)
        .usd("2", "10", "0.1", "2.5").steps(&[above(272_000, rates("4", "15", "0.2", "5"))])
        .released("2026-09-29").same("gpt-6.1-sol"),
    row("openai/gpt-oss-120b", Active, Balanced).context(131_072).output(131_072).abilities(THINKS)
        .usd("0.037", "0.17", NONE, NONE).as_of("2026-08-21").released("2025-08-05").same("gpt-oss-120b"),
    row("openai/gpt-oss-20b:free", Active, Fast).context(131_072).output(32_768).abilities(THINKS)
        .usd("0", "0", NONE, NONE).as_of("2026-08-21").released("2025-08-05").same("gpt-oss-20b"),
    row("perplexity/sonar", Active, Balanced).context(127_072).abilities(&[Streaming, Vision])
        .usd("1", "1", NONE, NONE).as_of("2026-08-21").released("2025-01-27").same("sonar"),
    row("qwen/qwen3.7-max", Active, Advanced).context(1_000_000).output(131_072).abilities(THINKS)
        .usd("1.475", "4.425", "0.295", "1.84375").as_of("2026-08-21").released("2026-05-21").same("qwen3.7-max"),
    row("qwen/qwen3.7-plus", Active, Balanced).context(1_000_000).output(131_072).abilities(FULL)
        .usd("0.32", "1.28", "0.064", "0.4").as_of("2026-08-21").released("2026-06-03").same("qwen3.7-plus"),
    row("stepfun/step-5-preview", Preview, Advanced).abilities(TOOLS_THINKS)
        .usd("1", "2.7", NONE, NONE).as_of("2026-11-06").released("2026-10-08"),
    row("tencent/hy4", Active, Balanced).abilities(TOOLS_THINKS)
        .usd("0.417", "1.2505", NONE, NONE).as_of("2026-11-06").released("2026-11-04"),
    row("x-ai/grok-4.3", Active, Balanced).context(1_000_000).abilities(FULL)
        .usd("1.25", "2.5", "0.2", NONE).as_of("2026-08-21").released("2026-04-30").same("grok-4.3"),
    row("x-ai/grok-4.7", Active, Premium).context(500_000).output(500_000).abilities(FULL)
        .usd("2", "6", "0.5", NONE).steps(&[above(200_000, rates("4", "12", "1", NONE))])
        .released("2026-09-21").same("grok-4.7"),
    row("xiaomi/mimo-v2.5", Active, Balanced).context(1_050_000).output(131_072).abilities(FULL)
        .usd("0.14", "0.28", "0.0028", NONE).as_of("2026-08-21").released("2026-04-22"),
    row("z-ai/glm-5.2", Active, Advanced).context(1_048_576).output(128_000).abilities(THINKS)
        .usd("0.76006", "2.38876", "0.141154", NONE).as_of("2026-08-01").released("2026-06-16").same("glm-5.2"),
    row("z-ai/glm-5.3-flash", Active, Fast).abilities(TOOLS_THINKS)
        .usd("0.05", "0.18", NONE, NONE).as_of("2026-11-06").released("2026-08-26"),
];
