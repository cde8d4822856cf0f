//! The `.env` files: which there are, whose they are, and what a stranger's one may set.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::source::{Found, Layer, Layers, Source};
use super::trust::{self, Trust};
use super::vocabulary::{Class, Vocabulary};
use super::{Paths, budget, settings};
use crate::error::{Error, Kind, Result};
use crate::host::dotenv::{self, Entry, Value};
use crate::host::{self, Host};

/// Every place of variables.
pub(super) struct Places {
    /// The environment and the files, the one that wins first; of a stranger's file keys and models only.
    pub layers: Layers,
    /// What a stranger's file says of limits, to be weighed once the user's own are known.
    pub tightening: Vec<(Found, Class)>,
    /// The files that were read, the one that wins first.
    pub files: Vec<PathBuf>,
    /// What was ignored.
    pub warnings: Vec<String>,
}

/// Reads the nearest `.env` and the one in the config folder. Errors name file and line.
pub(super) fn read(host: &Host, paths: &Paths, vocabulary: &Vocabulary<'_>) -> Result<Places> {
    let mut places = Places {
        layers: Layers(vec![Layer::environment(&host.env)]),
        tightening: Vec::new(),
        files: Vec::new(),
        warnings: Vec::new(),
    };
    let own = paths.config_dir.join(".env");
    let own = own.is_file().then_some(own);
    let nearest = host::nearest_env_file(&host.cwd);
    let same = own.as_ref().zip(nearest.as_ref()).is_some_and(|(own, nearest)| canonical(own) == canonical(nearest));
    for (path, is_own) in [(nearest.filter(|_| !same), false), (own, true)] {
        let Some(file) = path.map(|path| EnvFile::read(path, is_own, paths)).transpose()? else { continue };
        match file.trust {
            Trust::Trusted => places.take_own(&file, host, vocabulary)?,
            _ => places.take_foreign(&file, vocabulary)?,
        }
        places.files.push(file.path);
    }
    Ok(places)
}

/// Where a file lies in truth, links followed.
fn canonical(path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|_| path.to_owned())
}

/// A file and its entries, the first one of each name.
struct EnvFile {
    path: PathBuf,
    trust: Trust,
    entries: Vec<Entry>,
}

impl EnvFile {
    /// The bytes whose hash is looked up are the bytes that are parsed.
    fn read(path: PathBuf, is_own: bool, paths: &Paths) -> Result<Self> {
        let bytes = host::read_regular(&path)?.unwrap_or_default();
        let trust = match is_own {
            true => Trust::Trusted,
            false => trust::is_trusted(&paths.trust_file, &canonical(&path), &bytes)?,
        };
        let mut entries = parse(&path, &bytes)?;
        let mut seen = std::collections::BTreeSet::new();
        entries.retain(|entry| seen.insert(entry.name.clone()));
        Ok(Self { path, trust, entries })
    }

    fn source(&self, entry: &Entry) -> Source {
        Source::File { path: self.path.clone(), line: entry.line }
    }

    fn wrong(&self, entry: &Entry, what: &str) -> Error {
        Error::new(Kind::Config, format!("{}: {what}", self.source(entry).naming(&entry.name)))
    }

    fn value<'e>(&self, entry: &'e Entry) -> Result<&'e Value> {
        entry.value.as_ref().map_err(|what| {
            self.wrong(entry, what).hint(format!("put the value into single quotes: {}='…'", entry.name))
        })
    }

    /// The value, which must be the same however it is read.
    fn literal(&self, entry: &Entry) -> Result<String> {
        self.value(entry)?.literal().ok_or_else(|| {
            self.wrong(entry, "a `$` that would be expanded is not allowed in a working folder's .env")
                .hint(format!("put the value into single quotes: {}='…'", entry.name))
        })
    }

    /// The error that a stranger's file may not set this.
    fn refused(&self, entry: &Entry, why: &str) -> Error {
        let error = self.wrong(entry, why);
        let error = match self.trust {
            Trust::Changed => error.hint("the file has changed since it was trusted"),
            _ => error,
        };
        error.hint(format!("if you trust this file as it is, run `llmr config trust {}`", self.path.display()))
    }
}

fn parse(path: &Path, bytes: &[u8]) -> Result<Vec<Entry>> {
    let at = |line: usize| Source::File { path: path.to_owned(), line };
    let text = std::str::from_utf8(bytes).map_err(|e| {
        let line = 1 + bytes.iter().take(e.valid_up_to()).filter(|b| **b == b'\n').count();
        Error::new(Kind::Config, format!("{}: not UTF-8", at(line))).hint("save the file as UTF-8")
    })?;
    dotenv::parse(text).map_err(|e| {
        Error::new(Kind::Config, format!("{}: {}", at(e.line), e.what))
            .hint("a line of a .env is empty, a # comment, or NAME='value'")
    })
}

impl Places {
    /// A file of the user's own: every variable of ours, expanded from the environment and the lines above.
    fn take_own(&mut self, file: &EnvFile, host: &Host, vocabulary: &Vocabulary<'_>) -> Result<()> {
        let mut layer = Layer::of_file(&file.path, false);
        let mut above: BTreeMap<&str, String> = BTreeMap::new();
        for entry in &file.entries {
            let lookup = |name: &str| host.env.get(name).or_else(|| above.get(name)).cloned();
            let place = file.source(entry).naming(&entry.name);
            match vocabulary.class(&entry.name) {
                Some(Class::ProcessOnly) if entry.name.starts_with("LLMR_") => {
                    self.warnings.push(format!("{place} is ignored: it counts only in the process environment"));
                }
                Some(Class::Unknown) if entry.name.starts_with("LLMR_") => {
                    self.warnings.push(Vocabulary::warning(&place, &entry.name));
                }
                Some(Class::Budget | Class::Setting(_) | Class::OwnOnly | Class::Account) => {
                    let value = file.value(entry)?.expanded(lookup);
                    layer.variables.insert(entry.name.clone(), (value.clone(), entry.line));
                }
                _ => {}
            }
            if let Ok(value) = &entry.value {
                let value = value.expanded(lookup);
                above.insert(&entry.name, value);
            }
        }
        self.layers.0.push(layer);
        Ok(())
    }

    /// A stranger's file: keys and models, and limits to be weighed; whatever else is ours is refused.
    fn take_foreign(&mut self, file: &EnvFile, vocabulary: &Vocabulary<'_>) -> Result<()> {
        let mut layer = Layer::of_file(&file.path, true);
        for entry in &file.entries {
            let Some(class) = vocabulary.class(&entry.name) else { continue };
            match class {
                // Without a value it asks for nothing; with one that would be expanded it might.
                _ if is_empty(entry) && !matches!(class, Class::Account) => {}
                Class::Account => {
                    layer.variables.insert(entry.name.clone(), (file.literal(entry)?, entry.line));
                }
                Class::Budget => self.tighten(file, entry, class)?,
                Class::Setting(row) if row.limit.is_some() => self.tighten(file, entry, class)?,
                Class::Unknown => {
                    return Err(file.refused(entry, "not a variable that a working folder's .env may set"));
                }
                Class::Setting(_) | Class::OwnOnly | Class::ProcessOnly => {
                    return Err(
                        file.refused(entry, "not read from a working folder's .env, which may be somebody else's")
                    );
                }
            }
        }
        self.layers.0.push(layer);
        Ok(())
    }

    fn tighten(&mut self, file: &EnvFile, entry: &Entry, class: Class) -> Result<()> {
        let value = file.literal(entry)?.trim().to_owned();
        let found = Found { name: entry.name.clone(), value, source: file.source(entry), foreign: true };
        self.tightening.push((found, class));
        Ok(())
    }
}

fn is_empty(entry: &Entry) -> bool {
    entry.value.as_ref().is_ok_and(|value| value.literal().is_some_and(|text| text.trim().is_empty()))
}

/// Applies what a stranger's file says of limits: lower ones count, higher ones are refused.
///
/// A setting that the process environment has an opinion of keeps it; the day's limit is kept apart, because what
/// it is compared with is known only once the database is open.
pub(super) fn tighten(resolved: &mut super::resolve::Resolved, tightening: &[(Found, Class)]) -> Result<()> {
    for (found, class) in tightening {
        match class {
            Class::Budget => {
                let placed = budget::Placed::read(found.clone())?;
                let tightest =
                    resolved.settings.budget.tight.take().filter(|known| !known.limit.is_looser_than(placed.limit));
                resolved.settings.budget.tight = Some(tightest.unwrap_or(placed));
            }
            Class::Setting(row) => tighten_setting(resolved, row, found)?,
            _ => {}
        }
    }
    Ok(())
}

fn tighten_setting(
    resolved: &mut super::resolve::Resolved,
    row: &'static settings::Setting,
    found: &Found,
) -> Result<()> {
    let Some(limit) = row.limit else { return Ok(()) };
    let mut tightened = resolved.settings.clone();
    row.apply(&mut tightened, found)?;
    if limit(&tightened) > limit(&resolved.own) {
        let place = found.source.naming(&found.name);
        let message =
            format!("{place}: {} is more than the {} that holds without it", found.value, (row.show)(&resolved.own));
        return Err(Error::new(Kind::Config, message).hint("a .env of a working folder may only tighten a limit"));
    }
    let in_environment = resolved.sources.get(row.key).is_some_and(|known| known.source == Source::Environment);
    if !in_environment && limit(&tightened) <= limit(&resolved.settings) {
        resolved.settings = tightened;
        resolved.sources.insert(row.key, found.clone());
    }
    Ok(())
}
