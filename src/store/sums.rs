//! The sums that follow from ledger rows: the day's spending, each candidate's counts, the latencies, and what the
//! request's labels add up.
//!
//! Only the ledger calls this, in the transaction that changes the row; the audit proves that they agree.

use rusqlite::{Connection, params_from_iter, types::Value};

use super::columns::{millis, run, tokens};
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
    let key = [("day", day.0.into()), ("provider", of.provider.clone().into()), ("model", of.model.clone().into())];
    add(tx, "day_candidates", key, COLUMNS.into_iter().zip(values))
}

/// Adds to some sums of the row with this key, which is made where it is missing. A sum to which nothing is added is left
/// out: a statement takes the longer to prepare the more columns it names. Sums saturate, and never fall below 0.
pub(super) fn add<'c>(
    tx: &Connection,
    table: &str,
    key: [(&str, Value); 3],
    sums: impl IntoIterator<Item = (&'c str, i64)>,
) -> Result<(), Problem> {
    let sums: Vec<_> = sums.into_iter().filter(|(_, by)| *by != 0).collect();
    if sums.is_empty() {
        return Ok(());
    }
    let columns: Vec<&str> =
        key.iter().map(|(column, _)| *column).chain(sums.iter().map(|(column, _)| *column)).collect();
    let update = |(c, _): &(&str, i64)| format!("{c} = max(0, min(9223372036854775807, {c} + excluded.{c}))");
    let sql = format!(
        "INSERT INTO {table} ({}) VALUES (?{}) ON CONFLICT DO UPDATE SET {}",
        columns.join(", "),
        ",?".repeat(columns.len() - 1),
        sums.iter().map(update).collect::<Vec<_>>().join(", ")
    );
    let values = key.into_iter().map(|(_, value)| value).chain(sums.iter().map(|(_, by)| Value::from(*by)));
    run(tx, &sql, params_from_iter(values))?;
    Ok(())
}
