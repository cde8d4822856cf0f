//! Every command and flag. Imports nothing but std and clap: no defaults are decided here, no value
//! is understood further than its form.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

const TOP_EXAMPLES: &str = "\
Examples:
  llmr \"why is the sky blue?\"                    ask the best provider there is
  git diff | llmr ask \"write a commit message\"   pipe a text in
  llmr dry-run \"why is the sky blue?\"            say what would be done, and what it would cost
  llmr --sandbox \"hello\"                         try everything without any key
  llmr budget                                    what today has cost so far

A prompt without a command is asked. Keys come from the environment or from a .env file (see
`llmr ask --help`); no flag takes one.";

const ASK_EXAMPLES: &str = "\
Examples:
  llmr ask \"why is the sky blue?\"
  llmr ask -m gpt-6-luna -s \"answer in French\" \"what is a monad?\"
  llmr ask -p anthropic -p gemini --strategy cheapest \"name three rivers\"
  llmr ask -f src/main.rs -f notes.md \"review this\"
  git diff | llmr ask \"write a commit message\"
  llmr ask --json \"name a colour\" | jq -r .content
  llmr ask --max-cost 0.01 --fallback deepseek-flash \"summarise\" < report.txt
  llmr ask --sandbox \"hello\"                           no key, no cost: rehearse
  llmr ask --sandbox cohere=500,openai=429 \"hello\"     watch a failover; once more: the breaker is open

Settings come from flags, then the environment, then the nearest .env, then the .env in the config
folder, then config.toml (`llmr config path` names them). The least that is needed is one key:
  export OPENAI_API_KEY=…       (or ANTHROPIC_API_KEY, GEMINI_API_KEY, …: see `llmr providers`)
The day's budget is 5 USD unless LLMR_BUDGET_DAILY_USD or `llmr budget set` says otherwise.

Standard input: without a prompt it is the prompt; with one it follows inside <stdin>…</stdin>.
On a terminal the answer streams; in a pipe it comes whole or not at all, unless --stream is given.

Exit codes: 0 answered · 2 usage or settings · 3 refused · 4 budget · 5 verification
  69 every candidate failed · 75 every one is rate-limited · 77 every one refused its key
  130 Ctrl-C · 143 terminated";

const SANDBOX_EXAMPLES: &str = "\
Rehearse (every command takes --sandbox; state and money of it are the rehearsal's own):
  llmr ask --sandbox \"hello\"                         who answers?
  llmr ask --sandbox cohere=500,openai=429 \"hello\"   the first one fails, another answers
  llmr providers --sandbox                           whose breaker is open, who rests
  llmr log --sandbox                                 what was tried, and `log show r1` why
  llmr budget set 0.0001 --sandbox                   then ask again: exit code 4
  llmr budget set 5 --sandbox; llmr providers reset cohere --sandbox

For several processes at once:
  llmr sandbox --port 8011
  llmr ask --sandbox=127.0.0.1:8011 \"hello\"          in another terminal
  llmr sandbox --port 8011 --faults openai=500x3     the first three requests fail";

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
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Rehearse with loopback providers of llmr's own, against a database of their own: no model is
    /// asked. Takes faults (openai=429,anthropic=cut; see `llmr sandbox --help`) or the address of a
    /// running `llmr sandbox` (127.0.0.1:PORT)
    #[arg(long, global = true, value_name = "FAULTS|ADDRESS", num_args = 0..=1, require_equals = true,
          default_missing_value = "")]
    pub sandbox: Option<String>,
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
    /// The day's money: what is spent, held and left
    #[command(
        after_help = "Examples:\n  llmr budget\n  llmr budget set 2.50\n  llmr budget set off\n  llmr budget check --json || exit 1\n  llmr budget history\n\nA day is a UTC day. LLMR_BUDGET_DAILY_USD wins over `budget set`, that over config.toml; `llmr budget` says which one is\nin force. Requests hold their worst case before they are sent, so that no number of processes passes the limit."
    )]
    Budget(Budget),
    /// Who takes part, in which state
    #[command(
        after_help = "Examples:\n  llmr providers\n  llmr providers show openai\n  llmr providers reset openai   close its breaker, end its rest"
    )]
    Providers(Providers),
    /// What was asked, answered and spent
    #[command(after_help = "Examples:\n  llmr stats\n  llmr stats --days 7 --json")]
    Stats(Stats),
    /// Stored answers
    #[command(after_help = "Examples:\n  llmr cache\n  llmr cache verify --delete\n  llmr cache clear")]
    Cache(Cache),
    /// Past requests with their attempts and decisions
    #[command(after_help = "Examples:\n  llmr log\n  llmr log -n 3 --json\n  llmr log show r17")]
    Log(Log),
    /// The catalogue: models, prices, windows
    #[command(after_help = "Examples:\n  llmr models\n  llmr models -p anthropic\n  llmr models gpt-6 --json")]
    Models(Models),
    /// Settings and where they come from
    #[command(
        after_help = "Examples:\n  llmr config show\n  llmr config path\n  llmr config init\n  llmr config trust    let the nearest .env set everything\n\nA .env of a working folder may be somebody else's: it may set keys, models and tighter limits. What could move a key, a\nprompt or money (an address, a proxy, a higher budget) is refused until `llmr config trust`; a change ends the trust."
    )]
    Config(Config),
    /// Run the sandbox's providers alone, for several processes at once
    #[command(
        after_help = SANDBOX_EXAMPLES
    )]
    Sandbox(Sandbox),
}

/// What is asked, and of whom: the flags that `ask` and `dry-run` share.
#[derive(Debug, Clone, Default, Args)]
pub struct Question {
    /// The prompt; several words are joined by spaces; `-` reads standard input
    #[arg(value_name = "PROMPT")]
    pub prompt: Vec<String>,
    /// This model only: MODEL, PROVIDER/MODEL or an alias of the config
    #[arg(short, long, value_name = "MODEL", help_heading = "Whom to ask")]
    pub model: Option<String>,
    /// Only this provider (may be repeated)
    #[arg(short, long = "provider", value_name = "NAME", help_heading = "Whom to ask")]
    pub providers: Vec<String>,
    /// No model below this tier
    #[arg(long, value_name = "TIER", value_parser = ["fast", "balanced", "advanced", "premium"], help_heading = "Whom to ask")]
    pub tier: Option<String>,
    /// Ask this model when the first one fails (may be repeated, in order)
    #[arg(long = "fallback", value_name = "MODEL", help_heading = "Whom to ask")]
    pub fallbacks: Vec<String>,
    /// How candidates are put in order
    #[arg(long, value_name = "NAME", help_heading = "Whom to ask",
          value_parser = ["weighted", "cheapest", "fastest", "reliable", "priority", "round-robin", "balanced"])]
    pub strategy: Option<String>,
    /// Weights of cost, latency and quality [default: 0.4,0.3,0.3]
    #[arg(long, value_name = "C,L,Q", help_heading = "Whom to ask", allow_hyphen_values = true)]
    pub weights: Option<String>,
    /// System prompt
    #[arg(short, long, value_name = "TEXT", help_heading = "What to ask")]
    pub system: Option<String>,
    /// Put a file in front of the prompt, `-` for standard input (may be repeated)
    #[arg(short, long = "file", value_name = "PATH", help_heading = "What to ask")]
    pub files: Vec<PathBuf>,
    /// Do not read standard input
    #[arg(long, help_heading = "What to ask")]
    pub no_stdin: bool,
    /// Sampling temperature, 0 to 2
    #[arg(short, long, value_name = "T", help_heading = "How to answer", allow_negative_numbers = true)]
    pub temperature: Option<f64>,
    /// Nucleus sampling, 0 to 1
    #[arg(long, value_name = "P", help_heading = "How to answer", allow_negative_numbers = true)]
    pub top_p: Option<f64>,
    /// The longest answer, in tokens, thinking included
    #[arg(long, value_name = "N", help_heading = "How to answer", allow_negative_numbers = true)]
    pub max_tokens: Option<u64>,
    /// Stop at this text (may be repeated)
    #[arg(long = "stop", value_name = "TEXT", help_heading = "How to answer")]
    pub stop: Vec<String>,
    /// How hard a reasoning model thinks
    #[arg(long, value_name = "LEVEL", value_parser = ["none", "low", "medium", "high", "max"], help_heading = "How to answer")]
    pub effort: Option<String>,
    /// Pass a field through to the provider (may be repeated); VALUE is JSON or else a text
    #[arg(short = 'o', long = "option", value_name = "KEY=VALUE", help_heading = "How to answer")]
    pub options: Vec<String>,
    /// The most that all attempts together may cost, in USD
    #[arg(long, value_name = "USD", help_heading = "Limits", allow_negative_numbers = true)]
    pub max_cost: Option<String>,
    /// Time limit of the whole request, in seconds
    #[arg(long, value_name = "SECS", help_heading = "Limits", allow_negative_numbers = true)]
    pub timeout: Option<f64>,
    /// Retries on one candidate
    #[arg(long, value_name = "N", help_heading = "Limits", allow_negative_numbers = true)]
    pub max_retries: Option<u32>,
    /// Ask models without a known price although a budget is set
    #[arg(long, help_heading = "Limits")]
    pub allow_unpriced: bool,
    /// Neither read nor write the cache
    #[arg(long, help_heading = "Cache")]
    pub no_cache: bool,
    /// Do not read the cache, but write it
    #[arg(long, help_heading = "Cache", conflicts_with = "no_cache")]
    pub refresh: bool,
}

/// `llmr ask`.
#[derive(Debug, Clone, Default, Args)]
pub struct Ask {
    /// What is asked, and of whom.
    #[command(flatten)]
    pub question: Question,
    /// Ask so many candidates side by side and keep the best whole answer (each is paid for)
    #[arg(long, value_name = "N", help_heading = "Whom to ask", allow_negative_numbers = true)]
    pub parallel: Option<usize>,
    /// With --parallel: keep the first whole answer and cancel the others
    #[arg(long, help_heading = "Whom to ask", requires = "parallel")]
    pub race: bool,
    /// production answers; dry-run says what it would do; shadow also records what the other strategies would have done
    #[arg(long, value_name = "MODE", value_parser = ["production", "dry-run", "shadow"], help_heading = "What to do")]
    pub mode: Option<String>,
    /// The same as the dry-run command
    #[arg(long, help_heading = "What to do", conflicts_with = "mode")]
    pub dry_run: bool,
    /// Stream the answer, also into a pipe
    #[arg(long, help_heading = "Output", conflicts_with = "no_stream")]
    pub stream: bool,
    /// Ask the provider for a whole answer
    #[arg(long, help_heading = "Output")]
    pub no_stream: bool,
    /// What to print
    #[arg(long, value_name = "FORMAT", value_parser = ["text", "json", "stream-json"], help_heading = "Output")]
    pub output_format: Option<String>,
    /// Print tokens, cost, time and who answered, on stderr
    #[arg(short, long, help_heading = "Output")]
    pub usage: bool,
    /// Let the model's escape sequences through to the terminal
    #[arg(long, help_heading = "Output")]
    pub raw: bool,
    /// A label for `log` and `stats`
    #[arg(long, value_name = "NAME", help_heading = "Output")]
    pub tag: Option<String>,
}

/// `llmr dry-run`.
#[derive(Debug, Clone, Default, Args)]
pub struct DryRun {
    /// What would be asked, and of whom.
    #[command(flatten)]
    pub question: Question,
    /// Exit as `ask` would
    #[arg(long, help_heading = "Output")]
    pub check: bool,
}

/// `llmr budget`.
#[derive(Debug, Args)]
pub struct Budget {
    /// What to do; the status without it.
    #[command(subcommand)]
    pub action: Option<BudgetAction>,
}

/// What to do with the budget.
#[derive(Debug, Subcommand)]
pub enum BudgetAction {
    /// What is spent, held and left today (the default)
    Status,
    /// Set the day's limit, kept in the database
    Set {
        /// USD such as 5 or 0.25; `off` for no limit, 0 for free answers only
        #[arg(value_name = "USD", allow_negative_numbers = true)]
        usd: String,
    },
    /// Start today's sum anew; the ledger keeps every row
    Reset {
        /// Count so much as spent today
        #[arg(long, value_name = "USD", default_value = "0", allow_negative_numbers = true)]
        to: String,
    },
    /// What each day cost
    History {
        /// How many days
        #[arg(long, value_name = "N", default_value_t = 30, allow_negative_numbers = true,
              value_parser = clap::value_parser!(u32).range(1..))]
        days: u32,
    },
    /// Exit 4 if the limit is passed; needs no network
    Check {
        /// Fail from this cut-off on
        #[arg(long, value_name = "STATE", value_parser = ["soft", "hard"], default_value = "hard")]
        fail_on: String,
        /// Fail if less than this is left
        #[arg(long, value_name = "USD", allow_negative_numbers = true)]
        min_remaining: Option<String>,
    },
}

/// `llmr providers`.
#[derive(Debug, Args)]
pub struct Providers {
    /// What to do; the list without it.
    #[command(subcommand)]
    pub action: Option<ProvidersAction>,
}

/// What to do with the providers.
#[derive(Debug, Subcommand)]
pub enum ProvidersAction {
    /// Every provider that takes part (the default)
    List {
        /// The others too
        #[arg(short, long)]
        all: bool,
    },
    /// Everything about one
    Show {
        /// The provider
        name: String,
    },
    /// Close its breaker and end its rest
    Reset {
        /// The provider
        name: String,
    },
}

/// `llmr stats`.
#[derive(Debug, Args)]
pub struct Stats {
    /// The last so many days, today included
    #[arg(long, value_name = "N", default_value_t = 30, allow_negative_numbers = true,
          value_parser = clap::value_parser!(u32).range(1..))]
    pub days: u32,
}

/// `llmr cache`.
#[derive(Debug, Args)]
pub struct Cache {
    /// What to do; the statistics without it.
    #[command(subcommand)]
    pub action: Option<CacheAction>,
}

/// What to do with the cache.
#[derive(Debug, Subcommand)]
pub enum CacheAction {
    /// Hits, misses, sizes (the default)
    Stats,
    /// Remove every entry
    Clear,
    /// Check every entry's seal; exit 5 if one is bad
    Verify {
        /// Remove the bad ones
        #[arg(long)]
        delete: bool,
    },
}

/// `llmr log`.
#[derive(Debug, Args)]
pub struct Log {
    /// What to do; the list without it.
    #[command(subcommand)]
    pub action: Option<LogAction>,
    /// So many requests, the newest first
    #[arg(short, value_name = "N", default_value_t = 20, allow_negative_numbers = true,
          value_parser = clap::value_parser!(u32).range(1..))]
    pub n: u32,
}

/// What to do with the log.
#[derive(Debug, Subcommand)]
pub enum LogAction {
    /// One request with its decision and attempts
    Show {
        /// Its id, such as r17
        id: String,
    },
}

/// `llmr models`.
#[derive(Debug, Args)]
pub struct Models {
    /// Only models with this in their name
    pub filter: Option<String>,
    /// Only this provider's
    #[arg(short, long, value_name = "NAME")]
    pub provider: Option<String>,
    /// Retired ones too
    #[arg(short, long)]
    pub all: bool,
}

/// `llmr config`.
#[derive(Debug, Args)]
pub struct Config {
    /// What to do; every value without it.
    #[command(subcommand)]
    pub action: Option<ConfigAction>,
}

/// What to do with the settings.
#[derive(Debug, Subcommand)]
pub enum ConfigAction {
    /// Every value with its source (the default)
    Show,
    /// Every path
    Path,
    /// Read everything and say what is wrong
    Check,
    /// Write a config.toml to start from
    Init,
    /// Let a .env set everything, as long as it stays as it is
    Trust {
        /// The file [default: the nearest .env]
        path: Option<PathBuf>,
    },
}

/// `llmr sandbox`.
#[derive(Debug, Args)]
pub struct Sandbox {
    /// The port on 127.0.0.1; 0 takes a free one
    #[arg(long, value_name = "PORT", default_value_t = 0)]
    pub port: u16,
    /// Faults by provider, such as openai=429,anthropic=cut
    #[arg(long, value_name = "FAULTS", default_value = "")]
    pub faults: String,
    /// Scale of all delays: 0 answers at once
    #[arg(long, value_name = "FACTOR", default_value_t = 1.0)]
    pub delay: f64,
}

/// The names of all commands, as typed.
pub const COMMANDS: [&str; 11] =
    ["ask", "dry-run", "budget", "providers", "stats", "cache", "log", "models", "config", "sandbox", "help"];

/// Global flags that take a value as the next argument.
const WITH_VALUE: [&str; 2] = ["--color", "--config"];

/// The arguments as clap shall see them.
///
/// A prompt without a command gets `ask` in front, and `--sandbox FAULTS` becomes
/// `--sandbox=FAULTS` where the next argument has the form of faults or of an address: clap could
/// not tell it from a prompt.
pub fn normalise(args: impl IntoIterator<Item = OsString>) -> Vec<OsString> {
    let mut args: Vec<OsString> = args.into_iter().collect();
    join_sandbox_value(&mut args);
    if asks_plainly(&args) {
        args.insert(1.min(args.len()), "ask".into());
    }
    args
}

fn join_sandbox_value(args: &mut Vec<OsString>) {
    let end = args.iter().position(|a| a == "--").unwrap_or(args.len());
    let Some(at) = args[..end].iter().position(|a| a == "--sandbox") else { return };
    let value = args.get(at + 1).filter(|_| at + 1 < end).and_then(|v| v.to_str()).filter(|v| is_sandbox_value(v));
    if let Some(joined) = value.map(|v| format!("--sandbox={v}")) {
        args[at] = joined.into();
        args.remove(at + 1);
    }
}

/// `name=fault,…`, or `HOST:PORT`: no spaces, so that no prompt of several words is taken for it.
pub fn is_sandbox_value(text: &str) -> bool {
    let word = |s: &str| !s.is_empty() && s.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.:".contains(&b));
    let fault = |s: &str| s.split_once('=').is_some_and(|(name, fault)| word(name) && word(fault));
    text.split(',').all(fault) || is_address(text)
}

/// `127.0.0.1:8011`, `localhost:8011` or `[::1]:8011`.
pub fn is_address(text: &str) -> bool {
    text.rsplit_once(':')
        .is_some_and(|(host, port)| ["127.0.0.1", "localhost", "[::1]"].contains(&host) && port.parse::<u16>().is_ok())
}

/// Whether the first thing that is not a global flag is no command.
fn asks_plainly(args: &[OsString]) -> bool {
    plain_start(args).is_some()
}

/// Where a prompt without a command begins: at the first thing that is no global flag, if it is no command.
fn plain_start(args: &[OsString]) -> Option<usize> {
    let mut rest = args.iter().enumerate().skip(1).map(|(i, a)| (i, a.to_string_lossy()));
    while let Some((i, arg)) = rest.next() {
        match arg.as_ref() {
            "--json" | "--quiet" | "--verbose" | "-q" | "-v" | "-qv" | "-vq" | "--sandbox" => {}
            flag if WITH_VALUE.contains(&flag) => _ = rest.next(),
            flag if flag.split_once('=').is_some_and(|(name, _)| name == "--sandbox" || WITH_VALUE.contains(&name)) => {
            }
            "-h" | "--help" | "-V" | "--version" => return None,
            word => return (!COMMANDS.contains(&word)).then_some(i),
        }
    }
    None
}

/// The words of a prompt without a command that begins with one, at most two: it may be a mistyped command.
pub fn plain_words(args: &[OsString]) -> Option<(String, Option<String>)> {
    let mut args = args.to_vec();
    join_sandbox_value(&mut args);
    let rest = &args[plain_start(&args)?..];
    let first = rest.first()?.to_str().filter(|word| !word.starts_with('-'))?;
    let second = rest[1..].iter().filter_map(|a| a.to_str()).find(|a| !a.starts_with('-'));
    Some((first.to_owned(), second.map(str::to_owned)))
}

#[cfg(test)]
mod tests {
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
        ] {
            assert_eq!(normalised(typed), seen);
        }
    }
}
