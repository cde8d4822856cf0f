//! What a decision is made from. Read by the router, never by the engine itself.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::belief::Belief;
use super::breaker::Breaker;
use super::draw::Name;
use super::estimate::scaled;
use super::images;
use super::rate::Metered;
use crate::types::{
    Candidate, CandidateId, Effort, FailureClass, Image, Limit, NanoUsd, RequestId, Strategy, Tier, Timestamp, Weights,
};

/// One candidate with everything recorded about it.
#[derive(Debug, Clone, PartialEq)]
pub struct Known {
    /// The fixed facts.
    pub candidate: Arc<Candidate>,
    /// Its names, hashed.
    pub names: Names,
    /// Candidates of group 0 come before those of group 1, and so on, whatever the strategy:
    /// the model asked for, then its fallbacks in their order.
    pub group: u32,
    /// Its provider's breaker.
    pub breaker: Breaker,
    /// Its provider's or its own rest, if it has one.
    pub rest: Option<Rest>,
    /// What its past attempts make likely.
    pub belief: Belief,
    /// For how many seconds each of its open tries of other requests has been waited for, long answers counted as usual
    /// ones.
    pub open_s: Vec<f64>,
    /// How fast its provider may be asked, and was in the last minute; `None` without such a limit.
    pub rate: Option<Metered>,
}

impl Known {
    /// One of which nothing is recorded.
    pub fn new(candidate: impl Into<Arc<Candidate>>) -> Self {
        let candidate = candidate.into();
        Self {
            names: Names::of(&candidate.id),
            candidate,
            group: 0,
            breaker: Breaker::default(),
            rest: None,
            belief: Belief::default(),
            open_s: Vec::new(),
            rate: None,
        }
    }

    /// To change a fact of it.
    #[cfg(test)]
    pub fn candidate_mut(&mut self) -> &mut Candidate {
        Arc::make_mut(&mut self.candidate)
    }
}

/// A candidate's names, hashed: what its draws depend on, and whom it often fails together with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Names {
    /// The whole id, as it is written.
    pub id: Name,
    /// Its provider's.
    pub provider: Name,
}

impl Names {
    /// Of this candidate.
    pub fn of(id: &CandidateId) -> Self {
        let provider = Name::of(&id.provider);
        Self { id: provider.then("/").then(&id.model), provider }
    }
}

/// Until when somebody asked to be left alone, and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rest {
    /// The end of it.
    pub until: Timestamp,
    /// What it came from: a 429, a refused key, exhausted credit.
    pub class: FailureClass,
}

/// The day's money, and what this request may take of it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Money {
    /// The day's limit.
    pub limit: Limit,
    /// From this share of the limit on (in percent) cheaper candidates are preferred.
    pub soft_pct: f64,
    /// Settled today.
    pub spent: NanoUsd,
    /// Held for attempts under way, of all requests.
    pub held: NanoUsd,
    /// The part of `held` that is this request's own.
    pub own_held: NanoUsd,
    /// What this request's settled attempts cost.
    pub own_spent: NanoUsd,
    /// The most that all attempts of this request may cost.
    pub request_cap: Option<NanoUsd>,
    /// What others hold of `request_cap`, where it is the cap of several requests together.
    pub cap_held: NanoUsd,
    /// What tries that stand by late ones may still cost today; nothing where the request wants none.
    pub hedge_free: NanoUsd,
    /// Whether models without a known price may be asked all the same.
    pub allow_unpriced: bool,
}

/// The size of what is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// Tokens of all texts of the prompt by the reference tokenizer's estimate.
    pub reference_tokens: u64,
    /// No tokenizer makes more tokens of the texts than this.
    pub bound_tokens: u64,
    /// The pictures of all messages; each vendor counts them by its own rule.
    pub images: Vec<Image>,
    /// `--max-tokens`: never lowered.
    pub explicit_cap: Option<u64>,
    /// The output cap when none is given.
    pub default_cap: u64,
    /// How hard to think.
    pub effort: Option<Effort>,
    /// Whether something passed through may cost what neither prompt nor cap bounds.
    pub unbounded: bool,
}

impl Question {
    /// The whole prompt by this candidate's own count, pictures included, in tokens: what is to be expected.
    pub fn prompt_tokens(&self, candidate: &Candidate) -> u64 {
        let texts = scaled(self.reference_tokens, candidate.token_factor);
        texts.saturating_add(images::count_all(candidate, &self.images).likely)
    }

    /// The same at most, with the texts counted as their bytes.
    pub fn most_prompt_tokens(&self, candidate: &Candidate) -> u64 {
        self.bound_tokens.saturating_add(images::count_all(candidate, &self.images).most)
    }

    /// The same with the texts as estimated and this much on top of them; pictures are still counted at most.
    pub fn prompt_tokens_with_margin(&self, candidate: &Candidate, margin: f64) -> u64 {
        let texts = scaled(self.reference_tokens, candidate.token_factor * margin).min(self.bound_tokens);
        texts.saturating_add(images::count_all(candidate, &self.images).most)
    }
}

/// What the user wants of a plan.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Policy {
    /// How candidates are put in order.
    pub strategy: Strategy,
    /// How the parts of a score are weighed.
    pub weights: Weights,
    /// The lowest tier that will do.
    pub tier: Option<Tier>,
    /// How long an attempt may last, in milliseconds: prices may change meanwhile.
    pub attempt_ms: i64,
}

/// Everything a plan is a function of.
#[derive(Debug, Clone, PartialEq)]
pub struct Facts {
    /// Now.
    pub now: Timestamp,
    /// The number of this request, for taking turns.
    pub request: RequestId,
    /// One random draw, the same for all plans of this request.
    pub draw: u64,
    /// The candidates, in the order in which their providers are listed.
    pub known: Vec<Known>,
    /// Candidates that were refused before any planning, with the reason.
    pub barred: Vec<(CandidateId, super::plan::Reason)>,
    /// The day's money.
    pub money: Money,
    /// What is asked.
    pub question: Question,
    /// How to choose.
    pub policy: Policy,
}

/// Candidates that this request is done with.
pub type Done = BTreeSet<CandidateId>;
