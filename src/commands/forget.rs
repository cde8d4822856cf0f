//! `llmr forget`.

use crate::cli;
use crate::commands::Context;
use crate::error::{Error, Kind, Result};

/// Runs `llmr forget`.
pub fn run(_context: &mut Context, _args: &cli::Forget) -> Result<()> {
    Err(Error::new(Kind::Other, "forget is not built yet"))
}
