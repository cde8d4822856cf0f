//! `llmr classify`: what kind of prompt this is, which tier it needs, and why. Nobody is asked.

use std::collections::BTreeMap;
use std::io::{self, BufRead, BufReader};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::cli;
use crate::commands::{Context, question, write};
use crate::engine::tiers::{self, explain};
use crate::error::{Error, Kind, Result};
use crate::output::json::{self, Layout};
use crate::router::tiering::{Asked, Choice, ReasonReport, Suffices, choose, reasons, rounded};
use crate::store::TierOutcome;
use crate::types::Tier;

/// So many reasons are told.
const REASONS: usize = 8;

/// So many bytes are read at a time, and what they come to is written at once: a write a line would take longer than
/// to judge it.
const READ: usize = 65_536;

/// The judgement of one prompt.
#[derive(Debug, Serialize)]
struct Report {
    tier: Tier,
    intent: &'static str,
    score: f64,
    suffices: Suffices,
    min_quality: f64,
    reasons: Vec<ReasonReport>,
    rules: Vec<String>,
}

/// A line of `--jsonl`.
#[derive(Debug, Deserialize)]
struct Line {
    id: Value,
    prompt: String,
}

/// What is said of it. The score is whole: it is there to be compared.
#[derive(Debug, Serialize)]
struct Judged<'a> {
    id: &'a Value,
    score: f64,
    tier: Tier,
    intent: &'static str,
}

/// Runs `llmr classify`.
pub fn run(context: &mut Context, args: &cli::Classify) -> Result<()> {
    let min_quality = question::min_quality(args.min_quality)?.unwrap_or(context.config.settings.min_quality);
    let outcomes = context.store_for_reading()?.outcomes(context.now())?;
    if args.jsonl {
        return lines(context, &outcomes, min_quality);
    }
    let words = cli::Question { prompt: args.prompt.clone(), files: args.files.clone(), ..cli::Question::default() };
    let prompt = question::prompt(context, &words)?;
    let Choice { tier, verdict, rules } = chosen(context, &outcomes, &prompt, min_quality);
    let report = Report {
        tier,
        intent: verdict.intent.name(),
        score: rounded(verdict.score),
        suffices: Suffices::of(verdict.suffices),
        min_quality,
        reasons: reasons(&explain::explain(&prompt, REASONS)),
        rules,
    };
    context.print(&report, |report, _| text(report, &verdict.suffices))
}

fn chosen(context: &Context, outcomes: &[TierOutcome], prompt: &str, min_quality: f64) -> Choice {
    let asked = Asked { prompt, tag: None, meta: &BTreeMap::new(), min_quality };
    choose(&context.config, outcomes, &asked, &tiers::classify(prompt))
}

/// `{"id", "prompt"}` line by line. What was judged is written before more is waited for, and before an error is told.
fn lines(context: &Context, outcomes: &[TierOutcome], min_quality: f64) -> Result<()> {
    let mut input = BufReader::with_capacity(READ, io::stdin().lock());
    let (mut line, mut out) = (String::new(), String::new());
    for number in 1.. {
        line.clear();
        let judged = match input.read_line(&mut line) {
            Ok(0) => break,
            Ok(_) if line.trim().is_empty() => Ok(String::new()),
            Ok(_) => judged(context, outcomes, &line, min_quality),
            Err(error) => Err(Error::new(Kind::Usage, error.to_string())),
        };
        match judged {
            Ok(judged) => out += &judged,
            Err(error) => {
                write(&out)?;
                return Err(Error { message: format!("line {number}: {}", error.message), ..error });
            }
        }
        if !input.buffer().contains(&b'\n') {
            write(&std::mem::take(&mut out))?;
        }
    }
    Ok(())
}

fn judged(context: &Context, outcomes: &[TierOutcome], line: &str, min_quality: f64) -> Result<String> {
    let line: Line = serde_json::from_str(line).map_err(|error| {
        Error::new(Kind::Usage, format!("not an object with `id` and `prompt`: {error}"))
            .hint("one object a line, such as {\"id\": 1, \"prompt\": \"hello\"}")
    })?;
    let Choice { tier, verdict, .. } = chosen(context, outcomes, &line.prompt, min_quality);
    let judged = Judged { id: &line.id, score: verdict.score, tier, intent: verdict.intent.name() };
    json::render(&judged, Layout::Compact)
}

fn text(report: &Report, suffices: &[f64; 4]) -> String {
    let mut text = format!("{}: looks like {}\n\n", report.tier, report.intent);
    for (tier, chance) in Tier::ALL.iter().zip(suffices) {
        let mark = if *tier == report.tier { "<- chosen" } else { "" };
        text += format!("{:<9} suffices with a chance of {chance:.2}  {mark}", tier.name()).trim_end();
        text.push('\n');
    }
    text += &format!("{} is wanted (--min-quality, LLMR_MIN_QUALITY)\n", report.min_quality);
    for rule in &report.rules {
        text += &format!("{rule}\n");
    }
    if !report.reasons.is_empty() {
        text += "\nweighed most; above 0 speaks for a stronger model:\n";
    }
    for reason in &report.reasons {
        text += &format!("{:+.3}  {}\n", reason.weight, reason.feature);
    }
    text
}
