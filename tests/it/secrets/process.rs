//! The process itself: its arguments, its memory and environment, its core file, its last words, and its values' `Debug`.

#![cfg(unix)]

use std::collections::BTreeSet;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use llmr::config::{self, Flags};
use llmr::host::Host;
use llmr::output::Redactor;
use llmr::types::Secret;

use super::needles::Needles;
use crate::common::{Place, finish, sandbox, signal, skipped, until};

const KEY: &str = "the-key/of+alpha~that=nobody.may&see";
/// Nobody: a user who may do nothing that any other user may not.
const NOBODY: u32 = 65534;

/// A user whose provider takes a request and never answers.
fn hanging() -> (llmr::sandbox::Sandbox, Place) {
    let sandbox = sandbox("openai=hang");
    let place = Place::new().with(&sandbox).var("OPENAI_API_KEY", KEY);
    (sandbox, place)
}

const ASK: [&str; 5] = ["ask", "-p", "openai", "--no-cache", "x"];

fn proc(child: &Child, name: &str) -> PathBuf {
    PathBuf::from(format!("/proc/{}/{name}", child.id()))
}

#[cfg(target_os = "linux")]
#[test]
fn a_key_stands_in_no_argument_and_no_flag_wants_one() {
    let (_sandbox, place) = hanging();
    let child = place.command(&ASK).spawn().unwrap();
    place.until_held(1);
    let arguments = std::fs::read(proc(&child, "cmdline")).unwrap();
    signal(&child, "TERM");
    finish(child).expect(143);
    assert!(arguments.ends_with(b"\0ask\0-p\0openai\0--no-cache\0x\0"), "{arguments:?}");
    let pages = place.work().join("man");
    place.run(&["man", "--out", "man"]).expect(0);
    let page = |entry: std::io::Result<std::fs::DirEntry>| std::fs::read_to_string(entry.unwrap().path()).unwrap();
    let all: String = std::fs::read_dir(pages).unwrap().map(page).collect();
    let all = all.replace("\\-", "-").replace("\\fB", " ");
    let flags: BTreeSet<&str> =
        all.split(|c: char| !c.is_ascii_alphanumeric() && c != '-').filter(|w| w.starts_with("--")).collect();
    assert!(flags.contains("--max-tokens") && flags.len() > 40, "{flags:?}");
    let wants = |flag: &&&str| {
        ["key", "token", "secret", "password", "auth", "header", "credential"].iter().any(|w| flag.ends_with(w))
    };
    assert_eq!(flags.iter().filter(wants).count(), 0, "{flags:?}");
}

/// Lets a program of this test leave a core file, if the system allows it at all.
fn with_core(program: &str, args: &[&str]) -> Command {
    let mut command = Command::new("sh");
    command.args([
        "-c",
        "ulimit -c unlimited 2>/dev/null || ulimit -c \"$(ulimit -H -c)\"; exec \"$0\" \"$@\"",
        program,
    ]);
    command.args(args).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    command
}

#[test]
fn no_signal_leaves_a_core_file() {
    let (_sandbox, place) = hanging();
    let mut control = with_core("cat", &[]).current_dir(place.home()).spawn().unwrap();
    until("the shell has become the program", || {
        std::fs::read_to_string(proc(&control, "comm")).map_or(true, |comm| comm == "cat\n")
    });
    signal(&control, "ABRT");
    let dumps = control.wait().unwrap().core_dumped();
    if !dumps {
        skipped("this system leaves no core file of any program here");
    }
    // Not SIGQUIT: whoever is started in the background of a script ignores that.
    for name in ["ABRT", "TRAP", "SYS"] {
        let plain = place.command(&ASK);
        let mut command = with_core(env!("CARGO_BIN_EXE_llmr"), &ASK);
        command
            .env_clear()
            .envs(plain.get_envs().filter_map(|(name, value)| Some((name, value?))))
            .env("PATH", "/usr/bin:/bin");
        let mut child = command.stdin(Stdio::null()).current_dir(place.work()).spawn().unwrap();
        place.until_held(1);
        signal(&child, name);
        let status = child.wait().unwrap();
        assert!(status.signal().is_some() && !status.core_dumped(), "{name}: {status:?}");
        assert_eq!(std::fs::read_dir(place.work()).unwrap().count(), 0, "{name}");
        // What it held is charged by the next process.
        place.run(&["budget"]).expect(0);
    }
}

/// A place of an ordinary user's: of nobody's, where this test is root.
struct Ordinary {
    place: Place,
    /// The binary, where that user may run it.
    binary: PathBuf,
    _folder: tempfile::TempDir,
    root: bool,
}

impl Ordinary {
    /// `None` where root cannot become somebody else.
    fn of(place: Place) -> Option<Self> {
        let root = std::fs::metadata(place.home()).unwrap().uid() == 0;
        let folder = tempfile::tempdir().unwrap();
        let binary = folder.path().join("llmr");
        let built = Path::new(env!("CARGO_BIN_EXE_llmr"));
        std::fs::hard_link(built, &binary).or_else(|_| std::fs::copy(built, &binary).map(drop)).unwrap();
        std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
        let ordinary = Self { place, binary, _folder: folder, root };
        if root {
            let top = ordinary.place.home().parent().unwrap().to_owned();
            for path in [top, ordinary.place.home(), ordinary.place.work()] {
                chown(path, Some(NOBODY), Some(NOBODY)).unwrap();
            }
            let becomes = ordinary.output("true", &[]).is_ok_and(|output| output.status.success());
            return becomes.then_some(ordinary);
        }
        Some(ordinary)
    }

    /// A command of that user's, with the place's environment.
    fn command(&self, program: &str, args: &[&str]) -> Command {
        let mut command = Command::new(if self.root { "setpriv" } else { "env" });
        if self.root {
            command.args(["--reuid=65534", "--regid=65534", "--clear-groups", "--"]);
        }
        let plain = self.place.command(&[]);
        command.arg(program).args(args).current_dir(self.place.work()).env_clear();
        command.envs(plain.get_envs().filter_map(|(name, value)| Some((name, value?)))).env("PATH", "/usr/bin:/bin");
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    fn output(&self, program: &str, args: &[&str]) -> std::io::Result<Output> {
        self.command(program, args).output()
    }

    fn llmr(&self, args: &[&str]) -> Command {
        self.command(self.binary.to_str().unwrap(), args)
    }

    /// Whether that user may read such a file of a process.
    fn reads(&self, child: &Child, name: &str) -> Option<Vec<u8>> {
        let output = self.output("head", &["-c", "4096", proc(child, name).to_str().unwrap()]).unwrap();
        output.status.success().then_some(output.stdout)
    }
}

/// What must go on to work in a process that nobody may look into: knowing itself, knowing whether another one lives,
/// signals, files that are named by their descriptor.
#[cfg(target_os = "linux")]
#[test]
fn memory_and_environment_are_closed_to_the_same_user_and_the_rest_still_works() {
    let (_sandbox, place) = hanging();
    let Some(user) = Ordinary::of(place) else { return skipped("root cannot become another user here: no setpriv") };
    let mut control = user.command("cat", &[]).stdin(Stdio::piped()).spawn().unwrap();
    let seen = || user.reads(&control, "environ").is_some_and(|environ| Needles::of(KEY).found_in(&environ).is_some());
    until("an ordinary program's environment can be read", seen);
    control.kill().unwrap();
    control.wait().unwrap();

    let child = user.llmr(&ASK).spawn().unwrap();
    user.place.until_held(1);
    for name in ["environ", "mem", "maps", "auxv"] {
        assert_eq!(user.reads(&child, name), None, "{name} can be read");
    }
    assert!(user.reads(&child, "stat").is_some(), "others must see that it lives");
    let budget = || {
        let output = user.llmr(&["budget", "--json"]).output().unwrap();
        serde_json::from_slice::<serde_json::Value>(&output.stdout).unwrap_or_else(|e| panic!("{e}: {output:?}"))
    };
    let alive = budget();
    assert!(alive["held_usd"].as_f64().unwrap() > 0.0 && alive["spent_usd"] == 0, "it lives: {alive}");
    let kill = user.output("sh", &["-c", &format!("kill -KILL {}", child.id())]).unwrap();
    assert!(kill.status.success(), "its own user may end it");
    finish(child);
    let dead = budget();
    assert!(dead["held_usd"] == 0 && dead["spent_usd"].as_f64().unwrap() > 0.0, "it is dead: {dead}");

    user.place.work_file("text", "a text");
    for by in ["/dev/fd/3", "/proc/self/fd/3", "/dev/stdin"] {
        let script = format!("exec \"$0\" dry-run --no-stdin -f {by} x 3<text <text");
        let ran = finish(user.command("sh", &["-c", &script, user.binary.to_str().unwrap()]).spawn().unwrap());
        assert_eq!(ran.code, Some(0), "{by}: {ran:?}");
    }
    let child = user.llmr(&ASK).spawn().unwrap();
    user.place.until_held(1);
    user.output("sh", &["-c", &format!("kill -INT {}", child.id())]).unwrap();
    finish(child).expect(130);
}

/// How a process of this test file shall die.
const WAYS_TO_DIE: [(&str, bool); 6] =
    [("source", true), ("formatted", false), ("result", false), ("index", false), ("thread", false), ("twice", true)];

/// Run by the next test, with one more argument; it returns at once otherwise.
#[test]
fn dies_of_a_bug() {
    let Some(how) = std::env::args().find_map(|arg| arg.strip_prefix("die-by-").map(str::to_owned)) else { return };
    llmr::app::bug::end_plainly();
    match how.as_str() {
        "source" => panic!("a text of the source"),
        "formatted" => panic!("the request with {KEY} failed"),
        "result" => std::hint::black_box(Err::<(), _>(KEY)).unwrap(),
        "index" => _ = std::hint::black_box(KEY.as_bytes().to_vec())[std::hint::black_box(1000)],
        "thread" => _ = std::thread::spawn(|| panic!("{KEY}")).join(),
        _ => {
            let _again = PanicsWhenDropped;
            panic!("a text of the source")
        }
    }
}

struct PanicsWhenDropped;

impl Drop for PanicsWhenDropped {
    fn drop(&mut self) {
        panic!("{KEY}")
    }
}

#[test]
fn a_bug_is_told_in_two_lines_without_a_backtrace_and_without_a_key() {
    for (how, tells) in WAYS_TO_DIE {
        let mut again = Command::new(std::env::current_exe().unwrap());
        again.args(["--exact", "secrets::process::dies_of_a_bug", "--nocapture", &format!("die-by-{how}")]);
        let output = again.env("RUST_BACKTRACE", "full").env("RUST_LIB_BACKTRACE", "1").output().unwrap();
        let told = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{how}: {told}");
        let lines: Vec<&str> = told.lines().collect();
        assert_eq!(lines.len(), 2, "{how}: {told}");
        assert!(lines[0].starts_with("error: this is a bug in llmr "), "{how}: {told}");
        assert_eq!(lines[0].ends_with(": a text of the source"), tells, "{how}: {told}");
        assert!(lines[0].contains("process.rs:") || how == "index", "{how}: {told}");
        assert!(lines[1].starts_with("hint: "), "{how}: {told}");
        assert_eq!(Needles::of(KEY).found_in(told.as_bytes()), None, "{how}: {told}");
    }
    // A bug cannot be had to order: that the program itself does so is read in its source.
    let main = include_str!("../../../src/main.rs");
    let body = main.split_once("fn main() -> ExitCode {\n").unwrap().1;
    assert!(body.starts_with("    llmr::host::keep_private();\n    llmr::app::bug::end_plainly();\n"), "{main}");
}

#[test]
fn no_debug_of_what_holds_keys_shows_one() {
    let secret = |name: &str| (name.to_owned(), KEY.to_owned());
    let proxy = |name: &str| {
        (name.to_owned(), format!("http://user:{}@127.0.0.1:9", KEY.replace('/', "%2F").replace('&', "%26")))
    };
    let mut env: Vec<(String, String)> =
        ["OPENAI_API_KEY", "GEMINI_API_KEY", "LLMR_CACHE_HMAC_KEY", "LLMR_METRICS_TOKEN"].map(secret).into();
    env.extend(["HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY"].map(proxy));
    let place = Place::new();
    place.home_file("config.toml", &format!("[alerts]\nwebhook = \"http://127.0.0.1:9/{}\"\n", KEY.replace('&', "a")));
    env.push(("LLMR_HOME".to_owned(), place.home().to_str().unwrap().to_owned()));
    let host = Host::from_env(env, place.work());
    let config = config::load(&host, &Flags::default()).unwrap();
    assert!(config.secrets().len() >= 8, "{}", config.secrets().len());
    let needles = Needles::of(KEY);
    let redactor = Redactor::new(&config.secrets());
    for shown in
        [format!("{host:?}"), format!("{config:#?}"), format!("{redactor:?}"), format!("{:?}", Secret::new(KEY))]
    {
        assert_eq!(needles.found_in(shown.as_bytes()), None, "{shown}");
    }
}

/// A field that is called like a secret is one: it is of the type whose `Debug` shows nothing, or it is named here with
/// what it really is.
#[test]
fn what_is_called_a_secret_is_of_the_type_of_secrets() {
    const NO_SECRETS: &[&str] = &[
        // Bytes without any `Debug`: what the seal is made with.
        "cache.rs: key: Vec<u8>,",
        // The hash that a cache entry is found by.
        "cache_rows.rs: key: [u8; 32],",
        // Paths.
        "config.rs: cache_key: String,",
    ];
    let mut found = BTreeSet::new();
    for path in sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src")) {
        // Weights are no source.
        let Ok(text) = std::fs::read_to_string(&path) else { continue };
        let text = text.split("#[cfg(test)]\nmod tests").next().unwrap();
        for line in text.lines().map(str::trim_start) {
            let field = line.strip_prefix("pub ").or_else(|| line.strip_prefix("pub(super) ")).unwrap_or(line);
            let Some((name, of)) = field.split_once(": ") else { continue };
            let is_field = line.ends_with(',') && name.chars().all(|c| c.is_ascii_lowercase() || c == '_');
            let called = [
                "key",
                "api_key",
                "secret",
                "token",
                "password",
                "proxy",
                "webhook",
                "hmac_key",
                "credentials",
                "authorization",
            ];
            let is_called = called.contains(&name)
                || ["_key", "_secret", "_token", "_password", "_proxy"].iter().any(|end| name.ends_with(end));
            let is_text = ["String,", "Option<String>,", "Vec<u8>,", "&'a str,", "&str,", "[u8; 32],"].contains(&of);
            if is_field && is_called && is_text {
                found.insert(format!("{}: {name}: {of}", path.file_name().unwrap().to_str().unwrap()));
            }
        }
    }
    let unknown: Vec<&String> = found.iter().filter(|field| !NO_SECRETS.contains(&field.as_str())).collect();
    assert!(unknown.is_empty(), "{unknown:#?}");
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { sources(&path) } else { vec![path] }).collect()
}
