//! `llmr import`.

use crate::cli;
use crate::commands::Context;
use crate::error::{Error, Kind, Result};

/// Runs `llmr import`.
pub fn run(_context: &mut Context, _args: &cli::Import) -> Result<()> {
    Err(Error::new(Kind::Other, "import is not built yet"))
}
