//! The mirror of `config.toml`: what may stand in it, checked key by key, with the line of everything.
//!
//! It walks the parsed document instead of deriving a reader, because every error shall name file, line and key, and
//! because numbers are taken as they were written: money never passes through a binary fraction.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use toml::Spanned;
use toml::de::{DeString, DeTable, DeValue};

use super::budget;
use super::closest::closest;
use super::profiles::{self, Profile};
use super::sampling::{self, Sampling};
use super::settings::{Form, SETTINGS, Settings};
use super::source::{Found, Source};
use super::tiers::{self, Tiers};
use super::{Row, address, alerts, provider_rows};
use crate::error::{Error, Kind, Result};

pub(super) use provider_rows::{LimitEntry, ProviderEntry};

/// What stands at the top of the file beside settings.
const OTHERS: [&str; 8] = ["alerts", "limits", "provider", "aliases", "fallbacks", "profile", "sampling", "tiers"];

/// What a config file says.
#[derive(Default)]
pub(super) struct File {
    /// Settings by their key, the day's limit among them.
    pub settings: BTreeMap<&'static str, Found>,
    /// The `[[provider]]` rows, in their order.
    pub providers: Vec<ProviderEntry>,
    /// Names that stand for models.
    pub aliases: BTreeMap<String, String>,
    /// Models to try after a model.
    pub fallbacks: BTreeMap<String, Vec<String>>,
    /// Whom to tell of what.
    pub alerts: alerts::Read,
    /// The `[profile.NAME]` tables.
    pub profiles: BTreeMap<String, Profile>,
    /// The `[sampling.NAME]` tables, each with its place.
    pub sampling: BTreeMap<String, (Sampling, String)>,
    /// How fast providers may be asked.
    pub limits: Vec<LimitEntry>,
    /// Which models each tier has, and the rules.
    pub tiers: Tiers,
    /// What `config show` says of aliases, fallbacks and tiers.
    pub rows: Vec<Row>,
}

impl File {
    /// Reads the text of a config file. Errors name file, line and key.
    pub fn parse(text: &str, path: &Path) -> Result<Self> {
        let reader = Reader { text, path };
        let document = DeTable::parse(text).map_err(|e| reader.not_toml(&e))?;
        let mut file = Self::default();
        for (key, value) in document.get_ref() {
            match key.get_ref().as_ref() {
                "provider" => file.providers = provider_rows::read(&reader, value)?,
                "limits" => file.limits = provider_rows::read_limits(&reader, value)?,
                "aliases" => {
                    file.aliases = reader.entries(value, "aliases", Reader::word)?;
                    file.rows.extend(reader.entry_rows(value, "aliases")?);
                }
                "fallbacks" => {
                    file.fallbacks = reader.entries(value, "fallbacks", Reader::words)?;
                    file.rows.extend(reader.entry_rows(value, "fallbacks")?);
                }
                "alerts" => file.alerts = alerts::read(&reader, value)?,
                "profile" => file.profiles = profiles::read(&reader, value)?,
                "sampling" => file.sampling = sampling::read(&reader, value)?,
                "tiers" => tiers::read(&reader, value, &mut file)?,
                _ => file.setting(&reader, "", key, value, &OTHERS)?,
            }
        }
        Ok(file)
    }

    /// Takes one key of a section over; the key of a section itself brings in what is below it.
    /// `others` may stand beside settings, for a hint.
    pub fn setting(
        &mut self,
        reader: &Reader,
        section: &str,
        key: &Key,
        value: &Item,
        others: &[&'static str],
    ) -> Result<()> {
        let name = format!("{section}{}", key.get_ref());
        let below = format!("{name}.");
        if let Some(row) = SETTINGS.iter().find(|row| row.key == name && row.form != Form::Secret) {
            let found = reader.found(row.key, &reader.setting_text(row.form, row.key, row.allowed, value)?, value);
            row.apply(&mut Settings::default(), &found)?;
            self.settings.insert(row.key, found);
        } else if name == budget::KEY {
            let text = reader.setting_text(Form::NumberOrOff, budget::KEY, budget::ALLOWED, value)?;
            let found = reader.found(budget::KEY, &text, value);
            budget::Placed::read(found.clone())?;
            self.settings.insert(budget::KEY, found);
        } else if SETTINGS.iter().any(|row| row.key.starts_with(&below)) {
            for (key, value) in reader.table(value, &name)? {
                self.setting(reader, &below, key, value, &[])?;
            }
        } else {
            return Err(reader.unknown(key, &name, known_keys(section, others)));
        }
        Ok(())
    }
}

/// The keys that may stand in a section, for a hint.
fn known_keys<'o>(section: &str, others: &'o [&'static str]) -> impl Iterator<Item = &'static str> + use<'o> {
    let others = others.iter().copied().chain(["cache", "breaker", "timeouts", budget::KEY]);
    let settings = SETTINGS.iter().filter(|row| row.form != Form::Secret).map(|row| row.key);
    let section = section.to_owned();
    settings.chain(others).filter(move |key| key.starts_with(&section))
}

pub(super) type Key<'t> = Spanned<DeString<'t>>;
pub(super) type Item<'t> = Spanned<DeValue<'t>>;

/// Reads values and says where they are.
pub(super) struct Reader<'t> {
    text: &'t str,
    path: &'t Path,
}

impl<'t> Reader<'t> {
    /// Of this text, which is in this file.
    pub fn new(text: &'t str, path: &'t Path) -> Self {
        Self { text, path }
    }
}

impl Reader<'_> {
    fn at(&self, offset: usize) -> Source {
        let before = self.text.as_bytes().iter().take(offset);
        Source::File { path: PathBuf::from(self.path), line: 1 + before.filter(|b| **b == b'\n').count() }
    }

    /// Where a value is.
    pub fn place(&self, value: &Item) -> Source {
        self.at(value.span().start)
    }

    /// Where a key is.
    pub fn place_of_key(&self, key: &Key) -> Source {
        self.at(key.span().start)
    }

    /// A value as text, with its place.
    pub fn found(&self, name: &str, text: &str, value: &Item) -> Found {
        Found { name: name.to_owned(), value: text.to_owned(), source: self.place(value), foreign: false }
    }

    /// The error that a key is not what it must be.
    pub fn wrong(&self, value: &Item, name: &str, allowed: &str) -> Error {
        Error::new(Kind::Config, format!("{}: not {allowed}", self.place(value).naming(name)))
    }

    /// The error that there is no such key, with the nearest one that there is.
    pub fn unknown(&self, key: &Key, name: &str, known: impl Iterator<Item = &'static str>) -> Error {
        let place = self.at(key.span().start);
        let error = Error::new(Kind::Config, format!("{place}: unknown key `{name}`"));
        let last = name.rsplit('.').next().unwrap_or(name);
        match closest(name, known) {
            _ if ["api_key", "key", "hmac_key", "metrics_token"].contains(&last) => {
                error.hint("keys do not belong here: put it into the environment or a .env, and its variable's name into `api_key_env`")
            }
            Some(near) => error.hint(format!("did you mean `{near}`?")),
            None => error.hint("`llmr config init` writes a file with every key in it"),
        }
    }

    /// What the TOML parser says, without the line itself, which may hold anything.
    pub fn not_toml(&self, error: &toml::de::Error) -> Error {
        let place = self.at(error.span().map_or(0, |span| span.start));
        Error::new(Kind::Config, format!("{place}: not valid TOML: {}", error.message().replace('\n', ", ")))
    }

    /// A table.
    pub fn table<'v, 't>(&self, value: &'v Item<'t>, name: &str) -> Result<&'v DeTable<'t>> {
        value.get_ref().as_table().ok_or_else(|| self.wrong(value, name, "a table"))
    }

    /// A string with something in it.
    pub fn word(&self, value: &Item, name: &str) -> Result<String> {
        let word = value.get_ref().as_str().map(str::trim).filter(|word| !word.is_empty());
        word.map(str::to_owned).ok_or_else(|| self.wrong(value, name, "a string with something in it"))
    }

    /// A string as it is, which may be empty.
    pub fn argument(&self, value: &Item, name: &str) -> Result<String> {
        value.get_ref().as_str().map(str::to_owned).ok_or_else(|| self.wrong(value, name, "a list of strings"))
    }

    /// A list of strings; one alone may stand without brackets.
    pub fn words(&self, value: &Item, name: &str) -> Result<Vec<String>> {
        match value.get_ref() {
            DeValue::Array(items) => items.iter().map(|item| self.word(item, name)).collect(),
            DeValue::String(_) => Ok(vec![self.word(value, name)?]),
            _ => Err(self.wrong(value, name, "a list of strings")),
        }
    }

    /// A number as it is written, in plain decimals.
    pub fn number(&self, value: &Item, name: &str, allowed: &str) -> Result<String> {
        number(value.get_ref()).ok_or_else(|| self.wrong(value, name, allowed))
    }

    /// A table of values that are all read alike.
    pub fn entries<T>(
        &self,
        value: &Item,
        name: &str,
        read: impl Fn(&Self, &Item, &str) -> Result<T>,
    ) -> Result<BTreeMap<String, T>> {
        let entry = |(key, value): (&Key, &Item)| {
            let key = key.get_ref().as_ref();
            Ok((key.to_owned(), read(self, value, &format!("{name}.{key}"))?))
        };
        self.table(value, name)?.iter().map(entry).collect()
    }

    /// Such a table of words as rows.
    fn entry_rows(&self, value: &Item, name: &str) -> Result<Vec<Row>> {
        let row = |(key, value): (&Key, &Item)| {
            let key = format!("{name}.{}", key.get_ref());
            let words = self.words(value, &key)?.join(", ");
            Ok(Row { key, variable: String::new(), value: words, source: self.place(value).to_string() })
        };
        self.table(value, name)?.iter().map(row).collect()
    }

    /// A setting as the text that its variable would hold.
    fn setting_text(&self, form: Form, name: &str, allowed: &str, value: &Item) -> Result<String> {
        let text = match (form, value.get_ref()) {
            (Form::Number | Form::NumberOrOff, value @ (DeValue::Integer(_) | DeValue::Float(_))) => number(value),
            (Form::NumberOrOff | Form::Flag | Form::Text | Form::Weights, DeValue::String(text)) => {
                Some(text.trim().to_owned())
            }
            (Form::Flag, DeValue::Boolean(flag)) => Some(flag.to_string()),
            (Form::Weights, DeValue::Array(parts)) => {
                let parts: Option<Vec<_>> = parts.iter().map(|part| number(part.get_ref())).collect();
                parts.map(|parts| parts.join(","))
            }
            (Form::Weights, DeValue::Table(parts)) => return self.weights(parts),
            _ => None,
        };
        text.ok_or_else(|| self.wrong(value, name, allowed))
    }

    /// `{cost = …, latency = …, quality = …}`; one that is left out is 0.
    fn weights(&self, parts: &DeTable) -> Result<String> {
        const NAMES: [&str; 3] = ["cost", "latency", "quality"];
        if let Some((key, _)) = parts.iter().find(|(key, _)| !NAMES.contains(&key.get_ref().as_ref())) {
            return Err(self.unknown(key, &format!("weights.{}", key.get_ref()), NAMES.into_iter()));
        }
        let part = |name: &&str| match parts.get(*name) {
            Some(value) => self.number(value, &format!("weights.{name}"), "a number from 0"),
            None => Ok("0".to_owned()),
        };
        Ok(NAMES.iter().map(part).collect::<Result<Vec<_>>>()?.join(","))
    }

    /// A base URL.
    pub fn base_url(&self, value: &Item, name: &str) -> Result<String> {
        let text = self.word(value, name)?;
        address::base_url(&text).ok_or_else(|| self.wrong(value, name, address::ALLOWED))
    }
}

/// A decimal number as plain digits; an exponent is written out. `None` for anything else.
fn number(value: &DeValue) -> Option<String> {
    match value {
        DeValue::Integer(integer) if integer.radix() == 10 => Some(integer.as_str().trim_start_matches('+').to_owned()),
        DeValue::Float(float) => {
            let text = float.as_str().trim_start_matches('+');
            let finite = text.parse::<f64>().ok().filter(|f| f.is_finite())?;
            Some(if text.contains(['e', 'E']) { format!("{finite}") } else { text.to_owned() })
        }
        _ => None,
    }
}
