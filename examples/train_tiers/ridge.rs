//! Least squares with a penalty, over sparse rows, by conjugate gradients; and a logistic curve by Newton.

/// Columns and values.
pub type Row = Vec<(usize, f32)>;

/// Steps of the conjugate gradients; more change the held-out figures in the fourth digit only.
const STEPS: usize = 20;

/// Weights that make the rows give what is wanted; the last column is the bias and not penalised.
pub fn ridge(rows: &[Row], wanted: &[f32], weights: &[f32], columns: usize, penalty: f32) -> Vec<f32> {
    let total: f32 = weights.iter().sum::<f32>().max(f32::MIN_POSITIVE);
    let mut rest = vec![0.0; columns];
    for ((row, wanted), weight) in rows.iter().zip(wanted).zip(weights) {
        row.iter().for_each(|&(at, value)| rest[at] += value * wanted * weight / total);
    }
    let mut found = vec![0.0; columns];
    let mut along = rest.clone();
    let mut size = dot(&rest, &rest);
    for _ in 0..STEPS {
        if size < 1e-12 {
            break;
        }
        let image = normal(rows, weights, total, penalty, &along);
        let far = size / dot(&along, &image).max(f32::MIN_POSITIVE);
        add(&mut found, far, &along);
        add(&mut rest, -far, &image);
        let next = dot(&rest, &rest);
        let turn = next / size;
        along.iter_mut().zip(&rest).for_each(|(along, rest)| *along = rest + turn * *along);
        size = next;
    }
    found
}

fn normal(rows: &[Row], weights: &[f32], total: f32, penalty: f32, along: &[f32]) -> Vec<f32> {
    let mut image: Vec<f32> = along.iter().map(|value| value * penalty).collect();
    if let Some(bias) = image.last_mut() {
        *bias = 0.0;
    }
    for (row, weight) in rows.iter().zip(weights) {
        let product = weight / total * row.iter().map(|&(at, value)| along[at] * value).sum::<f32>();
        row.iter().for_each(|&(at, value)| image[at] += value * product);
    }
    image
}

fn dot(one: &[f32], other: &[f32]) -> f32 {
    one.iter().zip(other).map(|(one, other)| one * other).sum()
}

fn add(to: &mut [f32], factor: f32, what: &[f32]) {
    to.iter_mut().zip(what).for_each(|(to, what)| *to += factor * what);
}

/// Offset and slope with `chance = sigmoid(offset - slope * x)`, of points `(x, chance, weight)`.
pub fn logistic(points: &[(f64, f64, f64)]) -> (f64, f64) {
    let (mut offset, mut slope) = (0.0, 0.0);
    for _ in 0..25 {
        let (mut g, mut h) = ([0.0; 2], [1e-6, 0.0, 1e-6]);
        for &(x, chance, weight) in points {
            let p: f64 = 1.0 / (1.0 + llmr::engine::math::exp(slope * x - offset));
            let (error, curve) = (weight * (chance - p), weight * p * (1.0 - p));
            g = [g[0] + error, g[1] - error * x];
            h = [h[0] + curve, h[1] - curve * x, h[2] + curve * x * x];
        }
        let determinant = h[0] * h[2] - h[1] * h[1];
        offset += (h[2] * g[0] - h[1] * g[1]) / determinant;
        slope += (h[0] * g[1] - h[1] * g[0]) / determinant;
    }
    (offset, slope)
}

/// The nearest float of half the size.
pub fn to_f32(value: f64) -> f32 {
    value as f32
}
