//! Compares every row of the catalogue with the collection of facts it was written from, where that
//! is at hand: `../shared/catalogue.json`. Without it the comparison is skipped, and says so.

#![allow(clippy::expect_used, clippy::unwrap_used, clippy::panic, reason = "a test")]

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write};
use std::path::Path;

use llmr::catalogue::{self, Ability, ModelRow};
use llmr::types::{Day, NanoUsd, Rate, Rates, Tier};
use serde_json::Value;

fn source() -> Option<Value> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/catalogue.json");
    match fs::read(&file) {
        Ok(bytes) => Some(serde_json::from_slice(&bytes).expect("the source is JSON")),
        Err(error) => {
            // Past the test runner's capture: a comparison that did not happen must be seen.
            let _ = writeln!(io::stderr(), "skipped: the catalogue's source {}: {error}", file.display());
            None
        }
    }
}

fn strings(value: &Value) -> Vec<&str> {
    value.as_array().map_or(Vec::new(), |list| list.iter().filter_map(Value::as_str).collect())
}

/// A day; the first of the month where only that is known.
fn day(value: &Value) -> Option<Day> {
    let text = value.as_str()?;
    Day::parse(text).or_else(|| Day::parse(&format!("{text}-01")))
}

fn rate(value: &Value) -> Option<Rate> {
    value.as_f64().and_then(Rate::from_usd_per_mtok)
}

fn rates(value: &Value) -> Option<Rates> {
    Some(Rates {
        input: rate(&value["input"])?,
        output: rate(&value["output"])?,
        cached_input: rate(&value["cached_input"]),
        cache_write: rate(&value["cache_write"]),
        reasoning: rate(&value["reasoning"]),
    })
}

fn minutes(value: &Value) -> u16 {
    let (hours, minutes) = value.as_str().and_then(|text| text.split_once(':')).expect("a time of day");
    hours.parse::<u16>().unwrap() * 60 + minutes.parse::<u16>().unwrap()
}

/// Every figure of a row as text, by name: the same two maps mean the same row.
fn of_row(row: &ModelRow) -> BTreeMap<&'static str, String> {
    let abilities: Vec<_> = Ability::ALL.iter().filter(|(ability, _)| row.can(*ability)).map(|(_, n)| *n).collect();
    let steps: Vec<_> = row.steps.iter().map(|step| (step.above_input_tokens, step.rates)).collect();
    let changes: Vec<_> = row.changes.iter().map(|change| (change.from, change.rates)).collect();
    BTreeMap::from([
        ("aliases", format!("{:?}", row.aliases)),
        ("status", row.status.name().to_owned()),
        ("context", format!("{:?}", row.context_tokens)),
        ("output", format!("{:?}", row.max_output_tokens)),
        ("rates", format!("{:?}", row.rates)),
        ("steps", format!("{steps:?}")),
        ("peak", format!("{:?}", row.peak.map(|peak| (peak.windows.to_vec(), peak.rates)))),
        ("changes", format!("{changes:?}")),
        ("fees", format!("{:?}", (row.request_fee, row.request_fee_max, row.unbounded))),
        ("abilities", format!("{abilities:?}")),
        ("temperature", row.accepts_temperature.to_string()),
        ("levels", format!("{:?}", row.reasoning_levels)),
        ("released", format!("{:?}", row.released)),
        ("retired", format!("{:?}", row.retired)),
        ("not before", format!("{:?}", row.min_retirement)),
        ("successor", format!("{:?}", row.successor)),
        ("as of", format!("{:?}", row.price_as_of)),
    ])
}

fn of_source(model: &Value) -> BTreeMap<&'static str, String> {
    let list = |name: &str| model[name].as_array().cloned().unwrap_or_default();
    let steps: Vec<_> =
        list("tiered").iter().map(|s| (s["above_input_tokens"].as_u64().unwrap(), rates(s).unwrap())).collect();
    let changes: Vec<_> = list("price_changes").iter().map(|c| (day(&c["from"]).unwrap(), rates(c).unwrap())).collect();
    let peak = model["time_of_day"].get("peak").map(|peak| {
        let windows =
            peak["utc"].as_array().unwrap().iter().map(|w| (minutes(&w[0]), minutes(&w[1]))).collect::<Vec<_>>();
        (windows, rates(peak).unwrap())
    });
    let fees = &model["request_fee"]["per_1k_requests_usd"];
    let fee =
        |size: &str| fees[size].as_f64().map_or(NanoUsd::ZERO, |usd| NanoUsd::from_f64_ceil(usd / 1000.0).unwrap());
    let unbounded = model["request_fee"].get("per_1k_searches_usd").is_some();
    let abilities = strings(&model["capabilities"]);
    BTreeMap::from([
        ("aliases", format!("{:?}", strings(&model["aliases"]))),
        ("status", model["status"].as_str().unwrap().to_owned()),
        ("context", format!("{:?}", model["context_tokens"].as_u64())),
        ("output", format!("{:?}", model["max_output_tokens"].as_u64())),
        ("rates", format!("{:?}", rates(&model["usd_per_mtok"]))),
        ("steps", format!("{steps:?}")),
        ("peak", format!("{peak:?}")),
        ("changes", format!("{changes:?}")),
        ("fees", format!("{:?}", (fee("low"), fee("high"), unbounded))),
        ("abilities", format!("{abilities:?}")),
        ("temperature", model["accepts_temperature"].as_bool().unwrap_or(true).to_string()),
        ("levels", format!("{:?}", strings(&model["reasoning_levels"]))),
        ("released", format!("{:?}", day(&model["released"]))),
        ("retired", format!("{:?}", day(&model["retired"]))),
        ("not before", format!("{:?}", day(&model["min_retirement"]))),
        ("successor", format!("{:?}", model["successor"].as_str())),
        ("as of", format!("{:?}", day(&model["price_as_of"]))),
    ])
}

#[test]
fn every_row_has_the_figures_of_its_source() {
    let Some(source) = source() else { return };
    let chat: Vec<_> = source["models"].as_array().unwrap().iter().filter(|m| m["kind"] == "chat").collect();
    assert_eq!(catalogue::rows().count(), chat.len(), "one row for each chat model");
    for model in chat {
        let (provider, id) = (model["provider"].as_str().unwrap(), model["id"].as_str().unwrap());
        let row = catalogue::by_provider(provider).iter().find(|row| row.id == id);
        let row = row.unwrap_or_else(|| panic!("no row {provider}/{id}"));
        let (ours, theirs) = (of_row(row), of_source(model));
        for (field, value) in &theirs {
            assert_eq!(&ours[field], value, "{provider}/{id}: {field}");
        }
    }
}

#[test]
fn every_row_of_a_model_that_makes_vectors_has_the_figures_of_its_source() {
    let Some(source) = source() else { return };
    let theirs: Vec<_> = source["models"].as_array().unwrap().iter().filter(|m| m["kind"] == "embedding").collect();
    assert_eq!(catalogue::embeddings().count(), theirs.len(), "one row for each model");
    for model in theirs {
        let (provider, id) = (model["provider"].as_str().unwrap(), model["id"].as_str().unwrap());
        let row = catalogue::embedding(provider, id).unwrap_or_else(|| panic!("no row {provider}/{id}"));
        assert_eq!(model["dimensions"].as_u64(), Some(u64::from(row.dimensions)), "{provider}/{id}");
        let (ours, theirs) = (of_row(&row.model), of_source(model));
        for (field, value) in &theirs {
            assert_eq!(&ours[field], value, "{provider}/{id}: {field}");
        }
    }
}

#[test]
fn the_defaults_are_those_of_the_source() {
    let Some(source) = source() else { return };
    for (provider, named) in source["defaults"].as_object().unwrap() {
        let ours = catalogue::defaults(provider).unwrap_or_else(|| panic!("no defaults of {provider}"));
        assert_eq!(ours.default, named["default"].as_str().unwrap(), "{provider}");
        for tier in Tier::ALL {
            assert_eq!(ours.for_tier(tier), named[tier.name()].as_str().unwrap(), "{provider} {tier}");
        }
    }
}
