//! Where a value comes from, and the variables of each place in their order.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use crate::error::{Error, Kind};

/// Where a value was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// Nowhere: it is built in.
    Default,
    /// In the process environment.
    Environment,
    /// On a line (from 1) of a file.
    File {
        /// Which file.
        path: PathBuf,
        /// Which line.
        line: usize,
    },
}

/// `default`, `environment` or `PATH:LINE`.
impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::Environment => f.write_str("environment"),
            Self::File { path, line } => write!(f, "{}:{line}", path.display()),
        }
    }
}

impl Source {
    /// The place with the name of what is set there, as errors begin: `environment variable X` or `PATH:LINE: X`.
    pub fn naming(&self, name: &str) -> String {
        match self {
            Self::File { .. } => format!("{self}: {name}"),
            Self::Environment => format!("environment variable {name}"),
            Self::Default => name.to_owned(),
        }
    }
}

/// A value with its name and place. Without `Debug`: it may be a key.
#[derive(Clone)]
pub(super) struct Found {
    /// The variable, or the key of the config file.
    pub name: String,
    /// As it was written.
    pub value: String,
    /// Where.
    pub source: Source,
    /// Whether it is from a working folder's `.env` that nobody has trusted.
    pub foreign: bool,
}

impl Found {
    /// The error that this value is not what is allowed here.
    pub fn refused(&self, allowed: &str) -> Error {
        let place = self.source.naming(&self.name);
        Error::new(Kind::Config, format!("{place}: `{}` is not {allowed}", shown(&self.value)))
    }

    /// The same without the value, for keys.
    pub fn refused_unseen(&self, allowed: &str) -> Error {
        Error::new(Kind::Config, format!("{}: not {allowed}", self.source.naming(&self.name)))
    }
}

/// A value for messages, of a long one the beginning: a key that was put into the wrong variable is not spelled out.
/// Control characters are escaped.
fn shown(value: &str) -> String {
    const WHOLE: usize = 16;
    // As much as vendors themselves show of a key.
    const BEGINNING: usize = 8;
    let is_long = value.chars().nth(WHOLE).is_some();
    let most = if is_long { BEGINNING } else { WHOLE };
    let mut start: String = value.chars().take(most).flat_map(char::escape_debug).collect();
    if is_long {
        start.push('…');
    }
    start
}

/// The variables of one place. Without `Debug`: there are keys among them.
#[derive(Clone)]
pub(super) struct Layer {
    /// The file they are in; `None` for the process environment.
    pub path: Option<PathBuf>,
    /// Whether that is a working folder's `.env` that nobody has trusted.
    pub foreign: bool,
    /// Each with its line, 0 in the process environment.
    pub variables: BTreeMap<String, (String, usize)>,
}

impl Layer {
    /// The process environment.
    pub fn environment(variables: &BTreeMap<String, String>) -> Self {
        let variables = variables.iter().map(|(name, value)| (name.clone(), (value.clone(), 0))).collect();
        Self { path: None, foreign: false, variables }
    }

    /// A `.env` without any variable yet.
    pub fn of_file(path: &Path, foreign: bool) -> Self {
        Self { path: Some(path.to_owned()), foreign, variables: BTreeMap::new() }
    }

    /// What it says of a variable, empty or not.
    pub fn get(&self, name: &str) -> Option<Found> {
        let (value, line) = self.variables.get(name)?;
        let source = match &self.path {
            None => Source::Environment,
            Some(path) => Source::File { path: path.clone(), line: *line },
        };
        Some(Found { name: name.to_owned(), value: value.trim().to_owned(), source, foreign: self.foreign })
    }

    /// The first of these variables that is set to something.
    pub fn first(&self, names: &[impl AsRef<str>]) -> Option<Found> {
        names.iter().filter_map(|name| self.get(name.as_ref())).find(|found| !found.value.is_empty())
    }
}

/// Every place of variables, the one that wins first.
pub(super) struct Layers(pub Vec<Layer>);

impl Layers {
    /// The places that are the user's own.
    pub fn own(&self) -> impl DoubleEndedIterator<Item = &Layer> {
        self.0.iter().filter(|layer| !layer.foreign)
    }

    /// The first of these variables that is set to something, place by place.
    ///
    /// A variable that is set but empty counts as missing and hides what later places say of it: so a key is
    /// switched off for one command.
    pub fn find(&self, names: &[String]) -> Option<Found> {
        first_visible(self.0.iter(), names)
    }

    /// The same among the user's own places.
    pub fn find_own(&self, names: &[impl AsRef<str>]) -> Option<Found> {
        first_visible(self.own(), names)
    }
}

fn first_visible<'a>(layers: impl Iterator<Item = &'a Layer>, names: &[impl AsRef<str>]) -> Option<Found> {
    let mut visible: Vec<&str> = names.iter().map(AsRef::as_ref).collect();
    for layer in layers {
        let mut found = None;
        visible.retain(|name| {
            let here = layer.get(name);
            let hidden = here.is_some();
            found = found.take().or(here.filter(|found| !found.value.is_empty()));
            !hidden
        });
        if found.is_some() {
            return found;
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layer(file: Option<&str>, foreign: bool, variables: &[(&str, &str)]) -> Layer {
        let lines = variables.iter().enumerate();
        Layer {
            path: file.map(PathBuf::from),
            foreign,
            variables: lines.map(|(i, (name, value))| ((*name).into(), ((*value).into(), i + 1))).collect(),
        }
    }

    #[test]
    fn the_first_place_that_says_something_wins() {
        let layers = Layers(vec![
            layer(None, false, &[("EMPTY", ""), ("B", "env")]),
            layer(Some("/w/.env"), true, &[("A", "work"), ("C", "work")]),
            layer(Some("/c/.env"), false, &[("A", "own"), ("EMPTY", "hidden"), ("C", " own ")]),
        ]);
        let find = |names: &[&str]| {
            let names: Vec<String> = names.iter().map(|n| (*n).to_owned()).collect();
            layers.find(&names).map(|found| format!("{} {} {}", found.name, found.value, found.source))
        };
        let cases: [(&[&str], Option<&str>); 6] = [
            (&["A"], Some("A work /w/.env:1")),
            (&["C", "B"], Some("B env environment")),
            (&["EMPTY"], None),
            (&["EMPTY", "C"], Some("C work /w/.env:2")),
            (&["NONE"], None),
            (&["NONE", "A", "C"], Some("A work /w/.env:1")),
        ];
        for (names, expected) in cases {
            assert_eq!(find(names).as_deref(), expected, "{names:?}");
        }
        let own = layers.find_own(&["C"]).unwrap();
        assert_eq!((own.value.as_str(), own.foreign), ("own", false));
    }

    #[test]
    fn a_refused_value_is_cut_short_and_escaped() {
        let found = |value: &str| Found {
            name: "X".into(),
            value: value.into(),
            source: Source::File { path: "/p/.env".into(), line: 3 },
            foreign: false,
        };
        let message = found("\u{1b}[2Jabcdefghijklmnopqrstuvwxyz").refused("a number").message;
        assert_eq!(message, "/p/.env:3: X: `\\u{1b}[2Jabcd…` is not a number");
        assert_eq!(found("secret").refused_unseen("a key").message, "/p/.env:3: X: not a key");
    }
}
