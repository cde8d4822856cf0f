//! How long a provider asks to be left alone, in all the dialects in which it is said.
//!
//! Nothing here knows what time it is: an instant is measured against the answer's own `date` header, and ignored
//! where there is none.

use std::time::UNIX_EPOCH;

use serde_json::Value;

use crate::types::Timestamp;

use super::Headers;

/// The wait in milliseconds, from (in this order) `retry-after-ms`, `retry-after`, a wait told in the body, a wait
/// told in the text, and the reset times of exhausted limits.
pub fn retry_after_ms(headers: &Headers, told_ms: Option<u64>, text: &str) -> Option<u64> {
    let now = headers.get("date").and_then(http_date);
    retry_after_header(headers, now).or(told_ms).or_else(|| in_text(text)).or_else(|| reset(headers, now))
}

/// `retry-after-ms` is the finer one, but has been 0 beside a `retry-after` of 1 (Azure).
fn retry_after_header(headers: &Headers, now: Option<Timestamp>) -> Option<u64> {
    let fine = headers.get("retry-after-ms").and_then(|ms| ms.trim().parse::<f64>().ok()).and_then(whole_ms);
    let coarse = headers.get("retry-after").and_then(|text| {
        let text = text.trim();
        duration(text).or_else(|| until(http_date(text)?, now))
    });
    fine.filter(|&ms| ms > 0).or(coarse).or(fine)
}

/// The longest reset of the limits that have nothing left; a limit whose rest is not told counts as exhausted.
fn reset(headers: &Headers, now: Option<Timestamp>) -> Option<u64> {
    let exhausted = |name: &str| match headers.get(&name.replace("reset", "remaining")) {
        Some(rest) => rest.trim().parse::<f64>().is_ok_and(|rest| rest <= 0.0),
        None => name == "x-ratelimit-reset",
    };
    let resets = headers.0.iter().filter(|(name, _)| name.contains("ratelimit") && name.contains("reset"));
    resets.filter(|(name, _)| exhausted(name)).filter_map(|(_, value)| reset_value(value.trim(), now)).max()
}

/// A reset is a duration (`1m3.57s`), plain seconds, epoch seconds or milliseconds, or an RFC 3339 instant.
fn reset_value(value: &str, now: Option<Timestamp>) -> Option<u64> {
    // No wait is a billion seconds long, and no epoch millisecond of this century is below 10^12.
    match value.parse::<i64>() {
        Ok(epoch_ms) if epoch_ms >= 1_000_000_000_000 => until(Timestamp(epoch_ms), now),
        Ok(epoch) if epoch >= 1_000_000_000 => until(Timestamp(epoch.saturating_mul(1000)), now),
        _ => duration(value).or_else(|| until(Timestamp::parse(value)?, now)),
    }
}

fn until(then: Timestamp, now: Option<Timestamp>) -> Option<u64> {
    Some(u64::try_from(then.since_ms(now?)).unwrap_or(0))
}

fn http_date(text: &str) -> Option<Timestamp> {
    let since = httpdate::parse_http_date(text.trim()).ok()?.duration_since(UNIX_EPOCH).ok()?;
    i64::try_from(since.as_millis()).ok().map(Timestamp)
}

/// The words behind which providers tell a wait.
const ANCHORS: &[&str] = &["try again in ", "retry in ", "retry after ", "retry starting from "];

/// A wait told in a sentence: "Please try again in 1m3.57s."
fn in_text(text: &str) -> Option<u64> {
    let text = text.to_ascii_lowercase();
    ANCHORS.iter().find_map(|anchor| {
        let (_, behind) = text.split_once(anchor)?;
        duration(behind.trim_start_matches('~'))
    })
}

/// Gemini's `RetryInfo`: `"48s"`.
pub fn told(value: &Value) -> Option<u64> {
    duration(value.as_str()?.trim())
}

/// The units of a duration, longer names first where one begins like another.
const UNITS: &[(&str, f64)] = &[
    ("milliseconds", 1.0),
    ("millisecond", 1.0),
    ("ms", 1.0),
    ("minutes", 60_000.0),
    ("minute", 60_000.0),
    ("min", 60_000.0),
    ("m", 60_000.0),
    ("seconds", 1000.0),
    ("second", 1000.0),
    ("sec", 1000.0),
    ("s", 1000.0),
    ("hours", 3_600_000.0),
    ("hour", 3_600_000.0),
    ("h", 3_600_000.0),
    ("days", 86_400_000.0),
    ("day", 86_400_000.0),
    ("d", 86_400_000.0),
];

/// The duration at the start of a text, in milliseconds, rounded up: `8.64s`, `1h8m26.585s`, `20 seconds`; a bare
/// number that ends the text is seconds.
fn duration(text: &str) -> Option<u64> {
    let (mut rest, mut sum, mut any) = (text, 0.0, false);
    while let Some((number, behind)) = leading_number(rest) {
        let Some((unit_ms, behind)) = leading_unit(behind) else {
            if !any && behind.trim().is_empty() {
                return whole_ms(number * 1000.0);
            }
            break;
        };
        sum += number * unit_ms;
        any = true;
        rest = behind;
    }
    any.then(|| whole_ms(sum)).flatten()
}

fn leading_number(text: &str) -> Option<(f64, &str)> {
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    Some((text[..end].parse().ok()?, &text[end..]))
}

fn leading_unit(text: &str) -> Option<(f64, &str)> {
    let text = text.strip_prefix(' ').unwrap_or(text);
    UNITS.iter().find_map(|(name, ms)| {
        let behind = text.strip_prefix(name)?;
        (!behind.starts_with(|c: char| c.is_ascii_alphabetic())).then_some((*ms, behind))
    })
}

fn whole_ms(ms: f64) -> Option<u64> {
    // The thousandth keeps 0.125 s, which no binary fraction names exactly in every sum, at 125 ms.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    (ms.is_finite() && ms >= 0.0).then(|| (ms - 0.001).ceil().max(0.0) as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&str, &str)]) -> Headers {
        Headers(pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect())
    }

    const DATE: (&str, &str) = ("date", "Sat, 21 Nov 2026 12:00:00 GMT");

    #[test]
    fn headers_tell_waits_in_many_ways() {
        for (pairs, expected) in [
            (&[("retry-after", "1")][..], Some(1000)),
            (&[("retry-after", "0.5")], Some(500)),
            (&[("retry-after", "0")], Some(0)),
            (&[("retry-after", "1"), ("retry-after-ms", "0")], Some(1000)),
            (&[("retry-after", "1"), ("retry-after-ms", "125")], Some(125)),
            (&[("retry-after-ms", "0")], Some(0)),
            (&[("retry-after", "Sat, 21 Nov 2026 12:01:30 GMT"), DATE], Some(90_000)),
            (&[("retry-after", "Sat, 21 Nov 2026 11:00:00 GMT"), DATE], Some(0)),
            (&[("retry-after", "Sat, 21 Nov 2026 12:01:30 GMT")], None),
            (&[("retry-after", "soon")], None),
            (&[("retry-after", "-1")], None),
            (&[("x-ratelimit-reset", "1")], Some(1000)),
            (&[("x-ratelimit-reset", "1795262460000"), DATE], Some(60_000)),
            (&[("x-ratelimit-reset", "1795262460"), DATE], Some(60_000)),
            (&[("x-ratelimit-reset", "1795262460000")], None),
            (&[("x-ratelimit-reset", "5"), ("x-ratelimit-remaining", "3")], None),
            (&[("x-ratelimit-reset-requests", "8.64s"), ("x-ratelimit-remaining-requests", "0")], Some(8640)),
            (&[("x-ratelimit-reset-tokens", "1h8m26.585s"), ("x-ratelimit-remaining-tokens", "0")], Some(4_106_585)),
            (&[("x-ratelimit-reset-requests", "9ms"), ("x-ratelimit-remaining-requests", "12")], None),
            (&[("x-ratelimit-reset-requests", "9ms")], None),
            (
                &[
                    ("x-ratelimit-reset-requests", "9ms"),
                    ("x-ratelimit-remaining-requests", "0"),
                    ("x-ratelimit-reset-tokens", "2s"),
                    ("x-ratelimit-remaining-tokens", "0"),
                ],
                Some(2000),
            ),
            (
                &[
                    ("anthropic-ratelimit-tokens-reset", "2026-11-21T12:00:07Z"),
                    ("anthropic-ratelimit-tokens-remaining", "0"),
                    DATE,
                ],
                Some(7000),
            ),
        ] {
            assert_eq!(retry_after_ms(&headers(pairs), None, ""), expected, "{pairs:?}");
        }
    }

    #[test]
    fn sentences_tell_waits_too() {
        for (text, expected) in [
            ("Limit reached. Please try again in 125ms. See the page.", Some(125)),
            ("Please try again in 20s.", Some(20_000)),
            ("please Try Again In 1m3.57s", Some(63_570)),
            ("Please retry in 48.939935699s.", Some(48_940)),
            ("Please retry after 24 seconds.", Some(24_000)),
            ("try again in 5 minutes, friend", Some(300_000)),
            ("Retry starting from ~1s (X-RateLimit-Reset header)", Some(1000)),
            ("try again in 2 months", None),
            ("please try again later", None),
            ("try again in 5 minnows", None),
        ] {
            assert_eq!(retry_after_ms(&Headers::default(), None, text), expected, "{text}");
        }
    }

    #[test]
    fn the_plainest_word_wins() {
        let both = headers(&[("retry-after", "3")]);
        assert_eq!(retry_after_ms(&both, Some(9), "try again in 1s"), Some(3000));
        assert_eq!(retry_after_ms(&Headers::default(), Some(9), "try again in 1s"), Some(9));
    }
}
