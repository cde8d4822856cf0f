//! A disk that is full at any moment of a request: before the database is there, while its tables are made, between the
//! hold and its settlement, while its log grows and is copied back, and while the answer is written out.
#![cfg(target_os = "linux")]

use std::fs;
use std::process::Stdio;

use llmr::sandbox::Sandbox;

use crate::common::everything::{COMMANDS, READERS, assert_plain, prepare, run, sends};
use crate::common::mount::{Disk, inside, small};
use crate::common::{Place, Ran, finish, paced, provider, sandbox, sandbox_at};

const MIB: u64 = 1 << 20;

/// The database is sound, everything billed is in the ledger (what could not be settled is charged in full by the next
/// process), and nothing is held any more.
fn assert_all_there(place: &Place, sandbox: &Sandbox, what: &str) {
    let ran = place.run(&["budget"]);
    assert_eq!(ran.code, Some(0), "{what}: {ran:?}");
    let ran = place.run(&["cache", "verify"]);
    assert_eq!(ran.code, Some(0), "{what}: {ran:?}");
    let bill = sandbox.bill();
    let ledger: Vec<i64> = place
        .sql("SELECT cost_nanousd FROM attempts WHERE cost_nanousd > 0")
        .iter()
        .map(|n| n.parse().unwrap())
        .collect();
    assert_eq!(ledger.len(), bill.requests.len(), "{what}: a row for each request");
    assert!(ledger.iter().sum::<i64>() >= bill.cost_usd.0, "{what}: {ledger:?}");
    assert_eq!(place.sql("SELECT * FROM holds"), Vec::<String>::new(), "{what}");
}

/// Asks on a disk with so much room, and what must hold then; whether it was answered.
fn ask_with_room(place: &Place, disk: &Disk, kib: u64, sandbox: &Sandbox) -> bool {
    let before = sandbox.bill().requests.len();
    disk.fill_but(kib);
    let ran = place.run(&["ask", "--no-cache", "hello"]);
    disk.free();
    let (sent, what) = (sandbox.bill().requests.len() - before, format!("{kib} KiB left: {ran:?}"));
    assert_plain(&ran, &["ask"], "llmr.db");
    match ran.code {
        Some(0) => assert!(sent == 1 && ran.stdout.contains("no model was asked"), "{what}"),
        Some(1) => assert!(sent == 0 && ran.stderr.contains("the disk is full"), "{what}"),
        _ => panic!("{what}"),
    }
    ran.code == Some(0)
}

#[test]
fn whatever_room_is_left_nothing_is_lost() {
    if !inside("full_disk::whatever_room_is_left_nothing_is_lost") {
        return;
    }
    let (mut answered, mut refused) = (0, 0);
    for fresh in [true, false] {
        let rooms = if fresh { [0, 12, 36, 100, 216, 228, 252, 300] } else { [0, 8, 24, 32, 40, 48, 64, 120] };
        for kib in rooms {
            let sandbox = sandbox("");
            let place = Place::new().with(&sandbox);
            let disk = small(&place.home(), MIB);
            if !fresh {
                place.run(&["ask", "before"]).expect(0);
            }
            *(if ask_with_room(&place, &disk, kib, &sandbox) { &mut answered } else { &mut refused }) += 1;
            assert_all_there(&place, &sandbox, &format!("{kib} KiB, fresh: {fresh}"));
        }
    }
    assert!(answered >= 2 && refused >= 6, "both sides of the edge are met: {answered}, {refused}");
}

#[test]
fn a_disk_that_fills_up_between_the_hold_and_its_settlement_costs_no_answer() {
    if !inside("full_disk::a_disk_that_fills_up_between_the_hold_and_its_settlement_costs_no_answer") {
        return;
    }
    for args in [&["ask", "hello"][..], &["ask", "--stream", "hello"], &["ask", "--parallel", "2", "hello"]] {
        let slow = ["groq", "together"].map(|name| paced(provider(name, "m", "1", "2"), 700, 0)).to_vec();
        let sandbox = sandbox_at(1.0, slow, "");
        let place = Place::new();
        let disk = small(&place.home(), MIB);
        let place = place.labs(&sandbox, "");
        let child = place.command(args).spawn().unwrap();
        place.until_held(if args.contains(&"--parallel") { 2 } else { 1 });
        disk.fill_but(0);
        let ran = finish(child).expect(0);
        assert!(ran.stdout.contains("no model was asked"), "{ran:?}");
        assert!(ran.stderr.contains("could not be recorded") && ran.stderr.contains("llmr.db"), "{ran:?}");
        assert!(ran.stderr.contains("held for it count in its place"), "{ran:?}");
        disk.free();
        place.run(&["budget"]).expect(0);
        let presumed = place.sql("SELECT count(*), sum(cost_nanousd = held_nanousd) FROM attempts WHERE presumed = 1");
        let many = sandbox.bill().requests.len();
        assert!(many >= 1 && presumed[0].split('|').next() >= Some("1"), "{args:?}: {presumed:?}");
        place.run(&["cache", "verify"]).expect(0);
    }
}

#[test]
fn a_disk_that_fills_up_while_many_are_asked_loses_none_of_them() {
    if !inside("full_disk::a_disk_that_fills_up_while_many_are_asked_loses_none_of_them") {
        return;
    }
    // So large that the log is copied back at least once (256 pages) before nothing fits any more.
    let sandbox = sandbox("");
    let place = Place::new().with(&sandbox);
    let disk = small(&place.home(), 3 * MIB / 2);
    let answers: Vec<Ran> = (0..40).map(|n| place.run(&["ask", &format!("{n} {}", "word ".repeat(3000))])).collect();
    assert!(answers[0].code == Some(0) && answers.iter().all(|ran| [Some(0), Some(1)].contains(&ran.code)));
    let wrong = answers.iter().filter(|ran| ran.code == Some(1) && !ran.stderr.contains("hint:"));
    assert_eq!(wrong.count(), 0, "{answers:?}");
    disk.fill_but(0);
    for command in READERS {
        place.run(command).expect(0);
    }
    disk.free();
    assert_all_there(&place, &sandbox, "afterwards");
}

#[test]
fn every_command_on_a_full_disk_works_or_says_what_to_do() {
    if !inside("full_disk::every_command_on_a_full_disk_works_or_says_what_to_do") {
        return;
    }
    let sandbox = sandbox("");
    let place = Place::new().with(&sandbox);
    let disk = small(&place.home(), MIB);
    prepare(&place);
    place.run(&["ask", "prompt 1"]).expect(0);
    let bill = sandbox.bill().requests.len();
    for command in COMMANDS {
        disk.fill_but(0);
        let ran = run(&place, command);
        assert_plain(&ran, command, "llmr.db");
        // A file that is there already has room for a little: `cache clear` and the like may work.
        assert!([Some(0), Some(1)].contains(&ran.code), "{command:?}: {ran:?}");
        assert!(!sends(command) || ran.code == Some(1) || ran.stdout.contains("prompt 1"), "{command:?}: {ran:?}");
    }
    assert_eq!(sandbox.bill().requests.len(), bill, "nothing is sent that cannot be recorded");
    for command in READERS {
        place.run(command).expect(0);
    }
}

#[test]
fn a_file_is_written_whole_or_not_at_all() {
    if !inside("full_disk::a_file_is_written_whole_or_not_at_all") {
        return;
    }
    let sandbox = sandbox("");
    let place = Place::new().with(&sandbox);
    let disk = small(&place.home(), MIB);
    place.run(&["template", "new", "x", "hello"]).expect(0);
    let listing = |place: &Place| {
        let names = |folder: &str| fs::read_dir(place.home().join(folder)).unwrap().map(|e| e.unwrap().file_name());
        let mut all: Vec<_> = names("").chain(names("templates")).filter(|name| name != "ballast").collect();
        all.sort();
        all
    };
    place.work_file(".env", "OPENAI_BASE_URL=http://127.0.0.1:1\n");
    let in_work = |args: &[&str]| place.run(args);
    in_work(&["config", "trust"]).expect(0);
    let (before, trusted) = (listing(&place), fs::read(place.home().join("trusted")).unwrap());
    place.work_file(".env", "OPENAI_BASE_URL=http://127.0.0.1:2\n");
    disk.fill_but(0);
    for (args, file) in [(&["config", "init"][..], "config.toml"), (&["config", "trust"], "trusted")] {
        let ran = in_work(args).expect(2);
        assert_plain(&ran, args, file);
        assert!(ran.stderr.contains("make room"), "{ran:?}");
    }
    fs::remove_file(place.work().join(".env")).unwrap();
    let ran = place.run(&["template", "new", "y", &"long ".repeat(2000)]).expect(2);
    assert_plain(&ran, &["template"], "y.toml");
    assert_eq!((listing(&place), fs::read(place.home().join("trusted")).unwrap()), (before, trusted));
}

#[test]
fn a_batch_whose_output_does_not_fit_goes_on_from_there() {
    if !inside("full_disk::a_batch_whose_output_does_not_fit_goes_on_from_there") {
        return;
    }
    let sandbox = sandbox("");
    let place = Place::new().with(&sandbox);
    let prompts: String = (0..6).map(|n| format!("{{\"prompt\": \"number {n}\"}}\n")).collect();
    let prompts = place.home_file("prompts.jsonl", &prompts);
    let disk = small(&place.work(), MIB);
    disk.fill_but(4);
    let batch = ["batch", prompts.to_str().unwrap(), "-o", "out.jsonl"];
    let ran = place.run(&batch).expect(1);
    assert!(ran.stderr.contains("out.jsonl") && ran.stderr.contains("no answer is lost"), "{ran:?}");
    disk.free();
    place.run(&batch).expect(0);
    let out = fs::read_to_string(place.work().join("out.jsonl")).unwrap();
    let lines: Vec<serde_json::Value> = out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.iter().map(|line| line["line"].clone()).collect::<Vec<_>>(), [1, 2, 3, 4, 5, 6]);
    assert_eq!(sandbox.bill().requests.len(), 6, "nobody is asked twice");
}

#[test]
fn an_answer_that_cannot_be_written_out_is_neither_a_panic_nor_lost() {
    if !std::path::Path::new("/dev/full").exists() {
        return crate::common::skipped("/dev/full, which is not here");
    }
    let sandbox = sandbox("");
    let place = Place::new().with(&sandbox);
    prepare(&place);
    let to_full = |args: &[&str]| {
        let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        let ended = place.command(args).stdout(Stdio::from(full)).output().unwrap();
        let stderr = String::from_utf8_lossy(&ended.stderr).into_owned();
        Ran { code: ended.status.code(), stdout: String::new(), stderr }
    };
    for (n, args) in
        [&["ask"][..], &["ask", "--stream"], &["ask", "--json"], &["ask", "--output-format", "stream-json"]]
            .into_iter()
            .enumerate()
    {
        let prompt = format!("prompt {n}");
        let ran = to_full(&[args, &[prompt.as_str()]].concat()).expect(1);
        assert!(ran.stderr.contains("cannot write to standard output"), "{args:?}: {ran:?}");
        // A stream that nobody reads is given up, and charged by what had come.
        let (billed, streamed) = (sandbox.bill().requests[n].cost_usd.0, args.iter().any(|arg| arg.contains("stream")));
        let last = "SELECT cost_nanousd, presumed FROM attempts ORDER BY request_id DESC LIMIT 1";
        let whole = place.sql(last) == [format!("{billed}|0")];
        assert!(whole || (streamed && place.sql(last)[0].ends_with("|0")), "{args:?}: {:?}", place.sql(last));
        if args == ["ask"] || args == ["ask", "--json"] {
            let (_, again) = place.json(&["ask", &prompt]);
            assert_eq!(again["cache"], "hit", "{args:?}: what came is kept, though nobody could read it");
        }
    }
    for command in
        READERS.iter().chain([&["dry-run", "x"][..], &["config", "path"], &["man"], &["completions", "bash"]].iter())
    {
        if matches!(command, ["config", "check"] | ["log", "export"]) {
            continue;
        }
        let ran = to_full(command);
        assert!(ran.code == Some(1) && ran.stderr.contains("standard output"), "{command:?}: {ran:?}");
        assert!(!ran.stderr.contains("panicked"), "{command:?}: {ran:?}");
    }
}
