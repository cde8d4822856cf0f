//! A contender as a process of its own: what it printed, how long it took, and what it needed of memory.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::ErrorKind;
use std::process::{Command, Stdio};
use std::time::Instant;

use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike;

use crate::Result;

/// The argument that makes this program run one command, and tell what that took on stderr. A process of its own, because the
/// kernel tells the most memory of all children that there have been.
pub const MEASURED: &str = "--measured";

/// The exit code of a contender that misses what it needs; its first line on stderr says what.
const NOT_INSTALLED: u8 = 3;

/// One run.
pub struct Run {
    /// What it found.
    pub found: String,
    /// What it told on stderr, by its first word.
    told: BTreeMap<String, String>,
}

impl Run {
    /// Runs a command. What it says where something that it needs is not installed.
    pub fn of(command: &[OsString]) -> Result<std::result::Result<Self, String>> {
        let output = Command::new(std::env::current_exe()?).arg(MEASURED).args(command).output()?;
        let told = String::from_utf8_lossy(&output.stderr);
        match output.status.code() {
            Some(0) => {}
            Some(code) if code == i32::from(NOT_INSTALLED) => {
                return Ok(Err(told.lines().next().unwrap_or_default().to_owned()));
            }
            _ => return Err(format!("{command:?} ended with {}: {told}", output.status).into()),
        }
        let told = told.lines().filter_map(|line| line.split_once(' '));
        let told = told.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        Ok(Ok(Self { found: String::from_utf8_lossy(&output.stdout).into_owned(), told }))
    }

    /// A number that was told.
    pub fn number(&self, name: &str) -> Option<f64> {
        self.told.get(name)?.parse().ok()
    }

    /// The versions that were told.
    pub fn versions(&self) -> Option<&str> {
        self.told.get("versions").map(String::as_str)
    }
}

/// What `--measured` does; the exit code.
pub fn measured(mut words: impl Iterator<Item = OsString>) -> Result<u8> {
    let program = words.next().ok_or("no program")?;
    let mut command = Command::new(&program);
    command.args(words).stdin(Stdio::null());
    let began = Instant::now();
    let status = match command.status() {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            eprintln!("{} is not here", program.display());
            return Ok(NOT_INSTALLED);
        }
        status => status?,
    };
    eprintln!("process {}", began.elapsed().as_secs_f64() * 1e3);
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN)?;
    eprintln!("cpu {}", (usage.user_time().num_microseconds() + usage.system_time().num_microseconds()) as f64 / 1e3);
    eprintln!("peak {}", usage.max_rss() as f64 * 1024.0 / 1e6);
    Ok(status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1))
}
