//! How the whole time of an answer grows with its length, over all candidates, where nobody sees the first token.

use serde::{Deserialize, Serialize};

use crate::engine::math;

/// The slope of log time over log tokens, from sums that fade. The default is: length does not matter.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Length {
    products: f64,
    squares: f64,
}

/// Times are kept as those of an answer of so many tokens.
pub const USUAL_TOKENS: f64 = 200.0;
/// A first token takes about as long as so many more (over the replayed hosts, median).
pub const FIRST_TOKENS: f64 = 20.0;
/// No slope is believed before answers of different lengths: the sum of squares that draws it to 0.
const CAUTION: f64 = 4.0;
/// What one newer answer leaves of an older one: the last two hundred decide.
const KEEP: f64 = 0.995;

impl Length {
    /// By how much the logarithm of the time is above that of a usual answer. 0 tokens: not known.
    pub fn longer(&self, tokens: f64) -> f64 {
        distance(tokens) * self.slope()
    }

    /// Takes in that an answer of so many tokens had this logarithm of its time, from a candidate whose usual
    /// answers have that one.
    pub fn observe(&mut self, tokens: f64, log_s: f64, usual_log_s: f64) {
        let x = distance(tokens);
        self.products = self.products * KEEP + x * (log_s - usual_log_s);
        self.squares = self.squares * KEEP + x * x;
    }

    /// Between 0 (length does not matter) and 1 (twice as long takes twice the time).
    pub fn slope(&self) -> f64 {
        (self.products / (self.squares + CAUTION)).clamp(0.0, 1.0)
    }
}

/// The logarithm of how many times as long as a usual answer one of so many tokens takes, where each token takes the
/// same time. 0 tokens: not known, a usual one.
pub fn distance(tokens: f64) -> f64 {
    if tokens <= 0.0 {
        return 0.0;
    }
    math::ln((tokens + FIRST_TOKENS) / (USUAL_TOKENS + FIRST_TOKENS))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn learned(power: f64) -> Length {
        let mut length = Length::default();
        for n in 0..300 {
            let tokens = [20.0, 100.0, 200.0, 800.0][n % 4];
            length.observe(tokens, distance(tokens) * power, 0.0);
        }
        length
    }

    #[test]
    fn length_counts_as_far_as_it_does() {
        assert!(learned(0.0).longer(800.0).abs() < 1e-9);
        assert!(learned(-1.0).longer(800.0).abs() < 1e-9, "longer answers are never quicker");
        let full = learned(1.0);
        assert!((full.longer(800.0) - distance(800.0)).abs() < 0.2 && full.longer(20.0) < -1.0);
        assert!(full.longer(0.0).abs() < 1e-9, "an unknown length is a usual one");
    }
}
