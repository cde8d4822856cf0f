//! Which days a report is about.

use crate::cli;
use crate::error::{Error, Kind, Result};
use crate::types::Day;

/// Days in a report when none are named: about a month.
const DEFAULT_DAYS: u32 = 30;

/// Some UTC days, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Range {
    /// The first one.
    pub from: Day,
    /// The last one.
    pub to: Day,
    /// Today.
    pub today: Day,
    /// The first one on which anything was recorded; `None` before any.
    pub first: Option<Day>,
}

impl Range {
    /// The days that the flags mean. Wrong usage for what is no day, and for an end before the beginning.
    pub fn of(args: &cli::Stats, today: Day, first: Option<Day>) -> Result<Self> {
        let until = args.until.as_deref().map(|text| day("--until", text)).transpose()?;
        let since = args.since.as_deref().map(|text| day("--since", text)).transpose()?;
        let to = until.unwrap_or(today);
        let back = i32::try_from(args.days.unwrap_or(DEFAULT_DAYS)).unwrap_or(i32::MAX);
        // Before 1970 nothing was recorded, and no calendar goes back as far as a large `--days` does.
        let from = since.unwrap_or_else(|| to.plus(1).plus(back.saturating_neg()).max(Day(0).min(to)));
        if from > to {
            let end = if until.is_some() { format!("--until {to}") } else { format!("today, {to}") };
            let error = Error::new(Kind::Usage, format!("--since {from} is after {end}"));
            return Err(error.hint("days are UTC days"));
        }
        Ok(Self { from, to, today, first })
    }

    /// The days that a row or a bar is for: none before the first recorded one, none that is still to come.
    pub fn days(&self) -> impl DoubleEndedIterator<Item = Day> + use<> {
        let (from, to) = match self.first {
            Some(first) => (self.from.max(first), self.to.min(self.today)),
            None => (Day(1), Day(0)),
        };
        (from.0..=to.0).map(Day)
    }
}

fn day(flag: &str, text: &str) -> Result<Day> {
    Day::parse(text).ok_or_else(|| {
        let error = Error::new(Kind::Usage, format!("{flag} `{text}` is not a day"));
        error.hint("days are written as 2026-11-21")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const TODAY: Day = Day::of(2026, 11, 21);

    fn range(days: Option<u32>, since: Option<&str>, until: Option<&str>) -> Result<Range> {
        let text = |text: Option<&str>| text.map(str::to_owned);
        let args = cli::Stats { days, since: text(since), until: text(until), by: None, routing: false, format: None };
        Range::of(&args, TODAY, Some(TODAY.plus(-3)))
    }

    #[test]
    fn days_are_counted_back_from_the_last_one() {
        for (days, since, until, from, to) in [
            (None, None, None, "2026-10-23", "2026-11-21"),
            (Some(1), None, None, "2026-11-21", "2026-11-21"),
            (Some(2), None, Some("2026-01-01"), "2025-12-31", "2026-01-01"),
            (None, Some("2026-11-01"), None, "2026-11-01", "2026-11-21"),
            (None, Some("2026-11-01"), Some("2026-11-01"), "2026-11-01", "2026-11-01"),
            (None, Some("2026-11-30"), Some("2026-12-01"), "2026-11-30", "2026-12-01"),
            (Some(u32::MAX), None, None, "1970-01-01", "2026-11-21"),
        ] {
            let found = range(days, since, until).unwrap();
            assert_eq!((found.from.to_string(), found.to.to_string()), (from.into(), to.into()), "{days:?} {since:?}");
        }
    }

    #[test]
    fn what_is_no_range_is_refused_with_the_flag_s_name() {
        for (since, until, said) in [
            (Some("2026-02-30"), None, "--since `2026-02-30` is not a day"),
            (Some("yesterday"), None, "--since `yesterday` is not a day"),
            (None, Some(""), "--until `` is not a day"),
            (Some("2026-11-22"), None, "--since 2026-11-22 is after today, 2026-11-21"),
            (Some("2026-11-02"), Some("2026-11-01"), "--since 2026-11-02 is after --until 2026-11-01"),
        ] {
            let error = range(None, since, until).unwrap_err();
            assert_eq!((error.message.as_str(), error.kind), (said, Kind::Usage));
        }
    }

    #[test]
    fn rows_begin_with_the_first_recorded_day_and_end_today() {
        let count = |days, until| range(days, None, until).unwrap().days().count();
        assert_eq!((count(None, None), count(Some(2), None), count(Some(u32::MAX), None)), (4, 2, 4));
        assert_eq!((count(None, Some("2026-12-01")), count(None, Some("2026-01-01"))), (4, 0));
        let none = Range { first: None, ..range(None, None, None).unwrap() };
        assert_eq!(none.days().count(), 0);
    }
}
