//! What could go wrong with money, and with whom is asked for it, between a prompt and its settled answer.

use std::thread;
use std::time::{Duration, Instant};

use llmr::sandbox::SandboxProvider;
use serde_json::Value;

use crate::common::{Place, finish, provider, sandbox, sandbox_of};

/// A price in the config for providers that the catalogue does not know with these models.
const PRICED: &str = "[[provider]]\nname = \"groq\"\ninput_usd_per_mtok = 1\noutput_usd_per_mtok = 1\n\
                      [[provider]]\nname = \"together\"\ninput_usd_per_mtok = 1\noutput_usd_per_mtok = 1\n";

/// Two providers that know the output cap by its newer name only, which is not the one they are asked with.
fn thinkers() -> Vec<SandboxProvider> {
    ["groq", "together"].map(|name| provider(name, "gpt-6-luna", "1", "1")).to_vec()
}

/// What every attempt cost together, in nano-dollars.
fn ledger_sum(place: &Place) -> i64 {
    place.sql("SELECT coalesce(sum(cost_nanousd), 0) FROM ledger")[0].parse().unwrap()
}

fn none_held(place: &Place) {
    assert_eq!(place.sql("SELECT * FROM holds"), Vec::<String>::new());
}

/// Makes a table refuse rows, as a full disk would.
fn refuse(place: &Place, table: &str, when: &str) {
    place.run(&["budget", "set", "5"]).expect(0);
    let db = rusqlite::Connection::open(place.home().join("llmr.db")).unwrap();
    let body = "BEGIN SELECT RAISE(ABORT, 'refused by a test'); END";
    db.execute_batch(&format!("CREATE TRIGGER refused BEFORE INSERT ON {table} {when} {body}")).unwrap();
}

#[test]
fn a_refused_key_is_tried_again_and_not_for_ever() {
    let sandbox = sandbox("openai=401,anthropic=401,gemini=401,cohere=401");
    let place = Place::new().with(&sandbox);
    place.run(&["ask", "hello"]).expect(77);
    place.run(&["ask", "hello"]).expect(77);
    let asked = |name: &str| sandbox.bill().provider(name).unwrap().requests;
    assert_eq!([asked("openai"), asked("cohere")], [2, 2], "a key may have been mended meanwhile");
}

#[test]
fn an_end_that_cannot_be_recorded_is_told_beside_what_went_wrong_and_once() {
    let sandbox = sandbox_of(vec![provider("alpha", "m", "1", "10")], "alpha=500");
    let place = Place::new().labs(&sandbox, "").var("LLMR_MAX_RETRIES", 0);
    place.run(&["budget", "set", "5"]).expect(0);
    let db = rusqlite::Connection::open(place.home().join("llmr.db")).unwrap();
    let body = "BEGIN SELECT RAISE(ABORT, 'refused by a test'); END";
    db.execute_batch(&format!("CREATE TRIGGER endless BEFORE UPDATE OF exit_code ON requests {body}")).unwrap();
    let ran = place.run(&["ask", "hello"]).expect(69);
    let unrecorded = "the request's end could not be recorded";
    assert!(ran.stderr.contains(&format!("hint: {unrecorded}: database ")), "{ran:?}");
    // Where it is the database that stops the request, that has been said.
    refuse(&place, "holds", "");
    let ran = place.run(&["ask", "hello"]).expect(1);
    assert!(ran.stderr.contains("refused by a test") && !ran.stderr.contains(unrecorded), "{ran:?}");
}

#[test]
fn an_answer_whose_text_cannot_be_kept_is_in_the_log_without_it() {
    let sandbox = sandbox_of(vec![provider("alpha", "m", "1", "10")], "");
    let place = Place::new().labs(&sandbox, "log_content = true");
    place.run(&["budget", "set", "5"]).expect(0);
    let db = rusqlite::Connection::open(place.home().join("llmr.db")).unwrap();
    let body = "BEGIN SELECT RAISE(ABORT, 'refused by a test'); END";
    db.execute_batch(&format!("CREATE TRIGGER textless BEFORE UPDATE OF answer ON contents {body}")).unwrap();
    let ran = place.run(&["ask", "hello"]).expect(0);
    assert!(ran.stderr.contains("this answer is not kept: database "), "{ran:?}");
    assert_eq!(place.sql("SELECT exit_code, answer FROM requests JOIN contents ON id = request_id"), ["0|"]);
}

#[test]
fn an_answer_is_recorded_under_its_model_s_own_name_and_its_cache_key() {
    let sandbox = sandbox_of(vec![provider("alpha", "m", "1", "10")], "");
    let place = Place::new().labs(&sandbox, "");
    place.run(&["ask", "one"]).expect(0);
    place.run(&["ask", "--no-cache", "two"]).expect(0);
    assert_eq!(place.sql("SELECT answered_model FROM attempts"), ["m", "m"]);
    assert_eq!(place.sql("SELECT answered_model FROM cache"), ["m"]);
    assert_eq!(place.sql("SELECT cache_key IS NULL FROM requests ORDER BY id"), ["0", "1"]);
}

#[cfg(unix)]
#[test]
fn whoever_is_stopped_while_money_is_held_still_settles() {
    let sandbox = sandbox("openai=hang,anthropic=hang,gemini=hang,cohere=hang");
    for _ in 0..8 {
        let place = Place::new().with(&sandbox);
        let child = place.command(&["ask", "--no-stream", "hello"]).spawn().unwrap();
        let late = Instant::now() + Duration::from_secs(20);
        let database = place.home().join("llmr.db");
        let held = || {
            let db =
                rusqlite::Connection::open_with_flags(&database, rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY).ok()?;
            db.query_row("SELECT count(*) FROM holds", [], |row| row.get::<_, i64>(0)).ok()
        };
        while held() != Some(1) {
            assert!(Instant::now() < late, "nothing is held");
            thread::yield_now();
        }
        let kill = std::process::Command::new("kill").args(["-TERM", &child.id().to_string()]).status();
        assert!(kill.unwrap().success());
        finish(child).expect(143);
        none_held(&place);
        assert_eq!(place.sql("SELECT outcome FROM ledger"), ["cancelled"]);
        assert_eq!(place.sql("SELECT presumed FROM attempts"), ["0"]);
    }
}

#[test]
fn what_was_held_for_one_is_given_back_when_the_next_cannot_be() {
    let sandbox = sandbox("");
    let place = Place::new().with(&sandbox);
    refuse(&place, "holds", "WHEN new.attempt = 2");
    let ran = place.run(&["ask", "--parallel", "3", "hello"]).expect(1);
    assert!(ran.stderr.contains("refused by a test"), "{ran:?}");
    none_held(&place);
    assert!(sandbox.bill().requests.is_empty() && ledger_sum(&place) == 0);
}

#[test]
fn a_paid_answer_is_printed_though_it_cannot_be_recorded() {
    let sandbox = sandbox("");
    for args in [&["ask", "hello"][..], &["ask", "--parallel", "2", "hello"]] {
        let place = Place::new().with(&sandbox);
        refuse(&place, "attempts", "");
        let ran = place.run(args).expect(0);
        assert!(ran.stdout.contains("no model was asked") && ran.stderr.contains("could not be recorded"), "{ran:?}");
    }
}

#[test]
fn money_that_could_not_be_settled_still_counts_for_max_cost() {
    let sandbox = sandbox("cohere=500");
    let place = Place::new().with(&sandbox).var("LLMR_TIMEOUT_SECS", "5").var("LLMR_BUDGET_WAIT_SECS", "0.2");
    refuse(&place, "attempts", "");
    let args = ["ask", "-p", "cohere", "--max-tokens", "1000", "--max-cost", "0.0002", "hello"];
    let began = Instant::now();
    place.run(&args).expect(69);
    assert_eq!(sandbox.bill().provider("cohere").unwrap().requests, 1, "a second hold would pass --max-cost");
    assert!(began.elapsed() < Duration::from_secs(4), "it does not ask the database over and over");
}

#[test]
fn side_by_side_a_refused_field_is_left_out_and_asked_again() {
    let sandbox = sandbox_of(thinkers(), "");
    let place = Place::new().with(&sandbox);
    place.home_file("config.toml", PRICED);
    let (code, answer) = place.json(&["ask", "--parallel", "2", "hello"]);
    assert_eq!(code, 0, "{answer}");
    let outcomes: Vec<_> = answer["attempts"].as_array().unwrap().iter().map(|a| a["failure"].clone()).collect();
    assert_eq!(outcomes, [Value::from("invalid_request"), Value::from("invalid_request"), Value::Null, Value::Null]);
    none_held(&place);
    assert_eq!(ledger_sum(&place), sandbox.bill().cost_usd.0);
}

#[test]
fn side_by_side_nobody_s_fault_is_the_caller_s_to_mend() {
    let sandbox = sandbox("openai=think,anthropic=think,gemini=think,cohere=think");
    let place = Place::new().with(&sandbox);
    let one = place.run(&["ask", "--no-stream", "--max-tokens", "3", "hello"]);
    let two = place.run(&["ask", "--no-stream", "--max-tokens", "3", "--parallel", "2", "hello"]);
    assert_eq!((one.code, two.code), (Some(3), Some(3)), "{one:?} {two:?}");
    none_held(&place);
}

#[test]
fn a_stored_answer_that_does_not_verify_is_counted_when_it_is_asked_for_and_only_then() {
    let sandbox = sandbox("");
    let place = Place::new().with(&sandbox);
    place.run(&["ask", "hello"]).expect(0);
    let db = rusqlite::Connection::open(place.home().join("llmr.db")).unwrap();
    db.execute("UPDATE cache SET content = 'something else'", []).unwrap();
    let failures = || place.json(&["cache"]).1["integrity_failures"].clone();
    place.run(&["dry-run", "hello"]).expect(0);
    assert_eq!((failures(), place.sql("SELECT count(*) FROM cache")), (Value::from(0), vec!["1".to_owned()]));
    let ran = place.run(&["ask", "hello"]).expect(0);
    assert!(!ran.stdout.contains("something else"), "{ran:?}");
    assert_eq!(failures(), 1);
}

#[test]
fn without_a_place_for_its_key_only_the_cache_is_off() {
    let sandbox = sandbox("");
    let place = Place::new().with(&sandbox);
    place.home_file("cache.key", "too short");
    let (code, answer) = place.json(&["ask", "hello"]);
    assert_eq!((code, &answer["cache"]), (0, &Value::from("off")), "{answer}");
}

#[test]
fn a_warning_is_said_once() {
    let sandbox = sandbox("");
    let place = Place::new().with(&sandbox).var("LLMR_BUDGET_SOFT_PCT", "0");
    let ran = place.run(&["ask", "hello"]).expect(0);
    assert_eq!(ran.stderr.matches("cheaper providers are preferred").count(), 1, "{ran:?}");
}

#[test]
fn what_is_passed_through_is_reckoned_with_or_refused() {
    let sandbox = sandbox("");
    let place = Place::new().with(&sandbox);
    let hold = |args: &[&str]| {
        let (_, plan) = place.json(&[&["dry-run", "hello"], args].concat());
        plan["candidates"][0]["hold_usd"].as_f64().unwrap()
    };
    let long = format!("response_format={{\"x\":\"{}\"}}", "word ".repeat(2000));
    assert!(hold(&["-o", &long]) > 1.5 * hold(&[]), "its bytes are read by the model too");
    for (field, code) in [
        ("n=3", 2),
        ("candidate_count=3", 2),
        ("generation_config={}", 2),
        ("service_tier=priority", 4),
        ("tools=[{\"type\":\"web_search\"}]", 4),
        ("seed=1", 0),
    ] {
        assert_eq!(place.run(&["ask", "-o", field, "hello"]).code, Some(code), "{field}");
    }
    assert!(sandbox.bill().providers.iter().map(|p| p.requests).sum::<u64>() == 1);
    place.run(&["ask", "-o", "service_tier=priority", "--allow-unpriced", "hello"]).expect(0);
}

#[test]
fn a_dry_run_s_range_holds_what_the_answer_costs() {
    let sandbox = sandbox("");
    let place = Place::new().with(&sandbox);
    let minified = format!("[{}]", vec!["1234567"; 400].join(","));
    for args in [&["hello"][..], &["--max-tokens", "1", "hello"], &["--max-tokens", "1", minified.as_str()]] {
        let (_, plan) = place.json(&[&["dry-run", "--no-cache"], args].concat());
        let (_, answer) = place.json(&[&["ask", "--no-cache"], args].concat());
        assert_eq!(plan["candidates"][0]["provider"], answer["provider"], "{args:?}");
        let usd = |value: &Value| value.as_f64().unwrap();
        let (low, high) = (usd(&plan["estimate"]["low_usd"]), usd(&plan["estimate"]["high_usd"]));
        assert!((low..=high).contains(&usd(&answer["cost_usd"])), "{low} {high} {answer}");
    }
}

#[test]
fn without_a_budget_a_database_that_cannot_be_used_stops_neither_an_answer_nor_its_plan() {
    let sandbox = sandbox("");
    for (budget, code) in [("off", 0), ("5", 1)] {
        let place = Place::new().with(&sandbox).var("LLMR_BUDGET_DAILY_USD", budget);
        place.home_file("llmr.db", &"not a database ".repeat(100));
        place.run(&["dry-run", "hello"]).expect(code);
        place.run(&["ask", "hello"]).expect(code);
    }
}

#[test]
fn a_full_disk_stops_only_those_who_have_a_budget() {
    let sandbox = sandbox("");
    for (budget, code) in [("off", 0), ("5", 1)] {
        let place = Place::new().with(&sandbox).var("LLMR_BUDGET_DAILY_USD", budget);
        refuse(&place, "requests", "");
        let ran = place.run(&["ask", "hello"]).expect(code);
        assert!(ran.stderr.contains("refused by a test"), "{ran:?}");
    }
    assert_eq!(sandbox.bill().requests.len(), 1);
}

#[test]
fn a_limit_that_is_lowered_holds_for_the_next_attempt() {
    let sandbox = sandbox("cohere=429:0.8");
    let place = Place::new().with(&sandbox);
    let child = place.command(&["ask", "-p", "cohere", "hello"]).spawn().unwrap();
    let late = Instant::now() + Duration::from_secs(20);
    while sandbox.bill().provider("cohere").unwrap().requests == 0 {
        assert!(Instant::now() < late, "nobody was asked");
        thread::sleep(Duration::from_millis(2));
    }
    place.run(&["budget", "set", "0"]).expect(0);
    finish(child).expect(4);
    assert_eq!(sandbox.bill().provider("cohere").unwrap().requests, 1);
}

/// A provider that takes one request, answers with these bytes and is gone.
fn answers_once(bytes: &'static str) -> String {
    use std::io::{Read, Write};
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut request = Vec::new();
        let mut piece = [0; 4096];
        while !request.ends_with(b"}") {
            let read = stream.read(&mut piece).unwrap();
            request.extend_from_slice(&piece[..read]);
        }
        stream.write_all(bytes.as_bytes()).unwrap();
    });
    format!("http://{address}/v1")
}

#[test]
fn a_whole_answer_that_is_cut_is_charged_in_full_also_where_a_stream_was_asked_for() {
    let cut = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 999\r\n\r\n{\"choices\": [";
    let place = Place::new().var("OPENAI_API_KEY", "test-key").var("OPENAI_BASE_URL", answers_once(cut));
    place.run(&["ask", "--max-retries", "0", "hello"]).expect(69);
    assert_eq!(place.sql("SELECT failure, cost_nanousd = held_nanousd FROM attempts"), ["cut|1"]);
}

#[test]
fn an_answer_without_usage_is_charged_its_thinking_too() {
    let body = r#"{"choices": [{"message": {"content": "x", "reasoning_content": "tttttttttttttttttttttttttttttttttttttttt"}, "finish_reason": "stop"}]}"#;
    let whole = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len());
    let url = answers_once(Box::leak(whole.into_boxed_str()));
    let place = Place::new().var("OPENAI_API_KEY", "test-key").var("OPENAI_BASE_URL", url);
    let (_, answer) = place.json(&["ask", "--no-stream", "hello"]);
    let usage = &answer["usage"];
    assert_eq!((&usage["reasoning_tokens"], &usage["estimated"]), (&Value::from(10), &Value::from(true)), "{answer}");
}
