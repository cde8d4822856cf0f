//! Instants and days: a day holds its own moments and no other, and what is printed is read back.

use llmr::types::{Day, Timestamp, whole_ms};
use proptest::prelude::*;

use crate::cases;

const DAY_MS: i64 = 86_400_000;

/// From the year 1 to 9998, denser around now and around midnights.
fn moment() -> impl Strategy<Value = i64> {
    prop_oneof![
        -62_135_596_800_000..253_370_764_800_000i64,
        1_700_000_000_000..1_900_000_000_000i64,
        (-400_000..400_000i64, -3..3i64).prop_map(|(day, ms)| day * DAY_MS + ms),
    ]
}

/// Year, month and day of a day, counted from 1970 one year and one month after the other.
fn civil(day: i32) -> (i64, i64, i64) {
    let leap = |year: i64| (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    let (mut year, mut rest) = (1970i64, i64::from(day));
    while rest < 0 {
        year -= 1;
        rest += 365 + i64::from(leap(year));
    }
    while rest >= 365 + i64::from(leap(year)) {
        rest -= 365 + i64::from(leap(year));
        year += 1;
    }
    let lengths = [31, 28 + i64::from(leap(year)), 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let mut month = 1;
    for length in lengths {
        if rest < length {
            break;
        }
        rest -= length;
        month += 1;
    }
    (year, month, rest + 1)
}

proptest! {
    #![proptest_config(cases(1024))]

    #[test]
    fn a_day_holds_its_own_moments_and_no_other(ms in moment()) {
        let at = Timestamp(ms);
        let day = at.day();
        prop_assert!(day.start() <= at && at < day.plus(1).start());
        prop_assert_eq!(day.start().day(), day);
        prop_assert_eq!(day.start().plus_ms(-1).day(), day.plus(-1));
        prop_assert_eq!(i64::from(at.minute_of_day()), at.since_ms(day.start()) / 60_000);
    }

    #[test]
    fn an_instant_is_printed_and_read_back(ms in moment()) {
        let printed = Timestamp(ms).to_string();
        prop_assert_eq!(Timestamp::parse(&printed), Some(Timestamp(ms)), "{}", printed);
        let (year, month, day) = civil(Timestamp(ms).day().0);
        let rest = ms.rem_euclid(DAY_MS);
        let (h, m, s, milli) = (rest / 3_600_000, rest / 60_000 % 60, rest / 1000 % 60, rest % 1000);
        let part = if milli == 0 { String::new() } else { format!(".{milli:03}").trim_end_matches('0').to_owned() };
        let date = format!("{year:04}-{month:02}-{day:02}");
        let short = format!("{date}T{h:02}:{m:02}:{s:02}");
        let printed = printed.replace(&part, if part.is_empty() { "" } else { "#" });
        prop_assert!(printed.starts_with(&short) && printed.ends_with('Z'), "{} is {}{}", printed, short, part);
        prop_assert_eq!(Timestamp(ms).day().to_string(), date);
    }

    #[test]
    fn a_day_is_printed_read_back_and_in_its_month(n in -700_000..2_900_000i32) {
        let day = Day(n);
        prop_assert_eq!(Day::parse(&day.to_string()), Some(day));
        let (year, month, of_month) = civil(n);
        let (short_year, short_month) = (i16::try_from(year).unwrap(), i8::try_from(month).unwrap());
        prop_assert_eq!(Day::of(short_year, short_month, i8::try_from(of_month).unwrap()), day);
        prop_assert_eq!(day.first_of_month(), day.plus(1 - i32::try_from(of_month).unwrap()));
        let next = day.first_of_next_month();
        prop_assert_eq!(civil(next.0), if month == 12 { (year + 1, 1, 1) } else { (year, month + 1, 1) });
        // 1970-01-01 was a Thursday.
        prop_assert_eq!(day.is_weekday(), (n + 3).rem_euclid(7) < 5);
    }

    #[test]
    fn moving_in_time_saturates(ms in any::<i64>(), by in any::<i64>(), secs in prop_oneof![0.0..1e6f64, 0.0..f64::MAX]) {
        let at = Timestamp(ms);
        let exact = |by: i128| i64::try_from((i128::from(ms) + by).clamp(i64::MIN.into(), i64::MAX.into())).unwrap();
        prop_assert_eq!(at.plus_ms(by).0, exact(by.into()));
        prop_assert_eq!(at.after_ms(by.unsigned_abs()).0, exact(i128::from(by.unsigned_abs().min(i64::MAX as u64))));
        prop_assert!(at.plus_secs(secs) >= at);
        let later = at.plus_ms(by);
        prop_assert_eq!(at.ms_until(later), u64::try_from(later.since_ms(at)).unwrap_or(0));
        #[allow(clippy::cast_precision_loss)]
        let ms = whole_ms(secs) as f64;
        prop_assert!(ms >= (secs * 1000.0).min(u64::MAX as f64) && ms <= secs * 1000.0 + 1.0);
    }

    #[test]
    fn no_text_makes_parsing_panic(text in "[0-9TZ:+.-]{0,32}|\\PC{0,20}") {
        let _ = (Timestamp::parse(&text), Day::parse(&text));
    }
}
