//! A clock that is set back by hours, jumps far ahead, and passes midnight: no provider is left alone for longer than it
//! should be, nothing is said twice or never again, and money stays with the day that it was held on.

use llmr::sandbox::{Sandbox, SandboxProvider};
use llmr::types::DialectKind;

use crate::common::everything::READERS;
use crate::common::{Place, finish, paced, provider, sandbox, sandbox_at, sandbox_of};

const NOON: &str = "2026-11-21T12:00:00Z";
const MORNING: &str = "2026-11-21T06:00:00Z";
const YESTERDAY: &str = "2026-11-20T12:00:00Z";

/// The same place at another time.
fn at(place: Place, now: &str) -> Place {
    place.var("LLMR_NOW", now)
}

fn asked(sandbox: &Sandbox, name: &str) -> u64 {
    sandbox.bill().provider(name).unwrap().requests
}

#[test]
fn a_breaker_that_opened_by_a_clock_that_was_ahead_lets_one_try() {
    let sandbox = sandbox("cohere=500x3");
    let place = at(Place::new().with(&sandbox), NOON);
    let only = ["ask", "-p", "cohere", "--max-retries", "0", "--no-cache", "hello"];
    for _ in 0..3 {
        place.run(&only).expect(69);
    }
    place.run(&only).expect(69);
    assert_eq!(asked(&sandbox, "cohere"), 3, "it is open");
    // A clock that is a little behind changes nothing.
    let place = at(place, "2026-11-21T11:59:55Z");
    place.run(&only).expect(69);
    assert_eq!(asked(&sandbox, "cohere"), 3, "it is still open");
    let place = at(place, MORNING);
    let state = |place: &Place| place.json(&["providers", "show", "cohere"]).1["providers"][0]["breaker"].clone();
    assert_eq!(state(&place), "half_open");
    assert_eq!(place.json(&["stats"]).1["circuit_breakers"]["cohere"]["state"], "half_open");
    place.run(&only).expect(0);
    assert_eq!(state(&place), "closed");
}

#[test]
fn one_that_fails_again_after_the_clock_was_set_back_is_left_alone_by_the_clock_as_it_is() {
    let sandbox = sandbox("cohere=500");
    let place = at(Place::new().with(&sandbox), NOON);
    let only = ["ask", "-p", "cohere", "--max-retries", "0", "--no-cache", "hello"];
    for _ in 0..3 {
        place.run(&only).expect(69);
    }
    let place = at(place, MORNING);
    place.run(&only).expect(69);
    place.run(&only).expect(69);
    assert_eq!(asked(&sandbox, "cohere"), 4, "one trial, and it is open again");
    let open_until = place.json(&["providers", "show", "cohere"]).1["providers"][0]["open_until"].to_string();
    assert!(open_until.contains("T06:01:0"), "{open_until}");
}

#[test]
fn a_rest_that_began_by_a_clock_that_was_ahead_is_over() {
    let sandbox = sandbox("cohere=429:3600x2");
    let place = at(Place::new().with(&sandbox), NOON);
    let only = ["ask", "-p", "cohere", "--max-retries", "0", "--no-cache", "hello"];
    place.run(&only).expect(75);
    place.run(&only).expect(75);
    assert_eq!(asked(&sandbox, "cohere"), 1, "it rests");
    let place = at(place, MORNING);
    place.run(&only).expect(75);
    assert_eq!(asked(&sandbox, "cohere"), 2, "it was asked, and rests for an hour from now on");
    let place = at(place, "2026-11-21T06:30:00Z");
    place.run(&only).expect(75);
    assert_eq!(asked(&sandbox, "cohere"), 2);
    let place = at(place, "2026-11-21T07:00:01Z");
    place.run(&only).expect(0);
}

#[test]
fn an_answer_from_the_future_is_not_served_and_one_that_is_fresh_is() {
    let sandbox = sandbox("");
    let mut place = Place::new().with(&sandbox);
    for (now, cache) in [
        (NOON, "miss"),
        ("2026-11-21T12:00:30Z", "hit"),
        (MORNING, "miss"),
        ("2026-11-21T06:00:30Z", "hit"),
        ("2026-11-21T06:59:59Z", "hit"),
        ("2026-11-21T07:00:30Z", "miss"),
    ] {
        place = at(place, now);
        assert_eq!(place.json(&["ask", "-p", "cohere", "hello"]).1["cache"], cache, "{now}");
    }
    place.run(&["cache", "verify"]).expect(0);
}

#[test]
fn a_limit_a_minute_counts_by_the_clock_as_it_is() {
    let sandbox = sandbox("");
    let place = at(Place::new().with(&sandbox), NOON);
    place.home_file("config.toml", "[[provider]]\nname = \"cohere\"\nrpm = 2\n");
    let only = ["ask", "-p", "cohere", "--no-cache", "--timeout", "2", "hello"];
    place.run(&only).expect(0);
    place.run(&only).expect(0);
    assert_ne!(place.run(&only).code, Some(0), "two a minute");
    let place = at(place, MORNING);
    place.run(&only).expect(0);
    place.run(&only).expect(0);
    assert_ne!(place.run(&only).code, Some(0), "two a minute");
    let place = at(place, "2026-11-21T06:01:02Z");
    place.run(&only).expect(0);
}

#[test]
fn money_stays_with_the_day_that_it_was_held_on() {
    let slow = vec![paced(provider("groq", "m", "1", "2"), 900, 0)];
    let sandbox = sandbox_at(1.0, slow, "");
    let place = at(Place::new().labs(&sandbox, ""), "2026-11-21T23:59:59.6Z");
    place.run(&["ask", "--tag", "night", "hello"]).expect(0);
    let row = place.sql(
        "SELECT a.day = r.day, a.settled_at / 86400000 - a.day, strftime('%Y-%m-%d', a.at / 1000, 'unixepoch')
         FROM attempts AS a JOIN requests AS r ON id = request_id",
    );
    assert_eq!(row, ["1|1|2026-11-21"], "held before midnight, settled after it");
    let spent = |place: &Place| place.json(&["budget"]).1["spent_usd"].as_f64().unwrap();
    let cost = sandbox.bill().cost_usd.0 as f64 / 1e9;
    assert!((spent(&at(place_of(&place), NOON)) - cost).abs() < 1e-9);
    assert!(spent(&at(place_of(&place), "2026-11-22T00:00:01Z")) < 1e-12, "the new day begins at nothing");
    let place = at(place, "2026-11-22T00:00:10Z");
    place.run(&["cache", "verify"]).expect(0);
    assert!(place.run(&["budget", "history"]).expect(0).stdout.contains("2026-11-21"));
    assert_eq!(place.json(&["log"]).1["requests"][0]["day"], "2026-11-21");
}

/// Another view of the same home.
fn place_of(place: &Place) -> Place {
    let view = Place::new();
    for entry in std::fs::read_dir(place.home()).unwrap() {
        let entry = entry.unwrap();
        std::fs::copy(entry.path(), view.home().join(entry.file_name())).unwrap();
    }
    view.var("LAB_KEY", "test-key")
}

#[test]
fn a_day_that_is_used_up_ends_at_midnight_and_not_before() {
    let sandbox = sandbox("");
    let place = Place::new().with(&sandbox).var("LLMR_BUDGET_DAILY_USD", "0.00003");
    let ask = |place: &Place| place.run(&["ask", "-p", "cohere", "--max-tokens", "120", "--no-cache", "hello"]).code;
    let place = at(place, "2026-11-21T23:58:00Z");
    assert_eq!(ask(&place), Some(0));
    assert_eq!(ask(&place), Some(4));
    let place = at(place, "2026-11-21T23:59:57Z");
    assert_eq!(ask(&place), Some(4), "not before");
    let place = at(place, "2026-11-22T00:00:00Z");
    assert_eq!(ask(&place), Some(0));
    // Back again: that day is used up, whatever has been spent since.
    let place = at(place, "2026-11-21T12:00:00Z");
    assert_eq!(ask(&place), Some(4));
    place.run(&["budget", "check"]).expect(0);
}

#[test]
fn every_report_is_given_at_any_time_and_the_sums_agree() {
    let sandbox = sandbox("");
    let mut place = Place::new().with(&sandbox);
    for now in [NOON, MORNING, YESTERDAY, "1969-12-31T23:00:00Z", "9999-12-30T00:00:00Z", NOON] {
        place = at(place, now);
        place.run(&["ask", "-p", "cohere", "--no-cache", now]).expect(0);
        for command in READERS {
            place.run(command).expect(0);
        }
    }
    let billed = sandbox.bill().cost_usd.0.to_string();
    assert_eq!(place.sql("SELECT sum(cost_nanousd) FROM ledger"), std::slice::from_ref(&billed));
    assert_eq!(place.sql("SELECT sum(ledger_nanousd) FROM days"), [billed]);
    let ids: Vec<_> = place.json(&["log"]).1["requests"].as_array().unwrap().iter().map(|r| r["id"].clone()).collect();
    assert_eq!(ids, ["r6", "r5", "r4", "r3", "r2", "r1"], "in the order in which they were made");
}

#[test]
fn a_hold_of_a_process_that_was_killed_is_charged_whatever_the_clock_says() {
    for now in [MORNING, YESTERDAY, "2026-11-23T12:00:00Z"] {
        let sandbox = sandbox("cohere=hang");
        let place = at(Place::new().with(&sandbox), NOON);
        let mut child = place.command(&["ask", "-p", "cohere", "hello"]).spawn().unwrap();
        place.until_held(1);
        child.kill().unwrap();
        finish(child);
        let place = at(place, now);
        place.run(&["budget"]).expect(0);
        let charged = "SELECT presumed, cost_nanousd = held_nanousd, strftime('%Y-%m-%d', day * 86400, 'unixepoch') FROM attempts";
        assert_eq!(place.sql(charged), ["1|1|2026-11-21"], "{now}");
        place.run(&["cache", "verify"]).expect(0);
    }
}

#[test]
fn an_attempt_costs_what_its_model_costs_when_it_is_sent() {
    // The catalogue's price of this one doubles with the new year.
    let gemini = provider("gemini", "gemini-3.8-flash", "1", "1");
    let two =
        vec![SandboxProvider { dialect: DialectKind::Gemini, ..gemini }, provider("openai", "gpt-6-luna", "1", "1")];
    let sandbox = sandbox_of(two, "");
    for (now, factor) in [(NOON, 1), ("2027-01-02T12:00:00Z", 2)] {
        for more in [&["-p", "gemini"][..], &["--parallel", "2"]] {
            let place = at(Place::new().with(&sandbox), now);
            place.run(&[&["ask", "--no-cache", "hello"], more].concat()).expect(0);
            let price = format!("{factor} * (input_tokens * 750 + output_tokens * 3750)");
            let sql = format!("SELECT cost_nanousd = {price} FROM attempts WHERE provider = 'gemini'");
            assert_eq!(place.sql(&sql), ["1"], "{now} {more:?}");
        }
    }
}
