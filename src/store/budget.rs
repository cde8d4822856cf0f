//! What a day has cost and may cost: its sums, the limit a person set, resets.

use rusqlite::{Connection, named_params, params_from_iter};

use super::columns::{all, count, first, leading, run};
use super::{Problem, Store, StoreError, holds};
use crate::types::{Day, Limit, NanoUsd, RequestId, Timestamp};

/// One day as the budget sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DaySpend {
    /// Which.
    pub day: Day,
    /// What counts against the limit: all attempts' costs, and what resets changed.
    pub spent: NanoUsd,
    /// What the attempts of the day cost, whatever was reset.
    pub ledger: NanoUsd,
    /// Requests begun on it.
    pub requests: u64,
}

/// A day that still runs, as the budget sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BudgetDay {
    /// What is recorded of it.
    pub spend: DaySpend,
    /// Held for attempts under way.
    pub held: NanoUsd,
}

/// A sum of the table `days`, as its place in [`SUMS`].
#[derive(Debug, Clone, Copy)]
pub(super) enum Sum {
    Ledger,
    Adjusted,
    Requests,
    Attempts,
    CacheHits,
    CacheMisses,
    CacheIntegrity,
    CacheForeign,
    Saved,
}

/// The columns of `days` beside its key, all of them (a test compares them): others would be lost.
const SUMS: [&str; 9] = [
    "ledger_nanousd",
    "adjusted_nanousd",
    "requests",
    "attempts",
    "cache_hits",
    "cache_misses",
    "cache_integrity",
    "cache_foreign",
    "saved_nanousd",
];

/// Whether one more hold fits: what is spent, what is held and the hold itself within the limit.
///
/// A free answer always fits: a day that is used up, or has a limit of 0, still gives those.
pub(super) fn fits(spent: NanoUsd, held: NanoUsd, amount: NanoUsd, limit: Limit) -> bool {
    match limit {
        Limit::Off => true,
        // A free answer spends nothing: it fits a day that is used up, too.
        Limit::Usd(_) if amount == NanoUsd::ZERO => true,
        Limit::Usd(limit) => spent + held + amount <= limit,
    }
}

impl Store {
    /// The day of `now`. Holds of dead owners are charged first.
    pub fn budget_day(&self, now: Timestamp) -> Result<BudgetDay, StoreError> {
        self.read_reaped(now, |tx| {
            let day = now.day();
            let held = holds::held_on(tx, day)?.iter().map(|(_, amount)| *amount).sum();
            Ok(BudgetDay { spend: day_spend(tx, day)?, held })
        })
    }

    /// The days from one to another (both included) on which anything happened, the newest first.
    pub fn history(&self, from: Day, to: Day) -> Result<Vec<DaySpend>, StoreError> {
        let sql = format!("SELECT {OF_A_DAY} FROM days WHERE day BETWEEN ?1 AND ?2 ORDER BY day DESC");
        self.read(|tx| Ok(all(tx, &sql, [from, to], day_row)?))
    }

    /// Records the limit that holds from now on; `None` takes it back.
    pub fn set_limit(&self, limit: Option<Limit>, at: Timestamp) -> Result<(), StoreError> {
        let value = limit.map(|limit| limit.amount().map_or("off".to_owned(), |amount| amount.0.max(0).to_string()));
        self.write(|tx| {
            run(tx, "DELETE FROM settings WHERE name = 'limit'", [])?;
            if let Some(value) = value {
                let sql = "INSERT INTO settings (name, value, at) VALUES ('limit', :value, :at)";
                run(tx, sql, named_params! { ":value": value, ":at": at })?;
            }
            Ok(())
        })
    }

    /// Makes a day's spending count as `to`, from now on; the ledger keeps what was really spent, and holds of
    /// attempts under way stay. Returns what had counted before.
    pub fn reset_day(&self, day: Day, to: NanoUsd, at: Timestamp) -> Result<NanoUsd, StoreError> {
        let me = self.me.owner();
        self.write(|tx| {
            holds::reap(tx, at, me, self.liveness)?;
            let before = day_spend(tx, day)?.spent;
            adjust(tx, day, NanoUsd(to.0.max(0)) - before, at, "reset")?;
            // What is wiped now must not be given back once more when a late settle lowers a presumed charge.
            run(tx, "UPDATE attempts SET wiped = 1 WHERE day = ?1 AND presumed = 1", [day])?;
            Ok(before)
        })
    }
}

/// Changes what counts as spent on a day without an attempt.
pub(super) fn adjust(tx: &Connection, day: Day, by: NanoUsd, at: Timestamp, reason: &str) -> rusqlite::Result<()> {
    let sql = "INSERT INTO adjustments (at, day, amount_nanousd, reason) VALUES (:at, :day, :by, :reason)";
    run(tx, sql, named_params! { ":at": at, ":day": day, ":by": by, ":reason": reason })?;
    add(tx, day, Sum::Adjusted, by.0)
}

/// Adds to one sum of a day.
pub(super) fn add(tx: &Connection, day: Day, sum: Sum, by: i64) -> rusqlite::Result<()> {
    add_all(tx, day, [(sum, by)])
}

/// Adds to several sums of a day. Sums saturate; what a reset changed may be less than nothing.
///
/// Read, added up and written back, in the caller's transaction: two plain statements, the same whatever is added,
/// are prepared in a third of the time of one that names every sum again in `ON CONFLICT DO UPDATE`.
pub(super) fn add_all<const N: usize>(tx: &Connection, day: Day, sums: [(Sum, i64); N]) -> rusqlite::Result<()> {
    let columns = SUMS.join(", ");
    let sql = format!("SELECT {columns} FROM days WHERE day = ?1");
    let mut now: [i64; SUMS.len()] = first(tx, &sql, [day], leading)?.unwrap_or_default();
    for (sum, more) in sums {
        let sum = &mut now[sum as usize];
        *sum = sum.saturating_add(more).max(i64::MIN + 1);
    }
    let sql = format!("INSERT OR REPLACE INTO days (day, {columns}) VALUES (?{})", ", ?".repeat(SUMS.len()));
    run(tx, &sql, params_from_iter(std::iter::once(i64::from(day.0)).chain(now))).map(drop)
}

/// What is recorded of a day.
pub(super) fn day_spend(tx: &Connection, day: Day) -> Result<DaySpend, Problem> {
    let row = first(tx, &format!("SELECT {OF_A_DAY} FROM days WHERE day = ?1"), [day], day_row)?;
    Ok(row.unwrap_or(DaySpend { day, spent: NanoUsd::ZERO, ledger: NanoUsd::ZERO, requests: 0 }))
}

/// What [`day_row`] reads.
const OF_A_DAY: &str = "day, ledger_nanousd, adjusted_nanousd, requests";

fn day_row(row: &rusqlite::Row<'_>) -> rusqlite::Result<DaySpend> {
    let ledger: NanoUsd = row.get("ledger_nanousd")?;
    let spent = (ledger + row.get("adjusted_nanousd")?).max(NanoUsd::ZERO);
    Ok(DaySpend { day: row.get("day")?, spent, ledger, requests: count(row, "requests")? })
}

/// The limit that `budget set` recorded.
pub(super) fn limit_set(tx: &Connection) -> Result<Option<Limit>, Problem> {
    Ok(recorded(tx)?.1)
}

/// The seed of all draws, and the limit that `budget set` recorded.
pub(super) fn recorded(conn: &Connection) -> Result<(u64, Option<Limit>), Problem> {
    // The + keeps SQLite from making a table of the two names, which costs more than to look through the few there are.
    let sql = "SELECT name = 'limit', value FROM settings WHERE +name = 'seed' OR +name = 'limit'";
    let (mut seed, mut limit) = (0, None);
    let mut query = conn.prepare_cached(sql)?;
    let mut rows = query.query([])?;
    while let Some(row) = rows.next()? {
        let text = row.get_ref(1)?.as_str().ok();
        match row.get(0)? {
            true => limit = Some(limit_of(text)),
            false => seed = text.and_then(|text| text.parse().ok()).unwrap_or_default(),
        }
    }
    Ok((seed, limit))
}

/// A value nobody wrote, or that is no text, is read as the tightest limit: a budget must not open by an accident.
fn limit_of(text: Option<&str>) -> Limit {
    match text {
        Some("off") => Limit::Off,
        amount => Limit::Usd(NanoUsd(amount.and_then(|amount| amount.parse().ok()).unwrap_or(0))),
    }
}

/// What a request has cost so far: the costs of its attempts (unknown ones as 0) and its holds.
pub(super) fn request_spend(tx: &Connection, id: RequestId) -> Result<(NanoUsd, NanoUsd), Problem> {
    let costs = "SELECT cost_nanousd FROM attempts WHERE request_id = ?1 AND cost_nanousd IS NOT NULL";
    let holds = "SELECT amount_nanousd FROM holds WHERE request_id = ?1";
    let sum = |sql| -> rusqlite::Result<NanoUsd> {
        Ok(all(tx, sql, [id], |row| row.get::<_, NanoUsd>(0))?.into_iter().sum())
    };
    Ok((sum(costs)?, sum(holds)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_sum_of_a_day_is_listed_and_added_to_by_itself() {
        let tx = Connection::open_in_memory().unwrap();
        tx.execute_batch(include_str!("schema.sql")).unwrap();
        let known = all(&tx, "SELECT name FROM pragma_table_info('days')", [], |row| row.get::<_, String>(0)).unwrap();
        assert_eq!(known, [&["day"], &SUMS[..]].concat());
        let mut kept = [0i64; SUMS.len()];
        for (by, day) in [(5, 1), (-7, 1), (9, 2), (i64::MAX, 1), (i64::MAX, 1), (i64::MIN, 1), (i64::MIN, 1)] {
            let sums = [Sum::Ledger, Sum::Adjusted, Sum::Requests, Sum::Attempts, Sum::CacheHits, Sum::CacheMisses];
            for (place, sum) in sums.into_iter().chain([Sum::CacheIntegrity, Sum::CacheForeign, Sum::Saved]).enumerate()
            {
                add(&tx, Day(day), sum, by).unwrap();
                if day == 1 {
                    kept[place] = kept[place].saturating_add(by).max(i64::MIN + 1);
                }
                let now: [i64; SUMS.len()] =
                    first(&tx, &format!("SELECT {} FROM days WHERE day = 1", SUMS.join(", ")), [], leading)
                        .unwrap()
                        .unwrap();
                assert_eq!(now, kept, "{by} to {sum:?}");
            }
        }
    }

    #[test]
    fn a_hold_fits_up_to_the_limit_and_not_one_nano_dollar_beyond() {
        let usd = |n| Limit::Usd(NanoUsd(n));
        for (spent, held, amount, limit, fit) in [
            (0, 0, 10, usd(10), true),
            (0, 0, 11, usd(10), false),
            (4, 5, 1, usd(10), true),
            (4, 5, 2, usd(10), false),
            (12, 0, 0, usd(10), true),
            (12, 0, 1, usd(10), false),
            (10, 0, 0, usd(10), true),
            (0, 0, 0, usd(0), true),
            (7, 5, 0, usd(0), true),
            (0, 0, 1, usd(0), false),
            (i64::MAX, i64::MAX, i64::MAX, usd(i64::MAX - 1), false),
            (i64::MAX, i64::MAX, i64::MAX, Limit::Off, true),
        ] {
            let case = format!("{spent} + {held} + {amount} in {limit:?}");
            assert_eq!(fits(NanoUsd(spent), NanoUsd(held), NanoUsd(amount), limit), fit, "{case}");
        }
    }
}
