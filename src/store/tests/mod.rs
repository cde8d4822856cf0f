//! Tests of the store as a whole: what each method promises, beside the rows it leaves.

use std::cell::RefCell;
use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::LazyLock;

use super::*;
use crate::engine::breaker::BreakerRules;
use crate::types::{
    AttemptId, CacheOutcome, CandidateId, CostSource, Day, FailureClass, FinishReason, Limit, Mode, NanoUsd, Outcome,
    Tier, Timestamp, Usage,
};

mod batches;
mod cache;
mod contention;
mod ends;
mod forget;
mod health;
mod migrating;
mod money;
mod opening;
mod outcomes;
mod rates;
mod reports;
mod running;
mod vectors;

/// 2026-11-21T12:00:00Z.
const NOON: Timestamp = Timestamp(TODAY.0 as i64 * 86_400_000 + 43_200_000);
const TODAY: Day = Day::of(2026, 11, 21);
const RULES: BreakerRules = BreakerRules { threshold: 3, open_secs: 60.0 };

thread_local! {
    /// Pids that this test has declared dead, and those of whom nothing is known.
    static DEAD: RefCell<HashSet<u32>> = RefCell::default();
    static UNKNOWN: RefCell<HashSet<u32>> = RefCell::default();
}

fn kill(pid: u32) {
    DEAD.with_borrow_mut(|dead| dead.insert(pid));
}

fn lose_sight_of(pid: u32) {
    UNKNOWN.with_borrow_mut(|unknown| unknown.insert(pid));
}

fn liveness(owner: &Owner) -> Liveness {
    if DEAD.with_borrow(|dead| dead.contains(&owner.pid)) {
        Liveness::Dead
    } else if UNKNOWN.with_borrow(|unknown| unknown.contains(&owner.pid)) {
        Liveness::Unknown
    } else {
        Liveness::Alive
    }
}

fn options(pid: u32) -> StoreOptions {
    let me = Owner { pid, start_ticks: 7, boot_id: "boot".into(), pid_namespace: "pid:[1]".into() };
    StoreOptions { busy_timeout_ms: 10_000, me: me.into(), liveness, seed: 42.into(), waiting: Waiting::default() }
}

/// A database in a folder of its own.
struct Home {
    folder: tempfile::TempDir,
}

impl Home {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("data/llmr.db")
    }

    fn open(&self, pid: u32) -> Store {
        Store::open(&self.path(), options(pid)).unwrap()
    }

    /// Runs SQL as somebody with a shell would.
    fn sql(&self, sql: &str) {
        Connection::open(self.path()).unwrap().execute_batch(sql).unwrap();
    }
}

fn memory() -> Store {
    Store::in_memory(options(1)).unwrap()
}

fn at(secs: i64) -> Timestamp {
    NOON.plus_ms(secs * 1000)
}

fn usd(nano: i64) -> Limit {
    Limit::Usd(NanoUsd(nano))
}

fn start(at: Timestamp) -> RequestStart<'static> {
    RequestStart { at, tag: None, mode: Mode::Production, stream: false, requested_model: None, kept: None }
}

fn begin(store: &Store, when: Timestamp) -> AttemptId {
    AttemptId { request: store.begin(&start(when)).unwrap(), number: 1 }
}

static LAB: LazyLock<CandidateId> = LazyLock::new(|| CandidateId::new("lab", "small"));

/// An admission of 10 nano-dollars within 100, leased for a minute.
fn admission(attempt: AttemptId, when: Timestamp) -> Admission<'static> {
    Admission {
        attempt,
        candidate: &LAB,
        at: when,
        amount: NanoUsd(10),
        limit: usd(100),
        request_cap: None,
        lease_until: when.plus_ms(60_000),
        decision: None,
        rated: None,
        expected_tokens: 400,
        hedge: None,
    }
}

fn held(store: &Store, when: Timestamp) -> AttemptId {
    let attempt = begin(store, when);
    let admitted = store.admit(&admission(attempt, when)).unwrap();
    assert!(matches!(admitted, Admitted::Yes { .. }), "{admitted:?}");
    attempt
}

/// A good answer for 3 nano-dollars.
fn answered(attempt: AttemptId, when: Timestamp) -> Settlement<'static> {
    Settlement {
        attempt,
        at: when,
        outcome: Outcome::Ok,
        failure: None,
        status: Some(200),
        latency_ms: 800,
        first_token_ms: None,
        usage: Some(Usage { input_tokens: 11, output_tokens: 5, ..Usage::default() }),
        cost: Some(NanoUsd(3)),
        cost_source: CostSource::Catalogue,
        estimated: false,
        answered_model: None,
        counts_for_breaker: false,
        breaker: RULES,
        rest: None,
        observation: None,
        recount: None,
    }
}

fn failed(attempt: AttemptId, when: Timestamp, class: FailureClass) -> Settlement<'static> {
    Settlement {
        outcome: Outcome::Failed,
        failure: Some(class),
        usage: None,
        cost: Some(NanoUsd::ZERO),
        counts_for_breaker: class.counts_for_breaker(),
        ..answered(attempt, when)
    }
}

fn ended(id: RequestId, when: Timestamp) -> RequestEnd<'static> {
    RequestEnd {
        id,
        at: when,
        exit_code: 0,
        cache: CacheOutcome::Miss,
        provider: Some("lab"),
        model: Some("small"),
        tier: None,
        finish_reason: Some(FinishReason::Stop),
        cost: Some(NanoUsd(3)),
        latency_ms: 900,
        first_token_ms: None,
        usage: None,
        error_kind: None,
        decision: None,
        answer: None,
        partial: false,
        cache_key: None,
        judged: None,
    }
}

fn budget(store: &Store, when: Timestamp) -> (i64, i64) {
    let day = store.budget_day(when).unwrap();
    (day.spend.spent.0, day.held.0)
}

/// Fails with what is wrong, if anything is.
fn audit(store: &Store) {
    assert_eq!(store.integrity_check().unwrap(), Vec::<String>::new());
}
