//! What an attempt is charged: pure, from what came back and what was seen of it.

use crate::engine::estimate::scaled;
use crate::transport::Sent;
use crate::types::{Answer, Candidate, CostSource, Failure, FailureClass, NanoUsd, Timestamp, Usage};

/// What was seen of an attempt while it ran; survives its cancellation.
#[derive(Debug, Clone, Default)]
pub struct Progress {
    /// When it was sent.
    pub sent_at: Timestamp,
    /// The HTTP status, once there.
    pub status: Option<u16>,
    /// From sending to the first token of a stream.
    pub first_token_ms: Option<u64>,
    /// Whether a stream was asked for, and nothing else has come.
    pub stream: bool,
    /// The text so far, where it is kept.
    pub text: Option<String>,
    /// Reference tokens of the text so far, as estimated.
    pub written: u64,
    /// Reference tokens of the thinking so far, as estimated.
    pub thought: u64,
    /// Whether the request left this machine; marked by the transport as it happens.
    pub sent: Sent,
    /// Usage, as last told by the stream.
    pub usage: Option<Usage>,
    /// The provider's own cost, if the stream told it.
    pub reported_cost: Option<NanoUsd>,
    /// Whether the answer came to its own end, so that what it told of its usage is final.
    pub ended: bool,
    /// Whether any of the answer was shown to the user.
    pub shown: bool,
}

/// What an attempt cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Charge {
    /// Tokens.
    pub usage: Usage,
    /// Cost; `None` when the price is unknown.
    pub cost: Option<NanoUsd>,
    /// Where the cost comes from.
    pub source: CostSource,
}

/// The charge of one attempt.
///
/// Usage as the provider told it; else, for an answer or a stream, an estimate; else, for what was
/// sent and may have been worked on unseen, the whole hold; else nothing. `prompt_tokens` is the prompt by the
/// candidate's own count, as estimated.
pub fn charge(
    candidate: &Candidate,
    prompt_tokens: u64,
    hold: NanoUsd,
    result: &Result<Answer, Failure>,
    seen: &Progress,
) -> Charge {
    let estimated = Usage {
        input_tokens: prompt_tokens,
        output_tokens: scaled(seen.written, candidate.token_factor),
        reasoning_tokens: scaled(seen.thought, candidate.token_factor),
        estimated: true,
        ..Usage::default()
    };
    match result {
        Ok(answer) => {
            let usage = answer.usage.unwrap_or(estimated);
            priced(candidate, usage, answer.reported_cost, seen.sent_at)
        }
        Err(failure) if failure.unsent || given_up_unsent(failure, seen) => nothing(candidate),
        // A whole answer that says nothing, or refuses without a word.
        Err(_) if seen.ended && seen.usage.is_some() => {
            priced(candidate, seen.usage.unwrap_or_default(), seen.reported_cost, seen.sent_at)
        }
        Err(_) if seen.usage.is_some() || seen.reported_cost.is_some() => {
            let told = seen.usage.unwrap_or_default();
            // What was told last may be older than what was written since.
            let written = estimated.completion_tokens().max(told.completion_tokens());
            let output_tokens = written.saturating_sub(told.reasoning_tokens);
            let usage = Usage { output_tokens, estimated: true, ..told };
            priced(candidate, usage, seen.reported_cost, seen.sent_at)
        }
        // What has come was written, however the stream ended.
        Err(_) if seen.stream && seen.written + seen.thought > 0 => priced(candidate, estimated, None, seen.sent_at),
        Err(failure) if !failure.class.may_be_billed() || seen.status.is_some_and(|s| s >= 400) => nothing(candidate),
        Err(_) if seen.stream => priced(candidate, estimated, None, seen.sent_at),
        Err(_) => Charge {
            usage: Usage { estimated: true, ..Usage::default() },
            cost: candidate.pricing.as_ref().map(|_| hold),
            source: source(candidate),
        },
    }
}

/// Cancelled or out of time before the request had left this machine.
fn given_up_unsent(failure: &Failure, seen: &Progress) -> bool {
    matches!(failure.class, FailureClass::Cancelled | FailureClass::Timeout) && !seen.sent.get()
}

fn priced(candidate: &Candidate, usage: Usage, reported: Option<NanoUsd>, sent_at: Timestamp) -> Charge {
    match reported {
        Some(cost) => Charge { usage, cost: Some(cost), source: CostSource::Provider },
        None => Charge {
            usage,
            cost: candidate.pricing.as_ref().map(|p| p.cost(&usage, sent_at)),
            source: source(candidate),
        },
    }
}

fn nothing(candidate: &Candidate) -> Charge {
    Charge { usage: Usage::default(), cost: Some(NanoUsd::ZERO), source: source(candidate) }
}

fn source(candidate: &Candidate) -> CostSource {
    candidate.pricing.as_ref().map_or(CostSource::None, |p| p.source)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::{CandidateId, FailureClass, FinishReason, Pricing, Rate, Rates, Sight};

    const HOLD: NanoUsd = NanoUsd(1_000_000);

    /// 1,000 nano-dollars a token.
    fn candidate() -> Candidate {
        let rates = Rates::new(Rate::usd_per_mtok("1"), Rate::usd_per_mtok("1"));
        Candidate {
            id: CandidateId::new("p", "m"),
            pricing: Some(Pricing::plain(rates, CostSource::Catalogue)),
            context_tokens: None,
            max_output_tokens: None,
            tier: None,
            accepts_temperature: true,
            max_temperature: 2.0,
            reasons: false,
            reasoning_beside_output: false,
            streams: true,
            sight: Sight::UNKNOWN,
            priority: 100,
            token_factor: 1.0,
            retires: None,
            successor: None,
        }
    }

    fn answer(usage: Option<Usage>, reported_cost: Option<NanoUsd>) -> Result<Answer, Failure> {
        Ok(Answer {
            text: "x".into(),
            finish: FinishReason::Stop,
            usage,
            reported_cost,
            model: None,
            tool_calls: false,
        })
    }

    fn failed(class: FailureClass) -> Result<Answer, Failure> {
        Err(Failure::new(class, "x"))
    }

    /// An attempt that left this machine.
    fn sent() -> Progress {
        let seen = Progress::default();
        seen.sent.mark();
        seen
    }

    fn streamed(written: u64) -> Progress {
        Progress { stream: true, written, ..sent() }
    }

    #[test]
    fn every_ending_has_its_charge() {
        use FailureClass as C;
        let usage = Usage { input_tokens: 3, output_tokens: 4, ..Usage::default() };
        let (whole, never) = (sent(), Progress::default());
        let with_status = Progress { status: Some(500), ..sent() };
        let told = Progress { usage: Some(Usage { input_tokens: 9, ..Usage::default() }), ..streamed(2) };
        let ended = Progress { ended: true, ..told.clone() };
        let thinking = Progress { thought: 3, ..streamed(0) };
        let unsent = Err(Failure { unsent: true, ..Failure::new(C::Network, "x") });
        for (name, result, seen, nano, estimated) in [
            ("usage told", answer(Some(usage), None), &whole, 7_000, false),
            ("cost told", answer(Some(usage), Some(NanoUsd(5))), &whole, 5, false),
            ("usage missing", answer(None, None), &streamed(20), 30_000, true),
            ("never sent", unsent, &whole, 0, false),
            ("given up while connecting", failed(C::Cancelled), &never, 0, false),
            ("an error status", failed(C::ServerError), &with_status, 0, false),
            ("rate-limited", failed(C::RateLimited), &whole, 0, false),
            ("a stream cut", failed(C::Cut), &streamed(5), 15_000, true),
            ("an error frame after text", failed(C::ServerError), &streamed(5), 15_000, true),
            ("an error frame before any", failed(C::ServerError), &streamed(0), 0, false),
            ("an error frame after thinking", failed(C::ServerError), &thinking, 13_000, true),
            ("a stream cut before any", failed(C::Cut), &streamed(0), 10_000, true),
            ("a stream cancelled", failed(C::Cancelled), &streamed(5), 15_000, true),
            ("a stream cut after it told its input", failed(C::Cut), &told, 11_000, true),
            ("an empty answer that told everything", failed(C::Empty), &ended, 9_000, false),
            ("a whole answer timed out", failed(C::Timeout), &whole, HOLD.0, true),
            ("a whole answer cancelled", failed(C::Cancelled), &whole, HOLD.0, true),
        ] {
            let charge = charge(&candidate(), 10, HOLD, &result, seen);
            let source = if name == "cost told" { CostSource::Provider } else { CostSource::Catalogue };
            assert_eq!(charge.source, source, "{name}");
            assert_eq!((charge.cost, charge.usage.estimated), (Some(NanoUsd(nano)), estimated), "{name}");
        }
    }

    #[test]
    fn without_a_price_a_cost_is_unknown_and_not_zero() {
        let mut unpriced = candidate();
        unpriced.pricing = None;
        let usage = Some(Usage { input_tokens: 3, ..Usage::default() });
        let charge_of = |result| charge(&unpriced, 10, NanoUsd::ZERO, &result, &sent());
        assert_eq!(charge_of(answer(usage, None)).cost, None);
        assert_eq!(charge_of(answer(usage, Some(NanoUsd(5)))).cost, Some(NanoUsd(5)));
        assert_eq!(charge_of(failed(FailureClass::Timeout)).cost, None);
    }
}
