//! Cohere v2 chat.

use serde_json::{Value, json};

use super::{Event, Finish, Meta, Part, Problem, Prompt, Refusal, Reply, Route, Wire};

pub(super) struct Cohere;

const ROLES: [&str; 4] = ["system", "user", "assistant", "tool"];
/// Tokens of an event.
const PIECE: usize = 1;
/// What the model sees beside the prompt and nobody pays for, in tokens: `usage.tokens` has it, `billed_units` not.
const PREAMBLE: u64 = 495;
/// What comes with the finish reason `ERROR`.
const ERROR: &str = "No valid response generated. Try updating messages";

impl Wire for Cohere {
    fn route(&self, path: &str) -> Option<Route> {
        (path == "/v2/chat").then(Route::default)
    }

    fn key<'a>(&self, meta: &Meta<'a>) -> Option<&'a str> {
        meta.bearer()
    }

    fn read(&self, _: Route, _: &Meta<'_>, body: &Value) -> Result<Prompt, Problem> {
        let model = super::model(body)?;
        let look = |content: &Value| super::pictures(content, "image_url", super::picture_of_url);
        let super::Said { all: text, last, pictures } = super::messages(&body["messages"], &ROLES, look)?;
        let max_tokens = super::limit(body, "max_tokens")?;
        let stream = body["stream"].as_bool().unwrap_or(false);
        let (format, schema) = (&body["response_format"], &body["response_format"]["schema"]);
        let format = match format["type"].as_str() {
            None | Some("text") => None,
            Some("json_object") if schema.is_object() => Some(schema.clone()),
            Some("json_object") => Some(json!(true)),
            Some(_) => return Err(Problem::Invalid("invalid response_format type", Some("response_format"))),
        };
        Ok(Prompt { model, text, last, pictures, max_tokens, stream, include_usage: true, format })
    }

    fn lists(&self, path: &str) -> bool {
        path == "/v1/models"
    }

    fn models(&self, ids: &[&str]) -> Value {
        let row = |id: &&str| json!({ "name": id, "endpoints": ["chat"] });
        json!({ "models": ids.iter().map(row).collect::<Vec<_>>() })
    }

    fn whole(&self, reply: &Reply) -> Value {
        let mut content = Vec::new();
        if !reply.thought.is_empty() {
            content.push(json!({ "type": "thinking", "thinking": reply.thought }));
        }
        if !reply.text.is_empty() {
            content.push(json!({ "type": "text", "text": reply.text }));
        }
        let mut body = json!({
            "id": id(reply),
            "message": { "role": "assistant", "content": content },
            "finish_reason": finish(reply.finish),
        });
        if reply.tell_usage {
            body["usage"] = usage(reply);
        }
        body
    }

    fn events(&self, reply: &Reply) -> Vec<Event> {
        let delta = |index: usize, field: &str, piece: &str| {
            let content = json!({ field: piece });
            named(json!({ "type": "content-delta", "index": index, "delta": { "message": { "content": content } } }))
        };
        let text_index = usize::from(!reply.thought.is_empty());
        let (thoughts, texts) =
            super::spoken(reply, PIECE, |piece| delta(0, "thinking", piece), |piece| delta(text_index, "text", piece));
        let message = json!({ "role": "assistant", "content": [], "tool_plan": "", "tool_calls": [], "citations": [] });
        let start = json!({ "id": id(reply), "type": "message-start", "delta": { "message": message } });
        let mut events = vec![Event::new(Part::Head, named(start))];
        events.extend(block(0, "thinking", thoughts));
        events.extend(block(text_index, "text", texts));
        let mut end = json!({ "type": "message-end", "delta": { "finish_reason": finish(reply.finish) } });
        if reply.tell_usage {
            end["delta"]["usage"] = usage(reply);
        }
        events.push(Event::new(Part::End, named(end)));
        events.push(Event::new(Part::End, "data: [DONE]\n\n".to_owned()));
        events
    }

    fn refusal(&self, problem: &Problem, model: &str) -> Refusal {
        let (status, message) = row(problem, model);
        let mut body = json!({ "id": "sandbox", "message": message });
        if *problem == Problem::Overflow {
            body["error_type"] = json!("TOO_MANY_TOKENS");
        }
        Refusal::new(status, body).with_retry_after(problem)
    }

    /// No event of its own: the stream ends with the finish reason `ERROR` and says why.
    fn error_event(&self) -> String {
        let delta = json!({ "finish_reason": "ERROR", "usage": {}, "error": ERROR });
        named(json!({ "type": "message-end", "delta": delta })) + "data: [DONE]\n\n"
    }

    fn error_body(&self) -> Value {
        let message = json!({ "role": "assistant", "content": [] });
        json!({ "id": "sandbox", "message": message, "finish_reason": "ERROR", "usage": {}, "error": ERROR })
    }

    fn id_header(&self) -> Option<&'static str> {
        Some("x-debug-trace-id")
    }

    fn blocks_with_status(&self) -> bool {
        true
    }
}

/// Status and message of each problem.
fn row(problem: &Problem, model: &str) -> (u16, String) {
    let text = |message: &str| message.to_owned();
    match problem {
        Problem::MissingKey => (401, text("no api key supplied")),
        Problem::BadKey => (401, text("invalid api token")),
        Problem::NoCredit => (402, text("the billing limit is reached")),
        Problem::Forbidden => (403, text("this key may not use this model")),
        Problem::UnknownPath => (404, text("page not found")),
        Problem::UnknownModel => (404, format!("model '{model}' not found")),
        Problem::Invalid(why, _) => (400, text(why)),
        Problem::Unsupported(field, instead) => (400, format!("{field}: use {instead}")),
        Problem::RateLimited { .. } => (429, text("too many requests; please wait and try again")),
        Problem::ServerError => (500, text("internal server error")),
        Problem::Unavailable => (503, text("the service is not available now")),
        Problem::Overloaded => (529, text("the service is overloaded")),
        Problem::Overflow => {
            (400, format!("too many tokens: size limit exceeded by 1 tokens. The limit is {} tokens.", super::WINDOW))
        }
        Problem::Blocked => (498, text("blocked by the content policy")),
    }
}

fn finish(finish: Finish) -> &'static str {
    match finish {
        Finish::Stop => "COMPLETE",
        Finish::Length => "MAX_TOKENS",
        Finish::Blocked => "ERROR",
    }
}

fn id(reply: &Reply) -> String {
    format!("00000000-0000-4000-8000-{:012}", reply.number)
}

/// The event is named after the type in its data.
fn named(data: Value) -> String {
    super::sse(data["type"].as_str().unwrap_or_default(), &data)
}

/// A content block around its deltas; nothing at all around none.
fn block(index: usize, kind: &str, deltas: Vec<Event>) -> Vec<Event> {
    if deltas.is_empty() {
        return Vec::new();
    }
    let content = json!({ "type": kind, kind: "" });
    let start = json!({ "type": "content-start", "index": index, "delta": { "message": { "content": content } } });
    let mut events = vec![Event::new(Part::Head, named(start))];
    events.extend(deltas);
    events.push(Event::new(Part::Tail, named(json!({ "type": "content-end", "index": index }))));
    events
}

/// What is billed, and beside it what the model saw, with the hidden preamble.
fn usage(reply: &Reply) -> Value {
    let (read, written) = (reply.usage.prompt_tokens(), reply.usage.completion_tokens());
    let mut tokens = json!({ "input_tokens": read + PREAMBLE, "output_tokens": written + 3 });
    if reply.usage.reasoning_tokens > 0 {
        tokens["reasoning_tokens"] = json!(reply.usage.reasoning_tokens);
    }
    json!({
        "billed_units": { "input_tokens": read, "output_tokens": written },
        "tokens": tokens,
        "cached_tokens": 448,
    })
}
