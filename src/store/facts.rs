//! Everything a decision reads from the database, in one consistent look.

use std::collections::{BTreeMap, HashMap};

use rusqlite::Connection;

use super::columns::{all, candidate};
use super::health::Rest;
use super::{Store, StoreError, budget, health, holds};
use crate::engine::breaker::Breaker;
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
    /// Attempts under way.
    pub open: Vec<OpenTry>,
}

/// An attempt under way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenTry {
    /// Whose it is.
    pub request: RequestId,
    /// Who is asked.
    pub candidate: CandidateId,
    /// Since when.
    pub at: Timestamp,
    /// How much it is expected to write, in tokens, where that is known.
    pub expected_tokens: Option<u64>,
}

impl Store {
    /// Reads what a decision needs. Holds of dead owners are charged first.
    pub fn facts(&self, now: Timestamp) -> Result<Facts, StoreError> {
        self.read_reaped(now, |tx| {
            let day = now.day();
            let spend = budget::day_spend(tx, day)?;
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
                open: open_tries(tx)?,
            })
        })
    }

    /// What tries that stand by late ones cost on a day, and may still cost.
    pub fn hedged(&self, day: Day) -> Result<NanoUsd, StoreError> {
        self.read(|tx| Ok(holds::hedged_on(tx, day)?))
    }
}

fn by_request(holds: &[(RequestId, NanoUsd)]) -> BTreeMap<RequestId, NanoUsd> {
    holds.iter().fold(BTreeMap::new(), |mut sums, (request, amount)| {
        *sums.entry(*request).or_default() += *amount;
        sums
    })
}

fn open_tries(tx: &Connection) -> rusqlite::Result<Vec<OpenTry>> {
    let sql = "SELECT request_id, provider, model, at, expected_tokens FROM holds ORDER BY request_id, attempt";
    all(tx, sql, [], |row| {
        let tokens: Option<i64> = row.get("expected_tokens")?;
        Ok(OpenTry {
            request: row.get("request_id")?,
            candidate: candidate(row)?,
            at: row.get("at")?,
            expected_tokens: tokens.map(|tokens| u64::try_from(tokens).unwrap_or_default()),
        })
    })
}
