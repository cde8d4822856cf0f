//! The report for programs other than those that read JSON: CSV, and metrics for Prometheus.

use std::collections::BTreeMap;

use super::report::{CircuitBreaker, Report, Row};
use crate::engine::breaker::BreakerState;
use crate::error::Result;
use crate::output::csv;
use crate::output::prometheus::{Exposition, MetricKind};
use crate::router;
use crate::store::{CandidateStats, Stats};
use crate::types::NanoUsd;

type Cell = fn(&Row) -> String;

fn number<N: ToString>(n: Option<N>) -> String {
    n.map_or_else(String::new, |n| n.to_string())
}

/// The columns behind the name. What is unknown, or of nothing, is an empty cell.
const COLUMNS: [(&str, Cell); 19] = [
    ("requests", |r| r.requests.to_string()),
    ("attempts", |r| r.attempts.to_string()),
    ("ok", |r| r.ok.to_string()),
    ("failed", |r| r.failed.to_string()),
    ("cancelled", |r| r.cancelled.to_string()),
    ("success_rate", |r| number(r.success_rate)),
    ("cost_usd", |r| number(r.cost_usd)),
    ("unpriced_attempts", |r| r.unpriced_attempts.to_string()),
    ("cost_per_request_usd", |r| number(r.cost_per_request_usd)),
    ("p50_latency_ms", |r| number(r.p50_latency_ms)),
    ("p95_latency_ms", |r| number(r.p95_latency_ms)),
    ("p99_latency_ms", |r| number(r.p99_latency_ms)),
    ("input_tokens", |r| r.input_tokens.to_string()),
    ("cached_input_tokens", |r| r.cached_input_tokens.to_string()),
    ("cache_write_tokens", |r| r.cache_write_tokens.to_string()),
    ("output_tokens", |r| r.output_tokens.to_string()),
    ("reasoning_tokens", |r| r.reasoning_tokens.to_string()),
    ("cache_hits", |r| r.cache_hits.to_string()),
    ("saved_usd", |r| r.saved_usd.to_string()),
];

/// The rows of the report; the first column is named after what there is a row for.
pub fn rows(report: &Report) -> Result<String> {
    let mut header = vec![report.by.name()];
    header.extend(COLUMNS.iter().map(|(name, _)| *name));
    let row = |row: &Row| {
        let name = row.name.clone().unwrap_or_default();
        [name].into_iter().chain(COLUMNS.iter().map(|(_, cell)| cell(row))).collect()
    };
    csv::render(&header, report.rows.iter().map(row))
}

/// Upper bounds of the latency buckets, in milliseconds: of the usual ones those that fit answers of models.
const BOUNDS_MS: [u64; 10] = [100, 250, 500, 1000, 2500, 5000, 10_000, 30_000, 60_000, 300_000];

/// What the gauges show.
pub struct Now<'a> {
    /// The day's money.
    pub budget: &'a router::Day,
    /// By provider.
    pub breakers: &'a BTreeMap<String, CircuitBreaker>,
}

/// Counters over everything that was ever recorded (`all`), gauges of this moment.
pub fn metrics(all: &Stats, now: &Now<'_>) -> String {
    let mut page = Exposition::default();
    page.metric("llmr_build_info", MetricKind::Gauge, "The version of llmr.");
    page.sample("llmr_build_info", &[("version", env!("CARGO_PKG_VERSION"))], "1");
    counter(&mut page, "llmr_requests_total", "Requests begun.", all.requests);
    attempts(&mut page, all);
    money(&mut page, all);
    latencies(&mut page, all);
    let cache = &all.cache;
    counter(&mut page, "llmr_cache_hits_total", "Requests that the cache answered.", cache.hits);
    counter(&mut page, "llmr_cache_misses_total", "Requests that asked the cache in vain.", cache.misses);
    let bad = "Cache entries that did not verify.";
    counter(&mut page, "llmr_cache_integrity_failures_total", bad, cache.integrity_failures);
    let foreign = "Cache entries that were sealed with another key.";
    counter(&mut page, "llmr_cache_foreign_total", foreign, cache.foreign);
    counter(&mut page, "llmr_cache_saved_usd_total", "What the cache's answers would have cost, in USD.", cache.saved);
    gauge(&mut page, "llmr_cache_entries", "Answers in the cache.", cache.entries);
    gauges(&mut page, now);
    page.finish()
}

fn counter(page: &mut Exposition, name: &str, help: &str, value: impl ToString) {
    page.metric(name, MetricKind::Counter, help);
    page.sample(name, &[], &value.to_string());
}

fn gauge(page: &mut Exposition, name: &str, help: &str, value: impl ToString) {
    page.metric(name, MetricKind::Gauge, help);
    page.sample(name, &[], &value.to_string());
}

/// A part of a candidate's sums and its name.
type Part = (&'static str, fn(&CandidateStats) -> u64);

/// One sample for each candidate and each of some parts of its sums.
fn by_candidate<const N: usize>(page: &mut Exposition, all: &Stats, name: &str, part: &str, parts: [Part; N]) {
    for sums in &all.candidates {
        for (value, of) in parts {
            let labels =
                [("provider", sums.candidate.provider.as_str()), ("model", &sums.candidate.model), (part, value)];
            page.sample(name, &labels, &of(sums).to_string());
        }
    }
}

fn attempts(page: &mut Exposition, all: &Stats) {
    let name = "llmr_attempts_total";
    page.metric(name, MetricKind::Counter, "Exchanges with providers by how they ended.");
    by_candidate(
        page,
        all,
        name,
        "outcome",
        [("ok", |s| s.ok), ("failed", |s| s.failed), ("cancelled", |s| s.cancelled)],
    );
    let name = "llmr_tokens_total";
    page.metric(name, MetricKind::Counter, "Tokens read and written, in buckets that do not overlap.");
    let kinds: [Part; 5] = [
        ("input", |s| s.usage.input_tokens),
        ("cached_input", |s| s.usage.cached_input_tokens),
        ("cache_write", |s| s.usage.cache_write_tokens),
        ("output", |s| s.usage.output_tokens),
        ("reasoning", |s| s.usage.reasoning_tokens),
    ];
    by_candidate(page, all, name, "kind", kinds);
}

fn money(page: &mut Exposition, all: &Stats) {
    let name = "llmr_cost_usd_total";
    page.metric(name, MetricKind::Counter, "What attempts with a known price cost, in USD.");
    for sums in all.candidates.iter().filter(|sums| sums.unpriced < sums.attempts) {
        page.sample(name, &whose(sums), &sums.cost.to_string());
    }
    let name = "llmr_unpriced_attempts_total";
    page.metric(name, MetricKind::Counter, "Attempts without a known price; no cost has them.");
    for sums in &all.candidates {
        page.sample(name, &whose(sums), &sums.unpriced.to_string());
    }
}

fn whose(sums: &CandidateStats) -> [(&str, &str); 2] {
    [("provider", &sums.candidate.provider), ("model", &sums.candidate.model)]
}

fn latencies(page: &mut Exposition, all: &Stats) {
    let name = "llmr_answer_latency_seconds";
    page.metric(name, MetricKind::Histogram, "How long whole answers took; counts are within 5 % of a bound.");
    let [bucket, sum, count] = ["bucket", "sum", "count"].map(|part| format!("{name}_{part}"));
    for sums in &all.candidates {
        let [provider, model] = whose(sums);
        for ms in BOUNDS_MS {
            page.sample(&bucket, &[provider, model, ("le", &seconds(ms))], &sums.latencies.at_most(ms).to_string());
        }
        let answers = sums.latencies.answers().to_string();
        page.sample(&bucket, &[provider, model, ("le", "+Inf")], &answers);
        page.sample(&sum, &[provider, model], &seconds(sums.latency_ms));
        page.sample(&count, &[provider, model], &answers);
    }
}

/// Milliseconds as exact decimal seconds.
fn seconds(ms: u64) -> String {
    let text = format!("{}.{:03}", ms / 1000, ms % 1000);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn gauges(page: &mut Exposition, now: &Now<'_>) {
    let day = now.budget;
    let amounts: [(&str, &str, Option<NanoUsd>); 4] = [
        ("llmr_budget_limit_usd", "The day's limit in USD; absent when there is none.", day.limit_usd),
        ("llmr_budget_spent_usd", "What counts as spent today (UTC), in USD.", Some(day.spent_usd)),
        ("llmr_budget_held_usd", "What is held for attempts under way, in USD.", Some(day.held_usd)),
        ("llmr_budget_remaining_usd", "What is left today, in USD; absent without a limit.", day.remaining_usd),
    ];
    for (name, help, amount) in amounts {
        if let Some(amount) = amount {
            gauge(page, name, help, amount);
        }
    }
    let name = "llmr_breaker_state";
    page.metric(name, MetricKind::Gauge, "1 for the state that a provider's circuit breaker is in, 0 for the others.");
    let states =
        [(BreakerState::Closed, "closed"), (BreakerState::Open, "open"), (BreakerState::HalfOpen, "half_open")];
    for (provider, breaker) in now.breakers {
        for (state, text) in states {
            let value = if breaker.state == state { "1" } else { "0" };
            page.sample(name, &[("provider", provider), ("state", text)], value);
        }
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn seconds_are_exact_decimals() {
        for (ms, text) in [(0, "0"), (100, "0.1"), (1000, "1"), (2500, "2.5"), (60_001, "60.001"), (10_000, "10")] {
            assert_eq!(super::seconds(ms), text);
        }
    }
}
