//! Late ones: a second one is asked beside a first that is later than usual, and a hang is not waited for as long as the
//! settings would have it.

use std::time::{Duration, Instant};

use llmr::sandbox::Sandbox;
use serde_json::json;

use crate::common::{Place, finish, paced, provider, sandbox_at, signal, until};

/// The cheap one answers at once so many times, then does what the script says.
fn two(times: u32, then: &str, other: &str) -> Sandbox {
    let both = vec![paced(provider("alpha", "m", "1", "10"), 20, 0), paced(provider("beta", "m", "2", "20"), 20, 0)];
    sandbox_at(1.0, both, &format!("alpha=okx{times},alpha={then}{other}"))
}

/// A place where alpha has answered eight times.
fn acquainted(sandbox: &Sandbox) -> Place {
    let place = Place::new().labs(sandbox, "").var("LLMR_STRATEGY", "cheapest");
    for n in 0..8 {
        place.run(&["ask", "--no-cache", "--max-tokens", "20", &format!("say {n}")]).expect(0);
    }
    place
}

const ASK: [&str; 5] = ["ask", "--no-cache", "--hedge", "--max-tokens", "20"];

fn attempts(place: &Place) -> Vec<String> {
    place.sql("SELECT provider, outcome, failure, hedge FROM attempts WHERE request_id = 9 ORDER BY attempt")
}

#[test]
fn a_late_one_gets_company_and_both_are_paid_for() {
    for flags in [&[][..], &["--stream"]] {
        let sandbox = two(8, "hang", "");
        let place = acquainted(&sandbox);
        let rehearsed = place.run(&["dry-run", "--hedge", "--max-tokens", "20", "hello"]).expect(0);
        assert!(rehearsed.stdout.contains("and, where nothing has come after"), "{}", rehearsed.stdout);
        let spent = place.money().0;
        let ran = place.run(&[&ASK, flags, &["hello"]].concat()).expect(0);
        assert_eq!(ran.stdout.matches("This is the sandbox").count(), 1, "{}", ran.stdout);
        assert!(ran.stderr.contains("beta/m is asked too"), "{}", ran.stderr);
        assert_eq!(attempts(&place), ["alpha|cancelled|cancelled|0", "beta|ok||1"]);
        let rows = place.sql("SELECT sum(cost_nanousd) FROM attempts WHERE request_id = 9");
        assert_eq!(
            place.sql("SELECT cost_nanousd FROM requests WHERE id = 9"),
            rows,
            "the request cost what both cost"
        );
        assert_eq!(place.money(), (spent + rows[0].parse::<i64>().unwrap(), 0, 0));
        let (_, providers) = place.json(&["providers"]);
        assert_eq!(providers["providers"][0]["last_failure"], json!(null), "to be late is no failure");
    }
}

#[test]
fn who_is_in_time_stays_alone() {
    let sandbox = two(8, "ok", "");
    let place = acquainted(&sandbox);
    // Nobody is known well enough before the first few answers either.
    let other = Place::new().labs(&sandbox, "").var("LLMR_STRATEGY", "cheapest");
    other.run(&[&ASK[..], &["hello"]].concat()).expect(0);
    place.run(&[&ASK[..], &["hello"]].concat()).expect(0);
    assert!(sandbox.bill().provider("beta").is_none_or(|row| row.requests == 0));
}

#[test]
fn a_late_one_that_begins_after_all_is_kept_and_the_second_one_is_cancelled() {
    let sandbox = two(8, "slow:0.4", ",beta=hang");
    let place = acquainted(&sandbox);
    let ran = place.run(&[&ASK[..], &["hello"]].concat()).expect(0);
    assert_eq!(ran.stdout.matches("This is the sandbox").count(), 1, "{}", ran.stdout);
    assert_eq!(attempts(&place), ["alpha|ok||0", "beta|cancelled|cancelled|1"]);
    let rows = place.sql("SELECT sum(cost_nanousd) FROM attempts WHERE request_id = 9");
    assert_eq!(place.sql("SELECT cost_nanousd FROM requests WHERE id = 9"), rows);
    assert_eq!(place.money().2, 0);
}

#[test]
fn second_ones_stay_within_their_own_money_and_the_day_s() {
    // 20 tokens of beta's are 0.0004 USD, and its prompt is held with some margin.
    for (variable, value, company) in [
        ("LLMR_HEDGE_DAILY_USD", "0", false),
        ("LLMR_HEDGE_DAILY_USD", "0.0003", false),
        ("LLMR_HEDGE_DAILY_USD", "0.01", true),
        ("LLMR_MAX_ATTEMPTS", "1", false),
    ] {
        let sandbox = two(8, "slow:0.4", ",beta=hang");
        let place = acquainted(&sandbox).var(variable, value);
        let (code, answer) = place.json(&[&ASK[..], &["hello"]].concat());
        assert_eq!((code, &answer["provider"]), (0, &json!("alpha")), "{variable}={value}: {answer}");
        assert_eq!(answer["attempts"].as_array().unwrap().len() == 2, company, "{variable}={value}: {answer}");
    }
}

#[test]
fn where_both_fail_the_next_one_is_asked() {
    let three = ["alpha", "beta", "gamma"].map(|name| paced(provider(name, "m", "1", "10"), 20, 0)).to_vec();
    let sandbox = sandbox_at(1.0, three, "alpha=okx8,alpha=slow:0.3,beta=cut");
    let place = acquainted(&sandbox).var("LLMR_MAX_RETRIES", 0);
    let failing = ["--max-retries", "0"];
    let (code, answer) = place.json(&[&ASK[..], &failing, &["hello"]].concat());
    assert_eq!(code, 0, "{answer}");
    let who: Vec<_> = answer["attempts"].as_array().unwrap().iter().map(|a| a["provider"].clone()).collect();
    assert_eq!(who[..2], [json!("alpha"), json!("beta")], "{answer}");
    assert_eq!(place.money().2, 0);
}

#[cfg(unix)]
#[test]
fn a_signal_settles_both() {
    let sandbox = two(8, "hang", ",beta=hang");
    let place = acquainted(&sandbox);
    let child = place.command(&[&ASK[..], &["hello"]].concat()).spawn().unwrap();
    until("both are held for", || place.money().2 == 2);
    signal(&child, "INT");
    finish(child).expect(130);
    assert_eq!(attempts(&place), ["alpha|cancelled|cancelled|0", "beta|cancelled|cancelled|1"]);
    assert_eq!(place.money().2, 0);
}

#[test]
fn a_hang_is_waited_for_as_long_as_is_usual_where_somebody_else_is_left() {
    let sandbox = two(8, "hang", "");
    let place = acquainted(&sandbox);
    let began = Instant::now();
    let (code, answer) = place.json(&["ask", "--no-cache", "--max-tokens", "20", "hello"]);
    assert_eq!((code, &answer["provider"]), (0, &json!("beta")), "{answer}");
    assert_eq!(answer["attempts"][0]["failure"], "timeout", "{answer}");
    assert!((Duration::from_secs(4)..Duration::from_secs(30)).contains(&began.elapsed()), "{:?}", began.elapsed());
    let belief: String =
        place.sql("SELECT belief -> '$.success.recent' FROM beliefs WHERE provider = 'alpha'").concat();
    assert!(belief.contains("\"bad\":1"), "{belief}");
}

#[test]
fn a_second_one_that_breaks_off_or_runs_out_of_tokens_takes_nothing_from_the_first() {
    for fault in ["error-in-200", "think", "malformed", "500", "cut"] {
        let sandbox = two(8, "slow:0.5", &format!(",beta={fault}"));
        let place = acquainted(&sandbox);
        let began = Instant::now();
        let (code, answer) = place.json(&[&ASK[..], &["--timeout", "20", "hello"]].concat());
        assert!(began.elapsed() < Duration::from_secs(15), "{fault}: {:?}", began.elapsed());
        assert_eq!(code, 0, "{fault}: {answer}");
        let who: Vec<_> = answer["attempts"].as_array().unwrap().iter().map(|a| a["provider"].clone()).collect();
        assert_eq!(who[..2], [json!("alpha"), json!("beta")], "{fault}: {answer}");
        assert_eq!(place.money().2, 0, "{fault}");
        let rows = place.sql("SELECT sum(cost_nanousd) FROM attempts WHERE request_id = 9");
        assert_eq!(place.sql("SELECT cost_nanousd FROM requests WHERE id = 9"), rows, "{fault}");
    }
}

#[test]
fn what_no_money_may_be_held_for_is_not_promised() {
    let sandbox = two(8, "slow:0.4", ",beta=hang");
    let place = acquainted(&sandbox).var("LLMR_HEDGE_DAILY_USD", "0.0001");
    let rehearsed = place.run(&["dry-run", "--hedge", "--max-tokens", "20", "hello"]).expect(0);
    assert!(!rehearsed.stdout.contains("where nothing has come"), "{}", rehearsed.stdout);
    let ran = place.run(&[&ASK[..], &["-v", "hello"]].concat()).expect(0);
    assert!(ran.stderr.contains("no second one stands by"), "{}", ran.stderr);
    place.run(&[&ASK[..], &["--no-stream", "hello"]].concat()).expect(2);
}
