//! Multinomial logistic regression over sparse rows, by stochastic gradients with a step per weight (AdaGrad).
//! The order of the rows is fixed, so that the same data give the same weights.

use super::ridge::Row;

/// Passes over the rows; more change the held-out figures little.
const PASSES: usize = 8;
/// The first step of each weight.
const STEP: f32 = 0.25;
/// A prime larger than any number of rows here: its multiples visit every row in mixed order.
const STRIDE: usize = 1_000_003;
/// A row's weight is at most so many times the mean, or its gradient would throw the others' work away.
const HEAVIEST: f32 = 8.0;

/// One vector of weights per class, that give each row its class.
pub fn softmax(
    rows: &[Row],
    labels: &[usize],
    weights: &[f32],
    (classes, columns): (usize, usize),
    penalty: f32,
) -> Vec<Vec<f32>> {
    let mut found = vec![0.0_f32; classes * columns];
    let mut slopes = vec![1e-3_f32; classes * columns];
    let mean = weights.iter().sum::<f32>() / rows.len().max(1) as f32;
    for turn in 0..PASSES * rows.len() {
        let at = turn.wrapping_mul(STRIDE) % rows.len();
        let weight = (weights[at] / mean).min(HEAVIEST);
        let mut errors = chances(&rows[at], &found, classes, columns);
        errors[labels[at]] -= 1.0;
        for &(column, value) in &rows[at] {
            for (class, error) in errors.iter().enumerate() {
                let place = class * columns + column;
                let shrink = if column + 1 == columns { 0.0 } else { penalty * found[place] };
                let slope = weight * (error * value + shrink);
                slopes[place] += slope * slope;
                found[place] -= STEP * slope / slopes[place].sqrt();
            }
        }
    }
    found.chunks(columns).map(<[f32]>::to_vec).collect()
}

fn chances(row: &Row, found: &[f32], classes: usize, columns: usize) -> Vec<f32> {
    let sum = |class: usize| row.iter().map(|&(at, value)| found[class * columns + at] * value).sum::<f32>();
    let sums: Vec<f32> = (0..classes).map(sum).collect();
    let most = sums.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let powers: Vec<f32> = sums.iter().map(|sum| llmr::engine::math::exp_f32(sum - most)).collect();
    let total: f32 = powers.iter().sum();
    powers.iter().map(|power| power / total).collect()
}
