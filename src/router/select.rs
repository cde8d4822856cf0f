//! Who comes into question: the providers that take part, with the model that each would be asked for.
//!
//! Pure: from the settings, the catalogue and what was pinned. Prices of the user's own win over the catalogue's.

use std::sync::Arc;

use crate::catalogue::{self, Ability, ModelRow, ModelState};
use crate::config::{Config, KeyState, ModelRow as OwnRow, ProviderConfig, Sampling};
use crate::engine::plan::Reason;
use crate::error::{Error, Kind, Result};
use crate::providers::schema::{JsonForm, JsonMode};
use crate::providers::{Endpoint, MaxPrice, ModelFacts, Quirks};
use crate::router::request::Selection;
use crate::types::{
    Candidate, CandidateId, CostSource, Day, DialectKind, NanoUsd, Pricing, RateLimit, Rates, Sight, TierWish, whole_ms,
};

mod embed;
mod tiers;

pub use embed::{embedders, embedding_row, same};
pub use tiers::{default_model, tier_named};
use tiers::{of_tier, one_each};

/// A candidate with the address it is asked at.
#[derive(Debug, Clone)]
pub struct Target {
    /// The fixed facts.
    pub candidate: Arc<Candidate>,
    /// Its place in the order of groups.
    pub group: u32,
    /// Where and as whom it is asked.
    pub endpoint: Endpoint,
    /// Whose wire format it speaks.
    pub dialect: DialectKind,
    /// How it is sampled where the request does not say.
    pub sampling: Sampling,
    /// The provider's own time limit of an attempt, in milliseconds.
    pub timeout_ms: Option<u64>,
    /// What the user should know if this one is asked: its end is near.
    pub warning: Option<String>,
    /// How fast its provider may be asked, where that is limited.
    pub rate: Option<RateLimit>,
}

/// Who may be planned with, who may not, and what the user should know.
#[derive(Debug, Clone, Default)]
pub struct Selected {
    /// In the order in which providers are listed.
    pub targets: Vec<Target>,
    /// Refused for good.
    pub barred: Vec<(CandidateId, Reason)>,
    /// What the user should know.
    pub warnings: Vec<String>,
}

impl Selected {
    /// The target of a candidate.
    pub fn target(&self, id: &CandidateId) -> Option<&Target> {
        self.targets.iter().find(|t| t.candidate.id == *id)
    }

    fn take(&mut self, provider: &ProviderConfig, model: &str, group: u32, verbatim: bool, today: Day) {
        self.take_row(provider, model, row_of(provider, model), group, verbatim, today);
    }

    /// The same for a model of this row.
    fn take_row(
        &mut self,
        provider: &ProviderConfig,
        model: &str,
        row: Option<&'static ModelRow>,
        group: u32,
        verbatim: bool,
        today: Day,
    ) {
        let known = self.targets.iter().map(|t| &t.candidate.id).chain(self.barred.iter().map(|(id, _)| id));
        if known.into_iter().any(|id| id.provider == provider.name && id.model == model) {
            return;
        }
        let id = CandidateId::new(&provider.name, model);
        let warning = match row.map_or(Life::On, |row| life(row, &id, verbatim, today)) {
            Life::On => None,
            Life::Warn(text) => Some(text),
            Life::Over(reason) => return self.barred.push((id, reason)),
        };
        self.targets.push(Target { warning, ..target(provider, model, row, group, today) });
    }
}

/// What a model's age means for a request.
enum Life {
    On,
    Warn(String),
    Over(Reason),
}

fn life(row: &ModelRow, id: &CandidateId, verbatim: bool, today: Day) -> Life {
    let instead = row.successor.map(|s| format!("; its successor is {s}")).unwrap_or_default();
    match row.state(today) {
        ModelState::Retired { .. } if verbatim => Life::Warn(format!("{id} is retired{instead}")),
        ModelState::Retired { .. } => Life::Over(Reason::Retired { successor: row.successor.map(str::to_owned) }),
        ModelState::RetiresOn { day, days_left } if days_left <= catalogue::RETIREMENT_NOTICE_DAYS => {
            Life::Warn(format!("{id} will be switched off on {day}{instead}"))
        }
        _ => Life::On,
    }
}

/// The candidates of a selection.
///
/// Fails with exit code 2 when a name is unknown, no provider takes part, or the model asked for is retired.
pub fn select(config: &Config, wanted: &Selection, today: Day) -> Result<Selected> {
    let providers = participants(config, wanted)?;
    let mut selected = Selected::default();
    match &wanted.model {
        Some(model) => pin(config, &providers, model, wanted, today, &mut selected)?,
        None => one_each(config, &providers, wanted, today, &mut selected),
    }
    for (i, model) in fallbacks(config, wanted).iter().enumerate() {
        let group = 2 * u32::try_from(i + 1).unwrap_or(u32::MAX / 2);
        match by_name(config, &providers, model, group, today, &mut selected) {
            // One that stands in the config is for every request, also for those that it does not suit.
            Err(error) if wanted.fallbacks.is_empty() => {
                selected.warnings.push(format!("fallback `{model}` is left out: {}", error.message));
            }
            taken => taken?,
        }
    }
    if selected.targets.is_empty() {
        return Err(nobody(&selected));
    }
    for target in &mut selected.targets {
        if let Some(tier) = config.tiers.of(&target.candidate.id) {
            Arc::make_mut(&mut target.candidate).tier = Some(tier);
        }
    }
    Ok(selected)
}

/// The providers that take part, of those asked for.
fn participants<'c>(config: &'c Config, wanted: &Selection) -> Result<Vec<&'c ProviderConfig>> {
    for name in &wanted.providers {
        let provider = provider(config, name)?;
        if !provider.participates() {
            return Err(missing_key(provider));
        }
    }
    let asked_for = |p: &&ProviderConfig| wanted.providers.is_empty() || wanted.providers.contains(&p.name);
    let found: Vec<_> = config.providers.iter().filter(|p| p.participates()).filter(asked_for).collect();
    if found.is_empty() {
        return Err(Error::new(Kind::NoProvider, "no provider is configured")
            .hint("set a key, such as OPENAI_API_KEY or ANTHROPIC_API_KEY, in the environment or in a .env file")
            .hint("try everything without a key: llmr ask --sandbox \"hello\""));
    }
    Ok(found)
}

fn provider<'c>(config: &'c Config, name: &str) -> Result<&'c ProviderConfig> {
    config.providers.iter().find(|p| p.name == name).ok_or_else(|| {
        let names: Vec<_> = config.providers.iter().map(|p| p.name.as_str()).collect();
        unknown_provider(name, &names)
    })
}

/// The error of a name that no provider has, with the one that was probably meant.
pub fn unknown_provider(name: &str, known: &[&str]) -> Error {
    let error = Error::new(Kind::Usage, format!("unknown provider `{name}`"));
    let near = |known: &&&str| strsim::osa_distance(&name.to_lowercase(), known) <= (known.len() / 3).clamp(1, 2);
    let error = match known.iter().filter(near).min_by_key(|known| strsim::osa_distance(name, known)) {
        Some(meant) => error.hint(format!("did you mean `{meant}`?")),
        None => error,
    };
    error.hint(format!("known are {}", known.join(", ")))
}

fn missing_key(provider: &ProviderConfig) -> Error {
    if provider.participates() {
        let message = format!("provider `{}` is not among those that -p names", provider.name);
        return Error::new(Kind::Usage, message).hint(format!("add it: -p {}", provider.name));
    }
    let message = format!("provider `{}` cannot take part: {}", provider.name, why_not(provider));
    Error::new(Kind::NoProvider, message).hint("`llmr providers list --all` shows what each provider needs")
}

/// With `-m`: that model, then the same one at other providers; with `-p` too, exactly that name.
fn pin(
    config: &Config,
    providers: &[&ProviderConfig],
    model: &str,
    wanted: &Selection,
    today: Day,
    selected: &mut Selected,
) -> Result<()> {
    if wanted.providers.is_empty() {
        return by_name(config, providers, model, 0, today, selected);
    }
    named(model)?;
    for provider in providers {
        selected.take(provider, model, 0, true, today);
    }
    Ok(())
}

/// A name that is empty, or ends where a model's should begin, is a variable that was not set.
fn named(model: &str) -> Result<()> {
    match model.is_empty() || model.ends_with('/') {
        true => Err(Error::new(Kind::Usage, format!("`{model}` names no model")).hint("`llmr models` lists all")),
        false => Ok(()),
    }
}

/// A model by its name: an alias, `provider/model`, or a model that a provider is known to have.
fn by_name(
    config: &Config,
    providers: &[&ProviderConfig],
    name: &str,
    group: u32,
    today: Day,
    selected: &mut Selected,
) -> Result<()> {
    let model = config.aliases.get(name).map_or(name, String::as_str);
    named(model)?;
    if let Some(TierWish::AtLeast(tier)) = tier_named(model).filter(|_| provider(config, "tier").is_err()) {
        of_tier(config, providers, tier, group, today, selected);
        return Ok(());
    }
    if let Some((provider_name, model)) = model.split_once('/')
        && let Ok(owner) = provider(config, provider_name)
    {
        let among = providers.iter().find(|p| p.name == owner.name).ok_or_else(|| missing_key(owner))?;
        selected.take(among, model, group, false, today);
        same_elsewhere(providers, &[(among, model)], group + 1, today, selected);
        return retired_alone(selected, group, model);
    }
    let having: Vec<_> = providers.iter().filter(|p| has(p, model)).map(|p| (p, model)).collect();
    if having.is_empty() {
        return unknown_here(config, providers, model, group, today, selected);
    }
    for (provider, model) in &having {
        selected.take(provider, model, group, false, today);
    }
    same_elsewhere(providers, &having, group + 1, today, selected);
    retired_alone(selected, group, model)
}

/// Nobody who takes part has a model of this name; perhaps the same model goes by another one here.
fn unknown_here(
    config: &Config,
    providers: &[&ProviderConfig],
    model: &str,
    group: u32,
    today: Day,
    selected: &mut Selected,
) -> Result<()> {
    let rows: Vec<_> = config.providers.iter().filter_map(|p| catalogue::find(&p.name, model)).collect();
    let before = selected.targets.len() + selected.barred.len();
    for row in &rows {
        same_as(providers, row, group + 1, today, selected);
    }
    if selected.targets.len() + selected.barred.len() > before {
        return Ok(());
    }
    if let Some(row) = rows.first() {
        let owner = provider(config, row.provider)?;
        return Err(missing_key(owner).hint(format!("`{model}` is a model of provider `{}`", row.provider)));
    }
    let error = Error::new(Kind::Usage, format!("no provider that takes part is known to have a model `{model}`"));
    let error = match catalogue::closest(model) {
        Some(close) => error.hint(format!("did you mean `{close}`? `llmr models` lists all")),
        None => error.hint("`llmr models` lists all that are known"),
    };
    Err(error.hint(format!("to ask for it all the same: -p PROVIDER -m {model}")))
}

fn same_elsewhere(
    providers: &[&ProviderConfig],
    having: &[(&&ProviderConfig, &str)],
    group: u32,
    today: Day,
    selected: &mut Selected,
) {
    for row in having.iter().filter_map(|(provider, model)| row_of(provider, model)) {
        same_as(providers, row, group, today, selected);
    }
}

/// The same model at other providers, by the catalogue's own column; never guessed from a name.
fn same_as(providers: &[&ProviderConfig], row: &ModelRow, group: u32, today: Day, selected: &mut Selected) {
    for same in catalogue::same_as(row) {
        for provider in providers.iter().filter(|p| p.name == same.provider && !is_azure(p)) {
            selected.take(provider, same.id, group, false, today);
        }
    }
    let by_deployment = |p: &&&ProviderConfig| {
        p.azure.is_some()
            && row.same.is_some()
            && p.model.as_deref().and_then(|m| row_of(p, m)).is_some_and(|r| r.same == row.same)
    };
    for provider in providers.iter().filter(by_deployment) {
        if let Some(deployment) = &provider.model {
            selected.take(provider, deployment, group, false, today);
        }
    }
}

/// A model that was asked for by name and is retired wherever it is to be had.
fn retired_alone(selected: &Selected, group: u32, model: &str) -> Result<()> {
    let alive = selected.targets.iter().any(|t| t.group == group || t.group == group + 1);
    let over = selected.barred.iter().find(|(id, _)| id.model == model);
    match over {
        Some((id, Reason::Retired { successor })) if !alive => Err(retired(id, successor.as_deref())),
        _ => Ok(()),
    }
}

fn retired(id: &CandidateId, successor: Option<&str>) -> Error {
    let error = Error::new(Kind::Config, format!("model `{}` of provider `{}` is retired", id.model, id.provider));
    let error = match successor {
        Some(next) => error.hint(format!("its successor is `{next}`: -m {next}")),
        None => error.hint("`llmr models` lists what there is"),
    };
    error.hint(format!("to ask for it all the same: -p {} -m {}", id.provider, id.model))
}

fn nobody(selected: &Selected) -> Error {
    if let Some((id, Reason::Retired { successor })) = selected.barred.first() {
        return retired(id, successor.as_deref());
    }
    let error = Error::new(Kind::NoProvider, "no provider that takes part has a model to ask for");
    selected.warnings.iter().fold(error, |error, warning| error.hint(warning.clone()))
}

/// `--fallback`, else those that the config names for the model, else its `default` ones.
pub fn fallbacks(config: &Config, wanted: &Selection) -> Vec<String> {
    if !wanted.fallbacks.is_empty() {
        return wanted.fallbacks.clone();
    }
    let of = |name: &str| config.fallbacks.get(name).cloned();
    match &wanted.model {
        Some(model) => of(model).or_else(|| config.aliases.get(model).and_then(|m| of(m))).unwrap_or_default(),
        None => of("default").unwrap_or_default(),
    }
}

/// Whether a provider is known to have a model of this name.
fn has(provider: &ProviderConfig, model: &str) -> bool {
    let named = provider.model.as_deref() == Some(model);
    provider.lists(model) || named || (!is_azure(provider) && catalogue::find(&provider.name, model).is_some())
}

/// The catalogue's row of a provider's model; Azure's deployment goes by the model that was named for it.
pub fn row_of(provider: &ProviderConfig, model: &str) -> Option<&'static ModelRow> {
    let own = provider.azure.as_ref().filter(|azure| azure.deployment.as_deref() == Some(model));
    catalogue::find(&provider.name, own.and_then(|azure| azure.model.as_deref()).unwrap_or(model))
}

fn target(provider: &ProviderConfig, model: &str, row: Option<&'static ModelRow>, group: u32, today: Day) -> Target {
    let own = provider.model_row(model);
    let own = own.as_ref();
    let pricing = pricing(provider, own, row);
    let max_price = pricing.as_ref().filter(|_| provider.quirks.max_price).map(|p| max_price(p, today));
    let reasons = row.is_some_and(|r| r.can(Ability::Reasoning));
    let candidate = Candidate {
        id: CandidateId::new(&provider.name, model),
        pricing,
        context_tokens: own.and_then(|o| o.context_tokens).or(row.and_then(|r| r.context_tokens)),
        max_output_tokens: own.and_then(|o| o.max_output_tokens).or(row.and_then(|r| r.max_output_tokens)),
        tier: row.and_then(|r| r.tier),
        accepts_temperature: row.is_none_or(|r| r.accepts_temperature),
        max_temperature: provider.quirks.max_temperature,
        reasons,
        reasoning_beside_output: provider.quirks.reasoning_beside_output && (reasons || row.is_none()),
        streams: row.is_none_or(|r| r.can(Ability::Streaming)),
        sight: Sight {
            sees: own.and_then(|o| o.vision).or(row.map(|r| r.can(Ability::Vision))),
            tokens: catalogue::image_tokens(&provider.name, row.map_or(model, |r| r.id)),
            limits: provider.quirks.images,
            fee: max_price.and_then(|most| NanoUsd::from_f64_ceil(most.image)).unwrap_or_default(),
        },
        priority: provider.priority,
        token_factor: catalogue::token_factor(&provider.name, row.map_or(model, |r| r.id)),
        retires: row.and_then(|r| r.retired),
        successor: row.and_then(|r| r.successor).map(str::to_owned),
    };
    let endpoint = Endpoint {
        provider: provider.name.clone(),
        base_url: provider.base_url.clone(),
        key: provider.key.clone(),
        model: model.to_owned(),
        quirks: Quirks { json: json_mode(provider.quirks.json, row), ..provider.quirks },
        api_version: provider.azure.as_ref().and_then(|a| a.api_version.clone()),
        model_facts: ModelFacts {
            reasons,
            reasoning_levels: row.map_or(&[], |r| r.reasoning_levels),
            adaptive_thinking: row.is_some_and(|r| r.adaptive_thinking),
        },
        max_price,
    };
    let timeout_ms = provider.timeout_secs.map(whole_ms);
    let rate = provider.rate.if_any();
    Target {
        candidate: candidate.into(),
        group,
        endpoint,
        sampling: provider.sampling,
        timeout_ms,
        rate,
        dialect: provider.dialect,
        warning: None,
    }
}

/// As far as the provider helps to get JSON, and no further than the model.
fn json_mode(provider: JsonMode, row: Option<&ModelRow>) -> JsonMode {
    let form = |row: &ModelRow| match () {
        () if row.can(Ability::JsonSchema) => JsonForm::Schema,
        () if row.can(Ability::JsonObject) => JsonForm::Object,
        () => JsonForm::Words,
    };
    row.map_or(provider, |row| provider.at_most(form(row)))
}

/// Models of one's own machine: every one of them is free, also those that the catalogue does not list.
fn is_local(provider: &ProviderConfig) -> bool {
    provider.built_in && provider.key_state == KeyState::NotNeeded
}

/// Whether models go by deployments of the user's own.
fn is_azure(provider: &ProviderConfig) -> bool {
    provider.azure.is_some()
}

/// Why a provider does not take part, in words.
pub fn why_not(provider: &ProviderConfig) -> String {
    let variable = |names: &[String]| names.first().cloned().unwrap_or_default();
    match provider.key_state {
        KeyState::Missing => format!("no key: set {}", variable(&provider.key_vars)),
        _ if provider.base_url.is_empty() => "no address is set".to_owned(),
        _ => format!("not in use: set {}", variable(&provider.model_vars)),
    }
}

fn pricing(provider: &ProviderConfig, own: Option<&OwnRow>, row: Option<&ModelRow>) -> Option<Pricing> {
    let own = own.and_then(|o| o.rates).map(|rates| Pricing::plain(rates, CostSource::Config));
    let free = || is_local(provider).then(|| Pricing::plain(Rates::FREE, CostSource::Catalogue));
    own.or_else(|| row.and_then(ModelRow::pricing)).or_else(free)
}

/// The most that one of OpenRouter's hosts may take for a picture on top of its tokens: a cent, because nothing else
/// bounds it and hosts differ in whether they count pictures as tokens, by piece, or both. It is held for each picture;
/// a host that asks for more is not routed to.
const HOST_IMAGE_FEE: NanoUsd = NanoUsd(10_000_000);

/// The most that a host may ask for as its list price. What a host takes on top of its list price for long prompts and
/// cache writes goes by that price, so money is held for it.
fn max_price(pricing: &Pricing, today: Day) -> MaxPrice {
    let rates = pricing.peak.map(|p| p.rates).into_iter().fold(pricing.rates_at(today.start(), 0), Rates::max);
    MaxPrice {
        prompt: rates.input.as_usd_per_mtok(),
        completion: rates.output.as_usd_per_mtok(),
        request: pricing.request_fee_max.as_usd(),
        image: if pricing.is_free() { 0.0 } else { HOST_IMAGE_FEE.as_usd() },
    }
}

#[cfg(test)]
mod tests;
