//! `llmr rate`: what a person says of an answer, for the choice of a tier to learn from.

use serde::Serialize;

use crate::cli;
use crate::commands::Context;
use crate::error::{Error, Kind, Result};
use crate::store::{RatedAnswer, Rating, Store};
use crate::types::{RequestId, Tier, Timestamp};

/// What stands for the newest answer.
const LAST: &str = "last";

/// What was rated.
#[derive(Debug, Serialize)]
pub struct Report {
    id: RequestId,
    rating: &'static str,
    /// What was said of it before.
    before: Option<&'static str>,
    intent: &'static str,
    tier: Tier,
    provider: String,
    model: String,
}

/// Runs `llmr rate`.
pub fn run(context: &mut Context, args: &cli::Rate) -> Result<()> {
    // `llmr rate good` is about the last one.
    let (id, verdict) = match args.words.as_slice() {
        [verdict] => (LAST, verdict),
        [id, verdict] => (id.as_str(), verdict),
        _ => return Err(usage("an id and `good` or `bad` are wanted")),
    };
    let good = match verdict.as_str() {
        "good" => true,
        "bad" => false,
        other => return Err(usage(&format!("`{other}` is neither `good` nor `bad`"))),
    };
    let store = context.store()?;
    let id = match id {
        LAST => store.last_answered()?.ok_or_else(|| usage("nothing was answered yet"))?,
        id => RequestId::parse(id)
            .ok_or_else(|| usage(&format!("`{id}` is neither a request's id such as r17 nor `{LAST}`")))?,
    };
    let report = rate(&store, id, good, context.now())?;
    context.print(&report, |report, _| format!("{}\n", text(report)))
}

/// Rates an answer.
pub fn rate(store: &Store, id: RequestId, good: bool, at: Timestamp) -> Result<Report> {
    match store.rate_answer(id, good, at)? {
        Rating::Counted(RatedAnswer { intent, candidate, tier, before }) => Ok(Report {
            id,
            rating: word(good),
            before: before.map(word),
            intent: intent.name(),
            tier,
            provider: candidate.provider,
            model: candidate.model,
        }),
        Rating::NoRequest => Err(usage(&format!("there is no request {id}")).hint("`llmr log` lists them")),
        Rating::NothingLearned => Err(usage(&format!("nothing can be learned from {id}"))
            .hint("rated are answers of a model whose tier is known, and not those of the cache")),
    }
}

fn usage(message: &str) -> Error {
    Error::new(Kind::Usage, message)
}

fn word(good: bool) -> &'static str {
    if good { "good" } else { "bad" }
}

/// One line for a person.
pub fn text(report: &Report) -> String {
    let Report { id, rating, intent, tier, provider, model, .. } = report;
    let before = report.before.map(|before| format!(" (was {before})")).unwrap_or_default();
    format!("{id} is {rating}{before}: {provider}/{model}, tier {tier}, for {intent}")
}
