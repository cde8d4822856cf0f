//! What is known about providers, shared by every process: breakers, rests, beliefs.
//!
//! What a row becomes is the engine's to say ([`Breaker`], [`Belief`]); here is only who may change it.

use std::collections::HashMap;

use rusqlite::{Connection, Row, named_params};

use super::columns::{self, all, candidate, first, run};
use super::ledger::Settlement;
use super::{Problem, Store, StoreError};
use crate::engine::belief::{Belief, Seen, Verdict as Said};
use crate::engine::breaker::{Breaker, BreakerRules};
use crate::engine::tuning::Tuning;
use crate::types::{AttemptId, CandidateId, FailureClass, RequestId, Timestamp};

/// A provider, or one model of it, that is to be left alone for a while.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rest {
    /// Which provider.
    pub provider: String,
    /// Which model; `None`: all of them.
    pub model: Option<String>,
    /// Until then.
    pub until: Timestamp,
    /// Why.
    pub class: FailureClass,
}

/// A rest that begins with a settled attempt; the reason is that attempt's failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RestUntil<'a> {
    /// Which provider.
    pub provider: &'a str,
    /// Which model; `None`: all of them.
    pub model: Option<&'a str>,
    /// Until then; a rest that lasts longer already stays.
    pub until: Timestamp,
}

/// What is recorded about one provider.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ProviderState {
    /// Its breaker.
    pub breaker: Breaker,
    /// Its last failed attempt: why and when.
    pub last_failure: Option<(FailureClass, Timestamp)>,
}

impl ProviderState {
    /// The same by the clock as it is now. Where that was set back since the provider failed, an open breaker would stay
    /// open for as long as that: its time counts as up, and one trial tells.
    #[must_use]
    pub fn as_of(self, now: Timestamp) -> Self {
        if !self.is_from_ahead(now) {
            return self;
        }
        let open_until = self.breaker.open_until.map(|until| until.min(now));
        Self { breaker: Breaker { open_until, ..self.breaker }, ..self }
    }

    fn is_from_ahead(&self, now: Timestamp) -> bool {
        self.last_failure.is_some_and(|(_, at)| at.was_set_back_from(now))
    }
}

/// What an attempt says about its provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It works.
    Works,
    /// It failed by its own fault.
    Faulty,
    /// Nothing.
    Nothing,
}

/// A breaker's row, with the attempt that has the trial.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
struct BreakerRow {
    state: ProviderState,
    trial: Option<AttemptId>,
}

impl BreakerRow {
    /// See [`ProviderState::as_of`].
    fn as_of(self, now: Timestamp) -> Self {
        Self { state: self.state.as_of(now), ..self }
    }

    /// The row after an attempt has ended. While the breaker is not closed only the trial's own outcome counts:
    /// any other attempt began before it opened and says nothing about now.
    fn after(self, attempt: AttemptId, verdict: Verdict, at: Timestamp, rules: &BreakerRules) -> Self {
        let trial = self.trial == Some(attempt);
        let breaker = self.state.breaker;
        let breaker = match verdict {
            _ if breaker.open_until.is_some() && !trial => breaker,
            Verdict::Works => breaker.after_success(at),
            Verdict::Faulty => breaker.after_failure(at, rules),
            Verdict::Nothing if trial => breaker.after_neutral(),
            Verdict::Nothing => breaker,
        };
        let trial = self.trial.filter(|_| breaker.trial_until.is_some());
        Self { state: ProviderState { breaker, ..self.state }, trial }
    }
}

impl Store {
    /// Every provider's breaker and last failure; one that is not listed has neither failed nor been reset.
    pub fn breakers(&self) -> Result<HashMap<String, ProviderState>, StoreError> {
        self.read(|tx| Ok(breakers(tx)?))
    }

    /// What is believed of each of these, as it was when last changed: not yet faded.
    pub fn beliefs<'c>(&self, of: impl IntoIterator<Item = &'c CandidateId>) -> Result<Vec<Belief>, StoreError> {
        self.read(|tx| {
            of.into_iter()
                .map(|candidate| Ok(belief_of(tx, candidate)?.unwrap_or_default()))
                .collect::<Result<_, Problem>>()
        })
    }

    /// Closes a provider's breaker, ends its rests and forgets what is believed of its models. Returns whether there was
    /// anything to reset.
    pub fn reset_provider(&self, name: &str) -> Result<bool, StoreError> {
        self.write(|tx| {
            let closed = run(
                tx,
                "UPDATE breakers SET failures = 0, open_until = NULL, trial_until = NULL, trial_request = NULL,
                     trial_attempt = NULL WHERE provider = ?1 AND (failures > 0 OR open_until IS NOT NULL)",
                [name],
            )?;
            let ended = run(tx, "DELETE FROM rests WHERE provider = ?1", [name])?;
            let forgotten = run(tx, "DELETE FROM beliefs WHERE provider = ?1", [name])?;
            Ok(closed + ended + forgotten > 0)
        })
    }
}

/// Until when the breaker lets nobody through, if it does so now.
pub(super) fn closed_until(tx: &Connection, provider: &str, at: Timestamp) -> Result<Option<Timestamp>, Problem> {
    Ok(breaker_row(tx, provider)?.as_of(at).state.breaker.opens_again_at(at))
}

/// Lets an attempt through; half open, it takes the one trial. Returns whether it did.
pub(super) fn pass(
    tx: &Connection,
    provider: &str,
    attempt: AttemptId,
    at: Timestamp,
    lease_until: Timestamp,
) -> Result<bool, Problem> {
    let row = breaker_row(tx, provider)?.as_of(at);
    match row.state.breaker.pass(at, lease_until) {
        Some(breaker) if breaker != row.state.breaker => {
            let state = ProviderState { breaker, ..row.state };
            write_breaker(tx, provider, &BreakerRow { state, trial: Some(attempt) })?;
            Ok(true)
        }
        _ => Ok(false),
    }
}

/// Records what an attempt that has ended says about its provider, and why it failed.
pub(super) fn conclude(
    tx: &Connection,
    provider: &str,
    done: &Settlement<'_>,
    verdict: Verdict,
    failure: Option<FailureClass>,
) -> Result<(), Problem> {
    let found = find_breaker(tx, provider)?;
    let before = found.unwrap_or_default();
    if before.state.is_from_ahead(done.at) {
        // Its rests began then, too, and would outlast the ones to come.
        run(tx, "DELETE FROM rests WHERE provider = ?1", [provider])?;
    }
    let mut row = before.as_of(done.at).after(done.attempt, verdict, done.at, &done.breaker);
    row.state.last_failure = failure.map(|class| (class, done.at)).or(row.state.last_failure);
    // Who was asked has a row, also where nothing went wrong.
    if found != Some(row) {
        write_breaker(tx, provider, &row)?;
    }
    if verdict == Verdict::Works {
        mended(tx, provider)?;
    }
    Ok(())
}

/// A whole answer shows that key and credit are in order again: rests that came of them are over.
fn mended(tx: &Connection, provider: &str) -> Result<(), Problem> {
    // Those that are over, too: a clock that is set back would bring them to life again.
    for rest in
        lasting(tx, Timestamp(i64::MIN))?.iter().filter(|rest| rest.provider == provider && !rest.class.rest_is_kept())
    {
        run(tx, "DELETE FROM rests WHERE provider = ?1 AND class = ?2", (provider, rest.class))?;
    }
    Ok(())
}

/// Gives the trial back if this attempt has it: it will not tell anything about the provider.
pub(super) fn give_back_trial(tx: &Connection, provider: &str, attempt: AttemptId) -> Result<(), Problem> {
    let sql = "UPDATE breakers SET trial_until = NULL, trial_request = NULL, trial_attempt = NULL
               WHERE provider = ?1 AND trial_request = ?2 AND trial_attempt = ?3";
    run(tx, sql, (provider, attempt.request, attempt.number))?;
    Ok(())
}

fn breaker_row(tx: &Connection, provider: &str) -> rusqlite::Result<BreakerRow> {
    Ok(find_breaker(tx, provider)?.unwrap_or_default())
}

fn find_breaker(tx: &Connection, provider: &str) -> rusqlite::Result<Option<BreakerRow>> {
    first(tx, "SELECT * FROM breakers WHERE provider = ?1", [provider], read_breaker)
}

fn read_breaker(row: &Row<'_>) -> rusqlite::Result<BreakerRow> {
    let breaker = Breaker {
        failures: row.get("failures")?,
        open_until: row.get("open_until")?,
        trial_until: row.get("trial_until")?,
    };
    let class: Option<FailureClass> = row.get("last_failure")?;
    let last_failure = class.zip(row.get("last_failure_at")?);
    let request: Option<RequestId> = row.get("trial_request")?;
    let trial = request.zip(row.get("trial_attempt")?).map(|(request, number)| AttemptId { request, number });
    Ok(BreakerRow { state: ProviderState { breaker, last_failure }, trial })
}

fn write_breaker(tx: &Connection, provider: &str, row: &BreakerRow) -> Result<(), Problem> {
    let (class, failed_at) = row.state.last_failure.unzip();
    columns::replace(
        tx,
        "breakers",
        &[
            ("provider", &provider),
            ("failures", &row.state.breaker.failures),
            ("open_until", &row.state.breaker.open_until),
            ("trial_until", &row.state.breaker.trial_until),
            ("trial_request", &row.trial.map(|trial| trial.request)),
            ("trial_attempt", &row.trial.map(|trial| trial.number)),
            ("last_failure", &class),
            ("last_failure_at", &failed_at),
        ],
    )?;
    Ok(())
}

/// Every provider's row.
pub(super) fn breakers(tx: &Connection) -> rusqlite::Result<HashMap<String, ProviderState>> {
    let rows =
        all(tx, "SELECT * FROM breakers", [], |row| Ok((row.get::<_, String>("provider")?, read_breaker(row)?.state)))?;
    Ok(rows.into_iter().collect())
}

/// Until when this candidate is not to be asked, if it rests now.
pub(super) fn resting_until(
    tx: &Connection,
    candidate: &CandidateId,
    at: Timestamp,
) -> Result<Option<Timestamp>, Problem> {
    let keeps_out = |rest: &Rest| {
        let its_own = rest.model.as_ref().is_none_or(|model| *model == candidate.model);
        rest.provider == candidate.provider && its_own && rest.class.rest_is_kept()
    };
    Ok(rests(tx, at)?.into_iter().filter(keeps_out).map(|rest| rest.until).max())
}

/// The rests that still last, by provider and model. One that began by a clock that has been set back since is over:
/// it would last for as long as that.
pub(super) fn rests(tx: &Connection, at: Timestamp) -> rusqlite::Result<Vec<Rest>> {
    let mut rests = lasting(tx, at)?;
    if !rests.is_empty() {
        let states = breakers(tx)?;
        rests.retain(|rest| states.get(&rest.provider).is_none_or(|state| !state.is_from_ahead(at)));
    }
    Ok(rests)
}

/// The same, whatever clock they began by.
fn lasting(tx: &Connection, at: Timestamp) -> rusqlite::Result<Vec<Rest>> {
    all(tx, "SELECT * FROM rests WHERE rest_until > ?1 ORDER BY provider, model", [at], |row| {
        let model: String = row.get("model")?;
        Ok(Rest {
            provider: row.get("provider")?,
            model: Some(model).filter(|model| !model.is_empty()),
            until: row.get("rest_until")?,
            class: row.get("class")?,
        })
    })
}

/// Begins a rest, or makes one longer; drops those that are over.
pub(super) fn rest(tx: &Connection, rest: &RestUntil<'_>, class: FailureClass, at: Timestamp) -> Result<(), Problem> {
    run(tx, "DELETE FROM rests WHERE rest_until <= ?1", [at])?;
    run(
        tx,
        "INSERT INTO rests (provider, model, rest_until, class) VALUES (:provider, :model, :until, :class)
         ON CONFLICT (provider, model) DO UPDATE SET rest_until = excluded.rest_until, class = excluded.class
         WHERE excluded.rest_until > rest_until",
        named_params! {
            ":provider": rest.provider, ":model": rest.model.unwrap_or_default(), ":until": rest.until, ":class": class,
        },
    )?;
    Ok(())
}

/// Takes in what an attempt says about its candidate. Its provider's other models hear of a failure.
pub(super) fn observe(tx: &Connection, of: &CandidateId, seen: &Seen, at: Timestamp) -> Result<(), Problem> {
    let tuning = Tuning::default();
    let mut belief = belief_of(tx, of)?.unwrap_or_default();
    belief.observe(at.as_secs(), seen, &tuning);
    write_belief(tx, of, &belief)?;
    if matches!(seen.verdict, Said::Failed | Said::Cut) {
        let sql = "SELECT * FROM beliefs WHERE provider = ?1 AND model <> ?2";
        for (other, mut belief) in
            all(tx, sql, (&of.provider, &of.model), |row| Ok((candidate(row)?, read_belief(row)?)))?
        {
            belief.hear_of_failure(at.as_secs(), &tuning);
            write_belief(tx, &other, &belief)?;
        }
    }
    Ok(())
}

/// Takes in whether an answer was called good; a weight below 0 takes such a word back.
pub(super) fn rated(tx: &Connection, of: &CandidateId, good: bool, weight: f64, at: Timestamp) -> rusqlite::Result<()> {
    let mut belief = belief_of(tx, of)?.unwrap_or_default();
    belief.rated(at.as_secs(), if good { 1.0 } else { 0.0 }, weight, &Tuning::default());
    write_belief(tx, of, &belief)
}

fn belief_of(tx: &Connection, of: &CandidateId) -> rusqlite::Result<Option<Belief>> {
    first(tx, "SELECT belief FROM beliefs WHERE provider = ?1 AND model = ?2", (&of.provider, &of.model), read_belief)
}

fn write_belief(tx: &Connection, of: &CandidateId, belief: &Belief) -> rusqlite::Result<()> {
    let text = serde_json::to_string(belief).map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))?;
    let sql = "INSERT OR REPLACE INTO beliefs (provider, model, belief) VALUES (?1, ?2, ?3)";
    run(tx, sql, (&of.provider, &of.model, text)).map(drop)
}

/// A belief that cannot be read is none: it says nothing that cannot be learned anew, and must keep nobody from asking.
fn read_belief(row: &Row<'_>) -> rusqlite::Result<Belief> {
    Ok(serde_json::from_str(row.get_ref("belief")?.as_str()?).unwrap_or_default())
}
