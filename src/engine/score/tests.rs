//! What is expected of candidates, and their scores.

use super::*;
use crate::engine::belief::{Seen, Verdict};
use crate::engine::draw;
use crate::engine::policy::{Occasion, opinions};
use crate::engine::tuning::Tuning;
use crate::types::{Candidate, CandidateId, CostSource, Pricing, Rate, Rates, Sight};

/// A candidate with a price in USD per million tokens, never measured.
pub fn known(name: &str, input: &str, output: &str) -> Known {
    let rates = Rates::new(Rate::usd_per_mtok(input), Rate::usd_per_mtok(output));
    Known::new(Candidate {
        id: CandidateId::new(name, "m"),
        pricing: Some(Pricing::plain(rates, CostSource::Catalogue)),
        context_tokens: Some(100_000),
        max_output_tokens: Some(8192),
        tier: Some(Tier::Balanced),
        accepts_temperature: true,
        max_temperature: 2.0,
        reasons: false,
        reasoning_beside_output: false,
        streams: true,
        sight: Sight::UNKNOWN,
        priority: 100,
        token_factor: 1.0,
        retires: None,
        successor: None,
    })
}

pub const QUESTION: Question = Question {
    reference_tokens: 1000,
    bound_tokens: 4000,
    images: Vec::new(),
    explicit_cap: None,
    default_cap: 8192,
    effort: None,
    unbounded: false,
};

/// The same after so many attempts: one of them took so many ms to its first of 100 tokens, and to its last.
pub fn seen(mut known: Known, verdict: Verdict, first_ms: u64, total_ms: u64, times: u32) -> Known {
    let seconds = |ms: u64| ms as f64 / 1000.0;
    let seen = Seen {
        verdict,
        first_s: Some(seconds(first_ms)),
        total_s: Some(seconds(total_ms)),
        tokens: 100.0,
        quality: None,
        cost: None,
    };
    (0..times).for_each(|_| known.belief.observe(0.0, &seen, &Tuning::default()));
    known
}

fn thought(known: &Known, weights: &str, explore: bool) -> (Opinion, Expectation) {
    let load = load(known, &QUESTION, QUESTION.prompt_tokens(&known.candidate), 8192, Timestamp(0));
    let (tuning, taste) = (Tuning::default(), taste(&weights.parse().unwrap(), &QUESTION));
    let occasion = Occasion {
        now: 0.0,
        draw: 7,
        explore,
        apart: true,
        most_s: 300.0,
        taste: &taste,
        dearness: 0.0,
        tuning: &tuning,
    };
    let opinion = opinions(&[contender(known, &load, 0)], &occasion)[0];
    (opinion, Expectation::of(load, &opinion, &QUESTION))
}

fn parts_of(known: &Known) -> Parts {
    thought(known, "0.4,0.3,0.3", false).1.parts
}

#[test]
fn what_is_hashed_of_a_candidate_is_its_id_as_it_is_written() {
    let known = known("some", "1", "1");
    assert_eq!(known.names.id, draw::Name::of(&known.candidate.id.to_string()));
    assert_eq!(known.names.provider, draw::Name::of("some"));
}

#[test]
fn every_part_stays_in_its_scale() {
    let free = known("free", "0", "0");
    let dear = known("dear", "1000", "1000");
    let broken = seen(known("broken", "1", "1"), Verdict::Failed, 0, 60_000, 50);
    for k in [&free, &dear, &broken] {
        for explore in [false, true] {
            let (opinion, expected) = thought(k, "0.4,0.3,0.3", explore);
            let p = expected.parts;
            for part in [p.cost, p.latency, p.quality, score(opinion.index), expected.chance] {
                assert!((0.0..=1.0).contains(&part), "{}: {expected:?}", k.candidate.id);
            }
            assert!(p.risk >= 0.0);
        }
    }
    assert!((parts_of(&free).cost - 1.0).abs() < 1e-12);
    assert!(parts_of(&dear).cost < 0.01);
    assert!(parts_of(&broken).risk > 1.0 && score(thought(&broken, "0.4,0.3,0.3", false).0.index).abs() < 1e-12);
}

#[test]
fn an_unknown_price_is_never_a_free_one() {
    let mut unknown = known("unknown", "1", "1");
    unknown.candidate_mut().pricing = None;
    let expected = thought(&unknown, "1,0,0", false).1;
    assert_eq!(expected.load.cost, None);
    assert!(expected.parts.cost.abs() < 1e-12);
}

#[test]
fn cheaper_faster_better_and_more_reliable_each_score_higher() {
    let base = known("base", "1", "5");
    assert!(parts_of(&known("cheap", "0.1", "0.5")).cost > parts_of(&base).cost);
    let fast = seen(base.clone(), Verdict::Answered, 200, 700, 8);
    assert!(parts_of(&fast).latency > parts_of(&base).latency);
    assert!(parts_of(&fast).risk < parts_of(&base).risk);
    assert!(parts_of(&seen(base.clone(), Verdict::Failed, 0, 0, 3)).risk > parts_of(&base).risk);
    let mut strong = base.clone();
    strong.candidate_mut().tier = Some(Tier::Premium);
    assert!(parts_of(&strong).quality > parts_of(&base).quality);
    let mut praised = base.clone();
    praised.belief.rated(0.0, 1.0, 1.0, &Tuning::default());
    assert!(parts_of(&praised).quality > parts_of(&base).quality);
}

#[test]
fn the_usual_length_is_learned_and_bounded_by_the_cap() {
    let base = known("base", "1", "5");
    let written = |known: &Known, cap| load(known, &QUESTION, 1000, cap, Timestamp(0)).output_tokens;
    assert_eq!((written(&base, 8192), written(&base, 50)), (400, 50));
    let once = seen(base.clone(), Verdict::Answered, 200, 700, 1);
    assert_eq!(written(&once, 8192), 250, "the mean of 100 and the usual 400");
    assert!(written(&seen(base, Verdict::Answered, 200, 700, 30), 8192) < 150);
}

/// Never measured, balanced: 1,000 tokens in and 400 out at 1 and 5 USD per million; 4.8 s for 200 tokens, less hope.
#[test]
fn what_is_expected_follows_from_the_question_and_the_priors() {
    let near = |a: f64, b: f64| assert!((a - b).abs() < 1e-9, "{a} is not {b}");
    let base = known("base", "1", "5");
    let expected = thought(&base, "0.4,0.3,0.3", true).1;
    let load = expected.load;
    assert_eq!((load.input_tokens, load.output_tokens, load.tokens()), (1000, 400, 1400));
    assert_eq!(load.cost, Some(NanoUsd(3_000_000)));
    let tuning = Tuning::default();
    let hope = tuning.hope_pace * tuning.assumed_variance.sqrt();
    let seconds = 4.8 * 420.0 / 220.0 * math::exp(tuning.assumed_variance / 2.0 - hope);
    near(expected.latency_ms, seconds * 1000.0);
    near(expected.parts.cost, 0.001 / (0.001 + 0.003));
    near(expected.parts.latency, 4.0 / (4.0 + seconds));
    near(expected.parts.quality, 0.76 + tuning.hope_quality);
    near(expected.chance, tuning.hope_success);
}

#[test]
fn effort_counts_for_models_that_reason() {
    let mut thinker = known("thinker", "1", "5");
    thinker.candidate_mut().reasons = true;
    let at = |effort| {
        let question = Question { effort, ..QUESTION };
        load(&thinker, &question, 1000, 100_000, Timestamp(0)).output_tokens
    };
    assert!(at(Some(Effort::None)) < at(Some(Effort::Medium)));
    assert!(at(Some(Effort::Medium)) < at(Some(Effort::Max)));
}

#[test]
fn a_score_is_the_weighted_sum_of_its_parts_less_the_risk() {
    let known = seen(known("a", "1", "5"), Verdict::Answered, 300, 1500, 6);
    for (weights, [c, l, q]) in [("1,0,0", [1.0, 0.0, 0.0]), ("0.2,0.3,0.5", [0.2, 0.3, 0.5])] {
        for explore in [false, true] {
            let (opinion, expected) = thought(&known, weights, explore);
            let p = expected.parts;
            let sum = c * p.cost + l * p.latency + q * p.quality - p.risk;
            assert!((score(opinion.index) - sum).abs() < 1e-9, "{weights}: {p:?}");
        }
    }
}

#[test]
fn prices_tell_candidates_apart_however_long_the_prompt_is() {
    let mut question = QUESTION;
    for tokens in [10, 1000, 100_000, 1_000_000] {
        question.reference_tokens = tokens;
        let part = |known: &Known| {
            let load = load(known, &question, question.prompt_tokens(&known.candidate), 400, Timestamp(0));
            let reference = cost_reference(&question);
            reference / (reference + load.cost.unwrap().as_usd())
        };
        let (cheap, dear) = (part(&known("cheap", "0.3", "1.75")), part(&known("dear", "5", "25")));
        assert!(cheap - dear > 0.3, "{tokens}: {cheap} {dear}");
    }
    assert!((cost_reference(&QUESTION) - 0.001).abs() < 1e-12);
}
