//! What a run says while it runs: warnings, each kind once, and how far it has come. And what it looks after beside
//! its lines: alerts.

use std::cell::RefCell;
use std::collections::HashSet;
use std::rc::Rc;
use std::time::{Duration, Instant};

use super::progress::{Numbers, Progress};
use crate::commands::Stderr;
use crate::commands::alerts::{self, Deliveries, Happened};
use crate::error::Result;
use crate::output::{Level, Terminal};
use crate::router::{Answered, Listener, Router};
use crate::types::{AttemptReport, CandidateId};

/// So many different warnings are said; all of them are in the output.
const MOST_WARNINGS: usize = 10;
/// Between two looks for alerts: a person need not know sooner, and a look at the database for each of thousands of
/// lines would cost more than the lines.
const BETWEEN_LOOKS: Duration = Duration::from_secs(1);

/// What a run says while it runs.
pub struct Voice {
    messages: Stderr,
    progress: Progress,
    said: HashSet<String>,
    waiting: String,
}

impl Voice {
    /// To stderr.
    pub fn new(messages: Stderr, terminal: &Terminal, level: Level) -> Self {
        Self { messages, progress: Progress::new(terminal, level), said: HashSet::new(), waiting: String::new() }
    }

    /// A warning.
    pub fn warn(&mut self, text: &str) {
        self.progress.clear();
        self.messages.warning(text);
    }

    /// Something to know.
    pub fn note(&mut self, text: &str) {
        self.messages.note(text);
    }

    /// Draws these numbers, with what is waited for.
    pub fn draw(&mut self, numbers: impl FnOnce() -> Numbers) {
        let waiting = &self.waiting;
        self.progress.draw(|| Numbers { waiting: waiting.clone(), ..numbers() });
    }

    /// Takes the progress away.
    pub fn clear(&mut self) {
        self.progress.clear();
    }

    /// Nothing is waited for any more.
    pub fn goes_on(&mut self) {
        self.waiting.clear();
    }

    /// A warning; one that differs from another in numbers alone is the same.
    pub fn once(&mut self, text: &str) {
        let kind: String = text.chars().filter(|c| !c.is_ascii_digit()).collect();
        if self.said.len() < MOST_WARNINGS && self.said.insert(kind) {
            self.warn(text);
        }
    }
}

/// What happens to one line while it is asked.
pub struct Ear(pub Rc<RefCell<Voice>>);

impl Listener for Ear {
    fn switched(&mut self, attempt: &AttemptReport, why: &str, to: &CandidateId) {
        let text = format!("{}/{} failed ({why}); asking {to}", attempt.provider, attempt.model);
        self.0.borrow_mut().once(&text);
    }

    fn note(&mut self, text: &str) {
        let mut voice = self.0.borrow_mut();
        voice.once(text);
        text.clone_into(&mut voice.waiting);
    }
}

/// Looks for alerts now and then.
pub struct Watch {
    deliveries: Deliveries,
    /// What has happened since the last look.
    happened: Option<Happened>,
    looked: Option<Instant>,
}

impl Watch {
    /// One that delivers beside the run.
    pub fn new(deliveries: Deliveries) -> Self {
        Self { deliveries, happened: None, looked: None }
    }

    /// Takes down what became of a line.
    pub fn note(&mut self, result: &Result<Answered>) {
        let happened = result.as_ref().map_or_else(Happened::failed, Happened::answered);
        self.happened = Some(match self.happened.take() {
            Some(before) => before.and(happened),
            None => happened,
        });
    }

    /// Looks, if the last look is old enough.
    pub fn look(&mut self, router: &Router<'_>, voice: &RefCell<Voice>) {
        if self.looked.is_none_or(|looked| looked.elapsed() >= BETWEEN_LOOKS) {
            self.look_now(router, voice);
        }
    }

    /// Looks.
    pub fn look_now(&mut self, router: &Router<'_>, voice: &RefCell<Voice>) {
        let Some(happened) = self.happened.take() else { return };
        self.looked = Some(Instant::now());
        let mut voice = voice.borrow_mut();
        let level = voice.messages.level();
        alerts::look(router, level, &mut |text| voice.warn(text), &self.deliveries, &happened);
    }
}
