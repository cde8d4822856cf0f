//! `llmr import`: what other tools know is brought over, once, and without their keys.

use std::path::Path;

use serde_json::{Value, json};

use crate::common::{Place, sandbox};

/// A word that stands for a key in the other tool's files.
const KEY: &str = "a-secret-word-of-another-tool";

fn write(folder: &Path, name: &str, content: impl AsRef<[u8]>) {
    let path = folder.join(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, content).unwrap();
}

/// The key is nowhere: not in what was printed, not in what was written.
fn without_key(place: &Place, printed: &str) {
    assert!(!printed.contains(KEY), "{printed}");
    for entry in std::fs::read_dir(place.home()).unwrap().flatten().filter(|entry| entry.path().is_file()) {
        let bytes = std::fs::read(entry.path()).unwrap();
        assert!(!bytes.windows(KEY.len()).any(|w| w == KEY.as_bytes()), "{:?}", entry.path());
    }
}

/// The files of llm, two conversations and a response without one.
fn llm(place: &Place) -> std::path::PathBuf {
    let folder = place.work().join("llm");
    write(&folder, "keys.json", json!({"// Note": "x", "openai": KEY, "my-lab": KEY}).to_string());
    write(&folder, "aliases.json", r#"{"turbo": "gpt-6-luna", "mine": "gpt-6-luna"}"#);
    write(&folder, "default_model.txt", "gpt-6-luna\n");
    let extra = "- model_id: lab-small\n  model_name: small\n  api_base: http://127.0.0.1:9/v1\n  api_key_name: my-lab\n  aliases: [tiny]\n\
                 - model_id: lab-large\n  api_base: http://127.0.0.1:9/v1\n";
    write(&folder, "extra-openai-models.yaml", extra);
    write(&folder, "templates/t.yaml", "prompt: x");
    let db = rusqlite::Connection::open(folder.join("logs.db")).unwrap();
    db.execute_batch(
        "CREATE TABLE conversations (id TEXT PRIMARY KEY, name TEXT, model TEXT);
         CREATE TABLE responses (id TEXT PRIMARY KEY, model TEXT, prompt TEXT, system TEXT, response TEXT,
             conversation_id TEXT, datetime_utc TEXT, input_tokens INTEGER, output_tokens INTEGER);
         CREATE TABLE fragments (id INTEGER PRIMARY KEY, content TEXT);
         CREATE TABLE prompt_fragments (response_id TEXT, fragment_id INTEGER, \"order\" INTEGER);
         INSERT INTO fragments VALUES (1, 'a file');
         INSERT INTO prompt_fragments VALUES ('r1', 1, 0);
         INSERT INTO responses VALUES
             ('r1', 'gpt-4o', 'what is this?', 'be brief', 'a file it is', 'c1', '2025-01-02T03:04:05.678901+00:00', 7, 9),
             ('r2', 'gpt-4o', 'and then?', NULL, 'nothing', 'c1', '2025-01-02T03:05:05', NULL, NULL),
             ('r3', 'claude', 'alone', NULL, NULL, NULL, '2025-01-03 00:00:00', NULL, NULL);
         -- It keeps an index of words there, which llmr's SQLite can neither make nor read.
         PRAGMA writable_schema = on;
         INSERT INTO sqlite_schema VALUES ('table', 'responses_fts', 'responses_fts', 0,
             'CREATE VIRTUAL TABLE responses_fts USING fts5(prompt, response, content=responses)');",
    )
    .unwrap();
    folder
}

#[test]
fn llm_is_brought_over_once() {
    let place = Place::new();
    llm(&place);
    let old = "# mine\n[aliases]\nmine = \"lab/x\" # stays\n";
    place.home_file("config.toml", old);
    let import = ["import", "llm", "--from", "llm"];

    let (code, dry) = place.json(&[&import[..], &["--dry-run"]].concat());
    assert_eq!((code, &dry["dry_run"]), (0, &json!(true)));
    assert_eq!(std::fs::read_to_string(place.home().join("config.toml")).unwrap(), old);
    assert!(!place.home().join("llmr.db").exists(), "a dry run writes nothing");

    let (code, mut done) = place.json(&import);
    assert_eq!(code, 0);
    assert_eq!(done["keys"][0], json!({"name": "openai", "variable": "OPENAI_API_KEY", "set": false}));
    assert_eq!(done["keys"][1]["variable"], "MY_LAB_API_KEY");
    let state = |name: &str| {
        let all = done["aliases"].as_array().unwrap();
        all.iter().find(|a| a["name"] == name).unwrap_or_else(|| panic!("{done}"))["state"].clone()
    };
    assert_eq!((state("turbo"), state("mine"), state("tiny")), (json!("added"), json!("kept"), json!("added")));
    assert_eq!(done["providers"][0]["models"], json!(["small", "lab-large"]));
    let expected = json!({"found": 2, "added": 2, "grown": 0, "known": 0, "turns_added": 3});
    assert_eq!(done["conversations"], expected, "{done}");
    done["dry_run"] = json!(true);
    assert_eq!(dry, done, "a dry run says what is then done");
    without_key(&place, &done.to_string());

    let config = std::fs::read_to_string(place.home().join("config.toml")).unwrap();
    assert!(config.starts_with("# mine\n[aliases]\nmine = \"lab/x\" # stays\nturbo = \"gpt-6-luna\"\n"), "{config}");
    assert!(config.contains("api_key_env = \"MY_LAB_API_KEY\""), "{config}");
    place.run(&["config", "check"]).expect(0);

    let turns = place.sql(
        "SELECT t.conversation_id, t.number, r.at, r.mode, c.system, c.prompt, c.answer, r.model, r.input_tokens, r.cost_nanousd
         FROM turns AS t JOIN requests AS r ON r.id = t.request_id JOIN contents AS c USING (request_id) ORDER BY 1, 2",
    );
    let expected = [
        "1|1|1735787045678|imported|be brief|a file\nwhat is this?|a file it is|gpt-4o|7|",
        "1|2|1735787105000|imported|be brief|and then?|nothing|gpt-4o||",
        "2|1|1735862400000|imported||alone||claude||",
    ];
    assert_eq!(turns, expected);

    let again = place.run(&import).expect(0);
    assert!(again.stdout.contains("2 found, 0 brought over, 2 are here already (0 turns)"), "{again:?}");
    assert!(again.stdout.contains("alias turbo = gpt-6-luna: there already"), "{again:?}");
    assert_eq!(place.sql("SELECT count(*) FROM requests"), ["3"]);
    assert_eq!(std::fs::read_to_string(place.home().join("config.toml")).unwrap(), config);
}

#[test]
fn what_is_brought_over_is_neither_spending_nor_a_request_of_ours() {
    let sandbox = sandbox("");
    let place = Place::new().with(&sandbox).var("LLMR_NOW", "2025-01-02T12:00:00Z");
    llm(&place);
    place.run(&["import", "llm", "--from", "llm"]).expect(0);
    let (_, budget) = place.json(&["budget"]);
    assert_eq!((&budget["spent_usd"], &budget["requests"]), (&json!(0), &json!(0)), "although that was its day");
    let (_, stats) = place.json(&["stats"]);
    assert_eq!(stats["providers"], json!({}), "{stats}");
    let (_, log) = place.json(&["log"]);
    assert_eq!(log["requests"], json!([]), "{log}");
    place.run(&["ask", "hello"]).expect(0);
    let (_, log) = place.json(&["log"]);
    assert_eq!(log["requests"].as_array().unwrap().len(), 1);
    assert_eq!(place.money().0, sandbox.bill().cost_usd.0);
}

#[test]
fn aichat_s_clients_and_sessions_are_brought_over() {
    let place = Place::new();
    let folder = place.work().join("aichat");
    let config = format!(
        "model: claude:claude-haiku-5-5\nclients:\n- type: openai\n  api_key: {KEY}\n- type: openai-compatible\n  name: lab\n  \
         api_base: http://127.0.0.1:9/v1\n  api_key: {KEY}\n  models:\n  - name: small\n    max_input_tokens: 9\n\
         - type: openai-compatible\n  name: groq\n  api_base: https://api.groq.com/openai/v1\n  models: [{{name: x}}]\n"
    );
    write(&folder, "config.yaml", config);
    write(&folder, "roles/r.md", "x");
    write(
        &folder,
        "sessions/work.yaml",
        "model: lab:small\nmessages:\n- role: system\n  content: be brief\n- role: user\n  content:\n  - type: text\n    text: hi\n- role: assistant\n  content: ho\n",
    );
    write(&folder, "sessions/broken.yaml", format!("a: [1\nkey: {KEY}\n"));
    let ran = place.run(&["import", "aichat", "--from", "aichat"]).expect(1);
    without_key(&place, &format!("{ran:?}"));
    for line in [
        "provider lab at http://127.0.0.1:9/v1 (small): added\n",
        "conversations: 1 found, 1 brought over (1 turns)\n",
        "key openai: OPENAI_API_KEY is to be set",
        "key lab: LAB_API_KEY is to be set",
        "default model: anthropic/claude-haiku-5-5;",
        "left where it is: 1 roles in ",
        "broken.yaml:",
    ] {
        assert!(ran.stdout.contains(line), "{line}: {}", ran.stdout);
    }
    assert!(!ran.stdout.contains("provider groq"), "it is built in");
    assert_eq!(place.sql("SELECT name, system FROM conversations"), ["work|be brief"]);
    assert_eq!(
        place.sql("SELECT provider, model, prompt, answer FROM requests JOIN contents ON id = request_id"),
        ["lab|small|hi|ho"]
    );
}

/// A list of messages as Go's encoder writes it: the types, then the value.
fn gob(messages: &[(&str, &str)]) -> Vec<u8> {
    fn number(n: usize) -> Vec<u8> {
        let bytes: Vec<u8> = n.to_be_bytes().into_iter().skip_while(|b| *b == 0).collect();
        if n < 128 { vec![n as u8] } else { [vec![(bytes.len() as u8).wrapping_neg()], bytes].concat() }
    }
    let signed = |n: i64| number(if n < 0 { (!n as usize) << 1 | 1 } else { (n as usize) << 1 });
    let string = |s: &str| [number(s.len()), s.as_bytes().to_vec()].concat();
    let message = |body: Vec<u8>| [number(body.len()), body].concat();
    let common = |name: &str, id: i64| [vec![1], string(name), vec![1], signed(id), vec![0]].concat();
    let field = |name: &str| [vec![1], string(name), vec![1], signed(6), vec![0]].concat();
    // A slice of it: wireType.SliceT{CommonType, Elem}, without a name.
    let slice = [signed(-65), vec![2, 1, 2], signed(65), vec![0, 1], signed(66), vec![0, 0]].concat();
    let of = [
        signed(-66),
        vec![3, 1],
        common("Message", 66),
        vec![1],
        number(2),
        field("Role"),
        field("Content"),
        vec![0, 0],
    ];
    let values =
        messages.iter().flat_map(|(role, text)| [vec![1], string(role), vec![1], string(text), vec![0]].concat());
    let list = [signed(65), vec![0], number(messages.len()), values.collect()].concat();
    [message(slice), message(of.concat()), message(list)].concat()
}

#[test]
fn mods_apis_and_conversations_are_brought_over() {
    let place = Place::new();
    let folder = place.work().join("mods");
    let config = format!(
        "default-api: openai\ndefault-model: gpt-6-luna\napis:\n  openai:\n    api-key: {KEY}\n    api-key-env: OPENAI_API_KEY\n    \
         models:\n      gpt-6-luna:\n        aliases: [luna]\n        max-input-chars: 9\n  localai:\n    base-url: http://localhost:8080\n    \
         models:\n      x: {{aliases: [y]}}\n  lab:\n    base-url: http://127.0.0.1:9/v1\n    api-key-env: LAB_KEY\n    models:\n      small: {{aliases: [tiny]}}\nroles:\n  shell: [x]\n"
    );
    write(&folder, "mods.yml", config);
    let long = "long ".repeat(100);
    write(&folder, "conversations/abc.gob", gob(&[("system", "be brief"), ("user", "hi"), ("assistant", &long)]));
    write(&folder, "conversations/bad.gob", b"\x03\x02\x01");
    let db = rusqlite::Connection::open(folder.join("conversations/mods.db")).unwrap();
    db.execute_batch(
        "CREATE TABLE conversations (id TEXT PRIMARY KEY, title TEXT, updated_at DATETIME, model TEXT, api TEXT);
         INSERT INTO conversations VALUES ('abc', 'hi', '2025-01-02 03:04:05.000+00:00', 'gpt-6-luna', 'openai');",
    )
    .unwrap();
    let place = place.var("LAB_KEY", "test-key");
    let ran = place.run(&["import", "mods", "--from", "mods"]).expect(1);
    without_key(&place, &format!("{ran:?}"));
    for line in [
        "alias luna = openai/gpt-6-luna: added",
        "alias tiny = lab/small: added",
        "key lab: LAB_KEY is set",
        "bad.gob: not a conversation",
    ] {
        assert!(ran.stdout.contains(line), "{line}: {}", ran.stdout);
    }
    assert!(!ran.stdout.contains("localai"), "an example that nobody has set up: {}", ran.stdout);
    let rows =
        place.sql("SELECT at, provider, model, system, prompt, answer FROM requests JOIN contents ON id = request_id");
    assert_eq!(rows, [format!("1735787045000|openai|gpt-6-luna|be brief|hi|{long}")]);
}

#[test]
fn what_cannot_be_used_is_named_before_anything_is_written() {
    let place = Place::new();
    for (args, code, says) in [
        (&["import", "llm", "--from", "nowhere"][..], 2, "--from nowhere: there is no such folder"),
        (&["import", "llm", "--from", "."], 2, "no files of llm are there"),
    ] {
        let ran = place.run(args);
        assert!(ran.code == Some(code) && ran.stderr.contains(says), "{args:?}: {ran:?}");
    }
    let folder = llm(&place);
    write(&folder, "aliases.json", "{\n\n oops");
    let ran = place.run(&["import", "llm", "--from", "llm"]).expect(2);
    assert!(ran.stderr.contains("aliases.json:3: not valid JSON"), "{ran:?}");
    write(&folder, "aliases.json", "{}");
    write(&folder, "logs.db", "no database at all, and long enough to look like one".repeat(30));
    let ran = place.run(&["import", "llm", "--from", "llm"]).expect(1);
    assert!(ran.stderr.contains("logs.db: it is not a SQLite database"), "{ran:?}");
    assert!(ran.stderr.contains("another tool keeps it") && !ran.stderr.contains("starts a new one"), "{ran:?}");
    assert!(!place.home().join("config.toml").exists() && !place.home().join("llmr.db").exists());
    let before = "usage = true\n[aliases\n";
    place.home_file("config.toml", before);
    place.run(&["import", "llm", "--from", "llm"]).expect(2);
    assert_eq!(std::fs::read_to_string(place.home().join("config.toml")).unwrap(), before);
}

#[test]
fn files_are_looked_for_where_each_tool_keeps_them() {
    let base = Place::new();
    let folder = base.work().join("config/io.datasette.llm");
    write(&folder, "aliases.json", r#"{"q": "gpt-6-luna"}"#);
    let place = base.var("XDG_CONFIG_HOME", "/nowhere");
    place.run(&["import", "llm"]).expect(2);
    let config = place.work().join("config");
    let place = place.var("XDG_CONFIG_HOME", config.display());
    let (code, report) = place.json(&["import", "llm", "--dry-run"]);
    assert_eq!((code, &report["aliases"][0]["name"]), (0, &Value::from("q")), "{report}");
    let place = place.var("XDG_CONFIG_HOME", "/nowhere").var("LLM_USER_PATH", folder.display());
    place.run(&["import", "llm", "--dry-run"]).expect(0);
}

#[test]
fn hostile_files_are_read_without_harm_and_nothing_is_left_beside_them() {
    let place = Place::new();
    // An address with a key in it, and a session whose name and model would act on a terminal.
    let aichat = place.work().join("aichat");
    let clients = format!(
        "clients:\n- type: openai-compatible\n  name: lab\n  api_base: http://user:{KEY}@127.0.0.1:9/v1\n  models: [m]\n\
         - type: openai-compatible\n  name: other\n  api_base: http://127.0.0.1:9/v1?key={KEY}\n  models: [m]\n"
    );
    write(&aichat, "config.yaml", clients);
    let session = "model: \"o\\e[2J:m\\e[2J\"\nmessages:\n- role: user\n  content: hi\n";
    write(&aichat, "sessions/na\u{1b}]0;x\u{7}me.yaml", session);
    let ran = place.run(&["import", "aichat", "--from", "aichat"]).expect(0);
    without_key(&place, &format!("{}{}", ran.stdout, ran.stderr));
    let again = place.json(&["import", "aichat", "--from", "aichat"]).1;
    without_key(&place, &again.to_string());
    for args in [&["log"][..], &["log", "show", "r1"], &["chat", "list"]] {
        let ran = place.run(args).expect(0);
        assert!(!ran.stdout.contains('\u{1b}'), "{args:?}: {ran:?}");
    }
    // What is remembered of a name after it was forgotten does not tell it.
    place.run(&["forget", "--all"]).expect(0);
    let (_, again) = place.json(&["import", "aichat", "--from", "aichat"]);
    assert_eq!((&again["conversations"]["known"], &again["conversations"]["added"]), (&json!(1), &json!(0)));
    assert!(
        !place.sql("SELECT source FROM imports").concat().contains("me"),
        "{:?}",
        place.sql("SELECT source FROM imports")
    );

    // A view that never ends in the place of a table.
    let llm = place.work().join("endless");
    std::fs::create_dir_all(&llm).unwrap();
    let endless = "CREATE VIEW responses AS WITH RECURSIVE r(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM r)
                   SELECT i AS id, i AS rowid, 'x' AS prompt, 'y' AS response, i AS conversation_id FROM r";
    rusqlite::Connection::open(llm.join("logs.db")).unwrap().execute_batch(endless).unwrap();
    assert_eq!(place.json(&["import", "llm", "--from", "endless"]).1["conversations"]["found"], 0);

    // A database with a write-ahead log: nothing is made beside it.
    let llm = place.work().join("quiet");
    std::fs::create_dir_all(&llm).unwrap();
    let db = rusqlite::Connection::open(llm.join("logs.db")).unwrap();
    db.pragma_update(None, "journal_mode", "wal").unwrap();
    db.execute_batch("CREATE TABLE responses (id, prompt, response); INSERT INTO responses VALUES (1, 'a', 'b')")
        .unwrap();
    drop(db);
    assert_eq!(place.json(&["import", "llm", "--from", "quiet"]).1["conversations"]["added"], 1);
    let names = std::fs::read_dir(&llm).unwrap().map(|entry| entry.unwrap().file_name());
    assert_eq!(names.collect::<Vec<_>>(), ["logs.db"]);
    // One that is open elsewhere: what stands in its log is read, too.
    let db = rusqlite::Connection::open(llm.join("logs.db")).unwrap();
    db.execute_batch("INSERT INTO responses VALUES (2, 'c', 'd')").unwrap();
    assert_eq!(place.json(&["import", "llm", "--from", "quiet"]).1["conversations"]["added"], 1);
}
