//! Log, sums over days, and the view for SQL users.

use rusqlite::types::Value;

use super::*;

fn settle(store: &Store, done: &Settlement<'_>) {
    store.settle(done, None, None).unwrap();
}

#[test]
fn the_log_shows_the_newest_first_with_their_attempts() {
    let store = memory();
    let tagged = RequestStart { tag: Some("ci"), requested_model: Some("small"), ..start(NOON) };
    let id = store.begin(&tagged).unwrap();
    let [one, two] = [1, 2].map(|number| AttemptId { request: id, number });
    store.admit(&Admission { decision: Some("cheapest"), ..admission(one, NOON) }).unwrap();
    settle(&store, &Settlement { status: Some(503), ..failed(one, at(1), FailureClass::Overloaded) });
    store.admit(&admission(two, at(1))).unwrap();
    let end = RequestEnd { first_token_ms: Some(80), usage: answered(two, NOON).usage, ..ended(id, at(2)) };
    store.settle(&answered(two, at(2)), Some(&end), None).unwrap();
    let open = store.begin(&start(at(3))).unwrap();

    let all = store.log(&LogFilter::default()).unwrap();
    assert_eq!(all.iter().map(|entry| entry.id).collect::<Vec<_>>(), [open, id]);
    assert_eq!((all[0].state, all[0].cost, all[0].exit_code), (RequestState::Running, Some(NanoUsd::ZERO), None));
    let entry = &all[1];
    assert_eq!((entry.tag.as_deref(), entry.decision.as_deref()), (Some("ci"), Some("cheapest")));
    assert_eq!((entry.at, entry.day, entry.state), (NOON, TODAY, RequestState::Done));
    assert_eq!((entry.cache, entry.exit_code, entry.cost), (Some(CacheOutcome::Miss), Some(0), Some(NanoUsd(3))));
    assert_eq!((entry.latency_ms, entry.first_token_ms), (Some(900), Some(80)));
    assert_eq!((entry.finish_reason, entry.usage), (Some(FinishReason::Stop), answered(two, NOON).usage));
    assert_eq!(entry.requested_model.as_deref(), Some("small"));
    let attempts: Vec<_> = entry.attempts.iter().map(|a| (a.number, a.outcome, a.failure, a.status, a.cost)).collect();
    assert_eq!(
        attempts,
        [
            (1, Outcome::Failed, Some(FailureClass::Overloaded), Some(503), Some(NanoUsd(0))),
            (2, Outcome::Ok, None, Some(200), Some(NanoUsd(3))),
        ]
    );

    let count = |filter: LogFilter<'_>| store.log(&filter).unwrap().len();
    assert_eq!(count(LogFilter { tag: Some("ci"), ..LogFilter::default() }), 1);
    assert_eq!(count(LogFilter { since: Some(at(3)), ..LogFilter::default() }), 1);
    assert_eq!(count(LogFilter { limit: Some(1), ..LogFilter::default() }), 1);
    assert_eq!(count(LogFilter { id: Some(RequestId(9)), ..LogFilter::default() }), 0);
}

#[test]
fn sums_over_days_come_without_the_ledger() {
    let home = Home::new();
    let store = home.open(1);
    let large = CandidateId::new("lab", "large");
    for day in 0..40 {
        let when = at(day * 86_400);
        for (candidate, ms) in [(&*LAB, 1000 + day as u64), (&large, 50)] {
            let mine = begin(&store, when);
            store.admit(&Admission { candidate, ..admission(mine, when) }).unwrap();
            settle(&store, &Settlement { latency_ms: ms, ..answered(mine, when) });
        }
        settle(&store, &Settlement { latency_ms: 60_000, ..failed(held(&store, when), when, FailureClass::Timeout) });
        store.reset_provider("lab").unwrap();
    }
    audit(&store);
    let (from, to) = (TODAY.plus(10), TODAY.plus(39));
    let before = store.stats(from, to).unwrap();
    home.sql(
        "DROP TRIGGER settled_attempts_are_kept; DELETE FROM attempts; DELETE FROM running; DELETE FROM requests; DROP VIEW ledger;
         DROP TABLE attempts",
    );
    assert_eq!(store.stats(from, to).unwrap(), before);

    assert_eq!(before.requests, 90);
    let [large, small] = before.candidates.as_slice() else { panic!("{before:?}") };
    assert_eq!((large.attempts, large.ok, large.cost), (30, 30, NanoUsd(90)));
    assert_eq!((small.attempts, small.ok, small.failed), (60, 30, 30));
    assert_eq!((small.success_rate(), large.mean_latency_ms()), (Some(0.5), Some(50.0)));
    assert_eq!((small.usage.input_tokens, small.usage.output_tokens), (330, 150));
    let p95 = small.latencies.percentile(0.95).unwrap();
    assert!(p95.abs_diff(1038) < 52, "{p95}: failures have no latency");
    let mut both = small.clone();
    both.merge(large);
    assert_eq!((both.attempts, both.latencies.answers(), both.cost), (90, 60, NanoUsd(180)));
}

#[test]
fn the_view_for_sql_users_has_the_promised_columns() {
    let store = memory();
    let when = NOON.plus_ms(7);
    settle(&store, &failed(held(&store, when), at(1), FailureClass::Cut));
    let mut query = store.conn.prepare("SELECT * FROM ledger").unwrap();
    assert_eq!(
        query.column_names().collect::<Vec<_>>(),
        ["request_id", "attempt", "at", "day", "provider", "model", "outcome", "failure", "cost_nanousd", "estimated"]
    );
    let row: Vec<Value> = query.query_row([], |row| (0..10).map(|i| row.get(i)).collect()).unwrap();
    let text = |text: &str| Value::Text(text.to_owned());
    let expected = [
        text("r1"),
        1.into(),
        text("2026-11-21T12:00:00.007Z"),
        text("2026-11-21"),
        text("lab"),
        text("small"),
        text("failed"),
        text("cut"),
        0.into(),
        0.into(),
    ];
    assert_eq!(row, expected);
    assert_eq!(Timestamp::parse("2026-11-21T12:00:00.007Z"), Some(when));
}

fn labelled(store: &Store, label: Label) -> Vec<LabelStats> {
    store.labels(label, TODAY.plus(-9), TODAY.plus(9)).unwrap()
}

/// Two tags, two tiers, failures, a hit, a request that is under way, and one whose attempt outlives it.
fn busy_days(home: &Home) -> Store {
    let store = home.open(1);
    for (n, tag, tier, code) in [
        (0, Some("ci"), Some(Tier::Fast), 0),
        (1, Some("ci"), Some(Tier::Premium), 0),
        (2, Some("<b>"), None, 69),
        (3, None, Some(Tier::Fast), 0),
        (4, None, None, 130),
    ] {
        let when = at(n * 86_400);
        let id = store.begin(&RequestStart { tag, ..start(when) }).unwrap();
        let [one, two] = [1, 2].map(|number| AttemptId { request: id, number });
        for attempt in [one, two] {
            store.admit(&admission(attempt, when)).unwrap();
        }
        let cost = (n != 3).then_some(NanoUsd(3));
        let end = RequestEnd { tier, exit_code: code, latency_ms: 1000 + n as u64, ..ended(id, when) };
        store.settle(&Settlement { cost, ..answered(one, when) }, Some(&end), None).unwrap();
        // It comes after the request has its tier, and on its own day.
        settle(&store, &failed(two, at(9 * 86_400), FailureClass::Overloaded));
    }
    let hit = CacheHit {
        start: RequestStart { tag: Some("ci"), ..start(NOON) },
        key: &[7; 32],
        used_at: NOON,
        answer: None,
        provider: "lab",
        model: "a/b",
        tier: Some(Tier::Fast),
        finish_reason: FinishReason::Stop,
        usage: None,
        saved: NanoUsd(40),
        latency_ms: 2,
    };
    store.record_hit(&hit).unwrap();
    settle(&store, &answered(held(&store, NOON), NOON));
    store
}

#[test]
fn sums_by_label_count_requests_once_and_all_of_their_attempts() {
    let home = Home::new();
    let store = busy_days(&home);
    audit(&store);
    let of = |label, name: &str| labelled(&store, label).into_iter().find(|sums| sums.name == name).unwrap();
    let counts = |s: &LabelStats| (s.requests, s.ok, s.failed, s.cancelled, s.cache_hits, s.attempts);
    let ci = of(Label::Tag, "ci");
    assert_eq!(counts(&ci), (3, 3, 0, 0, 1, 4));
    assert_eq!((ci.cost, ci.saved, ci.latencies.answers(), ci.usage.input_tokens), (NanoUsd(6), NanoUsd(40), 2, 22));
    assert_eq!(counts(&of(Label::Tag, "<b>")), (1, 0, 1, 0, 0, 2));
    let none = of(Label::Tag, "");
    assert_eq!((counts(&none), none.unpriced), ((2, 1, 0, 1, 0, 5), 1));
    assert_eq!(counts(&of(Label::Tier, "fast")), (3, 3, 0, 0, 1, 4), "attempts move to the tier of the answer");
    // One attempt is of a request that is still under way.
    assert_eq!(counts(&of(Label::Tier, "")), (2, 0, 1, 1, 0, 5));
    assert_eq!(counts(&of(Label::Answered, "lab/a/b")), (1, 1, 0, 0, 1, 0));
    // All attempts of the second day have moved to its request's tier.
    let second = store.labels(Label::Tier, TODAY.plus(1), TODAY.plus(1)).unwrap();
    assert_eq!(second.iter().map(|sums| sums.name.as_str()).collect::<Vec<_>>(), ["premium"]);

    // Told once more, with another end: nothing counts twice.
    let again = RequestEnd { tier: Some(Tier::Premium), exit_code: 69, ..ended(RequestId(1), at(60)) };
    for _ in 0..2 {
        store.finish(&again).unwrap();
    }
    audit(&store);
    assert_eq!(counts(&of(Label::Tag, "ci")), (3, 2, 1, 0, 1, 4));
    assert_eq!(counts(&of(Label::Tier, "fast")), (2, 2, 0, 0, 1, 2));
    assert_eq!(of(Label::Tag, "ci").latencies.answers(), 1);

    let reports = || {
        let days = store.days(TODAY, TODAY.plus(9)).unwrap();
        (days, Label::ALL.map(|label| labelled(&store, label)), store.shadows(TODAY, TODAY).unwrap())
    };
    let before = reports();
    home.sql(
        "DROP TRIGGER settled_attempts_are_kept; DELETE FROM holds; DELETE FROM attempts; DELETE FROM running; DELETE FROM requests;
         DROP VIEW ledger; DROP TABLE attempts",
    );
    assert_eq!(reports(), before, "no report reads the ledger");
}

#[test]
fn an_older_database_gets_the_same_sums() {
    let home = Home::new();
    let store = busy_days(&home);
    let shadow = r#"{"candidates": [{"provider": "a", "model": "m", "expected_cost_usd": 0.5}], "shadow": [
        {"strategy": "cheapest", "provider": "a", "model": "m", "expected_cost_usd": 0.25},
        {"strategy": "quickest", "provider": "b", "model": "m", "expected_cost_usd": null}]}"#;
    for (mode, decision) in [(Mode::Shadow, shadow), (Mode::Shadow, "no JSON"), (Mode::Production, shadow)] {
        let id = store.begin(&RequestStart { mode, ..start(NOON) }).unwrap();
        // One that ends twice, as where its owner was taken for dead, counts once.
        for _ in 0..2 {
            store.finish(&RequestEnd { decision: Some(decision), ..ended(id, NOON) }).unwrap();
        }
    }
    let shadows = store.shadows(TODAY, TODAY).unwrap();
    let seen: Vec<_> =
        shadows.iter().map(|s| (&*s.strategy, s.requests, s.same_choice, s.expected.0, s.chosen.0)).collect();
    assert_eq!(seen, [("cheapest", 1, 1, 250_000_000, 500_000_000), ("quickest", 1, 0, 0, 500_000_000)]);

    // What a hit had saved was not recorded by request then.
    home.sql(
        "UPDATE requests SET saved_nanousd = NULL; UPDATE day_sums SET sums = json_set(sums, '$.saved_nanousd', 0)",
    );
    let before = (Label::ALL.map(|label| labelled(&store, label)), shadows);
    drop(store);
    home.sql(super::migrating::BACK);
    let store = home.open(1);
    assert_eq!((Label::ALL.map(|label| labelled(&store, label)), store.shadows(TODAY, TODAY).unwrap()), before);
}
