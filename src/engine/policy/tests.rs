//! What holds of every order.

use super::*;
use crate::engine::belief::{Seen, Verdict};
use crate::engine::chance::Chance;
use crate::engine::draw;

const TASTE: Taste = Taste { quality: 1.0, cost: 100.0, wait: 0.05, fail: 2.0, scale: Scale::Straight };
const NAMES: [&str; 6] = ["a", "b", "c", "d", "e", "f"];

fn occasion<'a>(tuning: &'a Tuning, taste: &'a Taste, draw: u64) -> Occasion<'a> {
    Occasion { now: 0.0, draw, explore: true, apart: false, most_s: 30.0, taste, dearness: 0.0, tuning }
}

fn contender<'a>(name: &'a str, usd: f64, belief: &'a Belief) -> Contender<'a> {
    Contender {
        name: Name::of(name),
        group: None,
        turn: 0,
        usd: Some(usd),
        quality: 0.8,
        assumed_log_s: Tuning::default().assumed_log_s,
        tokens: 200.0,
        slope: 0.0,
        belief,
        open_s: &[],
        resting_until: None,
    }
}

fn believed(verdict: Verdict, seconds: f64, times: usize) -> Belief {
    let seen = Seen { verdict, first_s: None, total_s: Some(seconds), tokens: 0.0, quality: None, cost: None };
    let mut belief = Belief::default();
    (0..times).for_each(|_| belief.observe(0.0, &seen, &Tuning::default()));
    belief
}

fn order(contenders: &[Contender<'_>], draw: u64) -> Vec<usize> {
    let decision = decide(contenders, &occasion(&Tuning::default(), &TASTE, draw));
    decision.iter().map(|o| o.place).collect()
}

/// Any beliefs, from a draw.
fn beliefs(draw: u64) -> Vec<Belief> {
    let mut chance = Chance::new(draw);
    let mut any = || {
        let mut belief = believed(Verdict::Answered, 0.5 + 9.0 * chance.unit(), (chance.unit() * 8.0) as usize);
        let failed = believed(Verdict::Failed, 0.3, (chance.unit() * 3.0) as usize);
        belief.success.recent.bad += failed.success.recent.bad;
        belief.success.usual.bad += failed.success.usual.bad;
        belief
    };
    (0..NAMES.len()).map(|_| any()).collect()
}

#[test]
fn without_history_the_cheapest_that_is_well_comes_first_whatever_the_draw() {
    let new = Belief::default();
    for draw in 0..200 {
        let mut all = [0.003, 0.001, 0.0, 0.002].map(|usd| contender("x", usd, &new));
        (0..4).for_each(|i| all[i].name = Name::of(NAMES[i]));
        assert_eq!(order(&all, draw), [2, 1, 3, 0]);
        all[2].resting_until = Some(5.0);
        assert_eq!(order(&all, draw), [1, 3, 0, 2], "whoever rests is the last");
    }
}

#[test]
fn equals_come_in_the_order_in_which_they_are_listed() {
    let new = Belief::default();
    let all: Vec<Contender<'_>> = NAMES.iter().map(|name| contender(name, 0.001, &new)).collect();
    assert_eq!(order(&all, 3), [0, 1, 2, 3, 4, 5]);
}

#[test]
fn who_becomes_dearer_slower_or_worse_never_rises() {
    for draw in 0..300u64 {
        let beliefs = beliefs(draw);
        let groups = [Some("g"), None, Some("g"), Some("h"), None, Some("h")].map(|group| group.map(Name::of));
        let mut all: Vec<Contender<'_>> = (0..6)
            .map(|i| Contender { group: groups[i], ..contender(NAMES[i], 0.001 * (i + 1) as f64, &beliefs[i]) })
            .collect();
        let who = (draw % 6) as usize;
        let rank = |all: &[Contender<'_>]| order(all, draw).iter().position(|p| *p == who);
        let before = rank(&all);
        let as_it_was = all[who];
        all[who].usd = as_it_was.usd.map(|usd| usd * 1.7);
        assert!(rank(&all) >= before, "dearer, draw {draw}");
        let mut slower = beliefs[who];
        for track in [&mut slower.whole.recent, &mut slower.whole.usual] {
            // Every time it was seen to take, half as long again.
            track.squares += 2.0 * 0.4 * track.sum + 0.16 * track.weight;
            track.sum += 0.4 * track.weight;
        }
        all[who] = Contender { belief: &slower, ..as_it_was };
        assert!(rank(&all) >= before, "slower, draw {draw}");
        all[who] = Contender { quality: as_it_was.quality - 0.2, ..as_it_was };
        assert!(rank(&all) >= before, "worse, draw {draw}");
    }
}

#[test]
fn everybody_is_in_the_order_once() {
    for draw in 0..100 {
        let beliefs = beliefs(draw);
        let all: Vec<Contender<'_>> = (0..6).map(|i| contender(NAMES[i], 0.001, &beliefs[i])).collect();
        let mut order = order(&all, draw);
        order.sort_unstable();
        assert_eq!(order, [0, 1, 2, 3, 4, 5]);
    }
    assert!(decide(&[], &occasion(&Tuning::default(), &TASTE, 1)).is_empty());
}

#[test]
fn the_same_facts_and_draw_give_the_same_decision() {
    let beliefs = beliefs(9);
    let all: Vec<Contender<'_>> = (0..6).map(|i| contender(NAMES[i], 0.001, &beliefs[i])).collect();
    let tuning = Tuning::default();
    let occasion = occasion(&tuning, &TASTE, 77);
    assert_eq!(decide(&all, &occasion), decide(&all, &occasion));
}

#[test]
fn who_does_not_answer_comes_after_who_does() {
    let (good, bad) = (believed(Verdict::Answered, 2.0, 20), believed(Verdict::Failed, 1.0, 20));
    let all = [contender("a", 0.001, &bad), contender("b", 0.004, &good)];
    let firsts = (0..200).filter(|draw| order(&all, *draw)[0] == 0).count();
    assert!(firsts < 10, "{firsts}");
}

#[test]
fn open_tries_count_before_they_end() {
    let (fast, slow) = (believed(Verdict::Answered, 1.0, 20), believed(Verdict::Answered, 1.6, 20));
    let waited = [8.0, 9.0, 9.5];
    let mut all = [contender("a", 0.001, &fast), contender("b", 0.001, &slow)];
    assert_eq!(order(&all, 1), [0, 1]);
    all[0].open_s = &[0.2, 0.4];
    assert_eq!(order(&all, 1), [0, 1], "not yet late");
    all[0].open_s = &waited;
    let seconds = (0..200).filter(|draw| order(&all, *draw)[0] == 1).count();
    assert!(seconds > 150, "{seconds}");
}

#[test]
fn a_try_is_cut_at_a_multiple_of_the_usual_time_and_never_after_the_limit() {
    let (fast, slow) = (believed(Verdict::Answered, 1.0, 40), believed(Verdict::Answered, 20.0, 40));
    let all = [contender("a", 0.001, &fast), contender("b", 0.001, &slow)];
    let decision = decide(&all, &occasion(&Tuning::default(), &TASTE, 1));
    assert!((2.0..6.0).contains(&decision[0].cut_s), "{}", decision[0].cut_s);
    assert!((decision[1].cut_s - 30.0).abs() < 1e-9);
}

#[test]
fn without_exploration_the_draw_does_not_matter() {
    let beliefs = beliefs(4);
    let all: Vec<Contender<'_>> = (0..6).map(|i| contender(NAMES[i], 0.001, &beliefs[i])).collect();
    let tuning = Tuning::default();
    let plain = |draw| decide(&all, &Occasion { explore: false, ..occasion(&tuning, &TASTE, draw) });
    assert_eq!(plain(1), plain(2));
}

#[test]
fn an_unknown_price_counts_as_the_dearest() {
    let new = Belief::default();
    let mut all = [contender("a", 0.0, &new), contender("b", 0.002, &new)];
    all[0].usd = None;
    let decision = decide(&all, &occasion(&Tuning::default(), &TASTE, 1));
    assert!(decision.iter().all(|o| (o.expected_usd - 0.002).abs() < 1e-12));
}

#[test]
fn a_failed_one_is_not_followed_by_its_neighbour_where_there_is_another() {
    let known = believed(Verdict::Answered, 2.0, 20);
    let mut all = ["a", "b", "c"].map(|name| contender(name, 0.001, &known));
    all[0].usd = Some(0.0);
    all[0].group = Some(Name::of("g"));
    all[1].group = all[0].group;
    let thirds = (0..100).filter(|draw| order(&all, *draw) == [0, 2, 1]).count();
    assert!(thirds > 90, "{thirds}");
    assert_ne!(draw::of_name(1, "a"), draw::of_name(1, "b"));
}

#[test]
fn a_first_token_is_late_after_nineteen_of_twenty_and_not_before_it_was_seen_five_times() {
    let seen = Seen {
        verdict: Verdict::Answered,
        first_s: Some(0.8),
        total_s: Some(3.0),
        tokens: 50.0,
        quality: None,
        cost: None,
    };
    for (times, known) in [(4, false), (20, true)] {
        let mut belief = Belief::default();
        (0..times).for_each(|_| belief.observe(0.0, &seen, &Tuning::default()));
        let thought = decide(&[contender("a", 0.001, &belief)], &occasion(&Tuning::default(), &TASTE, 1))[0];
        assert_eq!(thought.first.is_some(), known, "{times}");
        if let Some(first) = thought.first {
            let (late, cut) = (first.late_s(&Tuning::default()), first.cut_s(&Tuning::default()));
            assert!(late > 0.8 && late <= cut && cut < 4.0, "{late} {cut}");
            let tuning = Tuning::default();
            let short = Occasion { most_s: 0.5, ..occasion(&tuning, &TASTE, 1) };
            let first = decide(&[contender("a", 0.001, &belief)], &short)[0].first.unwrap();
            let [late, cut] = [first.late_s(&tuning), first.cut_s(&tuning)];
            assert!((late - 0.5).abs() < 1e-12 && (cut - 0.5).abs() < 1e-12, "no try is given more: {late} {cut}");
        }
    }
}
