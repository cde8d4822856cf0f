//! Fireworks's models.

use crate::catalogue::row::Status::{self, Active};
use crate::catalogue::row::{Defaults, ModelRow, NONE, Section};
use crate::types::Tier::{self, Advanced, Balanced, Fast, Premium};

use super::{SEES_THINKS, SEES_TOOLS, TOOLS_THINKS};

const fn row(id: &'static str, status: Status, tier: Tier) -> ModelRow {
    ModelRow::new("fireworks", id, status, tier)
}

pub(super) static SECTION: Section = Section {
    provider: "fireworks",
    defaults: Defaults {
        default: "accounts/fireworks/models/gpt-oss-120b",
        fast: "accounts/fireworks/models/gpt-oss-20b",
        balanced: "accounts/fireworks/models/gpt-oss-120b",
        advanced: "accounts/fireworks/models/glm-5p2",
        premium: "accounts/fireworks/models/kimi-k3",
    },
    rows: ROWS,
};

#[rustfmt::skip]
static ROWS: &[ModelRow] = &[
    row("accounts/fireworks/models/deepseek-v4-flash-0731", Active, Fast).aliases(&["deepseek-v4-flash-0731"])
        .context(1_048_576).output(384_000).abilities(TOOLS_THINKS)
        .usd("0.14", "0.28", "0.028", NONE).as_of("2026-08-21"),
    row("accounts/fireworks/models/deepseek-v4-pro", Active, Advanced).aliases(&["deepseek-v4-pro"])
        .context(1_048_576).output(384_000).abilities(TOOLS_THINKS)
        .usd("1.74", "3.48", "0.145", NONE).as_of("2026-08-21").released("2026-04-24").same("deepseek-v4-pro-0424"),
    row("accounts/fireworks/models/deepseek-v4-pro-0813", Active, Premium).aliases(&["deepseek-v4-pro-0813"])
        .context(1_048_576).output(384_000).abilities(TOOLS_THINKS)
        .usd("1.32", "3.96", "0.044", NONE).as_of("2026-08-21").same("deepseek-v4-pro-0813"),
    row("accounts/fireworks/models/glm-5p2", Active, Advanced).aliases(&["glm-5p2"])
        .context(1_048_576).output(131_072).abilities(TOOLS_THINKS).usd("1.4", "4.4", "0.14", NONE).as_of("2026-08-21")
        .released("2026-06-16").same("glm-5.2"),
    row("accounts/fireworks/models/gpt-oss-120b", Active, Balanced).aliases(&["gpt-oss-120b"])
        .context(131_072).output(32_768).abilities(TOOLS_THINKS).usd("0.15", "0.6", "0.014", NONE).as_of("2026-08-21")
        .released("2025-08-05").same("gpt-oss-120b"),
    row("accounts/fireworks/models/gpt-oss-20b", Active, Fast).aliases(&["gpt-oss-20b"])
        .context(131_072).output(32_768).abilities(TOOLS_THINKS).usd("0.07", "0.3", "0.035", NONE).as_of("2026-08-21")
        .released("2025-08-05").same("gpt-oss-20b"),
    row("accounts/fireworks/models/kimi-k2p6", Active, Advanced).aliases(&["kimi-k2p6"])
        .context(262_000).output(262_000).abilities(SEES_THINKS).usd("0.95", "4", "0.16", NONE).as_of("2026-08-21")
        .released("2026-04-17").same("kimi-k2.6"),
    row("accounts/fireworks/models/kimi-k2p7-code", Active, Advanced).aliases(&["kimi-k2p7-code"])
        .context(262_000).output(262_000).abilities(SEES_TOOLS).usd("0.95", "4", "0.19", NONE).as_of("2026-08-21")
        .released("2026-06-12").same("kimi-k2.7-code"),
    row("accounts/fireworks/models/kimi-k3", Active, Premium).aliases(&["kimi-k3"])
        .context(1_048_576).output(131_072).abilities(SEES_THINKS).usd("3", "15", "0.3", NONE).as_of("2026-08-21")
        .same("kimi-k3"),
    row("accounts/fireworks/models/minimax-m2p7", Active, Balanced).aliases(&["minimax-m2p7"])
        .context(196_608).output(196_608).abilities(TOOLS_THINKS).usd("0.3", "1.2", "0.059", NONE).as_of("2026-08-21")
        .released("2026-04-12").same("minimax-m2.7"),
    row("accounts/fireworks/models/minimax-m3", Active, Balanced).aliases(&["minimax-m3"])
        .context(512_000).output(512_000).abilities(SEES_THINKS).usd("0.3", "1.2", "0.059", NONE).as_of("2026-08-21")
        .released("2026-06-12").same("minimax-m3"),
    row("accounts/fireworks/models/qwen3p7-plus", Active, Balanced).aliases(&["qwen3p7-plus"])
        .context(262_144).output(65_536).abilities(SEES_THINKS).usd("0.4", "1.6", "0.08", NONE).as_of("2026-08-21")
        .released("2026-06-12").same("qwen3.7-plus"),
    row("accounts/fireworks/models/qwen3p8-max", Active, Advanced).aliases(&["qwen3p8-max"])
        .context(1_048_576).output(65_536).abilities(SEES_THINKS).usd("2", "6", "0.25", NONE).as_of("2026-08-21"),
];
