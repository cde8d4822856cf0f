//! What routing came to: the worth of requests as they were routed, and of what each candidate's own attempts were worth.
//!
//! Read from the ledger and the log themselves, so that its cost grows with requests: for a report that is asked for.

use std::collections::HashMap;

use rusqlite::{Connection, Row};

use super::columns::{all, candidate, count, first};
use super::{Store, StoreError};
use crate::types::{CandidateId, Day, NanoUsd, Tier};

/// How an answer is valued: `weight * reference / (reference + x)` of each of cost and time, and a weight for quality.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Valuing {
    /// Weight of the cost part, and the dollars that halve it.
    pub cost: (f64, f64),
    /// Weight of the latency part, and the seconds that halve it.
    pub latency: (f64, f64),
}

/// What happened to some requests or attempts.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Happened {
    /// How many ended by an answer, or by the provider's own failure.
    pub ended: u64,
    /// Those that were answered.
    pub answered: u64,
    /// What all of them cost, as far as known.
    pub cost: NanoUsd,
    /// Milliseconds that the answered ones took.
    pub latency_ms: u64,
    /// The sum of the cost and latency parts of the answered ones, weighed.
    pub worth: f64,
}

/// What one candidate's attempts came to.
#[derive(Debug, Clone, PartialEq)]
pub struct Single {
    /// Who.
    pub candidate: CandidateId,
    /// The tier that its answers were recorded under.
    pub tier: Option<Tier>,
    /// Its attempts.
    pub attempts: Happened,
    /// Requests that it answered.
    pub requests: u64,
}

/// Places that the draw gave to somebody who was not the best by what was known.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Exploration {
    /// Requests with a decision.
    pub decisions: u64,
    /// Those of them that explored.
    pub explored: u64,
    /// What they gave up, as the sum of scores.
    pub score: f64,
}

/// Second tries beside late ones.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Hedges {
    /// How many.
    pub tries: u64,
    /// Those that were faster.
    pub faster: u64,
    /// What they cost.
    pub cost: NanoUsd,
}

/// Everything of some days.
#[derive(Debug, Clone, PartialEq)]
pub struct Routing {
    /// The requests that were asked of anybody.
    pub requests: Happened,
    /// By who answered: the tier and how many.
    pub singles: Vec<Single>,
    /// Chances given to others.
    pub exploration: Exploration,
    /// Second tries.
    pub hedges: Hedges,
}

impl Store {
    /// What routing came to on the days from one to another, both included.
    pub fn routing(&self, from: Day, to: Day, valuing: &Valuing) -> Result<Routing, StoreError> {
        self.read(|tx| {
            Ok(Routing {
                requests: requests(tx, (from, to), valuing)?,
                singles: singles(tx, (from, to), valuing)?,
                exploration: exploration(tx, (from, to))?,
                hedges: hedges(tx, (from, to))?,
            })
        })
    }
}

/// The worth of an answered row, in SQL, for parameters ?3 to ?6. An unknown cost is worth nothing.
const WORTH: &str = "coalesce(?3 * ?4 / (?4 + cost_nanousd / 1e9), 0) + ?5 * ?6 / (?6 + latency_ms / 1e3)";

fn happened(row: &Row<'_>) -> rusqlite::Result<Happened> {
    Ok(Happened {
        ended: count(row, "ended")?,
        answered: count(row, "answered")?,
        cost: row.get("cost")?,
        latency_ms: count(row, "latency_ms")?,
        worth: row.get("worth")?,
    })
}

/// Requests that were answered, or to which every provider failed.
fn requests(tx: &Connection, days: (Day, Day), v: &Valuing) -> rusqlite::Result<Happened> {
    let sql = format!(
        "SELECT count(*) AS ended, count(*) FILTER (WHERE exit_code = 0) AS answered,
             CAST(total(cost_nanousd) AS INTEGER) AS cost,
             CAST(total(latency_ms) FILTER (WHERE exit_code = 0) AS INTEGER) AS latency_ms,
             total({WORTH}) FILTER (WHERE exit_code = 0) AS worth
         FROM requests WHERE day BETWEEN ?1 AND ?2 AND state = 'done' AND cache IS NOT 'hit'
             AND exit_code IN (0, 69, 75)"
    );
    let values = (days.0, days.1, v.cost.0, v.cost.1, v.latency.0, v.latency.1);
    Ok(first(tx, &sql, values, happened)?.unwrap_or_default())
}

/// What each candidate came to in the requests that it was asked in, all of its tries in one taken together: answered, or failed by
/// its own fault. One that was overtaken by a second one would have answered, later than it was waited for.
fn singles(tx: &Connection, days: (Day, Day), v: &Valuing) -> rusqlite::Result<Vec<Single>> {
    let sql = format!(
        "SELECT provider, model, count(*) AS ended, CAST(total(ok) AS INTEGER) AS answered,
             CAST(total(cost_nanousd) AS INTEGER) AS cost,
             CAST(total(latency_ms) FILTER (WHERE ok) AS INTEGER) AS latency_ms, total({WORTH}) FILTER (WHERE ok) AS worth
         FROM (
             SELECT provider, model, max(outcome <> 'failed') AS ok, sum(cost_nanousd) AS cost_nanousd,
                 sum(latency_ms) AS latency_ms
             FROM attempts AS a WHERE day BETWEEN ?1 AND ?2 AND presumed = 0
                 AND (outcome = 'ok' OR failure IN ('rate_limited', 'overloaded', 'server_error', 'timeout', 'network',
                                                    'cut', 'malformed', 'empty')
                     OR (outcome = 'cancelled' AND hedge = 0 AND EXISTS (
                         SELECT 1 FROM attempts AS b WHERE b.request_id = a.request_id AND b.hedge = 1)))
             GROUP BY request_id, provider, model
         ) GROUP BY provider, model ORDER BY provider, model"
    );
    let values = (days.0, days.1, v.cost.0, v.cost.1, v.latency.0, v.latency.1);
    let answered = answered_by(tx, days)?;
    all(tx, &sql, values, |row| {
        let candidate = candidate(row)?;
        let (tier, requests) = answered.get(&candidate).copied().unwrap_or_default();
        Ok(Single { tier, attempts: happened(row)?, requests, candidate })
    })
}

/// How many requests each candidate answered, and as one of which tier.
fn answered_by(tx: &Connection, days: (Day, Day)) -> rusqlite::Result<HashMap<CandidateId, (Option<Tier>, u64)>> {
    let sql = "SELECT provider, model, max(tier) AS tier, count(*) AS requests FROM requests
               WHERE day BETWEEN ?1 AND ?2 AND state = 'done' AND cache IS NOT 'hit' AND exit_code = 0
                   AND provider IS NOT NULL AND model IS NOT NULL GROUP BY provider, model";
    let rows = all(tx, sql, days, |row| Ok((candidate(row)?, (row.get("tier")?, count(row, "requests")?))))?;
    Ok(rows.into_iter().collect())
}

fn exploration(tx: &Connection, days: (Day, Day)) -> rusqlite::Result<Exploration> {
    let sql = "SELECT count(*) AS decisions, count(score) AS explored, total(score) AS score FROM (
                   SELECT CASE WHEN json_valid(decision) THEN decision ->> '$.explored.score' END AS score
                   FROM requests WHERE day BETWEEN ?1 AND ?2 AND decision IS NOT NULL)";
    let read = |row: &Row<'_>| {
        Ok(Exploration {
            decisions: count(row, "decisions")?,
            explored: count(row, "explored")?,
            score: row.get("score")?,
        })
    };
    Ok(first(tx, sql, days, read)?.unwrap_or_default())
}

fn hedges(tx: &Connection, days: (Day, Day)) -> rusqlite::Result<Hedges> {
    let sql = "SELECT count(*) AS tries, count(*) FILTER (WHERE outcome = 'ok') AS faster,
                   CAST(total(cost_nanousd) AS INTEGER) AS cost
               FROM attempts WHERE day BETWEEN ?1 AND ?2 AND hedge = 1";
    let read = |row: &Row<'_>| {
        Ok(Hedges { tries: count(row, "tries")?, faster: count(row, "faster")?, cost: row.get("cost")? })
    };
    Ok(first(tx, sql, days, read)?.unwrap_or_default())
}
