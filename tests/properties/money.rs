//! Amounts of money: no sum wraps, every rounding is upwards, and what is printed is read back to the nano-dollar.

use llmr::output::json::{Layout, render};
use llmr::types::{NanoUsd, ParseMoneyError, Rate};
use proptest::prelude::*;

use crate::cases;

/// Below this a float names every nano-dollar: eight million dollars.
const EXACT: i64 = 8_000_000_000_000_000;

/// Amounts as they come, and those at the ends of what can be counted.
fn amount() -> impl Strategy<Value = i64> {
    prop_oneof![0..10_000_000_000i64, any::<i64>(), i64::MAX - 10..=i64::MAX, i64::MIN..=i64::MIN + 10, -10..10i64]
}

fn clamped(exact: i128) -> NanoUsd {
    NanoUsd(i64::try_from(exact.clamp(i64::MIN.into(), i64::MAX.into())).unwrap())
}

/// Digits before and behind the point, either of them perhaps missing.
fn decimal() -> impl Strategy<Value = (String, String)> {
    ("[0-9]{0,12}", prop_oneof!["[0-9]{0,12}", "[0-9]{0,9}0{0,4}"])
}

/// What a decimal comes to in nano-dollars, and whether anything was below that.
fn exactly(whole: &str, part: &str) -> (i128, bool) {
    let (kept, below) = part.split_at(part.len().min(9));
    let nano: i128 = format!("0{whole}{kept:0<9}").parse().unwrap();
    (nano, below.chars().any(|digit| digit != '0'))
}

proptest! {
    #![proptest_config(cases(2048))]

    #[test]
    fn sums_and_differences_saturate(a in amount(), b in amount(), rest in prop::collection::vec(amount(), 0..6)) {
        prop_assert_eq!(NanoUsd(a) + NanoUsd(b), clamped(i128::from(a) + i128::from(b)));
        prop_assert_eq!(NanoUsd(a) - NanoUsd(b), clamped(i128::from(a) - i128::from(b)));
        let left = clamped(i128::from(a) - i128::from(b)).max(NanoUsd::ZERO);
        prop_assert_eq!(NanoUsd(a).saturating_sub(NanoUsd(b)), left);
        let mut grown = NanoUsd(a);
        grown += NanoUsd(b);
        prop_assert_eq!(grown, NanoUsd(a) + NanoUsd(b));
        // Of amounts from 0 a sum saturates once and for all, in whatever order it is made.
        let costs: Vec<i64> = rest.iter().map(|amount| amount.saturating_abs()).collect();
        let exact = costs.iter().copied().map(i128::from).sum();
        prop_assert_eq!(costs.iter().copied().map(NanoUsd).sum::<NanoUsd>(), clamped(exact));
        prop_assert_eq!(costs.iter().rev().copied().map(NanoUsd).sum::<NanoUsd>(), clamped(exact));
    }

    #[test]
    fn what_is_printed_is_read_back(nano in amount()) {
        let printed = NanoUsd(nano).to_string();
        let places = printed.split_once('.').map_or(0, |(_, part)| part.len());
        prop_assert!(places <= 9 && !printed.contains(['e', 'E']), "{}", printed);
        prop_assert!(places == 0 || !printed.ends_with('0'), "{}", printed);
        let sign: i128 = if printed.starts_with('-') { -1 } else { 1 };
        let (whole, part) = printed.trim_start_matches('-').split_once('.').unwrap_or((printed.trim_start_matches('-'), ""));
        prop_assert_eq!(sign * exactly(whole, part).0, i128::from(nano));
        if nano >= 0 {
            prop_assert_eq!(printed.parse::<NanoUsd>(), Ok(NanoUsd(nano)));
            prop_assert_eq!(NanoUsd::from_decimal_ceil(&printed), Ok(NanoUsd(nano)));
        } else {
            prop_assert!(printed.parse::<NanoUsd>().is_err());
        }
        prop_assert_eq!(serde_json::to_string(&NanoUsd(nano)).unwrap(), printed);
    }

    #[test]
    fn a_float_names_the_amount_up_to_eight_million_dollars(nano in prop_oneof![0..=EXACT, 0..1_000_000i64]) {
        prop_assert_eq!(NanoUsd::from_f64_ceil(NanoUsd(nano).as_usd()), Some(NanoUsd(nano)));
        // Also through a JSON value and its printing.
        let printed = render(&serde_json::json!({ "usd": NanoUsd(nano) }), Layout::Compact).unwrap();
        let digits = printed.trim_end().rsplit_once(':').unwrap().1.trim_end_matches('}');
        prop_assert_eq!(NanoUsd::from_decimal_ceil(digits), Ok(NanoUsd(nano)), "{}", printed);
    }

    #[test]
    fn a_reported_cost_is_never_rounded_down(usd in prop_oneof![0.0..10.0f64, 0.0..1e-6, any::<f64>(), Just(-0.0)]) {
        let counted = NanoUsd::from_f64_ceil(usd);
        if !(0.0..=9_223_372_037.0).contains(&usd) {
            prop_assert_eq!(counted, None);
        } else if usd < 9_223_372_036.0 {
            let counted = counted.expect("an amount from 0").0;
            // The shortest digits that name the float are within half a step of it.
            let step = usd.next_up() - usd;
            #[allow(clippy::cast_precision_loss)]
            let off = counted as f64 / 1e9 - usd;
            prop_assert!(off >= -step && off <= 1e-9 + step, "{} became {}", usd, counted);
            prop_assert!(usd == 0.0 || counted > 0);
        }
    }

    #[test]
    fn decimals_are_read_exactly((whole, part) in decimal(), point in any::<bool>()) {
        let text = if point || !part.is_empty() { format!("{whole}.{part}") } else { whole.clone() };
        let (nano, below) = exactly(&whole, &part);
        let as_amount = |nano: i128| i64::try_from(nano).map(NanoUsd);
        let not_a_number = || ParseMoneyError::NotANumber(text.clone());
        let too_large = || ParseMoneyError::TooLarge(text.clone());
        if whole.is_empty() && part.is_empty() {
            prop_assert_eq!(text.parse::<NanoUsd>(), Err(not_a_number()));
        } else {
            let up = as_amount(nano + i128::from(below)).map_err(|_| too_large());
            prop_assert_eq!(NanoUsd::from_decimal_ceil(&text), up);
            let strict = if below { Err(not_a_number()) } else { as_amount(nano).map_err(|_| too_large()) };
            prop_assert_eq!(text.parse::<NanoUsd>(), strict);
        }
    }

    #[test]
    fn no_text_makes_a_negative_amount(text in "[-+ 0-9.eE_]{0,24}|\\PC{0,12}") {
        for read in [text.parse::<NanoUsd>(), NanoUsd::from_decimal_ceil(&text)] {
            prop_assert!(read.is_err() || read.unwrap() >= NanoUsd::ZERO);
        }
    }

    #[test]
    fn a_share_is_rounded_down_and_within_the_whole(nano in 0..EXACT / 100, pct in 0.0..=100.0f64) {
        let share = NanoUsd(nano).percent(pct).0;
        prop_assert!((0..=nano).contains(&share), "{}", share);
        #[allow(clippy::cast_precision_loss)]
        let exact = nano as f64 * pct / 100.0;
        #[allow(clippy::cast_precision_loss)]
        let off = exact - share as f64;
        prop_assert!((0.0..1.0).contains(&off), "{} of {} is {}", pct, nano, share);
    }

    #[test]
    fn a_price_per_million_is_read_back(pico in prop_oneof![0..1_000_000_000u64, 0..8_000_000_000_000_000u64]) {
        let usd = Rate(pico).as_usd_per_mtok();
        prop_assert_eq!(Rate::from_usd_per_mtok(usd), Some(Rate(pico)));
    }

    #[test]
    fn a_price_is_never_rounded_down(usd in prop_oneof![0.0..100.0f64, 0.0..1e-4, Just(-0.0)]) {
        let rate = Rate::from_usd_per_mtok(usd).expect("a price from 0").as_usd_per_mtok();
        prop_assert!(rate - usd > -1e-12 && rate - usd <= 1e-6 + 1e-12, "{} became {}", usd, rate);
    }
}
