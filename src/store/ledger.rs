//! The ledger: one row an attempt, written once, with every sum that depends on it in the same transaction.

use rusqlite::{Connection, Row, Transaction};

use super::cache_rows::{self, CachePut};
use super::columns::{self, candidate, first, millis, run, tokens};
use super::health::{self, RestUntil, Verdict};
use super::holds::{self, Hold};
use super::rates::{self, Recount};
use super::requests::{self, RequestEnd};
use super::sums::{self, Counted, Whose};
use super::{Problem, Store, StoreError, budget, running};
use crate::engine::belief::Seen;
use crate::engine::breaker::BreakerRules;
use crate::types::{AttemptId, CandidateId, CostSource, Day, FailureClass, NanoUsd, Outcome, Timestamp, Usage};

/// How an attempt ended and what it cost.
#[derive(Debug, Clone)]
pub struct Settlement<'a> {
    /// Which; it was admitted.
    pub attempt: AttemptId,
    /// When it ended. Its cost belongs to the day of its hold all the same.
    pub at: Timestamp,
    /// How it ended.
    pub outcome: Outcome,
    /// Why it failed.
    pub failure: Option<FailureClass>,
    /// The HTTP status, if an answer came.
    pub status: Option<u16>,
    /// From sending to the end.
    pub latency_ms: u64,
    /// From sending to the first token, where the answer was streamed.
    pub first_token_ms: Option<u64>,
    /// What the provider counted, or an estimate.
    pub usage: Option<Usage>,
    /// What it cost; `None` when the price is unknown, which counts as nothing spent.
    pub cost: Option<NanoUsd>,
    /// Where the cost comes from.
    pub cost_source: CostSource,
    /// Whether the cost is llmr's own guess at what was used.
    pub estimated: bool,
    /// The model that answered, in the provider's words.
    pub answered_model: Option<&'a str>,
    /// Whether a failure was the provider's fault; a success always counts.
    pub counts_for_breaker: bool,
    /// When the provider's breaker opens.
    pub breaker: BreakerRules,
    /// A rest that begins with this failure.
    pub rest: Option<RestUntil<'a>>,
    /// What the attempt says about its candidate.
    pub observation: Option<Seen>,
    /// What it counts against its provider's limit of tokens a minute, if that has one.
    pub recount: Option<Recount>,
}

/// What settling did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Settled {
    /// The attempt's row was written.
    Fresh,
    /// The owner had been taken for dead and charged in full; the true cost is in that charge's place now.
    ReplacedPresumed,
    /// It had been settled before: nothing was changed.
    Already,
}

/// What is known of an attempt before it is settled.
pub(super) struct Begun {
    pub candidate: CandidateId,
    pub at: Timestamp,
    pub day: Day,
    pub held: NanoUsd,
    pub hedge: bool,
}

impl Begun {
    fn whose(&self, id: AttemptId) -> Whose<'_> {
        Whose { request: id.request, day: self.day, candidate: &self.candidate }
    }
}

/// What the database holds of an attempt that is to be settled.
enum Before {
    /// Its money.
    Held(Begun),
    /// A presumed charge; `wiped` when the day was reset since.
    Presumed { begun: Begun, charge: NanoUsd, wiped: bool },
    /// Its final row.
    Settled,
}

impl Store {
    /// Replaces an attempt's hold by what it cost, with all that follows from it, and, when given, ends its
    /// request and stores its answer: one transaction. Called once more, it changes nothing.
    pub fn settle(
        &self,
        done: &Settlement<'_>,
        end: Option<&RequestEnd<'_>>,
        cache: Option<&CachePut<'_>>,
    ) -> Result<Settled, StoreError> {
        let all = |tx: &Transaction<'_>| {
            let (begun, settled) = match before(tx, done.attempt)? {
                Before::Settled => return Ok(Settled::Already),
                Before::Held(begun) => {
                    holds::remove(tx, done.attempt)?;
                    (begun, Settled::Fresh)
                }
                Before::Presumed { begun, charge, wiped } => {
                    withdraw(tx, done, &begun, charge, wiped)?;
                    (begun, Settled::ReplacedPresumed)
                }
            };
            // First, so that the attempt counts under the tier that its request has in the end.
            if let Some(end) = end {
                requests::finish(tx, end)?;
            }
            enter(tx, done, &begun, false)?;
            if let Some(told) = &done.recount {
                rates::recount(tx, &begun.candidate.provider, told, begun.at)?;
            }
            tell_health(tx, done, &begun.candidate)?;
            if let Some(put) = cache {
                cache_rows::insert_and_make_room(tx, put, done.at)?;
            }
            Ok(settled)
        };
        self.mood.stubborn(|| self.write(all))
    }
}

/// Charges a hold whose owner died, in full: nobody knows what its attempt used.
pub(super) fn presume(tx: &Connection, hold: &Hold, now: Timestamp) -> Result<(), Problem> {
    holds::remove(tx, hold.attempt)?;
    if row(tx, hold.attempt)?.is_some() {
        // It was charged already: somebody else than llmr has been at work here.
        return Ok(());
    }
    let begun =
        Begun { candidate: hold.candidate.clone(), at: hold.at, day: hold.day, held: hold.amount, hedge: hold.hedge };
    let charge = Settlement { estimated: true, ..without_answer(hold.attempt, now, Outcome::Failed, hold.amount) };
    enter(tx, &charge, &begun, true)?;
    health::give_back_trial(tx, &hold.candidate.provider, hold.attempt)?;
    run(tx, "UPDATE requests SET state = 'orphaned' WHERE id = ?1 AND state = 'running'", [hold.attempt.request])?;
    running::remove(tx, hold.attempt.request)?;
    Ok(())
}

/// Settles at no cost an attempt that was presumed lost and turns out never to have been sent. Does nothing to
/// one that was settled or is not known.
pub(super) fn unsend(tx: &Connection, id: AttemptId, at: Timestamp) -> Result<(), Problem> {
    let (begun, charge, wiped) = match before(tx, id) {
        Ok(Before::Presumed { begun, charge, wiped }) => (begun, charge, wiped),
        Ok(_) | Err(Problem::NotHeld(_)) => return Ok(()),
        Err(problem) => return Err(problem),
    };
    let nothing = without_answer(id, at, Outcome::Cancelled, NanoUsd::ZERO);
    withdraw(tx, &nothing, &begun, charge, wiped)?;
    enter(tx, &nothing, &begun, false)
}

/// The settlement of an attempt of which nothing came back.
fn without_answer(attempt: AttemptId, at: Timestamp, outcome: Outcome, cost: NanoUsd) -> Settlement<'static> {
    Settlement {
        attempt,
        at,
        outcome,
        failure: None,
        status: None,
        latency_ms: 0,
        first_token_ms: None,
        usage: None,
        cost: Some(cost),
        cost_source: CostSource::None,
        estimated: false,
        answered_model: None,
        counts_for_breaker: false,
        breaker: BreakerRules { threshold: u32::MAX, open_secs: 0.0 },
        rest: None,
        observation: None,
        recount: None,
    }
}

fn before(tx: &Connection, id: AttemptId) -> Result<Before, Problem> {
    // An attempt has a hold or a row, never both: mostly its money is held still.
    if let Some(begun) = holds::find(tx, id)? {
        return Ok(Before::Held(begun));
    }
    row(tx, id)?.ok_or(Problem::NotHeld(id))
}

/// What the row of an attempt says, if it has one.
fn row(tx: &Connection, id: AttemptId) -> rusqlite::Result<Option<Before>> {
    let sql = "SELECT presumed, provider, model, at, day, held_nanousd, hedge, cost_nanousd, wiped FROM attempts
               WHERE request_id = ?1 AND attempt = ?2";
    first(tx, sql, (id.request, id.number), before_of_row)
}

fn before_of_row(row: &Row<'_>) -> rusqlite::Result<Before> {
    if !row.get::<_, bool>("presumed")? {
        return Ok(Before::Settled);
    }
    let begun = Begun {
        candidate: candidate(row)?,
        at: row.get("at")?,
        day: row.get("day")?,
        held: row.get("held_nanousd")?,
        hedge: row.get("hedge")?,
    };
    Ok(Before::Presumed { begun, charge: row.get("cost_nanousd")?, wiped: row.get("wiped")? })
}

/// Takes a presumed charge back, so that the truth can be entered. What a reset of the day had wiped already is
/// not given back a second time.
fn withdraw(
    tx: &Connection,
    done: &Settlement<'_>,
    begun: &Begun,
    charge: NanoUsd,
    wiped: bool,
) -> Result<(), Problem> {
    let id = done.attempt;
    run(tx, "DELETE FROM attempts WHERE request_id = ?1 AND attempt = ?2", (id.request, id.number))?;
    sums::withdraw(tx, begun.whose(id), &Counted::presumed(charge))?;
    let refund = charge.saturating_sub(cost_of(done).unwrap_or_default());
    if wiped && refund > NanoUsd::ZERO {
        budget::adjust(tx, begun.day, refund, done.at, "late settle after a reset")?;
    }
    Ok(())
}

/// Writes the row of an attempt and adds it to the sums.
fn enter(tx: &Connection, done: &Settlement<'_>, begun: &Begun, presumed: bool) -> Result<(), Problem> {
    insert(tx, done, begun, presumed)?;
    let cost = cost_of(done);
    let counted = match presumed {
        true => Counted::presumed(cost.unwrap_or_default()),
        false => Counted::settled(done.outcome, cost, done.usage, done.latency_ms),
    };
    sums::enter(tx, begun.whose(done.attempt), &counted)
}

/// A cost is never negative.
fn cost_of(done: &Settlement<'_>) -> Option<NanoUsd> {
    done.cost.map(|cost| cost.max(NanoUsd::ZERO))
}

fn insert(tx: &Connection, done: &Settlement<'_>, begun: &Begun, presumed: bool) -> Result<(), Problem> {
    let [input, cached, write, output, reasoning] = done.usage.map_or([None; 5], |usage| tokens(usage).map(Some));
    columns::insert(
        tx,
        "attempts",
        &[
            ("request_id", &done.attempt.request),
            ("attempt", &done.attempt.number),
            ("at", &begun.at),
            ("day", &begun.day),
            ("settled_at", &done.at),
            ("provider", &begun.candidate.provider),
            ("model", &begun.candidate.model),
            ("answered_model", &done.answered_model),
            ("outcome", &done.outcome),
            ("failure", &done.failure),
            ("status", &done.status),
            ("latency_ms", &millis(done.latency_ms)),
            ("first_token_ms", &done.first_token_ms.map(millis)),
            ("input_tokens", &input),
            ("cached_input_tokens", &cached),
            ("cache_write_tokens", &write),
            ("output_tokens", &output),
            ("reasoning_tokens", &reasoning),
            ("usage_estimated", &done.usage.map(|usage| usage.estimated)),
            ("held_nanousd", &begun.held),
            ("cost_nanousd", &cost_of(done)),
            ("cost_source", &done.cost_source),
            ("estimated", &done.estimated),
            ("presumed", &presumed),
            ("hedge", &begun.hedge),
        ],
    )?;
    Ok(())
}

/// Tells breaker, rests and beliefs what came of an attempt.
fn tell_health(tx: &Connection, done: &Settlement<'_>, candidate: &CandidateId) -> Result<(), Problem> {
    let verdict = match done.outcome {
        Outcome::Ok => Verdict::Works,
        Outcome::Failed if done.counts_for_breaker => Verdict::Faulty,
        Outcome::Failed | Outcome::Cancelled => Verdict::Nothing,
    };
    let failure = done.failure.filter(|_| done.outcome == Outcome::Failed);
    health::conclude(tx, &candidate.provider, done, verdict, failure)?;
    if let (Some(rest), Some(class)) = (&done.rest, done.failure) {
        health::rest(tx, rest, class, done.at)?;
    }
    match &done.observation {
        Some(seen) => health::observe(tx, candidate, seen, done.at),
        None => Ok(()),
    }
}
