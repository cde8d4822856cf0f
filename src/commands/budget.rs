//! `llmr budget`: the day's money.

use serde::Serialize;

use crate::cli::{self, BudgetAction};
use crate::commands::Context;
use crate::commands::question;
use crate::engine::budget::BudgetState;
use crate::error::{Error, Kind, Result};
use crate::output::{Align, Table, Terminal, units};
use crate::router::Day;
use crate::types::{Limit, NanoUsd};

/// How many days of history the status shows.
const STATUS_DAYS: u32 = 7;

/// The day's money with some history.
#[derive(Debug, Serialize)]
struct Report {
    #[serde(flatten)]
    day: Day,
    limit_source: String,
    history: Vec<PastDay>,
}

/// What a day cost.
#[derive(Debug, Serialize)]
struct PastDay {
    day: crate::types::Day,
    spent_usd: NanoUsd,
    requests: u64,
}

/// Runs `llmr budget`.
pub fn run(context: &mut Context, args: &cli::Budget) -> Result<()> {
    match &args.action {
        None | Some(BudgetAction::Status) => {
            let report = report(context, STATUS_DAYS)?;
            context.print(&report, |r, _| status(r))
        }
        Some(BudgetAction::Set { usd }) => set(context, usd),
        Some(BudgetAction::Reset { to }) => reset(context, to),
        Some(BudgetAction::History { days }) => {
            let report = report(context, *days)?;
            context.print(&report, history)
        }
        Some(BudgetAction::Check { fail_on, min_remaining }) => check(context, fail_on, min_remaining.as_deref()),
    }
}

fn report(context: &Context, days: u32) -> Result<Report> {
    let now = context.host.now();
    let store = context.store_for_reading()?;
    let (limit, limit_source) = context.limit(&store)?;
    let sums = store.facts(now)?;
    let history = store
        .history(now.day().plus(1 - i32::try_from(days).unwrap_or(i32::MAX)), now.day())?
        .into_iter()
        .map(|d| PastDay { day: d.day, spent_usd: d.spent, requests: d.requests });
    Ok(Report {
        day: Day::of(limit, context.config.settings.soft_pct, &sums),
        limit_source,
        history: history.collect(),
    })
}

fn set(context: &mut Context, usd: &str) -> Result<()> {
    let limit = question::limit(usd)?;
    context.store()?.set_limit(Some(limit), context.host.now())?;
    let (in_force, source) = context.limit(&context.store_for_reading()?)?;
    if in_force != limit {
        context.messages.warning(&format!("the limit in force is {in_force} USD, from {source}, which wins"));
    }
    let report = report(context, STATUS_DAYS)?;
    context.print(&report, |r, _| status(r))
}

fn reset(context: &mut Context, to: &str) -> Result<()> {
    let to = question::amount("--to", to)?;
    let now = context.host.now();
    context.store()?.reset_day(now.day(), to, now)?;
    let report = report(context, STATUS_DAYS)?;
    context.print(&report, |r, _| status(r))
}

/// Exit 4 when the day's money is used up, or less is left than wanted. The report is printed either way.
fn check(context: &mut Context, fail_on: &str, min_remaining: Option<&str>) -> Result<()> {
    let wanted = min_remaining.map(|usd| question::amount("--min-remaining", usd)).transpose()?;
    let report = report(context, STATUS_DAYS)?;
    context.print(&report, |r, _| status(r))?;
    let day = &report.day;
    let passed = match day.state {
        BudgetState::Ok => false,
        BudgetState::Soft => fail_on == "soft",
        BudgetState::Hard => true,
    };
    let limit = day.limit_usd.map_or(Limit::Off, Limit::Usd);
    if passed {
        return Err(
            Error::new(Kind::Budget, format!("{} USD of today's {limit} USD are spent", day.spent_usd)).printed()
        );
    }
    match (wanted, day.remaining_usd) {
        (Some(wanted), Some(left)) if left < wanted => {
            let message = format!("{left} USD are left of today's {limit} USD, less than {wanted} USD");
            Err(Error::new(Kind::Budget, message).printed())
        }
        _ => Ok(()),
    }
}

fn status(report: &Report) -> String {
    let day = &report.day;
    let Some(limit) = day.limit_usd else {
        return format!(
            "{}  {} spent, no limit ({})\n{} requests\n",
            day.day,
            units::usd(day.spent_usd),
            report.limit_source,
            day.requests
        );
    };
    let state = match day.state {
        BudgetState::Ok => "",
        BudgetState::Soft => ", past the soft cut-off: cheaper providers are preferred",
        BudgetState::Hard => ", used up: only free answers are given",
    };
    format!(
        "{}  {} of {} spent ({}){state}\n{} held by requests under way, {} left; resets at {}\n{} requests; limit from {}\n",
        day.day,
        units::usd(day.spent_usd),
        units::usd(limit),
        units::percent(day.used_pct),
        units::usd(day.held_usd),
        day.remaining_usd.map_or_else(String::new, units::usd),
        day.resets_at,
        day.requests,
        report.limit_source
    )
}

fn history(report: &Report, terminal: &Terminal) -> String {
    let mut table = Table::new(&[("day", Align::Left), ("spent", Align::Right), ("requests", Align::Right)]);
    for day in &report.history {
        table.row([day.day.to_string(), units::usd(day.spent_usd), units::tokens(day.requests)]);
    }
    if table.is_empty() {
        return "nothing was spent yet\n".to_owned();
    }
    table.render(terminal)
}
