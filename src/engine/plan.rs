//! The plan of a request: who may be asked, in which order, at which worst case; and who may not, and why.

use std::fmt;
use std::sync::Arc;

use super::breaker::BreakerState;
use super::budget::{self, BudgetState, Sized};
use super::draw;
use super::facts::{Done, Facts, Known, Question};
use super::images;
use super::math;
use super::policy::{self, Contender, Occasion, Opinion};
use super::rate::Full;
use super::score::{Expectation, Load, contender, load, score, taste};
use super::tuning::Tuning;
use crate::types::{Candidate, CandidateId, FailureClass, Limit, NanoUsd, Pricing, Strategy, Tier, Timestamp};

/// Why a candidate is not asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reason {
    /// Its vendor has switched it off.
    Retired {
        /// What the vendor names in its place.
        successor: Option<String>,
    },
    /// Nobody knows its price (or its charge cannot be bounded), and money is limited.
    Unpriced,
    /// It is of a lower tier than asked for, or of none that is known.
    Tier {
        /// Its own.
        has: Option<Tier>,
        /// The lowest that will do.
        wants: Tier,
    },
    /// There are pictures, and it cannot see.
    Blind,
    /// There are pictures that its provider refuses; why, in words.
    Pictures(String),
    /// The prompt and the least answer do not fit its window.
    Window {
        /// Tokens needed, as estimated.
        needs: u64,
        /// Tokens it has.
        has: u64,
    },
    /// Its provider's breaker is open, or another process has the trial.
    BreakerOpen {
        /// When a request may pass.
        until: Timestamp,
    },
    /// It asked to be left alone.
    Resting {
        /// Until when.
        until: Timestamp,
        /// What it came from.
        class: FailureClass,
    },
    /// Its provider has been asked as often as the config lets it in a minute.
    Limited(Full),
    /// Its worst case does not fit the money that is left.
    Budget {
        /// The worst case of the answer that is asked for.
        needs: NanoUsd,
    },
    /// It was asked and is done with.
    Failed(FailureClass),
}

impl Reason {
    /// Whether it was kept out by money.
    pub fn is_money(&self) -> bool {
        matches!(self, Self::Budget { .. } | Self::Unpriced)
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Retired { successor: Some(next) } => write!(f, "retired; its successor is {next}"),
            Self::Retired { successor: None } => f.write_str("retired"),
            Self::Unpriced => f.write_str("its price is not known, or cannot be bounded"),
            Self::Tier { has: Some(has), wants } => write!(f, "tier {has} is below {wants}"),
            Self::Tier { has: None, wants } => write!(f, "its tier is not known, {wants} is wanted"),
            Self::Blind => f.write_str("it cannot see pictures"),
            Self::Pictures(why) => f.write_str(why),
            Self::Window { needs, has } => write!(f, "about {needs} tokens do not fit its window of {has}"),
            Self::BreakerOpen { until } => write!(f, "its breaker is open until {until}"),
            Self::Resting { until, class } => write!(f, "resting until {until} ({class})"),
            Self::Limited(full) => full.fmt(f),
            Self::Budget { needs } => write!(f, "its worst case of {needs} USD does not fit the money left"),
            Self::Failed(class) => write!(f, "failed ({class})"),
        }
    }
}

/// A candidate that may be asked.
#[derive(Debug, Clone, PartialEq)]
pub struct Ranked {
    /// Who, with the fixed facts.
    pub candidate: Arc<Candidate>,
    /// What is expected of it.
    pub expected: Expectation,
    /// Its score, in [0, 1]: by strategy `weighted` with what was drawn to try others now and then, otherwise without.
    pub score: f64,
    /// The same without any draw.
    pub plain_score: f64,
    /// Its output cap and hold.
    pub sized: Sized,
    /// Its breaker, for reports.
    pub breaker: BreakerState,
}

impl Ranked {
    /// So long its first token is waited for, in seconds, where that is known.
    pub fn first_cut_s(&self) -> Option<f64> {
        self.expected.first.map(|first| first.cut_s(&Tuning::default()))
    }

    /// After so many seconds its first token is late, where that is known.
    pub fn first_late_s(&self) -> Option<f64> {
        self.expected.first.map(|first| first.late_s(&Tuning::default()))
    }
}

/// A candidate that may not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// Who.
    pub id: CandidateId,
    /// Why.
    pub reason: Reason,
}

/// Who may be asked, the best first, and who may not.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// In the order in which they would be asked.
    pub order: Vec<Ranked>,
    /// The others.
    pub refused: Vec<Refused>,
    /// How the day stands.
    pub state: BudgetState,
    /// Who would have come first without the draw, where that is somebody else.
    pub instead_of: Option<CandidateId>,
}

/// The plan for these facts, without the candidates that are done with.
pub fn plan(facts: &Facts, done: &Done) -> Plan {
    let state = budget::state(facts.money.limit, facts.money.soft_pct, facts.money.spent);
    let mut refused: Vec<Refused> =
        facts.barred.iter().map(|(id, reason)| Refused { id: id.clone(), reason: reason.clone() }).collect();
    let mut eligible = Vec::with_capacity(facts.known.len());
    for (turn, known) in facts.known.iter().enumerate() {
        match judge(known, facts) {
            Ok((load, sized)) => eligible.push(Eligible { known, turn, load, sized }),
            Err(reason) => refused.push(Refused { id: known.candidate.id.clone(), reason }),
        }
    }
    let (mut order, instead_of) = rank(&eligible, facts, state);
    order.retain(|ranked| !done.contains(&ranked.candidate.id));
    refused.retain(|r| !done.contains(&r.id));
    Plan { order, refused, state, instead_of }
}

/// A candidate that may be asked, before anything is thought of it.
struct Eligible<'f> {
    known: &'f Known,
    /// Its place in the list.
    turn: usize,
    load: Load,
    sized: Sized,
}

impl Eligible<'_> {
    /// What comes before everything that is thought of candidates, the smallest first: how it fits the money, whether it
    /// refused its key or its credit lately (only when nobody else is left), and its group.
    fn ahead(&self, now: Timestamp) -> u64 {
        let last_resort = self.known.rest.is_some_and(|rest| now < rest.until);
        (self.sized.fit as u64) << 33 | u64::from(last_resort) << 32 | u64::from(self.known.group)
    }

    fn ranked(&self, facts: &Facts, opinion: &Opinion) -> Ranked {
        Ranked {
            candidate: Arc::clone(&self.known.candidate),
            expected: Expectation::of(self.load, opinion, &facts.question),
            score: score(opinion.index),
            plain_score: score(opinion.plain_index),
            sized: self.sized,
            breaker: self.known.breaker.state(facts.now),
        }
    }
}

/// Puts them in the order in which they are asked, and tells who would have been the first without a draw. Only strategy
/// `weighted` draws; what any other one goes by is what is most likely.
fn rank(eligible: &[Eligible<'_>], facts: &Facts, state: BudgetState) -> (Vec<Ranked>, Option<CandidateId>) {
    let (tuning, taste) = (Tuning::default(), taste(&facts.policy.weights, &facts.question));
    let contenders: Vec<Contender<'_>> =
        eligible.iter().map(|e| contender(e.known, &e.load, e.ahead(facts.now))).collect();
    let explore = facts.policy.strategy == Strategy::Weighted && state == BudgetState::Ok;
    let occasion = Occasion {
        now: facts.now.as_secs(),
        draw: facts.draw,
        explore,
        apart: true,
        most_s: Timestamp(facts.policy.attempt_ms).as_secs(),
        taste: &taste,
        dearness: 0.0,
        tuning: &tuning,
    };
    let opinions = policy::opinions(&contenders, &occasion);
    let ranked = |place: &usize| eligible[*place].ranked(facts, &opinions[*place]);
    if explore {
        let order = policy::order(&opinions, &contenders, &tuning);
        let instead_of = policy::plain_first(&opinions, &contenders)
            .filter(|place| order.first().is_some_and(|first| first != place));
        let instead_of = instead_of.map(|place| eligible[place].known.candidate.id.clone());
        return (order.iter().map(ranked).collect(), instead_of);
    }
    let key = |(place, e): (usize, &Eligible<'_>)| (Key::of(e, &opinions[place], facts, state), place);
    let mut keyed: Vec<(Key, usize)> = eligible.iter().enumerate().map(key).collect();
    keyed.sort_by(|(a, _), (b, _)| a.compare(b));
    (keyed.iter().map(|(_, place)| ranked(place)).collect(), None)
}

/// Whether a candidate may be asked, and at which worst case.
fn judge(known: &Known, facts: &Facts) -> Result<(Load, Sized), Reason> {
    let (c, now) = (&known.candidate, facts.now);
    if let Some(wants) = facts.policy.tier.filter(|wants| c.tier.is_none_or(|has| has < *wants)) {
        return Err(Reason::Tier { has: c.tier, wants });
    }
    if !facts.question.images.is_empty() {
        may_see(c, facts)?;
    }
    if let Some(rest) = known.rest.filter(|rest| now < rest.until && rest.class.rest_is_kept()) {
        return Err(Reason::Resting { until: rest.until, class: rest.class });
    }
    if let Some(until) = known.breaker.opens_again_at(now) {
        return Err(Reason::BreakerOpen { until });
    }
    if must_be_priced(facts) && !c.pricing.as_ref().is_some_and(|p| is_bounded(p, facts)) {
        return Err(Reason::Unpriced);
    }
    let prompt = facts.question.prompt_tokens(c);
    let cap = cap_of(c, &facts.question, prompt)?;
    if c.pricing.is_none()
        && budget::state(facts.money.limit, facts.money.soft_pct, facts.money.spent) == BudgetState::Hard
    {
        // Nothing can be held for it, and nothing but free answers may be given.
        return Err(Reason::Budget { needs: NanoUsd::ZERO });
    }
    let until = now.plus_ms(facts.policy.attempt_ms);
    let sized = budget::size(c, &facts.question, cap, &facts.money, now, until)
        .ok_or_else(|| Reason::Budget { needs: budget::upper_bound(c, &facts.question, cap, now, until) })?;
    let load = load(known, &facts.question, prompt, sized.cap, now);
    match known.rate.as_ref().and_then(|rate| rate.full(load.tokens(), now)) {
        Some(full) => Err(Reason::Limited(full)),
        None => Ok((load, sized)),
    }
}

/// Whether a candidate takes the pictures. One that nobody knows is asked: its provider knows best.
fn may_see(c: &Candidate, facts: &Facts) -> Result<(), Reason> {
    if c.sight.sees == Some(false) {
        return Err(Reason::Blind);
    }
    images::refusal(c, &facts.question.images).map_or(Ok(()), |why| Err(Reason::Pictures(why)))
}

fn must_be_priced(facts: &Facts) -> bool {
    let limited = facts.money.limit != Limit::Off || facts.money.request_cap.is_some();
    limited && !facts.money.allow_unpriced
}

/// Whether a worst case is one. What costs nothing costs nothing however it is asked.
fn is_bounded(pricing: &Pricing, facts: &Facts) -> bool {
    !pricing.unbounded && (!facts.question.unbounded || pricing.is_free())
}

/// The output cap to ask for, before any thought of money: what is wanted, at most what the model
/// can write, at most what its window leaves. An error ([`Reason::Window`]) where that is too little.
pub fn cap(c: &Candidate, q: &Question) -> Result<u64, Reason> {
    cap_of(c, q, q.prompt_tokens(c))
}

/// The same for a prompt of so many tokens by this candidate's count.
fn cap_of(c: &Candidate, q: &Question, prompt: u64) -> Result<u64, Reason> {
    let wanted = q.explicit_cap.unwrap_or(q.default_cap).min(c.max_output_tokens.unwrap_or(u64::MAX)).max(1);
    let Some(has) = c.context_tokens else { return Ok(wanted) };
    // A default cap gives way to a long prompt, down to the least useful answer; a cap of the user's own does not.
    let least = q.explicit_cap.map_or(budget::LEAST_CAP.min(wanted), |_| wanted);
    match has.checked_sub(prompt) {
        Some(left) if left >= least => Ok(wanted.min(left)),
        _ => Err(Reason::Window { needs: prompt.saturating_add(least), has }),
    }
}

/// What candidates are sorted by, the smallest first.
struct Key {
    ahead: u64,
    by: f64,
    score: f64,
    turn: usize,
}

impl Key {
    fn of(eligible: &Eligible<'_>, opinion: &Opinion, facts: &Facts, state: BudgetState) -> Self {
        Self {
            ahead: eligible.ahead(facts.now),
            by: match state {
                BudgetState::Ok => by_strategy(eligible, opinion, facts),
                BudgetState::Soft | BudgetState::Hard => by_cost(eligible),
            },
            score: score(opinion.index),
            turn: eligible.turn,
        }
    }

    fn compare(&self, other: &Self) -> std::cmp::Ordering {
        self.ahead
            .cmp(&other.ahead)
            .then(self.by.total_cmp(&other.by))
            .then(other.score.total_cmp(&self.score))
            .then(self.turn.cmp(&other.turn))
    }
}

fn by_strategy(eligible: &Eligible<'_>, opinion: &Opinion, facts: &Facts) -> f64 {
    match facts.policy.strategy {
        Strategy::Weighted => -score(opinion.index),
        Strategy::Cheapest => by_cost(eligible),
        Strategy::Fastest => opinion.expected_s,
        Strategy::Reliable => -opinion.chance,
        Strategy::Priority => f64::from(eligible.known.candidate.priority),
        Strategy::RoundRobin => in_turn(eligible.turn, facts),
        Strategy::Balanced => by_lot(score(opinion.index), eligible.known.names.id.draw(facts.draw)),
    }
}

fn by_cost(eligible: &Eligible<'_>) -> f64 {
    eligible.load.cost.map_or(f64::INFINITY, NanoUsd::as_usd)
}

/// The candidate whose turn it is comes first, the others follow as they are listed.
#[allow(clippy::cast_precision_loss)]
fn in_turn(turn: usize, facts: &Facts) -> f64 {
    let n = facts.known.len().max(1);
    let first = usize::try_from(facts.request.0.rem_euclid(i64::try_from(n).unwrap_or(1))).unwrap_or(0);
    ((turn + n - first) % n) as f64
}

/// A random order in which each candidate's chance to be next is its share of the scores
/// (Efraimidis and Spirakis 2006: keys `u^(1/w)`, here as `-ln(u)/w`).
fn by_lot(score: f64, draw: u64) -> f64 {
    -math::ln(draw::unit(draw)) / score.max(1e-9)
}

#[cfg(test)]
pub(crate) mod tests;
