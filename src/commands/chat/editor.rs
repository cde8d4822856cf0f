//! The line editor: what is typed at the prompt, its history, and what Tab offers. Knows nothing of what is done with it.
//!
//! The editor is rustyline. It takes the terminal into raw mode while it reads and gives it back after.

use std::borrow::Cow;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rustyline::completion::Completer;
use rustyline::config::BellStyle;
use rustyline::error::ReadlineError;
use rustyline::highlight::Highlighter;
use rustyline::hint::{Hint, Hinter};
use rustyline::history::DefaultHistory;
use rustyline::validate::{ValidationContext, ValidationResult, Validator};
use rustyline::{
    Behavior, Cmd, ColorMode, CompletionType, ConditionalEventHandler, Config, Event, EventContext, EventHandler,
    Helper, KeyCode, KeyEvent, Modifiers, RepeatCount,
};

use super::complete::{self, Names};
use super::draft;
use super::slash;
use crate::error::{Error, Kind, Result};
use crate::host;
use crate::output::Terminal;

/// Entries kept in the history: some years of use, and still read in a millisecond.
const HISTORY_ENTRIES: usize = 5_000;

/// How the library begins a history.
const HISTORY_BEGINS: &[u8] = b"#V2\n";

/// What came of reading.
#[derive(Debug, PartialEq, Eq)]
pub enum Typed {
    /// A text to be sent or a command, as it was typed.
    Text(String),
    /// A text that shall be gone on with in the user's own editor.
    Draft(String),
    /// Ctrl-C: whatever stood there is dropped.
    Dropped,
    /// Ctrl-D, or the terminal is gone.
    End,
}

/// A line editor with its history.
pub struct Editor {
    config: Config,
    inner: rustyline::Editor<Assistant, DefaultHistory>,
    /// Whether Ctrl-X Ctrl-E ended the reading.
    drafted: Arc<AtomicBool>,
}

impl Editor {
    /// One for this terminal. With stdout in a pipe or a file it talks to the terminal all the same.
    pub fn new(terminal: &Terminal, names: Names) -> Result<Self> {
        let color = terminal.stdout_color;
        let config = Config::builder()
            .history_ignore_space(true)
            .max_history_size(HISTORY_ENTRIES)
            .map_err(|why| unusable(&why))?
            .completion_type(CompletionType::List)
            .bell_style(BellStyle::None)
            .color_mode(if color { ColorMode::Forced } else { ColorMode::Disabled })
            .behavior(if terminal.stdout { Behavior::Stdio } else { Behavior::PreferTerm })
            .build();
        let drafted = Arc::new(AtomicBool::new(false));
        let history = DefaultHistory::with_config(&config);
        let inner = reading(&config, history, names, &drafted)?;
        Ok(Self { config, inner, drafted })
    }

    /// Drops the keys that were read ahead and not used.
    ///
    /// They are lines of a paste that a terminal did not mark as one. The library holds them where nobody gets at
    /// them, so that a new editor takes the place of the old one.
    pub fn forget_keys(&mut self) -> Result<()> {
        let history = std::mem::take(self.inner.history_mut());
        let names = self.names().map(std::mem::take).unwrap_or_default();
        self.inner = reading(&self.config, history, names, &self.drafted)?;
        Ok(())
    }

    /// Reads what was typed before; nothing where there is no such file yet. One that is no history is left alone:
    /// the library would write it anew, wherever a link leads.
    pub fn load_history(&mut self, path: &Path) -> Result<()> {
        let unreadable = |why: &dyn std::fmt::Display| {
            Error::new(Kind::Other, format!("the history {} cannot be read: {why}", path.display()))
        };
        match host::begins_with(path, HISTORY_BEGINS).map_err(|why| unreadable(&why))? {
            false => Ok(()),
            true => self.inner.load_history(path).map_err(|why| unreadable(&why)),
        }
    }

    /// Keeps a text in the history, unless it begins with a blank. Others' chats may have added to it meanwhile.
    pub fn remember(&mut self, text: &str, path: &Path) -> Result<()> {
        let unwritable = |why: ReadlineError| {
            Error::new(Kind::Other, format!("the history {} cannot be written: {why}", path.display()))
        };
        self.inner.add_history_entry(text).map_err(unwritable)?;
        host::begins_with(path, HISTORY_BEGINS).map_err(|why| unwritable(why.into()))?;
        self.inner.append_history(path).map_err(unwritable)
    }

    /// The names that Tab knows.
    pub fn names(&mut self) -> Option<&mut Names> {
        self.inner.helper_mut().map(|assistant| &mut assistant.names)
    }

    /// Reads a text of one or more lines. `draft` stands there already.
    ///
    /// Fails when the terminal cannot be read, and for bytes that are no UTF-8.
    pub fn read(&mut self, prompt: &str, draft: &str) -> Result<Typed> {
        self.drafted.store(false, Ordering::Relaxed);
        let styled = (prompt.to_owned(), format!("\x1b[1m{prompt}\x1b[0m"));
        match self.inner.readline_with_initial(&styled, (draft, "")) {
            Ok(text) if self.drafted.load(Ordering::Relaxed) => Ok(Typed::Draft(text)),
            Ok(text) => Ok(Typed::Text(text)),
            Err(ReadlineError::Interrupted) => Ok(Typed::Dropped),
            Err(ReadlineError::Eof) => Ok(Typed::End),
            Err(ReadlineError::Io(why)) if why.kind() == std::io::ErrorKind::InvalidData => {
                Err(Error::new(Kind::Input, "what was typed is not UTF-8").hint("set the terminal to UTF-8"))
            }
            // A terminal that was closed.
            Err(_) => Ok(Typed::End),
        }
    }
}

fn reading(
    config: &Config,
    history: DefaultHistory,
    names: Names,
    drafted: &Arc<AtomicBool>,
) -> Result<rustyline::Editor<Assistant, DefaultHistory>> {
    let mut editor = rustyline::Editor::with_history(config.clone(), history).map_err(|why| unusable(&why))?;
    editor.set_helper(Some(Assistant { names }));
    bind(&mut editor, drafted);
    Ok(editor)
}

fn unusable(why: &ReadlineError) -> Error {
    Error::new(Kind::Other, format!("the terminal cannot be used: {why}"))
}

/// Alt-Enter and Ctrl-J begin a line; Ctrl-X Ctrl-E takes the text elsewhere.
///
/// Ctrl-J is also what a terminal makes of Enter while nobody edits: what was typed during an answer stands in the next
/// prompt, and is not sent before it was seen.
fn bind(editor: &mut rustyline::Editor<Assistant, DefaultHistory>, drafted: &Arc<AtomicBool>) {
    editor.bind_sequence(KeyEvent(KeyCode::Enter, Modifiers::ALT), Cmd::Newline);
    editor.bind_sequence(KeyEvent::alt('\r'), Cmd::Newline);
    editor.bind_sequence(KeyEvent::ctrl('J'), Cmd::Newline);
    let elsewhere = EventHandler::Conditional(Box::new(Elsewhere(Arc::clone(drafted))));
    editor.bind_sequence(Event::KeySeq(vec![KeyEvent::ctrl('X'), KeyEvent::ctrl('E')]), elsewhere);
}

struct Elsewhere(Arc<AtomicBool>);

impl ConditionalEventHandler for Elsewhere {
    fn handle(&self, _: &Event, _: RepeatCount, _: bool, _: &EventContext<'_>) -> Option<Cmd> {
        self.0.store(true, Ordering::Relaxed);
        Some(Cmd::AcceptLine)
    }
}

/// What helps while typing.
struct Assistant {
    names: Names,
}

impl Helper for Assistant {}

impl Completer for Assistant {
    type Candidate = String;

    fn complete(&self, line: &str, at: usize, _: &rustyline::Context<'_>) -> rustyline::Result<(usize, Vec<String>)> {
        Ok(complete::complete(line, at, &self.names))
    }
}

impl Validator for Assistant {
    fn validate(&self, typed: &mut ValidationContext<'_>) -> rustyline::Result<ValidationResult> {
        Ok(match draft::is_open(typed.input()) {
            true => ValidationResult::Incomplete,
            false => ValidationResult::Valid(None),
        })
    }
}

/// A word beside the cursor that is only looked at.
struct Aside(String);

impl Hint for Aside {
    fn display(&self) -> &str {
        &self.0
    }

    fn completion(&self) -> Option<&str> {
        None
    }
}

impl Hinter for Assistant {
    type Hint = Aside;

    fn hint(&self, line: &str, at: usize, _: &rustyline::Context<'_>) -> Option<Aside> {
        (at == line.len()).then(|| aside(line)).flatten().map(Aside)
    }
}

/// How to end a block, or what a command takes.
fn aside(line: &str) -> Option<String> {
    if draft::is_open_block(line) {
        return Some("  (\"\"\" ends the text, Ctrl-C drops it)".to_owned());
    }
    let row = slash::find(line.strip_prefix('/')?.strip_suffix(' ')?)?;
    (!row.argument.is_empty()).then(|| row.argument.to_owned())
}

impl Highlighter for Assistant {
    fn highlight_hint<'h>(&self, hint: &'h str) -> Cow<'h, str> {
        Cow::Owned(format!("\x1b[2m{hint}\x1b[0m"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_beside_the_cursor_says_what_comes_next() {
        for (line, said) in [
            ("\"\"\"\ncode", Some("  (\"\"\" ends the text, Ctrl-C drops it)")),
            ("/model ", Some("[NAME|any]")),
            ("/model g", None),
            ("/clear ", None),
            ("hello ", None),
        ] {
            assert_eq!(aside(line).as_deref(), said, "{line:?}");
        }
    }
}
