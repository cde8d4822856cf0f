//! The files of `llm`: `keys.json`, `aliases.json`, `default_model.txt`, `extra-openai-models.yaml`, `logs.db`.

use std::path::Path;

use serde_json::Value;

use super::found::{self, Found, key_variable};
use crate::config::NewProvider;
use crate::error::Result;
use crate::store::foreign;

/// Reads what is in its folder.
pub fn read(folder: &Path, found: &mut Found) -> Result<()> {
    keys(found, &folder.join("keys.json"))?;
    if let Some(Value::Object(aliases)) = note(found, &folder.join("aliases.json"), found::json)? {
        for (name, model) in aliases {
            if let Some(model) = model.as_str() {
                found.alias(&name, model);
            }
        }
    }
    found.default_model = note(found, &folder.join("default_model.txt"), found::line)?;
    if let Some(models) = note(found, &folder.join("extra-openai-models.yaml"), found::yaml)? {
        models.as_array().into_iter().flatten().for_each(|model| extra_model(found, model));
    }
    let templates = found::files(&folder.join("templates"), "yaml").len();
    if templates > 0 {
        found.left.push(format!("{templates} templates in {}", folder.join("templates").display()));
    }
    let logs = folder.join("logs.db");
    if logs.is_file() {
        let log = foreign::llm_log(&logs)?;
        found.files.push(logs);
        found.conversations = log.conversations;
        if log.too_long > 0 {
            found.left.push(format!("{} responses that are longer than 16 MiB", log.too_long));
        }
        if log.attachments > 0 {
            found.left.push(format!("{} attachments of its history", log.attachments));
        }
    }
    Ok(())
}

/// Reads a file, and notes that it was there.
fn note<T>(found: &mut Found, path: &Path, read: fn(&Path) -> Result<Option<T>>) -> Result<Option<T>> {
    let content = read(path)?;
    if content.is_some() {
        found.files.push(path.to_owned());
    }
    Ok(content)
}

/// The names of keys: the keys themselves are not looked at.
fn keys(found: &mut Found, path: &Path) -> Result<()> {
    let Some(Value::Object(keys)) = note(found, path, found::json)? else { return Ok(()) };
    for name in keys.keys().filter(|name| !name.starts_with("//")) {
        found.key(name, &key_variable(name));
    }
    Ok(())
}

/// One model of `extra-openai-models.yaml`: OpenAI's own without `api_base`, else one of a server of the user's.
fn extra_model(found: &mut Found, model: &Value) {
    let text = |name: &str| model.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
    let Some(id) = text("model_id") else { return };
    let name = text("model_name").unwrap_or(id);
    let key = text("api_key_name");
    let full = match text("api_base") {
        None => format!("openai/{name}"),
        Some(base) => {
            let server = server(base);
            let row = found.additions.providers.iter_mut().find(|row| row.base_url == base);
            match row {
                Some(row) => row.models.push(name.to_owned()),
                None => found.additions.providers.push(NewProvider {
                    name: server.clone(),
                    base_url: base.to_owned(),
                    api_key_env: key.map(key_variable),
                    models: vec![name.to_owned()],
                }),
            }
            format!("{server}/{name}")
        }
    };
    if let Some(key) = key {
        found.key(key, &key_variable(key));
    }
    found.alias(id, &full);
    for alias in model.get("aliases").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str) {
        found.alias(alias, &full);
    }
}

/// A name for the server at an address: its host, and its port where it has one.
fn server(base: &str) -> String {
    let authority = base.split_once("://").map_or(base, |(_, rest)| rest).split('/').next().unwrap_or_default();
    let plain = |c: char| if c.is_ascii_alphanumeric() || c == '.' { c } else { '-' };
    let name: String = authority.chars().map(plain).collect();
    match found::provider(&name) {
        // A built-in name would change that provider.
        Some(_) => format!("{name}-llm"),
        None => name,
    }
}
