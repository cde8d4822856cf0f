//! Gemini generateContent.
//!
//! A streamed chunk and a whole answer are the same object, so one function reads both; so is each element of the
//! JSON array that comes where a stream was asked for without `alt=sse`.

use serde_json::{Map, Value, json};

use crate::types::{Ask, Delta, Effort, Failure, FinishReason, Role, Usage};

use super::failure::{in_value, malformed, not_json};
use super::image::inline_parts;
use super::request::{key_header, number, pass_through, post, segment, thinking_budget};
use super::schema::JsonForm;
use super::table::Auth;
use super::usage::count;
use super::{Dialect, Endpoint, Frame, HttpRequest, ModelFacts, Partial};

/// The dialect of Gemini.
pub struct Gemini;

const FINISH: &[(&str, FinishReason)] = &[
    ("STOP", FinishReason::Stop),
    ("MAX_TOKENS", FinishReason::Length),
    ("SAFETY", FinishReason::ContentFilter),
    ("RECITATION", FinishReason::ContentFilter),
    ("BLOCKLIST", FinishReason::ContentFilter),
    ("PROHIBITED_CONTENT", FinishReason::ContentFilter),
    ("SPII", FinishReason::ContentFilter),
    ("IMAGE_SAFETY", FinishReason::ContentFilter),
    ("IMAGE_PROHIBITED_CONTENT", FinishReason::ContentFilter),
    ("IMAGE_RECITATION", FinishReason::ContentFilter),
];

/// The fields of a request beside `generationConfig`. What is passed through under any other name is meant for it.
const TOP_LEVEL: &[&str] = &[
    "cachedContent",
    "contents",
    "generationConfig",
    "labels",
    "safetySettings",
    "serviceTier",
    "systemInstruction",
    "toolConfig",
    "tools",
];

impl Dialect for Gemini {
    fn request(&self, to: &Endpoint, ask: &Ask) -> Result<HttpRequest, Failure> {
        let headers = key_header(Auth::Header("x-goog-api-key"), to.key.as_ref());
        Ok(post(address(to, ask.stream)?, headers, body(to, ask), ask))
    }

    fn read(&self, body: &[u8], so_far: &mut Partial) -> Result<(), Failure> {
        let answer: Value = serde_json::from_slice(body).map_err(|error| not_json(body, &error))?;
        match &answer {
            Value::Array(chunks) => chunks.iter().try_for_each(|chunk| take_chunk(chunk, so_far).map(drop))?,
            chunk => {
                take_chunk(chunk, so_far)?;
                so_far.finish.get_or_insert(FinishReason::Other);
                so_far.ended = true;
            }
        }
        Ok(())
    }

    fn event(&self, frame: &Frame, so_far: &mut Partial) -> Result<Option<Delta>, Failure> {
        if matches!(frame.data.trim(), "" | "[DONE]") {
            return Ok(None);
        }
        let chunk: Value =
            serde_json::from_str(&frame.data).map_err(|_| malformed("an event of the stream is not JSON"))?;
        take_chunk(&chunk, so_far)
    }

    fn ends_with_marker(&self) -> bool {
        false
    }
}

/// The key goes into a header, never into the URL, which ends up in logs.
fn address(to: &Endpoint, stream: bool) -> Result<String, Failure> {
    address_of(to, if stream { "streamGenerateContent?alt=sse" } else { "generateContent" })
}

/// Where a method of the model is.
pub(super) fn address_of(to: &Endpoint, method: &str) -> Result<String, Failure> {
    let base = to.base_url.trim_end_matches('/');
    let version = if base.ends_with("/v1beta") || base.ends_with("/v1") { "" } else { "/v1beta" };
    let name = to.model.strip_prefix("models/").unwrap_or(&to.model);
    let (folder, name) = match name.strip_prefix("tunedModels/") {
        Some(tuned) => ("tunedModels", tuned),
        None => ("models", name),
    };
    Ok(format!("{base}{version}/{folder}/{}:{method}", segment(name)?))
}

fn body(to: &Endpoint, ask: &Ask) -> Map<String, Value> {
    let mut body = Map::new();
    if let Some(system) = &ask.system {
        body.insert("systemInstruction".into(), json!({"parts": [{"text": system}]}));
    }
    let turns = ask.messages.iter().map(|message| {
        let role = match message.role {
            Role::User => "user",
            Role::Assistant => "model",
        };
        json!({"role": role, "parts": inline_parts(message)})
    });
    body.insert("contents".into(), turns.collect());
    let mut config = config(to, ask);
    let (top, inner): (Map<_, _>, Map<_, _>) =
        ask.extra.clone().into_iter().partition(|(name, _)| TOP_LEVEL.contains(&name.as_str()));
    config.extend(inner);
    body.insert("generationConfig".into(), Value::Object(config));
    pass_through(&mut body, &top);
    body
}

fn config(to: &Endpoint, ask: &Ask) -> Map<String, Value> {
    let mut config = Map::new();
    config.insert("maxOutputTokens".into(), json!(ask.max_output_tokens));
    let sampling = [("temperature", ask.temperature), ("topP", ask.top_p)];
    config.extend(sampling.into_iter().filter_map(|(name, value)| Some((name.to_owned(), number(value?)))));
    if !ask.stop.is_empty() {
        config.insert("stopSequences".into(), json!(ask.stop));
    }
    if let Some(effort) = ask.effort.filter(|_| to.model_facts.reasons) {
        let thinking = thinking(effort, &to.model, &to.model_facts, ask.max_output_tokens);
        config.insert("thinkingConfig".into(), thinking);
    }
    if let Some(schema) = ask.schema.as_ref().filter(|_| to.quirks.json.form != JsonForm::Words) {
        config.insert("responseMimeType".into(), json!("application/json"));
        if to.quirks.json.form == JsonForm::Schema {
            config.insert("responseJsonSchema".into(), schema.value.clone());
        }
    }
    config
}

/// Gemini 2.5 takes a budget in tokens, later models a level. Pro models cannot do without any thinking.
fn thinking(effort: Effort, model: &str, facts: &ModelFacts, cap: u64) -> Value {
    let pro = model.contains("pro");
    if model.contains("gemini-2.5") {
        // The range of budgets: 128 to 32768 for Pro, 0 to 24576 for Flash, of which Lite takes no less than 512.
        let (least, most) = if pro { (128, 32_768) } else { (0, 24_576) };
        let least = if model.contains("lite") && effort != Effort::None { 512 } else { least };
        return json!({"thinkingBudget": thinking_budget(effort, cap).clamp(least, most)});
    }
    let levels = facts.reasoning_levels;
    let level = match effort {
        Effort::None if levels.contains(&"none") => "none",
        Effort::None if pro => "low",
        Effort::None => "minimal",
        Effort::Low => "low",
        Effort::Medium => "medium",
        Effort::Max if levels.contains(&"max") => "max",
        Effort::High | Effort::Max => "high",
    };
    json!({"thinkingLevel": level})
}

/// A chunk of a stream, or a whole answer.
fn take_chunk(chunk: &Value, so_far: &mut Partial) -> Result<Option<Delta>, Failure> {
    so_far.set_model(chunk.get("modelVersion").and_then(Value::as_str));
    so_far.usage = chunk.get("usageMetadata").and_then(usage).or(so_far.usage);
    if let Some(failure) = in_value(chunk) {
        return Err(failure);
    }
    if !chunk.is_object() {
        return Err(malformed("the answer is not an object"));
    }
    let candidate = chunk.pointer("/candidates/0");
    if let (None, Some(word)) = (candidate, chunk.pointer("/promptFeedback/blockReason").and_then(Value::as_str)) {
        so_far.set_finish(FinishReason::ContentFilter, word);
        so_far.ended = true;
        return Ok(None);
    }
    let parts = candidate.and_then(|candidate| candidate.pointer("/content/parts")?.as_array());
    let text = parts.into_iter().flatten().map(|part| take_part(part, so_far)).collect();
    if let Some(word) = candidate.and_then(|candidate| candidate.get("finishReason")?.as_str()) {
        let finish = FINISH.iter().find(|(name, _)| *name == word).map_or(FinishReason::Other, |row| row.1);
        so_far.set_finish(finish, word);
        so_far.ended = true;
    }
    Ok(so_far.add_text(text))
}

fn take_part<'a>(part: &'a Value, so_far: &mut Partial) -> &'a str {
    so_far.tool_calls |= part.get("functionCall").is_some();
    let text = part.get("text").and_then(Value::as_str).unwrap_or_default();
    if part.get("thought").and_then(Value::as_bool).unwrap_or(false) {
        so_far.add_thinking(text);
        return "";
    }
    text
}

/// Cached tokens are inside the prompt's; thoughts and the prompts of tools come beside.
fn usage(told: &Value) -> Option<Usage> {
    let prompt = count(told, &["/promptTokenCount"]);
    let output = count(told, &["/candidatesTokenCount"]);
    if prompt.is_none() && output.is_none() {
        return None;
    }
    let cached = count(told, &["/cachedContentTokenCount"]).unwrap_or(0);
    let tools = count(told, &["/toolUsePromptTokenCount"]).unwrap_or(0);
    Some(Usage {
        input_tokens: prompt.unwrap_or(0).saturating_sub(cached).saturating_add(tools),
        cached_input_tokens: cached,
        cache_write_tokens: 0,
        output_tokens: output.unwrap_or(0),
        reasoning_tokens: count(told, &["/thoughtsTokenCount"]).unwrap_or(0),
        estimated: false,
    })
}

#[cfg(test)]
mod tests;
