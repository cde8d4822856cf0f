//! Databases in every state that a crash, a disk or a person can leave one in: each command works or says which file
//! and what to do, nothing is asked for that cannot be recorded, and nothing that is paid for is lost.

use std::fs;
use std::path::Path;

use llmr::sandbox::Sandbox;
use rusqlite::Connection;

use crate::common::everything::{COMMANDS, assert_plain, prepare, run, sends};
use crate::common::{Place, rows, sandbox};

/// SQLite's own choice, and ours.
const PAGE: usize = 4096;

/// A sound database with some history, as one file.
struct Sound {
    bytes: Vec<u8>,
    key: Vec<u8>,
}

impl Sound {
    fn new(sandbox: &Sandbox) -> Self {
        let place = Place::new().with(sandbox);
        for n in 0..12 {
            place.run(&["ask", &format!("prompt {n}")]).expect(0);
        }
        let database = place.home().join("llmr.db");
        Connection::open(&database).unwrap().execute_batch("PRAGMA wal_checkpoint(TRUNCATE)").unwrap();
        let read = |name: &str| fs::read(place.home().join(name)).unwrap();
        Self { bytes: read("llmr.db"), key: read("cache.key") }
    }

    /// A place with this database, not damaged yet.
    fn place(&self, sandbox: &Sandbox) -> Place {
        let place = Place::new().with(sandbox);
        prepare(&place);
        for (name, bytes) in [("llmr.db", &self.bytes), ("cache.key", &self.key)] {
            fs::write(place.home_file(name, ""), bytes).unwrap();
        }
        place
    }

    /// The same bytes with those of the root pages of a table or an index replaced.
    fn without(&self, place: &Place, name: &str, page: &[u8]) -> Vec<u8> {
        let sql = format!("SELECT rootpage FROM sqlite_schema WHERE name = '{name}'");
        let root: usize = rows(&place.home().join("llmr.db"), &sql)[0].parse().unwrap();
        let mut bytes = self.bytes.clone();
        let at = (root - 1) * PAGE;
        bytes[at..at + page.len()].copy_from_slice(page);
        bytes
    }
}

/// What was done to the database, and how `ask` ends then.
type Damage = (&'static str, i32, fn(&Sound, &Place));

fn put(place: &Place, bytes: &[u8]) {
    let database = place.home().join("llmr.db");
    for name in ["llmr.db-wal", "llmr.db-shm"] {
        _ = fs::remove_file(place.home().join(name));
    }
    fs::write(database, bytes).unwrap();
}

fn change(place: &Place, sql: &str) {
    let db = Connection::open(place.home().join("llmr.db")).unwrap();
    db.execute_batch(sql).unwrap();
    db.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)").unwrap();
}

fn instead(place: &Place, make: fn(&Path) -> std::io::Result<()>) {
    let database = place.home().join("llmr.db");
    fs::remove_file(&database).unwrap();
    make(&database).unwrap();
}

const FLIPPED: [u8; PAGE] = [0x5a; PAGE];

const DAMAGES: &[Damage] = &[
    ("cut in half", 1, |sound, place| put(place, &sound.bytes[..sound.bytes.len() / 2 + 100])),
    ("cut within the header", 1, |sound, place| put(place, &sound.bytes[..50])),
    ("a header of garbage", 1, |sound, place| put(place, &[&[0xa5; 100], &sound.bytes[100..]].concat())),
    ("a letter", 1, |_, place| put(place, &b"dear aunt, ".repeat(900))),
    ("zeros", 1, |_, place| put(place, &[0; PAGE])),
    ("empty", 0, |_, place| put(place, &[])),
    ("a folder", 1, |_, place| instead(place, |path| fs::create_dir(path))),
    ("the schema flipped", 1, |sound, place| {
        put(place, &[&sound.bytes[..100], &FLIPPED, &sound.bytes[PAGE + 100..]].concat())
    }),
    ("requests flipped", 1, |sound, place| put(place, &sound.without(place, "requests", &FLIPPED))),
    ("attempts flipped", 1, |sound, place| put(place, &sound.without(place, "attempts", &FLIPPED))),
    ("holds flipped", 1, |sound, place| put(place, &sound.without(place, "holds", &FLIPPED))),
    ("days flipped", 1, |sound, place| put(place, &sound.without(place, "days", &FLIPPED))),
    ("cache flipped", 0, |sound, place| put(place, &sound.without(place, "cache", &FLIPPED))),
    ("a log of garbage", 0, |_, place| fs::write(place.home().join("llmr.db-wal"), [0x99; 9000]).unwrap()),
    ("a folder as log", 1, |_, place| fs::create_dir(place.home().join("llmr.db-wal")).unwrap()),
    ("newer", 1, |_, place| change(place, "PRAGMA user_version = 99")),
    ("a version below 0", 1, |_, place| change(place, "PRAGMA user_version = -3")),
    ("somebody else's", 1, |_, place| {
        put(place, &[]);
        change(place, "CREATE TABLE notes (x); INSERT INTO notes VALUES (1)");
    }),
    ("somebody else's, of our version", 1, |_, place| {
        put(place, &[]);
        change(place, "CREATE TABLE notes (x); PRAGMA user_version = 5");
    }),
    ("without a column", 0, |_, place| change(place, "DROP VIEW ledger; ALTER TABLE requests DROP COLUMN error_kind")),
];

/// One command of each way to open a database; all of them are tried where some of it can be read.
const SOME: &[&[&str]] = &[
    &["ask", "something new"],
    &["ask", "--session", "s", "once more"],
    &["ask", "--no-stream", "--json", "the newest"],
    &["chat"],
    &["batch", "prompts.jsonl", "-o", "out.jsonl"],
    &["budget"],
    &["budget", "set", "4"],
    &["cache", "verify"],
    &["dry-run", "something"],
    &["models"],
];

/// What the sandbox was asked since.
struct Asked<'a>(&'a Sandbox, usize);

impl<'a> Asked<'a> {
    fn from_now(sandbox: &'a Sandbox) -> Self {
        Self(sandbox, sandbox.bill().requests.len())
    }

    fn requests(&self) -> usize {
        self.0.bill().requests.len() - self.1
    }
}

#[test]
fn every_command_works_or_says_which_file_and_what_to_do() {
    let sandbox = sandbox("");
    let sound = Sound::new(&sandbox);
    for (name, code, damage) in DAMAGES {
        let whole = ["requests flipped", "days flipped", "cache flipped", "without a column"].contains(name);
        for command in if whole { COMMANDS } else { SOME } {
            let place = sound.place(&sandbox);
            damage(&sound, &place);
            let refused = *code != 0 && !name.ends_with("flipped");
            let before = fs::read(place.home().join("llmr.db")).ok();
            let asked = Asked::from_now(&sandbox);
            let ran = run(&place, command);
            let case = format!("{name}: {command:?}: {ran:?}");
            assert_plain(&ran, command, "llmr.db");
            let one_of = [Some(0), Some(1), Some(2), Some(5)];
            assert!(one_of.contains(&ran.code), "{case}");
            assert!(ran.code != Some(5) || command[..] == ["cache", "verify"], "{case}");
            if sends(command) && ran.code != Some(0) {
                assert_eq!(asked.requests(), 0, "it was paid for: {case}");
            }
            if refused {
                assert!(fs::read(place.home().join("llmr.db")).ok() == before, "it is left as it is: {case}");
            }
            if command[..] == ["ask", "something new"] {
                assert_eq!((ran.code, asked.requests() == 1), (Some(*code), *code == 0), "{case}");
            }
        }
    }
}

#[test]
fn without_a_budget_no_damage_stops_a_request() {
    let sandbox = sandbox("");
    let sound = Sound::new(&sandbox);
    for (name, _, damage) in DAMAGES {
        let place = sound.place(&sandbox).var("LLMR_BUDGET_DAILY_USD", "off");
        damage(&sound, &place);
        for command in [&["ask", "something new"][..], &["ask", "--parallel", "2", "else"], &["batch", "prompts.jsonl"]]
        {
            let asked = Asked::from_now(&sandbox);
            let ran = place.run(command);
            assert_plain(&ran, command, "llmr.db");
            assert!(ran.code == Some(0) && asked.requests() >= 1, "{name}: {command:?}: {ran:?}");
        }
        let hit = place.run(&["ask", "prompt 1"]);
        assert_eq!(hit.code, Some(0), "{name}: {hit:?}");
    }
}

/// As the tightest one: nothing may be spent until another one is set.
#[test]
fn a_limit_that_is_no_text_is_none_that_somebody_wrote() {
    let sandbox = sandbox("");
    let place = Sound::new(&sandbox).place(&sandbox);
    change(&place, "INSERT INTO settings (name, value) VALUES ('limit', CAST(x'ff31' AS TEXT))");
    place.run(&["log"]).expect(0);
    let ran = place.run(&["ask", "something new"]).expect(4);
    assert!(ran.stderr.contains("today's limit of 0 USD"), "{ran:?}");
    place.run(&["budget", "set", "5"]).expect(0);
    place.run(&["ask", "something new"]).expect(0);
}

/// A limit of the database alone is as good as none where the config says `off` and the database cannot be read.
#[test]
fn damage_does_not_open_a_limit_that_was_set() {
    let sandbox = sandbox("");
    let sound = Sound::new(&sandbox);
    let place = sound.place(&sandbox);
    place.home_file("config.toml", "budget_daily_usd = \"off\"\n");
    place.run(&["budget", "set", "0"]).expect(0);
    change(&place, "ALTER TABLE days RENAME TO nights");
    let asked = Asked::from_now(&sandbox);
    let ran = place.run(&["ask", "something new"]).expect(1);
    assert!(ran.stderr.contains("llmr.db") && asked.requests() == 0, "{ran:?}");
}

#[test]
fn what_was_paid_for_is_recorded_though_the_cache_is_damaged() {
    let sandbox = sandbox("");
    let sound = Sound::new(&sandbox);
    let place = sound.place(&sandbox);
    put(&place, &sound.without(&place, "cache", &FLIPPED));
    let before = sandbox.bill().cost_usd.0;
    let ran = place.run(&["ask", "something new"]).expect(0);
    assert!(ran.stdout.contains("no model was asked") && ran.stderr.contains("is not cached"), "{ran:?}");
    let billed = sandbox.bill().cost_usd.0 - before;
    let last = "SELECT attempts.cost_nanousd, presumed, exit_code FROM attempts JOIN requests ON id = request_id
                ORDER BY id DESC LIMIT 1";
    assert_eq!(place.sql(last), [format!("{billed}|0|0")]);
    assert_eq!(place.sql("SELECT * FROM holds"), Vec::<String>::new());
}

#[test]
fn a_request_whose_end_cannot_be_recorded_is_charged_what_it_cost() {
    let sandbox = sandbox("");
    let sound = Sound::new(&sandbox);
    let place = sound.place(&sandbox);
    change(&place, "DROP VIEW ledger; ALTER TABLE requests DROP COLUMN finish_reason");
    let before = sandbox.bill().cost_usd.0;
    let ran = place.run(&["ask", "something new"]).expect(0);
    assert!(ran.stderr.contains("is not in the log: database "), "{ran:?}");
    let billed = sandbox.bill().cost_usd.0 - before;
    let last = "SELECT cost_nanousd, presumed FROM attempts ORDER BY request_id DESC LIMIT 1";
    assert_eq!(place.sql(last), [format!("{billed}|0")]);
}

#[test]
fn an_index_out_of_step_is_found_where_that_is_asked_for() {
    let sandbox = sandbox("");
    let sound = Sound::new(&sandbox);
    let place = sound.place(&sandbox);
    place.run(&["cache", "verify"]).expect(0);
    // The header of an index page without any entry.
    let empty = [&[0x0a, 0, 0, 0, 0, 0x10, 0, 0][..], &[0; 100]].concat();
    put(&place, &sound.without(&place, "attempts_day", &empty));
    let ran = place.run(&["cache", "verify"]).expect(5);
    assert!(ran.stdout.contains("attempts_day") && ran.stderr.contains(".recover"), "{ran:?}");
    let (code, found) = place.json(&["cache", "verify"]);
    assert!(code == 5 && !found["database"].as_array().unwrap().is_empty(), "{found}");
}

#[test]
fn a_log_that_was_left_behind_is_read_and_one_of_no_database_is_not() {
    let sandbox = sandbox("");
    let sound = Sound::new(&sandbox);
    let place = sound.place(&sandbox);
    place.run(&["ask", "something new"]).expect(0);
    let log = place.home().join("llmr.db-wal");
    assert!(fs::metadata(&log).unwrap().len() > 0, "what was asked last is in the log");
    let orphan = Place::new().with(&sandbox);
    fs::copy(&log, orphan.home_file("llmr.db-wal", "")).unwrap();
    // As after a crash of the whole machine: shared memory is gone, or not what it was.
    let requests = |place: &Place| place.json(&["budget"]).1["requests"].clone();
    let before = requests(&place);
    fs::write(place.home().join("llmr.db-shm"), [0x99; 32_768]).unwrap();
    assert_eq!(requests(&place), before);
    fs::remove_file(place.home().join("llmr.db-shm")).unwrap();
    assert_eq!(requests(&place), before);
    assert_eq!(before, 13);

    // A log that belongs to no database is not taken for the new one's.
    orphan.run(&["ask", "something new"]).expect(0);
    assert_eq!(orphan.sql("SELECT count(*) FROM attempts"), ["1"]);
    orphan.run(&["cache", "verify"]).expect(0);
}
