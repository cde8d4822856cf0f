//! Anthropic's requests, answers and streams.

use super::*;
use crate::providers::ModelFacts;
use crate::providers::testing::{Came, ask, came, endpoint, failed, headers, replay, sent};
use crate::types::{
    FailureClass::{ContentRefused, Cut, Empty, Overloaded, ServerError},
    FinishReason::{ContentFilter, Length, Stop, ToolCalls},
};

const USAGE: [u64; 5] = [27, 100, 5, 5, 15];

fn of(came: Came) -> Came {
    Came { model: Some("n-1".into()), ..came }
}

#[test]
fn answers_and_streams() {
    let started = |output| [27, 100, 5, output, 0];
    for (file, expected) in [
        ("chat.json", of(came("Bonjour", Stop, USAGE))),
        ("stream.sse", of(came("Bonjour, ça va", Stop, USAGE))),
        ("stream_old.sse", of(came("Ah", Length, started(9)))),
        ("stream_unnamed.sse", of(came("Ah", Stop, started(9)))),
        ("stream_straight.sse", Came { usage: Some(started(3)), ..failed(Empty) }),
        ("stream_error.sse", Came { usage: Some(started(2)), ..failed(Overloaded) }),
        ("stream_cut.sse", Came { usage: Some(USAGE), ..failed(Cut) }),
        ("stream_tool.sse", Came { tool_calls: true, ..of(came("", ToolCalls, started(9))) }),
        ("stream_refusal.sse", Came { usage: Some(started(1)), ..failed(ContentRefused) }),
        ("refusal_in_words.json", of(came("I would rather not.", ContentFilter, USAGE))),
        ("no_content.json", Came { usage: Some(USAGE), ..failed(Empty) }),
        ("capped.json", of(came("", Length, USAGE))),
        ("error.json", failed(ServerError)),
    ] {
        assert_eq!(replay("anthropic", file), expected, "{file}");
    }
}

#[test]
fn a_whole_request() {
    let full = Ask {
        system: Some("Be brief.".into()),
        temperature: Some(0.5),
        stop: vec!["END".into()],
        stream: true,
        ..ask()
    };
    for base in ["https://a.test", "https://a.test/v1", "https://a.test/v1/"] {
        let to = Endpoint { base_url: base.into(), ..endpoint("anthropic", "m") };
        let request = Anthropic.request(&to, &full).unwrap();
        assert_eq!(request.url, "https://a.test/v1/messages");
        assert_eq!(headers(&request), [("anthropic-version", "2023-06-01".into()), ("x-api-key", "test-key".into())]);
        let expected = json!({
            "model": "m", "max_tokens": 100, "system": "Be brief.", "messages": [{"role": "user", "content": "Hello"}],
            "temperature": 0.5, "stop_sequences": ["END"], "stream": true,
        });
        assert_eq!(sent(&request), expected);
    }
}

#[test]
fn effort_is_a_budget_or_a_word() {
    let thinks = ModelFacts { reasons: true, ..ModelFacts::default() };
    let adapts = ModelFacts { adaptive_thinking: true, ..thinks.clone() };
    for (facts, effort, cap, expected) in [
        (&thinks, Effort::Low, 8192, json!({"thinking": {"type": "enabled", "budget_tokens": 1638}})),
        (&thinks, Effort::Low, 2000, json!({"thinking": {"type": "enabled", "budget_tokens": 1024}})),
        (&thinks, Effort::High, 1024, json!({"temperature": 0.5})),
        (&thinks, Effort::None, 8192, json!({"temperature": 0.5})),
        (&adapts, Effort::None, 8192, json!({"temperature": 0.5, "thinking": {"type": "disabled"}})),
        (&adapts, Effort::Max, 100, json!({"thinking": {"type": "adaptive"}, "output_config": {"effort": "max"}})),
        (&ModelFacts::default(), Effort::High, 8192, json!({"temperature": 0.5})),
    ] {
        let to = Endpoint { model_facts: facts.clone(), ..endpoint("anthropic", "m") };
        let asked = Ask { effort: Some(effort), temperature: Some(0.5), max_output_tokens: cap, ..ask() };
        let body = sent(&Anthropic.request(&to, &asked).unwrap());
        let names = ["temperature", "thinking", "output_config"];
        let found: Map<_, _> = names.iter().filter_map(|n| Some(((*n).to_owned(), body.get(*n)?.clone()))).collect();
        assert_eq!(Value::Object(found), expected, "{effort} {cap}");
    }
}
