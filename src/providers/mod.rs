//! Dialects: a request into HTTP and HTTP back into an answer, one vendor's wire format each.
//!
//! No method here performs I/O or reads a clock; nothing here knows the transport.

pub mod table;

use crate::types::{Answer, Ask, Delta, DialectKind, Failure, NanoUsd, Secret};

pub use table::{ProviderRow, Quirks};

/// Where and as whom a request is sent.
#[derive(Debug, Clone)]
pub struct Endpoint {
    /// The provider's name, for messages.
    pub provider: String,
    /// Without a trailing slash.
    pub base_url: String,
    /// The key, where one is needed.
    pub key: Option<Secret>,
    /// The model's id on the wire (Azure: the deployment).
    pub model: String,
    /// How this provider differs from its dialect's model.
    pub quirks: Quirks,
    /// Azure's dated API, which puts the deployment into the path.
    pub api_version: Option<String>,
    /// What is known of the model for shaping a request.
    pub model_facts: ModelFacts,
    /// The prices, in USD per million tokens (input, output), above which OpenRouter shall not serve.
    pub max_price: Option<(f64, f64)>,
}

/// What a dialect must know of a model to shape a request.
#[derive(Debug, Clone, Default)]
pub struct ModelFacts {
    /// Whether it thinks before it answers.
    pub reasons: bool,
    /// The effort levels it names, ascending; empty when unknown.
    pub reasoning_levels: &'static [&'static str],
    /// Whether thinking is asked for adaptively (newest Anthropic models) instead of by a token budget.
    pub adaptive_thinking: bool,
}

/// An HTTP request, always a POST of JSON.
#[derive(Debug, Clone)]
pub struct HttpRequest {
    /// The whole URL. Never holds a key.
    pub url: String,
    /// Headers beside `content-type`; a value that is a key is marked by its type.
    pub headers: Vec<(&'static str, HeaderValue)>,
    /// The JSON body.
    pub body: Vec<u8>,
    /// Whether a stream was asked for.
    pub stream: bool,
}

/// A header's value.
#[derive(Debug, Clone)]
pub enum HeaderValue {
    /// May be shown.
    Plain(String),
    /// Must not be shown; the text before it (such as `Bearer `) and the key.
    Secret(&'static str, Secret),
}

/// The headers of an answer that somebody reads, names in lower case.
#[derive(Debug, Clone, Default)]
pub struct Headers(pub Vec<(String, String)>);

impl Headers {
    /// The first value of that (lower-case) name.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }
}

/// One frame of a stream: an SSE event.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Frame {
    /// The `event:` name, empty when there is none.
    pub event: String,
    /// The `data:` lines, joined by line breaks.
    pub data: String,
}

/// What a stream has told so far.
#[derive(Debug, Clone, Default)]
pub struct Partial {
    /// The answer's text so far, without thinking.
    pub text: String,
    /// Whether anything of thinking was seen.
    pub thinking_chars: u64,
    /// Why it ended, once told.
    pub finish: Option<crate::types::FinishReason>,
    /// Usage, as last told.
    pub usage: Option<crate::types::Usage>,
    /// The provider's own cost, once told.
    pub reported_cost: Option<NanoUsd>,
    /// The answering model, once told.
    pub model: Option<String>,
    /// Whether a tool call was seen.
    pub tool_calls: bool,
    /// Whether the refusal in words was seen.
    pub refusal: bool,
    /// Whether the stream's end marker was seen (`[DONE]`, `message_stop`, …).
    pub ended: bool,
}

/// One vendor's HTTP dialect. No method performs I/O or reads a clock.
pub trait Dialect: Send + Sync {
    /// The HTTP request that asks this.
    fn request(&self, to: &Endpoint, ask: &Ask) -> Result<HttpRequest, Failure>;
    /// The answer in the body of a 200 that was not streamed; an error object inside it is a failure.
    fn answer(&self, body: &[u8]) -> Result<Answer, Failure>;
    /// Takes one frame in; the text to show, if it brought any.
    fn event(&self, frame: &Frame, so_far: &mut Partial) -> Result<Option<Delta>, Failure>;
    /// The whole answer once the body has ended, or why it is not whole (`cut`, `empty`, `content_refused`).
    fn finish(&self, so_far: Partial) -> Result<Answer, Failure>;
    /// What an answer with an error status means.
    fn failure(&self, status: u16, headers: &Headers, body: &[u8]) -> Failure;
}

/// The names of the dialects, for messages.
pub const DIALECTS: [DialectKind; 4] =
    [DialectKind::Openai, DialectKind::Anthropic, DialectKind::Gemini, DialectKind::Cohere];
