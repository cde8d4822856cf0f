//! The flags of `embed`.

use std::path::PathBuf;

use clap::{Args, ValueHint};

use super::ask::Bounds;

pub(super) const EMBED_EXAMPLES: &str = "\
Examples:
  llmr embed \"who built the bridge?\"                     a line of numbers
  llmr embed -m openai/text-embedding-3-small --dimensions 256 -f a.txt -f b.txt --json
  llmr embed --lines -f titles.txt                       a vector a line
  llmr embed -f 'docs/*.md' --split 400 --save docs      keep a vector of every 400 tokens
  llmr embed --near docs \"how are keys rotated?\"         what in them is most like it
  llmr embed --list                                      the collections

Vectors of two models cannot be compared: without -m the first call finds out who answers, and that model makes all of
them; say -m where vectors of two runs are to be compared. A collection keeps to its model. Without --json each vector is
a JSON array on a line, in the texts' order (at a terminal its first numbers).

Texts are sent 32 at a time, at most 8,000 tokens a call (one longer text goes alone), as many calls side by side as
LLMR_MAX_PARALLEL_PROVIDERS. Each call is a request as any other: held, paid from the day's budget, failed over to the same
model elsewhere, answered from the cache when it is repeated.

--save keeps the vectors of files as they arrive, and no text; a file that is saved again takes the place of what it was,
and unchanged texts are not asked for. `llmr forget --vectors NAME` removes a collection, --all every one.";

/// `llmr embed`.
#[derive(Debug, Clone, Default, Args)]
#[command(mut_arg("max_cost", |arg| arg.help("The most that all calls together may cost, in USD")))]
#[command(mut_arg("timeout", |arg| arg.help("Time limit of one call, in seconds")))]
pub struct Embed {
    /// The text; several words are joined by spaces; `-` reads standard input
    #[arg(value_name = "TEXT", value_hint = ValueHint::Other)]
    pub text: Vec<String>,
    /// Make a vector of this file: a path, a pattern such as 'docs/*.md', `-` for standard input (may be repeated)
    #[arg(short, long = "file", value_name = "PATH", value_hint = ValueHint::FilePath, help_heading = "Texts")]
    pub files: Vec<PathBuf>,
    /// Every line is a text of its own
    #[arg(long, help_heading = "Texts", conflicts_with = "split")]
    pub lines: bool,
    /// Cut texts into pieces of at most so many tokens, where paragraphs and sentences end
    #[arg(long, value_name = "TOKENS", help_heading = "Texts", value_parser = clap::value_parser!(u64).range(16..))]
    pub split: Option<u64>,
    /// The text is what is looked for, not what is to be found: some models tell the two apart
    #[arg(long, help_heading = "Texts")]
    pub query: bool,
    /// Do not read standard input
    #[arg(long, help_heading = "Texts")]
    pub no_stdin: bool,
    /// Keep the vectors in this collection
    #[arg(long, value_name = "NAME", help_heading = "Collections", conflicts_with_all = ["near", "query"])]
    pub save: Option<String>,
    /// Say what in this collection is most like the text
    #[arg(long, value_name = "NAME", help_heading = "Collections", conflicts_with_all = ["lines", "split", "dry_run"])]
    pub near: Option<String>,
    /// List the collections
    #[arg(long, help_heading = "Collections", conflicts_with_all = ["text", "files", "save", "near"])]
    pub list: bool,
    /// With --near: so many
    #[arg(long, value_name = "N", help_heading = "Collections", default_value_t = 10)]
    pub top: usize,
    /// This model only: MODEL, PROVIDER/MODEL or an alias of the config
    #[arg(short, long, value_name = "MODEL", help_heading = "Whom to ask")]
    pub model: Option<String>,
    /// Only this provider (may be repeated)
    #[arg(short, long = "provider", value_name = "NAME", help_heading = "Whom to ask")]
    pub providers: Vec<String>,
    /// How candidates are put in order
    #[arg(long, value_name = "NAME", help_heading = "Whom to ask",
          value_parser = ["weighted", "cheapest", "fastest", "reliable", "priority", "round-robin", "balanced"])]
    pub strategy: Option<String>,
    /// So many numbers a vector, where the model can make shorter ones
    #[arg(long, value_name = "N", help_heading = "Whom to ask", value_parser = clap::value_parser!(u32).range(1..))]
    pub dimensions: Option<u32>,
    /// Pass a field through to the provider (may be repeated); VALUE is JSON or else a text
    #[arg(short = 'o', long = "option", value_name = "KEY=VALUE", help_heading = "Whom to ask")]
    pub options: Vec<String>,
    /// What it may take, and whether the cache has a say.
    #[command(flatten)]
    pub bounds: Bounds,
    /// A label for statistics
    #[arg(long, value_name = "NAME", help_heading = "Output")]
    pub tag: Option<String>,
    /// Say how many calls it would take, of whom, at which cost; send nothing
    #[arg(long, help_heading = "Output")]
    pub dry_run: bool,
}
