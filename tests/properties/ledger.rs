//! The ledger and the holds beside a naive model that keeps every attempt in a list and sums it up each time: each
//! attempt ends in one row, whoever dies, comes back late, gives up, resets or forgets.

use std::collections::BTreeMap;

use llmr::store::{Admission, Admitted, Forget, LogFilter, Problem, Settled, Settlement, Store};
use llmr::types::{AttemptId, CandidateId, Day, FailureClass, Limit, Liveness, NanoUsd, RequestId, Timestamp};
use proptest::prelude::*;
use proptest::sample::Index;

use crate::cases;
use crate::store::{LEASE_MS, NOON, Processes, admission, begin, ended};

const OWNERS: usize = 3;

/// What an attempt may cost.
#[derive(Debug, Clone, Copy)]
enum Amount {
    Exactly(i64),
    Left(i64),
}

/// One thing that happens.
#[derive(Debug, Clone)]
enum Op {
    /// A process begins an attempt: of a new request, or one more of a known one; for so much, or for what is left
    /// of its limits and so much more.
    Admit { owner: usize, of: Option<Index>, amount: Amount, limit: Option<i64>, cap: Option<i64> },
    /// Somebody settles an attempt, perhaps for the second time, at this share of what was held.
    Settle { which: Index, pct: i64, failure: Option<FailureClass> },
    /// Somebody says that an attempt was never sent.
    Release { which: Index },
    /// A process is thought to be dead, or is out of sight, while another one looks.
    Vanish { owner: usize, dead: bool },
    /// The day's spending counts as so much from now on.
    Reset { to: i64 },
    /// The texts of a request, or all of them, are forgotten.
    Forget { which: Option<Index> },
    /// The clock moves, or is set back.
    Wait { secs: i64 },
}

fn op() -> impl Strategy<Value = Op> {
    let owner = 0..OWNERS;
    let which = any::<Index>;
    let limit = prop_oneof![8 => Just(Some(1000)), 2 => (0..1500i64).prop_map(Some), 1 => Just(None)];
    let failure = prop_oneof![
        Just(None),
        Just(None),
        Just(Some(FailureClass::InvalidRequest)),
        Just(Some(FailureClass::RateLimited)),
        Just(Some(FailureClass::Cancelled))
    ];
    let pct = prop_oneof![4 => 0..=100i64, 1 => 100..300i64, 1 => -50..0i64];
    let amount = prop_oneof![
        6 => (0..300i64).prop_map(Amount::Exactly),
        1 => prop_oneof![Just(0), -5..0i64, any::<i64>()].prop_map(Amount::Exactly),
        3 => (-1..=1i64).prop_map(Amount::Left),
    ];
    prop_oneof![
        9 => (owner.clone(), prop::option::weighted(0.3, which()), amount, limit, prop::option::weighted(0.2, 0..600i64))
            .prop_map(|(owner, of, amount, limit, cap)| Op::Admit { owner, of, amount, limit, cap }),
        7 => (which(), pct, failure).prop_map(|(which, pct, failure)| Op::Settle { which, pct, failure }),
        1 => which().prop_map(|which| Op::Release { which }),
        2 => (owner, any::<bool>()).prop_map(|(owner, dead)| Op::Vanish { owner, dead }),
        1 => (0..200i64).prop_map(|to| Op::Reset { to }),
        1 => prop::option::of(which()).prop_map(|which| Op::Forget { which }),
        3 => prop_oneof![0..200i64, -200..0i64, 20_000..80_000i64, -80_000..-20_000i64].prop_map(|secs| Op::Wait { secs }),
    ]
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum State {
    Held,
    /// Charged in full; whether a reset came after.
    Presumed(bool),
    Settled,
    /// Never sent, and never presumed to be: no trace of it.
    Released,
}

#[derive(Debug, Clone, Copy)]
struct Attempt {
    id: AttemptId,
    day: Day,
    owner: usize,
    lease_until: Timestamp,
    amount: i64,
    /// What the ledger says it cost.
    cost: i64,
    /// What counts against its day.
    counts: i64,
    state: State,
}

#[derive(Default)]
struct Model {
    attempts: Vec<Attempt>,
    /// What resets added to a day.
    adjusted: Vec<(Day, i64)>,
}

impl Model {
    fn rows(&self) -> impl Iterator<Item = &Attempt> {
        self.attempts.iter().filter(|a| matches!(a.state, State::Settled | State::Presumed(_)))
    }

    fn holds(&self) -> impl Iterator<Item = &Attempt> {
        self.attempts.iter().filter(|a| a.state == State::Held)
    }

    fn spent(&self, day: Day) -> i64 {
        let adjusted: i64 = self.adjusted.iter().filter(|(d, _)| *d == day).map(|(_, by)| by).sum();
        self.rows().filter(|a| a.day == day).map(|a| a.counts).sum::<i64>() + adjusted
    }

    fn held(&self, day: Day) -> i64 {
        self.holds().filter(|a| a.day == day).map(|a| a.amount).sum()
    }

    /// What a request has spent and holds, on all days.
    fn of_request(&self, request: RequestId) -> (i64, i64) {
        let own = |a: &&Attempt| a.id.request == request;
        let spent = self.rows().filter(own).map(|a| a.cost).sum();
        (spent, self.holds().filter(own).map(|a| a.amount).sum())
    }

    /// What fits the tighter one of two limits to the last nano-dollar.
    fn left(&self, request: RequestId, day: Day, limit: Option<i64>, cap: Option<i64>) -> i64 {
        let (spent, held) = self.of_request(request);
        let of_cap = cap.map(|cap| cap - spent - held);
        let of_day = limit.map(|limit| limit - self.spent(day) - self.held(day));
        [of_cap, of_day].into_iter().flatten().min().unwrap_or(50)
    }

    /// What the store must answer, and what happens if that is yes.
    fn admit(&mut self, owner: usize, ask: &Admission<'_>) -> Admitted {
        let (day, request) = (ask.at.day(), ask.attempt.request);
        let amount = ask.amount.0.max(0);
        let (own_spent, own_held) = self.of_request(request);
        let more = |sum: i64| i128::from(sum) + i128::from(amount);
        if ask.request_cap.is_some_and(|cap| more(own_spent + own_held) > i128::from(cap.0)) {
            return Admitted::OverRequestCap { spent: NanoUsd(own_spent), held: NanoUsd(own_held) };
        }
        let (spent, held) = (self.spent(day), self.held(day));
        let fits = match ask.limit {
            Limit::Off => true,
            Limit::Usd(limit) => amount == 0 || more(spent + held) <= i128::from(limit.0),
        };
        if !fits {
            let others = self.holds().filter(|a| a.day == day && a.id.request != request);
            let others_held = NanoUsd(others.map(|a| a.amount).sum());
            return Admitted::OverBudget { spent: NanoUsd(spent), held: NanoUsd(held), others_held };
        }
        let (id, lease_until) = (ask.attempt, ask.lease_until);
        self.attempts.push(Attempt { id, day, owner, lease_until, amount, cost: 0, counts: 0, state: State::Held });
        Admitted::Yes { trial: false }
    }

    /// `None` where nothing is known of the attempt.
    fn settle(&mut self, which: usize, cost: i64) -> Option<Settled> {
        let attempt = &mut self.attempts[which];
        let cost = cost.max(0);
        let (counts, told) = match attempt.state {
            State::Released => return None,
            State::Settled => return Some(Settled::Already),
            State::Held => (cost, Settled::Fresh),
            State::Presumed(false) => (cost, Settled::ReplacedPresumed),
            // What the reset had wiped is not given back once more.
            State::Presumed(true) => (cost.max(attempt.counts), Settled::ReplacedPresumed),
        };
        (attempt.state, attempt.cost, attempt.counts) = (State::Settled, cost, counts);
        Some(told)
    }

    fn release(&mut self, which: usize) {
        match self.attempts[which].state {
            State::Held => self.attempts[which].state = State::Released,
            State::Presumed(_) => _ = self.settle(which, 0),
            State::Settled | State::Released => {}
        }
    }

    fn vanish(&mut self, owner: usize, dead: bool, now: Timestamp) {
        let lost = |a: &&mut Attempt| a.owner == owner && a.state == State::Held && (dead || now >= a.lease_until);
        for attempt in self.attempts.iter_mut().filter(lost) {
            (attempt.state, attempt.cost, attempt.counts) = (State::Presumed(false), attempt.amount, attempt.amount);
        }
    }

    fn reset(&mut self, day: Day, to: i64) {
        self.adjusted.push((day, to - self.spent(day)));
        for attempt in self.attempts.iter_mut().filter(|a| a.day == day) {
            if let State::Presumed(_) = attempt.state {
                attempt.state = State::Presumed(true);
            }
        }
    }
}

/// The model and the stores, side by side.
struct Run {
    processes: Processes,
    model: Model,
    now: Timestamp,
    candidate: CandidateId,
}

impl Run {
    fn step(&mut self, number: u32, op: &Op) -> Result<(), TestCaseError> {
        let count = self.model.attempts.len();
        let pick = |which: &Index| which.index(count.max(1));
        match op {
            Op::Settle { .. } | Op::Release { .. } | Op::Forget { .. } if count == 0 => {}
            Op::Admit { owner, of, amount, limit, cap } => {
                let known = of.filter(|_| count > 0).map(|of| self.model.attempts[pick(&of)].id.request);
                let request = known.unwrap_or_else(|| begin(&self.processes.stores[*owner], self.now));
                // Above what can be counted no sum of the model may go.
                let amount = match (*amount, limit) {
                    (Amount::Exactly(amount), Some(_)) => amount,
                    (Amount::Exactly(amount), None) => amount % 1000,
                    (Amount::Left(more), _) => self.model.left(request, self.now.day(), *limit, *cap) + more,
                };
                let ask = Admission {
                    amount: NanoUsd(amount),
                    limit: limit.map_or(Limit::Off, |limit| Limit::Usd(NanoUsd(limit))),
                    request_cap: cap.map(NanoUsd),
                    ..admission(AttemptId { request, number }, &self.candidate, self.now)
                };
                let expected = self.model.admit(*owner, &ask);
                prop_assert_eq!(self.processes.stores[*owner].admit(&ask).unwrap(), expected);
            }
            Op::Settle { which, pct, failure } => self.settle(pick(which), *pct, *failure)?,
            Op::Release { which } => {
                let which = pick(which);
                let attempt = self.model.attempts[which];
                self.processes.stores[attempt.owner].release(attempt.id, self.now).unwrap();
                self.model.release(which);
            }
            Op::Vanish { owner, dead } => {
                let fate = if *dead { Liveness::Dead } else { Liveness::Unknown };
                self.processes.look_without(*owner, fate, self.now);
                self.model.vanish(*owner, *dead, self.now);
            }
            Op::Reset { to } => {
                let before = self.processes.stores[0].reset_day(self.now.day(), NanoUsd(*to), self.now).unwrap();
                prop_assert_eq!(before, NanoUsd(self.model.spent(self.now.day())));
                self.model.reset(self.now.day(), *to);
            }
            Op::Forget { which: Some(which) } => {
                let request = self.model.attempts[pick(which)].id.request;
                self.processes.stores[0].forget(&[Forget::Request(request)]).unwrap();
            }
            Op::Forget { which: None } => _ = self.processes.stores[0].forget_all().unwrap(),
            Op::Wait { secs } => self.now = self.now.plus_ms(secs * 1000),
        }
        self.compare(self.now.day())
    }

    fn settle(&mut self, which: usize, pct: i64, failure: Option<FailureClass>) -> Result<(), TestCaseError> {
        let attempt = self.model.attempts[which];
        let cost = attempt.amount * pct / 100;
        let done = Settlement { cost: Some(NanoUsd(cost)), ..ended(attempt.id, self.now, failure) };
        let settled = self.processes.stores[attempt.owner].settle(&done, None, None);
        match self.model.settle(which, cost) {
            Some(expected) => prop_assert_eq!(settled.unwrap(), expected),
            None => {
                let problem = settled.expect_err("it was released").problem;
                prop_assert!(matches!(problem, Problem::NotHeld(id) if id == attempt.id), "{:?}", problem);
            }
        }
        Ok(())
    }

    fn compare(&self, day: Day) -> Result<(), TestCaseError> {
        let told = self.processes.stores[OWNERS - 1].budget_day(day.start()).unwrap();
        prop_assert_eq!(told.spend.spent, NanoUsd(self.model.spent(day)), "spent on {}", day);
        prop_assert_eq!(told.held, NanoUsd(self.model.held(day)), "held on {}", day);
        prop_assert!(told.held >= NanoUsd::ZERO && told.spend.spent >= NanoUsd::ZERO);
        let ledger: i64 = self.model.rows().filter(|a| a.day == day).map(|a| a.cost).sum();
        prop_assert_eq!(told.spend.ledger, NanoUsd(ledger), "the ledger of {}", day);
        Ok(())
    }

    /// At the end: every row of the ledger, once, and the database's own account of itself.
    fn rows(&self, store: &Store) -> Result<(), TestCaseError> {
        let mut rows: BTreeMap<(RequestId, u32), NanoUsd> = BTreeMap::new();
        for entry in store.log(&LogFilter::default()).unwrap() {
            for attempt in entry.attempts {
                let cost = attempt.cost.unwrap_or_default();
                let twice = rows.insert((entry.id, attempt.number), cost);
                prop_assert!(twice.is_none(), "{} attempt {} has two rows", entry.id, attempt.number);
            }
        }
        let expected = self.model.rows().map(|a| ((a.id.request, a.id.number), NanoUsd(a.cost))).collect();
        prop_assert_eq!(rows, expected);
        prop_assert_eq!(store.integrity_check().unwrap(), Vec::<String>::new());
        let held: i64 = self.model.holds().map(|a| a.amount).sum();
        let days: std::collections::BTreeSet<Day> = self.model.attempts.iter().map(|a| a.day).collect();
        let told: NanoUsd = days.iter().map(|day| store.budget_day(day.start()).unwrap().held).sum();
        prop_assert_eq!(told, NanoUsd(held));
        days.into_iter().try_for_each(|day| self.compare(day))
    }
}

proptest! {
    #![proptest_config(cases(48))]

    #[test]
    fn random_histories_agree_with_a_naive_sum(ops in prop::collection::vec(op(), 20..90)) {
        let candidate = CandidateId::new("lab", "small");
        let processes = Processes::new(OWNERS as u32);
        let mut run = Run { processes, model: Model::default(), now: NOON, candidate };
        for (number, op) in (1..).zip(&ops) {
            run.step(number, op)?;
        }
        run.rows(&run.processes.stores[0])?;
    }
}

/// A hold whose owner is out of sight lives as long as its lease, to the millisecond.
#[test]
fn an_unseen_owner_s_hold_ends_with_its_lease() {
    for (late_ms, held) in [(LEASE_MS - 1, 10), (LEASE_MS, 0)] {
        let processes = Processes::new(2);
        let candidate = CandidateId::new("lab", "small");
        let attempt = AttemptId { request: begin(&processes.stores[0], NOON), number: 1 };
        let ask = Admission { amount: NanoUsd(10), ..admission(attempt, &candidate, NOON) };
        assert_eq!(processes.stores[0].admit(&ask).unwrap(), Admitted::Yes { trial: false });
        processes.look_without(0, Liveness::Unknown, NOON.plus_ms(late_ms));
        assert_eq!(processes.stores[1].budget_day(NOON).unwrap().held, NanoUsd(held));
    }
}
