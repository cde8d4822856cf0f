//! What has become of each line, and the output that it is written to, in the order of the lines.

use super::base::Base;
use super::fields;
use super::lines::{Entry, Lines};
use super::report::{self, Place};
use super::state::State;
use super::target::Target;
use crate::error::{Error, Kind, Result};
use crate::output::Redactor;
use crate::router::Answered;
use crate::store::Store;
use crate::types::RequestId;

/// Answers that wait for an earlier line are kept in memory up to here, in bytes; then they are read from the database
/// when their turn comes.
const MOST_WAITING: usize = 8 << 20;

/// The lines with what has become of them.
pub struct Answers {
    lines: Lines,
    base: Base,
    states: Vec<State>,
    target: Target,
    store: Store,
    /// Lines before this one are written.
    written: usize,
    /// Bytes of the texts that wait.
    waiting: usize,
}

impl Answers {
    /// Those of earlier runs, of which the first `written` are in the output already.
    pub fn new(
        lines: Lines,
        base: Base,
        mut states: Vec<State>,
        (target, written): (Target, usize),
        store: Store,
    ) -> Self {
        states.iter_mut().take(written).for_each(|state| *state = State::Written);
        Self { lines, base, states, target, store, written, waiting: 0 }
    }

    /// How many lines there are.
    pub fn len(&self) -> usize {
        self.states.len()
    }

    /// Whether a line has neither answer nor error yet.
    pub fn is_open(&self, index: usize) -> bool {
        self.states.get(index).is_some_and(|state| *state == State::Open)
    }

    /// Where a line is.
    pub fn entry(&self, index: usize) -> Entry {
        self.lines.entries[index]
    }

    /// A line, read again. Fails when the file has changed since.
    pub fn line(&mut self, index: usize) -> Result<fields::Line> {
        self.lines.read(&self.lines.entries[index].clone(), &self.base)
    }

    /// How long a line may take, in milliseconds.
    pub fn timeout_ms(&self) -> u64 {
        self.base.request.timeout_ms
    }

    /// Takes an answer, to be written when every line before it is.
    pub fn answered(&mut self, index: usize, model: Option<String>, answered: Answered) -> Result<()> {
        if self.waiting > MOST_WAITING && index != self.written && self.is_kept(answered.id) {
            self.states[index] = State::Kept(answered.id);
            return Ok(());
        }
        let structured = self.base.request.schema.is_some();
        let text = self.place(index, |place| report::answered(place, answered, model, structured))?;
        self.ready(index, text);
        Ok(())
    }

    /// Whether an answer can be read again: not where the database failed when it came.
    fn is_kept(&self, request: RequestId) -> bool {
        self.store.kept_answer(request).is_ok_and(|kept| kept.is_some())
    }

    /// Takes an error in the place of an answer.
    pub fn failed(&mut self, index: usize, error: &Error, redactor: &Redactor) -> Result<()> {
        let text = self.place(index, |place| report::failed(place, error, &Redactor::default()))?;
        self.ready(index, redactor.redact(&text));
        Ok(())
    }

    /// What the output says of a line beside what came of it.
    fn place(&mut self, index: usize, render: impl FnOnce(Place<'_>) -> Result<String>) -> Result<String> {
        // One that has changed meanwhile has neither id nor fields any more; its number says which one it was.
        let line = self.line(index);
        let (id, own) = line.map_or_else(|_| (None, serde_json::Map::new()), |line| (line.id, line.own));
        render(Place { line: self.entry(index).number, id: id.as_ref(), own: &own })
    }

    fn ready(&mut self, index: usize, text: String) {
        self.waiting += text.len();
        self.states[index] = State::Ready(text);
    }

    /// Writes what no earlier line keeps waiting.
    pub fn write_out(&mut self) -> Result<()> {
        while let Some(state) = self.states.get_mut(self.written) {
            let text = match std::mem::replace(state, State::Written) {
                State::Ready(text) => {
                    self.waiting = self.waiting.saturating_sub(text.len());
                    text
                }
                State::Kept(request) => self.kept(self.written, request)?,
                State::Written => String::new(),
                State::Open => {
                    *state = State::Open;
                    return Ok(());
                }
            };
            self.target.write(&text)?;
            self.written += 1;
        }
        Ok(())
    }

    fn kept(&mut self, index: usize, request: RequestId) -> Result<String> {
        let Some((entry, text)) = self.store.kept_answer(request)? else {
            return Err(Error::new(Kind::Store, format!("the answer {request} is no longer in the database"))
                .hint("the same command once more asks its line again"));
        };
        let schema = self.base.request.schema.clone();
        self.place(index, |place| report::kept(place, entry, text, schema.as_deref()))
    }
}
