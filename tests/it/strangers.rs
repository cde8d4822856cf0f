//! A stranger's folder, systematically: every variable that there is, and every form in which a line or the file itself
//! may come. Its other files are in `strange_files`.

use std::collections::BTreeSet;
use std::path::Path;

use llmr::sandbox::Sandbox;

use crate::common::{Place, Ran, finish, sandbox, skipped};
use crate::listener::{Listener, completion};

/// What a key looks like here.
const KEY: &str = "the-key-of-the-user";

/// The limits that a working folder may make tighter, each with a value that is and one that is not.
const MAY_TIGHTEN: [(&str, &str, &str); 14] = [
    ("LLMR_BUDGET_DAILY_USD", "4.5", "5.5"),
    ("PENIN_BUDGET_DAILY_USD", "4.5", "off"),
    ("LLMR_BUDGET_SOFT_PCT", "50", "96"),
    ("LLMR_MAX_PARALLEL_PROVIDERS", "2", "4"),
    ("PENIN_MAX_PARALLEL_PROVIDERS", "1", "1000"),
    ("LLMR_HEDGE_DAILY_USD", "0.05", "0.51"),
    ("LLMR_MAX_OUTPUT_TOKENS", "10", "8193"),
    ("LLMR_MAX_RETRIES", "1", "3"),
    ("LLMR_MAX_ATTEMPTS", "7", "9"),
    ("LLMR_BUDGET_WAIT_SECS", "0", "11"),
    ("LLMR_TIMEOUT_CONNECT_SECS", "9.5", "10.5"),
    ("LLMR_TIMEOUT_FIRST_BYTE_SECS", "59", "61"),
    ("LLMR_TIMEOUT_IDLE_SECS", "29", "31"),
    ("LLMR_TIMEOUT_SECS", "299", "301"),
];

/// Keys and models: a working folder may bring its own.
fn is_account(name: &str) -> bool {
    // LAB_KEY is what the user's own config names as a key's variable.
    !name.starts_with("LLMR_") && ["_API_KEY", "LAB_KEY", "_MODEL", "_DEPLOYMENT"].iter().any(|end| name.ends_with(end))
}

/// Every variable that llmr reads, as its own tables have them: `config show` has the settings, the example of a `.env`
/// every name (a unit test holds it to the tables).
fn every_variable(place: &Place) -> BTreeSet<String> {
    let example = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/.env.example")).unwrap();
    let name = |line: &str| line.trim_start_matches('#').split_once('=').map(|(name, _)| name.to_owned());
    let plain = |name: &String| name.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_');
    let mut names: BTreeSet<String> = example.lines().filter_map(name).filter(plain).collect();
    let (_, show) = place.json(&["config", "show"]);
    for row in show["settings"].as_array().unwrap() {
        let (key, variable) = (row["key"].as_str().unwrap(), row["variable"].as_str().unwrap());
        match variable {
            // What has no variable might get one by this name.
            "" => _ = names.insert(format!("LLMR_{}", key.to_ascii_uppercase().replace(['.', '-'], "_"))),
            // A key of the config file alone.
            variable if !plain(&variable.to_owned()) => {}
            variable => _ = names.insert(variable.to_owned()),
        }
    }
    names
}

/// A user whose keys and addresses are in the config folder's own `.env`.
pub fn user(mine: &Sandbox) -> Place {
    let place = Place::new();
    let lines = mine.providers().iter().map(|provider| {
        let row = llmr::providers::table::find(&provider.name).unwrap();
        let url = mine.base_url(&provider.name).unwrap();
        format!(
            "{}='{url}'\n{}='{KEY}'\n{}='{}'\n",
            row.base_url_var, row.key_vars[0], row.model_vars[0], provider.model
        )
    });
    place.home_file(".env", &lines.collect::<String>());
    place
}

#[test]
fn every_variable_is_on_the_stranger_s_list_or_refused() {
    let place = Place::new().var("LAB_KEY", KEY);
    place.home_file(
        "config.toml",
        "[[provider]]\nname = \"lab\"\ndialect = \"openai\"\nbase_url = \"http://127.0.0.1:9/v1\"\napi_key_env = \"LAB_KEY\"\nmodels = [\"m\"]\n",
    );
    let names = every_variable(&place);
    assert!(names.len() > 90, "the tables have more than {}: {names:?}", names.len());
    let tried = |name: &str, value: &str| {
        place.work_file(".env", &format!("# x\n{name}='{value}'\n"));
        place.run(&["config", "check"])
    };
    for (name, tight, loose) in &MAY_TIGHTEN {
        assert!(names.contains(*name) || name.starts_with("PENIN_"), "{name} is no variable any more");
        tried(name, tight).expect(0);
        let refused = tried(name, loose).expect(2);
        assert!(refused.stderr.contains(&format!(".env:2: {name}")), "{name}={loose}: {refused:?}");
    }
    for name in names.iter().filter(|name| MAY_TIGHTEN.iter().all(|(known, ..)| known != name)) {
        let ran = tried(name, "1");
        match is_account(name) {
            true => _ = ran.expect(0),
            false => {
                let named = ran.stderr.contains(&format!(".env:2: {name}: not "));
                assert!(named && ran.code == Some(2), "a stranger may set {name}: {ran:?}");
            }
        }
    }
}

/// What happened to a request in a folder with this `.env`: it went to the user's own provider with the user's key, or
/// nowhere.
fn asks_mine_or_nobody(place: &Place, mine: &Sandbox, theirs: &Sandbox, case: &str) -> Ran {
    let before = mine.requests().len();
    let ran = place.run(&["ask", "-p", "openai", "--no-cache", "a secret prompt"]);
    assert_eq!(theirs.requests(), [], "{case}: the stranger was sent something");
    let after = mine.requests();
    match ran.code {
        Some(0) => assert_eq!(after.len(), before + 1, "{case}: {ran:?}"),
        Some(2) => assert_eq!(after.len(), before, "{case}: {ran:?}"),
        _ => panic!("{case}: {ran:?}"),
    }
    assert!(!ran.stderr.contains(KEY), "{case}: {ran:?}");
    assert!(!ran.stderr.contains(['\u{1b}', '\0', '\r', '\u{202e}']), "{case}: {ran:?}");
    ran
}

#[test]
fn no_spelling_of_a_line_moves_a_base_url() {
    let (mine, theirs) = (sandbox(""), sandbox(""));
    let place = user(&mine);
    let to = format!("http://{}/openai/v1", theirs.addr());
    let name = "OPENAI_BASE_URL";
    // What is refused by its line, and what is not the variable at all.
    let refused = [
        format!("{name}={to}\r\n"),
        format!("\u{feff}{name}={to}\n"),
        format!("export {name}={to}"),
        format!("export\t{name} = \"{to}\""),
        format!("  \t{name}='{to}'   # mine"),
        format!("\u{b}\u{c}\u{a0}\u{2003}\u{2028}{name}={to}"),
        format!("{name}\u{a0}=\u{3000}{to}"),
        format!("X='a\nb'\n{name}={to}"),
        format!("X=\"a\\\nb\"\n{name}={to}"),
        format!("X=broken value here\n{name}={to}"),
        format!("{name}={to}\n{name}="),
        format!("{name}=$HOME\n"),
        format!("{name}={to}\0"),
        format!("{name}=\u{1b}]52;c;eA==\u{7}\u{202e}\r{to}"),
        format!("{name}='x"),
    ];
    for text in &refused {
        place.work_file(".env", text);
        let ran = asks_mine_or_nobody(&place, &mine, &theirs, text);
        assert!(ran.code == Some(2) && ran.stderr.contains(".env:"), "{text:?}: {ran:?}");
    }
    let no_such_variable = [
        (format!("openai_base_url={to}"), 0),
        (format!("Openai_Base_Url={to}"), 0),
        (format!("OPENAI_BASE_URL_={to}"), 0),
        (format!("{name}=\n{name}={to}"), 0),
        (format!("X=\"\n{name}={to}\n\""), 0),
        (format!("# {name}={to}"), 0),
        (format!("X=1\r{name}={to}"), 0),
        // A Cyrillic O, a wide O, a combining mark, a zero-width space, an invisible tag, quotes, a NUL.
        (format!("\u{41e}PENAI_BASE_URL={to}"), 2),
        (format!("\u{ff2f}PENAI_BASE_URL={to}"), 2),
        (format!("OPENAI_BASE_URL\u{301}={to}"), 2),
        (format!("OPENAI\u{200b}_BASE_URL={to}"), 2),
        (format!("OPENAI_BASE_URL\u{e0041}={to}"), 2),
        (format!("\"{name}\"={to}"), 2),
        (format!("'{name}'={to}"), 2),
        (format!("OPENAI\0_BASE_URL={to}"), 2),
        (format!("{name}\0={to}"), 2),
        (format!("export export {name}={to}"), 2),
        (format!("set {name}={to}"), 2),
        (format!("{name}+={to}"), 2),
        (format!("{name}:{to}"), 2),
    ];
    for (text, code) in &no_such_variable {
        place.work_file(".env", text);
        let ran = asks_mine_or_nobody(&place, &mine, &theirs, text);
        assert_eq!(ran.code, Some(*code), "{text:?}: {ran:?}");
    }
    let mut bytes = format!("{name}={to}\nX=").into_bytes();
    bytes.extend([0xff, 0xfe, b'\n']);
    std::fs::write(place.work().join(".env"), bytes).unwrap();
    let ran = asks_mine_or_nobody(&place, &mine, &theirs, "not UTF-8").expect(2);
    assert!(ran.stderr.contains(".env:2: not UTF-8"), "{ran:?}");
}

#[test]
fn a_variable_of_other_software_starts_nothing_and_moves_nothing() {
    let (mine, theirs) = (sandbox(""), sandbox(""));
    let place = user(&mine);
    let witness = place.home().join("touched");
    let command = format!("touch {}", witness.display());
    let lines: String = [
        "EDITOR",
        "VISUAL",
        "PAGER",
        "SHELL",
        "BROWSER",
        "GIT_ASKPASS",
        "LESSOPEN",
        "TERM",
        "RUST_LOG",
        "SQLITE_TMPDIR",
    ]
    .iter()
    .map(|name| format!("{name}='{command}'\n"))
    .collect();
    let more = format!(
        "PATH=.\nLD_PRELOAD=./x.so\nTMPDIR=.\nNO_COLOR=\nRUST_BACKTRACE=full\nOPENAI_API_BASE=http://{0}\nOPENAI_ORG=x\nSSLKEYLOGFILE=keys\nRES_OPTIONS=x\n",
        theirs.addr()
    );
    place.work_file(".env", &(lines + &more));
    asks_mine_or_nobody(&place, &mine, &theirs, "other software's").expect(0);
    place.run_with_stdin(&["chat"], b"one line\n").expect(0);
    assert!(!witness.exists());
    assert_eq!(theirs.requests(), []);
    assert!(!place.work().join("keys").exists());
    let names: Vec<_> = std::fs::read_dir(place.work()).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(names, [".env"], "nothing is made in the working folder");
}

#[cfg(unix)]
#[test]
fn a_env_that_is_no_file_holds_nobody_up() {
    let (mine, theirs) = (sandbox(""), sandbox(""));
    let place = user(&mine);
    let evil = format!("OPENAI_BASE_URL=http://{}/openai/v1\n", theirs.addr());
    let env = place.work().join(".env");
    let link = |to: &Path| {
        _ = std::fs::remove_file(&env);
        std::os::unix::fs::symlink(to, &env).unwrap();
    };
    // A link counts as what it leads to: it does not become the user's own by where it points.
    let real = place.work_file("real", &evil);
    link(&real);
    let ran = asks_mine_or_nobody(&place, &mine, &theirs, "a link").expect(2);
    assert!(ran.stderr.contains(".env:1: OPENAI_BASE_URL"), "{ran:?}");
    // A link to the user's own one is that one.
    link(&place.home().join(".env"));
    asks_mine_or_nobody(&place, &mine, &theirs, "a link to one's own").expect(0);
    // What is no file is passed over, and what lies above is found.
    for target in ["/dev/zero", "/dev/null", "/nowhere/at/all", "/", ".env"] {
        link(Path::new(target));
        asks_mine_or_nobody(&place, &mine, &theirs, target).expect(0);
    }
    std::fs::remove_file(&env).unwrap();
    std::fs::create_dir(&env).unwrap();
    asks_mine_or_nobody(&place, &mine, &theirs, "a folder").expect(0);
    std::fs::remove_dir(&env).unwrap();
    match fifo(&env) {
        true => _ = asks_mine_or_nobody(&place, &mine, &theirs, "a pipe").expect(0),
        false => skipped("no mkfifo: a pipe as .env was not tried"),
    }
    _ = std::fs::remove_file(&env);
    // A gigabyte that takes no room is refused unread.
    std::fs::File::create(&env).unwrap().set_len(1 << 30).unwrap();
    let ran = asks_mine_or_nobody(&place, &mine, &theirs, "huge").expect(2);
    assert!(ran.stderr.contains(".env is larger than 1 MiB"), "{ran:?}");
}

/// Makes a pipe; whether that could be done.
#[cfg(unix)]
pub fn fifo(path: &Path) -> bool {
    std::process::Command::new("mkfifo").arg(path).status().is_ok_and(|status| status.success())
}

#[test]
fn a_key_or_model_of_the_folder_stays_in_its_place() {
    let provider = Listener::start(|request| (200, completion(request, "ok")));
    let place = Place::new();
    let own =
        ["OPENAI_BASE_URL", "GEMINI_BASE_URL", "AZURE_OPENAI_ENDPOINT"].map(|n| format!("{n}={}\n", provider.url()));
    place.home_file(".env", &(own.concat() + "AZURE_OPENAI_API_VERSION=2024-10-21\n"));
    for (text, who) in [
        ("OPENAI_MODEL=m\nOPENAI_API_KEY=\"k\\nx-evil: 1\"\n", "openai"),
        ("OPENAI_MODEL=m\nOPENAI_API_KEY='k\r\nx-evil: 1\r\n\r\nGET / HTTP/1.1'\n", "openai"),
        ("GEMINI_API_KEY=k\nGEMINI_MODEL='../../v1beta/x?key=1#y'\n", "gemini"),
        ("GEMINI_API_KEY=k\nGEMINI_MODEL='..'\n", "gemini"),
        ("GEMINI_API_KEY=k\nGEMINI_MODEL='@127.0.0.1:1/\\\\x'\n", "gemini"),
        ("AZURE_OPENAI_API_KEY=k\nAZURE_OPENAI_DEPLOYMENT='../../x'\n", "azure"),
        ("AZURE_OPENAI_API_KEY=k\nAZURE_OPENAI_DEPLOYMENT='x y\nz: 1'\n", "azure"),
    ] {
        place.work_file(".env", text);
        let ran = place.run(&["ask", "-p", who, "--allow-unpriced", "--no-cache", "--max-retries", "0", "x"]);
        assert!(ran.code != Some(101) && ran.code.is_some(), "{text:?}: {ran:?}");
        assert!(!ran.stderr.contains(['\u{1b}', '\r']), "{ran:?}");
    }
    let requests = provider.requests();
    for request in &requests {
        assert_eq!(request.header("x-evil"), None, "{request:?}");
        let parts: Vec<&str> = request.target.split(['/', '?']).collect();
        assert!(!parts.contains(&"..") && !request.target.contains([' ', '#', '\\']), "{request:?}");
        assert!(
            ["/chat/completions", "/v1beta/models/", "/openai/deployments/"]
                .iter()
                .any(|p| request.target.starts_with(p)),
            "{request:?}"
        );
    }
    assert!(requests.iter().any(|request| request.target.contains("%2F")), "{requests:?}");
}

/// The user's own word counts, wherever it points: but a stranger's cannot make the process's.
#[test]
fn a_relative_home_is_the_user_s_own_word_and_never_the_folder_s() {
    let (mine, theirs) = (sandbox(""), sandbox(""));
    let place = user(&mine);
    place.work_file(
        "state/config.toml",
        &format!(
            "[[provider]]\nname = \"openai\"\ndialect = \"openai\"\nbase_url = \"http://{}/openai/v1\"\n",
            theirs.addr()
        ),
    );
    for line in [
        "LLMR_HOME=state",
        "LLMR_HOME='./state'",
        "export LLMR_HOME=state",
        "XDG_CONFIG_HOME=state",
        "HOME=state",
        "LLMR_CONFIG=state/config.toml",
    ] {
        place.work_file(".env", line);
        asks_mine_or_nobody(&place, &mine, &theirs, line).expect(2);
    }
    std::fs::remove_file(place.work().join(".env")).unwrap();
    let mut command = place.command(&["config", "path", "--json"]);
    let ran = finish(command.env("LLMR_HOME", "state").spawn().unwrap()).expect(0);
    assert!(ran.stdout.contains("work/state/config.toml"), "{ran:?}");
}
