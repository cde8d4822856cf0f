//! Amounts for people: money, time, shares, counts. JSON has the exact values instead.

use crate::types::{NanoUsd, Timestamp};

/// Nano-dollars in a dollar.
const USD: u64 = 1_000_000_000;
/// Of an amount below a dollar so many digits are shown: enough to compare two prices.
const SIGNIFICANT: u32 = 3;

/// An amount: from a dollar on with two decimals (`$12.34`), below with three significant digits, of
/// which trailing zeros go, but never fewer than two decimals (`$0.12`, `$0.0123`, `$0.000004`).
///
/// Rounded to the nearest; an amount that is not 0 never looks like it.
pub fn usd(amount: NanoUsd) -> String {
    let sign = if amount.0 < 0 { "-" } else { "" };
    let nano = amount.0.unsigned_abs();
    let unit = if nano >= USD { USD / 100 } else { 10u64.pow(digits(nano).saturating_sub(SIGNIFICANT)) };
    let rounded = nano.saturating_add(unit / 2) / unit * unit;
    let decimals = format!("{:09}", rounded % USD);
    let (cents, rest) = decimals.split_at(2);
    format!("{sign}${}.{cents}{}", grouped(rounded / USD), rest.trim_end_matches('0'))
}

fn digits(n: u64) -> u32 {
    n.checked_ilog10().map_or(1, |log| log + 1)
}

/// An amount that may be unknown, which is never shown as 0.
pub fn usd_or_unknown(amount: Option<NanoUsd>) -> String {
    amount.map_or_else(|| "unknown".to_owned(), usd)
}

/// `1 text`, `1,200 texts`.
pub fn counted(count: u64, one: &str, many: &str) -> String {
    format!("{} {}", tokens(count), if count == 1 { one } else { many })
}

/// A count with groups of three: `1,234`. Of tokens, requests, entries.
pub fn tokens(count: u64) -> String {
    grouped(count)
}

fn grouped(count: u64) -> String {
    let digits = count.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// A length of time: `840 ms`, `2.4 s`, `1 m 05 s`, `3 h 07 m`, `2 d 04 h`.
pub fn duration_ms(ms: u64) -> String {
    // 59.95 s would be rounded to 60.0.
    match (ms, ms.saturating_add(500) / 1000) {
        (0..1000, _) => format!("{ms} ms"),
        (1000..59_950, _) => seconds(ms),
        (_, secs @ 0..3600) => format!("{} m {:02} s", secs / 60, secs % 60),
        (_, secs @ 3600..86_400) => format!("{} h {:02} m", secs / 3600, secs % 3600 / 60),
        (_, secs) => format!("{} d {:02} h", secs / 86_400, secs % 86_400 / 3600),
    }
}

/// A length of time in seconds with one decimal: `0.8 s`; below a twentieth of a second `<0.1 s`.
pub fn seconds(ms: u64) -> String {
    let tenths = ms.saturating_add(50) / 100;
    if tenths == 0 { "<0.1 s".to_owned() } else { format!("{}.{} s", tenths / 10, tenths % 10) }
}

/// A share in percent (0–100 and above): `0 %`, `2.4 %`, `95 %`.
///
/// Below 10 and next to 100 with one decimal. What is not 0 never looks like it (`<0.1 %`), nor what
/// is below 100 like 100 (`>99.9 %`).
pub fn percent(pct: f64) -> String {
    match pct {
        _ if !pct.is_finite() => "-".to_owned(),
        _ if pct > 0.0 && pct < 0.05 => "<0.1 %".to_owned(),
        _ if (99.95..100.0).contains(&pct) => ">99.9 %".to_owned(),
        _ if (0.05..9.95).contains(&pct) || (99.0..100.0).contains(&pct) => format!("{pct:.1} %"),
        // Adding 0 makes a negative zero positive.
        _ => format!("{:.0} %", pct + 0.0),
    }
}

/// A time for the eye: UTC, to the second, with a space where a narrow table may break it.
pub fn to_the_second(at: Timestamp) -> String {
    let at = at.to_string();
    at.split(['.', 'Z']).next().unwrap_or_default().replace('T', " ")
}

/// When something was or will be, seen from `now`: `just now`, `12 s ago`, `5 min ago`, `in 3 h`, `2 d ago`.
pub fn relative(then: Timestamp, now: Timestamp) -> String {
    let ms = now.since_ms(then);
    let secs = ms.unsigned_abs() / 1000;
    let span = match secs {
        0 => return "just now".to_owned(),
        1..60 => format!("{secs} s"),
        60..3600 => format!("{} min", secs / 60),
        3600..86_400 => format!("{} h", secs / 3600),
        _ => format!("{} d", grouped(secs / 86_400)),
    };
    if ms < 0 { format!("in {span}") } else { format!("{span} ago") }
}

/// A bar of so many columns for a share of 0 to 1. What is not 0 shows at least a bit, and only the
/// whole is drawn full.
pub fn bar(share: f64, columns: u16, utf8: bool) -> String {
    let (full, empty) = if utf8 { ("█", "░") } else { ("#", ".") };
    let columns = usize::from(columns);
    let share = if share.is_nan() { 0.0 } else { share.clamp(0.0, 1.0) };
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss)]
    let nearest = (share * columns as f64).round() as usize;
    let least = usize::from(share > 0.0).min(columns);
    let most = if share < 1.0 { columns.saturating_sub(1).max(least) } else { columns };
    let filled = nearest.clamp(least, most);
    full.repeat(filled) + &empty.repeat(columns - filled)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_for_the_eye_ends_at_the_second() {
        for (ms, shown) in [(0, "1970-01-01 00:00:00"), (86_399_999, "1970-01-01 23:59:59")] {
            assert_eq!(to_the_second(Timestamp(ms)), shown);
        }
    }

    #[test]
    fn money_is_short_and_tells_the_size() {
        for (nano, text) in [
            (0, "$0.00"),
            (1, "$0.000000001"),
            (4_000, "$0.000004"),
            (27_000, "$0.000027"),
            (27_149, "$0.0000271"),
            (1_234_567, "$0.00123"),
            (12_345_678, "$0.0123"),
            (120_000_000, "$0.12"),
            (123_456_789, "$0.123"),
            (500_000_000, "$0.50"),
            (999_499_999, "$0.999"),
            (999_500_000, "$1.00"),
            (5_000_000_000, "$5.00"),
            (12_344_999_999, "$12.34"),
            (12_345_000_000, "$12.35"),
            (1_234_567_890_000_000, "$1,234,567.89"),
            (-500_000_000, "-$0.50"),
            (i64::MAX, "$9,223,372,036.85"),
            (i64::MIN, "-$9,223,372,036.85"),
        ] {
            assert_eq!(usd(NanoUsd(nano)), text, "{nano}");
        }
        assert_eq!(usd_or_unknown(None), "unknown");
        assert_eq!(usd_or_unknown(Some(NanoUsd(0))), "$0.00");
    }

    #[test]
    fn durations_have_two_parts_at_most() {
        for (ms, text) in [
            (0, "0 ms"),
            (840, "840 ms"),
            (999, "999 ms"),
            (1000, "1.0 s"),
            (2449, "2.4 s"),
            (59_949, "59.9 s"),
            (59_950, "1 m 00 s"),
            (65_000, "1 m 05 s"),
            (3_599_499, "59 m 59 s"),
            (3_599_500, "1 h 00 m"),
            (11_220_000, "3 h 07 m"),
            (187_200_000, "2 d 04 h"),
        ] {
            assert_eq!(duration_ms(ms), text, "{ms}");
        }
        for (ms, text) in [(0, "<0.1 s"), (49, "<0.1 s"), (50, "0.1 s"), (840, "0.8 s"), (61_000, "61.0 s")] {
            assert_eq!(seconds(ms), text, "{ms}");
        }
        assert!(duration_ms(u64::MAX).ends_with(" h"));
    }

    #[test]
    fn shares_do_not_lie_at_the_ends() {
        for (pct, text) in [
            (0.0, "0 %"),
            (-0.0, "0 %"),
            (0.01, "<0.1 %"),
            (0.05, "0.1 %"),
            (2.44, "2.4 %"),
            (9.94, "9.9 %"),
            (9.96, "10 %"),
            (95.0, "95 %"),
            (99.5, "99.5 %"),
            (99.97, ">99.9 %"),
            (100.0, "100 %"),
            (131.7, "132 %"),
            (f64::NAN, "-"),
        ] {
            assert_eq!(percent(pct), text, "{pct}");
        }
    }

    #[test]
    fn counts_are_grouped() {
        for (count, text) in [
            (0, "0"),
            (999, "999"),
            (1234, "1,234"),
            (1_000_000, "1,000,000"),
            (u64::MAX, "18,446,744,073,709,551,615"),
        ] {
            assert_eq!(tokens(count), text);
        }
    }

    #[test]
    fn times_are_seen_from_now() {
        for (ms, text) in [
            (0, "just now"),
            (-999, "just now"),
            (12_000, "12 s ago"),
            (300_000, "5 min ago"),
            (3 * 3_600_000, "3 h ago"),
            (2 * 86_400_000, "2 d ago"),
            (-45_000, "in 45 s"),
            (-120_000, "in 2 min"),
        ] {
            assert_eq!(relative(Timestamp(0), Timestamp(ms)), text, "{ms}");
        }
    }

    #[test]
    fn a_bar_is_full_only_for_the_whole() {
        for (share, columns, text) in [
            (0.0, 4, "...."),
            (0.001, 4, "#..."),
            (0.5, 4, "##.."),
            (0.999, 4, "###."),
            (1.0, 4, "####"),
            (7.0, 4, "####"),
            (-1.0, 4, "...."),
            (f64::NAN, 4, "...."),
            (0.5, 1, "#"),
            (0.5, 0, ""),
        ] {
            assert_eq!(bar(share, columns, false), text, "{share}");
        }
        assert_eq!(bar(0.5, 4, true), "██░░");
    }
}
