//! Several connections at once on one file, each as a process of its own would have it.

use std::sync::Barrier;
use std::thread;

use super::*;
use crate::store::write_ahead::LONG;

/// Runs `work` in so many threads that start together, each with the number of its thread.
fn together<T: Send>(threads: u32, work: impl Fn(u32) -> T + Sync) -> Vec<T> {
    let barrier = Barrier::new(threads as usize);
    let one = |n| {
        barrier.wait();
        work(n)
    };
    let one = &one;
    thread::scope(|scope| {
        let all: Vec<_> = (1..=threads).map(|n| scope.spawn(move || one(n))).collect();
        all.into_iter().map(|thread| thread.join().unwrap()).collect()
    })
}

#[test]
fn a_fresh_file_opens_for_all_at_once() {
    for _ in 0..5 {
        let home = Home::new();
        let seeds = together(24, |n| {
            let mine = StoreOptions { seed: u64::from(n).into(), ..options(n) };
            Store::open(&home.path(), mine).unwrap().seed()
        });
        assert!(seeds.iter().all(|seed| *seed == seeds[0] && *seed > 0), "{seeds:?}");
    }
}

#[test]
fn the_limit_holds_for_all_together() {
    let home = Home::new();
    drop(home.open(1));
    // Each takes 10 and settles 10 until refused: 20 fit into 200, whoever gets them.
    let admitted: u32 = together(12, |n| {
        let store = home.open(n);
        let mut admitted = 0;
        for _ in 0..5 {
            let mine = begin(&store, NOON);
            match store.admit(&Admission { limit: usd(200), ..admission(mine, NOON) }).unwrap() {
                Admitted::Yes { .. } => admitted += 1,
                Admitted::OverBudget { spent, held, .. } => {
                    assert!(spent + held <= NanoUsd(200) && spent + held > NanoUsd(190), "{spent} + {held}");
                    continue;
                }
                other => panic!("{other:?}"),
            }
            let done = Settlement { cost: Some(NanoUsd(10)), ..answered(mine, NOON) };
            assert_eq!(store.settle(&done, None, None).unwrap(), Settled::Fresh);
        }
        admitted
    })
    .into_iter()
    .sum();
    assert_eq!(admitted, 20);
    let store = home.open(1);
    assert_eq!(budget(&store, NOON), (200, 0));
    audit(&store);
}

#[test]
fn one_of_many_gets_the_trial() {
    let home = Home::new();
    let store = home.open(1);
    for _ in 0..3 {
        let done = failed(held(&store, NOON), NOON, FailureClass::ServerError);
        store.settle(&done, None, None).unwrap();
    }
    let trials = together(8, |n| {
        let store = home.open(n);
        let mine = begin(&store, at(60));
        store.admit(&admission(mine, at(60))).unwrap()
    });
    let count = |wanted| trials.iter().filter(|admitted| **admitted == wanted).count();
    assert_eq!((count(Admitted::Yes { trial: true }), count(Admitted::BreakerOpen { until: at(120) })), (1, 7));
}

#[test]
fn a_dead_hold_is_charged_once_however_many_look() {
    let home = Home::new();
    held(&home.open(99), NOON);
    let spent = together(8, |n| {
        kill(99);
        budget(&home.open(n), NOON)
    });
    assert!(spent.iter().all(|sums| *sums == (10, 0)), "{spent:?}");
    audit(&home.open(1));
}

/// Writers that never pause leave no moment in which the log could begin anew by itself.
#[test]
fn the_log_stays_short_however_many_write() {
    let home = Home::new();
    drop(home.open(1));
    let log = home.path().with_file_name("llmr.db-wal");
    let longest = together(8, |n| {
        let store = home.open(n);
        let longest = (0..150).map(|_| {
            let mine = begin(&store, NOON);
            store.admit(&Admission { limit: Limit::Off, ..admission(mine, NOON) }).unwrap();
            store.settle(&answered(mine, NOON), None, None).unwrap();
            std::fs::metadata(&log).unwrap().len()
        });
        longest.max().unwrap()
    });
    let longest = longest.into_iter().max().unwrap();
    // Some 2 MiB where processes get their turn in time, more where they do not; 56 MiB when it is left to SQLite.
    assert!(longest <= 16 * LONG, "{longest} bytes");
    audit(&home.open(1));
}

/// Somebody who reads for long must not hold up those who pay.
#[test]
fn a_reader_who_stays_costs_writers_only_a_moment() {
    let home = Home::new();
    let store = home.open(1);
    let reader = Connection::open(home.path()).unwrap();
    reader.execute_batch("BEGIN; SELECT count(*) FROM requests").unwrap();
    let log = home.path().with_file_name("llmr.db-wal");
    let began = std::time::Instant::now();
    let mut after = 0;
    while after < 5 {
        let mine = begin(&store, NOON);
        store.admit(&Admission { limit: Limit::Off, ..admission(mine, NOON) }).unwrap();
        store.settle(&answered(mine, NOON), None, None).unwrap();
        after += u32::from(std::fs::metadata(&log).unwrap().len() > LONG);
    }
    assert!(began.elapsed().as_secs() < 8, "{:?}", began.elapsed());
    reader.execute_batch("COMMIT").unwrap();
    let mine = begin(&store, NOON);
    store.admit(&Admission { limit: Limit::Off, ..admission(mine, NOON) }).unwrap();
    store.settle(&answered(mine, NOON), None, None).unwrap();
    assert!(std::fs::metadata(&log).unwrap().len() < LONG, "it is short again");
}
