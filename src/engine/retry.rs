//! How long to wait before the next attempt. The caller waits; nothing here sleeps.

use super::draw;

/// The first backoff's longest wait; doubles with every retry. What the vendors' own clients start from.
const BASE_MS: f64 = 500.0;
/// The longest backoff.
const CAP_MS: f64 = 8000.0;
/// A provider that asks for a longer pause than this is not waited for: the user is told when to come back.
pub const PATIENCE_MS: u64 = 20_000;
/// How long a provider rests after its first 429 that names no time, in milliseconds; doubles with every retry.
const REST_BARE_429_MS: u64 = 1_000;
/// No rest is longer, whatever a provider says: a slip of its clock shall not end it for a year.
const LONGEST_REST_MS: u64 = 86_400_000;
/// How long a provider rests after 401 or 402, in milliseconds (contract, section 5).
pub const REST_REFUSED_MS: u64 = 300_000;

/// The wait before retry number `retry` (0 for the first): exponential backoff with full jitter
/// (Brooker, "Exponential Backoff And Jitter", 2015), but not before the provider wants to be asked again.
pub fn wait_ms(retry: u32, draw: u64, retry_after_ms: Option<u64>) -> u64 {
    let ceiling = (BASE_MS * 2f64.powi(i32::try_from(retry).unwrap_or(i32::MAX))).min(CAP_MS);
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let jittered = (ceiling * draw::unit(draw::of_name(draw, &format!("retry {retry}")))) as u64;
    jittered.max(retry_after_ms.unwrap_or(0))
}

/// How long a provider rests after a 429, for every process: as it says, else longer with every retry.
pub fn rest_ms(retry: u32, retry_after_ms: Option<u64>) -> u64 {
    retry_after_ms.unwrap_or(REST_BARE_429_MS << retry.min(6)).min(LONGEST_REST_MS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_and_are_bounded() {
        for retry in 0..12 {
            let longest = (0..200).map(|d| wait_ms(retry, d, None)).max().unwrap();
            let ceiling = (500u64 << retry.min(4)).min(8000);
            assert!(longest <= ceiling && longest > ceiling / 2, "{retry}: {longest}");
            let shortest = (0..200).map(|d| wait_ms(retry, d, None)).min().unwrap();
            assert!(shortest < ceiling / 10, "{retry}: {shortest}");
        }
    }

    #[test]
    fn a_provider_s_own_word_is_a_floor() {
        assert_eq!(wait_ms(0, 1, Some(30_000)), 30_000);
        assert_eq!(rest_ms(0, Some(30_000)), 30_000);
        assert_eq!(rest_ms(0, Some(u64::MAX)), 86_400_000);
    }

    #[test]
    fn a_rest_without_a_word_doubles_with_every_retry() {
        let rests: Vec<u64> = (0..8).map(|retry| rest_ms(retry, None)).collect();
        assert_eq!(rests, [1000, 2000, 4000, 8000, 16_000, 32_000, 64_000, 64_000]);
    }
}
