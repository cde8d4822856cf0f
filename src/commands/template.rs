//! `llmr template`.

use crate::cli;
use crate::commands::Context;
use crate::error::{Error, Kind, Result};

/// Runs `llmr template`.
pub fn run(_context: &mut Context, _args: &cli::Template) -> Result<()> {
    Err(Error::new(Kind::Other, "template is not built yet"))
}
