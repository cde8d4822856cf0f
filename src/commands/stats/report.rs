//! The report as an object: what `--json` prints, and what every other form is made of.

use std::collections::BTreeMap;

use serde::Serialize;

use super::groups::{By, Counted, Group};
use super::outlook::{Forecast, Trend};
use crate::commands::{cache, providers};
use crate::engine::breaker::BreakerState;
use crate::store::{CandidateStats, ShadowStats};
use crate::types::{Day, NanoUsd, Timestamp};

/// Everything as an object.
#[derive(Debug, Serialize)]
pub struct Report {
    /// The first day.
    pub from: Day,
    /// The last day.
    pub to: Day,
    /// Requests begun.
    pub total_requests: u64,
    /// What all attempts cost, as far as known; null when no price is.
    pub cost_usd: Option<NanoUsd>,
    /// Attempts without a known price, which are not in any cost.
    pub unpriced_attempts: u64,
    /// By provider.
    pub providers: BTreeMap<String, Provider>,
    /// By provider.
    pub circuit_breakers: BTreeMap<String, CircuitBreaker>,
    /// The cache.
    pub cache: cache::Report,
    /// Strategies beside the one in force, where any request was made in mode `shadow`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub shadow: Vec<Shadow>,
    /// What there is a row for.
    pub by: By,
    /// What `ok`, `failed`, `success_rate` and the latencies of a row are of.
    pub counted: Counted,
    /// The rows.
    pub rows: Vec<Row>,
    /// The last week beside the one before; null when there is none.
    pub trend: Option<Trend>,
    /// What this month will likely cost; null while too few days are recorded.
    pub forecast: Option<Forecast>,
}

/// One provider's sums.
#[derive(Debug, Serialize)]
pub struct Provider {
    total_requests: u64,
    success_rate: f64,
    avg_cost_per_request_usd: Option<NanoUsd>,
    avg_latency_ms: Option<f64>,
    p50_latency_ms: Option<u64>,
    p95_latency_ms: Option<u64>,
    tokens: u64,
    cost_usd: Option<NanoUsd>,
    health: providers::Health,
}

/// One provider's breaker.
#[derive(Debug, Serialize)]
pub struct CircuitBreaker {
    /// Closed, open or half open.
    pub state: BreakerState,
    /// Failures in a row.
    pub failures: u32,
    /// Until when nothing is sent.
    pub open_until: Option<Timestamp>,
}

/// What a strategy would have chosen, over the requests made in mode `shadow`.
#[derive(Debug, Serialize)]
pub struct Shadow {
    /// Which.
    pub strategy: String,
    /// Over how many.
    pub requests: u64,
    /// For how many it would have chosen the same.
    pub same_choice: u64,
    /// What its choices would likely have cost.
    pub expected_cost_usd: NanoUsd,
    /// What the choices in force were expected to cost.
    pub chosen_expected_cost_usd: NanoUsd,
}

/// The sums of one provider, model, day, tag or tier.
#[derive(Debug, Clone, Serialize)]
pub struct Row {
    /// Of what; null: of requests without a tag, or without an answer that has a tier.
    pub name: Option<String>,
    /// The provider, in a row of a model.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provider: Option<String>,
    /// The model, in a row of a model.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// Requests.
    pub requests: u64,
    /// Exchanges with a provider.
    pub attempts: u64,
    /// Whole answers among what is counted.
    pub ok: u64,
    /// Failures among it.
    pub failed: u64,
    /// What the user gave up of it.
    pub cancelled: u64,
    /// Whole answers among those and the failures, 0–1; null without any.
    pub success_rate: Option<f64>,
    /// What the attempts cost, as far as known; null when no price is.
    pub cost_usd: Option<NanoUsd>,
    /// Attempts without a known price.
    pub unpriced_attempts: u64,
    /// The cost of one; null without any.
    pub cost_per_request_usd: Option<NanoUsd>,
    /// The latency that half of the whole answers did not exceed.
    pub p50_latency_ms: Option<u64>,
    /// The same of 95 in 100.
    pub p95_latency_ms: Option<u64>,
    /// The same of 99 in 100.
    pub p99_latency_ms: Option<u64>,
    /// Prompt tokens that were neither read from nor written to a provider's cache.
    pub input_tokens: u64,
    /// Prompt tokens read from it.
    pub cached_input_tokens: u64,
    /// Prompt tokens written to it.
    pub cache_write_tokens: u64,
    /// Tokens of visible answers.
    pub output_tokens: u64,
    /// Tokens of thinking.
    pub reasoning_tokens: u64,
    /// Requests that llmr's own cache answered.
    pub cache_hits: u64,
    /// What those would have cost.
    pub saved_usd: NanoUsd,
}

impl Row {
    /// From the sums of a group.
    pub fn of(group: &Group, by: By) -> Self {
        Self {
            name: Some(group.name.clone()).filter(|name| !name.is_empty()),
            provider: group.candidate.as_ref().map(|id| id.provider.clone()),
            model: group.candidate.as_ref().map(|id| id.model.clone()),
            requests: group.requests,
            attempts: group.attempts,
            ok: group.ok,
            failed: group.failed,
            cancelled: group.cancelled,
            success_rate: group.success_rate().map(four_decimals),
            cost_usd: group.known_cost(),
            unpriced_attempts: group.unpriced,
            cost_per_request_usd: group.cost_each(by),
            p50_latency_ms: group.latencies.percentile(0.5),
            p95_latency_ms: group.latencies.percentile(0.95),
            p99_latency_ms: group.latencies.percentile(0.99),
            input_tokens: group.usage.input_tokens,
            cached_input_tokens: group.usage.cached_input_tokens,
            cache_write_tokens: group.usage.cache_write_tokens,
            output_tokens: group.usage.output_tokens,
            reasoning_tokens: group.usage.reasoning_tokens,
            cache_hits: group.cache_hits,
            saved_usd: group.saved,
        }
    }
}

/// A provider's sums as the object has them.
pub fn provider(sums: &CandidateStats, breaker: BreakerState) -> Provider {
    let rate = sums.success_rate();
    let priced = i64::try_from(sums.attempts.saturating_sub(sums.unpriced)).unwrap_or(i64::MAX);
    let known = priced > 0 || sums.unpriced == 0;
    Provider {
        total_requests: sums.attempts,
        success_rate: four_decimals(rate.unwrap_or(0.0)),
        avg_cost_per_request_usd: known.then(|| NanoUsd(sums.cost.0 / priced.max(1))),
        avg_latency_ms: sums.mean_latency_ms().map(|ms| (ms * 10.0).round() / 10.0),
        p50_latency_ms: sums.latencies.percentile(0.5),
        p95_latency_ms: sums.latencies.percentile(0.95),
        tokens: sums.usage.prompt_tokens().saturating_add(sums.usage.completion_tokens()),
        cost_usd: known.then_some(sums.cost),
        health: providers::health(breaker, rate),
    }
}

/// A strategy's sums as the object has them.
pub fn shadow(sums: ShadowStats) -> Shadow {
    Shadow {
        strategy: sums.strategy,
        requests: sums.requests,
        same_choice: sums.same_choice,
        expected_cost_usd: sums.expected,
        chosen_expected_cost_usd: sums.chosen,
    }
}

fn four_decimals(share: f64) -> f64 {
    (share * 1e4).round() / 1e4
}
