//! Limits of requests and tokens a minute, shared by every process.

use std::sync::RwLock;
use std::sync::atomic::{AtomicI64, Ordering};

use super::*;
use crate::engine::rate::{Bound, Slice};
use crate::types::RateLimit;

fn rated(rpm: Option<u64>, tpm: Option<u64>, tokens: u64) -> Option<Rated> {
    Some(Rated { limit: RateLimit { rpm, tpm }, tokens })
}

fn slices(store: &Store, when: Timestamp) -> Vec<(i64, u64, u64)> {
    let of = |s: Slice| (s.begins.since_ms(NOON) / 1000, s.requests, s.tokens);
    store.rate("lab", when).unwrap().into_iter().map(of).collect()
}

#[test]
fn a_limit_is_checked_with_the_hold_and_corrected_with_the_settling() {
    let store = memory();
    let ask = |when, tokens| {
        let mine = begin(&store, when);
        (mine, store.admit(&Admission { rated: rated(Some(3), Some(1000), tokens), ..admission(mine, when) }).unwrap())
    };
    let (first, admitted) = ask(NOON, 600);
    assert!(matches!(admitted, Admitted::Yes { .. }));
    let (_, second) = ask(at(1), 600);
    let Admitted::Limited(full) = second else { panic!("{second:?}") };
    assert_eq!((full.bound, full.until), (Bound::Tokens(1000), at(61)));
    assert_eq!(budget(&store, NOON), (0, 10), "whoever is kept out holds nothing");

    let told = Settlement { recount: Some(Recount { expected: 600, used: 16 }), ..answered(first, at(2)) };
    store.settle(&told, None, None).unwrap();
    assert_eq!(slices(&store, at(2)), [(0, 1, 16)]);
    assert!(matches!(ask(at(2), 600).1, Admitted::Yes { .. }));
    assert!(matches!(ask(at(2), 300).1, Admitted::Yes { .. }));
    let (_, fourth) = ask(at(3), 1);
    let Admitted::Limited(full) = fourth else { panic!("{fourth:?}") };
    assert_eq!((full.bound, full.until), (Bound::Requests(3), at(61)));
    assert!(matches!(ask(at(61), 1).1, Admitted::Yes { .. }));
    // What has left every window is dropped when the next one is counted.
    assert!(matches!(ask(at(300), 1).1, Admitted::Yes { .. }));
    assert_eq!(store.rate("lab", NOON).unwrap().len(), 1);
}

#[test]
fn without_a_limit_nothing_is_counted() {
    let store = memory();
    let mine = held(&store, NOON);
    store.settle(&answered(mine, NOON), None, None).unwrap();
    assert_eq!(slices(&store, NOON), []);
}

#[test]
fn twenty_processes_never_begin_more_than_the_limit_in_any_minute() {
    const RPM: usize = 7;
    let home = Home::new();
    drop(home.open(1));
    let starts = std::sync::Mutex::new(Vec::new());
    // Time stands still while somebody is between looking at the clock and being admitted.
    let (clock, between) = (AtomicI64::new(NOON.0), RwLock::new(()));
    std::thread::scope(|scope| {
        for pid in 1..=20_u32 {
            let (home, starts, clock, between) = (&home, &starts, &clock, &between);
            scope.spawn(move || {
                let store = home.open(pid);
                for _ in 0..6 {
                    let looked = between.read().unwrap();
                    let now = Timestamp(clock.fetch_add(150, Ordering::SeqCst));
                    let mine = begin(&store, now);
                    let ask = Admission {
                        rated: rated(Some(RPM as u64), None, 1),
                        limit: Limit::Off,
                        ..admission(mine, now)
                    };
                    let admitted = store.admit(&ask).unwrap();
                    drop(looked);
                    match admitted {
                        Admitted::Yes { .. } => starts.lock().unwrap().push(now),
                        Admitted::Limited(full) => {
                            let _nobody = between.write().unwrap();
                            clock.fetch_max(full.until.0, Ordering::SeqCst);
                        }
                        other => panic!("{other:?}"),
                    }
                }
            });
        }
    });
    let mut starts = starts.into_inner().unwrap();
    starts.sort();
    assert!(starts.len() > 2 * RPM, "the limit was hardly tried: {starts:?}");
    for first in &starts {
        let within = starts.iter().filter(|at| (0..60_000).contains(&at.since_ms(*first))).count();
        assert!(within <= RPM, "{within} within a minute from {first}: {starts:?}");
    }
}
