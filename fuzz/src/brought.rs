//! What `llmr import` reads: the files of other programs.

use std::path::Path;

use llmr::commands::import::found::Found;
use llmr::commands::import::{aichat, gob, llm, mods};
use llmr::error::Error;
use llmr::store::foreign;

use super::feed::{self, Folder};

/// Go's gob encoding: what is read is no larger than a bound, and what is cut is never read as something else.
pub fn gob(data: &[u8]) {
    let whole = gob::decode(data);
    assert!(whole.as_ref().is_none_or(|value| size(value) <= 100 * data.len()), "{} bytes became many", data.len());
    assert_eq!(gob::decode(data), whole);
    if whole.is_some() {
        let more = [data, b"\x03and more"].concat();
        assert_eq!(gob::decode(&more), whole, "what follows a value is not part of it");
    }
}

fn size(value: &gob::Value) -> usize {
    1 + match value {
        gob::Value::Number(_) => 0,
        gob::Value::Bytes(bytes) => bytes.len(),
        gob::Value::List(list) => list.iter().map(size).sum(),
        gob::Value::Struct(fields) => fields.iter().map(|(name, value)| name.len() + size(value)).sum(),
    }
}

/// Reads a folder of one file whose name the first byte chooses.
fn read(target: &str, names: &[&str], data: &[u8], reader: impl Fn(&Path, &mut Found) -> Result<(), Error>) {
    let ([choice], body) = feed::choices(data);
    let folder = Folder::new(target);
    let path = folder.write(names[usize::from(choice) % names.len()], body);
    let mut found = Found::default();
    let done = reader(folder.path(), &mut found);
    let file = path.to_str().expect("a path that is text");
    if let Err(error) = done {
        assert!(error.exit_code() == 2 && error.message.contains(file), "{error}");
    }
    let variable = |name: &str| name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    for (n, key) in found.keys.iter().enumerate() {
        assert!(found.keys[..n].iter().all(|other| other.variable != key.variable), "{:?}", found.keys);
        assert!(variable(&key.variable) || feed::text(body).contains("api-key-env"), "{key:?}");
    }
    assert!(found.additions.aliases.iter().all(|(name, model)| name != model));
    for conversation in &found.conversations {
        assert!(!conversation.turns.is_empty() && !conversation.source.is_empty(), "{conversation:?}");
    }
}

/// The files of `aichat`.
pub fn aichat(data: &[u8]) {
    read("aichat", &["config.yaml", "sessions/one.yaml"], data, aichat::read);
}

/// The files of `llm`, but for its database.
pub fn llm(data: &[u8]) {
    let names = ["keys.json", "aliases.json", "default_model.txt", "extra-openai-models.yaml"];
    read("llm", &names, data, llm::read);
}

/// The files of `mods`.
pub fn mods(data: &[u8]) {
    let both = |folder: &Path, found: &mut Found| mods::read(folder, folder, found);
    read("mods", &["mods.yml", "conversations/one.gob", "conversations/mods.db"], data, both);
}

/// The database of `llm`.
pub fn llm_log(data: &[u8]) {
    let folder = Folder::new("llm_log");
    let path = folder.write("logs.db", data);
    let Ok(log) = foreign::llm_log(&path) else { return };
    assert!(log.conversations.iter().all(|conversation| !conversation.turns.is_empty()));
    assert_eq!(std::fs::read(&path).expect("the file is there"), data, "it is only read");
}
