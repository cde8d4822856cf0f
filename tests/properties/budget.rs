//! What of an attempt fits the money that is left, beside a search that tries every output cap.

use llmr::engine::budget::{BudgetState, Fit, Sized, largest_cap, size, state, upper_bound};
use llmr::engine::facts::{Money, Question};
use llmr::types::{Candidate, CandidateId, CostSource, Limit, NanoUsd, Pricing, Rate, Rates, Sight, Tier, Timestamp};
use proptest::prelude::*;

use crate::cases;

/// Small enough that every cap can be tried.
const MOST: u64 = 3000;

prop_compose! {
    fn candidate()(
        input in prop_oneof![Just(0u64), 1..5_000_000u64],
        output in prop_oneof![Just(0u64), 1..20_000_000u64],
        reasoning in prop::option::of(0..30_000_000u64),
        (fee, picture_fee, priced) in (0..2_000_000i64, 0..100_000i64, prop::bool::weighted(0.95)),
        (reasons, beside) in (any::<bool>(), prop::bool::weighted(0.2)),
        (max_output, window) in (prop::option::of(1..MOST), prop::option::of(1..9000u64)),
        factor in 0.5..3.0f64,
    ) -> Candidate {
        let rates = Rates { reasoning: reasoning.map(Rate), ..Rates::new(Rate(input), Rate(output)) };
        let pricing = Pricing { request_fee_max: NanoUsd(fee), ..Pricing::plain(rates, CostSource::Catalogue) };
        Candidate {
            id: CandidateId::new("lab", "m"),
            pricing: priced.then_some(pricing),
            context_tokens: window,
            max_output_tokens: max_output,
            tier: Some(Tier::Fast),
            accepts_temperature: true,
            max_temperature: 2.0,
            reasons,
            reasoning_beside_output: beside,
            streams: true,
            sight: Sight { fee: NanoUsd(picture_fee), ..Sight::UNKNOWN },
            priority: 100,
            token_factor: factor,
            retires: None,
            successor: None,
        }
    }
}

prop_compose! {
    fn question()(
        reference_tokens in 0..4000u64,
        more in 0..9000u64,
        explicit_cap in prop::option::of(1..MOST),
        pictures in prop::collection::vec((1..2000u32, 1..2000u32), 0..3),
    ) -> Question {
        let picture = |(width, height)| llmr::types::Image {
            name: "p".into(), kind: llmr::types::ImageKind::Png, width, height, bytes: b"p".as_slice().into(),
        };
        Question {
            reference_tokens, bound_tokens: reference_tokens + more, images: pictures.into_iter().map(picture).collect(),
            explicit_cap, default_cap: 8192, effort: None, unbounded: false,
        }
    }
}

fn amount() -> impl Strategy<Value = i64> {
    prop_oneof![6 => 0..100_000_000i64, 1 => Just(0), 1 => i64::MAX - 5..=i64::MAX]
}

prop_compose! {
    fn money()(
        limit in prop::option::weighted(0.8, amount()),
        (spent, own_held, others_held, own_spent) in (0..50_000_000i64, 0..20_000_000i64, 0..50_000_000i64, 0..20_000_000i64),
        request_cap in prop::option::of(amount()),
        cap_held in prop_oneof![Just(0), 0..20_000_000i64],
    ) -> Money {
        Money {
            limit: limit.map_or(Limit::Off, |limit| Limit::Usd(NanoUsd(limit))),
            soft_pct: 95.0,
            spent: NanoUsd(spent),
            held: NanoUsd(own_held + others_held),
            own_held: NanoUsd(own_held),
            own_spent: NanoUsd(own_spent),
            request_cap: request_cap.map(NanoUsd),
            cap_held: NanoUsd(cap_held),
        hedge_free: NanoUsd::ZERO,
            allow_unpriced: true,
        }
    }
}

/// What is free now, and what would be if nobody else held anything.
fn free(money: &Money) -> (i128, i128) {
    let wide = |amount: NanoUsd| i128::from(amount.0);
    let day = money.limit.amount().map_or(i128::MAX, |limit| wide(limit) - wide(money.spent));
    let own = wide(money.own_held);
    let cap = money.request_cap.map_or(i128::MAX, |cap| wide(cap) - wide(money.own_spent) - own);
    let now = day.saturating_sub(wide(money.held)).min(cap.saturating_sub(wide(money.cap_held)));
    (now.max(0), day.saturating_sub(own).min(cap).max(0))
}

/// The holds of an attempt: by the bytes of its prompt, and by the estimate of it.
fn holds(c: &Candidate, q: &Question, cap: u64) -> [NanoUsd; 2] {
    let beside = match c.reasoning_beside_output {
        true => c.max_output_tokens.or(c.context_tokens).unwrap_or(32_768).max(cap),
        false => 0,
    };
    let fee: i64 = q.images.iter().map(|_| c.sight.fee.0).sum();
    [q.most_prompt_tokens(c), q.prompt_tokens_with_margin(c, 1.15)].map(|prompt| {
        let of = |pricing: &Pricing| pricing.worst_case(Timestamp(0), Timestamp(0), prompt, cap + beside);
        c.pricing.as_ref().map_or(NanoUsd::ZERO, |pricing| of(pricing) + NanoUsd(fee))
    })
}

/// The largest cap of a range whose hold fits, by trying them all.
fn largest(c: &Candidate, q: &Question, free: i128, caps: std::ops::RangeInclusive<u64>) -> Option<(u64, NanoUsd)> {
    let fits = |hold: &NanoUsd| i128::from(hold.0) <= free;
    caps.rev().find_map(|cap| Some((cap, holds(c, q, cap).into_iter().find(fits)?)))
}

proptest! {
    #![proptest_config(cases(384))]

    #[test]
    fn the_hold_is_the_one_that_a_search_of_every_cap_finds(
        c in candidate(), q in question(), money in money(), cap in 1..MOST,
    ) {
        let (now, later) = free(&money);
        let floor = q.explicit_cap.unwrap_or(if c.reasons { 1024 } else { 256 }).min(cap);
        let found = [
            (Fit::Now, now, cap), (Fit::AfterOthers, later, cap),
            (Fit::Reduced, now, floor), (Fit::ReducedAfterOthers, later, floor),
        ];
        let mut found = found.into_iter().filter_map(|(fit, free, least)| {
            largest(&c, &q, free, least..=cap).map(|(cap, hold)| Sized { fit, cap, hold })
        });
        let sized = size(&c, &q, cap, &money, Timestamp(0), Timestamp(0));
        prop_assert_eq!(sized, found.next());
        if let Some(sized) = sized {
            prop_assert!(sized.cap >= floor && sized.cap <= cap);
        }
    }

    #[test]
    fn the_largest_cap_is_the_one_that_a_search_of_every_cap_finds(
        c in candidate(), q in question(), money in money(), most in 1..MOST,
    ) {
        let fits = |cap: &u64| i128::from(holds(&c, &q, *cap)[1].0) <= free(&money).0;
        let found = (1..=most).rev().find(fits);
        prop_assert_eq!(largest_cap(&c, &q, most, &money, Timestamp(0), Timestamp(0)), found);
    }

    #[test]
    fn a_larger_cap_is_never_held_for_less_and_no_hold_for_more_than_the_bound(
        c in candidate(), q in question(), cap in 1..MOST, more in 0..MOST,
    ) {
        let bound = |cap| upper_bound(&c, &q, cap, Timestamp(0), Timestamp(0));
        prop_assert!(bound(cap) <= bound(cap + more));
        let [bytes, estimate] = holds(&c, &q, cap);
        prop_assert_eq!(bound(cap), bytes);
        prop_assert!(estimate <= bytes);
    }

    #[test]
    fn the_state_of_the_day_follows_the_spending(limit in 0..1_000_000_000_000i64, spent in 0..1_100_000_000_000i64, pct in 0..=100u32) {
        let told = state(Limit::Usd(NanoUsd(limit)), f64::from(pct), NanoUsd(spent));
        let soft = i128::from(spent) * 100 >= i128::from(limit) * i128::from(pct);
        let expected = if spent >= limit { BudgetState::Hard } else if soft { BudgetState::Soft } else { BudgetState::Ok };
        // The soft cut-off is rounded down to a nano-dollar.
        let at_the_edge = (i128::from(spent) * 100 - i128::from(limit) * i128::from(pct)).abs() < 200;
        prop_assert!(told == expected || at_the_edge, "{:?}", told);
        prop_assert_eq!(state(Limit::Off, f64::from(pct), NanoUsd(spent)), BudgetState::Ok);
    }
}
