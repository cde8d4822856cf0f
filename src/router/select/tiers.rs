//! The models of a tier: those that the config lists, else each provider's own by the catalogue.

use super::{Selected, has, is_azure};
use crate::catalogue;
use crate::config::{Config, ProviderConfig};
use crate::router::request::Selection;
use crate::types::{Day, Tier, TierWish};

/// Without `-m`: the models that the config lists for the tier, else one candidate a provider.
pub(super) fn one_each(
    config: &Config,
    providers: &[&ProviderConfig],
    wanted: &Selection,
    today: Day,
    selected: &mut Selected,
) {
    if wanted.tier.is_some_and(|tier| listed(config, providers, tier, 0, today, selected)) {
        return;
    }
    for provider in providers {
        match default_model(provider, wanted) {
            Some(model) => selected.take(provider, &model, 0, false, today),
            None => selected.warnings.push(format!(
                "provider `{}` is left out: no model is known for it; set {}",
                provider.name,
                provider.model_vars.first().map_or("its `models` in config.toml", String::as_str)
            )),
        }
    }
}

/// The models that `[tiers]` lists for a tier, of the providers that take part; whether there are any.
fn listed(
    config: &Config,
    providers: &[&ProviderConfig],
    tier: Tier,
    group: u32,
    today: Day,
    selected: &mut Selected,
) -> bool {
    let Some(names) = config.tiers.models.get(&tier) else { return false };
    let before = selected.targets.len();
    for provider in providers {
        let own = format!("{}/", provider.name);
        for name in names {
            match name.strip_prefix(&own) {
                Some(model) => selected.take(provider, model, group, false, today),
                None if has(provider, name) => selected.take(provider, name, group, false, today),
                None => {}
            }
        }
    }
    let found = selected.targets.len() > before;
    if !found {
        let names = names.join(", ");
        selected.warnings.push(format!("no provider that takes part has a model of [tiers] {tier} ({names})"));
    }
    found
}

/// `tier/NAME`: what the config lists for the tier, else each provider's model of it.
pub(super) fn of_tier(
    config: &Config,
    providers: &[&ProviderConfig],
    tier: Tier,
    group: u32,
    today: Day,
    selected: &mut Selected,
) {
    if listed(config, providers, tier, group, today, selected) {
        return;
    }
    for provider in providers.iter().filter(|p| !is_azure(p)) {
        if let Some(defaults) = catalogue::defaults(&provider.name) {
            selected.take(provider, defaults.for_tier(tier), group, false, today);
        }
    }
}

/// The tier that a model's name stands for.
pub fn tier_named(model: &str) -> Option<TierWish> {
    model.strip_prefix("tier/")?.parse().ok()
}

/// The provider's own `*_MODEL`, else the tier's model, else the default one. How somebody has named a deployment
/// nobody can know.
pub fn default_model(provider: &ProviderConfig, wanted: &Selection) -> Option<String> {
    let defaults = catalogue::defaults(&provider.name).filter(|_| !is_azure(provider));
    let of_tier = wanted.tier.and_then(|tier| defaults.map(|d| d.for_tier(tier).to_owned()));
    let own = provider.models.first().cloned();
    let general = defaults.map(|d| d.default.to_owned());
    provider.model.clone().or(of_tier).or(own).or(general)
}
