//! Fading sums of numbers, and the mean and spread that they make likely.

use serde::{Deserialize, Serialize};

/// Weight, sum and sum of squares of the numbers seen.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Sums {
    /// Weight of all numbers.
    pub weight: f64,
    /// Their sum.
    pub sum: f64,
    /// The sum of their squares.
    pub squares: f64,
}

impl Sums {
    /// The same with every weight times `by`.
    #[must_use]
    pub fn scaled(self, by: f64) -> Self {
        Self { weight: self.weight * by, sum: self.sum * by, squares: self.squares * by }
    }

    /// The same with one more number.
    #[must_use]
    pub fn with(self, x: f64, weight: f64) -> Self {
        Self { weight: self.weight + weight, sum: self.sum + weight * x, squares: self.squares + weight * x * x }
    }

    /// The mean, drawn to `prior` as if that had been seen with this weight.
    pub fn mean(&self, prior: f64, prior_weight: f64) -> f64 {
        (self.sum + prior * prior_weight) / (self.weight + prior_weight)
    }

    /// The variance, drawn to `prior` as if that had been seen with this weight.
    pub fn variance(&self, prior: f64, prior_weight: f64) -> f64 {
        let around = if self.weight > 0.0 { self.squares - self.sum * self.sum / self.weight } else { 0.0 };
        // Rounding may leave a little less than nothing.
        (around.max(0.0) + prior * prior_weight) / (self.weight + prior_weight)
    }
}

/// What is assumed of numbers before any was seen.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Assumed {
    /// Their mean.
    pub mean: f64,
    /// Their variance.
    pub variance: f64,
    /// As much as so many numbers seen.
    pub weight: f64,
}

/// A normal distribution of the mean of numbers, and the spread of the numbers around it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Posterior {
    /// The likeliest mean.
    pub mean: f64,
    /// The standard deviation of the mean itself.
    pub error: f64,
    /// The variance of a single number.
    pub variance: f64,
    /// How well it is known: 0 never seen, towards 1.
    pub seen: f64,
}

/// The same numbers twice: with a short memory for what is now, and a long one for what is usual.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Track {
    /// Fades within minutes.
    pub recent: Sums,
    /// Fades within hours.
    pub usual: Sums,
}

impl Track {
    /// Both memories with less weight.
    #[must_use]
    pub fn scaled(self, recent: f64, usual: f64) -> Self {
        Self { recent: self.recent.scaled(recent), usual: self.usual.scaled(usual) }
    }

    /// Both memories with one more number.
    #[must_use]
    pub fn with(self, x: f64, weight: f64) -> Self {
        Self { recent: self.recent.with(x, weight), usual: self.usual.with(x, weight) }
    }

    /// What is believed now: the recent numbers, drawn to the usual ones (weighing `pull`), those drawn to what is assumed.
    pub fn posterior(&self, assumed: &Assumed, pull: f64) -> Posterior {
        let usual = self.usual.mean(assumed.mean, assumed.weight);
        let variance = self.usual.variance(assumed.variance, assumed.weight.max(VARIANCE_WEIGHT));
        Posterior {
            mean: self.recent.mean(usual, pull),
            error: (variance / (self.recent.weight + pull)).sqrt(),
            variance,
            seen: self.usual.weight / (self.usual.weight + HALF_SEEN),
        }
    }
}

/// An assumed variance counts as so many numbers at least: two numbers alone say nothing about a spread.
const VARIANCE_WEIGHT: f64 = 2.0;
/// So many numbers make a candidate half known.
const HALF_SEEN: f64 = 0.5;

#[cfg(test)]
mod tests {
    use super::*;

    const ASSUMED: Assumed = Assumed { mean: 1.0, variance: 0.25, weight: 1.0 };

    #[test]
    fn nothing_seen_is_what_is_assumed() {
        let posterior = Track::default().posterior(&ASSUMED, 1.0);
        assert_eq!((posterior.mean, posterior.error, posterior.seen), (1.0, 0.5, 0.0));
    }

    #[test]
    fn numbers_draw_the_mean_to_them_and_narrow_it() {
        let mut track = Track::default();
        let mut error = f64::INFINITY;
        for _ in 0..20 {
            track = track.with(3.0, 1.0);
            let posterior = track.posterior(&ASSUMED, 1.0);
            assert!(posterior.error < error && posterior.mean < 3.0);
            error = posterior.error;
        }
        assert!(track.posterior(&ASSUMED, 1.0).mean > 2.9);
    }

    #[test]
    fn what_fades_goes_back_to_the_usual_and_that_to_what_is_assumed() {
        let mut track = Track::default();
        for x in [2.0, 2.0, 2.0, 2.0, 4.0, 4.0] {
            track = track.scaled(0.5, 1.0).with(x, 1.0);
        }
        let now = track.posterior(&ASSUMED, 1.0).mean;
        let later = track.scaled(1e-9, 1.0).posterior(&ASSUMED, 1.0).mean;
        let much_later = track.scaled(0.0, 1e-9).posterior(&ASSUMED, 1.0).mean;
        assert!(now > later && later > much_later && (much_later - 1.0).abs() < 1e-6, "{now} {later} {much_later}");
    }
}
