//! Named profiles: `[profile.work]` of `config.toml`, settings and defaults for flags on top of the file's others.
//!
//! Which one counts is the user's own choice (`--profile`, `LLMR_PROFILE`): a stranger's `.env` has no say.

use std::collections::BTreeMap;

use super::closest::closest;
use super::file::{File, Item, Reader};
use super::source::{Found, Layers, Source};
use super::{Row, templates};
use crate::cli::Question;
use crate::error::{Error, Kind, Result};

/// The variable that chooses a profile.
pub(super) const VARIABLE: &str = "LLMR_PROFILE";

/// What may stand in a profile beside settings: defaults of these flags.
const FLAGS: [&str; 7] = ["model", "providers", "system", "tier", "temperature", "top_p", "max_tokens"];

/// One profile.
#[derive(Default)]
pub(super) struct Profile {
    /// Settings by their key.
    pub settings: BTreeMap<&'static str, Found>,
    /// Defaults of flags.
    pub flags: Question,
    /// The defaults for `config show`.
    pub rows: Vec<Row>,
}

/// Every `[profile.NAME]`. Errors name file, line and key, also in those that are not chosen.
pub(super) fn read(reader: &Reader, value: &Item) -> Result<BTreeMap<String, Profile>> {
    let tables = reader.table(value, "profile")?.iter();
    tables.map(|(name, value)| Ok((name.get_ref().to_string(), profile(reader, name.get_ref(), value)?))).collect()
}

fn profile(reader: &Reader, name: &str, value: &Item) -> Result<Profile> {
    let mut profile = Profile::default();
    let mut file = File::default();
    for (key, value) in reader.table(value, &format!("profile.{name}"))? {
        let flag = key.get_ref().as_ref();
        let path = format!("profile.{name}.{flag}");
        if FLAGS.contains(&flag) && templates::take_flag(&mut profile.flags, reader, flag, &path, value)? {
            let (source, value) = (place(&reader.place(value), name), templates::shown(value));
            profile.rows.push(Row { key: flag.to_owned(), variable: String::new(), value, source });
        } else {
            file.setting(reader, "", key, value, &FLAGS)?;
        }
    }
    profile.settings = file.settings;
    for found in profile.settings.values_mut() {
        found.name = format!("profile.{name}.{}", found.name);
    }
    Ok(profile)
}

/// A place with the profile that it belongs to.
pub(super) fn place(source: &Source, profile: &str) -> String {
    format!("{source} (profile {profile})")
}

/// Where a value comes from, with the profile where it is one's.
pub(super) fn place_of(found: &Found) -> String {
    let of_profile = found.name.strip_prefix("profile.").and_then(|path| path.split_once('.'));
    of_profile.map_or_else(|| found.source.to_string(), |(profile, _)| place(&found.source, profile))
}

/// The profile that is chosen, by the flag or by the variable, and where that is said.
pub(super) fn chosen(flag: Option<&str>, layers: &Layers) -> Option<(String, String)> {
    let by_flag = flag.map(|name| (name.to_owned(), "--profile".to_owned()));
    by_flag.or_else(|| {
        let found = layers.find_own(&[VARIABLE])?;
        Some((found.value.clone(), found.source.to_string()))
    })
}

/// The profile of that name.
pub(super) fn take(profiles: &mut BTreeMap<String, Profile>, name: &str, source: &str) -> Result<Profile> {
    profiles.remove(name).ok_or_else(|| {
        let error =
            Error::new(Kind::Config, format!("there is no profile `{name}` in the settings ({source} asks for it)"));
        match closest(name, profiles.keys().map(String::as_str)) {
            Some(near) => error.hint(format!("did you mean `{near}`?")),
            None if profiles.is_empty() => error.hint(format!("write one: [profile.{name}] in config.toml")),
            None => error.hint(format!("there are {}", profiles.keys().cloned().collect::<Vec<_>>().join(", "))),
        }
    })
}
