//! e^x, 2^x, powers and logarithms in plain arithmetic: the same to the last bit on every machine.
//!
//! The C library's are neither that nor free: they are in a library of their own, which every process would load when it
//! begins, whatever it does (3 to 5 % of a short command). As the tests find, [`exp`] and [`ln`] are within two units in the
//! last place of the C library's, [`exp2`] and [`powf`] within a part in 10^13.

use std::f64::consts::{LN_2, LOG2_E};

/// So many powers of 2 from 1 to 2 are kept. What is left of an exponent is then below 0.0014, and four terms of the series
/// are as good as all.
const STEPS: u32 = 256;

/// 2^(n / [`STEPS`]).
const POWERS: [f64; STEPS as usize] = {
    let mut powers = [1.0; STEPS as usize];
    let mut n = 1;
    while n < STEPS {
        powers[n as usize] = series(LN_2 * n as f64 / STEPS as f64);
        n += 1;
    }
    powers
};

/// ln 2 as a number whose last 21 bits are 0, so that its multiples are exact, and what is left of it (as in fdlibm).
const LN_2_HIGH: f64 = f64::from_bits(LN_2.to_bits() & !0x1f_ffff);
/// See [`LN_2_HIGH`].
const LN_2_LOW: f64 = 1.908_214_929_270_587_7e-10;

/// e^x for x in [0, 1), by all terms of its series that say anything, the last one first.
const fn series(x: f64) -> f64 {
    let (mut sum, mut n) = (1.0, 24u32);
    while n > 0 {
        sum = 1.0 + sum * x / n as f64;
        n -= 1;
    }
    sum
}

/// e^x. Beyond ±708 it is infinite, or 0.
#[inline]
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
pub fn exp(x: f64) -> f64 {
    /// A number whose last bits count units: what is added to it is rounded to a whole number there.
    const UNITS: f64 = 1.5 * (1_u64 << 52) as f64;
    const LIMIT: f64 = 708.0;
    match x {
        _ if x.abs() <= LIMIT => {}
        _ if x.is_nan() => return x,
        _ => return if x > 0.0 { f64::INFINITY } else { 0.0 },
    }
    // x is a number of steps of ln 2 / STEPS, and a rest.
    let counted = x * (LOG2_E * f64::from(STEPS)) + UNITS;
    let steps = counted - UNITS;
    let rest = x - steps * (LN_2_HIGH / f64::from(STEPS)) - steps * (LN_2_LOW / f64::from(STEPS));
    let steps = counted.to_bits().wrapping_sub(UNITS.to_bits()).cast_signed();
    let power = POWERS[(steps & i64::from(STEPS - 1)) as usize];
    let doubled = f64::from_bits(((1023 + (steps >> STEPS.trailing_zeros())) as u64) << 52);
    let square = rest * rest;
    let beyond_one = rest + square * (0.5 + rest * (1.0 / 6.0) + square * (1.0 / 24.0));
    (power + power * beyond_one) * doubled
}

/// e^x of a smaller number.
#[inline]
#[allow(clippy::cast_possible_truncation)]
pub fn exp_f32(x: f32) -> f32 {
    exp(x.into()) as f32
}

/// 2^x.
#[inline]
pub fn exp2(x: f64) -> f64 {
    exp(x * LN_2)
}

/// x^y, for x above 0.
#[inline]
pub fn powf(x: f64, y: f64) -> f64 {
    exp(y * ln(x))
}

/// The natural logarithm.
#[inline]
pub const fn ln(x: f64) -> f64 {
    /// The bits of √½.
    const HALF_ROOT: u64 = std::f64::consts::FRAC_1_SQRT_2.to_bits();
    const MANTISSA: u64 = (1 << 52) - 1;
    if !x.is_normal() || x < 0.0 {
        return ln_of_others(x);
    }
    // x is 2^e × m, m from √½ to √2.
    let bits = x.to_bits().wrapping_sub(HALF_ROOT).cast_signed();
    let m = f64::from_bits((bits.cast_unsigned() & MANTISSA) + HALF_ROOT);
    #[allow(clippy::cast_precision_loss)]
    let e = (bits >> 52) as f64;
    // ln m = 2 (s + s^3/3 + s^5/5 + …)
    let s = (m - 1.0) / (m + 1.0);
    let z = s * s;
    let (z2, z4) = (z * z, z * z * z * z);
    let terms = pair(3.0, 5.0, z)
        + z2 * pair(7.0, 9.0, z)
        + z4 * (pair(11.0, 13.0, z) + z2 * pair(15.0, 17.0, z) + z4 * pair(19.0, 21.0, z));
    e * LN_2_HIGH + (2.0 * s + (2.0 * s * z * terms + e * LN_2_LOW))
}

/// 1/a + z/b.
#[inline]
const fn pair(a: f64, b: f64, z: f64) -> f64 {
    1.0 / a + z * (1.0 / b)
}

/// The natural logarithm of a smaller number.
#[inline]
#[allow(clippy::cast_possible_truncation)]
pub fn ln_f32(x: f32) -> f32 {
    ln(x.into()) as f32
}

/// Of what is no ordinary number above 0.
#[cold]
const fn ln_of_others(x: f64) -> f64 {
    match x {
        0.0 => f64::NEG_INFINITY,
        f64::INFINITY => x,
        _ if x.is_subnormal() && x > 0.0 => ln(x * (1_u64 << 54) as f64) - 54.0 * LN_2,
        _ => f64::NAN,
    }
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "held against the C library's")]
mod tests {
    use super::*;
    use crate::engine::draw;

    /// How many units in the last place two numbers are apart.
    fn apart(got: f64, wanted: f64) -> f64 {
        if got == wanted { 0.0 } else { (got - wanted).abs() / (wanted.next_up() - wanted).abs() }
    }

    /// Numbers of every size, some of them around 0 and 1.
    fn numbers() -> impl Iterator<Item = f64> {
        (0..300_000).map(|n| {
            let part = draw::unit(draw::mix(n)) - 0.5;
            part * [1400.0, 60.0, 2.0, 1e-3, 1e-9, 0.0][n as usize % 6]
        })
    }

    /// Where the number of steps changes, and what lies beside.
    fn edges() -> impl Iterator<Item = f64> {
        let edge = |n: i32| (f64::from(n) + 0.5) * LN_2 / f64::from(STEPS);
        (-261_000..261_000).step_by(61).flat_map(move |n| [edge(n).next_down(), edge(n), edge(n).next_up()])
    }

    #[test]
    fn they_are_what_the_library_s_are() {
        for x in numbers().chain(edges()) {
            assert!(apart(exp(x), x.exp()) <= 2.0, "e^{x}: {} is not {}", exp(x), x.exp());
            for y in [x.exp(), 1.0 + x / 1500.0, 1.0 + x / 150_000.0] {
                assert!(apart(ln(y), y.ln()) <= 2.0, "ln {y}: {} is not {}", ln(y), y.ln());
            }
            if x.abs() < 300.0 {
                assert!((exp2(x) / x.exp2() - 1.0).abs() < 1e-13, "2^{x}");
                assert!((powf(1.7, x) / 1.7_f64.powf(x) - 1.0).abs() < 1e-13, "1.7^{x}");
            }
        }
        for (step, n) in POWERS.iter().zip(0..) {
            assert!(apart(*step, (f64::from(n) / f64::from(STEPS)).exp2()) <= 1.0, "{n}");
        }
    }

    #[test]
    fn what_is_exact_is_exact_and_the_ends_are_ends() {
        assert_eq!((exp(0.0), exp2(0.0), ln(1.0), powf(3.0, 0.0)), (1.0, 1.0, 0.0, 1.0));
        for (x, wanted) in
            [(709.0, f64::INFINITY), (f64::INFINITY, f64::INFINITY), (-709.0, 0.0), (f64::NEG_INFINITY, 0.0)]
        {
            assert_eq!(exp(x), wanted, "{x}");
        }
        assert!(exp(f64::NAN).is_nan() && ln(f64::NAN).is_nan() && ln(-1.0).is_nan() && ln(f64::NEG_INFINITY).is_nan());
        assert_eq!((ln(0.0), ln(-0.0), ln(f64::INFINITY)), (f64::NEG_INFINITY, f64::NEG_INFINITY, f64::INFINITY));
        for x in [f64::MIN_POSITIVE, 5e-324, 1e-310, f64::MAX] {
            assert!(apart(ln(x), x.ln()) <= 1.0, "{x}");
        }
    }
}
