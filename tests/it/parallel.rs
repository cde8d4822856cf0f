//! Several at once: every one is held and paid for, and the best whole answer is kept.

use llmr::sandbox::{Sandbox, SandboxProvider};
use serde_json::{Value, json};

use crate::common::{Place, finish, impatient, paced, price, provider, sandbox_at, sandbox_of, signal, until};

const NAMES: [&str; 4] = ["alpha", "beta", "gamma", "delta"];

fn four() -> Vec<SandboxProvider> {
    NAMES.map(|name| provider(name, "m", "1", "10")).to_vec()
}

fn counts(sandbox: &Sandbox) -> [u64; 4] {
    NAMES.map(|name| sandbox.bill().provider(name).map_or(0, |row| row.requests))
}

/// Outcome, failure and provider of every row of the ledger.
fn ledger(place: &Place) -> Vec<String> {
    place.sql("SELECT provider, outcome, failure FROM ledger ORDER BY attempt")
}

#[test]
fn each_of_several_is_paid_for_and_one_answer_is_given() {
    let sandbox = sandbox_of(four(), "");
    let place = Place::new().labs(&sandbox, "");
    let (code, answer) = place.json(&["ask", "--no-cache", "--parallel", "3", "one two three"]);
    assert_eq!((code, counts(&sandbox)), (0, [1, 1, 1, 0]), "{answer}");
    let bill = sandbox.bill().cost_usd;
    assert_eq!(place.money(), (bill.0, 0, 0));
    assert_eq!(answer["cost_usd"], json!(bill.as_usd()), "the request cost what all of them cost");
    assert_eq!(answer["attempts"].as_array().unwrap().len(), 3);
    let who = answer["provider"].as_str().unwrap();
    assert!(answer["content"].as_str().unwrap().contains(&format!("m of {who}")), "{answer}");
    assert_eq!(ledger(&place), ["alpha|ok|", "beta|ok|", "gamma|ok|"]);

    // The answer that was kept is the one that is stored.
    let asked = ["ask", "--parallel", "3", "something else"];
    let (first, again) = (place.json(&asked).1, place.json(&asked).1);
    assert_eq!((&first["cache"], &again["cache"]), (&json!("miss"), &json!("hit")));
    assert_eq!((&first["content"], &first["provider"]), (&again["content"], &again["provider"]));
}

#[test]
fn a_whole_answer_is_better_than_one_that_was_cut() {
    // The first one writes 20 tokens at most; by its score alone it would be the best: it costs nothing.
    let sandbox = sandbox_of(vec![provider("alpha", "m", "0", "0"), provider("beta", "m", "1", "10")], "");
    let place = Place::new().labs(&sandbox, "");
    let config = std::fs::read_to_string(place.home().join("config.toml")).unwrap();
    let alpha = price(&sandbox.providers()[0]);
    let shorter = config.replace(&alpha, &format!("{alpha}[[provider.model]]\nid = \"m\"\nmax_output_tokens = 20\n"));
    place.home_file("config.toml", &shorter);
    let (code, answer) = place.json(&["ask", "--no-cache", "--parallel", "2", "one two three"]);
    assert_eq!((code, &answer["provider"], &answer["finish_reason"]), (0, &json!("beta"), &json!("stop")), "{answer}");
    let (_, alone) = place.json(&["ask", "--no-cache", "-p", "alpha", "one two three"]);
    assert_eq!(alone["finish_reason"], "length");
}

#[test]
fn one_that_fails_does_not_matter_and_when_all_fail_the_others_are_asked() {
    for (script, code, asked, rows) in [
        ("alpha=500", 0, [1, 1, 0, 0], &["alpha|failed|server_error", "beta|ok|"][..]),
        ("alpha=400", 0, [1, 1, 0, 0], &["alpha|failed|invalid_request", "beta|ok|"]),
        ("beta=empty", 0, [1, 1, 0, 0], &["alpha|ok|", "beta|failed|empty"]),
        (
            "alpha=500,beta=cut",
            0,
            [1, 1, 1, 1],
            &["alpha|failed|server_error", "beta|failed|cut", "gamma|ok|", "delta|ok|"],
        ),
        ("alpha=400,beta=503", 3, [1, 1, 0, 0], &["alpha|failed|invalid_request", "beta|failed|overloaded"]),
        (
            "alpha=500,beta=500,gamma=500,delta=500",
            69,
            [1, 1, 1, 1],
            &[
                "alpha|failed|server_error",
                "beta|failed|server_error",
                "gamma|failed|server_error",
                "delta|failed|server_error",
            ],
        ),
        (
            "alpha=401,beta=401,gamma=403,delta=401",
            77,
            [1, 1, 1, 1],
            &["alpha|failed|auth", "beta|failed|auth", "gamma|failed|forbidden", "delta|failed|auth"],
        ),
    ] {
        let sandbox = sandbox_of(four(), script);
        let place = Place::new().labs(&sandbox, "").var("LLMR_SEED", impatient(1));
        let ran = place.run(&["ask", "--no-cache", "--parallel", "2", "one two three"]);
        assert_eq!((ran.code, counts(&sandbox)), (Some(code), asked), "{script}: {ran:?}");
        assert_eq!(ledger(&place), rows, "{script}");
        let (spent, held, holds) = place.money();
        assert!(held == 0 && holds == 0 && spent >= sandbox.bill().cost_usd.0, "{script}");
        assert_eq!(ran.stdout.is_empty(), code != 0, "{script}: {ran:?}");
    }
}

#[test]
fn the_first_whole_answer_wins_a_race_and_the_others_are_charged() {
    let (slow, fast) =
        (paced(provider("alpha", "m", "1", "10"), 20, 60), paced(provider("beta", "m", "1", "10"), 150, 0));
    let failing = provider("gamma", "m", "1", "10");
    let sandbox = sandbox_at(1.0, vec![slow, fast, failing], "gamma=500");
    for flags in [&[][..], &["--no-stream"]] {
        let place = Place::new().labs(&sandbox, "");
        let ask = [&["ask", "--no-cache", "--parallel", "3", "--race", "one two three"], flags].concat();
        let before = sandbox.bill().requests.len();
        let (code, answer) = place.json(&ask);
        assert_eq!((code, &answer["provider"]), (0, &json!("beta")), "{answer}");
        // The fast one begins after 120 ms at the earliest, and nobody waits for the slow one.
        assert!((120..2000).contains(&answer["latency_ms"].as_u64().unwrap()), "{answer}");
        assert_eq!(ledger(&place), ["alpha|cancelled|cancelled", "beta|ok|", "gamma|failed|server_error"]);
        let row = place.sql("SELECT cost_nanousd, held_nanousd, estimated FROM attempts WHERE provider = 'alpha'");
        let cells: Vec<i64> = row[0].split('|').map(|cell| cell.parse().unwrap()).collect();
        let billed = |name: &str| {
            let bill = sandbox.bill();
            let mut of = bill.requests[before..].iter().filter(|r| r.provider == name);
            of.next().unwrap().cost_usd.0
        };
        assert!(cells[0] >= billed("alpha") && cells[2] == 1, "{flags:?}: {row:?}, {} billed", billed("alpha"));
        assert_eq!(cells[0] == cells[1], flags == ["--no-stream"], "unanswered and unstreamed, it is charged in full");
        assert_eq!(place.money(), (billed("beta") + cells[0], 0, 0));
        let (_, providers) = place.json(&["providers"]);
        assert_eq!(providers["providers"][0]["last_failure"], Value::Null, "to be slower is no failure");
    }
}

#[test]
fn one_that_only_thinks_wins_no_race() {
    let (quick, slow) =
        (paced(provider("alpha", "m", "1", "10"), 5, 0), paced(provider("beta", "m", "1", "10"), 300, 0));
    let sandbox = sandbox_at(1.0, vec![quick, slow], "alpha=think");
    let place = Place::new().labs(&sandbox, "");
    let ask = ["ask", "--no-cache", "--parallel", "2", "--race", "--max-tokens", "5", "one two three"];
    let (code, answer) = place.json(&ask);
    assert_eq!(
        (code, &answer["provider"], &answer["finish_reason"]),
        (0, &json!("beta"), &json!("length")),
        "{answer}"
    );
}

#[test]
fn side_by_side_they_stay_within_the_money_and_the_bounds() {
    // 100 tokens are a thousandth of a dollar.
    for (variable, value, flags, asked) in [
        ("LLMR_BUDGET_DAILY_USD", "5", &["--parallel", "9"][..], [1, 1, 1, 0]),
        ("LLMR_MAX_PARALLEL_PROVIDERS", "2", &["--parallel", "9"], [1, 1, 0, 0]),
        ("LLMR_MAX_ATTEMPTS", "2", &["--parallel", "9"], [1, 1, 0, 0]),
        ("LLMR_BUDGET_DAILY_USD", "0.002", &["--parallel", "3"], [1, 1, 0, 0]),
        ("LLMR_BUDGET_DAILY_USD", "0.001999999", &["--parallel", "3"], [1, 0, 0, 0]),
        ("LLMR_BUDGET_DAILY_USD", "5", &["--parallel", "3", "--max-cost", "0.002"], [1, 1, 0, 0]),
        ("LLMR_BUDGET_DAILY_USD", "5", &["--parallel", "1"], [1, 0, 0, 0]),
    ] {
        let free_input = NAMES.map(|name| provider(name, "m", "0", "10")).to_vec();
        let sandbox = sandbox_of(free_input, "");
        let place = Place::new().labs(&sandbox, "").var(variable, value);
        let ran = place.run(&[&["ask", "--max-tokens", "100", "hello"], flags].concat()).expect(0);
        assert_eq!(counts(&sandbox), asked, "{variable}={value} {flags:?}: {ran:?}");
        assert_eq!(place.money(), (sandbox.bill().cost_usd.0, 0, 0), "{variable}={value} {flags:?}");
    }
    let place = Place::new().labs(&sandbox_of(four(), ""), "");
    place.run(&["ask", "--parallel", "0", "hello"]).expect(2);
}

#[test]
fn when_the_time_is_over_nobody_else_is_asked() {
    let sandbox = sandbox_of(four(), "alpha=hang,beta=hang");
    let place = Place::new().labs(&sandbox, "");
    place.run(&["ask", "--parallel", "2", "--timeout", "0.4", "hello"]).expect(69);
    assert_eq!(counts(&sandbox), [1, 1, 0, 0]);
}

#[cfg(unix)]
#[test]
fn a_signal_charges_all_that_were_under_way() {
    let two = vec![paced(provider("alpha", "m", "1", "10"), 5, 50), paced(provider("beta", "m", "1", "10"), 5, 50)];
    let sandbox = sandbox_at(1.0, two, "");
    let place = Place::new().labs(&sandbox, "");
    let child = place.command(&["ask", "--parallel", "2", "one two three"]).spawn().unwrap();
    let writing = || sandbox.bill().requests.iter().filter(|r| r.usage.output_tokens > 2).count();
    until("both write", || writing() == 2);
    signal(&child, "INT");
    finish(child).expect(130);
    assert_eq!(ledger(&place), ["alpha|cancelled|cancelled", "beta|cancelled|cancelled"]);
    let (spent, held, _) = place.money();
    assert!(held == 0 && spent >= sandbox.bill().cost_usd.0, "{spent} of {}", sandbox.bill().cost_usd.0);
}
