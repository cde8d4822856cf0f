//! What a batch prints: a line an answer or an error, and the summary at its end.

use serde::Serialize;
use serde_json::{Map, Value};

use crate::error::{Error, Result};
use crate::output::json::{self, ErrorBody, ErrorReport, Layout};
use crate::output::{Redactor, units};
use crate::router::Answered;
use crate::schema;
use crate::store::LogEntry;
use crate::types::{AttemptReport, CacheOutcome, CostSource, FinishReason, NanoUsd, RequestId, Schema, Tier, Usage};

/// So many failed lines are told with their reasons; all of them are in the output.
pub const MOST_FAILURES: usize = 5;

/// What every line of the output begins with, and the user's own fields at its end.
#[derive(Debug, Clone, Copy)]
pub struct Place<'a> {
    /// The number of the prompt's line.
    pub line: u64,
    /// Its id.
    pub id: Option<&'a Value>,
    /// Its other fields.
    pub own: &'a Map<String, Value>,
}

/// An answered line: the `ask` object, whose `id` is called `request_id` here.
#[derive(Debug, Serialize)]
struct AnsweredLine<'a> {
    line: u64,
    id: Option<&'a Value>,
    request_id: RequestId,
    provider: String,
    model: String,
    requested_model: Option<String>,
    tier: Option<Tier>,
    content: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<Value>,
    finish_reason: Option<FinishReason>,
    usage: Usage,
    cost_usd: Option<NanoUsd>,
    cost_source: CostSource,
    latency_ms: u64,
    first_token_ms: Option<u64>,
    cache: CacheOutcome,
    attempts: Vec<AttemptReport>,
    /// Other lines are under way: what the day looked like in between says nothing.
    budget: Option<()>,
    /// A line is no turn of a conversation.
    conversation: Option<()>,
    warnings: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    input: Option<&'a Map<String, Value>>,
}

/// A failed line.
#[derive(Debug, Serialize)]
struct FailedLine<'a> {
    line: u64,
    id: Option<&'a Value>,
    error: ErrorBody<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    input: Option<&'a Map<String, Value>>,
}

impl<'a> Place<'a> {
    fn input(&self) -> Option<&'a Map<String, Value>> {
        Some(self.own).filter(|own| !own.is_empty())
    }
}

/// The line of an answer that has just come.
pub fn answered(place: Place<'_>, a: Answered, requested_model: Option<String>, structured: bool) -> Result<String> {
    let line = AnsweredLine {
        line: place.line,
        id: place.id,
        request_id: a.id,
        provider: a.candidate.provider,
        model: a.candidate.model,
        requested_model,
        tier: a.tier,
        data: data(&a.text, structured),
        content: a.text,
        finish_reason: Some(a.finish),
        usage: a.usage,
        cost_usd: a.cost,
        cost_source: a.cost_source,
        latency_ms: a.latency_ms,
        first_token_ms: a.first_token_ms,
        cache: a.cache,
        attempts: a.attempts,
        budget: None,
        conversation: None,
        warnings: a.warnings,
        input: place.input(),
    };
    json::render(&line, Layout::Compact)
}

/// The line of an answer that was kept. What was warned of when it came is not.
pub fn kept(place: Place<'_>, entry: LogEntry, text: String, schema: Option<&Schema>) -> Result<String> {
    // It is kept as the provider gave it: in a code block, perhaps.
    let text = schema.and_then(|schema| schema::fit(schema, &text).ok().map(str::to_owned)).unwrap_or(text);
    let cost_source = entry.attempts.last().map_or(CostSource::None, |attempt| attempt.cost_source);
    let attempts = entry.attempts.into_iter().map(|attempt| AttemptReport {
        provider: attempt.candidate.provider,
        model: attempt.candidate.model,
        outcome: attempt.outcome,
        failure: attempt.failure,
        status: attempt.status,
        latency_ms: attempt.latency_ms,
        cost_usd: attempt.cost,
    });
    let line = AnsweredLine {
        line: place.line,
        id: place.id,
        request_id: entry.id,
        provider: entry.provider.unwrap_or_default(),
        model: entry.model.unwrap_or_default(),
        requested_model: entry.requested_model,
        tier: entry.tier,
        data: data(&text, schema.is_some()),
        content: text,
        finish_reason: entry.finish_reason,
        usage: entry.usage.unwrap_or_default(),
        cost_usd: entry.cost,
        cost_source,
        latency_ms: entry.latency_ms.unwrap_or_default(),
        first_token_ms: entry.first_token_ms,
        cache: entry.cache.unwrap_or(CacheOutcome::Off),
        attempts: attempts.collect(),
        budget: None,
        conversation: None,
        warnings: Vec::new(),
        input: place.input(),
    };
    json::render(&line, Layout::Compact)
}

/// The answer as a value, where it is one.
fn data(text: &str, structured: bool) -> Option<Value> {
    structured.then(|| serde_json::from_str(text).ok()).flatten()
}

/// The line of an error.
pub fn failed(place: Place<'_>, error: &Error, redactor: &Redactor) -> Result<String> {
    let error = ErrorReport::new(error, redactor).error;
    json::render(&FailedLine { line: place.line, id: place.id, error, input: place.input() }, Layout::Compact)
}

/// A failed line, as the summary tells it.
#[derive(Debug, Clone, Serialize)]
pub struct Failure {
    /// Its number.
    pub line: u64,
    /// Its id.
    pub id: Option<Value>,
    /// What kind of error.
    pub kind: &'static str,
    /// What went wrong.
    pub message: String,
}

impl Failure {
    /// As a line for a person.
    pub fn text(&self) -> String {
        match &self.id {
            Some(Value::String(id)) => format!("line {} ({id}): {}", self.line, self.message),
            Some(id) => format!("line {} ({id}): {}", self.line, self.message),
            None => format!("line {}: {}", self.line, self.message),
        }
    }
}

/// How a run of a batch ended.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Summary {
    /// Prompts in the file.
    pub lines: u64,
    /// Answered ones, those of earlier runs too.
    pub answered: u64,
    /// Those that an earlier run had answered.
    pub answered_before: u64,
    /// Those of this run that the cache answered.
    pub from_cache: u64,
    /// Those that were asked in this run and have no answer.
    pub failed: u64,
    /// Those that were not asked, or stopped in the middle.
    pub left: u64,
    /// Requests that were sent and whose answer never came, because a run was killed or stopped: their lines were
    /// asked once more.
    pub repeated: u64,
    /// Answers that another candidate gave than the one that was asked first.
    pub failovers: u64,
    /// What the batch has cost, all of its runs together; unknown costs count as 0.
    pub cost_usd: NanoUsd,
    /// How long this run took.
    pub seconds: f64,
    /// The first failed lines.
    pub failures: Vec<Failure>,
}

impl Summary {
    /// As a line for a person.
    pub fn text(&self) -> String {
        let count = |n: u64, what: &str| (n > 0).then(|| format!("{} {what}", units::tokens(n)));
        let of_answered = [count(self.answered_before, "before"), count(self.from_cache, "from the cache")];
        let of_answered: Vec<String> = of_answered.into_iter().flatten().collect();
        let of_answered = match of_answered.is_empty() {
            true => String::new(),
            false => format!(" ({})", of_answered.join(", ")),
        };
        let parts = [
            Some(format!(
                "{} of {} lines answered{of_answered}",
                units::tokens(self.answered),
                units::tokens(self.lines)
            )),
            count(self.failed, "failed"),
            count(self.left, "left"),
            count(self.repeated, "repeated"),
            count(self.failovers, "failed over"),
            Some(units::usd(self.cost_usd)),
            Some(units::duration_ms(milliseconds(self.seconds))),
        ];
        parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
    }
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
fn milliseconds(seconds: f64) -> u64 {
    (seconds * 1000.0) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_summary_says_what_happened_and_nothing_that_did_not() {
        let plain =
            Summary { lines: 2, answered: 2, cost_usd: NanoUsd(31_200_000), seconds: 1.25, ..Summary::default() };
        assert_eq!(plain.text(), "2 of 2 lines answered, $0.0312, 1.3 s");
        let eventful = Summary {
            lines: 2000,
            answered: 1990,
            answered_before: 812,
            from_cache: 3,
            failed: 7,
            left: 3,
            repeated: 16,
            failovers: 1,
            ..plain
        };
        let expected = "1,990 of 2,000 lines answered (812 before, 3 from the cache), 7 failed, 3 left, 16 repeated, \
                        1 failed over, $0.0312, 1.3 s";
        assert_eq!(eventful.text(), expected);
    }
}
