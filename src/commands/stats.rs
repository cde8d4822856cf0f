//! `llmr stats`: what was asked, answered and spent, in every form it is shown in.
//!
//! All of it comes from the store's sums over days: no report reads the ledger, so that its cost grows with days
//! and names and not with requests.

mod export;
mod groups;
mod outlook;
mod page;
mod range;
mod report;
mod routing;
mod text;

use std::collections::BTreeMap;

use crate::cli;
use crate::commands::context::write;
use crate::commands::{Context, cache, providers};
use crate::engine::breaker::BreakerState;
use crate::error::{Error, Kind, Result};
use crate::output::json::{self, Layout};
use crate::output::sanitize;
use crate::router;
use crate::store::{Stats, Store};
use crate::types::Day;
use groups::{By, Group};
use outlook::Spending;
use range::Range;
use report::{CircuitBreaker, Report, Row};

/// Every day that can be recorded.
const EVER: (Day, Day) = (Day(i32::MIN), Day(i32::MAX));

/// Runs `llmr stats`.
pub fn run(context: &mut Context, args: &cli::Stats) -> Result<()> {
    let now = context.now();
    let store = context.store_for_reading()?;
    let range = Range::of(args, now.day(), store.first_day()?)?;
    let by = args.by.as_deref().and_then(By::from_name).unwrap_or(By::Provider);
    // Charges what dead processes held, so that the sums have it.
    store.budget_day(now)?;
    match args.format.as_deref() {
        _ if args.routing => {
            let report = routing::report(context, &store, &range)?;
            context.print(&report, routing::text)
        }
        Some("prometheus") => metrics(context, &store, args),
        Some("html") => {
            let (report, _) = report(context, &store, &range, by)?;
            let budget = budget(context, &store)?;
            harmless(context, page::page(&store, &range, &report, &budget, now)?)
        }
        Some("csv") => harmless(context, export::rows(&report(context, &store, &range, by)?.0)?),
        format => {
            let (report, groups) = report(context, &store, &range, by)?;
            match format == Some("json") || context.json() {
                true => write(&json::render(&report, Layout::of(&context.printer.terminal))?),
                false => write(&context.printer.harmless(text::text(&report, &groups, &context.printer.terminal))),
            }
        }
    }
}

/// Names come from outside: a terminal gets them made harmless, a pipe as they are.
fn harmless(context: &Context, text: String) -> Result<()> {
    match context.printer.terminal.stdout {
        true => write(&sanitize::text(&text)),
        false => write(&text),
    }
}

fn metrics(context: &Context, store: &Store, args: &cli::Stats) -> Result<()> {
    let chosen = [
        ("--days", args.days.is_some()),
        ("--since", args.since.is_some()),
        ("--until", args.until.is_some()),
        ("--by", args.by.is_some()),
    ];
    if let Some((flag, _)) = chosen.into_iter().find(|(_, given)| *given) {
        let error = Error::new(Kind::Usage, format!("{flag} and --format prometheus contradict each other"));
        return Err(error.hint("its counters are of every day and every provider and model; leave one of them out"));
    }
    let all = store.stats(EVER.0, EVER.1)?;
    let breakers = circuit_breakers(context, store)?;
    let budget = budget(context, store)?;
    harmless(context, export::metrics(&all, &export::Now { budget: &budget, breakers: &breakers }))
}

/// The day's money.
fn budget(context: &Context, store: &Store) -> Result<router::Day> {
    let sums = store.facts(context.now())?;
    let (limit, _) = context.limit(sums.limit_set)?;
    Ok(router::Day::of(limit, context.config.settings.soft_pct, &sums))
}

fn report(context: &Context, store: &Store, range: &Range, by: By) -> Result<(Report, Vec<Group>)> {
    let now = context.now();
    let stats = store.stats(range.from, range.to)?;
    let groups = groups::groups(store, by, range, &stats)?;
    let spending = spending(store, range)?;
    let mut total = Group::none("");
    groups::candidates_of(&stats).iter().for_each(|group| total.merge(group));
    let report = Report {
        from: range.from,
        to: range.to,
        total_requests: stats.requests,
        cost_usd: total.known_cost(),
        unpriced_attempts: total.unpriced,
        providers: by_provider(context, store, &stats)?,
        circuit_breakers: circuit_breakers(context, store)?,
        cache: cache::Report::of(&stats.cache),
        shadow: store.shadows(range.from, range.to)?.into_iter().map(report::shadow).collect(),
        by,
        counted: by.counted(),
        rows: groups.iter().map(|group| Row::of(group, by)).collect(),
        trend: outlook::trend(&spending, range.to, range.today),
        forecast: outlook::forecast(&spending, now),
    };
    Ok((report, groups))
}

/// What the days cost that trend and forecast look at: the two weeks before the range's end, this month and the two
/// weeks before today, and the first recorded day, which tells how far back there is anything.
fn spending(store: &Store, range: &Range) -> Result<Spending> {
    let back = outlook::FORECAST_DAYS + 1;
    let from = range.to.min(range.today.first_of_month()).min(range.today.plus(-back)).min(range.to.plus(-back));
    let mut days = store.history(from, range.today)?;
    if let Some(first) = range.first.filter(|first| *first < from) {
        days.extend(store.history(first, first)?);
    }
    Ok(days.into_iter().map(|day| (day.day, (day.ledger, day.requests))).collect())
}

fn by_provider(context: &Context, store: &Store, stats: &Stats) -> Result<BTreeMap<String, report::Provider>> {
    let now = context.now();
    let states = store.breakers()?;
    let state = |name: &str| states.get(name).map(|s| s.as_of(now).breaker).unwrap_or_default().state(now);
    let names = stats.candidates.iter().map(|c| c.candidate.provider.as_str());
    let rows = names.filter_map(|name| {
        let sums = providers::of_provider(stats, name)?;
        Some((name.to_owned(), report::provider(&sums, state(name))))
    });
    Ok(rows.collect())
}

fn circuit_breakers(context: &Context, store: &Store) -> Result<BTreeMap<String, CircuitBreaker>> {
    let now = context.now();
    let rows = store.breakers()?.into_iter().map(|(name, state)| {
        let b = state.as_of(now).breaker;
        let open_until = b.open_until.filter(|_| b.state(now) == BreakerState::Open);
        (name, CircuitBreaker { state: b.state(now), failures: b.failures, open_until })
    });
    Ok(rows.collect())
}
