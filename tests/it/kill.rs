//! Processes that are ended in the middle: what they spent is recorded, what they held is not lost.
#![cfg(unix)]

use std::io::Read;
use std::process::{Child, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::common::canned::{Canned, completion};
use crate::common::crowd::{CROWD, TOKENS, attempts, billed, watching};
use crate::common::{Place, finish, paced, provider, sandbox_at, signal, until};

/// Nano-dollars a token at 10 USD per million.
const OUT: i64 = 10_000;

/// Knuth's MMIX generator: the same moments in every run with the same seed.
struct Lots(u64);

impl Lots {
    /// A number below `n`.
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % n
    }
}

/// Ends some of the crowd with SIGKILL: some at any moment, some at any moment of an attempt under way.
fn kill_some(place: &Place, seed: u64) -> Vec<Option<i32>> {
    const WHOLE_MS: u64 = 900;
    const ATTEMPT_MS: u64 = 120;
    let mut lots = Lots(seed);
    let mut children: Vec<Child> = (0..CROWD).map(|n| to_nowhere(place, n)).collect();
    let began = Instant::now();
    let mut due: Vec<(usize, u64)> = (0..10).map(|_| (lots.below(50) as usize, lots.below(WHOLE_MS))).collect();
    let mut left_to_pick = 8;
    let mut codes = vec![None; CROWD];
    let mut running: Vec<usize> = (0..CROWD).collect();
    while !running.is_empty() {
        thread::sleep(Duration::from_millis(2));
        let now = began.elapsed().as_millis() as u64;
        if left_to_pick > 0 && lots.below(8) == 0 {
            for pid in holders(place).into_iter().take(1) {
                let Some(n) = children.iter().position(|child| child.id() == pid) else { continue };
                due.push((n, now + lots.below(ATTEMPT_MS)));
                left_to_pick -= 1;
            }
        }
        for (n, _) in due.extract_if(.., |(_, at)| *at <= now) {
            // One that has ended already is not there to be killed.
            _ = children[n].kill();
        }
        running.retain(|n| match children[*n].try_wait().unwrap() {
            Some(status) => {
                codes[*n] = status.code();
                false
            }
            None => true,
        });
    }
    codes
}

fn to_nowhere(place: &Place, n: usize) -> Child {
    place.one(n).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

/// The processes whose attempts are under way, the youngest first.
fn holders(place: &Place) -> Vec<u32> {
    let Ok(db) = rusqlite::Connection::open(place.home().join("llmr.db")) else { return Vec::new() };
    let Ok(mut all) = db.prepare("SELECT owner_pid FROM holds ORDER BY request_id DESC") else { return Vec::new() };
    all.query_map([], |row| row.get(0)).map(|rows| rows.flatten().collect()).unwrap_or_default()
}

fn killed_at_random(seed: u64) {
    let limit = 20 * TOKENS * OUT;
    let sandbox = sandbox_at(1.0, vec![paced(provider("alpha", "m", "0", "10"), 60, 1)], "");
    let place = Place::new().labs(&sandbox, "").with_prompts().var("LLMR_BUDGET_WAIT_SECS", 50);
    let place = place.var("LLMR_BUDGET_DAILY_USD", llmr::types::NanoUsd(limit));
    let (codes, seen) = watching(&place, || kill_some(&place, seed));
    assert!(codes.iter().all(|code| matches!(code, None | Some(0 | 4))), "{codes:?}");
    assert!(seen.most <= limit && seen.holds > 1, "{seen:?} of {limit}");

    // The next process finds the holds of the dead, whatever it is for.
    let (_, budget) = place.json(&["budget"]);
    assert_eq!(budget["held_usd"], 0);
    let mut presumed = 0;
    for (n, cost, held, is_presumed) in attempts(&place) {
        presumed += i64::from(is_presumed);
        match is_presumed {
            true => assert!(cost == held && billed(&sandbox, n).unwrap_or(0) <= cost, "seed {seed}, number {n}"),
            false => assert_eq!(Some(cost), billed(&sandbox, n), "seed {seed}, number {n}"),
        }
        assert!(codes[n].is_none() || !is_presumed, "number {n} was alive");
    }
    let (spent, ..) = place.money();
    let bill = sandbox.bill().cost_usd.0;
    assert!(bill <= spent && spent <= limit, "seed {seed}: {bill} billed, {spent} in the ledger, {limit} the limit");
    assert!(presumed > 0, "seed {seed}: nobody was killed in the middle of an attempt");
    let answered = codes.iter().filter(|code| **code == Some(0)).count() as i64;
    assert!(answered + presumed <= 20, "{answered} answered, {presumed} presumed");

    // They are marked where a person looks.
    assert_eq!(place.sql("SELECT count(*) FROM ledger WHERE estimated"), [presumed.to_string()]);
    let (_, log) = place.json(&["log", "-n", "100"]);
    let requests = log["requests"].as_array().unwrap();
    let orphans: Vec<&Value> = requests.iter().filter(|r| r["attempts"][0]["presumed"] == true).collect();
    assert_eq!(orphans.len() as i64, presumed);
    for orphan in orphans {
        let attempt = &orphan["attempts"][0];
        assert_eq!((&orphan["state"], &orphan["exit_code"]), (&json!("orphaned"), &Value::Null));
        assert_eq!((&attempt["estimated"], &attempt["cost_usd"]), (&json!(true), &attempt["held_usd"]));
        assert_eq!(orphan["cost_usd"], attempt["cost_usd"]);
    }
    let (_, sound) = place.json(&["budget"]);
    assert_eq!(sound["spent_usd"], json!(llmr::types::NanoUsd(spent).as_usd()));
}

#[test]
fn what_killed_processes_held_is_charged_in_full_and_marked() {
    for seed in [1, 2] {
        killed_at_random(seed);
    }
}

#[test]
fn a_signal_in_the_middle_of_an_answer_ends_it_with_what_it_cost() {
    for (name, code, word) in [("INT", 130, "interrupted"), ("TERM", 143, "terminated")] {
        // A stream on its way to the user, one that is read unseen, and an answer that comes whole.
        for flags in [&["--stream"][..], &[], &["--no-stream"]] {
            let sandbox = sandbox_at(1.0, vec![paced(provider("alpha", "m", "1", "10"), 5, 40)], "");
            let place = Place::new().labs(&sandbox, "");
            let args = [&["ask", "--max-tokens", "60", "one two three"], flags].concat();
            let mut child = place.command(&args).spawn().unwrap();
            let written = || sandbox.bill().requests.first().map_or(0, |r| r.usage.output_tokens);
            until("the answer has begun", || written() >= 8);
            let mut shown = [0; 1];
            if flags == ["--stream"] {
                child.stdout.as_mut().unwrap().read_exact(&mut shown).unwrap();
                assert_eq!(&shown, b"T");
            }
            signal(&child, name);
            let ran = finish(child).expect(code);
            let case = format!("{name} {flags:?}: {ran:?}");
            assert!(ran.stderr.starts_with(&format!("error: {word}; what was spent is recorded\n")), "{case}");
            assert_eq!(ran.stdout.ends_with('\n'), flags == ["--stream"], "{case}");
            let (spent, held, holds) = place.money();
            assert_eq!((held, holds), (0, 0), "{case}");
            let bill = sandbox.bill().cost_usd.0;
            let hold: i64 = place.sql("SELECT held_nanousd FROM attempts")[0].parse().unwrap();
            // What was on its way when it was ended, nobody but the provider knows.
            assert!(bill <= spent + 4 * OUT, "{case}: {bill} billed, {spent} recorded");
            assert_eq!(spent == hold, flags == ["--no-stream"], "{case}: {spent} of {hold}");
            let row = place.sql("SELECT outcome, failure, estimated FROM ledger");
            assert_eq!(row, ["cancelled|cancelled|1"], "{case}");
            let (_, log) = place.json(&["log"]);
            assert_eq!(log["requests"][0]["exit_code"], code, "{case}");
            let (_, providers) = place.json(&["providers"]);
            assert_eq!(providers["providers"][0]["breaker"], "closed", "{case}");
        }
    }
}

/// A process that gets no turn does not read what its provider has sent and bills; it is charged all the same.
#[test]
fn what_arrived_while_the_processor_was_elsewhere_is_charged() {
    for flags in [&["--stream"][..], &[], &["--parallel", "2"]] {
        let sandbox = sandbox_at(1.0, vec![paced(provider("alpha", "m", "1", "10"), 5, 20)], "");
        let place = Place::new().labs(&sandbox, "");
        let args = [&["ask", "--max-tokens", "60", "one two three"], flags].concat();
        let child = place.command(&args).spawn().unwrap();
        let written = || sandbox.bill().requests.first().map_or(0, |r| r.usage.output_tokens);
        until("the answer has begun", || written() >= 4);
        signal(&child, "STOP");
        until("most of it was written", || written() >= 40);
        signal(&child, "TERM");
        signal(&child, "CONT");
        let ran = finish(child).expect(143);
        let (spent, bill) = (place.money().0, sandbox.bill().cost_usd.0);
        assert!(bill <= spent + 4 * OUT, "{flags:?}: {bill} billed, {spent} recorded: {ran:?}");
    }
}

#[test]
fn a_process_ended_while_it_waits_for_money_leaves_nothing_held() {
    for (name, code) in [("INT", 130), ("TERM", 143)] {
        let sandbox = sandbox_at(1.0, vec![paced(provider("alpha", "m", "0", "10"), 800, 1)], "");
        let place = Place::new().labs(&sandbox, "").var("LLMR_BUDGET_DAILY_USD", "0.012");
        let first = place.command(&["ask", "--max-tokens", "1000", "one"]).spawn().unwrap();
        place.until_held(1);
        let mut second = place.command(&["ask", "--max-tokens", "1000", "two"]).spawn().unwrap();
        let mut told = [0; 16];
        second.stderr.as_mut().unwrap().read_exact(&mut told).unwrap();
        assert_eq!(&told, b"warning: waiting");
        signal(&second, name);
        finish(second).expect(code);
        let (_, held, holds) = place.money();
        assert_eq!((held, holds), (1000 * OUT, 1), "{name}: what the first one holds, and nothing else");
        finish(first).expect(0);
        assert_eq!(place.money(), (sandbox.bill().cost_usd.0, 0, 0));
        let (_, log) = place.json(&["log"]);
        let codes: Vec<&Value> = log["requests"].as_array().unwrap().iter().map(|r| &r["exit_code"]).collect();
        assert_eq!(codes, [&json!(code), &json!(0)]);
    }
}

#[test]
fn a_second_signal_ends_what_is_stuck_on_its_reader() {
    // Larger than any pipe: who prints it waits for a reader that never reads.
    let answer = completion(&"word ".repeat(100_000), "stop", 3, 300);
    let canned = Canned::start(&answer);
    let place = Place::new().var("OPENAI_API_KEY", "test-key").var("OPENAI_BASE_URL", &canned.base_url);
    place.run(&["budget", "set", "5"]).expect(0);
    for (answers, (name, code)) in [("INT", 130), ("TERM", 143)].into_iter().enumerate() {
        let mut stuck = place.command(&["ask", "--no-cache", "hello"]).spawn().unwrap();
        let done = [(answers + 1).to_string()];
        until("the answer is settled", || place.sql("SELECT count(*) FROM requests WHERE state = 'done'") == done);
        signal(&stuck, name);
        assert_eq!(stuck.try_wait().unwrap(), None, "the first one lets it go on");
        let ended = Instant::now() + Duration::from_secs(10);
        while stuck.try_wait().unwrap().is_none() && Instant::now() < ended {
            signal(&stuck, name);
            thread::sleep(Duration::from_millis(10));
        }
        // A process that has not been reaped can be asked again.
        assert_eq!(stuck.wait().unwrap().code(), Some(code), "{name}");
    }
}
