//! `llmr ask -f` of texts that are too long for one call: a plan, the parts read side by side, one answer whose citations
//! are checked.
//!
//! Every part is a request of its own, and its answer is kept in the transaction that settles it: what has arrived is
//! never asked for again, whatever stops the reading.

mod plan;
mod read;
mod rerank;
mod resume;
mod wanted;

use std::rc::Rc;

use serde::Serialize;

use crate::cli;
use crate::commands::batch::voice::{Voice, Watch};
use crate::commands::{Context, runtime};
use crate::engine::long::{Document, Part, Source, Way, check};
use crate::error::{Error, Kind, Result};
use crate::output::units;
use crate::router::{Answered, Purse, Router};
use crate::types::NanoUsd;

pub use plan::Plan;
pub use resume::{Again, again, asked};
pub use wanted::{Reading, Wanted};

/// What a reading came to, beside the answer.
#[derive(Debug, Serialize)]
pub struct Report {
    strategy: Way,
    /// Parts that the texts were read in.
    parts: u64,
    /// Calls that were made, the last one for the answer.
    calls: u64,
    /// Answers that were kept from before.
    kept: u64,
    /// Tokens of the texts, and of what was sent of them.
    text_tokens: u64,
    read_tokens: u64,
    /// Whether vectors had a say, where that was wished for and there was something to choose.
    #[serde(skip_serializing_if = "Option::is_none")]
    reranked: Option<bool>,
    /// What the answer cites, each once.
    sources: Vec<Cited>,
    /// Citations of what was not read, which were taken out.
    removed: Vec<String>,
}

#[derive(Debug, Serialize)]
struct Cited {
    file: String,
    first_line: usize,
    last_line: usize,
}

/// What came of a reading, with the router that it was read by.
pub type Came<'r> = (Router<'r>, Result<(Answered, Report)>);

/// Reads, and gives the answer with what it came to. The plan was shown and agreed to before.
pub fn answer<'r>(mut router: Router<'r>, reading: &Reading, voice: Voice, watch: Watch) -> Result<Came<'r>> {
    router.purse = reading.max_cost.map(|cap| Rc::new(Purse::new(cap, NanoUsd::ZERO)));
    let mut reader = read::Reader::open(router, reading, voice, watch)?;
    let answered = runtime()?.block_on(reader.read(reading));
    reader.close();
    let answered = answered.map(|(answered, parts)| {
        let reranked = reading.rerank.as_ref().map(|_| parts.is_some());
        let (answered, report) = checked(reading, &reader, answered, parts.as_deref().unwrap_or(&reading.parts));
        (answered, Report { reranked, ..report })
    });
    Ok((reader.into_router()?, answered))
}

/// The answer without citations of what was not read.
fn checked(reading: &Reading, reader: &read::Reader<'_>, mut answered: Answered, parts: &[Part]) -> (Answered, Report) {
    let documents = reading.documents();
    let sources: Vec<Source> = parts.iter().flat_map(|part| part.sources.iter().copied()).collect();
    let checked = check(&answered.text, &documents, &sources);
    if !checked.removed.is_empty() {
        let n = checked.removed.len();
        let (what, were) = if n == 1 { ("a citation", "was") } else { ("citations", "were") };
        let list = checked.removed.iter().take(MOST_NAMED).cloned().collect::<Vec<_>>().join(", ");
        answered.warnings.push(format!("{what} of what nobody read {were} taken out: {list}"));
    }
    answered.text = checked.text;
    let report = Report {
        strategy: reading.way,
        parts: parts.len() as u64,
        calls: reader.asked,
        kept: reader.kept,
        reranked: None,
        text_tokens: reading.text_tokens,
        read_tokens: parts.iter().map(|part| part.tokens).sum(),
        sources: checked.cited.iter().map(|source| cited(&documents, source)).collect(),
        removed: checked.removed,
    };
    (answered, report)
}

/// So many citations that were taken out are named.
const MOST_NAMED: usize = 5;

fn cited(documents: &[Document<'_>], source: &Source) -> Cited {
    let file = documents.get(source.document).map_or("", |document| document.name).to_owned();
    Cited { file, first_line: source.first, last_line: source.last }
}

/// Shows the plan and asks whether to go on. In a script only a bound on the cost, or `--yes`, says so. What it may cost at
/// most by that agreement, if that is known.
pub fn agree(context: &mut Context, args: &cli::Ask, plan: &Plan, bound: Option<NanoUsd>) -> Result<Option<NanoUsd>> {
    let resumed = args.agreed.map(NanoUsd);
    let most = bound.or(plan.high_usd()).max(resumed);
    let lines = plan.lines();
    if let Some((agreed, high)) = resumed.zip(plan.high_usd()).filter(|(agreed, high)| bound.is_none() && high > agreed)
    {
        let message = format!(
            "the texts have changed: reading them may cost {}, {} was agreed to",
            units::usd(high),
            units::usd(agreed)
        );
        return Err(
            Error::new(Kind::Usage, message).hint("give the whole command again, or --max-cost USD beside --resume")
        );
    }
    if let Some(error) = hopeless(plan, bound).filter(|_| resumed.is_none()) {
        return Err(error);
    }
    if args.yes {
        lines.iter().for_each(|line| context.messages.note(line));
        return Ok(most);
    }
    let asks = context.host.stdin_terminal && context.host.stderr_terminal && !context.json();
    if asks {
        lines.iter().for_each(|line| context.messages.plain(line));
        return match confirmed() {
            true => Ok(most),
            false => Err(Error::new(Kind::Usage, "nothing was asked").hint("--yes goes on without asking")),
        };
    }
    if bound.is_some() {
        lines.iter().for_each(|line| context.messages.note(line));
        return Ok(most);
    }
    Err(unagreed(plan))
}

/// The error of a plan that likely costs more than it may: nothing is spent on what will not be finished.
pub fn hopeless(plan: &Plan, bound: Option<NanoUsd>) -> Option<Error> {
    let (cap, low) = bound.zip(plan.low_usd()).filter(|(cap, low)| low > cap)?;
    let message = format!("{}; --max-cost {cap} is less than that", plan.lines().join("; "));
    let instead = match plan.looks_twice() {
        true => "without --rerank it takes one call",
        false => "--strategy-long retrieve reads the best passages alone",
    };
    let hint = format!("about {} is needed; {instead}", units::usd(low));
    Some(Error::new(Kind::Budget, message).hint(hint))
}

/// The error of a plan that nobody has agreed to. A prompt that fits no window is refused as it always is.
pub fn unagreed(plan: &Plan) -> Error {
    let kind = if plan.fits_nobody() { Kind::Refused } else { Kind::Usage };
    let error = Error::new(kind, plan.lines().join("; "));
    error.hint("in a script this goes on only within --max-cost USD, or with --yes").hint(format!(
        "such as --max-cost {}; llmr dry-run shows the plan alone",
        plan.high_usd().map_or_else(|| "1".to_owned(), |high| units::usd(high).trim_start_matches('$').to_owned())
    ))
}

/// Whether a person at a terminal says yes. Anything else is a no.
fn confirmed() -> bool {
    _ = crate::output::stdout::write_all(&mut std::io::stderr(), b"go on? [y/N] ");
    let mut line = String::new();
    let read = std::io::stdin().read_line(&mut line);
    read.is_ok() && matches!(line.trim().to_lowercase().as_str(), "y" | "yes")
}
