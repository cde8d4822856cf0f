//! `--profile`, `LLMR_PROFILE`, and sampling defaults.

use serde_json::{Value, json};

use crate::common::pty::Pty;
use crate::common::{Place, sandbox};

const CONFIG: &str = "\
max_retries = 4
strategy = \"priority\"

[profile.work]
max_retries = 1
timeouts.total_secs = 33
providers = [\"gemini\"]
system = \"Be terse.\"
temperature = 0.25
max_tokens = 77

[profile.play]
model = \"gpt-6-luna\"
tier = \"fast\"
";

fn shown(place: &Place, args: &[&str], key: &str) -> (String, String) {
    let (code, show) = place.json(&[&["config", "show"], args].concat());
    assert_eq!(code, 0, "{show}");
    let row = show["settings"].as_array().unwrap().iter().find(|row| row["key"] == key).unwrap().clone();
    let text = |field: &str| row[field].as_str().unwrap().to_owned();
    (text("value"), text("source"))
}

#[test]
fn a_profile_stands_between_the_variables_and_the_file() {
    let place = Place::new();
    let file = place.home_file("config.toml", CONFIG);
    let line = |n: usize| format!("{}:{n} (profile work)", file.display());
    assert_eq!(shown(&place, &[], "max_retries"), ("4".into(), format!("{}:1", file.display())));
    assert_eq!(shown(&place, &[], "profile"), ("none".into(), "default".into()));
    let work = ["--profile", "work"];
    assert_eq!(shown(&place, &work, "max_retries"), ("1".into(), line(5)));
    assert_eq!(shown(&place, &work, "timeouts.total_secs"), ("33".into(), line(6)));
    assert_eq!(shown(&place, &work, "strategy").0, "priority");
    assert_eq!(shown(&place, &work, "system"), ("Be terse.".into(), line(8)));
    assert_eq!(shown(&place, &work, "providers"), ("gemini".into(), line(7)));
    assert_eq!(shown(&place, &work, "profile"), ("work".into(), "--profile".into()));
    let place = place.var("LLMR_PROFILE", "work").var("LLMR_MAX_RETRIES", "9");
    assert_eq!(shown(&place, &[], "max_retries"), ("9".into(), "environment".into()));
    assert_eq!(shown(&place, &[], "profile"), ("work".into(), "environment".into()));
    assert_eq!(shown(&place, &["--profile", "play"], "model").0, "gpt-6-luna");
}

#[test]
fn a_profile_s_defaults_give_way_to_flags_and_templates() {
    let sandbox = sandbox("");
    let place = Place::new().with(&sandbox).var("LLMR_CACHE", "off").var("LLMR_PROFILE", "work");
    place.home_file("config.toml", CONFIG);
    let sent = |args: &[&str]| {
        place.run(&[&["ask", "hi"], args].concat()).expect(0);
        let body = sandbox.requests().pop().unwrap().body;
        let config = &body["generationConfig"];
        let system = body["systemInstruction"]["parts"][0]["text"].clone();
        (system, config["temperature"].clone(), config["maxOutputTokens"].clone())
    };
    assert_eq!(sent(&[]), (json!("Be terse."), json!(0.25), json!(77)));
    assert_eq!(sent(&["-s", "x", "-t", "1", "--max-tokens", "5"]), (json!("x"), json!(1.0), json!(5)));
    place.run(&["template", "new", "t", "-t", "0.75", "Say {{input}}"]).expect(0);
    assert_eq!(sent(&["-T", "t"]), (json!("Be terse."), json!(0.75), json!(77)));
    place.run(&["ask", "--profile", "play", "hi"]).expect(0);
    assert_eq!(sandbox.requests().pop().unwrap().body["model"], "gpt-6-luna");
}

#[test]
fn a_profile_s_defaults_hold_in_a_chat_and_begin_conversations_only() {
    let sandbox = sandbox("");
    let place = Place::new().with(&sandbox).var("LLMR_CACHE", "off").var("LLMR_STRATEGY", "priority");
    place.home_file("config.toml", CONFIG);
    let sent = |args: &[&str]| {
        place.run_with_stdin(&[&["chat"], args].concat(), b"hi\n").expect(0);
        let body = sandbox.requests().pop().unwrap().body;
        let system = body.pointer("/systemInstruction/parts/0/text").cloned().unwrap_or_default();
        (system, body["generationConfig"]["maxOutputTokens"].clone())
    };
    assert_eq!(sent(&["--profile", "work"]), (json!("Be terse."), json!(77)));
    assert_eq!(sent(&["--profile", "work", "-s", "x", "--max-tokens", "5"]), (json!("x"), json!(5)));
    // What was pinned in a conversation stays; what nobody pins is the profile's.
    assert_eq!(sent(&["--session", "trip", "-p", "gemini", "-s", "be kind"]).0, json!("be kind"));
    assert_eq!(sent(&["--session", "trip", "--profile", "work"]), (json!("be kind"), json!(77)));
    place.run(&["ask", "-c", "--profile", "work", "hi"]).expect(0);
    let pinned = || place.sql("SELECT system, model, providers FROM conversations WHERE name = 'trip'");
    let before = pinned();
    assert!(before[0].starts_with("be kind||") && before[0].contains("gemini"), "{before:?}");
    place.run(&["ask", "-c", "--profile", "play", "hi"]).expect(0);
    assert_eq!(pinned(), before);
    place.run(&["ask", "-c", "--profile", "play", "--dry-run", "hi"]).expect(0);

    let mut pty = Pty::start(&place, &["chat", "--profile", "play"], 80, 40);
    pty.wait_for("gpt-6-luna>");
    pty.send("hi\r");
    pty.wait_until("the answer", |s| s.contains(" left today") && s.trim_end().ends_with("gpt-6-luna>"));
    pty.send("/exit\r");
    assert_eq!(pty.end_restored().0, 0);
    assert_eq!(sandbox.requests().pop().unwrap().body["model"], "gpt-6-luna");
}

#[test]
fn a_profile_is_the_user_s_own_choice_and_must_be_there() {
    let place = Place::new();
    let file = place.home_file("config.toml", CONFIG);
    for (args, message) in [
        (
            &["budget", "--profile", "wrk"][..],
            "error: there is no profile `wrk` in the settings (--profile asks for it)\nhint: did you mean `work`?\n",
        ),
        (
            &["budget", "--profile", "x"],
            "error: there is no profile `x` in the settings (--profile asks for it)\nhint: there are play, work\n",
        ),
    ] {
        assert_eq!(place.run(args).expect(2).stderr, message);
    }
    place.work_file(".env", "LLMR_PROFILE=work\n");
    let ran = place.run(&["budget"]).expect(2);
    assert!(ran.stderr.contains("LLMR_PROFILE: not read from a working folder's .env"), "{}", ran.stderr);
    place.run(&["config", "trust"]).expect(0);
    assert_eq!(shown(&place, &[], "profile").0, "work");
    // What is wrong in a profile is told whether it is chosen or not.
    for (text, message) in [
        ("[profile.a]\nmax_retrys = 1\n", ":2: unknown key `max_retrys`\nhint: did you mean `max_retries`?\n"),
        ("[profile.a]\nsytem = 'x'\n", ":2: unknown key `sytem`\nhint: did you mean `system`?\n"),
        ("[profile.a]\ntemperature = 3\n", ":2: profile.a.temperature: not a number from 0 to 2\n"),
        ("[profile.a]\nmode = 'x'\n", ":2: mode: `x` is not one of"),
        ("[profile.a.provider]\n", ":1: unknown key `provider`\n"),
        (
            "[sampling.opnai]\ntop_p = 1\n",
            ":1: sampling.opnai: there is no such provider\nhint: did you mean `openai`?\n",
        ),
        ("[sampling.openai]\ntop_k = 1\n", ":2: unknown key `top_k`\nhint: did you mean `top_p`?\n"),
    ] {
        std::fs::write(&file, format!("{text}[profile.work]\n")).unwrap();
        let ran = place.run(&["budget"]).expect(2);
        assert!(ran.stderr.starts_with(&format!("error: {}{message}", file.display())), "{}", ran.stderr);
    }
}

#[test]
fn a_provider_s_sampling_is_sent_where_nothing_else_is_said() {
    let sandbox = sandbox("");
    let place = Place::new().with(&sandbox);
    let file = place.home_file(
        "config.toml",
        "[sampling.gemini]\ntemperature = 0.5\ntop_p = 0.9\n[sampling.openai]\ntemperature = 0.1\n",
    );
    let sent = |args: &[&str]| {
        let (code, report) = place.json(&[&["ask", "-p", "gemini", "hi"], args].concat());
        assert_eq!(code, 0, "{report}");
        let config = sandbox.requests().pop().unwrap().body["generationConfig"].clone();
        (config["temperature"].clone(), config["topP"].clone(), report["cache"].clone())
    };
    assert_eq!(sent(&[]), (json!(0.5), json!(0.9), json!("miss")));
    assert_eq!(sent(&["-t", "0"]), (json!(0.0), json!(0.9), json!("miss")));
    assert_eq!(sent(&[]).2, "hit");
    let lines = json!(["gemini temperature 0.5", "gemini top-p 0.9"]);
    assert_eq!(place.json(&["dry-run", "-p", "gemini", "hi"]).1["sampling"], lines);
    assert_eq!(shown(&place, &[], "sampling.gemini.top_p").0, "0.9");
    // Another default, another answer.
    std::fs::write(&file, "[sampling.gemini]\ntemperature = 0.5\n").unwrap();
    assert_eq!(sent(&[]), (json!(0.5), Value::Null, json!("miss")));
    // A model that takes none gets none, and nobody is warned of what nobody asked for.
    std::fs::write(&file, "[sampling.openai]\ntemperature = 0.1\n").unwrap();
    let ran = place.run(&["ask", "-p", "openai", "hi"]).expect(0);
    assert_eq!((ran.stderr.as_str(), &sandbox.requests().pop().unwrap().body["temperature"]), ("", &Value::Null));
}
