//! The runner of the append-only migrations under `user_version`.
//!
//! Many processes may open a fresh file at once: all wait for the one that is first, and each looks again
//! inside the lock what is left to do.

use rusqlite::{Connection, MAIN_DB, Transaction, TransactionBehavior};

use super::FirstSeed;
use super::busy::Patience;
use super::error::{Problem, is_busy};

/// Every migration, oldest first; number n brings the database to version n. Only ever appended to.
const MIGRATIONS: &[&str] = &[
    include_str!("migrations/0001_base.sql"),
    include_str!("migrations/0002_texts.sql"),
    include_str!("migrations/0003_batch.sql"),
    include_str!("migrations/0004_reports.sql"),
    include_str!("migrations/0005_checks.sql"),
    include_str!("migrations/0006_running.sql"),
    include_str!("migrations/0007_checks_spelled_out.sql"),
    include_str!("migrations/0008_outcomes.sql"),
    include_str!("migrations/0009_beliefs.sql"),
    include_str!("migrations/0010_vectors.sql"),
    include_str!("migrations/0011_no_defaults.sql"),
    include_str!("migrations/0012_one_table_of_sums.sql"),
];

/// From this version on a database that cannot be written is read as it is: what came later changes nothing for readers.
const READ_AS_IT_IS: i64 = 12;

/// What they come to, for a database that is not there yet: step by step would take it five times as long.
const SCHEMA: &str = include_str!("schema.sql");

/// Refuses a database that is not to be touched: a newer one, and somebody else's. What keeps it from being read now is
/// found by whoever changes it.
pub(super) fn recognize(conn: &Connection) -> Result<(), Problem> {
    // In one look: between two of them somebody else may have migrated it.
    let look = |conn: &Connection| {
        let tx = Transaction::new_unchecked(conn, TransactionBehavior::Deferred)?;
        match version(&tx)? {
            0 => refuse_alien(&tx),
            _ => refuse_without_settings(&tx),
        }
    };
    match look(conn) {
        Err(Problem::Sqlite(_)) => Ok(()),
        found => found,
    }
}

/// Brings the database to the newest version; the first migration records `seed`.
pub(super) fn migrate(conn: &Connection, seed: &FirstSeed) -> Result<(), Problem> {
    if version(conn)? == known() {
        return Ok(());
    }
    if conn.is_readonly(MAIN_DB)? {
        return match version(conn)? {
            found if found >= READ_AS_IT_IS => Ok(()),
            found => Err(Problem::Outdated { found, known: known() }),
        };
    }
    let tx = Transaction::new_unchecked(conn, TransactionBehavior::Immediate)?;
    match version(&tx)? {
        0 => {
            refuse_alien(&tx)?;
            tx.execute_batch(SCHEMA)?;
            tx.execute("INSERT INTO settings (name, value) VALUES ('seed', ?1)", [(seed.0)().to_string()])?;
        }
        found => step_by_step(&tx, found)?,
    }
    tx.pragma_update(None, "user_version", known())?;
    Ok(tx.commit()?)
}

/// Every migration that a database of this version has not seen.
fn step_by_step(tx: &Connection, found: i64) -> rusqlite::Result<()> {
    let left = MIGRATIONS.iter().skip(usize::try_from(found).unwrap_or_default());
    left.copied().try_for_each(|sql| tx.execute_batch(sql))
}

/// Switches to WAL mode, which is kept in the file. SQLite does not wait in all of the states in which others
/// make this fail, so this does. A file system without shared memory keeps the old mode: `false`.
pub(super) fn use_wal(conn: &Connection, mut patience: Patience) -> Result<bool, Problem> {
    loop {
        let mode = conn.pragma_query_value(None, "journal_mode", |row| row.get::<_, String>(0));
        let mode = match mode {
            Ok(mode) if mode == "wal" => return Ok(true),
            Ok(_) => conn.pragma_update_and_check(None, "journal_mode", "wal", |row| row.get::<_, String>(0)),
            failed => failed,
        };
        match mode {
            Ok(mode) => return Ok(mode == "wal"),
            Err(error) if is_busy(&error) && patience.pause() => {}
            Err(error) => return Err(error.into()),
        }
    }
}

/// Refuses a database in which somebody else keeps something: no migration of ours has ever run on it.
fn refuse_alien(tx: &Connection) -> Result<(), Problem> {
    let sql = "SELECT name FROM sqlite_schema WHERE name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY name LIMIT 1";
    match super::columns::first(tx, sql, [], |row| row.get::<_, String>(0))? {
        Some(name) => Err(Problem::Alien(format!("it has a table `{name}`"))),
        None => Ok(()),
    }
}

/// Refuses one of a version like ours in which not even the oldest of our tables is.
fn refuse_without_settings(conn: &Connection) -> Result<(), Problem> {
    let sql = "SELECT name FROM sqlite_schema WHERE name = 'settings'";
    match super::columns::first(conn, sql, [], |row| row.get::<_, String>(0))? {
        Some(_) => Ok(()),
        None => Err(Problem::Alien("it has no table `settings`".to_owned())),
    }
}

/// The database's version; refuses one that this program does not know.
fn version(conn: &Connection) -> Result<i64, Problem> {
    let found = conn.pragma_query_value(None, "user_version", |row| row.get(0))?;
    if found > known() {
        return Err(Problem::Newer { found, known: known() });
    }
    if found < 0 {
        return Err(Problem::Alien(format!("its version is {found}")));
    }
    Ok(found)
}

fn known() -> i64 {
    i64::try_from(MIGRATIONS.len()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_seed_stays() {
        let conn = Connection::open_in_memory().unwrap();
        for seed in [u64::MAX, 7] {
            migrate(&conn, &seed.into()).unwrap();
        }
        let seed: String = conn.query_row("SELECT value FROM settings WHERE name = 'seed'", [], |r| r.get(0)).unwrap();
        assert_eq!(seed, u64::MAX.to_string());
    }

    #[test]
    fn what_cannot_be_written_is_read_where_nothing_changed_for_readers() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("llmr.db");
        migrate(&Connection::open(&path).unwrap(), &1.into()).unwrap();
        for (version, readable) in [(READ_AS_IT_IS - 1, false), (READ_AS_IT_IS, true), (known(), true)] {
            Connection::open(&path).unwrap().pragma_update(None, "user_version", version).unwrap();
            let conn = Connection::open_with_flags(&path, rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap();
            let found = migrate(&conn, &1.into());
            assert_eq!(found.is_ok(), readable, "{version}");
            assert!(readable || matches!(found, Err(Problem::Outdated { .. })), "{version}");
        }
    }

    #[test]
    fn a_newer_database_is_refused_and_left_alone() {
        let conn = Connection::open_in_memory().unwrap();
        conn.pragma_update(None, "user_version", known() + 1).unwrap();
        assert!(matches!(migrate(&conn, &1.into()), Err(Problem::Newer { .. })));
        let tables: i64 = conn.query_row("SELECT count(*) FROM sqlite_schema", [], |r| r.get(0)).unwrap();
        assert_eq!(tables, 0);
    }

    /// Every definition, in a fixed order.
    fn definitions(conn: &Connection) -> Vec<(String, String, Option<String>)> {
        let sql = "SELECT type, name, sql FROM sqlite_schema ORDER BY type, name";
        let read = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get(2)?));
        super::super::columns::all(conn, sql, [], read).unwrap()
    }

    #[test]
    fn a_fresh_database_is_what_all_migrations_come_to() {
        let (fresh, stepped) = (Connection::open_in_memory().unwrap(), Connection::open_in_memory().unwrap());
        migrate(&fresh, &1.into()).unwrap();
        let tx = Transaction::new_unchecked(&stepped, TransactionBehavior::Immediate).unwrap();
        step_by_step(&tx, 0).unwrap();
        tx.commit().unwrap();
        assert_eq!(definitions(&fresh), definitions(&stepped));
        let sound: String = stepped.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
        assert_eq!(sound, "ok");
    }

    #[test]
    fn checks_are_made_without_a_table_in_memory_and_still_refuse() {
        let conn = Connection::open_in_memory().unwrap();
        migrate(&conn, &1.into()).unwrap();
        let into_requests = |state: &str, cache: &str| {
            format!(
                "INSERT INTO requests (at, day, state, mode, stream, cache) VALUES (1, 1, '{state}', 'm', 0, {cache})"
            )
        };
        let into_attempts = |outcome: &str| {
            format!(
                "INSERT INTO attempts (request_id, attempt, at, day, settled_at, provider, model, outcome, held_nanousd,
                     cost_source, estimated, presumed) VALUES (1, 1, 1, 1, 1, 'p', 'm', '{outcome}', 0, 'none', 0, 0)"
            )
        };
        for good in [into_requests("done", "'hit'"), into_requests("running", "NULL"), into_attempts("ok")] {
            let plan = super::super::columns::all(&conn, &format!("EXPLAIN {good}"), [], |row| row.get::<_, String>(1));
            assert!(!plan.unwrap().contains(&"OpenEphemeral".to_owned()), "{good}");
            conn.execute(&good, []).unwrap();
        }
        for bad in [into_requests("x", "'hit'"), into_requests("done", "'x'"), into_attempts("x")] {
            let said = conn.execute(&bad, []).unwrap_err().to_string();
            assert!(said.contains("CHECK constraint failed"), "{bad}: {said}");
        }
    }

    #[test]
    fn switching_to_wal_waits_where_sqlite_does_not() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("llmr.db");
        let open = || {
            let conn = Connection::open(&path).unwrap();
            conn.busy_timeout(std::time::Duration::ZERO).unwrap();
            conn
        };
        let (mine, other) = (open(), open());
        other.execute_batch("CREATE TABLE t (x); BEGIN IMMEDIATE").unwrap();
        let said = use_wal(&mine, Patience::new(5, 1)).unwrap_err();
        assert!(matches!(&said, Problem::Sqlite(error) if is_busy(error)), "{said}");
        std::thread::scope(|scope| {
            let waiting = scope.spawn(move || use_wal(&mine, Patience::new(10_000, 1)));
            std::thread::sleep(std::time::Duration::from_millis(20));
            other.execute_batch("ROLLBACK").unwrap();
            assert!(waiting.join().unwrap().unwrap());
        });
        assert!(!use_wal(&Connection::open_in_memory().unwrap(), Patience::new(5, 1)).unwrap());
    }

    #[test]
    fn the_bundled_library_has_the_fix_of_the_wal_reset_bug() {
        assert!(rusqlite::version_number() >= 3_051_003, "{}", rusqlite::version());
    }
}
