//! The files of `mods`: `mods.yml` with its APIs, and the conversations it has kept.

use std::path::Path;

use serde_json::Value;

use super::found::{self, Found, key_variable, provider};
use super::gob;
use crate::config::NewProvider;
use crate::error::Result;
use crate::store::{ImportedConversation, ImportedTurn, foreign};

/// APIs of its own example config that nobody has set up by having that file.
const EXAMPLES: &[(&str, &str)] =
    &[("localai", "http://localhost:8080"), ("runpod", ""), ("copilot", ""), ("github-models", "")];

/// Reads its config folder and its data folder.
pub fn read(folder: &Path, data: &Path, found: &mut Found) -> Result<()> {
    let path = folder.join("mods.yml");
    if let Some(config) = found::yaml(&path)? {
        found.files.push(path);
        let text = |name: &str| config.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
        found.default_model = text("default-model").map(|model| match text("default-api") {
            Some(api) => format!("{}/{model}", provider(api).unwrap_or(api)),
            None => model.to_owned(),
        });
        for (name, settings) in config.get("apis").and_then(Value::as_object).into_iter().flatten() {
            api(found, name, settings);
        }
        let roles = config.get("roles").and_then(Value::as_object).map_or(0, serde_json::Map::len);
        if roles > 0 {
            found.left.push(format!("{roles} roles"));
        }
    }
    history(found, data)
}

fn api(found: &mut Found, name: &str, api: &Value) {
    let text = |key: &str| api.get(key).and_then(Value::as_str).filter(|text| !text.is_empty());
    let known = provider(name);
    let variable = text("api-key-env").map(str::to_owned);
    let keyed = variable.is_some() || text("api-key").is_some();
    let variable = variable.filter(|_| known.is_none()).unwrap_or_else(|| key_variable(name));
    let models = api.get("models").and_then(Value::as_object);
    let example = EXAMPLES
        .iter()
        .any(|(known, base)| *known == name && text("base-url").is_none_or(|b| b == *base || base.is_empty()));
    if example {
        return;
    }
    if keyed {
        found.key(name, &variable);
    }
    if known.is_none() {
        let names: Vec<String> = models.into_iter().flatten().map(|(model, _)| model.clone()).collect();
        let Some(base) = text("base-url").filter(|_| !names.is_empty()) else {
            found.left.push(format!("API `{name}`, which has no address or no models"));
            return;
        };
        let base_url = base.to_owned();
        let api_key_env = keyed.then_some(variable);
        found.additions.providers.push(NewProvider { name: name.to_owned(), base_url, api_key_env, models: names });
    }
    let name = known.unwrap_or(name);
    for (model, settings) in models.into_iter().flatten() {
        let aliases = settings.get("aliases").and_then(Value::as_array).into_iter().flatten();
        for alias in aliases.filter_map(Value::as_str) {
            found.alias(alias, &format!("{name}/{model}"));
        }
    }
}

/// Its index says when and with which model, its files what was said.
fn history(found: &mut Found, data: &Path) -> Result<()> {
    let folder = data.join("conversations");
    let paths = found::files(&folder, "gob");
    if paths.is_empty() {
        return Ok(());
    }
    let index = [folder.join("mods.db"), data.join("mods.db")].into_iter().find(|path| path.is_file());
    let index = index.map(|path| foreign::mods_index(&path)).transpose()?.unwrap_or_default();
    found.files.push(folder);
    for path in paths {
        let id = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let row = index.get(&id).cloned().unwrap_or_default();
        let at = if row.at.0 > 0 { row.at } else { found::changed(&path) };
        let like = ImportedTurn { at, provider: row.api, model: row.model, ..ImportedTurn::default() };
        let messages = match found::read(&path) {
            Ok(bytes) => bytes.as_deref().and_then(gob::decode),
            Err(error) => {
                found.problems.push(error.message);
                continue;
            }
        };
        let Some(messages) = messages else {
            found.problems.push(format!("{}: not a conversation of mods", path.display()));
            continue;
        };
        let text = |of: &gob::Value, name: &str| of.field(name).and_then(gob::Value::text).unwrap_or_default();
        let message = |m: &gob::Value| (text(m, "Role").to_ascii_lowercase(), text(m, "Content"));
        let (system, turns) = found::turns(messages.elements().iter().map(message).collect(), &like);
        if !turns.is_empty() {
            found.conversations.push(ImportedConversation { source: id, name: None, system, turns });
        }
    }
    Ok(())
}
