//! Whether texts are read in parts, in which, and what that would take.

use std::collections::HashSet;

use serde::Serialize;

use crate::cli;
use crate::commands::batch::lines;
use crate::commands::{Context, question};
use crate::engine::long::{Document, Part, Way, Wish, answer_prompt, notes_prompt, passages_for, way_for, whole};
use crate::engine::plan::{Ranked, Reason};
use crate::error::{Error, Kind, Result};
use crate::input::Parts;
use crate::output::units;
use crate::router::{Request, Router};
use crate::types::{CandidateId, Message, NanoUsd};

use super::read::{ROOM, name, notes_request, words};
use super::rerank::{Rerank, Takes};

/// Tokens that one call reads, where nobody says: models find what matters in so much, and it fits nearly every window.
const READ_TOKENS: u64 = 24_000;
/// Less is no reading.
const LEAST_READ: u64 = 256;
/// Tokens of a call beside the text: instructions, and what a chat template adds.
const AROUND: u64 = 400;
/// The room that is left for an answer in a window of which nobody asked for more.
const ANSWER: u64 = 4096;
/// Where nobody knows a window.
const USUAL_WINDOW: u64 = 32_768;
/// A prompt of so many bytes fits every window there is: nothing is looked at.
const SURELY_FITS: usize = 12_000;
/// Tokens of notes, at most: an eighth of what is read, within these bounds.
const NOTES: (u64, u64) = (256, 1024);

/// Texts that are read in parts.
pub struct Reading {
    /// How.
    pub way: Way,
    /// Names and texts.
    pub texts: Vec<(String, String)>,
    /// What is asked of them.
    pub question: String,
    /// What is read.
    pub parts: Vec<Part>,
    /// Tokens that one call reads.
    pub size: u64,
    /// Tokens that a call's notes may have.
    pub notes: u64,
    /// Tokens of all texts.
    pub text_tokens: u64,
    /// Everything of the request but its prompt.
    pub base: Request,
    /// What all of it may cost.
    pub max_cost: Option<NanoUsd>,
    /// Whether a text came from where it cannot be read again.
    pub piped: bool,
    /// The folder that the texts are named from.
    pub folder: String,
    /// Whether what was read before is read anew.
    pub fresh: bool,
    /// Passages that get a second look.
    pub rerank: Option<Rerank>,
}

impl Reading {
    /// What makes two readings the same.
    pub fn name(&self) -> String {
        name(&self.folder, &self.question, &self.texts, self.piped)
    }

    /// The texts.
    pub fn documents(&self) -> Vec<Document<'_>> {
        self.texts.iter().map(|(name, text)| Document { name, text }).collect()
    }
}

/// What is wished for, and what there is to read.
pub struct Wanted {
    wish: Option<Wish>,
    read_tokens: Option<u64>,
    /// Whether vectors have a say, and of which model.
    rerank: Option<Option<String>>,
    parts: Option<Parts>,
}

impl Wanted {
    /// From the flags. Wrong usage for a wish where nothing can be read in parts.
    pub fn of(flags: &cli::LongTexts, parts: Option<Parts>) -> Result<Self> {
        let wish: Option<Wish> = question::parsed("--strategy-long", flags.strategy_long.as_deref())?;
        let rerank = flags.rerank.clone().map(|model| Some(model).filter(|model| !model.is_empty()));
        let wish = match (&rerank, wish) {
            (Some(_), None) => Some(Wish(Some(Way::Retrieve))),
            (Some(_), Some(wish)) if wish.0 != Some(Way::Retrieve) => {
                return Err(Error::new(
                    Kind::Usage,
                    "--rerank is for --strategy-long retrieve: the other ways read everything",
                ));
            }
            (_, wish) => wish,
        };
        if wish.is_some() && parts.is_none() {
            return Err(Error::new(Kind::Usage, "only a prompt with files is read in parts")
                .hint("leave --strategy-long and --rerank out beside pictures, a template or a conversation"));
        }
        Ok(Self { wish, read_tokens: flags.read_tokens, rerank, parts })
    }

    /// The reading of the prompt's texts, with its plan; `None` where they are asked in one call as they are.
    pub fn plan(self, context: &mut Context, request: &Request) -> Result<Option<(Reading, Plan)>> {
        let Some(parts) = self.parts.filter(|parts| self.wish.is_some() || may_be_long(parts)) else { return Ok(None) };
        let wished = Wished { wish: self.wish, read_tokens: self.read_tokens, rerank: self.rerank };
        let mut said = None;
        let found =
            reading(&mut context.router_without_writing()?, request, parts, wished, &mut |hint| said = Some(hint));
        said.iter().for_each(|hint| context.messages.hint(hint));
        found
    }
}

/// Whether there is enough text to be looked at.
fn may_be_long(parts: &Parts) -> bool {
    let texts = parts.files.iter().map(|(_, text)| text).chain(&parts.stdin);
    texts.map(String::len).sum::<usize>() >= SURELY_FITS
}

/// What a reading would take.
#[derive(Debug, Serialize)]
pub struct Plan {
    strategy: Way,
    parts: u64,
    /// Parts whose notes are kept from before.
    kept: u64,
    calls: u64,
    /// Of the texts, and of all that is sent.
    text_tokens: u64,
    input_tokens: u64,
    /// Of all that is likely written.
    output_tokens: u64,
    low_usd: Option<NanoUsd>,
    high_usd: Option<NanoUsd>,
    seconds: u64,
    at_a_time: u64,
    first: String,
    /// The second look at the passages, in calls, tokens and costs above.
    #[serde(skip_serializing_if = "Option::is_none")]
    rerank: Option<Takes>,
    #[serde(skip)]
    why: String,
    #[serde(skip)]
    fits_nobody: bool,
}

impl Plan {
    /// Whether there is no other way than in parts.
    pub fn fits_nobody(&self) -> bool {
        self.fits_nobody
    }

    /// With a second look before it.
    fn with(&mut self, takes: Takes) {
        self.calls += takes.calls;
        self.input_tokens += takes.tokens;
        self.low_usd = self.low_usd.zip(takes.low_usd).map(|(sum, more)| sum + more);
        self.high_usd = self.high_usd.zip(takes.high_usd).map(|(sum, more)| sum + more);
        self.rerank = Some(takes);
    }

    /// Whether passages get a second look.
    pub fn looks_twice(&self) -> bool {
        self.rerank.is_some()
    }

    /// What it likely costs.
    pub fn low_usd(&self) -> Option<NanoUsd> {
        self.low_usd
    }

    /// Tokens that are sent, and that are written.
    pub fn tokens(&self) -> (u64, u64) {
        (self.input_tokens, self.output_tokens)
    }

    /// What it may cost at most.
    pub fn high_usd(&self) -> Option<NanoUsd> {
        self.high_usd
    }

    /// What `ask` would do, in one sentence.
    pub fn would(&self) -> String {
        format!("read the texts by {}: {}", self.strategy.name(), self.takes())
    }

    /// The plan in words.
    pub fn lines(&self) -> Vec<String> {
        vec![self.why.clone(), format!("plan: {}, {}", self.strategy.name(), self.takes())]
    }

    fn takes(&self) -> String {
        let money = match (self.low_usd, self.high_usd) {
            (Some(low), Some(high)) => format!("about {} (at most {})", units::usd(low), units::usd(high)),
            _ => "at an unknown price".to_owned(),
        };
        let calls = if self.calls == 1 { "1 call".to_owned() } else { format!("{} calls", units::tokens(self.calls)) };
        let time = match self.seconds {
            0..90 => format!("{} s", self.seconds),
            seconds => format!("{} min", seconds.div_ceil(60)),
        };
        let parts = if self.parts == 1 { "1 part".to_owned() } else { format!("{} parts", units::tokens(self.parts)) };
        let parts = match self.kept {
            0 => parts,
            kept => format!("{parts} ({} kept from before)", units::tokens(kept)),
        };
        let read = units::tokens(self.input_tokens);
        let looks = self.rerank.as_ref().map(|takes| format!(" and {} for vectors", takes.model)).unwrap_or_default();
        format!("{parts}, {calls} ({} first{looks}), {read} tokens in all, {money}, about {time}", self.first)
    }
}

/// What flags say of a reading.
struct Wished {
    /// `--strategy-long`.
    wish: Option<Wish>,
    /// What one call reads at most.
    read_tokens: Option<u64>,
    rerank: Option<Option<String>>,
}

/// The reading of a prompt with its texts, with its plan; `None` where they are asked in one call as they are. Wrong usage
/// for a wish without texts or question.
fn reading(
    router: &mut Router<'_>,
    request: &Request,
    parts: Parts,
    wished: Wished,
    say: &mut dyn FnMut(String),
) -> Result<Option<(Reading, Plan)>> {
    let Wished { wish, read_tokens, rerank } = wished;
    let Parts { prompt, files, stdin } = parts;
    let piped = stdin.is_some() || files.iter().any(|(name, _)| name == "-");
    let mut texts = files;
    texts.extend(stdin.filter(|_| prompt.is_some()).map(|text| ("stdin".to_owned(), text)));
    texts.retain(|(_, text)| !text.trim().is_empty());
    let Some(question) = prompt.filter(|_| !texts.is_empty()) else {
        return match wish {
            None => Ok(None),
            Some(_) => Err(Error::new(
                Kind::Usage,
                "--strategy-long and --rerank need texts that say something, and a question about them",
            )
            .hint("say llmr ask --strategy-long map-reduce -f FILE \"…\"")),
        };
    };
    let too_long = match wish {
        Some(_) => None,
        None => match does_not_fit(router, request, say)? {
            None => return Ok(None),
            Some(who) => Some(who),
        },
    };
    let Some(first) = first(router, request, &question)? else { return Ok(None) };
    let size = size(&first, &question, request, read_tokens)?;
    let documents: Vec<Document<'_>> = texts.iter().map(|(name, text)| Document { name, text }).collect();
    let (way, parts) = parts_for(&documents, &question, size, wish.and_then(|wish| wish.0))?;
    let text_tokens = documents.iter().map(|document| crate::engine::long::tokens(document.text)).sum();
    let notes = (size / 8).clamp(NOTES.0, NOTES.1).min(size / 2).max(1);
    let max_cost = request.max_cost;
    let base =
        Request { max_cost: None, messages: Vec::new(), parallel: 1, race: false, cascade: None, ..request.clone() };
    let mut reading = Reading {
        way,
        question,
        parts,
        size,
        notes,
        text_tokens,
        base,
        max_cost,
        piped,
        folder: router.host.cwd.to_string_lossy().into_owned(),
        fresh: false,
        texts: Vec::new(),
        rerank: None,
    };
    let known = router.store.answered_lines(&name(&reading.folder, &reading.question, &texts, piped))?;
    let known: HashSet<[u8; 16]> = known.into_iter().collect();
    let mut plan = plan(router, &reading, too_long.as_ref(), (&first, &known))?;
    if wish.is_none_or(|wish| wish.0.is_none()) && reading.way == Way::MapReduce && over(&plan, max_cost) {
        // What was left to llmr stays within what it may cost.
        if let Some(part) = passages_for(&documents, &reading.question, size) {
            (reading.way, reading.parts) = (Way::Retrieve, vec![part]);
            plan = self::plan(router, &reading, too_long.as_ref(), (&first, &known))?;
        }
    }
    if let Some(model) = rerank {
        let about = (&documents[..], reading.question.as_str(), size);
        // Where everything is read, there is nothing to choose.
        let all = reading.parts.iter().map(|part| part.tokens).sum::<u64>() >= text_tokens;
        let looking = if all { None } else { Rerank::plan(router, request, model.as_deref(), about)? };
        if let Some((looking, takes)) = looking {
            reading.rerank = Some(looking);
            plan.with(takes);
        }
    }
    drop(documents);
    reading.texts = texts;
    Ok(Some((reading, plan)))
}

fn over(plan: &Plan, max_cost: Option<NanoUsd>) -> bool {
    max_cost.zip(plan.low_usd).is_some_and(|(cap, low)| low > cap)
}

/// In which way, and what is read in it.
fn parts_for(documents: &[Document<'_>], question: &str, size: u64, wish: Option<Way>) -> Result<(Way, Vec<Part>)> {
    Ok(match wish.unwrap_or_else(|| way_for(question)) {
        Way::Retrieve => match passages_for(documents, question, size) {
            Some(part) => (Way::Retrieve, vec![part]),
            // No word of the question occurs: only who reads everything can tell.
            None if wish.is_none() => (Way::MapReduce, whole(documents, size)),
            None => {
                return Err(Error::new(Kind::Refused, "no word of the question occurs in the texts")
                    .hint("--strategy-long map-reduce reads all of them"));
            }
        },
        way => (way, whole(documents, size)),
    })
}

/// Whose window the whole prompt does not fit, where it fits nobody's. Of one that fits it is said where reading the best
/// passages alone would cost far less.
fn does_not_fit(
    router: &mut Router<'_>,
    request: &Request,
    say: &mut dyn FnMut(String),
) -> Result<Option<(CandidateId, u64)>> {
    let job = router.prepare(request.clone())?;
    let rehearsal = router.rehearse(&job)?;
    if rehearsal.cached.is_some() {
        return Ok(None);
    }
    if let Some(first) = rehearsal.plan.order.first() {
        if let Some((whole, part)) = far_cheaper(router, request, first) {
            say(format!(
                "all of it is read, for about {}; --strategy-long retrieve reads the best passages for about {}",
                units::usd(whole),
                units::usd(part)
            ));
        }
        return Ok(None);
    }
    let mut refused = rehearsal.plan.refused.iter();
    Ok(refused.find_map(|refused| match refused.reason {
        Reason::Window { has, .. } => Some((refused.id.clone(), has)),
        _ => None,
    }))
}

/// What the whole prompt likely costs, and what a call that reads as much as one does, where that is less than half.
fn far_cheaper(router: &mut Router<'_>, request: &Request, first: &Ranked) -> Option<(NanoUsd, NanoUsd)> {
    let (tokens, whole) = (first.expected.load.input_tokens, first.expected.load.cost);
    let prompt = request.messages.last().map_or("", |message| message.text.as_str());
    let whole = whole.filter(|whole| *whole > NanoUsd::ZERO && tokens > 2 * READ_TOKENS)?;
    let bytes = usize::try_from(prompt.len() as u64 * READ_TOKENS / tokens).unwrap_or(prompt.len());
    let part = Message::user(&prompt[..prompt.floor_char_boundary(bytes)]);
    // A hint is no reason to fail.
    let cost =
        Cost::of(router, Request { messages: vec![part], ..request.clone() }).ok().and_then(|cost| cost.expected);
    cost.filter(|part| part.0 < whole.0 / 2).map(|part| (whole, part))
}

/// Who would be asked the question alone; `None` where nobody would.
fn first(router: &mut Router<'_>, request: &Request, question: &str) -> Result<Option<Ranked>> {
    // What all of it may cost is held against the plan.
    let alone = Request { messages: vec![Message::user(question)], max_cost: None, ..request.clone() };
    let job = router.prepare(alone)?;
    Ok(router.rehearse(&job)?.plan.order.into_iter().next())
}

/// Tokens that one call reads.
fn size(first: &Ranked, question: &str, request: &Request, read_tokens: Option<u64>) -> Result<u64> {
    let window = first.candidate.context_tokens.unwrap_or(USUAL_WINDOW);
    let answer = request.explicit_cap.unwrap_or(ANSWER).min(window / 3);
    let around = AROUND + crate::engine::long::tokens(question) + answer;
    let room = window.saturating_sub(around);
    #[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let room = (room as f64 / first.candidate.token_factor.max(1.0) * 0.95) as u64;
    let size = read_tokens.unwrap_or(READ_TOKENS).min(room);
    match size >= LEAST_READ {
        true => Ok(size),
        false => Err(Error::new(
            Kind::Refused,
            format!("the window of {} leaves no room for a text beside the question", first.candidate.id),
        )
        .hint("--max-tokens N asks for a shorter answer, -m MODEL for another model")),
    }
}

fn plan(
    router: &mut Router<'_>,
    reading: &Reading,
    too_long: Option<&(CandidateId, u64)>,
    (first, known): (&Ranked, &HashSet<[u8; 16]>),
) -> Result<Plan> {
    let parts = reading.parts.len() as u64;
    let merges = match reading.way {
        Way::MapReduce => merges(parts, reading.notes * ROOM, reading.size),
        Way::Retrieve | Way::Refine => 0,
    };
    let kept = kept(router, reading, known);
    let notes = if reading.way == Way::Retrieve { 0 } else { parts + merges - kept };
    let at_a_time = u64::from(router.config.settings.max_parallel);
    let rounds = match reading.way {
        Way::MapReduce => (parts - kept).div_ceil(at_a_time.max(1)) + merges.div_ceil(at_a_time.max(1)),
        Way::Retrieve | Way::Refine => notes,
    };
    let read: u64 = reading.parts.iter().map(|part| part.tokens).sum();
    let usual = read.div_ceil(parts.max(1));
    let longest = reading.parts.iter().max_by_key(|part| part.tokens);
    let typical = reading.parts.iter().min_by_key(|part| part.tokens.abs_diff(usual));
    let text = |part: Option<&Part>| part.map_or_else(String::new, |part| part.text.clone());
    let note = |part| notes_request(reading, notes_prompt(&reading.question, &text(part), reading.notes));
    // The last call reads the passages, or the notes.
    let last = match reading.way {
        Way::Retrieve => text(longest),
        Way::MapReduce => beginning(&text(longest), longest, (parts * reading.notes).min(reading.size)),
        Way::Refine => beginning(&text(longest), longest, reading.notes),
    };
    let answer =
        Request { messages: vec![Message::user(answer_prompt(&reading.question, &[last]))], ..reading.base.clone() };
    let (mut of_note, mut most, of_answer) = (Cost::default(), Some(NanoUsd::ZERO), Cost::of(router, answer)?);
    if notes > 0 {
        of_note = Cost::of(router, note(typical))?;
        most = Cost::of(router, note(longest))?.most;
    }
    let sum =
        |a: Option<NanoUsd>, b: Option<NanoUsd>| Some(NanoUsd(a?.0.saturating_mul(i64::try_from(notes).ok()?)) + b?);
    let (low_usd, high_usd) = match notes {
        0 => (of_answer.expected, of_answer.most),
        _ => (sum(of_note.expected, of_answer.expected), sum(most, of_answer.most)),
    };
    let why = match too_long {
        Some((who, has)) => format!(
            "the texts are about {} tokens: they do not fit the window of {who} ({}), nor anybody else's",
            units::tokens(reading.text_tokens),
            units::tokens(*has)
        ),
        None => format!("the texts are about {} tokens", units::tokens(reading.text_tokens)),
    };
    let read = read * (parts - kept) / parts.max(1);
    Ok(Plan {
        strategy: reading.way,
        parts,
        kept,
        calls: notes + 1,
        text_tokens: reading.text_tokens,
        input_tokens: read + (notes + 1) * AROUND + merges * reading.size,
        output_tokens: of_note.output_tokens.saturating_mul(notes) + of_answer.output_tokens,
        low_usd,
        high_usd,
        seconds: (of_note.latency_ms.saturating_mul(rounds) + of_answer.latency_ms).div_ceil(1000),
        at_a_time,
        first: first.candidate.id.to_string(),
        rerank: None,
        why,
        fits_nobody: too_long.is_some(),
    })
}

/// So many tokens of a part's text, where it has as many: as much as notes may come to.
fn beginning(text: &str, part: Option<&Part>, tokens: u64) -> String {
    let all = part.map_or(1, |part| part.tokens.max(1));
    let bytes = usize::try_from(text.len() as u64 * tokens.min(all) / all).unwrap_or(text.len());
    text[..text.floor_char_boundary(bytes)].to_owned()
}

/// Parts whose notes are kept from before. Of notes that are carried on nobody knows before they are.
fn kept(router: &Router<'_>, reading: &Reading, known: &HashSet<[u8; 16]>) -> u64 {
    if reading.way != Way::MapReduce || known.is_empty() {
        return 0;
    }
    let is_kept = |part: &&Part| {
        let prompt = notes_prompt(&reading.question, &part.text, words(reading));
        known.contains(&lines::digest(router, &notes_request(reading, prompt)))
    };
    reading.parts.iter().filter(is_kept).count() as u64
}

/// Calls that merge so many notes, at most, until what is left fits one call.
fn merges(mut count: u64, notes: u64, size: u64) -> u64 {
    let mut calls = 0;
    while count > 1 && count * notes > size {
        let next = (count * notes).div_ceil(size).max(1);
        if next >= count {
            break;
        }
        calls += next;
        count = next;
    }
    calls
}

/// What one call takes.
#[derive(Debug, Clone, Copy, Default)]
struct Cost {
    expected: Option<NanoUsd>,
    most: Option<NanoUsd>,
    latency_ms: u64,
    output_tokens: u64,
}

impl Cost {
    fn of(router: &mut Router<'_>, request: Request) -> Result<Self> {
        let job = router.prepare(request)?;
        let rehearsal = router.rehearse(&job)?;
        let Some(first) = rehearsal.plan.order.first() else {
            let why = rehearsal.plan.refused.first().map(|r| format!(": {}: {}", r.id, r.reason)).unwrap_or_default();
            let kind =
                if rehearsal.plan.refused.iter().any(|r| r.reason.is_money()) { Kind::Budget } else { Kind::Refused };
            return Err(Error::new(kind, format!("nobody can be asked to read a part{why}"))
                .hint("--read-tokens N makes smaller parts"));
        };
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        let latency_ms = first.expected.latency_ms.round() as u64;
        let most = first.candidate.pricing.as_ref().map(|_| first.sized.hold);
        let load = first.expected.load;
        Ok(Self { expected: load.cost, most, latency_ms, output_tokens: load.output_tokens })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notes_are_merged_until_they_fit_one_call() {
        for (parts, notes, size, calls) in
            [(1, 500, 4000, 0), (8, 500, 4000, 0), (9, 500, 4000, 2), (100, 500, 4000, 13 + 2), (5, 10, 5, 0)]
        {
            assert_eq!(merges(parts, notes, size), calls, "{parts} {notes} {size}");
        }
    }
}
