//! Why a request was decided as it was, as it is kept in the log; and what the other strategies would have chosen.

use serde::Serialize;

use crate::engine::budget::BudgetState;
use crate::engine::facts::{Done, Facts};
use crate::engine::plan::{Plan, Ranked, Refused, plan};
use crate::engine::score::Parts;
use crate::router::tiering::{TierReport, Tiering};
use crate::types::{Mode, NanoUsd, Strategy};

/// A decision with its reasons.
#[derive(Debug, Clone, Serialize)]
pub struct Decision {
    /// How candidates were put in order.
    pub strategy: Strategy,
    /// The weights of cost, latency and quality.
    pub weights: [f64; 3],
    /// How the day stood.
    pub budget: BudgetState,
    /// Who could be asked, in this order.
    pub candidates: Vec<Candidate>,
    /// Who could not.
    pub refused: Vec<RefusedReport>,
    /// What the first place cost, where the draw gave it to somebody who is otherwise not the best: now and then
    /// everybody gets a chance to show a change.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub explored: Option<Explored>,
    /// How the tier was chosen, where that was left to llmr.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tier: Option<TierReport>,
    /// In mode `shadow`: what the other strategies would have chosen.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub shadow: Vec<Shadow>,
}

/// One candidate of a plan, as reports show it.
#[derive(Debug, Clone, Serialize)]
pub struct Candidate {
    /// Its place, from 1.
    pub rank: usize,
    /// Who.
    pub provider: String,
    /// Which model.
    pub model: String,
    /// In [0, 1]; by strategy `weighted` with what was drawn to try others now and then.
    pub score: f64,
    /// The same without any draw.
    pub plain_score: f64,
    /// The chance that it answers, in [0, 1], as it went into the score.
    pub success: f64,
    /// What the score is made of.
    pub parts: Parts,
    /// What it would likely cost; null when the price is unknown.
    pub expected_cost_usd: Option<NanoUsd>,
    /// How long it would likely take.
    pub expected_latency_ms: u64,
    /// Its breaker.
    pub breaker: crate::engine::breaker::BreakerState,
    /// The worst case to hold.
    pub hold_usd: NanoUsd,
    /// The output cap it would get.
    pub max_tokens: u64,
}

impl std::fmt::Display for Candidate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { rank, provider, model, score, hold_usd, expected_latency_ms, .. } = self;
        let cost = match self.expected_cost_usd {
            Some(cost) => format!("about {cost} USD, at most {hold_usd} USD"),
            None => "at an unknown price".to_owned(),
        };
        write!(f, "{rank}. {provider}/{model}: score {score:.3}, {cost}, about {expected_latency_ms} ms")
    }
}

/// One candidate that could not be asked.
#[derive(Debug, Clone, Serialize)]
pub struct RefusedReport {
    /// Who.
    pub provider: String,
    /// Which model.
    pub model: String,
    /// Why, in words.
    pub reason: String,
}

/// Who would have come first without the draw.
#[derive(Debug, Clone, Serialize)]
pub struct Explored {
    /// Who.
    pub provider: String,
    /// Which model.
    pub model: String,
    /// By how much its `plain_score` is above that of whom is asked in its place.
    pub score: f64,
}

impl std::fmt::Display for Explored {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { provider, model, score } = self;
        write!(
            f,
            "a chance for who is not the best by what is known: {provider}/{model} would be first (score {score:.3} more)"
        )
    }
}

/// Who would have come first without the draw, if somebody else.
pub fn explored(plan: &Plan) -> Option<Explored> {
    let id = plan.instead_of.as_ref()?;
    let (first, other) = (plan.order.first()?, plan.order.iter().find(|ranked| ranked.candidate.id == *id)?);
    let score = rounded(other.plain_score - first.plain_score);
    Some(Explored { provider: id.provider.clone(), model: id.model.clone(), score })
}

/// What another strategy would have chosen.
#[derive(Debug, Clone, Serialize)]
pub struct Shadow {
    /// That strategy.
    pub strategy: Strategy,
    /// Whom it would have asked first.
    pub provider: String,
    /// Which model.
    pub model: String,
    /// What that would likely have cost.
    pub expected_cost_usd: Option<NanoUsd>,
}

/// The decision that a plan is.
pub fn decision(facts: &Facts, plan: &Plan, mode: Mode, tiering: Option<&Tiering>) -> Decision {
    let weights = facts.policy.weights;
    Decision {
        strategy: facts.policy.strategy,
        weights: [weights.cost, weights.latency, weights.quality],
        budget: plan.state,
        candidates: candidates(plan),
        refused: plan.refused.iter().map(refused).collect(),
        explored: explored(plan),
        tier: tiering.map(|tiering| tiering.report(plan, facts.now)),
        shadow: if mode == Mode::Shadow { shadows(facts) } else { Vec::new() },
    }
}

/// The plan's candidates as reports show them.
pub fn candidates(plan: &Plan) -> Vec<Candidate> {
    plan.order.iter().enumerate().map(|(i, ranked)| candidate(i + 1, ranked)).collect()
}

fn candidate(rank: usize, ranked: &Ranked) -> Candidate {
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let expected_latency_ms = ranked.expected.latency_ms.round() as u64;
    Candidate {
        rank,
        provider: ranked.candidate.id.provider.clone(),
        model: ranked.candidate.id.model.clone(),
        score: rounded(ranked.score),
        plain_score: rounded(ranked.plain_score),
        success: rounded(ranked.expected.chance),
        parts: Parts {
            cost: rounded(ranked.expected.parts.cost),
            latency: rounded(ranked.expected.parts.latency),
            quality: rounded(ranked.expected.parts.quality),
            risk: rounded(ranked.expected.parts.risk),
        },
        expected_cost_usd: ranked.expected.load.cost,
        expected_latency_ms,
        breaker: ranked.breaker,
        hold_usd: ranked.sized.hold,
        max_tokens: ranked.sized.cap,
    }
}

/// Six decimals: more says nothing.
fn rounded(x: f64) -> f64 {
    (x * 1e6).round() / 1e6
}

/// A refused candidate as reports show it.
pub fn refused(refused: &Refused) -> RefusedReport {
    RefusedReport {
        provider: refused.id.provider.clone(),
        model: refused.id.model.clone(),
        reason: refused.reason.to_string(),
    }
}

fn shadows(facts: &Facts) -> Vec<Shadow> {
    let others = Strategy::ALL.iter().copied().filter(|s| *s != facts.policy.strategy);
    others.filter_map(|strategy| shadow(facts, strategy)).collect()
}

fn shadow(facts: &Facts, strategy: Strategy) -> Option<Shadow> {
    let mut other = facts.clone();
    other.policy.strategy = strategy;
    let first = plan(&other, &Done::new()).order.into_iter().next()?;
    Some(Shadow {
        strategy,
        provider: first.candidate.id.provider.clone(),
        model: first.candidate.id.model.clone(),
        expected_cost_usd: first.expected.load.cost,
    })
}
