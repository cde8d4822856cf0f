//! Keeps the write-ahead log short while many processes write without a pause.
//!
//! Left to itself, SQLite copies the log into the database after a commit, but lets others write meanwhile, and the log
//! begins anew only when a writer comes who finds all of it copied. With a dozen processes none ever does: the log
//! grows by all that they write, and each of their commits copies and waits for the disk. So whoever has written and
//! finds the log long copies it while nobody else may write, and empties it; who comes when that is being done goes on.

use std::path::PathBuf;

use super::Store;

/// From so many bytes on: an eighth of SQLite's own choice, because a process that finds the log left behind reads it
/// once from end to end.
pub(super) const LONG: u64 = 1 << 19;
/// After so many pages SQLite would do it in its own way: never.
pub(super) const LEFT_TO_SQLITE: i64 = 0;

/// How long to wait for others, in milliseconds, for each [`LONG`] of the log …
const PATIENCE_MS: u64 = 10;
/// … and at most: all who write wait for it too, and somebody may read for hours.
const MOST_PATIENCE_MS: u64 = 40;

impl Store {
    /// Empties the log if it is long. Where others are in the way, what they let is copied, and the next one to write
    /// tries again: nothing is lost by a log that stays long for now.
    pub(super) fn keep_log_short(&self) {
        let times = std::fs::metadata(self.write_ahead_log()).map_or(0, |file| file.len() / LONG);
        if times > 0 {
            let patience_ms = times.saturating_mul(PATIENCE_MS).min(MOST_PATIENCE_MS);
            let empty = || self.conn.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()));
            _ = self.mood.briefly(patience_ms, empty);
        }
    }

    fn write_ahead_log(&self) -> PathBuf {
        let mut name = self.path.clone().into_os_string();
        name.push("-wal");
        name.into()
    }
}
