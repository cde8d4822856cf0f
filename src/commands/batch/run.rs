//! One run of a batch: who is asked next, and what came of it.
//!
//! One thread: so many lines are under way at a time, each with a router of its own, and everything they share is
//! touched between two of their steps only.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::time::{Duration, Instant};

use futures_util::stream::{FuturesUnordered, StreamExt};

use super::answers::Answers;
use super::lines;
use super::progress::Numbers;
use super::queue::Queue;
use super::report::{Failure, MOST_FAILURES, Summary};
use super::verdict::{InARow, verdict};
use super::voice::{Ear, Voice, Watch};
use crate::error::{Error, Kind, Result};
use crate::output::Redactor;
use crate::router::{Answered, Keep, Request, Router, interrupted};
use crate::store::Batch;
use crate::types::{AttemptReport, CacheOutcome, Outcome, whole_ms};

/// How often the progress is looked at.
const TICK: Duration = Duration::from_millis(100);

/// A run under way.
pub struct Run {
    answers: Answers,
    batch: i64,
    queue: Queue,
    /// Requests of each question whose answers never came.
    cut: HashMap<[u8; 16], u64>,
    redactor: Redactor,
    voice: Rc<RefCell<Voice>>,
    watch: Watch,
    summary: Summary,
    in_a_row: InARow,
    /// Every kind of failure there was.
    kinds: Vec<Kind>,
    /// Why no further line is begun.
    stopped: Option<Error>,
    began: Instant,
}

/// A line that came back from being asked.
type Came<'a> = (Router<'a>, usize, Option<String>, Result<Answered>);

impl Run {
    /// A run that goes on where the earlier ones ended.
    pub fn new(answers: Answers, batch: &Batch, redactor: Redactor, voice: Voice, watch: Watch) -> Self {
        let answered: Vec<usize> = (0..answers.len()).filter(|index| !answers.is_open(*index)).collect();
        let before = answered.len() as u64;
        let mut cut: HashMap<[u8; 16], u64> = HashMap::new();
        for line in batch.lines.iter().filter(|line| line.cut) {
            *cut.entry(line.digest).or_default() += 1;
        }
        let mut run = Self {
            summary: Summary {
                lines: answers.len() as u64,
                answered: before,
                answered_before: before,
                cost_usd: batch.cost,
                ..Summary::default()
            },
            answers,
            batch: batch.id,
            queue: Queue::default(),
            cut,
            redactor,
            voice: Rc::new(RefCell::new(voice)),
            watch,
            in_a_row: InARow::default(),
            kinds: Vec::new(),
            stopped: None,
            began: Instant::now(),
        };
        answered.into_iter().for_each(|index| run.count_repeats(index));
        run
    }

    /// What of this line's question was sent and never answered has now been asked once more.
    fn count_repeats(&mut self, index: usize) {
        self.summary.repeated += self.cut.remove(&self.answers.entry(index).digest).unwrap_or(0);
    }

    /// Asks every line that is open, so many at a time as there are routers. Returns when none is under way any more.
    pub async fn drive(&mut self, mut idle: Vec<Router<'_>>) {
        let mut stop = interrupted();
        let mut running = FuturesUnordered::new();
        let mut tick = tokio::time::interval(TICK);
        self.write_out();
        loop {
            while let Some(router) = idle.pop() {
                match self.next() {
                    Some((index, request)) => running.push(ask(router, index, request, Ear(Rc::clone(&self.voice)))),
                    None => {
                        idle.push(router);
                        break;
                    }
                }
            }
            if running.is_empty() && (!self.queue.waits() || self.stopped.is_some()) {
                break;
            }
            tokio::select! {
                biased;
                kind = &mut stop, if self.stopped.is_none() => self.stopped = Some(Error::new(kind, "")),
                _ = tick.tick() => self.draw(),
                Some(came) = running.next() => {
                    let (router, index, model, result) = came;
                    self.watch.note(&result);
                    self.took(index, model, result);
                    self.write_out();
                    self.watch.look(&router, &self.voice);
                    idle.push(router);
                    // A line that the cache answers waits for nothing: signals must be seen all the same.
                    tokio::task::yield_now().await;
                }
            }
        }
        idle.first().into_iter().for_each(|router| self.watch.look_now(router, &self.voice));
    }

    /// The next line to ask, if one may be asked now.
    fn next(&mut self) -> Option<(usize, Request)> {
        while self.stopped.is_none() {
            let index = self.queue.next(&self.answers)?;
            match self.answers.line(index) {
                Ok(line) => {
                    self.count_repeats(index);
                    return Some((index, self.request(index, line.request)));
                }
                Err(error) => self.failed(index, &error),
            }
        }
        None
    }

    fn request(&mut self, index: usize, request: Request) -> Request {
        let entry = self.answers.entry(index);
        let keep = Keep::Line { batch: self.batch, line: entry.number, digest: entry.digest, prompt: true };
        let spent_ms = whole_ms(self.queue.begins(index).as_secs_f64());
        Request { keep, timeout_ms: request.timeout_ms.saturating_sub(spent_ms).max(1), ..request }
    }

    /// What came of a line.
    fn took(&mut self, index: usize, model: Option<String>, result: Result<Answered>) {
        self.voice.borrow_mut().goes_on();
        let attempts = result.as_ref().map_or_else(|e| e.attempts.as_slice(), |a| a.attempts.as_slice());
        self.summary.cost_usd += attempts.iter().filter_map(|attempt| attempt.cost_usd).sum();
        self.summary.failovers += u64::from(failed_over(attempts));
        match result {
            Ok(answered) => self.answered(index, model, answered),
            Err(error) if matches!(error.kind, Kind::Interrupted | Kind::Terminated) => {
                self.stopped.get_or_insert(Error::new(error.kind, ""));
            }
            Err(error) if error.kind == Kind::RateLimited && self.comes_back(index) => {}
            Err(error) => self.failed(index, &error),
        }
    }

    fn comes_back(&mut self, index: usize) -> bool {
        self.stopped.is_none() && self.queue.comes_back(index, Duration::from_millis(self.answers.timeout_ms()))
    }

    fn answered(&mut self, index: usize, model: Option<String>, answered: Answered) {
        self.in_a_row.broken();
        self.queue.done(index);
        self.summary.answered += 1;
        self.summary.from_cache += u64::from(answered.cache == CacheOutcome::Hit);
        answered.warnings.iter().for_each(|warning| self.voice.borrow_mut().once(warning));
        let taken = self.answers.answered(index, model, answered);
        self.stop_at(taken.err());
    }

    fn failed(&mut self, index: usize, error: &Error) {
        self.queue.done(index);
        self.summary.failed += 1;
        if !self.kinds.contains(&error.kind) {
            self.kinds.push(error.kind);
        }
        let taken = self.answers.failed(index, error, &self.redactor);
        self.note_failure(index, error);
        self.stop_at(taken.err());
        let hopeless = self.in_a_row.failed(error);
        self.stop_at(hopeless);
    }

    fn note_failure(&mut self, index: usize, error: &Error) {
        if self.summary.failures.len() >= MOST_FAILURES {
            return;
        }
        let line = self.answers.entry(index).number;
        let id = self.answers.line(index).ok().and_then(|line| line.id);
        let message = self.redactor.redact(&error.message);
        self.summary.failures.push(Failure { line, id, kind: error.kind.name(), message });
        // They come in the order in which they failed, and are read in that of the file.
        self.summary.failures.sort_by_key(|failure| failure.line);
    }

    /// No further line is begun; the first reason counts.
    fn stop_at(&mut self, why: Option<Error>) {
        if self.stopped.is_none() {
            self.stopped = why;
        }
    }

    /// Writes what can be written. An output that is closed ends the run quietly, whatever else was wrong.
    fn write_out(&mut self) {
        if self.stopped.as_ref().is_some_and(|why| why.kind == Kind::Closed) {
            return;
        }
        if let Err(error) = self.answers.write_out() {
            self.stopped = Some(error);
        }
    }

    fn draw(&self) {
        let summary = &self.summary;
        self.voice.borrow_mut().draw(|| Numbers {
            done: summary.answered + summary.failed,
            lines: summary.lines,
            of_this_run: summary.answered + summary.failed - summary.answered_before,
            failed: summary.failed,
            cost: summary.cost_usd,
            waiting: String::new(),
        });
    }

    /// Says how it ended; the summary, and the error that the process ends with, if any.
    pub fn end(mut self) -> (Summary, Result<()>) {
        let mut voice = self.voice.borrow_mut();
        voice.clear();
        self.summary.left = self.summary.lines - self.summary.answered - self.summary.failed;
        self.summary.seconds = (self.began.elapsed().as_secs_f64() * 1000.0).round() / 1000.0;
        let verdict = verdict(self.stopped.take(), &self.summary, &self.kinds);
        if !matches!(&verdict, Err(error) if error.kind == Kind::Closed) {
            voice.note(&self.summary.text());
        }
        drop(voice);
        (self.summary, verdict)
    }
}

/// Asks one line.
async fn ask(mut router: Router<'_>, index: usize, request: Request, mut ear: Ear) -> Came<'_> {
    let model = request.selection.model.clone();
    let result = answer(&mut router, request, &mut ear).await;
    (router, index, model, result)
}

async fn answer(router: &mut Router<'_>, request: Request, ear: &mut Ear) -> Result<Answered> {
    let Keep::Line { line, digest, .. } = request.keep else {
        return Err(Error::new(Kind::Other, "a line that belongs to no batch"));
    };
    if lines::digest(router, &request) != digest {
        return Err(lines::changed(line));
    }
    let job = router.prepare(request)?;
    router.answer_or_stored(&job, ear).await
}

/// Whether another candidate answered than the one that was asked first.
fn failed_over(attempts: &[AttemptReport]) -> bool {
    let other = |w: &[AttemptReport]| (&w[0].provider, &w[0].model) != (&w[1].provider, &w[1].model);
    attempts.windows(2).any(|w| w[0].outcome == Outcome::Failed && other(w))
}
