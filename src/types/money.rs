//! Money as integers: nano-dollars for amounts, pico-dollars per token for prices.

use std::fmt;
use std::iter::Sum;
use std::ops::{Add, AddAssign, Sub};
use std::str::FromStr;

use serde::ser::Error;
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

/// An amount of money in nano-dollars (1 USD = 1,000,000,000).
///
/// Additions saturate: an amount that large is wrong anyway, and a wrapped one would open the budget.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NanoUsd(pub i64);

/// Why a text is not an amount of money.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParseMoneyError {
    /// Not a plain decimal number such as `5`, `0.25` or `12.000000001`.
    #[error("`{0}` is not an amount in USD such as 5 or 0.25")]
    NotANumber(String),
    /// More than about nine billion dollars.
    #[error("`{0}` is more money than llmr can count")]
    TooLarge(String),
}

/// What to do with digits below the last place that can be kept.
#[derive(Clone, Copy)]
enum Rest {
    RoundUp,
    Refuse,
}

impl NanoUsd {
    /// No money.
    pub const ZERO: Self = Self(0);
    /// The largest amount: nothing sums up to more.
    pub const MAX: Self = Self(i64::MAX);

    /// The amount of a non-negative decimal number of dollars, rounded **up** to a whole nano-dollar.
    ///
    /// Exact: works on the digits, never on a binary fraction.
    pub fn from_decimal_ceil(text: &str) -> Result<Self, ParseMoneyError> {
        decimal(text, 9, Rest::RoundUp).map(Self)
    }

    /// The amount of a JSON number of dollars, rounded up to a whole nano-dollar.
    ///
    /// Uses the shortest decimal that names the same float, which is what the sender wrote
    /// (up to 15 digits), so that 0.00014 is 140,000 nano-dollars and not one more.
    /// `None` for negative, infinite or absurdly large numbers.
    pub fn from_f64_ceil(usd: f64) -> Option<Self> {
        if !usd.is_finite() || usd < 0.0 {
            return None;
        }
        // A zero may have a sign, which no decimal has.
        Self::from_decimal_ceil(&format!("{}", usd.abs())).ok()
    }

    /// As dollars, for scores and reports; exact enough for display, never for accounting.
    pub fn as_usd(self) -> f64 {
        // 2^53 nano-dollars are nine million dollars: below that the division is the only rounding.
        #[allow(clippy::cast_precision_loss)]
        let nano = self.0 as f64;
        nano / 1e9
    }

    /// The difference, never below zero.
    pub fn saturating_sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0).max(0))
    }

    /// This share of the amount, in percent, rounded down.
    pub fn percent(self, pct: f64) -> Self {
        #[allow(clippy::cast_possible_truncation, clippy::cast_precision_loss)]
        Self((self.0 as f64 * pct / 100.0) as i64)
    }
}

impl Add for NanoUsd {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl AddAssign for NanoUsd {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl Sub for NanoUsd {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

impl Sum for NanoUsd {
    fn sum<I: Iterator<Item = Self>>(amounts: I) -> Self {
        amounts.fold(Self::ZERO, Add::add)
    }
}

/// The exact decimal, without trailing zeros: `0.00014`, `5`, `-0.5`.
impl fmt::Display for NanoUsd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let nano = self.0.unsigned_abs();
        let (whole, part) = (nano / 1_000_000_000, nano % 1_000_000_000);
        if part == 0 {
            return write!(f, "{sign}{whole}");
        }
        let digits = format!("{part:09}");
        write!(f, "{sign}{whole}.{}", digits.trim_end_matches('0'))
    }
}

impl FromStr for NanoUsd {
    type Err = ParseMoneyError;
    /// A user's own amount: digits below a nano-dollar are refused rather than rounded.
    fn from_str(text: &str) -> Result<Self, ParseMoneyError> {
        decimal(text.trim(), 9, Rest::Refuse).map(Self)
    }
}

/// In JSON money is an exact decimal number of dollars with at most nine places, never `1e-9`.
///
/// A float would print small amounts with an exponent, so the digits go out as a raw number.
/// A `serde_json::Value` made from it holds a float (exact to the nano-dollar up to eight million
/// dollars); only `output::json` prints such a value without an exponent. For JSON alone:
/// another format would see `serde_json`'s private wrapper.
impl Serialize for NanoUsd {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.0 % 1_000_000_000 == 0 {
            return serializer.serialize_i64(self.0 / 1_000_000_000);
        }
        RawValue::from_string(self.to_string()).map_err(S::Error::custom)?.serialize(serializer)
    }
}

/// A price per token in pico-dollars: 1 USD per million tokens is 1,000,000.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Rate(pub u64);

impl Rate {
    /// A free token.
    pub const FREE: Self = Self(0);

    /// The rate of a price in USD per million tokens, rounded up to a whole pico-dollar per token.
    pub fn from_usd_per_mtok(usd: f64) -> Option<Self> {
        if !usd.is_finite() || usd < 0.0 {
            return None;
        }
        let pico = decimal(&format!("{}", usd.abs()), 6, Rest::RoundUp).ok()?;
        u64::try_from(pico).ok().map(Self)
    }

    /// The same, for tables: reads a literal such as `"0.25"` at compile time.
    ///
    /// Panics (while compiling) on anything but digits with at most one point and six decimals.
    #[expect(clippy::panic, reason = "evaluated while compiling: a bad literal never reaches a user")]
    pub const fn usd_per_mtok(literal: &str) -> Self {
        let digits = literal.as_bytes();
        let (mut pico, mut places, mut point, mut i) = (0u64, 0, false, 0);
        while i < digits.len() {
            match digits[i] {
                b'.' if !point => point = true,
                digit @ b'0'..=b'9' => {
                    pico = pico * 10 + (digit - b'0') as u64;
                    places += point as u32;
                }
                _ => panic!("a price is digits with at most one point"),
            }
            i += 1;
        }
        assert!(places <= 6, "a price has at most six decimals");
        Self(pico * 10u64.pow(6 - places))
    }

    /// USD per million tokens.
    pub fn as_usd_per_mtok(self) -> f64 {
        #[allow(clippy::cast_precision_loss)]
        let pico = self.0 as f64;
        pico / 1e6
    }

    /// What so many tokens cost, in pico-dollars.
    pub fn pico(self, tokens: u64) -> u128 {
        u128::from(self.0) * u128::from(tokens)
    }
}

/// Pico-dollars rounded up to whole nano-dollars; saturates.
pub(super) fn nano_from_pico(pico: u128) -> NanoUsd {
    // A wide division takes several times as long as one of 64 bits.
    let nano = match u64::try_from(pico) {
        Ok(pico) => i64::try_from(pico.div_ceil(1000)),
        Err(_) => i64::try_from(pico.div_ceil(1000)),
    };
    NanoUsd(nano.unwrap_or(i64::MAX))
}

/// A non-negative decimal as an integer of `10^-places`.
fn decimal(text: &str, places: usize, rest: Rest) -> Result<i64, ParseMoneyError> {
    let not_a_number = || ParseMoneyError::NotANumber(text.to_owned());
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    let digits = |s: &str| s.bytes().all(|b| b.is_ascii_digit());
    if (whole.is_empty() && part.is_empty()) || !digits(whole) || !digits(part) {
        return Err(not_a_number());
    }
    let (kept, below) = part.split_at(part.len().min(places));
    let up = below.bytes().any(|b| b != b'0');
    if up && matches!(rest, Rest::Refuse) {
        return Err(not_a_number());
    }
    format!("0{whole}{kept:0<places$}")
        .parse::<i64>()
        .ok()
        .and_then(|n| n.checked_add(i64::from(up)))
        .ok_or_else(|| ParseMoneyError::TooLarge(text.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_are_read_digit_by_digit() {
        for (text, nano) in [
            ("5", 5_000_000_000),
            ("0.25", 250_000_000),
            (".5", 500_000_000),
            ("5.", 5_000_000_000),
            ("0.000000001", 1),
            ("12.000000001", 12_000_000_001),
        ] {
            assert_eq!(text.parse::<NanoUsd>(), Ok(NanoUsd(nano)), "{text}");
        }
    }

    #[test]
    fn what_is_not_an_amount_is_refused() {
        for text in ["", ".", "-1", "1e3", "1.5x", "5 USD", "0.0000000001", "١", "+1", "NaN"] {
            assert_eq!(text.parse::<NanoUsd>(), Err(ParseMoneyError::NotANumber(text.into())));
        }
        assert_eq!("99999999999".parse::<NanoUsd>(), Err(ParseMoneyError::TooLarge("99999999999".into())));
    }

    #[test]
    fn reported_costs_round_up_but_not_for_the_float_s_sake() {
        assert_eq!(NanoUsd::from_f64_ceil(0.00014), Some(NanoUsd(140_000)));
        assert_eq!(NanoUsd::from_f64_ceil(0.000_000_000_1), Some(NanoUsd(1)));
        assert_eq!(NanoUsd::from_f64_ceil(-1.0), None);
        assert_eq!(NanoUsd::from_f64_ceil(f64::NAN), None);
        assert_eq!(NanoUsd::from_f64_ceil(1e300), None);
    }

    #[test]
    fn shown_as_the_shortest_exact_decimal() {
        for (nano, text) in [(0, "0"), (1, "0.000000001"), (140_000, "0.00014"), (-500_000_000, "-0.5")] {
            assert_eq!(NanoUsd(nano).to_string(), text);
        }
        assert_eq!(serde_json::to_string(&NanoUsd(140_000)).unwrap(), "0.00014");
        assert_eq!(serde_json::to_string(&NanoUsd(0)).unwrap(), "0");
    }

    #[test]
    fn json_has_every_digit_and_no_exponent() {
        for (nano, text) in [
            (1, "0.000000001"),
            (500, "0.0000005"),
            (140_000, "0.00014"),
            (-1, "-0.000000001"),
            (2_000_000_000, "2"),
            (12_345_678_123_456_789, "12345678.123456789"),
            (i64::MAX, "9223372036.854775807"),
        ] {
            assert_eq!(serde_json::to_string(&NanoUsd(nano)).unwrap(), text);
            assert_eq!(serde_json::to_string(&Some(NanoUsd(nano))).unwrap(), text);
            let value = serde_json::to_value(Some(NanoUsd(nano))).unwrap();
            assert_eq!(value.as_f64().unwrap(), text.parse::<f64>().unwrap(), "{text}");
        }
        assert_eq!(serde_json::to_string(&None::<NanoUsd>).unwrap(), "null");
    }

    #[test]
    fn sums_saturate() {
        assert_eq!(NanoUsd::MAX + NanoUsd(1), NanoUsd::MAX);
        assert_eq!(NanoUsd(1).saturating_sub(NanoUsd(5)), NanoUsd::ZERO);
    }

    #[test]
    #[should_panic(expected = "a price is digits with at most one point")]
    fn a_price_in_a_table_has_one_point() {
        Rate::usd_per_mtok("1.2.3");
    }

    #[test]
    fn a_rate_is_exact_and_a_cost_rounds_up_once() {
        const CHEAP: Rate = Rate::usd_per_mtok("0.0025");
        assert_eq!(CHEAP, Rate(2500));
        assert_eq!(Rate::from_usd_per_mtok(0.0025), Some(CHEAP));
        assert_eq!(nano_from_pico(CHEAP.pico(1)), NanoUsd(3));
        assert_eq!(nano_from_pico(CHEAP.pico(2)), NanoUsd(5));
        // Around the largest number of 64 bits, and the largest that there is.
        let edge = u128::from(u64::MAX);
        for pico in [edge - 1, edge, edge + 1, edge + 1000] {
            let nano = i64::try_from(pico.div_ceil(1000)).unwrap();
            assert_eq!(nano_from_pico(pico), NanoUsd(nano), "{pico}");
        }
        assert_eq!(nano_from_pico(u128::MAX), NanoUsd::MAX);
    }
}
