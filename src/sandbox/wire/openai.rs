//! Chat completions.

use serde_json::{Value, json};

use super::{Event, Finish, Meta, Part, Problem, Prompt, Refusal, Reply, Route, Wire};

pub(super) struct Openai;

/// Models that refuse `max_tokens` and want `max_completion_tokens`: those that think.
const THINKERS: [&str; 5] = ["gpt-5", "gpt-6", "o1", "o3", "o4"];
const ROLES: [&str; 5] = ["system", "developer", "user", "assistant", "tool"];
/// Tokens of an event.
const PIECE: usize = 1;

impl Wire for Openai {
    fn base(&self) -> &'static str {
        "/v1"
    }

    /// With or without `/v1`: some copies of this dialect have base URLs without it.
    fn route(&self, path: &str) -> Option<Route> {
        ["/v1/chat/completions", "/chat/completions"].contains(&path).then(Route::default)
    }

    fn key<'a>(&self, meta: &Meta<'a>) -> Option<&'a str> {
        meta.header("api-key").or_else(|| meta.bearer())
    }

    fn read(&self, _: Route, _: &Meta<'_>, body: &Value) -> Result<Prompt, Problem> {
        let model = super::model(body)?;
        if THINKERS.iter().any(|prefix| model.starts_with(prefix)) && !body["max_tokens"].is_null() {
            return Err(Problem::Unsupported("max_tokens", "max_completion_tokens"));
        }
        super::temperature(&body["temperature"], 2.0)?;
        let look = |content: &Value| super::pictures(content, "image_url", super::picture_of_url);
        let said = super::messages(&body["messages"], &ROLES, look)?;
        let max_tokens = super::limit(body, "max_completion_tokens")?.or(super::limit(body, "max_tokens")?);
        let stream = body["stream"].as_bool().unwrap_or(false);
        let options = &body["stream_options"];
        if !stream && !options.is_null() {
            return Err(Problem::Invalid("stream_options: only allowed with stream", Some("stream_options")));
        }
        let include_usage = options["include_usage"].as_bool().unwrap_or(false);
        let format = response_format(&body["response_format"])?;
        let super::Said { all: text, last, pictures } = said;
        Ok(Prompt { model, text, last, pictures, max_tokens, stream, include_usage, format })
    }

    fn whole(&self, reply: &Reply) -> Value {
        let mut message = json!({ "role": "assistant", "content": reply.text, "refusal": null });
        if reply.finish == Finish::Blocked {
            message["content"] = Value::Null;
        }
        if !reply.thought.is_empty() {
            message["reasoning_content"] = json!(reply.thought);
        }
        let mut body = envelope(reply, "chat.completion");
        body["choices"] =
            json!([{ "index": 0, "message": message, "logprobs": null, "finish_reason": finish(reply.finish) }]);
        if reply.tell_usage {
            body["usage"] = usage(reply);
        }
        body
    }

    fn events(&self, reply: &Reply) -> Vec<Event> {
        let event = |part, delta, finish| Event::new(part, chunk(reply, delta, finish));
        let none = Value::Null;
        let (thoughts, texts) = super::spoken(
            reply,
            PIECE,
            |piece| chunk(reply, json!({ "reasoning_content": piece }), none.clone()),
            |piece| chunk(reply, json!({ "content": piece }), none.clone()),
        );
        let mut events =
            vec![event(Part::Head, json!({ "role": "assistant", "content": "", "refusal": null }), none.clone())];
        events.extend(thoughts);
        events.extend(texts);
        events.push(event(Part::Tail, json!({}), json!(finish(reply.finish))));
        if reply.include_usage && reply.tell_usage {
            let mut body = envelope(reply, "chat.completion.chunk");
            body["choices"] = json!([]);
            body["usage"] = usage(reply);
            events.push(Event::new(Part::Tail, super::sse("", &body)));
        }
        events.push(Event::new(Part::End, "data: [DONE]\n\n".to_owned()));
        events
    }

    fn refusal(&self, problem: &Problem, model: &str) -> Refusal {
        let (status, kind, code, message) = row(problem, model);
        let param = match problem {
            Problem::Invalid(_, field) => *field,
            Problem::Unsupported(field, _) => Some(*field),
            Problem::Overflow => Some("messages"),
            _ => None,
        };
        let body = json!({ "message": message, "type": kind, "param": param, "code": code });
        Refusal::new(status, super::error_object(body)).with_retry_after(problem)
    }

    fn error_event(&self) -> String {
        super::sse("", &self.refusal(&Problem::ServerError, "").body)
    }

    fn id_header(&self) -> Option<&'static str> {
        Some("x-request-id")
    }
}

/// The schema that is asked for. `strict` takes closed objects only, and says so as its field's fault.
fn response_format(field: &Value) -> Result<Option<Value>, Problem> {
    const FIELD: Option<&str> = Some("response_format");
    let format = &field["json_schema"];
    let schema = &format["schema"];
    match field["type"].as_str() {
        None | Some("text") => Ok(None),
        Some("json_object") => Ok(Some(json!(true))),
        Some("json_schema") if format["name"].as_str().is_none_or(str::is_empty) => {
            Err(Problem::Invalid("Missing required parameter: 'response_format.json_schema.name'.", FIELD))
        }
        Some("json_schema") if format["strict"] == true && schema["additionalProperties"] != false => {
            Err(Problem::Invalid(
                "Invalid schema: 'additionalProperties' is required to be supplied and to be false.",
                FIELD,
            ))
        }
        Some("json_schema") if schema["type"] == "object" => Ok(Some(schema.clone())),
        Some("json_schema") => Err(Problem::Invalid("Invalid schema: it must be of type 'object'.", FIELD)),
        Some(_) => Err(Problem::Invalid("Invalid value for 'response_format.type'.", FIELD)),
    }
}

/// Status, type, code and message of each problem.
fn row(problem: &Problem, model: &str) -> (u16, &'static str, Option<&'static str>, String) {
    const REQUEST: &str = "invalid_request_error";
    let text = |message: &str| message.to_owned();
    match problem {
        Problem::MissingKey => (401, REQUEST, None, text("You sent no API key.")),
        Problem::BadKey => (401, REQUEST, Some("invalid_api_key"), text("Incorrect API key provided.")),
        Problem::NoCredit => (429, "insufficient_quota", Some("insufficient_quota"), text("The quota is used up.")),
        Problem::Forbidden => (403, REQUEST, None, text("This project may not use this model.")),
        Problem::UnknownPath => (404, REQUEST, None, text("Invalid URL.")),
        Problem::UnknownModel => {
            (404, REQUEST, Some("model_not_found"), format!("The model `{model}` does not exist here."))
        }
        Problem::Invalid(why, _) => (400, REQUEST, None, text(why)),
        Problem::Unsupported(field, instead) => (
            400,
            REQUEST,
            Some("unsupported_parameter"),
            format!("Unsupported parameter: '{field}' is not taken by this model. Use '{instead}' instead."),
        ),
        Problem::RateLimited { retry_after_ms } => {
            let wait = retry_after_ms.map_or_else(String::new, |ms| format!(" Please try again in {ms}ms."));
            (429, "requests", Some("rate_limit_exceeded"), format!("Rate limit reached for {model}.{wait}"))
        }
        Problem::ServerError => (500, "server_error", None, text("The server failed while it handled this request.")),
        Problem::Unavailable => (503, "service_unavailable", None, text("The service is not available now.")),
        Problem::Overloaded => (529, "server_error", None, text("The server is overloaded.")),
        Problem::Overflow => (
            400,
            REQUEST,
            Some("context_length_exceeded"),
            format!("This model's maximum context length is {} tokens; the messages have more.", super::WINDOW),
        ),
        Problem::Blocked => (400, REQUEST, Some("content_filter"), text("The prompt was filtered.")),
    }
}

fn finish(finish: Finish) -> &'static str {
    match finish {
        Finish::Stop => "stop",
        Finish::Length => "length",
        Finish::Blocked => "content_filter",
    }
}

fn envelope(reply: &Reply, object: &str) -> Value {
    json!({
        "id": format!("chatcmpl-sandbox{}", reply.number),
        "object": object,
        "created": reply.created,
        "model": reply.model,
        "system_fingerprint": "fp_sandbox",
    })
}

/// With `include_usage` every chunk but the last one says `"usage": null`; without it none has the field.
fn chunk(reply: &Reply, delta: Value, finish: Value) -> String {
    let mut body = envelope(reply, "chat.completion.chunk");
    body["choices"] = json!([{ "index": 0, "delta": delta, "finish_reason": finish }]);
    if reply.include_usage {
        body["usage"] = Value::Null;
    }
    super::sse("", &body)
}

/// Thinking is counted inside `completion_tokens`.
fn usage(reply: &Reply) -> Value {
    let (read, written) = (reply.usage.prompt_tokens(), reply.usage.completion_tokens());
    json!({
        "prompt_tokens": read,
        "completion_tokens": written,
        "total_tokens": read + written,
        "prompt_tokens_details": { "cached_tokens": 0 },
        "completion_tokens_details": { "reasoning_tokens": reply.usage.reasoning_tokens },
    })
}
