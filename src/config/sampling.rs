//! Sampling defaults of a provider: `[sampling.NAME]`, or the same keys in its `[[provider]]`.

use std::collections::BTreeMap;

use super::file::{Item, Reader};
use crate::error::Result;

/// The keys of a `[sampling.NAME]`.
const KEYS: [&str; 2] = ["temperature", "top_p"];

/// How a provider's models are asked to choose their words where a request does not say.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Sampling {
    /// Sampling temperature, 0 to 2.
    pub temperature: Option<f64>,
    /// Nucleus sampling, 0 to 1.
    pub top_p: Option<f64>,
}

impl Sampling {
    /// This one, and where it says nothing the other.
    pub fn or(self, other: Self) -> Self {
        Self { temperature: self.temperature.or(other.temperature), top_p: self.top_p.or(other.top_p) }
    }
}

/// Every `[sampling.NAME]`, each with its place.
pub(super) fn read(reader: &Reader, value: &Item) -> Result<BTreeMap<String, (Sampling, String)>> {
    let tables = reader.table(value, "sampling")?.iter();
    let one = |(name, value): (&super::file::Key, &Item)| {
        let name = name.get_ref().to_string();
        let path = format!("sampling.{name}");
        for (key, _) in reader.table(value, &path)? {
            if !KEYS.contains(&key.get_ref().as_ref()) {
                return Err(reader.unknown(key, key.get_ref(), KEYS.into_iter()));
            }
        }
        let field = |key, most, allowed| match reader.table(value, &path)?.get(key) {
            Some(value) => within(reader, &format!("{path}.{key}"), value, most, allowed).map(Some),
            None => Ok(None),
        };
        let sampling =
            Sampling { temperature: field("temperature", 2.0, TEMPERATURE)?, top_p: field("top_p", 1.0, TOP_P)? };
        Ok((name, (sampling, reader.place(value).to_string())))
    };
    tables.map(one).collect()
}

/// What a temperature is.
pub(super) const TEMPERATURE: &str = "a number from 0 to 2";
/// What a top-p is.
pub(super) const TOP_P: &str = "a number from 0 to 1";

/// A number from 0 to this.
pub(super) fn within(reader: &Reader, key: &str, value: &Item, most: f64, allowed: &str) -> Result<f64> {
    let number = reader.number(value, key, allowed)?.parse().ok().filter(|n| (0.0..=most).contains(n));
    number.ok_or_else(|| reader.wrong(value, key, allowed))
}
