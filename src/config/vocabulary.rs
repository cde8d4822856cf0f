//! Which variables llmr reads, and what each could do: the basis of what a stranger's `.env` may set.

use std::collections::BTreeSet;

use super::budget;
use super::closest::closest;
use super::file::ProviderEntry;
use super::profiles;
use super::settings::{SETTINGS, Setting};
use crate::providers::table::PROVIDERS;

/// What a variable is to llmr.
#[derive(Clone, Copy)]
pub(super) enum Class {
    /// Decides which files and which clock there are; counts in the process environment only.
    ProcessOnly,
    /// The day's limit.
    Budget,
    /// A setting of the table.
    Setting(&'static Setting),
    /// Could move a key, a prompt or money: the user's own places only.
    OwnOnly,
    /// A key or a model.
    Account,
    /// Named as if llmr read it, but it does not.
    Unknown,
}

/// Counts in the process environment only: when a file is found, these are already decided.
const PROCESS_ONLY: [&str; 4] = ["LLMR_HOME", "LLMR_NOW", "LLMR_SEED", "HOME"];

/// Proxies by what they are for, in the order in which a variable's spellings are tried.
pub(super) const HTTPS_PROXY: [&str; 2] = ["HTTPS_PROXY", "https_proxy"];
/// For plain HTTP.
pub(super) const HTTP_PROXY: [&str; 2] = ["HTTP_PROXY", "http_proxy"];
/// For both.
pub(super) const ALL_PROXY: [&str; 2] = ["ALL_PROXY", "all_proxy"];
/// Hosts that are reached without one.
pub(super) const NO_PROXY: [&str; 2] = ["NO_PROXY", "no_proxy"];
/// Certificates to trust.
pub(super) const CERTIFICATES: [&str; 1] = ["SSL_CERT_FILE"];

/// The model behind an Azure deployment, which decides its price.
pub(super) const AZURE_MODEL: [&str; 1] = ["AZURE_OPENAI_MODEL"];
/// Azure's dated API.
pub(super) const AZURE_API_VERSION: [&str; 2] = ["AZURE_OPENAI_API_VERSION", "OPENAI_API_VERSION"];

/// The variables that llmr reads, given the user's own providers.
pub(super) struct Vocabulary {
    account: BTreeSet<String>,
    own_only: BTreeSet<String>,
}

impl Vocabulary {
    /// Of the built-in providers and the rows of the config file.
    pub fn new(entries: &[ProviderEntry]) -> Self {
        let mut account: BTreeSet<String> = AZURE_MODEL.iter().map(|s| (*s).to_owned()).collect();
        let named = [&HTTPS_PROXY, &HTTP_PROXY, &ALL_PROXY, &NO_PROXY, &AZURE_API_VERSION].into_iter().flatten();
        let named = named.chain(&CERTIFICATES).chain(&["SSL_CERT_DIR"]);
        let mut own_only: BTreeSet<String> = named.map(|s| (*s).to_owned()).collect();
        own_only.insert(profiles::VARIABLE.to_owned());
        for row in PROVIDERS {
            account.extend(row.key_vars.iter().chain(row.model_vars).map(|s| (*s).to_owned()));
            account.insert(legacy_key_variable(row.name));
            own_only.insert(row.base_url_var.to_owned());
            own_only.insert(base_url_variable(row.name));
        }
        for entry in entries {
            account.extend(entry.api_key_env.clone());
            own_only.insert(base_url_variable(&entry.name));
        }
        Self { account, own_only }
    }

    /// What a variable is to llmr; `None` for other software's.
    pub fn class(&self, name: &str) -> Option<Class> {
        if PROCESS_ONLY.contains(&name) || name.starts_with("XDG_") {
            return Some(Class::ProcessOnly);
        }
        if budget::VARIABLES.contains(&name) {
            return Some(Class::Budget);
        }
        if let Some(row) = SETTINGS.iter().find(|row| row.variables.contains(&name)) {
            return Some(Class::Setting(row));
        }
        let unknown = name.starts_with("LLMR_") || name.starts_with("PENIN_");
        match () {
            () if self.own_only.contains(name) => Some(Class::OwnOnly),
            () if self.account.contains(name) => Some(Class::Account),
            () if unknown => Some(Class::Unknown),
            () => None,
        }
    }

    /// A warning about a variable that looks like ours but is not.
    pub fn warning(place: &str, name: &str) -> String {
        let settings = SETTINGS.iter().flat_map(|row| row.variables).chain(budget::VARIABLES).chain(&PROCESS_ONLY);
        let settings = settings.chain(&[profiles::VARIABLE]);
        let ours = settings.copied().filter(|known| known.starts_with("LLMR_"));
        match closest(name, ours) {
            Some(near) => format!("{place} is not read by llmr: did you mean {near}?"),
            None => format!("{place} is not read by llmr"),
        }
    }
}

/// The key variable of the gateway that llmr replaces.
pub(super) fn legacy_key_variable(provider: &str) -> String {
    format!("PROXY_API_{}_API_KEY", variable_part(provider))
}

fn base_url_variable(provider: &str) -> String {
    format!("{}_BASE_URL", variable_part(provider))
}

fn variable_part(provider: &str) -> String {
    provider.to_ascii_uppercase().replace(['-', '.'], "_")
}
