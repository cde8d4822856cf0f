//! Removing what is kept of texts. Figures, attempts and the ledger stay.
//!
//! A row that is deleted leaves its bytes in the file until something is written over them, and in the write-ahead
//! log until it begins anew: [`Store::scrub`] ends that.

use rusqlite::Connection;

use super::columns::{all, run};
use super::{Store, StoreError};
use crate::types::RequestId;

/// Whose texts are removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Forget {
    /// A request's: its place in a conversation or a batch stays, empty.
    Request(RequestId),
    /// A conversation's, with the conversation itself.
    Conversation(i64),
}

/// What was removed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Forgotten {
    /// Requests whose texts were kept.
    pub requests: u64,
    /// Conversations.
    pub conversations: u64,
    /// Summaries of turns.
    pub condensations: u64,
    /// Lists of which request answered which line of a batch.
    pub batches: u64,
    /// Stored answers.
    pub cache_entries: u64,
    /// Vectors of texts.
    pub vectors: u64,
}

impl std::ops::AddAssign for Forgotten {
    fn add_assign(&mut self, more: Self) {
        self.requests += more.requests;
        self.conversations += more.conversations;
        self.condensations += more.condensations;
        self.batches += more.batches;
        self.cache_entries += more.cache_entries;
        self.vectors += more.vectors;
    }
}

impl Store {
    /// Whether there is such a request.
    pub fn has_request(&self, id: RequestId) -> Result<bool, StoreError> {
        self.read(|tx| Ok(!all(tx, "SELECT id FROM requests WHERE id = ?1", [id], |_| Ok(()))?.is_empty()))
    }

    /// Removes these, all or none.
    pub fn forget(&self, these: &[Forget]) -> Result<Forgotten, StoreError> {
        self.overwrite_what_is_removed()?;
        self.write(|tx| {
            let mut done = Forgotten::default();
            for one in these {
                match *one {
                    Forget::Request(id) => request(tx, id, &mut done)?,
                    Forget::Conversation(id) => conversation(tx, id, &mut done)?,
                }
            }
            Ok(done)
        })
    }

    /// Removes everything that was kept, stored answers included.
    pub fn forget_all(&self) -> Result<Forgotten, StoreError> {
        self.overwrite_what_is_removed()?;
        self.write(|tx| {
            let removed = |table: &str| run(tx, &format!("DELETE FROM {table}"), []).map(|n| n as u64);
            let summaries = "UPDATE condensations SET summary = NULL WHERE summary IS NOT NULL";
            let condensations = run(tx, summaries, [])? as u64;
            for table in ["condensations", "turns", "batch_lines", "collections"] {
                removed(table)?;
            }
            let digests = "UPDATE requests SET cache_key = NULL, prompt_digest = NULL
                           WHERE cache_key IS NOT NULL OR prompt_digest IS NOT NULL";
            run(tx, digests, [])?;
            // How a reading was asked for that has not ended.
            run(tx, "DELETE FROM settings WHERE name = 'reading'", [])?;
            Ok(Forgotten {
                requests: removed("contents")?,
                conversations: removed("conversations")?,
                condensations,
                batches: removed("batches")?,
                cache_entries: removed("cache")?,
                vectors: removed("vectors")?,
            })
        })
    }

    /// Writes the whole database anew and empties the write-ahead log, so that no byte of what was removed is left
    /// in either. `false`: other processes kept the log from being emptied.
    pub fn scrub(&self) -> Result<bool, StoreError> {
        self.overwrite_what_is_removed()?;
        let located = |error: rusqlite::Error| StoreError { path: self.path.clone(), problem: error.into() };
        self.conn.execute_batch("VACUUM").map_err(located)?;
        let busy = self.conn.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get::<_, i64>(0));
        Ok(busy.map_err(located)? == 0)
    }

    /// From now on this connection writes zeros over what it removes.
    pub(super) fn overwrite_what_is_removed(&self) -> Result<(), StoreError> {
        let set = self.conn.pragma_update_and_check(None, "secure_delete", true, |_| Ok(()));
        set.map_err(|error| StoreError { path: self.path.clone(), problem: error.into() })
    }
}

fn request(tx: &Connection, id: RequestId, done: &mut Forgotten) -> rusqlite::Result<()> {
    // Whatever was condensed since may tell what it said.
    let of_its_conversation = "conversation_id IN (
            SELECT conversation_id FROM turns WHERE request_id = ?1
            UNION SELECT conversation_id FROM condensations WHERE request_id = ?1) AND request_id >= ?1";
    let condensing = format!("SELECT request_id FROM condensations WHERE {of_its_conversation}");
    for tells in all(tx, &condensing, [id], |row| row.get(0))? {
        texts(tx, tells, done)?;
    }
    let void = format!("UPDATE condensations SET summary = NULL WHERE summary IS NOT NULL AND {of_its_conversation}");
    done.condensations += run(tx, &void, [id])? as u64;
    texts(tx, id, done)
}

fn conversation(tx: &Connection, id: i64, done: &mut Forgotten) -> rusqlite::Result<()> {
    let sql = "SELECT request_id FROM turns WHERE conversation_id = ?1
               UNION SELECT request_id FROM condensations WHERE conversation_id = ?1";
    for request in all(tx, sql, [id], |row| row.get(0))? {
        texts(tx, request, done)?;
    }
    let summaries = "SELECT request_id FROM condensations WHERE conversation_id = ?1 AND summary IS NOT NULL";
    done.condensations += all(tx, summaries, [id], |_| Ok(()))?.len() as u64;
    for table in ["condensations", "turns"] {
        run(tx, &format!("DELETE FROM {table} WHERE conversation_id = ?1"), [id])?;
    }
    done.conversations += run(tx, "DELETE FROM conversations WHERE id = ?1", [id])? as u64;
    Ok(())
}

/// A request's texts and its stored answer. The key of that is a hash of what was asked: it goes too.
fn texts(tx: &Connection, id: RequestId, done: &mut Forgotten) -> rusqlite::Result<()> {
    done.requests += run(tx, "DELETE FROM contents WHERE request_id = ?1", [id])? as u64;
    let entry = "DELETE FROM cache WHERE key = (SELECT cache_key FROM requests WHERE id = ?1)";
    done.cache_entries += run(tx, entry, [id])? as u64;
    // So is the digest of a line.
    run(tx, "UPDATE batch_lines SET digest = zeroblob(16) WHERE request_id = ?1", [id])?;
    run(tx, "UPDATE requests SET cache_key = NULL, prompt_digest = NULL WHERE id = ?1", [id]).map(drop)
}
