//! The day's limit: what each place says of it, and which of them counts.

use super::source::{Found, Source};
use crate::error::{Error, Kind, Result};
use crate::types::{Limit, NanoUsd};

/// Its path in `config.toml`.
pub(super) const KEY: &str = "budget_daily_usd";
/// Its variables, the first one set wins.
pub(super) const VARIABLES: &[&str] = &["LLMR_BUDGET_DAILY_USD", "PENIN_BUDGET_DAILY_USD"];
pub(super) const ALLOWED: &str = "an amount in USD such as 5 or 0.25, or `off`";

/// What every place but the database says of the day's limit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Budget {
    /// The environment's, or one of the user's own `.env` files'.
    pub env: Option<Placed>,
    /// The config file's.
    pub file: Option<Placed>,
    /// What holds when nobody says anything.
    pub default: Limit,
    /// A working folder's `.env`'s: always counts, and may only tighten.
    pub tight: Option<Placed>,
}

/// A limit and where it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Placed {
    /// The limit.
    pub limit: Limit,
    /// The variable or key it was given by.
    pub name: String,
    /// Where.
    pub source: Source,
}

impl Default for Budget {
    /// 5 USD a day (contract section 1).
    fn default() -> Self {
        Self { env: None, file: None, default: Limit::Usd(NanoUsd(5_000_000_000)), tight: None }
    }
}

impl Budget {
    /// The limit that counts and where it comes from, given what `budget set` has left in the database:
    /// environment, database, config file, default, whichever says something first; a working folder's
    /// tighter one on top.
    pub fn limit(&self, set_in_database: Option<Limit>) -> (Limit, String) {
        let base = self.base(set_in_database);
        match &self.tight {
            Some(tight) if base.0.is_looser_than(tight.limit) => (tight.limit, tight.source.to_string()),
            _ => base,
        }
    }

    /// Refuses a working folder's `.env` whose limit is higher than the one that holds without it.
    pub fn check_tight(&self, set_in_database: Option<Limit>) -> Result<()> {
        let (base, _) = self.base(set_in_database);
        match &self.tight {
            Some(tight) if tight.limit.is_looser_than(base) => Err(tight.loosens(base)),
            _ => Ok(()),
        }
    }

    fn base(&self, set_in_database: Option<Limit>) -> (Limit, String) {
        let placed = |placed: &Placed| (placed.limit, placed.source.to_string());
        let set = || set_in_database.map(|limit| (limit, "budget set".to_owned()));
        let env = self.env.as_ref().map(placed);
        env.or_else(set)
            .or_else(|| self.file.as_ref().map(placed))
            .unwrap_or_else(|| (self.default, Source::Default.to_string()))
    }
}

impl Placed {
    /// Reads one. An error names its place.
    pub(super) fn read(found: Found) -> Result<Self> {
        let Ok(limit) = found.value.parse() else {
            return Err(found.refused(ALLOWED));
        };
        Ok(Self { limit, name: found.name, source: found.source })
    }

    fn loosens(&self, base: Limit) -> Error {
        let place = self.source.naming(&self.name);
        let message = format!("{place}: {} is more than the {base} that the day may cost without it", self.limit);
        Error::new(Kind::Config, message).hint("a .env of a working folder may only lower the budget")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn placed(usd: &str, line: usize) -> Option<Placed> {
        let source = Source::File { path: "/w/.env".into(), line };
        Some(Placed { limit: usd.parse().unwrap(), name: "LLMR_BUDGET_DAILY_USD".into(), source })
    }

    #[test]
    fn the_first_place_that_says_something_counts_and_a_tighter_one_on_top() {
        // env, set in the database, config file, tight -> limit, whether the tight one is allowed
        let cases: [(&str, &str, &str, &str, &str, bool); 14] = [
            ("", "", "", "", "5", true),
            ("", "", "3", "", "3", true),
            ("", "4", "3", "", "4", true),
            ("2", "4", "3", "", "2", true),
            ("9", "4", "3", "", "9", true),
            ("off", "4", "3", "", "off", true),
            ("", "", "", "1", "1", true),
            ("", "", "", "6", "5", false),
            ("", "8", "", "6", "6", true),
            ("off", "", "", "6", "6", true),
            ("", "", "", "off", "5", false),
            ("off", "", "", "off", "off", true),
            ("0", "", "", "1", "0", false),
            ("3", "", "", "3", "3", true),
        ];
        for (env, set, file, tight, expected, allowed) in cases {
            let at = |usd: &str, line| (!usd.is_empty()).then(|| placed(usd, line)).flatten();
            let budget = Budget { env: at(env, 1), file: at(file, 2), tight: at(tight, 3), ..Budget::default() };
            let set: Option<Limit> = set.parse().ok();
            let case = format!("env {env} set {set:?} file {file} tight {tight}");
            assert_eq!(budget.limit(set).0.to_string(), expected, "{case}");
            assert_eq!(budget.check_tight(set).is_ok(), allowed, "{case}");
        }
    }

    #[test]
    fn the_refusal_names_file_line_and_variable() {
        let error = Budget { tight: placed("50", 7), ..Budget::default() }.check_tight(None).unwrap_err();
        assert!(error.message.starts_with("/w/.env:7: LLMR_BUDGET_DAILY_USD: 50 is more than the 5"), "{error}");
        assert_eq!(error.exit_code(), 2);
    }

    #[test]
    fn the_place_of_the_limit_is_told() {
        let with = |env, tight| Budget { env, tight, ..Budget::default() };
        assert_eq!(with(None, None).limit(None).1, "default");
        assert_eq!(with(None, None).limit(Some(Limit::Off)).1, "budget set");
        assert_eq!(with(placed("2", 4), None).limit(Some(Limit::Off)).1, "/w/.env:4");
        assert_eq!(with(None, placed("2", 6)).limit(None).1, "/w/.env:6");
    }
}
