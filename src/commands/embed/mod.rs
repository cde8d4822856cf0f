//! `llmr embed`: vectors of texts, by the same routing, budget and cache as answers; printed, or kept in a collection and
//! searched.

pub mod calls;
mod collection;
mod list;
mod near;
mod plan;
mod report;
pub mod texts;

use std::cell::RefCell;
use std::rc::Rc;

use crate::cli;
use crate::commands::batch::voice::{Voice, Watch};
use crate::commands::side_by_side::routers;
use crate::commands::{Context, question, runtime, sandbox};
use crate::config::templates;
use crate::error::{Error, Kind, Result};
use crate::router::{CacheUse, Purse, Request, Router, Selection};
use crate::types::{Embed, FailureClass, NanoUsd, Purpose};

use calls::{Calls, Made};
use collection::{Keeper, There, reuses, there};
use report::report;
use texts::calls;

/// Runs `llmr embed`.
pub fn run(context: &mut Context, args: &cli::Embed) -> Result<()> {
    for name in args.save.iter().chain(&args.near) {
        named(name)?;
    }
    match &args.near {
        _ if args.list => list::run(context),
        Some(collection) => near::run(context, args, collection),
        None if args.dry_run => plan::run(context, args),
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
    let mut base = request(context, args, purpose(args))?;
    let read = texts::read(context, args)?;
    let _rehearsal = sandbox::start(context)?;
    let voice = Rc::new(RefCell::new(voice(context)));
    let mut watch = Watch::new(context.deliveries.clone());
    let today = context.now().day();
    let mut router = context.router()?;
    let store = router.store.clone();
    let (request, There { collection, known }) = there(router.config, &store, args, base, today)?;
    base = request;
    let mut keeper = args.save.as_deref().map(|name| {
        // What arrives is kept at once: in two places it would take twice the room.
        base.cache = CacheUse::Off;
        Keeper::new(store.clone(), name, collection, base.embed.and_then(|embed| embed.dimensions))
    });
    let calls = calls(&read.texts, |text| known.contains(&text.digest));
    let stays = if keeper.is_some() { reuses(args) } else { router.sealer.is_some() && base.cache == CacheUse::On };
    purse(&mut router, &mut base);
    let mut idle = routers(router, calls.len())?;
    let making = Calls::new(&read.texts, &calls, base, &voice, &mut watch).kept_by(keeper.as_mut());
    let (made, result) = runtime()?.block_on(making.make(&mut idle));
    let result = result.map_err(|error| arrived(error, &made, calls.len(), stays));
    let result = result.and_then(|()| keeper.as_mut().map_or(Ok(()), |keeper| keeper.settle(&read)));
    store.leave();
    result?;
    report(context, &read.texts, &known, made, keeper.and_then(Keeper::into_collection))
}

fn purpose(args: &cli::Embed) -> Purpose {
    if args.query { Purpose::Query } else { Purpose::Document }
}

/// What is said of the calls on stderr.
fn voice(context: &Context) -> Voice {
    Voice::new(context.stderr(), &context.printer.terminal, context.level())
}

/// What all calls together may cost is held in one purse.
fn purse(router: &mut Router<'_>, base: &mut Request) {
    router.purse = base.max_cost.take().map(|cap| Rc::new(Purse::new(cap, NanoUsd::ZERO)));
}

/// A profile's model is for answers: who is not to be asked for those is asked for nothing, unless somebody says so. A
/// collection says it.
fn of_no_profile(defaults: &cli::Question, args: &cli::Embed) -> Result<()> {
    let says = args.model.is_some() || !args.providers.is_empty() || !defaults.providers.is_empty();
    match defaults.model.as_ref().filter(|_| !says) {
        None => Ok(()),
        Some(model) => Err(Error::new(Kind::Usage, format!("the profile has model `{model}`, which is for answers"))
            .hint("say which one makes vectors: -m MODEL, or -p PROVIDER")),
    }
}

/// What is asked for, but for the texts: flags win over the profile.
fn request(context: &Context, args: &cli::Embed, purpose: Purpose) -> Result<Request> {
    let defaults = &context.config.defaults;
    let flags = cli::Question {
        providers: args.providers.clone(),
        strategy: args.strategy.clone(),
        options: args.options.clone(),
        bounds: args.bounds.clone(),
        ..cli::Question::default()
    };
    let own = cli::Question { model: None, options: Vec::new(), ..defaults.clone() };
    let request = question::checked(context, &templates::fill(&flags, &own))?;
    let (model, providers) = (args.model.clone(), request.selection.providers.clone());
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

/// What is said of an end before the last call.
fn arrived(error: Error, made: &Made, calls: usize, stays: bool) -> Error {
    let overflows = error.attempts.iter().any(|attempt| attempt.failure == Some(FailureClass::ContextOverflow));
    let error = match overflows || error.kind == Kind::Refused && error.message.contains("too long") {
        true => error.hint("--split 400 makes a vector of every 400 tokens of a text"),
        false => error,
    };
    match made.requests.len() {
        0 => error,
        done if stays => {
            error.hint(format!("{done} of {calls} calls are kept: the same command asks for the others only"))
        }
        done => error.hint(format!("{done} of {calls} calls were answered")),
    }
}
