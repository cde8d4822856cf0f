//! The sandbox from the outside: over HTTP, one dialect after the other.

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::*;
use crate::providers::{HeaderValue, HttpRequest};
use crate::transport::{Client, Limits, Network, Response};
use crate::types::{Failure, FailureClass, NanoUsd, Secret, Usage};

const PATIENT: Limits = Limits { first_byte_ms: 20_000, idle_ms: 20_000 };
/// For what never comes.
const SHORT: Limits = Limits { first_byte_ms: 300, idle_ms: 100 };
const NAMES: [&str; 4] = ["openai", "anthropic", "gemini", "cohere"];
const PROMPT: &str = "Name three rivers of Europe, and say where they end.";
/// Words of the prompt and of the system prompt.
const PROMPT_TOKENS: u64 = 10 + 2;

fn sandbox(script: &str) -> Sandbox {
    let script = Script::parse(script, &NAMES).unwrap();
    Sandbox::start(SandboxOptions { script, speed: 0.0, ..SandboxOptions::default() }).unwrap()
}

/// A request as the vendor's own SDK sends it.
fn request(sandbox: &Sandbox, name: &str, max_tokens: Option<u64>, stream: bool) -> HttpRequest {
    let base = sandbox.base_url(name).unwrap();
    let key = |header, prefix| (header, HeaderValue::Secret(prefix, Secret::new("test-key")));
    let messages = json!([{ "role": "user", "content": PROMPT }]);
    let with_system = json!([{ "role": "system", "content": "be brief" }, messages[0]]);
    let (path, headers, mut body, cap) = match name {
        "openai" => (
            "/chat/completions".to_owned(),
            vec![key("authorization", "Bearer ")],
            json!({ "model": "gpt-6-luna", "messages": with_system, "stream": stream }),
            "/max_completion_tokens",
        ),
        "anthropic" => (
            "/v1/messages".to_owned(),
            vec![key("x-api-key", ""), ("anthropic-version", HeaderValue::Plain("2023-06-01".into()))],
            json!({ "model": "m", "system": "be brief", "messages": messages, "stream": stream, "max_tokens": 8192 }),
            "/max_tokens",
        ),
        "gemini" => {
            let verb = if stream { "streamGenerateContent?alt=sse" } else { "generateContent" };
            let body = json!({
                "contents": [{ "role": "user", "parts": [{ "text": PROMPT }] }],
                "systemInstruction": { "parts": [{ "text": "be brief" }] },
                "generationConfig": { "maxOutputTokens": 8192 },
            });
            (
                format!("/v1beta/models/m:{verb}"),
                vec![key("x-goog-api-key", "")],
                body,
                "/generationConfig/maxOutputTokens",
            )
        }
        _ => (
            "/v2/chat".to_owned(),
            vec![key("authorization", "Bearer ")],
            json!({ "model": "m", "messages": with_system, "stream": stream, "max_tokens": 8192 }),
            "/max_tokens",
        ),
    };
    if name == "openai" {
        body["max_completion_tokens"] = json!(8192);
        if stream {
            body["stream_options"] = json!({ "include_usage": true });
        }
    }
    if let Some(tokens) = max_tokens {
        *body.pointer_mut(cap).unwrap() = json!(tokens);
    }
    HttpRequest { url: base + &path, headers, body: body.to_string().into_bytes(), stream }
}

async fn send(request: &HttpRequest, limits: &Limits) -> Result<Response, Failure> {
    Client::new(&Network::default()).unwrap().send(request, limits).await
}

async fn body(request: &HttpRequest, limits: &Limits) -> Result<(u16, String), Failure> {
    let answer = send(request, limits).await?;
    Ok((answer.status, String::from_utf8(answer.body(1 << 20).await?).unwrap()))
}

/// What a client makes of an answer: its text, its usage, why it ended.
#[derive(Debug, Default, PartialEq)]
struct Seen {
    text: String,
    thought: String,
    usage: Option<Usage>,
    finish: String,
    /// Whether the end marker came.
    ended: bool,
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn count(value: &Value) -> u64 {
    value.as_u64().unwrap_or(0)
}

fn usage(input: u64, output: u64, reasoning: u64) -> Usage {
    Usage { input_tokens: input, output_tokens: output, reasoning_tokens: reasoning, ..Usage::default() }
}

/// Takes one JSON object of an answer in: the whole of it, or an event of a stream.
fn take(name: &str, data: &Value, seen: &mut Seen) {
    match name {
        "openai" => {
            let choice = &data["choices"][0];
            let message = if choice["delta"].is_null() { &choice["message"] } else { &choice["delta"] };
            seen.text += &text(&message["content"]);
            seen.thought += &text(&message["reasoning_content"]);
            seen.finish += &text(&choice["finish_reason"]);
            if let Some(told) = data["usage"].as_object() {
                let thought = count(&told["completion_tokens_details"]["reasoning_tokens"]);
                let written = count(&told["completion_tokens"]);
                seen.usage = Some(usage(count(&told["prompt_tokens"]), written - thought, thought));
            }
        }
        "anthropic" => {
            for block in data["content"].as_array().unwrap_or(&vec![]) {
                seen.text += &text(&block["text"]);
                seen.thought += &text(&block["thinking"]);
            }
            seen.text += &text(&data["delta"]["text"]);
            seen.thought += &text(&data["delta"]["thinking"]);
            seen.finish += &(text(&data["stop_reason"]) + &text(&data["delta"]["stop_reason"]));
            for told in [&data["message"]["usage"], &data["usage"]] {
                if told.is_object() {
                    let thought = count(&told["output_tokens_details"]["thinking_tokens"]);
                    let written = count(&told["output_tokens"]);
                    seen.usage = Some(usage(count(&told["input_tokens"]), written - thought, thought));
                }
            }
            seen.ended |= data["type"] == "message_stop";
        }
        "gemini" => {
            for part in data["candidates"][0]["content"]["parts"].as_array().unwrap_or(&vec![]) {
                let into = if part["thought"] == true { &mut seen.thought } else { &mut seen.text };
                *into += &text(&part["text"]);
            }
            seen.finish += &text(&data["candidates"][0]["finishReason"]);
            if let Some(told) = data["usageMetadata"].as_object() {
                let counts = ["promptTokenCount", "candidatesTokenCount", "thoughtsTokenCount"];
                let [read, written, thought] = counts.map(|name| told.get(name).map_or(0, count));
                assert_eq!(count(&told["totalTokenCount"]), read + written + thought);
                seen.usage = Some(usage(read, written, thought));
            }
            seen.ended = !seen.finish.is_empty();
        }
        _ => {
            for content in data["message"]["content"].as_array().unwrap_or(&vec![]) {
                seen.text += &text(&content["text"]);
                seen.thought += &text(&content["thinking"]);
            }
            if data["type"] == "content-delta" {
                seen.text += &text(&data["delta"]["message"]["content"]["text"]);
                seen.thought += &text(&data["delta"]["message"]["content"]["thinking"]);
            }
            seen.finish += &(text(&data["finish_reason"]) + &text(&data["delta"]["finish_reason"]));
            for told in [&data["usage"], &data["delta"]["usage"]] {
                if let Some(units) = told["billed_units"].as_object() {
                    let thought = count(&told["tokens"]["reasoning_tokens"]);
                    seen.usage =
                        Some(usage(count(&units["input_tokens"]), count(&units["output_tokens"]) - thought, thought));
                }
            }
        }
    }
}

/// Reads a stream event by event, as strictly as SSE is.
fn read_stream(name: &str, stream: &str) -> Seen {
    let mut seen = Seen::default();
    assert_eq!(stream.contains("\r\n"), name == "gemini");
    for event in stream.replace("\r\n", "\n").split_terminator("\n\n") {
        let (head, data) = event.split_once("data: ").unwrap_or_else(|| panic!("{event:?}"));
        if data == "[DONE]" {
            seen.ended = true;
            continue;
        }
        let data: Value = serde_json::from_str(data).unwrap_or_else(|e| panic!("{e}: {data}"));
        if ["anthropic", "cohere"].contains(&name) {
            assert_eq!(head, format!("event: {}\n", text(&data["type"])));
        } else {
            assert_eq!(head, "");
        }
        take(name, &data, &mut seen);
    }
    seen
}

async fn ask(sandbox: &Sandbox, name: &str, max_tokens: Option<u64>, stream: bool) -> Seen {
    let request = request(sandbox, name, max_tokens, stream);
    let (status, body) = body(&request, &PATIENT).await.unwrap();
    assert_eq!(status, 200, "{name}: {body}");
    if stream {
        return read_stream(name, &body);
    }
    let mut seen = Seen { ended: true, ..Seen::default() };
    take(name, &serde_json::from_str(&body).unwrap(), &mut seen);
    Seen { ended: true, ..seen }
}

fn finishes(name: &str) -> (&'static str, &'static str) {
    match name {
        "openai" => ("stop", "length"),
        "anthropic" => ("end_turn", "max_tokens"),
        "gemini" => ("STOP", "MAX_TOKENS"),
        _ => ("COMPLETE", "MAX_TOKENS"),
    }
}

#[tokio::test]
async fn every_dialect_answers_whole_and_streamed_with_the_same_words_and_counts() {
    let sandbox = sandbox("");
    for name in NAMES {
        let whole = ask(&sandbox, name, None, false).await;
        let streamed = ask(&sandbox, name, None, true).await;
        assert_eq!(whole, streamed, "{name}");
        assert!(whole.ended && whole.thought.is_empty(), "{name}: {whole:?}");
        assert!(whole.text.contains("no model was asked") && whole.text.contains("three rivers"), "{}", whole.text);
        let told = whole.usage.unwrap();
        assert_eq!(told.input_tokens, PROMPT_TOKENS, "{name}");
        assert!((60..=160).contains(&told.output_tokens), "{name}: {told:?}");
        assert_eq!(told.output_tokens, whole.text.split_whitespace().count() as u64, "{name}");
        assert_eq!(whole.finish, finishes(name).0);
        let bill = sandbox.bill();
        let billed: Vec<_> = bill.requests.iter().filter(|r| r.provider == name).map(|r| r.usage).collect();
        assert_eq!(billed, [told, told], "{name}");
    }
}

#[tokio::test]
async fn the_bill_is_the_sum_of_what_was_told() {
    let sandbox = sandbox("openai=500x1,gemini=think,cohere=429");
    let mut expected = NanoUsd::ZERO;
    for (name, max_tokens, stream) in [
        ("openai", 7, true),
        ("openai", 9, false),
        ("anthropic", 30, true),
        ("gemini", 60, true),
        ("gemini", 40, false),
    ] {
        let request = request(&sandbox, name, Some(max_tokens), stream);
        let (status, _) = body(&request, &PATIENT).await.unwrap();
        if status == 200 {
            let provider = sandbox.providers().iter().find(|p| p.name == name).unwrap();
            let usage = sandbox.bill().requests.last().unwrap().usage;
            assert_eq!(usage.completion_tokens(), max_tokens);
            expected += provider.pricing.cost(&usage, Timestamp(0));
        }
    }
    let _ = body(&request(&sandbox, "cohere", None, true), &PATIENT).await.unwrap();
    let bill = sandbox.bill();
    assert_eq!(bill.cost_usd, expected);
    assert!(expected > NanoUsd::ZERO);
    let counts: Vec<_> = bill.providers.iter().map(|p| (&*p.provider, p.requests, p.billed_requests)).collect();
    assert_eq!(counts, [("openai", 2, 1), ("anthropic", 1, 1), ("gemini", 2, 2), ("cohere", 1, 0)]);
    // 12 prompt tokens and 9 written ones: 12 × 100,000 + 9 × 500,000 pico-dollars.
    assert_eq!(bill.provider("openai").unwrap().cost_usd, NanoUsd(5_700));
}

#[tokio::test]
async fn an_output_cap_is_met_to_the_token() {
    let sandbox = sandbox("");
    for name in NAMES {
        for (cap, stream) in [(1, true), (1, false), (13, true), (13, false), (50, true)] {
            let seen = ask(&sandbox, name, Some(cap), stream).await;
            assert_eq!(seen.usage.unwrap().output_tokens, cap, "{name}");
            assert_eq!(seen.text.split_whitespace().count() as u64, cap, "{name}");
            assert_eq!(seen.finish, finishes(name).1, "{name}");
        }
    }
}

#[tokio::test]
async fn thinking_is_counted_the_vendor_s_way_and_is_no_text() {
    let sandbox = sandbox("openai=think,anthropic=think,gemini=think,cohere=think");
    for name in NAMES {
        let whole = ask(&sandbox, name, None, false).await;
        let streamed = ask(&sandbox, name, None, true).await;
        assert_eq!(whole, streamed, "{name}");
        let told = whole.usage.unwrap();
        assert_eq!(told.reasoning_tokens, whole.thought.split_whitespace().count() as u64, "{name}");
        assert!(told.reasoning_tokens > 0);
        assert_eq!(told.output_tokens, whole.text.split_whitespace().count() as u64, "{name}");
        assert_eq!(sandbox.bill().requests.last().unwrap().usage, told, "{name}");
        let cut_short = ask(&sandbox, name, Some(5), true).await;
        assert_eq!((cut_short.text.as_str(), cut_short.finish.as_str()), ("", finishes(name).1), "{name}");
    }
}

/// What a client must meet: an error status, or how reading fails, or an answer that lacks something.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Meets {
    Status(u16),
    Fails(FailureClass),
    /// An error object in a 200.
    ErrorInside,
    /// JSON that ends in the middle.
    Broken,
    NoText,
    NoUsage,
    NoEnd,
    Fine,
}

/// Statuses in the order of [`NAMES`].
#[rustfmt::skip]
const STATUSES: [(&str, [u16; 4]); 11] = [
    ("429",      [429, 429, 429, 429]),
    ("429-bare", [429, 429, 429, 429]),
    ("400",      [400, 400, 400, 400]),
    ("401",      [401, 401, 400, 401]),
    ("402",      [429, 400, 402, 402]),
    ("403",      [403, 403, 403, 403]),
    ("404",      [404, 404, 404, 404]),
    ("500",      [500, 500, 500, 500]),
    ("503",      [503, 503, 503, 503]),
    ("529",      [529, 529, 529, 529]),
    ("overflow", [400, 400, 400, 400]),
];

/// Streamed, whole, and what is billed: nothing, the input, part of the output, all of it; streamed and whole.
#[rustfmt::skip]
const FAILURES: [(&str, Meets, Meets, [&str; 2]); 11] = [
    ("hang",         Meets::Fails(FailureClass::Timeout), Meets::Fails(FailureClass::Timeout), ["none", "none"]),
    ("stall",        Meets::Fails(FailureClass::Timeout), Meets::Fails(FailureClass::Timeout), ["part", "all"]),
    ("cut",          Meets::Fails(FailureClass::Cut),     Meets::Fails(FailureClass::Cut),     ["part", "all"]),
    ("malformed",    Meets::Broken,                       Meets::Broken,                       ["part", "all"]),
    ("error-in-200", Meets::ErrorInside,                  Meets::ErrorInside,                  ["none", "none"]),
    ("empty",        Meets::NoText,                       Meets::NoText,                       ["input", "input"]),
    ("refuse",       Meets::NoText,                       Meets::NoText,                       ["input", "input"]),
    ("no-usage",     Meets::NoUsage,                      Meets::NoUsage,                      ["all", "all"]),
    ("no-end",       Meets::NoEnd,                        Meets::Fine,                         ["all", "all"]),
    ("slow:0.01",    Meets::Fine,                         Meets::Fine,                         ["all", "all"]),
    ("ok",           Meets::Fine,                         Meets::Fine,                         ["all", "all"]),
];

/// Judges an answer as a client would.
async fn meet(sandbox: &Sandbox, name: &str, stream: bool, limits: &Limits) -> Meets {
    let (status, body) = match body(&request(sandbox, name, None, stream), limits).await {
        Ok(answer) => answer,
        Err(failure) => return Meets::Fails(failure.class),
    };
    if status != 200 {
        return Meets::Status(status);
    }
    let objects: Vec<_> = body.replace("\r\n", "\n").split("\n\n").map(str::to_owned).collect();
    let data = |event: &str| event.split_once("data: ").map_or(event.to_owned(), |(_, data)| data.to_owned());
    let parsed: Vec<_> = objects.iter().map(|e| data(e)).filter(|d| !d.is_empty() && d != "[DONE]").collect();
    let parsed: Vec<_> = parsed.iter().map(|d| serde_json::from_str::<Value>(d)).collect();
    if parsed.iter().any(Result::is_err) {
        return Meets::Broken;
    }
    let mut seen = Seen { ended: !stream || body.contains("[DONE]"), ..Seen::default() };
    for value in parsed.iter().flatten() {
        if !value["error"].is_null() || !value["delta"]["error"].is_null() {
            return Meets::ErrorInside;
        }
        take(name, value, &mut seen);
    }
    match seen {
        _ if stream && !seen.ended => Meets::NoEnd,
        _ if seen.text.is_empty() => Meets::NoText,
        _ if seen.usage.is_none() => Meets::NoUsage,
        _ => Meets::Fine,
    }
}

#[tokio::test]
async fn refusals_have_each_vendor_s_status_and_cost_nothing() {
    for (fault, statuses) in STATUSES {
        for (name, status) in NAMES.into_iter().zip(statuses) {
            let sandbox = sandbox(&format!("{name}={fault}x2"));
            for stream in [true, false] {
                assert_eq!(meet(&sandbox, name, stream, &PATIENT).await, Meets::Status(status), "{name} {fault}");
            }
            assert_eq!(sandbox.bill().requests, []);
            assert_eq!(meet(&sandbox, name, true, &PATIENT).await, Meets::Fine, "{name} {fault}: the third answers");
        }
    }
}

/// Output tokens of the usual answer to the prompt.
fn usual_output(sandbox: &Sandbox, name: &str) -> u64 {
    let provider = sandbox.providers().iter().find(|provider| provider.name == name).unwrap();
    let model = if name == "openai" { "gpt-6-luna" } else { "m" };
    let prompt = wire::Prompt { model: model.into(), last: PROMPT.into(), ..wire::Prompt::default() };
    play::reply(provider, &prompt, script::Fault::Ok, 0, 0, 0).usage.output_tokens
}

async fn look(name: &str, fault: &str, stream: bool, meets: Meets, billed: &str) {
    let what = format!("{name} {fault} {stream}");
    let (meets, billed) = match (name, fault) {
        ("cohere", "refuse") => (Meets::Status(498), "none"),
        _ => (meets, billed),
    };
    let sandbox = sandbox(&format!("{name}={fault}"));
    let limits = if meets == Meets::Fails(FailureClass::Timeout) { SHORT } else { PATIENT };
    assert_eq!(meet(&sandbox, name, stream, &limits).await, meets, "{what}");
    let usual = usual_output(&sandbox, name);
    let bill = sandbox.bill();
    assert!(bill.requests.iter().all(|request| request.usage.input_tokens == PROMPT_TOKENS), "{what}");
    match (billed, bill.requests.first().map(|request| request.usage.output_tokens)) {
        ("none", None) | ("input", Some(0)) => {}
        ("part", Some(part)) if 0 < part && part < usual => {}
        ("all", Some(all)) if all == usual => {}
        other => panic!("{what}: {other:?}"),
    }
}

#[tokio::test]
async fn faults_look_as_they_should_and_are_billed_as_documented() {
    for (fault, streamed, whole, billed) in FAILURES {
        let both = NAMES.map(|name| async move {
            tokio::join!(look(name, fault, true, streamed, billed[0]), look(name, fault, false, whole, billed[1]))
        });
        futures_util::future::join_all(both).await;
    }
}

#[tokio::test]
async fn a_cut_stream_arrives_as_far_as_it_is_billed() {
    for name in NAMES {
        let sandbox = sandbox(&format!("{name}=cut"));
        let mut answer = send(&request(&sandbox, name, None, true), &PATIENT).await.unwrap();
        let mut stream = Vec::new();
        let failure = loop {
            match answer.chunk().await {
                Ok(piece) => stream.extend_from_slice(&piece.unwrap()),
                Err(failure) => break failure,
            }
        };
        assert_eq!(failure.class, FailureClass::Cut);
        let seen = read_stream(name, std::str::from_utf8(&stream).unwrap());
        let billed = sandbox.bill().requests[0].usage.output_tokens;
        assert_eq!(seen.text.split_whitespace().count() as u64, billed, "{name}");
        assert!(!seen.ended);
    }
}

#[tokio::test]
async fn a_cancelled_stream_is_billed_as_far_as_it_went() {
    let mut providers = SandboxProvider::built_in();
    for provider in &mut providers {
        (provider.first_token_ms, provider.per_token_ms) = (1, 20);
    }
    let sandbox = Sandbox::start(SandboxOptions { providers, ..SandboxOptions::default() }).unwrap();
    let mut answer = send(&request(&sandbox, "cohere", None, true), &PATIENT).await.unwrap();
    let mut stream = String::new();
    while !stream.contains("sandbox") {
        stream += std::str::from_utf8(&answer.chunk().await.unwrap().unwrap()).unwrap();
    }
    let seen = read_stream("cohere", &stream).text.split_whitespace().count() as u64;
    drop(answer);
    tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    let billed = sandbox.bill().requests[0].usage;
    assert_eq!(billed.input_tokens, PROMPT_TOKENS);
    // The one that was being made when the client left may be on the bill, and no more of them.
    assert!((seen..=seen + 1).contains(&billed.output_tokens), "{seen} {billed:?}");
}

#[tokio::test]
async fn a_429_says_when_to_come_back_the_vendor_s_way() {
    for (name, header, inside) in [
        ("openai", Some("3"), "try again in 2500ms"),
        ("anthropic", Some("3"), "rate_limit_error"),
        ("gemini", None, "\"retryDelay\":\"2.5s\""),
        ("cohere", Some("3"), "too many requests"),
    ] {
        let sandbox = sandbox(&format!("{name}=429:2.5x1,{name}=429-bare"));
        let request = request(&sandbox, name, None, true);
        let answer = send(&request, &PATIENT).await.unwrap();
        assert_eq!(answer.headers.get("retry-after"), header, "{name}");
        let body = String::from_utf8(answer.body(9999).await.unwrap()).unwrap();
        assert!(body.contains(inside), "{body}");
        let bare = send(&request, &PATIENT).await.unwrap();
        assert_eq!(bare.headers.get("retry-after"), None, "{name}");
        let body = String::from_utf8(bare.body(9999).await.unwrap()).unwrap();
        assert!(!body.contains("again in") && !body.contains("retryDelay"), "{body}");
    }
}

#[tokio::test]
async fn wrong_requests_are_refused_as_the_vendor_does() {
    let sandbox = sandbox("");
    let without = |name: &str, header: &str| {
        let mut request = request(&sandbox, name, None, false);
        request.headers.retain(|(name, _)| *name != header);
        request
    };
    let with = |name: &str, change: fn(&mut Value)| {
        let mut request = request(&sandbox, name, None, false);
        let mut body = serde_json::from_slice(&request.body).unwrap();
        change(&mut body);
        request.body = body.to_string().into_bytes();
        request
    };
    let moved = |name: &str, from: &str, to: &str| {
        let mut request = request(&sandbox, name, None, false);
        request.url = request.url.replace(from, to);
        request
    };
    let garbled = |name: &str| HttpRequest { body: b"{".to_vec(), ..request(&sandbox, name, None, false) };
    let cases = [
        (without("openai", "authorization"), 401, "invalid_request_error"),
        (without("anthropic", "x-api-key"), 401, "authentication_error"),
        (without("anthropic", "anthropic-version"), 400, "anthropic-version"),
        (without("gemini", "x-goog-api-key"), 403, "PERMISSION_DENIED"),
        (without("cohere", "authorization"), 401, "api key"),
        (garbled("openai"), 400, "invalid_request_error"),
        (garbled("anthropic"), 400, "invalid_request_error"),
        (garbled("gemini"), 400, "INVALID_ARGUMENT"),
        (garbled("cohere"), 400, "not JSON"),
        (with("openai", |b| b["max_tokens"] = json!(5)), 400, "unsupported_parameter"),
        (with("openai", |b| b["messages"] = json!([])), 400, "messages"),
        (with("openai", |b| b["temperature"] = json!(2.5)), 400, "temperature"),
        (with("openai", |b| b["stream_options"] = json!({})), 400, "stream_options"),
        (with("anthropic", |b| b["max_tokens"] = Value::Null), 400, "max_tokens"),
        (with("anthropic", |b| b["max_tokens"] = json!(0)), 400, "above 0"),
        (with("anthropic", |b| b["temperature"] = json!(1.5)), 400, "temperature"),
        (with("anthropic", |b| b["messages"][0]["role"] = json!("system")), 400, "role"),
        (with("anthropic", |b| b["messages"][0]["content"] = json!("")), 400, "empty"),
        (with("gemini", |b| b["max_tokens"] = json!(5)), 400, "Unknown name"),
        (with("gemini", |b| b["contents"] = Value::Null), 400, "contents"),
        (with("cohere", |b| b["model"] = Value::Null), 400, "model"),
        (moved("openai", "chat/completions", "chat"), 404, "Invalid URL"),
        (moved("anthropic", "/v1/", "/v2/"), 404, "not_found_error"),
        (moved("gemini", "generateContent", "countTokens"), 404, "NOT_FOUND"),
        (moved("cohere", "/v2/", "/v1/"), 404, "not found"),
        (moved("cohere", "/cohere/", "/nobody/"), 404, "no provider `nobody`"),
    ];
    for (request, status, words) in cases {
        let (got, text) = body(&request, &PATIENT).await.unwrap();
        assert_eq!(got, status, "{words}: {text}");
        assert!(text.contains(words), "{words}: {text}");
        assert!(serde_json::from_str::<Value>(&text).unwrap().is_object());
    }
    assert_eq!(sandbox.bill().requests, []);
}

#[tokio::test]
async fn usage_of_an_openai_stream_comes_only_when_asked_for() {
    let sandbox = sandbox("");
    let asked = request(&sandbox, "openai", Some(4), true);
    let (_, with) = body(&asked, &PATIENT).await.unwrap();
    assert_eq!(with.matches("\"usage\":null").count(), 6, "{with}");
    assert_eq!(with.matches("\"choices\":[],\"usage\":{").count(), 1, "{with}");
    let mut plain: Value = serde_json::from_slice(&asked.body).unwrap();
    plain.as_object_mut().unwrap().remove("stream_options");
    let (_, without) =
        body(&HttpRequest { body: plain.to_string().into_bytes(), ..asked.clone() }, &PATIENT).await.unwrap();
    assert!(!without.contains("usage"), "{without}");
}

#[tokio::test]
async fn requests_are_remembered_as_they_came_and_not_for_ever() {
    let options = SandboxOptions { speed: 0.0, keep_requests: 2, ..SandboxOptions::default() };
    let sandbox = Sandbox::start(options).unwrap();
    for name in ["openai", "gemini", "anthropic"] {
        ask(&sandbox, name, None, true).await;
    }
    let requests = sandbox.requests();
    assert_eq!(requests.iter().map(|r| r.provider.as_str()).collect::<Vec<_>>(), ["gemini", "anthropic"]);
    let gemini = &requests[0];
    assert_eq!((gemini.method.as_str(), gemini.query.as_str()), ("POST", "alt=sse"));
    assert_eq!(gemini.path, "/gemini/v1beta/models/m:streamGenerateContent");
    assert_eq!(gemini.header("x-goog-api-key"), Some("test-key"));
    assert_eq!(gemini.body["generationConfig"]["maxOutputTokens"], 8192);
    let numbers = |requests: &[Received]| requests.iter().map(|r| (r.number, r.fault)).collect::<Vec<_>>();
    assert_eq!(numbers(&requests), [(2, "ok"), (3, "ok")], "as on the bill");
    assert_eq!(sandbox.take_requests(), requests);
    assert_eq!(sandbox.requests(), [], "they are forgotten");
    assert_eq!(sandbox.bill().requests.len(), 3, "what they cost is not");
}

#[tokio::test]
async fn a_provider_of_one_s_own_may_need_no_key() {
    let free = Pricing::plain(Rates::FREE, CostSource::Config);
    let lab = SandboxProvider { needs_key: false, ..SandboxProvider::new("lab", DialectKind::Openai, "small", free) };
    let options = SandboxOptions { providers: vec![lab], speed: 0.0, ..SandboxOptions::default() };
    let sandbox = Sandbox::start(options).unwrap();
    let url = sandbox.base_url("lab").unwrap();
    assert_eq!(url, format!("http://{}/lab/v1", sandbox.addr()));
    assert_eq!(sandbox.base_url("openai"), None);
    let asked = json!({ "model": "small", "messages": [{ "role": "user", "content": "hi" }], "max_tokens": 3 });
    let request = HttpRequest {
        url: url + "/chat/completions",
        headers: vec![],
        body: asked.to_string().into_bytes(),
        stream: false,
    };
    assert_eq!(body(&request, &PATIENT).await.unwrap().0, 200);
    assert_eq!(sandbox.bill().cost_usd, NanoUsd::ZERO);
    assert_eq!(sandbox.bill().requests[0].usage, usage(1, 3, 0));
}

#[tokio::test]
async fn many_clients_are_served_at_once() {
    let sandbox = sandbox("");
    let requests: Vec<_> = (0..80).map(|n| request(&sandbox, NAMES[n % 4], Some(5), n % 3 == 0)).collect();
    let client = Client::new(&Network::default()).unwrap();
    let answers = requests.iter().map(|request| async {
        let answer = client.send(request, &PATIENT).await.unwrap();
        (answer.status, answer.body(1 << 20).await.unwrap().is_empty())
    });
    let answers = futures_util::future::join_all(answers).await;
    assert!(answers.iter().all(|answer| *answer == (200, false)));
    let bill = sandbox.bill();
    assert_eq!(bill.providers.iter().map(|p| p.billed_requests).collect::<Vec<_>>(), [20; 4]);
    assert_eq!(bill.requests.iter().map(|r| r.usage.output_tokens).sum::<u64>(), 400);
}

async fn get(addr: SocketAddr, path: &str) -> String {
    let mut stream = tokio::net::TcpStream::connect(addr).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).await.unwrap();
    text
}

#[tokio::test]
async fn the_bill_is_served_as_json() {
    let sandbox = sandbox("");
    ask(&sandbox, "openai", Some(9), false).await;
    let answer = get(sandbox.addr(), "/bill").await;
    let bill: Value = serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap();
    assert_eq!(bill["cost_usd"], json!(0.000_005_7));
    assert_eq!(bill["providers"][0]["usage"]["output_tokens"], 9);
    assert_eq!(bill["requests"][0]["model"], "gpt-6-luna");
    assert!(get(sandbox.addr(), "/health").await.starts_with("HTTP/1.1 200 OK\r\n"));
    assert!(get(sandbox.addr(), "/openai/v1/chat/completions").await.starts_with("HTTP/1.1 404"));
}

#[test]
fn it_runs_on_a_thread_of_its_own_until_it_is_dropped() {
    use std::io::{Read as _, Write as _};
    assert!(Sandbox::start(SandboxOptions::default()).is_err(), "there is no runtime here");
    let sandbox = Sandbox::start_on_thread(SandboxOptions::default()).unwrap();
    let addr = sandbox.addr();
    let mut stream = std::net::TcpStream::connect(addr).unwrap();
    stream.write_all(b"GET /health HTTP/1.1\r\nhost: x\r\n\r\n").unwrap();
    let mut first = [0; 12];
    stream.read_exact(&mut first).unwrap();
    assert_eq!(&first, b"HTTP/1.1 200");
    let taken = Sandbox::start_on_thread(SandboxOptions { port: addr.port(), ..SandboxOptions::default() });
    assert_eq!(taken.err().map(|e| e.kind()), Some(io::ErrorKind::AddrInUse));
    drop(sandbox);
    assert!(std::net::TcpStream::connect(addr).is_err());
    let mut rest = Vec::new();
    let _ = stream.read_to_end(&mut rest);
}
