//! What a provider says, in each dialect, as plainly as the dialect allows: whole, or as the events of a stream.

use llmr::types::DialectKind;
use serde_json::{Value, json};

/// How an answer ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Finish {
    /// Because it is done.
    Stop,
    /// By the content policy.
    Blocked,
}

/// An answer, before it is put into a dialect.
#[derive(Debug, Clone)]
pub struct Says {
    /// The text, a token a piece.
    pub pieces: Vec<String>,
    /// Why it ends.
    pub finish: Finish,
    /// Input and output tokens, where they are told.
    pub usage: Option<(u64, u64)>,
}

/// Where in a stream an event stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// Before the first text.
    Head,
    /// A piece of the text.
    Text,
    /// Finish reason and usage, where the end marker is another event.
    Tail,
    /// The end marker, or the event without which there is no end.
    End,
}

/// One event of a stream, framed.
pub type Event = (Part, String);

/// The answer as one body.
pub fn whole(dialect: DialectKind, says: &Says) -> String {
    let text = says.pieces.concat();
    match dialect {
        DialectKind::Openai => openai_whole(says, &text),
        DialectKind::Anthropic => anthropic_whole(says, &text),
        DialectKind::Gemini => gemini_chunk(says, &text, true),
        DialectKind::Cohere => cohere_whole(says, &text),
    }
    .to_string()
}

/// The answer as a stream.
pub fn events(dialect: DialectKind, says: &Says) -> Vec<Event> {
    match dialect {
        DialectKind::Openai => openai_events(says),
        DialectKind::Anthropic => anthropic_events(says),
        DialectKind::Gemini => gemini_events(says),
        DialectKind::Cohere => cohere_events(says),
    }
}

/// An event that carries this, named after its type.
pub fn frame(data: &Value) -> String {
    match data["type"].as_str() {
        Some(name) => format!("event: {name}\ndata: {data}\n\n"),
        None => format!("data: {data}\n\n"),
    }
}

fn openai_usage(usage: Option<(u64, u64)>) -> Value {
    usage.map_or(Value::Null, |(read, written)| {
        json!({ "prompt_tokens": read, "completion_tokens": written, "total_tokens": read + written })
    })
}

fn openai_finish(says: &Says) -> Value {
    json!(if says.finish == Finish::Stop { "stop" } else { "content_filter" })
}

fn openai_whole(says: &Says, text: &str) -> Value {
    let message = json!({ "role": "assistant", "content": text });
    let choice = json!({ "index": 0, "message": message, "finish_reason": openai_finish(says) });
    json!({ "id": "c1", "model": "a", "choices": [choice], "usage": openai_usage(says.usage) })
}

fn openai_events(says: &Says) -> Vec<Event> {
    let chunk = |delta: Value, finish: Value| {
        let choice = json!({ "index": 0, "delta": delta, "finish_reason": finish });
        frame(&json!({ "id": "c1", "model": "a", "choices": [choice], "usage": null }))
    };
    let mut events = vec![(Part::Head, chunk(json!({ "role": "assistant", "content": "" }), Value::Null))];
    let text = |piece: &String| (Part::Text, chunk(json!({ "content": piece }), Value::Null));
    events.extend(says.pieces.iter().map(text));
    events.push((Part::Tail, chunk(json!({}), openai_finish(says))));
    let last = json!({ "id": "c1", "model": "a", "choices": [], "usage": openai_usage(says.usage) });
    events.push((Part::Tail, frame(&last)));
    events.push((Part::End, "data: [DONE]\n\n".to_owned()));
    events
}

fn anthropic_usage(read: u64, written: u64) -> Value {
    json!({ "input_tokens": read, "output_tokens": written })
}

fn anthropic_stop(says: &Says) -> &'static str {
    if says.finish == Finish::Stop { "end_turn" } else { "refusal" }
}

fn anthropic_whole(says: &Says, text: &str) -> Value {
    let content = if text.is_empty() { json!([]) } else { json!([{ "type": "text", "text": text }]) };
    let mut body = json!({
        "id": "m1", "type": "message", "role": "assistant", "model": "a", "content": content,
        "stop_reason": anthropic_stop(says),
    });
    if let Some((read, written)) = says.usage {
        body["usage"] = anthropic_usage(read, written);
    }
    body
}

fn anthropic_events(says: &Says) -> Vec<Event> {
    let mut start = json!({ "type": "message_start", "message":
        { "id": "m1", "type": "message", "role": "assistant", "model": "a", "content": [] } });
    let mut end = json!({ "type": "message_delta", "delta": { "stop_reason": anthropic_stop(says) } });
    if let Some((read, written)) = says.usage {
        start["message"]["usage"] = anthropic_usage(read, 1);
        end["usage"] = json!({ "output_tokens": written });
    }
    let block = json!({ "type": "content_block_start", "index": 0, "content_block": { "type": "text", "text": "" } });
    let mut events = vec![(Part::Head, frame(&start)), (Part::Head, frame(&block))];
    events.extend(says.pieces.iter().map(|piece| {
        let delta = json!({ "type": "text_delta", "text": piece });
        (Part::Text, frame(&json!({ "type": "content_block_delta", "index": 0, "delta": delta })))
    }));
    events.push((Part::Tail, frame(&json!({ "type": "content_block_stop", "index": 0 }))));
    events.push((Part::Tail, frame(&end)));
    events.push((Part::End, frame(&json!({ "type": "message_stop" }))));
    events
}

/// A piece, or the whole or the last one of it, with finish reason and usage.
fn gemini_chunk(says: &Says, text: &str, ends: bool) -> Value {
    let mut chunk = json!({ "modelVersion": "a" });
    if let Some((read, written)) = says.usage {
        let written = if ends { written } else { 0 };
        chunk["usageMetadata"] =
            json!({ "promptTokenCount": read, "candidatesTokenCount": written, "totalTokenCount": read + written });
    }
    if says.finish == Finish::Blocked {
        chunk["promptFeedback"] = json!({ "blockReason": "PROHIBITED_CONTENT" });
        return chunk;
    }
    let content = json!({ "role": "model", "parts": [{ "text": text }] });
    let mut candidate = json!({ "index": 0, "content": content });
    if ends {
        candidate["finishReason"] = json!("STOP");
    }
    chunk["candidates"] = json!([candidate]);
    chunk
}

/// Its head is a comment: there is no event before the first text. Its end is the finish reason.
fn gemini_events(says: &Says) -> Vec<Event> {
    let mut events = vec![(Part::Head, ": ok\n\n".to_owned())];
    let text = |piece: &String| (Part::Text, frame(&gemini_chunk(says, piece, false)));
    events.extend(says.pieces.iter().map(text));
    events.push((Part::End, frame(&gemini_chunk(says, "", true))));
    events
}

fn cohere_end(says: &Says) -> Value {
    let mut end = json!({ "finish_reason": if says.finish == Finish::Stop { "COMPLETE" } else { "ERROR_TOXIC" } });
    if let Some((read, written)) = says.usage {
        let counts = json!({ "input_tokens": read, "output_tokens": written });
        end["usage"] = json!({ "billed_units": counts, "tokens": counts });
    }
    end
}

fn cohere_whole(says: &Says, text: &str) -> Value {
    let content = if text.is_empty() { json!([]) } else { json!([{ "type": "text", "text": text }]) };
    let mut body = cohere_end(says);
    body["id"] = json!("c1");
    body["message"] = json!({ "role": "assistant", "content": content });
    body
}

fn cohere_events(says: &Says) -> Vec<Event> {
    let content = |kind: &str, text: &str| {
        frame(&json!({ "type": kind, "index": 0, "delta": { "message": { "content": { "text": text } } } }))
    };
    let start = json!({ "type": "message-start", "id": "c1", "delta": { "message": { "role": "assistant" } } });
    let mut events = vec![(Part::Head, frame(&start)), (Part::Head, content("content-start", ""))];
    events.extend(says.pieces.iter().map(|piece| (Part::Text, content("content-delta", piece))));
    events.push((Part::Tail, frame(&json!({ "type": "content-end", "index": 0 }))));
    events.push((Part::End, frame(&json!({ "type": "message-end", "delta": cohere_end(says) }))));
    events
}
