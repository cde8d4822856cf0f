//! OpenAI's models.
//!
//! Above 272,000 prompt tokens (GPT-5.4 and later) input and cache cost twice as much, output half as much again.
//! From GPT-5.6 on a cache write is billed.

use crate::catalogue::row::Ability::{Reasoning, Streaming, Vision};
use crate::catalogue::row::Status::{self, Active, Deprecated, Retired};
use crate::catalogue::row::{Defaults, ModelRow, NONE, Section, above, rates};
use crate::types::Tier::{self, Advanced, Balanced, Fast, Premium};

use super::{FULL, SEES, SEES_THINKS, SEES_TOOLS, THINKS, TOOLS};

const fn row(id: &'static str, status: Status, tier: Tier) -> ModelRow {
    ModelRow::new("openai", id, status, tier)
}

pub(super) static SECTION: Section = Section {
    provider: "openai",
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
    row("chat-latest", Active, Advanced).abilities(FULL)
        .usd("5", "30", "0.5", NONE).as_of("2026-08-21").released("2026-05-28"),
    row("chatgpt-4o-latest", Retired, Balanced).context(128_000).output(4096).abilities(&[Streaming, Vision])
        .usd("5", "15", NONE, NONE).as_of("2026-08-21").retired("2026-02-17").successor("chat-latest"),
    row("gpt-3.5-turbo", Retired, Fast).aliases(&["gpt-3.5-turbo-0125"]).context(16_385).output(4096).abilities(TOOLS)
        .usd("0.5", "1.5", NONE, NONE).as_of("2026-08-21")
        .released("2023-03-01").retired("2026-10-23").successor("gpt-5.6-terra").same("gpt-3.5-turbo"),
    row("gpt-3.5-turbo-16k", Retired, Fast).context(16_385).output(4096).abilities(TOOLS)
        .usd("3", "4", NONE, NONE).as_of("2026-08-21")
        .released("2023-06-13").retired("2024-09-13").successor("gpt-5.6-terra"),
    row("gpt-3.5-turbo-instruct", Retired, Fast).context(4096).output(4096)
        .usd("1.5", "2", NONE, NONE).as_of("2026-08-21")
        .released("2023-09-18").retired("2026-09-28").successor("gpt-5.6-terra"),
    row("gpt-4", Retired, Balanced).aliases(&["gpt-4-0613"]).context(8192).output(8192).abilities(TOOLS)
        .usd("30", "60", NONE, NONE).as_of("2026-08-21")
        .released("2023-03-14").retired("2026-10-23").successor("gpt-5.6-sol").same("gpt-4"),
    row("gpt-4-32k", Retired, Balanced).context(32_768).output(8192).abilities(TOOLS)
        .usd("60", "120", NONE, NONE).as_of("2026-08-21")
        .released("2023-03-14").retired("2025-06-06").successor("gpt-5.6-sol"),
    row("gpt-4-turbo", Retired, Balanced).aliases(&["gpt-4-turbo-2024-04-09", "gpt-4-turbo-preview"])
        .context(128_000).output(4096).abilities(SEES_TOOLS).usd("10", "30", NONE, NONE).as_of("2026-08-21")
        .released("2023-11-06").retired("2026-10-23").successor("gpt-5.6-sol").same("gpt-4-turbo"),
    row("gpt-4.1", Deprecated, Balanced).aliases(&["gpt-4.1-2025-04-14"])
        .context(1_047_576).output(32_768).abilities(SEES).usd("2", "8", "0.5", NONE).as_of("2026-08-21")
        .released("2025-04-14").retired("2027-01-14").successor("gpt-6-luna").same("gpt-4.1"),
    row("gpt-4.1-mini", Deprecated, Balanced).aliases(&["gpt-4.1-mini-2025-04-14"])
        .context(1_047_576).output(32_768).abilities(SEES).usd("0.4", "1.6", "0.1", NONE).as_of("2026-08-21")
        .released("2025-04-14").retired("2027-01-14").successor("gpt-6-luna").same("gpt-4.1-mini"),
    row("gpt-4.1-nano", Retired, Fast).aliases(&["gpt-4.1-nano-2025-04-14"])
        .context(1_047_576).output(32_768).abilities(SEES).usd("0.1", "0.4", "0.025", NONE).as_of("2026-08-21")
        .released("2025-04-14").retired("2026-10-23").successor("gpt-6-luna").same("gpt-4.1-nano"),
    row("gpt-4.5-preview", Retired, Balanced).context(128_000).output(16_384).abilities(SEES)
        .usd("75", "150", "37.5", NONE).as_of("2026-08-21")
        .released("2025-02-27").retired("2025-07-14").successor("gpt-4.1"),
    row("gpt-4o", Deprecated, Balanced).aliases(&["gpt-4o-2024-08-06", "gpt-4o-2024-11-20"])
        .context(128_000).output(16_384).abilities(SEES).usd("2.5", "10", "1.25", NONE).as_of("2026-08-21")
        .released("2024-05-13").retired("2027-01-14").successor("gpt-6-luna").same("gpt-4o"),
    row("gpt-4o-2024-05-13", Retired, Balanced).context(128_000).output(4096).abilities(SEES_TOOLS)
        .usd("5", "15", NONE, NONE).as_of("2026-08-21")
        .released("2024-05-13").retired("2026-10-23").successor("gpt-5.6-sol"),
    row("gpt-4o-mini", Deprecated, Fast).aliases(&["gpt-4o-mini-2024-07-18"])
        .context(128_000).output(16_384).abilities(SEES).usd("0.15", "0.6", "0.075", NONE).as_of("2026-08-21")
        .released("2024-07-18").retired("2027-01-14").successor("gpt-6-luna").same("gpt-4o-mini"),
    row("gpt-5", Deprecated, Advanced).aliases(&["gpt-5-2025-08-07"])
        .context(400_000).output(128_000).abilities(FULL).no_temperature()
        .usd("1.25", "10", "0.125", NONE).as_of("2026-08-21")
        .released("2025-08-07").retired("2026-12-11").successor("gpt-5.6-sol").same("gpt-5"),
    row("gpt-5-mini", Deprecated, Balanced).aliases(&["gpt-5-mini-2025-08-07"])
        .context(400_000).output(128_000).abilities(FULL).no_temperature()
        .usd("0.25", "2", "0.025", NONE).as_of("2026-08-21")
        .released("2025-08-07").retired("2026-12-11").successor("gpt-5.6-terra").same("gpt-5-mini"),
    row("gpt-5-nano", Deprecated, Fast).aliases(&["gpt-5-nano-2025-08-07"])
        .context(400_000).output(128_000).abilities(FULL).no_temperature()
        .usd("0.05", "0.4", "0.005", NONE).as_of("2026-08-21")
        .released("2025-08-07").retired("2026-12-11").successor("gpt-5.6-luna").same("gpt-5-nano"),
    row("gpt-5-pro", Deprecated, Advanced).aliases(&["gpt-5-pro-2025-10-06"])
        .context(400_000).output(272_000).abilities(FULL).no_temperature()
        .usd("15", "120", NONE, NONE).as_of("2026-08-21")
        .released("2025-10-06").retired("2026-12-11").successor("gpt-5.6-sol").same("gpt-5-pro"),
    row("gpt-5.1", Deprecated, Advanced).context(400_000).output(128_000).abilities(FULL).no_temperature()
        .usd("1.25", "10", "0.125", NONE).as_of("2026-08-21")
        .released("2025-11-13").retired("2027-04-01").successor("gpt-6.1-sol").same("gpt-5.1"),
    row("gpt-5.2", Active, Advanced).context(400_000).output(128_000).abilities(FULL).no_temperature()
        .usd("1.75", "14", "0.175", NONE).as_of("2026-08-21").released("2025-12-11").same("gpt-5.2"),
    row("gpt-5.2-pro", Active, Premium).context(400_000).output(128_000).abilities(SEES_THINKS).no_temperature()
        .usd("21", "168", NONE, NONE).as_of("2026-08-21").released("2025-12-11"),
    row("gpt-5.3-codex", Active, Advanced).context(400_000).output(128_000).abilities(FULL).no_temperature()
        .usd("1.75", "14", "0.175", NONE).as_of("2026-08-21").released("2026-02-05").same("gpt-5.3-codex"),
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
        .released("2026-04-23").successor("gpt-6.1-sol").same("gpt-5.5"),
    row("gpt-5.5-pro", Active, Premium).context(1_050_000).output(128_000).abilities(FULL).no_temperature()
        .usd("30", "180", NONE, NONE).steps(&[above(272_000, rates("60", "270", NONE, NONE))]).as_of("2026-08-21")
        .released("2026-04-23"),
    row("gpt-5.6-luna", Active, Fast).context(1_050_000).output(128_000).abilities(FULL).no_temperature()
        .usd("0.2", "1.2", "0.02", "0.25").steps(&[above(272_000, rates("0.4", "1.8", "0.04", "0.5"))])
        .as_of("2026-09-01").released("2026-07-09").successor("gpt-6-luna").same("gpt-5.6-luna"),
    row("gpt-5.6-sol", Active, Advanced).aliases(&["gpt-5.6"])
        .context(1_050_000).output(128_000).abilities(FULL).no_temperature()
        .usd("4", "20", "0.4", "5").steps(&[above(272_000, rates("8", "30", "0.8", "10"))]).as_of("2026-09-22")
        .released("2026-07-09").successor("gpt-6.1-sol").same("gpt-5.6-sol"),
    row("gpt-5.6-terra", Active, Balanced).context(1_050_000).output(128_000).abilities(FULL).no_temperature()
        .usd("2", "12", "0.2", "2.5").steps(&[above(272_000, rates("4", "18", "0.4", "5"))]).as_of("2026-09-01")
        .released("2026-07-09").same("gpt-5.6-terra"),
    row("gpt-6-astra", Active, Premium)
        .context(1_050_000).output(128_000).abilities(FULL).no_temperature()
        .efforts(&["low", "medium", "high", "xhigh", "max"])
        .usd("10", "50", "1", "12.5").steps(&[above(272_000, rates("20", "75", "2", "25"))]).as_of("2026-10-28")
        .released("2026-09-04").same("gpt-6-astra"),
    row("gpt-6-luna", Active, Balanced)
        .context(1_050_000).output(128_000).abilities(FULL).no_temperature()
        .efforts(&["none", "low", "medium", "high", "xhigh", "max"])
        .usd("0.1", "0.5", "0.01", "0.125").steps(&[above(272_000, rates("0.2", "0.75", "0.02", "0.25"))])
        .as_of("2026-10-28").released("2026-09-22").same("gpt-6-luna"),
    row("gpt-6-sol", Active, Advanced).context(1_050_000).output(128_000).abilities(FULL).no_temperature()
        .usd("2", "10", "0.2", "2.5").steps(&[above(272_000, rates("4", "15", "0.4", "5"))]).as_of("2026-10-28")
        .released("2026-09-22").successor("gpt-6.1-sol").same("gpt-6-sol"),
    row("gpt-6.1-sol", Active, Advanced)
        .context(1_050_000).output(128_000).abilities(FULL).no_temperature()
        .efforts(&["low", "medium", "high", "xhigh", "max"])
        .usd("2", "10", "0.1", "2.5").steps(&[above(272_000, rates("4", "15", "0.2", "5"))]).as_of("2026-10-28")
        .released("2026-09-29").same("gpt-6.1-sol"),
    row("gpt-6.1-terra", Active, Balanced).context(1_050_000).output(128_000).abilities(FULL).no_temperature()
        .usd("1", "5", "0.05", "1.25").steps(&[above(272_000, rates("2", "7.5", "0.1", "2.5"))]).as_of("2026-10-28")
        .released("2026-10-26"),
    row("o1", Retired, Balanced).aliases(&["o1-2024-12-17"])
        .context(200_000).output(100_000).abilities(FULL).no_temperature()
        .usd("15", "60", "7.5", NONE).as_of("2026-08-21")
        .released("2024-12-05").retired("2026-10-23").successor("gpt-5.6-sol").same("o1"),
    row("o1-mini", Retired, Balanced).context(128_000).output(65_536).abilities(&[Streaming, Reasoning])
        .usd("1.1", "4.4", "0.55", NONE).as_of("2026-08-21")
        .released("2024-09-12").retired("2025-10-27").successor("o4-mini"),
    row("o1-preview", Retired, Balanced).context(128_000).output(32_768).abilities(&[Streaming, Reasoning])
        .usd("15", "60", "7.5", NONE).as_of("2026-08-21").released("2024-09-12").retired("2025-07-28").successor("o3"),
    row("o1-pro", Retired, Advanced).context(200_000).output(100_000).abilities(FULL).no_temperature()
        .usd("150", "600", NONE, NONE).as_of("2026-08-21")
        .released("2025-03-19").retired("2026-10-23").successor("gpt-5.6-sol"),
    row("o3", Deprecated, Advanced).aliases(&["o3-2025-04-16"])
        .context(200_000).output(100_000).abilities(FULL).no_temperature()
        .usd("2", "8", "0.5", NONE).as_of("2026-08-21")
        .released("2025-04-16").retired("2026-12-11").successor("gpt-5.6-sol").same("o3"),
    row("o3-mini", Retired, Balanced).aliases(&["o3-mini-2025-01-31"])
        .context(200_000).output(100_000).abilities(THINKS).no_temperature()
        .usd("1.1", "4.4", "0.55", NONE).as_of("2026-08-21")
        .released("2024-12-20").retired("2026-10-23").successor("gpt-5.6-sol").same("o3-mini"),
    row("o3-pro", Deprecated, Advanced).context(200_000).output(100_000).abilities(FULL).no_temperature()
        .usd("20", "80", NONE, NONE).as_of("2026-08-21")
        .released("2025-06-10").retired("2026-12-11").successor("gpt-5.6-sol"),
    row("o4-mini", Retired, Balanced).aliases(&["o4-mini-2025-04-16"])
        .context(200_000).output(100_000).abilities(FULL).no_temperature()
        .usd("1.1", "4.4", "0.275", NONE).as_of("2026-08-21")
        .released("2025-04-16").retired("2026-10-23").successor("gpt-5.6-terra").same("o4-mini"),
];
