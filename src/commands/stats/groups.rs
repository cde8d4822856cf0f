//! What a report has a row for: providers, models, days, tags or tiers, and the sums of each.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use serde::Serialize;

use super::range::Range;
use crate::error::Result;
use crate::store::{CandidateStats, DayStats, Histogram, Label, LabelStats, Stats, Store};
use crate::types::{CandidateId, Day, NanoUsd, Usage};

/// What there is a row for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum By {
    /// Each provider.
    Provider,
    /// Each model at each provider.
    Model,
    /// Each day.
    Day,
    /// Each label of the user's.
    Tag,
    /// Each tier.
    Tier,
}

impl By {
    const ALL: [Self; 5] = [Self::Provider, Self::Model, Self::Day, Self::Tag, Self::Tier];

    /// Its name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Provider => "provider",
            Self::Model => "model",
            Self::Day => "day",
            Self::Tag => "tag",
            Self::Tier => "tier",
        }
    }

    /// By its name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|by| by.name() == name)
    }

    /// What is judged: a provider and a model by their attempts, and so is a day; a tag and a tier by how whole
    /// requests ended.
    pub fn counted(self) -> Counted {
        match self {
            Self::Provider | Self::Model | Self::Day => Counted::Attempts,
            Self::Tag | Self::Tier => Counted::Requests,
        }
    }
}

/// What `ok`, `failed`, the success rate and the latencies of a row are of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Counted {
    /// Single exchanges with a provider.
    Attempts,
    /// Requests of the user's, whatever number of attempts each took.
    Requests,
}

/// The sums of one row.
#[derive(Debug, Clone, PartialEq)]
pub struct Group {
    /// Of what; empty: of requests without it.
    pub name: String,
    /// Of whom, in a row of a model.
    pub candidate: Option<CandidateId>,
    /// Requests: of a provider or model those that it answered, of a tag or tier those that ended.
    pub requests: u64,
    /// Requests that the cache answered.
    pub cache_hits: u64,
    /// What those would have cost.
    pub saved: NanoUsd,
    /// Exchanges with a provider.
    pub attempts: u64,
    /// Attempts without a known price.
    pub unpriced: u64,
    /// What the attempts cost, as far as known.
    pub cost: NanoUsd,
    /// What they read and wrote.
    pub usage: Usage,
    /// Of what is counted: whole answers.
    pub ok: u64,
    /// Failures.
    pub failed: u64,
    /// Those that the user gave up.
    pub cancelled: u64,
    /// Of the whole answers.
    pub latencies: Histogram,
}

impl Group {
    /// One in which nothing happened.
    pub fn none(name: &str) -> Self {
        Self::of_attempts(name, &CandidateStats::none(CandidateId::new("", "")))
    }

    fn of_attempts(name: &str, sums: &CandidateStats) -> Self {
        Self {
            name: name.to_owned(),
            candidate: None,
            requests: 0,
            cache_hits: 0,
            saved: NanoUsd::ZERO,
            attempts: sums.attempts,
            unpriced: sums.unpriced,
            cost: sums.cost,
            usage: sums.usage,
            ok: sums.ok,
            failed: sums.failed,
            cancelled: sums.cancelled,
            latencies: sums.latencies.clone(),
        }
    }

    /// The sums of one day.
    pub fn of_day(day: &DayStats) -> Self {
        let sums = Self::of_attempts(&day.day.to_string(), &day.attempts);
        Self { requests: day.requests, cache_hits: day.cache_hits, saved: day.saved, cost: day.cost, ..sums }
    }

    fn of_label(sums: LabelStats) -> Self {
        Self {
            name: sums.name,
            candidate: None,
            requests: sums.requests,
            cache_hits: sums.cache_hits,
            saved: sums.saved,
            attempts: sums.attempts,
            unpriced: sums.unpriced,
            cost: sums.cost,
            usage: sums.usage,
            ok: sums.ok,
            failed: sums.failed,
            cancelled: sums.cancelled,
            latencies: sums.latencies,
        }
    }

    /// Adds the requests that were answered.
    fn answer(&mut self, answered: &LabelStats) {
        self.requests = self.requests.saturating_add(answered.requests);
        self.cache_hits = self.cache_hits.saturating_add(answered.cache_hits);
        self.saved += answered.saved;
    }

    /// Adds the sums of another one.
    pub fn merge(&mut self, other: &Self) {
        let add = |sum: &mut u64, more: u64| *sum = sum.saturating_add(more);
        add(&mut self.requests, other.requests);
        add(&mut self.cache_hits, other.cache_hits);
        self.saved += other.saved;
        add(&mut self.attempts, other.attempts);
        add(&mut self.unpriced, other.unpriced);
        self.cost += other.cost;
        self.usage.add(&other.usage);
        add(&mut self.ok, other.ok);
        add(&mut self.failed, other.failed);
        add(&mut self.cancelled, other.cancelled);
        self.latencies.merge(&other.latencies);
    }

    /// What it cost as far as known; `None` when no attempt had a known price: unknown is never 0.
    pub fn known_cost(&self) -> Option<NanoUsd> {
        (self.unpriced == 0 || self.unpriced < self.attempts).then_some(self.cost)
    }

    /// The share (0–1) of whole answers among what was not given up; `None` without any.
    #[allow(clippy::cast_precision_loss)]
    pub fn success_rate(&self) -> Option<f64> {
        let judged = self.ok.saturating_add(self.failed);
        (judged > 0).then(|| self.ok as f64 / judged as f64)
    }

    /// The cost of one: of a request; in a row of a provider or model, whose other attempts other rows have, of an
    /// attempt with a known price. `None` without any.
    pub fn cost_each(&self, by: By) -> Option<NanoUsd> {
        let among = match by {
            By::Provider | By::Model => self.attempts.saturating_sub(self.unpriced),
            By::Day | By::Tag | By::Tier => self.requests,
        };
        let among = i64::try_from(among).ok().filter(|n| *n > 0)?;
        self.known_cost().map(|cost| NanoUsd(cost.0 / among))
    }
}

/// The rows of a report, in the order of their names; days without requests are there, as empty ones.
pub fn groups(store: &Store, by: By, range: &Range, stats: &Stats) -> Result<Vec<Group>> {
    let (from, to) = (range.from, range.to);
    Ok(match by {
        By::Provider => candidates(store, range, stats, |id| id.provider.clone())?,
        By::Model => {
            let mut rows = candidates(store, range, stats, CandidateId::to_string)?;
            for row in &mut rows {
                row.candidate = row.name.split_once('/').map(|(provider, model)| CandidateId::new(provider, model));
            }
            rows
        }
        By::Day => days(&store.days(from, to)?, range),
        By::Tag => labels(store.labels(Label::Tag, from, to)?),
        By::Tier => labels(store.labels(Label::Tier, from, to)?),
    })
}

/// A row for each candidate's attempts, without the requests that it answered.
pub fn candidates_of(stats: &Stats) -> Vec<Group> {
    stats.candidates.iter().map(|sums| Group::of_attempts(&sums.candidate.to_string(), sums)).collect()
}

fn labels(stats: Vec<LabelStats>) -> Vec<Group> {
    stats.into_iter().map(Group::of_label).collect()
}

fn candidates(
    store: &Store,
    range: &Range,
    stats: &Stats,
    name: impl Fn(&CandidateId) -> String,
) -> Result<Vec<Group>> {
    let mut rows: BTreeMap<String, Group> = BTreeMap::new();
    for sums in &stats.candidates {
        let name = name(&sums.candidate);
        let group = Group::of_attempts(&name, sums);
        match rows.get_mut(&name) {
            Some(row) => row.merge(&group),
            None => _ = rows.insert(name, group),
        }
    }
    for answered in store.labels(Label::Answered, range.from, range.to)? {
        // Those that nobody answered are no provider's.
        let Some((provider, model)) = answered.name.split_once('/') else { continue };
        let name = name(&CandidateId::new(provider, model));
        rows.entry(name.clone()).or_insert_with(|| Group::none(&name)).answer(&answered);
    }
    Ok(rows.into_values().collect())
}

fn days(recorded: &[DayStats], range: &Range) -> Vec<Group> {
    let recorded: BTreeMap<Day, &DayStats> = recorded.iter().map(|day| (day.day, day)).collect();
    let group = |day: Day| recorded.get(&day).map_or_else(|| Group::none(&day.to_string()), |day| Group::of_day(day));
    range.days().map(group).collect()
}

/// The rows that a person can take in: the dearest, and the sum of all others as the last one.
pub fn dearest(groups: &[Group], most: usize) -> Vec<Group> {
    let mut rows = groups.to_vec();
    rows.sort_by_key(|row| Reverse((row.cost, row.requests, row.attempts)));
    if rows.len() > most {
        let others = rows.split_off(most.saturating_sub(1));
        let mut sum = Group::none(&format!("({} others)", others.len()));
        others.iter().for_each(|other| sum.merge(other));
        rows.push(sum);
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group(name: &str, cost: i64, requests: u64) -> Group {
        Group { cost: NanoUsd(cost), requests, ..Group::none(name) }
    }

    #[test]
    fn many_rows_become_the_dearest_and_the_others() {
        let all: Vec<Group> = (0..10_000).map(|n| group(&format!("t{n}"), n, 1)).collect();
        let rows = dearest(&all, 20);
        assert_eq!((rows.len(), rows[0].name.as_str()), (20, "t9999"));
        let others = &rows[19];
        assert_eq!((others.name.as_str(), others.requests), ("(9981 others)", 9981));
        assert_eq!(rows.iter().map(|row| row.cost.0).sum::<i64>(), (0..10_000).sum::<i64>());
        assert_eq!(dearest(&all[..20], 20).len(), 20);
        assert!(dearest(&[], 20).is_empty());
    }

    #[test]
    fn an_unknown_price_is_never_0() {
        let row = |attempts, unpriced, cost| Group { attempts, unpriced, cost: NanoUsd(cost), ..Group::none("x") };
        for (row, cost, each) in [
            (row(0, 0, 0), Some(0), None),
            (row(2, 0, 0), Some(0), Some(0)),
            (row(2, 2, 0), None, None),
            (row(3, 1, 10), Some(10), Some(5)),
        ] {
            assert_eq!(row.known_cost(), cost.map(NanoUsd), "{row:?}");
            assert_eq!(row.cost_each(By::Provider), each.map(NanoUsd), "{row:?}");
        }
    }
}
