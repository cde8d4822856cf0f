//! A candidate's score: the weighted sum of cost, latency and quality, each in [0, 1] on a fixed scale of the candidate's
//! own figures, less what its failures may lose; another candidate coming, going or being free changes nobody's score.

use serde::Serialize;

use super::facts::{Known, Question};
use super::math;
use super::policy::{Contender, FirstToken, Opinion, Scale, Taste};
use crate::types::{Effort, NanoUsd, Tier, Timestamp, Usage, Weights};

/// Cost part 1/2 of a usual request: a tenth of a cent, about 1,000 tokens in and 400 out at 0.30 / 1.75 USD per million.
pub const COST_REF_USD: f64 = 0.001;
/// The tokens of a usual prompt, and what each one beyond them adds to that.
const USUAL_PROMPT: u64 = 1000;
const COST_REF_USD_PER_TOKEN: f64 = 0.30e-6;
/// Latency part 1/2: what people call quick for a whole answer.
pub const LATENCY_REF_S: f64 = 4.0;
/// No answer at all loses what the best one would be worth: the weights add up to 1.
pub const NO_ANSWER: f64 = 1.0;
/// The usual answer before any was seen, in tokens, and what that prior weighs in answers.
const USUAL_OUTPUT_TOKENS: f64 = 400.0;
const USUAL_OUTPUT_WEIGHT: f64 = 1.0;
/// Quality of the lowest tier before any answer was rated, and what each step adds: the four names span what four tiers
/// of models get right in public benchmarks, roughly.
const LEAST_QUALITY: f64 = 0.70;
/// See [`LEAST_QUALITY`].
const STEP_QUALITY: f64 = 0.06;

/// The quality assumed of a tier before any answer was rated, in [0, 1]; its number counts from 0 up.
pub fn quality_of_tier(number: f64) -> f64 {
    LEAST_QUALITY + STEP_QUALITY * number
}

/// The same by name; what is of no known tier is taken for the lowest.
pub fn quality_of(tier: Option<Tier>) -> f64 {
    quality_of_tier(tier.map_or(0.0, |tier| f64::from(tier as u8)))
}

/// The logarithm of seconds for a usual answer (200 tokens) that is assumed before any was seen, pessimistic: being
/// unknown shall not look fast. Of no known tier: as of an advanced one.
fn assumed_log_s(tier: Option<Tier>) -> f64 {
    match tier {
        Some(Tier::Fast) => const { math::ln(3.6) },
        Some(Tier::Balanced) => const { math::ln(4.8) },
        Some(Tier::Advanced) | None => const { math::ln(7.5) },
        Some(Tier::Premium) => const { math::ln(10.1) },
    }
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

/// The parts of a score.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Parts {
    /// `ref / (ref + expected cost)`, in [0, 1], `ref` by the prompt's length; 1 when free, 0 when the price is unknown.
    pub cost: f64,
    /// `ref / (ref + expected latency)`, in [0, 1].
    pub latency: f64,
    /// How good its answers are taken to be, in [0, 1]: what its tier lets expect, and what was said of them.
    pub quality: f64,
    /// What is lost by its failures for each answer of it: taken off the weighted sum.
    pub risk: f64,
}

/// What a request likely takes of a candidate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Load {
    /// Prompt tokens, by this model's own tokenizer.
    pub input_tokens: u64,
    /// Written tokens, thinking included.
    pub output_tokens: u64,
    /// Cost; `None` when the price is unknown.
    pub cost: Option<NanoUsd>,
}

impl Load {
    /// Prompt and answer together: what a limit of tokens a minute counts before the answer is there.
    pub fn tokens(&self) -> u64 {
        self.input_tokens.saturating_add(self.output_tokens)
    }
}

/// What to expect of an answer of at most `cap` tokens to a prompt of so many by the candidate's own count.
pub fn load(known: &Known, question: &Question, input_tokens: u64, cap: u64, now: Timestamp) -> Load {
    let output_tokens = usual_output(known, question).min(cap).max(1);
    let usage = Usage { input_tokens, output_tokens, ..Usage::default() };
    let cost = known.candidate.pricing.as_ref().map(|p| p.cost(&usage, now));
    Load { input_tokens, output_tokens, cost }
}

fn usual_output(known: &Known, question: &Question) -> u64 {
    let prior = USUAL_OUTPUT_TOKENS * effort_factor(question.effort, known.candidate.reasons);
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let tokens = known.belief.written.mean(prior, USUAL_OUTPUT_WEIGHT).ceil() as u64;
    tokens
}

/// A candidate as the policy sees it. Its provider's models often fail together.
pub fn contender<'a>(known: &'a Known, load: &Load, turn: u64) -> Contender<'a> {
    let tier = known.candidate.tier;
    #[allow(clippy::cast_precision_loss)]
    let tokens = load.output_tokens as f64;
    Contender {
        name: known.names.id,
        group: Some(known.names.provider),
        turn,
        usd: Some(load.cost.map_or(f64::INFINITY, NanoUsd::as_usd)),
        quality: quality_of(tier),
        assumed_log_s: assumed_log_s(tier),
        tokens,
        // Each token takes the same time.
        slope: 1.0,
        belief: &known.belief,
        open_s: &known.open_s,
        resting_until: None,
    }
}

/// What is expected of a candidate for this question.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Expectation {
    /// What it likely takes.
    pub load: Load,
    /// Time until the answer is whole, in ms.
    pub latency_ms: f64,
    /// The chance that it answers, in [0, 1].
    pub chance: f64,
    /// How long its first token takes, where that is known.
    pub first: Option<FirstToken>,
    /// The parts of its score.
    pub parts: Parts,
}

impl Expectation {
    /// What an opinion amounts to.
    pub fn of(load: Load, opinion: &Opinion, question: &Question) -> Self {
        Self {
            load,
            latency_ms: opinion.expected_s * 1000.0,
            chance: opinion.chance,
            first: opinion.first,
            parts: parts(opinion, cost_reference(question)),
        }
    }
}

/// The cost that halves the cost part of this question: a long prompt costs everybody more, and prices must tell
/// candidates apart all the same.
#[allow(clippy::cast_precision_loss)]
fn cost_reference(question: &Question) -> f64 {
    COST_REF_USD + COST_REF_USD_PER_TOKEN * question.reference_tokens.saturating_sub(USUAL_PROMPT) as f64
}

/// What answers to this question are worth by these weights.
pub fn taste(weights: &Weights, question: &Question) -> Taste {
    Taste {
        quality: weights.quality,
        cost: weights.cost,
        wait: weights.latency,
        fail: NO_ANSWER,
        scale: Scale::Bounded { usd: cost_reference(question), seconds: LATENCY_REF_S },
    }
}

fn parts(opinion: &Opinion, reference: f64) -> Parts {
    Parts {
        cost: reference / (reference + opinion.expected_usd),
        latency: LATENCY_REF_S / (LATENCY_REF_S + opinion.expected_s),
        quality: opinion.quality.clamp(0.0, 1.0),
        risk: opinion.risk(),
    }
}

/// The score that an opinion's index comes to, in [0, 1]: one that is worth less than nothing is worth nothing.
pub fn score(index: f64) -> f64 {
    index.clamp(0.0, 1.0)
}

#[cfg(test)]
pub(crate) mod tests;
