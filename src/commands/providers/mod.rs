//! `llmr providers`: who takes part, in which state.

pub mod asked;
mod check;

use serde::Serialize;

use crate::cli::{self, ProvidersAction};
use crate::commands::Context;
use crate::config::ProviderConfig;
use crate::engine::breaker::{Breaker, BreakerState};
use crate::error::Result;
use crate::output::{Align, Table, Terminal, units};
use crate::router::Selection;
use crate::router::select::{default_model, unknown_provider, why_not};
use crate::store::{CandidateStats, ProviderState, Rest, Stats};
use crate::types::{FailureClass, NanoUsd, Timestamp};

/// The list as an object.
#[derive(Debug, Serialize)]
struct Report {
    providers: Vec<Provider>,
}

/// One provider.
#[derive(Debug, Clone, Serialize)]
pub struct Provider {
    name: String,
    dialect: &'static str,
    models: Vec<String>,
    default_model: Option<String>,
    key: &'static str,
    /// Whether it takes part in requests, and if not, why.
    takes_part: bool,
    why_not: Option<String>,
    base_url: String,
    breaker: BreakerState,
    open_until: Option<Timestamp>,
    resting_until: Option<Timestamp>,
    health: Health,
    last_failure: Option<FailureClass>,
    p50_latency_ms: Option<u64>,
    spent_today_usd: NanoUsd,
}

/// How well a provider does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Health {
    /// At least 95 of 100 attempts succeed, or none was made.
    Healthy,
    /// At least 50 do.
    Degraded,
    /// Fewer do.
    Unhealthy,
    /// Nothing is sent to it.
    CircuitOpen,
}

/// How well, by its breaker and its success rate of today.
pub fn health(breaker: BreakerState, success_rate: Option<f64>) -> Health {
    match (breaker, success_rate) {
        (BreakerState::Open, _) => Health::CircuitOpen,
        (_, None) => Health::Healthy,
        (_, Some(rate)) if rate >= 0.95 => Health::Healthy,
        (_, Some(rate)) if rate >= 0.5 => Health::Degraded,
        _ => Health::Unhealthy,
    }
}

/// Runs `llmr providers`.
pub fn run(context: &mut Context, args: &cli::Providers) -> Result<()> {
    match &args.action {
        None => list(context, false),
        Some(ProvidersAction::List { all }) => list(context, *all),
        Some(ProvidersAction::Show { name }) => show(context, name),
        Some(ProvidersAction::Check { names, live }) => check::run(context, names, *live),
        Some(ProvidersAction::Reset { name }) => {
            find(context, name)?;
            context.store()?.reset_provider(name)?;
            show(context, name)
        }
    }
}

/// The provider of this name; wrong usage if there is none.
pub fn find<'c>(context: &'c Context, name: &str) -> Result<&'c ProviderConfig> {
    context.config.providers.iter().find(|p| p.name == name).ok_or_else(|| {
        let names: Vec<_> = context.config.providers.iter().map(|p| p.name.as_str()).collect();
        unknown_provider(name, &names)
    })
}

fn list(context: &mut Context, all: bool) -> Result<()> {
    let mut providers = every(context)?;
    if !all && !context.json() {
        providers.retain(|p| p.takes_part);
    }
    if providers.is_empty() {
        context
            .messages
            .hint("no provider takes part: set a key such as OPENAI_API_KEY; `llmr providers list --all` shows all");
    }
    context.print(&Report { providers }, |r, terminal| table(&r.providers, terminal))
}

fn show(context: &mut Context, name: &str) -> Result<()> {
    find(context, name)?;
    let mut providers = every(context)?;
    providers.retain(|p| p.name == name);
    context.print(&Report { providers }, |r, terminal| r.providers.iter().map(|p| details(p, terminal)).collect())
}

fn every(context: &Context) -> Result<Vec<Provider>> {
    let now = context.now();
    let store = context.store_for_reading()?;
    let (facts, states) = (store.facts(now)?, store.breakers()?);
    let stats = store.stats(now.day(), now.day())?;
    let of = |p: &ProviderConfig| provider(p, states.get(&p.name), &facts.rests, &stats, now);
    Ok(context.config.providers.iter().map(of).collect())
}

fn provider(
    config: &ProviderConfig,
    state: Option<&ProviderState>,
    rests: &[Rest],
    stats: &Stats,
    now: Timestamp,
) -> Provider {
    let breaker = state.map_or_else(Breaker::default, |s| s.as_of(now).breaker);
    let today = of_provider(stats, &config.name);
    let takes_part = config.participates();
    Provider {
        name: config.name.clone(),
        dialect: config.dialect.name(),
        models: config.models.clone(),
        default_model: default_model(config, &Selection::default()),
        key: config.key_state.name(),
        takes_part,
        why_not: (!takes_part).then(|| why_not(config)),
        base_url: config.base_url.clone(),
        breaker: breaker.state(now),
        open_until: breaker.open_until.filter(|_| breaker.state(now) == BreakerState::Open),
        resting_until: rests.iter().filter(|r| r.provider == config.name && now < r.until).map(|r| r.until).max(),
        health: health(breaker.state(now), today.as_ref().and_then(CandidateStats::success_rate)),
        last_failure: state.and_then(|s| s.last_failure).map(|(class, _)| class),
        p50_latency_ms: today.as_ref().and_then(|t| t.latencies.percentile(0.5)),
        spent_today_usd: today.map_or(NanoUsd::ZERO, |t| t.cost),
    }
}

/// The sums of a provider over all its models; `None` when it was not asked.
pub fn of_provider(stats: &Stats, name: &str) -> Option<CandidateStats> {
    let mut all = stats.candidates.iter().filter(|c| c.candidate.provider == name).cloned();
    let first = all.next()?;
    Some(all.fold(first, |mut sum, next| {
        sum.merge(&next);
        sum
    }))
}

fn table(providers: &[Provider], terminal: &Terminal) -> String {
    let mut table = Table::new(&[
        ("provider", Align::Left),
        ("model", Align::Left),
        ("key", Align::Left),
        ("state", Align::Left),
        ("median", Align::Right),
        ("today", Align::Right),
    ]);
    for p in providers {
        table.row([
            p.name.clone(),
            p.default_model.clone().unwrap_or_else(|| "-".to_owned()),
            p.key.replace('_', " "),
            state(p),
            p.p50_latency_ms.map_or(String::new(), units::duration_ms),
            units::usd(p.spent_today_usd),
        ]);
    }
    if table.is_empty() { String::new() } else { table.render(terminal) }
}

fn state(p: &Provider) -> String {
    match (p.breaker, p.open_until, p.resting_until, &p.why_not) {
        (_, _, _, Some(why)) => why.clone(),
        (BreakerState::Open, Some(until), ..) => format!("breaker open until {} UTC", units::to_the_second(until)),
        (BreakerState::HalfOpen, ..) => "breaker half open".to_owned(),
        (_, _, Some(until), _) => format!("resting until {} UTC", units::to_the_second(until)),
        _ => format!("{:?}", p.health).to_lowercase(),
    }
}

fn details(p: &Provider, terminal: &Terminal) -> String {
    let mut table = Table::pairs();
    let or_none = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
    table.row(["provider".to_owned(), p.name.clone()]);
    table.row(["dialect".to_owned(), p.dialect.to_owned()]);
    table.row(["base URL".to_owned(), p.base_url.clone()]);
    table.row(["key".to_owned(), p.key.replace('_', " ")]);
    table.row(["default model".to_owned(), or_none(p.default_model.clone())]);
    table.row(["models".to_owned(), or_none(Some(p.models.join(", ")).filter(|m| !m.is_empty()))]);
    table.row(["state".to_owned(), state(p)]);
    table.row(["last failure".to_owned(), or_none(p.last_failure.map(|c| c.to_string()))]);
    table.row(["median latency today".to_owned(), or_none(p.p50_latency_ms.map(units::duration_ms))]);
    table.row(["spent today".to_owned(), units::usd(p.spent_today_usd)]);
    table.render(terminal)
}
