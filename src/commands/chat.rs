//! `llmr chat`.

use crate::cli;
use crate::commands::Context;
use crate::error::{Error, Kind, Result};

/// Runs `llmr chat`.
pub fn run(_context: &mut Context, _args: &cli::Chat) -> Result<()> {
    Err(Error::new(Kind::Other, "chat is not built yet"))
}
