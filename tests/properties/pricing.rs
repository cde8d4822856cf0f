//! Costs: the exact sum of the buckets rounded up once, and a worst case that no usage within its bounds passes.

use llmr::types::{
    CostSource, Day, LengthStep, NanoUsd, PeakHours, PriceChange, Pricing, Rate, Rates, Timestamp, Usage,
};
use proptest::prelude::*;

use crate::cases;

const WINDOWS: [&[(u16, u16)]; 4] = [&[], &[(60, 240)], &[(0, 1)], &[(600, 720), (1400, 1440)]];

fn rate() -> impl Strategy<Value = Rate> {
    prop_oneof![
        4 => (0..100_000_000u64).prop_map(Rate),
        1 => (0..10u64).prop_map(Rate),
        1 => prop_oneof![any::<u64>(), u64::MAX - 10..=u64::MAX].prop_map(Rate),
    ]
}

fn rates() -> impl Strategy<Value = Rates> {
    let bucket = || prop::option::of(rate());
    (rate(), rate(), bucket(), bucket(), bucket()).prop_map(|(input, output, cached_input, cache_write, reasoning)| {
        Rates { input, output, cached_input, cache_write, reasoning }
    })
}

fn tokens() -> impl Strategy<Value = u64> {
    prop_oneof![6 => 0..200_000u64, 2 => 0..5u64, 1 => any::<u64>()]
}

fn usage() -> impl Strategy<Value = Usage> {
    let of = |(input_tokens, cached_input_tokens, cache_write_tokens, output_tokens, reasoning_tokens)| Usage {
        input_tokens,
        cached_input_tokens,
        cache_write_tokens,
        output_tokens,
        reasoning_tokens,
        estimated: false,
    };
    (tokens(), tokens(), tokens(), tokens(), tokens()).prop_map(of)
}

/// Within two weeks around the day on which the announced prices change.
fn moment() -> impl Strategy<Value = Timestamp> {
    (-7 * 86_400_000..7 * 86_400_000i64).prop_map(|ms| Day::of(2027, 1, 1).start().plus_ms(ms))
}

prop_compose! {
    /// A price with everything that a price can have.
    fn pricing()(
        list in rates(),
        mut steps in prop::collection::vec((0..400_000u64, rates()), 0..3),
        peak in prop::option::of((0..WINDOWS.len(), rates())),
        mut changes in prop::collection::vec((-5..5i32, rates()), 0..3),
        fee in 0..20_000_000i64,
        more in 0..20_000_000i64,
    ) -> Pricing {
        steps.sort_by_key(|(above, _)| *above);
        changes.sort_by_key(|(day, _)| *day);
        let steps = steps.into_iter().map(|(above_input_tokens, rates)| LengthStep { above_input_tokens, rates });
        let changes = changes.into_iter().map(|(days, rates)| PriceChange { from: Day::of(2027, 1, 1).plus(days), rates });
        Pricing {
            steps: steps.collect(),
            peak: peak.map(|(n, rates)| PeakHours { windows: WINDOWS[n], rates }),
            changes: changes.collect(),
            request_fee: NanoUsd(fee),
            request_fee_max: NanoUsd(fee + more),
            ..Pricing::plain(list, CostSource::Catalogue)
        }
    }
}

/// Pico-dollars, exactly; `None` above 2^128.
fn pico(rates: &Rates, usage: &Usage) -> Option<u128> {
    let parts = [
        (rates.input, usage.input_tokens),
        (rates.cached_input.unwrap_or(rates.input), usage.cached_input_tokens),
        (rates.cache_write.unwrap_or(rates.input), usage.cache_write_tokens),
        (rates.output, usage.output_tokens),
        (rates.reasoning.unwrap_or(rates.output), usage.reasoning_tokens),
    ];
    parts.into_iter().try_fold(0u128, |sum, (rate, n)| sum.checked_add(u128::from(rate.0) * u128::from(n)))
}

/// The rates as the documentation says it: step, else change, else peak, else list.
fn rates_by_the_book(pricing: &Pricing, at: Timestamp, prompt: u64) -> Rates {
    let mut rates = pricing.rates;
    if let Some(peak) = &pricing.peak {
        let minute = at.0.rem_euclid(86_400_000) / 60_000;
        // 1970-01-01 was a Thursday.
        let weekday = (at.0.div_euclid(86_400_000) + 3).rem_euclid(7) < 5;
        if weekday && peak.windows.iter().any(|(from, to)| minute >= i64::from(*from) && minute < i64::from(*to)) {
            rates = peak.rates;
        }
    }
    for change in pricing.changes.iter().filter(|change| change.from.start() <= at) {
        rates = change.rates;
    }
    for step in pricing.steps.iter().filter(|step| prompt > step.above_input_tokens) {
        rates = step.rates;
    }
    rates
}

/// Pico-dollars and a fee as nano-dollars, rounded up; the largest amount where that is too much.
fn rounded_up(pico: Option<u128>, fee: NanoUsd) -> NanoUsd {
    let nano = pico.map(|pico| pico / 1000 + u128::from(pico % 1000 > 0) + u128::from(fee.0.unsigned_abs()));
    nano.and_then(|nano| i64::try_from(nano).ok()).map_or(NanoUsd::MAX, NanoUsd)
}

proptest! {
    #![proptest_config(cases(768))]

    #[test]
    fn a_cost_is_the_exact_sum_rounded_up_once(pricing in pricing(), usage in usage(), at in moment()) {
        let rates = rates_by_the_book(&pricing, at, usage.prompt_tokens());
        prop_assert_eq!(pricing.rates_at(at, usage.prompt_tokens()), rates);
        prop_assert_eq!(pricing.cost(&usage, at), rounded_up(pico(&rates, &usage), pricing.request_fee));
    }

    #[test]
    fn more_tokens_never_cost_less(rates in rates(), usage in usage(), bucket in 0..5usize, more in tokens()) {
        let pricing = Pricing::plain(rates, CostSource::Config);
        let mut longer = usage;
        let grown = [
            &mut longer.input_tokens,
            &mut longer.cached_input_tokens,
            &mut longer.cache_write_tokens,
            &mut longer.output_tokens,
            &mut longer.reasoning_tokens,
        ];
        let grown = grown.into_iter().nth(bucket).unwrap();
        *grown = grown.saturating_add(more);
        prop_assert!(pricing.cost(&longer, Timestamp(0)) >= pricing.cost(&usage, Timestamp(0)));
    }

    #[test]
    fn splitting_a_usage_costs_a_nano_dollar_at_most(rates in rates(), one in usage(), two in usage()) {
        let pricing = Pricing::plain(rates, CostSource::Config);
        let mut both = one;
        both.add(&two);
        let cost = |usage: &Usage| pricing.cost(usage, Timestamp(0));
        let (apart, together) = (cost(&one) + cost(&two), cost(&both));
        prop_assert!(apart >= together, "{:?} < {:?}", apart, together);
        // Where tokens or money saturate nothing more can be said.
        let whole = one.prompt_tokens().checked_add(two.prompt_tokens()).is_some()
            && one.completion_tokens().checked_add(two.completion_tokens()).is_some();
        if whole && together < NanoUsd::MAX {
            prop_assert!(apart <= together + NanoUsd(1), "{:?} > {:?} + 1", apart, together);
        }
    }

    #[test]
    fn no_usage_within_its_bounds_passes_the_worst_case(
        pricing in pricing(),
        (from, lasts, share) in (moment(), prop_oneof![0..600_000i64, 0..9 * 86_400_000i64], 0.0..=1.0f64),
        (prompt, written) in (tokens(), tokens()),
        parts in [0.0..=1.0f64, 0.0..=1.0, 0.0..=1.0],
    ) {
        let until = from.plus_ms(lasts);
        #[allow(clippy::cast_possible_truncation, clippy::cast_precision_loss)]
        let sent_at = from.plus_ms((lasts as f64 * share) as i64).min(until);
        #[allow(clippy::cast_possible_truncation, clippy::cast_precision_loss, clippy::cast_sign_loss)]
        let part = |of: u64, share: f64| ((of as f64 * share) as u64).min(of);
        let cached_input_tokens = part(prompt, parts[0]);
        let cache_write_tokens = part(prompt - cached_input_tokens, parts[1]);
        let reasoning_tokens = part(written, parts[2]);
        let usage = Usage {
            input_tokens: prompt - cached_input_tokens - cache_write_tokens,
            cached_input_tokens,
            cache_write_tokens,
            output_tokens: written - reasoning_tokens,
            reasoning_tokens,
            estimated: false,
        };
        let hold = pricing.worst_case(from, until, prompt, written);
        prop_assert!(pricing.cost(&usage, sent_at) <= hold, "{:?} > {:?}", pricing.cost(&usage, sent_at), hold);
    }

    #[test]
    fn a_longer_attempt_or_prompt_is_never_held_for_less(
        pricing in pricing(), from in moment(), lasts in [0..600_000i64, 0..600_000i64],
        prompt in [tokens(), tokens()], written in [tokens(), tokens()],
    ) {
        let hold = |lasts: i64, prompt, written| pricing.worst_case(from, from.plus_ms(lasts), prompt, written);
        let short = hold(lasts[0].min(lasts[1]), prompt[0].min(prompt[1]), written[0].min(written[1]));
        let long = hold(lasts[0].max(lasts[1]), prompt[0].max(prompt[1]), written[0].max(written[1]));
        prop_assert!(short <= long);
    }

    #[test]
    fn what_is_free_costs_nothing_and_nothing_else_is(pricing in pricing(), usage in usage(), at in moment()) {
        let freed = Pricing { request_fee: NanoUsd::ZERO, request_fee_max: NanoUsd::ZERO, ..Pricing::plain(Rates::FREE, CostSource::Config) };
        prop_assert!(freed.is_free());
        prop_assert_eq!(freed.cost(&usage, at), NanoUsd::ZERO);
        if pricing.cost(&usage, at) > NanoUsd::ZERO {
            prop_assert!(!pricing.is_free());
        }
    }
}

/// Once such sums passed 2^128 pico-dollars and came out as nothing, or nearly.
#[test]
fn a_price_beyond_counting_is_the_largest_amount_and_not_a_small_one() {
    let (half, all) = (1 << 63, u64::MAX);
    let dear = Pricing::plain(Rates::new(Rate(half), Rate(half)), CostSource::Config);
    let usage = Usage {
        input_tokens: half,
        cached_input_tokens: half,
        output_tokens: half,
        reasoning_tokens: half,
        ..Usage::default()
    };
    assert_eq!(dear.cost(&usage, Timestamp(0)), NanoUsd::MAX);
    let dear = Pricing::plain(Rates::new(Rate(all), Rate(1 << 33)), CostSource::Config);
    assert_eq!(dear.worst_case(Timestamp(0), Timestamp(0), all, 1 << 32), NanoUsd::MAX);
}
