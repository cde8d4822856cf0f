//! A provider and one of its models, with all that a decision needs to know about them.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::{Day, Pricing, Sight};

/// Whose wire format a provider speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DialectKind {
    /// Chat completions, as OpenAI made them and most others copied.
    Openai,
    /// Anthropic Messages.
    Anthropic,
    /// Gemini generateContent.
    Gemini,
    /// Cohere v2 chat.
    Cohere,
}

impl DialectKind {
    /// Its name in the config and in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Openai => "openai",
            Self::Anthropic => "anthropic",
            Self::Gemini => "gemini",
            Self::Cohere => "cohere",
        }
    }
}

/// What a model is good for, in four steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Tier {
    /// Quick and cheap.
    Fast,
    /// For most work.
    Balanced,
    /// For hard work.
    Advanced,
    /// The strongest there is.
    Premium,
}

impl Tier {
    /// Every tier, ascending.
    pub const ALL: [Self; 4] = [Self::Fast, Self::Balanced, Self::Advanced, Self::Premium];

    /// Its name on the command line and in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Fast => "fast",
            Self::Balanced => "balanced",
            Self::Advanced => "advanced",
            Self::Premium => "premium",
        }
    }
}

/// Which tier a request wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TierWish {
    /// This one or a higher one.
    AtLeast(Tier),
    /// The cheapest that will do for the prompt.
    Auto,
}

impl TierWish {
    /// How that is spelled.
    pub const AUTO: &'static str = "auto";

    /// The tier that is named.
    pub fn named(self) -> Option<Tier> {
        match self {
            Self::AtLeast(tier) => Some(tier),
            Self::Auto => None,
        }
    }
}

impl fmt::Display for TierWish {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.named().map_or(Self::AUTO, Tier::name))
    }
}

impl FromStr for TierWish {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        if text == Self::AUTO {
            return Ok(Self::Auto);
        }
        text.parse().map(Self::AtLeast).map_err(|why: String| format!("{why}, auto"))
    }
}

impl fmt::Display for Tier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Tier {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL
            .into_iter()
            .find(|tier| tier.name() == text)
            .ok_or_else(|| format!("`{text}` is not one of fast, balanced, advanced, premium"))
    }
}

/// A provider and one of its models, by name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CandidateId {
    /// The provider's name, as in `-p`.
    pub provider: String,
    /// The model's id at that provider.
    pub model: String,
}

impl CandidateId {
    /// From its two names.
    pub fn new(provider: impl Into<String>, model: impl Into<String>) -> Self {
        Self { provider: provider.into(), model: model.into() }
    }
}

/// `provider/model`.
impl fmt::Display for CandidateId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.provider, self.model)
    }
}

/// How fast a provider may be asked, as its account says: by all processes together.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RateLimit {
    /// Requests a minute, from 1.
    pub rpm: Option<u64>,
    /// Tokens a minute, from 1.
    pub tpm: Option<u64>,
}

impl RateLimit {
    /// The same, or `None` where it limits nothing.
    pub fn if_any(self) -> Option<Self> {
        (self != Self::default()).then_some(self)
    }
}

/// A provider and one of its models, with the fixed facts about them.
#[derive(Debug, Clone, PartialEq)]
pub struct Candidate {
    /// Who.
    pub id: CandidateId,
    /// What it costs; `None` when nobody knows, which is never the same as free.
    pub pricing: Option<Pricing>,
    /// Prompt and answer together, in tokens.
    pub context_tokens: Option<u64>,
    /// The longest answer, in tokens.
    pub max_output_tokens: Option<u64>,
    /// What it is good for; `None` for a model the catalogue does not know.
    pub tier: Option<Tier>,
    /// Whether temperature and top-p may be sent.
    pub accepts_temperature: bool,
    /// The highest temperature the provider takes.
    pub max_temperature: f64,
    /// Whether it thinks before it answers.
    pub reasons: bool,
    /// Whether it thinks, or may, and that is billed beside the output cap instead of inside it.
    pub reasoning_beside_output: bool,
    /// Whether it can stream.
    pub streams: bool,
    /// What it makes of pictures.
    pub sight: Sight,
    /// The user's own order for strategy `priority`; lower is asked first.
    pub priority: u32,
    /// How many of this model's tokens a token of the reference tokenizer makes (catalogue notes of the estimate).
    pub token_factor: f64,
    /// When the vendor will switch it off, if that is announced.
    pub retires: Option<Day>,
    /// What the vendor names in its place.
    pub successor: Option<String>,
}
