//! `llmr ask`: the prompt in, the answer out.

use crate::cli;
use crate::commands::alerts::{self, Happened};
use crate::commands::answer::{ConversationReport, Format, Output, Voice, show};
use crate::commands::{Context, runtime, sandbox};
use crate::commands::{dry_run, question};
use crate::conversation::{Pinned, Talk, Which, turn};
use crate::engine::breaker::BreakerState;
use crate::error::{Error, Kind, Result};
use crate::output::Level;
use crate::router::{Answered, Listener, Request, Router};
use crate::types::{AttemptReport, CacheOutcome, Message, Mode};

/// Runs `llmr ask`.
pub fn run(context: &mut Context, args: &cli::Ask) -> Result<()> {
    let mode = question::parsed("--mode", args.mode.as_deref())?.unwrap_or(context.config.settings.mode);
    let parallel = args.parallel.unwrap_or(1);
    if parallel == 0 {
        return Err(Error::new(Kind::Usage, "--parallel 0 asks nobody"));
    }
    let format = format(context, args);
    if args.dry_run || mode == Mode::DryRun {
        // A plan is one object: a line of its own, where lines are wanted.
        context.printer.json |= format == Format::StreamJson;
        let request = question::request(context, &args.question)?;
        return dry_run::plan_of(context, Request { parallel, ..request }, conversation(args).as_ref(), false);
    }
    let shown = format == Format::Text && (args.stream || (context.printer.terminal.stdout && !args.no_stream));
    let mut request = question::request(context, &args.question)?;
    request.parallel = parallel;
    request.race = args.race;
    request.mode = mode;
    request.tag.clone_from(&args.tag);
    request.stream = !args.no_stream;
    // What is judged or cut as a whole is not shown before it is whole.
    let whole = request.parallel > 1 || request.schema.is_some() || args.extract;
    let streams = (shown || format == Format::StreamJson) && !whole;
    let rehearsal = sandbox::start(context)?;
    let rehearsed = context.global.sandbox.is_some();
    let faulty: Vec<String> = sandbox::faulty(&context.global).into_iter().map(str::to_owned).collect();
    let mut voice = Voice::of(context);
    // A block of code and JSON are for other programs, also when somebody looks on.
    voice.renders &= !args.extract && request.schema.is_none();
    let output = Output::speaking(&voice, format, streams, args.raw);
    let mut output = output.extracting(args.extract).parsing(request.schema.is_some());
    let level = if output.quiet() { Level::Quiet } else { context.level() };
    let (mut messages, deliveries) = (context.stderr_at(level), context.deliveries.clone());
    let mut router = context.router()?;
    let requested_model = request.selection.model.clone();
    let answered = match conversation(args) {
        Some(which) => take_turn(&mut router, &which, request, &mut output),
        None => answer(&mut router, request, &mut output),
    };
    output.finish_stream()?;
    drop(rehearsal);
    let mut answered = answered.inspect_err(|error| {
        error.answer.iter().for_each(|answer| output.show_unfit(answer));
        alerts::after(&router, &mut messages, &deliveries, &Happened::failed(error));
    })?;
    if let Some(hint) = (!faulty.is_empty()).then(|| unmet(&router, &faulty, &answered.attempts)).flatten() {
        output.hint(&hint);
    }
    if output.quiet() {
        answered.warnings.splice(0..0, router.warned.iter().cloned());
    }
    if rehearsed && output.quiet() {
        answered.warnings.insert(0, sandbox::NOTE.to_owned());
    }
    let happened = Happened::answered(&answered);
    let shown = show(&mut router, &mut output, requested_model.as_deref(), answered, args.usage);
    alerts::after(&router, &mut messages, &deliveries, &happened);
    shown
}

fn answer(router: &mut Router<'_>, request: Request, output: &mut Output) -> Result<Answered> {
    let job = router.prepare(request)?;
    let told = router.warned.len();
    let cached = router.cached(&job)?;
    router.warned.iter().skip(told).for_each(|warning| output.note(warning));
    match cached {
        Some(hit) => {
            output.hit(&hit.candidate);
            Ok(hit)
        }
        None => runtime()?.block_on(router.answer(&job, output)),
    }
}

/// The conversation that is gone on with or begun, if one is.
fn conversation(args: &cli::Ask) -> Option<Which> {
    let named = args.session.clone().map(Which::Named);
    named.or_else(|| args.continues.then_some(Which::Last))
}

/// Asks inside a conversation.
fn take_turn(router: &mut Router<'_>, which: &Which, mut request: Request, output: &mut Output) -> Result<Answered> {
    let mut talk = Talk::open(&router.store, which, &Pinned::of(&request), router.host.now())?;
    let message = request.messages.pop().unwrap_or_else(|| Message::user(""));
    let told = router.warned.len();
    let answered = runtime()?.block_on(turn(router, &mut talk, request, message, output));
    router.warned.iter().skip(told).for_each(|warning| output.note(warning));
    let answered = answered?;
    if answered.cache == CacheOutcome::Hit {
        output.hit(&answered.candidate);
    }
    output.about(ConversationReport::of(&talk, &router.store));
    Ok(answered)
}

fn format(context: &Context, args: &cli::Ask) -> Format {
    match args.output_format.as_deref() {
        Some("json") => Format::Json,
        Some("stream-json") => Format::StreamJson,
        Some(_) => Format::Text,
        None if context.global.json => Format::Json,
        None => Format::Text,
    }
}

/// Why none of the faults that were ordered was met, if so.
fn unmet(router: &Router<'_>, faulty: &[String], attempts: &[AttemptReport]) -> Option<String> {
    if attempts.iter().any(|attempt| faulty.contains(&attempt.provider)) {
        return None;
    }
    let first = &attempts.first()?.provider;
    let now = router.host.now();
    let facts = router.store.facts(now).ok()?;
    let open = |name: &&String| facts.breakers.get(*name).is_some_and(|b| b.state(now) == BreakerState::Open);
    let resting = |name: &&String| facts.rests.iter().any(|rest| rest.provider == **name);
    Some(match faulty.iter().find(|name| open(name) || resting(name)) {
        Some(name) => format!(
            "{name} is left alone after its failures: see `llmr providers --sandbox`; \
             `llmr providers reset {name} --sandbox` ends that"
        ),
        None => format!("{first} answers first and has no fault; to see a failover: --sandbox {first}=500"),
    })
}
