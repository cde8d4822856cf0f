//! Aliases and providers added to `config.toml`, with every comment and every line that is there left as it is.
//!
//! What is there already wins. The new text is read as any config file would be before it replaces the old one.

use std::path::{Path, PathBuf};

use toml_edit::{Array, ArrayOfTables, DocumentMut, Item, Table, value};

use super::file::File;
use super::{address, private};
use crate::error::{Error, Kind, Result};
use crate::host;

/// What is to be added.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Additions {
    /// Names that stand for models.
    pub aliases: Vec<(String, String)>,
    /// Providers.
    pub providers: Vec<NewProvider>,
}

/// A provider that speaks OpenAI's dialect.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NewProvider {
    /// Its name.
    pub name: String,
    /// Where it listens.
    pub base_url: String,
    /// The variable of its key, if it has one.
    pub api_key_env: Option<String>,
    /// Its models.
    pub models: Vec<String>,
}

/// What became of one addition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fate {
    /// It is added.
    Added,
    /// It stands there already, as it is.
    There,
    /// Another one of that name stands there, and stays: its value.
    Kept(String),
    /// It cannot stand in a config file: why.
    Unfit(String),
}

/// A config file with additions, not yet written.
#[derive(Debug, Clone)]
pub struct Edited {
    /// What became of each alias.
    pub aliases: Vec<Fate>,
    /// What became of each provider.
    pub providers: Vec<Fate>,
    path: PathBuf,
    /// The new text; `None` when nothing changes.
    text: Option<String>,
}

/// Puts additions into the config file, in memory. Errors when the file cannot be read or is not a config file.
pub fn edit(path: &Path, additions: &Additions) -> Result<Edited> {
    // A link to a file that is kept elsewhere stays a link.
    let path = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let bytes = host::read_regular(&path)?.unwrap_or_default();
    let text = String::from_utf8(bytes).map_err(|_| unusable(&path, "not UTF-8"))?;
    let mut document: DocumentMut = text.parse().map_err(|_| unusable(&path, "not valid TOML"))?;
    let aliases: Vec<Fate> = additions.aliases.iter().map(|(name, model)| alias(&mut document, name, model)).collect();
    let providers: Vec<Fate> = additions.providers.iter().map(|new| provider(&mut document, new)).collect();
    let changes = aliases.iter().chain(&providers).any(|fate| *fate == Fate::Added);
    let text = changes.then(|| document.to_string());
    if let Some(text) = &text {
        File::parse(text, &path)?;
    }
    Ok(Edited { aliases, providers, path, text })
}

impl Edited {
    /// Replaces the file in one step. Does nothing when nothing changes.
    pub fn write(&self) -> Result<()> {
        let Some(text) = &self.text else { return Ok(()) };
        if let Some(folder) = self.path.parent().filter(|folder| !folder.is_dir()) {
            private::create_folder(folder)?;
        }
        private::replace(&self.path, text.as_bytes())
    }
}

fn unusable(path: &Path, why: &str) -> Error {
    Error::new(Kind::Config, format!("{}: {why}", path.display()))
}

fn alias(document: &mut DocumentMut, name: &str, model: &str) -> Fate {
    let plain = |text: &str| !text.trim().is_empty() && text.len() <= 200 && !text.contains(char::is_control);
    if !plain(name) || !plain(model) {
        return Fate::Unfit("a name of an alias is a short line of text".to_owned());
    }
    let table = document.entry("aliases").or_insert_with(|| Item::Table(Table::new()));
    let Some(table) = table.as_table_like_mut() else { return Fate::Unfit("`aliases` is no table".to_owned()) };
    match table.get(name).map(|known| known.as_str().unwrap_or_default().to_owned()) {
        Some(known) if known == model => Fate::There,
        Some(known) => Fate::Kept(known),
        None => {
            table.insert(name, value(model));
            Fate::Added
        }
    }
}

fn provider(document: &mut DocumentMut, new: &NewProvider) -> Fate {
    let plain = new.name.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c));
    if !plain || new.name.is_empty() || new.name.len() > 64 {
        return Fate::Unfit(format!("`{}` is no name of a provider", new.name));
    }
    let Some(base_url) = address::base_url(&new.base_url) else {
        return Fate::Unfit(format!("its address is not {}", address::ALLOWED));
    };
    let rows = document.entry("provider").or_insert_with(|| Item::ArrayOfTables(ArrayOfTables::new()));
    let Some(rows) = rows.as_array_of_tables_mut() else { return Fate::Unfit("`provider` is no list".to_owned()) };
    let named =
        |row: &&Table| row.get("name").and_then(Item::as_str).is_some_and(|n| n.eq_ignore_ascii_case(&new.name));
    if let Some(known) = rows.iter().find(named) {
        let address = known.get("base_url").and_then(Item::as_str).unwrap_or_default();
        return if address == base_url { Fate::There } else { Fate::Kept(address.to_owned()) };
    }
    let mut row = Table::new();
    row.insert("name", value(&new.name));
    row.insert("dialect", value("openai"));
    row.insert("base_url", value(base_url));
    if let Some(variable) = &new.api_key_env {
        row.insert("api_key_env", value(variable));
    }
    row.insert("models", value(new.models.iter().collect::<Array>()));
    rows.push(row);
    Fate::Added
}

#[cfg(test)]
mod tests {
    use super::*;

    const OLD: &str = "# mine\nusage = true # always\n\n[aliases]\n# short\nq = \"lab/small\"\n\n[[provider]]\nname = \"lab\"\ndialect = \"openai\"\nbase_url = \"http://127.0.0.1:1/v1\"\n";

    #[test]
    fn what_is_there_stays_with_its_comments_and_wins() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("config.toml");
        std::fs::write(&path, OLD).unwrap();
        let alias = |name: &str, model: &str| (name.to_owned(), model.to_owned());
        let row = |name: &str, base: &str| NewProvider {
            name: name.into(),
            base_url: base.into(),
            api_key_env: Some("LAB_KEY".into()),
            models: vec!["m".into()],
        };
        let additions = Additions {
            aliases: vec![alias("q", "lab/small"), alias("q", "other"), alias("new one", "a/b"), alias("", "x")],
            providers: vec![
                row("lab", "http://127.0.0.1:2/v1"),
                row("two", "http://h.test/v1/"),
                row("x y", "http://h.test"),
                row("z", "file:///"),
            ],
        };
        let edited = edit(&path, &additions).unwrap();
        assert_eq!(edited.aliases[..3], [Fate::There, Fate::Kept("lab/small".into()), Fate::Added]);
        assert!(matches!(edited.aliases[3], Fate::Unfit(_)));
        assert_eq!(edited.providers[..2], [Fate::Kept("http://127.0.0.1:1/v1".into()), Fate::Added]);
        assert!(edited.providers[2..].iter().all(|fate| matches!(fate, Fate::Unfit(_))));
        assert_eq!(std::fs::read_to_string(&path).unwrap(), OLD, "nothing is written yet");
        edited.write().unwrap();
        let new = std::fs::read_to_string(&path).unwrap();
        let head = OLD.replace("q = \"lab/small\"\n", "q = \"lab/small\"\n\"new one\" = \"a/b\"\n");
        let tail = "\n[[provider]]\nname = \"two\"\ndialect = \"openai\"\nbase_url = \"http://h.test/v1\"\napi_key_env = \"LAB_KEY\"\nmodels = [\"m\"]\n";
        assert_eq!(new, head + tail);
        let again = edit(&path, &additions).unwrap();
        assert!(again.text.is_none() && again.aliases[2] == Fate::There);
    }

    #[test]
    fn a_file_that_is_not_there_is_made_and_a_broken_one_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("c/config.toml");
        let additions = Additions { aliases: vec![("a".into(), "b".into())], providers: vec![] };
        edit(&path, &additions).unwrap().write().unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "[aliases]\na = \"b\"\n");
        assert_eq!(private::looseness(&path), None);
        for broken in ["[", "aliases = 3\nunknown_key = 1"] {
            std::fs::write(&path, broken).unwrap();
            let edited = edit(&path, &additions);
            assert!(edited.as_ref().is_err() || matches!(edited.unwrap().aliases[0], Fate::Unfit(_)), "{broken}");
        }
    }
}
