//! What is set up: settings, the sandbox and simulations, other tools' files, completions and man pages.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueHint};

pub(super) const SANDBOX_EXAMPLES: &str = "\
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
  llmr sandbox --port 8011 --faults openai=500x3     the first three requests fail
  llmr sandbox --port 8011 --faults openai=500%5     five of a hundred fail, by lot";

pub(super) const SIMULATE_EXAMPLES: &str = "\
Examples:
  llmr simulate --stdio < session.jsonl
  cargo run --release --example routing_sim -- DATA     the same policy in recorded weather, beside others

Lines in; t is seconds of a clock that only these lines move:
  {\"type\":\"reset\",\"providers\":[{\"name\":\"a\",\"group\":\"g\",\"usd_in\":0.5,\"usd_out\":1.5,\"tier\":\"fast\"}],
   \"profile\":{\"q\":1,\"c\":100,\"l\":0.05,\"fail\":2}}
  {\"type\":\"decide\",\"id\":1,\"t\":0,\"in_tok\":900,\"out_tok_hint\":200}
  {\"type\":\"result\",\"id\":1,\"t\":1.5,\"provider\":\"a\",\"ok\":true,\"status\":200,\"latency_s\":1.5,
   \"cost_usd\":0.0007,\"quality\":0.8,\"retry_after_s\":null}

Each is one line. A decide is answered at once, by one line; the others are not:
  {\"order\":[\"a\"],\"timeout_s\":12.0,\"hedge_after_s\":null}

A profile's utility is q x quality - c x dollars - l x seconds, and -fail without an answer. Unknown fields are ignored,
what is not known may be null or missing. A line that makes no sense ends it with exit code 2. Nothing is sent or
recorded, no setting and no clock is read: the same lines get the same answers.";

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
    #[command(after_help = "Examples:\n  llmr config show\n  llmr config show --profile work")]
    Show,
    /// Every path
    #[command(after_help = "Examples:\n  llmr config path --json")]
    Path,
    /// Read everything and say what is wrong
    #[command(after_help = "Examples:\n  llmr config check\n  llmr config check --config ./config.toml")]
    Check,
    /// Write a config.toml to start from
    #[command(after_help = "Examples:\n  llmr config init")]
    Init,
    /// Let a .env set everything, as long as it stays as it is
    #[command(after_help = "Examples:\n  llmr config trust\n  llmr config trust ~/work/.env")]
    Trust {
        /// The file [default: the nearest .env]
        #[arg(value_hint = ValueHint::FilePath)]
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

/// `llmr import`.
#[derive(Debug, Args)]
pub struct Import {
    /// Which tool's files
    #[arg(value_name = "TOOL", value_parser = ["llm", "aichat", "mods"])]
    pub tool: String,
    /// Read that tool's files from here [default: where it keeps them]
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub from: Option<PathBuf>,
    /// Say what would be brought over, and write nothing
    #[arg(long)]
    pub dry_run: bool,
}

/// `llmr completions`.
#[derive(Debug, Args)]
pub struct Completions {
    /// Which shell
    #[arg(value_name = "SHELL", value_parser = ["bash", "zsh", "fish", "powershell", "elvish", "nushell"])]
    pub shell: String,
}

/// `llmr man`.
#[derive(Debug, Args)]
pub struct Man {
    /// The command, such as `ask` or `budget set` [default: llmr itself]
    #[arg(value_name = "COMMAND")]
    pub command: Vec<String>,
    /// Write every page into this folder instead
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath, conflicts_with = "command")]
    pub out: Option<PathBuf>,
}

/// `llmr simulate`.
#[derive(Debug, Args)]
pub struct Simulate {
    /// Read lines from standard input and answer on standard output
    #[arg(long, required = true)]
    pub stdio: bool,
}
