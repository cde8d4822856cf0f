//! Numbers out of usage objects.

use serde_json::Value;

use crate::types::NanoUsd;

use super::table::ReportedCost;

/// The first of these paths (JSON pointers) that holds a count. Cohere writes counts as decimals at times.
pub fn count(usage: &Value, paths: &[&str]) -> Option<u64> {
    paths.iter().find_map(|path| as_count(usage.pointer(path)?))
}

fn as_count(value: &Value) -> Option<u64> {
    value.as_u64().or_else(|| {
        let number = value.as_f64().filter(|n| n.is_finite() && *n >= 0.0)?;
        // Rounded up, so that no token is lost; counts are far below 2^53.
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        Some(number.ceil() as u64)
    })
}

/// What the provider says it charged, from the place where it says so.
pub fn reported_cost(usage: &Value, place: ReportedCost) -> Option<NanoUsd> {
    let usd = |path: &str| usage.pointer(path)?.as_f64().and_then(NanoUsd::from_f64_ceil);
    match place {
        ReportedCost::None => None,
        ReportedCost::UsageCostTotal => usd("/cost/total_cost"),
        // 10^10 ticks are one dollar, so ten are a nano-dollar.
        ReportedCost::UsdTicks => {
            let ticks = count(usage, &["/cost_in_usd_ticks"])?;
            i64::try_from(ticks.div_ceil(10)).ok().map(NanoUsd)
        }
        // With a key of the user's own at the upstream provider the cost is the router's fee alone.
        ReportedCost::UsageCost => {
            let own_key = usage.pointer("/is_byok").and_then(Value::as_bool).unwrap_or(false);
            let upstream = usd("/cost_details/upstream_inference_cost").filter(|_| own_key).unwrap_or_default();
            usd("/cost").map(|cost| cost + upstream)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn costs_are_read_exactly_and_rounded_up() {
        use ReportedCost::{None as Nowhere, UsageCost, UsageCostTotal, UsdTicks};
        for (usage, place, nano) in [
            (json!({"cost": 0.000_081}), UsageCost, Some(81_000)),
            (json!({"cost": 0}), UsageCost, Some(0)),
            (
                json!({"cost": 0.000_1, "is_byok": false, "cost_details": {"upstream_inference_cost": 0.5}}),
                UsageCost,
                Some(100_000),
            ),
            (
                json!({"cost": 0.000_1, "is_byok": true, "cost_details": {"upstream_inference_cost": 0.002}}),
                UsageCost,
                Some(2_100_000),
            ),
            (
                json!({"cost": 0.000_1, "is_byok": true, "cost_details": {"upstream_inference_cost": null}}),
                UsageCost,
                Some(100_000),
            ),
            (json!({"cost": {"total_cost": 0.005_01}}), UsageCostTotal, Some(5_010_000)),
            (json!({"cost": {"total_cost": 1e-5}}), UsageCostTotal, Some(10_000)),
            (json!({"cost_in_usd_ticks": 739_001}), UsdTicks, Some(73_901)),
            (json!({"cost_in_usd_ticks": 10}), UsdTicks, Some(1)),
            (json!({"cost": 1}), Nowhere, None),
            (json!({"cost": null}), UsageCost, None),
            (json!({"cost": -1}), UsageCost, None),
        ] {
            assert_eq!(reported_cost(&usage, place), nano.map(NanoUsd), "{usage}");
        }
    }

    #[test]
    fn the_first_place_that_holds_a_count_wins() {
        let usage = json!({"a": {"b": null}, "c": 7, "d": 2.5, "e": -1, "f": "9"});
        for (paths, expected) in
            [(&["/a/b", "/c"][..], Some(7)), (&["/d"], Some(3)), (&["/e"], None), (&["/f"], None), (&["/a/b"], None)]
        {
            assert_eq!(count(&usage, paths), expected, "{paths:?}");
        }
    }
}
