//! No telemetry: the system calls of whole runs, of which every connection must go to the chosen provider, and of a command
//! that asks nobody there must be none.
//!
//! Needs `strace`. Where it cannot look into the process (a plain user, since llmr keeps others out of its memory) the
//! addresses cannot be read; then it is only checked that who asks nobody opens no socket. That nobody else was asked is
//! checked everywhere: by listeners that nobody may reach.

use std::path::Path;
use std::process::{Command, Stdio};

use super::peer::{Heard, Peer, answer};
use crate::common::{Place, Ran, finish, provider, sandbox_of, skipped};

/// What asks nobody, whatever is configured.
const OFFLINE: &[&[&str]] = &[
    &["dry-run", "x"],
    &["budget"],
    &["budget", "history"],
    &["budget", "check"],
    &["stats"],
    &["stats", "--format", "html"],
    &["providers"],
    &["models"],
    &["log"],
    &["log", "export"],
    &["cache"],
    &["cache", "verify"],
    &["config", "show"],
    &["config", "check"],
    &["chat", "list"],
    &["template", "list"],
    &["import", "llm", "--from", "."],
    &["completions", "bash"],
    &["man"],
    &["forget", "--all"],
    &["--help"],
    &["--version"],
];

/// What asks the chosen provider.
const ONLINE: &[&[&str]] = &[
    &["ask", "-p", "openai", "--no-cache", "x"],
    &["ask", "-p", "openai", "--stream", "y"],
    &["chat", "-p", "openai", "z"],
    &["batch", "in.jsonl", "-p", "openai", "-o", "out.jsonl"],
    &["models", "--live", "-p", "openai"],
    &["providers", "check", "openai", "--live"],
];

/// The calls with which a process reaches others.
const CALLS: [&str; 5] = ["connect(", "sendto(", "sendmsg(", "sendmmsg(", "bind("];

/// Runs it under strace; its network calls.
fn traced(place: &Place, args: &[&str]) -> (Ran, Vec<String>) {
    let log = place.work().join("calls");
    let plain = place.command(args);
    let mut command = Command::new("strace");
    command.args(["-f", "-qq", "-s", "0", "-e", "trace=%network", "-e", "signal=none", "-o"]).arg(&log);
    command.arg(plain.get_program()).args(plain.get_args()).current_dir(plain.get_current_dir().unwrap());
    command.env_clear().envs(plain.get_envs().filter_map(|(name, value)| Some((name, value?))));
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let ran = finish(command.spawn().unwrap());
    let calls = std::fs::read_to_string(&log).unwrap().lines().map(str::to_owned).collect();
    std::fs::remove_file(log).unwrap();
    (ran, calls)
}

/// Whether strace is there and may trace a child.
fn can_trace() -> bool {
    let tried = Command::new("strace").args(["-qq", "-o", "/dev/null", "true"]).stderr(Stdio::null()).status();
    tried.is_ok_and(|status| status.success())
}

/// Everybody who is configured and not chosen: whoever is reached by accident is found here.
fn surroundings(place: Place, others: &Peer) -> Place {
    let url = |path: &str| format!("{}/{path}", others.url());
    let place = ["ANTHROPIC", "GEMINI", "MISTRAL", "COHERE"].iter().fold(place, |place, name| {
        place.var(&format!("{name}_API_KEY"), "test-key").var(&format!("{name}_BASE_URL"), url(name))
    });
    place.home_file(
        "config.toml",
        &format!(
            "[alerts]\nwebhook = \"{}\"\n[[provider]]\nname = \"lab\"\ndialect = \"openai\"\nbase_url = \"{}\"\nmodels = [\"m\"]\n",
            url("hook"),
            url("lab")
        ),
    );
    place.work_file("in.jsonl", "{\"id\": \"a\", \"prompt\": \"one\"}\n{\"id\": \"b\", \"prompt\": \"two\"}\n");
    // Without HOME the system is asked for the user's, on some systems through a local socket.
    let home = place.home().display().to_string();
    place.var("OLLAMA_HOST", url("ollama")).var("HOME", home)
}

fn refuses(_: &Heard) -> Vec<u8> {
    answer(500, "", "text/plain", "nobody should ask here")
}

#[test]
fn a_run_connects_to_the_chosen_provider_and_to_nothing_else() {
    let chosen = sandbox_of(vec![provider("openai", "gpt-6-luna", "1", "1")], "");
    let others = Peer::start(refuses);
    let place = surroundings(Place::new().with(&chosen), &others);
    let port = chosen.addr().port();
    let traces = can_trace();
    if !traces {
        skipped("no strace here, or it may not trace: only the listeners tell who was reached");
    }
    for args in ONLINE {
        let before = chosen.requests().len();
        let (ran, calls) = if traces { traced(&place, args) } else { (place.run(args), Vec::new()) };
        assert_eq!(ran.code, Some(0), "{args:?}: {ran:?}");
        // The list of models is no request of a prompt; the sandbox may not count it.
        assert!(chosen.requests().len() > before || ["models", "providers"].contains(&args[0]), "{args:?} asks nobody");
        if traces {
            only_to(port, args, &calls);
        }
        assert!(others.heard().is_empty(), "{args:?}: somebody else was asked: {:?}", others.heard());
    }
}

/// That every connection goes there, and that there is one.
fn only_to(port: u16, args: &[&str], calls: &[String]) {
    let reaching: Vec<&String> = calls.iter().filter(|call| CALLS.iter().any(|name| call.contains(name))).collect();
    let there = format!("sin_port=htons({port}), sin_addr=inet_addr(\"127.0.0.1\")");
    let connects: Vec<&&String> = reaching.iter().filter(|call| call.contains("connect(")).collect();
    assert!(!connects.is_empty(), "{args:?}: strace shows no connection: {calls:#?}");
    if connects.iter().any(|call| !call.contains("sa_family=")) {
        return skipped("strace cannot read the addresses of a process that keeps its memory to itself: not root");
    }
    for call in reaching {
        let named = call.contains("sa_family=") || call.contains("msg_name={");
        assert!(!named || call.contains(&there), "{args:?} reaches something else: {call}");
    }
    let foreign: Vec<&String> =
        calls.iter().filter(|call| call.contains("socket(") && !call.contains("AF_INET, SOCK_STREAM")).collect();
    assert!(foreign.is_empty(), "{args:?} opens another socket: {foreign:?}");
}

#[test]
fn what_asks_nobody_opens_no_socket() {
    let others = Peer::start(refuses);
    let place =
        surroundings(Place::new(), &others).var("OPENAI_API_KEY", "test-key").var("OPENAI_BASE_URL", others.url());
    let traces = can_trace();
    if !traces {
        skipped("no strace here, or it may not trace: only the listeners tell who was reached");
    }
    for args in OFFLINE {
        let (ran, calls) = if traces { traced(&place, args) } else { (place.run(args), Vec::new()) };
        assert_eq!(ran.code, Some(i32::from(args[0] == "import") * 2), "{args:?}: {ran:?}");
        // A pair of sockets within the process reaches nobody.
        let opens = |call: &&String| call.contains(" socket(") || CALLS.iter().any(|name| call.contains(name));
        let opened: Vec<&String> = calls.iter().filter(opens).collect();
        assert!(opened.is_empty(), "{args:?}: {opened:?}");
    }
    assert!(others.heard().is_empty(), "{:?}", others.heard());
}

/// That a test that sees nothing is not taken for one that sees that there is nothing.
#[test]
fn the_trace_would_show_a_connection() {
    if !can_trace() {
        return skipped("no strace here, or it may not trace");
    }
    let others = Peer::start(refuses);
    let place = Place::new().var("OPENAI_API_KEY", "test-key").var("OPENAI_BASE_URL", others.url());
    let (_, calls) = traced(&place, &["providers", "check", "openai"]);
    assert!(calls.iter().any(|call| call.contains(" socket(")), "{calls:?}");
    assert!(Path::new("/proc/self").exists() && !others.heard().is_empty());
}
