//! What a model costs: list price, length steps, peak hours, announced changes, request fees.

use std::borrow::Cow;

use serde::Serialize;

use super::money::nano_from_pico;
use super::{Day, NanoUsd, Rate, Timestamp, Usage};

/// Prices per token of each bucket. A missing bucket is billed as its parent:
/// cached input and cache writes as input, reasoning as output.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Rates {
    /// A prompt token.
    pub input: Rate,
    /// A token of the answer.
    pub output: Rate,
    /// A prompt token read from the provider's cache.
    pub cached_input: Option<Rate>,
    /// A prompt token written to the provider's cache.
    pub cache_write: Option<Rate>,
    /// A token of thinking, where it has a price of its own.
    pub reasoning: Option<Rate>,
}

impl Rates {
    /// Both prices 0: a local model.
    pub const FREE: Self = Self::new(Rate::FREE, Rate::FREE);

    /// Only input and output have prices.
    pub const fn new(input: Rate, output: Rate) -> Self {
        Self { input, output, cached_input: None, cache_write: None, reasoning: None }
    }

    /// The dearest way a prompt token can be billed.
    pub fn dearest_input(&self) -> Rate {
        [Some(self.input), self.cached_input, self.cache_write].into_iter().flatten().max().unwrap_or_default()
    }

    /// The dearest way a written token can be billed.
    pub fn dearest_output(&self) -> Rate {
        self.output.max(self.reasoning.unwrap_or_default())
    }

    /// Bucket by bucket the higher of two.
    #[must_use]
    pub fn max(self, other: Self) -> Self {
        let or_parent = |own: Option<Rate>, parent: Rate| own.unwrap_or(parent);
        let bucket = |a: Option<Rate>, b: Option<Rate>, pa: Rate, pb: Rate| {
            (a.is_some() || b.is_some()).then(|| or_parent(a, pa).max(or_parent(b, pb)))
        };
        Self {
            input: self.input.max(other.input),
            output: self.output.max(other.output),
            cached_input: bucket(self.cached_input, other.cached_input, self.input, other.input),
            cache_write: bucket(self.cache_write, other.cache_write, self.input, other.input),
            reasoning: bucket(self.reasoning, other.reasoning, self.output, other.output),
        }
    }

    fn pico(&self, usage: &Usage) -> u128 {
        [
            self.input.pico(usage.input_tokens),
            self.cached_input.unwrap_or(self.input).pico(usage.cached_input_tokens),
            self.cache_write.unwrap_or(self.input).pico(usage.cache_write_tokens),
            self.output.pico(usage.output_tokens),
            self.reasoning.unwrap_or(self.output).pico(usage.reasoning_tokens),
        ]
        .into_iter()
        .fold(0, u128::saturating_add)
    }
}

/// Above so many prompt tokens these rates hold for **every** token of the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LengthStep {
    /// The last prompt length (cached part included) of the step below.
    pub above_input_tokens: u64,
    /// The rates from there on.
    pub rates: Rates,
}

/// Higher prices at some hours of weekdays, UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PeakHours {
    /// Half-open windows, in minutes since midnight UTC, of Monday to Friday.
    pub windows: &'static [(u16, u16)],
    /// The rates inside them.
    pub rates: Rates,
}

/// An announced change of the price.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PriceChange {
    /// The first day of the new price.
    pub from: Day,
    /// The new price.
    pub rates: Rates,
}

/// Where a cost comes from, as JSON names it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CostSource {
    /// The provider told it in its answer.
    Provider,
    /// Computed from the built-in catalogue.
    Catalogue,
    /// Computed from a price in the user's config.
    Config,
    /// Nobody knows.
    #[default]
    None,
}

impl CostSource {
    /// Its name in JSON and in the database.
    pub fn name(self) -> &'static str {
        match self {
            Self::Provider => "provider",
            Self::Catalogue => "catalogue",
            Self::Config => "config",
            Self::None => "none",
        }
    }

    /// The source of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Provider, Self::Catalogue, Self::Config, Self::None].into_iter().find(|source| source.name() == name)
    }
}

/// Everything that is known about what a model costs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pricing {
    /// The list price, off-peak, of a short prompt.
    pub rates: Rates,
    /// Length steps, ascending.
    pub steps: Cow<'static, [LengthStep]>,
    /// Peak hours.
    pub peak: Option<PeakHours>,
    /// Announced changes, ascending.
    pub changes: Cow<'static, [PriceChange]>,
    /// A fee per request, as usually billed.
    pub request_fee: NanoUsd,
    /// The most such a fee can be.
    pub request_fee_max: NanoUsd,
    /// Whether there is a charge that nothing in the request can bound (searches made by the model).
    pub unbounded: bool,
    /// Where the price comes from.
    pub source: CostSource,
    /// The day the price was last read from its source.
    pub as_of: Option<Day>,
}

impl Pricing {
    /// A plain price without steps, hours or fees.
    pub fn plain(rates: Rates, source: CostSource) -> Self {
        Self {
            rates,
            steps: Cow::Borrowed(&[]),
            peak: None,
            changes: Cow::Borrowed(&[]),
            request_fee: NanoUsd::ZERO,
            request_fee_max: NanoUsd::ZERO,
            unbounded: false,
            source,
            as_of: None,
        }
    }

    /// The rates of a prompt of this length sent at this time.
    ///
    /// A length step wins over an announced change, and either over peak hours: no catalogue row
    /// has two of them, and [`Pricing::dearest_rates`] takes the highest of all.
    pub fn rates_at(&self, now: Timestamp, prompt_tokens: u64) -> Rates {
        if let Some(step) = self.steps.iter().rev().find(|s| prompt_tokens > s.above_input_tokens) {
            return step.rates;
        }
        if let Some(change) = self.changes.iter().rev().find(|c| c.from <= now.day()) {
            return change.rates;
        }
        match &self.peak {
            Some(peak) if peak.covers(now) => peak.rates,
            _ => self.rates,
        }
    }

    /// The dearest rates that a prompt of at most this length can meet between two times.
    pub fn dearest_rates(&self, from: Timestamp, until: Timestamp, prompt_tokens: u64) -> Rates {
        let mut dearest = self.rates;
        for step in self.steps.iter().filter(|step| prompt_tokens > step.above_input_tokens) {
            dearest = dearest.max(step.rates);
        }
        for change in self.changes.iter().filter(|change| change.from <= until.day()) {
            dearest = dearest.max(change.rates);
        }
        match &self.peak {
            Some(peak) if peak.touches(from, until) => dearest.max(peak.rates),
            _ => dearest,
        }
    }

    /// What this usage costs when sent at this time, rounded up to a whole nano-dollar.
    pub fn cost(&self, usage: &Usage, sent_at: Timestamp) -> NanoUsd {
        let rates = self.rates_at(sent_at, usage.prompt_tokens());
        nano_from_pico(rates.pico(usage)) + self.request_fee
    }

    /// The most that an attempt between two times can cost: so many prompt tokens, however billed,
    /// and so many written ones.
    pub fn worst_case(&self, from: Timestamp, until: Timestamp, prompt: u64, written: u64) -> NanoUsd {
        let rates = self.dearest_rates(from, until, prompt);
        let (read, wrote) = (rates.dearest_input().pico(prompt), rates.dearest_output().pico(written));
        nano_from_pico(read.saturating_add(wrote)) + self.request_fee_max
    }

    /// Whether nothing of it costs anything.
    pub fn is_free(&self) -> bool {
        let free = |r: &Rates| r.dearest_input() == Rate::FREE && r.dearest_output() == Rate::FREE;
        free(&self.rates)
            && self.steps.iter().all(|s| free(&s.rates))
            && self.changes.iter().all(|c| free(&c.rates))
            && self.peak.iter().all(|p| free(&p.rates))
            && self.request_fee_max == NanoUsd::ZERO
            && !self.unbounded
    }
}

impl PeakHours {
    /// Whether the rates hold at this instant.
    pub fn covers(&self, at: Timestamp) -> bool {
        let minute = at.minute_of_day();
        at.day().is_weekday() && self.windows.iter().any(|(start, end)| (*start..*end).contains(&minute))
    }

    /// Whether they hold at any minute between two times (both included).
    fn touches(&self, from: Timestamp, until: Timestamp) -> bool {
        // An attempt lasts minutes; a week or more meets every window there is.
        const MINUTE_MS: i64 = 60_000;
        if until.since_ms(from) > 7 * 24 * 60 * MINUTE_MS {
            return true;
        }
        let minutes = until.since_ms(from).max(0) / MINUTE_MS;
        (0..=minutes).any(|m| self.covers(from.plus_ms(m * MINUTE_MS))) || self.covers(until)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn rates(input: &str, output: &str) -> Rates {
        Rates::new(Rate::usd_per_mtok(input), Rate::usd_per_mtok(output))
    }

    fn at(text: &str) -> Timestamp {
        Timestamp::parse(text).unwrap()
    }

    fn usage(input: u64, output: u64) -> Usage {
        Usage { input_tokens: input, output_tokens: output, ..Usage::default() }
    }

    #[test]
    fn a_cost_sums_every_bucket_once_and_rounds_up_once() {
        let rates = Rates { cached_input: Some(Rate(1)), cache_write: Some(Rate(2_500_000)), ..rates("2", "10") };
        let pricing = Pricing::plain(rates, CostSource::Catalogue);
        let usage = Usage {
            input_tokens: 1,
            cached_input_tokens: 1,
            cache_write_tokens: 2,
            output_tokens: 3,
            reasoning_tokens: 4,
            estimated: false,
        };
        // 2,000,000 + 1 + 5,000,000 + 30,000,000 + 40,000,000 pico-dollars
        assert_eq!(pricing.cost(&usage, Timestamp(0)), NanoUsd(77_001));
    }

    #[test]
    fn above_a_length_step_every_token_has_its_price() {
        let pricing = Pricing {
            steps: vec![LengthStep { above_input_tokens: 100, rates: rates("4", "15") }].into(),
            ..Pricing::plain(rates("2", "10"), CostSource::Catalogue)
        };
        assert_eq!(pricing.cost(&usage(100, 1), Timestamp(0)), NanoUsd(210_000));
        assert_eq!(pricing.cost(&usage(101, 1), Timestamp(0)), NanoUsd(419_000));
        let cached = Usage { cached_input_tokens: 101, ..Usage::default() };
        assert_eq!(pricing.cost(&cached, Timestamp(0)), NanoUsd(404_000));
        let worst = |prompt| pricing.worst_case(Timestamp(0), Timestamp(0), prompt, 1);
        assert_eq!((worst(100), worst(101)), (NanoUsd(210_000), NanoUsd(419_000)));
    }

    #[test]
    fn peak_hours_hold_on_weekdays_only() {
        let pricing = Pricing {
            peak: Some(PeakHours { windows: &[(60, 240)], rates: rates("4", "4") }),
            ..Pricing::plain(rates("2", "2"), CostSource::Catalogue)
        };
        for (when, nano) in [
            ("2026-11-20T00:59:59Z", 2000),
            ("2026-11-20T01:00:00Z", 4000),
            ("2026-11-20T04:00:00Z", 2000),
            ("2026-11-21T02:00:00Z", 2000),
        ] {
            assert_eq!(pricing.cost(&usage(1, 0), at(when)), NanoUsd(nano), "{when}");
        }
        let (before, after) = (at("2026-11-20T00:58:00Z"), at("2026-11-20T01:01:00Z"));
        assert_eq!(pricing.worst_case(before, before, 1, 0), NanoUsd(2000));
        assert_eq!(pricing.worst_case(before, after, 1, 0), NanoUsd(4000));
    }

    #[test]
    fn an_attempt_meets_the_peak_that_any_minute_of_it_lies_in() {
        let pricing = Pricing {
            peak: Some(PeakHours { windows: &[(60, 240)], rates: rates("4", "4") }),
            ..Pricing::plain(rates("2", "2"), CostSource::Catalogue)
        };
        for (from, until, nano) in [
            // Friday the 20th: all of the peak lies between the two, then only the last seconds of the attempt.
            ("2026-11-20T00:58:00Z", "2026-11-20T04:01:00Z", 4000),
            ("2026-11-20T00:59:50Z", "2026-11-20T01:00:10Z", 4000),
            ("2026-11-20T04:00:00Z", "2026-11-23T00:59:00Z", 2000),
            ("2026-11-20T04:00:00Z", "2026-11-23T01:00:00Z", 4000),
            ("2026-11-20T04:00:00Z", "2026-12-20T04:00:00Z", 4000),
        ] {
            assert_eq!(pricing.worst_case(at(from), at(until), 1, 0), NanoUsd(nano), "{from} to {until}");
        }
    }

    #[test]
    fn an_announced_change_holds_from_its_day_on() {
        let pricing = Pricing {
            changes: vec![PriceChange { from: Day::of(2027, 1, 1), rates: rates("4", "4") }].into(),
            ..Pricing::plain(rates("2", "2"), CostSource::Catalogue)
        };
        assert_eq!(pricing.cost(&usage(1, 0), at("2026-12-31T23:59:59Z")), NanoUsd(2000));
        assert_eq!(pricing.cost(&usage(1, 0), at("2027-01-01T00:00:00Z")), NanoUsd(4000));
    }

    #[test]
    fn the_worst_case_takes_the_dearest_bucket() {
        let rates = Rates { cache_write: Some(Rate(9_000_000)), reasoning: Some(Rate(7_000_000)), ..rates("2", "5") };
        let pricing = Pricing { request_fee_max: NanoUsd(12), ..Pricing::plain(rates, CostSource::Catalogue) };
        assert_eq!(pricing.worst_case(Timestamp(0), Timestamp(0), 10, 10), NanoUsd(90_000 + 70_000 + 12));
    }

    #[test]
    fn free_means_free_in_every_case() {
        let free = || Pricing::plain(Rates::FREE, CostSource::Config);
        assert!(free().is_free());
        let later = PriceChange { from: Day::of(2027, 1, 1), rates: rates("0", "1") };
        for (name, pricing) in [
            ("input", Pricing::plain(rates("1", "0"), CostSource::Config)),
            ("output", Pricing::plain(rates("0", "1"), CostSource::Config)),
            (
                "a long prompt",
                Pricing { steps: vec![LengthStep { above_input_tokens: 9, rates: rates("1", "0") }].into(), ..free() },
            ),
            ("later", Pricing { changes: vec![later].into(), ..free() }),
            ("a peak", Pricing { peak: Some(PeakHours { windows: &[(0, 9)], rates: rates("1", "0") }), ..free() }),
            ("a fee", Pricing { request_fee_max: NanoUsd(1), ..free() }),
            ("what nothing bounds", Pricing { unbounded: true, ..free() }),
        ] {
            assert!(!pricing.is_free(), "{name}");
        }
    }
}
