//! What another tool's files hold, before anything is done with it; and what all three readers share.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use serde_json::Value;

use crate::config::Additions;
use crate::error::{Error, Kind, Result};
use crate::providers::table;
use crate::store::{ImportedConversation, ImportedTurn};
use crate::types::Timestamp;

/// The largest file that is read whole: a session of a year's talk is far smaller.
pub const MAX_FILE_BYTES: u64 = 32 << 20;
/// So many files of a folder are read at most.
pub const MOST_FILES: usize = 100_000;

/// What was found.
#[derive(Debug, Default)]
pub struct Found {
    /// Files and folders that were read.
    pub files: Vec<PathBuf>,
    /// The names of keys, with the variable that llmr reads; never a key.
    pub keys: Vec<KeyName>,
    /// Aliases and providers for the config.
    pub additions: Additions,
    /// The model that is asked when none is named.
    pub default_model: Option<String>,
    /// The history.
    pub conversations: Vec<ImportedConversation>,
    /// What is left where it is, and why.
    pub left: Vec<String>,
    /// Files that could not be read.
    pub problems: Vec<String>,
}

/// A key by its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyName {
    /// As the other tool calls it.
    pub name: String,
    /// The variable in which llmr looks for it.
    pub variable: String,
}

impl Found {
    /// Notes a key by its name; each variable once.
    pub fn key(&mut self, name: &str, variable: &str) {
        if !self.keys.iter().any(|known| known.variable == variable) {
            self.keys.push(KeyName { name: name.to_owned(), variable: variable.to_owned() });
        }
    }

    /// Notes an alias; one that stands for itself is none.
    pub fn alias(&mut self, name: &str, model: &str) {
        if name != model && !self.additions.aliases.iter().any(|(known, _)| known == name) {
            self.additions.aliases.push((name.to_owned(), model.to_owned()));
        }
    }
}

/// The built-in provider that another tool knows by this name.
pub fn provider(name: &str) -> Option<&'static str> {
    let name = name.to_ascii_lowercase();
    let ours = match name.as_str() {
        "claude" => "anthropic",
        "google" | "vertexai" => "gemini",
        "grok" => "xai",
        "azure-openai" | "azure-ad" => "azure",
        "togetherai" => "together",
        name => name,
    };
    table::find(ours).map(|row| row.name)
}

/// The variable in which llmr looks for the key of this name.
pub fn key_variable(name: &str) -> String {
    let own = || format!("{}_API_KEY", variable(name));
    provider(name).and_then(table::find).and_then(|row| row.key_vars.first()).map_or_else(own, |v| (*v).to_owned())
}

/// A name as part of a variable's.
pub fn variable(name: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' };
    let text: String = name.chars().map(plain).collect();
    if text.starts_with(|c: char| c.is_ascii_digit()) { format!("_{text}") } else { text }
}

/// A file's bytes; `None` when there is none. Errors name a file that is no plain one, too large or unreadable.
pub fn read(path: &Path) -> Result<Option<Vec<u8>>> {
    let refused = |why: String| Error::new(Kind::Input, format!("{} {why}", path.display()));
    match std::fs::metadata(path) {
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(refused(format!("cannot be read: {e}"))),
        Ok(meta) if !meta.is_file() => return Err(refused("is not a regular file".to_owned())),
        Ok(_) => {}
    }
    let mut bytes = Vec::new();
    let read = File::open(path).and_then(|file| file.take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes));
    read.map_err(|e| refused(format!("cannot be read: {e}")))?;
    match bytes.len() as u64 > MAX_FILE_BYTES {
        true => Err(refused(format!("is larger than {} MiB", MAX_FILE_BYTES >> 20))),
        false => Ok(Some(bytes)),
    }
}

fn text(path: &Path) -> Result<Option<String>> {
    let Some(bytes) = read(path)? else { return Ok(None) };
    let unfit = |_| Error::new(Kind::Input, format!("{}: not UTF-8", path.display()));
    String::from_utf8(bytes).map(Some).map_err(unfit)
}

/// A YAML file; `None` when there is none. Errors name file and line and show nothing of it, which may be a key.
pub fn yaml(path: &Path) -> Result<Option<Value>> {
    let Some(text) = text(path)? else { return Ok(None) };
    if text.trim().is_empty() {
        return Ok(Some(Value::Null));
    }
    serde_saphyr::from_str(&text).map(Some).map_err(|error| {
        let line = error.location().map(|at| format!(":{}", at.line())).unwrap_or_default();
        Error::new(Kind::Input, format!("{}{line}: not valid YAML", path.display()))
    })
}

/// A JSON file; `None` when there is none. Errors name file and line.
pub fn json(path: &Path) -> Result<Option<Value>> {
    let Some(text) = text(path)? else { return Ok(None) };
    serde_json::from_str(&text)
        .map(Some)
        .map_err(|error| Error::new(Kind::Input, format!("{}:{}: not valid JSON", path.display(), error.line())))
}

/// A line of text; `None` when there is no such file.
pub fn line(path: &Path) -> Result<Option<String>> {
    Ok(text(path)?.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty()))
}

/// The plain files of a folder with this ending, by name; none where there is no such folder.
pub fn files(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    let fits = |path: &PathBuf| path.extension().is_some_and(|e| e == ending) && path.is_file();
    let mut files: Vec<PathBuf> = entries.filter(fits).take(MOST_FILES).collect();
    files.sort();
    files
}

/// When a file was last changed.
pub fn changed(path: &Path) -> Timestamp {
    let modified = std::fs::metadata(path).and_then(|meta| meta.modified()).ok();
    let since = modified.and_then(|time| time.duration_since(UNIX_EPOCH).ok()).unwrap_or_default();
    Timestamp(i64::try_from(since.as_millis()).unwrap_or(0))
}

/// The turns of a list of messages (role and text), and its system prompt.
///
/// A turn begins with what a person says; whatever comes until the next one is its answer.
pub fn turns(messages: Vec<(String, String)>, like: &ImportedTurn) -> (Option<String>, Vec<ImportedTurn>) {
    let (mut system, mut turns): (Option<String>, Vec<ImportedTurn>) = (None, Vec::new());
    let join = |to: &mut Option<String>, text: String| match to {
        Some(known) => *known = format!("{known}\n\n{text}"),
        None => *to = Some(text),
    };
    for (role, text) in messages {
        match (role.as_str(), turns.last_mut()) {
            ("system" | "developer", _) => join(&mut system, text),
            ("user" | "human", _) => turns.push(ImportedTurn { prompt: text, ..like.clone() }),
            (_, Some(turn)) if !text.is_empty() => join(&mut turn.answer, text),
            (_, None) if !text.is_empty() => turns.push(ImportedTurn { answer: Some(text), ..like.clone() }),
            _ => {}
        }
    }
    (system, turns)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_become_turns_and_none_is_lost() {
        let messages =
            [("system", "s"), ("user", "a"), ("user", "b"), ("assistant", "c"), ("tool", "d"), ("user", "e")];
        let messages = messages.map(|(role, text)| (role.to_owned(), text.to_owned())).to_vec();
        let (system, turns) = turns(messages, &ImportedTurn::default());
        let turns: Vec<_> = turns.iter().map(|t| (t.prompt.as_str(), t.answer.as_deref())).collect();
        assert_eq!((system.as_deref(), turns), (Some("s"), vec![("a", None), ("b", Some("c\n\nd")), ("e", None)]));
    }

    #[test]
    fn a_key_s_variable_is_the_provider_s_own() {
        for (name, expected) in [
            ("openai", "OPENAI_API_KEY"),
            ("claude", "ANTHROPIC_API_KEY"),
            ("google", "GEMINI_API_KEY"),
            ("my-lab.2", "MY_LAB_2_API_KEY"),
            ("9", "_9_API_KEY"),
        ] {
            assert_eq!(key_variable(name), expected);
        }
    }

    #[test]
    fn a_file_of_the_largest_size_is_read_and_no_larger_one() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x");
        let file = File::create(&path).unwrap();
        for (size, read_all) in [(MAX_FILE_BYTES, true), (MAX_FILE_BYTES + 1, false)] {
            file.set_len(size).unwrap();
            assert_eq!(
                read(&path).is_ok_and(|bytes| bytes.is_some_and(|b| b.len() as u64 == size)),
                read_all,
                "{size}"
            );
        }
    }

    #[test]
    fn wrong_files_are_named_with_their_line_and_not_shown() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x");
        for (text, reader, says) in [
            ("a: 1\nb: [secret-word\n", yaml as fn(&Path) -> Result<Option<Value>>, ": not valid YAML"),
            ("{\n\"a\": secret-word}", json, "x:2: not valid JSON"),
        ] {
            std::fs::write(&path, text).unwrap();
            let error = reader(&path).unwrap_err();
            assert!(error.message.contains(says), "{error}");
            assert!(!format!("{error:?}").contains("secret-word"));
        }
        // Ten nines of nines.
        let bomb: String =
            (1..10).map(|n| format!("a{n}: &a{n} [{}]\n", vec![format!("*a{}", n - 1); 9].join(","))).collect();
        std::fs::write(&path, format!("a0: &a0 [x,x,x,x,x,x,x,x,x]\n{bomb}")).unwrap();
        assert!(yaml(&path).is_err(), "what is small on disk may be endless in memory");
        assert!(read(dir.path()).is_err());
        assert_eq!(read(&dir.path().join("none")).unwrap(), None);
    }
}
