//! Whether texts are read in parts, and in which.

use std::collections::HashSet;

use crate::cli;
use crate::commands::{Context, question};
use crate::engine::long::{Document, Part, Way, Wish, passages_for, tokens, way_for, whole};
use crate::engine::plan::{Ranked, Reason};
use crate::error::{Error, Kind, Result};
use crate::input::Parts;
use crate::output::units;
use crate::router::{Request, Router};
use crate::types::{CandidateId, Message, NanoUsd};

use super::plan::{AROUND, Cost, Plan, plan};
use super::read::name;
use super::rerank::Rerank;

/// Tokens that one call reads, where nobody says: models find what matters in so much, and it fits nearly every window.
const READ_TOKENS: u64 = 24_000;
/// Less is no reading.
const LEAST_READ: u64 = 256;
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
    wished: Wished,
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
        Ok(Self { wished: Wished { wish, read_tokens: flags.read_tokens, rerank }, parts })
    }

    /// The reading of the prompt's texts, with its plan; `None` where they are asked in one call as they are.
    pub fn plan(self, context: &mut Context, request: &Request) -> Result<Option<(Reading, Plan)>> {
        let Some(parts) = self.parts.filter(|parts| self.wished.wish.is_some() || may_be_long(parts)) else {
            return Ok(None);
        };
        let mut said = None;
        let found =
            reading(&mut context.router_without_writing()?, request, parts, self.wished, &mut |hint| said = Some(hint));
        said.iter().for_each(|hint| context.messages.hint(hint));
        found
    }
}

/// Whether there is enough text to be looked at.
fn may_be_long(parts: &Parts) -> bool {
    let texts = parts.files.iter().map(|(_, text)| text).chain(&parts.stdin);
    texts.map(String::len).sum::<usize>() >= SURELY_FITS
}

/// What flags say of a reading.
struct Wished {
    /// `--strategy-long`.
    wish: Option<Wish>,
    /// What one call reads at most.
    read_tokens: Option<u64>,
    /// Whether vectors have a say, and of which model.
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
    let text_tokens = documents.iter().map(|document| tokens(document.text)).sum();
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
    max_cost.zip(plan.low_usd()).is_some_and(|(cap, low)| low > cap)
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
    let around = AROUND + tokens(question) + answer;
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
