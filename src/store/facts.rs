//! Everything a decision reads from the database, in one consistent look.

use std::collections::{BTreeMap, HashMap};

use rusqlite::Connection;

use super::columns::all;
use super::health::Rest;
use super::{Store, StoreError, budget, health, holds};
use crate::engine::breaker::Breaker;
use crate::engine::health::Health;
use crate::types::{CandidateId, Day, Limit, NanoUsd, RequestId, Timestamp};

/// What the database knows at one moment.
#[derive(Debug, Clone, PartialEq)]
pub struct Facts {
    /// The day of that moment.
    pub day: Day,
    /// What counts as spent on it.
    pub spent: NanoUsd,
    /// What is held on it.
    pub held: NanoUsd,
    /// The same by request.
    pub held_by: BTreeMap<RequestId, NanoUsd>,
    /// Requests begun on it.
    pub requests: u64,
    /// The limit that `budget set` recorded.
    pub limit_set: Option<Limit>,
    /// Breakers by provider; one that is not listed is closed.
    pub breakers: HashMap<String, Breaker>,
    /// Who is to be left alone at this moment.
    pub rests: Vec<Rest>,
    /// Health sums, as they were when last changed: not yet faded.
    pub health: HashMap<CandidateId, Health>,
    /// Attempts under way, by provider.
    pub in_flight: HashMap<String, u32>,
    /// Mean number of written tokens of an answer, over all candidates, recent ones counting more.
    pub usual_output: Option<f64>,
}

impl Store {
    /// Reads what a decision needs. Holds of dead owners are charged first.
    pub fn facts(&self, now: Timestamp) -> Result<Facts, StoreError> {
        self.reap(now)?;
        self.read(|tx| {
            let day = now.day();
            let spend = budget::day_spend(tx, day)?;
            let health = health::healths(tx)?;
            let breakers = health::breakers(tx)?;
            let holds = holds::held_on(tx, day)?;
            Ok(Facts {
                day,
                spent: spend.spent,
                held: holds.iter().map(|(_, amount)| *amount).sum(),
                held_by: by_request(&holds),
                requests: spend.requests,
                limit_set: budget::limit_set(tx)?,
                breakers: breakers.into_iter().map(|(provider, state)| (provider, state.as_of(now).breaker)).collect(),
                rests: health::rests(tx, now)?,
                usual_output: usual_output(&health, now),
                health: health.into_iter().collect(),
                in_flight: in_flight(tx)?,
            })
        })
    }
}

fn by_request(holds: &[(RequestId, NanoUsd)]) -> BTreeMap<RequestId, NanoUsd> {
    holds.iter().fold(BTreeMap::new(), |mut sums, (request, amount)| {
        *sums.entry(*request).or_default() += *amount;
        sums
    })
}

/// Summed in a fixed order, so that the same facts give the same number to the last bit.
fn usual_output(health: &[(CandidateId, Health)], now: Timestamp) -> Option<f64> {
    let all = health.iter().map(|(_, sums)| sums.faded(now)).fold(Health::default(), |a, b| Health {
        successes: a.successes + b.successes,
        written_tokens: a.written_tokens + b.written_tokens,
        ..a
    });
    all.usual_output()
}

fn in_flight(tx: &Connection) -> rusqlite::Result<HashMap<String, u32>> {
    let sql = "SELECT provider, count(*) FROM holds GROUP BY provider";
    Ok(all(tx, sql, [], |row| Ok((row.get(0)?, row.get(1)?)))?.into_iter().collect())
}
