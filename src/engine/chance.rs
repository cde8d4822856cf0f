//! Draws from distributions, as pure functions of one 64-bit draw: the same draw gives the same numbers on every machine.

use super::draw;

/// A stream of random numbers begun at one draw: the counter of SplitMix64, hashed.
#[derive(Debug, Clone)]
pub struct Chance {
    start: u64,
    taken: i64,
}

impl Chance {
    /// The stream of this draw.
    pub fn new(draw: u64) -> Self {
        Self { start: draw, taken: 0 }
    }

    /// The next number in (0, 1].
    pub fn unit(&mut self) -> f64 {
        self.taken += 1;
        draw::unit(draw::of_request(self.start, self.taken))
    }

    /// The next number of the standard normal distribution (Box and Muller 1958; the second of the pair is left out).
    pub fn normal(&mut self) -> f64 {
        let radius = (-2.0 * self.unit().ln()).sqrt();
        radius * (std::f64::consts::TAU * self.unit()).cos()
    }

    /// The next number of the gamma distribution with this shape and scale 1 (Marsaglia and Tsang 2000).
    pub fn gamma(&mut self, shape: f64) -> f64 {
        if shape < 1.0 {
            let shrink = self.unit().powf(1.0 / shape.max(LEAST_SHAPE));
            return self.gamma(shape + 1.0) * shrink;
        }
        let d = shape - 1.0 / 3.0;
        let c = 1.0 / (9.0 * d).sqrt();
        (0..MOST_ROUNDS).find_map(|_| self.gamma_round(d, c)).unwrap_or(d)
    }

    /// The next number of the beta distribution, in [0, 1].
    pub fn beta(&mut self, successes: f64, failures: f64) -> f64 {
        let a = self.gamma(successes);
        let b = self.gamma(failures);
        if a + b > 0.0 { a / (a + b) } else { successes / (successes + failures) }
    }

    fn gamma_round(&mut self, d: f64, c: f64) -> Option<f64> {
        let x = self.normal();
        let v = (1.0 + c * x).powi(3);
        let accepted = v > 0.0 && self.unit().ln() < 0.5 * x * x + d - d * v + d * v.ln();
        accepted.then_some(d * v)
    }
}

/// Below this shape everything rounds to 0 anyway.
const LEAST_SHAPE: f64 = 1e-6;
/// The method accepts 95 of 100 rounds at least: so many refused ones do not happen.
const MOST_ROUNDS: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    fn moments(mut draw: impl FnMut(&mut Chance) -> f64) -> (f64, f64) {
        let mut chance = Chance::new(11);
        let xs: Vec<f64> = (0..40_000).map(|_| draw(&mut chance)).collect();
        let mean = xs.iter().sum::<f64>() / 40_000.0;
        (mean, xs.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / 40_000.0)
    }

    fn near(got: (f64, f64), mean: f64, variance: f64) {
        assert!((got.0 - mean).abs() < 0.03 * mean.abs().max(1.0), "{got:?} is not {mean}");
        assert!((got.1 - variance).abs() < 0.06 * variance.max(0.1), "{got:?} is not {variance}");
    }

    #[test]
    fn the_moments_are_those_of_the_distributions() {
        near(moments(Chance::normal), 0.0, 1.0);
        for shape in [0.3, 1.0, 4.5] {
            near(moments(|c| c.gamma(shape)), shape, shape);
        }
        near(moments(|c| c.beta(2.0, 6.0)), 0.25, 0.25 * 0.75 / 9.0);
        near(moments(|c| c.beta(0.9, 0.1)), 0.9, 0.09 / 2.0);
    }

    #[test]
    fn the_same_draw_gives_the_same_stream() {
        let (mut a, mut b) = (Chance::new(5), Chance::new(5));
        assert_eq!(a.beta(3.0, 2.0).to_bits(), b.beta(3.0, 2.0).to_bits());
        assert_ne!(Chance::new(5).unit().to_bits(), Chance::new(6).unit().to_bits());
    }

    #[test]
    fn odd_shapes_give_numbers_all_the_same() {
        for (a, b) in [(1e-9, 1e-9), (1e9, 1e-9), (1e-9, 1e9), (0.0, 1.0)] {
            let p = Chance::new(3).beta(a, b);
            assert!((0.0..=1.0).contains(&p), "{a}, {b}: {p}");
        }
    }
}
