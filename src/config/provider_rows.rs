//! The `[[provider]]` rows of `config.toml`.

use toml::de::DeTable;

use super::file::{Item, Key, Reader};
use super::sampling::{Sampling, TEMPERATURE, TOP_P};
use super::settings;
use super::source::Source;
use crate::error::{Error, Kind, Result};
use crate::providers::{DIALECTS, table};
use crate::types::{DialectKind, Rate, RateLimit, Rates};

/// One `[[provider]]` row.
#[derive(Debug, Clone)]
pub(crate) struct ProviderEntry {
    /// The provider's name.
    pub name: String,
    /// Where the row is.
    pub source: Source,
    /// Whose wire format; always there for a name of the user's own.
    pub dialect: Option<DialectKind>,
    /// Where it listens, and where that is written; always there for a name of the user's own.
    pub base_url: Option<(String, Source)>,
    /// The variable of its key.
    pub api_key_env: Option<String>,
    /// The user's own order; lower is asked first.
    pub priority: Option<u32>,
    /// The time limit of one request, in seconds.
    pub timeout_secs: Option<f64>,
    /// The models, the first one is the default.
    pub models: Vec<String>,
    /// How its models choose their words where a request does not say.
    pub sampling: Sampling,
    /// What is said of models: of single ones, and of all the others (`model: None`).
    pub rows: Vec<ModelRow>,
    /// How fast it may be asked.
    pub rate: RateLimit,
}

/// How fast one provider may be asked: an entry of `[limits]`.
#[derive(Debug, Clone)]
pub(crate) struct LimitEntry {
    /// Which provider.
    pub provider: String,
    /// Where it is written.
    pub source: Source,
    /// The limit.
    pub rate: RateLimit,
}

/// What the config says of a model.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ModelRow {
    /// Its id; `None` for every model of the provider that has no price of its own.
    pub model: Option<String>,
    /// Its price.
    pub rates: Option<Rates>,
    /// Prompt and answer together, in tokens.
    pub context_tokens: Option<u64>,
    /// The longest answer, in tokens.
    pub max_output_tokens: Option<u64>,
    /// Whether it can see pictures.
    pub vision: Option<bool>,
}

const PROVIDER_KEYS: [&str; 15] = [
    "name",
    "dialect",
    "base_url",
    "api_key_env",
    "priority",
    "timeout_secs",
    RPM,
    TPM,
    "models",
    "model",
    "temperature",
    "top_p",
    INPUT,
    OUTPUT,
    CACHED,
];
const MODEL_KEYS: [&str; 7] = ["id", INPUT, OUTPUT, CACHED, "context_tokens", "max_output_tokens", "vision"];
const LIMIT_KEYS: [&str; 2] = [RPM, TPM];
const RPM: &str = "rpm";
const TPM: &str = "tpm";
const INPUT: &str = "input_usd_per_mtok";
const OUTPUT: &str = "output_usd_per_mtok";
const CACHED: &str = "cached_input_usd_per_mtok";

/// Every row. Errors name file, line and key.
pub(super) fn read(reader: &Reader, value: &Item) -> Result<Vec<ProviderEntry>> {
    let mut entries: Vec<ProviderEntry> = Vec::new();
    for item in rows(reader, value, "provider")? {
        let entry = provider(&Fields::of(reader, item, "provider", &PROVIDER_KEYS)?)?;
        if let Some(first) = entries.iter().find(|e| e.name.eq_ignore_ascii_case(&entry.name)) {
            let message = format!("{}: a second [[provider]] named `{}`", entry.source, entry.name);
            return Err(Error::new(Kind::Config, message).hint(format!("the first one is at {}", first.source)));
        }
        entries.push(entry);
    }
    Ok(entries)
}

/// The entries of `[limits]`, a table a provider. Errors name file, line and key.
pub(super) fn read_limits(reader: &Reader, value: &Item) -> Result<Vec<LimitEntry>> {
    let entry = |(key, item): (&Key, &Item)| {
        let provider = key.get_ref().as_ref().to_owned();
        let rate = Fields::of(reader, item, "limits", &LIMIT_KEYS)?.rate()?;
        Ok(LimitEntry { provider, source: reader.place_of_key(key), rate })
    };
    reader.table(value, "limits")?.iter().map(entry).collect()
}

fn rows<'v, 't>(reader: &Reader, value: &'v Item<'t>, name: &str) -> Result<&'v [Item<'t>]> {
    let array = value.get_ref().as_array();
    array.map(|array| &**array).ok_or_else(|| reader.wrong(value, name, &format!("written as [[{name}]]")))
}

fn provider(fields: &Fields) -> Result<ProviderEntry> {
    let name = fields.required("name", "a name of letters, digits, `-`, `_` and `.`", provider_name)?;
    let mut entry = ProviderEntry {
        source: fields.reader.place(fields.item),
        dialect: fields.parsed("dialect", "one of openai, anthropic, gemini, cohere", dialect)?,
        base_url: fields.base_url()?,
        api_key_env: fields.parsed("api_key_env", "the name of a variable, not a key", variable_name)?,
        priority: fields.number("priority", "a whole number from 0", |text| text.parse().ok())?,
        timeout_secs: fields.number("timeout_secs", "a number of seconds above 0", settings::secs)?,
        models: fields.words("models")?,
        sampling: Sampling {
            temperature: fields.number("temperature", TEMPERATURE, |text| up_to(text, 2.0))?,
            top_p: fields.number("top_p", TOP_P, |text| up_to(text, 1.0))?,
        },
        rate: fields.rate()?,
        rows: Vec::new(),
        name,
    };
    if let Some(rates) = fields.rates()? {
        let all = ModelRow { model: None, rates: Some(rates), ..ModelRow::default() };
        entry.rows.push(all);
    }
    for row in fields.models()? {
        add_model(&mut entry, row?, fields)?;
    }
    check_name(&entry, fields)?;
    Ok(entry)
}

fn add_model(entry: &mut ProviderEntry, row: ModelRow, fields: &Fields) -> Result<()> {
    if entry.rows.iter().any(|known| known.model == row.model) {
        let id = row.model.unwrap_or_default();
        return Err(fields.wrong_row(&format!("a second [[provider.model]] `{id}`")));
    }
    entry.models.extend(row.model.clone().filter(|id| !entry.models.contains(id)));
    entry.rows.push(row);
    Ok(())
}

/// A name of the user's own says how and where it is spoken to; a built-in one knows its dialect.
fn check_name(entry: &ProviderEntry, fields: &Fields) -> Result<()> {
    let known = table::PROVIDERS.iter().find(|row| row.name.eq_ignore_ascii_case(&entry.name));
    let complaint = match known {
        Some(row) if row.name != entry.name => format!("the built-in provider is spelled `{}`", row.name),
        Some(row) if entry.dialect.is_some_and(|dialect| dialect != row.dialect) => {
            format!("the built-in provider `{}` speaks {}", row.name, row.dialect.name())
        }
        None if entry.dialect.is_none() => format!("provider `{}` needs a `dialect`", entry.name),
        None if entry.base_url.is_none() => format!("provider `{}` needs a `base_url`", entry.name),
        _ => return Ok(()),
    };
    Err(fields.wrong_row(&complaint))
}

/// The fields of one row.
struct Fields<'r, 'v, 't> {
    reader: &'r Reader<'r>,
    item: &'v Item<'t>,
    table: &'v DeTable<'t>,
    section: &'static str,
}

impl<'r, 'v, 't> Fields<'r, 'v, 't> {
    fn of(reader: &'r Reader<'r>, item: &'v Item<'t>, section: &'static str, keys: &[&'static str]) -> Result<Self> {
        let table = reader.table(item, section)?;
        if let Some((key, _)) = table.iter().find(|(key, _)| !keys.contains(&key.get_ref().as_ref())) {
            return Err(reader.unknown(key, key.get_ref(), keys.iter().copied()));
        }
        Ok(Self { reader, item, table, section })
    }

    fn path(&self, key: &str) -> String {
        format!("{}.{key}", self.section)
    }

    /// The error that the row as a whole is wrong.
    fn wrong_row(&self, what: &str) -> Error {
        Error::new(Kind::Config, format!("{}: {what}", self.reader.place(self.item)))
    }

    /// A string that is of the allowed form.
    fn parsed<T>(&self, key: &str, allowed: &str, parse: impl Fn(&str) -> Option<T>) -> Result<Option<T>> {
        let Some(value) = self.table.get(key) else { return Ok(None) };
        let wrong = || self.reader.wrong(value, &self.path(key), allowed);
        value.get_ref().as_str().and_then(|text| parse(text.trim())).ok_or_else(wrong).map(Some)
    }

    fn required<T>(&self, key: &str, allowed: &str, parse: impl Fn(&str) -> Option<T>) -> Result<T> {
        self.parsed(key, allowed, parse)?.ok_or_else(|| self.wrong_row(&format!("`{}` is missing", self.path(key))))
    }

    fn number<T>(&self, key: &str, allowed: &str, parse: impl Fn(&str) -> Option<T>) -> Result<Option<T>> {
        let Some(value) = self.table.get(key) else { return Ok(None) };
        let text = self.reader.number(value, &self.path(key), allowed)?;
        parse(&text).ok_or_else(|| self.reader.wrong(value, &self.path(key), allowed)).map(Some)
    }

    fn flag(&self, key: &str) -> Result<Option<bool>> {
        let Some(value) = self.table.get(key) else { return Ok(None) };
        let wrong = || self.reader.wrong(value, &self.path(key), "true or false");
        value.get_ref().as_bool().ok_or_else(wrong).map(Some)
    }

    /// Requests and tokens a minute, where they are limited.
    fn rate(&self) -> Result<RateLimit> {
        let limit = |key| self.number(key, "a whole number from 1", |text| text.parse().ok().filter(|n| *n >= 1));
        Ok(RateLimit { rpm: limit(RPM)?, tpm: limit(TPM)? })
    }

    fn words(&self, key: &str) -> Result<Vec<String>> {
        let list = |value| self.reader.words(value, &self.path(key));
        self.table.get(key).map_or_else(|| Ok(Vec::new()), list)
    }

    fn base_url(&self) -> Result<Option<(String, Source)>> {
        let Some(value) = self.table.get("base_url") else { return Ok(None) };
        Ok(Some((self.reader.base_url(value, &self.path("base_url"))?, self.reader.place(value))))
    }

    /// The price, if there is one: input and output together, or neither.
    fn rates(&self) -> Result<Option<Rates>> {
        const ALLOWED: &str = "a price in USD per million tokens, from 0";
        let rate = |key| self.number(key, ALLOWED, |text| Rate::from_usd_per_mtok(text.parse().ok()?));
        match (rate(INPUT)?, rate(OUTPUT)?, rate(CACHED)?) {
            (Some(input), Some(output), cached_input) => Ok(Some(Rates { cached_input, ..Rates::new(input, output) })),
            (None, None, None) => Ok(None),
            _ => Err(self.wrong_row(&format!("a price needs both `{INPUT}` and `{OUTPUT}`"))),
        }
    }

    fn models(&self) -> Result<impl Iterator<Item = Result<ModelRow>>> {
        let items = match self.table.get("model") {
            Some(value) => rows(self.reader, value, "provider.model")?,
            None => &[],
        };
        Ok(items.iter().map(|item| model(&Fields::of(self.reader, item, "provider.model", &MODEL_KEYS)?)))
    }
}

fn model(fields: &Fields) -> Result<ModelRow> {
    let tokens = |key| fields.number(key, "a whole number from 1", |text| text.parse().ok().filter(|n| *n >= 1));
    Ok(ModelRow {
        model: Some(fields.required("id", "a string with something in it", |id| (!id.is_empty()).then(|| id.into()))?),
        rates: fields.rates()?,
        context_tokens: tokens("context_tokens")?,
        max_output_tokens: tokens("max_output_tokens")?,
        vision: fields.flag("vision")?,
    })
}

fn up_to(text: &str, most: f64) -> Option<f64> {
    text.parse().ok().filter(|n| (0.0..=most).contains(n))
}

/// Without `/`, which parts provider and model in `-m a/b`.
fn provider_name(text: &str) -> Option<String> {
    let plain = text.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c));
    (plain && !text.is_empty() && text.len() <= 64).then(|| text.to_owned())
}

fn dialect(text: &str) -> Option<DialectKind> {
    DIALECTS.into_iter().find(|dialect| dialect.name() == text)
}

fn variable_name(text: &str) -> Option<String> {
    let plain = text.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_');
    (plain && text.starts_with(|c: char| !c.is_ascii_digit())).then(|| text.to_owned())
}
