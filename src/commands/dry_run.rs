//! `llmr dry-run`: what the next `ask` would do and cost, with nothing sent and nothing recorded.

use serde::Serialize;

use crate::cli;
use crate::commands::Context;
use crate::commands::long::{Plan as Long, Reading, Wanted, hopeless, unagreed};
use crate::commands::question;
use crate::conversation::{Opening, Talk, Which};
use crate::engine::attempt::{Step, Wait, Walk};
use crate::engine::plan::{Plan, Ranked};
use crate::error::{Error, Kind, Result};
use crate::output::{Align, Table, units};
use crate::router::cascade;
use crate::router::decision::{self, Candidate, RefusedReport};
use crate::router::ending::End;
use crate::router::hedge::hedge;
use crate::router::tiering::TierReport;
use crate::router::{Day, Job, Rehearsal, Request, Router, sampling};
use crate::types::{CacheOutcome, Message, NanoUsd, Tier, Usage};

/// The plan as an object.
#[derive(Debug, Serialize)]
pub struct Report {
    estimate: Estimate,
    cache: CacheOutcome,
    candidates: Vec<Candidate>,
    refused: Vec<RefusedReport>,
    #[serde(skip_serializing_if = "Option::is_none")]
    explored: Option<decision::Explored>,
    /// How the texts would be read, where they are too long for one call.
    #[serde(skip_serializing_if = "Option::is_none")]
    long: Option<Long>,
    budget: Day,
    would: String,
    /// How the tier was chosen, where that is left to llmr.
    #[serde(skip_serializing_if = "Option::is_none")]
    tier: Option<TierReport>,
    /// Sampling defaults of the config that would be sent, one a line.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    sampling: Vec<String>,
    warnings: Vec<String>,
}

/// How large the request is, and what it can cost.
#[derive(Debug, Serialize)]
struct Estimate {
    input_tokens: u64,
    output_tokens: u64,
    low_usd: Option<NanoUsd>,
    high_usd: Option<NanoUsd>,
}

/// Runs `llmr dry-run`.
pub fn run(context: &mut Context, args: &cli::DryRun) -> Result<()> {
    let (request, parts) = question::resolve(context, &args.question)?.read(context)?;
    let long = Wanted::of(&args.long, parts)?;
    plan_of(context, Request { tag: args.tag.clone(), ..request }, None, long, args.check)
}

/// The request as it would be sent in a conversation; condensing is not rehearsed.
fn in_conversation(router: &Router<'_>, mut request: Request, which: &Which, opening: &Opening) -> Result<Request> {
    let talk = Talk::open(&router.store, which, opening, router.host.now())?;
    let message = request.messages.pop().unwrap_or_else(|| Message::user(""));
    Ok(talk.request(&request, &message))
}

/// Prints the plan of a request, asked in a conversation or not; with `check` it ends as `ask` would.
pub fn plan_of(
    context: &mut Context,
    request: Request,
    talk: Option<(&Which, &Opening)>,
    long: Wanted,
    check: bool,
) -> Result<()> {
    let long = match long.plan(context, &request) {
        Err(error) if nobody_is_there(&error) => None,
        found => found?,
    };
    let asks = context.host.stdin_terminal && context.host.stderr_terminal;
    let mut router = context.router_without_writing()?;
    let request = match talk {
        Some((which, opening)) => in_conversation(&router, request, which, opening)?,
        None => request,
    };
    let mut job = match router.prepare(request) {
        Ok(job) => job,
        Err(error) if nobody_is_there(&error) => {
            let report = without_plan(&error, router.day()?);
            router.store.leave();
            return finish(context, &report, Some(error).filter(|_| check));
        }
        Err(error) => return Err(error),
    };
    let mut rehearsal = router.rehearse(&job)?;
    if job.request.cascade.is_some() && pair(&job, &rehearsal).is_none() {
        job = cascade::strong(&job);
        rehearsal = router.rehearse(&job)?;
    }
    let (would, failure) = match &long {
        Some((reading, plan)) => match refusal(reading, plan, asks) {
            Some(error) => {
                let code = error.exit_code();
                let would = plan.would();
                (format!("ask nobody and exit with {code}, unless --yes or --max-cost agrees to {would}"), Some(error))
            }
            None => (plan.would(), None),
        },
        None => would(&router, &job, &rehearsal),
    };
    let report = Report {
        estimate: long.as_ref().map_or_else(|| estimate(&job, &rehearsal), |(_, plan)| estimate_of(plan)),
        cache: rehearsal.cache,
        candidates: decision::candidates(&rehearsal.plan),
        refused: rehearsal.plan.refused.iter().map(decision::refused).collect(),
        explored: decision::explored(&rehearsal.plan),
        long: long.map(|(_, plan)| plan),
        budget: router.day()?,
        would,
        tier: job.tiering.as_ref().map(|tiering| tiering.report(&rehearsal.plan, rehearsal.facts.now)),
        sampling: sampling(&job.request, &job.selected),
        warnings: router.warned.iter().chain(&rehearsal.warnings).cloned().collect(),
    };
    router.store.leave();
    finish(context, &report, failure.filter(|_| check))
}

/// Prints the report; where it will not be followed by an error, what the user should know before it.
fn finish(context: &mut Context, report: &Report, failure: Option<Error>) -> Result<()> {
    if !context.printer.json && failure.is_none() {
        report.warnings.iter().for_each(|warning| context.warn(warning));
    }
    context.print(report, text)?;
    failure.map_or(Ok(()), |error| Err(error.printed()))
}

/// Whether `ask` would end before there is a plan, for want of a key or of a model that is still served. A name that
/// nobody knows is wrong usage of this command too.
fn nobody_is_there(error: &Error) -> bool {
    matches!(error.kind, Kind::NoProvider | Kind::Config)
}

/// What is said where there is nobody to plan with.
fn without_plan(error: &Error, budget: Day) -> Report {
    Report {
        estimate: Estimate { input_tokens: 0, output_tokens: 0, low_usd: None, high_usd: None },
        cache: CacheOutcome::Off,
        candidates: Vec::new(),
        refused: Vec::new(),
        explored: None,
        long: None,
        budget,
        would: exit_with(error),
        tier: None,
        sampling: Vec::new(),
        warnings: error.hints.clone(),
    }
}

fn exit_with(error: &Error) -> String {
    format!("ask nobody and exit with {}: {}", error.exit_code(), error.message)
}

/// What the next `ask` would do, in one sentence, and the error it would end with, if it would.
fn would(router: &Router<'_>, job: &Job, rehearsal: &Rehearsal) -> (String, Option<Error>) {
    if let Some(cached) = &rehearsal.cached {
        return (format!("answer from the cache, at no cost, what {cached} said before"), None);
    }
    let mut walk = Walk::new(router.walk_rules(job, rehearsal.facts.draw));
    if let Some((pair, strong)) = pair(job, rehearsal) {
        let whom = pair.iter().map(|r| format!("{} ({})", r.candidate.id, at_most(r))).collect::<Vec<_>>();
        let whom = whom.join(" and ");
        return (format!("ask side by side {whom}, and one of tier {strong} where they do not agree"), None);
    }
    let together = walk.side_by_side(&rehearsal.plan, router.side_by_side(job, NanoUsd::ZERO), rehearsal.facts.now);
    if together.len() > 1 {
        let whom = together.iter().map(|r| format!("{} ({})", r.candidate.id, at_most(r))).collect::<Vec<_>>();
        return (format!("ask side by side {}", whom.join(", ")), None);
    }
    match walk.next(&rehearsal.plan, rehearsal.facts.now) {
        Step::Try(first) => {
            let cost = first
                .expected
                .load
                .cost
                .map_or("at an unknown price".to_owned(), |c| format!("for about {}", units::usd(c)));
            let others = match rehearsal.plan.order.len() - 1 {
                0 => "nobody else".to_owned(),
                1 => "1 other candidate".to_owned(),
                n => format!("{n} other candidates"),
            };
            let most = at_most(&first);
            let hedge = hedge(job, &rehearsal.plan, &rehearsal.facts, &first).map_or_else(String::new, |hedge| {
                let (whom, after) = (&hedge.second.candidate.id, units::duration_ms(hedge.after_ms));
                format!(" and, where nothing has come after {after}, {whom} too ({})", at_most(&hedge.second))
            });
            (format!("ask {} {cost} ({most}){hedge}, with {others} to fail over to", first.candidate.id), None)
        }
        Step::Wait { why: Wait::Money, .. } => ("wait for money that other requests hold".to_owned(), None),
        Step::Wait { why: Wait::Rest(id, until), .. } => {
            (format!("wait until {until} for {id}, which is rate-limited"), None)
        }
        Step::Wait { why: Wait::Backoff(id), .. } => (format!("ask {id}"), None),
        Step::End(ending) => {
            let error = router.would_end(&End { ending: &ending, plan: &rehearsal.plan, facts: &rehearsal.facts });
            (exit_with(&error), Some(error))
        }
    }
}

/// The two that a cascade begins with, and the tier of the one that it may end with.
fn pair(job: &Job, rehearsal: &Rehearsal) -> Option<(Vec<Ranked>, Tier)> {
    let strong = job.request.cascade?;
    let pair = cascade::two_cheap(&rehearsal.plan.order, strong);
    (pair.len() > 1).then_some((pair, strong))
}

/// What an attempt may cost, in words: nothing is held for an unknown price.
fn at_most(ranked: &Ranked) -> String {
    match ranked.candidate.pricing {
        Some(_) => format!("at most {}", units::usd(ranked.sized.hold)),
        None => "without a bound".to_owned(),
    }
}

/// Why a reading would not be begun, if so.
fn refusal(reading: &Reading, plan: &Long, asks: bool) -> Option<Error> {
    hopeless(plan, reading.max_cost).or_else(|| Some(unagreed(plan)).filter(|_| !asks && reading.max_cost.is_none()))
}

/// What a reading in parts takes in all.
fn estimate_of(plan: &Long) -> Estimate {
    let (input_tokens, output_tokens) = plan.tokens();
    Estimate { input_tokens, output_tokens, low_usd: plan.low_usd(), high_usd: plan.high_usd() }
}

/// The request's size for the candidate that would be asked first, and what one attempt can cost: at least a token
/// read from the provider's cache and one written (no estimate bounds a prompt from below), at most the dearest
/// candidate's worst case.
fn estimate(job: &Job, rehearsal: &Rehearsal) -> Estimate {
    let first = rehearsal.plan.order.first();
    let low = |plan: &Plan| {
        let costs = plan.order.iter().map(|ranked| {
            let usage = Usage { cached_input_tokens: 1, output_tokens: 1, ..Usage::default() };
            ranked.candidate.pricing.as_ref().map(|p| p.cost(&usage, rehearsal.facts.now))
        });
        costs.min().flatten()
    };
    let high = |plan: &Plan| {
        let holds = plan.order.iter().map(|r| r.candidate.pricing.as_ref().map(|_| r.sized.hold));
        let dearest = holds.collect::<Option<Vec<_>>>()?.into_iter().max()?;
        let before = pair(job, rehearsal).map_or(NanoUsd::ZERO, |(pair, _)| pair.iter().map(|r| r.sized.hold).sum());
        Some(before + dearest)
    };
    let hit = rehearsal.cached.is_some();
    Estimate {
        input_tokens: first.map_or(rehearsal.facts.question.reference_tokens, |r| r.expected.load.input_tokens),
        output_tokens: first.map_or(0, |r| r.expected.load.output_tokens),
        low_usd: if hit { Some(NanoUsd::ZERO) } else { low(&rehearsal.plan) },
        high_usd: if hit { Some(NanoUsd::ZERO) } else { high(&rehearsal.plan) },
    }
}

fn text(report: &Report, terminal: &crate::output::Terminal) -> String {
    let mut table = Table::new(&[
        ("#", Align::Right),
        ("candidate", Align::Left),
        ("score", Align::Right),
        ("cost", Align::Right),
        ("at most", Align::Right),
        ("time", Align::Right),
        ("success", Align::Right),
    ]);
    for c in &report.candidates {
        table.row([
            c.rank.to_string(),
            format!("{}/{}", c.provider, c.model),
            format!("{:.3}", c.score),
            units::usd_or_unknown(c.expected_cost_usd),
            units::usd_or_unknown(c.expected_cost_usd.map(|_| c.hold_usd)),
            units::duration_ms(c.expected_latency_ms),
            units::percent(c.success * 100.0),
        ]);
    }
    let e = &report.estimate;
    let range = match (e.low_usd, e.high_usd) {
        (Some(low), Some(high)) => format!("{} to {}", units::usd(low), units::usd(high)),
        _ => "unknown".to_owned(),
    };
    if report.candidates.is_empty() && report.refused.is_empty() {
        return format!("would {}\n", report.would);
    }
    let mut text = format!(
        "would {}\n\nabout {} tokens in, {} out; cost {range}; cache {}\n",
        report.would,
        units::tokens(e.input_tokens),
        units::tokens(e.output_tokens),
        report.cache.name()
    );
    if !report.candidates.is_empty() {
        text += &format!("\n{}", table.render(terminal));
    }
    if let Some(explored) = &report.explored {
        text += &format!("{explored}\n");
    }
    if let Some(tier) = &report.tier {
        text += &format!("{tier}\n");
    }
    for default in &report.sampling {
        text += &format!("sampling default: {default}\n");
    }
    for r in &report.refused {
        text += &format!("not {}/{}: {}\n", r.provider, r.model, r.reason);
    }
    text
}
