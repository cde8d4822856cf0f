//! Breakers, rests and health sums as the store keeps them for every process.

use super::*;
use crate::engine::belief::{Belief, Seen, Verdict};
use crate::engine::breaker::BreakerState;
use crate::engine::tuning::Tuning;

fn settle(store: &Store, done: &Settlement<'_>) {
    store.settle(done, None, None).unwrap();
}

fn fail(store: &Store, when: Timestamp, class: FailureClass) {
    settle(store, &failed(held(store, when), when, class));
}

fn open_breaker(store: &Store) {
    (0..3).for_each(|_| fail(store, NOON, FailureClass::ServerError));
}

fn admit(store: &Store, when: Timestamp) -> (AttemptId, Admitted) {
    let attempt = begin(store, when);
    (attempt, store.admit(&admission(attempt, when)).unwrap())
}

fn state(store: &Store, when: Timestamp) -> BreakerState {
    store.facts(when).unwrap().breakers.get("lab").copied().unwrap_or_default().state(when)
}

#[test]
fn failures_open_it_for_every_process() {
    let home = Home::new();
    let (one, other) = (home.open(1), home.open(2));
    fail(&one, NOON, FailureClass::ServerError);
    fail(&other, NOON, FailureClass::Timeout);
    assert_eq!(state(&one, NOON), BreakerState::Closed);
    fail(&one, NOON, FailureClass::Cut);
    let (_, admitted) = admit(&other, at(59));
    assert_eq!(admitted, Admitted::BreakerOpen { until: at(60) });
    assert_eq!(budget(&other, at(59)), (0, 0), "who is kept out holds nothing");
    let stored = other.breakers().unwrap()["lab"];
    assert_eq!(stored.last_failure, Some((FailureClass::Cut, NOON)));
}

#[test]
fn the_caller_s_own_faults_and_rate_limits_never_open_it() {
    use FailureClass::{Auth, ContextOverflow, InvalidRequest, QuotaExhausted, RateLimited};
    let store = memory();
    for class in [Auth, ContextOverflow, InvalidRequest, QuotaExhausted, RateLimited].repeat(2) {
        fail(&store, NOON, class);
    }
    let cancelled = Settlement { outcome: Outcome::Cancelled, ..failed(held(&store, NOON), NOON, Auth) };
    settle(&store, &cancelled);
    let capped = Settlement { counts_for_breaker: false, ..failed(held(&store, NOON), NOON, FailureClass::Empty) };
    settle(&store, &capped);
    assert_eq!(store.facts(NOON).unwrap().breakers["lab"].failures, 0);
}

#[test]
fn exactly_one_of_two_processes_gets_the_trial() {
    let home = Home::new();
    let (one, other) = (home.open(1), home.open(2));
    open_breaker(&one);
    let (trial, first) = admit(&one, at(60));
    assert_eq!(first, Admitted::Yes { trial: true });
    assert_eq!(admit(&other, at(61)).1, Admitted::BreakerOpen { until: at(120) });
    settle(&one, &answered(trial, at(62)));
    assert_eq!(admit(&other, at(63)).1, Admitted::Yes { trial: false });
}

#[test]
fn money_refused_takes_no_trial() {
    let store = memory();
    open_breaker(&store);
    let poor = begin(&store, at(60));
    let refused = store.admit(&Admission { limit: usd(9), ..admission(poor, at(60)) }).unwrap();
    assert!(matches!(refused, Admitted::OverBudget { .. }));
    assert_eq!(admit(&store, at(60)).1, Admitted::Yes { trial: true });
}

#[test]
fn whoever_differs_in_anything_is_somebody_else_and_looks_for_the_dead() {
    let me = options(1).me.owner().clone();
    for other in [
        Owner { pid: 2, ..me.clone() },
        Owner { start_ticks: 8, ..me.clone() },
        Owner { boot_id: "another".into(), ..me.clone() },
        Owner { pid_namespace: "pid:[2]".into(), ..me.clone() },
        // Who does not know itself may be anybody.
        Owner { start_ticks: 0, ..me.clone() },
    ] {
        let mine = memory();
        let unknown = Store { me: Owner { start_ticks: 0, ..me.clone() }.into(), ..mine.clone() };
        let (_, admitted) = admit(if other.start_ticks == 0 { &unknown } else { &mine }, at(0));
        assert!(matches!(admitted, Admitted::Yes { .. }));
        kill(1);
        let facts = Store { me: other.clone().into(), ..mine.clone() }.facts(at(1)).unwrap();
        DEAD.take();
        assert_eq!((facts.held, facts.spent > NanoUsd::ZERO), (NanoUsd::ZERO, true), "{other:?}");
    }
}

#[test]
fn a_trial_that_comes_to_nothing_is_given_back() {
    type End = fn(&Store, AttemptId);
    let ends: [(&str, End); 4] = [
        ("released", |store, trial| store.release(trial, at(61)).unwrap()),
        ("cancelled", |store, trial| {
            settle(store, &Settlement { outcome: Outcome::Cancelled, ..answered(trial, at(61)) });
        }),
        ("rate limited", |store, trial| settle(store, &failed(trial, at(61), FailureClass::RateLimited))),
        ("owner died", |store, _| {
            kill(1);
            let somebody_else = Store { me: options(2).me, ..store.clone() };
            somebody_else.facts(at(61)).unwrap();
            DEAD.take();
        }),
    ];
    for (name, end) in ends {
        let store = memory();
        open_breaker(&store);
        let (trial, _) = admit(&store, at(60));
        end(&store, trial);
        assert_eq!(admit(&store, at(62)).1, Admitted::Yes { trial: true }, "{name}");
    }
}

#[test]
fn a_trial_whose_lease_ends_does_not_block() {
    let store = memory();
    open_breaker(&store);
    let (slow, _) = admit(&store, at(60));
    let (second, admitted) = admit(&store, at(120));
    assert_eq!(admitted, Admitted::Yes { trial: true });
    settle(&store, &failed(slow, at(121), FailureClass::Timeout));
    assert_eq!(state(&store, at(121)), BreakerState::HalfOpen, "the trial is somebody else's by now");
    settle(&store, &answered(second, at(122)));
    assert_eq!(state(&store, at(122)), BreakerState::Closed);
}

#[test]
fn only_the_trial_speaks_while_it_is_not_closed() {
    let store = memory();
    let [failing, working, limited] = [held(&store, NOON), held(&store, NOON), held(&store, NOON)];
    open_breaker(&store);
    let (trial, _) = admit(&store, at(60));
    settle(&store, &failed(failing, at(61), FailureClass::Timeout));
    settle(&store, &answered(working, at(62)));
    settle(&store, &failed(limited, at(63), FailureClass::RateLimited));
    assert_eq!(state(&store, at(64)), BreakerState::HalfOpen);
    assert_eq!(admit(&store, at(64)).1, Admitted::BreakerOpen { until: at(120) });
    settle(&store, &failed(trial, at(65), FailureClass::Overloaded));
    assert_eq!(admit(&store, at(124)).1, Admitted::BreakerOpen { until: at(125) });
}

#[test]
fn rests_are_for_a_model_or_for_the_provider() {
    let store = memory();
    let rest = |model, until| RestUntil { provider: "lab", model, until };
    let limited = |rest| Settlement { rest: Some(rest), ..failed(held(&store, NOON), NOON, FailureClass::RateLimited) };
    let other = CandidateId::new("lab", "large");
    let ask = |candidate, when| {
        let mine = begin(&store, when);
        let admitted = store.admit(&Admission { candidate, ..admission(mine, when) }).unwrap();
        store.release(mine, when).unwrap();
        admitted
    };
    settle(&store, &limited(rest(Some("small"), at(30))));
    assert_eq!(ask(&LAB, at(29)), Admitted::Resting { until: at(30) });
    assert_eq!(ask(&LAB, at(30)), Admitted::Yes { trial: false });
    assert_eq!(ask(&other, at(29)), Admitted::Yes { trial: false });
    let settlements = [rest(Some("large"), at(40)), rest(None, at(50))]
        .map(|rest| Settlement { rest: Some(rest), ..failed(held(&store, at(30)), at(30), FailureClass::RateLimited) });
    settlements.iter().for_each(|done| settle(&store, done));
    assert_eq!(ask(&other, at(31)), Admitted::Resting { until: at(50) });
    assert_eq!(ask(&LAB, at(31)), Admitted::Resting { until: at(50) });
    let rests = store.facts(at(31)).unwrap().rests;
    let shown: Vec<_> = rests.iter().map(|rest| (rest.model.as_deref(), rest.until, rest.class)).collect();
    let limited = FailureClass::RateLimited;
    assert_eq!(shown, [(None, at(50), limited), (Some("large"), at(40), limited)]);
}

#[test]
fn a_refused_key_may_be_tried_again_during_its_rest() {
    let store = memory();
    for class in [FailureClass::Auth, FailureClass::QuotaExhausted] {
        let rest = RestUntil { provider: "lab", model: None, until: at(50) };
        settle(&store, &Settlement { rest: Some(rest), ..failed(held(&store, NOON), NOON, class) });
        let again = begin(&store, at(1));
        assert_eq!(store.admit(&admission(again, at(1))).unwrap(), Admitted::Yes { trial: false });
    }
    assert_eq!(store.facts(at(1)).unwrap().rests.len(), 1, "everybody knows of it all the same");
    settle(&store, &answered(held(&store, NOON), NOON));
    assert_eq!(store.facts(at(1)).unwrap().rests, [], "an answer shows that it was mended");
}

#[test]
fn an_answer_does_not_end_a_rate_limit() {
    let store = memory();
    let rest = RestUntil { provider: "lab", model: Some("large"), until: at(50) };
    let early = held(&store, NOON);
    settle(&store, &Settlement { rest: Some(rest), ..failed(held(&store, NOON), NOON, FailureClass::RateLimited) });
    settle(&store, &answered(early, NOON));
    assert_eq!(store.facts(at(1)).unwrap().rests.len(), 1);
}

#[test]
fn a_rest_is_never_made_shorter() {
    let store = memory();
    let both = [held(&store, NOON), held(&store, NOON)];
    for (attempt, until) in both.into_iter().zip([at(50), at(20)]) {
        let rest = RestUntil { provider: "lab", model: None, until };
        settle(&store, &Settlement { rest: Some(rest), ..failed(attempt, NOON, FailureClass::QuotaExhausted) });
    }
    assert_eq!(store.facts(at(1)).unwrap().rests[0].until, at(50));
}

#[test]
fn a_reset_forgives_a_provider() {
    let store = memory();
    assert!(!store.reset_provider("lab").unwrap());
    let resting = held(&store, NOON);
    open_breaker(&store);
    let rest = RestUntil { provider: "lab", model: Some("small"), until: at(99) };
    settle(&store, &Settlement { rest: Some(rest), ..failed(resting, NOON, FailureClass::RateLimited) });
    assert!(store.reset_provider("lab").unwrap());
    assert_eq!(admit(&store, at(1)).1, Admitted::Yes { trial: false });
    assert!(!store.reset_provider("lab").unwrap());
}

#[test]
fn beliefs_are_the_engine_s_own() {
    let store = memory();
    let seen = |verdict, first_s: f64| Seen {
        verdict,
        first_s: Some(first_s),
        total_s: Some(first_s * 4.0),
        tokens: 30.0,
        quality: None,
        cost: None,
    };
    let mut expected = Belief::default();
    let all = [seen(Verdict::Answered, 0.1), seen(Verdict::Failed, 0.001), seen(Verdict::Answered, 0.3)];
    for (i, seen) in all.into_iter().enumerate() {
        let when = at(i64::try_from(i).unwrap() * 1000);
        settle(&store, &Settlement { observation: Some(seen), ..answered(held(&store, when), when) });
        expected.observe(when.as_secs(), &seen, &Tuning::default());
    }
    let facts = store.facts(at(4000)).unwrap();
    let near = |a: f64, b: f64| (a - b).abs() < 1e-9;
    let found = store.beliefs([&*LAB]).unwrap()[0];
    assert!(
        near(found.success.usual.ok, expected.success.usual.ok)
            && near(found.first.recent.sum, expected.first.recent.sum)
    );
    assert!(near(found.written.sum, expected.written.sum) && near(found.as_of, expected.as_of));
    assert_eq!(facts.open, []);
    let mine = held(&store, at(4000));
    let open = store.facts(at(4000)).unwrap().open;
    let wanted = OpenTry { request: mine.request, candidate: LAB.clone(), at: at(4000), expected_tokens: Some(400) };
    assert_eq!(open, [wanted]);
}

#[test]
fn a_provider_s_other_models_hear_of_a_failure() {
    let store = memory();
    let seen = |verdict| Seen { verdict, first_s: None, total_s: Some(1.0), tokens: 0.0, quality: None, cost: None };
    let large = CandidateId::new("lab", "large");
    for (candidate, verdict) in [(&large, Verdict::Answered), (&*LAB, Verdict::Failed)] {
        let mine = begin(&store, NOON);
        store.admit(&Admission { candidate, ..admission(mine, NOON) }).unwrap();
        settle(&store, &Settlement { observation: Some(seen(verdict)), ..answered(mine, NOON) });
    }
    let beliefs = store.beliefs([&large, &*LAB]).unwrap();
    assert!(beliefs[0].success.recent.bad > 0.0 && beliefs[0].success.usual.bad.abs() < 1e-12);
    assert!(beliefs[1].success.usual.bad > 0.9);
}

#[test]
fn what_stands_by_late_tries_has_a_day_s_limit_of_its_own() {
    let store = memory();
    let hedged = |amount| {
        let mine = begin(&store, NOON);
        let ask =
            Admission { hedge: Some(NanoUsd(20)), amount: NanoUsd(amount), limit: Limit::Off, ..admission(mine, NOON) };
        (mine, store.admit(&ask).unwrap())
    };
    let (first, admitted) = hedged(15);
    assert_eq!(admitted, Admitted::Yes { trial: false });
    assert_eq!(hedged(6).1, Admitted::OverHedgeBudget, "what is held counts");
    assert_eq!(hedged(5).1, Admitted::Yes { trial: false });
    settle(&store, &Settlement { cost: Some(NanoUsd(9)), ..answered(first, NOON) });
    assert_eq!(hedged(7).1, Admitted::OverHedgeBudget, "so does what was spent");
    assert_eq!(hedged(6).1, Admitted::Yes { trial: false });
    // Others are not concerned.
    let plain = begin(&store, NOON);
    let ask = Admission { amount: NanoUsd(99), limit: Limit::Off, ..admission(plain, NOON) };
    assert_eq!(store.admit(&ask).unwrap(), Admitted::Yes { trial: false });
}

#[test]
fn a_belief_that_cannot_be_read_is_none() {
    let home = Home::new();
    let store = home.open(1);
    for text in ["not json", "{\"as_of\":null}", "{\"success\":{\"recent\":{\"ok\":1}}}", "[]"] {
        home.sql(&format!("INSERT OR REPLACE INTO beliefs VALUES ('lab', 'small', '{text}')"));
        let _ = store.beliefs([&*LAB]).unwrap();
        store.facts(NOON).unwrap();
    }
}
