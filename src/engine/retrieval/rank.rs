//! A score for each unit: BM25 of the unit, of the text around it and of the section around that, added up.
//!
//! The surroundings are windows that slide from unit to unit, so that no answer is lost at the edge of a piece.

use super::question::Term;
use super::scan::{Hit, Hits};
use super::split::Unit;
use super::tuning::{Level, Tuning};
use crate::engine::math;

/// The score of each unit.
pub(super) fn scores(units: &[Unit], terms: &[Term], hits: &Hits, tuning: &Tuning) -> Vec<f32> {
    let mut scores = vec![0.0; units.len()];
    let sums = sums(units);
    for level in &tuning.levels {
        let windows = windows(&sums, level.tokens);
        let mut pass = Pass { level: *level, average: average(&windows), windows: &windows, found: Vec::new() };
        for ((term, of_term), of_pair) in terms.iter().zip(&hits.terms).zip(&hits.pairs) {
            pass.add(of_term, term.weight, &mut scores);
            if tuning.phrase > 0.0 && !of_pair.is_empty() {
                pass.add(of_pair, tuning.phrase, &mut scores);
            }
        }
    }
    scores
}

/// The hundredths of tokens before each unit, and of all.
fn sums(units: &[Unit]) -> Vec<u64> {
    let mut sum = 0;
    let before = units.iter().map(|unit| {
        let before = sum;
        sum += u64::from(unit.hundredths);
        before
    });
    let mut sums: Vec<u64> = before.collect();
    sums.push(sum);
    sums
}

/// The units around a unit, the first and the one behind the last, and their length in hundredths.
#[derive(Debug, Clone, Copy)]
struct Window {
    from: u32,
    to: u32,
    length: f32,
}

/// A window of so many tokens around the middle of each unit, in whole units, the unit itself at least.
fn windows(sums: &[u64], tokens: u32) -> Vec<Window> {
    let half = u64::from(tokens) * 50;
    let (mut from, mut to) = (0, 0);
    let middle = |unit: usize| {
        (sums.get(unit).copied().unwrap_or_default() + sums.get(unit + 1).copied().unwrap_or_default()) / 2
    };
    (0..sums.len().saturating_sub(1))
        .map(|unit| {
            let here = middle(unit);
            while from < unit && middle(from) + half < here {
                from += 1;
            }
            to = to.max(unit + 1);
            while to + 1 < sums.len() && middle(to) <= here + half {
                to += 1;
            }
            let length = sums.get(to).copied().unwrap_or_default() - sums.get(from).copied().unwrap_or_default();
            Window { from: from as u32, to: to as u32, length: length as f32 }
        })
        .collect()
}

fn average(windows: &[Window]) -> f32 {
    let sum: f64 = windows.iter().map(|window| f64::from(window.length)).sum();
    (sum / windows.len().max(1) as f64).max(1.0) as f32
}

/// The adding up of one level.
struct Pass<'w> {
    level: Level,
    average: f32,
    windows: &'w [Window],
    /// The windows in which a term occurs, and how often it does.
    found: Vec<(usize, f32)>,
}

impl Pass<'_> {
    /// Adds what a term with these hits is worth to each unit.
    fn add(&mut self, hits: &[Hit], weight: f32, scores: &mut [f32]) {
        self.find(hits);
        let (all, with) = (self.windows.len() as f32, self.found.len() as f32);
        let rarity = math::ln_f32(1.0 + (all - with + 0.5) / (with + 0.5));
        let Level { weight: of_level, k1, b, .. } = self.level;
        for (unit, count) in &self.found {
            if let (Some(score), Some(window)) = (scores.get_mut(*unit), self.windows.get(*unit)) {
                let long = k1 * (1.0 - b + b * window.length / self.average);
                *score += of_level * weight * rarity * count * (k1 + 1.0) / (count + long);
            }
        }
    }

    /// Finds the windows with a hit. Those without are skipped: most words of a long question are rare.
    fn find(&mut self, hits: &[Hit]) {
        self.found.clear();
        let mut inside = 0.0;
        let (mut first, mut behind, mut unit) = (0, 0, 0);
        while let Some(window) = self.windows.get(unit) {
            if first == behind {
                // What rounding leaves of nothing is nothing.
                inside = 0.0;
                let Some(next) = hits.get(behind) else { break };
                if window.to <= next.unit {
                    unit += self.windows[unit..].partition_point(|window| window.to <= next.unit);
                    continue;
                }
            }
            while let Some(hit) = hits.get(behind).filter(|hit| hit.unit < window.to) {
                inside += hit.count;
                behind += 1;
            }
            while let Some(hit) = hits.get(first).filter(|hit| hit.unit < window.from) {
                inside -= hit.count;
                first += 1;
            }
            if first != behind {
                self.found.push((unit, inside));
            }
            unit += 1;
        }
    }
}
