//! Money held for attempts under way: taking it (the one place that checks the limit), giving it back unused,
//! and charging the holds of owners that died.

use rusqlite::{Connection, Row, Transaction};

use super::columns::{self, all, attempt, candidate, first, owner, run};
use super::ledger::{self, Begun};
use super::rates::{self, Rated};
use super::{Problem, Store, StoreError, budget, health, running};
use crate::engine::rate::Full;
use crate::types::{AttemptId, CandidateId, Day, Limit, Liveness, NanoUsd, Owner, RequestId, Timestamp};

/// An attempt that wants to be made.
#[derive(Debug, Clone, Copy)]
pub struct Admission<'a> {
    /// Which; its request was begun, its number is new.
    pub attempt: AttemptId,
    /// With whom.
    pub candidate: &'a CandidateId,
    /// Now. The hold belongs to this day.
    pub at: Timestamp,
    /// The worst case of what it may cost.
    pub amount: NanoUsd,
    /// What the day may cost.
    pub limit: Limit,
    /// What the request may cost, all of its attempts together.
    pub request_cap: Option<NanoUsd>,
    /// When the attempt is over for sure: ends the hold of an owner of whom nothing is known, and a trial.
    pub lease_until: Timestamp,
    /// Why this candidate: kept with the request, the latest one given.
    pub decision: Option<&'a str>,
    /// What it counts against its provider's limit of requests and tokens a minute, if that has one.
    pub rated: Option<Rated>,
    /// How much it is expected to write, in tokens.
    pub expected_tokens: u64,
    /// Where it stands by another one that is late: what all of these may cost a day.
    pub hedge: Option<NanoUsd>,
}

/// Whether the attempt may be made. Anything but `Yes` has held nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Admitted {
    /// The money is held.
    Yes {
        /// Whether it is the one trial of a half-open breaker.
        trial: bool,
    },
    /// The day's limit would be passed.
    OverBudget {
        /// Spent on this day.
        spent: NanoUsd,
        /// Held on this day.
        held: NanoUsd,
        /// What of it is held by other requests.
        others_held: NanoUsd,
    },
    /// The request's own limit would be passed.
    OverRequestCap {
        /// Spent by its attempts.
        spent: NanoUsd,
        /// Held by its attempts.
        held: NanoUsd,
    },
    /// What tries that stand by late ones may cost a day would be passed.
    OverHedgeBudget,
    /// The provider's breaker lets nobody through.
    BreakerOpen {
        /// Until then.
        until: Timestamp,
    },
    /// The provider or this model of it is to be left alone.
    Resting {
        /// Until then.
        until: Timestamp,
    },
    /// The provider was asked as often as its limit lets it within the last minute.
    Limited(Full),
}

/// One row of the table `holds`.
#[derive(Debug, Clone)]
pub(super) struct Hold {
    pub attempt: AttemptId,
    pub candidate: CandidateId,
    pub at: Timestamp,
    pub day: Day,
    pub amount: NanoUsd,
    pub hedge: bool,
    lease_until: Timestamp,
    owner: Owner,
}

impl Hold {
    /// Whether nobody will ever settle it: its owner is gone, or nothing is known of the owner and its time is
    /// up. An owner that lives keeps its hold, however late it is.
    fn is_dead(&self, now: Timestamp, owner: Liveness) -> bool {
        match owner {
            Liveness::Alive => false,
            Liveness::Dead => true,
            Liveness::Unknown => now >= self.lease_until,
        }
    }
}

impl Store {
    /// Holds the money for an attempt, if breaker, rest, the request's own limit and the day's limit let it
    /// through; all of it is checked and done in one transaction. Holds of dead owners are charged first.
    pub fn admit(&self, ask: &Admission<'_>) -> Result<Admitted, StoreError> {
        self.write(|tx| {
            reap(tx, ask.at, self.me.owner(), self.liveness)?;
            if let Some(refusal) = kept_out(tx, ask)? {
                return Ok(refusal);
            }
            insert(tx, ask, self.me.owner())?;
            if let Some(rated) = &ask.rated {
                rates::count_in(tx, &ask.candidate.provider, rated.tokens, ask.at)?;
            }
            let trial = health::pass(tx, &ask.candidate.provider, ask.attempt, ask.at, ask.lease_until)?;
            if let Some(decision) = ask.decision {
                let sql = "UPDATE requests SET decision = ?2 WHERE id = ?1";
                run(tx, sql, (ask.attempt.request, decision))?;
            }
            Ok(Admitted::Yes { trial })
        })
    }

    /// Gives back the hold of an attempt that was never sent: no attempt was made, so the ledger gets no row.
    /// One that was presumed lost meanwhile is settled at no cost instead. Does nothing when there is neither.
    pub fn release(&self, id: AttemptId, at: Timestamp) -> Result<(), StoreError> {
        let give_back = |tx: &Transaction<'_>| {
            if let Some(hold) = find(tx, id)? {
                remove(tx, id)?;
                health::give_back_trial(tx, &hold.candidate.provider, id)?;
                return Ok(());
            }
            ledger::unsend(tx, id, at)
        };
        self.mood.stubborn(|| self.write(give_back))
    }

    /// Reads something once the holds of dead owners are charged and their requests closed. Looks for those without the
    /// write lock: mostly there are none, and one look is all. Whoever only looks at the sums does not wait for somebody
    /// who keeps that lock: until it is free they count as held.
    pub(super) fn read_reaped<T>(
        &self,
        now: Timestamp,
        read: impl Fn(&Transaction<'_>) -> Result<T, Problem>,
    ) -> Result<T, StoreError> {
        let look = |tx: &Transaction<'_>| {
            let (me, liveness) = (self.me.owner(), self.liveness);
            let anybody_died = !self.read_only
                && (dead(tx, now, me, liveness)?.next().is_some() || !running::dead(tx, now, me, liveness)?.is_empty());
            if anybody_died { Ok(None) } else { read(tx).map(Some) }
        };
        if let Some(read) = self.read(look)? {
            return Ok(read);
        }
        let close = |tx: &Transaction<'_>| reap_all(tx, now, self.me.owner(), self.liveness);
        match self.mood.hurried(|| self.write(close)) {
            Err(error) if !error.is_busy() => Err(error),
            _ => self.read(&read),
        }
    }
}

/// Why an attempt may not be made, if so. What waiting or another candidate would mend comes first.
fn kept_out(tx: &Connection, ask: &Admission<'_>) -> Result<Option<Admitted>, Problem> {
    if let Some(until) = health::closed_until(tx, &ask.candidate.provider, ask.at)? {
        return Ok(Some(Admitted::BreakerOpen { until }));
    }
    if let Some(until) = health::resting_until(tx, ask.candidate, ask.at)? {
        return Ok(Some(Admitted::Resting { until }));
    }
    if let Some(rated) = &ask.rated
        && let Some(full) = rates::full(tx, &ask.candidate.provider, rated, ask.at)?
    {
        return Ok(Some(Admitted::Limited(full)));
    }
    let amount = ask.amount.max(NanoUsd::ZERO);
    if let Some(most) = ask.hedge
        && hedged_on(tx, ask.at.day())? + amount > most
    {
        return Ok(Some(Admitted::OverHedgeBudget));
    }
    if let Some(cap) = ask.request_cap {
        let (spent, held) = budget::request_spend(tx, ask.attempt.request)?;
        if spent + held + amount > cap {
            return Ok(Some(Admitted::OverRequestCap { spent, held }));
        }
    }
    let day = ask.at.day();
    let spent = budget::day_spend(tx, day)?.spent;
    let holds = held_on(tx, day)?;
    let held = holds.iter().map(|(_, amount)| *amount).sum();
    if budget::fits(spent, held, amount, ask.limit) {
        return Ok(None);
    }
    let others = holds.iter().filter(|(request, _)| *request != ask.attempt.request);
    Ok(Some(Admitted::OverBudget { spent, held, others_held: others.map(|(_, amount)| *amount).sum() }))
}

fn insert(tx: &Connection, ask: &Admission<'_>, me: &Owner) -> rusqlite::Result<()> {
    columns::insert(
        tx,
        "holds",
        &[
            ("request_id", &ask.attempt.request),
            ("attempt", &ask.attempt.number),
            ("at", &ask.at),
            ("day", &ask.at.day()),
            ("provider", &ask.candidate.provider),
            ("model", &ask.candidate.model),
            ("amount_nanousd", &ask.amount.max(NanoUsd::ZERO)),
            ("lease_until", &ask.lease_until),
            ("owner_pid", &me.pid),
            ("owner_start", &me.start_ticks.cast_signed()),
            ("owner_boot", &me.boot_id),
            ("owner_pidns", &me.pid_namespace),
            ("expected_tokens", &i64::try_from(ask.expected_tokens).unwrap_or(i64::MAX)),
            ("hedge", &ask.hedge.is_some()),
        ],
    )
}

fn read(row: &Row<'_>) -> rusqlite::Result<Hold> {
    Ok(Hold {
        attempt: attempt(row)?,
        candidate: candidate(row)?,
        at: row.get("at")?,
        day: row.get("day")?,
        amount: row.get("amount_nanousd")?,
        hedge: row.get("hedge")?,
        lease_until: row.get("lease_until")?,
        owner: owner(row)?,
    })
}

/// The attempt that a hold is for.
pub(super) fn find(tx: &Connection, id: AttemptId) -> rusqlite::Result<Option<Begun>> {
    let sql =
        "SELECT provider, model, at, day, amount_nanousd, hedge FROM holds WHERE request_id = ?1 AND attempt = ?2";
    first(tx, sql, (id.request, id.number), |row| {
        Ok(Begun {
            candidate: candidate(row)?,
            at: row.get("at")?,
            day: row.get("day")?,
            held: row.get("amount_nanousd")?,
            hedge: row.get("hedge")?,
        })
    })
}

/// Ends the hold of an attempt.
pub(super) fn remove(tx: &Connection, id: AttemptId) -> rusqlite::Result<()> {
    run(tx, "DELETE FROM holds WHERE request_id = ?1 AND attempt = ?2", (id.request, id.number)).map(|_| ())
}

/// The holds that belong to a day: whose, and how much.
pub(super) fn held_on(tx: &Connection, day: Day) -> rusqlite::Result<Vec<(RequestId, NanoUsd)>> {
    all(tx, "SELECT request_id, amount_nanousd FROM holds WHERE day = ?1", [day], |row| Ok((row.get(0)?, row.get(1)?)))
}

/// What tries that stand by late ones cost on a day, and may still cost.
pub(super) fn hedged_on(tx: &Connection, day: Day) -> rusqlite::Result<NanoUsd> {
    let sql = "SELECT (SELECT coalesce(sum(cost_nanousd), 0) FROM attempts WHERE day = ?1 AND hedge = 1)
                    + (SELECT coalesce(sum(amount_nanousd), 0) FROM holds WHERE day = ?1 AND hedge = 1)";
    Ok(first(tx, sql, [day], |row| row.get(0))?.unwrap_or_default())
}

/// Charges every hold that nobody will settle, in full, and closes the requests that nobody will end.
pub(super) fn reap_all(
    tx: &Connection,
    now: Timestamp,
    me: &Owner,
    liveness: fn(&Owner) -> Liveness,
) -> Result<(), Problem> {
    reap(tx, now, me, liveness)?;
    Ok(running::reap(tx, now, me, liveness)?)
}

/// Charges every hold that nobody will settle, in full (see [`ledger::presume`]).
pub(super) fn reap(
    tx: &Connection,
    now: Timestamp,
    me: &Owner,
    liveness: fn(&Owner) -> Liveness,
) -> Result<(), Problem> {
    for hold in dead(tx, now, me, liveness)? {
        ledger::presume(tx, &hold, now)?;
    }
    Ok(())
}

fn dead(
    tx: &Connection,
    now: Timestamp,
    me: &Owner,
    liveness: fn(&Owner) -> Liveness,
) -> rusqlite::Result<impl Iterator<Item = Hold>> {
    let holds = match running::has_others(tx, "holds", me)? {
        true => all(tx, "SELECT * FROM holds ORDER BY request_id, attempt", [], read)?,
        false => Vec::new(),
    };
    // A batch holds for many lines at a time: its process is looked for once.
    let mut known: Vec<(Owner, Liveness)> = Vec::new();
    Ok(holds.into_iter().filter(move |hold| {
        let found = known.iter().find(|(owner, _)| *owner == hold.owner).map(|(_, liveness)| *liveness);
        let owner = found.unwrap_or_else(|| {
            let found = liveness(&hold.owner);
            known.push((hold.owner.clone(), found));
            found
        });
        hold.is_dead(now, owner)
    }))
}
