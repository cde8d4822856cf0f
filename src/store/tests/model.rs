//! Random operations beside a naive model that keeps every attempt in a list and sums it up each time.

use super::*;

/// A small generator (Knuth's MMIX constants): the same run every time.
struct Draw(u64);

impl Draw {
    fn below(&mut self, limit: u64) -> i64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        i64::try_from((self.0 >> 33) % limit).unwrap()
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> Option<T> {
        let index = self.below(from.len().max(1) as u64);
        from.get(usize::try_from(index).unwrap()).copied()
    }
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum State {
    Held,
    /// Charged in full; whether a reset came after.
    Presumed(bool),
    Settled,
}

#[derive(Debug, Clone, Copy)]
struct Attempt {
    id: AttemptId,
    day: Day,
    owner: usize,
    amount: i64,
    /// What counts against its day once it is no longer held.
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
    fn spent(&self, day: Day) -> i64 {
        let adjusted: i64 = self.adjusted.iter().filter(|(d, _)| *d == day).map(|(_, by)| by).sum();
        let of_day = self.attempts.iter().filter(|a| a.day == day && a.state != State::Held);
        of_day.map(|a| a.counts).sum::<i64>() + adjusted
    }

    fn held(&self, day: Day) -> i64 {
        self.attempts.iter().filter(|a| a.day == day && a.state == State::Held).map(|a| a.amount).sum()
    }

    fn held_by_request(&self, id: RequestId, day: Day) -> i64 {
        let own = self.attempts.iter().filter(|a| a.id.request == id && a.day == day && a.state == State::Held);
        own.map(|a| a.amount).sum()
    }

    /// Every hold of this owner is charged in full.
    fn die(&mut self, owner: usize) {
        for attempt in self.attempts.iter_mut().filter(|a| a.owner == owner && a.state == State::Held) {
            (attempt.state, attempt.counts) = (State::Presumed(false), attempt.amount);
        }
    }

    fn settle(&mut self, id: AttemptId, cost: i64) -> Settled {
        let attempt = self.attempts.iter_mut().find(|a| a.id == id).unwrap();
        let (counts, told) = match attempt.state {
            State::Settled => return Settled::Already,
            State::Held => (cost, Settled::Fresh),
            State::Presumed(false) => (cost, Settled::ReplacedPresumed),
            State::Presumed(true) => (cost.max(attempt.counts), Settled::ReplacedPresumed),
        };
        (attempt.state, attempt.counts) = (State::Settled, counts);
        told
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

const OWNERS: usize = 3;
const LIMIT: i64 = 1000;

/// One run: three owners, two days, a few hundred steps.
fn run(seed: u64) {
    let mut draw = Draw(seed);
    let home = Home::new();
    let stores: Vec<_> = (0..OWNERS).map(|owner| home.open(u32::try_from(owner).unwrap() + 1)).collect();
    let mut model = Model::default();
    let mut refused = 0;
    for step in 0..300 {
        let now = at(step * 288);
        let owner = usize::try_from(draw.below(OWNERS as u64)).unwrap();
        let store = &stores[owner];
        let ids: Vec<_> = model.attempts.iter().map(|a| a.id).collect();
        match draw.below(20) {
            0..9 => refused += i32::from(!admit(store, &mut model, &mut draw, owner, now)),
            9..16 => {
                let Some(id) = draw.pick(&ids) else { continue };
                let amount = model.attempts.iter().find(|a| a.id == id).unwrap().amount;
                // Never more than was held: then the limit must hold to the last nano-dollar.
                let cost = draw.below(amount as u64 + 1);
                let done = Settlement { cost: Some(NanoUsd(cost)), ..answered(id, now) };
                assert_eq!(store.settle(&done, None, None).unwrap(), model.settle(id, cost), "step {step}: {id:?}");
            }
            16 => {
                let held: Vec<_> = model.attempts.iter().filter(|a| a.state == State::Held).map(|a| a.id).collect();
                let Some(id) = draw.pick(&held) else { continue };
                store.release(id, now).unwrap();
                model.attempts.retain(|a| a.id != id);
            }
            17 | 18 => {
                kill(u32::try_from(owner).unwrap() + 1);
                stores[(owner + 1) % OWNERS].facts(now).unwrap();
                DEAD.take();
                model.die(owner);
            }
            _ => {
                let to = draw.below(200);
                store.reset_day(now.day(), NanoUsd(to), now).unwrap();
                model.reset(now.day(), to);
            }
        }
        for day in [now.day(), now.day().plus(-1)] {
            let (spent, held) = budget(store, day.start());
            assert_eq!((spent, held), (model.spent(day), model.held(day)), "seed {seed}, step {step}, day {day}");
        }
    }
    assert!(refused > 10, "seed {seed}: the limit was hardly tried");
    audit(&stores[0]);
}

/// Admits a random amount; the answer must be the model's, and the limit must hold after it.
fn admit(store: &Store, model: &mut Model, draw: &mut Draw, owner: usize, now: Timestamp) -> bool {
    let day = now.day();
    let amount = draw.below(300);
    let same_request = model.attempts.last().filter(|_| draw.below(3) == 0).map(|a| a.id.request);
    let request = same_request.unwrap_or_else(|| store.begin(&start(now)).unwrap());
    let id = AttemptId { request, number: u32::try_from(model.attempts.len()).unwrap() + 1_000 * draw.below(9) as u32 };
    if model.attempts.iter().any(|a| a.id == id) {
        return true;
    }
    let ask = Admission { amount: NanoUsd(amount), limit: usd(LIMIT), ..admission(id, now) };
    let admitted = store.admit(&ask).unwrap();
    let (spent, held) = (model.spent(day), model.held(day));
    if spent + held + amount > LIMIT {
        let others_held = NanoUsd(held - model.held_by_request(request, day));
        assert_eq!(admitted, Admitted::OverBudget { spent: NanoUsd(spent), held: NanoUsd(held), others_held });
        return false;
    }
    assert_eq!(admitted, Admitted::Yes { trial: false });
    model.attempts.push(Attempt { id, day, owner, amount, counts: 0, state: State::Held });
    assert!(model.spent(day) + model.held(day) <= LIMIT);
    true
}

#[test]
fn random_histories_agree_with_a_naive_sum() {
    (1..=12).for_each(run);
}
