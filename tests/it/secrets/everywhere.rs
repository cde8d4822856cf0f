//! Providers that repeat the key in every place where a provider can say something; then everything is searched that was
//! printed and kept.
//!
//! The address of a run says what its provider does: `http://127.0.0.1:PORT/FAILURE/FORM`. So nothing is shared, and a
//! failure prints the two words that repeat it. The answer's text alone may hold a key: it is the model's.

use std::collections::BTreeSet;
use std::thread;

use serde_json::json;

use super::needles::{Needles, written};
use super::peer::{Heard, Peer, answer};
use crate::common::{Place, Ran};

/// Its characters are written differently in a URL, in JSON and in HTML.
const KEY: &str = "the-key/of+alpha~that=nobody.may&see";

/// Every dialect's provider: name, key, address, model.
const DIALECTS: [(&str, &str, &str, &str); 4] = [
    ("openai", "OPENAI_API_KEY", "OPENAI_BASE_URL", "OPENAI_MODEL=gpt-6-luna"),
    ("anthropic", "ANTHROPIC_API_KEY", "ANTHROPIC_BASE_URL", "ANTHROPIC_MODEL=claude-haiku-5-5"),
    ("gemini", "GEMINI_API_KEY", "GEMINI_BASE_URL", "GEMINI_MODEL=gemini-3.8-flash"),
    ("cohere", "COHERE_API_KEY", "COHERE_BASE_URL", "COHERE_MODEL=command-a-03-2025"),
];

/// Where a provider can say something, apart from an answer's text.
const FAILURES: [&str; 24] = [
    "400",
    "401",
    "402",
    "403",
    "404",
    "429",
    "500",
    "503",
    "plain",
    "html",
    "list",
    "codes",
    "far",
    "redirect",
    "headers",
    "status-line",
    "garbage",
    "chunk",
    "gzip",
    "inside",
    "event",
    "split",
    "names",
    "kind",
];

/// How a loud provider answers a request to such an address.
fn loud(heard: &Heard) -> Vec<u8> {
    let mut words = heard.target().trim_start_matches('/').split('/');
    let (failure, form) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let forms = written(KEY);
    let key = &forms[form.parse::<usize>().unwrap_or(0) % (forms.len() - 1)].1;
    let said = format!("your credential {key} is not one of ours");
    let error = json!({ "error": { "message": said, "type": "x", "code": "x" }, "message": said }).to_string();
    let event = |text: &str| answer(200, "", "text/event-stream", text);
    match failure {
        "plain" => answer(500, "", "text/plain", &said),
        "html" => answer(502, "", "text/html", &format!("<html><title>{said}</title><p>{said}</p></html>")),
        "list" => answer(
            422,
            "",
            "application/json",
            &json!({"detail": [{"loc": ["body", key], "msg": said, "input": key}]}).to_string(),
        ),
        "codes" => answer(
            400,
            "",
            "application/json",
            &json!({"error": {"message": said, "type": key, "code": key, "param": key, "status": key}}).to_string(),
        ),
        // Cut in the middle of the key, where a message is too long.
        "far" => answer(
            400,
            "",
            "application/json",
            &json!({"error": {"message": format!("{}{key}", "x ".repeat(140))}}).to_string(),
        ),
        "redirect" => answer(307, &format!("location: http://127.0.0.1:9/{key}\r\n"), "text/plain", &said),
        "headers" => {
            let headers =
                format!("x-request-id: {key}\r\nretry-after: {key}\r\nserver: {key}\r\nset-cookie: k={key}\r\n");
            answer(429, &headers, "application/json", &error)
        }
        "status-line" => format!("HTTP/1.1 500 {said}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n").into_bytes(),
        "garbage" => format!("{said}\r\n\r\n").into_bytes(),
        "chunk" => {
            format!("HTTP/1.1 200 X\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n{key}\r\n")
                .into_bytes()
        }
        "gzip" => answer(200, "content-encoding: gzip\r\n", "application/json", &error),
        "kind" => answer(200, "", &key.replace(['\\', '%', '&'], "x"), &said),
        "inside" => answer(200, "", "application/json", &error),
        "event" => event(&format!("event: error\ndata: {error}\n\n")),
        "split" => event(&format!("data: {error}\n\ndata: {key}\n\ndata: {{\"{key}\n\n: {key}\nid: {key}\n\n")),
        "names" => answer(200, "", "application/json", &named(key)),
        status => answer(status.parse().unwrap(), "", "application/json", &error),
    }
}

/// A whole answer in which everything but the text is the key; and a list of models that are all called so.
fn named(key: &str) -> String {
    let text = json!([{ "type": "text", "text": "fine" }]);
    json!({
        "id": key, "object": key, "model": key, "modelVersion": key, "responseId": key, "stop_reason": key, "type": "message",
        "provider": key, "system_fingerprint": key, "finish_reason": key, "service_tier": key, "content": text,
        "choices": [{ "index": 0, "message": { "role": key, "content": "fine", "name": key }, "finish_reason": key }],
        "candidates": [{ "content": { "role": "model", "parts": [{ "text": "fine" }] }, "finishReason": key }],
        "message": { "role": "assistant", "content": text },
        "usage": { "prompt_tokens": 1, "completion_tokens": 1, "input_tokens": 1, "output_tokens": 1, key: key },
        "data": [{ "id": format!("m-{key}"), "object": key, "owned_by": key }],
        "models": [{ "name": format!("models/{key}"), "supportedGenerationMethods": ["generateContent"], "endpoints": ["chat"] }],
    })
    .to_string()
}

/// A user of this one provider at this address, who keeps the texts too.
fn user_of((_, key, url, model): (&str, &str, &str, &str), address: &str) -> Place {
    let place = Place::new().var(key, KEY).var(url, address).var("LLMR_MAX_RETRIES", "0").var("LLMR_LOG_CONTENT", "on");
    let (name, model) = model.split_once('=').unwrap();
    place.var(name, model).var("LLMR_CACHE_HMAC_KEY", format!("{KEY}-of-the-cache"))
}

/// How a request is asked: in turn, so that each failure meets several.
const WAYS: [&[&str]; 5] = [
    &["ask", "--stream", "-v", "-u", "x"],
    &["ask", "--no-stream", "-v", "x"],
    &["ask", "--json", "x"],
    &["ask", "--output-format", "stream-json", "x"],
    &["providers", "check", "-v"],
];

fn checked(place: &Place, needles: &Needles, what: &str, args: &[&str]) -> Ran {
    let ran = place.run(args);
    let what = format!("{what}: {args:?}");
    assert!(ran.code.is_some_and(|code| code != 101), "{what}: {ran:?}");
    needles.not_said(&what, &ran);
    ran
}

/// All failures at one provider; the words that were said of them.
fn storm(nth: usize) -> String {
    let (provider, peer, needles) = (DIALECTS[nth], Peer::start(loud), Needles::of(KEY));
    let mut said = String::new();
    for (i, failure) in FAILURES.iter().enumerate() {
        let form = i * 5 + nth * 3;
        let place = user_of(provider, &format!("{}/{failure}/{form}", peer.url()));
        let what = format!("{}, {failure}, form {form}", provider.0);
        for way in [WAYS[(i + nth) % WAYS.len()], WAYS[(i + nth + 2) % WAYS.len()], &["log", "show", "r1"]] {
            let ran = checked(&place, &needles, &what, way);
            said += &format!("{what}: {way:?}\n{}{}\n", ran.stdout, ran.stderr);
        }
        needles.not_kept(&what, &place.home(), &[]);
        needles.not_kept(&what, &place.work(), &[]);
    }
    let sent = peer.heard();
    assert!(sent.iter().all(|heard| heard.head.contains(KEY)), "the key was sent, or there was nothing to repeat");
    assert!(sent.len() >= FAILURES.len(), "{} requests", sent.len());
    said
}

#[test]
fn whatever_a_provider_says_with_the_key_in_it_shows_and_keeps_no_key() {
    let said: Vec<String> = thread::scope(|scope| {
        let storms: Vec<_> = (0..DIALECTS.len()).map(|nth| scope.spawn(move || storm(nth))).collect();
        storms.into_iter().map(|storm| storm.join().unwrap()).collect()
    });
    for said in said {
        // Otherwise nothing was searched: the provider's words must come through, without the key.
        assert!(said.matches("your credential [redacted]").count() > 10, "{said}");
    }
}

/// Every command that there is, in every form of output, in an order in which each finds something to show.
const COMMANDS: &[&[&str]] = &[
    &["ask", "-v", "x"],
    &["ask", "-p", "openai", "-p", "gemini", "--strategy", "priority", "-v", "x"],
    &["ask", "--parallel", "3", "-v", "x"],
    &["ask", "-p", "cohere", "--json", "x"],
    &["ask", "-p", "anthropic", "--output-format", "stream-json", "x"],
    &["ask", "--dry-run", "x"],
    &["dry-run", "x"],
    &["dry-run", "--check", "--json", "x"],
    &["chat", "x"],
    &["chat", "--json", "x"],
    &["chat", "list"],
    &["batch", "in.jsonl", "-p", "lab", "-o", "out.jsonl", "-v"],
    &["batch", "in.jsonl", "-p", "mistral", "-o", "out.jsonl", "--json"],
    &["template", "new", "t", "-s", "be brief", "{{input}}"],
    &["ask", "-T", "t", "x"],
    &["template", "show", "t"],
    &["template", "list", "--json"],
    &["template", "rm", "t"],
    &["budget"],
    &["budget", "set", "2"],
    &["budget", "history", "--json"],
    &["budget", "check", "--json"],
    &["ask", "--hedge", "--no-cache", "hello"],
    &["ask", "-f", "long.txt", "--strategy-long", "map-reduce", "--yes", "what is said?"],
    &["ask", "--resume"],
    &["budget", "reset"],
    &["embed", "-p", "openai", "-v", "x"],
    &["embed", "-p", "cohere", "--json", "x"],
    &["embed", "--save", "v", "x"],
    &["embed", "--near", "v", "x"],
    &["providers"],
    &["providers", "list", "--all"],
    &["providers", "--json"],
    &["providers", "show", "openai"],
    &["providers", "check", "-v"],
    &["providers", "check", "--live", "--json"],
    &["providers", "reset", "openai"],
    &["stats"],
    &["stats", "--json"],
    &["stats", "--by", "model", "--format", "csv"],
    &["stats", "--routing"],
    &["stats", "--routing", "--json"],
    &["stats", "--format", "html"],
    &["stats", "--format", "prometheus"],
    &["log"],
    &["log", "--json"],
    &["log", "show", "r1"],
    &["log", "show", "r1", "--json"],
    &["log", "export", "--all"],
    &["log", "export", "--all", "--format", "csv"],
    &["models"],
    &["models", "--json"],
    &["models", "--live"],
    &["models", "--live", "--json", "-p", "gemini"],
    &["cache"],
    &["cache", "--json"],
    &["cache", "verify"],
    &["cache", "clear"],
    &["config", "show"],
    &["config", "show", "--json"],
    &["config", "path"],
    &["config", "check", "-v"],
    &["config", "init"],
    &["config", "trust"],
    &["ask", "--tier", "auto", "--cascade", "-v", "x"],
    &["dry-run", "--tier", "auto", "x"],
    &["classify", "x"],
    &["classify", "--jsonl"],
    &["rate", "last", "bad"],
    &["select", "-f", ".env", "--budget", "9", "zebra"],
    &["simulate", "--stdio"],
    &["import", "llm", "--from", ".", "--dry-run"],
    &["completions", "bash"],
    &["completions", "zsh"],
    &["completions", "fish"],
    &["completions", "powershell"],
    &["completions", "elvish"],
    &["completions", "nushell"],
    &["man", "ask"],
    &["--sandbox", "ask", "-v", "x"],
    &["--help"],
    &["ask", "--help"],
    &["--version"],
    &["no-such-thing", "--at-all"],
    &["forget", "--all"],
];

/// The commands that the program has, as its own help names them.
fn of_the_help(place: &Place) -> BTreeSet<String> {
    let help = place.run(&["--help"]).expect(0).stdout;
    let listed = help.lines().filter_map(|line| line.strip_prefix("  ")).filter(|line| !line.starts_with([' ', '-']));
    let names = listed.filter_map(|line| line.split("  ").next()).filter(|name| !name.contains(' '));
    names.map(str::to_owned).collect()
}

/// A provider of each dialect that refuses, a webhook that repeats its own address, a command that writes down all that it
/// is given, and a proxy: each with a secret of its own.
fn crowd(peer: &Peer) -> Place {
    let alerts = format!(
        "log_content = true\n[alerts]\nwebhook = \"{}/401/0/hooks/{KEY}\"\n\
         command = [\"sh\", \"-c\", 'env >>seen; echo \"$0 $*\" >>seen; cat >>seen; tr \"\\\\0\" \" \" </proc/$PPID/cmdline >>seen']\n\
         [[provider]]\nname = \"lab\"\ndialect = \"openai\"\nbase_url = \"{}/500/3\"\napi_key_env = \"LAB_KEY\"\nmodels = [\"m\"]\n\
         input_usd_per_mtok = 1.0\noutput_usd_per_mtok = 1.0\n",
        peer.url(),
        peer.url()
    );
    let place = DIALECTS.iter().zip(["401", "429", "500", "inside"]).fold(Place::new(), |place, (row, failure)| {
        let (name, model) = row.3.split_once('=').unwrap();
        place.var(row.1, KEY).var(row.2, format!("{}/{failure}/1", peer.url())).var(name, model)
    });
    place.home_file("config.toml", &alerts);
    // The one file in which keys are meant to be; a child sees neither these nor those of the environment.
    place.home_file(".env", &format!("MISTRAL_API_KEY='{KEY}'\nMISTRAL_BASE_URL={}/503/5\n", peer.url()));
    place.work_file("long.txt", &"One line that says a little.\n".repeat(300));
    place.work_file("in.jsonl", "{\"id\": \"a\", \"prompt\": \"one\"}\n{\"id\": \"b\", \"prompt\": \"two\"}\n");
    place
        .var("LAB_KEY", KEY)
        .var("PROXY_API_XAI_API_KEY", KEY)
        .var("LLMR_CACHE_HMAC_KEY", format!("{KEY}-of-the-cache"))
        .var("LLMR_METRICS_TOKEN", format!("{KEY}-of-the-metrics"))
        .var("LLMR_MAX_RETRIES", "0")
        .var("LLMR_BREAKER_THRESHOLD", "1")
        .var("LLMR_BREAKER_OPEN_SECS", "0.05")
        .var("PATH", "/usr/bin:/bin")
}

#[test]
fn no_command_in_no_form_shows_or_keeps_a_key() {
    let (peer, needles) = (Peer::start(loud), Needles::of(KEY));
    let place = crowd(&peer);
    let known = of_the_help(&place);
    let tried: BTreeSet<String> = COMMANDS.iter().map(|args| args[0].to_owned()).collect();
    // `sandbox` runs until it is stopped and reads no key; `help` is `--help`.
    let left: Vec<&String> =
        known.iter().filter(|name| !tried.contains(*name) && !["sandbox", "help"].contains(&name.as_str())).collect();
    assert!(known.len() > 12 && left.is_empty(), "commands that nobody tries here: {left:?} of {known:?}");
    let mut said = String::new();
    for args in COMMANDS {
        let ran = checked(&place, &needles, "every command", args);
        said += &format!("{args:?}: {:?}\n{}{}\n", ran.code, ran.stdout, ran.stderr);
    }
    let ran = place.run_with_stdin(&["chat"], b"x\n/model\n/system be brief\ny\n/usage\n/save notes.md\n");
    needles.not_said("a chat", &ran);
    needles.not_kept("every command", &place.home(), &[".env", "config.toml"]);
    needles.not_kept("every command", &place.work(), &[]);
    let seen = std::fs::read_to_string(place.home().join("seen")).unwrap();
    assert!(seen.contains("LLMR_HOME=") && seen.contains("\"event\""), "the command was run: {seen}");
    let redirected = peer.heard().iter().filter(|heard| heard.target().contains("/hooks/")).count();
    assert!(redirected > 0 && said.contains("an alert was not delivered"), "the webhook was asked: {said}");
    assert!(said.contains("[redacted]"), "{said}");
}

/// What pasting does to a key, and keys in wrong places; `true`: it is refused, with the variable's name.
#[test]
fn a_key_that_is_none_is_refused_without_being_shown() {
    let peer = Peer::start(|_| answer(200, "", "application/json", &named("m")));
    let needles = Needles::of(KEY);
    let url = peer.url();
    for (what, key, refused) in [
        ("a space inside", KEY.replace('~', " "), true),
        ("a line break inside", KEY.replace('~', "\n"), true),
        ("a tab inside", KEY.replace('~', "\t"), true),
        ("a curly quote", format!("\u{201c}{KEY}\u{201d}"), true),
        ("a letter that is not ASCII", format!("{KEY}é"), true),
        ("an escape", format!("\u{1b}[31m{KEY}"), true),
        ("white space around it", format!(" \t{KEY}\r\n"), false),
    ] {
        let place = Place::new().var("OPENAI_API_KEY", &key).var("OPENAI_BASE_URL", &url);
        for args in [&["ask", "-v", "x"][..], &["ask", "--json", "x"], &["config", "check"]] {
            let ran = place.run(args);
            assert_eq!(ran.code == Some(2), refused, "{what}: {ran:?}");
            assert!(!refused || format!("{ran:?}").contains("OPENAI_API_KEY"), "{what}: {ran:?}");
            Needles::of(&KEY[..16]).not_said(what, &ran);
            needles.not_said(what, &ran);
        }
    }
    assert!(peer.heard().iter().all(|heard| heard.header("authorization") == Some(&format!("Bearer {KEY}"))));
}

#[test]
fn a_key_in_a_wrong_place_is_not_spelled_out() {
    let needles = Needles::of(KEY);
    let place = Place::new().var("OPENAI_API_KEY", KEY);
    for (what, args) in [
        ("a flag that does not exist", vec!["ask", "--api-key", KEY, "x"]),
        ("the same, joined", vec!["ask", "--api-key=the-key/of+alpha~that=nobody.may&see", "x"]),
        ("a command that does not exist", vec!["keys", "set", KEY]),
    ] {
        let ran = place.run(&args);
        needles.not_said(what, &ran);
        assert_eq!(ran.code, Some(2), "{what}: {ran:?}");
    }
    for (what, file, text) in [
        ("a quote that is not closed", ".env", format!("OPENAI_API_KEY='{KEY}\n")),
        ("text behind it", ".env", format!("OPENAI_API_KEY={KEY} {KEY}\n")),
        ("a dollar", ".env", format!("OPENAI_API_KEY=\"{KEY}$HOME\"\n")),
        ("no assignment", ".env", format!("{KEY}\n")),
        ("a wrong variable", ".env", format!("LLMR_STRATEGY='{KEY}'\n")),
        ("an address", ".env", format!("OPENAI_BASE_URL='https://{KEY}@h.invalid/v1'\n")),
        ("a query", ".env", format!("OPENAI_BASE_URL='https://h.invalid/v1?key={KEY}'\n")),
        ("a proxy", ".env", format!("HTTPS_PROXY='nonsense://user:{KEY}@h.invalid'\n")),
        ("a setting", "config.toml", format!("api_key = \"{KEY}\"\n")),
        ("no TOML", "config.toml", format!("api_key = \"{KEY}\n")),
        (
            "the variable's name",
            "config.toml",
            format!(
                "[[provider]]\nname = \"lab\"\ndialect = \"openai\"\nbase_url = \"http://127.0.0.1:9\"\napi_key_env = \"{KEY}\"\nmodels = [\"m\"]\n"
            ),
        ),
        (
            "a provider's address",
            "config.toml",
            format!(
                "[[provider]]\nname = \"lab\"\ndialect = \"openai\"\nbase_url = \"http://u:{KEY}@127.0.0.1:9\"\nmodels = [\"m\"]\n"
            ),
        ),
        ("a webhook's user", "config.toml", format!("[alerts]\nwebhook = \"http://u:{KEY}@127.0.0.1:9\"\n")),
    ] {
        let place = Place::new();
        place.home_file(file, &text);
        for args in
            [&["ask", "-v", "x"][..], &["providers", "--json"], &["config", "show"], &["config", "check", "--json"]]
        {
            let ran = place.run(args);
            needles.not_said(&format!("{what}: {args:?}"), &ran);
        }
        needles.not_kept(what, &place.home(), &[file]);
    }
}
