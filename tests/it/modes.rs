//! What llmr makes is for its user alone, whatever the umask says.
#![cfg(unix)]

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use crate::common::pty::Pty;
use crate::common::{Place, Ran, finish, sandbox};

/// Runs it under this umask.
fn under(umask: &str, place: &Place, args: &[&str]) -> Ran {
    let plain = place.command(args);
    let mut command = Command::new("sh");
    command
        .args(["-c", "umask \"$1\"; shift; exec \"$@\"", "sh", umask])
        .arg(plain.get_program())
        .args(plain.get_args());
    command.env_clear().current_dir(place.work());
    command.envs(plain.get_envs().filter_map(|(name, value)| Some((name, value?))));
    command
        .stdin(std::process::Stdio::null())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped());
    finish(command.spawn().unwrap())
}

/// The modes of everything below a folder.
fn modes(folder: &Path) -> BTreeMap<String, (bool, u32)> {
    let mut found = BTreeMap::new();
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        let meta = entry.metadata().unwrap();
        let name = entry.path().strip_prefix(folder).unwrap().display().to_string();
        found.insert(name.clone(), (meta.is_dir(), meta.permissions().mode() & 0o7777));
        if meta.is_dir() {
            found.extend(modes(&entry.path()).into_iter().map(|(below, mode)| (format!("{name}/{below}"), mode)));
        }
    }
    found
}

/// Every command that makes something, each in its turn.
const COMMANDS: [&[&str]; 13] = [
    &["config", "init"],
    &["template", "new", "t", "say: {{input}}"],
    &["template", "new", "t", "say again: {{input}}", "--force"],
    &["config", "trust"],
    &["budget", "set", "4"],
    &["ask", "hello"],
    &["ask", "--session", "s", "hello"],
    &["ask", "-c", "go on"],
    &["batch", "in.jsonl", "-o", "out.jsonl"],
    &["cache", "verify", "--delete"],
    &["import", "llm", "--from", "llm"],
    &["providers", "check"],
    &["chat", "list"],
];

#[test]
fn everything_that_is_made_is_the_user_s_alone() {
    let sandbox = sandbox("");
    for umask in ["000", "022", "027", "077", "002"] {
        let place = Place::new().with(&sandbox).var("LLMR_LOG_CONTENT", "on");
        // Folders that are not there yet, two deep.
        let place = place.var("LLMR_HOME", "");
        let root = place.home().join("new");
        let place =
            place.var("XDG_CONFIG_HOME", root.join("c").display()).var("XDG_DATA_HOME", root.join("d/e").display());
        place.work_file(".env", "LLMR_MAX_RETRIES=1\n");
        place.work_file("in.jsonl", "{\"prompt\": \"x\"}\n");
        place.work_file("llm/aliases.json", "{\"mine\": \"gpt-6-luna\"}");
        for args in COMMANDS {
            let ran = under(umask, &place, args);
            assert!(matches!(ran.code, Some(0 | 1)), "{umask} {args:?}: {ran:?}");
            assert!(!ran.stderr.contains("open to others"), "{umask} {args:?}: {ran:?}");
        }
        let found = modes(&root);
        for wanted in [
            "c/llmr/config.toml",
            "c/llmr/templates/t.toml",
            "c/llmr/trusted",
            "c/llmr/cache.key",
            "d/e/llmr/llmr.db",
            "d/e/llmr/llmr.db-wal",
            "d/e/llmr/llmr.db-shm",
        ] {
            assert!(found.contains_key(wanted), "{umask}: no {wanted} in {found:?}");
        }
        for (name, (folder, mode)) in &found {
            assert_eq!(*mode, if *folder { 0o700 } else { 0o600 }, "{umask}: {name}");
        }
        // What the user names is the umask's matter, as with any other program.
        let out = std::fs::metadata(place.work().join("out.jsonl")).unwrap().permissions().mode() & 0o777;
        assert_eq!(out, 0o666 & !u32::from_str_radix(umask, 8).unwrap(), "{umask}");
    }
}

#[test]
fn what_a_chat_writes_is_the_user_s_alone() {
    let sandbox = sandbox("");
    let place = Place::new().with(&sandbox).var("EDITOR", "ls -lR \"$LLMR_HOME\" >modes; true");
    let home = place.home();
    let mut pty = Pty::start_with(&place, &["chat"], 100, 30, |command| command.umask(Some(0)));
    // Before its prompt the terminal is not the editor's yet, and would make another key of Enter.
    pty.wait_until("the first prompt", |screen| screen.trim_end().ends_with('>'));
    pty.send("hello\r");
    let at_prompt = |screen: &str| screen.contains(" left today") && screen.trim_end().ends_with('>');
    pty.wait_until("an answer and the next prompt", at_prompt);
    pty.send("/save text.md\r");
    pty.wait_until("saved", |screen| screen.contains("written to") && at_prompt(screen));
    pty.send("/edit\r");
    pty.wait_until("the prompt after the editor", |screen| screen.contains("nothing was changed") && at_prompt(screen));
    pty.send("\x15\x04");
    pty.end();
    let listed = std::fs::read_to_string(place.work().join("modes")).unwrap();
    let draft = |line: &&str| line.ends_with(" prompt.md") || line.contains(" draft-");
    assert_eq!(listed.lines().filter(draft).count(), 2, "{listed}");
    for line in listed.lines().filter(draft) {
        assert!(line.starts_with("drwx------") || line.starts_with("-rw-------"), "{line}");
    }
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&place.work().join("text.md")), 0o600);
    assert_eq!(mode(&home.join("chat_history")), 0o600);
    for (name, (folder, mode)) in modes(&home) {
        assert_eq!(mode, if folder { 0o700 } else { 0o600 }, "{name}");
    }
}

#[test]
fn a_folder_or_file_that_others_can_get_at_is_told_each_time() {
    let sandbox = sandbox("");
    let place = Place::new().with(&sandbox);
    place.run(&["ask", "hello"]).expect(0);
    place.home_file("config.toml", "");
    place.home_file(".env", "");
    place.work_file(".env", "X=1");
    place.run(&["config", "trust"]).expect(0);
    for (name, loose, tight) in [
        ("", 0o777, 0o700),
        ("", 0o1777, 0o700),
        ("", 0o750, 0o700),
        ("llmr.db", 0o644, 0o600),
        ("llmr.db", 0o660, 0o600),
        ("config.toml", 0o602, 0o600),
        (".env", 0o640, 0o600),
        ("cache.key", 0o604, 0o600),
        ("trusted", 0o620, 0o600),
    ] {
        let path = place.home().join(name);
        let chmod = |mode| std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        chmod(loose);
        let ran = place.run(&["budget"]).expect(0);
        assert!(
            ran.stderr.contains("is open to others (mode ") && ran.stderr.contains("run `chmod "),
            "{name} {loose:o}: {ran:?}"
        );
        let (_, budget) = place.json(&["ask", "hello"]);
        assert!(budget["warnings"].to_string().contains("is open to others"), "{name} {loose:o}: {budget}");
        chmod(tight);
        assert!(!place.run(&["budget"]).expect(0).stderr.contains("open to others"), "{name}");
    }
}
