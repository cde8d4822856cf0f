//! `llmr log`: past requests with their attempts and the reasons of each decision.

mod export;

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::Serialize;
use serde_json::Value;

use crate::cli::{self, LogAction};
use crate::commands::Context;
use crate::error::{Error, Kind, Result};
use crate::output::{Align, Table, Terminal, sanitize, units};
use crate::store::{Content, LogAttempt, LogEntry, LogFilter, RequestState};
use crate::types::{CacheOutcome, Day, FailureClass, Image, NanoUsd, Outcome, RequestId, Timestamp, Usage};

/// The log as an object.
#[derive(Debug, Serialize)]
struct Report {
    requests: Vec<Request>,
}

/// One request.
#[derive(Debug, Serialize)]
struct Request {
    id: RequestId,
    at: Timestamp,
    day: Day,
    state: RequestState,
    cache: Option<CacheOutcome>,
    provider: Option<String>,
    model: Option<String>,
    requested_model: Option<String>,
    cost_usd: Option<NanoUsd>,
    latency_ms: Option<u64>,
    first_token_ms: Option<u64>,
    usage: Option<Usage>,
    finish_reason: Option<&'static str>,
    exit_code: Option<u8>,
    error: Option<String>,
    tag: Option<String>,
    decision: Option<Value>,
    /// What is kept of its texts; only told of a single request, null where nothing is.
    #[serde(skip_serializing_if = "Option::is_none")]
    content: Option<Option<Texts>>,
    attempts: Vec<Attempt>,
}

/// The texts that are kept of a request.
#[derive(Debug, Serialize)]
struct Texts {
    system: Option<String>,
    prompt: String,
    images: Vec<Picture>,
    answer: Option<String>,
    partial: bool,
}

/// A picture that went with a prompt.
#[derive(Debug, Serialize)]
pub struct Picture {
    /// The path it came from.
    pub name: String,
    media_type: &'static str,
    width: u32,
    height: u32,
    bytes: usize,
    /// The file in base64, where a data set shall be whole.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data: Option<String>,
}

impl Picture {
    /// Without its data.
    pub fn of(image: &Image) -> Self {
        let (name, media_type) = (image.name.clone(), image.kind.media_type());
        Self { name, media_type, width: image.width, height: image.height, bytes: image.bytes.len(), data: None }
    }

    /// With its data.
    pub fn with_data(image: &Image) -> Self {
        Self { data: Some(BASE64.encode(&image.bytes)), ..Self::of(image) }
    }
}

impl Texts {
    fn of(content: Content, picture: fn(&Image) -> Picture) -> Self {
        let Content { system, prompt, images, answer, partial, .. } = content;
        Self { system, prompt, images: images.iter().map(picture).collect(), answer, partial }
    }
}

/// One attempt of it.
#[derive(Debug, Serialize)]
struct Attempt {
    provider: String,
    model: String,
    answered_model: Option<String>,
    outcome: Outcome,
    failure: Option<FailureClass>,
    status: Option<u16>,
    latency_ms: u64,
    first_token_ms: Option<u64>,
    usage: Option<Usage>,
    held_usd: NanoUsd,
    cost_usd: Option<NanoUsd>,
    cost_source: crate::types::CostSource,
    estimated: bool,
    presumed: bool,
}

/// Runs `llmr log`.
pub fn run(context: &mut Context, args: &cli::Log) -> Result<()> {
    let (filter, single) = match &args.action {
        None => (LogFilter { limit: Some(u64::from(args.n)), ..LogFilter::default() }, None),
        Some(LogAction::Export { format, all }) => return export::run(context, format, *all),
        Some(LogAction::Show { id }) => (LogFilter { id: Some(number(id)?), ..LogFilter::default() }, Some(id)),
    };
    let store = context.store_for_reading()?;
    // Charges what dead processes held, so that the log tells it.
    store.budget_day(context.now())?;
    let entries = store.log(&filter)?;
    if let Some(id) = single.filter(|_| entries.is_empty()) {
        return Err(Error::new(Kind::Usage, format!("there is no request {id}")).hint("`llmr log` lists the newest"));
    }
    let mut report = Report { requests: entries.into_iter().map(request).collect() };
    for request in report.requests.iter_mut().filter(|_| single.is_some()) {
        request.content = Some(store.content(request.id)?.map(|content| Texts::of(content, Picture::of)));
    }
    match single {
        Some(_) => context.print(&report, |r, terminal| r.requests.iter().map(|r| details(r, terminal)).collect()),
        None => context.print(&report, table),
    }
}

fn number(id: &str) -> Result<RequestId> {
    RequestId::parse(id).ok_or_else(|| {
        Error::new(Kind::Usage, format!("`{id}` is not a request's id such as r17")).hint("`llmr log` lists them")
    })
}

fn request(entry: LogEntry) -> Request {
    Request {
        id: entry.id,
        at: entry.at,
        day: entry.day,
        state: entry.state,
        cache: entry.cache,
        provider: entry.provider,
        model: entry.model,
        requested_model: entry.requested_model,
        cost_usd: entry.cost,
        latency_ms: entry.latency_ms,
        first_token_ms: entry.first_token_ms,
        usage: entry.usage,
        finish_reason: entry.finish_reason.map(|f| f.name()),
        exit_code: entry.exit_code,
        error: entry.error_kind,
        tag: entry.tag,
        decision: entry.decision.and_then(|text| serde_json::from_str(&text).ok()),
        content: None,
        attempts: entry.attempts.into_iter().map(attempt).collect(),
    }
}

fn attempt(a: LogAttempt) -> Attempt {
    Attempt {
        provider: a.candidate.provider,
        model: a.candidate.model,
        answered_model: a.answered_model,
        outcome: a.outcome,
        failure: a.failure,
        status: a.status,
        latency_ms: a.latency_ms,
        first_token_ms: a.first_token_ms,
        usage: a.usage,
        held_usd: a.held,
        cost_usd: a.cost,
        cost_source: a.cost_source,
        estimated: a.estimated,
        presumed: a.presumed,
    }
}

fn table(report: &Report, terminal: &Terminal) -> String {
    let tags = report.requests.iter().any(|r| r.tag.is_some());
    let columns = [
        ("id", Align::Left),
        ("at (UTC)", Align::Left),
        ("who", Align::Left),
        ("cost", Align::Right),
        ("time", Align::Right),
        ("tries", Align::Right),
        ("cache", Align::Left),
        ("exit", Align::Right),
        ("tag", Align::Left),
    ];
    // Cells without a column are left out.
    let mut table = Table::new(&columns[..columns.len() - usize::from(!tags)]);
    for r in &report.requests {
        table.row([
            r.id.to_string(),
            units::to_the_second(r.at),
            who(r),
            units::usd_or_unknown(r.cost_usd),
            r.latency_ms.map_or(String::new(), units::duration_ms),
            r.attempts.len().to_string(),
            r.cache.map_or("", CacheOutcome::name).to_owned(),
            r.exit_code.map_or_else(|| format!("{:?}", r.state).to_lowercase(), |code| code.to_string()),
            r.tag.clone().unwrap_or_default(),
        ]);
    }
    if table.is_empty() {
        return "nothing was asked yet\n".to_owned();
    }
    table.render(terminal)
}

fn who(r: &Request) -> String {
    match (&r.provider, &r.model) {
        // Of a conversation of another tool's they are what stood there.
        (Some(provider), Some(model)) => sanitize::line(&format!("{provider}/{model}")).into_owned(),
        _ => "-".to_owned(),
    }
}

fn details(r: &Request, terminal: &Terminal) -> String {
    let mut text = format!("{}  {}  {}  {}\n", r.id, r.at, who(r), units::usd_or_unknown(r.cost_usd));
    for (i, a) in r.attempts.iter().enumerate() {
        let why = a.failure.map_or(a.outcome.name(), |f| f.name());
        let status = a.status.map(|s| format!(" ({s})")).unwrap_or_default();
        let presumed = if a.presumed { ", presumed: its process died" } else { "" };
        text += &format!(
            "attempt {}: {}/{} {why}{status}, {}, {} of {} held{presumed}\n",
            i + 1,
            sanitize::line(&a.provider),
            sanitize::line(&a.model),
            units::duration_ms(a.latency_ms),
            units::usd_or_unknown(a.cost_usd),
            units::usd(a.held_usd)
        );
    }
    text += &decided(r, terminal);
    text + &said(r, terminal)
}

/// What is kept of its texts, harmless where it is shown on a terminal.
fn said(r: &Request, terminal: &Terminal) -> String {
    let Some(Some(content)) = &r.content else { return String::new() };
    let mut text = String::new();
    for (title, said) in [("system", &content.system), ("prompt", &Some(content.prompt.clone()))] {
        text += &said.as_ref().map(|said| format!("\n{title}:\n{}\n", said.trim_end())).unwrap_or_default();
    }
    for image in &content.images {
        text += &format!("[picture: {}]\n", image.name);
    }
    let answer = content.answer.as_ref().map(|answer| format!("\nanswer:\n{}\n", answer.trim_end()));
    text += &answer.unwrap_or_else(|| "\nno answer\n".to_owned());
    if content.partial {
        text += "(it broke off here)\n";
    }
    match terminal.stdout {
        true => sanitize::text(&text).into_owned(),
        false => text,
    }
}

/// Why it was decided as it was.
fn decided(r: &Request, terminal: &Terminal) -> String {
    let mut text = String::new();
    let Some(decision) = &r.decision else {
        return match r.cache {
            Some(CacheOutcome::Hit) => "answered from the cache: nobody was asked\n".to_owned(),
            _ => text,
        };
    };
    text += &format!("\n{}\n", why(decision));
    text += &tier(&decision["tier"]);
    let mut table = Table::new(&[
        ("#", Align::Right),
        ("candidate", Align::Left),
        ("score", Align::Right),
        ("cost part", Align::Right),
        ("latency part", Align::Right),
        ("quality part", Align::Right),
        ("risk", Align::Right),
    ]);
    for c in decision["candidates"].as_array().into_iter().flatten() {
        let part = |v: &Value| v.as_f64().map_or(String::new(), |x| format!("{x:.3}"));
        table.row([
            c["rank"].to_string(),
            format!("{}/{}", word(&c["provider"]), word(&c["model"])),
            part(&c["score"]),
            part(&c["parts"]["cost"]),
            part(&c["parts"]["latency"]),
            part(&c["parts"]["quality"]),
            part(&c["parts"]["risk"]),
        ]);
    }
    text += &table.render(terminal);
    let explored = &decision["explored"];
    if !explored.is_null() {
        let [provider, model] = ["provider", "model"].map(|field| word(&explored[field]));
        text +=
            &format!("a chance for who is not the best by what is known: {provider}/{model} would have been first\n");
    }
    for other in decision["shadow"].as_array().into_iter().flatten() {
        let [strategy, provider, model] = ["strategy", "provider", "model"].map(|field| word(&other[field]));
        text += &format!("strategy {strategy} would have asked {provider}/{model}\n");
    }
    for refused in decision["refused"].as_array().into_iter().flatten() {
        text +=
            &format!("not {}/{}: {}\n", word(&refused["provider"]), word(&refused["model"]), word(&refused["reason"]));
    }
    text
}

/// How the tier was chosen, where that was left to llmr.
fn tier(choice: &Value) -> String {
    if choice.is_null() {
        return String::new();
    }
    let (tier, intent) = (word(&choice["tier"]), word(&choice["intent"]));
    let chance = choice["suffices"][tier.as_ref()].as_f64().unwrap_or_default();
    let mut text = format!("tier {tier} for {intent}: it suffices with a chance of {chance:.2}, ");
    text += &format!("{} was wanted\n", choice["min_quality"]);
    for rule in choice["rules"].as_array().into_iter().flatten() {
        text += &format!("{}\n", word(rule));
    }
    text
}

/// What put the first candidate first.
fn why(decision: &Value) -> String {
    let candidates = decision["candidates"].as_array().map_or(&[][..], Vec::as_slice);
    let (strategy, budget) = (word(&decision["strategy"]), word(&decision["budget"]));
    let Some(first) = candidates.first() else {
        return format!("nobody could be asked (strategy {strategy}, budget {budget})");
    };
    let reason = match (candidates.len(), budget.as_ref()) {
        (1, _) => "the only one that could be asked".to_owned(),
        (_, "soft" | "hard") => {
            format!("the cheapest, because the day's spending has passed its {budget} cut-off")
        }
        _ => {
            let by = REASONS.iter().find(|(name, _)| *name == strategy).map_or("", |(_, reason)| reason);
            let weights = decision["weights"].as_array().filter(|_| strategy == "weighted");
            let weights = weights.map(|w| format!(" (weights {}, {}, {})", w[0], w[1], w[2])).unwrap_or_default();
            format!("{by}{weights}")
        }
    };
    let who = format!("{}/{}", word(&first["provider"]), word(&first["model"]));
    format!("{who} came first of {} by strategy {strategy}: {reason}", candidates.len())
}

/// What each strategy goes by.
const REASONS: [(&str, &str); 7] = [
    ("weighted", "the highest score of cost, latency and quality, less the risk"),
    ("cheapest", "the lowest expected cost"),
    ("fastest", "the shortest expected time"),
    ("reliable", "the best record of answering"),
    ("priority", "the first in your own order"),
    ("round-robin", "it was its turn"),
    ("balanced", "drawn at random, by score"),
];

/// A word of a decision, on one line and harmless.
fn word(value: &Value) -> Cow<'_, str> {
    sanitize::line(value.as_str().unwrap_or("?"))
}
