//! `llmr budget`: the day's money.

use serde::Serialize;

use crate::cli::{self, BudgetAction};
use crate::commands::Context;
use crate::commands::question;
use crate::engine::budget::BudgetState;
use crate::error::{Error, Kind, Result};
use crate::output::bars::{Bars, Line};
use crate::output::{Align, Terminal, units};
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

/// The same with what was checked.
#[derive(Debug, Serialize)]
struct Checked {
    #[serde(flatten)]
    report: Report,
    check: Check,
}

/// What `budget check` found.
#[derive(Debug, Serialize)]
struct Check {
    /// Whether work may go on: the exit code is 0.
    passed: bool,
    fail_on: String,
    min_remaining_usd: Option<NanoUsd>,
    /// Why not.
    reason: Option<String>,
}

/// What a day cost.
#[derive(Debug, Clone, Serialize)]
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
            let past = filled(&report.history);
            context.print(&report, |r, terminal| history(r, &past, terminal))
        }
        Some(BudgetAction::Check { fail_on, min_remaining }) => check(context, fail_on, min_remaining.as_deref()),
    }
}

fn report(context: &Context, days: u32) -> Result<Report> {
    let now = context.host.now();
    let store = context.store_for_reading()?;
    let sums = store.facts(now)?;
    let (limit, limit_source) = context.limit(sums.limit_set)?;
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
    let (in_force, source) = context.limit(context.store_for_reading()?.limit_at_opening())?;
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
    let reason = reason(&report.day, fail_on, wanted);
    let check = Check {
        passed: reason.is_none(),
        fail_on: fail_on.to_owned(),
        min_remaining_usd: wanted,
        reason: reason.clone(),
    };
    context.print(&Checked { report, check }, |checked, _| status(&checked.report))?;
    reason.map_or(Ok(()), |reason| Err(Error::new(Kind::Budget, reason).printed()))
}

/// Why work may not go on, if so.
fn reason(day: &Day, fail_on: &str, wanted: Option<NanoUsd>) -> Option<String> {
    let limit = day.limit_usd.map_or(Limit::Off, Limit::Usd);
    let passed = match day.state {
        BudgetState::Ok => false,
        BudgetState::Soft => fail_on == "soft",
        BudgetState::Hard => true,
    };
    if passed {
        return Some(format!("{} USD of today's {limit} USD are spent", day.spent_usd));
    }
    let (wanted, left) = (wanted?, day.remaining_usd?);
    (left < wanted).then(|| format!("{left} USD are left of today's {limit} USD, less than {wanted} USD"))
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

/// The days from the first of some to the last, the oldest first; those that are not among them cost nothing.
fn filled(days: &[PastDay]) -> Vec<PastDay> {
    let (Some(last), Some(first)) = (days.first(), days.last()) else { return Vec::new() };
    let empty = |day| PastDay { day, spent_usd: NanoUsd::ZERO, requests: 0 };
    let of = |day| days.iter().find(|past| past.day == day).cloned().unwrap_or_else(|| empty(day));
    (first.day.0..=last.day.0).map(|day| of(crate::types::Day(day))).collect()
}

/// A bar a day, with today's limit marked in each.
fn history(report: &Report, days: &[PastDay], terminal: &Terminal) -> String {
    let mut bars = Bars::new(&[("spent", Align::Right), ("requests", Align::Right)]);
    for day in days {
        bars.push(Line {
            name: day.day.to_string(),
            value: day.spent_usd.as_usd(),
            cells: vec![units::usd(day.spent_usd), units::tokens(day.requests)],
        });
    }
    let limit = report.day.limit_usd.filter(|limit| *limit > NanoUsd::ZERO);
    match (bars.render("day", limit.map(NanoUsd::as_usd), terminal), limit) {
        (text, _) if text.is_empty() => "nothing was spent yet\n".to_owned(),
        (text, Some(limit)) => {
            let sign = if terminal.utf8 { '│' } else { '|' };
            format!("{text}{sign} marks today's limit, {}\n", units::usd(limit))
        }
        (text, None) => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::Day;

    #[test]
    fn days_between_are_filled_the_oldest_first() {
        let past = |n: i32| PastDay { day: Day(n), spent_usd: NanoUsd(7), requests: 1 };
        let shown: Vec<_> = filled(&[past(9), past(6)]).iter().map(|d| (d.day.0, d.requests)).collect();
        assert_eq!(shown, [(6, 1), (7, 0), (8, 0), (9, 1)]);
        assert!(filled(&[]).is_empty());
    }
}
