//! The built-in providers, a row each: variables, addresses, and how each differs from its dialect.

use crate::types::ImageKind::{Gif, Jpeg, Png, Webp};
use crate::types::{DialectKind, ImageLimits};

use super::schema::{JsonMode, Takes};

/// How a provider differs from its dialect's model.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Quirks {
    /// What is appended to the base URL (OpenAI-compatible providers only).
    pub path: &'static str,
    /// Where its models are listed, after the base URL; `None` where they are not. The other dialects know one place.
    pub models: Option<&'static str>,
    /// Where a key is checked, where the list is given to anybody.
    pub key_check: Option<&'static str>,
    /// Whether the URL is Azure's: `/openai/deployments/MODEL` and a dated version before the path, else `/openai/v1`.
    pub deployment_paths: bool,
    /// How the key is sent (OpenAI-compatible providers only; the other dialects know one way).
    pub auth: Auth,
    /// The field of the output cap (OpenAI-compatible providers only).
    pub output_cap: &'static str,
    /// Whether `stream_options: {include_usage: true}` is sent to get usage at the end of a stream.
    pub stream_usage_option: bool,
    /// How thinking effort is asked for.
    pub effort: EffortField,
    /// Where the answer tells its cost.
    pub cost: ReportedCost,
    /// Whether thinking is counted beside `completion_tokens` instead of inside.
    pub reasoning_beside_output: bool,
    /// Whether a stream ends with `[DONE]`; without it a finish reason is the end.
    pub done_marker: bool,
    /// The highest temperature taken.
    pub max_temperature: f64,
    /// Whether `provider.max_price` bounds what a request can cost.
    pub max_price: bool,
    /// How much is searched for an answer where every request pays for it by size; sent unless the user sends another.
    pub search_context: Option<&'static str>,
    /// Which pictures it refuses.
    pub images: ImageLimits,
    /// How an answer of a JSON Schema is asked for.
    pub json: JsonMode,
}

/// How a key is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Auth {
    /// `Authorization: Bearer KEY`.
    Bearer,
    /// A header of its own.
    Header(&'static str),
}

/// How thinking effort is asked for in OpenAI-compatible requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EffortField {
    /// `reasoning_effort: "low"`.
    ReasoningEffort,
    /// `reasoning: {effort: "low"}`.
    Reasoning,
    /// `thinking: {type: "disabled"}` for none, else `thinking: {type: "enabled"}` and `reasoning_effort`.
    Thinking,
    /// Not at all: a warning instead.
    Unsupported,
}

/// Where an answer tells what it cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReportedCost {
    /// Nowhere.
    None,
    /// `usage.cost`, in USD.
    UsageCost,
    /// `usage.cost.total_cost`, in USD.
    UsageCostTotal,
    /// `usage.cost_in_usd_ticks`, 10^10 of which are one dollar.
    UsdTicks,
}

impl Quirks {
    /// OpenAI-compatible, as most copies are.
    pub const OPENAI_LIKE: Self = Self {
        path: "/chat/completions",
        models: Some("/models"),
        key_check: None,
        deployment_paths: false,
        auth: Auth::Bearer,
        output_cap: "max_tokens",
        stream_usage_option: true,
        effort: EffortField::ReasoningEffort,
        cost: ReportedCost::None,
        reasoning_beside_output: false,
        done_marker: true,
        max_temperature: 2.0,
        max_price: false,
        search_context: None,
        images: NO_LIMITS,
        // LM Studio, llama.cpp, vLLM and Ollama take it, too; who does not is asked in words.
        json: JsonMode::SCHEMA,
    };
}

const NO_LIMITS: ImageLimits = ImageLimits::NONE;

// What vendors refuse of pictures, as of November 2026; sizes are of the base64. Read on pages of theirs: Anthropic's
// 32 MB, 100 pictures, 8000 and 2000 px, and everything of xAI, Groq and Perplexity. Of the other figures no page was
// at hand: they are cautious bounds. A wrong one costs a refused try or leaves a provider out; no hold depends on it.

/// "Vision", request limits: 10 MB a picture, 32 MB a request, 8000 px; above 20 pictures 2000 px is what is safe.
const ANTHROPIC_IMAGES: ImageLimits = ImageLimits {
    bytes: 10_000_000,
    total_bytes: 32_000_000,
    side: 8000,
    count: 100,
    crowd: 20,
    crowd_side: 2000,
    ..NO_LIMITS
};
/// "Image understanding": no GIF; 20 MB of a request inline, of which some is left for the words.
const GEMINI_IMAGES: ImageLimits =
    ImageLimits { kinds: &[Png, Jpeg, Webp], total_bytes: 19_000_000, count: 3600, ..NO_LIMITS };
/// A bound: 1500 pictures; the limit of patches is in the model's rule for tokens.
const OPENAI_IMAGES: ImageLimits = ImageLimits { count: 1500, ..NO_LIMITS };
/// A bound: 20 MB a picture.
const AZURE_IMAGES: ImageLimits = ImageLimits { bytes: 20_000_000, ..NO_LIMITS };
/// "Vision": 10 MB a picture, 8 pictures.
const MISTRAL_IMAGES: ImageLimits = ImageLimits { bytes: 10_000_000, count: 8, ..NO_LIMITS };
/// "Image understanding": 20 MiB a picture, JPEG or PNG.
const XAI_IMAGES: ImageLimits = ImageLimits { kinds: &[Png, Jpeg], bytes: 20 << 20, ..NO_LIMITS };
/// "Images and vision": 4 MB of base64, 33 megapixels, 5 pictures.
const GROQ_IMAGES: ImageLimits =
    ImageLimits { bytes: 4_000_000, total_bytes: 4_000_000, pixels: 33_177_600, count: 5, ..NO_LIMITS };
/// "Image attachments": 50 MB a picture.
const PERPLEXITY_IMAGES: ImageLimits = ImageLimits { bytes: 50_000_000, ..NO_LIMITS };
/// A bound: 20 pictures of 20 MB together.
const COHERE_IMAGES: ImageLimits =
    ImageLimits { kinds: &[Png, Jpeg, Gif, Webp], total_bytes: 20_000_000, count: 20, ..NO_LIMITS };
/// "Querying vision-language models": 10 MB of base64 together, 30 pictures.
const FIREWORKS_IMAGES: ImageLimits = ImageLimits { total_bytes: 10_000_000, count: 30, ..NO_LIMITS };

/// One built-in provider.
#[derive(Debug, Clone, Copy)]
pub struct ProviderRow {
    /// Its name, as in `-p`.
    pub name: &'static str,
    /// Variables of the key, the first one set wins; empty: none is needed.
    pub key_vars: &'static [&'static str],
    /// Variables of the model, the first one set wins.
    pub model_vars: &'static [&'static str],
    /// The variable of the base URL.
    pub base_url_var: &'static str,
    /// The base URL; empty: the variable must be set.
    pub base_url: &'static str,
    /// Whose wire format.
    pub dialect: DialectKind,
    /// How it differs from it.
    pub quirks: Quirks,
}

const LIKE: Quirks = Quirks::OPENAI_LIKE;

macro_rules! row {
    ($name:literal, $keys:expr, $models:expr, $url_var:literal, $url:literal, $dialect:ident, $quirks:expr) => {
        ProviderRow {
            name: $name,
            key_vars: &$keys,
            model_vars: &$models,
            base_url_var: $url_var,
            base_url: $url,
            dialect: DialectKind::$dialect,
            quirks: $quirks,
        }
    };
}

/// Every built-in provider, in the order in which they are listed.
#[rustfmt::skip]
pub const PROVIDERS: &[ProviderRow] = &[
    row!("openai", ["OPENAI_API_KEY"], ["OPENAI_MODEL"], "OPENAI_BASE_URL", "https://api.openai.com/v1", Openai,
        Quirks { output_cap: "max_completion_tokens", images: OPENAI_IMAGES, ..LIKE }),
    row!("anthropic", ["ANTHROPIC_API_KEY"], ["ANTHROPIC_MODEL"], "ANTHROPIC_BASE_URL", "https://api.anthropic.com", Anthropic,
        Quirks { max_temperature: 1.0, images: ANTHROPIC_IMAGES, json: JsonMode { takes: Takes::Closed, ..JsonMode::SCHEMA }, ..LIKE }),
    row!("deepseek", ["DEEPSEEK_API_KEY"], ["DEEPSEEK_MODEL"], "DEEPSEEK_BASE_URL", "https://api.deepseek.com", Openai,
        Quirks { effort: EffortField::Thinking, json: JsonMode::OBJECT, ..LIKE }),
    row!("mistral", ["MISTRAL_API_KEY"], ["MISTRAL_MODEL"], "MISTRAL_BASE_URL", "https://api.mistral.ai/v1", Openai,
        Quirks { stream_usage_option: false, images: MISTRAL_IMAGES, ..LIKE }),
    row!("gemini", ["GEMINI_API_KEY", "GOOGLE_API_KEY"], ["GEMINI_MODEL"], "GEMINI_BASE_URL", "https://generativelanguage.googleapis.com", Gemini,
        Quirks { images: GEMINI_IMAGES, json: JsonMode { takes: Takes::Any, ..JsonMode::SCHEMA }, ..LIKE }),
    row!("xai", ["XAI_API_KEY"], ["XAI_MODEL", "GROK_MODEL"], "XAI_BASE_URL", "https://api.x.ai/v1", Openai,
        Quirks { cost: ReportedCost::UsdTicks, reasoning_beside_output: true, images: XAI_IMAGES, ..LIKE }),
    row!("openrouter", ["OPENROUTER_API_KEY"], ["OPENROUTER_MODEL"], "OPENROUTER_BASE_URL", "https://openrouter.ai/api/v1", Openai,
        Quirks { cost: ReportedCost::UsageCost, effort: EffortField::Reasoning, max_price: true, key_check: Some("/key"), ..LIKE }),
    row!("groq", ["GROQ_API_KEY"], ["GROQ_MODEL"], "GROQ_BASE_URL", "https://api.groq.com/openai/v1", Openai,
        Quirks { images: GROQ_IMAGES, json: JsonMode { streams: false, ..JsonMode::SCHEMA }, ..LIKE }),
    row!("together", ["TOGETHER_API_KEY"], ["TOGETHER_MODEL"], "TOGETHER_BASE_URL", "https://api.together.xyz/v1", Openai, LIKE),
    row!("perplexity", ["PERPLEXITY_API_KEY"], ["PERPLEXITY_MODEL"], "PERPLEXITY_BASE_URL", "https://api.perplexity.ai", Openai,
        Quirks { models: None, cost: ReportedCost::UsageCostTotal, done_marker: false, stream_usage_option: false,
            search_context: Some("low"), images: PERPLEXITY_IMAGES, ..LIKE }),
    row!("cohere", ["COHERE_API_KEY", "CO_API_KEY"], ["COHERE_MODEL"], "COHERE_BASE_URL", "https://api.cohere.com", Cohere,
        Quirks { images: COHERE_IMAGES, ..LIKE }),
    row!("azure", ["AZURE_OPENAI_API_KEY"], ["AZURE_OPENAI_DEPLOYMENT"], "AZURE_OPENAI_ENDPOINT", "", Openai,
        Quirks { auth: Auth::Header("api-key"), deployment_paths: true, output_cap: "max_completion_tokens",
            images: AZURE_IMAGES, ..LIKE }),
    row!("ai21", ["AI21_API_KEY"], ["AI21_MODEL"], "AI21_BASE_URL", "https://api.ai21.com/studio/v1", Openai,
        Quirks { models: None, stream_usage_option: false, effort: EffortField::Unsupported, json: JsonMode::OBJECT, ..LIKE }),
    row!("blackbox", ["BLACKBOX_API_KEY"], ["BLACKBOX_MODEL"], "BLACKBOX_BASE_URL", "https://api.blackbox.ai", Openai,
        Quirks { models: None, json: JsonMode::WORDS, ..LIKE }),
    row!("cerebras", ["CEREBRAS_API_KEY"], ["CEREBRAS_MODEL"], "CEREBRAS_BASE_URL", "https://api.cerebras.ai/v1", Openai, LIKE),
    row!("fireworks", ["FIREWORKS_API_KEY"], ["FIREWORKS_MODEL"], "FIREWORKS_BASE_URL", "https://api.fireworks.ai/inference/v1", Openai,
        Quirks { images: FIREWORKS_IMAGES, json: JsonMode { seen: false, ..JsonMode::SCHEMA }, ..LIKE }),
    row!("ollama", [], ["OLLAMA_MODEL"], "OLLAMA_HOST", "http://127.0.0.1:11434", Openai,
        Quirks { path: "/v1/chat/completions", models: Some("/v1/models"), ..LIKE }),
];

/// The built-in provider of that name.
pub fn find(name: &str) -> Option<&'static ProviderRow> {
    PROVIDERS.iter().find(|row| row.name == name)
}
