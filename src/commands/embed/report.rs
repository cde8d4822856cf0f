//! What was made, printed.

use std::collections::HashSet;

use serde::Serialize;

use super::calls::Made;
use super::texts::Text;
use crate::commands::{Context, sandbox, write};
use crate::error::{Error, Kind, Result};
use crate::output::units;
use crate::store::{Collection, TextDigest};
use crate::types::{NanoUsd, RequestId, Usage};

/// What was made, as an object.
#[derive(Debug, Serialize)]
struct Report<'m> {
    provider: Option<String>,
    model: Option<String>,
    dimensions: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    collection: Option<String>,
    texts: Vec<TextReport<'m>>,
    /// Texts whose vectors the collection had.
    kept: u64,
    #[serde(flatten)]
    spent: Spent,
}

/// What the calls took.
#[derive(Debug, Serialize)]
pub struct Spent {
    calls: u64,
    from_cache: u64,
    requests: Vec<RequestId>,
    usage: Usage,
    pub cost_usd: Option<NanoUsd>,
    pub warnings: Vec<String>,
}

impl Spent {
    /// Of these calls.
    pub fn of(context: &Context, made: &Made) -> Self {
        let note = context.global.sandbox.iter().map(|_| sandbox::NOTE.to_owned());
        Self {
            calls: made.requests.len() as u64 - made.from_cache,
            from_cache: made.from_cache,
            requests: made.requests.clone(),
            usage: made.usage,
            cost_usd: made.cost,
            warnings: note.chain(made.warnings.iter().cloned()).collect(),
        }
    }

    /// In a few words.
    pub fn said(&self) -> String {
        let tokens = units::counted(self.usage.prompt_tokens(), "token", "tokens");
        format!("{tokens}, {}", self.cost_usd.map_or_else(|| "cost unknown".to_owned(), units::usd))
    }
}

/// One text.
#[derive(Debug, Serialize)]
struct TextReport<'m> {
    source: &'m str,
    #[serde(skip_serializing_if = "Option::is_none")]
    lines: Option<(usize, usize)>,
    #[serde(skip_serializing_if = "Option::is_none")]
    span: Option<[usize; 2]>,
    /// Not told of what is kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    vector: Option<&'m [f32]>,
}

/// Prints it: as an object with `--json`, else each vector on a line.
pub fn report(
    context: &mut Context,
    texts: &[Text],
    known: &HashSet<TextDigest>,
    made: Made,
    collection: Option<Collection>,
) -> Result<()> {
    let candidate = collection.as_ref().map(|own| &own.candidate).or(made.candidate.as_ref());
    let own = collection.as_ref().map(|own| own.dimensions as usize);
    let told = |text| {
        let Text { source, lines, span, digest, .. }: &Text = text;
        TextReport { source, lines: *lines, span: *span, vector: made.vectors.get(digest).map(Vec::as_slice) }
    };
    let report = Report {
        provider: candidate.map(|id| id.provider.clone()),
        model: candidate.map(|id| id.model.clone()),
        dimensions: made.vectors.values().next().map(Vec::len).or(own).unwrap_or_default(),
        collection: collection.as_ref().map(|own| own.name.clone()),
        texts: texts.iter().map(told).collect(),
        kept: texts.iter().filter(|text| known.contains(&text.digest)).count() as u64,
        spent: Spent::of(context, &made),
    };
    context.messages.note(&summary(&report));
    if context.json() {
        return context.print(&report, |_, _| String::new());
    }
    let at_a_terminal = context.printer.terminal.stdout;
    for vector in report.texts.iter().filter_map(|text| text.vector) {
        let line = match at_a_terminal {
            true => beginning(vector),
            false => serde_json::to_string(vector).map_err(|e| Error::new(Kind::Other, e.to_string()))?,
        };
        write(&format!("{line}\n"))?;
    }
    if at_a_terminal && !made.vectors.is_empty() {
        context.messages.hint("a pipe or --json gets all of the numbers");
    }
    Ok(())
}

/// So much of a vector as a person looks at.
fn beginning(vector: &[f32]) -> String {
    let first: Vec<String> = vector.iter().take(SHOWN).map(|number| format!("{number:.4}")).collect();
    match vector.len() > SHOWN {
        true => format!("[{}, ... {} numbers]", first.join(", "), vector.len()),
        false => format!("[{}]", first.join(", ")),
    }
}

/// So many numbers fit a line.
const SHOWN: usize = 6;

/// What is said on stderr.
fn summary(report: &Report<'_>) -> String {
    let texts = report.texts.len() as u64;
    let mut parts = vec![format!("{} of {} numbers", units::counted(texts, "vector", "vectors"), report.dimensions)];
    if let (Some(provider), Some(model)) = (&report.provider, &report.model) {
        parts[0] += &format!(" by {provider}/{model}");
    }
    if report.kept > 0 {
        parts.push(format!("{} unchanged", report.kept));
    }
    if let Some(name) = &report.collection {
        parts.push(format!("kept in `{name}`"));
    }
    parts.push(report.spent.said());
    parts.join(", ")
}
