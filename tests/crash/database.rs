//! The database from outside: plain SQL on connections that leave the write-ahead log as they find it.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use crate::common::{MONEY, Place};
use crate::process::{self, Stage};

/// Where a place has its database.
pub fn path(place: &Place) -> PathBuf {
    place.home().join("llmr.db")
}

/// Opens it if it is there. Closing it copies nothing: what a killed process left must stay as it was left.
pub fn open(path: &Path) -> Option<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let db = Connection::open_with_flags(path, flags).ok()?;
    db.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true).ok()?;
    db.busy_timeout(Duration::from_secs(10)).ok()?;
    Some(db)
}

/// The state of a process as the kernel names it; `None` when it is gone.
pub fn state_of(pid: u32) -> Option<char> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    text.rsplit_once(')')?.1.trim_start().chars().next()
}

/// Looks into a database that others are changing.
pub struct Look {
    path: PathBuf,
    db: Option<Connection>,
}

impl Look {
    /// Of this place; there need not be a database yet.
    pub fn at(place: &Place) -> Self {
        Self { path: path(place), db: None }
    }

    fn db(&mut self) -> Option<&Connection> {
        if self.db.is_none() && self.path.exists() {
            self.db = open(&self.path);
        }
        self.db.as_ref()
    }

    /// The attempts that a process holds money for.
    pub fn held_by(&mut self, pid: u32) -> Vec<(i64, i64)> {
        let sql = "SELECT request_id, attempt FROM holds WHERE owner_pid = ?1";
        let Some(mut holds) = self.db().and_then(|db| db.prepare_cached(sql).ok()) else { return Vec::new() };
        let rows = holds.query_map([pid], |row| Ok((row.get(0)?, row.get(1)?)));
        rows.map(|rows| rows.flatten().collect()).unwrap_or_default()
    }

    /// Whether an attempt has its row.
    pub fn is_settled(&mut self, request: i64, attempt: i64) -> bool {
        let sql = "SELECT count(*) FROM attempts WHERE request_id = ?1 AND attempt = ?2";
        self.count(sql, (request, attempt)) > 0
    }

    /// How many requests and attempts with that tag there are.
    pub fn traces_of(&mut self, tag: &str) -> (i64, i64) {
        let attempts = "SELECT count(*) FROM attempts JOIN requests ON id = request_id WHERE tag = ?1";
        (self.count("SELECT count(*) FROM requests WHERE tag = ?1", [tag]), self.count(attempts, [tag]))
    }

    /// How many holds of requests with that tag there are.
    pub fn holds_of(&mut self, tag: &str) -> i64 {
        self.count("SELECT count(*) FROM holds JOIN requests ON id = request_id WHERE tag = ?1", [tag])
    }

    fn count(&mut self, sql: &str, values: impl rusqlite::Params) -> i64 {
        self.db().and_then(|db| db.query_row(sql, values, |row| row.get(0)).ok()).unwrap_or_default()
    }

    /// What a process is doing there, if its locks tell.
    pub fn lock_of(&self, pid: u32) -> Option<Stage> {
        process::lock_of(pid, &self.path)
    }
}

/// A copy of a database and its log, made while nobody has it open, in a folder of its own: opening it reads the log
/// as after a crash of everybody.
pub fn copy(place: &Place, name: &str) -> Option<PathBuf> {
    let (from, folder) = (path(place), place.work().join(name));
    fs::create_dir_all(&folder).unwrap();
    let to = folder.join("llmr.db");
    fs::copy(&from, &to).ok()?;
    _ = fs::copy(format!("{}-wal", from.display()), format!("{}-wal", to.display()));
    Some(to)
}

/// What SQLite finds wrong with a database.
pub fn damage(db: &Connection) -> Vec<String> {
    let lines = |sql: &str| -> rusqlite::Result<Vec<String>> {
        db.prepare(sql)?.query_map([], |row| row.get::<_, String>(0))?.collect()
    };
    let all = lines("PRAGMA integrity_check").and_then(|mut all| {
        all.retain(|line| line != "ok");
        let orphans = lines("PRAGMA foreign_key_check")?;
        all.extend(orphans.into_iter().map(|table| format!("a row of {table} belongs to nothing")));
        Ok(all)
    });
    all.unwrap_or_else(|error| vec![format!("it cannot be read: {error}")])
}

/// One row of `attempts`, with whom it belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// The request and the attempt.
    pub id: (i64, i64),
    /// The request's tag.
    pub tag: String,
    /// What the request asked, where that is kept.
    pub prompt: Option<String>,
    /// Whom.
    pub provider: String,
    /// `ok`, `failed` or `cancelled`.
    pub outcome: String,
    /// What it cost.
    pub cost: i64,
    /// What was held for it.
    pub held: i64,
    /// Whether llmr ended it: cancelled, or out of patience.
    pub given_up: bool,
    /// Whether its cost is a guess.
    pub estimated: bool,
    /// Whether its owner died.
    pub presumed: bool,
}

/// Every attempt.
pub fn attempts(db: &Connection) -> rusqlite::Result<Vec<Row>> {
    let sql = "SELECT a.request_id, a.attempt, coalesce(r.tag, ''), c.prompt, a.provider, a.outcome, a.cost_nanousd,
                      a.held_nanousd, a.estimated, a.presumed,
                      a.outcome = 'cancelled' OR a.failure IS 'timeout'
               FROM attempts a JOIN requests r ON r.id = a.request_id
               LEFT JOIN contents c ON c.request_id = a.request_id ORDER BY 1, 2";
    let row = |row: &rusqlite::Row<'_>| {
        Ok(Row {
            id: (row.get(0)?, row.get(1)?),
            tag: row.get(2)?,
            prompt: row.get(3)?,
            provider: row.get(4)?,
            outcome: row.get(5)?,
            cost: row.get(6)?,
            held: row.get(7)?,
            estimated: row.get(8)?,
            presumed: row.get(9)?,
            given_up: row.get(10)?,
        })
    };
    db.prepare(sql)?.query_map([], row)?.collect()
}

/// One row of `holds`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hold {
    /// The request's tag.
    pub tag: String,
    /// What the request asks, where that is kept.
    pub prompt: Option<String>,
    /// Whom.
    pub provider: String,
    /// How much.
    pub amount: i64,
}

/// Every hold, by request and attempt.
pub fn holds(db: &Connection) -> rusqlite::Result<BTreeMap<(i64, i64), Hold>> {
    let sql = "SELECT h.request_id, h.attempt, coalesce(r.tag, ''), c.prompt, h.provider, h.amount_nanousd
               FROM holds h JOIN requests r ON r.id = h.request_id LEFT JOIN contents c ON c.request_id = r.id";
    let hold = |row: &rusqlite::Row<'_>| {
        let hold = Hold { tag: row.get(2)?, prompt: row.get(3)?, provider: row.get(4)?, amount: row.get(5)? };
        Ok(((row.get(0)?, row.get(1)?), hold))
    };
    db.prepare(sql)?.query_map([], hold)?.collect()
}

/// The rows of a query, columns parted by `|`.
pub fn lines(db: &Connection, sql: &str) -> rusqlite::Result<Vec<String>> {
    let mut statement = db.prepare(sql)?;
    let columns = statement.column_count();
    let line = |row: &rusqlite::Row<'_>| {
        let cells: Vec<String> = (0..columns).map(|n| format!("{:?}", row.get_ref(n).unwrap())).collect();
        Ok(cells.join("|"))
    };
    statement.query_map([], line)?.collect()
}

/// What was seen of the money while it was spent.
#[derive(Debug, Default)]
pub struct Seen {
    /// How often it was looked at.
    pub looks: u64,
    /// The most that was spent and held together.
    pub most: i64,
    /// Every hold that was seen, and its amount.
    pub holds: HashMap<(i64, i64), i64>,
    /// The tags of all that were presumed dead, also for a moment.
    pub presumed: HashSet<String>,
}

/// Looks at the money every few milliseconds while something is done.
pub fn watching<T>(place: &Place, work: impl FnOnce() -> T) -> (T, Seen) {
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        let watcher = scope.spawn(|| watch(place, &over));
        let done = work();
        over.store(true, Ordering::Relaxed);
        (done, watcher.join().unwrap())
    })
}

fn watch(place: &Place, over: &AtomicBool) -> Seen {
    let (mut seen, mut look) = (Seen::default(), Look::at(place));
    while !over.load(Ordering::Relaxed) {
        thread::sleep(Duration::from_millis(5));
        let Some(db) = look.db() else { continue };
        // Before the first process has made the tables there is nothing to see.
        let sum = |row: &rusqlite::Row<'_>| Ok(row.get::<_, i64>(0)? + row.get::<_, i64>(1)?);
        let Ok(most) = db.prepare_cached(MONEY).and_then(|mut money| money.query_row([], sum)) else { continue };
        (seen.looks, seen.most) = (seen.looks + 1, seen.most.max(most));
        let presumed = "SELECT coalesce(tag, '') FROM attempts JOIN requests ON id = request_id WHERE presumed";
        let tags = db.prepare_cached(presumed).and_then(|mut rows| rows.query_map([], |row| row.get(0))?.collect());
        seen.presumed.extend(tags.unwrap_or_else(|_| Vec::new()));
        let held = holds(db).unwrap_or_default();
        seen.holds.extend(held.into_iter().map(|(id, hold)| (id, hold.amount)));
    }
    seen
}
