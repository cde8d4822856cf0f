//! What is kept of prompts and answers, and that nothing of it is left once it is forgotten.

use std::path::Path;

use serde_json::{Value, json};

use crate::common::pty::Pty;
use crate::common::{Place, rows, sandbox};

/// The files under a folder that hold this text.
fn files_with(folder: &Path, text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        match path.is_dir() {
            true => found.extend(files_with(&path, text)),
            false => {
                let bytes = std::fs::read(&path).unwrap();
                let holds = bytes.windows(text.len()).any(|window| window == text.as_bytes());
                found.extend(holds.then(|| path.display().to_string()));
            }
        }
    }
    found
}

/// No file.
const NOWHERE: [&str; 0] = [];

/// A prompt that no other text looks like; the sandbox's answer repeats its first words.
fn secret(n: usize) -> String {
    format!("zebra{n}quagga{n} {}", "and many words more ".repeat(400))
}

#[test]
fn nothing_is_kept_unless_somebody_asked_for_it() {
    let sandbox = sandbox("");
    let place = Place::new().with(&sandbox);
    place.run(&["ask", "--no-cache", &secret(1)]).expect(0);
    assert_eq!(files_with(&place.home(), "zebra1quagga1"), NOWHERE);
    let (_, shown) = place.json(&["log", "show", "r1"]);
    assert_eq!(shown["requests"][0]["content"], Value::Null);
    assert!(shown["requests"][0].as_object().unwrap().contains_key("content"), "{shown}");
    let ran = place.run(&["log", "export"]).expect(0);
    assert_eq!(ran.stdout, "");
    assert!(ran.stderr.contains("hint: no prompts and answers are kept in the log: `log_content = true`"), "{ran:?}");
}

#[test]
fn no_way_of_asking_keeps_a_text_in_secret_and_rehearsals_are_forgotten_too() {
    let place = Place::new();
    place.work_file("schema.json", "{\"type\": \"object\", \"required\": [\"a\"]}");
    place.work_file("in.jsonl", &format!("{{\"prompt\": \"{}\"}}\n", secret(2)));
    let prompt = secret(1);
    for (args, code) in [
        (&["ask", "--sandbox", "--no-cache", "-s"][..], 0),
        (&["ask", "--sandbox=openai=500,anthropic=500,gemini=500,cohere=500", "--max-retries", "0", "--no-cache"], 69),
        (&["ask", "--sandbox", "--no-cache", "--json", "--schema", "schema.json"], 0),
        (&["ask", "--sandbox", "--no-cache", "--parallel", "3", "--mode", "shadow"], 0),
        (&["dry-run", "--sandbox"], 0),
    ] {
        let args: Vec<&str> =
            if args.ends_with(&["-s"]) { [args, &[&prompt, &prompt]].concat() } else { [args, &[&prompt]].concat() };
        place.run(&args).expect(code);
        assert_eq!(files_with(&place.home(), "zebra1quagga1"), NOWHERE, "{:?}", &args[..2]);
    }
    place.run(&["batch", "--sandbox", "in.jsonl"]).expect(0);
    place.run(&["chat", "--sandbox", "--session", "zebra2quagga2", &prompt]).expect(0);
    assert!(!files_with(&place.home(), "zebra1quagga1").is_empty());
    assert!(!files_with(&place.home(), "zebra2quagga2").is_empty());
    std::fs::create_dir(place.home().join("draft-0123456789abcdef")).unwrap();
    place.home_file("draft-0123456789abcdef/prompt.md", &prompt);
    place.home_file("chat_history-sandbox", &prompt);
    let (code, done) = place.json(&["forget", "--all"]);
    assert_eq!((code, &done["removed"]["conversations"], &done["removed"]["batches"]), (0, &json!(1), &json!(1)));
    for n in [1, 2] {
        assert_eq!(files_with(&place.home(), &format!("zebra{n}quagga{n}")), NOWHERE);
    }
}

#[test]
fn a_foreign_env_file_cannot_have_texts_kept() {
    let place = Place::new();
    place.work_file(".env", "LLMR_LOG_CONTENT=on\n");
    let ran = place.run(&["log"]).expect(2);
    assert!(ran.stderr.contains("LLMR_LOG_CONTENT"), "{ran:?}");
}

#[test]
fn what_is_forgotten_leaves_no_byte() {
    let sandbox = sandbox("");
    let place = Place::new().with(&sandbox).var("LLMR_LOG_CONTENT", "on");
    for n in 1..=4 {
        place.run(&["ask", &secret(n)]).expect(0);
    }
    place.run(&["ask", "--session", "trip", &secret(5)]).expect(0);
    place.run(&["ask", "-c", &secret(6)]).expect(0);
    for n in 1..=6 {
        assert!(!files_with(&place.home(), &format!("zebra{n}quagga{n}")).is_empty(), "{n}");
    }
    let money = place.money();
    let ran = place.run(&["forget", "r2", "r5"]).expect(0);
    assert_eq!(ran.stdout, "removed: 2 prompts with their answers, 2 stored answers\n");
    for n in [2, 5] {
        assert_eq!(files_with(&place.home(), &format!("zebra{n}quagga{n}")), NOWHERE, "{n}");
    }
    for n in [1, 3, 4, 6] {
        assert!(!files_with(&place.home(), &format!("zebra{n}quagga{n}")).is_empty(), "{n}");
    }
    let (_, trip) = place.json(&["chat", "show", "trip"]);
    assert_eq!((&trip["turns"][0]["forgotten"], &trip["turns"][1]["forgotten"]), (&json!(true), &json!(false)));

    place.home_file("chat_history", "zebra7quagga7\n");
    let (_, removed) = place.json(&["forget", "--all"]);
    assert_eq!(
        removed["removed"],
        json!({"requests": 4, "conversations": 1, "condensations": 0, "batches": 0, "cache_entries": 4, "vectors": 0,
               "chat_history": true})
    );
    assert_eq!(removed["scrubbed"], true);
    for n in 1..=7 {
        assert_eq!(files_with(&place.home(), &format!("zebra{n}quagga{n}")), NOWHERE, "{n}");
    }
    // The figures stay.
    assert_eq!(place.money(), money);
    assert_eq!(place.json(&["log"]).1["requests"].as_array().unwrap().len(), 6);
    assert_eq!(place.run(&["forget", "--all"]).expect(0).stdout, "nothing was kept of that\n");
}

#[test]
fn a_wrong_id_removes_nothing() {
    let sandbox = sandbox("");
    let place = Place::new().with(&sandbox).var("LLMR_LOG_CONTENT", "on");
    place.run(&["ask", "--session", "trip", "hello"]).expect(0);
    for wrong in ["r99", "c9", "nobody"] {
        place.run(&["forget", "r1", wrong]).expect(2);
    }
    assert_eq!(place.sql("SELECT count(*) FROM contents"), ["1"]);
    assert_eq!(
        place.run(&["forget", "trip"]).expect(0).stdout,
        "removed: 1 prompt with its answer, 1 conversation, 1 stored answer\n"
    );
    assert_eq!(place.sql("SELECT count(*) FROM turns"), ["0"]);
}

#[test]
fn a_summary_of_what_is_forgotten_goes_with_it() {
    let sandbox = sandbox("");
    let place = Place::new().with(&sandbox);
    place.run(&["ask", "--session", "trip", "hello"]).expect(0);
    place.run(&["ask", "-c", "hello again"]).expect(0);
    let db = rusqlite::Connection::open(place.home().join("llmr.db")).unwrap();
    db.execute_batch("INSERT INTO condensations VALUES (1, 2, 1, 'zebra8quagga8')").unwrap();
    drop(db);
    assert!(!files_with(&place.home(), "zebra8quagga8").is_empty());
    let (_, done) = place.json(&["forget", "r1"]);
    assert_eq!(done["removed"]["condensations"], 1, "{done}");
    assert_eq!(files_with(&place.home(), "zebra8quagga8"), NOWHERE);
}

#[test]
fn the_log_shows_and_exports_what_it_keeps() {
    let sandbox = sandbox("");
    let place = Place::new().with(&sandbox).var("LLMR_LOG_CONTENT", "on");
    let hostile = "=cmd|' /C calc'!A0 \u{1b}]0;title\u{7} \"quoted\", and\nmore";
    let asked = place.json(&["ask", "-s", "be brief", "--tag", "night", hostile]).1;
    place.run(&["ask", hostile]).expect(0);
    let (_, shown) = place.json(&["log", "show", "r1"]);
    assert_eq!(
        shown["requests"][0]["content"],
        json!({"system": "be brief", "prompt": hostile, "images": [], "answer": asked["content"], "partial": false})
    );
    assert!(!place.json(&["log"]).1["requests"][0].as_object().unwrap().contains_key("content"));
    let (_, printed) = Pty::start(&place, &["log", "show", "r1"], 100, 40).end();
    assert!(printed.contains("␛]0;title␇") && !printed.contains("\u{1b}]0"), "{printed:?}");

    let lines = place.run(&["log", "export"]).expect(0).stdout;
    let rows: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(rows.len(), 2);
    for (field, expected) in [
        ("id", json!("r1")),
        ("prompt", json!(hostile)),
        ("answer", asked["content"].clone()),
        ("system", json!("be brief")),
        ("tag", json!("night")),
        ("cost_usd", asked["cost_usd"].clone()),
        ("usage", asked["usage"].clone()),
        ("provider", asked["provider"].clone()),
        ("finish_reason", json!("stop")),
    ] {
        assert_eq!(rows[0][field], expected, "{field}");
    }
    let table = place.run(&["log", "export", "--format", "csv"]).expect(0).stdout;
    let mut reader = csv::Reader::from_reader(table.as_bytes());
    let at = reader.headers().unwrap().iter().position(|title| title == "prompt").unwrap();
    let prompts: Vec<String> = reader.records().map(|row| row.unwrap()[at].to_owned()).collect();
    assert_eq!(prompts, [format!("'{hostile}"), format!("'{hostile}")], "no spreadsheet runs what a prompt says");
}

#[test]
fn a_large_data_set_comes_page_by_page() {
    let sandbox = sandbox("");
    let place = Place::new().with(&sandbox).var("LLMR_LOG_CONTENT", "on");
    place.run(&["ask", "hello"]).expect(0);
    let db = rusqlite::Connection::open(place.home().join("llmr.db")).unwrap();
    for id in 2..=100 {
        db.execute_batch(&format!(
            "INSERT INTO requests (id, at, day, state, mode, stream) VALUES ({id}, 0, 0, 'done', 'production', 0);
             INSERT INTO contents (request_id, logged, prompt) VALUES ({id}, {}, 'p{id}')",
            id % 2
        ))
        .unwrap();
    }
    drop(db);
    let count = |args: &[&str]| place.run(args).expect(0).stdout.lines().count();
    assert_eq!((count(&["log", "export"]), count(&["log", "export", "--all"])), (50, 100));
}

#[test]
fn the_log_says_why() {
    let sandbox = sandbox("");
    let place = Place::new().with(&sandbox);
    let said = |args: &[&str], id: &str| {
        place.run(args).expect(0);
        place.run(&["log", "show", id]).expect(0).stdout
    };
    let weighted = said(&["ask", "hello"], "r1");
    assert!(weighted.contains(
        "came first of 4 by strategy weighted: the highest score of cost, latency and quality, less the risk"
    ));
    assert!(said(&["ask", "hello"], "r2").contains("answered from the cache: nobody was asked\n"));
    assert!(said(&["ask", "-p", "openai", "hello"], "r3").contains(": the only one that could be asked\n"));
    assert!(said(&["ask", "--strategy", "cheapest", "anew"], "r4").contains(": the lowest expected cost\n"));
}

#[test]
fn forgetting_a_rehearsal_leaves_what_is_real_alone() {
    let sandbox = sandbox("");
    let place = Place::new().with(&sandbox);
    let typed = |args: &[&str], prompt: &str| {
        let mut pty = Pty::start(&place, args, 100, 60);
        pty.wait_until("the prompt", |screen| screen.trim_end().ends_with('>'));
        pty.send(&format!("{prompt}\r"));
        pty.wait_until("the answer", |screen| screen.contains(" left today") && screen.trim_end().ends_with('>'));
        pty.send("/exit\r");
        assert_eq!(pty.end_restored().0, 0);
    };
    let files = |text: &str| {
        let names = files_with(&place.home(), text).into_iter();
        let mut names: Vec<String> = names.map(|path| path.rsplit('/').next().unwrap().to_owned()).collect();
        names.retain(|name| name.starts_with("chat_history"));
        names
    };
    let kept = |database: &str| {
        let sql = "SELECT count(*) FROM contents WHERE prompt IS NOT NULL";
        rows(&place.home().join(database), sql)[0].parse::<u64>().unwrap() > 0
    };
    typed(&["chat", "--sandbox"], "rehearsed");
    typed(&["chat"], "really");
    assert_eq!(
        (files("rehearsed"), files("really")),
        (vec!["chat_history-sandbox".into()], vec!["chat_history".into()])
    );
    let forget = |args: &[&str]| {
        let ran = place.run(args).expect(0);
        assert!(ran.stdout.contains("what was typed into chats"), "{ran:?}");
    };
    forget(&["forget", "--all", "--sandbox"]);
    assert_eq!(files_with(&place.home(), "rehearsed"), NOWHERE);
    assert_eq!((files("really").len(), kept("llmr.db"), kept("llmr-sandbox.db")), (1, true, false));
    // Everything is everything: what was rehearsed may be as private as what was asked.
    typed(&["chat", "--sandbox"], "rehearsed");
    forget(&["forget", "--all"]);
    assert_eq!((files_with(&place.home(), "rehearsed"), files_with(&place.home(), "really")), (vec![], vec![]));
    assert_eq!((kept("llmr.db"), kept("llmr-sandbox.db")), (false, false));
}
