//! A database that another program keeps locked for ten seconds: who only looks is not held up, who writes waits, says
//! why, and can be stopped.

use std::time::{Duration, Instant};

use rusqlite::Connection;

use crate::common::everything::{READERS, prepare};
use crate::common::pty::Pty;
use crate::common::{Place, finish, sandbox, signal, until};

/// Another program's lock on the database; the holds of an owner that has died are there, too.
fn lock(place: &Place) -> Connection {
    let db = Connection::open(place.home().join("llmr.db")).unwrap();
    let columns = "provider, model, amount_nanousd, lease_until, owner_pid, owner_start, owner_boot, owner_pidns";
    db.execute_batch(&format!(
        "INSERT INTO holds (request_id, attempt, at, day, {columns})
         SELECT id, 9, at, day, 'cohere', 'm', 7, 0, 1, 1, 'another boot', 'x' FROM requests LIMIT 1;
         BEGIN IMMEDIATE"
    ))
    .unwrap();
    db
}

const NOTE: &str = "another program is using it";

#[test]
fn who_looks_is_not_held_up_and_who_writes_waits_says_why_and_can_be_stopped() {
    let sandbox = sandbox("");
    let place = Place::new().with(&sandbox);
    prepare(&place);
    place.run(&["ask", "prompt 1"]).expect(0);
    let db = lock(&place);
    let locked = Instant::now();
    let start = |args: &[&str]| place.command(args).spawn().unwrap();
    let writers: Vec<_> = [
        &["ask", "one"][..],
        &["ask", "--stream", "two"],
        &["ask", "prompt 1"],
        &["budget", "set", "4"],
        &["providers", "reset", "cohere"],
        &["import", "llm", "--from", "tool"],
        &["batch", "prompts.jsonl", "-o", "out.jsonl"],
    ]
    .into_iter()
    .map(|args| (args, start(args)))
    .collect();
    let quiet = [start(&["ask", "--json", "three"]), start(&["ask", "-q", "four"])];
    let mut screen = Pty::start(&place, &["ask", "five"], 100, 30);

    // All of them end while it is locked: who waited for the lock would say so.
    let readers: Vec<_> = READERS.iter().map(|args| (args, start(args))).collect();
    for (args, child) in readers {
        let ran = finish(child).expect(0);
        assert!(!ran.stderr.contains(NOTE), "{args:?}: {ran:?}");
    }
    screen.wait_for(NOTE);
    let stopped = start(&["ask", "six"]);
    let handles = || std::fs::read_to_string(format!("/proc/{}/status", stopped.id())).unwrap_or_default();
    // From then on a signal is caught: before, the system's default ends it.
    until("it catches signals", || {
        let caught = handles().lines().find_map(|line| line.strip_prefix("SigCgt:").map(str::to_owned));
        caught.is_none_or(|mask| u64::from_str_radix(mask.trim(), 16).is_ok_and(|mask| mask & (1 << 1) != 0))
    });
    let asked = Instant::now();
    signal(&stopped, "INT");
    let ran = finish(stopped).expect(130);
    // Its own wait has hardly begun, and would last for fifteen seconds.
    assert!(asked.elapsed() < Duration::from_secs(10), "it is not held up: {:?}", asked.elapsed());
    assert!(ran.stderr.contains("interrupted"), "{ran:?}");
    assert_eq!(sandbox.bill().requests.len(), 1, "nothing is sent before the money is held");

    std::thread::sleep(Duration::from_secs(10).saturating_sub(locked.elapsed()));
    db.execute_batch("ROLLBACK").unwrap();
    for (args, child) in writers {
        let ran = finish(child).expect(0);
        assert_eq!(ran.stderr.matches(NOTE).count(), 1, "{args:?}: {ran:?}");
        assert!(ran.stderr.contains("llmr.db"), "{ran:?}");
    }
    for child in quiet {
        let ran = finish(child).expect(0);
        assert_eq!(ran.stderr, "", "{ran:?}");
    }
    let (code, _) = screen.end();
    assert_eq!(code, 0);
    place.run(&["cache", "verify"]).expect(0);
    assert_eq!(place.sql("SELECT * FROM holds"), Vec::<String>::new());
    let billed: i64 = sandbox.bill().cost_usd.0;
    assert_eq!(place.sql("SELECT sum(cost_nanousd) FROM attempts WHERE presumed = 0"), [billed.to_string()]);
}
