//! What reports read: the log of requests, and sums over days. Sums come from the per-day tables alone, so that
//! their cost grows with days and candidates and not with requests.

use std::collections::BTreeMap;

use rusqlite::{Connection, Row, named_params};

use super::columns::{all, attempt, candidate, count, first, int, opt_count, usage};
use super::sums::{self, Kind, Sums};
use super::{CacheCounts, Histogram, Problem, Store, StoreError, cache_rows};
use crate::types::{
    CacheOutcome, CandidateId, CostSource, Day, FailureClass, FinishReason, NanoUsd, Outcome, RequestId, Tier,
    Timestamp, Usage,
};

/// Which requests a log shows; the default is all.
#[derive(Debug, Clone, Copy, Default)]
pub struct LogFilter<'a> {
    /// Only this one.
    pub id: Option<RequestId>,
    /// Only those begun then or later.
    pub since: Option<Timestamp>,
    /// Only those with this label.
    pub tag: Option<&'a str>,
    /// The newest so many of those.
    pub limit: Option<u64>,
}

/// How far a request has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RequestState {
    /// It was begun; whether its process still lives is not known.
    Running,
    /// It ended.
    Done,
    /// Its process died while money was held: the charge is presumed.
    Orphaned,
}

impl RequestState {
    fn from_name(name: &str) -> Self {
        match name {
            "done" => Self::Done,
            "orphaned" => Self::Orphaned,
            _ => Self::Running,
        }
    }
}

/// One request of the log.
#[derive(Debug, Clone, PartialEq)]
pub struct LogEntry {
    /// Its number.
    pub id: RequestId,
    /// When it began.
    pub at: Timestamp,
    /// The UTC day of that.
    pub day: Day,
    /// How far it has come.
    pub state: RequestState,
    /// The user's label.
    pub tag: Option<String>,
    /// The model asked for by name.
    pub requested_model: Option<String>,
    /// Why the last candidate was chosen.
    pub decision: Option<String>,
    /// What the cache had to do with it; `None` while it has not ended.
    pub cache: Option<CacheOutcome>,
    /// Who answered.
    pub provider: Option<String>,
    /// With which model.
    pub model: Option<String>,
    /// Of which tier.
    pub tier: Option<Tier>,
    /// Why the answer ended.
    pub finish_reason: Option<FinishReason>,
    /// What it cost; `None` when a price is unknown. Until it has ended: the sum of its attempts so far.
    pub cost: Option<NanoUsd>,
    /// From the beginning to the end.
    pub latency_ms: Option<u64>,
    /// To the first token shown.
    pub first_token_ms: Option<u64>,
    /// The answer's usage.
    pub usage: Option<Usage>,
    /// The exit code; `None` while it has not ended.
    pub exit_code: Option<u8>,
    /// The kind of the error, when it failed.
    pub error_kind: Option<String>,
    /// Its attempts, the first one first.
    pub attempts: Vec<LogAttempt>,
}

/// One attempt of the log.
#[derive(Debug, Clone, PartialEq)]
pub struct LogAttempt {
    /// Which of the request's.
    pub number: u32,
    /// With whom.
    pub candidate: CandidateId,
    /// The model that answered, in the provider's words.
    pub answered_model: Option<String>,
    /// How it ended.
    pub outcome: Outcome,
    /// Why it failed.
    pub failure: Option<FailureClass>,
    /// The HTTP status, if an answer came.
    pub status: Option<u16>,
    /// From sending to the end.
    pub latency_ms: u64,
    /// To the first token.
    pub first_token_ms: Option<u64>,
    /// What was read and written.
    pub usage: Option<Usage>,
    /// What had been held for it.
    pub held: NanoUsd,
    /// What it cost; `None` when the price is unknown.
    pub cost: Option<NanoUsd>,
    /// Where the cost comes from.
    pub cost_source: CostSource,
    /// Whether the cost is a guess.
    pub estimated: bool,
    /// Whether its owner died and it was charged in full.
    pub presumed: bool,
}

/// Sums over some days.
#[derive(Debug, Clone, PartialEq)]
pub struct Stats {
    /// Requests begun.
    pub requests: u64,
    /// By candidate, in the order of their names.
    pub candidates: Vec<CandidateStats>,
    /// The cache.
    pub cache: CacheCounts,
}

/// Sums over one day.
#[derive(Debug, Clone, PartialEq)]
pub struct DayStats {
    /// Which.
    pub day: Day,
    /// Requests begun.
    pub requests: u64,
    /// What the attempts cost, as far as known, whatever was reset.
    pub cost: NanoUsd,
    /// Requests that the cache answered.
    pub cache_hits: u64,
    /// Requests that asked it in vain.
    pub cache_misses: u64,
    /// What the hits would have cost.
    pub saved: NanoUsd,
    /// Over all candidates.
    pub attempts: CandidateStats,
}

/// Sums over the attempts of one candidate.
#[derive(Debug, Clone, PartialEq)]
pub struct CandidateStats {
    /// Whose.
    pub candidate: CandidateId,
    /// All attempts.
    pub attempts: u64,
    /// Those with a whole answer.
    pub ok: u64,
    /// Those that failed, the presumed ones among them.
    pub failed: u64,
    /// Those that the caller gave up.
    pub cancelled: u64,
    /// Those whose owner died.
    pub presumed: u64,
    /// Those without a known price.
    pub unpriced: u64,
    /// What they cost, as far as known.
    pub cost: NanoUsd,
    /// What was read and written.
    pub usage: Usage,
    /// Sum of the whole answers' latencies, in milliseconds.
    pub latency_ms: u64,
    /// The whole answers' latencies.
    pub latencies: Histogram,
}

impl CandidateStats {
    /// Of a candidate that was not asked.
    pub fn none(candidate: CandidateId) -> Self {
        Self::of(candidate, Sums::default())
    }

    fn of(candidate: CandidateId, sums: Sums) -> Self {
        Self {
            candidate,
            attempts: sums.attempts,
            ok: sums.ok,
            failed: sums.failed,
            cancelled: sums.cancelled,
            presumed: sums.presumed,
            unpriced: sums.unpriced,
            cost: sums.cost(),
            usage: sums.usage(),
            latency_ms: sums.latency_ms,
            latencies: sums.latencies,
        }
    }

    /// Adds the sums of another one: of the same candidate on another day, or of another model.
    pub fn merge(&mut self, other: &Self) {
        let add = |sum: &mut u64, more: u64| *sum = sum.saturating_add(more);
        add(&mut self.attempts, other.attempts);
        add(&mut self.ok, other.ok);
        add(&mut self.failed, other.failed);
        add(&mut self.cancelled, other.cancelled);
        add(&mut self.presumed, other.presumed);
        add(&mut self.unpriced, other.unpriced);
        self.cost += other.cost;
        self.usage.add(&other.usage);
        add(&mut self.latency_ms, other.latency_ms);
        self.latencies.merge(&other.latencies);
    }

    /// The share (0–1) of whole answers among the attempts that were not given up; `None` without any.
    #[allow(clippy::cast_precision_loss)]
    pub fn success_rate(&self) -> Option<f64> {
        let judged = self.ok.saturating_add(self.failed);
        (judged > 0).then(|| self.ok as f64 / judged as f64)
    }

    /// Mean latency of the whole answers in milliseconds; `None` without any.
    #[allow(clippy::cast_precision_loss)]
    pub fn mean_latency_ms(&self) -> Option<f64> {
        (self.ok > 0).then(|| self.latency_ms as f64 / self.ok as f64)
    }
}

impl Store {
    /// Requests with their attempts, the newest first.
    pub fn log(&self, filter: &LogFilter<'_>) -> Result<Vec<LogEntry>, StoreError> {
        self.read(|tx| {
            let mut entries = requests(tx, filter)?;
            for entry in &mut entries {
                entry.attempts = attempts(tx, entry.id)?;
                if entry.state != RequestState::Done {
                    entry.cost = entry.attempts.iter().map(|attempt| attempt.cost).sum();
                }
            }
            Ok(entries)
        })
    }

    /// Sums over the days from one to another, both included.
    pub fn stats(&self, from: Day, to: Day) -> Result<Stats, StoreError> {
        self.read(|tx| {
            let requests = all(tx, "SELECT requests FROM days WHERE day BETWEEN ?1 AND ?2", [from, to], |row| {
                count(row, "requests")
            })?;
            Ok(Stats {
                requests: requests.into_iter().sum(),
                candidates: candidates(tx, from, to)?,
                cache: cache_rows::counts(tx, from, to)?,
            })
        })
    }

    /// The days from one to another (both included) on which anything happened, the oldest first.
    pub fn days(&self, from: Day, to: Day) -> Result<Vec<DayStats>, StoreError> {
        self.read(|tx| days(tx, from, to))
    }

    /// The first day on which anything happened.
    pub fn first_day(&self) -> Result<Option<Day>, StoreError> {
        self.read(|tx| Ok(first(tx, "SELECT day FROM days ORDER BY day LIMIT 1", [], |row| row.get(0))?))
    }
}

fn requests(tx: &Connection, filter: &LogFilter<'_>) -> Result<Vec<LogEntry>, Problem> {
    let sql = "SELECT * FROM requests
               WHERE iif(:id IS NULL, mode <> 'imported', id = :id) AND (:since IS NULL OR at >= :since) AND (:tag IS NULL OR tag = :tag)
               ORDER BY id DESC LIMIT :limit";
    let values = named_params! {
        ":id": filter.id, ":since": filter.since, ":tag": filter.tag, ":limit": filter.limit.map_or(-1, int),
    };
    Ok(all(tx, sql, values, read_request)?)
}

pub(super) fn read_request(row: &Row<'_>) -> rusqlite::Result<LogEntry> {
    let cache: Option<String> = row.get("cache")?;
    Ok(LogEntry {
        id: row.get("id")?,
        at: row.get("at")?,
        day: row.get("day")?,
        state: RequestState::from_name(&row.get::<_, String>("state")?),
        tag: row.get("tag")?,
        requested_model: row.get("requested_model")?,
        decision: row.get("decision")?,
        cache: cache.and_then(|name| CacheOutcome::from_name(&name)),
        provider: row.get("provider")?,
        model: row.get("model")?,
        tier: row.get("tier")?,
        finish_reason: row.get("finish_reason")?,
        cost: row.get("cost_nanousd")?,
        latency_ms: opt_count(row, "latency_ms")?,
        first_token_ms: opt_count(row, "first_token_ms")?,
        usage: usage(row)?,
        exit_code: row.get("exit_code")?,
        error_kind: row.get("error_kind")?,
        attempts: Vec::new(),
    })
}

pub(super) fn attempts(tx: &Connection, id: RequestId) -> Result<Vec<LogAttempt>, Problem> {
    let sql = "SELECT * FROM attempts WHERE request_id = ?1 ORDER BY attempt";
    Ok(all(tx, sql, [id], |row| {
        Ok(LogAttempt {
            number: attempt(row)?.number,
            candidate: candidate(row)?,
            answered_model: row.get("answered_model")?,
            outcome: row.get("outcome")?,
            failure: row.get("failure")?,
            status: row.get("status")?,
            latency_ms: count(row, "latency_ms")?,
            first_token_ms: opt_count(row, "first_token_ms")?,
            usage: usage(row)?,
            held: row.get("held_nanousd")?,
            cost: row.get("cost_nanousd")?,
            cost_source: row.get("cost_source")?,
            estimated: row.get("estimated")?,
            presumed: row.get("presumed")?,
        })
    })?)
}

fn candidates(tx: &Connection, from: Day, to: Day) -> Result<Vec<CandidateStats>, Problem> {
    let mut by_name: BTreeMap<CandidateId, CandidateStats> = BTreeMap::new();
    for (_, name, sums) in sums::between(tx, Kind::Candidate, from, to)? {
        let day = CandidateStats::of(named(&name), sums);
        match by_name.get_mut(&day.candidate) {
            Some(sum) => sum.merge(&day),
            None => _ = by_name.insert(day.candidate.clone(), day),
        }
    }
    Ok(by_name.into_values().collect())
}

/// The candidate of a row of sums; no provider's name has a slash.
fn named(name: &str) -> CandidateId {
    let (provider, model) = name.split_once('/').unwrap_or((name, ""));
    CandidateId::new(provider, model)
}

fn days(tx: &Connection, from: Day, to: Day) -> Result<Vec<DayStats>, Problem> {
    let sql = "SELECT * FROM days WHERE day BETWEEN ?1 AND ?2 ORDER BY day";
    let mut days: BTreeMap<Day, DayStats> = BTreeMap::new();
    for day in all(tx, sql, [from, to], read_day)? {
        days.insert(day.day, day);
    }
    for (day, name, sums) in sums::between(tx, Kind::Candidate, from, to)? {
        if let Some(stats) = days.get_mut(&day) {
            stats.attempts.merge(&CandidateStats::of(named(&name), sums));
        }
    }
    Ok(days.into_values().collect())
}

fn read_day(row: &Row<'_>) -> rusqlite::Result<DayStats> {
    Ok(DayStats {
        day: row.get("day")?,
        requests: count(row, "requests")?,
        cost: row.get("ledger_nanousd")?,
        cache_hits: count(row, "cache_hits")?,
        cache_misses: count(row, "cache_misses")?,
        saved: row.get("saved_nanousd")?,
        attempts: CandidateStats::none(CandidateId::new("", "")),
    })
}
