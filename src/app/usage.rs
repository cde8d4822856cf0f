//! From the arguments as typed to what is asked for; wrong usage, in the form that is wanted.
//!
//! Here and not in [`cli`] is what needs more than the definitions: the list of faults in a help text, and
//! whether a lone word was meant as a command. A prompt costs money, so a likely slip is not sent.

use std::ffi::OsString;

use clap::{Args, CommandFactory, FromArgMatches};

use super::{Wanted, report};
use crate::cli::{self, Cli};
use crate::error::{Error, Kind};
use crate::output::{Level, Messages, Redactor, Terminal, stdout};
use crate::sandbox;

/// Words that other tools of this kind have as commands: alone they are hardly prompts.
const NO_COMMANDS: [&str; 3] = ["keys", "serve", "version"];

/// What comes after `keys` in those tools.
const KEYS_ACTIONS: [&str; 4] = ["set", "get", "list", "path"];

/// A command shorter than this has too many neighbours among ordinary words.
const NEAR_FROM: usize = 5;

/// What each command adds to a bare one of its name.
type Definition = fn(clap::Command) -> clap::Command;

/// The commands one by one: to define all of them takes longer than most of them run.
const DEFINITIONS: [(&str, Definition); 22] = [
    ("ask", cli::Ask::augment_args),
    ("dry-run", cli::DryRun::augment_args),
    ("chat", cli::Chat::augment_args),
    ("batch", cli::Batch::augment_args),
    ("classify", cli::Classify::augment_args),
    ("rate", cli::Rate::augment_args),
    ("select", cli::Select::augment_args),
    ("embed", cli::Embed::augment_args),
    ("template", cli::Template::augment_args),
    ("budget", cli::Budget::augment_args),
    ("providers", cli::Providers::augment_args),
    ("stats", cli::Stats::augment_args),
    ("cache", cli::Cache::augment_args),
    ("log", cli::Log::augment_args),
    ("forget", cli::Forget::augment_args),
    ("models", cli::Models::augment_args),
    ("config", cli::Config::augment_args),
    ("import", cli::Import::augment_args),
    ("completions", cli::Completions::augment_args),
    ("man", cli::Man::augment_args),
    ("simulate", cli::Simulate::augment_args),
    ("sandbox", cli::Sandbox::augment_args),
];

/// What `--version` prints.
const VERSION: &str = concat!("llmr ", env!("CARGO_PKG_VERSION"), "\n");

/// What is asked for; else the exit code, after help was printed or wrong usage told.
pub fn parse(args: impl IntoIterator<Item = OsString>) -> Result<Cli, u8> {
    let args: Vec<OsString> = args.into_iter().collect();
    if let [_, only] = &args[..]
        && (only == "--version" || only == "-V")
    {
        // Nobody is left to be told that it could not be printed.
        _ = stdout::write_all(&mut stdout::stdout(), VERSION.as_bytes());
        return Err(0);
    }
    let words = args.iter().skip(1).map(|word| word.to_str().map(str::to_owned)).collect::<Option<Vec<_>>>();
    let mut cli = match quickly(&args) {
        Some(cli) => cli,
        None => thoroughly(args)?,
    };
    cli.global.words = words.unwrap_or_default();
    Ok(cli)
}

/// What these words asked for when they were typed behind the program's name.
pub fn again(words: &[String]) -> Option<Cli> {
    let args: Vec<OsString> =
        std::iter::once("llmr").chain(words.iter().map(String::as_str)).map(OsString::from).collect();
    quickly(&args)
}

/// What is asked for, by the definition of the one command that is named. `None` for whatever is to be said of a
/// command line: help, and what is wrong with it.
fn quickly(args: &[OsString]) -> Option<Cli> {
    let typed_plainly = cli::plain_words(args);
    if typed_plainly.is_some_and(|(first, second)| slip(&first, second.as_deref()).is_some()) {
        return None;
    }
    let args = cli::normalise(args.iter().cloned());
    let named = cli::named_command(&args)?;
    let (name, define) = DEFINITIONS.into_iter().find(|(name, _)| *name == named)?;
    let root = cli::Global::augment_args(clap::Command::new("llmr")).subcommand(define(clap::Command::new(name)));
    Cli::from_arg_matches_mut(&mut root.try_get_matches_from(args).ok()?).ok()
}

/// The same by the whole command line.
fn thoroughly(args: Vec<OsString>) -> Result<Cli, u8> {
    let wanted = wanted(&args);
    if let Some(slip) = cli::plain_words(&args).and_then(|(first, second)| slip(&first, second.as_deref())) {
        return Err(report(&slip, wanted, None));
    }
    let command_line = match &args[..] {
        [_, only] if asks_help(only) => flowing(outline()),
        _ if args.iter().any(asks_help) => flowing(command()),
        _ => command(),
    };
    let matches = command_line.try_get_matches_from(cli::normalise(args));
    let mut matches = matches.map_err(|error| misused(&error, wanted))?;
    Cli::from_arg_matches_mut(&mut matches).map_err(|error| misused(&error.format(&mut command()), wanted))
}

fn asks_help(arg: &OsString) -> bool {
    arg == "-h" || arg == "--help" || arg == "help"
}

/// In which form wrong usage is told: what was typed cannot be parsed, so it is looked at word by word.
fn wanted(args: &[OsString]) -> Wanted {
    let flags: Vec<_> = args.iter().take_while(|arg| *arg != "--").map(|arg| arg.to_string_lossy()).collect();
    let values = flags.windows(2).filter(|w| w[0] == "--output-format").map(|w| w[1].as_ref());
    let joined = flags.iter().filter_map(|flag| flag.strip_prefix("--output-format="));
    match values.chain(joined).last() {
        Some("stream-json") => Wanted::Lines,
        Some("json") => Wanted::Object,
        _ if flags.iter().any(|flag| flag == "--json") => Wanted::Object,
        _ => Wanted::Text,
    }
}

/// The commands by what they are for, in the order of the help, each with its first words: they are its own, and stand here
/// once more because asking for them would define it.
const GROUPS: &[(&str, &[(&str, &str)])] = &[
    (
        "Ask",
        &[
            ("ask", "Ask the best provider"),
            ("chat", "Talk with a model, turn by turn"),
            ("batch", "Answer a file of prompts, many at a time"),
            ("template", "Prompts that are used again"),
            ("dry-run", "Say what `ask` would do and cost, and send nothing"),
            ("classify", "Say which tier a prompt needs, and why"),
            ("rate", "Say whether an answer was good, for --tier auto to learn from"),
            ("select", "Pick the passages of long documents that a question is about"),
            ("embed", "Make vectors of texts, to find what is alike"),
        ],
    ),
    (
        "Look",
        &[
            ("budget", "The day's money: what is spent, held and left"),
            ("stats", "What was asked, answered and spent"),
            ("log", "Past requests with their attempts and decisions"),
            ("providers", "Who takes part, in which state"),
            ("models", "The catalogue: models, prices, windows"),
        ],
    ),
    (
        "Keep and forget",
        &[("cache", "Stored answers"), ("forget", "Remove what was kept of requests: prompts, answers, conversations")],
    ),
    (
        "Set up",
        &[
            ("config", "Settings and where they come from"),
            ("import", "Bring keys' names, aliases, models and history over from another tool"),
            ("completions", "Print a shell's completions"),
            ("man", "Print a command's manual page"),
            ("sandbox", "Run the sandbox's providers alone, for several processes at once"),
            ("simulate", "Order providers by what happened, on a clock of your own: lines of JSON in and out"),
            ("help", "This text, or a command's"),
        ],
    ),
];

/// The command line with its help texts complete.
pub fn command() -> clap::Command {
    Cli::command().help_template(template()).mut_subcommand("sandbox", |command| {
        let examples = command.get_after_help().map(ToString::to_string).unwrap_or_default();
        command.after_help(format!("{}\n{examples}", faults()))
    })
}

/// As much of it as its own help text shows: to define every command takes longer than to print that.
pub fn outline() -> clap::Command {
    cli::outline().help_template(template())
}

/// The same with the paragraphs of its help texts, which are broken for a wide terminal, left to the terminal that
/// there is.
pub fn flowing(command: clap::Command) -> clap::Command {
    let command = match command.get_after_help().map(|text| unbroken(&text.to_string())) {
        Some(text) => command.after_help(text),
        None => command,
    };
    let names: Vec<String> = command.get_subcommands().map(|command| command.get_name().to_owned()).collect();
    names.into_iter().fold(command, |command, name| command.mut_subcommand(name, flowing))
}

/// A text whose paragraphs are a line each; examples, which are indented, and headings stay.
fn unbroken(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut in_paragraph = false;
    for (number, line) in text.lines().enumerate() {
        let of_paragraph = !line.is_empty() && !line.starts_with(' ');
        if number > 0 {
            out.push(if of_paragraph && in_paragraph { ' ' } else { '\n' });
        }
        out.push_str(line);
        in_paragraph = of_paragraph && !line.ends_with(':');
    }
    out
}

/// The help text of the whole: every command with its first words, group by group.
fn template() -> String {
    let line = |(name, about): &(&str, &str)| format!("  {name:<12} {about}\n");
    let group = |(title, commands): &(&str, &[(&str, &str)])| {
        format!("{title}:\n{}\n", commands.iter().map(line).collect::<String>())
    };
    let groups: String = GROUPS.iter().map(group).collect();
    format!(
        "{{before-help}}{{about-with-newline}}\n{{usage-heading}} {{usage}}\n\n{groups}Everywhere:\n{{options}}{{after-help}}"
    )
}

fn faults() -> String {
    let rows = sandbox::FAULTS.iter().map(|(name, what)| format!("  {name:<13} {what}\n"));
    let rows: String = rows.collect();
    format!(
        "Faults, as PROVIDER=FAULT, with commas between; xN after one means: for N requests only, %P: for P of\na hundred, by lot:\n{rows}"
    )
}

/// The error of a word that was probably meant as a command.
fn slip(first: &str, second: Option<&str>) -> Option<Error> {
    let meant = nearest(first).filter(|meant| second.is_none_or(|second| has_action(meant, second)));
    let known_elsewhere = match second {
        None => NO_COMMANDS.contains(&first),
        // What comes behind may be a key, and a prompt is sent to somebody and kept.
        Some(second) => first == "keys" && KEYS_ACTIONS.contains(&second),
    };
    if meant.is_none() && !known_elsewhere {
        return None;
    }
    let error = Error::new(Kind::Usage, format!("there is no command `{first}`"));
    let error = match meant {
        Some(meant) => error.hint(format!("did you mean `llmr {meant}`?")),
        None => error.hint("`llmr --help` lists the commands"),
    };
    let rest = second.map(|second| format!(" {second} …")).unwrap_or_default();
    Some(error.hint(format!("to send it as a prompt: llmr ask {first}{rest}")))
}

/// The command that a word is nearest to: the beginning of its name, its name and an `s`, its letters with one of them
/// doubled or out of place, or, for longer names, one slip away.
fn nearest(word: &str) -> Option<&'static str> {
    let word = word.to_lowercase();
    let begins = |command: &str| word.len() >= 3 && command.starts_with(&word);
    let plural = |command: &str| word.strip_suffix('s') == Some(command);
    let slipped = |command: &str| strsim::osa_distance(&word, command) == 1 && singles(&word) == singles(command);
    let near = |command: &str| command.len() >= NEAR_FROM && strsim::osa_distance(&word, command) <= command.len() / 4;
    cli::COMMANDS.into_iter().find(|command| begins(command) || plural(command) || slipped(command) || near(command))
}

/// The letters of a word, each once, in order: the same where one was doubled, left single, or changed places.
fn singles(word: &str) -> Vec<char> {
    let mut letters: Vec<char> = word.chars().collect();
    letters.sort_unstable();
    letters.dedup();
    letters
}

fn has_action(name: &str, action: &str) -> bool {
    let command = Cli::command();
    command.find_subcommand(name).is_some_and(|command| command.find_subcommand(action).is_some())
}

/// Help and version go to stdout and end well; the rest is wrong usage.
fn misused(error: &clap::Error, wanted: Wanted) -> u8 {
    let text = error.render().to_string();
    if wanted != Wanted::Text && error.use_stderr() {
        return report(&as_error(&text), wanted, None);
    }
    // Nobody is left to be told when that cannot be printed.
    _ = error.print();
    if let Some(hint) = key_hint(&text) {
        Messages::new(std::io::stderr(), &Terminal::PIPES, Level::Normal, Redactor::default()).hint(hint);
    }
    u8::try_from(error.exit_code()).unwrap_or(2)
}

/// What clap says in paragraphs, as message and hints.
fn as_error(text: &str) -> Error {
    let mut paragraphs = text.split("\n\n").map(|p| p.split_whitespace().collect::<Vec<_>>().join(" "));
    let message = paragraphs.next().unwrap_or_default();
    let message = message.strip_prefix("error: ").unwrap_or(&message);
    let hints = paragraphs.filter(|p| !p.is_empty()).map(|p| p.strip_prefix("tip: ").unwrap_or(&p).to_owned());
    let error = hints.fold(Error::new(Kind::Usage, message), Error::hint);
    key_hint(text).into_iter().fold(error, Error::hint)
}

fn key_hint(text: &str) -> Option<&'static str> {
    let flags = ["'--api-key", "'--key", "'--token"];
    flags.iter().any(|flag| text.contains(flag)).then_some(
        "no flag takes a key: put it into the environment or a .env file, such as OPENAI_API_KEY (see `llmr ask --help`)",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Arguments that need no quoting, with `_` for a space.
    fn typed(line: &str) -> Vec<OsString> {
        line.split(' ').map(|word| OsString::from(word.replace('_', " "))).collect()
    }

    #[test]
    fn every_command_has_its_own_definition() {
        let mut whole = command();
        whole.build();
        let ids = |command: &clap::Command| {
            let ids: Vec<_> = command.get_arguments().map(|arg| arg.get_id().to_string()).collect();
            ids.into_iter().filter(|id| id != "help").collect::<std::collections::BTreeSet<_>>()
        };
        let known: Vec<&str> = whole.get_subcommands().map(clap::Command::get_name).filter(|n| *n != "help").collect();
        assert_eq!(DEFINITIONS.map(|(name, _)| name).to_vec(), known);
        for (name, define) in DEFINITIONS {
            let alone = cli::Global::augment_args(define(clap::Command::new(name)));
            assert_eq!(ids(&alone), ids(whole.find_subcommand(name).unwrap()), "{name}");
        }
    }

    #[test]
    fn the_quick_way_understands_what_the_whole_command_line_does() {
        for line in [
            "llmr ask -m x/y -p a -p b --json hello there",
            "llmr --color never --sandbox=openai=429 hello_there -q",
            "llmr hello_there --schema f -x -u",
            "llmr ask -- --version",
            "llmr budget",
            "llmr -q budget set 5 --json",
            "llmr budget reset --to 3",
            "llmr chat list",
            "llmr chat -c hello",
            "llmr stats --by day --format csv --days 3",
            "llmr providers check openai --live",
            "llmr batch in.jsonl --max-cost 3",
            "llmr dry-run --check hi",
            "llmr config trust x/.env",
            "llmr template new a -s b c",
            "llmr log export --format csv",
            "llmr completions zsh",
            "llmr sandbox --port 1",
        ] {
            let quick = quickly(&typed(line)).unwrap_or_else(|| panic!("{line}: not understood"));
            let whole = thoroughly(typed(line)).unwrap();
            assert_eq!(format!("{quick:?}"), format!("{whole:?}"), "{line}");
        }
    }

    #[test]
    fn what_is_to_be_said_is_left_to_the_whole_command_line() {
        for line in [
            "llmr",
            "llmr --help",
            "llmr help ask",
            "llmr ask --help",
            "llmr ask -uh x",
            "llmr chat help",
            "llmr budget -h",
            "llmr budget help set",
            "llmr ask --bogus x",
            "llmr budget set",
            "llmr stat",
            "llmr --color mauve x",
            "llmr ask --api-key x",
        ] {
            assert!(quickly(&typed(line)).is_none(), "{line}");
        }
    }

    #[test]
    fn a_lone_word_near_a_command_is_not_sent() {
        for (first, second, hint) in [
            ("stat", None, Some("did you mean `llmr stats`?")),
            ("budgt", None, Some("did you mean `llmr budget`?")),
            ("budgt", Some("set"), Some("did you mean `llmr budget`?")),
            ("Providers", None, Some("did you mean `llmr providers`?")),
            ("logs", None, Some("did you mean `llmr log`?")),
            ("chatt", None, Some("did you mean `llmr chat`?")),
            ("caht", Some("list"), Some("did you mean `llmr chat`?")),
            ("what", None, None),
            ("version", None, Some("`llmr --help` lists the commands")),
            ("budgt", Some("for"), None),
            ("long", None, None),
            ("hi", None, None),
            ("hello", None, None),
            ("statistics", None, None),
            ("version", Some("with"), None),
            ("what is a budget?", None, None),
        ] {
            let error = slip(first, second);
            assert_eq!(error.as_ref().map(|e| e.hints[0].as_str()), hint, "{first} {second:?}");
        }
    }

    #[test]
    fn paragraphs_of_a_help_text_are_broken_by_the_terminal_alone() {
        let text = "Examples:\n  llmr a\n  llmr b\n\nOne line\nand its end.\n\nCodes: 0\n  and 1\nMore\nof it";
        let flowing = "Examples:\n  llmr a\n  llmr b\n\nOne line and its end.\n\nCodes: 0\n  and 1\nMore of it";
        assert_eq!(unbroken(text), flowing);
        let mut narrow = super::flowing(command()).term_width(80);
        let help = narrow.render_help().to_string();
        let end = help.lines().rev().take(2).collect::<Vec<_>>();
        assert!(end[1].chars().count() > 60 && end[1].starts_with("A prompt without a command is asked."), "{end:?}");
        let examples = help.split("Examples:").nth(1).unwrap();
        assert!(examples.lines().all(|line| line.chars().count() <= 80), "{help}");
    }

    #[test]
    fn every_command_is_in_one_group_with_its_own_words() {
        let whole = command();
        let about = |name: &str| match whole.find_subcommand(name) {
            Some(found) => found.get_about().map(ToString::to_string).unwrap_or_default(),
            None => "This text, or a command's".to_owned(),
        };
        let mut known: Vec<_> = cli::COMMANDS.iter().map(|name| (*name, about(name))).collect();
        let grouped = GROUPS.iter().flat_map(|(_, commands)| commands.iter());
        let mut grouped: Vec<_> = grouped.map(|(name, about)| (*name, (*about).to_owned())).collect();
        grouped.sort_unstable();
        known.sort_unstable();
        assert_eq!(grouped, known);
    }

    #[test]
    fn the_outline_has_the_help_text_of_the_whole() {
        for typed in ["-h", "--help", "help"] {
            let shown = |command: clap::Command| {
                let told = flowing(command).try_get_matches_from(["llmr", typed]).unwrap_err();
                (told.exit_code(), told.render().ansi().to_string())
            };
            assert_eq!(shown(outline()), shown(command()), "{typed}");
        }
    }

    #[test]
    fn wrong_usage_is_told_in_the_form_that_is_asked_for() {
        for (args, form) in [
            (&["llmr", "ask", "x", "--bogus"][..], Wanted::Text),
            (&["llmr", "ask", "x", "--json"], Wanted::Object),
            (&["llmr", "ask", "x", "--output-format", "json"], Wanted::Object),
            (&["llmr", "ask", "x", "--output-format=stream-json"], Wanted::Lines),
            (&["llmr", "ask", "x", "--output-format", "text"], Wanted::Text),
            (&["llmr", "ask", "x", "--output-format"], Wanted::Text),
            (&["llmr", "ask", "--", "--json", "--output-format=json"], Wanted::Text),
        ] {
            assert_eq!(wanted(&args.iter().map(OsString::from).collect::<Vec<_>>()), form, "{args:?}");
        }
    }

    #[test]
    fn wrong_usage_is_an_error_with_hints() {
        let error = command().try_get_matches_from(["llmr", "budget", "set"]).unwrap_err();
        let error = as_error(&error.render().to_string());
        assert_eq!(error.message, "the following required arguments were not provided: <USD>");
        assert_eq!(error.hints[0], "Usage: llmr budget set <USD>");
        let error = command().try_get_matches_from(["llmr", "ask", "--api-key", "x"]).unwrap_err();
        assert!(as_error(&error.render().to_string()).hints.iter().any(|h| h.starts_with("no flag takes a key")));
    }

    #[test]
    fn the_sandbox_s_help_names_every_fault() {
        let mut command = command();
        let help = command.find_subcommand_mut("sandbox").unwrap().render_help().to_string();
        assert!(sandbox::FAULTS.iter().all(|(name, what)| help.contains(name) && help.contains(what)), "{help}");
    }
}
