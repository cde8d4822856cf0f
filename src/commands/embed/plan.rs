//! `llmr embed --dry-run`: how many calls it would take, of whom, at which cost.

use serde::Serialize;

use super::collection::{There, there};
use super::texts::{self, calls};
use super::{purpose, request};
use crate::cli;
use crate::commands::Context;
use crate::engine::retrieval::tokens;
use crate::error::Result;
use crate::output::units;
use crate::router::Request;
use crate::types::NanoUsd;

/// What would be asked, and of whom. What the cache has is not looked up.
#[derive(Debug, Serialize)]
struct Plan {
    texts: u64,
    /// Texts whose vectors the collection has.
    kept: u64,
    calls: u64,
    input_tokens: u64,
    /// In the order in which they would be asked.
    candidates: Vec<Candidate>,
    refused: Vec<String>,
}

#[derive(Debug, Serialize)]
struct Candidate {
    provider: String,
    model: String,
    cost_usd: Option<NanoUsd>,
    most_usd: Option<NanoUsd>,
}

/// As many tokens as all texts have, at the price of whoever would be asked.
pub fn run(context: &mut Context, args: &cli::Embed) -> Result<()> {
    let base = request(context, args, purpose(args))?;
    let read = texts::read(context, args)?;
    let today = context.now().day();
    let mut router = context.router_without_writing()?;
    let (base, There { known, .. }) = there(router.config, &router.store, args, base, today)?;
    let calls = calls(&read.texts, |text| known.contains(&text.digest));
    let asked: Vec<_> = calls.iter().flatten().map(|number| &read.texts[*number]).collect();
    let mut plan = Plan {
        texts: read.texts.len() as u64,
        kept: read.texts.iter().filter(|text| known.contains(&text.digest)).count() as u64,
        calls: calls.len() as u64,
        input_tokens: asked.iter().map(|text| tokens(&text.text)).sum(),
        candidates: Vec::new(),
        refused: Vec::new(),
    };
    if !asked.is_empty() {
        let messages = asked.iter().map(|text| text.message()).collect();
        let job = router.prepare(Request { messages, ..base })?;
        let rehearsal = router.rehearse(&job)?;
        let candidate = |ranked: &crate::engine::plan::Ranked| Candidate {
            provider: ranked.candidate.id.provider.clone(),
            model: ranked.candidate.id.model.clone(),
            cost_usd: ranked.expected.load.cost,
            most_usd: ranked.candidate.pricing.as_ref().map(|_| ranked.sized.hold),
        };
        plan.candidates = rehearsal.plan.order.iter().map(candidate).collect();
        plan.refused = rehearsal.plan.refused.iter().map(|one| format!("{}: {}", one.id, one.reason)).collect();
    }
    plan.refused.iter().for_each(|why| context.messages.note(why));
    context.print(&plan, |plan, _| text(plan))
}

fn text(plan: &Plan) -> String {
    let kept = if plan.kept == 0 { String::new() } else { format!(" ({} unchanged)", units::tokens(plan.kept)) };
    let mut text = format!(
        "{}{kept}, about {}, {}\n",
        units::counted(plan.texts, "text", "texts"),
        units::counted(plan.input_tokens, "token", "tokens"),
        units::counted(plan.calls, "call", "calls")
    );
    for one in &plan.candidates {
        let usd = units::usd_or_unknown;
        text += &format!("{}/{}  {}, at most {}\n", one.provider, one.model, usd(one.cost_usd), usd(one.most_usd));
    }
    text
}
