//! `llmr man`.

use crate::cli;
use crate::commands::Context;
use crate::error::{Error, Kind, Result};

/// Runs `llmr man`.
pub fn run(_context: &mut Context, _args: &cli::Man) -> Result<()> {
    Err(Error::new(Kind::Other, "man is not built yet"))
}
