//! Every command of llmr that could meet a database, and what all of them owe a person whatever state that is in.

use super::{Place, Ran};

/// Needs these files in the working folder.
pub const COMMANDS: &[&[&str]] = &[
    &["ask", "something new"],
    &["ask", "--stream", "something newer"],
    &["ask", "--no-stream", "--json", "the newest"],
    &["ask", "prompt 1"],
    &["ask", "--session", "s", "once more"],
    &["chat"],
    &["batch", "prompts.jsonl"],
    &["batch", "prompts.jsonl", "-o", "out.jsonl"],
    &["budget"],
    &["budget", "set", "4"],
    &["budget", "check"],
    &["budget", "history"],
    &["stats"],
    &["stats", "--json"],
    &["providers"],
    &["providers", "reset", "cohere"],
    &["cache"],
    &["cache", "clear"],
    &["cache", "verify"],
    &["log"],
    &["log", "show", "r1"],
    &["log", "export"],
    &["dry-run", "something"],
    &["models"],
    &["config", "show"],
    &["config", "path"],
    &["config", "check"],
    &["forget", "r1"],
    &["forget", "--all"],
    &["import", "llm", "--from", "tool"],
    &["template"],
];

/// Those that only look.
pub const READERS: &[&[&str]] = &[
    &["budget"],
    &["budget", "check"],
    &["budget", "history"],
    &["stats"],
    &["stats", "--format", "html"],
    &["providers"],
    &["cache"],
    &["cache", "verify"],
    &["log"],
    &["log", "show", "r1"],
    &["log", "export"],
    &["models"],
    &["config", "show"],
    &["config", "check"],
    &["template"],
];

/// What the commands above read.
pub fn prepare(place: &Place) {
    place.work_file("prompts.jsonl", "{\"prompt\": \"one\"}\n{\"prompt\": \"two\"}\n");
    let logs = place.work_file("tool/logs.db", "");
    let db = rusqlite::Connection::open(logs).unwrap();
    db.execute_batch(
        "CREATE TABLE conversations (id TEXT, name TEXT, model TEXT);
         CREATE TABLE responses (id TEXT, model TEXT, prompt TEXT, system TEXT, response TEXT, conversation_id TEXT,
                                 datetime_utc TEXT);
         INSERT INTO conversations VALUES ('c', 'n', 'gpt-4');
         INSERT INTO responses VALUES ('r', 'gpt-4', 'hello', NULL, 'hi', 'c', '2024-01-01T00:00:00')",
    )
    .unwrap();
}

/// Runs one of them; a chat is typed one line.
pub fn run(place: &Place, command: &[&str]) -> Ran {
    match command {
        ["chat", ..] => place.run_with_stdin(command, b"hello there\n"),
        _ => place.run(command),
    }
}

/// Whether it is a command that may send something.
pub fn sends(command: &[&str]) -> bool {
    matches!(command[0], "ask" | "chat" | "batch")
}

/// What is owed whatever happens: no panic, no SQL, and an error that is lower-case, names `file` and a way out.
pub fn assert_plain(ran: &Ran, command: &[&str], file: &str) {
    let all = format!("{}{}", ran.stdout, ran.stderr);
    for word in ["panicked", "RUST_BACKTRACE", "CREATE TABLE", "SELECT "] {
        assert!(!all.contains(word), "{command:?}: {ran:?}");
    }
    if ran.code == Some(0) {
        return;
    }
    // A batch tells each line's own error on its line.
    let error = if command.contains(&"--json") { &ran.stdout } else { &ran.stderr };
    // What is asked for may not be there (`log show` of an empty database): that is no fault of the file.
    assert!(error.contains(file) || ran.code == Some(2), "{command:?} names no file: {ran:?}");
    assert!(error.contains("hint"), "{command:?} shows no way out: {ran:?}");
    if let Some(said) = ran.stderr.split("error: ").nth(1) {
        assert!(!said.starts_with(char::is_uppercase), "{command:?}: {ran:?}");
    }
}
