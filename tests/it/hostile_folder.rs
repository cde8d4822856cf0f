//! A working folder may be somebody else's: its `.env` moves no key, no prompt and no money.

use std::path::Path;

use llmr::sandbox::Sandbox;

use crate::common::{Place, finish, sandbox};

/// What no output, no file and no stranger may see.
const KEY: &str = "test-key-that-nobody-may-see";

/// A user whose keys and addresses are in the `.env` of the config folder, which a nearer `.env` comes before.
fn user(sandbox: &Sandbox) -> Place {
    let lines = sandbox.providers().iter().map(|provider| {
        let row = llmr::providers::table::find(&provider.name).unwrap();
        let (url, model) = (sandbox.base_url(&provider.name).unwrap(), &provider.model);
        let (key_var, model_var) = (row.key_vars[0], row.model_vars[0]);
        format!("{}='{url}'\n{key_var}='{KEY}'\n{model_var}='{model}'\n", row.base_url_var)
    });
    let place = Place::new();
    place.home_file(".env", &lines.collect::<String>());
    place
}

/// Every variable that a stranger might set, as lines of which the last one must be refused.
fn attacks(thief: &str) -> Vec<(String, &'static str)> {
    let mut attacks: Vec<(String, &'static str)> = Vec::new();
    for variable in [
        "OPENAI_BASE_URL",
        "ANTHROPIC_BASE_URL",
        "DEEPSEEK_BASE_URL",
        "GEMINI_BASE_URL",
        "COHERE_BASE_URL",
        "OPENROUTER_BASE_URL",
        "OLLAMA_HOST",
        "AZURE_OPENAI_ENDPOINT",
        "HTTPS_PROXY",
        "HTTP_PROXY",
        "ALL_PROXY",
        "https_proxy",
        "all_proxy",
    ] {
        attacks.push((format!("{variable}={thief}"), variable));
    }
    for (line, variable) in [
        ("export OPENAI_BASE_URL='http://127.0.0.1:9'", "OPENAI_BASE_URL"),
        ("AZURE_OPENAI_API_VERSION=2024-10-21", "AZURE_OPENAI_API_VERSION"),
        ("NO_PROXY=*", "NO_PROXY"),
        ("SSL_CERT_FILE=ca.pem", "SSL_CERT_FILE"),
        ("SSL_CERT_DIR=.", "SSL_CERT_DIR"),
        ("LLMR_HOME=.", "LLMR_HOME"),
        ("HOME=.", "HOME"),
        ("XDG_DATA_HOME=/tmp", "XDG_DATA_HOME"),
        ("XDG_CONFIG_HOME=/tmp", "XDG_CONFIG_HOME"),
        ("LLMR_CACHE_HMAC_KEY=known-to-the-stranger", "LLMR_CACHE_HMAC_KEY"),
        ("PENIN_CACHE_HMAC_KEY=known-to-the-stranger", "PENIN_CACHE_HMAC_KEY"),
        ("LLMR_METRICS_TOKEN=known-to-the-stranger", "LLMR_METRICS_TOKEN"),
        ("LLMR_NOW=2020-01-01T00:00:00Z", "LLMR_NOW"),
        ("LLMR_SEED=1", "LLMR_SEED"),
        ("LLMR_CACHE=off", "LLMR_CACHE"),
        ("LLMR_MODE=shadow", "LLMR_MODE"),
        ("LLMR_STRATEGY=priority", "LLMR_STRATEGY"),
        ("LLMR_WEIGHTS=0,0,1", "LLMR_WEIGHTS"),
        ("LLMR_BREAKER_THRESHOLD=1000", "LLMR_BREAKER_THRESHOLD"),
        ("LLMR_NO_SUCH_THING=1", "LLMR_NO_SUCH_THING"),
        // What came with profiles, the log of texts, rendering, completions, alerts, templates and rates.
        ("LLMR_PROFILE=work", "LLMR_PROFILE"),
        ("export LLMR_PROFILE=work", "LLMR_PROFILE"),
        ("LLMR_LOG_CONTENT=on", "LLMR_LOG_CONTENT"),
        ("LLMR_LOG_CONTENT=off", "LLMR_LOG_CONTENT"),
        ("LLMR_MARKDOWN=off", "LLMR_MARKDOWN"),
        ("LLMR_COMPLETE=bash", "LLMR_COMPLETE"),
        ("LLMR_ALERTS=sh", "LLMR_ALERTS"),
        ("LLMR_ALERTS_COMMAND=sh", "LLMR_ALERTS_COMMAND"),
        ("LLMR_ALERTS_WEBHOOK=http://127.0.0.1:9/", "LLMR_ALERTS_WEBHOOK"),
        ("LLMR_TEMPLATE=x", "LLMR_TEMPLATE"),
        ("LLMR_TEMPLATES_DIR=.", "LLMR_TEMPLATES_DIR"),
        ("LLMR_HISTORY_FILE=history", "LLMR_HISTORY_FILE"),
        ("LLMR_CONFIG=config.toml", "LLMR_CONFIG"),
        ("LLMR_RPM=1000000", "LLMR_RPM"),
        ("LLMR_TEMPERATURE=2", "LLMR_TEMPERATURE"),
        ("LLMR_USAGE=off", "LLMR_USAGE"),
        ("LLMR_EFFORT=max", "LLMR_EFFORT"),
        ("LLMR_TIMEOUT_IDLE_SECS=9000", "LLMR_TIMEOUT_IDLE_SECS"),
        ("LLMR_CACHE_TTL_SECS=31536000", "LLMR_CACHE_TTL_SECS"),
        ("LLMR_CACHE_L2_MAX=0", "LLMR_CACHE_L2_MAX"),
        ("LLMR_CACHE_L2_MAX_MB=0", "LLMR_CACHE_L2_MAX_MB"),
        ("XDG_STATE_HOME=.", "XDG_STATE_HOME"),
        ("OPENAI_API_VERSION=1", "OPENAI_API_VERSION"),
        ("LLMR_BUDGET_DAILY_USD=500", "LLMR_BUDGET_DAILY_USD"),
        ("LLMR_BUDGET_DAILY_USD=5.000000001", "LLMR_BUDGET_DAILY_USD"),
        ("LLMR_BUDGET_DAILY_USD=off", "LLMR_BUDGET_DAILY_USD"),
        ("PENIN_BUDGET_DAILY_USD=500", "PENIN_BUDGET_DAILY_USD"),
        ("LLMR_BUDGET_SOFT_PCT=100", "LLMR_BUDGET_SOFT_PCT"),
        ("LLMR_MAX_ATTEMPTS=80", "LLMR_MAX_ATTEMPTS"),
        ("LLMR_MAX_RETRIES=3", "LLMR_MAX_RETRIES"),
        ("LLMR_MAX_OUTPUT_TOKENS=100000", "LLMR_MAX_OUTPUT_TOKENS"),
        ("LLMR_MAX_PARALLEL_PROVIDERS=9", "LLMR_MAX_PARALLEL_PROVIDERS"),
        ("LLMR_TIMEOUT_SECS=9000", "LLMR_TIMEOUT_SECS"),
        // The key in the name of a model would reach the provider in a URL, a log, an error.
        ("OPENAI_MODEL=$OPENAI_API_KEY", "OPENAI_MODEL"),
        ("GEMINI_MODEL=\"x-${OPENAI_API_KEY}\"", "GEMINI_MODEL"),
        ("ANTHROPIC_API_KEY=$OPENAI_API_KEY", "ANTHROPIC_API_KEY"),
        ("MUCH=500\nLLMR_BUDGET_DAILY_USD=$MUCH", "LLMR_BUDGET_DAILY_USD"),
        ("LESS=1\nLLMR_BUDGET_DAILY_USD=${LESS}", "LLMR_BUDGET_DAILY_USD"),
    ] {
        attacks.push((line.to_owned(), variable));
    }
    attacks
}

fn in_folder(place: &Place, folder: &Path, args: &[&str]) -> crate::common::Ran {
    finish(place.command(args).current_dir(folder).spawn().unwrap())
}

fn line_of(text: &str) -> usize {
    // A comment and an empty line stand above.
    text.lines().count() + 2
}

fn names_in(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn what_could_move_a_key_a_prompt_or_money_is_refused_by_file_line_and_name() {
    let (mine, theirs) = (sandbox(""), sandbox(""));
    let place = user(&mine);
    let deep = place.work().join("a/b");
    std::fs::create_dir_all(&deep).unwrap();
    for (text, variable) in attacks(&format!("http://{}", theirs.addr())) {
        let env = place.work_file(".env", &format!("# settings\n\n{text}\n"));
        let named = format!("{}:{}: {variable}", env.canonicalize().unwrap().display(), line_of(&text));
        let ran = in_folder(&place, &deep, &["ask", "a secret prompt"]).expect(2);
        assert!(ran.stderr.starts_with(&format!("error: {named}")), "{text}: {ran:?}");
        assert!(ran.stderr.contains("hint: "), "{text}: {ran:?}");
        assert_eq!(ran.stdout, "", "{text}");
        assert!(!ran.stderr.contains(KEY), "{text}: {ran:?}");
        // In JSON the same, and nothing beside it.
        let ran = place.run(&["ask", "a secret prompt", "--json"]).expect(2);
        let error: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
        assert_eq!(ran.stderr, "", "{text}");
        assert_eq!((&error["schema_version"], &error["error"]["exit_code"]), (&1.into(), &2.into()), "{text}");
        assert_eq!(error["error"]["kind"], "config", "{text}");
        assert!(error["error"]["message"].as_str().unwrap().starts_with(&named), "{text}: {error}");
    }
    assert_eq!(theirs.requests(), [], "the stranger was sent something");
    assert_eq!(mine.requests(), [], "something was sent although the settings are refused");
    assert_eq!(names_in(&place.home()), [".env"], "state was made");
    assert_eq!(names_in(&place.work()), [".env", "a"], "state was made where the stranger wanted it");
}

#[test]
fn every_command_that_reads_settings_refuses_them() {
    let mine = sandbox("");
    let place = user(&mine);
    place.work_file(".env", "OPENAI_BASE_URL=http://127.0.0.1:9\n");
    for args in [
        &["dry-run", "x"][..],
        &["budget"],
        &["budget", "set", "1000"],
        &["providers"],
        &["stats"],
        &["cache", "verify"],
        &["log"],
        &["models"],
        &["config", "show"],
        &["config", "check"],
        &["x"],
        &["chat", "x"],
        &["chat", "list"],
        &["batch", "in.jsonl"],
        &["template", "list"],
        &["template", "new", "t", "x"],
        &["forget", "--all"],
        &["import", "llm", "--from", "."],
        &["models", "--live"],
        &["providers", "check"],
        &["log", "export"],
        &["budget", "check"],
        &["stats", "--format", "html"],
    ] {
        let ran = place.run(args).expect(2);
        assert!(ran.stderr.contains(".env:1: OPENAI_BASE_URL"), "{args:?}: {ran:?}");
    }
    // What explains or mends it works all the same.
    place.run(&["config", "path"]).expect(0);
    assert_eq!(names_in(&place.home()), [".env"]);
}

/// Everything that llmr keeps in its own folders, laid into a working folder and the folder above it.
#[test]
fn files_of_a_working_folder_are_not_settings_templates_history_or_state() {
    let (mine, theirs) = (sandbox(""), sandbox(""));
    let place = user(&mine).var("LLMR_BUDGET_SOFT_PCT", "0.0001");
    let config = format!(
        "log_content = true\nbudget_daily_usd = 500\n[alerts]\ncommand = [\"touch\", \"{}\"]\n[aliases]\n\"gpt-6-luna\" = \"lab/m\"\n\
         [profile.work]\nmodel = \"lab/m\"\n[sampling.openai]\ntemperature = 2.0\n[limits.openai]\nrpm = 1\n\
         [[provider]]\nname = \"openai\"\ndialect = \"openai\"\nbase_url = \"http://{}/v1\"\n",
        place.home().join("touched").display(),
        theirs.addr()
    );
    let template = "system = \"tell everything\"\nprompt = \"{{input}}\"\nmodel = \"lab/m\"\n";
    let files: [(&str, &str); 9] = [
        ("config.toml", &config),
        ("llmr.toml", &config),
        (".llmr/config.toml", &config),
        ("llmr/config.toml", &config),
        (".config/llmr/config.toml", &config),
        ("templates/t.toml", template),
        ("llmr.db", "not a database"),
        ("history", "#V2\n/model lab/m\n"),
        ("schema.json", "{\"not\": {}}"),
    ];
    for (name, text) in files {
        place.work_file(name, text);
        place.work_file(&format!("deep/{name}"), text);
    }
    let deep = place.work().join("deep/er");
    std::fs::create_dir_all(&deep).unwrap();
    let ran = in_folder(&place, &deep, &["ask", "-p", "openai", "a secret prompt"]).expect(0);
    assert!(ran.stderr.contains("from now on"), "an alert was due: {ran:?}");
    in_folder(&place, &deep, &["chat", "another one"]).expect(0);
    for args in [&["ask", "-T", "t", "x"][..], &["ask", "--profile", "work", "x"]] {
        let ran = in_folder(&place, &deep, args).expect(2);
        assert!(ran.stderr.contains("there is no "), "{ran:?}");
    }
    assert_eq!(theirs.requests(), [], "the stranger was sent something");
    let first = &mine.requests()[0].body;
    assert!(first.get("temperature").is_none() && !first.to_string().contains("tell everything"), "{first}");
    assert!(!place.home().join("touched").exists());
    let (_, shown) = place.json(&["config", "show"]);
    assert!(!shown.to_string().contains(place.work().to_str().unwrap()), "{shown}");
}

#[test]
fn a_provider_of_the_user_s_own_cannot_be_moved_either() {
    let (mine, theirs) = (sandbox(""), sandbox(""));
    let place = user(&mine).var("LAB_KEY", KEY);
    let url = mine.base_url("openai").unwrap();
    let row = format!("[[provider]]\nname = \"lab\"\ndialect = \"openai\"\nbase_url = \"{url}\"\n");
    place.home_file(
        "config.toml",
        &(row + "api_key_env = \"LAB_KEY\"\nmodels = [\"m\"]\ninput_usd_per_mtok = 0.0\noutput_usd_per_mtok = 0.0\n"),
    );
    place.work_file(".env", &format!("LAB_BASE_URL=http://{}\n", theirs.addr()));
    let ran = place.run(&["ask", "-p", "lab", "x"]).expect(2);
    assert!(ran.stderr.contains(".env:1: LAB_BASE_URL"), "{ran:?}");
    assert_eq!(theirs.requests(), []);
    assert_eq!(mine.requests(), []);
}

#[test]
fn trust_lets_one_file_do_it_until_it_changes() {
    let (mine, other) = (sandbox(""), sandbox(""));
    let place = user(&mine);
    let text = format!("OPENAI_BASE_URL={}\nLLMR_BUDGET_DAILY_USD=50\n", other.base_url("openai").unwrap());
    let env = place.work_file(".env", &text);
    place.run(&["ask", "-p", "openai", "x"]).expect(2);

    let (code, done) = place.json(&["config", "trust"]);
    assert_eq!((code, done["path"].as_str()), (0, env.canonicalize().unwrap().to_str()));
    place.run(&["ask", "-p", "openai", "x"]).expect(0);
    assert_eq!(other.requests().len(), 1);
    assert_eq!(other.requests()[0].header("authorization"), Some(format!("Bearer {KEY}").as_str()));
    assert_eq!(mine.requests(), []);
    let (_, budget) = place.json(&["budget"]);
    assert_eq!(
        (&budget["limit_usd"], budget["limit_source"].as_str().unwrap().ends_with(".env:2")),
        (&50.into(), true)
    );

    // The clock and the seed are the process environment's alone, trusted or not.
    place.work_file(".env", &(text.clone() + "# one more line\n"));
    let ran = place.run(&["ask", "-p", "openai", "y"]).expect(2);
    assert!(ran.stderr.contains(".env:1: OPENAI_BASE_URL"), "{ran:?}");
    assert!(ran.stderr.contains("changed since it was trusted"), "{ran:?}");
    assert_eq!(other.requests().len(), 1);

    // The same content elsewhere is another file.
    place.work_file(".env", &text);
    place.run(&["config", "check"]).expect(0);
    place.work_file("copy/.env", &text);
    in_folder(&place, &place.work().join("copy"), &["config", "check"]).expect(2);
}

#[test]
fn trust_needs_a_file_and_counts_for_no_clock() {
    let mine = sandbox("");
    let place = user(&mine);
    let ran = place.run(&["config", "trust"]).expect(2);
    assert!(ran.stderr.contains("no .env"), "{ran:?}");
    place.work_file(".env", "LLMR_NOW=2020-01-01T00:00:00Z\nLLMR_SEED=5\n");
    place.run(&["config", "trust"]).expect(0);
    let ran = place.run(&["budget", "--json"]).expect(0);
    assert!(!ran.stdout.contains("2020-01-01"), "{ran:?}");
}

#[test]
fn what_tightens_counts() {
    let mine = sandbox("");
    let place = user(&mine);
    place.work_file(".env", "LLMR_MAX_OUTPUT_TOKENS=7\nLLMR_BUDGET_DAILY_USD='0.5'\nLLMR_MAX_RETRIES=0\n");
    let (code, answer) = place.json(&["ask", "-p", "openai", "x"]);
    assert_eq!((code, &answer["usage"]["output_tokens"]), (0, &7.into()));
    assert_eq!(mine.requests()[0].body["max_completion_tokens"], 7);
    assert_eq!(answer["budget"]["limit_usd"], 0.5);

    place.work_file(".env", "LLMR_BUDGET_DAILY_USD=0.000000001\n");
    let ran = place.run(&["ask", "y"]).expect(4);
    assert!(ran.stderr.contains("0.000000001"), "{ran:?}");
    assert_eq!(mine.requests().len(), 1, "only the first one was sent");
}

#[test]
fn the_limit_in_the_database_is_what_a_folder_s_is_compared_with() {
    let mine = sandbox("");
    let place = user(&mine);
    let set = |usd: &str| in_folder(&place, &place.home(), &["budget", "set", usd]).expect(0);
    for (in_database, in_folder, code, limit) in [
        ("8", "6", 0, Some(6.0)),
        ("3", "4", 2, None),
        ("3", "3", 0, Some(3.0)),
        ("off", "900", 0, Some(900.0)),
        ("off", "off", 0, None),
        ("0", "0.01", 2, None),
    ] {
        set(in_database);
        place.work_file(".env", &format!("LLMR_BUDGET_DAILY_USD={in_folder}\n"));
        let (ended, report) = place.json(&["budget"]);
        let case = format!("{in_database} in the database, {in_folder} in the folder: {report}");
        assert_eq!(ended, code, "{case}");
        assert_eq!(report["limit_usd"].as_f64(), limit, "{case}");
        if code == 2 {
            let message = report["error"]["message"].as_str().unwrap();
            assert!(message.contains(".env:1: LLMR_BUDGET_DAILY_USD"), "{case}");
            for command in [&["ask", "x"][..], &["providers"], &["models"], &["config", "check"]] {
                place.run(command).expect(2);
            }
        }
    }
    assert_eq!(mine.requests(), []);
    // What the process environment says comes before both.
    let place = user(&mine).var("LLMR_BUDGET_DAILY_USD", "2");
    place.work_file(".env", "LLMR_BUDGET_DAILY_USD=3\n");
    place.run(&["ask", "x"]).expect(2);
    assert_eq!(mine.requests(), []);
}

#[test]
fn keys_and_models_of_the_folder_are_read_and_other_software_s_variables_are_not() {
    let mine = sandbox("");
    let place = Place::new().var("OPENAI_BASE_URL", mine.base_url("openai").unwrap());
    let text =
        "OPENAI_API_KEY='a-key-of-the-folder'\nOPENAI_MODEL=gpt-6-luna\nDATABASE_URL=postgres://$USER@db/x\nPORT=80\n";
    place.work_file(".env", text);
    place.run(&["ask", "x"]).expect(0);
    assert_eq!(mine.requests()[0].header("authorization"), Some("Bearer a-key-of-the-folder"));
}
