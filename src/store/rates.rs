//! How fast providers that have a limit were asked lately. What that allows is the engine's to say ([`Metered`]).
//!
//! Nothing here is read or written for a provider without a limit.

use rusqlite::{Connection, Row, named_params};

use super::columns::{all, count, int, run};
use super::{Problem, Store, StoreError};
use crate::engine::rate::{Full, Metered, SLICE_MS, Slice, WINDOW_MS, slice_of};
use crate::types::{RateLimit, Timestamp};

/// What an attempt counts against its provider's limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rated {
    /// The limit.
    pub limit: RateLimit,
    /// Its tokens, as expected.
    pub tokens: u64,
}

/// What an attempt turned out to count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Recount {
    /// What was counted when it began.
    pub expected: u64,
    /// What it took.
    pub used: u64,
}

impl Store {
    /// What was asked of a provider within the window that ends now.
    pub fn rate(&self, provider: &str, now: Timestamp) -> Result<Vec<Slice>, StoreError> {
        self.read(|tx| Ok(slices(tx, provider, now)?))
    }
}

/// Why one more attempt may not begin now, if so.
pub(super) fn full(tx: &Connection, provider: &str, rated: &Rated, at: Timestamp) -> Result<Option<Full>, Problem> {
    let metered = Metered { limit: rated.limit, slices: slices(tx, provider, at)? };
    Ok(metered.full(rated.tokens, at))
}

/// Counts an attempt that begins.
pub(super) fn count_in(tx: &Connection, provider: &str, tokens: u64, at: Timestamp) -> Result<(), Problem> {
    let old = at.plus_ms(-2 * WINDOW_MS);
    run(tx, "DELETE FROM rates WHERE provider = ?1 AND begins < ?2", (provider, old))?;
    run(
        tx,
        "INSERT INTO rates (provider, begins, requests, tokens) VALUES (:provider, :begins, 1, :tokens)
         ON CONFLICT (provider, begins) DO UPDATE SET requests = requests + 1, tokens = tokens + excluded.tokens",
        named_params! { ":provider": provider, ":begins": slice_of(at), ":tokens": bounded(tokens) },
    )?;
    Ok(())
}

/// Puts what an attempt really took in the place of what was expected of it; it began at `at`.
pub(super) fn recount(tx: &Connection, provider: &str, told: &Recount, at: Timestamp) -> Result<(), Problem> {
    let by = bounded(told.used) - bounded(told.expected);
    let sql = "UPDATE rates SET tokens = max(0, tokens + ?3) WHERE provider = ?1 AND begins = ?2";
    run(tx, sql, (provider, slice_of(at), by))?;
    Ok(())
}

/// No attempt has more tokens: sums stay far from overflowing.
fn bounded(tokens: u64) -> i64 {
    int(tokens.min(1_000_000_000_000))
}

fn slices(tx: &Connection, provider: &str, now: Timestamp) -> rusqlite::Result<Vec<Slice>> {
    let oldest = now.plus_ms(-WINDOW_MS - SLICE_MS);
    all(tx, "SELECT * FROM rates WHERE provider = ?1 AND begins >= ?2", (provider, oldest), slice)
}

fn slice(row: &Row<'_>) -> rusqlite::Result<Slice> {
    Ok(Slice { begins: row.get("begins")?, requests: count(row, "requests")?, tokens: count(row, "tokens")? })
}
