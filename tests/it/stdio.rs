//! Standard input, output and error, as scripts meet them; and a home that cannot be written.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use llmr::sandbox::Sandbox;
use serde_json::Value;

use crate::common::{Place, Ran, finish, sandbox};
use crate::listener::{Listener, completion};

/// The last prompt that OpenAI's side of a sandbox was sent.
fn prompt(sandbox: &Sandbox) -> String {
    let request = sandbox.requests().pop().unwrap();
    request.body["messages"].as_array().unwrap().last().unwrap()["content"].as_str().unwrap().to_owned()
}

fn openai(sandbox: &Sandbox) -> Place {
    let keys = ["ANTHROPIC_API_KEY", "GEMINI_API_KEY", "COHERE_API_KEY"];
    keys.iter().fold(Place::new().with(sandbox), |place, key| place.var(key, "")).var("LLMR_CACHE", "off")
}

#[test]
fn stdin_follows_its_rules() {
    let sandbox = sandbox("");
    let place = openai(&sandbox);
    place.work_file("a.txt", "file a\n");
    place.work_file("b \"x\".txt", "b");
    for (args, stdin, expected) in [
        (&["ask"][..], "  from a pipe\n", "  from a pipe\n"),
        (&["ask", "-"], "piped", "piped"),
        (&["-"], "piped", "piped"),
        (&["ask", "say", "it"], "data\n", "say it\n\n<stdin>data\n</stdin>"),
        (&["ask", "say", "-"], "data", "say\n\n<stdin>data</stdin>"),
        (&["ask", "say"], "", "say"),
        (&["ask", "say", "--no-stdin"], "data", "say"),
        (&["ask", "-f", "a.txt", "say"], "", "say\n\n<file name=\"a.txt\">file a\n</file>"),
        (&["ask", "-f", "a.txt"], "say", "say\n\n<file name=\"a.txt\">file a\n</file>"),
        (&["ask", "-f", "a.txt", "--no-stdin"], "data", "<file name=\"a.txt\">file a\n</file>"),
        (&["ask", "-f", "-", "say"], "data", "say\n\n<file name=\"-\">data</file>"),
        (
            &["ask", "-f", "a.txt", "-f", "b \"x\".txt", "say"],
            "data",
            "say\n\n<file name=\"a.txt\">file a\n</file>\n\n<file name=\"b &quot;x&quot;.txt\">b</file>\n\n<stdin>data</stdin>",
        ),
        (&["ask"], "ünïcødé 你好\r\n\ttab\u{0}", "ünïcødé 你好\r\n\ttab\u{0}"),
        (&["ask", "--", "--help"], "", "--help"),
        (&["--", "budget"], "", "budget"),
        (&["ask", "budget"], "", "budget"),
    ] {
        place.run_with_stdin(args, stdin.as_bytes()).expect(0);
        assert_eq!(prompt(&sandbox), expected, "{args:?} {stdin:?}");
    }
    // A file as stdin is read like a pipe; /dev/null is nothing.
    let file = std::fs::File::open(place.work().join("a.txt")).unwrap();
    finish(place.command(&["ask", "say"]).stdin(file).spawn().unwrap()).expect(0);
    assert_eq!(prompt(&sandbox), "say\n\n<stdin>file a\n</stdin>");
    place.run(&["ask", "say"]).expect(0);
    assert_eq!(prompt(&sandbox), "say");
    // Megabytes come through whole.
    let large = "0123456789abcde\n".repeat(100_000);
    let roomy = place.var("OPENAI_MODEL", "gpt-4.1-mini");
    roomy.run_with_stdin(&["ask", "--max-tokens", "5"], large.as_bytes()).expect(0);
    assert_eq!(prompt(&sandbox), large);
}

#[test]
fn input_that_cannot_be_used_is_exit_2_and_nothing_is_sent() {
    let sandbox = sandbox("");
    let place = openai(&sandbox);
    std::fs::write(place.work().join("latin1.txt"), b"caf\xe9").unwrap();
    std::fs::create_dir(place.work().join("folder")).unwrap();
    place.work_file("empty.txt", "");
    for (args, stdin, says) in [
        (&["ask"][..], &b""[..], "no prompt"),
        (&["ask"], b"  \n", "the prompt is empty"),
        (&["ask", ""], b"", "the prompt is empty"),
        (&["ask", "  ", "\t"], b"data", "the prompt is empty"),
        (&["ask", "-"], b"", "no prompt"),
        (&["ask", "--no-stdin"], b"data", "no prompt"),
        (&["ask"], b"caf\xe9", "not valid UTF-8 at byte 3"),
        (&["ask", "say"], b"\xff", "standard input is not valid UTF-8"),
        (&["ask", "say", "-f", "latin1.txt"], b"", "latin1.txt` is not valid UTF-8 at byte 3"),
        (&["ask", "say", "-f", "no-such.txt"], b"", "no-such.txt"),
        (&["ask", "say", "-f", "folder"], b"", "`folder` is a folder"),
        (&["ask", "-f", "empty.txt"], b"", "no prompt"),
        (&["ask", "-", "-f", "-"], b"x", "twice"),
        (&["ask", "-", "--no-stdin"], b"x", "--no-stdin"),
    ] {
        let ran = place.run_with_stdin(args, stdin).expect(2);
        assert!(ran.stderr.starts_with("error: ") && ran.stderr.contains(says), "{args:?} {stdin:?}: {ran:?}");
        assert_eq!(ran.stdout, "", "{args:?}");
        let json = place.run_with_stdin(&[args, &["--json"]].concat(), stdin).expect(2);
        let error: Value = serde_json::from_str(&json.stdout).unwrap();
        assert!(error["error"]["message"].as_str().unwrap().contains(says.trim_start_matches("error: ")), "{json:?}");
        assert_eq!(json.stderr, "", "{args:?}");
    }
    // Nothing at all is no prompt either.
    place.run(&["ask"]).expect(2);
    assert_eq!(sandbox.requests(), []);
}

/// An answer in these words, whatever is asked.
fn says(text: &'static str) -> (Listener, Place) {
    let listener = Listener::start(move |request| (200, completion(request, text)));
    let place =
        Place::new().var("GROQ_API_KEY", "test-key").var("GROQ_BASE_URL", listener.url()).var("LLMR_CACHE", "off");
    (listener, place)
}

#[test]
fn stdout_is_the_answer_and_one_line_break() {
    for (text, expected) in [
        ("plain", "plain\n"),
        ("one\n", "one\n"),
        ("many\n\n\n", "many\n"),
        ("  inner\n\nbreaks \r\n", "  inner\n\nbreaks \n"),
        ("# markdown **stays**", "# markdown **stays**\n"),
        ("\u{1b}[31mred\u{1b}[0m \u{7}", "\u{1b}[31mred\u{1b}[0m \u{7}\n"),
        ("你好 \u{1f600}", "你好 \u{1f600}\n"),
    ] {
        let (_listener, place) = says(text);
        for args in
            [&[][..], &["--stream"], &["--no-stream"], &["--color", "always"], &["-q"], &["-v"], &["-u"], &["--raw"]]
        {
            let ran = place.run(&[&["ask", "x"], args].concat()).expect(0);
            assert_eq!(ran.stdout, expected, "{args:?}");
        }
        let (code, answer) = place.json(&["ask", "x"]);
        assert_eq!((code, &answer["content"]), (0, &text.into()), "JSON keeps it as it is");
    }
    let wide: &'static str = Box::leak("word ".repeat(400).into_boxed_str());
    let (_listener, place) = says(wide);
    assert_eq!(place.run(&["ask", "x"]).stdout, format!("{wide}\n"), "nothing is wrapped");
}

#[test]
fn stderr_is_silent_unless_there_is_something_to_say() {
    let (_listener, place) = says("answer");
    assert_eq!(place.run(&["ask", "x"]).expect(0).stderr, "");
    assert_eq!(place.run(&["ask", "x", "--json", "-v", "-u"]).expect(0).stderr, "");
    assert_eq!(place.run(&["ask", "x", "--output-format", "json"]).expect(0).stderr, "");
    assert_eq!(place.run(&["ask", "x", "--output-format", "stream-json", "-v"]).expect(0).stderr, "");
    let verbose = place.run(&["-v", "ask", "x"]).expect(0).stderr;
    assert!(verbose.starts_with("detail: ") && verbose.contains("groq/"), "{verbose}");
    let usage = place.run(&["ask", "x", "-u"]).expect(0).stderr;
    for part in ["groq/", " in + ", " out", "$", "today ", " of $5.00", "cache off"] {
        assert!(usage.contains(part), "{part}: {usage}");
    }
    assert_eq!(usage.lines().count(), 1, "{usage}");
    // -q keeps what was asked for, and errors.
    assert_eq!(place.run(&["ask", "x", "-q", "-u"]).expect(0).stderr.lines().count(), 1);
    let failed = place.run(&["ask", "-q", "x", "-p", "nobody"]).expect(2);
    assert!(failed.stderr.starts_with("error: unknown provider"), "{failed:?}");
    let colourful = place.run(&["ask", "x", "-p", "nobody", "--color", "always"]).expect(2);
    assert!(colourful.stderr.starts_with("\u{1b}[1;31merror:"), "{colourful:?}");
    for args in [&["--color", "never"][..], &["--color=auto"]] {
        let plain = place.run(&[&["ask", "x", "-p", "nobody"], args].concat()).expect(2);
        assert!(!plain.stderr.contains('\u{1b}'), "{args:?}: {plain:?}");
    }
    place.run(&["ask", "x", "--color", "sometimes"]).expect(2);
}

#[test]
fn a_switch_is_told_on_stderr_and_in_the_attempts() {
    let sandbox = sandbox("cohere=500");
    let place = Place::new().with(&sandbox).var("LLMR_MAX_RETRIES", "0").var("LLMR_STRATEGY", "cheapest");
    let place = place.var("LLMR_BREAKER_THRESHOLD", "9");
    let ran = place.run(&["ask", "-u", "x"]).expect(0);
    assert!(ran.stderr.contains("warning: cohere/") && ran.stderr.contains("1 failover"), "{ran:?}");
    let ran = place.run(&["ask", "-q", "y", "--no-cache"]).expect(0);
    assert_eq!(ran.stderr, "");
    let lines = place.run(&["ask", "z", "--output-format", "stream-json"]).expect(0);
    let types: Vec<Value> = lines.stdout.lines().map(|l| serde_json::from_str::<Value>(l).unwrap()).collect();
    assert_eq!(types.iter().filter(|l| l["type"] == "fallback").count(), 1, "{lines:?}");
    let fallback = types.iter().find(|l| l["type"] == "fallback").unwrap();
    assert_eq!(
        (&fallback["attempt"]["provider"], &fallback["attempt"]["failure"]),
        (&"cohere".into(), &"server_error".into())
    );
    assert!(fallback["next"]["provider"].is_string(), "{fallback}");
    assert_eq!(types.last().unwrap()["attempts"].as_array().unwrap().len(), 2);
}

#[test]
fn stream_json_is_an_object_a_line() {
    let sandbox = sandbox("");
    let place = openai(&sandbox);
    let ran = place.run(&["ask", "x", "--output-format", "stream-json"]).expect(0);
    let lines: Vec<Value> = ran.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(lines.iter().all(|line| line["schema_version"] == 1 && line["type"].is_string()));
    let kinds: Vec<_> = lines.iter().map(|line| line["type"].as_str().unwrap()).collect();
    assert_eq!((kinds[0], kinds[kinds.len() - 1]), ("start", "result"), "{kinds:?}");
    assert!(kinds.len() > 10 && kinds[1..kinds.len() - 1].iter().all(|kind| *kind == "delta"), "{kinds:?}");
    let text: String = lines.iter().filter_map(|line| line["text"].as_str()).collect();
    let result = lines.last().unwrap();
    assert_eq!(result["content"], text);
    assert_eq!((&result["id"], &result["provider"]), (&lines[0]["id"], &lines[0]["provider"]));

    let ran = place.run(&["ask", "x", "-p", "nobody", "--output-format", "stream-json"]).expect(2);
    let error: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!((&error["type"], &error["error"]["exit_code"], ran.stderr.as_str()), (&"error".into(), &2.into(), ""));
}

#[test]
fn a_stream_that_breaks_after_text_was_shown_is_an_error_and_no_clean_end() {
    let sandbox = sandbox("cohere=cut");
    let place = Place::new().with(&sandbox).var("LLMR_BREAKER_THRESHOLD", "9");
    let ran = place.run(&["ask", "--stream", "x", "-p", "cohere"]).expect(69);
    assert!(ran.stdout.starts_with("This is the sandbox") && ran.stdout.ends_with('\n'), "{ran:?}");
    assert!(ran.stderr.contains("broke off after text was shown"), "{ran:?}");
    let ran = place.run(&["ask", "x", "-p", "cohere", "--output-format", "stream-json"]).expect(69);
    assert!(ran.stdout.lines().last().unwrap().contains("\"type\":\"error\""), "{ran:?}");
    // In a pipe it is all or nothing: the next one answers, and not a word of the first is seen.
    let ran = place.run(&["ask", "x", "-p", "cohere", "-p", "openai", "--strategy", "cheapest"]).expect(0);
    assert!(ran.stderr.contains("cohere/"), "{ran:?}");
    assert!(ran.stdout.contains("gpt-6-luna of openai") && !ran.stdout.contains("of cohere"), "{ran:?}");
}

#[test]
fn flags_work_before_and_after_the_command() {
    let sandbox = sandbox("");
    let place = openai(&sandbox);
    for args in [
        &["--json", "ask", "x"][..],
        &["ask", "--json", "x"],
        &["ask", "x", "--json"],
        &["--json", "x"],
        &["x", "--json"],
        &["-q", "--color", "never", "--json", "x"],
        &["--json", "-p", "openai", "x"],
    ] {
        let ran = place.run(args).expect(0);
        let answer: Value = serde_json::from_str(&ran.stdout).unwrap_or_else(|e| panic!("{args:?}: {e}: {ran:?}"));
        assert_eq!(answer["provider"], "openai", "{args:?}");
    }
    for args in [
        &["--json", "budget"][..],
        &["budget", "--json"],
        &["budget", "status", "--json"],
        &["budget", "--json", "status"],
    ] {
        let ran = place.run(args).expect(0);
        assert!(serde_json::from_str::<Value>(&ran.stdout).unwrap()["limit_usd"].is_number(), "{args:?}");
    }
    let ran = place.run(&["two", "words"]).expect(0);
    assert!(ran.stdout.contains("begins with “two words”"), "{ran:?}");
    let help = place.run(&["ask", "--help"]).expect(0);
    assert!(help.stdout.contains("Exit codes:") && help.stderr.is_empty());
    let wrong = place.run(&["ask", "--no-such-flag", "x"]).expect(2);
    assert!(wrong.stdout.is_empty() && wrong.stderr.contains("--no-such-flag"), "{wrong:?}");
    place.run(&["--version"]).expect(0);
}

/// Runs a line of shell with `llmr` on its path.
fn shell(place: &Place, line: &str) -> Ran {
    let mut command = place.command(&[]);
    let bin = Path::new(env!("CARGO_BIN_EXE_llmr")).parent().unwrap().display().to_string();
    let vars: Vec<(std::ffi::OsString, std::ffi::OsString)> =
        command.get_envs().filter_map(|(n, v)| Some((n.to_owned(), v?.to_owned()))).collect();
    command = Command::new("bash");
    command.args(["-c", line]).env_clear().envs(vars).env("PATH", format!("{bin}:/usr/sbin:/usr/bin:/sbin:/bin"));
    command.current_dir(place.work()).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    finish(command.spawn().unwrap())
}

#[test]
fn a_closed_pipe_ends_it_quietly() {
    let sandbox = sandbox("");
    let place = openai(&sandbox);
    for (command, expected) in [
        ("llmr ask x", "T"),
        ("llmr ask x --stream", "T"),
        ("llmr ask x --json", "{"),
        ("llmr ask x --output-format stream-json", "{"),
        ("llmr models", "m"),
        ("llmr models --json", "{"),
        ("llmr config show", "s"),
    ] {
        let ran = shell(&place, &format!("{command} | head -c 1; exit ${{PIPESTATUS[0]}}")).expect(0);
        assert_eq!((ran.stdout.as_str(), ran.stderr.as_str()), (expected, ""), "{command}");
    }
    // Nobody listens from the start.
    for command in ["llmr ask x", "llmr ask x --stream", "llmr ask x --json", "llmr budget"] {
        let ran = shell(&place, &format!("{command} | true; exit ${{PIPESTATUS[0]}}")).expect(0);
        assert_eq!(ran.stderr, "", "{command}");
    }
    let (_, log) = place.json(&["log", "-n", "100"]);
    let lost = log["requests"].as_array().unwrap().iter().filter(|r| r["exit_code"].is_null()).count();
    assert_eq!(lost, 0, "every request was brought to its end");
    assert_eq!(place.sql("SELECT count(*) FROM holds"), ["0"]);
    assert_eq!(place.json(&["budget"]).1["held_usd"], 0);
}

#[test]
fn a_full_device_is_an_error() {
    if !Path::new("/dev/full").exists() {
        return crate::common::skipped("no /dev/full here");
    }
    let sandbox = sandbox("");
    let place = openai(&sandbox);
    for args in [
        &["ask", "x"][..],
        &["ask", "x", "--stream"],
        &["ask", "x", "--json"],
        &["ask", "x", "--output-format", "stream-json"],
        &["budget"],
        &["models", "--json"],
        &["config", "path"],
    ] {
        let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        let mut child = place.command(args).stdout(full).spawn().unwrap();
        let mut stderr = String::new();
        std::io::Read::read_to_string(&mut child.stderr.take().unwrap(), &mut stderr).unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(1), "{args:?}: {stderr}");
        assert!(
            args.contains(&"--json") || args.contains(&"stream-json") || stderr.contains("standard output"),
            "{args:?}: {stderr}"
        );
    }
    // What was paid for is in the ledger all the same.
    assert_eq!(
        place.sql("SELECT count(*) FROM ledger")[0],
        sandbox.bill().provider("openai").unwrap().requests.to_string()
    );
}

/// What a script must be able to rely on when there is nowhere to write down what is spent.
fn stops_before_it_costs_anything(place: &Place, sandbox: &Sandbox, home: &Path, code: i32) {
    let run = |args: &[&str], vars: &[(&str, &str)]| {
        let mut command = place.command(args);
        command.env("LLMR_HOME", home).envs(vars.iter().copied());
        finish(command.spawn().unwrap())
    };
    let sent = sandbox.requests().len();
    let ran = run(&["ask", "x"], &[]).expect(code);
    let error = ran.stderr.lines().find(|line| line.starts_with("error: "));
    assert!(error.is_some_and(|line| line.contains(&home.display().to_string())), "{ran:?}");
    let json = run(&["ask", "x", "--json"], &[]).expect(code);
    assert!(json.stderr.is_empty() && serde_json::from_str::<Value>(&json.stdout).unwrap()["error"].is_object());
    assert_eq!(sandbox.requests().len(), sent, "it was sent all the same");
    let ran = run(&["ask", "x"], &[("LLMR_BUDGET_DAILY_USD", "off")]).expect(0);
    assert!(
        ran.stdout.starts_with("This is the sandbox") && ran.stderr.contains("nothing will be recorded"),
        "{ran:?}"
    );
    let json = run(&["ask", "x", "--json"], &[("LLMR_BUDGET_DAILY_USD", "off")]).expect(0);
    assert_eq!(json.stdout.matches("nothing will be recorded").count(), 1, "as a warning of the result: {json:?}");
    assert_eq!(sandbox.requests().len(), sent + 2);
}

#[test]
fn a_home_that_cannot_be_made_stops_a_request_unless_there_is_no_budget() {
    let sandbox = sandbox("");
    let place = Place::new().with(&sandbox);
    let home = place.work_file("a-file-in-its-place", "");
    stops_before_it_costs_anything(&place, &sandbox, &home, 1);
    stops_before_it_costs_anything(&place, &sandbox, &home.join("below"), 1);
}

#[test]
fn a_database_that_is_none_stops_a_request_unless_there_is_no_budget() {
    let sandbox = sandbox("");
    let place = Place::new().with(&sandbox);
    place.home_file("llmr.db", &"this is not a database\n".repeat(200));
    stops_before_it_costs_anything(&place, &sandbox, &place.home(), 1);
    let ran = place.run(&["budget"]).expect(1);
    assert!(ran.stderr.contains("llmr.db") && ran.stderr.contains("hint: "), "{ran:?}");
}

#[test]
fn a_newer_database_is_refused_with_a_hint_and_left_as_it_is() {
    let sandbox = sandbox("");
    let place = Place::new().with(&sandbox);
    place.run(&["ask", "x"]).expect(0);
    let db = rusqlite::Connection::open(place.home().join("llmr.db")).unwrap();
    db.pragma_update(None, "user_version", 9999).unwrap();
    drop(db);
    stops_before_it_costs_anything(&place, &sandbox, &place.home(), 1);
    for command in [&["budget"][..], &["stats"], &["dry-run", "x"], &["cache", "clear"]] {
        let ran = place.run(command).expect(1);
        assert!(ran.stderr.contains("9999") && ran.stderr.contains("hint: update llmr"), "{command:?}: {ran:?}");
    }
    assert_eq!(place.sql("SELECT count(*) FROM requests"), ["1"]);
}

/// A small file system of its own, in namespaces that end with the shell.
#[test]
fn a_full_disk_stops_a_request_unless_there_is_no_budget() {
    let sandbox = sandbox("");
    let place = Place::new().with(&sandbox).var("LLMR_CACHE", "off");
    let disk = place.work().join("disk");
    std::fs::create_dir(&disk).unwrap();
    let script = "set -e; mount -t tmpfs -o size=600k none disk; export LLMR_HOME=$PWD/disk/home; \
                  llmr ask first >/dev/null; echo answered; set +e; \
                  dd if=/dev/zero of=disk/filler bs=1k 2>/dev/null; \
                  llmr ask second; echo $?; llmr --json budget check >/dev/null; \
                  LLMR_BUDGET_DAILY_USD=off llmr ask third >/dev/null; echo $?; rm disk/filler; llmr ask fourth >/dev/null; echo $?";
    let ran = ["-rm", "-m"].iter().map(|kind| shell(&place, &format!("unshare {kind} bash -c '{script}'")));
    let Some(ran) = ran.into_iter().find(|ran| ran.stdout.starts_with("answered")) else {
        return crate::common::skipped("no file system of one's own can be mounted here");
    };
    let codes: Vec<_> = ran.stdout.lines().collect();
    assert_eq!(codes, ["answered", "1", "0", "0"], "{ran:?}");
    assert!(ran.stderr.contains("the disk is full"), "{ran:?}");
    let prompts: Vec<String> = sandbox.requests().iter().map(|r| r.body.to_string()).collect();
    assert!(!prompts.iter().any(|p| p.contains("second")), "it was sent without money held for it");
}

#[test]
fn what_is_open_to_others_is_warned_of() {
    use std::os::unix::fs::PermissionsExt;
    let sandbox = sandbox("");
    let place = Place::new().with(&sandbox);
    place.run(&["ask", "x"]).expect(0);
    let database = place.home().join("llmr.db");
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&database), mode(&place.home().join("cache.key"))), (0o600, 0o600));
    std::fs::set_permissions(&database, std::fs::Permissions::from_mode(0o644)).unwrap();
    let ran = place.run(&["ask", "x"]).expect(0);
    let told = ran.stderr.lines().filter(|line| line.contains("llmr.db") && line.contains("644")).count();
    assert_eq!(told, 1, "once: {ran:?}");
}

#[test]
fn a_silent_pipe_is_waited_for() {
    let sandbox = sandbox("");
    let place = openai(&sandbox);
    let mut child = place.command(&["ask", "say"]).stdin(Stdio::piped()).spawn().unwrap();
    let mut pipe = child.stdin.take().unwrap();
    pipe.write_all(b"first ").unwrap();
    pipe.flush().unwrap();
    std::thread::sleep(std::time::Duration::from_millis(30));
    assert!(sandbox.requests().is_empty(), "not before its end");
    pipe.write_all(b"second").unwrap();
    drop(pipe);
    finish(child).expect(0);
    assert_eq!(prompt(&sandbox), "say\n\n<stdin>first second</stdin>");
}
