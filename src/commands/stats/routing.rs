//! `llmr stats --routing`: what routing was worth, beside each candidate alone.
//!
//! Requests and each candidate's own attempts are valued alike, by the weights in force: cost and latency as a score has
//! them, the quality that the tier lets expect, and a whole 1 lost by each that got no answer.

use serde::Serialize;

use super::range::Range;
use crate::commands::Context;
use crate::engine::score::{COST_REF_USD, LATENCY_REF_S, NO_ANSWER, quality_of};
use crate::error::Result;
use crate::output::{Align, Table, Terminal, units};
use crate::store::{Happened, Single, Store, Valuing};
use crate::types::{Day, NanoUsd};

/// A candidate is compared from so many attempts on.
const LEAST_ATTEMPTS: u64 = 5;

/// Everything as an object.
#[derive(Debug, Serialize)]
pub struct Report {
    from: Day,
    to: Day,
    weights: [f64; 3],
    routed: Came,
    /// Each candidate by the requests that it was asked in, the most valuable first.
    singles: Vec<Alone>,
    /// The most valuable one; null where nobody was asked often enough.
    best_single: Option<String>,
    /// By how much its value is above that of what was routed; below 0 routing did better.
    regret: Option<f64>,
    exploration: Exploration,
    hedges: Hedges,
}

/// What some requests or attempts came to.
#[derive(Debug, Clone, Copy, Serialize)]
struct Came {
    ended: u64,
    success_rate: f64,
    avg_cost_usd: NanoUsd,
    avg_latency_ms: u64,
    value: f64,
}

#[derive(Debug, Serialize)]
struct Alone {
    provider: String,
    model: String,
    #[serde(flatten)]
    came: Came,
    /// What the answered requests would have cost more with it alone, at what its answers cost; below 0: less.
    saved_usd: NanoUsd,
    /// Whether it was asked often enough to be compared.
    compared: bool,
}

#[derive(Debug, Serialize)]
struct Exploration {
    decisions: u64,
    explored: u64,
    /// What these gave up, by what was known then, as the sum of scores.
    score: f64,
}

#[derive(Debug, Serialize)]
struct Hedges {
    tries: u64,
    faster: u64,
    cost_usd: NanoUsd,
}

/// The report of some days.
pub fn report(context: &Context, store: &Store, range: &Range) -> Result<Report> {
    let weights = context.config.settings.weights;
    let valuing = Valuing { cost: (weights.cost, COST_REF_USD), latency: (weights.latency, LATENCY_REF_S) };
    let routing = store.routing(range.from, range.to, &valuing)?;
    let quality = |single: &Single| weights.quality * quality_of(single.tier);
    let qualities: f64 = routing.singles.iter().map(|single| quality(single) * float(single.requests)).sum();
    let routed = came(&routing.requests, qualities);
    let answered = routing.requests.answered;
    let alone = |single: &Single| {
        let came = came(&single.attempts, quality(single) * float(single.attempts.answered));
        let paid = per(single.attempts.cost, single.attempts.answered);
        let would_cost = NanoUsd(paid.0.saturating_mul(i64::try_from(answered).unwrap_or(i64::MAX)));
        Alone {
            provider: single.candidate.provider.clone(),
            model: single.candidate.model.clone(),
            came,
            saved_usd: NanoUsd(would_cost.0.saturating_sub(routing.requests.cost.0)),
            compared: single.attempts.ended >= LEAST_ATTEMPTS,
        }
    };
    let mut singles: Vec<Alone> = routing.singles.iter().map(alone).collect();
    singles.sort_by(|a, b| b.came.value.total_cmp(&a.came.value));
    let best = singles.iter().find(|single| single.compared);
    Ok(Report {
        from: range.from,
        to: range.to,
        weights: [weights.cost, weights.latency, weights.quality],
        best_single: best.map(|best| format!("{}/{}", best.provider, best.model)),
        regret: best.filter(|_| routed.ended > 0).map(|best| rounded(best.came.value - routed.value)),
        routed,
        singles,
        exploration: Exploration {
            decisions: routing.exploration.decisions,
            explored: routing.exploration.explored,
            score: rounded(routing.exploration.score),
        },
        hedges: Hedges { tries: routing.hedges.tries, faster: routing.hedges.faster, cost_usd: routing.hedges.cost },
    })
}

fn came(what: &Happened, qualities: f64) -> Came {
    let lost = NO_ANSWER * float(what.ended - what.answered);
    Came {
        ended: what.ended,
        success_rate: rounded(share(float(what.answered), what.ended)),
        avg_cost_usd: per(what.cost, what.answered),
        avg_latency_ms: what.latency_ms / what.answered.max(1),
        value: rounded(share(what.worth + qualities - lost, what.ended)),
    }
}

fn per(cost: NanoUsd, times: u64) -> NanoUsd {
    NanoUsd(cost.0 / i64::try_from(times.max(1)).unwrap_or(i64::MAX))
}

fn share(sum: f64, of: u64) -> f64 {
    sum / float(of.max(1))
}

#[allow(clippy::cast_precision_loss)]
fn float(count: u64) -> f64 {
    count as f64
}

/// Four decimals: more says nothing.
fn rounded(x: f64) -> f64 {
    (x * 1e4).round() / 1e4
}

/// A smaller difference is none.
const SAME: f64 = 0.0005;

/// The report for people.
pub fn text(report: &Report, terminal: &Terminal) -> String {
    let mut table = Table::new(&[
        ("", Align::Left),
        ("ended", Align::Right),
        ("answered", Align::Right),
        ("cost", Align::Right),
        ("time", Align::Right),
        ("value", Align::Right),
        ("saved by routing", Align::Right),
    ]);
    let row = |name: String, came: &Came, saved: String| {
        let percent = units::percent(came.success_rate * 100.0);
        let (cost, time) = (units::usd(came.avg_cost_usd), units::duration_ms(came.avg_latency_ms));
        [name, units::tokens(came.ended), percent, cost, time, format!("{:.3}", came.value), saved]
    };
    table.row(row("as routed".to_owned(), &report.routed, String::new()));
    for single in &report.singles {
        let name = format!("{}/{}", single.provider, single.model);
        table.row(row(name, &single.came, units::usd(single.saved_usd)));
    }
    let mut text = format!("{} to {}\n\n{}\n", report.from, report.to, table.render(terminal));
    text += &match (&report.best_single, report.regret) {
        (Some(best), Some(regret)) if regret.abs() < SAME => {
            format!("routing was worth as much a request as {best} alone\n")
        }
        (Some(best), Some(regret)) if regret > 0.0 => {
            format!("{best} alone would have been worth {regret:.3} more a request\n")
        }
        (Some(best), Some(regret)) => format!("routing was worth {:.3} more a request than {best} alone\n", -regret),
        _ => format!("nobody was asked {LEAST_ATTEMPTS} times: nothing to compare with\n"),
    };
    let Exploration { decisions, explored, score } = report.exploration;
    text += &format!("{explored} of {decisions} requests gave somebody else a chance, at {score:.3} of score in all\n");
    if report.hedges.tries > 0 {
        let Hedges { tries, faster, cost_usd } = report.hedges;
        text +=
            &format!("{tries} second tries beside late ones: {faster} were faster, {} in all\n", units::usd(cost_usd));
    }
    text
}
