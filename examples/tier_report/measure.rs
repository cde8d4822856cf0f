//! The measures of a router, over plain numbers.

use llmr::engine::math;

/// A prompt to be sent to a weak or a strong model.
#[derive(Debug, Clone, Copy)]
pub struct Item {
    /// Higher goes to the strong model first.
    pub score: f64,
    pub weak: f64,
    pub strong: f64,
    /// Share in the mix.
    pub weight: f64,
}

/// Area under the share of the gap won back, drawn against the share of strong calls; equal scores are sent
/// together. `None` where there is no gap to win.
pub fn apgr(items: &[Item]) -> Option<f64> {
    let mut items = items.to_vec();
    items.sort_by(|a, b| b.score.total_cmp(&a.score));
    let total: f64 = items.iter().map(|item| item.weight).sum();
    let gap: f64 = items.iter().map(|item| (item.strong - item.weak) * item.weight).sum();
    let (mut won, mut area) = (0.0, 0.0);
    for tied in items.chunk_by(|a, b| a.score == b.score) {
        let more: f64 = tied.iter().map(|item| (item.strong - item.weak) * item.weight).sum();
        let wide: f64 = tied.iter().map(|item| item.weight).sum();
        area += (won + more / 2.0) * wide;
        won += more;
    }
    (gap > 0.05 * total).then(|| area / gap / total)
}

/// A prompt on the ladder: score and cost of each tier, and the tier picked.
#[derive(Debug, Clone, Copy)]
pub struct Rung {
    pub score: [f64; 4],
    pub cost: [f64; 4],
    pub picked: usize,
    pub weight: f64,
}

/// Ladder gain: 0 is the best mix of models at random for the same money, 1 the best choice per prompt for
/// the same money.
pub fn ladder(rungs: &[Rung]) -> f64 {
    let total: f64 = rungs.iter().map(|rung| rung.weight).sum();
    let mean = |pick: &dyn Fn(&Rung) -> usize| {
        let sum =
            |of: &dyn Fn(&Rung, usize) -> f64| rungs.iter().map(|r| r.weight * of(r, pick(r))).sum::<f64>() / total;
        (sum(&|r, at| r.cost[at]), sum(&|r, at| r.score[at]))
    };
    let (cost, quality) = mean(&|rung| rung.picked);
    let alone: Vec<(f64, f64)> = (0..4).map(|tier| mean(&|_| tier)).collect();
    let best: Vec<(f64, f64)> =
        (0..200).map(|step| mean(&|rung| richest(rung, 1e-2 * math::exp2(0.1 * f64::from(step))))).collect();
    let (random, possible) = (envelope(&alone, cost), envelope(&[alone, best].concat(), cost));
    (quality - random) / (possible - random)
}

/// The same against mixing all four models blindly in equal shares towards the strongest or the cheapest:
/// 0 is the straight line from the cheapest model to the dearest.
pub fn ladder_over_ends(rungs: &[Rung]) -> f64 {
    let total: f64 = rungs.iter().map(|rung| rung.weight).sum();
    let mean = |pick: &dyn Fn(&Rung) -> usize| {
        let sum =
            |of: &dyn Fn(&Rung, usize) -> f64| rungs.iter().map(|r| r.weight * of(r, pick(r))).sum::<f64>() / total;
        (sum(&|r, at| r.cost[at]), sum(&|r, at| r.score[at]))
    };
    let (cost, quality) = mean(&|rung| rung.picked);
    let ends = [mean(&|_| 0), mean(&|_| 3)];
    let best: Vec<(f64, f64)> =
        (0..200).map(|step| mean(&|rung| richest(rung, 1e-2 * math::exp2(0.1 * f64::from(step))))).collect();
    let (random, possible) = (envelope(&ends, cost), envelope(&[ends.to_vec(), best].concat(), cost));
    (quality - random) / (possible - random)
}

/// The tier worth most when a dollar is worth so much success; the cheapest of equals.
fn richest(rung: &Rung, worth: f64) -> usize {
    let value = |at: usize| rung.score[at] - worth * rung.cost[at];
    (1..4).fold(0, |best, at| if value(at) > value(best) { at } else { best })
}

/// The best quality for a cost by mixing points.
fn envelope(points: &[(f64, f64)], cost: f64) -> f64 {
    let mut best = f64::NEG_INFINITY;
    for &(c1, q1) in points {
        if c1 <= cost {
            best = best.max(q1);
        }
        for &(c2, q2) in points.iter().filter(|&&(c2, _)| c1 <= cost && c2 > cost) {
            best = best.max(q1 + (q2 - q1) * (cost - c1) / (c2 - c1));
        }
    }
    best
}

/// Mean and standard deviation.
pub fn spread(values: &[f64]) -> (f64, f64) {
    let n = values.len().max(1) as f64;
    let mean = values.iter().sum::<f64>() / n;
    (mean, (values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / n).sqrt())
}
