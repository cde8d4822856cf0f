//! What is learned of answers: what people say, what can be seen, what silence says, and what a second asking says.

use super::*;
use crate::engine::tiers::Intent;

const DIGEST: [u8; 16] = [7; 16];

fn judged(tier: Tier, fault: Option<Fault>) -> Judged<'static> {
    Judged { intent: Intent::Code, expected: 0.5, prompt_digest: &DIGEST, candidate: &LAB, tier, fault }
}

/// A request that a model of this tier answers.
fn answer(store: &Store, when: Timestamp, judged: Judged<'static>) -> RequestId {
    let id = begin(store, when).request;
    store.finish(&RequestEnd { tier: Some(judged.tier), judged: Some(judged), ..ended(id, when) }).unwrap();
    id
}

/// Good, bad and expected of the one record that there is of a tier.
fn record(store: &Store, tier: Tier, when: Timestamp) -> (f64, f64, f64) {
    let outcomes = store.outcomes(when).unwrap();
    let mine: Vec<_> = outcomes.iter().filter(|outcome| outcome.tier == tier).collect();
    assert_eq!(mine.len(), 1, "{outcomes:?}");
    let one = mine[0];
    assert_eq!((one.intent, &one.candidate), (Intent::Code, &*LAB));
    let round = |x: f64| (x * 1e6).round() / 1e6;
    (round(one.record.good), round(one.record.bad), round(one.record.expected))
}

#[test]
fn silence_speaks_for_an_answer_a_little_and_a_word_takes_its_place() {
    let store = memory();
    let id = answer(&store, NOON, judged(Tier::Fast, None));
    assert_eq!(record(&store, Tier::Fast, NOON), (0.1, 0.0, 0.05));
    for (good, before, expected) in
        [(false, None, (0.0, 1.0, 0.5)), (false, Some(false), (0.0, 1.0, 0.5)), (true, Some(false), (1.0, 0.0, 0.5))]
    {
        let Rating::Counted(rated) = store.rate_answer(id, good, NOON).unwrap() else { panic!("not counted") };
        assert_eq!((rated.before, rated.tier, rated.intent), (before, Tier::Fast, Intent::Code));
        assert_eq!(record(&store, Tier::Fast, NOON), expected);
    }
}

#[test]
fn what_is_seen_to_be_wrong_counts_as_bad_until_somebody_says_otherwise() {
    for fault in [Fault::Schema, Fault::Truncated] {
        let store = memory();
        let id = answer(&store, NOON, judged(Tier::Balanced, Some(fault)));
        assert_eq!(record(&store, Tier::Balanced, NOON), (0.0, 1.0, 0.5), "{fault:?}");
        store.rate_answer(id, true, NOON).unwrap();
        assert_eq!(record(&store, Tier::Balanced, NOON), (1.0, 0.0, 0.5), "{fault:?}");
    }
}

#[test]
fn who_asks_a_higher_tier_the_same_was_not_content() {
    let other = Judged { prompt_digest: &[8; 16], ..judged(Tier::Premium, None) };
    // The second request, how long after, and whether the first one's answer counts as bad.
    for (second, secs, bad) in [
        (judged(Tier::Premium, None), 60, true),
        (judged(Tier::Balanced, None), 3_600, true),
        (judged(Tier::Balanced, None), 3_601, false),
        (judged(Tier::Fast, None), 60, false),
        (other, 60, false),
    ] {
        let store = memory();
        answer(&store, NOON, judged(Tier::Fast, None));
        answer(&store, at(secs), second);
        let bad_of_first = store.outcomes(at(secs)).unwrap()[0].record.bad;
        let first = store.outcomes(at(secs)).unwrap().into_iter().find(|o| o.tier == Tier::Fast).unwrap();
        assert_eq!(first.record.bad > 0.5, bad, "{second:?} after {secs} s: {bad_of_first}");
    }
    // A word that was said stands.
    let store = memory();
    let id = answer(&store, NOON, judged(Tier::Fast, None));
    store.rate_answer(id, true, NOON).unwrap();
    answer(&store, at(1), judged(Tier::Premium, None));
    assert_eq!(record(&store, Tier::Fast, at(1)).1, 0.0);
}

#[test]
fn nothing_is_learned_where_nothing_is_known() {
    let store = memory();
    assert_eq!(store.rate_answer(RequestId(1), true, NOON).unwrap(), Rating::NoRequest);
    assert_eq!(store.last_answered().unwrap(), None);
    let id = begin(&store, NOON).request;
    assert_eq!(store.rate_answer(id, true, NOON).unwrap(), Rating::NothingLearned, "it is under way");
    store.finish(&ended(id, NOON)).unwrap();
    assert_eq!(store.rate_answer(id, true, NOON).unwrap(), Rating::NothingLearned, "its tier is not known");
    assert_eq!(store.outcomes(NOON).unwrap(), []);
    assert_eq!(store.last_answered().unwrap(), Some(id));
}

#[test]
fn records_fade_and_are_not_counted_twice() {
    let store = memory();
    let id = answer(&store, NOON, judged(Tier::Fast, None));
    let again = RequestEnd { tier: Some(Tier::Fast), judged: Some(judged(Tier::Fast, None)), ..ended(id, at(1)) };
    store.finish(&again).unwrap();
    assert_eq!(record(&store, Tier::Fast, NOON).0, 0.1, "its end was told twice");
    store.rate_answer(id, true, NOON).unwrap();
    let later = NOON.plus_ms(60 * 86_400_000);
    assert_eq!(record(&store, Tier::Fast, later), (0.5, 0.0, 0.25));
}

#[test]
fn what_is_forgotten_is_not_known_again() {
    let store = memory();
    let id = answer(&store, NOON, judged(Tier::Fast, None));
    store.forget(&[Forget::Request(id)]).unwrap();
    let digest: Option<Vec<u8>> =
        store.conn.query_row("SELECT prompt_digest FROM requests WHERE id = ?1", [id], |row| row.get(0)).unwrap();
    assert_eq!(digest, None);
}
