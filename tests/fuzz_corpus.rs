//! The corpus of the fuzz targets, replayed with the stable toolchain: every file through its target's function, as it
//! is, cut short and damaged. `fuzz/` itself is a crate of its own, which this build knows nothing of.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test fails by panicking"
)]

#[path = "../fuzz/src/lib.rs"]
mod targets;

use std::collections::BTreeSet;
use std::fs;
use std::panic::catch_unwind;
use std::path::{Path, PathBuf};
use std::time::Instant;

use targets::{TARGETS, Target};

/// All of the corpus, in bytes: small enough to be read and to be replayed in a few seconds.
const LARGEST_CORPUS: u64 = 200 * 1024;
/// One file of it.
const LARGEST_FILE: u64 = 4 * 1024;
/// Targets that open files or a database, or build the whole command line: their files are damaged less often.
const SLOW: [&str; 11] = [
    "aichat",
    "arguments",
    "cache_row",
    "config",
    "config_edit",
    "foreign_env",
    "llm",
    "llm_log",
    "mods",
    "schema",
    "template",
];
/// How many damaged inputs a target gets, of all its files together.
const DAMAGED: usize = 600;
const DAMAGED_SLOW: usize = 40;

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz").join(name)
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    let listed = fs::read_dir(folder).unwrap_or_else(|why| panic!("{}: {why}", folder.display()));
    let mut paths: Vec<PathBuf> = listed.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
}

fn stems(name: &str) -> BTreeSet<String> {
    entries(&folder(name)).iter().map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned()).collect()
}

#[test]
fn every_target_has_a_function_a_file_and_a_corpus() {
    let known: BTreeSet<String> = TARGETS.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(known.len(), TARGETS.len(), "a name is there twice");
    assert_eq!(stems("fuzz_targets"), known, "fuzz/fuzz_targets");
    assert_eq!(stems("corpus"), known, "fuzz/corpus");
    let manifest = fs::read_to_string(folder("Cargo.toml")).unwrap();
    let named = manifest.lines().filter_map(|line| line.strip_prefix("name = \"")?.strip_suffix('"'));
    let named: BTreeSet<String> = named.filter(|name| *name != "llmr-fuzz").map(str::to_owned).collect();
    assert_eq!(named, known, "fuzz/Cargo.toml");
    for name in known {
        let text = fs::read_to_string(folder("fuzz_targets").join(format!("{name}.rs"))).unwrap();
        assert!(text.contains(&format!("::{name}(data)")), "fuzz/fuzz_targets/{name}.rs calls another function");
        assert!(!entries(&folder("corpus").join(&name)).is_empty(), "fuzz/corpus/{name} is empty");
    }
}

#[test]
fn the_corpus_is_small() {
    let mut all = 0;
    for path in entries(&folder("corpus")).iter().flat_map(|folder| entries(folder)) {
        let size = fs::metadata(&path).unwrap().len();
        assert!(size <= LARGEST_FILE, "{} has {size} bytes, more than {LARGEST_FILE}", path.display());
        all += size;
    }
    assert!(all <= LARGEST_CORPUS, "fuzz/corpus has {all} bytes, more than {LARGEST_CORPUS}");
}

/// Runs one input; a panic is told with where the input came from and the bytes that bring it back.
fn run(target: Target, data: &[u8], what: &str) -> Option<String> {
    let outcome = catch_unwind(|| target(data));
    outcome.is_err().then(|| format!("{what}; the bytes: {}", data.escape_ascii()))
}

/// The file cut short, and with a byte changed: at so many places, spread over all of it.
fn damage(target: Target, path: &Path, data: &[u8], most: usize) -> Option<String> {
    let steps = 2 * data.len();
    (0..steps).step_by(1 + steps / most.max(1)).find_map(|step| {
        let (at, cut) = (step / 2, step % 2 == 0);
        let mut damaged = data.to_vec();
        if cut {
            damaged.truncate(at);
        } else {
            damaged[at] = damaged[at].wrapping_mul(5).wrapping_add(13);
        }
        let how = if cut { "cut" } else { "changed" };
        run(target, &damaged, &format!("{} {how} at {at}", path.display()))
    })
}

#[test]
fn the_corpus_holds() {
    let (mut files, mut failed, began) = (0, Vec::new(), Instant::now());
    for (name, target) in TARGETS {
        let paths = entries(&folder("corpus").join(name));
        let read: Vec<(PathBuf, Vec<u8>)> =
            paths.into_iter().map(|path| (path.clone(), fs::read(path).unwrap())).collect();
        let most = if SLOW.contains(name) { DAMAGED_SLOW } else { DAMAGED } / read.len();
        for (path, data) in &read {
            let what = path.display().to_string();
            failed.extend(run(*target, data, &what).or_else(|| damage(*target, path, data, most)));
        }
        files += read.len();
    }
    assert!(failed.is_empty(), "what these bring about stands above:\n{}", failed.join("\n"));
    println!("{files} files of {} targets in {:?}", TARGETS.len(), began.elapsed());
}
