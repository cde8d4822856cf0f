//! Chat completions, as OpenAI made them and most others copied.
//!
//! Requests are in [`request`]; here are the answers, whole and streamed. Both tell a choice the same way, once as
//! `message` and once as `delta`, so both are read by the same code.

mod piece;
mod request;

pub(super) use request::address;

use serde_json::Value;

use crate::types::{Ask, Delta, Failure, FailureClass, FinishReason, Usage};

use super::failure::{in_value, inside_ok, malformed, not_json};
use super::table::Quirks;
use super::usage::{count, reported_cost};
use super::{Dialect, Endpoint, Frame, HttpRequest, Partial};
use piece::Piece;

/// The dialect of OpenAI and its copies.
pub struct OpenAi {
    /// How this copy differs.
    pub quirks: Quirks,
}

/// Why an answer ended, in the words of all copies, and what they mean: an end, or a failure in the middle.
const FINISH: &[(&str, Result<FinishReason, FailureClass>)] = &[
    ("stop", Ok(FinishReason::Stop)),
    ("eos", Ok(FinishReason::Stop)),
    ("end_turn", Ok(FinishReason::Stop)),
    ("stop_sequence", Ok(FinishReason::Stop)),
    ("length", Ok(FinishReason::Length)),
    ("max_tokens", Ok(FinishReason::Length)),
    ("model_length", Ok(FinishReason::Length)),
    ("tool_calls", Ok(FinishReason::ToolCalls)),
    ("function_call", Ok(FinishReason::ToolCalls)),
    ("content_filter", Ok(FinishReason::ContentFilter)),
    ("error", Err(FailureClass::ServerError)),
    ("insufficient_system_resource", Err(FailureClass::Overloaded)),
];

impl Dialect for OpenAi {
    fn request(&self, to: &Endpoint, ask: &Ask) -> Result<HttpRequest, Failure> {
        request::request(to, ask)
    }

    fn read(&self, body: &[u8], so_far: &mut Partial) -> Result<(), Failure> {
        let answer: Value = serde_json::from_slice(body).map_err(|error| not_json(body, &error))?;
        self.take_envelope(&answer, so_far)?;
        let Some(choices) = answer.get("choices").and_then(Value::as_array) else {
            return Err(bare_error(&answer).unwrap_or_else(|| malformed("the answer has no `choices`")));
        };
        if let Some(choice) = first(choices) {
            take_choice(choice, "message", so_far)?;
        }
        so_far.finish.get_or_insert(FinishReason::Other);
        so_far.ended = true;
        Ok(())
    }

    fn event(&self, frame: &Frame, so_far: &mut Partial) -> Result<Option<Delta>, Failure> {
        let data = frame.data.trim();
        if data.is_empty() || (so_far.ended && self.quirks.done_marker) {
            return Ok(None);
        }
        if data == "[DONE]" {
            so_far.ended = true;
            return Ok(None);
        }
        if frame.event != "error"
            && let Some(piece) = Piece::of(data)
        {
            so_far.set_model(Some(piece.model()));
            piece.thinking().into_iter().for_each(|text| so_far.add_thinking(text));
            let text = filtered(piece.text(), so_far);
            return Ok(so_far.add_text(text));
        }
        self.tree(frame, data, so_far)
    }

    fn ends_with_marker(&self) -> bool {
        self.quirks.done_marker
    }
}

impl OpenAi {
    /// What an event of any shape says.
    fn tree(&self, frame: &Frame, data: &str, so_far: &mut Partial) -> Result<Option<Delta>, Failure> {
        let chunk: Value = serde_json::from_str(data).map_err(|_| malformed("an event of the stream is not JSON"))?;
        if !chunk.is_object() {
            return Err(malformed("an event of the stream is not an object"));
        }
        if frame.event == "error" {
            return Err(inside_ok(&chunk));
        }
        self.take_envelope(&chunk, so_far)?;
        let Some(choices) = chunk.get("choices").and_then(Value::as_array) else {
            return bare_error(&chunk).map_or(Ok(None), Err);
        };
        let Some(choice) = first(choices) else { return Ok(None) };
        let text = take_choice(choice, "delta", so_far)?;
        so_far.ended |= !self.quirks.done_marker && so_far.finish.is_some();
        Ok(text)
    }

    /// Everything beside the choices: usage, cost, model, and an error in place of an answer.
    fn take_envelope(&self, chunk: &Value, so_far: &mut Partial) -> Result<(), Failure> {
        so_far.set_model(chunk.get("model").and_then(Value::as_str));
        // Groq tells usage here, there, or in both places, always the same.
        let groq = chunk.get("x_groq");
        let places = [groq.and_then(|groq| groq.get("usage")), chunk.get("usage")];
        for told in places.into_iter().flatten().filter(|told| told.is_object()) {
            so_far.usage = self.usage(told).or(so_far.usage);
            so_far.reported_cost = reported_cost(told, self.quirks.cost).or(so_far.reported_cost);
        }
        let failure = in_value(chunk).or_else(|| in_value(groq?));
        failure.map_or(Ok(()), Err)
    }

    /// Usage in buckets that do not overlap. Some told parts are larger than their whole: a rest is never below 0.
    fn usage(&self, told: &Value) -> Option<Usage> {
        let prompt = count(told, &["/prompt_tokens"]);
        let completion = count(told, &["/completion_tokens"]);
        if prompt.is_none() && completion.is_none() {
            return None;
        }
        let (prompt, completion) = (prompt.unwrap_or(0), completion.unwrap_or(0));
        let cached = count(told, CACHED).unwrap_or(0);
        let written = count(told, &["/prompt_tokens_details/cache_write_tokens"]).unwrap_or(0);
        let reasoning = count(told, REASONING).unwrap_or(0);
        let inside = if self.quirks.reasoning_beside_output { 0 } else { reasoning };
        Some(Usage {
            input_tokens: prompt.saturating_sub(cached).saturating_sub(written),
            cached_input_tokens: cached,
            cache_write_tokens: written,
            output_tokens: completion.saturating_sub(inside),
            reasoning_tokens: reasoning,
            estimated: false,
        })
    }
}

/// Where the copies tell how much of the prompt came from a cache.
const CACHED: &[&str] =
    &["/prompt_tokens_details/cached_tokens", "/prompt_cache_hit_tokens", "/cached_tokens", "/num_cached_tokens"];

/// Where they tell how much was thought.
const REASONING: &[&str] = &["/completion_tokens_details/reasoning_tokens", "/reasoning_tokens"];

/// The choice that is read: nobody asks for a second one, but a passed-through field may.
fn first(choices: &[Value]) -> Option<&Value> {
    choices.iter().find(|choice| choice.get("index").and_then(Value::as_u64).unwrap_or(0) == 0)
}

/// An object without choices may be an error in a shape of its own (`{"detail"}`, `{"message"}`).
fn bare_error(answer: &Value) -> Option<Failure> {
    let said = answer.get("detail").or_else(|| answer.get("message").filter(|message| message.is_string()));
    said.map(|_| inside_ok(answer))
}

fn take_choice(choice: &Value, message: &str, so_far: &mut Partial) -> Result<Option<Delta>, Failure> {
    if let Some(failure) = in_value(choice) {
        return Err(failure);
    }
    let mut text = String::new();
    if let Some(message) = choice.get(message).filter(|message| message.is_object()) {
        text = take_message(message, so_far);
    }
    let word = choice.get("finish_reason").and_then(Value::as_str).filter(|word| !word.is_empty());
    if let Some(word) = word {
        let meaning = FINISH.iter().find(|(name, _)| *name == word).map_or(Ok(FinishReason::Other), |row| row.1);
        let finish = meaning.map_err(|class| {
            super::partial::inside_ok(class, format!("the answer ended with finish reason `{word}`"))
        })?;
        so_far.set_finish(finish, word);
    }
    Ok(so_far.add_text(text))
}

/// The text that a message or a part of one brings.
fn take_message(message: &Value, so_far: &mut Partial) -> String {
    for name in ["reasoning_content", "reasoning"] {
        so_far.add_thinking(message.get(name).and_then(Value::as_str).unwrap_or_default());
    }
    let mut text = match message.get("content") {
        Some(Value::String(piece)) => filtered(piece, so_far),
        Some(Value::Array(parts)) => parts.iter().map(|part| take_part(part, so_far)).collect(),
        _ => String::new(),
    };
    let refusal = message.get("refusal").and_then(Value::as_str).unwrap_or_default();
    if !refusal.is_empty() {
        so_far.refusal = true;
        text.push_str(&so_far.filter.flush());
        text.push_str(refusal);
    }
    let calls = message.get("tool_calls").and_then(Value::as_array).is_some_and(|calls| !calls.is_empty());
    so_far.tool_calls |= calls || message.get("function_call").is_some_and(Value::is_object);
    text
}

/// A part of a list: text, or thinking (Mistral), or something that is not shown.
fn take_part(part: &Value, so_far: &mut Partial) -> String {
    match part.get("type").and_then(Value::as_str) {
        Some("text" | "output_text") => filtered(part.get("text").and_then(Value::as_str).unwrap_or_default(), so_far),
        Some("thinking") => {
            let thoughts = part.get("thinking").and_then(Value::as_array);
            for thought in thoughts.into_iter().flatten() {
                so_far.add_thinking(thought.get("text").and_then(Value::as_str).unwrap_or_default());
            }
            String::new()
        }
        _ => String::new(),
    }
}

fn filtered(piece: &str, so_far: &mut Partial) -> String {
    let before = so_far.filter.dropped_chars();
    let text = so_far.filter.push(piece);
    so_far.thinking_chars += so_far.filter.dropped_chars() - before;
    text
}

#[cfg(test)]
mod tests;
