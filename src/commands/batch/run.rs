//! One run of a batch: who is asked next, what came of it, and what is written.
//!
//! One thread: so many lines are under way at a time, each with a router of its own, and everything they share is
//! touched between two of their steps only.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::rc::Rc;
use std::time::{Duration, Instant};

use futures_util::stream::{FuturesUnordered, StreamExt};

use super::lines::{self, Entry, Lines};
use super::progress::{Numbers, Progress};
use super::report::{self, Failure, MOST_FAILURES, Place, Summary};
use super::target::Target;
use crate::commands::Stderr;
use crate::error::{Error, Kind, Result};
use crate::output::{Level, Redactor, Terminal};
use crate::router::{Answered, Keep, Listener, Request, Router, interrupted};
use crate::store::{Batch, Store};
use crate::types::{AttemptReport, CacheOutcome, CandidateId, Outcome, RequestId, whole_ms};

/// So many lines in a row that nobody could answer, for the same reason, end a run: the next one would not either.
const HOPELESS: u32 = 10;
/// A line that every candidate was rate-limited for is asked so many times more, after a longer pause each time.
const MOST_RETURNS: u32 = 5;
/// The first of those pauses; it doubles.
const FIRST_RETURN: Duration = Duration::from_secs(1);
/// Answers that wait for an earlier line are kept in memory up to here, in bytes; then they are read from the database
/// when their turn comes.
const MOST_WAITING: usize = 8 << 20;
/// How often the progress is looked at.
const TICK: Duration = Duration::from_millis(100);
/// So many different warnings are said; all of them are in the output.
const MOST_WARNINGS: usize = 10;

/// What is to be done about a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Line {
    /// It is asked.
    Open,
    /// Its text waits for the lines before it.
    Ready(String),
    /// Its answer is in the database.
    Kept(RequestId),
    /// It was written, and every line before it.
    Written,
}

/// Which lines were answered before: the same line with the same question, or the same question in another line that
/// is no longer there.
pub fn assign(entries: &[Entry], batch: &Batch) -> Vec<Line> {
    let mut in_place = HashMap::new();
    for line in batch.lines.iter().filter(|line| line.answered) {
        in_place.insert((line.line, line.digest), line.request);
    }
    let mut states: Vec<Line> = Vec::with_capacity(entries.len());
    for entry in entries {
        states.push(in_place.remove(&(entry.number, entry.digest)).map_or(Line::Open, Line::Kept));
    }
    let mut moved: HashMap<[u8; 16], Vec<RequestId>> = HashMap::new();
    for line in batch.lines.iter().rev() {
        if in_place.get(&(line.line, line.digest)) == Some(&line.request) {
            moved.entry(line.digest).or_default().push(line.request);
        }
    }
    for (entry, state) in entries.iter().zip(&mut states).filter(|(_, state)| **state == Line::Open) {
        if let Some(request) = moved.get_mut(&entry.digest).and_then(Vec::pop) {
            *state = Line::Kept(request);
        }
    }
    states
}

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

    /// A warning; one that differs from another in numbers alone is the same.
    fn once(&mut self, text: &str) {
        let kind: String = text.chars().filter(|c| !c.is_ascii_digit()).collect();
        if self.said.len() < MOST_WARNINGS && self.said.insert(kind) {
            self.progress.clear();
            self.messages.warning(text);
        }
    }
}

/// What happens to one line while it is asked.
struct Ear(Rc<RefCell<Voice>>);

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

/// A line that is asked once more, later.
struct Return {
    index: usize,
    due: Instant,
    times: u32,
}

/// A run under way.
pub struct Run {
    lines: Lines,
    base: Request,
    batch: i64,
    states: Vec<Line>,
    target: Target,
    /// Lines before this one are written.
    written: usize,
    /// Lines before this one were begun.
    begun: usize,
    /// Bytes of the texts that wait.
    waiting: usize,
    returns: Vec<Return>,
    /// When each line that is under way or comes back was begun, and how often it has come back.
    since: BTreeMap<usize, (Instant, u32)>,
    /// Requests of each question whose answers never came.
    cut: HashMap<[u8; 16], u64>,
    store: Store,
    redactor: Redactor,
    voice: Rc<RefCell<Voice>>,
    summary: Summary,
    /// Why the last lines could not be answered, and how many in a row.
    in_a_row: Option<(Kind, u32)>,
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
    #[allow(clippy::too_many_arguments)]
    pub fn new(
        lines: Lines,
        base: Request,
        batch: &Batch,
        mut states: Vec<Line>,
        target: Target,
        written: usize,
        store: Store,
        voice: Voice,
    ) -> Self {
        states.iter_mut().take(written).for_each(|state| *state = Line::Written);
        let before = states.iter().filter(|state| **state != Line::Open).count() as u64;
        let mut cut: HashMap<[u8; 16], u64> = HashMap::new();
        for line in batch.lines.iter().filter(|line| line.cut) {
            *cut.entry(line.digest).or_default() += 1;
        }
        let mut run = Self {
            summary: Summary {
                lines: states.len() as u64,
                answered: before,
                answered_before: before,
                cost_usd: batch.cost,
                ..Summary::default()
            },
            batch: batch.id,
            redactor: Redactor::default(),
            voice: Rc::new(RefCell::new(voice)),
            returns: Vec::new(),
            since: BTreeMap::new(),
            begun: 0,
            waiting: 0,
            in_a_row: None,
            kinds: Vec::new(),
            stopped: None,
            began: Instant::now(),
            lines,
            base,
            states,
            target,
            written,
            cut,
            store,
        };
        for index in 0..run.states.len() {
            if run.states[index] != Line::Open {
                run.count_repeats(index);
            }
        }
        run
    }

    /// What of this line's question was sent and never answered has now been asked once more.
    fn count_repeats(&mut self, index: usize) {
        self.summary.repeated += self.cut.remove(&self.lines.entries[index].digest).unwrap_or(0);
    }

    /// Asks every line that is open, so many at a time as there are routers. Returns when none is under way any more.
    pub async fn drive(&mut self, mut idle: Vec<Router<'_>>) -> Result<()> {
        let mut stop = interrupted();
        if let Some(router) = idle.first() {
            self.redactor = router.redactor.clone();
        }
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
            if running.is_empty() && (self.returns.is_empty() || self.stopped.is_some()) {
                return Ok(());
            }
            tokio::select! {
                biased;
                kind = &mut stop, if self.stopped.is_none() => self.stopped = Some(Error::new(kind, "")),
                _ = tick.tick() => self.draw(),
                Some(came) = running.next() => {
                    let (router, index, model, result) = came;
                    idle.push(router);
                    self.took(index, model, result);
                    self.write_out();
                    // A line that the cache answers waits for nothing: signals must be seen all the same.
                    tokio::task::yield_now().await;
                }
            }
        }
    }

    /// The next line to ask, if one may be asked now.
    fn next(&mut self) -> Option<(usize, Request)> {
        while self.stopped.is_none() {
            let index = self.next_open()?;
            let entry = self.lines.entries[index];
            match self.request(&entry, index) {
                Ok(request) => {
                    self.count_repeats(index);
                    self.since.entry(index).or_insert((Instant::now(), 0));
                    return Some((index, request));
                }
                Err(error) => self.failed(index, &error),
            }
        }
        None
    }

    fn next_open(&mut self) -> Option<usize> {
        if let Some(at) = self.returns.iter().position(|back| back.due <= Instant::now()) {
            let back = self.returns.swap_remove(at);
            if let Some((_, times)) = self.since.get_mut(&back.index) {
                *times = back.times;
            }
            return Some(back.index);
        }
        while self.begun < self.states.len() {
            self.begun += 1;
            if self.states[self.begun - 1] == Line::Open {
                return Some(self.begun - 1);
            }
        }
        None
    }

    fn request(&mut self, entry: &Entry, index: usize) -> Result<Request> {
        let line = self.lines.read(entry, &self.base)?;
        let left = self.since.get(&index).map_or(Duration::ZERO, |(since, _)| since.elapsed());
        let keep = Keep::Line { batch: self.batch, line: entry.number, digest: entry.digest };
        let timeout_ms = line.request.timeout_ms.saturating_sub(whole_ms(left.as_secs_f64())).max(1);
        Ok(Request { keep, timeout_ms, ..line.request })
    }

    /// What came of a line.
    fn took(&mut self, index: usize, model: Option<String>, result: Result<Answered>) {
        self.voice.borrow_mut().waiting.clear();
        let costs = result.as_ref().map_or_else(|e| e.attempts.as_slice(), |a| a.attempts.as_slice());
        self.summary.cost_usd += costs.iter().filter_map(|attempt| attempt.cost_usd).sum();
        self.summary.failovers += u64::from(failed_over(costs));
        match result {
            Ok(answered) => self.answered(index, model, answered),
            Err(error) if matches!(error.kind, Kind::Interrupted | Kind::Terminated) => {
                self.stopped.get_or_insert(Error::new(error.kind, ""));
            }
            Err(error) if error.kind == Kind::RateLimited && self.comes_back(index) => {}
            Err(error) => self.failed(index, &error),
        }
    }

    fn answered(&mut self, index: usize, model: Option<String>, answered: Answered) {
        self.in_a_row = None;
        self.since.remove(&index);
        self.summary.answered += 1;
        self.summary.from_cache += u64::from(answered.cache == CacheOutcome::Hit);
        answered.warnings.iter().for_each(|warning| self.voice.borrow_mut().once(warning));
        if self.waiting > MOST_WAITING && index != self.written && self.is_kept(answered.id) {
            self.states[index] = Line::Kept(answered.id);
            return;
        }
        let structured = self.base.schema.is_some();
        let text = self.place(index, |place| report::answered(place, answered, model, structured));
        self.ready(index, text);
    }

    /// Whether an answer can be read again: not where the database failed when it came.
    fn is_kept(&self, request: RequestId) -> bool {
        self.store.kept_answer(request).is_ok_and(|kept| kept.is_some())
    }

    /// Whether a line that every candidate is rate-limited for is asked once more: it has time left.
    fn comes_back(&mut self, index: usize) -> bool {
        let Some((since, times)) = self.since.get(&index).copied() else { return false };
        let pause = FIRST_RETURN * 2u32.pow(times.min(MOST_RETURNS));
        let limit = Duration::from_millis(self.base.timeout_ms);
        if times >= MOST_RETURNS || self.stopped.is_some() || since.elapsed() + pause >= limit {
            return false;
        }
        self.returns.push(Return { index, due: Instant::now() + pause, times: times + 1 });
        true
    }

    fn failed(&mut self, index: usize, error: &Error) {
        self.since.remove(&index);
        self.summary.failed += 1;
        if !self.kinds.contains(&error.kind) {
            self.kinds.push(error.kind);
        }
        let text = self.place(index, |place| report::failed(place, error, &Redactor::default()));
        let text = text.map(|text| self.redactor.redact(&text));
        self.note_failure(index, error);
        self.ready(index, text);
        if !is_everybody_s(error.kind) {
            return;
        }
        let times = match self.in_a_row {
            Some((kind, times)) if kind == error.kind => times + 1,
            _ => 1,
        };
        self.in_a_row = Some((error.kind, times));
        if times >= HOPELESS {
            let hopeless =
                Error { kind: error.kind, hints: error.hints.clone(), ..Error::new(error.kind, &error.message) };
            self.stopped.get_or_insert(hopeless);
        }
    }

    fn note_failure(&mut self, index: usize, error: &Error) {
        if self.summary.failures.len() >= MOST_FAILURES {
            return;
        }
        let entry = self.lines.entries[index];
        let id = self.lines.read(&entry, &self.base).ok().and_then(|line| line.id);
        let message = self.redactor.redact(&error.message);
        self.summary.failures.push(Failure { line: entry.number, id, kind: error.kind.name(), message });
        // They come in the order in which they failed, and are read in that of the file.
        self.summary.failures.sort_by_key(|failure| failure.line);
    }

    /// What the output says of a line beside what came of it.
    fn place(&mut self, index: usize, render: impl FnOnce(Place<'_>) -> Result<String>) -> Result<String> {
        let entry = self.lines.entries[index];
        // One that has changed meanwhile has neither id nor fields any more; its number says which one it was.
        let line = self.lines.read(&entry, &self.base);
        let (id, own) = line.map_or_else(|_| (None, serde_json::Map::new()), |line| (line.id, line.own));
        render(Place { line: entry.number, id: id.as_ref(), own: &own })
    }

    fn ready(&mut self, index: usize, text: Result<String>) {
        match text {
            Ok(text) => {
                self.waiting += text.len();
                self.states[index] = Line::Ready(text);
            }
            Err(error) => _ = self.stopped.get_or_insert(error),
        }
    }

    /// Writes what no earlier line keeps waiting.
    fn write_out(&mut self) {
        if self.stopped.as_ref().is_some_and(|why| why.kind == Kind::Closed) {
            return;
        }
        if let Err(error) = self.write_ready() {
            self.stopped = Some(error);
        }
    }

    fn write_ready(&mut self) -> Result<()> {
        while let Some(state) = self.states.get_mut(self.written) {
            let text = match std::mem::replace(state, Line::Written) {
                Line::Ready(text) => {
                    self.waiting = self.waiting.saturating_sub(text.len());
                    text
                }
                Line::Kept(request) => self.kept(self.written, request)?,
                Line::Written => String::new(),
                Line::Open => {
                    *state = Line::Open;
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
        let structured = self.base.schema.is_some();
        self.place(index, |place| report::kept(place, entry, text, structured))
    }

    fn draw(&self) {
        let summary = &self.summary;
        let mut voice = self.voice.borrow_mut();
        let waiting = voice.waiting.clone();
        voice.progress.draw(|| Numbers {
            done: summary.answered + summary.failed,
            lines: summary.lines,
            of_this_run: summary.answered + summary.failed - summary.answered_before,
            failed: summary.failed,
            cost: summary.cost_usd,
            waiting,
        });
    }

    /// Says how it ended; the summary, and the error that the process ends with, if any.
    pub fn end(mut self, drained: Result<()>) -> (Summary, Result<()>) {
        let mut voice = self.voice.borrow_mut();
        voice.progress.clear();
        self.summary.left = self.summary.lines - self.summary.answered - self.summary.failed;
        self.summary.seconds = (self.began.elapsed().as_secs_f64() * 1000.0).round() / 1000.0;
        let verdict = drained.and_then(|()| verdict(self.stopped.take(), &self.summary, &self.kinds));
        if !matches!(&verdict, Err(error) if error.kind == Kind::Closed) {
            voice.messages.note(&self.summary.text());
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
    match router.cached(&job)? {
        Some(hit) => Ok(hit),
        None => router.answer(&job, ear).await,
    }
}

/// Whether another candidate answered than the one that was asked first.
fn failed_over(attempts: &[AttemptReport]) -> bool {
    let other = |w: &[AttemptReport]| (&w[0].provider, &w[0].model) != (&w[1].provider, &w[1].model);
    attempts.windows(2).any(|w| w[0].outcome == Outcome::Failed && other(w))
}

/// Kinds of failure that are not the line's own: the next line would probably fail, too.
fn is_everybody_s(kind: Kind) -> bool {
    use Kind::{Auth, Budget, NoProvider, Other, RateLimited, Store, Unavailable};
    matches!(kind, Budget | Auth | RateLimited | Unavailable | NoProvider | Store | Other)
}

/// How the process ends: interrupted, stopped, with lines that failed, or well.
fn verdict(stopped: Option<Error>, summary: &Summary, kinds: &[Kind]) -> Result<()> {
    const AGAIN: &str = "the same command once more goes on where this one ended";
    let Summary { lines, answered, failed, left, .. } = summary;
    let failures = |error: Error| summary.failures.iter().fold(error, |error, failure| error.hint(failure.text()));
    if let Some(why) = stopped {
        return Err(match why.kind {
            Kind::Closed => why,
            Kind::Interrupted | Kind::Terminated => {
                let word = if why.kind == Kind::Terminated { "terminated" } else { "interrupted" };
                Error::new(why.kind, format!("{word}; {answered} of {lines} lines are answered")).hint(AGAIN)
            }
            _ => {
                let message = format!("stopped: {failed} lines failed, {left} are left; {}", why.message);
                let error = Error { hints: why.hints, ..Error::new(why.kind, message) };
                error.hint(AGAIN)
            }
        });
    }
    if *failed == 0 {
        return Ok(());
    }
    let kind = if kinds == [Kind::Budget] { Kind::Budget } else { Kind::Other };
    let what = if *failed == 1 { "line" } else { "lines" };
    let error = failures(Error::new(kind, format!("{failed} {what} of {lines} failed")));
    Err(error.hint("the same command once more asks them again"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::BatchLine;

    fn entry(number: u64, digest: u8) -> Entry {
        Entry { number, digest: [digest; 16], ..Entry::default() }
    }

    fn asked(line: u64, digest: u8, request: i64, answered: bool) -> BatchLine {
        BatchLine { line, digest: [digest; 16], request: RequestId(request), answered, cut: !answered }
    }

    #[test]
    fn an_answer_stays_with_its_question() {
        let batch = |lines: &[BatchLine]| Batch { id: 1, lines: lines.to_vec(), cost: Default::default() };
        let all = [asked(1, 1, 11, true), asked(2, 2, 12, true), asked(3, 3, 13, false), asked(4, 1, 14, true)];
        let kept = |n| Line::Kept(RequestId(n));
        for (entries, expected) in [
            (&[(1, 1), (2, 2), (3, 3), (4, 1)][..], &[kept(11), kept(12), Line::Open, kept(14)][..]),
            // One was edited; one was inserted before them all; the order was changed; one is asked a third time.
            (&[(1, 1), (2, 9), (3, 3), (4, 1)], &[kept(11), Line::Open, Line::Open, kept(14)]),
            (&[(1, 9), (2, 1), (3, 2), (4, 3), (5, 1)], &[Line::Open, kept(11), kept(12), Line::Open, kept(14)]),
            (&[(1, 2), (2, 1)], &[kept(12), kept(11)]),
            (&[(4, 1), (5, 1), (6, 1)], &[kept(14), kept(11), Line::Open]),
            (&[], &[]),
        ] {
            let entries: Vec<Entry> = entries.iter().map(|(number, digest)| entry(*number, *digest)).collect();
            assert_eq!(assign(&entries, &batch(&all)), expected, "{entries:?}");
        }
    }

    #[test]
    fn the_end_says_what_it_was() {
        let summary = Summary { lines: 9, answered: 4, failed: 2, left: 3, ..Summary::default() };
        let whole = Summary { lines: 9, answered: 9, ..Summary::default() };
        let stopped = |kind| Some(Error::new(kind, "no money"));
        for (why, summary, kinds, code, says) in [
            (None, &whole, &[][..], 0, ""),
            (None, &summary, &[Kind::Refused], 1, "2 lines of 9 failed"),
            (None, &summary, &[Kind::Budget], 4, "2 lines of 9 failed"),
            (None, &summary, &[Kind::Budget, Kind::Refused], 1, "2 lines of 9 failed"),
            (stopped(Kind::Budget), &summary, &[Kind::Budget], 4, "stopped: 2 lines failed, 3 are left; no money"),
            (stopped(Kind::Interrupted), &summary, &[], 130, "interrupted; 4 of 9 lines are answered"),
            (stopped(Kind::Terminated), &summary, &[], 143, "terminated; 4 of 9 lines are answered"),
        ] {
            let ended = verdict(why, summary, kinds);
            let (is, said) = ended.map_or_else(|e| (e.exit_code(), e.message), |()| (0, String::new()));
            assert_eq!((is, said.as_str()), (code, says));
        }
    }
}
