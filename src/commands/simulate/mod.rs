//! `llmr simulate --stdio`: the policy on a virtual clock, lines of JSON in, lines of JSON out. Nothing here knows the
//! real time, a setting or the database.

mod driver;
mod protocol;
mod reading;

use std::fmt;
use std::io::{self, BufRead, Read};

pub use driver::{Driver, LONGEST_TRY_S};
pub use protocol::{Answer, Decide, Id, Input, Outcome, Profile, Provider, Reset};
pub use reading::read;

use crate::commands::write;
use crate::error::{Error, Kind, Result};

/// A longer line is not read to its end, in bytes: a thousand providers take a fifth of it.
const MAX_LINE_BYTES: usize = 1 << 20;

/// Any number: a simulation is to be the same each time.
const SEED: u64 = 1;

/// Runs `llmr simulate --stdio`.
pub fn run() -> Result<()> {
    converse(io::stdin().lock(), SEED, write).map_err(|fault| match fault {
        Fault::Line(..) => Error::new(Kind::Input, fault.to_string()).hint("`llmr simulate --help` shows the lines"),
        Fault::Input(error) => Error::new(Kind::Input, format!("standard input cannot be read: {error}")),
        Fault::Output(error) => error,
    })
}

/// Why a conversation ended before its input.
#[derive(Debug)]
pub enum Fault {
    /// A line that could not be used: its number, counted from 1, and what is wrong with it.
    Line(usize, String),
    /// Reading failed.
    Input(io::Error),
    /// An answer could not be written.
    Output(Error),
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Line(number, what) => write!(f, "line {number}: {what}"),
            Self::Input(error) => error.fmt(f),
            Self::Output(error) => f.write_str(&error.message),
        }
    }
}

/// Answers every decision asked for, at once; ends with the input, or at the first line that makes no sense.
pub fn converse(
    mut input: impl BufRead,
    seed: u64,
    mut answer: impl FnMut(&str) -> Result<()>,
) -> std::result::Result<(), Fault> {
    let mut driver = Driver::new(seed);
    let mut line = Vec::new();
    for number in 1.. {
        line.clear();
        let most = u64::try_from(MAX_LINE_BYTES).unwrap_or(u64::MAX);
        if input.by_ref().take(most + 1).read_until(b'\n', &mut line).map_err(Fault::Input)? == 0 {
            break;
        }
        let fault = |what: String| Fault::Line(number, what);
        if line.len() > MAX_LINE_BYTES {
            return Err(fault(format!("longer than {MAX_LINE_BYTES} bytes")));
        }
        if line.trim_ascii().is_empty() {
            continue;
        }
        let message: Input = serde_json::from_slice(&line).map_err(|error| fault(wrong(&error)))?;
        if let Some(decided) = driver.take(message).map_err(fault)? {
            let text = serde_json::to_string(&decided).map_err(|error| fault(error.to_string()))?;
            answer(&(text + "\n")).map_err(Fault::Output)?;
        }
    }
    Ok(())
}

/// What is wrong and in which column; the parser itself only ever sees a first line.
fn wrong(error: &serde_json::Error) -> String {
    error.to_string().replace(" at line 1 column ", ", column ").replace(" at line 2 column ", ", column ")
}

#[cfg(test)]
mod tests;
