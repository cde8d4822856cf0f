//! A provider's requests and tokens a minute: no window of sixty seconds ever holds more than the limit.

use llmr::engine::rate::{Metered, SLICE_MS, Slice, WINDOW_MS, slice_of};
use llmr::store::{Admission, Admitted, Rated, Recount, Settlement};
use llmr::types::{AttemptId, CandidateId, RateLimit, Timestamp};
use proptest::prelude::*;

use crate::cases;
use crate::store::{NOON, Processes, admission, begin, ended};

fn limit() -> impl Strategy<Value = RateLimit> {
    (prop::option::of(1..8u64), prop::option::of(1..5000u64)).prop_map(|(rpm, tpm)| RateLimit { rpm, tpm })
}

/// Pauses in milliseconds and tokens.
fn requests() -> impl Strategy<Value = Vec<(i64, u64)>> {
    let pause = prop_oneof![5 => 0..1500i64, 3 => 0..20_000i64, 1 => 59_990..61_010i64];
    prop::collection::vec((pause, prop_oneof![4 => 0..1500u64, 1 => 0..9000u64]), 1..40)
}

/// What was let through: when, and how many tokens.
type Passed = Vec<(Timestamp, u64)>;

fn count_in(slices: &mut Vec<Slice>, at: Timestamp, tokens: u64) {
    let begins = slice_of(at);
    match slices.iter_mut().find(|slice| slice.begins == begins) {
        Some(slice) => (slice.requests, slice.tokens) = (slice.requests + 1, slice.tokens + tokens),
        None => slices.push(Slice { begins, requests: 1, tokens }),
    }
}

/// Every window of a minute that ends with a request, by looking at every request.
fn never_more(passed: &Passed, limit: RateLimit) -> Result<(), TestCaseError> {
    for (end, _) in passed {
        let inside = || passed.iter().filter(|(at, _)| at <= end && end.since_ms(*at) < WINDOW_MS);
        let (requests, tokens) = (inside().count() as u64, inside().map(|(_, tokens)| tokens).sum::<u64>());
        prop_assert!(limit.rpm.is_none_or(|rpm| requests <= rpm), "{} requests in a minute", requests);
        // One that is larger than the limit passes, but with nothing beside it that takes any.
        let alone = inside().filter(|(_, tokens)| *tokens > 0).count() <= 1;
        prop_assert!(limit.tpm.is_none_or(|tpm| tokens <= tpm || alone), "{} tokens in a minute", tokens);
    }
    Ok(())
}

proptest! {
    #![proptest_config(cases(512))]

    #[test]
    fn no_minute_holds_more_than_the_limit(limit in limit(), requests in requests()) {
        let (mut now, mut passed, mut metered) = (NOON, Passed::new(), Metered { limit, slices: Vec::new() });
        for (pause, tokens) in requests {
            now = now.plus_ms(pause);
            let Some(full) = metered.full(tokens, now) else {
                count_in(&mut metered.slices, now, tokens);
                passed.push((now, tokens));
                continue;
            };
            // It is told when to come back: not a millisecond too late or too early, and within a window and a slice.
            prop_assert!(now < full.until && full.until.since_ms(now) <= WINDOW_MS + SLICE_MS);
            prop_assert_eq!(metered.full(tokens, full.until), None);
            prop_assert!(metered.full(tokens, full.until.plus_ms(-1)).is_some());
            // And not without need: a minute and a second together hold too much.
            let recent = || passed.iter().filter(|(at, _)| now.since_ms(*at) <= WINDOW_MS + SLICE_MS);
            let (count, used) = (recent().count() as u64, recent().map(|(_, tokens)| tokens).sum::<u64>());
            let too_many = limit.rpm.is_some_and(|rpm| count >= rpm);
            prop_assert!(too_many || limit.tpm.is_some_and(|tpm| used + tokens > tpm));
        }
        never_more(&passed, limit)?;
    }

    #[test]
    fn a_clock_set_back_closes_nobody_for_long(limit in limit(), requests in requests(), back in 0..10_000_000i64) {
        let (mut now, mut metered) = (NOON, Metered { limit, slices: Vec::new() });
        for (pause, tokens) in &requests {
            now = now.plus_ms(*pause);
            count_in(&mut metered.slices, now, *tokens);
        }
        let now = now.plus_ms(-back);
        if let Some(full) = metered.full(requests[0].1, now) {
            prop_assert!(full.until > now && full.until.since_ms(now) <= 2 * WINDOW_MS + SLICE_MS);
        }
    }
}

proptest! {
    #![proptest_config(cases(20))]

    #[test]
    fn the_database_counts_as_the_model_does(
        limit in limit(), requests in requests(), told in prop::collection::vec(prop::option::of(0..3000u64), 40),
    ) {
        let (processes, candidate) = (Processes::new(2), CandidateId::new("lab", "small"));
        let (mut now, mut metered) = (NOON, Metered { limit, slices: Vec::new() });
        for (n, ((pause, tokens), used)) in requests.into_iter().zip(told).enumerate() {
            now = now.plus_ms(pause);
            let store = &processes.stores[n % 2];
            let attempt = AttemptId { request: begin(store, now), number: 1 };
            let rated = Some(Rated { limit, tokens });
            let admitted = store.admit(&Admission { rated, ..admission(attempt, &candidate, now) }).unwrap();
            let expected = metered.full(tokens, now).map_or(Admitted::Yes { trial: false }, Admitted::Limited);
            prop_assert_eq!(admitted, expected);
            if let Admitted::Yes { .. } = admitted {
                count_in(&mut metered.slices, now, tokens);
                let recount = used.map(|used| Recount { expected: tokens, used });
                store.settle(&Settlement { recount, ..ended(attempt, now, None) }, None, None).unwrap();
                let slice = metered.slices.iter_mut().find(|slice| slice.begins == slice_of(now)).unwrap();
                slice.tokens = (slice.tokens + used.unwrap_or(tokens)).saturating_sub(tokens);
            }
        }
    }
}
