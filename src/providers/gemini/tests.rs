//! Gemini's requests, answers and streams.

use super::*;
use crate::providers::testing::{Came, ask, came, endpoint, failed, headers, replay, sent};
use crate::types::{
    FailureClass::{ContentRefused, Cut, Overloaded, ServerError},
    FinishReason::{ContentFilter, Length, Stop, ToolCalls},
};

/// 100 read, 60 of them cached, 10 more for tools; 8 written, 23 thought.
const USAGE: [u64; 5] = [50, 60, 0, 8, 23];
const STARTED: [u64; 5] = [15, 0, 0, 0, 0];
const BLOCKED: [u64; 5] = [14, 0, 0, 0, 0];

fn of(came: Came) -> Came {
    Came { model: Some("g-1".into()), ..came }
}

#[test]
fn answers_and_streams() {
    for (file, expected) in [
        ("chat.json", of(came("Ciao, è vero", Stop, USAGE))),
        ("stream.sse", of(came("Ciao, è vero", Stop, USAGE))),
        ("stream_array.json", of(came("Ciao, bella", Stop, USAGE))),
        ("stream_late_usage.sse", of(came("Ciao", Stop, USAGE))),
        ("stream_cut.sse", Came { usage: Some(STARTED), ..failed(Cut) }),
        ("stream_error.sse", Came { usage: Some(STARTED), ..failed(ServerError) }),
        ("blocked_answer.json", Came { usage: Some(BLOCKED), ..failed(ContentRefused) }),
        ("blocked_prompt.json", Came { usage: Some(BLOCKED), ..failed(ContentRefused) }),
        ("stream_blocked.sse", Came { usage: Some(BLOCKED), ..failed(ContentRefused) }),
        ("blocked_midway.sse", of(came("Well", ContentFilter, STARTED))),
        ("tool.json", Came { tool_calls: true, ..of(came("", ToolCalls, STARTED)) }),
        ("thought_away.json", of(came("", Length, [1, 0, 0, 0, 95]))),
        ("error_array.json", failed(Overloaded)),
    ] {
        assert_eq!(replay("gemini", file), expected, "{file}");
    }
}

#[test]
fn the_model_goes_into_the_path_and_the_key_into_a_header() {
    let root = "https://g.test/v1beta";
    for (base, model, stream, url) in [
        ("https://g.test", "gemini-x", false, format!("{root}/models/gemini-x:generateContent")),
        ("https://g.test/", "gemini-x", true, format!("{root}/models/gemini-x:streamGenerateContent?alt=sse")),
        ("https://g.test/v1beta", "models/gemini-x", false, format!("{root}/models/gemini-x:generateContent")),
        ("https://g.test", "tunedModels/mine", false, format!("{root}/tunedModels/mine:generateContent")),
        ("https://g.test", "a/../b?key", false, format!("{root}/models/a%2F..%2Fb%3Fkey:generateContent")),
    ] {
        let to = Endpoint { base_url: base.into(), ..endpoint("gemini", model) };
        let request = Gemini.request(&to, &Ask { stream, ..ask() }).unwrap();
        assert_eq!(request.url, url);
        assert_eq!(headers(&request), [("x-goog-api-key", "test-key".into())]);
    }
}

#[test]
fn a_whole_request() {
    let Value::Object(extra) = json!({
        "topK": 5, "safetySettings": [], "generationConfig": {"seed": 1},
    }) else {
        panic!()
    };
    let full = Ask {
        system: Some("Be brief.".into()),
        temperature: Some(0.5),
        top_p: Some(0.9),
        stop: vec!["END".into()],
        extra,
        ..ask()
    };
    let expected = json!({
        "systemInstruction": {"parts": [{"text": "Be brief."}]},
        "contents": [{"role": "user", "parts": [{"text": "Hello"}]}],
        "generationConfig": {"maxOutputTokens": 100, "temperature": 0.5, "topP": 0.9, "stopSequences": ["END"], "topK": 5, "seed": 1},
        "safetySettings": [],
    });
    assert_eq!(sent(&Gemini.request(&endpoint("gemini", "m"), &full).unwrap()), expected);
}

#[test]
fn effort_is_a_budget_for_2_5_and_a_level_for_later_ones() {
    for (model, effort, expected) in [
        ("gemini-2.5-flash", Effort::None, json!({"thinkingBudget": 0})),
        ("gemini-2.5-pro", Effort::None, json!({"thinkingBudget": 128})),
        ("gemini-2.5-flash", Effort::Medium, json!({"thinkingBudget": 4096})),
        ("gemini-2.5-flash-lite", Effort::None, json!({"thinkingBudget": 0})),
        ("gemini-3.8-flash", Effort::None, json!({"thinkingLevel": "minimal"})),
        ("gemini-3.1-pro-preview", Effort::None, json!({"thinkingLevel": "low"})),
        ("gemini-3.8-flash", Effort::Max, json!({"thinkingLevel": "high"})),
    ] {
        let model_facts = ModelFacts { reasons: true, ..ModelFacts::default() };
        let to = Endpoint { model_facts, ..endpoint("gemini", model) };
        let asked = Ask { effort: Some(effort), max_output_tokens: 8192, ..ask() };
        let body = sent(&Gemini.request(&to, &asked).unwrap());
        assert_eq!(body["generationConfig"]["thinkingConfig"], expected, "{model} {effort}");
    }
    let to = endpoint("gemini", "gemini-2.0-flash");
    let body = sent(&Gemini.request(&to, &Ask { effort: Some(Effort::High), ..ask() }).unwrap());
    assert_eq!(body["generationConfig"].get("thinkingConfig"), None);
}
