//! What a person sees: streams, switches, hints, and what is not sent by mistake.

use crate::common::{Place, sandbox};

#[test]
fn a_streamed_answer_is_printed_once() {
    let sandbox = sandbox("");
    let place = Place::new().with(&sandbox);
    let whole = place.run(&["ask", "--no-cache", "hello"]).expect(0);
    let streamed = place.run(&["ask", "--no-cache", "--stream", "hello"]).expect(0);
    assert_eq!(streamed.stdout, whole.stdout);
}

#[test]
fn a_key_that_was_mended_is_used_at_once() {
    let wrong = sandbox("openai=401,anthropic=401,gemini=401,cohere=401");
    let place = Place::new().with(&wrong).var("LLMR_TIMEOUT_SECS", "3");
    place.run(&["ask", "hello"]).expect(77);
    let right = sandbox("");
    place.with(&right).run(&["ask", "hello"]).expect(0);
}

#[test]
fn a_mistyped_command_is_not_sent() {
    let sandbox = sandbox("");
    let place = Place::new().with(&sandbox);
    let ran = place.run(&["stat"]).expect(2);
    assert!(ran.stderr.contains("did you mean `llmr stats`?"), "{ran:?}");
    place.run(&["chat", "--json"]).expect(2);
    assert!(sandbox.bill().providers.iter().all(|p| p.requests == 0), "{:?}", sandbox.bill());
    place.run(&["ask", "stat"]).expect(0);
}

#[test]
fn wrong_usage_is_json_where_that_is_wanted() {
    let (code, object) = Place::new().json(&["budget", "set"]);
    assert_eq!((code, &object["error"]["kind"]), (2, &"usage".into()));
}
