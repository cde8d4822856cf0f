//! `llmr stats`: what was asked, answered and spent.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

use crate::cli;
use crate::commands::{Context, cache, providers};
use crate::engine::breaker::BreakerState;
use crate::error::Result;
use crate::output::{Align, Table, Terminal, units};
use crate::store::CandidateStats;
use crate::types::{Day, Mode, NanoUsd, Timestamp};

/// Everything as an object.
#[derive(Debug, Serialize)]
struct Report {
    from: Day,
    to: Day,
    total_requests: u64,
    cost_usd: NanoUsd,
    providers: BTreeMap<String, Provider>,
    circuit_breakers: BTreeMap<String, CircuitBreaker>,
    cache: cache::Report,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    shadow: Vec<Shadow>,
}

/// One provider's sums.
#[derive(Debug, Serialize)]
struct Provider {
    total_requests: u64,
    success_rate: f64,
    avg_cost_per_request_usd: NanoUsd,
    avg_latency_ms: Option<f64>,
    p50_latency_ms: Option<u64>,
    p95_latency_ms: Option<u64>,
    tokens: u64,
    cost_usd: NanoUsd,
    health: providers::Health,
}

/// One provider's breaker.
#[derive(Debug, Serialize)]
struct CircuitBreaker {
    state: BreakerState,
    failures: u32,
    open_until: Option<Timestamp>,
}

/// What a strategy would have chosen, over the requests made in mode `shadow`.
#[derive(Debug, Serialize)]
struct Shadow {
    strategy: String,
    requests: u64,
    same_choice: u64,
    expected_cost_usd: NanoUsd,
    chosen_expected_cost_usd: NanoUsd,
}

/// Runs `llmr stats`.
pub fn run(context: &mut Context, args: &cli::Stats) -> Result<()> {
    let now = context.now();
    let to = now.day();
    let from = to.plus(1 - i32::try_from(args.days.unwrap_or(30)).unwrap_or(i32::MAX));
    let store = context.store_for_reading()?;
    // Charges what dead processes held, so that the sums have it.
    store.budget_day(now)?;
    let stats = store.stats(from, to)?;
    let states = store.breakers()?;
    let breaker = |name: &str| states.get(name).map(|s| s.breaker).unwrap_or_default();
    let names: Vec<&str> = stats.candidates.iter().map(|c| c.candidate.provider.as_str()).collect();
    let rows = names.iter().filter_map(|name| {
        let sums = providers::of_provider(&stats, name)?;
        Some(((*name).to_owned(), provider(&sums, breaker(name).state(now))))
    });
    let circuit_breakers = states.iter().map(|(name, state)| {
        let b = state.breaker;
        let open_until = b.open_until.filter(|_| b.state(now) == BreakerState::Open);
        (name.clone(), CircuitBreaker { state: b.state(now), failures: b.failures, open_until })
    });
    let report = Report {
        from,
        to,
        total_requests: stats.requests,
        cost_usd: stats.candidates.iter().map(|c| c.cost).sum(),
        providers: rows.collect(),
        circuit_breakers: circuit_breakers.collect(),
        cache: cache::Report::of(&stats.cache),
        shadow: shadows(&store.decisions(Mode::Shadow, from, to)?),
    };
    context.print(&report, text)
}

fn provider(sums: &CandidateStats, breaker: BreakerState) -> Provider {
    let rate = sums.success_rate();
    let asked = i64::try_from(sums.attempts).unwrap_or(i64::MAX).max(1);
    Provider {
        total_requests: sums.attempts,
        success_rate: (rate.unwrap_or(0.0) * 1e4).round() / 1e4,
        avg_cost_per_request_usd: NanoUsd(sums.cost.0 / asked),
        avg_latency_ms: sums.mean_latency_ms().map(|ms| (ms * 10.0).round() / 10.0),
        p50_latency_ms: sums.latencies.percentile(0.5),
        p95_latency_ms: sums.latencies.percentile(0.95),
        tokens: sums.usage.prompt_tokens().saturating_add(sums.usage.completion_tokens()),
        cost_usd: sums.cost,
        health: providers::health(breaker, rate),
    }
}

/// What the recorded decisions say of the strategies that were not in force.
fn shadows(decisions: &[String]) -> Vec<Shadow> {
    let mut sums: BTreeMap<String, Shadow> = BTreeMap::new();
    for decision in decisions.iter().filter_map(|text| serde_json::from_str::<Value>(text).ok()) {
        let chosen = &decision["candidates"][0];
        for other in decision["shadow"].as_array().into_iter().flatten() {
            let strategy = other["strategy"].as_str().unwrap_or_default().to_owned();
            let row = sums.entry(strategy.clone()).or_insert_with(|| Shadow {
                strategy,
                requests: 0,
                same_choice: 0,
                expected_cost_usd: NanoUsd::ZERO,
                chosen_expected_cost_usd: NanoUsd::ZERO,
            });
            let same = other["provider"] == chosen["provider"] && other["model"] == chosen["model"];
            row.requests += 1;
            row.same_choice += u64::from(same);
            row.expected_cost_usd += cost(other);
            row.chosen_expected_cost_usd += cost(chosen);
        }
    }
    sums.into_values().collect()
}

fn cost(choice: &Value) -> NanoUsd {
    choice["expected_cost_usd"].as_f64().and_then(NanoUsd::from_f64_ceil).unwrap_or_default()
}

fn text(report: &Report, terminal: &Terminal) -> String {
    let mut text = format!(
        "{} to {}: {} requests, {}\n",
        report.from,
        report.to,
        units::tokens(report.total_requests),
        units::usd(report.cost_usd)
    );
    let mut table = Table::new(&[
        ("provider", Align::Left),
        ("attempts", Align::Right),
        ("success", Align::Right),
        ("median", Align::Right),
        ("95 %", Align::Right),
        ("tokens", Align::Right),
        ("cost", Align::Right),
        ("each", Align::Right),
    ]);
    for (name, p) in &report.providers {
        let ms = |ms: Option<u64>| ms.map_or(String::new(), units::duration_ms);
        table.row([
            name.clone(),
            units::tokens(p.total_requests),
            units::percent(p.success_rate * 100.0),
            ms(p.p50_latency_ms),
            ms(p.p95_latency_ms),
            units::tokens(p.tokens),
            units::usd(p.cost_usd),
            units::usd(p.avg_cost_per_request_usd),
        ]);
    }
    if !table.is_empty() {
        text += &table.render(terminal);
    }
    text += &cache::text(&report.cache);
    for s in &report.shadow {
        text += &format!(
            "{} would have chosen the same {} of {} times, for about {} instead of {}\n",
            s.strategy,
            s.same_choice,
            s.requests,
            units::usd(s.expected_cost_usd),
            units::usd(s.chosen_expected_cost_usd)
        );
    }
    text
}
