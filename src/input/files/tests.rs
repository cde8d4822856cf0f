//! Patterns and files, in folders made for the purpose.

use super::*;

/// A folder with these files; a name that ends in `/` is a folder.
fn folder(names: &[&str]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for name in names {
        let path = folder.path().join(name);
        if name.ends_with('/') {
            fs::create_dir_all(path).unwrap();
        } else {
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, name).unwrap();
        }
    }
    folder
}

/// The files that patterns find below a folder, without its path.
fn found(root: &Path, patterns: &[&str]) -> Result<Vec<String>> {
    let paths: Vec<PathBuf> = patterns.iter().map(|p| root.join(p)).collect();
    let relative = |path: PathBuf| path.strip_prefix(root).unwrap_or(&path).display().to_string();
    Ok(expand("-f", &paths)?.into_iter().map(relative).collect())
}

#[test]
fn patterns_find_files_sorted() {
    let root = folder(&[
        "b.rs",
        "a.rs",
        "c.md",
        ".hidden.rs",
        "src/m.rs",
        "src/deep/n.rs",
        "src/deep/.o.rs",
        ".git/p.rs",
        "empty/",
        "[x].rs",
        "x.rs",
        "d.rs/inside",
    ]);
    for (patterns, expected) in [
        (&["*.rs"][..], &["[x].rs", "a.rs", "b.rs", "x.rs"][..]),
        (&["?.rs"], &["a.rs", "b.rs", "x.rs"]),
        (&["[ab].rs"], &["a.rs", "b.rs"]),
        (&["[!ab].rs"], &["x.rs"]),
        // A file of the literal name is that file.
        (&["[x].rs"], &["[x].rs"]),
        (&["[[]x].rs"], &["[x].rs"]),
        (&[".*.rs"], &[".hidden.rs"]),
        (&["**/*.rs"], &["[x].rs", "a.rs", "b.rs", "src/deep/n.rs", "src/m.rs", "x.rs"]),
        (&["src/**/*.rs"], &["src/deep/n.rs", "src/m.rs"]),
        (&["src/**"], &["src/deep/n.rs", "src/m.rs"]),
        (&["**/**/n.rs"], &["src/deep/n.rs"]),
        (&["**/deep/**/*.rs"], &["src/deep/n.rs"]),
        (&["s*/*.rs"], &["src/m.rs"]),
        (&["*/deep/*"], &["src/deep/n.rs"]),
        (&[".git/*"], &[".git/p.rs"]),
        // In the order given, each file once, a named one where it is named.
        (&["c.md", "*.rs", "a.*"], &["c.md", "[x].rs", "a.rs", "b.rs", "x.rs"]),
        (&["*.rs", "x.rs"], &["[x].rs", "a.rs", "b.rs", "x.rs"]),
        (&["no-such", "a.rs", "a.rs"], &["no-such", "a.rs", "a.rs"]),
    ] {
        assert_eq!(found(root.path(), patterns).unwrap(), expected, "{patterns:?}");
    }
}

#[test]
fn what_finds_nothing_is_named() {
    let root = folder(&["a.rs", "sub/b.rs", "empty/"]);
    for (pattern, message, hint) in [
        ("*.py", "no file matches", "relative"),
        ("no/*.rs", "no file matches", "relative"),
        ("a.rs/*", "no file matches", "relative"),
        ("em*", "no file matches", "only folders do"),
        ("empty/*", "no file matches", "relative"),
        ("a**", "is neither a file nor a pattern", "stands alone"),
        ("[a", "is neither a file nor a pattern", "stands alone"),
        ("***/x", "is neither a file nor a pattern", "stands alone"),
    ] {
        let error = found(root.path(), &[pattern]).unwrap_err();
        assert!(error.message.contains(message) && error.message.contains(pattern), "{pattern}: {}", error.message);
        assert!(error.hints[0].contains(hint), "{pattern}: {:?}", error.hints);
        assert_eq!(error.exit_code(), 2);
    }
}

#[cfg(unix)]
#[test]
fn loops_of_links_have_an_end_and_links_to_files_count() {
    use std::os::unix::fs::symlink;
    let root = folder(&["a/x.md", "b/y.md"]);
    for (to, from) in [("..", "a/up"), ("..", "b/up"), (".", "a/self"), ("nowhere", "dangling.md"), ("a/x.md", "l.md")]
    {
        symlink(to, root.path().join(from)).unwrap();
    }
    assert_eq!(found(root.path(), &["**/*.md"]).unwrap(), ["a/x.md", "b/y.md", "l.md"]);
    // A link that is named is followed.
    assert_eq!(found(root.path(), &["a/up/b/*.md"]).unwrap(), ["a/up/b/y.md"]);
}

#[test]
fn too_many_matches_are_refused() {
    let root = folder(&[]);
    for n in 0..=MAX_MATCHES {
        fs::write(root.path().join(format!("{n:04}")), "").unwrap();
    }
    let error = found(root.path(), &["*"]).unwrap_err();
    assert!(error.message.contains("matches more than 1000 files"), "{}", error.message);
    assert_eq!(found(root.path(), &["0*"]).unwrap().len(), MAX_MATCHES);
}

#[test]
fn files_are_bounded_together() {
    let root = folder(&[]);
    let paths: Vec<PathBuf> = (0..3).map(|n| root.path().join(n.to_string())).collect();
    for path in &paths {
        fs::File::create(path).unwrap().set_len(MAX_BYTES as u64 / 2).unwrap();
    }
    assert_eq!(read(&paths[..2]).unwrap().len(), 2);
    let error = read(&paths).unwrap_err();
    assert!(error.message.contains("what -f names, up to") && error.message.contains("64 MiB"), "{}", error.message);
}
