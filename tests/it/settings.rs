//! Where settings come from, which of them wins, and what is said of wrong ones.

use serde_json::Value;

use crate::common::{Place, finish, sandbox};

/// What `config show` says of a setting: its value and its source.
fn shown(place: &Place, key: &str) -> (String, String) {
    let (code, show) = place.json(&["config", "show"]);
    assert_eq!(code, 0, "{show}");
    let row = show["settings"].as_array().unwrap().iter().find(|row| row["key"] == key).unwrap().clone();
    let text = |field: &str| row[field].as_str().unwrap().to_owned();
    (text("value"), text("source"))
}

#[test]
fn the_nearest_place_wins() {
    let place = Place::new();
    assert_eq!(shown(&place, "max_retries"), ("2".into(), "default".into()));
    let file = place.home_file("config.toml", "# mine\nmax_retries = 7\n");
    assert_eq!(shown(&place, "max_retries"), ("7".into(), format!("{}:2", file.display())));
    let own = place.home_file(".env", "LLMR_MAX_RETRIES=6\n");
    assert_eq!(shown(&place, "max_retries"), ("6".into(), format!("{}:1", own.display())));
    let near = place.work_file(".env", "\nLLMR_MAX_RETRIES=5\n");
    let near = near.canonicalize().unwrap();
    let (value, source) = shown(&place, "max_retries");
    assert_eq!(value, "5");
    assert!(source.ends_with(&format!("{}:2", near.display())) || source.ends_with("work/.env:2"), "{source}");
    let place = place.var("LLMR_MAX_RETRIES", "9");
    assert_eq!(shown(&place, "max_retries"), ("9".into(), "environment".into()));
    // An empty variable is none.
    let place = place.var("LLMR_MAX_RETRIES", "");
    assert_eq!(shown(&place, "max_retries").0, "5");
    let (_, paths) = place.json(&["config", "path"]);
    assert_eq!(paths["env_files"].as_array().unwrap().len(), 2);
}

#[test]
fn flags_win_over_everything() {
    let sandbox = sandbox("");
    let place = Place::new().with(&sandbox).var("LLMR_STRATEGY", "priority").var("LLMR_CACHE", "off");
    place.home_file("config.toml", "max_output_tokens = 11\n");
    let cap = |args: &[&str]| {
        place.run(&[&["ask", "-p", "openai", "x"], args].concat()).expect(0);
        sandbox.requests().pop().unwrap().body["max_completion_tokens"].clone()
    };
    assert_eq!(cap(&[]), 11);
    assert_eq!(cap(&["--max-tokens", "12"]), 12);
    let strategy = |args: &[&str]| {
        place.run(&[&["ask", "x"], args].concat()).expect(0);
        place.json(&["log", "-n", "1"]).1["requests"][0]["decision"]["strategy"].clone()
    };
    assert_eq!(strategy(&[]), "priority");
    assert_eq!(strategy(&["--strategy", "cheapest"]), "cheapest");
}

#[test]
fn the_config_file_may_be_named() {
    let place = Place::new();
    place.home_file("config.toml", "max_retries = 7\n");
    let other = place.work_file("other.toml", "max_retries = 3\n");
    let named = |path: &str| {
        let ran = place.run(&["--config", path, "config", "show", "--json"]).expect(0);
        let show: Value = serde_json::from_str(&ran.stdout).unwrap();
        let rows = show["settings"].as_array().unwrap().clone();
        rows.into_iter().find(|row| row["key"] == "max_retries").unwrap()["value"].clone()
    };
    assert_eq!(named(other.to_str().unwrap()), "3");
    assert_eq!(named("other.toml"), "3");
    let ran = place.run(&["--config", "no-such.toml", "config", "show"]).expect(2);
    assert!(ran.stderr.contains("no-such.toml"), "{ran:?}");
}

#[test]
fn what_is_wrong_is_named_by_file_line_and_key() {
    for (text, at, says) in [
        ("max_retrys = 3\n", ":1", "max_retries"),
        ("\n[timeouts]\nidel_secs = 3\n", ":3", "idle_secs"),
        ("max_retries = -1\n", ":1", "max_retries"),
        ("# x\nmax_retries = \"two\"\n", ":2", "max_retries"),
        ("strategy = \"best\"\n", ":1", "weighted"),
        ("budget_daily_usd = \"much\"\n", ":1", "budget_daily_usd"),
        ("[cache]\nttl_secs = -5\n", ":2", "ttl_secs"),
        ("a = = 1\n", ":1", "config.toml"),
        ("[[provider]]\nname = \"lab\"\n", ":1", "dialect"),
        ("[[provider]]\nname = \"lab\"\ndialect = \"openia\"\nbase_url = \"http://127.0.0.1:1\"\n", ":3", "openai"),
        ("[[provider]]\nname = \"lab\"\ndialect = \"openai\"\nbase_url = \"not a url\"\n", ":4", "base_url"),
        ("[cache]\nhmac_key = \"in the wrong place\"\n", ":2", "hmac_key"),
    ] {
        let place = Place::new().var("OPENAI_API_KEY", "test-key");
        let path = place.home_file("config.toml", text);
        for args in [&["ask", "x"][..], &["budget"], &["config", "check"]] {
            let ran = place.run(args).expect(2);
            assert!(ran.stderr.contains(&format!("{}{at}", path.display())), "{text:?}: {ran:?}");
            assert!(ran.stderr.contains(says), "{text:?}: {ran:?}");
            assert!(!ran.stderr.contains("in the wrong place"), "a secret is not spelled out: {ran:?}");
        }
    }
    for (name, value) in [
        ("LLMR_MAX_RETRIES", "two"),
        ("LLMR_BUDGET_DAILY_USD", "-5"),
        ("LLMR_TIMEOUT_SECS", "0"),
        ("LLMR_WEIGHTS", "1,2"),
        ("LLMR_CACHE", "perhaps"),
        ("LLMR_NOW", "yesterday"),
        ("LLMR_SEED", "x"),
        ("OPENAI_BASE_URL", "ftp://x"),
        ("OPENAI_API_KEY", "two words"),
        ("OPENAI_MODEL", "two words"),
    ] {
        let place = Place::new().var(name, value);
        let ran = place.run(&["config", "check"]).expect(2);
        assert!(ran.stderr.contains(name), "{name}: {ran:?}");
        assert!(!name.ends_with("_KEY") || !ran.stderr.contains(value), "{ran:?}");
    }
    let ran = Place::new().var("LLMR_MAX_RETRYS", "3").run(&["config", "check"]).expect(0);
    assert!(ran.stderr.contains("LLMR_MAX_RETRYS") && ran.stderr.contains("did you mean LLMR_MAX_RETRIES?"), "{ran:?}");
}

#[test]
fn the_template_changes_nothing_and_is_not_written_twice() {
    let place = Place::new();
    let before = place.json(&["config", "show"]).1["settings"].clone();
    let ran = place.run(&["config", "init"]).expect(0);
    assert!(ran.stdout.contains("config.toml"), "{ran:?}");
    let path = place.home().join("config.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    assert_eq!(place.json(&["config", "show"]).1["settings"], before);
    place.run(&["config", "init"]).expect(2);
    assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
    // What it comments out is right as well.
    let uncommented: String = text
        .lines()
        .map(|line| match line.strip_prefix('#') {
            Some(rest) if !rest.starts_with(' ') => format!("{rest}\n"),
            _ => format!("{line}\n"),
        })
        .collect();
    place.home_file("config.toml", &uncommented);
    let ran = place.run(&["config", "check"]);
    assert_eq!(ran.code, Some(0), "{ran:?}\n{uncommented}");
}

#[test]
fn legacy_names_are_aliases() {
    let sandbox = sandbox("");
    let place = Place::new()
        .with(&sandbox)
        .var("OPENAI_API_KEY", "")
        .var("PROXY_API_OPENAI_API_KEY", "a-legacy-key")
        .var("PENIN_BUDGET_DAILY_USD", "1.5")
        .var("PENIN_MAX_PARALLEL_PROVIDERS", "2");
    assert_eq!(place.json(&["budget"]).1["limit_usd"], 1.5);
    assert_eq!(shown(&place, "max_parallel_providers").0, "2");
    place.run(&["ask", "-p", "openai", "x"]).expect(0);
    assert_eq!(sandbox.requests()[0].header("authorization"), Some("Bearer a-legacy-key"));
    let place = place.var("LLMR_BUDGET_DAILY_USD", "2.5");
    assert_eq!(place.json(&["budget"]).1["limit_usd"], 2.5, "the name of our own comes first");
}

#[test]
fn the_clock_counts_only_with_a_home_of_its_own() {
    let place = Place::new().var("LLMR_NOW", "2020-02-29T23:59:59.999Z");
    let (_, budget) = place.json(&["budget"]);
    assert!(["2020-02-29", "2020-03-01"].contains(&budget["day"].as_str().unwrap()), "{budget}");
    let home = place.work().join("user");
    std::fs::create_dir(&home).unwrap();
    let mut command = place.command(&["budget", "--json"]);
    command.env_remove("LLMR_HOME").env("HOME", &home);
    let ran = finish(command.spawn().unwrap());
    assert!(!ran.stdout.contains("\"day\":\"2020-"), "{ran:?}");
}

#[test]
fn files_are_where_the_xdg_folders_say() {
    let sandbox = sandbox("");
    let place = Place::new().with(&sandbox);
    let root = place.work().join("user");
    std::fs::create_dir(&root).unwrap();
    let run = |args: &[&str]| {
        let mut command = place.command(args);
        command.env_remove("LLMR_HOME").env("HOME", &root).env("XDG_DATA_HOME", root.join("data"));
        finish(command.spawn().unwrap()).expect(0)
    };
    run(&["ask", "x"]);
    assert!(root.join("data/llmr/llmr.db").exists() && root.join(".config/llmr/cache.key").exists());
    use std::os::unix::fs::PermissionsExt;
    for folder in ["data/llmr", ".config/llmr"] {
        let mode = std::fs::metadata(root.join(folder)).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o700, "{folder}");
    }
    let paths: Value = serde_json::from_str(&run(&["config", "path", "--json"]).stdout).unwrap();
    assert_eq!(paths["database"], root.join("data/llmr/llmr.db").display().to_string());
}

#[test]
fn aliases_and_fallbacks_stand_for_models() {
    let sandbox = sandbox("anthropic=500");
    let place = Place::new().with(&sandbox).var("LLMR_MAX_RETRIES", "0");
    place.home_file(
        "config.toml",
        "[aliases]\nquick = \"anthropic/claude-haiku-5-5\"\n[fallbacks]\nquick = [\"gpt-6-luna\"]\n",
    );
    let (code, answer) = place.json(&["ask", "-m", "quick", "x"]);
    assert_eq!(
        (code, &answer["model"], &answer["requested_model"]),
        (0, &"gpt-6-luna".into(), &"quick".into()),
        "{answer}"
    );
    let asked: Vec<_> = answer["attempts"].as_array().unwrap().iter().map(|a| a["provider"].clone()).collect();
    assert_eq!(asked, ["anthropic", "openai"]);
    let (value, source) = shown(&place, "aliases.quick");
    assert!(value == "anthropic/claude-haiku-5-5" && source.ends_with("config.toml:2"), "{value} {source}");
    let (value, source) = shown(&place, "fallbacks.quick");
    assert!(value == "gpt-6-luna" && source.ends_with("config.toml:4"), "{value} {source}");
}
