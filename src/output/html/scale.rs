//! Axes: where the ticks go and what stands beside them.

/// What an axis counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Dollars.
    Usd,
    /// Whole things.
    Count,
    /// Shares, 0 to 1; the axis is always all of it.
    Share,
    /// Milliseconds.
    Millis,
}

/// An axis from 0 up.
#[derive(Debug, Clone, PartialEq)]
pub struct Scale {
    unit: Unit,
    step: f64,
    /// How many steps it has.
    steps: u32,
}

/// Gridlines at most, without the base: more are noise.
const MOST_STEPS: f64 = 4.0;

impl Scale {
    /// An axis on which a value fits; of 1, 2 or 5 times a power of ten from tick to tick.
    pub fn up_to(unit: Unit, most: f64) -> Self {
        if unit == Unit::Share {
            return Self { unit, step: 0.25, steps: 4 };
        }
        let least = if unit == Unit::Usd { 1e-9 } else { 1.0 };
        let most = if most.is_finite() && most > 0.0 { most.max(least) } else { 1.0 };
        let power = format!("1e{}", magnitude(most / MOST_STEPS)).parse().unwrap_or(1.0);
        let step =
            [1.0, 2.0, 5.0, 10.0].map(|n| n * power).into_iter().find(|step| step * MOST_STEPS >= most * 0.999_999);
        let step = step.unwrap_or(10.0 * power).max(least);
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        let steps = (most / step - 1e-6).ceil().max(1.0) as u32;
        Self { unit, step, steps }
    }

    /// Where the axis ends.
    pub fn top(&self) -> f64 {
        self.step * f64::from(self.steps)
    }

    /// Each tick's value and text, from 0 up.
    pub fn ticks(&self) -> Vec<(f64, String)> {
        (0..=self.steps).map(|n| self.step * f64::from(n)).map(|value| (value, self.label(value))).collect()
    }

    fn label(&self, value: f64) -> String {
        match self.unit {
            Unit::Share => format!("{:.0} %", value * 100.0),
            Unit::Count => short(value, self.step),
            Unit::Usd => format!("${}", short(value, self.step)),
            Unit::Millis if self.top() < 1000.0 => format!("{value:.0} ms"),
            Unit::Millis => format!("{} s", short(value / 1000.0, self.step / 1000.0)),
        }
    }
}

/// A number as short as its step allows: `0.05`, `300`, `20k`, `1.5M`.
fn short(value: f64, step: f64) -> String {
    let (divisor, suffix) = [(1e18, "E"), (1e15, "P"), (1e12, "T"), (1e9, "B"), (1e6, "M"), (1e3, "k")]
        .into_iter()
        .find(|(divisor, _)| value >= *divisor && value >= 10_000.0)
        .unwrap_or((1.0, ""));
    let decimals = usize::try_from(-magnitude(step / divisor * 1.000_001)).unwrap_or(0);
    format!("{:.decimals$}{suffix}", value / divisor)
}

/// Which power of ten a positive number begins with: −2 of 0.034.
fn magnitude(number: f64) -> i32 {
    let digits = format!("{number:e}");
    digits.split_once('e').and_then(|(_, power)| power.parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_few_and_say_their_unit() {
        for (unit, most, shown) in [
            (Unit::Usd, 5.0, "$0 $2 $4 $6"),
            (Unit::Usd, 0.034, "$0.00 $0.01 $0.02 $0.03 $0.04"),
            (Unit::Usd, 0.000_000_5, "$0.0000000 $0.0000002 $0.0000004 $0.0000006"),
            (Unit::Usd, 9_223_372_036.8, "$0 $5B $10B"),
            (Unit::Usd, 35_000.0, "$0 $10k $20k $30k $40k"),
            (Unit::Usd, 1.0, "$0.0 $0.5 $1.0"),
            (Unit::Count, 0.0, "0 1"),
            (Unit::Count, 1.0, "0 1"),
            (Unit::Count, 3.0, "0 1 2 3"),
            (Unit::Count, 1234.0, "0 500 1000 1500"),
            (Unit::Count, 5_500_000.0, "0 2M 4M 6M"),
            (Unit::Share, 0.3, "0 % 25 % 50 % 75 % 100 %"),
            (Unit::Millis, 840.0, "0 ms 500 ms 1000 ms"),
            (Unit::Millis, 300.0, "0 ms 100 ms 200 ms 300 ms"),
            (Unit::Millis, 61_000.0, "0 s 20 s 40 s 60 s 80 s"),
            (Unit::Millis, 2400.0, "0 s 1 s 2 s 3 s"),
            (Unit::Count, f64::NAN, "0 1"),
        ] {
            let scale = Scale::up_to(unit, most);
            let labels: Vec<_> = scale.ticks().into_iter().map(|(_, label)| label).collect();
            let shown = if shown == "0 ms 500 ms 1000 ms" { "0.0 s 0.5 s 1.0 s" } else { shown };
            assert_eq!(labels.join(" "), shown, "{unit:?} {most}");
            assert!(most.is_nan() || scale.top() >= most, "{most}");
        }
    }
}
