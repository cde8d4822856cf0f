//! Every command and flag. Imports nothing but std and clap: no defaults are decided here, no value
//! is understood further than its form.

mod arguments;
mod ask;
mod embed;
mod reports;
mod setup;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueHint};

pub use arguments::{is_address, is_sandbox_value, named_command, normalise, plain_words};
pub use ask::{
    Ask, Batch, Bounds, Chat, ChatAction, Classify, DryRun, LongTexts, Question, Rate, Select, Template, TemplateAction,
};
pub use embed::Embed;
pub use reports::{
    Budget, BudgetAction, Cache, CacheAction, Forget, Log, LogAction, Models, Providers, ProvidersAction, Stats,
};
pub use setup::{Completions, Config, ConfigAction, Import, Man, Sandbox, Simulate};

use ask::{ASK_EXAMPLES, BATCH_EXAMPLES, CHAT_EXAMPLES, SELECT_EXAMPLES, TEMPLATE_EXAMPLES};
use embed::EMBED_EXAMPLES;
use setup::{SANDBOX_EXAMPLES, SIMULATE_EXAMPLES};

const TOP_EXAMPLES: &str = "\
Examples:
  llmr \"why is the sky blue?\"                    ask the best provider there is
  git diff | llmr ask \"write a commit message\"   pipe a text in
  llmr dry-run \"why is the sky blue?\"            say what would be done, and what it would cost
  llmr --sandbox \"hello\"                         try everything without any key
  llmr budget                                    what today has cost so far

A prompt without a command is asked. Keys come from the environment or from a .env file (see
`llmr ask --help`); no flag takes one.";

/// Send a prompt to the best of many providers, inside a daily budget that holds.
#[derive(Debug, Parser)]
#[command(name = "llmr", version, about, after_help = TOP_EXAMPLES, max_term_width = 100)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// Flags that every command takes.
    #[command(flatten)]
    pub global: Global,
}

/// The command line without the flags of its commands, of which it knows none but that there are some: what its help
/// text is made of.
pub fn outline() -> clap::Command {
    Global::augment_args(clap::Command::new("llmr"))
        .version(env!("CARGO_PKG_VERSION"))
        .about(env!("CARGO_PKG_DESCRIPTION"))
        .after_help(TOP_EXAMPLES)
        .max_term_width(100)
        .subcommand(clap::Command::new("ask"))
}

/// Flags that work before and after the command.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Everywhere")]
pub struct Global {
    /// Print one JSON object and nothing else
    #[arg(long, global = true)]
    pub json: bool,
    /// No warnings and notes
    #[arg(short, long, global = true)]
    pub quiet: bool,
    /// Say more: the plan, every attempt, why
    #[arg(short, long, global = true)]
    pub verbose: bool,
    /// Colours
    #[arg(long, global = true, value_name = "WHEN", value_parser = ["auto", "always", "never"], default_value = "auto")]
    pub color: String,
    /// Read this file instead of the config folder's config.toml
    #[arg(long, global = true, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub config: Option<PathBuf>,
    /// Settings of this [profile.NAME] of config.toml on top of the others
    #[arg(long, global = true, value_name = "NAME")]
    pub profile: Option<String>,
    /// Rehearse with loopback providers of llmr's own, against a database of their own: no model is
    /// asked. Takes faults (openai=429,anthropic=cut; see `llmr sandbox --help`) or the address of a
    /// running `llmr sandbox` (127.0.0.1:PORT)
    #[arg(long, global = true, value_name = "FAULTS|ADDRESS", num_args = 0..=1, require_equals = true,
          default_missing_value = "")]
    pub sandbox: Option<String>,
    /// Everything that was typed behind the program's name, as far as it is UTF-8.
    #[arg(skip)]
    pub words: Vec<String>,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Ask the best provider
    #[command(after_help = ASK_EXAMPLES)]
    Ask(Box<Ask>),
    /// Say what `ask` would do and cost, and send nothing
    #[command(
        name = "dry-run",
        after_help = "Examples:\n  llmr dry-run \"why is the sky blue?\"\n  llmr dry-run --json -f book.txt \"summarise\" | jq .estimate\n  llmr dry-run --check \"hello\" || echo \"would not be answered\""
    )]
    DryRun(Box<DryRun>),
    /// Talk with a model, turn by turn
    #[command(after_help = CHAT_EXAMPLES)]
    Chat(Box<Chat>),
    /// Answer a file of prompts, many at a time
    #[command(after_help = BATCH_EXAMPLES)]
    Batch(Box<Batch>),
    /// Say which tier a prompt needs, and why
    #[command(
        after_help = "Examples:\n  llmr classify \"prove that there are infinitely many primes\"\n  llmr classify -f essay.md \"correct the spelling\" --json\n  llmr classify --jsonl < prompts.jsonl    {\"id\": 1, \"prompt\": \"hello\"} a line\n\nNobody is asked, and nothing is spent: a small model inside llmr judges the prompt, corrected by how answers turned out\n(`llmr rate`) and bound by [[tiers.rule]] of config.toml. `--tier auto` of `llmr ask` goes by it."
    )]
    Classify(Classify),
    /// Say whether an answer was good, for --tier auto to learn from
    #[command(
        after_help = "Examples:\n  llmr rate good              the last answer\n  llmr rate last bad\n  llmr rate r17 good\n\nA word counts for the kind of prompt and the model's tier, and fades within months. Without one, an answer that does not\nfit its schema or was cut off counts as bad, and so does one whose prompt is asked of a higher tier within an hour."
    )]
    Rate(Rate),
    /// Pick the passages of long documents that a question is about
    #[command(after_help = SELECT_EXAMPLES)]
    Select(Select),
    /// Make vectors of texts, to find what is alike
    #[command(after_help = EMBED_EXAMPLES)]
    Embed(Box<Embed>),
    /// Prompts that are used again
    #[command(after_help = TEMPLATE_EXAMPLES)]
    Template(Template),
    /// The day's money: what is spent, held and left
    #[command(
        after_help = "Examples:\n  llmr budget\n  llmr budget set 2.50\n  llmr budget set off\n  llmr budget check --json || exit 1\n  llmr budget check --min-remaining 0.50 --fail-on soft\n  llmr budget history\n\nA day is a UTC day. LLMR_BUDGET_DAILY_USD wins over `budget set`, that over config.toml; `llmr budget` says which one is\nin force. Requests hold their worst case before they are sent, so that no number of processes passes the limit."
    )]
    Budget(Budget),
    /// Who takes part, in which state
    #[command(
        after_help = "Examples:\n  llmr providers\n  llmr providers show openai\n  llmr providers check          is each key accepted, which models are listed, how fast\n  llmr providers check openai --live --json\n  llmr providers reset openai   close its breaker, end its rest\n\nA check costs nothing and is told again for 30 s; --live has each default model answer one word, which costs a little.\nIts exit code: 0 when every key is accepted, 77 when every one is refused, 69 when nobody can be reached, 75 when all are\nrate-limited, 2 when no key is set, 1 when it differs from provider to provider."
    )]
    Providers(Providers),
    /// What was asked, answered and spent
    #[command(
        after_help = "Examples:\n  llmr stats\n  llmr stats --days 7 --json\n  llmr stats --by tag --since 2026-11-01 --until 2026-11-30\n  llmr stats --by day\n  llmr stats --by model --format csv > models.csv\n  llmr stats --format html > report.html\n  llmr stats --format prometheus > /var/lib/node_exporter/llmr.prom\n\nDays are UTC days. A provider, a model and a day are judged by their attempts, a tag and a tier by how whole requests ended.\n--json has every row, the trend, a forecast of this month's spend and how it is reckoned."
    )]
    Stats(Stats),
    /// Stored answers
    #[command(after_help = "Examples:\n  llmr cache\n  llmr cache verify --delete\n  llmr cache clear")]
    Cache(Cache),
    /// Past requests with their attempts and decisions
    #[command(
        after_help = "Examples:\n  llmr log\n  llmr log -n 3 --json\n  llmr log show r17\n  llmr log export > set.jsonl\n  llmr log export --format csv --all > set.csv\n\nPrompts and answers are in the log only where `log_content = true` keeps them; `llmr forget` removes them."
    )]
    Log(Log),
    /// Remove what was kept of requests: prompts, answers, conversations
    #[command(
        after_help = "Examples:\n  llmr forget r17\n  llmr forget trip c3\n  llmr forget --vectors docs\n  llmr forget --all\n\nThe ledger and the log's figures stay: only texts are removed, from the database's files too, with the stored answers that\nbelong to them. A request's place in a conversation stays, empty. --all asks nothing and removes everything that was kept,\nwhat was typed into chats included."
    )]
    Forget(Forget),
    /// The catalogue: models, prices, windows
    #[command(
        after_help = "Examples:\n  llmr models\n  llmr models -p anthropic\n  llmr models gpt-6 --json\n  llmr models --embed           those that make vectors\n  llmr models --live            what the providers list now, marked against the catalogue"
    )]
    Models(Models),
    /// Settings and where they come from
    #[command(
        after_help = "Examples:\n  llmr config show\n  llmr config path\n  llmr config init\n  llmr config trust    let the nearest .env set everything\n\nA .env of a working folder may be somebody else's: it may set keys, models and tighter limits. What could move a key, a\nprompt or money (an address, a proxy, a higher budget) is refused until `llmr config trust`; a change ends the trust."
    )]
    Config(Config),
    /// Bring keys' names, aliases, models and history over from another tool
    #[command(
        after_help = "Examples:\n  llmr import llm\n  llmr import aichat --dry-run\n  llmr import mods --from ~/backup/mods\n\nAliases and servers are added to config.toml, where what is there wins; history becomes conversations (`llmr chat list`)\nthat count as no spending. Keys stay where they are: their variables are named."
    )]
    Import(Import),
    /// Print a shell's completions
    #[command(
        after_help = "Examples:\n  llmr completions bash > ~/.local/share/bash-completion/completions/llmr\n  llmr completions zsh > ~/.zfunc/_llmr\n  llmr completions fish > ~/.config/fish/completions/llmr.fish"
    )]
    Completions(Completions),
    /// Print a command's manual page
    #[command(after_help = "Examples:\n  llmr man | man -l -\n  llmr man ask | man -l -\n  llmr man --out man/")]
    Man(Man),
    /// Order providers by what happened, on a clock of your own: lines of JSON in and out
    #[command(after_help = SIMULATE_EXAMPLES)]
    Simulate(Simulate),
    /// Run the sandbox's providers alone, for several processes at once
    #[command(
        after_help = SANDBOX_EXAMPLES
    )]
    Sandbox(Sandbox),
}

/// The names of all commands, as typed.
pub const COMMANDS: [&str; 23] = [
    "ask",
    "dry-run",
    "chat",
    "batch",
    "classify",
    "rate",
    "select",
    "embed",
    "template",
    "budget",
    "providers",
    "stats",
    "cache",
    "log",
    "forget",
    "models",
    "config",
    "import",
    "completions",
    "man",
    "simulate",
    "sandbox",
    "help",
];

#[cfg(test)]
mod tests {
    use std::ffi::OsString;

    use clap::CommandFactory;

    use super::*;

    fn normalised(line: &str) -> String {
        let args = line.split(' ').map(|a| OsString::from(a.replace('_', " ")));
        normalise(args).iter().map(|a| a.to_string_lossy().replace(' ', "_")).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn the_definitions_are_sound() {
        Cli::command().debug_assert();
        let mut known: Vec<_> = Cli::command().get_subcommands().map(|c| c.get_name().to_owned()).collect();
        known.push("help".into());
        assert_eq!(known, COMMANDS);
    }

    #[test]
    fn every_command_and_action_has_examples_of_itself() {
        fn check(command: &clap::Command, path: &str) {
            let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            assert!(help.lines().any(|line| line.starts_with("  ") && line.contains(path)), "{path}: {help}");
            command.get_subcommands().for_each(|sub| check(sub, &format!("{path} {}", sub.get_name())));
        }
        check(&Cli::command(), "llmr");
    }

    #[test]
    fn a_prompt_without_a_command_is_asked() {
        for (typed, seen) in [
            ("llmr", "llmr"),
            ("llmr hello_there", "llmr ask hello_there"),
            ("llmr -m x hello", "llmr ask -m x hello"),
            ("llmr --json hello", "llmr ask --json hello"),
            ("llmr --color never hello", "llmr ask --color never hello"),
            ("llmr --color never budget", "llmr --color never budget"),
            ("llmr --config ask hello", "llmr ask --config ask hello"),
            ("llmr --sandbox=x=429 hello", "llmr ask --sandbox=x=429 hello"),
            ("llmr -- budget", "llmr ask -- budget"),
            ("llmr budget set 5", "llmr budget set 5"),
            ("llmr --help", "llmr --help"),
            ("llmr -q", "llmr -q"),
            ("llmr -", "llmr ask -"),
        ] {
            assert_eq!(normalised(typed), seen);
        }
    }

    #[test]
    fn the_words_of_a_plain_prompt_are_known() {
        for (typed, first, second) in [
            ("llmr stat", Some("stat"), None),
            ("llmr --json --sandbox x=429 stat -q", Some("stat"), None),
            ("llmr budgt set 5", Some("budgt"), Some("set")),
            ("llmr hello_there", Some("hello there"), None),
            ("llmr budget set 5", None, None),
            ("llmr -- stat", None, None),
            ("llmr -m x stat", None, None),
            ("llmr ask stat", None, None),
        ] {
            let args: Vec<OsString> = typed.split(' ').map(|a| a.replace('_', " ").into()).collect();
            let expected = first.map(|first| (first.to_owned(), second.map(str::to_owned)));
            assert_eq!(plain_words(&args), expected, "{typed}");
        }
    }

    #[test]
    fn sandbox_takes_the_next_argument_only_if_it_has_its_form() {
        for (typed, seen) in [
            ("llmr ask --sandbox hello", "llmr ask --sandbox hello"),
            ("llmr ask --sandbox why_a=b?", "llmr ask --sandbox why_a=b?"),
            ("llmr ask --sandbox openai=429,gemini=slow:2 hi", "llmr ask --sandbox=openai=429,gemini=slow:2 hi"),
            ("llmr ask --sandbox 127.0.0.1:8011 hi", "llmr ask --sandbox=127.0.0.1:8011 hi"),
            ("llmr ask --sandbox -- a=b", "llmr ask --sandbox -- a=b"),
            ("llmr --sandbox openai=cut hi", "llmr ask --sandbox=openai=cut hi"),
            ("llmr --sandbox openai=cut%5 hi", "llmr ask --sandbox=openai=cut%5 hi"),
        ] {
            assert_eq!(normalised(typed), seen);
        }
    }
}
