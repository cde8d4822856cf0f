//! Composition: from the arguments to an exit code. The only place that renders an error.

pub mod bug;
pub mod complete;
mod man;
pub mod usage;

use crate::cli::{Cli, Command, Global, Log, LogAction};
use crate::commands::{self, Context, Printer};
use crate::error::{Error, Kind, Result};
use crate::host::Host;
use crate::output::json::{self, ErrorReport, Event, Layout};
use crate::output::{Level, Messages, Redactor, Terminal, stdout};

/// Runs a command; its exit code.
pub fn run(cli: Cli, host: Host) -> u8 {
    let command = match cli.command {
        Some(command) => command,
        None if host.stdin_terminal => return help(),
        None => Command::Ask(Box::default()),
    };
    let global = cli.global;
    let json = wants_json(&command, &global);
    if let Some(contradiction) = contradiction(&command, &global) {
        return report(&contradiction, json, None);
    }
    if let Some(done) = written(&command, &Printer::new(&host, &global), &global) {
        return done.map_or_else(|error| report(&error, json, None), |()| 0);
    }
    if let Command::Config(args) = &command
        && let Some(done) = commands::config::run_without_settings(&host, &global, args)
    {
        return done.map_or_else(|error| report(&error, json, None), |()| 0);
    }
    let global = Global { json: global.json || json == Wanted::Object, ..global };
    let mut context = match Context::load(host, global, matches!(command, Command::Config(_))) {
        Ok(context) => context,
        Err(error) => return report(&error, json, None),
    };
    let code = match dispatch(&mut context, &command) {
        Ok(()) => 0,
        Err(error) => report(&error, json, Some(&mut context)),
    };
    let deliveries = context.deliveries.clone();
    deliveries.wait(&mut context.messages);
    // The process ends: the system takes back at once what would be given back piece by piece.
    std::mem::forget(context);
    code
}

/// What needs no settings: what is made of the command line's own definitions, passages of documents, and simulations.
fn written(command: &Command, printer: &Printer, global: &Global) -> Option<Result<()>> {
    match command {
        Command::Completions(args) => Some(complete::print(args, printer)),
        Command::Man(args) => Some(man::print(args, printer)),
        Command::Select(args) => Some(commands::select::run(printer, global, args)),
        Command::Simulate(_) => Some(commands::simulate::run()),
        _ => None,
    }
}

fn dispatch(context: &mut Context, command: &Command) -> Result<()> {
    match command {
        Command::Ask(args) if args.resume => {
            let again = commands::long::again(context)?;
            match usage::again(&again.words) {
                Some(Cli { command: Some(Command::Ask(ask)), .. }) => {
                    context.global.words.clone_from(&again.words);
                    commands::ask::resumed(context, &again, *ask, args)
                }
                _ => Err(Error::new(
                    Kind::Usage,
                    "the last reading was of another version of llmr: give its command again",
                )),
            }
        }
        Command::Ask(args) => commands::ask::run(context, args),
        Command::DryRun(args) => commands::dry_run::run(context, args),
        Command::Chat(args) => commands::chat::run(context, args),
        Command::Batch(args) => commands::batch::run(context, args),
        Command::Template(args) => commands::template::run(context, args),
        Command::Forget(args) => commands::forget::run(context, args),
        Command::Import(args) => commands::import::run(context, args),
        // Answered before any setting is read.
        Command::Completions(_) | Command::Man(_) | Command::Select(_) | Command::Simulate(_) => Ok(()),
        Command::Budget(args) => commands::budget::run(context, args),
        Command::Providers(args) => commands::providers::run(context, args),
        Command::Stats(args) => commands::stats::run(context, args),
        Command::Cache(args) => commands::cache::run(context, args),
        Command::Classify(args) => commands::classify::run(context, args),
        Command::Rate(args) => commands::rate::run(context, args),
        Command::Embed(args) => commands::embed::run(context, args),
        Command::Log(args) => commands::log::run(context, args),
        Command::Models(args) => commands::models::run(context, args),
        Command::Config(args) => commands::config::run(context, args),
        Command::Sandbox(args) => commands::sandbox::run(context, args),
    }
}

/// Nothing was typed and nothing is piped in.
fn help() -> u8 {
    let text = usage::flowing(usage::outline()).render_help().to_string();
    // Nobody is left to be told that the help could not be written.
    _ = stdout::write_all(&mut std::io::stderr(), text.as_bytes());
    Kind::Usage.exit_code()
}

/// Two flags that want different things of stdout: guessing which one is meant would break a script.
fn contradiction(command: &Command, global: &Global) -> Option<Error> {
    let (flag, format) = format_flag(command)?;
    if !global.json || format == "json" {
        return None;
    }
    let error = Error::new(Kind::Usage, format!("--json and {flag} {format} contradict each other"));
    Some(error.hint("leave one of them out"))
}

/// The flag that says in which form results are wanted, and what it says.
fn format_flag(command: &Command) -> Option<(&'static str, &str)> {
    let (flag, format) = match command {
        Command::Ask(ask) => ("--output-format", &ask.output_format),
        Command::Stats(stats) => ("--format", &stats.format),
        Command::Log(Log { action: Some(LogAction::Export { format, .. }), .. }) if format == "csv" => {
            return Some(("--format", format));
        }
        _ => return None,
    };
    format.as_deref().map(|format| (flag, format))
}

/// In which form results and errors are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wanted {
    Text,
    Object,
    Lines,
}

fn wants_json(command: &Command, global: &Global) -> Wanted {
    match format_flag(command).map(|(_, format)| format) {
        Some("stream-json") => Wanted::Lines,
        Some("json") => Wanted::Object,
        Some(_) => Wanted::Text,
        None if global.json => Wanted::Object,
        None => Wanted::Text,
    }
}

/// Says what went wrong, once, in the form that is wanted; the exit code.
pub(crate) fn report(error: &Error, wanted: Wanted, context: Option<&mut Context>) -> u8 {
    if error.kind == Kind::Closed {
        return 0;
    }
    let redactor = context.as_ref().map_or_else(|| Redactor::new(&[]), |c| c.redactor.clone());
    let body = ErrorReport::new(error, &redactor);
    let text = match wanted {
        Wanted::Text => {
            match context {
                Some(context) => context.messages.error(error),
                None => Messages::new(std::io::stderr(), &Terminal::PIPES, Level::Normal, redactor).error(error),
            }
            return error.exit_code();
        }
        Wanted::Object if error.printed => return error.exit_code(),
        Wanted::Object => json::render(&body, Layout::Compact),
        Wanted::Lines => json::line::<()>(&Event::Error(body)),
    };
    let wrote = text.map(|text| stdout::write_all(&mut stdout::stdout(), text.as_bytes()));
    // A closed pipe wants to be told nothing; a full disk leaves stderr as the only place to say it.
    if !matches!(wrote, Ok(Ok(_))) {
        Messages::new(std::io::stderr(), &Terminal::PIPES, Level::Quiet, redactor).error(error);
    }
    error.exit_code()
}
