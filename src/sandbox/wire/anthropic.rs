//! Anthropic Messages.

use serde_json::{Value, json};

use super::{Event, Finish, Meta, Part, Problem, Prompt, Refusal, Reply, Route, Wire};

pub(super) struct Anthropic;

const ROLES: [&str; 2] = ["user", "assistant"];
/// Tokens of an event.
const PIECE: usize = 3;

impl Wire for Anthropic {
    fn route(&self, path: &str) -> Option<Route> {
        (path == "/v1/messages").then(Route::default)
    }

    fn key<'a>(&self, meta: &Meta<'a>) -> Option<&'a str> {
        meta.header("x-api-key")
    }

    fn read(&self, _: Route, meta: &Meta<'_>, body: &Value) -> Result<Prompt, Problem> {
        if meta.header("anthropic-version").is_none() {
            return Err(Problem::Invalid("anthropic-version: header is required", None));
        }
        let model = super::model(body)?;
        let max_tokens = super::limit(body, "max_tokens")?;
        if max_tokens.is_none() {
            return Err(Problem::Invalid("max_tokens: it is required", Some("max_tokens")));
        }
        super::temperature(&body["temperature"], 1.0)?;
        let look = |content: &Value| super::pictures(content, "image", source);
        let super::Said { all: conversation, last, pictures } = super::messages(&body["messages"], &ROLES, look)?;
        if last.trim().is_empty() {
            return Err(Problem::Invalid("messages: text content must not be empty", Some("messages")));
        }
        let system = super::content(&body["system"]).unwrap_or_default();
        let stream = body["stream"].as_bool().unwrap_or(false);
        let text = format!("{system}\n{conversation}");
        let format = format(&body["output_config"]["format"])?;
        Ok(Prompt { model, text, last, pictures, max_tokens, stream, include_usage: true, format })
    }

    fn models(&self, ids: &[&str]) -> Value {
        let row =
            |id: &&str| json!({ "type": "model", "id": id, "display_name": id, "created_at": "2026-01-01T00:00:00Z" });
        let rows: Vec<Value> = ids.iter().map(row).collect();
        json!({ "data": rows, "has_more": false, "first_id": ids.first(), "last_id": ids.last() })
    }

    fn whole(&self, reply: &Reply) -> Value {
        let mut blocks = Vec::new();
        if !reply.thought.is_empty() {
            blocks.push(json!({ "type": "thinking", "thinking": reply.thought, "signature": "c2FuZGJveA==" }));
        }
        if !reply.text.is_empty() {
            blocks.push(json!({ "type": "text", "text": reply.text }));
        }
        let mut body = message(reply);
        body["content"] = Value::Array(blocks);
        body["stop_reason"] = json!(stop_reason(reply.finish));
        if reply.tell_usage {
            body["usage"] = usage(reply, reply.usage.completion_tokens());
        }
        body
    }

    fn events(&self, reply: &Reply) -> Vec<Event> {
        let delta = |index: usize, kind: &str, field: &str, piece: &str| {
            named(json!({ "type": "content_block_delta", "index": index, "delta": { "type": kind, field: piece } }))
        };
        let text_index = usize::from(!reply.thought.is_empty());
        let (thoughts, texts) = super::spoken(
            reply,
            PIECE,
            |piece| delta(0, "thinking_delta", "thinking", piece),
            |piece| delta(text_index, "text_delta", "text", piece),
        );
        let mut start = json!({ "type": "message_start", "message": message(reply) });
        if reply.tell_usage {
            start["message"]["usage"] = usage(reply, 1);
        }
        let mut events = vec![Event::new(Part::Head, named(start))];
        if !thoughts.is_empty() {
            let thinking = json!({ "type": "thinking", "thinking": "", "signature": "" });
            events.extend(block(0, &thinking, thoughts));
        }
        if !texts.is_empty() {
            events.extend(block(text_index, &json!({ "type": "text", "text": "" }), texts));
        }
        events.push(Event::new(Part::Tail, named(message_delta(reply))));
        events.push(Event::new(Part::End, named(json!({ "type": "message_stop" }))));
        events
    }

    fn refusal(&self, problem: &Problem, model: &str) -> Refusal {
        let (status, kind, message) = row(problem, model);
        let body = json!({
            "type": "error",
            "error": { "type": kind, "message": message },
            "request_id": "req_sandbox",
        });
        Refusal::new(status, body).with_retry_after(problem)
    }

    fn error_event(&self) -> String {
        super::sse("error", &self.refusal(&Problem::Overloaded, "").body)
    }

    fn id_header(&self) -> Option<&'static str> {
        Some("request-id")
    }
}

/// Status, type and message of each problem.
fn row(problem: &Problem, model: &str) -> (u16, &'static str, String) {
    const REQUEST: &str = "invalid_request_error";
    let text = |message: &str| message.to_owned();
    match problem {
        Problem::MissingKey => (401, "authentication_error", text("x-api-key header is required")),
        Problem::BadKey => (401, "authentication_error", text("invalid x-api-key")),
        Problem::NoCredit => (400, REQUEST, text("Your credit balance is too low for this request.")),
        Problem::Forbidden => (403, "permission_error", text("This key may not use this resource.")),
        Problem::UnknownPath => (404, "not_found_error", text("Not Found")),
        Problem::UnknownModel => (404, "not_found_error", format!("model: {model}")),
        Problem::Invalid(why, _) => (400, REQUEST, text(why)),
        Problem::Unsupported(field, instead) => (400, REQUEST, format!("{field}: use {instead}")),
        Problem::RateLimited { .. } => {
            (429, "rate_limit_error", text("The rate limit of this organization is reached."))
        }
        Problem::ServerError => (500, "api_error", text("Internal server error")),
        Problem::Unavailable => (503, "api_error", text("The service is not available now.")),
        Problem::Overloaded => (529, "overloaded_error", text("Overloaded")),
        Problem::Overflow => {
            (400, REQUEST, format!("prompt is too long: {} tokens > {} maximum", super::WINDOW + 1, super::WINDOW))
        }
        Problem::Blocked => (400, REQUEST, text("Output blocked by content filtering policy")),
    }
}

fn stop_reason(finish: Finish) -> &'static str {
    match finish {
        Finish::Stop => "end_turn",
        Finish::Length => "max_tokens",
        Finish::Blocked => "refusal",
    }
}

/// The event is named after the type in its data.
fn named(data: Value) -> String {
    super::sse(data["type"].as_str().unwrap_or_default(), &data)
}

fn message(reply: &Reply) -> Value {
    json!({
        "model": reply.model,
        "id": format!("msg_sandbox{}", reply.number),
        "type": "message",
        "role": "assistant",
        "content": [],
        "stop_reason": null,
        "stop_sequence": null,
    })
}

/// A content block: its start (after the first of all a ping), its deltas, its stop.
fn block(index: usize, start: &Value, deltas: Vec<Event>) -> Vec<Event> {
    let mut events = vec![Event::new(
        Part::Head,
        named(json!({ "type": "content_block_start", "index": index, "content_block": start })),
    )];
    if index == 0 {
        events.push(Event::new(Part::Head, "event: ping\ndata: {\"type\": \"ping\"}\n\n".to_owned()));
    }
    events.extend(deltas);
    events.push(Event::new(Part::Tail, named(json!({ "type": "content_block_stop", "index": index }))));
    events
}

fn message_delta(reply: &Reply) -> Value {
    let delta = json!({ "stop_reason": stop_reason(reply.finish), "stop_sequence": null });
    let mut data = json!({ "type": "message_delta", "delta": delta });
    if reply.tell_usage {
        data["usage"] = usage(reply, reply.usage.completion_tokens());
    }
    data
}

/// Input is told without what the cache read or wrote; thinking is counted inside `output_tokens`.
fn usage(reply: &Reply, written: u64) -> Value {
    let mut usage = json!({
        "input_tokens": reply.usage.input_tokens,
        "cache_creation_input_tokens": reply.usage.cache_write_tokens,
        "cache_read_input_tokens": reply.usage.cached_input_tokens,
        "output_tokens": written,
    });
    if (1..=written).contains(&reply.usage.reasoning_tokens) {
        usage["output_tokens_details"] = json!({ "thinking_tokens": reply.usage.reasoning_tokens });
    }
    usage
}

/// The picture of a block.
fn source(block: &Value) -> Result<(u32, u32), Problem> {
    let source = &block["source"];
    let (Some(media_type), Some(data), "base64") =
        (source["media_type"].as_str(), source["data"].as_str(), source["type"].as_str().unwrap_or_default())
    else {
        return Err(Problem::Invalid("messages: the source of an image is not valid", Some("messages")));
    };
    super::picture(media_type, data)
}

/// The schema that is asked for: of objects that take nothing but what they list.
fn format(field: &Value) -> Result<Option<Value>, Problem> {
    const NAME: Option<&str> = Some("output_config.format");
    let schema = &field["schema"];
    match field["type"].as_str() {
        None if field.is_null() => Ok(None),
        Some("json_schema") if schema["type"] == "object" && schema["additionalProperties"] != false => {
            let why = "output_config.format.schema: for 'object' type, 'additionalProperties' must be set to false";
            Err(Problem::Invalid(why, NAME))
        }
        Some("json_schema") if schema.is_object() => Ok(Some(schema.clone())),
        _ => Err(Problem::Invalid("output_config.format: a json_schema with its schema is required", NAME)),
    }
}
