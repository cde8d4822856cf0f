//! The plan: everybody is in it once, asked or refused with a reason; nobody below the tier; the same facts in any
//! order give the same plan, and nobody's score depends on the others.

use std::collections::{BTreeMap, BTreeSet};

use llmr::engine::budget::{BudgetState, Fit, state};
use llmr::engine::draw;
use llmr::engine::facts::{Done, Facts, Known};
use llmr::engine::plan::{Plan, Ranked, Reason, plan};
use llmr::types::{CandidateId, Limit, NanoUsd, Strategy as Order};
use proptest::prelude::*;

use crate::cases;
use crate::facts::facts;

fn ids(plan: &Plan) -> Vec<CandidateId> {
    plan.order.iter().map(|ranked| ranked.candidate.id.clone()).collect()
}

/// Those facts in another order.
fn shuffled(facts: &Facts, by: u64) -> Facts {
    let mut other = facts.clone();
    other.known.sort_by_key(|known| draw::of_name(by, &known.candidate.id.to_string()));
    other
}

/// What decides the order beside the strategy, in its own words: it fits, it is no last resort, its group.
fn rank(facts: &Facts, ranked: &Ranked) -> (Fit, bool, u32) {
    let known = facts.known.iter().find(|known| known.candidate.id == ranked.candidate.id).unwrap();
    (ranked.sized.fit, known.rest.is_some_and(|rest| facts.now < rest.until), known.group)
}

/// What the strategy sorts by, the smallest first; `None` where it is the turn or the lot.
fn by(facts: &Facts, state: BudgetState, ranked: &Ranked) -> Option<f64> {
    let cost = ranked.expected.load.cost.map_or(f64::INFINITY, NanoUsd::as_usd);
    if state != BudgetState::Ok {
        return Some(cost);
    }
    Some(match facts.policy.strategy {
        Order::Weighted => -ranked.score,
        Order::Cheapest => cost,
        Order::Fastest => ranked.expected.latency_ms,
        Order::Reliable => -ranked.expected.chance,
        Order::Priority => f64::from(ranked.candidate.priority),
        Order::RoundRobin | Order::Balanced => return None,
    })
}

proptest! {
    #![proptest_config(cases(1024))]

    #[test]
    fn everybody_is_asked_or_refused_once_and_for_a_reason(facts in facts(), done in prop::collection::vec(any::<bool>(), 9)) {
        let all = || facts.known.iter().map(|k| &k.candidate.id).chain(facts.barred.iter().map(|(id, _)| id));
        let done: Done = all().zip(&done).filter(|(_, done)| **done).map(|(id, _)| id.clone()).collect();
        let plan = plan(&facts, &done);
        let told = ids(&plan).into_iter().chain(plan.refused.iter().map(|refused| refused.id.clone()));
        let told: Vec<CandidateId> = told.collect();
        let set: BTreeSet<CandidateId> = told.iter().cloned().collect();
        prop_assert_eq!(told.len(), set.len(), "somebody is there twice");
        prop_assert_eq!(set, all().filter(|id| !done.contains(id)).cloned().collect::<BTreeSet<_>>());
        for refused in &plan.refused {
            prop_assert!(!refused.reason.to_string().is_empty());
        }
    }

    #[test]
    fn nobody_is_asked_who_may_not_be(facts in facts()) {
        let plan = plan(&facts, &Done::new());
        let limited = facts.money.limit != Limit::Off || facts.money.request_cap.is_some();
        for ranked in &plan.order {
            let c = &ranked.candidate;
            let known = facts.known.iter().find(|known| known.candidate.id == c.id).unwrap();
            prop_assert!(facts.policy.tier.is_none_or(|wants| c.tier.is_some_and(|has| has >= wants)), "below its tier");
            prop_assert!(known.breaker.admits(facts.now), "its breaker is open");
            let rests = known.rest.is_some_and(|rest| facts.now < rest.until && rest.class.rest_is_kept());
            prop_assert!(!rests, "it rests");
            prop_assert!(facts.question.images.is_empty() || c.sight.sees != Some(false), "it is blind");
            prop_assert!(!limited || facts.money.allow_unpriced || c.pricing.is_some(), "nobody knows its price");
            let tokens = facts.question.prompt_tokens(c).saturating_add(ranked.sized.cap);
            prop_assert!(c.context_tokens.is_none_or(|window| tokens <= window), "it does not fit its window");
            prop_assert!(c.max_output_tokens.is_none_or(|most| ranked.sized.cap <= most), "its cap is too large");
            prop_assert!(known.rate.as_ref().is_none_or(|r| r.full(ranked.expected.load.tokens(), facts.now).is_none()));
            if matches!(ranked.sized.fit, Fit::Now | Fit::Reduced) {
                prop_assert!(ranked.sized.hold <= facts.money.free(), "its hold does not fit");
            }
        }
    }

    #[test]
    fn who_is_refused_is_refused_truly(facts in facts()) {
        for refused in &plan(&facts, &Done::new()).refused {
            let Some(known) = facts.known.iter().find(|known| known.candidate.id == refused.id) else { continue };
            let c = &known.candidate;
            let truly = match &refused.reason {
                Reason::Tier { has, wants } => *has == c.tier && facts.policy.tier == Some(*wants) && c.tier.is_none_or(|has| has < *wants),
                Reason::Blind => c.sight.sees == Some(false),
                Reason::Resting { until, .. } => known.rest.is_some_and(|rest| rest.until == *until) && facts.now < *until,
                Reason::BreakerOpen { until } => !known.breaker.admits(facts.now) && facts.now < *until,
                Reason::Unpriced => c.pricing.as_ref().is_none_or(|p| p.unbounded || (facts.question.unbounded && !p.is_free())),
                Reason::Window { needs, has } => c.context_tokens == Some(*has) && needs > has,
                Reason::Limited(full) => known.rate.is_some() && facts.now < full.until,
                Reason::Budget { needs } => *needs > facts.money.free() || c.pricing.is_none(),
                Reason::Retired { .. } | Reason::Pictures(_) | Reason::Failed(_) => false,
            };
            prop_assert!(truly, "{}: {}", refused.id, refused.reason);
        }
    }

    #[test]
    fn the_order_is_by_fit_resort_group_and_strategy(facts in facts()) {
        let plan = plan(&facts, &Done::new());
        let day = state(facts.money.limit, facts.money.soft_pct, facts.money.spent);
        prop_assert_eq!(plan.state, day);
        for pair in plan.order.windows(2) {
            let (a, b) = (rank(&facts, &pair[0]), rank(&facts, &pair[1]));
            prop_assert!(a <= b, "{:?} before {:?}", a, b);
            if a == b && let (Some(a), Some(b)) = (by(&facts, day, &pair[0]), by(&facts, day, &pair[1])) {
                prop_assert!(a <= b, "{} before {}", a, b);
                prop_assert!(a < b || pair[0].score >= pair[1].score, "the score decides between equals");
            }
        }
    }

    #[test]
    fn the_plan_is_a_function_of_the_facts_and_not_of_their_order(facts in facts(), by_draw in any::<u64>()) {
        let told = plan(&facts, &Done::new());
        prop_assert_eq!(&told, &plan(&facts.clone(), &Done::new()));
        let other = shuffled(&facts, by_draw);
        let again = plan(&other, &Done::new());
        let reasons = |plan: &Plan| -> BTreeMap<CandidateId, String> {
            plan.refused.iter().map(|r| (r.id.clone(), r.reason.to_string())).collect()
        };
        prop_assert_eq!(reasons(&told), reasons(&again));
        let day = told.state;
        // In turn goes by the list, and so does what nothing else decides.
        if facts.policy.strategy != Order::RoundRobin || day != BudgetState::Ok {
            let keys = |plan: &Plan, facts: &Facts| -> Vec<_> {
                let key = |r: &Ranked| (rank(facts, r), by(facts, day, r).map(f64::to_bits), r.score.to_bits());
                plan.order.iter().map(key).collect()
            };
            prop_assert_eq!(keys(&told, &facts), keys(&again, &other));
            let mut distinct = keys(&told, &facts);
            distinct.dedup();
            let by_lot = facts.policy.strategy == Order::Balanced && day == BudgetState::Ok;
            if distinct.len() == told.order.len() || by_lot {
                prop_assert_eq!(ids(&told), ids(&again));
            }
        }
    }

    #[test]
    fn nobody_s_figures_depend_on_the_others(facts in facts(), gone in 0..7usize) {
        let whole = plan(&facts, &Done::new());
        let mut fewer = facts.clone();
        if gone < fewer.known.len() {
            fewer.known.remove(gone);
        }
        for ranked in plan(&fewer, &Done::new()).order {
            let before = whole.order.iter().find(|other| other.candidate.id == ranked.candidate.id);
            prop_assert_eq!(Some(&ranked), before);
        }
        for ranked in &whole.order {
            let parts = &ranked.expected.parts;
            for part in [parts.cost, parts.latency, parts.quality, ranked.score] {
                prop_assert!((0.0..=1.0 + 1e-9).contains(&part), "{:?}", ranked);
            }
        }
    }

    #[test]
    fn in_turn_everybody_comes_first_equally_often(n in 1..6usize, from in 0..100i64) {
        let facts = one_of_each(n);
        let first: BTreeSet<CandidateId> = (from..from + n as i64)
            .map(|request| ids(&plan(&Facts { request: llmr::types::RequestId(request), ..facts.clone() }, &Done::new()))[0].clone())
            .collect();
        prop_assert_eq!(first.len(), n);
    }

    #[test]
    fn a_draw_is_a_number_above_0_up_to_1(seed in any::<u64>(), number in any::<i64>(), name in "\\PC{0,8}") {
        let unit = draw::unit(draw::of_name(draw::of_request(seed, number), &name));
        prop_assert!(unit > 0.0 && unit <= 1.0);
        prop_assert_eq!(draw::unit(u64::MAX), 1.0);
    }
}

/// So many plain candidates in one group, asked in turn.
fn one_of_each(n: usize) -> Facts {
    use llmr::engine::facts::{Money, Policy, Question};
    use llmr::types::{Candidate, RequestId, Sight, Weights};
    let candidate = |n: usize| Candidate {
        id: CandidateId::new(format!("p{n}"), "m"),
        pricing: None,
        context_tokens: None,
        max_output_tokens: None,
        tier: None,
        accepts_temperature: true,
        max_temperature: 2.0,
        reasons: false,
        reasoning_beside_output: false,
        streams: true,
        sight: Sight::UNKNOWN,
        priority: 1,
        token_factor: 1.0,
        retires: None,
        successor: None,
    };
    Facts {
        now: crate::store::NOON,
        request: RequestId(0),
        draw: 1,
        known: (0..n).map(candidate).map(Known::new).collect(),
        barred: Vec::new(),
        money: Money {
            limit: Limit::Off,
            soft_pct: 95.0,
            spent: NanoUsd::ZERO,
            held: NanoUsd::ZERO,
            own_held: NanoUsd::ZERO,
            own_spent: NanoUsd::ZERO,
            request_cap: None,
            cap_held: NanoUsd::ZERO,
            hedge_free: NanoUsd::ZERO,
            allow_unpriced: false,
        },
        question: Question {
            reference_tokens: 10,
            bound_tokens: 20,
            images: Vec::new(),
            explicit_cap: None,
            default_cap: 100,
            effort: None,
            unbounded: false,
        },
        policy: Policy { strategy: Order::RoundRobin, weights: Weights::default(), tier: None, attempt_ms: 1000 },
    }
}
