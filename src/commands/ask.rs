//! `llmr ask`: the prompt in, the answer out.

use crate::cli;
use crate::commands::alerts::{self, Happened};
use crate::commands::answer::{ConversationReport, Format, Output, Voice, show};
use crate::commands::{Context, runtime, sandbox};
use crate::commands::{dry_run, question};
use crate::conversation::{Opening, Talk, Which, turn};
use crate::engine::breaker::BreakerState;
use crate::error::{Error, Kind, Result};
use crate::output::Level;
use crate::router::{Answered, Listener, Request, Router};
use crate::types::{AttemptReport, CacheOutcome, Message, Mode};

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
    let request = resolved.request(context)?;
    let request = Request { parallel: args.parallel.unwrap_or(1), ..request };
    if rehearsed {
        let talk = talk.as_ref().map(|(which, opening)| (which, opening));
        return dry_run::plan_of(context, request, talk, false);
    }
    let (race, tag, stream) = (args.race, args.tag.clone(), !args.no_stream);
    send(context, args, format, Request { race, mode, tag, stream, ..request }, talk)
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
    let mut output = output(context, args, format, &request);
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
fn output(context: &Context, args: &cli::Ask, format: Format, request: &Request) -> Output {
    let structured = request.schema.is_some();
    let whole = request.parallel > 1 || structured || args.extract;
    let shown = format == Format::Text && (args.stream || (context.printer.terminal.stdout && !args.no_stream));
    let streams = (shown || format == Format::StreamJson) && !whole;
    let mut voice = Voice::of(context);
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
