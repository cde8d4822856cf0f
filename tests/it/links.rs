//! Links, pipes and other people's files where llmr keeps its own: none is written to, none holds it up.
#![cfg(unix)]

use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use llmr::sandbox::Sandbox;

use crate::common::pty::Pty;
use crate::common::{Place, sandbox, skipped};
use crate::strangers::fifo;

/// Every file that llmr keeps.
const KEPT: [&str; 8] = [
    "llmr.db",
    "llmr.db-wal",
    "llmr.db-shm",
    "cache.key",
    "chat_history",
    "trusted",
    "config.toml",
    "templates/t.toml",
];

/// Other people's files, with what is in them.
fn victims() -> Vec<(&'static str, Vec<u8>)> {
    vec![
        ("shell", b"alias ls='ls --color'\n".to_vec()),
        ("empty", Vec::new()),
        ("notes", b"A=1\n# my own notes\n".to_vec()),
        ("as long as a key", vec![7; 32]),
        ("blob", vec![0xfe; 8192]),
        ("theirs.db", database("PRAGMA user_version = 0; CREATE TABLE bookmarks (url TEXT);")),
        ("newer.db", database("PRAGMA user_version = 900; CREATE TABLE bookmarks (url TEXT);")),
        ("older.db", database("PRAGMA user_version = 2; CREATE TABLE bookmarks (url TEXT);")),
        ("wal.db", database("PRAGMA journal_mode = wal; CREATE TABLE bookmarks (url TEXT);")),
    ]
}

/// The bytes of a database that somebody else's program has made.
fn database(sql: &str) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.db");
    let db = rusqlite::Connection::open(&path).unwrap();
    db.execute_batch(sql).unwrap();
    db.close().unwrap();
    std::fs::read(path).unwrap()
}

/// Whatever llmr does of its own accord with what it keeps.
fn everything(place: &Place) -> Vec<(Vec<&'static str>, Option<i32>, String)> {
    let commands: [&[&str]; 9] = [
        &["ask", "hello"],
        &["ask", "-c", "go on"],
        &["budget", "set", "3"],
        &["config", "trust"],
        &["config", "init"],
        &["template", "new", "t", "x"],
        &["template", "new", "t", "x", "--force"],
        &["cache", "verify", "--delete"],
        &["log"],
    ];
    commands
        .iter()
        .map(|args| {
            let ran = place.run(args);
            assert!(ran.code.is_some_and(|code| code != 101), "{args:?}: {ran:?}");
            (args.to_vec(), ran.code, ran.stderr)
        })
        .collect()
}

/// A place with a trusted-to-be `.env` and a folder of victims outside of it.
fn place(sandbox: &Sandbox) -> (Place, PathBuf) {
    let place = Place::new().with(sandbox);
    place.work_file(".env", "LLMR_MAX_RETRIES=1\n");
    std::fs::create_dir(place.home().join("templates")).unwrap();
    let outside = place.work().join("outside");
    std::fs::create_dir(&outside).unwrap();
    (place, outside)
}

#[test]
fn no_link_in_the_state_folder_leads_to_a_file_that_is_written() {
    let sandbox = sandbox("");
    for hard in [false, true] {
        // SQLite's two helpers it makes anew; only who may write into the folder could put a hard link there.
        for kept in KEPT.into_iter().filter(|kept| !hard || !kept.starts_with("llmr.db-")) {
            let (place, outside) = place(&sandbox);
            // A hard link to an empty file cannot be told from an empty file of one's own.
            for (name, bytes) in
                victims().into_iter().filter(|(name, _)| !hard || ["notes", "theirs.db"].contains(name))
            {
                let victim = outside.join(name);
                std::fs::write(&victim, &bytes).unwrap();
                for own in KEPT {
                    _ = std::fs::remove_file(place.home().join(own));
                }
                let link = place.home().join(kept);
                match hard {
                    true => std::fs::hard_link(&victim, &link).unwrap(),
                    false => symlink(&victim, &link).unwrap(),
                }
                let ran = some(&place, kept);
                assert!(
                    std::fs::read(&victim).unwrap() == bytes,
                    "{kept} → {name} (hard: {hard}) was written: {ran:?}"
                );
                if kept == "llmr.db" {
                    let told = ran.iter().filter(|(args, ..)| args[0] == "ask");
                    assert!(
                        told.clone().all(|(_, code, said)| *code != Some(0) && said.contains("llmr.db")),
                        "{name}: {ran:?}"
                    );
                }
                // Whoever looks into a database with a write-ahead log leaves an empty one.
                for beside in ["-wal", "-shm", "-journal"].iter().filter(|_| name != "wal.db") {
                    assert!(!outside.join(format!("{name}{beside}")).exists(), "{kept} → {name}: {beside} is left");
                }
            }
        }
    }
}

/// The commands that have to do with this file.
fn some(place: &Place, kept: &str) -> Vec<(Vec<&'static str>, Option<i32>, String)> {
    let args: &[&[&str]] = match kept {
        "llmr.db" => &[&["ask", "hello"], &["log"], &["budget", "set", "3"], &["cache", "verify", "--delete"]],
        "trusted" => &[&["config", "trust"], &["config", "check"]],
        "config.toml" => &[&["config", "init"], &["ask", "hello"]],
        "templates/t.toml" => &[&["template", "new", "t", "x"], &["template", "new", "t", "x", "--force"]],
        _ => &[&["ask", "hello"]],
    };
    args.iter()
        .map(|args| {
            let ran = place.run(args);
            (args.to_vec(), ran.code, ran.stderr)
        })
        .collect()
}

#[test]
fn a_link_that_leads_nowhere_makes_nothing_there() {
    let sandbox = sandbox("");
    for kept in KEPT {
        let (place, outside) = place(&sandbox);
        symlink(outside.join("new"), place.home().join(kept)).unwrap();
        let ran = everything(&place);
        chat(&place);
        let names: Vec<_> = std::fs::read_dir(&outside).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert!(names.is_empty(), "{kept}: {names:?} was made: {ran:?}");
    }
}

/// One line in the line editor, which keeps it in the history.
fn chat(place: &Place) -> String {
    let mut pty = Pty::start(place, &["chat"], 160, 30);
    // A database that cannot be used ends it before its prompt.
    let at_prompt = |screen: &str| screen.trim_end().ends_with('>');
    let screen = pty.wait_until("a prompt or an error", |screen| at_prompt(screen) || screen.contains("error:"));
    if at_prompt(&screen) {
        pty.send("a line that I typed\r");
        pty.wait_until("an answer", |screen| screen.contains("left today") && at_prompt(screen));
        pty.send("/quit\r");
    }
    pty.end().1
}

#[test]
fn a_history_that_is_another_program_s_file_is_left_alone() {
    let sandbox = sandbox("");
    let (place, outside) = place(&sandbox);
    let history = place.home().join("chat_history");
    for (name, bytes) in victims().into_iter().filter(|(name, _)| !name.ends_with(".db")) {
        for way in ["link", "hard link", "copy"] {
            if bytes.is_empty() && way != "link" {
                continue;
            }
            let victim = outside.join(name);
            std::fs::write(&victim, &bytes).unwrap();
            _ = std::fs::remove_file(&history);
            match way {
                "link" => symlink(&victim, &history).unwrap(),
                "hard link" => std::fs::hard_link(&victim, &history).unwrap(),
                _ => _ = std::fs::copy(&victim, &history).unwrap(),
            }
            let said = chat(&place);
            assert!(said.contains("chat_history cannot be read"), "{name}, {way}: {said}");
            assert!(
                std::fs::read(&victim).unwrap() == bytes && std::fs::read(&history).unwrap() == bytes,
                "{name}, {way}"
            );
        }
    }
    // A history of one's own may lie elsewhere.
    _ = std::fs::remove_file(&history);
    std::fs::write(outside.join("mine"), "#V2\nan older line\n").unwrap();
    symlink(outside.join("mine"), &history).unwrap();
    let said = chat(&place);
    assert!(!said.contains("cannot be"), "{said}");
    assert_eq!(
        std::fs::read_to_string(outside.join("mine")).unwrap(),
        "#V2\nan older line\na line that I typed\n/quit\n"
    );
}

#[test]
fn a_pipe_in_a_file_s_place_holds_nobody_up() {
    let sandbox = sandbox("");
    for kept in KEPT.into_iter().chain([".env"]) {
        let (place, _) = place(&sandbox);
        let path = place.home().join(kept);
        if !fifo(&path) {
            return skipped("no mkfifo: pipes in the state folder were not tried");
        }
        everything(&place);
        if ["chat_history", "llmr.db"].contains(&kept) {
            chat(&place);
        }
    }
}

#[test]
fn a_folder_behind_a_link_works_and_one_s_own_database_may_lie_elsewhere() {
    let sandbox = sandbox("");
    let place = Place::new().with(&sandbox);
    place.run(&["ask", "hello"]).expect(0);
    let elsewhere = place.work().join("elsewhere");
    std::fs::create_dir(&elsewhere).unwrap();
    for name in ["llmr.db", "llmr.db-wal", "llmr.db-shm"] {
        std::fs::rename(place.home().join(name), elsewhere.join(name)).unwrap();
    }
    symlink(elsewhere.join("llmr.db"), place.home().join("llmr.db")).unwrap();
    let (_, log) = place.json(&["log"]);
    assert_eq!(log["requests"].as_array().unwrap().len(), 1);
    place.run(&["ask", "and again"]).expect(0);
    assert_eq!(crate::common::rows(&elsewhere.join("llmr.db"), "SELECT count(*) FROM requests"), ["2"]);
    let linked = place.work().join("home2");
    symlink(place.home(), &linked).unwrap();
    let place = place.var("LLMR_HOME", linked.display());
    let (_, log) = place.json(&["log"]);
    assert_eq!(log["requests"].as_array().unwrap().len(), 2);
    assert!(!Path::new(&place.work().join("llmr.db")).exists());
}
