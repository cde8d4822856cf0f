//! What reading texts in parts would take: calls, tokens, money, time.

use std::collections::HashSet;

use serde::Serialize;

use crate::commands::batch::lines;
use crate::engine::long::{Part, Way, answer_prompt, notes_prompt};
use crate::engine::plan::Ranked;
use crate::error::{Error, Kind, Result};
use crate::output::units;
use crate::router::{Request, Router};
use crate::types::{CandidateId, Message, NanoUsd};

use super::read::{ROOM, notes_request, words};
use super::rerank::Takes;
use super::wanted::Reading;

/// Tokens of a call beside the text: instructions, and what a chat template adds.
pub(super) const AROUND: u64 = 400;

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
    pub(super) fn with(&mut self, takes: Takes) {
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

/// What a reading would take, where `first` would be asked its question, and the answers to these calls are kept from
/// before. Texts that are `too_long` fit nobody's window, this one's neither.
pub(super) fn plan(
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
pub(super) struct Cost {
    pub(super) expected: Option<NanoUsd>,
    most: Option<NanoUsd>,
    latency_ms: u64,
    output_tokens: u64,
}

impl Cost {
    pub(super) fn of(router: &mut Router<'_>, request: Request) -> Result<Self> {
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
