//! Sums over requests by what they are labelled with: the user's tag, the tier of the answer, who answered.
//!
//! A request counts once it has ended; its attempts count as they are settled. The tier is known at the end only,
//! so until then attempts count under none, and are moved there with the end. All of it happens in the transaction
//! that changes the row; the audit proves that sums and rows agree.

use std::collections::BTreeMap;

use rusqlite::{Connection, Row};

use super::columns::{all, count, first, leading, run, summed_usage};
use super::sums::Table;
use super::{Histogram, Problem, Store, StoreError, histogram};
use crate::types::{CacheOutcome, CandidateId, Day, Mode, NanoUsd, RequestId, Usage};

/// What requests are summed up by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Label {
    /// The user's own.
    Tag,
    /// The tier of the answer.
    Tier,
    /// Who answered, as `provider/model`. Attempts are not counted here: the sums by candidate have them.
    Answered,
}

impl Label {
    pub(super) const ALL: [Self; 3] = [Self::Tag, Self::Tier, Self::Answered];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Tag => "tag",
            Self::Tier => "tier",
            Self::Answered => "answered",
        }
    }
}

/// Sums over the requests of one day with one label.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LabelStats {
    /// Which; empty for those that have none.
    pub name: String,
    /// Requests that ended.
    pub requests: u64,
    /// Those that ended with exit code 0.
    pub ok: u64,
    /// Those that ended with another one.
    pub failed: u64,
    /// Those that were interrupted.
    pub cancelled: u64,
    /// Those that the cache answered.
    pub cache_hits: u64,
    /// What those would have cost.
    pub saved: NanoUsd,
    /// Attempts settled so far.
    pub attempts: u64,
    /// Those without a known price.
    pub unpriced: u64,
    /// What the attempts cost, as far as known.
    pub cost: NanoUsd,
    /// What they read and wrote.
    pub usage: Usage,
    /// From the beginning to the end, of those that a provider answered.
    pub latencies: Histogram,
}

impl LabelStats {
    /// Adds the sums of another one.
    pub fn merge(&mut self, other: &Self) {
        let add = |sum: &mut u64, more: u64| *sum = sum.saturating_add(more);
        add(&mut self.requests, other.requests);
        add(&mut self.ok, other.ok);
        add(&mut self.failed, other.failed);
        add(&mut self.cancelled, other.cancelled);
        add(&mut self.cache_hits, other.cache_hits);
        self.saved += other.saved;
        add(&mut self.attempts, other.attempts);
        add(&mut self.unpriced, other.unpriced);
        self.cost += other.cost;
        self.usage.add(&other.usage);
        self.latencies.merge(&other.latencies);
    }
}

impl Store {
    /// Sums by one kind of label over the days from one to another, both included; in the order of the names.
    pub fn labels(&self, label: Label, from: Day, to: Day) -> Result<Vec<LabelStats>, StoreError> {
        let mut by_name: BTreeMap<String, LabelStats> = BTreeMap::new();
        for (_, stats) in self.labels_by_day(label, from, to)? {
            match by_name.get_mut(&stats.name) {
                Some(sum) => sum.merge(&stats),
                None => _ = by_name.insert(stats.name.clone(), stats),
            }
        }
        Ok(by_name.into_values().collect())
    }

    /// The same, each day by itself.
    pub fn labels_by_day(&self, label: Label, from: Day, to: Day) -> Result<Vec<(Day, LabelStats)>, StoreError> {
        self.read(|tx| {
            let whose = (label.name(), from, to);
            // Attempts that moved to their request's tier leave an empty sum behind.
            let sql = "SELECT * FROM day_labels WHERE kind = ?1 AND day BETWEEN ?2 AND ?3
                       AND (requests > 0 OR attempts > 0) ORDER BY day, name";
            let mut sums = all(tx, sql, whose, read_sums)?;
            let sql = "SELECT day, name, bucket, answers FROM label_latencies
                       WHERE kind = ?1 AND day BETWEEN ?2 AND ?3";
            let read = |row: &Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get(2)?, count(row, "answers")?));
            for (day, name, bucket, answers) in all(tx, sql, whose, read)? {
                let (day, name): (Day, String) = (day, name);
                if let Ok(at) = sums.binary_search_by(|(d, s)| (*d, s.name.as_str()).cmp(&(day, name.as_str()))) {
                    sums[at].1.latencies.add(bucket, answers);
                }
            }
            Ok(sums)
        })
    }
}

fn read_sums(row: &Row<'_>) -> rusqlite::Result<(Day, LabelStats)> {
    let stats = LabelStats {
        name: row.get("name")?,
        requests: count(row, "requests")?,
        ok: count(row, "ok")?,
        failed: count(row, "failed")?,
        cancelled: count(row, "cancelled")?,
        cache_hits: count(row, "cache_hits")?,
        saved: row.get("saved_nanousd")?,
        attempts: count(row, "attempts")?,
        unpriced: count(row, "unpriced")?,
        cost: row.get("cost_nanousd")?,
        usage: summed_usage(row)?,
        latencies: Histogram::default(),
    };
    Ok((row.get("day")?, stats))
}

/// The columns that count requests, each with what one ended row of `requests` adds to it; for the audit.
/// [`of_request`] says the same in fewer words of SQL.
pub(super) const OF_REQUESTS: [(&str, &str); 7] = [
    ("requests", "1"),
    ("ok", "exit_code = 0"),
    ("failed", "exit_code NOT IN (0, 130, 143)"),
    ("cancelled", "exit_code IN (130, 143)"),
    ("cache_hits", "cache = 'hit'"),
    ("saved_nanousd", "saved_nanousd"),
    ("latency_ms", "CASE WHEN exit_code = 0 AND cache <> 'hit' THEN latency_ms END"),
];

/// The columns that count attempts, each with what one row of `attempts` adds to it.
pub(super) const OF_ATTEMPTS: [(&str, &str); 8] = [
    ("attempts", "1"),
    ("unpriced", "cost_nanousd IS NULL"),
    ("cost_nanousd", "cost_nanousd"),
    ("input_tokens", "input_tokens"),
    ("cached_input_tokens", "cached_input_tokens"),
    ("cache_write_tokens", "cache_write_tokens"),
    ("output_tokens", "output_tokens"),
    ("reasoning_tokens", "reasoning_tokens"),
];

/// A request as far as its labels and what it counts are concerned.
#[derive(Debug, PartialEq)]
pub(super) struct Labelled {
    day: Day,
    names: [String; 3],
    /// What it adds to the sums; `None` while it has not ended.
    values: Option<[i64; 7]>,
    latency_ms: Option<u64>,
    /// Whether it is known already what the cache said.
    pub cache_known: bool,
    /// Whether its decision holds what other strategies would have chosen.
    pub is_shadow: bool,
}

impl Labelled {
    /// A request that the cache answered in place of whom it names.
    pub fn hit(day: Day, names: [String; 3], saved: NanoUsd) -> Self {
        // Requests, those with exit code 0, hits of the cache, what they saved; none of the others.
        let values = Some([1, 1, 0, 0, 1, saved.0, 0]);
        Self { day, names, values, latency_ms: None, cache_known: true, is_shadow: false }
    }

    /// What it adds to the sums, in the order of [`OF_REQUESTS`].
    #[cfg(test)]
    pub fn counts(&self) -> Option<[i64; 7]> {
        self.values
    }

    /// Whether it has not ended.
    pub fn is_under_way(&self) -> bool {
        self.values.is_none()
    }
}

/// How a request counts now; `None` when there is none of this number.
pub(super) fn of_request(tx: &Connection, id: RequestId) -> rusqlite::Result<Option<Labelled>> {
    let sql = "SELECT exit_code, cache, saved_nanousd, latency_ms, day, tag, tier, provider, model, finished_at, mode
               FROM requests WHERE id = ?1";
    first(tx, sql, [id], |row| {
        let text = |column: &str| row.get::<_, Option<String>>(column);
        let cache = text("cache")?;
        let ending = Ending {
            exit_code: row.get("exit_code")?,
            is_hit: cache.as_deref().map(|cache| cache == CacheOutcome::Hit.name()),
            saved: row.get("saved_nanousd")?,
            latency_ms: row.get("latency_ms")?,
        };
        let answered = match text("provider")? {
            Some(provider) => CandidateId::new(provider, text("model")?.unwrap_or_default()).to_string(),
            None => String::new(),
        };
        let ended = row.get::<_, Option<i64>>("finished_at")?.is_some();
        Ok(Labelled {
            day: row.get("day")?,
            names: [text("tag")?.unwrap_or_default(), text("tier")?.unwrap_or_default(), answered],
            values: ended.then(|| ending.values()),
            latency_ms: ending.counted_latency().map(|ms| u64::try_from(ms).unwrap_or(0)),
            cache_known: cache.is_some(),
            is_shadow: text("mode")?.as_deref() == Some(Mode::Shadow.name()),
        })
    })
}

/// What a row of `requests` says of an end. What is not known of it adds nothing.
struct Ending {
    exit_code: Option<i64>,
    is_hit: Option<bool>,
    saved: Option<i64>,
    latency_ms: Option<i64>,
}

impl Ending {
    /// In the order of [`OF_REQUESTS`].
    fn values(&self) -> [i64; 7] {
        let (ok, cancelled) = (self.exit_code == Some(0), matches!(self.exit_code, Some(130 | 143)));
        let failed = self.exit_code.is_some() && !ok && !cancelled;
        let counts = [true, ok, failed, cancelled, self.is_hit == Some(true)].map(i64::from);
        let [requests, ok, failed, cancelled, hits] = counts;
        [requests, ok, failed, cancelled, hits, self.saved.unwrap_or(0), self.counted_latency().unwrap_or(0)]
    }

    /// Only answers that a provider gave count: the cache would make it look quick.
    fn counted_latency(&self) -> Option<i64> {
        self.latency_ms.filter(|_| self.exit_code == Some(0) && self.is_hit == Some(false))
    }
}

/// Counts a request that has ended, in place of how it counted before, and moves its attempts to its tier.
pub(super) fn replace(tx: &Connection, id: RequestId, before: &Labelled, now: &Labelled) -> Result<(), Problem> {
    enter(tx, before, -1)?;
    enter(tx, now, 1)?;
    for (label, (old, new)) in Label::ALL.into_iter().zip(before.names.iter().zip(&now.names)) {
        if label != Label::Answered && old != new {
            move_attempts(tx, id, label, old, new)?;
        }
    }
    Ok(())
}

/// Adds what a request counts to the sums of its labels, or (−1) takes it out again.
pub(super) fn enter(tx: &Connection, request: &Labelled, sign: i64) -> Result<(), Problem> {
    let Some(values) = request.values else { return Ok(()) };
    for (label, name) in Label::ALL.into_iter().zip(&request.names) {
        add(tx, (label, request.day, name), of_requests(values.map(|v| v * sign)))?;
        if let Some(ms) = request.latency_ms {
            let sql = "INSERT INTO label_latencies (kind, day, name, bucket, answers)
                       VALUES (?1, ?2, ?3, ?4, max(0, ?5)) ON CONFLICT DO UPDATE SET answers = max(0, answers + ?5)";
            run(tx, sql, (label.name(), request.day, name, histogram::bucket(ms), sign))?;
        }
    }
    Ok(())
}

fn move_attempts(tx: &Connection, id: RequestId, label: Label, old: &str, new: &str) -> rusqlite::Result<()> {
    // Mostly there is none yet: the only attempt is entered after this.
    if first(tx, "SELECT 1 FROM attempts WHERE request_id = ?1", [id], |_| Ok(()))?.is_none() {
        return Ok(());
    }
    let values = OF_ATTEMPTS.map(|(_, adds)| adds).join(", ");
    let sql = format!("SELECT {values}, day FROM attempts WHERE request_id = ?1");
    for (values, day) in all(tx, &sql, [id], |row| Ok((leading(row)?, row.get::<_, Day>("day")?)))? {
        let values = values.map(Option::<i64>::unwrap_or_default);
        add(tx, (label, day, old), of_attempts(values.map(i64::saturating_neg)))?;
        add(tx, (label, day, new), of_attempts(values))?;
    }
    Ok(())
}

/// Adds to the attempts' sums of a request's labels. `values` are in the order of [`OF_ATTEMPTS`].
pub(super) fn attempt(tx: &Connection, id: RequestId, day: Day, values: [i64; 8]) -> Result<(), Problem> {
    let sql = "SELECT coalesce(tag, ''), coalesce(tier, '') FROM requests WHERE id = ?1";
    let Some(names) = first(tx, sql, [id], |row| Ok([row.get::<_, String>(0)?, row.get(1)?]))? else {
        return Err(Problem::NoRequest(id));
    };
    for (label, name) in [Label::Tag, Label::Tier].into_iter().zip(&names) {
        add(tx, (label, day, name), of_attempts(values))?;
    }
    Ok(())
}

/// Adds to the sums of a label: those of [`OF_REQUESTS`], then those of [`OF_ATTEMPTS`].
fn add(tx: &Connection, (label, day, name): (Label, Day, &str), by: [i64; 15]) -> rusqlite::Result<()> {
    if by == [0; 15] {
        return Ok(());
    }
    LABELS.add(tx, [label.name().to_owned().into(), day.0.into(), name.to_owned().into()], by)
}

pub(super) const LABELS: Table<3, 15> =
    Table { name: "day_labels", key: ["kind", "day", "name"], sums: SUMS, least: 0 };

const SUMS: [&str; 15] = {
    let mut sums = [""; 15];
    let mut at = 0;
    while at < sums.len() {
        sums[at] = if at < OF_REQUESTS.len() { OF_REQUESTS[at].0 } else { OF_ATTEMPTS[at - OF_REQUESTS.len()].0 };
        at += 1;
    }
    sums
};

fn of_requests([a, b, c, d, e, f, g]: [i64; 7]) -> [i64; 15] {
    [a, b, c, d, e, f, g, 0, 0, 0, 0, 0, 0, 0, 0]
}

fn of_attempts([a, b, c, d, e, f, g, h]: [i64; 8]) -> [i64; 15] {
    [0, 0, 0, 0, 0, 0, 0, a, b, c, d, e, f, g, h]
}
