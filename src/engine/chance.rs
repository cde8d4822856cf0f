//! Draws from distributions, as pure functions of one 64-bit draw: the same draw gives the same numbers on every machine.

use super::{draw, math};

/// A stream of random numbers begun at one draw: SplitMix64.
#[derive(Debug, Clone)]
pub struct Chance(u64);

impl Chance {
    /// The stream of this draw.
    pub fn new(draw: u64) -> Self {
        Self(draw)
    }

    /// The next number in (0, 1].
    pub fn unit(&mut self) -> f64 {
        let number = draw::unit(draw::mix(self.0));
        self.skip();
        number
    }

    /// Goes past the next number.
    pub fn skip(&mut self) {
        self.0 = self.0.wrapping_add(draw::GOLDEN);
    }

    /// The next number of the standard normal distribution.
    pub fn normal(&mut self) -> f64 {
        normal_quantile(self.unit())
    }

    /// The next number of the gamma distribution with this shape and scale 1 (Marsaglia and Tsang 2000).
    pub fn gamma(&mut self, shape: f64) -> f64 {
        if shape < 1.0 {
            let shrink = math::powf(self.unit(), 1.0 / shape.max(LEAST_SHAPE));
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
        if v <= 0.0 {
            return None;
        }
        let u = self.unit();
        // Most is within the first bound, and needs no logarithm.
        (u < within(x) || math::ln(u) < log_bound(x, d, v)).then_some(d * v)
    }
}

/// Marsaglia and Tsang's bound of the number that is drawn beside a normal one, by its logarithm.
fn log_bound(x: f64, d: f64, v: f64) -> f64 {
    0.5 * x * x + d - d * v + d * math::ln(v)
}

/// A number that is never above that bound.
fn within(x: f64) -> f64 {
    1.0 - 0.0331 * x.powi(4)
}

/// The standard normal distribution's quantile of p in (0, 1], to a part in 10^5: algorithm AS 241 (Wichura 1988), by its
/// shorter polynomials. Six of seven draws need nothing but arithmetic.
fn normal_quantile(p: f64) -> f64 {
    let q = p - 0.5;
    if q.abs() <= 0.425 {
        let r = 0.180_625 - q * q;
        let over = ((59.109_374_720 * r + 159.291_132_02) * r + 50.434_271_938) * r + 3.387_132_717_9;
        let under = ((67.187_563_600 * r + 78.757_757_664) * r + 17.895_169_469) * r + 1.0;
        return q * over / under;
    }
    let r = (-math::ln(p.min(1.0 - p).max(LEAST_TAIL))).sqrt() - 1.6;
    let over = ((0.170_238_211_03 * r + 1.306_728_481_6) * r + 2.756_815_390_0) * r + 1.423_437_277_7;
    let under = (0.120_211_329_75 * r + 0.737_001_642_50) * r + 1.0;
    (over / under).copysign(q)
}

/// Half of the least number that is drawn: beyond the greatest one, 1, there is something too.
const LEAST_TAIL: f64 = f64::EPSILON / 4.0;

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
    fn quantiles_are_those_of_the_normal_distribution() {
        // From tables of its cumulative function: middle, both sides of where another polynomial begins, tails.
        for (p, z) in [
            (0.5, 0.0),
            (0.6, 0.253_347_1),
            (0.9, 1.281_551_6),
            (0.925, 1.439_531_5),
            (0.95, 1.644_853_6),
            (0.99, 2.326_347_9),
            (0.999_999, 4.753_424_3),
        ] {
            assert!((normal_quantile(p) - z).abs() < 1e-5, "{p}: {}", normal_quantile(p));
            assert!((normal_quantile(1.0 - p) + z).abs() < 1e-5, "{p} mirrored");
        }
        let (least, most) = (normal_quantile(f64::EPSILON / 2.0), normal_quantile(1.0));
        assert!((-8.3..-8.1).contains(&least) && (8.2..8.4).contains(&most), "{least}, {most}");
    }

    #[test]
    fn what_is_within_the_first_bound_is_within_the_other() {
        for (shape, step) in [(1.0, 0.01), (1.3, 0.013), (7.0, 0.017), (400.0, 0.011)] {
            let (d, mut x) = (shape - 1.0 / 3.0, -4.0_f64);
            let c = 1.0 / (9.0_f64 * d).sqrt();
            while x < 4.0 {
                let (v, most) = ((1.0 + c * x).powi(3), within(x));
                if v > 0.0 && most > 0.0 {
                    assert!(math::ln(most) <= log_bound(x, d, v) + 1e-12, "{shape} {x}");
                }
                x += step;
            }
        }
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
