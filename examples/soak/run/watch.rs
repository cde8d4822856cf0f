//! Somebody who looks on: at the money every few milliseconds, at the memory of every process, at the files.

use std::collections::HashMap;
use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use rusqlite::Connection;

use super::jobs::Kind;

/// The pause between two looks. A process lives for many of them.
const PAUSE: Duration = Duration::from_millis(4);
/// No process may live longer.
const PATIENCE: Duration = Duration::from_secs(180);
/// What is spent and held of the fullest day, and the limit: one statement, so that all are of one moment.
const MONEY: &str = "SELECT
    (SELECT coalesce(max(nano), 0) FROM (SELECT day, sum(nano) AS nano FROM (
        SELECT day, ledger_nanousd + adjusted_nanousd AS nano FROM days
        UNION ALL SELECT day, amount_nanousd FROM holds) GROUP BY day)),
    (SELECT value FROM settings WHERE name = 'limit')";

/// A life must have been looked at so often for its parts to say anything.
const ENOUGH_LOOKS: usize = 50;

/// What was seen of one process.
#[derive(Debug, Clone)]
pub struct Seen {
    kind: Kind,
    began: Instant,
    /// The most memory it ever had, in KiB.
    pub peak_kib: u64,
    /// What it had at each look, in KiB; of the long batch alone.
    had_kib: Vec<u64>,
}

impl Seen {
    /// What it had at most in the first half of its life and in its last tenth, in KiB.
    pub fn life(&self) -> Option<(u64, u64)> {
        let looks = self.had_kib.len();
        let most = |looks: &[u64]| looks.iter().copied().max();
        let (early, late) = (self.had_kib.get(..looks / 2)?, self.had_kib.get(looks - looks / 10..)?);
        (looks >= ENOUGH_LOOKS).then_some((most(early)?, most(late)?))
    }
}

/// What was seen of everything.
#[derive(Debug, Clone, Default)]
pub struct Looks {
    /// How often the money was looked at.
    pub money: u64,
    /// How often more was spent and held than the limit, and how that looked first.
    pub overspent: u64,
    pub first_overspent: Option<String>,
    /// Processes that did not end and were ended.
    pub stuck: u64,
    /// The longest write-ahead log, in bytes.
    pub log_bytes: u64,
}

/// The onlooker.
#[derive(Default)]
pub struct Watch {
    database: PathBuf,
    log: PathBuf,
    /// The limit where none is set in the database, in nano-dollars.
    limit: i64,
    running: Mutex<HashMap<u32, Seen>>,
    looks: Mutex<Looks>,
    over: AtomicBool,
}

impl Watch {
    /// Of that database and its log.
    pub fn new(database: PathBuf, log: PathBuf, limit: i64) -> Self {
        Self { database, log, limit, ..Self::default() }
    }

    /// Looks on while something is done.
    pub fn during<T>(&self, work: impl FnOnce() -> T) -> T {
        self.over.store(false, Ordering::Relaxed);
        thread::scope(|scope| {
            let watcher = scope.spawn(|| self.look_on());
            let done = work();
            self.over.store(true, Ordering::Relaxed);
            _ = watcher.join();
            done
        })
    }

    /// A process begins.
    pub fn enter(&self, pid: u32, kind: Kind) {
        self.running().insert(pid, Seen { kind, began: Instant::now(), peak_kib: 0, had_kib: Vec::new() });
    }

    /// A process has ended.
    pub fn leave(&self, pid: u32) -> Option<Seen> {
        self.running().remove(&pid)
    }

    /// What was seen so far.
    pub fn looks(&self) -> Looks {
        lock(&self.looks).clone()
    }

    fn running(&self) -> MutexGuard<'_, HashMap<u32, Seen>> {
        lock(&self.running)
    }

    fn look_on(&self) {
        let mut db = None;
        while !self.over.load(Ordering::Relaxed) {
            thread::sleep(PAUSE);
            db = db.or_else(|| self.open());
            if let Some(db) = &db {
                self.look_at_money(db);
            }
            self.look_at_processes();
            let bytes = fs::metadata(&self.log).map_or(0, |file| file.len());
            let mut looks = lock(&self.looks);
            looks.log_bytes = looks.log_bytes.max(bytes);
        }
    }

    fn open(&self) -> Option<Connection> {
        self.database.exists().then(|| Connection::open(&self.database).ok()).flatten()
    }

    /// Before the first process has made the tables there is nothing to see.
    fn look_at_money(&self, db: &Connection) {
        let row = |row: &rusqlite::Row<'_>| Ok((row.get::<_, i64>(0)?, row.get::<_, Option<String>>(1)?));
        let Ok((used, limit)) = db.prepare_cached(MONEY).and_then(|mut money| money.query_row([], row)) else { return };
        let limit = limit.and_then(|text| text.parse().ok()).unwrap_or(self.limit);
        let mut looks = lock(&self.looks);
        looks.money += 1;
        if used > limit {
            looks.overspent += 1;
            looks.first_overspent.get_or_insert(format!("{used} nano-USD were spent and held of {limit}"));
        }
    }

    fn look_at_processes(&self) {
        let mut stuck = Vec::new();
        for (pid, seen) in self.running().iter_mut() {
            if let Some((peak, now)) = memory_kib(*pid) {
                seen.peak_kib = seen.peak_kib.max(peak);
                if seen.kind == Kind::LongBatch {
                    seen.had_kib.push(now);
                }
            }
            if seen.began.elapsed() > PATIENCE {
                stuck.push(*pid);
            }
        }
        stuck.into_iter().for_each(|pid| self.end(pid));
    }

    /// Ends a process that does not end by itself.
    fn end(&self, pid: u32) {
        if self.leave(pid).is_some() {
            _ = std::process::Command::new("kill").args(["-KILL", &pid.to_string()]).status();
            lock(&self.looks).stuck += 1;
        }
    }
}

fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The most memory that a process ever had and what it has now, as the kernel counts it; `None` where there is no such
/// kernel, and for a process that has ended or is not `llmr` yet.
fn memory_kib(pid: u32) -> Option<(u64, u64)> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let field = |name: &str| status.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
    field("Name:").filter(|name| *name == "llmr")?;
    let kib = |name: &str| field(name)?.trim_end_matches("kB").trim().parse().ok();
    Some((kib("VmHWM:")?, kib("VmRSS:")?))
}
