//! Opening: what is made, what is refused, what is warned of.

use std::fs;

use super::*;
use crate::error::{Error, Kind};

#[test]
fn what_is_made_belongs_to_its_owner_alone_and_survives() {
    use std::os::unix::fs::PermissionsExt;
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let home = Home::new();
    let store = home.open(1);
    held(&store, NOON);
    assert_eq!(mode(&home.folder.path().join("data")), 0o700);
    for name in ["llmr.db", "llmr.db-wal", "llmr.db-shm"] {
        assert_eq!(mode(&home.folder.path().join("data").join(name)), 0o600, "{name}");
    }
    assert_eq!(store.warnings(), Vec::<String>::new());
    drop(store);
    let again = Store::open_existing(&home.path(), options(1)).unwrap().unwrap();
    assert_eq!(budget(&again, NOON), (0, 10));
    let mode: String = again.conn.pragma_query_value(None, "journal_mode", |row| row.get(0)).unwrap();
    let synchronous: i64 = again.conn.pragma_query_value(None, "synchronous", |row| row.get(0)).unwrap();
    let keys: bool = again.conn.pragma_query_value(None, "foreign_keys", |row| row.get(0)).unwrap();
    assert_eq!((mode.as_str(), synchronous, keys), ("wal", 1, true));
}

#[test]
fn looking_makes_nothing() {
    let home = Home::new();
    assert!(Store::open_existing(&home.path(), options(1)).unwrap().is_none());
    assert_eq!(fs::read_dir(home.folder.path()).unwrap().count(), 0);
}

#[test]
fn a_seed_and_the_next_number_are_the_database_s_own() {
    let home = Home::new();
    let store = home.open(1);
    assert_eq!(store.next_request().unwrap(), RequestId(1));
    assert_eq!(store.next_request().unwrap(), store.begin(&start(NOON)).unwrap());
    assert_eq!(store.next_request().unwrap(), RequestId(2));
    home.sql("DELETE FROM running; DELETE FROM requests");
    let again = Store::open(&home.path(), StoreOptions { seed: 7.into(), ..options(1) }).unwrap();
    assert_eq!((again.seed(), again.next_request().unwrap()), (42, RequestId(2)), "a number is never given twice");
}

fn refused(home: &Home) -> Error {
    let error = Error::from(Store::open(&home.path(), options(1)).unwrap_err());
    assert_eq!(error.kind, Kind::Store);
    assert!(error.message.starts_with(&format!("database {}: ", home.path().display())), "{error}");
    assert!(!error.hints.is_empty(), "{error}");
    error
}

#[test]
fn what_cannot_be_used_is_refused_with_a_hint_and_left_as_it_is() {
    let home = Home::new();
    drop(home.open(1));
    home.sql("PRAGMA user_version = 999");
    assert!(refused(&home).message.contains("version 999"));

    let home = Home::new();
    fs::create_dir_all(home.path()).unwrap();
    assert!(refused(&home).message.contains("is not a regular file"));

    let home = Home::new();
    fs::create_dir_all(home.path().parent().unwrap()).unwrap();
    let text = "this is a letter to my aunt, not a database ".repeat(200);
    fs::write(home.path(), &text).unwrap();
    assert!(refused(&home).message.contains("is not a SQLite database"));
    assert_eq!(fs::read_to_string(home.path()).unwrap(), text);

    let home = Home::new();
    fs::write(home.folder.path().join("data"), "").unwrap();
    assert!(refused(&home).message.contains("cannot make folder"));
}

#[test]
fn damage_is_found() {
    let home = Home::new();
    let store = home.open(1);
    for _ in 0..30 {
        store.settle(&answered(held(&store, NOON), NOON), None, None).unwrap();
    }
    drop(store);
    home.sql("PRAGMA wal_checkpoint(TRUNCATE)");
    let mut bytes = fs::read(home.path()).unwrap();
    let half = bytes.len() / 2;
    bytes[half..].fill(0x5a);
    fs::write(home.path(), bytes).unwrap();
    match Store::open(&home.path(), options(1)).and_then(|store| store.integrity_check()) {
        Ok(wrong) => assert!(!wrong.is_empty()),
        Err(error) => assert!(error.to_string().contains("it is damaged"), "{error}"),
    }
}

#[test]
fn sums_that_drifted_are_found() {
    for sql in [
        "UPDATE days SET ledger_nanousd = ledger_nanousd + 1",
        "UPDATE days SET attempts = 0",
        "UPDATE days SET requests = 7",
        "UPDATE days SET adjusted_nanousd = -1",
        "UPDATE days SET saved_nanousd = 1",
        "UPDATE day_sums SET sums = json_set(sums, '$.cost_nanousd', 0) WHERE kind = 'candidate'",
        "UPDATE day_sums SET sums = json_set(sums, '$.ok', 0) WHERE kind = 'candidate'",
        "UPDATE day_sums SET sums = json_set(sums, '$.output_tokens', 6) WHERE kind = 'candidate'",
        "UPDATE day_sums SET sums = json_set(sums, '$.latencies', json('{}')) WHERE kind = 'candidate'",
        "UPDATE day_sums SET sums = json_set(sums, '$.attempts', 2) WHERE kind = 'tag'",
        "UPDATE day_sums SET sums = json_set(sums, '$.attempts', '1') WHERE kind = 'tag'",
        "UPDATE day_sums SET sums = '{' WHERE kind = 'tier'",
        "UPDATE day_sums SET kind = 'x' WHERE kind = 'tier'",
        "INSERT INTO day_sums (kind, day, name, sums) VALUES ('tag', 1, 'x', '{')",
        "UPDATE day_sums SET sums = json_set(sums, '$.latencies', json('{}')) WHERE kind = 'tag'",
        "UPDATE day_sums SET sums = json_set(sums, '$.latencies', json('{}')) WHERE kind = 'answered'",
        "UPDATE day_sums SET day = day + 1 WHERE kind = 'candidate'",
        "DELETE FROM day_sums WHERE kind = 'candidate'",
        "DELETE FROM days",
    ] {
        let home = Home::new();
        let store = home.open(1);
        let attempt = held(&store, NOON);
        store.settle(&answered(attempt, NOON), Some(&ended(attempt.request, NOON)), None).unwrap();
        audit(&store);
        home.sql(sql);
        assert!(!store.integrity_check().unwrap().is_empty(), "{sql}");
    }
}

#[test]
fn a_locked_database_is_waited_for_and_then_named() {
    let home = Home::new();
    let store = Store::open(&home.path(), StoreOptions { busy_timeout_ms: 30, ..options(1) }).unwrap();
    let other = Connection::open(home.path()).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let error = store.begin(&start(NOON)).unwrap_err();
    assert!(error.to_string().contains("other processes kept it locked"), "{error}");
    assert_eq!(store.facts(NOON).unwrap().requests, 0, "reading goes on");
    other.execute_batch("ROLLBACK").unwrap();
    assert!(store.begin(&start(NOON)).is_ok());
}
