//! Alerts: each thing said once, over all processes, after the answer, and to nobody but whom the user has named.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::common::pty::Pty;
use crate::common::{Place, Ran, finish, provider, sandbox, sandbox_of, signal, until};

/// So many processes at once.
const MANY: usize = 10;

/// Takes down what it is given, a line an event: the text, then the object.
const NOTE: &str = "[alerts]\ncommand = [\"sh\", \"-c\", 'printf \"%s|\" \"$0\" >>events; cat >>events']\n";

fn many(place: &Place, args: &[&str]) -> Vec<Ran> {
    thread::scope(|scope| {
        let one = |_| scope.spawn(|| finish(place.command(args).spawn().unwrap()));
        let all: Vec<_> = (0..MANY).map(one).collect();
        all.into_iter().map(|one| one.join().unwrap()).collect()
    })
}

/// What the command was given: texts and objects.
fn events(place: &Place) -> Vec<(String, Value)> {
    let all = std::fs::read_to_string(place.home().join("events")).unwrap_or_default();
    let event = |line: &str| {
        let (text, object) = line.split_once('|').unwrap();
        (text.to_owned(), serde_json::from_str(object).unwrap())
    };
    all.lines().map(event).collect()
}

/// Whether what the command was given is written down to its end.
fn whole(place: &Place) -> bool {
    std::fs::read_to_string(place.home().join("events")).is_ok_and(|text| text.ends_with('\n'))
}
/// Variables of secrets, of which this config uses none.
const SECRETS: [&str; 4] = ["OPENAI_API_KEY", "PROXY_API_OPENAI_API_KEY", "LLMR_CACHE_HMAC_KEY", "LLMR_METRICS_TOKEN"];

/// That of many processes exactly one says it on stderr, and exactly one tells the command; and none later that day.
fn once(place: &Place, code: i32, event: &str, text: &str) -> Value {
    let args = ["ask", "--no-cache", "hello"];
    let all = many(place, &args);
    assert!(all.iter().all(|ran| ran.code == Some(code)), "{all:#?}");
    let said = |ran: &&Ran| ran.stderr.lines().any(|line| line.starts_with("warning: ") && line.contains(text));
    assert_eq!(all.iter().filter(said).count(), 1, "{all:#?}");
    let told = events(place);
    assert_eq!(told.len(), 1, "{told:#?}");
    assert!(told[0].0.contains(text), "{told:?}");
    assert_eq!((told[0].1["event"].as_str(), told[0].1["text"].as_str()), (Some(event), Some(told[0].0.as_str())));
    let later = place.run(&args);
    assert!(!said(&&later), "{later:?}");
    assert_eq!(events(place).len(), 1);
    told[0].1.clone()
}

#[test]
fn the_soft_cut_off_is_told_once_a_day() {
    let sandbox = sandbox_of(vec![provider("alpha", "m", "1", "1")], "");
    let place = Place::new().labs(&sandbox, NOTE).var("LLMR_BUDGET_SOFT_PCT", "0.001");
    let event = once(&place, 0, "soft", "are spent: cheaper providers are preferred from now on");
    assert_eq!((event["schema_version"].as_u64(), event["limit_usd"].as_f64()), (Some(1), Some(5.0)));
    assert!(event["spent_usd"].as_f64().unwrap() > 0.0);
}

/// What a run has said of the soft cut-off.
const SOFT: &str = "are spent: cheaper providers are preferred from now on";

#[test]
fn a_chat_tells_of_the_soft_cut_off_once_and_goes_on() {
    let sandbox = sandbox_of(vec![provider("alpha", "m", "1", "1")], "");
    let place = Place::new().labs(&sandbox, NOTE).var("LLMR_BUDGET_SOFT_PCT", "0.001");
    let ran = place.run_with_stdin(&["chat"], b"one\ntwo\nthree\n").expect(0);
    assert_eq!((ran.stderr.matches(SOFT).count(), ran.stdout.lines().count()), (1, 3), "{ran:?}");
    let told = events(&place);
    assert_eq!((told.len(), told[0].1["event"].as_str()), (1, Some("soft")));

    let place = Place::new().labs(&sandbox, NOTE).var("LLMR_BUDGET_SOFT_PCT", "0.001");
    let mut pty = Pty::start(&place, &["chat"], 100, 100);
    for turns in 1..=3 {
        pty.wait_until("the prompt", |screen| screen.trim_end().ends_with('>'));
        pty.send("hello\r");
        pty.wait_until("the answer", |screen| {
            screen.matches(" left today").count() == turns && screen.trim_end().ends_with('>')
        });
    }
    // Told while the chat goes on, not at its end.
    until("the event", || whole(&place));
    pty.send("/exit\r");
    let (code, printed) = pty.end();
    assert_eq!((code, printed.matches(SOFT).count(), events(&place).len()), (0, 1, 1), "{printed}");
}

#[test]
fn a_chat_tells_of_a_refusal_and_of_a_breaker() {
    let sandbox = sandbox_of(vec![provider("alpha", "m", "1", "1")], "");
    let place = Place::new().labs(&sandbox, NOTE).var("LLMR_BUDGET_DAILY_USD", "0.000001");
    let ran = place.run_with_stdin(&["chat"], b"one\n").expect(4);
    assert!(ran.stderr.starts_with("warning: $0.00 of today's $0.000001 are spent: a request was refused"), "{ran:?}");
    assert_eq!(events(&place)[0].1["event"], "hard");
    let sandbox = sandbox_of(vec![provider("alpha", "m", "1", "1")], "alpha=500");
    let place = Place::new().labs(&sandbox, NOTE).var("LLMR_BREAKER_THRESHOLD", 1).var("LLMR_MAX_RETRIES", 0);
    let mut pty = Pty::start(&place, &["chat"], 100, 100);
    pty.wait_until("the prompt", |screen| screen.trim_end().ends_with('>'));
    pty.send("hello\r");
    let said = "alpha is left alone until";
    pty.wait_until(said, |screen| screen.contains(said) && screen.trim_end().ends_with('>'));
    until("the event", || whole(&place));
    pty.send("/exit\r");
    assert_eq!(pty.end().0, 0);
}

#[test]
fn a_batch_tells_of_the_soft_cut_off_once() {
    let sandbox = sandbox_of(vec![provider("alpha", "m", "1", "1")], "");
    let lines: String = (0..40).map(|n| format!("{{\"prompt\": \"river {n}\"}}\n")).collect();
    for jobs in ["1", "8"] {
        let place = Place::new().labs(&sandbox, NOTE).var("LLMR_BUDGET_SOFT_PCT", "0.001");
        place.work_file("in.jsonl", &lines);
        let ran = place.run(&["batch", "in.jsonl", "-o", "out.jsonl", "--jobs", jobs]).expect(0);
        assert_eq!(ran.stderr.matches(SOFT).count(), 1, "{ran:?}");
        let told = events(&place);
        assert_eq!((told.len(), told[0].1["event"].as_str()), (1, Some("soft")), "{told:?}");
    }
}

#[test]
fn what_only_the_last_line_of_a_batch_brought_is_told_at_its_end() {
    let sandbox = sandbox_of(vec![provider("alpha", "m", "1", "1")], "alpha=okx5,alpha=500");
    let place = Place::new().labs(&sandbox, NOTE).var("LLMR_BREAKER_THRESHOLD", 1).var("LLMR_MAX_RETRIES", 0);
    let lines: String = (0..6).map(|n| format!("{{\"prompt\": \"river {n}\"}}\n")).collect();
    place.work_file("in.jsonl", &lines);
    let ran = place.run(&["batch", "in.jsonl", "-o", "out.jsonl", "--jobs", "1"]).expect(1);
    assert_eq!(ran.stderr.matches("warning: alpha is left alone until").count(), 1, "{ran:?}");
    assert_eq!(events(&place)[0].1["event"], "breaker");
}

#[test]
fn the_hard_cut_off_is_told_once_a_day() {
    let sandbox = sandbox_of(vec![provider("alpha", "m", "1", "1")], "");
    let place = Place::new().labs(&sandbox, NOTE).var("LLMR_BUDGET_DAILY_USD", "0.000001");
    let event = once(&place, 4, "hard", "a request was refused because it might have passed that");
    assert_eq!(event["spent_usd"], 0);
    assert_eq!(sandbox.bill().provider("alpha").unwrap().requests, 0);

    // --max-cost is the request's own limit: of that nobody is told.
    let place = Place::new().labs(&sandbox, NOTE);
    place.run(&["ask", "--max-cost", "0.000001", "hello"]).expect(4);
    assert!(events(&place).is_empty());
}

#[test]
fn a_breaker_is_told_of_when_it_opens_and_not_while_the_outage_lasts() {
    let sandbox = sandbox_of(vec![provider("alpha", "m", "1", "1")], "alpha=500");
    let place = Place::new().labs(&sandbox, NOTE).var("LLMR_BREAKER_THRESHOLD", 1).var("LLMR_MAX_RETRIES", 0);
    let place = place.var("LLMR_NOW", "2026-11-21T12:00:00Z");
    let event = once(&place, 69, "breaker", "alpha is left alone until 2026-11-21T12:0");
    assert_eq!((event["provider"].as_str(), event["model"].is_null()), (Some("alpha"), true));
    assert!(event["open_until"].as_str().unwrap().starts_with("2026-11-21T12:01:"));

    // Its trial fails: the same outage.
    let place = place.var("LLMR_NOW", "2026-11-21T12:05:00Z");
    place.run(&["ask", "hello"]).expect(69);
    assert_eq!(place.sql("SELECT failures > 1, open_until IS NOT NULL FROM breakers"), ["1|1"]);
    assert_eq!(events(&place).len(), 1);
    // Closed by hand, it opens anew: another one.
    place.run(&["providers", "reset", "alpha"]).expect(0);
    place.run(&["ask", "hello"]).expect(69);
    assert_eq!(events(&place).len(), 2);
}

#[test]
fn a_model_that_retires_soon_is_told_of_once_a_day() {
    let sandbox = sandbox_of(vec![provider("gemini", "gemini-3.1-flash-lite", "0.25", "1.5")], "");
    let place = Place::new().with(&sandbox).var("LLMR_NOW", "2027-04-20T00:00:00Z");
    place.home_file("config.toml", NOTE);
    let event = {
        let args = ["ask", "--no-cache", "hello"];
        // Every request warns of it; the command is told once.
        let all = many(&place, &args);
        assert!(all.iter().all(|ran| ran.stderr.matches("will be switched off").count() == 1), "{all:#?}");
        let told = events(&place);
        assert_eq!(told.len(), 1, "{told:?}");
        told[0].1.clone()
    };
    assert_eq!((event["event"].as_str(), event["retires"].as_str()), (Some("retiring"), Some("2027-05-07")));
    assert_eq!(event["model"], "gemini-3.1-flash-lite");
    let place = place.var("LLMR_NOW", "2027-04-21T00:00:00Z");
    place.run(&["ask", "--no-cache", "hello"]).expect(0);
    assert_eq!(events(&place).len(), 2, "the next day");
    let early = Place::new().with(&sandbox).var("LLMR_NOW", "2027-03-20T00:00:00Z");
    early.home_file("config.toml", NOTE);
    early.run(&["ask", "hello"]).expect(0);
    assert!(events(&early).is_empty(), "48 days before");
}

#[test]
fn only_what_is_wanted_is_told_and_json_and_quiet_say_nothing() {
    let sandbox = sandbox_of(vec![provider("alpha", "m", "1", "1")], "");
    let soft = |more: &str| Place::new().labs(&sandbox, more).var("LLMR_BUDGET_SOFT_PCT", "0.0001");
    let place = soft("[alerts]\non = [\"hard\"]\ncommand = [\"sh\", \"-c\", \"cat >>events\"]\n");
    assert_eq!(place.run(&["ask", "hello"]).expect(0).stderr, "");
    assert!(events(&place).is_empty());

    let place = Place::new().labs(&sandbox, NOTE).var("LLMR_BUDGET_DAILY_USD", "0.000001");
    let alert = "warning: $0.00 of today's $0.000001 are spent: a request was refused";
    for args in [&["ask", "--json", "hello"][..], &["ask", "--output-format", "stream-json", "a"], &["-q", "ask", "b"]]
    {
        let ran = place.run(args).expect(4);
        assert!(!ran.stderr.contains(alert) && !ran.stdout.contains("a request was refused"), "{args:?} {ran:?}");
    }
    assert_eq!(events(&place).len(), 1, "who listens is told all the same");
    let ran = place.run(&["ask", "hello"]).expect(4);
    assert!(ran.stderr.starts_with(alert), "nobody has said it on stderr yet: {ran:?}");
    assert!(!place.run(&["ask", "hello"]).expect(4).stderr.contains(alert));
    assert_eq!(events(&place).len(), 1);
}

/// A webhook: what it was sent, and how it answers.
struct Hook {
    url: String,
    got: Arc<Mutex<Vec<(String, String)>>>,
}

impl Hook {
    /// Answers with this, or not at all.
    fn start(answer: Option<&'static str>) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let url = format!("http://{}/services/secret-word", listener.local_addr().unwrap());
        let got = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&got);
        thread::spawn(move || {
            let mut open = Vec::new();
            for stream in listener.incoming().flatten() {
                open.extend(take(stream, answer, &kept));
            }
        });
        Self { url, got }
    }

    fn got(&self) -> Vec<(String, String)> {
        self.got.lock().unwrap().clone()
    }
}

fn take(mut stream: TcpStream, answer: Option<&str>, kept: &Mutex<Vec<(String, String)>>) -> Option<TcpStream> {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let (mut head, mut length) = (String::new(), 0);
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).unwrap_or(0) == 0 || line.trim().is_empty() {
            break;
        }
        if let Some(n) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = n.trim().parse().unwrap();
        }
        head += &line;
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    kept.lock().unwrap().push((head, String::from_utf8(body).unwrap()));
    // Kept open: whoever waits for an answer waits.
    let Some(answer) = answer else { return Some(stream) };
    _ = stream.write_all(format!("HTTP/1.1 {answer}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n").as_bytes());
    None
}

fn soft_with(hook: &Hook, more: &str) -> (llmr::sandbox::Sandbox, Place) {
    let sandbox = sandbox_of(vec![provider("alpha", "m", "1", "1")], "");
    let config = format!("[alerts]\nwebhook = \"{}\"\n{more}", hook.url);
    let place = Place::new().labs(&sandbox, &config).var("LLMR_BUDGET_SOFT_PCT", "0.0001");
    (sandbox, place)
}

#[test]
fn a_webhook_gets_the_event_and_nothing_secret() {
    let hook = Hook::start(Some("204 No Content"));
    let (_sandbox, place) = soft_with(&hook, "");
    let ran = place.run(&["ask", "my prompt"]).expect(0);
    assert!(!ran.stderr.contains("not delivered"), "{ran:?}");
    let got = hook.got();
    assert_eq!(got.len(), 1);
    assert!(got[0].0.starts_with("POST /services/secret-word HTTP/1.1\r\n"), "{got:?}");
    assert!(got[0].0.contains("content-type: application/json"));
    let body: Value = serde_json::from_str(&got[0].1).unwrap();
    assert_eq!(body["event"], "soft");
    for (head, body) in got {
        assert!(!head.contains("test-key") && !body.contains("test-key") && !body.contains("my prompt"));
    }
    let shown = place.run(&["config", "show"]).expect(0);
    assert!(shown.stdout.contains("alerts.webhook") && !shown.stdout.contains("secret-word"), "{shown:?}");
}

#[test]
fn what_a_webhook_or_a_command_does_wrong_is_a_warning_without_its_address() {
    let hook = Hook::start(Some("500 No"));
    let (_sandbox, place) = soft_with(&hook, "command = [\"sh\", \"-c\", \"exit 3\"]\n");
    let ran = place.run(&["ask", "hello"]).expect(0);
    assert!(ran.stderr.contains("not delivered: the webhook: it answered with status 500"), "{ran:?}");
    assert!(ran.stderr.contains("not delivered: `sh` ended with exit status: 3"), "{ran:?}");
    assert!(!ran.stderr.contains("secret-word"), "{ran:?}");

    let gone = Hook { url: "http://127.0.0.1:1/secret-word".into(), got: Arc::default() };
    let (_sandbox, place) = soft_with(&gone, "command = [\"no-such-program\"]\n");
    let ran = place.run(&["ask", "hello"]).expect(0);
    assert!(ran.stderr.contains("connection refused") && !ran.stderr.contains("secret-word"), "{ran:?}");
    assert!(ran.stderr.contains("`no-such-program` cannot be run"), "{ran:?}");
}

#[test]
fn a_webhook_that_hangs_holds_up_neither_the_answer_nor_ctrl_c() {
    let hook = Hook::start(None);
    let (_sandbox, place) = soft_with(&hook, "timeout_secs = 50\n");
    let mut child = place.command(&["ask", "hello"]).spawn().unwrap();
    let mut answer = String::new();
    BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut answer).unwrap();
    assert!(answer.contains("the sandbox of llmr"), "{answer}");
    until("the webhook is called", || !hook.got().is_empty());
    assert!(child.try_wait().unwrap().is_none(), "the answer is there, the webhook is still waited for");
    let began = Instant::now();
    signal(&child, "INT");
    finish(child).expect(0);
    assert!(began.elapsed() < Duration::from_secs(10));
}

/// Also where it came before anybody waited for the webhook.
#[test]
fn an_interrupted_request_does_not_wait_for_a_webhook_that_hangs() {
    let hook = Hook::start(None);
    let sandbox = sandbox_of(vec![provider("alpha", "m", "1", "1")], "alpha=hang");
    let config = format!("[alerts]\nwebhook = \"{}\"\ntimeout_secs = 50\n", hook.url);
    let place = Place::new().labs(&sandbox, &config).var("LLMR_BUDGET_SOFT_PCT", "0.0001");
    let child = place.command(&["ask", "hello"]).spawn().unwrap();
    until("it is asked", || !sandbox.requests().is_empty());
    let began = Instant::now();
    signal(&child, "INT");
    finish(child).expect(130);
    assert!(began.elapsed() < Duration::from_secs(10));
    until("the webhook was called", || !hook.got().is_empty());
}

#[test]
fn a_webhook_that_hangs_is_given_up_after_its_time() {
    let hook = Hook::start(None);
    let (_sandbox, place) = soft_with(&hook, "timeout_secs = 0.2\n");
    let ran = place.run(&["ask", "hello"]).expect(0);
    assert!(ran.stderr.contains("an alert was not delivered: the webhook: "), "{ran:?}");
    assert!(ran.stdout.contains("the sandbox of llmr"));
}

#[cfg(target_os = "linux")]
#[test]
fn a_command_that_hangs_is_ended_with_its_children() {
    let sandbox = sandbox_of(vec![provider("alpha", "m", "1", "1")], "");
    let hangs = "[alerts]\ntimeout_secs = 0.3\ncommand = [\"sh\", \"-c\", \"sleep 500 & echo $! >child; echo $$ >own; wait\"]\n";
    let place = Place::new().labs(&sandbox, hangs).var("LLMR_BUDGET_SOFT_PCT", "0.0001");
    let ran = place.run(&["ask", "hello"]).expect(0);
    assert!(ran.stderr.contains("not delivered: `sh` took longer than 0.3 s"), "{ran:?}");
    for name in ["own", "child"] {
        let pid = std::fs::read_to_string(place.home().join(name)).unwrap();
        let stat = || std::fs::read_to_string(format!("/proc/{}/stat", pid.trim()));
        // The child of a killed shell is buried by somebody else, at some time.
        until("it is gone", || stat().is_err() || stat().is_ok_and(|stat| stat.contains(") Z")));
    }
}

#[test]
fn a_command_does_not_see_keys_and_is_not_looked_for_in_the_working_folder() {
    let sandbox = sandbox_of(vec![provider("alpha", "m", "1", "1")], "");
    let place = Place::new().labs(&sandbox, "[alerts]\ncommand = [\"./tell\"]\n").var("LLMR_BUDGET_SOFT_PCT", "0.0001");
    let script = |text: &str| format!("#!/bin/sh\n{text}\n");
    let paths = [
        place.work_file("tell", &script("echo foreign >>\"$LLMR_HOME/told\"")),
        place.home_file("tell", &script("env >>\"$LLMR_HOME/told\"")),
    ];
    for path in paths {
        use std::os::unix::fs::PermissionsExt;
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o700)).unwrap();
    }
    let place = SECRETS.iter().fold(place, |place, name| place.var(name, "test-key-of-another"));
    let ran = place.run(&["ask", "hello"]).expect(0);
    let told = std::fs::read_to_string(place.home().join("told")).unwrap_or_else(|e| panic!("{e}: {ran:?}"));
    assert!(told.contains("LLMR_HOME=") && !told.contains("foreign"), "{told}");
    assert!(!told.contains("test-key") && !told.contains("LAB_KEY"), "{told}");
}

#[test]
fn a_hostile_folder_cannot_set_alerts() {
    let sandbox = sandbox("");
    let place = Place::new().with(&sandbox).var("LLMR_BUDGET_SOFT_PCT", "0.0001");
    let bad = "[alerts]\ncommand = [\"sh\", \"-c\", \"echo >>\\\"$LLMR_HOME/told\\\"\"]\n";
    place.work_file("config.toml", bad);
    place.work_file("llmr/config.toml", bad);
    place.work_file(".env", "LLMR_ALERTS_COMMAND=sh\n");
    let refused = place.run(&["ask", "hello"]).expect(2);
    assert!(refused.stderr.contains("LLMR_ALERTS_COMMAND: not a variable that a working folder's .env may set"));
    place.work_file(".env", "ALERTS_COMMAND=sh\nALERTS_WEBHOOK=http://127.0.0.1:1/\n");
    let ran = place.run(&["ask", "hello"]).expect(0);
    assert!(ran.stderr.contains("from now on"), "an alert was due: {ran:?}");
    assert!(!ran.stderr.contains("delivered"), "{ran:?}");
    assert!(!place.home().join("told").exists());
}
