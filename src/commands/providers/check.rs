//! `llmr providers check`: whether each provider would answer, and as whom.

use futures_util::stream::{self, StreamExt as _};
use serde::Serialize;

use super::asked::{self, Asked, Key};
use super::find;
use crate::catalogue::{self, Ability};
use crate::cli;
use crate::commands::{Context, question, runtime, sandbox};
use crate::config::ProviderConfig;
use crate::error::{Error, Kind, Result};
use crate::host;
use crate::output::{Align, Steps, Table, Terminal, units};
use crate::router::select::{default_model, why_not};
use crate::router::{Answered, Listener, Request, Router, Selection};
use crate::types::{FailureClass, Message, NanoUsd, Timestamp};

/// What every default model is asked by `--live`.
const PROMPT: &str = "Answer with the one word: ready";
/// The tag under which these requests are found in the log.
const TAG: &str = "check";
/// The output cap of a live check: one word with room, and for a model that thinks, thinking about it.
const CAPS: (u64, u64) = (32, 1024);
/// The longest that one live answer is waited for, in seconds.
const LIVE_SECS: f64 = 30.0;
/// So many models answer at once.
const SIDE_BY_SIDE: usize = 4;

/// What was found, as an object.
#[derive(Debug, Serialize)]
struct Report {
    checks: Vec<Check>,
}

/// One provider.
#[derive(Debug, Serialize)]
struct Check {
    provider: String,
    key: Key,
    /// Null when nobody was asked.
    reachable: Option<bool>,
    /// How many it lists; null where it does not list them.
    models: Option<usize>,
    default_model: Option<String>,
    default_model_listed: Option<bool>,
    latency_ms: Option<u64>,
    failure: Option<String>,
    /// In words.
    message: Option<String>,
    checked_at: Timestamp,
    live: Option<Live>,
}

/// What its default model answered.
#[derive(Debug, Clone, Serialize)]
struct Live {
    ok: bool,
    latency_ms: u64,
    cost_usd: Option<NanoUsd>,
    /// Why it did not answer.
    message: Option<String>,
    #[serde(skip)]
    kind: Option<Kind>,
}

/// Runs `llmr providers check`.
pub fn run(context: &mut Context, names: &[String], live: bool) -> Result<()> {
    let rehearsal = sandbox::start(context)?;
    let providers = wanted(context, names)?;
    let asked = asked::ask(context, &providers, live)?;
    let mut checks: Vec<Check> = providers.iter().zip(asked).map(|(provider, asked)| check(provider, asked)).collect();
    if live {
        live_checks(context, &mut checks)?;
    }
    drop(rehearsal);
    let unasked = |check: &&Check| check.key == Key::Unknown && check.reachable.is_none() && check.live.is_none();
    if let Some(check) = checks.iter().find(unasked) {
        let text = format!("{} does not list its models; --live has it answer, which costs a little", check.provider);
        context.messages.hint(&text);
    }
    let now = context.now();
    let report = Report { checks };
    let result = verdict(&report.checks);
    context.print(&report, |r, terminal| table(&r.checks, now, terminal))?;
    result.map_err(Error::printed)
}

/// Those that are named, else all that take part.
fn wanted(context: &Context, names: &[String]) -> Result<Vec<ProviderConfig>> {
    let mut providers: Vec<ProviderConfig> = Vec::new();
    for name in names {
        let provider = find(context, name)?;
        if !providers.iter().any(|known| known.name == provider.name) {
            providers.push(provider.clone());
        }
    }
    if names.is_empty() {
        providers = context.config.providers.iter().filter(|p| p.participates()).cloned().collect();
    }
    if providers.is_empty() {
        return Err(Error::new(Kind::NoProvider, "no provider is configured")
            .hint("set a key, such as OPENAI_API_KEY or ANTHROPIC_API_KEY, in the environment or in a .env file")
            .hint("try everything without a key: llmr providers check --sandbox"));
    }
    // One that needs no key and is not in use has no address that anybody meant.
    match providers.iter().find(|p| !p.participates() && p.key_state != crate::config::KeyState::Missing) {
        Some(idle) => {
            let message = format!("provider `{}` cannot be checked: {}", idle.name, why_not(idle));
            Err(Error::new(Kind::NoProvider, message))
        }
        None => Ok(providers),
    }
}

fn check(provider: &ProviderConfig, asked: Asked) -> Check {
    let Asked { at, said } = asked;
    let default_model = default_model(provider, &Selection::default());
    let listed = default_model.as_deref().and_then(|model| said.lists(provider, model));
    let (failure, message) = match (said.failure, said.key) {
        (Some(why), _) => (Some(why.class), Some(why.message)),
        (None, Key::Missing) => (None, Some(why_not(provider))),
        (None, _) => (None, None),
    };
    Check {
        provider: provider.name.clone(),
        key: said.key,
        reachable: said.reachable,
        models: said.models.map(|models| models.len()),
        default_model,
        default_model_listed: listed,
        latency_ms: said.latency_ms,
        failure,
        message,
        checked_at: at,
        live: None,
    }
}

/// Has the default model of every provider that may be asked answer one word: ordinary requests, which are paid for.
fn live_checks(context: &mut Context, checks: &mut [Check]) -> Result<()> {
    let open = |check: &&mut Check| check.key != Key::Missing && check.default_model.is_some();
    let mut open: Vec<&mut Check> = checks.iter_mut().filter(open).collect();
    let count = open.len();
    context.messages.note(&format!("{count} default models answer one word each, which costs a little"));
    let mut requests = Vec::new();
    for check in &open {
        requests.push(request(context, check)?);
    }
    let mut steps = Steps::start(count, &context.printer.terminal, context.level(), host::terminal_width);
    let mut answers: Vec<Option<Result<Answered>>> = (0..count).map(|_| None).collect();
    for chunk in (0..count).collect::<Vec<_>>().chunks(SIDE_BY_SIDE) {
        let mut routers: Vec<(usize, Router<'_>, Request)> = Vec::new();
        let context: &Context = context;
        for &i in chunk {
            routers.push((i, context.another_router()?, requests[i].clone()));
        }
        runtime()?.block_on(async {
            let each =
                routers.into_iter().map(|(i, router, request)| async move { (i, one_word(router, request).await) });
            let mut done = stream::iter(each).buffer_unordered(SIDE_BY_SIDE);
            while let Some((i, answer)) = done.next().await {
                steps.step("");
                answers[i] = Some(answer);
            }
        });
        if let Some(Err(stopped)) = answers.iter().flatten().find(|a| a.as_ref().is_err_and(is_stopped)) {
            return Err(stopped.clone());
        }
    }
    for (check, answer) in open.iter_mut().zip(answers) {
        check.live = answer.map(|answer| live(context, answer));
    }
    Ok(())
}

fn is_stopped(error: &Error) -> bool {
    matches!(error.kind, Kind::Interrupted | Kind::Terminated)
}

fn request(context: &Context, check: &Check) -> Result<Request> {
    let model = check.default_model.as_deref().unwrap_or_default();
    let thinks = catalogue::find(&check.provider, model).is_some_and(|row| row.can(Ability::Reasoning));
    let question = cli::Question {
        providers: vec![check.provider.clone()],
        max_tokens: Some(if thinks { CAPS.1 } else { CAPS.0 }),
        bounds: cli::Bounds {
            timeout: Some(LIVE_SECS.min(context.config.settings.timeouts.total_secs)),
            no_cache: true,
            ..cli::Bounds::default()
        },
        ..cli::Question::default()
    };
    // Without a profile's defaults: its model would be asked of every provider.
    let checked = question::checked(context, &question)?;
    Ok(Request { messages: vec![Message::user(PROMPT)], tag: Some(TAG.to_owned()), stream: false, ..checked })
}

/// Nobody is shown anything while it comes.
struct Unheard;

impl Listener for Unheard {}

async fn one_word(mut router: Router<'_>, request: Request) -> Result<Answered> {
    let job = router.prepare(request)?;
    router.answer(&job, &mut Unheard).await
}

fn live(context: &Context, answer: Result<Answered>) -> Live {
    match answer {
        Ok(answered) => {
            Live { ok: true, latency_ms: answered.latency_ms, cost_usd: answered.cost, message: None, kind: None }
        }
        Err(error) => {
            let known: Option<Vec<NanoUsd>> = error.attempts.iter().map(|a| a.cost_usd).collect();
            Live {
                ok: false,
                latency_ms: error.attempts.iter().map(|a| a.latency_ms).sum(),
                cost_usd: known.map(|costs| costs.into_iter().sum()),
                message: Some(context.redactor.redact(&error.message)),
                kind: Some(error.kind),
            }
        }
    }
}

/// Exit code 0 when all is well; the code that fits every provider when none is; else 1.
fn verdict(checks: &[Check]) -> Result<()> {
    let bad: Vec<(&Check, Kind)> = checks.iter().filter_map(|check| Some((check, wrong(check)?))).collect();
    let Some((first, kind)) = bad.first() else { return Ok(()) };
    let alike = bad.len() == checks.len() && bad.iter().all(|(_, other)| other == kind);
    let names: Vec<&str> = bad.iter().map(|(check, _)| check.provider.as_str()).collect();
    let message = match checks.len() {
        1 => format!("{}: {}", first.provider, first.message.as_deref().unwrap_or("it does not answer")),
        all => format!("{} of {all} providers cannot be used: {}", bad.len(), names.join(", ")),
    };
    Err(Error::new(if alike { *kind } else { Kind::Other }, message))
}

fn wrong(check: &Check) -> Option<Kind> {
    match (check.key, check.failure.as_deref().and_then(FailureClass::from_name)) {
        (Key::Refused, _) => Some(Kind::Auth),
        (Key::Missing, _) => Some(Kind::NoProvider),
        (_, Some(FailureClass::RateLimited)) => Some(Kind::RateLimited),
        (_, Some(_)) => Some(Kind::Unavailable),
        (_, None) => check.live.as_ref().and_then(|live| live.kind),
    }
}

fn table(checks: &[Check], now: Timestamp, terminal: &Terminal) -> String {
    let live = checks.iter().any(|check| check.live.is_some());
    let mut columns = vec![
        ("provider", Align::Left),
        ("key", Align::Left),
        ("models", Align::Left),
        ("default model", Align::Left),
        ("time", Align::Right),
        ("checked", Align::Left),
    ];
    if live {
        columns.extend([("answers", Align::Left), ("in", Align::Right), ("cost", Align::Right)]);
    }
    let mut table = Table::new(&columns);
    for check in checks {
        let mut cells = vec![
            check.provider.clone(),
            key(check.key).to_owned(),
            models(check),
            default(check),
            check.latency_ms.map_or(String::new(), units::duration_ms),
            units::relative(check.checked_at, now),
        ];
        if let Some(live) = &check.live {
            cells.push(live.message.clone().unwrap_or_else(|| "yes".to_owned()));
            cells.push(units::duration_ms(live.latency_ms));
            cells.push(units::usd_or_unknown(live.cost_usd));
        }
        table.row(cells);
    }
    table.render(terminal)
}

fn key(key: Key) -> &'static str {
    match key {
        Key::Accepted => "accepted",
        Key::Refused => "refused",
        Key::Missing => "missing",
        Key::NotNeeded => "not needed",
        Key::Unknown => "unknown",
    }
}

fn models(check: &Check) -> String {
    match (check.models, &check.message) {
        (Some(count), _) => units::tokens(count as u64),
        (None, Some(message)) => message.clone(),
        (None, None) => "not listed".to_owned(),
    }
}

fn default(check: &Check) -> String {
    let name = check.default_model.clone().unwrap_or_else(|| "-".to_owned());
    match check.default_model_listed {
        Some(false) => format!("{name} (not among them)"),
        Some(true) | None => name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(key: Key, failure: Option<FailureClass>) -> Check {
        Check {
            provider: "p".into(),
            key,
            reachable: Some(true),
            models: None,
            default_model: None,
            default_model_listed: None,
            latency_ms: None,
            failure: failure.map(|class| class.name().to_owned()),
            message: None,
            checked_at: Timestamp(0),
            live: None,
        }
    }

    #[test]
    fn the_exit_code_is_the_first_that_fits_all_else_1() {
        use FailureClass as C;
        let ok = || found(Key::Accepted, None);
        let refused = || found(Key::Refused, Some(C::Auth));
        let gone = || found(Key::Unknown, Some(C::Network));
        let mut silent = ok();
        silent.live = Some(Live { ok: false, latency_ms: 1, cost_usd: None, message: None, kind: Some(Kind::Budget) });
        for (checks, code) in [
            (vec![ok(), found(Key::NotNeeded, None), found(Key::Unknown, None)], 0),
            (vec![refused(), found(Key::Refused, Some(C::Forbidden))], 77),
            (vec![gone(), found(Key::NotNeeded, Some(C::Timeout)), found(Key::Unknown, Some(C::ModelNotFound))], 69),
            (vec![found(Key::Unknown, Some(C::RateLimited))], 75),
            (vec![found(Key::Missing, None)], 2),
            (vec![silent], 4),
            (vec![ok(), refused()], 1),
            (vec![refused(), gone()], 1),
        ] {
            assert_eq!(verdict(&checks).err().map_or(0, |e| e.exit_code()), code, "{checks:?}");
        }
    }
}
