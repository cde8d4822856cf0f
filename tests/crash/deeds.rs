//! What each part of a round runs, and what it asks.

use std::fs::File;
use std::process::Command;

use crate::common::Place;
use crate::money::MARK;
use crate::part::{Kind, Part};

/// Lines of a batch, and turns of a chat in a pipe.
pub const LINES: usize = 8;
/// See [`LINES`].
pub const TURNS: usize = 3;
/// The part that asks once before a round, so that there is something to forget.
pub const BEFORE: usize = 900;
/// What several ask, so that the cache answers.
const COMMON: usize = 910;

/// A prompt of a part. Turns and lines are counted from 1; what is asked once is number 0.
pub fn prompt(part: usize, number: usize) -> String {
    format!("{MARK}{part}-{number} what is known of the river with that number?")
}

/// What a part asks that asks once.
pub fn single(part: &Part) -> String {
    match part.kind {
        Kind::Cached => prompt(COMMON + part.number % 2, 0),
        _ => prompt(part.number, 0),
    }
}

/// The name of a chat's conversation.
pub fn session(part: &Part) -> String {
    format!("s{}", part.number)
}

/// The files of a batch: its prompts and its answers.
pub fn files(part: &Part) -> [String; 2] {
    ["in", "out"].map(|end| format!("{}.{end}.jsonl", part.tag()))
}

/// What a part runs. `more` turns of a chat follow in a pipe, numbered from `from`.
pub fn command(place: &Place, part: &Part) -> Command {
    let (tag, text) = (part.tag(), single(part));
    let ask = |flags: &[&str]| {
        let ask = [&["ask", "--tag", &tag], flags, &["--no-stdin", &text]].concat();
        place.command(&ask)
    };
    match part.kind {
        Kind::Stream => ask(&["--stream", "--no-cache"]),
        Kind::Whole => ask(&["--no-stream", "--no-cache"]),
        Kind::Cached => ask(&[]),
        Kind::Parallel => ask(&["--parallel", "2", "--no-cache"]),
        Kind::Race => ask(&["--parallel", "3", "--race", "--no-cache"]),
        Kind::Chat => chat(place, part, 1..=TURNS),
        Kind::Terminal => place.command(&["chat", "--session", &session(part), "--tag", &tag]),
        Kind::Batch => batch(place, part),
        Kind::Clear => place.command(&["cache", "clear"]),
        Kind::Verify => place.command(&["cache", "verify", "--delete"]),
        Kind::Forget => place.command(&["forget", "r1"]),
        Kind::Budget => place.command(&["budget"]),
        // It writes, so that a database is made where there is none.
        Kind::Open => place.command(&["budget", "set", "5"]),
    }
}

/// A chat in a pipe with these turns.
pub fn chat(place: &Place, part: &Part, turns: impl Iterator<Item = usize>) -> Command {
    let lines: String = turns.map(|turn| prompt(part.number, turn) + "\n").collect();
    let file = place.work_file(&format!("{}.turns", part.tag()), &lines);
    let mut command = place.command(&["chat", "--session", &session(part), "--tag", &part.tag()]);
    command.stdin(File::open(file).unwrap());
    command
}

/// A batch, begun or gone on with.
pub fn batch(place: &Place, part: &Part) -> Command {
    let line = |n| format!("{{\"id\": \"l{n}\", \"prompt\": \"{}\"}}\n", prompt(part.number, n));
    let [input, output] = files(part);
    place.work_file(&input, &(1..=LINES).map(line).collect::<String>());
    place.command(&["batch", &input, "-o", &output, "--jobs", "3", "--tag", &part.tag()])
}
