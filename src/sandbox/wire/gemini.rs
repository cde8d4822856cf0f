//! Gemini generateContent.

use serde_json::{Value, json};

use super::{Event, Finish, Meta, Part, Problem, Prompt, Refusal, Reply, Route, Said, Wire};

pub(super) struct Gemini;

/// Tokens of an event: a sentence or so, as Gemini sends it.
const PIECE: usize = 12;
/// The fields that a request may have; any other one is refused.
const FIELDS: [&str; 8] = [
    "contents",
    "systemInstruction",
    "system_instruction",
    "generationConfig",
    "safetySettings",
    "tools",
    "toolConfig",
    "cachedContent",
];

impl Wire for Gemini {
    fn route(&self, path: &str) -> Option<Route> {
        let (model, verb) = path.strip_prefix("/v1beta/models/")?.rsplit_once(':')?;
        let stream = match verb {
            "generateContent" => false,
            "streamGenerateContent" => true,
            _ => return None,
        };
        (!model.is_empty()).then(|| Route { model: Some(model.to_owned()), stream })
    }

    fn key<'a>(&self, meta: &Meta<'a>) -> Option<&'a str> {
        meta.header("x-goog-api-key").or_else(|| meta.query.split('&').find_map(|p| p.strip_prefix("key=")))
    }

    fn read(&self, route: Route, meta: &Meta<'_>, body: &Value) -> Result<Prompt, Problem> {
        if route.stream && !meta.query.split('&').any(|pair| pair == "alt=sse") {
            return Err(Problem::Invalid("the sandbox streams with alt=sse only", None));
        }
        let fields = body.as_object().ok_or(Problem::Invalid("Invalid JSON payload received.", None))?;
        if fields.keys().any(|name| !FIELDS.contains(&name.as_str())) {
            return Err(Problem::Invalid("Invalid JSON payload received. Unknown name.", None));
        }
        let config = &body["generationConfig"];
        super::temperature(&config["temperature"], 2.0)?;
        let Said { all: conversation, last, pictures } = contents(&body["contents"])?;
        let json = config["responseMimeType"] == "application/json";
        let schema = &config["responseJsonSchema"];
        if !schema.is_null() && !json {
            return Err(Problem::Invalid(
                "responseJsonSchema is only taken with responseMimeType application/json",
                None,
            ));
        }
        let system = parts(&body["systemInstruction"]).unwrap_or_default();
        Ok(Prompt {
            model: route.model.unwrap_or_default(),
            text: format!("{system}\n{conversation}"),
            last,
            pictures,
            max_tokens: super::limit(config, "maxOutputTokens")?,
            stream: route.stream,
            include_usage: true,
            format: json.then(|| if schema.is_null() { json!(true) } else { schema.clone() }),
        })
    }

    fn lists(&self, path: &str) -> bool {
        path == "/v1beta/models"
    }

    fn models(&self, ids: &[&str]) -> Value {
        let methods = ["generateContent", "countTokens"];
        let row = |id: &&str| json!({ "name": format!("models/{id}"), "supportedGenerationMethods": methods });
        json!({ "models": ids.iter().map(row).collect::<Vec<_>>() })
    }

    fn whole(&self, reply: &Reply) -> Value {
        let mut parts = Vec::new();
        if !reply.thought.is_empty() {
            parts.push(json!({ "text": reply.thought, "thought": true }));
        }
        if !reply.text.is_empty() {
            parts.push(json!({ "text": reply.text }));
        }
        let content = if parts.is_empty() { json!({}) } else { json!({ "parts": parts, "role": "model" }) };
        body(reply, &content, true, reply.usage.reasoning_tokens, reply.usage.output_tokens)
    }

    /// Each event is a whole answer object with the counts so far; only the last one has a finish reason.
    fn events(&self, reply: &Reply) -> Vec<Event> {
        let (mut thought, mut text) = (0, 0);
        let mut events = Vec::new();
        let pieces = |whole, is_thought| super::pieces(whole, PIECE).into_iter().map(move |p| (p, is_thought));
        for ((piece, tokens), is_thought) in pieces(&reply.thought, true).chain(pieces(&reply.text, false)) {
            let (new_thought, new_text) = if is_thought { (tokens, 0) } else { (0, tokens) };
            (thought, text) = (thought + new_thought, text + new_text);
            let part = if is_thought { json!({ "text": piece, "thought": true }) } else { json!({ "text": piece }) };
            let content = json!({ "parts": [part], "role": "model" });
            let wire = sse(&body(reply, &content, false, thought, text));
            events.push(Event { part: Part::Text, wire, thought: new_thought, text: new_text });
        }
        let content = if events.is_empty() { json!({}) } else { json!({ "parts": [{ "text": "" }], "role": "model" }) };
        events.push(Event::new(Part::End, sse(&body(reply, &content, true, thought, text))));
        events
    }

    fn refusal(&self, problem: &Problem, model: &str) -> Refusal {
        let (status, name, message) = row(problem, model);
        let mut error = json!({ "code": status, "message": message, "status": name });
        let details = details(problem);
        if !details.is_null() {
            error["details"] = json!([details]);
        }
        Refusal::new(status, super::error_object(error))
    }

    fn error_event(&self) -> String {
        sse(&self.refusal(&Problem::Unavailable, "").body)
    }
}

/// Status, its name and message of each problem.
fn row(problem: &Problem, model: &str) -> (u16, &'static str, String) {
    const ARGUMENT: &str = "INVALID_ARGUMENT";
    let text = |message: &str| message.to_owned();
    match problem {
        Problem::MissingKey => (403, "PERMISSION_DENIED", text("The request has no identity. Please send an API key.")),
        Problem::BadKey => (400, ARGUMENT, text("API key not valid. Please pass a valid API key.")),
        Problem::NoCredit => (402, "RESOURCE_EXHAUSTED", text("The prepaid credit is used up.")),
        Problem::Forbidden => (403, "PERMISSION_DENIED", text("This project may not use this model.")),
        Problem::UnknownPath => (404, "NOT_FOUND", text("The requested URL was not found on this server.")),
        Problem::UnknownModel => (404, "NOT_FOUND", format!("models/{model} is not found for API version v1beta.")),
        Problem::Invalid(why, _) => (400, ARGUMENT, text(why)),
        Problem::Unsupported(field, instead) => (400, ARGUMENT, format!("{field}: use {instead}")),
        Problem::RateLimited { retry_after_ms } => {
            let wait = retry_after_ms.map_or_else(String::new, |ms| format!(" Please retry in {}.", seconds(ms)));
            (429, "RESOURCE_EXHAUSTED", format!("The quota of requests a minute is exceeded.{wait}"))
        }
        Problem::ServerError => (500, "INTERNAL", text("An internal error has occurred.")),
        Problem::Unavailable => (503, "UNAVAILABLE", text("The model is overloaded. Please try again later.")),
        Problem::Overloaded => (529, "UNAVAILABLE", text("The model is overloaded.")),
        Problem::Overflow => (
            400,
            ARGUMENT,
            format!(
                "The input token count ({}) exceeds the maximum number of tokens allowed ({}).",
                super::WINDOW + 1,
                super::WINDOW
            ),
        ),
        Problem::Blocked => (400, ARGUMENT, text("The prompt was blocked.")),
    }
}

/// The wait of a 429 is in the details and never in a header.
fn details(problem: &Problem) -> Value {
    match problem {
        Problem::BadKey => json!({
            "@type": "type.googleapis.com/google.rpc.ErrorInfo",
            "reason": "API_KEY_INVALID",
            "domain": "googleapis.com",
        }),
        Problem::RateLimited { retry_after_ms: Some(ms) } => {
            json!({ "@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": seconds(*ms) })
        }
        _ => Value::Null,
    }
}

/// A duration as protobuf writes it in JSON: `1s`, `0.25s`.
fn seconds(ms: u64) -> String {
    let text = format!("{}.{:03}", ms / 1000, ms % 1000);
    format!("{}s", text.trim_end_matches('0').trim_end_matches('.'))
}

fn finish(finish: Finish) -> &'static str {
    match finish {
        Finish::Stop => "STOP",
        Finish::Length => "MAX_TOKENS",
        Finish::Blocked => "SAFETY",
    }
}

/// SSE with CRLF, as Gemini sends it.
fn sse(data: &Value) -> String {
    format!("data: {data}\r\n\r\n")
}

fn body(reply: &Reply, content: &Value, last: bool, thought: u64, text: u64) -> Value {
    let mut candidate = json!({ "content": content });
    if last {
        candidate["finishReason"] = json!(finish(reply.finish));
    }
    candidate["index"] = json!(0);
    let mut body = json!({ "candidates": [candidate] });
    if reply.tell_usage {
        body["usageMetadata"] = usage(reply.usage.prompt_tokens(), thought, text);
    }
    body["modelVersion"] = json!(reply.model);
    body["responseId"] = json!(format!("sandbox{}", reply.number));
    body
}

/// Thinking is counted beside the text; a count of 0 is left out.
fn usage(read: u64, thought: u64, text: u64) -> Value {
    let mut usage = json!({ "promptTokenCount": read });
    if text > 0 {
        usage["candidatesTokenCount"] = json!(text);
    }
    usage["totalTokenCount"] = json!(read + thought + text);
    if thought > 0 {
        usage["thoughtsTokenCount"] = json!(thought);
    }
    usage
}

fn parts(content: &Value) -> Option<String> {
    super::content(&content["parts"])
}

/// The picture of a part, if it is one.
fn inline(part: &Value) -> Result<Option<(u32, u32)>, Problem> {
    if part["text"].is_string() {
        return Ok(None);
    }
    let data = &part["inlineData"];
    let (Some(media_type), Some(data)) = (data["mimeType"].as_str(), data["data"].as_str()) else {
        return Err(Problem::Invalid("contents: a part must have one initialized field", Some("contents")));
    };
    match media_type {
        "image/png" | "image/jpeg" | "image/webp" => super::picture(media_type, data).map(Some),
        _ => Err(Problem::Invalid("Unsupported MIME type.", Some("contents"))),
    }
}

/// All of the conversation, what the user said last, and its pictures.
fn contents(list: &Value) -> Result<Said, Problem> {
    const FIELD: Option<&str> = Some("contents");
    let list = list.as_array().filter(|list| !list.is_empty());
    let mut said = Said::default();
    for content in list.ok_or(Problem::Invalid("contents is not specified", FIELD))? {
        let role = content["role"].as_str().unwrap_or("user");
        if !["user", "model"].contains(&role) {
            return Err(Problem::Invalid("Please use a valid role: user, model.", FIELD));
        }
        let words = parts(content).ok_or(Problem::Invalid("contents: parts must not be empty", FIELD))?;
        said.all.push_str(&words);
        said.all.push('\n');
        for part in content["parts"].as_array().into_iter().flatten() {
            said.pictures.extend(inline(part)?);
        }
        if role == "user" {
            said.last = words;
        }
    }
    Ok(said)
}
