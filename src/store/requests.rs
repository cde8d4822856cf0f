//! Requests: their numbers, how they ended, and hits of the cache, which are requests without attempts.

use rusqlite::Connection;
use rusqlite::types::ToSql;

use super::columns::{self, is_null, millis, run, tokens};
use super::contents::{self, Kept};
use super::labels::{self, Labelled};
use super::outcomes::{self, Fault, Judged};
use super::sums;
use super::{Problem, Store, StoreError, budget, cache_rows, holds, running, shadows};
use crate::types::{CacheOutcome, CandidateId, FinishReason, Mode, NanoUsd, RequestId, Tier, Timestamp, Usage, hex};

/// A request as it begins.
#[derive(Debug, Clone, Copy)]
pub struct RequestStart<'a> {
    /// When.
    pub at: Timestamp,
    /// The user's label.
    pub tag: Option<&'a str>,
    /// What it does besides answering.
    pub mode: Mode,
    /// Whether the answer is shown as it comes.
    pub stream: bool,
    /// The model asked for by name.
    pub requested_model: Option<&'a str>,
    /// What is kept of its texts.
    pub kept: Option<Kept<'a>>,
}

/// A request as it ended.
#[derive(Debug, Clone, Copy)]
pub struct RequestEnd<'a> {
    /// Which.
    pub id: RequestId,
    /// When.
    pub at: Timestamp,
    /// The process's exit code, or what it would have been.
    pub exit_code: u8,
    /// What the cache had to do with it.
    pub cache: CacheOutcome,
    /// Who answered.
    pub provider: Option<&'a str>,
    /// With which model.
    pub model: Option<&'a str>,
    /// Of which tier.
    pub tier: Option<Tier>,
    /// Why the answer ended.
    pub finish_reason: Option<FinishReason>,
    /// What all attempts cost together; `None` when a price is unknown.
    pub cost: Option<NanoUsd>,
    /// From the beginning to the end.
    pub latency_ms: u64,
    /// To the first token shown, where the answer was streamed.
    pub first_token_ms: Option<u64>,
    /// The answer's usage.
    pub usage: Option<Usage>,
    /// The kind of the error, when it failed.
    pub error_kind: Option<&'a str>,
    /// The decision, where no attempt has recorded it yet.
    pub decision: Option<&'a str>,
    /// The answer, where texts are kept.
    pub answer: Option<&'a str>,
    /// Whether the answer broke off.
    pub partial: bool,
    /// The key of its cache entry, where it has one.
    pub cache_key: Option<&'a [u8; 32]>,
    /// What its answer says of its tier.
    pub judged: Option<Judged<'a>>,
}

/// A request that the cache answered.
#[derive(Debug, Clone, Copy)]
pub struct CacheHit<'a> {
    /// The request.
    pub start: RequestStart<'a>,
    /// The entry's key.
    pub key: &'a [u8; 32],
    /// When the entry was last used, as it was read.
    pub used_at: Timestamp,
    /// The answer, where texts are kept.
    pub answer: Option<&'a str>,
    /// Who gave the answer when it was stored.
    pub provider: &'a str,
    /// With which model.
    pub model: &'a str,
    /// Of which tier.
    pub tier: Option<Tier>,
    /// Why the answer ended.
    pub finish_reason: FinishReason,
    /// The stored answer's usage.
    pub usage: Option<Usage>,
    /// What the answer had cost and now did not.
    pub saved: NanoUsd,
    /// From the beginning to the end.
    pub latency_ms: u64,
}

impl Store {
    /// Gives a request its number and counts it to its day. Holds of dead owners are charged on the way, and their
    /// requests closed.
    pub fn begin(&self, start: &RequestStart<'_>) -> Result<RequestId, StoreError> {
        // Looked up before anybody has to wait for it.
        let me = self.me.owner();
        self.write(|tx| {
            holds::reap_all(tx, start.at, me, self.liveness)?;
            let id = insert(tx, start)?;
            running::insert(tx, id, me)?;
            Ok(id)
        })
    }

    /// Records how a request ended. What was recorded by an earlier call is replaced, but nothing counts twice.
    pub fn finish(&self, end: &RequestEnd<'_>) -> Result<(), StoreError> {
        self.mood.parting(|| self.write(|tx| finish(tx, end)))
    }

    /// Records a request that the cache answered, counts the hit and marks the entry as used.
    pub fn record_hit(&self, hit: &CacheHit<'_>) -> Result<RequestId, StoreError> {
        self.write(|tx| {
            let id = insert_hit(tx, hit)?;
            let (day, saved) = (hit.start.at.day(), hit.saved.max(NanoUsd::ZERO));
            let sums = [(budget::Sum::Requests, 1), (budget::Sum::CacheHits, 1), (budget::Sum::Saved, saved.0)];
            budget::add_all(tx, day, sums)?;
            let text = |label: Option<&str>| label.unwrap_or_default().to_owned();
            let answered = CandidateId::new(hit.provider, hit.model).to_string();
            let names = [text(hit.start.tag), text(hit.tier.map(Tier::name)), answered];
            labels::enter(tx, &Labelled::hit(day, names, saved), sums::add)?;
            cache_rows::touch(tx, hit.key, hit.used_at, hit.start.at)?;
            if let Some(kept) = &hit.start.kept {
                contents::insert(tx, id, hit.start.at, kept)?;
            }
            match hit.answer {
                Some(answer) => Ok(contents::answer(tx, id, answer, false).map(|()| id)?),
                None => Ok(id),
            }
        })
    }
}

/// A request that begins and ends at once: one row, written whole.
fn insert_hit(tx: &Connection, hit: &CacheHit<'_>) -> rusqlite::Result<RequestId> {
    let CacheHit { start, usage, .. } = hit;
    let [input, cached, write, output, reasoning] = usage.map_or([None; 5], |usage| tokens(usage).map(Some));
    columns::insert(
        tx,
        "requests",
        &[
            ("at", &start.at),
            ("day", &start.at.day()),
            ("state", &"done"),
            ("mode", &start.mode.name()),
            ("stream", &start.stream),
            ("tag", &start.tag),
            ("requested_model", &start.requested_model),
            ("finished_at", &start.at),
            ("exit_code", &0),
            ("cache", &CacheOutcome::Hit.name()),
            ("provider", &hit.provider),
            ("model", &hit.model),
            ("tier", &hit.tier),
            ("finish_reason", &hit.finish_reason),
            ("cost_nanousd", &0),
            ("latency_ms", &millis(hit.latency_ms)),
            ("input_tokens", &input),
            ("cached_input_tokens", &cached),
            ("cache_write_tokens", &write),
            ("output_tokens", &output),
            ("reasoning_tokens", &reasoning),
            ("usage_estimated", &usage.map(|usage| usage.estimated)),
            ("cache_key", &hex(hit.key)),
            ("saved_nanousd", &hit.saved.max(NanoUsd::ZERO)),
        ],
    )?;
    Ok(RequestId(tx.last_insert_rowid()))
}

fn insert(tx: &Connection, start: &RequestStart<'_>) -> rusqlite::Result<RequestId> {
    let day = start.at.day();
    columns::insert(
        tx,
        "requests",
        &[
            ("at", &start.at),
            ("day", &day),
            ("state", &"running"),
            ("mode", &start.mode.name()),
            ("stream", &start.stream),
            ("tag", &start.tag),
            ("requested_model", &start.requested_model),
        ],
    )?;
    let id = RequestId(tx.last_insert_rowid());
    budget::add(tx, day, budget::Sum::Requests, 1)?;
    if let Some(kept) = &start.kept {
        contents::insert(tx, id, start.at, kept)?;
    }
    Ok(id)
}

/// See [`Store::finish`].
pub(super) fn finish(tx: &Connection, end: &RequestEnd<'_>) -> Result<(), Problem> {
    running::remove(tx, end.id)?;
    let before = labels::of_request(tx, end.id)?.ok_or(Problem::NoRequest(end.id))?;
    // Learned from once, however often its end is told.
    let judged = end.judged.as_ref().filter(|_| before.is_under_way());
    write_end(tx, end, judged, before.is_under_way())?;
    if !before.cache_known && end.cache == CacheOutcome::Miss {
        budget::add(tx, end.at.day(), budget::Sum::CacheMisses, 1)?;
    }
    let now = labels::of_request(tx, end.id)?.ok_or(Problem::NoRequest(end.id))?;
    labels::replace(tx, end.id, &before, &now)?;
    if before.is_under_way() && before.is_shadow {
        shadows::count(tx, end.id)?;
    }
    if let Some(judged) = judged {
        outcomes::judge(tx, end.id, judged, end.at)?;
    }
    match end.answer {
        Some(answer) => Ok(contents::answer(tx, end.id, answer, end.partial)?),
        None => Ok(()),
    }
}

/// How a column is set by an end that is told once more.
#[derive(Clone, Copy, PartialEq)]
enum Told {
    /// The last word counts, also where it is none.
    Last,
    /// The last word that says anything counts.
    LastKnown,
    /// The first word counts.
    FirstKnown,
}

fn write_end(tx: &Connection, end: &RequestEnd<'_>, judged: Option<&Judged<'_>>, first: bool) -> Result<(), Problem> {
    use Told::{FirstKnown, Last, LastKnown};
    let [input, cached, write, output, reasoning] = end.usage.map_or([None; 5], |usage| tokens(usage).map(Some));
    let fault = judged.and_then(|judged| judged.fault);
    let columns: [(&str, Told, &dyn ToSql); 25] = [
        ("finished_at", Last, &end.at),
        ("exit_code", Last, &end.exit_code),
        ("error_kind", Last, &end.error_kind),
        ("provider", Last, &end.provider),
        ("model", Last, &end.model),
        ("tier", Last, &end.tier),
        ("finish_reason", Last, &end.finish_reason),
        ("cost_nanousd", Last, &end.cost.map(|cost| cost.0.max(0))),
        ("latency_ms", Last, &millis(end.latency_ms)),
        ("first_token_ms", Last, &end.first_token_ms.map(millis)),
        ("input_tokens", Last, &input),
        ("cached_input_tokens", Last, &cached),
        ("cache_write_tokens", Last, &write),
        ("output_tokens", Last, &output),
        ("reasoning_tokens", Last, &reasoning),
        ("usage_estimated", Last, &end.usage.map(|usage| usage.estimated)),
        ("decision", LastKnown, &end.decision),
        ("cache_key", LastKnown, &end.cache_key.map(|key| hex(key))),
        ("intent", LastKnown, &judged.map(|judged| judged.intent)),
        ("expected", LastKnown, &judged.map(|judged| judged.expected)),
        ("prompt_digest", LastKnown, &judged.map(|judged| judged.prompt_digest)),
        ("cache", FirstKnown, &end.cache.name()),
        ("rating", FirstKnown, &fault.map(|_| "bad")),
        ("rated_by", FirstKnown, &fault.map(Fault::name)),
        ("state", Last, &"done"),
    ];
    let mut set = Vec::with_capacity(columns.len());
    let mut values: Vec<&dyn ToSql> = vec![&end.id];
    for (name, told, value) in columns {
        // What nothing is said of stays as it is: at the first end, without a value.
        if (first || told != Last) && is_null(value)? {
            continue;
        }
        values.push(value);
        set.push(match told {
            FirstKnown => format!("{name} = coalesce({name}, ?{})", values.len()),
            Last | LastKnown => format!("{name} = ?{}", values.len()),
        });
    }
    run(tx, &format!("UPDATE requests SET {} WHERE id = ?1", set.join(", ")), &*values)?;
    Ok(())
}
