//! `llmr embed`: vectors of texts, by the same routing, budget and cache as answers; printed, or kept in a collection and
//! searched.

pub mod calls;
mod near;
pub mod texts;

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use serde::Serialize;

use crate::cli;
use crate::commands::batch::voice::{Voice, Watch};
use crate::commands::side_by_side::routers;
use crate::commands::{Context, question, runtime, sandbox, write};
use crate::engine::retrieval;
use crate::error::{Error, Kind, Result};
use crate::output::units;
use crate::router::{CacheUse, Purse, Request, Router, Selection};
use crate::store::{Collection, KeptVector, Store, TextDigest};
use crate::types::{CandidateId, Embed, NanoUsd, Purpose, RequestId, Usage, bytes_of, of_bytes};

use calls::{Calls, Made};
use texts::{Text, calls};

/// What was made, as an object.
#[derive(Debug, Serialize)]
struct Report {
    provider: Option<String>,
    model: Option<String>,
    dimensions: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    collection: Option<String>,
    texts: Vec<TextReport>,
    /// Texts whose vectors the collection had.
    kept: u64,
    calls: u64,
    from_cache: u64,
    requests: Vec<RequestId>,
    usage: Usage,
    cost_usd: Option<NanoUsd>,
    warnings: Vec<String>,
}

/// One text.
#[derive(Debug, Serialize)]
struct TextReport {
    source: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    lines: Option<(usize, usize)>,
    #[serde(skip_serializing_if = "Option::is_none")]
    span: Option<[usize; 2]>,
    /// Not told of what is kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    vector: Option<Vec<f32>>,
}

/// Runs `llmr embed`.
pub fn run(context: &mut Context, args: &cli::Embed) -> Result<()> {
    for name in args.save.iter().chain(&args.near) {
        named(name)?;
    }
    match &args.near {
        Some(collection) => near::run(context, args, collection),
        None => make(context, args),
    }
}

/// A name that can be typed and shown.
fn named(name: &str) -> Result<()> {
    match name.trim().is_empty() || name.chars().any(char::is_control) {
        true => Err(Error::new(Kind::Usage, format!("`{}` is no name of a collection", name.escape_debug()))),
        false => Ok(()),
    }
}

fn make(context: &mut Context, args: &cli::Embed) -> Result<()> {
    let purpose = if args.query { Purpose::Query } else { Purpose::Document };
    let mut base = request(context, args, purpose)?;
    let texts = texts::read(context, args)?;
    let _rehearsal = if args.dry_run { sandbox::Rehearsal::Nowhere } else { sandbox::start(context)? };
    if args.dry_run {
        return plan(context, &texts, base);
    }
    let voice = Rc::new(RefCell::new(Voice::new(context.stderr(), &context.printer.terminal, context.level())));
    let mut watch = Watch::new(context.deliveries.clone());
    let notes: Vec<String> = context.global.sandbox.iter().map(|_| sandbox::NOTE.to_owned()).collect();
    let mut router = context.router()?;
    let collection = args.save.as_deref().map(|name| of_name(&router.store, name)).transpose()?.flatten();
    let mut known: HashMap<TextDigest, Vec<u8>> = HashMap::new();
    if let Some(collection) = &collection {
        base = like(base, collection)?;
        known = router.store.vectors_by_text(&collection.name)?;
    }
    let calls = calls(&texts, |text| known.contains_key(&text.digest));
    router.purse = base.max_cost.map(|cap| Rc::new(Purse::new(cap, NanoUsd::ZERO)));
    let (store, cached) = (router.store.clone(), router.sealer.is_some() && base.cache != CacheUse::Off);
    base.max_cost = None;
    let mut idle = routers(router, calls.len())?;
    let making = Calls::new(&texts, &calls, base, &voice, &mut watch).make(&mut idle);
    let (made, result) = runtime()?.block_on(making);
    if let Some(name) = &args.save {
        keep(&store, name, collection.as_ref(), &texts, &known, &made, context.now())?;
    }
    store.leave();
    result.map_err(|error| arrived(error, &made, calls.len(), args.save.is_some() || cached))?;
    report(context, args, collection.as_ref(), &texts, &known, made, notes)
}

/// What is asked for, but for the texts.
fn request(context: &Context, args: &cli::Embed, purpose: Purpose) -> Result<Request> {
    let flags = cli::Question {
        model: args.model.clone(),
        providers: args.providers.clone(),
        strategy: args.strategy.clone(),
        options: args.options.clone(),
        max_cost: args.max_cost.clone(),
        timeout: args.timeout,
        max_retries: args.max_retries,
        allow_unpriced: args.allow_unpriced,
        no_cache: args.no_cache,
        refresh: args.refresh,
        ..cli::Question::default()
    };
    let request = question::checked(context, &flags)?;
    let Selection { model, providers, .. } = request.selection.clone();
    let selection = Selection { model, providers, ..Selection::default() };
    let request = Request { tag: args.tag.clone(), ..request };
    Ok(for_vectors(request, selection, Embed { dimensions: args.dimensions, purpose }))
}

/// The same request for vectors in place of an answer: nothing is written, so that nothing is said about writing.
pub fn for_vectors(request: Request, selection: Selection, embed: Embed) -> Request {
    Request {
        selection,
        embed: Some(embed),
        system: None,
        messages: Vec::new(),
        explicit_cap: Some(1),
        temperature: None,
        top_p: None,
        stop: Vec::new(),
        effort: None,
        schema: None,
        parallel: 1,
        race: false,
        hedge: false,
        cascade: None,
        stream: false,
        ..request
    }
}

/// The collection of that name, if there is one.
fn of_name(store: &Store, name: &str) -> Result<Option<Collection>> {
    Ok(store.collections()?.into_iter().find(|collection| collection.name == name))
}

/// The request for vectors that can be compared with a collection's.
fn like(request: Request, collection: &Collection) -> Result<Request> {
    let CandidateId { provider, model } = &collection.candidate;
    let Selection { model: named, providers, .. } = &request.selection;
    let other_model = named.as_ref().is_some_and(|named| named != model && *named != format!("{provider}/{model}"));
    let other_provider = !providers.is_empty() && !providers.contains(provider);
    let dimensions = request.embed.and_then(|embed| embed.dimensions);
    if other_model || other_provider || dimensions.is_some_and(|wanted| wanted != collection.dimensions) {
        let own = format!("{} numbers by {}", collection.dimensions, collection.candidate);
        let message =
            format!("collection `{}` has vectors of {own}: others cannot be compared with them", collection.name);
        return Err(
            Error::new(Kind::Usage, message).hint("leave -m, -p and --dimensions out, or begin another collection")
        );
    }
    let row = crate::catalogue::embedding(provider, model);
    let usual = row.is_some_and(|row| row.dimensions == collection.dimensions);
    let dimensions = dimensions.or(Some(collection.dimensions).filter(|_| row.is_some() && !usual));
    let embed = request.embed.map(|embed| Embed { dimensions, ..embed });
    let (model, providers) = match row {
        Some(_) if providers.is_empty() => (format!("{provider}/{model}"), Vec::new()),
        _ => (model.clone(), vec![provider.clone()]),
    };
    Ok(Request { selection: Selection { model: Some(model), providers, ..request.selection }, embed, ..request })
}

/// Keeps what there is: of every source whose vectors are all there.
fn keep(
    store: &Store,
    name: &str,
    collection: Option<&Collection>,
    texts: &[Text],
    known: &HashMap<TextDigest, Vec<u8>>,
    made: &Made,
    at: crate::types::Timestamp,
) -> Result<()> {
    let Some(candidate) = collection.map(|own| &own.candidate).or(made.candidate.as_ref()) else { return Ok(()) };
    let vector = |text: &Text| {
        let fresh = made.vectors.get(&text.digest).map(|vector| bytes_of(vector));
        fresh.or_else(|| known.get(&text.digest).cloned())
    };
    let missing: Vec<&str> =
        texts.iter().filter(|text| vector(text).is_none()).map(|text| text.source.as_str()).collect();
    let whole = texts.iter().filter(|text| !missing.contains(&text.source.as_str()));
    let kept: Vec<KeptVector> = whole
        .filter_map(|text| {
            let (source, place, digest) = (text.source.clone(), text.place(), text.digest);
            Some(KeptVector { source, place, digest, vector: vector(text)? })
        })
        .collect();
    let size = kept.first().map_or(0, |kept| kept.vector.len());
    let own = collection.map_or(size, |own| own.dimensions as usize * 4);
    if kept.iter().any(|kept| kept.vector.len() != own) {
        let message = format!("the vectors that came are not as long as those of collection `{name}`: none was kept");
        return Err(Error::new(Kind::Unavailable, message));
    }
    Ok(store.keep_vectors(name, candidate, &kept, at)?)
}

/// What is said of an end before the last call.
fn arrived(error: Error, made: &Made, calls: usize, stays: bool) -> Error {
    let error = match error.kind {
        Kind::Refused if error.message.contains("too long") => {
            error.hint("--split 400 makes a vector of every 400 tokens of a text")
        }
        _ => error,
    };
    match made.requests.len() {
        0 => error,
        done if stays => {
            error.hint(format!("{done} of {calls} calls were answered and are kept: the same command goes on"))
        }
        done => error.hint(format!("{done} of {calls} calls were answered")),
    }
}

fn report(
    context: &mut Context,
    args: &cli::Embed,
    collection: Option<&Collection>,
    texts: &[Text],
    known: &HashMap<TextDigest, Vec<u8>>,
    made: Made,
    notes: Vec<String>,
) -> Result<()> {
    let candidate = collection.map(|own| own.candidate.clone()).or_else(|| made.candidate.clone());
    let vector = |text: &Text| made.vectors.get(&text.digest).cloned();
    let kept = texts.iter().filter(|text| known.contains_key(&text.digest)).count() as u64;
    let own = known.values().next().and_then(|bytes| of_bytes(bytes)).map(|vector| vector.len());
    let dimensions = made.vectors.values().next().map(Vec::len).or(own).unwrap_or_default();
    let told = |text: &Text| TextReport {
        source: text.source.clone(),
        lines: text.lines,
        span: text.span,
        vector: vector(text).filter(|_| args.save.is_none()),
    };
    let report = Report {
        provider: candidate.as_ref().map(|id| id.provider.clone()),
        model: candidate.as_ref().map(|id| id.model.clone()),
        dimensions,
        collection: args.save.clone(),
        texts: texts.iter().map(told).collect(),
        kept,
        calls: made.requests.len() as u64 - made.from_cache,
        from_cache: made.from_cache,
        requests: made.requests,
        usage: made.usage,
        cost_usd: made.cost,
        warnings: notes.into_iter().chain(made.warnings).collect(),
    };
    context.messages.note(&summary(&report));
    if context.json() {
        return context.print(&report, |_, _| String::new());
    }
    for text in report.texts.iter().filter_map(|text| text.vector.as_ref()) {
        let line = serde_json::to_string(text).map_err(|e| Error::new(Kind::Other, e.to_string()))?;
        write(&format!("{line}\n"))?;
    }
    Ok(())
}

/// What is said on stderr.
fn summary(report: &Report) -> String {
    let texts = report.texts.len() as u64;
    let mut parts = vec![format!("{} of {} numbers", units::counted(texts, "vector", "vectors"), report.dimensions)];
    if let (Some(provider), Some(model)) = (&report.provider, &report.model) {
        parts[0] += &format!(" by {provider}/{model}");
    }
    if report.kept > 0 {
        parts.push(format!("{} unchanged", units::tokens(report.kept)));
    }
    if let Some(name) = &report.collection {
        parts.push(format!("kept in `{name}`"));
    }
    parts.push(units::counted(report.usage.prompt_tokens(), "token", "tokens"));
    parts.push(report.cost_usd.map_or_else(|| "cost unknown".to_owned(), units::usd));
    parts.join(", ")
}

/// What would be asked, and of whom.
#[derive(Debug, Serialize)]
struct Plan {
    texts: u64,
    calls: u64,
    input_tokens: u64,
    candidates: Vec<Candidate>,
}

/// Whom, in the order in which they would be asked.
#[derive(Debug, Serialize)]
struct Candidate {
    provider: String,
    model: String,
    cost_usd: Option<NanoUsd>,
    most_usd: Option<NanoUsd>,
}

/// `--dry-run`: as many tokens as all texts have, at the price of whoever would be asked.
fn plan(context: &mut Context, texts: &[Text], base: Request) -> Result<()> {
    let calls = calls(texts, |_| false);
    let mut router: Router<'_> = context.router_without_writing()?;
    let messages = calls.iter().flatten().map(|number| texts[*number].message()).collect();
    let input_tokens = calls.iter().flatten().map(|number| retrieval::tokens(&texts[*number].text)).sum();
    let job = router.prepare(Request { messages, ..base })?;
    let rehearsal = router.rehearse(&job)?;
    let candidates = rehearsal.plan.order.iter().map(|ranked| Candidate {
        provider: ranked.candidate.id.provider.clone(),
        model: ranked.candidate.id.model.clone(),
        cost_usd: ranked.expected.load.cost,
        most_usd: ranked.candidate.pricing.as_ref().map(|_| ranked.sized.hold),
    });
    let report =
        Plan { texts: texts.len() as u64, calls: calls.len() as u64, input_tokens, candidates: candidates.collect() };
    let refused = rehearsal.plan.refused.iter().map(|refused| format!("{}: {}", refused.id, refused.reason));
    let refused: Vec<String> = refused.collect();
    refused.iter().for_each(|why| context.messages.note(why));
    context.print(&report, |report, _| {
        let mut text = format!(
            "{}, about {} tokens, {}\n",
            units::counted(report.texts, "text", "texts"),
            units::tokens(report.input_tokens),
            units::counted(report.calls, "call", "calls")
        );
        for one in &report.candidates {
            let usd = |cost: Option<NanoUsd>| cost.map_or_else(|| "price unknown".to_owned(), units::usd);
            text += &format!("{}/{}  {}, at most {}\n", one.provider, one.model, usd(one.cost_usd), usd(one.most_usd));
        }
        text
    })
}
