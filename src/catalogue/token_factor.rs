//! How many tokens a model makes of what the reference tokenizer makes one of.
//!
//! The reference is OpenAI's o200k, which `engine::estimate` approximates. Llama, DeepSeek,
//! Qwen, Mistral, GLM and Kimi were measured on English and code (0 to 10 % more); on other languages
//! they can make up to 38 % more. The vendor puts Claude's newer tokenizer at about 30 % more than the
//! older one. The figures of older Claude models, Gemini and Grok are guesses.

/// OpenAI's own vocabulary, and Gemini's as far as anybody knows.
const REFERENCE: f64 = 1.0;
/// Vocabularies of a similar size.
const SIMILAR: f64 = 1.1;
/// A model whose tokenizer nobody described: on the safe side.
const UNKNOWN: f64 = 1.15;
/// Claude from Opus 4.7 on.
const NEW_CLAUDE: f64 = 1.35;
/// Claude up to 4.6.
const OLD_CLAUDE: f64 = 1.15;

/// By a part of the model's name, in any case; the first that fits counts.
const BY_FAMILY: &[(&str, f64)] = &[
    ("claude-opus-4-7", NEW_CLAUDE),
    ("claude-opus-4.7", NEW_CLAUDE),
    ("claude-opus-4-8", NEW_CLAUDE),
    ("claude-opus-4.8", NEW_CLAUDE),
    ("claude-opus-4", OLD_CLAUDE),
    ("claude-sonnet-4", OLD_CLAUDE),
    ("claude-haiku-4", OLD_CLAUDE),
    ("claude-2", OLD_CLAUDE),
    ("claude-3", OLD_CLAUDE),
    ("claude-instant", OLD_CLAUDE),
    ("claude", NEW_CLAUDE),
    ("gpt", REFERENCE),
    ("gemini", REFERENCE),
    ("grok", SIMILAR),
    ("llama", SIMILAR),
    ("deepseek", SIMILAR),
    ("qwen", SIMILAR),
    ("qwq", SIMILAR),
    ("mistral", SIMILAR),
    ("ministral", SIMILAR),
    ("magistral", SIMILAR),
    ("mixtral", SIMILAR),
    ("codestral", SIMILAR),
    ("devstral", SIMILAR),
    ("pixtral", SIMILAR),
    ("glm", SIMILAR),
    ("kimi", SIMILAR),
];

/// By the provider, for names that tell no family (`o3`, a deployment's own name).
const BY_PROVIDER: &[(&str, f64)] =
    &[("openai", REFERENCE), ("azure", REFERENCE), ("anthropic", NEW_CLAUDE), ("xai", SIMILAR), ("deepseek", SIMILAR)];

/// Tokens of this model for each token of the reference tokenizer.
pub fn token_factor(provider: &str, model: &str) -> f64 {
    let family = BY_FAMILY.iter().find(|(part, _)| contains(model, part));
    let vendor = || BY_PROVIDER.iter().find(|(name, _)| *name == provider);
    family.or_else(vendor).map_or(UNKNOWN, |(_, factor)| *factor)
}

fn contains(name: &str, part: &str) -> bool {
    name.as_bytes().windows(part.len()).any(|window| window.eq_ignore_ascii_case(part.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_family_decides_then_the_vendor() {
        for (provider, model, factor) in [
            ("openai", "gpt-6.1-sol", 1.0),
            ("openai", "o3", 1.0),
            ("openrouter", "openai/gpt-6-luna", 1.0),
            ("groq", "openai/gpt-oss-120b", 1.0),
            ("azure", "our-deployment", 1.0),
            ("anthropic", "claude-sonnet-5-5", 1.35),
            ("anthropic", "claude-opus-4-7", 1.35),
            ("anthropic", "claude-opus-4-6", 1.15),
            ("anthropic", "claude-opus-4-20250514", 1.15),
            ("anthropic", "claude-3-5-sonnet-20241022", 1.15),
            ("openrouter", "anthropic/claude-haiku-5.5", 1.35),
            ("openrouter", "anthropic/claude-opus-4.8", 1.35),
            ("openrouter", "anthropic/claude-sonnet-4.6", 1.15),
            ("gemini", "gemini-3.8-flash", 1.0),
            ("xai", "grok-4.7", 1.1),
            ("together", "Qwen/Qwen3.7-Max", 1.1),
            ("together", "meta-llama/Llama-3.3-70B-Instruct-Turbo", 1.1),
            ("together", "deepseek-ai/DeepSeek-V4-Pro", 1.1),
            ("mistral", "ministral-8b-2512", 1.1),
            ("fireworks", "accounts/fireworks/models/glm-5p2", 1.1),
            ("together", "moonshotai/Kimi-K3", 1.1),
            ("cohere", "command-a-03-2025", 1.15),
            ("lab", "large", 1.15),
        ] {
            assert!((token_factor(provider, model) - factor).abs() < 1e-9, "{provider}/{model}");
        }
    }
}
