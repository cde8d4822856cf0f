//! The user's wishes as plain values: the day's limit, the weights of a score, strategy and mode.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::NanoUsd;

/// The most that a day may cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    /// No limit.
    Off,
    /// This much; 0 allows free answers only.
    Usd(NanoUsd),
}

impl Limit {
    /// The amount, `None` when there is no limit.
    pub fn amount(self) -> Option<NanoUsd> {
        match self {
            Self::Off => None,
            Self::Usd(amount) => Some(amount),
        }
    }

    /// The tighter of two.
    #[must_use]
    pub fn tighter(self, other: Self) -> Self {
        match (self.amount(), other.amount()) {
            (Some(a), Some(b)) => Self::Usd(a.min(b)),
            (None, _) => other,
            (_, None) => self,
        }
    }

    /// Whether it allows more than another.
    pub fn is_looser_than(self, other: Self) -> bool {
        self != other && self.tighter(other) == other
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Off => f.write_str("off"),
            Self::Usd(amount) => amount.fmt(f),
        }
    }
}

impl FromStr for Limit {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        match text.trim() {
            "off" => Ok(Self::Off),
            amount => amount
                .parse()
                .map(Self::Usd)
                .map_err(|_| format!("`{amount}` is neither an amount in USD such as 5 or 0.25 nor `off`")),
        }
    }
}

/// How much cost, latency and quality count in a score. Normalised: they sum to 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Weights {
    /// Share of the cost part.
    pub cost: f64,
    /// Share of the latency part.
    pub latency: f64,
    /// Share of the quality part.
    pub quality: f64,
}

impl Default for Weights {
    /// The contract's 0.4 / 0.3 / 0.3.
    fn default() -> Self {
        Self { cost: 0.4, latency: 0.3, quality: 0.3 }
    }
}

impl FromStr for Weights {
    type Err = String;
    /// Three non-negative numbers such as `0.4,0.3,0.3` or `2,1,1`, not all 0; only their ratio counts.
    fn from_str(text: &str) -> Result<Self, String> {
        let parts: Option<Vec<f64>> = text.split(',').map(|part| part.trim().parse().ok()).collect();
        match parts.as_deref() {
            Some(&[cost, latency, quality])
                if [cost, latency, quality].iter().all(|w| w.is_finite() && *w >= 0.0)
                    && cost + latency + quality > 0.0 =>
            {
                // The sum of huge ones would be infinite and every share 0; a quarter of each is exact and fits.
                let scale = if (cost + latency + quality).is_finite() { 1.0 } else { 0.25 };
                let [cost, latency, quality] = [cost * scale, latency * scale, quality * scale];
                let sum = cost + latency + quality;
                Ok(Self { cost: cost / sum, latency: latency / sum, quality: quality / sum })
            }
            _ => Err(format!("`{text}` is not three weights such as 0.4,0.3,0.3")),
        }
    }
}

impl fmt::Display for Weights {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{},{},{}", self.cost, self.latency, self.quality)
    }
}

macro_rules! named {
    ($(#[$doc:meta])* $type:ident { $($(#[$vdoc:meta])* $variant:ident $name:literal),* $(,)? } default $default:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
        pub enum $type { $($(#[$vdoc])* #[serde(rename = $name)] $variant),* }

        impl $type {
            /// Every one of them.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// Its name on the command line and in JSON.
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name),* }
            }
        }

        impl Default for $type {
            fn default() -> Self { Self::$default }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { f.write_str(self.name()) }
        }

        impl FromStr for $type {
            type Err = String;
            fn from_str(text: &str) -> Result<Self, String> {
                Self::ALL.iter().copied().find(|v| v.name() == text).ok_or_else(|| {
                    let names: Vec<_> = Self::ALL.iter().map(|v| v.name()).collect();
                    format!("`{text}` is not one of {}", names.join(", "))
                })
            }
        }
    };
}

named! {
    /// How candidates are put in order.
    Strategy {
        /// By score, the best first.
        Weighted "weighted",
        /// By expected cost.
        Cheapest "cheapest",
        /// By expected latency.
        Fastest "fastest",
        /// By success rate.
        Reliable "reliable",
        /// In the user's own order.
        Priority "priority",
        /// In turn.
        RoundRobin "round-robin",
        /// At random, by score.
        Balanced "balanced",
    } default Weighted
}

named! {
    /// What a request does besides answering.
    Mode {
        /// Answers.
        Production "production",
        /// Says what it would do, and stops.
        DryRun "dry-run",
        /// Answers, and records what the other strategies would have chosen.
        Shadow "shadow",
    } default Production
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tighter_limit_wins_and_off_is_the_loosest() {
        let usd = |n| Limit::Usd(NanoUsd(n));
        assert_eq!(usd(5).tighter(usd(3)), usd(3));
        assert_eq!(Limit::Off.tighter(usd(3)), usd(3));
        assert!(Limit::Off.is_looser_than(usd(3)));
        assert!(usd(4).is_looser_than(usd(3)));
        assert!(!usd(3).is_looser_than(usd(3)));
        assert!(!usd(3).is_looser_than(Limit::Off));
    }

    #[test]
    fn weights_are_a_ratio() {
        let weights: Weights = "2,1,1".parse().unwrap();
        assert_eq!(weights, Weights { cost: 0.5, latency: 0.25, quality: 0.25 });
        let huge: Weights = "1e308,1e308,1e308".parse().unwrap();
        assert!((huge.cost + huge.latency + huge.quality - 1.0).abs() < 1e-9, "{huge}");
        for bad in ["", "1,2", "0,0,0", "-1,1,1", "a,b,c", "1,2,3,4", "inf,1,1"] {
            assert!(bad.parse::<Weights>().is_err(), "{bad}");
        }
    }
}
