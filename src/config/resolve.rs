//! One value for every setting: the places are applied from the last to the first, so that each one overrides
//! those behind it, and a malformed value is an error also where another one hides it.

use std::collections::BTreeMap;

use super::Row;
use super::budget::{self, Placed};
use super::file::File;
use super::profiles;
use super::settings::{SETTINGS, Settings};
use super::source::{Found, Layers, Source};
use crate::error::Result;

/// Settings with their places.
pub(super) struct Resolved {
    /// What counts.
    pub settings: Settings,
    /// What the user's own places say, without a working folder's `.env`.
    pub own: Settings,
    /// Where a setting was given, by its key; not there for a default.
    pub sources: BTreeMap<&'static str, Found>,
}

/// The settings of the user's own places.
pub(super) fn resolve(layers: &Layers, file: &File) -> Result<Resolved> {
    let mut settings = Settings::default();
    let mut sources = BTreeMap::new();
    for row in SETTINGS {
        let given = layers.own().rev().filter_map(|layer| layer.first(row.variables));
        for found in file.settings.get(row.key).cloned().into_iter().chain(given) {
            row.apply(&mut settings, &found)?;
            sources.insert(row.key, found);
        }
    }
    settings.budget.file = file.settings.get(budget::KEY).cloned().map(Placed::read).transpose()?;
    for found in layers.own().rev().filter_map(|layer| layer.first(budget::VARIABLES)) {
        settings.budget.env = Some(Placed::read(found)?);
    }
    Ok(Resolved { own: settings.clone(), settings, sources })
}

impl Resolved {
    /// Every setting with its value and its place. The database's limit is not known here.
    pub fn rows(&self) -> Vec<Row> {
        let (limit, source) = self.settings.budget.limit(None);
        let mut rows = vec![Row {
            key: budget::KEY.to_owned(),
            variable: budget::VARIABLES.first().copied().unwrap_or_default().to_owned(),
            value: limit.to_string(),
            source,
        }];
        rows.extend(SETTINGS.iter().map(|row| {
            let found = self.sources.get(row.key);
            let asked = found.map(|found| found.name.as_str()).filter(|name| row.variables.contains(name));
            Row {
                key: row.key.to_owned(),
                variable: asked.or(row.variables.first().copied()).unwrap_or_default().to_owned(),
                value: (row.show)(&self.settings),
                source: found.map_or_else(|| Source::Default.to_string(), profiles::place_of),
            }
        }));
        rows
    }
}
