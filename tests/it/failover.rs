//! The best provider fails in every way the sandbox knows, and the next one answers.

use std::thread;

use llmr::sandbox::{FAULTS, Sandbox, SandboxProvider};
use llmr::types::DialectKind;
use serde_json::{Value, json};

use crate::common::{
    Place, finish, impatient, lab_row, paced, price, provider, sandbox, sandbox_at, sandbox_of, until,
};

#[test]
fn the_next_one_answers_and_the_switch_is_told() {
    let sandbox = sandbox("cohere=500");
    let place = Place::new().with(&sandbox).var("LLMR_SEED", impatient(1));
    let ran = place.run(&["ask", "hello"]).expect(0);
    assert!(ran.stdout.contains("no model was asked"), "{ran:?}");
    assert!(ran.stderr.contains("cohere/command-r7b-12-2024 failed"), "{ran:?}");
    assert_eq!(sandbox.bill().provider("cohere").unwrap().requests, 3);
    let (_, providers) = place.json(&["providers"]);
    let cohere = providers["providers"].as_array().unwrap().iter().find(|p| p["name"] == "cohere").unwrap();
    assert_eq!(cohere["breaker"], "open");
}

/// How the next process finds the one that failed.
#[derive(Debug, Clone, Copy, PartialEq)]
enum After {
    /// As if nothing had been.
    Closed,
    /// Its breaker is open.
    Open,
    /// Left alone by everybody for so many seconds.
    Rests(i64),
    /// Asked last for so many seconds.
    Last(i64),
}

/// What an attempt that failed is recorded to cost.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Cost {
    /// Exactly so many nano-dollars, as billed.
    Is(i64),
    /// An estimate, which is not below the bill.
    AtLeastTheBill,
}

/// One scripted way to fail, at a provider that is to be asked first.
struct Row {
    /// The script, without its name.
    fault: &'static str,
    /// How many asks it takes until the state below is reached.
    asks: usize,
    /// How many requests the failing one gets in each of them.
    requests: u64,
    /// The class of each failed attempt; empty where it answers after all.
    class: &'static str,
    cost: Cost,
    exit: i32,
    after: After,
}

const fn row(
    fault: &'static str,
    asks: usize,
    requests: u64,
    class: &'static str,
    cost: Cost,
    exit: i32,
    after: After,
) -> Row {
    Row { fault, asks, requests, class, cost, exit, after }
}

/// The prompt has three words, so its input costs 3,000 nano-dollars.
const PROMPT: &str = "one two three";
const FREE: Cost = Cost::Is(0);
const INPUT: Cost = Cost::Is(3000);
const GUESS: Cost = Cost::AtLeastTheBill;

/// Of the OpenAI dialect, streamed unseen. What times out goes to the next one at once and is tried again only as a
/// last resort, so three asks open the breaker.
#[rustfmt::skip]
const TABLE: &[Row] = &[
    //  fault           asks requests class               cost   exit after
    row("ok",             1, 1, "",                 INPUT, 0, After::Closed),
    row("429:30",         1, 1, "rate_limited",     FREE,  0, After::Rests(30)),
    row("429-bare",       1, 1, "rate_limited",     FREE,  0, After::Rests(1)),
    row("400",            1, 1, "invalid_request",  FREE,  3, After::Closed),
    row("401",            1, 1, "auth",             FREE,  0, After::Last(300)),
    row("402",            1, 1, "quota_exhausted",  FREE,  0, After::Last(300)),
    row("403",            1, 1, "forbidden",        FREE,  0, After::Closed),
    row("404",            1, 1, "model_not_found",  FREE,  0, After::Closed),
    row("500",            1, 3, "server_error",     FREE,  0, After::Open),
    row("503",            1, 3, "overloaded",       FREE,  0, After::Open),
    row("529",            1, 3, "overloaded",       FREE,  0, After::Open),
    row("overflow",       1, 1, "context_overflow", FREE,  0, After::Closed),
    row("refuse",         1, 1, "content_refused",  INPUT, 3, After::Closed),
    row("hang",           1, 3, "timeout",          GUESS, 0, After::Open),
    row("slow:9",         1, 3, "timeout",          GUESS, 0, After::Open),
    row("cut",            1, 3, "cut",              GUESS, 0, After::Open),
    row("stall",          1, 3, "timeout",          GUESS, 0, After::Open),
    row("malformed",      1, 3, "malformed",        GUESS, 0, After::Open),
    row("error-in-200",   1, 3, "server_error",     GUESS, 0, After::Open),
    row("no-usage",       1, 1, "",                 GUESS, 0, After::Closed),
    row("no-end",         1, 3, "cut",              GUESS, 0, After::Open),
    row("empty",          1, 3, "empty",            INPUT, 0, After::Open),
    row("think",          1, 1, "",                 INPUT, 0, After::Closed),
    // Nothing is wrong where no schema is asked for.
    row("misfit",         1, 1, "",                 INPUT, 0, After::Closed),
    row("no-schema",      1, 1, "",                 INPUT, 0, After::Closed),
];

/// Providers `alpha` of this dialect, asked first, and `beta`; 1 and 10 USD per million tokens.
fn alpha_and_beta(dialect: DialectKind, fault: &str, patience_secs: f64) -> (Sandbox, Place) {
    let alpha = SandboxProvider { dialect, ..provider("alpha", "a", "1", "10") };
    let sandbox = sandbox_of(vec![alpha, provider("beta", "b", "1", "10")], &format!("alpha={fault}"));
    // Time passes from one request to the next by this clock alone; its first request pauses hardly at all.
    let place = Place::new().labs(&sandbox, "").var("LLMR_SEED", impatient(1)).var("LLMR_NOW", at(0));
    let place = place.var("LLMR_TIMEOUT_FIRST_BYTE_SECS", patience_secs);
    (sandbox, place.var("LLMR_TIMEOUT_IDLE_SECS", patience_secs))
}

/// So many seconds after noon.
fn at(secs: i64) -> String {
    format!("2026-11-21T12:{:02}:{:02}Z", secs / 60, secs % 60)
}

/// Seconds after noon.
fn secs_of(time: &Value) -> f64 {
    let time = llmr::types::Timestamp::parse(time.as_str().unwrap()).unwrap();
    time.since_ms(llmr::types::Timestamp::parse(&at(0)).unwrap()) as f64 / 1000.0
}

fn requests(sandbox: &Sandbox, name: &str) -> u64 {
    sandbox.bill().provider(name).unwrap().requests
}

fn provider_state(place: &Place, name: &str) -> Value {
    let (_, providers) = place.json(&["providers"]);
    let all = providers["providers"].as_array().unwrap();
    all.iter().find(|p| p["name"] == name).unwrap().clone()
}

const ASK: [&str; 3] = ["ask", "--no-cache", PROMPT];

fn plays_out(row: &Row, dialect: DialectKind, flags: &[&str]) {
    let case = format!("{} {} {flags:?}", dialect.name(), row.fault);
    let patience_secs = if row.class == "timeout" { 1.0 } else { 30.0 };
    let (sandbox, place) = alpha_and_beta(dialect, row.fault, patience_secs);
    let answers = row.class.is_empty();
    for ask in 1..=row.asks as u64 {
        let ran = place.run(&[&ASK, flags].concat());
        assert_eq!(ran.code, Some(row.exit), "{case}: {ran:?}");
        assert_eq!(requests(&sandbox, "alpha"), ask * row.requests, "{case}: {ran:?}");
        assert_eq!(requests(&sandbox, "beta"), if answers || row.exit != 0 { 0 } else { ask }, "{case}: {ran:?}");
        if row.exit != 0 {
            assert_eq!(ran.stdout, "", "{case}");
            continue;
        }
        let who = if answers { "a of alpha" } else { "b of beta" };
        assert!(ran.stdout.contains(who) && ran.stdout.ends_with(".\n"), "{case}: {ran:?}");
        let switches: Vec<&str> = ran.stderr.lines().filter(|l| l.starts_with("warning: alpha/a failed (")).collect();
        match answers {
            true => assert_eq!(ran.stderr, "", "{case}"),
            false => assert!(
                switches.len() == 1 && switches[0].contains(row.class) && switches[0].ends_with("asking beta/b"),
                "{case}: {ran:?}"
            ),
        }
    }
    ledger_is_true(row, &sandbox, &place, &case);
    leaves(row.after, &sandbox, &place, &case);
}

/// One row an attempt, none below its bill, and the sum of all of them what the day has cost.
fn ledger_is_true(row: &Row, sandbox: &Sandbox, place: &Place, case: &str) {
    let rows = place.sql("SELECT outcome, failure, cost_nanousd, estimated FROM ledger WHERE provider = 'alpha'");
    let bill = sandbox.bill();
    let billed: Vec<i64> = bill.requests.iter().filter(|r| r.provider == "alpha").map(|r| r.cost_usd.0).collect();
    let answers = row.class.is_empty();
    let start = if answers { "ok||".to_owned() } else { format!("failed|{}|", row.class) };
    assert_eq!(rows.len() as u64, row.requests * row.asks as u64, "{case}: {rows:?}");
    for (i, line) in rows.iter().enumerate() {
        let (cost, estimated) = line.strip_prefix(&start).and_then(|rest| rest.split_once('|')).unwrap_or_else(|| {
            panic!("{case}: {line}");
        });
        let (cost, billed) = (cost.parse::<i64>().unwrap(), billed.get(i).copied().unwrap_or(0));
        match row.cost {
            Cost::AtLeastTheBill => assert!(estimated == "1" && cost >= billed, "{case}: {line}, {billed} billed"),
            Cost::Is(_) if answers => assert_eq!(cost, billed, "{case}: {line}"),
            Cost::Is(exactly) => assert_eq!((cost, billed), (exactly, billed.min(exactly)), "{case}: {line}"),
        }
    }
    let (spent, held, holds) = place.money();
    assert_eq!((held, holds), (0, 0), "{case}");
    assert!(spent >= bill.cost_usd.0, "{case}: {spent} of {}", bill.cost_usd.0);
    let settled = place.sql("SELECT sum(cost_nanousd) FROM ledger WHERE provider = 'beta'");
    let beta = bill.provider("beta").unwrap().cost_usd.0;
    assert_eq!(settled[0].parse().unwrap_or(0), beta, "{case}: {rows:?}");
}

/// What the next process sees, and whom it asks.
fn leaves(after: After, sandbox: &Sandbox, place: &Place, case: &str) {
    let state = provider_state(place, "alpha");
    let open = after == After::Open;
    let counted = place.sql("SELECT failures FROM breakers WHERE provider = 'alpha'");
    assert_eq!(counted, [if open { "3" } else { "0" }], "{case}: failures that count");
    assert_eq!(state["breaker"], if open { "open" } else { "closed" }, "{case}: {state}");
    match after {
        After::Closed => assert_eq!(state["resting_until"], Value::Null, "{case}"),
        After::Open => assert!((60.0..75.0).contains(&secs_of(&state["open_until"])), "{case}: {state}"),
        After::Rests(secs) | After::Last(secs) => {
            let until = secs_of(&state["resting_until"]);
            assert!((secs as f64..secs as f64 + 15.0).contains(&until), "{case}: {state}");
        }
    }
    if after != After::Closed {
        let before = requests(sandbox, "alpha");
        let ran = place.run(&ASK).expect(0);
        assert!(ran.stdout.contains("b of beta") && ran.stderr.is_empty(), "{case}: {ran:?}");
        assert_eq!(requests(sandbox, "alpha"), before, "{case}: it is left alone");
    }
}

#[test]
fn every_scripted_fault_is_answered_by_the_next_one() {
    let name = |text: &'static str| text.split([':', '[']).next().unwrap();
    // To quote the prompt is no fault: how long texts are read tries it.
    let told: Vec<&str> = FAULTS.iter().map(|(fault, _)| name(fault)).filter(|name| *name != "quote").collect();
    assert_eq!(TABLE.iter().map(|row| name(row.fault)).collect::<Vec<_>>(), told, "a row a fault");
    side_by_side(TABLE, |row| plays_out(row, DialectKind::Openai, &[]));
}

/// All of these in a few threads: most of their time is waited.
fn side_by_side<T: Sync>(all: &[T], play: impl Fn(&T) + Sync) {
    const THREADS: usize = 8;
    thread::scope(|scope| {
        for first in 0..THREADS {
            let play = &play;
            scope.spawn(move || all.iter().skip(first).step_by(THREADS).for_each(play));
        }
    });
}

/// Where another dialect, or an answer that comes whole, has it differently.
fn otherwise(row: &Row, dialect: DialectKind, whole: bool) -> Row {
    match (row.fault, dialect, whole) {
        ("malformed", _, true) => Row { class: "cut", ..*row },
        ("no-end", _, true) => Row { requests: 1, class: "", cost: INPUT, after: After::Closed, ..*row },
        ("error-in-200", DialectKind::Anthropic | DialectKind::Gemini, false) => Row { class: "overloaded", ..*row },
        ("error-in-200", _, true) => Row { cost: FREE, ..*row },
        ("refuse", DialectKind::Cohere, _) => Row { cost: FREE, ..*row },
        _ => Row { ..*row },
    }
}

#[test]
fn so_it_is_in_every_dialect_and_for_answers_that_come_whole() {
    let of = |dialect, whole| TABLE.iter().map(move |row| (row, dialect, whole));
    let all = llmr::providers::DIALECTS.into_iter().flat_map(|dialect| of(dialect, false).chain(of(dialect, true)));
    let others: Vec<_> = all.filter(|(_, dialect, whole)| *dialect != DialectKind::Openai || *whole).collect();
    side_by_side(&others, |(row, dialect, whole)| {
        plays_out(&otherwise(row, *dialect, *whole), *dialect, if *whole { &["--no-stream"] } else { &[] });
    });
}

#[test]
fn after_a_minute_exactly_one_of_two_processes_gets_the_trial() {
    // The trial takes so long that the other process is done before it.
    let (sandbox, place) = alpha_and_beta(DialectKind::Openai, "500x3,alpha=slow:1x1", 30.0);
    place.run(&ASK).expect(0);
    let place = place.var("LLMR_NOW", at(59));
    place.run(&ASK).expect(0);
    assert_eq!((requests(&sandbox, "alpha"), requests(&sandbox, "beta")), (3, 2), "the minute is not over");

    let place = place.var("LLMR_NOW", at(76));
    assert_eq!(provider_state(&place, "alpha")["breaker"], "half_open");
    let mut two = [place.command(&ASK).spawn().unwrap(), place.command(&ASK).spawn().unwrap()];
    until("one of them has ended", || two.iter_mut().any(|child| child.try_wait().unwrap().is_some()));
    assert_eq!((requests(&sandbox, "alpha"), requests(&sandbox, "beta")), (4, 3), "one trial");
    let two = two.map(|child| finish(child).expect(0).stdout);
    let by = |who: &str| two.iter().filter(|text| text.contains(who)).count();
    assert_eq!((by("a of alpha"), by("b of beta")), (1, 1), "{two:?}");

    assert_eq!(provider_state(&place, "alpha")["breaker"], "closed", "the trial went well");
    place.run(&ASK).expect(0);
    assert_eq!(requests(&sandbox, "alpha"), 5);
}

#[test]
fn a_trial_that_fails_opens_the_breaker_for_another_minute() {
    let (sandbox, place) = alpha_and_beta(DialectKind::Openai, "500", 30.0);
    place.run(&ASK).expect(0);
    let place = place.var("LLMR_NOW", at(100));
    place.run(&ASK).expect(0);
    assert_eq!(requests(&sandbox, "alpha"), 4, "one trial, no retries of it");
    let state = provider_state(&place, "alpha");
    assert_eq!(state["breaker"], "open");
    assert!((160.0..175.0).contains(&secs_of(&state["open_until"])), "{state}");
}

#[test]
fn with_every_breaker_open_the_soonest_to_recover_is_named() {
    let sandbox = sandbox_of(vec![provider("alpha", "a", "1", "10")], "alpha=500");
    let place = Place::new().labs(&sandbox, "").var("LLMR_SEED", impatient(1)).var("LLMR_NOW", at(0));
    let ran = place.run(&ASK).expect(69);
    assert!(ran.stderr.contains("every candidate failed") && ran.stderr.contains("server_error"), "{ran:?}");
    let ran = place.run(&ASK).expect(69);
    assert!(ran.stderr.contains("the soonest to recover is alpha/a, at 2026-11-21T12:01:0"), "{ran:?}");
    assert_eq!(requests(&sandbox, "alpha"), 3);
}

#[test]
fn a_rate_limit_is_for_one_model_until_its_time_is_over() {
    let (sandbox, place) = alpha_and_beta(DialectKind::Openai, "429:30x1", 30.0);
    place.run(&ASK).expect(0);
    let place = place.var("LLMR_NOW", at(29));
    place.run(&ASK).expect(0);
    assert_eq!(requests(&sandbox, "alpha"), 1, "it rests");
    place.run(&["ask", "--no-cache", "-p", "alpha", "-m", "another", "--allow-unpriced", PROMPT]).expect(0);
    assert_eq!(requests(&sandbox, "alpha"), 2, "its other models do not");
    let ran = place.run(&["ask", "--no-cache", "-p", "alpha", "--timeout", "0.2", PROMPT]).expect(75);
    assert!(ran.stderr.contains("every candidate is rate-limited until 2026-11-21T12:00:3"), "{ran:?}");
    let place = place.var("LLMR_NOW", at(45));
    place.run(&ASK).expect(0);
    assert_eq!(requests(&sandbox, "alpha"), 3, "its time is over");
}

#[test]
fn a_short_rate_limit_is_waited_for_when_nobody_else_is_left() {
    let sandbox = sandbox_of(vec![provider("alpha", "a", "1", "10")], "alpha=429:1x1");
    let place = Place::new().labs(&sandbox, "");
    let ran = place.run(&ASK).expect(0);
    assert_eq!(requests(&sandbox, "alpha"), 2);
    assert_eq!(ran.stderr, "warning: alpha/a is rate-limited: waiting 1 s\n");
}

#[test]
fn the_decision_that_is_kept_names_who_was_waited_for() {
    let sandbox = sandbox_of(vec![provider("alpha", "a", "1", "10")], "alpha=429:1x1");
    let place = Place::new().labs(&sandbox, "");
    place.run(&["ask", "--no-cache", "--max-retries", "0", PROMPT]).expect(75);
    place.run(&ASK).expect(0);
    let (_, log) = place.json(&["log"]);
    let decision = &log["requests"][0]["decision"];
    assert_eq!(decision["candidates"][0]["provider"], "alpha", "{decision}");
}

#[test]
fn a_refused_key_and_used_up_credit_put_last_for_five_minutes() {
    for fault in ["401", "402"] {
        let alpha = provider("alpha", "a", "1", "10");
        let script = format!("alpha={fault},beta=okx2,beta=503");
        let sandbox = sandbox_of(vec![alpha, provider("beta", "b", "1", "10")], &script);
        let place = Place::new().labs(&sandbox, "").var("LLMR_NOW", at(0)).var("LLMR_SEED", impatient(3));
        place.run(&ASK).expect(0);
        place.run(&ASK).expect(0);
        assert_eq!(requests(&sandbox, "alpha"), 1, "{fault}: it is not asked first");
        place.run(&ASK).expect(69);
        assert_eq!(requests(&sandbox, "alpha"), 2, "{fault}: it is asked when nobody else answers");
        let place = place.var("LLMR_NOW", at(330));
        place.run(&["ask", "--no-cache", "--max-retries", "0", PROMPT]).expect(69);
        let last: Vec<String> = sandbox.requests().into_iter().rev().take(2).map(|r| r.provider).collect();
        assert_eq!(last, ["beta", "alpha"], "{fault}: after five minutes it is the first again");
    }
}

#[test]
fn the_exit_code_says_how_all_of_them_failed() {
    for (script, code, word) in [
        ("alpha=401,beta=403", 77, "every candidate refused its key"),
        ("alpha=401,beta=402", 69, "every candidate failed"),
        ("alpha=429:60,beta=429:90", 75, "every candidate is rate-limited until"),
        ("alpha=429:60,beta=500", 69, "every candidate failed"),
        ("alpha=404,beta=overflow", 3, "the request is refused"),
        ("alpha=500,beta=400", 3, "the request is refused by beta/b: invalid_request"),
        ("alpha=refuse", 3, "the request is refused by alpha/a: content_refused"),
    ] {
        let sandbox = sandbox_of(vec![provider("alpha", "a", "1", "10"), provider("beta", "b", "1", "10")], script);
        let place = Place::new().labs(&sandbox, "").var("LLMR_SEED", impatient(1));
        let ran = place.run(&["ask", PROMPT]).expect(code);
        assert!(ran.stderr.contains(word) && ran.stdout.is_empty(), "{script}: {ran:?}");
        let (_, log) = place.json(&["log"]);
        assert_eq!(log["requests"][0]["exit_code"], code, "{script}");
    }
}

#[test]
fn a_stream_that_broke_off_is_an_error_and_before_any_text_it_is_a_switch() {
    for fault in ["cut", "malformed", "error-in-200", "stall"] {
        let (sandbox, place) = alpha_and_beta(DialectKind::Openai, fault, 0.5);
        let ran = place.run(&["ask", "--stream", PROMPT]).expect(69);
        assert!(ran.stdout.starts_with("This is the sandbox") && ran.stdout.ends_with('\n'), "{ran:?}");
        assert!(!ran.stdout.ends_with("\n\n"), "{ran:?}");
        assert!(ran.stderr.contains("alpha/a broke off after text was shown"), "{fault}: {ran:?}");
        assert_eq!((requests(&sandbox, "alpha"), requests(&sandbox, "beta")), (1, 0), "{fault}: nobody else is asked");
        assert_eq!(place.money().1, 0);
    }
    for fault in ["500", "empty", "hang"] {
        let (sandbox, place) = alpha_and_beta(DialectKind::Openai, fault, 0.5);
        let ran = place.run(&["ask", "--stream", PROMPT]).expect(0);
        assert!(ran.stdout.contains("b of beta") && ran.stdout.matches("This is the sandbox").count() == 1, "{ran:?}");
        assert!(ran.stderr.contains("asking beta/b"), "{fault}: {ran:?}");
        assert_eq!(requests(&sandbox, "beta"), 1);
    }
}

/// The objects of a stream, each with its type.
fn lines(place: &Place, code: i32) -> Vec<(String, Value)> {
    let ran = place.run(&["ask", "--output-format", "stream-json", PROMPT]).expect(code);
    assert!(ran.stdout.ends_with('\n') && ran.stderr.is_empty(), "{ran:?}");
    let object = |line: &str| {
        let object: Value = serde_json::from_str(line).unwrap();
        assert_eq!(object["schema_version"], 1, "{line}");
        (object["type"].as_str().unwrap().to_owned(), object)
    };
    ran.stdout.lines().map(object).collect()
}

/// The types in their order, repetitions once.
fn types(lines: &[(String, Value)]) -> Vec<&str> {
    let mut types: Vec<&str> = lines.iter().map(|(name, _)| name.as_str()).collect();
    types.dedup();
    types
}

fn text_of(lines: &[(String, Value)]) -> String {
    lines.iter().filter(|(name, _)| name == "delta").map(|(_, line)| line["text"].as_str().unwrap()).collect()
}

#[test]
fn a_stream_of_json_is_one_object_a_line() {
    let (_sandbox, place) = alpha_and_beta(DialectKind::Openai, "500", 30.0);
    let switched = lines(&place, 0);
    assert_eq!(types(&switched), ["start", "fallback", "delta", "result"]);
    assert_eq!((&switched[0].1["provider"], &switched[0].1["id"]), (&json!("alpha"), &json!("r1")));
    let fallback = &switched.iter().find(|(name, _)| name == "fallback").unwrap().1;
    assert_eq!(
        (&fallback["attempt"]["failure"], &fallback["attempt"]["status"]),
        (&json!("server_error"), &json!(500))
    );
    assert_eq!(fallback["next"], json!({"provider": "beta", "model": "b"}));
    let result = &switched.last().unwrap().1;
    assert_eq!((&result["provider"], result["attempts"].as_array().unwrap().len()), (&json!("beta"), 4));
    assert_eq!(result["content"], text_of(&switched));

    let (_sandbox, place) = alpha_and_beta(DialectKind::Openai, "cut", 30.0);
    let broken = lines(&place, 69);
    assert_eq!(types(&broken), ["start", "delta", "error"]);
    assert!(!text_of(&broken).is_empty());
    let error = &broken.last().unwrap().1["error"];
    assert_eq!((&error["kind"], &error["exit_code"]), (&json!("unavailable"), &json!(69)));
    assert_eq!(error["attempts"][0]["failure"], "cut");

    let (_sandbox, place) = alpha_and_beta(DialectKind::Openai, "400", 30.0);
    assert_eq!(types(&lines(&place, 3)), ["start", "error"]);
}

/// The rows of `config.toml` for these, with windows of so many tokens.
fn windows(sandbox: &Sandbox, tokens: &[u64]) -> String {
    let rows = sandbox.providers().iter().zip(tokens).zip(1..).map(|((provider, tokens), priority)| {
        let row = lab_row(provider, &sandbox.base_url(&provider.name).unwrap(), priority);
        let model = &provider.model;
        format!("{row}{}[[provider.model]]\nid = \"{model}\"\ncontext_tokens = {tokens}\n", price(provider))
    });
    rows.collect()
}

#[test]
fn a_prompt_that_is_too_long_goes_to_a_larger_window() {
    let three = || ["alpha", "beta", "gamma"].map(|name| provider(name, "m", "1", "10")).to_vec();
    let sandbox = sandbox_of(three(), "alpha=overflow");
    let place = Place::new().var("LAB_KEY", "test-key").var("LLMR_STRATEGY", "priority");
    place.home_file("config.toml", &windows(&sandbox, &[50_000, 40_000, 60_000]));
    let ran = place.run(&ASK).expect(0);
    assert!(ran.stdout.contains("m of gamma") && ran.stderr.contains("context_overflow"), "{ran:?}");
    assert_eq!(requests(&sandbox, "beta"), 0, "a smaller one would refuse it too");

    // One whose window is known to be too small is not asked at all.
    let place = Place::new().var("LAB_KEY", "test-key").var("LLMR_STRATEGY", "priority");
    place.home_file("config.toml", &windows(&sandbox, &[60, 40_000, 60_000]));
    place.run(&ASK).expect(0);
    assert_eq!((requests(&sandbox, "alpha"), requests(&sandbox, "beta")), (1, 1));

    let sandbox = sandbox_of(three(), "alpha=overflow,gamma=overflow");
    let place = Place::new().var("LAB_KEY", "test-key").var("LLMR_STRATEGY", "priority");
    place.home_file("config.toml", &windows(&sandbox, &[50_000, 40_000, 60_000]));
    let ran = place.run(&ASK).expect(3);
    assert!(ran.stderr.contains("the request is refused by gamma/m: context_overflow"), "{ran:?}");
}

#[test]
fn a_model_that_was_asked_for_is_pinned_and_its_fallbacks_are_named() {
    let three = ["alpha", "beta", "gamma"].map(|name| provider(name, &format!("{name}-m"), "1", "10")).to_vec();
    let script = "alpha=500,beta=500";
    const FALLBACKS: &str = "[fallbacks]\nalpha-m = [\"gamma-m\"]\n";
    for (flags, config, code, asked) in [
        (&["-m", "alpha-m"][..], "", 69, [3, 0, 0]),
        (&["-p", "alpha"], "", 69, [3, 0, 0]),
        (&["-m", "alpha-m", "--fallback", "gamma-m"], "", 0, [3, 0, 1]),
        (&["-m", "alpha-m", "--fallback", "beta/beta-m", "--fallback", "gamma-m"], "", 0, [3, 3, 1]),
        (&["-m", "alpha-m"], FALLBACKS, 0, [3, 0, 1]),
        (&["-m", "alpha-m", "--fallback", "beta-m"], FALLBACKS, 69, [3, 3, 0]),
        (&["-m", "beta-m"], FALLBACKS, 69, [0, 3, 0]),
        (&[], FALLBACKS, 0, [3, 3, 1]),
        (&["-m", "alpha-m", "--max-retries", "0", "--fallback", "gamma-m"], "", 0, [1, 0, 1]),
    ] {
        let sandbox = sandbox_of(three.clone(), script);
        let place = Place::new().labs(&sandbox, config).var("LLMR_SEED", impatient(1));
        let ran = place.run(&[&ASK, flags].concat());
        let counts = ["alpha", "beta", "gamma"].map(|name| requests(&sandbox, name));
        assert_eq!((ran.code, counts), (Some(code), asked), "{flags:?} {config}: {ran:?}");
    }
}

#[test]
fn attempts_have_one_limit_in_all() {
    let names = ["a1", "a2", "a3", "a4"];
    let four = names.map(|name| provider(name, "m", "1", "10")).to_vec();
    let sandbox = sandbox_of(four, "a1=500,a2=500,a3=500,a4=500");
    let place = Place::new().labs(&sandbox, "").var("LLMR_SEED", impatient(1));
    let ran = place.run(&ASK).expect(69);
    assert!(ran.stderr.contains("hint: no request makes more than 8 attempts (LLMR_MAX_ATTEMPTS)"), "{ran:?}");
    assert_eq!(names.map(|name| requests(&sandbox, name)), [3, 3, 2, 0]);
    let place = Place::new().labs(&sandbox, "").var("LLMR_MAX_ATTEMPTS", 1);
    place.run(&ASK).expect(69);
    assert_eq!(requests(&sandbox, "a1"), 4);
    let place = Place::new().labs(&sandbox, "").var("LLMR_MAX_RETRIES", 0);
    let ran = place.run(&ASK).expect(69);
    assert!(!ran.stderr.contains("LLMR_MAX_ATTEMPTS"), "nobody was left out for it: {ran:?}");
}

#[test]
fn nobody_is_waited_for_beyond_the_time_limit_of_it_all() {
    let two = vec![provider("alpha", "a", "1", "10"), provider("beta", "b", "1", "10")];
    let sandbox = sandbox_at(1.0, two.into_iter().map(|p| paced(p, 5, 1)).collect(), "alpha=hang,beta=hang");
    let place = Place::new().labs(&sandbox, "");
    let ran = place.run(&["ask", "--timeout", "0.4", PROMPT]).expect(69);
    assert!(ran.stderr.contains("timeout"), "{ran:?}");
    assert_eq!((requests(&sandbox, "alpha"), requests(&sandbox, "beta"), place.money().1), (1, 0, 0));
}
