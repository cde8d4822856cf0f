//! The sums that follow from ledger rows: the day's spending, each candidate's counts, the latencies, and what the
//! request's labels add up.
//!
//! Only the ledger calls this, in the transaction that changes the row; the audit proves that they agree.

use rusqlite::{Connection, params_from_iter, types::Value};

use super::columns::{first, leading, millis, run, tokens};
use super::{Problem, budget, histogram, labels};
use crate::types::{CandidateId, Day, NanoUsd, Outcome, RequestId, Usage};

/// The columns of `day_candidates` that are summed, in the order of [`Counted::values`].
pub(super) const COLUMNS: [&str; 13] = [
    "attempts",
    "ok",
    "failed",
    "cancelled",
    "presumed",
    "unpriced",
    "cost_nanousd",
    "input_tokens",
    "cached_input_tokens",
    "cache_write_tokens",
    "output_tokens",
    "reasoning_tokens",
    "latency_ms",
];

/// What of a ledger row counts in the sums.
#[derive(Debug, Clone, Copy)]
pub(super) struct Counted {
    outcome: Outcome,
    presumed: bool,
    cost: Option<NanoUsd>,
    usage: Usage,
    latency_ms: Option<u64>,
}

impl Counted {
    /// A settled row. Only whole answers have a latency: those of failures would make a provider look quick.
    pub fn settled(outcome: Outcome, cost: Option<NanoUsd>, usage: Option<Usage>, latency_ms: u64) -> Self {
        let latency_ms = (outcome == Outcome::Ok).then_some(latency_ms);
        Self { outcome, presumed: false, cost, usage: usage.unwrap_or_default(), latency_ms }
    }

    /// A presumed charge.
    pub fn presumed(charge: NanoUsd) -> Self {
        let usage = Usage::default();
        Self { outcome: Outcome::Failed, presumed: true, cost: Some(charge), usage, latency_ms: None }
    }

    fn values(&self) -> [i64; 13] {
        let is = |outcome| i64::from(self.outcome == outcome);
        let [input, cached, write, output, reasoning] = tokens(self.usage);
        [
            1,
            is(Outcome::Ok),
            is(Outcome::Failed),
            is(Outcome::Cancelled),
            i64::from(self.presumed),
            i64::from(self.cost.is_none()),
            self.cost.unwrap_or_default().0,
            input,
            cached,
            write,
            output,
            reasoning,
            self.latency_ms.map_or(0, millis),
        ]
    }
}

/// Whose row it is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Whose<'a> {
    /// The request's.
    pub request: RequestId,
    /// The day of its hold.
    pub day: Day,
    /// With whom.
    pub candidate: &'a CandidateId,
}

/// Adds a new row to the sums.
pub(super) fn enter(tx: &Connection, whose: Whose<'_>, row: &Counted) -> Result<(), Problem> {
    add_up(tx, whose, row.values())?;
    let Whose { day, candidate: of, .. } = whose;
    if let Some(ms) = row.latency_ms {
        let sql = "INSERT INTO latencies (day, provider, model, bucket, answers) VALUES (?1, ?2, ?3, ?4, 1)
                   ON CONFLICT DO UPDATE SET answers = answers + 1";
        run(tx, sql, (day, &of.provider, &of.model, histogram::bucket(ms)))?;
    }
    Ok(())
}

/// Takes a presumed charge out of the sums again.
pub(super) fn withdraw(tx: &Connection, whose: Whose<'_>, row: &Counted) -> Result<(), Problem> {
    add_up(tx, whose, row.values().map(i64::saturating_neg))
}

fn add_up(tx: &Connection, whose: Whose<'_>, values: [i64; 13]) -> Result<(), Problem> {
    let Whose { request, day, candidate: of } = whose;
    let [attempts, _, _, _, _, unpriced, cost, input, cached, write, output, reasoning, _] = values;
    labels::attempt(tx, request, day, [attempts, unpriced, cost, input, cached, write, output, reasoning])?;
    budget::add_all(tx, day, [(budget::Sum::Attempts, attempts), (budget::Sum::Ledger, cost)])?;
    CANDIDATES.add(tx, [day.0.into(), of.provider.clone().into(), of.model.clone().into()], values)?;
    Ok(())
}

/// A table of sums: a row for each key, and no other columns (a test compares them): they would be lost.
pub(super) struct Table<const K: usize, const N: usize> {
    pub name: &'static str,
    pub key: [&'static str; K],
    pub sums: [&'static str; N],
    /// No sum falls below this.
    pub least: i64,
}

const CANDIDATES: Table<3, 13> =
    Table { name: "day_candidates", key: ["day", "provider", "model"], sums: COLUMNS, least: 0 };

impl<const K: usize, const N: usize> Table<K, N> {
    /// Adds to the sums of the row with this key, which is made where it is missing. Sums saturate.
    ///
    /// Read, added up and written back, in the caller's transaction: two plain statements, the same whatever is added,
    /// are prepared in a third of the time of one that names every sum again in `ON CONFLICT DO UPDATE`.
    pub fn add(&self, tx: &Connection, key: [Value; K], by: [i64; N]) -> rusqlite::Result<()> {
        let Self { name, key: of_key, sums, least } = self;
        let (of_key, sums) = (of_key.join(", "), sums.join(", "));
        let marks = |count: usize| vec!["?"; count].join(", ");
        let sql = format!("SELECT {sums} FROM {name} WHERE ({of_key}) = ({})", marks(K));
        let kept: [i64; N] = first(tx, &sql, params_from_iter(&key), leading)?.unwrap_or([0; N]);
        let now = kept.into_iter().zip(by).map(|(kept, by)| Value::from(kept.saturating_add(by).max(*least)));
        let sql = format!("INSERT OR REPLACE INTO {name} ({of_key}, {sums}) VALUES ({})", marks(K + N));
        run(tx, &sql, params_from_iter(key.into_iter().chain(now))).map(drop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_column_of_a_table_of_sums_is_listed() {
        fn check<const K: usize, const N: usize>(conn: &Connection, table: &Table<K, N>) {
            let mut known = conn.prepare("SELECT name FROM pragma_table_info(?1) ORDER BY name").unwrap();
            let known: rusqlite::Result<Vec<String>> =
                known.query_map([table.name], |row| row.get(0)).unwrap().collect();
            let mut listed = [&table.key[..], &table.sums[..]].concat();
            listed.sort_unstable();
            assert_eq!(known.unwrap(), listed, "{}", table.name);
        }
        let conn = Connection::open_in_memory().unwrap();
        conn.execute_batch(include_str!("schema.sql")).unwrap();
        check(&conn, &CANDIDATES);
        check(&conn, &budget::DAYS);
        check(&conn, &labels::LABELS);
    }

    #[test]
    fn sums_saturate_and_never_fall_below_the_least() {
        let tx = Connection::open_in_memory().unwrap();
        tx.execute_batch("CREATE TABLE t (k TEXT PRIMARY KEY, a INTEGER NOT NULL, b INTEGER NOT NULL) STRICT").unwrap();
        let table = Table { name: "t", key: ["k"], sums: ["a", "b"], least: 0 };
        let kept = || {
            let read = |row: &rusqlite::Row<'_>| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?));
            first(&tx, "SELECT a, b FROM t WHERE k = 'x'", [], read).unwrap()
        };
        for (by, after) in [
            ([0, 0], Some((0, 0))),
            ([3, -5], Some((3, 0))),
            ([-1, 7], Some((2, 7))),
            ([-3, i64::MAX], Some((0, i64::MAX))),
            ([i64::MIN, 0], Some((0, i64::MAX))),
        ] {
            table.add(&tx, ["x".to_owned().into()], by).unwrap();
            table.add(&tx, ["another".to_owned().into()], [1, 1]).unwrap();
            assert_eq!(kept(), after, "{by:?}");
        }
    }
}
