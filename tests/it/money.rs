//! The budget holds: however many processes spend it, whatever they ask for, however they end.

use llmr::engine::estimate;
use llmr::types::NanoUsd;

use crate::common::canned::{Canned, completion};
use crate::common::crowd::{CROWD, TOKENS, attempts, billed, watching};
use crate::common::{Place, Ran, finish, paced, provider, sandbox_at, sandbox_of};

/// Nano-dollars a token at 10 USD per million.
const OUT: i64 = 10_000;
/// Nano-dollars a token at 0.1 USD per million.
const IN: i64 = 100;

fn usd(nano: i64) -> String {
    NanoUsd(nano).to_string()
}

/// 50 at once, of whom exactly 20 can be paid for.
fn twenty_of_fifty(input: &'static str, limit: i64) {
    let sandbox = sandbox_at(1.0, vec![paced(provider("alpha", "m", input, "10"), 60, 1)], "");
    // Whoever must wait does so for as long as it takes on a busy machine.
    let place = Place::new().labs(&sandbox, "").with_prompts().var("LLMR_BUDGET_WAIT_SECS", 50);
    let place = place.var("LLMR_BUDGET_DAILY_USD", usd(limit));
    let (all, seen) = watching(&place, || place.crowd());

    let with = |code| all.iter().filter(|ran| ran.code == Some(code)).collect::<Vec<&Ran>>();
    let (answered, refused) = (with(0), with(4));
    assert_eq!((answered.len(), refused.len()), (20, 30), "{all:#?}");
    assert!(answered.iter().all(|ran| ran.stdout.contains("the sandbox of llmr")), "{answered:#?}");
    assert!(refused.iter().all(|ran| ran.stdout.is_empty()), "{refused:#?}");
    assert!(refused.iter().all(|ran| ran.stderr.contains("USD are spent")), "{refused:#?}");
    assert!(all.iter().all(|ran| !ran.stderr.contains("locked")), "{all:#?}");

    let bill = sandbox.bill();
    assert_eq!(bill.provider("alpha").unwrap().requests, 20, "nobody is sent whom the budget does not pay for");
    assert_eq!(place.money(), (bill.cost_usd.0, 0, 0));
    for (n, cost, _, presumed) in attempts(&place) {
        assert_eq!((Some(cost), presumed), (billed(&sandbox, n), false), "number {n}");
    }
    assert!(seen.most <= limit, "{seen:?} of {limit}");
    assert!(seen.looks > 10 && seen.holds > 1, "nothing was seen of the crowd: {seen:?}");
    let (_, budget) = place.json(&["budget"]);
    assert_eq!((&budget["spent_usd"], &budget["held_usd"]), (&serde_json::json!(bill.cost_usd.as_usd()), &0.into()));
    assert_eq!(budget["requests"], CROWD);
}

#[test]
fn a_limit_of_nothing_is_not_marked_in_the_bars() {
    let sandbox = sandbox_of(vec![provider("alpha", "m", "1", "10")], "");
    let place = Place::new().labs(&sandbox, "");
    place.run(&["ask", "hello"]).expect(0);
    for (limit, marked) in [("5", true), ("0", false)] {
        place.run(&["budget", "set", limit]).expect(0);
        let shown = place.run(&["budget", "history"]).expect(0).stdout;
        assert_eq!(shown.contains("marks today's limit"), marked, "{shown}");
    }
}

#[test]
fn twenty_of_fifty_are_answered_to_the_nano_dollar() {
    twenty_of_fifty("0", 20 * TOKENS * OUT);
}

#[test]
fn twenty_of_fifty_are_answered_with_the_slack_that_their_prompts_need() {
    // A hold is more than the answer will cost: for an estimate of the prompt with its margin at the least. The last
    // one to be let in needs that beside what 19 have cost, whichever they are.
    let prompt = |n: usize| "word ".repeat(n + 1);
    let hold = |n: usize| {
        let tokens = estimate::tokens(prompt(n).trim_end()) + 7;
        estimate::scaled(tokens, 1.15).cast_signed() * IN + TOKENS * OUT
    };
    let cost = |n: usize| (n as i64 + 1) * IN + TOKENS * OUT;
    let dearest_19: i64 = (CROWD - 19..CROWD).map(cost).sum();
    let limit = dearest_19 + hold(CROWD - 1);
    let cheapest_20: i64 = (0..20).map(cost).sum();
    assert!(cheapest_20 + hold(0) > limit, "the budget must not pay for a 21st");
    twenty_of_fifty("0.1", limit);
}

/// One attempt of 1000 tokens under way, which will cost less than 200, where 1200 can be paid for.
fn one_under_way() -> (llmr::sandbox::Sandbox, Place) {
    let sandbox = sandbox_at(1.0, vec![paced(provider("alpha", "m", "0", "10"), 300, 1)], "");
    let place = Place::new().labs(&sandbox, "").var("LLMR_BUDGET_DAILY_USD", usd(1200 * OUT));
    (sandbox, place)
}

#[test]
fn money_that_others_hold_is_waited_for() {
    let (sandbox, place) = one_under_way();
    let first = place.command(&["ask", "--max-tokens", "1000", "one"]).spawn().unwrap();
    place.until_held(1);
    let second = place.run(&["ask", "--max-tokens", "1000", "two"]).expect(0);
    finish(first).expect(0);
    let told = "warning: waiting for 0.01 USD that other requests hold of today's 0.012 USD\n";
    assert_eq!(second.stderr, told);
    assert_eq!(place.money(), (sandbox.bill().cost_usd.0, 0, 0));
}

#[test]
fn without_waiting_it_is_told_what_is_spent_what_is_held_and_what_would_fit() {
    let (sandbox, place) = one_under_way();
    place.run(&["budget", "reset", "--to", "0.001"]).expect(0);
    let first = place.command(&["ask", "--max-tokens", "1000", "one"]).spawn().unwrap();
    place.until_held(1);
    let place = place.var("LLMR_BUDGET_WAIT_SECS", 0);
    let second = place.run(&["ask", "--max-tokens", "1000", "two"]).expect(4);
    let asked = sandbox.bill().provider("alpha").unwrap().requests;
    finish(first).expect(0);
    assert_eq!((asked, second.stdout.as_str()), (1, ""));
    for part in [
        "today's limit of 0.012 USD",
        "0.001 USD are spent",
        "0.01 USD held by requests under way",
        "hint: alpha/m may cost up to 0.01 USD; 0.001 USD are left, enough for --max-tokens 100\n",
    ] {
        assert!(second.stderr.contains(part), "{part}: {}", second.stderr);
    }
}

/// The cap that the sandbox was sent last.
fn cap_sent(sandbox: &llmr::sandbox::Sandbox) -> Option<u64> {
    sandbox.requests().last()?.body["max_tokens"].as_u64()
}

#[test]
fn what_does_not_fit_is_asked_of_a_cheaper_one_and_else_with_a_smaller_cap() {
    let two = vec![provider("alpha", "m", "0", "10"), provider("beta", "m", "0", "1")];
    let sandbox = sandbox_of(two, "");
    for (limit, flags, who, cap) in [
        (8192 * OUT, &[][..], "alpha", 8192),
        (8192 * OUT - 1, &[], "beta", 8192),
        (8192 * OUT / 10 - 1, &["-p", "beta"], "beta", 8191),
        (8192 * OUT / 10 - 1, &[], "alpha", 819),
        (256 * OUT / 10, &[], "beta", 256),
        (300 * OUT / 10, &["--max-tokens", "300"], "beta", 300),
        (300 * OUT / 10, &["-p", "beta", "--max-cost", "0.00028"], "beta", 280),
    ] {
        let place = Place::new().labs(&sandbox, "").var("LLMR_BUDGET_DAILY_USD", usd(limit));
        let (code, answer) = place.json(&[&["ask", "hello"], flags].concat());
        assert_eq!((code, &answer["provider"], cap_sent(&sandbox)), (0, &who.into(), Some(cap)), "{limit} {flags:?}");
        assert_eq!(answer["warnings"], serde_json::json!([]), "an answer that was not cut needs no word");
    }
    let before = sandbox.bill();
    for (limit, flags) in [(256 * OUT / 10 - 1, &[][..]), (300 * OUT / 10, &["--max-tokens", "301"])] {
        let place = Place::new().labs(&sandbox, "").var("LLMR_BUDGET_DAILY_USD", usd(limit));
        let ran = place.run(&[&["ask", "hello"], flags].concat()).expect(4);
        assert!(ran.stderr.contains(&format!("--max-tokens {}\n", limit / (OUT / 10))), "{ran:?}");
        assert_eq!(place.money(), (0, 0, 0));
    }
    assert_eq!(sandbox.bill(), before, "what does not fit is not sent");
}

/// A provider that answers only this, with the money for 300 tokens.
fn always(answer: &serde_json::Value) -> (Canned, Place) {
    let canned = Canned::start(answer);
    let alpha = provider("alpha", "m", "0", "10");
    let row = crate::common::lab_row(&alpha, &canned.base_url, 1) + &crate::common::price(&alpha);
    let place = Place::new().var("LAB_KEY", "test-key").var("LLMR_BUDGET_DAILY_USD", usd(300 * OUT));
    place.home_file("config.toml", &row);
    (canned, place)
}

#[test]
fn an_answer_cut_by_the_budget_says_so_and_an_empty_one_is_the_budget_s_end() {
    let ask = ["ask", "--no-stream", "--no-cache", "hello"];
    let (_canned, place) = always(&completion("only half", "length", 3, 300));
    let cut = "the answer was cut at 300 tokens, all that the budget allowed";
    let (code, answer) = place.json(&ask);
    assert_eq!((code, &answer["finish_reason"], &answer["content"]), (0, &"length".into(), &"only half".into()));
    assert_eq!(answer["warnings"], serde_json::json!([cut]));
    place.run(&["budget", "reset"]).expect(0);
    let ran = place.run(&ask).expect(0);
    let alert = "warning: $0.003 of today's $0.003 are spent: only free answers are given until midnight UTC\n";
    assert_eq!((ran.stdout.as_str(), ran.stderr), ("only half\n", format!("warning: {cut}\n{alert}")));

    let (canned, place) = always(&completion("", "length", 3, 300));
    let ran = place.run(&ask).expect(4);
    assert!(ran.stderr.contains("alpha/m wrote no text within 300 tokens, all that the budget allowed"), "{ran:?}");
    assert_eq!((canned.asked(), place.money()), (1, (300 * OUT, 0, 0)));

    // The same within a cap of the user's own is the user's to mend.
    let (canned, place) = always(&completion("", "length", 3, 200));
    let ran = place.run(&["ask", "--no-stream", "--max-tokens", "200", "hello"]).expect(3);
    assert!(ran.stderr.contains("hint: raise --max-tokens"), "{ran:?}");
    assert_eq!((canned.asked(), place.money()), (1, (200 * OUT, 0, 0)));
    let (_, providers) = place.json(&["providers"]);
    assert_eq!(providers["providers"][0]["breaker"], "closed", "it is nobody's failure");
}

#[test]
fn a_vendor_that_bills_more_than_was_held_is_told_and_counts() {
    let (canned, place) = always(&completion("dear", "stop", 3, 100_000));
    let ran = place.run(&["ask", "--no-stream", "--no-cache", "hello"]).expect(0);
    assert_eq!(ran.stdout, "dear\n");
    let billed = "warning: alpha/m billed 1 USD, more than the worst case of 0.003 USD\n";
    let alert = "warning: $1.00 of today's $0.003 are spent: only free answers are given until midnight UTC\n";
    assert_eq!(ran.stderr, format!("{billed}{alert}"));
    assert_eq!(place.money(), (100_000 * OUT, 0, 0));
    let (_, budget) = place.json(&["budget"]);
    let expected = (&serde_json::json!(1), &serde_json::json!(0), &serde_json::json!("hard"));
    assert_eq!((&budget["spent_usd"], &budget["remaining_usd"], &budget["state"]), expected);
    place.run(&["ask", "--no-stream", "--no-cache", "hello"]).expect(4);
    assert_eq!(canned.asked(), 1);
    place.run(&["budget", "check"]).expect(4);
}

#[test]
fn max_cost_is_for_all_attempts_together() {
    // An answer that breaks off unstreamed is charged in full: 100 tokens.
    let two = vec![provider("alpha", "m", "0", "10"), provider("beta", "m", "0", "10")];
    let sandbox = sandbox_of(two, "alpha=cut");
    let place = Place::new().labs(&sandbox, "").var("LLMR_SEED", crate::common::impatient(1));
    let ask = ["ask", "--no-stream", "--max-tokens", "100", "--max-cost", "0.0025", "hello"];
    let ran = place.run(&ask).expect(4);
    let requests = |name: &str| sandbox.bill().provider(name).unwrap().requests;
    assert_eq!((requests("alpha"), requests("beta"), ran.stdout.as_str()), (2, 0, ""), "{ran:?}");
    assert!(ran.stderr.contains("--max-cost 0.0025"), "{ran:?}");
    assert_eq!(place.money(), (200 * OUT, 0, 0));
    let bill = sandbox.bill().cost_usd.0;
    assert!(bill <= 200 * OUT, "{bill}");

    // With money for all three tries of alpha and one of beta, beta answers.
    let place = Place::new().labs(&sandbox, "").var("LLMR_SEED", crate::common::impatient(1));
    let ran = place.run(&["ask", "--no-stream", "--max-tokens", "100", "--max-cost", "0.004", "hello"]).expect(0);
    assert_eq!((requests("alpha"), requests("beta")), (5, 1), "{ran:?}");
}

#[test]
fn from_the_soft_cut_off_on_cheaper_ones_are_preferred() {
    let two = vec![provider("alpha", "m", "0", "10"), provider("beta", "m", "0", "1")];
    let sandbox = sandbox_of(two, "");
    let place = Place::new().labs(&sandbox, "").var("LLMR_BUDGET_DAILY_USD", 1);
    for (spent, who, told) in [
        ("0.949", "alpha", "warning: $0.95 of today's $1.00 are spent: cheaper providers are preferred from now on\n"),
        ("0.95", "beta", "warning: 0.95 USD of today's 1 USD are spent: cheaper providers are preferred\n"),
    ] {
        place.run(&["budget", "reset", "--to", spent]).expect(0);
        let ran = place.run(&["ask", "--no-cache", "--max-tokens", "100", "hello"]).expect(0);
        assert!(ran.stdout.contains(&format!("m of {who}")), "{ran:?}");
        assert_eq!(ran.stderr, told);
    }
}

#[test]
fn a_limit_of_nothing_still_gives_what_is_free() {
    let free = llmr::sandbox::SandboxProvider { needs_key: false, ..provider("ollama", "local", "0", "0") };
    let sandbox = sandbox_of(vec![free, provider("mistral", "paid", "0", "0.000001")], "");
    let host = sandbox.base_url("ollama").unwrap().trim_end_matches("/v1").to_owned();
    let place = Place::new().with(&sandbox).var("OLLAMA_HOST", host).var("LLMR_BUDGET_DAILY_USD", 0);
    let (code, answer) = place.json(&["ask", "--no-cache", "hello"]);
    assert_eq!((code, &answer["provider"], &answer["cost_usd"]), (0, &"ollama".into(), &0.into()));
    let paid = Place::new().labs(&sandbox, "").var("LLMR_BUDGET_DAILY_USD", 0);
    let ran = paid.run(&["ask", "-p", "mistral", "hello"]).expect(4);
    assert!(ran.stderr.contains("today's limit of 0 USD"), "{ran:?}");
    assert_eq!(sandbox.bill().provider("mistral").unwrap().requests, 0);
}

#[test]
fn without_a_price_nothing_is_asked_while_money_is_limited() {
    let sandbox = sandbox_of(vec![provider("alpha", "m", "1", "1")], "");
    let alpha = &sandbox.providers()[0];
    let place = Place::new().var("LAB_KEY", "test-key");
    place.home_file("config.toml", &crate::common::lab_row(alpha, &sandbox.base_url("alpha").unwrap(), 1));
    let ran = place.run(&["ask", "hello"]).expect(4);
    assert!(ran.stderr.contains("the price of alpha/m is not known") && ran.stderr.contains("--allow-unpriced"));
    assert!(sandbox.requests().is_empty());
    let (code, answer) = place.json(&["ask", "--no-cache", "--allow-unpriced", "hello"]);
    assert_eq!((code, &answer["cost_usd"], &answer["cost_source"]), (0, &serde_json::Value::Null, &"none".into()));
    assert_eq!(place.sql("SELECT cost_nanousd IS NULL FROM ledger"), ["1"]);
    place.var("LLMR_BUDGET_DAILY_USD", "off").run(&["ask", "--no-cache", "hello"]).expect(0);
}

#[test]
fn a_retired_model_is_refused_unless_it_is_asked_for_verbatim() {
    let sandbox = sandbox_of(vec![provider("openai", "gpt-6-luna", "1", "1")], "");
    let place = Place::new().with(&sandbox);
    for asked in ["gpt-4-32k", "openai/gpt-4-32k"] {
        let ran = place.run(&["ask", "-m", asked, "hello"]).expect(2);
        assert!(ran.stderr.contains("`gpt-4-32k` of provider `openai` is retired"), "{ran:?}");
        assert!(ran.stderr.contains("-m gpt-5.6-sol"), "{ran:?}");
    }
    assert!(sandbox.requests().is_empty());
    let ran = place.run(&["ask", "-p", "openai", "-m", "gpt-4-32k", "--max-tokens", "50", "hello"]).expect(0);
    assert_eq!(ran.stderr, "warning: openai/gpt-4-32k is retired; its successor is gpt-5.6-sol\n");
    assert_eq!(sandbox.requests()[0].body["model"], "gpt-4-32k");
}
