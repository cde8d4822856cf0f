//! What the strategies that were not in force would have chosen: sums over the requests of mode `shadow`, taken from
//! their recorded decisions as they end.

use rusqlite::Connection;

use super::columns::{all, count as count_of, run};
use super::{Problem, Store, StoreError};
use crate::types::{Day, NanoUsd, RequestId};

/// One strategy beside the one in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShadowStats {
    /// Which.
    pub strategy: String,
    /// Requests of mode `shadow` that ended.
    pub requests: u64,
    /// Those for which it would have chosen the same candidate.
    pub same_choice: u64,
    /// What its choices would likely have cost.
    pub expected: NanoUsd,
    /// What the choices in force were expected to cost.
    pub chosen: NanoUsd,
}

impl Store {
    /// Sums over the days from one to another, both included, by strategy.
    pub fn shadows(&self, from: Day, to: Day) -> Result<Vec<ShadowStats>, StoreError> {
        let sql = "SELECT strategy, sum(requests) AS requests, sum(same_choice) AS same_choice,
                       CAST(total(expected_nanousd) AS INTEGER) AS expected,
                       CAST(total(chosen_nanousd) AS INTEGER) AS chosen
                   FROM day_shadows WHERE day BETWEEN ?1 AND ?2 GROUP BY strategy";
        self.read(|tx| {
            Ok(all(tx, sql, [from, to], |row| {
                Ok(ShadowStats {
                    strategy: row.get("strategy")?,
                    requests: count_of(row, "requests")?,
                    same_choice: count_of(row, "same_choice")?,
                    expected: row.get("expected")?,
                    chosen: row.get("chosen")?,
                })
            })?)
        })
    }
}

/// Counts a request of mode `shadow` that has just ended.
pub(super) fn count(tx: &Connection, id: RequestId) -> Result<(), Problem> {
    let sql = "INSERT INTO day_shadows (day, strategy, requests, same_choice, expected_nanousd, chosen_nanousd)
        SELECT day, other.value ->> '$.strategy', 1,
               other.value ->> '$.provider' IS decision ->> '$.candidates[0].provider'
               AND other.value ->> '$.model' IS decision ->> '$.candidates[0].model',
               CAST(round(coalesce(other.value ->> '$.expected_cost_usd', 0) * 1e9) AS INTEGER),
               CAST(round(coalesce(decision ->> '$.candidates[0].expected_cost_usd', 0) * 1e9) AS INTEGER)
        FROM requests, json_each(CASE WHEN json_valid(decision) THEN decision ELSE '{}' END, '$.shadow') AS other
        WHERE requests.id = ?1 AND other.value ->> '$.strategy' IS NOT NULL
        ON CONFLICT DO UPDATE SET requests = requests + 1, same_choice = same_choice + excluded.same_choice,
            expected_nanousd = expected_nanousd + excluded.expected_nanousd,
            chosen_nanousd = chosen_nanousd + excluded.chosen_nanousd";
    run(tx, sql, [id])?;
    Ok(())
}
