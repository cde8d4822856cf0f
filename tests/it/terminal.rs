//! What a person sees: streams, switches, hints, and what is not sent by mistake.

use crate::common::pty::Pty;
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
    place.run(&["version", "--json"]).expect(2);
    assert!(sandbox.bill().providers.iter().all(|p| p.requests == 0), "{:?}", sandbox.bill());
    place.run(&["ask", "stat"]).expect(0);
}

#[test]
fn wrong_usage_is_json_where_that_is_wanted() {
    let (code, object) = Place::new().json(&["budget", "set"]);
    assert_eq!((code, &object["error"]["kind"]), (2, &"usage".into()));
}

#[test]
fn an_answer_from_the_cache_says_so() {
    let sandbox = sandbox("");
    let place = Place::new().with(&sandbox);
    let first = place.run(&["ask", "hello"]).expect(0);
    assert!(!first.stderr.contains("from the cache"), "{first:?}");
    let second = place.run(&["ask", "hello"]).expect(0);
    assert!(second.stderr.contains("note: from the cache"), "{second:?}");
    assert_eq!(place.run(&["ask", "-q", "hello"]).expect(0).stderr, "");
    assert_eq!(place.run(&["ask", "--json", "hello"]).expect(0).stderr, "");
}

#[test]
fn asking_several_at_once_is_no_failover() {
    let sandbox = sandbox("");
    let place = Place::new().with(&sandbox);
    let ran = place.run(&["ask", "-u", "--parallel", "3", "hello"]).expect(0);
    assert!(!ran.stderr.contains("failover"), "{ran:?}");
    let sandbox = self::sandbox("cohere=500");
    let ran = Place::new().with(&sandbox).var("LLMR_MAX_RETRIES", 0).run(&["ask", "-u", "hello"]).expect(0);
    assert!(ran.stderr.contains("1 failover"), "{ran:?}");
}

#[test]
fn verbose_says_the_plan() {
    let sandbox = sandbox("");
    let ran = Place::new().with(&sandbox).run(&["ask", "-v", "hello"]).expect(0);
    assert_eq!(ran.stderr.lines().filter(|line| line.contains(": score 0.")).count(), 4, "{ran:?}");
}

#[test]
fn a_check_in_json_is_one_object() {
    let sandbox = sandbox("");
    let place = Place::new().with(&sandbox).var("LLMR_BUDGET_DAILY_USD", "0.000001");
    let (code, object) = place.json(&["dry-run", "--check", "hello"]);
    assert_eq!((code, object["would"].as_str().map(|w| w.starts_with("ask nobody"))), (4, Some(true)));
}

#[test]
fn a_time_limit_that_nobody_could_meet_is_named() {
    let sandbox = sandbox("cohere=hang");
    let place = Place::new().with(&sandbox);
    for secs in ["0.001", "0.3"] {
        let ran = place.run(&["ask", "-p", "cohere", "--timeout", secs, "hello"]).expect(69);
        assert!(ran.stderr.contains(&format!("the time limit of {secs} s")), "{ran:?}");
    }
}

#[test]
fn open_breakers_are_named_where_nobody_is_asked() {
    let sandbox = sandbox("openai=500,anthropic=500,gemini=500,cohere=500");
    let place = Place::new().with(&sandbox).var("LLMR_MAX_RETRIES", 0).var("LLMR_BREAKER_THRESHOLD", 1);
    place.run(&["ask", "hello"]).expect(69);
    let ran = place.run(&["ask", "hello"]).expect(69);
    assert!(ran.stderr.starts_with("error: nobody can be asked now\n"), "{ran:?}");
    assert_eq!(ran.stderr.matches("its breaker is open until").count(), 4, "{ran:?}");
    assert!(ran.stderr.contains("hint: the soonest to recover is "), "{ran:?}");
}

#[test]
fn a_rehearsal_shows_the_faults_that_were_ordered() {
    let place = Place::new().var("LLMR_MAX_RETRIES", 0).var("LLMR_BREAKER_THRESHOLD", 1);
    let hint_after = |faults: &str| {
        let ran = place.run(&["ask", "--sandbox", faults, "hello"]).expect(0);
        (ran.stderr.contains("failed (server_error"), ran.stderr)
    };
    place.run(&["ask", "--sandbox", "hello"]).expect(0);
    let (failed, stderr) = hint_after("openai=500");
    assert!(!failed && stderr.contains("to see a failover: --sandbox cohere=500"), "{stderr}");
    let (failed, stderr) = hint_after("cohere=500");
    assert!(failed && !stderr.contains("hint:"), "not from the cache: {stderr}");
    let (failed, stderr) = hint_after("cohere=500");
    assert!(!failed && stderr.contains("`llmr providers reset cohere --sandbox`"), "{stderr}");
    let (_, object) = place.json(&["ask", "--sandbox", "hello"]);
    assert!(object["warnings"][0].as_str().unwrap().contains("no model is asked"), "{object}");
    let ran = place.run(&["ask", "--sandbox=127.0.0.1:1", "hello"]).expect(69);
    assert!(ran.stderr.contains("hint: start one in another terminal: llmr sandbox --port 1"), "{ran:?}");
}

#[test]
fn a_sandbox_is_slowed_down_by_a_number_from_0() {
    for delay in ["--delay=-1", "--delay=inf", "--delay=nan"] {
        let ran = Place::new().run(&["sandbox", delay]).expect(2);
        assert!(ran.stderr.contains("is not a factor from 0"), "{ran:?}");
    }
}

#[test]
fn a_contradiction_is_told() {
    let (code, object) = Place::new().json(&["ask", "--output-format", "stream-json", "hello"]);
    assert_eq!((code, &object["error"]["kind"]), (2, &"usage".into()));
    let ran = Place::new().run(&["log", "export", "--format", "csv", "--json"]).expect(2);
    assert!(ran.stderr.starts_with("error: --json and --format csv contradict each other\n"), "{ran:?}");
}

#[test]
fn a_provider_that_is_not_there_is_an_error_that_names_the_near_one() {
    let place = Place::new();
    for args in [["models", "-p", "openia"], ["providers", "show", "openia"], ["ask", "hello", "-popenia"]] {
        let ran = place.run(&args).expect(2);
        assert!(ran.stderr.contains("hint: did you mean `openai`?"), "{args:?}: {ran:?}");
    }
    let ran = place.run(&["models", "no-such-model"]).expect(0);
    assert_eq!((ran.stdout.as_str(), ran.stderr.starts_with("hint: no model has that")), ("", true));
}

#[test]
fn an_answer_streams_on_a_terminal() {
    let sandbox = sandbox("");
    let place = Place::new().with(&sandbox);
    let whole = place.run(&["ask", "--no-cache", "hello"]).expect(0);
    let (code, printed) = Pty::start(&place, &["ask", "--no-cache", "hello"], 80, 24).end();
    assert_eq!(code, 0);
    assert!(printed.replace("\r\n", " ").contains(whole.stdout.lines().next().unwrap()), "{printed}");
}
