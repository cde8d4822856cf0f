//! The rows of the answer cache: kept, found, counted, thrown out. What may be stored, what the key is made of
//! and whether a seal is right is not decided here.

use rusqlite::{Connection, Row};

use super::columns::{self, count, first, int, run, tokens, usage};
use super::{Problem, Store, StoreError, budget};
use crate::types::{CostSource, Day, FinishReason, NanoUsd, Tier, Timestamp, Usage, hex};

/// A stored answer. The seal is over the key and every field above it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CacheRow {
    /// What was asked.
    pub key: [u8; 32],
    /// Who answered.
    pub provider: String,
    /// With which model.
    pub model: String,
    /// The model in the provider's words.
    pub answered_model: Option<String>,
    /// The model's tier.
    pub tier: Option<Tier>,
    /// The answer.
    pub content: String,
    /// Why it ended.
    pub finish_reason: FinishReason,
    /// Its usage.
    pub usage: Option<Usage>,
    /// What it cost.
    pub cost: Option<NanoUsd>,
    /// Where that is known from.
    pub cost_source: CostSource,
    /// When it was stored.
    pub created_at: Timestamp,
    /// From then on it is not served.
    pub expires_at: Timestamp,
    /// Which key made the seal.
    pub key_id: String,
    /// The seal.
    pub seal: Vec<u8>,
    /// When it was last served, or stored, give or take a minute. Not sealed.
    pub used_at: Timestamp,
}

/// A row as it was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CacheEntry {
    /// The row's own number, for [`Store::cache_delete`].
    pub row_id: i64,
    /// What is in it; `None` when a field holds what nobody can have stored there.
    pub row: Option<Box<CacheRow>>,
}

/// A row to store, and how much there may be.
#[derive(Debug, Clone, Copy)]
pub struct CachePut<'a> {
    /// The row; `used_at` is set here.
    pub row: &'a CacheRow,
    /// Rows beyond this many leave, the longest unused first.
    pub max_entries: u64,
    /// How many bytes the answers of all rows may have together.
    pub max_bytes: u64,
}

/// Why a row that was found is not an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CacheFailure {
    /// It does not verify.
    Integrity,
    /// It was sealed with another key.
    Foreign,
}

/// What the cache did over some days, and what is in it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CacheCounts {
    /// Rows there are now.
    pub entries: u64,
    /// Requests it answered.
    pub hits: u64,
    /// Requests that asked it in vain.
    pub misses: u64,
    /// Rows that did not verify.
    pub integrity_failures: u64,
    /// Rows sealed with another key.
    pub foreign: u64,
    /// What the hits would have cost.
    pub saved: NanoUsd,
}

impl Store {
    /// The row of a key, also one that has expired: the caller compares.
    pub fn cache_get(&self, key: &[u8; 32]) -> Result<Option<CacheEntry>, StoreError> {
        let sql = "SELECT rowid AS row_id, * FROM cache WHERE key = ?1";
        self.read(|tx| Ok(first(tx, sql, [hex(key)], entry)?))
    }

    /// Stores a row in place of any other with its key, and makes room.
    pub fn cache_put(&self, put: &CachePut<'_>, at: Timestamp) -> Result<(), StoreError> {
        self.write(|tx| insert_and_make_room(tx, put, at))
    }

    /// Removes a row. Returns whether it was there.
    pub fn cache_delete(&self, row_id: i64) -> Result<bool, StoreError> {
        self.write(|tx| Ok(run(tx, "DELETE FROM cache WHERE rowid = ?1", [row_id])? > 0))
    }

    /// Removes every row; how many there were.
    pub fn cache_clear(&self) -> Result<u64, StoreError> {
        self.write(|tx| Ok(run(tx, "DELETE FROM cache", [])? as u64))
    }

    /// Shows every row, one after the other.
    pub fn cache_rows(&self, mut visit: impl FnMut(CacheEntry)) -> Result<(), StoreError> {
        self.read(|tx| {
            let mut query = tx.prepare_cached("SELECT rowid AS row_id, * FROM cache ORDER BY rowid")?;
            let mut rows = query.query([])?;
            while let Some(row) = rows.next()? {
                visit(entry(row)?);
            }
            Ok(())
        })
    }

    /// Counts a row that was found and could not be served.
    pub fn cache_count_failure(&self, kind: CacheFailure, day: Day) -> Result<(), StoreError> {
        let sum = match kind {
            CacheFailure::Integrity => budget::Sum::CacheIntegrity,
            CacheFailure::Foreign => budget::Sum::CacheForeign,
        };
        self.write(|tx| Ok(budget::add(tx, day, sum, 1)?))
    }

    /// What the cache did from one day to another (both included), and how many rows there are now.
    pub fn cache_counts(&self, from: Day, to: Day) -> Result<CacheCounts, StoreError> {
        self.read(|tx| counts(tx, from, to))
    }
}

/// See [`Store::cache_counts`].
pub(super) fn counts(tx: &Connection, from: Day, to: Day) -> Result<CacheCounts, Problem> {
    let entries = first(tx, "SELECT count(*) AS entries FROM cache", [], |row| count(row, "entries"))?;
    let mut all = CacheCounts { entries: entries.unwrap_or(0), ..CacheCounts::default() };
    let mut query = tx.prepare_cached("SELECT * FROM days WHERE day BETWEEN ?1 AND ?2")?;
    let mut rows = query.query([from, to])?;
    while let Some(row) = rows.next()? {
        all.hits += count(row, "cache_hits")?;
        all.misses += count(row, "cache_misses")?;
        all.integrity_failures += count(row, "cache_integrity")?;
        all.foreign += count(row, "cache_foreign")?;
        all.saved += row.get("saved_nanousd")?;
    }
    Ok(all)
}

/// Marks the row of a key, if there is one, as used, unless it was within the last minute: who leaves first is decided
/// well enough by minutes, and what a script asks over and over needs neither this row nor its index written.
pub(super) fn touch(tx: &Connection, key: &[u8; 32], used_at: Timestamp, at: Timestamp) -> Result<(), Problem> {
    if at >= used_at.plus_ms(USED_TO_MS) {
        run(tx, "UPDATE cache SET used_at = max(used_at, ?2) WHERE key = ?1", (hex(key), at))?;
    }
    Ok(())
}

/// How exactly a row's last use is known, in milliseconds.
const USED_TO_MS: i64 = 60_000;

/// See [`Store::cache_put`].
pub(super) fn insert_and_make_room(tx: &Connection, put: &CachePut<'_>, at: Timestamp) -> Result<(), Problem> {
    let bytes = put.row.content.len() as u64;
    // What is too large by itself drives nobody out.
    let kept = match bytes <= put.max_bytes {
        true => insert(tx, put.row, at).map(|()| tx.last_insert_rowid())?,
        false => run(tx, "DELETE FROM cache WHERE key = ?1", [hex(&put.row.key)]).map(|_| 0)?,
    };
    run(tx, "DELETE FROM cache WHERE expires_at <= ?1", [at])?;
    let rows = first(tx, "SELECT count(*) AS rows FROM cache", [], |row| count(row, "rows"))?.unwrap_or(0);
    if let Some(surplus) = rows.checked_sub(put.max_entries).filter(|surplus| *surplus > 0) {
        let sql = "DELETE FROM cache WHERE rowid IN (SELECT rowid FROM cache ORDER BY used_at, rowid LIMIT ?1)";
        run(tx, sql, [int(surplus)])?;
    }
    // To weigh all takes a while where there are many: so rarely that no more than an eighth can have come since.
    let every = (put.max_bytes / 8).checked_div(bytes).unwrap_or(SELDOM).clamp(1, SELDOM);
    if kept % int(every) == 0 {
        make_room_in_bytes(tx, put.max_bytes, kept)?;
    }
    Ok(())
}

/// The cache is weighed with each so-many-th answer at least.
const SELDOM: u64 = 64;

/// Throws out those that were not used for the longest time, until an eighth is free: the next ones find room at once. The
/// row that was just kept stays.
fn make_room_in_bytes(tx: &Connection, most: u64, kept: i64) -> rusqlite::Result<()> {
    // From the row's head: `length` would read every answer.
    let sql = "SELECT coalesce(sum(octet_length(content)), 0) AS bytes FROM cache";
    if first(tx, sql, [], |row| count(row, "bytes"))?.unwrap_or(0) <= most {
        return Ok(());
    }
    let sql = "DELETE FROM cache WHERE rowid <> ?2 AND rowid IN (SELECT rowid FROM (
                   SELECT rowid, sum(octet_length(content)) OVER (ORDER BY used_at DESC, rowid DESC) AS upto FROM cache
               ) WHERE upto > ?1)";
    run(tx, sql, (int(most - most / 8), kept)).map(drop)
}

fn insert(tx: &Connection, row: &CacheRow, at: Timestamp) -> Result<(), Problem> {
    let [input, cached, write, output, reasoning] = row.usage.map_or([None; 5], |usage| tokens(usage).map(Some));
    columns::replace(
        tx,
        "cache",
        &[
            ("key", &hex(&row.key)),
            ("provider", &row.provider),
            ("model", &row.model),
            ("answered_model", &row.answered_model),
            ("tier", &row.tier),
            ("content", &row.content),
            ("finish_reason", &row.finish_reason),
            ("input_tokens", &input),
            ("cached_input_tokens", &cached),
            ("cache_write_tokens", &write),
            ("output_tokens", &output),
            ("reasoning_tokens", &reasoning),
            ("usage_estimated", &row.usage.map(|usage| usage.estimated)),
            ("cost_nanousd", &row.cost),
            ("cost_source", &row.cost_source),
            ("created_at", &row.created_at),
            ("expires_at", &row.expires_at),
            ("used_at", &at),
            ("key_id", &row.key_id),
            ("seal", &row.seal),
        ],
    )?;
    Ok(())
}

/// A row that somebody has changed may hold anything: that is not an error of the database.
fn entry(row: &Row<'_>) -> rusqlite::Result<CacheEntry> {
    Ok(CacheEntry { row_id: row.get("row_id")?, row: whole(row).ok().flatten().map(Box::new) })
}

fn whole(row: &Row<'_>) -> rusqlite::Result<Option<CacheRow>> {
    let Some(key) = unhex(&row.get::<_, String>("key")?) else { return Ok(None) };
    let whole = CacheRow {
        key,
        provider: row.get("provider")?,
        model: row.get("model")?,
        answered_model: row.get("answered_model")?,
        tier: row.get("tier")?,
        content: row.get("content")?,
        finish_reason: row.get("finish_reason")?,
        usage: usage(row)?,
        cost: row.get("cost_nanousd")?,
        cost_source: row.get("cost_source")?,
        created_at: row.get("created_at")?,
        expires_at: row.get("expires_at")?,
        key_id: row.get("key_id")?,
        seal: row.get("seal")?,
        used_at: row.get("used_at")?,
    };
    // Reading saturates: what does not come back as it is stored was not stored by us.
    let stored: [Option<i64>; 5] = [
        row.get("input_tokens")?,
        row.get("cached_input_tokens")?,
        row.get("cache_write_tokens")?,
        row.get("output_tokens")?,
        row.get("reasoning_tokens")?,
    ];
    let read = whole.usage.map_or([None; 5], |usage| tokens(usage).map(Some));
    Ok((stored == read).then_some(whole))
}

/// Only what [`hex`] makes: lower case, 64 digits.
fn unhex(text: &str) -> Option<[u8; 32]> {
    let mut key = [0; 32];
    for (byte, digits) in key.iter_mut().zip(text.as_bytes().chunks(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
    }
    (hex(&key) == text).then_some(key)
}
