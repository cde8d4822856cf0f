//! What Tab offers: commands, and what may stand behind each of them. Pure but for paths, which are looked up.

use std::path::Path;

use super::slash::{COMMANDS, Offers, find};
use crate::catalogue::{self, ModelRow, ModelState};
use crate::config::Config;
use crate::output::sanitize;
use crate::types::Day;

/// The names that may be completed.
#[derive(Debug, Clone, Default)]
pub struct Names {
    /// Models, `provider/model` and aliases.
    pub models: Vec<String>,
    /// Providers that take part.
    pub providers: Vec<String>,
    /// Named conversations.
    pub sessions: Vec<String>,
    /// What `~` stands for in a path.
    pub home: Option<String>,
}

impl Names {
    /// What the settings and the catalogue know today.
    pub fn of(config: &Config, today: Day) -> Self {
        let alive = |row: &&ModelRow| !matches!(row.state(today), ModelState::Retired { .. });
        let mut models: Vec<String> = config.aliases.keys().cloned().collect();
        let mut providers = Vec::new();
        for provider in config.providers.iter().filter(|provider| provider.participates()) {
            let known = catalogue::by_provider(&provider.name).iter().filter(alive).map(|row| row.id.to_owned());
            let rows = provider.model_rows.iter().filter_map(|row| row.model.clone());
            for model in provider.model.iter().cloned().chain(provider.models.iter().cloned()).chain(rows).chain(known)
            {
                models.push(format!("{}/{model}", provider.name));
                models.push(model);
            }
            providers.push(provider.name.clone());
        }
        models.sort();
        models.dedup();
        Self { models, providers, ..Self::default() }
    }
}

/// Where the word under the cursor begins, and what it may become.
pub fn complete(line: &str, at: usize, names: &Names) -> (usize, Vec<String>) {
    let Some(typed) = line.get(..at).and_then(|typed| typed.strip_prefix('/')) else { return (at, Vec::new()) };
    let Some((word, argument)) = typed.split_once(' ') else {
        let spaced = |argument: &str| if argument.is_empty() { "" } else { " " };
        let rows = COMMANDS.iter().filter(|row| row.name.starts_with(typed));
        return (0, rows.map(|row| format!("/{}{}", row.name, spaced(row.argument))).collect());
    };
    let Some(row) = find(word) else { return (at, Vec::new()) };
    match row.offers {
        Offers::Nothing => (at, Vec::new()),
        Offers::Models => begin_with(argument, at, &names.models, true),
        Offers::Sessions => begin_with(argument, at, &names.sessions, false),
        Offers::Providers => {
            let last = argument.rsplit(' ').next().unwrap_or_default();
            begin_with(last, at, &names.providers, false)
        }
        Offers::Paths => paths(argument, at, names.home.as_deref()),
    }
}

/// The names that begin like the word, without any that a terminal would act on: the editor shows them as they are.
/// `bare`: those with a provider before a slash only once a slash is typed.
fn begin_with(word: &str, at: usize, names: &[String], bare: bool) -> (usize, Vec<String>) {
    let begins = |name: &&String| name.starts_with(word) && sanitize::line(name) == name.as_str();
    let shown = |name: &&String| begins(name) && (!bare || word.contains('/') || !name.contains('/'));
    let fitting: Vec<String> = names.iter().filter(shown).cloned().collect();
    if fitting.is_empty() && bare {
        return (at - word.len(), names.iter().filter(begins).cloned().collect());
    }
    (at - word.len(), fitting)
}

/// The files and folders that begin like the path; folders end in a slash.
fn paths(typed: &str, at: usize, home: Option<&str>) -> (usize, Vec<String>) {
    let (folder, begin) =
        typed.rsplit_once('/').map_or(("", typed), |(_, begin)| (&typed[..typed.len() - begin.len()], begin));
    let looked_in = if folder.is_empty() { "./".to_owned() } else { expand(folder, home) };
    let Ok(entries) = Path::new(&looked_in).read_dir() else { return (at, Vec::new()) };
    let named = entries.filter_map(|entry| {
        let entry = entry.ok()?;
        let name = entry.file_name().into_string().ok()?;
        let hidden = name.starts_with('.') && !begin.starts_with('.');
        let harmless = sanitize::line(&name) == name;
        let slash = if entry.path().is_dir() { "/" } else { "" };
        (name.starts_with(begin) && !hidden && harmless).then(|| format!("{name}{slash}"))
    });
    let mut named: Vec<String> = named.collect();
    named.sort();
    (at - begin.len(), named)
}

/// A path with the home folder in place of a `~` at its beginning, as a shell would have it.
pub fn expand(path: &str, home: Option<&str>) -> String {
    match (path.strip_prefix('~'), home) {
        (Some(rest), Some(home)) if rest.is_empty() || rest.starts_with('/') => format!("{home}{rest}"),
        _ => path.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names() -> Names {
        let own = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        Names {
            models: own(&["fast", "gpt-6-luna", "gpt-6-sol", "openai/gpt-6-luna", "openai/gpt-6-sol"]),
            providers: own(&["anthropic", "openai"]),
            sessions: own(&["my trip", "my \x1b[2Jtrip", "my\nt", "review"]),
            home: None,
        }
    }

    #[test]
    fn commands_and_their_arguments_are_completed() {
        let cases: [(&str, usize, &[&str]); 11] = [
            ("/mo", 0, &["/model "]),
            ("/cl", 0, &["/clear"]),
            ("/nothing", 0, &[]),
            ("/model g", 7, &["gpt-6-luna", "gpt-6-sol"]),
            ("/model o", 7, &["openai/gpt-6-luna", "openai/gpt-6-sol"]),
            ("/model openai/gpt-6-l", 7, &["openai/gpt-6-luna"]),
            ("/retry fa", 7, &["fast"]),
            ("/provider openai an", 17, &["anthropic"]),
            ("/session my t", 9, &["my trip"]),
            ("/system g", 9, &[]),
            ("model g", 7, &[]),
        ];
        for (line, start, offered) in cases {
            assert_eq!(
                complete(line, line.len(), &names()),
                (start, offered.iter().map(|o| (*o).to_owned()).collect()),
                "{line}"
            );
        }
        assert_eq!(complete("/model g later", 8, &names()).1.len(), 2, "only what stands before the cursor counts");
        assert_eq!(complete("/é", 2, &names()).1.len(), 0, "a place within a character");
    }

    #[test]
    fn paths_are_looked_up() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["notes.md", "novel 1.txt", ".hidden"] {
            std::fs::write(folder.path().join(name), "").unwrap();
        }
        std::fs::create_dir(folder.path().join("north")).unwrap();
        let names = Names { home: Some(folder.path().display().to_string()), ..Names::default() };
        let offered = |line: &str| complete(line, line.len(), &names).1;
        assert_eq!(offered("/file ~/no"), ["north/", "notes.md", "novel 1.txt"]);
        assert_eq!(offered("/file ~/novel "), ["novel 1.txt"]);
        assert_eq!(offered("/file ~/.h"), [".hidden"]);
        assert!(offered("/file ~/nowhere/").is_empty());
    }
}
