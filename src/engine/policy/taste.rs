//! What an answer is worth: the user's weights over quality, money and waiting.

/// On which scale money and waiting count.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Scale {
    /// Straight: so much per dollar and per second.
    Straight,
    /// Bounded: each part is `reference / (reference + x)`, 1/2 at the reference.
    Bounded {
        /// Dollars that halve the part of the cost.
        usd: f64,
        /// Seconds that halve the part of the latency.
        seconds: f64,
    },
}

/// The user's weights.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Taste {
    /// What full quality (1) is worth.
    pub quality: f64,
    /// What a dollar costs; or the weight of the cost part.
    pub cost: f64,
    /// What a second costs; or the weight of the latency part.
    pub wait: f64,
    /// What no answer at all costs.
    pub fail: f64,
    /// How money and waiting count.
    pub scale: Scale,
}

impl Taste {
    /// What an answer of this quality is worth, that cost so many dollars and came after so many seconds.
    pub fn utility(&self, quality: f64, usd: f64, seconds: f64) -> f64 {
        let paid = match self.scale {
            Scale::Straight => -self.cost * usd,
            Scale::Bounded { usd: reference, .. } => self.cost * reference / (reference + usd.max(0.0)),
        };
        self.quality * quality + paid + self.waiting(seconds)
    }

    /// What is lost by waiting so many seconds for nothing.
    pub fn wasted(&self, seconds: f64) -> f64 {
        self.waiting(0.0) - self.waiting(seconds)
    }

    fn waiting(&self, seconds: f64) -> f64 {
        match self.scale {
            Scale::Straight => -self.wait * seconds,
            Scale::Bounded { seconds: reference, .. } => self.wait * reference / (reference + seconds.max(0.0)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dearer_slower_and_worse_are_each_worth_less() {
        let bounded = Scale::Bounded { usd: 0.001, seconds: 4.0 };
        for scale in [Scale::Straight, bounded] {
            let taste = Taste { quality: 1.0, cost: 0.4, wait: 0.3, fail: 2.0, scale };
            let base = taste.utility(0.5, 0.002, 3.0);
            assert!(taste.utility(0.4, 0.002, 3.0) < base);
            assert!(taste.utility(0.5, 0.003, 3.0) < base);
            assert!(taste.utility(0.5, 0.002, 4.0) < base);
            assert!(taste.wasted(0.0).abs() < 1e-12 && taste.wasted(2.0) > taste.wasted(1.0));
        }
    }
}
