//! Sums over requests by what they are labelled with: the user's tag, the tier of the answer, who answered.
//!
//! A request counts once it has ended; its attempts count as they are settled. The tier is known at the end only,
//! so until then attempts count under none, and are moved there with the end. All of it happens in the transaction
//! that changes the row; the audit proves that sums and rows agree.

use std::collections::BTreeMap;

use rusqlite::{Connection, Row};

use super::columns::{all, first, opt_count, usage};
use super::sums::{self, Change, Counted, Kind, Sums};
use super::{Histogram, Problem, Store, StoreError};
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
    fn of(name: String, sums: Sums) -> Self {
        Self {
            name,
            requests: sums.requests,
            ok: sums.ok,
            failed: sums.failed,
            cancelled: sums.cancelled,
            cache_hits: sums.cache_hits,
            saved: sums.saved(),
            attempts: sums.attempts,
            unpriced: sums.unpriced,
            cost: sums.cost(),
            usage: sums.usage(),
            latencies: sums.latencies,
        }
    }

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
            let all = sums::between(tx, Kind::Label(label), from, to)?;
            Ok(all.into_iter().map(|(day, name, sums)| (day, LabelStats::of(name, sums))).collect())
        })
    }
}

/// The sums of requests, each with what one ended row of `requests` adds to it; for the audit. [`Ending`] says the same.
pub(super) const OF_REQUESTS: [(&str, &str); 7] = [
    ("requests", "1"),
    ("ok", "exit_code = 0"),
    ("failed", "exit_code NOT IN (0, 130, 143)"),
    ("cancelled", "exit_code IN (130, 143)"),
    ("cache_hits", "cache = 'hit'"),
    ("saved_nanousd", "saved_nanousd"),
    ("latency_ms", "CASE WHEN exit_code = 0 AND cache <> 'hit' THEN latency_ms END"),
];

/// The sums of attempts, each with what one row of `attempts` adds to it.
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
    adds: Option<Sums>,
    /// Whether it is known already what the cache said.
    pub cache_known: bool,
    /// Whether its decision holds what other strategies would have chosen.
    pub is_shadow: bool,
}

impl Labelled {
    /// A request that the cache answered in place of whom it names.
    pub fn hit(day: Day, names: [String; 3], saved: NanoUsd) -> Self {
        let saved_nanousd = u64::try_from(saved.0).unwrap_or(0);
        let adds = Some(Sums { requests: 1, ok: 1, cache_hits: 1, saved_nanousd, ..Sums::default() });
        Self { day, names, adds, cache_known: true, is_shadow: false }
    }

    /// What it adds to the sums.
    #[cfg(test)]
    pub fn adds(&self) -> Option<&Sums> {
        self.adds.as_ref()
    }

    /// Whether it has not ended.
    pub fn is_under_way(&self) -> bool {
        self.adds.is_none()
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
            saved: opt_count(row, "saved_nanousd")?,
            latency_ms: opt_count(row, "latency_ms")?,
        };
        let answered = match text("provider")? {
            Some(provider) => CandidateId::new(provider, text("model")?.unwrap_or_default()).to_string(),
            None => String::new(),
        };
        let ended = row.get::<_, Option<i64>>("finished_at")?.is_some();
        Ok(Labelled {
            day: row.get("day")?,
            names: [text("tag")?.unwrap_or_default(), text("tier")?.unwrap_or_default(), answered],
            adds: ended.then(|| ending.adds()),
            cache_known: cache.is_some(),
            is_shadow: text("mode")?.as_deref() == Some(Mode::Shadow.name()),
        })
    })
}

/// What a row of `requests` says of an end. What is not known of it adds nothing.
struct Ending {
    exit_code: Option<i64>,
    is_hit: Option<bool>,
    saved: Option<u64>,
    latency_ms: Option<u64>,
}

impl Ending {
    fn adds(&self) -> Sums {
        let (ok, cancelled) = (self.exit_code == Some(0), matches!(self.exit_code, Some(130 | 143)));
        // Only answers that a provider gave have a latency: the cache would make it look quick.
        let latency_ms = self.latency_ms.filter(|_| ok && self.is_hit == Some(false));
        Sums {
            requests: 1,
            ok: ok.into(),
            failed: (self.exit_code.is_some() && !ok && !cancelled).into(),
            cancelled: cancelled.into(),
            cache_hits: (self.is_hit == Some(true)).into(),
            saved_nanousd: self.saved.unwrap_or(0),
            latency_ms: latency_ms.unwrap_or(0),
            latencies: latency_ms.into_iter().collect(),
            ..Sums::default()
        }
    }
}

/// Counts a request that has ended, in place of how it counted before, and moves its attempts to its tier.
pub(super) fn replace(tx: &Connection, id: RequestId, before: &Labelled, now: &Labelled) -> Result<(), Problem> {
    for (request, change) in [(before, sums::take as Change), (now, sums::add)] {
        enter(tx, request, change)?;
    }
    for (label, (old, new)) in Label::ALL.into_iter().zip(before.names.iter().zip(&now.names)) {
        if label != Label::Answered && old != new {
            move_attempts(tx, id, label, old, new)?;
        }
    }
    Ok(())
}

/// Adds what a request counts to the sums of its labels, or takes it out again.
pub(super) fn enter(tx: &Connection, request: &Labelled, change: Change) -> Result<(), Problem> {
    let Some(adds) = &request.adds else { return Ok(()) };
    for (label, name) in Label::ALL.into_iter().zip(&request.names) {
        change(tx, Kind::Label(label), request.day, name, adds)?;
    }
    Ok(())
}

fn move_attempts(tx: &Connection, id: RequestId, label: Label, old: &str, new: &str) -> rusqlite::Result<()> {
    // Mostly there is none yet: the only attempt is entered after this.
    if first(tx, "SELECT 1 FROM attempts WHERE request_id = ?1", [id], |_| Ok(()))?.is_none() {
        return Ok(());
    }
    let sql = "SELECT outcome, cost_nanousd, input_tokens, cached_input_tokens, cache_write_tokens, output_tokens,
                   reasoning_tokens, usage_estimated, day FROM attempts WHERE request_id = ?1";
    let read = |row: &Row<'_>| {
        let counted = Counted::settled(row.get("outcome")?, row.get("cost_nanousd")?, usage(row)?, 0);
        Ok((counted.of_label(), row.get::<_, Day>("day")?))
    };
    for (counted, day) in all(tx, sql, [id], read)? {
        sums::take(tx, Kind::Label(label), day, old, &counted)?;
        sums::add(tx, Kind::Label(label), day, new, &counted)?;
    }
    Ok(())
}

/// The labels that a request's attempts count under.
pub(super) fn of_attempts(tx: &Connection, id: RequestId) -> Result<[(Label, String); 2], Problem> {
    let [tag, tier, _] = of_request(tx, id)?.ok_or(Problem::NoRequest(id))?.names;
    Ok([(Label::Tag, tag), (Label::Tier, tier)])
}
