//! Configuration: one value for every setting, and its source.
//!
//! Environment, `.env` files and `config.toml` are read once, checked, and put together here; what comes out is plain
//! data. What a stranger's `.env` may set is decided in `env_files`, by the classes of `vocabulary`.

mod additions;
mod address;
mod alerts;
mod budget;
mod closest;
mod env_files;
mod file;
mod private;
mod profiles;
mod provider_rows;
mod providers;
mod resolve;
mod sampling;
mod seal;
mod settings;
mod source;
mod template;
pub mod templates;
mod tiers;
pub mod trust;
mod vocabulary;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::cli::Question;
use crate::error::{Error, Kind, Result};
use crate::host::{self, Host};
use crate::types::Secret;

pub use additions::{Additions, Edited, Fate, NewProvider, edit};
pub use alerts::{AlertKind, Alerts};
pub use budget::{Budget, Placed};
pub use provider_rows::ModelRow;
pub use providers::{AzureConfig, KeyState, ProviderConfig};
pub use sampling::Sampling;
pub use seal::{HmacKey, existing_hmac_key, hmac_key};
pub use settings::{CacheSettings, Settings, Timeouts};
pub use source::Source;
pub use template::{TEMPLATE, init};
pub use tiers::{About, TierRule, Tiers};

use file::File;
use profiles::Profile;
use source::Layers;
use vocabulary::{ALL_PROXY, CERTIFICATES, Class, HTTP_PROXY, HTTPS_PROXY, NO_PROXY, Vocabulary};

/// What the command line says of the configuration itself.
#[derive(Debug, Clone, Default)]
pub struct Flags {
    /// `--config`: another `config.toml`, which must be there.
    pub config_path: Option<PathBuf>,
    /// `--profile`: which `[profile.NAME]` counts.
    pub profile: Option<String>,
    /// Whether [`Config::rows`] are wanted, which takes longer than all the rest.
    pub rows: bool,
}

/// Everything that is set.
#[derive(Debug, Clone)]
pub struct Config {
    /// The settings.
    pub settings: Settings,
    /// Every provider, the built-in ones first.
    pub providers: Vec<ProviderConfig>,
    /// Names that stand for models (`model` or `provider/model`).
    pub aliases: BTreeMap<String, String>,
    /// Models to try after a model, in order.
    pub fallbacks: BTreeMap<String, Vec<String>>,
    /// Which models each tier has, and what binds the choice of one.
    pub tiers: Tiers,
    /// Whom to tell of what.
    pub alerts: Alerts,
    /// The names of all profiles.
    pub profiles: Vec<String>,
    /// The chosen profile's defaults of flags.
    pub defaults: Question,
    /// The way out of the network.
    pub proxies: Proxies,
    /// What is not an error but deserves a word.
    pub warnings: Vec<String>,
    /// Where everything is.
    pub paths: Paths,
    /// Every value with its source, for `config show`, where they are wanted. Never holds a key.
    pub rows: Vec<Row>,
}

/// The way out of the network, from the environment or the user's own files.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Proxies {
    /// For HTTPS; may hold a password.
    pub https: Option<Secret>,
    /// For plain HTTP; may hold a password.
    pub http: Option<Secret>,
    /// For both; may hold a password.
    pub all: Option<Secret>,
    /// Hosts that are reached without one.
    pub no_proxy: Option<String>,
    /// Certificates to trust.
    pub ssl_cert_file: Option<PathBuf>,
}

/// Where everything is; nothing of it need exist.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Paths {
    /// The config folder.
    pub config_dir: PathBuf,
    /// The data folder.
    pub data_dir: PathBuf,
    /// `config.toml`, or what `--config` names.
    pub config_file: PathBuf,
    /// The `.env` files that were read, the one that wins first.
    pub env_files: Vec<PathBuf>,
    /// The database.
    pub database: PathBuf,
    /// What was typed into the chat editor.
    pub history_file: PathBuf,
    /// The key that authenticates cache entries.
    pub hmac_key_file: PathBuf,
    /// The list of trusted `.env` files.
    pub trust_file: PathBuf,
}

/// One value and its source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Row {
    /// Its path in `config.toml`, or `PROVIDER.key`, `.model`, `.base_url`.
    pub key: String,
    /// The variable that set it or could; empty where there is none.
    pub variable: String,
    /// The value; of a secret only whether it is set.
    pub value: String,
    /// `default`, `environment`, `budget set` or `PATH:LINE`.
    pub source: String,
}

impl Paths {
    /// Of this host. An error when nothing says where its folders are.
    pub fn of(host: &Host, flags: &Flags) -> Result<Self> {
        let folders = host.folders()?;
        let named = flags.config_path.as_ref().map(|path| host.cwd.join(path));
        Ok(Self {
            config_file: named.unwrap_or_else(|| folders.config.join("config.toml")),
            env_files: Vec::new(),
            database: folders.data.join("llmr.db"),
            history_file: folders.data.join("chat_history"),
            hmac_key_file: folders.config.join("cache.key"),
            trust_file: folders.config.join("trusted"),
            config_dir: folders.config,
            data_dir: folders.data,
        })
    }
}

impl Config {
    /// The provider of that name.
    pub fn provider(&self, name: &str) -> Option<&ProviderConfig> {
        self.providers.iter().find(|provider| provider.name == name)
    }

    /// Every variable that may hold a secret: no child of this process has any business with them.
    pub fn secret_variables(&self) -> Vec<String> {
        let built_in = crate::providers::table::PROVIDERS.iter();
        let of_row = |row: &crate::providers::table::ProviderRow| {
            let keys = row.key_vars.iter().map(|name| (*name).to_owned());
            keys.chain([vocabulary::legacy_key_variable(row.name)]).collect::<Vec<_>>()
        };
        let own = self.providers.iter().flat_map(|provider| provider.key_vars.iter().cloned());
        built_in.flat_map(of_row).chain(own).chain(settings::secret_variables()).collect()
    }

    /// Every secret that is known, to be found and blotted out in texts from outside.
    pub fn secrets(&self) -> Vec<Secret> {
        let keys = self.providers.iter().filter_map(|provider| provider.key.clone());
        let own = [&self.settings.cache.hmac_key, &self.settings.metrics_token];
        let proxies = [&self.proxies.https, &self.proxies.http, &self.proxies.all, &self.alerts.webhook];
        keys.chain(own.into_iter().chain(proxies).flatten().cloned()).collect()
    }
}

/// Reads and checks everything.
///
/// Errors (exit code 2) name file, line and key, or the variable. The day's limit of a working folder's `.env` is
/// checked as far as it can be without the database: [`Budget::check_tight`] does the rest.
pub fn load(host: &Host, flags: &Flags) -> Result<Config> {
    let mut warnings = host.check()?;
    let mut paths = Paths::of(host, flags)?;
    let mut file = read_file(&paths.config_file, flags.config_path.is_some())?;
    let vocabulary = Vocabulary(&file.providers);
    warnings.extend(check_environment(host, &vocabulary)?);

    let profile_names = file.profiles.keys().cloned().collect();
    let mut places = env_files::read(host, &paths, &vocabulary)?;
    warnings.append(&mut places.warnings);
    let chosen = profiles::chosen(flags.profile.as_deref(), &places.layers);
    let profile = match &chosen {
        Some((name, source)) => profiles::take(&mut file.profiles, name, source)?,
        None => Profile::default(),
    };
    file.settings.extend(profile.settings);
    let mut resolved = resolve::resolve(&places.layers, &file)?;
    env_files::tighten(&mut resolved, &places.tightening)?;
    if resolved.settings.budget.env.is_some() {
        // Then the database has no say.
        resolved.settings.budget.check_tight(None)?;
    }
    warnings.extend(weak_key(&resolved.settings));

    let mut providers = providers::build(&places.layers, &file.providers, &file.sampling, &file.limits, flags.rows)?;
    warnings.append(&mut providers.warnings);
    let proxies = proxies(&places.layers);
    let mut rows = Vec::new();
    if flags.rows {
        rows.extend(resolved.rows());
        rows.extend(file.alerts.rows());
        rows.extend(proxies.rows(&places.layers));
        rows.append(&mut providers.rows);
        rows.append(&mut file.rows);
        rows.push(profile_row(chosen));
        rows.extend(profile.rows);
    }

    paths.env_files = places.files;
    warnings.extend(looseness(&paths));
    Ok(Config {
        settings: resolved.settings,
        providers: providers.configs,
        aliases: file.aliases,
        fallbacks: file.fallbacks,
        tiers: file.tiers,
        alerts: file.alerts.alerts,
        profiles: profile_names,
        defaults: profile.flags,
        proxies,
        warnings,
        paths,
        rows,
    })
}

/// Which profile counts.
fn profile_row(chosen: Option<(String, String)>) -> Row {
    let (value, source) = chosen.unwrap_or_else(|| ("none".to_owned(), Source::Default.to_string()));
    Row { key: "profile".to_owned(), variable: profiles::VARIABLE.to_owned(), value, source }
}

/// The config file; one that was named by hand must be there and may be a pipe.
fn read_file(path: &Path, named: bool) -> Result<File> {
    let bytes = if named { Some(host::read_any(path)?) } else { host::read_regular(path)? };
    let Some(bytes) = bytes else { return Ok(File::default()) };
    let not_utf8 = |_| Error::new(Kind::Config, format!("{}: not UTF-8", path.display()));
    File::parse(&String::from_utf8(bytes).map_err(not_utf8)?, path)
}

/// Refuses variables of ours that are not text; warns of misspelled ones.
fn check_environment(host: &Host, vocabulary: &Vocabulary<'_>) -> Result<Vec<String>> {
    for name in host.env_not_utf8.keys() {
        if !matches!(vocabulary.class(name), None | Some(Class::ProcessOnly)) {
            return Err(Error::new(Kind::Config, format!("environment variable {name}: not UTF-8")));
        }
    }
    let unknown = |name: &&String| name.starts_with("LLMR_") && matches!(vocabulary.class(name), Some(Class::Unknown));
    let warning = |name: &String| Vocabulary::warning(&Source::Environment.naming(name), name);
    Ok(host.env.keys().filter(unknown).map(warning).collect())
}

fn proxies(layers: &Layers) -> Proxies {
    let value = |names: &[&str]| layers.find_own(names).map(|found| found.value);
    let secret = |names: &[&str]| value(names).map(|text| Secret::new(&text));
    Proxies {
        https: secret(&HTTPS_PROXY),
        http: secret(&HTTP_PROXY),
        all: secret(&ALL_PROXY),
        no_proxy: value(&NO_PROXY),
        ssl_cert_file: value(&CERTIFICATES).map(PathBuf::from),
    }
}

impl Proxies {
    fn rows(&self, layers: &Layers) -> Vec<Row> {
        let secret = |value: &Option<Secret>| value.as_ref().map(|_| "set".to_owned());
        let cert = self.ssl_cert_file.as_ref().map(|path| path.display().to_string());
        let values: [(&str, &[&str], Option<String>); 5] = [
            ("https_proxy", &HTTPS_PROXY, secret(&self.https)),
            ("http_proxy", &HTTP_PROXY, secret(&self.http)),
            ("all_proxy", &ALL_PROXY, secret(&self.all)),
            ("no_proxy", &NO_PROXY, self.no_proxy.clone()),
            ("ssl_cert_file", &CERTIFICATES, cert),
        ];
        let row = |(key, names, value): (&str, &[&str], Option<String>)| {
            let found = layers.find_own(names);
            let variable = found.as_ref().map(|found| found.name.as_str()).or(names.first().copied());
            Row {
                key: key.to_owned(),
                variable: variable.unwrap_or_default().to_owned(),
                value: value.unwrap_or_else(|| "not set".to_owned()),
                source: found.map_or(Source::Default, |found| found.source).to_string(),
            }
        };
        values.into_iter().map(row).collect()
    }
}

/// A key of the user's own that is shorter than half a hash can be guessed.
fn weak_key(settings: &Settings) -> Option<String> {
    let key = settings.cache.hmac_key.as_ref()?;
    (key.expose().len() < 16).then(|| "LLMR_CACHE_HMAC_KEY is shorter than 16 bytes: it can be guessed".to_owned())
}

/// Warnings about folders and files of the user's that others can get at.
fn looseness(paths: &Paths) -> Vec<String> {
    let own_file = |name: &str| paths.config_dir.join(name);
    let mut checked = vec![paths.config_dir.clone(), paths.data_dir.clone()];
    checked.extend([own_file("config.toml"), own_file(".env"), paths.hmac_key_file.clone()]);
    checked.extend([paths.trust_file.clone(), paths.database.clone()]);
    checked.dedup();
    checked.iter().filter_map(|path| private::looseness(path)).collect()
}
