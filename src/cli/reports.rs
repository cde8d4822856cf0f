//! What is looked at: money, providers, statistics, the log, the cache, the catalogue.

use clap::{Args, Subcommand};

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
    #[command(after_help = "Examples:\n  llmr budget status\n  llmr budget status --json | jq .remaining_usd")]
    Status,
    /// Set the day's limit, kept in the database
    #[command(
        after_help = "Examples:\n  llmr budget set 2.50\n  llmr budget set off        no limit\n  llmr budget set 0          free answers only"
    )]
    Set {
        /// USD such as 5 or 0.25; `off` for no limit, 0 for free answers only
        #[arg(value_name = "USD", allow_negative_numbers = true)]
        usd: String,
    },
    /// Start today's sum anew; the ledger keeps every row
    #[command(after_help = "Examples:\n  llmr budget reset\n  llmr budget reset --to 1.25")]
    Reset {
        /// Count so much as spent today
        #[arg(long, value_name = "USD", default_value = "0", allow_negative_numbers = true)]
        to: String,
    },
    /// What each day cost
    #[command(after_help = "Examples:\n  llmr budget history\n  llmr budget history --days 7 --json")]
    History {
        /// How many days
        #[arg(long, value_name = "N", default_value_t = 30, allow_negative_numbers = true,
              value_parser = clap::value_parser!(u32).range(1..))]
        days: u32,
    },
    /// Exit 4 if the limit is passed; needs no network
    #[command(
        after_help = "Examples:\n  llmr budget check || exit 1\n  llmr budget check --min-remaining 0.50 --fail-on soft --json"
    )]
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
    #[command(after_help = "Examples:\n  llmr providers list\n  llmr providers list --all --json")]
    List {
        /// The others too
        #[arg(short, long)]
        all: bool,
    },
    /// Everything about one
    #[command(after_help = "Examples:\n  llmr providers show openai")]
    Show {
        /// The provider
        name: String,
    },
    /// Ask each provider whether its key is accepted and what models it has; costs nothing
    #[command(
        after_help = "Examples:\n  llmr providers check\n  llmr providers check openai gemini\n  llmr providers check openai --live --json"
    )]
    Check {
        /// Only these
        names: Vec<String>,
        /// Have each default model answer one word as well, which costs a little
        #[arg(long)]
        live: bool,
    },
    /// Close its breaker and end its rest
    #[command(after_help = "Examples:\n  llmr providers reset openai")]
    Reset {
        /// The provider
        name: String,
    },
}

/// `llmr stats`.
#[derive(Debug, Args)]
pub struct Stats {
    /// The last so many days, today included [default: 30]
    #[arg(long, value_name = "N", allow_negative_numbers = true, conflicts_with = "since",
          value_parser = clap::value_parser!(u32).range(1..))]
    pub days: Option<u32>,
    /// From this UTC day on
    #[arg(long, value_name = "YYYY-MM-DD")]
    pub since: Option<String>,
    /// Up to this UTC day, itself included [default: today]
    #[arg(long, value_name = "YYYY-MM-DD")]
    pub until: Option<String>,
    /// One row for each of these
    #[arg(long, value_name = "WHAT", value_parser = ["provider", "model", "day", "tag", "tier"])]
    pub by: Option<String>,
    /// What routing was worth: beside each candidate alone, what trying others cost, what second tries brought
    #[arg(long, conflicts_with_all = ["by", "format"])]
    pub routing: bool,
    /// What to print; html is one page that needs nothing else
    #[arg(long, value_name = "FORMAT", value_parser = ["table", "json", "csv", "prometheus", "html"])]
    pub format: Option<String>,
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
    #[command(after_help = "Examples:\n  llmr cache stats --json")]
    Stats,
    /// Remove every entry
    #[command(after_help = "Examples:\n  llmr cache clear")]
    Clear,
    /// Check every entry's seal; exit 5 if one is bad
    #[command(after_help = "Examples:\n  llmr cache verify\n  llmr cache verify --delete")]
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
    #[command(after_help = "Examples:\n  llmr log show r17\n  llmr log show r17 --json")]
    Show {
        /// Its id, such as r17
        id: String,
    },
    /// Write the kept prompts and answers as a data set, the oldest first
    #[command(after_help = "Examples:\n  llmr log export > set.jsonl\n  llmr log export --format csv --all > set.csv")]
    Export {
        /// jsonl has every text as it was; in csv a text that a spreadsheet would take for a formula gets a ' in front
        #[arg(long, value_name = "FORMAT", value_parser = ["jsonl", "csv"], default_value = "jsonl")]
        format: String,
        /// Those of conversations and batches too
        #[arg(long)]
        all: bool,
    },
}

/// `llmr forget`.
#[derive(Debug, Args)]
pub struct Forget {
    /// Requests (r17) or conversations (c3, a name)
    #[arg(value_name = "ID", required_unless_present_any = ["all", "vectors"])]
    pub ids: Vec<String>,
    /// A collection of vectors (see `llmr embed --save`)
    #[arg(long, value_name = "NAME", conflicts_with_all = ["ids", "all"])]
    pub vectors: Option<String>,
    /// Everything that was kept, the cache included
    #[arg(long, conflicts_with = "ids")]
    pub all: bool,
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
    /// What the providers themselves list now
    #[arg(long)]
    pub live: bool,
    /// Those that make vectors (see `llmr embed`)
    #[arg(long, conflicts_with = "live")]
    pub embed: bool,
}
