//! The files of `aichat`: `config.yaml` with its clients, `sessions/*.yaml`, `roles/*.md`.

use std::path::Path;

use serde_json::Value;

use super::found::{self, Found, key_variable, provider};
use crate::config::NewProvider;
use crate::error::Result;
use crate::store::{ImportedConversation, ImportedTurn};

/// Reads what is in its folder.
pub fn read(folder: &Path, found: &mut Found) -> Result<()> {
    let path = folder.join("config.yaml");
    if let Some(config) = found::yaml(&path)? {
        found.files.push(path);
        found.default_model = config.get("model").and_then(Value::as_str).map(ours);
        for item in config.get("clients").and_then(Value::as_array).into_iter().flatten() {
            client(found, item);
        }
    }
    for name in ["sessions", "sessions/_"] {
        sessions(found, &folder.join(name));
    }
    for (name, ending, what) in [("roles", "md", "roles"), ("macros", "yaml", "macros")] {
        let count = found::files(&folder.join(name), ending).len();
        if count > 0 {
            found.left.push(format!("{count} {what} in {}", folder.join(name).display()));
        }
    }
    let messages = folder.join("messages.md");
    if messages.is_file() {
        found.left.push(format!("{}, which has no turns to tell apart", messages.display()));
    }
    Ok(())
}

/// `openai:gpt-x` is `openai/gpt-x` here.
fn ours(model: &str) -> String {
    match model.split_once(':') {
        Some((client, model)) => format!("{}/{model}", provider(client).unwrap_or(client)),
        None => model.to_owned(),
    }
}

fn client(found: &mut Found, client: &Value) {
    let text = |name: &str| client.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
    let kind = text("type").unwrap_or_default();
    let name = text("name").unwrap_or(kind);
    let keyed = text("api_key").is_some();
    if keyed {
        found.key(name, &key_variable(name));
    }
    let models = client.get("models").and_then(Value::as_array).into_iter().flatten();
    let models: Vec<String> = models.filter_map(|m| m.get("name").or(Some(m))?.as_str().map(str::to_owned)).collect();
    if kind != "openai-compatible" || provider(name).is_some() {
        return;
    }
    match (text("api_base"), models.is_empty()) {
        (Some(base), false) => found.additions.providers.push(NewProvider {
            name: name.to_owned(),
            base_url: base.to_owned(),
            api_key_env: keyed.then(|| key_variable(name)),
            models,
        }),
        (Some(_), true) => found.left.push(format!("client `{name}`, which names no models")),
        (None, _) => found.left.push(format!("client `{name}`, which has no address")),
    }
}

fn sessions(found: &mut Found, folder: &Path) {
    let paths = found::files(folder, "yaml");
    if !paths.is_empty() {
        found.files.push(folder.to_owned());
    }
    for path in paths {
        match found::yaml(&path) {
            Ok(session) => found.conversations.extend(session.and_then(|session| conversation(&path, &session))),
            Err(error) => found.problems.push(error.message),
        }
    }
}

/// A session; `None` for one without any message.
fn conversation(path: &Path, session: &Value) -> Option<ImportedConversation> {
    let name = path.file_stem()?.to_string_lossy().into_owned();
    let model = session.get("model").and_then(Value::as_str).map(ours);
    let (provider, model) = match model.as_deref().and_then(|model| model.split_once('/')) {
        Some((provider, model)) => (Some(provider.to_owned()), Some(model.to_owned())),
        None => (None, model),
    };
    let list = |key: &str| session.get(key).and_then(Value::as_array).into_iter().flatten();
    let message = |m: &Value| Some((m.get("role")?.as_str()?.to_owned(), content(m.get("content")?)));
    // What was compressed is whole in the file, before what was not.
    let messages: Vec<_> = list("compressed_messages").chain(list("messages")).filter_map(message).collect();
    let like = ImportedTurn { at: found::changed(path), provider, model, ..ImportedTurn::default() };
    let (system, turns) = found::turns(messages, &like);
    (!turns.is_empty()).then(|| ImportedConversation { source: name.clone(), name: Some(name), system, turns })
}

/// A text, or the texts of a list of parts; of a picture its address.
fn content(value: &Value) -> String {
    let part = |part: &Value| {
        let text = part.get("text").and_then(Value::as_str);
        text.or_else(|| part.pointer("/image_url/url")?.as_str()).map(str::to_owned)
    };
    match value {
        Value::String(text) => text.clone(),
        Value::Array(parts) => parts.iter().filter_map(part).collect::<Vec<_>>().join("\n"),
        _ => String::new(),
    }
}
