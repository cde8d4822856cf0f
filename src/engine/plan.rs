//! The plan of a request: who may be asked, in which order, at which worst case; and who may not, and why.

use std::fmt;

use super::breaker::BreakerState;
use super::budget::{self, BudgetState, Fit, Sized};
use super::draw;
use super::estimate::scaled;
use super::facts::{Done, Facts, Known};
use super::score::{Expectation, expect, score};
use crate::types::{Candidate, CandidateId, FailureClass, Limit, NanoUsd, Strategy, Tier, Timestamp};

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
    /// Its worst case does not fit the money that is left.
    Budget {
        /// The worst case of the least answer.
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
            Self::Window { needs, has } => write!(f, "about {needs} tokens do not fit its window of {has}"),
            Self::BreakerOpen { until } => write!(f, "its breaker is open until {until}"),
            Self::Resting { until, class } => write!(f, "resting until {until} ({class})"),
            Self::Budget { needs } => write!(f, "its worst case of {needs} USD does not fit the money left"),
            Self::Failed(class) => write!(f, "failed ({class})"),
        }
    }
}

/// A candidate that may be asked.
#[derive(Debug, Clone, PartialEq)]
pub struct Ranked {
    /// Who, with the fixed facts.
    pub candidate: Candidate,
    /// What is expected of it.
    pub expected: Expectation,
    /// Its score, in [0, 1].
    pub score: f64,
    /// Its output cap and hold.
    pub sized: Sized,
    /// Its breaker, for reports.
    pub breaker: BreakerState,
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
}

/// The plan for these facts, without the candidates that are done with.
pub fn plan(facts: &Facts, done: &Done) -> Plan {
    let state = budget::state(facts.money.limit, facts.money.soft_pct, facts.money.spent);
    let mut refused: Vec<Refused> =
        facts.barred.iter().map(|(id, reason)| Refused { id: id.clone(), reason: reason.clone() }).collect();
    let mut eligible = Vec::new();
    for (turn, known) in facts.known.iter().enumerate() {
        match judge(known, facts) {
            Ok(ranked) => eligible.push((Key::of(&ranked, known, turn, facts, state), ranked)),
            Err(reason) => refused.push(Refused { id: known.candidate.id.clone(), reason }),
        }
    }
    eligible.sort_by(|(a, _), (b, _)| a.compare(b));
    let order = eligible.into_iter().map(|(_, ranked)| ranked).filter(|r| !done.contains(&r.candidate.id)).collect();
    refused.retain(|r| !done.contains(&r.id));
    Plan { order, refused, state }
}

/// Whether a candidate may be asked, and at which worst case.
fn judge(known: &Known, facts: &Facts) -> Result<Ranked, Reason> {
    let (c, now) = (&known.candidate, facts.now);
    if let Some(wants) = facts.policy.tier.filter(|wants| c.tier.is_none_or(|has| has < *wants)) {
        return Err(Reason::Tier { has: c.tier, wants });
    }
    if let Some(rest) = known.rest.filter(|rest| now < rest.until && must_rest(rest.class)) {
        return Err(Reason::Resting { until: rest.until, class: rest.class });
    }
    if let Some(until) = known.breaker.opens_again_at(now) {
        return Err(Reason::BreakerOpen { until });
    }
    if must_be_priced(facts) && c.pricing.as_ref().is_none_or(|p| p.unbounded) {
        return Err(Reason::Unpriced);
    }
    let cap = cap(c, facts)?;
    if c.pricing.is_none()
        && budget::state(facts.money.limit, facts.money.soft_pct, facts.money.spent) == BudgetState::Hard
    {
        // Nothing can be held for it, and nothing but free answers may be given.
        return Err(Reason::Budget { needs: NanoUsd::ZERO });
    }
    let until = now.plus_ms(facts.policy.attempt_ms);
    let sized = budget::size(c, &facts.question, cap, &facts.money, now, until)
        .ok_or_else(|| Reason::Budget { needs: budget::upper_bound(c, &facts.question, cap, now, until) })?;
    let expected = expect(known, &facts.question, sized.cap, now);
    let score = score(&expected.parts, &facts.policy.weights);
    Ok(Ranked { candidate: c.clone(), expected, score, sized, breaker: known.breaker.state(now) })
}

/// A rest that must be kept. A refused key or exhausted credit may have been mended meanwhile:
/// such a candidate is only put last.
pub fn must_rest(class: FailureClass) -> bool {
    class == FailureClass::RateLimited
}

fn must_be_priced(facts: &Facts) -> bool {
    let limited = facts.money.limit != Limit::Off || facts.money.request_cap.is_some();
    limited && !facts.money.allow_unpriced
}

/// The output cap to ask for, before any thought of money: what is wanted, at most what the model
/// can write, at most what its window leaves.
fn cap(c: &Candidate, facts: &Facts) -> Result<u64, Reason> {
    let q = &facts.question;
    let wanted = q.explicit_cap.unwrap_or(q.default_cap).min(c.max_output_tokens.unwrap_or(u64::MAX)).max(1);
    let Some(has) = c.context_tokens else { return Ok(wanted) };
    let prompt = scaled(q.reference_tokens, c.token_factor);
    // A default cap gives way to a long prompt, down to the least useful answer; a cap of the user's own does not.
    let least = q.explicit_cap.map_or(LEAST_ANSWER.min(wanted), |_| wanted);
    match has.checked_sub(prompt) {
        Some(left) if left >= least => Ok(wanted.min(left)),
        _ => Err(Reason::Window { needs: prompt.saturating_add(least), has }),
    }
}

/// The least answer that a long prompt must leave room for, in tokens: the same as money must.
const LEAST_ANSWER: u64 = 256;

/// What candidates are sorted by, the smallest first.
struct Key {
    fit: Fit,
    /// Refused its key or its credit lately: only when nobody else is left.
    last_resort: bool,
    group: u32,
    by: f64,
    score: f64,
    turn: usize,
}

impl Key {
    fn of(ranked: &Ranked, known: &Known, turn: usize, facts: &Facts, state: BudgetState) -> Self {
        let resting = known.rest.is_some_and(|rest| facts.now < rest.until);
        Self {
            fit: ranked.sized.fit,
            last_resort: resting,
            group: known.group,
            by: match state {
                BudgetState::Ok => by_strategy(ranked, turn, facts),
                BudgetState::Soft | BudgetState::Hard => by_cost(ranked),
            },
            score: ranked.score,
            turn,
        }
    }

    fn compare(&self, other: &Self) -> std::cmp::Ordering {
        (self.fit, self.last_resort, self.group)
            .cmp(&(other.fit, other.last_resort, other.group))
            .then(self.by.total_cmp(&other.by))
            .then(other.score.total_cmp(&self.score))
            .then(self.turn.cmp(&other.turn))
    }
}

fn by_strategy(ranked: &Ranked, turn: usize, facts: &Facts) -> f64 {
    match facts.policy.strategy {
        Strategy::Weighted => -ranked.score,
        Strategy::Cheapest => by_cost(ranked),
        Strategy::Fastest => ranked.expected.latency_ms,
        Strategy::Reliable => -ranked.expected.parts.quality,
        Strategy::Priority => f64::from(ranked.candidate.priority),
        Strategy::RoundRobin => in_turn(turn, facts),
        Strategy::Balanced => by_lot(ranked, facts),
    }
}

fn by_cost(ranked: &Ranked) -> f64 {
    ranked.expected.cost.map_or(f64::INFINITY, NanoUsd::as_usd)
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
fn by_lot(ranked: &Ranked, facts: &Facts) -> f64 {
    let lot = draw::unit(draw::of_name(facts.draw, &ranked.candidate.id.to_string()));
    -lot.ln() / ranked.score.max(1e-9)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::engine::breaker::BreakerRules;
    use crate::engine::facts::{Money, Policy, Rest};
    use crate::engine::health::Observation;
    use crate::engine::score::tests::{QUESTION, known};
    use crate::types::{RequestId, Weights};

    pub fn facts(known: Vec<Known>) -> Facts {
        Facts {
            now: Timestamp(1_000_000),
            request: RequestId(1),
            draw: 42,
            known,
            barred: Vec::new(),
            money: Money {
                limit: Limit::Usd(NanoUsd(5_000_000_000)),
                soft_pct: 95.0,
                spent: NanoUsd::ZERO,
                held: NanoUsd::ZERO,
                own_held: NanoUsd::ZERO,
                own_spent: NanoUsd::ZERO,
                request_cap: None,
                allow_unpriced: false,
            },
            question: QUESTION,
            policy: Policy {
                strategy: Strategy::Weighted,
                weights: Weights::default(),
                tier: None,
                attempt_ms: 300_000,
            },
        }
    }

    fn three() -> Facts {
        facts(vec![known("dear", "10", "50"), known("cheap", "0.1", "0.4"), known("middle", "1", "4")])
    }

    fn names(facts: &Facts) -> Vec<String> {
        plan(facts, &Done::new()).order.iter().map(|r| r.candidate.id.provider.clone()).collect()
    }

    fn reason(facts: &Facts, name: &str) -> Reason {
        let plan = plan(facts, &Done::new());
        plan.refused.iter().find(|r| r.id.provider == name).map(|r| r.reason.clone()).expect("refused")
    }

    #[test]
    fn strategies_order_by_their_own_measure() {
        let mut f = three();
        let fast = Observation { ok: true, first_token_ms: Some(50), total_ms: 100, written_tokens: 100 };
        for _ in 0..10 {
            f.known[0].health = f.known[0].health.observe(&fast, f.now);
        }
        (f.known[0].candidate.priority, f.known[2].candidate.priority) = (3, 1);
        for (strategy, first) in [
            (Strategy::Cheapest, "cheap"),
            (Strategy::Fastest, "dear"),
            (Strategy::Reliable, "dear"),
            (Strategy::Priority, "middle"),
        ] {
            f.policy.strategy = strategy;
            assert_eq!(names(&f)[0], first, "{strategy}");
        }
    }

    #[test]
    fn turns_go_round() {
        let mut f = three();
        f.policy.strategy = Strategy::RoundRobin;
        let firsts: Vec<_> = (1..=4)
            .map(|n| {
                f.request = RequestId(n);
                names(&f)[0].clone()
            })
            .collect();
        assert_eq!(firsts, ["cheap", "middle", "dear", "cheap"]);
        f.request = RequestId(1);
        assert_eq!(names(&f), ["cheap", "middle", "dear"]);
    }

    #[test]
    fn balanced_draws_by_score() {
        let mut f = three();
        f.policy.strategy = Strategy::Balanced;
        f.policy.weights = "1,0,0".parse().unwrap();
        let mut firsts = std::collections::BTreeMap::new();
        for n in 0..3000 {
            f.draw = draw::of_request(7, n);
            *firsts.entry(names(&f)[0].clone()).or_insert(0) += 1;
        }
        let scores: Vec<f64> = f.known.iter().map(|k| expect(k, &QUESTION, 8192, f.now).parts.cost).collect();
        let share = f64::from(firsts["cheap"]) / 3000.0;
        let fair = scores[1] / scores.iter().sum::<f64>();
        assert!((share - fair).abs() < 0.03, "{share} for {fair}");
    }

    #[test]
    fn another_candidate_changes_nobody_s_score() {
        let score_of_cheap = |f: &Facts| {
            plan(f, &Done::new()).order.iter().find(|r| r.candidate.id.provider == "cheap").map(|r| r.score)
        };
        let alone = facts(vec![known("cheap", "0.1", "0.4")]);
        let mut with_free = three();
        with_free.known.push(known("free", "0", "0"));
        assert_eq!(score_of_cheap(&alone), score_of_cheap(&three()));
        assert_eq!(score_of_cheap(&alone), score_of_cheap(&with_free));
    }

    #[test]
    fn from_the_soft_cut_off_on_the_cheapest_is_first() {
        let mut f = three();
        f.policy.strategy = Strategy::Priority;
        f.known[0].candidate.priority = 1;
        assert_eq!(names(&f)[0], "dear");
        f.money.spent = NanoUsd(4_750_000_000);
        assert_eq!(names(&f)[0], "cheap");
    }

    #[test]
    fn what_does_not_fit_gives_way_to_what_does() {
        let mut f = three();
        f.policy.strategy = Strategy::Priority;
        f.known[0].candidate.priority = 1;
        // The dear one's worst case is 4000 * 10 + 8192 * 50 = 449,600 thousandths of a microdollar.
        f.money.limit = Limit::Usd(NanoUsd(100_000_000));
        let plan = plan(&f, &Done::new());
        let fits: Vec<_> = plan.order.iter().map(|r| (r.candidate.id.provider.as_str(), r.sized.fit)).collect();
        assert_eq!(fits, [("cheap", Fit::Now), ("middle", Fit::Now), ("dear", Fit::Reduced)]);
    }

    #[test]
    fn groups_come_in_their_order_whatever_the_strategy() {
        let mut f = three();
        f.policy.strategy = Strategy::Cheapest;
        (f.known[1].group, f.known[2].group) = (2, 1);
        assert_eq!(names(&f), ["dear", "middle", "cheap"]);
    }

    #[test]
    fn each_reason_to_refuse_is_told() {
        let mut f = three();
        f.policy.tier = Some(Tier::Advanced);
        assert_eq!(reason(&f, "cheap"), Reason::Tier { has: Some(Tier::Balanced), wants: Tier::Advanced });
        f = three();
        f.known[1].candidate.pricing = None;
        assert_eq!(reason(&f, "cheap"), Reason::Unpriced);
        f.money.allow_unpriced = true;
        assert_eq!(names(&f).len(), 3);
        f.money.spent = NanoUsd(5_000_000_000);
        assert_eq!(reason(&f, "cheap"), Reason::Budget { needs: NanoUsd::ZERO });
        f.money.spent = NanoUsd::ZERO;
        f.money.allow_unpriced = false;
        f.money.limit = Limit::Off;
        assert_eq!(names(&f).len(), 3);
        f.known[1].candidate.context_tokens = Some(1100);
        assert_eq!(reason(&f, "cheap"), Reason::Window { needs: 1256, has: 1100 });
        let rules = BreakerRules { threshold: 1, open_secs: 60.0 };
        f.known[0].breaker = f.known[0].breaker.after_failure(f.now, &rules);
        assert_eq!(reason(&f, "dear"), Reason::BreakerOpen { until: f.now.plus_ms(60_000) });
        f.money.limit = Limit::Usd(NanoUsd(1));
        assert!(matches!(reason(&f, "middle"), Reason::Budget { .. }));
    }

    #[test]
    fn a_rate_limit_is_kept_a_refused_key_only_puts_last() {
        let mut f = three();
        let until = f.now.plus_ms(1);
        f.known[1].rest = Some(Rest { until, class: FailureClass::RateLimited });
        assert_eq!(reason(&f, "cheap"), Reason::Resting { until, class: FailureClass::RateLimited });
        f.known[1].rest = Some(Rest { until, class: FailureClass::Auth });
        assert_eq!(names(&f).last().map(String::as_str), Some("cheap"));
        f.now = until;
        assert_eq!(names(&f)[0], "cheap");
    }

    #[test]
    fn a_long_prompt_shortens_the_default_cap_but_not_the_user_s() {
        let mut f = three();
        f.known[1].candidate.context_tokens = Some(2000);
        let cap_of = |f: &Facts| {
            plan(f, &Done::new()).order.iter().find(|r| r.candidate.id.provider == "cheap").map(|r| r.sized.cap)
        };
        assert_eq!(cap_of(&f), Some(1000));
        f.question.explicit_cap = Some(1001);
        assert_eq!(cap_of(&f), None);
    }

    #[test]
    fn who_is_done_with_is_left_out_and_the_rest_keeps_its_order() {
        let mut f = three();
        f.policy.strategy = Strategy::RoundRobin;
        let done = Done::from([CandidateId::new("cheap", "m")]);
        let left: Vec<_> = plan(&f, &done).order.iter().map(|r| r.candidate.id.provider.clone()).collect();
        assert_eq!(left, ["middle", "dear"]);
    }
}
