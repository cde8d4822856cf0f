//! Every setting: its type, its names, its default and its allowed form, a row each.
//!
//! A value has one form and one reader, whether it is written in the environment, a `.env` or `config.toml`.

use crate::engine::breaker::BreakerRules;
use crate::engine::tiers::MIN_QUALITY;
use crate::types::{Effort, Limit, Mode, NanoUsd, Secret, Strategy, TierWish, Weights};

use super::budget::Budget;
use super::source::Found;
use crate::error::Result;

/// The user's wishes, checked.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// What every place says of the day's limit.
    pub budget: Budget,
    /// From this share of the limit on cheaper candidates are preferred, 0 to 100.
    pub soft_pct: f64,
    /// So many providers are asked side by side at most, from 1.
    pub max_parallel: u32,
    /// What counts how much in a score.
    pub weights: Weights,
    /// The cache of answers.
    pub cache: CacheSettings,
    /// When a breaker opens and for how long.
    pub breaker: BreakerRules,
    /// Time limits.
    pub timeouts: Timeouts,
    /// Retries on one candidate.
    pub max_retries: u32,
    /// Attempts of a request in all, from 1.
    pub max_attempts: u32,
    /// The output cap when none is asked for, in tokens, from 1.
    pub max_output_tokens: u64,
    /// How long to wait for money that others hold, in seconds.
    pub budget_wait_secs: f64,
    /// How hard to think; `None` leaves it to the model.
    pub effort: Option<Effort>,
    /// How candidates are put in order.
    pub strategy: Strategy,
    /// Which tier a request wants that names none.
    pub tier: Option<TierWish>,
    /// For `--tier auto`: the chance of success that a tier must have, 0 to 1.
    pub min_quality: f64,
    /// Whether a second one is asked when the first byte is late.
    pub hedge: bool,
    /// What such second ones may cost a day.
    pub hedge_daily: NanoUsd,
    /// What a request does besides answering.
    pub mode: Mode,
    /// Whether the usage line is always printed.
    pub usage: bool,
    /// Whether the log keeps prompts and answers.
    pub log_content: bool,
    /// Whether an answer's Markdown is rendered on a terminal.
    pub markdown: bool,
    /// What a reader of the metrics must present.
    pub metrics_token: Option<Secret>,
}

/// The cache of answers.
#[derive(Debug, Clone, PartialEq)]
pub struct CacheSettings {
    /// Whether it is read and written.
    pub enabled: bool,
    /// How long an entry is served, in seconds.
    pub ttl_secs: f64,
    /// Entries kept in memory.
    pub l1_max: u64,
    /// Entries kept in the database.
    pub l2_max: u64,
    /// Megabytes (of 1,000,000 bytes) that their answers may have together.
    pub l2_max_mb: u64,
    /// The user's own key that authenticates entries; without it one is made.
    pub hmac_key: Option<Secret>,
}

/// Time limits in seconds, above 0.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Timeouts {
    /// Until there is a connection.
    pub connect_secs: f64,
    /// Until the first byte of the answer.
    pub first_byte_secs: f64,
    /// Silence in the middle of an answer.
    pub idle_secs: f64,
    /// The whole request.
    pub total_secs: f64,
}

impl Settings {
    /// The day's limit that counts and where it comes from, given what `budget set` has left in the database.
    pub fn limit(&self, set_in_database: Option<Limit>) -> (Limit, String) {
        self.budget.limit(set_in_database)
    }

    /// Refuses a working folder's `.env` whose limit is higher than the one that holds without it; to be asked
    /// as soon as the database's limit is known, or with `None` where no database is opened.
    pub fn check_tight(&self, set_in_database: Option<Limit>) -> Result<()> {
        self.budget.check_tight(set_in_database)
    }
}

impl Default for Settings {
    /// The contract's defaults.
    fn default() -> Self {
        Self {
            budget: Budget::default(),
            soft_pct: 95.0,
            max_parallel: 3,
            weights: Weights::default(),
            cache: CacheSettings {
                enabled: true,
                ttl_secs: 3600.0,
                l1_max: 1000,
                l2_max: 10_000,
                l2_max_mb: 256,
                hmac_key: None,
            },
            breaker: BreakerRules { threshold: 3, open_secs: 60.0 },
            timeouts: Timeouts { connect_secs: 10.0, first_byte_secs: 60.0, idle_secs: 30.0, total_secs: 300.0 },
            max_retries: 2,
            max_attempts: 8,
            max_output_tokens: 8192,
            budget_wait_secs: 10.0,
            effort: None,
            strategy: Strategy::default(),
            tier: None,
            hedge: false,
            hedge_daily: NanoUsd(500_000_000),
            min_quality: MIN_QUALITY,
            mode: Mode::default(),
            usage: false,
            log_content: false,
            markdown: true,
            metrics_token: None,
        }
    }
}

/// How a value is written in `config.toml`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// A number.
    Number,
    /// A number, or `"off"`.
    NumberOrOff,
    /// `true`, `false`, or a word for them.
    Flag,
    /// A string.
    Text,
    /// A string, three numbers, or a table of them.
    Weights,
    /// Not at all: the value is a secret.
    Secret,
}

/// One setting.
pub(super) struct Setting {
    /// Its path in `config.toml`.
    pub key: &'static str,
    /// Its variables, the first one set wins.
    pub variables: &'static [&'static str],
    /// How it is written in `config.toml`.
    pub form: Form,
    /// What a value must be, for messages.
    pub allowed: &'static str,
    /// Takes a value over; `None` when it is not of the allowed form.
    pub set: fn(&mut Settings, &str) -> Option<()>,
    /// The value, for `config show`.
    pub show: fn(&Settings) -> String,
    /// What a working folder's `.env` may lower but not raise; without it that file may not set it at all.
    pub limit: Option<fn(&Settings) -> f64>,
}

/// A year: longer waits are a slip, and far longer ones overflow a clock.
const MAX_SECS: f64 = 31_536_000.0;

const SECS: &str = "a number of seconds above 0, such as 10 or 2.5";
const SECS_OR_0: &str = "a number of seconds from 0, such as 10 or 2.5";
const COUNT_FROM_0: &str = "a whole number from 0";
const COUNT_FROM_1: &str = "a whole number from 1";
const FLAG: &str = "one of on, off, true, false, yes, no, 1, 0";

#[allow(clippy::cast_precision_loss)]
fn tokens(count: u64) -> f64 {
    count as f64
}

macro_rules! setting {
    ($key:literal, $variables:expr, $form:ident, $allowed:expr, $field:ident $(. $part:ident)*, $read:expr, $show:expr, $limit:expr) => {
        Setting {
            key: $key,
            variables: &$variables,
            form: Form::$form,
            allowed: $allowed,
            set: |settings, text| {
                settings.$field $(. $part)* = $read(text)?;
                Some(())
            },
            show: |settings| $show(&settings.$field $(. $part)*),
            limit: $limit,
        }
    };
}

/// Every setting but the day's limit, whose places are weighed in `budget`.
#[rustfmt::skip]
pub(super) const SETTINGS: &[Setting] = &[
    setting!("budget_soft_pct", ["LLMR_BUDGET_SOFT_PCT"], Number, "a percentage from 0 to 100", soft_pct, percent, plain, Some(|s| s.soft_pct)),
    setting!("max_parallel_providers", ["LLMR_MAX_PARALLEL_PROVIDERS", "PENIN_MAX_PARALLEL_PROVIDERS"], Number, COUNT_FROM_1, max_parallel, count_from_1, plain, Some(|s| f64::from(s.max_parallel))),
    setting!("weights", ["LLMR_WEIGHTS"], Weights, "three weights for cost, latency and quality, such as 0.4,0.3,0.3", weights, word, plain, None),
    setting!("strategy", ["LLMR_STRATEGY"], Text, "one of weighted, cheapest, fastest, reliable, priority, round-robin, balanced", strategy, word, plain, None),
    setting!("mode", ["LLMR_MODE"], Text, "one of production, dry-run, shadow", mode, word, plain, None),
    setting!("hedge", ["LLMR_HEDGE"], Flag, FLAG, hedge, flag, on_off, None),
    setting!("hedge_daily_usd", ["LLMR_HEDGE_DAILY_USD"], Number, "an amount in USD from 0", hedge_daily, amount, plain, Some(|s| s.hedge_daily.as_usd())),
    setting!("tiers.default", ["LLMR_TIER"], Text, "one of fast, balanced, advanced, premium, auto", tier, some_word, or_any, None),
    setting!("tiers.min_quality", ["LLMR_MIN_QUALITY"], Number, "a number from 0 to 1", min_quality, share, plain, None),
    setting!("effort", ["LLMR_EFFORT"], Text, "one of none, low, medium, high, max", effort, some_word, or_model_s, None),
    setting!("max_output_tokens", ["LLMR_MAX_OUTPUT_TOKENS"], Number, COUNT_FROM_1, max_output_tokens, long_from_1, plain, Some(|s| tokens(s.max_output_tokens))),
    setting!("max_retries", ["LLMR_MAX_RETRIES"], Number, COUNT_FROM_0, max_retries, word, plain, Some(|s| f64::from(s.max_retries))),
    setting!("max_attempts", ["LLMR_MAX_ATTEMPTS"], Number, COUNT_FROM_1, max_attempts, count_from_1, plain, Some(|s| f64::from(s.max_attempts))),
    setting!("budget_wait_secs", ["LLMR_BUDGET_WAIT_SECS"], Number, SECS_OR_0, budget_wait_secs, secs_from_0, plain, Some(|s| s.budget_wait_secs)),
    setting!("timeouts.connect_secs", ["LLMR_TIMEOUT_CONNECT_SECS"], Number, SECS, timeouts.connect_secs, secs, plain, Some(|s| s.timeouts.connect_secs)),
    setting!("timeouts.first_byte_secs", ["LLMR_TIMEOUT_FIRST_BYTE_SECS"], Number, SECS, timeouts.first_byte_secs, secs, plain, Some(|s| s.timeouts.first_byte_secs)),
    setting!("timeouts.idle_secs", ["LLMR_TIMEOUT_IDLE_SECS"], Number, SECS, timeouts.idle_secs, secs, plain, Some(|s| s.timeouts.idle_secs)),
    setting!("timeouts.total_secs", ["LLMR_TIMEOUT_SECS"], Number, SECS, timeouts.total_secs, secs, plain, Some(|s| s.timeouts.total_secs)),
    setting!("cache.enabled", ["LLMR_CACHE"], Flag, FLAG, cache.enabled, flag, on_off, None),
    setting!("cache.ttl_secs", ["LLMR_CACHE_TTL_SECS"], Number, SECS_OR_0, cache.ttl_secs, secs_from_0, plain, None),
    setting!("cache.l1_max", ["LLMR_CACHE_L1_MAX"], Number, COUNT_FROM_0, cache.l1_max, word, plain, None),
    setting!("cache.l2_max", ["LLMR_CACHE_L2_MAX"], Number, COUNT_FROM_0, cache.l2_max, word, plain, None),
    setting!("cache.l2_max_mb", ["LLMR_CACHE_L2_MAX_MB"], Number, COUNT_FROM_0, cache.l2_max_mb, word, plain, None),
    setting!("cache.hmac_key", ["LLMR_CACHE_HMAC_KEY", "PENIN_CACHE_HMAC_KEY"], Secret, "a secret of your own (`change-me` is everybody's)", cache.hmac_key, own_secret, set_or_missing, None),
    setting!("breaker.threshold", ["LLMR_BREAKER_THRESHOLD"], Number, COUNT_FROM_1, breaker.threshold, count_from_1, plain, None),
    setting!("breaker.open_secs", ["LLMR_BREAKER_OPEN_SECS"], Number, SECS, breaker.open_secs, secs, plain, None),
    setting!("usage", [] as [&str; 0], Flag, FLAG, usage, flag, on_off, None),
    setting!("log_content", ["LLMR_LOG_CONTENT"], Flag, FLAG, log_content, flag, on_off, None),
    setting!("markdown", ["LLMR_MARKDOWN"], Flag, FLAG, markdown, flag, on_off, None),
    setting!("metrics_token", ["LLMR_METRICS_TOKEN", "PENIN_METRICS_TOKEN"], Secret, "a secret of your own (`change-me` is everybody's)", metrics_token, own_secret, set_or_missing, None),
];

/// The variables of secrets.
pub(super) fn secret_variables() -> impl Iterator<Item = String> {
    let secret = SETTINGS.iter().filter(|row| row.form == Form::Secret);
    secret.flat_map(|row| row.variables).map(|name| (*name).to_owned())
}

impl Setting {
    /// Takes a found value over. An error names its place and what is allowed.
    pub fn apply(&self, settings: &mut Settings, found: &Found) -> Result<()> {
        (self.set)(settings, &found.value).ok_or_else(|| match self.form {
            Form::Secret => found.refused_unseen(self.allowed).hint(
                "32 random bytes, such as from `openssl rand -hex 32`; for the cache, leaving it out makes such a key",
            ),
            _ => found.refused(self.allowed),
        })
    }
}

fn word<T: std::str::FromStr>(text: &str) -> Option<T> {
    text.parse().ok()
}

fn some_word<T: std::str::FromStr>(text: &str) -> Option<Option<T>> {
    word(text).map(Some)
}

fn count_from_1(text: &str) -> Option<u32> {
    word(text).filter(|count| *count >= 1)
}

fn long_from_1(text: &str) -> Option<u64> {
    word(text).filter(|count| *count >= 1)
}

fn amount(text: &str) -> Option<NanoUsd> {
    word(text).filter(|amount| *amount >= NanoUsd::ZERO)
}

fn share(text: &str) -> Option<f64> {
    word(text).filter(|share| (0.0..=1.0).contains(share))
}

fn percent(text: &str) -> Option<f64> {
    word(text).filter(|pct| (0.0..=100.0).contains(pct))
}

pub(super) fn secs(text: &str) -> Option<f64> {
    secs_from_0(text).filter(|secs| *secs > 0.0)
}

fn secs_from_0(text: &str) -> Option<f64> {
    word(text).filter(|secs| (0.0..=MAX_SECS).contains(secs))
}

pub(super) fn flag(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "on" | "true" | "yes" | "1" => Some(true),
        "off" | "false" | "no" | "0" => Some(false),
        _ => None,
    }
}

/// What stands in examples and is left there. `change-me` is the placeholder that the systems before this one shipped;
/// the others are the usual ones, without what is between their words.
const EVERYBODY_S: [&str; 12] = [
    "changeme",
    "changethis",
    "changeit",
    "replaceme",
    "secret",
    "yoursecret",
    "yoursecretkey",
    "mysecret",
    "password",
    "default",
    "example",
    "none",
];

/// A secret that is not everybody's, however that is spelled.
fn own_secret(text: &str) -> Option<Option<Secret>> {
    let letters: String = text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect();
    let own = !letters.is_empty() && !EVERYBODY_S.contains(&letters.as_str());
    own.then(|| Some(Secret::new(text)))
}

fn plain(value: &impl ToString) -> String {
    value.to_string()
}

fn on_off(value: &bool) -> String {
    if *value { "on" } else { "off" }.to_owned()
}

fn or_model_s(effort: &Option<Effort>) -> String {
    effort.map_or_else(|| "the model's own".to_owned(), |e| e.to_string())
}

fn or_any(tier: &Option<TierWish>) -> String {
    tier.map_or_else(|| "any".to_owned(), |tier| tier.to_string())
}

fn set_or_missing(secret: &Option<Secret>) -> String {
    if secret.is_some() { "set" } else { "missing" }.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(key: &str) -> &'static Setting {
        SETTINGS.iter().find(|row| row.key == key).unwrap()
    }

    #[test]
    fn every_form_takes_what_it_says_and_nothing_else() {
        let cases: &[(&str, &[&str], &[&str])] = &[
            ("budget_soft_pct", &["0", "99.5", "100"], &["-1", "100.1", "nan", "x"]),
            ("max_parallel_providers", &["1", "4294967295"], &["0", "-1", "1.5", "4294967296"]),
            ("hedge_daily_usd", &["0", "0.25"], &["-0.1", "nan", "x"]),
            ("weights", &["1,1,1", "0.4, 0.3, 0.3"], &["1,1", "0,0,0", "-1,1,1"]),
            ("strategy", &["weighted", "round-robin"], &["Weighted", "best"]),
            ("mode", &["production", "dry-run", "shadow"], &["prod"]),
            ("effort", &["none", "max"], &["", "minimal"]),
            ("max_output_tokens", &["1", "8192"], &["0", "1e3"]),
            ("max_retries", &["0", "9"], &["-1", "two"]),
            ("budget_wait_secs", &["0", "2.5"], &["-0.1", "inf", "1e300"]),
            ("timeouts.connect_secs", &["0.5", "10"], &["0", "-1", "NaN", "infinity", "31536001"]),
            ("cache.enabled", &["on", "OFF", "True", "0", "yes"], &["maybe", "2", "enabled"]),
            ("cache.l1_max", &["0", "5"], &["-1", "1.0"]),
            (
                "cache.hmac_key",
                &["test-key", "changed-by-me"],
                &["change-me", "CHANGE_ME", "changeme", "<change me>", "Secret", "password", "default", "---"],
            ),
            ("breaker.open_secs", &["0.1"], &["0"]),
        ];
        for (key, good, bad) in cases {
            for text in *good {
                assert_eq!((row(key).set)(&mut Settings::default(), text), Some(()), "{key} = {text}");
            }
            for text in *bad {
                assert_eq!((row(key).set)(&mut Settings::default(), text), None, "{key} = {text}");
            }
        }
    }

    #[test]
    fn every_row_shows_what_was_set() {
        for row in SETTINGS.iter().filter(|row| row.form == Form::Number) {
            let mut settings = Settings::default();
            (row.set)(&mut settings, "1").unwrap();
            assert_eq!((row.show)(&settings), "1", "{}", row.key);
            assert!(row.limit.is_none_or(|limit| limit(&settings) == 1.0), "{}", row.key);
        }
    }

    #[test]
    fn secrets_are_neither_shown_nor_printed() {
        let mut settings = Settings::default();
        (row("cache.hmac_key").set)(&mut settings, "test-key").unwrap();
        assert_eq!((row("cache.hmac_key").show)(&settings), "set");
        assert!(!format!("{settings:?}").contains("test-key"));
    }
}
