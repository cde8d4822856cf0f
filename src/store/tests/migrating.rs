//! A database of an earlier version: everything in it stays, and the sums that are new are those of its rows.

use super::*;
use crate::types::Tier;

/// What came after the first version, taken out again.
pub const BACK: &str = "
    CREATE TABLE day_candidates (day INTEGER NOT NULL, provider TEXT NOT NULL, model TEXT NOT NULL,
        attempts INTEGER NOT NULL DEFAULT 0, ok INTEGER NOT NULL DEFAULT 0, failed INTEGER NOT NULL DEFAULT 0,
        cancelled INTEGER NOT NULL DEFAULT 0, presumed INTEGER NOT NULL DEFAULT 0, unpriced INTEGER NOT NULL DEFAULT 0,
        cost_nanousd INTEGER NOT NULL DEFAULT 0, input_tokens INTEGER NOT NULL DEFAULT 0,
        cached_input_tokens INTEGER NOT NULL DEFAULT 0, cache_write_tokens INTEGER NOT NULL DEFAULT 0,
        output_tokens INTEGER NOT NULL DEFAULT 0, reasoning_tokens INTEGER NOT NULL DEFAULT 0,
        latency_ms INTEGER NOT NULL DEFAULT 0, PRIMARY KEY (day, provider, model)) STRICT, WITHOUT ROWID;
    INSERT INTO day_candidates SELECT day, substr(name, 1, instr(name, '/') - 1), substr(name, instr(name, '/') + 1),
        sums ->> 'attempts', sums ->> 'ok', sums ->> 'failed', sums ->> 'cancelled', sums ->> 'presumed', sums ->> 'unpriced',
        sums ->> 'cost_nanousd', sums ->> 'input_tokens', sums ->> 'cached_input_tokens', sums ->> 'cache_write_tokens',
        sums ->> 'output_tokens', sums ->> 'reasoning_tokens', sums ->> 'latency_ms'
    FROM day_sums WHERE kind = 'candidate';
    CREATE TABLE latencies (day INTEGER NOT NULL, provider TEXT NOT NULL, model TEXT NOT NULL, bucket INTEGER NOT NULL,
        answers INTEGER NOT NULL, PRIMARY KEY (day, provider, model, bucket)) STRICT, WITHOUT ROWID;
    INSERT INTO latencies SELECT day, substr(name, 1, instr(name, '/') - 1), substr(name, instr(name, '/') + 1),
        CAST(one.key AS INTEGER), one.value FROM day_sums, json_each(sums, '$.latencies') AS one WHERE kind = 'candidate';
    DROP TABLE day_sums;
    PRAGMA writable_schema = ON;
    UPDATE sqlite_schema SET sql = replace(sql, 'INTEGER NOT NULL', 'INTEGER NOT NULL DEFAULT 0') WHERE name = 'days';
    PRAGMA writable_schema = RESET;
    DROP TABLE vectors; DROP TABLE collections;
    DROP INDEX attempts_hedged; ALTER TABLE attempts DROP COLUMN hedge; ALTER TABLE holds DROP COLUMN hedge;
    ALTER TABLE holds DROP COLUMN expected_tokens; DROP TABLE beliefs;
    CREATE TABLE health (provider TEXT NOT NULL, model TEXT NOT NULL, attempts REAL NOT NULL, successes REAL NOT NULL,
        first_token_weight REAL NOT NULL, first_token_ms REAL NOT NULL, token_weight REAL NOT NULL, token_ms REAL NOT NULL,
        written_tokens REAL NOT NULL, updated INTEGER NOT NULL, PRIMARY KEY (provider, model)) STRICT, WITHOUT ROWID;
    DROP TABLE outcomes; DROP TABLE running; DROP TABLE imports; DROP TABLE checks; DROP TABLE day_shadows;
    DROP TABLE rates; DROP TABLE batch_lines; DROP TABLE batches; DROP TABLE condensations; DROP TABLE turns;
    DROP TABLE conversations; DROP TABLE contents;
    ALTER TABLE requests DROP COLUMN intent; ALTER TABLE requests DROP COLUMN expected;
    ALTER TABLE requests DROP COLUMN prompt_digest; ALTER TABLE requests DROP COLUMN rating;
    ALTER TABLE requests DROP COLUMN rated_by;
    ALTER TABLE requests DROP COLUMN saved_nanousd; ALTER TABLE requests DROP COLUMN cache_key;
    PRAGMA user_version = 1;";

/// Everything that the first version kept, a row a line.
fn kept(home: &Home) -> Vec<String> {
    let db = Connection::open(home.path()).unwrap();
    let rows = |table: &str, columns: &str| -> Vec<String> {
        let mut all = db.prepare(&format!("SELECT {columns} FROM {table} ORDER BY 1, 2")).unwrap();
        let count = all.column_count();
        let line = |row: &rusqlite::Row<'_>| {
            let values: Vec<String> = (0..count).map(|n| format!("{:?}", row.get_ref(n).unwrap())).collect();
            Ok(format!("{table} {}", values.join("|")))
        };
        all.query_map([], line).unwrap().map(Result::unwrap).collect()
    };
    let of_requests =
        "id, at, day, state, mode, tag, decision, finished_at, exit_code, cache, provider, tier, cost_nanousd";
    let others = ["settings", "days", "adjustments", "breakers"];
    let of_holds = "request_id, attempt, at, day, provider, model, amount_nanousd, lease_until, owner_pid";
    let of_attempts = "request_id, attempt, at, day, settled_at, provider, model, outcome, failure, held_nanousd,
        cost_nanousd, presumed, wiped";
    let others = others.iter().chain(&["rests", "cache", "ledger"]).flat_map(|table| rows(table, "*"));
    let some = [("requests", of_requests), ("holds", of_holds), ("attempts", of_attempts)];
    some.into_iter().flat_map(|(table, columns)| rows(table, columns)).chain(others).collect()
}

fn labels_of(store: &Store) -> Vec<(Day, LabelStats)> {
    let (from, to) = (TODAY.plus(-9), TODAY.plus(9));
    Label::ALL.into_iter().flat_map(|label| store.labels_by_day(label, from, to).unwrap()).collect()
}

/// Requests of three days that ended in every way there is; one hold of a process that lives and one of a dead one.
fn fill(store: &Store) {
    let shadow = r#"{"candidates": [{"provider": "lab", "model": "small", "expected_cost_usd": 0.000000004}],
        "shadow": [{"strategy": "cheapest", "provider": "lab", "model": "small", "expected_cost_usd": 0.000000004},
                   {"strategy": "fastest", "provider": "lab", "model": "large", "expected_cost_usd": 0.000000009}]}"#;
    let mut latency_ms = 1;
    for (n, (exit_code, tag, tier)) in
        [(0, None, Some(Tier::Fast)), (0, Some("ci"), None), (69, Some("ci"), None), (130, None, None)]
            .into_iter()
            .cycle()
            .take(60)
            .enumerate()
    {
        let when = at(n as i64 % 3 * 86_400);
        let mode = if n % 5 == 0 { Mode::Shadow } else { Mode::Production };
        let id = store.begin(&RequestStart { tag, mode, ..start(when) }).unwrap();
        let [one, two] = [1, 2].map(|number| AttemptId { request: id, number });
        store.admit(&Admission { limit: Limit::Off, decision: Some(shadow), ..admission(one, when) }).unwrap();
        let unpriced = Settlement { cost: None, usage: None, ..failed(one, when, FailureClass::InvalidRequest) };
        store.settle(&unpriced, None, None).unwrap();
        // Past midnight: the attempt belongs to another day than its request.
        let later = when.plus_ms(50_000_000);
        store.admit(&Admission { limit: Limit::Off, ..admission(two, later) }).unwrap();
        latency_ms = latency_ms * 5 / 4 + 1;
        let end = RequestEnd { exit_code, tier, latency_ms: latency_ms % 900_000, ..ended(id, later) };
        let end = if exit_code == 0 { end } else { RequestEnd { provider: None, model: None, ..end } };
        store.settle(&answered(two, later), Some(&end), None).unwrap();
    }
    // One that its process never ended, with a settled attempt.
    let lately = at(2 * 86_400);
    let open = store.begin(&RequestStart { tag: Some("open"), ..start(lately) }).unwrap();
    let mine = AttemptId { request: open, number: 1 };
    store.admit(&Admission { limit: Limit::Off, ..admission(mine, lately) }).unwrap();
    store.settle(&answered(mine, lately), None, None).unwrap();
    store.reset_day(TODAY, NanoUsd(5), NOON).unwrap();
    store.set_limit(Some(usd(1_000)), NOON).unwrap();
}

fn hit(store: &Store, saved: i64) {
    let hit = CacheHit {
        start: start(NOON),
        key: &[3; 32],
        used_at: NOON,
        answer: None,
        provider: "lab",
        model: "small",
        tier: None,
        finish_reason: FinishReason::Stop,
        usage: None,
        saved: NanoUsd(saved),
        latency_ms: 2,
    };
    store.record_hit(&hit).unwrap();
}

#[test]
fn nothing_of_the_first_version_is_lost_and_what_is_new_is_summed_up_from_it() {
    let home = Home::new();
    let (store, dead) = (home.open(1), home.open(2));
    fill(&store);
    for store in [&store, &dead] {
        let mine = begin(store, at(60));
        store.admit(&Admission { limit: Limit::Off, ..admission(mine, at(60)) }).unwrap();
    }
    let (labels, shadows) = (labels_of(&store), store.shadows(TODAY, TODAY.plus(9)).unwrap());
    let days = store.days(TODAY, TODAY.plus(9)).unwrap();
    assert!(labels.len() > 12 && shadows.len() == 2, "{labels:?} {shadows:?}");
    drop((store, dead));
    home.sql(BACK);
    let before = kept(&home);
    let again = home.open(3);
    assert_eq!(kept(&home), before);
    audit(&again);
    assert_eq!(labels_of(&again), labels);
    assert_eq!(again.days(TODAY, TODAY.plus(9)).unwrap(), days);
    assert_eq!(again.shadows(TODAY, TODAY.plus(9)).unwrap(), shadows);

    // The dead one is charged in full, the living one goes on.
    kill(2);
    assert_eq!(budget(&again, at(61)), (5 + 10, 10));
    audit(&again);
}

#[test]
fn what_hits_saved_before_it_was_kept_with_each_stays_the_day_s_sum() {
    let home = Home::new();
    let store = home.open(1);
    hit(&store, 700);
    drop(store);
    home.sql(BACK);
    let again = home.open(1);
    audit(&again);
    hit(&again, 30);
    audit(&again);
    assert_eq!(again.cache_counts(TODAY, TODAY).unwrap().saved, NanoUsd(730));
}

#[test]
fn how_often_a_candidate_answered_and_how_much_it_wrote_is_taken_over() {
    let home = Home::new();
    drop(home.open(1));
    home.sql(BACK);
    home.sql(
        "INSERT INTO health VALUES ('lab', 'small', 5.0, 4.0, 1.0, 300.0, 10.0, 100.0, 1200.0, 1795262400000),
                                   ('lab', 'large', 2.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1795262400000)",
    );
    let beliefs = home.open(1).beliefs([&*LAB, &CandidateId::new("lab", "large")]).unwrap();
    let (small, large) = (beliefs[0], beliefs[1]);
    assert_eq!((small.success.usual.ok, small.success.usual.bad), (4.0, 1.0));
    assert_eq!((small.written.mean(0.0, 0.0), small.as_of), (300.0, NOON.as_secs()));
    assert_eq!((large.success.usual.ok, large.success.usual.bad, large.written.weight), (0.0, 2.0, 0.0));
}
