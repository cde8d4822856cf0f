//! Whom a selection names, over whole configurations.

use super::*;
use crate::config::{self, Flags};
use crate::host::Host;
use crate::types::Tier;

const TODAY: Day = Day::of(2026, 11, 21);

fn config(env: &[(&str, &str)], toml: &str) -> Config {
    let home = tempfile::tempdir().unwrap();
    std::fs::write(home.path().join("config.toml"), toml).unwrap();
    let home_var = ("LLMR_HOME", home.path().to_str().unwrap());
    let host = Host::from_env(env.iter().copied().chain([home_var]), home.path());
    config::load(&host, &Flags::default()).unwrap()
}

fn wanted(model: Option<&str>, providers: &[&str]) -> Selection {
    let providers = providers.iter().map(|p| (*p).to_owned()).collect();
    Selection { model: model.map(str::to_owned), providers, ..Selection::default() }
}

fn names(selected: &Selected) -> Vec<String> {
    selected.targets.iter().map(|t| t.candidate.id.to_string()).collect()
}

#[test]
fn a_fallback_of_the_config_never_fails_the_request() {
    let toml = "[fallbacks]\ndefault = [\"deepseek-flash\", \"no-such-model\"]\n";
    let config = config(&[("ANTHROPIC_API_KEY", "test-key")], toml);
    let selected = select(&config, &wanted(None, &[]), TODAY).unwrap();
    assert_eq!(names(&selected), ["anthropic/claude-sonnet-5-5"]);
    assert_eq!(selected.warnings.len(), 2, "{:?}", selected.warnings);
    let asked = Selection { fallbacks: vec!["no-such-model".into()], ..wanted(None, &[]) };
    assert_eq!(select(&config, &asked, TODAY).unwrap_err().exit_code(), 2, "one asked for by a flag does");
}

#[test]
fn with_a_provider_a_model_is_taken_as_it_stands() {
    let toml = "[aliases]\nsmart = \"anthropic/claude-opus-5-5\"\n";
    let config = config(&[("ANTHROPIC_API_KEY", "test-key")], toml);
    let of = |model, providers: &[&str]| names(&select(&config, &wanted(Some(model), providers), TODAY).unwrap());
    assert_eq!(of("smart", &[]), ["anthropic/claude-opus-5-5"]);
    assert_eq!(of("smart", &["anthropic"]), ["anthropic/smart"]);
    assert_eq!(of("a/b", &["anthropic"]), ["anthropic/a/b"]);
}

#[test]
fn a_deployment_is_not_guessed_and_only_it_has_the_price_of_its_model() {
    let env = [
        ("AZURE_OPENAI_API_KEY", "test-key"),
        ("AZURE_OPENAI_ENDPOINT", "https://r.test"),
        ("AZURE_OPENAI_DEPLOYMENT", "ours"),
        ("AZURE_OPENAI_MODEL", "gpt-6-luna"),
    ];
    let without = config(&env[..2], "");
    let error = select(&without, &wanted(None, &[]), TODAY).unwrap_err();
    assert!(error.hints.iter().any(|hint| hint.contains("AZURE_OPENAI_DEPLOYMENT")), "{error:?}");

    let with = config(&env, "");
    let price = |model| {
        let selected = select(&with, &wanted(model, &["azure"]), TODAY).unwrap();
        selected.targets[0].candidate.pricing.as_ref().map(|p| p.rates.output.as_usd_per_mtok())
    };
    let of =
        |name| catalogue::find("azure", name).and_then(ModelRow::pricing).map(|p| p.rates.output.as_usd_per_mtok());
    assert_eq!((price(None), of("gpt-6-luna").is_some()), (of("gpt-6-luna"), true));
    assert_eq!(price(Some("another-deployment")), None, "nobody has said what is behind it");
    assert_eq!(price(Some("gpt-6-astra")), of("gpt-6-astra"));
}

#[test]
fn a_host_s_list_price_is_bounded_by_the_list_price() {
    let config = config(&[("OPENROUTER_API_KEY", "test-key")], "");
    let most = |model, today| {
        let selected = select(&config, &wanted(Some(model), &["openrouter"]), today).unwrap();
        let target = &selected.targets[0];
        let most = target.endpoint.max_price.unwrap();
        assert_eq!(target.candidate.sight.fee.as_usd(), most.image, "what may be taken is held");
        (most.prompt, most.completion, most.request, most.image)
    };
    assert_eq!(most("openai/gpt-6-luna", TODAY), (0.1, 0.5, 0.0, 0.01), "neither a long prompt's nor a cache write's");
    let flash = "google/gemini-3.8-flash";
    assert_eq!(most(flash, TODAY), (0.75, 3.75, 0.0, 0.01));
    assert_eq!(most(flash, Day::of(2027, 1, 1)), (1.5, 7.5, 0.0, 0.01));
}

#[test]
fn thinking_beside_the_answer_is_reckoned_with_where_it_may_be() {
    let toml = "[[provider]]\nname = \"xai\"\n[[provider.model]]\nid = \"grok-next\"\n\
                input_usd_per_mtok = 1\noutput_usd_per_mtok = 2\n";
    let config = config(&[("XAI_API_KEY", "test-key"), ("OPENAI_API_KEY", "test-key")], toml);
    let beside = |provider, model| {
        select(&config, &wanted(Some(model), &[provider]), TODAY).unwrap().targets[0].candidate.reasoning_beside_output
    };
    assert!(beside("xai", "grok-4.3") && beside("xai", "grok-next"));
    assert!(!beside("xai", "grok-4.20-0309-non-reasoning") && !beside("openai", "gpt-6-luna"));
}

#[test]
fn a_provider_s_own_model_comes_before_the_tier_s() {
    let env = [("OPENAI_API_KEY", "test-key"), ("ANTHROPIC_API_KEY", "test-key"), ("OPENAI_MODEL", "gpt-6-luna")];
    let config = config(&env, "");
    let premium = Selection { tier: Some(Tier::Premium), ..wanted(None, &[]) };
    assert_eq!(names(&select(&config, &premium, TODAY).unwrap()), ["openai/gpt-6-luna", "anthropic/claude-opus-5-5"]);
    assert_eq!(
        names(&select(&config, &wanted(None, &[]), TODAY).unwrap()),
        ["openai/gpt-6-luna", "anthropic/claude-sonnet-5-5"]
    );
}

#[test]
fn a_retired_model_is_refused_unless_it_is_asked_for_by_both_flags() {
    let config = config(&[("OPENAI_API_KEY", "test-key")], "");
    let error = select(&config, &wanted(Some("gpt-4"), &[]), TODAY).unwrap_err();
    assert!(error.exit_code() == 2 && error.hints[0].contains("gpt-5.6-sol"), "{error:?}");
    let both = select(&config, &wanted(Some("gpt-4"), &["openai"]), TODAY).unwrap();
    assert!(
        both.targets[0].warning.as_ref().is_some_and(|w| w.contains("is retired")),
        "{:?}",
        both.targets[0].warning
    );
}

#[test]
fn a_provider_that_p_leaves_out_is_not_said_to_lack_a_key() {
    let config = config(&[("ANTHROPIC_API_KEY", "test-key"), ("OPENAI_API_KEY", "test-key")], "");
    for model in ["gpt-6-luna", "openai/gpt-6-luna"] {
        let asked = Selection { fallbacks: vec![model.into()], ..wanted(None, &["anthropic"]) };
        let error = select(&config, &asked, TODAY).unwrap_err();
        assert_eq!(error.message, "provider `openai` is not among those that -p names", "{model}");
    }
}

#[test]
fn a_name_without_a_model_is_not_sent() {
    let config = config(&[("OPENAI_API_KEY", "test-key")], "");
    for (model, providers) in [("", &[][..]), ("openai/", &[]), ("", &["openai"]), ("a/", &["openai"])] {
        let error = select(&config, &wanted(Some(model), providers), TODAY).unwrap_err();
        assert_eq!((error.exit_code(), error.message.ends_with("names no model")), (2, true), "{model}: {error:?}");
    }
}
