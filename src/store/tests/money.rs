//! Admitting, settling, releasing; dead owners; resets.

use super::*;

fn settle(store: &Store, done: &Settlement<'_>) -> Settled {
    store.settle(done, None, None).unwrap()
}

fn costing(nano: i64, attempt: AttemptId, when: Timestamp) -> Settlement<'static> {
    Settlement { cost: Some(NanoUsd(nano)), ..answered(attempt, when) }
}

fn log_of(store: &Store, id: RequestId) -> LogEntry {
    store.log(&LogFilter { id: Some(id), ..LogFilter::default() }).unwrap().remove(0)
}

#[test]
fn the_limit_counts_what_is_spent_held_and_asked_for() {
    let store = memory();
    settle(&store, &costing(40, held(&store, NOON), NOON));
    held(&store, NOON);
    assert_eq!(budget(&store, NOON), (40, 10));
    let mine = begin(&store, NOON);
    for (amount, limit, fits) in [
        (51, usd(100), false),
        (50, usd(100), true),
        (0, usd(49), true),
        (0, usd(50), true),
        (1, usd(0), false),
        (0, usd(0), true),
        (i64::MAX, usd(i64::MAX - 1), false),
        (i64::MAX, Limit::Off, true),
        (-5, usd(50), true),
    ] {
        let admitted = store.admit(&Admission { amount: NanoUsd(amount), limit, ..admission(mine, NOON) }).unwrap();
        let refused = Admitted::OverBudget { spent: NanoUsd(40), held: NanoUsd(10), others_held: NanoUsd(10) };
        assert_eq!(admitted, if fits { Admitted::Yes { trial: false } } else { refused }, "{amount} in {limit:?}");
        store.release(mine, NOON).unwrap();
    }
    assert_eq!(budget(&store, NOON), (40, 10));
    audit(&store);
}

#[test]
fn what_other_requests_hold_is_told_apart() {
    let store = memory();
    held(&store, NOON);
    let mine = held(&store, NOON);
    let second = AttemptId { number: 2, ..mine };
    let admitted = store.admit(&Admission { limit: usd(25), ..admission(second, NOON) }).unwrap();
    let told = Admitted::OverBudget { spent: NanoUsd(0), held: NanoUsd(20), others_held: NanoUsd(10) };
    assert_eq!(admitted, told);
}

#[test]
fn the_request_s_own_limit_is_for_all_of_its_attempts() {
    let store = memory();
    held(&store, NOON);
    let mine = held(&store, NOON);
    settle(&store, &costing(7, mine, NOON));
    let next = |number| Admission { request_cap: Some(NanoUsd(27)), ..admission(AttemptId { number, ..mine }, NOON) };
    assert_eq!(store.admit(&next(2)).unwrap(), Admitted::Yes { trial: false });
    assert_eq!(store.admit(&next(3)).unwrap(), Admitted::Yes { trial: false });
    let told = Admitted::OverRequestCap { spent: NanoUsd(7), held: NanoUsd(20) };
    assert_eq!(store.admit(&next(4)).unwrap(), told);
    let free = Admission { amount: NanoUsd::ZERO, ..next(4) };
    assert_eq!(store.admit(&free).unwrap(), Admitted::Yes { trial: false });
}

#[test]
fn an_attempt_is_settled_once() {
    let store = memory();
    let mine = held(&store, NOON);
    assert_eq!(settle(&store, &costing(7, mine, NOON)), Settled::Fresh);
    let again = store.settle(&costing(9, mine, at(1)), Some(&ended(mine.request, at(1))), None).unwrap();
    assert_eq!(again, Settled::Already);
    assert_eq!(budget(&store, NOON), (7, 0));
    let entry = log_of(&store, mine.request);
    assert_eq!((entry.attempts.len(), entry.state), (1, RequestState::Running), "the second call changes nothing");
    assert!(store.admit(&admission(mine, NOON)).is_err(), "a settled attempt cannot be held again");
    assert_eq!(budget(&store, NOON), (7, 0));
    audit(&store);
}

#[test]
fn the_database_itself_keeps_settled_rows_as_they_are() {
    let home = Home::new();
    let store = home.open(1);
    settle(&store, &costing(7, held(&store, NOON), NOON));
    let raw = Connection::open(home.path()).unwrap();
    for sql in ["UPDATE attempts SET cost_nanousd = 0", "DELETE FROM attempts"] {
        assert!(raw.execute(sql, []).is_err(), "{sql}");
    }
}

#[test]
fn only_what_was_admitted_can_be_settled() {
    let store = memory();
    let mine = begin(&store, NOON);
    let error = store.settle(&answered(mine, NOON), None, None).unwrap_err();
    assert!(matches!(error.problem, Problem::NotHeld(id) if id == mine), "{error}");
    let nobody = AttemptId { request: RequestId(99), number: 1 };
    assert!(store.admit(&admission(nobody, NOON)).is_err());
    assert!(store.admit(&admission(mine, NOON)).is_ok());
    assert!(store.admit(&admission(mine, NOON)).is_err(), "held twice");
    assert!(store.finish(&ended(RequestId(99), NOON)).is_err());
    assert_eq!(budget(&store, NOON), (0, 10));
}

#[test]
fn a_cost_belongs_to_the_day_of_its_hold() {
    let store = memory();
    let midnight = TODAY.plus(1).start();
    let mine = held(&store, midnight.plus_ms(-1));
    settle(&store, &costing(7, mine, midnight.plus_ms(5)));
    assert_eq!(budget(&store, midnight.plus_ms(-1)), (7, 0));
    assert_eq!(budget(&store, midnight), (0, 0));
    let other = held(&store, midnight.plus_ms(-1));
    let today = Admission { amount: NanoUsd(100), ..admission(begin(&store, midnight), midnight) };
    assert_eq!(store.admit(&today).unwrap(), Admitted::Yes { trial: false }, "yesterday's hold is yesterday's");
    settle(&store, &costing(1, other, midnight));
    assert_eq!(budget(&store, midnight), (0, 100));
    audit(&store);
}

#[test]
fn more_than_was_held_counts_against_the_day() {
    let store = memory();
    settle(&store, &costing(250, held(&store, NOON), NOON));
    assert_eq!(budget(&store, NOON), (250, 0));
    assert!(matches!(store.admit(&admission(begin(&store, NOON), NOON)).unwrap(), Admitted::OverBudget { .. }));
}

#[test]
fn an_unknown_cost_is_null_and_counts_nothing() {
    let store = memory();
    let mine = held(&store, NOON);
    settle(&store, &Settlement { cost: None, cost_source: CostSource::None, ..answered(mine, NOON) });
    assert_eq!(budget(&store, NOON), (0, 0));
    assert_eq!(log_of(&store, mine.request).cost, None);
    assert_eq!(store.stats(TODAY, TODAY).unwrap().candidates[0].unpriced, 1);
    audit(&store);
}

#[test]
fn absurd_numbers_saturate() {
    let store = memory();
    let huge = Usage { input_tokens: u64::MAX, output_tokens: u64::MAX, ..Usage::default() };
    for _ in 0..3 {
        let mine = begin(&store, NOON);
        store.admit(&Admission { amount: NanoUsd::MAX, limit: Limit::Off, ..admission(mine, NOON) }).unwrap();
        let absurd = Settlement { usage: Some(huge), latency_ms: u64::MAX, ..costing(i64::MAX, mine, NOON) };
        assert_eq!(settle(&store, &absurd), Settled::Fresh);
    }
    assert_eq!(budget(&store, NOON), (i64::MAX, 0));
    assert!(matches!(store.admit(&admission(begin(&store, NOON), NOON)).unwrap(), Admitted::OverBudget { .. }));
    settle(
        &store,
        &costing(
            -7,
            {
                let mine = begin(&store, NOON);
                store.admit(&Admission { limit: Limit::Off, ..admission(mine, NOON) }).unwrap();
                mine
            },
            NOON,
        ),
    );
    assert_eq!(budget(&store, NOON), (i64::MAX, 0), "a cost is never negative");
}

#[test]
fn a_released_hold_leaves_nothing() {
    let store = memory();
    let mine = held(&store, NOON);
    store.release(mine, NOON).unwrap();
    assert_eq!(budget(&store, NOON), (0, 0));
    assert!(log_of(&store, mine.request).attempts.is_empty());
    store.release(mine, NOON).unwrap();
    settle(&store, &costing(4, held(&store, NOON), NOON));
    audit(&store);
}

#[test]
fn a_dead_owner_s_hold_is_charged_in_full_by_whoever_looks_next() {
    type Look = fn(&Store);
    let looks: [(&str, Look); 4] = [
        ("begin", |store| {
            begin(store, at(1));
        }),
        ("admit", |store| {
            let mine = AttemptId { request: RequestId(1), number: 9 };
            let admitted = store.admit(&Admission { amount: NanoUsd(91), ..admission(mine, at(1)) }).unwrap();
            let told = Admitted::OverBudget { spent: NanoUsd(10), held: NanoUsd(0), others_held: NanoUsd(0) };
            assert_eq!(admitted, told, "a dead hold is not given back");
        }),
        ("facts", |store| drop(store.facts(at(1)).unwrap())),
        ("budget", |store| {
            store.budget_day(at(1)).unwrap();
        }),
    ];
    for (name, look) in looks {
        let home = Home::new();
        let (mine, dying) = (home.open(1), home.open(2));
        mine.begin(&start(NOON)).unwrap();
        let lost = held(&dying, NOON);
        assert_eq!(budget(&mine, at(1)), (0, 10), "{name}: a live hold stays");
        kill(2);
        look(&mine);
        DEAD.take();
        assert_eq!(budget(&mine, at(1)), (10, 0), "{name}");
        let entry = log_of(&mine, lost.request);
        assert_eq!((entry.state, entry.cost), (RequestState::Orphaned, Some(NanoUsd(10))), "{name}");
        let row = &entry.attempts[0];
        assert_eq!((row.presumed, row.estimated, row.outcome, row.failure), (true, true, Outcome::Failed, None));
        audit(&mine);
    }
}

#[test]
fn a_lease_ends_only_the_holds_of_owners_nobody_knows_anything_of() {
    let home = Home::new();
    let (mine, far) = (home.open(1), home.open(2));
    held(&far, NOON);
    assert_eq!(budget(&mine, at(3600)), (0, 10), "an owner that lives keeps its hold");
    lose_sight_of(2);
    assert_eq!(budget(&mine, at(59)), (0, 10), "its lease has not ended");
    assert_eq!(budget(&mine, at(60)), (10, 0));
}

#[test]
fn a_late_settle_replaces_the_presumed_charge_once() {
    for (cost, spent) in [(Some(4), 4), (Some(25), 25), (None, 0)] {
        let home = Home::new();
        let (mine, late) = (home.open(1), home.open(2));
        let lost = held(&late, NOON);
        kill(2);
        assert_eq!(budget(&mine, NOON), (10, 0));
        let truth = Settlement { cost: cost.map(NanoUsd), ..answered(lost, at(90)) };
        let end = ended(lost.request, at(90));
        assert_eq!(late.settle(&truth, Some(&end), None).unwrap(), Settled::ReplacedPresumed);
        assert_eq!(budget(&mine, NOON), (spent, 0));
        assert_eq!(settle(&late, &costing(99, lost, at(91))), Settled::Already);
        assert_eq!(budget(&mine, NOON), (spent, 0));
        let entry = log_of(&mine, lost.request);
        assert_eq!((entry.state, entry.attempts.len()), (RequestState::Done, 1));
        assert!(!entry.attempts[0].presumed && !entry.attempts[0].estimated);
        let sums = store_sums(&mine);
        assert_eq!((sums.attempts, sums.ok, sums.failed, sums.presumed), (1, 1, 0, 0));
        audit(&mine);
    }
}

#[test]
fn what_the_dead_held_is_not_passed_over_where_it_cannot_be_charged() {
    let home = Home::new();
    let (mine, late) = (home.open(1), home.open(2));
    held(&late, NOON);
    home.sql("CREATE TRIGGER refused BEFORE INSERT ON attempts BEGIN SELECT RAISE(ABORT, 'refused by a test'); END");
    assert_eq!(budget(&mine, NOON), (0, 10));
    kill(2);
    let error = mine.facts(NOON).unwrap_err();
    assert!(error.to_string().contains("refused by a test"), "{error}");
    home.sql("DROP TRIGGER refused");
    assert_eq!(budget(&mine, NOON), (10, 0));
}

#[test]
fn a_hold_beside_a_row_of_the_same_attempt_is_charged_to_nobody() {
    let home = Home::new();
    let (mine, late) = (home.open(1), home.open(2));
    settle(&late, &costing(3, held(&late, NOON), NOON));
    let both = held(&late, NOON);
    // Not by llmr: whoever settles ends the hold first, and what is settled cannot be held again.
    home.sql(&format!(
        "CREATE TABLE other AS SELECT * FROM attempts; UPDATE other SET request_id = {};
         INSERT INTO attempts SELECT * FROM other; DROP TABLE other",
        both.request.0
    ));
    assert_eq!(budget(&mine, NOON), (3, 10));
    let settled = late.settle(&costing(5, both, NOON), None, None);
    assert!(settled.is_err(), "{settled:?}: neither is believed");
    kill(2);
    assert_eq!(budget(&mine, NOON), (3, 0), "and nobody is stopped by it for good");
}

fn store_sums(store: &Store) -> CandidateStats {
    store.stats(TODAY, TODAY).unwrap().candidates.remove(0)
}

#[test]
fn what_was_never_sent_is_free_also_after_it_was_presumed_lost() {
    let home = Home::new();
    let (mine, late) = (home.open(1), home.open(2));
    let lost = held(&late, NOON);
    kill(2);
    assert_eq!(budget(&mine, NOON), (10, 0));
    late.release(lost, at(90)).unwrap();
    assert_eq!(budget(&mine, NOON), (0, 0));
    let row = log_of(&mine, lost.request).attempts.remove(0);
    assert_eq!((row.outcome, row.cost, row.presumed), (Outcome::Cancelled, Some(NanoUsd::ZERO), false));
    audit(&mine);
}

#[test]
fn a_reset_changes_what_counts_and_not_the_ledger() {
    let store = memory();
    settle(&store, &costing(80, held(&store, NOON), NOON));
    let under_way = held(&store, NOON);
    assert_eq!(store.reset_day(TODAY, NanoUsd(5), at(1)).unwrap(), NanoUsd(80));
    assert_eq!(budget(&store, NOON), (5, 10));
    settle(&store, &costing(2, under_way, at(2)));
    assert_eq!(budget(&store, NOON), (7, 0));
    assert_eq!(store.reset_day(TODAY, NanoUsd(50), at(3)).unwrap(), NanoUsd(7));
    assert_eq!(budget(&store, NOON), (50, 0));
    let day = store.history(TODAY, TODAY).unwrap().remove(0);
    assert_eq!((day.spent, day.ledger, day.requests), (NanoUsd(50), NanoUsd(82), 2));
    audit(&store);
}

#[test]
fn a_reset_and_a_late_settle_give_nothing_back_twice() {
    for (cost, spent, given_back) in [(4, 20, 1), (10, 20, 0), (13, 23, 0)] {
        let home = Home::new();
        let (mine, late) = (home.open(1), home.open(2));
        let lost = held(&late, NOON);
        kill(2);
        assert_eq!(budget(&mine, NOON), (10, 0));
        mine.reset_day(TODAY, NanoUsd::ZERO, NOON).unwrap();
        settle(&mine, &costing(20, held(&mine, NOON), NOON));
        assert_eq!(budget(&mine, NOON), (20, 0));
        assert_eq!(settle(&late, &costing(cost, lost, NOON)), Settled::ReplacedPresumed);
        assert_eq!(budget(&mine, NOON), (spent, 0), "late cost {cost}");
        let sql = "SELECT count(*) FROM adjustments WHERE reason = 'late settle after a reset'";
        let adjusted: i64 = Connection::open(home.path()).unwrap().query_row(sql, [], |row| row.get(0)).unwrap();
        assert_eq!(adjusted, given_back, "late cost {cost}");
        audit(&mine);
    }
}

#[test]
fn the_limit_set_is_kept_and_taken_back() {
    let home = Home::new();
    for limit in [Some(usd(5_000_000_000)), Some(Limit::Off), Some(usd(0)), None] {
        home.open(1).set_limit(limit, NOON).unwrap();
        assert_eq!(home.open(1).facts(NOON).unwrap().limit_set, limit);
    }
    home.open(1).set_limit(Some(Limit::Off), NOON).unwrap();
    home.sql("UPDATE settings SET value = 'much' WHERE name = 'limit'");
    assert_eq!(home.open(1).facts(NOON).unwrap().limit_set, Some(usd(0)), "unreadable is not unlimited");
}
