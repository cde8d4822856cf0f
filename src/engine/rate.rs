//! How fast a provider may be asked: requests and tokens a minute, in a sliding window.
//!
//! What was asked is counted in slices of a second, so that a window has sixty-one rows at most, however busy a
//! provider is. A slice counts whole until its last moment has left the window: a request may therefore wait up to a
//! second longer than it had to, and no window of a minute ever holds more than the limit.

use std::fmt;

use crate::types::{RateLimit, Timestamp};

/// The window that vendors' limits speak of.
pub const WINDOW_MS: i64 = 60_000;
/// How long a slice is.
pub const SLICE_MS: i64 = 1_000;

/// What was asked within one second.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Slice {
    /// Its first moment.
    pub begins: Timestamp,
    /// Requests that were begun in it.
    pub requests: u64,
    /// Their tokens: expected ones, until the answer tells.
    pub tokens: u64,
}

impl Slice {
    /// When it has left the window.
    fn leaves(&self) -> Timestamp {
        self.begins.plus_ms(SLICE_MS).plus_ms(WINDOW_MS)
    }
}

/// The first moment of the slice that this moment lies in.
pub fn slice_of(at: Timestamp) -> Timestamp {
    Timestamp(at.0.div_euclid(SLICE_MS).saturating_mul(SLICE_MS))
}

/// A provider's limit, and what of it is used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Metered {
    /// The limit.
    pub limit: RateLimit,
    /// The slices of the window, in any order.
    pub slices: Vec<Slice>,
}

/// A limit that is used up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Full {
    /// Which one.
    pub bound: Bound,
    /// Until then.
    pub until: Timestamp,
}

/// One of the two limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bound {
    /// Requests a minute.
    Requests(u64),
    /// Tokens a minute.
    Tokens(u64),
}

impl fmt::Display for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Requests(rpm) => write!(f, "its limit of {rpm} requests a minute (rpm)"),
            Self::Tokens(tpm) => write!(f, "its limit of {tpm} tokens a minute (tpm)"),
        }
    }
}

impl fmt::Display for Full {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is used up until {}", self.bound, self.until)
    }
}

impl Metered {
    /// Why one more request of so many tokens may not begin now; `None` when it may.
    ///
    /// A request of more tokens than the whole limit passes when nothing else is in the window: what it really takes
    /// is for its provider to judge.
    pub fn full(&self, tokens: u64, now: Timestamp) -> Option<Full> {
        let mut left = self.live(now);
        let mut full = None;
        while let Some(bound) = self.bound(&left, tokens) {
            // What blocks has been asked within the window, so there is a slice to leave it.
            let first = left.pop()?;
            full = Some(Full { bound, until: first.leaves() });
        }
        full
    }

    /// The slices that count now, the oldest last. One from far ahead was counted by a clock that has been set back
    /// since: it would close a provider for as long as that.
    fn live(&self, now: Timestamp) -> Vec<Slice> {
        let counts = |slice: &&Slice| now < slice.leaves() && slice.begins <= now.plus_ms(WINDOW_MS);
        let mut live: Vec<Slice> = self.slices.iter().filter(counts).copied().collect();
        live.sort_by_key(|slice| std::cmp::Reverse(slice.begins));
        live
    }

    fn bound(&self, slices: &[Slice], tokens: u64) -> Option<Bound> {
        let sum = |of: fn(&Slice) -> u64| slices.iter().map(of).fold(0, u64::saturating_add);
        let (requests, used) = (sum(|s| s.requests), sum(|s| s.tokens));
        let rpm = self.limit.rpm.filter(|rpm| requests >= *rpm && requests > 0);
        let tpm = self.limit.tpm.filter(|tpm| used > 0 && used.saturating_add(tokens) > *tpm);
        rpm.map(Bound::Requests).or(tpm.map(Bound::Tokens))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_000_000_500);

    fn metered(rpm: Option<u64>, tpm: Option<u64>, slices: &[(i64, u64, u64)]) -> Metered {
        let slice = |(ago_ms, requests, tokens): &(i64, u64, u64)| Slice {
            begins: slice_of(NOW.plus_ms(-ago_ms)),
            requests: *requests,
            tokens: *tokens,
        };
        Metered { limit: RateLimit { rpm, tpm }, slices: slices.iter().map(slice).collect() }
    }

    #[test]
    fn who_waits_waits_for_the_slice_that_makes_room() {
        let after = |ms: i64| slice_of(NOW).plus_ms(ms);
        let (requests, tokens) = (Bound::Requests, Bound::Tokens);
        for (limits, slices, wants, expected) in [
            ((Some(2), None), &[][..], 0, None),
            ((Some(2), None), &[(0, 1, 9)], 0, None),
            ((Some(2), None), &[(0, 2, 9)], 0, Some((requests(2), after(61_000)))),
            ((Some(2), None), &[(5_000, 1, 9), (0, 1, 9)], 0, Some((requests(2), after(56_000)))),
            ((Some(1), None), &[(5_000, 1, 9), (0, 1, 9)], 0, Some((requests(1), after(61_000)))),
            // The last moment of the slice is still within the minute.
            ((Some(1), None), &[(60_000, 1, 9)], 0, Some((requests(1), after(1_000)))),
            ((Some(1), None), &[(61_000, 1, 9)], 0, None),
            ((None, Some(100)), &[(0, 1, 60)], 40, None),
            ((None, Some(100)), &[(0, 1, 60)], 41, Some((tokens(100), after(61_000)))),
            ((None, Some(100)), &[(9_000, 1, 10), (3_000, 1, 50)], 45, Some((tokens(100), after(52_000)))),
            ((None, Some(100)), &[(9_000, 1, 10), (3_000, 1, 50)], 90, Some((tokens(100), after(58_000)))),
            ((None, Some(100)), &[], 5_000, None),
            ((None, Some(100)), &[(1_000, 3, 0)], 5_000, None),
            ((Some(9), Some(100)), &[(9_000, 9, 10)], 95, Some((requests(9), after(52_000)))),
            ((None, None), &[(0, 1_000, 1_000_000)], 1, None),
            // Whoever asks first is let through, whatever the limit: there is no slice to wait for.
            ((Some(0), None), &[], 0, None),
            ((Some(0), None), &[(0, 1, 9)], 0, Some((requests(0), after(61_000)))),
            // A clock that was set back by an hour.
            ((Some(1), None), &[(-3_600_000, 5, 5)], 0, None),
        ] {
            let full = metered(limits.0, limits.1, slices).full(wants, NOW);
            assert_eq!(full.map(|f| (f.bound, f.until)), expected, "{limits:?} {slices:?} {wants}");
        }
    }

    /// Random moments, and whoever may not start comes back exactly when he was told to.
    #[test]
    fn no_minute_holds_more_than_the_limit_and_the_wait_is_never_too_short() {
        for seed in 0..20_u64 {
            let mut state = seed;
            let mut lot = |below: u64| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                (state >> 33) % below
            };
            let limit = RateLimit { rpm: Some(1 + lot(9)), tpm: Some(200 + lot(2_000)) };
            let mut starts: Vec<(Timestamp, u64)> = Vec::new();
            let mut now = NOW;
            for _ in 0..300 {
                now = now.after_ms(lot(9_000));
                let tokens = 1 + lot(200);
                let mut metered = Metered { limit, slices: Vec::new() };
                for (at, tokens) in &starts {
                    metered.slices.push(Slice { begins: slice_of(*at), requests: 1, tokens: *tokens });
                }
                if let Some(full) = metered.full(tokens, now) {
                    assert!(now < full.until && full.until <= now.plus_ms(WINDOW_MS + SLICE_MS), "seed {seed}");
                    assert!(metered.full(tokens, full.until.plus_ms(-1)).is_some(), "seed {seed}: one moment earlier");
                    now = full.until;
                    assert_eq!(metered.full(tokens, now), None, "seed {seed}: it waited as long as it was told");
                }
                starts.push((now, tokens));
                let within = starts.iter().filter(|(at, _)| now.since_ms(*at) < WINDOW_MS);
                let (requests, used) = within.fold((0, 0), |(n, sum), (_, tokens)| (n + 1, sum + tokens));
                assert!(
                    requests <= limit.rpm.unwrap() && used <= limit.tpm.unwrap(),
                    "seed {seed}: {requests}, {used}"
                );
            }
        }
    }
}
