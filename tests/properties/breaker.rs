//! The breaker in the database beside a plain model: when it opens, who gets the trial, what closes it.

use llmr::store::{Admitted, Store};
use llmr::types::{AttemptId, CandidateId, FailureClass, Liveness, Timestamp};
use proptest::prelude::*;

use crate::cases;
use crate::store::{LEASE_MS, NOON, Processes, RULES, admission, begin, ended};

const OWNERS: usize = 2;
const OPEN_MS: i64 = 60_000;

#[derive(Debug, Clone)]
enum Op {
    /// A process wants to ask the provider.
    Ask { owner: usize },
    /// An attempt ends: with an answer, or this failure.
    End { which: usize, failure: Option<FailureClass> },
    /// An attempt was never sent.
    Release { which: usize },
    /// A process dies; what it had under way is charged, a trial given back.
    Die { owner: usize },
    /// A person resets the provider.
    Reset,
    /// The clock moves, or is set back.
    Wait { ms: i64 },
}

fn op() -> impl Strategy<Value = Op> {
    let all: Vec<FailureClass> = FailureClass::all().collect();
    let counted: Vec<FailureClass> = all.iter().copied().filter(|class| class.counts_for_breaker()).collect();
    let failure = prop_oneof![
        2 => Just(None),
        4 => prop::sample::select(counted).prop_map(Some),
        1 => prop::sample::select(all).prop_map(Some),
        1 => Just(Some(FailureClass::RateLimited)),
    ];
    let ms = prop_oneof![
        4 => 0..2_000i64,
        4 => OPEN_MS - 1..=OPEN_MS + 1,
        1 => LEASE_MS - 1..=LEASE_MS + 1,
        1 => 0..300_000i64,
        1 => -300_000..0i64,
    ];
    prop_oneof![
        8 => (0..OWNERS).prop_map(|owner| Op::Ask { owner }),
        9 => (0..100usize, failure).prop_map(|(which, failure)| Op::End { which, failure }),
        1 => (0..100usize).prop_map(|which| Op::Release { which }),
        1 => (0..OWNERS).prop_map(|owner| Op::Die { owner }),
        4 => ms.prop_map(|ms| Op::Wait { ms }),
        1 => prop::bool::weighted(0.3).prop_map(|reset| if reset { Op::Reset } else { Op::Wait { ms: 1 } }),
    ]
}

/// The breaker as the contract tells it.
#[derive(Debug, Default)]
struct Model {
    in_a_row: u32,
    /// Set while it is not closed.
    open_until: Option<Timestamp>,
    /// Who has the trial, and how long.
    trial: Option<(AttemptId, Timestamp)>,
    /// The last failure of whatever kind.
    failed_at: Option<Timestamp>,
}

impl Model {
    fn ask(&mut self, id: AttemptId, now: Timestamp) -> Admitted {
        let Some(open_until) = self.open_until_as_of(now) else { return Admitted::Yes { trial: false } };
        let leased = self.trial.map(|(_, until)| until);
        if now < open_until || leased.is_some_and(|until| now < until) {
            return Admitted::BreakerOpen { until: open_until.max(leased.unwrap_or(open_until)) };
        }
        (self.open_until, self.trial) = (Some(open_until), Some((id, now.plus_ms(LEASE_MS))));
        Admitted::Yes { trial: true }
    }

    fn end(&mut self, id: AttemptId, now: Timestamp, failure: Option<FailureClass>) {
        let trial = self.trial.is_some_and(|(holder, _)| holder == id);
        self.open_until = self.open_until_as_of(now);
        self.failed_at = failure.map(|_| now).or(self.failed_at);
        if self.open_until.is_some() && !trial {
            return;
        }
        match failure {
            None => *self = Self { failed_at: self.failed_at, ..Self::default() },
            Some(class) if class.counts_for_breaker() => {
                self.in_a_row += 1;
                if trial || self.in_a_row == RULES.threshold {
                    (self.open_until, self.trial) = (Some(now.plus_ms(OPEN_MS)), None);
                }
            }
            Some(_) => self.trial = None,
        }
    }

    /// One that opened by a clock that was set back since has been open long enough.
    fn open_until_as_of(&self, now: Timestamp) -> Option<Timestamp> {
        let from_ahead = self.failed_at.is_some_and(|at| at.was_set_back_from(now));
        self.open_until.map(|until| if from_ahead { until.min(now) } else { until })
    }

    fn lost(&mut self, id: AttemptId) {
        self.trial = self.trial.filter(|(holder, _)| *holder != id);
    }
}

struct Run {
    processes: Processes,
    candidate: CandidateId,
    model: Model,
    now: Timestamp,
    /// Those under way, with their owners.
    running: Vec<(AttemptId, usize)>,
}

impl Run {
    fn step(&mut self, op: &Op) -> Result<(), TestCaseError> {
        let count = self.running.len();
        match op {
            Op::End { .. } | Op::Release { .. } if count == 0 => {}
            Op::Ask { owner } => {
                let store = &self.processes.stores[*owner];
                let id = AttemptId { request: begin(store, self.now), number: 1 };
                let admitted = store.admit(&admission(id, &self.candidate, self.now)).unwrap();
                prop_assert_eq!(admitted, self.model.ask(id, self.now));
                if let Admitted::Yes { .. } = admitted {
                    self.running.push((id, *owner));
                }
            }
            Op::End { which, failure } => {
                let (id, owner) = self.running.swap_remove(which % count);
                let done = ended(id, self.now, *failure);
                self.processes.stores[owner].settle(&done, None, None).unwrap();
                self.model.end(id, self.now, *failure);
            }
            Op::Release { which } => {
                let (id, owner) = self.running.swap_remove(which % count);
                self.processes.stores[owner].release(id, self.now).unwrap();
                self.model.lost(id);
            }
            Op::Die { owner } => {
                self.processes.look_without(*owner, Liveness::Dead, self.now);
                let dead = self.running.extract_if(.., |(_, of)| of == owner);
                dead.for_each(|(id, _)| self.model.lost(id));
            }
            Op::Reset => {
                self.processes.stores[0].reset_provider("lab").unwrap();
                self.model = Model { failed_at: self.model.failed_at, ..Model::default() };
            }
            Op::Wait { ms } => self.now = self.now.plus_ms(*ms),
        }
        self.compare(&self.processes.stores[OWNERS - 1])
    }

    fn compare(&self, store: &Store) -> Result<(), TestCaseError> {
        let breaker = store.breakers().unwrap().get("lab").copied().unwrap_or_default().breaker;
        prop_assert_eq!(breaker.open_until, self.model.open_until);
        prop_assert_eq!(breaker.trial_until, self.model.trial.map(|(_, until)| until));
        prop_assert_eq!(breaker.failures, self.model.in_a_row);
        Ok(())
    }
}

proptest! {
    #![proptest_config(cases(48))]

    #[test]
    fn the_breaker_agrees_with_a_plain_model(ops in prop::collection::vec(op(), 20..80)) {
        let (processes, candidate) = (Processes::new(OWNERS as u32), CandidateId::new("lab", "small"));
        let mut run = Run { processes, candidate, model: Model::default(), now: NOON, running: Vec::new() };
        for op in &ops {
            run.step(op)?;
        }
    }

    #[test]
    fn it_opens_after_so_many_counted_failures_in_a_row_and_no_other(
        threshold in 1..6u32,
        seen in prop::collection::vec(prop::option::weighted(0.8, 0..16usize), 0..30),
    ) {
        use llmr::engine::breaker::{Breaker, BreakerRules};
        let all: Vec<FailureClass> = FailureClass::all().collect();
        let (mut breaker, mut in_a_row) = (Breaker::default(), 0);
        for failure in seen.iter().map(|seen| seen.map(|n| all[n])) {
            prop_assert!(breaker.admits(NOON));
            breaker = match failure {
                None => breaker.after_success(NOON),
                Some(class) if class.counts_for_breaker() => {
                    breaker.after_failure(NOON, &BreakerRules { threshold, open_secs: 60.0 })
                }
                Some(_) => breaker.after_neutral(),
            };
            match failure {
                None => in_a_row = 0,
                Some(class) => in_a_row += u32::from(class.counts_for_breaker()),
            }
            prop_assert_eq!(breaker.open_until.is_some(), in_a_row >= threshold);
            if breaker.open_until.is_some() {
                break;
            }
        }
    }
}

/// The provider's own faults, and nothing else: the contract names them one by one.
#[test]
fn what_counts_is_what_the_contract_names() {
    use FailureClass as F;
    let counted = [F::Overloaded, F::ServerError, F::Timeout, F::Network, F::Cut, F::Malformed, F::Empty];
    for class in FailureClass::all() {
        assert_eq!(class.counts_for_breaker(), counted.contains(&class), "{class}");
    }
}

/// A trial's answer once counted for nothing when the clock had been set back while it was awaited.
#[test]
fn a_trial_decides_also_where_the_clock_was_set_back_meanwhile() {
    for (failure, open_until) in [(None, None), (Some(FailureClass::ServerError), Some(NOON.plus_ms(OPEN_MS)))] {
        let (processes, candidate) = (Processes::new(OWNERS as u32), CandidateId::new("lab", "small"));
        let mut run = Run { processes, candidate, model: Model::default(), now: NOON, running: Vec::new() };
        let end = |failure| Op::End { which: 0, failure };
        let mut ops = vec![];
        for _ in 0..3 {
            ops.extend([Op::Ask { owner: 0 }, end(Some(FailureClass::ServerError))]);
        }
        ops.extend([Op::Wait { ms: OPEN_MS }, Op::Ask { owner: 0 }, Op::Wait { ms: -OPEN_MS }, end(failure)]);
        for op in &ops {
            run.step(op).unwrap();
        }
        assert_eq!(run.model.open_until, open_until);
    }
}
