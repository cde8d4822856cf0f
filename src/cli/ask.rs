//! Prompts and how they are answered.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueHint};

pub(super) const ASK_EXAMPLES: &str = "\
Examples:
  llmr ask \"why is the sky blue?\"
  llmr ask -m gpt-6-luna -s \"answer in French\" \"what is a monad?\"
  llmr ask -p anthropic -p gemini --strategy cheapest \"name three rivers\"
  llmr ask -f src/main.rs -f 'docs/**/*.md' \"review this\"
  llmr ask -f book.txt --max-cost 0.50 \"list every decision\"     longer than any window: read in parts
  llmr ask -i chart.png \"what does this chart say?\"
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

pub(super) const CHAT_EXAMPLES: &str = "\
Examples:
  llmr chat
  llmr chat -m claude-haiku-4-5 -s \"answer briefly\"
  llmr chat -c                          go on with the last conversation
  llmr chat --session trip              go on with the one named trip, or begin it
  llmr chat -T review --var lang=Rust   what is asked first goes into the template's prompt, the rest of it holds
  llmr ask -c \"and in French?\"         one more turn of the last one, from the shell
  llmr chat list
  llmr chat export trip --format markdown > trip.md

Without a terminal each line of standard input is a turn:
  llmr chat --session notes < questions.txt

Inside: /help lists the commands, Tab completes them, Ctrl-C cancels an answer, Ctrl-D leaves.";

pub(super) const BATCH_EXAMPLES: &str = "\
Examples:
  llmr batch prompts.jsonl -o answers.jsonl
  llmr batch prompts.jsonl -o answers.jsonl --jobs 16 -m deepseek-flash --max-cost 2
  llmr batch prompts.jsonl -o answers.jsonl          the same once more: goes on where it was stopped
  llmr batch names.jsonl -o people.jsonl --schema person.json     every answer is JSON that fits, in `data`
  llmr batch texts.jsonl -o out.jsonl -T translate   {\"prompt\": \"good day\", \"language\": \"French\"}

Each line is an object with `prompt` (or `messages`), and where wanted `id`, `system`, `model`, `provider`,
`max_tokens`, `temperature`, `top_p`, `stop`, `effort`, `tier`, `tag`, which win over the flags. Other fields are
yours: they stand under `input` in the output, and are the variables of -T's template, whose `{{input}}` is the prompt.
All lines are checked before the first one is asked.

Each line of the output is the `ask` object with `line`, the line's `id` and `request_id`, or `line`, `id` and `error`.
With --json a summary is printed (on stderr where the answers go to standard output).

Going on: a batch is known by its input and its output. What was answered is never asked again, also after a kill;
lines that failed, were edited or are new are. --max-cost counts what earlier runs have cost; --restart begins anew
and forgets that. A rate limit or an open breaker is waited for, as long as --timeout lets a line.

Exit codes: 0 every line answered · 1 some failed · 2 a bad line, nothing was asked · 4 budget or --max-cost
  69, 75, 77 ten lines in a row failed for that reason · 130 Ctrl-C · 143 terminated";

pub(super) const SELECT_EXAMPLES: &str = "\
Examples:
  llmr select -f book.txt --budget 4000 \"who built the bridge?\"
  llmr select -f 'minutes/*.md' --budget 8000 --query-file question.txt --json
  pdftotext report.pdf - | llmr select -f - --budget 4000 \"net income by year\"
  llmr select -f book.txt --budget 8000 \"who built the bridge?\" | llmr ask \"who built the bridge?\"

Each passage comes as it stands in the document, below a line with its place (FILE:LINE-LINE) and in the order of the
documents; several are ranked together, as if they were one. A document that fits is picked whole.

With --json: {\"spans\": [[start, end], …], \"tokens\": N, \"files\": [{\"file\", \"spans\"}, …]}, counted in Unicode code points from
the start of the file; `spans` is there for one document, `files` for any number.

Tokens are llmr's estimate, or a quarter of the characters where that is more; a gap between two passages counts one, the
lines with the places do not count. Nobody is asked and nothing is spent; no setting, key or database is read.";

pub(super) const TEMPLATE_EXAMPLES: &str = "\
Examples:
  llmr template new review -s \"You review code.\" \"Review this as a {{role}}: {{input}}\"
  git diff | llmr ask -T review --var role=maintainer
  llmr template list
  llmr template show review";

/// What `--tier` takes.
const TIERS: [&str; 5] = ["fast", "balanced", "advanced", "premium", "auto"];

/// What is asked, and of whom: the flags that `ask` and `dry-run` share.
#[derive(Debug, Clone, Default, Args)]
pub struct Question {
    /// The prompt; several words are joined by spaces; `-` reads standard input
    #[arg(value_name = "PROMPT", value_hint = ValueHint::Other)]
    pub prompt: Vec<String>,
    /// This model only: MODEL, PROVIDER/MODEL or an alias of the config
    #[arg(short, long, value_name = "MODEL", help_heading = "Whom to ask")]
    pub model: Option<String>,
    /// Only this provider (may be repeated)
    #[arg(short, long = "provider", value_name = "NAME", help_heading = "Whom to ask")]
    pub providers: Vec<String>,
    /// No model below this tier; `auto`: the cheapest tier that will do for the prompt (see `llmr classify`)
    #[arg(long, value_name = "TIER", value_parser = TIERS, help_heading = "Whom to ask")]
    pub tier: Option<String>,
    /// With --tier auto: the chance of success that a tier must have, 0 to 1
    #[arg(long, value_name = "Q", help_heading = "Whom to ask", allow_negative_numbers = true)]
    pub min_quality: Option<f64>,
    /// Something known of the request, for the rules of `[tiers]` (may be repeated)
    #[arg(long, value_name = "NAME=VALUE", help_heading = "Whom to ask")]
    pub meta: Vec<String>,
    /// Ask two cheap models first, and one of --tier (premium) only where they do not agree: for short answers
    #[arg(long, help_heading = "Whom to ask", conflicts_with = "model")]
    pub cascade: bool,
    /// Ask a second one when the first byte is late, and keep who is faster (LLMR_HEDGE_DAILY_USD bounds the cost)
    #[arg(long, help_heading = "Whom to ask", conflicts_with = "cascade")]
    pub hedge: bool,
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
    /// Put files in front of the prompt: a path, a pattern such as 'src/*.rs', `-` for standard input (may be repeated)
    #[arg(short, long = "file", value_name = "PATH", value_hint = ValueHint::FilePath, help_heading = "What to ask")]
    pub files: Vec<PathBuf>,
    /// Show a picture to the model: PNG, JPEG, GIF or WebP; a path, a pattern, `-` for standard input (may be repeated)
    #[arg(short, long = "image", value_name = "PATH", value_hint = ValueHint::FilePath, help_heading = "What to ask")]
    pub images: Vec<PathBuf>,
    /// Use this template (see `llmr template`)
    #[arg(short = 'T', long, value_name = "NAME", help_heading = "What to ask")]
    pub template: Option<String>,
    /// Fill in a variable of the template (may be repeated)
    #[arg(long = "var", value_name = "NAME=VALUE", help_heading = "What to ask", requires = "template")]
    pub variables: Vec<String>,
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
    /// The answer is JSON that fits this JSON Schema, else exit code 5
    #[arg(long, value_name = "FILE", help_heading = "How to answer", value_hint = ValueHint::FilePath)]
    pub schema: Option<PathBuf>,
    /// What it may take, and whether the cache has a say.
    #[command(flatten)]
    pub bounds: Bounds,
}

/// What a request may take, and whether the cache has a say: the flags of everything that asks.
#[derive(Debug, Clone, Default, Args)]
pub struct Bounds {
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

/// How texts are read that are too long for one call: the flags that `ask` and `dry-run` share.
#[derive(Debug, Clone, Default, Args)]
pub struct LongTexts {
    /// How texts are read that are too long for one call
    #[arg(long, value_name = "WAY", value_parser = ["auto", "retrieve", "map-reduce", "refine"], help_heading = "Long texts")]
    pub strategy_long: Option<String>,
    /// Tokens of the texts that one call reads at most [default: 24000]
    #[arg(long, value_name = "N", help_heading = "Long texts", value_parser = clap::value_parser!(u64).range(256..))]
    pub read_tokens: Option<u64>,
    /// With retrieve: the best passages get a second look by vectors, of this model (see `llmr embed`)
    #[arg(long, value_name = "MODEL", help_heading = "Long texts", num_args = 0..=1, require_equals = true,
          default_missing_value = "")]
    pub rerank: Option<String>,
}

/// `llmr ask`.
#[derive(Debug, Clone, Default, Args)]
pub struct Ask {
    /// What is asked, and of whom.
    #[command(flatten)]
    pub question: Question,
    /// Ask so many candidates side by side and keep the best whole answer (each is paid for)
    #[arg(
        long,
        value_name = "N",
        help_heading = "Whom to ask",
        allow_negative_numbers = true,
        conflicts_with = "hedge"
    )]
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
    /// How long texts are read.
    #[command(flatten)]
    pub long: LongTexts,
    /// Go on with the plan for texts that are too long without being asked
    #[arg(long, help_heading = "Long texts")]
    pub yes: bool,
    /// Go on with the last reading of long texts that was stopped
    #[arg(long, help_heading = "Long texts")]
    pub resume: bool,
    /// What the reading that is gone on with was agreed to cost at most, in nano-dollars.
    #[arg(skip)]
    pub agreed: Option<i64>,
    /// Go on with the last conversation
    #[arg(short, long = "continue", help_heading = "What to ask", conflicts_with = "session")]
    pub continues: bool,
    /// Go on with the conversation of this name, or begin it
    #[arg(long, value_name = "NAME", help_heading = "What to ask")]
    pub session: Option<String>,
    /// Print the first code block of the answer alone
    #[arg(short = 'x', long, help_heading = "Output")]
    pub extract: bool,
    /// Stream the answer, also into a pipe
    #[arg(long, help_heading = "Output", conflicts_with = "no_stream")]
    pub stream: bool,
    /// Ask the provider for a whole answer
    #[arg(long, help_heading = "Output", conflicts_with = "hedge")]
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

/// `llmr chat`.
#[derive(Debug, Clone, Default, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Chat {
    /// What to do with kept conversations; without it one is held.
    #[command(subcommand)]
    pub action: Option<ChatAction>,
    /// The first prompt, and what holds for every turn.
    #[command(flatten)]
    pub question: Question,
    /// Go on with the last conversation
    #[arg(short, long = "continue", help_heading = "What to ask", conflicts_with = "session")]
    pub continues: bool,
    /// Go on with the conversation of this name, or begin it
    #[arg(long, value_name = "NAME", help_heading = "What to ask")]
    pub session: Option<String>,
    /// Let the model's escape sequences through to the terminal
    #[arg(long, help_heading = "Output")]
    pub raw: bool,
    /// A label for `log` and `stats`
    #[arg(long, value_name = "NAME", help_heading = "Output")]
    pub tag: Option<String>,
}

/// What to do with kept conversations.
#[derive(Debug, Clone, Subcommand)]
pub enum ChatAction {
    /// Every conversation, the newest first
    #[command(after_help = "Examples:\n  llmr chat list\n  llmr chat list -n 5 --json")]
    List {
        /// So many
        #[arg(short, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..))]
        n: u32,
    },
    /// One conversation, turn by turn
    #[command(after_help = "Examples:\n  llmr chat show last\n  llmr chat show trip --json")]
    Show {
        /// Its name, its number such as c3, or `last`
        id: String,
    },
    /// Remove conversations with all that was kept of them
    #[command(after_help = "Examples:\n  llmr chat rm trip c3")]
    Rm {
        /// Names or numbers such as c3
        #[arg(required = true)]
        ids: Vec<String>,
    },
    /// Print one conversation as a file
    #[command(
        after_help = "Examples:\n  llmr chat export trip > trip.md\n  llmr chat export last --format jsonl >> tuning.jsonl"
    )]
    Export {
        /// Its name, its number such as c3, or `last`
        id: String,
        /// markdown to read; json with everything; jsonl: one line {"messages": […]} with the answered turns, for fine-tuning
        #[arg(long, value_name = "FORMAT", value_parser = ["markdown", "json", "jsonl"], default_value = "markdown")]
        format: String,
    },
}

/// `llmr batch`.
#[derive(Debug, Clone, Args)]
#[command(mut_arg("max_cost", |arg| arg.help("The most that the whole batch may cost, in USD")))]
#[command(mut_arg("timeout", |arg| arg.help("Time limit of each line, in seconds")))]
pub struct Batch {
    /// JSON lines with `prompt` and, where wanted, `id`, `system`, `model`, …; `-` reads standard input
    #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub file: PathBuf,
    /// Where the answers go, in the order of the prompts [default: standard output]
    #[arg(short, long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub output: Option<PathBuf>,
    /// So many prompts at a time
    #[arg(short, long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u32).range(1..=256))]
    pub jobs: u32,
    /// Ask every line anew, also those that were answered
    #[arg(long)]
    pub restart: bool,
    /// Model of the lines that name none
    #[arg(short, long, value_name = "MODEL", help_heading = "Whom to ask")]
    pub model: Option<String>,
    /// Only this provider (may be repeated)
    #[arg(short, long = "provider", value_name = "NAME", help_heading = "Whom to ask")]
    pub providers: Vec<String>,
    /// No model below this tier; `auto`: the cheapest tier that will do for the prompt (see `llmr classify`)
    #[arg(long, value_name = "TIER", value_parser = TIERS, help_heading = "Whom to ask")]
    pub tier: Option<String>,
    /// Ask this model when the first one fails (may be repeated, in order)
    #[arg(long = "fallback", value_name = "MODEL", help_heading = "Whom to ask")]
    pub fallbacks: Vec<String>,
    /// How candidates are put in order
    #[arg(long, value_name = "NAME", help_heading = "Whom to ask",
          value_parser = ["weighted", "cheapest", "fastest", "reliable", "priority", "round-robin", "balanced"])]
    pub strategy: Option<String>,
    /// System prompt of the lines that have none
    #[arg(short, long, value_name = "TEXT", help_heading = "What to ask")]
    pub system: Option<String>,
    /// Use this template: each line's prompt is its input, each line's other fields its variables
    #[arg(short = 'T', long, value_name = "NAME", help_heading = "What to ask")]
    pub template: Option<String>,
    /// Sampling temperature, 0 to 2
    #[arg(short, long, value_name = "T", help_heading = "How to answer", allow_negative_numbers = true)]
    pub temperature: Option<f64>,
    /// The longest answer, in tokens, thinking included
    #[arg(long, value_name = "N", help_heading = "How to answer", allow_negative_numbers = true)]
    pub max_tokens: Option<u64>,
    /// How hard a reasoning model thinks
    #[arg(long, value_name = "LEVEL", value_parser = ["none", "low", "medium", "high", "max"], help_heading = "How to answer")]
    pub effort: Option<String>,
    /// Every answer is JSON that fits this JSON Schema
    #[arg(long, value_name = "FILE", help_heading = "How to answer", value_hint = ValueHint::FilePath)]
    pub schema: Option<PathBuf>,
    /// What it may take, and whether the cache has a say.
    #[command(flatten)]
    pub bounds: Bounds,
    /// A label for `log` and `stats`
    #[arg(long, value_name = "NAME", help_heading = "Output")]
    pub tag: Option<String>,
}

/// `llmr classify`.
#[derive(Debug, Clone, Args)]
pub struct Classify {
    /// The prompt; several words are joined by spaces; `-` reads standard input
    #[arg(value_name = "PROMPT", value_hint = ValueHint::Other)]
    pub prompt: Vec<String>,
    /// Put files in front of the prompt, as `ask` does (may be repeated)
    #[arg(short, long = "file", value_name = "PATH", value_hint = ValueHint::FilePath)]
    pub files: Vec<PathBuf>,
    /// Read {"id", "prompt"} lines from standard input, write {"id", "score", "tier", "intent"} lines
    #[arg(long, conflicts_with_all = ["prompt", "files"])]
    pub jsonl: bool,
    /// The chance of success that a tier must have, 0 to 1
    #[arg(long, value_name = "Q", allow_negative_numbers = true)]
    pub min_quality: Option<f64>,
}

/// `llmr select`.
#[derive(Debug, Clone, Args)]
pub struct Select {
    /// The question; several words are joined by spaces
    #[arg(value_name = "QUERY", value_hint = ValueHint::Other)]
    pub query: Vec<String>,
    /// Look through this document: a path, a pattern such as 'minutes/*.md', `-` for standard input (may be repeated)
    #[arg(short, long = "file", value_name = "DOC", value_hint = ValueHint::FilePath, required = true)]
    pub files: Vec<PathBuf>,
    /// Read the question from a file; `-` for standard input
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, conflicts_with = "query")]
    pub query_file: Option<PathBuf>,
    /// Pick no more than so many tokens
    #[arg(long, value_name = "TOKENS", allow_negative_numbers = true)]
    pub budget: u64,
}

/// `llmr rate`.
#[derive(Debug, Clone, Args)]
pub struct Rate {
    /// The request, such as r17 (`last` when left out), and `good` or `bad`
    #[arg(value_name = "ID|good|bad", num_args = 1..=2, required = true)]
    pub words: Vec<String>,
}

/// `llmr template`.
#[derive(Debug, Clone, Args)]
pub struct Template {
    /// What to do; the list without it.
    #[command(subcommand)]
    pub action: Option<TemplateAction>,
}

/// What to do with templates.
#[derive(Debug, Clone, Subcommand)]
pub enum TemplateAction {
    /// Every template (the default)
    #[command(after_help = "Examples:\n  llmr template list")]
    List,
    /// Print one
    #[command(after_help = "Examples:\n  llmr template show review")]
    Show {
        /// Its name
        name: String,
    },
    /// Write one from these flags
    #[command(
        after_help = "Examples:\n  llmr template new review -s \"You review code.\" \"Review this as a {{role}}: {{input}}\"\n  llmr template new fix -m claude-haiku-4-5 -t 0 --force \"Mend the spelling: {{input}}\""
    )]
    New {
        /// Its name
        name: String,
        /// The prompt and the parameters
        #[command(flatten)]
        question: Box<Question>,
        /// Replace one of that name
        #[arg(long)]
        force: bool,
    },
    /// Remove one
    #[command(after_help = "Examples:\n  llmr template rm review")]
    Rm {
        /// Its name
        name: String,
    },
}

/// `llmr dry-run`.
#[derive(Debug, Clone, Default, Args)]
pub struct DryRun {
    /// What would be asked, and of whom.
    #[command(flatten)]
    pub question: Question,
    /// How long texts are read.
    #[command(flatten)]
    pub long: LongTexts,
    /// The label it would have, for the rules of `[tiers]`
    #[arg(long, value_name = "NAME", help_heading = "Whom to ask")]
    pub tag: Option<String>,
    /// Exit as `ask` would
    #[arg(long, help_heading = "Output")]
    pub check: bool,
}
