//! Where spending is heading: the last week beside the one before, and what the month will likely cost.
//!
//! Both look at whole days only: today is not over. Money stays in whole nano-dollars throughout.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::types::{Day, NanoUsd, Timestamp};

/// Days compared, and days they are compared with.
const TREND_DAYS: i32 = 7;
/// Whole days a forecast looks back at, at most: two weeks have two of each weekday.
pub const FORECAST_DAYS: i32 = 14;
/// Fewer recorded whole days say nothing about a month.
const FORECAST_LEAST_DAYS: i64 = 3;
/// The range is meant to hold in about 80 of 100 months: 1.28 standard deviations to both sides, in hundredths.
const SPREAD_PCT: u128 = 128;
const DAY_MINUTES: i64 = 1440;

/// What one day cost and how many requests it had.
pub type Spending = BTreeMap<Day, (NanoUsd, u64)>;

/// The last whole days beside as many before them.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Trend {
    days: i32,
    from: Day,
    to: Day,
    /// What they cost.
    pub spend_usd: NanoUsd,
    /// What those before cost.
    pub spend_before_usd: NanoUsd,
    /// By how much that rose, in percent of what it was; null when that is 0.
    pub spend_change_pct: Option<f64>,
    /// Requests begun.
    pub requests: u64,
    /// Requests begun in those before.
    pub requests_before: u64,
    /// By how much that rose, in percent of what it was; null when that is 0.
    pub requests_change_pct: Option<f64>,
}

/// What a month will likely cost.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Forecast {
    /// Which, such as `2026-11`.
    pub month: String,
    /// Spent in it so far.
    pub spent_usd: NanoUsd,
    /// What it will likely have cost at its end.
    pub month_usd: NanoUsd,
    /// Hardly less than that.
    pub low_usd: NanoUsd,
    /// Hardly more than that.
    pub high_usd: NanoUsd,
    /// What a day costs on average, of those looked back at.
    pub mean_day_usd: NanoUsd,
    /// How many whole days that were looked back at.
    pub days: i64,
    /// How it was reckoned.
    pub method: &'static str,
}

/// The trend up to a day; `None` when nothing was recorded before the days that are compared.
pub fn trend(spending: &Spending, to: Day, today: Day) -> Option<Trend> {
    let to = to.min(today.plus(-1));
    let from = to.plus(1 - TREND_DAYS);
    let sum = |from: Day| {
        let days = spending.range(from..=from.plus(TREND_DAYS - 1)).map(|(_, sums)| *sums);
        days.fold((NanoUsd::ZERO, 0u64), |sum, day| (sum.0 + day.0, sum.1.saturating_add(day.1)))
    };
    let ((before, requests_before), (spend, requests)) = (sum(from.plus(-TREND_DAYS)), sum(from));
    spending.range(..from).next()?;
    Some(Trend {
        days: TREND_DAYS,
        from,
        to,
        spend_usd: spend,
        spend_before_usd: before,
        spend_change_pct: change(spend.as_usd(), before.as_usd()),
        requests,
        requests_before,
        #[allow(clippy::cast_precision_loss)]
        requests_change_pct: change(requests as f64, requests_before as f64),
    })
}

/// In percent, one decimal.
fn change(now: f64, before: f64) -> Option<f64> {
    (before > 0.0).then(|| ((now / before - 1.0) * 1000.0).round() / 10.0)
}

/// What the month of `now` will likely cost: what was spent in it, and the mean of the last (up to 14) whole days
/// for each day that is left, the rest of today as its part of one. The range is that of a sum of independent days
/// that spread like those. `None` while fewer than three whole days are recorded.
pub fn forecast(spending: &Spending, now: Timestamp) -> Option<Forecast> {
    let today = now.day();
    let first = spending.keys().next()?.max(&today.plus(-FORECAST_DAYS)).to_owned();
    let days = i64::from(today.0) - i64::from(first.0);
    if days < FORECAST_LEAST_DAYS {
        return None;
    }
    let cost = |day: i32| spending.get(&Day(day)).map_or(0, |(cost, _)| i128::from(cost.0));
    let past: Vec<i128> = (first.0..today.0).map(cost).collect();
    let mean = past.iter().sum::<i128>() / i128::from(days);
    let spread = past.iter().map(|x| (x - mean).unsigned_abs().saturating_pow(2)).fold(0, u128::saturating_add);
    let variance = spread / (days - 1).unsigned_abs().max(1) as u128;
    let minutes = i64::from(today.first_of_next_month().0 - today.0) * DAY_MINUTES - i64::from(now.minute_of_day());
    let month = spending.range(today.first_of_month()..=today).map(|(_, (cost, _))| *cost);
    let spent: NanoUsd = month.sum();
    let rest = mean * i128::from(minutes) / i128::from(DAY_MINUTES);
    let off = i128::try_from(spread_of_sum(variance, minutes, days)).unwrap_or(i128::MAX);
    let total = |rest: i128| spent + NanoUsd(i64::try_from(rest.max(0)).unwrap_or(i64::MAX));
    Some(Forecast {
        month: today.to_string().rsplit_once('-').map_or_else(String::new, |(month, _)| month.to_owned()),
        spent_usd: spent,
        month_usd: total(rest),
        low_usd: total(rest.saturating_sub(off)),
        high_usd: total(rest.saturating_add(off)),
        mean_day_usd: NanoUsd(i64::try_from(mean).unwrap_or(i64::MAX)),
        days,
        method: "spent this month, and the mean of the last (up to 14) whole days for each day left; \
                 the range holds in about 80 of 100 months",
    })
}

/// How far the sum of so many more minutes of such days is likely off from their mean, which itself is known from
/// `days` days only: the deviation is the root of variance x (d + d²/days), d being the days that are left.
fn spread_of_sum(variance: u128, minutes: i64, days: i64) -> u128 {
    let [minutes, days, day] = [minutes, days, DAY_MINUTES].map(|n| u128::from(n.unsigned_abs()));
    let scaled = variance.saturating_mul(minutes * (days * day + minutes)) / (days * day * day);
    scaled.isqrt().saturating_mul(SPREAD_PCT) / 100
}

#[cfg(test)]
mod tests {
    use super::*;

    const TODAY: Day = Day::of(2026, 11, 21);

    /// Costs in nano-dollars of the days up to and with yesterday, the oldest first, then today's.
    fn spending(costs: &[i64]) -> Spending {
        let days = (0..).map(|n| TODAY.plus(n + 1 - i32::try_from(costs.len()).unwrap()));
        days.zip(costs).map(|(day, cost)| (day, (NanoUsd(*cost), 2))).collect()
    }

    #[test]
    fn a_forecast_is_spent_plus_the_mean_for_each_day_left() {
        let noon = TODAY.start().plus_ms(43_200_000);
        // costs, month, low, high; 9.5 days are left
        for (costs, expected) in [
            (&[100, 100, 100, 40][..], Some((1290, 1290, 1290))),
            (&[0, 0, 0, 0], Some((0, 0, 0))),
            // mean 100, deviation 100: 1.28 * 100 * sqrt(9.5 + 9.5²/3) = 805
            (&[0, 100, 200, 0], Some((1250, 445, 2055))),
            // The past is sure: never below what was spent.
            (&[0, 0, 300, 0], Some((1250, 300, 2643))),
            (&[100, 100, 0], None),
            (&[5], None),
            (&[], None),
        ] {
            let found = forecast(&spending(costs), noon);
            let shown = found.map(|f| (f.month_usd.0, f.low_usd.0, f.high_usd.0));
            assert_eq!(shown, expected, "{costs:?}");
        }
    }

    #[test]
    fn a_forecast_looks_back_two_weeks_and_at_this_month_alone() {
        let now = TODAY.start();
        let costs: Vec<i64> = (0..40).map(|n| if n < 25 { 1_000_000 } else { 10 }).chain([0]).collect();
        let found = forecast(&spending(&costs), now).unwrap();
        assert_eq!((found.days, found.mean_day_usd, found.month.as_str()), (14, NanoUsd(10), "2026-11"));
        // From the 1st to the 5th it was a million.
        assert_eq!(found.spent_usd, NanoUsd(5_000_000 + 15 * 10));
        assert_eq!((found.month_usd - found.spent_usd, found.low_usd), (NanoUsd(100), found.month_usd));
        // Days in between without any request count as days.
        let sparse: Spending = [(TODAY.plus(-10), (NanoUsd(50), 1)), (TODAY.plus(-1), (NanoUsd(50), 1))].into();
        assert_eq!(forecast(&sparse, now).map(|f| (f.days, f.mean_day_usd)), Some((10, NanoUsd(10))));
    }

    #[test]
    fn absurd_sums_saturate() {
        let costs = [i64::MAX, 0, i64::MAX, i64::MAX, i64::MAX];
        let found = forecast(&spending(&costs), TODAY.start()).unwrap();
        assert_eq!((found.high_usd, found.month_usd), (NanoUsd::MAX, NanoUsd::MAX));
    }

    #[test]
    fn a_trend_compares_whole_weeks() {
        let mut costs = vec![10; 16];
        costs[8..15].fill(15);
        costs[15] = 999;
        let found = trend(&spending(&costs), TODAY, TODAY).unwrap();
        assert_eq!((found.from, found.to), (TODAY.plus(-7), TODAY.plus(-1)));
        assert_eq!((found.spend_usd, found.spend_before_usd), (NanoUsd(105), NanoUsd(70)));
        assert_eq!((found.spend_change_pct, found.requests_change_pct), (Some(50.0), Some(0.0)));
        let earlier = trend(&spending(&costs), TODAY.plus(-8), TODAY).unwrap();
        assert_eq!((earlier.spend_usd, earlier.spend_before_usd), (NanoUsd(70), NanoUsd(10)));
        let free = trend(&spending(&[0; 16]), TODAY, TODAY).unwrap();
        assert_eq!((free.spend_change_pct, free.requests_change_pct), (None, Some(0.0)));
    }

    #[test]
    fn without_a_week_before_there_is_no_trend() {
        assert_eq!(trend(&spending(&[1; 8]), TODAY, TODAY), None);
        assert!(trend(&spending(&[1; 9]), TODAY, TODAY).is_some());
        assert_eq!(trend(&Spending::new(), TODAY, TODAY), None);
    }
}
