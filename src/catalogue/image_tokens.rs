//! How each vendor counts the tokens of a picture.
//!
//! By the model's name, as for [`super::token_factor`]: the rule belongs to the model, whoever serves it. Read in
//! November 2026; where two readings of a vendor differ, the one that counts more is here, because money is held by it.
//!
//! - OpenAI, "Images and vision", sections "Model sizing behavior" and "Calculating costs": what `detail: auto` (the
//!   default, which is what is sent) means for each model. Models of which the page says nothing count as the newest.
//! - Anthropic, "Vision", section "Resolution and token cost": a token for each 28 px patch; up to 4.6 a picture is
//!   scaled down to 1568 px and 1568 tokens, from 4.7 on to 2576 px and 4784.
//! - Google, "Media resolution" and "Image understanding": up to 2.5 by crops, from 3 on 1120 by default.
//! - xAI, "Image understanding": at most six tiles and one more, 256 tokens each. The page was written for Grok 2 Vision
//!   and the newer models are said to take about as much: doubled.
//! - Mistral: `mistral-common` lays a picture out in rows with a mark behind each: 1540 px in patches of 28 px, Pixtral
//!   1024 px in patches of 16 px, which makes the most, 64 rows of 65.
//! - Cohere: the model card of Command A Vision (at most 12 tiles of 512 px and a preview, 256 tokens each) with a mark
//!   before each tile; Oracle measures 1,610 for a small one.
//! - Perplexity, "Image attachments": width × height / 750.
//! - Gemma: 256 for version 3 (its model card), up to 1120 for version 4; the most is for either with crops.

use crate::types::ImageTokens;

/// OpenAI's patches of 32 px.
const fn patches(side: u32, most: u64, scales: bool, percent: u64) -> ImageTokens {
    ImageTokens::Patches { px: 32, side, most, scales, percent }
}

/// GPT-5.6 and later keep a picture as it is: every patch is counted and held for. One above 30,000 patches is not
/// sent; for that figure no page was at hand.
const NEWEST_OPENAI: ImageTokens = patches(65_535, 30_000, false, 120);
const NEW_CLAUDE: ImageTokens = ImageTokens::Patches { px: 28, side: 2576, most: 4784, scales: true, percent: 100 };
const OLD_CLAUDE: ImageTokens = ImageTokens::Patches { px: 28, side: 1568, most: 1568, scales: true, percent: 100 };
const NEW_GEMINI: ImageTokens = ImageTokens::Flat { likely: 1120, most: 1120 };
const GROK: ImageTokens = ImageTokens::Flat { likely: 1792, most: 3584 };
const MISTRAL: ImageTokens = ImageTokens::Flat { likely: 3080, most: 4160 };
const SONAR: ImageTokens = ImageTokens::Area { px: 750 };

/// By a part of the model's name, in any case; the first that fits counts.
#[rustfmt::skip]
const BY_FAMILY: &[(&str, ImageTokens)] = &[
    ("gpt-5.5", patches(6000, 10_000, true, 120)),
    ("gpt-5.4", patches(2048, 2500, true, 120)),
    ("gpt-5.3", patches(2048, 6144, true, 120)),
    ("gpt-5.2", patches(2048, 6144, true, 120)),
    ("gpt-5.1", ImageTokens::Tiles { base: 70, each: 140 }),
    ("gpt-5-mini", patches(2048, 6144, true, 120)),
    ("gpt-5-nano", patches(2048, 6144, true, 150)),
    ("gpt-5.", NEWEST_OPENAI),
    ("gpt-5", ImageTokens::Tiles { base: 70, each: 140 }),
    ("gpt-4o-mini", ImageTokens::Tiles { base: 2833, each: 5667 }),
    ("gpt-4.1-mini", patches(2048, 6144, true, 162)),
    ("gpt-4.1-nano", patches(2048, 6144, true, 246)),
    ("gpt-4", ImageTokens::Tiles { base: 85, each: 170 }),
    ("gpt-oss", ImageTokens::Unknown),
    ("gpt", NEWEST_OPENAI),
    ("o4-mini", patches(2048, 6144, true, 172)),
    ("claude-opus-4-7", NEW_CLAUDE),
    ("claude-opus-4.7", NEW_CLAUDE),
    ("claude-opus-4-8", NEW_CLAUDE),
    ("claude-opus-4.8", NEW_CLAUDE),
    ("claude-opus-4", OLD_CLAUDE),
    ("claude-sonnet-4", OLD_CLAUDE),
    ("claude-haiku-4", OLD_CLAUDE),
    ("claude-3", OLD_CLAUDE),
    ("claude", NEW_CLAUDE),
    ("gemini-1", ImageTokens::Crops),
    ("gemini-2", ImageTokens::Crops),
    ("gemini", NEW_GEMINI),
    ("gemma", ImageTokens::Flat { likely: 1120, most: 2240 }),
    ("grok", GROK),
    ("mistral", MISTRAL),
    ("ministral", MISTRAL),
    ("magistral", MISTRAL),
    ("pixtral", MISTRAL),
    ("command-a", ImageTokens::Flat { likely: 1610, most: 3400 }),
    ("sonar", SONAR),
];

/// By the provider, for names that tell no family (`o3`, a deployment's own name).
const BY_PROVIDER: &[(&str, ImageTokens)] = &[
    ("anthropic", NEW_CLAUDE),
    ("gemini", NEW_GEMINI),
    ("mistral", MISTRAL),
    ("openai", NEWEST_OPENAI),
    ("perplexity", SONAR),
    ("xai", GROK),
];

/// OpenAI's models that are called by a letter and a number, alone or behind a `/`.
const O_SERIES: &[&str] = &["o1", "o3"];
const O_SERIES_TOKENS: ImageTokens = ImageTokens::Tiles { base: 75, each: 150 };

/// The rule of this model.
pub fn image_tokens(provider: &str, model: &str) -> ImageTokens {
    let name = model.to_ascii_lowercase();
    if O_SERIES.contains(&name.rsplit('/').next().unwrap_or_default().split('-').next().unwrap_or_default()) {
        return O_SERIES_TOKENS;
    }
    let family = BY_FAMILY.iter().find(|(part, _)| name.contains(part));
    let vendor = || BY_PROVIDER.iter().find(|(name, _)| *name == provider);
    family.or_else(vendor).map_or(ImageTokens::Unknown, |(_, rule)| *rule)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::{Ability, rows};

    #[test]
    fn the_family_decides_then_the_vendor() {
        let tiles = |base, each| ImageTokens::Tiles { base, each };
        for (provider, model, rule) in [
            ("openai", "gpt-6.1-sol", NEWEST_OPENAI),
            ("openai", "gpt-5.6-luna", NEWEST_OPENAI),
            ("openai", "gpt-5.4-mini", patches(2048, 2500, true, 120)),
            ("openai", "gpt-5", tiles(70, 140)),
            ("openai", "gpt-5-pro", tiles(70, 140)),
            ("openai", "gpt-5-nano", patches(2048, 6144, true, 150)),
            ("openai", "gpt-4o-2024-08-06", tiles(85, 170)),
            ("openrouter", "openai/gpt-4o-mini", tiles(2833, 5667)),
            ("openai", "o3-2025-04-16", tiles(75, 150)),
            ("openrouter", "openai/o1", tiles(75, 150)),
            ("openai", "o4-mini", patches(2048, 6144, true, 172)),
            ("azure", "our-deployment", ImageTokens::Unknown),
            ("anthropic", "claude-sonnet-5-5", NEW_CLAUDE),
            ("anthropic", "claude-opus-4-7", NEW_CLAUDE),
            ("anthropic", "claude-opus-4-6", OLD_CLAUDE),
            ("openrouter", "anthropic/claude-haiku-5.5", NEW_CLAUDE),
            ("gemini", "gemini-2.5-pro", ImageTokens::Crops),
            ("openrouter", "google/gemini-3.8-flash", NEW_GEMINI),
            ("openrouter", "x-ai/grok-4.7", GROK),
            ("mistral", "pixtral-large-2411", MISTRAL),
            ("perplexity", "sonar-pro", SONAR),
            ("together", "Qwen/Qwen3.5-397B-A17B", ImageTokens::Unknown),
            ("lab", "large", ImageTokens::Unknown),
        ] {
            assert_eq!(image_tokens(provider, model), rule, "{provider}/{model}");
        }
    }

    #[test]
    fn every_vendor_s_own_model_that_sees_has_a_rule() {
        const HOSTS: [&str; 6] = ["together", "fireworks", "groq", "openrouter", "ollama", "deepseek"];
        for row in rows().filter(|row| row.can(Ability::Vision) && !HOSTS.contains(&row.provider)) {
            assert_ne!(image_tokens(row.provider, row.id), ImageTokens::Unknown, "{}/{}", row.provider, row.id);
        }
    }
}
