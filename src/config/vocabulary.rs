//! Which variables llmr reads, and what each could do: the basis of what a stranger's `.env` may set.

use super::budget;
use super::closest::closest;
use super::file::ProviderEntry;
use super::profiles;
use super::settings::{SETTINGS, Setting};
use crate::providers::ProviderRow;
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
pub(super) struct Vocabulary<'a>(pub &'a [ProviderEntry]);

impl Vocabulary<'_> {
    fn is_account(&self, name: &str) -> bool {
        let of = |row: &ProviderRow| row.key_vars.contains(&name) || row.model_vars.contains(&name);
        let legacy = name.strip_prefix(LEGACY_KEY.0).and_then(|rest| rest.strip_suffix(LEGACY_KEY.1));
        AZURE_MODEL.contains(&name)
            || PROVIDERS.iter().any(|row| of(row) || legacy.is_some_and(|part| spells(part, row.name)))
            || self.0.iter().any(|entry| entry.api_key_env.as_deref() == Some(name))
    }

    fn is_own_only(&self, name: &str) -> bool {
        let named = [&HTTPS_PROXY, &HTTP_PROXY, &ALL_PROXY, &NO_PROXY, &AZURE_API_VERSION].into_iter().flatten();
        let mut named = named.chain(&CERTIFICATES).chain(&["SSL_CERT_DIR", profiles::VARIABLE]);
        let address = name.strip_suffix(BASE_URL);
        let of = |provider: &str| address.is_some_and(|part| spells(part, provider));
        named.any(|known| *known == name)
            || PROVIDERS.iter().any(|row| row.base_url_var == name || of(row.name))
            || self.0.iter().any(|entry| of(&entry.name))
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
            () if self.is_own_only(name) => Some(Class::OwnOnly),
            () if self.is_account(name) => Some(Class::Account),
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

/// What stands around a provider's part in the key variables of the gateway that llmr replaces.
const LEGACY_KEY: (&str, &str) = ("PROXY_API_", "_API_KEY");
/// What stands behind it where an address is set.
const BASE_URL: &str = "_BASE_URL";

/// The key variable of the gateway that llmr replaces.
pub(super) fn legacy_key_variable(provider: &str) -> String {
    let part: String = variable_part(provider).collect();
    format!("{}{part}{}", LEGACY_KEY.0, LEGACY_KEY.1)
}

/// Whether a part of a variable's name is a provider's.
fn spells(part: &str, provider: &str) -> bool {
    part.chars().eq(variable_part(provider))
}

fn variable_part(provider: &str) -> impl Iterator<Item = char> {
    provider.chars().map(|c| if matches!(c, '-' | '.') { '_' } else { c.to_ascii_uppercase() })
}
