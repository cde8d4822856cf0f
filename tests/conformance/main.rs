//! Replays recorded provider traffic through the dialects, where a folder of recordings is at hand.
//!
//! The folder is `$LLMR_RECORDINGS`, or `shared/recordings` beside this crate's own folder: one JSON file an exchange,
//! `PROVIDER/NAME.json` with `request` and `response`. Without it the test says so and passes. What is expected of each
//! exchange is read out of its JSON here, by other code than the dialects' own.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, reason = "a test")]

mod expected;

/// Says something that is seen also when the test passes: the test harness keeps `println!` to itself.
macro_rules! say {
    ($($text:tt)*) => { _ = std::io::Write::write_fmt(&mut std::io::stderr(), format_args!("{}\n", format_args!($($text)*))) };
}

use std::fs;
use std::path::{Path, PathBuf};

use llmr::providers::{AnswerReader, Dialect, Endpoint, Headers, ModelFacts, ProviderRow, dialect, embedder, table};
use llmr::types::{
    Answer, Ask, Delta, DialectKind, Embed, Failure, FailureClass, FinishReason, Message, Purpose, Secret,
    decode_vectors,
};
use serde_json::{Map, Value};

use expected::expect;

/// What every recorded error of today means, and how long it asks to wait.
const ERRORS: &[(&str, FailureClass, Option<u64>)] = &[
    ("anthropic/error_400_prompt_too_long", FailureClass::ContextOverflow, None),
    ("anthropic/error_400_temperature_range", FailureClass::InvalidRequest, None),
    ("anthropic/error_401_bad_key", FailureClass::Auth, None),
    ("anthropic/error_529_overloaded", FailureClass::Overloaded, None),
    ("anthropic/error_in_stream", FailureClass::Overloaded, None),
    ("azure/error_400_content_filter", FailureClass::ContentRefused, None),
    ("azure/error_401_bad_key", FailureClass::Auth, None),
    ("azure/error_404_deployment_not_found", FailureClass::ModelNotFound, None),
    ("azure/error_429_rate_limit", FailureClass::RateLimited, Some(1000)),
    ("cohere/error_400_too_many_tokens", FailureClass::ContextOverflow, None),
    ("cohere/error_401_bad_key", FailureClass::Auth, None),
    ("cohere/error_in_stream", FailureClass::ServerError, None),
    ("deepseek/error_401_bad_key", FailureClass::Auth, None),
    ("deepseek/error_402_insufficient_balance", FailureClass::QuotaExhausted, None),
    ("gemini/error_400_bad_key", FailureClass::Auth, None),
    ("gemini/error_429_quota", FailureClass::RateLimited, Some(48_000)),
    ("gemini/error_503_overloaded", FailureClass::Overloaded, None),
    ("groq/error_401_bad_key", FailureClass::Auth, None),
    ("groq/error_429_tokens_per_minute", FailureClass::RateLimited, Some(6781)),
    ("groq/error_in_stream", FailureClass::ServerError, None),
    ("mistral/error_401_bad_key", FailureClass::Auth, None),
    ("mistral/error_422_validation", FailureClass::InvalidRequest, None),
    ("mistral/error_429_rate_limited", FailureClass::RateLimited, None),
    ("ollama/error_404_model_not_found", FailureClass::ModelNotFound, None),
    ("openai/error_400_temperature_range", FailureClass::InvalidRequest, None),
    ("openai/error_400_unsupported_parameter", FailureClass::InvalidRequest, None),
    ("openai/error_401_bad_key", FailureClass::Auth, None),
    ("openai/error_429_tokens_per_minute", FailureClass::RateLimited, Some(125)),
    ("openai/error_in_stream", FailureClass::InvalidRequest, None),
    ("openrouter/error_401_bad_key", FailureClass::Auth, None),
    ("openrouter/error_429_rate_limit", FailureClass::RateLimited, Some(26_000)),
    ("openrouter/error_in_200_body", FailureClass::ServerError, None),
    ("openrouter/error_in_stream", FailureClass::ServerError, None),
    ("perplexity/error_400_invalid_model", FailureClass::ModelNotFound, None),
    ("perplexity/error_401_bad_key", FailureClass::Auth, None),
    ("together/error_401_bad_key", FailureClass::Auth, None),
    ("together/error_429_rate_limit", FailureClass::RateLimited, Some(1000)),
    ("xai/error_400_bad_key", FailureClass::Auth, None),
    ("xai/error_429_out_of_credits", FailureClass::QuotaExhausted, None),
];

/// One recorded exchange.
struct Recording {
    name: String,
    kind: String,
    row: &'static ProviderRow,
    model: String,
    host: String,
    path: Option<String>,
    query: String,
    streamed: bool,
    status: u16,
    headers: Headers,
    body: Vec<u8>,
}

#[test]
fn recorded_exchanges_come_to_what_they_say() {
    let Some(folder) = folder() else {
        say!("skipped: no recordings (neither $LLMR_RECORDINGS nor ../shared/recordings)");
        return;
    };
    let (mut replayed, mut aside) = (0, Vec::new());
    for recording in recordings(&folder) {
        if in_scope(&recording) {
            check(&recording);
            replayed += 1;
        } else {
            aside.push(format!("{} ({})", recording.name, recording.path.as_deref().unwrap_or("no path")));
        }
    }
    say!("replayed: {replayed}; not in scope: {}", aside.len());
    aside.iter().for_each(|name| say!("  {name}"));
    assert!(replayed > 0, "nothing to replay in {}", folder.display());
}

#[expect(clippy::disallowed_methods, reason = "a test may be told where recordings are")]
fn folder() -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/recordings");
    let folder = std::env::var_os("LLMR_RECORDINGS").map_or(beside, PathBuf::from);
    folder.is_dir().then_some(folder)
}

fn recordings(folder: &Path) -> Vec<Recording> {
    let entries = |folder: &Path| -> Vec<PathBuf> {
        let mut paths: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
        paths.sort();
        paths
    };
    let folders = entries(folder).into_iter().filter(|path| path.is_dir());
    let files = folders.flat_map(|folder| entries(&folder));
    files.filter(|path| path.extension().is_some_and(|e| e == "json")).filter_map(|path| read(&path)).collect()
}

fn read(path: &Path) -> Option<Recording> {
    let file: Value = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
    let provider = path.parent().unwrap().file_name().unwrap().to_str().unwrap();
    let name = format!("{provider}/{}", path.file_stem().unwrap().to_str().unwrap());
    let Some(row) = table::find(provider) else {
        say!("  {name}: no such provider");
        return None;
    };
    let text = |pointer: &str| file.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
    let headers = file.pointer("/response/headers").and_then(Value::as_object).into_iter().flatten();
    let body_text = text("/response/body_text");
    let path = text("/request/path");
    let asked = file.pointer("/request/body/stream").and_then(Value::as_bool).unwrap_or(false);
    Some(Recording {
        row,
        kind: text("/kind").unwrap(),
        model: text("/model").unwrap_or_else(|| "DEPLOYMENT".to_owned()),
        host: text("/request/host").unwrap_or_default(),
        query: text("/request/query").unwrap_or_default(),
        streamed: asked || name.contains("stream") || path.as_deref().is_some_and(|path| path.contains(":stream")),
        status: u16::try_from(file["response"]["status"].as_u64().unwrap()).unwrap(),
        headers: Headers(headers.map(|(n, v)| (n.to_lowercase(), v.as_str().unwrap_or_default().into())).collect()),
        body: body_text.map_or_else(|| file["response"]["body"].to_string().into_bytes(), String::into_bytes),
        path,
        name,
    })
}

/// Answers of the paths spoken here; error bodies have the same shapes on every path.
fn in_scope(recording: &Recording) -> bool {
    let spoken = |path: &str| match recording.row.dialect {
        // Ollama's own path is not spoken, its copy of OpenAI's is.
        DialectKind::Openai if recording.kind == "embeddings" => path.ends_with("/embeddings"),
        DialectKind::Gemini if recording.kind == "embeddings" => path.ends_with(":batchEmbedContents"),
        DialectKind::Cohere if recording.kind == "embeddings" => path.ends_with("/v2/embed"),
        DialectKind::Openai => path.ends_with("/chat/completions"),
        DialectKind::Anthropic => path.ends_with("/v1/messages"),
        DialectKind::Gemini => path.ends_with(":generateContent") || path.ends_with(":streamGenerateContent"),
        DialectKind::Cohere => path.ends_with("/v2/chat"),
    };
    recording.status >= 400 || recording.path.as_deref().map_or(recording.kind != "embeddings", spoken)
}

fn check(recording: &Recording) {
    if recording.kind == "embeddings" {
        return check_vectors(recording);
    }
    let dialect = dialect(recording.row.dialect, &recording.row.quirks);
    check_address(&*dialect, recording, &ask(recording));
    if recording.status != 200 {
        let failure = dialect.failure(recording.status, &recording.headers, &recording.body);
        assert_eq!(failure.status, Some(recording.status), "{}", recording.name);
        return check_failure(recording, &failure);
    }
    if recording.kind == "chat_stream" {
        check_cuts(&*dialect, recording);
    }
    let all_at_once: Vec<&[u8]> = vec![&recording.body];
    let bytes: Vec<&[u8]> = recording.body.chunks(1).collect();
    for pieces in [all_at_once, bytes, at_random(&recording.body, 1), at_random(&recording.body, 2)] {
        match replay(&*dialect, recording, &pieces) {
            Err(failure) if recording.kind == "error" => check_failure(recording, &failure),
            Err(failure) => check_no_answer(recording, &failure),
            Ok(answer) => {
                assert_ne!(recording.kind, "error", "{} is no answer: {answer:?}", recording.name);
                check_answer(recording, &answer);
            }
        }
    }
}

/// A stream that breaks off is no answer, unless all of the answer had come.
fn check_cuts(dialect: &dyn Dialect, recording: &Recording) {
    let whole = expect(recording.row, &recording.body);
    // Every cut of a short stream; of a long one so many that they take no longer.
    let length = recording.body.len();
    let step = 1 + length * length / 4_000_000;
    for cut in (0..length).step_by(step) {
        if let Ok(answer) = replay(dialect, recording, &[&recording.body[..cut]]) {
            assert_eq!(
                (answer.text, answer.finish),
                (whole.text.clone(), whole.finish),
                "{} cut at {cut}",
                recording.name
            );
        }
    }
}

/// The request goes where the recorded one went.
fn check_address(dialect: &dyn Dialect, recording: &Recording, ask: &Ask) {
    let Some(path) = recording.path.as_deref().filter(|path| !path.ends_with("/responses") && !path.contains("/api/"))
    else {
        return;
    };
    let row = recording.row;
    let foundry = if path.starts_with("/models/") { "/models" } else { "" };
    let base_url = match row.base_url {
        "" => format!("https://{}{foundry}", recording.host),
        base_url => base_url.to_owned(),
    };
    let deployment = path.split_once("/deployments/").and_then(|(_, rest)| rest.split('/').next());
    // Where no query was recorded beside a deployment's path, any dated version will do.
    let version = recording.query.strip_prefix("api-version=").or(deployment.map(|_| "2024-10-21"));
    let to = Endpoint {
        provider: row.name.to_owned(),
        base_url,
        key: Some(Secret::new("test-key")),
        model: deployment.unwrap_or(&recording.model).to_owned(),
        quirks: row.quirks,
        api_version: version.map(str::to_owned),
        model_facts: ModelFacts::default(),
        max_price: None,
    };
    let url = dialect.request(&to, ask).unwrap().url;
    let sent = url.split_once("://").unwrap().1.split_once('/').unwrap().1.split('?').next().unwrap();
    assert_eq!(format!("/{sent}"), path, "{}", recording.name);
}

/// A question that says nothing.
fn ask(recording: &Recording) -> Ask {
    Ask {
        system: None,
        messages: Vec::new(),
        max_output_tokens: 1,
        temperature: None,
        top_p: None,
        stop: Vec::new(),
        effort: None,
        extra: Map::new(),
        schema: None,
        embed: None,
        stream: recording.path.as_deref().is_some_and(|path| path.contains(":stream")),
    }
}

/// Every recording has the vector of one text.
fn check_vectors(recording: &Recording) {
    let name = &recording.name;
    let dialect = embedder(recording.row.dialect, &recording.row.quirks, 1, None);
    let embed = Some(Embed { dimensions: None, purpose: Purpose::Document });
    check_address(&*dialect, recording, &Ask { messages: vec![Message::user("x")], embed, ..ask(recording) });
    let told: Value = serde_json::from_slice(&recording.body).unwrap();
    let pointer = ["/data/0/embedding", "/embeddings/0/values", "/embeddings/float/0"];
    let numbers = pointer.iter().find_map(|pointer| told.pointer(pointer)?.as_array()).unwrap();
    let numbers: Vec<f64> = numbers.iter().map(|number| number.as_f64().unwrap()).collect();
    let read = ["/usage/prompt_tokens", "/meta/billed_units/input_tokens"];
    let read = read.iter().find_map(|pointer| told.pointer(pointer)?.as_u64());
    for pieces in [vec![&recording.body[..]], at_random(&recording.body, 1)] {
        let answer = replay(&*dialect, recording, &pieces).unwrap();
        let vectors = decode_vectors(&answer.text).unwrap();
        assert_eq!(vectors.len(), 1, "{name}");
        assert_eq!(vectors[0].len(), numbers.len(), "{name}");
        assert!(vectors[0].iter().zip(&numbers).all(|(a, b)| (f64::from(*a) - b).abs() < 1e-7), "{name}");
        assert_eq!(answer.usage.map(|usage| usage.prompt_tokens()), read, "{name}");
        let cost = told.pointer("/usage/cost").and_then(Value::as_f64);
        assert_eq!(answer.reported_cost.map(|cost| cost.as_usd()), cost, "{name}");
        assert_eq!(answer.finish, FinishReason::Stop, "{name}");
    }
}

/// Pieces of 1 to 40 bytes, the same in every run (a linear congruential generator with Knuth's constants).
fn at_random(body: &[u8], seed: u64) -> Vec<&[u8]> {
    let (mut rest, mut state, mut pieces) = (body, seed, Vec::new());
    while !rest.is_empty() {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let (piece, behind) = rest.split_at(rest.len().min(1 + (state >> 33) as usize % 40));
        pieces.push(piece);
        rest = behind;
    }
    pieces
}

fn replay(dialect: &dyn Dialect, recording: &Recording, pieces: &[&[u8]]) -> Result<Answer, Failure> {
    let mut reader = AnswerReader::new(dialect, recording.streamed, &recording.headers);
    let mut shown = String::new();
    for piece in pieces {
        shown.extend(reader.push(piece).into_iter().map(|Delta(text)| text));
    }
    let read = reader.end();
    shown.extend(read.rest.into_iter().map(|Delta(text)| text));
    if let Ok(answer) = &read.answer {
        assert_eq!(answer.text, shown, "{}: what was shown is the text", recording.name);
    }
    read.answer
}

fn check_failure(recording: &Recording, failure: &Failure) {
    let name = &recording.name;
    assert!(!failure.message.is_empty() && !failure.message.contains('\n'), "{name}: {failure:?}");
    assert!(failure.message.chars().count() <= 400, "{name}: {failure:?}");
    match ERRORS.iter().find(|(known, ..)| known == name) {
        Some((_, class, wait)) => assert_eq!((failure.class, failure.retry_after_ms), (*class, *wait), "{name}"),
        None => {
            let text = String::from_utf8_lossy(&recording.body).to_lowercase();
            let likely = likely(recording.status, &text);
            say!("  {name}: not in the table of errors; {failure}");
            assert!(likely.contains(&failure.class), "{name}: {failure:?}, but one of {likely:?} was likely");
        }
    }
}

/// What an error that nobody has looked at may mean, by its status and the plainest of words.
fn likely(status: u16, text: &str) -> Vec<FailureClass> {
    use FailureClass::{
        Auth, ContentRefused, ContextOverflow, Forbidden, InvalidRequest, ModelNotFound, Overloaded, QuotaExhausted,
        RateLimited, ServerError, Timeout,
    };
    let says = |words: &[&str]| words.iter().any(|word| text.contains(word));
    match status {
        400 | 422 if says(&["api key", "api_key"]) => vec![Auth],
        400 | 422 if says(&["credit balance"]) => vec![QuotaExhausted],
        400 | 422 => vec![InvalidRequest, ModelNotFound, ContextOverflow, ContentRefused, Forbidden, ServerError],
        401 => vec![Auth],
        402 => vec![QuotaExhausted],
        403 => vec![Forbidden, QuotaExhausted, ContentRefused, ModelNotFound, Auth],
        404 => vec![ModelNotFound],
        408 => vec![Timeout],
        413 => vec![ContextOverflow],
        429 if says(&["insufficient_quota", "credits"]) => vec![QuotaExhausted],
        429 => vec![RateLimited],
        503 | 529 => vec![Overloaded],
        500.. => vec![ServerError, Overloaded],
        _ => FailureClass::all().collect(),
    }
}

/// A recorded answer that is none: what it says must be why.
fn check_no_answer(recording: &Recording, failure: &Failure) {
    let expected = expect(recording.row, &recording.body);
    let class = match expected.finish {
        FinishReason::ContentFilter => FailureClass::ContentRefused,
        _ => FailureClass::Empty,
    };
    assert_eq!((failure.class, expected.text.trim()), (class, ""), "{}: {failure:?}", recording.name);
}

fn check_answer(recording: &Recording, answer: &Answer) {
    let expected = expect(recording.row, &recording.body);
    let name = &recording.name;
    assert_eq!(answer.text, expected.text, "{name}");
    assert_eq!(answer.finish, expected.finish, "{name}");
    assert_eq!(answer.usage, expected.usage, "{name}");
    assert_eq!(answer.reported_cost, expected.cost, "{name}");
    assert_eq!(answer.model, expected.model, "{name}");
    assert_eq!(answer.tool_calls, expected.finish == FinishReason::ToolCalls, "{name}");
}
