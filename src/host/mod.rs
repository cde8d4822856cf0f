//! The process's surroundings: environment, folders, clock, seed, terminals, identity, random bytes.
//!
//! Their only reader: everything else gets what it needs from a [`Host`] as plain values, so that a test is a
//! `Host` made of plain values too. What the values mean (settings, providers) is `config`'s business.

mod clock;
pub mod dotenv;
mod files;
mod folders;
mod memory;
pub mod modes;
mod process;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::io::IsTerminal;
use std::path::PathBuf;
use std::time::Duration;

use crate::error::{Error, Kind, Result};
use crate::types::{Me, Owner, Timestamp};

use clock::Clock;
pub use files::{MAX_FILE_BYTES, begins_with, is_surely_local, nearest_env_file, read_any, read_regular};
pub use folders::Folders;
pub use memory::keep_private;
pub use process::{kill_group, liveness, process_owner};

/// What the process found when it started.
#[derive(Clone)]
pub struct Host {
    /// The process environment, as far as it is UTF-8.
    pub env: BTreeMap<String, String>,
    /// Variables whose value is not UTF-8: good for paths only.
    pub env_not_utf8: BTreeMap<String, OsString>,
    /// The working folder; empty when it cannot be told (it was removed).
    pub cwd: PathBuf,
    /// `HOME` (`USERPROFILE` on Windows) if it is an absolute path, else the user's home as the system knows it.
    pub home: Option<PathBuf>,
    /// Whether standard input is a terminal.
    pub stdin_terminal: bool,
    /// Whether standard output is a terminal.
    pub stdout_terminal: bool,
    /// Whether standard error is a terminal.
    pub stderr_terminal: bool,
    /// The terminal's width in columns, if there is a terminal.
    pub width: Option<u16>,
    /// This process, for holds and leases.
    pub me: Me,
    clock: Clock,
}

/// Without the values of variables, among which are keys.
impl fmt::Debug for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&String> = self.env.keys().chain(self.env_not_utf8.keys()).collect();
        f.debug_struct("Host")
            .field("env", &names)
            .field("cwd", &self.cwd)
            .field("me", &self.me)
            .finish_non_exhaustive()
    }
}

impl Host {
    /// The real one. Never fails: what is wrong with it is told by [`Host::check`] and [`Host::folders`].
    #[expect(clippy::disallowed_methods, reason = "the one reader of the environment and the working folder")]
    pub fn real() -> Self {
        let cwd = std::env::current_dir().unwrap_or_default();
        let mut host = Self::from_env(std::env::vars_os(), cwd);
        host.stdin_terminal = std::io::stdin().is_terminal();
        host.stdout_terminal = std::io::stdout().is_terminal();
        host.stderr_terminal = std::io::stderr().is_terminal();
        let any_terminal = host.stdin_terminal || host.stdout_terminal || host.stderr_terminal;
        host.width = any_terminal.then(terminal_width).flatten();
        host.me = Me::new(std::process::id(), process_owner);
        // A job without HOME (cron, a container) still belongs to a user who has one.
        host.home = host.home.or_else(dirs::home_dir);
        host
    }

    /// A host with this environment and working folder, without terminals and without an identity.
    pub fn from_env<K, V>(env: impl IntoIterator<Item = (K, V)>, cwd: impl Into<PathBuf>) -> Self
    where
        K: Into<OsString>,
        V: Into<OsString>,
    {
        let (mut utf8, mut other) = (BTreeMap::new(), BTreeMap::new());
        for (name, value) in env {
            // No variable of ours has a name that is not UTF-8.
            let Ok(name) = name.into().into_string() else { continue };
            match value.into().into_string() {
                Ok(value) => drop(utf8.insert(name, value)),
                Err(value) => drop(other.insert(name, value)),
            }
        }
        let mut host = Self {
            clock: Clock::start(pinned(&utf8, &other)),
            env: utf8,
            env_not_utf8: other,
            cwd: cwd.into(),
            home: None,
            stdin_terminal: false,
            stdout_terminal: false,
            stderr_terminal: false,
            width: None,
            me: Owner::default().into(),
        };
        host.home = host.path_var(folders::HOME).filter(|path| path.is_absolute());
        host
    }

    /// What time it is: the real one, or running on from `LLMR_NOW`.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// How long this host has existed: for measuring, never goes back.
    pub fn monotonic(&self) -> Duration {
        self.clock.elapsed()
    }

    /// `LLMR_SEED`, if it is set and a number.
    pub fn seed(&self) -> Option<u64> {
        self.env.get("LLMR_SEED")?.trim().parse().ok()
    }

    /// Refuses a malformed `LLMR_NOW` or `LLMR_SEED`; warnings about what is ignored.
    pub fn check(&self) -> Result<Vec<String>> {
        let set = |name| self.env.get(name).map(|value| value.trim()).filter(|value| !value.is_empty());
        if set("LLMR_SEED").is_some() && self.seed().is_none() {
            return Err(bad_variable("LLMR_SEED", "a whole number from 0 to 18446744073709551615"));
        }
        match set("LLMR_NOW") {
            None => Ok(Vec::new()),
            Some(_) if self.path_var("LLMR_HOME").is_none() => {
                Ok(vec!["LLMR_NOW is ignored: it counts only together with LLMR_HOME".to_owned()])
            }
            Some(now) if Timestamp::parse(now).is_none() => {
                Err(bad_variable("LLMR_NOW", "a time such as 2026-11-21T12:00:00Z"))
            }
            Some(_) => Ok(Vec::new()),
        }
    }

    /// The path in a variable; `None` when it is not set or empty.
    fn path_var(&self, name: &str) -> Option<PathBuf> {
        let utf8 = self.env.get(name).map(OsString::from);
        utf8.or_else(|| self.env_not_utf8.get(name).cloned()).filter(|value| !value.is_empty()).map(PathBuf::from)
    }
}

/// The terminal's width in columns as it is now, if there is a terminal: it changes while a process runs.
pub fn terminal_width() -> Option<u16> {
    terminal_size::terminal_size().map(|(width, _)| width.0)
}

/// The time to start from: `LLMR_NOW`, where `LLMR_HOME` keeps its consequences out of the real database.
fn pinned(env: &BTreeMap<String, String>, not_utf8: &BTreeMap<String, OsString>) -> Option<Timestamp> {
    let at_home = env.get("LLMR_HOME").is_some_and(|v| !v.is_empty()) || not_utf8.contains_key("LLMR_HOME");
    Timestamp::parse(env.get("LLMR_NOW")?.trim()).filter(|_| at_home)
}

fn bad_variable(name: &str, allowed: &str) -> Error {
    Error::new(Kind::Config, format!("environment variable {name}: not {allowed}"))
}

/// Random bytes from the operating system. An error when it has none to give.
pub fn random_bytes<const N: usize>() -> Result<[u8; N]> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes)
        .map_err(|e| Error::new(Kind::Other, format!("the system gives no random bytes: {e}")))?;
    Ok(bytes)
}

/// A random number from the operating system.
pub fn random_u64() -> Result<u64> {
    random_bytes().map(u64::from_ne_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOON: &str = "2001-02-03T12:00:00Z";

    #[test]
    fn the_clock_is_pinned_only_together_with_a_home() {
        let noon = Timestamp::parse(NOON).unwrap();
        let pinned = Host::from_env([("LLMR_NOW", NOON), ("LLMR_HOME", "/h")], "/");
        let since = pinned.now().since_ms(noon);
        assert!((0..60_000).contains(&since), "{since}");
        assert!(pinned.check().unwrap().is_empty());

        for home in [None, Some("")] {
            let env = [Some(("LLMR_NOW", NOON)), home.map(|h| ("LLMR_HOME", h))];
            let host = Host::from_env(env.into_iter().flatten(), "/");
            assert_ne!(host.now().day(), noon.day());
            assert!(host.check().unwrap()[0].contains("LLMR_NOW is ignored"));
        }
    }

    #[test]
    fn time_runs_on_from_a_pinned_start() {
        let host = Host::from_env([("LLMR_NOW", NOON), ("LLMR_HOME", "/h")], "/");
        let (first, began) = (host.now(), host.monotonic());
        while host.monotonic() - began < Duration::from_millis(3) {}
        assert!(host.now() > first);
    }

    #[test]
    fn malformed_test_variables_are_named() {
        for (name, value) in [("LLMR_SEED", "x"), ("LLMR_SEED", "-1"), ("LLMR_NOW", "noon"), ("LLMR_NOW", "2026-11-21")]
        {
            let error = Host::from_env([(name, value), ("LLMR_HOME", "/h")], "/").check().unwrap_err();
            assert!(error.message.starts_with(&format!("environment variable {name}:")), "{error}");
            assert_eq!(error.exit_code(), 2);
        }
        assert_eq!(Host::from_env([("LLMR_SEED", " 7 ")], "/").seed(), Some(7));
    }

    #[cfg(unix)]
    #[test]
    fn values_that_are_not_utf8_do_not_panic() {
        use std::os::unix::ffi::OsStringExt;
        let bad = OsString::from_vec(vec![b'/', 0xff]);
        let host = Host::from_env([(OsString::from("LLMR_HOME"), bad.clone()), (bad.clone(), "x".into())], "/");
        assert!(host.env.is_empty());
        assert_eq!(host.folders().unwrap().config, PathBuf::from(bad));
    }

    #[test]
    fn the_real_one_knows_itself_and_keeps_values_to_itself() {
        let host = Host::real();
        assert_eq!(host.me.pid(), std::process::id());
        assert!(host.cwd.is_absolute());
        assert!(host.now() > Timestamp::parse("2020-01-01T00:00:00Z").unwrap());
        let printed = format!("{:?}", Host::from_env([("OPENAI_API_KEY", "test-key")], "/"));
        assert!(printed.contains("OPENAI_API_KEY") && !printed.contains("test-key"), "{printed}");
    }

    #[test]
    fn random_numbers_differ() {
        assert_ne!(random_bytes::<32>().unwrap(), random_bytes::<32>().unwrap());
        assert_ne!(random_u64().unwrap(), random_u64().unwrap());
    }
}
