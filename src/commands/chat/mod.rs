//! `llmr chat`: at a terminal a line editor, in a pipe one turn a line; and what is done with kept conversations.

mod complete;
mod compose;
mod draft;
mod editor;
pub mod kept;
mod obey;
mod opening;
pub mod piped;
mod said;
mod session;
mod slash;
mod watch;

use crate::cli;
use crate::commands::Context;
use crate::error::{Error, Kind, Result};
use crate::types::Mode;

pub use compose::remove_drafts;

/// Runs `llmr chat`.
pub fn run(context: &mut Context, args: &cli::Chat) -> Result<()> {
    if let Some(action) = &args.action {
        return kept::run(context, action);
    }
    if context.config.settings.mode == Mode::DryRun {
        return Err(Error::new(Kind::Usage, "mode dry-run sends nothing, and a chat is made of answers")
            .hint("LLMR_MODE=production for a chat; `llmr dry-run` says what a prompt would cost"));
    }
    if !context.host.stdin_terminal {
        return piped::run(context, args);
    }
    if context.json() {
        return Err(Error::new(Kind::Usage, "--json is for a chat in a pipe, and standard input is a terminal")
            .hint("one turn a line: printf '%s\\n' \"hello\" | llmr chat --json"));
    }
    session::run(context, args)
}
