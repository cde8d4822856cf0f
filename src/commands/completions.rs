//! `llmr completions`.

use crate::cli;
use crate::commands::Context;
use crate::error::{Error, Kind, Result};

/// Runs `llmr completions`.
pub fn run(_context: &mut Context, _args: &cli::Completions) -> Result<()> {
    Err(Error::new(Kind::Other, "completions is not built yet"))
}
