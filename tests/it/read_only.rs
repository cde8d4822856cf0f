//! A home on a disk that is mounted read-only, and files there that cannot be made: CI runs as root, to whom mode bits
//! say nothing.
#![cfg(target_os = "linux")]

use crate::common::everything::{COMMANDS, READERS, assert_plain, prepare, run, sends};
use crate::common::mount::{inside, small};
use crate::common::{Place, sandbox};

const MIB: u64 = 1 << 20;

/// What is written by whoever only looks on a disk that is full or read-only: nothing.
#[test]
fn who_only_looks_needs_no_disk_that_can_be_written() {
    if !inside("read_only::who_only_looks_needs_no_disk_that_can_be_written") {
        return;
    }
    let sandbox = sandbox("");
    let place = Place::new().with(&sandbox);
    let disk = small(&place.home(), 8 * MIB);
    prepare(&place);
    place.run(&["ask", "prompt 1"]).expect(0);
    // First with a log beside the database, then without.
    for checkpoint in [false, true] {
        if checkpoint {
            let db = rusqlite::Connection::open(place.home().join("llmr.db")).unwrap();
            db.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)").unwrap();
        }
        disk.lock();
        for command in READERS {
            let ran = place.run(command).expect(0);
            assert!(!ran.stderr.contains("cannot"), "{command:?}: {ran:?}");
        }
        assert_eq!(place.json(&["budget"]).1["requests"], 1);
        assert!(place.run(&["log"]).stdout.contains("r1 "));
        for command in COMMANDS {
            let ran = run(&place, command);
            assert_plain(&ran, command, "llmr.db");
            let writes = sends(command)
                || matches!(
                    command,
                    ["budget", "set", _]
                        | ["providers", "reset", _]
                        | ["cache", "clear"]
                        | ["forget" | "import" | "dry-run", ..]
                );
            assert_eq!(ran.code, Some(i32::from(writes)), "{command:?}: {ran:?}");
        }
        disk.unlock();
    }
    assert_eq!(sandbox.bill().requests.len(), 1, "nothing is sent that cannot be recorded");
}

#[test]
fn files_that_cannot_be_made_are_named_and_without_a_budget_the_answer_comes() {
    if !inside("read_only::files_that_cannot_be_made_are_named_and_without_a_budget_the_answer_comes") {
        return;
    }
    let sandbox = sandbox("");
    let place = Place::new().with(&sandbox);
    let disk = small(&place.home(), MIB);
    disk.lock();
    place.work_file(".env", "OPENAI_BASE_URL=http://127.0.0.1:1\n");
    for (command, file) in [
        (&["ask", "hello"][..], "llmr.db"),
        (&["config", "init"], "config.toml"),
        (&["config", "trust"], "trusted"),
        (&["template", "new", "x", "hello"], "templates"),
        (&["budget", "set", "3"], "llmr.db"),
    ] {
        let ran = if command[0] == "config" { place.run(command) } else { place_without_env(&place, command) };
        assert!([Some(1), Some(2)].contains(&ran.code), "{command:?}: {ran:?}");
        assert_plain(&ran, command, file);
        assert!(ran.stderr.contains("LLMR_HOME"), "{command:?}: {ran:?}");
    }
    std::fs::remove_file(place.work().join(".env")).unwrap();
    let place = place.var("LLMR_BUDGET_DAILY_USD", "off");
    let ran = place.run(&["ask", "hello"]).expect(0);
    assert!(ran.stdout.contains("no model was asked"), "{ran:?}");
    assert!(ran.stderr.contains("nothing will be recorded") && ran.stderr.contains("the cache is off"), "{ran:?}");
}

/// Runs it where no `.env` lies.
fn place_without_env(place: &Place, command: &[&str]) -> crate::common::Ran {
    let mut command = place.command(command);
    crate::common::finish(command.current_dir(place.home()).spawn().unwrap())
}
