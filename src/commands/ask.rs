//! `llmr ask`: the prompt in, the answer out.

use crate::cli;
use crate::commands::alerts::{self, Happened};
use crate::commands::answer::{ConversationReport, Format, Output, Voice, show};
use crate::commands::long::{self, Reading};
use crate::commands::{Context, batch, dry_run, question, runtime, sandbox};
use crate::conversation::{Opening, Talk, Which, turn};
use crate::engine::breaker::BreakerState;
use crate::error::{Error, Kind, Result};
use crate::output::Level;
use crate::router::{Answered, Listener, Request, Router};
use crate::types::{AttemptReport, CacheOutcome, Message, Mode, NanoUsd};

/// Runs `llmr ask`.
pub fn run(context: &mut Context, args: &cli::Ask) -> Result<()> {
    let mode = question::parsed("--mode", args.mode.as_deref())?.unwrap_or(context.config.settings.mode);
    let format = format(context, args);
    let rehearsed = args.dry_run || mode == Mode::DryRun;
    if args.parallel == Some(0) {
        return Err(Error::new(Kind::Usage, "--parallel 0 asks nobody"));
    }
    // A plan is one object: a line of its own, where lines are wanted.
    context.printer.json |= rehearsed && format == Format::StreamJson;
    let resolved = question::resolve(context, &args.question)?;
    let talk = conversation(args).map(|which| (which, resolved.opening.clone()));
    let (request, parts) = resolved.read(context)?;
    let long = long::Wanted::of(&args.long, parts.filter(|_| talk.is_none()))?;
    let request = Request { parallel: args.parallel.unwrap_or(1), ..request };
    if rehearsed {
        let talk = talk.as_ref().map(|(which, opening)| (which, opening));
        return dry_run::plan_of(context, request, talk, long, false);
    }
    let (race, tag, stream) = (args.race, args.tag.clone(), !args.no_stream);
    let request = Request { race, mode, tag, stream, ..request };
    if let Some((reading, plan)) = long.plan(context, &request)? {
        let most = long::agree(context, args, &plan, reading.max_cost)?;
        if request.parallel > 1 || request.cascade.is_some() {
            context
                .warn("texts that are read in parts are asked of one at a time: --parallel and --cascade are left out");
        }
        let fresh = args.question.bounds.refresh;
        return read_in_parts(context, args, format, &long::Reading { fresh, ..reading }, most);
    }
    send(context, args, format, request, talk)
}

/// Goes on with a reading of long texts that was stopped, with the words that it was asked for with: whoever does so has
/// agreed to it. `now` is what was typed beside `--resume`.
pub fn resumed(context: &mut Context, again: &long::Again, mut args: cli::Ask, now: &cli::Ask) -> Result<()> {
    if !now.question.prompt.is_empty() || !now.question.files.is_empty() {
        return Err(Error::new(Kind::Usage, "--resume takes prompt and files from the reading that was stopped")
            .hint("leave them out, or give the whole command without --resume"));
    }
    args.question.bounds.max_cost = now.question.bounds.max_cost.clone().or(args.question.bounds.max_cost);
    // What was read before the stop has been refreshed.
    args.question.bounds.refresh = false;
    run(context, &cli::Ask { yes: true, agreed: again.most.map(|most| most.0), resume: false, ..args })
}

/// Reads texts that are too long for one call, and shows the answer whole.
fn read_in_parts(
    context: &mut Context,
    args: &cli::Ask,
    format: Format,
    reading: &Reading,
    most: Option<NanoUsd>,
) -> Result<()> {
    let rehearsal = sandbox::start(context)?;
    let level = if format == Format::Text { context.level() } else { Level::Quiet };
    let (mut messages, deliveries) = (context.stderr_at(level), context.deliveries.clone());
    let voice = batch::voice::Voice::new(context.stderr_at(level), &context.printer.terminal, level);
    let watch = batch::voice::Watch::new(deliveries.clone());
    let (asked, speaks) = (long::asked(context, reading, most)?, Voice::of(context));
    let router = context.router()?;
    router.store.keep_reading(&asked, router.host.now())?;
    let (mut router, came) = long::answer(router, reading, voice, watch)?;
    drop(rehearsal);
    let (answered, report) = came.inspect_err(|error| {
        alerts::after(&router, &mut messages, &deliveries, &Happened::failed(error));
    })?;
    router.store.end_reading(&asked)?;
    let mut output = output(speaks, args, format, &reading.base);
    output.finish_stream()?;
    output.read_in_parts(report);
    let happened = Happened::answered(&answered);
    let requested = reading.base.selection.model.as_deref();
    let shown = show(&mut router, &mut output, requested, answered, args.usage);
    alerts::after(&router, &mut messages, &deliveries, &happened);
    router.store.leave();
    shown
}

/// Asks, shows what comes, and says what there is to say about it.
fn send(
    context: &mut Context,
    args: &cli::Ask,
    format: Format,
    request: Request,
    talk: Option<(Which, Opening)>,
) -> Result<()> {
    let rehearsal = sandbox::start(context)?;
    let faults = Faults::of(context);
    let mut output = output(Voice::of(context), args, format, &request);
    let level = if output.quiet() { Level::Quiet } else { context.level() };
    let (mut messages, deliveries) = (context.stderr_at(level), context.deliveries.clone());
    let mut router = context.router()?;
    let requested_model = request.selection.model.clone();
    let answered = match talk {
        Some((which, opening)) => take_turn(&mut router, &which, &opening, request, &mut output),
        None => answer(&mut router, request, &mut output),
    };
    output.finish_stream()?;
    drop(rehearsal);
    let mut answered = answered.inspect_err(|error| {
        error.answer.iter().for_each(|answer| output.show_unfit(answer));
        alerts::after(&router, &mut messages, &deliveries, &Happened::failed(error));
    })?;
    faults.hint(&router, &answered.attempts, &mut output);
    if output.quiet() {
        let notes = faults.note().into_iter().chain(router.warned.iter().cloned());
        answered.warnings.splice(0..0, notes.collect::<Vec<_>>());
    }
    let happened = Happened::answered(&answered);
    let shown = show(&mut router, &mut output, requested_model.as_deref(), answered, args.usage);
    alerts::after(&router, &mut messages, &deliveries, &happened);
    router.store.leave();
    shown
}

/// Where the answer goes. What is judged or cut as a whole is not shown before it is whole.
fn output(mut voice: Voice, args: &cli::Ask, format: Format, request: &Request) -> Output {
    let structured = request.schema.is_some();
    let whole = request.parallel > 1 || structured || args.extract;
    let shown = format == Format::Text && (args.stream || (voice.terminal.stdout && !args.no_stream));
    let streams = (shown || format == Format::StreamJson) && !whole;
    // A block of code and JSON are for other programs, also when somebody looks on.
    voice.renders &= !args.extract && !structured;
    Output::speaking(&voice, format, streams, args.raw).extracting(args.extract).parsing(structured)
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
fn take_turn(
    router: &mut Router<'_>,
    which: &Which,
    opening: &Opening,
    mut request: Request,
    output: &mut Output,
) -> Result<Answered> {
    let mut talk = Talk::open(&router.store, which, opening, router.host.now())?;
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

/// What a rehearsal has to say of itself.
struct Faults {
    /// Whether it is one.
    rehearsed: bool,
    /// The providers that faults were ordered for.
    faulty: Vec<String>,
}

impl Faults {
    fn of(context: &Context) -> Self {
        let faulty = sandbox::faulty(&context.global).into_iter().map(str::to_owned).collect();
        Self { rehearsed: context.global.sandbox.is_some(), faulty }
    }

    /// What its result says of it.
    fn note(&self) -> Option<String> {
        self.rehearsed.then(|| sandbox::NOTE.to_owned())
    }

    /// Says why none of the faults that were ordered was met, if so.
    fn hint(&self, router: &Router<'_>, attempts: &[AttemptReport], output: &mut Output) {
        if let Some(hint) = (!self.faulty.is_empty()).then(|| self.unmet(router, attempts)).flatten() {
            output.hint(&hint);
        }
    }

    fn unmet(&self, router: &Router<'_>, attempts: &[AttemptReport]) -> Option<String> {
        if attempts.iter().any(|attempt| self.faulty.contains(&attempt.provider)) {
            return None;
        }
        let first = &attempts.first()?.provider;
        let now = router.host.now();
        let facts = router.store.facts(now).ok()?;
        let open = |name: &&String| facts.breakers.get(*name).is_some_and(|b| b.state(now) == BreakerState::Open);
        let resting = |name: &&String| facts.rests.iter().any(|rest| rest.provider == **name);
        Some(match self.faulty.iter().find(|name| open(name) || resting(name)) {
            Some(name) => format!(
                "{name} is left alone after its failures: see `llmr providers --sandbox`; \
                 `llmr providers reset {name} --sandbox` ends that"
            ),
            None => format!("{first} answers first and has no fault; to see a failover: --sandbox {first}=500"),
        })
    }
}
