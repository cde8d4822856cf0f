//! How long a provider asks to be left alone: read right in every dialect, never a panic, never for ever.

use llmr::engine::retry;
use llmr::providers::{DIALECTS, Headers, Quirks, dialect};
use llmr::types::{FailureClass, Timestamp};
use proptest::prelude::*;

use crate::cases;

/// The wait that a 429 with these headers and this body tells.
fn told(headers: &[(&str, String)], body: &[u8]) -> Option<u64> {
    let headers = Headers(headers.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect());
    let waits = DIALECTS.map(|kind| {
        let failure = dialect(kind, &Quirks::OPENAI_LIKE).failure(429, &headers, body);
        if failure.class == FailureClass::RateLimited { failure.retry_after_ms } else { None }
    });
    assert!(waits.iter().all(|wait| *wait == waits[0]), "the dialects agree: {waits:?}");
    waits[0]
}

/// The date as HTTP has it.
fn http_date(at: Timestamp) -> String {
    httpdate::fmt_http_date(std::time::UNIX_EPOCH + std::time::Duration::from_millis(at.0.unsigned_abs()))
}

/// A number of the unit, and what it is in milliseconds.
fn span() -> impl Strategy<Value = (String, u64)> {
    (0..48u64, 0..60u64, 0..60_000u64, any::<[bool; 3]>()).prop_map(|(h, m, ms, [hours, minutes, seconds])| {
        let (mut text, mut sum) = (String::new(), 0);
        if hours {
            text += &format!("{h}h");
            sum += h * 3_600_000;
        }
        if minutes {
            text += &format!("{m}m");
            sum += m * 60_000;
        }
        if seconds || text.is_empty() {
            text += &format!("{}.{:03}s", ms / 1000, ms % 1000);
            sum += ms;
        }
        (text, sum)
    })
}

const NAMES: [&str; 8] = [
    "retry-after",
    "retry-after-ms",
    "date",
    "x-ratelimit-reset",
    "x-ratelimit-reset-requests",
    "x-ratelimit-remaining-requests",
    "anthropic-ratelimit-tokens-reset",
    "anthropic-ratelimit-tokens-remaining",
];

/// Values as they come, and as nobody would send them.
fn value() -> impl Strategy<Value = String> {
    prop_oneof![
        "[0-9]{0,30}",
        "-?[0-9]{0,12}\\.?[0-9]{0,12}(e[0-9]{1,3})?",
        "([0-9.]{1,22} ?(ms|s|m|h|d|seconds|days)){0,4}",
        "(nan|inf|-inf|infinity|1e999)",
        "[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]{0,9}Z",
        "(Mon|Sat), [0-9]{2} (Jan|Nov) [0-9]{4} [0-9]{2}:[0-9]{2}:[0-9]{2} GMT",
        "\\PC{0,20}",
    ]
}

proptest! {
    #![proptest_config(cases(512))]

    #[test]
    fn nothing_makes_it_panic_and_no_rest_is_longer_than_a_day(
        headers in prop::collection::vec((prop::sample::select(&NAMES[..]), value()), 0..5),
        body in prop_oneof![
            value().prop_map(|wait| format!("{{\"error\":{{\"message\":\"Please try again in {wait}\"}}}}")),
            value().prop_map(|wait| format!(
                "{{\"error\":{{\"details\":[{{\"@type\":\"type.googleapis.com/google.rpc.RetryInfo\",\"retryDelay\":\"{wait}\"}}]}}}}"
            )),
            "\\PC{0,30}",
        ],
    ) {
        let wait = told(&headers, body.as_bytes());
        prop_assert!(retry::rest_ms(0, wait) <= 86_400_000);
        prop_assert!(Timestamp(1_795_262_400_000).after_ms(retry::wait_ms(0, 1, wait)) > Timestamp(0));
    }

    #[test]
    fn seconds_are_read_in_every_place(ms in 0..100_000_000u64) {
        let whole = ms.div_ceil(1000);
        prop_assert_eq!(told(&[("retry-after", whole.to_string())], b""), Some(whole * 1000));
        let exact = format!("{}.{:03}", ms / 1000, ms % 1000);
        prop_assert_eq!(told(&[("retry-after", exact)], b""), Some(ms));
        let fine = [("retry-after-ms", ms.to_string())];
        prop_assert_eq!(told(&fine, b""), Some(ms));
        let at = Timestamp(1_795_262_400_000);
        let date = ("date", http_date(at));
        let later = at.after_ms(whole * 1000);
        prop_assert_eq!(told(&[("retry-after", http_date(later)), date.clone()], b""), Some(whole * 1000));
        prop_assert_eq!(told(&[("retry-after", http_date(at)), ("date", http_date(later))], b""), Some(0));
        prop_assert_eq!(told(&[("x-ratelimit-reset", later.0.to_string()), date.clone()], b""), Some(whole * 1000));
        let reset = [
            ("anthropic-ratelimit-tokens-reset", later.to_string()),
            ("anthropic-ratelimit-tokens-remaining", "0".to_owned()),
            date,
        ];
        prop_assert_eq!(told(&reset, b""), Some(whole * 1000));
    }

    #[test]
    fn spans_are_read_in_words_and_headers((text, ms) in span()) {
        let reset = [("x-ratelimit-reset-tokens", text.clone()), ("x-ratelimit-remaining-tokens", "0".to_owned())];
        prop_assert_eq!(told(&reset, b""), Some(ms), "{}", text);
        for sentence in [format!("Please try again in {text}. See the page."), format!("retry after {text}")] {
            let body = serde_json::json!({ "error": { "message": sentence } }).to_string();
            prop_assert_eq!(told(&[], body.as_bytes()), Some(ms), "{}", sentence);
        }
    }
}
