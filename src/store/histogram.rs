//! Latencies of answers in buckets that grow by a fixed factor, so that days and candidates can be added up and
//! percentiles still come out within 5 %.
//!
//! Bucket n holds [1.05^n, 1.05^(n+1)) milliseconds and speaks as its geometric middle: at most 2.5 % off.
//! Rounding that to whole milliseconds adds at most half of one, which from 21 ms on is less than another
//! 2.4 %; below, the rounded middle is the exact number again. Five minutes are bucket 258.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::engine::math;

/// The factor from one bucket to the next.
const BASE: f64 = 1.05;

/// How many answers took how long.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Histogram(BTreeMap<i64, u64>);

/// The bucket of a latency.
#[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation)]
fn bucket(ms: u64) -> i64 {
    (math::ln(ms.max(1) as f64) / math::ln(BASE)).floor() as i64
}

impl Histogram {
    fn add(&mut self, bucket: i64, answers: u64) {
        let sum = self.0.entry(bucket).or_default();
        *sum = sum.saturating_add(answers);
    }

    /// Adds all of another one.
    pub fn merge(&mut self, other: &Self) {
        other.0.iter().for_each(|(bucket, answers)| self.add(*bucket, *answers));
    }

    /// Takes all of another one out again. No bucket falls below 0.
    pub(super) fn take(&mut self, other: &Self) {
        for (bucket, answers) in &other.0 {
            if let Some(sum) = self.0.get_mut(bucket) {
                *sum = sum.saturating_sub(*answers);
            }
        }
        self.0.retain(|_, answers| *answers > 0);
    }

    /// How many answers are in it.
    pub fn answers(&self) -> u64 {
        self.0.values().fold(0, |sum, n| sum.saturating_add(*n))
    }

    /// How many of the answers took at most so many milliseconds; answers within 5 % of it may be on either side.
    pub fn at_most(&self, ms: u64) -> u64 {
        self.0.range(..=bucket(ms)).fold(0, |sum, (_, n)| sum.saturating_add(*n))
    }

    /// The latency in milliseconds that this share (0–1) of the answers did not exceed (nearest rank), within
    /// 5 %; `None` without answers.
    #[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    pub fn percentile(&self, share: f64) -> Option<u64> {
        let rank = ((self.answers() as f64 * share).ceil() as u64).max(1);
        let mut seen = 0u64;
        let (bucket, _) = self.0.iter().find(|(_, answers)| {
            seen = seen.saturating_add(**answers);
            seen >= rank
        })?;
        Some(math::powf(BASE, *bucket as f64 + 0.5).round() as u64)
    }
}

/// Of latencies in milliseconds.
impl FromIterator<u64> for Histogram {
    fn from_iter<T: IntoIterator<Item = u64>>(latencies: T) -> Self {
        let mut all = Self::default();
        latencies.into_iter().for_each(|ms| all.add(bucket(ms), 1));
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Exact nearest rank.
    fn exact(sorted: &[u64], share: f64) -> u64 {
        let rank = (sorted.len() as f64 * share).ceil().max(1.0) as usize;
        sorted[rank - 1]
    }

    fn histogram(latencies: &[u64]) -> Histogram {
        latencies.iter().copied().collect()
    }

    #[test]
    fn every_latency_comes_back_within_five_percent() {
        for ms in (1..3000).chain((3000..400_000).step_by(37)) {
            let shown = histogram(&[ms]).percentile(0.5).unwrap();
            assert!(shown.abs_diff(ms) as f64 <= ms as f64 * 0.05, "{ms} is shown as {shown}");
            assert!(ms > 20 || shown == ms, "{ms} is shown as {shown}");
        }
        assert_eq!(histogram(&[0]).percentile(0.5), Some(1));
    }

    #[test]
    fn answers_below_a_bound_are_counted() {
        let all = histogram(&[1, 90, 99, 120, 5000]);
        for (ms, count) in [(1, 1), (80, 1), (110, 3), (130, 4), (60_000, 5)] {
            assert_eq!(all.at_most(ms), count, "{ms}");
        }
    }

    #[test]
    fn percentiles_agree_with_exact_ones() {
        let mut state = 1u64;
        let mut draw = |limit: u64| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) % limit
        };
        for (count, spread) in [(1, 10), (2, 1000), (7, 100_000), (100, 300), (1000, 60_000), (5000, 3)] {
            let mut latencies: Vec<u64> = (0..count).map(|_| 1 + draw(spread) * draw(spread) / spread).collect();
            let halves = latencies.split_at(latencies.len() / 2);
            let mut shown = histogram(halves.0);
            shown.merge(&histogram(halves.1));
            latencies.sort_unstable();
            for share in [0.0, 0.5, 0.9, 0.95, 1.0] {
                let (exact, shown) = (exact(&latencies, share), shown.percentile(share).unwrap());
                assert!(shown.abs_diff(exact) as f64 <= exact as f64 * 0.05, "{share} of {count}: {exact}, {shown}");
            }
        }
        assert_eq!(Histogram::default().percentile(0.5), None);
    }
}
