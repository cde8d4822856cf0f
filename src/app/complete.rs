//! Completions: the scripts that shells load, and the answers they get when somebody presses Tab.
//!
//! A script calls llmr itself at each Tab, with [`VARIABLE`] set to the shell's name: what is offered is never older
//! than the program, and names of models, providers, conversations and templates are those of this machine. Nushell
//! has no such script in the library; its definitions are written out, and only the names are asked for, as PowerShell
//! would: it quotes as little.
//!
//! What is offered can be a stranger's: files of a working folder, models that its `.env` names. Some shells put a
//! completion into the line as it is, where `$(…)` would be run; so what a shell would act on is not offered.

use std::ffi::{OsStr, OsString};
use std::path::Path;

use clap::{Arg, Command, ValueHint};
use clap_complete::engine::{ArgValueCompleter, CompletionCandidate, PathCompleter, ValueCompleter as _};
use clap_complete::env::{Bash, CompleteEnv, Elvish, EnvCompleter, Fish, Powershell, Shells, Zsh};
use clap_complete_nushell::Nushell;
use serde::Serialize;

use super::usage;
use crate::catalogue;
use crate::cli;
use crate::commands::Printer;
use crate::config::{self, Config, templates};
use crate::error::{Error, Kind, Result};
use crate::host::{self, Host};
use crate::output::sanitize;
use crate::store::{LogFilter, Store, StoreOptions, Waiting};

/// Names the shell that asks for completions.
pub const VARIABLE: &str = "LLMR_COMPLETE";

/// How long a Tab waits for others' locks on the database, in milliseconds: nobody waits longer for a list.
const PATIENCE_MS: u32 = 100;

/// How many past requests and conversations are offered.
const RECENT: u64 = 20;

/// The shells with a script of the library's.
const SHELLS: &[&dyn EnvCompleter] = &[&Bash, &Elvish, &Fish, &Powershell, &Zsh];

/// Those that quote what they put into the line.
const QUOTING: [&str; 3] = ["elvish", "fish", "zsh"];

/// What the values of an argument are.
struct Names {
    /// What they are called in Nushell's script.
    what: &'static str,
    /// The value that stands for them while that script is made: no argument has it.
    mark: &'static str,
    /// Where: a command (`*` for every one) and the argument's id.
    places: &'static [(&'static str, &'static str)],
    /// A command line whose next word is one of them.
    example: &'static str,
    /// All of them.
    values: fn(&Config, &Host) -> Vec<String>,
}

/// The arguments whose values are known only when they are asked for.
const NAMES: &[Names] = &[
    Names {
        what: "models",
        mark: "@models",
        places: &[("*", "model"), ("*", "fallbacks")],
        example: "ask --model",
        values: models,
    },
    Names {
        what: "providers",
        mark: "@providers",
        places: &[
            ("*", "providers"),
            ("llmr models", "provider"),
            ("llmr providers show", "name"),
            ("llmr providers reset", "name"),
            ("llmr providers check", "names"),
        ],
        example: "ask --provider",
        values: providers,
    },
    Names {
        what: "conversations",
        mark: "@conversations",
        places: &[
            ("*", "session"),
            ("llmr chat show", "id"),
            ("llmr chat export", "id"),
            ("llmr chat rm", "ids"),
            ("llmr forget", "ids"),
        ],
        example: "ask --session",
        values: conversations,
    },
    Names {
        what: "templates",
        mark: "@templates",
        places: &[("*", "template"), ("llmr template show", "name"), ("llmr template rm", "name")],
        example: "ask --template",
        values: |config, _| templates::names(&config.paths.config_dir),
    },
    Names {
        what: "profiles",
        mark: "@profiles",
        places: &[("*", "profile")],
        example: "--profile",
        values: |config, _| config.profiles.clone(),
    },
    Names {
        what: "requests",
        mark: "@requests",
        places: &[("llmr log show", "id")],
        example: "log show",
        values: requests,
    },
];

/// Answers a shell that asks for completions; the exit code.
pub fn answer(args: impl IntoIterator<Item = OsString>) -> u8 {
    let host = Host::real();
    let quotes = host.env.get(VARIABLE).is_some_and(|shell| QUOTING.contains(&shell.as_str()));
    let asked = CompleteEnv::with_factory(move || completed(quotes)).var(VARIABLE).shells(Shells(SHELLS));
    // A shell that gets nothing offers nothing: an error text in the middle of a line helps nobody.
    u8::from(asked.try_complete(args, Some(&host.cwd)).is_err())
}

/// `llmr completions`: the script of a shell.
pub fn print(args: &cli::Completions, printer: &Printer) -> Result<()> {
    #[derive(Serialize)]
    struct Report<'a> {
        shell: &'a str,
        script: String,
    }
    let script = String::from_utf8_lossy(&script(&args.shell)?).into_owned();
    printer.print(&Report { shell: &args.shell, script }, |report, _| report.script.clone())
}

/// The script of a shell.
pub fn script(shell: &str) -> Result<Vec<u8>> {
    if shell == "nushell" {
        return Ok(nushell().into_bytes());
    }
    let unknown = || Error::new(Kind::Usage, format!("no completions for `{shell}`"));
    let completer = Shells(SHELLS).completer(shell).ok_or_else(unknown)?;
    let mut text = Vec::new();
    let wrote = completer.write_registration(VARIABLE, "llmr", "llmr", "llmr", &mut text);
    wrote.map_err(|error| Error::new(Kind::Other, format!("no completions for {shell}: {error}")))?;
    Ok(text)
}

/// The definitions with what is known only on this machine. `quotes`: the shell quotes what it puts into the line.
fn completed(quotes: bool) -> Command {
    let named = each_names(with_plain_prompts(usage::command()), "llmr", &|arg, names| {
        let values = names.values;
        arg.add(ArgValueCompleter::new(move |current: &OsStr| candidates(values, current, quotes)))
    });
    with_paths(named, quotes)
}

/// Paths are offered by [`paths`], and not by the library, which offers any.
fn with_paths(command: Command, quotes: bool) -> Command {
    let command = command.mut_args(|arg| match arg.get_value_hint() {
        ValueHint::AnyPath | ValueHint::FilePath | ValueHint::DirPath => {
            arg.add(ArgValueCompleter::new(move |current: &OsStr| paths(current, quotes)))
        }
        _ => arg,
    });
    command.mut_subcommands(|sub| with_paths(sub, quotes))
}

/// The files and folders that begin like this, without those whose name a shell or a terminal would act on.
fn paths(current: &OsStr, quotes: bool) -> Vec<CompletionCandidate> {
    let name = |path: &CompletionCandidate| Path::new(path.get_value()).file_name().map(OsStr::to_os_string);
    let fits = |path: &CompletionCandidate| match name(path) {
        Some(name) => name.to_str().is_some_and(|name| may_offer(name, quotes)),
        // The folder itself.
        None => true,
    };
    PathCompleter::any().complete(current).into_iter().filter(fits).collect()
}

fn may_offer(name: &str, quotes: bool) -> bool {
    is_plain(name) || (quotes && is_quotable(name))
}

/// Whether a name stands for itself in every shell, without quotes.
fn is_plain(name: &str) -> bool {
    // Dashes and quotation marks of typesetting are such in PowerShell, too.
    let beyond_ascii = |c: char| !c.is_ascii() && !c.is_whitespace() && !('\u{2010}'..='\u{201F}').contains(&c);
    let begins = |c: char| c.is_ascii_alphanumeric() || "._/".contains(c) || beyond_ascii(c);
    name.starts_with(begins) && name.chars().all(|c| begins(c) || "-:@+=%".contains(c)) && is_quotable(name)
}

/// Whether a name is harmless once a shell has quoted it: it is no flag, and shows as what it is.
fn is_quotable(name: &str) -> bool {
    !name.starts_with('-') && sanitize::line(name) == name
}

/// A prompt without a command takes the flags of `ask`.
fn with_plain_prompts(command: Command) -> Command {
    let known: Vec<_> = command.get_arguments().map(|arg| arg.get_id().clone()).collect();
    let ask = command.find_subcommand("ask").into_iter().flat_map(Command::get_arguments);
    let plain: Vec<Arg> = ask.filter(|arg| !known.contains(arg.get_id())).cloned().collect();
    command.args(plain)
}

/// Changes each argument whose values are names.
fn each_names(command: Command, path: &str, change: &dyn Fn(Arg, &'static Names) -> Arg) -> Command {
    let command = command.mut_args(|arg| {
        let here = |(command, id): &(&str, &str)| (*command == "*" || *command == path) && arg.get_id() == id;
        match NAMES.iter().find(|names| names.places.iter().any(here)) {
            Some(names) => change(arg, names),
            None => arg,
        }
    });
    command.mut_subcommands(|sub| {
        let path = format!("{path} {}", sub.get_name());
        each_names(sub, &path, change)
    })
}

fn candidates(values: fn(&Config, &Host) -> Vec<String>, current: &OsStr, quotes: bool) -> Vec<CompletionCandidate> {
    let host = Host::real();
    let Ok(config) = config::load(&host, &config::Flags::default()) else { return Vec::new() };
    let typed = current.to_string_lossy();
    let fitting = values(&config, &host)
        .into_iter()
        .filter(|value| value.starts_with(typed.as_ref()) && may_offer(value, quotes));
    fitting.map(CompletionCandidate::new).collect()
}

/// Aliases, and the models of those who take part, with and without their provider's name; of everybody where
/// nobody takes part yet.
fn models(config: &Config, _: &Host) -> Vec<String> {
    let ready: Vec<_> = config.providers.iter().filter(|provider| provider.participates()).collect();
    let of = |provider: &str, model: &str| [model.to_owned(), format!("{provider}/{model}")];
    let own = ready.iter().flat_map(|p| p.models.iter().chain(&p.model).flat_map(|m| of(&p.name, m)));
    let offered = |provider: &str| ready.is_empty() || ready.iter().any(|p| p.name == provider);
    let built_in = catalogue::rows().filter(|row| offered(row.provider)).flat_map(|row| of(row.provider, row.id));
    let mut names: Vec<String> = config.aliases.keys().cloned().chain(own).chain(built_in).collect();
    names.sort();
    names.dedup();
    names
}

/// Those who take part; all where nobody does yet.
fn providers(config: &Config, _: &Host) -> Vec<String> {
    let nobody = !config.providers.iter().any(config::ProviderConfig::participates);
    let offered = config.providers.iter().filter(|provider| nobody || provider.participates());
    offered.map(|provider| provider.name.clone()).collect()
}

/// By their names, else by their numbers; the newest first.
fn conversations(config: &Config, host: &Host) -> Vec<String> {
    let kept = store(config, host).and_then(|store| store.conversations(Some(RECENT)).ok());
    let name = |listed: crate::store::Listed| {
        let handle = listed.conversation.handle();
        listed.conversation.name.unwrap_or(handle)
    };
    kept.unwrap_or_default().into_iter().map(name).collect()
}

fn requests(config: &Config, host: &Host) -> Vec<String> {
    let newest = LogFilter { limit: Some(RECENT), ..LogFilter::default() };
    let entries = store(config, host).and_then(|store| store.log(&newest).ok());
    entries.unwrap_or_default().into_iter().map(|entry| entry.id.to_string()).collect()
}

/// The database, if it is there and free.
fn store(config: &Config, host: &Host) -> Option<Store> {
    let options = StoreOptions {
        busy_timeout_ms: PATIENCE_MS,
        me: host.me.clone(),
        liveness: host::liveness,
        seed: 0.into(),
        waiting: Waiting::default(),
    };
    Store::open_existing(&config.paths.database, options).ok().flatten()
}

/// Nushell's definitions. Where the library writes a list of values, a name stands for each of [`NAMES`]; that list
/// becomes a call of llmr.
fn nushell() -> String {
    let mut command = each_names(with_plain_prompts(usage::command()), "llmr", &|arg, names| {
        arg.value_parser(clap::builder::PossibleValuesParser::new([names.mark]))
    });
    let mut text = Vec::new();
    clap_complete::generate(Nushell, &mut command, "llmr", &mut text);
    let text = String::from_utf8_lossy(&text).into_owned();
    let asks = NAMES.iter().map(|names| {
        let Names { what, example, .. } = names;
        format!(
            "  def \"nu-complete names {what}\" [] {{\n    with-env {{ {VARIABLE}: powershell }} {{ ^llmr -- llmr {example} \"\" }} | lines | each {{ split row \"\\t\" | first }}\n  }}\n\n"
        )
    });
    let opened = format!("module completions {{\n\n{}", asks.collect::<String>());
    let text = text.replacen("module completions {\n\n", &opened, 1);
    // Its flags have a value or have none; one it does not know it passes on as it is typed.
    let optional = |line: &&str| !line.starts_with("    --sandbox: string");
    let text: String = text.lines().filter(optional).map(|line| format!("{line}\n")).collect();
    NAMES.iter().fold(text, |text, names| {
        let quoted = format!("[ \"{}\" ]", names.mark);
        text.replace(&quoted, &format!("nu-complete names {}", names.what))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_place_with_names_is_there() {
        let command = usage::command();
        for (path, id) in NAMES.iter().flat_map(|names| names.places).filter(|(path, _)| *path != "*") {
            let mut words = path.split(' ').skip(1);
            let found = words.try_fold(&command, |at, word| at.find_subcommand(word));
            assert!(found.is_some_and(|c| c.get_arguments().any(|arg| arg.get_id() == id)), "{path} {id}");
        }
    }

    #[test]
    fn what_a_shell_would_act_on_is_not_plain() {
        for name in ["gpt-6-luna", "openai/gpt-6-luna", "llama3:8b", "org/model@v1.2", ".env", "größe.txt", "r17"] {
            assert!(is_plain(name), "{name}");
        }
        let acting =
            ["", "$(x)", "`x`", "a b", "a;b", "a&b", "a|b", "a>b", "~x", "-x", "--config=x", "a'b", "a\"b", "a\\b"];
        let more = [
            "a*",
            "{a,b}",
            "a,b",
            "#a",
            "!a",
            "a\nb",
            "a\tb",
            "a\x1b[2J",
            "a\u{9b}2J",
            "a\u{202e}b",
            "“a”",
            "–a",
            "@a",
        ];
        for name in acting.into_iter().chain(more) {
            assert!(!is_plain(name), "{name}");
        }
        assert!(is_quotable("a (1) $b.txt") && !is_quotable("-a") && !is_quotable("a\nb") && !is_quotable("a\x1bb"));
    }

    #[test]
    fn every_shell_has_a_script() {
        let command = usage::command();
        let shells = command.find_subcommand("completions").unwrap().get_positionals().next().unwrap();
        for shell in shells.get_possible_values() {
            let text = String::from_utf8(script(shell.get_name()).unwrap()).unwrap();
            assert!(text.contains("llmr") && text.contains(VARIABLE), "{}", shell.get_name());
            assert!(!NAMES.iter().any(|names| text.contains(names.mark)), "{text}");
        }
    }
}
