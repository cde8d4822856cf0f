//! One run of a policy through a world: the clock, the tries, the results when they are due, the account.

use std::cmp::Ordering;
use std::collections::{BinaryHeap, VecDeque};
use std::time::Instant;

use super::world::World;

/// The coefficients of the utility as the judge means them.
#[derive(Debug, Clone, Copy)]
pub struct Judge {
    /// Of quality.
    pub q: f64,
    /// Of a cost of one dollar.
    pub per_usd: f64,
    /// Of a second.
    pub l: f64,
    /// Of no answer.
    pub fail: f64,
}

/// A try that has ended.
#[derive(Debug, Clone, Copy)]
pub struct Ended {
    /// Of which request.
    pub id: usize,
    /// When, in seconds.
    pub t: f64,
    /// Who was asked.
    pub host: usize,
    /// Whether it answered.
    pub ok: bool,
    /// HTTP status.
    pub status: u16,
    /// How long it took.
    pub seconds: f64,
    /// What it cost.
    pub usd: f64,
    /// How good the answer was.
    pub quality: Option<f64>,
    /// The pause it asks for.
    pub retry_after_s: Option<f64>,
}

/// A policy under test.
pub trait Policy {
    /// The order of hosts, and how long each try is given in seconds.
    fn decide(&mut self, id: usize, t: f64) -> (Vec<usize>, f64);
    /// A try has ended.
    fn learn(&mut self, ended: &Ended);
}

/// What a run came to, per request.
#[derive(Debug, Clone, Copy, Default)]
pub struct Account {
    /// Mean utility.
    pub utility: f64,
    /// Share of requests without an answer.
    pub unanswered: f64,
    /// Mean seconds.
    pub seconds: f64,
    /// Mean dollars.
    pub usd: f64,
    /// Mean quality of answers.
    pub quality: f64,
    /// Real time per decision in µs.
    pub us: f64,
}

struct Due(Ended);

impl PartialEq for Due {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}
impl Eq for Due {}
impl PartialOrd for Due {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Due {
    fn cmp(&self, other: &Self) -> Ordering {
        other.0.t.total_cmp(&self.0.t).then(other.0.id.cmp(&self.0.id))
    }
}

/// Runs a policy through all requests.
pub fn walk(world: &World, judge: &Judge, policy: &mut dyn Policy) -> Account {
    let mut due = BinaryHeap::new();
    let mut asked = vec![VecDeque::new(); world.hosts.len()];
    let mut sum = Account::default();
    for (n, arrival) in world.arrivals.iter().enumerate() {
        while due.peek().is_some_and(|next: &Due| next.0.t <= arrival.t) {
            if let Some(Due(ended)) = due.pop() {
                policy.learn(&ended);
            }
        }
        let began = Instant::now();
        let (order, cut) = policy.decide(n, arrival.t);
        sum.us += began.elapsed().as_secs_f64() * 1e6;
        request(world, judge, n, &order, cut, &mut asked, &mut due, &mut sum);
    }
    let share = 1.0 / world.arrivals.len() as f64;
    Account {
        utility: sum.utility * share,
        unanswered: sum.unanswered * share,
        seconds: sum.seconds * share,
        usd: sum.usd * share,
        quality: sum.quality * share,
        us: sum.us * share,
    }
}

#[allow(clippy::too_many_arguments)]
fn request(
    world: &World,
    judge: &Judge,
    n: usize,
    order: &[usize],
    cut: f64,
    asked: &mut [VecDeque<f64>],
    due: &mut BinaryHeap<Due>,
    sum: &mut Account,
) {
    let begin = world.arrivals[n].t;
    let mut t = begin;
    let cut = if world.form.cuts { cut } else { 30.0 };
    let mut results = Vec::new();
    let mut answered = false;
    for &host in order.iter().take(world.form.tries) {
        // Limits count by the clock's minute, in the order of requests.
        let lately = &mut asked[host];
        while lately.front().is_some_and(|at| (at / 60.0).floor() < (t / 60.0).floor()) {
            lately.pop_front();
        }
        let fate = world.fate(n, host, t, lately.len());
        if fate.status != 429 {
            lately.push_back(t);
        }
        let ok = fate.ok && fate.seconds <= cut;
        let seconds = fate.seconds.min(cut);
        t += seconds;
        let usd = if ok { world.usd(n, host) } else { 0.0 };
        let status = if fate.seconds > cut { 0 } else { fate.status };
        let quality = ok.then_some(fate.quality);
        results.push(Due(Ended {
            id: n,
            t,
            host,
            ok,
            status,
            seconds,
            usd,
            quality,
            retry_after_s: fate.retry_after_s,
        }));
        if ok {
            sum.utility += judge.q * fate.quality - judge.per_usd * usd - judge.l * (t - begin);
            sum.quality += fate.quality;
            sum.usd += usd;
            sum.seconds += t - begin;
            answered = true;
            break;
        }
    }
    for mut result in results {
        if world.form.at_end {
            result.0.t = t;
        }
        due.push(result);
    }
    if answered {
        return;
    }
    sum.utility -= judge.fail + judge.l * (t - begin);
    sum.unanswered += 1.0;
    sum.seconds += t - begin;
}
