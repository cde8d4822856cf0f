//! Cohere v2 chat.

use serde_json::{Map, Value, json};

use crate::types::{Ask, Delta, Effort, Failure, FailureClass, FinishReason, Role, Usage};

use super::failure::{in_value, inside_ok, malformed, not_json, of_status};
use super::image::url_parts;
use super::request::{join, key_header, number, pass_through, post, thinking_budget};
use super::schema::JsonForm;
use super::usage::count;
use super::{Dialect, Endpoint, Frame, Headers, HttpRequest, Partial};

/// The dialect of Cohere.
pub struct Cohere;

/// Why an answer ended: an end, or a failure.
const FINISH: &[(&str, Result<FinishReason, FailureClass>)] = &[
    ("COMPLETE", Ok(FinishReason::Stop)),
    ("STOP_SEQUENCE", Ok(FinishReason::Stop)),
    ("MAX_TOKENS", Ok(FinishReason::Length)),
    ("TOOL_CALL", Ok(FinishReason::ToolCalls)),
    ("ERROR_TOXIC", Ok(FinishReason::ContentFilter)),
    ("ERROR", Err(FailureClass::ServerError)),
    ("TIMEOUT", Err(FailureClass::Timeout)),
];

impl Dialect for Cohere {
    fn request(&self, to: &Endpoint, ask: &Ask) -> Result<HttpRequest, Failure> {
        let headers = key_header(to.quirks.auth, to.key.as_ref());
        Ok(post(join(&to.base_url, "/v2/chat"), headers, body(to, ask), ask))
    }

    fn read(&self, body: &[u8], so_far: &mut Partial) -> Result<(), Failure> {
        let answer: Value = serde_json::from_slice(body).map_err(|error| not_json(body, &error))?;
        let Some(message) = answer.get("message").filter(|message| message.is_object()) else {
            return Err(in_value(&answer)
                .or_else(|| bare_error(&answer))
                .unwrap_or_else(|| malformed("the answer has no `message`")));
        };
        for part in message.get("content").and_then(Value::as_array).into_iter().flatten() {
            take_part(part, so_far);
        }
        so_far.tool_calls |= message.get("tool_calls").and_then(Value::as_array).is_some_and(|calls| !calls.is_empty());
        take_end(&answer, so_far)?;
        so_far.finish.get_or_insert(FinishReason::Other);
        so_far.ended = true;
        Ok(())
    }

    fn event(&self, frame: &Frame, so_far: &mut Partial) -> Result<Option<Delta>, Failure> {
        if so_far.ended || matches!(frame.data.trim(), "" | "[DONE]") {
            return Ok(None);
        }
        let event: Value =
            serde_json::from_str(&frame.data).map_err(|_| malformed("an event of the stream is not JSON"))?;
        if let Some(failure) = in_value(&event) {
            return Err(failure);
        }
        let delta = event.get("delta");
        match event.get("type").and_then(Value::as_str).unwrap_or(&frame.event) {
            "content-start" | "content-delta" => {
                return Ok(delta.and_then(|delta| take_part(delta.pointer("/message/content")?, so_far)));
            }
            "tool-call-start" => so_far.tool_calls = true,
            "message-end" => {
                delta.map_or(Ok(()), |delta| take_end(delta, so_far))?;
                so_far.ended = true;
            }
            "" => return bare_error(&event).map_or(Ok(None), Err),
            _ => {}
        }
        Ok(None)
    }

    fn ends_with_marker(&self) -> bool {
        true
    }

    /// 498 is Cohere's word for a blocked prompt or answer; elsewhere it means something else.
    fn failure(&self, status: u16, headers: &Headers, body: &[u8]) -> Failure {
        let failure = of_status(status, headers, body);
        match status {
            498 => Failure { class: FailureClass::ContentRefused, retry_after_ms: None, ..failure },
            _ => failure,
        }
    }
}

fn body(to: &Endpoint, ask: &Ask) -> Map<String, Value> {
    let mut body = Map::new();
    body.insert("model".into(), json!(to.model));
    let system = ask.system.iter().map(|text| json!({"role": "system", "content": text}));
    let turns = ask.messages.iter().map(|message| {
        let role = match message.role {
            Role::User => "user",
            Role::Assistant => "assistant",
        };
        json!({"role": role, "content": url_parts(message)})
    });
    body.insert("messages".into(), system.chain(turns).collect());
    body.insert("max_tokens".into(), json!(ask.max_output_tokens));
    let sampling = [("temperature", ask.temperature), ("p", ask.top_p)];
    body.extend(sampling.into_iter().filter_map(|(name, value)| Some((name.to_owned(), number(value?)))));
    if !ask.stop.is_empty() {
        body.insert("stop_sequences".into(), json!(ask.stop));
    }
    body.insert("stream".into(), json!(ask.stream));
    if let Some(effort) = ask.effort.filter(|_| to.model_facts.reasons) {
        body.insert("thinking".into(), thinking(effort, ask.max_output_tokens));
    }
    if let Some(schema) = ask.schema.as_ref().filter(|_| to.quirks.json.form != JsonForm::Words) {
        let mut format = json!({"type": "json_object"});
        if to.quirks.json.form == JsonForm::Schema {
            format["schema"] = schema.value.clone();
        }
        body.insert("response_format".into(), format);
    }
    pass_through(&mut body, &ask.extra);
    body
}

fn thinking(effort: Effort, cap: u64) -> Value {
    match (effort, thinking_budget(effort, cap)) {
        (Effort::None, _) | (_, 0) => json!({"type": "disabled"}),
        (_, budget) => json!({"type": "enabled", "token_budget": budget}),
    }
}

/// A part of the content, or a delta of one (which has no `type`).
fn take_part(part: &Value, so_far: &mut Partial) -> Option<Delta> {
    if let Some(thinking) = part.get("thinking").and_then(Value::as_str) {
        so_far.add_thinking(thinking);
    }
    let text = part.get("text").and_then(Value::as_str)?;
    so_far.add_text(text.to_owned())
}

/// Finish reason and usage: at the top of a whole answer, in the delta of a stream's last event.
fn take_end(told: &Value, so_far: &mut Partial) -> Result<(), Failure> {
    so_far.usage = told.get("usage").and_then(usage).or(so_far.usage);
    let Some(word) = told.get("finish_reason").and_then(Value::as_str) else { return Ok(()) };
    let meaning = FINISH.iter().find(|(name, _)| *name == word).map_or(Ok(FinishReason::Other), |row| row.1);
    let finish = meaning.map_err(|class| match in_value(told) {
        Some(failure) => failure,
        None => super::partial::inside_ok(class, format!("the answer ended with finish reason `{word}`")),
    })?;
    so_far.set_finish(finish, word);
    Ok(())
}

/// An error has a message in words where an answer has an object.
fn bare_error(answer: &Value) -> Option<Failure> {
    answer.get("message").filter(|message| message.is_string()).map(|_| inside_ok(answer))
}

/// What is billed, which is neither the hidden preamble nor what came from a cache; without it, what was read.
fn usage(told: &Value) -> Option<Usage> {
    let input = count(told, &["/billed_units/input_tokens", "/tokens/input_tokens"]);
    let output = count(told, &["/billed_units/output_tokens", "/tokens/output_tokens"]);
    if input.is_none() && output.is_none() {
        return None;
    }
    let output = output.unwrap_or(0);
    // Thinking is counted in what was written, which is a little more than what is billed.
    let reasoning = count(told, &["/tokens/reasoning_tokens"]).unwrap_or(0).min(output);
    Some(Usage {
        input_tokens: input.unwrap_or(0),
        output_tokens: output - reasoning,
        reasoning_tokens: reasoning,
        ..Usage::default()
    })
}

#[cfg(test)]
mod tests;
