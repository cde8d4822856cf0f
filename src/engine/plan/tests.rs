//! Plans of plain facts.

use std::collections::BTreeMap;

use super::*;
use crate::engine::belief::Verdict;
use crate::engine::breaker::BreakerRules;
use crate::engine::budget::Fit;
use crate::engine::facts::{Money, Policy, Rest};
use crate::engine::score::tests::{QUESTION, known, seen};
use crate::types::{Image, ImageKind, ImageTokens, RequestId, Sight, Weights};

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
            cap_held: NanoUsd::ZERO,
            hedge_free: NanoUsd::ZERO,
            allow_unpriced: false,
        },
        question: QUESTION,
        policy: Policy { strategy: Strategy::Weighted, weights: Weights::default(), tier: None, attempt_ms: 300_000 },
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
    f.known[0] = seen(f.known[0].clone(), Verdict::Answered, 50, 100, 10);
    f.known[0].candidate_mut().priority = 3;
    f.known[2].candidate_mut().priority = 1;
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
    let mut firsts = BTreeMap::new();
    for n in 0..3000 {
        f.draw = draw::of_request(7, n);
        *firsts.entry(names(&f)[0].clone()).or_insert(0) += 1;
    }
    let scores: BTreeMap<String, f64> =
        plan(&f, &Done::new()).order.into_iter().map(|r| (r.candidate.id.provider.clone(), r.score)).collect();
    let share = f64::from(firsts["cheap"]) / 3000.0;
    let fair = scores["cheap"] / scores.values().sum::<f64>();
    assert!((share - fair).abs() < 0.03, "{share} for {fair}");
}

#[test]
fn another_candidate_changes_nobody_s_score() {
    let score_of_cheap =
        |f: &Facts| plan(f, &Done::new()).order.iter().find(|r| r.candidate.id.provider == "cheap").map(|r| r.score);
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
    f.known[0].candidate_mut().priority = 1;
    assert_eq!(names(&f)[0], "dear");
    f.money.spent = NanoUsd(4_750_000_000);
    assert_eq!(names(&f)[0], "cheap");
}

#[test]
fn what_does_not_fit_gives_way_to_what_does() {
    let mut f = three();
    f.policy.strategy = Strategy::Priority;
    f.known[0].candidate_mut().priority = 1;
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
fn money_comes_before_a_refused_key_and_that_before_groups() {
    let mut f = three();
    f.policy.strategy = Strategy::Priority;
    f.money.limit = Limit::Usd(NanoUsd(100_000_000));
    assert_eq!(names(&f)[2], "dear", "it fits with a smaller cap only");
    (f.known[1].group, f.known[2].group) = (u32::MAX, u32::MAX);
    assert_eq!(names(&f)[2], "dear", "though its group is the first");
    let until = f.now.plus_ms(60_000);
    for at in [1, 2] {
        f.known[at].rest = Some(Rest { until, class: FailureClass::Auth });
    }
    assert_eq!(names(&f)[2], "dear", "though the others have refused their keys");
    f.money.limit = Limit::Off;
    f.known[0].group = u32::MAX;
    (f.known[1].group, f.known[2].group) = (0, 0);
    assert_eq!(names(&f)[0], "dear", "the others have refused their keys, though their group is the first");
}

#[test]
fn each_reason_to_refuse_is_told() {
    let mut f = three();
    f.policy.tier = Some(Tier::Advanced);
    assert_eq!(reason(&f, "cheap"), Reason::Tier { has: Some(Tier::Balanced), wants: Tier::Advanced });
    f = three();
    f.known[1].candidate_mut().pricing = None;
    assert_eq!(reason(&f, "cheap"), Reason::Unpriced);
    f.money.allow_unpriced = true;
    assert_eq!(names(&f).len(), 3);
    f.money.spent = NanoUsd(5_000_000_000);
    assert_eq!(reason(&f, "cheap"), Reason::Budget { needs: NanoUsd::ZERO });
    f.money.spent = NanoUsd::ZERO;
    f.money.allow_unpriced = false;
    f.money.limit = Limit::Off;
    assert_eq!(names(&f).len(), 3);
    f.known[1].candidate_mut().context_tokens = Some(1100);
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
fn what_may_cost_without_bound_is_only_asked_of_what_is_free() {
    let mut f = three();
    f.known[1].candidate_mut().pricing = known("free", "0", "0").candidate.pricing.clone();
    f.question.unbounded = true;
    assert_eq!((names(&f), reason(&f, "dear")), (vec!["cheap".to_owned()], Reason::Unpriced));
    f.money.allow_unpriced = true;
    assert_eq!(names(&f).len(), 3);
}

#[test]
fn a_long_prompt_shortens_the_default_cap_but_not_the_user_s() {
    let mut f = three();
    f.known[1].candidate_mut().context_tokens = Some(2000);
    let cap_of = |f: &Facts| {
        plan(f, &Done::new()).order.iter().find(|r| r.candidate.id.provider == "cheap").map(|r| r.sized.cap)
    };
    assert_eq!(cap_of(&f), Some(1000));
    f.question.explicit_cap = Some(1001);
    assert_eq!(cap_of(&f), None);
}

#[test]
fn pictures_count_in_the_window_and_keep_the_blind_out() {
    let mut f = three();
    for (known, sees) in f.known.iter_mut().zip([Some(true), Some(false), None]) {
        known.candidate_mut().sight =
            Sight { sees, tokens: ImageTokens::Flat { likely: 500, most: 600 }, ..Sight::UNKNOWN };
        known.candidate_mut().context_tokens = Some(1755);
    }
    assert_eq!(names(&f).len(), 3);
    let picture = Image { name: "a".into(), kind: ImageKind::Png, width: 9, height: 9, bytes: vec![0; 9].into() };
    f.question.images = vec![picture.clone()];
    assert_eq!(reason(&f, "cheap"), Reason::Blind);
    // 1000 of words, 500 of the picture, 255 left of the 256 that the least answer needs.
    assert_eq!(reason(&f, "dear"), Reason::Window { needs: 1756, has: 1755 });
    f.known.iter_mut().for_each(|known| known.candidate_mut().context_tokens = Some(1756));
    let mut asked = names(&f);
    asked.sort();
    assert_eq!(asked, ["dear", "middle"], "one that nobody knows is asked");
    f.known.iter_mut().for_each(|known| known.candidate_mut().sight.limits.count = 0);
    assert!(matches!(reason(&f, "dear"), Reason::Pictures(_)));
}

#[test]
fn who_is_done_with_is_left_out_and_the_rest_keeps_its_order() {
    let mut f = three();
    f.policy.strategy = Strategy::RoundRobin;
    let done = Done::from([CandidateId::new("cheap", "m")]);
    let left: Vec<_> = plan(&f, &done).order.iter().map(|r| r.candidate.id.provider.clone()).collect();
    assert_eq!(left, ["middle", "dear"]);
}

#[test]
fn the_cheapest_is_the_cheapest_however_it_scores() {
    let mut f = three();
    f.policy.strategy = Strategy::Cheapest;
    f.policy.weights = Weights { cost: 0.0, latency: 0.0, quality: 1.0 };
    f.known[1] = seen(f.known[1].clone(), Verdict::Failed, 0, 60_000, 20);
    assert_eq!(names(&f), ["cheap", "middle", "dear"]);
    f.known[0].candidate_mut().pricing = None;
    f.money.limit = Limit::Off;
    assert_eq!(names(&f), ["cheap", "middle", "dear"], "what has no known price comes last");
}

#[test]
fn the_tier_that_was_asked_for_will_do() {
    let mut f = three();
    f.policy.tier = Some(Tier::Balanced);
    assert_eq!(names(&f).len(), 3);
    f.policy.tier = Some(Tier::Advanced);
    assert!(names(&f).is_empty());
}

#[test]
fn a_rest_is_over_at_its_last_moment() {
    let mut f = three();
    let rest = |until| Some(Rest { until, class: FailureClass::RateLimited });
    f.known[0].rest = rest(f.now.plus_ms(1));
    assert!(!names(&f).contains(&"dear".to_owned()));
    f.known[0].rest = rest(f.now);
    assert!(names(&f).contains(&"dear".to_owned()));
}

#[test]
fn every_reason_is_told_in_words() {
    let until = Timestamp(0);
    let full = Full { bound: crate::engine::rate::Bound::Tokens(9), until };
    let wants = Tier::Premium;
    for (reason, words) in [
        (Reason::Retired { successor: Some("n".into()) }, "retired; its successor is n"),
        (Reason::Retired { successor: None }, "retired"),
        (Reason::Unpriced, "its price is not known, or cannot be bounded"),
        (Reason::Tier { has: Some(Tier::Fast), wants }, "tier fast is below premium"),
        (Reason::Tier { has: None, wants }, "its tier is not known, premium is wanted"),
        (Reason::Blind, "it cannot see pictures"),
        (Reason::Pictures("too large".into()), "too large"),
        (Reason::Window { needs: 7, has: 5 }, "about 7 tokens do not fit its window of 5"),
        (Reason::BreakerOpen { until }, "its breaker is open until 1970-01-01T00:00:00Z"),
        (
            Reason::Resting { until, class: FailureClass::RateLimited },
            "resting until 1970-01-01T00:00:00Z (rate_limited)",
        ),
        (Reason::Limited(full), "its limit of 9 tokens a minute (tpm) is used up until 1970-01-01T00:00:00Z"),
        (Reason::Budget { needs: NanoUsd(5) }, "its worst case of 0.000000005 USD does not fit the money left"),
        (Reason::Failed(FailureClass::Cut), "failed (cut)"),
    ] {
        assert_eq!(reason.to_string(), words);
        assert_eq!(reason.is_money(), matches!(reason, Reason::Unpriced | Reason::Budget { .. }));
    }
    let requests = crate::engine::rate::Bound::Requests(3);
    assert_eq!(requests.to_string(), "its limit of 3 requests a minute (rpm)");
}

#[test]
fn without_history_the_cheapest_of_equals_comes_first_whatever_the_draw() {
    let mut f = three();
    for n in 0..200 {
        f.draw = draw::of_request(3, n);
        assert_eq!(names(&f), ["cheap", "middle", "dear"]);
    }
}

/// Three that are known: cheap and slow; dear and fast; in between, and failing now and then.
fn known_three() -> Facts {
    let mut f = facts(vec![
        seen(known("slow", "0.1", "0.4"), Verdict::Answered, 2000, 9000, 20),
        seen(known("fast", "2", "8"), Verdict::Answered, 150, 900, 20),
        seen(known("shaky", "0.5", "2"), Verdict::Answered, 400, 2500, 20),
    ]);
    f.known[2] = seen(f.known[2].clone(), Verdict::Failed, 0, 8000, 2);
    f.now = Timestamp(0);
    f
}

/// What an order at given weights is: the weights are the user's contract.
#[test]
fn the_order_at_given_weights_is_this_one() {
    let mut f = known_three();
    for (weights, order) in [
        ("0.4,0.3,0.3", ["slow", "fast", "shaky"]),
        ("1,0,0", ["slow", "shaky", "fast"]),
        ("0,1,0", ["fast", "slow", "shaky"]),
        ("0.1,0.8,0.1", ["fast", "slow", "shaky"]),
        ("0.8,0.1,0.1", ["slow", "shaky", "fast"]),
    ] {
        f.policy.weights = weights.parse().unwrap();
        let mut firsts = BTreeMap::new();
        for n in 0..100 {
            f.draw = draw::of_request(5, n);
            *firsts.entry(names(&f)).or_insert(0) += 1;
        }
        let most = firsts.iter().max_by_key(|(_, times)| **times).unwrap();
        assert_eq!(most.0, &order, "{weights}: {firsts:?}");
    }
}

#[test]
fn only_weighted_draws() {
    let mut f = known_three();
    for strategy in [Strategy::Cheapest, Strategy::Fastest, Strategy::Reliable, Strategy::Priority] {
        f.policy.strategy = strategy;
        f.draw = 1;
        let once = plan(&f, &Done::new());
        for n in 0..100 {
            f.draw = draw::of_request(5, n);
            assert_eq!(plan(&f, &Done::new()), once, "{strategy}");
        }
        assert!(once.order.iter().all(|r| r.score.to_bits() == r.plain_score.to_bits()));
    }
    f.policy.strategy = Strategy::Weighted;
    let plain = |f: &Facts| {
        let plan = plan(f, &Done::new());
        let scores: BTreeMap<String, u64> =
            plan.order.iter().map(|r| (r.candidate.id.provider.clone(), r.plain_score.to_bits())).collect();
        (scores, plan.order[0].score.to_bits())
    };
    let (scores, first) = plain(&f);
    f.draw += 1;
    assert_eq!(plain(&f).0, scores);
    assert_ne!(plain(&f).1, first);
}

#[test]
fn tries_of_others_that_are_late_count_before_they_end() {
    let mut f = known_three();
    f.policy.weights = "0,1,0".parse().unwrap();
    let times_first = |f: &Facts| {
        let drawn = |n| Facts { draw: draw::of_request(5, n), ..f.clone() };
        (0..200).filter(|n| names(&drawn(*n))[0] == "fast").count()
    };
    let before = times_first(&f);
    f.known[1].open_s = vec![20.0, 25.0, 30.0];
    let after = times_first(&f);
    assert!(before > 190 && after < 60, "{before}, {after}");
}
