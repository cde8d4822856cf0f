//! Why the database could not be used: one error, with the file's path, and what a person can do about it.

use std::fmt;
use std::io;
use std::path::PathBuf;

use rusqlite::{ErrorCode, ffi};

use crate::error::{Error, Kind};
use crate::types::{AttemptId, RequestId};

/// A database that could not be used, or was used wrongly.
#[derive(Debug, thiserror::Error)]
#[error("database {}: {problem}", path.display())]
pub struct StoreError {
    /// The database file.
    pub path: PathBuf,
    /// What is wrong with it.
    #[source]
    pub problem: Problem,
}

/// What is wrong.
#[derive(Debug, thiserror::Error)]
pub enum Problem {
    /// Its folder or file cannot be made or opened.
    #[error("{what} {}: {source}", path.display())]
    Files {
        /// What was tried.
        what: &'static str,
        /// On which folder or file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Somebody's newer llmr has changed it.
    #[error("it is of version {found}, this llmr knows versions up to {known}")]
    Newer {
        /// Its version.
        found: i64,
        /// The newest version this program knows.
        known: i64,
    },
    /// It can be read but not written.
    #[error("it cannot be written")]
    ReadOnly,
    /// It is a folder, a pipe or whatever else SQLite cannot open.
    #[error("it is not a regular file")]
    NotAFile,
    /// SQLite opens it, and it was not made by llmr.
    #[error("it is a SQLite database, but not one of llmr's ({0})")]
    Alien(String),
    /// No such request was begun.
    #[error("request {0} was never begun")]
    NoRequest(RequestId),
    /// No such attempt was admitted, or its hold was released.
    #[error("attempt {} of request {} holds no money", .0.number, .0.request)]
    NotHeld(AttemptId),
    /// It is older, and bringing it up to date has to write.
    #[error("it is of version {found}, and to bring it up to version {known} it has to be written once")]
    Outdated {
        /// Its version.
        found: i64,
        /// The version that this program reads.
        known: i64,
    },
    /// Sums that are kept beside what they sum up cannot be read; which, in words.
    #[error("{0}")]
    Sums(String),
    /// SQLite's own words.
    #[error("{}", Said(.0))]
    Sqlite(#[from] rusqlite::Error),
    /// SQLite's own words about another tool's database.
    #[error("{}", Said(.0))]
    Foreign(#[source] rusqlite::Error),
}

/// SQLite's errors as a person reads them.
struct Said<'a>(&'a rusqlite::Error);

impl fmt::Display for Said<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(what) = unlike_ours(self.0) {
            return write!(f, "it does not hold what llmr keeps in it ({what})");
        }
        let plain = match self.0.sqlite_error_code() {
            Some(_) if has_no_room(self.0) => "the disk is full",
            Some(ErrorCode::SystemIoFailure) => "it cannot be read or written",
            Some(ErrorCode::NotADatabase) => "it is not a SQLite database",
            Some(ErrorCode::DatabaseCorrupt) => "it is damaged",
            Some(ErrorCode::DatabaseBusy | ErrorCode::FileLockingProtocolFailed) => "other processes kept it locked",
            Some(ErrorCode::ReadOnly) => "it cannot be written",
            Some(ErrorCode::CannotOpen) => "it cannot be opened",
            _ => return self.0.fmt(f),
        };
        write!(f, "{plain} ({})", self.0)
    }
}

/// Why the tables are not those that the migrations make, if that is what SQLite complains of; never with the SQL,
/// which says nothing to whoever did not write it.
fn unlike_ours(error: &rusqlite::Error) -> Option<String> {
    use rusqlite::Error::{FromSqlConversionFailure, IntegralValueOutOfRange, InvalidColumnName, InvalidColumnType};
    match error {
        rusqlite::Error::SqlInputError { msg, .. } => Some(msg.clone()),
        rusqlite::Error::SqliteFailure(code, Some(msg)) if code.extended_code == ffi::SQLITE_ERROR => Some(msg.clone()),
        InvalidColumnName(name) => Some(format!("no such column: {name}")),
        InvalidColumnType(_, name, _) => Some(format!("a strange value in column {name}")),
        FromSqlConversionFailure(..) | IntegralValueOutOfRange(..) => Some("a strange value".to_owned()),
        _ => None,
    }
}

/// Whether the disk is full. SQLite says so in another way where it is its shared memory that finds no room.
fn has_no_room(error: &rusqlite::Error) -> bool {
    let code = error.sqlite_error();
    code.is_some_and(|code| code.code == ErrorCode::DiskFull || code.extended_code == ffi::SQLITE_IOERR_SHMSIZE)
}

const MOVE_AWAY: &str = "move the file (with its -wal and -shm) away; llmr then starts a new one, which knows nothing \
                         of what today has cost so far";
const MAKE_ROOM: &str = "make room on that disk, or name a folder on another one with LLMR_HOME";

impl Problem {
    /// Whether the file can be looked into all the same: only writing to it, or beside it, fails.
    pub(super) fn is_unwritable(&self) -> bool {
        match self {
            Self::ReadOnly | Self::Outdated { .. } => true,
            Self::Sqlite(error) => {
                has_no_room(error)
                    || matches!(error.sqlite_error_code(), Some(ErrorCode::ReadOnly | ErrorCode::CannotOpen))
            }
            _ => false,
        }
    }

    /// What to do about it.
    fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Files { source, .. } => Some(match source.kind() {
                io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => MAKE_ROOM,
                io::ErrorKind::ReadOnlyFilesystem => "name a folder that can be written with LLMR_HOME",
                _ => "check who owns the folder, or name another one with LLMR_HOME",
            }),
            Self::Newer { .. } => Some("update llmr, or name another folder with LLMR_HOME"),
            Self::ReadOnly | Self::Outdated { .. } => Some(
                "make the file, its -wal and -shm and their folder writable, or name another folder with LLMR_HOME",
            ),
            Self::Sums(_) => Some("somebody has changed them; what they sum up is still in `llmr log`"),
            Self::NotAFile => Some("move it away, or name another folder with LLMR_HOME"),
            Self::Alien(_) => Some("move it away (it may be somebody's), or name another folder with LLMR_HOME"),
            Self::NoRequest(_) | Self::NotHeld(_) => None,
            // It holds what somebody wrote: nobody is to be told to move it away.
            Self::Foreign(_) => Some("another tool keeps it, and llmr only reads it: see there whether it is sound"),
            Self::Sqlite(error) if unlike_ours(error).is_some() => Some(MOVE_AWAY),
            Self::Sqlite(error) if has_no_room(error) => Some(MAKE_ROOM),
            Self::Sqlite(error) => match error.sqlite_error_code()? {
                ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt => Some(MOVE_AWAY),
                ErrorCode::DatabaseBusy | ErrorCode::FileLockingProtocolFailed => {
                    Some("try again when that other program has ended its work on the file")
                }
                ErrorCode::ReadOnly | ErrorCode::CannotOpen => Self::ReadOnly.hint(),
                ErrorCode::SystemIoFailure => Some("see whether that disk is sound and still there"),
                _ => None,
            },
        }
    }
}

impl StoreError {
    /// Whether somebody else's lock is all that is wrong.
    pub fn is_busy(&self) -> bool {
        matches!(&self.problem, Problem::Sqlite(error) if is_busy(error))
    }
}

impl From<StoreError> for Error {
    fn from(error: StoreError) -> Self {
        let plain = Self::new(Kind::Store, error.to_string());
        match error.problem.hint() {
            Some(hint) => plain.hint(hint),
            None => plain,
        }
    }
}

/// Whether somebody else's lock is all that is wrong.
pub(super) fn is_busy(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_that_are_not_ours_are_told_from_other_trouble() {
        let empty = rusqlite::Connection::open_in_memory().unwrap();
        for (sql, says) in [("SELECT * FROM days", "no such table: days"), ("SELECT day", "no such column: day")] {
            let unknown = empty.prepare(sql).unwrap_err();
            assert_eq!(unlike_ours(&unknown).as_deref(), Some(says), "{unknown:?}");
        }
        let other = rusqlite::Error::SqliteFailure(ffi::Error::new(ffi::SQLITE_FULL), Some("full".into()));
        assert_eq!(unlike_ours(&other), None);
    }

    #[test]
    fn every_error_names_the_file_and_most_a_way_out() {
        let sqlite = |code| Problem::Sqlite(rusqlite::Error::SqliteFailure(ffi::Error::new(code), None));
        let cases = [
            (sqlite(ffi::SQLITE_NOTADB), "it is not a SQLite database", true),
            (sqlite(ffi::SQLITE_CORRUPT), "it is damaged", true),
            (
                Problem::Foreign(rusqlite::Error::SqliteFailure(ffi::Error::new(ffi::SQLITE_NOTADB), None)),
                "it is not a SQLite database",
                true,
            ),
            (sqlite(ffi::SQLITE_BUSY), "other processes kept it locked", true),
            (sqlite(ffi::SQLITE_READONLY), "it cannot be written", true),
            (sqlite(ffi::SQLITE_FULL), "the disk is full", true),
            (Problem::Newer { found: 9, known: 1 }, "it is of version 9", true),
            (Problem::Outdated { found: 9, known: 10 }, "it is of version 9, and to bring it up to version 10", true),
            (Problem::Sums("the sums of x".to_owned()), "the sums of x", true),
            (
                Problem::NotHeld(AttemptId { request: RequestId(7), number: 2 }),
                "attempt 2 of request r7 holds no",
                false,
            ),
        ];
        for (problem, says, hinted) in cases {
            let error = Error::from(StoreError { path: "/home/me/llmr.db".into(), problem });
            assert_eq!(error.kind, Kind::Store);
            assert!(error.message.starts_with(&format!("database /home/me/llmr.db: {says}")), "{}", error.message);
            assert_eq!(!error.hints.is_empty(), hinted, "{}", error.message);
        }
    }
}
