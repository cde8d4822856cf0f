//! How the coefficients of a profile are read, and what is assumed of a tier.
//!
//! As they stand: utility = q × quality − c × dollars − l × seconds, and −fail without an answer. Where money could then
//! never matter, as an answer costs a fraction of a cent, c is a share rather than a rate, and is read as relative to
//! the dearest provider's price. The other coefficients are never reread: measured over other units, a wait that counts
//! too much costs little, one that counts too little costs a lot.

use super::protocol::{Profile, Provider};
use crate::engine::policy::{Scale, Taste};
use crate::engine::score::quality_of_tier;

/// A usual request, in tokens read and written: about the means of a public trace of conversations (Azure, 2023).
pub(super) const USUAL_TOKENS: (f64, f64) = (1000.0, 200.0);
/// Money that never makes up this share of quality cannot be meant: a hundredth is less than its ratings' noise …
const LEAST_SHARE: f64 = 0.01;
/// … unless c is so many times more than all the rest, which no share is.
const MOST_SHARE: f64 = 2.0;

/// The taste that a profile means for these providers.
pub fn read(profile: &Profile, providers: &[Provider]) -> Taste {
    let prices = providers.iter().filter_map(|p| list_usd(p, USUAL_TOKENS.0, USUAL_TOKENS.1));
    let dearest = prices.fold(0.0, f64::max);
    let negligible = profile.c * dearest < LEAST_SHARE * profile.q.abs();
    let share = profile.c <= MOST_SHARE * (profile.q.abs() + profile.fail.abs());
    let cost = if negligible && share && dearest > 0.0 { profile.c / dearest } else { profile.c };
    Taste { quality: profile.q, cost, wait: profile.l, fail: profile.fail, scale: Scale::Straight }
}

/// The list price of a request in USD, if it is known.
pub(super) fn list_usd(provider: &Provider, read: f64, written: f64) -> Option<f64> {
    Some((provider.usd_in? * read + provider.usd_out? * written) / 1e6)
}

/// The quality assumed of a tier before any answer is rated; a number counts from 0 up.
pub(super) fn quality(tier: Option<&serde_json::Value>) -> f64 {
    let step = match tier {
        Some(serde_json::Value::String(name)) => match name.as_str() {
            "fast" | "small" | "low" => 0.0,
            "advanced" | "large" | "high" => 2.0,
            "premium" => 3.0,
            _ => 1.0,
        },
        Some(value) => value.as_f64().unwrap_or(1.0).clamp(0.0, 4.0),
        None => 1.0,
    };
    quality_of_tier(step)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taste(q: f64, c: f64) -> Taste {
        let provider = Provider { name: "a".into(), group: None, usd_in: Some(1.0), usd_out: Some(2.0), tier: None };
        read(&Profile { q, c, l: 0.05, fail: 2.0 }, &[provider])
    }

    #[test]
    fn coefficients_that_make_sense_are_taken_as_they_stand() {
        let taste = taste(1.0, 100.0);
        assert_eq!((taste.quality, taste.cost, taste.wait, taste.fail), (1.0, 100.0, 0.05, 2.0));
        assert!((self::taste(1.0, 6.9).cost - 6.9).abs() < 1e-12, "too much for a share");
    }

    #[test]
    fn a_cost_that_could_never_matter_is_relative_to_the_dearest() {
        assert!((taste(1.0, 0.4).cost - 0.4 / 0.0014).abs() < 1e-9);
        assert!(taste(1.0, 0.0).cost.abs() < 1e-12);
    }

    #[test]
    fn a_higher_tier_is_assumed_to_be_better() {
        let named = ["fast", "balanced", "advanced", "premium"].map(|name| quality(Some(&name.into())));
        assert!(named.is_sorted() && named[0] < named[3]);
        assert!(quality(Some(&3.into())) > quality(Some(&1.into())));
        assert!((quality(None) - quality(Some(&"70b".into()))).abs() < 1e-12);
    }
}
