//! Who may import whom: the layers of the crate, and what only one place may touch. Read from the sources, so that
//! an offence is named with its file and line.
//!
//! Test code is left out: a test may look wherever it likes. So are comments and texts.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// The layers, lowest first. A module imports from lower layers and from itself, never from its neighbours.
const LAYERS: &[&[&str]] = &[
    &["types", "cli"],
    &["error"],
    &["engine", "providers", "catalogue", "output", "input", "host"],
    &["transport", "store", "config", "sandbox"],
    &["cache", "schema"],
    &["router"],
    &["conversation"],
    &["commands"],
    &["app"],
    &["lib", "main"],
];

/// Modules that import less than their layer would let them.
const ONLY: &[(&str, &[&str])] = &[("engine", &["types"]), ("cli", &[])];

/// What only some modules may name.
const RESERVED: &[(&str, &[&str])] = &[
    ("rusqlite", &["store"]),
    ("reqwest", &["transport"]),
    ("clap", &["cli", "app", "main"]),
    ("nix", &["host"]),
    // The binary may read its arguments.
    ("std::env", &["host", "main"]),
    ("process::exit", &["main", "app"]),
    ("process::abort", &["main", "app"]),
];

#[test]
fn imports_go_down() {
    let offences: Vec<String> = sources().iter().flat_map(offences_of).collect();
    assert!(offences.is_empty(), "\n{}\n", offences.join("\n"));
}

#[test]
fn every_module_has_a_layer() {
    let unknown: Vec<String> = sources().into_iter().map(|s| s.module).filter(|m| layer(m).is_none()).collect();
    assert!(unknown.is_empty(), "{unknown:?}");
}

/// A source file without comments, texts and tests; its lines are where they were.
struct Source {
    path: PathBuf,
    /// The top-level module it belongs to.
    module: String,
    /// How many modules it lies below the crate's root.
    depth: usize,
    text: String,
}

fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    collect(&root, &mut files);
    assert!(files.len() > 50, "the sources are not where they should be");
    let test_files: Vec<PathBuf> = files.iter().flat_map(|path| test_modules(path)).collect();
    files.retain(|path| !test_files.iter().any(|test| path.starts_with(test) || path == &test.with_extension("rs")));
    files.into_iter().map(|path| source(&root, path)).collect()
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => collect(&path, files),
            false if path.extension().is_some_and(|e| e == "rs") => files.push(path),
            false => {}
        }
    }
}

/// The folders (without extension: the files) of the modules that a file declares for tests only.
fn test_modules(path: &Path) -> Vec<PathBuf> {
    let text = fs::read_to_string(path).unwrap();
    let stem = path.file_stem().unwrap();
    let folder = match ["mod", "lib", "main"].iter().any(|name| stem == *name) {
        true => path.parent().unwrap().to_owned(),
        false => path.with_extension(""),
    };
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    let declared = lines.windows(2).filter(|pair| pair[0] == "#[cfg(test)]");
    let name = |line: &str| Some(line.rsplit_once("mod ")?.1.strip_suffix(';')?.to_owned());
    declared.filter_map(|pair| name(pair[1])).map(|name| folder.join(name)).collect()
}

fn source(root: &Path, path: PathBuf) -> Source {
    let inside = path.strip_prefix(root).unwrap().with_extension("");
    let mut names: Vec<String> = inside.iter().map(|part| part.to_str().unwrap().to_owned()).collect();
    if names.last().is_some_and(|name| name == "mod") {
        names.pop();
    }
    let text = without_tests(&plain(&fs::read_to_string(&path).unwrap()));
    Source { module: names[0].clone(), depth: names.len(), path, text }
}

/// The code with every comment, text and character blanked.
fn plain(code: &str) -> String {
    let chars: Vec<char> = code.chars().collect();
    let mut out = String::with_capacity(code.len());
    let mut at = 0;
    while at < chars.len() {
        let end = at + token(&chars[at..]);
        let blank = end > at + 1;
        out.extend(chars[at..end].iter().map(|c| if blank && *c != '\n' { ' ' } else { *c }));
        at = end;
    }
    out
}

/// How long the comment, text or character is that begins here; 1 where none does.
fn token(rest: &[char]) -> usize {
    let until = |end: &str, from: usize| {
        let end: Vec<char> = end.chars().collect();
        (from..rest.len()).find(|&i| rest[i..].starts_with(&end)).map_or(rest.len(), |i| i + end.len())
    };
    match rest {
        ['/', '/', ..] => until("\n", 2) - 1,
        ['/', '*', ..] => until("*/", 2),
        ['r', '"', ..] => until("\"", 2),
        ['r', '#', '"', ..] => until("\"#", 3),
        ['"', ..] => escaped(rest, '"'),
        ['\'', '\\', ..] => escaped(rest, '\''),
        ['\'', _, '\'', ..] => 3,
        _ => 1,
    }
}

/// The length of a literal that ends with an unescaped quote.
fn escaped(rest: &[char], quote: char) -> usize {
    let mut at = 1;
    while at < rest.len() && rest[at] != quote {
        at += 1 + usize::from(rest[at] == '\\');
    }
    (at + 1).min(rest.len())
}

/// The code with the bodies of `#[cfg(test)]` items blanked.
fn without_tests(code: &str) -> String {
    let mut out = code.to_owned();
    while let Some(start) = out.find("#[cfg(test)]") {
        let rest = &out[start..];
        let end = match (rest.find('{'), rest.find(';')) {
            (Some(open), semicolon) if semicolon.is_none_or(|s| open < s) => start + open + braces(&rest[open..]),
            (_, Some(semicolon)) => start + semicolon + 1,
            _ => out.len(),
        };
        let blank: String = out[start..end].chars().map(|c| if c == '\n' { '\n' } else { ' ' }).collect();
        out.replace_range(start..end, &blank);
    }
    out
}

/// The length of a block in braces, both included.
fn braces(block: &str) -> usize {
    let mut open = 0;
    for (at, c) in block.char_indices() {
        open += i32::from(c == '{') - i32::from(c == '}');
        if open == 0 {
            return at + 1;
        }
    }
    block.len()
}

fn offences_of(source: &Source) -> Vec<String> {
    let place = |at: usize| format!("{}:{}", source.path.display(), source.text[..at].matches('\n').count() + 1);
    let mut offences = Vec::new();
    for (at, module) in imports(source) {
        if module != source.module && !may_import(&source.module, &module) {
            offences.push(format!("{}: {} imports {module}", place(at), source.module));
        }
    }
    for (name, who) in RESERVED.iter().filter(|(_, who)| !who.contains(&source.module.as_str())) {
        let named = |at: &usize| is_whole(&source.text, *at, name);
        let found = source.text.match_indices(name).map(|(at, _)| at).filter(named);
        offences.extend(found.map(|at| format!("{}: only {} may name {name}", place(at), who.join(", "))));
    }
    offences
}

fn is_whole(text: &str, at: usize, name: &str) -> bool {
    let of_a_name = |c: char| c.is_alphanumeric() || c == '_';
    !text[..at].ends_with(of_a_name) && !text[at + name.len()..].starts_with(of_a_name)
}

fn may_import(from: &str, to: &str) -> bool {
    match ONLY.iter().find(|(module, _)| *module == from) {
        Some((_, only)) => only.contains(&to),
        None => layer(to) < layer(from),
    }
}

fn layer(module: &str) -> Option<usize> {
    LAYERS.iter().position(|layer| layer.contains(&module))
}

/// The top-level modules that a file names, by `crate::` or by enough `super::`, with their places.
fn imports(source: &Source) -> BTreeMap<usize, String> {
    let mut found = BTreeMap::new();
    let text = &source.text;
    for (at, _) in text.match_indices("crate::").filter(|(at, _)| is_whole(text, *at, "crate")) {
        found.extend(names(text, at + "crate::".len()));
    }
    let root = "super::".repeat(source.depth);
    for (at, _) in text.match_indices(&root).filter(|(at, _)| !text[..*at].ends_with("super::")) {
        found.extend(names(text, at + root.len()));
    }
    // What the root itself gives on, and macros, are no modules.
    found.retain(|_, name| name != "run" && name != "self");
    found
}

/// The name that stands there, or the first name of each path of a list in braces.
fn names(text: &str, at: usize) -> Vec<(usize, String)> {
    let name = |at: usize| -> (usize, String) {
        (at, text[at..].chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect())
    };
    if !text[at..].starts_with('{') {
        return vec![name(at)];
    }
    let list = &text[at + 1..at + braces(&text[at..]) - 1];
    let mut depth = 0;
    let mut starts = vec![at + 1];
    for (i, c) in list.char_indices() {
        depth += i32::from(c == '{') - i32::from(c == '}');
        if c == ',' && depth == 0 {
            starts.push(at + 1 + i + 1);
        }
    }
    let trimmed = |start: usize| start + text[start..].len() - text[start..].trim_start().len();
    starts.into_iter().map(|start| name(trimmed(start))).filter(|(_, name)| !name.is_empty()).collect()
}

#[test]
fn an_offence_is_found_wherever_it_hides() {
    let of = |module: &str, depth, code: &str| {
        let text = without_tests(&plain(code));
        offences_of(&Source { path: "x.rs".into(), module: module.into(), depth, text }).len()
    };
    for (module, depth, code, offences) in [
        ("engine", 1, "use crate::types::Usage;", 0),
        ("engine", 2, "use crate::error::Error;", 1),
        ("engine", 2, "use super::super::store::Store;", 1),
        ("engine", 2, "use super::plan::Plan;", 0),
        ("router", 2, "use crate::{types::X, commands::{a, b}, store::Y, app};", 2),
        ("router", 2, "fn f() -> crate::commands::X {}", 1),
        ("router", 2, "// crate::app\n/* crate::app */ \"crate::app \\\" crate::app\" r#\"crate::app\"#", 0),
        ("router", 2, "#[cfg(test)]\nmod tests { use crate::app::X; }\nuse crate::app::Y;", 1),
        ("router", 2, "#[cfg(test)]\nuse crate::app::X;\nuse crate::app::Y;", 1),
        ("output", 1, "use crate::host::Host;", 1),
        ("config", 2, "use crate::engine::breaker::BreakerRules;", 0),
        ("cli", 1, "use crate::types::X;", 1),
        ("commands", 2, "use rusqlite::Connection; std::process::exit(1); std::env::var(x);", 3),
        ("transport", 1, "use reqwest::Client; let reqwest_like = 'c'; let x: &'static str;", 0),
    ] {
        assert_eq!(of(module, depth, code), offences, "{module}: {code}");
    }
}
