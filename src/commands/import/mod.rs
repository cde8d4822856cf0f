//! `llmr import`: what another tool knows, brought over. Keys stay where they are: only their names are told.

pub mod aichat;
pub mod found;
pub mod gob;
pub mod llm;
pub mod mods;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::cli;
use crate::commands::Context;
use crate::config::{self, Fate};
use crate::error::{Error, Kind, Result};
use crate::host::Host;
use crate::output::{Terminal, sanitize};
use crate::store::Importing;

use found::Found;

/// What was brought over, as an object.
#[derive(Debug, Serialize)]
struct Report {
    tool: String,
    dry_run: bool,
    files: Vec<String>,
    keys: Vec<Key>,
    aliases: Vec<Alias>,
    providers: Vec<Provider>,
    default_model: Option<String>,
    conversations: Conversations,
    /// What is left where it is.
    left: Vec<String>,
    /// Files that could not be read.
    problems: Vec<String>,
    config_file: String,
}

#[derive(Debug, Serialize)]
struct Key {
    name: String,
    variable: String,
    set: bool,
}

#[derive(Debug, Serialize)]
struct Alias {
    name: String,
    model: String,
    state: State,
    /// What stands there, or why it cannot.
    because: Option<String>,
}

#[derive(Debug, Serialize)]
struct Provider {
    name: String,
    base_url: String,
    api_key_env: Option<String>,
    models: Vec<String>,
    state: State,
    because: Option<String>,
}

/// What becomes of a line of the config.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum State {
    Added,
    There,
    Kept,
    Unfit,
}

#[derive(Debug, Default, Serialize)]
struct Conversations {
    found: u64,
    added: u64,
    grown: u64,
    known: u64,
    turns_added: u64,
}

/// Runs `llmr import`.
pub fn run(context: &mut Context, args: &cli::Import) -> Result<()> {
    let folders = folders(&context.host, &args.tool, args.from.as_deref())?;
    let mut found = Found::default();
    match (args.tool.as_str(), folders.as_slice()) {
        ("llm", [folder, ..]) => llm::read(folder, &mut found)?,
        ("aichat", [folder, ..]) => aichat::read(folder, &mut found)?,
        (_, [folder, data]) => mods::read(folder, data, &mut found)?,
        _ => {}
    }
    if found.files.is_empty() && found.problems.is_empty() {
        let message = format!("{}: no files of {} are there", folders[0].display(), args.tool);
        return Err(Error::new(Kind::Input, message).hint("--from DIR says where they are"));
    }
    // The config first: a file that cannot be used stops everything before anything is written.
    let edited = config::edit(&context.config.paths.config_file, &found.additions)?;
    if !args.dry_run {
        edited.write()?;
    }
    let conversations = conversations(context, &args.tool, &found, args.dry_run)?;
    let report = report(context, args, found, &edited, conversations);
    let problems = report.problems.len();
    context.print(&report, text)?;
    match problems {
        0 => Ok(()),
        n => Err(Error::new(Kind::Other, format!("{n} files could not be read; everything else was")).printed()),
    }
}

/// Where a tool keeps its files: its config folder, then its data folder.
fn folders(host: &Host, tool: &str, from: Option<&Path>) -> Result<Vec<PathBuf>> {
    if let Some(from) = from {
        let folder = host.cwd.join(from);
        return match folder.is_dir() {
            true => Ok(vec![folder.clone(), folder]),
            false => Err(Error::new(Kind::Input, format!("--from {}: there is no such folder", from.display()))),
        };
    }
    let set = |name: &str| host.env.get(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let no_home = || Error::new(Kind::Config, "no home folder is known").hint("--from DIR says where the files are");
    let home = || host.home.clone().ok_or_else(no_home);
    let base = |variable: &str, below: &str| match set(variable).filter(|path| path.is_absolute()) {
        Some(path) => Ok::<_, Error>(path),
        None => Ok(home()?.join(below)),
    };
    let library = || home().map(|home| home.join("Library/Application Support"));
    let own = match tool {
        "llm" => set("LLM_USER_PATH"),
        "aichat" => set("AICHAT_CONFIG_DIR"),
        _ => None,
    };
    let name = if tool == "llm" { "io.datasette.llm" } else { tool };
    let config = match own {
        Some(own) => own,
        None => {
            let xdg = base("XDG_CONFIG_HOME", ".config")?.join(name);
            let mac = library()?.join(name);
            if cfg!(target_os = "macos") && mac.is_dir() { mac } else { xdg }
        }
    };
    let data = base("XDG_DATA_HOME", ".local/share")?.join(name);
    Ok(vec![config, data])
}

fn conversations(context: &mut Context, tool: &str, found: &Found, dry_run: bool) -> Result<Conversations> {
    let mut sum = Conversations { found: found.conversations.len() as u64, ..Conversations::default() };
    if found.conversations.is_empty() {
        return Ok(sum);
    }
    let store = if dry_run { context.store_for_reading()? } else { context.store()? };
    let now = context.now();
    for conversation in &found.conversations {
        let done = match dry_run {
            true => store.would_import(tool, conversation)?,
            false => store.import(tool, conversation, now)?,
        };
        match done {
            Importing::New(turns) => (sum.added, sum.turns_added) = (sum.added + 1, sum.turns_added + turns),
            Importing::Grown(turns) => (sum.grown, sum.turns_added) = (sum.grown + 1, sum.turns_added + turns),
            Importing::Known => sum.known += 1,
        }
    }
    Ok(sum)
}

fn report(
    context: &Context,
    args: &cli::Import,
    found: Found,
    edited: &config::Edited,
    conversations: Conversations,
) -> Report {
    let env = &context.host.env;
    let set = |variable: &str| {
        let of_provider = |p: &config::ProviderConfig| p.key.is_some() && p.key_vars.iter().any(|v| v == variable);
        env.get(variable).is_some_and(|value| !value.is_empty()) || context.config.providers.iter().any(of_provider)
    };
    // Whatever stood in those files may have a key in it, an address too.
    let redacted = |text: String| context.redactor.redact(&text);
    let aliases = found.additions.aliases.into_iter().zip(&edited.aliases).map(|((name, model), fate)| {
        let (state, because) = told(fate);
        Alias { name, model: redacted(model), state, because: because.map(redacted) }
    });
    let providers = found.additions.providers.into_iter().zip(&edited.providers).map(|(row, fate)| {
        let (state, because) = told(fate);
        let config::NewProvider { name, base_url, api_key_env, models } = row;
        let (base_url, because) = (redacted(base_url), because.map(redacted));
        Provider { name, base_url, api_key_env, models, state, because }
    });
    Report {
        tool: args.tool.clone(),
        dry_run: args.dry_run,
        files: found.files.iter().map(|path| path.display().to_string()).collect(),
        keys: found
            .keys
            .into_iter()
            .map(|key| Key { set: set(&key.variable), name: key.name, variable: key.variable })
            .collect(),
        aliases: aliases.collect(),
        providers: providers.collect(),
        default_model: found.default_model,
        conversations,
        left: found.left.into_iter().map(redacted).collect(),
        problems: found.problems.into_iter().map(redacted).collect(),
        config_file: context.config.paths.config_file.display().to_string(),
    }
}

fn told(fate: &Fate) -> (State, Option<String>) {
    match fate {
        Fate::Added => (State::Added, None),
        Fate::There => (State::There, None),
        Fate::Kept(what) => (State::Kept, Some(what.clone())),
        Fate::Unfit(why) => (State::Unfit, Some(why.clone())),
    }
}

/// The report for a person: what was done, then what is left to do.
fn text(report: &Report, _: &Terminal) -> String {
    let mut out = String::new();
    let mut say = |line: String| _ = writeln!(out, "{}", sanitize::line(&line));
    let would = if report.dry_run { "would be " } else { "" };
    report.files.iter().for_each(|file| say(format!("read {file}")));
    for alias in &report.aliases {
        say(outcome(
            "alias",
            &format!("{} = {}", alias.name, alias.model),
            alias.state,
            alias.because.as_deref(),
            would,
        ));
    }
    for row in &report.providers {
        let what = format!("{} at {} ({})", row.name, row.base_url, row.models.join(", "));
        say(outcome("provider", &what, row.state, row.because.as_deref(), would));
    }
    let Conversations { found, added, grown, known, turns_added } = report.conversations;
    if found > 0 {
        let was = if report.dry_run { "would be brought over" } else { "brought over" };
        let mut parts = vec![format!("{added} {was}")];
        parts.extend((grown > 0).then(|| format!("{grown} had grown")));
        parts.extend((known > 0).then(|| format!("{known} are here already")));
        say(format!("conversations: {found} found, {} ({turns_added} turns)", parts.join(", ")));
    }
    for key in &report.keys {
        let done = if key.set { "is set" } else { "is to be set, in the environment or in a .env" };
        say(format!("key {}: {} {done}", key.name, key.variable));
    }
    if let Some(model) = &report.default_model {
        say(format!("default model: {model}; ask for it with -m, or set the provider's ..._MODEL variable"));
    }
    if report.providers.iter().any(|row| row.state == State::Added) {
        say("providers without a price are asked only with --allow-unpriced while a budget is set: give one".to_owned());
    }
    report.left.iter().for_each(|left| say(format!("left where it is: {left}")));
    report.problems.iter().for_each(|problem| say(format!("not read: {problem}")));
    out
}

fn outcome(kind: &str, what: &str, state: State, because: Option<&str>, would: &str) -> String {
    let because = because.unwrap_or_default();
    match state {
        State::Added => format!("{kind} {what}: {would}added"),
        State::There => format!("{kind} {what}: there already"),
        State::Kept => format!("{kind} {what}: left out, because there is {because}"),
        State::Unfit => format!("{kind} {what}: left out: {because}"),
    }
}
