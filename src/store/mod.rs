//! The database: the one folder that knows SQLite.
//!
//! Every method is coarse, synchronous and complete in itself: one transaction, after which the file is whole.
//! Writers take the write lock before they read (`BEGIN IMMEDIATE`), so that no check can pass on facts that
//! another process is about to change. Time, owner, liveness and seed are passed in; what a breaker or a health
//! sum becomes is the engine's to say. What money may be spent is decided in [`Store::admit`], and only there.

use std::fmt;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, MAIN_DB, OpenFlags, Transaction, TransactionBehavior};

use crate::types::{Limit, Liveness, Me, Owner, RequestId};

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
mod outcomes;
mod rates;
mod reports;
mod requests;
mod routing;
mod running;
mod shadows;
mod sums;
#[cfg(test)]
mod tests;
mod vectors;
mod write_ahead;

pub use batches::{Batch, BatchLine, BatchOpened};
pub use budget::{BudgetDay, DaySpend};
pub use busy::Waiting;
pub use cache_rows::{CacheCounts, CacheEntry, CacheFailure, CachePut, CacheRow};
pub use checks::Check;
pub use contents::{Content, Kept, Place};
pub use conversations::{Condensation, Conversation, Find, Listed, Turn};
pub use error::{Problem, StoreError};
pub use facts::{Facts, OpenTry};
pub use forget::{Forget, Forgotten};
pub use health::{ProviderState, Rest, RestUntil};
pub use histogram::Histogram;
pub use holds::{Admission, Admitted};
pub use import::{ImportedConversation, ImportedTurn, Importing};
pub use labels::{Label, LabelStats};
pub use ledger::{Settled, Settlement};
pub use outcomes::{Fault, Judged, Outcome as TierOutcome, RatedAnswer, Rating};
pub use rates::{Rated, Recount};
pub use reports::{CandidateStats, DayStats, LogAttempt, LogEntry, LogFilter, RequestState, Stats};
pub use requests::{CacheHit, RequestEnd, RequestStart};
pub use routing::{Exploration, Happened, Hedges, Routing, Single, Valuing};
pub use shadows::ShadowStats;
pub use vectors::{Collection, Keeping, ListedCollection, TextDigest, TextPlace};

use busy::{Mood, Patience};

/// The path of a database that ends with the process.
const IN_MEMORY: &str = ":memory:";

/// What a store needs from outside.
#[derive(Debug, Clone)]
pub struct StoreOptions {
    /// How long to wait for other processes' locks, in milliseconds.
    pub busy_timeout_ms: u32,
    /// This process.
    pub me: Me,
    /// What is known about another process.
    pub liveness: fn(&Owner) -> Liveness,
    /// Kept by the first process that opens the database, ignored by all others.
    pub seed: FirstSeed,
    /// Whom a long wait for other processes' locks concerns.
    pub waiting: Waiting,
}

/// The seed of a database that is not there yet, reckoned where one is made.
#[derive(Clone)]
pub struct FirstSeed(Arc<dyn Fn() -> u64 + Send + Sync>);

impl FirstSeed {
    /// What this comes to.
    pub fn new(reckon: impl Fn() -> u64 + Send + Sync + 'static) -> Self {
        Self(Arc::new(reckon))
    }
}

impl From<u64> for FirstSeed {
    fn from(seed: u64) -> Self {
        Self::new(move || seed)
    }
}

impl fmt::Debug for FirstSeed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FirstSeed")
    }
}

/// An open database. Clones share its connection: no transaction outlives the call that made it.
#[derive(Debug, Clone)]
pub struct Store {
    conn: Rc<Connection>,
    path: PathBuf,
    me: Me,
    liveness: fn(&Owner) -> Liveness,
    warnings: Vec<String>,
    seed: u64,
    limit_at_opening: Option<Limit>,
    mood: Mood,
    /// Whether nothing can be written to it.
    read_only: bool,
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

    /// The same, to be read only: also where the file or its disk cannot be written, as long as it can be read.
    pub fn open_to_read(path: &Path, options: StoreOptions) -> Result<Option<Self>, StoreError> {
        match Self::open_existing(path, options.clone()) {
            Err(error) if error.problem.is_unwritable() => {
                Self::open_unwritable(path, options).map(Some).map_err(|_| error)
            }
            opened => opened,
        }
    }

    /// A database that ends with the process: for a request whose budget is off, when the real one fails.
    pub fn in_memory(options: StoreOptions) -> Result<Self, StoreError> {
        let path = PathBuf::from(IN_MEMORY);
        let open = |options| -> Result<Self, Problem> {
            let conn = Connection::open_in_memory()?;
            Self::prepare(conn, path.clone(), options, Vec::new(), Mood::default())
        };
        open(options).map_err(|problem| StoreError { path: path.clone(), problem })
    }

    /// One in its place that ends with the process, for a request whose budget is off: this one has failed.
    pub fn stand_in(&self) -> Result<Self, StoreError> {
        let (me, liveness, seed) = (self.me.clone(), self.liveness, self.seed.into());
        Self::in_memory(StoreOptions { busy_timeout_ms: 0, me, liveness, seed, waiting: Waiting::default() })
    }

    /// Whether it ends with the process.
    pub fn is_in_memory(&self) -> bool {
        self.path == Path::new(IN_MEMORY)
    }

    fn open_file(path: &Path, options: StoreOptions) -> Result<Self, Problem> {
        files::regular(path)?;
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let mut conn = Connection::open_with_flags(path, flags)?;
        let mood = Mood::default();
        let patience = wait_for_locks(&mut conn, path, &options, &mood)?;
        if conn.is_readonly(MAIN_DB)? {
            return Err(Problem::ReadOnly);
        }
        migrate::recognize(&conn)?;
        let mut warnings = files::warnings(path);
        if !migrate::use_wal(&conn, patience)? {
            warnings.push(format!("{}: this file system has no write-ahead log; expect waits", path.display()));
        }
        // The last process to close would else copy the log and wait for the disk, at the end of every command.
        conn.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
        conn.pragma_update(None, "wal_autocheckpoint", write_ahead::LEFT_TO_SQLITE)?;
        Self::prepare(conn, path.to_owned(), options, warnings, mood)
    }

    /// Neither migrates nor waits: nobody can write to it.
    fn open_unwritable(path: &Path, options: StoreOptions) -> Result<Self, Problem> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_URI;
        let conn = Connection::open_with_flags(files::uri(path), flags)?;
        let store = Self::prepare(conn, path.to_owned(), options, files::warnings(path), Mood::default())?;
        Ok(Self { read_only: true, ..store })
    }

    fn prepare(
        conn: Connection,
        path: PathBuf,
        options: StoreOptions,
        warnings: Vec<String>,
        mood: Mood,
    ) -> Result<Self, Problem> {
        conn.pragma_update(None, "synchronous", "normal")?;
        conn.pragma_update(None, "foreign_keys", true)?;
        conn.set_prepared_statement_cache_capacity(64);
        migrate::migrate(&conn, &options.seed)?;
        let (seed, limit_at_opening) = budget::recorded(&conn)?;
        let (me, liveness, read_only) = (options.me, options.liveness, false);
        Ok(Self { conn: Rc::new(conn), path, me, liveness, warnings, seed, limit_at_opening, mood, read_only })
    }

    /// Done with, by a process that ends: the system takes at once what SQLite would give back piece by piece. No
    /// transaction outlives the call that made it, and locks end with the process.
    pub fn leave(self) {
        std::mem::forget(self.conn);
    }

    /// What a person should know about the file: others may read it, or its file system cannot be trusted.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// The seed that was recorded when the database was made.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// The limit that `budget set` had recorded when the database was opened; [`Self::facts`] has it as it is now.
    pub fn limit_at_opening(&self) -> Option<Limit> {
        self.limit_at_opening
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
        let done = self.transaction(TransactionBehavior::Immediate, work)?;
        self.keep_log_short();
        Ok(done)
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
fn wait_for_locks(
    conn: &mut Connection,
    path: &Path,
    options: &StoreOptions,
    mood: &Mood,
) -> Result<Patience, Problem> {
    let patience = Patience::new(options.busy_timeout_ms, options.me.pid());
    let patience = patience.of(path, options.waiting.clone(), mood.clone());
    let mut mine = patience.clone();
    conn.busy_handler(Some(move |times| {
        if times == 0 {
            mine.restart();
        }
        mine.pause()
    }))?;
    Ok(patience)
}
