//! The messages. Unknown fields are ignored; what may be unknown may be missing or null.

use serde::{Deserialize, Deserializer, Serialize};

/// A line in.
#[derive(Debug, Clone, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Input {
    /// Forget everything; these are the providers now.
    Reset(Reset),
    /// Who is to be asked?
    Decide(Decide),
    /// A try has ended.
    Result(Outcome),
}

/// The providers and what an answer is worth.
#[derive(Debug, Clone, Deserialize)]
pub struct Reset {
    /// Who can be asked.
    pub providers: Vec<Provider>,
    /// What an answer is worth.
    #[serde(default, deserialize_with = "or_default")]
    pub profile: Profile,
}

/// Who can be asked.
#[derive(Debug, Clone, Deserialize)]
pub struct Provider {
    /// Its name.
    pub name: String,
    /// What it shares with others.
    #[serde(default)]
    pub group: Option<serde_json::Value>,
    /// List price, USD per million tokens read.
    #[serde(default)]
    pub usd_in: Option<f64>,
    /// List price, USD per million tokens written.
    #[serde(default)]
    pub usd_out: Option<f64>,
    /// How strong its model is: a name or a number.
    #[serde(default)]
    pub tier: Option<serde_json::Value>,
}

/// Null where something may be missing.
fn or_default<'de, D: Deserializer<'de>, T: Default + Deserialize<'de>>(given: D) -> Result<T, D::Error> {
    Ok(Option::deserialize(given)?.unwrap_or_default())
}

/// The coefficients of the utility; see [`super::read`].
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(from = "Coefficients")]
pub struct Profile {
    /// Of quality.
    pub q: f64,
    /// Of cost.
    pub c: f64,
    /// Of latency.
    pub l: f64,
    /// What no answer costs.
    pub fail: f64,
}

impl Default for Profile {
    /// The weights 0.4 / 0.3 / 0.3 of the settings, and no answer as bad as a perfect one is good.
    fn default() -> Self {
        Self { q: 0.3, c: 0.4, l: 0.3, fail: 1.0 }
    }
}

/// A profile as it is sent.
#[derive(Deserialize)]
struct Coefficients {
    q: Option<f64>,
    c: Option<f64>,
    l: Option<f64>,
    fail: Option<f64>,
}

impl From<Coefficients> for Profile {
    fn from(given: Coefficients) -> Self {
        let usual = Self::default();
        Self {
            q: given.q.unwrap_or(usual.q),
            c: given.c.unwrap_or(usual.c),
            l: given.l.unwrap_or(usual.l),
            fail: given.fail.unwrap_or(usual.fail),
        }
    }
}

/// A request's name: a number or a text.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Deserialize)]
#[serde(try_from = "serde_json::Value")]
pub struct Id(String);

/// No request's name needs more bytes; many of them are remembered at once.
const MAX_ID_BYTES: usize = 256;

impl TryFrom<serde_json::Value> for Id {
    type Error = String;

    fn try_from(value: serde_json::Value) -> Result<Self, String> {
        let text = value.to_string();
        if text.len() > MAX_ID_BYTES {
            return Err(format!("an id of more than {MAX_ID_BYTES} bytes"));
        }
        Ok(Self(text))
    }
}

impl From<usize> for Id {
    fn from(number: usize) -> Self {
        Self(number.to_string())
    }
}

/// A request.
#[derive(Debug, Clone, Deserialize)]
pub struct Decide {
    /// Its name.
    pub id: Id,
    /// Now, in virtual seconds.
    pub t: f64,
    /// Tokens to be read.
    #[serde(default)]
    pub in_tok: Option<f64>,
    /// Tokens that may be written.
    #[serde(default)]
    pub out_tok_hint: Option<f64>,
}

/// A try that has ended.
#[derive(Debug, Clone, Deserialize)]
pub struct Outcome {
    /// The request's name.
    pub id: Id,
    /// Now, in virtual seconds.
    pub t: f64,
    /// Who was asked.
    pub provider: String,
    /// Whether it answered.
    pub ok: bool,
    /// The HTTP status, if there was one.
    #[serde(default)]
    pub status: Option<f64>,
    /// How long it took, in seconds.
    #[serde(default)]
    pub latency_s: Option<f64>,
    /// What it cost, in USD.
    #[serde(default)]
    pub cost_usd: Option<f64>,
    /// How good the answer was, in [0, 1].
    #[serde(default)]
    pub quality: Option<f64>,
    /// The pause that the provider asks for, in seconds.
    #[serde(default)]
    pub retry_after_s: Option<f64>,
}

/// A line out.
#[derive(Debug, Clone, Serialize)]
pub struct Answer {
    /// All providers, the first to be asked first.
    pub order: Vec<String>,
    /// How long each try is given, in seconds.
    pub timeout_s: f64,
    /// When the next may be asked beside the first, in seconds.
    pub hedge_after_s: Option<f64>,
}
