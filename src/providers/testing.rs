//! What the dialects' tests share: small requests, fixtures, and a stream replayed at every split of its bytes.

use std::path::Path;

use serde_json::{Map, Value};

use super::*;
use crate::types::{FailureClass, FinishReason, Image, ImageKind, Message, NanoUsd, Usage};

/// A one-word question.
pub fn ask() -> Ask {
    Ask {
        system: None,
        messages: vec![Message::user("Hello")],
        max_output_tokens: 100,
        temperature: None,
        top_p: None,
        stop: Vec::new(),
        effort: None,
        extra: Map::new(),
        schema: None,
        embed: None,
        stream: false,
    }
}

/// A picture of these bytes, as large as nobody looks.
pub fn picture(name: &str, kind: ImageKind, bytes: &[u8]) -> Image {
    Image { name: name.into(), kind, width: 1, height: 1, bytes: bytes.into() }
}

/// A built-in provider's endpoint with a key.
pub fn endpoint(provider: &str, model: &str) -> Endpoint {
    let row = table::find(provider).unwrap();
    Endpoint {
        provider: provider.into(),
        base_url: row.base_url.into(),
        key: Some(Secret::new("test-key")),
        model: model.into(),
        quirks: row.quirks,
        api_version: None,
        model_facts: ModelFacts::default(),
        max_price: None,
    }
}

/// A request's body.
pub fn sent(request: &HttpRequest) -> Value {
    serde_json::from_slice(&request.body).unwrap()
}

/// A request's headers, keys shown.
pub fn headers(request: &HttpRequest) -> Vec<(&'static str, String)> {
    let shown = |value: &HeaderValue| match value {
        HeaderValue::Plain(text) => text.clone(),
        HeaderValue::Secret(before, key) => format!("{before}{}", key.expose()),
    };
    request.headers.iter().map(|(name, value)| (*name, shown(value))).collect()
}

/// What a fixture comes to, in one comparable piece.
#[derive(Debug, PartialEq)]
pub struct Came {
    pub answer: Result<(String, FinishReason), FailureClass>,
    /// Input, cached, written, output, reasoning.
    pub usage: Option<[u64; 5]>,
    pub cost: Option<NanoUsd>,
    pub model: Option<String>,
    pub tool_calls: bool,
}

/// A whole answer of this text.
pub fn came(text: &str, finish: FinishReason, usage: [u64; 5]) -> Came {
    let answer = Ok((text.to_owned(), finish));
    Came { answer, usage: Some(usage), cost: None, model: None, tool_calls: false }
}

/// A failure of this class.
pub fn failed(class: FailureClass) -> Came {
    Came { answer: Err(class), usage: None, cost: None, model: None, tool_calls: false }
}

/// Replays `tests/fixtures/PROVIDER/FILE` at every split of its bytes; all of them must come to the same.
pub fn replay(provider: &str, file: &str) -> Came {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(provider).join(file);
    let body = std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let row = table::find(provider).unwrap();
    let dialect = dialect(row.dialect, &row.quirks);
    let whole = run(&*dialect, &[&body], file.ends_with(".sse"));
    let bytes: Vec<&[u8]> = body.chunks(1).collect();
    assert_eq!(run(&*dialect, &bytes, file.ends_with(".sse")), whole, "{provider}/{file} byte by byte");
    for cut in 1..body.len() {
        let (a, b) = body.split_at(cut);
        assert_eq!(run(&*dialect, &[a, b], file.ends_with(".sse")), whole, "{provider}/{file} cut at {cut}");
    }
    whole
}

/// Feeds a body in pieces, checking on the way that the deltas are the text.
pub fn run(dialect: &dyn Dialect, pieces: &[&[u8]], stream: bool) -> Came {
    let mut reader = AnswerReader::new(dialect, stream, &Headers::default());
    let mut shown = String::new();
    for piece in pieces {
        for Delta(text) in reader.push(piece) {
            assert!(!text.is_empty(), "an empty delta");
            shown.push_str(&text);
        }
    }
    let read = reader.end();
    shown.extend(read.rest.iter().map(|Delta(text)| text.as_str()));
    if let Ok(answer) = &read.answer {
        assert_eq!(answer.text, shown, "what was shown is the text");
    }
    came_to(read.answer, read.usage, read.reported_cost)
}

fn came_to(answer: Result<Answer, Failure>, usage: Option<Usage>, cost: Option<NanoUsd>) -> Came {
    let told = answer.as_ref().ok();
    if let Some(answer) = told {
        assert_eq!((answer.usage, answer.reported_cost), (usage, cost));
    }
    let buckets =
        |u: Usage| [u.input_tokens, u.cached_input_tokens, u.cache_write_tokens, u.output_tokens, u.reasoning_tokens];
    Came {
        usage: usage.map(buckets),
        cost,
        model: told.and_then(|answer| answer.model.clone()),
        tool_calls: told.is_some_and(|answer| answer.tool_calls),
        answer: answer.map(|answer| (answer.text, answer.finish)).map_err(|failure| failure.class),
    }
}
