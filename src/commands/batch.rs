//! `llmr batch`.

use crate::cli;
use crate::commands::Context;
use crate::error::{Error, Kind, Result};

/// Runs `llmr batch`.
pub fn run(_context: &mut Context, _args: &cli::Batch) -> Result<()> {
    Err(Error::new(Kind::Other, "batch is not built yet"))
}
