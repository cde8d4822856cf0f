//! Walks through plans of plain facts, step by step.

use std::sync::Arc;

use super::*;
use crate::engine::facts::{Facts, Rest};
use crate::engine::plan::plan;
use crate::engine::plan::tests::facts;
use crate::engine::score::tests::known;
use crate::types::{Limit, NanoUsd, Strategy};

struct Case {
    facts: Facts,
    walk: Walk,
    asked: Vec<String>,
}

impl Case {
    /// Candidates a, b, … in this order.
    fn of(names: &[&str]) -> Self {
        let mut f = facts(names.iter().map(|n| known(n, "1", "1")).collect());
        f.policy.strategy = Strategy::Priority;
        let rules = WalkRules {
            max_retries: 2,
            max_attempts: 8,
            budget_wait_ms: 10_000,
            deadline: f.now.plus_ms(300_000),
            patient: false,
            draw: 7,
        };
        Self { facts: f, walk: Walk::new(rules), asked: Vec::new() }
    }

    fn step(&mut self) -> Step {
        let plan = plan(&self.facts, self.walk.done());
        self.walk.next(&plan, self.facts.now)
    }

    /// Steps, with waits passing at once, until somebody is asked or it ends.
    fn next_try(&mut self) -> Result<Arc<Candidate>, Ending> {
        for _ in 0..1000 {
            match self.step() {
                Step::Try(ranked) => {
                    self.walk.begin(&ranked.candidate.id, self.facts.now);
                    self.asked.push(ranked.candidate.id.provider.clone());
                    return Ok(ranked.candidate);
                }
                Step::Wait { until, .. } => self.facts.now = until,
                Step::End(ending) => return Err(ending),
            }
        }
        panic!("it waits for ever");
    }

    /// Everybody always fails so.
    fn all_fail(&mut self, class: FailureClass) -> Ending {
        loop {
            match self.next_try() {
                Ok(candidate) => self.walk.failed(&candidate, &Failure::new(class, "x"), self.facts.now),
                Err(ending) => return ending,
            }
        }
    }
}

#[test]
fn side_by_side_ends_where_one_by_one_ends() {
    let names = |case: &Case, now| {
        let plan = plan(&case.facts, case.walk.done());
        case.walk.side_by_side(&plan, 2, now).iter().map(|r| r.candidate.id.provider.clone()).collect::<Vec<_>>()
    };
    let mut case = Case::of(&["a", "b", "c"]);
    assert_eq!(names(&case, case.facts.now), ["a", "b"]);
    assert!(names(&case, case.walk.rules.deadline).is_empty(), "the time is over");
    let a = case.next_try().unwrap();
    case.walk.failed(&a, &Failure::new(FailureClass::InvalidRequest, "x"), case.facts.now);
    assert!(names(&case, case.facts.now).is_empty(), "nobody else would take it either");
}

#[test]
fn each_class_walks_its_own_way() {
    use FailureClass as C;
    let unavailable = Ending::Unavailable(None);
    for (class, asked, ending) in [
        (C::ServerError, "aaabbb", unavailable.clone()),
        (C::Overloaded, "aaabbb", unavailable.clone()),
        (C::Network, "aaabbb", unavailable.clone()),
        (C::Cut, "aaabbb", unavailable.clone()),
        (C::Malformed, "aaabbb", unavailable.clone()),
        (C::Empty, "aaabbb", unavailable.clone()),
        (C::Timeout, "aaabbb", unavailable.clone()),
        (C::QuotaExhausted, "ab", unavailable),
        (C::RateLimited, "abaabb", Ending::RateLimited(None)),
        (C::Auth, "ab", Ending::Auth),
        (C::Forbidden, "ab", Ending::Auth),
        (C::ModelNotFound, "ab", Ending::Refused(C::ModelNotFound)),
        (C::InvalidRequest, "a", Ending::Refused(C::InvalidRequest)),
        (C::ContentRefused, "a", Ending::Refused(C::ContentRefused)),
    ] {
        let mut case = Case::of(&["a", "b"]);
        assert_eq!(case.all_fail(class), ending, "{class}");
        assert_eq!(case.asked.concat(), asked, "{class}");
    }
}

#[test]
fn after_a_failure_that_took_long_somebody_else_is_asked_first() {
    for (took_ms, asked) in [(5_000, "aaabbb"), (5_001, "abaabb")] {
        for class in [FailureClass::Timeout, FailureClass::Cut] {
            let mut case = Case::of(&["a", "b"]);
            while let Ok(candidate) = case.next_try() {
                let quickly = case.asked.len() > 2;
                case.facts.now = case.facts.now.plus_ms(if quickly { 0 } else { took_ms });
                case.walk.failed(&candidate, &Failure::new(class, "x"), case.facts.now);
            }
            assert_eq!(case.asked.concat(), asked, "{class} after {took_ms} ms");
        }
    }
}

#[test]
fn a_put_off_candidate_s_own_pause_is_kept_too() {
    let mut case = Case::of(&["a"]);
    let a = case.next_try().unwrap();
    case.facts.now = case.facts.now.plus_ms(6_000);
    let failure = Failure { retry_after_ms: Some(9_000), ..Failure::new(FailureClass::Overloaded, "x") };
    case.walk.failed(&a, &failure, case.facts.now);
    let expected = Step::Wait { until: case.facts.now.plus_ms(9_000), why: Wait::Backoff(a.id.clone()) };
    assert_eq!(case.step(), expected);
    assert!(case.next_try().is_ok(), "then it is asked again");
}

#[test]
fn attempts_have_one_total_cap() {
    let mut case = Case::of(&["a", "b", "c", "d"]);
    case.all_fail(FailureClass::ServerError);
    assert_eq!(case.asked.concat(), "aaabbbcc");
}

#[test]
fn the_deadline_ends_it() {
    let mut case = Case::of(&["a", "b"]);
    let a = case.next_try().unwrap();
    case.walk.failed(&a, &Failure::new(FailureClass::ServerError, "x"), case.facts.now);
    case.facts.now = case.facts.now.plus_ms(300_000);
    assert_eq!(case.next_try(), Err(Ending::Unavailable(None)));
}

#[test]
fn a_retry_waits_and_not_before_the_provider_wants_it() {
    let mut case = Case::of(&["a"]);
    let a = case.next_try().unwrap();
    let failure = Failure { retry_after_ms: Some(3000), ..Failure::new(FailureClass::Overloaded, "x") };
    case.walk.failed(&a, &failure, case.facts.now);
    let expected = Step::Wait { until: case.facts.now.plus_ms(3000), why: Wait::Backoff(a.id.clone()) };
    assert_eq!(case.step(), expected);
    let long = Failure { retry_after_ms: Some(60_000), ..failure };
    case.walk.failed(&a, &long, case.facts.now);
    assert!(matches!(case.step(), Step::End(Ending::Unavailable(_))), "longer than anybody's patience");
}

#[test]
fn an_open_breaker_ends_the_retries() {
    let mut case = Case::of(&["a", "b"]);
    let a = case.next_try().unwrap();
    case.walk.failed(&a, &Failure::new(FailureClass::ServerError, "x"), case.facts.now);
    case.facts.known[0].breaker.open_until = Some(case.facts.now.plus_ms(60_000));
    assert_eq!(case.next_try().unwrap().id.provider, "b");
}

#[test]
fn after_an_overflow_only_larger_windows_are_asked() {
    let mut case = Case::of(&["a", "b", "c", "d"]);
    case.facts.known[2].candidate_mut().context_tokens = Some(200_000);
    case.facts.known[3].candidate_mut().context_tokens = Some(50_000);
    assert_eq!(case.all_fail(FailureClass::ContextOverflow), Ending::Refused(FailureClass::ContextOverflow));
    assert_eq!(case.asked.concat(), "ac");
}

#[test]
fn only_money_others_hold_is_waited_for() {
    let mut case = Case::of(&["a"]);
    case.facts.question.explicit_cap = Some(8192);
    case.facts.money.limit = Limit::Usd(NanoUsd(15_000_000));
    case.facts.money.held = NanoUsd(10_000_000);
    assert!(matches!(case.step(), Step::Wait { why: Wait::Money, .. }));
    case.facts.money.held = NanoUsd::ZERO;
    assert!(matches!(case.step(), Step::Try(_)));
    case.facts.money.spent = NanoUsd(10_000_000);
    assert_eq!(case.step(), Step::End(Ending::Budget));
}

#[test]
fn the_wait_for_money_has_an_end() {
    let mut case = Case::of(&["a"]);
    case.facts.question.explicit_cap = Some(8192);
    case.facts.money.limit = Limit::Usd(NanoUsd(15_000_000));
    case.facts.money.held = NanoUsd(10_000_000);
    let began = case.facts.now;
    assert_eq!(case.next_try(), Err(Ending::Budget));
    assert_eq!(case.facts.now.since_ms(began), 10_000);
}

#[test]
fn failed_by_one_and_kept_from_the_other_by_money_is_a_matter_of_money() {
    let mut case = Case::of(&["a", "b"]);
    case.facts.known[1] = known("b", "100", "10000");
    case.facts.money.limit = Limit::Usd(NanoUsd(100_000_000));
    assert_eq!(case.all_fail(FailureClass::ServerError), Ending::Budget);
    assert_eq!(case.asked.concat(), "aaa");
}

#[test]
fn a_short_rest_is_waited_for_a_long_one_is_told() {
    let mut case = Case::of(&["a"]);
    let rest = |ms| Some(Rest { until: Timestamp(1_000_000).plus_ms(ms), class: FailureClass::RateLimited });
    case.facts.known[0].rest = rest(5000);
    assert!(matches!(case.step(), Step::Wait { why: Wait::Rest(..), .. }));
    assert_eq!(case.next_try().unwrap().id.provider, "a");
    let mut case = Case::of(&["a"]);
    case.facts.known[0].rest = rest(60_000);
    assert_eq!(case.next_try(), Err(Ending::RateLimited(Some(Timestamp(1_060_000)))));
}

#[test]
fn when_every_breaker_is_open_the_soonest_is_named() {
    let mut case = Case::of(&["a", "b"]);
    case.facts.known[0].breaker.open_until = Some(case.facts.now.plus_ms(50_000));
    case.facts.known[1].breaker.open_until = Some(case.facts.now.plus_ms(30_000));
    let soonest = (CandidateId::new("b", "m"), case.facts.now.plus_ms(30_000));
    assert_eq!(case.next_try(), Err(Ending::Unavailable(Some(soonest))));
}

#[test]
fn whoever_was_not_asked_has_not_failed() {
    let mut case = Case::of(&["a", "b"]);
    case.walk.rules.max_attempts = 1;
    assert_eq!(case.all_fail(FailureClass::RateLimited), Ending::Unavailable(None));
    let mut case = Case::of(&["a"]);
    case.facts.now = case.walk.rules.deadline;
    assert_eq!(case.next_try(), Err(Ending::Unavailable(None)), "there was somebody, but no time");
}

#[test]
fn a_mended_request_may_still_end_as_refused() {
    let mut case = Case::of(&["a"]);
    case.walk.rules.max_attempts = 1;
    let a = case.next_try().unwrap();
    case.walk.mended(&a.id, case.facts.now);
    assert_eq!(case.next_try(), Err(Ending::Refused(FailureClass::InvalidRequest)));
}

#[test]
fn who_was_put_off_is_asked_when_the_others_never_get_their_money() {
    let mut case = Case::of(&["a", "b"]);
    case.facts.question.explicit_cap = Some(8192);
    case.facts.known[1] = known("b", "1", "2");
    case.facts.money.limit = Limit::Usd(NanoUsd(25_000_000));
    case.facts.money.held = NanoUsd(10_000_000);
    let a = case.next_try().unwrap();
    case.facts.now = case.facts.now.plus_ms(60_000);
    case.walk.failed(&a, &Failure::new(FailureClass::Timeout, "x"), case.facts.now);
    assert!(matches!(case.step(), Step::Wait { why: Wait::Money, .. }));
    assert_eq!(case.next_try().map(|c| c.id.provider.clone()), Ok("a".to_owned()));
}

#[test]
fn mixed_reasons_are_unavailable() {
    let mut case = Case::of(&["a", "b"]);
    case.facts.known[0].rest = Some(Rest { until: case.facts.now.plus_ms(60_000), class: FailureClass::RateLimited });
    assert!(matches!(case.all_fail(FailureClass::Auth), Ending::Unavailable(_)));
}

/// A candidate whose one request a minute was made just now.
fn used_up(case: &mut Case, index: usize, seconds_ago: i64) {
    use crate::engine::rate::{Metered, Slice, slice_of};
    let begins = slice_of(case.facts.now.plus_ms(-1000 * seconds_ago));
    let limit = crate::types::RateLimit { rpm: Some(1), tpm: None };
    case.facts.known[index].rate = Some(Metered { limit, slices: vec![Slice { begins, requests: 1, tokens: 1 }] });
}

#[test]
fn attempts_are_counted() {
    let mut case = Case::of(&["a", "b"]);
    assert_eq!(case.walk.attempts(), 0);
    for n in 1..=3 {
        let asked = case.next_try().unwrap();
        case.walk.failed(&asked, &Failure::new(FailureClass::ServerError, "x"), case.facts.now);
        assert_eq!((case.walk.attempts(), case.walk.tries(&asked.id)), (n, n));
    }
}

#[test]
fn side_by_side_only_those_are_asked_who_may_be_and_whose_money_is_there() {
    let mut case = Case::of(&["a", "b", "c"]);
    case.facts.known[1] = known("b", "1", "2");
    case.facts.known[2].candidate_mut().context_tokens = Some(50_000);
    case.facts.question.explicit_cap = Some(8192);
    case.facts.money.limit = Limit::Usd(NanoUsd(25_000_000));
    case.facts.money.held = NanoUsd(10_000_000);
    let names = |case: &Case| {
        let plan = plan(&case.facts, case.walk.done());
        let asked = case.walk.side_by_side(&plan, 3, case.facts.now);
        asked.iter().map(|r| r.candidate.id.provider.clone()).collect::<String>()
    };
    assert_eq!(names(&case), "ac", "b waits for money");
    let mut too_long = (*known("d", "1", "1").candidate).clone();
    too_long.context_tokens = Some(60_000);
    case.walk.failed(&too_long, &Failure::new(FailureClass::ContextOverflow, "x"), case.facts.now);
    assert_eq!(names(&case), "a", "a window of 60,000 was too small");
}

#[test]
fn an_answer_that_will_not_do_is_asked_for_once_more_at_once() {
    let mut case = Case::of(&["a", "b"]);
    case.facts.known[1].candidate_mut().priority = 1;
    assert_eq!(case.next_try().unwrap().id.provider, "b");
    case.walk.once_more(&CandidateId::new("a", "m"), case.facts.now);
    assert_eq!(case.next_try().unwrap().id.provider, "a");
}

#[test]
fn who_is_given_up_on_is_not_asked_again() {
    let mut case = Case::of(&["a", "b"]);
    let a = case.next_try().unwrap();
    case.walk.failed(&a, &Failure::new(FailureClass::ServerError, "x"), case.facts.now);
    case.walk.give_up_on(&a.id);
    assert_eq!(case.next_try().unwrap().id.provider, "b");
    // Also one that was put off.
    let mut case = Case::of(&["a"]);
    let a = case.next_try().unwrap();
    case.walk.failed(&a, &Failure::new(FailureClass::RateLimited, "x"), case.facts.now);
    case.walk.give_up_on(&a.id);
    assert_eq!(case.next_try(), Err(Ending::RateLimited(None)));
}

#[test]
fn only_who_has_the_time_waits_for_a_breaker() {
    let mut case = Case::of(&["a", "b"]);
    let now = case.facts.now;
    case.facts.known[0].breaker.open_until = Some(now.plus_ms(50_000));
    case.facts.known[1].breaker.open_until = Some(now.plus_ms(500));
    assert!(matches!(case.step(), Step::End(Ending::Unavailable(Some(_)))));
    case.walk.rules.patient = true;
    let b = CandidateId::new("b", "m");
    assert_eq!(case.step(), Step::Wait { until: now.plus_ms(500), why: Wait::Rest(b.clone(), now.plus_ms(500)) });
    case.walk.give_up_on(&b);
    let a = CandidateId::new("a", "m");
    let looked_at = Step::Wait { until: now.plus_ms(1000), why: Wait::Rest(a.clone(), now.plus_ms(50_000)) };
    assert_eq!(case.step(), looked_at, "a trial of somebody else's may close it at any time");
    case.walk.give_up_on(&a);
    assert!(matches!(case.step(), Step::End(_)));
}

#[test]
fn who_could_never_be_asked_does_not_change_how_it_ended() {
    let mut case = Case::of(&["a"]);
    let barred = [
        Reason::Retired { successor: None },
        Reason::Tier { has: None, wants: crate::types::Tier::Premium },
        Reason::Blind,
        Reason::Pictures("too large".into()),
    ];
    case.facts.barred = barred.map(|reason| (CandidateId::new("old", "m"), reason)).into();
    assert_eq!(case.all_fail(FailureClass::Auth), Ending::Auth);
    let mut case = Case::of(&[]);
    case.facts.barred = vec![(CandidateId::new("old", "m"), Reason::Blind)];
    assert_eq!(case.next_try(), Err(Ending::NoCandidate));
}

#[test]
fn who_is_done_with_says_nothing_of_money() {
    let mut case = Case::of(&["a", "b"]);
    case.facts.known[1].rest = Some(Rest { until: case.facts.now.plus_ms(60_000), class: FailureClass::RateLimited });
    case.facts.known[0] = known("a", "100", "10000");
    case.facts.money.limit = Limit::Usd(NanoUsd(1_000));
    case.walk.give_up_on(&CandidateId::new("b", "m"));
    assert_eq!(case.next_try(), Err(Ending::Budget));
}

#[test]
fn a_window_that_is_too_small_from_the_start_is_an_overflow() {
    let mut case = Case::of(&["a"]);
    case.facts.known[0].candidate_mut().context_tokens = Some(100);
    assert_eq!(case.next_try(), Err(Ending::Refused(FailureClass::ContextOverflow)));
}

#[test]
fn a_limit_of_the_user_s_own_is_waited_for_like_a_rest_and_told_like_one() {
    // The slice leaves the window a minute after its second is over: in 16 seconds.
    let mut case = Case::of(&["a"]);
    used_up(&mut case, 0, 45);
    let free = Timestamp(1_016_000);
    assert_eq!(case.step(), Step::Wait { until: free, why: Wait::Rest(CandidateId::new("a", "m"), free) });
    let mut case = Case::of(&["a"]);
    used_up(&mut case, 0, 0);
    assert_eq!(case.step(), Step::End(Ending::RateLimited(Some(Timestamp(1_061_000)))));
    // Beside one that failed otherwise it is the soonest to recover.
    let mut case = Case::of(&["a", "b"]);
    used_up(&mut case, 0, 0);
    let soonest = Some((CandidateId::new("a", "m"), Timestamp(1_061_000)));
    assert_eq!(case.all_fail(FailureClass::Auth), Ending::Unavailable(soonest));
}
