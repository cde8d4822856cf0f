//! The four dialects from the other side: a request in a vendor's words is read, an answer written.
//!
//! Written after the vendors' traffic and not after [`crate::providers`], so that the two check each other.

mod anthropic;
mod cohere;
mod gemini;
mod openai;
#[cfg(test)]
mod properties;
pub(super) mod vectors;

use base64::Engine as _;
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
    /// The pictures, by width and height in pixels.
    pub pictures: Vec<(u32, u32)>,
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
    /// Whether models are listed at the rest of a path.
    fn lists(&self, path: &str) -> bool {
        ["/v1/models", "/models"].contains(&path)
    }
    /// The list of models.
    fn models(&self, ids: &[&str]) -> Value {
        let row = |id: &&str| json!({ "id": id, "object": "model", "created": 0, "owned_by": "sandbox" });
        json!({ "object": "list", "data": ids.iter().map(row).collect::<Vec<_>>() })
    }
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

/// What a conversation comes to.
#[derive(Debug, Default)]
struct Said {
    /// All of it.
    all: String,
    /// What the user said last.
    last: String,
    /// Its pictures.
    pictures: Vec<(u32, u32)>,
}

/// The width and height of a picture in base64 that is said to be of this media type.
fn picture(media_type: &str, data: &str) -> Result<(u32, u32), Problem> {
    const WRONG: Problem = Problem::Invalid("image: it is not a valid picture of its media type", Some("messages"));
    let bytes = base64::engine::general_purpose::STANDARD.decode(data).map_err(|_| WRONG)?;
    let kind = match imagesize::image_type(&bytes).map_err(|_| WRONG)? {
        imagesize::ImageType::Png => "image/png",
        imagesize::ImageType::Jpeg => "image/jpeg",
        imagesize::ImageType::Gif => "image/gif",
        imagesize::ImageType::Webp => "image/webp",
        _ => return Err(WRONG),
    };
    let size = imagesize::blob_size(&bytes).map_err(|_| WRONG)?;
    let pixels = |n: usize| u32::try_from(n).map_err(|_| WRONG);
    if kind == media_type { Ok((pixels(size.width)?, pixels(size.height)?)) } else { Err(WRONG) }
}

/// The picture of a part `image_url`, which must be a data URL: nothing is fetched here.
fn picture_of_url(part: &Value) -> Result<(u32, u32), Problem> {
    let url = part["image_url"]["url"].as_str().and_then(|url| url.strip_prefix("data:")?.split_once(";base64,"));
    let (media_type, data) = url.ok_or(Problem::Invalid("image_url: a data URL is required", Some("messages")))?;
    picture(media_type, data)
}

/// The pictures of a message, by the function that reads a part that is neither text nor nothing.
fn pictures(
    content: &Value,
    kind: &str,
    read: impl Fn(&Value) -> Result<(u32, u32), Problem>,
) -> Result<Vec<(u32, u32)>, Problem> {
    let parts = content.as_array().map_or(&[][..], Vec::as_slice);
    let known = |part: &&Value| part["type"] == "text" || part["type"] == kind;
    if parts.iter().any(|part| !known(&part)) {
        return Err(Problem::Invalid("messages: a part of the content is of an unknown type", Some("messages")));
    }
    parts.iter().filter(|part| part["type"] == kind).map(read).collect()
}

/// The conversation of `messages`, with the pictures that `look` finds in a content. `Err`: why it is none.
fn messages(
    list: &Value,
    roles: &[&str],
    look: impl Fn(&Value) -> Result<Vec<(u32, u32)>, Problem>,
) -> Result<Said, Problem> {
    const FIELD: Option<&str> = Some("messages");
    let list = list.as_array().filter(|list| !list.is_empty());
    let list = list.ok_or(Problem::Invalid("messages: a list with at least one message is required", FIELD))?;
    let mut said = Said::default();
    for message in list {
        let role = message["role"].as_str().filter(|role| roles.contains(role));
        let role = role.ok_or(Problem::Invalid("messages: a message has an unknown role", FIELD))?;
        let words = content(&message["content"]);
        let words = words.ok_or(Problem::Invalid("messages: a message has no content", FIELD))?;
        said.all.push_str(&words);
        said.all.push('\n');
        said.pictures.extend(look(&message["content"])?);
        if role == "user" {
            said.last = words;
        }
    }
    Ok(said)
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
