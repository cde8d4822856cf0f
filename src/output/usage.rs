//! The receipt of `-u`: what one request read, wrote, cost and took, on one line of stderr.

use super::units;
use crate::types::{CacheOutcome, CandidateId, Limit, NanoUsd, Usage};

/// Everything on the line.
#[derive(Debug, Clone, PartialEq)]
pub struct Receipt {
    /// Who answered.
    pub candidate: CandidateId,
    /// Tokens of the answer.
    pub usage: Usage,
    /// Of all attempts of the request; `None` when a price is unknown.
    pub cost: Option<NanoUsd>,
    /// Spent today, this request included; `None` when that cannot be read.
    pub spent_today: Option<NanoUsd>,
    /// The day's limit.
    pub limit: Limit,
    /// The whole request.
    pub latency_ms: u64,
    /// Up to the first token; `None` for a whole answer.
    pub first_token_ms: Option<u64>,
    /// What the cache had to say.
    pub cache: CacheOutcome,
    /// Candidates that failed before.
    pub failovers: u32,
}

/// The receipt as one line, without its line break. A `~` marks tokens that nobody counted for certain.
pub fn line(receipt: &Receipt, utf8: bool) -> String {
    let mut parts = vec![
        receipt.candidate.to_string(),
        tokens(&receipt.usage),
        receipt.cost.map_or_else(|| "price unknown".to_owned(), units::usd),
    ];
    parts.extend(receipt.spent_today.map(|spent| today(spent, receipt.limit)));
    parts.push(time(receipt.latency_ms, receipt.first_token_ms));
    parts.push(format!("cache {}", receipt.cache.name()));
    match receipt.failovers {
        0 => {}
        1 => parts.push("1 failover".to_owned()),
        n => parts.push(format!("{n} failovers")),
    }
    parts.join(if utf8 { " · " } else { " | " })
}

/// `12 in (3 cached) + 45 out (+ 20 thinking)`: input with its cached part inside, thinking beside the output.
fn tokens(usage: &Usage) -> String {
    let about = if usage.estimated { "~" } else { "" };
    let cached: Vec<String> = [(usage.cached_input_tokens, "cached"), (usage.cache_write_tokens, "written")]
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, what)| format!("{} {what}", units::tokens(*count)))
        .collect();
    let cached = if cached.is_empty() { String::new() } else { format!(" ({})", cached.join(", ")) };
    let thinking = match usage.reasoning_tokens {
        0 => String::new(),
        count => format!(" (+ {} thinking)", units::tokens(count)),
    };
    let (input, output) = (units::tokens(usage.prompt_tokens()), units::tokens(usage.output_tokens));
    format!("{about}{input} in{cached} + {about}{output} out{thinking}")
}

fn today(spent: NanoUsd, limit: Limit) -> String {
    let spent = units::usd(spent);
    match limit.amount() {
        Some(limit) => format!("today {spent} of {}", units::usd(limit)),
        None => format!("today {spent}"),
    }
}

fn time(latency_ms: u64, first_token_ms: Option<u64>) -> String {
    let whole = units::seconds(latency_ms);
    first_token_ms.map_or(whole.clone(), |first| format!("{whole} (first token {})", units::seconds(first)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn receipt() -> Receipt {
        Receipt {
            candidate: CandidateId::new("openai", "gpt-6-luna"),
            usage: Usage {
                input_tokens: 9,
                cached_input_tokens: 3,
                output_tokens: 45,
                reasoning_tokens: 20,
                ..Usage::default()
            },
            cost: Some(NanoUsd(27_000)),
            spent_today: Some(NanoUsd(120_000_000)),
            limit: Limit::Usd(NanoUsd(5_000_000_000)),
            latency_ms: 812,
            first_token_ms: Some(204),
            cache: CacheOutcome::Miss,
            failovers: 1,
        }
    }

    #[test]
    fn the_line_says_it_all() {
        assert_eq!(
            line(&receipt(), true),
            "openai/gpt-6-luna · 12 in (3 cached) + 45 out (+ 20 thinking) · $0.000027 · today $0.12 of $5.00 · \
             0.8 s (first token 0.2 s) · cache miss · 1 failover"
        );
    }

    #[test]
    fn what_is_not_there_is_not_said() {
        let bare = Receipt {
            usage: Usage { input_tokens: 1234, output_tokens: 1, estimated: true, ..Usage::default() },
            cost: None,
            limit: Limit::Off,
            first_token_ms: None,
            cache: CacheOutcome::Off,
            failovers: 0,
            ..receipt()
        };
        let unread = line(&Receipt { spent_today: None, ..bare.clone() }, false);
        assert_eq!(unread, "openai/gpt-6-luna | ~1,234 in + ~1 out | price unknown | 0.8 s | cache off");
        assert_eq!(
            line(&bare, false),
            "openai/gpt-6-luna | ~1,234 in + ~1 out | price unknown | today $0.12 | 0.8 s | cache off"
        );
        let written = Receipt {
            usage: Usage { cache_write_tokens: 7, cached_input_tokens: 2, ..Usage::default() },
            failovers: 2,
            cache: CacheOutcome::Hit,
            ..receipt()
        };
        assert!(line(&written, true).contains(" · 9 in (2 cached, 7 written) + 0 out · "));
        assert!(line(&written, true).ends_with("cache hit · 2 failovers"));
    }
}
