//! The policy on a virtual clock, line by line over the pipe.

use std::io::{BufRead, BufReader, Write};
use std::process::Stdio;

use serde_json::Value;

use crate::common::Place;

const RESET: &str = r#"{"type":"reset","providers":[{"name":"dear","group":"x","usd_in":3,"usd_out":9,"tier":"balanced"},{"name":"cheap","group":null,"usd_in":0.2,"usd_out":0.6,"tier":null,"more":[1]},{"name":"plain","usd_in":1,"usd_out":2}],"profile":{"q":1,"c":100,"l":0.05,"fail":2},"more":null}"#;

/// Two thousand lines of weather: a provider that fails for a while, one that grows slow.
fn session() -> String {
    let mut lines = vec![RESET.to_owned()];
    for n in 0..1000 {
        let who = ["cheap", "plain", "dear"][n % 3];
        let ok = who != "cheap" || !(300..500).contains(&n);
        let latency_s = if who == "plain" && n > 600 { 9.0 } else { 1.0 + (n % 7) as f64 * 0.1 };
        lines.push(format!(r#"{{"type":"decide","id":{n},"t":{n},"in_tok":{},"out_tok_hint":150}}"#, 100 + n % 900));
        lines.push(format!(
            r#"{{"type":"result","id":{n},"t":{n}.5,"provider":"{who}","ok":{ok},"status":{},"latency_s":{latency_s},"cost_usd":0.001,"quality":{},"retry_after_s":null}}"#,
            if ok { 200 } else { 503 },
            if ok { "0.8" } else { "null" },
        ));
    }
    lines.join("\n") + "\n"
}

#[test]
fn each_decision_is_answered_before_the_next_line() {
    let mut child = Place::new().command(&["simulate", "--stdio"]).stdin(Stdio::piped()).spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    let mut output = BufReader::new(child.stdout.take().unwrap());
    let mut ask = |line: &str, answered: bool| {
        writeln!(input, "{line}").unwrap();
        let mut answer = String::new();
        if answered {
            output.read_line(&mut answer).unwrap();
        }
        serde_json::from_str::<Value>(&answer).unwrap_or_default()
    };
    ask(RESET, false);
    let first = ask(r#"{"type":"decide","id":1,"t":0,"in_tok":1000,"out_tok_hint":null,"more":0}"#, true);
    assert_eq!(first["order"], serde_json::json!(["cheap", "plain", "dear"]), "unseen: the cheapest first");
    assert!(first["timeout_s"].as_f64().unwrap() > 1.0 && first["hedge_after_s"].is_null());
    ask(
        r#"{"type":"result","id":1,"t":1,"provider":"cheap","ok":false,"status":429,"latency_s":null,"cost_usd":null,"quality":null,"retry_after_s":60}"#,
        false,
    );
    let second = ask(r#"{"type":"decide","id":"two","t":2}"#, true);
    assert_eq!(second["order"][2], "cheap", "it asked for a minute");
    ask(RESET, false);
    let third = ask(r#"{"type":"decide","id":1,"t":0,"in_tok":1000}"#, true);
    assert_eq!(third, first, "a reset forgets");
    drop(input);
    let mut rest = String::new();
    output.read_line(&mut rest).unwrap();
    assert_eq!((rest.as_str(), child.wait().unwrap().code()), ("", Some(0)));
}

#[test]
fn the_same_lines_get_the_same_answers_whatever_clock_seed_and_settings() {
    let session = session();
    let place = Place::new();
    let plain = place.run_with_stdin(&["simulate", "--stdio"], session.as_bytes()).expect(0);
    assert_eq!((plain.stdout.lines().count(), plain.stderr.as_str()), (1000, ""));
    // Now and then somebody else gets a chance: what counts is who mostly comes first.
    let lines: Vec<Value> = plain.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let times_first =
        |some: std::ops::Range<usize>| lines[some].iter().filter(|line| line["order"][0] == "cheap").count();
    let (before, while_it_fails, at_last) = (times_first(200..300), times_first(400..500), times_first(900..1000));
    assert!(before > 80 && while_it_fails < 20 && at_last > 40, "{before}, {while_it_fails}, {at_last}");
    // No setting, no clock and no seed is read: neither a broken config nor another time changes anything.
    let other = Place::new().var("LLMR_SEED", 77).var("LLMR_NOW", "2031-01-01T00:00:00Z");
    other.home_file("config.toml", "this is no setting\n");
    let again = other.run_with_stdin(&["simulate", "--stdio"], session.as_bytes()).expect(0);
    assert_eq!(plain.stdout, again.stdout);
    for place in [place, other] {
        assert!(!place.home().join("llmr.db").exists(), "nothing is recorded");
    }
}

#[test]
fn a_line_that_makes_no_sense_is_named() {
    let place = Place::new();
    let simulate = ["simulate", "--stdio"];
    for (line, message) in [
        ("no json", "error: line 3: expected ident, column 2"),
        (r#"{"type":"other"}"#, "error: line 3: unknown variant `other`"),
        (r#"{"type":"decide","id":1,"t":null}"#, "error: line 3: invalid type: null"),
        (r#"{"type":"result","id":1,"t":1,"provider":"who","ok":true}"#, "error: line 3: unknown provider `who`"),
    ] {
        let ran = place.run_with_stdin(&simulate, format!("{RESET}\n\n{line}\n{RESET}\n").as_bytes()).expect(2);
        assert!(ran.stderr.starts_with(message), "{ran:?}");
        assert!(ran.stderr.ends_with("hint: `llmr simulate --help` shows the lines\n"), "{ran:?}");
        assert_eq!(ran.stdout, "");
    }
    let bytes = place.run_with_stdin(&simulate, b"\xff\xfe\n").expect(2);
    assert!(bytes.stderr.starts_with("error: line 1: "), "{bytes:?}");
    let ran = place.run_with_stdin(&["simulate", "--stdio", "--json"], b"x").expect(2);
    assert_eq!(serde_json::from_str::<Value>(&ran.stdout).unwrap()["error"]["exit_code"], 2);
    let ran = place.run(&["simulate"]).expect(2);
    assert!(ran.stderr.contains("--stdio"), "{ran:?}");
}

#[test]
fn who_stops_reading_ends_it_quietly() {
    let mut child = Place::new().command(&["simulate", "--stdio"]).stdin(Stdio::piped()).spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    drop(child.stdout.take());
    let text = session();
    let writer = std::thread::spawn(move || _ = input.write_all(text.as_bytes()));
    let status = child.wait().unwrap();
    writer.join().unwrap();
    assert_eq!(status.code(), Some(0));
}
