//! What a recorded answer says, by an own reading of the vendors' fields: text, finish reason, usage, cost, model.

use llmr::providers::ProviderRow;
use llmr::types::{DialectKind, FinishReason, NanoUsd, Usage};
use serde_json::{Map, Value};

/// What a recording says, read by other code than the dialects'.
#[derive(Debug)]
pub struct Expected {
    pub text: String,
    pub finish: FinishReason,
    pub usage: Option<Usage>,
    pub cost: Option<NanoUsd>,
    pub model: Option<String>,
}

/// Reads a recorded body of this provider.
pub fn expect(row: &ProviderRow, body: &[u8]) -> Expected {
    let objects = objects(body);
    match row.dialect {
        DialectKind::Openai => expect_openai(row.name, &objects),
        DialectKind::Anthropic => expect_anthropic(&objects),
        DialectKind::Gemini => expect_gemini(&objects),
        DialectKind::Cohere => expect_cohere(&objects),
    }
}

/// The JSON objects of a body: one, a list of them, or the data lines of a stream.
fn objects(body: &[u8]) -> Vec<Value> {
    let text = std::str::from_utf8(body).unwrap();
    match serde_json::from_str::<Value>(text) {
        Ok(Value::Array(list)) => list,
        Ok(object) => vec![object],
        Err(_) => {
            let data = text.lines().filter_map(|line| line.trim_end().strip_prefix("data: "));
            data.filter(|data| *data != "[DONE]").map(|data| serde_json::from_str(data).unwrap()).collect()
        }
    }
}

fn strings<'a>(objects: &'a [Value], pointer: &'a str) -> impl Iterator<Item = &'a str> {
    objects.iter().filter_map(move |object| object.pointer(pointer)?.as_str()).filter(|text| !text.is_empty())
}

fn number(value: &Value, pointer: &str) -> u64 {
    value.pointer(pointer).and_then(Value::as_f64).unwrap_or(0.0).ceil() as u64
}

fn finish(word: Option<&str>) -> FinishReason {
    match word.unwrap_or_default().to_lowercase().as_str() {
        "stop" | "eos" | "end_turn" | "stop_sequence" | "complete" => FinishReason::Stop,
        "length" | "max_tokens" => FinishReason::Length,
        "tool_calls" | "tool_use" | "tool_call" | "function_call" => FinishReason::ToolCalls,
        "content_filter" | "refusal" | "safety" => FinishReason::ContentFilter,
        _ => FinishReason::Other,
    }
}

fn expect_openai(provider: &str, objects: &[Value]) -> Expected {
    let part = if objects.iter().any(|o| o["object"] == "chat.completion.chunk") || objects.len() > 1 {
        "delta"
    } else {
        "message"
    };
    let mut text = String::new();
    for choice in objects.iter().filter_map(|object| object.pointer("/choices/0")) {
        match &choice[part]["content"] {
            Value::String(piece) => text.push_str(piece),
            Value::Array(parts) => {
                text.extend(
                    parts.iter().filter(|part| part["type"] == "text").filter_map(|part| part["text"].as_str()),
                );
            }
            _ => {}
        }
    }
    if let Some((_, behind)) = text.strip_prefix("<think>").and_then(|thought| thought.split_once("</think>")) {
        text = behind.trim_start().to_owned();
    }
    let refusal: String = strings(objects, &format!("/choices/0/{part}/refusal")).collect();
    let told = objects.iter().flat_map(|object| [object.pointer("/x_groq/usage"), object.get("usage")]);
    let told = told.flatten().rfind(|usage| usage.is_object());
    let finish = match refusal.is_empty() {
        true => finish(strings(objects, "/choices/0/finish_reason").last()),
        false => FinishReason::ContentFilter,
    };
    Expected {
        text: text + &refusal,
        finish,
        usage: told.map(|usage| openai_usage(provider, usage)),
        cost: told.and_then(|usage| openai_cost(provider, usage)),
        model: strings(objects, "/model").last().map(str::to_owned),
    }
}

fn openai_usage(provider: &str, told: &Value) -> Usage {
    let either = |a: &str, b: &str| number(told, a).max(number(told, b));
    let cached =
        either("/prompt_tokens_details/cached_tokens", "/cached_tokens").max(number(told, "/prompt_cache_hit_tokens"));
    let written = number(told, "/prompt_tokens_details/cache_write_tokens");
    let reasoning = either("/completion_tokens_details/reasoning_tokens", "/reasoning_tokens");
    let output = number(told, "/completion_tokens");
    Usage {
        input_tokens: number(told, "/prompt_tokens").saturating_sub(cached + written),
        cached_input_tokens: cached,
        cache_write_tokens: written,
        output_tokens: if provider == "xai" { output } else { output.saturating_sub(reasoning) },
        reasoning_tokens: reasoning,
        estimated: false,
    }
}

fn openai_cost(provider: &str, told: &Value) -> Option<NanoUsd> {
    let usd = |value: &Value| NanoUsd::from_f64_ceil(value.as_f64()?);
    match provider {
        "openrouter" => usd(&told["cost"]),
        "perplexity" => usd(&told["cost"]["total_cost"]),
        "xai" => Some(NanoUsd(told["cost_in_usd_ticks"].as_i64()?.checked_add(9)? / 10)),
        _ => None,
    }
}

fn expect_anthropic(objects: &[Value]) -> Expected {
    let blocks = objects.iter().filter_map(|object| object["content"].as_array()).flatten();
    let whole = blocks.filter(|block| block["type"] == "text").filter_map(|block| block["text"].as_str());
    let text = whole.chain(strings(objects, "/delta/text")).collect();
    // Every field of usage as last told.
    let mut told = Map::new();
    for place in objects.iter().flat_map(|object| [object.pointer("/message/usage"), object.get("usage")]) {
        told.extend(place.and_then(Value::as_object).cloned().into_iter().flatten());
    }
    let told = Value::Object(told);
    let thinking = number(&told, "/output_tokens_details/thinking_tokens");
    let words = strings(objects, "/stop_reason").chain(strings(objects, "/delta/stop_reason"));
    Expected {
        text,
        finish: finish(words.last()),
        usage: Some(Usage {
            input_tokens: number(&told, "/input_tokens"),
            cached_input_tokens: number(&told, "/cache_read_input_tokens"),
            cache_write_tokens: number(&told, "/cache_creation_input_tokens"),
            output_tokens: number(&told, "/output_tokens").saturating_sub(thinking),
            reasoning_tokens: thinking,
            estimated: false,
        }),
        cost: None,
        model: strings(objects, "/model").chain(strings(objects, "/message/model")).last().map(str::to_owned),
    }
}

fn expect_gemini(objects: &[Value]) -> Expected {
    let candidates: Vec<&Value> = objects.iter().filter_map(|object| object.pointer("/candidates/0")).collect();
    let parts = || candidates.iter().filter_map(|candidate| candidate["content"]["parts"].as_array()).flatten();
    let text = parts().filter(|part| part["thought"] != true).filter_map(|part| part["text"].as_str()).collect();
    let told = objects.iter().rev().find_map(|object| object.get("usageMetadata"));
    let word = candidates.iter().rev().find_map(|candidate| candidate["finishReason"].as_str());
    let calls = parts().any(|part| part.get("functionCall").is_some());
    let usage = |told: &Value| Usage {
        input_tokens: number(told, "/promptTokenCount").saturating_sub(number(told, "/cachedContentTokenCount"))
            + number(told, "/toolUsePromptTokenCount"),
        cached_input_tokens: number(told, "/cachedContentTokenCount"),
        cache_write_tokens: 0,
        output_tokens: number(told, "/candidatesTokenCount"),
        reasoning_tokens: number(told, "/thoughtsTokenCount"),
        estimated: false,
    };
    Expected {
        text,
        finish: if calls { FinishReason::ToolCalls } else { finish(word) },
        usage: told.map(usage),
        cost: None,
        model: strings(objects, "/modelVersion").last().map(str::to_owned),
    }
}

fn expect_cohere(objects: &[Value]) -> Expected {
    let whole = objects.iter().filter_map(|object| object["message"]["content"].as_array()).flatten();
    let whole = whole.filter(|part| part["type"] == "text").filter_map(|part| part["text"].as_str());
    let text = whole.chain(strings(objects, "/delta/message/content/text")).collect();
    let told = objects.iter().rev().find_map(|o| o.pointer("/delta/usage").or_else(|| o.get("usage"))).unwrap();
    let words = strings(objects, "/finish_reason").chain(strings(objects, "/delta/finish_reason"));
    let output = number(told, "/billed_units/output_tokens");
    let reasoning = number(told, "/tokens/reasoning_tokens").min(output);
    Expected {
        text,
        finish: finish(words.last()),
        usage: Some(Usage {
            input_tokens: number(told, "/billed_units/input_tokens"),
            output_tokens: output - reasoning,
            reasoning_tokens: reasoning,
            ..Usage::default()
        }),
        cost: None,
        model: None,
    }
}
