//! Rows of the answer cache.

use super::*;
use crate::types::Tier;

const EVER: (Day, Day) = (Day(i32::MIN), Day(i32::MAX));

fn row(n: u8, created: Timestamp) -> CacheRow {
    CacheRow {
        key: [n; 32],
        provider: "lab".into(),
        model: "small".into(),
        answered_model: Some("small-2026".into()),
        tier: Some(Tier::Fast),
        content: format!("answer {n} \0 ü"),
        finish_reason: FinishReason::Stop,
        usage: Some(Usage { input_tokens: 3, reasoning_tokens: 9, estimated: true, ..Usage::default() }),
        cost: Some(NanoUsd(14)),
        cost_source: CostSource::Provider,
        created_at: created,
        expires_at: created.plus_ms(3_600_000),
        key_id: "k1".into(),
        seal: vec![n, 0, 255],
        used_at: created,
    }
}

fn put(store: &Store, row: &CacheRow, max_entries: u64) {
    store.cache_put(&CachePut { row, max_entries, max_bytes: u64::MAX }, row.created_at).unwrap();
}

fn keys(store: &Store) -> Vec<u8> {
    let mut keys = Vec::new();
    store.cache_rows(|entry| keys.push(entry.row.unwrap().key[0])).unwrap();
    keys
}

fn hit(key: &[u8; 32], when: Timestamp) -> CacheHit<'_> {
    CacheHit {
        answer: None,
        start: start(when),
        key,
        used_at: NOON,
        provider: "lab",
        model: "small",
        tier: None,
        finish_reason: FinishReason::Stop,
        usage: None,
        saved: NanoUsd(14),
        latency_ms: 2,
    }
}

#[test]
fn what_is_put_comes_back() {
    let store = memory();
    let plain = CacheRow { answered_model: None, tier: None, usage: None, cost: None, ..row(2, NOON) };
    for row in [row(1, NOON), plain] {
        put(&store, &row, 10);
        assert_eq!(store.cache_get(&row.key).unwrap().unwrap().row.as_deref(), Some(&row));
    }
    assert_eq!(store.cache_get(&[9; 32]).unwrap(), None);
    let newer = CacheRow { content: "newer".into(), ..row(1, at(5)) };
    put(&store, &newer, 10);
    assert_eq!(store.cache_get(&[1; 32]).unwrap().unwrap().row.unwrap().content, "newer");
    assert_eq!(store.cache_counts(EVER.0, EVER.1).unwrap().entries, 2);
}

#[test]
fn a_hit_is_a_request_of_its_own_that_costs_nothing() {
    let store = memory();
    put(&store, &row(1, NOON), 10);
    let id = store.record_hit(&hit(&[1; 32], at(9))).unwrap();
    store.record_hit(&hit(&[7; 32], at(9))).unwrap();
    let counts = store.cache_counts(TODAY, TODAY).unwrap();
    assert_eq!((counts.hits, counts.misses, counts.saved), (2, 0, NanoUsd(28)));
    assert_eq!(store.cache_counts(TODAY.plus(1), TODAY.plus(1)).unwrap().hits, 0);
    let entry = store.log(&LogFilter { id: Some(id), ..LogFilter::default() }).unwrap().remove(0);
    assert_eq!((entry.cache, entry.cost, entry.exit_code), (Some(CacheOutcome::Hit), Some(NanoUsd::ZERO), Some(0)));
    assert_eq!(store.facts(at(9)).unwrap().requests, 2);
    audit(&store);
}

#[test]
fn the_last_use_is_known_to_a_minute() {
    let store = memory();
    put(&store, &row(1, NOON), 10);
    let used_after = |when| {
        store.record_hit(&hit(&[1; 32], when)).unwrap();
        store.cache_get(&[1; 32]).unwrap().unwrap().row.unwrap().used_at
    };
    assert_eq!(used_after(at(59)), NOON);
    assert_eq!(used_after(at(60)), at(60));
    assert_eq!(used_after(at(60 + 59)), at(60 + 59), "a hit that had read the row before the last one");
    assert_eq!(used_after(at(61)), at(60 + 59), "never back");
}

#[test]
fn the_longest_unused_leave_first_and_the_expired_before_them() {
    let store = memory();
    for n in 1..=3 {
        put(&store, &row(n, at(n.into())), 3);
    }
    store.record_hit(&hit(&[1; 32], at(70))).unwrap();
    put(&store, &row(4, at(71)), 3);
    assert_eq!(keys(&store), [1, 3, 4], "2 was not used for the longest time");
    put(&store, &row(5, at(3604)), 3);
    assert_eq!(keys(&store), [4, 5], "1 and 3 have expired");
    put(&store, &row(6, at(3604)), 1);
    assert_eq!(keys(&store), [6], "the newest stays when times are equal");
}

#[test]
fn a_settled_attempt_stores_its_answer_in_the_same_step() {
    let store = memory();
    let mine = held(&store, NOON);
    let (row, end) = (row(1, NOON), ended(mine.request, NOON));
    store
        .settle(&answered(mine, NOON), Some(&end), Some(&CachePut { row: &row, max_entries: 9, max_bytes: u64::MAX }))
        .unwrap();
    assert_eq!(keys(&store), [1]);
    assert_eq!(store.cache_counts(TODAY, TODAY).unwrap().misses, 1);
    store.finish(&end).unwrap();
    assert_eq!(store.cache_counts(TODAY, TODAY).unwrap().misses, 1, "a miss counts once");

    let lost = held(&store, NOON);
    let nobody = ended(RequestId(99), NOON);
    assert!(store.settle(&answered(lost, NOON), Some(&nobody), None).is_err());
    assert_eq!(budget(&store, NOON), (3, 10), "all of it or nothing");
}

#[test]
fn a_row_that_nobody_can_have_stored_is_shown_as_such() {
    for sql in [
        "UPDATE cache SET finish_reason = 'tired'",
        "UPDATE cache SET tier = 'gold'",
        "UPDATE cache SET cost_source = ''",
        "UPDATE cache SET content = CAST(x'ff' AS TEXT)",
        "UPDATE cache SET provider = CAST(x'ff' AS TEXT)",
        "UPDATE cache SET output_tokens = -5",
        "UPDATE cache SET input_tokens = NULL",
        "UPDATE cache SET cached_input_tokens = NULL",
        "UPDATE cache SET input_tokens = 9223372036854775807",
    ] {
        let home = Home::new();
        let store = home.open(1);
        put(&store, &row(1, NOON), 10);
        home.sql(sql);
        let entry = store.cache_get(&[1; 32]).unwrap().unwrap();
        assert_eq!(entry.row, None, "{sql}");
        assert!(store.cache_delete(entry.row_id).unwrap());
        assert!(!store.cache_delete(entry.row_id).unwrap());
        assert_eq!(store.cache_get(&[1; 32]).unwrap(), None);
    }
    let home = Home::new();
    let store = home.open(1);
    put(&store, &row(0xab, NOON), 10);
    for key in ["upper(key)", "'+a' || substr(key, 3)", "key || '00'", "''"] {
        home.sql(&format!("UPDATE cache SET key = {key}"));
        store.cache_rows(|entry| assert_eq!(entry.row, None, "{key}")).unwrap();
    }
}

#[test]
fn failures_are_counted_by_kind_and_clearing_keeps_the_counts() {
    let store = memory();
    put(&store, &row(1, NOON), 10);
    for (kind, times) in [(CacheFailure::Integrity, 2), (CacheFailure::Foreign, 3)] {
        (0..times).for_each(|_| store.cache_count_failure(kind, TODAY).unwrap());
    }
    assert_eq!((store.cache_clear().unwrap(), store.cache_clear().unwrap()), (1, 0));
    let counts = store.cache_counts(EVER.0, EVER.1).unwrap();
    assert_eq!((counts.entries, counts.integrity_failures, counts.foreign), (0, 2, 3));
}

#[test]
fn answers_that_are_too_large_together_leave_by_their_last_use() {
    let store = memory();
    let large = |n: u8, bytes: usize| CacheRow { content: "x".repeat(bytes), ..row(n, NOON.plus_ms(i64::from(n))) };
    let keep = |row: &CacheRow, max_bytes: u64| {
        store.cache_put(&CachePut { row, max_entries: 100, max_bytes }, row.created_at).unwrap();
    };
    for n in 1..=4 {
        keep(&large(n, 100_000), 400_000);
    }
    assert_eq!(keys(&store), [1, 2, 3, 4], "they fit exactly");
    store.record_hit(&hit(&[1; 32], at(60))).unwrap();
    keep(&large(5, 100_000), 400_000);
    assert_eq!(keys(&store), [1, 4, 5], "an eighth is free again");
    keep(&large(6, 500_000), 400_000);
    assert_eq!(keys(&store), [1, 4, 5], "what is too large by itself drives nobody out");
    keep(&large(1, 500_000), 400_000);
    assert_eq!(keys(&store), [4, 5], "but what it would have replaced is no answer any more");
    keep(&large(7, 390_000), 400_000);
    assert_eq!(keys(&store), [7], "the newest stays, however much room it takes");
    keep(&large(8, 10), 0);
    assert_eq!(keys(&store), [0; 0], "no room is none for those that are there, either");
    let few = memory();
    for n in 1..200 {
        let row = large(n, 1000);
        few.cache_put(&CachePut { row: &row, max_entries: 1000, max_bytes: 80_000 }, row.created_at).unwrap();
        assert!(keys(&few).len() <= 90, "{n}: small ones are weighed together, but weighed");
        assert_eq!(keys(&few).last(), Some(&n));
    }
    assert!(keys(&few).len() >= 70);
}
