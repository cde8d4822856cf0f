//! Cohere's requests, answers and streams.

use super::*;
use crate::providers::ModelFacts;
use crate::providers::testing::{Came, ask, came, endpoint, failed, replay, sent};
use crate::types::{
    FailureClass::{ContentRefused, Cut, RateLimited, ServerError},
    FinishReason::{Length, Stop, ToolCalls},
};

/// 7 and 21 billed, 12 of the latter thought; what came from the cache is not billed.
const USAGE: [u64; 5] = [7, 0, 0, 9, 12];

#[test]
fn answers_and_streams() {
    for (file, expected) in [
        ("chat.json", came("Hej då", Stop, USAGE)),
        ("stream.sse", came("Hej då", Stop, USAGE)),
        ("stream_no_done.sse", came("Hej", Length, USAGE)),
        ("stream_cut.sse", failed(Cut)),
        ("stream_error.sse", failed(ServerError)),
        ("stream_tool.sse", Came { tool_calls: true, ..came("", ToolCalls, USAGE) }),
        ("unbilled.json", came("Hej", Stop, [5, 0, 0, 2, 0])),
        ("error.json", failed(ServerError)),
    ] {
        assert_eq!(replay("cohere", file), expected, "{file}");
    }
}

#[test]
fn a_whole_request() {
    let full = Ask {
        system: Some("Be brief.".into()),
        temperature: Some(0.5),
        top_p: Some(0.9),
        stop: vec!["END".into()],
        effort: Some(Effort::Medium),
        ..ask()
    };
    let model_facts = ModelFacts { reasons: true, ..ModelFacts::default() };
    for base in ["https://c.test", "https://c.test/v2"] {
        let to = Endpoint { base_url: base.into(), model_facts: model_facts.clone(), ..endpoint("cohere", "m") };
        let request = Cohere.request(&to, &full).unwrap();
        assert_eq!(request.url, "https://c.test/v2/chat");
        let expected = json!({
            "model": "m",
            "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hello"}],
            "max_tokens": 100, "temperature": 0.5, "p": 0.9, "stop_sequences": ["END"], "stream": false,
            "thinking": {"type": "enabled", "token_budget": 50},
        });
        assert_eq!(sent(&request), expected);
    }
}

#[test]
fn a_blocked_text_has_a_status_of_its_own() {
    let class = |status| Cohere.failure(status, &Headers::default(), br#"{"message":"blocked"}"#).class;
    assert_eq!(class(498), ContentRefused);
    assert_eq!(class(429), RateLimited);
}
