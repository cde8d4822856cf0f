//! What every row must keep to, and figures of some rows.

use std::collections::{BTreeMap, BTreeSet};

use super::*;
use crate::types::{CostSource, Day, NanoUsd, Rate, Tier, Timestamp, Usage};

fn row(provider: &str, model: &str) -> &'static ModelRow {
    find(provider, model).unwrap_or_else(|| panic!("no {provider}/{model}"))
}

fn name(row: &ModelRow) -> String {
    format!("{}/{}", row.provider, row.id)
}

fn day(text: &str) -> Day {
    Day::parse(text).unwrap()
}

#[test]
fn rows_are_sorted_and_every_name_is_unique_at_its_provider() {
    let keys: Vec<_> = rows().map(|row| (row.provider, row.id)).collect();
    assert!(keys.is_sorted_by(|a, b| a < b), "sorted by provider and id, none twice");
    let mut seen = BTreeSet::new();
    for row in rows() {
        for known in row.aliases.iter().chain([&row.id]) {
            assert!(seen.insert((row.provider, *known)), "{}: {known} names two models", row.provider);
        }
    }
    assert!(SECTIONS.iter().all(|section| section.rows.iter().all(|row| row.provider == section.provider)));
}

#[test]
fn every_default_is_a_model_of_the_provider_that_lives_and_has_a_price() {
    for section in SECTIONS {
        let d = section.defaults;
        for id in Tier::ALL.map(|tier| d.for_tier(tier)).into_iter().chain([d.default]) {
            let row = row(section.provider, id);
            assert_eq!(row.id, id, "a default is an id, not an alias");
            assert!(matches!(row.status, Status::Active | Status::Preview), "{}", name(row));
            assert!(row.pricing().is_some_and(|p| !p.unbounded), "{}", name(row));
        }
    }
}

#[test]
fn a_model_has_the_highest_tier_its_provider_names_it_for() {
    for section in SECTIONS {
        for tier in Tier::ALL {
            let row = row(section.provider, section.defaults.for_tier(tier));
            let highest = Tier::ALL.into_iter().rev().find(|t| section.defaults.for_tier(*t) == row.id);
            assert_eq!(row.tier, highest, "{}", name(row));
        }
    }
}

fn named_by_its_provider(row: &ModelRow) -> bool {
    let defaults = defaults(row.provider).unwrap();
    Tier::ALL.iter().any(|tier| defaults.for_tier(*tier) == row.id)
}

#[test]
fn unnamed_models_keep_to_the_rule_of_tiers() {
    for row in rows().filter(|row| !named_by_its_provider(row)) {
        if row.released.is_some_and(|released| released < day("2025-01-01")) {
            assert!(row.tier <= Some(Tier::Balanced), "{} is old", name(row));
        }
        let elsewhere: BTreeSet<_> = same_as(row).filter(|r| !named_by_its_provider(r)).map(|r| r.tier).collect();
        assert!(elsewhere.iter().all(|tier| *tier == row.tier), "{}: {elsewhere:?}", name(row));
    }
}

#[test]
fn a_successor_lives_at_the_same_provider_and_is_not_weaker() {
    for row in rows() {
        let Some(id) = row.successor else { continue };
        let next = by_provider(row.provider).iter().find(|r| r.id == id);
        let next = next.unwrap_or_else(|| panic!("{}: no row {id}", name(row)));
        assert_ne!(next.id, row.id);
        assert!(row.tier <= next.tier, "{} -> {id}", name(row));
    }
}

#[test]
fn the_same_model_is_named_at_two_providers_or_more() {
    let mut groups: BTreeMap<&str, Vec<&ModelRow>> = BTreeMap::new();
    for row in rows() {
        if let Some(same) = row.same {
            groups.entry(same).or_default().push(row);
        }
    }
    for (same, members) in &groups {
        let providers: BTreeSet<_> = members.iter().map(|row| row.provider).collect();
        assert!(providers.len() >= 2 && providers.len() == members.len(), "{same}: {providers:?}");
        for row in members {
            assert_eq!(same_as(row).count(), members.len() - 1, "{}", name(row));
            assert!(same_as(row).all(|other| other.provider != row.provider));
        }
    }
    let hosts = |provider, id| same_as(row(provider, id)).map(name).collect::<Vec<_>>();
    assert_eq!(hosts("openai", "gpt-6.1-sol"), ["azure/gpt-6.1-sol", "openrouter/openai/gpt-6.1-sol"]);
    assert_eq!(hosts("anthropic", "claude-sonnet-5-5"), ["openrouter/anthropic/claude-sonnet-5.5"]);
    assert_eq!(
        hosts("cerebras", "gpt-oss-120b"),
        [
            "fireworks/accounts/fireworks/models/gpt-oss-120b",
            "groq/openai/gpt-oss-120b",
            "ollama/gpt-oss:120b",
            "openrouter/openai/gpt-oss-120b",
            "together/openai/gpt-oss-120b",
        ]
    );
    assert_eq!(hosts("openai", "gpt-6.1-terra"), [""; 0], "a model without a name of its own is like no other");
}

#[test]
fn a_model_is_found_by_id_alias_and_dated_name() {
    for (provider, model, id) in [
        ("openai", "gpt-6.1-sol", Some("gpt-6.1-sol")),
        ("openai", "gpt-5.6", Some("gpt-5.6-sol")),
        ("openai", "gpt-4o-2024-08-06", Some("gpt-4o")),
        ("openai", "gpt-4o-2024-05-13", Some("gpt-4o-2024-05-13")),
        ("openai", "gpt-6-luna-2026-09-22", Some("gpt-6-luna")),
        ("openai", "gpt-5.6-2026-07-09", Some("gpt-5.6-sol")),
        ("anthropic", "claude-sonnet-5-5-20260928", Some("claude-sonnet-5-5")),
        ("anthropic", "claude-opus-4-20250514", Some("claude-opus-4-0")),
        ("anthropic", "claude-sonnet-5-5-2026092", None),
        ("anthropic", "claude-sonnet-5-5-20260928x", None),
        ("anthropic", "claude-sonnet-5-5-19260928", None),
        ("openai", "gpt-4o-2024-08-6x", None),
        ("openrouter", "openai/gpt-4o-2024-11-20", Some("openai/gpt-4o")),
        ("openrouter", "openai/gpt-oss-20b:free", Some("openai/gpt-oss-20b:free")),
        ("openrouter", "openai/gpt-oss-20b", None),
        ("openrouter", "gpt-4o", None),
        ("ollama", "qwen3", Some("qwen3:8b")),
        ("deepseek", "deepseek-v4.1-flash", Some("deepseek-flash")),
        ("azure", "gpt-3.5-turbo", Some("gpt-35-turbo")),
        ("openai", "-2024-08-06", None),
        ("openai", "é-20240806", None),
        ("openai", "", None),
        ("blackbox", "gpt-4o", None),
    ] {
        assert_eq!(find(provider, model).map(|row| row.id), id, "{provider} {model}");
    }
}

/// Input, output, cache read, cache write of rows that are worth a look, in USD per million tokens.
#[test]
fn prices_are_the_vendors() {
    type Price = (&'static str, &'static str, Option<&'static str>, Option<&'static str>);
    let table: [(&str, &str, Price); 25] = [
        ("openai", "gpt-6.1-sol", ("2", "10", Some("0.1"), Some("2.5"))),
        ("openai", "gpt-6-luna", ("0.1", "0.5", Some("0.01"), Some("0.125"))),
        ("openai", "gpt-6-astra", ("10", "50", Some("1"), Some("12.5"))),
        ("openai", "gpt-5.6-sol", ("4", "20", Some("0.4"), Some("5"))),
        ("openai", "gpt-5.6-terra", ("2", "12", Some("0.2"), Some("2.5"))),
        ("openai", "gpt-4o", ("2.5", "10", Some("1.25"), None)),
        ("openai", "gpt-5.5-pro", ("30", "180", None, None)),
        ("azure", "gpt-4", ("30", "60", None, None)),
        ("anthropic", "claude-sonnet-5-5", ("2", "10", Some("0.1"), Some("2.5"))),
        ("anthropic", "claude-opus-5-5", ("4", "20", Some("0.2"), Some("5"))),
        ("anthropic", "claude-fable-5-1", ("10", "50", Some("0.25"), Some("12.5"))),
        ("anthropic", "claude-haiku-5-5", ("0.1", "0.5", Some("0.01"), Some("0.125"))),
        ("anthropic", "claude-instant-1.2", ("1.63", "5.51", None, None)),
        ("gemini", "gemini-3.8-flash", ("0.75", "3.75", Some("0.075"), None)),
        ("gemini", "gemini-3.1-pro-preview", ("2", "12", Some("0.2"), None)),
        ("deepseek", "deepseek-flash", ("0.15", "0.6", Some("0.003"), None)),
        ("deepseek", "deepseek-v4-pro", ("0.66", "1.98", Some("0.022"), None)),
        ("mistral", "mistral-large-latest", ("0.5", "1.5", Some("0.05"), None)),
        ("xai", "grok-4.7", ("2", "6", Some("0.5"), None)),
        ("groq", "openai/gpt-oss-120b", ("0.15", "0.6", Some("0.075"), None)),
        ("openrouter", "z-ai/glm-5.2", ("0.76006", "2.38876", Some("0.141154"), None)),
        ("fireworks", "kimi-k3", ("3", "15", Some("0.3"), None)),
        ("cohere", "command-r7b", ("0.0375", "0.15", None, None)),
        ("ai21", "jamba-mini", ("0.2", "0.4", None, None)),
        ("ollama", "llama3.2", ("0", "0", Some("0"), Some("0"))),
    ];
    for (provider, model, (input, output, cached, write)) in table {
        let pricing = row(provider, model).pricing().unwrap();
        let rate = Rate::usd_per_mtok;
        assert_eq!(pricing.source, CostSource::Catalogue);
        assert_eq!((pricing.rates.input, pricing.rates.output), (rate(input), rate(output)), "{provider}/{model}");
        let buckets = (pricing.rates.cached_input, pricing.rates.cache_write);
        assert_eq!(buckets, (cached.map(rate), write.map(rate)), "{provider}/{model}");
    }
}

/// What a prompt of some length costs, sent at some time.
#[test]
fn length_hours_and_dates_change_the_price() {
    let friday = "2026-11-20T00:30:00Z";
    for (provider, model, prompt, at, usd) in [
        ("openai", "gpt-6.1-sol", 272_000, friday, "0.544"),
        ("openai", "gpt-6.1-sol", 272_001, friday, "1.088004"),
        ("openrouter", "openai/gpt-6.1-sol", 272_001, friday, "1.088004"),
        ("anthropic", "claude-haiku-5-5", 100_000, friday, "0.01"),
        ("anthropic", "claude-haiku-5-5", 100_001, friday, "0.0500005"),
        ("anthropic", "claude-sonnet-5-5", 900_000, friday, "1.8"),
        ("gemini", "gemini-3.1-pro-preview", 200_001, friday, "0.800004"),
        ("xai", "grok-4.3", 200_001, friday, "0.5000025"),
        ("deepseek", "deepseek-flash", 100_000, friday, "0.015"),
        ("deepseek", "deepseek-flash", 100_000, "2026-11-20T01:00:00Z", "0.03"),
        ("deepseek", "deepseek-flash", 100_000, "2026-11-20T09:59:59Z", "0.03"),
        ("deepseek", "deepseek-flash", 100_000, "2026-11-20T05:00:00Z", "0.015"),
        ("deepseek", "deepseek-flash", 100_000, "2026-11-21T02:00:00Z", "0.015"),
        ("deepseek", "deepseek-v4-pro", 100_000, "2026-11-20T02:00:00Z", "0.132"),
        ("gemini", "gemini-3.8-flash", 100_000, "2026-12-31T23:59:59Z", "0.075"),
        ("gemini", "gemini-3.8-flash", 100_000, "2027-01-01T00:00:00Z", "0.15"),
        ("openrouter", "google/gemini-3.8-flash", 100_000, "2027-01-01T00:00:00Z", "0.15"),
        ("perplexity", "sonar", 1000, friday, "0.006"),
        ("perplexity", "sonar-pro", 1000, friday, "0.009"),
    ] {
        let usage = Usage { input_tokens: prompt, ..Usage::default() };
        let cost = row(provider, model).pricing().unwrap().cost(&usage, Timestamp::parse(at).unwrap());
        assert_eq!(cost, usd.parse::<NanoUsd>().unwrap(), "{provider}/{model} {prompt} {at}");
    }
    let step = row("openai", "gpt-6.1-sol").pricing().unwrap().rates_at(Timestamp(0), 300_000);
    assert_eq!((step.output, step.cached_input), (Rate(15_000_000), Some(Rate(200_000))));
}

#[test]
fn fees_and_charges_without_bounds_are_known() {
    let sonar = row("perplexity", "sonar").pricing().unwrap();
    assert_eq!((sonar.request_fee, sonar.request_fee_max), (NanoUsd(5_000_000), NanoUsd(12_000_000)));
    let research = row("perplexity", "sonar-deep-research").pricing().unwrap();
    assert!(research.unbounded);
    assert_eq!(research.rates.reasoning, Some(Rate::usd_per_mtok("3")));
    let unbounded: Vec<_> = rows().filter(|row| row.unbounded).map(name).collect();
    assert_eq!(unbounded, ["perplexity/sonar-deep-research"]);
}

#[test]
fn unknown_is_not_free_and_free_is_not_unknown() {
    let unpriced: Vec<_> = rows().filter(|row| row.pricing().is_none()).map(name).collect();
    assert_eq!(
        unpriced,
        [
            "together/deepseek-ai/DeepSeek-V4-Pro-0813",
            "together/deepseek-ai/DeepSeek-V4.1-Flash",
            "together/moonshotai/Kimi-K3",
            "together/zai-org/GLM-5.3",
        ]
    );
    assert!(by_provider("ollama").iter().all(|row| row.pricing().is_some_and(|p| p.is_free())));
    let free = |row: &&ModelRow| row.pricing().is_some_and(|p| p.is_free());
    let elsewhere: Vec<_> = rows().filter(free).filter(|row| row.provider != "ollama").map(|row| row.id).collect();
    assert!(
        elsewhere
            .iter()
            .filter(|id| !id.ends_with(":free"))
            .all(|id| { ["gemma-4-26b-a4b-it", "gemma-4-31b-it", "north-mini-code-1-0"].contains(id) })
    );
}

#[test]
fn steps_and_changes_ascend_and_never_lower_a_price() {
    for row in rows() {
        assert!(row.steps.is_sorted_by(|a, b| a.above_input_tokens < b.above_input_tokens), "{}", name(row));
        assert!(row.changes.is_sorted_by(|a, b| a.from < b.from), "{}", name(row));
        let Some(rates) = row.rates else { continue };
        let dearer = row.steps.iter().map(|s| s.rates).chain(row.peak.map(|p| p.rates));
        for above in dearer {
            assert!(above.input > rates.input && above.output > rates.output, "{}", name(row));
            assert_eq!(above.cached_input.is_some(), rates.cached_input.is_some(), "{}", name(row));
            assert_eq!(above.cache_write.is_some(), rates.cache_write.is_some(), "{}", name(row));
        }
    }
}

#[test]
fn a_state_is_a_matter_of_the_day() {
    use ModelState::{Current, Deprecated, Retired, RetiresOn};
    for (provider, model, today, state) in [
        ("openai", "gpt-6.1-sol", "2026-11-20", Current),
        ("gemini", "gemini-3.1-pro-preview", "2026-11-20", Current),
        ("openai", "gpt-4o", "2026-11-20", RetiresOn { day: day("2027-01-14"), days_left: 55 }),
        ("openai", "gpt-4o", "2027-01-13", RetiresOn { day: day("2027-01-14"), days_left: 1 }),
        ("openai", "gpt-4o", "2027-01-14", Retired { since: Some(day("2027-01-14")) }),
        ("gemini", "gemini-3.1-flash-lite", "2026-11-20", RetiresOn { day: day("2027-05-07"), days_left: 168 }),
        ("gemini", "gemini-3.1-flash-lite", "2027-06-01", Retired { since: Some(day("2027-05-07")) }),
        ("azure", "gpt-4o", "2026-11-20", Deprecated),
        ("openai", "gpt-4", "2026-11-20", Retired { since: Some(day("2026-10-23")) }),
        ("openai", "gpt-4", "2026-10-01", Retired { since: Some(day("2026-10-23")) }),
        ("xai", "grok-beta", "2026-11-20", Retired { since: None }),
    ] {
        assert_eq!(row(provider, model).state(day(today)), state, "{provider}/{model} {today}");
    }
}

#[test]
fn no_date_is_impossible() {
    for row in rows() {
        let dates = [row.released, row.retired, row.min_retirement, row.price_as_of];
        for date in dates.into_iter().flatten() {
            assert!((day("2022-01-01")..day("2029-01-01")).contains(&date), "{}: {date}", name(row));
        }
        assert!(row.retired.is_none_or(|retired| Some(retired) > row.released), "{}", name(row));
        assert!(row.price_as_of.is_none_or(|read| read <= day("2026-12-31")), "{}", name(row));
    }
}

#[test]
fn adaptive_thinking_is_anthropic_s_and_goes_with_a_fixed_temperature() {
    for row in rows() {
        let expected = row.provider == "anthropic" && !row.accepts_temperature;
        assert_eq!(row.adaptive_thinking, expected, "{}", name(row));
        assert!(row.adaptive_thinking <= row.can(Ability::Reasoning), "{}", name(row));
    }
    assert!(row("anthropic", "claude-opus-4-7").adaptive_thinking);
    assert!(!row("anthropic", "claude-opus-4-6").adaptive_thinking);
    assert_eq!(row("openai", "gpt-6-luna").reasoning_levels.first(), Some(&"none"));
}
