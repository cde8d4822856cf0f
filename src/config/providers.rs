//! Every provider, built in or the user's own, with its key, address and models as they are set.

use std::collections::BTreeMap;

use super::closest::closest;
use super::file::{LimitEntry, ProviderEntry};
use super::provider_rows::ModelRow;
use super::sampling::Sampling;
use super::source::{Found, Layers, Source};
use super::vocabulary::{AZURE_API_VERSION, AZURE_MODEL, legacy_key_variable};
use super::{Row, address};
use crate::error::{Error, Kind, Result};
use crate::providers::{ProviderRow, Quirks, table};
use crate::types::{DialectKind, RateLimit, Rates, Secret};

/// Where strategy `priority` puts a provider that nobody has put anywhere (contract section 1).
const DEFAULT_PRIORITY: u32 = 100;

/// A provider as it is set up.
#[derive(Debug, Clone)]
pub struct ProviderConfig {
    /// Its name, as in `-p`.
    pub name: String,
    /// Whose wire format.
    pub dialect: DialectKind,
    /// How it differs from it.
    pub quirks: Quirks,
    /// Where it listens, without a trailing slash; empty when that must be set and is not.
    pub base_url: String,
    /// Where that was written.
    pub base_url_source: Source,
    /// Its key.
    pub key: Option<Secret>,
    /// Whether there is one.
    pub key_state: KeyState,
    /// The variables of its key, the first one set wins; empty when none is needed.
    pub key_vars: Vec<String>,
    /// The variables of its model; empty for the user's own providers.
    pub model_vars: Vec<String>,
    /// The model that its variable asks for (Azure: the deployment).
    pub model: Option<String>,
    /// The models of the config file, the first is the default.
    pub models: Vec<String>,
    /// What the config file says of models and prices.
    pub model_rows: Vec<ModelRow>,
    /// How its models choose their words where a request does not say.
    pub sampling: Sampling,
    /// The user's own order; lower is asked first.
    pub priority: u32,
    /// The time limit of one request to it, in seconds.
    pub timeout_secs: Option<f64>,
    /// How fast it may be asked, by all processes together.
    pub rate: RateLimit,
    /// What only Azure has.
    pub azure: Option<AzureConfig>,
    /// Whether it is built in.
    pub built_in: bool,
    /// Whether it takes part although nobody has asked for it by a key: a row of the config, an address, a model.
    in_use: bool,
}

/// What only Azure has.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AzureConfig {
    /// The deployment, which stands in the path.
    pub deployment: Option<String>,
    /// The model behind it, if it was named.
    pub model: Option<String>,
    /// The dated API, if one was asked for.
    pub api_version: Option<String>,
}

/// Whether a provider's key is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyState {
    /// It is.
    Set,
    /// It is not.
    Missing,
    /// None is needed.
    NotNeeded,
}

impl KeyState {
    /// Its name in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Set => "set",
            Self::Missing => "missing",
            Self::NotNeeded => "not_needed",
        }
    }
}

impl ProviderConfig {
    /// Whether the config lists a model of this name.
    pub fn lists(&self, model: &str) -> bool {
        let has_row = |row: &ModelRow| row.model.as_deref() == Some(model);
        self.models.iter().any(|own| own == model) || self.model_rows.iter().any(has_row)
    }

    /// Whether it takes part, as far as keys and addresses go: whether a model is known is the catalogue's to say.
    pub fn participates(&self) -> bool {
        match self.key_state {
            KeyState::Set => !self.base_url.is_empty(),
            KeyState::Missing => false,
            KeyState::NotNeeded => self.in_use && !self.base_url.is_empty(),
        }
    }

    /// The same provider on loopback, for rehearsals: with a key that is none, this one model, and nothing
    /// else that the user has set.
    pub fn rehearsed(&self, base_url: String, model: &str) -> Self {
        Self {
            base_url,
            base_url_source: Source::Default,
            key: Some(Secret::new("rehearsal-needs-no-key")),
            key_state: KeyState::Set,
            model: Some(model.to_owned()),
            models: Vec::new(),
            model_rows: Vec::new(),
            timeout_secs: None,
            rate: RateLimit::default(),
            ..self.clone()
        }
    }

    /// What the config file says of one model: its own row, and the price for all where that has none.
    pub fn model_row(&self, model: &str) -> Option<ModelRow> {
        let of = |wanted: Option<&str>| self.model_rows.iter().find(|row| row.model.as_deref() == wanted);
        let (own, all) = (of(Some(model)), of(None));
        let mut row = own.or(all)?.clone();
        row.rates = row.rates.or_else(|| self.rates_of_all());
        Some(row)
    }

    fn rates_of_all(&self) -> Option<Rates> {
        self.model_rows.iter().find(|row| row.model.is_none())?.rates
    }
}

/// Every provider with what `config show` says of it, the built-in ones first.
pub(super) struct Providers {
    /// The providers.
    pub configs: Vec<ProviderConfig>,
    /// Their rows for `config show`, where they are wanted.
    pub rows: Vec<Row>,
    /// What is not complete.
    pub warnings: Vec<String>,
}

/// Builds them. Errors name the place of a malformed address, key or model.
pub(super) fn build(
    layers: &Layers,
    entries: &[ProviderEntry],
    sampling: &BTreeMap<String, (Sampling, String)>,
    limits: &[LimitEntry],
    wants_rows: bool,
) -> Result<Providers> {
    let configs = Vec::with_capacity(table::PROVIDERS.len() + entries.len());
    let mut built = Providers { configs, rows: Vec::new(), warnings: Vec::new() };
    for row in table::PROVIDERS {
        let entry = entries.iter().find(|entry| entry.name == row.name);
        built.add(layers, Some(row), entry, wants_rows)?;
    }
    for entry in entries.iter().filter(|entry| table::find(&entry.name).is_none()) {
        built.add(layers, None, Some(entry), wants_rows)?;
    }
    for (name, (sampling, place)) in sampling {
        built.sample(name, *sampling, place)?;
    }
    limits.iter().try_for_each(|limit| built.limit(limit))?;
    built.describe_rates(limits, entries);
    Ok(built)
}

impl Providers {
    fn add(
        &mut self,
        layers: &Layers,
        row: Option<&ProviderRow>,
        entry: Option<&ProviderEntry>,
        wants_rows: bool,
    ) -> Result<()> {
        let Some(name) = row.map(|row| row.name).or(entry.map(|entry| entry.name.as_str())) else { return Ok(()) };
        let key_vars = key_variables(row, entry);
        let model_vars = owned(row.map_or(&[], |row| row.model_vars));
        let key = layers.find(&key_vars).map(checked_key).transpose()?;
        let model = layers.find(&model_vars).map(checked_model).transpose()?;
        let (base_url, address) = base_url(layers, row, entry)?;
        let key_state = match &key {
            Some(_) => KeyState::Set,
            None if key_vars.is_empty() => KeyState::NotNeeded,
            None => KeyState::Missing,
        };
        let dialect = row.map(|row| row.dialect).or(entry.and_then(|entry| entry.dialect));
        let dialect = dialect.unwrap_or(DialectKind::Openai);
        let config = ProviderConfig {
            name: name.to_owned(),
            dialect,
            quirks: row.map_or_else(|| quirks_of(dialect), |row| row.quirks),
            in_use: entry.is_some() || model.is_some() || address.is_some(),
            base_url_source: address.as_ref().map_or(Source::Default, |found| found.source.clone()),
            base_url,
            azure: self.azure(layers, row, key.as_ref(), model.as_ref())?,
            key: key.as_ref().map(|found| Secret::new(&found.value)),
            key_state,
            model: model.as_ref().map(|found| found.value.clone()),
            models: entry.map(|entry| entry.models.clone()).unwrap_or_default(),
            model_rows: entry.map(|entry| entry.rows.clone()).unwrap_or_default(),
            sampling: entry.map(|entry| entry.sampling).unwrap_or_default(),
            priority: entry.and_then(|entry| entry.priority).unwrap_or(DEFAULT_PRIORITY),
            timeout_secs: entry.and_then(|entry| entry.timeout_secs),
            rate: entry.map(|entry| entry.rate).unwrap_or_default(),
            built_in: row.is_some(),
            key_vars,
            model_vars,
        };
        self.warn(&config, row, key.as_ref());
        if wants_rows {
            self.describe(&config, row, key, model, address);
        }
        self.configs.push(config);
        Ok(())
    }

    /// Takes a `[sampling.NAME]` over; what the `[[provider]]` says beside it stays.
    fn sample(&mut self, name: &str, sampling: Sampling, place: &str) -> Result<()> {
        let Some(config) = self.configs.iter_mut().find(|config| config.name == name) else {
            let error = Error::new(Kind::Config, format!("{place}: sampling.{name}: there is no such provider"));
            return Err(match closest(name, self.configs.iter().map(|config| config.name.as_str())) {
                Some(near) => error.hint(format!("did you mean `{near}`?")),
                None => error.hint("`llmr providers list --all` shows every name"),
            });
        };
        config.sampling = sampling.or(config.sampling);
        for (field, value) in [("temperature", sampling.temperature), ("top_p", sampling.top_p)] {
            self.rows.extend(value.map(|value| Row {
                key: format!("sampling.{name}.{field}"),
                variable: String::new(),
                value: value.to_string(),
                source: place.to_owned(),
            }));
        }
        Ok(())
    }

    /// Warns of a key that leads nowhere, or that others can read.
    fn warn(&mut self, config: &ProviderConfig, row: Option<&ProviderRow>, key: Option<&Found>) {
        if let (Some(key), Some(row), true) = (key, row, config.base_url.is_empty()) {
            let (name, variable) = (&config.name, row.base_url_var);
            self.warnings.push(format!("{name} is left out: {} is set, but {variable} is not", key.name));
        }
        if config.key.is_some() && address::is_readable_on_the_way(&config.base_url) {
            let (name, url) = (&config.name, &config.base_url);
            self.warnings.push(format!("{name}: its key goes to {url} in plain text, readable on the way; use https"));
        }
    }

    /// The rows of `config show`. No key is in them.
    fn describe(
        &mut self,
        config: &ProviderConfig,
        row: Option<&ProviderRow>,
        key: Option<Found>,
        model: Option<Found>,
        address: Option<Found>,
    ) {
        let address_var = row.map(|row| row.base_url_var.to_owned());
        let mut row = |field: &str, variable: Option<&String>, value: &str, found: Option<Found>| {
            self.rows.push(Row {
                key: format!("{}.{field}", config.name),
                variable: found.as_ref().map(|f| &f.name).or(variable).cloned().unwrap_or_default(),
                value: value.to_owned(),
                source: found.map_or(Source::Default, |found| found.source).to_string(),
            });
        };
        row("key", config.key_vars.first(), config.key_state.name(), key);
        row("model", config.model_vars.first(), config.model.as_deref().unwrap_or("not set"), model);
        row("base_url", address_var.as_ref(), &config.base_url, address);
    }

    /// Takes an entry of `[limits]` over. What a `[[provider]]` row says already is not said twice.
    fn limit(&mut self, entry: &LimitEntry) -> Result<()> {
        let (name, place) = (&entry.provider, &entry.source);
        let Some(config) = self.configs.iter_mut().find(|config| config.name == *name) else {
            let error = Error::new(Kind::Config, format!("{place}: [limits] names no provider `{name}`"));
            return Err(match closest(name, self.configs.iter().map(|config| config.name.as_str())) {
                Some(near) => error.hint(format!("did you mean `{near}`?")),
                None => error.hint("`llmr providers list --all` names them all"),
            });
        };
        if config.rate != RateLimit::default() {
            let message = format!("{place}: the limits of `{name}` are in its [[provider]] row already");
            return Err(Error::new(Kind::Config, message).hint("keep one of the two"));
        }
        config.rate = entry.rate;
        Ok(())
    }

    /// The rows of `config show` for limits that are set.
    fn describe_rates(&mut self, limits: &[LimitEntry], entries: &[ProviderEntry]) {
        for config in &self.configs {
            let of_row = entries.iter().find(|entry| entry.name == config.name).map(|entry| &entry.source);
            let source = limits.iter().find(|limit| limit.provider == config.name).map(|l| &l.source).or(of_row);
            for (field, value) in [("rpm", config.rate.rpm), ("tpm", config.rate.tpm)] {
                let Some((value, source)) = value.zip(source) else { continue };
                self.rows.push(Row {
                    key: format!("{}.{field}", config.name),
                    variable: String::new(),
                    value: value.to_string(),
                    source: source.to_string(),
                });
            }
        }
    }

    /// Azure's deployment, model and API version.
    ///
    /// The model decides the price. So a working folder's `.env` may name it only for a key of its own, and the
    /// user's own one holds only for the user's own deployment.
    fn azure(
        &mut self,
        layers: &Layers,
        row: Option<&ProviderRow>,
        key: Option<&Found>,
        deployment: Option<&Found>,
    ) -> Result<Option<AzureConfig>> {
        if row.is_none_or(|row| row.base_url_var != "AZURE_OPENAI_ENDPOINT") {
            return Ok(None);
        }
        let named = layers.find(&owned(&AZURE_MODEL)).map(checked_model).transpose()?;
        let foreign = |found: Option<&Found>| found.is_some_and(|found| found.foreign);
        let (model, ignored) = match named {
            Some(named) if named.foreign && !foreign(key) => {
                let own = layers.find_own(&AZURE_MODEL).map(checked_model).transpose()?;
                (own.filter(|_| !foreign(deployment)), Some(named))
            }
            Some(named) if !named.foreign && foreign(deployment) => (None, Some(named)),
            named => (named, None),
        };
        if let Some(ignored) = ignored {
            let place = ignored.source.naming(&ignored.name);
            self.warnings.push(format!(
                "{place} is ignored: it sets a price, and a working folder's .env may do so only for its own key and deployment"
            ));
        }
        Ok(Some(AzureConfig {
            deployment: deployment.map(|found| found.value.clone()),
            model: model.map(|found| found.value),
            api_version: layers.find_own(&AZURE_API_VERSION).map(checked_model).transpose()?.map(|found| found.value),
        }))
    }
}

fn owned(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

/// The config's own variable first, then the vendor's, then the legacy one.
fn key_variables(row: Option<&ProviderRow>, entry: Option<&ProviderEntry>) -> Vec<String> {
    let mut names: Vec<String> = entry.and_then(|entry| entry.api_key_env.clone()).into_iter().collect();
    if let Some(row) = row.filter(|row| !row.key_vars.is_empty()) {
        names.extend(owned(row.key_vars));
        names.push(legacy_key_variable(row.name));
    }
    names
}

/// How a provider of the user's own speaks a dialect: as its inventor does, but OpenAI's as most copies do.
fn quirks_of(dialect: DialectKind) -> Quirks {
    let inventor = table::PROVIDERS.iter().find(|row| row.dialect == dialect && dialect != DialectKind::Openai);
    inventor.map_or(Quirks::OPENAI_LIKE, |row| row.quirks)
}

/// The address and where it was set: the variable, the config file, the table.
fn base_url(
    layers: &Layers,
    row: Option<&ProviderRow>,
    entry: Option<&ProviderEntry>,
) -> Result<(String, Option<Found>)> {
    let default = row.map_or("", |row| row.base_url);
    if let Some(found) = row.and_then(|row| layers.find_own(&[row.base_url_var])) {
        let url = match found.name.ends_with("_HOST") {
            true => address::base_url_of_host(&found.value, default),
            false => address::base_url(&found.value),
        };
        let url = url.ok_or_else(|| found.refused_unseen(address::ALLOWED))?;
        return Ok((url, Some(found)));
    }
    if let Some((url, source)) = entry.and_then(|entry| entry.base_url.clone()) {
        let found = Found { name: "base_url".to_owned(), value: url.clone(), source, foreign: false };
        return Ok((url, Some(found)));
    }
    Ok((default.to_owned(), None))
}

/// A key as it can stand in a header.
fn checked_key(found: Found) -> Result<Found> {
    match found.value.chars().all(|c| c.is_ascii_graphic()) {
        true => Ok(found),
        false => Err(found.refused_unseen("a key: it holds a space, a line break or a character that is not ASCII")),
    }
}

/// A name as it can stand in a path or a message.
fn checked_model(found: Found) -> Result<Found> {
    match found.value.chars().any(|c| c.is_whitespace() || c.is_control()) {
        false => Ok(found),
        true => Err(found.refused("a name without spaces")),
    }
}
