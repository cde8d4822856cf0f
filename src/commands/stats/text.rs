//! The report for people, on a terminal or in a pipe.

use super::groups::{By, Counted, Group, dearest};
use super::outlook::{FORECAST_DAYS, Forecast, Trend};
use super::report::{Report, Row};
use crate::commands::cache;
use crate::output::bars::{Bars, Line};
use crate::output::{Align, Table, Terminal, units};
use crate::types::NanoUsd;

/// Rows of tags that a person takes in; the others are summed up in the last one.
const MOST_ROWS: usize = 20;

/// The whole report.
pub fn text(report: &Report, groups: &[Group], terminal: &Terminal) -> String {
    let mut text = format!(
        "{} to {}: {} requests, {}\n",
        report.from,
        report.to,
        units::tokens(report.total_requests),
        units::usd_or_unknown(report.cost_usd)
    );
    text += &match report.by {
        By::Day => days(groups, terminal),
        By::Tag => table(&dearest(groups, MOST_ROWS), By::Tag, terminal),
        by => table(groups, by, terminal),
    };
    if report.unpriced_attempts > 0 {
        let n = units::tokens(report.unpriced_attempts);
        text += &format!("{n} attempts had no known price: their cost is not in the sums\n");
    }
    text += &cache::text(&report.cache);
    text += &report.trend.as_ref().map_or_else(String::new, |t| format!("{}\n", trend(t)));
    text += &report.forecast.as_ref().map_or_else(String::new, |f| format!("{}\n", forecast(f)));
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

/// A sentence.
pub fn trend(t: &Trend) -> String {
    let change = |pct: Option<f64>, before: String| match pct {
        None => format!("none in the 7 before, {before}"),
        Some(pct) if pct >= 0.0 => format!("{} more than in the 7 before, {before}", units::percent(pct)),
        Some(pct) => format!("{} less than in the 7 before, {before}", units::percent(-pct)),
    };
    format!(
        "last 7 whole days: {} ({}); {} requests ({})",
        units::usd(t.spend_usd),
        change(t.spend_change_pct, units::usd(t.spend_before_usd)),
        units::tokens(t.requests),
        change(t.requests_change_pct, units::tokens(t.requests_before)),
    )
}

/// A sentence.
pub fn forecast(f: &Forecast) -> String {
    let range = match f.low_usd == f.high_usd {
        true => String::new(),
        false => format!(" ({} to {})", units::usd(f.low_usd), units::usd(f.high_usd)),
    };
    let days = if f.days < i64::from(FORECAST_DAYS) { format!(", from {} days", f.days) } else { String::new() };
    format!(
        "{}: {} so far, about {}{range} by its end{days}",
        f.month,
        units::usd(f.spent_usd),
        units::usd(f.month_usd)
    )
}

fn table(groups: &[Group], by: By, terminal: &Terminal) -> String {
    let counted = match by.counted() {
        Counted::Attempts => "attempts",
        Counted::Requests => "requests",
    };
    let mut table = Table::new(&[
        (by.name(), Align::Left),
        (counted, Align::Right),
        ("success", Align::Right),
        ("median", Align::Right),
        ("95 %", Align::Right),
        ("tokens", Align::Right),
        ("cost", Align::Right),
        ("each", Align::Right),
    ]);
    for group in groups {
        let row = Row::of(group, by);
        let counted = if by.counted() == Counted::Attempts { row.attempts } else { row.requests };
        let [median, p95] = latencies(&row);
        table.row([
            row.name.unwrap_or_else(|| "(none)".to_owned()),
            units::tokens(counted),
            rate(row.success_rate),
            median,
            p95,
            units::tokens(group.usage.prompt_tokens().saturating_add(group.usage.completion_tokens())),
            units::usd_or_unknown(row.cost_usd),
            row.cost_per_request_usd.map_or_else(String::new, units::usd),
        ]);
    }
    if table.is_empty() { String::new() } else { table.render(terminal) }
}

/// A bar a day: of what it cost, or of its requests where nothing cost anything.
fn days(groups: &[Group], terminal: &Terminal) -> String {
    let priced = groups.iter().any(|day| day.cost > NanoUsd::ZERO);
    let mut bars = Bars::new(&[
        ("cost", Align::Right),
        ("requests", Align::Right),
        ("success", Align::Right),
        ("median", Align::Right),
        ("95 %", Align::Right),
    ]);
    for group in groups {
        let row = Row::of(group, By::Day);
        let [median, p95] = latencies(&row);
        #[allow(clippy::cast_precision_loss)]
        let value = if priced { group.cost.0 as f64 } else { row.requests as f64 };
        bars.push(Line {
            name: group.name.clone(),
            value,
            cells: vec![
                units::usd_or_unknown(row.cost_usd),
                units::tokens(row.requests),
                rate(row.success_rate),
                median,
                p95,
            ],
        });
    }
    bars.render("day", None, terminal)
}

fn rate(rate: Option<f64>) -> String {
    rate.map_or_else(String::new, |rate| units::percent(rate * 100.0))
}

fn latencies(row: &Row) -> [String; 2] {
    [row.p50_latency_ms, row.p95_latency_ms].map(|ms| ms.map_or_else(String::new, units::duration_ms))
}

#[cfg(test)]
mod tests {
    use super::super::outlook::trend as compared;
    use super::*;
    use crate::types::Day;

    #[test]
    fn a_trend_says_more_or_less_and_never_both() {
        let today = Day::of(2026, 11, 21);
        for (before, now, says) in [(10, 15, "50 % more"), (10, 10, "0 % more"), (10, 5, "50 % less"), (0, 5, "none")] {
            let days = (1..=14).map(|ago| (today.plus(-ago), (NanoUsd(if ago > 7 { before } else { now }), 2)));
            let sentence = trend(&compared(&days.collect(), today, today).unwrap());
            assert_eq!(sentence.matches(says).count(), if now == before { 2 } else { 1 }, "{sentence}");
            assert!(sentence.contains("14 requests (0 % more than in the 7 before, 14)"), "{sentence}");
        }
    }
}
