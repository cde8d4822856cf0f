//! Random facts: candidates with prices, windows, tiers, breakers, rests, rates and pasts, a day and a question.

use llmr::engine::belief::{Belief, Seen, Verdict};
use llmr::engine::breaker::Breaker;
use llmr::engine::facts::{Facts, Known, Money, Names, Policy, Question, Rest};
use llmr::engine::plan::Reason;
use llmr::engine::rate::{Metered, Slice};
use llmr::engine::tuning::Tuning;
use llmr::types::{
    Candidate, CandidateId, CostSource, FailureClass, Image, ImageKind, Limit, NanoUsd, Pricing, Rate, RateLimit,
    Rates, RequestId, Sight, Strategy as Order, Tier, Timestamp, Weights,
};
use proptest::prelude::*;

use crate::store::NOON;

prop_compose! {
    fn candidate()(
        price in prop::option::weighted(0.9, (0..5u64, 0..5u64)),
        (unbounded, fee) in (prop::bool::weighted(0.1), prop_oneof![3 => Just(0), 1 => 0..5_000_000i64]),
        (context_tokens, max_output_tokens) in (prop::option::of(0..20_000u64), prop::option::of(1..9000u64)),
        tier in prop::option::weighted(0.9, prop::sample::select(&Tier::ALL[..])),
        (reasons, reasoning_beside_output) in (any::<bool>(), prop::bool::weighted(0.1)),
        sees in prop::option::of(any::<bool>()),
        (priority, factor) in (0..4u32, prop_oneof![Just(1.0), 0.5..2.0f64]),
    ) -> Candidate {
        let pricing = price.map(|(input, output)| Pricing {
            unbounded,
            request_fee_max: NanoUsd(fee),
            ..Pricing::plain(Rates::new(Rate(input * 500_000), Rate(output * 2_000_000)), CostSource::Catalogue)
        });
        Candidate {
            id: CandidateId::new("", ""),
            pricing, context_tokens, max_output_tokens, tier, reasons, reasoning_beside_output, priority,
            accepts_temperature: true,
            max_temperature: 2.0,
            streams: true,
            sight: Sight { sees, ..Sight::UNKNOWN },
            token_factor: factor,
            retires: None,
            successor: None,
        }
    }
}

fn breaker() -> impl Strategy<Value = Breaker> {
    let about_now = |ms: i64| NOON.plus_ms(ms);
    prop_oneof![
        5 => Just(Breaker::default()),
        1 => (-60_000..60_000i64, prop::option::of(-60_000..60_000i64)).prop_map(move |(open, trial)| Breaker {
            failures: 3,
            open_until: Some(about_now(open)),
            trial_until: trial.map(about_now),
        }),
    ]
}

fn rest() -> impl Strategy<Value = Option<Rest>> {
    let class = prop::sample::select(vec![FailureClass::RateLimited, FailureClass::Auth, FailureClass::QuotaExhausted]);
    let rest = (-30_000..60_000i64, class).prop_map(|(ms, class)| Rest { until: NOON.plus_ms(ms), class });
    prop::option::weighted(0.25, rest)
}

fn belief() -> impl Strategy<Value = Belief> {
    let verdict =
        prop::sample::select(vec![Verdict::Answered, Verdict::Failed, Verdict::Cut, Verdict::Late, Verdict::Limited]);
    let seen = (verdict, prop::option::of(0.0..5.0f64), 0.0..90.0f64, 0..2000u32).prop_map(
        |(verdict, first_s, total_s, tokens)| Seen {
            verdict,
            first_s,
            total_s: Some(total_s),
            tokens: f64::from(tokens),
            quality: None,
            cost: None,
        },
    );
    prop::collection::vec(seen, 0..12).prop_map(|all| {
        let mut belief = Belief::default();
        all.iter().for_each(|seen| belief.observe(NOON.as_secs() - 9.0, seen, &Tuning::default()));
        belief
    })
}

fn rate() -> impl Strategy<Value = Option<Metered>> {
    let slices = prop::collection::vec((-70..1i64, 0..4u64, 0..9000u64), 0..4);
    let metered = (prop::option::of(1..6u64), prop::option::of(1..20_000u64), slices).prop_map(|(rpm, tpm, slices)| {
        let slice =
            |(secs, requests, tokens): (i64, u64, u64)| Slice { begins: NOON.plus_ms(secs * 1000), requests, tokens };
        Metered { limit: RateLimit { rpm, tpm }, slices: slices.into_iter().map(slice).collect() }
    });
    prop::option::weighted(0.2, metered)
}

prop_compose! {
    fn known()(
        candidate in candidate(), group in 0..2u32, breaker in breaker(), rest in rest(), belief in belief(), open_s in prop::collection::vec(0.0..90.0f64, 0..3), rate in rate(),
    ) -> Known {
        Known { group, breaker, rest, belief, open_s, rate, ..Known::new(candidate) }
    }
}

prop_compose! {
    fn question()(
        reference_tokens in 0..5000u64, more in 0..9000u64, explicit_cap in prop::option::weighted(0.3, 1..9000u64),
        picture in prop::bool::weighted(0.2), unbounded in prop::bool::weighted(0.1),
    ) -> Question {
        let image = Image {
            name: "p".into(), kind: ImageKind::Png, width: 100, height: 100, bytes: b"p".as_slice().into(),
        };
        Question {
            reference_tokens, bound_tokens: reference_tokens + more, explicit_cap, unbounded,
            images: if picture { vec![image] } else { Vec::new() },
            default_cap: 8192, effort: None,
        }
    }
}

prop_compose! {
    fn money()(
        limit in prop::option::weighted(0.8, 0..200_000_000i64),
        (spent, own_held, others_held, own_spent) in (0..100_000_000i64, Just(0), prop_oneof![Just(0), 0..100_000_000i64], 0..1_000_000i64),
        request_cap in prop::option::weighted(0.2, 0..100_000_000i64),
        (soft_pct, allow_unpriced) in (0.0..100.0f64, any::<bool>()),
    ) -> Money {
        Money {
            limit: limit.map_or(Limit::Off, |limit| Limit::Usd(NanoUsd(limit))),
            soft_pct, allow_unpriced,
            spent: NanoUsd(spent),
            held: NanoUsd(own_held + others_held),
            own_held: NanoUsd(own_held),
            own_spent: NanoUsd(own_spent),
            request_cap: request_cap.map(NanoUsd),
            cap_held: NanoUsd::ZERO,
            hedge_free: NanoUsd::ZERO,
        }
    }
}

prop_compose! {
    /// Everything that a plan is made from.
    pub fn facts()(
        mut known in prop::collection::vec(known(), 0..7),
        barred in 0..3usize,
        (request, draw) in (0..1000i64, any::<u64>()),
        (money, question) in (money(), question()),
        strategy in prop::sample::select(Order::ALL),
        tier in prop::option::weighted(0.4, prop::sample::select(&Tier::ALL[..])),
        weights in (0.01..1.0f64, 0.01..1.0f64, 0.01..1.0f64),
    ) -> Facts {
        for (n, known) in known.iter_mut().enumerate() {
            let id = CandidateId::new(format!("p{}", n / 2), format!("m{n}"));
            *known = Known { names: Names::of(&id), candidate: Candidate { id, ..(*known.candidate).clone() }.into(), ..known.clone() };
        }
        let sum = weights.0 + weights.1 + weights.2;
        Facts {
            now: NOON,
            request: RequestId(request),
            draw,
            known,
            barred: (0..barred).map(|n| (CandidateId::new("gone", format!("m{n}")), Reason::Retired { successor: None })).collect(),
            money, question,
            policy: Policy {
                strategy, tier,
                weights: Weights { cost: weights.0 / sum, latency: weights.1 / sum, quality: weights.2 / sum },
                attempt_ms: 90_000,
            },
        }
    }
}

/// The same facts at another time.
pub fn at(facts: &Facts, now: Timestamp) -> Facts {
    Facts { now, ..facts.clone() }
}
