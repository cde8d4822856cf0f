//! Cases for composing and reading the prompt; stdin is a real pipe.

use std::io::Write;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;

/// So long that no test ever waits for it.
const NEVER: Duration = Duration::from_secs(60);

fn owned(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

fn composed(prompt: Option<&str>, files: &[(&str, &str)], stdin: Option<&str>) -> Result<String> {
    let files: Vec<_> = files.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect();
    compose(prompt, &files, stdin)
}

/// Reads with a pipe that brings `bytes` and ends.
fn read_with(words: &[&str], files: &[&str], no_stdin: bool, kind: StdinKind, bytes: &[u8]) -> Result<String> {
    let (reader, mut writer) = io::pipe().unwrap();
    writer.write_all(bytes).unwrap();
    drop(writer);
    let words = owned(words);
    let files: Vec<PathBuf> = files.iter().map(PathBuf::from).collect();
    let given = Given { words: &words, files: &files, no_stdin };
    read(&given, Stdin { kind, reader, silence: NEVER }, |_| panic!("no hint is due"))
}

#[test]
fn parts_are_composed_in_order_and_unchanged() {
    let (a, b) = (("a.txt", "alpha\r\n"), ("b.txt", ""));
    for (prompt, files, stdin, text) in [
        (Some("hi"), &[][..], None, "hi"),
        (Some(" hi\n\n"), &[], None, " hi\n\n"),
        (Some("hi"), &[], Some(""), "hi"),
        (Some("hi"), &[], Some("\n"), "hi\n\n<stdin>\n</stdin>"),
        (Some("hi"), &[], Some("a\r\n\tb "), "hi\n\n<stdin>a\r\n\tb </stdin>"),
        (None, &[], Some("text\n"), "text\n"),
        (None, &[a], None, "<file name=\"a.txt\">alpha\r\n</file>"),
        (None, &[a], Some("sum up"), "sum up\n\n<file name=\"a.txt\">alpha\r\n</file>"),
        (
            Some("hi"),
            &[b, a],
            Some("x"),
            "hi\n\n<file name=\"b.txt\"></file>\n\n<file name=\"a.txt\">alpha\r\n</file>\n\n<stdin>x</stdin>",
        ),
        (Some("hi"), &[("a\"<b>&\n", "x")], None, "hi\n\n<file name=\"a&quot;&lt;b&gt;&amp;&#10;\">x</file>"),
    ] {
        assert_eq!(composed(prompt, files, stdin).unwrap(), text);
    }
}

#[test]
fn an_empty_prompt_is_refused() {
    let file = [("a", "x")];
    for (prompt, files, stdin, message) in [
        (None, &[][..], None, "there is no prompt"),
        (None, &[], Some(""), "there is no prompt"),
        (None, &[("a", "")], None, "there is no prompt"),
        (None, &[], Some(" \r\n"), "the prompt is empty"),
        (Some(""), &[], Some("text"), "the prompt is empty"),
        (Some(" \t"), &file, None, "the prompt is empty"),
    ] {
        let error = composed(prompt, files, stdin).unwrap_err();
        assert_eq!((error.message.as_str(), error.exit_code(), error.hints.len()), (message, 2, 1), "{prompt:?}");
    }
}

#[test]
fn stdin_is_read_where_it_should_be() {
    use StdinKind::{Data, Other, Terminal};
    let block = "hi\n\n<stdin>piped\n</stdin>";
    for (words, no_stdin, kind, text) in [
        (&["hi"][..], false, Data, block),
        (&["hi"], true, Data, "hi"),
        (&["hi"], false, Terminal, "hi"),
        (&["hi"], false, Other, "hi"),
        (&["hi", "-"], false, Data, block),
        (&["hi", "-"], false, Terminal, block),
        (&["hi", "-"], false, Other, block),
        (&["5", "-", "3"], false, Terminal, "5 - 3"),
        (&["say", "hi"], true, Terminal, "say hi"),
        (&["-"], false, Terminal, "piped\n"),
        (&["-"], false, Data, "piped\n"),
        (&[], false, Data, "piped\n"),
        (&[], false, Other, "piped\n"),
    ] {
        assert_eq!(read_with(words, &[], no_stdin, kind, b"piped\n").unwrap(), text, "{words:?} {kind:?}");
    }
    for (words, no_stdin, kind, message) in [
        (&[][..], false, Terminal, "there is no prompt"),
        (&[], true, Data, "there is no prompt"),
        (&[""], false, Data, "the prompt is empty"),
        (&["-"], true, Data, "`-` reads standard input and --no-stdin leaves it out"),
    ] {
        let error = read_with(words, &[], no_stdin, kind, b"piped\n").unwrap_err();
        assert_eq!((error.message.as_str(), error.exit_code()), (message, 2), "{words:?}");
    }
    assert_eq!(read_with(&["hi"], &[], false, Data, b"").unwrap(), "hi");
    assert_eq!(read_with(&[], &[], false, Other, b"").unwrap_err().message, "there is no prompt");
}

#[test]
fn files_are_read_in_order_and_stdin_among_them() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (a, b) = (path("a"), path("b"));
    fs::write(&a, "alpha\r\n").unwrap();
    fs::write(&b, "\u{feff}beta").unwrap();
    let text = read_with(&["hi"], &[&b, "-", &a], false, StdinKind::Terminal, b"gamma").unwrap();
    let expected = format!(
        "hi\n\n<file name=\"{b}\">\u{feff}beta</file>\n\n<file name=\"-\">gamma</file>\n\n<file name=\"{a}\">alpha\r\n</file>"
    );
    assert_eq!(text, expected);
    let text = read_with(&[], &[&a], false, StdinKind::Data, b"sum up\n").unwrap();
    assert_eq!(text, format!("sum up\n\n\n<file name=\"{a}\">alpha\r\n</file>"));
    let text = read_with(&[], &[&a], false, StdinKind::Other, b"not read").unwrap();
    assert_eq!(text, format!("<file name=\"{a}\">alpha\r\n</file>"));
    let text = read_with(&["hi"], &["-"], false, StdinKind::Data, b"").unwrap();
    assert_eq!(text, "hi", "nothing is added for an empty stdin");
    let twice = read_with(&["hi", "-"], &["-"], false, StdinKind::Data, b"").unwrap_err();
    assert_eq!((twice.kind, twice.message.contains("twice")), (Kind::Usage, true));
}

#[test]
fn unreadable_files_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (binary, dir) = (path("binary"), path(""));
    fs::write(&binary, b"ok \xff\xfe").unwrap();
    for (file, message, hint) in [
        (binary.as_str(), format!("`{binary}` is not valid UTF-8 at byte 3"), "iconv"),
        (&dir, format!("`{dir}` is a folder"), "-f"),
        ("no/such.file", "cannot read `no/such.file`: No such file".to_owned(), "working folder"),
        ("~/no-such-file", "cannot read `~/no-such-file`".to_owned(), "$HOME"),
        ("no-such-*.md", "no file matches `no-such-*.md`".to_owned(), "pattern"),
        ("https://a.example/x", "`https://a.example/x` is a URL".to_owned(), "curl"),
        ("", "cannot read ``".to_owned(), "working folder"),
    ] {
        let error = read_with(&["hi"], &[file], false, StdinKind::Data, b"").unwrap_err();
        assert!(error.message.starts_with(&message), "{}", error.message);
        assert!(error.hints[0].contains(hint), "{file}: {:?}", error.hints);
        assert_eq!(error.exit_code(), 2);
    }
}

#[test]
fn bytes_that_are_no_text_are_refused_with_their_place() {
    let split = [b"x".repeat(CHUNK - 1), "é".as_bytes().to_vec(), b"\x80".to_vec()].concat();
    let (reader, mut writer) = io::pipe().unwrap();
    let at = CHUNK + 1;
    let writing = thread::spawn(move || writer.write_all(&split));
    let stdin = Stdin { kind: StdinKind::Data, reader, silence: NEVER };
    let error = read(&Given::default(), stdin, |_| {}).unwrap_err();
    assert_eq!(error.message, format!("standard input is not valid UTF-8 at byte {at}"));
    assert_eq!(error.exit_code(), 2);
    writing.join().unwrap().unwrap();
}

#[test]
fn a_silent_pipe_gets_one_hint_and_is_waited_for() {
    let (reader, mut writer) = io::pipe().unwrap();
    let (hinted, saw) = sync_channel(1);
    let hints = AtomicUsize::new(0);
    // It writes only after the hint, then is silent again for longer, and then ends.
    let writing = thread::spawn(move || {
        saw.recv().unwrap();
        writer.write_all(b"late ").unwrap();
        thread::sleep(Duration::from_millis(20));
        writer.write_all(b"text").unwrap();
    });
    let words = owned(&["hi"]);
    let given = Given { words: &words, ..Given::default() };
    let stdin = Stdin { kind: StdinKind::Data, reader, silence: Duration::from_millis(5) };
    let text = read(&given, stdin, |text| {
        assert!(text.contains("--no-stdin"));
        hints.fetch_add(1, Ordering::SeqCst);
        hinted.send(()).unwrap();
    });
    assert_eq!(text.unwrap(), "hi\n\n<stdin>late text</stdin>");
    assert_eq!(hints.into_inner(), 1);
    writing.join().unwrap();
}

#[test]
fn a_failing_stdin_is_an_error() {
    struct Broken;
    impl Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::Error::other("broken"))
        }
    }
    let stdin = Stdin { kind: StdinKind::Data, reader: Broken, silence: NEVER };
    let error = read(&Given::default(), stdin, |_| {}).unwrap_err();
    assert_eq!((error.message.as_str(), error.kind), ("cannot read standard input: broken", Kind::Input));
}

#[cfg(target_os = "linux")]
#[test]
fn an_endless_input_is_refused() {
    let endless = || fs::File::open("/dev/zero").unwrap();
    let stdin = Stdin { kind: StdinKind::Other, reader: endless(), silence: NEVER };
    assert!(read(&Given::default(), stdin, |_| {}).unwrap_err().message.contains("longer than 64 MiB"));
    let error = read_with(&["hi"], &["/dev/zero"], false, StdinKind::Data, b"").unwrap_err();
    assert!(error.message.starts_with("`/dev/zero` is longer than 64 MiB"), "{}", error.message);
}

#[cfg(unix)]
#[test]
fn the_kind_of_stdin_is_seen() {
    use std::os::unix::net::UnixStream;
    let file = tempfile::tempfile().unwrap();
    assert_eq!(StdinKind::of(&file), StdinKind::Data);
    assert_eq!(StdinKind::of(&io::pipe().unwrap().0), StdinKind::Data);
    assert_eq!(StdinKind::of(&UnixStream::pair().unwrap().0), StdinKind::Data);
    assert_eq!(StdinKind::of(&fs::File::open("/dev/null").unwrap()), StdinKind::Other);
    assert_eq!(StdinKind::of(&fs::File::open("/").unwrap()), StdinKind::Other);
}
