//! The policies to beat, and the one that knows everything.

use std::collections::VecDeque;

use llmr::engine::chance::Chance;
use llmr::engine::draw;

use super::walk::{Ended, Judge, Policy};
use super::world::World;

/// What clients give a try by default, in seconds.
const FIXED_CUT_S: f64 = 30.0;

fn by_value(count: usize, value: impl Fn(usize) -> f64) -> Vec<usize> {
    let mut order: Vec<usize> = (0..count).collect();
    order.sort_by(|a, b| value(*b).total_cmp(&value(*a)));
    order
}

/// Knows every host's averages and the state of every outage.
pub struct Oracle<'a> {
    /// The world.
    pub world: &'a World,
    /// What counts.
    pub judge: Judge,
}

impl Policy for Oracle<'_> {
    fn decide(&mut self, id: usize, t: f64) -> (Vec<usize>, f64) {
        let world = self.world;
        let order = by_value(world.hosts.len(), |h| {
            let host = &world.hosts[h];
            let now = host.weather.at(t);
            let (mean, refused) = world.truth(id, h);
            let p = if now.hangs { 0.0 } else { (1.0 - now.fails) * (1.0 - refused) };
            let judge = &self.judge;
            let value = judge.q * host.quality - judge.per_usd * world.usd(id, h) - judge.l * mean * now.slower;
            let lost = judge.l * if now.hangs { FIXED_CUT_S } else { 0.3 };
            value - lost * (1.0 - p) / p.max(0.001) - if p < 0.01 { 100.0 } else { 0.0 }
        });
        (order, FIXED_CUT_S)
    }
    fn learn(&mut self, _: &Ended) {}
}

/// The cheapest first; whoever failed comes last for a minute.
pub struct Priority {
    /// By price.
    pub order: Vec<usize>,
    /// Until when each is cooling down.
    pub until: Vec<f64>,
}

impl Policy for Priority {
    fn decide(&mut self, _: usize, t: f64) -> (Vec<usize>, f64) {
        let (well, cooling): (Vec<usize>, Vec<usize>) = self.order.iter().partition(|h| self.until[**h] <= t);
        ([well, cooling].concat(), FIXED_CUT_S)
    }
    fn learn(&mut self, ended: &Ended) {
        if !ended.ok {
            self.until[ended.host] = ended.t + 60.0;
        }
    }
}

/// One after the other.
pub struct RoundRobin(pub usize);

impl Policy for RoundRobin {
    fn decide(&mut self, id: usize, _: f64) -> (Vec<usize>, f64) {
        ((0..self.0).map(|i| (id + i) % self.0).collect(), FIXED_CUT_S)
    }
    fn learn(&mut self, _: &Ended) {}
}

/// The least mean latency of the last ten tries; a failed one counts as long as it is given.
pub struct LeastLatency(pub Vec<VecDeque<f64>>);

impl Policy for LeastLatency {
    fn decide(&mut self, _: usize, _: f64) -> (Vec<usize>, f64) {
        let mean = |h: usize| self.0[h].iter().sum::<f64>() / self.0[h].len().max(1) as f64;
        (by_value(self.0.len(), |h| -mean(h)), FIXED_CUT_S)
    }
    fn learn(&mut self, ended: &Ended) {
        let last = &mut self.0[ended.host];
        last.push_back(if ended.ok { ended.seconds } else { FIXED_CUT_S });
        if last.len() > 10 {
            last.pop_front();
        }
    }
}

/// Averages of everything seen.
#[derive(Debug, Clone, Default)]
pub struct Average {
    ok: f64,
    bad: f64,
    seconds: f64,
    squares: f64,
    quality: f64,
}

/// A weighted score over averages, and the same with forgetting and draws.
pub struct Weighted<'a> {
    /// The world, for prices alone.
    pub world: &'a World,
    /// What counts.
    pub judge: Judge,
    /// What is remembered.
    pub seen: Vec<Average>,
    /// What one newer try leaves of an older one; 1: everything.
    pub keep: f64,
    /// Whether averages are drawn from.
    pub draws: bool,
}

impl Policy for Weighted<'_> {
    fn decide(&mut self, id: usize, _: f64) -> (Vec<usize>, f64) {
        let judge = self.judge;
        let order = by_value(self.seen.len(), |h| {
            let seen = &self.seen[h];
            let mut chance = Chance::new(draw::of_name(id as u64, &h.to_string()));
            let (a, b) = (seen.ok + 1.0, seen.bad + 0.1);
            let p = if self.draws { chance.beta(a, b) } else { a / (a + b) };
            let mean = (seen.seconds + 2.0) / (seen.ok + 1.0);
            let spread = ((seen.squares + 4.0) / (seen.ok + 1.0) - mean * mean).max(0.01).sqrt();
            let error = if self.draws { chance.normal() * spread / (seen.ok + 1.0).sqrt() } else { 0.0 };
            let quality = (seen.quality + 0.8) / (seen.ok + 1.0);
            let worth = judge.q * quality - judge.per_usd * self.world.usd(id, h) - judge.l * (mean + error).max(0.0);
            p * worth - (1.0 - p) * judge.fail
        });
        let usual = &self.seen[order[0]];
        let cut =
            if self.draws { (4.0 * (usual.seconds + 2.0) / (usual.ok + 1.0)).clamp(2.0, 30.0) } else { FIXED_CUT_S };
        (order, cut)
    }
    fn learn(&mut self, ended: &Ended) {
        let keep = self.keep;
        let seen = &mut self.seen[ended.host];
        for x in [&mut seen.ok, &mut seen.bad, &mut seen.seconds, &mut seen.squares, &mut seen.quality] {
            *x *= keep;
        }
        if ended.ok {
            seen.ok += 1.0;
            seen.seconds += ended.seconds;
            seen.squares += ended.seconds * ended.seconds;
            seen.quality += ended.quality.unwrap_or(0.0);
        } else {
            seen.bad += 1.0;
        }
    }
}
