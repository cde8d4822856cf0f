//! `llmr chat`: a conversation, turn by turn, and what is done with kept ones.

pub mod kept;
pub mod piped;

use crate::cli;
use crate::commands::Context;
use crate::error::{Error, Kind, Result};

/// Runs `llmr chat`.
pub fn run(context: &mut Context, args: &cli::Chat) -> Result<()> {
    match &args.action {
        Some(action) => kept::run(context, action),
        None if !context.host.stdin_terminal => piped::run(context, args),
        None => Err(Error::new(Kind::Other, "chat on a terminal is not built yet")),
    }
}
