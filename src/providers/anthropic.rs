//! Anthropic Messages.

use serde_json::{Map, Value, json};

use crate::types::{Ask, Delta, Effort, Failure, FinishReason, Role, Usage};

use super::failure::{in_value, inside_ok, malformed, not_json};
use super::image::source_blocks;
use super::request::{join, key_header, number, pass_through, post, thinking_budget};
use super::schema::JsonForm;
use super::table::Auth;
use super::usage::count;
use super::{Dialect, Endpoint, Frame, HeaderValue, HttpRequest, Partial};

/// The dialect of Anthropic.
pub struct Anthropic;

/// The version of the API that is spoken here; the only one there has been since.
pub(super) const VERSION: &str = "2023-06-01";

/// The smallest budget for thinking that is accepted.
const MIN_BUDGET: u64 = 1024;

const FINISH: &[(&str, FinishReason)] = &[
    ("end_turn", FinishReason::Stop),
    ("stop_sequence", FinishReason::Stop),
    ("max_tokens", FinishReason::Length),
    ("model_context_window_exceeded", FinishReason::Length),
    ("tool_use", FinishReason::ToolCalls),
    ("refusal", FinishReason::ContentFilter),
];

impl Dialect for Anthropic {
    fn request(&self, to: &Endpoint, ask: &Ask) -> Result<HttpRequest, Failure> {
        let mut headers = vec![("anthropic-version", HeaderValue::Plain(VERSION.to_owned()))];
        headers.extend(key_header(Auth::Header("x-api-key"), to.key.as_ref()));
        Ok(post(join(&to.base_url, "/v1/messages"), headers, body(to, ask), ask))
    }

    fn read(&self, body: &[u8], so_far: &mut Partial) -> Result<(), Failure> {
        let answer: Value = serde_json::from_slice(body).map_err(|error| not_json(body, &error))?;
        take_message(&answer, so_far);
        if let Some(failure) = in_value(&answer) {
            return Err(failure);
        }
        let Some(blocks) = answer.get("content").and_then(Value::as_array) else {
            return Err(malformed("the answer has no `content`"));
        };
        for block in blocks {
            take_block(block, so_far);
        }
        take_stop(&answer, so_far);
        so_far.finish.get_or_insert(FinishReason::Other);
        so_far.ended = true;
        Ok(())
    }

    fn event(&self, frame: &Frame, so_far: &mut Partial) -> Result<Option<Delta>, Failure> {
        if frame.data.trim().is_empty() || so_far.ended {
            return Ok(None);
        }
        let event: Value =
            serde_json::from_str(&frame.data).map_err(|_| malformed("an event of the stream is not JSON"))?;
        let kind = event.get("type").and_then(Value::as_str).unwrap_or(&frame.event);
        match kind {
            "error" => return Err(inside_ok(&event)),
            "message_start" => event.get("message").into_iter().for_each(|message| take_message(message, so_far)),
            "content_block_start" => {
                return Ok(event.get("content_block").and_then(|block| take_block(block, so_far)));
            }
            "content_block_delta" => return Ok(event.get("delta").and_then(|delta| take_block(delta, so_far))),
            "message_delta" => {
                event.get("delta").into_iter().for_each(|delta| take_stop(delta, so_far));
                take_message(&event, so_far);
            }
            "message_stop" => so_far.ended = true,
            _ => {}
        }
        Ok(None)
    }

    fn ends_with_marker(&self) -> bool {
        true
    }
}

fn body(to: &Endpoint, ask: &Ask) -> Map<String, Value> {
    let mut body = Map::new();
    body.insert("model".into(), json!(to.model));
    body.insert("max_tokens".into(), json!(ask.max_output_tokens));
    if let Some(system) = &ask.system {
        body.insert("system".into(), json!(system));
    }
    body.insert("messages".into(), ask.messages.iter().map(message).collect());
    let thinking = ask.effort.map(|effort| thinking(effort, to, ask.max_output_tokens)).unwrap_or_default();
    // While it thinks, the model takes no other temperature than its own.
    if thinking.get("thinking").is_none_or(|thinking| thinking["type"] == "disabled") {
        let sampling = [("temperature", ask.temperature), ("top_p", ask.top_p)];
        body.extend(sampling.into_iter().filter_map(|(name, value)| Some((name.to_owned(), number(value?)))));
    }
    if !ask.stop.is_empty() {
        body.insert("stop_sequences".into(), json!(ask.stop));
    }
    body.insert("stream".into(), json!(ask.stream));
    body.extend(thinking);
    if let Some(schema) = ask.schema.as_ref().filter(|_| to.quirks.json.form == JsonForm::Schema) {
        // Beside the effort, which goes there as well.
        let config = body.entry("output_config").or_insert_with(|| json!({}));
        config["format"] = json!({"type": "json_schema", "schema": schema.value});
    }
    pass_through(&mut body, &ask.extra);
    body
}

fn message(message: &crate::types::Message) -> Value {
    let role = match message.role {
        Role::User => "user",
        Role::Assistant => "assistant",
    };
    json!({"role": role, "content": source_blocks(message)})
}

/// The fields that ask for so much thinking; none for a model that does not think, for no thinking from a model that
/// thinks only when asked to, and under a cap too small for the smallest budget.
fn thinking(effort: Effort, to: &Endpoint, cap: u64) -> Map<String, Value> {
    let budget = thinking_budget(effort, cap).max(MIN_BUDGET);
    let fields = match effort {
        Effort::None if to.model_facts.adaptive_thinking => json!({"thinking": {"type": "disabled"}}),
        _ if to.model_facts.adaptive_thinking => {
            json!({"thinking": {"type": "adaptive"}, "output_config": {"effort": effort.name()}})
        }
        Effort::None => Value::Null,
        _ if to.model_facts.reasons && budget < cap => {
            json!({"thinking": {"type": "enabled", "budget_tokens": budget}})
        }
        _ => Value::Null,
    };
    match fields {
        Value::Object(fields) => fields,
        _ => Map::new(),
    }
}

/// What a whole message, the start of a streamed one, and its last delta have in common: model and usage.
fn take_message(message: &Value, so_far: &mut Partial) {
    so_far.set_model(message.get("model").and_then(Value::as_str));
    if let Some(told) = message.get("usage") {
        so_far.usage = merge(so_far.usage, told).or(so_far.usage);
    }
}

/// Usage comes in parts: what a later part does not tell, an earlier one has told. The buckets of the input are
/// disjoint on the wire already; thinking is inside the output.
fn merge(before: Option<Usage>, told: &Value) -> Option<Usage> {
    let input = count(told, &["/input_tokens"]);
    let output = count(told, &["/output_tokens"]);
    if input.is_none() && output.is_none() {
        return None;
    }
    let before = before.unwrap_or_default();
    let reasoning = count(told, &["/output_tokens_details/thinking_tokens"]).unwrap_or(before.reasoning_tokens);
    Some(Usage {
        input_tokens: input.unwrap_or(before.input_tokens),
        cached_input_tokens: count(told, &["/cache_read_input_tokens"]).unwrap_or(before.cached_input_tokens),
        cache_write_tokens: count(told, &["/cache_creation_input_tokens"]).unwrap_or(before.cache_write_tokens),
        output_tokens: output.unwrap_or_else(|| before.completion_tokens()).saturating_sub(reasoning),
        reasoning_tokens: reasoning,
        estimated: false,
    })
}

/// A block of the content, or a delta of one.
fn take_block(block: &Value, so_far: &mut Partial) -> Option<Delta> {
    let text = |name: &str| block.get(name).and_then(Value::as_str).unwrap_or_default();
    match text("type") {
        "text" | "text_delta" => so_far.add_text(text("text").to_owned()),
        "thinking" | "thinking_delta" => {
            so_far.add_thinking(text("thinking"));
            None
        }
        "tool_use" => {
            so_far.tool_calls = true;
            None
        }
        _ => None,
    }
}

fn take_stop(told: &Value, so_far: &mut Partial) {
    if let Some(word) = told.get("stop_reason").and_then(Value::as_str) {
        let finish = FINISH.iter().find(|(name, _)| *name == word).map_or(FinishReason::Other, |row| row.1);
        so_far.set_finish(finish, word);
    }
}

#[cfg(test)]
mod tests;
