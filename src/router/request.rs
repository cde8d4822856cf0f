//! What a request asks for and what comes of it, as plain data between commands and router.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Map, Value};

use crate::engine::plan::Plan;
use crate::types::{
    AttemptReport, CacheOutcome, CandidateId, CostSource, Effort, Embed, FinishReason, Message, Mode, NanoUsd,
    RequestId, Schema, Strategy, Tier, TierWish, Usage, Weights,
};

/// How the cache is used.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum CacheUse {
    /// Read and written.
    #[default]
    On,
    /// Written only.
    Refresh,
    /// Neither.
    Off,
}

/// What was pinned: whom and which model the request is for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selection {
    /// `-m`: a model, `provider/model` or an alias.
    pub model: Option<String>,
    /// `-p`: only these; empty for all.
    pub providers: Vec<String>,
    /// The lowest tier that will do.
    pub tier: Option<Tier>,
    /// Whether that is still to be chosen, by the prompt.
    pub auto: bool,
    /// `--fallback`, in order; empty: those of the config.
    pub fallbacks: Vec<String>,
}

impl Selection {
    /// The same for a wish for a tier.
    pub fn with_tier(self, wish: Option<TierWish>) -> Self {
        Self { tier: wish.and_then(TierWish::named), auto: wish == Some(TierWish::Auto), ..self }
    }
}

/// What a request's texts are kept for, beside the log (which keeps them where the user says so).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Keep {
    /// Nothing.
    #[default]
    Nothing,
    /// The next turn of this conversation: the last message and its answer.
    Turn {
        /// The conversation's number.
        conversation: i64,
    },
    /// A line of a batch.
    Line {
        /// The batch's number.
        batch: i64,
        /// The line's number, from 1.
        line: u64,
        /// Of everything that can change its answer.
        digest: [u8; 16],
        /// Whether its prompt is kept, too.
        prompt: bool,
    },
}

/// A request, with every setting resolved.
#[derive(Debug, Clone)]
pub struct Request {
    /// Whom it is for.
    pub selection: Selection,
    /// The system prompt.
    pub system: Option<String>,
    /// The conversation.
    pub messages: Vec<Message>,
    /// `--max-tokens`.
    pub explicit_cap: Option<u64>,
    /// The output cap without it.
    pub default_cap: u64,
    /// Sampling temperature.
    pub temperature: Option<f64>,
    /// Nucleus sampling.
    pub top_p: Option<f64>,
    /// Texts that end the answer.
    pub stop: Vec<String>,
    /// How hard to think.
    pub effort: Option<Effort>,
    /// Fields passed through.
    pub extra: Map<String, Value>,
    /// How candidates are put in order.
    pub strategy: Strategy,
    /// How a score is weighed.
    pub weights: Weights,
    /// The most that all attempts may cost.
    pub max_cost: Option<NanoUsd>,
    /// The time limit of it all, in milliseconds.
    pub timeout_ms: u64,
    /// Retries on one candidate.
    pub max_retries: u32,
    /// Whether models without a known price may be asked although money is limited.
    pub allow_unpriced: bool,
    /// How many candidates are asked side by side.
    pub parallel: usize,
    /// With several: the first whole answer wins.
    pub race: bool,
    /// With one: a second one is asked when the first byte is late.
    pub hedge: bool,
    /// Besides answering.
    pub mode: Mode,
    /// The user's label.
    pub tag: Option<String>,
    /// `--meta`: what else is known of it, for the rules of `[tiers]`.
    pub meta: BTreeMap<String, String>,
    /// The chance of success that a tier must have which is chosen by the prompt.
    pub min_quality: f64,
    /// Two cheap models are asked first, one of this tier where they do not agree.
    pub cascade: Option<Tier>,
    /// What the answer must fit.
    pub schema: Option<Arc<Schema>>,
    /// Vectors are asked for, one for each message.
    pub embed: Option<Embed>,
    /// What its texts are kept for, beside the log.
    pub keep: Keep,
    /// How the cache is used.
    pub cache: CacheUse,
    /// Whether providers are asked to stream.
    pub stream: bool,
}

/// A request's answer with all that is known about how it came.
#[derive(Debug, Clone)]
pub struct Answered {
    /// The request's number.
    pub id: RequestId,
    /// Who answered.
    pub candidate: CandidateId,
    /// The tier of its model.
    pub tier: Option<Tier>,
    /// The text.
    pub text: String,
    /// Why it ended.
    pub finish: FinishReason,
    /// Tokens.
    pub usage: Usage,
    /// What the request cost, all attempts together; `None` when a price is unknown.
    pub cost: Option<NanoUsd>,
    /// Where the cost comes from.
    pub cost_source: CostSource,
    /// From the start of the request to its end.
    pub latency_ms: u64,
    /// From the start of the answering attempt to its first token, where it was streamed.
    pub first_token_ms: Option<u64>,
    /// How the cache answered.
    pub cache: CacheOutcome,
    /// Every attempt.
    pub attempts: Vec<AttemptReport>,
    /// What the user should know.
    pub warnings: Vec<String>,
}

/// What a dry run found.
#[derive(Debug, Clone)]
pub struct Rehearsal {
    /// The plan that `ask` would walk next.
    pub plan: Plan,
    /// The request's draw and facts as they were, for reports.
    pub facts: crate::engine::facts::Facts,
    /// How the cache would answer.
    pub cache: CacheOutcome,
    /// Who is in the cache, on a hit.
    pub cached: Option<CandidateId>,
    /// What the user should know.
    pub warnings: Vec<String>,
}

/// Whether the reader of a stream is still there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flow {
    /// It is.
    On,
    /// The pipe was closed.
    Closed,
}

/// Who is told what happens while it happens. Every method may do nothing.
pub trait Listener {
    /// Whether pieces of the answer are shown as they come: then there is no failover after the first one.
    fn streams(&self) -> bool {
        false
    }
    /// An attempt begins.
    fn started(&mut self, _id: RequestId, _candidate: &CandidateId) {}
    /// A piece of the answer; only called when [`Listener::streams`].
    fn delta(&mut self, _text: &str) -> Flow {
        Flow::On
    }
    /// A candidate failed and another one is asked.
    fn switched(&mut self, _attempt: &AttemptReport, _why: &str, _to: &CandidateId) {}
    /// Something is said to the user, at once and only once.
    fn note(&mut self, _text: &str) {}
    /// A reason of the decision, for who wants to know more.
    fn detail(&mut self, _text: &str) {}
}
