//! Ends of requests, told in every order and by whoever lives: what they leave, beside the audit and beside plain SQL.

use super::*;
use crate::engine::tiers::Intent;

/// A small generator, so that a failure can be told by its seed.
struct Lots(u64);

impl Lots {
    fn below(&mut self, n: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % n
    }
}

/// Requests that end in every way and order, by several processes that die and come back: the sums are the rows'.
#[test]
fn random_ends_keep_every_sum_by_label() {
    let day = 86_400;
    for seed in 1..=40u64 {
        let mut lots = Lots(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15));
        let one = memory();
        let stores = [1, 2, 3].map(|pid| Store { me: options(pid).me, ..one.clone() });
        let mut open: Vec<(AttemptId, usize)> = Vec::new();
        let mut requests: Vec<RequestId> = Vec::new();
        let mut now = 0;
        for _ in 0..70 {
            let who = lots.below(3) as usize;
            let store = &stores[who];
            let when = at(now);
            let tier = [None, Some(Tier::Fast), Some(Tier::Premium)][lots.below(3) as usize];
            let exit_code = [0, 0, 0, 69, 130, 143, 4][lots.below(7) as usize];
            let cache = [CacheOutcome::Miss, CacheOutcome::Off, CacheOutcome::Hit][lots.below(3) as usize];
            let provider = [None, Some("lab"), Some("other")][lots.below(3) as usize];
            let end = |id, fault: u64| RequestEnd {
                tier,
                exit_code,
                cache,
                provider,
                model: if exit_code == 0 { provider } else { None },
                latency_ms: 1 + u64::from(exit_code) * 7 + now.unsigned_abs() % 5000,
                judged: (fault < 3).then_some(Judged {
                    intent: Intent::ALL[0],
                    expected: 0.5,
                    prompt_digest: &[1; 16],
                    candidate: &LAB,
                    tier: Tier::Fast,
                    fault: (fault == 1).then_some(Fault::Truncated),
                }),
                ..ended(id, when)
            };
            match lots.below(10) {
                0..=2 => {
                    let tag = [None, Some("ci"), Some("x")][lots.below(3) as usize];
                    let mode = [Mode::Production, Mode::Shadow][lots.below(2) as usize];
                    let id = store.begin(&RequestStart { tag, mode, ..start(when) }).unwrap();
                    requests.push(id);
                    for number in 1..=1 + lots.below(3) as u32 {
                        let attempt = AttemptId { request: id, number };
                        store.admit(&Admission { limit: Limit::Off, ..admission(attempt, when) }).unwrap();
                        open.push((attempt, who));
                    }
                }
                3..=6 if !open.is_empty() => {
                    let nth = lots.below(open.len() as u64) as usize;
                    let (attempt, whose) = if lots.below(8) == 0 { open[nth] } else { open.remove(nth) };
                    let done = match lots.below(4) {
                        0 => failed(attempt, when, FailureClass::ServerError),
                        1 => Settlement { cost: None, outcome: Outcome::Cancelled, ..answered(attempt, when) },
                        _ => answered(attempt, when),
                    };
                    let end = end(attempt.request, lots.below(9));
                    let with_end = lots.below(2) == 0;
                    match stores[whose].settle(&done, with_end.then_some(&end), None) {
                        Ok(_) | Err(StoreError { problem: Problem::NotHeld(_), .. }) => {}
                        Err(error) => panic!("seed {seed}: {error}"),
                    }
                }
                7 if !requests.is_empty() => {
                    let id = requests[lots.below(requests.len() as u64) as usize];
                    store.finish(&end(id, lots.below(9))).unwrap();
                }
                8 => {
                    // One is taken for dead while another looks; it may come back.
                    if lots.below(2) == 0 {
                        kill(who as u32 + 1)
                    } else {
                        lose_sight_of(who as u32 + 1)
                    }
                    let other = &stores[(who + 1) % 3];
                    match lots.below(3) {
                        0 => _ = other.facts(when).unwrap(),
                        1 => _ = other.reset_day(when.day(), NanoUsd(5), when).unwrap(),
                        _ => _ = other.begin(&start(when)).unwrap(),
                    }
                    DEAD.take();
                    UNKNOWN.take();
                }
                _ if lots.below(3) == 0 && !open.is_empty() => {
                    let nth = lots.below(open.len() as u64) as usize;
                    let (attempt, whose) = open.remove(nth);
                    stores[whose].release(attempt, when).unwrap();
                }
                _ => now += lots.below(day / 2) as i64,
            }
        }
        assert_eq!(stores[0].integrity_check().unwrap(), Vec::<String>::new(), "seed {seed}");
    }
}

/// What Rust makes of an end is what the audit's SQL makes of it, whatever is not known.
#[test]
fn an_end_counts_as_the_audit_s_sql_says() {
    use super::super::labels;
    let store = memory();
    let exits = [None, Some(0), Some(1), Some(69), Some(130), Some(143), Some(255), Some(-1)];
    let caches = [None, Some("hit"), Some("miss"), Some("off")];
    let sums = [None, Some(0), Some(7), Some(-3)];
    let adds = labels::OF_REQUESTS.map(|(_, adds)| format!("coalesce({adds}, 0)")).join(", ");
    for (exit, cache, saved, latency) in exits.into_iter().flat_map(|e: Option<i64>| {
        caches.into_iter().flat_map(move |c: Option<&str>| {
            sums.into_iter().flat_map(move |s: Option<i64>| sums.into_iter().map(move |l: Option<i64>| (e, c, s, l)))
        })
    }) {
        store.conn.execute("DELETE FROM requests", []).unwrap();
        store
            .conn
            .execute(
                "INSERT INTO requests (id, at, day, state, mode, stream, finished_at, exit_code, cache, saved_nanousd,
                     latency_ms) VALUES (1, 1, 1, 'done', 'production', 0, 1, ?1, ?2, ?3, ?4)",
                (exit, cache, saved, latency),
            )
            .unwrap();
        let sql: [i64; 7] =
            store.conn.query_row(&format!("SELECT {adds} FROM requests"), [], super::super::columns::leading).unwrap();
        let rust = labels::of_request(&store.conn, RequestId(1)).unwrap().unwrap();
        let adds = rust.adds().unwrap();
        let rust =
            [adds.requests, adds.ok, adds.failed, adds.cancelled, adds.cache_hits, adds.saved_nanousd, adds.latency_ms];
        // Nothing below 0 is ever kept.
        let case = format!("{exit:?} {cache:?} {saved:?} {latency:?}");
        assert_eq!(rust, sql.map(|n| u64::try_from(n).unwrap_or(0)), "{case}");
        assert_eq!(
            adds.latencies.answers() > 0,
            exit == Some(0) && matches!(cache, Some("miss" | "off")) && latency.is_some()
        );
    }
}

/// A row of `requests`, without its number.
fn row(store: &Store, id: RequestId) -> Vec<(String, rusqlite::types::Value)> {
    let mut query = store.conn.prepare("SELECT * FROM requests WHERE id = ?1").unwrap();
    let names: Vec<String> = query.column_names().skip(1).map(str::to_owned).collect();
    query
        .query_row([id], |row| names.iter().enumerate().map(|(n, name)| Ok((name.clone(), row.get(n + 1)?))).collect())
        .unwrap()
}

/// The same in one statement that names every column.
fn as_before(store: &Store, end: &RequestEnd<'_>, judged: Option<&Judged<'_>>) {
    use super::super::columns::{millis, tokens};
    let [input, cached, write, output, reasoning] = end.usage.map_or([None; 5], |usage| tokens(usage).map(Some));
    store.conn.execute(
        "UPDATE requests SET state = 'done', finished_at = :at, exit_code = :exit_code, error_kind = :error_kind,
             decision = coalesce(:decision, decision), cache_key = coalesce(:cache_key, cache_key),
             provider = :provider, model = :model, tier = :tier, finish_reason = :finish_reason,
             cost_nanousd = :cost, latency_ms = :latency_ms, first_token_ms = :first_token_ms,
             input_tokens = :input, cached_input_tokens = :cached, cache_write_tokens = :write,
             output_tokens = :output, reasoning_tokens = :reasoning, usage_estimated = :estimated,
             cache = coalesce(cache, :cache), intent = coalesce(:intent, intent),
             expected = coalesce(:expected, expected), prompt_digest = coalesce(:digest, prompt_digest),
             rating = coalesce(rating, :rating), rated_by = coalesce(rated_by, :rated_by)
         WHERE id = :id",
        rusqlite::named_params! {
            ":id": end.id, ":at": end.at, ":exit_code": end.exit_code, ":error_kind": end.error_kind, ":decision": end.decision,
            ":provider": end.provider, ":model": end.model, ":tier": end.tier,
            ":finish_reason": end.finish_reason, ":cost": end.cost.map(|cost| cost.0.max(0)),
            ":latency_ms": millis(end.latency_ms), ":first_token_ms": end.first_token_ms.map(millis),
            ":input": input, ":cached": cached, ":write": write, ":output": output, ":reasoning": reasoning,
            ":estimated": end.usage.map(|usage| usage.estimated), ":cache_key": end.cache_key.map(|key| crate::types::hex(key)),
            ":cache": end.cache.name(), ":intent": judged.map(|judged| judged.intent),
            ":expected": judged.map(|judged| judged.expected), ":digest": judged.map(|judged| judged.prompt_digest),
            ":rating": judged.and_then(|judged| judged.fault).map(|_| "bad"),
            ":rated_by": judged.and_then(|judged| judged.fault).map(|fault| match fault { Fault::Schema => "schema", Fault::Truncated => "truncated" }),
        },
    ).unwrap();
}

/// However often an end is told, and whatever it does not say: the row is what one plain UPDATE made of it.
#[test]
fn an_end_leaves_the_row_that_one_plain_update_left() {
    let (store, plain) = (memory(), memory());
    let mut lots = Lots(0x1234_5678_9ABC_DEF1);
    for round in 0..400 {
        let ids = [&store, &plain].map(|store| store.begin(&RequestStart { tag: Some("t"), ..start(NOON) }).unwrap());
        assert_eq!(ids[0], ids[1]);
        for store in [&store, &plain] {
            if round % 3 == 0 {
                let attempt = AttemptId { request: ids[0], number: 1 };
                let ask = Admission { limit: Limit::Off, decision: Some("early"), ..admission(attempt, NOON) };
                store.admit(&ask).unwrap();
            }
            if round % 5 == 0 {
                store.conn.execute("UPDATE requests SET state = 'orphaned' WHERE id = ?1", [ids[0]]).unwrap();
            }
        }
        for told in 0..3i64 {
            let mut maybe = || lots.below(2) == 0;
            let word = ["one", "two", "three"][told as usize];
            let judged = maybe().then_some(Judged {
                intent: Intent::ALL[told as usize],
                expected: told as f64 / 4.0,
                prompt_digest: &[9; 16],
                candidate: &LAB,
                tier: Tier::Fast,
                fault: maybe().then_some(if maybe() { Fault::Schema } else { Fault::Truncated }),
            });
            let key = [told as u8; 32];
            let end = RequestEnd {
                exit_code: if maybe() { 0 } else { 69 },
                cache: if maybe() { CacheOutcome::Miss } else { CacheOutcome::Off },
                provider: maybe().then_some(word),
                model: maybe().then_some(word),
                tier: maybe().then_some(Tier::Premium),
                finish_reason: maybe().then_some(FinishReason::Length),
                cost: maybe().then_some(NanoUsd(told - 1)),
                latency_ms: if maybe() { u64::MAX } else { 5 },
                first_token_ms: maybe().then_some(3),
                usage: maybe().then_some(Usage { input_tokens: 4, estimated: maybe(), ..Usage::default() }),
                error_kind: maybe().then_some(word),
                decision: maybe().then_some(word),
                cache_key: maybe().then_some(&key),
                judged,
                ..ended(ids[0], at(told))
            };
            let under_way =
                row(&plain, ids[0]).iter().any(|(n, v)| n == "finished_at" && *v == rusqlite::types::Value::Null);
            as_before(&plain, &end, judged.as_ref().filter(|_| under_way));
            store.finish(&end).unwrap();
            assert_eq!(row(&store, ids[0]), row(&plain, ids[0]), "{end:?}");
            if told == 0 && round % 7 == 0 {
                for store in [&store, &plain] {
                    store
                        .conn
                        .execute("UPDATE requests SET rating = 'good', rated_by = 'user' WHERE id = ?1", [ids[0]])
                        .unwrap();
                }
            }
        }
    }
}

/// A provider that only ever failed, then goes on: what was last said of it is kept, also where its breaker stays as it is.
#[test]
fn the_last_failure_is_kept_where_the_breaker_stays_as_it_is() {
    let store = memory();
    for (when, class) in
        [(at(0), FailureClass::InvalidRequest), (at(5), FailureClass::Auth), (at(9), FailureClass::Auth)]
    {
        store.settle(&failed(held(&store, when), when, class), None, None).unwrap();
        assert_eq!(store.breakers().unwrap()["lab"].last_failure, Some((class, when)));
    }
}

/// A reset charges the dead first: what they held counts as spent before, and is wiped with the rest.
#[test]
fn a_reset_charges_the_dead_first() {
    let home = Home::new();
    let (store, dying) = (home.open(1), home.open(2));
    let lost = held(&dying, at(0));
    kill(2);
    assert_eq!(store.reset_day(TODAY, NanoUsd(1), at(1)).unwrap(), NanoUsd(10));
    assert_eq!(budget(&store, at(2)), (1, 0));
    DEAD.take();
    dying.settle(&answered(lost, at(3)), None, None).unwrap();
    assert_eq!(budget(&store, at(4)), (1, 0));
    audit(&store);
}

/// Who does not know itself leaves a hold that its lease ends, also for those who do not know themselves.
#[test]
fn a_lease_ends_what_the_unknown_hold_and_run() {
    let home = Home::new();
    let nobody = |pid| {
        let me: Me = Owner { pid, ..Owner::default() }.into();
        Store { me, liveness: |_| Liveness::Unknown, ..home.open(1) }
    };
    // Two that look the same, and one that does not.
    for (first, second) in [(7, 7), (7, 8)] {
        let (one, other) = (nobody(first), nobody(second));
        let lost = held(&one, at(0));
        let before = budget(&other, at(0)).0;
        for (secs, held) in [(59, 10), (60, 0)] {
            // Both ways of looking.
            other.begin(&start(at(secs))).unwrap();
            assert_eq!(budget(&other, at(secs)).1, held, "{secs}");
        }
        assert_eq!(budget(&other, at(61)).0, before + 10);
        assert_eq!(one.settle(&answered(lost, at(62)), None, None).unwrap(), Settled::ReplacedPresumed);
        audit(&one);
        one.finish(&ended(lost.request, at(63))).unwrap();
        audit(&one);
    }
}
