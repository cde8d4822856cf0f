//! The reading itself: calls side by side, each kept as it is settled, and the notes made into one answer.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use sha2::{Digest, Sha256};

use super::wanted::Reading;
use crate::commands::batch::lines;
use crate::commands::batch::progress::Numbers;
use crate::commands::batch::voice::{Ear, Voice, Watch};
use crate::commands::side_by_side::{TICK, Work, answer, ask_all, routers};
use crate::engine::long::{
    NOTES_SYSTEM, Part, Way, answer_prompt, groups, is_nothing, merge_prompt, notes_prompt, refine_prompt,
};
use crate::error::{Error, Kind, Result};
use crate::router::{Answered, Keep, Request, Router};
use crate::store::{Batch, BatchOpened};
use crate::types::{CacheOutcome, Message, NanoUsd, RequestId, hex};

/// Who reads.
pub struct Reader<'r> {
    idle: Vec<Router<'r>>,
    batch: Batch,
    known: HashMap<[u8; 16], RequestId>,
    voice: Rc<RefCell<Voice>>,
    watch: Watch,
    /// Calls in all, as far as is known now.
    calls: u64,
    done: u64,
    of_this_run: u64,
    cost: NanoUsd,
    /// Whether every cost is known.
    priced: bool,
    next_line: u64,
    /// Calls that were made.
    pub asked: u64,
    /// Those that were answered.
    answered: u64,
    /// Answers that were kept from before.
    pub kept: u64,
    /// Whether a text cannot be read again.
    piped: bool,
    /// What the user should know, beside the answer's own.
    warnings: Vec<String>,
}

impl<'r> Reader<'r> {
    /// A reader with so many calls at a time as the settings let it; nobody else reads the same meanwhile.
    pub fn open(router: Router<'r>, reading: &Reading, voice: Voice, watch: Watch) -> Result<Self> {
        let batch = match router.store.open_batch(&reading.name(), router.host.now())? {
            BatchOpened::Yes(batch) => batch,
            BatchOpened::Busy { pid, .. } => {
                return Err(Error::new(Kind::Usage, format!("process {pid} reads the same for the same question"))
                    .hint("wait for its end, or stop it to go on with what it has read"));
            }
        };
        let answered = batch.lines.iter().filter(|line| line.answered && !reading.fresh);
        let known = answered.map(|line| (line.digest, line.request)).collect();
        let next_line = batch.lines.iter().map(|line| line.line).max().unwrap_or_default() + 1;
        let at_a_time = match (reading.way, &reading.rerank) {
            (Way::MapReduce, _) => reading.parts.len(),
            (_, Some(rerank)) => rerank.calls.len(),
            _ => 1,
        };
        let idle = routers(router, at_a_time)?;
        Ok(Self {
            idle,
            batch,
            known,
            voice: Rc::new(RefCell::new(voice)),
            watch,
            calls: 0,
            done: 0,
            of_this_run: 0,
            cost: NanoUsd::ZERO,
            priced: true,
            next_line,
            asked: 0,
            answered: 0,
            kept: 0,
            piped: reading.piped,
            warnings: Vec::new(),
        })
    }

    /// Lets others read the same.
    pub fn close(&mut self) {
        self.voice.borrow_mut().clear();
        if let Some(router) = self.idle.first() {
            // The next run finds a dead owner otherwise: that is as good.
            _ = router.store.close_batch(self.batch.id);
        }
    }

    /// The router, for what comes after.
    pub fn into_router(mut self) -> Result<Router<'r>> {
        self.idle.pop().ok_or_else(|| Error::new(Kind::Other, "nobody reads"))
    }

    /// Reads, and answers. With the parts that were read, where a second look has made them others than planned.
    pub async fn read(&mut self, reading: &Reading) -> Result<(Answered, Option<Vec<Part>>)> {
        self.calls = reading.parts.len() as u64 + u64::from(reading.way != Way::Retrieve);
        self.calls += reading.rerank.as_ref().map_or(0, |rerank| rerank.calls.len() as u64 + 1);
        let mut parts: Option<Vec<Part>> = None;
        let from = match reading.way {
            Way::Retrieve => {
                parts = self.second_look(reading).await?.map(|part| vec![part]);
                parts.as_ref().unwrap_or(&reading.parts).iter().map(|part| part.text.clone()).collect()
            }
            Way::MapReduce => self.map_reduce(reading).await?,
            Way::Refine => vec![self.refine(reading).await?],
        };
        let request =
            Request { messages: vec![Message::user(answer_prompt(&reading.question, &from))], ..reading.base.clone() };
        let mut answered = self.ask_one(request).await?;
        answered.cost = Some(self.cost).filter(|_| self.priced);
        answered.warnings.splice(0..0, std::mem::take(&mut self.warnings));
        Ok((answered, parts))
    }

    /// The passages once vectors were asked what they say of them; `None` where nobody is to be asked. Without vectors
    /// the ranking alone counts, and it is said why.
    async fn second_look(&mut self, reading: &Reading) -> Result<Option<Part>> {
        let Some(rerank) = &reading.rerank else { return Ok(None) };
        let (mut idle, voice) = (std::mem::take(&mut self.idle), Rc::clone(&self.voice));
        let (looked, result) = rerank.look(reading, &mut idle, &voice, &mut self.watch).await;
        self.idle = idle;
        self.cost += looked.cost.unwrap_or_default();
        self.priced &= looked.cost.is_some();
        self.asked += looked.calls - looked.from_cache;
        self.kept += looked.from_cache;
        self.warnings.extend(looked.warnings);
        match result {
            Ok(()) => {}
            Err(error) if is_final(error.kind) => return Err(self.broken_off(error)),
            Err(error) => {
                let warning = format!("no second look at the passages: {}", error.message);
                self.voice.borrow_mut().once(&warning);
                self.warnings.push(warning);
            }
        }
        Ok(looked.part)
    }

    async fn map_reduce(&mut self, reading: &Reading) -> Result<Vec<String>> {
        let words = words(reading);
        let prompts = reading.parts.iter().map(|part| notes_prompt(&reading.question, &part.text, words));
        let requests = prompts.map(|prompt| notes_request(reading, prompt)).collect();
        let mut notes = self.ask_all(requests).await?;
        loop {
            notes.retain(|note| !is_nothing(note));
            let mut groups = groups(&notes, reading.size);
            if groups.len() <= 1 {
                return Ok(notes);
            }
            if groups.len() >= notes.len() {
                // Notes that are too long for two of them to fit: a call reads more, for once.
                groups = (0..notes.len()).step_by(2).map(|first| first..(first + 2).min(notes.len())).collect();
            }
            self.calls += groups.len() as u64;
            let merge = |group: std::ops::Range<usize>| {
                notes_request(reading, merge_prompt(&reading.question, &notes[group], words))
            };
            notes = self.ask_all(groups.into_iter().map(merge).collect()).await?;
        }
    }

    async fn refine(&mut self, reading: &Reading) -> Result<String> {
        let (mut notes, words) = (String::new(), words(reading));
        for part in &reading.parts {
            let prompt = refine_prompt(&reading.question, &notes, &part.text, words);
            notes = self.ask_all(vec![notes_request(reading, prompt)]).await?.pop().unwrap_or_default();
        }
        Ok(notes)
    }

    /// Asks all of these, as many at a time as there are routers; their answers in the same order. What was answered
    /// before is not asked again.
    async fn ask_all(&mut self, requests: Vec<Request>) -> Result<Vec<String>> {
        let mut answers: Vec<Option<String>> = vec![None; requests.len()];
        let mut open: Vec<(usize, Request)> = Vec::new();
        for (index, request) in requests.into_iter().enumerate() {
            match self.kept_answer(&request)? {
                Some(text) => {
                    answers[index] = Some(text);
                    self.kept += 1;
                    self.done += 1;
                }
                None => open.push((index, self.keeping(request)?)),
            }
        }
        let (mut idle, voice) = (std::mem::take(&mut self.idle), Rc::clone(&self.voice));
        let mut notes = Notes { reader: self, answers: &mut answers };
        let asked = ask_all(&mut idle, open, &voice, &mut notes).await;
        self.idle = idle;
        match asked {
            Ok(()) => Ok(answers.into_iter().flatten().collect()),
            Err(error) => Err(self.broken_off(error)),
        }
    }

    async fn ask_one(&mut self, request: Request) -> Result<Answered> {
        let mut router = self.idle.pop().ok_or_else(|| Error::new(Kind::Other, "nobody reads"))?;
        let mut ear = Ear(Rc::clone(&self.voice));
        let asking = answer(&mut router, request, &mut ear);
        let mut tick = tokio::time::interval(TICK);
        let result = {
            tokio::pin!(asking);
            loop {
                tokio::select! {
                    biased;
                    result = &mut asking => break result,
                    _ = tick.tick() => self.draw(),
                }
            }
        };
        self.took(&router, &result);
        self.idle.push(router);
        result.map_err(|error| self.broken_off(error))
    }

    /// The request whose answer is kept. The texts are the user's own files: of what is read the answers alone are kept.
    fn keeping(&mut self, request: Request) -> Result<Request> {
        let digest = lines::digest(self.router()?, &request);
        let keep = Keep::Line { batch: self.batch.id, line: self.next_line, digest, prompt: false };
        self.next_line += 1;
        Ok(Request { keep, ..request })
    }

    fn router(&self) -> Result<&Router<'r>> {
        self.idle.first().ok_or_else(|| Error::new(Kind::Other, "nobody reads"))
    }

    fn kept_answer(&self, request: &Request) -> Result<Option<String>> {
        let router = self.router()?;
        let Some(id) = self.known.get(&lines::digest(router, request)) else { return Ok(None) };
        Ok(router.store.kept_answer(*id)?.map(|(_, text)| text))
    }

    fn took(&mut self, router: &Router<'_>, result: &Result<Answered>) {
        let attempts = result.as_ref().map_or_else(|error| error.attempts.as_slice(), |a| a.attempts.as_slice());
        self.cost += attempts.iter().filter_map(|attempt| attempt.cost_usd).sum();
        self.priced &= attempts.iter().all(|attempt| attempt.cost_usd.is_some());
        let hit = result.as_ref().is_ok_and(|answered| answered.cache == CacheOutcome::Hit);
        self.asked += u64::from(!hit);
        self.kept += u64::from(hit);
        self.answered += u64::from(result.is_ok() && !hit);
        self.done += 1;
        self.of_this_run += 1;
        self.voice.borrow_mut().goes_on();
        self.watch.note(result);
        self.watch.look(router, &self.voice);
        if let Ok(answered) = result {
            answered.warnings.iter().for_each(|warning| self.voice.borrow_mut().once(warning));
        }
    }

    fn draw(&self) {
        self.voice.borrow_mut().draw(|| Numbers {
            done: self.done,
            lines: self.calls,
            of_this_run: self.of_this_run,
            failed: 0,
            cost: self.cost,
            waiting: String::new(),
        });
    }

    /// What is said of a reading that ended before its answer.
    fn broken_off(&self, error: Error) -> Error {
        self.voice.borrow_mut().clear();
        if self.calls <= 1 {
            return error;
        }
        let (answered, calls) = (self.kept + self.answered, self.calls);
        let again = if self.piped { "the same command once more" } else { "the same command, or `llmr ask --resume`," };
        error.hint(format!("{answered} of about {calls} answers are kept: {again} asks for the others only"))
    }
}

/// What ends a reading also where it could go on with less.
fn is_final(kind: Kind) -> bool {
    matches!(kind, Kind::Interrupted | Kind::Terminated | Kind::Closed | Kind::Budget | Kind::Usage | Kind::Store)
}

/// Notes under way.
struct Notes<'n, 'r> {
    reader: &'n mut Reader<'r>,
    answers: &'n mut Vec<Option<String>>,
}

impl Work for Notes<'_, '_> {
    fn took(&mut self, router: &Router<'_>, number: usize, result: Result<Answered>) -> Result<()> {
        self.reader.took(router, &result);
        self.answers[number] = Some(result?.text);
        Ok(())
    }

    fn draw(&self) {
        self.reader.draw();
    }
}

/// A request for notes: of the same candidates, but with a system prompt and a length of its own.
pub fn notes_request(reading: &Reading, prompt: String) -> Request {
    Request {
        system: Some(NOTES_SYSTEM.to_owned()),
        messages: vec![Message::user(prompt)],
        explicit_cap: None,
        default_cap: (reading.notes * ROOM).min(reading.base.default_cap),
        stop: Vec::new(),
        schema: None,
        ..reading.base.clone()
    }
}

/// A model that thinks, or writes more than it was asked for, has so many times the room.
pub const ROOM: u64 = 2;

/// Words of notes: a token is some three quarters of a word.
pub fn words(reading: &Reading) -> u64 {
    (reading.notes * 3 / 4).max(50)
}

/// What makes two readings the same: the question and the files, or what came on standard input. Which answers are kept from
/// the last one is then told by what each call asks.
pub fn name(folder: &str, question: &str, texts: &[(String, String)], piped: bool) -> String {
    let mut digest = Sha256::new();
    let contents = texts.iter().map(|(_, text)| text.as_str()).filter(|_| piped);
    let names = texts.iter().map(|(name, _)| name.as_str());
    for text in names.chain(contents).chain([folder, question]) {
        digest.update(text.len().to_le_bytes());
        digest.update(text);
    }
    format!("reading\n{}", hex(&digest.finalize()))
}
