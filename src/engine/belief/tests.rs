//! Beliefs follow what happens, at their own pace.

use super::*;

const TUNING: fn() -> Tuning = Tuning::default;
const ASSUMED: Assumed = Assumed { mean: 0.7, variance: 0.25, weight: 0.5 };

fn seen(verdict: Verdict, total_s: f64) -> Seen {
    Seen { verdict, first_s: None, total_s: Some(total_s), tokens: 0.0, quality: None, cost: None }
}

fn after(tries: &[Seen]) -> Belief {
    let mut belief = Belief::default();
    for (at, seen) in tries.iter().enumerate() {
        belief.observe(at as f64, seen, &TUNING());
    }
    belief
}

fn chance(belief: &Belief) -> f64 {
    let counts = belief.success.posterior(&TUNING());
    counts.ok / (counts.ok + counts.bad)
}

fn usual_s(belief: &Belief, tokens: f64) -> f64 {
    math::exp(belief.time(tokens, 0.0, &ASSUMED, &TUNING()).mean)
}

#[test]
fn answers_raise_the_chance_and_failures_lower_it() {
    let new = chance(&Belief::default());
    assert!(chance(&after(&[seen(Verdict::Answered, 1.0); 5])) > new);
    for verdict in [Verdict::Failed, Verdict::Cut, Verdict::Limited] {
        assert!(chance(&after(&[seen(verdict, 1.0)])) < new, "{verdict:?}");
    }
    assert!((chance(&after(&[seen(Verdict::Nothing, 1.0)])) - new).abs() < 1e-12);
}

#[test]
fn the_usual_time_is_learned() {
    assert!((usual_s(&after(&[seen(Verdict::Answered, 9.0); 30]), 200.0) - 9.0).abs() < 0.5);
    assert!((usual_s(&Belief::default(), 200.0) - math::exp(0.7)).abs() < 1e-9);
}

#[test]
fn first_token_and_pace_make_a_time_of_any_length() {
    let streamed = Seen { first_s: Some(0.5), tokens: 100.0, ..seen(Verdict::Answered, 2.5) };
    let belief = after(&[streamed; 40]);
    assert!((usual_s(&belief, 100.0) - 2.5).abs() < 0.3, "{}", usual_s(&belief, 100.0));
    assert!((usual_s(&belief, 1000.0) - 20.5).abs() < 2.0, "{}", usual_s(&belief, 1000.0));
}

#[test]
fn a_slow_one_that_is_always_cut_is_given_longer_by_and_by() {
    assert!(usual_s(&after(&[seen(Verdict::Cut, 5.0); 10]), 200.0) > 5.0);
}

#[test]
fn everything_fades_back_to_hope() {
    let bad = after(&[seen(Verdict::Failed, 30.0); 40]);
    let month = bad.faded(30.0 * 86_400.0, &TUNING());
    assert!(chance(&bad) < 0.2 && chance(&month) > 0.95);
    let slow = after(&[seen(Verdict::Answered, 60.0); 40]).faded(30.0 * 86_400.0, &TUNING());
    assert!((usual_s(&slow, 200.0) - math::exp(0.7)).abs() < 0.1);
}

#[test]
fn a_clock_set_back_ends_what_is_recent_and_a_little_behind_changes_nothing() {
    let belief = after(&[seen(Verdict::Answered, 1.0), seen(Verdict::Failed, 1.0), seen(Verdict::Failed, 1.0)]);
    let back = belief.faded(-1e6, &TUNING());
    assert_eq!((back.as_of, back.success.usual, back.whole), (-1e6, belief.success.usual, belief.whole));
    assert!(chance(&back) > chance(&belief) && back.success.recent.bad.abs() < 1e-12);
    assert_eq!(belief.faded(-5.0, &TUNING()), belief);
    let mut late = belief;
    late.observe(-5.0, &seen(Verdict::Failed, 1.0), &TUNING());
    assert!((late.as_of - belief.as_of).abs() < 1e-12);
}

#[test]
fn news_of_a_neighbour_counts_for_now_only() {
    let mut belief = after(&[seen(Verdict::Answered, 1.0); 5]);
    let before = belief;
    belief.hear_of_failure(4.0, &TUNING());
    assert!(chance(&belief) < chance(&before));
    assert_eq!(belief.success.usual, before.success.usual);
}

#[test]
fn quality_and_true_cost_are_learned_and_nonsense_is_not() {
    let rated = Seen { quality: Some(0.4), cost: Some((0.001, 0.002)), ..seen(Verdict::Answered, 1.0) };
    let belief = after(&[rated; 20]);
    assert!((belief.quality.mean(0.8, 2.0) - 0.44).abs() < 0.02);
    assert!((math::exp(belief.dearness.mean(0.0, 0.1)) - 2.0).abs() < 0.05);
    let odd = Seen { quality: Some(f64::NAN), cost: Some((0.0, 1.0)), total_s: Some(f64::INFINITY), ..rated };
    let belief = after(&[odd]);
    assert!(belief.quality.weight + belief.dearness.weight + belief.whole.usual.weight < 1e-12);
}

#[test]
fn it_is_kept_as_text_and_read_back() {
    let belief = after(&[seen(Verdict::Answered, 1.3), seen(Verdict::Failed, 0.2)]);
    let text = serde_json::to_string(&belief).unwrap();
    let back = serde_json::from_str::<Belief>(&text).unwrap();
    assert!((chance(&back) - chance(&belief)).abs() < 1e-12);
    assert!((usual_s(&back, 200.0) - usual_s(&belief, 200.0)).abs() < 1e-12);
    assert_eq!(serde_json::from_str::<Belief>("{}").unwrap(), Belief::default());
}
