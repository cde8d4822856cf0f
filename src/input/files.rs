//! The paths of `-f` and `-i`: patterns made into files, files read whole.
//!
//! A path is a pattern only where no file of that very name exists; the shell may have expanded it already. `*`, `?` and
//! `[…]` stay inside one name, `**` stands for any number of folders. A name that begins with a dot is met only by a
//! pattern that does, and `**` enters neither hidden folders nor links to folders, so that a loop of links has an end.
//! The folders are walked here and not by the library, which follows such links.

use std::collections::{BTreeSet, HashSet};
use std::fs;
use std::io::{self, Read as _};
use std::path::{Component, Path, PathBuf};

use glob::{MatchOptions, Pattern};

use super::{MAX_BYTES, is_dash, text_of, too_long};
use crate::error::{Error, Kind, Result};

/// A pattern that finds more was written by mistake, such as `**/*` in a folder with dependencies.
pub(super) const MAX_MATCHES: usize = 1000;

/// As in a shell.
const OPTIONS: MatchOptions =
    MatchOptions { case_sensitive: true, require_literal_separator: true, require_literal_leading_dot: true };

/// Any number of folders.
const DEEP: &str = "**";

/// The files that these paths and patterns name, in the order given; those of a pattern sorted, and without any that is
/// named already. `-` stays.
///
/// Errors (exit 2) name the pattern: it is none, it finds nothing, or more than [`MAX_MATCHES`] files. `flag` is for
/// hints.
pub(super) fn expand(flag: &str, paths: &[PathBuf]) -> Result<Vec<PathBuf>> {
    let mut files: Vec<PathBuf> = Vec::new();
    for path in paths {
        match pattern_of(path) {
            Some(pattern) => {
                for file in matches(flag, pattern)? {
                    if !paths.contains(&file) && !files.contains(&file) {
                        files.push(file);
                    }
                }
            }
            None => files.push(path.clone()),
        }
    }
    Ok(files)
}

/// Reads texts, each with its name, together at most [`MAX_BYTES`]; `-` is left out.
pub(super) fn read(paths: &[PathBuf]) -> Result<Vec<(String, String)>> {
    let mut files = Vec::new();
    let mut sum = 0;
    for path in paths.iter().filter(|path| !is_dash(path)) {
        let name = path.display().to_string();
        let text = text_of(bytes("-f", path)?, &format!("`{name}`"))?;
        sum += text.len();
        if sum > MAX_BYTES {
            return Err(too_long(&format!("what -f names, up to `{name}`,")));
        }
        files.push((name, text));
    }
    Ok(files)
}

/// A file's bytes; of one longer than [`MAX_BYTES`] a byte more than that. Errors (exit 2) name it.
pub(super) fn bytes(flag: &str, path: &Path) -> Result<Vec<u8>> {
    let name = path.display().to_string();
    let unreadable = |why: &dyn std::fmt::Display| Error::new(Kind::Input, format!("cannot read `{name}`: {why}"));
    let meta = fs::metadata(path).map_err(|why| with_path_hint(unreadable(&why), flag, &name, &why))?;
    if meta.is_dir() {
        let folder = name.trim_end_matches('/');
        return Err(Error::new(Kind::Input, format!("`{name}` is a folder"))
            .hint(format!("name the files in it: {flag} '{folder}/*'")));
    }
    let mut bytes = Vec::new();
    let file = fs::File::open(path).map_err(|why| unreadable(&why))?;
    file.take(MAX_BYTES as u64 + 1).read_to_end(&mut bytes).map_err(|why| unreadable(&why))?;
    Ok(bytes)
}

/// What a person probably meant by a path that cannot be found.
fn with_path_hint(error: Error, flag: &str, path: &str, why: &io::Error) -> Error {
    if is_url(path) {
        let message = format!("`{path}` is a URL, and {flag} reads files");
        return Error::new(Kind::Input, message).hint(match flag {
            "-i" => "fetch it first, such as: curl -sSf URL | llmr ask -i - \"…\"",
            _ => "fetch it first, such as: curl -sSf URL | llmr ask \"…\"",
        });
    }
    if why.kind() != io::ErrorKind::NotFound {
        return error;
    }
    if path.starts_with("~/") {
        return error.hint("the shell did not expand `~`; write $HOME");
    }
    if Path::new(path).is_relative() {
        return error.hint("the path is relative to the working folder");
    }
    error
}

fn is_url(path: &str) -> bool {
    let is_scheme = |scheme: &str| !scheme.is_empty() && scheme.bytes().all(|b| b.is_ascii_alphanumeric());
    path.split_once("://").is_some_and(|(scheme, _)| is_scheme(scheme))
}

/// The path as a pattern, if it is one.
fn pattern_of(path: &Path) -> Option<&str> {
    let text = path.to_str().filter(|text| text.contains(['*', '?', '[']))?;
    (!is_url(text) && fs::symlink_metadata(path).is_err()).then_some(text)
}

/// The files that a pattern finds, sorted.
fn matches(flag: &str, pattern: &str) -> Result<BTreeSet<PathBuf>> {
    let mut walk = Walk { flag, pattern, been: HashSet::new(), found: BTreeSet::new(), folders: false };
    let (start, steps) = steps(pattern)?;
    walk.from(&start, &steps)?;
    if !walk.found.is_empty() {
        return Ok(walk.found);
    }
    let error = Error::new(Kind::Input, format!("no file matches `{pattern}`"));
    Err(match walk.folders {
        true => error.hint(format!("only folders do; name the files in them: {flag} '{pattern}/*'")),
        false if pattern.starts_with("~/") => error.hint("the shell did not expand `~`; write $HOME"),
        false => error.hint("a pattern is relative to the working folder; a name that begins with a dot needs the dot"),
    })
}

/// One part of a pattern, between slashes.
enum Part {
    Name(PathBuf),
    Match(Pattern),
    Deep,
}

/// Where a pattern begins, and its parts from there.
fn steps(pattern: &str) -> Result<(PathBuf, Vec<Part>)> {
    let mut start = PathBuf::new();
    let mut steps: Vec<Part> = Vec::new();
    for component in Path::new(pattern).components() {
        match component {
            Component::Prefix(_) | Component::RootDir => start.push(component),
            Component::Normal(name) if name == DEEP => {
                // Two in a row mean no more than one.
                if !matches!(steps.last(), Some(Part::Deep)) {
                    steps.push(Part::Deep);
                }
            }
            Component::Normal(name) if name.to_string_lossy().contains(['*', '?', '[']) => {
                steps.push(Part::Match(Pattern::new(&name.to_string_lossy()).map_err(|why| {
                    Error::new(Kind::Input, format!("`{pattern}` is neither a file nor a pattern: {}", why.msg))
                        .hint("`**` stands alone between slashes; a `[` of a name is written `[[]`")
                })?));
            }
            other => steps.push(Part::Name(PathBuf::from(other.as_os_str()))),
        }
    }
    // A pattern that ends in `**` means the files in there.
    if matches!(steps.last(), Some(Part::Deep)) {
        steps.extend(Pattern::new("*").ok().map(Part::Match));
    }
    Ok((start, steps))
}

/// A walk through folders.
struct Walk<'a> {
    flag: &'a str,
    pattern: &'a str,
    /// Where it was, with how many parts left: `**/a/**` comes by twice.
    been: HashSet<(PathBuf, usize)>,
    found: BTreeSet<PathBuf>,
    /// Whether a folder was met where a file was wanted.
    folders: bool,
}

impl Walk<'_> {
    fn from(&mut self, at: &Path, parts: &[Part]) -> Result<()> {
        if !self.been.insert((at.to_owned(), parts.len())) {
            return Ok(());
        }
        match parts {
            [] => self.end(at),
            [Part::Name(name), rest @ ..] => self.from(&at.join(name), rest),
            [Part::Match(pattern), rest @ ..] => {
                for name in self.names(at)?.into_iter().filter(|name| pattern.matches_with(name, OPTIONS)) {
                    let next = at.join(name);
                    if rest.is_empty() || next.is_dir() {
                        self.from(&next, rest)?;
                    }
                }
                Ok(())
            }
            [Part::Deep, rest @ ..] => {
                self.from(at, rest)?;
                for name in self.names(at)?.into_iter().filter(|name| !name.starts_with('.')) {
                    let next = at.join(name);
                    if fs::symlink_metadata(&next).is_ok_and(|meta| meta.is_dir()) {
                        self.from(&next, parts)?;
                    }
                }
                Ok(())
            }
        }
    }

    fn end(&mut self, at: &Path) -> Result<()> {
        // A link that leads nowhere is no file.
        let Ok(meta) = fs::metadata(at) else { return Ok(()) };
        if meta.is_dir() {
            self.folders = true;
            return Ok(());
        }
        self.found.insert(at.to_owned());
        if self.found.len() > MAX_MATCHES {
            let message = format!("`{}` matches more than {MAX_MATCHES} files", self.pattern);
            return Err(
                Error::new(Kind::Input, message).hint(format!("narrow it down, or name them: {} PATH", self.flag))
            );
        }
        Ok(())
    }

    /// The names in a folder; none in what is no folder. One that cannot be read is an error: a file in it may be meant.
    fn names(&self, folder: &Path) -> Result<Vec<String>> {
        let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
        let entries = match fs::read_dir(folder) {
            Ok(entries) => entries,
            Err(why) if matches!(why.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
                return Ok(Vec::new());
            }
            Err(why) => {
                let message = format!("cannot look for `{}` in `{}`: {why}", self.pattern, folder.display());
                return Err(Error::new(Kind::Input, message));
            }
        };
        // A name that is no text cannot match one.
        Ok(entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok()).collect())
    }
}

#[cfg(test)]
mod tests;
