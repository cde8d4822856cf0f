//! Limits of requests and tokens a minute, from the config to the exit code.

use serde_json::json;

use crate::common::{Place, provider, sandbox_of};

/// Every run begins at this moment, so that all of them are within one minute.
const NOW: &str = "2026-11-21T12:00:00Z";

fn place(limits: &str, names: &[&str]) -> (llmr::sandbox::Sandbox, Place) {
    let providers = names.iter().map(|name| provider(name, "m", "1", "10")).collect();
    let sandbox = sandbox_of(providers, "");
    let place = Place::new().labs(&sandbox, limits).var("LLMR_NOW", NOW);
    (sandbox, place)
}

#[test]
fn a_limit_is_everybody_s_and_says_when_to_come_back() {
    let (sandbox, place) = place("[limits.alpha]\nrpm = 2", &["alpha"]);
    place.run(&["ask", "--no-cache", "one"]).expect(0);
    place.run(&["ask", "--no-cache", "two"]).expect(0);
    let ran = place.run(&["ask", "--no-cache", "three"]).expect(75);
    let expected = "error: every candidate is rate-limited until 2026-11-21T12:01:01Z\n\
                    hint: alpha/m: its limit of 2 requests a minute (rpm) is used up until 2026-11-21T12:01:01Z\n\
                    hint: try again later, or configure another provider\n";
    assert_eq!((ran.stdout.as_str(), ran.stderr.as_str()), ("", expected));
    assert_eq!(sandbox.bill().requests.len(), 2, "nothing was sent");
    let (_, plan) = place.json(&["dry-run", "--no-cache", "three"]);
    let reason = "its limit of 2 requests a minute (rpm) is used up until 2026-11-21T12:01:01Z";
    assert_eq!(plan["refused"], json!([{"provider": "alpha", "model": "m", "reason": reason}]), "{plan}");

    // A stored answer asks nobody, and a minute later there is room again.
    place.run(&["ask", "one"]).expect(75);
    let later = place.var("LLMR_NOW", "2026-11-21T12:01:01Z");
    later.run(&["ask", "--no-cache", "three"]).expect(0);
    assert_eq!(sandbox.bill().requests.len(), 3);
}

#[test]
fn a_minute_that_is_nearly_over_is_waited_for() {
    let (sandbox, place) = place("[limits.alpha]\nrpm = 1", &["alpha"]);
    place.run(&["ask", "--no-cache", "one"]).expect(0);
    let later = place.var("LLMR_NOW", "2026-11-21T12:00:59Z");
    let ran = later.run(&["ask", "--no-cache", "two"]).expect(0);
    assert_eq!(ran.stderr, "warning: alpha/m: its limit of 1 requests a minute (rpm) is used up: waiting 2 s\n");
    assert_eq!(sandbox.bill().requests.len(), 2);
}

#[test]
fn whoever_has_room_is_asked_in_the_place_of_who_has_none() {
    let (sandbox, place) = place("[limits.alpha]\nrpm = 1", &["alpha", "beta"]);
    let asked = || {
        let (code, answer) = place.json(&["ask", "--no-cache", "hello"]);
        (code, answer["provider"].as_str().unwrap_or_default().to_owned())
    };
    assert_eq!([asked(), asked(), asked()], [(0, "alpha".into()), (0, "beta".into()), (0, "beta".into())]);
    assert_eq!(sandbox.bill().provider("alpha").unwrap().requests, 1);
    assert_eq!(place.sql("SELECT provider, requests FROM rates"), ["alpha|1"], "who has no limit is not counted");
}

#[test]
fn tokens_are_counted_as_expected_and_then_as_told() {
    let (sandbox, place) = place("", &["alpha"]);
    let config = std::fs::read_to_string(place.home().join("config.toml")).unwrap();
    place.home_file("config.toml", &config.replace("priority = 1\n", "priority = 1\ntpm = 500\n"));
    place.run(&["ask", "--no-cache", "--max-tokens", "30", "one two three"]).expect(0);
    let usage = sandbox.bill().requests[0].usage;
    let told = usage.input_tokens + usage.output_tokens;
    assert_eq!(place.sql("SELECT requests, tokens FROM rates"), [format!("1|{told}")]);
    // What the answers of before took does not fill it, what a long one may take does.
    place.run(&["ask", "--no-cache", "--max-tokens", "30", "one two three"]).expect(0);
    let long = "word ".repeat(600);
    let ran = place.run(&["ask", "--no-cache", "--max-tokens", "30", &long]).expect(75);
    assert!(ran.stderr.contains("alpha/m: its limit of 500 tokens a minute (tpm) is used up until"), "{ran:?}");
}

#[test]
fn a_wrong_limit_is_an_error_with_its_place() {
    for (limits, says) in [
        ("[limits.alpha]\nrpm = 0", "config.toml:2: limits.rpm: not a whole number from 1"),
        ("[limits.alpha]\nrpn = 5", "config.toml:2: unknown key `rpn`"),
        ("[limits.alhpa]\nrpm = 5", "config.toml:1: [limits] names no provider `alhpa`"),
        ("[limits]\nalpha = 5", "config.toml:2: limits: not a table"),
    ] {
        let (_, place) = place(limits, &["alpha"]);
        let ran = place.run(&["ask", "hello"]).expect(2);
        assert!(ran.stderr.contains(says), "{limits}: {ran:?}");
    }
    let (_, place) = place("[limits.alpha]\nrpm = 5", &["alpha"]);
    let (_, shown) = place.json(&["config", "show"]);
    let text = shown.to_string();
    assert!(text.contains("\"alpha.rpm\""), "{text}");
    let config = std::fs::read_to_string(place.home().join("config.toml")).unwrap();
    place.home_file("config.toml", &config.replace("priority = 1\n", "priority = 1\nrpm = 6\n"));
    let ran = place.run(&["ask", "hello"]).expect(2);
    assert!(ran.stderr.contains("the limits of `alpha` are in its [[provider]] row already"), "{ran:?}");
}
