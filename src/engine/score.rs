//! A candidate's score: cost, latency and quality, each in [0, 1] on a fixed scale of the
//! candidate's own figures, so that another candidate coming, going or being free changes nobody's score.

use serde::Serialize;

use super::facts::{Known, Question};
use crate::types::{Effort, NanoUsd, Tier, Timestamp, Usage, Weights};

/// Cost part 1/2: a tenth of a cent, about 1,000 tokens in and 400 out at 0.30 / 1.75 USD per million.
const COST_REF_USD: f64 = 0.001;
/// Latency part 1/2: what people call quick for a whole answer.
const LATENCY_REF_MS: f64 = 4000.0;
/// The prior success rate counts as much as so many attempts.
const QUALITY_PRIOR_ATTEMPTS: f64 = 4.0;
/// The prior times count as much as so many first tokens …
const FIRST_TOKEN_PRIOR_WEIGHT: f64 = 0.5;
/// … and so many written tokens.
const TOKEN_PRIOR_WEIGHT: f64 = 100.0;
/// The usual answer before any was seen, in tokens, and what that prior weighs in answers.
const USUAL_OUTPUT_TOKENS: f64 = 400.0;
const USUAL_OUTPUT_WEIGHT: f64 = 1.0;

/// What is assumed of a candidate that was never measured.
struct Prior {
    /// Success rate: dearer models refuse and break off less.
    quality: f64,
    /// Time to first token in ms, pessimistic: being unknown shall not look fast.
    first_token_ms: f64,
    /// Time per token in ms, pessimistic.
    per_token_ms: f64,
}

const fn prior(tier: Option<Tier>) -> Prior {
    let (quality, first_token_ms, per_token_ms) = match tier {
        Some(Tier::Fast) => (0.88, 1200.0, 12.0),
        Some(Tier::Balanced) => (0.90, 1600.0, 16.0),
        Some(Tier::Advanced) => (0.92, 2500.0, 25.0),
        Some(Tier::Premium) => (0.94, 3500.0, 33.0),
        None => (0.85, 2500.0, 25.0),
    };
    Prior { quality, first_token_ms, per_token_ms }
}

/// How much longer an answer gets by thinking this hard. Rough: vendors name no figures;
/// their own thinking budgets double or quadruple from level to level.
fn effort_factor(effort: Option<Effort>, reasons: bool) -> f64 {
    match effort {
        _ if !reasons => 1.0,
        None | Some(Effort::Low) => 1.5,
        Some(Effort::None) => 1.0,
        Some(Effort::Medium) => 2.5,
        Some(Effort::High) => 5.0,
        Some(Effort::Max) => 8.0,
    }
}

/// The parts of a score, each in [0, 1], higher is better.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Parts {
    /// `ref / (ref + expected cost)`; 1 when free, 0 when the price is unknown.
    pub cost: f64,
    /// `ref / (ref + expected latency)`.
    pub latency: f64,
    /// Recorded success rate with a prior.
    pub quality: f64,
}

/// What is expected of a candidate for this question.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Expectation {
    /// Prompt tokens, by this model's own tokenizer.
    pub input_tokens: u64,
    /// Written tokens, thinking included.
    pub output_tokens: u64,
    /// Cost; `None` when the price is unknown.
    pub cost: Option<NanoUsd>,
    /// Time until the answer is whole, in ms.
    pub latency_ms: f64,
    /// The parts of its score.
    pub parts: Parts,
}

impl Expectation {
    /// Prompt and answer together: what a limit of tokens a minute counts before the answer is there.
    pub fn tokens(&self) -> u64 {
        self.input_tokens.saturating_add(self.output_tokens)
    }
}

/// What to expect of a candidate, of an answer of at most `cap` tokens.
pub fn expect(known: &Known, question: &Question, cap: u64, now: Timestamp) -> Expectation {
    let health = known.health.faded(now);
    let prior = prior(known.candidate.tier);
    let input_tokens = question.prompt_tokens(&known.candidate);
    let output_tokens = usual_output(known, question, now).min(cap).max(1);
    let usage = Usage { input_tokens, output_tokens, ..Usage::default() };
    let cost = known.candidate.pricing.as_ref().map(|p| p.cost(&usage, now));
    let first = blend(health.first_token_ms, health.first_token_weight, prior.first_token_ms, FIRST_TOKEN_PRIOR_WEIGHT);
    let per_token = blend(health.token_ms, health.token_weight, prior.per_token_ms, TOKEN_PRIOR_WEIGHT);
    #[allow(clippy::cast_precision_loss)]
    let latency_ms = first + per_token * output_tokens as f64;
    let parts = Parts {
        cost: cost.map_or(0.0, |c| COST_REF_USD / (COST_REF_USD + c.as_usd())),
        latency: LATENCY_REF_MS / (LATENCY_REF_MS + latency_ms),
        quality: blend(health.successes, health.attempts, prior.quality, QUALITY_PRIOR_ATTEMPTS),
    };
    Expectation { input_tokens, output_tokens, cost, latency_ms, parts }
}

/// The weighted sum of the parts, in [0, 1].
pub fn score(parts: &Parts, weights: &Weights) -> f64 {
    weights.cost * parts.cost + weights.latency * parts.latency + weights.quality * parts.quality
}

fn usual_output(known: &Known, question: &Question, now: Timestamp) -> u64 {
    let health = known.health.faded(now);
    let prior = USUAL_OUTPUT_TOKENS * effort_factor(question.effort, known.candidate.reasons);
    let usual = blend(health.written_tokens, health.successes, prior, USUAL_OUTPUT_WEIGHT);
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let tokens = usual.ceil() as u64;
    tokens
}

/// The mean of a faded sum and a prior that weighs `prior_weight`.
fn blend(sum: f64, weight: f64, prior: f64, prior_weight: f64) -> f64 {
    (sum + prior * prior_weight) / (weight + prior_weight)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::engine::breaker::Breaker;
    use crate::engine::health::{Health, Observation};
    use crate::types::{Candidate, CandidateId, CostSource, Pricing, Rate, Rates, Sight};

    /// A candidate with a price in USD per million tokens, never measured.
    pub fn known(name: &str, input: &str, output: &str) -> Known {
        let rates = Rates::new(Rate::usd_per_mtok(input), Rate::usd_per_mtok(output));
        Known {
            candidate: Candidate {
                id: CandidateId::new(name, "m"),
                pricing: Some(Pricing::plain(rates, CostSource::Catalogue)),
                context_tokens: Some(100_000),
                max_output_tokens: Some(8192),
                tier: Some(Tier::Balanced),
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
            },
            group: 0,
            breaker: Breaker::default(),
            rest: None,
            health: Health::default(),
            rate: None,
        }
    }

    pub const QUESTION: Question = Question {
        reference_tokens: 1000,
        bound_tokens: 4000,
        images: Vec::new(),
        explicit_cap: None,
        default_cap: 8192,
        effort: None,
        unbounded: false,
    };

    fn seen(mut known: Known, ok: bool, first: u64, total: u64, times: u32) -> Known {
        for _ in 0..times {
            let seen = Observation { ok, first_token_ms: Some(first), total_ms: total, written_tokens: 100 };
            known.health = known.health.observe(&seen, Timestamp(0));
        }
        known
    }

    fn parts(known: &Known) -> Parts {
        expect(known, &QUESTION, 8192, Timestamp(0)).parts
    }

    #[test]
    fn every_part_stays_in_its_scale() {
        let free = known("free", "0", "0");
        let dear = known("dear", "1000", "1000");
        let broken = seen(known("broken", "1", "1"), false, 0, 60_000, 50);
        for k in [&free, &dear, &broken] {
            let p = parts(k);
            for part in [p.cost, p.latency, p.quality] {
                assert!((0.0..=1.0).contains(&part), "{}: {p:?}", k.candidate.id);
            }
        }
        assert!((parts(&free).cost - 1.0).abs() < 1e-12);
        assert!(parts(&dear).cost < 0.01);
        assert!(parts(&broken).quality < 0.2);
    }

    #[test]
    fn an_unknown_price_is_never_a_free_one() {
        let mut unknown = known("unknown", "1", "1");
        unknown.candidate.pricing = None;
        let expected = expect(&unknown, &QUESTION, 8192, Timestamp(0));
        assert_eq!(expected.cost, None);
        assert!(expected.parts.cost.abs() < 1e-12);
    }

    #[test]
    fn cheaper_faster_and_more_reliable_each_score_higher() {
        let base = known("base", "1", "5");
        assert!(parts(&known("cheap", "0.1", "0.5")).cost > parts(&base).cost);
        assert!(parts(&seen(base.clone(), true, 200, 700, 8)).latency > parts(&base).latency);
        assert!(parts(&seen(base.clone(), true, 200, 700, 8)).quality > parts(&base).quality);
        assert!(parts(&seen(base.clone(), false, 0, 0, 3)).quality < parts(&base).quality);
    }

    #[test]
    fn the_usual_length_is_learned_and_bounded_by_the_cap() {
        let base = known("base", "1", "5");
        assert_eq!(expect(&base, &QUESTION, 8192, Timestamp(0)).output_tokens, 400);
        assert_eq!(expect(&base, &QUESTION, 50, Timestamp(0)).output_tokens, 50);
        let short = seen(base, true, 200, 700, 30);
        assert!(expect(&short, &QUESTION, 8192, Timestamp(0)).output_tokens < 150);
    }

    /// Never measured, balanced: 1,000 tokens in and 400 out at 1 and 5 USD per million, 1.6 s and 16 ms a token.
    #[test]
    fn what_is_expected_follows_from_the_question_and_the_priors() {
        let near = |a: f64, b: f64| assert!((a - b).abs() < 1e-9, "{a} is not {b}");
        let base = known("base", "1", "5");
        let expected = expect(&base, &QUESTION, 8192, Timestamp(0));
        assert_eq!((expected.input_tokens, expected.output_tokens, expected.tokens()), (1000, 400, 1400));
        assert_eq!(expected.cost, Some(NanoUsd(3_000_000)));
        near(expected.latency_ms, 1600.0 + 16.0 * 400.0);
        near(expected.parts.cost, 0.001 / (0.001 + 0.003));
        near(expected.parts.latency, 4000.0 / (4000.0 + 8000.0));
        near(expected.parts.quality, 0.9);
        // One answer of 100 tokens, 200 ms to the first and 500 ms for the others.
        let once = seen(base, true, 200, 700, 1);
        let expected = expect(&once, &QUESTION, 8192, Timestamp(0));
        assert_eq!(expected.output_tokens, 250, "the mean of 100 and the usual 400");
        near(expected.latency_ms, (200.0 + 1600.0 * 0.5) / 1.5 + (500.0 + 16.0 * 100.0) / 200.0 * 250.0);
        near(expected.parts.quality, (1.0 + 0.9 * 4.0) / 5.0);
    }

    #[test]
    fn effort_counts_for_models_that_reason() {
        let mut thinker = known("thinker", "1", "5");
        thinker.candidate.reasons = true;
        let at = |effort| {
            let question = Question { effort, ..QUESTION };
            expect(&thinker, &question, 100_000, Timestamp(0)).output_tokens
        };
        assert!(at(Some(Effort::None)) < at(Some(Effort::Medium)));
        assert!(at(Some(Effort::Medium)) < at(Some(Effort::Max)));
    }

    #[test]
    fn weights_decide_between_the_parts() {
        let p = Parts { cost: 1.0, latency: 0.5, quality: 0.0 };
        assert!((score(&p, &"1,0,0".parse().unwrap()) - 1.0).abs() < 1e-12);
        assert!((score(&p, &Weights::default()) - 0.55).abs() < 1e-12);
        let p = Parts { cost: 0.5, latency: 0.25, quality: 0.75 };
        let weights = Weights { cost: 0.2, latency: 0.3, quality: 0.5 };
        assert!((score(&p, &weights) - 0.55).abs() < 1e-12);
    }
}
