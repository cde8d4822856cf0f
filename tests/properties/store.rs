//! Stores on one file, as several processes have them, whose lives a test decides.

use std::cell::RefCell;
use std::collections::HashMap;

use llmr::engine::breaker::BreakerRules;
use llmr::store::{Admission, RequestStart, Settlement, Store, StoreOptions};
use llmr::types::{
    AttemptId, CandidateId, CostSource, FailureClass, Limit, Liveness, Mode, NanoUsd, Outcome, Owner, RequestId,
    Timestamp,
};
use tempfile::TempDir;

/// 2026-11-21T12:00:00Z.
pub const NOON: Timestamp = Timestamp(1_795_262_400_000);
pub const RULES: BreakerRules = BreakerRules { threshold: 3, open_secs: 60.0 };
/// How long an attempt may last.
pub const LEASE_MS: i64 = 90_000;

thread_local! {
    /// What is known of a process that is not known to live.
    static FATES: RefCell<HashMap<u32, Liveness>> = RefCell::default();
}

fn liveness(owner: &Owner) -> Liveness {
    FATES.with_borrow(|fates| fates.get(&owner.pid).copied().unwrap_or(Liveness::Alive))
}

/// One database, opened by several processes.
pub struct Processes {
    pub stores: Vec<Store>,
    _folder: TempDir,
}

impl Processes {
    pub fn new(number: u32) -> Self {
        FATES.take();
        let folder = tempfile::tempdir().unwrap();
        let open = |pid| {
            let me = Owner { pid, start_ticks: 7, boot_id: "boot".into(), pid_namespace: "pid:[1]".into() };
            let options = StoreOptions {
                busy_timeout_ms: 10_000,
                me: me.into(),
                liveness,
                seed: 42.into(),
                waiting: llmr::store::Waiting::default(),
            };
            Store::open(&folder.path().join("llmr.db"), options).unwrap()
        };
        Self { stores: (0..number).map(open).collect(), _folder: folder }
    }

    /// While one process is thought to be dead, or is out of sight, another one looks at the database.
    pub fn look_without(&self, owner: usize, fate: Liveness, now: Timestamp) {
        FATES.with_borrow_mut(|fates| fates.insert(u32::try_from(owner).unwrap(), fate));
        self.stores[(owner + 1) % self.stores.len()].facts(now).unwrap();
        FATES.take();
    }
}

pub fn begin(store: &Store, at: Timestamp) -> RequestId {
    let (mode, stream) = (Mode::Production, false);
    store.begin(&RequestStart { at, tag: None, mode, stream, requested_model: None, kept: None }).unwrap()
}

pub fn admission(attempt: AttemptId, candidate: &CandidateId, at: Timestamp) -> Admission<'_> {
    Admission {
        attempt,
        candidate,
        at,
        amount: NanoUsd::ZERO,
        limit: Limit::Off,
        request_cap: None,
        lease_until: at.plus_ms(LEASE_MS),
        decision: None,
        rated: None,
        expected_tokens: 400,
        hedge: None,
    }
}

/// How an attempt ended; what fails counts for the breaker if its class does.
pub fn ended(attempt: AttemptId, at: Timestamp, failure: Option<FailureClass>) -> Settlement<'static> {
    Settlement {
        attempt,
        at,
        outcome: match failure {
            None => Outcome::Ok,
            Some(FailureClass::Cancelled) => Outcome::Cancelled,
            Some(_) => Outcome::Failed,
        },
        failure,
        status: None,
        latency_ms: 5,
        first_token_ms: None,
        usage: None,
        cost: Some(NanoUsd::ZERO),
        cost_source: CostSource::Catalogue,
        estimated: false,
        answered_model: None,
        counts_for_breaker: failure.is_some_and(FailureClass::counts_for_breaker),
        breaker: RULES,
        rest: None,
        observation: None,
        recount: None,
    }
}
