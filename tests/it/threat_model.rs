//! `SECURITY.md` says only what a test shows, and what it says of the tree of dependencies is so.

use std::path::{Path, PathBuf};
use std::process::Command;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(name: &str) -> String {
    std::fs::read_to_string(root().join(name)).unwrap_or_else(|why| panic!("{name}: {why}"))
}

/// The tests that a row names: each with its file.
fn tests_of(row: &str) -> Vec<(String, String)> {
    let (mut file, mut found) = (String::new(), Vec::new());
    // Every second piece stands between backticks.
    for word in row.split('`').skip(1).step_by(2) {
        match word.ends_with(".rs") {
            true => file = word.to_owned(),
            false => found.push((file.clone(), word.to_owned())),
        }
    }
    found
}

/// Whether a file has a test of that name that runs.
fn is_test(text: &str, name: &str) -> bool {
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    let at = lines.iter().position(|line| line.starts_with(&format!("fn {name}(")));
    at.is_some_and(|at| {
        let above: Vec<&&str> = lines[..at].iter().rev().take_while(|line| line.starts_with("#[")).collect();
        above.iter().any(|line| **line == "#[test]") && !above.iter().any(|line| line.starts_with("#[ignore"))
    })
}

#[test]
fn every_claim_names_a_test_that_there_is() {
    let page = read("SECURITY.md");
    let row = |line: &&str| line.starts_with("| ") && !line.contains("| shown by |");
    let mut rows = 0;
    for line in page.lines().filter(row) {
        let shown_by =
            line.trim_end_matches(['|', ' ']).rsplit_once(" | ").unwrap_or_else(|| panic!("no tests: {line}")).1;
        let tests = tests_of(shown_by);
        assert!(!tests.is_empty(), "no test shows it: {line}");
        for (file, name) in tests {
            assert!(is_test(&read(&file), &name), "{file} has no test {name}, which is to show: {line}");
        }
        rows += 1;
    }
    assert!(rows >= 20, "{rows} rows");
    assert!(page.lines().count() <= 100, "it is one page");
}

#[test]
fn a_test_that_is_not_there_or_does_not_run_is_found_out() {
    let text = "#[test]\nfn there() {}\n\n#[test]\n#[ignore]\nfn ignored() {}\n\nfn helper() {}\n\n    #[cfg(unix)]\n    #[test]\n    fn inside() {}\n";
    for (name, is) in
        [("there", true), ("inside", true), ("ignored", false), ("helper", false), ("the", false), ("gone", false)]
    {
        assert_eq!(is_test(text, name), is, "{name}");
    }
    assert_eq!(
        tests_of("`a.rs`: `x`, `y`; `b.rs`: `z`"),
        [("a.rs", "x"), ("a.rs", "y"), ("b.rs", "z")].map(|(f, n)| (f.into(), n.into()))
    );
}

/// The lock file as cargo itself sees it; a changed `Cargo.toml` without a changed lock file is an error here.
#[test]
fn the_lock_file_is_up_to_date_and_ci_keeps_to_it() {
    // Of this system's tree alone: what only others need may not be here.
    let args = ["tree", "--locked", "--offline", "--quiet"];
    let ran = Command::new(env!("CARGO")).args(args).current_dir(root()).output().unwrap();
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    let ci = read(".ci/run");
    let builds = |line: &&str| {
        ["clippy", "test", "doc", "build", "bench", "run"].iter().any(|what| line.contains(&format!("cargo {what}")))
    };
    let lines: Vec<&str> = ci.lines().filter(|line| !line.trim_start().starts_with('#')).filter(builds).collect();
    assert!(lines.len() >= 3 && lines.iter().all(|line| line.contains("--locked")), "{lines:?}");
    assert!(!read(".gitignore").lines().any(|line| line.contains("Cargo.lock")));
}

#[test]
fn what_may_be_in_the_tree_is_listed() {
    let deny: toml_edit::DocumentMut = read("deny.toml").parse().unwrap();
    assert_eq!(deny["bans"]["wildcards"].as_str(), Some("deny"));
    let banned: Vec<&str> = deny["bans"]["deny"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|row| row.as_inline_table()?.get("crate")?.as_str())
        .collect();
    for name in ["openssl", "openssl-sys", "native-tls", "aws-lc-rs", "aws-lc-sys"] {
        assert!(banned.contains(&name), "{name}");
    }
    for kind in ["unknown-registry", "unknown-git"] {
        assert_eq!(deny["sources"][kind].as_str(), Some("deny"));
    }
    let registries: Vec<_> =
        deny["sources"]["allow-registry"].as_array().unwrap().iter().filter_map(|url| url.as_str()).collect();
    assert_eq!(registries, ["https://github.com/rust-lang/crates.io-index"]);
    // What cargo-deny would find, as far as the lock file tells it: also where that program is not there.
    let lock = read("Cargo.lock");
    for line in lock.lines().filter(|line| line.starts_with("source = ")) {
        assert_eq!(line, "source = \"registry+https://github.com/rust-lang/crates.io-index\"");
    }
    for name in banned.iter().filter(|name| **name != "libsqlite3-sys") {
        assert!(!lock.contains(&format!("\nname = \"{name}\"\n")), "{name} is in the tree");
    }
    assert_eq!(lock.matches("\nname = \"libsqlite3-sys\"\n").count(), 1);
    assert!(read(".ci/run").contains("cargo deny --offline --locked check bans licenses sources"));
}

#[test]
fn there_is_no_unsafe_code() {
    assert!(read("Cargo.toml").contains("\nunsafe_code = \"forbid\"\n"));
    let mut folders = vec![root().join("src")];
    while let Some(folder) = folders.pop() {
        for path in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            match path.is_dir() {
                true => folders.push(path),
                false => assert!(!allows_unsafe(&path), "{}", path.display()),
            }
        }
    }
}

fn allows_unsafe(path: &PathBuf) -> bool {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    text.lines().map(str::trim).any(|line| line.starts_with("unsafe ") || line.contains("allow(unsafe_code"))
}
