//! How answers turned out, as far as anybody said or did: the records that correct the choice of a tier.
//!
//! What somebody says of an answer counts whole; an answer about which nobody complained speaks for its tier a little.

use rusqlite::{Connection, Row};

use super::columns::{self, all, candidate, first, run};
use super::{Problem, Store, StoreError, health};
use crate::engine::tiers::Intent;
use crate::engine::tiers::correct::Record;
use crate::types::{CandidateId, RequestId, Tier, Timestamp};

/// What silence about an answer weighs, beside a word about it. Few answers are ever rated; those of which nobody
/// complains in ten requests count as one that was called good.
const SILENCE: f64 = 0.1;
/// Who asks the same once more within so long was not content, in milliseconds: an hour.
const RETRIED_WITHIN_MS: i64 = 3_600_000;
/// So many requests back it is looked for at most.
const RETRIED_WITHIN_REQUESTS: i64 = 40;

/// How an answer was judged when it came, without anybody's word.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Judged<'a> {
    /// What kind of prompt it was.
    pub intent: Intent,
    /// The chance that its tier would do, as it was judged.
    pub expected: f64,
    /// Of the prompt.
    pub prompt_digest: &'a [u8; 16],
    /// Who answered.
    pub candidate: &'a CandidateId,
    /// Of which tier.
    pub tier: Tier,
    /// What was wrong with the answer, where that can be seen.
    pub fault: Option<Fault>,
}

/// What can be seen of an answer that is not good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// It does not fit its schema.
    Schema,
    /// It was cut off by the output cap.
    Truncated,
}

impl Fault {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Schema => "schema",
            Self::Truncated => "truncated",
        }
    }
}

/// What came of a rating.
#[derive(Debug, Clone, PartialEq)]
pub enum Rating {
    /// It counts from now on.
    Counted(RatedAnswer),
    /// There is no such request.
    NoRequest,
    /// Nothing can be learned from it: nobody answered, the cache did, or the model's tier is not known.
    NothingLearned,
}

/// A request that was rated.
#[derive(Debug, Clone, PartialEq)]
pub struct RatedAnswer {
    /// What kind of prompt it was.
    pub intent: Intent,
    /// Who had answered.
    pub candidate: CandidateId,
    /// Of which tier.
    pub tier: Tier,
    /// What was said of it before.
    pub before: Option<bool>,
}

/// Records of one kind of prompt, by who answered.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// The kind.
    pub intent: Intent,
    /// The tier.
    pub tier: Tier,
    /// The model.
    pub candidate: CandidateId,
    /// What is recorded, as it counts now.
    pub record: Record,
}

/// What is recorded of an answered request.
struct Answer {
    intent: Intent,
    expected: f64,
    candidate: CandidateId,
    tier: Tier,
    rating: Option<bool>,
}

impl Store {
    /// Takes a person's word about an answer; an earlier word about it counts no more.
    pub fn rate_answer(&self, id: RequestId, good: bool, at: Timestamp) -> Result<Rating, StoreError> {
        self.write(|tx| {
            if first(tx, "SELECT id FROM requests WHERE id = ?1", [id], |_| Ok(()))?.is_none() {
                return Ok(Rating::NoRequest);
            }
            let Some(answer) = answered(tx, id)? else { return Ok(Rating::NothingLearned) };
            say(tx, id, &answer, good, "user", at)?;
            let Answer { intent, candidate, tier, rating, .. } = answer;
            Ok(Rating::Counted(RatedAnswer { intent, candidate, tier, before: rating }))
        })
    }

    /// The newest request that somebody answered.
    pub fn last_answered(&self) -> Result<Option<RequestId>, StoreError> {
        let sql = "SELECT id FROM requests WHERE state = 'done' AND exit_code = 0 AND cache IS NOT 'hit'
                   ORDER BY id DESC LIMIT 1";
        self.read(|tx| Ok(first(tx, sql, [], |row| row.get(0))?))
    }

    /// Every record, as it counts now.
    pub fn outcomes(&self, now: Timestamp) -> Result<Vec<Outcome>, StoreError> {
        self.read(|tx| Ok(outcomes(tx, now)?))
    }
}

fn outcomes(tx: &Connection, now: Timestamp) -> rusqlite::Result<Vec<Outcome>> {
    let sql = "SELECT * FROM outcomes ORDER BY intent, tier, provider, model";
    let read = |row: &Row<'_>| {
        let intent = row.get("intent")?;
        Ok(Outcome { intent, tier: row.get("tier")?, candidate: candidate(row)?, record: record(row, now)? })
    };
    all(tx, sql, [], read)
}

/// What follows from how a request was judged that has just been answered; the verdict itself is in its row.
pub(super) fn judge(tx: &Connection, id: RequestId, judged: &Judged<'_>, at: Timestamp) -> Result<(), Problem> {
    let weight = if judged.fault.is_some() { 1.0 } else { SILENCE };
    let answer = Answer {
        intent: judged.intent,
        expected: judged.expected,
        candidate: judged.candidate.clone(),
        tier: judged.tier,
        rating: None,
    };
    count(tx, &answer, judged.fault.is_none(), weight, at)?;
    if judged.fault.is_some() {
        health::rated(tx, judged.candidate, false, 1.0, at)?;
    }
    retried(tx, id, judged, at)
}

/// Who asks a stronger model the same once more was not content with the weaker one's answer.
fn retried(tx: &Connection, id: RequestId, judged: &Judged<'_>, at: Timestamp) -> Result<(), Problem> {
    if judged.tier == Tier::Fast {
        return Ok(());
    }
    let sql = "SELECT id, intent, expected, provider, model, tier, rating FROM requests
               WHERE id BETWEEN ?1 - ?3 AND ?1 - 1 AND prompt_digest = ?2 AND at >= ?4 ORDER BY id DESC LIMIT 1";
    let since = at.plus_ms(-RETRIED_WITHIN_MS);
    let last = (id, judged.prompt_digest, RETRIED_WITHIN_REQUESTS, since);
    let Some((before, Some(answer))) = first(tx, sql, last, |row| Ok((row.get("id")?, read_answer(row)?)))? else {
        return Ok(());
    };
    match answer.tier < judged.tier && answer.rating.is_none() {
        true => Ok(say(tx, before, &answer, false, "retried", at)?),
        false => Ok(()),
    }
}

/// What an answered request was, as far as something can be learned from it.
fn answered(tx: &Connection, id: RequestId) -> rusqlite::Result<Option<Answer>> {
    let sql = "SELECT intent, expected, provider, model, tier, rating FROM requests WHERE id = ?1";
    Ok(first(tx, sql, [id], read_answer)?.flatten())
}

/// `None` where it is not known what kind of prompt it was, or which model of which tier answered.
fn read_answer(row: &Row<'_>) -> rusqlite::Result<Option<Answer>> {
    let (intent, tier): (Option<Intent>, Option<Tier>) = (row.get("intent")?, row.get("tier")?);
    let (provider, model): (Option<String>, Option<String>) = (row.get("provider")?, row.get("model")?);
    let (Some(intent), Some(tier), Some(provider), Some(model)) = (intent, tier, provider, model) else {
        return Ok(None);
    };
    let rating = row.get::<_, Option<String>>("rating")?.map(|rating| rating == "good");
    let candidate = CandidateId::new(provider, model);
    Ok(Some(Answer { intent, expected: row.get("expected")?, candidate, tier, rating }))
}

/// Writes down what is said of an answer, in place of its silence or of what was said before.
fn say(tx: &Connection, id: RequestId, answer: &Answer, good: bool, by: &str, at: Timestamp) -> rusqlite::Result<()> {
    let (was_good, weight) = answer.rating.map_or((true, SILENCE), |good| (good, 1.0));
    count(tx, answer, was_good, -weight, at)?;
    count(tx, answer, good, 1.0, at)?;
    if let Some(before) = answer.rating {
        health::rated(tx, &answer.candidate, before, -1.0, at)?;
    }
    health::rated(tx, &answer.candidate, good, 1.0, at)?;
    let rating = if good { "good" } else { "bad" };
    run(tx, "UPDATE requests SET rating = ?2, rated_by = ?3 WHERE id = ?1", (id, rating, by)).map(drop)
}

/// Adds an outcome to the record it belongs to; a weight below 0 takes one back.
fn count(tx: &Connection, answer: &Answer, good: bool, weight: f64, at: Timestamp) -> rusqlite::Result<()> {
    let whose = (answer.intent, answer.tier, &answer.candidate.provider, &answer.candidate.model);
    let sql = "SELECT good, bad, expected, updated FROM outcomes WHERE intent = ?1 AND tier = ?2 AND provider = ?3 AND model = ?4";
    let before = first(tx, sql, whose, |row| record(row, at))?.unwrap_or_default();
    let Record { good, bad, expected } = before.with(good, answer.expected, weight);
    columns::replace(
        tx,
        "outcomes",
        &[
            ("intent", &answer.intent),
            ("tier", &answer.tier),
            ("provider", &answer.candidate.provider),
            ("model", &answer.candidate.model),
            ("good", &good),
            ("bad", &bad),
            ("expected", &expected),
            ("updated", &at),
        ],
    )
}

/// A record as it counts at this time.
fn record(row: &Row<'_>, at: Timestamp) -> rusqlite::Result<Record> {
    let record = Record { good: row.get("good")?, bad: row.get("bad")?, expected: row.get("expected")? };
    let updated: Timestamp = row.get("updated")?;
    #[allow(clippy::cast_precision_loss)]
    let days = updated.ms_until(at) as f64 / 86_400_000.0;
    Ok(record.aged(days))
}
