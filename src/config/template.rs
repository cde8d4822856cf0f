//! The commented `config.toml` that `config init` writes.

use std::io;
use std::path::PathBuf;

use super::{Flags, Paths, private};
use crate::error::{Error, Kind, Result};
use crate::host::Host;

/// Every key with its default, commented out: read as it is, it changes nothing.
pub const TEMPLATE: &str = r#"# llmr's settings. A line without its leading `#` counts; `llmr config check` says whether it is right.
# Environment variables and .env files win over this file. Keys do not belong here.

# What a day (UTC) may cost, in USD; "off" for no limit.
#budget_daily_usd = 5.0
# From this percentage of it on cheaper models are preferred.
#budget_soft_pct = 95
# How long to wait for money that other requests hold, in seconds.
#budget_wait_secs = 10

# weighted, cheapest, fastest, reliable, priority, round-robin or balanced
#strategy = "weighted"
# What counts how much in a score.
#weights = { cost = 0.4, latency = 0.3, quality = 0.3 }
# production, dry-run or shadow
#mode = "production"
# How hard a reasoning model thinks: none, low, medium, high or max. Left out: as the model does.
#effort = "low"
# The output cap when none is asked for, in tokens.
#max_output_tokens = 8192
#max_parallel_providers = 3
# Ask a second one when the first byte is late; what that may cost a day, in USD.
#hedge = false
#hedge_daily_usd = 0.5
# Retries on one model; attempts of a request in all.
#max_retries = 2
#max_attempts = 8
# Always print what an answer has used and cost.
#usage = false
# Render an answer's Markdown on a terminal.
#markdown = true
# Keep prompts and answers in the log (`llmr forget` removes them).
#log_content = false

#[timeouts]
#connect_secs = 10
#first_byte_secs = 60
#idle_secs = 30
# The whole request.
#total_secs = 300

#[cache]
#enabled = true
#ttl_secs = 3600
# Entries kept: in memory by processes that live long (one-shot commands keep none), and on disk.
#l1_max = 1000
#l2_max = 10000
# And what their answers may have together on disk, in MB: vectors are large.
#l2_max_mb = 256

#[breaker]
# Failures in a row that open it, and for how many seconds.
#threshold = 3
#open_secs = 60

# Which tier a request wants that names none: fast, balanced, advanced, premium, or auto, the cheapest that will do for the
# prompt (`llmr classify` says why). Left out: any.
#[tiers]
#default = "auto"
# For auto: the chance of success that a tier must have, from 0 to 1.
#min_quality = 0.58
# The models of a tier, where the catalogue's are not the ones that are wanted.
#fast = ["lab/small"]
#premium = ["lab/large"]

# Binds the choice of auto for the prompts of which all that it says is true: their `intent` (greeting, knowledge,
# commonsense, logic, math, code, writing, reading, translation, extraction, action, other), `tag` (--tag), `meta` (--meta,
# a line's own fields in a batch), a regular expression that `matches`, `longer_than` and `shorter_than` tokens.
#[[tiers.rule]]
#meta = { plan = ["enterprise"] }
#at_least = "advanced"
#[[tiers.rule]]
#intent = "greeting"
#at_most = "fast"

# Whom to tell when the day's money runs out (soft, hard), a provider's breaker opens, or a model in use is about to
# retire: a program (run without a shell, the text as its last argument, the event as JSON on its stdin), a webhook
# (a POST of that JSON), or both. Each has so many seconds, after the answer. It is said on stderr either way.
#[alerts]
#command = ["notify-send", "llmr"]
#webhook = "https://hooks.example.com/services/of-your-own"
#timeout_secs = 5
#on = ["soft", "hard", "breaker", "retiring"]

# Names that stand for models.
#[aliases]
#quick = "lab/small"

# Models to try when a model fails.
#[fallbacks]
#large = ["small"]

# How a provider's models choose their words where neither a flag nor a template says. What vendors recommend:
#[sampling.deepseek]
# 1.3 for conversation and translation, 1.0 for data, 0.0 for code and mathematics (api-docs.deepseek.com, "The
# Temperature Parameter").
#temperature = 1.3
#[sampling.gemini]
# Gemini 3 and later: nothing but 1.0 (ai.google.dev, "Gemini 3 Developer Guide").
#temperature = 1.0
#[sampling.mistral]
# A low one (huggingface.co/mistralai, model card of Mistral Small 3.2).
#temperature = 0.15
#[sampling.ollama]
# Qwen 3 without thinking; with it 0.6 and 0.95 (huggingface.co/Qwen, model card of Qwen3).
#temperature = 0.7
#top_p = 0.8

# Settings, and defaults of flags, on top of those above when `--profile work` or LLMR_PROFILE chooses it.
#[profile.work]
#strategy = "cheapest"
#timeouts.total_secs = 60
#model = "lab/small"
#providers = ["lab"]
#system = "You are terse."
#tier = "balanced"
#temperature = 0.2
#top_p = 0.9
#max_tokens = 1000

# How fast a provider may be asked, by all processes together: requests and tokens a minute.
#[limits.openai]
#rpm = 60
#tpm = 100000

# A provider of your own, or more about a built-in one.
#[[provider]]
#name = "lab"
# openai, anthropic, gemini or cohere
#dialect = "openai"
#base_url = "http://127.0.0.1:8000/v1"
# The variable that holds the key; leave it out if there is none.
#api_key_env = "LAB_KEY"
# Lower is asked first by strategy `priority`.
#priority = 100
#timeout_secs = 60
# As under [sampling.NAME].
#temperature = 0.7
#top_p = 0.95
# Requests and tokens a minute, as in [limits].
#rpm = 60
#tpm = 100000
# The first is the default one.
#models = ["small", "large"]
# The price of every model that has none of its own; 0 is a known price.
#input_usd_per_mtok = 0.0
#output_usd_per_mtok = 0.0
#[[provider.model]]
#id = "large"
#input_usd_per_mtok = 1.5
#output_usd_per_mtok = 6.0
#cached_input_usd_per_mtok = 0.15
#context_tokens = 131072
#max_output_tokens = 8192
# Whether it can see pictures (-i); left out: it is asked all the same, with a warning.
#vision = true
"#;

/// Writes [`TEMPLATE`] where the config file is looked for; never over one that is there.
pub fn init(host: &Host, flags: &Flags) -> Result<PathBuf> {
    let path = Paths::of(host, flags)?.config_file;
    if let Some(folder) = path.parent().filter(|folder| !folder.is_dir()) {
        private::create_folder(folder)?;
    }
    match private::write_new(&path, TEMPLATE.as_bytes()) {
        Ok(()) => Ok(path),
        Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {
            let message = format!("{} is already there", path.display());
            Err(Error::new(Kind::Config, message).hint("`llmr config show` prints what it sets"))
        }
        Err(e) => Err(private::cannot_write(&path, &e)),
    }
}

#[cfg(test)]
mod tests {
    use super::super::file::File;
    use super::super::resolve::resolve;
    use super::super::settings::{Form, SETTINGS, Settings};
    use super::super::source::Layers;
    use super::*;
    use std::path::Path;

    /// The template with every setting switched on.
    fn switched_on() -> String {
        let line = |line: &str| match line.strip_prefix('#') {
            Some(setting) if !setting.starts_with(' ') => setting.to_owned(),
            _ => line.to_owned(),
        };
        TEMPLATE.lines().map(line).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn as_it_is_it_says_nothing() {
        let file = File::parse(TEMPLATE, Path::new("t")).unwrap();
        assert!(file.settings.is_empty() && file.providers.is_empty() && file.aliases.is_empty());
    }

    #[test]
    fn switched_on_it_says_the_defaults_of_every_key() {
        let file = File::parse(&switched_on(), Path::new("t")).unwrap();
        for row in SETTINGS.iter().filter(|row| row.form != Form::Secret) {
            assert!(file.settings.contains_key(row.key), "{} is missing", row.key);
        }
        let settings = resolve(&Layers(Vec::new()), &file).unwrap().settings;
        assert_eq!(settings.budget.limit(None).0, Settings::default().budget.default);
        let shown = (settings.effort, settings.tier);
        let settings = Settings { budget: Settings::default().budget, effort: None, tier: None, ..settings };
        assert_eq!(settings, Settings::default());
        assert!(shown.0.is_some() && shown.1.is_some(), "which have no default to show");
        assert_eq!((file.tiers.models.len(), file.tiers.rules.len()), (2, 2));
        let lab = &file.providers[0];
        assert_eq!((lab.name.as_str(), lab.models.len(), lab.rows.len()), ("lab", 2, 2));
        assert_eq!(lab.priority, Some(100));
        assert_eq!(file.fallbacks["large"], ["small"]);
        assert_eq!((file.sampling.len(), lab.sampling.top_p), (4, Some(0.95)));
        let work = &file.profiles["work"];
        assert_eq!((work.settings.len(), work.rows.len()), (2, 7));
    }

    #[test]
    fn it_is_written_once() {
        let dir = tempfile::tempdir().unwrap();
        let host = Host::from_env([("HOME", dir.path())], dir.path());
        let path = init(&host, &Flags::default()).unwrap();
        assert_eq!(path, dir.path().join(".config/llmr/config.toml"));
        std::fs::write(&path, "mode = \"shadow\"").unwrap();
        let error = init(&host, &Flags::default()).unwrap_err();
        assert!(error.message.contains("config.toml is already there"), "{error}");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "mode = \"shadow\"");
        assert_eq!(private::looseness(&path), None);
    }
}
