//! Dialects: a request into HTTP and HTTP back into an answer, one vendor's wire format each.
//!
//! No method here performs I/O or reads a clock; nothing here knows the transport. A whole answer and a stream are
//! read into the same [`Partial`] and judged by the same rules, so that they cannot come to differ. Who drives a
//! request uses [`dialect`] and [`AnswerReader`].

pub mod failure;
pub mod framing;
pub mod listing;
pub mod passed;
pub mod schema;
pub mod table;
pub mod think;

mod anthropic;
mod cohere;
mod embed;
mod gemini;
mod image;
mod openai;
mod partial;
mod reader;
mod request;
#[cfg(test)]
mod testing;
mod usage;
mod wait;

use crate::types::{Answer, Ask, Delta, DialectKind, Failure, Secret};

pub use partial::Partial;
pub use reader::{AnswerReader, Read};
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
    /// The prices above which OpenRouter shall not serve.
    pub max_price: Option<MaxPrice>,
}

/// What a host may ask for at most, in USD.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MaxPrice {
    /// A million tokens read.
    pub prompt: f64,
    /// A million tokens written.
    pub completion: f64,
    /// A request, beside its tokens.
    pub request: f64,
    /// A picture, beside its tokens.
    pub image: f64,
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

/// A request for what lies at an address.
#[derive(Debug, Clone)]
pub struct HttpGet {
    /// The whole URL. Never holds a key.
    pub url: String,
    /// Headers; a value that is a key is marked by its type.
    pub headers: Vec<(&'static str, HeaderValue)>,
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

/// One vendor's HTTP dialect. No method performs I/O or reads a clock.
pub trait Dialect: Send + Sync {
    /// The HTTP request that asks this.
    ///
    /// Fails with `invalid_request`, marked as unsent, for a model's name that cannot stand in a URL.
    fn request(&self, to: &Endpoint, ask: &Ask) -> Result<HttpRequest, Failure>;

    /// Reads the body of a 200 that was not streamed; an error object inside it is a failure.
    ///
    /// What was told of usage stays in `so_far` whatever comes of it. [`Dialect::finish`] judges the rest.
    fn read(&self, body: &[u8], so_far: &mut Partial) -> Result<(), Failure>;

    /// Takes one frame of a stream in; the text to show, if it brought any.
    fn event(&self, frame: &Frame, so_far: &mut Partial) -> Result<Option<Delta>, Failure>;

    /// Whether a stream has an end marker of its own, behind which nothing follows.
    fn ends_with_marker(&self) -> bool;

    /// The answer once the body has ended, or why there is none (`cut`, `empty`, `content_refused`).
    ///
    /// An answer that is empty because the output cap ran out is an answer, with finish reason `length`.
    fn finish(&self, so_far: Partial) -> Result<Answer, Failure> {
        so_far.judge()
    }

    /// [`Dialect::read`] and [`Dialect::finish`] in one.
    fn answer(&self, body: &[u8]) -> Result<Answer, Failure> {
        let mut so_far = Partial::default();
        self.read(body, &mut so_far)?;
        self.finish(so_far)
    }

    /// What an answer with any status but 200 means.
    fn failure(&self, status: u16, headers: &Headers, body: &[u8]) -> Failure {
        failure::of_status(status, headers, body)
    }
}

/// The dialect of that kind, for a provider that differs from it in these ways.
pub fn dialect(kind: DialectKind, quirks: &Quirks) -> Box<dyn Dialect> {
    match kind {
        DialectKind::Openai => Box::new(openai::OpenAi { quirks: *quirks }),
        DialectKind::Anthropic => Box::new(anthropic::Anthropic),
        DialectKind::Gemini => Box::new(gemini::Gemini),
        DialectKind::Cohere => Box::new(cohere::Cohere),
    }
}

/// The same for vectors of so many texts in place of an answer, of so many numbers where that is asked for.
pub fn embedder(kind: DialectKind, quirks: &Quirks, texts: usize, dimensions: Option<u32>) -> Box<dyn Dialect> {
    Box::new(embed::Embedder { chat: dialect(kind, quirks), kind, quirks: *quirks, texts, dimensions })
}

/// The names of the dialects, for messages.
pub const DIALECTS: [DialectKind; 4] =
    [DialectKind::Openai, DialectKind::Anthropic, DialectKind::Gemini, DialectKind::Cohere];
