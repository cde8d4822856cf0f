//! The whole of it: folders with files, an environment, and what comes out.

use std::fs;

use super::*;
use crate::host::dotenv;
use crate::providers::table::PROVIDERS;
use crate::types::{DialectKind, Limit, NanoUsd, Rate};

/// A home with a config folder, and a working folder below another one.
struct World {
    dir: tempfile::TempDir,
    env: Vec<(String, String)>,
}

impl World {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().canonicalize().unwrap();
        let world = Self { dir, env: vec![("LLMR_HOME".into(), root.join("home").to_str().unwrap().into())] };
        private::create_folder(&world.path("home")).unwrap();
        fs::create_dir_all(world.path("work/deep")).unwrap();
        world
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().canonicalize().unwrap().join(name)
    }

    fn var(mut self, name: &str, value: &str) -> Self {
        self.env.push((name.into(), value.into()));
        self
    }

    fn file(self, name: &str, text: impl AsRef<[u8]>) -> Self {
        let path = self.path(name);
        let _ = fs::remove_file(&path);
        private::write_new(&path, text.as_ref()).unwrap();
        self
    }

    /// A `.env` of the working folder, which nobody has trusted.
    fn work(self, text: impl AsRef<[u8]>) -> Self {
        self.file("work/.env", text)
    }

    fn own(self, text: &str) -> Self {
        self.file("home/.env", text)
    }

    fn toml(self, text: &str) -> Self {
        self.file("home/config.toml", text)
    }

    fn host(&self) -> Host {
        Host::from_env(self.env.iter().cloned(), self.path("work/deep"))
    }

    fn load(&self) -> Result<Config> {
        load(&self.host(), &Flags { rows: true, ..Flags::default() })
    }

    /// The error, with the world's own folder cut off.
    fn error(&self) -> String {
        let error = self.load().unwrap_err();
        assert_eq!(error.exit_code(), 2, "{error}");
        error.message.replace(&format!("{}/", self.path("").display()).replace("//", "/"), "")
    }
}

fn row(config: &Config, key: &str) -> Row {
    config.rows.iter().find(|row| row.key == key).unwrap().clone()
}

#[test]
fn nothing_set_gives_the_contract_s_defaults() {
    let config = World::new().load().unwrap();
    assert_eq!(config.settings, Settings::default());
    assert_eq!(config.settings.limit(None), (Limit::Usd(NanoUsd(5_000_000_000)), "default".into()));
    assert!(config.warnings.is_empty(), "{:?}", config.warnings);
    assert!(config.providers.iter().all(|provider| !provider.participates()));
    assert_eq!(config.providers.len(), PROVIDERS.len());
    let shown = [
        ("budget_daily_usd", "5"),
        ("weights", "0.4,0.3,0.3"),
        ("strategy", "weighted"),
        ("cache.enabled", "on"),
        ("timeouts.total_secs", "300"),
        ("effort", "the model's own"),
        ("openai.key", "missing"),
        ("ollama.key", "not_needed"),
        ("openai.base_url", "https://api.openai.com/v1"),
        ("https_proxy", "not set"),
    ];
    for (key, value) in shown {
        assert_eq!((row(&config, key).value.as_str(), row(&config, key).source.as_str()), (value, "default"), "{key}");
    }
}

#[test]
fn the_first_place_wins() {
    // process environment, working folder, config folder, config.toml -> value, where it is from
    let cases = [
        (Some("7"), Some("6"), Some("5"), Some("4"), "7", "environment"),
        (None, None, Some("5"), Some("4"), "5", "home/.env:2"),
        (None, None, None, Some("4"), "4", "home/config.toml:3"),
        (None, None, None, None, "2", "default"),
        (None, Some("1"), Some("5"), Some("4"), "1", "work/.env:2"),
        (None, Some("0"), None, None, "0", "work/.env:2"),
        (Some(""), None, Some("5"), None, "5", "home/.env:2"),
        (Some(" 3 "), None, None, None, "3", "environment"),
    ];
    for (env, work, own, toml, value, source) in cases {
        let mut world = World::new();
        if let Some(value) = env {
            world = world.var("LLMR_MAX_RETRIES", value);
        }
        if let Some(value) = work {
            world = world.work(format!("# x\nLLMR_MAX_RETRIES={value}\n"));
        }
        if let Some(value) = own {
            world = world.own(&format!("# x\nLLMR_MAX_RETRIES={value}\n"));
        }
        if let Some(value) = toml {
            world = world.toml(&format!("# x\n\nmax_retries = {value}\n"));
        }
        let row = row(&world.load().unwrap(), "max_retries");
        assert_eq!((row.value.as_str(), row.variable.as_str()), (value, "LLMR_MAX_RETRIES"));
        assert!(row.source.ends_with(source), "{} is not {source}", row.source);
    }
}

#[test]
fn keys_and_models_come_from_every_place_and_an_empty_one_hides() {
    let world = World::new()
        .var("OPENAI_API_KEY", "test-key-env")
        .var("MISTRAL_API_KEY", "")
        .work("OPENAI_API_KEY=test-key-work\nOPENAI_MODEL=work-model\nANTHROPIC_API_KEY='test-key-$work'\nLAB_KEY=test-key-lab\n")
        .own("MISTRAL_API_KEY=test-key-hidden\nGOOGLE_API_KEY=test-key-google\nPROXY_API_XAI_API_KEY=test-key-xai\nGROK_MODEL=grok-x\n")
        .toml("[[provider]]\nname='lab'\ndialect='openai'\nbase_url='http://10.0.0.1:8000/v1/'\napi_key_env='LAB_KEY'\n");
    let config = world.load().unwrap();
    let key = |name: &str| config.provider(name).unwrap().key.as_ref().map(|key| key.expose().to_owned());
    assert_eq!(key("openai").as_deref(), Some("test-key-env"));
    assert_eq!(key("anthropic").as_deref(), Some("test-key-$work"));
    assert_eq!(key("gemini").as_deref(), Some("test-key-google"));
    assert_eq!(key("xai").as_deref(), Some("test-key-xai"));
    assert_eq!(key("lab").as_deref(), Some("test-key-lab"));
    assert_eq!(key("mistral"), None);
    assert_eq!(config.provider("openai").unwrap().model.as_deref(), Some("work-model"));
    assert_eq!(config.provider("xai").unwrap().model.as_deref(), Some("grok-x"));
    assert_eq!(config.provider("lab").unwrap().base_url, "http://10.0.0.1:8000/v1");
    assert_eq!(row(&config, "gemini.key").variable, "GOOGLE_API_KEY");

    // Neither reports nor a debugging print hold a key.
    let printed = format!("{config:?} {}", serde_json::to_string(&config.rows).unwrap());
    assert!(!printed.contains("test-key"), "{printed}");
    assert_eq!(config.secrets().len(), 5);
}

/// What a stranger's `.env` says, and what comes of it: an error with this in it, or (empty) nothing.
#[rustfmt::skip]
const HOSTILE: &[(&str, &str)] = &[
    // Addresses.
    ("OPENAI_BASE_URL=https://evil.example", "work/.env:1: OPENAI_BASE_URL: not read from a working folder's .env"),
    ("\n\nexport ANTHROPIC_BASE_URL='https://evil.example'", "work/.env:3: ANTHROPIC_BASE_URL: not read"),
    ("OLLAMA_HOST=evil.example", "work/.env:1: OLLAMA_HOST: not read"),
    ("OLLAMA_BASE_URL=http://evil.example", "work/.env:1: OLLAMA_BASE_URL: not read"),
    ("AZURE_OPENAI_ENDPOINT=https://evil.example", "work/.env:1: AZURE_OPENAI_ENDPOINT: not read"),
    ("AZURE_OPENAI_API_VERSION=2020-01-01", "work/.env:1: AZURE_OPENAI_API_VERSION: not read"),
    ("OPENAI_API_VERSION=2020-01-01", "work/.env:1: OPENAI_API_VERSION: not read"),
    ("LAB_BASE_URL=http://evil.example", "work/.env:1: LAB_BASE_URL: not read"),
    ("OPENAI_BASE_URL=$HOME", "work/.env:1: OPENAI_BASE_URL: not read"),
    ("OPENAI_BASE_URL=a b", "work/.env:1: OPENAI_BASE_URL: not read"),
    // The way there.
    ("HTTPS_PROXY=http://evil.example", "work/.env:1: HTTPS_PROXY: not read"),
    ("https_proxy=http://evil.example", "work/.env:1: https_proxy: not read"),
    ("ALL_PROXY=socks5://evil.example", "work/.env:1: ALL_PROXY: not read"),
    ("NO_PROXY=*", "work/.env:1: NO_PROXY: not read"),
    ("SSL_CERT_FILE=/tmp/ca.pem", "work/.env:1: SSL_CERT_FILE: not read"),
    // State.
    ("LLMR_HOME=/tmp/x", "work/.env:1: LLMR_HOME: not read"),
    ("XDG_DATA_HOME=/tmp/x", "work/.env:1: XDG_DATA_HOME: not read"),
    ("HOME=/tmp/x", "work/.env:1: HOME: not read"),
    ("LLMR_NOW=2000-01-01T00:00:00Z", "work/.env:1: LLMR_NOW: not read"),
    ("LLMR_SEED=1", "work/.env:1: LLMR_SEED: not read"),
    ("LLMR_CACHE=on", "work/.env:1: LLMR_CACHE: not read"),
    ("LLMR_CACHE_HMAC_KEY=test-key", "work/.env:1: LLMR_CACHE_HMAC_KEY: not read"),
    ("PENIN_CACHE_HMAC_KEY=test-key", "work/.env:1: PENIN_CACHE_HMAC_KEY: not read"),
    ("PENIN_METRICS_TOKEN=test-key", "work/.env:1: PENIN_METRICS_TOKEN: not read"),
    // Decisions.
    ("LLMR_STRATEGY=cheapest", "work/.env:1: LLMR_STRATEGY: not read"),
    ("LLMR_MODE=shadow", "work/.env:1: LLMR_MODE: not read"),
    ("LLMR_WEIGHTS=0,0,1", "work/.env:1: LLMR_WEIGHTS: not read"),
    ("LLMR_EFFORT=max", "work/.env:1: LLMR_EFFORT: not read"),
    ("LLMR_BREAKER_THRESHOLD=99", "work/.env:1: LLMR_BREAKER_THRESHOLD: not read"),
    ("LLMR_FUTURE=1", "work/.env:1: LLMR_FUTURE: not a variable that a working folder's .env may set"),
    ("PENIN_X=1", "work/.env:1: PENIN_X: not a variable"),
    // Limits that would be loosened.
    ("LLMR_MAX_RETRIES=3", "work/.env:1: LLMR_MAX_RETRIES: 3 is more than the 2 that holds without it"),
    ("LLMR_MAX_ATTEMPTS=9", "work/.env:1: LLMR_MAX_ATTEMPTS: 9 is more than the 8"),
    ("LLMR_TIMEOUT_SECS=300.5", "work/.env:1: LLMR_TIMEOUT_SECS: 300.5 is more than the 300"),
    ("LLMR_TIMEOUT_IDLE_SECS=31", "work/.env:1: LLMR_TIMEOUT_IDLE_SECS: 31 is more"),
    ("PENIN_MAX_PARALLEL_PROVIDERS=4", "work/.env:1: PENIN_MAX_PARALLEL_PROVIDERS: 4 is more"),
    ("LLMR_MAX_OUTPUT_TOKENS=8193", "work/.env:1: LLMR_MAX_OUTPUT_TOKENS: 8193 is more"),
    ("LLMR_BUDGET_SOFT_PCT=96", "work/.env:1: LLMR_BUDGET_SOFT_PCT: 96 is more"),
    ("LLMR_BUDGET_WAIT_SECS=11", "work/.env:1: LLMR_BUDGET_WAIT_SECS: 11 is more"),
    ("LLMR_MAX_RETRIES=none", "work/.env:1: LLMR_MAX_RETRIES: `none` is not a whole number from 0"),
    ("LLMR_BUDGET_DAILY_USD=lots", "work/.env:1: LLMR_BUDGET_DAILY_USD: `lots` is not an amount"),
    // What dotenv would expand.
    ("OPENAI_MODEL=$LAB_KEY", "work/.env:1: OPENAI_MODEL: a `$` that would be expanded"),
    ("OPENAI_MODEL=${LAB_KEY}", "work/.env:1: OPENAI_MODEL: a `$`"),
    ("OPENAI_MODEL=\"x-$LAB_KEY\"", "work/.env:1: OPENAI_MODEL: a `$`"),
    ("OPENAI_MODEL='a'$LAB_KEY", "work/.env:1: OPENAI_MODEL: a `$`"),
    ("OPENAI_MODEL=\"'$LAB_KEY'\"", "work/.env:1: OPENAI_MODEL: a `$`"),
    ("OPENAI_API_KEY=abc$", "work/.env:1: OPENAI_API_KEY: a `$`"),
    ("OPENAI_MODEL=\\\\$LAB_KEY", "work/.env:1: OPENAI_MODEL: a `$`"),
    ("LLMR_MAX_RETRIES=$LAB_KEY", "work/.env:1: LLMR_MAX_RETRIES: a `$`"),
    ("X='\n'\nOPENAI_MODEL=$LAB_KEY", "work/.env:3: OPENAI_MODEL: a `$`"),
    ("OPENAI_MODEL=ok #\r\nXAI_MODEL=\"\n$LAB_KEY\"", "work/.env:2: XAI_MODEL: a `$`"),
    // The file itself.
    ("OPENAI_API_KEY='x", "work/.env:1: a quote that is opened here is never closed"),
    ("A=1\nnot an assignment", "work/.env:2: not of the form NAME=VALUE"),
    ("OPENAI_MODEL=two words", "work/.env:1: OPENAI_MODEL: text after a space"),
    ("\u{feff}OPENAI_BASE_URL=https://evil.example", "work/.env:1: OPENAI_BASE_URL: not read"),
    ("OPENAI_API_KEY=\"a\\nX-Header: b\"", "work/.env:1: OPENAI_API_KEY: not a key"),
    ("OPENAI_MODEL='a\tb'", "work/.env:1: OPENAI_MODEL: `a\\tb` is not a name without spaces"),
    // A multi-line value is a value, not the lines that it looks like; the first of two counts.
    ("NOTE='\nOPENAI_BASE_URL=https://evil.example\n'", ""),
    ("OPENAI_MODEL=a\nOPENAI_MODEL=$LAB_KEY", ""),
    // What is allowed, does nothing, or is other software's.
    ("OPENAI_MODEL='$LAB_KEY'", ""),
    ("OPENAI_MODEL=\\$LAB_KEY", ""),
    ("OPENAI_MODEL=gpt # $LAB_KEY", ""),
    ("OPENAI_BASE_URL=", ""),
    ("LLMR_MAX_RETRIES=2\nLLMR_TIMEOUT_SECS=0.5\nPENIN_BUDGET_DAILY_USD=0.01", ""),
    ("DATABASE_URL=postgres://$USER:$PASSWORD@db/x\nGREETING=hello world\nRE=\\d+\nAPP_BASE_URL=http://x", ""),
    ("OPENAI_API_BASE=https://evil.example\nOPENAI_ORGANIZATION=x\nMY_HOME=$HOME", ""),
    ("", ""),
];

#[test]
fn a_stranger_s_env_file_moves_neither_keys_nor_prompts_nor_money() {
    for (text, expected) in HOSTILE {
        let world = World::new()
            .var("LAB_KEY", "test-key-env")
            .toml("[[provider]]\nname='lab'\ndialect='openai'\nbase_url='http://10.0.0.1/v1'\napi_key_env='LAB_KEY'\n")
            .work(text);
        match world.load() {
            Ok(config) => {
                assert_eq!(*expected, "", "{text:?} was read");
                let models = config.providers.iter().filter_map(|provider| provider.model.as_deref());
                assert!(models.into_iter().all(|model| !model.contains("test-key")), "{text:?}");
                let builtin = config.providers.iter().filter(|provider| provider.built_in);
                assert!(builtin.into_iter().all(|p| p.base_url_source == Source::Default), "{text:?}");
            }
            Err(_) => {
                let message = world.error();
                assert!(!expected.is_empty() && message.starts_with(expected), "{text:?}: {message}");
                assert!(!message.contains("test-key-env"), "{message}");
            }
        }
    }
}

#[test]
fn a_refusal_shows_the_way_out_and_trust_opens_it() {
    let world = World::new()
        .work("OPENAI_BASE_URL=https://own.example/v1\nLLMR_MAX_RETRIES=9\nLLMR_NOW=x\nA=b\nXAI_MODEL=${A}c\n");
    let error = world.load().unwrap_err();
    assert!(error.hints[0].contains("llmr config trust"), "{:?}", error.hints);

    let host = world.host();
    let paths = Paths::of(&host, &Flags::default()).unwrap();
    trust::add(&host, &paths.trust_file, None).unwrap();
    let config = world.load().unwrap();
    assert_eq!(config.provider("openai").unwrap().base_url, "https://own.example/v1");
    assert_eq!(config.provider("xai").unwrap().model.as_deref(), Some("bc"));
    assert_eq!(config.settings.max_retries, 9);
    assert_eq!(config.paths.env_files, [world.path("work/.env")]);
    assert!(
        config.warnings[0].ends_with("work/.env:3: LLMR_NOW is ignored: it counts only in the process environment")
    );

    let changed = world.work("OPENAI_BASE_URL=https://evil.example/v1");
    let error = changed.load().unwrap_err();
    assert_eq!(error.hints[0], "the file has changed since it was trusted");
}

#[test]
fn the_config_folder_s_own_env_file_is_own_wherever_it_is_found_from() {
    let own =
        "OPENAI_BASE_URL=https://own.example/v1\nHTTPS_PROXY=http://user:pass@proxy:3128\nLLMR_HOME=/x\nLLMR_SEED=1\n";
    let world = World::new().own(own);
    let root = world.path("home");
    fs::create_dir(root.join("sub")).unwrap();
    for cwd in [world.path("work"), root.clone(), root.join("sub")] {
        let config = load(&Host::from_env(world.env.clone(), cwd), &Flags { rows: true, ..Flags::default() }).unwrap();
        assert_eq!(config.provider("openai").unwrap().base_url, "https://own.example/v1");
        assert_eq!(config.paths.env_files, [root.join(".env")]);
        assert_eq!(config.proxies.https.as_ref().unwrap().expose(), "http://user:pass@proxy:3128");
        assert_eq!((row(&config, "https_proxy").value, config.warnings.len()), ("set".to_owned(), 2));
    }
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink(root.join(".env"), world.path("work/.env")).unwrap();
        assert_eq!(world.load().unwrap().provider("openai").unwrap().base_url, "https://own.example/v1");
    }
}

#[test]
fn own_files_expand_from_the_environment_and_the_lines_above() {
    let config = World::new()
        .var("FROM_ENV", "e")
        .own("BASE=b\nOPENAI_MODEL=${FROM_ENV}-$BASE-$NONE\nFROM_ENV=hidden\nXAI_MODEL=$FROM_ENV\n")
        .load()
        .unwrap();
    assert_eq!(config.provider("openai").unwrap().model.as_deref(), Some("e-b-"));
    assert_eq!(config.provider("xai").unwrap().model.as_deref(), Some("e"));
}

#[test]
fn files_that_cannot_be_read_are_named() {
    let big = "#".repeat(1024 * 1024 + 1);
    assert_eq!(World::new().work(b"A=1\nB=\xff\xfe").error(), "work/.env:2: not UTF-8");
    assert!(World::new().work(big).error().starts_with("work/.env is larger than 1 MiB"));
    assert_eq!(World::new().own("A='").error(), "home/.env:1: a quote that is opened here is never closed");
    assert!(World::new().file("home/config.toml", b"\xff").error().starts_with("home/config.toml: not UTF-8"));
    let world = World::new();
    fs::create_dir(world.path("home/config.toml")).unwrap();
    assert!(world.error().starts_with("home/config.toml is not a regular file"));
    fs::create_dir(world.path("work/.env")).unwrap();
    fs::remove_dir(world.path("home/config.toml")).unwrap();
    assert!(world.load().is_ok(), "a folder named .env is somebody else's");
}

#[test]
fn the_limit_of_a_working_folder_only_tightens() {
    let tight = |usd: &str| World::new().work(format!("LLMR_BUDGET_DAILY_USD={usd}"));
    let limit = |world: &World, set: Option<&str>| {
        let settings = world.load().unwrap().settings;
        let set = set.map(|usd| usd.parse().unwrap());
        settings.check_tight(set).map(|()| settings.limit(set).0.to_string()).map_err(|e| e.message)
    };
    assert_eq!(limit(&tight("1"), None), Ok("1".into()));
    assert_eq!(limit(&tight("1"), Some("off")), Ok("1".into()));
    assert!(limit(&tight("0.4").own("PENIN_BUDGET_DAILY_USD=0.5"), Some("9")).is_ok());
}

#[test]
fn a_higher_limit_of_a_working_folder_is_refused_with_its_line() {
    let world = World::new().work("\nPENIN_BUDGET_DAILY_USD=7");
    let settings = world.load().unwrap().settings;
    let error = settings.check_tight(None).unwrap_err();
    assert!(
        error
            .message
            .ends_with("work/.env:2: PENIN_BUDGET_DAILY_USD: 7 is more than the 5 that the day may cost without it")
    );
    assert!(settings.check_tight(Some("8".parse().unwrap())).is_ok());
    // Where the environment has spoken the database has no say, so it is refused at once.
    let message = world.var("LLMR_BUDGET_DAILY_USD", "2").error();
    assert!(message.starts_with("work/.env:2: PENIN_BUDGET_DAILY_USD: 7 is more than the 2"), "{message}");
}

#[test]
fn limits_are_compared_with_what_holds_otherwise() {
    // own value, a stranger's value -> what counts; none: refused
    let cases = [("10", "9", Some(9)), ("10", "10", Some(10)), ("1", "2", None), ("1", "0", Some(0))];
    for (own, work, expected) in cases {
        let work = format!("LLMR_MAX_RETRIES={work}");
        let world = World::new().own(&format!("LLMR_MAX_RETRIES={own}")).work(&work);
        assert_eq!(world.load().ok().map(|config| config.settings.max_retries), expected, "{own} {work}");
    }
    let world = World::new().var("LLMR_MAX_RETRIES", "5").work("LLMR_MAX_RETRIES=4");
    assert_eq!(world.load().unwrap().settings.max_retries, 5, "the environment wins over every file");
}

#[test]
fn malformed_values_name_their_place() {
    let cases = [
        (World::new().var("LLMR_WEIGHTS", "1,2"), "environment variable LLMR_WEIGHTS: `1,2` is not three weights"),
        (World::new().var("LLMR_TIMEOUT_SECS", "nan"), "environment variable LLMR_TIMEOUT_SECS: `nan` is not a number"),
        (
            World::new().var("LLMR_BUDGET_DAILY_USD", "-1"),
            "environment variable LLMR_BUDGET_DAILY_USD: `-1` is not an amount",
        ),
        (World::new().var("LLMR_CACHE", "maybe"), "environment variable LLMR_CACHE: `maybe` is not one of on, off"),
        (World::new().var("LLMR_SEED", "x"), "environment variable LLMR_SEED: not a whole number"),
        (World::new().var("LLMR_NOW", "x"), "environment variable LLMR_NOW: not a time"),
        (
            World::new().var("PENIN_CACHE_HMAC_KEY", "change-me"),
            "environment variable PENIN_CACHE_HMAC_KEY: not a secret of your own",
        ),
        (World::new().var("OPENAI_BASE_URL", "https://u:p@h"), "environment variable OPENAI_BASE_URL: not a base URL"),
        (World::new().var("OPENAI_API_KEY", "two words"), "environment variable OPENAI_API_KEY: not a key"),
        (World::new().own("\nLLMR_MAX_ATTEMPTS=0"), "home/.env:2: LLMR_MAX_ATTEMPTS: `0` is not a whole number from 1"),
        (World::new().own("LLMR_MODE=x").var("LLMR_MODE", "shadow"), "home/.env:1: LLMR_MODE: `x` is not one of"),
        (
            World::new().toml("max_retries = -1").var("LLMR_MAX_RETRIES", "1"),
            "home/config.toml:1: max_retries: `-1` is not",
        ),
    ];
    for (world, expected) in cases {
        let message = world.error();
        assert!(message.starts_with(expected), "{message}");
    }
}

/// A `config.toml` and its error, after `home/config.toml:`.
#[rustfmt::skip]
const BAD_TOML: &[(&str, &str)] = &[
    ("x = ", "1: not valid TOML: "),
    ("mode = 'shadow'\nx = test-key", "2: not valid TOML: "),
    ("OPENAI_API_KEY = test-key x", "1: not valid TOML: "),
    ("x = 'test-key", "1: not valid TOML: "),
    ("mode = 'shadow'\nmode = 'shadow'", "2: not valid TOML: duplicate key"),
    ("\nmax_retry = 1", "2: unknown key `max_retry`"),
    ("[cache]\n\nttl = 1", "3: unknown key `cache.ttl`"),
    ("[cache]\nhmac_key = 'test-key'", "2: unknown key `cache.hmac_key`"),
    ("cache = false", "1: cache: not a table"),
    ("[timeout]\nidle_secs = 1", "1: unknown key `timeout`"),
    ("budget_daily_usd = -1", "1: budget_daily_usd: `-1` is not an amount"),
    ("budget_daily_usd = nan", "1: budget_daily_usd: not an amount"),
    ("budget_daily_usd = inf", "1: budget_daily_usd: not an amount"),
    ("budget_daily_usd = 'unlimited'", "1: budget_daily_usd: `unlimited` is not an amount"),
    ("budget_daily_usd = 99999999999", "1: budget_daily_usd: `99999999999` is not an amount"),
    ("max_retries = '2'", "1: max_retries: not a whole number from 0"),
    ("max_retries = 1.5", "1: max_retries: `1.5` is not a whole number from 0"),
    ("weights = [1, 2]", "1: weights: `1,2` is not three weights"),
    ("weights = { cost = 1, speed = 2 }", "1: unknown key `weights.speed`"),
    ("strategy = 1", "1: strategy: not one of weighted"),
    ("[timeouts]\nidle_secs = 0", "2: timeouts.idle_secs: `0` is not a number of seconds above 0"),
    ("[aliases]\nquick = 1", "2: aliases.quick: not a string"),
    ("[fallbacks]\na = ['b', '']", "2: fallbacks.a: not a string with something in it"),
    ("[provider]\nname = 'lab'", "1: provider: not written as [[provider]]"),
    ("[[provider]]\ndialect = 'openai'", "1: `provider.name` is missing"),
    ("[[provider]]\nname = 'lab'\nbase_url = 'http://x'", "1: provider `lab` needs a `dialect`"),
    ("[[provider]]\nname = 'lab'\ndialect = 'openai'", "1: provider `lab` needs a `base_url`"),
    ("[[provider]]\nname = 'lab'\ndialect = 'OpenAI'", "3: provider.dialect: not one of openai"),
    ("[[provider]]\nname = 'a/b'", "2: provider.name: not a name of letters"),
    ("[[provider]]\nname = 'lab'\nbase_url = 'https://u:p@h'", "3: provider.base_url: not a base URL"),
    ("[[provider]]\nname = 'openai'\napi_key = 'test-key'", "3: unknown key `api_key`"),
    ("[[provider]]\nname = 'openai'\napi_key_env = 'test-key'", "3: provider.api_key_env: not the name of a variable"),
    ("[[provider]]\nname = 'openai'\npriority = -1", "3: provider.priority: not a whole number"),
    ("[[provider]]\nname = 'openai'\ntimeout_secs = nan", "3: provider.timeout_secs: not a number"),
    ("[[provider]]\nname = 'openai'\ninput_usd_per_mtok = 1", "1: a price needs both"),
    ("[[provider]]\nname = 'openai'\ninput_usd_per_mtok = -1\noutput_usd_per_mtok = 1", "3: provider.input_usd_per_mtok: not a price"),
    ("[[provider]]\nname = 'openai'\ninput_usd_per_mtok = 1\noutput_usd_per_mtok = inf", "4: provider.output_usd_per_mtok: not a price"),
    ("[[provider]]\nname = 'openai'\n[[provider]]\nname = 'openai'", "3: a second [[provider]] named `openai`"),
    ("[[provider]]\nname = 'OpenAI'", "1: the built-in provider is spelled `openai`"),
    ("[[provider]]\nname = 'openai'\ndialect = 'cohere'", "1: the built-in provider `openai` speaks openai"),
    ("[[provider]]\nname = 'openai'\n[[provider.model]]\ncontext_tokens = 1", "3: `provider.model.id` is missing"),
    ("[[provider]]\nname = 'openai'\n[[provider.model]]\nid = 'a'\nprice = 1", "5: unknown key `price`"),
    ("[[provider]]\nname = 'openai'\n[[provider.model]]\nid = 'a'\ncontext_tokens = 0", "5: provider.model.context_tokens: not a whole"),
    ("[[provider]]\nname = 'openai'\n[[provider.model]]\nid = 'a'\n[[provider.model]]\nid = 'a'", "1: a second [[provider.model]] `a`"),
];

#[test]
fn what_is_wrong_in_the_config_file_is_named_by_line_and_key() {
    for (text, expected) in BAD_TOML {
        let message = World::new().toml(text).error();
        assert!(message.starts_with(&format!("home/config.toml:{expected}")), "{text:?}: {message}");
        assert!(!message.contains("test-key"), "{message}");
    }
    let hint = |text: &str| World::new().toml(text).load().unwrap_err().hints.remove(0);
    assert_eq!(hint("max_retry = 1"), "did you mean `max_retries`?");
    assert_eq!(hint("[cache]\nttl = 1"), "`llmr config init` writes a file with every key in it");
    assert_eq!(hint("[cache]\nttl_sec = 1"), "did you mean `cache.ttl_secs`?");
    assert!(hint("[[provider]]\nname='openai'\napi_key='test-key'").contains("api_key_env"));
}

#[test]
fn the_config_file_s_values_are_read_as_written() {
    let config = World::new()
        .toml(
            "budget_daily_usd = 0.1\nweights = [2, 1, 1]\nusage = true\nmax_output_tokens = 1_000\n\
             [cache]\nenabled = 'off'\nttl_secs = 1.5\n[breaker]\nthreshold = 5\nopen_secs = 1e2\n\
             [timeouts]\nidle_secs = 0.25\n[aliases]\nquick = 'lab/small'\n[fallbacks]\na = ['b', 'c']\nd = 'e'\n",
        )
        .load()
        .unwrap();
    let settings = &config.settings;
    assert_eq!(settings.limit(None).0, Limit::Usd(NanoUsd(100_000_000)));
    assert_eq!((settings.weights.cost, settings.usage, settings.max_output_tokens), (0.5, true, 1000));
    assert_eq!((settings.cache.enabled, settings.cache.ttl_secs), (false, 1.5));
    assert_eq!((settings.breaker.threshold, settings.breaker.open_secs), (5, 100.0));
    assert_eq!(settings.timeouts.idle_secs, 0.25);
    assert_eq!(config.aliases["quick"], "lab/small");
    assert_eq!(config.fallbacks["a"], ["b", "c"]);
    assert_eq!(config.fallbacks["d"], ["e"]);
    assert!(World::new().toml("budget_daily_usd = 'off'").load().unwrap().settings.limit(None).0 == Limit::Off);
    assert!(World::new().toml("weights = { cost = 1 }").load().unwrap().settings.weights.cost == 1.0);
}

#[test]
fn a_provider_of_one_s_own_is_the_contract_s_example() {
    let config = World::new()
        .toml(
            "[[provider]]\nname = 'lab'\ndialect = 'anthropic'\nbase_url = 'http://127.0.0.1:8000/v1'\npriority = 1\n\
             timeout_secs = 60\nmodels = ['small', 'large']\ninput_usd_per_mtok = 0.0\noutput_usd_per_mtok = 0.0\n\
             [[provider.model]]\nid = 'large'\ninput_usd_per_mtok = 1.5\noutput_usd_per_mtok = 6.0\n\
             cached_input_usd_per_mtok = 0.15\ncontext_tokens = 131072\nmax_output_tokens = 8192\n\
             [[provider.model]]\nid = 'wide'\ncontext_tokens = 9\nvision = true\n\
             [[provider]]\nname = 'openai'\nbase_url = 'https://gateway.example/v1'\napi_key_env = 'GATEWAY_KEY'\n",
        )
        .var("GATEWAY_KEY", "test-key")
        .load()
        .unwrap();
    let lab = config.provider("lab").unwrap();
    assert!(lab.participates());
    assert_eq!((lab.dialect, lab.key_state, lab.priority), (DialectKind::Anthropic, KeyState::NotNeeded, 1));
    assert_eq!(lab.models, ["small", "large", "wide"]);
    let rates = |model: &str| lab.model_row(model).unwrap().rates.unwrap();
    assert_eq!(rates("small").output, Rate::FREE);
    assert_eq!((rates("large").output, rates("large").cached_input), (Rate(6_000_000), Some(Rate(150_000))));
    assert_eq!((rates("wide").input, lab.model_row("wide").unwrap().context_tokens), (Rate::FREE, Some(9)));
    assert_eq!((lab.model_row("large").unwrap().vision, lab.model_row("wide").unwrap().vision), (None, Some(true)));

    let openai = config.provider("openai").unwrap();
    assert!(openai.participates() && openai.built_in);
    assert_eq!(openai.base_url, "https://gateway.example/v1");
    assert_eq!(openai.key_vars, ["GATEWAY_KEY", "OPENAI_API_KEY", "PROXY_API_OPENAI_API_KEY"]);
    assert!(openai.base_url_source.to_string().ends_with("config.toml:23"), "{}", openai.base_url_source);
}

#[test]
fn a_local_provider_takes_part_when_it_is_named() {
    let ollama = |world: World| world.load().unwrap().provider("ollama").unwrap().clone();
    assert!(!ollama(World::new()).participates());
    assert!(ollama(World::new().work("OLLAMA_MODEL=llama")).participates());
    let at = ollama(World::new().var("OLLAMA_HOST", "0.0.0.0"));
    assert_eq!((at.participates(), at.base_url.as_str()), (true, "http://127.0.0.1:11434"));
    assert!(ollama(World::new().toml("[[provider]]\nname = 'ollama'")).participates());
}

#[test]
fn azure_needs_an_endpoint_and_its_price_is_the_user_s_own() {
    let key = || World::new().var("AZURE_OPENAI_API_KEY", "test-key");
    let config = key().load().unwrap();
    assert!(!config.provider("azure").unwrap().participates());
    assert_eq!(config.warnings, ["azure is left out: AZURE_OPENAI_API_KEY is set, but AZURE_OPENAI_ENDPOINT is not"]);

    // own deployment, own model, a stranger's file -> deployment, model
    let cases = [
        ("d", "m", "", Some("d"), Some("m")),
        ("d", "", "AZURE_OPENAI_MODEL=cheap", Some("d"), None),
        ("d", "m", "AZURE_OPENAI_MODEL=cheap", Some("d"), Some("m")),
        ("d", "m", "AZURE_OPENAI_DEPLOYMENT=dear", Some("dear"), None),
    ];
    for (deployment, model, work, expected_deployment, expected_model) in cases {
        let world = key()
            .var("AZURE_OPENAI_ENDPOINT", "https://x.example/")
            .own(&format!("AZURE_OPENAI_DEPLOYMENT={deployment}\nAZURE_OPENAI_MODEL={model}\nOPENAI_API_VERSION=v\n"))
            .work(work);
        let config = world.load().unwrap();
        let azure = config.provider("azure").unwrap();
        assert!(azure.participates());
        assert_eq!(azure.base_url, "https://x.example");
        let own = azure.azure.clone().unwrap();
        assert_eq!((own.deployment.as_deref(), own.model.as_deref()), (expected_deployment, expected_model), "{work}");
        assert_eq!(own.api_version.as_deref(), Some("v"));
        assert_eq!(config.warnings.len(), usize::from(!work.is_empty()), "{:?}", config.warnings);
    }
    let world = World::new().work("AZURE_OPENAI_API_KEY=test-key\nAZURE_OPENAI_DEPLOYMENT=d\nAZURE_OPENAI_MODEL=m\n");
    assert_eq!(world.load().unwrap().provider("azure").unwrap().azure.clone().unwrap().model.as_deref(), Some("m"));
}

#[test]
fn misspelled_variables_are_told() {
    let config =
        World::new().var("LLMR_MAX_RETRYS", "1").var("PENIN_OTHER", "1").own("LLMR_BUGDET_SOFT_PCT=1\n").load();
    let warnings = config.unwrap().warnings;
    assert_eq!(warnings.len(), 2, "{warnings:?}");
    assert_eq!(warnings[0], "environment variable LLMR_MAX_RETRYS is not read by llmr: did you mean LLMR_MAX_RETRIES?");
    assert!(
        warnings[1]
            .ends_with("home/.env:1: LLMR_BUGDET_SOFT_PCT is not read by llmr: did you mean LLMR_BUDGET_SOFT_PCT?")
    );
}

#[cfg(unix)]
#[test]
fn files_that_others_can_get_at_are_told() {
    use std::os::unix::fs::PermissionsExt;
    let world = World::new().own("A=1").toml("");
    let chmod = |name: &str, mode| fs::set_permissions(world.path(name), fs::Permissions::from_mode(mode)).unwrap();
    assert!(world.load().unwrap().warnings.is_empty());
    for (name, mode, command) in
        [("home", 0o750, "chmod 700"), ("home/.env", 0o644, "chmod 600"), ("home/config.toml", 0o604, "chmod 600")]
    {
        chmod(name, mode);
        let warnings = world.load().unwrap().warnings;
        let told = format!("{} is open to others (mode {mode:03o}): run `{command}", world.path(name).display());
        assert!(warnings.iter().any(|warning| warning.starts_with(&told)), "{warnings:?}");
    }
    assert_eq!(world.load().unwrap().warnings.len(), 3);
}

#[test]
fn another_config_file_must_be_there() {
    let world = World::new().toml("max_retries = 9").file("work/other.toml", "max_retries = 1");
    let with = |path: &str| load(&world.host(), &Flags { config_path: Some(path.into()), ..Flags::default() });
    let config = with("../other.toml").unwrap();
    assert_eq!(config.settings.max_retries, 1);
    assert!(with("missing.toml").unwrap_err().message.contains("missing.toml cannot be read"));
}

#[test]
fn the_key_of_the_cache_is_the_user_s_or_made() {
    let own = World::new().var("LLMR_CACHE_HMAC_KEY", "a key of my own").load().unwrap();
    assert_eq!(hmac_key(&own).unwrap().expose(), b"a key of my own");
    assert_eq!(own.warnings, ["LLMR_CACHE_HMAC_KEY is shorter than 16 bytes: it can be guessed"]);
    let world = World::new();
    let made = hmac_key(&world.load().unwrap()).unwrap();
    assert_eq!(made.expose(), fs::read(world.path("home/cache.key")).unwrap());
}

#[cfg(unix)]
#[test]
fn values_that_are_not_text_are_named() {
    use std::os::unix::ffi::OsStringExt;
    let world = World::new();
    let bad = std::ffi::OsString::from_vec(vec![0xff]);
    let load_with = |name: &str| {
        let env = world.env.iter().map(|(n, v)| (n.into(), v.into())).chain([(name.into(), bad.clone())]);
        load(&Host::from_env(env.collect::<Vec<(std::ffi::OsString, _)>>(), "/"), &Flags::default())
    };
    assert_eq!(load_with("OPENAI_API_KEY").unwrap_err().message, "environment variable OPENAI_API_KEY: not UTF-8");
    assert!(load_with("OTHER").is_ok());
}

#[test]
fn the_example_names_every_variable_and_sets_none() {
    const EXAMPLE: &str = include_str!("../../.env.example");
    assert_eq!(dotenv::parse(EXAMPLE), Ok(Vec::new()));
    let providers = PROVIDERS.iter().flat_map(|p| p.key_vars.iter().chain(p.model_vars).chain([&p.base_url_var]));
    let settings = settings::SETTINGS.iter().flat_map(|row| row.variables).chain(budget::VARIABLES);
    let network = [HTTPS_PROXY[0], HTTP_PROXY[0], ALL_PROXY[0], NO_PROXY[0], CERTIFICATES[0]];
    let others = ["LLMR_HOME", "LLMR_NOW", "LLMR_SEED", "LLMR_PROFILE", "XDG_CONFIG_HOME", "XDG_DATA_HOME"];
    let azure = vocabulary::AZURE_MODEL.iter().chain(&vocabulary::AZURE_API_VERSION);
    let words: Vec<&str> = EXAMPLE.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').collect();
    for name in providers.chain(settings).chain(azure).chain(&network).chain(&others) {
        assert!(words.contains(name), "{name} is not in .env.example");
    }
    let uncommented: String = EXAMPLE
        .lines()
        .map(|line| line.strip_prefix('#').filter(|l| !l.starts_with(' ')).unwrap_or("").to_owned() + "\n")
        .collect();
    assert!(dotenv::parse(&uncommented).unwrap().iter().all(|entry| entry.value.is_ok()));
}
