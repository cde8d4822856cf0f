//! What a chat begins with: what holds for every turn, and what is asked at once where the command line has it.

use std::collections::BTreeMap;

use crate::cli;
use crate::commands::{Context, question};
use crate::config::templates::Template;
use crate::conversation::{self, Which};
use crate::error::Result;
use crate::router::Request;
use crate::types::Message;

/// What a chat begins with.
pub struct Opening {
    /// What holds for every turn.
    pub base: Request,
    /// What is pinned.
    pub pinned: conversation::Opening,
    /// What is asked at once.
    pub first: Option<Message>,
    /// Where the first prompt that is typed goes, if its template has a place for one.
    pub frame: Option<Frame>,
}

/// A template that waits for its input.
pub struct Frame {
    template: Template,
    values: BTreeMap<String, String>,
}

impl Frame {
    /// The prompt with what was typed, or read, in its place.
    pub fn around(&self, input: &str) -> String {
        self.template.asks(&self.values, Some(input)).unwrap_or_else(|| input.to_owned())
    }

    /// What becomes of the first prompt, for a person.
    pub fn text(&self) -> String {
        format!("what is asked first goes into the template `{}`", self.template.name)
    }
}

/// Resolves the flags, and reads the first prompt where they have one: words, a template that needs no more than what
/// is given, or, with `at_once`, files and pictures alone. Standard input is not read.
pub fn opening(context: &mut Context, question: &cli::Question, at_once: bool) -> Result<Opening> {
    let question = cli::Question { no_stdin: true, ..question.clone() };
    let mut resolved = question::resolve(context, &question)?;
    let cli::Question { prompt, files, images, .. } = &question;
    let waits = |template: &Template| template.places_input() && files.is_empty();
    let prompts = |template: &Template| template.prompt.is_some() && !waits(template);
    let given = !prompt.is_empty() || (at_once && !(files.is_empty() && images.is_empty()));
    if given || resolved.template.as_ref().is_some_and(|(template, _)| prompts(template)) {
        let pinned = resolved.opening.clone();
        let mut base = resolved.request(context)?;
        let first = base.messages.pop();
        return Ok(Opening { base, pinned, first, frame: None });
    }
    let frame = resolved.template.take().filter(|(template, _)| waits(template));
    let frame = frame.map(|(template, values)| Frame { template, values });
    Ok(Opening { base: resolved.base, pinned: resolved.opening, first: None, frame })
}

/// Which conversation is held.
pub fn which(args: &cli::Chat) -> Which {
    match (&args.session, args.continues) {
        (Some(name), _) => Which::Named(name.clone()),
        (None, true) => Which::Last,
        (None, false) => Which::New(None),
    }
}
