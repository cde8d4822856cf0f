//! What a terminal would obey reaches no terminal, whatever it comes in: an answer, an error, a name, a file, a row.
//!
//! Every attack stands in every place, on a real terminal; each run must also show that it was shown at all.

use serde_json::{Value, json};

use crate::common::Place;
use crate::common::pty::Pty;
use crate::listener::{Listener, completion};

/// What a terminal would act on, with a mark by which the place is known to have been reached.
const ATTACKS: [&str; 24] = [
    "\x1b]52;c;UFdO\x07",
    "\x1b]0;PWN\x07",
    "\x1b]2;PWN\x1b\\",
    "\x1b]8;;https://pwn.example\x1b\\PWN\x1b]8;;\x1b\\",
    "\x1b[2J\x1b[H",
    "\x1b[99A\x1b[99D",
    "\x1b[1K\x1b[2K",
    "\x1b[?1049h",
    "\x1b[?25l\x1b[?1000h\x1b[?2004l",
    "\x1b[8mPWN",
    "\x1b[6n\x1b[c\x1b[5i",
    "\x1bPq#0;2;0;0;0PWN\x1b\\",
    "\x1b_Gf=100;PWN\x1b\\",
    "\x1b^PWN\x1b\\\x1bXPWN\x1b\\",
    "\x1bc\x1b(0",
    "\u{9b}2J\u{9b}31m",
    "\u{9d}0;PWN\u{9c}\u{90}q\u{9c}\u{9f}x\u{9c}",
    "PWN\x08\x08\x08OWN",
    "PWN\rOWN",
    "\u{202e}NWP\u{202c}\u{202a}x\u{202b}",
    "\u{2066}PWN\u{2069}\u{2067}\u{2068}",
    "\u{e0050}\u{e0057}\u{e004e}",
    "\u{2028}PWN\u{2029}\u{fff9}",
    "\x07\x0e\x0f\x0b\x0c\x7f",
];

/// All of them behind each other.
fn all() -> String {
    ATTACKS.join("PWN|")
}

/// Nothing of any attack is there as it was; `shown` says that the place was reached.
fn harmless(printed: &str, case: &str) {
    for attack in ATTACKS {
        // One of `\x07` and its like is looked for by its characters.
        assert!(!printed.contains(attack), "{case}: {attack:?} in {printed:?}");
    }
    let acts = |c: char| {
        matches!(c, '\u{7}' | '\u{8}' | '\u{e}' | '\u{f}' | '\u{b}' | '\u{c}' | '\u{7f}'..='\u{9f}' | '\u{2028}'..='\u{202e}'
            | '\u{2066}'..='\u{206f}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
    };
    let found: Vec<char> = printed.chars().filter(|c| acts(*c)).collect();
    assert!(found.is_empty(), "{case}: {found:?} in {printed:?}");
    for own in [
        "\x1b]",
        "\x1bP",
        "\x1b_",
        "\x1b^",
        "\x1bX",
        "\x1bc",
        "\x1b(",
        "\x1b[?1049",
        "\x1b[2J",
        "\x1b[?1000",
        "\x1b[8m",
    ] {
        assert!(!printed.contains(own), "{case}: {own:?} in {printed:?}");
    }
}

/// Runs it on a terminal wide enough that no name is broken; what it printed.
fn on_terminal(place: &Place, args: &[&str]) -> String {
    let (_, printed) = Pty::start(place, args, 400, 60).end();
    harmless(&printed, &args.join(" "));
    printed
}

fn shows(place: &Place, args: &[&str]) -> String {
    let printed = on_terminal(place, args);
    // A value that is refused shows its first characters only.
    assert!(printed.contains("PWN") || printed.contains("]52;c;"), "{args:?} shows no attack: {printed:?}");
    printed
}

/// A provider of the OpenAI dialect at this address, with one model.
fn lab(url: &str, model: &str) -> Place {
    let place = Place::new().var("LAB_KEY", "test-key").var("LLMR_MAX_RETRIES", 0);
    let model = toml_text(model);
    place.home_file(
        "config.toml",
        &format!(
            "[[provider]]\nname = \"lab\"\ndialect = \"openai\"\nbase_url = \"{url}/v1\"\napi_key_env = \"LAB_KEY\"\n\
             models = [{model}]\ninput_usd_per_mtok = 0.0\noutput_usd_per_mtok = 0.0\n"
        ),
    );
    place
}

/// A streamed answer, a character an event; its model has a name of its own.
fn in_characters(text: &str) -> String {
    let event = |delta: Value, finish: Value| {
        let choice = json!({ "index": 0, "delta": delta, "finish_reason": finish });
        format!("data: {}\n\n", json!({ "id": all(), "model": all(), "choices": [choice] }))
    };
    let pieces: String = text.chars().map(|c| event(json!({ "content": c.to_string() }), Value::Null)).collect();
    pieces + &event(json!({}), json!("stop")) + "data: [DONE]\n\n"
}

#[test]
fn an_answer_whole_or_in_pieces_is_shown_and_not_obeyed() {
    let whole = Listener::start(|request| (200, completion(request, &all())));
    let pieces = Listener::start(|_| (200, in_characters(&all())));
    for (provider, more) in [(&whole, &["--no-stream"][..]), (&whole, &[]), (&pieces, &[]), (&pieces, &["-u", "-v"])] {
        for markdown in ["on", "off"] {
            let place = lab(&provider.url(), "m").var("LLMR_MARKDOWN", markdown);
            let printed = shows(&place, &[&["ask", "--no-cache", "hello"], more].concat());
            assert!(printed.contains("␛]52;c;UFdO␇"), "{printed:?}");
            assert!(printed.contains("<U+202E>NWP"), "{printed:?}");
        }
    }
    let place = lab(&pieces.url(), "m");
    for args in
        [&["chat", "-x", "hello"][..], &["ask", "--json", "hello"], &["ask", "--output-format", "stream-json", "hello"]]
    {
        on_terminal(&place, args);
    }
    shows(&place, &["ask", "--json", "hello"]);
}

/// `--raw` is for whoever wants the answer's own colours: it lets the answer through, and nothing else.
#[test]
fn raw_lets_the_answer_through_and_nothing_else() {
    let provider = Listener::start(|request| (200, completion(request, &all())));
    let place = lab(&provider.url(), "m");
    let (_, printed) = Pty::start(&place, &["ask", "--raw", "--no-cache", "hello"], 400, 60).end();
    assert!(printed.contains("\x1b]52;c;UFdO\x07"), "{printed:?}");
    let failing = Listener::start(|_| (400, json!({ "error": { "message": all(), "type": all() } }).to_string()));
    let place = lab(&failing.url(), "m");
    shows(&place, &["ask", "--raw", "--no-cache", "-v", "hello"]);
}

#[test]
fn an_error_of_a_provider_is_shown_and_not_obeyed() {
    for (status, body) in [
        (400, json!({ "error": { "message": all(), "type": all(), "code": all(), "param": all() } }).to_string()),
        (401, json!({ "error": { "message": all() } }).to_string()),
        (429, json!({ "error": { "message": all(), "code": "rate_limit_exceeded" } }).to_string()),
        (500, json!({ "message": all() }).to_string()),
        (503, all()),
        (200, json!({ "error": { "message": all() } }).to_string()),
        (200, format!("data: {}\n\n", json!({ "error": { "message": all(), "code": all() } }))),
        (200, format!("data: {}\n\n", all().replace(['\r', '\n'], " "))),
        (200, all()),
    ] {
        let provider = Listener::start(move |_| (status, body.clone()));
        let place = lab(&provider.url(), "m");
        on_terminal(&place, &["ask", "--no-cache", "-v", "hello"]);
        on_terminal(&place, &["providers", "check"]);
        on_terminal(&place, &["ask", "--no-cache", "--json", "hello"]);
    }
    let provider = Listener::start(|_| (400, json!({ "error": { "message": all() } }).to_string()));
    shows(&lab(&provider.url(), "m"), &["ask", "--no-cache", "hello"]);
}

#[test]
fn a_listing_of_models_is_shown_and_not_obeyed() {
    let ids: Vec<Value> = ATTACKS.iter().map(|attack| json!({ "id": format!("{attack}PWN") })).collect();
    let provider = Listener::start(move |_| (200, json!({ "data": ids }).to_string()));
    let place = lab(&provider.url(), "m");
    let printed = shows(&place, &["models", "--live"]);
    assert!(printed.contains("␛]52;c;UFdO␇PWN"), "{printed:?}");
    shows(&place, &["models", "--live", "--json"]);
    on_terminal(&place, &["providers", "check"]);
}

#[test]
fn a_name_out_of_a_folder_or_the_command_line_is_shown_and_not_obeyed() {
    let provider = Listener::start(|request| (200, completion(request, "ok")));
    // As TOML may name it, and as a `.env` of a working folder may: a variable's value may hold all but a quote.
    let place = lab(&provider.url(), &all());
    for args in
        [&["providers", "list"][..], &["providers", "show", "lab"], &["dry-run", "x"], &["dry-run", "x", "--json"]]
    {
        shows(&place, args);
    }
    shows(&place, &["ask", "-u", "-v", "--no-cache", "hello"]);
    for args in [
        &["log"][..],
        &["log", "show", "r1"],
        &["stats"],
        &["stats", "--by", "model"],
        &["models", "lab"],
        &["log", "--json"],
        &["stats", "--json"],
    ] {
        on_terminal(&place, args);
    }
    let place = Place::new().var("OPENAI_BASE_URL", provider.url()).var("OPENAI_API_KEY", "test-key");
    place.work_file(".env", &format!("OPENAI_MODEL='{}'\n", all().replace('\'', "")));
    shows(&place, &["config", "show"]);
    shows(&place, &["config", "show", "--json"]);
    on_terminal(&place, &["ask", "hello"]);
    let all = all();
    for args in [
        &["ask", "-m", &all, "hello"][..],
        &["ask", "-p", &all, "hello"],
        &["ask", "-f", &all, "hello"],
        &["ask", "-i", &all, "hello"],
        &["ask", "-T", &all, "hello"],
        &["ask", "--profile", &all, "hello"],
        &["ask", "--schema", &all, "hello"],
        &["ask", "-o", &all, "hello"],
        &["ask", "-s", &all, "-m", "nobody/m", "hello"],
        &["--config", &all, "config", "path"],
        &["--config", &all, "config", "check"],
        &["batch", &all],
        &["log", "show", &all],
        &["chat", "show", &all],
        &["template", "show", &all],
        &["providers", "show", &all],
        &["config", "trust", &all],
        &["import", "llm", "--from", &all],
        &["budget", "set", &all],
        &[&all],
    ] {
        on_terminal(&place, args);
    }
}

/// Every text that the database keeps, made hostile by somebody who got at it, or by what was imported or asked.
#[test]
fn what_was_kept_is_shown_and_not_obeyed() {
    let provider = Listener::start(|request| (200, completion(request, "ok")));
    let place = lab(&provider.url(), "m").var("LLMR_LOG_CONTENT", "on");
    place.run(&["ask", "--tag", "t", "hello"]).expect(0);
    place.run(&["chat", "--name", "c", "hello"]);
    place.run_with_stdin(&["chat"], b"hello\n").expect(0);
    let columns = free_texts(&place);
    assert!(columns.len() >= 20, "{columns:?}");
    let db = rusqlite::Connection::open(place.home().join("llmr.db")).unwrap();
    for (table, column) in &columns {
        let sql = format!("UPDATE \"{table}\" SET \"{column}\" = ?1 WHERE \"{column}\" IS NOT NULL");
        // Where it is unique, one row is enough; where it refers to another, the other one has it.
        _ = db.execute(&sql, [all()]);
    }
    drop(db);
    let mut shown = 0;
    for args in [
        &["log"][..],
        &["log", "--json"],
        &["log", "show", "r1"],
        &["log", "export", "--all"],
        &["log", "export", "--all", "--format", "csv"],
        &["stats"],
        &["stats", "--by", "model"],
        &["stats", "--by", "tag"],
        &["stats", "--json"],
        &["stats", "--format", "csv", "--by", "tag"],
        &["stats", "--format", "html"],
        &["stats", "--format", "prometheus"],
        &["providers"],
        &["budget", "history"],
        &["chat", "list"],
        &["chat", "list", "--json"],
        &["chat", "show", "c1"],
        &["chat", "export", "c1"],
        &["chat", "export", "c1", "--format", "jsonl"],
        &["chat", "export", "c1", "--format", "json"],
        &["cache", "verify"],
        &["dry-run", "hello"],
        &["ask", "hello"],
        &["forget", "--all"],
    ] {
        shown += usize::from(on_terminal(&place, args).contains("PWN"));
    }
    assert!(shown >= 12, "only {shown} of them show what is kept");
}

/// The columns that hold what somebody wrote, not what llmr names itself.
fn free_texts(place: &Place) -> Vec<(String, String)> {
    let names = [
        "provider",
        "model",
        "requested_model",
        "tag",
        "name",
        "system",
        "prompt",
        "answer",
        "content",
        "summary",
        "message",
        "label",
        "models",
        "text",
    ];
    let tables = place
        .sql("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' AND name <> 'settings'");
    let columns = |table: String| -> Vec<(String, String)> {
        place
            .sql(&format!("SELECT name FROM pragma_table_info('{table}')"))
            .into_iter()
            .filter(|column| names.contains(&column.as_str()))
            .map(|column| (table.clone(), column))
            .collect()
    };
    tables.into_iter().flat_map(columns).collect()
}

#[test]
fn files_of_other_tools_and_templates_are_shown_and_not_obeyed() {
    let place = Place::new();
    let all = all();
    place.work_file("llm/keys.json", &json!({ all.as_str(): "x", "openai": "x" }).to_string());
    place.work_file("llm/aliases.json", &json!({ all.as_str(): all, "mine": all }).to_string());
    place.work_file("llm/default_model.txt", &all.replace(['\r', '\n'], " "));
    place.work_file(
        "aichat/config.yaml",
        &json!({ "model": all, "clients": [{ "type": "openai-compatible", "name": all, "api_base": all }] })
            .to_string(),
    );
    for args in [
        &["import", "llm", "--from", "llm", "--dry-run"][..],
        &["import", "llm", "--from", "llm"],
        &["import", "aichat", "--from", "aichat"],
        &["config", "show"],
        &["config", "check"],
    ] {
        on_terminal(&place, args);
    }
    let place = Place::new();
    std::fs::create_dir(place.home().join("templates")).unwrap();
    let text = format!("# {}\nprompt = {}\nsystem = {}\n", "PWN", toml_text(&all), toml_text(&all));
    place.home_file("templates/t.toml", &text);
    for args in [
        &["template", "list"][..],
        &["template", "show", "t"],
        &["template", "show", "t", "--json"],
        &["ask", "-T", "t", "x"],
    ] {
        on_terminal(&place, args);
    }
    place.home_file("templates/u.toml", &format!("{all} = 1\n"));
    on_terminal(&place, &["ask", "-T", "u", "x"]);
    place.home_file("config.toml", &format!("\"{}\" = 1\n", all.escape_unicode()));
    on_terminal(&place, &["config", "check"]);
    place.home_file("config.toml", &all);
    on_terminal(&place, &["config", "check"]);
}

/// A TOML string with the characters themselves where TOML allows them, else escaped.
fn toml_text(text: &str) -> String {
    let escaped = |c: char| match c {
        '"' | '\\' => format!("\\{c}"),
        c if u32::from(c) < 0x20 || c == '\u{7f}' => format!("\\u{:04x}", u32::from(c)),
        c => c.to_string(),
    };
    format!("\"{}\"", text.chars().map(escaped).collect::<String>())
}

#[cfg(unix)]
#[test]
fn what_tab_offers_is_shown_and_not_obeyed() {
    let provider = Listener::start(|request| (200, completion(request, "ok")));
    let place = lab(&provider.url(), "m");
    for (n, attack) in ATTACKS.iter().enumerate() {
        let name = format!("z{n}{}", attack.replace(['/', '\0'], ""));
        std::fs::write(place.work().join(name), "x").unwrap();
    }
    place.work_file("z-plain-1", "x");
    place.work_file("z-plain-2", "x");
    let mut pty = Pty::start(&place, &["chat"], 200, 60);
    pty.wait_until("the prompt", |screen| screen.trim_end().ends_with('>'));
    pty.send("/file z\t\t");
    pty.wait_for("z-plain-2");
    harmless(&String::from_utf8_lossy(&pty.raw), "Tab in a chat");
    pty.send("\x15\x04");
    pty.end();
    // And to a shell, which asks llmr itself.
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        for words in [&["llmr", "ask", "-f", "z"][..], &["llmr", "ask", "-m", ""], &["llmr", "ask", "-p", ""]] {
            let mut command = place.command(&[&["--"], words].concat());
            command.env("LLMR_COMPLETE", shell).env("_CLAP_COMPLETE_INDEX", (words.len() - 1).to_string());
            command.env("_CLAP_IFS", "\n").env("OPENAI_API_KEY", "test-key").env("OPENAI_MODEL", format!("z{}", all()));
            let ran = crate::common::finish(command.spawn().unwrap());
            harmless(&ran.stdout, shell);
            assert!(!ran.stdout.contains("PWN"), "{shell}: {ran:?}");
            assert!(words[2] != "-f" || ran.stdout.contains("z-plain-1"), "{shell}: {ran:?}");
        }
    }
}
