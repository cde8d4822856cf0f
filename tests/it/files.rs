//! `-f` as a user gives it: files and patterns in their order, and everything that is none.

use crate::common::{Place, sandbox};

/// What the sandboxed model was sent as the user's message.
fn asked(sandbox: &llmr::sandbox::Sandbox) -> String {
    let requests = sandbox.requests();
    requests.last().unwrap().body["messages"][0]["content"].as_str().unwrap().to_owned()
}

fn place(sandbox: &llmr::sandbox::Sandbox) -> Place {
    let place = Place::new().with(sandbox);
    for (name, text) in
        [("b.rs", "bee\n"), ("a.rs", "ay"), ("src/deep/c.rs", "sea"), (".hidden.rs", "no"), ("n.md", "en")]
    {
        place.work_file(name, text);
    }
    place
}

#[test]
fn files_and_patterns_go_in_sorted_and_in_the_order_given() {
    let sandbox = sandbox("");
    let place = place(&sandbox);
    place.run(&["ask", "-p", "openai", "-f", "n.md", "-f", "*.rs", "-f", "**/c.rs", "review"]).expect(0);
    let expected = "review\n\n<file name=\"n.md\">en</file>\n\n<file name=\"a.rs\">ay</file>\n\n\
                    <file name=\"b.rs\">bee\n</file>\n\n<file name=\"src/deep/c.rs\">sea</file>";
    assert_eq!(asked(&sandbox), expected);
    // As the shell would have expanded it.
    place.run(&["-p", "openai", "review", "-f", "./a.rs", "--no-cache"]).expect(0);
    assert_eq!(asked(&sandbox), "review\n\n<file name=\"./a.rs\">ay</file>");
}

#[test]
fn what_is_no_file_is_named_with_a_hint() {
    let sandbox = sandbox("");
    let place = place(&sandbox);
    std::fs::write(place.work().join("binary"), b"a\xff\0b").unwrap();
    std::fs::write(place.work().join("shot.txt"), super::images::png(9, 9)).unwrap();
    std::fs::create_dir(place.work().join("many")).unwrap();
    for n in 0..1001 {
        std::fs::write(place.work().join(format!("many/{n}")), "x").unwrap();
    }
    for (file, message, hint) in [
        ("*.py", "no file matches `*.py`", "relative to the working folder"),
        ("no/**/x", "no file matches `no/**/x`", "relative to the working folder"),
        // It finds `src`, which is left out, and `shot.txt`, which is no text.
        ("s*", "`shot.txt` is not valid UTF-8 at byte 0", "-i"),
        ("[z-a].rs", "no file matches `[z-a].rs`", "relative"),
        ("a[.rs", "`a[.rs` is neither a file nor a pattern", "stands alone"),
        ("x**.rs", "`x**.rs` is neither a file nor a pattern", "stands alone"),
        ("src", "`src` is a folder", "-f 'src/*'"),
        ("src/", "`src/` is a folder", "-f 'src/*'"),
        ("sr*", "no file matches `sr*`", "only folders do; name the files in them: -f 'sr*/*'"),
        ("gone.rs", "cannot read `gone.rs`: No such file", "working folder"),
        ("~/x*.rs", "no file matches `~/x*.rs`", "$HOME"),
        ("http://a.example/x", "`http://a.example/x` is a URL, and -f reads files", "curl"),
        ("https://a.example/?q=*", "`https://a.example/?q=*` is a URL, and -f reads files", "curl"),
        ("binary", "`binary` is not valid UTF-8 at byte 1", "iconv"),
        ("shot.txt", "`shot.txt` is not valid UTF-8 at byte 0", "-i"),
        ("many/*", "`many/*` matches more than 1000 files", "narrow it down"),
    ] {
        let ran = place.run(&["ask", "-f", file, "hi"]).expect(2);
        assert_eq!(ran.stdout, "", "{file}");
        assert!(ran.stderr.starts_with(&format!("error: {message}")), "{file}: {}", ran.stderr);
        assert!(ran.stderr.contains(hint), "{file}: {}", ran.stderr);
    }
    assert!(sandbox.requests().is_empty());
}
