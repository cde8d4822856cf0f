//! Points in time and UTC days. Nothing here asks what time it is.

use std::fmt;

use jiff::civil::{Date, date};
use serde::{Serialize, Serializer};

/// Milliseconds since 1970-01-01T00:00:00Z.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(pub i64);

/// A UTC day, counted from 1970-01-01.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day(pub i32);

const DAY_MS: i64 = 86_400_000;
/// Two clocks of one machine are never that far apart, and no step that keeps a clock right is that long.
const SLACK_MS: i64 = 60_000;

/// Seconds from 0 as whole milliseconds, rounded up; saturates.
pub fn whole_ms(secs: f64) -> u64 {
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let ms = (secs * 1000.0).ceil() as u64;
    ms
}

impl Timestamp {
    /// The UTC day this instant lies in.
    pub fn day(self) -> Day {
        Day(i32::try_from(self.0.div_euclid(DAY_MS)).unwrap_or(i32::MAX))
    }

    /// This instant moved by some milliseconds; saturates.
    pub fn plus_ms(self, ms: i64) -> Self {
        Self(self.0.saturating_add(ms))
    }

    /// This instant moved by some milliseconds of a counter; saturates.
    pub fn after_ms(self, ms: u64) -> Self {
        self.plus_ms(i64::try_from(ms).unwrap_or(i64::MAX))
    }

    /// This instant moved by some seconds from 0; saturates.
    pub fn plus_secs(self, secs: f64) -> Self {
        self.after_ms(whole_ms(secs))
    }

    /// Seconds since 1970.
    #[allow(clippy::cast_precision_loss)]
    pub fn as_secs(self) -> f64 {
        self.0 as f64 / 1000.0
    }

    /// Whole milliseconds from here to `later`; 0 if that is earlier.
    pub fn ms_until(self, later: Self) -> u64 {
        u64::try_from(later.since_ms(self)).unwrap_or(0)
    }

    /// Milliseconds from `earlier` to here; negative if it is later.
    pub fn since_ms(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }

    /// Whether this was recorded by a clock that has been set back since: it lies further ahead than two clocks of one
    /// machine are ever apart. How long ago it was nobody knows.
    pub fn was_set_back_from(self, now: Self) -> bool {
        self.since_ms(now) > SLACK_MS
    }

    /// An RFC 3339 instant such as `2026-11-21T12:00:00Z`.
    pub fn parse(text: &str) -> Option<Self> {
        text.parse::<jiff::Timestamp>().ok().map(|t| Self(t.as_millisecond()))
    }

    /// Minutes since midnight UTC, 0 to 1439.
    pub fn minute_of_day(self) -> u16 {
        u16::try_from(self.0.rem_euclid(DAY_MS) / 60_000).unwrap_or(0)
    }
}

/// RFC 3339 in UTC, with milliseconds where there are any.
impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_millisecond(self.0) {
            Ok(t) => write!(f, "{t}"),
            Err(_) => write!(f, "{} ms", self.0),
        }
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl Day {
    /// The day of a calendar date.
    pub const fn of(year: i16, month: i8, day: i8) -> Self {
        Self(days_from_civil(year as i32, month as i32, day as i32))
    }

    /// A date such as `2026-11-21`.
    pub fn parse(text: &str) -> Option<Self> {
        let date: Date = text.parse().ok()?;
        Some(Self::of(date.year(), date.month(), date.day()))
    }

    /// Midnight UTC at its beginning.
    pub fn start(self) -> Timestamp {
        Timestamp(i64::from(self.0) * DAY_MS)
    }

    /// The day so many days later (or earlier).
    pub fn plus(self, days: i32) -> Self {
        Self(self.0.saturating_add(days))
    }

    /// The first day of its month.
    pub fn first_of_month(self) -> Self {
        let date = self.date();
        Self::of(date.year(), date.month(), 1)
    }

    /// The first day of the month after its own.
    pub fn first_of_next_month(self) -> Self {
        let date = self.date();
        match date.month() {
            12 => Self::of(date.year().saturating_add(1), 1, 1),
            month => Self::of(date.year(), month + 1, 1),
        }
    }

    /// Whether it is a Monday to Friday.
    pub fn is_weekday(self) -> bool {
        // The first day of 1970 was a Thursday: three after a Monday.
        (self.0.rem_euclid(7) + 3) % 7 < 5
    }

    fn date(self) -> Date {
        date(1970, 1, 1).saturating_add(jiff::Span::new().try_days(self.0).unwrap_or_default())
    }
}

/// `2026-11-21`.
impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.date())
    }
}

impl Serialize for Day {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Days since 1970-01-01 of a Gregorian date, for constants in tables (where the date library's
/// arithmetic is not `const`). The algorithm is Howard Hinnant's `days_from_civil`.
const fn days_from_civil(year: i32, month: i32, day: i32) -> i32 {
    let y = if month <= 2 { year - 1 } else { year };
    let era = y.div_euclid(400);
    let year_of_era = y - era * 400;
    let day_of_year = (153 * (month + if month > 2 { -3 } else { 9 }) + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_and_dates_agree() {
        for text in ["1970-01-01", "2000-02-29", "2026-11-21", "2027-01-01", "1969-12-31"] {
            assert_eq!(Day::parse(text).unwrap().to_string(), text);
        }
        assert_eq!(Day::of(1970, 1, 2), Day(1));
        assert!(Day::parse("2026-02-30").is_none());
    }

    #[test]
    fn an_instant_knows_its_utc_day() {
        let late = Timestamp::parse("2026-11-21T23:59:59.999Z").unwrap();
        assert_eq!(late.day().to_string(), "2026-11-21");
        assert_eq!(late.plus_ms(1).day().to_string(), "2026-11-22");
        assert_eq!(late.minute_of_day(), 1439);
        assert_eq!(Timestamp(-1).day(), Day(-1));
        assert_eq!(Timestamp::parse("2026-11-21T01:00:00+02:00").unwrap().day().to_string(), "2026-11-20");
    }

    #[test]
    fn seconds_are_rounded_up_and_saturate() {
        for (secs, ms) in [(0.0, 0), (0.0001, 1), (2.5, 2500), (f64::MAX, u64::MAX)] {
            assert_eq!(whole_ms(secs), ms, "{secs}");
        }
        assert_eq!(Timestamp(5).plus_secs(f64::MAX), Timestamp(i64::MAX));
        assert_eq!(Timestamp(5).ms_until(Timestamp(7)), 2);
        assert_eq!(Timestamp(7).ms_until(Timestamp(5)), 0);
    }

    #[test]
    fn months_begin_and_end() {
        for (day, first, next) in [
            ("2026-11-21", "2026-11-01", "2026-12-01"),
            ("2026-12-01", "2026-12-01", "2027-01-01"),
            ("2028-02-29", "2028-02-01", "2028-03-01"),
        ] {
            let day = Day::parse(day).unwrap();
            assert_eq!(
                (day.first_of_month().to_string(), day.first_of_next_month().to_string()),
                (first.into(), next.into())
            );
        }
    }

    #[test]
    fn weekends_are_known() {
        use jiff::civil::Weekday::{Saturday, Sunday};
        for day in (-40_000..40_000).step_by(17).map(Day) {
            assert_eq!(day.is_weekday(), !matches!(day.date().weekday(), Saturday | Sunday), "{day}");
        }
    }
}
