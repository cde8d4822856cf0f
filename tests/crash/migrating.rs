//! A round of migrations: a database of an older version, opened by several processes at once of which most are
//! killed. Whoever comes next finds the old version or the newest, nothing between, and every row that was there.

use std::fs;
use std::path::{Path, PathBuf};

use rusqlite::Connection;

use crate::campaign::Round;
use crate::common::Place;
use crate::database::{self, lines};
use crate::lots::Lots;
use crate::mixed;
use crate::part::{Kind, Part};
use crate::process::{self, Played};

const PARTS: usize = 8;
const KILLED_PERCENT: u64 = 85;
const WITHIN_MS: u64 = 30;

/// History of so many requests over a few days, so that summing it up takes a moment. The last day is one of its
/// own: a hold on it belongs to nobody that lives, and the next process charges it.
const HISTORY: &str = "
    INSERT INTO settings (name, value) VALUES ('seed', '7');
    INSERT INTO requests (at, day, state, mode, stream, tag, finished_at, exit_code, cache, provider, model, tier,
        cost_nanousd, latency_ms)
    WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 4000)
    SELECT 1788480000000 + i, 20700 + i % 5, 'done', 'production', 0, 't' || i % 7, 1788480000100 + i, i % 4 * 23,
        'miss', 'alpha', 'a', 'fast', i, 1 + i * i % 900 FROM n;
    INSERT INTO attempts (request_id, attempt, at, day, settled_at, provider, model, outcome, held_nanousd,
        cost_nanousd, cost_source, estimated, presumed)
    SELECT id, 1, at, day, finished_at, provider, model, iif(exit_code = 0, 'ok', 'failed'), 2 * cost_nanousd,
        cost_nanousd, 'config', 0, 0 FROM requests;
    INSERT INTO days (day, ledger_nanousd, attempts, requests)
    SELECT day, sum(cost_nanousd), count(*), count(*) FROM attempts GROUP BY day;
    INSERT INTO day_candidates (day, provider, model, attempts, ok, failed, cost_nanousd)
    SELECT day, provider, model, count(*), sum(outcome = 'ok'), sum(outcome = 'failed'), sum(cost_nanousd)
    FROM attempts GROUP BY 1, 2, 3;
    INSERT INTO latencies SELECT day, 'alpha', 'a', 100, count(*) FROM attempts WHERE outcome = 'ok' GROUP BY 1;
    INSERT INTO requests (at, day, state, mode, stream, tag) VALUES (1788912000000, 20705, 'running', 'production', 0, 'dead');
    INSERT INTO days (day, requests) VALUES (20705, 1);
    INSERT INTO holds VALUES (4001, 1, 1788912000000, 20705, 'alpha', 'a', 777, 1788912060000, 1, 1, 'another boot', '');
";

/// What every version has had, but for what is charged for the dead one.
const KEPT: [&str; 3] = [
    "SELECT id, at, day, mode, tag, finished_at, exit_code, cache, provider, tier, cost_nanousd FROM requests ORDER BY id",
    "SELECT * FROM attempts WHERE day < 20705 ORDER BY request_id",
    "SELECT * FROM days WHERE day < 20705 ORDER BY day",
];
/// What all but the newest have had, and is in another table there.
const OLD: [&str; 2] = ["SELECT * FROM day_candidates ORDER BY day", "SELECT * FROM latencies ORDER BY day, bucket"];
/// What only the newest has, made from that.
const NEW: [&str; 1] = ["SELECT * FROM day_sums WHERE day < 20705 ORDER BY kind, day, name"];

/// The migrations, oldest first, from the files themselves.
fn migrations() -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/store/migrations");
    let mut files: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files.iter().map(|file| fs::read_to_string(file).unwrap()).collect()
}

/// A database of that version, with history, as a place for `llmr`.
fn make(path: &Path, version: usize) {
    let db = Connection::open(path).unwrap();
    db.pragma_update(None, "journal_mode", "wal").unwrap();
    db.pragma_update(None, "foreign_keys", true).unwrap();
    for (n, sql) in migrations().iter().take(version).enumerate() {
        db.execute_batch(&format!("BEGIN; {sql}; PRAGMA user_version = {}; COMMIT;", n + 1)).unwrap();
        if n == 0 {
            db.execute_batch(&format!("BEGIN; {HISTORY}; COMMIT;")).unwrap();
        }
    }
}

fn version(db: &Connection) -> usize {
    db.pragma_query_value(None, "user_version", |row| row.get::<_, i64>(0)).unwrap() as usize
}

fn all(db: &Connection, queries: &[&str]) -> Vec<Vec<String>> {
    queries.iter().map(|sql| lines(db, sql).unwrap_or_else(|error| vec![error.to_string()])).collect()
}

/// Runs one, and adds what was found to the round.
pub fn run(round: &mut Round<'_>) {
    let place = Place::new();
    let newest = migrations().len();
    // Version 0: there is no file yet.
    let old = round.lots.below(newest as u64) as usize;
    let path = database::path(&place);
    if old > 0 {
        make(&path, old);
        fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    }
    let parts = parts(&mut round.lots);
    let played = mixed::play(&place, &parts);
    round.count(&played);
    let wrong = |one: &&Played| !process::ended_well(one) || one.stderr.contains("locked");
    for one in played.iter().filter(wrong) {
        round.wrong(format!("version {old}: {one:?}"));
    }
    as_left(round, &place, old, newest);
    let next = place.run(&["budget", "set", "5"]);
    if next.code != Some(0) {
        round.wrong(format!("version {old}: the next process: {next:?}"));
    }
    as_new(round, &place, old, newest);
    round.keep(&place, None);
}

fn parts(lots: &mut Lots) -> Vec<Part> {
    let part = |n| Part::draw(lots, n, Kind::Open, WITHIN_MS, KILLED_PERCENT);
    (0..PARTS).map(part).collect()
}

/// All of a migration or nothing of it.
fn as_left(round: &mut Round<'_>, place: &Place, old: usize, newest: usize) {
    let Some(copy) = database::copy(place, "as-left") else { return };
    let db = database::open(&copy).unwrap();
    let found = version(&db);
    if found != old && found != newest {
        round.wrong(format!("version {old} became {found} of {newest}"));
    }
    if found == 0 {
        let tables = lines(&db, "SELECT name FROM sqlite_schema").unwrap();
        return if !tables.is_empty() {
            round.wrong(format!("version 0 has {tables:?}"))
        };
    }
    round.sound(&db, "as the dead left it");
    if old > 0 && found == old {
        let untouched = reference(place, old, "untouched");
        let schema = "SELECT type, name, sql FROM sqlite_schema ORDER BY 1, 2";
        let same = |queries: &[&str]| all(&db, queries) == all(&untouched, queries);
        if !(same(&[schema]) && same(&KEPT) && same(&OLD)) {
            round.wrong(format!("version {old} is half of another one"));
        }
    }
}

/// The newest version, with everything of the old one, as if nobody had been killed.
fn as_new(round: &mut Round<'_>, place: &Place, old: usize, newest: usize) {
    let db = database::open(&database::path(place)).unwrap();
    round.sound(&db, "after the next process");
    let count = |sql: &str| db.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap();
    if version(&db) != newest || count("SELECT count(*) FROM settings WHERE name = 'seed'") != 1 {
        round.wrong(format!("version {old} became {} of {newest}", version(&db)));
    }
    if old == 0 {
        return;
    }
    let clean = reference(place, newest, "clean");
    if all(&db, &KEPT) != all(&clean, &KEPT) || all(&db, &NEW) != all(&clean, &NEW) {
        round.wrong(format!("version {old}: rows are not those of an undisturbed migration"));
    }
    let charged = "SELECT count(*) FROM attempts WHERE request_id = 4001 AND presumed AND cost_nanousd = 777";
    if (count("SELECT count(*) FROM holds"), count(charged)) != (0, 1) {
        round.wrong(format!("version {old}: the hold of before is not charged once"));
    }
    round.tally.presumed += 1;
}

/// The same history at some version, made by nobody but this test.
fn reference(place: &Place, version: usize, name: &str) -> Connection {
    let folder = place.work().join(name);
    fs::create_dir_all(&folder).unwrap();
    make(&folder.join("llmr.db"), version);
    database::open(&folder.join("llmr.db")).unwrap()
}
