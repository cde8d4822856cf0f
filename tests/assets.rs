//! `completions/` and `man/` are what the command line's definitions make of them, and programs that read such
//! files understand them. `LLMR_WRITE_ASSETS=1 cargo test --test assets` writes them anew.

#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stderr, reason = "a test fails by panicking")]
#![allow(clippy::disallowed_methods, reason = "looks for shells and at its own switch")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// Shells and the files of their scripts, named as each shell looks for them.
const SCRIPTS: [(&str, &str); 6] = [
    ("bash", "llmr.bash"),
    ("zsh", "_llmr"),
    ("fish", "llmr.fish"),
    ("powershell", "_llmr.ps1"),
    ("elvish", "llmr.elv"),
    ("nushell", "llmr.nu"),
];

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Runs `llmr` away from every setting.
fn llmr(args: &[&str], home: &Path) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_llmr"));
    let ran = command.args(args).env_clear().env("LLMR_HOME", home).current_dir(home).output().unwrap();
    assert!(ran.status.success(), "{args:?}: {}", String::from_utf8_lossy(&ran.stderr));
    ran
}

/// Compares a folder of the repository with what should be in it, or writes it.
fn compare(folder: &str, wanted: &BTreeMap<String, Vec<u8>>) {
    let folder = root().join(folder);
    if std::env::var_os("LLMR_WRITE_ASSETS").is_some() {
        _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).unwrap();
        wanted.iter().for_each(|(name, text)| fs::write(folder.join(name), text).unwrap());
    }
    let entries = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap());
    let found: BTreeMap<String, Vec<u8>> =
        entries.map(|entry| (entry.file_name().into_string().unwrap(), fs::read(entry.path()).unwrap())).collect();
    let names = |of: &BTreeMap<String, Vec<u8>>| of.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&found), names(wanted), "{}", folder.display());
    for (name, text) in wanted {
        assert!(found[name] == *text, "{} is out of date: LLMR_WRITE_ASSETS=1 cargo test --test assets", name);
    }
}

#[test]
fn completions_are_those_of_the_definitions() {
    let home = tempfile::tempdir().unwrap();
    let script = |shell: &str| llmr(&["completions", shell], home.path()).stdout;
    compare("completions", &SCRIPTS.iter().map(|(shell, file)| ((*file).to_owned(), script(shell))).collect());
}

#[test]
fn manual_pages_are_those_of_the_definitions() {
    let home = tempfile::tempdir().unwrap();
    let out = home.path().join("man");
    llmr(&["man", "--out", out.to_str().unwrap()], home.path());
    let pages = fs::read_dir(&out).unwrap().map(|entry| entry.unwrap());
    compare("man", &pages.map(|p| (p.file_name().into_string().unwrap(), fs::read(p.path()).unwrap())).collect());
    let one = llmr(&["man", "budget", "set"], home.path()).stdout;
    assert_eq!(one, fs::read(out.join("llmr-budget-set.1")).unwrap());
}

#[test]
fn manual_pages_are_without_errors() {
    let Some(mandoc) = found("mandoc") else { return };
    let pages = fs::read_dir(root().join("man")).unwrap().map(|entry| entry.unwrap().path());
    let ran = Command::new(mandoc).args(["-T", "lint", "-W", "error"]).args(pages).output().unwrap();
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stdout));
}

/// A home whose config names a provider and an alias, and `llmr` on the path of a shell.
struct Session {
    home: tempfile::TempDir,
}

impl Session {
    fn new() -> Self {
        use std::os::unix::fs::PermissionsExt;
        let home = tempfile::tempdir().unwrap();
        fs::set_permissions(home.path(), fs::Permissions::from_mode(0o700)).unwrap();
        let config = "[aliases]\nquick = \"lab/small\"\n[[provider]]\nname = \"lab\"\ndialect = \"openai\"\n\
                      base_url = \"http://127.0.0.1:9\"\nmodels = [\"small\", \"large\"]\n";
        fs::write(home.path().join("config.toml"), config).unwrap();
        fs::set_permissions(home.path().join("config.toml"), fs::Permissions::from_mode(0o600)).unwrap();
        Self { home }
    }

    fn run(&self, shell: &Path, args: &[&str]) -> String {
        let folder = Path::new(env!("CARGO_BIN_EXE_llmr")).parent().unwrap();
        let path = format!("{}:/usr/bin:/bin", folder.display());
        let mut command = Command::new(shell);
        command.args(args).env_clear().env("PATH", path).env("HOME", self.home.path()).env("TERM", "dumb");
        command.env("LLMR_HOME", self.home.path()).current_dir(self.home.path()).stdin(Stdio::null());
        let ran = command.output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        assert!(ran.status.success(), "{shell:?}: {}{}", text(&ran.stdout), text(&ran.stderr));
        text(&ran.stdout)
    }
}

/// What is typed, and what must be among the offers.
const TYPED: [(&[&str], &[&str]); 6] = [
    (&["llmr", "bud"], &["budget"]),
    (&["llmr", "budget", ""], &["status", "set", "reset", "history", "check"]),
    (&["llmr", "ask", "-m", "q"], &["quick"]),
    (&["llmr", "-m", "lab/"], &["lab/small", "lab/large"]),
    (&["llmr", "providers", "show", ""], &["lab"]),
    (&["llmr", "ask", "--strategy", "round"], &["round-robin"]),
];

fn offers_everything(offered: impl Fn(&[&str]) -> String) {
    for (typed, wanted) in TYPED {
        let offered = offered(typed);
        let words: Vec<&str> = offered.split_whitespace().collect();
        assert!(wanted.iter().all(|want| words.contains(want)), "{typed:?}: {offered}");
    }
}

#[test]
fn bash_completes() {
    let Some(bash) = found("bash") else { return };
    let session = Session::new();
    let script = root().join("completions/llmr.bash");
    offers_everything(|typed| {
        let quoted = typed.iter().map(|word| format!("'{word}'")).collect::<Vec<_>>().join(" ");
        let (last, at) = (typed.len() - 1, typed[typed.len() - 1]);
        let code = format!(
            "source {}; COMP_WORDS=({quoted}); COMP_CWORD={last}; COMP_TYPE=9; \
             _clap_complete_llmr llmr '{at}' '{}'; printf '%s\\n' \"${{COMPREPLY[@]}}\"",
            script.display(),
            typed[last - 1]
        );
        session.run(&bash, &["--norc", "--noprofile", "-c", &code])
    });
}

#[test]
fn zsh_completes() {
    let Some(zsh) = found("zsh") else { return };
    let session = Session::new();
    let script = root().join("completions/_llmr");
    offers_everything(|typed| {
        let quoted = typed.iter().map(|word| format!("'{word}'")).collect::<Vec<_>>().join(" ");
        // Outside the line editor there is no `_describe`: this one prints what it would offer.
        let code = format!(
            "compdef() {{ :; }}; _describe() {{ for o in ${{(P)@[-1]}}; do print -r -- ${{o%%:*}}; done }}; \
             words=({quoted}); CURRENT={}; source {}; _clap_dynamic_completer_llmr",
            typed.len(),
            script.display()
        );
        session.run(&zsh, &["-f", "-c", &code])
    });
}

#[test]
fn fish_completes() {
    let Some(fish) = found("fish") else { return };
    let session = Session::new();
    let script = root().join("completions/llmr.fish");
    offers_everything(|typed| {
        let code = format!("source {}; complete -C '{}'", script.display(), typed.join(" "));
        session.run(&fish, &["--no-config", "-c", &code])
    });
}

#[test]
fn elvish_completes() {
    let Some(elvish) = found("elvish") else { return };
    let session = Session::new();
    let script = fs::read_to_string(root().join("completions/llmr.elv")).unwrap();
    // Outside its editor elvish keeps no completers: this one gets a name of its own.
    let named = script.replace("set edit:completion:arg-completer[llmr] =", "fn complete");
    assert_ne!(named, script);
    offers_everything(|typed| {
        let quoted = typed.iter().map(|word| format!("'{word}'")).collect::<Vec<_>>().join(" ");
        session.run(&elvish, &["-norc", "-c", &format!("{named}\ncomplete {quoted}")])
    });
}

#[test]
fn powershell_completes() {
    let Some(pwsh) = found("pwsh") else { return };
    let script = root().join("completions/_llmr.ps1");
    let code = format!(". {}; (TabExpansion2 'llmr budget ' 12).CompletionMatches.CompletionText", script.display());
    let offered = Session::new().run(&pwsh, &["-NoProfile", "-Command", &code]);
    assert!(offered.contains("history"), "{offered}");
}

#[test]
fn nushell_completes() {
    let Some(nu) = found("nu") else { return };
    let session = Session::new();
    let script = root().join("completions/llmr.nu");
    for (typed, wanted) in [("llmr stats --by ", "provider"), ("llmr ask --model ", "lab/small"), ("llmr -m ", "quick")]
    {
        let line = format!("source {}\n{typed}", script.display());
        let file = session.home.path().join("line.nu");
        fs::write(&file, &line).unwrap();
        let end = line.len().to_string();
        let offered = session.run(&nu, &["--no-config-file", "--ide-complete", &end, file.to_str().unwrap()]);
        assert!(offered.contains(&format!("\"{wanted}\"")), "{typed}: {offered}");
    }
    // What the definitions do not know is passed on.
    let code = format!("source {}; llmr --sandbox --json what is it", script.display());
    assert!(session.run(&nu, &["--no-config-file", "-c", &code]).contains("\"content\""));
}

/// Where a program is; says that it is not there, and what is skipped by that.
fn found(program: &str) -> Option<PathBuf> {
    let folders = std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default()).collect::<Vec<_>>();
    let found = folders.into_iter().map(|folder| folder.join(program)).find(|path| path.is_file());
    if found.is_none() {
        eprintln!("skipped: there is no {program} here");
    }
    found
}

/// Files that a stranger may have laid into a working folder: a shell that takes a completion as it is would run what
/// stands in the first three, read flags in the next two, or give the last two to the terminal.
#[cfg(unix)]
const HOSTILE: [&str; 7] = [
    "zz$(touch run).md",
    "zz`touch run`.md",
    "zz;touch run",
    "--config=x",
    "zz --config x",
    "zz\nzy",
    "zz\x1b]0;x\x07",
];

/// What the shell of that name is offered for this word, in a folder of a stranger's.
#[cfg(unix)]
fn offered_in(folder: &Path, home: &Path, shell: &str, words: &[&str]) -> Vec<String> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_llmr"));
    command.arg("--").args(words).env_clear().env("LLMR_HOME", home).current_dir(folder);
    command
        .env("LLMR_COMPLETE", shell)
        .env("_CLAP_IFS", "|")
        .env("_CLAP_COMPLETE_INDEX", (words.len() - 1).to_string());
    let ran = command.output().unwrap();
    let text = String::from_utf8(ran.stdout).unwrap();
    let lines = text.split(if ["fish", "powershell"].contains(&shell) { '\n' } else { '|' });
    lines.filter(|line| !line.is_empty()).map(|line| line.split('\t').next().unwrap_or_default().to_owned()).collect()
}

#[cfg(unix)]
#[test]
fn a_hostile_folder_offers_nothing_that_a_shell_would_act_on() {
    let (session, work) = (Session::new(), tempfile::tempdir().unwrap());
    for name in HOSTILE.iter().chain(&["zz-notes.md", "zz (1).md"]) {
        fs::write(work.path().join(name), "").unwrap();
    }
    let env = "OPENAI_API_KEY=test-key\nOPENAI_MODEL='zz$(touch${IFS}run)'\nGEMINI_API_KEY=test-key\nGEMINI_MODEL='zz-fine'\n";
    fs::write(work.path().join(".env"), env).unwrap();
    for (shell, quoting) in [("bash", false), ("zsh", true), ("fish", true), ("elvish", true), ("powershell", false)] {
        let offered = |words: &[&str]| offered_in(work.path(), session.home.path(), shell, words);
        let models: &[&str] = if quoting { &["zz$(touch${IFS}run)", "zz-fine"] } else { &["zz-fine"] };
        assert_eq!(offered(&["llmr", "ask", "-m", "zz"]), models, "{shell}");
        let mut files: Vec<&str> = vec!["zz-notes.md"];
        if quoting {
            files.extend(["zz (1).md", "zz --config x", "zz$(touch run).md", "zz;touch run", "zz`touch run`.md"]);
        }
        for flag in ["-f", "-i", "--schema", "--config"] {
            let mut found = offered(&["llmr", "ask", flag, "zz"]);
            let mut wanted = files.clone();
            found.sort();
            wanted.sort_unstable();
            assert_eq!(found, wanted, "{shell} {flag}");
        }
        let found = offered(&["llmr", "batch", ""]);
        assert!(
            found.contains(&"zz-notes.md".to_owned()) && !found.contains(&"--config=x".to_owned()),
            "{shell}: {found:?}"
        );
    }
}
