//! Files of prompts: in order, whole, and never paid for twice.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use llmr::sandbox::Sandbox;
use serde_json::{Value, json};

use crate::common::{Place, finish, paced, provider, sandbox_at, sandbox_of, signal, until};

fn prompts(count: usize) -> String {
    (0..count).map(|n| format!("{{\"id\": \"k{n}\", \"prompt\": \"name river number {n}\"}}\n")).collect()
}

fn one(faults: &str) -> (Sandbox, Place) {
    let sandbox = sandbox_of(vec![provider("alpha", "m", "1", "10")], faults);
    let place = Place::new().labs(&sandbox, "");
    (sandbox, place)
}

fn out(place: &Place) -> PathBuf {
    place.work().join("out.jsonl")
}

fn objects(path: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(path).unwrap();
    assert!(text.is_empty() || text.ends_with('\n'), "a torn line");
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn ids(objects: &[Value]) -> Vec<&str> {
    objects.iter().map(|object| object["id"].as_str().unwrap_or("-")).collect()
}

const BATCH: [&str; 6] = ["batch", "in.jsonl", "-o", "out.jsonl", "--max-tokens", "20"];

fn batch(more: &[&'static str]) -> Vec<&'static str> {
    BATCH.iter().chain(more).copied().collect()
}

#[test]
fn a_line_is_the_ask_object_in_its_place() {
    let (sandbox, place) = one("");
    place.work_file(
        "in.jsonl",
        "\u{feff}{\"id\": 7, \"prompt\": \"one\", \"expected\": [1, 2.50]}\r\n\r\n{\"prompt\": \"two\", \"max_tokens\": 5}",
    );
    let ran = place.run(&["batch", "in.jsonl", "-o", "out.jsonl"]).expect(0);
    assert_eq!(ran.stdout, "");
    assert!(ran.stderr.starts_with("note: 2 of 2 lines answered, $0.0"), "{ran:?}");
    let lines = objects(&out(&place));
    let (_, ask) = place.json(&["ask", "--no-cache", "one"]);
    let mut fields: Vec<&String> = ask.as_object().unwrap().keys().collect();
    fields.extend(
        lines[0].as_object().unwrap().keys().filter(|key| ["line", "request_id", "input"].contains(&key.as_str())),
    );
    let of_line: HashSet<&String> = lines[0].as_object().unwrap().keys().collect();
    assert_eq!(of_line, fields.into_iter().collect(), "every field of `ask`, and three more");
    assert_eq!(
        (&lines[0]["line"], &lines[0]["id"], &lines[0]["input"]),
        (&json!(1), &json!(7), &json!({"expected": [1, 2.50]}))
    );
    assert_eq!((&lines[1]["line"], &lines[1]["id"], &lines[1]["input"]), (&json!(3), &Value::Null, &Value::Null));
    assert_eq!((&lines[0]["content"], &lines[1]["finish_reason"]), (&ask["content"], &json!("length")));
    let text = std::fs::read_to_string(out(&place)).unwrap();
    assert!(text.starts_with("{\"schema_version\":1,\"line\":1,\"id\":7,\"request_id\":\"r1\","), "{text}");
    assert_eq!(place.money().0, sandbox.bill().cost_usd.0);

    // Once more: nothing is asked, and nothing is written.
    let ran = place.run(&["batch", "in.jsonl", "-o", "out.jsonl"]).expect(0);
    assert!(ran.stderr.starts_with("note: 2 of 2 lines answered (2 before), $0.0"), "{ran:?}");
    assert_eq!((sandbox.bill().requests.len(), std::fs::read_to_string(out(&place)).unwrap()), (3, text.clone()));
    // To standard output it is another batch; the lines are the same, and the cache answers.
    let ran = place.run_with_stdin(&["batch", "-"], b"{\"prompt\": \"one\"}\n").expect(0);
    let line: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!((&line["cache"], &line["content"], &line["cost_usd"]), (&json!("hit"), &ask["content"], &json!(0)));
    assert!(ran.stderr.contains("1 of 1 lines answered (1 from the cache), $0.00"), "{ran:?}");
    // The summary as an object, and `--restart`.
    let (_, summary) = place.json(&["batch", "in.jsonl", "-o", "out.jsonl", "--restart", "--no-cache"]);
    assert_eq!((&summary["answered"], &summary["answered_before"]), (&json!(2), &json!(0)));
    assert_eq!((sandbox.bill().requests.len(), objects(&out(&place)).len()), (5, 2));
    assert_eq!(objects(&out(&place))[0]["content"], lines[0]["content"]);
}

#[test]
fn bad_lines_are_all_found_before_anything_is_asked() {
    let (sandbox, place) = one("");
    let bad = [
        r#"{"prompt": "good"}"#,
        r#"{"prompt": "typo", "temprature": 0.5}"#,
        r#"{"prompt": "#,
        "",
        r#"{"prompt": "a", "id": "x"}"#,
        r#"{"prompt": "b", "id": "x"}"#,
        r#"{"prompt": "c", "model": "nobody-has-this"}"#,
        r#"[]"#,
    ];
    place.work_file("in.jsonl", &bad.join("\n"));
    let ran = place.run(&batch(&[])).expect(2);
    let file = place.work().canonicalize().unwrap().join("in.jsonl");
    let expected = format!(
        "error: 5 lines of {} cannot be asked; nothing was\n\
         hint: line 2: unknown field `temprature`: did you mean `temperature`? If it is your own, rename it\n\
         hint: line 3: not JSON: EOF while parsing a value (column 10)\n\
         hint: line 6: the id \"x\" is that of line 5 already\n",
        file.display()
    );
    assert!(ran.stderr.starts_with(&expected), "{ran:?}");
    assert!(ran.stderr.contains("hint: line 7: no provider that takes part is known to have a model"), "{ran:?}");
    assert!(ran.stderr.ends_with("hint: line 8: not an object such as {\"prompt\": \"…\"}\n"), "{ran:?}");
    assert!(!out(&place).exists() && sandbox.bill().requests.is_empty());

    place.work_file("in.jsonl", &"{\"promt\": 1}\n".repeat(50));
    let ran = place.run(&batch(&[])).expect(2);
    assert_eq!(ran.stderr.lines().count(), 22, "{ran:?}");
    assert!(ran.stderr.ends_with("hint: … and 30 more\n"), "{ran:?}");
    for (content, says) in [("", "holds no prompt"), ("\n \n", "holds no prompt")] {
        place.work_file("in.jsonl", content);
        assert!(place.run(&batch(&[])).expect(2).stderr.contains(says));
    }
    assert!(place.run(&["batch", "nowhere.jsonl"]).expect(2).stderr.contains("nowhere.jsonl cannot be read"));
    place.work_file("in.jsonl", &prompts(1));
    assert!(
        place
            .run(&["batch", "in.jsonl", "-o", "./in.jsonl"])
            .expect(2)
            .stderr
            .contains("-o names the file of the prompts")
    );
    let none = Place::new();
    none.work_file("in.jsonl", &prompts(2));
    assert!(none.run(&batch(&[])).expect(2).stderr.starts_with("error: no provider is configured\n"));
}

#[test]
fn failed_lines_are_told_and_asked_again() {
    let (sandbox, place) = one("alpha=okx2,alpha=400x2");
    place.work_file("in.jsonl", &prompts(6));
    let ran = place.run(&batch(&["--jobs", "1"])).expect(1);
    assert!(ran.stderr.contains("note: 4 of 6 lines answered, 2 failed, $0.0"), "{ran:?}");
    assert!(ran.stderr.contains("error: 2 lines of 6 failed\nhint: line 3 (k2): the request is refused by"), "{ran:?}");
    let lines = objects(&out(&place));
    assert_eq!(ids(&lines), ["k0", "k1", "k2", "k3", "k4", "k5"]);
    let error = &lines[2]["error"];
    assert_eq!(
        (&error["kind"], &error["exit_code"], &error["attempts"][0]["status"]),
        (&json!("refused"), &json!(3), &json!(400))
    );
    let first = std::fs::read_to_string(out(&place)).unwrap();

    let (code, summary) = place.json(&batch(&[]));
    assert_eq!((code, &summary["answered"], &summary["answered_before"]), (0, &json!(6), &json!(4)), "{summary}");
    assert_eq!(sandbox.bill().requests.len(), 6);
    let second = std::fs::read_to_string(out(&place)).unwrap();
    // The time of the whole request is taken a moment later for the user than for the log.
    let blank = |text: &str| {
        let line = |line: &str| {
            let mut object: Value = serde_json::from_str(line).unwrap();
            object["latency_ms"].take();
            object.to_string()
        };
        text.lines().map(line).collect::<Vec<_>>()
    };
    let (before, after) = (blank(&first), blank(&second));
    assert_eq!((&before[..2], &before[4..]), (&after[..2], &after[4..]), "what was there is there again");
    assert!(objects(&out(&place)).iter().all(|line| line["error"].is_null()));
}

#[test]
fn lines_that_were_edited_are_asked_and_the_others_are_not() {
    let (sandbox, place) = one("");
    place.work_file("in.jsonl", &prompts(5));
    place.run(&batch(&["--no-cache"])).expect(0);
    let edited = prompts(5).replace("number 3", "number three");
    place.work_file(
        "in.jsonl",
        &format!("{{\"id\": \"new\", \"prompt\": \"first\"}}\n{edited}{{\"id\": \"last\", \"prompt\": \"x\"}}"),
    );
    let (_, summary) = place.json(&batch(&["--no-cache"]));
    assert_eq!((&summary["answered"], &summary["answered_before"]), (&json!(7), &json!(4)), "{summary}");
    assert_eq!(sandbox.bill().requests.len(), 8);
    assert_eq!(ids(&objects(&out(&place))), ["new", "k0", "k1", "k2", "k3", "k4", "last"]);
    // A parameter is part of what is asked.
    let (_, summary) = place.json(&batch(&["--no-cache", "--temperature", "0.5"]));
    assert_eq!(summary["answered_before"], json!(0));
    // A torn end is cut.
    let mut torn = std::fs::read(out(&place)).unwrap();
    torn.truncate(torn.len() - 20);
    std::fs::write(out(&place), torn).unwrap();
    let asked = sandbox.bill().requests.len();
    place.run(&batch(&["--no-cache", "--temperature", "0.5"])).expect(0);
    assert_eq!((ids(&objects(&out(&place))).len(), sandbox.bill().requests.len()), (7, asked));
}

#[test]
fn a_file_of_the_user_s_own_is_never_touched() {
    let (sandbox, place) = one("");
    place.work_file("in.jsonl", &prompts(2));
    for content in ["my notes\n", "my notes", "{\"schema_version\":1,\"line\":1,\"id\":\"k0\",\"request_id\":\"r1\"}\n"]
    {
        for flags in [&[][..], &["--restart"]] {
            place.work_file("out.jsonl", content);
            let ran = place.run(&batch(flags)).expect(2);
            assert!(
                ran.stderr.contains("out.jsonl is there already, and its line 1 is no answer of this batch"),
                "{ran:?}"
            );
            assert_eq!(std::fs::read_to_string(out(&place)).unwrap(), content);
        }
    }
    assert!(sandbox.bill().requests.is_empty());
    std::fs::remove_file(out(&place)).unwrap();
    place.run(&batch(&[])).expect(0);
    let mut mine = std::fs::read_to_string(out(&place)).unwrap();
    mine.push_str("a note\n");
    std::fs::write(out(&place), &mine).unwrap();
    let ran = place.run(&batch(&["--restart"])).expect(2);
    assert!(ran.stderr.contains("its line 3 is no answer of this batch"), "{ran:?}");
    assert_eq!(std::fs::read_to_string(out(&place)).unwrap(), mine);
}

#[test]
fn the_budget_ends_a_batch_and_a_higher_one_goes_on_with_it() {
    // 20 tokens at 10 USD a million, and the input is free: 200,000 nano-dollars a line.
    let sandbox = sandbox_of(vec![provider("alpha", "m", "0", "10")], "");
    let place = Place::new().labs(&sandbox, "").var("LLMR_BUDGET_DAILY_USD", "0.001");
    place.work_file("in.jsonl", &prompts(40));
    let ran = place.run(&batch(&["--no-cache"])).expect(4);
    // The lines beside the tenth one were under way.
    let stopped =
        (10..14).map(|n| format!("error: stopped: {n} lines failed, {} are left; the request's worst case", 35 - n));
    assert!(stopped.into_iter().any(|stopped| ran.stderr.contains(&stopped)), "{ran:?}");
    assert_eq!((sandbox.bill().requests.len(), place.money()), (5, (1_000_000, 0, 0)));
    let place = place.var("LLMR_BUDGET_DAILY_USD", "1");

    // The cap is for the whole batch, over its runs, and held for as many lines at a time as it is wide.
    let ran = place.run(&batch(&["--no-cache", "--max-cost", "0.003", "--jobs", "32"])).expect(4);
    assert_eq!((sandbox.bill().requests.len(), place.money().0), (15, 3_000_000), "{ran:?}");
    assert!(ran.stderr.contains("does not fit --max-cost 0.003"), "{ran:?}");
    let (code, summary) = place.json(&batch(&["--no-cache", "--max-cost", "0.008"]));
    assert_eq!((code, &summary["answered"], &summary["cost_usd"]), (0, &json!(40), &json!(0.008)));
    assert_eq!((sandbox.bill().requests.len(), ids(&objects(&out(&place))).len()), (40, 40));
}

#[test]
fn who_is_rate_limited_is_waited_for() {
    let (sandbox, place) = one("alpha=429:0.2x7");
    place.work_file("in.jsonl", &prompts(12));
    let (code, summary) = place.json(&batch(&["--jobs", "8", "--timeout", "20"]));
    assert_eq!((code, &summary["answered"], &summary["failed"]), (0, &json!(12), &json!(0)), "{summary}");
    assert_eq!(sandbox.bill().requests.len(), 12);

    // A limit of the user's own that cannot be waited for in the time of a line.
    let (_sandbox, place) = one("");
    let config = std::fs::read_to_string(place.home().join("config.toml")).unwrap();
    place.home_file("config.toml", &format!("{config}[limits.alpha]\nrpm = 4\n"));
    place.work_file("in.jsonl", &prompts(6));
    let (code, summary) = place.json(&batch(&["--jobs", "2", "--timeout", "0.5"]));
    assert_eq!((code, &summary["answered"], &summary["failed"]), (1, &json!(4), &json!(2)), "{summary}");
    assert_eq!(summary["failures"][0]["kind"], "rate_limited");
}

#[test]
fn an_open_breaker_is_waited_for() {
    let (_sandbox, place) = one("alpha=500x3");
    let place = place.var("LLMR_BREAKER_OPEN_SECS", "0.3").var("LLMR_MAX_RETRIES", "0");
    place.work_file("in.jsonl", &prompts(20));
    let (code, summary) = place.json(&batch(&["--jobs", "2", "--timeout", "20"]));
    assert_eq!((code, &summary["answered"], &summary["failed"]), (1, &json!(17), &json!(3)), "{summary}");
}

#[test]
fn one_process_at_a_time() {
    let sandbox = sandbox_at(1.0, vec![paced(provider("alpha", "m", "1", "10"), 2_000, 0)], "");
    let place = Place::new().labs(&sandbox, "");
    place.work_file("in.jsonl", &prompts(2));
    let first = place.command(&batch(&["--jobs", "1"])).spawn().unwrap();
    place.until_held(1);
    let ran = place.run(&batch(&[])).expect(2);
    assert!(ran.stderr.contains(&format!("error: process {} runs this batch already", first.id())), "{ran:?}");
    signal(&first, "TERM");
    let ran = finish(first).expect(143);
    assert!(
        ran.stderr.contains("error: terminated; 0 of 2 lines are answered\nhint: the same command once more"),
        "{ran:?}"
    );
}

#[test]
fn two_batches_do_not_write_to_the_same_file() {
    let sandbox = sandbox_at(1.0, vec![paced(provider("alpha", "m", "1", "10"), 300, 0)], "");
    let place = Place::new().labs(&sandbox, "");
    place.work_file("in.jsonl", &prompts(3));
    place.work_file("other.jsonl", &prompts(2));
    // The file is there, and empty: nothing in it says whose it is.
    let first = place.command(&batch(&["--jobs", "1"])).spawn().unwrap();
    place.until_held(1);
    for flags in [&[][..], &["--restart"]] {
        let ran = place.run(&[&["batch", "other.jsonl", "-o", "out.jsonl"], flags].concat()).expect(2);
        let expected = format!("error: another process writes to {}\n", out(&place).display());
        assert!(ran.stderr.starts_with(&expected), "{ran:?}");
    }
    finish(first).expect(0);
    assert_eq!(ids(&objects(&out(&place))), ["k0", "k1", "k2"]);
    let ran = place.run(&["batch", "other.jsonl", "-o", "out.jsonl"]).expect(2);
    assert!(ran.stderr.contains("its line 1 is no answer of this batch"), "{ran:?}");
    assert_eq!((ids(&objects(&out(&place))).len(), sandbox.bill().requests.len()), (3, 3));
}

/// Cut attempts that somebody paid for: of killed processes, and cancelled ones.
fn cut(place: &Place) -> usize {
    let sql = "SELECT count(*) FROM attempts WHERE presumed = 1 OR (outcome = 'cancelled' AND cost_nanousd > 0)";
    place.sql(sql)[0].parse().unwrap()
}

#[cfg(unix)]
#[test]
fn killed_twice_and_stopped_once_it_asks_nothing_again_that_was_answered() {
    const LINES: usize = 2000;
    const JOBS: usize = 16;
    let sandbox = sandbox_of(vec![provider("alpha", "m", "1", "10")], "");
    let place = Place::new().labs(&sandbox, "").var("LLMR_BUDGET_DAILY_USD", "off");
    place.work_file("in.jsonl", &prompts(LINES));
    let run = ["batch", "in.jsonl", "-o", "out.jsonl", "--jobs", "16", "--no-cache", "--max-tokens", "2"];
    let answered = || -> usize {
        let sql = "SELECT count(*) FROM contents WHERE answer IS NOT NULL AND partial = 0";
        place.sql(sql)[0].parse().unwrap()
    };
    for (name, at) in [("KILL", 450), ("INT", 900), ("KILL", 1300)] {
        let mut child = place.command(&run).spawn().unwrap();
        until("so many answers", || sandbox.bill().provider("alpha").unwrap().billed_requests >= at);
        signal(&child, name);
        if name == "KILL" {
            child.wait().unwrap();
        } else {
            let ran = finish(child).expect(130);
            assert!(
                ran.stderr.contains(&format!("error: interrupted; {} of 2000 lines are answered", answered())),
                "{ran:?}"
            );
        }
        assert!(answered() < LINES, "it was too quick to be stopped");
        // What is in the file is a beginning of the answers, but for a torn end.
        let text = std::fs::read_to_string(out(&place)).unwrap();
        for (n, line) in text.lines().enumerate().filter(|(n, _)| *n + 1 < text.lines().count()) {
            assert_eq!(serde_json::from_str::<Value>(line).unwrap()["line"], n + 1);
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    let (code, summary) = place.json(&run);
    assert_eq!((code, &summary["answered"], &summary["failed"]), (0, &json!(LINES), &json!(0)), "{summary}");

    let lines = objects(&out(&place));
    let expected: Vec<String> = (0..LINES).map(|n| format!("k{n}")).collect();
    assert_eq!(ids(&lines), expected);
    let numbers: HashSet<&str> = lines.iter().map(|line| line["request_id"].as_str().unwrap()).collect();
    assert_eq!(numbers.len(), LINES, "each line has an answer of its own");

    // Every line was answered once; beside that only what was in flight was sent.
    assert_eq!(place.sql("SELECT count(*) FROM ledger WHERE outcome = 'ok'"), [LINES.to_string()]);
    let (cut, bill) = (cut(&place), sandbox.bill());
    let sent = bill.requests.len();
    assert!(cut <= 3 * JOBS && cut > 0, "{cut} in flight at three ends of {JOBS} lines at a time");
    assert!(sent <= LINES + cut, "{sent} sent, {cut} repeated");
    assert_eq!(summary["repeated"], json!(cut), "{summary}");
    let (spent, held, holds) = place.money();
    assert_eq!((held, holds), (0, 0));
    assert!(bill.cost_usd.0 <= spent, "{} billed, {spent} in the ledger", bill.cost_usd.0);
    // What was answered is charged as it was billed, to the last nano-dollar.
    let presumed: i64 =
        place.sql("SELECT coalesce(sum(cost_nanousd), 0) FROM ledger WHERE outcome <> 'ok'")[0].parse().unwrap();
    let of_answers: i64 = place.sql("SELECT sum(cost_nanousd) FROM ledger WHERE outcome = 'ok'")[0].parse().unwrap();
    assert_eq!(spent, presumed + of_answers);
    assert_eq!(summary["cost_usd"], json!(llmr::types::NanoUsd(spent).as_usd()));
}

#[cfg(unix)]
#[test]
fn on_a_terminal_there_is_a_bar_and_ctrl_c_leaves_no_trace_of_it() {
    let sandbox = sandbox_at(1.0, vec![paced(provider("alpha", "m", "1", "10"), 30, 0)], "");
    let place = Place::new().labs(&sandbox, "");
    place.work_file("in.jsonl", &prompts(500));
    let mut pty = crate::common::pty::Pty::start(&place, &batch(&["--jobs", "2"]), 70, 10);
    pty.wait_for("/500  ");
    pty.wait_until("a rate", |screen| screen.contains("/s  $0.0") && screen.contains("  ETA "));
    pty.send("\x03");
    pty.wait_for("hint: the same command once more");
    let screen = pty.screen();
    assert!(screen.starts_with("note: ") && !screen.contains("/500  "), "{screen}");
    assert_eq!(pty.end().0, 130);
}
