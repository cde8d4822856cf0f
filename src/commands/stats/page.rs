//! The report as one HTML page with charts.

use std::fmt::Write;

use super::groups::{self, By, Counted, Group, dearest};
use super::outlook::{Forecast, Trend};
use super::range::Range;
use super::report::{Report, Row};
use super::text;
use crate::error::Result;
use crate::output::html::chart::{Chart, Form, Series, Slot, SlotState, Unit};
use crate::output::html::{self, Column, escape};
use crate::output::units;
use crate::router;
use crate::store::{DayStats, Label, Store};
use crate::types::{Day, NanoUsd, Timestamp};

/// Days a chart can show; of a longer range the last ones.
const MOST_DAYS: usize = 366;
/// Rows of a table by tag or model; the others are summed up in the last one.
const MOST_ROWS: usize = 30;

/// One day of the charts.
struct Point {
    day: Day,
    sums: Group,
    misses: u64,
    /// Requests that ended well, and those that failed.
    ended: (u64, u64),
}

/// The whole page.
pub fn page(store: &Store, range: &Range, report: &Report, budget: &router::Day, now: Timestamp) -> Result<String> {
    let points = points(store, range)?;
    let mut body = format!(
        "<header><h1>llmr: <span>{}</span> to <span>{}</span></h1>\n<p class=\"muted\">Days are UTC days. Made at {}.</p></header>\n<main>\n",
        report.from,
        report.to,
        units::to_the_second(now)
    );
    if points.iter().all(|point| point.sums.requests == 0 && point.sums.attempts == 0) {
        body += "<p>No request was made in these days.</p>\n";
    } else {
        body += &tiles(report, &points);
        body += &charts(range, report, budget, &points);
    }
    body += &tables(store, range, report)?;
    body += &format!("</main>\n<footer class=\"muted\">{}</footer>\n", escape(&footnote(report)));
    Ok(html::page(&format!("llmr: {} to {}", report.from, report.to), &body))
}

fn points(store: &Store, range: &Range) -> Result<Vec<Point>> {
    let days: Vec<Day> = range.days().collect();
    let shown = &days[days.len().saturating_sub(MOST_DAYS)..];
    let (Some(first), Some(last)) = (shown.first(), shown.last()) else { return Ok(Vec::new()) };
    let recorded = store.days(*first, *last)?;
    let tiers = store.labels_by_day(Label::Tier, *first, *last)?;
    let point = |day: &Day| {
        let found: Option<&DayStats> = recorded.binary_search_by_key(day, |d| d.day).ok().map(|at| &recorded[at]);
        let of_day = tiers.iter().filter(|(d, _)| d == day).map(|(_, sums)| (sums.ok, sums.failed));
        Point {
            day: *day,
            sums: found.map_or_else(|| Group::none(""), Group::of_day),
            misses: found.map_or(0, |d| d.cache_misses),
            ended: of_day.fold((0, 0), |sum, n| (sum.0.saturating_add(n.0), sum.1.saturating_add(n.1))),
        }
    };
    Ok(shown.iter().map(point).collect())
}

/// The share of requests that ended well; `None` when none ended.
#[allow(clippy::cast_precision_loss)]
fn success((ok, failed): (u64, u64)) -> Option<f64> {
    let ended = ok.saturating_add(failed);
    (ended > 0).then(|| ok as f64 / ended as f64)
}

fn percent(share: Option<f64>) -> String {
    share.map_or_else(|| "-".to_owned(), |share| units::percent(share * 100.0))
}

fn tiles(report: &Report, points: &[Point]) -> String {
    let mut all = Group::none("");
    points.iter().for_each(|point| all.merge(&point.sums));
    let ended = points.iter().fold((0, 0), |sum, p| (sum.0 + p.ended.0, sum.1 + p.ended.1));
    let [median, p95] = [0.5, 0.95].map(|share| all.latencies.percentile(share));
    let latency = |ms: Option<u64>| ms.map_or_else(|| "-".to_owned(), units::duration_ms);
    let each = all.cost_each(By::Day).map_or_else(String::new, |each| format!("{} a request", units::usd(each)));
    let misses: u64 = points.iter().map(|point| point.misses).sum();
    let asked = all.cache_hits.saturating_add(misses);
    let unpriced = if report.unpriced_attempts > 0 { " and unknown prices" } else { "" };
    let spent = format!("{}{unpriced}", units::usd_or_unknown(report.cost_usd));
    let mut out = String::from("<dl class=\"tiles\">\n");
    out += &html::tile("Spent", &spent, &each);
    out += &html::tile("Requests", &units::tokens(report.total_requests), &week(report.trend.as_ref()));
    let failed = format!("{} requests failed", units::tokens(ended.1));
    out += &html::tile("Success", &percent(success(ended)), &failed);
    out += &html::tile("Median latency", &latency(median), &format!("95 % within {}", latency(p95)));
    let hits = format!("{} of {} from the cache", units::tokens(all.cache_hits), units::tokens(asked));
    out += &html::tile("Cache saved", &units::usd(all.saved), &hits);
    if let Some(f) = &report.forecast {
        let range = format!("{} to {}", units::usd(f.low_usd), units::usd(f.high_usd));
        out += &html::tile(&format!("Forecast {}", f.month), &units::usd(f.month_usd), &range);
    }
    out.push_str("</dl>\n");
    out
}

fn week(trend: Option<&Trend>) -> String {
    match trend.and_then(|t| t.requests_change_pct) {
        None => String::new(),
        Some(pct) if pct >= 0.0 => format!("{} more in the last 7 days", units::percent(pct)),
        Some(pct) => format!("{} fewer in the last 7 days", units::percent(-pct)),
    }
}

fn slots(range: &Range, points: &[Point]) -> Vec<Slot> {
    let state = |day: Day| if day == range.today { SlotState::Running } else { SlotState::Over };
    points.iter().map(|point| Slot { date: point.day.to_string(), state: state(point.day) }).collect()
}

/// One series of a chart: its value and its words for each day.
fn series<'a>(name: &'a str, points: &[Point], of: impl Fn(&Point) -> (Option<f64>, String)) -> Series<'a> {
    let (values, texts) = points.iter().map(of).unzip();
    Series { name, values, texts }
}

#[allow(clippy::cast_precision_loss)]
fn count(n: u64, of: &str) -> (Option<f64>, String) {
    (Some(n as f64), format!("{} {of}", units::tokens(n)))
}

fn charts(range: &Range, report: &Report, budget: &router::Day, points: &[Point]) -> String {
    let slots = slots(range, points);
    let mut out = String::new();
    if range.days().count() > points.len() {
        _ = writeln!(out, "<p class=\"muted\">The charts show the last {} days.</p>", points.len());
    }
    out += &spend(range, report, budget, points, &slots);
    out += &requests(points, &slots);
    out += &latency(points, &slots);
    out += &cache(points, &slots);
    out
}

fn spend(range: &Range, report: &Report, budget: &router::Day, points: &[Point], slots: &[Slot]) -> String {
    let mut slots = slots.to_vec();
    let amount = |p: &Point| {
        let cost = p.sums.known_cost();
        (
            cost.map(NanoUsd::as_usd),
            format!("{}, {} requests", units::usd_or_unknown(cost), units::tokens(p.sums.requests)),
        )
    };
    let mut costs = series("spend", points, amount);
    let ahead = report.forecast.as_ref().filter(|_| slots.last().is_some_and(|s| s.state == SlotState::Running));
    if let Some(forecast) = ahead {
        for day in range.today.0 + 1..range.today.first_of_next_month().0 {
            slots.push(Slot { date: Day(day).to_string(), state: SlotState::Forecast });
            costs.values.push(Some(forecast.mean_day_usd.as_usd()));
            costs.texts.push(format!("about {}", units::usd(forecast.mean_day_usd)));
        }
    }
    let limit = budget.limit_usd.map(|usd| (usd.as_usd(), format!("today's limit, {}", units::usd(usd))));
    let chart = Chart {
        id: "spend",
        title: "Spend per day",
        description: described("spend", points, |p| p.sums.cost.as_usd(), |p| units::usd(p.sums.cost)),
        unit: Unit::Usd,
        form: Form::Bars,
        days: &slots,
        series: vec![costs],
        limit,
    };
    let mut words: Vec<String> = Vec::new();
    words.extend(
        budget
            .limit_usd
            .filter(|_| !chart.limit_in_sight())
            .map(|usd| format!("Today's limit of {} is far above what is shown.", units::usd(usd))),
    );
    words.extend(report.trend.as_ref().map(|trend| sentence(&text::trend(trend))));
    words.extend(report.forecast.as_ref().map(|f| forecast(f, ahead.is_some())));
    let columns: [Column; 4] = [("day", false), ("spend", true), ("requests", true), ("unknown price", true)];
    let table = table("spend", points, &columns, |p| {
        vec![units::usd_or_unknown(p.sums.known_cost()), units::tokens(p.sums.requests), units::tokens(p.sums.unpriced)]
    });
    section("Spend per day", &words, &chart.render(), &table)
}

fn forecast(f: &Forecast, drawn: bool) -> String {
    let drawn = if drawn { " Dashed bars are the mean of the days looked back at." } else { "" };
    format!("{}{drawn}", sentence(&text::forecast(f)))
}

fn sentence(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| format!("{}{}.", first.to_uppercase(), chars.as_str()))
}

fn requests(points: &[Point], slots: &[Slot]) -> String {
    let asked = Chart {
        id: "requests",
        title: "Requests per day",
        description: described("requests", points, |p| float(p.sums.requests), |p| units::tokens(p.sums.requests)),
        unit: Unit::Count,
        form: Form::Bars,
        days: slots,
        series: vec![series("requests", points, |p| count(p.sums.requests, "requests"))],
        limit: None,
    };
    let rate = Chart {
        id: "success",
        title: "Success rate of requests",
        description: "The share of the day's requests that were answered; days without any are left out.".to_owned(),
        unit: Unit::Share,
        form: Form::Lines,
        days: slots,
        series: vec![series("success", points, |p| {
            let rate = success(p.ended);
            (rate, rate.map_or_else(String::new, |_| format!("{} of {} failed", p.ended.1, p.ended.0 + p.ended.1)))
        })],
        limit: None,
    };
    let columns: [Column; 5] =
        [("day", false), ("requests", true), ("answered", true), ("failed", true), ("success", true)];
    let table = table("requests", points, &columns, |p| {
        vec![
            units::tokens(p.sums.requests),
            units::tokens(p.ended.0),
            units::tokens(p.ended.1),
            percent(success(p.ended)),
        ]
    });
    let charts = format!("{}<h3>Success rate of requests</h3>\n{}", asked.render(), rate.render());
    section("Requests per day", &[], &charts, &table)
}

fn latency(points: &[Point], slots: &[Slot]) -> String {
    let of = |name: &'static str, share: f64| {
        series(name, points, move |p| {
            let ms = p.sums.latencies.percentile(share);
            (ms.map(float), ms.map_or_else(String::new, |ms| format!("{name} {}", units::duration_ms(ms))))
        })
    };
    let chart = Chart {
        id: "latency",
        title: "Latency of whole answers",
        description: "The latency that half of a day's whole answers did not exceed, and that 95 in 100 did not; \
                      days without any are left out."
            .to_owned(),
        unit: Unit::Millis,
        form: Form::Lines,
        days: slots,
        series: vec![of("median", 0.5), of("95 %", 0.95)],
        limit: None,
    };
    let columns: [Column; 4] = [("day", false), ("median", true), ("95 %", true), ("99 %", true)];
    let table = table("latency of whole answers", points, &columns, |p| {
        let ms = |share| p.sums.latencies.percentile(share).map_or_else(|| "-".to_owned(), units::duration_ms);
        vec![ms(0.5), ms(0.95), ms(0.99)]
    });
    let words = ["Of attempts that ended with a whole answer, within 5 %.".to_owned()];
    section("Latency", &words, &chart.render(), &table)
}

fn cache(points: &[Point], slots: &[Slot]) -> String {
    let asked = Chart {
        id: "cache",
        title: "Requests that asked the cache",
        description: described("hits", points, |p| float(p.sums.cache_hits), |p| units::tokens(p.sums.cache_hits)),
        unit: Unit::Count,
        form: Form::Bars,
        days: slots,
        series: vec![
            series("answered by the cache", points, |p| count(p.sums.cache_hits, "from the cache")),
            series("not in the cache", points, |p| count(p.misses, "not in it")),
        ],
        limit: None,
    };
    let saved = Chart {
        id: "saved",
        title: "Saved by the cache per day",
        description: described("savings", points, |p| p.sums.saved.as_usd(), |p| units::usd(p.sums.saved)),
        unit: Unit::Usd,
        form: Form::Bars,
        days: slots,
        series: vec![series("saved", points, |p| (Some(p.sums.saved.as_usd()), units::usd(p.sums.saved)))],
        limit: None,
    };
    let columns: [Column; 4] = [("day", false), ("from the cache", true), ("not in it", true), ("saved", true)];
    let table = table("cache", points, &columns, |p| {
        vec![units::tokens(p.sums.cache_hits), units::tokens(p.misses), units::usd(p.sums.saved)]
    });
    let charts = format!("{}<h3>Saved per day</h3>\n{}", asked.render(), saved.render());
    section("Cache", &[], &charts, &table)
}

#[allow(clippy::cast_precision_loss)]
fn float(n: u64) -> f64 {
    n as f64
}

/// What there is to see in a chart of bars: how many days, and the highest.
fn described(what: &str, points: &[Point], value: impl Fn(&Point) -> f64, shown: impl Fn(&Point) -> String) -> String {
    let highest = points.iter().max_by(|a, b| value(a).total_cmp(&value(b)));
    let most = highest.map_or_else(String::new, |p| format!("; the highest day is {} with {}", p.day, shown(p)));
    format!("A bar for the {what} of each of {} days{most}.", points.len())
}

/// A table of days, the latest first, hidden until it is asked for.
fn table(what: &str, points: &[Point], columns: &[Column], cells: impl Fn(&Point) -> Vec<String>) -> String {
    let row = |point: &Point| [point.day.to_string()].into_iter().chain(cells(point)).collect();
    let rows: Vec<Vec<String>> = points.iter().rev().map(row).collect();
    html::details("As a table", &html::table(&format!("Per day: {what}"), columns, &rows))
}

fn section(title: &str, words: &[String], charts: &str, table: &str) -> String {
    let words: String = words.iter().map(|text| format!("<p class=\"muted\">{}</p>\n", escape(text))).collect();
    format!("<section>\n<h2>{}</h2>\n{words}{charts}{table}</section>\n", escape(title))
}

fn tables(store: &Store, range: &Range, report: &Report) -> Result<String> {
    let stats = store.stats(range.from, range.to)?;
    let mut out = String::new();
    let mut views =
        [("By provider", By::Provider), ("By model", By::Model), ("By tag", By::Tag), ("By tier", By::Tier)];
    // What was asked for comes first.
    views.sort_by_key(|(_, by)| *by != report.by);
    for (title, by) in views {
        let rows = groups::groups(store, by, range, &stats)?;
        if rows.iter().any(|row| !row.name.is_empty()) {
            let rows = dearest(&rows, MOST_ROWS);
            out += &format!("<section>\n<h2>{title}</h2>\n{}</section>\n", by_name(&rows, by));
        }
    }
    Ok(out)
}

fn by_name(groups: &[Group], by: By) -> String {
    let counted = match by.counted() {
        Counted::Attempts => "attempts",
        Counted::Requests => "requests",
    };
    let columns: [Column; 9] = [
        (by.name(), false),
        (counted, true),
        ("success", true),
        ("median", true),
        ("95 %", true),
        ("tokens", true),
        ("cost", true),
        ("each", true),
        ("saved by the cache", true),
    ];
    let row = |group: &Group| {
        let row = Row::of(group, by);
        let ms = |ms: Option<u64>| ms.map_or_else(|| "-".to_owned(), units::duration_ms);
        vec![
            row.name.unwrap_or_else(|| "(none)".to_owned()),
            units::tokens(if by.counted() == Counted::Attempts { row.attempts } else { row.requests }),
            percent(row.success_rate),
            ms(row.p50_latency_ms),
            ms(row.p95_latency_ms),
            units::tokens(group.usage.prompt_tokens().saturating_add(group.usage.completion_tokens())),
            units::usd_or_unknown(row.cost_usd),
            row.cost_per_request_usd.map_or_else(|| "-".to_owned(), units::usd),
            units::usd(row.saved_usd),
        ]
    };
    let rows: Vec<Vec<String>> = groups.iter().map(row).collect();
    html::table(&format!("Success and latency are those of {counted}."), &columns, &rows)
}

fn footnote(report: &Report) -> String {
    let unpriced = match report.unpriced_attempts {
        0 => String::new(),
        n => format!(" {} attempts had no known price: no sum has their cost.", units::tokens(n)),
    };
    format!("Spend is what attempts cost, failed ones included, on the day they began.{unpriced}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::stats::outlook;

    #[test]
    fn a_week_has_more_or_fewer_requests_than_the_one_before() {
        let today = Day::of(2026, 11, 21);
        for (before, now, says) in [
            (2, 3, "50 % more in the last 7 days"),
            (2, 2, "0 % more in the last 7 days"),
            (2, 1, "50 % fewer in the last 7 days"),
            (0, 1, ""),
        ] {
            let days = (1..=14).map(|ago| (today.plus(-ago), (NanoUsd(1), if ago > 7 { before } else { now })));
            assert_eq!(week(outlook::trend(&days.collect(), today, today).as_ref()), says);
        }
    }
}
