//! The four dialects from the other side: a request in a vendor's words is read, an answer written.
//!
//! Written after the vendors' traffic and not after [`crate::providers`], so that the two check each other.

mod anthropic;
mod cohere;
mod gemini;
mod openai;

use serde_json::{Value, json};

use super::text;
use crate::types::{DialectKind, Usage};

/// The window that `overflow` claims, in tokens.
const WINDOW: u64 = 128;

/// What can be wrong with a request, in no vendor's words.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Problem {
    MissingKey,
    BadKey,
    NoCredit,
    Forbidden,
    UnknownPath,
    UnknownModel,
    /// Why, and the field at fault.
    Invalid(&'static str, Option<&'static str>),
    /// A field that this model does not take, and what to send in its place.
    Unsupported(&'static str, &'static str),
    RateLimited {
        retry_after_ms: Option<u64>,
    },
    ServerError,
    Unavailable,
    Overloaded,
    Overflow,
    Blocked,
}

/// A request, as the vendor understood it.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Prompt {
    pub model: String,
    /// All that the model would read.
    pub text: String,
    /// What the person said last.
    pub last: String,
    pub max_tokens: Option<u64>,
    pub stream: bool,
    /// Whether a stream shall tell its usage.
    pub include_usage: bool,
    /// What the vendor's own field says of the answer's form: JSON, of this schema or `true` where none is named.
    pub format: Option<Value>,
}

impl Prompt {
    /// The schema of the answer: of the vendor's field, else as the prompt describes it.
    pub(super) fn schema(&self) -> Option<Value> {
        let told = || {
            let (_, rest) = self.text.rsplit_once("<schema>")?;
            serde_json::from_str(rest.split_once("</schema>")?.0).ok()
        };
        self.format.clone().filter(Value::is_object).or_else(told)
    }
}

/// Why an answer ends.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Finish {
    Stop,
    Length,
    Blocked,
}

/// An answer, in no vendor's words.
#[derive(Debug, Clone)]
pub(super) struct Reply {
    /// The number of the request, for its id.
    pub number: u64,
    /// Seconds since 1970.
    pub created: i64,
    pub model: String,
    pub thought: String,
    pub text: String,
    pub usage: Usage,
    pub finish: Finish,
    /// Whether usage is told at all.
    pub tell_usage: bool,
    /// Whether a stream of the OpenAI dialect was asked to tell it.
    pub include_usage: bool,
}

/// What an event of a stream is for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Part {
    Head,
    Text,
    Tail,
    End,
}

/// One event of a stream, as it is written on the wire.
#[derive(Debug, Clone)]
pub(super) struct Event {
    pub part: Part,
    pub wire: String,
    /// Tokens of thinking and of text in it.
    pub thought: u64,
    pub text: u64,
}

impl Event {
    fn new(part: Part, wire: String) -> Self {
        Self { part, wire, thought: 0, text: 0 }
    }
}

/// An error as a vendor sends it.
pub(super) struct Refusal {
    pub status: u16,
    pub headers: Vec<(&'static str, String)>,
    pub body: Value,
}

impl Refusal {
    fn new(status: u16, body: Value) -> Self {
        Self { status, headers: Vec::new(), body }
    }

    /// With `retry-after` in whole seconds, rounded up, where the vendor has that header.
    fn with_retry_after(mut self, problem: &Problem) -> Self {
        if let Problem::RateLimited { retry_after_ms: Some(ms) } = problem {
            self.headers.push(("retry-after", ms.div_ceil(1000).to_string()));
        }
        self
    }
}

/// What a path asks for.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Route {
    /// The model, where the path names it.
    pub model: Option<String>,
    /// Whether the path asks for a stream.
    pub stream: bool,
}

/// The headers and query of a request.
pub(super) struct Meta<'a> {
    pub headers: &'a [(String, String)],
    pub query: &'a str,
}

impl<'a> Meta<'a> {
    fn header(&self, name: &str) -> Option<&'a str> {
        self.headers.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }

    fn bearer(&self) -> Option<&'a str> {
        self.header("authorization")?.strip_prefix("Bearer ")
    }
}

/// One vendor's side of its dialect.
pub(super) trait Wire: Sync {
    /// What is appended to this provider's own path to make a base URL.
    fn base(&self) -> &'static str {
        ""
    }
    /// What the rest of a path asks for.
    fn route(&self, path: &str) -> Option<Route>;
    /// The key that came along.
    fn key<'a>(&self, meta: &Meta<'a>) -> Option<&'a str>;
    /// Reads a request, as strictly as the vendor does.
    fn read(&self, route: Route, meta: &Meta<'_>, body: &Value) -> Result<Prompt, Problem>;
    /// The body of a whole answer.
    fn whole(&self, reply: &Reply) -> Value;
    /// The events of a streamed one.
    fn events(&self, reply: &Reply) -> Vec<Event>;
    /// An error.
    fn refusal(&self, problem: &Problem, model: &str) -> Refusal;
    /// An error in the middle of a stream.
    fn error_event(&self) -> String;
    /// An error as the body of a 200.
    fn error_body(&self) -> Value {
        self.refusal(&Problem::ServerError, "").body
    }
    /// The header of a request's id, where there is one.
    fn id_header(&self) -> Option<&'static str> {
        None
    }
    /// Whether the content policy answers with an error status instead of an empty answer.
    fn blocks_with_status(&self) -> bool {
        false
    }
}

/// The wire of a dialect.
pub(super) fn of(dialect: DialectKind) -> &'static dyn Wire {
    match dialect {
        DialectKind::Openai => &openai::Openai,
        DialectKind::Anthropic => &anthropic::Anthropic,
        DialectKind::Gemini => &gemini::Gemini,
        DialectKind::Cohere => &cohere::Cohere,
    }
}

/// An SSE event of JSON, with a name or without, and LF.
fn sse(name: &str, data: &Value) -> String {
    if name.is_empty() { format!("data: {data}\n\n") } else { format!("event: {name}\ndata: {data}\n\n") }
}

/// A text in pieces of so many tokens, each with its number of tokens.
fn pieces(whole: &str, size: usize) -> Vec<(String, u64)> {
    text::tokens(whole).chunks(size).map(|piece| (piece.concat(), piece.len() as u64)).collect()
}

/// Events of thinking and text, each made by a function of the piece.
fn spoken(
    reply: &Reply,
    size: usize,
    thought: impl Fn(&str) -> String,
    text: impl Fn(&str) -> String,
) -> (Vec<Event>, Vec<Event>) {
    let event = |wire, thought, text| Event { part: Part::Text, wire, thought, text };
    let thoughts = pieces(&reply.thought, size).into_iter().map(|(piece, n)| event(thought(&piece), n, 0)).collect();
    let texts = pieces(&reply.text, size).into_iter().map(|(piece, n)| event(text(&piece), 0, n)).collect();
    (thoughts, texts)
}

/// The text of a message's content: a string, or a list of parts.
fn content(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Array(parts) => Some(parts.iter().filter_map(|part| part["text"].as_str()).collect()),
        _ => None,
    }
}

/// The conversation of `messages`: all of it, and what the user said last. `Err`: why it is none.
fn messages(list: &Value, roles: &[&str]) -> Result<(String, String), Problem> {
    const FIELD: Option<&str> = Some("messages");
    let list = list.as_array().filter(|list| !list.is_empty());
    let list = list.ok_or(Problem::Invalid("messages: a list with at least one message is required", FIELD))?;
    let (mut all, mut last) = (String::new(), String::new());
    for message in list {
        let role = message["role"].as_str().filter(|role| roles.contains(role));
        let role = role.ok_or(Problem::Invalid("messages: a message has an unknown role", FIELD))?;
        let words = content(&message["content"]);
        let words = words.ok_or(Problem::Invalid("messages: a message has no content", FIELD))?;
        all.push_str(&words);
        all.push('\n');
        if role == "user" {
            last = words;
        }
    }
    Ok((all, last))
}

/// A field that must be a whole number above 0 where it is there.
fn limit(body: &Value, field: &'static str) -> Result<Option<u64>, Problem> {
    match &body[field] {
        Value::Null => Ok(None),
        value => match value.as_u64() {
            Some(n) if n > 0 => Ok(Some(n)),
            _ => Err(Problem::Invalid("the output limit must be a whole number above 0", Some(field))),
        },
    }
}

/// A temperature must lie between 0 and the vendor's maximum.
fn temperature(value: &Value, most: f64) -> Result<(), Problem> {
    match value.as_f64() {
        Some(t) if !(0.0..=most).contains(&t) => {
            Err(Problem::Invalid("temperature: it is outside of the allowed range", Some("temperature")))
        }
        None if !value.is_null() => Err(Problem::Invalid("temperature: it must be a number", Some("temperature"))),
        _ => Ok(()),
    }
}

/// The model of the body.
fn model(body: &Value) -> Result<String, Problem> {
    let named = body["model"].as_str().filter(|name| !name.is_empty());
    named.map(str::to_owned).ok_or(Problem::Invalid("model: it is required", Some("model")))
}

/// `{"error": {…}}` with these fields.
fn error_object(fields: Value) -> Value {
    json!({ "error": fields })
}
