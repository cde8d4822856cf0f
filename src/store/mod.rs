//! The database: the one folder that knows SQLite.
//!
//! Every method is coarse, synchronous and complete in itself: one transaction, after which the file is whole.
//! Writers take the write lock before they read (`BEGIN IMMEDIATE`), so that no check can pass on facts that
//! another process is about to change. Time, owner, liveness and seed are passed in; what a breaker or a health
//! sum becomes is the engine's to say. What money may be spent is decided in [`Store::admit`], and only there.

use std::path::{Path, PathBuf};
use std::rc::Rc;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, MAIN_DB, OpenFlags, Transaction, TransactionBehavior};

use crate::types::{Liveness, Owner, RequestId};

mod audit;
mod batches;
mod budget;
mod busy;
mod cache_rows;
mod checks;
mod columns;
mod contents;
mod conversations;
mod error;
mod facts;
mod files;
pub mod foreign;
mod forget;
mod health;
mod histogram;
mod holds;
mod import;
mod labels;
mod ledger;
mod migrate;
mod notices;
mod rates;
mod reports;
mod requests;
mod shadows;
mod sums;
#[cfg(test)]
mod tests;

pub use batches::{Batch, BatchLine, BatchOpened};
pub use budget::{BudgetDay, DaySpend};
pub use cache_rows::{CacheCounts, CacheEntry, CacheFailure, CachePut, CacheRow};
pub use checks::Check;
pub use contents::{Content, Kept, Place};
pub use conversations::{Condensation, Conversation, Find, Listed, Turn};
pub use error::{Problem, StoreError};
pub use facts::Facts;
pub use forget::{Forget, Forgotten};
pub use health::{ProviderState, Rest, RestUntil};
pub use histogram::Histogram;
pub use holds::{Admission, Admitted};
pub use import::{ImportedConversation, ImportedTurn, Importing};
pub use labels::{Label, LabelStats};
pub use ledger::{Settled, Settlement};
pub use rates::{Rated, Recount};
pub use reports::{CandidateStats, DayStats, LogAttempt, LogEntry, LogFilter, RequestState, Stats};
pub use requests::{CacheHit, RequestEnd, RequestStart};
pub use shadows::ShadowStats;

use busy::Patience;

/// Write-ahead pages after which a commit copies them into the database: 1 MiB, a quarter of SQLite's own
/// choice, because a process that finds the log left behind reads it once from end to end.
const CHECKPOINT_PAGES: i64 = 256;

/// What a store needs from outside.
#[derive(Debug, Clone)]
pub struct StoreOptions {
    /// How long to wait for other processes' locks, in milliseconds.
    pub busy_timeout_ms: u32,
    /// This process.
    pub me: Owner,
    /// What is known about another process.
    pub liveness: fn(&Owner) -> Liveness,
    /// Kept by the first process that opens the database, ignored by all others.
    pub seed: u64,
}

/// An open database. Clones share its connection: no transaction outlives the call that made it.
#[derive(Debug, Clone)]
pub struct Store {
    conn: Rc<Connection>,
    path: PathBuf,
    me: Owner,
    liveness: fn(&Owner) -> Liveness,
    warnings: Vec<String>,
    seed: u64,
}

impl Store {
    /// Opens the database; makes its folder, its file and its tables where they are missing.
    pub fn open(path: &Path, options: StoreOptions) -> Result<Self, StoreError> {
        let located = |problem| StoreError { path: path.to_owned(), problem };
        files::create(path).map_err(located)?;
        Self::open_file(path, options).map_err(located)
    }

    /// Opens the database if its file is there, and makes nothing otherwise.
    pub fn open_existing(path: &Path, options: StoreOptions) -> Result<Option<Self>, StoreError> {
        let located = |problem| StoreError { path: path.to_owned(), problem };
        match files::exists(path).map_err(located)? {
            true => Self::open_file(path, options).map(Some).map_err(located),
            false => Ok(None),
        }
    }

    /// A database that ends with the process: for a request whose budget is off, when the real one fails.
    pub fn in_memory(options: StoreOptions) -> Result<Self, StoreError> {
        let path = PathBuf::from(":memory:");
        let open = |options| -> Result<Self, Problem> {
            let conn = Connection::open_in_memory()?;
            Self::prepare(conn, path.clone(), options, Vec::new())
        };
        open(options).map_err(|problem| StoreError { path: path.clone(), problem })
    }

    /// One in its place that ends with the process, for a request whose budget is off: this one has failed.
    pub fn stand_in(&self) -> Result<Self, StoreError> {
        let (me, liveness, seed) = (self.me.clone(), self.liveness, self.seed);
        Self::in_memory(StoreOptions { busy_timeout_ms: 0, me, liveness, seed })
    }

    fn open_file(path: &Path, options: StoreOptions) -> Result<Self, Problem> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let mut conn = Connection::open_with_flags(path, flags)?;
        let patience = wait_for_locks(&mut conn, &options)?;
        if conn.is_readonly(MAIN_DB)? {
            return Err(Problem::ReadOnly);
        }
        let mut warnings = files::warnings(path);
        if !migrate::use_wal(&conn, patience)? {
            warnings.push(format!("{}: this file system has no write-ahead log; expect waits", path.display()));
        }
        // The last process to close would else copy the log and wait for the disk, at the end of every command.
        conn.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
        conn.pragma_update(None, "wal_autocheckpoint", CHECKPOINT_PAGES)?;
        Self::prepare(conn, path.to_owned(), options, warnings)
    }

    fn prepare(conn: Connection, path: PathBuf, options: StoreOptions, warnings: Vec<String>) -> Result<Self, Problem> {
        conn.pragma_update(None, "synchronous", "normal")?;
        conn.pragma_update(None, "foreign_keys", true)?;
        conn.set_prepared_statement_cache_capacity(64);
        migrate::migrate(&conn, options.seed)?;
        let seed =
            columns::first(&conn, "SELECT value FROM settings WHERE name = 'seed'", [], |row| row.get::<_, String>(0))?;
        let seed = seed.and_then(|text| text.parse().ok()).unwrap_or_default();
        Ok(Self { conn: Rc::new(conn), path, me: options.me, liveness: options.liveness, warnings, seed })
    }

    /// What a person should know about the file: others may read it, or its file system cannot be trusted.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// The seed that was recorded when the database was made.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// Where the database lies; `:memory:` for one that ends with the process.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The number that the next request will get, if no other comes between. Changes nothing.
    pub fn next_request(&self) -> Result<RequestId, StoreError> {
        let sql = "SELECT seq FROM sqlite_sequence WHERE name = 'requests'";
        let last = self.read(|tx| Ok(columns::first(tx, sql, [], |row| row.get::<_, i64>(0))?))?;
        Ok(RequestId(last.unwrap_or(0) + 1))
    }

    /// One transaction that writes: takes the write lock first, commits when `work` succeeds.
    fn write<T>(&self, work: impl FnOnce(&Transaction<'_>) -> Result<T, Problem>) -> Result<T, StoreError> {
        self.transaction(TransactionBehavior::Immediate, work)
    }

    /// One transaction that only reads: all of it sees the same state.
    fn read<T>(&self, work: impl FnOnce(&Transaction<'_>) -> Result<T, Problem>) -> Result<T, StoreError> {
        self.transaction(TransactionBehavior::Deferred, work)
    }

    fn transaction<T>(
        &self,
        behavior: TransactionBehavior,
        work: impl FnOnce(&Transaction<'_>) -> Result<T, Problem>,
    ) -> Result<T, StoreError> {
        let all = || -> Result<T, Problem> {
            let tx = Transaction::new_unchecked(&self.conn, behavior)?;
            let done = work(&tx)?;
            tx.commit()?;
            Ok(done)
        };
        all().map_err(|problem| StoreError { path: self.path.clone(), problem })
    }
}

/// Makes a connection wait for locks; the same patience serves where SQLite does not ask its handler.
fn wait_for_locks(conn: &mut Connection, options: &StoreOptions) -> Result<Patience, Problem> {
    let patience = Patience::new(options.busy_timeout_ms, options.me.pid);
    let mut mine = patience.clone();
    conn.busy_handler(Some(move |times| {
        if times == 0 {
            mine.restart();
        }
        mine.pause()
    }))?;
    Ok(patience)
}
