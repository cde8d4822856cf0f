//! Prompts that are used again: TOML files in the config folder's `templates/`, never from a working folder.
//!
//! What a template says is a default for the flags of the same name. Texts that take a variable's place are literal:
//! what looks like a variable in them is not one.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};
use toml::de::{DeTable, DeValue};

use super::closest::closest;
use super::file::{Item, Reader};
use super::private;
use super::sampling::{TEMPERATURE, TOP_P, within};
use crate::cli::Question;
use crate::error::{Error, Kind, Result};
use crate::host;
use crate::types::{Effort, Strategy, TierWish};

/// The variable that stands for what the person gives: words, files, standard input.
const INPUT: &str = "input";
/// The longest name, in bytes.
const LONGEST_NAME: usize = 64;
const KEYS: [&str; 14] = [
    "system",
    "prompt",
    "variables",
    "model",
    "providers",
    "tier",
    "temperature",
    "top_p",
    "max_tokens",
    "effort",
    "stop",
    "strategy",
    "fallbacks",
    "schema",
];
const OPTIONS: &str = "options";

/// Where a template's schema is.
#[derive(Debug, Clone, PartialEq)]
pub enum SchemaPlace {
    /// In a file; the path is whole.
    File(PathBuf),
    /// In the template itself.
    Inline(Value),
}

/// A template.
#[derive(Debug, Clone, Default)]
pub struct Template {
    /// Its name.
    pub name: String,
    /// Its file.
    pub path: PathBuf,
    /// The prompt, with `{{input}}` and `{{variables}}`.
    pub prompt: Option<String>,
    /// What variables are when nothing else is said.
    pub defaults: BTreeMap<String, String>,
    /// What the answer must fit.
    pub schema: Option<SchemaPlace>,
    /// Everything else, as flags.
    pub flags: Question,
}

/// The folder of the templates.
pub fn folder(config_dir: &Path) -> PathBuf {
    config_dir.join("templates")
}

/// The names of all templates, sorted.
pub fn names(config_dir: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder(config_dir)).into_iter().flatten().flatten();
    let name = |entry: std::fs::DirEntry| entry.file_name().to_str()?.strip_suffix(".toml").map(str::to_owned);
    let mut names: Vec<String> = entries.filter_map(name).filter(|name| check_name(name).is_ok()).collect();
    names.sort();
    names
}

/// The file of the template of that name, which need not be there.
pub fn path_of(config_dir: &Path, name: &str) -> Result<PathBuf> {
    check_name(name)?;
    Ok(folder(config_dir).join(format!("{name}.toml")))
}

/// The text of a template's file. Fails (exit 2) where there is none, with the nearest name that there is.
pub fn text_of(config_dir: &Path, name: &str) -> Result<String> {
    let path = path_of(config_dir, name)?;
    let Some(bytes) = host::read_regular(&path)? else { return Err(unknown(config_dir, name)) };
    String::from_utf8(bytes).map_err(|_| Error::new(Kind::Config, format!("{}: not UTF-8", path.display())))
}

/// Writes a template's file, for the user alone; one that is there is only replaced with `force`.
pub fn write(config_dir: &Path, name: &str, text: &str, force: bool) -> Result<PathBuf> {
    let path = path_of(config_dir, name)?;
    private::create_folder(&folder(config_dir))?;
    let wrote = match force {
        true => return private::replace(&path, text.as_bytes()).map(|()| path),
        false => private::write_new(&path, text.as_bytes()),
    };
    match wrote {
        Ok(()) => Ok(path),
        Err(e) if e.kind() == std::io::ErrorKind::AlreadyExists => {
            let message = format!("there is a template `{name}` already: {}", path.display());
            Err(Error::new(Kind::Usage, message).hint("--force replaces it"))
        }
        Err(e) => Err(private::cannot_write(&path, &e)),
    }
}

/// Removes a template's file.
pub fn remove(config_dir: &Path, name: &str) -> Result<()> {
    let path = path_of(config_dir, name)?;
    match std::fs::remove_file(&path) {
        Ok(()) => Ok(()),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Err(unknown(config_dir, name)),
        Err(e) => Err(Error::new(Kind::Other, format!("{} cannot be removed: {e}", path.display()))),
    }
}

fn unknown(config_dir: &Path, name: &str) -> Error {
    let known = names(config_dir);
    let error = Error::new(Kind::Usage, format!("there is no template `{name}`"));
    match closest(name, known.iter().map(String::as_str)) {
        Some(near) => error.hint(format!("did you mean `{near}`?")),
        None if known.is_empty() => error.hint("`llmr template new NAME PROMPT` writes one"),
        None => error.hint(format!("there are {}", known.join(", "))),
    }
}

/// Names are file names everywhere, and no paths.
fn check_name(name: &str) -> Result<()> {
    let plain = name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b));
    match plain && !name.is_empty() && !name.starts_with('.') && name.len() <= LONGEST_NAME {
        true => Ok(()),
        false => Err(Error::new(Kind::Usage, format!("`{name}` is not a template's name"))
            .hint("a name has letters, digits, `-`, `_` and `.`, at most 64, and does not begin with a dot")),
    }
}

impl Template {
    /// Reads a template. Errors name file, line and key.
    pub fn load(config_dir: &Path, name: &str) -> Result<Self> {
        Self::parse(&text_of(config_dir, name)?, name, &path_of(config_dir, name)?)
    }

    /// Reads the text of a template.
    pub fn parse(text: &str, name: &str, path: &Path) -> Result<Self> {
        let reader = Reader::new(text, path);
        let document = DeTable::parse(text).map_err(|e| reader.not_toml(&e))?;
        let mut template = Self { name: name.to_owned(), path: path.to_owned(), ..Self::default() };
        for (key, value) in document.get_ref() {
            let name = key.get_ref().as_ref();
            if !KEYS.contains(&name) && name != OPTIONS {
                return Err(reader.unknown(key, name, KEYS.into_iter().chain([OPTIONS])));
            }
            template.take(&reader, name, value)?;
        }
        Ok(template)
    }

    fn take(&mut self, reader: &Reader, key: &str, value: &Item) -> Result<()> {
        let flags = &mut self.flags;
        match key {
            "prompt" => self.prompt = Some(text(reader, key, value)?),
            "variables" => {
                self.defaults = reader.entries(value, key, |reader, value, name| text(reader, name, value))?
            }
            "schema" => self.schema = Some(schema_place(reader, key, value, &self.path)?),
            OPTIONS => {
                let fields = reader.table(value, key)?.iter();
                flags.options = fields.map(|(name, value)| format!("{}={}", name.get_ref(), json(value))).collect();
            }
            _ => _ = take_flag(flags, reader, key, key, value)?,
        }
        Ok(())
    }

    /// Whether the prompt says where the input goes.
    pub fn places_input(&self) -> bool {
        self.prompt.as_deref().is_some_and(|prompt| names_in(prompt).any(|name| name == INPUT))
    }

    /// Every variable it names, without the input, in their order.
    pub fn variables(&self) -> Vec<String> {
        let texts = self.prompt.iter().chain(&self.flags.system);
        let mut found: Vec<String> = Vec::new();
        for name in texts.flat_map(|text| names_in(text)).filter(|name| *name != INPUT) {
            if !found.iter().any(|known| known == name) {
                found.push(name.to_owned());
            }
        }
        found
    }

    /// The values of all its variables. Fails (exit 2) for one without a value, and for a value without a variable.
    pub fn values(&self, given: &BTreeMap<String, String>) -> Result<BTreeMap<String, String>> {
        let known = self.variables();
        if let Some(name) = given.keys().find(|name| !known.contains(name)) {
            let error = Error::new(Kind::Usage, format!("template `{}` has no variable `{name}`", self.name));
            return Err(match known.is_empty() {
                true => error.hint("it has none"),
                false => error.hint(format!("it has {}", known.join(", "))),
            });
        }
        let value = |name: String| match given.get(&name).or_else(|| self.defaults.get(&name)) {
            Some(value) => Ok((name, value.clone())),
            None => Err(Error::new(Kind::Usage, format!("template `{}` needs the variable `{name}`", self.name))
                .hint(format!("--var {name}=VALUE, or a default under [variables] in {}", self.path.display()))),
        };
        known.into_iter().map(value).collect()
    }

    /// The system prompt with these values.
    pub fn system(&self, values: &BTreeMap<String, String>) -> Option<String> {
        self.flags.system.as_deref().map(|text| substituted(text, values, None))
    }

    /// What is asked with this input: the input in its place, else behind the prompt as if it had been typed there.
    /// `None`: there is no input, and without one there is nothing to ask.
    pub fn asks(&self, values: &BTreeMap<String, String>, input: Option<&str>) -> Option<String> {
        match (self.prompt(values, input), input) {
            (None, input) => input.map(str::to_owned),
            (Some(_), None) if self.places_input() => None,
            (Some(own), Some(input)) if !self.places_input() => Some(format!("{own}\n\n{input}")),
            (Some(own), _) => Some(own),
        }
    }

    /// The prompt with these values and, where it has a place for it, the input.
    pub fn prompt(&self, values: &BTreeMap<String, String>, input: Option<&str>) -> Option<String> {
        self.prompt.as_deref().map(|text| substituted(text, values, input))
    }
}

/// The flags, with these defaults where they say nothing. Each flag wins over its own default alone.
pub fn fill(given: &Question, defaults: &Question) -> Question {
    let list = |given: &[String], own: &[String]| if given.is_empty() { own.to_vec() } else { given.to_vec() };
    Question {
        system: given.system.clone().or(defaults.system.clone()),
        model: given.model.clone().or(defaults.model.clone()),
        providers: list(&given.providers, &defaults.providers),
        fallbacks: list(&given.fallbacks, &defaults.fallbacks),
        tier: given.tier.clone().or(defaults.tier.clone()),
        min_quality: given.min_quality.or(defaults.min_quality),
        temperature: given.temperature.or(defaults.temperature),
        top_p: given.top_p.or(defaults.top_p),
        max_tokens: given.max_tokens.or(defaults.max_tokens),
        effort: given.effort.clone().or(defaults.effort.clone()),
        stop: list(&given.stop, &defaults.stop),
        strategy: given.strategy.clone().or(defaults.strategy.clone()),
        // The later one of a name wins.
        options: defaults.options.iter().chain(&given.options).cloned().collect(),
        ..given.clone()
    }
}

/// Takes the default of a flag over; whether it is one. `path` is how the key is called in errors.
pub(super) fn take_flag(flags: &mut Question, reader: &Reader, key: &str, path: &str, value: &Item) -> Result<bool> {
    match key {
        "system" => flags.system = Some(text(reader, path, value)?),
        "model" => flags.model = Some(reader.word(value, path)?),
        "providers" => flags.providers = reader.words(value, path)?,
        "fallbacks" => flags.fallbacks = reader.words(value, path)?,
        "stop" => flags.stop = texts(reader, path, value)?,
        "tier" => flags.tier = Some(one_of::<TierWish>(reader, path, value)?),
        "effort" => flags.effort = Some(one_of::<Effort>(reader, path, value)?),
        "strategy" => flags.strategy = Some(one_of::<Strategy>(reader, path, value)?),
        "temperature" => flags.temperature = Some(within(reader, path, value, 2.0, TEMPERATURE)?),
        "top_p" => flags.top_p = Some(within(reader, path, value, 1.0, TOP_P)?),
        "max_tokens" => {
            let allowed = "a whole number from 1";
            let count = reader.number(value, path, allowed)?.parse().ok().filter(|n| *n >= 1);
            flags.max_tokens = Some(count.ok_or_else(|| reader.wrong(value, path, allowed))?);
        }
        _ => return Ok(false),
    }
    Ok(true)
}

/// A value as `config show` prints it.
pub(super) fn shown(value: &Item) -> String {
    match json(value) {
        Value::String(text) => text,
        Value::Array(items) => {
            items.iter().map(|item| item.as_str().unwrap_or_default()).collect::<Vec<_>>().join(", ")
        }
        other => other.to_string(),
    }
}

fn text(reader: &Reader, name: &str, value: &Item) -> Result<String> {
    value.get_ref().as_str().map(str::to_owned).ok_or_else(|| reader.wrong(value, name, "a string"))
}

/// A list of texts, white space and all; one alone may stand without brackets.
fn texts(reader: &Reader, name: &str, value: &Item) -> Result<Vec<String>> {
    match value.get_ref().as_array() {
        Some(items) => items.iter().map(|item| text(reader, name, item)).collect(),
        None => Ok(vec![text(reader, name, value)?]),
    }
}

fn one_of<T: std::str::FromStr<Err = String>>(reader: &Reader, key: &str, value: &Item) -> Result<String> {
    let word = reader.word(value, key)?;
    match word.parse::<T>() {
        Ok(_) => Ok(word),
        Err(why) => Err(Error::new(Kind::Config, format!("{}: {why}", reader.place(value).naming(key)))),
    }
}

fn schema_place(reader: &Reader, key: &str, value: &Item, path: &Path) -> Result<SchemaPlace> {
    match value.get_ref() {
        DeValue::Table(_) => Ok(SchemaPlace::Inline(json(value))),
        DeValue::String(_) => {
            Ok(SchemaPlace::File(path.parent().unwrap_or(Path::new("")).join(reader.word(value, key)?)))
        }
        _ => Err(reader.wrong(value, key, "the path of a JSON Schema, or the schema as a table")),
    }
}

/// A TOML value as JSON; dates are texts there.
fn json(value: &Item) -> Value {
    match value.get_ref() {
        DeValue::String(text) => Value::String(text.to_string()),
        DeValue::Integer(integer) => {
            let digits = integer.as_str();
            i64::from_str_radix(digits, integer.radix()).map_or_else(|_| Value::String(digits.to_owned()), Value::from)
        }
        DeValue::Float(float) => float.as_str().parse::<f64>().map_or(Value::Null, Value::from),
        DeValue::Boolean(flag) => Value::Bool(*flag),
        DeValue::Datetime(time) => Value::String(time.to_string()),
        DeValue::Array(items) => items.iter().map(json).collect(),
        DeValue::Table(fields) => {
            let field = |(key, value): (&super::file::Key, &Item)| (key.get_ref().to_string(), json(value));
            Value::Object(fields.iter().map(field).collect::<Map<_, _>>())
        }
    }
}

/// A text as its literal pieces, each with the name of the variable behind it.
fn pieces(text: &str) -> Vec<(&str, Option<&str>)> {
    let mut pieces = Vec::new();
    let (mut rest, mut literal) = (text, 0);
    while let Some(at) = rest[literal..].find("{{").map(|at| literal + at) {
        let named = rest[at + 2..].split_once("}}").and_then(|(inner, after)| Some((variable(inner.trim())?, after)));
        match named {
            Some((name, after)) => {
                pieces.push((&rest[..at], Some(name)));
                (rest, literal) = (after, 0);
            }
            None => literal = at + 2,
        }
    }
    pieces.push((rest, None));
    pieces
}

fn names_in(text: &str) -> impl Iterator<Item = &str> {
    pieces(text).into_iter().filter_map(|(_, name)| name)
}

/// The name of a variable: a letter, then letters, digits, `_` and `-`.
fn variable(name: &str) -> Option<&str> {
    let plain = name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b));
    (plain && name.starts_with(|c: char| c.is_ascii_alphabetic())).then_some(name)
}

fn substituted(text: &str, values: &BTreeMap<String, String>, input: Option<&str>) -> String {
    pieces(text).into_iter().fold(String::new(), |mut out, (literal, name)| {
        out.push_str(literal);
        match name {
            Some(INPUT) => out.push_str(input.unwrap_or_default()),
            Some(name) => out.push_str(values.get(name).map_or("", String::as_str)),
            None => {}
        }
        out
    })
}

/// `NAME=VALUE` of `--var`; the last one of a name counts.
pub fn given_variables(given: &[String]) -> Result<BTreeMap<String, String>> {
    let split = |text: &String| match text.split_once('=').map(|(name, value)| (variable(name), value)) {
        Some((Some(INPUT), _)) => Err(Error::new(Kind::Usage, "--var input: the input is the prompt, not a variable")),
        Some((Some(name), value)) => Ok((name.to_owned(), value.to_owned())),
        _ => Err(Error::new(Kind::Usage, format!("--var {text} is not of the form NAME=VALUE"))),
    };
    given.iter().map(split).collect()
}

/// The text of a template that says this: the keys in their order, each on a line of its own.
pub fn written(flags: &Question, prompt: &str) -> String {
    let mut out = String::new();
    let mut put = |key: &str, value: Option<toml::Value>| {
        if let Some(value) = value {
            // Writing to a String cannot fail.
            _ = writeln!(out, "{key} = {value}");
        }
    };
    let text = |value: &Option<String>| value.clone().map(toml::Value::String);
    let list = |values: &[String]| (!values.is_empty()).then(|| values.to_vec().into());
    put("system", text(&flags.system));
    put("prompt", (!prompt.is_empty()).then(|| prompt.into()));
    put("model", text(&flags.model));
    put("providers", list(&flags.providers));
    put("fallbacks", list(&flags.fallbacks));
    put("tier", text(&flags.tier));
    put("strategy", text(&flags.strategy));
    put("temperature", flags.temperature.map(Into::into));
    put("top_p", flags.top_p.map(Into::into));
    put("max_tokens", flags.max_tokens.and_then(|n| i64::try_from(n).ok()).map(Into::into));
    put("effort", text(&flags.effort));
    put("stop", list(&flags.stop));
    put("schema", flags.schema.as_ref().map(|path| path.display().to_string().into()));
    for option in flags.options.iter().filter_map(|option| option.split_once('=')) {
        let value = serde_json::from_str::<toml::Value>(option.1).unwrap_or_else(|_| option.1.into());
        put(&format!("options.\"{}\"", option.0), Some(value));
    }
    out
}

#[cfg(test)]
mod tests;
